// The service manager's watchdog: it hears from a worker that gets further, also from one whose database is away or whose disk hangs, and
// not from one whose loop does not turn.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { startTelegram } from '../demo/telegram.js';
import { eventually, finish, ini, program, startDatabase, startWorker } from './harness.js';

const run = promisify(execFile);
const token = '123456:AAFakeTokenForTests_-xyz';
/** Three beats in this time is what the worker is asked for. */
const WATCHDOG_MS = 300;
let database;
let directory;
let telegram;
const listeners = [];

before(async () => { [database, directory, telegram] = await Promise.all([startDatabase(), mkdtemp(join(tmpdir(), 'pulse-watchdog.')), startTelegram({ token })]); });
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

test('a worker that gets further is heard: at work, without its database, and when a disk hangs', options, async () => {
	const manager = await startManager();
	const logs = await mkdtemp(join(directory, 'logs.'));
	// Opening a pipe that nobody reads does not return, as on a disk that is gone.
	await run('mkfifo', [join(logs, `trades-${new Date().toISOString().slice(0, 10)}.jsonl`)]);
	const worker = await startWorker(database, { env: { ...manager.env, TELEGRAM_BOT_TOKEN: token, PULSE_CLOCK_RATE: '10' },
		config: { logs: { directory: logs }, telegram: { enabled: 'true', chat_id: 42, api_base: telegram.url } } });
	await worker.logged(/^leading/);
	assert.match(manager.states, /READY=1/);
	await manager.more('at work');
	await database.emit({ type: 'TRADE_ALERT', portfolio: 'main', data: {} });
	await database.query(`INSERT INTO pulse.delivery (type, priority, title, message, event_seq) VALUES ('TEST', 'HIGH', 'in spite of the disk', '', 0)`);
	await database.emit({ type: 'SYSTEM_ALERT' });
	await eventually('messages go out', () => telegram.messages.length === 1);
	await manager.more('a disk hangs');
	await database.cluster.stop();
	await worker.logged(/retrying/);
	await manager.more('the database is away', 20);
	await database.cluster.start();
	await database.reopen();
	await manager.more('it is back');
	assert.ok(!worker.log.some(({ message }) => /stands still/.test(message)));
	await worker.kill();
});

test('a loop that does not turn is not heard, and is again when it does', options, async () => {
	const manager = await startManager();
	const path = join(directory, 'hung.ini');
	await writeFile(path, ini({ database: { dsn: database.cluster.dsn }, websocket: { port: 0 } }));
	// Nobody reads what it says, so that in the end it hangs in saying something.
	const child = spawn(await program(), ['--config', path, '--debug', '--log-format', 'json'], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...manager.env } });
	try {
		let output = '';
		const read = (text) => { output += text; };
		child.stderr.setEncoding('utf8').on('data', read);
		const [, port] = await eventually('it listens', () => /listening on .* port (\d+)/.exec(output));
		await manager.more('it starts');
		child.stderr.off('data', read).pause();
		// Each of these is a line; they go on until one is not answered any more.
		let hangs = false;
		for (let i = 0; i < 5000 && !hangs; i++) {
			hangs = await fetch(`http://127.0.0.1:${port}/api/v1/trades?limit=nonsense-${'x'.repeat(1000)}`, { signal: AbortSignal.timeout(3000) }).then((answer) => answer.text(), () => 'hangs') === 'hangs';
			child.kill('SIGHUP');
		}
		assert.ok(hangs, 'it does not answer any more');
		const before = manager.beats;
		await new Promise((resolve) => setTimeout(resolve, 4 * WATCHDOG_MS));
		assert.equal(manager.beats, before, 'and is not heard any more');
		child.stderr.on('data', read).resume();
		await manager.more('it goes on');
	} finally {
		child.kill('SIGKILL');
	}
});
