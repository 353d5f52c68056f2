import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { WebSocket } from 'ws';
import { PulseSocket } from '../../worker/dashboard/src/socket.js';
import { StandIn, snapshot, trade } from './stand_in.js';

/** @type {StandIn} */ let server;
/** @type {PulseSocket} */ let client;
let frames = [];
let phases = [];
let waiters = [];

/** Resolves as soon as the condition holds; it is looked at after everything that happens to the client. */
function until(condition) {
	return new Promise((resolve) => {
		waiters.push(() => condition() && (resolve(), true));
		look();
	});
}

function look() {
	waiters = waiters.filter((waiter) => !waiter());
}

beforeEach(async () => {
	frames = [];
	phases = [];
	waiters = [];
	server = new StandIn();
	const address = await server.listen();
	client = new PulseSocket(address.replace('http', 'ws'), {
		WebSocket, random: () => 0,
		onFrame: (frame) => { frames.push(frame); look(); },
		onConnection: ({ phase }) => { if (phases.at(-1) !== phase) phases.push(phase); look(); },
	});
});

afterEach(async () => {
	client.close();
	await server.close();
});

const types = () => server.received.map((message) => message.type);
const seen = () => frames.filter((frame) => frame.type === 'TRADE_ALERT').map((frame) => frame.seq);
const live = () => until(() => client.connection.phase === 'live');
const lost = () => until(() => client.connection.phase === 'waiting');

test('connects, asks for a snapshot, then takes the stream', async () => {
	client.open();
	await live();
	server.broadcast(trade(101));
	server.broadcast(trade(102));
	await until(() => seen().length === 2);
	assert.deepEqual(types(), ['REQUEST_SNAPSHOT']);
	assert.deepEqual(phases, ['connecting', 'live']);
});

test('comes back after the connection broke and resumes behind the last message', async () => {
	client.open();
	await live();
	server.broadcast(trade(101));
	await until(() => seen().length === 1);
	server.answer = (socket, message) => {
		server.send(socket, trade(105, {}));
		server.send(socket, { type: 'SUBSCRIBED', id: message.id });
		for (const seq of [102, 103, 104, 105]) server.send(socket, trade(seq));
	};
	for (const socket of server.sockets) socket.terminate();
	await lost();
	await live();
	await until(() => seen().length === 5);
	assert.deepEqual(seen(), [101, 102, 103, 104, 105], 'nothing lost, nothing twice, in order');
	assert.deepEqual(server.received.at(-1).since, { epoch: 'e1', seq: 101 });
	assert.deepEqual(types(), ['REQUEST_SNAPSHOT', 'SUBSCRIBE'], 'no snapshot where resuming works');
});

for (const [name, refuse] of [
	['GAP', (message) => ({ type: 'GAP', id: message.id })],
	['RESUME_EXPIRED', (message) => ({ type: 'ERROR', id: message.id, code: 'RESUME_EXPIRED', message: 'too old', retryable: false })],
]) {
	test(`${name} in answer to a resumption leads to a snapshot`, async () => {
		client.open();
		await live();
		server.snapshot = snapshot({ seq: 500, epoch: 'e2' });
		const usual = server.answer;
		server.answer = (socket, message) => (message.type === 'SUBSCRIBE' ? server.send(socket, refuse(message)) : usual(socket, message));
		for (const socket of server.sockets) socket.terminate();
		await lost();
		await live();
		assert.deepEqual(types(), ['REQUEST_SNAPSHOT', 'SUBSCRIBE', 'REQUEST_SNAPSHOT']);
		server.broadcast({ ...trade(501), epoch: 'e2' });
		await until(() => seen().includes(501));
	});
}

test('a hole in the stream is noticed and closed by a snapshot', async () => {
	client.open();
	await live();
	server.snapshot = snapshot({ seq: 104 });
	server.broadcast(trade(104));
	await until(() => frames.filter((frame) => frame.type === 'SNAPSHOT').length === 2);
	assert.deepEqual(seen(), []);
	server.broadcast(trade(105));
	await until(() => seen().length === 1);
	assert.deepEqual(seen(), [105]);
});

test('conflated state messages are no hole', async () => {
	client.open();
	await live();
	server.broadcast({ ...trade(110), type: 'PORTFOLIO_UPDATE', prev_seq: 100, data: { total_value: '1' } });
	server.broadcast({ ...trade(120), prev_seq: 110 });
	await until(() => seen().length === 1);
	assert.deepEqual(types(), ['REQUEST_SNAPSHOT']);
});

test('what arrives before the snapshot is applied after it, once', async () => {
	server.answer = (socket) => {
		server.send(socket, trade(100));
		server.send(socket, trade(101));
		server.sendSnapshot(socket);
		server.send(socket, trade(102));
	};
	client.open();
	await until(() => seen().length === 2);
	assert.deepEqual(frames.filter((frame) => frame.type !== 'WELCOME').map((frame) => frame.seq), [100, 101, 102]);
	assert.equal(frames.find((frame) => frame.seq === 100).type, 'SNAPSHOT');
});

test('duplicates are dropped; another epoch asks for a snapshot', async () => {
	client.open();
	await live();
	for (const seq of [101, 101, 100, 102]) server.broadcast(trade(seq));
	await until(() => seen().length === 2);
	assert.deepEqual(seen(), [101, 102]);
	server.snapshot = snapshot({ seq: 3, epoch: 'restored' });
	server.broadcast({ ...trade(2), prev_seq: null, epoch: 'restored' });
	await until(() => frames.filter((frame) => frame.type === 'SNAPSHOT').length === 2);
	server.broadcast({ ...trade(4), prev_seq: null, epoch: 'restored' });
	await until(() => seen().includes(4));
});

test('a snapshot that cannot be had yet is asked for again', async () => {
	const usual = server.answer;
	let refusals = 2;
	server.answer = (socket, message) => {
		if (refusals-- > 0) server.send(socket, { type: 'ERROR', id: message.id, code: 'UNAVAILABLE', message: 'the database cannot be reached', retryable: true });
		else usual(socket, message);
	};
	client.open();
	await live();
	assert.deepEqual(types(), ['REQUEST_SNAPSHOT', 'REQUEST_SNAPSHOT', 'REQUEST_SNAPSHOT']);
});

test('a resumption that cannot be had yet is asked for again, and nothing is lost', async () => {
	client.open();
	await live();
	server.broadcast(trade(101));
	await until(() => seen().length === 1);
	let refusals = 1;
	server.answer = (socket, message) => {
		if (refusals-- > 0) {
			server.send(socket, { type: 'ERROR', id: message.id, code: 'UNAVAILABLE', message: 'the database cannot be reached', retryable: true });
			server.send(socket, trade(103));
			return;
		}
		server.send(socket, { type: 'SUBSCRIBED', id: message.id });
		for (const seq of [102, 103]) server.send(socket, trade(seq));
	};
	for (const socket of server.sockets) socket.terminate();
	await lost();
	await live();
	await until(() => seen().length === 3);
	assert.deepEqual(seen(), [101, 102, 103]);
	assert.deepEqual(types(), ['REQUEST_SNAPSHOT', 'SUBSCRIBE', 'SUBSCRIBE']);
});

test('nonsense from the server is survived', async () => {
	client.open();
	await live();
	for (const socket of server.sockets) {
		socket.send('{');
		socket.send('{"type":"SOMETHING_NEW","data":1}');
	}
	server.broadcast(trade(101));
	await until(() => seen().length === 1);
	assert.equal(client.connection.phase, 'live');
});

test('the wait grows with every failure and ends with a success', async () => {
	client.open();
	await live();
	const { port } = server;
	await server.close();
	await lost();
	const first = client.connection.retryAt - Date.now();
	await until(() => client.connection.attempt === 3);
	assert.ok(client.connection.retryAt - Date.now() > first);
	server = new StandIn();
	await server.listen(port);
	client.retryNow();
	await live();
	assert.equal(client.connection.attempt, 0);
});

test('an idle connection is pinged', async () => {
	client.idle = 0;
	client.open();
	await live();
	await until(() => frames.some((frame) => frame.type === 'PONG'));
	assert.ok(types().includes('PING'));
});
