import { html, nothing, svg } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { isFiniteNumber, money, percent, ratio, signOf, span, time, tiny, zoneName } from '../format.js';
import { columnHeads } from './explanation.js';
import { change, empty, panel, skeleton, stale } from './parts.js';

/** @typedef {import('../app.js').View} View */
/** @typedef {import('../extras.js').Timeframe} Timeframe */
/** @typedef {import('../extras.js').SymbolResult} SymbolResult */
/** @typedef {import('../extras.js').Month} Month */
/** @typedef {import('../extras.js').Drawdown} Drawdown */
/** @typedef {import('../extras.js').Hour} Hour */

const NAMES = new Map([
	['1h', '1 hour'], ['4h', '4 hours'], ['24h', '24 hours'], ['7d', '7 days'], ['30d', '30 days'], ['90d', '90 days'], ['1y', '1 year'], ['all', 'All'],
]);

/**
 * What stands where figures will be; nothing beside the reason why they are not there.
 * @param {View} view @param {import('../extras.js').Source} source @param {number} lines
 */
const waiting = ({ extras }, source, lines) => (extras.problems.has(source) ? nothing : skeleton(lines));

/** @param {Timeframe} frame */
function timeframeRow(frame) {
	const pnl = frame.pnl === null ? null : frame.pnl.toFixed(2);
	return html`<tr data-timeframe=${frame.timeframe}>
		<th scope="row">${NAMES.get(frame.timeframe) ?? frame.timeframe}</th>
		<td class="num right return">${change(frame.total_return, percent(frame.total_return, { signed: true }))}</td>
		<td class="num right profit">${change(pnl, money(pnl, true))}</td>
		<td class="num right drawdown">${percent(frame.max_drawdown)}</td>
		<td class="num right sharpe">${ratio(frame.sharpe)}</td>
		<td class="num right trades">${frame.trades}</td>
		<td class="num right winrate">${percent(frame.win_rate, { digits: 1 })}</td>
		<td class="num right net">${change(frame.net_pnl, money(frame.net_pnl, true))}</td>
	</tr>`;
}

/** @param {View} view */
export function timeframes(view) {
	const { extras, state } = view;
	const list = extras.timeframes;
	const body = !state.loaded || list === null ? waiting(view, 'timeframes', 5) : html`<div class="scroll" tabindex="0" role="group" aria-label="Performance by time frame">
		<table class="plain-table">
			<thead><tr><th scope="col">Last</th>${columnHeads('timeframes')}</tr></thead>
			<tbody>${list.map(timeframeRow)}</tbody>
		</table></div>`;
	return panel('timeframes', 'By time frame', html`${stale(view, 'timeframes')}${body}`);
}

/** @param {SymbolResult} result @param {number} largest */
function symbolRow(result, largest) {
	const value = Number(result.net_pnl);
	const width = largest > 0 ? Math.abs(value) / largest * 50 : 0;
	return html`<li data-symbol=${result.symbol}>
		<div><p><span class="text symbol">${result.symbol}</span> <span class="muted num">${result.trades} closed${isFiniteNumber(result.win_rate) ? html`, ${percent(result.win_rate, { digits: 0 })} won` : nothing}</span></p>
			<svg class="bar ${value < 0 ? 'loss' : 'gain'}" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
				<rect class="track" width="100" height="4"></rect>${svg`<rect class="fill" x=${value < 0 ? 50 - width : 50} width=${width} height="4"></rect>`}</svg></div>
		<span class="num profit">${change(result.net_pnl, money(result.net_pnl, true))}</span>
	</li>`;
}

/** @param {View} view */
export function symbols(view) {
	const { extras, state } = view;
	const list = extras.symbols;
	let body;
	if (!state.loaded || list === null) body = waiting(view, 'symbols', 3);
	else if (list.length === 0) body = empty('No trade in the last 30 days.');
	else {
		const largest = list.reduce((most, { net_pnl: profit }) => Math.max(most, Math.abs(Number(profit))), 0);
		body = html`<ul class="list symbols" tabindex="0" aria-label="Symbols, best first">${repeat(list, (each) => each.symbol, (each) => symbolRow(each, largest))}</ul>`;
	}
	return panel('symbols', 'Symbols', html`${stale(view, 'symbols')}${body}`, { aside: list?.length ? html`<span class="muted">net P&L, 30 days</span>` : nothing });
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];
const STEPS = 4;

/**
 * The class that tints a cell: tone and strength, relative to the strongest cell.
 * @param {number} value
 * @param {number} strongest
 * @param {string} [positive]
 */
function heat(value, strongest, positive = 'gain') {
	if (!value || strongest <= 0) return '';
	return `${value < 0 ? 'loss' : positive}-${Math.max(1, Math.ceil(Math.min(1, Math.abs(value) / strongest) * STEPS))}`;
}

/** @param {number} year @param {Month[]} months @param {number} strongest */
function yearRow(year, months, strongest) {
	const known = months.map(({ monthly_return: value }) => value).filter(isFiniteNumber);
	const total = known.length > 0 ? known.reduce((product, value) => product * (1 + value), 1) - 1 : null;
	return html`<tr data-year=${year}><th scope="row" class="num">${year}</th>
		${MONTHS.map((_name, index) => {
			const value = months.find(({ month }) => month === index + 1)?.monthly_return;
			return isFiniteNumber(value)
				? html`<td class="num ${heat(value, strongest)}">${percent(value, { digits: 1, signed: true })}</td>` : html`<td></td>`;
		})}
		<td class="num year">${total === null ? '' : change(total, percent(total, { digits: 1, signed: true }))}</td></tr>`;
}

/** @param {View} view */
export function months(view) {
	const { extras, state } = view;
	const list = extras.months;
	let body;
	if (!state.loaded || list === null) body = waiting(view, 'months', 3);
	else if (list.length === 0) body = empty('No snapshot yet.');
	else {
		// One exceptional month shall not bleach all the others.
		const sizes = list.map(({ monthly_return: value }) => Math.abs(value ?? 0)).sort((a, b) => a - b);
		const strongest = sizes[Math.floor((sizes.length - 1) * 0.9)];
		const years = [...new Set(list.map(({ year }) => year))].sort((a, b) => b - a);
		body = html`<div class="scroll" tabindex="0" role="group" aria-label="Monthly returns">
			<table class="map"><thead><tr><td></td>${MONTHS.map((name) => html`<th scope="col">${name}</th>`)}<th scope="col">Year</th></tr></thead>
			<tbody>${years.map((year) => yearRow(year, list.filter((each) => each.year === year), strongest))}</tbody></table></div>`;
	}
	return panel('months', 'Monthly returns', html`${stale(view, 'months')}${body}`);
}

const HEATS = /** @type {const} */ ({ trades: 'Fills', volume: 'Volume', pnl: 'Net P&L' });

/** @param {View} view */
export function hours(view) {
	const { extras, state, heat: figure, actions } = view;
	const list = extras.hours;
	const buttons = html`<div class="ranges"><span class="muted">90 days, ${zoneName()}</span><div class="segmented" role="group" aria-label="Figure">
		${Object.entries(HEATS).map(([name, label]) => html`<button type="button" aria-pressed=${name === figure ? 'true' : 'false'}
			@click=${() => actions.chooseHeat(/** @type {keyof typeof HEATS} */ (name))}>${label}</button>`)}</div></div>`;
	let body;
	if (!state.loaded || list === null) body = waiting(view, 'hours', 5);
	else if (list.every(({ trades }) => trades === 0)) body = empty('No fill in the last 90 days.');
	else {
		const strongest = list.reduce((most, hour) => Math.max(most, Math.abs(Number(hour[figure]))), 0);
		body = html`<div class="scroll" tabindex="0" role="group" aria-label="Activity by weekday and hour">
			<table class="map hours"><thead><tr><td></td>${Array.from({ length: 24 }, (_, hour) => html`<th scope="col" class="num">${String(hour).padStart(2, '0')}</th>`)}</tr></thead>
			<tbody>${DAYS.map((day, index) => html`<tr><th scope="row">${day}</th>${list.filter(({ weekday }) => weekday === index + 1).map((hour) => hourCell(hour, day, figure, strongest))}</tr>`)}</tbody></table></div>`;
	}
	return panel('hours', 'Activity', html`${stale(view, 'hours')}${body}`, { aside: buttons });
}

/** @param {Hour} hour @param {string} day @param {keyof typeof HEATS} figure @param {number} strongest */
function hourCell(hour, day, figure, strongest) {
	const value = Number(hour[figure]);
	const title = `${day} ${String(hour.hour).padStart(2, '0')}:00: ${hour.trades} fills, volume ${money(hour.volume)}, net P&L ${money(hour.pnl, true)}`;
	return html`<td class="num ${heat(value, strongest, figure === 'pnl' ? 'gain' : 'amount')}" title=${title}>${signOf(hour[figure]) ? tiny(value) : ''}</td>`;
}

/** @param {Drawdown} drawdown */
function drawdownItem(drawdown) {
	return html`<li data-rank=${drawdown.rank}>
		<div><p class="num">${time(drawdown.peak_at, 'date')} <span aria-hidden="true">→</span><span class="sr-only">to</span> ${time(drawdown.trough_at, 'date')}</p>
			<p class="meta num">${drawdown.recovered_at ? html`recovered ${time(drawdown.recovered_at, 'date')}` : 'not recovered'} · ${span(drawdown.duration)} under water</p></div>
		<span class="num depth">${change(-drawdown.depth, percent(-drawdown.depth))}</span>
	</li>`;
}

/** @param {View} view */
export function drawdowns(view) {
	const { extras, state } = view;
	const list = extras.drawdowns;
	let body;
	if (!state.loaded || list === null) body = waiting(view, 'drawdowns', 4);
	else if (list.length === 0) body = empty('Never under water.');
	else body = html`<ul class="list">${repeat(list, (each) => each.rank, drawdownItem)}</ul>`;
	return panel('drawdowns', 'Worst drawdowns', html`${stale(view, 'drawdowns')}${body}`);
}
