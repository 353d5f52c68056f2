// The WebSocket client that the README prints, unchanged, in a browser and under node.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startCluster } from '../lib/cluster.js';
import { startBrowser } from './browser.js';
import { Daemon } from './daemon.js';

const TOP = new URL('../../', import.meta.url);
const CLIENT = fileURLToPath(new URL('worker/doc/websocket-client.mjs', TOP));
const REDIRECT = fileURLToPath(new URL('redirect.cjs', import.meta.url));

let cluster, client, daemon, source;

before(async () => {
	source = await readFile(CLIENT, 'utf8');
	cluster = await startCluster({ preload: true, database: 'trading', conf: { 'pulse.databases': 'trading' } });
	client = new pg.Client(cluster.connection);
	await client.connect();
	await client.query('CREATE EXTENSION pulse');
	await client.query('SELECT pulse_setup()');
	await client.query('INSERT INTO portfolio_snapshots (total_value) VALUES (12345.678901234567890123)');
	daemon = new Daemon({ dsn: cluster.dsn });
	await daemon.start();
});

after(async () => {
	await daemon?.remove();
	await client?.end();
	await cluster?.remove();
});

/** Lines that the client prints, and a way to wait for one. */
function transcript() {
	const lines = [];
	let look = () => {};
	return {
		add(line) { lines.push(line); look(); },
		/** @param {RegExp} pattern */
		until: (pattern) => new Promise((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error(`no line ${pattern} in\n${lines.join('\n')}`)), 30_000);
			look = () => {
				if (!lines.some((line) => pattern.test(line))) return;
				clearTimeout(timer);
				resolve();
			};
			look();
		}),
	};
}

/** What the client has to say while a bot trades and the worker stops. */
async function follow({ until }) {
	await until(/^value 12345\.678901234567890123 Sharpe null$/);
	await client.query("INSERT INTO trades (symbol, side, quantity, price) VALUES ('ETHUSDT', 'SELL', 0.123456789012345678, 3210.5)");
	await until(/^SELL 0\.123456789012345678 ETHUSDT at 3210\.5$/);
	await client.query('INSERT INTO portfolio_snapshots (total_value) VALUES (9007199254740993.01)');
	await until(/^value 9007199254740993\.01$/);
	await daemon.stop('SIGTERM');
	await until(/^closed 100[01] /);
	await client.query('TRUNCATE trades, portfolio_snapshots');
	await client.query('INSERT INTO portfolio_snapshots (total_value) VALUES (12345.678901234567890123)');
	await daemon.start();
}

test('the README prints the client as it is', async () => {
	const readme = await readFile(new URL('README.md', TOP), 'utf8');
	assert.ok(readme.includes(`\`\`\`js\n${source}\`\`\``));
	assert.ok(source.split('\n').length <= 26, 'short enough to read');
});

test('under node', async (t) => {
	const folder = await mkdtemp(fileURLToPath(new URL('.build/client-', TOP)));
	await copyFile(CLIENT, `${folder}/client.mjs`);
	await symlink(fileURLToPath(new URL('tests/node_modules', TOP)), `${folder}/node_modules`);
	const node = spawn(process.execPath, ['--require', REDIRECT, 'client.mjs'],
		{ cwd: folder, env: { ...process.env, PULSE_TEST_PORT: String(daemon.port) }, stdio: ['ignore', 'pipe', 'inherit'] });
	t.after(() => node.kill());
	const gone = new Promise((resolve) => node.once('exit', resolve));
	const { add, until } = transcript();
	createInterface({ input: node.stdout }).on('line', add);
	await follow({ until });
	assert.equal(await gone, 0, 'it ends when the connection does');
	await rm(folder, { recursive: true });
});

test('in a browser, on a page of somebody else on this machine', async (t) => {
	const browser = await startBrowser([`--host-resolver-rules=MAP localhost:8765 127.0.0.1:${daemon.port}`]);
	t.after(() => browser.close());
	const site = createServer((request, response) => {
		if (request.url === '/client.mjs') response.writeHead(200, { 'content-type': 'text/javascript' }).end(source);
		else response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><script type="module" src="client.mjs"></script>');
	});
	await new Promise((resolve) => site.listen(0, '127.0.0.1', resolve));
	t.after(() => site.close());
	const page = await browser.newPage();
	const { add, until } = transcript();
	page.on('console', (message) => add(message.text()));
	await page.goto(`http://127.0.0.1:${site.address().port}/`);
	await follow({ until });
});
