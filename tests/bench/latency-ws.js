// What a stream of fills is without Pulse: LISTEN with npm pg, and each notification to every client of npm ws.
//   latency-ws.js PORT                  the database as in the environment; says "listening"
import pg from 'pg';
import { WebSocketServer } from 'ws';

const database = new pg.Client();
database.on('error', () => process.exit());
await database.connect();
await database.query('LISTEN rival');
const server = new WebSocketServer({ port: Number(process.argv[2]), host: '127.0.0.1', perMessageDeflate: false });
let seq = 0;
database.on('notification', ({ payload }) => {
	const message = JSON.stringify({ type: 'TRADE_ALERT', seq: ++seq, timestamp: new Date().toISOString(), data: JSON.parse(payload) });
	for (const client of server.clients) client.send(message);
});
server.once('listening', () => console.log('listening'));
