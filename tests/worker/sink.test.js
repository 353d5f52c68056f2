// Places besides Telegram: what they are sent, and what an outage, a refusal and a crash do to it. A real Alertmanager where there is one.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { eventually, finish, ini, program, startDatabase, startWorker, sweep } from './harness.js';

let database;
let place;
const children = [];

before(async () => { database = await startDatabase(); });
beforeEach(async () => {
	await database.query('TRUNCATE pulse.delivery, pulse.delivery_sink, pulse.sink');
	place = await startPlace();
});
afterEach(async () => {
	sweep();
	await place.close();
	for (const child of children.splice(0)) child.kill('SIGKILL');
});
after(() => finish(() => {}, () => database?.remove()));

/** Takes what is posted to it; `behave` can answer otherwise: a status, or 'reset' after it counts. */
async function startPlace() {
	const it = { requests: [], behave: () => 200, body: '{}' };
	const server = createServer((request, response) => {
		let body = '';
		request.setEncoding('utf8').on('data', (text) => { body += text; }).on('end', () => {
			const entry = { path: request.url, headers: request.headers, raw: body, body: JSON.parse(body), at: Date.now() };
			entry.status = it.behave(entry);
			it.requests.push(entry);
			if (entry.status === 'reset') return request.socket.resetAndDestroy();
			return response.writeHead(entry.status, entry.status === 429 ? { 'retry-after': '10' } : {}).end(it.body);
		});
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	it.url = `http://127.0.0.1:${server.address().port}`;
	it.taken = () => it.requests.filter(({ status }) => status === 200);
	it.close = () => new Promise((resolve) => {
		server.close(resolve);
		server.closeAllConnections();
	});
	return it;
}

async function enqueue(title, { priority = 'MEDIUM', message = 'text', data = {}, type = 'TEST', portfolio = null } = {}) {
	const [{ id }] = await database.query(`INSERT INTO pulse.delivery (type, priority, portfolio, title, message, data, event_seq, status)
		VALUES ($1, $2, $3, $4, $5, $6, 0, 'sent') RETURNING delivery_id::integer AS id`, [type, priority, portfolio, title, message, data]);
	await database.emit({ type: 'SYSTEM_ALERT' });
	return id;
}

const start = async (sinks, { env = {}, rate = 10 } = {}) => {
	const worker = await startWorker(database, { env: { PULSE_CLOCK_RATE: String(rate), ...env },
		config: { resources: { enabled: 'false' }, ...Object.fromEntries(Object.entries(sinks).map(([name, keys]) => [`sink.${name}`, keys])) } });
	await eventually('the sinks are known', async () => (await database.query('SELECT FROM pulse.sink')).length === Object.keys(sinks).length);
	return worker;
};
const rows = (sink) => database.query('SELECT delivery_id::integer AS id, status, attempts, last_error FROM pulse.delivery_sink WHERE sink = $1 ORDER BY delivery_id', [sink]);

test('without Telegram nothing waits for it; the sinks have their own copy', async () => {
	const add = (title, age) => database.query(`INSERT INTO pulse.delivery (type, priority, title, message, event_seq, created_at, not_before)
		VALUES ('TEST', 'HIGH', $1, 'text', 0, now() - $2::interval, now() - $2::interval)`, [title, age]);
	await add('of two hours ago', '2 hours');
	await start({ hook: { kind: 'webhook', url: place.url } }, { rate: 60 });
	await add('of this moment', '0');
	await database.emit({ type: 'SYSTEM_ALERT' });
	await eventually('the sink has it', () => place.taken().some(({ body }) => body.title === 'of this moment'));
	const status = async (title) => (await database.query('SELECT status, last_error FROM pulse.delivery WHERE title = $1', [title]))[0];
	await eventually('what waits is closed', async () => (await status('of two hours ago')).status === 'suppressed');
	assert.equal((await status('of two hours ago')).last_error, 'no Telegram is configured');
	assert.equal((await status('of this moment')).status, 'pending', 'a configuration that is being changed has a minute');
	await database.query(`UPDATE pulse.delivery SET not_before = now() - interval '2 minutes' WHERE title = 'of this moment'`);
	await eventually('later that as well', async () => (await status('of this moment')).status === 'suppressed');
	await database.query(`INSERT INTO pulse.delivery (type, priority, title, message, event_seq, status, sent_at) VALUES ('TEST', 'LOW', 'told', 'text', 0, 'sent', now() - interval '1 hour')`);
	await add('after Telegram was there', '2 minutes');
	await new Promise((resolve) => { setTimeout(resolve, 3000); });
	assert.equal((await status('after Telegram was there')).status, 'pending', 'that it is gone is taken for a mistake');
	await database.query(`DELETE FROM pulse.delivery WHERE title = 'told'`);
	await eventually('that as well', async () => (await status('after Telegram was there')).status === 'suppressed');
	const [{ health }] = await database.query(`SELECT status AS health FROM pulse.check_outbox(now())`);
	assert.equal(health, 'HEALTHY');
});

test('each place is told in its own words; the webhook is signed', async () => {
	await enqueue('older than the sinks');
	const env = { HOOK_SECRET: 'hmac-key-of-the-test', SLACK_PATH: 'services/T0/B0/verysecretpath' };
	const worker = await start({
		hook: { kind: 'webhook', url: `${place.url}/hook`, secret: '${HOOK_SECRET}' },
		slack: { kind: 'slack', url: `${place.url}/\${SLACK_PATH}` },
		discord: { kind: 'discord', url: `${place.url}/discord` },
		phone: { kind: 'ntfy', url: `${place.url}/my-topic`, min_priority: 'HIGH' },
		manager: { kind: 'alertmanager', url: place.url },
	}, { env });
	const id = await enqueue('Deep <b> & "x"', { priority: 'CRITICAL', message: 'a < b @everyone', portfolio: 'main', data: { alert_id: 7, rule: 'drawdown', state: 'firing', value: 0.2, since: '2026-01-01T00:00:00Z' } });
	await enqueue('too small for the phone', { priority: 'LOW' });
	const of = (path) => eventually(`a request to ${path}`, () => place.requests.find((request) => request.path === path));
	const hook = await of('/hook');
	assert.deepEqual([hook.body.id, hook.body.title, hook.body.priority, hook.body.data.rule, hook.body.attempt], [id, 'Deep <b> & "x"', 'CRITICAL', 'drawdown', 1]);
	const stamp = hook.headers['x-pulse-timestamp'];
	assert.equal(hook.headers['x-pulse-signature'], `sha256=${createHmac('sha256', env.HOOK_SECRET).update(`${stamp}.${hook.raw}`).digest('hex')}`);
	assert.equal(hook.headers['idempotency-key'], `pulse-${id}`);
	assert.equal((await of(`/${env.SLACK_PATH}`)).body.text, '🚨 *Deep &lt;b&gt; &amp; "x"*\na &lt; b @everyone');
	const discord = (await of('/discord')).body;
	assert.equal(discord.content, '🚨 **Deep <b> & "x"**\na < b @everyone');
	assert.deepEqual(discord.allowed_mentions, { parse: [] });
	assert.deepEqual((await of('/')).body, { topic: 'my-topic', title: 'Deep <b> & "x"', message: 'a < b @everyone', priority: 5, tags: ['rotating_light'] });
	const [alert] = (await of('/api/v2/alerts')).body;
	assert.deepEqual([alert.labels.alertname, alert.labels.alert_id, alert.labels.portfolio, alert.startsAt], ['drawdown', '7', 'main', '2026-01-01T00:00:00Z']);
	await eventually('the small one is sent too', async () => (await rows('hook')).length === 2 && (await rows('hook')).every(({ status }) => status === 'sent'));
	assert.equal((await rows('phone')).length, 1);
	assert.ok(!place.requests.some(({ raw }) => raw.includes('older than')));
	const text = await (await worker.get('/metrics')).text();
	assert.match(text, /^pulse_sink_sent_total\{sink="hook",kind="webhook"\} 2$/m);
	for (const secret of [env.HOOK_SECRET, 'verysecretpath']) assert.ok(!`${worker.output}${text}`.includes(secret));
	await worker.stop();
});

test('one that is down has a breaker of its own; nothing is lost, nobody is stormed, the others do not notice', async () => {
	const well = await startPlace();
	const worker = await start({ down: { kind: 'webhook', url: place.url }, well: { kind: 'webhook', url: well.url } }, { rate: 100 });
	place.behave = () => 503;
	const ids = [];
	for (let i = 0; i < 10; i++) ids.push(await enqueue(`message ${i}`));
	await eventually('the other has all', () => well.taken().length === 10);
	await worker.logged(/down: HTTP status 503.*tried again in \d+ s/);
	await eventually('the breaker is open', async () => /^pulse_sink_breaker_open\{sink="down",kind="webhook"\} 1$/m.test(await (await worker.get('/metrics')).text()));
	// Three minutes by the clock of the worker.
	await new Promise((resolve) => setTimeout(resolve, 1800));
	assert.ok(place.requests.length <= 14, `${place.requests.length} requests while it was down`);
	place.behave = () => 200;
	await eventually('all arrive', () => place.taken().length === 10);
	assert.deepEqual(place.taken().map(({ body }) => body.id).sort((a, b) => a - b), ids);
	assert.ok((await database.query(`SELECT FROM pulse.health_sample WHERE component = 'sink.down' AND status = 'CRITICAL'`)).length > 0);
	await worker.stop();
	await well.close();
});

test('what is refused for good is a dead letter, what is limited waits, a wrong address stops the sink', async () => {
	const worker = await start({ hook: { kind: 'webhook', url: place.url } });
	place.behave = ({ body }) => (body.title === 'poison' ? 400 : 200);
	// No UTF-8, which the database would refuse to store.
	place.body = Buffer.from('refus\xe9', 'latin1');
	await enqueue('poison');
	await enqueue('good');
	await eventually('both are done', async () => (await rows('hook')).filter(({ status }) => ['sent', 'dead'].includes(status)).length === 2);
	assert.deepEqual((await rows('hook')).map(({ status, last_error: error }) => [status, error]), [['dead', 'HTTP status 400: refus?'], ['sent', null]]);
	let limits = 1;
	place.behave = () => (limits-- > 0 ? 429 : 200);
	await enqueue('limited');
	await eventually('it arrives', () => place.taken().some(({ body }) => body.title === 'limited'));
	const [first, second] = place.requests.filter(({ body }) => body.title === 'limited');
	assert.ok(second.at - first.at >= 950, `${second.at - first.at} ms for ten seconds`);
	place.behave = () => 401;
	await enqueue('unauthorised');
	await worker.logged(/hook: HTTP status 401.*tried again in 600 s/);
	await worker.stop();
});

test('kill -9 while it is sent: it comes again with the same number', async () => {
	let worker = await start({ hook: { kind: 'webhook', url: place.url } });
	let hang = true;
	place.behave = () => (hang ? 'reset' : 200);
	const id = await enqueue('important', { priority: 'CRITICAL' });
	await eventually('it is tried', () => place.requests.length > 0);
	await worker.kill();
	hang = false;
	await database.query(`UPDATE pulse.delivery_sink SET lease_until = now(), not_before = now()`);
	worker = await start({ hook: { kind: 'webhook', url: place.url } });
	await eventually('it arrives', () => place.taken().length === 1);
	assert.ok(place.requests.every(({ headers }) => headers['idempotency-key'] === `pulse-${id}`));
	await worker.stop();
});

test('test-notification tries every sink', async () => {
	const directory = await mkdtemp(join(tmpdir(), 'pulse-sink.'));
	const path = join(directory, 'pulse.ini');
	await writeFile(path, ini({ database: { dsn: 'dbname=none' }, 'sink.a': { kind: 'webhook', url: place.url }, 'sink.b': { kind: 'slack', url: 'http://127.0.0.1:9/' } }));
	const { code, output } = await new Promise((resolve) => {
		program().then((worker) => execFile(worker, ['test-notification', '--config', path], (error, stdout, stderr) => resolve({ code: error?.code ?? 0, output: stdout + stderr })));
	});
	await rm(directory, { recursive: true });
	assert.equal(code, 75);
	assert.match(output, /^sent to a$/m);
	assert.match(output, /^b: .*refused|^b: .*[Cc]onnect/m);
	assert.equal(place.requests.length, 1);
});

const freePort = () => new Promise((resolve) => {
	const server = createTcpServer().listen(0, '127.0.0.1', () => {
		const { port } = server.address();
		server.close(() => resolve(port));
	});
});

test('a real Alertmanager takes an alert and its end', { skip: !existsSync('/usr/bin/prometheus-alertmanager') && 'no prometheus-alertmanager' }, async () => {
	const directory = await mkdtemp(join(tmpdir(), 'pulse-alertmanager.'));
	const [port] = [await freePort()];
	await writeFile(join(directory, 'config.yml'), 'route: {receiver: none}\nreceivers: [{name: none}]\n');
	const child = spawn('/usr/bin/prometheus-alertmanager', [`--config.file=${directory}/config.yml`, `--storage.path=${directory}/data`,
		`--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address='], { stdio: 'ignore' });
	children.push(child);
	await eventually('Alertmanager is up', () => fetch(`http://127.0.0.1:${port}/-/ready`).then(({ ok }) => ok, () => false));
	const worker = await start({ manager: { kind: 'alertmanager', url: `http://127.0.0.1:${port}` } });
	const since = new Date(Date.now() - 60_000).toISOString();
	const data = { alert_id: 9, rule: 'max_drawdown', severity: 'CRITICAL', since };
	const alerts = () => fetch(`http://127.0.0.1:${port}/api/v2/alerts`).then((answer) => answer.json());
	await enqueue('Drawdown of 20 %', { priority: 'CRITICAL', type: 'PERFORMANCE', portfolio: 'main', data: { ...data, state: 'firing' } });
	const [alert] = await eventually('it fires', async () => { const all = await alerts(); return all.length === 1 && all; });
	assert.deepEqual([alert.labels.alertname, alert.labels.severity, alert.annotations.summary], ['max_drawdown', 'CRITICAL', 'Drawdown of 20 %']);
	await enqueue('Resolved', { priority: 'LOW', type: 'PERFORMANCE', portfolio: 'main', data: { ...data, state: 'resolved' } });
	await eventually('it is over', async () => (await alerts()).length === 0);
	await worker.stop();
	child.kill('SIGTERM');
	await rm(directory, { recursive: true, force: true });
});
