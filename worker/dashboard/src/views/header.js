import { html, nothing } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import { age, money, percent } from '../format.js';
import { change } from './parts.js';
import { settingsButton } from './settings.js';

/** @typedef {import('../app.js').View} View */

const OLD_DATA = 5 * 60_000;

/**
 * What the connection means for the person who looks at the figures.
 * @param {View} view
 * @returns {{ tone: string, word: string, detail: string, retry: boolean }}
 */
export function connectionState({ connection, state, now }) {
	const seen = state.portfolio?.ts ? Date.parse(state.portfolio.ts) : NaN;
	const old = now + state.clockSkew - seen;
	switch (connection.phase) {
		case 'live':
			if (!state.loaded) return { tone: 'wait', word: 'Loading', detail: '', retry: false };
			if (Number.isNaN(old)) return { tone: 'live', word: 'Live', detail: 'no snapshot yet', retry: false };
			return old > OLD_DATA
				? { tone: 'stale', word: 'Stale', detail: `last snapshot ${age(old)}`, retry: false }
				: { tone: 'live', word: 'Live', detail: age(old), retry: false };
		case 'silent':
			return { tone: 'stale', word: 'Stale', detail: 'the server does not answer', retry: false };
		case 'waiting': {
			const seconds = Math.max(0, Math.ceil(((connection.retryAt ?? now) - now) / 1000));
			return { tone: 'lost', word: 'Reconnecting', detail: `in ${seconds} s`, retry: true };
		}
		default:
			return { tone: 'wait', word: connection.attempt > 0 ? 'Reconnecting' : 'Connecting', detail: '', retry: false };
	}
}

/** More than these are searched, not listed. */
const MOST_LISTED = 40;

/** @param {View} view which of the portfolios is shown */
function picker({ state, actions, wantedPortfolio }) {
	const { portfolios, scope } = state;
	if (portfolios.length < 2) return nothing;
	if (portfolios.length <= MOST_LISTED) {
		return html`<label class="picker"><span class="sr-only">Portfolio</span>
			<select @change=${(/** @type {Event} */ event) => actions.choosePortfolio(/** @type {HTMLSelectElement} */ (event.target).value || null)}>
				<option value="" ?selected=${scope === null}>All portfolios</option>
				${portfolios.map((name) => html`<option value=${name} ?selected=${scope === name}>${name}</option>`)}
			</select></label>`;
	}
	const words = wantedPortfolio.toLowerCase();
	const matches = [];
	for (let i = 0; i < portfolios.length && matches.length < MOST_LISTED; i++) {
		if (portfolios[i].toLowerCase().includes(words)) matches.push(portfolios[i]);
	}
	return html`<label class="picker"><span class="sr-only">Portfolio, of ${portfolios.length}</span>
		<input list="portfolios" type="search" placeholder="All ${portfolios.length} portfolios" autocomplete="off" .value=${live(wantedPortfolio)}
			@input=${(/** @type {Event} */ event) => {
				const { value } = /** @type {HTMLInputElement} */ (event.target);
				if (value === '' || portfolios.includes(value)) actions.choosePortfolio(value || null);
				actions.searchPortfolio(value);
			}}>
		<datalist id="portfolios">${matches.map((name) => html`<option value=${name}></option>`)}</datalist></label>`;
}

/** @param {View} view */
export function header(view) {
	const { state, actions } = view;
	const status = connectionState(view);
	return html`<header class="top">
		<a class="brand" href="/" aria-label="Pulse">
			<svg viewBox="0 0 32 32" aria-hidden="true"><path d="M2 17h7l3.4-9 5.6 17 4.4-12 2.4 4H30"></path></svg>
			<span>Pulse</span>
		</a>
		${picker(view)}
		<div class="top-value" aria-hidden="true">
			${state.portfolio?.total_value ? html`<strong class="num">${money(state.portfolio.total_value)}</strong>
				<small class="num">${change(state.performance.daily_return, percent(state.performance.daily_return, { signed: true }))}</small>` : nothing}
		</div>
		<div class="connection ${status.tone}" data-phase=${view.connection.phase}>
			<span class="dot" aria-hidden="true"></span>
			<span role="status">${status.word}</span>
			${status.detail ? html`<span class="detail num">${status.detail}</span>` : nothing}
			${status.retry ? html`<button class="link" type="button" @click=${actions.retryNow}>Retry now</button>` : nothing}
		</div>
		${settingsButton(view)}
	</header>`;
}
