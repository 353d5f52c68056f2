import { html, nothing, svg } from 'lit-html';
import { money, short, time } from '../format.js';
import { change, empty, panel, skeleton, stale, tableBehind } from './parts.js';

/** @typedef {import('../app.js').View} View */

const DAY = 86_400_000;
const WIDTH = 400;
const HEIGHT = 110;

/**
 * Bars side by side, from zero upwards.
 * @param {string} label
 * @param {{ size: number, tone: string, title: string }[]} bars
 */
function bars(label, bars) {
	const largest = bars.reduce((most, { size }) => Math.max(most, size), 0);
	const step = WIDTH / bars.length;
	return html`<svg class="bars" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label}>
		${bars.map(({ size, tone, title }, index) => {
			const height = largest > 0 ? size / largest * (HEIGHT - 2) : 0;
			return svg`<rect class=${tone} x=${index * step + step * 0.08} y=${HEIGHT - height} width=${step * 0.84} height=${height}><title>${title}</title></rect>`;
		})}
		<line x1="0" x2=${WIDTH} y1=${HEIGHT - 0.5} y2=${HEIGHT - 0.5}></line>
	</svg>`;
}

/** @param {View} view */
export function distribution(view) {
	const { state, extras } = view;
	const bins = extras.distribution;
	let body;
	if (!state.loaded || bins === null) body = extras.problems.has('distribution') ? nothing : skeleton(3);
	else if (bins.length === 0) body = empty('No trade was closed in the last 90 days.');
	else {
		const range = (/** @type {import('../extras.js').Bin} */ { lower, upper }) => `${short(lower)} to ${short(upper)}`;
		const trades = bins.reduce((sum, bin) => sum + bin.trades, 0);
		const total = bins.reduce((sum, bin) => sum + Number(bin.net_pnl), 0);
		const label = `${trades} closed trades by net profit, from ${short(bins[0].lower)} to ${short(bins[bins.length - 1].upper)}`;
		body = html`<div class="pictured">
				${bars(label, bins.map((bin) => ({ size: bin.trades, tone: bin.lower + bin.upper < 0 ? 'loss' : 'gain', title: `${range(bin)}: ${bin.trades} trades` })))}
				<p class="scale num" aria-hidden="true"><span>${short(bins[0].lower)}</span><span>${short(bins[bins.length - 1].upper)}</span></p>
			</div>
			<dl class="figures num">
				<div><dt>Trades</dt><dd class="trades">${trades}</dd></div>
				<div><dt>Mean</dt><dd class="mean">${change(total, money((total / trades).toFixed(2), true))}</dd></div>
				<div><dt>Total</dt><dd class="total">${change(total, money(total.toFixed(2), true))}</dd></div>
			</dl>
			${tableBehind('Distribution', ['Net P&L', 'Trades'], bins.map((bin) => [range(bin), bin.trades]))}`;
	}
	return panel('distribution', 'P&L distribution', html`${stale(view, 'distribution')}${body}`, { aside: html`<span class="muted">closed trades, 90 days</span>` });
}

/** @param {import('../extras.js').VolumeDay[]} list the days between the first and the last that has a fill */
function everyDay(list) {
	const first = Date.parse(list[0].ts);
	/** @type {(import('../extras.js').VolumeDay | undefined)[]} */
	const days = [];
	// A day with a change of the clock is an hour longer or shorter.
	for (const each of list) days[Math.round((Date.parse(each.ts) - first) / DAY)] = each;
	return Array.from(days, (each, index) => each ?? { ts: new Date(first + index * DAY).toISOString(), fills: 0, volume: '0', buy_volume: '0', sell_volume: '0' });
}

/** @param {View} view */
export function volume(view) {
	const { state, extras } = view;
	const list = extras.volume;
	let body;
	if (!state.loaded || list === null) body = extras.problems.has('volume') ? nothing : skeleton(3);
	else if (list.length === 0) body = empty('No fill in the last 90 days.');
	else {
		const busiest = list.reduce((most, each) => (Number(each.volume) > Number(most.volume) ? each : most));
		const day = (/** @type {{ ts: string }} */ { ts }) => time(Date.parse(ts) + DAY / 2, 'date');
		body = html`<div class="pictured">
				${bars(`Traded value of each day; most on ${day(busiest)}: ${money(busiest.volume)}`,
					everyDay(list).map((each) => ({ size: Number(each.volume), tone: 'amount', title: `${day(each)}: ${money(each.volume)} in ${each.fills} fills` })))}
				<p class="scale num" aria-hidden="true"><span>${day(list[0])}</span><span>${day(list[list.length - 1])}</span></p>
			</div>
			${tableBehind('Volume', ['Day', 'Volume', 'Fills', 'Bought', 'Sold'],
				list.slice().reverse().map((each) => [day(each), money(each.volume), each.fills, money(each.buy_volume), money(each.sell_volume)]))}`;
	}
	return panel('volume', 'Volume', html`${stale(view, 'volume')}${body}`, { aside: html`<span class="muted">traded value a day, 90 days</span>` });
}
