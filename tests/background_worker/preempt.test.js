// A fill does not wait for a job: the worker gives the job up, announces the fill and begins the job anew.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../lib/cluster.js';
import { buy, query, settled, until, value } from './support.js';

describe('a job that takes its time', () => {
	let cluster;

	before(async () => {
		cluster = await startCluster({ preload: true, database: 'trading', conf: { 'pulse.databases': 'trading', 'pulse.poll_interval': '200ms' } });
		await query(cluster, 'CREATE EXTENSION pulse');
		await query(cluster, 'SELECT pulse_setup()');
		await query(cluster, buy);
		await settled(cluster);
		// sequences tell what was rolled back, and are heard at once
		await query(cluster, `
			CREATE SEQUENCE begun MINVALUE 0; SELECT nextval('begun');
			CREATE SEQUENCE gate MINVALUE 0;
			CREATE TABLE ended (at timestamptz);
			CREATE FUNCTION take_time(at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS $$
			BEGIN
				PERFORM nextval('public.begun');
				INSERT INTO public.ended VALUES (at);
				-- who is never given up comes to an end all the same, and to another try
				FOR i IN 1 .. 200 LOOP
					EXIT WHEN (SELECT is_called FROM public.gate);
					PERFORM pg_sleep(0.01);
				END LOOP;
				RETURN at + interval '1 second';
			END $$;
			INSERT INTO pulse.job (name, command, every) VALUES ('slow', 'public.take_time', '1 second')`);
	});
	after(() => cluster?.remove());

	test('is given up for a fill, and done afterwards, once', async () => {
		let fills = 1;
		await until('the job to be given up', async () => {
			await until('the job to run', () => value(cluster, `SELECT b.last_value > j.runs FROM begun b, pulse.job j WHERE j.name = 'slow'`));
			await query(cluster, buy);
			fills++;
			await until('the fill to be announced', () => value(cluster, `SELECT count(*) = $1 FROM pulse.event WHERE type = 'TRADE_ALERT'`, [fills]), 60);
			// one more than have ended is running
			return value(cluster, `SELECT b.last_value > j.runs + 1 FROM begun b, pulse.job j WHERE j.name = 'slow'`);
		}, 120);
		await query(cluster, `SELECT nextval('gate')`);
		const runs = await value(cluster, `SELECT runs FROM pulse.job WHERE name = 'slow'`);
		await until('the job to be done', () => value(cluster, `SELECT runs > $1 FROM pulse.job WHERE name = 'slow'`, [runs]));
		const [job] = await query(cluster, `SELECT j.runs = (SELECT count(*) FROM ended) AS once, j.failures::int, j.last_error FROM pulse.job j WHERE j.name = 'slow'`);
		assert.deepEqual(job, { once: true, failures: 0, last_error: null });
		assert.deepEqual(await settled(cluster), { wrong: 0, gaps: 0, pending: 0 });
		assert.equal(await value(cluster, 'SELECT last_error FROM pulse_worker_status()'), null);
	});

	test('a cancellation from elsewhere is none of that', async () => {
		await query(cluster, `SELECT setval('gate', 0, false)`);
		await until('the job to fail', async () => {
			await query(cluster, `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pulse worker' AND query = 'pulse: running a job'`);
			return value(cluster, `SELECT last_error ~ 'cancel' FROM pulse.job WHERE name = 'slow'`);
		}, 60);
	});
});
