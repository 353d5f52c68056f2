import { html, nothing, svg } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { money, percent, ratio } from '../format.js';
import { change, empty, panel, skeleton } from './parts.js';

/** @typedef {import('../app.js').View} View */
/** @typedef {import('../extras.js').Timeframe} Timeframe */
/** @typedef {import('../extras.js').SymbolResult} SymbolResult */

const NAMES = new Map([
	['1h', '1 hour'], ['4h', '4 hours'], ['24h', '24 hours'], ['7d', '7 days'], ['30d', '30 days'], ['90d', '90 days'], ['1y', '1 year'], ['all', 'All'],
]);

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
export function timeframes({ extras, state }) {
	const list = extras.timeframes;
	const body = !state.loaded || list === null ? skeleton(5) : html`<div class="scroll" tabindex="0" role="group" aria-label="Performance by time frame">
		<table class="plain-table">
			<thead><tr><th scope="col">Last</th><th scope="col" class="right">Return</th><th scope="col" class="right">P&L</th><th scope="col" class="right">Max drawdown</th>
				<th scope="col" class="right">Sharpe</th><th scope="col" class="right">Closed trades</th><th scope="col" class="right">Win rate</th><th scope="col" class="right">Their net P&L</th></tr></thead>
			<tbody>${list.map(timeframeRow)}</tbody>
		</table></div>`;
	return panel('timeframes', 'By time frame', body);
}

/** @param {SymbolResult} result @param {number} largest */
function symbolRow(result, largest) {
	const value = Number(result.net_pnl);
	const width = largest > 0 ? Math.abs(value) / largest * 50 : 0;
	return html`<li data-symbol=${result.symbol}>
		<div><p><span class="text symbol">${result.symbol}</span> <span class="muted num">${result.trades}</span></p>
			<svg class="bar ${value < 0 ? 'loss' : 'gain'}" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
				<rect class="track" width="100" height="4"></rect>${svg`<rect class="fill" x=${value < 0 ? 50 - width : 50} width=${width} height="4"></rect>`}</svg></div>
		<span class="num">${change(result.net_pnl, money(result.net_pnl, true))}</span>
	</li>`;
}

/** @param {View} view */
export function symbols({ extras, state }) {
	const list = extras.symbols;
	let body;
	if (!state.loaded || list === null) body = skeleton(3);
	else if (list.length === 0) body = empty('No trade was closed in the last 30 days.');
	else {
		const largest = list.reduce((most, { net_pnl: profit }) => Math.max(most, Math.abs(Number(profit))), 0);
		body = html`<ul class="list symbols" tabindex="0" aria-label="Symbols, best first">${repeat(list, (each) => each.symbol, (each) => symbolRow(each, largest))}</ul>`;
	}
	return panel('symbols', 'Symbols', body, { aside: list?.length ? html`<span class="muted">net P&L, 30 days</span>` : nothing });
}
