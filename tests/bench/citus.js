#!/usr/bin/env node
// Snapshots of many portfolios in one plain table and, the same rows, distributed by Citus over two nodes: what queries and
// Pulse's own questions cost in each. All servers run on this machine, so that no more than its processors are shared out.
//
//   PORTFOLIOS=1000  SNAPSHOTS=10000 (of each portfolio)  ROUNDS=3  node tests/bench/citus.js
import { performance } from 'node:perf_hooks';
import { cpus } from 'node:os';
import pg from 'pg';
import { citusInstalled, startCitus } from '../lib/citus.js';
import { query, until, value } from '../background_worker/support.js';

const portfolios = Number(process.env.PORTFOLIOS ?? 1000);
const snapshots = Number(process.env.SNAPSHOTS ?? 10000);
const rounds = Number(process.env.ROUNDS ?? 3);

if (!await citusInstalled()) {
	console.error('Citus is not installed for this server; see extension/doc/growing.md');
	process.exit(1);
}

const both = [['plain', 'plain'], ['one', 'distributed']];
const rows = `SELECT 'p' || p AS portfolio, timestamptz '${new Date(Math.floor(Date.now() / 60000) * 60000).toISOString()}' - (${snapshots} - i) * interval '1 minute' AS ts,
	round((1000 + p + i / 100.0 + 40 * sin(i / (200.0 + p % 17)) + 2 * sin(i * 0.9 + p))::numeric, 4) AS total_value
	FROM generate_series(1, ${portfolios}) p, generate_series(1, ${snapshots}) i`;
const queries = {
	'all figures of each portfolio': `SELECT sum((m).sharpe) FROM (SELECT pulse_metrics(ts, total_value) AS m FROM portfolio_snapshots GROUP BY portfolio) q`,
	'volatility of each portfolio, by days': `SELECT sum(pulse_volatility(s)) FROM (SELECT pulse_summary(ts, total_value) AS s FROM portfolio_snapshots GROUP BY portfolio) q`,
	'summaries of each hour, rolled up over all': `SELECT (pulse_metrics(pulse_rollup(s))).n_snapshots FROM (SELECT pulse_summary(ts, total_value) AS s
		FROM portfolio_snapshots GROUP BY portfolio, date_trunc('hour', ts)) q`,
	'stored summaries of hours, rolled up over all': `SELECT (pulse_metrics(pulse_rollup(summary))).n_snapshots FROM hourly`,
};
const questions = {
	'pulse_portfolios()': 'SELECT count(*) FROM pulse_portfolios()',
	'newest snapshots of all': 'SELECT count(*), sum(total_value) FROM pulse.latest_snapshots(NULL)',
	'pulse_performance(one)': `SELECT round(sharpe::numeric, 9) FROM pulse_performance('p7')`,
	'pulse_performance(), all together': 'SELECT round(sharpe::numeric, 9), total_value FROM pulse_performance()',
	'pulse_metrics_of(rows of one)': `SELECT round(sharpe::numeric, 9) FROM pulse_metrics_of('SELECT ts, total_value FROM portfolio_snapshots WHERE portfolio = ''p7''')`,
	'pulse_snapshot(one)': `SELECT pulse_snapshot('p7') -> 'performance' -> 'total_value'`,
};

/** The best of some rounds on one connection, in milliseconds, and what came of it. */
async function time(cluster, database, settings, sql) {
	const client = new pg.Client({ ...cluster.connection, database });
	let best = Infinity;
	let answer;
	await client.connect();
	try {
		await client.query(settings);
		for (let i = 0; i < rounds && !(best > 20000 && best < Infinity); i++) {
			const begun = performance.now();
			answer = (await client.query(sql)).rows;
			best = Math.min(best, performance.now() - begun);
		}
	} finally {
		await client.end();
	}
	return [best, JSON.stringify(answer.map((row) => Object.values(row)))];
}
const report = (what, ...figures) => console.log([what.padEnd(48), ...figures.map((f) => (typeof f === 'number' ? `${Math.round(f)} ms` : f).padStart(15))].join(''));
const step = async (what, action) => {
	const begun = performance.now();
	const answer = await action();
	report(what, performance.now() - begun);
	return answer;
};

const spread = await startCitus({ conf: { shared_buffers: '512MB', max_wal_size: '8GB', jit: 'off', maintenance_work_mem: '256MB', work_mem: '64MB' },
	coordinator: { 'pulse.databases': 'one,plain' } });
try {
	console.log(`${await value(spread, 'SELECT version()')}\nCitus ${await value(spread, `SELECT extversion FROM pg_extension WHERE extname = 'citus'`)}, `
		+ `two nodes and a coordinator on one machine of ${cpus().length} processors\n${portfolios} portfolios with ${snapshots} snapshots each\n`);
	await query(spread, 'CREATE DATABASE plain');
	await query(spread, 'CREATE EXTENSION pulse', [], 'plain');
	for (const [database, name] of both) {
		await query(spread, 'SELECT pulse_worker_stop()', [], database);
		await query(spread, 'CREATE TABLE portfolio_snapshots (portfolio text NOT NULL, ts timestamptz NOT NULL, total_value numeric NOT NULL)', [], database);
		if (database === 'one') await query(spread, `SELECT create_distributed_table('portfolio_snapshots', 'portfolio')`);
		await step(`${name}: rows written`, () => query(spread, `INSERT INTO portfolio_snapshots ${rows}`, [], database));
		await step(`${name}: indexes built`, async () => {
			await query(spread, 'ALTER TABLE portfolio_snapshots ADD PRIMARY KEY (portfolio, ts)', [], database);
			await query(spread, 'CREATE INDEX ON portfolio_snapshots (ts)', [], database);
		});
		await query(spread, `SELECT pulse_attach('portfolio_snapshots', 'snapshots', capture => 'poll')`, [], database);
	}
	for (const [database, name] of both) {
		await query(spread, 'CREATE TABLE hourly (portfolio text, hour timestamptz, summary pulse_summary)', [], database);
		if (database === 'one') await query(spread, `SELECT create_distributed_table('hourly', 'portfolio', colocate_with => 'portfolio_snapshots')`);
		await step(`${name}: summaries of hours stored`, () => query(spread,
			`INSERT INTO hourly SELECT portfolio, date_trunc('hour', ts, 'UTC'), pulse_summary(ts, total_value) FROM portfolio_snapshots GROUP BY 1, 2`, [], database));
		await query(spread, 'VACUUM (ANALYZE) portfolio_snapshots', [], database);
		await query(spread, 'ANALYZE hourly', [], database);
	}
	report('\nqueries, best of several', 'plain', 'plain, 2 par.', 'distributed', 'speed-up');
	for (const [what, sql] of Object.entries(queries)) {
		const [alone, one] = await time(spread, 'plain', 'SET max_parallel_workers_per_gather = 0;', sql);
		const [parallel] = await time(spread, 'plain', 'SET max_parallel_workers_per_gather = 2;', sql);
		const [distributed, many] = await time(spread, 'one', '', sql);
		report(what, alone, parallel, distributed, `${(alone / distributed).toFixed(2)} x`);
		if (one.slice(0, 12) !== many.slice(0, 12)) console.log(`  but the answers differ: ${one} and ${many}`);
	}
	for (const what of ['all figures of each portfolio', 'stored summaries of hours, rolled up over all'])
		console.log(`\n${what}:\n${(await query(spread, `EXPLAIN (VERBOSE, COSTS OFF) ${queries[what]}`)).map((r) => r['QUERY PLAN']).join('\n')}`);

	console.log();
	for (const [database, name] of both)
		await step(`${name}: state built, all figures computed`, async () => {
			do await query(spread, 'SELECT pulse_tick()', [], database);
			while (await value(spread, `SELECT EXISTS (SELECT FROM pulse.dirty WHERE source_id = 1) OR EXISTS (SELECT FROM pulse.metric_dirty)
				OR (SELECT count(*) FROM pulse.performance_state) < ${portfolios}`, [], database));
		});
	report('\nquestions, best of several', 'plain', 'distributed');
	for (const [what, sql] of Object.entries(questions)) {
		const [plain, one] = await time(spread, 'plain', '', sql);
		const [distributed, many] = await time(spread, 'one', '', sql);
		report(what, plain, distributed);
		if (one !== many) console.log(`  but the answers differ: ${one} and ${many}`);
	}
	for (const [database, name] of both) {
		const found = await step(`${name}: pulse_verify()`, () => query(spread, 'SELECT * FROM pulse_verify()', [], database));
		if (found.length > 0) console.log(`  ${JSON.stringify(found).slice(0, 500)}`);
		await query(spread, `SELECT pulse_alert_rule_set('value', metric => 'total_value', comparator => '<', warning => 10, every => '1 second')`, [], database);
		await query(spread, 'SELECT pulse_worker_start()', [], database);
		await until('the worker is up to date', async () => value(spread, `SELECT count(*) = 0 FROM pulse.dirty`, [], database), 120);
		await query(spread, `INSERT INTO portfolio_snapshots (portfolio, ts, total_value) SELECT 'p' || p, now(), p % 20 FROM generate_series(1, ${portfolios}) p`, [], database);
		await step(`${name}: a snapshot of each, polled, and its alerts`, () => until('the alerts', async () =>
			await value(spread, `SELECT count(*)::int FROM pulse.alert WHERE rule = 'value'`, [], database) >= portfolios / 2, 300));
		for (const [word, sql] of [['failing jobs', 'SELECT name, last_error FROM pulse.job WHERE failing > 0'], ['doctor', `SELECT "check", message FROM pulse_doctor() WHERE status = 'problem'`]]) {
			const lines = await query(spread, sql, [], database);
			if (lines.length > 0) console.log(`  ${word}: ${JSON.stringify(lines)}`);
		}
		await query(spread, 'SELECT pulse_worker_stop()', [], database);
	}
} finally {
	await spread.remove();
}
