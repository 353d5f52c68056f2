// Sources that Citus has distributed over two nodes, followed by polling, beside the same rows in plain tables.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { citusInstalled, distributeTables, startCitus } from '../lib/citus.js';
import { query, until, value } from './support.js';

const portfolios = 24;
const names = `SELECT 'p' || p FROM generate_series(1, ${portfolios}) p`;
const snapshots = `INSERT INTO portfolio_snapshots (portfolio, ts, total_value, net_flow)
	SELECT 'p' || p, date_trunc('hour', now()) - (800 - i) * interval '20 minutes', 1000 + i + 100 * sin(i / 30.0 + p), CASE i % 400 WHEN 100 THEN 50 ELSE 0 END
	FROM generate_series(1, ${portfolios}) p, generate_series(1, 800) i`;
const trades = `INSERT INTO trades (portfolio, id, symbol, side, quantity, price, executed_at)
	SELECT 'p' || p, i, 'BTC', CASE i % 2 WHEN 0 THEN 'SELL' ELSE 'BUY' END, 1, 100 + i + p, date_trunc('hour', now()) - (40 - i) * interval '3 hours'
	FROM generate_series(1, ${portfolios}) p, generate_series(1, 40) i`;

const installed = await citusInstalled();

describe('tables that Citus distributes', { skip: installed ? false : 'skipped: Citus is not installed for this server, so nothing here was tried' }, () => {
	let cluster;
	const both = ['one', 'plain'];
	const ask = (sql, database = 'one', parameters = []) => query(cluster, sql, parameters, database);
	const one = (sql, database = 'one', parameters = []) => value(cluster, sql, parameters, database);
	/** Runs a cycle by hand in both databases, until nothing is left. */
	async function tick() {
		for (const database of both) {
			await until('everything to be processed', async () => {
				await ask('SELECT pulse_tick()', database);
				return one('SELECT NOT EXISTS (SELECT FROM pulse.dirty WHERE min_ts IS NULL) AND NOT EXISTS (SELECT FROM pulse.metric_dirty)', database);
			}, 120);
		}
	}
	/** Compares an answer in both databases. */
	async function same(sql) {
		const [distributed, plain] = [await ask(sql), await ask(sql, 'plain')];
		assert.ok(plain.length > 0, sql);
		assert.deepEqual(distributed, plain, sql);
		return distributed;
	}
	const verified = async () => assert.deepEqual(await ask('SELECT * FROM pulse_verify()'), []);

	before(async () => {
		cluster = await startCitus({ conf: { 'citus.shard_count': 6 }, coordinator: { 'pulse.databases': 'one,plain' } });
		await ask('CREATE DATABASE plain');
		await ask('CREATE EXTENSION pulse; SELECT pulse_setup()', 'plain');
		for (const database of both) await ask('SELECT pulse_worker_stop()', database);
		await distributeTables(cluster);
		for (const database of both) {
			await ask(snapshots, database);
			await ask(trades, database);
		}
		await tick();
	});
	after(() => cluster?.remove());

	test('have no triggers, and pulse_attach() says what to do instead', async () => {
		await assert.rejects(ask(`SELECT pulse_attach('trades', 'trades')`), (error) => /poll/.test(error.hint));
	});

	test('have the extension on every node, and a worker on the coordinator only', async () => {
		for (const node of cluster.nodes) {
			assert.equal(await value(node, `SELECT extversion FROM pg_extension WHERE extname = 'pulse'`), await one(`SELECT extversion FROM pg_extension WHERE extname = 'pulse'`));
			assert.equal(await value(node, `SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'pulse worker'`), 0);
		}
	});

	test('give the same figures, positions and curves as plain ones', async () => {
		await same('SELECT * FROM pulse_portfolios()');
		await same('SELECT source_id, portfolio, ts, total_value FROM pulse.latest_snapshots(NULL) ORDER BY 2');
		await same('SELECT portfolio, symbol, quantity, realized_pnl FROM pulse_positions() ORDER BY 1, 2');
		const figures = 'total_value, round(sharpe::numeric, 9) AS sharpe, round(max_drawdown::numeric, 9) AS max_drawdown, round(cumulative_return::numeric, 9) AS cumulative_return, realized_pnl';
		await same(`SELECT ${figures} FROM pulse_performance('p3')`);
		await same(`SELECT ${figures} FROM pulse_performance()`);
		await same(`SELECT portfolio, total_value, round(sharpe::numeric, 9) AS sharpe FROM pulse.performance_state ORDER BY 1`);
		await same(`SELECT year, month, round(monthly_return::numeric, 9) AS monthly_return FROM pulse_monthly_returns()`);
		await same(`SELECT * FROM pulse_drawdowns(portfolio => 'p3')`);
		await verified();
	});

	test('have aggregates computed where the rows are, and merged where they cannot be', async () => {
		const plan = async (sql) => (await ask(`EXPLAIN (VERBOSE, COSTS OFF) ${sql}`)).map((row) => row['QUERY PLAN']).join('\n');
		const grouped = 'SELECT portfolio, (pulse_metrics(ts, total_value, net_flow)).sharpe FROM portfolio_snapshots GROUP BY portfolio';
		assert.match(await plan(grouped), /Task Count: 6[\s\S]*Query: SELECT portfolio, \(public\.pulse_metrics\(/);
		const rolled = `SELECT pulse_rollup(summary) FROM (SELECT pulse_summary(ts, total_value, net_flow) AS summary
			FROM portfolio_snapshots WHERE portfolio = ANY ('{p1,p2,p3,p4,p5}') GROUP BY portfolio) q`;
		assert.match(await plan(rolled), /coord_combine_agg[\s\S]*worker_partial_agg\('public\.pulse_rollup\(public\.pulse_summary\)'/);
		await same(`SELECT portfolio, round(sharpe::numeric, 9) AS sharpe FROM (${grouped}) q ORDER BY 1`);
		await same(`SELECT round(pulse_volatility(pulse_rollup(summary))::numeric, 9) AS volatility FROM (SELECT pulse_summary(ts, total_value) AS summary
			FROM portfolio_snapshots WHERE portfolio = 'p2' GROUP BY portfolio, date_trunc('day', ts)) q`);
	});

	test('answer every function that only reads', async () => {
		const functions = await ask(`SELECT p.proname AS name, bool_or('portfolio' = ANY (p.proargnames[:p.pronargs])) AS by_portfolio FROM pg_proc p
			JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pulse')
			WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f' AND p.provolatile <> 'v' AND p.pronargs = p.pronargdefaults AND p.proname <> 'pulse_benchmark'
			GROUP BY 1 ORDER BY 1`);
		assert.ok(functions.length > 40);
		const calls = [...functions.map(({ name }) => `${name}()`), ...functions.filter((f) => f.by_portfolio).map(({ name }) => `${name}(portfolio => 'p3')`),
			`pulse_health_check('database')`, `pulse_rolling('sharpe', '7 days')`, `pulse_metrics_of('SELECT ts, total_value FROM portfolio_snapshots')`];
		const failed = [];
		for (const call of calls) await ask(`SELECT * FROM ${call}`).catch((error) => failed.push(`${call}: ${error.code} ${error.message}`));
		assert.deepEqual(failed, []);
	});

	test('are looked at for what is new, late, corrected and removed', async () => {
		for (const database of both) {
			await ask(`INSERT INTO portfolio_snapshots (portfolio, ts, total_value) SELECT name, date_trunc('hour', now()) + interval '1 minute', 1500 FROM (${names}) n (name)`, database);
			await ask(`INSERT INTO portfolio_snapshots (portfolio, ts, total_value) VALUES ('newcomer', date_trunc('hour', now()) + interval '2 minutes', 10)`, database);
			await ask(`INSERT INTO trades (portfolio, id, symbol, side, quantity, price) VALUES ('p5', 41, 'BTC', 'BUY', 2, 90)`, database);
			// found by the comparison of everything, once an hour
			await ask(`UPDATE portfolio_snapshots SET total_value = 900 WHERE portfolio = 'p1' AND ts = (SELECT min(ts) FROM portfolio_snapshots WHERE portfolio = 'p1')`, database);
			await ask(`DELETE FROM portfolio_snapshots WHERE portfolio = 'p4' AND ts > date_trunc('hour', now()) - interval '2 days'`, database);
		}
		// before any cycle a reader sees what is there
		await same('SELECT portfolio, ts, total_value FROM pulse.latest_snapshots(NULL) ORDER BY 1');
		await ask(`UPDATE pulse.source SET compared_at = NULL`);
		await tick();
		await same(`SELECT portfolio, total_value, round(cumulative_return::numeric, 9) AS cumulative_return FROM pulse.performance_state ORDER BY 1`);
		await same(`SELECT portfolio, quantity FROM pulse_positions() WHERE portfolio = 'p5'`);
		await verified();
	});

	test('are seen by those who may, and by nobody else', async () => {
		await ask('CREATE ROLE reader LOGIN; CREATE ROLE stranger LOGIN');
		await ask(`SELECT pulse_grant('reader')`);
		const as = (role, sql) => value({ ...cluster, connection: { ...cluster.connection, user: role } }, sql);
		assert.equal(await as('reader', 'SELECT count(*)::int FROM pulse_portfolios()'), portfolios + 1);
		assert.equal(await as('reader', `SELECT total_value IS NOT NULL FROM pulse_performance()`), true);
		assert.equal(await as('stranger', 'SELECT count(*)::int FROM pulse_portfolios()').catch(() => 0), 0);
		await assert.rejects(as('stranger', 'SELECT * FROM pulse.newest_snapshots(1)'), { code: '42501' });
	});

	test('lead to alerts, and their worker and its jobs are well', async () => {
		const rule = `SELECT pulse_alert_rule_set('poor', metric => 'total_value', comparator => '<', warning => 100)`;
		for (const database of both) {
			await ask(rule, database);
			await ask('SELECT pulse_worker_start()', database);
			await ask(`INSERT INTO portfolio_snapshots (portfolio, ts, total_value) SELECT name, now(), 50 FROM (${names}) n (name) WHERE name NOT IN ('p2', 'p3')`, database);
		}
		for (const database of both)
			await until(`the alerts in ${database}`, async () => (await one(`SELECT count(*)::int FROM pulse.alert WHERE rule = 'poor'`, database)) === portfolios - 1, 120);
		await same(`SELECT portfolio FROM pulse.alert WHERE rule = 'poor' ORDER BY 1`);
		await until('the jobs to run', () => one(`SELECT count(*) = 2 FROM pulse.job WHERE name IN ('alerts', 'health_history') AND runs > 0`), 120);
		assert.deepEqual(await ask('SELECT name, last_error FROM pulse.job WHERE failing > 0'), []);
		assert.deepEqual(await ask(`SELECT "check", message FROM pulse_doctor() WHERE status = 'problem' AND "check" <> 'daemon'`), []);
		for (const database of both) await ask('SELECT pulse_worker_stop()', database);
		await verified();
	});

	test('are thinned out, with every figure kept', async () => {
		const figures = await ask(`SELECT portfolio, total_value, round(max_drawdown::numeric, 9) AS max_drawdown FROM pulse.performance_state ORDER BY 1`);
		await ask(`SELECT pulse_retention_set('portfolio_snapshots', keep => '9 days', thin_after => '7 days', thin_to => '1 hour')`);
		await until('old snapshots to go', async () => {
			await ask('SELECT pulse_tick()');
			return await one('SELECT thinned_until IS NOT NULL FROM pulse.retention') && await one(`SELECT min(ts) > now() - interval '10 days' FROM portfolio_snapshots`);
		}, 120);
		assert.equal(await one('SELECT last_error FROM pulse.retention'), null);
		await tick();
		assert.deepEqual(await ask(`SELECT portfolio, total_value, round(max_drawdown::numeric, 9) AS max_drawdown FROM pulse.performance_state ORDER BY 1`), figures);
		await verified();
	});
});
