// The outbox to Telegram, against a stand-in that answers, limits and fails as the real one does.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { startTelegram } from '../demo/telegram.js';
import { eventually, finish, ini, program, startDatabase, startWorker, sweep } from './harness.js';

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

/** Puts a message into the outbox, with the event that announces it. */
async function enqueue(title, { priority = 'MEDIUM', message = '', data = {}, portfolio = null, type = 'TEST' } = {}) {
	const [{ id }] = await database.query(`INSERT INTO pulse.delivery (type, priority, portfolio, title, message, data, event_seq)
		VALUES ($1, $2, $3, $4, $5, $6, 0) RETURNING delivery_id AS id`, [type, priority, portfolio, title, message, data]);
	await database.emit({ type: 'SYSTEM_ALERT' });
	return id;
}

const outbox = () => database.query(`SELECT delivery_id AS id, title, status, attempts, uncertain, external_id, last_error, lease_owner
	FROM pulse.delivery ORDER BY delivery_id`);

const settled = (...status) => eventually(`the outbox is ${status}`, async () => {
	const rows = await outbox();
	return rows.length > 0 && rows.every((row) => status.includes(row.status)) ? rows : undefined;
});

/** The worker's clock runs ten times as fast, unless a test measures by the database's as well. */
const RATE = 10;

const startSender = (more = {}) => startWorker(database, {
	...more,
	config: { telegram: { enabled: 'true', chat_id: 42, api_base: telegram.url, collapse_after: 0, ...more.telegram }, reports: { timezone: 'Asia/Kolkata' }, ...more.config },
	env: { TELEGRAM_BOT_TOKEN: token, PULSE_CLOCK_RATE: String(RATE), ...more.env },
});

test('a message arrives formatted, once, and is recorded as sent', async () => {
	const worker = await startSender();
	await enqueue('Drawdown <20%> & "more"', { priority: 'HIGH', portfolio: 'main', message: 'a < b && c > d', data: { value: '0.2', threshold: 0.15 } });
	const [row] = await settled('sent');
	assert.equal(row.attempts, 1);
	assert.equal(row.external_id, String(telegram.messages[0].message_id));
	assert.equal(row.lease_owner, null);
	const [{ text, plain, chat_id: chat, parse_mode: mode }] = telegram.messages;
	assert.equal(chat, '42');
	assert.equal(mode, 'HTML');
	assert.match(text, /^\u26a0\ufe0f <b>Drawdown &lt;20%&gt; &amp; &quot;more&quot;<\/b>\na &lt; b &amp;&amp; c &gt; d\nValue: 0\.2\nThreshold: 0\.15\n/);
	assert.match(plain, /\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d Asia\/Kolkata · main$/);
	await worker.stop();
	assert.equal(telegram.messages.length, 1);
});

test('a trade shows its figures as people read them, digit for digit', async () => {
	const worker = await startSender();
	await enqueue('SELL BTCUSDT', { priority: 'LOW', type: 'TRADE_ALERT', portfolio: 'main', message: 'the short form',
		data: { symbol: 'BTCUSDT', side: 'SELL', quantity: '1234567.00010000', price: '45000', value: '12345678901234567890.123456789', fee: '-0.10', fee_asset: 'BNB',
			realized_pnl: '1500.5', position: '-2.0', strategy: 'a<b', confidence: 0.8534 } });
	await settled('sent');
	const { plain } = telegram.messages[0];
	assert.deepEqual(plain.split('\n').slice(0, -2), ['ℹ️ 🔴 SELL BTCUSDT', 'Quantity: 1,234,567.0001', 'Price: 45,000.00', 'Value: 12,345,678,901,234,567,890.123456789',
		'Fee: −0.10 BNB', 'Realised P&L: +1,500.50', 'Position: −2', 'Strategy: a<b', 'Confidence: 85.34 %']);
	assert.equal(telegram.requests[0].parameters.disable_notification, true, 'LOW does not ring');
	await worker.stop();
});

test('the order is CRITICAL, HIGH, MEDIUM, LOW, unless one has waited long', async () => {
	for (const priority of ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL']) await enqueue(priority, { priority });
	const old = await enqueue('LOW of an hour ago', { priority: 'LOW' });
	await database.query(`UPDATE pulse.delivery SET created_at = now() - interval '1 hour' WHERE delivery_id = $1`, [old]);
	const worker = await startSender();
	await settled('sent');
	assert.deepEqual(telegram.messages.map(({ plain }) => plain.split('\n')[0].replace(/^\S+ /, '')), ['CRITICAL', 'LOW of an hour ago', 'HIGH', 'MEDIUM', 'LOW']);
	await worker.stop();
});

test('five at once, then one in three seconds, also across a restart', async () => {
	for (let i = 0; i < 6; i++) await enqueue(`message ${i}`);
	let worker = await startSender({ env: { PULSE_CLOCK_RATE: '1' } });
	await eventually('the burst', () => telegram.messages.length >= 5);
	await worker.stop();
	worker = await startSender({ env: { PULSE_CLOCK_RATE: '1' } });
	await settled('sent');
	const at = telegram.messages.map((message) => Date.parse(message.at));
	assert.equal(at.length, 6);
	assert.ok(at[5] - at[4] >= 2500, `${at[5] - at[4]} ms after the burst`);
	await worker.stop();
});

test('a group that enforces its limits has hardly ever to say so', async () => {
	const rate = 30;
	const strict = await startTelegram({ token, limits: true, clockRate: rate });
	const worker = await startSender({ telegram: { chat_id: -100, api_base: strict.url, admins: '11' }, env: { PULSE_CLOCK_RATE: String(rate) } });
	await worker.logged(/^leading/);
	for (let i = 0; i < 24; i++) await enqueue(`in the group ${i}-`);
	// Somebody talks to the bot meanwhile, which counts as well.
	for (let i = 0; i < 4; i++) strict.update({ message: { message_id: 1000 + i, from: { id: 11, username: 'eve' }, chat: { id: -100 }, text: '/help' } });
	await settled('sent');
	await eventually('the answers', () => strict.messages.filter(({ plain }) => plain.startsWith('Commands')).length === 4);
	for (let i = 0; i < 24; i++) assert.equal(strict.messages.filter(({ plain }) => plain.includes(`in the group ${i}-`)).length, 1);
	const refused = strict.requests.filter(({ status }) => status === 429).length;
	// What is on its way for a moment of ours takes seconds by the clock of the group.
	assert.ok(refused <= 12, `${refused} times`);
	assert.ok((await outbox()).every(({ attempts }) => attempts === 1));
	await worker.stop();
	await strict.close();
});

test('429 is obeyed exactly, and uses no attempt', async () => {
	const worker = await startSender();
	telegram.fail({ kind: '429', retry_after: 3 });
	await enqueue('limited');
	const [row] = await settled('sent');
	assert.equal(row.attempts, 1);
	assert.equal(telegram.messages.length, 1);
	const [first, second] = telegram.requests.map((request) => Date.parse(request.at));
	assert.ok(second - first >= 3000 / RATE - 10, `${second - first} ms for three seconds`);
	await worker.stop();
});

test('an outage of any kind costs no message and repeats none', async () => {
	const worker = await startSender();
	telegram.fail({ kind: 'html', status: 502 }, { kind: 'error', status: 500, description: 'Internal Server Error' });
	await enqueue('through the storm');
	const [row] = await settled('sent');
	assert.equal(row.uncertain, 0);
	assert.equal(telegram.messages.length, 1);
	assert.ok(!telegram.messages[0].plain.includes('possible repeat'));
	await worker.logged(/messages go out again/);
	await worker.stop();
});

test('no server there: the message waits until there is one', async () => {
	const worker = await startSender({ telegram: { api_base: 'http://127.0.0.1:9' } });
	await enqueue('patience');
	await worker.logged(/failed, trying again/);
	const [row] = await outbox();
	assert.notEqual(row.status, 'ambiguous');
	assert.equal(row.uncertain, 0, 'what was never written cannot have arrived');
	await worker.configure({ telegram: { enabled: 'true', chat_id: 42, api_base: telegram.url } });
	worker.signal('SIGHUP');
	await settled('sent');
	await worker.stop();
});

test('accepted, then reset or cut: repeated with a mark, but LOW is not', async () => {
	const worker = await startSender();
	for (const kind of ['reset', 'truncate']) {
		await database.query('TRUNCATE pulse.delivery');
		telegram.messages.length = 0;
		telegram.fail({ kind });
		const id = await enqueue('alarm', { priority: 'CRITICAL' });
		const [row] = await settled('sent');
		assert.equal(row.uncertain, 1);
		assert.equal(telegram.messages.length, 2);
		assert.ok(!telegram.messages[0].plain.includes('possible repeat'));
		assert.ok(telegram.messages[1].plain.endsWith(`\n(possible repeat) #${id}`));
	}
	await database.query('TRUNCATE pulse.delivery');
	telegram.messages.length = 0;
	telegram.fail({ kind: 'reset' });
	await enqueue('whisper', { priority: 'LOW' });
	const [row] = await settled('ambiguous');
	assert.equal(row.uncertain, 1);
	await enqueue('next');
	await settled('ambiguous', 'sent');
	assert.deepEqual(telegram.messages.map(({ plain }) => plain.split(' ')[1].split('\n')[0]), ['whisper', 'next']);
	await worker.stop();
});

test('entities that are refused: once more as plain text', async () => {
	const worker = await startSender();
	telegram.fail({ kind: 'error', status: 400, description: 'Bad Request: can\'t parse entities: whatever' });
	await enqueue('plain & simple');
	const [row] = await settled('sent');
	assert.equal(row.attempts, 1);
	assert.equal(row.last_error, 'sent as plain text');
	assert.equal(telegram.messages[0].parse_mode, null);
	assert.match(telegram.messages[0].text, /^\S+ plain & simple\n/);
	await worker.stop();
});

test('a message that is refused for good is put aside, and the next one goes out', async () => {
	const worker = await startSender();
	telegram.fail({ kind: 'error', status: 400, description: 'Bad Request: message text is empty' });
	await enqueue('first', { priority: 'HIGH' });
	await enqueue('second');
	const rows = await settled('dead', 'sent');
	assert.deepEqual(rows.map(({ status }) => status), ['dead', 'sent']);
	assert.match(rows[0].last_error, /message text is empty/);
	await worker.stop();
});

test('a group that became a supergroup is followed, also after a restart', async () => {
	let worker = await startSender({ telegram: { chat_id: -55 } });
	telegram.fail({ kind: 'error', status: 400, description: 'Bad Request: group chat was upgraded to a supergroup chat', parameters: { migrate_to_chat_id: -10055 } });
	await enqueue('moved');
	await settled('sent');
	assert.equal(telegram.messages[0].chat_id, '-10055');
	await worker.stop();
	worker = await startSender({ telegram: { chat_id: -55 } });
	await enqueue('still there');
	await settled('sent');
	assert.equal(telegram.messages[1].chat_id, '-10055');
	await worker.stop();
});

test('a wrong token stops the sink, not the messages; the right one sends them after SIGHUP', async () => {
	const file = `${database.cluster.directory}/token`;
	await writeFile(file, '123456:wrong', { mode: 0o600 });
	const worker = await startSender({ telegram: { token_file: file }, env: { TELEGRAM_BOT_TOKEN: '' } });
	await enqueue('kept', { priority: 'CRITICAL' });
	await worker.logged(/the bot token is wrong: 401/);
	const [row] = await eventually('the message is back', async () => {
		const rows = await outbox();
		return rows[0].status === 'pending' ? rows : undefined;
	});
	assert.equal(row.attempts, 0);
	assert.equal(telegram.messages.length, 0);
	await writeFile(file, `${token}\n`);
	worker.signal('SIGHUP');
	await settled('sent');
	assert.equal(telegram.requests.filter(({ status }) => status === 401).length, 1, 'it did not knock again and again');
	await worker.stop();
});

test('a bot that was thrown out of the chat keeps the messages too', async () => {
	const worker = await startSender();
	telegram.fail({ kind: 'error', status: 403, description: 'Forbidden: bot was kicked from the group chat' });
	await enqueue('kept');
	await worker.logged(/may not write to the chat: 403 Forbidden: bot was kicked/);
	await eventually('the message is back', async () => (await outbox())[0].status === 'pending');
	worker.signal('SIGHUP');
	await settled('sent');
	await worker.stop();
});

test('the token is in no log line, not at debug level, not in errors, not in the command line', async () => {
	const worker = await startSender({ args: ['--debug'] });
	telegram.fail({ kind: 'reset' }, { kind: 'error', status: 404, description: `Not Found: bot${token}` });
	await enqueue(`quoting ${token}`, { priority: 'CRITICAL' });
	await worker.logged(/the bot token is wrong/);
	await worker.configure({ telegram: { enabled: 'true', chat_id: 42, api_base: 'http://127.0.0.1:9' } });
	worker.signal('SIGHUP');
	await worker.logged(/configuration reloaded/);
	assert.ok(!(await readFile(`/proc/${worker.process.pid}/cmdline`, 'utf8')).includes(token));
	assert.ok(!(await (await worker.get('/metrics')).text()).includes(token));
	await worker.stop();
	assert.ok(!worker.output.includes(token), worker.output);
});

test('a text that is too long comes in parts, cut between lines, never inside a character or an entity', async () => {
	const worker = await startSender();
	const body = Array.from({ length: 300 }, (_, i) => `line ${i} with 🚀 & <b>`).join('\n');
	await enqueue('<b>'.repeat(200), { message: body, data: { value: '1' } });
	await settled('sent');
	const texts = telegram.messages.map(({ plain }) => plain);
	assert.ok(texts.length >= 2 && texts.every((text) => text.length <= 4096));
	assert.match(texts[0], /… \(1\/\d\)\n/);
	assert.match(texts.at(-1), /\nValue: 1\n/);
	const together = texts.map((text, i) => text.split('\n').slice(1, i === texts.length - 1 ? -3 : undefined).join('\n').replace(/\n$/, '')).join('\n');
	assert.equal(together, body);
	assert.deepEqual(telegram.requests.slice(1).map(({ parameters }) => parameters.reply_parameters?.message_id), texts.slice(1).map(() => telegram.messages[0].message_id));
	// A part that fails is sent again, not what came before it.
	telegram.messages.length = 0;
	telegram.fail({}, { kind: 'error', status: 500, description: 'Internal Server Error' });
	await enqueue('again', { message: body });
	await settled('sent');
	assert.equal(telegram.messages.length, texts.length);
	await worker.stop();
});

test('many that wait become one message, in which none is forgotten', async () => {
	for (let i = 0; i < 32; i++) await enqueue(`SELL ${i}`, { type: 'TRADE_ALERT', priority: 'LOW', message: '0.1 @ 45000' });
	await enqueue('alone', { priority: 'HIGH' });
	const worker = await startSender({ telegram: { collapse_after: 5 } });
	await settled('sent');
	assert.equal(telegram.messages.length, 2);
	const { plain } = telegram.messages[1];
	assert.match(plain, /^ℹ️ TRADE_ALERT: 32 messages\n\d\d:\d\d:\d\d SELL 0: 0\.1 @ 45000\n/);
	assert.match(plain, /\nand 12 more\n/);
	assert.equal(new Set((await outbox()).filter(({ title }) => title !== 'alone').map(({ external_id: id }) => id)).size, 1);
	await worker.stop();
});

test('quiet hours hold everything back but CRITICAL', async () => {
	const clock = (minutes) => new Date(Date.now() + minutes * 60_000 + 5.5 * 3600_000).toISOString().slice(11, 16);
	const quiet = `${clock(-60)}-${clock(60)}`;
	const worker = await startSender({ telegram: { quiet_hours: quiet } });
	await enqueue('can wait', { priority: 'HIGH' });
	await enqueue('cannot', { priority: 'CRITICAL' });
	await eventually('the CRITICAL one', () => telegram.messages.length === 1);
	assert.match(telegram.messages[0].plain, /cannot/);
	await eventually('the other one waits', async () => (await outbox()).map(({ status }) => status).join() === 'pending,sent');
	await worker.configure({ telegram: { enabled: 'true', chat_id: 42, api_base: telegram.url, quiet_hours: `${clock(60)}-${clock(120)}` }, reports: { timezone: 'Asia/Kolkata' } });
	worker.signal('SIGHUP');
	await settled('sent');
	await worker.stop();
});

test('an alert has buttons; reminders answer it, its end edits it, nobody acknowledging it goes to the second chat', async () => {
	const worker = await startSender({ telegram: { escalation_chat_id: 77, admins: '11', topics: 'CRITICAL:5, TRADE:6' } });
	const alert = (news, priority = 'CRITICAL', more = {}) => enqueue(`Drawdown ${news}`, { priority, type: 'PERFORMANCE', data: { alert_id: 9, news, state: news === 'resolved' ? 'resolved' : 'firing', ...more } });
	await alert('fired');
	await settled('sent');
	await alert('reminded');
	await settled('sent');
	await alert('escalated', 'CRITICAL', { escalate: true });
	await settled('sent');
	await alert('resolved', 'LOW');
	await settled('sent');
	const [fired, reminded, escalated, resolved] = telegram.requests.filter(({ method }) => method !== 'getupdates').map(({ method, parameters }) => ({ method, ...parameters }));
	assert.deepEqual(fired.reply_markup.inline_keyboard[0].map(({ callback_data: data }) => data), ['ack:9', 'silence:9:1', 'silence:9:24']);
	assert.equal(fired.message_thread_id, 5);
	const original = telegram.messages[0].message_id;
	assert.equal(reminded.reply_parameters.message_id, original);
	assert.deepEqual([escalated.chat_id, escalated.message_thread_id, escalated.reply_parameters], ['77', undefined, undefined]);
	assert.deepEqual([resolved.method, resolved.message_id, resolved.reply_markup], ['editmessagetext', original, undefined]);
	assert.match(telegram.messages[3].plain, /^✅ Drawdown resolved/);
	// What was deleted cannot be edited: then it is a new message.
	telegram.messages.length = 0;
	await alert('resolved', 'LOW');
	await settled('sent');
	assert.equal(telegram.messages[0].method, 'sendmessage');
	await worker.stop();
});

test('a change that changes nothing is done', async () => {
	const worker = await startSender();
	const alert = (news) => enqueue('Drawdown', { priority: 'HIGH', type: 'PERFORMANCE', data: { alert_id: 12, news, state: news === 'resolved' ? 'resolved' : 'firing' } });
	await alert('fired');
	await settled('sent');
	telegram.fail({ kind: 'error', status: 400, description: 'Bad Request: message is not modified: specified new message content and reply markup are exactly the same' });
	await alert('resolved');
	const rows = await settled('sent');
	assert.deepEqual(rows.map(({ attempts }) => attempts), [1, 1]);
	assert.equal(telegram.requests.length, 2, 'it is not tried again');
	await worker.stop();
});

test('the escalation chat has a door, a pace and a name of its own', async () => {
	const config = { escalation_chat_id: -77 };
	const worker = await startSender({ telegram: config });
	const escalation = (title) => enqueue(title, { priority: 'CRITICAL', data: { alert_id: 9, news: 'escalated', escalate: true } });
	const of = (chat) => telegram.messages.filter((message) => message.chat_id === chat).map(({ plain }) => plain.split('\n')[0].replace(/^\S+ /, ''));
	// It has a new id: the main chat keeps its own.
	telegram.fail({ kind: 'error', status: 400, description: 'Bad Request: group chat was upgraded to a supergroup chat', parameters: { migrate_to_chat_id: -10077 } });
	await escalation('moved');
	await settled('sent');
	await enqueue('after it');
	await settled('sent');
	assert.deepEqual([of('-10077'), of('42')], [['moved'], ['after it']]);
	// The bot is thrown out there: the main chat is written to all the same.
	telegram.fail({ kind: 'error', status: 403, description: 'Forbidden: bot was kicked from the group chat' });
	await escalation('locked out');
	await worker.logged(/may not write to the escalation chat: 403/);
	await enqueue('not concerned');
	await eventually('the main chat', () => of('42').length === 2);
	await eventually('only the escalation waits', async () => (await outbox()).map(({ status }) => status).join() === 'sent,sent,pending,sent');
	worker.signal('SIGHUP');
	await settled('sent');
	// Telegram wants a long pause for the main chat: an escalation does not wait for it.
	telegram.fail({ kind: '429', retry_after: 600 });
	await enqueue('limited');
	await worker.logged(/wants a pause of 600 s/);
	await escalation('at once');
	await eventually('the second chat', () => of('-10077').includes('at once'));
	await eventually('only the other one waits', async () => (await outbox()).filter(({ status }) => status !== 'sent').map(({ title, attempts }) => `${title} ${attempts}`).join() === 'limited 0');
	await worker.stop();
});

test('nothing in the data of a message can stop the queue', async () => {
	const worker = await startSender({ telegram: { admins: '11' } });
	await enqueue('odd', { data: { alert_id: '7","x":"', escalate: 'perhaps', side: 5, value: { a: 1 }, news: ['x'] } });
	await enqueue('long', { data: { alert_id: '1'.repeat(100) } });
	await enqueue('none', { data: JSON.stringify([1, 'alert_id', 'escalate']) });
	await settled('sent');
	assert.equal(telegram.messages.length, 3);
	assert.ok(telegram.messages.every(({ markup }) => markup === undefined));
	await worker.stop();
});

test('kill -9 while sending: what may have gone out is repeated with a mark, what was not begun goes out once', async () => {
	let worker = await startSender();
	telegram.fail({ delay: 1500 });
	const id = await enqueue('in flight', { priority: 'CRITICAL' });
	await enqueue('not begun', { priority: 'HIGH' });
	await eventually('it is on its way', () => telegram.requests.length === 1);
	await worker.kill();
	const [held] = await outbox();
	assert.equal(held.status, 'leased');
	worker = await startSender();
	await eventually('the other one', () => telegram.messages.some(({ plain }) => plain.includes('not begun')));
	await database.query(`UPDATE pulse.delivery SET lease_until = now() WHERE status = 'leased'`);
	const rows = await settled('sent');
	assert.deepEqual(rows.map(({ uncertain }) => uncertain), [1, 0]);
	await eventually('what was on its way at the kill has arrived too', () => telegram.messages.filter(({ plain }) => plain.includes('in flight')).length === 2);
	const texts = telegram.messages.map(({ plain }) => plain);
	assert.equal(texts.filter((text) => text.includes('not begun')).length, 1);
	assert.ok(texts.some((text) => text.includes('in flight') && text.endsWith(`(possible repeat) #${id}`)));
	await worker.stop();
});

test('of two workers one sends; when it is killed the other takes over', async () => {
	const workers = [await startSender(), await startSender()];
	const leads = async (worker) => /^pulse_telegram_leader 1$/m.test(await (await worker.get('/metrics')).text());
	const leaders = await eventually('one leads', async () => {
		const states = await Promise.all(workers.map(leads));
		return states.includes(true) ? states : undefined;
	});
	assert.deepEqual(leaders.toSorted(), [false, true]);
	for (let i = 0; i < 3; i++) await enqueue(`by the first ${i}`);
	await settled('sent');
	assert.equal(telegram.messages.length, 3);
	const first = workers[leaders.indexOf(true)];
	const second = workers[leaders.indexOf(false)];
	await first.kill();
	await enqueue('by the second');
	await settled('sent');
	assert.equal(telegram.messages.length, 4);
	assert.ok(await leads(second));
	await second.stop();
});

test('a leader that hangs loses its lock, and its late outcome does not count', async () => {
	const worker = await startSender({ env: { PULSE_CLOCK_RATE: '1' } });
	await enqueue('warm-up');
	await settled('sent');
	telegram.fail({ delay: 1000 });
	await enqueue('taken over');
	await eventually('it is on its way', () => telegram.requests.length === 2);
	await database.query(`UPDATE pulse.delivery SET lease_owner = 'another', lease_epoch = 1 WHERE status = 'leased'`);
	await worker.logged(/another worker has taken it over; our outcome does not count/);
	assert.equal((await outbox())[1].status, 'leased');

	const second = await startSender({ env: { PULSE_CLOCK_RATE: '1' } });
	worker.signal('SIGSTOP');
	const stopped = Date.now();
	await second.logged(/^leading/);
	console.log(`# a leader that hung was followed after ${((Date.now() - stopped) / 1000).toFixed(1)} s`);
	worker.signal('SIGCONT');
	await worker.logged(/not leading any more/);
	await database.query(`UPDATE pulse.delivery SET lease_until = now() WHERE status = 'leased'`);
	await settled('sent');
	assert.equal(telegram.messages.filter(({ plain }) => plain.includes('taken over')).length, 2);
	await second.stop();
	await worker.stop();
});

test('the database goes away while a message is being sent: its outcome is stored afterwards', async () => {
	const worker = await startSender();
	await enqueue('warm-up');
	await settled('sent');
	telegram.fail({ delay: 500 });
	await enqueue('across the restart');
	await eventually('it is on its way', () => telegram.requests.length === 2);
	await database.cluster.restart('fast');
	await database.reopen();
	const rows = await settled('sent');
	assert.deepEqual(rows.map(({ uncertain, attempts }) => [uncertain, attempts]), [[0, 1], [0, 1]]);
	assert.equal(telegram.messages.length, 2);
	await worker.stop();
});

test('test-notification sends one message and explains what is wrong', async () => {
	const path = `${database.cluster.directory}/try.ini`;
	const attempt = async (changes = {}, env = { TELEGRAM_BOT_TOKEN: token }) => {
		await writeFile(path, ini({ database: { dsn: 'dbname=none' }, telegram: { enabled: 'true', chat_id: 42, api_base: telegram.url, ...changes } }));
		const child = execFile(await program(), ['test-notification', '--config', path], { env: { PATH: process.env.PATH, ...env } });
		let output = '';
		child.stdout.on('data', (text) => { output += text; });
		child.stderr.on('data', (text) => { output += text; });
		const [status] = await once(child, 'close');
		assert.ok(!output.includes(token), output);
		return { status, output };
	};
	assert.deepEqual(await attempt().then(({ status }) => status), 0);
	assert.match(telegram.messages[0].plain, /Test of Pulse/);
	const wrong = await attempt({}, { TELEGRAM_BOT_TOKEN: '1:wrong' });
	assert.equal(wrong.status, 78);
	assert.match(wrong.output, /the bot token is wrong.*401/);
	telegram.fail({ kind: 'error', status: 400, description: 'Bad Request: chat not found' });
	assert.match((await attempt()).output, /the bot has never met it.*chat not found/);
	telegram.fail({ kind: 'html', status: 502 });
	const outage = await attempt();
	assert.equal(outage.status, 75);
	assert.match(outage.output, /could not be reached.*502/);
	assert.match((await attempt({ api_base: 'http://127.0.0.1:9' })).output, /could not be reached/);
	assert.equal((await attempt({ enabled: 'false' })).status, 78);
});
