// Dump and restore: the text stays the same, state is rebuilt from the user's rows, nothing is announced twice.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { startCluster } from '../lib/cluster.js';
import { query, value } from '../background_worker/support.js';

const run = promisify(execFile);

describe('a dump', () => {
	let cluster;
	let bin;

	/** pg_dump's text without the random key that newer versions put around it. */
	const dump = async (database, ...options) => {
		const { stdout } = await run(`${bin}/pg_dump`, ['-d', database, ...options], { env: cluster.env, maxBuffer: 1 << 26 });
		return stdout.replace(/^\\(un)?restrict .*$/gm, '');
	};
	const restore = async (text, database) => {
		await query(cluster, `CREATE DATABASE ${database}`, [], 'postgres');
		const file = `${cluster.directory}/${database}.sql`;
		await writeFile(file, text);
		await run(`${bin}/psql`, ['-Xq', '-v', 'ON_ERROR_STOP=1', '-d', database, '-f', file], { env: cluster.env });
	};

	before(async () => {
		cluster = await startCluster({ database: 'original' });
		bin = (await run('pg_config', ['--bindir'])).stdout.trim();
		await query(cluster, 'CREATE EXTENSION pulse');
		await query(cluster, 'SELECT pulse_setup()');
		await query(cluster, 'CREATE TABLE other (nr integer PRIMARY KEY, acct text, pair text, amount numeric, price numeric, filled timestamp)');
		await query(cluster, `SELECT pulse_attach('other', 'trades', '{"id": "nr", "portfolio": "acct", "symbol": "pair", "quantity": "amount", "executed_at": "filled", "side": null}', timezone => 'UTC')`);
		await query(cluster, 'CREATE ROLE restore_reader; CREATE ROLE restore_daemon');
		await query(cluster, `SELECT pulse_grant('restore_reader'), pulse_grant('restore_daemon', 'worker')`);
		await query(cluster, `INSERT INTO trades (symbol, side, quantity, price) VALUES ('A', 'BUY', 1, 100), ('A', 'SELL', 1, 110)`);
		await query(cluster, `INSERT INTO other VALUES (1, 'x', 'B', 1, 1, now())`);
		await query(cluster, 'INSERT INTO portfolio_snapshots (total_value) VALUES (1000)');
		await query(cluster, `SELECT pulse_config_set('performance.target_annual_return', 0.3), pulse_config_set('reports.timezone', 'Europe/Berlin', 'testing')`);
		await query(cluster, `SELECT pulse_apply_environment('testing')`);
		await query(cluster, `DELETE FROM pulse.target WHERE metric = 'sharpe'`);
		await query(cluster, `SELECT pulse_retention_set('portfolio_snapshots', keep => '1 year', thin_after => '30 days')`);
		await query(cluster, `SELECT pulse_dust_set('*USDT', value => 1), pulse_mark('A', 105), pulse_mark('A', 104, now() - interval '1 hour')`);
		// so that there is a partition of events that was made at run time
		await query(cluster, 'UPDATE pulse.sequencer SET seq = 131071');
		await query(cluster, 'SELECT pulse_tick()');
		assert.equal(await value(cluster, `SELECT count(*)::int FROM pulse.partitions('event')`), 2);
		await query(cluster, `INSERT INTO trades (symbol, side, quantity, price) VALUES ('A', 'BUY', 1, 120)`);
	});
	after(() => cluster?.remove());

	test('of the whole database restores to the same text', async () => {
		const text = await dump('original');
		await restore(text, 'whole');
		assert.equal(await dump('whole'), text);
	});

	test('keeps the settings, and who chose them', async () => {
		for (const part of ['pulse_retention()', 'pulse_config()', 'pulse.target', 'pulse_config_history()', 'pulse.dust', 'pulse.mark_history']) {
			assert.deepEqual(await query(cluster, `SELECT * FROM ${part}`, [], 'whole'), await query(cluster, `SELECT * FROM ${part}`));
		}
		assert.equal(await value(cluster, `SELECT pulse.config_text('reports.timezone')`, [], 'whole'), 'Europe/Berlin');
	});

	test('of the schema alone does too', async () => {
		const text = await dump('original', '--schema-only');
		await restore(text, 'empty');
		assert.equal(await dump('empty', '--schema-only'), text);
		const [row] = await query(cluster, 'SELECT pulse_tick()', [], 'empty');
		assert.equal(row.pulse_tick.failures, 0);
	});

	test('is rebuilt by the first tick, which announces nothing of it', async () => {
		await query(cluster, 'SELECT pulse_tick()');
		const [tick] = await query(cluster, 'SELECT pulse_tick()', [], 'whole');
		assert.equal(tick.pulse_tick.failures, 0);
		const state = 'SELECT portfolio, symbol, quantity, cost, realized_pnl, fees FROM pulse.position ORDER BY 1, 2';
		assert.deepEqual(await query(cluster, state, [], 'whole'), await query(cluster, state));
		assert.equal(await value(cluster, `SELECT count(*)::int FROM pulse.event WHERE type IN ('TRADE_ALERT', 'SYSTEM_ALERT')`, [], 'whole'), 0);
		assert.equal(await value(cluster, 'SELECT count(*)::int FROM pulse.delivery', [], 'whole'), 0);
		assert.notEqual(await value(cluster, 'SELECT epoch FROM pulse.sequencer', [], 'whole'), await value(cluster, 'SELECT epoch FROM pulse.sequencer'));
	});

	test('goes on where the original stood', async () => {
		await query(cluster, `INSERT INTO trades (symbol, side, quantity, price) VALUES ('A', 'SELL', 1, 130)`, [], 'whole');
		await query(cluster, 'SELECT pulse_tick()', [], 'whole');
		const alerts = await query(cluster, `SELECT data ->> 'id' AS id, data ->> 'realized_pnl' AS pnl FROM pulse.event WHERE type = 'TRADE_ALERT'`, [], 'whole');
		assert.deepEqual(alerts, [{ id: '4', pnl: '10' }]);
		await query(cluster, `CREATE TABLE more (LIKE trades INCLUDING ALL)`, [], 'whole');
		assert.equal(await value(cluster, `SELECT pulse_attach('more', 'trades')`, [], 'whole'), 4);
	});
});
