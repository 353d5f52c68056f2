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
	// returns of every row, drawdown, VaR: what both can say
	const own = await best(() => client.query(`SELECT pulse_metrics(ts, value, 0, 0, 0, '1 minute', 0.95) FROM curve`));
	const other = await best(() => duck.runAndReadAll(`WITH r AS (SELECT ts, value, value / lag(value) OVER (ORDER BY ts) - 1 AS r, max(value) OVER (ORDER BY ts) AS peak FROM curve),
		q AS (SELECT quantile_cont(r, 0.05) AS q FROM r)
		SELECT stddev_samp(r) * sqrt(525600), avg(r) / stddev_samp(r) * sqrt(525600), avg(r) / sqrt(avg(least(r, 0) ^ 2)) * sqrt(525600), skewness(r), kurtosis(r),
			exp(sum(ln(1 + r))) - 1, max(1 - value / peak), avg(1 - value / peak), sqrt(avg((1 - value / peak) ^ 2)), -any_value(q), -avg(r) FILTER (WHERE r <= q),
			sum(r) FILTER (WHERE r > 0) / -sum(r) FILTER (WHERE r < 0), arg_max(value, ts) / arg_min(value, ts) - 1 FROM r, q`));
	console.log(`all metrics of ${rows} values  Pulse ${own.toFixed(1)} ms  DuckDB, 2 threads ${other.toFixed(1)} ms  ${(other / own).toFixed(2)} x  goal >= 2`);
} finally {
	await client.end();
	await cluster.remove();
}
