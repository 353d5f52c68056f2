/**
 * What each figure means and where it comes from. The SQL is what a reader can paste; $1 is the portfolio that is shown.
 * @typedef {object} Metric
 * @property {string} label
 * @property {string} definition
 * @property {string} window
 * @property {string} sql
 */

export const HISTORY = 'all snapshots; daily values at 00:00 UTC, the open day included';
export const ROUND_TRIPS = 'all closed trades, from flat to flat';

/** @param {string} column */
const column = (column) => `SELECT ${column} FROM pulse_performance($1)`;

/** @type {Record<string, Metric>} */
export const METRICS = {
	total_value: {
		label: 'Portfolio value', window: 'the newest snapshot', sql: column('total_value'),
		definition: 'Cash and positions together, as the newest row of portfolio_snapshots says.',
	},
	daily_return: {
		label: 'Today', window: 'since 00:00 UTC', sql: column('daily_return'),
		definition: 'Change of value since the last snapshot of yesterday (UTC), deposits and withdrawals taken out.',
	},
	cagr: {
		label: 'Annual return', window: HISTORY, sql: column('cagr'),
		definition: 'The constant yearly growth that leads from the first value to the newest, deposits taken out. A year is 365 days; from a short history it is a wild extrapolation. Whether this calendar year is on pace for the goal, and what pace it needs from now on, says required_pace of pulse_targets().',
	},
	sharpe: {
		label: 'Sharpe ratio', window: HISTORY, sql: column('sharpe'),
		definition: 'Mean of the daily returns over their standard deviation, times √365. Above 1 is good, above 2 rare. Needs two daily returns.',
	},
	win_rate: {
		label: 'Win rate', window: ROUND_TRIPS, sql: column('win_rate'),
		definition: 'Share of the closed trades that made a profit after fees.',
	},
	current_drawdown: {
		label: 'Drawdown', window: HISTORY, sql: 'SELECT current_drawdown, max_drawdown FROM pulse_performance($1)',
		definition: 'How far the account is below its highest point so far, deposits taken out; the largest such fall stands below it, and on the bar as a line.',
	},
	cumulative_return: {
		label: 'Cumulative return', window: HISTORY, sql: column('cumulative_return'),
		definition: 'Growth from the first snapshot to the newest, time-weighted, so that deposits and withdrawals do not count.',
	},
	realized_pnl: {
		label: 'Realised P&L', window: 'all fills', sql: column('realized_pnl'),
		definition: 'Profit of what has been sold again, at average cost and before fees. Exact decimal arithmetic.',
	},
	unrealized_pnl: {
		label: 'Unrealised P&L', window: 'open positions', sql: column('unrealized_pnl'),
		definition: 'What closing the open positions would gain or lose: as the newest snapshot says, else at the prices of the last fills.',
	},
	volatility: {
		label: 'Volatility, annual', window: HISTORY, sql: column('volatility'),
		definition: 'Standard deviation of the daily returns, times √365.',
	},
	sortino: {
		label: 'Sortino', window: HISTORY, sql: column('sortino'),
		definition: 'Like the Sharpe ratio, but only falls count as risk: the mean daily return over the downside deviation, times √365.',
	},
	calmar: {
		label: 'Calmar', window: HISTORY, sql: column('calmar'),
		definition: 'Annual return over the largest drawdown.',
	},
	var_95: {
		label: 'VaR 95%, one day', window: HISTORY, sql: column('var_95'),
		definition: 'The loss of a day that 95 of 100 past days stayed within.',
	},
	cvar_95: {
		label: 'CVaR 95%, one day', window: HISTORY, sql: column('cvar_95'),
		definition: 'The mean loss of the worst 5 of 100 past days.',
	},
	profit_factor: {
		label: 'Profit factor', window: ROUND_TRIPS, sql: column('profit_factor'),
		definition: 'Sum of the profits over the sum of the losses; above 1 the winners pay for the losers.',
	},
	average_win: {
		label: 'Average win', window: ROUND_TRIPS, sql: column('average_win'),
		definition: 'Mean profit of the closed trades that won.',
	},
	average_loss: {
		label: 'Average loss', window: ROUND_TRIPS, sql: column('average_loss'),
		definition: 'Mean loss of the closed trades that lost, as a positive amount.',
	},
	total_trades: {
		label: 'Closed trades', window: 'all time', sql: column('total_trades'),
		definition: 'Round trips from flat to flat, which may be many fills each.',
	},
	trades_per_day: {
		label: 'Closed trades a day', window: 'since the first one was opened', sql: column('trades_per_day'),
		definition: 'Closed trades over the days since the first one was opened, at least one day.',
	},
};

/**
 * @param {string} sql
 * @param {string | null} portfolio
 */
export function sqlFor(sql, portfolio) {
	return `${sql.replaceAll('$1', portfolio === null ? '' : `'${portfolio.replaceAll("'", "''")}'`)};`;
}
