import { html, nothing } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { amount, money, price, quantity, signOf, time } from '../format.js';
import { tradeKey } from '../store.js';
import { COLUMNS, arrange, download, toCsv } from '../trade_table.js';
import { change, empty, panel, skeleton } from './parts.js';

/** @typedef {import('../app.js').View} View */
/** @typedef {import('../types.js').Trade} Trade */
/** @typedef {import('../trade_table.js').Column} Column */

const FIRST_TRADE = "-- the tables come from: SELECT pulse_setup();\nINSERT INTO trades (symbol, side, quantity, price, fee)\nVALUES ('BTCUSDT', 'BUY', 0.1, 45000, 4.5);";

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

/** @param {View} view @param {Column} column */
function heading({ arrangement, actions }, column) {
	const { label, numeric } = COLUMNS[column];
	const sorted = arrangement.column === column;
	const order = !sorted ? 'none' : arrangement.descending ? 'descending' : 'ascending';
	return html`<th scope="col" class=${numeric ? 'right' : ''} aria-sort=${order}>
		<button type="button" class="sort" @click=${() => actions.arrangeTrades({ column, descending: sorted ? !arrangement.descending : Boolean(numeric) || column === 'executed_at' })}>
			${label}<span aria-hidden="true">${sorted ? (arrangement.descending ? '\u2193' : '\u2191') : ''}</span></button></th>`;
}

/** @param {View} view @param {Trade[]} shown */
function tools({ state, arrangement, actions }, shown) {
	const all = state.older ?? state.trades;
	return html`<div class="tools">
		<span class="muted num" role="status">${shown.length < all.length ? `${shown.length} of ${all.length}` : `newest ${shown.length}`}</span>
		<input type="search" aria-label="Filter the trades" placeholder="Filter" .value=${arrangement.filter}
			@input=${(/** @type {Event} */ event) => actions.arrangeTrades({ filter: /** @type {HTMLInputElement} */ (event.target).value })}>
		<button type="button" class="plain" @click=${() => download(`trades-${new Date().toISOString().slice(0, 10)}.csv`, toCsv(shown))}>Export CSV</button>
	</div>`;
}

/** @param {View} view */
export function trades(view) {
	const { state, arrangement } = view;
	const several = state.scope === null && state.portfolios.length > 1;
	const all = state.older ?? state.trades;
	const shown = arrange(all, arrangement);
	let body;
	if (!state.loaded) body = skeleton(6);
	else if (state.trades.length === 0) {
		body = empty('No trade yet. Insert your first one like this; it appears here within milliseconds:', html`<pre tabindex="0"><code>${FIRST_TRADE}</code></pre>`);
	} else {
		const columns = /** @type {Column[]} */ (Object.keys(COLUMNS)).filter((column) => several || column !== 'portfolio');
		body = html`<div class="scroll" tabindex="0" role="group" aria-label="Trades">
			<table class="cards">
				<thead><tr>${columns.map((column) => heading(view, column))}</tr></thead>
				<tbody>${repeat(shown, tradeKey, (trade) => row(trade, view))}</tbody>
			</table>
			${state.older === null || state.cursor !== null ? html`<button type="button" class="plain older" @click=${view.actions.olderTrades}>Load older trades</button>` : nothing}</div>
			${shown.length === 0 ? empty('No trade matches the filter.') : nothing}`;
	}
	return panel('trades', 'Live trades', body, { className: 'trades', aside: state.trades.length > 0 ? tools(view, shown) : nothing });
}
