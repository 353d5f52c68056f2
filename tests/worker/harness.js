// What the worker's tests share: a database with the extension, the worker as a process, and clients that remember.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import WebSocket from 'ws';
import { startCluster } from '../lib/cluster.js';

const top = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** Longest wait for anything that should happen; a test that reaches it has failed. */
const PATIENCE = 45_000;

/** Builds the worker with the sanitizers, unless PULSE_WORKER names another one. */
async function buildWorker() {
	if (process.env.PULSE_WORKER) return process.env.PULSE_WORKER;
	await run('flock', [join(top, '.build/worker.lock'), 'make', '-s', '-C', join(top, 'worker'), 'SANITIZE=1'],
		{ maxBuffer: 1 << 24 });
	return join(top, '.build/worker-sanitized/pulse-worker');
}

const workers = new Set();
const sockets = new Set();

/** Ends what a failed test left behind, so that it does not disturb the next one. */
export function sweep() {
	for (const child of workers) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
	for (const socket of sockets) socket.terminate();
}

/** Does every step at the end of a file, whatever the others throw; what is left running goes after the first one. */
export async function finish(...steps) {
	const errors = [];
	for (const step of [steps[0], sweep, ...steps.slice(1)]) {
		try {
			await step();
		} catch (error) {
			errors.push(error);
		}
	}
	if (errors.length > 0) throw errors[0];
}

let built;
/** The path of the worker's program. */
export const program = () => (built ??= run('mkdir', ['-p', join(top, '.build')]).then(buildWorker));

/** Waits until the function returns something true, and returns that. */
export async function eventually(what, check) {
	const end = Date.now() + PATIENCE;
	for (;;) {
		const value = await check();
		if (value) return value;
		if (Date.now() > end) assert.fail(`waited in vain: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

/**
 * A server with a database that has the extension, and nothing that writes events by itself.
 * @param {{conf?: Record<string, string|number>, extension?: boolean}} [options]
 */
export async function startDatabase({ conf = {}, extension = true } = {}) {
	const cluster = await startCluster({ database: 'trading', conf });
	const open = async () => {
		const client = new pg.Client(cluster.connection);
		client.on('error', () => {});
		await client.connect();
		return client;
	};
	const database = {
		cluster,
		client: await open(),
		query: (...words) => database.client.query(...words).then(({ rows }) => rows),
		/** After the server went away and came back. */
		reopen: async () => {
			await database.client.end().catch(() => {});
			database.client = await open();
		},
		/** Writes events as a tick does, in one transaction; resolves with the newest seq. */
		async emit(...events) {
			const rows = await database.query(
				`WITH given AS (SELECT e, ordinality FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS x(e, ordinality)),
				 numbers AS (UPDATE pulse.sequencer SET seq = seq + (SELECT count(*) FROM given) RETURNING seq, epoch),
				 written AS (INSERT INTO pulse.event (seq, epoch, ts, type, portfolio, key, priority, data)
					SELECT n.seq - (SELECT count(*) FROM given) + g.ordinality, n.epoch, clock_timestamp(), g.e->>'type',
						g.e->>'portfolio', g.e->>'key', coalesce(g.e->>'priority', 'LOW'), coalesce(g.e->'data', '{}')
					FROM given g, numbers n)
				 SELECT n.seq::integer, pg_notify('pulse', n.seq::text) FROM numbers n`, [JSON.stringify(events)]);
			return rows[0].seq;
		},
		/** Writes events as a tick does that hands them over with their notifications. */
		async handOver(...events) {
			await database.query('BEGIN');
			let seq;
			for (const { type, portfolio = null, key = null, priority = 'LOW', data = {} } of events) {
				[{ seq }] = await database.query(
					`WITH number AS (UPDATE pulse.sequencer SET seq = seq + 1 RETURNING seq, epoch),
					 e AS (INSERT INTO pulse.event (seq, epoch, ts, type, portfolio, key, priority, data)
						SELECT n.seq, n.epoch, clock_timestamp(), $1, $2, $3, $4, $5 FROM number n RETURNING *)
					 SELECT e.seq::integer, pg_notify((SELECT name FROM pulse.event_channel), format(E'%s %s %s %s %s\n%s\n%s\n%s', e.seq, e.epoch,
						pulse.json_time(e.ts), e.type, e.priority, coalesce('=' || e.portfolio, '-'), coalesce('=' || e.key, '-'), e.data)) FROM e`,
					[type, portfolio, key, priority, JSON.stringify(data)]);
			}
			await database.query(`SELECT pg_notify('pulse', $1)`, [String(seq)]);
			await database.query('COMMIT');
			return seq;
		},
		epoch: () => database.query('SELECT epoch FROM pulse.sequencer').then(([row]) => row.epoch),
		async remove() {
			await database.client.end().catch(() => {});
			await cluster.remove();
		},
	};
	if (extension) {
		await database.query('CREATE EXTENSION pulse');
		// The worker would start the engine otherwise.
		await database.query('SELECT pulse_worker_stop()');
	}
	return database;
}

/** A trade event, told apart by its number. */
export const trade = (id, more = {}) => ({ type: 'TRADE_ALERT', portfolio: 'main', key: 'BTCUSDT', data: { id: String(id) }, ...more });

/** Makes the text of a configuration file out of {section: {key: value}}. */
export const ini = (sections) => Object.entries(sections).map(([section, keys]) =>
	`[${section}]\n${Object.entries(keys).map(([key, value]) => `${key} = ${value}\n`).join('')}`).join('\n');

/**
 * Starts a worker on a free port and waits until it listens.
 * @param {{cluster: {dsn: string}}} database
 * @param {{config?: Record<string, Record<string, string|number>>, args?: string[], env?: Record<string, string>, port?: number, ready?: boolean}} [options]
 *   ready: wait until /readyz says so
 */
export async function startWorker(database, { config = {}, args = [], env = {}, port = 0, ready = true } = {}) {
	const directory = await mkdtemp(join(tmpdir(), 'pulse-worker-test.'));
	const path = join(directory, 'pulse.ini');
	const configure = (change) => writeFile(path, typeof change === 'string' ? change : ini({
		...change,
		database: { dsn: database.cluster.dsn, ...change.database },
		websocket: { port, ...change.websocket },
	}));
	await configure(config);
	const child = spawn(await program(), ['--config', path, '--log-format', 'json', ...args],
		{ stdio: ['ignore', 'inherit', 'pipe'], env: { ...process.env, ...env } });
	workers.add(child);
	const worker = {
		process: child,
		path,
		configure,
		/** Parsed log lines. */
		log: [],
		/** Everything on stderr. */
		output: '',
		exit: once(child, 'exit').then(([code, signal]) => signal ?? code),
		port: 0,
		get http() { return `http://127.0.0.1:${worker.port}`; },
		get ws() { return `ws://127.0.0.1:${worker.port}/`; },
		logged: (pattern) => eventually(`the worker's log has ${pattern}`, () => worker.log.find((line) => pattern.test(line.message))),
		get: (path, options) => fetch(`${worker.http}${path}`, options),
		signal: (name) => child.kill(name),
		/** SIGTERM; the exit status says whether the sanitizers were content too. */
		async stop() {
			child.kill('SIGTERM');
			const status = await worker.exit;
			await rm(directory, { recursive: true, force: true });
			assert.equal(status, 0, `exit status of the worker; its output:\n${worker.output}`);
		},
		async kill() {
			child.kill('SIGKILL');
			await worker.exit;
			await rm(directory, { recursive: true, force: true });
		},
	};
	let rest = '';
	child.stderr.setEncoding('utf8').on('data', (text) => {
		worker.output += text;
		const lines = (rest + text).split('\n');
		rest = lines.pop();
		for (const line of lines) {
			try {
				worker.log.push(JSON.parse(line));
			} catch {
				worker.log.push({ level: 'raw', message: line });
			}
		}
	});
	const listening = await Promise.race([worker.logged(/^listening on/), worker.exit]);
	if (typeof listening !== 'object') throw new Error(`the worker ended with ${listening}:\n${worker.output}`);
	worker.port = Number(/port (\d+)$/.exec(listening.message)[1]);
	if (ready) await eventually('the worker is ready', () => worker.get('/readyz').then((answer) => answer.ok, () => false));
	return worker;
}

/** A WebSocket client that keeps what it got. */
export async function connect(worker, { protocols, ...options } = {}) {
	const socket = new WebSocket(worker.ws ?? worker, protocols ?? [], { perMessageDeflate: false, ...options });
	const client = {
		socket,
		messages: [],
		closed: undefined,
		send: (message) => socket.send(typeof message === 'string' || Buffer.isBuffer(message) ? message : JSON.stringify(message)),
		/** The first message that fits, also among those that came already. */
		next: (fits, what = String(fits)) => eventually(`a message with ${what}`, () => client.messages.find(fits)),
		type: (type) => client.next((message) => message.type === type, type),
		of: (type) => client.messages.filter((message) => message.type === type),
		/** Numbers of the events that came, in order. */
		seqs: () => client.messages.filter((message) => 'prev_seq' in message && message.type !== 'SNAPSHOT' && !message.urgent).map((message) => message.seq),
		close: async () => {
			if (socket.readyState === WebSocket.CLOSED) return;
			const done = once(socket, 'close');
			socket.close();
			await done;
		},
		end: new Promise((resolve) => socket.once('close', (code, reason) => resolve(client.closed = { code, reason: String(reason) }))),
	};
	sockets.add(socket);
	socket.on('message', (text) => client.messages.push(JSON.parse(text)));
	socket.on('error', () => {});
	await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
	return client;
}

/** Sends a PING and waits for its PONG: what was sent before it has been handled. */
export async function settle(client) {
	const id = `settle-${client.messages.length}-${Math.random()}`;
	client.send({ type: 'PING', id });
	await client.next((message) => message.type === 'PONG' && message.id === id, 'the PONG');
}

/** The status of a refused handshake, and its body. */
export async function refusal(url, options, protocols = []) {
	const socket = new WebSocket(url, protocols, options);
	socket.on('error', () => {});
	const response = await new Promise((resolve, reject) => {
		socket.once('unexpected-response', (_, answer) => resolve(answer));
		socket.once('open', () => reject(new Error('the handshake succeeded')));
	});
	let body = '';
	for await (const part of response) body += part;
	return { status: response.statusCode, headers: response.headers, body };
}
