import { isFiniteNumber, time, zoneName } from './format.js';
import { POINTS, RANGES } from './history.js';
import { HISTORY, METRICS, ROUND_TRIPS, sqlFor } from './metrics.js';

/** @typedef {import('./app.js').View} View */

/**
 * What a panel shows and where it comes from.
 * @typedef {object} About
 * @property {string} label
 * @property {string} definition
 * @property {(view: View) => string} window
 * @property {(view: View) => string | null} sample  how much it rests on
 * @property {(view: View, column?: string) => string} sql
 * @property {Record<string, [label: string, definition: string]>} [columns]  by their names in SQL
 */

/** @param {number} count @param {string} noun */
const counted = (count, noun) => (count === 1 ? `1 ${noun}` : `${count.toLocaleString('en-US')} ${noun}s`);

/** @param {string} text as SQL writes it */
const literal = (text) => `'${text.replaceAll("'", "''")}'`;

/** @param {number} seconds */
const moment = (seconds) => literal(new Date(seconds * 1000).toISOString());

/**
 * A call for the portfolio that is shown.
 * @param {View} view
 * @param {string} name
 * @param {Record<string, string | number>} [parameters]
 */
function call({ state: { scope } }, name, parameters = {}) {
	const list = Object.entries(scope === null ? parameters : { ...parameters, portfolio: literal(scope) });
	return `${name}(${list.map(([key, value]) => `${key} => ${value}`).join(', ')})`;
}

/** @param {string} source @param {string} [column] */
const select = (source, column = '*') => `SELECT ${column} FROM ${source};`;

/** @template T @param {T[] | null} list @param {(each: T) => number} size */
const sum = (list, size) => (list ?? []).reduce((total, each) => total + size(each), 0);

const zone = () => literal(zoneName());

/** @type {Record<string, About>} */
export const PANELS = {
	equity: {
		label: 'Equity', window: ({ history, range, stretch, zoomed }) => (zoomed || stretch
			? `${time(history.ts[0] * 1000, 'date')} to ${time(history.ts[history.ts.length - 1] * 1000, 'date')}` : RANGES[range].name),
		definition: 'The value of the account at each snapshot; where there are many, every high and low is kept. The profit over the range leaves marked deposits and withdrawals out. The benchmark is the same money, deposits included, at its prices. Underwater: how far the account is below its highest point so far, deposits taken out.',
		sample: ({ history }) => counted(history.ts.length, 'point'),
		sql: (view) => {
			const { history: { ts }, range, stretch, zoomed } = view;
			return select(call(view, 'pulse_portfolio_chart', zoomed || stretch ? { '"from"': moment(stretch?.from ?? ts[0]), '"to"': moment(stretch?.to ?? ts[ts.length - 1]), points: POINTS }
				: { hours: RANGES[range].hours, points: POINTS }));
		},
	},
	trades: {
		label: 'Live trades', window: () => 'the newest fills', sample: ({ state }) => counted((state.older ?? state.trades).length, 'fill'),
		definition: 'One row for each fill, as the bot wrote it.',
		sql: (view) => select(call(view, 'pulse_trades', { max_rows: Math.max(50, (view.state.older ?? view.state.trades).length) })),
		columns: {
			quantity: ['Quantity', 'as filled, in the base asset'], price: ['Price', 'of this fill'], value: ['Value', 'quantity times price'],
			fee: ['Fee', 'paid, or a rebate below zero; in the quote currency where no asset stands beside it'],
			realized_pnl: ['Realised P&L', 'what this fill gained or lost against the average cost of what it closes, before fees'],
		},
	},
	positions: {
		label: 'Open positions', window: () => 'now', sample: ({ state }) => counted((state.portfolio?.positions ?? []).filter(({ opened_at: opened }) => opened !== null).length, 'position'),
		definition: 'What the fills add up to, at average cost, in exact decimal arithmetic. What is left of a position below the tolerance for dust counts as flat.',
		sql: (view, column) => select(`${call(view, 'pulse_positions')} WHERE quantity <> 0 AND opened_at IS NOT NULL`, column && `symbol, ${column}`),
		columns: {
			quantity: ['Quantity', 'Bought minus sold, fees paid in the asset taken off; below zero for a short position.'],
			average_price: ['Average price', 'What the open quantity cost on average, before fees.'],
			mark_price: ['Mark', 'The price that it is valued at: the newest one known, from pulse_mark(), else of the last fill.'],
			market_value: ['Market value', 'Quantity times mark.'],
			unrealized_pnl: ['Unrealised P&L', 'What closing at the mark would gain or lose: quantity times the difference of mark and average price, before fees.'],
		},
	},
	rolling: {
		label: 'Rolling', window: ({ rolling: { window } }) => `${window} days each, sliding by a day, over one year`,
		definition: 'The figure of the days up to each day, deposits taken out. Sharpe and volatility are annualised with 365 days.',
		sample: ({ extras }) => counted((extras.rolling?.value ?? []).filter(isFiniteNumber).length, 'window'),
		sql: (view) => select(`${call(view, 'pulse_rolling', { metric: literal(view.rolling.metric), '"window"': literal(`${view.rolling.window} days`) })} WHERE ts > now() - interval '365 days'`),
	},
	timeframes: {
		label: 'By time frame', window: () => 'each row its own, up to now', sample: ({ extras }) => counted(sum(extras.timeframes, ({ timeframe, trades }) => (timeframe === 'all' ? trades : 0)), 'closed trade'),
		definition: 'The same figures over the last hour, day, week … and over everything.',
		sql: (view, column) => select(call(view, 'pulse_performance_breakdown'), column && `timeframe, ${column}`),
		columns: {
			total_return: ['Return', 'Growth over the time, time-weighted: deposits and withdrawals do not count.'],
			pnl: ['P&L', 'Change of value over the time, deposits and withdrawals taken out.'],
			max_drawdown: ['Max drawdown', 'The largest fall from a peak within the time, as a fraction of the peak.'],
			sharpe: ['Sharpe', 'Of the returns within the time, annualised with 365 days.'],
			trades: ['Closed trades', 'Round trips that ended within the time.'],
			win_rate: ['Win rate', 'Share of them that made a profit after fees.'],
			net_pnl: ['Their net P&L', 'What they made together, after fees.'],
		},
	},
	months: {
		label: 'Monthly returns', window: () => `calendar months, ${zoneName()}`, sample: ({ extras }) => counted(extras.months?.length ?? 0, 'month'),
		definition: 'Growth within each month, time-weighted; months of a year are compounded. The colour is the return beside the other months.',
		sql: (view) => select(call(view, 'pulse_monthly_returns', { timezone: zone() })),
	},
	hours: {
		label: 'Activity', window: () => `90 days, ${zoneName()}`, sample: ({ extras }) => counted(sum(extras.hours, ({ trades }) => trades), 'fill'),
		definition: 'Fills by weekday and hour: how many, their traded value, or what they realised after fees.',
		sql: (view) => select(call(view, 'pulse_trading_heatmap', { days: 90, timezone: zone() })),
	},
	volume: {
		label: 'Volume', window: () => `90 days, ${zoneName()}`, sample: ({ extras }) => counted(sum(extras.volume, ({ fills }) => fills), 'fill'),
		definition: 'Value of all fills of a day, bought and sold: quantity times price.',
		sql: (view) => select(call(view, 'pulse_volume', { days: 90, timezone: zone() })),
	},
	alerts: {
		label: 'Alerts', window: () => 'now; below, the newest messages', sample: ({ alerts }) => counted(alerts.list?.length ?? 0, 'active alert'),
		definition: 'Rules that are firing or about to, each with its severity and for how long. Acknowledging stops the escalation; silencing stops the messages, for a time.',
		sql: (view) => `${select(call(view, 'pulse_alerts'))}\n${select('pulse_alert_rules()')}`,
	},
	health: {
		label: 'Health', window: () => 'now; the strips: 24 hours by half hours', sample: ({ state }) => counted(state.health.components?.length ?? 0, 'component'),
		definition: 'What each component reported last. A strip shows the worst status of each half hour, the line above it the mean latency.',
		sql: () => `${select('pulse_health()')}\n${select('pulse_health_history()')}`,
	},
	statistics: {
		label: 'Performance', window: () => 'all snapshots and fills', sample: ({ days }) => counted(days, 'day'),
		definition: 'The figures of the whole account; each name tells more.',
		sql: (view) => select(call(view, 'pulse_performance')),
	},
	exposure: {
		label: 'Exposure', window: () => 'now', sample: ({ extras }) => counted(extras.exposure?.positions.length ?? 0, 'symbol'),
		definition: 'What the open positions stand for at their marks. Gross: long and short together over the value of the account; net: long minus short. Percentages are of that value.',
		sql: (view) => `${select(call(view, 'pulse_exposure'))}\n${select(call(view, 'pulse_leverage'))}`,
	},
	symbols: {
		label: 'Symbols', window: () => '30 days', sample: ({ extras }) => counted(sum(extras.symbols, ({ trades }) => trades), 'closed trade'),
		definition: 'What the trades closed in that time made after fees, by symbol, and how many of them won.',
		sql: (view) => select(call(view, 'pulse_symbol_performance', { days: 30 })),
	},
	distribution: {
		label: 'P&L distribution', window: () => '90 days', sample: ({ extras }) => counted(sum(extras.distribution, ({ trades }) => trades), 'closed trade'),
		definition: 'How many closed trades made how much after fees.',
		sql: (view) => select(call(view, 'pulse_pnl_distribution', { bins: 24, days: 90 })),
	},
	drawdowns: {
		label: 'Worst drawdowns', window: () => 'all snapshots', sample: ({ days }) => counted(days, 'day'),
		definition: 'The five deepest falls from a peak, deposits taken out: when they began, their lowest point, when the peak was reached again.',
		sql: (view) => select(call(view, 'pulse_drawdowns', { top: 5 })),
	},
};

/**
 * @param {View} view
 * @param {import('./metrics.js').Metric} metric
 */
function sampleOf({ days, state }, { window }) {
	const trades = state.performance.total_trades;
	if (window === HISTORY && days > 0) return counted(days, 'day');
	return window === ROUND_TRIPS && trades > 0 ? counted(trades, 'trade') : null;
}

/** @typedef {{ label: string, definition: string, window: string, sample: string | null, sql: string, columns: [label: string, definition: string][] }} Explained */

/**
 * What is said about a figure, a panel ("panel/equity"), a column ("column/positions/price"), or what users have registered.
 * @param {View} view
 * @param {string} key
 * @returns {Explained | null}
 */
export function explained(view, key) {
	if (Object.hasOwn(METRICS, key)) {
		const metric = METRICS[key];
		return { ...metric, sql: sqlFor(metric.sql, view.state.scope), sample: sampleOf(view, metric), columns: [] };
	}
	const [kind, name, column] = key.split('/');
	// The names of users may hold a slash.
	const own = key.slice(kind.length + 1);
	if (kind === 'custom') {
		return {
			label: own.replaceAll('_', ' '), definition: 'A metric of your own, from pulse_register_metric().', window: 'as its SQL says', sample: null,
			sql: select(`${call(view, 'pulse_custom_metrics')} WHERE name = ${literal(own)}`), columns: [],
		};
	}
	if (kind === 'section') {
		return {
			label: own.replaceAll('_', ' '), definition: 'A section of your own, from pulse_register_section().', window: 'as its SQL says', sample: null,
			sql: `SELECT ${call(view, 'pulse_snapshot')} -> 'sections' -> ${literal(own)};`, columns: [],
		};
	}
	if (!Object.hasOwn(PANELS, name)) return null;
	const about = PANELS[name];
	const [label, definition] = (column && about.columns?.[column]) || [about.label, about.definition];
	return {
		label, definition, window: about.window(view), sample: about.sample(view), sql: about.sql(view, column),
		columns: column ? [] : Object.values(about.columns ?? {}),
	};
}
