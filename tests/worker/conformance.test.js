// RFC 6455 and RFC 7692, section by section, with bytes that no library would send; and clients that others wrote.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRawSync } from 'node:zlib';
import { WebSocket as UndiciSocket } from 'undici';
import websocket from 'websocket';
import { connect, eventually, finish, settle, startDatabase, startWorker, trade } from './harness.js';
import { BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame, open } from './raw_socket.js';

let database;
let worker;

before(async () => {
	database = await startDatabase();
	worker = await startWorker(database);
});
after(() => finish(() => worker?.stop(), () => database?.remove()));

const ping = (id) => JSON.stringify({ type: 'PING', id });
const pong = (client, id) => eventually(`the PONG ${id}`, () => client.texts().find((message) => message.type === 'PONG' && message.id === id));

/** Sends bytes on a fresh connection, which must end with this close code. */
async function closesWith(code, ...parts) {
	const client = await open(worker);
	client.write(...parts);
	assert.equal(await client.closed(), code);
}

/** The same where libwebsockets ends the connection without saying why, which the RFC allows. */
async function hangsUp(...parts) {
	const client = await open(worker);
	client.write(...parts);
	assert.ok([undefined, 1002].includes(await client.closed()));
}

test('4.2 handshake: the accept key; no extension that was not offered', async () => {
	const client = await open(worker);
	assert.match(client.head, /^HTTP\/1\.1 101 /);
	assert.equal(client.header('Sec-WebSocket-Accept'), client.accept);
	assert.equal(client.header('Sec-WebSocket-Extensions'), undefined);
	assert.equal(client.header('Sec-WebSocket-Protocol'), undefined);
	client.socket.destroy();
});

test('5.2 lengths of 0, 125, 126, 127, 65535 and 65536 bytes, both ways, in the shortest form', async () => {
	const client = await open(worker);
	client.write(frame(TEXT, ''));
	assert.equal((await eventually('the ERROR', () => client.texts().find(({ type }) => type === 'ERROR'))).code, 'BAD_JSON');
	for (const length of [125, 126, 127, 65535, 65536]) {
		const padding = length - ping(length).length;
		client.write(frame(TEXT, ping(length) + ' '.repeat(padding)));
		await pong(client, length);
	}
	const seq = await database.emit(trade('x'));
	const small = await client.next('the event', ({ opcode, payload }) => opcode === TEXT && JSON.parse(payload).seq === seq);
	for (const wanted of [65535, 65536, 65537]) {
		const filler = wanted - small.payload.length - '"filler": ""'.length - 2;
		const event = await database.emit(trade('x', { data: { id: 'x', filler: 'a'.repeat(filler) } }));
		await eventually('a large event', () => whole(client).some((text) => JSON.parse(text).seq === event));
	}
	for (const { size, payload } of client.frames) {
		assert.ok(payload.length < 126 ? size === payload.length : payload.length < 65536 ? size === 126 : size === 127);
	}
	client.socket.destroy();
});

/** The texts of complete messages, put together from their fragments. */
function whole(client) {
	const texts = [];
	let parts;
	for (const { fin, opcode, payload } of client.frames) {
		if (opcode > 2) continue;
		if (opcode !== CONTINUATION) parts = [];
		parts.push(payload);
		if (fin) texts.push(Buffer.concat(parts).toString());
	}
	return texts;
}

// libwebsockets takes unmasked frames of clients as well, and tells nobody.
test('5.1 masks: frames of the server have none', async () => {
	const client = await open(worker);
	await client.next('WELCOME', ({ opcode }) => opcode === TEXT);
	assert.ok(client.frames.every(({ masked }) => !masked));
	client.socket.destroy();
});

test('5.2 reserved bits and opcodes without a meaning: 1002', async () => {
	for (const rsv of [1, 2, 4, 7]) await closesWith(1002, frame(TEXT, ping(1), { rsv }));
	for (const opcode of [3, 7, 11, 15]) await closesWith(1002, frame(opcode, 'x'));
});

test('5.4 fragments: put together, also one byte at a time and with control frames in between', async () => {
	const client = await open(worker);
	const text = ping('fragments');
	const half = text.length >> 1;
	client.write(frame(TEXT, text.slice(0, half), { fin: false }), frame(PING, 'between'), frame(CONTINUATION, text.slice(half)));
	await pong(client, 'fragments');
	const between = await client.next('the pong', ({ opcode }) => opcode === PONG);
	assert.equal(String(between.payload), 'between');
	const single = ping('bytes');
	client.write(frame(TEXT, single[0], { fin: false }), ...[...single.slice(1, -1)].map((letter) => frame(CONTINUATION, letter, { fin: false })), frame(CONTINUATION, single.at(-1)));
	await pong(client, 'bytes');
	const slow = frame(TEXT, ping('slow'));
	for (const byte of slow) {
		client.write(Buffer.from([byte]));
		await new Promise(setImmediate);
	}
	await pong(client, 'slow');
	client.socket.destroy();
});

test('5.4 fragments out of order: 1002', async () => {
	await closesWith(1002, frame(CONTINUATION, 'x'));
	await closesWith(1002, frame(TEXT, 'x', { fin: false }), frame(TEXT, 'y'));
	await closesWith(1002, frame(TEXT, 'x'), frame(CONTINUATION, 'y'));
});

test('5.5 control frames: answered with their payload; too long or in fragments: 1002', async () => {
	const client = await open(worker);
	const payload = Buffer.alloc(125, 'p');
	client.write(frame(PONG, 'unasked'), frame(PING, payload), frame(TEXT, ping('after')));
	await pong(client, 'after');
	await client.next('the pong', ({ opcode, payload: got }) => opcode === PONG && got.equals(payload));
	client.socket.destroy();
	await hangsUp(frame(PING, Buffer.alloc(126)));
	await closesWith(1002, frame(PING, 'x', { fin: false }));
});

test('5.5.1 and 7.4 close: answered with its code; codes that nobody may send: 1002', async () => {
	for (const code of [1000, 1001, 1003, 1007, 1011, 3000, 4999]) {
		const body = Buffer.from([code >> 8, code & 255]);
		const client = await open(worker);
		client.write(frame(CLOSE, Buffer.concat([body, Buffer.from('bye')])));
		assert.equal(await client.closed(), code);
	}
	const empty = await open(worker);
	empty.write(frame(CLOSE));
	await empty.closed();
	assert.ok(empty.frames.some(({ opcode }) => opcode === CLOSE));
	await hangsUp(frame(CLOSE, 'x'));
});

test('8.1 text must be UTF-8, also when a character is split between fragments', async () => {
	const client = await open(worker);
	const text = Buffer.from(JSON.stringify({ type: 'PING', id: 'κόσμε 🙂' }));
	client.write(frame(TEXT, text.subarray(0, 25), { fin: false }), frame(CONTINUATION, text.subarray(25, 26), { fin: false }), frame(CONTINUATION, text.subarray(26)));
	await pong(client, 'κόσμε 🙂');
	client.socket.destroy();
	for (const bytes of [[0x80], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xce], [0xf8, 0x88, 0x80, 0x80, 0x80], [0x22, 0xff, 0x22]]) {
		await closesWith(1007, frame(TEXT, Buffer.from(bytes)));
	}
	await closesWith(1007, frame(TEXT, Buffer.from([0xce]), { fin: false }), frame(CONTINUATION, Buffer.from([0x41])));
});

test('limits: a message that is too big ends with 1009 as soon as that is known; binary is answered with ERROR', async () => {
	await closesWith(1009, frame(TEXT, 'a'.repeat(70000)));
	await closesWith(1009, ...Array.from({ length: 40 }, (_, i) => frame(i === 0 ? TEXT : CONTINUATION, 'b'.repeat(2000), { fin: false })));
	const client = await open(worker);
	client.write(frame(TEXT, '', { length: 2 ** 40 }), Buffer.alloc(70000));
	assert.equal(await client.closed(), 1009);
	const binary = await open(worker);
	binary.write(frame(BINARY, ping(1)), frame(TEXT, ping(2)));
	await pong(binary, 2);
	assert.equal(binary.texts().find(({ type }) => type === 'ERROR').code, 'BAD_JSON');
	binary.socket.destroy();
});

const deflate = promisify(deflateRaw);
const pack = async (text) => (await deflate(text, { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH })).subarray(0, -4);
const unpack = (payload) => inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 255, 255])]), { finishFlush: constants.Z_SYNC_FLUSH }).toString();

test('RFC 7692: what is offered is answered; no offer that we could not keep is taken', async () => {
	const answers = {
		'permessage-deflate; client_max_window_bits': 'permessage-deflate; client_no_context_takeover',
		'permessage-deflate; client_no_context_takeover; client_max_window_bits': 'permessage-deflate; client_no_context_takeover',
		'permessage-deflate; client_max_window_bits; server_no_context_takeover': 'permessage-deflate; client_no_context_takeover; server_no_context_takeover',
		'permessage-deflate; client_no_context_takeover': 'permessage-deflate; client_no_context_takeover',
		'permessage-deflate; server_max_window_bits=9; client_no_context_takeover': undefined,
		'permessage-deflate': undefined,
		'x-webkit-deflate-frame': undefined,
		'permessage-bzip2, x': undefined,
	};
	for (const [offer, answer] of Object.entries(answers)) {
		const client = await open(worker, { extensions: offer });
		assert.equal(client.header('Sec-WebSocket-Extensions'), answer, offer);
		client.write(frame(TEXT, ping(1)));
		await eventually('it works', () => client.frames.length >= 2);
		client.socket.destroy();
	}
});

test('RFC 7692: messages in both directions, each by itself; small ones stay as they are', async () => {
	const client = await open(worker, { extensions: 'permessage-deflate; client_max_window_bits' });
	const plain = await open(worker);
	const big = JSON.stringify({ type: 'PING', id: 'packed', data: 'again and '.repeat(60) });
	client.write(frame(TEXT, await pack(big), { rsv: 4 }));
	const answer = await client.next('the PONG', ({ rsv, payload }) => rsv === 4 && unpack(payload).includes('"packed"'));
	assert.ok(answer.payload.length < big.length / 2);
	const packed = await pack(ping('in pieces'));
	client.write(frame(TEXT, packed.subarray(0, 5), { rsv: 4, fin: false }), frame(PING, 'x'), frame(CONTINUATION, packed.subarray(5)));
	await eventually('the PONG', () => client.frames.some(({ rsv, payload }) => rsv === 0 && String(payload).includes('in pieces')));
	client.write(frame(TEXT, ping('not packed')));
	await eventually('the PONG', () => client.frames.some(({ rsv, payload }) => rsv === 0 && String(payload).includes('not packed')));
	const seq = await database.emit(trade('x', { data: { id: 'x', filler: 'large '.repeat(20000) } }));
	const event = await eventually('the event', () => whole(plain).map((text) => JSON.parse(text)).find((message) => message.seq === seq));
	const came = await client.next('the event', ({ rsv, payload }) => rsv === 4 && JSON.parse(unpack(payload)).seq === seq);
	assert.deepEqual(JSON.parse(unpack(came.payload)), event);
	assert.ok(came.payload.length < 2000);
	client.socket.destroy();
	plain.socket.destroy();
});

test('RFC 7692: what cannot be decompressed ends with 1007, what becomes too big with 1009', async () => {
	const extensions = 'permessage-deflate; client_no_context_takeover';
	const broken = await open(worker, { extensions });
	broken.write(frame(TEXT, Buffer.from([0xff, 0xff, 0xff, 0xff]), { rsv: 4 }));
	assert.equal(await broken.closed(), 1007);
	const bomb = await open(worker, { extensions });
	bomb.write(frame(TEXT, await pack(' '.repeat(10_000_000)), { rsv: 4 }));
	assert.equal(await bomb.closed(), 1009);
	const other = await open(worker, { extensions });
	other.write(frame(TEXT, await pack(ping(1)), { rsv: 6 }));
	assert.equal(await other.closed(), 1002);
});

/** What each foreign client must see: the welcome, a small event and a large one, and an answer to what it sends. */
async function exercise(send, messages) {
	await eventually('WELCOME', () => messages.some(({ type }) => type === 'WELCOME'));
	const first = await database.emit(trade('small'));
	const last = await database.emit(trade('large', { data: { id: 'large', filler: 'é🙂'.repeat(50_000) } }), trade('end'));
	await eventually('the last event', () => messages.some(({ seq }) => seq === last));
	assert.deepEqual(messages.filter(({ prev_seq: prev }) => prev !== undefined).map(({ seq }) => seq).filter((seq) => seq >= first), [first, first + 1, last]);
	assert.equal(messages.find(({ seq }) => seq === first + 1).data.filler.length, 150_000);
	send(JSON.stringify({ type: 'PING', id: 'there?', data: 'x'.repeat(1010) }));
	await eventually('PONG', () => messages.some(({ type, id }) => type === 'PONG' && id === 'there?'));
}

test('npm ws, with compression', async () => {
	const client = await connect(worker, { perMessageDeflate: true });
	assert.equal(client.socket.extensions, 'permessage-deflate');
	await exercise(client.send, client.messages);
	await settle(client);
	await client.close();
});

test('npm websocket', async () => {
	const client = new websocket.client();
	const messages = [];
	const connection = await new Promise((resolve, reject) => {
		client.on('connect', (opened) => {
			opened.on('message', ({ utf8Data }) => messages.push(JSON.parse(utf8Data)));
			resolve(opened);
		}).on('connectFailed', reject).connect(worker.ws, 'pulse.v1');
	});
	await exercise((text) => connection.sendUTF(text), messages);
	const closed = new Promise((resolve) => connection.once('close', resolve));
	connection.close();
	assert.equal(await closed, 1000);
});

test('npm undici', async () => {
	const socket = new UndiciSocket(worker.ws);
	const messages = [];
	socket.addEventListener('message', ({ data }) => messages.push(JSON.parse(data)));
	await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
	await exercise((text) => socket.send(text), messages);
	const closed = new Promise((resolve) => socket.addEventListener('close', resolve));
	socket.close(1000);
	assert.equal((await closed).code, 1000);
});

const python = ['/usr/bin/python3', 'python3'].find((name) => spawnSync(name, ['-c', 'import websockets']).status === 0);

test('Python websockets', { skip: python ? false : 'no python3-websockets' }, async () => {
	const child = spawn(python, ['-u', '-c', `
import asyncio, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1], max_size=None) as socket:
        async def forward():
            loop = asyncio.get_running_loop()
            while (line := await loop.run_in_executor(None, sys.stdin.readline)):
                await socket.send(line.rstrip("\\n"))
            await socket.close()
        task = asyncio.create_task(forward())
        try:
            async for message in socket:
                print(message, flush=True)
        except websockets.ConnectionClosed:
            pass
        await task
asyncio.run(main())`, worker.ws], { stdio: ['pipe', 'pipe', 'inherit'] });
	const messages = [];
	let rest = '';
	child.stdout.setEncoding('utf8').on('data', (text) => {
		const lines = (rest + text).split('\n');
		rest = lines.pop();
		for (const line of lines) messages.push(JSON.parse(line));
	});
	const exit = new Promise((resolve) => child.once('exit', resolve));
	await exercise((text) => child.stdin.write(`${text}\n`), messages);
	child.stdin.end();
	assert.equal(await exit, 0);
});
