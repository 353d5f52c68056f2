import { fetchJson } from './api.js';

const REFRESH = 30_000;
const REFRESH_HISTORY = 5 * 60_000;

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
 */

/**
 * Figures that the stream does not carry: fetched with every snapshot, and again while figures move, those over the
 * whole history less often.
 */
export class Extras {
	/** @type {Map<string, Target>} */ targets = new Map();
	/** @type {Timeframe[] | null} null until they are known, and so are the next ones */ timeframes = null;
	/** @type {SymbolResult[] | null} */ symbols = null;
	/** @type {Month[] | null} */ months = null;
	/** @type {Drawdown[] | null} */ drawdowns = null;
	/** @type {Hour[] | null} */ hours = null;
	#request = 0;
	#historyAt = -Infinity;
	/** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

	/** @param {() => void} onChange @param {() => { portfolio: string | null, timezone: string }} scope */
	constructor(onChange, scope) {
		this.onChange = onChange;
		this.scope = scope;
	}

	/**
	 * Fetches now; what cannot be had stays as it was.
	 * @param {boolean} [everything]
	 */
	async load(everything = true) {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		const request = ++this.#request;
		const { portfolio, timezone } = this.scope();
		/** @param {string} path @param {Record<string, string | number>} parameters @param {(answer: any) => void} take */
		const ask = async (path, parameters, take) => {
			const answer = await fetchJson(path, { ...parameters, portfolio }).catch(() => null);
			if (answer === null || request !== this.#request) return;
			take(answer);
			this.onChange();
		};
		const asked = [
			ask('targets', {}, (answer) => { this.targets = new Map(answer.map((/** @type {Target} */ target) => [target.target, target])); }),
			ask('performance/breakdown', {}, (answer) => { this.timeframes = answer; }),
		];
		if (everything || performance.now() - this.#historyAt >= REFRESH_HISTORY) {
			this.#historyAt = performance.now();
			asked.push(
				ask('symbols', { days: 30 }, (answer) => { this.symbols = answer; }),
				ask('monthly', { timezone }, (answer) => { this.months = answer; }),
				ask('drawdowns', { top: 5 }, (answer) => { this.drawdowns = answer; }),
				ask('heatmap', { days: 90, timezone }, (answer) => { this.hours = answer; }),
			);
		}
		await Promise.all(asked);
	}

	/** Figures have moved. */
	refreshSoon() {
		if (document.hidden) return;
		this.#timer ??= setTimeout(() => void this.load(false), REFRESH);
	}
}
