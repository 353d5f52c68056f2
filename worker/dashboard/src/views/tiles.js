import { html, nothing } from 'lit-html';
import { MISSING, isFiniteNumber, money, percent, ratio, signOf, time } from '../format.js';
import { METRICS } from '../metrics.js';
import { term } from './explanation.js';
import { change, gauge } from './parts.js';

/** @typedef {import('../app.js').View} View */

const DAY = 86_400_000;
/** What Pulse starts with, until the database's own goals are there. */
const GOALS = { annual_return: 0.28, sharpe: 1.8, win_rate: 0.65, max_drawdown: 0.15 };

/** @param {View} view @param {keyof typeof GOALS} name */
const goalOf = ({ extras }, name) => extras.target(name)?.goal ?? GOALS[name];

/**
 * @typedef {object} Tile
 * @property {string} id
 * @property {string} metric
 * @property {unknown} value
 * @property {unknown} [note]
 * @property {unknown} [gauge]
 * @property {string} [className]
 */

/** @param {View} view @returns {Tile} */
function valueTile({ state }) {
	const { portfolio, performance } = state;
	const total = performance.total_pnl;
	return {
		id: 'value',
		metric: 'total_value',
		value: money(portfolio?.total_value),
		note: signOf(total) === null
			? (portfolio?.cash_balance ? html`cash <span class="num">${money(portfolio.cash_balance)}</span>` : nothing)
			: html`${change(total, money(total, true))} total P&L`,
	};
}

/** @param {View} view @returns {Tile} */
function todayTile({ state, history, chartLoaded, now }) {
	const { daily_return: daily, total_value: value, ts } = state.performance;
	const midnight = Math.floor((now + state.clockSkew) / DAY) * DAY;
	const today = Date.parse(ts ?? '') >= midnight;
	// Without deposits the return says exactly what was won; with them it does not say on which part of the money.
	const moved = !chartLoaded || history.flows.some((flow) => flow.ts * 1000 >= midnight);
	const profit = today && !moved && isFiniteNumber(daily) && daily > -1 ? (Number(value) * daily / (1 + daily)).toFixed(2) : null;
	return {
		id: 'today',
		metric: 'daily_return',
		value: change(daily, percent(daily, { signed: true })),
		note: !today && ts ? html`of ${time(ts, 'day')}, the last day with a snapshot` : signOf(profit) === null ? 'since 00:00 UTC' : html`<span class="num">${money(profit, true)}</span> · UTC day`,
	};
}

/**
 * A figure with a goal to reach.
 * @param {object} options
 * @param {string} options.id
 * @param {string} options.metric
 * @param {unknown} options.actual
 * @param {number} options.goal
 * @param {(value: number) => string} options.format
 * @param {(value: number) => string} options.formatGoal
 * @param {unknown} options.shortfall  what is missing when there is no figure
 * @param {boolean} [options.directed]
 * @param {number | null} [options.pace]  what it takes from now on to get there
 * @returns {Tile}
 */
function goalTile({ id, metric, actual, goal, format, formatGoal, shortfall, directed = false, pace = null }) {
	const { label } = METRICS[metric];
	if (!isFiniteNumber(actual)) {
		return { id, metric, value: MISSING, note: shortfall, gauge: gauge({ fraction: 0, tone: '', label: `${label}: nothing yet` }) };
	}
	const reached = actual >= goal;
	const onPace = pace !== null && pace <= goal;
	const verdict = reached ? '✓ reached' : onPace ? '✓ on pace' : pace === null ? 'below' : html`needs <span class="num">${format(pace)}</span>`;
	return {
		id,
		metric,
		value: directed ? change(actual, format(actual)) : format(actual),
		note: html`goal <span class="num">${formatGoal(goal)}</span> <span class="verdict ${reached || onPace ? 'good' : 'short'}">${verdict}</span>`,
		gauge: gauge({
			fraction: actual / goal, tone: reached || onPace ? 'good' : 'short',
			label: `${label} ${format(actual)}, goal ${formatGoal(goal)}`,
		}),
	};
}

/** @param {View} view @returns {Tile} */
function drawdownTile(view) {
	const { current_drawdown: current, max_drawdown: largest } = view.state.performance;
	const limit = goalOf(view, 'max_drawdown');
	if (!isFiniteNumber(current)) {
		return { id: 'drawdown', metric: 'current_drawdown', value: MISSING, note: 'needs a snapshot', gauge: gauge({ fraction: 0, tone: '', label: 'Drawdown: nothing yet' }) };
	}
	const worst = isFiniteNumber(largest) ? largest : current;
	const within = worst <= limit;
	return {
		id: 'drawdown',
		metric: 'current_drawdown',
		value: current > 0 ? change(-current, percent(-current)) : percent(current),
		note: html`max <span class="num">${percent(worst)}</span> · limit <span class="num">${percent(limit, { digits: 0 })}</span>
			<span class="verdict ${within ? 'good' : 'short'}">${within ? '✓' : 'over'}</span>`,
		gauge: gauge({
			fraction: current / limit, mark: Math.min(1, worst / limit), tone: within ? 'good' : 'short',
			label: `Drawdown ${percent(current)}, largest ${percent(worst)}, limit ${percent(limit)}`,
		}),
	};
}

/** @param {View} view */
export function tiles(view) {
	const { state, days, extras } = view;
	const { performance } = state;
	const returns = Math.max(0, days - 1);
	const tooFew = (/** @type {number} */ needed, /** @type {string} */ unit) => html`needs ${needed} ${unit}; ${Math.min(returns, needed)} so far`;
	/** @type {Tile[]} */
	const list = [
		valueTile(view),
		todayTile(view),
		goalTile({
			id: 'annual', metric: 'cagr', actual: performance.cagr, goal: goalOf(view, 'annual_return'), directed: true,
			format: (value) => percent(value, { digits: 1, signed: true }), formatGoal: (value) => percent(value, { digits: 0 }),
			shortfall: 'needs two snapshots', pace: extras.target('annual_return')?.required_pace ?? null,
		}),
		goalTile({
			id: 'sharpe', metric: 'sharpe', actual: performance.sharpe, goal: goalOf(view, 'sharpe'),
			format: (value) => ratio(value), formatGoal: (value) => ratio(value, 1),
			shortfall: returns >= 2 ? 'the returns do not vary' : tooFew(2, 'daily returns'),
		}),
		goalTile({
			id: 'winrate', metric: 'win_rate', actual: performance.win_rate, goal: goalOf(view, 'win_rate'),
			format: (value) => percent(value, { digits: 1 }), formatGoal: (value) => percent(value, { digits: 0 }),
			shortfall: 'needs a closed trade',
		}),
		drawdownTile(view),
	];
	return html`<section class="tiles" aria-label="Key figures">
		${list.map((tile) => html`<article class="tile" data-tile=${tile.id}>
			<h2>${term(tile.metric)}</h2>
			${state.loaded ? html`<p class="figure num">${tile.value}</p>
				<p class="note">${tile.note ?? nothing}</p>
				${tile.gauge ?? nothing}`
			: html`<p class="figure"><span class="skeleton"></span></p><p class="note"><span class="skeleton"></span></p>`}
		</article>`)}
	</section>`;
}
