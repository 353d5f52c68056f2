// Clients that behave badly beside one that does not notice; restarts without a loss; reverse proxies in front.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect as connectTcp, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { connect, eventually, finish, ini, program, settle, startDatabase, startWorker, trade } from './harness.js';
import { TEXT, frame, open } from './raw_socket.js';

let database;

before(async () => {
	database = await startDatabase();
});
after(() => finish(() => database?.remove()));

const freePort = () => new Promise((resolve) => {
	const server = createServer().listen(0, '127.0.0.1', () => {
		const { port } = server.address();
		server.close(() => resolve(port));
	});
});
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test('slow-loris, half-open, flooding, oversized and stalled clients: a well-behaved one gets everything, memory stays bounded', async () => {
	const worker = await startWorker(database, { config: { websocket: { max_clients: 200, max_queue: 65536 } } });
	const good = await connect(worker);
	await good.type('WELCOME');
	const bad = [];
	for (let i = 0; i < 30; i++) {
		const loris = connectTcp(worker.port, '127.0.0.1');
		loris.on('error', () => {});
		loris.write('GET / HTTP/1.1\r\nHost: local');
		const half = await open(worker).catch(() => undefined);
		half?.write(Buffer.from([0x81]));
		bad.push(loris, half?.socket);
	}
	const flood = await open(worker);
	const stalled = await open(worker);
	stalled.socket.pause();
	const huge = await open(worker);
	const first = await database.emit(trade('first'));
	let last = first;
	const filler = 'x'.repeat(20_000);
	for (let round = 0; round < 20; round++) {
		if (!flood.ended) flood.write(...Array.from({ length: 500 }, () => frame(TEXT, '{"type":"PING"}')));
		if (!huge.ended) huge.write(frame(TEXT, 'y'.repeat(30_000), { fin: false }));
		for (const loris of bad) if (loris && !loris.destroyed) loris.write('h');
		last = await database.emit(...Array.from({ length: 5 }, (_, i) => trade(`${round} ${i}`, { data: { filler } })));
	}
	await good.next((message) => message.seq === last);
	assert.deepEqual(good.seqs(), Array.from({ length: last - first + 1 }, (_, i) => first + i));
	await settle(good);
	assert.equal(await flood.closed(), 4029);
	await eventually('the oversized message ends its connection', () => huge.ended);
	const metrics = await (await worker.get('/metrics')).text();
	assert.match(metrics, /^pulse_websocket_clients \d+$/m);
	for (const socket of bad) socket?.destroy();
	stalled.socket.destroy();
	await good.close();
	await worker.stop();
});

test('a thousand clients that come at once are all welcomed, get an event each, and leave nothing behind', async () => {
	const worker = await startWorker(database, { config: { websocket: { max_clients: 1100 } } });
	const clients = [];
	for (let i = 0; i < 1000; i += 250) clients.push(...await Promise.all(Array.from({ length: 250 }, () => open(worker))));
	const seq = await database.emit(trade('for all'));
	for (const client of clients) await eventually('the event', () => client.texts().some((message) => message.seq === seq));
	for (const client of clients) client.socket.destroy();
	await eventually('all are gone', async () => (await (await worker.get('/healthz')).json()).clients === 0);
	await worker.stop();
});

test('resume under fire: clients drop at random while worker and database are killed; each has every event once', async () => {
	const port = await freePort();
	let worker = await startWorker(database, { port });
	const first = await database.emit(trade('first'));
	const epoch = await database.epoch();
	let over = false;
	let last = first;
	const histories = Array.from({ length: 4 }, () => []);
	const run = histories.map(async (history, n) => {
		while (!(over && history.at(-1) === last)) {
			let client;
			try {
				client = await connect(`ws://127.0.0.1:${port}/`, { perMessageDeflate: n % 2 === 0 });
			} catch {
				await pause(30);
				continue;
			}
			client.send({ type: 'SUBSCRIBE', since: { epoch, seq: history.at(-1) ?? first - 1 } });
			const until = Date.now() + 100 + Math.random() * 400;
			while (client.closed === undefined && Date.now() < until && !(over && client.messages.at(-1)?.seq === last)) await pause(10);
			client.socket.terminate();
			assert.ok(!client.messages.some(({ type }) => type === 'GAP'));
			const resumed = client.messages.findIndex(({ type }) => type === 'SUBSCRIBED');
			if (resumed >= 0) history.push(...client.messages.slice(resumed).filter((message) => 'prev_seq' in message && !message.urgent).map(({ seq }) => seq));
		}
	});
	for (let i = 0; i < 60; i++) {
		last = await database.emit(trade(`${i} a`), trade(`${i} b`, { data: { filler: 'z'.repeat(2000) } }), trade(`${i} c`));
		if (i === 15 || i === 40) {
			await worker.kill();
			worker = await startWorker(database, { port, ready: false });
		}
		if (i === 28) {
			await database.cluster.crash();
			await database.cluster.start();
			await database.reopen();
		}
		await pause(15);
	}
	over = true;
	await Promise.all(run);
	for (const history of histories) assert.deepEqual(history, Array.from({ length: last - first + 1 }, (_, i) => first + i));
	await worker.stop();
});

/** Holds a listening socket as systemd does, and starts a program with it for each line that it is told. */
const holder = `
import os, socket, subprocess, sys
held = socket.socket()
held.bind(("127.0.0.1", 0))
held.listen(128)
print(held.getsockname()[1], flush=True)
for line in sys.stdin:
    child = subprocess.Popen(sys.argv[1:], preexec_fn=lambda: (os.dup2(held.fileno(), 3), os.set_inheritable(3, True)), close_fds=False, stdin=subprocess.DEVNULL)
    print(child.pid, flush=True)
    print("exit", child.wait(), flush=True)
`;
const hasPython = spawnSync('python3', ['-c', '']).status === 0;

test('systemd holds the port: a restart loses no event and refuses no connection', { skip: hasPython ? false : 'no python3' }, async () => {
	const directory = await mkdtemp(join(tmpdir(), 'pulse-socket.'));
	await writeFile(join(directory, 'pulse.ini'), ini({ database: { dsn: database.cluster.dsn } }));
	const systemd = spawn('python3', ['-u', '-c', holder, 'sh', '-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" --config "$1" --log-format json',
		await program(), join(directory, 'pulse.ini')], { stdio: ['pipe', 'pipe', 'pipe'] });
	const said = [];
	let output = '';
	createInterface({ input: systemd.stdout }).on('line', (line) => said.push(line));
	systemd.stderr.setEncoding('utf8').on('data', (text) => { output += text; });
	const next = () => eventually('the next line', () => said.shift());
	const port = Number(await next());
	const launch = async () => {
		systemd.stdin.write('start\n');
		return Number(await next());
	};
	const address = { ws: `ws://127.0.0.1:${port}/` };
	// Nothing listens yet but the socket: the connection waits in it.
	const waiting = connect(address);
	let pid = await launch();
	const early = await waiting;
	await early.type('WELCOME');
	await eventually('it is ready', () => fetch(`http://127.0.0.1:${port}/readyz`).then((answer) => answer.ok, () => false));
	const first = await database.emit(trade(1));
	const { epoch } = await early.next((message) => message.seq === first);
	process.kill(pid, 'SIGUSR2');
	assert.equal((await early.end).code, 1012);
	assert.equal(await next(), 'exit 0');
	const again = connect(address);
	await database.emit(trade(2));
	pid = await launch();
	const late = await again;
	late.send({ type: 'SUBSCRIBE', id: 1, since: { epoch, seq: first } });
	const answer = await late.next((message) => message.id === 1, 'the answer');
	if (answer.type === 'ERROR') {
		// It was faster than the database connection.
		await eventually('it is ready', () => fetch(`http://127.0.0.1:${port}/readyz`).then((reply) => reply.ok, () => false));
		late.send({ type: 'SUBSCRIBE', id: 2, since: { epoch, seq: first } });
	}
	await late.next((message) => message.data?.id === '2');
	assert.match(output, /listening on systemd's socket/);
	await late.close();
	process.kill(pid, 'SIGTERM');
	assert.equal(await next(), 'exit 0');
	systemd.stdin.end();
	await rm(directory, { recursive: true, force: true });
});

/** The program of a proxy, where it is installed. */
const installed = (name) => [process.env[`PULSE_${name.toUpperCase()}`], name, `/usr/sbin/${name}`].find((path) => path && spawnSync(path, ['-v']).status === 0);

/** What must work through a proxy as it does without: stream, long silence, API, page, and who the client is. */
async function throughProxy(worker, port) {
	const site = 'pulse.example.com';
	const headers = { host: site };
	await eventually('the proxy answers', () => new Promise((resolve) => { const socket = connectTcp(port, '127.0.0.1', () => { socket.destroy(); resolve(true); }).on('error', () => resolve(false)); }));
	const client = await connect(`ws://127.0.0.1:${port}/`, { headers, origin: `https://${site}`, perMessageDeflate: true });
	await client.type('WELCOME');
	const seq = await database.emit(trade('through the proxy', { data: { id: 'through the proxy', filler: 'f'.repeat(200_000) } }));
	await client.next((message) => message.seq === seq);
	const ask = (path, more = {}) => new Promise((resolve, reject) => request({ host: '127.0.0.1', port, path, headers: { ...headers, ...more } }, (response) => {
		let text = '';
		response.on('data', (part) => { text += part; if (more.accept) response.destroy(); }).on('close', () => resolve({ status: response.statusCode, text }));
	}).on('error', reject).end());
	assert.equal((await ask('/api/v1/snapshot')).status, 200);
	assert.match((await ask('/api/v1/events', { accept: 'text/event-stream' })).text, /WELCOME/, 'server-sent events are not held back');
	assert.equal((await ask('/api/v1/snapshot', { origin: 'https://evil.example' })).status, 403);
	const statuses = new Set();
	for (let i = 0; i < 60; i++) statuses.add((await ask('/healthz', { 'x-forwarded-for': `198.51.100.${i}` })).status);
	assert.deepEqual([...statuses], [200], 'behind the proxy the client is this machine');
	await client.close();
}

for (const name of ['nginx', 'haproxy']) {
	const binary = installed(name);
	test(`${name} in front, as worker/doc/proxies.md has it`, { skip: binary ? false : `no ${name}` }, async () => {
		const port = await freePort();
		const worker = await startWorker(database, { config: { websocket: { allowed_hosts: 'pulse.example.com', allowed_origins: 'https://pulse.example.com', trusted_proxies: '127.0.0.1', request_rate: 5 } } });
		const directory = await mkdtemp(join(tmpdir(), `pulse-${name}.`));
		await chmod(directory, 0o755);
		const document = await readFile(new URL('../../worker/doc/proxies.md', import.meta.url), 'utf8');
		const snippet = new RegExp(`\`\`\`${name}\n([^]*?)\`\`\``).exec(document)[1].replaceAll('127.0.0.1:8765', `127.0.0.1:${worker.port}`);
		const path = join(directory, 'conf');
		if (name === 'nginx') {
			await writeFile(path, `daemon off; pid ${directory}/pid; error_log stderr; ${process.getuid() === 0 ? 'user root;' : ''}\nevents {}\nhttp { access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${directory}/${kind};`).join(' ')}\n${
				snippet.replace(/listen 443 ssl.*;/, `listen 127.0.0.1:${port};`).replace(/^\s*ssl_certificate.*$/gm, '')}\n}`);
		} else {
			await writeFile(path, snippet.replace(/bind :443.*/, `bind 127.0.0.1:${port}`));
		}
		const proxy = spawn(binary, name === 'nginx' ? ['-p', directory, '-c', path] : ['-db', '-f', path], { stdio: ['ignore', 'ignore', 'inherit'] });
		try {
			await throughProxy(worker, port);
		} finally {
			proxy.kill('SIGTERM');
			await once(proxy, 'exit');
		}
		await worker.stop();
		await rm(directory, { recursive: true, force: true });
	});
}
