// Who may come in, what he sees, and for how long: tokens, sessions of browsers, scopes, portfolios, addresses, TLS.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect as connectTo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { connect, eventually, finish, program, refusal, settle, startDatabase, startWorker, trade } from './harness.js';

const run = promisify(execFile);

let database;
let worker;
let all;
let main;
let silent;

/** Makes a token with the worker's own command. */
async function token(...options) {
	const { stdout } = await run(await program(), ['token', 'create', '--dsn', database.cluster.dsn, ...options]);
	return stdout.trim();
}

before(async () => {
	database = await startDatabase();
	await database.query('SELECT pulse_setup()');
	await database.query("INSERT INTO portfolio_snapshots (portfolio, total_value) VALUES ('main', 100), ('second', 200), ('third', 300)");
	await database.query('SELECT pulse_tick()');
	all = await token('--scope', 'admin', '--name', 'everything');
	main = await token('--scope', 'read', '--portfolio', 'main', '--expires', '90d', '--name', 'only main');
	worker = await startWorker(database, { config: { auth: { enabled: true }, websocket: { trusted_proxies: '127.0.0.1' } } });
	await worker.logged(/tokens and sessions are valid/);
	silent = await connect(worker);
});
after(() => finish(() => worker?.stop(), () => database?.remove()));

/** A request with any headers; over TLS when tls holds options for it. */
function ask(path, { method = 'GET', headers = {}, body, port = worker.port, tls } = {}) {
	return new Promise((resolve, reject) => {
		const asked = (tls ? httpsRequest : httpRequest)({ host: '127.0.0.1', port, path, method, headers, agent: false, ...tls }, (response) => {
			let text = '';
			response.setEncoding('utf8').on('data', (part) => { text += part; })
				.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text, json: () => JSON.parse(text) }));
		});
		asked.on('error', reject).end(body);
	});
}

const bearer = (value) => ({ authorization: `Bearer ${value}` });
const get = (path, value, more = {}) => ask(path, { headers: { ...bearer(value), ...more } });
const post = (path, value, body = {}) => ask(path, { method: 'POST', headers: bearer(value), body: JSON.stringify(body) });

test('token create, list, revoke; the database never sees a token', async () => {
	assert.match(main, /^pulse_[A-Za-z0-9_-]{43}$/);
	const dump = JSON.stringify(await database.query('SELECT * FROM pulse.token'));
	assert.ok(!dump.includes(main) && !dump.includes(main.slice(6)));
	const { stdout } = await run(await program(), ['token', 'list', '--dsn', database.cluster.dsn]);
	assert.match(stdout, /^2 +active +read +main +\d{4}-.* only main$/m);
	assert.ok(!stdout.includes(main));
	const [row] = await database.query("SELECT expires_at - created_at = '90 days' AS expires FROM pulse_tokens() WHERE token_id = 2");
	assert.equal(row.expires, true);
	for (const wrong of [['create', '--scope', 'king'], ['create', '--expires', 'soon'], ['revoke'], ['revoke', '999'], ['paint'], []]) {
		const { status, stderr } = spawnSync(await program(), ['token', ...wrong, '--dsn', database.cluster.dsn], { encoding: 'utf8' });
		assert.notEqual(status, 0, wrong.join(' '));
		assert.notEqual(stderr, '');
	}
});

test('without a token there is nothing but signs of life and the page that asks for one', async () => {
	assert.equal((await ask('/healthz')).status, 200);
	assert.equal((await ask('/readyz')).status, 200);
	assert.equal((await ask('/')).status, 200);
	for (const path of ['/metrics', '/api/v1/snapshot', '/api/v1/events', '/api/v1/health', '/api/v1/notifications']) {
		const answer = await ask(path);
		assert.equal(answer.status, 401, path);
		assert.match(answer.headers['www-authenticate'], /^Bearer/);
		assert.equal((await get(path, all)).status, 200, path);
	}
	assert.deepEqual((await ask('/api/v1/session')).json(), { required: true, authenticated: false });
	for (const wrong of ['x', `${all}x`, all.slice(0, -1), 'x'.repeat(180), 'x'.repeat(1000)]) {
		assert.equal((await get('/api/v1/snapshot', wrong)).status, 401, wrong);
	}
	assert.equal((await ask('/api/v1/snapshot', { headers: { authorization: `Basic ${Buffer.from(all).toString('base64')}` } })).status, 401);
	assert.equal((await refusal(worker.ws, { headers: bearer('wrong') })).status, 401);
	assert.ok(!worker.output.includes(all) && !worker.output.includes(main));
});

test('a token in the URL is refused, also a good one, on both interfaces', async () => {
	for (const name of ['token', 'access_token', 'api_key', 'TOKEN']) {
		const answer = await ask(`/api/v1/snapshot?portfolio=main&${name}=${all}`, { headers: bearer(all) });
		assert.equal(answer.status, 400, name);
		assert.match(answer.json().detail, /URL/);
		assert.equal((await refusal(`${worker.ws}?${name}=${all}`, { headers: bearer(all) })).status, 400, name);
	}
});

test('WebSocket: the token comes with the handshake or with AUTH, and before it nothing is told', async () => {
	const bot = await connect(worker, { headers: bearer(main) });
	const welcome = await bot.type('WELCOME');
	assert.deepEqual([welcome.data.authenticated, welcome.data.scope, welcome.data.portfolios], [true, 'read', ['main']]);
	assert.match(welcome.data.expires_at, /^\d{4}-.*Z$/);

	const late = await connect(worker);
	assert.equal((await late.type('WELCOME')).data.authenticated, false);
	for (const message of [{ type: 'REQUEST_SNAPSHOT', id: 1 }, { type: 'SUBSCRIBE', id: 2, since: { seq: 0 } }, { type: 'UNSUBSCRIBE', id: 3 }, { type: 'ACK_ALERT', id: 4, alert_id: 1 }]) {
		late.send(message);
		assert.equal((await late.next((m) => m.type === 'ERROR' && m.id === message.id, 'the ERROR')).code, 'UNAUTHORIZED');
	}
	await database.emit(trade('secret'));
	await bot.next((m) => m.data?.id === 'secret');
	late.send({ type: 'AUTH', id: 5, token: 'wrong' });
	assert.equal((await late.next((m) => m.id === 5, 'the ERROR')).code, 'UNAUTHORIZED');
	late.send({ type: 'AUTH', id: 6, token: all });
	const ack = await late.type('ACK');
	assert.deepEqual([ack.id, ack.data.scope, ack.data.portfolios, ack.data.expires_at], [6, 'admin', null, null]);
	await database.emit(trade('told'));
	await late.next((m) => m.data?.id === 'told');
	assert.ok(!late.messages.some((m) => m.data?.id === 'secret'), 'an event from before the token was told');
	await bot.close();
	await late.close();
});

test('who keeps guessing is closed with 4001, and an address that guesses too often is answered 429', async () => {
	const guesser = await connect(worker);
	for (let i = 0; i < 3; i++) guesser.send({ type: 'AUTH', id: i, token: `guess ${i}` });
	assert.equal((await guesser.end).code, 4001);
	assert.equal(guesser.of('ERROR').length, 3);
	const from = { 'x-forwarded-for': '203.0.113.9' };
	const statuses = new Set();
	for (let i = 0; i < 30; i++) statuses.add((await get('/healthz', `guess ${i}`, from)).status);
	assert.deepEqual([...statuses].sort(), [401, 429]);
	assert.equal((await get('/api/v1/session', all, from)).status, 200, 'the right token is not locked out by wrong ones');
});

test('a token for one portfolio sees no other, on any way in', async () => {
	const bot = await connect(worker, { headers: bearer(main) });
	const boss = await connect(worker, { headers: bearer(all) });
	await bot.type('WELCOME');
	const start = await database.emit(trade('mine'), trade('not mine', { portfolio: 'second' }), { type: 'PORTFOLIO_UPDATE', portfolio: 'second' },
		{ type: 'PERFORMANCE_UPDATE', data: { id: 'all together' } }, { type: 'HEALTH_UPDATE', data: { id: 'health' } }, trade('mine too')) - 5;
	await bot.next((m) => m.data?.id === 'mine too');
	await boss.next((m) => m.data?.id === 'mine too');
	assert.deepEqual(bot.messages.filter((m) => m.seq >= start).map((m) => m.data.id), ['mine', 'health', 'mine too']);
	assert.equal(boss.messages.filter((m) => m.seq >= start && 'prev_seq' in m).length, 6);

	bot.send({ type: 'SUBSCRIBE', id: 'all', filter: { portfolio: ['second', 'main'] }, since: { seq: start - 1 } });
	await bot.next((m) => m.type === 'SUBSCRIBED');
	await bot.next((m) => m.seq === start + 5 && bot.messages.indexOf(m) > bot.messages.findIndex((o) => o.type === 'SUBSCRIBED'), 'the replay');
	assert.ok(!bot.messages.some((m) => m.portfolio === 'second' || m.data?.id === 'all together'));
	bot.send({ type: 'REQUEST_SNAPSHOT', id: 's1', portfolio: 'second' });
	assert.equal((await bot.next((m) => m.id === 's1', 'the ERROR')).code, 'FORBIDDEN');
	bot.send({ type: 'REQUEST_SNAPSHOT', id: 's2' });
	const snapshot = await bot.type('SNAPSHOT');
	assert.equal(snapshot.portfolio, 'main');
	assert.deepEqual(snapshot.data.portfolios, ['main']);
	assert.equal(snapshot.data.portfolio.total_value, '100');
	await settle(bot);

	for (const path of ['snapshot', 'performance', 'performance/report', 'performance/breakdown', 'portfolio', 'portfolio/chart', 'positions', 'trades',
		'monthly', 'drawdowns', 'heatmap', 'symbols', 'targets']) {
		const mark = path.includes('?') ? '&' : '?';
		assert.equal((await get(`/api/v1/${path}${mark}portfolio=second`, main)).status, 403, path);
		assert.equal((await get(`/api/v1/${path}`, main)).status, 200, path);
		assert.equal((await get(`/api/v1/${path}`, all)).status, 200, path);
	}
	const events = (await get(`/api/v1/events?since_seq=${start - 1}`, main)).json();
	assert.deepEqual(events.items.map((e) => e.data.id), ['mine', 'health', 'mine too']);
	assert.equal((await get('/api/v1/snapshot', main)).json().portfolio.total_value, '100');
	await database.query("SELECT pulse_notify('TEST', 'LOW', 'for second', '', '{\"portfolio\": \"second\"}'), pulse_notify('TEST', 'LOW', 'for main', '', '{\"portfolio\": \"main\"}')");
	assert.deepEqual((await get('/api/v1/notifications', main)).json().items.map((n) => n.title), ['for main']);
	assert.deepEqual((await get('/api/v1/notifications', all)).json().items.map((n) => n.title), ['for main', 'for second']);
	const two = await token('--portfolio', 'third', '--portfolio', 'odd"name\\,');
	await eventually('the token is known', async () => (await get('/api/v1/session', two)).status === 200);
	assert.deepEqual((await get('/api/v1/session', two)).json().portfolios, ['third', 'odd"name\\,']);
	assert.equal((await get('/api/v1/portfolio', two)).json().total_value, '300', 'without a name the first one is meant');
	await bot.close();
	await boss.close();
});

test('scopes: reading does not change, and a token is not more than its scope', async () => {
	const operator = await token('--scope', 'operate');
	await eventually('the token is known', async () => (await get('/api/v1/session', operator)).status === 200);
	assert.equal((await post('/api/v1/health/database/run', main)).status, 403);
	assert.equal((await post('/api/v1/health/database/run', operator)).status, 200);
	assert.equal((await post('/api/v1/alerts/1/ack', main)).status, 403);
	assert.equal((await post('/api/v1/silences', main, { matcher: {}, until: '2030-01-01' })).status, 403);
	assert.equal((await ask('/api/v1/silences/1', { method: 'DELETE', headers: bearer(main) })).status, 403);
	const bot = await connect(worker, { headers: bearer(main) });
	bot.send({ type: 'ACK_ALERT', id: 'a', alert_id: 1 });
	assert.equal((await bot.next((m) => m.id === 'a', 'the ERROR')).code, 'FORBIDDEN');
	await bot.close();
});

test('login: a cookie that scripts cannot read and other sites cannot send, until logout', async () => {
	const login = await ask('/api/v1/login', { method: 'POST', body: JSON.stringify({ token: main }) });
	assert.equal(login.status, 204, login.text);
	const [cookie] = login.headers['set-cookie'];
	assert.match(cookie, /^pulse_session=session_[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/);
	const value = cookie.split(';')[0];
	const host = `127.0.0.1:${worker.port}`;
	const withCookie = (path, more = {}) => ask(path, { headers: { cookie: `theme=dark; ${value}; other=1`, ...more } });
	assert.equal((await withCookie('/api/v1/session')).json().scope, 'read');
	assert.equal((await withCookie('/api/v1/snapshot', { origin: `http://${host}` })).status, 200);
	assert.equal((await withCookie('/api/v1/snapshot?portfolio=second')).status, 403);
	// To a browser every port of a host is the same site, so SameSite alone would let these in.
	assert.equal((await withCookie('/api/v1/snapshot', { origin: 'http://127.0.0.1:1' })).status, 401);
	assert.equal((await withCookie('/api/v1/snapshot', { origin: 'https://evil.example' })).status, 403);
	const hijacked = await connect(worker, { headers: { cookie: value }, origin: 'http://localhost:3000' });
	assert.equal((await hijacked.type('WELCOME')).data.authenticated, false);
	await hijacked.close();
	const page = await connect(worker, { headers: { cookie: value }, origin: `http://${host}` });
	assert.equal((await page.type('WELCOME')).data.authenticated, true);

	assert.equal((await ask('/api/v1/login', { method: 'POST', body: JSON.stringify({ token: value.split('=')[1] }) })).status, 400, 'a session cannot make sessions');
	assert.equal((await ask('/api/v1/login', { method: 'POST', body: JSON.stringify({ token: 'wrong' }) })).status, 401);
	for (const body of ['', '{}', '[]', '{"token":1}', 'x', '{"token":"a","token":"b"}']) {
		assert.equal((await ask('/api/v1/login', { method: 'POST', body })).status, 400, body);
	}
	assert.equal((await ask('/api/v1/login')).status, 405);
	const out = await ask('/api/v1/logout', { method: 'POST', headers: { cookie: value } });
	assert.equal(out.status, 204);
	assert.match(out.headers['set-cookie'][0], /^pulse_session=;.*Max-Age=0/);
	assert.equal((await page.end).code, 4001);
	assert.equal((await withCookie('/api/v1/snapshot')).status, 401);
});

test('revoked and expired tokens end what is open with 4001; AUTH with a newer one goes on', async () => {
	const short = await token('--name', 'short');
	const revoked = await token();
	await eventually('they are known', async () => (await get('/api/v1/session', revoked)).status === 200);
	const [{ id }] = await database.query('SELECT max(token_id)::integer AS id FROM pulse_tokens()');
	const session = (await ask('/api/v1/login', { method: 'POST', body: JSON.stringify({ token: revoked }) })).headers['set-cookie'][0].split(';')[0];
	const page = await connect(worker, { headers: { cookie: session }, origin: worker.http });
	const bot = await connect(worker, { headers: bearer(revoked) });
	await run(await program(), ['token', 'revoke', String(id), '--dsn', database.cluster.dsn]);
	assert.equal((await bot.end).code, 4001);
	assert.equal((await page.end).code, 4001, 'its sessions end too');
	assert.equal((await get('/api/v1/session', revoked)).status, 401);

	const ending = await connect(worker, { headers: bearer(short) });
	const renewed = await connect(worker, { headers: bearer(short) });
	renewed.send({ type: 'AUTH', id: 'r', token: all });
	await renewed.next((m) => m.type === 'ACK');
	await database.query("UPDATE pulse.token SET expires_at = now() + interval '1.5 seconds' WHERE name = 'short'");
	assert.equal((await ending.end).code, 4001);
	await settle(renewed);
	await renewed.close();
});

test('limits of an address: requests and connections; a proxy\'s word counts, a stranger\'s does not', async () => {
	const other = await startWorker(database, { config: { websocket: { trusted_proxies: '127.0.0.1, 10.0.0.1', request_rate: 5, max_clients_per_address: 3 } } });
	const from = (address, path = '/healthz') => ask(path, { port: other.port, headers: { 'x-forwarded-for': address } });
	const statuses = [];
	for (let i = 0; i < 30; i++) statuses.push((await from('198.51.100.1')).status);
	assert.ok(statuses.includes(200) && statuses.includes(429));
	assert.equal((await from('198.51.100.2')).status, 200, 'another address is not held up');
	assert.equal((await from('198.51.100.1, 198.51.100.3, 10.0.0.1')).status, 200, 'the last one that is no proxy counts');
	for (const value of ['\t', '\t10.0.0.1', ' , \t10.0.0.1', ',']) {
		const socket = connectTo(other.port, '127.0.0.1');
		socket.write(`GET /healthz HTTP/1.1\r\nHost: localhost:${other.port}\r\nX-Forwarded-For: ${value}\r\nConnection: close\r\n\r\n`);
		let answer = '';
		for await (const piece of socket) answer += piece;
		assert.match(answer, /^HTTP\/1\.1 200 /, `a header of nothing but proxies and blanks: ${JSON.stringify(value)}`);
	}
	statuses.length = 0;
	for (let i = 0; i < 30; i++) statuses.push((await from(`198.51.100.9:${40000 + i}`)).status);
	assert.ok(statuses.includes(429), 'an address with a port is that address');
	for (let i = 0; i < 30; i++) assert.equal((await ask('/healthz', { port: other.port })).status, 200, 'loopback is not limited');
	const clients = [];
	for (let i = 0; i < 3; i++) clients.push(await connect(other, { headers: { 'x-forwarded-for': '2001:db8::1' } }));
	assert.equal((await refusal(other.ws, { headers: { 'x-forwarded-for': '2001:db8::1' } })).status, 429);
	await clients[0].close();
	await eventually('there is room again', () => connect(other, { headers: { 'x-forwarded-for': '2001:db8::1' } }).then((client) => clients.push(client), () => false));
	for (const client of clients) await client.close();
	await other.stop();
});

test('tokens can be required and let go at run time', async () => {
	const other = await startWorker(database);
	const client = await connect(other);
	await client.type('WELCOME');
	await other.configure({ auth: { enabled: true } });
	other.signal('SIGHUP');
	assert.equal((await client.end).code, 4001);
	await other.logged(/tokens and sessions are valid/);
	assert.equal((await ask('/api/v1/snapshot', { port: other.port })).status, 401);
	assert.equal((await ask('/api/v1/snapshot', { port: other.port, headers: bearer(main) })).status, 200);
	await other.stop();
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

test('TLS: 1.2 and newer only, plain text refused, a new certificate without a restart', { skip: hasOpenssl ? false : 'no openssl' }, async () => {
	const directory = await mkdtemp(join(tmpdir(), 'pulse-tls.'));
	const certificate = (name) => execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
		'-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', join(directory, `${name}.key`), '-out', join(directory, `${name}.crt`)], { stdio: 'ignore' });
	certificate('first');
	certificate('second');
	const use = async (name) => {
		await writeFile(join(directory, 'crt'), await readFile(join(directory, `${name}.crt`)));
		await writeFile(join(directory, 'key'), await readFile(join(directory, `${name}.key`)));
	};
	await use('first');
	const config = { auth: { enabled: true }, websocket: { host: '0.0.0.0', tls_cert: join(directory, 'crt'), tls_key: join(directory, 'key') } };
	const other = await startWorker(database, { config, ready: false });
	const tls = { rejectUnauthorized: false };
	await other.logged(/tokens and sessions are valid/);
	const subject = (options = {}) => new Promise((resolve, reject) => {
		const socket = connectTls({ host: '127.0.0.1', port: other.port, rejectUnauthorized: false, ...options }, () => {
			resolve({ name: socket.getPeerCertificate().subject.CN, protocol: socket.getProtocol() });
			socket.destroy();
		}).on('error', reject);
	});
	assert.deepEqual(await subject(), { name: 'first', protocol: 'TLSv1.3' });
	assert.equal((await subject({ maxVersion: 'TLSv1.2' })).protocol, 'TLSv1.2');
	await assert.rejects(subject({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }));
	await assert.rejects(ask('/healthz', { port: other.port }), 'plain HTTP');
	const answer = await ask('/api/v1/snapshot', { port: other.port, tls, headers: bearer(main) });
	assert.equal(answer.status, 200);
	assert.match(answer.headers['strict-transport-security'], /^max-age=/);
	const login = await ask('/api/v1/login', { port: other.port, tls, method: 'POST', body: JSON.stringify({ token: main }) });
	assert.match(login.headers['set-cookie'][0], /; Secure$/);
	const client = await connect(`wss://127.0.0.1:${other.port}/`, { ...tls, headers: bearer(main) });
	await client.type('WELCOME');

	await writeFile(join(directory, 'crt'), 'rubbish');
	other.signal('SIGHUP');
	await other.logged(/cannot use the certificate/);
	assert.equal((await subject()).name, 'first', 'a broken file changes nothing');
	await use('second');
	other.signal('SIGHUP');
	await eventually('the new certificate is shown', async () => (await subject()).name === 'second');
	await database.emit(trade('over the old connection'));
	await client.next((m) => m.data?.id === 'over the old connection');
	await use('first');
	await eventually('changed files are found without a signal', async () => (await subject()).name === 'first');
	await client.close();
	await other.stop();

	const check = async (change) => {
		await other.configure({ ...config, ...change }).catch(() => {});
		const path = join(directory, 'pulse.ini');
		await writeFile(path, `[database]\ndsn = dbname=x\n[websocket]\nhost = 0.0.0.0\n${change}`);
		return spawnSync(await program(), ['--config', path, '--check-config'], { encoding: 'utf8' });
	};
	const files = `tls_cert = ${join(directory, 'crt')}\ntls_key = ${join(directory, 'key')}\n`;
	assert.equal((await check(`${files}[auth]\nenabled = true\n`)).status, 0);
	for (const bad of ['', files, '[auth]\nenabled = true\n']) {
		const { status, stderr } = await check(bad);
		assert.equal(status, 78, bad);
		assert.match(stderr, /not a loopback address, which needs tls_cert, tls_key and \[auth\] enabled/);
	}
	await rm(directory, { recursive: true, force: true });
});

test('a client that never says who it is does not stay', async () => {
	assert.equal((await silent.end).code, 4001);
});
