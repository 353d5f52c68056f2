// pulse-worker doctor: what it finds and what it advises.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startTelegram } from '../demo/telegram.js';
import { makeAuthority, startExchange } from './exchanges.js';
import { finish, ini, program, startDatabase } from './harness.js';

const token = '123456:AAFakeTokenForTests_-xyz';
let database;
let directory;
let authority;
let venue;
let telegram;

before(async () => {
	[database, directory, telegram] = await Promise.all([startDatabase(), mkdtemp(join(tmpdir(), 'pulse-doctor.')), startTelegram({ token })]);
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
		/^ok {7}Telegram knows the bot$/m, /^ok {7}probe binance: answers in \d+ ms$/m, /^ok {7}log files go to/m, /^warning {2}the background worker of the database is /m, /^warning {2}in the database, (?:sources: no table is followed[^]*\n {9}SELECT pulse_setup|snapshots: there is no snapshot yet[^]*\n {9}INSERT INTO portfolio_snapshots)/m, /^0 problems, \d warnings$/m]) assert.match(output, line);
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
