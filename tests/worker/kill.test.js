// Kill -9 at any moment, counted at the receiver; hours of outage; a day of load. KILLS, OUTAGE_HOURS and SOAK_HOURS (of the
// worker's clock, which SOAK_RATE lets run faster) make it longer: KILLS=200 OUTAGE_HOURS=3 SOAK_HOURS=24 node --test kill.test.js
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { startTelegram } from '../demo/telegram.js';
import { eventually, finish, startDatabase, startWorker, sweep } from './harness.js';

const kills = Number(process.env.KILLS ?? 5);
const outageHours = Number(process.env.OUTAGE_HOURS ?? 0.1);
const soakHours = Number(process.env.SOAK_HOURS ?? 0.1);
const soakRate = Number(process.env.SOAK_RATE ?? 100);
const token = '123456:AAFakeTokenForTests_-xyz';
let database;
let telegram;

before(async () => {
	database = await startDatabase();
	telegram = await startTelegram({ token });
});
beforeEach(async () => {
	await database.query('TRUNCATE pulse.delivery');
	telegram.messages.length = 0;
	telegram.requests.length = 0;
});
afterEach(sweep);
after(() => finish(() => {}, () => telegram?.close(), () => database?.remove()));

const start = (rate, more = {}) => startWorker(database, { ready: false, env: { TELEGRAM_BOT_TOKEN: token, PULSE_CLOCK_RATE: String(rate) },
	config: { resources: { enabled: 'false' }, telegram: { enabled: 'true', chat_id: 42, api_base: telegram.url, collapse_after: 0 }, ...more } });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const priorities = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'];

test(`${kills} random kills: everything arrives, twice only what was uncertain`, async () => {
	let number = 0;
	const enqueue = (count) => database.query(`INSERT INTO pulse.delivery (type, priority, title, message, event_seq)
		SELECT 'TEST', ($2::text[])[1 + i % 4], format('message-%s-', i), '', 0 FROM generate_series($1::integer, $1::integer + $3::integer - 1) i`, [(number += count) - count, priorities, count]);
	for (let round = 0; round < kills; round++) {
		const worker = await start(100);
		await enqueue(3);
		await database.emit({ type: 'SYSTEM_ALERT' });
		if (round % 3 === 0) telegram.fail({ delay: 100 + Math.random() * 200 });
		if (round % 5 === 0) telegram.fail({ kind: 'reset' });
		// From the first moments of its life to the middle of a burst.
		await pause(Math.random() * 700);
		await worker.kill();
		// The half minute that a lease lasts passes.
		await database.query(`UPDATE pulse.delivery SET lease_until = now() WHERE status = 'leased'`);
	}
	const worker = await start(100);
	let rows;
	// As long as something moves there is no reason to give up.
	for (let left = -1, since = Date.now(); left !== 0;) {
		await database.query(`UPDATE pulse.delivery SET lease_until = now() WHERE status = 'leased' AND lease_until < now() + interval '20 seconds'`);
		rows = await database.query('SELECT title, priority, status, uncertain FROM pulse.delivery ORDER BY delivery_id');
		const open = rows.filter(({ status }) => status !== 'sent' && status !== 'ambiguous').length;
		if (open !== left) since = Date.now();
		left = open;
		assert.ok(Date.now() - since < 45_000, `${left} messages stand still`);
		await pause(200);
	}
	await worker.stop();
	let repeats = 0;
	for (const { title, priority, status, uncertain } of rows) {
		const arrived = telegram.messages.filter(({ plain }) => plain.includes(title)).length;
		if (status === 'sent') assert.ok(arrived >= 1, `${title} (${priority}) is called sent and never arrived`);
		else assert.equal(priority, 'LOW', `${title} is ${status}`);
		assert.ok(arrived <= 1 + uncertain, `${title} (${priority}) arrived ${arrived} times, uncertain ${uncertain}`);
		repeats += Math.max(0, arrived - 1);
	}
	assert.equal(rows.length, kills * 3);
	console.log(`# ${kills} kills, ${rows.length} messages, ${telegram.messages.length} arrivals, ${repeats} repeats, ${rows.filter(({ uncertain }) => uncertain > 0).length} uncertain`);
});

test(`${outageHours} hours of outage: nothing is lost, and no storm afterwards`, async () => {
	const rate = 100;
	const worker = await start(rate);
	await worker.logged(/^leading/);
	telegram.outage(true);
	for (let i = 0; i < 40; i++) await database.query(`INSERT INTO pulse.delivery (type, priority, title, message, event_seq) VALUES ('TEST', $1, $2, '', 0)`, [priorities[i % 4], `message-${i}-`]);
	await database.emit({ type: 'SYSTEM_ALERT' });
	await pause(outageHours * 3600_000 / rate);
	const tries = telegram.requests.length;
	telegram.outage(false);
	// A pause of up to 90 s between two tries: many hours have room for few of them.
	assert.ok(tries >= 5 && tries <= 20 + 400 * outageHours, `${tries} tries in ${outageHours} hours`);
	await eventually('all are sent', async () => (await database.query(`SELECT FROM pulse.delivery WHERE status <> 'sent'`)).length === 0);
	const arrivals = telegram.messages.map(({ at }) => Date.parse(at) * rate);
	for (let i = 0; i < 40; i++) assert.equal(telegram.messages.filter(({ plain }) => plain.includes(`message-${i}-`)).length, 1);
	// 40 messages with a burst of 5 take at least 35 × 3 s of the worker's clock; a message may be some hundredths of a second of ours on its way.
	assert.ok(arrivals.at(-1) - arrivals[0] >= 35 * 3000 - 100 * rate, `${(arrivals.at(-1) - arrivals[0]) / 1000} s`);
	await worker.stop();
});

test(`${soakHours} hours of load: memory and descriptors stay flat`, async () => {
	const rate = soakRate;
	const worker = await start(rate, { 'probe.self': { base_url: 'http://127.0.0.1:9', interval: 10 }, 'sink.hook': { kind: 'webhook', url: 'http://127.0.0.1:9/' } });
	await worker.logged(/^leading/);
	const looks = [];
	const look = async () => {
		const status = await (await import('node:fs/promises')).readFile(`/proc/${worker.process.pid}/statm`, 'utf8');
		looks.push({ memory: Number(status.split(' ')[1]) * 4096, files: (await readdir(`/proc/${worker.process.pid}/fd`)).length });
	};
	const end = Date.now() + soakHours * 3600_000 / rate;
	let sent = 0;
	for (let i = 0; Date.now() < end; i++, sent++) {
		await database.query(`INSERT INTO pulse.delivery (type, priority, title, message, event_seq) VALUES ('TEST', $1, $2, $3, 0)`, [priorities[i % 4], `message ${i}`, 'x'.repeat(i % 3000)]);
		await database.emit(...Array.from({ length: 10 }, (_, j) => ({ type: ['PERFORMANCE_UPDATE', 'TRADE_ALERT', 'SYSTEM_ALERT'][j % 3], portfolio: 'main', data: { text: 'y'.repeat(500) } })));
		await (await worker.get('/metrics')).text();
		// Partitions for more events are made by the tick.
		if (i % 2000 === 1999) await database.query('SELECT pulse_tick()');
		if (i % 10 === 0) await look();
		await pause(20);
	}
	await look();
	const settled = looks.slice(Math.floor(looks.length / 2));
	const spread = (values) => Math.max(...values) - Math.min(...values);
	assert.ok(looks.length >= 4, `${looks.length} looks`);
	assert.ok(spread(settled.map(({ files }) => files)) <= 8, JSON.stringify(settled.map(({ files }) => files)));
	const twenty = looks.filter((_, i) => i % Math.ceil(looks.length / 20) === 0 || i === looks.length - 1);
	console.log(`# ${sent} messages and ${10 * sent} events; memory ${twenty.map(({ memory }) => (memory / 1048576).toFixed(1)).join(' ')} MB, descriptors ${twenty.map(({ files }) => files).join(' ')}`);
	// The sanitizers keep freed blocks in quarantine, so this is judged over longer runs of the plain program only.
	if (process.env.PULSE_WORKER && soakHours >= 12) assert.ok(settled.at(-1).memory < settled[0].memory * 1.1 + 2 ** 21, 'memory grows');
	await worker.stop();
});
