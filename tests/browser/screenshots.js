// screenshots.js DIRECTORY: pictures of the demo's account for the README, light, dark and on a phone.
import { spawn } from 'node:child_process';
import { mkdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { startCluster } from '../lib/cluster.js';
import { openPage, startBrowser } from './browser.js';
import { Daemon } from './daemon.js';

const SIMULATOR = fileURLToPath(new URL('../demo/simulator.js', import.meta.url));
const LARGEST = 250_000;
const LIVE_FILLS = 3;

const directory = resolve(process.argv[2] ?? '.');
await mkdir(directory, { recursive: true });

const cluster = await startCluster({ preload: true, database: 'trading', conf: { 'pulse.databases': 'trading' } });
const client = new pg.Client(cluster.connection);
const daemon = new Daemon({ dsn: cluster.dsn });
const until = new Date(Math.floor(Date.now() / 1000) * 1000).toISOString();
let bot, browser;

const one = async (sql) => Object.values((await client.query(sql)).rows[0])[0];

async function wait(what, condition) {
	for (let attempt = 0; attempt < 600; attempt++) {
		if (await condition()) return;
		await new Promise((done) => setTimeout(done, 200));
	}
	throw new Error(`waited in vain for ${what}`);
}

/** The demo's bot, with its own past. */
function simulate(mode, ...more) {
	const child = spawn(process.execPath, [SIMULATOR, mode, '--until', until, '--seed', '1', ...more], { env: cluster.env, stdio: ['pipe', 'ignore', 'inherit'] });
	child.gone = new Promise((done) => child.once('exit', done));
	return child;
}

try {
	await client.connect();
	await client.query('CREATE EXTENSION pulse');
	await client.query('SELECT pulse_setup()');
	await simulate('history').gone;
	const unread = 'SELECT (SELECT count(*) FROM pulse.dirty) + (SELECT count(*) FROM trades) - (SELECT count(*) FROM pulse.fill WHERE event_seq IS NOT NULL)';
	await wait('the history to be read', async () => Number(await one(unread)) === 0);
	await daemon.start();
	browser = await startBrowser();
	const before = Number(await one('SELECT count(*) FROM trades'));
	bot = simulate('live', '--speed', '10');
	await wait('live trades', async () => Number(await one('SELECT count(*) FROM trades')) >= before + LIVE_FILLS);
	await wait('a second report of health', async () => Number(await one("SELECT count(*) FROM pulse.event WHERE type = 'HEALTH_UPDATE'")) > 1);
	for (const [name, options] of Object.entries({
		light: {},
		dark: { colorScheme: 'dark' },
		phone: { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 },
	})) {
		const { page, close } = await openPage(browser, `${daemon.address}?range=1Y`, { reducedMotion: 'reduce', ...options });
		await page.locator('#equity canvas').first().waitFor();
		await page.locator('#trades tbody tr').first().waitFor();
		await page.waitForFunction(() => document.querySelector('.skeleton') === null);
		await page.evaluate(() => document.fonts.ready);
		const path = join(directory, `dashboard-${name}.png`);
		await page.screenshot({ path });
		await close();
		const { size } = await stat(path);
		console.log(`${path}  ${size} bytes`);
		if (size > LARGEST) throw new Error(`${path} is larger than ${LARGEST} bytes`);
	}
} finally {
	await browser?.close();
	bot?.kill();
	await bot?.gone;
	await daemon.remove();
	await client.end();
	await cluster.remove();
}
