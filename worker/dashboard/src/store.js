/** @typedef {import('./types.js').Frame} Frame */
/** @typedef {import('./types.js').Trade} Trade */
/** @typedef {import('./types.js').Alert} Alert */

export const MOST_TRADES = 200;
export const MOST_ALERTS = 50;
/** Together with those that were fetched on demand. */
export const MOST_OLDER_TRADES = 2000;

/**
 * Everything the page shows that came over the socket.
 * @typedef {object} State
 * @property {boolean} loaded
 * @property {string | null} scope  the one portfolio that is shown; null shows all of them together
 * @property {boolean} outdated  figures of several portfolios together have to be fetched again
 * @property {string[]} portfolios
 * @property {import('./types.js').Portfolio | null} portfolio
 * @property {import('./types.js').Performance} performance
 * @property {import('./types.js').Health} health
 * @property {Trade[]} trades  newest first
 * @property {Trade[] | null} older  all trades that are shown once older ones have been fetched, newest first
 * @property {string | null} cursor  where the next older ones begin; null when there are none
 * @property {Alert[]} alerts  newest first
 * @property {Record<string, any>} sections  what users have registered, by name
 * @property {Set<string>} fresh  keys of trades that arrived live
 * @property {number} clockSkew  server time minus this clock, milliseconds
 */

/** @returns {State} */
export function emptyState() {
	return {
		loaded: false, scope: null, outdated: false, portfolios: [], portfolio: null, performance: {}, health: {},
		trades: [], older: null, cursor: null, alerts: [], sections: {}, fresh: new Set(), clockSkew: 0,
	};
}

/** @param {Trade} trade */
export function tradeKey(trade) {
	return `${trade.portfolio ?? ''}\u0000${trade.id ?? trade.fill_id ?? trade.executed_at}`;
}

/** @param {Trade} a @param {Trade} b */
function newestFirst(a, b) {
	return Date.parse(b.executed_at) - Date.parse(a.executed_at) || Number(b.id ?? 0) - Number(a.id ?? 0);
}

/**
 * The next state after a frame; the old one is left as it was.
 * @param {State} state
 * @param {Frame} frame
 * @returns {State}
 */
export function reduce(state, frame) {
	const data = frame.data ?? {};
	switch (frame.type) {
		case 'SNAPSHOT':
			return applySnapshot(state, data);
		case 'PORTFOLIO_UPDATE':
			return applyFigures(state, frame, { portfolio: data });
		case 'PERFORMANCE_UPDATE':
			return applyFigures(state, frame, { performance: { ...state.performance, ...data } });
		case 'HEALTH_UPDATE':
			return { ...state, health: data };
		case 'TRADE_ALERT':
			return state.scope !== null && frame.portfolio !== state.scope ? state : applyTrade(state, { portfolio: frame.portfolio ?? undefined, ...data });
		case 'SYSTEM_ALERT':
			return { ...state, alerts: withAlert(state.alerts, { since: frame.timestamp, ...data }) };
		default:
			return state;
	}
}

/**
 * Figures arrive one portfolio at a time. They are shown as they are when that
 * portfolio is all there is to show; a sum over several comes from the database.
 * @param {State} state
 * @param {Frame} frame
 * @param {Partial<State>} change
 * @returns {State}
 */
function applyFigures(state, frame, change) {
	const portfolios = withName(state.portfolios, frame.portfolio);
	if (state.scope === null && portfolios.length > 1) return { ...state, portfolios, outdated: true };
	if (state.scope !== null && frame.portfolio !== state.scope) return { ...state, portfolios };
	return { ...state, portfolios, ...change };
}

/** @param {State} state @param {any} data @returns {State} */
function applySnapshot(state, data) {
	const trades = /** @type {Trade[]} */ (data.activity?.trades ?? []).slice().sort(newestFirst).slice(0, MOST_TRADES);
	const known = new Set(state.trades.map(tradeKey));
	// A page that was fetched before an outage may have a hole behind it.
	const sameTrades = state.older && trades.some((trade) => known.has(tradeKey(trade)));
	const skew = Date.parse(data.generated_at) - Date.now();
	return {
		...state,
		loaded: true,
		outdated: false,
		clockSkew: Number.isNaN(skew) ? state.clockSkew : skew,
		portfolios: data.portfolios ?? [],
		portfolio: data.portfolio ?? null,
		performance: { ...data.risk, ...data.trading, ...data.performance },
		health: data.system ?? {},
		trades,
		older: sameTrades ? merge(trades, /** @type {Trade[]} */ (state.older)) : null,
		cursor: sameTrades ? state.cursor : null,
		alerts: (data.activity?.alerts ?? []).slice(0, MOST_ALERTS),
		sections: data.sections ?? {},
		// After a reconnect the rows that the outage hid deserve the same highlight as live ones.
		fresh: new Set(state.loaded ? trades.map(tradeKey).filter((key) => !known.has(key)) : []),
	};
}

/** @param {State} state @param {Trade} trade @returns {State} */
function applyTrade(state, trade) {
	const key = tradeKey(trade);
	const others = state.trades.filter((other) => tradeKey(other) !== key);
	const trades = [trade, ...others].sort(newestFirst).slice(0, MOST_TRADES);
	const shown = new Set(trades.map(tradeKey));
	const older = state.older && merge([trade], state.older);
	return { ...state, trades, older, fresh: new Set([...state.fresh, key].filter((each) => shown.has(each))) };
}

/** @param {Trade[]} first @param {Trade[]} second each trade once, newest first */
function merge(first, second) {
	const byKey = new Map([...second, ...first].map((trade) => [tradeKey(trade), trade]));
	return [...byKey.values()].sort(newestFirst).slice(0, MOST_OLDER_TRADES);
}

/**
 * The state with a further page of trades.
 * @param {State} state
 * @param {{ items: Trade[], next_cursor: string | null }} page
 * @returns {State}
 */
export function withOlderTrades(state, { items, next_cursor: cursor }) {
	const older = merge(items, state.older ?? state.trades);
	return { ...state, older, cursor: older.length < MOST_OLDER_TRADES ? cursor : null };
}

/** @param {Alert[]} alerts @param {Alert} alert */
function withAlert(alerts, alert) {
	const id = alert.alert_id ?? null;
	const others = id === null ? alerts : alerts.filter((other) => other.alert_id !== id);
	return [alert, ...others].slice(0, MOST_ALERTS);
}

/** @param {string[]} names @param {string | null | undefined} name */
function withName(names, name) {
	return !name || names.includes(name) ? names : [...names, name].sort();
}
