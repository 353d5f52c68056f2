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
	/** Both compute the same: figures over the returns of some buckets, drawdown over every row, VaR and CVaR. */
	async function compare(what, own, returns, periods) {
		const figures = `WITH curve AS (SELECT ts, value, max(value) OVER (ORDER BY ts) AS peak FROM curve), ${returns}, q AS (SELECT quantile_cont(r, 0.05) AS q FROM r),
			d AS (SELECT max(1 - value / peak) AS deepest, avg(1 - value / peak) AS average, sqrt(avg((1 - value / peak) ^ 2)) AS ulcer, arg_max(value, ts) / arg_min(value, ts) - 1 AS growth FROM curve)
			SELECT stddev_samp(r) * sqrt(${periods}), avg(r) / stddev_samp(r) * sqrt(${periods}), avg(r) / sqrt(avg(least(r, 0) ^ 2)) * sqrt(${periods}), skewness(r), kurtosis(r),
				exp(sum(ln(1 + r))) - 1, any_value(deepest), any_value(average), any_value(ulcer), -any_value(q), -avg(r) FILTER (WHERE r <= q),
				sum(r) FILTER (WHERE r > 0) / -sum(r) FILTER (WHERE r < 0), any_value(growth) FROM r, q, d`;
		let [pulse, duckdb] = [Infinity, Infinity];
		for (let round = 0; round < 3; round++) {
			pulse = Math.min(pulse, await best(() => client.query(own), 4));
			duckdb = Math.min(duckdb, await best(() => duck.runAndReadAll(figures), 4));
		}
		console.log(`${what.padEnd(46)} Pulse ${pulse.toFixed(1)} ms  DuckDB, 2 threads ${duckdb.toFixed(1)} ms  ${(duckdb / pulse).toFixed(2)} x  goal >= 2`);
	}
	await compare(`all metrics of ${rows} values, daily returns`, 'SELECT pulse_metrics(ts, value) FROM curve',
		`days AS (SELECT arg_max(value, ts) AS value, ts::date AS day FROM curve GROUP BY 2), r AS (SELECT value / lag(value) OVER (ORDER BY day) - 1 AS r FROM days)`, 365);
	await compare(`all metrics of ${rows} values, a return each`, `SELECT pulse_metrics(ts, value, 0, 0, 0, '1 minute', 0.95) FROM curve`,
		'r AS (SELECT value / lag(value) OVER (ORDER BY ts) - 1 AS r FROM curve)', 525_600);
} finally {
	await client.end();
	await cluster.remove();
}
