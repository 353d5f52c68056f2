// The whole way with the real engine: a bot's INSERT becomes messages, figures over HTTP and a Telegram message.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { startCluster } from '../lib/cluster.js';
import { startTelegram } from '../demo/telegram.js';
import { connect, eventually, finish, startWorker } from './harness.js';

const token = '123456:AAFakeTokenForTests_-xyz';
let cluster;
let bot;
let telegram;
let worker;
const query = (...words) => bot.query(...words).then(({ rows }) => rows);

before(async () => {
	cluster = await startCluster({ preload: true, database: 'trading', conf: { 'pulse.databases': 'trading', 'pulse.performance_interval': '100ms' } });
	bot = new pg.Client(cluster.connection);
	bot.on('error', () => {});
	await bot.connect();
	// Neither the extension nor the bot's tables stand where a careless search_path would find them.
	await query('CREATE SCHEMA tools; CREATE SCHEMA "Bot"; CREATE EXTENSION pulse SCHEMA tools');
	await query(`SELECT tools.pulse_setup(schema => 'Bot')`);
	await query('CREATE ROLE daemon LOGIN');
	await query(`SELECT tools.pulse_grant('daemon', 'worker')`);
	telegram = await startTelegram({ token });
	worker = await startWorker({ cluster: { dsn: cluster.dsn.replace(/user=\S+/, 'user=daemon') } }, {
		config: { telegram: { enabled: 'true', chat_id: 42, api_base: telegram.url } }, env: { TELEGRAM_BOT_TOKEN: token },
	});
});
after(() => finish(() => worker?.stop(), () => telegram?.close(), () => bot?.end(), () => cluster?.remove()));

/** Asserts that each event names the one before it: nothing was lost, though newer states may have replaced older ones. */
function chained(client) {
	const events = client.messages.filter((message) => 'prev_seq' in message && !message.urgent);
	for (let i = 1; i < events.length; i++) {
		assert.equal(events[i].prev_seq, events[i - 1].seq);
		assert.ok(events[i].seq > events[i - 1].seq);
	}
}

const buy = (quantity, price) => query(`INSERT INTO "Bot".trades (symbol, side, quantity, price, fee, strategy, confidence)
	VALUES ('BTCUSDT', 'BUY', $1, $2, 1.5, 'trend', 0.9)`, [quantity, price]);
const snapshot = (value) => query('INSERT INTO "Bot".portfolio_snapshots (total_value, cash_balance) VALUES ($1, 100)', [value]);

test('one fill: TRADE_ALERT, PORTFOLIO_UPDATE, PERFORMANCE_UPDATE, the REST interface and Telegram', async () => {
	const client = await connect(worker);
	await snapshot(1000);
	await buy('0.5', '45000.10');
	const alert = await client.type('TRADE_ALERT');
	assert.equal(alert.portfolio, 'main');
	assert.equal(alert.key, 'BTCUSDT');
	assert.equal(alert.data.price, '45000.10');
	assert.equal(alert.data.confidence, 0.9);
	const portfolio = await client.next((message) => message.type === 'PORTFOLIO_UPDATE' && message.data.positions?.length === 1);
	assert.equal(portfolio.data.positions[0].quantity, '0.5');
	await client.next((message) => message.type === 'PERFORMANCE_UPDATE' && message.data.total_value === '1000');
	chained(client);

	// the alert about so large a fill is the more urgent one, and may be sent before it
	const message = await eventually('the Telegram message', () => telegram.messages.find(({ plain }) => /🟢/u.test(plain)));
	assert.match(message.plain, /^ℹ️ 🟢 BUY BTCUSDT\nQuantity: 0\.5\nPrice: 45,000\.10\nValue: 22,500\.05\nFee: 1\.50\n/);
	await client.close();
});

test('a snapshot over WebSocket and over HTTP say the same', async () => {
	const client = await connect(worker);
	// Alerts of the fill may still come between the two: only snapshots of one cut are the same.
	const [streamed, fetched] = await eventually('two snapshots of one cut', async () => {
		const before = client.of('SNAPSHOT').length;
		client.send({ type: 'REQUEST_SNAPSHOT' });
		const socket = await client.next((message) => message === client.of('SNAPSHOT')[before], 'the next snapshot');
		const http = await (await worker.get('/api/v1/snapshot')).json();
		return http.seq === socket.seq && [socket, http];
	});
	assert.equal(streamed.seq, streamed.data.seq);
	for (const section of ['portfolios', 'portfolio', 'performance', 'risk', 'trading', 'activity', 'sections']) {
		assert.deepEqual(fetched[section], streamed.data[section], section);
	}
	assert.equal(streamed.data.portfolio.total_value, '1000');
	assert.equal(streamed.data.activity.trades.length, 1);
	await client.close();
});

test('each resource of the interface answers, with money as strings and times in UTC', async () => {
	const get = async (path) => {
		const answer = await worker.get(`/api/v1/${path}`);
		const body = await answer.json();
		assert.equal(answer.status, 200, `${path}: ${JSON.stringify(body)}`);
		return body;
	};
	assert.equal((await get('performance')).total_value, '1000');
	assert.equal((await get('performance?portfolio=main')).total_value, '1000');
	assert.equal((await get('portfolio')).total_value, '1000');
	assert.equal((await get('positions'))[0].symbol, 'BTCUSDT');
	assert.ok((await get('performance/report?days=7')).period);
	assert.deepEqual((await get('targets')).map(({ target }) => target).sort(), ['annual_return', 'max_drawdown', 'sharpe', 'win_rate']);
	assert.equal((await get('portfolio/chart?hours=1&points=10')).points, 1);
	const health = await get('health');
	assert.ok(health.components.some(({ component, status }) => component === 'background_worker' && status === 'HEALTHY'));
	const database = await get('health/database');
	assert.equal(database.component, 'database');
	assert.match(database.checked_at, /Z$/);
	const missing = await worker.get('/api/v1/health/nonsense');
	assert.equal(missing.status, 404);
	assert.match((await missing.json()).detail, /unknown component.*background_worker/);
	const events = await get('events?since_seq=0&limit=2');
	assert.deepEqual(events.items.map(({ seq }) => seq), [1, 2]);
	assert.ok(events.seq >= 2);
});

test('trades page by page have each fill once', async () => {
	for (let i = 1; i <= 7; i++) await buy(i, 100);
	const client = await connect(worker);
	await eventually('all are processed', async () => (await query('SELECT count(*)::integer AS n FROM pulse.fill WHERE event_seq IS NOT NULL'))[0].n === 8);
	const seen = [];
	let cursor = '';
	do {
		const page = await (await worker.get(`/api/v1/trades?limit=3${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`)).json();
		assert.ok(page.items.length <= 3);
		seen.push(...page.items);
		cursor = page.next_cursor;
	} while (cursor);
	assert.deepEqual(seen.map(({ quantity }) => quantity), ['7', '6', '5', '4', '3', '2', '1', '0.5']);
	assert.equal((await worker.get('/api/v1/trades?cursor=nonsense')).status, 400);
	await client.close();
});

test('pulse_notify: a SYSTEM_ALERT and a Telegram message; the same again is counted, not sent', async () => {
	const client = await connect(worker);
	telegram.messages.length = 0;
	await query(`SELECT tools.pulse_send_risk_alert('Concentration', 'BTCUSDT', 0.8, 0.5, 'too much in one symbol')`);
	await query(`SELECT tools.pulse_send_risk_alert('Concentration', 'BTCUSDT', 0.8, 0.5, 'too much in one symbol')`);
	const alert = await client.type('SYSTEM_ALERT');
	assert.equal(alert.data.value, 0.8);
	assert.match(alert.data.message, /too much in one symbol/);
	await eventually('the Telegram message', () => telegram.messages.some(({ plain }) => plain.includes('too much in one symbol')));
	assert.equal(telegram.messages.filter(({ plain }) => plain.includes('too much')).length, 1);
	await client.close();
});

test('the worker reports itself, and pulse_health shows it', async () => {
	const [row] = await eventually('a heartbeat', async () => {
		const rows = await query(`SELECT status, details FROM tools.pulse_health_check('worker')`);
		return rows[0].status === 'HEALTHY' ? rows : undefined;
	});
	assert.equal(row.details.version, '1.1.0');
});

test('kill -9 of the whole server under load: each committed trade has one event, and the client gets each once', async () => {
	const client = await connect(worker);
	await snapshot(2000);
	await client.next((message) => message.type === 'PORTFOLIO_UPDATE');
	let committed = 0;
	let stop = false;
	const load = (async () => {
		while (!stop) {
			try {
				await query(`INSERT INTO "Bot".trades (symbol, side, quantity, price, fill_id) VALUES ('ETHUSDT', 'BUY', 1, 10, $1)`, [`fill ${committed}`]);
				committed++;
			} catch {
				await new Promise((resolve) => setTimeout(resolve, 50));
			}
		}
	})();
	await eventually('some trades', () => committed > 50);
	await cluster.crash();
	await cluster.start();
	bot = new pg.Client(cluster.connection);
	bot.on('error', () => {});
	await bot.connect();
	const before = committed;
	await eventually('more trades', () => committed > before + 50);
	stop = true;
	await load;
	const [{ n }] = await query(`SELECT count(*)::integer AS n FROM "Bot".trades WHERE symbol = 'ETHUSDT'`);
	assert.ok(n >= committed);
	await eventually('an event for each', async () => (await query(`SELECT count(*)::integer AS n FROM pulse.event WHERE type = 'TRADE_ALERT' AND key = 'ETHUSDT'`))[0].n === n);
	await eventually('a message for each', () => client.messages.filter((message) => message.key === 'ETHUSDT').length >= n);
	chained(client);
	assert.equal(new Set(client.messages.filter((message) => message.key === 'ETHUSDT').map(({ data }) => data.id)).size, n);
	await client.close();
});

/** A server that does not preload the library, a bot's tables in it, and a worker beside it. */
async function withoutPreloading(conf, check) {
	const other = await startCluster({ database: 'trading', conf });
	const client = new pg.Client(other.connection);
	client.on('error', () => {});
	await client.connect();
	await client.query('CREATE EXTENSION pulse; SELECT pulse_setup()');
	const beside = await startWorker({ cluster: other });
	try {
		await check({ other, client, beside });
		await beside.stop();
	} finally {
		await beside.kill();
		await client.end().catch(() => {});
		await other.remove();
	}
}

const fill = `INSERT INTO trades (symbol, side, quantity, price) VALUES ('BTCUSDT', 'BUY', 1, 100)`;

test('without preloading the worker starts the engine, also after a restart of the server, but not against pulse_worker_stop()', async () => {
	await withoutPreloading({}, async ({ other, client, beside }) => {
		await beside.logged(/started the background worker/);
		const socket = await connect(beside);
		await client.query(fill);
		await socket.type('TRADE_ALERT');
		await client.end();
		await other.restart();
		await eventually('it was started again', () => beside.log.filter(({ message }) => /started the background worker/.test(message)).length === 2);
		const again = new pg.Client(other.connection);
		again.on('error', () => {});
		await again.connect();
		await again.query(fill);
		await eventually('both trades', () => socket.of('TRADE_ALERT').length === 2);
		await again.query('SELECT pulse_worker_stop()');
		await other.restart();
		await eventually('the worker is back', () => beside.get('/readyz').then(({ ok }) => ok, () => false));
		assert.equal(beside.log.filter(({ message }) => /started the background worker/.test(message)).length, 2);
		await socket.close();
	});
});

test('where no background worker can run, the ticks come from the worker', async () => {
	await withoutPreloading({ max_worker_processes: 0, max_parallel_workers: 0 }, async ({ client, beside }) => {
		await beside.logged(/cannot be started, so the ticks are made from here/);
		const socket = await connect(beside);
		await client.query(fill);
		const alert = await socket.type('TRADE_ALERT');
		assert.equal(alert.data.price, '100');
		await socket.close();
	});
});
