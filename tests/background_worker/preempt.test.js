// A fill does not wait for a job: the worker gives the job up, announces the fill and begins the job anew.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
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

describe('state messages that are given up', () => {
	let cluster;
	let session;

	before(async () => {
		cluster = await startCluster({ preload: true, database: 'trading',
			conf: { 'pulse.databases': 'trading', 'pulse.performance_interval': '100ms' } });
		await query(cluster, 'CREATE EXTENSION pulse');
		await query(cluster, 'SELECT pulse_setup()');
		// answers within milliseconds, as what it waits for must not be over
		await query(cluster, `CREATE PROCEDURE wait_for(question text) LANGUAGE plpgsql AS $$
			DECLARE
				answer boolean;
			BEGIN
				FOR i IN 1 .. 1000 LOOP
					EXECUTE question INTO answer;
					EXIT WHEN answer;
					COMMIT;
					PERFORM pg_sleep(0.002);
				END LOOP;
			END $$`);
		await query(cluster, buy);
		await settled(cluster);
		session = new pg.Client(cluster.connection);
		session.on('error', () => {});
		await session.connect();
	});
	after(async () => {
		await session?.end();
		await cluster?.remove();
	});

	// The second of two quick snapshots is told by the transaction that then waits to store figures, and a fill comes upon it.
	test('come again, those too that had already been emitted', async () => {
		for (let round = 1; round <= 5; round++) {
			const seen = await value(cluster, 'SELECT max(seq) FROM pulse.event');
			const add = (total) => session.query(`INSERT INTO portfolio_snapshots (portfolio, total_value) VALUES ('other', ${total})`);
			await add(round);
			await session.query('CALL wait_for($1)', [`SELECT EXISTS (SELECT FROM pulse.event WHERE seq > ${seen} AND type = 'PERFORMANCE_UPDATE')`]);
			await add(round + 0.5);
			await session.query('BEGIN; LOCK TABLE pulse.performance_state IN SHARE MODE');
			await query(cluster, `CALL wait_for('SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)')`);
			await query(cluster, buy);
			await until('the fill to be announced', () => value(cluster, `SELECT count(*) = ${round + 1} FROM pulse.event WHERE type = 'TRADE_ALERT'`));
			await session.query('COMMIT');
			await until('the newest value to be told', () => value(cluster, `SELECT data ->> 'total_value' = '${round + 0.5}'
				FROM pulse.event WHERE type = 'PORTFOLIO_UPDATE' AND portfolio = 'other' ORDER BY seq DESC LIMIT 1`));
		}
	});
});
