import { html, nothing } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { money, price, quantity, signOf } from '../format.js';
import { columnHeads } from './explanation.js';
import { change, empty, panel, skeleton } from './parts.js';

/** @typedef {import('../app.js').View} View */
/** @typedef {import('../types.js').Position} Position */

/** @param {Position} position @param {boolean} several */
function row(position, several) {
	const long = (signOf(position.quantity) ?? 0) >= 0;
	return html`<tr>
		${several ? html`<td class="text portfolio">${position.portfolio}</td>` : nothing}
		<td class="symbol text">${position.symbol}</td>
		<td class="direction"><span class="side ${long ? 'buy' : 'sell'}">${long ? 'LONG' : 'SHORT'}</span></td>
		<td class="num right quantity">${quantity(position.quantity)}</td>
		<td class="num right price">${price(rounded(position.average_price))}</td>
		<td class="num right mark">${price(position.mark_price)}</td>
		<td class="num right value">${money(position.market_value)}</td>
		<td class="num right profit">${change(position.unrealized_pnl, money(position.unrealized_pnl, true))}</td>
	</tr>`;
}

/** @param {import('../types.js').Decimal} average a quotient with many digits: as many as a price is worth reading with */
function rounded(average) {
	const text = String(average ?? '');
	const point = text.indexOf('.');
	if (point < 0) return average;
	const significant = text.slice(0, point).replace(/^[-0]*/, '').length;
	return text.slice(0, point + 1 + Math.max(2, 8 - significant));
}

/** @param {View} view */
export function positions({ state }) {
	// What is below the tolerance for dust counts as flat: it has a quantity, but was not opened.
	const list = (state.portfolio?.positions ?? []).filter((position) => signOf(position.quantity) !== 0 && position.opened_at !== null);
	const several = state.scope === null && state.portfolios.length > 1;
	let body;
	if (!state.loaded) body = skeleton(3);
	else if (list.length === 0) body = empty('Flat: no open position.');
	else {
		body = html`<div class="scroll" tabindex="0" role="group" aria-label="Open positions">
			<table class="cards">
				<thead><tr>${several ? html`<th scope="col">Portfolio</th>` : nothing}<th scope="col">Symbol</th><th scope="col">Side</th>${columnHeads('positions')}</tr></thead>
				<tbody>${repeat(list, (each) => `${each.portfolio}\u0000${each.symbol}`, (each) => row(each, several))}</tbody>
			</table></div>`;
	}
	return panel('positions', 'Open positions', body, {
		aside: list.length > 0 ? html`<span class="muted num">${list.length}</span>` : nothing,
	});
}
