// A relay in front of a server, on which the network is as bad as a test wants it.
import { connect, createServer } from 'node:net';

/**
 * What can become of a connection, and whether the server behind the relay gets the request:
 *   silent   taken, but nothing is read and nothing said, as by a machine that is gone        no
 *   vanish   the request is read, then the connection is reset                                no
 *   reset    reset as soon as it stands                                                       no
 *   garbage  the request is read, the answer is no HTTP                                       no
 *   deaf     the request goes through, the answer never comes                                 yes
 *   dribble  the answer comes byte by byte, so slowly that it does not end in time            yes
 *   endless  the answer begins well and never ends                                            yes
 *   flood    the answer begins well and is as long as the other side can bear                 yes
 *   cut      the connection is reset in the middle of the answer                              yes
 *   slow     the answer comes in small pieces, in time                                         yes, and it counts
 */
export const weathers = { silent: false, vanish: false, reset: false, garbage: false, deaf: true, dribble: true, endless: true, flood: true, cut: true, slow: true };

const ENDLESS = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';

const drip = (socket, bytes, piece, every, then) => {
	let sent = 0;
	const timer = setInterval(() => {
		if (sent < bytes.length) socket.write(bytes.subarray(sent, sent += piece));
		else {
			clearInterval(timer);
			then();
		}
	}, every);
	socket.once('close', () => clearInterval(timer));
};

/** What is done with the server's answer, once it is whole. */
const answers = {
	clear: (socket, bytes) => socket.end(bytes),
	deaf() {},
	dribble: (socket, bytes) => drip(socket, bytes, 1, 200, () => socket.end()),
	slow: (socket, bytes) => drip(socket, bytes, 64, 1, () => socket.end()),
	cut: (socket, bytes) => socket.write(bytes.subarray(0, bytes.length / 2), () => setTimeout(() => socket.resetAndDestroy(), 20)),
	endless(socket) {
		socket.write(ENDLESS);
		const timer = setInterval(() => socket.write('1\r\n \r\n'), 20);
		socket.once('close', () => clearInterval(timer));
	},
	flood(socket) {
		socket.write(ENDLESS);
		const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65536, 32), Buffer.from('\r\n')]);
		const more = () => {
			while (!socket.destroyed && socket.write(chunk));
		};
		socket.on('drain', more);
		more();
	},
};

/** Whether an answer has come whole, by its own length. */
const isWhole = (bytes) => {
	const head = bytes.indexOf('\r\n\r\n');
	const length = head > 0 && /^content-length: *(\d+)/im.exec(bytes.toString('latin1', 0, head));
	return Boolean(length) && bytes.length >= head + 4 + Number(length[1]);
};

/**
 * Starts a relay to a server on loopback.
 * @param {number} port of the server
 * @param {string[]} next weathers of the next connections; afterwards it is clear
 */
export async function startRelay(port, next = []) {
	const sockets = new Set();
	const relay = { next, connections: 0 };
	const keep = (socket) => {
		sockets.add(socket);
		socket.on('error', () => {}).on('close', () => sockets.delete(socket));
	};
	const server = createServer((socket) => {
		const weather = relay.next.shift() ?? 'clear';
		relay.connections++;
		keep(socket);
		if (weather === 'silent') return socket.pause();
		if (weather === 'reset') return socket.resetAndDestroy();
		if (weather === 'vanish' || weather === 'garbage') {
			return socket.once('data', () => (weather === 'vanish' ? socket.resetAndDestroy() : socket.end('\x16\x03not HTTP\r\n\r\n')));
		}
		const behind = connect({ port, host: '127.0.0.1' });
		let answer = Buffer.alloc(0);
		keep(behind);
		socket.on('data', (bytes) => behind.write(bytes));
		socket.on('close', () => behind.destroy());
		return behind.on('data', (bytes) => {
			const before = isWhole(answer);
			answer = Buffer.concat([answer, bytes]);
			if (!before && isWhole(answer)) answers[weather](socket, answer);
		});
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	relay.port = server.address().port;
	relay.url = `http://127.0.0.1:${relay.port}`;
	relay.close = () => new Promise((resolve) => {
		server.close(resolve);
		for (const socket of sockets) socket.destroy();
	});
	return relay;
}
