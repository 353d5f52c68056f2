import { html, nothing } from 'lit-html';
import { ref } from 'lit-html/directives/ref.js';
import { HISTORY, METRICS, ROUND_TRIPS, sqlFor } from '../metrics.js';

/** @typedef {import('../app.js').View} View */

/**
 * The name of a figure; a click says what it is and where it comes from.
 * @param {View} view
 * @param {string} key
 */
export function term({ actions }, key) {
	return html`<button type="button" class="term" aria-haspopup="dialog" data-term=${key}
		@click=${(/** @type {Event} */ event) => actions.explain(key, /** @type {HTMLElement} */ (event.currentTarget))}>${METRICS[key].label}</button>`;
}

/**
 * How much a figure rests on.
 * @param {View} view
 * @param {import('../metrics.js').Metric} metric
 */
function sample({ days, state }, metric) {
	const trades = state.performance.total_trades;
	if (metric.window === HISTORY && days > 0) return html`<dt>From</dt><dd class="sample num">${days === 1 ? '1 day' : `${days} days`}</dd>`;
	if (metric.window === ROUND_TRIPS && trades > 0) return html`<dt>From</dt><dd class="sample num">${trades === 1 ? '1 trade' : `${trades} trades`}</dd>`;
	return nothing;
}

/** @param {View} view */
export function explanation(view) {
	const { explained, state, actions } = view;
	const metric = explained === null ? null : METRICS[explained];
	return html`<div id="explanation" popover role="dialog" aria-labelledby="explanation-title"
		${ref(actions.explanationBox)} @beforetoggle=${actions.explanationToggles}>
		${metric ? html`<h2 id="explanation-title">${metric.label}</h2>
			<p>${metric.definition}</p>
			<dl><dt>Over</dt><dd>${metric.window}</dd>${sample(view, metric)}</dl>
			<pre tabindex="0"><code>${sqlFor(metric.sql, state.scope)}</code></pre>` : nothing}
	</div>`;
}
