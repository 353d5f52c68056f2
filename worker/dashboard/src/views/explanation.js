import { html, nothing } from 'lit-html';
import { ref } from 'lit-html/directives/ref.js';
import { PANELS, explained } from '../about.js';
import { METRICS } from '../metrics.js';

/** @typedef {import('../app.js').View} View */

/**
 * The name of a figure; a click says what it is and where it comes from.
 * @param {string} key
 * @param {string} [label]
 */
export function term(key, label = METRICS[key]?.label) {
	return html`<button type="button" class="term" aria-haspopup="dialog" data-term=${key}>${label}</button>`;
}

/**
 * Heads of the columns of figures, each a name that tells what stands below it.
 * @param {string} panel
 */
export const columnHeads = (panel) => Object.entries(PANELS[panel].columns ?? {})
	.map(([name, [label]]) => html`<th scope="col" class="right">${term(`column/${panel}/${name}`, label)}</th>`);

/** @param {View} view */
export function explanation(view) {
	const { actions } = view;
	const about = view.explained === null ? null : explained(view, view.explained);
	return html`<div id="explanation" popover role="dialog" aria-labelledby="explanation-title" tabindex="-1" autofocus
		${ref(actions.explanationBox)} @beforetoggle=${actions.explanationToggles}>
		${about ? html`<h2 id="explanation-title" class="text">${about.label}</h2>
			<p>${about.definition}</p>
			${about.columns.length > 0 ? html`<dl class="columns-of">${about.columns.map(([label, definition]) => html`<dt>${label}</dt><dd>${definition}</dd>`)}</dl>` : nothing}
			<dl><dt>Over</dt><dd class="window">${about.window}</dd>${about.sample ? html`<dt>From</dt><dd class="sample num">${about.sample}</dd>` : nothing}</dl>
			<pre tabindex="0"><code>${about.sql}</code></pre>` : nothing}
	</div>`;
}
