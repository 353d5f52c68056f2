// One full cycle of the demo, seen from outside: the page, a WebSocket client, Telegram's side, and the bot's own books,
// which must agree with what Pulse made of the bot's rows. Prints a summary; exit status 1 when anything disagrees.
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import WebSocket from 'ws';

const LIVE_FILLS = 8;
const PATIENCE = 60_000;

const { values: options } = parseArgs({ options: {
	url: { type: 'string' }, books: { type: 'string' }, telegram: { type: 'string' }, bot: { type: 'string' },
} });

let failures = 0;

/** Prints one line of the summary; a fact that should hold and does not makes the demo fail. */
function report(what, text, holds = true) {
	if (!holds) failures++;
	console.log(`          ${what.padEnd(22)} ${text}${holds ? '' : '   <-- WRONG'}`);
}

/** Waits until the function returns something true, and returns that. */
async function until(what, condition) {
	const end = Date.now() + PATIENCE;
	for (;;) {
		const value = await condition();
		if (value) return value;
		if (Date.now() > end) throw new Error(`waited ${PATIENCE / 1000} s for ${what}`);
		await sleep(50);
	}
}

function books() {
	try {
		return JSON.parse(readFileSync(options.books, 'utf8'));
	} catch {
		return null;
	}
}

const grouped = (value, digits = 2) => Number(value).toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
const percent = (value) => (value === null ? 'n/a' : `${(value * 100).toFixed(2)} %`);
const near = (a, b) => Math.abs(Number(a) - Number(b)) <= 1e-6 * Math.max(1, Math.abs(Number(b)));
const alive = (pid) => {
	try {
		process.kill(pid, 0);
		return true;
	} catch {
		return false;
	}
};

/** A client that keeps every message, and asks for a snapshot as the simplest one would. */
async function connect() {
	const socket = new WebSocket(options.url.replace(/^http/, 'ws'));
	const messages = [];
	socket.on('message', (data) => messages.push(JSON.parse(data.toString())));
	await new Promise((resolve, reject) => {
		socket.once('open', resolve);
		socket.once('error', reject);
	});
	return { socket, messages, of: (type) => messages.filter((message) => message.type === type) };
}

async function snapshotOf(client) {
	const before = client.of('SNAPSHOT').length;
	client.socket.send(JSON.stringify({ type: 'REQUEST_SNAPSHOT' }));
	return until('a SNAPSHOT', () => client.of('SNAPSHOT')[before]);
}

async function main() {
	const page = await fetch(options.url);
	const html = await page.text();
	report('page', `${page.status}, ${html.length} bytes of HTML`, page.status === 200 && /<script/i.test(html) && page.headers.has('content-security-policy'));
	const health = await fetch(new URL('healthz', options.url));
	report('/healthz', `${health.status}`, health.status === 200);

	const client = await connect();
	const first = await snapshotOf(client);
	report('WebSocket SNAPSHOT', `seq ${first.seq}, epoch ${first.epoch}, ${JSON.stringify(first.data).length} bytes`, first.v === 1 && first.data !== null);

	await until(`${LIVE_FILLS} live fills`, () => books()?.live_fills >= LIVE_FILLS);
	process.kill(Number(options.bot), 'SIGTERM');
	await until('the bot to stop', () => !alive(Number(options.bot)));
	const own = books();

	const database = new pg.Client();
	await database.connect();
	const one = async (sql) => Object.values((await database.query({ text: sql, rowMode: 'object' })).rows[0])[0];
	await until('Pulse to catch up', async () => Number(await one('SELECT (SELECT count(*) FROM pulse.dirty) + (SELECT count(*) FROM trades) - (SELECT count(*) FROM pulse.fill WHERE event_seq IS NOT NULL)')) === 0);
	// what the bot did before the client came is in its first snapshot
	const after = (await database.query("SELECT seq FROM pulse.event WHERE type = 'TRADE_ALERT' AND seq > $1 ORDER BY seq", [first.seq])).rows.map(({ seq }) => Number(seq));
	const alerts = await until('the last TRADE_ALERT', () => {
		const come = client.of('TRADE_ALERT').filter(({ seq }) => seq > first.seq);
		return come.length >= after.length && come;
	});
	const last = await snapshotOf(client);

	const { rows: [performance] } = await database.query('SELECT * FROM pulse_performance()');
	const { rows: positions } = await database.query('SELECT symbol, quantity::text FROM pulse_positions() WHERE quantity <> 0 ORDER BY symbol');
	const net = await one('SELECT sum(realized_pnl - fees)::text FROM pulse_positions()');
	const events = Number(await one('SELECT count(*) FROM pulse.event WHERE type = \'TRADE_ALERT\''));
	const distinct = Number(await one('SELECT count(DISTINCT data ->> \'fill_id\') FROM pulse.event WHERE type = \'TRADE_ALERT\''));
	const gapless = await one('SELECT count(*) = max(seq) - min(seq) + 1 FROM pulse.event');
	await database.end();
	client.socket.close();

	report('account value', `${grouped(performance.total_value)} after deposits of ${grouped(own.deposited)}; the bot says ${grouped(own.total_value)}`,
		near(performance.total_value, own.total_value));
	report('realised, after fees', `${grouped(net)}; the bot says ${grouped(own.realized_net)}`, near(net, own.realized_net));
	report('cumulative return', `${percent(performance.cumulative_return)}, a year ${percent(performance.cagr)}`, performance.cumulative_return !== null);
	report('risk', `volatility ${percent(performance.volatility)}, Sharpe ${performance.sharpe?.toFixed(2)}, maximum drawdown ${percent(performance.max_drawdown)}, VaR ${percent(performance.var_95)}`,
		performance.sharpe !== null && performance.max_drawdown > 0);
	report('closed trades', `${performance.total_trades}, ${percent(performance.win_rate)} won, profit factor ${performance.profit_factor?.toFixed(2)}`,
		Number(performance.total_trades) > 0);
	const open = Object.entries(own.positions).filter(([, quantity]) => Number(quantity) !== 0).sort();
	report('open positions', positions.map(({ symbol, quantity }) => `${Number(quantity)} ${symbol}`).join(', ') || 'none',
		open.length === positions.length && open.every(([symbol, quantity], i) => positions[i].symbol === symbol && Number(positions[i].quantity) === Number(quantity)));
	report('fills', `${own.fills}, of these ${own.live_fills} live; TRADE_ALERT events ${events}`, events === own.fills && distinct === own.fills);
	report('event numbers', gapless ? 'without a gap' : 'with gaps', gapless);
	report('seen on the WebSocket', `${alerts.length} TRADE_ALERT, ${client.of('PORTFOLIO_UPDATE').length} PORTFOLIO_UPDATE, ${client.of('PERFORMANCE_UPDATE').length} PERFORMANCE_UPDATE`,
		alerts.length > 0 && alerts.every(({ seq }, i) => seq === after[i]) && alerts.length === after.length && client.of('PORTFOLIO_UPDATE').length > 0 && client.of('PERFORMANCE_UPDATE').length > 0);
	report('last SNAPSHOT', `total_value ${grouped(last.data.portfolio?.total_value)}`, near(last.data.portfolio?.total_value, own.total_value));

	const sent = await until('a message to Telegram', async () => {
		const list = await (await fetch(`${options.telegram}/control/messages`)).json();
		return list.length > 0 && list;
	});
	report('Telegram', `${sent.length} messages; the first: ${sent[0].plain.replace(/\s*\n\s*/g, ' | ').slice(0, 100)}`);
}

try {
	await main();
} catch (error) {
	report('cycle', error.message, false);
}
console.log(failures === 0 ? '          one full cycle, everything agrees' : `          ${failures} facts are wrong`);
process.exit(failures === 0 ? 0 : 1);
