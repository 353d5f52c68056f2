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

export class StandIn {
	/** Every message that a page sent, in order. */
	received = [];
	sockets = new Set();
	chart = { from: null, to: null, points: 0, ts: [], value: [], drawdown: [], flow: [] };
	snapshot = snapshot();
	targets = [];
	/** Answers a message; replace it to misbehave. */
	answer = (socket, message) => {
		if (message.type === 'REQUEST_SNAPSHOT') this.sendSnapshot(socket);
		if (message.type === 'SUBSCRIBE') this.send(socket, { type: 'SUBSCRIBED', id: message.id });
		if (message.type === 'PING') this.send(socket, { type: 'PONG', id: message.id });
	};

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
		const { pathname } = new URL(request.url, 'http://localhost');
		if (pathname.startsWith('/api/v1/')) {
			const body = {
				'/api/v1/portfolio/chart': this.chart, '/api/v1/snapshot': this.snapshot, '/api/v1/targets': this.targets,
				'/api/v1/performance/breakdown': [], '/api/v1/symbols': [], '/api/v1/monthly': [], '/api/v1/drawdowns': [], '/api/v1/heatmap': [],
			}[pathname];
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
