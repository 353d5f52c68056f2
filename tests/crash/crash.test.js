// Kills the worker, backends and the whole server under a load of inserts, updates and deletes. Afterwards every trade
// has exactly one event, the numbers have no gap, nothing that a client has read has changed, and the ledger equals its
// replay. PULSE_CRASH_SECONDS (default 9) is the time for each mode, PULSE_CRASH_SEED repeats a run.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startCluster } from '../lib/cluster.js';
import { clean, query, settled, until, value } from '../background_worker/support.js';
import { generator, startBot, startFollower, startTicker } from './load.js';

const seconds = Number(process.env.PULSE_CRASH_SECONDS ?? 9);
const seed = Number(process.env.PULSE_CRASH_SEED ?? Math.floor(Math.random() * 1e9));
const bots = 4;

const modes = {
	'a preloaded worker': { preload: true },
	'a worker started by hand': { preload: false, revive: (cluster) => query(cluster, 'SELECT pulse_worker_start()') },
	'pulse_tick() from outside': { preload: false, ticker: true },
};

for (const [name, mode] of Object.entries(modes)) {
	describe(`crashes with ${name} (seed ${seed})`, () => {
		let cluster;
		const faults = [];

		before(async () => {
			cluster = await startCluster({
				preload: mode.preload,
				database: 'trading',
				// asynchronous commits lose trades in a crash, but never an event that somebody has read
				conf: { 'pulse.databases': 'trading', 'pulse.poll_interval': '200ms', synchronous_commit: 'off', restart_after_crash: 'on', max_prepared_transactions: 50 },
			});
			await query(cluster, 'CREATE EXTENSION pulse');
			await query(cluster, 'SELECT pulse_setup()');
			await mode.revive?.(cluster);
		});
		after(() => cluster?.remove());

		test('lose no trade, repeat no event and change no history', async (t) => {
			const random = generator(seed);
			const load = [];
			t.after(() => Promise.all(load.map((bot) => bot.stop())));
			for (let i = 0; i < bots; i++) load.push(startBot(cluster.connection, generator(seed + i + 1), faults));
			if (mode.ticker) load.push(startTicker(cluster.connection, faults));
			const follower = startFollower(cluster.connection, faults);
			t.after(() => follower.stop());

			const kill = async (where) => {
				const pid = await value(cluster, `SELECT pid FROM pg_stat_activity WHERE ${where} AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1`);
				if (pid) process.kill(pid, 'SIGKILL');
			};
			const actions = [
				['the worker is killed', () => kill(`backend_type = 'pulse worker'`)],
				['a backend is killed', () => kill(`backend_type = 'client backend' AND datname = 'trading'`)],
				['the worker is terminated', () => query(cluster, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pulse worker'`)],
				['the server is killed', async () => { await cluster.crash(); await cluster.start(); }],
				['the server is restarted at once', () => cluster.restart('immediate')],
			];
			const counts = {};
			const end = Date.now() + seconds * 1000;
			for (let round = 0; Date.now() < end; round++) {
				await new Promise((resolve) => setTimeout(resolve, 400 + random() * 800));
				// each kind once before chance takes over
				const [what, action] = actions[round < actions.length ? round : Math.floor(random() * actions.length)];
				counts[what] = (counts[what] ?? 0) + 1;
				await action().catch(() => {});
				// the server may still be about to notice what has happened to it
				await until('the server to answer', () => value(cluster, 'SELECT 1'));
				if (mode.revive) await until('the worker to start', () => mode.revive(cluster));
			}
			t.diagnostic(`${JSON.stringify(counts)}, ${follower.seen.size} events read`);

			await Promise.all(load.map((bot) => bot.stop()));
			await until('the server to stay up', () => value(cluster, 'SELECT pg_sleep(0.5)::text = \'\''));
			if (mode.revive) await until('the worker to start', () => mode.revive(cluster));
			// what a session had prepared when it was killed: its marks wait with it
			for (const { gid } of await query(cluster, 'SELECT gid FROM pg_prepared_xacts')) await query(cluster, `COMMIT PREPARED '${gid}'`);
			if (mode.ticker) await until('a tick', () => query(cluster, 'SELECT pulse_tick()'));
			const outcome = await settled(cluster);
			const newest = Number(await value(cluster, 'SELECT seq FROM pulse.sequencer'));
			await until('the follower to have read everything', () => follower.seen.size >= newest);
			await follower.stop();

			assert.deepEqual(outcome, clean);
			assert.deepEqual(faults, []);
			// figures are computed a moment after the change
			await until('figures and books to agree', async () => (await query(cluster, 'SELECT * FROM pulse_verify()')).length === 0);
			assert.ok(await value(cluster, 'SELECT count(*)::int FROM trades') > 20, 'the bots have traded');
			const events = await query(cluster, `SELECT seq, epoch, type, portfolio, key, data FROM pulse.event WHERE seq <= ${follower.seen.size} ORDER BY seq`);
			assert.equal(events.length, follower.seen.size);
			for (const row of events) assert.equal(follower.seen.get(Number(row.seq)), JSON.stringify(row));
		});

		test('and the ledger equals its replay', async () => {
			await query(cluster, 'CREATE TABLE replay (LIKE trades INCLUDING ALL)');
			await query(cluster, 'INSERT INTO replay SELECT * FROM trades');
			const replayed = await value(cluster, `SELECT pulse_attach('replay', 'trades')`);
			if (mode.ticker) await query(cluster, 'SELECT pulse_tick()');
			await settled(cluster);
			const original = await value(cluster, `SELECT source_id FROM pulse.source WHERE table_name = 'trades'`);
			const tables = {
				fill: 'portfolio, fill_key, executed_at, symbol, side, quantity, price, fee, realized_pnl, position',
				position: 'portfolio, symbol, quantity, cost, realized_pnl, fees, opened_at, last_executed_at',
				closed_trade: 'portfolio, symbol, side, quantity, entry_price, exit_price, gross_pnl, fees, net_pnl, opened_at, closed_at',
			};
			for (const [table, columns] of Object.entries(tables)) {
				const of = (source) => `SELECT ${columns} FROM pulse.${table} WHERE source_id = ${source}`;
				const rows = await value(cluster, `SELECT count(*)::int FROM pulse.${table} WHERE source_id = ${original}`);
				assert.ok(rows > 0, `pulse.${table} holds something`);
				const [difference] = await query(cluster, `SELECT
					(SELECT count(*)::int FROM (${of(original)} EXCEPT ALL ${of(replayed)}) x) AS only_kept,
					(SELECT count(*)::int FROM (${of(replayed)} EXCEPT ALL ${of(original)}) x) AS only_replayed`);
				assert.deepEqual(difference, { only_kept: 0, only_replayed: 0 }, `pulse.${table}`);
			}
			const missing = await value(cluster, `SELECT count(*)::int FROM trades t WHERE NOT EXISTS
				(SELECT FROM pulse.fill f WHERE f.source_id = $1 AND f.portfolio = t.portfolio AND f.fill_key = t.id::text)`, [original]);
			assert.equal(missing, 0);
		});
	});
}
