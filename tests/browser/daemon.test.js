// The page on the real worker and the real database: what it shows is what SQL gives.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { startCluster } from '../lib/cluster.js';
import { SCREENSHOTS, assertAccessible, openPage, startBrowser } from './browser.js';
import { Daemon } from './daemon.js';

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const LOST = /WebSocket|ERR_CONNECTION|Failed to load resource/;

let cluster, client, daemon, browser;

before(async () => {
	cluster = await startCluster({ preload: true, database: 'trading', conf: { 'pulse.databases': 'trading' } });
	client = new pg.Client(cluster.connection);
	await client.connect();
	await client.query('CREATE EXTENSION pulse');
	await client.query('SELECT pulse_setup()');
	daemon = new Daemon({ dsn: cluster.dsn });
	await daemon.start();
	browser = await startBrowser();
});

after(async () => {
	await browser?.close();
	await daemon?.remove();
	await client?.end();
	await cluster?.remove();
});

const text = async (page, selector) => (await page.locator(selector).first().innerText()).replace(/\s+/g, ' ').trim();
const live = (page) => page.locator('.connection[data-phase=live]').waitFor();
const row = (page, symbol) => page.locator('#trades tr', { has: page.locator('td.symbol').getByText(symbol, { exact: true }) });

/** Inserts one fill, as a bot does, and returns its id. */
async function insertTrade(symbol, change = {}) {
	const fill = { symbol, side: 'BUY', quantity: '0.5', price: '200.25', fee: '0.1', ...change };
	const columns = Object.keys(fill);
	const { rows } = await client.query(
		`INSERT INTO trades (${columns}) VALUES (${columns.map((_, index) => `$${index + 1}`)}) RETURNING id`, Object.values(fill));
	return rows[0].id;
}

/** Sixty days with a deposit and a drawdown, and round trips that win and lose. */
async function insertHistory() {
	await client.query(`
		INSERT INTO portfolio_snapshots (ts, total_value, cash_balance, net_flow)
		SELECT now() - interval '60 days' + i * interval '1 hour',
			round((10000 + 6 * i + 700 * sin(i / 90.0) + CASE WHEN i >= 700 THEN 2500 ELSE 0 END)::numeric, 8), 5000, CASE WHEN i = 700 THEN 2500 ELSE 0 END
		FROM generate_series(0, 60 * 24 - 1) AS i`);
	await client.query(`
		INSERT INTO trades (symbol, side, quantity, price, fee, executed_at, strategy)
		SELECT 'BTCUSDT', CASE i % 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END, 0.01, 40000 + 500 * sin(i * 1.7) + i, 0.2, now() - interval '59 days' + i * interval '11 hours', 'momentum'
		FROM generate_series(0, 119) AS i`);
}

test('from nothing to the first figures, without a reload', async () => {
	const { page, close } = await openPage(browser, daemon.address);
	await page.locator('#trades pre').waitFor();
	await page.locator('#equity pre').waitFor();
	// What the page tells a newcomer to type has to work.
	await client.query(await page.locator('#equity pre').innerText());
	await page.locator('[data-tile=value] .figure', { hasText: '10,000.00' }).waitFor();
	await client.query(await page.locator('#trades pre').innerText());
	await row(page, 'BTCUSDT').waitFor();
	await page.locator('#equity canvas').first().waitFor();
	await close();
	await client.query('TRUNCATE trades, portfolio_snapshots');
});

test('every figure is the one that its own SQL gives', async () => {
	await insertHistory();
	const { page, close } = await openPage(browser, daemon.address);
	await row(page, 'BTCUSDT').first().waitFor();
	const terms = await page.locator('.tile [data-term], [data-figure] [data-term]').evaluateAll((buttons) => buttons.map((button) => button.dataset.term));
	assert.ok(terms.length >= 19);
	for (const term of terms) {
		const button = page.locator(`[data-term=${term}]`);
		const holder = page.locator('.tile, [data-figure]').filter({ has: button });
		await button.click();
		const sql = await page.locator('#explanation pre').innerText();
		await page.keyboard.press('Escape');
		const { rows: [answer] } = await client.query(sql);
		const value = Object.values(answer)[0];
		assert.notEqual(value, null, `${term} is defined for this history`);
		const shown = await holder.locator('.figure, dd').innerText();
		assert.ok(agrees(shown, term === 'current_drawdown' ? -value : value), `${term}: the page shows ${shown}, ${sql} gives ${value}`);
	}
	const { rows: [performance] } = await client.query('SELECT * FROM pulse_performance()');
	const { rows: [{ days }] } = await client.query("SELECT count(DISTINCT date_trunc('day', ts, 'UTC')) AS days FROM portfolio_snapshots");
	for (const [term, sample] of [['sharpe', `${days} days`], ['win_rate', `${performance.total_trades} trades`]]) {
		await page.locator(`[data-term=${term}]`).click();
		assert.equal(await text(page, '#explanation .sample'), sample);
		await page.keyboard.press('Escape');
	}
	assert.ok((await text(page, '[data-tile=drawdown] .note')).includes(`max ${(performance.max_drawdown * 100).toFixed(2)}%`));
	await close();
});

test('every panel and every column says where its numbers come from, in SQL that runs', async () => {
	await client.query("INSERT INTO trades (symbol, side, quantity, price) VALUES ('ADAUSDT', 'BUY', 10, 0.5)");
	await client.query("INSERT INTO portfolio_snapshots (portfolio, total_value) VALUES ('o''brien', 5)");
	const { page, close } = await openPage(browser, daemon.address);
	const buttons = page.locator('.panel [data-term^="panel/"], th [data-term]');
	await page.locator('#positions tbody tr').first().waitFor();
	for (const portfolio of [null, "o'brien"]) {
		if (portfolio) await page.locator('.picker select').selectOption(portfolio);
		await page.locator('#timeframes tbody tr').first().waitFor();
		const panels = await page.locator('.panel').count();
		assert.equal(await page.locator('.panel .panel-head [data-term^="panel/"]').count(), panels, 'every panel has its button');
		const names = await buttons.evaluateAll((list) => list.map(({ dataset }) => dataset.term));
		// How a portfolio stands in them is tried on a few.
		for (const name of portfolio ? ['panel/equity', 'panel/trades', 'panel/positions', 'panel/statistics'] : names) {
			const button = page.locator(`[data-term="${name}"]`);
			await button.press('Enter');
			await page.locator('#explanation:popover-open').waitFor();
			const sql = await page.locator('#explanation pre').innerText();
			if (portfolio && /_(performance|positions|trades)\(/.test(sql)) assert.ok(sql.includes(portfolio.replaceAll("'", "''")), `${name}: ${sql}`);
			assert.ok((await text(page, '#explanation p')).length > 10, name);
			assert.ok((await text(page, '#explanation .window')).length > 2, name);
			await client.query(sql).catch((error) => assert.fail(`${name}: ${sql}: ${error.message}`));
			await page.keyboard.press('Escape');
			await page.locator('#explanation').waitFor({ state: 'hidden' });
			assert.equal(await page.evaluate(() => document.activeElement?.dataset.term), name, 'the focus goes back');
		}
	}
	// A column's own SQL gives what stands below its head.
	await page.locator('.picker select').selectOption('main');
	await page.locator('#positions td.symbol', { hasText: 'ADAUSDT' }).waitFor();
	await page.locator('[data-term="column/positions/market_value"]').click();
	const { rows: [position] } = await client.query(await page.locator('#explanation pre').innerText());
	assert.equal(position.symbol, 'ADAUSDT');
	assert.ok(agrees(await page.locator('#positions td.value').innerText(), position.market_value));
	await page.keyboard.press('Escape');
	await close();
	await client.query("DELETE FROM trades WHERE symbol = 'ADAUSDT'; DELETE FROM portfolio_snapshots WHERE portfolio = 'o''brien'");
});

test('time frames and symbols are what SQL gives', async () => {
	const { page, close } = await openPage(browser, daemon.address);
	const { rows: frames } = await client.query('SELECT * FROM pulse_performance_breakdown()');
	await page.locator('#timeframes tbody tr').first().waitFor();
	for (const frame of frames) {
		for (const [name, value] of Object.entries({
			return: frame.total_return, profit: frame.pnl, drawdown: frame.max_drawdown, sharpe: frame.sharpe,
			trades: frame.trades, winrate: frame.win_rate, net: frame.net_pnl,
		})) {
			const shown = await page.locator(`#timeframes [data-timeframe="${frame.timeframe}"] .${name}`).innerText();
			assert.ok(value === null ? shown.trim() === '–' : agrees(shown, value), `${frame.timeframe} ${name}: ${shown}, SQL ${value}`);
		}
	}
	const { rows: symbols } = await client.query('SELECT * FROM pulse_symbol_performance(30)');
	assert.ok(symbols.length > 0);
	assert.deepEqual(await page.locator('#symbols .symbol').allInnerTexts(), symbols.map(({ symbol }) => symbol));
	for (const [index, { net_pnl: value }] of symbols.entries()) {
		const shown = await page.locator('#symbols .profit').nth(index).innerText();
		assert.ok(value === null ? shown.trim() === '–' : agrees(shown, value), `${shown}, SQL ${value}`);
	}
	await close();
});

test('months, drawdowns and hours are what SQL gives', async () => {
	const { page, close } = await openPage(browser, daemon.address, { timezoneId: 'Asia/Kolkata' });
	const { rows: months } = await client.query("SELECT * FROM pulse_monthly_returns(NULL, 'Asia/Kolkata')");
	await page.locator('#months tbody tr').first().waitFor();
	let compared = 0;
	for (const { year, month, monthly_return: value } of months) {
		const shown = await page.locator(`#months [data-year="${year}"] td`).nth(month - 1).innerText();
		assert.ok(value === null ? shown === '' : agrees(shown, value), `${year}-${month}: ${shown}, SQL ${value}`);
		compared++;
	}
	assert.ok(compared >= 2);
	const { rows: falls } = await client.query('SELECT * FROM pulse_drawdowns(5)');
	await page.locator('#drawdowns li').nth(falls.length - 1).waitFor();
	assert.equal(await page.locator('#drawdowns li').count(), falls.length);
	for (const { rank, depth } of falls) assert.ok(agrees(await page.locator(`#drawdowns [data-rank="${rank}"] .depth`).innerText(), -depth));
	const { rows: hours } = await client.query("SELECT * FROM pulse_trading_heatmap(90, NULL, 'Asia/Kolkata')");
	const cells = page.locator('#hours tbody td');
	await cells.first().waitFor();
	assert.deepEqual(await cells.allInnerTexts(), hours.map(({ trades }) => (trades === '0' ? '' : trades)));
	await page.locator('#hours').getByRole('button', { name: 'Net P&L' }).click();
	const busiest = hours.findIndex(({ pnl }) => Number(pnl) !== 0);
	assert.ok((await cells.nth(busiest).getAttribute('title')).includes(`${hours[busiest].trades} fills`));
	await close();
});

test('rolling figures, exposure, distribution and volume are what SQL gives', async () => {
	await insertTrade('ETHUSDT', { quantity: '1.5', price: '2000' });
	const { page, close } = await openPage(browser, daemon.address);
	await page.locator('#rolling canvas').waitFor();
	await page.locator('#exposure [data-symbol=ETHUSDT]').waitFor();
	const { rows: rolling } = await client.query("SELECT v FROM jsonb_array_elements(pulse.rolling_data('sharpe', 30, 365, NULL) -> 'value') AS v WHERE v <> 'null'");
	assert.ok(agrees(await page.locator('#rolling .reading div:last-child dd').innerText(), rolling.at(-1).v), 'the newest rolling Sharpe ratio');
	const { rows: [leverage] } = await client.query('SELECT * FROM pulse_leverage()');
	for (const side of ['gross', 'net']) {
		const shown = (await text(page, `#exposure .${side}`)).replace('×', '');
		assert.ok(agrees(shown, leverage[`${side}_leverage`]), `${side} ${shown}, SQL ${leverage[`${side}_leverage`]}`);
	}
	const { rows: [distribution] } = await client.query('SELECT sum(trades)::int AS trades, sum(net_pnl) AS total, sum(net_pnl) / sum(trades) AS mean FROM pulse_pnl_distribution(24, 90)');
	assert.equal(await text(page, '#distribution .trades'), String(distribution.trades));
	for (const name of ['total', 'mean']) assert.ok(agrees(await text(page, `#distribution .${name}`), distribution[name]), name);
	const { rows: volume } = await client.query("SELECT fills, volume FROM pulse_volume('1 day', 90, NULL, NULL, 'UTC') ORDER BY ts DESC");
	await page.locator('#volume summary').click();
	const cells = await page.locator('#volume tbody tr').evaluateAll((rows) => rows.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.innerText)));
	assert.equal(cells.length, volume.length);
	for (const [index, { fills, volume: value }] of volume.entries()) {
		assert.ok(agrees(cells[index][0], value), `${cells[index][0]}, SQL ${value}`);
		assert.equal(cells[index][1], String(fills));
	}
	await close();
});

test('magnified, the curve comes from the snapshots of just that time', async () => {
	const { page, close } = await openPage(browser, `${daemon.address}?range=3M`);
	await page.locator('#equity canvas').first().waitFor();
	const { rows: [day] } = await client.query("SELECT to_char(now() - interval '20 days', 'YYYY-MM-DD') AS first, to_char(now() - interval '18 days', 'YYYY-MM-DD') AS last");
	await page.goto(`${daemon.address}?range=${day.first}..${day.last}`);
	await page.locator('#equity canvas').first().waitFor();
	const { rows: [last] } = await client.query('SELECT total_value FROM portfolio_snapshots WHERE ts <= $1::date + 1 ORDER BY ts DESC LIMIT 1', [`${day.last}`]);
	assert.ok(agrees(await page.locator('#equity .reading dd').nth(1).innerText(), last.total_value));
	await close();
});

test('the benchmark that is named stands beside the curve', async () => {
	await client.query("SELECT pulse_config_set('reports.benchmark', 'BTCUSDT')");
	const { rows: [day] } = await client.query("SELECT to_char(now() - interval '25 days', 'YYYY-MM-DD') AS first, to_char(now() - interval '15 days', 'YYYY-MM-DD') AS last");
	const { page, close } = await openPage(browser, `${daemon.address}?range=${day.first}..${day.last}`);
	await page.locator('#equity .benchmark', { hasText: 'BTCUSDT' }).waitFor();
	const { rows: [{ growth }] } = await client.query(`SELECT (array_agg(f.price ORDER BY f.executed_at DESC) FILTER (WHERE f.executed_at < until.ts))[1]
			/ (array_agg(f.price ORDER BY f.executed_at DESC) FILTER (WHERE f.executed_at < $1::timestamptz))[1] - 1 AS growth
		FROM trades f, (SELECT max(ts) AS ts FROM portfolio_snapshots WHERE ts <= $2::timestamptz + interval '1 day') until
		WHERE f.symbol = 'BTCUSDT' GROUP BY until.ts`, [`${day.first} 00:00Z`, `${day.last} 00:00Z`]);
	const shown = await page.locator('#equity .reading div', { has: page.locator('.benchmark') }).locator('dd').innerText();
	assert.ok(agrees(shown, growth), `${shown}, SQL ${growth}`);
	await client.query("SELECT pulse_config_reset('reports.benchmark')");
	await close();
});

test('what users register appears without further code', async () => {
	await client.query("SELECT pulse_register_metric('regime_score', 'SELECT 0.625::float8 AS value')");
	await client.query("SELECT pulse_register_section('desk', 'SELECT ''night'' AS shift, 3 AS traders')");
	await client.query("SELECT pulse_register_health_check('broker', 'SELECT ''WARNING'' AS status, ''session ends soon'' AS message', '10 seconds')");
	const { page, close } = await openPage(browser, daemon.address);
	await page.locator('[data-custom=regime_score] dd', { hasText: '0.6250' }).waitFor();
	await page.locator('#section-desk td', { hasText: 'night' }).waitFor();
	for (const [key, given] of [['custom/regime_score', /0\.625/], ['section/desk', /night/]]) {
		await page.locator(`[data-term="${key}"]`).click();
		const { rows } = await client.query(await page.locator('#explanation pre').innerText());
		assert.match(JSON.stringify(rows), given);
		await page.keyboard.press('Escape');
	}
	await page.locator('[data-component$=broker]', { hasText: 'session ends soon' }).waitFor();
	await client.query("SELECT pulse_unregister_metric('regime_score'), pulse_unregister_section('desk'), pulse_unregister_health_check('broker')");
	await close();
});

test("goals are the database's", async () => {
	await client.query("UPDATE pulse.target SET goal = 0.5 WHERE metric = 'win_rate'");
	const { page, close } = await openPage(browser, daemon.address);
	await page.locator('[data-tile=winrate] .note', { hasText: 'goal 50%' }).waitFor();
	await close();
});

test("today's profit in money, as long as no deposit blurs it", async () => {
	const { page, close } = await openPage(browser, daemon.address);
	await client.query("INSERT INTO portfolio_snapshots (ts, total_value) SELECT date_trunc('day', now(), 'UTC') - interval '1 second', 23000 ON CONFLICT DO NOTHING");
	await client.query("DELETE FROM portfolio_snapshots WHERE ts >= date_trunc('day', now(), 'UTC')");
	await client.query('INSERT INTO portfolio_snapshots (total_value) VALUES (23456.78)');
	await page.locator('[data-tile=today] .note', { hasText: '+456.78 · UTC day' }).waitFor();
	await client.query('INSERT INTO portfolio_snapshots (total_value, net_flow) VALUES (24456.78, 1000)');
	await page.locator('[data-tile=today] .note', { hasText: 'since 00:00 UTC' }).waitFor();
	await page.locator('[data-tile=today] .figure', { hasText: '+1.99%' }).waitFor();
	await close();
});

/** Whether a figure is the value, rounded to as many digits as are shown. */
function agrees(shown, value) {
	const match = /([+\u2212]?)([\d,]+(?:\.(\d+))?)(%?)/.exec(shown);
	if (!match) return false;
	const [, sign, digits, fraction = '', unit] = match;
	const number = Number(digits.replaceAll(',', '')) * (sign === '\u2212' ? -1 : 1);
	return Math.abs(number - Number(value) * (unit ? 100 : 1)) <= 0.5000001 * 10 ** -fraction.length;
}

test('the curve ends where the account is, and starts where SQL says', async () => {
	const { page, close } = await openPage(browser, `${daemon.address}?range=All`);
	await page.locator('#equity canvas').first().waitFor();
	const { rows: [{ first, last }] } = await client.query(`SELECT
		(SELECT round(total_value, 2) FROM portfolio_snapshots ORDER BY ts LIMIT 1) AS first,
		(SELECT round(total_value, 2) FROM portfolio_snapshots ORDER BY ts DESC LIMIT 1) AS last`);
	for (const [key, value] of [['Home', first], ['End', last]]) {
		await page.locator('.charts').focus();
		await page.keyboard.press(key);
		await page.locator('#equity .reading', { hasText: Number(value).toLocaleString('en-US', { minimumFractionDigits: 2 }) }).waitFor();
	}
	const underwater = await page.locator('#equity .reading div').last().locator('dd').innerText();
	assert.equal(underwater.replace('\u2212', ''), (await text(page, '[data-tile=drawdown] .figure')).replace(/[^\d.%]/g, ''), 'curve and tile agree');
	const { rows: [{ flow }] } = await client.query('SELECT sum(net_flow) AS flow FROM portfolio_snapshots');
	await page.keyboard.press('Escape');
	await page.locator('#equity .reading', { hasText: (last - first - flow).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 }) }).waitFor();
	await close();
});

test('older trades are loaded page by page', async () => {
	const { page, close } = await openPage(browser, daemon.address);
	const { rows } = await client.query('SELECT id::text FROM trades ORDER BY executed_at DESC, id DESC');
	const shown = () => page.locator('#trades tbody tr').evaluateAll((list) => list.map((each) => each.dataset.trade));
	await row(page, 'BTCUSDT').first().waitFor();
	assert.ok((await shown()).length < rows.length);
	await page.getByRole('button', { name: 'Load older trades' }).click();
	await page.getByRole('button', { name: 'Load older trades' }).waitFor({ state: 'detached' });
	assert.deepEqual(await shown(), rows.map(({ id }) => id));
	await close();
});

test('an INSERT moves the page', async () => {
	const { page, close } = await openPage(browser, daemon.address);
	await live(page);
	const id = await insertTrade('SOLUSDT', { strategy: 'breakout', fee: '0.0123', fee_asset: 'BNB' });
	const trade = row(page, 'SOLUSDT');
	await trade.waitFor();
	assert.equal(await trade.getAttribute('data-trade'), String(id));
	assert.match(await trade.getAttribute('class'), /fresh/);
	assert.deepEqual((await trade.locator('td').allInnerTexts()).slice(1).map((cell) => cell.replace(/\s+/g, ' ').trim()),
		['SOLUSDT', 'BUY', '0.5', '200.25', '100.13', '0.0123 BNB', '–', 'breakout']);
	assert.equal(await page.locator('#trades tbody tr').first().getAttribute('data-trade'), String(id), 'the newest stands first');
	await client.query('INSERT INTO portfolio_snapshots (total_value, cash_balance) VALUES (23456789.129999999999, 1)');
	await page.locator('[data-tile=value] .figure', { hasText: '23,456,789.13' }).waitFor();
	await page.locator('#positions', { hasText: 'SOLUSDT' }).waitFor();
	await close();
});

test('alerts and health arrive', async () => {
	const { page, close } = await openPage(browser, daemon.address);
	await live(page);
	await client.query("SELECT pulse_send_system_alert('exchange', 'CRITICAL', 'connection lost <b>')");
	const alert = page.locator('.timeline li').first();
	await alert.getByText('connection lost <b>').first().waitFor();
	assert.match(await alert.innerText(), /critical/i);
	await client.query("SELECT pulse_record_health('exchange', 'WARNING', 'answers slowly', 812.4)");
	const component = page.locator('#health li', { hasText: 'answers slowly' });
	await component.waitFor();
	assert.match((await component.innerText()).replace(/\s+/g, ' '), /exchange 812 ms answers slowly warning/i);
	// The same after a reload: out of the snapshot instead of the stream.
	await page.reload();
	await page.locator('#alerts li', { hasText: 'connection lost <b>' }).waitFor();
	await component.waitFor();
	await close();
});

test('a rule that fires is acknowledged and silenced from the page', async () => {
	await client.query("SELECT pulse_alert_rule_set('page-test', metric => 'total_value', comparator => '>', critical => 1, title => 'Tested on the page')");
	const { page, close } = await openPage(browser, daemon.address);
	const item = page.locator('[data-alert]', { hasText: 'Tested on the page' });
	await insertTrade('BTCUSDT');
	await item.waitFor();
	await item.getByRole('button', { name: /^Acknowledge/ }).click();
	await item.getByText('acknowledged by').waitFor();
	const { rows: [alert] } = await client.query("SELECT state, acknowledged_by FROM pulse_alerts() WHERE rule = 'page-test'");
	assert.equal(alert.state, 'acknowledged');
	assert.ok(alert.acknowledged_by);
	await item.getByLabel(/^Silence/).selectOption('1');
	await item.getByText('silenced', { exact: false }).first().waitFor();
	const { rows: silences } = await client.query('SELECT matcher FROM pulse_silences()');
	assert.deepEqual(silences.map(({ matcher }) => matcher.rule), ['page-test']);
	await client.query("SELECT pulse_alert_rule_drop('page-test')");
	await close();
});

test('hostile and foreign names stay text', async () => {
	const { page, close } = await openPage(browser, daemon.address);
	await live(page);
	const names = ['<img src=x onerror=alert(1)>', '"><script>document.title=1</script>', '日本語/円', '\u202Eexe.gnp', "Robert'); DROP TABLE trades;--"];
	for (const name of names) {
		await insertTrade(name, { strategy: name, order_id: name });
		await row(page, name).waitFor();
		assert.equal(await row(page, name).locator('td.strategy').textContent(), name);
	}
	assert.equal(await page.locator('img').count(), 0);
	assert.equal(await page.title(), 'Pulse');
	await close();
});

for (const signal of ['SIGTERM', 'SIGKILL']) {
	test(`the worker goes (${signal}) and comes back: nothing is lost, nothing is twice`, async () => {
		const { page, close } = await openPage(browser, daemon.address, { expected: LOST });
		const sent = [];
		page.on('websocket', (socket) => socket.on('framesent', ({ payload }) => sent.push(JSON.parse(payload).type)));
		await live(page);
		await insertTrade(`BEFORE-${signal}`);
		await row(page, `BEFORE-${signal}`).waitFor();
		sent.length = 0;
		await daemon.stop(signal);
		await page.locator('.connection[data-phase=waiting]').waitFor();
		const missed = [];
		for (let each = 0; each < 20; each++) missed.push(await insertTrade(`MISSED-${signal}`));
		assert.equal(await row(page, `MISSED-${signal}`).count(), 0);
		await daemon.start();
		await live(page);
		await row(page, `MISSED-${signal}`).nth(19).waitFor();
		await insertTrade(`AFTER-${signal}`);
		await row(page, `AFTER-${signal}`).waitFor();
		const shown = await page.locator('#trades tbody tr').evaluateAll((rows) => rows.map((each) => each.dataset.trade));
		const { rows } = await client.query('SELECT id::text FROM trades ORDER BY executed_at DESC, id DESC LIMIT $1', [shown.length]);
		assert.deepEqual(shown, rows.map(({ id }) => id));
		assert.deepEqual(new Set(sent), new Set(['SUBSCRIBE']), 'resumed, not loaded anew');
		await close();
	});
}

test('the database goes and comes back', async () => {
	const { page, close } = await openPage(browser, daemon.address, { expected: LOST });
	await live(page);
	await client.end();
	await cluster.restart('immediate');
	client = new pg.Client(cluster.connection);
	await client.connect();
	await insertTrade('AFTER-CRASH');
	await row(page, 'AFTER-CRASH').waitFor();
	await close();
});

test('several portfolios: all together, or one of them', async () => {
	const { page, close } = await openPage(browser, daemon.address);
	await live(page);
	assert.equal(await page.locator('.picker').count(), 0);
	await client.query("INSERT INTO portfolio_snapshots (portfolio, total_value) VALUES ('second', 1000000)");
	const value = async (portfolio) => (await client.query('SELECT total_value FROM pulse_performance($1)', [portfolio])).rows[0].total_value;
	const shows = async (portfolio) => page.locator('[data-tile=value] .figure', {
		hasText: Number(await value(portfolio)).toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
	}).waitFor();
	await shows(null);
	await page.locator('.picker select').selectOption('second');
	await shows('second');
	await client.query("INSERT INTO portfolio_snapshots (portfolio, total_value) VALUES ('main', 5), ('second', 1000007)");
	await shows('second');
	await page.reload();
	await shows('second');
	await page.locator('.picker select').selectOption('');
	await shows(null);
	await close();
	await client.query("DELETE FROM portfolio_snapshots WHERE portfolio = 'second' OR total_value = 5");
});

for (const [title, options] of [
	['light', {}], ['dark', { colorScheme: 'dark' }], ['phone', PHONE], ['phone-dark', { ...PHONE, colorScheme: 'dark' }],
]) {
	test(`as it looks: ${title}`, async () => {
		const { page, close } = await openPage(browser, daemon.address, { ...options, reducedMotion: 'reduce' });
		await page.locator('#equity canvas').first().waitFor();
		await page.locator('#trades tbody tr').first().waitFor();
		// All four are looked at in page.test.js, with more to see.
		if (title === 'light' || title === 'phone-dark') await assertAccessible(page, title);
		await page.screenshot({ path: `${SCREENSHOTS}daemon-${title}.png`, fullPage: title.startsWith('phone') });
		await close();
	});
}
