import { html, nothing } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { SILENCES } from '../active_alerts.js';
import { age, time } from '../format.js';
import { badge, empty, level, panel, skeleton } from './parts.js';

/** @typedef {import('../app.js').View} View */
/** @typedef {import('../types.js').Alert} Alert */

/** @param {Alert} alert */
const severityOf = (alert) => String(alert.severity ?? 'LOW').toUpperCase();

/** @param {Alert} alert */
const toneOf = (alert) => (severityOf(alert) === 'LOW' ? 'notice' : level(alert.severity));

/** @param {Alert} alert */
const nameOf = (alert) => alert.title || alert.rule || alert.kind || 'Alert';

/** @param {Alert} alert @param {View} view */
function since(alert, { now, state }) {
	return alert.since ? html` · <time datetime=${alert.since} title=${time(alert.since)}>${age(now + state.clockSkew - Date.parse(alert.since))}</time>` : nothing;
}

/** @param {Alert} alert @param {View} view what can be done about it */
function actionsOf(alert, { alerts, actions }) {
	const busy = alerts.busy.has(String(alert.alert_id));
	const name = nameOf(alert);
	return html`<div class="alert-actions">
		${alert.acknowledged_at ? nothing : html`<button type="button" class="plain" ?disabled=${busy} aria-label="Acknowledge ${name}"
			@click=${() => actions.acknowledge(alert)}>Acknowledge</button>`}
		<label><span class="sr-only">Silence ${name}</span><select class="plain" ?disabled=${busy}
			@change=${(/** @type {Event} */ event) => {
				const select = /** @type {HTMLSelectElement} */ (event.target);
				actions.silence(alert, Number(select.value));
				select.value = '';
			}}>
			<option value="" selected>Silence…</option>
			${Object.entries(SILENCES).map(([hours, label]) => html`<option value=${hours}>for ${label}</option>`)}
		</select></label>
	</div>`;
}

/** @param {Alert} alert @param {View} view one that is firing or about to */
function activeItem(alert, view) {
	const several = view.state.scope === null && view.state.portfolios.length > 1;
	const silenced = alert.silenced_by !== null && alert.silenced_by !== undefined;
	return html`<li data-alert=${String(alert.alert_id)} class=${alert.acknowledged_at || silenced ? 'over' : ''}>${badge(toneOf(alert))}
		<div><p class="alert-title text">${nameOf(alert)}</p>
			${alert.message ? html`<p class="text muted">${alert.message}</p>` : nothing}
			<p class="meta text">${severityOf(alert).toLowerCase()} · ${alert.state}${several && alert.portfolio ? html` · ${alert.portfolio}` : nothing}${since(alert, view)}${(alert.count ?? 1) > 1 ? html` · ${alert.count}×` : nothing}${silenced ? ' · silenced' : nothing}${alert.acknowledged_at
				? html` · acknowledged by ${alert.acknowledged_by ?? 'somebody'}` : nothing}</p>
			${silenced ? nothing : actionsOf(alert, view)}</div>
	</li>`;
}

/** @param {Alert} alert @param {View} view something that was said */
function messageItem(alert, view) {
	const over = String(alert.state ?? '').toLowerCase() === 'resolved';
	return html`<li class=${over ? 'over' : ''}>${badge(over ? 'healthy' : toneOf(alert))}
		<div><p class="alert-title text">${nameOf(alert)}</p>
			${alert.message ? html`<p class="text muted">${alert.message}</p>` : nothing}
			<p class="meta">${over ? 'resolved' : severityOf(alert).toLowerCase()}${since(alert, view)}${(alert.count ?? 1) > 1 ? html` · ${alert.count}×` : nothing}</p></div>
	</li>`;
}

/** @param {View} view */
export function alerts(view) {
	const { state, alerts: active } = view;
	let body;
	if (!state.loaded || active.list === null) body = skeleton(2);
	else {
		body = html`
			${active.problem ? html`<p class="banner" role="alert">${active.problem}</p>` : nothing}
			${active.list.length === 0 ? empty('Nothing to report.')
				: html`<ul class="list active" tabindex="0" aria-label="Active alerts">${repeat(active.list, (alert) => alert.alert_id, (alert) => activeItem(alert, view))}</ul>`}
			${state.alerts.length === 0 ? nothing : html`<details class="as-table" open><summary>Time line</summary>
				<ul class="list timeline" tabindex="0" aria-label="Messages, newest first">${repeat(state.alerts,
					(alert, index) => alert.alert_id ?? `${alert.since}/${index}`, (alert) => messageItem(alert, view))}</ul></details>`}`;
	}
	const worst = active.list?.filter((alert) => !alert.acknowledged_at).length ?? 0;
	return panel('alerts', 'Alerts', body, { aside: worst > 0 ? html`<span class="state critical">${worst} open</span>` : nothing });
}
