import { html, nothing } from 'lit-html';
import { ref } from 'lit-html/directives/ref.js';
import { CHOICES, choose, setting } from '../settings.js';

/** @typedef {import('../app.js').View} View */
/** @typedef {import('../settings.js').Choice} Choice */

/** @param {View} view @param {Choice} choice */
function group({ actions }, choice) {
	const { name, values } = CHOICES[choice];
	return html`<fieldset><legend>${name}</legend>
		${Object.entries(values).map(([value, label]) => html`<label><input type="radio" name=${choice} value=${value} .checked=${setting(choice) === value}
			@change=${() => { choose(choice, value); actions.settingsChanged(); }}> ${label}</label>`)}
	</fieldset>`;
}

/** @param {View} view */
export function settingsButton({ actions }) {
	return html`<button class="icon" type="button" aria-label="Settings" aria-haspopup="dialog"
		@click=${(/** @type {Event} */ event) => actions.openSettings(/** @type {HTMLElement} */ (event.currentTarget))}>
		<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M3 6h8M15 6h2M3 14h2M9 14h8"></path><circle cx="13" cy="6" r="2"></circle><circle cx="7" cy="14" r="2"></circle></svg>
	</button>`;
}

/** @param {View} view */
export function settings(view) {
	return html`<div id="settings" popover role="dialog" aria-label="Settings" ${ref(view.actions.settingsBox)} @beforetoggle=${view.actions.settingsToggles}>
		${/** @type {Choice[]} */ (Object.keys(CHOICES)).map((choice) => group(view, choice))}
		${view.session.name ? html`<p class="muted text">Logged in as ${view.session.name}</p><button type="button" class="plain" @click=${view.actions.logOut}>Log out</button>` : nothing}
	</div>`;
}
