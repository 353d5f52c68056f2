// Networks that fail in the middle: connections that are half open, names that are not found, bytes that come too slowly or without an
// end. Nothing is lost, nothing is repeated without a mark, and what goes elsewhere does not notice. Probes have theirs in probe.test.js.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { startTelegram } from '../demo/telegram.js';
import { startSilence } from './exchanges.js';
import { eventually, finish, startDatabase, startWorker, sweep } from './harness.js';
import { startRelay, weathers } from './weather.js';

const token = '123456:AAFakeTokenForTests_-xyz';
let database;
let telegram;
const opened = [];

before(async () => { database = await startDatabase(); });
beforeEach(async () => {
	await database.query('TRUNCATE pulse.delivery, pulse.delivery_sink, pulse.sink');
	telegram = await startTelegram({ token });
	opened.push(telegram);
});
afterEach(async () => {
	sweep();
	await Promise.all(opened.splice(0).map((one) => one.close()));
});
after(() => finish(() => {}, () => database?.remove()));

const open = async (promise) => {
	const one = await promise;
	opened.push(one);
	return one;
};

/** A place that keeps what is posted to it. */
async function startPlace() {
	const place = { requests: [] };
	const server = createServer((request, response) => {
		let body = '';
		request.setEncoding('utf8').on('data', (text) => { body += text; }).on('end', () => {
			place.requests.push({ key: request.headers['idempotency-key'], ...JSON.parse(body) });
			response.writeHead(200, { 'content-length': 14 }).end('{"taken":true}');
		});
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	place.port = server.address().port;
	place.url = `http://127.0.0.1:${place.port}`;
	place.close = () => new Promise((resolve) => {
		server.close(resolve);
		server.closeAllConnections();
	});
	place.of = (title) => place.requests.filter((request) => request.title === title);
	return place;
}

const enqueue = async (title, priority = 'CRITICAL') => {
	const [{ id }] = await database.query(`INSERT INTO pulse.delivery (type, priority, title, message, event_seq) VALUES ('TEST', $2, $1, '', 0) RETURNING delivery_id::integer AS id`, [title, priority]);
	await database.emit({ type: 'SYSTEM_ALERT' });
	return id;
};
const row = async (title) => (await database.query('SELECT status, attempts, uncertain, last_error FROM pulse.delivery WHERE title = $1', [title]))[0];
const arrived = (title) => telegram.messages.filter(({ plain }) => plain.includes(title)).map(({ plain }) => plain);

const start = async (sinks, telegramKeys) => {
	const config = { resources: { enabled: 'false' }, ...Object.fromEntries(Object.entries(sinks).map(([name, keys]) => [`sink.${name}`, { kind: 'webhook', timeout: 1000, ...keys }])),
		telegram: { enabled: 'true', chat_id: 42, collapse_after: 0, timeout: 1000, ...telegramKeys } };
	const worker = await startWorker(database, { env: { TELEGRAM_BOT_TOKEN: token, PULSE_CLOCK_RATE: '10' }, config });
	await eventually('the sinks are known', async () => (await database.query('SELECT FROM pulse.sink')).length === Object.keys(sinks).length);
	return { worker, config };
};

test('Telegram through every weather: at least once, twice only with a mark; the other queue goes on', async () => {
	const relay = await open(startRelay(Number(new URL(telegram.url).port)));
	const well = await open(startPlace());
	const { worker } = await start({ well: { url: well.url, timeout: 20_000 } }, { api_base: relay.url });
	for (const [weather, passes] of Object.entries(weathers)) {
		if (weather === 'slow') continue;
		const title = `through-${weather}-`;
		relay.next.push(weather);
		await enqueue(title);
		await eventually(`the other place has it in spite of ${weather}`, () => well.of(title).length > 0);
		const { uncertain, attempts } = await eventually(`it is sent after ${weather}`, async () => {
			const found = await row(title);
			return found.status === 'sent' ? found : undefined;
		});
		const texts = arrived(title);
		// A machine that is busy may break another connection by itself: then it comes once more.
		assert.ok(attempts >= 2 && uncertain < attempts, weather);
		// What never reached the server may be called uncertain: from here a reset after the request looks the same.
		assert.ok(texts.length >= (passes ? 2 : 1) && texts.length <= 1 + uncertain, `${weather}: ${texts.length} arrived, uncertain ${uncertain}`);
		if (passes) assert.ok(!texts[0].includes('possible repeat'), weather);
		for (const text of texts.slice(1)) assert.match(text, /\(possible repeat\) #\d+$/, weather);
		assert.equal(well.of(title).length, 1, 'the other place has it once');
	}
	await worker.logged(/messages go out again/);
	await worker.stop();
});

test('no name, no route in, no handshake: known not to have arrived, so it comes once and without a mark; slow is no failure', async () => {
	const relay = await open(startRelay(Number(new URL(telegram.url).port)));
	const silence = await open(startSilence());
	const well = await open(startPlace());
	const bad = { dns: 'https://no-such-host.invalid', refused: 'http://127.0.0.1:9', handshake: `https://localhost:${silence.port}` };
	const { worker, config } = await start({ well: { url: well.url, timeout: 20_000 } }, { api_base: telegram.url });
	const turn = async (base, timeout = 20_000) => {
		const reloads = worker.log.filter(({ message }) => message === 'configuration reloaded').length;
		await worker.configure({ ...config, telegram: { ...config.telegram, api_base: base, timeout } });
		worker.signal('SIGHUP');
		await eventually('the new address', () => worker.log.filter(({ message }) => message === 'configuration reloaded').length > reloads);
	};
	for (const [name, base] of Object.entries(bad)) {
		await turn(base, 1000);
		await enqueue(`by-${name}-`);
		await eventually(`${name} is tried`, async () => (await row(`by-${name}-`)).last_error !== null);
		await eventually('the other place has it', () => well.of(`by-${name}-`).length === 1);
		await turn(telegram.url);
		await eventually('it is sent', async () => (await row(`by-${name}-`)).status === 'sent');
		assert.equal((await row(`by-${name}-`)).uncertain, 0, name);
		assert.equal(arrived(`by-${name}-`).length, 1, name);
		assert.ok(!arrived(`by-${name}-`)[0].includes('possible repeat'));
	}
	relay.next.push('slow');
	await turn(relay.url);
	await enqueue('by-slow-');
	await eventually('it is sent', async () => (await row('by-slow-')).status === 'sent');
	assert.deepEqual([arrived('by-slow-').length, (await row('by-slow-')).attempts, relay.next.length], [1, 1, 0]);
	await worker.stop();
});

test('sinks through every weather, all at a time: each has everything in the end, under the number of the message', async () => {
	const silence = await open(startSilence());
	const places = {};
	const sinks = {};
	for (const weather of Object.keys(weathers)) {
		places[weather] = await open(startPlace());
		// Twice bad, then the breaker has no reason yet to open.
		const relay = await open(startRelay(places[weather].port, [weather, weather]));
		sinks[weather] = { url: relay.url, ...(weather === 'slow' && { timeout: 20_000 }) };
	}
	const well = await open(startPlace());
	const never = { dns: 'https://no-such-host.invalid/', refused: 'http://127.0.0.1:9/', handshake: `https://localhost:${silence.port}/` };
	for (const [name, url] of Object.entries(never)) sinks[name] = { url };
	sinks.well = { url: well.url, timeout: 20_000 };
	const { worker, config } = await start(sinks, { api_base: telegram.url, timeout: 20_000 });
	const titles = ['first-', 'second-', 'third-'];
	const ids = {};
	for (const title of titles) ids[title] = await enqueue(title, 'HIGH');
	await eventually('the place that is well, and Telegram', () => titles.every((title) => well.of(title).length === 1 && arrived(title).length === 1));
	for (const [weather, place] of Object.entries(places)) {
		await eventually(`all arrive through ${weather}`, () => titles.every((title) => place.of(title).length > 0));
		for (const { title, key } of place.requests) assert.equal(key, `pulse-${ids[title]}`);
		await eventually(`all are called sent, ${weather}`, async () => (await database.query(`SELECT FROM pulse.delivery_sink WHERE sink = $1 AND status = 'sent'`, [weather])).length === 3);
	}
	assert.equal(places.slow.requests.length, 3, 'slowly is no failure');
	for (const name of Object.keys(never)) {
		const waiting = await database.query('SELECT DISTINCT status FROM pulse.delivery_sink WHERE sink = $1', [name]);
		assert.ok(waiting.every(({ status }) => ['pending', 'leased'].includes(status)), `${name}: ${JSON.stringify(waiting)}`);
	}
	// Those that were never there are there now.
	const late = await open(startPlace());
	await worker.configure({ ...config, ...Object.fromEntries(Object.keys(never).map((name) => [`sink.${name}`, { ...config[`sink.${name}`], url: `${late.url}/${name}` }])) });
	worker.signal('SIGHUP');
	await eventually('nothing was lost', () => titles.every((title) => late.of(title).length >= Object.keys(never).length));
	assert.equal(well.requests.length, 3);
	await worker.stop();
});
