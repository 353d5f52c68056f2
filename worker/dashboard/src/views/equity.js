import { html, nothing } from 'lit-html';
import { ref } from 'lit-html/directives/ref.js';
import { MISSING, money, percent, time } from '../format.js';
import { RANGES, daysOf, stretchOf } from '../history.js';
import { change, empty, panel } from './parts.js';

/** @typedef {import('../app.js').View} View */

/** @param {View} view */
function rangeButtons({ range, stretch, zoomed, actions }) {
	return html`<div class="ranges">
		${zoomed ? html`<button type="button" class="link" @click=${actions.resetZoom}>Reset zoom</button>` : nothing}
		<div class="segmented" role="group" aria-label="Time range">
			${Object.entries(RANGES).map(([name, { name: spoken }]) => html`<button type="button" data-range=${name}
				aria-pressed=${name === range && !stretch ? 'true' : 'false'} aria-label="${name}, ${spoken}"
				@click=${() => actions.chooseRange(/** @type {import('../history.js').Range} */ (name))}>${name}</button>`)}
			<button type="button" data-range="custom" aria-pressed=${stretch ? 'true' : 'false'} aria-label="Choose the days" aria-haspopup="dialog"
				@click=${(/** @type {Event} */ event) => actions.openDays(/** @type {HTMLElement} */ (event.currentTarget))}>…</button>
		</div>
	</div>`;
}

/**
 * Two days to choose, in a box of their own.
 * @param {View} view
 */
export function days({ stretch, actions }) {
	const chosen = stretch ? daysOf(stretch) : { from: '', to: '' };
	return html`<form id="days" popover role="dialog" aria-label="Days of the curve" ${ref(actions.daysBox)} @beforetoggle=${actions.daysToggles}
		@submit=${(/** @type {SubmitEvent} */ event) => {
			event.preventDefault();
			const form = /** @type {HTMLFormElement} */ (event.target);
			const fields = new FormData(form);
			const wanted = stretchOf(String(fields.get('from')), String(fields.get('to')));
			const last = /** @type {HTMLInputElement} */ (form.elements.namedItem('to'));
			last.setCustomValidity(wanted ? '' : 'The last day must not be before the first.');
			if (!form.reportValidity() || !wanted) return;
			actions.chooseDays(wanted);
			form.hidePopover();
		}}>
		<label>From <input type="date" name="from" required .value=${chosen.from}></label>
		<label>To <input type="date" name="to" required .value=${chosen.to} @input=${(/** @type {Event} */ event) => /** @type {HTMLInputElement} */ (event.target).setCustomValidity('')}></label>
		<button type="submit" class="plain">Show</button>
	</form>`;
}

/**
 * The point under the cursor, or the whole range when there is none.
 * @param {View} view
 */
function reading({ history, cursor, live }) {
	const last = history.ts.length - 1;
	const index = cursor ?? last;
	const first = history.facts()?.first ?? null;
	const value = history.value[index] ?? null;
	const gain = cursor === null ? history.gain() : null;
	const underwater = history.underwater[index];
	return html`<dl class="reading num">
		<div><dt class="sr-only">Time</dt><dd class="muted">${index < 0 ? MISSING : cursor === null && live ? 'now' : time(history.ts[index] * 1000, 'minute')}</dd></div>
		<div><dt class="sr-only">Value</dt><dd>${value === null ? MISSING : money(String(value))}</dd></div>
		${cursor === null && gain !== null ? html`<div><dt class="sr-only">P&L over the range</dt><dd>${change(String(gain), money(gain.toFixed(2), true))}</dd></div>` : nothing}
		${cursor !== null && first && value !== null ? html`<div><dt class="sr-only">Since the start of the range</dt><dd>${change(String(value - first), money((value - first).toFixed(2), true))}</dd></div>` : nothing}
		${history.benchmarkName ? html`<div><dt class="benchmark text">${history.benchmarkName}</dt><dd>${cursor === null
			? percent(history.benchmarkGrowth(), { signed: true }) : money(history.benchmark[index]?.toFixed(2))}</dd></div>` : nothing}
		<div><dt>Drawdown</dt><dd>${underwater === null || underwater === undefined ? MISSING : percent(underwater)}</dd></div>
	</dl>`;
}

/** @param {View} view one sentence for those who do not see the curve */
function summary({ history, range, stretch, zoomed }) {
	const facts = history.facts();
	if (facts === null) return 'No values in this range.';
	const over = zoomed || stretch ? `${time(history.ts[0] * 1000, 'date')} to ${time(history.ts[history.ts.length - 1] * 1000, 'date')}` : RANGES[range].name;
	return `Equity over ${over}: from ${money(facts.first.toFixed(2))} to ${money(facts.last.toFixed(2))}, `
		+ `lowest ${money(facts.low.toFixed(2))}, highest ${money(facts.high.toFixed(2))}, deepest drawdown ${percent(-facts.deepest)}. `
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
