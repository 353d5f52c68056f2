// What users register runs in a process of its own: whatever it does, the background worker goes on.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../lib/cluster.js';
import { buy, query, until, value } from './support.js';

describe('registered SQL', () => {
	let cluster;

	before(async () => {
		cluster = await startCluster({ preload: true, database: 'one', conf: { 'pulse.databases': 'one', 'pulse.poll_interval': '200ms', max_worker_processes: 10 } });
		await query(cluster, 'CREATE EXTENSION pulse');
		await query(cluster, 'SELECT pulse_setup()');
		await query(cluster, buy);
		await until('the background worker', () => value(cluster, 'SELECT pulse.worker_pid()'));
	});
	after(() => cluster?.remove());

	const state = async (name) => (await query(cluster, 'SELECT runs::int, failing, killed, last_error, result FROM pulse.registration_state WHERE name = $1', [name]))[0];

	test('runs in a process that ends when nothing is due', async () => {
		await query(cluster, `SELECT pulse_register_metric('kind', $$SELECT CASE current_setting('application_name') WHEN '' THEN 0 ELSE 1 END FROM pg_stat_activity WHERE pid = pg_backend_pid()$$, '1 second')`);
		await query(cluster, `UPDATE pulse.registration SET query = 'SELECT count(*) FROM pg_stat_activity WHERE pid = pg_backend_pid() AND backend_type = $$pulse runner$$' WHERE name = 'kind'`);
		const found = await until('its value', async () => { const s = await state('kind'); return s.runs > 1 && s; });
		assert.equal(found.result[0].value, 1);
		await query(cluster, `SELECT pulse_unregister_metric('kind')`);
		await until('the end of the process', async () => (await value(cluster, `SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'pulse runner'`)) === 0);
	});

	test('that loops and catches its own cancellation is ended, and the background worker lives', async () => {
		const worker = await value(cluster, 'SELECT pulse.worker_pid()');
		await query(cluster, `SELECT pulse_register_metric('stubborn', 'SELECT 1', time_limit => '100 ms')`);
		// The end of this run says when the next one is due: what is set below must come after it.
		await until('its first run', async () => (await state('stubborn'))?.runs > 0);
		await query(cluster, `CREATE FUNCTION stubborn() RETURNS integer LANGUAGE plpgsql AS $$
			BEGIN LOOP BEGIN PERFORM pg_sleep(0.01); EXCEPTION WHEN query_canceled OR OTHERS THEN NULL; END; END LOOP; END $$`);
		await query(cluster, `UPDATE pulse.registration SET query = 'SELECT stubborn()', search_path = 'pg_catalog, public' WHERE name = 'stubborn'`);
		await query(cluster, `UPDATE pulse.registration_state SET next_at = '-infinity' WHERE name = 'stubborn'`);
		await query(cluster, `SELECT pulse.touch_job('registrations')`);
		await until('its process', async () => (await state('stubborn')) && value(cluster, `SELECT EXISTS (SELECT FROM pulse.registration_state WHERE name = 'stubborn' AND started_at IS NOT NULL)`));
		// meanwhile fills are processed as ever
		await query(cluster, buy);
		await until('the fill', async () => (await value(cluster, 'SELECT count(*)::int FROM pulse.dirty')) === 0);
		await query(cluster, `SELECT pulse_register_metric('neighbour', 'SELECT 1', '1 second')`);
		const ended = await until('its end', async () => { const s = await state('stubborn'); return s.killed > 0 && s; });
		assert.match(ended.last_error, /did not stop/);
		await until('its neighbour', async () => (await state('neighbour')).runs > 0);
		assert.equal(await value(cluster, 'SELECT pulse.worker_pid()'), worker);
		assert.match(await value(cluster, `SELECT array_to_string(failing_jobs, ',') FROM pulse_worker_status()`), /metric stubborn: it did not stop/);
	});
});
