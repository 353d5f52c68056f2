// JSON Lines files and remote endpoints: what is in them, and what a crash, a full disk and an outage leave of it.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { appendFile, mkdtemp, readdir, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { eventually, finish, startDatabase, startWorker, sweep, trade } from './harness.js';

let database;
let directory;
const servers = [];

before(async () => { database = await startDatabase(); });
beforeEach(async () => { directory = await mkdtemp(join(tmpdir(), 'pulse-logs.')); });
afterEach(async () => {
	sweep();
	for (const server of servers.splice(0)) await server.close();
	await rm(directory, { recursive: true, force: true });
});
after(() => finish(() => {}, () => database?.remove()));

const today = () => new Date().toISOString().slice(0, 10);
const daysAgo = (days) => new Date(Date.now() - days * 86400_000).toISOString().slice(0, 10);
const file = (kind, date = today()) => join(directory, `${kind}-${date}.jsonl`);
const start = (config = {}, more = {}) => startWorker(database, { ...more, config: { resources: { enabled: 'false' }, logs: { directory }, ...config } });

/** The lines of a file so far, parsed; a line that is no JSON throws. */
const lines = async (kind, date) => (await readFile(file(kind, date), 'utf8').catch(() => '')).split('\n').slice(0, -1).map((line) => JSON.parse(line));
const ids = async () => (await lines('trades')).map(({ data }) => Number(data.id));
const numbered = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => trade(from + i));
const range = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

test('every kind has its file of today, one JSON object a line', async () => {
	const worker = await start({ logs: { directory, performance_interval: 0 } });
	await database.emit({ type: 'PERFORMANCE_UPDATE', portfolio: 'main', data: { sharpe: 1.5 } }, trade(1), { type: 'HEALTH_UPDATE', data: { status: 'HEALTHY' } },
		{ type: 'SYSTEM_ALERT', data: { title: 'a\nb "c"' } });
	await eventually('all are there', async () => (await Promise.all(['performance', 'trades', 'health', 'alerts', 'worker'].map((kind) => lines(kind)))).every(({ length }) => length > 0));
	const [line] = await lines('trades');
	assert.deepEqual([line.type, line.portfolio, line.data.id], ['TRADE_ALERT', 'main', '1']);
	assert.equal((await lines('alerts'))[0].data.title, 'a\nb "c"');
	assert.ok((await lines('worker')).some(({ component, message }) => component === 'feed' || /listening/.test(message)));
	await worker.stop();
	assert.ok((await lines('worker')).some(({ message }) => message === 'stopped' || /stopping/.test(message)), 'the last words too');
});

test('performance comes every second and is kept once a minute for each portfolio', async () => {
	const worker = await start();
	const update = (portfolio) => ({ type: 'PERFORMANCE_UPDATE', portfolio, data: {} });
	await database.emit(update('a'), update('a'), update('b'), update('a'), update('b'), trade(1));
	await eventually('the trade', async () => (await ids()).length === 1);
	assert.deepEqual((await lines('performance')).map(({ portfolio }) => portfolio), ['a', 'b']);
	await worker.stop();
});

test('kill -9 again and again: no line is torn, lost or written twice', async () => {
	let worker = await start();
	let last = 0;
	for (let round = 0; round < 6; round++) {
		await database.emit(...numbered(last + 1, last + 40));
		last += 40;
		if (round % 2 === 0) await eventually('some are written', async () => (await ids()).length >= last - 30);
		await worker.kill();
		await database.emit(...numbered(last + 1, last + 10));
		last += 10;
		// What a crash of the machine can leave: half a line.
		await appendFile(file('trades'), '{"v":1,"type":"TRADE_ALERT","seq":1');
		worker = await start();
	}
	await eventually('everything', async () => (await ids()).length >= last);
	assert.deepEqual(await ids(), range(1, last));
	await worker.logged(/ended in the middle of a line/);
	await worker.stop();
});

test('days that are over are compressed and, when old enough, deleted; strangers stay', async () => {
	await writeFile(file('trades', daysAgo(1)), '{"a":1}\n{"a":2}\n');
	await writeFile(file('trades', daysAgo(8)), '{"old":1}\n');
	await writeFile(`${file('health', daysAgo(9))}.gz`, 'x');
	await writeFile(`${file('alerts', daysAgo(1))}.gz.part`, 'half');
	await writeFile(join(directory, 'notes-2001-01-01.txt'), 'mine');
	const worker = await start({ logs: { directory, retention_days: 7 } });
	await eventually('housekeeping', async () => (await readdir(directory)).includes(`trades-${daysAgo(1)}.jsonl.gz`));
	await worker.stop();
	const names = await readdir(directory);
	assert.equal(gunzipSync(await readFile(`${file('trades', daysAgo(1))}.gz`)).toString(), '{"a":1}\n{"a":2}\n');
	for (const gone of [`trades-${daysAgo(1)}.jsonl`, `trades-${daysAgo(8)}.jsonl`, `health-${daysAgo(9)}.jsonl.gz`, `alerts-${daysAgo(1)}.jsonl.gz.part`]) assert.ok(!names.includes(gone), gone);
	assert.ok(names.includes('notes-2001-01-01.txt'));
});

test('midnight: a new file begins, the old one is compressed', async () => {
	// The clock stands at four seconds before midnight.
	const midnight = Math.ceil(Date.now() / 86400_000) * 86400;
	const worker = await start({}, { env: { PULSE_CLOCK_DAY: String(midnight - 4) } });
	await database.emit(trade(1));
	await eventually('another day', async () => (await readdir(directory)).filter((name) => /^worker-.*\.gz$/.test(name)).length > 0);
	await database.emit(trade(2));
	const all = async () => {
		const found = [];
		for (const name of (await readdir(directory)).filter((entry) => entry.startsWith('trades-')).sort()) {
			const bytes = await readFile(join(directory, name)).catch(() => Buffer.alloc(0));
			found.push(...(name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split('\n').filter(Boolean).map((line) => JSON.parse(line).data.id));
		}
		return found;
	};
	await eventually('both trades', async () => (await all().catch(() => [])).join() === '1,2');
	await worker.stop();
});

test('a full disk loses nothing that fits in memory, is told, and heals', async () => {
	// /dev/full answers every write with "no space left on device".
	await symlink('/dev/full', file('trades'));
	const worker = await start();
	await database.emit(...numbered(1, 20));
	await worker.logged(/log files cannot be written to .*: No space left on device/);
	await eventually('it is told to the database', async () => (await database.query(`SELECT FROM pulse.health_sample WHERE component = 'logs' AND status = 'CRITICAL'`)).length > 0);
	assert.match(await (await worker.get('/metrics')).text(), /^pulse_log_waiting_bytes\{kind="trades"\} [1-9]/m);
	assert.equal((await worker.get('/healthz')).status, 200, 'everything else goes on');
	await unlink(file('trades'));
	await eventually('written after all', async () => (await ids()).length === 20);
	await worker.logged(/log files are written again; 0 lines were lost/);
	await worker.stop();
});

/** An endpoint that keeps what it takes; `behave` can answer instead: {status, headers, body}. */
async function startEndpoint() {
	const endpoint = { requests: [], behave: () => undefined };
	const server = createServer((request, response) => {
		const chunks = [];
		request.on('data', (chunk) => chunks.push(chunk));
		request.on('end', () => {
			const raw = Buffer.concat(chunks);
			const body = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString();
			const answer = endpoint.behave({ headers: request.headers, body }) ?? { status: 204 };
			endpoint.requests.push({ headers: request.headers, path: request.url, body, status: answer.status, at: Date.now() });
			if (answer.status === 0) return request.socket.destroy();
			return response.writeHead(answer.status, answer.headers).end(answer.body);
		});
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	endpoint.url = `http://127.0.0.1:${server.address().port}`;
	endpoint.taken = () => endpoint.requests.filter(({ status }) => status >= 200 && status < 300);
	servers.push({ close: () => new Promise((resolve) => {
		server.close(resolve);
		server.closeAllConnections();
	}) });
	return endpoint;
}

test('NDJSON, Loki and Elasticsearch get the lines in their own words, compressed, with the secret header', async () => {
	const endpoint = await startEndpoint();
	const remote = (path, more) => ({ url: `${endpoint.url}${path}`, flush_seconds: 1, kinds: 'trades, alerts', headers: 'Authorization: Bearer ${LOG_TOKEN}', ...more });
	const worker = await start({ 'remote.plain': remote('/ndjson'), 'remote.loki': remote('/loki/api/v1/push', { format: 'loki', labels: 'env=test' }),
		'remote.search': remote('/_bulk', { format: 'elasticsearch', index: 'pulse-x' }) }, { env: { LOG_TOKEN: 'token-that-is-secret' } });
	await database.emit(trade(1), { type: 'SYSTEM_ALERT', data: { title: 'x "y"' } }, trade(2), { type: 'HEALTH_UPDATE' });
	const of = (path) => endpoint.requests.filter((request) => request.path === path);
	await eventually('all three', () => of('/ndjson').length > 0 && of('/loki/api/v1/push').length > 0 && of('/_bulk').length > 0);
	for (const { headers } of endpoint.requests) {
		assert.equal(headers['content-encoding'], 'gzip');
		assert.equal(headers.authorization, 'Bearer token-that-is-secret');
	}
	const plain = of('/ndjson').flatMap(({ body }) => body.trim().split('\n').map((line) => JSON.parse(line)));
	assert.deepEqual(plain.map(({ kind }) => kind), ['trades', 'alerts', 'trades']);
	const { streams } = JSON.parse(of('/loki/api/v1/push')[0].body);
	assert.deepEqual(streams.map(({ stream }) => stream), [{ job: 'pulse', kind: 'trades', env: 'test' }, { job: 'pulse', kind: 'alerts', env: 'test' }]);
	assert.equal(JSON.parse(streams[0].values[1][1]).data.id, '2');
	assert.match(streams[0].values[0][0], /^\d{19}$/);
	const bulk = of('/_bulk')[0].body.trim().split('\n').map((line) => JSON.parse(line));
	assert.equal(bulk.length, 6);
	assert.deepEqual([bulk[0].create._index, bulk[2].create._index], ['pulse-x-trades', 'pulse-x-alerts']);
	assert.equal(new Set([0, 2, 4].map((i) => bulk[i].create._id)).size, 3);
	assert.ok(Math.abs(Date.parse(bulk[1]['@timestamp']) - Date.now()) < 60_000);
	assert.ok(!worker.output.includes('token-that-is-secret'));
	await worker.stop();
});

test('an endpoint that is down costs no line, also across kill -9; it is not stormed afterwards', async () => {
	const endpoint = await startEndpoint();
	endpoint.behave = () => ({ status: 503 });
	const config = { 'remote.x': { url: endpoint.url, kinds: 'trades', flush_seconds: 1, batch_bytes: 4096 } };
	const env = { PULSE_CLOCK_RATE: '10' };
	let worker = await start(config, { env });
	await database.emit(...numbered(1, 30));
	await eventually('tries', () => endpoint.requests.length >= 2);
	await worker.kill();
	worker = await start(config, { env });
	await database.emit(...numbered(31, 60));
	await eventually('another try', () => endpoint.requests.length >= 4);
	const gaps = endpoint.requests.slice(1).map(({ at }, i) => at - endpoint.requests[i].at);
	assert.ok(endpoint.requests.length < 40, `${endpoint.requests.length} requests, gaps ${gaps}`);
	endpoint.behave = () => undefined;
	const got = () => endpoint.taken().flatMap(({ body }) => body.trim().split('\n').map((line) => Number(JSON.parse(line).data.id)));
	await eventually('all lines', () => new Set(got()).size === 60);
	assert.deepEqual([...new Set(got())].sort((a, b) => a - b), range(1, 60));
	await worker.logged(/takes lines again/);
	await worker.stop();
});

test('too large, a poisonous line, refused lines of a bulk: the rest goes on', async () => {
	const endpoint = await startEndpoint();
	endpoint.behave = ({ body }) => (body.length > 3000 ? { status: 413 } : body.includes('"id": "13"') ? { status: 400, body: 'poison' } : undefined);
	const search = await startEndpoint();
	search.behave = ({ body }) => {
		const items = body.trim().split('\n').filter((_, i) => i % 2 === 1).map((line) => (JSON.parse(line).data.id === '7'
			? { create: { status: 400, error: { reason: 'mapping' } } } : { create: { status: 201 } }));
		return { status: 200, body: JSON.stringify({ errors: true, items }) };
	};
	const worker = await start({ 'remote.x': { url: endpoint.url, kinds: 'trades', flush_seconds: 1, gzip: 'false' },
		'remote.search': { url: search.url, kinds: 'trades', flush_seconds: 1, format: 'elasticsearch' } }, { env: { PULSE_CLOCK_RATE: '20' } });
	await database.emit(...numbered(1, 40));
	const got = () => endpoint.taken().flatMap(({ body }) => body.trim().split('\n').map((line) => Number(JSON.parse(line).data.id)));
	await eventually('all but the poison', () => new Set(got()).size === 39);
	assert.ok(!got().includes(13));
	await worker.logged(/x refuses a line for good: HTTP status 400: poison/);
	await worker.logged(/search refuses 1 lines for good: 400: mapping/);
	const text = await (await worker.get('/metrics')).text();
	assert.match(text, /^pulse_remote_rejected_lines_total\{remote="x"\} 1$/m);
	assert.match(text, /^pulse_remote_sent_lines_total\{remote="search"\} 39$/m);
	await worker.stop();
});

test('the spool is bounded: the oldest lines go, and are counted', async () => {
	const worker = await start({ 'remote.x': { url: 'http://127.0.0.1:9/', kinds: 'trades', spool_megabytes: 1 } }, { env: { PULSE_CLOCK_RATE: '10' } });
	const big = 'x'.repeat(20_000);
	for (let i = 0; i < 8; i++) {
		await database.emit(...Array.from({ length: 20 }, (_, j) => ({ ...trade(i * 20 + j), data: { id: String(i * 20 + j), big } })));
		await new Promise((resolve) => setTimeout(resolve, 150));
	}
	const text = await eventually('lines are lost', async () => {
		const metrics = await (await worker.get('/metrics')).text();
		return /^pulse_remote_lost_lines_total\{remote="x"\} [1-9]/m.test(metrics) && metrics;
	});
	assert.ok(Number(/^pulse_remote_spool_bytes\{remote="x"\} (\d+)$/m.exec(text)[1]) < 2.5e6);
	await worker.stop();
});
