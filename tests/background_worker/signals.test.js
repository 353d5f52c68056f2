// What signals and crashes do to a worker: SIGHUP, SIGTERM, and one that dies again and again.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../lib/cluster.js';
import { buy, clean, query, settled, until, value } from './support.js';

describe('a preloaded worker', () => {
	let cluster;
	const worker = () => value(cluster, 'SELECT pulse.worker_pid()');

	before(async () => {
		cluster = await startCluster({ preload: true, database: 'trading', conf: { 'pulse.databases': 'trading' } });
		await query(cluster, 'CREATE EXTENSION pulse');
		await query(cluster, 'SELECT pulse_setup()');
		await until('the worker', worker);
	});
	after(() => cluster?.remove());

	test('obeys settings that change while it runs', async () => {
		await query(cluster, 'ALTER SYSTEM SET pulse.notify_max_age = 0');
		await query(cluster, 'SELECT pg_reload_conf()');
		await until('a fill that nobody gets a message about', async () => {
			const id = await value(cluster, `${buy} RETURNING id::text`);
			await settled(cluster);
			await until('its message to be considered', () => value(cluster, 'SELECT told_seq = seq FROM pulse.sequencer'));
			return value(cluster, `SELECT NOT EXISTS (SELECT FROM pulse.delivery WHERE data ->> 'id' = $1)`, [id]);
		});
		await query(cluster, 'ALTER SYSTEM RESET pulse.notify_max_age');
	});

	test('ends at SIGTERM whatever it waits for, and another one follows', async () => {
		const first = await worker();
		process.kill(first, 'SIGTERM');
		await until('another worker', async () => ![null, first].includes(await worker()));
		await query(cluster, buy);
		assert.deepEqual(await settled(cluster), clean);
	});

	test('that keeps dying leaves the server time to breathe, and recovers when the cause is gone', async () => {
		// what a bug in a library would do: the process is gone, and the whole server starts over
		await query(cluster, `CREATE FUNCTION die(at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS
			$$ BEGIN COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID'; RETURN NULL; END $$`);
		await query(cluster, `INSERT INTO pulse.job (name, command, every) VALUES ('die', 'public.die', '1 hour')`).catch(() => {});
		await until('a worker that waits', async () => /pulse worker waits for \d+ s, as workers of this database keep dying/.test(await cluster.log()), 120);
		assert.ok((await cluster.log()).match(/pulse worker.* was terminated by signal 9/g).length >= 3);

		await until('the cause to be removed', async () => {
			await query(cluster, `DELETE FROM pulse.job WHERE name = 'die'`);
			return true;
		}, 120);
		await until('a worker that has come through', () => value(cluster, 'SELECT starts = 0 AND pulse.worker_pid() IS NOT NULL FROM pulse.worker'), 120);
		await query(cluster, buy);
		assert.deepEqual(await settled(cluster), clean);
	});
});
