// A scripted server in place of the daemon, for what the real one does only on a bad day: gaps, lost frames,
// refused resumption, silence. It serves the built page under the same content security policy.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { WebSocketServer } from 'ws';

const DIST = new URL('../../worker/dashboard/dist/', import.meta.url);
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.txt': 'text/plain' };
export const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
	+ "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** @param {object} [change] laid over an account with one day of history */
export function snapshot(change = {}) {
	return {
		seq: 100, epoch: 'e1', generated_at: '2026-11-22T12:00:00.000000Z', portfolios: ['main'],
		portfolio: {
			ts: '2026-11-22T12:00:00.000000Z', total_value: '10100.50', cash_balance: '5000.00', positions_value: '5100.50',
			unrealized_pnl: '60.25', realized_pnl: '40.25', position_count: 1, net_flow: '0', positions: [],
		},
		performance: { ts: '2026-11-22T12:00:00.000000Z', total_value: '10100.50', total_pnl: '100.50', daily_return: 0.01005, sharpe: null },
		risk: {}, trading: {}, system: { status: 'HEALTHY', components: [] }, activity: { trades: [], alerts: [] }, sections: {},
		...change,
	};
}

/** @param {number} seq @param {object} [change] */
export function trade(seq, change = {}) {
	return {
		v: 1, type: 'TRADE_ALERT', seq, prev_seq: seq - 1, epoch: 'e1', timestamp: '2026-11-22T12:00:01.000000Z', portfolio: 'main', key: 'BTCUSDT',
		data: {
			id: seq, symbol: 'BTCUSDT', side: 'BUY', quantity: '0.1', price: '45000', value: '4500', fee: '4.5', fee_asset: null,
			executed_at: new Date(Date.UTC(2026, 10, 22, 12, 0, seq - 100)).toISOString(), realized_pnl: '0', position: '0.1', ...change,
		},
	};
}

/** @param {number} points an equity curve, one point an hour */
export function curve(points) {
	const index = Array.from({ length: points }, (_, each) => each);
	const end = Date.parse('2026-11-22T12:00:00Z') / 1000;
	return {
		points, ts: index.map((each) => end - (points - 1 - each) * 3600), value: index.map((each) => 10000 + 100 * Math.sin(each / 4)),
		drawdown: index.map((each) => (1 - Math.sin(each / 4)) / 100), flow: index.map(() => 0),
	};
}

/** Gives every panel something to show. */
export function fullAccount(server) {
	const { ts } = curve(50);
	server.chart = curve(50);
	server.snapshot = snapshot({
		system: { status: 'WARNING', components: [{ component: 'api.binance', status: 'WARNING', message: 'slow', latency_ms: 1204 }] },
		sections: { regime: [{ name: '<img src=x onerror=alert(1)>', value: 0.21 }], model: 0.8123, account: { broker: 'Kraken', leverage: 3 } },
	});
	Object.assign(server.resources, {
		alerts: [
			{ alert_id: 7, rule: 'high_drawdown', severity: 'CRITICAL', state: 'firing', portfolio: 'main', symbol: 'BTCUSDT', title: 'Drawdown is high', message: '21.3 % is above 20 %', since: '2026-11-22T11:20:00Z', count: 3, acknowledged_at: null },
			{ alert_id: 8, rule: 'api', severity: 'HIGH', state: 'acknowledged', title: 'Binance is slow', message: '1204 ms', since: '2026-11-22T11:50:00Z', count: 1, acknowledged_by: 'anna', acknowledged_at: '2026-11-22T11:55:00Z' },
		],
		'health-history': [{ component: 'api.binance', status: [null, 'HEALTHY', 'WARNING'], latency_ms: [null, 20, 1204] }],
		exposure: {
			equity: '100000', long_value: '60000', short_value: '20000', gross_leverage: 0.8, net_leverage: 0.4,
			positions: [['BTCUSDT', '45000', 0.45], ['ETHUSDT', '-20000', -0.2], ['SOLUSDT', '15000', 0.15]].map(([symbol, value, weight]) => ({ symbol, market_value: value, weight })),
		},
		distribution: [[-100, 0, 2, '-120'], [0, 100, 6, '260'], [100, 200, 4, '460']].map(([lower, upper, trades, pnl]) => ({ lower, upper, trades, net_pnl: pnl })),
		volume: [['2026-11-19', '1000'], ['2026-11-21', '5000']].map(([day, volume]) => ({ ts: `${day}T00:00:00Z`, fills: 3, volume, buy_volume: '1', sell_volume: '2' })),
		rolling: { metric: 'sharpe', window_days: 30, ts, value: ts.map((_, each) => Math.sin(each / 5)) },
	});
}

/** @param {object[]} [positions] */
export function exposure(positions = []) {
	return { equity: '10100.50', long_value: '0', short_value: '0', gross_leverage: 0, net_leverage: 0, positions };
}

export class StandIn {
	/** Every message that a page sent, in order. */
	received = [];
	sockets = new Set();
	chart = { from: null, to: null, points: 0, ts: [], value: [], drawdown: [], flow: [] };
	snapshot = snapshot();
	targets = [];
	/** Further resources by path; an answer of null is an error, a promise is waited for. */
	resources = {
		'performance/breakdown': [], symbols: [], monthly: [], drawdowns: [], heatmap: [], alerts: [], exposure: exposure(), 'health-history': [],
		distribution: [], volume: [], rolling: { metric: 'sharpe', window_days: 30, ts: [], value: [] }, session: { required: false, authenticated: false }, benchmark: { symbol: null, ts: [], price: [] },
	};
	/** What pages asked to be done: method, path and body. */
	requests = [];
	/** The query of the newest request for a resource. */
	asked = new Map();
	/** @type {{ status: number, detail: string } | undefined} what is said to those who want something done */ refusal;
	/** Answers a message; replace it to misbehave. */
	answer = (socket, message) => this.reply(socket, message);

	reply(socket, message) {
		if (message.type === 'REQUEST_SNAPSHOT') this.sendSnapshot(socket);
		if (message.type === 'SUBSCRIBE') this.send(socket, { type: 'SUBSCRIBED', id: message.id });
		if (message.type === 'PING') this.send(socket, { type: 'PONG', id: message.id });
	}

	/** @param {number} [port] */
	async listen(port = 0) {
		this.http = createServer((request, response) => void this.#serve(request, response));
		this.ws = new WebSocketServer({ server: this.http });
		this.ws.on('connection', (socket) => {
			this.sockets.add(socket);
			socket.on('close', () => this.sockets.delete(socket));
			socket.on('message', (text) => {
				const message = JSON.parse(String(text));
				this.received.push(message);
				this.answer(socket, message);
			});
			this.send(socket, { type: 'WELCOME', epoch: this.snapshot.epoch });
		});
		await new Promise((resolve) => this.http.listen(port, '127.0.0.1', resolve));
		this.port = this.http.address().port;
		return `http://127.0.0.1:${this.port}/`;
	}

	async close() {
		for (const socket of this.sockets) socket.terminate();
		this.ws.close();
		this.http.closeAllConnections();
		await new Promise((resolve) => this.http.close(resolve));
	}

	send(socket, frame) {
		socket.send(JSON.stringify(frame));
	}

	sendSnapshot(socket) {
		this.send(socket, { v: 1, type: 'SNAPSHOT', seq: this.snapshot.seq, prev_seq: null, epoch: this.snapshot.epoch, data: this.snapshot });
	}

	broadcast(frame) {
		for (const socket of this.sockets) this.send(socket, frame);
	}

	async #serve(request, response) {
		const { pathname, search } = new URL(request.url, 'http://localhost');
		if (pathname.startsWith('/api/v1/')) {
			const path = pathname.slice('/api/v1/'.length);
			if (request.method !== 'GET') {
				let text = '';
				for await (const chunk of request) text += chunk;
				this.requests.push({ method: request.method, path, body: text === '' ? null : JSON.parse(text) });
				if (this.refusal) response.writeHead(this.refusal.status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(this.refusal));
				else response.writeHead(204).end();
				return;
			}
			this.asked.set(path, search.slice(1));
			const body = await { 'portfolio/chart': this.chart, snapshot: this.snapshot, targets: this.targets, ...this.resources }[path];
			response.writeHead(body ? 200 : 404, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? { title: 'not here', status: 404 }));
			return;
		}
		const name = pathname === '/' ? 'index.html' : pathname.slice(1);
		try {
			const body = await readFile(new URL(name.replaceAll('/', ''), DIST));
			response.writeHead(200, { 'content-type': TYPES[extname(name)] ?? 'application/octet-stream', 'content-security-policy': POLICY }).end(body);
		} catch {
			response.writeHead(404).end();
		}
	}
}
