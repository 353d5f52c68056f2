import { fetchJson } from './api.js';

const REFRESH = 30_000;
const REFRESH_HISTORY = 5 * 60_000;
const MAP_DAYS = 90;
const SYMBOL_DAYS = 30;

/**
 * @typedef {object} Target
 * @property {string} target
 * @property {number} goal
 * @property {number | null} actual
 * @property {number | null} progress
 * @property {boolean | null} on_track
 * @property {number | null} required_pace
 *
 * @typedef {object} Timeframe
 * @property {string} timeframe
 * @property {number | null} total_return
 * @property {number | null} pnl
 * @property {number | null} sharpe
 * @property {number | null} max_drawdown
 * @property {number} trades
 * @property {number | null} win_rate
 * @property {import('./types.js').Decimal} net_pnl
 *
 * @typedef {object} SymbolResult
 * @property {string} symbol
 * @property {number} fills
 * @property {number} trades
 * @property {number | null} win_rate
 * @property {import('./types.js').Decimal} net_pnl
 *
 * @typedef {object} Month
 * @property {number} year
 * @property {number} month
 * @property {number | null} monthly_return
 *
 * @typedef {object} Drawdown
 * @property {number} rank
 * @property {number} depth
 * @property {string} peak_at
 * @property {string} trough_at
 * @property {string | null} recovered_at
 * @property {number} duration  seconds
 *
 * @typedef {object} Hour
 * @property {number} weekday  1 is Monday
 * @property {number} hour
 * @property {number} trades
 * @property {string} volume
 * @property {string} pnl
 *
 * @typedef {object} Exposure
 * @property {import('./types.js').Decimal} equity
 * @property {import('./types.js').Decimal} long_value
 * @property {import('./types.js').Decimal} short_value
 * @property {number | null} gross_leverage
 * @property {number | null} net_leverage
 * @property {{ symbol: string, market_value: string, weight: number | null }[]} positions
 *
 * @typedef {object} Bin
 * @property {number} lower
 * @property {number} upper
 * @property {number} trades
 * @property {string} net_pnl
 *
 * @typedef {object} VolumeDay
 * @property {string} ts  when the day began; days without a fill are left out
 * @property {number} fills
 * @property {string} volume
 * @property {string} buy_volume
 * @property {string} sell_volume
 *
 * @typedef {object} ComponentHistory
 * @property {string} component
 * @property {(string | null)[]} status  the worst one of each stretch of time, oldest first
 * @property {(number | null)[]} latency_ms
 *
 * @typedef {object} Rolling
 * @property {string} metric
 * @property {number} window_days
 * @property {number[]} ts
 * @property {(number | null)[]} value
 */

/**
 * What the reader has chosen to see of it.
 * @typedef {{ portfolio: string | null, timezone: string, rolling: { metric: string, window: number } }} Choice
 */

/**
 * Where each of them comes from; those that cover the whole history are fetched less often.
 * @satisfies {Record<string, { path: string, parameters: (choice: Choice) => Record<string, string | number | null>, often?: boolean }>}
 */
const SOURCES = {
	targets: { path: 'targets', parameters: ({ portfolio }) => ({ portfolio }), often: true },
	timeframes: { path: 'performance/breakdown', parameters: ({ portfolio }) => ({ portfolio }), often: true },
	exposure: { path: 'exposure', parameters: ({ portfolio }) => ({ portfolio }), often: true },
	components: { path: 'health-history', parameters: () => ({ hours: 24, buckets: 48 }), often: true },
	symbols: { path: 'symbols', parameters: ({ portfolio }) => ({ days: SYMBOL_DAYS, portfolio }) },
	months: { path: 'monthly', parameters: ({ portfolio, timezone }) => ({ timezone, portfolio }) },
	drawdowns: { path: 'drawdowns', parameters: ({ portfolio }) => ({ top: 5, portfolio }) },
	hours: { path: 'heatmap', parameters: ({ portfolio, timezone }) => ({ days: MAP_DAYS, timezone, portfolio }) },
	distribution: { path: 'distribution', parameters: ({ portfolio }) => ({ days: MAP_DAYS, bins: 24, portfolio }) },
	volume: { path: 'volume', parameters: ({ portfolio, timezone }) => ({ days: MAP_DAYS, timezone, portfolio }) },
	rolling: { path: 'rolling', parameters: ({ portfolio, rolling: { metric, window } }) => ({ metric, window, days: 365, portfolio }) },
};

/** @typedef {keyof typeof SOURCES} Source */

/**
 * Figures that the stream does not carry: fetched with every snapshot, and again while figures move, those over the
 * whole history less often. Each is null until it is known.
 */
export class Extras {
	/** @type {Target[] | null} */ targets = null;
	/** @type {Timeframe[] | null} */ timeframes = null;
	/** @type {Exposure | null} */ exposure = null;
	/** @type {ComponentHistory[] | null} */ components = null;
	/** @type {SymbolResult[] | null} */ symbols = null;
	/** @type {Month[] | null} */ months = null;
	/** @type {Drawdown[] | null} */ drawdowns = null;
	/** @type {Hour[] | null} */ hours = null;
	/** @type {Bin[] | null} */ distribution = null;
	/** @type {VolumeDay[] | null} */ volume = null;
	/** @type {Rolling | null} */ rolling = null;
	/** @type {Map<Source, string>} why the newest answer could not be had */ problems = new Map();
	/** @type {Map<Source, number>} */ #requests = new Map();
	#historyAt = -Infinity;
	/** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

	/** @param {() => void} onChange @param {() => Choice} choice */
	constructor(onChange, choice) {
		this.onChange = onChange;
		this.choice = choice;
	}

	/**
	 * Fetches now; what cannot be had stays as it was, with the reason beside it.
	 * @param {boolean} [everything]
	 */
	async load(everything = true) {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		const all = everything || performance.now() - this.#historyAt >= REFRESH_HISTORY;
		if (all) this.#historyAt = performance.now();
		const names = /** @type {Source[]} */ (Object.keys(SOURCES));
		await Promise.all(names.filter((name) => all || 'often' in SOURCES[name]).map((name) => this.fetch(name)));
	}

	/** @param {Source} name */
	async fetch(name) {
		const request = (this.#requests.get(name) ?? 0) + 1;
		this.#requests.set(name, request);
		const { path, parameters } = SOURCES[name];
		try {
			const answer = await fetchJson(path, parameters(this.choice()));
			if (this.#requests.get(name) !== request) return;
			/** @type {any} */ (this)[name] = answer;
			this.problems.delete(name);
		} catch (error) {
			if (this.#requests.get(name) !== request) return;
			this.problems.set(name, /** @type {Error} */ (error).message);
		}
		this.onChange();
	}

	/** Figures have moved. */
	refreshSoon() {
		if (document.hidden) return;
		this.#timer ??= setTimeout(() => void this.load(false), REFRESH);
	}

	/** @param {string} name */
	target(name) {
		return this.targets?.find(({ target }) => target === name);
	}
}
