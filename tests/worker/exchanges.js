// Stand-ins for exchanges over TLS with an authority of their own: they answer as the venues do, and misbehave on request.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * Makes an authority and a certificate for localhost that lasts so many days.
 * @param {string} directory
 */
export async function makeAuthority(directory, { days = 90, name = 'server' } = {}) {
	const path = (file) => join(directory, file);
	const openssl = (...words) => run('openssl', words);
	await openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '100',
		'-subj', '/CN=Test authority', '-keyout', path(`${name}-ca.key`), '-out', path(`${name}-ca.pem`));
	await openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=localhost',
		'-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`));
	await openssl('x509', '-req', '-in', path(`${name}.csr`), '-CA', path(`${name}-ca.pem`), '-CAkey', path(`${name}-ca.key`), '-CAcreateserial',
		'-copy_extensions', 'copy', '-days', String(days), '-out', path(`${name}.pem`));
	return { ca: path(`${name}-ca.pem`), key: await readFile(path(`${name}.key`)), cert: await readFile(path(`${name}.pem`)) };
}

const json = (status, body, headers = {}) => ({ status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) });

/** How the venues answer when all is well, by path; `venue` carries what a test changes. */
const answers = {
	'/api/v3/time': (venue) => json(200, { serverTime: Date.now() + venue.skew }, { 'X-MBX-USED-WEIGHT-1m': String(venue.used) }),
	'/api/v3/exchangeInfo': (venue) => json(200, { rateLimits: [{ rateLimitType: 'REQUEST_WEIGHT', interval: 'MINUTE', intervalNum: 1, limit: venue.limit }] }),
	'/v2/clock': (venue, request) => (request.headers['apca-api-key-id'] === 'key' && request.headers['apca-api-secret-key'] === 'hush-hush'
		? json(200, { timestamp: new Date(Date.now() + venue.skew).toISOString().replace('Z', '-00:00'), is_open: false }, { 'X-RateLimit-Limit': '200', 'X-RateLimit-Remaining': '150' })
		: json(403, { message: 'forbidden.' })),
	'/v2/account': (venue) => json(200, { status: 'ACTIVE', trading_blocked: venue.blocked ?? false, account_blocked: false, trade_suspended_by_user: false }),
	'/0/public/SystemStatus': (venue) => json(200, { error: venue.error ?? [], result: { status: venue.status ?? 'online', timestamp: new Date().toISOString().replace(/\.\d+/, '') } }),
	'/v5/market/time': () => json(200, { retCode: 0, retMsg: 'OK', result: { timeSecond: '1', timeNano: `${Date.now()}000000` } }, { 'X-Bapi-Limit': '600', 'X-Bapi-Limit-Status': '540' }),
	'/api/v5/public/time': (venue) => json(200, venue.code ? { code: venue.code, msg: 'Too Many Requests', data: [] } : { code: '0', msg: '', data: [{ ts: String(Date.now()) }] }),
	'/time': () => json(200, { iso: new Date().toISOString(), epoch: Date.now() / 1000 }),
};

/** Starts a venue. Fields of the result can be changed while it runs. */
export async function startExchange({ key, cert }) {
	const venue = {
		skew: 0,
		used: 12,
		limit: 6000,
		delay: 0,
		/** {status, headers, body} instead of the answer; 'reset', 'hang' or 'dribble' */
		fault: null,
		requests: [],
		connections: 0,
	};
	const server = createServer({ key, cert }, async (request, response) => {
		const { pathname } = new URL(request.url, 'https://localhost');
		venue.requests.push({ path: request.url, at: Date.now() });
		if (venue.delay) await new Promise((resolve) => setTimeout(resolve, venue.delay));
		if (venue.fault === 'reset') return request.socket.destroy();
		if (venue.fault === 'hang') return undefined;
		if (venue.fault === 'dribble') {
			response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
			const timer = setInterval(() => response.write(' '), 50);
			return response.on('close', () => clearInterval(timer));
		}
		const { status, headers, body } = venue.fault ?? answers[pathname]?.(venue, request) ?? json(404, { msg: 'no such path' });
		response.writeHead(status, headers);
		return response.end(body);
	});
	server.on('secureConnection', () => { venue.connections++; });
	server.on('tlsClientError', () => {});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	venue.url = `https://localhost:${server.address().port}`;
	venue.close = () => new Promise((resolve) => {
		server.close(resolve);
		server.closeAllConnections();
	});
	return venue;
}

/** A port that accepts connections and never says a word. */
export async function startSilence() {
	const sockets = new Set();
	const server = createTcpServer((socket) => {
		sockets.add(socket);
		socket.on('error', () => {}).on('close', () => sockets.delete(socket));
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	return {
		port: server.address().port,
		close: () => new Promise((resolve) => {
			server.close(resolve);
			for (const socket of sockets) socket.destroy();
		}),
	};
}
