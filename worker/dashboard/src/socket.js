/** @typedef {import('./types.js').Frame} Frame */

/**
 * What the page can know about its connection.
 * @typedef {{ phase: 'connecting' | 'live' | 'waiting' | 'silent', attempt: number, retryAt: number | null, since: number, code: number | null }} Connection
 */

export const EVENT_TYPES = [
	'PERFORMANCE_UPDATE', 'PORTFOLIO_UPDATE', 'HEALTH_UPDATE', 'TRADE_ALERT', 'SYSTEM_ALERT',
];

const FIRST_DELAY = 500;
const LONGEST_DELAY = 30_000;
const IDLE_BEFORE_PING = 15_000;
const SILENT_AFTER_PING = 5_000;
const GIVE_UP_AFTER_PING = 15_000;
const RETRY_REQUEST = 1_000;
const MOST_HELD_FRAMES = 1000;

/**
 * A connection that comes back by itself and leaves no hole: after every
 * reconnect it asks for what followed the last seq it saw, and where that is
 * not to be had (GAP, another epoch, a jump in prev_seq) for a whole snapshot.
 */
export class PulseSocket {
	/** @type {WebSocket | null} */ #socket = null;
	/** @type {{ epoch: string, seq: number } | null} */ #position = null;
	/** @type {'snapshot' | 'resume' | null} */ #awaiting = null;
	/** @type {Frame[]} */ #held = [];
	#requests = 0;
	/** The id of the request that #awaiting waits for. */
	#requestId = '';
	#heardAt = 0;
	#pingedAt = 0;
	#closed = false;
	/** @type {ReturnType<typeof setTimeout> | undefined} */ #retryTimer;
	/** @type {ReturnType<typeof setInterval> | undefined} */ #watch;
	/** @type {Connection} */ connection = { phase: 'connecting', attempt: 0, retryAt: null, since: Date.now(), code: null };

	/**
	 * @param {string} url
	 * @param {{ onFrame: (frame: Frame) => void, onConnection: (connection: Connection) => void,
	 *           WebSocket?: any, random?: () => number, idle?: number }} options
	 */
	constructor(url, { onFrame, onConnection, WebSocket = globalThis.WebSocket, random = Math.random, idle = IDLE_BEFORE_PING }) {
		this.url = url;
		this.onFrame = onFrame;
		this.onConnection = onConnection;
		this.WebSocket = WebSocket;
		this.random = random;
		this.idle = idle;
	}

	open() {
		this.#closed = false;
		this.#watch ??= setInterval(() => this.#checkSilence(), 1000);
		this.#connect();
	}

	close() {
		this.#closed = true;
		clearTimeout(this.#retryTimer);
		clearInterval(this.#watch);
		this.#watch = undefined;
		this.#drop();
	}

	/** Skips the rest of the countdown: the network is back, or somebody looks at the page again. */
	retryNow() {
		if (this.connection.phase !== 'waiting' || this.#closed) return;
		clearTimeout(this.#retryTimer);
		this.#connect();
	}

	/** @param {object} message @returns {boolean} false when there is no connection to send it on */
	send(message) {
		if (!this.#socket || this.#socket.readyState !== 1) return false;
		this.#socket.send(JSON.stringify(message));
		return true;
	}

	/** Asks for a snapshot; frames that arrive before it are held, then applied if they are newer. */
	requestSnapshot() {
		if (this.#awaiting === 'snapshot') return;
		this.#requestId = `s${++this.#requests}`;
		if (this.send({ type: 'REQUEST_SNAPSHOT', id: this.#requestId })) this.#awaiting = 'snapshot';
	}

	#connect() {
		this.#drop();
		this.#setConnection({ phase: 'connecting', retryAt: null });
		const socket = new this.WebSocket(this.url);
		this.#socket = socket;
		socket.onopen = () => this.#started();
		socket.onmessage = (/** @type {MessageEvent} */ event) => this.#received(event.data);
		socket.onclose = (/** @type {CloseEvent} */ event) => this.#lost(socket, event?.code ?? null);
		// A failed connection also closes; without a handler some environments throw.
		socket.onerror = () => {};
	}

	#drop() {
		const socket = this.#socket;
		this.#socket = null;
		this.#awaiting = null;
		this.#held = [];
		clearTimeout(this.#retryTimer);
		if (!socket) return;
		socket.onopen = socket.onmessage = socket.onclose = null;
		socket.onerror = () => {};
		socket.close();
	}

	#started() {
		this.#heardAt = Date.now();
		this.#pingedAt = 0;
		this.#resume();
	}

	/** Asks for what followed the last seq seen, or for a snapshot when there is none. */
	#resume() {
		if (!this.#position) {
			this.requestSnapshot();
			return;
		}
		this.#requestId = `r${++this.#requests}`;
		this.#awaiting = 'resume';
		this.send({ type: 'SUBSCRIBE', id: this.#requestId, subscriptions: EVENT_TYPES, since: this.#position });
	}

	/** @param {WebSocket} socket @param {number | null} code */
	#lost(socket, code) {
		if (socket !== this.#socket || this.#closed) return;
		this.#drop();
		const ceiling = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(this.connection.attempt, 10));
		// Half of the delay is random, so that a thousand pages do not come back in one instant.
		const delay = ceiling / 2 + this.random() * (ceiling / 2);
		this.#setConnection({ phase: 'waiting', attempt: this.connection.attempt + 1, retryAt: Date.now() + delay, code });
		this.#retryTimer = setTimeout(() => this.#connect(), delay);
	}

	#checkSilence() {
		if (!this.#socket || this.#socket.readyState !== 1) return;
		const now = Date.now();
		if (this.#pingedAt === 0) {
			if (now - this.#heardAt >= this.idle && this.send({ type: 'PING', id: `p${++this.#requests}` })) this.#pingedAt = now;
		} else if (now - this.#pingedAt >= GIVE_UP_AFTER_PING) {
			this.#lost(this.#socket, null);
		} else if (now - this.#pingedAt >= SILENT_AFTER_PING && this.connection.phase === 'live') {
			this.#setConnection({ phase: 'silent' });
		}
	}

	/** @param {string} text */
	#received(text) {
		this.#heardAt = Date.now();
		this.#pingedAt = 0;
		/** @type {Frame} */
		let frame;
		try {
			frame = JSON.parse(text);
		} catch {
			return;
		}
		if (this.connection.phase === 'silent') this.#setLive();
		this.#handle(frame);
	}

	/** @param {Frame} frame */
	#handle(frame) {
		switch (frame.type) {
			case 'SNAPSHOT':
				this.#takeSnapshot(frame);
				break;
			case 'SUBSCRIBED':
				if (this.#awaiting === 'resume' && frame.id === this.#requestId) {
					this.#awaiting = null;
					this.#setLive();
				}
				break;
			case 'GAP':
				this.#awaiting = null;
				this.requestSnapshot();
				break;
			case 'ERROR':
				this.#refused(frame);
				this.onFrame(frame);
				break;
			default:
				if (EVENT_TYPES.includes(frame.type)) this.#takeEvent(frame);
				else this.onFrame(frame);
		}
	}

	/** @param {Frame} frame an ERROR */
	#refused(frame) {
		if (this.#awaiting === null || (frame.id ?? this.#requestId) !== this.#requestId) return;
		const wanted = this.#awaiting;
		if (frame.retryable) {
			// The database is away, say. What arrives meanwhile still belongs behind the answer.
			clearTimeout(this.#retryTimer);
			this.#retryTimer = setTimeout(() => {
				this.#awaiting = null;
				if (wanted === 'resume') this.#resume();
				else this.requestSnapshot();
			}, RETRY_REQUEST);
		} else if (wanted === 'resume') {
			this.#awaiting = null;
			this.requestSnapshot();
		}
	}

	/** @param {Frame} frame */
	#takeSnapshot(frame) {
		const held = this.#held;
		this.#held = [];
		this.#awaiting = null;
		const seq = frame.data?.seq ?? frame.seq;
		const epoch = frame.data?.epoch ?? frame.epoch;
		this.#position = typeof seq === 'number' && epoch ? { epoch, seq } : null;
		this.onFrame(frame);
		this.#setLive();
		for (const event of held) this.#takeEvent(event);
	}

	/** @param {Frame} frame */
	#takeEvent(frame) {
		if (this.#awaiting === 'snapshot') {
			if (this.#held.length < MOST_HELD_FRAMES) this.#held.push(frame);
			return;
		}
		// Until SUBSCRIBED the stream is not yet the resumed one; what is skipped here comes again in it.
		if (this.#awaiting === 'resume') return;
		const { seq, prev_seq: previous, epoch } = frame;
		if (typeof seq !== 'number' || !this.#position) {
			this.onFrame(frame);
			return;
		}
		if (epoch && epoch !== this.#position.epoch) {
			this.requestSnapshot();
			return;
		}
		if (seq <= this.#position.seq) return;
		if (typeof previous === 'number' && previous > this.#position.seq) {
			this.requestSnapshot();
			return;
		}
		this.#position.seq = seq;
		this.onFrame(frame);
	}

	#setLive() {
		this.#setConnection({ phase: 'live', attempt: 0, retryAt: null });
	}

	/** @param {Partial<Connection>} change */
	#setConnection(change) {
		const since = change.phase && change.phase !== this.connection.phase ? Date.now() : this.connection.since;
		this.connection = { ...this.connection, ...change, since };
		this.onConnection(this.connection);
	}
}
