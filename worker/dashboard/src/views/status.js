import { html, nothing } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { age, latency } from '../format.js';
import { empty, panel, skeleton } from './parts.js';

/** @typedef {import('../app.js').View} View */
/** @typedef {import('../types.js').Alert} Alert */
/** @typedef {import('../types.js').Component} Component */

const SEVERITY = new Map([['CRITICAL', 'critical'], ['HIGH', 'warning'], ['WARNING', 'warning'], ['MEDIUM', 'notice'], ['HEALTHY', 'healthy']]);
const SHAPES = new Map([['critical', '✕'], ['warning', '!'], ['notice', 'i'], ['healthy', '✓'], ['unknown', '?']]);

/** @param {string | null | undefined} word */
const level = (word) => SEVERITY.get(String(word ?? '').toUpperCase()) ?? 'unknown';

/** @param {string} name */
const badge = (name) => html`<span class="badge ${name}" aria-hidden="true">${SHAPES.get(name)}</span>`;

/** @param {Alert} alert @param {View} view */
function alertItem(alert, { state, now }) {
	const severity = String(alert.severity ?? 'LOW').toUpperCase();
	const name = severity === 'LOW' ? 'notice' : level(severity);
	const over = String(alert.state ?? '').toLowerCase() === 'resolved';
	return html`<li class=${over ? 'over' : ''}>${badge(over ? 'healthy' : name)}
		<div><p class="alert-title text">${alert.title ?? alert.rule ?? alert.kind ?? 'Alert'}</p>
			${alert.message ? html`<p class="text muted">${alert.message}</p>` : nothing}
			<p class="meta">${over ? 'resolved' : severity.toLowerCase()}${alert.since ? html` · <time datetime=${alert.since}>${age(now + state.clockSkew - Date.parse(alert.since))}</time>` : nothing}${(alert.count ?? 1) > 1 ? html` · ${alert.count}×` : nothing}</p></div>
	</li>`;
}

/** @param {View} view */
export function alerts(view) {
	const { state } = view;
	let body;
	if (!state.loaded) body = skeleton(2);
	else if (state.alerts.length === 0) body = empty('Nothing to report.');
	else body = html`<ul class="list" tabindex="0" aria-label="Alerts, newest first">${repeat(state.alerts, (alert, index) => alert.alert_id ?? `${alert.since}/${index}`, (alert) => alertItem(alert, view))}</ul>`;
	return panel('alerts', 'Alerts', body);
}

/** @param {Component} component */
function componentItem(component) {
	const name = level(component.status);
	return html`<li>${badge(name)}
		<div><p><span class="text">${component.component.replaceAll('_', ' ')}</span> <span class="muted num">${latency(component.latency_ms)}</span></p>
			<p class="text muted">${component.message ?? ''}</p></div>
		<span class="state ${name}">${String(component.status).toLowerCase()}</span>
	</li>`;
}

/** @param {View} view */
export function health({ state }) {
	const components = state.health.components ?? [];
	let body;
	if (!state.loaded) body = skeleton(4);
	else if (components.length === 0) body = empty('No component has reported yet.');
	else body = html`<ul class="list health">${repeat(components, (each) => each.component, componentItem)}</ul>`;
	const overall = state.health.status;
	return panel('health', 'Health', body, {
		aside: overall ? html`<span class="state ${level(overall)}">${overall.toLowerCase()}</span>` : nothing,
	});
}
