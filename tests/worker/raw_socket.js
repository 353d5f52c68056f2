// A WebSocket client that sends and receives bytes, not messages, so that it can also do what no library would.
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { eventually } from './harness.js';

export const TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10, CONTINUATION = 0;

/** A frame as a client sends it. */
export function frame(opcode, payload = '', { fin = true, rsv = 0, masked = true, length } = {}) {
	const data = Buffer.from(payload);
	const size = length ?? data.length;
	const header = size < 126 ? Buffer.from([0, size]) : size < 65536 ? Buffer.from([0, 126, size >> 8, size & 255])
		: Buffer.concat([Buffer.from([0, 127]), (() => { const b = Buffer.alloc(8); b.writeBigUInt64BE(BigInt(size)); return b; })()]);
	header[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
	if (!masked) return Buffer.concat([header, data]);
	header[1] |= 0x80;
	const mask = randomBytes(4);
	return Buffer.concat([header, mask, data.map((byte, i) => byte ^ mask[i & 3])]);
}

/** Opens a connection and shakes hands; extensions is the Sec-WebSocket-Extensions header. */
export async function open(worker, { extensions, host = '127.0.0.1', headers = '' } = {}) {
	const socket = connect(worker.port, host);
	const key = randomBytes(16).toString('base64');
	const client = {
		socket,
		/** Frames that came: {fin, rsv, opcode, payload}. */
		frames: [],
		ended: false,
		head: '',
		write: (...parts) => socket.write(Buffer.concat(parts)),
		texts: () => client.frames.filter(({ opcode }) => opcode === TEXT).map(({ payload }) => JSON.parse(payload)),
		next: (what, fits) => eventually(what, () => client.frames.find(fits)),
		/** Waits for the close frame and the end of the connection; resolves with the code. */
		closed: async () => {
			await eventually('the end of the connection', () => client.ended);
			const close = client.frames.find(({ opcode }) => opcode === CLOSE);
			return close?.payload.length >= 2 ? close.payload.readUInt16BE(0) : undefined;
		},
	};
	let rest = Buffer.alloc(0);
	socket.on('error', () => { client.ended = true; }).on('close', () => { client.ended = true; });
	socket.on('data', (data) => {
		rest = Buffer.concat([rest, data]);
		if (client.head === '') {
			const end = rest.indexOf('\r\n\r\n');
			if (end < 0) return;
			client.head = rest.subarray(0, end).toString('latin1');
			rest = rest.subarray(end + 4);
		}
		for (;;) {
			if (rest.length < 2) return;
			const short = rest[1] & 127;
			const at = short === 126 ? 4 : short === 127 ? 10 : 2;
			if (rest.length < at) return;
			const length = short === 126 ? rest.readUInt16BE(2) : short === 127 ? Number(rest.readBigUInt64BE(2)) : short;
			if (rest.length < at + length) return;
			client.frames.push({ fin: rest[0] >> 7 === 1, rsv: (rest[0] >> 4) & 7, opcode: rest[0] & 15, masked: rest[1] >> 7 === 1, size: short, payload: rest.subarray(at, at + length) });
			rest = rest.subarray(at + length);
			if (client.frames.at(-1).opcode === CLOSE && !socket.writableEnded) socket.end(frame(CLOSE, client.frames.at(-1).payload));
		}
	});
	socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${worker.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n${
		extensions ? `Sec-WebSocket-Extensions: ${extensions}\r\n` : ''}${headers}\r\n`);
	await eventually('the answer to the handshake', () => client.head !== '' || client.ended);
	client.accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
	client.header = (name) => new RegExp(`^${name}: *(.*)$`, 'im').exec(client.head)?.[1];
	return client;
}
