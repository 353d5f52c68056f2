#!/usr/bin/env node
// Speed of the metrics, each beside something known in the same run: metrics.js [ROWS [NAME ...]]
// Single-process statements are measured in CPU time of their backend (the best of several runs), which neighbours on the
// machine hardly disturb; parallel ones in wall-clock time.
import { readFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

// the clients are installed before they are imported
execFileSync(fileURLToPath(new URL('../lib/npm.sh', import.meta.url)), ['tests'], { cwd: fileURLToPath(new URL('../..', import.meta.url)), stdio: ['ignore', 'ignore', 'inherit'] });
const { default: pg } = await import('pg');
const { startCluster } = await import('../lib/cluster.js');

const rows = Number(process.argv[2] ?? 1e7);
const only = process.argv.slice(3);
const cluster = await startCluster({ conf: { shared_buffers: '1GB', work_mem: '512MB', max_wal_size: '8GB', jit: 'off', max_parallel_workers_per_gather: 0, min_parallel_table_scan_size: 0 } });
const client = new pg.Client(cluster.connection);
await client.connect();
const query = (sql) => client.query(sql);
const { rows: [{ pid }] } = await query('SELECT pg_backend_pid() AS pid');
const cpu = () => Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e9;
const wall = () => Number(process.hrtime.bigint()) / 1e9;

/** Best times of two statements that take turns, so that what else runs on the machine meets both. */
async function pair(sql, reference, { rounds = 4, runs = 1, clock = cpu } = {}) {
	let [a, b] = [Infinity, Infinity];
	for (let round = 0; round < rounds; round++) {
		a = Math.min(a, await time(sql, { runs, clock }));
		b = Math.min(b, await time(reference, { runs, clock }));
	}
	return [a, b];
}

/** Best time of a statement over some runs, in seconds. */
async function time(sql, { runs = 3, clock = cpu } = {}) {
	let best = Infinity;
	for (let run = 0; run < runs; run++) {
		const from = clock();
		await query(sql);
		best = Math.min(best, clock() - from);
	}
	return best;
}

/** Prints a line: what was measured, beside what, their ratio and what the ratio shall be. */
function report(what, seconds, against, reference, goal, faster) {
	const ratio = faster ? reference / seconds : seconds / reference;
	const reached = faster ? ratio >= goal : ratio <= goal;
	console.log(`${what.padEnd(58)} ${(seconds * 1e3).toFixed(1).padStart(9)} ms  ${against.padEnd(38)} ${(reference * 1e3).toFixed(1).padStart(9)} ms  `
		+ `${ratio.toFixed(2).padStart(8)} x  goal ${faster ? '>=' : '<='} ${goal}${reached ? '' : '  MISSED'}`);
}

/** Measures two statements in turns and reports them. */
async function versus(what, sql, against, reference, goal, faster) {
	const [a, b] = await pair(sql, reference);
	report(what, a, against, b, goal, faster);
}

const wanted = (name) => only.length === 0 || only.includes(name);
const million = Math.min(rows, 1e6);
const every = 'pulse_total_return(r), pulse_volatility(r), pulse_sharpe(r), pulse_downside_deviation(r), pulse_sortino(r), pulse_skewness(r), pulse_kurtosis(r), pulse_omega(r)';

try {
	console.log(`${rows} rows, ${(await query('SHOW server_version')).rows[0].server_version}, work_mem 512MB, no parallel workers unless said`);
	await query(`CREATE EXTENSION pulse;
		CREATE UNLOGGED TABLE big AS SELECT i, '2025-01-01'::timestamptz + i * interval '1 second' AS ts,
			10000 + 500 * sin(i / 50000.0) + 20 * sin(i * 1.3) AS value, sin(i * 1.7 * i) / 50 AS r FROM generate_series(1, ${rows}) i;
		CREATE UNLOGGED TABLE small AS SELECT * FROM big WHERE i <= ${million};
		CREATE UNLOGGED TABLE shuffled AS SELECT ts, value FROM small ORDER BY md5(i::text);
		CREATE UNLOGGED TABLE summaries AS SELECT i / ${Math.max(1, Math.round(rows / 1e4))} AS n, pulse_summary(ts, value) AS summary FROM big GROUP BY 1 ORDER BY 1;
		`);
	await query('VACUUM ANALYZE');
	const [whole, average] = await pair('SELECT pulse_metrics(ts, value) FROM big', 'SELECT avg(value) FROM big');

	if (wanted('metrics')) {
		report('pulse_metrics(ts, value), all with exact VaR and CVaR of days', whole, 'avg(float8)', average, 1.25);
		await versus('eight metrics of returns', `SELECT ${every} FROM big`, 'avg(float8)', 'SELECT avg(value) FROM big', 1.6);
		await versus('the same with exact VaR and CVaR of all rows', `SELECT ${every.replace('pulse_total_return(r), ', '')}, pulse_var(r), pulse_cvar(r) FROM big`, 'avg(float8)', 'SELECT avg(value) FROM big', 1.6);
		await versus('eight metrics of moments', 'SELECT pulse_volatility(r), pulse_sharpe(r), pulse_skewness(r), pulse_kurtosis(r), pulse_kelly(r), pulse_var_gaussian(r), pulse_cvar_gaussian(r), pulse_psr(r) FROM big',
			'one of them', 'SELECT pulse_volatility(r) FROM big', 1.15);
	}
	if (wanted('drawdown')) {
		await versus('pulse_max_drawdown(ts, value), rows in time order', 'SELECT pulse_max_drawdown(ts, value) FROM big', 'avg(float8)', 'SELECT avg(value) FROM big', 1.05);
		report(`the same on ${million} shuffled rows`, await time('SELECT pulse_max_drawdown(ts, value) FROM shuffled'), 'window formulation in SQL',
			await time('SELECT max(1 - value / peak) FROM (SELECT value, max(value) OVER (ORDER BY ts) AS peak FROM shuffled) q', { runs: 2 }), 2, true);
	}
	if (wanted('sql')) {
		const byHand = `WITH curve AS (SELECT ts, value, max(value) OVER (ORDER BY ts) AS peak FROM big),
			drawdown AS (SELECT max(1 - value / peak) AS deepest, avg(1 - value / peak) AS pain, sqrt(avg((1 - value / peak) ^ 2)) AS ulcer FROM curve),
			days AS (SELECT DISTINCT ON (date_trunc('day', ts)) ts, value FROM big ORDER BY date_trunc('day', ts), ts DESC),
			returns AS (SELECT value / lag(value) OVER (ORDER BY ts) - 1 AS r FROM days),
			tail AS (SELECT percentile_cont(0.05) WITHIN GROUP (ORDER BY r) AS q FROM returns)
			SELECT d.*, stddev_samp(r) * sqrt(365), avg(r) / nullif(stddev_samp(r), 0) * sqrt(365), avg(r) / nullif(sqrt(avg(least(r, 0) ^ 2)), 0) * sqrt(365), -max(q), -avg(r) FILTER (WHERE r <= q), exp(sum(ln(1 + r))) - 1
			FROM drawdown d, returns, tail GROUP BY 1, 2, 3`;
		report('pulse_metrics(ts, value)', whole, 'the same by hand in SQL', await time(byHand, { runs: 1 }), 10, true);
	}
	if (wanted('rolling')) {
		const over = (what, frame, table = 'small') => `SELECT count(x) FROM (SELECT ${what} AS x FROM ${table} WINDOW w AS (ORDER BY i ROWS ${frame - 1} PRECEDING)) q`;
		await versus(`rolling Sharpe, 30 rows, ${million} rows`, over('pulse_sharpe(r) OVER w', 30), 'avg / stddev_samp OVER',
			over('avg(r) OVER w / nullif(stddev_samp(r) OVER w, 0) * sqrt(365)', 30), 6, true);
		await versus('rolling maximum drawdown, 1,000 rows', over('pulse_max_drawdown(value) OVER w', 1000), '30 rows', over('pulse_max_drawdown(value) OVER w', 30), 1.3);
		await query(`CREATE UNLOGGED TABLE few AS SELECT * FROM big WHERE i <= 20000;
			CREATE AGGREGATE plain_drawdown(timestamptz, float8) (SFUNC = pulse.equity_accum, STYPE = internal, FINALFUNC = pulse.equity_max_drawdown)`);
		report('rolling maximum drawdown, 1,000 rows, 20,000 rows', await time(over('pulse_max_drawdown(ts, value) OVER w', 1000, 'few')), 'a plain aggregate over the frame',
			await time(over('plain_drawdown(ts, value) OVER w', 1000, 'few'), { runs: 1 }), 100, true);
		report('rolling VaR, 1,000 rows', await time(over('pulse_var(r) OVER w', 1000)), '30 rows', await time(over('pulse_var(r) OVER w', 30)), 3);
	}
	if (wanted('summary')) {
		const merged = await time('SELECT pulse_metrics(pulse_rollup(summary)) FROM summaries', { runs: 10 });
		report('10,000 summaries in time order, all metrics', merged, 'the rows behind them', whole, 100, true);
		report('10,000 summaries in time order, all metrics', merged, 'five milliseconds', 0.005, 1);
	}
	if (wanted('parallel')) {
		await query('SET max_parallel_workers_per_gather = 2');
		const two = await time(`SELECT ${every} FROM big`, { clock: wall });
		await query('SET max_parallel_workers_per_gather = 0');
		report('eight metrics of returns, two parallel workers', two, 'none, wall clock', await time(`SELECT ${every} FROM big`, { clock: wall }), 1.3, true);
	}
	if (wanted('numeric')) {
		await query(`CREATE UNLOGGED TABLE decimals AS SELECT ts, round(value::numeric, 8) AS value FROM small; ANALYZE decimals`);
		report(`pulse_max_drawdown(ts, numeric), ${million} rows`, await time('SELECT pulse_max_drawdown(ts, value) FROM decimals'), 'of the cast to float8',
			await time('SELECT pulse_max_drawdown(ts, value::float8) FROM decimals'), 3, true);
	}
} finally {
	await client.end();
	await cluster.remove();
}
