// The service manager's watchdog: it hears from a worker that gets further, also from one whose database is away, and not from one whose
// loop does not turn.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { promisify } from 'node:util';
import { startTelegram } from '../demo/telegram.js';
import { eventually, finish, startDatabase, startWorker, sweep } from './harness.js';

const run = promisify(execFile);
const token = '123456:AAFakeTokenForTests_-xyz';
/** Three beats in this time is what the worker is asked for. */
const WATCHDOG_MS = 300;
let database;
let directory;
let telegram;
const listeners = [];

before(async () => { [database, directory, telegram] = await Promise.all([startDatabase(), mkdtemp(join(tmpdir(), 'pulse-watchdog.')), startTelegram({ token })]); });
afterEach(sweep);
after(() => finish(() => {}, () => { for (const one of listeners) one.kill(); }, () => telegram?.close(), () => rm(directory, { recursive: true, force: true }), () => database?.remove()));

/** A socket as the service manager's; node has no datagrams over Unix sockets, so another program listens. */
async function startManager() {
	const path = join(directory, `notify-${listeners.length}`);
	const manager = { path, beats: 0, states: '', env: { NOTIFY_SOCKET: path, WATCHDOG_USEC: String(WATCHDOG_MS * 1000) } };
	const child = spawn('python3', ['-c', `import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True: print(s.recv(4096).decode(), flush=True)`, path], { stdio: ['ignore', 'pipe', 'inherit'] });
	listeners.push(child);
	child.stdout.setEncoding('utf8').on('data', (text) => {
		manager.states += text;
		manager.beats += text.split('WATCHDOG=1').length - 1;
	});
	await eventually('the manager listens', () => manager.states.includes('bound'));
	manager.more = (what, count = 5) => {
		const wanted = manager.beats + count;
		return eventually(`beats while ${what}`, () => manager.beats >= wanted);
	};
	return manager;
}

const installed = await run('python3', ['--version']).then(() => true, () => false);
const options = { skip: installed ? false : 'no python3' };

test('a worker that gets further is heard, also without its database', options, async () => {
	const manager = await startManager();
	const worker = await startWorker(database, { env: { ...manager.env, TELEGRAM_BOT_TOKEN: token, PULSE_CLOCK_RATE: '10' },
		config: { telegram: { enabled: 'true', chat_id: 42, api_base: telegram.url } } });
	await worker.logged(/^leading/);
	assert.match(manager.states, /READY=1/);
	await manager.more('at work');
	await database.cluster.stop();
	await worker.logged(/retrying/);
	await manager.more('the database is away', 20);
	await database.cluster.start();
	await database.reopen();
	await eventually('the worker is ready', () => worker.get('/readyz').then(({ ok }) => ok));
	await manager.more('it is back');
	assert.ok(!worker.log.some(({ message }) => /stands still/.test(message)));
	await worker.stop();
	assert.match(manager.states, /STOPPING=1/);
});

test('a loop that does not turn is not heard, and is again when it does', options, async () => {
	const manager = await startManager();
	const logs = await mkdtemp(join(directory, 'logs.'));
	const pipe = join(logs, `trades-${new Date().toISOString().slice(0, 10)}.jsonl`);
	// Writing to a pipe that nobody reads does not return, as on a disk that hangs.
	await run('mkfifo', [pipe]);
	const worker = await startWorker(database, { env: manager.env, config: { resources: { enabled: 'false' }, logs: { directory: logs } } });
	await manager.more('it starts');
	await database.emit(...Array.from({ length: 40 }, () => ({ type: 'TRADE_ALERT', portfolio: 'main', data: { text: 'x'.repeat(4000) } })));
	await eventually('it does not answer, and is not heard any more', async () => {
		const before = manager.beats;
		return await fetch(`${worker.http}/healthz`, { signal: AbortSignal.timeout(4 * WATCHDOG_MS) }).then(() => false, () => true) && manager.beats === before;
	});
	const reader = spawn('cat', [pipe], { stdio: 'ignore' });
	await manager.more('it goes on');
	await worker.stop();
	reader.kill();
});
