import { html, nothing } from 'lit-html';
import { MISSING, money, percent, ratio } from '../format.js';
import { term } from './explanation.js';
import { change, panel, skeleton } from './parts.js';

/** @typedef {import('../app.js').View} View */

const signedPercent = (/** @type {any} */ value) => change(value, percent(value, { signed: true }));
const signedMoney = (/** @type {any} */ value) => change(value, money(value, true));
const plainMoney = (/** @type {any} */ value) => money(value);
const plainPercent = (/** @type {any} */ value) => percent(value);
const plainRatio = (/** @type {any} */ value) => ratio(value);
const rate = (/** @type {any} */ value) => ratio(value, 1);
const count = (/** @type {any} */ value) => (value === null || value === undefined ? MISSING : Number(value).toLocaleString('en-US'));

/** @type {[title: string, rows: [key: string, format: (value: any) => unknown][]][]} */
const GROUPS = [
	['Return', [['cumulative_return', signedPercent], ['realized_pnl', signedMoney], ['unrealized_pnl', signedMoney]]],
	['Risk', [
		['volatility', plainPercent], ['sortino', plainRatio], ['calmar', plainRatio], ['var_95', plainPercent], ['cvar_95', plainPercent],
	]],
	['Trading', [
		['profit_factor', plainRatio], ['average_win', plainMoney], ['average_loss', plainMoney], ['total_trades', count], ['trades_per_day', rate],
	]],
];

/**
 * What users have registered with pulse_register_metric().
 * @param {View} view
 */
function custom({ state }) {
	const figures = Object.entries(state.performance.custom ?? {});
	return figures.length === 0 ? nothing : html`<h3>Registered</h3><dl>
		${figures.map(([name, value]) => html`<div data-custom=${name}><dt class="text">${term(`custom/${name}`, name.replaceAll('_', ' '))}</dt><dd class="num">${ratio(value, 4)}</dd></div>`)}
	</dl>`;
}

/** @param {View} view */
export function statistics(view) {
	const { loaded, performance } = view.state;
	const body = !loaded ? skeleton(8) : html`<div class="statistics">
		${GROUPS.map(([title, rows]) => html`<h3>${title}</h3><dl>
			${rows.map(([key, format]) => html`<div data-figure=${key}><dt>${term(key)}</dt><dd class="num">${format(performance[key])}</dd></div>`)}
		</dl>`)}${custom(view)}</div>`;
	return panel('statistics', 'Performance', body);
}
