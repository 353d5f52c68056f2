// Sources that are hypertables of TimescaleDB: converted while they are followed, and attached as hypertables.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { startCluster } from '../lib/cluster.js';
import { clean, query, settled, value } from './support.js';

const run = promisify(execFile);
const sharedir = await run(process.env.PG_CONFIG ?? 'pg_config', ['--sharedir']).then(({ stdout }) => stdout.trim());
const installed = await access(`${sharedir}/extension/timescaledb.control`).then(() => true, () => false);

describe('a hypertable', { skip: installed ? false : 'TimescaleDB is not installed for this server' }, () => {
	let cluster;
	const differences = () => value(cluster, 'SELECT count(*)::int FROM pulse_verify()');
	const figures = () => query(cluster, 'SELECT total_value, cumulative_return, max_drawdown, sharpe, realized_pnl FROM pulse_performance()');
	const marks = () => query(cluster, 'SELECT source_id, min_ts FROM pulse.dirty ORDER BY min_ts');

	before(async () => {
		cluster = await startCluster({ database: 'one', conf: { shared_preload_libraries: 'timescaledb,pulse', 'timescaledb.telemetry_level': 'off' } });
		await query(cluster, 'CREATE EXTENSION timescaledb; CREATE EXTENSION pulse; SELECT pulse_worker_stop(); SELECT pulse_setup()');
		await query(cluster, `INSERT INTO portfolio_snapshots (ts, total_value)
			SELECT timestamptz '2024-01-01' + i * interval '1 hour', 1000 + i + 10 * sin(i) FROM generate_series(1, 1000) i`);
		await query(cluster, `INSERT INTO trades (executed_at, symbol, side, quantity, price)
			SELECT timestamptz '2024-01-01' + i * interval '7 hours', 'BTC', CASE i % 2 WHEN 0 THEN 'SELL' ELSE 'BUY' END, 1, 100 + i FROM generate_series(1, 100) i`);
		await query(cluster, 'SELECT pulse_tick()');
	});
	after(() => cluster?.remove());

	test('is made of a followed table without losing anything', async () => {
		const before = await figures();
		await query(cluster, `SELECT create_hypertable('portfolio_snapshots', 'ts', migrate_data => true)`);
		await query(cluster, `ALTER TABLE trades DROP CONSTRAINT trades_pkey, DROP CONSTRAINT trades_portfolio_fill_id_key,
			ADD PRIMARY KEY (portfolio, id, executed_at), ADD UNIQUE (portfolio, fill_id, executed_at)`);
		await query(cluster, `SELECT create_hypertable('trades', 'executed_at', migrate_data => true)`);
		assert.ok(await value(cluster, `SELECT count(*)::int FROM show_chunks('trades')`) > 3);
		await query(cluster, 'SELECT pulse_tick()');
		assert.deepEqual(await figures(), before);
		assert.equal(await differences(), 0);
		assert.deepEqual(await settled(cluster), clean);
	});

	test('is captured in every chunk, also in those made later: late rows, corrections, removals', async () => {
		await query(cluster, `INSERT INTO portfolio_snapshots (ts, total_value) VALUES ('2024-01-05 10:30', 5000), ('2025-07-01', 2500)`);
		await query(cluster, 'UPDATE trades SET price = 500 WHERE id = 10');
		await query(cluster, 'DELETE FROM trades WHERE id = 12');
		const times = (await marks()).map(({ min_ts }) => min_ts.toISOString().slice(0, 10));
		assert.deepEqual(times, ['2024-01-03', '2024-01-04', '2024-01-05']);
		await query(cluster, 'SELECT pulse_tick()');
		assert.equal(await differences(), 0);
		const [{ total_value: total }] = await figures();
		assert.equal(total, '2500');
	});

	test('can be attached, with the time in its key, and says what it cannot do', async () => {
		await query(cluster, `SELECT pulse_detach('trades')`);
		const { stderr } = await run('psql', ['-Xqc', `SELECT pulse_attach('trades', 'trades')`], { env: cluster.env });
		assert.match(stderr, /logical replication.*not noticed/);
		await query(cluster, 'SELECT pulse_tick()');
		assert.equal(await differences(), 0);
		await query(cluster, `INSERT INTO trades (executed_at, symbol, side, quantity, price) VALUES ('2026-01-01', 'BTC', 'BUY', 3, 90)`);
		assert.equal((await marks()).length, 1);
		await query(cluster, 'SELECT pulse_tick()');
		assert.equal(await differences(), 0);
	});

	test('is emptied by TRUNCATE, which is noticed', async () => {
		await query(cluster, 'TRUNCATE trades');
		await query(cluster, 'SELECT pulse_tick()');
		assert.equal(await value(cluster, 'SELECT count(*)::int FROM pulse.fill'), 0);
		assert.equal(await differences(), 0);
	});
});
