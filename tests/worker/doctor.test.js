// pulse-worker doctor: what it finds and what it advises.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startTelegram } from '../demo/telegram.js';
import { makeAuthority, startExchange } from './exchanges.js';
import { eventually, finish, ini, program, startDatabase } from './harness.js';

const token = '123456:AAFakeTokenForTests_-xyz';
let database;
let directory;
let authority;
let venue;
let telegram;

before(async () => {
	[database, directory, telegram] = await Promise.all([startDatabase(), mkdtemp(join(tmpdir(), 'pulse-doctor.')), startTelegram({ token })]);
	await database.query('SELECT pulse_setup(); INSERT INTO portfolio_snapshots (total_value, cash_balance) VALUES (1000, 1000)');
	await eventually('the snapshot is read', async () => {
		await database.query('SELECT pulse_tick()');
		return (await database.query("SELECT FROM pulse_doctor() WHERE status <> 'ok' AND \"check\" = 'snapshots'")).length === 0;
	});
	authority = await makeAuthority(directory);
	venue = await startExchange(authority);
});
after(() => finish(() => {}, () => venue?.close(), () => telegram?.close(), () => rm(directory, { recursive: true, force: true }), () => database?.remove()));

async function examine(config, env = {}) {
	const path = join(directory, 'doctor.ini');
	await writeFile(path, ini({ database: { dsn: database.cluster.dsn }, ...config }));
	const worker = await program();
	return new Promise((resolve) => {
		execFile(worker, ['doctor', '--config', path], { env: { PATH: process.env.PATH, ...env } }, (error, stdout, stderr) =>
			resolve({ code: error?.code ?? 0, output: stdout + stderr }));
	});
}

test('a healthy set-up is told to be one', async () => {
	const { code, output } = await examine({ telegram: { enabled: 'true', chat_id: 42, api_base: telegram.url, admins: 11 }, logs: { directory },
		'probe.binance': { base_url: venue.url, ca_file: authority.ca } }, { TELEGRAM_BOT_TOKEN: token });
	assert.equal(code, 0, output);
	for (const line of [/^ok {7}\[database\] dsn reaches PostgreSQL/m, /^ok {7}the extension is 1\.[0-9.]+, and so is the library/m, /^ok {7}the role .* has the rights/m, /^ok {7}the database's clock differs/m,
		/^ok {7}Telegram knows the bot$/m, /^ok {7}probe binance: answers in \d+ ms$/m, /^ok {7}log files go to/m, /^warning {2}the background worker of the database is /m, /^ok {7}pulse_doctor\(\) finds nothing wrong inside the database$/m, /^0 problems, \d warnings$/m]) assert.match(output, line);
});

test('what pulse_doctor() finds inside the database is told with what mends it', async () => {
	await database.query(`ALTER TABLE trades DISABLE TRIGGER pulse_capture;
		CREATE TABLE "odd\x1b[2Jname" (LIKE trades INCLUDING ALL); SELECT pulse_attach('"odd\x1b[2Jname"', 'trades'); DROP TABLE "odd\x1b[2Jname"`);
	const sick = await examine({});
	assert.match(sick.output, /^problem {2}in the database, sources: the trigger pulse_capture of public\.trades is disabled: changes are not noticed\n {9}ALTER TABLE public\.trades ENABLE ALWAYS TRIGGER pulse_capture;$/m);
	assert.match(sick.output, /^problem {2}in the database, sources: public\."odd \[2Jname" is followed, but there is no such table now/m);
	assert.ok(!sick.output.includes('\x1b'), 'a terminal is told nothing');
	assert.match(sick.output, /^[1-9] problems, \d warnings$/m);
	assert.equal(sick.code, 69, sick.output);
	await database.query(`ALTER TABLE trades ENABLE ALWAYS TRIGGER pulse_capture; DELETE FROM pulse.source WHERE table_name LIKE 'odd%'`);
	const well = await examine({});
	assert.match(well.output, /^ok {7}pulse_doctor\(\) finds nothing wrong inside the database$/m);
	assert.equal(well.code, 0, well.output);
});

test('every sickness has its name and its remedy', async () => {
	venue.skew = 10_000;
	await database.query('CREATE ROLE nobody_special LOGIN');
	const other = database.cluster.dsn.replace('dbname=trading', 'dbname=postgres');
	const sick = [
		[await examine({ database: { dsn: 'host=/no/such/socket dbname=x' } }), /^problem {2}\[database\] dsn: .*no\/such\/socket[^]*pg_hba\.conf/m],
		[await examine({ database: { dsn: other } }), /^problem {2}the extension pulse is not in the database postgres\n.*un CREATE EXTENSION pulse/m],
		[await examine({ database: { dsn: `${database.cluster.dsn} user=nobody_special` } }), /^problem {2}.*nobody_special.*\n.*pulse_grant\('nobody_special', 'worker'\)/m],
		[await examine({ telegram: { enabled: 'true', chat_id: 42, api_base: telegram.url } }, { TELEGRAM_BOT_TOKEN: '1:wrong-token' }), /^problem {2}the bot token is wrong: 401[^]*@BotFather[^]*nobody may send commands/m],
		[await examine({ telegram: { enabled: 'true', chat_id: 42, api_base: 'http://127.0.0.1:9' } }, { TELEGRAM_BOT_TOKEN: token }), /^problem {2}Telegram cannot be asked/m],
		[await examine({ 'probe.binance': { base_url: venue.url, ca_file: authority.ca } }), /^warning {2}probe binance: our clock is \d+ ms behind theirs\n.*time server/m],
		[await examine({ 'probe.nowhere': { base_url: 'https://no-such-host.invalid' } }), /^problem {2}probe nowhere: (dns|timeout):/m],
		[await examine({ 'sink.hook': { kind: 'webhook', url: 'http://127.0.0.1:9/' } }), /^problem {2}sink hook: /m],
	];
	for (const [{ code, output }, expected] of sick) {
		assert.match(output, expected);
		assert.equal(code, /^problem/m.test(output) ? 69 : 0, output);
		assert.ok(!output.includes(token) && !output.includes('wrong-token'));
	}
});
