// Prices: simulated with a seed, or read from CSV files.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

const MINUTES_A_YEAR = 365 * 24 * 60;

/** Prices are whole 1e-8, and multiples of a tick that leaves six digits or more, as on an exchange. */
export const PRICE_UNIT = 1e8;

/** @param {number} price in 1e-8 */
export function toTick(price) {
	const tick = Math.min(1e6, Math.max(1, 10 ** (Math.floor(Math.log10(price)) - 5)));
	return Math.max(tick, Math.round(price / tick) * tick);
}

/** Small, well-mixed generator of uniform numbers (sfc32); the same seed gives the same market everywhere. */
export function random(seed) {
	let a = 0x9e3779b9 ^ seed;
	let b = 0x243f6a88;
	let c = 0xb7e15162;
	let d = seed >>> 0 || 1;
	const next = () => {
		const t = (((a + b) | 0) + d) | 0;
		d = (d + 1) | 0;
		a = b ^ (b >>> 9);
		b = (c + (c << 3)) | 0;
		c = (c << 21) | (c >>> 11);
		c = (c + t) | 0;
		return (t >>> 0) / 4294967296;
	};
	for (let i = 0; i < 20; i++) next();
	return next;
}

/** Standard normal by Box and Muller. */
function normal(uniform) {
	return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** Student's t with five degrees of freedom, scaled to variance 1: market returns have fat tails. */
function fatTailed(uniform) {
	let chi = 0;
	for (let i = 0; i < 5; i++) chi += normal(uniform) ** 2;
	return (normal(uniform) / Math.sqrt(chi / 5)) * Math.sqrt(3 / 5);
}

// Yearly drift and volatility of the market's common factor, mean length in hours, and what may follow.
const REGIMES = {
	bull: { drift: 1.4, volatility: 0.45, hours: 500, next: ['calm', 'calm', 'bear'] },
	calm: { drift: 0.15, volatility: 0.25, hours: 350, next: ['bull', 'bull', 'bear', 'crash'] },
	bear: { drift: -0.9, volatility: 0.55, hours: 300, next: ['calm', 'bull', 'crash'] },
	crash: { drift: -9, volatility: 1.3, hours: 40, next: ['recovery'] },
	recovery: { drift: 2.2, volatility: 0.8, hours: 160, next: ['bull', 'calm'] },
};

/** Correlated prices with regimes and clustered volatility (GARCH(1,1) in the common and in each own factor). */
export class SimulatedMarket {
	constructor(seed) {
		this.uniform = random(seed);
		this.regime = 'calm';
		this.left = REGIMES.calm.hours * 60;
		this.common = 1; // variance relative to the regime's
		this.assets = [
			{ symbol: 'BTCUSDT', price: 61250, beta: 1, own: 0.2, variance: 1 },
			{ symbol: 'ETHUSDT', price: 3380, beta: 1.2, own: 0.35, variance: 1 },
			{ symbol: 'SOLUSDT', price: 147, beta: 1.4, own: 0.6, variance: 1 },
		];
	}

	get symbols() {
		return this.assets.map((asset) => asset.symbol);
	}

	/** Moves every price by the given number of minutes. */
	step(minutes) {
		this.left -= minutes;
		if (this.left <= 0) {
			const { next } = REGIMES[this.regime];
			this.regime = next[Math.floor(this.uniform() * next.length)];
			this.left = -Math.log(1 - this.uniform()) * REGIMES[this.regime].hours * 60;
		}
		const { drift, volatility } = REGIMES[this.regime];
		const years = minutes / MINUTES_A_YEAR;
		const shock = fatTailed(this.uniform) * Math.sqrt(this.common);
		this.common = 0.06 + 0.84 * this.common + 0.1 * Math.min(shock * shock, 25);
		for (const asset of this.assets) {
			const own = fatTailed(this.uniform) * Math.sqrt(asset.variance);
			asset.variance = 0.06 + 0.84 * asset.variance + 0.1 * Math.min(own * own, 25);
			const spread = (asset.beta * volatility * shock + asset.own * own) * Math.sqrt(years);
			const variance = ((asset.beta * volatility) ** 2 + asset.own ** 2) * years;
			asset.price *= Math.exp(asset.beta * drift * years - variance / 2 + spread);
		}
	}

	prices() {
		return new Map(this.assets.map(({ symbol, price }) => [symbol, toTick(price * PRICE_UNIT)]));
	}
}

/** Reads one CSV of bars with at least the columns ts and close: [milliseconds, close in 1e-8], in time order. */
export function readBars(file) {
	const lines = readFileSync(file, 'utf8').split(/\r?\n/);
	const columns = lines[0].split(',').map((name) => name.trim().toLowerCase());
	const time = columns.findIndex((name) => ['ts', 'ts_ms', 'timestamp', 'time', 'date', 'datetime'].includes(name));
	const close = columns.indexOf('close');
	if (time < 0 || close < 0) throw new Error(`${file}:1: needs the columns ts and close, has ${columns.join(', ')}`);
	const bars = [];
	for (let number = 1; number < lines.length; number++) {
		if (lines[number].trim() === '') continue;
		const cells = lines[number].split(',');
		const text = (cells[time] ?? '').trim();
		let ms = NaN;
		if (/^\d+$/.test(text)) ms = Number(text) * (Number(text) < 1e11 ? 1000 : 1);
		else if (/^\d{4}-\d\d-\d\d$/.test(text)) ms = Date.parse(`${text}T00:00:00Z`);
		else ms = Date.parse(text.replace(' ', 'T').replace(/([^Zz]|^)$/, (end) => (/[+-]\d\d:?\d\d$/.test(text) ? end : `${end}Z`)));
		const price = Number(cells[close]);
		if (!Number.isFinite(ms)) throw new Error(`${file}:${number + 1}: not a time: ${text}`);
		if (!(price > 0 && price < 1e7)) throw new Error(`${file}:${number + 1}: not a price: ${cells[close]}`);
		if (bars.length > 0 && ms <= bars.at(-1)[0]) throw new Error(`${file}:${number + 1}: ${text} is not after the line before`);
		bars.push([ms, toTick(price * PRICE_UNIT)]);
	}
	if (bars.length < 100) throw new Error(`${file}: ${bars.length} bars are too few for a strategy (100)`);
	return bars;
}

/** Real prices: the files' common timestamps, one bar a step. The symbol is the file name's first word. */
export class RecordedMarket {
	constructor(files) {
		const series = files.map((file) => [basename(file).split(/[_.\-]/)[0].toUpperCase(), new Map(readBars(file))]);
		this.symbols = series.map(([symbol]) => symbol);
		if (new Set(this.symbols).size < this.symbols.length) throw new Error(`two files for one symbol: ${this.symbols.join(', ')}`);
		this.times = [...series[0][1].keys()].filter((time) => series.every(([, bars]) => bars.has(time)));
		if (this.times.length < 100) throw new Error(`the files have only ${this.times.length} times in common`);
		this.series = series;
		this.position = -1;
	}

	get ended() {
		return this.position + 1 >= this.times.length;
	}

	get time() {
		return this.times[this.position];
	}

	step() {
		this.position++;
	}

	prices() {
		return new Map(this.series.map(([symbol, bars]) => [symbol, bars.get(this.time)]));
	}
}
