import { html, nothing } from 'lit-html';
import { zoneName } from '../format.js';
import { distribution, volume } from './activity.js';
import { alerts } from './alerts.js';
import { drawdowns, hours, months, symbols, timeframes } from './analysis.js';
import { days, equity } from './equity.js';
import { explanation } from './explanation.js';
import { exposure } from './exposure.js';
import { header } from './header.js';
import { health } from './health.js';
import { login } from './login.js';
import { positions } from './positions.js';
import { rolling } from './rolling.js';
import { sections } from './sections.js';
import { settings } from './settings.js';
import { statistics } from './statistics.js';
import { tiles } from './tiles.js';
import { trades } from './trades.js';

/** @typedef {import('../app.js').View} View */

/** @param {View} view */
export function page(view) {
	if (view.session.required) return html`${login(view)}${settings(view)}`;
	const away = view.connection.phase !== 'live' && view.state.loaded;
	return html`<a class="skip" href="#trades">Skip to the trades</a>
		${header(view)}
		${view.problem ? html`<p class="banner wide" role="alert">${view.problem}</p>` : nothing}
		<main id="overview" class=${away ? 'away' : ''}>
			<h1 class="sr-only">Trading performance</h1>
			${tiles(view)}
			<div class="columns">
				<div class="column wide">${equity(view)}${trades(view)}${positions(view)}${rolling(view)}${timeframes(view)}${months(view)}${hours(view)}${volume(view)}${sections(view)}</div>
				<div class="column narrow">${alerts(view)}${health(view)}${statistics(view)}${exposure(view)}${symbols(view)}${distribution(view)}${drawdowns(view)}</div>
			</div>
		</main>
		<footer class="bottom"><span>Times in ${zoneName()}; days of the statistics begin at 00:00 UTC.</span></footer>
		<nav class="sections" aria-label="Sections">
			<a href="#overview">Overview</a><a href="#alerts">Alerts</a><a href="#trades">Trades</a><a href="#positions">Positions</a><a href="#health">Health</a>
		</nav>
		${explanation(view)}${settings(view)}${days(view)}`;
}
