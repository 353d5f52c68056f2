import { parseDecimal } from './format.js';

/** @typedef {import('./types.js').Trade} Trade */
/** @typedef {'executed_at' | 'portfolio' | 'symbol' | 'side' | 'quantity' | 'price' | 'value' | 'fee' | 'realized_pnl' | 'strategy'} Column */

/** @type {Record<Column, { label: string, numeric?: boolean }>} */
export const COLUMNS = {
	executed_at: { label: 'Time' },
	portfolio: { label: 'Portfolio' },
	symbol: { label: 'Symbol' },
	side: { label: 'Side' },
	quantity: { label: 'Quantity', numeric: true },
	price: { label: 'Price', numeric: true },
	value: { label: 'Value', numeric: true },
	fee: { label: 'Fee', numeric: true },
	realized_pnl: { label: 'Realised P&L', numeric: true },
	strategy: { label: 'Strategy' },
};

const EXPORTED = /** @type {(keyof Trade)[]} */ (['executed_at', 'portfolio', 'id', 'symbol', 'side', 'quantity', 'price', 'value', 'fee', 'fee_asset',
	'realized_pnl', 'position', 'strategy', 'confidence', 'order_id', 'fill_id']);

/**
 * How the reader looks at the trades.
 * @typedef {{ filter: string, column: Column, descending: boolean }} Arrangement
 */

/** @type {Arrangement} */
export const NEWEST_FIRST = { filter: '', column: 'executed_at', descending: true };

/**
 * An arrangement as the address holds it: "-quantity btc" sorts by quantity, largest first, and filters by btc.
 * @param {Arrangement} arrangement
 */
export function textOf({ filter, column, descending }) {
	const order = column === NEWEST_FIRST.column && descending ? '' : `${descending ? '-' : ''}${column}`;
	return filter === '' ? order : `${order} ${filter}`;
}

/** @param {string} text */
export function arrangementOf(text) {
	const [order, ...words] = text.split(' ');
	const column = order.replace(/^-/, '');
	return {
		filter: words.join(' '),
		...(Object.hasOwn(COLUMNS, column) ? { column: /** @type {Column} */ (column), descending: order.startsWith('-') } : { column: NEWEST_FIRST.column, descending: true }),
	};
}

/** @param {Trade} trade @param {string[]} words every one of them has to be somewhere in the trade */
function matches(trade, words) {
	const text = [trade.symbol, trade.side, trade.strategy, trade.portfolio, trade.order_id, trade.fill_id].join('\n').toLowerCase();
	return words.every((word) => text.includes(word));
}

/** @param {unknown} a @param {unknown} b exact, because a quantity may have more digits than a double */
function compareNumbers(a, b) {
	const left = parseDecimal(/** @type {any} */ (a));
	const right = parseDecimal(/** @type {any} */ (b));
	if (!left || !right) return left ? 1 : right ? -1 : 0;
	const difference = left.units * 10n ** BigInt(right.scale) - right.units * 10n ** BigInt(left.scale);
	return difference > 0n ? 1 : difference < 0n ? -1 : 0;
}

/**
 * @param {Trade[]} trades newest first
 * @param {Arrangement} arrangement
 */
export function arrange(trades, { filter, column, descending }) {
	const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
	const shown = words.length > 0 ? trades.filter((trade) => matches(trade, words)) : trades;
	if (column === 'executed_at') return descending ? shown : shown.slice().reverse();
	const direction = descending ? -1 : 1;
	const compare = COLUMNS[column].numeric ? compareNumbers
		: (/** @type {unknown} */ a, /** @type {unknown} */ b) => String(a ?? '').localeCompare(String(b ?? ''));
	return shown.slice().sort((a, b) => direction * compare(a[column], b[column]));
}

/** @param {unknown} value */
function cell(value) {
	let text = value === null || value === undefined ? '' : String(value);
	// A spreadsheet would take such text for a formula; a number is none.
	if (/^[=+\-@\t\r]/.test(text) && !parseDecimal(text)) text = `'${text}`;
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * The trades as CSV (RFC 4180), numbers with all their digits.
 * @param {Trade[]} trades
 */
export function toCsv(trades) {
	return [EXPORTED.join(','), ...trades.map((trade) => EXPORTED.map((name) => cell(trade[name])).join(','))].join('\r\n') + '\r\n';
}

/** @param {string} name @param {string} text hands a file to the reader */
export function download(name, text) {
	const link = document.createElement('a');
	link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
