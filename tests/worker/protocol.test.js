// The WebSocket protocol, message by message.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, eventually, finish, refusal, settle, startDatabase, startWorker, trade } from './harness.js';

let database;
let worker;

before(async () => {
	database = await startDatabase();
	// The real function comes with figures of its own; here its answer must be predictable.
	await database.query('ALTER EXTENSION pulse DROP FUNCTION pulse_snapshot(text)');
	await database.query(`CREATE OR REPLACE FUNCTION pulse_snapshot(portfolio text DEFAULT NULL) RETURNS jsonb LANGUAGE sql STABLE AS $$
		SELECT jsonb_build_object('seq', seq, 'epoch', epoch, 'asked_for', portfolio,
			'newest', (SELECT max(seq) FROM pulse.event)) FROM pulse.sequencer $$`);
	worker = await startWorker(database);
});

after(() => finish(() => worker?.stop(), () => database?.remove()));

test('WELCOME names the epoch and where the stream stands', async () => {
	const client = await connect(worker);
	const welcome = await client.type('WELCOME');
	assert.equal(welcome.v, 1);
	assert.equal(welcome.epoch, await database.epoch());
	assert.equal(typeof welcome.seq, 'number');
	assert.deepEqual(welcome.data.subscriptions,
		['PERFORMANCE_UPDATE', 'PORTFOLIO_UPDATE', 'HEALTH_UPDATE', 'TRADE_ALERT', 'SYSTEM_ALERT']);
	await client.close();
});

test('the subprotocol pulse.v1 is confirmed, none is fine, another one is refused', async () => {
	const named = await connect(worker, { protocols: ['other', 'pulse.v1'] });
	assert.equal(named.socket.protocol, 'pulse.v1');
	await named.type('WELCOME');
	await named.close();
	const plain = await connect(worker);
	assert.equal(plain.socket.protocol, '');
	await plain.close();
	await assert.rejects(connect(worker, { protocols: ['pulse.v2'] }));
});

test('an event reaches every client with the whole envelope, its data untouched', async () => {
	const clients = await Promise.all([connect(worker), connect(worker)]);
	const data = { price: '45000.10000', confidence: 0.85, note: 'Zażółć "gęślą" \\ 🚀', nothing: null };
	const seq = await database.emit({ type: 'TRADE_ALERT', portfolio: 'main', key: 'BTCUSDT', priority: 'HIGH', data });
	for (const client of clients) {
		const event = await client.next((message) => message.seq === seq && message.type === 'TRADE_ALERT');
		assert.deepEqual(event, { v: 1, type: 'TRADE_ALERT', seq, prev_seq: null, epoch: await database.epoch(),
			timestamp: event.timestamp, portfolio: 'main', key: 'BTCUSDT', priority: 'HIGH', data });
		assert.match(event.timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
	}
	await Promise.all(clients.map((client) => client.close()));
});

test('prev_seq chains the events that a client gets, with and without a filter', async () => {
	const all = await connect(worker);
	const some = await connect(worker);
	some.send({ type: 'SUBSCRIBE', subscriptions: ['TRADE_ALERT'] });
	await some.type('SUBSCRIBED');
	const last = await database.emit(trade(1), { type: 'PORTFOLIO_UPDATE', portfolio: 'main' }, trade(2),
		{ type: 'HEALTH_UPDATE' }, trade(3));
	for (const client of [all, some]) await client.next((message) => message.seq === last && 'prev_seq' in message);
	const chain = (client) => client.messages.filter((message) => 'prev_seq' in message).map(({ seq, prev_seq: prev }) => [prev, seq]);
	assert.deepEqual(chain(all), [[null, last - 4], [last - 4, last - 3], [last - 3, last - 2], [last - 2, last - 1], [last - 1, last]]);
	assert.deepEqual(chain(some), [[null, last - 4], [last - 4, last - 2], [last - 2, last]]);
	await Promise.all([all.close(), some.close()]);
});

test('SUBSCRIBE chooses types, portfolios, symbols and the priority of alerts; UNSUBSCRIBE takes types back', async () => {
	const client = await connect(worker);
	client.send({ type: 'SUBSCRIBE', id: 'c1', subscriptions: ['TRADE_ALERT', 'PORTFOLIO_UPDATE'],
		filter: { portfolio: ['main'], symbol: 'BTCUSDT', min_priority: 'HIGH' } });
	const confirmed = await client.next((message) => message.id === 'c1');
	assert.equal(confirmed.type, 'SUBSCRIBED');
	assert.deepEqual(confirmed.data.subscriptions, ['PORTFOLIO_UPDATE', 'TRADE_ALERT']);
	assert.deepEqual(confirmed.data.filter, { min_priority: 'HIGH', portfolio: ['main'], symbol: ['BTCUSDT'] });
	await database.emit(
		trade('low'), trade('other symbol', { key: 'ETHUSDT', priority: 'HIGH' }),
		trade('other portfolio', { portfolio: 'second', priority: 'CRITICAL' }),
		{ type: 'SYSTEM_ALERT', priority: 'CRITICAL', data: { id: 'not subscribed' } },
		{ type: 'PORTFOLIO_UPDATE', portfolio: 'main', data: { id: 'state has no priority' } },
		{ type: 'PORTFOLIO_UPDATE', portfolio: 'second', data: { id: 'state of another' } },
		trade('wanted', { priority: 'HIGH' }));
	await client.next((message) => message.data?.id === 'wanted');
	assert.deepEqual(client.messages.filter((message) => 'prev_seq' in message).map((message) => message.data.id),
		['state has no priority', 'wanted']);

	client.send({ type: 'UNSUBSCRIBE', id: 7, subscriptions: ['TRADE_ALERT'] });
	const left = await client.next((message) => message.id === 7);
	assert.equal(left.type, 'UNSUBSCRIBED');
	assert.deepEqual(left.data.subscriptions, ['PORTFOLIO_UPDATE']);
	await database.emit(trade('no more', { priority: 'CRITICAL' }), { type: 'PORTFOLIO_UPDATE', portfolio: 'main', data: { id: 'last' } });
	await client.next((message) => message.data?.id === 'last');
	assert.ok(!client.messages.some((message) => message.data?.id === 'no more'));
	await client.close();
});

test('REQUEST_SNAPSHOT: what comes after it continues from its seq, without a gap or a repeat', async () => {
	const client = await connect(worker);
	let stop = false;
	const load = (async () => {
		for (let i = 0; !stop; i++) await database.emit(trade(i), trade(i + 0.5));
	})();
	for (let round = 0; round < 10; round++) {
		const before = client.messages.length;
		client.send({ type: 'REQUEST_SNAPSHOT', id: round });
		const snapshot = await client.next((message) => message.type === 'SNAPSHOT' && message.id === round);
		const at = client.messages.indexOf(snapshot);
		assert.equal(snapshot.seq, snapshot.data.seq);
		assert.equal(snapshot.prev_seq, null);
		assert.equal(snapshot.data.newest, snapshot.data.seq, 'the function saw one cut');
		const event = await client.next((message) => client.messages.indexOf(message) > at && message.type === 'TRADE_ALERT');
		assert.equal(event.seq, snapshot.seq + 1);
		assert.equal(event.prev_seq, snapshot.seq);
		assert.ok(client.messages.slice(before, at).every((message) => message.seq <= snapshot.seq));
	}
	stop = true;
	await load;
	await client.close();
});

test('a snapshot of one portfolio says so; a hundred clients cost few queries', async () => {
	const one = await connect(worker);
	one.send({ type: 'REQUEST_SNAPSHOT', portfolio: 'main' });
	const snapshot = await one.type('SNAPSHOT');
	assert.equal(snapshot.portfolio, 'main');
	assert.equal(snapshot.data.asked_for, 'main');
	await one.close();

	await database.query(`CREATE SEQUENCE snapshots; GRANT ALL ON SEQUENCE snapshots TO PUBLIC`);
	await database.query(`CREATE OR REPLACE FUNCTION pulse_snapshot(portfolio text DEFAULT NULL) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
		SELECT jsonb_build_object('seq', seq, 'epoch', epoch, 'asked_for', portfolio, 'newest', (SELECT max(seq) FROM pulse.event),
			'calls', nextval('snapshots')) FROM pulse.sequencer $$`);
	const clients = await Promise.all(Array.from({ length: 100 }, () => connect(worker)));
	await database.emit(trade('makes older answers stale'));
	await clients[0].type('TRADE_ALERT');
	for (const client of clients) client.send({ type: 'REQUEST_SNAPSHOT' });
	for (const client of clients) assert.equal((await client.type('SNAPSHOT')).portfolio, null);
	const [{ calls }] = await database.query('SELECT last_value::integer AS calls FROM snapshots');
	assert.ok(calls <= 3, `${calls} queries for 100 clients`);
	await Promise.all(clients.map((client) => client.close()));
});

test('PING gets PONG with its id and data', async () => {
	const client = await connect(worker);
	client.send({ type: 'PING', id: { a: [1] }, data: { sent: 12.5 } });
	const pong = await client.type('PONG');
	assert.deepEqual(pong.id, { a: [1] });
	assert.deepEqual(pong.data, { sent: 12.5 });
	await client.close();
});

test('a malformed message gets ERROR and the connection lives', async () => {
	const client = await connect(worker);
	const cases = [
		['nonsense', 'BAD_JSON'], ['{"type":', 'BAD_JSON'], ['', 'BAD_JSON'], ['[]', 'BAD_JSON'], ['"PING"', 'BAD_JSON'], ['null', 'BAD_JSON'],
		['{"type":"PING","type":"PING"}', 'BAD_JSON'], ['{}', 'BAD_TYPE'], ['{"type":5}', 'BAD_TYPE'], ['{"type":"DROP"}', 'BAD_TYPE'],
		['{"type":"SUBSCRIBE","subscriptions":"TRADE_ALERT"}', 'BAD_JSON'], ['{"type":"SUBSCRIBE","subscriptions":["WELCOME"]}', 'BAD_TYPE'],
		['{"type":"SUBSCRIBE","subscriptions":[5]}', 'BAD_TYPE'], ['{"type":"SUBSCRIBE","filter":[]}', 'BAD_JSON'],
		['{"type":"SUBSCRIBE","filter":{"min_priority":"URGENT"}}', 'BAD_JSON'], ['{"type":"SUBSCRIBE","filter":{"portfolio":[1]}}', 'BAD_JSON'],
		[`{"type":"SUBSCRIBE","filter":{"portfolio":${JSON.stringify(Array(65).fill('p'))}}}`, 'TOO_LARGE'],
		['{"type":"SUBSCRIBE","since":{"seq":-1}}', 'BAD_JSON'], ['{"type":"SUBSCRIBE","since":{"seq":1.5}}', 'BAD_JSON'],
		['{"type":"SUBSCRIBE","since":7}', 'BAD_JSON'], ['{"type":"REQUEST_SNAPSHOT","portfolio":7}', 'BAD_JSON'],
		[`{"type":"PING","id":"${'x'.repeat(300)}"}`, 'TOO_LARGE'], [Buffer.from([1, 2, 3]), 'BAD_JSON'],
		['{"type":"PING","id":"\\u0000"}', 'BAD_JSON'], [`${'['.repeat(20000)}`, 'BAD_JSON'],
	];
	for (const [message, code] of cases) {
		const before = client.of('ERROR').length;
		client.send(message);
		await settle(client);
		const errors = client.of('ERROR').slice(before);
		assert.equal(errors.length, 1, `one ERROR for ${String(message).slice(0, 60)}`);
		assert.equal(errors[0].code, code, `${String(message).slice(0, 60)}: ${errors[0].message}`);
		assert.equal(typeof errors[0].message, 'string');
		assert.equal(typeof errors[0].retryable, 'boolean');
		assert.ok('id' in errors[0]);
	}
	client.send({ type: 'SUBSCRIBE', id: 'keep me', subscriptions: ['NOPE'] });
	assert.equal((await client.next((message) => message.id === 'keep me')).type, 'ERROR');
	assert.equal(client.closed, undefined);
	await client.close();
});

test('a fragmented message is put together; one that is too big closes with 1009', async () => {
	const client = await connect(worker);
	client.socket.send('{"type":"PI', { fin: false });
	client.socket.send('NG","id":', { fin: false });
	client.socket.send('"pieces"}', { fin: true });
	assert.equal((await client.type('PONG')).id, 'pieces');
	const large = `{"type":"PING","id":"large","data":"${'x'.repeat(900)}"}${' '.repeat(60_000)}`;
	client.send(large);
	await client.next((message) => message.id === 'large');
	client.send(' '.repeat(70_000));
	assert.equal((await client.end).code, 1009);
});

test('text that is not UTF-8 closes with 1007', async () => {
	const client = await connect(worker);
	client.socket._sender.sendFrame([Buffer.from([0x81, 0x84, 0, 0, 0, 0, 0xff, 0xfe, 0x22, 0x22])], () => {});
	assert.equal((await client.end).code, 1007);
});

test('who sends too fast is told so, and a flood is closed with 4029', async () => {
	const client = await connect(worker);
	for (let i = 0; i < 150; i++) client.send({ type: 'PING', id: i });
	await eventually('an ERROR about the rate', () => client.of('ERROR').some((error) => error.code === 'RATE_LIMITED' && error.retryable));
	assert.equal(client.closed, undefined);
	for (let i = 0; i < 400; i++) client.send({ type: 'PING' });
	assert.equal((await client.end).code, 4029);
});

test('pages of other sites cannot connect', async () => {
	const url = worker.ws;
	const options = (headers) => ({ headers });
	for (const origin of ['https://evil.example', 'http://127.0.0.1.evil.example', 'null', 'file://', 'http://localhost@evil.example']) {
		assert.equal((await refusal(url, options({ Origin: origin }))).status, 403, origin);
	}
	for (const host of ['evil.example', `evil.example:${worker.port}`, '127.0.0.1.nip.example', 'localhost.evil.example', '10.0.0.1']) {
		assert.equal((await refusal(url, options({ Host: host }))).status, 421, host);
	}
	for (const headers of [{ Origin: `http://127.0.0.1:${worker.port}` }, { Origin: 'http://localhost:3000' }, { Origin: 'http://[::1]:80' },
		{ Host: `localhost:${worker.port}` }, { Host: '[::1]' }]) {
		const client = await connect(worker, options(headers));
		await client.type('WELCOME');
		await client.close();
	}
	const refused = await refusal(url, options({ Origin: 'https://evil.example' }));
	assert.equal(refused.headers['content-type'], 'application/problem+json');
	assert.equal(JSON.parse(refused.body).status, 403);
});

test('a handshake elsewhere, or in another version, gets a proper answer', async () => {
	assert.equal((await refusal(`${worker.ws}elsewhere`)).status, 404);
	const old = await refusal(worker.ws, { protocolVersion: 8 });
	assert.equal(old.status, 426);
	assert.equal(old.headers['sec-websocket-version'], '13');
	const client = await connect(`${worker.ws}ws`);
	await client.type('WELCOME');
	await client.close();
});
