// A stand-in for Telegram's Bot API on loopback: answers as the real one does, keeps what arrived, misbehaves on request.
//
// In a test:     const telegram = await startTelegram({ token: '1:abc' }); … telegram.messages … await telegram.close();
// As a program:  node telegram.js --token-file FILE --url-file FILE    prints each message; lives until its input closes
import { createServer } from 'node:http';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { EntityError, parseHtml } from './telegram-html.js';

const MAX_TEXT = 4096; // UTF-16 code units, after the entities are parsed
const MAX_CAPTION = 1024;
const MAX_NOTICE = 200; // of answerCallbackQuery
const GROUP_PER_MINUTE = 20;
const CHAT_BURST = 5; // refilled by one a second

/** An answer of the kind {"ok":false,…}. */
class ApiError extends Error {
	constructor(code, description, parameters) {
		super(description);
		this.code = code;
		this.parameters = parameters;
	}
}

/** Splits a multipart body into its fields; a file becomes its size. */
function parseMultipart(body, boundary) {
	const fields = {};
	for (const part of body.toString('latin1').split(`--${boundary}`).slice(1, -1)) {
		const [head, ...rest] = part.replace(/^\r\n/, '').split('\r\n\r\n');
		const content = Buffer.from(rest.join('\r\n\r\n').replace(/\r\n$/, ''), 'latin1');
		const name = /name="([^"]*)"/.exec(head)?.[1];
		if (name) fields[name] = /filename=/.test(head) ? { bytes: content.length, magic: content.subarray(0, 8).toString('latin1') } : content.toString('utf8');
	}
	// A field may name the part that its file is in.
	for (const [name, value] of Object.entries(fields)) {
		const part = typeof value === 'string' && /^attach:\/\/(.+)$/.exec(value)?.[1];
		if (part && Object.hasOwn(fields, part)) fields[name] = fields[part];
	}
	return fields;
}

/** Outside of JSON bodies, objects and arrays come as JSON texts. */
function unpack(fields) {
	return Object.fromEntries(Object.entries(fields).map(([name, value]) => {
		if (typeof value !== 'string' || !/^(reply_markup|reply_parameters|link_preview_options|allowed_updates|entities)$/.test(name)) return [name, value];
		try {
			return [name, JSON.parse(value)];
		} catch {
			throw new ApiError(400, `Bad Request: can't parse ${name.replaceAll('_', ' ')} JSON object`);
		}
	}));
}

/** Reads a request's parameters as the Bot API does: from the query, and from JSON, urlencoded or multipart bodies. */
function parameters(url, contentType, body) {
	const fields = unpack(Object.fromEntries(url.searchParams));
	if (body.length === 0) return fields;
	if (/^application\/json/i.test(contentType)) {
		try {
			return { ...fields, ...JSON.parse(body.toString('utf8')) };
		} catch {
			throw new ApiError(400, 'Bad Request: can\'t parse JSON object');
		}
	}
	const boundary = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(contentType)?.[1];
	if (boundary) return { ...fields, ...unpack(parseMultipart(body, boundary)) };
	return { ...fields, ...unpack(Object.fromEntries(new URLSearchParams(body.toString('utf8')))) };
}

/** Refuses a keyboard whose buttons Telegram would not take. */
function checkKeyboard(markup) {
	for (const button of (markup?.inline_keyboard ?? []).flat()) {
		const bytes = Buffer.byteLength(button.callback_data ?? 'x');
		if (!button.text) throw new ApiError(400, 'Bad Request: text buttons are not allowed in the inline keyboard');
		if (bytes < 1 || bytes > 64) throw new ApiError(400, 'Bad Request: BUTTON_DATA_INVALID');
	}
}

/** How many seconds a chat has to wait before its next message, by the limits that Telegram publishes; 0 = go. */
export class Limits {
	#chats = new Map();

	retryAfter(chat, now = Date.now()) {
		const state = this.#chats.get(chat) ?? { tokens: CHAT_BURST, at: now, minute: [] };
		this.#chats.set(chat, state);
		state.tokens = Math.min(CHAT_BURST, state.tokens + (now - state.at) / 1000);
		state.at = now;
		state.minute = state.minute.filter((time) => now - time < 60_000);
		if (String(chat).startsWith('-') && state.minute.length >= GROUP_PER_MINUTE) {
			return Math.ceil((state.minute[0] + 60_000 - now) / 1000);
		}
		if (state.tokens < 1) return Math.ceil(1 - state.tokens);
		state.tokens--;
		state.minute.push(now);
		return 0;
	}
}

/**
 * Starts the stand-in on a free port of 127.0.0.1.
 * @param {{token: string, limits?: boolean, clockRate?: number, onMessage?: (message: object) => void}} options
 *   limits: enforce the published rates with 429, as the real server does, by a clock that runs so many times as fast
 */
export async function startTelegram({ token, limits = false, clockRate = 1, onMessage = () => {} }) {
	const rates = new Limits();
	/** What was accepted: {message_id, chat_id, text, plain, entities, parse_mode, at, method, …}; edits are entries of their own. */
	const messages = [];
	/** Every request, also those that were refused: {method, parameters, at, status}. */
	const requests = [];
	/** Misbehaviour for the next requests, first come first served. */
	const faults = [];
	const updates = [];
	/** Button presses that may still be answered. */
	const presses = new Set();
	let newestPoll = 0;
	let down = false;
	let lastMessage = 0;
	let lastUpdate = 0;

	function textOf(fields, empty) {
		const text = String(fields.text ?? fields.caption ?? '');
		if (text === '') throw new ApiError(400, `Bad Request: ${empty}`);
		let parsed = { text, entities: [] };
		if (/^html$/i.test(fields.parse_mode ?? '')) {
			try {
				parsed = parseHtml(text);
			} catch (error) {
				if (!(error instanceof EntityError)) throw error;
				throw new ApiError(400, `Bad Request: can't parse entities: ${error.message}`);
			}
		}
		if (fields.text !== undefined && parsed.text.length > MAX_TEXT) throw new ApiError(400, 'Bad Request: message is too long');
		if (fields.text === undefined && parsed.text.length > MAX_CAPTION) throw new ApiError(400, 'Bad Request: message caption is too long');
		if (parsed.text.trim() === '') throw new ApiError(400, `Bad Request: ${empty}`);
		return parsed;
	}

	const bot = { id: Number(token.split(':')[0]), is_bot: true, first_name: 'Pulse', username: 'pulse_bot' };

	/** A message as the Bot API shows it. */
	const shown = ({ message_id: id, chat_id: chat, plain, entities, photo, thread, reply_to: replyTo, markup }) => ({
		message_id: id, from: bot, date: Math.floor(Date.now() / 1000),
		chat: Number(chat) < 0 ? { id: Number(chat), type: 'group', title: 'Group' } : { id: Number(chat), type: 'private', first_name: 'Somebody' },
		...(thread && { message_thread_id: Number(thread), is_topic_message: true }),
		...(replyTo && messages.some((message) => message.message_id === replyTo) && { reply_to_message: { message_id: replyTo, date: 0, chat: { id: Number(chat) } } }),
		...(photo ? { photo: [{ file_id: `photo${id}`, file_unique_id: `p${id}`, width: 1, height: 1, file_size: photo.bytes }], ...(plain && { caption: plain }) } : { text: plain }),
		...(entities.length > 0 && { [photo ? 'caption_entities' : 'entities']: entities }),
		...(markup && { reply_markup: markup }),
	});

	function accept(method, fields, { text: plain, entities }, id) {
		const message = { method, message_id: id, chat_id: String(fields.chat_id), text: String(fields.text ?? fields.caption ?? ''),
			plain, entities, parse_mode: fields.parse_mode ?? null, thread: fields.message_thread_id, reply_to: fields.reply_parameters?.message_id,
			markup: fields.reply_markup, ...(fields.photo && { photo: fields.photo }), at: new Date().toISOString() };
		messages.push(message);
		onMessage(message);
		return shown(message);
	}

	function checkChat(fields) {
		if (fields.chat_id === undefined || fields.chat_id === '') throw new ApiError(400, 'Bad Request: chat_id is empty');
		if (!/^(-?\d+|@\w+)$/.test(String(fields.chat_id))) throw new ApiError(400, 'Bad Request: chat not found');
	}

	function send(method, fields, empty) {
		checkChat(fields);
		const parsed = method === 'sendphoto' && !fields.caption ? { text: '', entities: [] } : textOf(fields, empty);
		checkKeyboard(fields.reply_markup);
		if (fields.reply_parameters && !fields.reply_parameters.allow_sending_without_reply &&
			!messages.some((message) => message.message_id === fields.reply_parameters.message_id)) throw new ApiError(400, 'Bad Request: message to be replied not found');
		const wait = limits ? rates.retryAfter(String(fields.chat_id), Date.now() * clockRate) : 0;
		if (wait > 0) throw new ApiError(429, `Too Many Requests: retry after ${wait}`, { retry_after: wait });
		return accept(method, fields, parsed, ++lastMessage);
	}

	/** The newest state of a message that is to be changed. */
	function standing(fields) {
		const all = messages.filter((message) => message.message_id === Number(fields.message_id) && message.chat_id === String(fields.chat_id));
		if (all.length === 0) throw new ApiError(400, 'Bad Request: message to edit not found');
		return all.at(-1);
	}
	const sameKeyboard = (a, b) => JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
	const notModified = () => new ApiError(400, 'Bad Request: message is not modified: specified new message content and reply markup are exactly the same'
		+ ' as a current content and reply markup of the message');

	const methods = {
		getme: () => ({ ...bot, can_join_groups: true, can_read_all_group_messages: false, supports_inline_queries: false }),
		sendmessage: (fields) => send('sendmessage', fields, 'message text is empty'),
		sendphoto(fields) {
			if (!(fields.photo?.bytes > 0)) throw new ApiError(400, 'Bad Request: there is no photo in the request');
			return send('sendphoto', fields, 'caption is empty');
		},
		editmessagetext(fields) {
			checkChat(fields);
			const before = standing(fields);
			const parsed = textOf(fields, 'message text is empty');
			checkKeyboard(fields.reply_markup);
			if (before.plain === parsed.text && JSON.stringify(before.entities) === JSON.stringify(parsed.entities) && sameKeyboard(before.markup, fields.reply_markup)) throw notModified();
			return accept('editmessagetext', fields, parsed, before.message_id);
		},
		editmessagereplymarkup(fields) {
			checkChat(fields);
			const before = standing(fields);
			checkKeyboard(fields.reply_markup);
			if (sameKeyboard(before.markup, fields.reply_markup)) throw notModified();
			before.markup = fields.reply_markup;
			return shown(before);
		},
		answercallbackquery(fields) {
			if (!presses.has(fields.callback_query_id)) throw new ApiError(400, 'Bad Request: query is too old and response timeout expired or query ID is invalid');
			if (String(fields.text ?? '').length > MAX_NOTICE) throw new ApiError(400, 'Bad Request: MESSAGE_TOO_LONG');
			return true;
		},
		deletewebhook: () => true,
		async getupdates(fields, request) {
			const mine = ++newestPoll;
			const allowed = fields.allowed_updates?.length > 0 ? fields.allowed_updates : undefined;
			const wanted = (update) => !allowed || allowed.some((name) => name in update);
			let offset = Number(fields.offset ?? 0);
			if (offset < 0) offset = updates.at(offset)?.update_id ?? updates[0]?.update_id ?? 0;
			// Asking from an update on acknowledges all before it: they are gone.
			while (updates.length > 0 && updates[0].update_id < offset) updates.shift();
			const end = Date.now() + Math.min(Number(fields.timeout ?? 0), 50) * 1000;
			const waits = () => Date.now() < end && server.listening && !request.socket.destroyed && mine === newestPoll;
			while (!updates.some(wanted) && waits()) await new Promise((resolve) => setTimeout(resolve, 50));
			if (mine !== newestPoll) throw new ApiError(409, 'Conflict: terminated by other getUpdates request; make sure that only one bot instance is running');
			return updates.filter(wanted).slice(0, Math.min(Number(fields.limit ?? 100), 100));
		},
	};

	function answer(response, status, value, headers = {}) {
		const text = JSON.stringify(value);
		response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text), ...headers });
		response.end(text);
	}

	async function call(request, response, url, body) {
		const [, given, method] = /^\/bot([^/]+)\/(\w+)$/.exec(url.pathname) ?? [];
		const entry = { method: method?.toLowerCase() ?? url.pathname, at: new Date().toISOString(), parameters: {}, status: 200 };
		requests.push(entry);
		const next = faults.findIndex((one) => one.method === undefined || one.method === entry.method);
		const fault = down ? { kind: 'html', status: 502 } : next >= 0 ? faults.splice(next, 1)[0] : undefined;
		try {
			if (fault?.delay) await new Promise((resolve) => setTimeout(resolve, fault.delay));
			if (fault?.kind === 'drop') return request.socket.destroy();
			if (fault?.kind === '429') throw new ApiError(429, `Too Many Requests: retry after ${fault.retry_after}`, { retry_after: fault.retry_after });
			if (fault?.kind === 'html') {
				entry.status = fault.status ?? 502;
				return response.writeHead(entry.status, { 'content-type': 'text/html' }).end('<html><body><h1>Bad Gateway</h1></body></html>');
			}
			if (fault?.kind === 'error') throw new ApiError(fault.status, fault.description, fault.parameters);
			if (given === undefined) throw new ApiError(404, 'Not Found');
			if (given !== token) throw new ApiError(401, 'Unauthorized');
			if (!Object.hasOwn(methods, entry.method)) throw new ApiError(404, 'Not Found: method not found');
			entry.parameters = parameters(url, request.headers['content-type'] ?? '', body);
			const result = await methods[entry.method](entry.parameters, request);
			// Accepted, but the caller never learns of it.
			if (fault?.kind === 'reset') return request.socket.resetAndDestroy();
			if (fault?.kind === 'truncate') {
				response.writeHead(200, { 'content-type': 'application/json', 'content-length': 500 });
				return response.end('{"ok":true,"resu', () => request.socket.destroy());
			}
			return answer(response, 200, { ok: true, result });
		} catch (error) {
			if (!(error instanceof ApiError)) throw error;
			entry.status = error.code;
			const headers = error.parameters?.retry_after ? { 'retry-after': String(error.parameters.retry_after) } : {};
			return answer(response, error.code, { ok: false, error_code: error.code, description: error.message,
				...(error.parameters && { parameters: error.parameters }) }, headers);
		}
	}

	const server = createServer((request, response) => {
		const chunks = [];
		request.on('data', (chunk) => chunks.push(chunk));
		request.on('end', () => {
			const url = new URL(request.url, 'http://127.0.0.1');
			const body = Buffer.concat(chunks);
			// A second door for programs that cannot call the functions below.
			if (url.pathname === '/control/fail') {
				faults.push(...[JSON.parse(body.toString('utf8'))].flat());
				answer(response, 200, { ok: true });
			} else if (url.pathname === '/control/messages') {
				answer(response, 200, messages);
			} else {
				call(request, response, url, body).catch((error) => answer(response, 500, { ok: false, description: error.message }));
			}
		});
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	return {
		/** for [telegram] api_base */
		url: `http://127.0.0.1:${server.address().port}`,
		messages,
		requests,
		/**
		 * Spoils the next requests: {kind: '429', retry_after}, {kind: 'error', status, description, parameters},
		 * {kind: 'html', status}, {kind: 'drop'} before it counts, {kind: 'reset'} after it counts, {kind: 'truncate'}, {delay: ms};
		 * with method only those of that name.
		 */
		fail: (...next) => faults.push(...next),
		/** Answers everything with a gateway's page until it is called with false. */
		outage: (lasts) => { down = lasts; },
		/** Lets getUpdates hand out an update, for example {message: {…}}. */
		update(content) {
			if (content.callback_query) presses.add(content.callback_query.id);
			updates.push({ update_id: ++lastUpdate, ...content });
		},
		close: () => new Promise((resolve) => {
			server.close(resolve);
			server.closeAllConnections();
		}),
	};
}

/** The program: prints what would have been sent. */
async function main() {
	const option = (name) => process.argv[process.argv.indexOf(name) + 1];
	const telegram = await startTelegram({
		token: readFileSync(option('--token-file'), 'utf8').trim(),
		limits: true,
		onMessage: ({ plain, chat_id: chat }) => console.log(`Telegram to ${chat}: ${plain.replace(/\s*\n\s*/g, ' | ')}`),
	});
	writeFileSync(option('--url-file'), telegram.url);
	process.stdin.resume().on('end', () => process.exit(0));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
