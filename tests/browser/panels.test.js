// Alerts, rolling figures, exposure and all that is fetched beside the stream, against scripted answers.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { SCREENSHOTS, assertAccessible, openPage, startBrowser } from './browser.js';
import { StandIn, curve, fullAccount, snapshot } from './stand_in.js';

let browser, server, address;

before(async () => { browser = await startBrowser(); });
after(() => browser.close());
beforeEach(async () => {
	server = new StandIn();
	fullAccount(server);
	address = await server.listen();
});
afterEach(() => server.close());

const text = async (page, selector) => (await page.locator(selector).innerText()).replace(/\s+/g, ' ').trim();

test('an alert is acknowledged and silenced', async () => {
	const { page, close } = await openPage(browser, address);
	const item = page.locator('[data-alert="7"]');
	await item.waitFor();
	assert.match(await text(page, '[data-alert="7"]'), /Drawdown is high 21\.3 % is above 20 % critical · firing .* · 3×/);
	assert.equal(await text(page, '#alerts .panel-head .state'), '1 open');
	server.resources.alerts = server.resources.alerts.map((alert) => (alert.alert_id === 7 ? { ...alert, state: 'acknowledged', acknowledged_by: 'anna', acknowledged_at: '2026-11-22T12:00:00Z' } : alert));
	await item.getByRole('button', { name: 'Acknowledge Drawdown is high' }).click();
	await item.getByText('acknowledged by anna').waitFor();
	assert.equal(await item.getByRole('button').count(), 0);
	await item.getByLabel('Silence Drawdown is high').selectOption('24');
	for (let waited = 0; server.requests.length < 2 && waited < 100; waited++) await page.waitForTimeout(20);
	assert.deepEqual(server.requests.map(({ method, path }) => `${method} ${path}`), ['POST alerts/7/ack', 'POST silences']);
	const { matcher, until } = server.requests[1].body;
	assert.deepEqual(matcher, { rule: 'high_drawdown', portfolio: 'main', symbol: 'BTCUSDT' });
	assert.ok(Math.abs(Date.parse(until) - Date.now() - 24 * 3_600_000) < 60_000);
	await close();
});

test('what an acknowledgement cannot do is said', async () => {
	const { page, close } = await openPage(browser, address, { expected: /403/ });
	server.refusal = { status: 403, detail: 'this needs the scope operate' };
	await page.locator('[data-alert="7"]').getByRole('button').click();
	await page.locator('#alerts .banner', { hasText: 'this needs the scope operate' }).waitFor();
	assert.ok(await page.locator('[data-alert="7"] button').isEnabled());
	await close();
});

test('a message about an alert fetches the list again', async () => {
	server.resources.alerts = [];
	const { page, close } = await openPage(browser, address);
	await page.locator('#alerts .empty').waitFor();
	server.resources.alerts = [{ alert_id: 9, severity: 'HIGH', state: 'firing', title: 'Sharpe is low', since: '2026-11-22T12:00:00Z', count: 1 }];
	server.broadcast({ type: 'SYSTEM_ALERT', seq: 101, prev_seq: 100, epoch: 'e1', data: { alert_id: 9, title: 'Sharpe is low', severity: 'HIGH', state: 'firing' } });
	await page.locator('[data-alert="9"]').waitFor();
	await page.locator('.timeline', { hasText: 'Sharpe is low' }).waitFor({ state: 'attached' });
	await close();
});

test('rolling figures: chosen, remembered in the address, readable as a table', async () => {
	const { page, close } = await openPage(browser, address);
	await page.locator('#rolling canvas').waitFor();
	assert.match(await page.locator('.chart-rolling').getAttribute('aria-label'), /^Sharpe over 30 days: lowest .* highest .* now /);
	server.resources.rolling = { metric: 'volatility', window_days: 90, ts: [1_790_000_000, 1_790_086_400], value: [0.25, 0.5] };
	await page.locator('[data-rolling=volatility]').click();
	await page.locator('[data-window="90"]').click();
	await page.locator('#rolling .reading', { hasText: '50.00%' }).waitFor();
	assert.match(page.url(), /rolling=volatility-90/);
	assert.equal(server.asked.get('rolling'), 'metric=volatility&window=90&days=365');
	await page.locator('#rolling summary').click();
	assert.deepEqual(await page.locator('#rolling tbody td').allInnerTexts(), ['50.00%', '25.00%']);
	await page.reload();
	await page.locator('[data-rolling=volatility][aria-pressed=true]').waitFor();
	await page.locator('[data-window="90"][aria-pressed=true]').waitFor();
	await close();
});

test('rolling figures are read day by day with the keyboard', async () => {
	const { page, close } = await openPage(browser, address);
	const { ts, value } = server.resources.rolling;
	const reading = page.locator('#rolling .reading');
	await page.locator('#rolling canvas').waitFor();
	await page.locator('.chart-rolling').focus();
	for (const [key, index] of [['Home', 0], ['ArrowRight', 1], ['End', ts.length - 1], ['ArrowLeft', ts.length - 2], ['PageUp', ts.length - 22]]) {
		await page.keyboard.press(key);
		const shown = value[index].toFixed(2).replace('-', '\u2212');
		await reading.getByText(shown, { exact: true }).waitFor();
	}
	await close();
});

test('exposure, distribution, volume and the strips of the components show what they were given', async () => {
	const { page, close } = await openPage(browser, address);
	await page.locator('#exposure .gross').waitFor();
	assert.equal(await text(page, '#exposure .figures'), 'Long 60,000.00 Short 20,000.00 Gross 0.80× Net 0.40×');
	assert.deepEqual(await page.locator('#exposure .weight').allInnerTexts(), ['▲+45.0%', '▼−20.0%', '▲+15.0%']);
	assert.equal(await text(page, '#distribution .figures'), 'Trades 12 Mean ▲+50.00 Total ▲+600.00');
	assert.equal(await page.locator('#distribution .bars .loss').count(), 1);
	assert.equal(await page.locator('#distribution .bars .gain').count(), 2);
	// The day between, on which nothing was traded, keeps its place.
	assert.equal(await page.locator('#volume .bars rect').count(), 3);
	assert.match(await page.locator('#volume .bars').getAttribute('aria-label'), /most on 21 Nov 2026: 5,000\.00/);
	assert.match(await page.locator('[data-component="api.binance"] .strip').getAttribute('aria-label'), /2 of 3 half hours known, 1 with trouble, slowest 1204 ms/);
	await page.screenshot({ path: `${SCREENSHOTS}panels.png`, fullPage: true });
	await close();
});

test('sections of users: rows, an object, a figure; text stays text', async () => {
	const { page, close } = await openPage(browser, address);
	await page.locator('#section-regime').waitFor();
	assert.deepEqual(await page.locator('#section-regime th').allInnerTexts(), ['name', 'value']);
	assert.deepEqual(await page.locator('#section-regime td').allInnerTexts(), ['<img src=x onerror=alert(1)>', '0.2100']);
	assert.equal(await text(page, '#section-model .section-figure'), '0.8123');
	assert.equal(await text(page, '#section-account .statistics'), 'broker Kraken leverage 3');
	await close();
});

test('a panel says why its figures are not there', async () => {
	const kept = { ...server.resources };
	const paths = { rolling: 'rolling', timeframes: 'performance/breakdown', months: 'monthly', hours: 'heatmap', volume: 'volume', exposure: 'exposure', symbols: 'symbols', distribution: 'distribution', drawdowns: 'drawdowns' };
	for (const path of Object.values(paths)) server.resources[path] = undefined;
	const { page, close } = await openPage(browser, address, { expected: /404/ });
	for (const panel of Object.keys(paths)) {
		const banner = page.locator(`#${panel} .banner`);
		await banner.waitFor();
		assert.equal(await page.locator(`#${panel} .skeleton`).count(), 0, `${panel} does not pretend to wait`);
		server.resources[paths[panel]] = kept[paths[panel]];
		await banner.getByRole('button', { name: 'Try again' }).click();
		await banner.waitFor({ state: 'detached' });
	}
	await page.locator('#rolling canvas').waitFor();
	await close();
});

test('zoom fetches finer points, and the drawdown still counts from the peak before', async () => {
	const { page, close } = await openPage(browser, address);
	const chart = page.locator('.chart-equity .u-over');
	await chart.waitFor();
	const box = await chart.boundingBox();
	const end = Date.parse('2026-11-22T12:00:00Z') / 1000;
	server.chart = { points: 3, ts: [end - 7200, end - 5400, end - 3600], value: [9000, 9900, 9450], drawdown: [0, 0, 0.045], flow: [0, 900, 0] };
	await page.mouse.move(box.x + 100, box.y + 50);
	await page.mouse.down();
	await page.mouse.move(box.x + 300, box.y + 60, { steps: 5 });
	await page.mouse.up();
	await page.mouse.move(5, 5);
	await page.locator('#equity .reading', { hasText: '9,450.00' }).waitFor();
	const asked = new URLSearchParams(server.asked.get('portfolio/chart'));
	assert.ok(Date.parse(asked.get('from')) < Date.parse(asked.get('to')));
	assert.equal(asked.get('hours'), null);
	const before = Number((await text(page, '#equity .reading')).match(/Drawdown −([\d.]+)%/)[1]);
	assert.ok(before >= 4.5, `${before} % under water`);
	await page.getByRole('button', { name: 'Reset zoom' }).click();
	await page.locator('#equity .reading', { hasText: 'now' }).waitFor();
	await close();
});

test('days of the calendar instead of a range', async () => {
	const { page, close } = await openPage(browser, address);
	await page.locator('[data-range=custom]').click();
	await page.getByRole('textbox', { name: 'From' }).fill('2026-03-01');
	await page.getByRole('textbox', { name: 'To', exact: true }).fill('2026-03-31');
	await page.getByRole('button', { name: 'Show', exact: true }).click();
	await page.locator('[data-range=custom][aria-pressed=true]').waitFor();
	assert.match(page.url(), /range=2026-03-01\.\.2026-03-31/);
	const asked = new URLSearchParams(server.asked.get('portfolio/chart'));
	assert.equal(asked.get('from'), '2026-03-01T00:00:00.000Z');
	assert.equal(asked.get('to'), '2026-04-01T00:00:00.000Z');
	// A new value of the account does not belong to those days.
	const shown = await text(page, '#equity .reading');
	server.broadcast({ type: 'PORTFOLIO_UPDATE', seq: 101, prev_seq: 100, epoch: 'e1', portfolio: 'main', data: { ts: '2026-11-22T12:00:01Z', total_value: '5', positions: [] } });
	await page.locator('[data-tile=value] .figure', { hasText: /^5\.00$/ }).waitFor();
	assert.equal(await text(page, '#equity .reading'), shown);
	await page.locator('[data-range="1M"]').click();
	await page.locator('[data-range="1M"][aria-pressed=true]').waitFor();
	await close();
});

test('every panel tells what it rests on', async () => {
	const { page, close } = await openPage(browser, address);
	await page.locator('#rolling canvas').waitFor();
	await page.locator('#section-regime').waitFor();
	const samples = {};
	for (const panel of await page.locator('.panel').all()) {
		await panel.getByRole('button', { name: /^About / }).click();
		await page.locator('#explanation pre', { hasText: /^SELECT .*;$/s }).waitFor();
		samples[await panel.getAttribute('id')] = await page.locator('#explanation .sample').allInnerTexts().then((list) => list.join());
		await page.keyboard.press('Escape');
	}
	assert.deepEqual(samples, {
		equity: '50 points', trades: '0 fills', positions: '0 positions', rolling: '50 windows', timeframes: '0 closed trades', months: '0 months', hours: '0 fills',
		volume: '6 fills', 'section-regime': '', 'section-model': '', 'section-account': '', alerts: '2 active alerts', health: '1 component',
		statistics: '3 days', exposure: '3 symbols', symbols: '0 closed trades', distribution: '12 closed trades', drawdowns: '3 days',
	});
	await close();
});

test('ten thousand portfolios are searched', async () => {
	const portfolios = Array.from({ length: 10_000 }, (_, each) => `book ${String(each).padStart(5, '0')}`);
	server.snapshot = snapshot({ portfolios });
	const { page, close } = await openPage(browser, address);
	const search = page.getByLabel('Portfolio, of 10000');
	await search.fill('01234');
	await page.locator('#portfolios option:only-child').waitFor({ state: 'attached' });
	assert.deepEqual(await page.locator('#portfolios option').evaluateAll((options) => options.map(({ value }) => value)), ['book 01234']);
	await search.fill('book 01234');
	await page.waitForURL(/portfolio=book/);
	await search.fill('');
	await page.waitForURL((url) => !url.searchParams.has('portfolio'));
	await close();
});

test('a daemon that wants a token gets one', async () => {
	server.resources.session = { required: true, authenticated: false };
	server.answer = (socket) => socket.close(4001, 'authentication required');
	const { page, close } = await openPage(browser, address, { expected: /WebSocket/ });
	await page.getByLabel('Token').fill('secret');
	await assertAccessible(page, 'login');
	server.refusal = { status: 401, detail: 'this token is not known' };
	const complaints = page.getByRole('alert');
	await page.getByRole('button', { name: 'Log in' }).click();
	await complaints.getByText('this token is not known').waitFor();
	server.refusal = undefined;
	server.resources.session = { required: true, authenticated: true, name: 'desk' };
	server.answer = StandIn.prototype.reply.bind(server);
	await page.getByRole('button', { name: 'Log in' }).click();
	await page.locator('[data-alert="7"]').waitFor();
	assert.deepEqual(server.requests.find(({ path, body }) => path === 'login' && body.token === 'secret'), { method: 'POST', path: 'login', body: { token: 'secret' } });
	assert.ok(!page.url().includes('secret'));
	await page.getByRole('button', { name: 'Settings' }).click();
	await page.getByText('Logged in as desk').waitFor();
	await page.getByRole('button', { name: 'Log out' }).click();
	await page.locator('[data-alert="7"]').waitFor();
	assert.deepEqual(server.requests.at(-1), { method: 'POST', path: 'logout', body: {} });
	await close().catch((error) => assert.match(String(error), /401/));
});

test('a hundred thousand points are drawn', async () => {
	server.chart = curve(100_000);
	const { page, close } = await openPage(browser, address);
	await page.locator('#equity canvas').first().waitFor();
	assert.match(await page.locator('.charts').getAttribute('aria-label'), /Equity over 30 days: from .* lowest 9,900\.00, highest 10,100\.00/);
	await close();
});
