// Some portfolios together, for a token that covers them and not all: every figure is the one that there would be if the
// others did not exist. The oracle is a database from which these are deleted.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { connect, eventually, finish, program, startDatabase, startWorker, trade } from './harness.js';

const run = promisify(execFile);
const openapi = JSON.parse(await readFile(new URL('../../worker/doc/openapi.json', import.meta.url), 'utf8'));
// every path that is read and takes a portfolio
const paths = Object.entries(openapi.paths).filter(([, { get }]) => get?.parameters?.some(({ name }) => name === 'portfolio'))
	.map(([path]) => path.replace(/^(?!\/api)/, '/api/v1')).sort();

let database;
let worker;
let two;
let turned;
let all;

const ask = async (path, token) => {
	const answer = await worker.get(path, { headers: { authorization: `Bearer ${token}` } });
	assert.equal(answer.status, 200, `${path}: ${await answer.clone().text()}`);
	return answer.json();
};

/** What tells the time or the place in the stream, or is about the system. */
const moving = new Set(['generated_at', 'seq', 'epoch', 'from', 'to', 'since', 'required_pace', 'system', 'health', 'alerts', 'cursor', 'next_cursor', 'id']);

/** Compares what was computed at slightly different times. */
function same(got, expected, where) {
	if (typeof expected === 'number' || (/^-?\d+(\.\d+)?$/.test(expected) && /^-?\d+(\.\d+)?$/.test(got))) {
		const [a, b] = [Number(got), Number(expected)];
		assert.ok(Math.abs(a - b) <= 1e-3 * Math.max(Math.abs(a), Math.abs(b)), `${where}: ${got} instead of ${expected}`);
	} else if (/^\d{4}-\d\d-\d\dT/.test(expected) && /^\d{4}-\d\d-\d\dT/.test(got)) {
		assert.ok(Math.abs(Date.parse(got) - Date.parse(expected)) < 300_000, `${where}: ${got} instead of ${expected}`);
	} else if (Array.isArray(expected)) {
		assert.equal(got?.length, expected.length, `${where}: length of ${JSON.stringify(got)?.slice(0, 300)}`);
		expected.forEach((value, i) => same(got[i], value, `${where}[${i}]`));
	} else if (expected !== null && typeof expected === 'object') {
		assert.deepEqual(Object.keys(got ?? {}).sort(), Object.keys(expected).sort(), where);
		for (const [key, value] of Object.entries(expected)) if (!moving.has(key)) same(got[key], value, `${where}.${key}`);
	} else {
		assert.equal(got, expected, where);
	}
}

async function token(...portfolios) {
	const { stdout } = await run(await program(), ['token', 'create', '--dsn', database.cluster.dsn, '--scope', 'read', ...portfolios.flatMap((name) => ['--portfolio', name])]);
	return stdout.trim();
}

const answers = async (value) => Object.fromEntries(await Promise.all(paths.map(async (path) => [path, await ask(path, value)])));

/** What is changed without an event is answered as before for a second. */
const forgotten = () => new Promise((resolve) => setTimeout(resolve, 1200));

/** Both sides see the portfolios a and b only: one because it may not see more, the other because there is no more. */
async function compareWithTruth(state, compared) {
	await forgotten();
	const narrowed = await answers(two);
	for (const [path, answer] of Object.entries(narrowed)) assert.doesNotMatch(JSON.stringify(answer), /hidden|TOXIC/, `${state}, ${path}`);
	const unhidden = await answers(all);
	await database.query(`CREATE TABLE kept_snapshots AS SELECT * FROM portfolio_snapshots WHERE portfolio = 'hidden'`);
	await database.query(`CREATE TABLE kept_trades AS SELECT * FROM trades WHERE portfolio = 'hidden'`);
	await database.query(`DELETE FROM portfolio_snapshots WHERE portfolio = 'hidden'`);
	await database.query(`DELETE FROM trades WHERE portfolio = 'hidden'`);
	await database.query('SELECT pulse_tick(), pulse_tick()');
	await forgotten();
	const truth = await answers(all);
	await database.query('INSERT INTO portfolio_snapshots SELECT * FROM kept_snapshots');
	await database.query('INSERT INTO trades SELECT * FROM kept_trades');
	await database.query('DROP TABLE kept_snapshots, kept_trades');
	for (const path of compared) {
		same(narrowed[path], truth[path], `${state}, ${path}`);
	}
	return { narrowed, unhidden };
}

before(async () => {
	database = await startDatabase();
	await database.query('SELECT pulse_setup()');
	await database.query('CREATE ROLE stream LOGIN');
	await database.query(`SELECT pulse_grant('stream', 'worker')`);
	await database.query(`INSERT INTO portfolio_snapshots (portfolio, ts, total_value, cash_balance, net_flow, position_count)
		SELECT p, now() - (90 - i) * interval '8 hours' - s * interval '7 minutes', v * (100 + 9 * sin(i * s) + i * 0.1), v * 50, CASE WHEN i = 50 AND s = 2 THEN v * 10 ELSE 0 END, s
		FROM (VALUES ('a', 10, 1), ('b', 3, 2), ('hidden', 1000000, 3)) AS x (p, v, s), generate_series(0, 90) i`);
	await database.query(`INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at, strategy, fee, fee_asset, fill_id)
		SELECT p, CASE WHEN i % 3 = 0 THEN 'BTCUSDT' ELSE y END, CASE (i + s) % 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END, v, 40 + s * (3 - i % 5), now() - (40 - i) * interval '13 hours' - s * interval '5 minutes', y, 0.01 * v,
			CASE WHEN i % 7 = 0 THEN 'USDT' END, 'f' || i
		FROM (VALUES ('a', 'ETHUSDT', 1, 1), ('b', 'SOLUSDT', 2, 2), ('hidden', 'TOXIC', 100000, 3)) AS x (p, y, v, s), generate_series(0, 40) i`);
	await database.query(`SELECT pulse_notify('TEST', 'HIGH', 'about ' || p, 'message', jsonb_build_object('portfolio', p)) FROM unnest('{a,b,hidden}'::text[]) p`);
	await database.query('SELECT pulse_tick(), pulse_tick()');
	[two, turned, all] = [await token('a', 'b'), await token('b', 'a', 'b'), await token()];
	worker = await startWorker(database, { config: { auth: { enabled: true }, database: { dsn: `${database.cluster.dsn} user=stream` }, websocket: { request_rate: 1000 } } });
	await worker.logged(/tokens and sessions are valid/);
});
after(() => finish(() => worker?.stop(), () => database?.remove()));

test('every answer of the REST interface is the one without the others', async () => {
	// events and messages outlive what they are about
	assert.ok(paths.length >= 25, `paths: ${paths}`);
	const { narrowed, unhidden } = await compareWithTruth('all processed', paths.filter((path) => !/\/(alerts|events|notifications)$/.test(path)));
	assert.deepEqual(narrowed['/api/v1/snapshot'].portfolios, ['a', 'b']);
	assert.deepEqual(narrowed['/api/v1/snapshot'].activity.alerts.map(({ title }) => title).filter((title) => title.startsWith('about')).sort(), ['about a', 'about b']);
	assert.ok(Number(narrowed['/api/v1/performance'].total_value) > 0);
	assert.ok(Number(unhidden['/api/v1/performance'].total_value) > 1000 * Number(narrowed['/api/v1/performance'].total_value));
});

test('also while the engine is still to process what has changed, in what is right at every moment', async () => {
	await database.query('SELECT pulse_tick(), pulse_tick()');
	await database.query(`INSERT INTO portfolio_snapshots (portfolio, ts, total_value, cash_balance) VALUES ('a', now(), 1500, 400), ('b', now() - interval '1 hour', 500, 100), ('hidden', now(), 2e8, 1e8)`);
	await database.query(`INSERT INTO trades (portfolio, symbol, side, quantity, price, fee) VALUES ('a', 'BTCUSDT', 'BUY', 2, 50, 1), ('b', 'SOLUSDT', 'SELL', 1, 60, 1), ('hidden', 'BTCUSDT', 'SELL', 100000, 50, 1), ('hidden', 'TOXIC', 'BUY', 5, 1, 1)`);
	await database.query(`UPDATE trades SET price = price + 1 WHERE fill_id = 'f20'`);
	const right = ['performance', 'performance/breakdown', 'monthly', 'drawdowns', 'targets', 'portfolio', 'portfolio/chart', 'exposure', 'distribution', 'trade-statistics',
		'holding-times', 'positions', 'rolling'];
	await compareWithTruth('to be processed', right.map((path) => `/api/v1/${path}`));
	await database.query('SELECT pulse_tick(), pulse_tick()');
});

test('a portfolio that is named is shown by itself, and only one that is covered', async () => {
	assert.ok((await ask('/api/v1/positions?portfolio=b', two)).every(({ portfolio }) => portfolio === 'b'));
	for (const path of paths) {
		const answer = await worker.get(`${path}?portfolio=hidden`, { headers: { authorization: `Bearer ${two}` } });
		if (answer.status === 200) assert.doesNotMatch(await answer.text(), /hidden|TOXIC/, path);
		else assert.equal(answer.status, 403, path);
	}
});

test('the stream: a snapshot of both together, and the events of both', async () => {
	const client = await connect(worker, { headers: { authorization: `Bearer ${two}` } });
	client.send({ type: 'REQUEST_SNAPSHOT', id: 's' });
	const snapshot = await client.type('SNAPSHOT');
	assert.equal(snapshot.portfolio, null);
	assert.deepEqual(snapshot.data.portfolios, ['a', 'b']);
	same(snapshot.data.performance, (await ask('/api/v1/performance', two)), 'performance');
	const [{ worth }] = await database.query(`SELECT sum(total_value)::text AS worth FROM (SELECT DISTINCT ON (portfolio) total_value FROM portfolio_snapshots WHERE portfolio <> 'hidden' ORDER BY portfolio, ts DESC) s`);
	assert.equal(Number(snapshot.data.portfolio.total_value), Number(worth));
	await database.emit(trade('of a', { portfolio: 'a' }), trade('of hidden', { portfolio: 'hidden' }), { type: 'PERFORMANCE_UPDATE', portfolio: 'hidden', data: { id: 'hidden' } }, trade('of b', { portfolio: 'b' }));
	await client.next((m) => m.data?.id === 'of b', 'the fill of b');
	assert.ok(client.messages.some((m) => m.data?.id === 'of a'));
	client.send({ type: 'REQUEST_SNAPSHOT', id: 'again' });
	await client.next((m) => m.id === 'again', 'the second snapshot');
	assert.doesNotMatch(JSON.stringify(client.messages), /hidden|TOXIC/);
	await client.close();
});

test('who may see the same gets the same answer, however many they are', async () => {
	await eventually('one answer for all', async () => {
		const times = await Promise.all(Array.from({ length: 12 }, (_, i) => ask('/api/v1/snapshot', i % 2 ? two : turned)));
		return new Set(times.map(({ generated_at: at }) => at)).size === 1;
	});
});

test('a role that policies do not bind gets the first portfolio, not a sum that cannot be narrowed', async () => {
	const unbound = await startWorker(database, { config: { auth: { enabled: true } } });
	await unbound.logged(/tokens and sessions are valid/);
	const answer = await (await unbound.get('/api/v1/positions', { headers: { authorization: `Bearer ${two}` } })).json();
	assert.deepEqual([...new Set(answer.map(({ portfolio }) => portfolio))], ['a']);
	await unbound.stop();
});
