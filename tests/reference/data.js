// Inputs of reference cases: inline arrays and scalars, or columns of CSV files beside the cases.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const files = new Map();

/**
 * Reads a CSV file of plain cells into columns of text by header name.
 * @param {string} path
 * @returns {Map<string, string[]>}
 */
function readColumns(path) {
	let columns = files.get(path);
	if (columns) return columns;
	const [header, ...lines] = readFileSync(path, 'utf8').split(/\r?\n/).filter((line) => line !== '');
	const rows = lines.map((line) => line.split(','));
	columns = new Map(header.split(',').map((name, i) => [name, rows.map((row) => row[i] ?? '')]));
	files.set(path, columns);
	return columns;
}

/** A number of a case: non-finite ones are text, a missing one is null, as NaN is in the libraries the cases come from. */
export function readNumber(value) {
	if (value === null || value === '' || value === 'NaN') return null;
	return typeof value === 'string' ? Number(value) : value;
}

/**
 * Reads a series of a case with its dates, if it has some.
 * @param {any} input array, or {$file, column, transform, date_filter}
 * @param {string} folder where the files are
 * @returns {{values: (number|null)[], dates: string[]|null}}
 */
export function readSeries(input, folder) {
	if (Array.isArray(input)) return { values: input.map(readNumber), dates: null };
	const columns = readColumns(join(folder, input.$file));
	const cells = columns.get(input.column);
	if (!cells) throw new Error(`${input.$file} has no column ${input.column}`);
	let dates = columns.get('date') ?? columns.get('Date') ?? null;
	let values = cells.map(readNumber);
	if (input.date_filter) {
		const keep = dates.map((date) => date.startsWith(input.date_filter));
		values = values.filter((_, i) => keep[i]);
		dates = dates.filter((_, i) => keep[i]);
	}
	if (input.transform === 'simple_returns') {
		values = values.slice(1).map((value, i) => value / values[i] - 1);
		dates = dates?.slice(1) ?? null;
	} else if (input.transform) throw new Error(`unknown transform ${input.transform}`);
	return { values, dates };
}
