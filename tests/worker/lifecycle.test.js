// Start, reload, stop, and a database that is not what it should be.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { connect, eventually, finish, startDatabase, startWorker, sweep, trade } from './harness.js';

let database;

before(async () => { database = await startDatabase(); });
afterEach(sweep);
after(() => finish(() => {}, () => database?.remove()));

/** How many of a process's descriptors are open. */
const descriptors = async (pid) => (await import('node:fs/promises')).readdir(`/proc/${pid}/fd`).then((names) => names.length);

test('SIGTERM says goodbye with 1001, SIGUSR2 with 1012, and both end with status 0', async () => {
	for (const [signal, code] of [['SIGTERM', 1001], ['SIGINT', 1001], ['SIGUSR2', 1012]]) {
		const worker = await startWorker(database);
		const clients = await Promise.all([connect(worker), connect(worker), connect(worker)]);
		worker.signal(signal);
		for (const client of clients) assert.equal((await client.end).code, code, signal);
		assert.equal(await worker.exit, 0, worker.output);
	}
});

test('SIGTERM: a client that does not answer does not hold it up for long', async () => {
	const worker = await startWorker(database);
	const [good, deaf] = await Promise.all([connect(worker), connect(worker)]);
	deaf.socket.pause();
	worker.signal('SIGTERM');
	assert.equal((await good.end).code, 1001);
	assert.equal(await worker.exit, 0);
	deaf.socket.terminate();
});

test('SIGHUP takes over a good configuration, and keeps the old one when the new one is wrong', async () => {
	const worker = await startWorker(database);
	const client = await connect(worker);
	await worker.configure('[database]\ndsn = dbname=x\n[websocket]\nport = nonsense\n');
	worker.signal('SIGHUP');
	await worker.logged(/pulse\.ini:4: \[websocket\] port: "nonsense"/);
	await worker.logged(/not reloaded; the old one stays in force/);
	await database.emit(trade('still here'));
	await client.next((message) => message.data?.id === 'still here');

	await worker.configure({ websocket: { max_message: 1024, allowed_origins: 'https://new.example' } });
	worker.signal('SIGHUP');
	await worker.logged(/configuration reloaded/);
	const page = await connect(worker, { headers: { Origin: 'https://new.example' } });
	assert.equal((await page.type('WELCOME')).data.max_message, 1024);
	client.send(' '.repeat(2000));
	assert.equal((await client.end).code, 1009);
	await page.close();
	await worker.stop();
});

test('SIGHUP can move to another port; connected clients stay', async () => {
	const worker = await startWorker(database);
	const client = await connect(worker);
	const taken = createServer().listen(0, '127.0.0.1');
	await eventually('a port is taken', () => taken.listening);
	await worker.configure({ websocket: { port: taken.address().port } });
	worker.signal('SIGHUP');
	await worker.logged(/cannot listen on .*not reloaded/);
	assert.equal((await worker.get('/healthz')).status, 200);

	const { port } = taken.address();
	taken.close();
	worker.signal('SIGHUP');
	await worker.logged(/configuration reloaded/);
	worker.port = port;
	assert.equal((await worker.get('/healthz')).status, 200);
	await database.emit(trade('over the old connection'));
	await client.next((message) => message.data?.id === 'over the old connection');
	await client.close();
	await worker.stop();
});

test('a port that is taken ends the worker with a reason', async () => {
	const taken = createServer().listen(0, '127.0.0.1');
	await eventually('a port is taken', () => taken.listening);
	await assert.rejects(startWorker(database, { port: taken.address().port }), /ended with 69[^]*cannot listen on 127\.0\.0\.1 port \d+: Address already in use/);
	taken.close();
});

test('max_clients: one more is refused with 503 until one leaves', async () => {
	const worker = await startWorker(database, { config: { websocket: { max_clients: 2 } } });
	const clients = [await connect(worker), await connect(worker)];
	await assert.rejects(connect(worker), /503/);
	await clients[0].close();
	await eventually('a place is free', async () => (await (await worker.get('/healthz')).json()).clients === 1);
	const next = await connect(worker);
	await next.type('WELCOME');
	await Promise.all([next.close(), clients[1].close()]);
	await worker.stop();
});

test('clients that come and go leave nothing behind', async () => {
	const worker = await startWorker(database);
	const round = async () => {
		const clients = await Promise.all(Array.from({ length: 50 }, () => connect(worker)));
		for (const [i, client] of clients.entries()) {
			if (i % 3 === 0) client.send({ type: 'REQUEST_SNAPSHOT' });
			if (i % 3 === 1) client.send({ type: 'SUBSCRIBE', since: { seq: 0 } });
			if (i % 2 === 0) client.socket.terminate();
			else await client.close();
		}
		await eventually('all are gone', async () => (await (await worker.get('/healthz', { headers: { connection: 'close' } })).json()).clients === 0);
	};
	await round();
	const before = await descriptors(worker.process.pid);
	for (let i = 0; i < 5; i++) await round();
	assert.ok(Math.abs(await descriptors(worker.process.pid) - before) <= 2);
	// The leak sanitizer judges the memory when the worker ends.
	await worker.stop();
});

test('a database without the extension is told apart from one that is down, and picked up when it is there', async () => {
	await database.query('CREATE DATABASE bare');
	const { cluster } = database;
	const bare = { cluster: { dsn: cluster.dsn.replace('dbname=trading', 'dbname=bare') } };
	const worker = await startWorker(bare, { ready: false });
	await worker.logged(/database "bare" has no extension pulse; run CREATE EXTENSION pulse/);
	const state = await eventually('the state is known', async () => {
		const answer = await worker.get('/readyz');
		assert.equal(answer.status, 503);
		const body = await answer.json();
		return body.database === 'extension_missing' ? body : undefined;
	});
	assert.match(state.problem, /CREATE EXTENSION pulse/);

	const client = await connect(worker);
	assert.equal((await client.type('WELCOME')).data.ready, false);
	const { Client } = (await import('pg')).default;
	const other = new Client({ ...cluster.connection, database: 'bare' });
	await other.connect();
	await other.query('CREATE SCHEMA "My Schema"; CREATE EXTENSION pulse SCHEMA "My Schema"');
	await eventually('the worker is ready', () => worker.get('/readyz').then(({ ok }) => ok));
	await worker.logged(/in schema "My Schema"/);
	await other.end();
	await client.close();
	await worker.stop();
});

test('a server that is down: alive, not ready, ready again when it is back', async () => {
	await database.cluster.stop();
	const worker = await startWorker(database, { ready: false });
	assert.equal((await worker.get('/healthz')).status, 200);
	const state = await (await worker.get('/readyz')).json();
	assert.notEqual(state.database, 'ready');
	await worker.logged(/retrying/);
	await database.cluster.start();
	await database.reopen();
	await eventually('the worker is ready', () => worker.get('/readyz').then(({ ok }) => ok));
	await worker.stop();
});

test('a password in the connection string is in no log line and in no command line', async () => {
	const password = 'hunter2-correct-horse';
	await database.query(`CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '${password}'`);
	const guarded = { cluster: { dsn: `${database.cluster.dsn.replace(/user=\S+/, 'user=guarded')} password=${password}` } };
	const worker = await startWorker(guarded, { args: ['--debug'] });
	await database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'guarded'`);
	await worker.logged(/retrying/);
	await eventually('the worker is ready', () => worker.get('/readyz').then(({ ok }) => ok));
	assert.ok(!worker.output.includes(password));
	assert.ok(!(await readFile(`/proc/${worker.process.pid}/cmdline`, 'utf8')).includes(password));
	await worker.stop();
});
