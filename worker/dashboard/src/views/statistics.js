import { html } from 'lit-html';
import { MISSING, money, percent, ratio } from '../format.js';
import { change, panel, skeleton } from './parts.js';

/** @typedef {import('../app.js').View} View */

const signedPercent = (/** @type {any} */ value) => change(value, percent(value, { signed: true }));
const signedMoney = (/** @type {any} */ value) => change(value, money(value, true));
const count = (/** @type {any} */ value) => (value === null || value === undefined ? MISSING : Number(value).toLocaleString('en-US'));

/** @type {[string, [string, string, (value: any) => unknown][]][]} */
const GROUPS = [
	['Return', [
		['cumulative_return', 'Cumulative return', signedPercent],
		['realized_pnl', 'Realised P&L', signedMoney],
		['unrealized_pnl', 'Unrealised P&L', signedMoney],
	]],
	['Risk', [
		['volatility', 'Volatility, annual', percent],
		['sortino', 'Sortino', ratio],
		['calmar', 'Calmar', ratio],
		['var_95', 'VaR 95 %, day', percent],
		['cvar_95', 'CVaR 95 %, day', percent],
	]],
	['Trading', [
		['profit_factor', 'Profit factor', ratio],
		['average_win', 'Average win', (value) => money(value)],
		['average_loss', 'Average loss', (value) => money(value)],
		['total_trades', 'Trades', count],
		['trades_per_day', 'Trades a day', (value) => ratio(value, 1)],
	]],
];

/** @param {View} view */
export function statistics({ state }) {
	const { performance } = state;
	const body = !state.loaded ? skeleton(8) : html`<div class="statistics">
		${GROUPS.map(([title, rows]) => html`<h3>${title}</h3><dl>
			${rows.map(([key, label, format]) => html`<div data-figure=${key}><dt>${label}</dt><dd class="num">${format(performance[key])}</dd></div>`)}
		</dl>`)}</div>`;
	return panel('statistics', 'Performance', body);
}
