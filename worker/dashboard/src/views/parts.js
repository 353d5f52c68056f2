import { html, nothing, svg } from 'lit-html';
import { MISSING, signOf } from '../format.js';

/** @typedef {import('../types.js').Decimal} Decimal */

const MARKS = new Map([[1, '\u25B2'], [0, ''], [-1, '\u25BC']]);
const TONES = new Map([[1, 'gain'], [0, ''], [-1, 'loss']]);

/**
 * A gain or a loss: colour, arrow and sign say the same.
 * @param {Decimal} value  decides the direction
 * @param {string} text    what is shown
 */
export function change(value, text) {
	const known = signOf(value);
	if (known === null) return html`<span class="muted">${MISSING}</span>`;
	// What rounds to nothing is neither.
	const sign = /[1-9]/.test(text) ? known : 0;
	const mark = MARKS.get(sign);
	return html`<span class="change ${TONES.get(sign)}">${mark
		? html`<span class="arrow" aria-hidden="true">${mark}</span>` : nothing}${text}</span>`;
}

/**
 * How far a figure is on its way to its goal or limit.
 * @param {object} options
 * @param {number | null} options.fraction  of the goal, clamped for the picture
 * @param {number | null} [options.mark]    a second position, as a thin line
 * @param {string} options.tone
 * @param {string} options.label
 */
export function gauge({ fraction, mark = null, tone: toneName, label }) {
	const width = Math.round(Math.min(1, Math.max(0, fraction ?? 0)) * 1000) / 10;
	return html`<svg class="gauge ${toneName}" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label=${label}>
		<rect class="track" width="100" height="4"></rect>
		<rect class="fill" width=${width} height="4"></rect>
		${mark === null ? nothing : svg`<rect class="mark" x=${Math.min(99, Math.max(0, mark * 100 - 0.5))} width="1" height="4"></rect>`}
	</svg>`;
}

/**
 * @param {string} id
 * @param {string} title
 * @param {unknown} body
 * @param {{ aside?: unknown, className?: string, about?: string }} [options]  about: the key of what its button tells
 */
export function panel(id, title, body, { aside = nothing, className = '', about = `panel/${id}` } = {}) {
	return html`<section class="panel ${className}" id=${id} aria-labelledby="${id}-title">
		<header class="panel-head"><div class="panel-title"><h2 id="${id}-title">${title}</h2>
			<button type="button" class="about" aria-haspopup="dialog" aria-label="About ${title}" data-term=${about}><span aria-hidden="true">i</span></button></div>${aside}</header>
		${body}
	</section>`;
}

/** @param {string} text @param {unknown} [more] */
export const empty = (text, more = nothing) => html`<div class="empty"><p>${text}</p>${more}</div>`;

/** @param {number} lines */
export const skeleton = (lines) => html`<div class="skeleton-block" aria-hidden="true">${Array.from({ length: lines }, () => html`<span class="skeleton"></span>`)}</div>`;

const LEVELS = new Map([['CRITICAL', 'critical'], ['HIGH', 'warning'], ['WARNING', 'warning'], ['MEDIUM', 'notice'], ['HEALTHY', 'healthy']]);
const SHAPES = new Map([['critical', '✕'], ['warning', '!'], ['notice', 'i'], ['healthy', '✓'], ['unknown', '?']]);

/** @param {string | null | undefined} word a status or a severity */
export const level = (word) => LEVELS.get(String(word ?? '').toUpperCase()) ?? 'unknown';

/** @param {string} name of a level */
export const badge = (name) => html`<span class="badge ${name}" aria-hidden="true">${SHAPES.get(name)}</span>`;

/**
 * Why the newest figures of a panel are not there; the old ones stay.
 * @param {import('../app.js').View} view
 * @param {import('../extras.js').Source} source
 */
export function stale({ extras, actions }, source) {
	const reason = extras.problems.get(source);
	return reason === undefined ? nothing
		: html`<p class="banner" role="alert">${reason} <button type="button" class="link" @click=${() => actions.reload(source)}>Try again</button></p>`;
}

/**
 * Rows behind a picture, for those who read it.
 * @param {string} title
 * @param {string[]} columns  the first names the rows
 * @param {unknown[][]} rows
 */
export const tableBehind = (title, columns, rows) => html`<details class="as-table"><summary>${title} as a table</summary>
	<div class="scroll" tabindex="0" role="group" aria-label=${title}><table class="plain-table">
		<thead><tr>${columns.map((name, index) => html`<th scope="col" class=${index > 0 ? 'right' : ''}>${name}</th>`)}</tr></thead>
		<tbody>${rows.map(([first, ...others]) => html`<tr><th scope="row" class="num">${first}</th>${others.map((value) => html`<td class="num right">${value}</td>`)}</tr>`)}</tbody>
	</table></div></details>`;
