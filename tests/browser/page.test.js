// What the page does on the days on which the real daemon does not play along.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { SCREENSHOTS, assertAccessible, openPage, startBrowser } from './browser.js';
import { StandIn, curve, fullAccount, snapshot, trade } from './stand_in.js';

let browser, server, address;

before(async () => { browser = await startBrowser(); });
after(() => browser.close());
beforeEach(async () => {
	server = new StandIn();
	address = await server.listen();
	server.chart = curve(50);
});
afterEach(() => server.close());

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const text = async (page, selector) => (await page.locator(selector).innerText()).replace(/\s+/g, ' ').trim();

test('an empty database: what to do first, and nothing pretends to be a figure', async () => {
	server.chart = { points: 0, ts: [], value: [], drawdown: [], flow: [] };
	server.snapshot = snapshot({
		portfolios: [], portfolio: { ts: null, total_value: null, positions: [] }, performance: {},
	});
	const { page, close } = await openPage(browser, address);
	await page.locator('#trades pre').waitFor();
	await page.locator('#equity pre').waitFor();
	assert.match(await text(page, '#trades'), /Insert your first one like this.*INSERT INTO trades/);
	assert.match(await text(page, '#equity'), /INSERT INTO portfolio_snapshots/);
	for (const tile of ['value', 'today', 'annual', 'sharpe', 'winrate', 'drawdown']) {
		assert.equal(await text(page, `[data-tile=${tile}] .figure`), '–', tile);
	}
	await page.screenshot({ path: `${SCREENSHOTS}empty.png` });
	await close();
});

test('too little data says how much is missing', async () => {
	server.chart = curve(2);
	const { page, close } = await openPage(browser, address);
	await page.locator('[data-tile=sharpe] .note', { hasText: 'needs 2 daily returns; 0 so far' }).waitFor();
	await close();
});

test('names are text, whatever they contain', async () => {
	const nasty = ['<img src=x onerror=alert(1)>', '"><script>document.title="owned"</script>', "'; DROP TABLE trades; --", '${alert(1)}',
		'مرحبا', '日本語', '\u202Egnp.exe', 'a'.repeat(300)];
	server.snapshot = snapshot({
		portfolios: ['<b>main</b>', 'other'],
		portfolio: { ...snapshot().portfolio, positions: nasty.map((symbol) => ({ symbol, quantity: '1', unrealized_pnl: '1' })) },
		activity: {
			trades: nasty.map((symbol, index) => trade(90 - index, { symbol, strategy: symbol, side: symbol, fee_asset: symbol }).data),
			alerts: nasty.map((title, index) => ({ alert_id: index, title, message: title, severity: title })),
		},
		system: { status: '<i>', components: nasty.map((component) => ({ component, status: component, message: component })) },
	});
	const { page, close } = await openPage(browser, address);
	await page.locator('#trades tbody tr').first().waitFor();
	assert.deepEqual(await page.locator('#trades td.symbol').allTextContents(), nasty);
	assert.deepEqual(await page.locator('#alerts .alert-title').allTextContents(), nasty);
	assert.equal(await page.title(), 'Pulse');
	assert.equal(await page.locator('img, main script, main i, main b').count(), 0);
	const width = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
	assert.ok(width[0] <= width[1], 'a long name does not make the page wider');
	await close();
});

test('a lost connection: countdown, old figures kept, resumption', async () => {
	const { page, close } = await openPage(browser, address, { expected: /WebSocket|ERR_CONNECTION|Failed to load resource/ });
	await page.locator('.connection[data-phase=live]').waitFor();
	const { port } = server;
	await server.close();
	await page.locator('.connection[data-phase=waiting] .detail', { hasText: /in \d+ s/ }).waitFor();
	assert.equal(await text(page, '[data-tile=value] .figure'), '10,100.50');
	await page.locator('.connection[data-phase=waiting]').waitFor();
	await page.screenshot({ path: `${SCREENSHOTS}disconnected.png` });
	server = new StandIn();
	server.answer = (socket, message) => {
		assert.equal(message.type, 'SUBSCRIBE');
		server.send(socket, { type: 'SUBSCRIBED', id: message.id });
		server.send(socket, trade(101, { symbol: 'MISSED' }));
	};
	await server.listen(port);
	await page.locator('#trades td.symbol', { hasText: 'MISSED' }).waitFor();
	await page.locator('.connection[data-phase=live]').waitFor();
	assert.deepEqual(server.received[0].since, { epoch: 'e1', seq: 100 });
	await close();
});

test('old data is called stale although the connection lives', async () => {
	server.snapshot = snapshot({ generated_at: '2026-11-22T12:10:00.000000Z' });
	const { page, close } = await openPage(browser, address);
	await page.locator('.connection.stale').waitFor();
	assert.match(await text(page, '.connection'), /Stale last snapshot 10 min ago/);
	await close();
});

test('an error of the curve is said, with a way on', async () => {
	server.chart = null;
	const { page, close } = await openPage(browser, address, { expected: /404/ });
	await page.locator('#equity [role=alert]', { hasText: 'could not be fetched: not here' }).waitFor();
	server.chart = curve(50);
	await page.getByRole('button', { name: 'Try again' }).click();
	await page.locator('#equity canvas').first().waitFor();
	assert.equal(await page.locator('#equity [role=alert]').count(), 0);
	await close();
});

test('keyboard: the curve is read point by point, ranges and theme are buttons', async () => {
	const { page, close } = await openPage(browser, address);
	await page.locator('#equity canvas').first().waitFor();
	await page.locator('.charts').focus();
	await page.keyboard.press('End');
	await page.keyboard.press('ArrowLeft');
	const at = new Date(server.chart.ts.at(-2) * 1000);
	await page.locator('#equity [aria-live]', { hasText: `${String(at.getUTCHours()).padStart(2, '0')}:00: 9,946.34` }).waitFor({ state: 'attached' });
	await page.keyboard.press('Escape');
	await page.locator('#equity .reading', { hasText: 'now' }).waitFor();
	await page.getByRole('button', { name: 'one week' }).press('Enter');
	await page.locator('[data-range="1W"][aria-pressed=true]').waitFor();
	assert.match(page.url(), /range=1W/);
	await page.getByRole('button', { name: 'Settings' }).press('Enter');
	await page.getByRole('radio', { name: 'Dark' }).press('Space');
	assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
	await page.reload();
	assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark', 'the choice is remembered');
	await page.locator('[data-range="1W"][aria-pressed=true]').waitFor();
	await close();
});

test('the curve can be read as a table', async () => {
	const { page, close } = await openPage(browser, address);
	await page.getByText('Curve as a table').click();
	const rows = page.locator('.as-table tbody tr');
	await rows.first().waitFor();
	assert.equal(await rows.count(), 50);
	assert.equal(await rows.first().innerText(), '22 Nov 2026, 12:00\t9,968.89\t−1.31%');
	await assertAccessible(page, 'with the table');
	await close();
});

test('colours and time zone are choices', async () => {
	server.snapshot = snapshot({ activity: { trades: [trade(99).data], alerts: [] } });
	const { page, close } = await openPage(browser, address, { timezoneId: 'Asia/Tokyo' });
	await page.locator('#trades time', { hasText: '20:59:59' }).waitFor();
	const colour = () => page.locator('[data-tile=today] .change').evaluate((element) => getComputedStyle(element).color);
	assert.equal(await colour(), 'rgb(29, 78, 216)');
	await page.getByRole('button', { name: 'Settings' }).click();
	await page.getByRole('radio', { name: 'Green and red' }).click();
	assert.equal(await colour(), 'rgb(15, 122, 74)');
	await page.getByRole('radio', { name: 'UTC' }).click();
	await page.locator('#trades time', { hasText: '11:59:59' }).waitFor();
	await page.locator('footer', { hasText: 'Times in UTC' }).waitFor();
	await close();
});

test('trades: filter, sort, export of what is shown', async () => {
	server.snapshot = snapshot({ activity: { trades: [99, 98, 97].map((seq) => trade(seq, { symbol: `S${seq}`, quantity: String(seq % 98) }).data), alerts: [] } });
	const { page, close } = await openPage(browser, address);
	const symbols = () => page.locator('#trades td.symbol').allInnerTexts();
	await page.locator('#trades td.symbol').first().waitFor();
	await page.getByRole('button', { name: 'Quantity' }).click();
	await page.locator('th[aria-sort=descending]', { hasText: 'Quantity' }).waitFor();
	assert.deepEqual(await symbols(), ['S97', 'S99', 'S98']);
	await page.getByRole('searchbox').fill('s99');
	await page.locator('#trades [role=status]', { hasText: '1 of 3' }).waitFor();
	assert.equal(new URL(page.url()).searchParams.get('trades'), '-quantity s99');
	const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Export CSV' }).click()]);
	assert.match(file.suggestedFilename(), /^trades-\d{4}-\d\d-\d\d\.csv$/);
	const csv = await readFile(await file.path(), 'utf8');
	assert.equal(csv.split('\r\n').length, 3);
	assert.match(csv, /,S99,BUY,1,45000,/);
	server.broadcast(trade(101, { symbol: 'OTHER' }));
	await page.locator('#trades [role=status]', { hasText: '1 of 4' }).waitFor();
	assert.deepEqual(await symbols(), ['S99']);
	await page.reload();
	await page.locator('#trades [role=status]', { hasText: '1 of 3' }).waitFor();
	assert.equal(await page.getByRole('searchbox').inputValue(), 's99', 'the address holds what was looked for');
	await page.getByRole('searchbox').fill('');
	await page.locator('#trades [role=status]', { hasText: 'newest 3' }).waitFor();
	assert.deepEqual(await symbols(), ['S97', 'S99', 'S98'], 'and the order');
	await close();
});

test('zoom holds while values arrive and goes with one click', async () => {
	const { page, close } = await openPage(browser, address);
	const chart = page.locator('.chart-equity .u-over');
	await chart.waitFor();
	const box = await chart.boundingBox();
	await page.mouse.move(box.x + 100, box.y + 50);
	await page.mouse.down();
	await page.mouse.move(box.x + 300, box.y + 60, { steps: 5 });
	await page.mouse.up();
	const reset = page.getByRole('button', { name: 'Reset zoom' });
	await reset.waitFor();
	server.broadcast({
		type: 'PORTFOLIO_UPDATE', seq: 101, prev_seq: 100, epoch: 'e1', portfolio: 'main',
		data: { ts: '2026-11-22T12:00:01.000000Z', total_value: '10111.11', net_flow: '0', positions: [] },
	});
	await page.locator('[data-tile=value] .figure', { hasText: '10,111.11' }).waitFor();
	assert.equal(await reset.count(), 1);
	await reset.click();
	await reset.waitFor({ state: 'detached' });
	await close();
});

test('several portfolios: sums are fetched, one can be chosen', async () => {
	server.snapshot = snapshot({ portfolios: ['main', 'second'] });
	const { page, close } = await openPage(browser, address);
	await page.locator('.picker select').waitFor();
	server.snapshot = snapshot({ seq: 101, portfolios: ['main', 'second'], portfolio: { ...snapshot().portfolio, total_value: '777' } });
	const figures = (seq, value) => ({
		type: 'PORTFOLIO_UPDATE', seq, prev_seq: seq - 1, epoch: 'e1', portfolio: 'second',
		data: { ts: `2026-11-22T12:00:0${seq - 100}Z`, total_value: value, positions: [] },
	});
	server.broadcast(figures(101, '5'));
	await page.locator('[data-tile=value] .figure', { hasText: '777.00' }).waitFor();
	// The stream overtakes the answer to the choice: the older answer must not win.
	server.broadcast(figures(102, '6'));
	await page.locator('.picker select').selectOption('second');
	server.broadcast(figures(103, '7'));
	await page.locator('[data-tile=value] .figure', { hasText: /^7\.00$/ }).waitFor();
	server.snapshot = { ...server.snapshot, seq: 103, portfolio: { ...snapshot().portfolio, total_value: '7', cash_balance: '3' }, performance: {} };
	await page.locator('[data-tile=value] .note', { hasText: 'cash 3.00' }).waitFor();
	assert.equal(await text(page, '[data-tile=value] .figure'), '7.00');
	assert.match(page.url(), /portfolio=second/);
	await close();
});

test('phone: the curve follows a finger', async () => {
	const { page, close } = await openPage(browser, address, PHONE);
	await page.locator('#equity canvas').first().waitFor();
	await page.locator('#equity').scrollIntoViewIfNeeded();
	const box = await page.locator('.chart-equity .u-over').boundingBox();
	const session = await page.context().newCDPSession(page);
	const touch = (type, x) => session.send('Input.dispatchTouchEvent', { type, touchPoints: type === 'touchEnd' ? [] : [{ x, y: box.y + box.height / 2 }] });
	await touch('touchStart', box.x + box.width / 2);
	for (let step = 1; step <= 5; step++) await touch('touchMove', box.x + box.width / 2 - step * 20);
	const at = page.locator('#equity .reading .muted');
	await at.getByText(/2[01] Nov 2026, \d\d:\d\d/).waitFor();
	const first = await at.innerText();
	for (let step = 6; step <= 7; step++) await touch('touchMove', box.x + box.width / 2 - step * 20);
	await page.waitForFunction((before) => document.querySelector('#equity .reading .muted').textContent !== before, first);
	await touch('touchEnd');
	await close();
});

test('phone: nothing sticks out, fingers find the buttons', async () => {
	fullAccount(server);
	server.snapshot = snapshot({ activity: { trades: [trade(99).data, trade(98, { symbol: 'A'.repeat(60) }).data], alerts: [] } });
	const { page, close } = await openPage(browser, address, PHONE);
	await page.locator('#equity canvas').first().waitFor();
	const width = await page.evaluate(() => document.documentElement.scrollWidth);
	assert.equal(width, 390);
	for (const button of await page.locator('button:visible').all()) {
		const { height } = await button.boundingBox();
		assert.ok(height >= 44, `${await button.innerText()} is ${height} px high`);
	}
	await close();
});

for (const [title, options] of [
	['light', {}], ['dark', { colorScheme: 'dark' }], ['phone', PHONE], ['phone, dark', { ...PHONE, colorScheme: 'dark' }],
]) {
	test(`axe finds nothing: ${title}`, async () => {
		fullAccount(server);
		server.snapshot = snapshot({
			portfolios: ['main', 'second'], sections: server.snapshot.sections,
			portfolio: { ...snapshot().portfolio, positions: [{ symbol: 'BTCUSDT', quantity: '-1', average_price: '10', mark_price: '11', market_value: '-11', unrealized_pnl: '-1' }] },
			performance: { ...snapshot().performance, cagr: 0.3, sharpe: 1.2, win_rate: 0.7, current_drawdown: 0.05, max_drawdown: 0.2, realized_pnl: '-5' },
			system: { status: 'CRITICAL', components: ['HEALTHY', 'WARNING', 'CRITICAL', 'UNKNOWN'].map((status) => ({ component: status, status, message: 'text', latency_ms: 3 })) },
			activity: {
				trades: [trade(99).data, trade(98, { side: 'SELL', realized_pnl: '-3', fee_asset: 'BNB', strategy: 'momentum' }).data],
				alerts: ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'].map((severity, id) => ({ alert_id: id, severity, title: severity, message: 'text', since: '2026-11-22T11:00:00Z', state: id === 3 ? 'resolved' : 'firing' })),
			},
		});
		// Colours in mid-animation are not what a reader sees.
		const { page, close } = await openPage(browser, address, { ...options, reducedMotion: 'reduce' });
		await page.locator('#equity canvas').first().waitFor();
		await page.locator('#trades tbody tr').first().waitFor();
		await page.locator('#rolling canvas').waitFor();
		await assertAccessible(page, title);
		await page.locator('[data-term=sharpe]').click();
		await page.locator('#explanation pre', { hasText: 'SELECT sharpe FROM pulse_performance();' }).waitFor();
		await assertAccessible(page, `${title}, with the explanation`, '#explanation');
		await page.keyboard.press('Escape');
		await page.locator('#explanation').waitFor({ state: 'hidden' });
		await page.getByRole('button', { name: 'About Live trades' }).click();
		await page.locator('#explanation', { hasText: 'quantity times price' }).waitFor();
		await assertAccessible(page, `${title}, with the explanation of a table`, '#explanation');
		await page.keyboard.press('Escape');
		await close();
	});
}
