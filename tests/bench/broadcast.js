#!/usr/bin/env node
// Broadcast of 500-byte events to many WebSocket clients: the worker beside a raw epoll server that writes a frame built
// once, and beside npm ws with frames built once, in one run and by turns. Time is the server's processor time for one
// frame to one client, which other programs on the machine disturb least; the wall time stands beside it.
//   broadcast.js [CLIENTS ...]          1000 and 5000 without arguments; PULSE_BENCH_ROUNDS=5, PULSE_BENCH_EVENTS=40
//   broadcast.js idle [CLIENTS]         10000 clients that only listen: how fast they connect, what each takes
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Sender, WebSocketServer } from 'ws';
import { startDatabase, startWorker } from '../worker/harness.js';

const top = fileURLToPath(new URL('../..', import.meta.url));
const rounds = Number(process.env.PULSE_BENCH_ROUNDS ?? 5);
const events = Number(process.env.PULSE_BENCH_EVENTS ?? 40);
const SIZE = 500;

/** npm ws: the frame is built once and written to each client's socket, as its own documentation advises. */
async function serveWithWs(port) {
	const server = new WebSocketServer({ port, host: '127.0.0.1', perMessageDeflate: false, clientTracking: true });
	const payload = Buffer.alloc(SIZE, 'x');
	const frame = Buffer.concat(Sender.frame(payload, { fin: true, rsv1: false, opcode: 1, mask: false, readOnly: true }));
	await new Promise((resolve) => server.once('listening', resolve));
	console.log('listening');
	for await (const line of createInterface({ input: process.stdin })) {
		for (let i = 0; i < Number(line); i++) for (const { _socket: socket } of server.clients) socket.write(frame);
		const { user, system } = process.cpuUsage();
		console.log(user + system);
	}
	process.exit(0);
}

const freePort = () => new Promise((resolve) => {
	const server = createServer().listen(0, '127.0.0.1', () => {
		const { port } = server.address();
		server.close(() => resolve(port));
	});
});

/** A program whose lines are awaited one after the other. */
function lines(command, ...words) {
	const child = spawn(command, words, { stdio: ['pipe', 'pipe', 'inherit'] });
	const waiting = [];
	const come = [];
	createInterface({ input: child.stdout }).on('line', (line) => (waiting.length > 0 ? waiting.shift()(line) : come.push(line)));
	return {
		pid: child.pid,
		say: (text) => child.stdin.write(`${text}\n`),
		next: () => (come.length > 0 ? Promise.resolve(come.shift()) : new Promise((resolve) => waiting.push(resolve))),
		end: () => { child.kill(); return new Promise((resolve) => child.once('exit', resolve)); },
	};
}

/** Processor time of another process, in microseconds. */
function processorTime(pid) {
	const fields = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ');
	return Number(fields[0]) / 1000;
}

const memory = (pid, what) => Number(new RegExp(`^${what}: +(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]);
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

const program = `${top}.build/bench/broadcast`;

function build() {
	mkdirSync(`${top}.build/bench`, { recursive: true });
	execFileSync('gcc', ['-std=gnu17', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-o', program, `${top}tests/bench/broadcast.c`]);
	execFileSync('make', ['-s', '-C', `${top}worker`]);
	process.env.PULSE_WORKER = `${top}.build/worker/pulse-worker`;
}

/** Connects many and lets them be: a thousand first, then the rest; then an event still reaches all of them. */
async function idle(count) {
	build();
	const database = await startDatabase();
	const worker = await startWorker(database, { config: { websocket: { max_clients: count + 10 }, resources: { enabled: false } } });
	const base = { rss: memory(worker.process.pid, 'Rss'), own: memory(worker.process.pid, 'Private_Dirty') };
	const groups = [];
	for (const size of [Math.min(count, 1000), count - 1000].filter((n) => n > 0)) {
		const begun = performance.now();
		const before = processorTime(worker.process.pid);
		const group = lines(program, 'clients', String(worker.port), String(size));
		await group.next();
		groups.push(group);
		console.log(`${size} clients connected within ${Math.round(performance.now() - begun)} ms, ${((processorTime(worker.process.pid) - before) / size).toFixed(0)} us of the worker's processor each`);
	}
	await new Promise((resolve) => setTimeout(resolve, 2000));
	const full = { rss: memory(worker.process.pid, 'Rss'), own: memory(worker.process.pid, 'Private_Dirty') };
	console.log(`${count} idle clients: ${((full.own - base.own) / count).toFixed(2)} kB of memory each (goal 4), resident ${((full.rss - base.rss) / count).toFixed(2)} kB; base ${(base.rss / 1024).toFixed(1)} MB resident, ${(base.own / 1024).toFixed(1)} MB its own (goal 12)`);
	const processor = processorTime(worker.process.pid);
	await new Promise((resolve) => setTimeout(resolve, 5000));
	console.log(`the worker uses ${((processorTime(worker.process.pid) - processor) / 50000).toFixed(1)} % of a processor for them`);
	const begun = performance.now();
	await database.emit({ type: 'TRADE_ALERT', portfolio: 'main', key: 'BTCUSDT', data: { filler: 'x'.repeat(SIZE - 170) } });
	for (const group of groups) while (Number(await group.next()) < 1);
	console.log(`an event has reached all of them ${Math.round(performance.now() - begun)} ms later`);
	await Promise.all(groups.map((group) => group.end()));
	await worker.stop();
	await database.remove();
	process.exit(0);
}

async function main(counts) {
	build();
	const database = await startDatabase();
	for (const count of counts.length > 0 ? counts : [1000, 5000]) {
		const worker = await startWorker(database, { config: { websocket: { max_clients: count + 10 }, resources: { enabled: false } } });
		const base = { rss: memory(worker.process.pid, 'Rss'), own: memory(worker.process.pid, 'Private_Dirty') };
		const epollPort = await freePort();
		const wsPort = await freePort();
		const epoll = lines(program, 'server', String(epollPort), String(SIZE));
		const ws = lines(process.execPath, fileURLToPath(import.meta.url), 'ws-server', String(wsPort));
		await Promise.all([epoll.next(), ws.next()]);
		const connecting = performance.now();
		const clients = { worker: lines(program, 'clients', String(worker.port), String(count)) };
		await clients.worker.next();
		const connected = performance.now() - connecting;
		const full = memory(worker.process.pid, 'Private_Dirty');
		clients.epoll = lines(program, 'clients', String(epollPort), String(count));
		await clients.epoll.next();
		clients.ws = lines(program, 'clients', String(wsPort), String(count));
		await clients.ws.next();
		// The envelope is about 150 bytes.
		const event = { type: 'TRADE_ALERT', portfolio: 'main', key: 'BTCUSDT', data: { filler: 'x'.repeat(SIZE - 170) } };
		const got = { worker: 0, epoll: 0, ws: 0 };
		/** Waits until all clients of a server have so many more events. */
		const arrive = async (name, more) => {
			got[name] += more;
			while (Number(await clients[name].next()) < got[name]);
		};
		const ways = {
			'raw epoll, one frame a write': async () => {
				const wall = performance.now();
				let before = processorTime(epoll.pid);
				for (let i = 0; i < events; i++) {
					epoll.say(1);
					await epoll.next();
					await arrive('epoll', 1);
				}
				return [processorTime(epoll.pid) - before, performance.now() - wall];
			},
			'npm ws, one frame a write': async () => {
				const wall = performance.now();
				const before = processorTime(ws.pid);
				for (let i = 0; i < events; i++) {
					ws.say(1);
					await ws.next();
					await arrive('ws', 1);
				}
				return [processorTime(ws.pid) - before, performance.now() - wall];
			},
			'pulse-worker, one frame a write': async () => {
				const wall = performance.now();
				const before = processorTime(worker.process.pid);
				for (let i = 0; i < events; i++) {
					// as the engine does with a single fill
					await database.handOver(event);
					await arrive('worker', 1);
				}
				return [processorTime(worker.process.pid) - before, performance.now() - wall];
			},
			'pulse-worker, under load': async () => {
				const wall = performance.now();
				const before = processorTime(worker.process.pid);
				await database.emit(...Array.from({ length: events }, () => event));
				await arrive('worker', events);
				return [processorTime(worker.process.pid) - before, performance.now() - wall];
			},
		};
		const costs = Object.fromEntries(Object.keys(ways).map((name) => [name, { processor: [], wall: [] }]));
		for (let round = 0; round < rounds; round++) {
			for (const [name, way] of Object.entries(ways)) {
				const [processor, wall] = await way();
				costs[name].processor.push(processor / events / count);
				costs[name].wall.push(wall * 1000 / events / count);
			}
		}
		console.log(`${count} clients, ${SIZE}-byte events, medians of ${rounds} rounds of ${events} events`);
		const reference = Object.fromEntries(Object.entries(costs).map(([name, { processor }]) => [name, median(processor)]));
		for (const [name, { processor, wall }] of Object.entries(costs)) {
			console.log(`  ${name.padEnd(34)} ${median(processor).toFixed(3)} us of processor a frame and client, wall ${median(wall).toFixed(3)} us`);
		}
		const speed = (name, other) => (reference[other] / reference[name]).toFixed(2);
		console.log(`  one frame a write: ${speed('pulse-worker, one frame a write', 'raw epoll, one frame a write')} x raw epoll (goal 0.8), ${speed('pulse-worker, one frame a write', 'npm ws, one frame a write')} x npm ws (goal 1.3)`);
		console.log(`  under load: ${speed('pulse-worker, under load', 'raw epoll, one frame a write')} x raw epoll with one frame a write (goal 4)`);
		console.log(`  ${count} clients connected within ${Math.round(connected)} ms; ${((full - base.own) / count).toFixed(2)} kB of memory each (goal 4); base ${(base.rss / 1024).toFixed(1)} MB resident, ${(base.own / 1024).toFixed(1)} MB its own (goal 12)`);
		await Promise.all(Object.values(clients).map((client) => client.end()));
		await Promise.all([epoll.end(), ws.end()]);
		await worker.stop();
	}
	await database.remove();
	process.exit(0);
}

if (process.argv[2] === 'ws-server') await serveWithWs(Number(process.argv[3]));
else if (process.argv[2] === 'idle') await idle(Number(process.argv[3] ?? 10000));
else await main(process.argv.slice(2).map(Number));
