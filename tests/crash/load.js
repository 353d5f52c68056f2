// Bots that write without pause, and a follower that reads events as a client of the stream would.
import pg from 'pg';

/** mulberry32: a small seeded generator, so that a failing run can be repeated. */
export function generator(seed) {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

// What a client sees when its server dies; anything else is a fault.
const expected = (error) => error.code === undefined || /^(57P|08|E[A-Z]+)/.test(error.code);

/** Runs work(client) again and again until stopped, with a new connection after each loss. */
function repeat(connection, work, faults) {
	let stopped = false;
	const done = (async () => {
		while (!stopped) {
			const client = new pg.Client({ ...connection, connectionTimeoutMillis: 5000 });
			client.on('error', () => {});
			try {
				await client.connect();
				while (!stopped) await work(client);
			} catch (error) {
				if (!expected(error)) faults.push(error);
				await new Promise((resolve) => setTimeout(resolve, 50));
			} finally {
				await client.end().catch(() => {});
			}
		}
	})();
	return { stop: () => { stopped = true; return done; } };
}

/** A bot: single rows, bundles, snapshots, corrections, deletions, rollbacks, savepoints and prepared transactions. */
export function startBot(connection, random, faults) {
	const pick = (...items) => items[Math.floor(random() * items.length)];
	const insert = (client, rows = 1) => client.query(
		`INSERT INTO trades (portfolio, symbol, side, quantity, price, fee, executed_at)
			SELECT $1, $2, CASE WHEN random() < 0.5 THEN 'BUY' ELSE 'SELL' END, round(random()::numeric + 0.01, 4),
				round((100 + random() * 10)::numeric, 2), 0.01, clock_timestamp() - random() * interval '1 hour' * $3
			FROM generate_series(1, $4)`,
		[pick('main', 'second'), pick('BTCUSDT', 'ETHUSDT', 'SOLUSDT'), random() < 0.2 ? 1 : 0, rows]);
	return repeat(connection, async (client) => {
		const what = random();
		if (what < 0.4) await insert(client);
		else if (what < 0.52) {
			await client.query(`INSERT INTO portfolio_snapshots (portfolio, ts, total_value, net_flow)
				VALUES ($1, clock_timestamp() - random() * interval '3 days' * $2, round((1000 + random() * 50)::numeric, 2), $3)
				ON CONFLICT (portfolio, ts) DO UPDATE SET total_value = excluded.total_value`,
			[pick('main', 'second'), random() < 0.3 ? 1 : 0, random() < 0.05 ? 10 : 0]);
		} else if (what < 0.56) {
			const name = `bot-${Math.floor(random() * 1e9)}`;
			await client.query('BEGIN');
			await insert(client);
			await client.query(`PREPARE TRANSACTION '${name}'`);
			await client.query(`${pick('COMMIT', 'ROLLBACK')} PREPARED '${name}'`);
		} else if (what < 0.6) {
			await client.query(`DELETE FROM portfolio_snapshots WHERE (portfolio, ts) IN
				(SELECT portfolio, ts FROM portfolio_snapshots ORDER BY ts DESC OFFSET $1 LIMIT 1 FOR UPDATE SKIP LOCKED)`, [Math.floor(random() * 50)]);
		} else if (what < 0.7) await insert(client, 20);
		else if (what < 0.78) {
			await client.query('BEGIN');
			await insert(client);
			await client.query('ROLLBACK');
		} else if (what < 0.86) {
			await client.query('BEGIN');
			await insert(client);
			await client.query('SAVEPOINT s');
			await insert(client);
			await client.query('ROLLBACK TO s');
			await client.query('COMMIT');
		} else if (what < 0.94) {
			await client.query(`UPDATE trades SET price = price + 0.01, executed_at = executed_at - interval '1 min'
				WHERE (portfolio, id) IN (SELECT portfolio, id FROM trades ORDER BY id DESC OFFSET $1 LIMIT 1 FOR UPDATE SKIP LOCKED)`,
			[Math.floor(random() * 50)]);
		} else {
			await client.query(`DELETE FROM trades WHERE (portfolio, id) IN
				(SELECT portfolio, id FROM trades ORDER BY id DESC OFFSET $1 LIMIT 1 FOR UPDATE SKIP LOCKED)`, [Math.floor(random() * 50)]);
		}
		await new Promise((resolve) => setTimeout(resolve, random() * 8));
	}, faults);
}

/** Calls pulse_tick(), as the daemon does where no background worker can run. */
export function startTicker(connection, faults) {
	return repeat(connection, async (client) => {
		await client.query('SELECT pulse_tick()');
		await new Promise((resolve) => setTimeout(resolve, 30));
	}, faults);
}

/** Reads events after the last one seen; seen maps seq to what it said. */
export function startFollower(connection, faults) {
	const seen = new Map();
	let last = 0;
	const follower = repeat(connection, async (client) => {
		const { rows } = await client.query('SELECT seq, epoch, type, portfolio, key, data FROM pulse.event WHERE seq > $1 ORDER BY seq LIMIT 500', [last]);
		for (const row of rows) {
			const seq = Number(row.seq);
			if (seq !== last + 1) faults.push(new Error(`event ${seq} follows ${last}`));
			seen.set(seq, JSON.stringify(row));
			last = seq;
		}
		await new Promise((resolve) => setTimeout(resolve, 10));
	}, faults);
	return { ...follower, seen };
}
