/** @typedef {import('./types.js').Chart} Chart */

export const RANGES = /** @type {const} */ ({
	'1D': { hours: 24, name: 'one day' },
	'1W': { hours: 168, name: 'one week' },
	'1M': { hours: 720, name: '30 days' },
	'3M': { hours: 2160, name: '90 days' },
	'1Y': { hours: 8760, name: 'one year' },
	All: { hours: 876_000, name: 'everything' },
});

const DAY = 86_400;

/** @typedef {keyof typeof RANGES} Range */

/** @typedef {{ from: number, to: number }} Stretch  epoch seconds */

const DATE = /^\d{4}-\d{2}-\d{2}$/;

/**
 * Two days of the calendar as a stretch of time in UTC, the second one included; null where they are none.
 * @param {string} from @param {string} to
 * @returns {Stretch | null}
 */
export function stretchOf(from, to) {
	if (!DATE.test(from) || !DATE.test(to)) return null;
	const stretch = { from: Date.parse(from) / 1000, to: Date.parse(to) / 1000 + DAY };
	return stretch.from < stretch.to ? stretch : null;
}

/** @param {Stretch} stretch the two days */
export function daysOf({ from, to }) {
	const day = (/** @type {number} */ seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);
	return { from: day(from), to: day(to - DAY) };
}

export const POINTS = 1200;
/** More than this no screen shows; a curve is thinned to it, each stretch to its extremes. */
const MOST_POINTS = 2 * POINTS;

/**
 * Which points of a curve to keep so that every high, low and depth stays.
 * @param {Chart} chart
 * @returns {number[]}
 */
function telling({ ts, value, drawdown }) {
	const last = ts.length - 1;
	const size = (last + 1) * 3 / MOST_POINTS;
	const kept = new Set([0]);
	for (let column = 0, from = 0; from <= last; column++) {
		const to = Math.min(last, Math.floor((column + 1) * size) - 1);
		let [low, high, deep] = [from, from, from];
		for (let each = from; each <= to; each++) {
			const now = value[each];
			if (now === null) continue;
			if (now < (value[low] ?? Infinity)) low = each;
			if (now > (value[high] ?? -Infinity)) high = each;
			if ((drawdown[each] ?? 0) > (drawdown[deep] ?? 0)) deep = each;
		}
		for (const each of [low, high, deep].sort((a, b) => a - b)) kept.add(each);
		from = to + 1;
	}
	return [...kept.add(last)];
}

/** @typedef {{ ts: number, amount: number }} Flow */
/** @typedef {{ first: number, last: number, low: number, high: number, count: number, deepest: number }} Facts */

/** The equity curve that is on the screen: fetched for a range, extended by live updates. */
export class History {
	/** @type {number[]} */ ts = [];
	/** @type {(number | null)[]} */ value = [];
	/** @type {(number | null)[]} under water, as a fraction at or below zero */ underwater = [];
	/** Live updates closer together than this share one point, so that the curve stays bounded. */
	spacing = 0;
	/** Changes whenever the arrays do. */
	revision = 0;
	/** @type {string | null} what the account is compared with */ benchmarkName = null;
	/** @type {(number | null)[]} the same money, deposits included, in the benchmark */ benchmark = [];
	/** @type {Flow[]} deposits and withdrawals inside the range, oldest first */ flows = [];
	/** @type {Facts | null} */ #facts = null;
	#factsOf = -1;

	/** @param {Chart} chart @param {number} hours the range that was asked for */
	load(chart, hours) {
		const indexes = chart.ts.length > MOST_POINTS ? telling(chart) : chart.ts.map((_ts, index) => index);
		this.ts = indexes.map((index) => chart.ts[index]);
		this.benchmarkName = null;
		this.benchmark = [];
		this.value = indexes.map((index) => chart.value[index]);
		this.underwater = indexes.map((index) => {
			const depth = chart.drawdown[index];
			return depth === null ? null : -depth;
		});
		this.flows = [];
		// What came with the first value is not inside the range: the range begins with it.
		chart.flow?.forEach((amount, index) => {
			if (index > 0 && amount) this.flows.push({ ts: chart.ts[index], amount });
		});
		const covered = this.ts.length > 1 ? this.ts[this.ts.length - 1] - this.ts[0] : 0;
		this.spacing = Math.min(hours * 3600, Math.max(covered, DAY / 24)) / POINTS;
		this.revision++;
	}

	/** @param {{ symbol: string | null, ts: number[], price: number[] }} closes  prices of the benchmark, oldest first */
	compare({ symbol, ts, price }) {
		if (symbol === null || price.length < 2) return;
		const flows = new Map(this.flows.map((flow) => [flow.ts, flow.amount]));
		let next = 0;
		let units = 0;
		/** @type {number | null} */ let worth = null;
		this.benchmark = this.ts.map((now, index) => {
			while (next < ts.length && ts[next] <= now) next++;
			const quoted = next > 0 ? price[next - 1] : null;
			if (quoted === null) return null;
			// It begins with the account's money where its prices begin.
			units = worth === null ? (this.value[index] ?? 0) / quoted : units + (flows.get(now) ?? 0) / quoted;
			worth = units * quoted;
			return worth;
		});
		this.benchmarkName = symbol;
		this.revision++;
	}

	/**
	 * Measures the drawdown from a peak before the first point.
	 * @param {number} level  the first point as a fraction of that peak, deposits taken out
	 */
	rebase(level) {
		const flows = new Map(this.flows.map(({ ts, amount }) => [ts, amount]));
		let before = this.value[0];
		let now = level;
		let peak = 1;
		this.underwater = this.value.map((value, index) => {
			if (index > 0 && value !== null && before) now *= (value - (flows.get(this.ts[index]) ?? 0)) / before;
			before = value ?? before;
			peak = Math.max(peak, now);
			return now / peak - 1;
		});
		this.revision++;
	}

	/** @param {number} ts  @returns {number} the curve then as a fraction of the peak before, deposits taken out */
	levelAt(ts) {
		const after = this.ts.findIndex((each) => each > ts);
		return 1 + (this.underwater[after > 0 ? after - 1 : after === 0 ? 0 : this.ts.length - 1] ?? 0);
	}

	/**
	 * Extends the curve by the newest value of the account.
	 * @param {number} ts  epoch seconds
	 * @param {number} value
	 * @param {number} flow  net deposit that came with this value
	 * @returns {boolean} false when the point belongs to the past and the curve has to be fetched again
	 */
	append(ts, value, flow) {
		const last = this.ts.length - 1;
		if (last < 0) {
			this.#push(ts, value, 0);
			return true;
		}
		if (ts < this.ts[last]) return false;
		const before = this.value[last];
		const level = 1 + (this.underwater[last] ?? 0);
		const growth = before ? (value - flow) / before : 1;
		// Relative to the highest point of the flow-adjusted curve, which is 1.
		const underwater = Math.min(0, level * growth - 1);
		if (flow !== 0) this.flows = [...this.flows, { ts, amount: flow }];
		const previous = last > 0 ? this.ts[last - 1] : -Infinity;
		if (ts === this.ts[last] || ts - previous < this.spacing) {
			this.ts[last] = ts;
			this.value[last] = value;
			this.underwater[last] = underwater;
			this.revision++;
		} else {
			this.#push(ts, value, underwater);
		}
		return true;
	}

	/** @param {number} hours forgets what has left the range */
	trim(hours) {
		const last = this.ts.length - 1;
		if (last < 0) return;
		const start = this.ts[last] - hours * 3600;
		let gone = 0;
		while (gone < last && this.ts[gone] < start) gone++;
		if (gone === 0) return;
		this.ts.splice(0, gone);
		this.value.splice(0, gone);
		this.underwater.splice(0, gone);
		this.benchmark.splice(0, gone);
		this.flows = this.flows.filter(({ ts }) => ts > this.ts[0]);
		this.revision++;
	}

	/** @param {number} ts @param {number} value @param {number} underwater */
	#push(ts, value, underwater) {
		this.ts.push(ts);
		this.value.push(value);
		this.underwater.push(underwater);
		if (this.benchmark.length > 0) this.benchmark.push(this.benchmark[this.benchmark.length - 1]);
		this.revision++;
	}

	/** Growth of the benchmark over the range; null where it is unknown. Deposits would blur it. */
	benchmarkGrowth() {
		const known = this.benchmark.filter((each) => each !== null);
		if (known.length < 2 || this.flows.length > 0) return null;
		return /** @type {number} */ (known[known.length - 1]) / /** @type {number} */ (known[0]) - 1;
	}

	/** @returns {Facts | null} null without a value */
	facts() {
		if (this.#factsOf === this.revision) return this.#facts;
		/** @type {Facts | null} */ let facts = null;
		for (const value of this.value) {
			if (value === null) continue;
			facts ??= { first: value, last: value, low: value, high: value, count: 0, deepest: 0 };
			facts.last = value;
			facts.low = Math.min(facts.low, value);
			facts.high = Math.max(facts.high, value);
			facts.count++;
		}
		if (facts) for (const depth of this.underwater) facts.deepest = Math.min(facts.deepest, depth ?? 0);
		this.#factsOf = this.revision;
		this.#facts = facts;
		return facts;
	}

	/** Profit over the range, deposits taken out; null without two values. */
	gain() {
		const facts = this.facts();
		if (facts === null || facts.count < 2) return null;
		return facts.last - facts.first - this.flows.reduce((sum, { amount }) => sum + amount, 0);
	}
}
