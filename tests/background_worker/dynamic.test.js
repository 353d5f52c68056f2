// The background worker without preloading: started and stopped by hand.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import pg from 'pg';
import { startCluster } from '../lib/cluster.js';
import { audit, buy, clean, query, settled, until, value } from './support.js';

describe('a worker started by hand', () => {
	let cluster;
	const worker = () => value(cluster, 'SELECT pulse.worker_pid()');
	const status = async () => (await query(cluster, 'SELECT * FROM pulse_worker_status()'))[0];

	before(async () => {
		cluster = await startCluster({ database: 'trading', conf: { 'pulse.poll_interval': '200ms' } });
		await query(cluster, 'CREATE EXTENSION pulse');
		await query(cluster, 'SELECT pulse_setup()');
	});
	after(() => cluster?.remove());

	test('is absent until it is started', async () => {
		const now = await status();
		assert.equal(now.state, 'absent');
		assert.equal(now.preloaded, false);
	});

	test('announces a trade to listeners', async () => {
		const listener = new pg.Client(cluster.connection);
		await listener.connect();
		try {
			await listener.query('LISTEN pulse');
			const notified = new Promise((resolve) => listener.on('notification', resolve));
			const pid = await value(cluster, 'SELECT pulse_worker_start()');
			await query(cluster, buy);
			const { channel, payload, processId } = await notified;
			assert.equal(channel, 'pulse');
			assert.equal(processId, pid);
			assert.ok(Number(payload) >= 1);
			assert.deepEqual(await settled(cluster), clean);
		} finally {
			await listener.end();
		}
	});

	test('is started only once, however many ask', async () => {
		await query(cluster, 'SELECT pulse_worker_stop()');
		await Promise.all(Array.from({ length: 6 }, () => query(cluster, 'SELECT pulse_worker_start()').catch(() => null)));
		await until('one worker to be left', async () =>
			(await value(cluster, `SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'pulse worker'`)) === 1);
		assert.equal(await value(cluster, 'SELECT pulse_worker_start()'), await worker());
	});

	test('holds no transaction while it is idle', async () => {
		const [row] = await until('the worker to be idle', async () => {
			const rows = await query(cluster, `SELECT state, xact_start, backend_xid, backend_xmin, application_name
				FROM pg_stat_activity WHERE backend_type = 'pulse worker' AND state = 'idle'`);
			return rows.length === 1 && rows;
		});
		assert.deepEqual(row, { state: 'idle', xact_start: null, backend_xid: null, backend_xmin: null, application_name: 'pulse worker' });
	});

	test('writes nothing while nothing happens', async () => {
		await settled(cluster);
		const ticks = (await status()).ticks;
		await new Promise((resolve) => setTimeout(resolve, 1000));
		assert.equal((await status()).ticks, ticks);
	});

	test('stays away after pulse_worker_stop(), and catches up afterwards', async () => {
		assert.equal(await value(cluster, 'SELECT pulse_worker_stop()'), true);
		assert.equal(await value(cluster, 'SELECT pulse_worker_stop()'), false);
		assert.equal((await status()).state, 'stopped');
		for (let i = 0; i < 5; i++) await query(cluster, buy);
		const now = await status();
		assert.equal(Number(now.pending), 5);
		await query(cluster, 'SELECT pulse_worker_start()');
		assert.deepEqual(await settled(cluster), clean);
		assert.equal((await status()).state, 'running');
	});

	test('comes back after being terminated', async () => {
		const pid = await worker();
		await query(cluster, 'SELECT pg_terminate_backend($1)', [pid]);
		await until('another worker', async () => ![null, pid].includes(await worker()));
		await query(cluster, buy);
		assert.deepEqual(await settled(cluster), clean);
	});

	test('and pulse_tick() by hand do not get in each other\'s way', async () => {
		await Promise.all(Array.from({ length: 4 }, async () => {
			for (let i = 0; i < 10; i++) {
				await query(cluster, buy);
				await query(cluster, 'SELECT pulse_tick()');
			}
		}));
		assert.deepEqual(await settled(cluster), clean);
	});

	test('isolates a failing source, keeps its error, and recovers', async () => {
		await query(cluster, `ALTER TABLE pulse.fill ADD CONSTRAINT broken CHECK (portfolio <> 'bad') NOT VALID`);
		await query(cluster, `INSERT INTO trades (portfolio, symbol, side, quantity, price) VALUES ('bad', 'A', 'BUY', 1, 1), ('good', 'A', 'BUY', 1, 1)`);
		await until('the good portfolio to be announced', () => value(cluster, `SELECT EXISTS (SELECT FROM pulse.event WHERE portfolio = 'good')`));
		await until('the error to be kept', async () => /broken/.test((await status()).last_error));
		await query(cluster, 'ALTER TABLE pulse.fill DROP CONSTRAINT broken');
		assert.deepEqual(await settled(cluster), clean);
	});

	test('books fills that come late, change or go, in a position that is never flat', async () => {
		await query(cluster, `INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
			SELECT 'maker', 'LTCUSDT', CASE WHEN i % 3 = 0 THEN 'SELL' ELSE 'BUY' END, 1 + i % 2, 100 + i % 7, now() - interval '1 day' + i * interval '1 second' FROM generate_series(1, 500) i`);
		assert.deepEqual(await settled(cluster), clean);
		const agree = async () => {
			assert.deepEqual(await settled(cluster), clean);
			await until('books that agree with the rows', async () => (await query(cluster, 'SELECT * FROM pulse_verify()')).length === 0);
		};
		const newest = `(SELECT max(executed_at) FROM trades WHERE portfolio = 'maker')`;
		for (let i = 0; i < 8; i++) {
			// one after the newest, one a moment before it, one far before all that the worker may remember
			await query(cluster, `INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES
				('maker', 'LTCUSDT', 'BUY', 1, ${100 + i}, ${newest} + interval '2 seconds'),
				('maker', 'LTCUSDT', '${i % 2 ? 'SELL' : 'BUY'}', 2, ${101 + i}, ${newest} - interval '1 millisecond')`);
			if (i % 4 === 1) await query(cluster, `UPDATE trades SET price = price + 1 WHERE portfolio = 'maker' AND executed_at = ${newest} - interval '2 seconds 1 millisecond'`);
			if (i % 4 === 2) await query(cluster, `DELETE FROM trades WHERE id = (SELECT id FROM trades WHERE portfolio = 'maker' ORDER BY executed_at DESC OFFSET 3 LIMIT 1)`);
			if (i % 4 === 3) await query(cluster, `INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES ('maker', 'LTCUSDT', 'SELL', 1, 90, now() - interval '20 hours')`);
			await agree();
		}
		// somebody else books in between
		await query(cluster, `BEGIN; INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES ('maker', 'LTCUSDT', 'SELL', 1, 95, ${newest} - interval '1 millisecond'); SELECT pulse_tick(); COMMIT`);
		await query(cluster, `INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES ('maker', 'LTCUSDT', 'SELL', 1, 95, ${newest} - interval '1 millisecond')`);
		await agree();
		await query(cluster, `DELETE FROM trades WHERE portfolio = 'maker'`);
		await settled(cluster);
	});

	test('runs jobs by the clock, also between two looks, each apart from the others', async () => {
		await query(cluster, `ALTER DATABASE trading SET pulse.poll_interval = '1h'`);
		await query(cluster, `ALTER DATABASE trading SET pulse.job_timeout = '300ms'`);
		await query(cluster, `ALTER DATABASE trading SET pulse.health_interval = '1h'`);
		await query(cluster, 'SELECT pulse_worker_stop()');
		await query(cluster, 'SELECT pulse_worker_start()');
		await query(cluster, `CREATE TABLE ran (job text, at timestamptz)`);
		await query(cluster, `CREATE FUNCTION beat(at timestamptz) RETURNS timestamptz LANGUAGE sql AS
			$$ INSERT INTO public.ran VALUES ('beat', at); SELECT NULL::timestamptz $$`);
		await query(cluster, `CREATE FUNCTION broken(at timestamptz) RETURNS timestamptz LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'broken job'; END $$`);
		await query(cluster, `CREATE FUNCTION slow(at timestamptz) RETURNS timestamptz LANGUAGE sql AS
			$$ SELECT pg_catalog.pg_sleep(600); SELECT NULL::timestamptz $$`);
		await query(cluster, `INSERT INTO pulse.job (name, command, every, next_at) VALUES
			('beat', 'public.beat', '100 ms', clock_timestamp() + interval '700 ms'), ('broken', 'public.broken', '1 day', DEFAULT),
			('slow', 'public.slow', '1 day', DEFAULT)`);
		const failing = await until('two failing jobs', async () => {
			const jobs = (await status()).failing_jobs;
			return jobs.length === 2 && jobs;
		});
		assert.deepEqual(failing, ['broken', 'slow']);
		await until('three runs', async () => (await value(cluster, 'SELECT count(*)::int FROM ran')) >= 3);
		await until('two failures of one', async () => (await value(cluster, `SELECT failures::int FROM pulse.job WHERE name = 'broken'`)) >= 3);
		assert.equal(await value(cluster, `SELECT last_error FROM pulse.job WHERE name = 'slow'`), 'not done within 300 ms');
		assert.equal((await cluster.log()).match(/WARNING: {2}job broken failed: broken job/g).length, 2); // the first and the second
		assert.ok(Number((await status()).errors) >= 4);
		await query(cluster, `DELETE FROM pulse.job WHERE name IN ('beat', 'broken', 'slow')`);
		await query(cluster, buy);
		assert.deepEqual(await settled(cluster), clean);
		for (const name of ['poll_interval', 'job_timeout', 'health_interval']) await query(cluster, `ALTER DATABASE trading RESET pulse.${name}`);
		await query(cluster, 'SELECT pulse_worker_stop()');
		await query(cluster, 'SELECT pulse_worker_start()');
	});

	test('waits for a bot that is kept from committing by a lock on pulse.dirty', async () => {
		const admin = new pg.Client(cluster.connection);
		await admin.connect();
		try {
			await admin.query('BEGIN');
			await admin.query('LOCK TABLE pulse.dirty IN EXCLUSIVE MODE');
			let committed = false;
			const bot = query(cluster, buy).then(() => { committed = true; });
			await new Promise((resolve) => setTimeout(resolve, 500));
			assert.equal(committed, false);
			await admin.query('COMMIT');
			await bot;
		} finally {
			await admin.end();
		}
		assert.deepEqual(await settled(cluster), clean);
	});

	test('loses no change of a bot whom a session keeps from pulse.dirty that waits for him', async () => {
		const admin = new pg.Client(cluster.connection);
		const bot = new pg.Client(cluster.connection);
		await admin.connect();
		await bot.connect();
		const warnings = [];
		bot.on('notice', (notice) => warnings.push(notice.message));
		const entangle = async () => {
			await admin.query('BEGIN');
			await admin.query('LOCK TABLE pulse.dirty IN EXCLUSIVE MODE');
			await bot.query('BEGIN');
			await bot.query(buy);
			const waits = admin.query('LOCK TABLE trades IN ACCESS EXCLUSIVE MODE');
			await bot.query('COMMIT');
			await waits;
			await admin.query('ROLLBACK');
		};
		try {
			await entangle();
			assert.deepEqual(warnings, ['changes of this transaction will be recorded in pulse.dirty later']);
			assert.equal((await query(cluster, audit))[0].wrong, 1);
			await bot.query('SELECT 1'); // any transaction
			assert.deepEqual(await settled(cluster), clean);
			await entangle();
			assert.equal((await query(cluster, audit))[0].wrong, 1);
		} finally {
			await bot.end();
			await admin.end();
		}
		await until('the end of the session to record it', async () => (await query(cluster, audit))[0].wrong === 0);
		assert.deepEqual(await settled(cluster), clean);
	});

	test('hands single fills over to those who may follow, before it names them to everybody', async () => {
		const follower = new pg.Client(cluster.connection);
		const heard = [];
		follower.on('notification', ({ channel, payload }) => heard.push({ channel, payload }));
		await follower.connect();
		try {
			await follower.query('LISTEN pulse');
			const { rows: [{ channel }] } = await follower.query('SELECT pulse.follow_events() AS channel');
			const handed = () => heard.filter((notification) => notification.channel === channel);
			await query(cluster, `INSERT INTO trades (symbol, side, quantity, price, fee, strategy) VALUES ('ETHUSDT', 'BUY', 1.50, 100, 0.1, 'é')`);
			await until('the fill', () => handed().length > 0);
			const [event] = await query(cluster, `SELECT seq, concat_ws(' ', seq, epoch, pulse.json_time(ts), type, priority) AS head, portfolio, key, data::text
				FROM pulse.event WHERE type = 'TRADE_ALERT' ORDER BY seq DESC LIMIT 1`);
			assert.deepEqual(handed(), [{ channel, payload: `${event.head}\n=${event.portfolio}\n=${event.key}\n${event.data}` }]);
			await until('its number', () => heard.some((notification) => notification.channel === 'pulse' && notification.payload === event.seq));
			assert.ok(heard.findIndex((n) => n.channel === channel) < heard.findIndex((n) => n.channel === 'pulse' && n.payload === event.seq));
			// of many only the newest number is told
			await settled(cluster);
			heard.length = 0;
			await query(cluster, `INSERT INTO trades (symbol, side, quantity, price) SELECT 'ETHUSDT', 'BUY', 1, 100 FROM generate_series(1, 9)`);
			assert.deepEqual(await settled(cluster), clean);
			const newest = await value(cluster, `SELECT max(seq) FROM pulse.event WHERE type = 'TRADE_ALERT'`);
			await until('their number', () => heard.some((n) => n.channel === 'pulse' && BigInt(n.payload) >= BigInt(newest)));
			assert.deepEqual(handed(), []);
		} finally {
			await follower.end();
		}
	});

	test('survives DROP EXTENSION and serves the next one', async () => {
		await query(cluster, 'DROP EXTENSION pulse CASCADE');
		await query(cluster, buy);
		await query(cluster, 'CREATE EXTENSION pulse');
		await query(cluster, `SELECT pulse_attach('trades', 'trades')`);
		await until('the worker to take up the new extension', async () =>
			(await value(cluster, 'SELECT pid FROM pulse.worker')) === (await worker()));
		await until('history to be booked', () => value(cluster, 'SELECT EXISTS (SELECT FROM pulse.fill)'));
		await query(cluster, buy);
		await until('the new trade to be announced', async () =>
			(await value(cluster, `SELECT count(*)::int FROM pulse.event WHERE type = 'TRADE_ALERT'`)) === 1);
		const [row] = await query(cluster, audit);
		assert.equal(row.gaps, 0);
	});

	test('does not stand in the way of DROP DATABASE', async () => {
		await query(cluster, 'CREATE DATABASE short_lived', [], 'postgres');
		await query(cluster, 'CREATE EXTENSION pulse', [], 'short_lived');
		await query(cluster, 'SELECT pulse_worker_start()', [], 'short_lived');
		await query(cluster, 'SELECT pulse_worker_stop()', [], 'short_lived');
		await query(cluster, 'DROP DATABASE short_lived', [], 'postgres');
		await query(cluster, 'CREATE DATABASE forced', [], 'postgres');
		await query(cluster, 'CREATE EXTENSION pulse', [], 'forced');
		await query(cluster, 'SELECT pulse_worker_start()', [], 'forced');
		await query(cluster, 'DROP DATABASE forced WITH (FORCE)', [], 'postgres');
		await until('the worker of the dropped database to give up', async () => /no longer exists/.test(await cluster.log()), 20);
	});
});
