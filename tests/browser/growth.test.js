// A page that is left open: a stream of messages leaves nothing behind. Counted, not timed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPage, startBrowser } from './browser.js';
import { StandIn, snapshot } from './stand_in.js';

const START = Date.parse('2026-11-22T12:00:00Z') / 1000;
const POINTS = 1200;

let browser, server, address;

before(async () => {
	browser = await startBrowser();
	server = new StandIn();
	address = await server.listen();
	server.chart = {
		points: POINTS, ts: Array.from({ length: POINTS }, (_, each) => START - (POINTS - each) * 2160),
		value: new Array(POINTS).fill(10000), drawdown: new Array(POINTS).fill(0), flow: new Array(POINTS).fill(0),
	};
});
after(async () => {
	await browser.close();
	await server.close();
});

test('neither nodes nor listeners nor memory grow', async () => {
	const { page, close } = await openPage(browser, address);
	await page.locator('#equity canvas').first().waitFor();
	const session = await page.context().newCDPSession(page);
	await session.send('Performance.enable');
	let seq = 100;

	/** Seven hundred messages, three kinds in turn, two dozen a frame; then what the page holds. */
	async function stream() {
		for (let batch = 0; batch < 30; batch++) {
			for (let each = 0; each < 24; each++) {
				seq++;
				const ts = new Date((START + (seq - 100) / 10) * 1000).toISOString();
				const value = (10000 + 100 * Math.sin(seq / 1000)).toFixed(8);
				const [type, data] = [
					['PORTFOLIO_UPDATE', { ...snapshot().portfolio, ts, total_value: value }],
					['PERFORMANCE_UPDATE', { sharpe: seq / 1e5, total_value: value }],
					['TRADE_ALERT', { id: seq, symbol: `S${seq % 7}`, side: 'BUY', quantity: '1', price: '2', value: '2', executed_at: ts }],
				][seq % 3];
				server.broadcast({ seq, prev_seq: seq - 1, epoch: 'e1', portfolio: 'main', timestamp: ts, type, data });
			}
			await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(resolve); }));
		}
		await page.locator(`#trades tr[data-trade="${seq - ((seq - 2) % 3)}"]`).waitFor();
		// Finished animations let go of their rows with the next frames.
		await page.waitForFunction(() => document.getAnimations().length === 0);
		await session.send('HeapProfiler.collectGarbage');
		const { metrics } = await session.send('Performance.getMetrics');
		return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
	}

	const first = await stream();
	const second = await stream();
	assert.equal(await page.locator('#trades tbody tr').count(), 200);
	assert.ok(second.Nodes <= first.Nodes + 100, `nodes ${first.Nodes}, then ${second.Nodes}`);
	assert.ok(second.JSEventListeners <= first.JSEventListeners + 10, `listeners ${first.JSEventListeners}, then ${second.JSEventListeners}`);
	assert.ok(second.JSHeapUsedSize <= first.JSHeapUsedSize * 1.25, `heap ${first.JSHeapUsedSize}, then ${second.JSHeapUsedSize}`);
	await close();
});
