// The background worker with preloading: the launcher keeps one in each database of pulse.databases.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { startCluster } from '../lib/cluster.js';
import { buy, clean, query, settled, until, value } from './support.js';

const run = promisify(execFile);

describe('the launcher', () => {
	let cluster;
	const workers = () => value(cluster, `SELECT coalesce(string_agg(datname, ',' ORDER BY datname), '') FROM pg_stat_activity WHERE backend_type = 'pulse worker'`);

	before(async () => {
		cluster = await startCluster({ preload: true, database: 'one', conf: { 'pulse.databases': 'one, two', 'pulse.poll_interval': '200ms', max_worker_processes: 5 } });
		await query(cluster, 'CREATE EXTENSION pulse');
		await query(cluster, 'SELECT pulse_setup()');
	});
	after(() => cluster?.remove());

	test('starts a worker in the database that exists', async () => {
		await until('the worker of "one"', async () => (await workers()) === 'one');
		await query(cluster, buy);
		assert.deepEqual(await settled(cluster), clean);
		const [status] = await query(cluster, 'SELECT state, preloaded FROM pulse_worker_status()');
		assert.deepEqual(status, { state: 'running', preloaded: true });
	});

	test('and says what it waits for, by name where the server has names', async () => {
		const named = await value(cluster, `SELECT current_setting('server_version_num')::int >= 170000`);
		assert.ok(await until('both wait', async () => {
			const rows = await query(cluster, `SELECT backend_type, wait_event FROM pg_stat_activity WHERE backend_type LIKE 'pulse%' AND wait_event_type = 'Extension'`);
			const waits = Object.fromEntries(rows.map((row) => [row.backend_type, row.wait_event]));
			return named ? waits['pulse worker'] === 'PulseWaitForChanges' && waits['pulse launcher'] === 'PulseLauncherMain'
				: waits['pulse worker'] === 'Extension' && waits['pulse launcher'] === 'Extension';
		}));
	});

	test('and in the other as soon as it exists, before and after CREATE EXTENSION', async () => {
		await query(cluster, 'CREATE DATABASE two', [], 'postgres');
		await until('the worker of "two"', async () => (await workers()) === 'one,two');
		await query(cluster, 'CREATE EXTENSION pulse', [], 'two');
		await query(cluster, 'SELECT pulse_setup()', [], 'two');
		await query(cluster, buy, [], 'two');
		assert.deepEqual(await settled(cluster, 'two'), clean);
		assert.equal(await value(cluster, 'SELECT count(*)::int FROM trades'), 1);
	});

	// five slots: the launcher, the server's own for logical replication, and three of ours
	test('follows a change of the setting, and says when there is no slot', async () => {
		for (const name of ['three', 'four']) await query(cluster, `CREATE DATABASE ${name}`, [], 'postgres');
		await query(cluster, `ALTER SYSTEM SET pulse.databases = 'one', 'two', 'three', 'four'`);
		await query(cluster, 'SELECT pg_reload_conf()');
		await until('three workers', async () => (await workers()).split(',').length === 3);
		await until('a warning', async () => /no free slot/.test(await cluster.log()));
		await query(cluster, `ALTER SYSTEM SET pulse.databases = 'one'`);
		await query(cluster, 'SELECT pg_reload_conf()');
		await until('one worker', async () => (await workers()) === 'one');
	});

	test('does not bring back a worker that was stopped by hand', async () => {
		await query(cluster, 'SELECT pulse_worker_stop()');
		await query(cluster, buy);
		await new Promise((resolve) => setTimeout(resolve, 2500));
		assert.equal(await value(cluster, 'SELECT count(*)::int FROM pulse.dirty'), 1);
		await query(cluster, 'SELECT pulse_worker_start()');
		assert.deepEqual(await settled(cluster), clean);
		assert.equal(await workers(), 'one');
	});

	test('replaces a worker that was terminated', async () => {
		const pid = await value(cluster, 'SELECT pulse.worker_pid()');
		await query(cluster, 'SELECT pg_terminate_backend($1)', [pid]);
		await until('another worker', async () => ![null, pid].includes(await value(cluster, 'SELECT pulse.worker_pid()')));
	});

	test('starts again with the server', async () => {
		await cluster.restart();
		await until('the worker of "one"', async () => (await workers()) === 'one');
		await query(cluster, buy);
		assert.deepEqual(await settled(cluster), clean);
	});
});

describe('a standby', () => {
	let cluster;
	let standby;

	before(async () => {
		cluster = await startCluster({ preload: true, database: 'one', conf: { 'pulse.databases': 'one', 'pulse.poll_interval': '200ms', wal_level: 'replica', max_wal_senders: 4, hot_standby: 'on' } });
		await query(cluster, 'CREATE EXTENSION pulse');
		await query(cluster, 'SELECT pulse_setup()');
		await query(cluster, buy);
		await settled(cluster);
		const { stdout } = await run('pg_config', ['--bindir']);
		const bin = stdout.trim();
		const data = `${cluster.directory}/standby`;
		const as = process.getuid() === 0 ? ['setpriv', ['--reuid', 'postgres', '--regid', 'postgres', '--clear-groups']] : ['env', []];
		standby = {
			run: (program, ...words) => run(as[0], [...as[1], `${bin}/${program}`, ...words], { env: cluster.env, cwd: cluster.directory }),
			data,
			connection: { ...cluster.connection, port: 5433 },
		};
		await standby.run('pg_basebackup', '-D', data, '-R', '-c', 'fast', '-d', 'dbname=postgres');
		await standby.run('pg_ctl', '-D', data, '-l', `${data}/log`, '-o', '-p 5433', '-s', '-w', 'start');
	});
	after(async () => {
		await standby?.run('pg_ctl', '-D', standby.data, '-s', '-w', '-m', 'immediate', 'stop').catch(() => null);
		await cluster?.remove();
	});

	test('answers every function that only reads', async () => {
		await until('the standby has everything', async () =>
			(await value(standby, `SELECT count(*)::int FROM pulse.event WHERE type = 'TRADE_ALERT'`)) === 1);
		const functions = await query(standby, `SELECT p.proname AS name FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
			WHERE d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pulse') AND p.pronamespace = 'public'::regnamespace
				AND p.prokind = 'f' AND p.provolatile <> 'v' AND p.pronargs = p.pronargdefaults AND p.proname <> 'pulse_benchmark' GROUP BY 1`);
		assert.ok(functions.length > 40);
		const calls = [...functions.map(({ name }) => `${name}()`), `pulse_health_check('database')`, `pulse_rolling('sharpe', '30 days')`,
			`pulse_config('health.cache_hits_warning')`];
		for (const call of calls) await query(standby, `SELECT * FROM ${call}`).catch((error) => assert.fail(`${call}: ${error.code} ${error.message}`));
	});

	test('has no worker and ticks only after its promotion, in an epoch of its own', async () => {
		assert.equal(await value(standby, `SELECT count(*)::int FROM pg_stat_activity WHERE backend_type LIKE 'pulse%'`), 0);
		await assert.rejects(query(standby, 'SELECT pulse_tick()'), { code: '25006' });
		const epoch = await value(standby, 'SELECT epoch FROM pulse.sequencer');
		await standby.run('pg_ctl', '-D', standby.data, '-s', '-w', 'promote');
		await until('the worker of the promoted server', () => value(standby, 'SELECT pulse.worker_pid()'));
		await query(standby, buy);
		assert.deepEqual(await settled(standby), clean);
		assert.notEqual(await value(standby, 'SELECT epoch FROM pulse.sequencer'), epoch);
		assert.equal(await value(standby, `SELECT count(*)::int FROM pulse.event WHERE type = 'TRADE_ALERT'`), 2);
	});
});
