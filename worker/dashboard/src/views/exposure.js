import { html, nothing, svg } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { isFiniteNumber, money, percent, ratio } from '../format.js';
import { change, empty, panel, skeleton, stale } from './parts.js';

/** @typedef {import('../app.js').View} View */

/** @param {{ symbol: string, market_value: string, weight: number | null }} position @param {number} largest */
function positionItem({ symbol, market_value: value, weight }, largest) {
	const size = Math.abs(weight ?? 0);
	const short = (weight ?? 0) < 0;
	const width = largest > 0 ? size / largest * 50 : 0;
	return html`<li data-symbol=${symbol}>
		<div><p><span class="text symbol">${symbol}</span> <span class="muted num">${money(value)}</span></p>
			<svg class="bar ${short ? 'loss' : 'gain'}" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
				<rect class="track" width="100" height="4"></rect>${svg`<rect class="fill" x=${short ? 50 - width : 50} width=${width} height="4"></rect>`}</svg></div>
		<span class="num weight">${change(weight, percent(weight, { digits: 1, signed: true }))}</span>
	</li>`;
}

/** @param {View} view */
export function exposure(view) {
	const { state, extras } = view;
	const data = extras.exposure;
	let body;
	if (!state.loaded || data === null) body = extras.problems.has('exposure') ? nothing : skeleton(3);
	else if (data.positions.length === 0) body = empty('Flat: nothing is exposed.');
	else {
		const largest = data.positions.reduce((most, { weight }) => Math.max(most, Math.abs(weight ?? 0)), 0);
		body = html`<dl class="figures num">
				<div><dt>Long</dt><dd>${money(data.long_value)}</dd></div>
				<div><dt>Short</dt><dd>${money(data.short_value)}</dd></div>
				<div><dt>Gross</dt><dd class="gross">${isFiniteNumber(data.gross_leverage) ? `${ratio(data.gross_leverage)}×` : '–'}</dd></div>
				<div><dt>Net</dt><dd class="net">${isFiniteNumber(data.net_leverage) ? `${ratio(data.net_leverage)}×` : '–'}</dd></div>
			</dl>
			<ul class="list symbols" tabindex="0" aria-label="Positions, largest first">${repeat(data.positions, (each) => each.symbol, (each) => positionItem(each, largest))}</ul>`;
	}
	return panel('exposure', 'Exposure', html`${stale(view, 'exposure')}${body}`, { aside: html`<span class="muted">of the account's value</span>` });
}
