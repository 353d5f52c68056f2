// What the tests of the background worker share.
import pg from 'pg';

/** Runs one statement on a fresh connection and returns its rows. */
export async function query(cluster, sql, parameters = [], database = cluster.connection.database) {
	const client = new pg.Client({ ...cluster.connection, database });
	client.on('error', () => {});
	await client.connect();
	try {
		return (await client.query(sql, parameters)).rows;
	} finally {
		await client.end();
	}
}

/** The first column of the first row. */
export async function value(cluster, sql, parameters = [], database = cluster.connection.database) {
	const [row] = await query(cluster, sql, parameters, database);
	return row === undefined ? undefined : Object.values(row)[0];
}

/**
 * Asks until the answer is truthy and returns it; fails when it never is. Errors count as "not yet": a server that
 * is starting refuses connections.
 */
export async function until(what, ask, seconds = 30) {
	const end = Date.now() + seconds * 1000;
	let last;
	for (;;) {
		try {
			const answer = await ask();
			if (answer) return answer;
			last = answer;
		} catch (error) {
			last = error;
		}
		if (Date.now() > end) throw new Error(`waited ${seconds} s for: ${what}`, { cause: last });
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

export const buy = `INSERT INTO trades (symbol, side, quantity, price) VALUES ('BTCUSDT', 'BUY', 1, 100)`;

/** Trades that do not have exactly one event, and gaps in the numbers; both must be 0. */
export const audit = `
	SELECT (SELECT count(*)::int FROM trades t
			LEFT JOIN (SELECT portfolio, data ->> 'id' AS id, count(*) AS events FROM pulse.event WHERE type = 'TRADE_ALERT' GROUP BY 1, 2) e
				ON e.portfolio = t.portfolio AND e.id = t.id::text
			WHERE e.events IS DISTINCT FROM 1) AS wrong,
		(SELECT coalesce(max(seq) - min(seq) + 1 - count(*), 0)::int FROM pulse.event) AS gaps,
		(SELECT count(*)::int FROM pulse.dirty) AS pending`;

/** Waits until everything has been processed, then returns the audit. */
export async function settled(cluster, database = cluster.connection.database) {
	await until('everything to be processed and announced', async () =>
		(await value(cluster, `SELECT NOT EXISTS (SELECT FROM pulse.dirty) AND NOT EXISTS (SELECT FROM pulse.fill WHERE event_seq IS NULL)`, [], database)), 120);
	const [row] = await query(cluster, audit, [], database);
	return row;
}

export const clean = { wrong: 0, gaps: 0, pending: 0 };
