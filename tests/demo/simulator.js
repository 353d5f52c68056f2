// A trading bot for the demo. It knows nothing of Pulse: it inserts into trades and portfolio_snapshots, as any bot would.
//
//   simulator.js history --until TIME [--seed N] [--prices FILE,…]    fills both tables by COPY, with the true times
//   simulator.js live    …the same… [--speed N] [--state FILE]        goes on from there, row by row, until its input closes
//
// The account's past follows from the seed or the files alone, so "live" computes it anew instead of being told.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { renameSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { Account } from './account.js';
import { RecordedMarket, SimulatedMarket, random } from './market.js';

const HOUR = 3_600_000;
const HISTORY_HOURS = 365 * 24;
const DEPOSIT = 100_000;
// Share of the recorded bars that is history; the rest is replayed.
const RECORDED_HISTORY = 0.75;
const TRANSFERS = [[0.35, 20_000], [0.72, -5_000]];
const TRADE_COLUMNS = ['symbol', 'side', 'quantity', 'price', 'fee', 'fee_asset', 'executed_at', 'order_id', 'fill_id', 'order_type',
	'strategy', 'confidence'];
const SNAPSHOT_COLUMNS = ['ts', 'total_value', 'cash_balance', 'positions_value', 'unrealized_pnl', 'realized_pnl', 'net_flow',
	'position_count'];

const { positionals: [mode], values: options } = parseArgs({
	allowPositionals: true,
	options: {
		until: { type: 'string' },
		seed: { type: 'string', default: '1' },
		prices: { type: 'string', default: '' },
		speed: { type: 'string', default: '1' },
		state: { type: 'string' },
	},
});

/** The simulated past: a bar an hour, a snapshot an hour, on the last day a snapshot a minute. */
function* simulatedPast(market, account, until) {
	const begin = until - HISTORY_HOURS * HOUR;
	const minutes = new Map(market.symbols.map((symbol) => [symbol, []]));
	for (let hour = 0; hour < HISTORY_HOURS; hour++) {
		const time = begin + hour * HOUR;
		transfer(account, hour / HISTORY_HOURS, 1 / HISTORY_HOURS);
		const lastDay = hour >= HISTORY_HOURS - 24;
		if (!lastDay) market.step(60);
		for (let minute = 0; lastDay && minute < 60; minute++) {
			market.step(1);
			account.mark(market.prices());
			for (const [symbol, price] of market.prices()) minutes.get(symbol).push(price);
			if (minute < 59) yield { progress: hour / HISTORY_HOURS, fills: [], snapshot: account.snapshot(time + minute * 60_000) };
		}
		account.mark(market.prices());
		const decided = lastDay ? time + 59 * 60_000 : time;
		const fills = account.decide(decided);
		yield { progress: hour / HISTORY_HOURS, fills, snapshot: account.snapshot(decided + 1000) };
	}
	account.remember(minutes);
}

/** The recorded past: a decision and a snapshot a bar. */
function* recordedPast(market, account) {
	const count = Math.floor(market.times.length * RECORDED_HISTORY);
	for (let bar = 0; bar < count; bar++) {
		market.step();
		transfer(account, bar / count, 1 / count);
		account.mark(market.prices());
		const fills = account.decide(market.time);
		yield { progress: bar / count, fills, snapshot: account.snapshot(market.time + 1000) };
	}
}

/** Moves money in or out when its moment falls into this step. */
function transfer(account, at, width) {
	for (const [moment, amount] of TRANSFERS) {
		if (at <= moment && moment < at + width) account.transfer(amount);
	}
}

/** Streams rows into a table through psql, which speaks COPY. */
async function copy(table, columns, rows) {
	const psql = spawn('psql', ['-Xqc', `COPY ${table} (${columns.join(', ')}) FROM STDIN (FORMAT csv)`], { stdio: ['pipe', 'inherit', 'inherit'] });
	const text = rows.map((row) => columns.map((column) => row[column] ?? '').join(',')).join('\n');
	psql.stdin.on('error', () => {});
	psql.stdin.end(text === '' ? '' : `${text}\n`);
	const [status] = await once(psql, 'exit');
	if (status !== 0) throw new Error(`COPY ${table} failed`);
}

async function writeHistory(past) {
	let fills = [];
	let snapshots = [];
	let written = 0;
	let total = [0, 0];
	const flush = async () => {
		await copy('trades', TRADE_COLUMNS, fills);
		await copy('portfolio_snapshots', SNAPSHOT_COLUMNS, snapshots);
		total = [total[0] + fills.length, total[1] + snapshots.length];
		[fills, snapshots] = [[], []];
	};
	for (const { progress, fills: more, snapshot } of past) {
		if (progress >= written + 0.1) {
			await flush();
			written = progress;
			console.log(`${Math.round(progress * 100)} %: ${total[0]} fills, ${total[1]} snapshots`);
		}
		fills.push(...more);
		snapshots.push(snapshot);
	}
	await flush();
	console.log(`${total[0]} fills and ${total[1]} snapshots, from ${options.prices.split(',').map((file) => basename(file)).join(' and ') || `seed ${options.seed}`}`);
}

/** INSERT of one row, in a transaction of its own. */
function insert(client, table, columns, row) {
	const places = columns.map((_, i) => `$${i + 1}`).join(', ');
	return client.query({ name: table, text: `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places})`, values: columns.map((column) => row[column]) });
}

function writeState(state) {
	if (!options.state) return;
	// Renamed into place: whoever reads it sees a whole one.
	writeFileSync(`${options.state}.new`, JSON.stringify(state));
	renameSync(`${options.state}.new`, options.state);
}

async function live(market, account) {
	const client = new pg.Client();
	await client.connect();
	let stopped = false;
	const stop = () => { stopped = true; };
	process.on('SIGTERM', stop);
	process.stdin.resume().on('end', stop);
	const pause = 1000 / Number(options.speed);
	const history = account.fills;
	let snapshots = 0;
	let next = Date.now();
	while (!stopped && !market.ended) {
		market.step(1);
		account.mark(market.prices());
		// The parts of an order are fractions of a second apart: they end before the present.
		for (const fill of account.decide(market.time ?? Date.now() - 600)) {
			await insert(client, 'trades', TRADE_COLUMNS, fill);
			console.log(`${fill.executed_at}  ${fill.side} ${fill.quantity} ${fill.symbol} at ${fill.price}`);
		}
		await insert(client, 'portfolio_snapshots', SNAPSHOT_COLUMNS, account.snapshot(market.time ? market.time + 1000 : Date.now()));
		writeState({ ...account.books(), live_fills: account.fills - history, live_snapshots: ++snapshots, time: market.time ?? Date.now() });
		next = Math.max(next + pause, Date.now() - 1000);
		await new Promise((resolve) => setTimeout(resolve, Math.max(0, next - Date.now())));
	}
	if (market.ended) console.log('the recorded prices end here; the account rests');
	await client.end();
	process.stdin.destroy();
}

const seed = Number(options.seed);
const market = options.prices ? new RecordedMarket(options.prices.split(',')) : new SimulatedMarket(seed);
const account = new Account(market.symbols, random(seed + 1_000_003), DEPOSIT);
const past = options.prices ? recordedPast(market, account) : simulatedPast(market, account, Date.parse(options.until));
if (mode === 'history') {
	await writeHistory(past);
} else if (mode === 'live') {
	for (const step of past) void step;
	await live(market, account);
} else {
	console.error('usage: simulator.js history|live --until TIME [--seed N] [--prices FILE,…] [--speed N] [--state FILE]');
	process.exitCode = 2;
}
