import { html, nothing } from 'lit-html';
import { ref } from 'lit-html/directives/ref.js';
import { MISSING, isFiniteNumber, percent, ratio, time } from '../format.js';
import { empty, panel, skeleton, stale, tableBehind } from './parts.js';

/** @typedef {import('../app.js').View} View */

export const ROLLING = /** @type {const} */ ({
	sharpe: { name: 'Sharpe', percent: false },
	volatility: { name: 'Volatility', percent: true },
	total_return: { name: 'Return', percent: true },
	max_drawdown: { name: 'Drawdown', percent: true },
});
export const WINDOWS = /** @type {const} */ ([30, 90]);
const MOST_ROWS = 60;

/** @typedef {keyof typeof ROLLING} RollingMetric */

/** @param {View} view */
function choices({ rolling: { metric, window }, actions }) {
	return html`<div class="ranges">
		<div class="segmented" role="group" aria-label="Figure">
			${Object.entries(ROLLING).map(([name, { name: label }]) => html`<button type="button" data-rolling=${name} aria-pressed=${name === metric ? 'true' : 'false'}
				@click=${() => actions.chooseRolling({ metric: /** @type {RollingMetric} */ (name) })}>${label}</button>`)}</div>
		<div class="segmented" role="group" aria-label="Window">
			${WINDOWS.map((days) => html`<button type="button" data-window=${days} aria-pressed=${days === window ? 'true' : 'false'}
				@click=${() => actions.chooseRolling({ window: days })}>${days} days</button>`)}</div>
	</div>`;
}

/** @param {View} view */
export function rolling(view) {
	const { state, extras, actions, rollingCursor, rolling: { metric, window } } = view;
	const data = extras.rolling;
	const format = (/** @type {number | null | undefined} */ value) => (ROLLING[metric].percent ? percent(value) : ratio(value));
	const known = data?.value.filter(isFiniteNumber) ?? [];
	let body;
	let reading;
	if (!state.loaded || data === null) body = extras.problems.has('rolling') ? nothing : skeleton(3);
	else if (known.length === 0) body = empty(`Needs more than ${window} days of snapshots.`);
	else {
		const last = data.value.length - 1;
		const index = rollingCursor !== null && rollingCursor <= last ? rollingCursor : last;
		reading = html`<dl class="reading num" aria-live=${rollingCursor === null ? 'off' : 'polite'}><div><dt class="sr-only">Time</dt><dd class="muted">${time(data.ts[index] * 1000, 'date')}</dd></div>
			<div><dt class="sr-only">${ROLLING[metric].name}</dt><dd>${format(data.value[index])}</dd></div></dl>`;
		const step = Math.max(1, Math.ceil((last + 1) / MOST_ROWS));
		const rows = Array.from({ length: Math.floor(last / step) + 1 }, (_, row) => last - row * step);
		const label = `${ROLLING[metric].name} over ${window} days: lowest ${format(Math.min(...known))}, highest ${format(Math.max(...known))}, now ${format(data.value[last])}.`;
		body = html`<div class="chart-rolling" tabindex="0" role="group" aria-roledescription="chart" aria-label="${label} Arrow keys read single days." ${ref(actions.rollingBox)}
				@keydown=${actions.rollingKey} @blur=${actions.rollingBlur}></div>
			${tableBehind('Rolling figures', ['Day', ROLLING[metric].name], rows.map((row) => [time(data.ts[row] * 1000, 'date'), isFiniteNumber(data.value[row]) ? format(data.value[row]) : MISSING]))}`;
	}
	return panel('rolling', 'Rolling', html`${stale(view, 'rolling')}${body}`, { aside: html`${reading ?? html`<span></span>`}${choices(view)}` });
}
