// Nothing lost and nothing twice: clients that come back, workers that die, servers that restart, readers that are slow.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { connect, eventually, finish, settle, startDatabase, startWorker, sweep, trade } from './harness.js';

let database;

before(async () => { database = await startDatabase(); });
afterEach(sweep);
after(() => finish(() => {}, () => database?.remove()));

/** Asserts that a client got each number once, in order, up to the last. */
function complete(client, first, last) {
	assert.deepEqual(client.seqs(), Array.from({ length: last - first + 1 }, (_, i) => first + i));
}

test('since: the events that were missed come first, then the live ones', async () => {
	const worker = await startWorker(database);
	const epoch = await database.epoch();
	const first = await database.emit(trade('a'));
	await database.emit(trade('b'), trade('c'));
	const client = await connect(worker);
	client.send({ type: 'SUBSCRIBE', id: 'r', since: { epoch, seq: first } });
	const confirmed = await client.next((message) => message.id === 'r');
	assert.equal(confirmed.data.resumed, true);
	const last = await database.emit(trade('d'));
	await client.next((message) => message.seq === last && 'prev_seq' in message);
	complete(client, first + 1, last);
	assert.equal(client.of('TRADE_ALERT')[0].prev_seq, first, 'the chain begins where the client stood');
	// Resuming anew on the same connection begins again, without mixing.
	client.messages.length = 0;
	client.send({ type: 'SUBSCRIBE', since: { epoch, seq: first + 1 } });
	client.send({ type: 'SUBSCRIBE', since: { epoch, seq: first } });
	await settle(client);
	await eventually('the replay', () => client.of('TRADE_ALERT').at(-1)?.seq === last);
	assert.deepEqual(client.seqs().slice(-(last - first)), Array.from({ length: last - first }, (_, i) => first + 1 + i));
	await client.close();
	await worker.stop();
});

test('events that come with their notification are the next ones or none: each once, in order, as the table has them', async () => {
	const worker = await startWorker(database);
	const client = await connect(worker);
	const first = await database.handOver(trade('handed over', { data: { id: '1', price: '1.10', note: 'a line\nand é', n: 1.50 } }));
	const stray = (payload) => database.query('SELECT pg_notify((SELECT name FROM pulse.event_channel), $1)', [payload]);
	const epoch = await database.epoch();
	let last = first;
	for (let i = 0; i < 40; i++) {
		const events = Array.from({ length: 1 + i % 3 }, (_, n) => trade(`${i} ${n}`, n === 1 ? { portfolio: undefined, key: undefined } : {}));
		last = await (i % 4 < 2 ? database.handOver(...events) : database.emit(...events));
		const head = 'now TRADE_ALERT LOW\n=main\n=BTCUSDT\n{"id": "stray"}';
		const strays = [`${last + 1} other ${head}`, `${last} ${epoch} ${head}`, `${last + 5} ${epoch} ${head}`, `${last + 1} ${epoch} now`, '', '\n\n\n{}'];
		if (i % 5 === 0) for (const payload of strays) await stray(payload);
	}
	await client.next((message) => message.seq === last && 'prev_seq' in message);
	complete(client, first, last);
	const rows = await database.query(`SELECT seq::integer, epoch, pulse.json_time(ts) AS timestamp, type, portfolio, key, priority, data FROM pulse.event
		WHERE seq >= $1 ORDER BY seq`, [first]);
	const sent = client.messages.filter((message) => 'prev_seq' in message && message.seq >= first);
	assert.deepEqual(sent.map(({ seq, epoch, timestamp, type, portfolio, key, priority, data }) => ({ seq, epoch, timestamp, type, portfolio, key, priority, data })), rows);
	await client.close();
	await worker.stop();
});

test('a long absence is made up from the table, with a filter, while events go on', async () => {
	const epoch = await database.epoch();
	const start = await database.emit(trade('start'));
	const batch = Array.from({ length: 2500 }, (_, i) => trade(i, i % 5 === 0 ? { portfolio: 'second' } : {}));
	await database.emit(...batch);
	// This worker warms its memory with the newest thousand only.
	const worker = await startWorker(database);
	const [all, second] = await Promise.all([connect(worker), connect(worker)]);
	all.send({ type: 'SUBSCRIBE', since: { epoch, seq: start } });
	second.send({ type: 'SUBSCRIBE', subscriptions: ['TRADE_ALERT'], filter: { portfolio: 'second' }, since: { epoch, seq: start } });
	let last;
	for (let i = 0; i < 50; i++) last = await database.emit(trade(`live ${i}`, { portfolio: 'second' }));
	for (const client of [all, second]) await client.next((message) => message.seq === last && 'prev_seq' in message);
	complete(all, start + 1, last);
	assert.equal(second.of('TRADE_ALERT').length, 500 + 50);
	let previous = start;
	for (const event of second.of('TRADE_ALERT')) {
		assert.equal(event.prev_seq, previous);
		previous = event.seq;
	}
	await Promise.all([all.close(), second.close()]);
	await worker.stop();
});

test('GAP instead of a resume: another epoch, a number from the future, events that are gone', async () => {
	const worker = await startWorker(database);
	const epoch = await database.epoch();
	const client = await connect(worker);
	const [{ seq }] = await database.query('SELECT seq::integer FROM pulse.sequencer');
	client.send({ type: 'SUBSCRIBE', id: 1, since: { epoch: 'other', seq: 1 } });
	client.send({ type: 'SUBSCRIBE', id: 2, since: { epoch, seq: seq + 1000 } });
	for (const [id, reason] of [[1, 'EPOCH_CHANGED'], [2, 'AHEAD']]) {
		const gap = await client.next((message) => message.type === 'GAP' && message.id === id);
		assert.equal(gap.data.reason, reason);
		assert.equal(gap.epoch, epoch);
		assert.equal(client.messages.find((message) => message.type === 'SUBSCRIBED' && message.id === id).data.resumed, false);
	}
	await database.query('DELETE FROM pulse.event WHERE seq < $1', [seq - 1500]);
	client.send({ type: 'SUBSCRIBE', id: 3, since: { epoch, seq: 1 } });
	const gap = await client.next((message) => message.type === 'GAP' && message.data.reason === 'EVENTS_EXPIRED');
	assert.ok(gap);
	const last = await database.emit(trade('after the gap'));
	await client.next((message) => message.seq === last && 'prev_seq' in message);
	complete(client, seq - 1500, last);
	await client.close();
	await worker.stop();
});

test('a database that was restored tells connected clients with GAP and goes on in the new epoch', async () => {
	const worker = await startWorker(database, { config: { database: { poll_interval: 5 } } });
	const client = await connect(worker);
	const old = await database.emit(trade('old'));
	await client.next((message) => message.seq === old && 'prev_seq' in message);
	await database.query(`UPDATE pulse.sequencer SET epoch = 'restored', seq = 10`);
	await database.query('DELETE FROM pulse.event');
	const seq = await database.emit(trade('new'));
	assert.equal(seq, 11);
	const gap = await client.type('GAP');
	assert.equal(gap.data.reason, 'EPOCH_CHANGED');
	assert.equal(gap.epoch, 'restored');
	await eventually('the worker stands in the new epoch', async () => (await (await worker.get('/readyz')).json()).epoch === 'restored');
	const next = await database.emit(trade('newer'));
	const event = await client.next((message) => message.epoch === 'restored' && message.data?.id === 'newer');
	assert.equal(event.seq, next);
	await client.close();
	await worker.stop();
});

test('kill -9 of the worker under load: a client that resumes has every event once', async () => {
	let worker = await startWorker(database);
	const epoch = await database.epoch();
	const { port } = worker;
	const received = [];
	let client = await connect(worker);
	const take = () => {
		for (const message of client.messages) if ('prev_seq' in message && message.type !== 'SNAPSHOT' && !message.urgent) received.push(message.seq);
	};
	const first = await database.emit(trade('first'));
	await client.next((message) => message.seq === first && 'prev_seq' in message);
	let stop = false;
	let last = first;
	const load = (async () => {
		for (let i = 0; !stop; i++) last = await database.emit(trade(`${i} a`), trade(`${i} b`));
	})();
	for (let round = 0; round < 3; round++) {
		await eventually('some events', () => client.messages.length > 20);
		await worker.kill();
		await client.end;
		take();
		worker = await startWorker(database, { port });
		client = await connect(worker);
		client.send({ type: 'SUBSCRIBE', since: { epoch, seq: received.at(-1) } });
	}
	stop = true;
	await load;
	await client.next((message) => message.seq === last && 'prev_seq' in message);
	take();
	assert.deepEqual(received, Array.from({ length: last - first + 1 }, (_, i) => first + i));
	await client.close();
	await worker.stop();
});

test('stop and crash of the server: clients stay connected and miss nothing', async () => {
	const worker = await startWorker(database);
	const client = await connect(worker);
	const first = await database.emit(trade('before'));
	await client.next((message) => message.seq === first && 'prev_seq' in message);
	for (const act of ['stop', 'crash']) {
		await database.cluster[act]('immediate');
		await eventually('the worker notices', () => worker.get('/readyz').then((answer) => answer.status === 503));
		assert.equal((await worker.get('/healthz')).status, 200, 'alive without a database');
		client.send({ type: 'REQUEST_SNAPSHOT', id: act });
		const error = await client.next((message) => message.id === act);
		assert.equal(error.type, 'ERROR');
		assert.equal(error.retryable, true);
		await database.cluster.start();
		await database.reopen();
		// Written while the worker is not listening, or just again: only the table knows.
		await database.emit(trade(`${act} 1`), trade(`${act} 2`));
	}
	const last = await database.emit(trade('after'));
	await client.next((message) => message.seq === last && 'prev_seq' in message);
	complete(client, first, last);
	await client.close();
	await worker.stop();
});

test('a reader that stalls is closed with 4008; others are not held up, and it can resume', async () => {
	const worker = await startWorker(database, { config: { websocket: { max_queue: 65536 } } });
	const epoch = await database.epoch();
	const [slow, quick] = await Promise.all([connect(worker), connect(worker)]);
	slow.socket.pause();
	const filler = 'x'.repeat(4000);
	let last;
	const first = await database.emit(trade('first'));
	await eventually('the slow client is given up', async () => {
		last = await database.emit(...Array.from({ length: 50 }, (_, i) => trade(i, { data: { filler } })));
		return worker.log.some((line) => /reads too slowly/.test(line.message));
	});
	await quick.next((message) => message.seq === last && 'prev_seq' in message);
	complete(quick, first, last);
	slow.socket.resume();
	assert.deepEqual(await slow.end, { code: 4008, reason: 'too slow' });
	const got = slow.seqs();
	assert.deepEqual(got, Array.from({ length: got.length }, (_, i) => first + i), 'what it got is without a gap');
	const again = await connect(worker);
	again.send({ type: 'SUBSCRIBE', since: { epoch, seq: got.at(-1) } });
	await again.next((message) => message.seq === last && 'prev_seq' in message);
	complete(again, got.at(-1) + 1, last);
	await Promise.all([quick.close(), again.close()]);
	await worker.stop();
});

test('state messages that a slow reader has not taken yet are replaced by newer ones, alerts never', async () => {
	const worker = await startWorker(database, { config: { websocket: { max_queue: 262144 } } });
	const client = await connect(worker);
	client.socket.pause();
	const filler = 'x'.repeat(20_000);
	const first = await database.emit(trade('first'));
	let last;
	for (let i = 0; i < 300; i++) {
		last = await database.emit(
			{ type: 'PORTFOLIO_UPDATE', portfolio: 'main', data: { i, filler } },
			{ type: 'PORTFOLIO_UPDATE', portfolio: 'second', data: { i, filler } }, trade(i));
	}
	await eventually('everything was passed on', async () => (await (await worker.get('/readyz')).json()).seq === last);
	client.socket.resume();
	await client.next((message) => message.seq === last && 'prev_seq' in message);
	const states = client.of('PORTFOLIO_UPDATE');
	assert.ok(states.length < 400, `${states.length} state messages of 600`);
	for (const portfolio of ['main', 'second']) {
		assert.equal(states.filter((message) => message.portfolio === portfolio).at(-1).data.i, 299, 'the newest state came');
	}
	assert.equal(client.of('TRADE_ALERT').length, 301);
	const seqs = client.seqs();
	assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b), 'in order');
	let previous = null;
	for (const message of client.messages.filter((candidate) => 'prev_seq' in candidate)) {
		assert.equal(message.prev_seq, previous);
		previous = message.seq;
	}
	assert.equal(seqs[0], first);
	await client.close();
	await worker.stop();
});

test('a CRITICAL alert overtakes what waits for a slow reader, as a marked copy; the event itself keeps its place', async () => {
	const worker = await startWorker(database, { config: { websocket: { max_queue: 33554432 } } });
	const [slow, other] = await Promise.all([connect(worker), connect(worker)]);
	other.send({ type: 'SUBSCRIBE', subscriptions: ['TRADE_ALERT'], filter: { portfolio: ['second'] } });
	await other.type('SUBSCRIBED');
	slow.socket.pause();
	const filler = 'x'.repeat(20_000);
	const first = await database.emit(trade('first'));
	// more than all buffers between the two hold
	for (let i = 0; i < 12; i++) await database.emit(...Array.from({ length: 100 }, (_, n) => trade(i * 100 + n, { data: { filler } })));
	await database.emit({ type: 'PORTFOLIO_UPDATE', portfolio: 'main', data: { filler } });
	const alarm = await database.emit({ type: 'SYSTEM_ALERT', priority: 'CRITICAL', portfolio: 'main', key: 'drawdown', data: { id: 'alarm' } });
	const last = await database.emit(trade('last'), trade('last of the second', { portfolio: 'second' }));
	await eventually('everything was passed on', async () => (await (await worker.get('/readyz')).json()).seq === last);
	slow.socket.resume();
	await slow.next((message) => message.seq === last && 'prev_seq' in message);
	const copy = slow.messages.findIndex((message) => message.urgent);
	assert.deepEqual([slow.messages[copy]?.type, slow.messages[copy]?.seq, slow.messages[copy]?.prev_seq, slow.messages[copy]?.data.id], ['SYSTEM_ALERT', null, null, 'alarm']);
	assert.ok(copy < slow.messages.findIndex((message) => message.type === 'PORTFOLIO_UPDATE'), 'before state that has waited longer');
	assert.ok(slow.messages.slice(copy).filter((message) => message.type === 'TRADE_ALERT').length > 10, 'before alerts that have waited longer');
	assert.equal(slow.messages.filter((message) => message.urgent).length, 1);
	assert.deepEqual(slow.messages.filter((message) => !message.urgent && message.data?.id === 'alarm').map((message) => message.seq), [alarm], 'the event itself, once');
	slow.messages.splice(copy, 1);
	complete(slow, first, last);
	await other.next((message) => message.data?.id === 'last of the second');
	assert.equal(other.messages.filter((message) => message.type === 'SYSTEM_ALERT').length, 0, 'who has not subscribed to alerts gets no copy either');
	await Promise.all([slow.close(), other.close()]);
	await worker.stop();
});

test('a notification that got lost costs a poll, not an event', async () => {
	const worker = await startWorker(database, { config: { database: { poll_interval: 5 } } });
	const client = await connect(worker);
	const [{ seq }] = await database.query(`WITH n AS (UPDATE pulse.sequencer SET seq = seq + 1 RETURNING seq, epoch)
		INSERT INTO pulse.event (seq, epoch, ts, type, data) SELECT seq, epoch, now(), 'HEALTH_UPDATE', '{}' FROM n RETURNING seq::integer`);
	await client.next((message) => message.seq === seq && 'prev_seq' in message);
	await client.close();
	await worker.stop();
});
