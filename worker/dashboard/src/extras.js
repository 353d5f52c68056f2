import { fetchJson } from './api.js';

const REFRESH = 30_000;

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
 * @property {number} trades
 * @property {import('./types.js').Decimal} net_pnl
 */

/**
 * Figures that the stream does not carry: fetched with every snapshot, then again at most twice a minute while
 * figures move.
 */
export class Extras {
	/** @type {Map<string, Target>} */ targets = new Map();
	/** @type {Timeframe[] | null} null until they are known */ timeframes = null;
	/** @type {SymbolResult[] | null} */ symbols = null;
	#request = 0;
	/** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

	/** @param {() => void} onChange @param {() => string | null} scope */
	constructor(onChange, scope) {
		this.onChange = onChange;
		this.scope = scope;
	}

	/** Fetches everything now. */
	async load() {
		clearTimeout(this.#timer);
		this.#timer = undefined;
		const request = ++this.#request;
		const portfolio = this.scope();
		const [targets, timeframes, report] = await Promise.all([
			fetchJson('targets', { portfolio }), fetchJson('performance/breakdown', { portfolio }), fetchJson('performance/report', { days: 30, portfolio }),
		].map((answer) => answer.catch(() => null)));
		if (request !== this.#request) return;
		// What could not be fetched stays as it was.
		if (targets) this.targets = new Map(targets.map((/** @type {Target} */ target) => [target.target, target]));
		if (timeframes) this.timeframes = timeframes;
		if (report) this.symbols = report.trading?.symbols ?? [];
		this.onChange();
	}

	/** Figures have moved. */
	refreshSoon() {
		if (document.hidden) return;
		this.#timer ??= setTimeout(() => void this.load(), REFRESH);
	}
}
