import { fetchJson, sendJson } from './api.js';

/** Who looks at the page, where the daemon wants to know it. */
export class Session {
	/** True once the daemon refuses to answer without a token. */
	required = false;
	name = '';
	problem = '';
	busy = false;

	/** @param {() => void} onChange @param {() => void} onEntry after a successful login */
	constructor(onChange, onEntry) {
		this.onChange = onChange;
		this.onEntry = onEntry;
	}

	/** Asks whether a token is needed. */
	async check() {
		try {
			const answer = await fetchJson('session');
			this.required = answer.required && !answer.authenticated;
			this.name = answer.required ? answer.name ?? '' : '';
		} catch {
			// A daemon that is away is the connection's matter.
			return;
		}
		this.onChange();
	}

	/** @param {string} token */
	async logIn(token) {
		this.busy = true;
		this.problem = '';
		this.onChange();
		try {
			await sendJson('POST', 'login', { token });
			this.required = false;
			this.onEntry();
			await this.check();
		} catch (error) {
			this.problem = /** @type {Error} */ (error).message;
		}
		this.busy = false;
		this.onChange();
	}

	async logOut() {
		await sendJson('POST', 'logout').catch(() => null);
		location.reload();
	}
}
