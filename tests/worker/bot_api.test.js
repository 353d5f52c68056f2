// The stand-in for Telegram against a bot client that knows nothing of Pulse, so that what it teaches the other tests is the Bot API.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { Bot, GrammyError, HttpError, InlineKeyboard, InputFile } from 'grammy';
import { Limits, startTelegram } from '../demo/telegram.js';
import { eventually } from './harness.js';

const token = '123456:AAFakeTokenForTests_-xyz';
const CHAT = 42;
let telegram;
const bots = [];

before(async () => { telegram = await startTelegram({ token }); });
beforeEach(() => {
	telegram.messages.length = 0;
	telegram.requests.length = 0;
});
afterEach(() => Promise.all(bots.splice(0).map((bot) => bot.stop())));
after(() => telegram?.close());

const client = (of = telegram, key = token) => {
	const bot = new Bot(key, { client: { apiRoot: of.url } });
	bot.catch(() => {});
	return bot;
};
const poll = (bot) => {
	bots.push(bot);
	return bot.start({ timeout: 5 });
};
const asked = (method) => telegram.requests.filter((request) => request.method === method);
/** Asserts that the client understands the refusal. */
const refused = (call, code, description) => assert.rejects(call, (error) => {
	assert.ok(error instanceof GrammyError, String(error));
	assert.deepEqual([error.error_code, error.ok], [code, false]);
	assert.match(error.description, description);
	return true;
});
const person = { id: 11, is_bot: false, first_name: 'Eve', username: 'eve' };
let lastId = 1000;
const write = (text) => telegram.update({ message: { message_id: ++lastId, date: 0, from: person, chat: { id: CHAT, type: 'private', first_name: 'Eve' }, text,
	...(text.startsWith('/') && { entities: [{ type: 'bot_command', offset: 0, length: text.split(' ')[0].length }] }) } });

test('a message with entities, buttons, a thread and an answer comes back as the client expects it', async () => {
	const { api } = client();
	const me = await api.getMe();
	assert.deepEqual([me.id, me.is_bot, me.username], [123456, true, 'pulse_bot']);
	const keyboard = new InlineKeyboard().text('Ack', 'ack:9').text('Silence', 'silence:9:1');
	const first = await api.sendMessage(CHAT, '🚨 <b>Deep &lt;20&gt;</b> <i>&amp; <u>more</u></i>', { parse_mode: 'HTML', reply_markup: keyboard, message_thread_id: 5 });
	assert.equal(first.text, '🚨 Deep <20> & more');
	assert.deepEqual(first.entities.map(({ type, offset, length }) => [type, first.text.slice(offset, offset + length)]),
		[['bold', 'Deep <20>'], ['italic', '& more'], ['underline', 'more']]);
	assert.deepEqual([first.chat.id, first.chat.type, first.from.id, first.message_thread_id], [CHAT, 'private', me.id, 5]);
	assert.equal(first.reply_markup.inline_keyboard[0][1].callback_data, 'silence:9:1');
	assert.ok(Math.abs(first.date - Date.now() / 1000) < 60);
	const second = await api.sendMessage(CHAT, 'plain <b>', { reply_parameters: { message_id: first.message_id } });
	assert.deepEqual([second.message_id, second.text, second.reply_to_message.message_id], [first.message_id + 1, 'plain <b>', first.message_id]);
	await api.sendMessage(CHAT, 'x', { reply_parameters: { message_id: 4711, allow_sending_without_reply: true } });
	await refused(api.sendMessage(CHAT, 'x', { reply_parameters: { message_id: 4711 } }), 400, /message to be replied not found/);
});

test('a text and its buttons are changed in place', async () => {
	const { api } = client();
	const sent = await api.sendMessage(CHAT, 'it fires', { reply_markup: new InlineKeyboard().text('Ack', 'ack:1') });
	const edited = await api.editMessageText(CHAT, sent.message_id, '<b>it is over</b>', { parse_mode: 'HTML' });
	assert.deepEqual([edited.message_id, edited.text, edited.reply_markup], [sent.message_id, 'it is over', undefined]);
	await refused(api.editMessageText(CHAT, sent.message_id, '<b>it is over</b>', { parse_mode: 'HTML' }), 400, /message is not modified/);
	const buttons = new InlineKeyboard().text('Again', 'again');
	assert.ok((await api.editMessageReplyMarkup(CHAT, sent.message_id, { reply_markup: buttons })).reply_markup);
	await refused(api.editMessageReplyMarkup(CHAT, sent.message_id, { reply_markup: buttons }), 400, /message is not modified/);
	await refused(api.editMessageText(CHAT, 4711, 'x'), 400, /message to edit not found/);
});

test('a picture goes up as a part of its own', async () => {
	const { api } = client();
	const bytes = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), Buffer.alloc(5000, 7)]);
	const sent = await api.sendPhoto(CHAT, new InputFile(bytes, 'chart.png'), { caption: '<i>30 days</i>', parse_mode: 'HTML', reply_parameters: { message_id: 1, allow_sending_without_reply: true } });
	assert.deepEqual([sent.caption, sent.caption_entities[0].type, sent.photo[0].file_size], ['30 days', 'italic', 5008]);
	assert.deepEqual(telegram.messages[0].photo, { bytes: 5008, magic: '\x89PNG\r\n\x1a\n' });
	await refused(api.sendPhoto(CHAT, new InputFile(bytes, 'chart.png'), { caption: 'x'.repeat(1025) }), 400, /caption is too long/);
});

test('what Telegram refuses is refused in its words', async () => {
	const { api } = client();
	for (const [text, description] of [['<b>open', /can't parse entities: Can't find end tag/], ['a </i>', /can't parse entities: Unexpected end tag at byte offset 2/],
		['<b><i>x</b></i>', /can't parse entities: Unmatched end tag/], ['<script>x</script>', /can't parse entities: Unsupported start tag "script"/], ['<b> </b>', /message text is empty/]]) {
		await refused(api.sendMessage(CHAT, text, { parse_mode: 'HTML' }), 400, description);
	}
	assert.equal((await api.sendMessage(CHAT, '🚀'.repeat(2048))).text.length, 4096);
	await refused(api.sendMessage(CHAT, `${'🚀'.repeat(2048)}.`), 400, /message is too long/);
	assert.ok(await api.sendMessage(CHAT, `<b>${'&amp;'.repeat(4096)}</b>`, { parse_mode: 'HTML' }), 'counted after the entities are parsed');
	await refused(api.sendMessage('nobody', 'x'), 400, /chat not found/);
	await refused(api.sendMessage(CHAT, 'x', { reply_markup: new InlineKeyboard().text('x', '€'.repeat(22)) }), 400, /BUTTON_DATA_INVALID/);
	await refused(client(telegram, '123456:wrong').api.getMe(), 401, /Unauthorized/);
	await refused(api.raw.getChatMenuButton({}), 404, /Not Found/);
	telegram.fail({ kind: 'error', status: 400, description: 'Bad Request: group chat was upgraded to a supergroup chat', parameters: { migrate_to_chat_id: -10055 } });
	await assert.rejects(api.sendMessage(-55, 'x'), (error) => error.parameters.migrate_to_chat_id === -10055);
	telegram.fail({ kind: 'error', status: 403, description: 'Forbidden: bot was kicked from the group chat' });
	await refused(api.sendMessage(-55, 'x'), 403, /bot was kicked/);
});

test('the published rates: a burst, then one a second, twenty a minute in a group; the client waits as it is told', async () => {
	const strict = await startTelegram({ token, limits: true });
	const { api } = client(strict);
	let waits = 0;
	api.config.use(async (call, method, payload, signal) => {
		for (;;) {
			const answer = await call(method, payload, signal);
			if (answer.ok || answer.error_code !== 429) return answer;
			waits++;
			await new Promise((resolve) => setTimeout(resolve, answer.parameters.retry_after * 1000));
		}
	});
	for (let i = 0; i < 6; i++) await api.sendMessage(CHAT, `message ${i}`);
	assert.ok(waits >= 1, 'it was limited');
	assert.equal(strict.messages.length, 6);
	await strict.close();
	// A minute by a clock of our own: one a second is well for the chat, twenty are all that a group takes.
	const rates = new Limits();
	const passed = Array.from({ length: 60 }, (_, second) => rates.retryAfter('-100', second * 1000) === 0);
	assert.equal(passed.filter(Boolean).length, 20);
	assert.equal(rates.retryAfter('-100', 20_000), 40, 'until the first of them is a minute old');
	assert.equal(rates.retryAfter('-100', 60_000), 0);
});

test('a gateway\'s page and a broken connection are no answers of the Bot API', async () => {
	const { api } = client();
	for (const fault of [{ kind: 'html' }, { kind: 'drop' }, { kind: 'reset' }]) {
		telegram.fail(fault);
		await assert.rejects(api.sendMessage(CHAT, fault.kind), HttpError);
	}
	assert.deepEqual(telegram.messages.map(({ text }) => text), ['reset'], 'one of them was accepted all the same');
});

test('long polling hands every update out once, when it comes', async () => {
	const bot = client();
	const seen = [];
	bot.command('status', (context) => context.reply(`<b>for ${context.match}</b>`, { parse_mode: 'HTML' }));
	bot.on('message:text', (context) => { seen.push(context.message.text); });
	bot.on('callback_query:data', async (context) => {
		seen.push(context.callbackQuery.data);
		await context.answerCallbackQuery({ text: 'done', show_alert: true });
	});
	write('before it looks');
	poll(bot);
	await eventually('the first', () => seen.length === 1);
	write('/status main');
	telegram.update({ callback_query: { id: 'press-1', from: person, chat_instance: '1', message: { message_id: 5, date: 0, chat: { id: CHAT, type: 'private', first_name: 'Eve' } }, data: 'ack:1' } });
	await eventually('both', () => seen.length === 2 && telegram.messages.length === 1 && asked('answercallbackquery').length === 1);
	assert.deepEqual(seen, ['before it looks', 'ack:1']);
	assert.equal(telegram.messages[0].plain, 'for main');
	assert.deepEqual(asked('answercallbackquery')[0].parameters, { callback_query_id: 'press-1', text: 'done', show_alert: true });
	assert.ok(asked('getupdates').length <= 6, 'it waits in the server, it does not ask again and again');
	await bots.pop().stop();
	// Another run gets nothing that was acknowledged.
	const next = client();
	const again = [];
	next.on('message', (context) => { again.push(context.message.text); });
	poll(next);
	write('after the restart');
	await eventually('the new one', () => again.length > 0);
	assert.deepEqual(again, ['after the restart']);
	await refused(next.api.answerCallbackQuery('never-pressed'), 400, /query is too old/);
});

test('429 while polling is waited out, a second poller ends the first', async () => {
	const bot = client();
	const seen = [];
	bot.on('message', (context) => { seen.push(context.message.text); });
	await bot.init();
	await bot.api.deleteWebhook();
	telegram.fail({}, { kind: '429', retry_after: 1 });
	const first = poll(bot);
	write('in spite of it');
	await eventually('the update', () => seen.length === 1);
	const [limited, next] = [asked('getupdates').find(({ status }) => status === 429), asked('getupdates').findLast(({ status }) => status === 200)];
	assert.ok(Date.parse(next.at) - Date.parse(limited.at) >= 950);
	const second = client();
	poll(second);
	await refused(first, 409, /terminated by other getUpdates request/);
});
