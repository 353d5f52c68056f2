import { fetchJson, sendJson } from './api.js';

/** @typedef {import('./types.js').Alert} Alert */

const REFRESH = 30_000;
const PAUSE = 300;
const HOUR = 3_600_000;

/** How long an alert can be silenced from the page. */
export const SILENCES = /** @type {const} */ ({ 1: '1 hour', 24: '24 hours', 168: '7 days' });

/** The alerts that are firing, and what a reader can do about them. */
export class ActiveAlerts {
	/** @type {Alert[] | null} null until they are known */ list = null;
	problem = '';
	/** @type {Set<string>} what waits for an answer */ busy = new Set();
	/** @type {Set<string>} what was silenced here: the database marks the alerts when it evaluates them the next time */ #silenced = new Set();
	#request = 0;
	/** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

	/** @param {() => void} onChange @param {() => string | null} portfolio */
	constructor(onChange, portfolio) {
		this.onChange = onChange;
		this.portfolio = portfolio;
		setInterval(() => { if (!document.hidden && this.list !== null) void this.load(); }, REFRESH);
	}

	async load() {
		const request = ++this.#request;
		try {
			const list = await fetchJson('alerts', { state: 'active', portfolio: this.portfolio() });
			if (request !== this.#request) return;
			this.list = list.map((/** @type {Alert} */ alert) => (this.#silenced.has(String(alert.alert_id)) ? { ...alert, silenced_by: alert.silenced_by ?? 0 } : alert));
		} catch {
			// The list stays as it was; the header says when the connection is gone.
			if (request !== this.#request) return;
			this.list ??= [];
		}
		this.onChange();
	}

	/** Something has been said about an alert. */
	refreshSoon() {
		this.#timer ??= setTimeout(() => {
			this.#timer = undefined;
			void this.load();
		}, PAUSE);
	}

	/** @param {Alert} alert */
	acknowledge(alert) {
		return this.#do(alert, () => sendJson('POST', `alerts/${alert.alert_id}/ack`));
	}

	/** @param {Alert} alert @param {number} hours */
	silence(alert, hours) {
		/** @type {Record<string, unknown>} */
		const matcher = { rule: alert.rule };
		if (alert.portfolio) matcher.portfolio = alert.portfolio;
		if (alert.symbol) matcher.symbol = alert.symbol;
		const until = new Date(Date.now() + hours * HOUR).toISOString();
		return this.#do(alert, async () => {
			await sendJson('POST', 'silences', { matcher, until, reason: 'from the dashboard' });
			const key = String(alert.alert_id);
			this.#silenced.add(key);
			setTimeout(() => this.#silenced.delete(key), REFRESH);
		});
	}

	/** @param {Alert} alert @param {() => Promise<any>} action */
	async #do(alert, action) {
		const key = String(alert.alert_id);
		if (this.busy.has(key)) return;
		this.busy.add(key);
		this.problem = '';
		this.onChange();
		try {
			await action();
			await this.load();
		} catch (error) {
			this.problem = /** @type {Error} */ (error).message;
		}
		this.busy.delete(key);
		this.onChange();
	}
}
