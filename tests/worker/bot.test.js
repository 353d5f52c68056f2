// Commands and buttons by Telegram: who may, what they answer, and that none is worked on twice.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { startTelegram } from '../demo/telegram.js';
import { eventually, finish, startDatabase, startWorker, sweep } from './harness.js';

const token = '123456:AAFakeTokenForTests_-xyz';
const ADMIN = 11;
const READER = 22;
const STRANGER = 33;
let database;
let telegram;

before(async () => {
	database = await startDatabase();
	telegram = await startTelegram({ token });
	await database.query('SELECT pulse_setup()');
	await database.query(`INSERT INTO portfolio_snapshots (portfolio, ts, total_value, cash_balance)
		SELECT 'main', now() - make_interval(days => 120 - i), 10000 + 25 * i + 400 * sin(i / 5.0), 5000 FROM generate_series(0, 120) i`);
	await database.query(`INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES
		('main', 'BTC<USDT>', 'BUY', 0.5, 40000, now() - interval '2 days'), ('main', 'ETHUSDT', 'SELL', 2, 2000, now() - interval '1 day')`);
	await database.query('SELECT pulse_tick()');
	await database.query(`UPDATE pulse.delivery SET status = 'sent'`);
});
beforeEach(() => {
	telegram.messages.length = 0;
	telegram.requests.length = 0;
});
afterEach(sweep);
after(() => finish(() => {}, () => telegram?.close(), () => database?.remove()));

const start = (more = {}) => startWorker(database, {
	config: { resources: { enabled: 'false' }, telegram: { enabled: 'true', chat_id: 42, api_base: telegram.url, admins: ADMIN, readers: READER, ...more } },
	env: { TELEGRAM_BOT_TOKEN: token, PULSE_CLOCK_RATE: '10' },
});
let messageId = 1000;
const say = (text, user = ADMIN, chat = 42) => telegram.update({ message: { message_id: ++messageId, from: { id: user, username: `user${user}` }, chat: { id: chat }, text } });
const press = (data, user = ADMIN) => telegram.update({ callback_query: { id: `cb${++messageId}`, from: { id: user, first_name: 'Eve' }, message: { message_id: 5, chat: { id: 42 } }, data } });
const answer = (fits) => eventually(`an answer with ${fits}`, () => telegram.messages.find(({ plain }) => fits.test(plain)));
const audit = () => database.query('SELECT user_id::integer AS user, command, allowed, outcome FROM pulse.telegram_command ORDER BY update_id');

test('every question is answered with figures as people read them', async () => {
	const worker = await start();
	for (const text of ['/status', '/performance main', '/pnl', '/positions', '/risk', '/health', '/alerts', '/report 30', '/help']) say(text, READER);
	await answer(/^Status\n[^]*Value: 1\d,\d{3}\.\d\d\n[^]*P&L: 0\.00\n/);
	await answer(/^Performance\n[^]*Sharpe: −?\d+\.\d\d\n[^]*Win rate: –/);
	await answer(/^Profit and loss\n[^]*30d: [+−][\d,]+\.\d\d \([+−]?\d+\.\d\d %\)/);
	await answer(/^Open positions\n[^]*BTC<USDT>: 0\.5 \(/);
	assert.match(telegram.messages.find(({ plain }) => plain.startsWith('Open positions')).plain, /ETHUSDT: −2 \(/);
	await answer(/^Risk\n[^]*VaR 95 %: −?\d+\.\d\d %/);
	await answer(/^Health\n[^]*✅ database: HEALTHY/);
	await answer(/^Open alerts\nNone\./);
	await answer(/^Report\nValue: [^]*Maximum drawdown: \d/);
	const help = await answer(/^Commands\n/);
	assert.match(help.plain, /\/chart \[hours\]/);
	assert.doesNotMatch(help.plain, /\/ack/, 'a reader is not offered what he may not do');
	assert.ok(telegram.messages.every(({ parse_mode: mode }) => mode === 'HTML'));
	await worker.stop();
});

test('/chart and reports come with a picture', async () => {
	const worker = await start();
	say('/chart 2880 main');
	const photo = await eventually('a photo', () => telegram.messages.find(({ method }) => method === 'sendphoto'));
	assert.equal(photo.photo.magic, '\x89PNG\r\n\x1a\n');
	assert.ok(photo.photo.bytes > 10_000, `${photo.photo.bytes} bytes`);
	assert.equal(photo.text, 'main, 2880 hours');
	telegram.messages.length = 0;
	await database.query(`INSERT INTO pulse.delivery (type, priority, title, message, data, event_seq)
		VALUES ('DAILY_REPORT', 'LOW', 'Daily report', 'short', pulse_performance_report(1), 0)`);
	await database.emit({ type: 'SYSTEM_ALERT' });
	await eventually('text and picture', () => telegram.messages.length === 2);
	assert.match(telegram.messages[0].plain, /^ℹ️ Daily report\nValue: [\d,.]+\nReturn: /);
	assert.equal(telegram.messages[1].method, 'sendphoto');
	assert.equal(Number.isInteger(telegram.requests.find(({ method }) => method === 'sendphoto').parameters.reply_parameters.message_id), true);
	await worker.stop();
});

test('who is not listed gets nothing, a reader changes nothing; all is kept', async () => {
	await database.query('TRUNCATE pulse.telegram_command');
	const worker = await start();
	say('/positions', STRANGER);
	say('/mute 1h', READER);
	press('ack:1', STRANGER);
	say('hello there', ADMIN);
	say('/help@pulse_bot', ADMIN);
	await answer(/^Commands\n/);
	assert.equal(telegram.messages.length, 1);
	await eventually('all are kept', async () => (await audit()).length === 4);
	assert.deepEqual((await audit()).map(({ user, allowed }) => [user, allowed]), [[STRANGER, false], [READER, false], [STRANGER, false], [ADMIN, true]]);
	const refused = telegram.requests.find(({ method }) => method === 'answercallbackquery');
	assert.equal(refused.parameters.show_alert, true);
	await worker.logged(/user 33 \(@user33\) in chat 42 may not use \/positions/);
	await worker.stop();
});

test('names and words of any alphabet, as long as they like, are no obstacle', async () => {
	const worker = await start();
	telegram.update({ message: { message_id: ++messageId, from: { id: ADMIN, first_name: `a${'я'.repeat(40)}` }, chat: { id: 42 }, text: '/help' } });
	telegram.update({ message: { message_id: ++messageId, from: { id: ADMIN, username: `ab${'名'.repeat(60)}` }, chat: { id: 42 }, text: `/ack x${'🚀'.repeat(120)} ${'é'.repeat(250)}` } });
	await answer(/^Commands\n/);
	await answer(/^That did not work: /);
	await eventually('it is kept', async () => (await audit()).some(({ command, outcome }) => command.startsWith('/ack x🚀') && outcome !== null));
	await worker.stop();
});

test('ack, silence and unsilence change the alert, by button and by word', async () => {
	const [{ id }] = await database.query(`INSERT INTO pulse.alert (rule, kind, severity, level, state, title, message, portfolio, symbol, component, since, updated_at)
		VALUES ('max_drawdown', 'PERFORMANCE', 'CRITICAL', 2, 'firing', 'Deep', 'It is deep', 'main', '', '', now(), now()) RETURNING alert_id::integer AS id`);
	const worker = await start();
	press(`silence:${id}:1`);
	press(`ack:${id}`);
	say('/ack 4711');
	say('/silence some_rule 2h because');
	await answer(/There is no alert #4711 that fires/);
	await answer(/^Silence #\d+ for 2h\./);
	const silences = await database.query('SELECT silence_id::integer AS id, created_by, reason, matcher FROM pulse_silences()');
	const mine = silences.find(({ matcher }) => matcher.rule === 'some_rule');
	assert.deepEqual([mine.created_by, mine.reason], ['@user11', 'because']);
	say(`/unsilence ${mine.id}`);
	await answer(/Silence #\d+ has ended/);
	say('/ack nonsense');
	await answer(/^That did not work: .*nonsense/);
	await eventually('the alert is acknowledged', async () => (await database.query('SELECT acknowledged_by FROM pulse.alert WHERE alert_id = $1', [id]))[0].acknowledged_by === 'Eve (11)');
	assert.ok((await database.query('SELECT matcher FROM pulse_silences()')).some(({ matcher }) => matcher.rule === 'max_drawdown' && matcher.portfolio === 'main'));
	const pressed = telegram.requests.filter(({ method }) => method === 'answercallbackquery');
	// One that was not acknowledged before the last worker stopped may be answered again.
	assert.equal(pressed.filter(({ parameters }) => !parameters.show_alert).length, 2);
	await worker.stop();
});

test('/mute holds back all but CRITICAL, /mute off ends that', async () => {
	await database.query(`DELETE FROM pulse.delivery`);
	const worker = await start();
	say('/mute 2h');
	await answer(/Only CRITICAL for 2h/);
	for (const priority of ['HIGH', 'CRITICAL']) {
		await database.query(`INSERT INTO pulse.delivery (type, priority, title, message, event_seq) VALUES ('TEST', $1, $1, '', 0)`, [priority]);
	}
	await database.emit({ type: 'SYSTEM_ALERT' });
	await answer(/🚨 CRITICAL/);
	assert.ok(!telegram.messages.some(({ plain }) => plain.includes('HIGH')));
	say('/mute off');
	await answer(/⚠️ HIGH/);
	await worker.stop();
});

test('an answer that Telegram does not take comes later, in order; one that it refuses is kept as such', async () => {
	await database.query('TRUNCATE pulse.telegram_command');
	const worker = await start();
	telegram.fail({ method: 'sendmessage', kind: '429', retry_after: 5 }, { method: 'sendmessage', kind: 'html', status: 502 },
		{ method: 'answercallbackquery', kind: '429', retry_after: 1 });
	say('/positions');
	say('/help');
	press('ack:4711');
	await answer(/^Commands\n/);
	const spoken = telegram.messages.map(({ plain }) => plain.split('\n')[0]);
	assert.deepEqual(spoken.slice(0, 2), ['Open positions', 'Commands']);
	const tries = telegram.requests.filter(({ method }) => method === 'sendmessage').map(({ at }) => Date.parse(at));
	assert.ok(tries[1] - tries[0] >= 450, `${tries[1] - tries[0]} ms for five seconds`);
	await answer(/^There is no alert #4711/);
	await eventually('the button is answered', () => telegram.requests.some(({ method, status }) => method === 'answercallbackquery' && status === 200));
	telegram.fail({ method: 'sendmessage', kind: 'error', status: 403, description: 'Forbidden: bot was blocked by the user' });
	say('/help', READER, 43);
	await eventually('it is kept', async () => (await audit()).some(({ user, outcome }) => user === READER && /^the answer could not be sent: 403 Forbidden/.test(outcome)));
	await worker.stop();
});

test('an update is worked on once, whatever restarts; a conflict is waited out', async () => {
	let worker = await start();
	say('/mute 1h');
	await answer(/Only CRITICAL/);
	await worker.kill();
	// Killed before it could tell Telegram that the update was taken: it comes again.
	worker = await start();
	say('/mute off');
	await answer(/Messages come again/);
	assert.equal(telegram.messages.filter(({ plain }) => /Only CRITICAL/.test(plain)).length, 1);
	await worker.stop();
	telegram.requests.length = 0;
	telegram.fail({ kind: 'error', status: 409, description: 'Conflict: terminated by other getUpdates request' });
	worker = await start();
	await worker.logged(/updates cannot be read: .*Conflict/);
	say('/help');
	await answer(/^Commands/);
	await worker.stop();
});
