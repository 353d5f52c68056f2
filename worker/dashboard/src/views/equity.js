import { html, nothing } from 'lit-html';
import { ref } from 'lit-html/directives/ref.js';
import { MISSING, money, percent, time } from '../format.js';
import { RANGES } from '../history.js';
import { change, empty, panel } from './parts.js';

/** @typedef {import('../app.js').View} View */

/** @param {View} view */
function rangeButtons({ range, zoomed, actions }) {
	return html`<div class="ranges">
		${zoomed ? html`<button type="button" class="link" @click=${actions.resetZoom}>Reset zoom</button>` : nothing}
		<div class="segmented" role="group" aria-label="Time range">
			${Object.entries(RANGES).map(([name, { name: spoken }]) => html`<button type="button" data-range=${name}
				aria-pressed=${name === range ? 'true' : 'false'} aria-label="${name}, ${spoken}"
				@click=${() => actions.chooseRange(/** @type {import('../history.js').Range} */ (name))}>${name}</button>`)}
		</div>
	</div>`;
}

/**
 * The point under the cursor, or the whole range when there is none.
 * @param {View} view
 */
function reading({ history, cursor }) {
	const last = history.ts.length - 1;
	const index = cursor ?? last;
	const first = history.value.find((each) => each !== null) ?? null;
	const value = history.value[index] ?? null;
	const gain = cursor === null ? history.gain() : null;
	const underwater = history.underwater[index];
	return html`<dl class="reading num">
		<div><dt class="sr-only">Time</dt><dd class="muted">${index < 0 ? MISSING : cursor === null ? 'now' : time(history.ts[index] * 1000, 'minute')}</dd></div>
		<div><dt class="sr-only">Value</dt><dd>${value === null ? MISSING : money(String(value))}</dd></div>
		${cursor === null && gain !== null ? html`<div><dt class="sr-only">P&L over the range</dt><dd>${change(String(gain), money(gain.toFixed(2), true))}</dd></div>` : nothing}
		${cursor !== null && first && value !== null ? html`<div><dt class="sr-only">Since the start of the range</dt><dd>${change(String(value - first), money((value - first).toFixed(2), true))}</dd></div>` : nothing}
		<div><dt>Drawdown</dt><dd>${underwater === null || underwater === undefined ? MISSING : percent(underwater)}</dd></div>
	</dl>`;
}

/** @param {View} view one sentence for those who do not see the curve */
function summary({ history, range }) {
	const values = /** @type {number[]} */ (history.value.filter((each) => each !== null));
	if (values.length === 0) return 'No values in this range.';
	const low = values.reduce((a, b) => Math.min(a, b));
	const high = values.reduce((a, b) => Math.max(a, b));
	const deepest = history.underwater.reduce((/** @type {number} */ a, b) => Math.min(a, b ?? 0), 0);
	return `Equity over ${RANGES[range].name}: from ${money(values[0].toFixed(2))} to ${money(values[values.length - 1].toFixed(2))}, `
		+ `lowest ${money(low.toFixed(2))}, highest ${money(high.toFixed(2))}, deepest drawdown ${percent(-deepest)}. `
		+ 'Arrow keys read single points.';
}

const FIRST_SNAPSHOT = "-- the tables come from: SELECT pulse_setup();\nINSERT INTO portfolio_snapshots (total_value, cash_balance)\nVALUES (10000, 10000);";

const MOST_ROWS = 120;

/**
 * The curve for those who read rather than see it; drawn only while it is open.
 * @param {View} view
 */
function asTable({ history, curveOpen, actions }) {
	const last = history.ts.length - 1;
	const step = Math.max(1, Math.ceil((last + 1) / MOST_ROWS));
	// Counted from the end, so that the newest value is always among them.
	const indexes = curveOpen ? Array.from({ length: Math.floor(last / step) + 1 }, (_, row) => last - row * step) : [];
	return html`<details class="as-table" @toggle=${actions.curveToggled}><summary>Curve as a table</summary>
		${indexes.length > 0 ? html`<div class="scroll" tabindex="0" role="group" aria-label="Equity curve, newest first"><table>
			<thead><tr><th scope="col">Time</th><th scope="col" class="right">Value</th><th scope="col" class="right">Drawdown</th></tr></thead>
			<tbody>${indexes.map((index) => html`<tr><td class="num">${time(history.ts[index] * 1000, 'minute')}</td>
				<td class="num right">${money(String(history.value[index] ?? ''))}</td><td class="num right">${percent(history.underwater[index])}</td></tr>`)}</tbody>
		</table></div>` : nothing}
	</details>`;
}

/** @param {View} view */
export function equity(view) {
	const { history, state, actions, chartError } = view;
	const nothingYet = view.chartLoaded && history.ts.length === 0;
	const body = html`
		${chartError ? html`<p class="banner" role="alert">${chartError} <button type="button" class="link" @click=${actions.reloadChart}>Try again</button></p>` : nothing}
		${nothingYet && state.loaded ? empty(state.portfolio?.total_value ? 'No snapshot in this range. Choose a longer one.' : 'No snapshot yet. Insert your first one like this; the page moves by itself:',
			state.portfolio?.total_value ? nothing : html`<pre tabindex="0"><code>${FIRST_SNAPSHOT}</code></pre>`) : nothing}
		<div class="charts ${nothingYet ? 'hidden' : ''}" tabindex="0" role="group" aria-roledescription="chart" aria-label=${summary(view)}
			@keydown=${actions.chartKey} @blur=${actions.chartBlur}>
			<div class="chart-equity" ${ref(actions.equityBox)}></div>
			<p class="chart-label" aria-hidden="true">Underwater</p>
			<div class="chart-underwater" ${ref(actions.underwaterBox)}></div>
		</div>
		<p class="sr-only" aria-live="polite">${view.cursor !== null && view.keyboardCursor ? `${time(history.ts[view.cursor] * 1000, 'minute')}: ${money(String(history.value[view.cursor] ?? ''))}` : ''}</p>`;
	const table = nothingYet || !view.chartLoaded ? nothing : asTable(view);
	return panel('equity', 'Equity', html`${body}${table}`, { className: 'equity', aside: html`${nothingYet ? html`<span></span>` : reading(view)}${rangeButtons(view)}` });
}
