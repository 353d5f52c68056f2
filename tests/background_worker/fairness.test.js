// With hundreds of portfolios that change all the time, one that does not is served first. What counts is the order of
// events, not the time.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { startCluster } from '../lib/cluster.js';
import { query, settled, until, value } from './support.js';

const others = 300;

describe('many portfolios', () => {
	let cluster;
	const computed = (worth) => until(`the figures of all others at ${worth}`, async () =>
		(await value(cluster, `SELECT count(*)::int FROM pulse.performance_state WHERE portfolio LIKE 'p%' AND total_value = $1`, [worth])) === others
			&& !(await value(cluster, 'SELECT EXISTS (SELECT FROM pulse.performance_due)')), 120);
	const change = (client, worth) => client.query(`INSERT INTO portfolio_snapshots (portfolio, ts, total_value)
		SELECT 'p' || p, clock_timestamp(), ${worth} FROM generate_series(1, ${others}) p`);

	before(async () => {
		cluster = await startCluster({ preload: true, database: 'trading', conf: { 'pulse.databases': 'trading', 'pulse.poll_interval': '200ms' } });
		await query(cluster, 'CREATE EXTENSION pulse');
		await query(cluster, 'SELECT pulse_setup()');
	});
	after(() => cluster?.remove());

	test('a quiet one comes before all that have been served since', async () => {
		const quiet = `INSERT INTO trades (portfolio, symbol, side, quantity, price) VALUES ('quiet', 'X', 'BUY', 1, 1);
			INSERT INTO portfolio_snapshots (portfolio, ts, total_value) VALUES ('quiet', clock_timestamp(), 1)`;
		await query(cluster, quiet);
		await until('the quiet one to be served', () => value(cluster, `SELECT EXISTS (SELECT FROM pulse.performance_state WHERE portfolio = 'quiet')`), 60);
		const session = new pg.Client(cluster.connection);
		await session.connect();
		try {
			await change(session, 100);
			await computed(100);
			// the worker can process nothing until everybody has committed, the quiet one last
			await session.query('BEGIN');
			await session.query('LOCK TABLE pulse.sequencer IN ACCESS EXCLUSIVE MODE');
			const writer = new pg.Client(cluster.connection);
			await writer.connect();
			await writer.query(`INSERT INTO trades (portfolio, symbol, side, quantity, price) SELECT 'p' || p, 'X', 'BUY', 1, 1 FROM generate_series(1, ${others}) p`);
			await change(writer, 200);
			await writer.query(quiet);
			await writer.end();
			await session.query('COMMIT');
			await computed(200);
			await settled(cluster);
			const { rows: [row] } = await session.query(`WITH round AS (
					SELECT * FROM pulse.event WHERE seq > (SELECT max(seq) FROM pulse.event WHERE type = 'PERFORMANCE_UPDATE' AND data ->> 'total_value' = '100'))
				SELECT t.type, (SELECT count(*)::int FROM round e WHERE e.type = t.type AND e.seq < (SELECT min(q.seq) FROM round q WHERE q.type = t.type AND q.portfolio = 'quiet')) AS before
				FROM (VALUES ('PERFORMANCE_UPDATE')) t (type)`);
			assert.equal(row.before, 0, 'its figures are the first of the round');
			const { rows: [state] } = await session.query(`SELECT count(*)::int AS before FROM pulse.event e
				WHERE e.type = 'PORTFOLIO_UPDATE' AND e.data ->> 'total_value' = '200'
					AND e.seq < (SELECT min(q.seq) FROM pulse.event q WHERE q.type = 'PORTFOLIO_UPDATE' AND q.portfolio = 'quiet'
						AND q.seq > (SELECT max(o.seq) FROM pulse.event o WHERE o.type = 'PORTFOLIO_UPDATE' AND o.data ->> 'total_value' = '100'))`);
			assert.equal(state.before, 0, 'and so is its state');
		} finally {
			await session.end();
		}
	});
});
