import { render } from 'lit-html';
import { fetchJson } from './api.js';
import { EquityCharts } from './charts.js';
import { Extras } from './extras.js';
import { zoneName } from './format.js';
import { History, POINTS, RANGES } from './history.js';
import { Popover } from './popover.js';
import { applySettings } from './settings.js';
import { PulseSocket } from './socket.js';
import { emptyState, reduce, withOlderTrades } from './store.js';
import { NEWEST_FIRST } from './trade_table.js';
import { page } from './views/page.js';

/** @typedef {import('./history.js').Range} Range */
/** @typedef {import('./types.js').Frame} Frame */

const REFRESH_CHART = 5 * 60_000;
const CORRECTION_PAUSE = 1000;
const DAY = 86_400;
const OLDER_TRADES = 200;

/**
 * Everything that the views read.
 * @typedef {ReturnType<Page['view']>} View
 */

class Page {
	state = emptyState();
	history = new History();
	extras = new Extras(() => this.draw(), () => ({ portfolio: this.state.scope, timezone: zoneName() }));
	/** @type {Range} */ range = '1M';
	/** @type {number | null} index of the point under the cursor */ cursor = null;
	keyboardCursor = false;
	arrangement = NEWEST_FIRST;
	/** @type {'trades' | 'volume' | 'pnl'} what the map of the hours shows */ heat = 'trades';
	zoomed = false;
	curveOpen = false;
	chartLoaded = false;
	chartError = '';
	problem = '';
	#explanation = new Popover();
	#settings = new Popover();
	/** @type {number | null} epoch seconds */ firstSnapshot = null;

	/** The newest figures that came over the socket. */
	#figures = { epoch: '', seq: 0 };
	#frame = 0;
	#chartRequest = 0;
	#snapshotRequest = 0;
	/** @type {EquityCharts | null} */ #charts = null;
	/** @type {{ equity?: Element, underwater?: Element }} */ #boxes = {};
	/** @type {ReturnType<typeof setTimeout> | undefined} */ #chartTimer;
	/** @type {ReturnType<typeof setTimeout> | undefined} */ #snapshotTimer;

	/** @param {HTMLElement} root */
	constructor(root) {
		this.root = root;
		const address = new URLSearchParams(location.search);
		const range = address.get('range');
		if (range && Object.hasOwn(RANGES, range)) this.range = /** @type {Range} */ (range);
		this.state.scope = address.get('portfolio');
		this.socket = new PulseSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/`, {
			onFrame: (frame) => this.#onFrame(frame),
			onConnection: ({ phase }) => {
				if (phase === 'live') this.problem = '';
				this.draw();
			},
		});
		this.actions = this.#makeActions();
	}

	start() {
		this.draw();
		this.socket.open();
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
			state: this.state, connection: this.socket.connection, history: this.history, extras: this.extras,
			range: this.range, cursor: this.cursor, keyboardCursor: this.keyboardCursor, zoomed: this.zoomed, curveOpen: this.curveOpen,
			chartLoaded: this.chartLoaded, chartError: this.chartError, problem: this.problem, explained: this.#explanation.key,
			arrangement: this.arrangement, heat: this.heat, now: Date.now(), days: this.#days(), actions: this.actions,
		};
	}

	#makeActions() {
		return {
			retryNow: () => this.socket.retryNow(),
			reloadChart: () => { void this.loadChart(); },
			resetZoom: () => this.#charts?.resetZoom(),
			settingsChanged: () => {
				this.#charts?.restyle();
				this.draw();
				// The time zone decides about months and hours.
				void this.extras.load();
			},
			/** @param {'trades' | 'volume' | 'pnl'} figure */
			chooseHeat: (figure) => {
				this.heat = figure;
				this.draw();
			},
			/** @param {Range} range */
			chooseRange: (range) => {
				this.range = range;
				this.#charts?.resetZoom();
				this.#rememberInAddress();
				void this.loadChart();
				this.draw();
			},
			/** @param {string | null} name */
			choosePortfolio: (name) => {
				this.state = { ...this.state, scope: name, older: null, cursor: null };
				this.#rememberInAddress();
				void this.loadChart();
				void this.#fetchSnapshot();
				void this.extras.load();
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
				this.draw();
			},
			/** @param {Element | undefined} box */
			equityBox: (box) => { this.#boxes.equity = box; },
			/** @param {Element | undefined} box */
			underwaterBox: (box) => { this.#boxes.underwater = box; },
			/** @param {string} key @param {HTMLElement} anchor */
			explain: (key, anchor) => this.#explanation.show(key, anchor, () => this.#render()),
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
			chartBlur: () => {
				this.keyboardCursor = false;
				this.#charts?.hideCursor();
			},
		};
	}

	#rememberInAddress() {
		const address = new URL(location.href);
		address.searchParams.set('range', this.range);
		if (this.state.scope === null) address.searchParams.delete('portfolio');
		else address.searchParams.set('portfolio', this.state.scope);
		history.replaceState(null, '', address);
	}

	/** @param {KeyboardEvent} event */
	#chartKey(event) {
		/** @type {Record<string, [number, 'by' | 'to']>} */
		const moves = {
			ArrowLeft: [-1, 'by'], ArrowRight: [1, 'by'], PageUp: [-20, 'by'], PageDown: [20, 'by'], Home: [0, 'to'], End: [-1, 'to'],
		};
		if (event.key === 'Escape') {
			this.#charts?.resetZoom();
			this.#charts?.hideCursor();
		} else if (Object.hasOwn(moves, event.key)) {
			this.keyboardCursor = true;
			this.#charts?.moveCursor(...moves[event.key]);
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
		if (this.state.performance.sharpe === null) void this.#findFirstSnapshot();
	}

	/** @param {boolean} mine whether the message was about what is shown */
	#extendCurve(mine) {
		const { portfolio } = this.state;
		const ts = Date.parse(portfolio?.ts ?? '') / 1000;
		const value = Number(portfolio?.total_value ?? NaN);
		if (!mine || !this.chartLoaded || !Number.isFinite(ts) || !Number.isFinite(value)) return;
		const flow = Number(portfolio?.net_flow ?? 0);
		const appended = this.history.append(ts, value, flow);
		this.history.trim(RANGES[this.range].hours);
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
		const { hours } = RANGES[this.range];
		try {
			const chart = await fetchJson('portfolio/chart', { hours, points: POINTS, portfolio: this.state.scope });
			if (request !== this.#chartRequest) return;
			this.history.load(chart, hours);
			this.chartError = '';
			this.chartLoaded = true;
		} catch (error) {
			if (request !== this.#chartRequest) return;
			// While the connection is down the header says so, and the curve is fetched again after it.
			this.chartError = this.socket.connection.phase === 'live'
				? `The curve could not be fetched: ${/** @type {Error} */ (error).message}.` : '';
		}
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
		const equity = /** @type {HTMLElement | undefined} */ (this.#boxes.equity);
		const underwater = /** @type {HTMLElement | undefined} */ (this.#boxes.underwater);
		if (!this.chartLoaded || this.history.ts.length === 0 || !equity?.clientWidth || !underwater) return;
		this.#charts ??= new EquityCharts(equity, underwater, (index) => {
			if (index === this.cursor) return;
			this.cursor = index;
			this.draw();
		}, (zoomed) => {
			this.zoomed = zoomed;
			this.draw();
		});
		this.#charts.show(this.history);
	}
}

new Page(/** @type {HTMLElement} */ (document.getElementById('app'))).start();
