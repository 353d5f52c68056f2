#!/usr/bin/env node
// What the page costs the main thread of a browser: page.js [POINTS [UPDATES [RUNS]]]
// CPU time of the renderer's main thread (neighbours on the machine hardly disturb it), in Debian's Chromium, without a GPU.
// A scripted server stands in for the daemon, so that only the page is measured.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
// the clients are installed before they are imported
execFileSync(path('../lib/npm.sh'), ['tests'], { cwd: path('../..'), stdio: ['ignore', 'ignore', 'inherit'] });
execFileSync(path('../../worker/build_page.sh'), { cwd: path('../../worker/dashboard'), stdio: ['ignore', 'ignore', 'inherit'] });
const { openPage, startBrowser } = await import('../browser/browser.js');
const { StandIn, fullAccount, snapshot } = await import('../browser/stand_in.js');

const points = Number(process.argv[2] ?? 100_000);
const updates = Number(process.argv[3] ?? 36_000);
const runs = Number(process.argv[4] ?? 5);
const APPENDS = 60;
const A_FRAME = 40;
/** As many points as the page asks for. */
const LIVE = 1200;
const MONTH = 30 * 86_400;
const START = Date.parse('2026-11-22T12:00:00Z') / 1000;

const browser = await startBrowser();

/** A curve of the last 30 days, as accounts go: small steps, up and down. */
function month(points) {
	const chart = { points, ts: [], value: [], drawdown: [], flow: new Array(points).fill(0) };
	let [state, value, peak] = [1, 10_000, 0];
	for (let each = 1; each <= points; each++) {
		// MINSTD: the same curve in every run
		state = state * 48_271 % 2_147_483_647;
		value *= 1 + (state / 2_147_483_647 - 0.499) * 0.4 / Math.sqrt(points);
		peak = Math.max(peak, value);
		chart.ts.push(START - MONTH + each * MONTH / points);
		chart.value.push(Number(value.toFixed(8)));
		chart.drawdown.push(1 - value / peak);
	}
	return chart;
}

/** Prints a line: what was measured, in which unit, and what it shall be at most. */
function report(what, value, unit, goal, more = '') {
	console.log(`${what.padEnd(66)} ${value.toFixed(1).padStart(8)} ${unit}  goal < ${goal} ${unit}${value < goal ? '' : '  MISSED'}${more}`);
}

const middle = (values) => values.slice().sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** A page on an account with the given curve, and what its main thread has done so far, in milliseconds. */
async function open(chart) {
	const server = new StandIn();
	fullAccount(server);
	server.chart = chart;
	const { page, close } = await openPage(browser, await server.listen());
	await page.locator('#rolling canvas').waitFor();
	const session = await page.context().newCDPSession(page);
	await session.send('Performance.enable', { timeDomain: 'threadTicks' });
	const metrics = async () => Object.fromEntries((await session.send('Performance.getMetrics')).metrics.map(({ name, value }) => [name, value]));
	return {
		server, page, metrics, session,
		collect: () => session.send('HeapProfiler.collectGarbage'),
		work: async () => (await metrics()).TaskDuration * 1000,
		async end() {
			await close();
			await server.close();
		},
	};
}

/** Holds the answer to a page back until it is wanted. */
function held(answer) {
	let release;
	const promise = new Promise((resolve) => { release = () => resolve(answer); });
	return { promise, release };
}

async function firstPaint() {
	const { promise, release } = held(month(points));
	const { page, work, end } = await open(promise);
	// What waits for the curve is in the page before the clock starts.
	const there = page.waitForFunction(() => document.querySelector('#equity canvas') !== null);
	await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
	const before = await work();
	release();
	await there;
	await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
	const spent = await work() - before;
	await end();
	return spent;
}

/** Every message is drawn before the next one comes; every second one also makes a new point of the curve. */
async function appends() {
	const { server, page, work, end } = await open(month(points));
	await page.locator('#equity canvas').first().waitFor();
	const times = { point: [], figures: [] };
	for (let each = 1; each <= 2 * APPENDS; each++) {
		const value = (10_000 + each).toFixed(2);
		const point = each % 2 === 0;
		const before = await work();
		// A value without a time belongs to no place of the curve.
		const data = { ...snapshot().portfolio, total_value: value, ts: point ? new Date((START + each * 1800) * 1000).toISOString() : null };
		server.broadcast({ type: 'PORTFOLIO_UPDATE', seq: 100 + each, prev_seq: 99 + each, epoch: 'e1', portfolio: 'main', data });
		const shown = Number(value).toLocaleString('en-US', { minimumFractionDigits: 2 });
		await page.evaluate((text) => new Promise((resolve) => {
			const look = () => (document.querySelector('[data-tile=value] .figure').textContent === text
				? requestAnimationFrame(() => setTimeout(resolve)) : requestAnimationFrame(look));
			look();
		}), shown);
		times[point ? 'point' : 'figures'].push(await work() - before);
	}
	await end();
	return times;
}

/** Bytes of the page's own objects: without code, of which the engine compiles ever more, and without the browser's records of long frames. */
async function objectBytes(session) {
	let text = '';
	const add = ({ chunk }) => { text += chunk; };
	session.on('HeapProfiler.addHeapSnapshotChunk', add);
	await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
	session.off('HeapProfiler.addHeapSnapshotChunk', add);
	const { snapshot: { meta: { node_fields: fields, node_types: [types] } }, nodes } = JSON.parse(text);
	const [type, size] = [fields.indexOf('type'), fields.indexOf('self_size')];
	const others = ['code', 'native'].map((name) => types.indexOf(name));
	let bytes = 0;
	for (let node = 0; node < nodes.length; node += fields.length) {
		if (!others.includes(nodes[node + type])) bytes += nodes[node + size];
	}
	return bytes;
}

/** An hour at ten messages a second, as fast as they are taken; the heap at its beginning, in the middle and at its end. */
async function hour() {
	const { server, page, metrics, session, collect, end } = await open(month(LIVE));
	await page.locator('#equity canvas').first().waitFor();
	let seq = 100;
	const heap = [];
	async function stream(count) {
		for (const last = seq + count; seq < last;) {
			for (let each = 0; each < A_FRAME && seq < last; each++) {
				seq++;
				const ts = new Date((START + (seq - 100) / 10) * 1000).toISOString();
				const value = (10_000 + 100 * Math.sin(seq / 1000)).toFixed(8);
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
		await collect();
		heap.push({ megabytes: await objectBytes(session) / 1e6, nodes: (await metrics()).Nodes });
	}
	// The lists fill first: two hundred trades are kept.
	await stream(900);
	await stream(updates / 2);
	await stream(updates / 2);
	await end();
	return heap;
}

try {
	const paints = [];
	for (let run = 0; run < runs; run++) paints.push(await firstPaint());
	report(`first paint of ${points.toLocaleString('en-US')} points, answer parsed, all drawn`, middle(paints), 'ms', 200, `  (${paints.map((each) => each.toFixed(0)).join(' ')})`);
	const { point, figures } = await appends();
	report('a new point of the curve', middle(point) - middle(figures), 'ms', 10,
		`  (a live update with one ${middle(point).toFixed(1)}, slowest ${Math.max(...point).toFixed(1)}; without ${middle(figures).toFixed(1)})`);
	const [first, half, last] = await hour();
	report(`objects after ${updates.toLocaleString('en-US')} live updates, of those at the beginning`, last.megabytes / first.megabytes * 100, '%', 110,
		`  (${[first, half, last].map(({ megabytes, nodes }) => `${megabytes.toFixed(2)} MB ${nodes} nodes`).join(', ')})`);
} finally {
	await browser.close();
}
