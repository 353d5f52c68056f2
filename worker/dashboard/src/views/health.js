import { html, nothing, svg } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { isFiniteNumber, latency } from '../format.js';
import { badge, empty, level, panel, skeleton } from './parts.js';

/** @typedef {import('../app.js').View} View */
/** @typedef {import('../types.js').Component} Component */
/** @typedef {import('../extras.js').ComponentHistory} ComponentHistory */

const HEIGHT = 16;

/**
 * The last day, a bar for each half hour: its colour is the worst status, the line above it the latency.
 * @param {ComponentHistory} history
 */
function strip({ status, latency_ms: latencies }) {
	const known = latencies.filter(isFiniteNumber);
	const slowest = known.reduce((a, b) => Math.max(a, b), 0);
	const bad = status.filter((each) => each === 'WARNING' || each === 'CRITICAL').length;
	const label = `Last 24 hours: ${status.filter(Boolean).length} of ${status.length} half hours known, ${bad} with trouble`
		+ (slowest > 0 ? `, slowest ${latency(slowest)}` : '');
	const points = latencies.map((each, index) => (isFiniteNumber(each) && slowest > 0
		? `${index + 0.5},${(HEIGHT - 5 - (each / slowest) * (HEIGHT - 6)).toFixed(2)}` : null)).filter(Boolean);
	return html`<svg class="strip" viewBox="0 0 ${status.length} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label=${label}>
		${status.map((each, index) => svg`<rect class=${each ? level(each) : 'none'} x=${index + 0.1} y=${HEIGHT - 4} width="0.8" height="4"></rect>`)}
		${points.length > 1 ? svg`<polyline points=${points.join(' ')}></polyline>` : nothing}
	</svg>`;
}

/** @param {Component} component @param {ComponentHistory | undefined} history */
function componentItem(component, history) {
	const name = level(component.status);
	return html`<li data-component=${component.component}>${badge(name)}
		<div><p><span class="text">${component.component.replaceAll('_', ' ')}</span> <span class="muted num">${latency(component.latency_ms)}</span></p>
			<p class="text muted">${component.message ?? ''}</p>
			${history?.status.some(Boolean) ? strip(history) : nothing}</div>
		<span class="state ${name}">${String(component.status).toLowerCase()}</span>
	</li>`;
}

/** @param {View} view */
export function health({ state, extras }) {
	const components = state.health.components ?? [];
	let body;
	if (!state.loaded) body = skeleton(4);
	else if (components.length === 0) body = empty('No component has reported yet.');
	else {
		body = html`<ul class="list health">${repeat(components, (each) => each.component,
			(each) => componentItem(each, extras.components?.find(({ component }) => component === each.component)))}</ul>`;
	}
	const overall = state.health.status;
	return panel('health', 'Health', body, {
		aside: overall ? html`<span class="state ${level(overall)}">${overall.toLowerCase()}</span>` : nothing,
	});
}
