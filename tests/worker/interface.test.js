// What the documents promise is what clients get: every answer of the REST interface and every frame of the stream is
// checked against them, out of a database that really works.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import Ajv from 'ajv/dist/2020.js';
import { connect, eventually, finish, startDatabase, startWorker, trade } from './harness.js';

let database;
let worker;
let openapi;
let asyncapi;
let rest;
let stream;

const load = async (name) => JSON.parse(await readFile(new URL(`../../worker/doc/${name}`, import.meta.url), 'utf8'));

before(async () => {
	openapi = await load('openapi.json');
	asyncapi = await load('asyncapi.json');
	rest = new Ajv({ strict: false, allErrors: true }).addSchema(openapi, 'openapi');
	stream = new Ajv({ strict: false, allErrors: true }).addSchema(asyncapi, 'asyncapi');
	database = await startDatabase();
	await database.query('SELECT pulse_setup()');
	await database.query(`INSERT INTO portfolio_snapshots (ts, total_value, cash_balance, net_flow)
		SELECT now() - (40 - i) * interval '1 day', 1000 + i * (5 - i % 7), 500, 0 FROM generate_series(0, 40) i`);
	await database.query(`INSERT INTO trades (symbol, side, quantity, price, executed_at, strategy, fee)
		SELECT 'BTCUSDT', CASE i % 2 WHEN 0 THEN 'BUY' ELSE 'SELL' END, 0.1, 40000 + i * (3 - i % 5), now() - (20 - i) * interval '1 day', 's', 0.5 FROM generate_series(0, 20) i`);
	await database.query("SELECT pulse_notify('TEST', 'HIGH', 'title', 'message'), pulse_tick()");
	worker = await startWorker(database);
});
after(() => finish(() => worker?.stop(), () => database?.remove()));

function ask(path, { method = 'GET', headers = {}, body } = {}) {
	return new Promise((resolve, reject) => {
		const asked = request({ host: '127.0.0.1', port: worker.port, path, method, headers, agent: false }, (response) => {
			const parts = [];
			response.on('data', (part) => parts.push(part)).on('end', () => resolve({ status: response.statusCode, headers: response.headers, bytes: Buffer.concat(parts), text: Buffer.concat(parts).toString() }));
		});
		asked.on('error', reject).end(body);
	});
}

const pointer = (path) => path.replaceAll('~', '~0').replaceAll('/', '~1');
function check(ajv, reference, value, what) {
	const validate = ajv.getSchema(reference);
	assert.ok(validate, reference);
	assert.ok(validate(value), `${what}: ${JSON.stringify(validate.errors?.slice(0, 5))}\n${JSON.stringify(value).slice(0, 600)}`);
}
const checkAnswer = (path, method, answer) => check(rest, answer.status < 300
	? `openapi#/paths/${pointer(path)}/${method}/responses/200/content/application~1json/schema` : 'openapi#/components/schemas/Problem', JSON.parse(answer.text), `${method} ${path}`);
const checkFrame = (message) => check(stream, `asyncapi#/components/messages/${message.type}/payload`, message, message.type);

test('the documents are served, also packed', async () => {
	assert.deepEqual(JSON.parse((await ask('/api/v1/openapi.json')).text), openapi);
	const packed = await ask('/api/v1/asyncapi.json', { headers: { 'accept-encoding': 'gzip' } });
	assert.equal(packed.headers['content-encoding'], 'gzip');
	assert.deepEqual(JSON.parse(gunzipSync(packed.bytes)), asyncapi);
});

test('every row of the table of routes is documented, and nothing else', async () => {
	const table = await readFile(new URL('../../worker/src/routes.c', import.meta.url), 'utf8');
	const offered = [...table.matchAll(/\{HTTP_(\w+), \w+, \w+, "([^"]+)"/g)].map(([, method, path]) => `${method} ${path}`);
	const documented = Object.entries(openapi.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
	assert.ok(offered.length > 30);
	assert.deepEqual(documented.filter((one) => !/\/(login|logout|session)$/.test(one)).sort(), offered.sort());
});

test('analytics: rows of the functions, of the portfolios that are asked for', async () => {
	const rows = async (path) => JSON.parse((await ask(`/api/v1/${path}`)).text);
	const [all] = await rows('trade-statistics');
	assert.equal(all.trades, 10);
	assert.equal(all.wins + all.losses <= 10, true);
	const sides = await rows('trade-statistics?by=side&method=fifo');
	assert.deepEqual(sides.map((one) => [one.item, one.trades]), [['LONG', 10]]);
	assert.equal((await rows('holding-times')).find((one) => one.outcome === 'all').trades, 10);
	assert.deepEqual((await rows('turnover')).map((one) => one.portfolio), ['main']);
	assert.equal((await rows('excursions')).length, 10);
	assert.deepEqual((await rows('fees')).map((one) => [one.kind, one.fills, one.amount]), [['quote', 21, '10.5']]);
	assert.deepEqual(await rows('fees?portfolio=other'), []);
	assert.ok(Array.isArray(await rows('data-quality')));
	assert.deepEqual(await rows('reconcile?everything=true'), []);
	for (const wrong of ['trade-statistics?by=nonsense', 'trade-statistics?method=nonsense', 'fees?since=soon', 'reconcile?everything=perhaps', 'turnover?days=0']) {
		const answer = await ask(`/api/v1/${wrong}`);
		assert.equal(answer.status, 400, `${wrong}: ${answer.text}`);
	}
});

test('every path that is read answers as its schema says; a bad parameter gives a problem', async () => {
	let count = 0;
	for (const [path, { get }] of Object.entries(openapi.paths)) {
		if (!get) continue;
		const url = path.replace('{component}', 'database');
		const answer = await ask(url);
		assert.equal(answer.status, 200, `${path}: ${answer.text}`);
		checkAnswer(path, 'get', answer);
		count++;
		for (const { name, in: place, schema } of get.parameters) {
			if (place !== 'query') continue;
			if (schema.minimum === undefined) continue;
			const wrong = await ask(`${url}?${name}=x`);
			assert.equal(wrong.status, 400, `${path}?${name}=x`);
			checkAnswer(path, 'get', wrong);
			if (schema.default !== undefined) assert.equal((await ask(`${url}?${name}=${schema.default}`)).status, 200, `${path}?${name}`);
		}
	}
	assert.ok(count > 20);
	checkAnswer('/api/v1/health/{component}', 'get', await ask('/api/v1/health/nonsense'));
	const odd = await ask('/api/v1/rolling?metric=nonsense');
	assert.equal(odd.status, 400, odd.text);
});

test('commands: run a check, silence, end it, acknowledge', async () => {
	const post = (path, body) => ask(path, { method: 'POST', body: JSON.stringify(body) });
	const run = await post('/api/v1/health/database/run');
	checkAnswer('/api/v1/health/{component}/run', 'post', run);
	const silence = await post('/api/v1/silences', { matcher: { portfolio: 'main' }, until: '2100-01-01T00:00:00Z', reason: 'test' });
	assert.equal(silence.status, 200, silence.text);
	checkAnswer('/api/v1/silences', 'post', silence);
	const { silence_id: id } = JSON.parse(silence.text);
	const list = await ask('/api/v1/silences');
	checkAnswer('/api/v1/silences', 'get', list);
	assert.deepEqual(JSON.parse(list.text).map((one) => [one.silence_id, one.created_by, one.reason]), [[id, 'local', 'test']]);
	const ended = await ask(`/api/v1/silences/${id}`, { method: 'DELETE' });
	checkAnswer('/api/v1/silences/{silence_id}', 'delete', ended);
	assert.equal(JSON.parse(ended.text).ended, true);
	for (const body of [{}, { matcher: 'x', until: '2100-01-01' }, { matcher: {}, until: 'soon' }]) {
		const bad = await post('/api/v1/silences', body);
		assert.equal(bad.status, 400, `${JSON.stringify(body)}: ${bad.text}`);
	}
	assert.equal((await post('/api/v1/alerts/999999/ack', {})).status, 404);
	assert.equal((await post('/api/v1/alerts/x/ack', {})).status, 400);

	await database.query("SELECT pulse_record_health('thing', 'CRITICAL', 'broken'), pulse_tick()");
	const alert = await eventually('an alert', async () => {
		await database.query('SELECT pulse_tick()');
		return JSON.parse((await ask('/api/v1/alerts')).text)[0];
	});
	const ack = await post(`/api/v1/alerts/${alert.alert_id}/ack`, { note: 'seen' });
	assert.equal(ack.status, 200, ack.text);
	checkAnswer('/api/v1/alerts/{alert_id}/ack', 'post', ack);
	assert.equal(JSON.parse(ack.text).acknowledged, true);
	const after = JSON.parse((await ask('/api/v1/alerts?state=all')).text).find((one) => one.alert_id === alert.alert_id);
	assert.equal(after.acknowledged_by, 'local');
	const client = await connect(worker);
	client.send({ type: 'ACK_ALERT', id: 'w', alert_id: alert.alert_id, note: 'again' });
	checkFrame(await client.next((m) => m.type === 'ACK' && m.id === 'w', 'the ACK'));
	client.send({ type: 'ACK_ALERT', id: 'n', alert_id: 999999 });
	assert.equal((await client.next((m) => m.id === 'n', 'the ERROR')).code, 'NOT_FOUND');
	await client.close();
});

test('methods: what is not offered is refused with what is', async () => {
	for (const [path, methods] of Object.entries(openapi.paths)) {
		const answer = await ask(path.replace(/\{.*?\}/, '1'), { method: 'PUT' });
		assert.equal(answer.status, 405, path);
		for (const method of Object.keys(methods)) assert.ok(answer.headers.allow.includes(method.toUpperCase()), `${path}: ${answer.headers.allow}`);
	}
});

test('answers are packed for those who take that, with a tag of their own', async () => {
	const plain = await ask('/api/v1/heatmap');
	const packed = await ask('/api/v1/heatmap', { headers: { 'accept-encoding': 'gzip, br' } });
	assert.equal(packed.headers['content-encoding'], 'gzip');
	assert.match(packed.headers.vary, /accept-encoding/);
	assert.equal(gunzipSync(packed.bytes).toString(), plain.text);
	assert.notEqual(packed.headers.etag, plain.headers.etag);
	assert.equal((await ask('/api/v1/heatmap', { headers: { 'accept-encoding': 'gzip', 'if-none-match': packed.headers.etag } })).status, 304);
	assert.equal((await ask('/api/v1/heatmap', { headers: { 'accept-encoding': 'gzip;q=0' } })).headers['content-encoding'], undefined);
});

test('pages of notifications by cursor', async () => {
	for (let i = 0; i < 5; i++) await database.query("SELECT pulse_notify('TEST', 'LOW', $1, '')", [`n${i}`]);
	const titles = [];
	let cursor = '';
	do {
		const page = JSON.parse((await ask(`/api/v1/notifications?limit=2${cursor}`)).text);
		titles.push(...page.items.map(({ title }) => title));
		cursor = page.next_cursor && `&cursor=${page.next_cursor}`;
	} while (cursor);
	assert.deepEqual(titles.filter((title) => /^n\d$/.test(title)), ['n4', 'n3', 'n2', 'n1', 'n0']);
	assert.equal(new Set(titles).size, titles.length);
});

test('every frame of the stream is what the AsyncAPI document says', async () => {
	const client = await connect(worker);
	for (const message of [{ type: 'REQUEST_SNAPSHOT', id: 1 }, { type: 'SUBSCRIBE', id: 'a', subscriptions: ['*'], filter: { portfolio: 'main' }, since: { seq: 0 } },
		{ type: 'UNSUBSCRIBE', subscriptions: [] }, { type: 'PING', data: { x: 1 } }, { type: 'AUTH', id: 7, token: 'any' }, { type: 'SUBSCRIBE', since: { epoch: 'other', seq: 1 } }]) {
		check(stream, `asyncapi#/components/messages/${message.type}/payload`, message, 'what we send');
		client.send(message);
	}
	client.send({ type: 'NONSENSE', id: [1] });
	await database.query("INSERT INTO trades (symbol, side, quantity, price) VALUES ('ETHUSDT', 'BUY', 1, 3000)");
	await database.query("SELECT pulse_send_risk_alert('Exposure', 'ETHUSDT', 0.5, 0.2, 'too much'), pulse_tick()");
	await database.query("SELECT pulse_record_health('thing', 'CRITICAL', 'worse')");
	const [{ data }] = await database.query('SELECT pulse.health_data() AS data');
	await database.emit({ type: 'HEALTH_UPDATE', data });
	for (const type of ['WELCOME', 'SNAPSHOT', 'SUBSCRIBED', 'UNSUBSCRIBED', 'PONG', 'ACK', 'GAP', 'ERROR', 'TRADE_ALERT', 'PORTFOLIO_UPDATE', 'PERFORMANCE_UPDATE', 'SYSTEM_ALERT', 'HEALTH_UPDATE']) {
		await client.type(type);
	}
	client.messages.forEach(checkFrame);
	await client.close();
});

test('long poll: answered at the next event, or empty when the time is over', async () => {
	const { seq } = JSON.parse((await ask('/api/v1/events')).text);
	let answered = false;
	const waiting = ask(`/api/v1/events?since_seq=${seq}&wait=60`).then((answer) => { answered = true; return answer; });
	const many = Array.from({ length: 20 }, () => ask(`/api/v1/events?since_seq=${seq}&wait=60`));
	await ask('/healthz');
	assert.equal(answered, false);
	const next = await database.emit({ ...trade('polled'), priority: 'LOW' });
	assert.deepEqual(JSON.parse((await waiting).text).items.map((event) => event.seq), [next]);
	for (const answer of await Promise.all(many)) assert.equal(JSON.parse(answer.text).items.length, 1);
	assert.deepEqual(JSON.parse((await ask(`/api/v1/events?since_seq=${next}&wait=1`)).text).items, []);
});

/** Reads server-sent events. */
function sse(path, headers = {}) {
	const client = { events: [], comments: 0 };
	client.ready = new Promise((resolve, reject) => {
		client.request = request({ host: '127.0.0.1', port: worker.port, path, headers: { accept: 'text/event-stream', ...headers } }, (response) => {
			client.type = response.headers['content-type'];
			let rest = '';
			response.setEncoding('utf8').on('data', (part) => {
				const blocks = (rest + part).split('\n\n');
				rest = blocks.pop();
				for (const block of blocks) {
					const fields = Object.fromEntries(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trimStart()]));
					if (fields.data) client.events.push({ id: fields.id, message: JSON.parse(fields.data) });
				}
			}).on('error', () => {});
			resolve();
		}).on('error', reject);
		client.request.end();
	});
	client.has = (id) => eventually(`the event ${id}`, () => client.events.find(({ message }) => message.data?.id === id));
	return client;
}

test('server-sent events: filtered, and resumed with Last-Event-ID without a gap or a repeat', async () => {
	const count = async () => JSON.parse((await ask('/healthz')).text).clients;
	const before = await count();
	const first = sse('/api/v1/events?types=TRADE_ALERT&portfolio=main');
	await first.ready;
	assert.equal(first.type, 'text/event-stream');
	await eventually('it is subscribed', () => first.events.some(({ message }) => message.type === 'SUBSCRIBED'));
	const seq = await database.emit(trade('one'), { type: 'PORTFOLIO_UPDATE', portfolio: 'main' }, trade('other', { portfolio: 'second' }), trade('two'));
	const { id } = await first.has('two');
	assert.equal(id, `${await database.epoch()}:${seq}`);
	first.request.destroy();
	await database.emit(trade('missed'));
	const second = sse('/api/v1/events?types=TRADE_ALERT&portfolio=main', { 'last-event-id': id });
	await second.has('missed');
	await database.emit(trade('live'));
	await second.has('live');
	assert.deepEqual([...first.events, ...second.events].filter((event) => event.id).map(({ message }) => message.data.id), ['one', 'two', 'missed', 'live']);
	first.events.filter((event) => event.id).forEach(({ message }) => assert.equal(message.portfolio, 'main'));
	second.request.destroy();
	await eventually('they are gone', async () => await count() === before);
});
