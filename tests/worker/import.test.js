// pulse-worker import: every export format, what is refused, and that nothing is ever booked twice.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { finish, program, startDatabase } from './harness.js';

let directory;
let worker;
let database;

before(async () => {
	[directory, worker, database] = await Promise.all([mkdtemp(join(tmpdir(), 'pulse-import-test.')), program(), startDatabase()]);
	await database.query('SELECT pulse_setup()');
});
after(() => finish(() => database?.remove(), () => rm(directory, { recursive: true, force: true })));
beforeEach(() => database.query('TRUNCATE trades'));

/** Runs the command to its end; the server's address comes from --dsn unless args say otherwise. */
async function run(args, { input, env = {} } = {}) {
	const child = spawn(worker, ['import', ...args], { env: { ...process.env, ...env } });
	const result = { status: undefined, stdout: '', stderr: '' };
	child.stdout.setEncoding('utf8').on('data', (text) => (result.stdout += text));
	child.stderr.setEncoding('utf8').on('data', (text) => (result.stderr += text));
	child.stdin.on('error', () => {});
	child.stdin.end(input);
	result.status = await new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)));
	result.stdout = result.stdout.replaceAll(`${directory}/`, '');
	result.stderr = result.stderr.replaceAll(`${directory}/`, '');
	return result;
}

/** Writes the files and imports them; an array of arrays or lines is joined to a file. */
async function load(files, ...args) {
	const paths = [];
	for (const [name, content] of Object.entries(files)) {
		paths.push(join(directory, name));
		await writeFile(paths.at(-1), Array.isArray(content) ? content.map((line) => `${line}\n`).join('') : content);
	}
	return run(['--dsn', database.cluster.dsn, ...args, ...paths]);
}

/** Imports and insists that all went well. */
async function loadWell(files, ...args) {
	const result = await load(files, ...args);
	assert.equal(result.status, 0, result.stdout + result.stderr);
	assert.equal(result.stderr, '');
	return result.stdout;
}

/** The fills of the table in the order that the ledger takes them. */
const fills = (columns = 'symbol, side, quantity, price, fee, fee_asset', portfolio = 'main') => database.client.query({
	text: `SELECT ${columns} FROM trades WHERE portfolio = $1 ORDER BY executed_at, id`, values: [portfolio], rowMode: 'array',
}).then(({ rows }) => rows);
const count = () => database.query('SELECT count(*)::integer AS n FROM trades').then(([{ n }]) => n);
const positions = () => database.client.query({
	text: 'SELECT symbol, quantity::text, realized_pnl::text FROM pulse_positions() ORDER BY symbol', rowMode: 'array',
}).then(({ rows }) => rows.map(([symbol, quantity, pnl]) => [symbol, Number(quantity), Number(pnl)]));

const binance = 'Date(UTC),Pair,Side,Price,Executed,Amount,Fee';
const binanceRows = [
	'2024-03-01 10:20:30,BTCUSDT,BUY,"45,000.50",0.2BTC,"9,000.10USDT",9.0001USDT',
	'2024-03-02 11:00:00,BTCUSDT,SELL,"46,000.50",0.1BTC,"4,600.05USDT",0.001BNB',
	'2024-03-02 11:00:01,1INCHUSDT,BUY,0.5,52.31INCH,26.15USDT,0.051INCH',
];

test('Binance: units, thousands, fee assets, positions', async () => {
	const report = await loadWell({ 'binance.csv': [binance, ...binanceRows] });
	assert.match(report, /^binance\.csv: binance, 3 rows$/m);
	assert.match(report, /^fills: 3 from 2024-03-01T10:20:30Z to 2024-03-02T11:00:01Z$/m);
	assert.match(report, /^symbols: 2 \(BTCUSDT 2, 1INCHUSDT 1\)$/m);
	assert.match(report, /^imported: 3 into portfolio "main"$/m);
	assert.deepEqual(await fills(), [
		['BTCUSDT', 'BUY', '0.2', '45000.50', '9.0001', 'USDT'],
		['BTCUSDT', 'SELL', '0.1', '46000.50', '0.001', 'BNB'],
		['1INCHUSDT', 'BUY', '52.3', '0.5', '0.05', '1INCH'],
	]);
	// The fee of 9.0001 USDT and the gain of 1000 a coin; BNB has no price here.
	const [[inch, inchQuantity], [btc, btcQuantity, btcPnl]] = await positions();
	assert.deepEqual([inch, inchQuantity, btc, btcQuantity], ['1INCHUSDT', 52.25, 'BTCUSDT', 0.1]);
	assert.equal(btcPnl, 100);
});

test('Binance: the older format, CRLF, a byte order mark, quotes; the same fills under the same ids', async () => {
	await loadWell({ 'new.csv': [binance, ...binanceRows.slice(0, 2)] });
	const lines = [
		'\uFEFF"Date(UTC)","Market","Type","Price","Amount","Total","Fee","Fee Coin"',
		'"2024-03-02 11:00:00","BTCUSDT","SELL","46000.5","0.10","4600.05","0.0010","BNB"',
		'"2024-03-01 10:20:30","BTCUSDT","BUY","45000.5","0.20000000","9000.1","9.0001","USDT"',
		'"2024-02-01 00:00:00","ETHUSDT","BUY","2500","1","2500","0","USDT"',
	];
	const report = await loadWell({ 'old.csv': lines.map((line) => `${line}\r\n`).join('') });
	assert.match(report, /^old\.csv: binance-old, 3 rows$/m);
	assert.match(report, /^already in public\.trades: 2$/m);
	assert.match(report, /^imported: 1 /m);
	assert.deepEqual((await fills('symbol')).flat(), ['ETHUSDT', 'BTCUSDT', 'BTCUSDT']);
});

test('Binance: years of two digits, a zone in the header, --timezone for a header without', async () => {
	const rows = ['25-07-11 06:43:23,BTCUSDT,BUY,100,1BTC,100USDT,0BNB'];
	await loadWell({ 'a.csv': ['Date(UTC+2),Pair,Side,Price,Executed,Amount,Fee', ...rows] }, '--portfolio', 'a');
	await loadWell({ 'b.csv': ['Time,Pair,Side,Price,Executed,Amount,Fee', ...rows] }, '--portfolio', 'b', '--timezone', 'Europe/Berlin');
	await loadWell({ 'c.csv': [binance, ...rows] }, '--portfolio', 'c');
	const time = "to_char(executed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')";
	assert.deepEqual(await fills(time, 'a'), [['2025-07-11 04:43:23']]);
	assert.deepEqual(await fills(time, 'b'), [['2025-07-11 04:43:23']]);
	assert.deepEqual(await fills(time, 'c'), [['2025-07-11 06:43:23']]);
});

test('Binance: the newest row first, and many fills of one second, keep their order', async () => {
	const row = (price) => `2024-03-01 10:20:30,BTCUSDT,BUY,${price},1BTC,${price}USDT,0USDT`;
	await loadWell({ 'down.csv': [binance, '2024-03-01 10:20:31,BTCUSDT,BUY,9,1BTC,9USDT,0USDT', row(3), row(2), row(1)] });
	assert.deepEqual((await fills('price')).flat(), ['1', '2', '3', '9']);
});

test('Coinbase: lines in front of the header, trades among other rows, signs', async () => {
	const report = await loadWell({
		'coinbase.csv': [
			'', 'Transactions', 'User,Someone,0b1c2d3e-0000-0000-0000-000000000000',
			'ID,Timestamp,Transaction Type,Asset,Quantity Transacted,Price Currency,Price at Transaction,Subtotal,Total (inclusive of fees and/or spread),Fees and/or Spread,Notes',
			'a1,2024-01-01 12:00:00 UTC,Buy,BTC,0.5,USD,"$40,000.00","$20,000.00","$20,100.00",$100.00,"Bought 0.5 BTC, paid ""by card"""',
			'a2,2024-01-02 12:00:00 UTC,Advanced Trade Sell,BTC,-0.25,USD,$44000.00,-$11000.00,-$10989.00,$11.00,',
			'a3,2024-01-03 12:00:00 UTC,Staking Income,ETH,0.01,USD,$2000,$20,$20,$0,',
			'a4,2024-01-03 12:00:00 UTC,Send,BTC,-0.1,USD,$44000,$4400,$4400,$0,',
			'a5,2024-01-04 12:00:00 UTC,Send,BTC,-0.1,USD,$44000,$4400,$4400,$0,',
			'a6,2024-01-05T12:00:00Z,Advance Trade Buy,SHIB,1000000,EUR,€0.01,€11.20,€11.25,€0.05,',
		],
	});
	assert.match(report, /^coinbase\.csv: coinbase, 6 rows$/m);
	assert.match(report, /^skipped, no trades: 3 \(Staking Income 1, Send 2\)$/m);
	assert.deepEqual(await fills('fill_id, symbol, side, quantity, price, fee, fee_asset'), [
		['coinbase:a1', 'BTC-USD', 'BUY', '0.5', '40000.00', '100.00', 'USD'],
		['coinbase:a2', 'BTC-USD', 'SELL', '0.25', '44000.00', '11.00', 'USD'],
		// a price rounded to cents would be a tenth off
		['coinbase:a6', 'SHIB-EUR', 'BUY', '1000000', '0.0000112', '0.05', 'EUR'],
	]);
	assert.deepEqual((await positions()).map(([symbol, quantity]) => [symbol, quantity]), [['BTC-USD', 0.25], ['SHIB-EUR', 1000000]]);
});

test('Coinbase: the header of years before, without ids', async () => {
	const lines = [
		'Timestamp,Transaction Type,Asset,Quantity Transacted,Spot Price Currency,Spot Price at Transaction,Subtotal,Total (inclusive of fees),Fees,Notes',
		'2021-01-01T12:00:00Z,Buy,BTC,0.1,EUR,25000.00,2500.00,2510.00,10.00,',
	];
	await loadWell({ 'old.csv': lines });
	assert.match((await fills('fill_id'))[0][0], /^coinbase:[0-9a-f]{32}:1$/);
	assert.match(await loadWell({ 'old.csv': lines }), /^imported: 0 /m);
});

test('Coinbase Pro: ids are unique within a product only', async () => {
	const header = 'portfolio,trade id,product,side,created at,size,size unit,price,fee,total,price/fee/total unit';
	await loadWell({
		'pro.csv': [header,
			'default,7,BTC-USD,BUY,2021-01-01T12:00:00.123Z,0.10000000,BTC,30000.00,1.5,-3001.5,USD',
			'default,7,ETH-BTC,SELL,2021-01-01T12:00:01.5Z,2,ETH,0.03,0.0001,0.0599,BTC',
		],
	});
	assert.deepEqual(await fills('fill_id, symbol, side, quantity, price, fee, fee_asset'), [
		['coinbase-pro:BTC-USD:7', 'BTC-USD', 'BUY', '0.10000000', '30000.00', '1.5', 'USD'],
		['coinbase-pro:ETH-BTC:7', 'ETH-BTC', 'SELL', '2', '0.03', '0.0001', 'BTC'],
	]);
});

const krakenTrades = [
	'"txid","ordertxid","pair","time","type","ordertype","price","cost","fee","vol","margin","misc","ledgers"',
	'"T1","O1","XXBTZUSD","2024-01-01 12:00:00.1234","buy","limit",40000.00000,20000.00000,32.00000,0.50000000,0.00000,"","L1,L2"',
	'"T2","O2","XTZUSD","2024-01-02 12:00:00","sell","market",1.00000,5.00000,0.01000,5.00000000,0.00000,"","L3,L4"',
];

test('Kraken: trades, and the ledgers of the same trades book nothing twice', async () => {
	await loadWell({ 'trades.csv': krakenTrades });
	assert.deepEqual(await fills('fill_id, order_id, order_type, symbol, side, quantity, price, fee, fee_asset'), [
		['kraken:T1', 'O1', 'limit', 'BTC/USD', 'BUY', '0.50000000', '40000.00000', '32.00000', null],
		['kraken:T2', 'O2', 'market', 'XTZ/USD', 'SELL', '5.00000000', '1.00000', '0.01000', null],
	]);
	const report = await loadWell({
		'ledgers.csv': [
			'"txid","refid","time","type","subtype","aclass","asset","amount","fee","balance"',
			'"L0","D1","2023-12-31 12:00:00","deposit","","currency","ZUSD",50000.0000,0.0000,50000.0000',
			'"L1","T1","2024-01-01 12:00:00","trade","","currency","ZUSD",-20000.0000,32.0000,29968.0000',
			'"L2","T1","2024-01-01 12:00:00","trade","","currency","XXBT",0.5000000000,0.0000000000,0.5000000000',
			'"L5","S1","2024-01-03 12:00:00","spend","","currency","ZEUR",-90.0000,1.5000,0.0000',
			'"L6","S1","2024-01-03 12:00:00","receive","","currency","XETH",0.0300000000,0.0000000000,0.0300000000',
			'"L7","T9","2024-01-04 12:00:00","trade","","currency","SOL",-3.0,0.0030,0',
			'"L8","T9","2024-01-04 12:00:00","trade","","currency","XXBT",0.0061,0.00001,0',
			'"L8","T9","2024-01-04 12:00:00","trade","","currency","XXBT",0.0061,0.00001,0',
		],
	});
	assert.match(report, /^skipped, no trades: 2 \(deposit 1, ledger entry a second time 1\)$/m);
	assert.match(report, /^already in public\.trades: 1$/m);
	assert.match(report, /^imported: 2 /m);
	const rows = await fills('fill_id, symbol, side, quantity, round(price * quantity, 20), trim_scale(round(fee, 10)), fee_asset');
	assert.deepEqual(rows.slice(2), [
		['kraken:S1', 'ETH/EUR', 'BUY', '0.0300000000', '90.00000000000000000000', '1.5', 'EUR'],
		// 0.00001 BTC and 0.003 SOL at 0.0061 / 3
		['kraken:T9', 'SOL/BTC', 'SELL', '3.0', '0.00610000000000000000', '0.0000161', 'BTC'],
	]);
});

test('Kraken: ledger entries that are no pair are refused with their line', async () => {
	const { status, stdout } = await load({
		'ledgers.csv': [
			'txid,refid,time,type,subtype,aclass,asset,amount,fee,balance',
			'L1,T1,2024-01-01 12:00:00,trade,,currency,ZUSD,-100,0,0',
			'L2,T2,2024-01-01 12:00:00,trade,,currency,ZUSD,-100,0,0',
			'L3,T2,2024-01-01 12:00:00,trade,,currency,XXBT,-1,0,0',
			'L4,T3,2024-01-01 12:00:00,trade,,currency,ZUSD,-100,0,0',
			'L5,T3,2024-01-01 12:00:00,trade,,currency,XXBT,0.5,0,0',
			'L6,T3,2024-01-01 12:00:00,trade,,currency,XETH,0.5,0,0',
			'L7,T4,2024-01-01 12:00:00,trade,,currency,ZUSD,abc,0,0',
		],
	});
	assert.equal(status, 1);
	assert.match(stdout, /ledgers\.csv:2: there is no other leg with refid T1$/m);
	assert.match(stdout, /ledgers\.csv:3: the entries with refid T2 are not one asset given for one other$/m);
	assert.match(stdout, /ledgers\.csv:5: the entries with refid T3 are not one asset given for one other$/m);
	assert.match(stdout, /ledgers\.csv:8: amount "abc" is not a number$/m);
	assert.equal(await count(), 0);
});

test('bad lines are refused with line and reason, the good ones come in', async () => {
	const bad = {
		'2024-02-30 10:00:00,BTCUSDT,BUY,1,1BTC,1USDT,0BNB': 'Date(UTC) "2024-02-30 10:00:00" is not a date that exists',
		'yesterday,BTCUSDT,BUY,1,1BTC,1USDT,0BNB': 'Date(UTC) "yesterday" is not a date and time such as 2024-03-01 10:20:30',
		'2024-02-20 10:00:00,BTCUSDT,HOLD,1,1BTC,1USDT,0BNB': 'Side "HOLD" is neither BUY nor SELL',
		'2024-02-20 10:00:00,BTCUSDT,BUY,"1,5",1BTC,1USDT,0BNB': 'Price "1,5" is not a number',
		'2024-02-20 10:00:00,BTCUSDT,BUY,,1BTC,,0BNB': 'Executed is in "BTC" and Amount in "", which do not make up the pair BTCUSDT',
		'2024-02-20 10:00:00,BTCUSDT,BUY,-1,1BTC,1USDT,0BNB': 'Price "-1" is negative',
		'2024-02-20 10:00:00,BTCUSDT,BUY,1,0BTC,0USDT,0BNB': 'Executed "0BTC" is not above zero',
		'2024-02-20 10:00:00,BTCUSDT,BUY,1,-1BTC,1USDT,0BNB': 'Executed "-1BTC" is not above zero',
		'2024-02-20 10:00:00,BTCUSDT,BUY,1,1ETH,1USDT,0BNB': 'Executed is in "ETH" and Amount in "USDT", which do not make up the pair BTCUSDT',
		'2024-02-20 10:00:00,BTCUSDT,BUY,45,000.5,1BTC,1USDT,0BNB': 'has 8 columns where the header has 7',
		'2024-02-20 10:00:00,,BUY,1,1BTC,1USDT,0BNB': 'Pair is empty',
		'2024-02-20 10:00:00,BTCUSDT,BUY,NaN,1BTC,1USDT,0BNB': 'Price "NaN" is not a number',
		'2024-02-20 10:00:00,BTCUSDT': 'has 2 columns where the header has 7',
		'"2024-02-20 10:00:00"x,BTCUSDT,BUY,1,1BTC,1USDT,0BNB': 'has text behind a closing quote',
		'2024-02-20 10:00:00,BTCUSDT,BUY,1,1BTC,1USDT,much': 'Fee "much" is not a number with its unit',
	};
	const file = [binance, ...Object.keys(bad), binanceRows[0]];
	const strict = await load({ 'bad.csv': file }, '--strict');
	assert.equal(strict.status, 1);
	assert.match(strict.stdout, /^imported: 0, because lines were rejected \(--strict\)$/m);
	assert.equal(await count(), 0);

	const { status, stdout } = await load({ 'bad.csv': file });
	assert.equal(status, 1);
	assert.match(stdout, new RegExp(`^rejected lines: ${Object.keys(bad).length}$`, 'm'));
	Object.values(bad).forEach((reason, i) => assert.ok(stdout.includes(`  bad.csv:${i + 2}: ${reason}\n`), `${reason}\n${stdout}`));
	assert.match(stdout, /^imported: 1 /m);
	assert.equal(await count(), 1);
});

test('the list of refused lines is bounded, their number is told', async () => {
	const { status, stdout } = await load({ 'many.csv': [binance, ...Array(1000).fill('x'), ...binanceRows] });
	assert.equal(status, 1);
	assert.match(stdout, /^rejected lines: 1000$/m);
	assert.match(stdout, /^ {2}\.\.\. and 980 more$/m);
	assert.equal(stdout.match(/^ {2}many\.csv:/gm).length, 20);
});

test('again, overlapping, twice at once: nothing is booked twice', async () => {
	const row = (hour, price) => `2024-03-01 ${hour}:00:00,BTCUSDT,BUY,${price},1BTC,${price}USDT,0USDT`;
	const rows = ['10', '10', '10', '11', '12', '13'].map((hour) => row(hour, 100));
	assert.match(await loadWell({ 'first.csv': [binance, ...rows.slice(0, 5)] }), /^equal rows taken as fills of their own: 2\n/m);
	assert.equal(await count(), 5);
	assert.match(await loadWell({ 'first.csv': [binance, ...rows.slice(0, 5)] }), /^already in public\.trades: 5\n.*\n?rejected lines: 0\nimported: 0 /m);
	assert.equal(await count(), 5);
	// the other way round, with more at one end and less at the other
	assert.match(await loadWell({ 'second.csv': [binance, ...rows.slice(3).reverse()] }), /^imported: 1 /m);
	assert.equal(await count(), 6);
	// two files of one run that overlap
	const report = await loadWell({ 'a.csv': [binance, ...rows], 'b.csv': [binance, ...rows, row('14', 100)] }, '--portfolio', 'other');
	assert.match(report, /^twice in the files: 6$/m);
	assert.match(report, /^imported: 7 into portfolio "other"$/m);
	const [a, b] = await Promise.all([1, 2].map((n) => load({ [`race${n}.csv`]: [binance, ...rows] }, '--portfolio', 'race')));
	assert.deepEqual([a.status, b.status], [0, 0]);
	assert.equal((await fills('1', 'race')).length, 6);
});

test('fills that the bot wrote itself are pointed out', async () => {
	await database.query(`INSERT INTO trades (symbol, side, quantity, price, executed_at) VALUES
		('BTCUSDT', 'buy', 0.2, 45000.5, '2024-03-01 10:20:30Z')`);
	assert.match(await loadWell({ 'binance.csv': [binance, ...binanceRows] }, '--dry-run'),
		/^warning: 1 new ones are like fills that the table has under another fill_id or none/m);
});

test('--dry-run reports the same and changes nothing', async () => {
	await loadWell({ 'binance.csv': [binance, binanceRows[0]] });
	const before = await database.query('SELECT t.*, pg_sequence_last_value(pg_get_serial_sequence(\'trades\', \'id\')) FROM trades t');
	const dry = await loadWell({ 'binance.csv': [binance, ...binanceRows] }, '--dry-run');
	assert.match(dry, /^would be imported: 2; nothing was changed$/m);
	assert.deepEqual(await database.query('SELECT t.*, pg_sequence_last_value(pg_get_serial_sequence(\'trades\', \'id\')) FROM trades t'), before);
	const real = await loadWell({ 'binance.csv': [binance, ...binanceRows] });
	const report = (text) => text.split('\n').slice(0, -2);
	assert.deepEqual(report(real), report(dry));
	assert.match(real, /^imported: 2 /m);
});

test('a hundred thousand lines, from the standard input', async () => {
	const lines = [binance];
	for (let i = 0; i < 100_000; i++) {
		const time = new Date(Date.UTC(2023, 0, 1) + Math.floor(i / 3) * 1000).toISOString().slice(0, 19).replace('T', ' ');
		lines.push(`${time},BTCUSDT,${i % 2 ? 'SELL' : 'BUY'},"${30 + (i % 7)},000.${String(i % 100).padStart(2, '0')}",0.00${1 + Math.floor(i / 2) % 9}BTC,30USDT,0.01USDT`);
	}
	const input = lines.join('\n');
	const args = ['--dsn', database.cluster.dsn, '-'];
	const first = await run(args, { input });
	assert.equal(first.status, 0, first.stdout + first.stderr);
	assert.match(first.stdout, /^standard input: binance, 100000 rows$/m);
	assert.match(first.stdout, /^imported: 100000 /m);
	const again = await run(args, { input });
	assert.match(again.stdout, /^imported: 0 /m);
	assert.equal(await count(), 100_000);
	// Each sale closes the purchase before it.
	const [{ pnl }] = await database.query(`SELECT sum(CASE side WHEN 'SELL' THEN 1 ELSE -1 END * quantity * price) AS pnl FROM trades`);
	assert.deepEqual(await positions(), [['BTCUSDT', 0, Number(pnl)]]);
	assert.deepEqual(await database.query('SELECT fees::float FROM pulse_positions()'), [{ fees: 1000 }]);
});

test('files that cannot be read: exit status, reason, nothing imported', async () => {
	const good = [binance, ...binanceRows];
	const cases = [
		[{ 'other.csv': ['when,what', '1,2'] }, [], 65, /^other\.csv:1: not the header of a known export \(binance, .*\): when,what$/m],
		[{ 'good.csv': good }, ['--format', 'kraken'], 65, /^good\.csv:1: not the header of kraken; missing: time, type, vol, cost, ordertxid, txid$/m],
		[{ 'empty.csv': '' }, [], 65, /^empty\.csv: is empty$/m],
		[{ 'wide.csv': Buffer.from('\uFEFFDate(UTC),Pair', 'utf16le') }, [], 65, /^wide\.csv: this is UTF-16; save it as CSV in UTF-8$/m],
		[{ 'book.csv': 'PK\x03\x04....' }, [], 65, /^book\.csv: this is a ZIP archive or an Excel workbook/m],
		// the good one before it is not booked either
		[{ 'good.csv': good, 'other.csv': ['x'] }, [], 65, /^nothing was imported$/m],
	];
	for (const [files, args, status, reason] of cases) {
		const result = await load(files, ...args);
		assert.equal(result.status, status, result.stderr);
		assert.match(result.stderr, reason);
	}
	const missing = await run(['--dsn', database.cluster.dsn, join(directory, 'missing.csv')]);
	assert.equal(missing.status, 66);
	assert.match(missing.stderr, /^missing\.csv: No such file or directory$/m);
	assert.equal((await run(['--dsn', database.cluster.dsn, directory])).status, 66);
	assert.equal(await count(), 0);
});

test('tables: a named one, a missing one, one without the key, several', async () => {
	const files = { 'binance.csv': [binance, ...binanceRows] };
	await database.query('CREATE SCHEMA "Other"');
	await database.query('CREATE TABLE "Other".mine (LIKE trades INCLUDING ALL)');
	await database.query('CREATE TABLE "Other".keyless (LIKE trades INCLUDING IDENTITY)');
	await database.query('CREATE TABLE "Other".narrow (symbol text)');
	await loadWell(files, '--table', '"Other".mine', '--portfolio', "it's");
	assert.equal((await database.query(`SELECT FROM "Other".mine WHERE portfolio = 'it''s'`)).length, 3);
	assert.equal(await count(), 0);
	for (const [table, reason] of [
		['nowhere.trades', /nowhere\.trades: there is no such table/],
		['"Other".keyless', /has no unique key \(portfolio, fill_id\)/],
		['"Other".narrow', /lacks columns[^]*portfolio, side/],
	]) {
		const result = await load(files, '--table', table);
		assert.equal(result.status, 69);
		assert.match(result.stderr, reason);
	}
	await database.query(`SELECT pulse_setup(schema => 'second')`);
	const several = await load(files);
	assert.equal(several.status, 69);
	assert.match(several.stderr, /several tables are followed as trades; choose one with --table/);
	await database.query(`SELECT pulse_detach('second.trades'), pulse_detach('second.portfolio_snapshots')`);
	await database.query('DROP SCHEMA second CASCADE');
});

test('a failure in the database leaves nothing behind', async () => {
	await database.query('ALTER TABLE trades ADD CONSTRAINT cheap CHECK (price < 46000)');
	try {
		const result = await load({ 'binance.csv': [binance, ...binanceRows] });
		assert.equal(result.status, 69);
		assert.match(result.stderr, /violates check constraint "cheap"/);
		assert.equal(await count(), 0);
	} finally {
		await database.query('ALTER TABLE trades DROP CONSTRAINT cheap');
	}
	await database.query('CREATE ROLE stranger LOGIN');
	const dsn = database.cluster.dsn.replace(/user=\S+/, 'user=stranger');
	const refused = await run(['--dsn', dsn, '--table', 'public.trades', join(directory, 'binance.csv')]);
	assert.equal(refused.status, 69);
	assert.match(refused.stderr, /permission denied for table trades\nName a role that may read and insert there/);
});

test('the command line', async () => {
	const help = await run(['--help']);
	assert.equal(help.status, 0);
	for (const word of ['--dry-run', '--timezone', 'kraken-ledgers', 'BTC/USD', '--strict']) assert.ok(help.stdout.includes(word), word);
	const dsn = ['--dsn', database.cluster.dsn];
	for (const args of [[], ['x.csv'], dsn, [...dsn, '--config', 'x', 'x.csv'], [...dsn, '--format', 'xls', 'x.csv'], [...dsn, '--nope', 'x.csv'],
		[...dsn, '--timezone', '+02', 'x.csv'], [...dsn, '--portfolio', '', 'x.csv'], ['--dsn', 'nonsense', 'x.csv'],
		['--dsn', 'dbname=x password=hunter2', 'x.csv']]) {
		const result = await run(args);
		assert.equal(result.status, 64, args.join(' '));
		assert.notEqual(result.stderr, '');
		assert.ok(!result.stderr.includes('hunter2'));
	}
	assert.equal((await run([...dsn, '--timezone', 'Nowhere/City', 'x.csv'])).status, 69);
	assert.equal((await run(['--config', join(directory, 'missing.ini'), 'x.csv'])).status, 78);
	assert.equal((await run(['--dsn', `host=${directory} dbname=x`, 'x.csv'])).status, 69);

	const path = join(directory, 'pulse.ini');
	await writeFile(path, `[database]\ndsn = ${database.cluster.dsn}\n`);
	await writeFile(join(directory, 'one.csv'), `${binance}\n${binanceRows[0]}\n`);
	const configured = await run(['--config', path, join(directory, 'one.csv')]);
	assert.equal(configured.status, 0, configured.stderr);
	assert.equal(await count(), 1);
});
