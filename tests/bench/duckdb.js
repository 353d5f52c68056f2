#!/usr/bin/env node
// The metrics of an equity curve in PostgreSQL with Pulse beside the same in DuckDB on its own table with two threads: duckdb.js [ROWS]
// DuckDB is no dependency of Pulse: npm install --prefix .build/bench @duckdb/node-api first.
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('../..', import.meta.url));
let duckdb;
try {
	duckdb = createRequire(`${top}.build/bench/package.json`)('@duckdb/node-api');
} catch {
	console.log('skipped: DuckDB is not there; npm install --prefix .build/bench @duckdb/node-api');
	process.exit(0);
}
execFileSync(fileURLToPath(new URL('../lib/npm.sh', import.meta.url)), ['tests'], { cwd: top, stdio: ['ignore', 'ignore', 'inherit'] });
const { default: pg } = await import('pg');
const { startCluster } = await import('../lib/cluster.js');

const rows = Number(process.argv[2] ?? 1e6);
const cluster = await startCluster({ conf: { shared_buffers: '512MB', work_mem: '256MB', jit: 'off' } });
const client = new pg.Client(cluster.connection);
await client.connect();
const instance = await duckdb.DuckDBInstance.create(':memory:', { threads: '2' });
const duck = await instance.connect();

/** Best wall-clock time of some runs, in milliseconds. */
async function best(run, runs = 7) {
	let result = Infinity;
	for (let i = 0; i < runs; i++) {
		const from = process.hrtime.bigint();
		await run();
		result = Math.min(result, Number(process.hrtime.bigint() - from) / 1e6);
	}
	return result;
}

try {
	await client.query(`CREATE EXTENSION pulse;
		CREATE UNLOGGED TABLE curve AS SELECT '2025-01-01'::timestamptz + i * interval '1 minute' AS ts, 10000 + 500 * sin(i / 50000.0) + 20 * sin(i * 1.3) AS value FROM generate_series(1, ${rows}) i;
		SET max_parallel_workers_per_gather = 0`);
	await client.query('VACUUM ANALYZE curve');
	await duck.run(`CREATE TABLE curve AS SELECT TIMESTAMP '2025-01-01' + INTERVAL (i) MINUTE AS ts, 10000 + 500 * sin(i / 50000.0) + 20 * sin(i * 1.3) AS value FROM range(1, ${rows} + 1) t(i)`);
	/**
	 * DuckDB's side: the columns of pulse_metrics_row by their names, but for probabilities of the normal distribution, which it
	 * has no function for. What needs no sort is written without one, what several figures need is computed once.
	 */
	const figures = (moves, eras, seconds, materialized) => `WITH moves AS ${materialized} (${moves}), eras AS (${eras}),
		under AS (SELECT max(1 - trough / peak) AS max_drawdown, max(CASE WHEN n > 1 THEN epoch(coalesce(next, last_ts)) - epoch(since) END) AS drawdown_seconds
			FROM (SELECT *, lead(since) OVER (ORDER BY since) AS next FROM eras), (SELECT max(ts) AS last_ts FROM curve)),
		ends AS (SELECT count(*) AS n_snapshots, arg_min(value, ts) AS first_value, arg_max(value, ts) AS last_value, max(value) AS highest, (epoch(max(ts)) - epoch(min(ts))) / 31536000 AS years FROM curve),
		bounds AS (SELECT q[1] AS low, q[2] AS high, deep FROM (SELECT quantile_cont(r, [0.05, 0.95]) AS q, quantile_cont(depth, 0.95) FILTER (WHERE r IS NOT NULL) AS deep FROM moves)),
		sums AS (SELECT count(r) AS n_periods, avg(r) AS mean, stddev_samp(r) AS sd, stddev_pop(r) AS sigma, sqrt(sum(r ^ 2) FILTER (WHERE r < 0) / count(r)) AS shortfall, skewness(r) AS skewness, kurtosis(r) AS kurtosis, kurtosis_pop(r) AS excess,
			sum(r) FILTER (WHERE r > 0) AS gains, -sum(r) FILTER (WHERE r < 0) AS losses, regr_r2(ln(value), floor(epoch(ts) / ${seconds})) FILTER (WHERE r IS NOT NULL) AS stability, arg_max(r, ts) AS period_return,
			avg(depth) FILTER (WHERE r IS NOT NULL) AS average_drawdown, sqrt(avg(depth ^ 2) FILTER (WHERE r IS NOT NULL)) AS ulcer_index,
			any_value(low) AS low, any_value(high) AS high, -avg(r) FILTER (WHERE r <= low) AS cvar, avg(depth) FILTER (WHERE r IS NOT NULL AND depth >= deep) AS cdar FROM moves, bounds),
		c AS (SELECT sqrt(31536000 / ${seconds}) AS root, -1.6448536269514729 AS z)
		SELECT n_snapshots, n_periods, first_value, last_value, period_return, last_value / first_value - 1 AS total_return, (last_value / first_value) ^ (1 / years) - 1 AS cagr, sd * root AS volatility,
			shortfall * root AS downside_deviation, mean / sd * root AS sharpe, mean / shortfall * root AS sortino, ((last_value / first_value) ^ (1 / years) - 1) / max_drawdown AS calmar, max_drawdown,
			1 - last_value / highest AS current_drawdown, drawdown_seconds, average_drawdown, ulcer_index, average_drawdown AS pain_index, cdar, stability, skewness, kurtosis,
			(gains - losses) / losses AS gain_to_pain, gains / losses AS omega, mean / sd ^ 2 AS kelly, -(mean + z * sigma) AS var_gaussian, -mean + sigma * exp(-z * z / 2) / sqrt(2 * pi()) / 0.05 AS cvar_gaussian,
			-(mean + sigma * (z + (z ^ 2 - 1) * s / 6 + (z ^ 3 - 3 * z) * excess / 24 - (2 * z ^ 3 - 5 * z) * s ^ 2 / 36)) AS var_cornish_fisher,
			-low AS var, cvar, -low AS var_95, cvar AS cvar_95, abs(high) / abs(low) AS tail_ratio
		FROM sums, under, ends, c, (SELECT skewness * (n_periods - 2) / sqrt(n_periods * (n_periods - 1.0)) AS s FROM sums)`;
	const peaks = (rows) => `SELECT peak, min(value) AS trough, min(ts) AS since, count(*) AS n FROM ${rows} GROUP BY peak`;

	/** Refuses to compare what does not compute the same. */
	async function agree(own, others) {
		const { rows: [pulse] } = await client.query(`SELECT (m).*, extract(epoch FROM (m).drawdown_duration)::float8 AS drawdown_seconds FROM (${own}) AS q (m)`);
		const [row] = (await duck.runAndReadAll(others)).getRowObjects();
		const differing = Object.entries(row).filter(([name, value]) => !(Math.abs(Number(value) - Number(pulse[name])) <= 1e-8 * Math.max(1, Math.abs(Number(value)))));
		if (differing.length > 0) throw new Error(differing.map(([name, value]) => `${name}: DuckDB says ${value}, Pulse ${pulse[name]}`).join('\n'));
		return Object.keys(row).length;
	}

	/** DuckDB's faster plan beside Pulse, by a query's function and by the aggregate, in turns. */
	async function compare(what, sides, others) {
		const plans = ['MATERIALIZED', 'NOT MATERIALIZED'].map(others);
		const agreed = await agree(sides[0][1], plans[0]);
		const times = sides.map(() => Infinity);
		let duckdb = Infinity;
		for (let round = 0; round < 4; round++) {
			for (const [i, [, sql]] of sides.entries()) times[i] = Math.min(times[i], await best(() => client.query(sql), 3));
			for (const plan of plans) duckdb = Math.min(duckdb, await best(() => duck.runAndReadAll(plan), 2));
		}
		for (const [i, [name]] of sides.entries()) {
			console.log(`${what}, ${name}`.padEnd(64), `Pulse ${times[i].toFixed(1)} ms  DuckDB, 2 threads ${duckdb.toFixed(1)} ms  ${(duckdb / times[i]).toFixed(2)} x${i === 0 ? '  goal >= 2' : ''}  (${agreed} figures agree)`);
		}
	}
	await compare(`all metrics of ${rows} values, daily returns`, [
		['pulse_metrics_of()', `SELECT pulse_metrics_of('SELECT ts, value FROM curve')`],
		['pulse_metrics()', 'SELECT pulse_metrics(ts, value) FROM curve']],
	(materialized) => figures(`SELECT ts, value, value / lag(value) OVER (ORDER BY ts) - 1 AS r, 1 - value / max(value) OVER (ORDER BY ts ROWS UNBOUNDED PRECEDING) AS depth
		FROM (SELECT max(ts) AS ts, arg_max(value, ts) AS value FROM curve GROUP BY ts::date)`,
	peaks('(SELECT ts, value, max(value) OVER (ORDER BY ts ROWS UNBOUNDED PRECEDING) AS peak FROM curve)'), 86_400, materialized));
	await compare(`all metrics of ${rows} values, a return each`, [
		['pulse_metrics_of()', `SELECT pulse_metrics_of('SELECT ts, value FROM curve', period => '1 minute')`],
		['pulse_metrics()', `SELECT pulse_metrics(ts, value, 0, 0, 0, '1 minute', 0.95) FROM curve`]],
	(materialized) => figures(`SELECT *, 1 - value / peak AS depth FROM (SELECT ts, value, value / lag(value) OVER (ORDER BY ts) - 1 AS r, max(value) OVER (ORDER BY ts ROWS UNBOUNDED PRECEDING) AS peak FROM curve)`,
		peaks('moves'), 60, materialized));
} finally {
	await client.end();
	await cluster.remove();
}
