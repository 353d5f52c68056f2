import { setting } from './settings.js';
import { presentZone } from './zones.js';

/** @typedef {import('./types.js').Decimal} Decimal */

const MINUS = '\u2212';
export const MISSING = '\u2013';

/**
 * An exact decimal number: units × 10^-scale.
 * @typedef {{ units: bigint, scale: number }} Exact
 */

/**
 * Reads a decimal without going through binary floating point; null when it is not a finite number.
 * @param {Decimal} input
 * @returns {Exact | null}
 */
export function parseDecimal(input) {
	if (input === null || input === undefined) return null;
	const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(String(input).trim());
	if (!match || (!match[2] && !match[3])) return null;
	const fraction = match[3] ?? '';
	let units = BigInt((match[2] || '0') + fraction);
	let scale = fraction.length - Number(match[4] ?? 0);
	if (scale < 0) {
		units *= 10n ** BigInt(-scale);
		scale = 0;
	}
	return { units: match[1] === '-' ? -units : units, scale };
}

/**
 * Rounds half away from zero, as numeric does in SQL.
 * @param {Exact} value
 * @param {number} digits
 * @returns {Exact}
 */
function round(value, digits) {
	if (value.scale <= digits) {
		return { units: value.units * 10n ** BigInt(digits - value.scale), scale: digits };
	}
	const divisor = 10n ** BigInt(value.scale - digits);
	const half = divisor / 2n;
	return { units: (value.units + (value.units < 0n ? -half : half)) / divisor, scale: digits };
}

/**
 * @param {Exact} value  non-negative
 * @param {string} sign
 * @param {string} [separator]
 */
function digitsOf(value, sign, separator = '') {
	const text = value.units.toString().padStart(value.scale + 1, '0');
	const whole = text.slice(0, text.length - value.scale);
	const fraction = value.scale > 0 ? `.${text.slice(text.length - value.scale)}` : '';
	return sign + whole.replace(/\B(?=(\d{3})+$)/g, separator) + fraction;
}

/**
 * @param {Decimal} input
 * @param {{ min?: number, max?: number, signed?: boolean }} [options]
 *   digits after the point: rounded to max, padded to min; signed puts + before a gain
 */
export function decimal(input, { min = 2, max = min, signed = false } = {}) {
	const exact = parseDecimal(input);
	if (!exact) return MISSING;
	let value = round(exact, max);
	while (value.scale > min && value.units % 10n === 0n) {
		value = { units: value.units / 10n, scale: value.scale - 1 };
	}
	const negative = value.units < 0n;
	const sign = negative ? MINUS : signed && value.units > 0n ? '+' : '';
	return digitsOf({ units: negative ? -value.units : value.units, scale: value.scale }, sign, ',');
}

/** @param {Decimal} input @param {boolean} [signed] */
export const money = (input, signed = false) => decimal(input, { min: 2, signed });

/**
 * A price keeps the digits that it was quoted with, at least two, at most ten.
 * @param {Decimal} input
 */
export const price = (input) => decimal(input, { min: 2, max: 10 });

/**
 * Small amounts, as fees are: two digits after the point, or as many as show four significant ones.
 * @param {Decimal} input
 */
export function amount(input) {
	const exact = parseDecimal(input);
	if (!exact) return MISSING;
	const length = exact.units === 0n ? exact.scale : exact.units.toString().replace('-', '').length;
	return decimal(input, { min: 2, max: Math.max(2, exact.scale - length + 4) });
}

/** @param {Decimal} input */
export const quantity = (input) => decimal(input, { min: 0, max: 10 });

/**
 * @param {number | null | undefined} fraction
 * @param {{ digits?: number, signed?: boolean }} [options]
 */
export function percent(fraction, { digits = 2, signed = false } = {}) {
	if (!isFiniteNumber(fraction)) return MISSING;
	return `${fixed(fraction * 100, digits, signed)}%`;
}

/** @param {number | null | undefined} value @param {number} [digits] */
export function ratio(value, digits = 2) {
	return isFiniteNumber(value) ? fixed(value, digits, false) : MISSING;
}

/** Statistics of a wild history can be astronomical; from here on they are written with an exponent. */
const LONGEST_FIXED = 1e8;

/** @param {number} value @param {number} digits @param {boolean} signed */
function fixed(value, digits, signed) {
	if (Math.abs(value) >= LONGEST_FIXED) return value.toExponential(2).replace('-', MINUS).replace('e+', 'e');
	const text = Math.abs(value).toFixed(digits);
	const zero = Number(text) === 0;
	const sign = value < 0 && !zero ? MINUS : signed && !zero ? '+' : '';
	return sign + text.replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, ',');
}

/**
 * @param {unknown} value
 * @returns {value is number}
 */
export function isFiniteNumber(value) {
	return typeof value === 'number' && Number.isFinite(value);
}

/**
 * The sign of what is shown: −1, 0, 1, or null when there is nothing to show.
 * @param {Decimal} input
 */
export function signOf(input) {
	const exact = parseDecimal(input);
	if (!exact) return null;
	return exact.units > 0n ? 1 : exact.units < 0n ? -1 : 0;
}

/** @type {[least: number, size: number, unit: string][]} */
const UNITS = [[1e9, 1e9, 'B'], [1e7, 1e6, 'M'], [1e4, 1e3, 'k']];

/**
 * Axis labels just precise enough to differ from one another.
 * @param {number[]} splits
 */
export function axisLabels(splits) {
	const largest = Math.max(...splits.map(Math.abs));
	const step = splits.length > 1 ? Math.abs(splits[1] - splits[0]) : largest;
	const [, divisor, unit] = UNITS.find(([least, size]) => largest >= least && step >= size / 1000) ?? [0, 1, ''];
	let digits = 0;
	for (let scaled = step / divisor; digits < 6 && Math.abs(scaled - Math.round(scaled)) > scaled / 1000; scaled *= 10) digits++;
	return splits.map((value) => fixed(value / divisor, value === 0 ? 0 : digits, false) + (value === 0 ? '' : unit));
}

/**
 * One value in at most nine characters.
 * @param {number} value
 */
export function short(value) {
	const size = Math.abs(value);
	if (size >= 1e9) return `${fixed(value / 1e9, 3, false)}B`;
	if (size >= 1e7) return `${fixed(value / 1e6, 3, false)}M`;
	return fixed(value, size >= 1e5 ? 0 : 2, false);
}

const DAY_AND_TIME = /** @type {const} */ ({ year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit' });

/**
 * A number in about four characters.
 * @param {number} value
 */
export function tiny(value) {
	const size = Math.abs(value);
	const [divisor, unit] = size >= 999_500_000 ? [1e9, 'B'] : size >= 999_500 ? [1e6, 'M'] : size >= 999.5 ? [1e3, 'k'] : [1, ''];
	return fixed(value / divisor, size / divisor < 9.95 && unit ? 1 : 0, false) + unit;
}

/** @param {number} seconds how long something lasted */
export function span(seconds) {
	if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
	if (seconds < 2 * 86400) return `${Math.round(seconds / 3600)} h`;
	return `${Math.round(seconds / 86400)} days`;
}

/** @typedef {'clock' | 'day' | 'date' | 'minute' | 'full'} Style */

/** @type {Record<Style, Intl.DateTimeFormatOptions>} */
const STYLES = {
	clock: { hour: '2-digit', minute: '2-digit', second: '2-digit' },
	day: { day: '2-digit', month: 'short' },
	date: { day: '2-digit', month: 'short', year: 'numeric' },
	minute: DAY_AND_TIME,
	full: { ...DAY_AND_TIME, second: '2-digit' },
};

/** @type {Map<string, Intl.DateTimeFormat>} */
const dateFormats = new Map();

/** @param {Style} style */
function dateFormat(style) {
	const key = `${style} ${setting('zone')}`;
	let format = dateFormats.get(key);
	if (!format) {
		format = new Intl.DateTimeFormat('en-GB', { ...STYLES[style], timeZone: timeZone() });
		dateFormats.set(key, format);
	}
	return format;
}

/** The zone of all times on the page; undefined means this machine's own. */
export const timeZone = () => (setting('zone') === 'utc' ? 'UTC' : undefined);

/** @type {string | undefined} asked for once, because it costs more than all other formatting */
let ownZone;

export const zoneName = () => timeZone() ?? (ownZone ??= presentZone(Intl.DateTimeFormat().resolvedOptions().timeZone ?? 'local time'));

/**
 * @param {string | number | null | undefined} when  ISO text or milliseconds
 * @param {Style} [style]
 */
export function time(when, style = 'full') {
	const date = when === null || when === undefined ? NaN : new Date(when).getTime();
	return Number.isNaN(date) ? MISSING : dateFormat(style).format(date);
}

/** @param {number} milliseconds */
export function age(milliseconds) {
	const seconds = Math.max(0, Math.floor(milliseconds / 1000));
	if (seconds < 2) return 'just now';
	if (seconds < 60) return `${seconds} s ago`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
	if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
	const days = Math.floor(seconds / 86400);
	return `${days} day${days === 1 ? '' : 's'} ago`;
}

/** @param {number | null | undefined} milliseconds */
export function latency(milliseconds) {
	if (!isFiniteNumber(milliseconds)) return '';
	if (milliseconds >= 10_000) return `${Math.round(milliseconds / 1000)} s`;
	return milliseconds < 10 ? `${milliseconds.toFixed(1)} ms` : `${Math.round(milliseconds)} ms`;
}
