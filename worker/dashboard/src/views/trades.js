import { html, nothing } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { amount, money, price, quantity, signOf, time } from '../format.js';
import { tradeKey } from '../store.js';
import { change, empty, panel, skeleton } from './parts.js';

/** @typedef {import('../app.js').View} View */
/** @typedef {import('../types.js').Trade} Trade */

const FIRST_TRADE = "INSERT INTO trades (symbol, side, quantity, price, fee)\nVALUES ('BTCUSDT', 'BUY', 0.1, 45000, 4.5);";

/** @param {Trade} trade */
function side(trade) {
	const name = String(trade.side ?? '').toUpperCase();
	return html`<span class="side ${name === 'SELL' ? 'sell' : 'buy'}">${name}</span>`;
}

/** @param {number} now @param {string} when the day only where it is not today */
function moment(now, when) {
	const sameDay = time(when, 'day') === time(now, 'day') && Math.abs(now - Date.parse(when)) < 2 * 86_400_000;
	return html`<time datetime=${when} title=${time(when)}>${sameDay ? nothing : html`<span class="muted">${time(when, 'day')}</span> `}${time(when, 'clock')}</time>`;
}

/** @param {Trade} trade @param {View} view */
function row(trade, { state, now }) {
	const key = tradeKey(trade);
	const several = state.scope === null && state.portfolios.length > 1;
	return html`<tr class=${state.fresh.has(key) ? 'fresh' : ''} data-trade=${trade.id ?? ''}>
		<td class="num when">${moment(now, trade.executed_at)}</td>
		${several ? html`<td class="text portfolio">${trade.portfolio}</td>` : nothing}
		<td class="symbol text">${trade.symbol}</td>
		<td class="direction">${side(trade)}</td>
		<td class="num right quantity">${quantity(trade.quantity)}</td>
		<td class="num right price">${price(trade.price)}</td>
		<td class="num right value">${money(trade.value)}</td>
		<td class="num right fee muted" title=${trade.fee ?? ''}>${amount(trade.fee)}${trade.fee_asset ? html` <small class="text">${trade.fee_asset}</small>` : nothing}</td>
		<td class="num right profit">${signOf(trade.realized_pnl) ? change(trade.realized_pnl, money(trade.realized_pnl, true)) : html`<span class="muted">–</span>`}</td>
		<td class="text strategy muted">${trade.strategy ?? ''}</td>
	</tr>`;
}

/** @param {View} view */
export function trades(view) {
	const { state } = view;
	const several = state.scope === null && state.portfolios.length > 1;
	let body;
	if (!state.loaded) body = skeleton(6);
	else if (state.trades.length === 0) {
		body = empty('No trade yet. Insert your first one like this; it appears here within milliseconds:', html`<pre><code>${FIRST_TRADE}</code></pre>`);
	} else {
		body = html`<div class="scroll" tabindex="0" role="group" aria-label="Trades, newest first">
			<table class="cards">
				<thead><tr><th scope="col">Time</th>${several ? html`<th scope="col">Portfolio</th>` : nothing}<th scope="col">Symbol</th><th scope="col">Side</th>
					<th scope="col" class="right">Quantity</th><th scope="col" class="right">Price</th><th scope="col" class="right">Value</th>
					<th scope="col" class="right">Fee</th><th scope="col" class="right">Realised P&L</th><th scope="col">Strategy</th></tr></thead>
				<tbody>${repeat(state.trades, tradeKey, (trade) => row(trade, view))}</tbody>
			</table></div>`;
	}
	return panel('trades', 'Live trades', body, {
		className: 'trades',
		aside: state.trades.length > 0 ? html`<span class="muted num">newest ${state.trades.length}</span>` : nothing,
	});
}
