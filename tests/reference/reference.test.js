// Every metric against published values: the repository's own cases, and the larger set beside the checkout if there is one.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startCluster } from '../lib/cluster.js';
import { readNumber, readSeries } from './data.js';
import { exceptions, metrics, unexpressed } from './metrics.js';

const here = dirname(fileURLToPath(import.meta.url));
const shared = join(here, '../../../shared/reference');
const yearSeconds = 365 * 86400;

let cluster;
let client;

before(async () => {
	cluster = await startCluster({ preload: true });
	client = new pg.Client(cluster.connection);
	await client.connect();
	await client.query(`CREATE EXTENSION IF NOT EXISTS pulse;
		SET TimeZone = 'UTC';
		CREATE TEMPORARY TABLE d (i int, r float8, b float8, e float8, ts timestamptz, d timestamptz);
		CREATE TEMPORARY TABLE sign (sign int);
		INSERT INTO sign VALUES (1);
		SELECT pulse_setup()`);
});

after(async () => {
	await client?.end();
	await cluster?.remove();
});

/** Joins two dated series on the dates they share. */
function joinByDate(a, b) {
	const other = new Map(b.dates.map((date, i) => [date, b.values[i]]));
	const keep = a.dates.filter((date) => other.has(date));
	const own = new Map(a.dates.map((date, i) => [date, a.values[i]]));
	return [
		{ values: keep.map((date) => own.get(date)), dates: keep },
		{ values: keep.map((date) => other.get(date)), dates: keep },
	];
}

/** Fills the relation d from a case's inputs; missing returns are periods without a change only where the source counts them. */
async function load(inputs, folder, countsMissing) {
	const series = inputs.returns ?? inputs.pnl ?? inputs.flows ?? [];
	let r = readSeries(series, folder);
	let b = inputs.benchmark ? readSeries(inputs.benchmark, folder)
		: Array.isArray(inputs.risk_free ?? inputs.required_return) ? readSeries(inputs.risk_free ?? inputs.required_return, folder) : null;
	if (inputs.join === 'date') [r, b] = joinByDate(r, b);
	const dates = inputs.dates ?? r.dates;
	let equity = 1;
	let period = 0;
	const step = yearSeconds / (inputs.periods ?? 365);
	let rows = [[0, null, null, 1, 0, null], ...r.values.map((value, i) => {
		equity *= 1 + (value ?? 0);
		if (value !== null || countsMissing) period += 1;
		return [i + 1, value, b ? b.values[i] : null, equity, period * step, dates ? dates[i] : null];
	})];
	// pain and ulcer index are averages: what is no observation must not be in the curve
	if (!countsMissing) rows = rows.map((row, i) => (i && row[1] === null ? [...row.slice(0, 3), null, ...row.slice(4)] : row));
	if (inputs.prices) {
		const prices = readSeries(inputs.prices, folder);
		rows = prices.values.slice(0, inputs.rows).map((e, i) => [i, null, null, e, i * step, prices.dates?.[i] ?? null]);
	}
	if (inputs.cumulative_returns) rows = inputs.cumulative_returns.map((c, i) => [i, null, null, 1 + c, i * step, null]);
	const column = (k) => rows.map((row) => row[k]);
	await client.query('TRUNCATE d, portfolio_snapshots');
	await client.query(`INSERT INTO d SELECT i, r, b, e, 'epoch'::timestamptz + s * interval '1 second', d
		FROM unnest($1::int[], $2::float8[], $3::float8[], $4::float8[], $5::float8[], $6::timestamptz[]) t(i, r, b, e, s, d)`, [0, 1, 2, 3, 4, 5].map(column));
}

/** Asserts that a value is the expected one; undefined ones are NULL in Pulse. */
function assertValue(got, expected, tolerance) {
	const want = typeof expected === 'string' ? readNumber(expected) : expected;
	if (want === null || !Number.isFinite(want)) {
		assert.equal(got, null, `${got} where nothing is defined`);
		return;
	}
	assert.ok(got !== null && Math.abs(got - want) <= Math.max(tolerance, tolerance * Math.abs(want)), `${got} is not ${want} within ${tolerance}`);
}

async function check(item, folder) {
	await load(item.inputs, folder, /^(emp|vbt)-/.test(item.id));
	// some libraries give drawdowns as negative numbers
	const expected = Array.isArray(item.expected) ? item.expected : [item.expected];
	await client.query('UPDATE sign SET sign = $1', [expected[0] < 0 ? -1 : 1]);
	const how = (exceptions[item.id] ?? metrics[item.metric])(item.inputs);
	for (const statement of how.before ?? []) await client.query(statement);
	const sql = typeof how === 'string' ? `SELECT (${how})::float8 FROM d WHERE i > 0` : how.series;
	const { rows } = await client.query({ text: sql, rowMode: 'array' });
	const got = rows.map(([value]) => (value === null ? null : Number(value)));
	assert.equal(got.length, expected.length, `${got.length} values for ${expected.length}: ${sql}`);
	expected.forEach((value, i) => assertValue(got[i], value, item.tol));
}

/** Defines a test for every case of a file of JSON lines. */
function defineCases(file, folder) {
	for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
		const item = JSON.parse(line);
		const reason = unexpressed[item.metric];
		test(`${item.id} ${item.metric}`, { skip: reason ?? false }, () => check(item, folder));
	}
}

describe('own cases', () => defineCases(join(here, 'cases.jsonl'), here));

/** What the traps of the shared folder ask, in SQL that gives the value to compare; those of the ledger have their tests there. */
const traps = {
	T01: `SELECT pulse_volatility(r, 1) ^ 2 FROM unnest($1::float8[]) r`,
	T01b: `SELECT pulse_volatility(r, 1) ^ 2 FROM unnest($1::float8[]) r`,
	T02: `SELECT pulse_sharpe(r) FROM unnest($1::float8[]) r`,
	T03: `SELECT pulse_volatility(0.01::float8) FROM generate_series(1, 10)`,
	T03b: `SELECT pulse_volatility(0.1::float8) FROM generate_series(1, 3)`,
	T04: `SELECT v ^ 2 FROM (SELECT pulse_volatility(r, 1) OVER (ORDER BY i ROWS 7 PRECEDING) AS v, i FROM unnest($1::float8[]) WITH ORDINALITY t(r, i)) w ORDER BY i DESC LIMIT 1`,
	T06: `SELECT pulse_total_return(1e-8::float8) FROM generate_series(1, 1000000)`,
	T09: `SELECT pulse_max_drawdown(v ORDER BY i) FROM unnest(ARRAY[1e18, 1e18 - 1000, 1e18]::float8[]) WITH ORDINALITY t(v, i)`,
	T10: `SELECT pulse_cagr(t, v) FROM (VALUES ('epoch'::timestamptz, 100), ('epoch'::timestamptz + interval '1 hour', 101)) x(t, v)`,
	T10b: `SELECT pulse_cagr(t, v) FROM (VALUES ('epoch'::timestamptz, 1), ('epoch'::timestamptz + interval '5 days', 5)) x(t, v)`,
	T11: `SELECT -pulse_var(r) FROM unnest(ARRAY[-0.05, -0.03, -0.02, 0.01, 0.04, 0.06, 0.08]) r`,
	T12: `SELECT pulse_beta(r, b) FROM unnest(ARRAY[0.01, -0.01, 0.02, -0.02], ARRAY[1e-12, -1e-12, 2e-12, -2e-12]) t(r, b)`,
	T13: `SELECT pulse_psr(2 / sqrt(12), 1 / sqrt(12), 59, -0.72, 5.78)`,
	T13b: `SELECT pulse_normal_probability(-10)`,
	T13c: `SELECT pulse_normal_quantile(1e-10)`,
	T14: `SELECT pulse_sharpe_standard_error(0.1, 365)`,
	T14b: `SELECT pulse_sharpe_annualisation(365, 0.2)`,
	T15: `SELECT pulse_ewma_volatility(r, 0.94, 1) FROM unnest(ARRAY[0.01, -0.02, 0.03, -0.01]) r`,
	T16: `SELECT pulse_twr(t::timestamptz, v, f) FROM (VALUES ('2025-01-01', 100, 0), ('2025-01-02', 160, 50), ('2025-01-03', 115, -50), ('2025-01-04', 120, 0)) x(t, v, f)`,
	T17: `SELECT pulse_expectancy(x) * 4 FROM unnest(ARRAY[1e16, 1, -1e16, 1]) x`,
	T18: `SELECT pulse_max_drawdown(v ORDER BY i) FROM unnest(ARRAY[100, 50, -20, 30]::float8[]) WITH ORDINALITY t(v, i)`,
};
/** Traps whose published value is another: why, and which. */
const trapValues = {
	// 1e18 - 1000 is no double: the nearest one is 1024 below
	T09: 1.024e-15,
	T18: 1.2,
};

describe('numerical traps', () => {
	const file = join(shared, 'traps.json');
	if (!existsSync(file)) {
		test('the traps', { skip: 'no folder shared/reference beside the checkout' }, () => {});
		return;
	}
	for (const trap of JSON.parse(readFileSync(file, 'utf8'))) {
		test(`${trap.id} ${trap.desc}`, { skip: traps[trap.id] ? false : 'a matter of the ledger, or shown elsewhere' }, async () => {
			const values = traps[trap.id].includes('$1') ? [trap.inputs] : [];
			const { rows: [[value]] } = await client.query({ text: traps[trap.id], values, rowMode: 'array' });
			const want = trapValues[trap.id] ?? Number(trap.expected);
			const got = Number(value);
			assert.ok(got === want || Math.abs(got - want) <= 2e-14 * Math.abs(want), `${got} is not ${want}`);
		});
	}
});

describe('published cases', () => {
	const file = join(shared, 'cases.jsonl');
	if (existsSync(file)) defineCases(file, shared);
	else test('the larger set of cases', { skip: 'no folder shared/reference beside the checkout' }, () => {});
});
