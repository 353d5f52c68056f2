import { html } from 'lit-html';
import { isFiniteNumber, ratio } from '../format.js';
import { empty, panel } from './parts.js';

/** @typedef {import('../app.js').View} View */

const MOST_ROWS = 100;
const MOST_COLUMNS = 12;

/** @param {unknown} value */
function cell(value) {
	if (value === null || value === undefined) return '–';
	if (isFiniteNumber(value)) return Number.isInteger(value) ? String(value) : ratio(value, 4);
	return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** @param {any} value whatever the section's SQL gave */
function content(value) {
	const rows = Array.isArray(value) ? value.filter((row) => row !== null && typeof row === 'object' && !Array.isArray(row)) : [];
	if (Array.isArray(value) && value.length === 0) return empty('Nothing to show.');
	if (rows.length > 0) {
		const columns = [...new Set(rows.slice(0, MOST_ROWS).flatMap((row) => Object.keys(row)))].slice(0, MOST_COLUMNS);
		return html`<div class="scroll" tabindex="0" role="group"><table class="plain-table">
			<thead><tr>${columns.map((name) => html`<th scope="col" class=${rows.some((row) => isFiniteNumber(row[name])) ? 'right' : ''}>${name.replaceAll('_', ' ')}</th>`)}</tr></thead>
			<tbody>${rows.slice(0, MOST_ROWS).map((row) => html`<tr>${columns.map((name) => html`<td class="text ${isFiniteNumber(row[name]) ? 'num right' : ''}">${cell(row[name])}</td>`)}</tr>`)}</tbody>
		</table></div>`;
	}
	if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
		return html`<div class="statistics"><dl>${Object.entries(value).slice(0, MOST_ROWS).map(([name, each]) => html`<div><dt class="text">${name.replaceAll('_', ' ')}</dt><dd class="text num">${cell(each)}</dd></div>`)}</dl></div>`;
	}
	return html`<p class="section-figure num">${cell(Array.isArray(value) ? value.join(', ') : value)}</p>`;
}

/**
 * What users have registered with pulse_register_section().
 * @param {View} view
 */
export function sections({ state }) {
	return Object.entries(state.sections).map(([name, section]) => panel(`section-${name}`, section?.title ?? name.replaceAll('_', ' '),
		section?.error ? html`<p class="banner" role="alert">${section.error}</p>` : content(section && Object.hasOwn(section, 'data') ? section.data : section),
		{ className: 'custom', about: `section/${name}` }));
}
