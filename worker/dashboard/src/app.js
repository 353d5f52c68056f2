import { render } from 'lit-html';
import { ActiveAlerts } from './active_alerts.js';
import { fetchJson } from './api.js';
import { EquityCharts } from './charts.js';
import { Extras } from './extras.js';
import { zoneName } from './format.js';
import { History, POINTS, RANGES, daysOf, stretchOf } from './history.js';
import { LineChart } from './line_chart.js';
import { Popover } from './popover.js';
import { Session } from './session.js';
import { applySettings } from './settings.js';
import { PulseSocket } from './socket.js';
import { emptyState, reduce, withOlderTrades } from './store.js';
import { NEWEST_FIRST, arrangementOf, textOf } from './trade_table.js';
import { page } from './views/page.js';
import { ROLLING, WINDOWS } from './views/rolling.js';

/** @typedef {import('./history.js').Range} Range */
/** @typedef {import('./history.js').Stretch} Stretch */
/** @typedef {import('./types.js').Frame} Frame */

const REFRESH_CHART = 5 * 60_000;
const CORRECTION_PAUSE = 1000;
const DAY = 86_400;
const OLDER_TRADES = 200;
/** Closes come once a day. */
const LEAST_COMPARED = 3 * DAY;
/** Close code of a connection that lacks a valid token. */
const AUTHENTICATION = 4001;

/** @param {Stretch} stretch as parameters of a request */
const between = ({ from, to }) => ({ from: new Date(from * 1000).toISOString(), to: new Date(to * 1000).toISOString() });

/**
 * Everything that the views read.
 * @typedef {ReturnType<Page['view']>} View
 */

class Page {
	state = emptyState();
	history = new History();
	extras = new Extras(() => this.draw(), () => ({ portfolio: this.state.scope, timezone: zoneName(), rolling: this.rolling }));
	alerts = new ActiveAlerts(() => this.draw(), () => this.state.scope);
	session = new Session(() => this.draw(), () => this.socket.retryNow());
	/** @type {{ metric: import('./views/rolling.js').RollingMetric, window: number }} */ rolling = { metric: 'sharpe', window: 30 };
	/** @type {number | null} */ rollingCursor = null;
	/** @type {Range} */ range = '1M';
	/** @type {number | null} index of the point under the cursor */ cursor = null;
	keyboardCursor = false;
	arrangement = NEWEST_FIRST;
	/** @type {'trades' | 'volume' | 'pnl'} what the map of the hours shows */ heat = 'trades';
	/** @type {Stretch | null} days that the reader has chosen instead of a range */ stretch = null;
	/** @type {Stretch | null} what is magnified */ zoom = null;
	/** @type {History | null} its finer points, once they are there */ detail = null;
	curveOpen = false;
	/** What is typed where a portfolio is looked for. */
	wantedPortfolio = '';
	chartLoaded = false;
	chartError = '';
	problem = '';
	#explanation = new Popover();
	#settings = new Popover();
	#daysBox = new Popover();
	/** @type {number | null} epoch seconds */ firstSnapshot = null;

	/** The newest figures that came over the socket. */
	#figures = { epoch: '', seq: 0 };
	#frame = 0;
	#chartRequest = 0;
	#snapshotRequest = 0;
	/** @type {EquityCharts | null} */ #charts = null;
	/** @type {LineChart | null} */ #rollingChart = null;
	/** @type {{ equity?: Element, underwater?: Element, rolling?: Element }} */ #boxes = {};
	/** @type {ReturnType<typeof setTimeout> | undefined} */ #chartTimer;
	/** @type {ReturnType<typeof setTimeout> | undefined} */ #snapshotTimer;

	/** @param {HTMLElement} root */
	constructor(root) {
		this.root = root;
		const address = new URLSearchParams(location.search);
		const range = address.get('range');
		if (range && Object.hasOwn(RANGES, range)) this.range = /** @type {Range} */ (range);
		else if (range) this.stretch = stretchOf(range.slice(0, 10), range.slice(12));
		this.state.scope = address.get('portfolio');
		this.wantedPortfolio = this.state.scope ?? '';
		const [metric, window] = (address.get('rolling') ?? '').split('-');
		if (Object.hasOwn(ROLLING, metric)) this.rolling.metric = /** @type {import('./views/rolling.js').RollingMetric} */ (metric);
		if (WINDOWS.some((days) => days === Number(window))) this.rolling.window = Number(window);
		this.arrangement = arrangementOf(address.get('trades') ?? '');
		const heat = address.get('activity');
		if (heat === 'volume' || heat === 'pnl') this.heat = heat;
		this.socket = new PulseSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`, {
			onFrame: (frame) => this.#onFrame(frame),
			onConnection: ({ phase, code }) => {
				if (phase === 'live') this.problem = '';
				if (phase === 'waiting' && code === AUTHENTICATION) void this.session.check();
				this.draw();
			},
		});
		this.actions = this.#makeActions();
	}

	start() {
		this.draw();
		this.root.addEventListener('click', (event) => {
			const anchor = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest('[data-term]'));
			if (anchor) this.#explanation.show(anchor.dataset.term ?? '', anchor, () => this.#render());
		});
		this.socket.open();
		void this.session.check();
		setInterval(() => this.draw(), 1000);
		setInterval(() => this.loadChart(), REFRESH_CHART);
		addEventListener('online', () => this.socket.retryNow());
		document.addEventListener('visibilitychange', () => {
			if (!document.hidden) this.socket.retryNow();
		});
		matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
			applySettings();
			this.actions.settingsChanged();
		});
	}

	/** Draws once in the next frame, however many messages ask for it. */
	draw() {
		if (this.#frame) return;
		this.#frame = requestAnimationFrame(() => {
			this.#frame = 0;
			this.#render();
		});
	}

	#render() {
		render(page(this.view()), this.root);
		this.#drawCharts();
	}

	view() {
		return {
			state: this.state, connection: this.socket.connection, history: this.#shown(), extras: this.extras,
			range: this.range, cursor: this.cursor, keyboardCursor: this.keyboardCursor, zoomed: this.zoom !== null, stretch: this.stretch, live: this.#isLive(), curveOpen: this.curveOpen,
			chartLoaded: this.chartLoaded, chartError: this.chartError, problem: this.problem, explained: this.#explanation.key,
			alerts: this.alerts, session: this.session, rolling: this.rolling, rollingCursor: this.rollingCursor,
			wantedPortfolio: this.wantedPortfolio, arrangement: this.arrangement, heat: this.heat, now: Date.now(), days: this.#days(), actions: this.actions,
		};
	}

	#makeActions() {
		return {
			retryNow: () => this.socket.retryNow(),
			reloadChart: () => { void this.loadChart(); },
			resetZoom: () => this.#charts?.resetZoom(),
			settingsChanged: () => {
				this.#charts?.restyle();
				this.#rollingChart?.restyle();
				this.draw();
				// The time zone decides about months and hours.
				void this.extras.load();
			},
			/** @param {'trades' | 'volume' | 'pnl'} figure */
			chooseHeat: (figure) => {
				this.heat = figure;
				this.#rememberInAddress();
				this.draw();
			},
			/** @param {Partial<{ metric: import('./views/rolling.js').RollingMetric, window: number }>} change */
			chooseRolling: (change) => {
				this.rolling = { ...this.rolling, ...change };
				this.#rememberInAddress();
				void this.extras.fetch('rolling');
				this.draw();
			},
			/** @param {import('./types.js').Alert} alert */
			acknowledge: (alert) => { void this.alerts.acknowledge(alert); },
			/** @param {import('./types.js').Alert} alert @param {number} hours */
			silence: (alert, hours) => { void this.alerts.silence(alert, hours); },
			/** @param {string} token */
			logIn: (token) => { void this.session.logIn(token); },
			logOut: () => { void this.session.logOut(); },
			/** @param {import('./extras.js').Source} source */
			reload: (source) => { void this.extras.fetch(source); },
			/** @param {Range} range */
			chooseRange: (range) => {
				this.range = range;
				this.stretch = null;
				this.#rangeChanged();
			},
			/** @param {Stretch} stretch */
			chooseDays: (stretch) => {
				this.stretch = stretch;
				this.#rangeChanged();
			},
			/** @param {HTMLElement} anchor */
			openDays: (anchor) => this.#daysBox.show('days', anchor, () => this.#render()),
			/** @param {Element | undefined} box */
			daysBox: (box) => this.#daysBox.attach(box),
			/** @param {Event} event */
			daysToggles: (event) => this.#daysBox.toggles(event),
			/** @param {string} text */
			searchPortfolio: (text) => {
				this.wantedPortfolio = text;
				this.draw();
			},
			/** @param {string | null} name */
			choosePortfolio: (name) => {
				this.wantedPortfolio = name ?? '';
				this.state = { ...this.state, scope: name, older: null, cursor: null };
				this.#rememberInAddress();
				void this.loadChart();
				void this.#fetchSnapshot();
				void this.extras.load();
				void this.alerts.load();
			},
			/** @param {Event} event */
			curveToggled: (event) => {
				this.curveOpen = /** @type {HTMLDetailsElement} */ (event.target).open;
				this.draw();
			},
			olderTrades: () => { void this.#fetchOlderTrades(); },
			/** @param {Partial<import('./trade_table.js').Arrangement>} change */
			arrangeTrades: (change) => {
				this.arrangement = { ...this.arrangement, ...change };
				this.#rememberInAddress();
				this.draw();
			},
			/** @param {Element | undefined} box */
			equityBox: (box) => { this.#boxes.equity = box; },
			/** @param {Element | undefined} box */
			underwaterBox: (box) => { this.#boxes.underwater = box; },
			/** @param {Element | undefined} box */
			rollingBox: (box) => { this.#boxes.rolling = box; },
			/** @param {Element | undefined} box */
			explanationBox: (box) => this.#explanation.attach(box),
			/** @param {Event} event */
			explanationToggles: (event) => this.#explanation.toggles(event),
			/** @param {HTMLElement} anchor */
			openSettings: (anchor) => this.#settings.show('settings', anchor, () => this.#render()),
			/** @param {Element | undefined} box */
			settingsBox: (box) => this.#settings.attach(box),
			/** @param {Event} event */
			settingsToggles: (event) => this.#settings.toggles(event),
			/** @param {KeyboardEvent} event */
			chartKey: (event) => this.#chartKey(event),
			/** @param {KeyboardEvent} event */
			rollingKey: (event) => {
				if (event.key === 'Escape') this.#rollingChart?.hideCursor();
				else if (!this.#rollingChart?.moveCursor(event.key)) return;
				event.preventDefault();
			},
			rollingBlur: () => this.#rollingChart?.hideCursor(),
			chartBlur: () => {
				this.keyboardCursor = false;
				this.#charts?.hideCursor();
			},
		};
	}

	#rangeChanged() {
		this.#charts?.resetZoom();
		this.#rememberInAddress();
		void this.loadChart();
		this.draw();
	}

	/** The curve that is on the screen. */
	#shown() {
		return this.zoom !== null && this.detail !== null ? this.detail : this.history;
	}

	/** Whether the curve on the screen goes on with the account. */
	#isLive() {
		return this.zoom === null && (this.stretch === null || this.stretch.to * 1000 > Date.now());
	}

	#rememberInAddress() {
		const address = new URL(location.href);
		const { from, to } = this.stretch ? daysOf(this.stretch) : { from: '', to: '' };
		address.searchParams.set('range', this.stretch ? `${from}..${to}` : this.range);
		if (this.state.scope === null) address.searchParams.delete('portfolio');
		else address.searchParams.set('portfolio', this.state.scope);
		address.searchParams.set('rolling', `${this.rolling.metric}-${this.rolling.window}`);
		const arrangement = textOf(this.arrangement);
		if (arrangement === '') address.searchParams.delete('trades');
		else address.searchParams.set('trades', arrangement);
		if (this.heat === 'trades') address.searchParams.delete('activity');
		else address.searchParams.set('activity', this.heat);
		history.replaceState(null, '', address);
	}

	/** @param {KeyboardEvent} event */
	#chartKey(event) {
		if (event.key === 'Escape') {
			this.#charts?.resetZoom();
			this.#charts?.hideCursor();
		} else if (this.#charts?.moveCursor(event.key)) {
			this.keyboardCursor = true;
		} else {
			return;
		}
		event.preventDefault();
	}

	/** @param {Frame} frame */
	#onFrame(frame) {
		if (frame.type === 'ERROR') {
			this.problem = `${frame.message ?? frame.code ?? ''}${frame.retryable ? '; trying again' : ''}`;
			this.draw();
			return;
		}
		const before = this.state;
		this.state = reduce(before, frame);
		if (frame.type === 'SNAPSHOT') this.#afterSnapshot();
		else if (frame.type === 'PORTFOLIO_UPDATE' || frame.type === 'PERFORMANCE_UPDATE') {
			this.extras.refreshSoon();
			this.#figures = { epoch: frame.epoch ?? '', seq: frame.seq ?? 0 };
		}
		if (frame.type === 'SYSTEM_ALERT') this.alerts.refreshSoon();
		if (frame.type === 'PORTFOLIO_UPDATE') this.#extendCurve(before.portfolio !== this.state.portfolio);
		if (this.state.outdated) this.#fetchSnapshotSoon();
		this.draw();
	}

	#afterSnapshot() {
		this.problem = '';
		// The live connection speaks of all portfolios; one of them, chosen by the reader, is fetched on top.
		if (this.state.scope !== null && this.state.portfolios.length > 1) void this.#fetchSnapshot();
		void this.loadChart();
		void this.extras.load();
		void this.alerts.load();
		void this.#findFirstSnapshot();
	}

	/** @param {boolean} mine whether the message was about what is shown */
	#extendCurve(mine) {
		const { portfolio } = this.state;
		const ts = Date.parse(portfolio?.ts ?? '') / 1000;
		const value = Number(portfolio?.total_value ?? NaN);
		if (!mine || !this.chartLoaded || !Number.isFinite(ts) || !Number.isFinite(value)) return;
		if (this.stretch && ts >= this.stretch.to) return;
		const flow = Number(portfolio?.net_flow ?? 0);
		const appended = this.history.append(ts, value, flow);
		if (!this.stretch) this.history.trim(RANGES[this.range].hours);
		// A late snapshot changes the past, and of several deposits in a row only the last one is in the message.
		if (!appended || flow !== 0) this.#loadChartSoon();
	}

	#loadChartSoon() {
		this.#chartTimer ??= setTimeout(() => {
			this.#chartTimer = undefined;
			void this.loadChart();
		}, CORRECTION_PAUSE);
	}

	#fetchSnapshotSoon() {
		this.#snapshotTimer ??= setTimeout(() => {
			this.#snapshotTimer = undefined;
			void this.#fetchSnapshot();
			this.#loadChartSoon();
		}, CORRECTION_PAUSE);
	}

	async #fetchSnapshot() {
		const request = ++this.#snapshotRequest;
		try {
			const data = await fetchJson('snapshot', { portfolio: this.state.scope });
			if (request !== this.#snapshotRequest) return;
			// Overtaken by the live stream: the newer figures stay until a snapshot has caught up with them.
			if (data.epoch === this.#figures.epoch && data.seq < this.#figures.seq) {
				this.#fetchSnapshotSoon();
				return;
			}
			const { portfolios } = this.state;
			this.state = reduce(this.state, { type: 'SNAPSHOT', data });
			if (this.state.portfolios.length < portfolios.length) this.state = { ...this.state, portfolios };
			this.problem = '';
		} catch (error) {
			if (request === this.#snapshotRequest) this.problem = `The figures could not be fetched: ${/** @type {Error} */ (error).message}`;
		}
		this.draw();
	}

	async #fetchOlderTrades() {
		const { older, cursor, trades, scope } = this.state;
		// The first page begins at the newest trade too: only the server can make cursors.
		const limit = OLDER_TRADES + (older ? 0 : trades.length);
		try {
			const answer = await fetchJson('trades', { limit, cursor: older ? cursor : null, portfolio: scope });
			if (scope === this.state.scope) this.state = withOlderTrades(this.state, answer);
		} catch (error) {
			this.problem = `The trades could not be fetched: ${/** @type {Error} */ (error).message}`;
		}
		this.draw();
	}

	async loadChart() {
		const request = ++this.#chartRequest;
		const { stretch } = this;
		const hours = stretch ? (stretch.to - stretch.from) / 3600 : RANGES[this.range].hours;
		try {
			const chart = await fetchJson('portfolio/chart', { ...(stretch ? between(stretch) : { hours }), points: POINTS, portfolio: this.state.scope });
			if (request !== this.#chartRequest) return;
			this.history.load(chart, hours);
			this.chartError = '';
			this.chartLoaded = true;
			void this.#compare(this.history);
		} catch (error) {
			if (request !== this.#chartRequest) return;
			// While the connection is down the header says so, and the curve is fetched again after it.
			this.chartError = this.socket.connection.phase === 'live'
				? `The curve could not be fetched: ${/** @type {Error} */ (error).message}.` : '';
		}
		this.draw();
	}

	/** @param {History} history lays the benchmark beside it, where one is named */
	async #compare(history) {
		const { ts } = history;
		if (ts.length < 2 || ts[ts.length - 1] - ts[0] < LEAST_COMPARED) return;
		const closes = await fetchJson('benchmark', between({ from: ts[0], to: ts[ts.length - 1] })).catch(() => null);
		// Another curve may have been fetched meanwhile.
		if (closes === null || history.ts !== ts) return;
		history.compare(closes);
		this.draw();
	}

	/** Fetches finer points for what is magnified. */
	async #loadDetail() {
		const { zoom } = this;
		if (zoom === null) return;
		const chart = await fetchJson('portfolio/chart', { ...between(zoom), points: POINTS, portfolio: this.state.scope }).catch(() => null);
		// Without them the curve stays as coarse as it is.
		if (chart === null || chart.ts.length < 2 || zoom !== this.zoom) return;
		this.detail = new History();
		this.detail.load(chart, (zoom.to - zoom.from) / 3600);
		this.detail.rebase(this.history.levelAt(chart.ts[0]));
		void this.#compare(this.detail);
		this.draw();
	}

	async #findFirstSnapshot() {
		try {
			const chart = await fetchJson('portfolio/chart', { hours: RANGES.All.hours, points: 4, portfolio: this.state.scope });
			this.firstSnapshot = chart.ts[0] ?? null;
			this.draw();
		} catch {
			// Only a remark depends on it.
		}
	}

	/** UTC days from the first snapshot to the newest. */
	#days() {
		const newest = this.state.portfolio?.ts;
		if (this.firstSnapshot === null || !newest) return 0;
		return Math.floor(Date.parse(newest) / 1000 / DAY) - Math.floor(this.firstSnapshot / DAY) + 1;
	}

	#drawCharts() {
		this.#drawEquity();
		const box = /** @type {HTMLElement | undefined} */ (this.#boxes.rolling);
		const { rolling } = this.extras;
		if (!box?.clientWidth || !rolling) {
			if (!box) this.#rollingChart = null;
			return;
		}
		if (this.#rollingChart?.box !== box) {
			this.#rollingChart = new LineChart(box, (index) => {
				if (index === this.rollingCursor) return;
				this.rollingCursor = index;
				this.draw();
			});
		}
		this.#rollingChart.show(rolling, ROLLING[this.rolling.metric].percent);
	}

	#drawEquity() {
		const equity = /** @type {HTMLElement | undefined} */ (this.#boxes.equity);
		const underwater = /** @type {HTMLElement | undefined} */ (this.#boxes.underwater);
		if (!this.chartLoaded || this.history.ts.length === 0 || !equity?.clientWidth || !underwater) return;
		this.#charts ??= new EquityCharts(equity, underwater, (index) => {
			if (index === this.cursor) return;
			this.cursor = index;
			this.draw();
		}, (zoom) => {
			this.zoom = zoom;
			if (zoom === null) this.detail = null;
			else void this.#loadDetail();
			this.draw();
		});
		this.#charts.show(this.#shown());
	}
}

new Page(/** @type {HTMLElement} */ (document.getElementById('app'))).start();
