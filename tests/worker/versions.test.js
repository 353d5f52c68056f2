// Program, extension and library of different versions: told apart from an outage, served as far as they go.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, afterEach, before, test } from 'node:test';
import { connect, eventually, finish, program, startDatabase, startWorker, sweep, trade } from './harness.js';

let database;
let real;

before(async () => {
	database = await startDatabase();
	[{ extversion: real }] = await database.query(`SELECT extversion FROM pg_extension WHERE extname = 'pulse'`);
});
afterEach(async () => {
	sweep();
	if (await database.query(`SELECT FROM pg_extension WHERE extname = 'pulse'`).then(({ length }) => length)) await pretend(real);
});
after(() => finish(() => {}, () => database?.remove()));

const pretend = (version) => database.query(`UPDATE pg_extension SET extversion = $1 WHERE extname = 'pulse'`, [version]);
const readiness = async (worker) => {
	const answer = await worker.get('/readyz');
	return { ...await answer.json(), status: answer.status };
};
const doctor = async (worker) => new Promise((resolve) => {
	program().then((path) => execFile(path, ['doctor', '--config', worker.path], (error, stdout) => resolve({ code: error?.code ?? 0, stdout })));
});

test('versions that fit are named, and nothing else is said', async () => {
	const worker = await startWorker(database);
	const state = await eventually('the library is known', async () => {
		const answer = await readiness(worker);
		return answer.versions.library ? answer : undefined;
	});
	assert.deepEqual(state.versions, { worker: real, extension: real, library: real });
	assert.equal(state.warning, null);
	assert.ok(!worker.output.includes('mismatch'));
	await worker.stop();
});

for (const [version, told, advice, again] of [
	['0.9', /"trading" is 0\.9, and pulse-worker .* serves 1\.0 and later/, /ALTER EXTENSION pulse UPDATE/, true],
	['2.0.1', /"trading" is 2\.0\.1, newer than pulse-worker/, /install pulse-worker 2\.0\.1/],
	['devel', /"trading" calls itself devel/, /does not know/],
]) {
	test(`an extension that calls itself ${version} is refused${again ? ', and served when it fits' : ''}`, async () => {
		await pretend(version);
		const worker = await startWorker(database, { ready: false });
		await worker.logged(told);
		const state = await eventually('the mismatch is told', async () => {
			const answer = await readiness(worker);
			return answer.database === 'version_mismatch' ? answer : undefined;
		});
		assert.equal(state.status, 503);
		assert.match(state.problem, told);
		assert.match(state.problem, advice);
		assert.equal(state.versions.extension, version);
		const refused = await worker.get('/api/v1/health');
		assert.equal(refused.status, 503);
		assert.match((await refused.json()).detail, told);
		const examined = await doctor(worker);
		assert.equal(examined.code, 69);
		assert.match(examined.stdout, told);
		assert.ok(!worker.output.includes('retrying'), 'an outage was told, and there is none');

		if (again) {
			await pretend(real);
			await eventually('the worker is ready', () => worker.get('/readyz').then(({ ok }) => ok));
		}
		await worker.stop();
	});
}

test('the library is newer than the objects, which have not been updated: everything goes on, and the update is asked for', async () => {
	await database.query('CREATE DATABASE old');
	const { Client } = (await import('pg')).default;
	const client = new Client({ ...database.cluster.connection, database: 'old' });
	await client.connect();
	await client.query(`CREATE EXTENSION pulse VERSION '1.0.0'`);
	await client.query('SELECT pulse_setup()');
	await client.query(`INSERT INTO trades (symbol, side, quantity, price) VALUES ('BTCUSDT', 'BUY', 1, 100)`);
	const worker = await startWorker({ cluster: { dsn: database.cluster.dsn.replace('dbname=trading', 'dbname=old') } });
	await worker.logged(/version mismatch: the extension is still 1\.0\.0, .*ALTER EXTENSION pulse UPDATE/);
	const state = await readiness(worker);
	assert.equal(state.status, 200);
	assert.match(state.warning, /ALTER EXTENSION pulse UPDATE/);
	assert.deepEqual(state.versions, { worker: real, extension: '1.0.0', library: real });
	for (const path of ['snapshot', 'performance', 'positions', 'trades', 'health', 'alerts', 'portfolio/chart']) {
		const answer = await worker.get(`/api/v1/${path}`);
		assert.equal(answer.status, 200, `${path}: ${await answer.text()}`);
	}
	const examined = await doctor(worker);
	assert.equal(examined.code, 0);
	assert.match(examined.stdout, /^warning {2}the extension is still 1\.0\.0, .*\n *Run ALTER EXTENSION pulse UPDATE/m);
	await eventually('pulse_health() of the old extension warns', async () =>
		(await client.query(`SELECT status FROM pulse_health_check('worker')`)).rows[0].status === 'WARNING');

	await client.query('ALTER EXTENSION pulse UPDATE');
	worker.signal('SIGHUP');
	await eventually('nothing is left to say', async () => {
		const { status, warning, versions } = await readiness(worker);
		return status === 200 && warning === null && versions.extension === real;
	});
	await client.end();
	await worker.stop();
});

test('newer objects than the library: everything that works goes on, and the remedy is told everywhere', async () => {
	const worker = await startWorker(database);
	const client = await connect(worker);
	await pretend('1.99.0');
	worker.signal('SIGHUP');
	await worker.logged(/the extension has been changed to version 1\.99\.0/);
	await worker.logged(/still runs the library of Pulse .* under the extension 1\.99\.0; restart the server/);
	const state = await eventually('the worker is ready and warns', async () => {
		const answer = await readiness(worker);
		return answer.status === 200 && answer.warning ? answer : undefined;
	});
	assert.match(state.warning, /restart the server/);
	await database.emit(trade('all the same'));
	await client.next((message) => message.data?.id === 'all the same');
	const component = await eventually('pulse_health() warns', async () => {
		const [row] = await database.query(`SELECT * FROM pulse_health_check('worker')`);
		return row.status === 'WARNING' ? row : undefined;
	});
	assert.match(component.details.problem, /restart the server/);
	const examined = await doctor(worker);
	assert.equal(examined.code, 69);
	assert.match(examined.stdout, /^problem {2}the extension is 1\.99\.0, the server runs the library of Pulse .*\n *Restart the server/m);

	await pretend(real);
	worker.signal('SIGHUP');
	await worker.logged(/fit again/);
	await eventually('pulse_health() is content', async () =>
		(await database.query(`SELECT * FROM pulse_health_check('worker')`))[0].status === 'HEALTHY');
	await client.close();
	await worker.stop();
});

test('an extension that goes away under a running worker is missed, not called an outage', async () => {
	const worker = await startWorker(database);
	await database.query('DROP EXTENSION pulse CASCADE');
	worker.signal('SIGHUP');
	await worker.logged(/the extension is no longer where it was|has no extension pulse/);
	await eventually('its absence is told', async () => (await readiness(worker)).database === 'extension_missing');
	await database.query('CREATE EXTENSION pulse');
	await database.query('SELECT pulse_worker_stop()');
	await eventually('the worker is ready', () => worker.get('/readyz').then(({ ok }) => ok));
	await worker.stop();
});
