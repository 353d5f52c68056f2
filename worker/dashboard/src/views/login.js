import { html, nothing } from 'lit-html';

/** @typedef {import('../app.js').View} View */

/** @param {View} view asks for the token without which the daemon answers nothing */
export function login({ session, actions }) {
	return html`<main class="login"><form class="panel" @submit=${(/** @type {SubmitEvent} */ event) => {
		event.preventDefault();
		const form = /** @type {HTMLFormElement} */ (event.target);
		actions.logIn(String(new FormData(form).get('token')));
	}}>
		<h1>Pulse</h1>
		<p class="muted">This worker answers those who have a token. An operator makes one with</p>
		<pre tabindex="0"><code>pulse-worker token create --scope read</code></pre>
		<label>Token <input name="token" type="password" autocomplete="current-password" required autofocus></label>
		${session.problem ? html`<p class="problem" role="alert">${session.problem}</p>` : nothing}
		<button type="submit" class="plain" ?disabled=${session.busy}>Log in</button>
	</form></main>`;
}
