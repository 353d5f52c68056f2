// Probes of exchanges, against stand-ins over TLS with an authority of their own.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { makeAuthority, startExchange, startSilence } from './exchanges.js';
import { eventually, finish, startDatabase, startWorker, sweep } from './harness.js';

let database;
let directory;
let authority;
let shortLived;
const venues = [];

before(async () => {
	[database, directory] = await Promise.all([startDatabase(), mkdtemp(join(tmpdir(), 'pulse-probe.'))]);
	authority = await makeAuthority(directory);
	shortLived = await makeAuthority(directory, { days: 5, name: 'short' });
});
beforeEach(() => database.query('TRUNCATE pulse.health_sample'));
afterEach(async () => {
	sweep();
	await Promise.all(venues.splice(0).map((venue) => venue.close()));
});
after(() => finish(() => {}, () => rm(directory, { recursive: true, force: true }), () => database?.remove()));

const open = async (with_ = authority) => {
	const venue = await startExchange(with_);
	venues.push(venue);
	return venue;
};

/** Waits for a report of the component that fits. */
const report = (component, fits, what = String(fits)) => eventually(`a report of ${component} with ${what}`, async () => {
	const rows = await database.query('SELECT status, message, latency_ms, details FROM pulse.health_sample WHERE component = $1 ORDER BY sample_id DESC', [component]);
	return rows.find(fits);
});

/** The worker's timers run ten times as fast. */
const RATE = 10;

const start = (probes, more = {}) => startWorker(database, {
	...more,
	env: { PULSE_CLOCK_RATE: String(RATE), ...more.env },
	config: { resources: { enabled: 'false' }, ...Object.fromEntries(Object.entries(probes).map(([name, keys]) =>
		[`probe.${name}`, { interval: 1, ca_file: authority.ca, ...keys }])), ...more.config },
});

test('every preset understands its venue: time, limit, phases, certificate', async () => {
	const venue = await open();
	const env = { APCA_API_KEY_ID: 'key', APCA_API_SECRET_KEY: 'hush-hush' };
	const names = ['binance', 'alpaca', 'alpaca-account', 'kraken', 'bybit', 'okx', 'coinbase'];
	const worker = await start(Object.fromEntries(names.map((name) => [name, { base_url: venue.url }])), { env });
	for (const name of names) {
		const { status, message, latency_ms: latency, details } = await report(`api.${name}`, () => true);
		assert.equal(status, 'HEALTHY', `${name}: ${message}`);
		assert.ok(latency > 0);
		assert.equal(details.cold, true, 'the first probe opens a connection');
		assert.ok(details.phases.tls_ms > 0 && details.phases.connect_ms > 0 && details.phases.first_byte_ms > 0);
		assert.ok(details.phases.total_ms >= details.phases.tls_ms);
		assert.ok(details.certificate_days > 88 && details.certificate_days <= 90, `${details.certificate_days} days`);
		if (name !== 'alpaca-account') assert.ok(Math.abs(details.skew_ms) < 1500, `${name}: skew ${details.skew_ms}`);
	}
	const used = async (name) => (await report(`api.${name}`, () => true)).details.limit_used;
	assert.equal(await used('binance'), 0.002);
	assert.equal(await used('alpaca'), 0.25);
	assert.equal(await used('bybit'), 0.1);
	await eventually('Binance was asked for its limit', () => venue.requests.some(({ path }) => path.startsWith('/api/v3/exchangeInfo')));
	const text = await (await worker.get('/metrics')).text();
	assert.match(text, /^pulse_probe_up\{probe="kraken"\} 1$/m);
	assert.match(text, /^pulse_probe_phase_seconds\{probe="okx",phase="tls"\} 0\.\d+$/m);
	assert.ok(!`${text}${worker.output}${JSON.stringify(await database.query('SELECT * FROM pulse.health_sample'))}`.includes('hush-hush'));
	await worker.stop();
});

test('warm probes keep their connection, every tenth opens a new one', async () => {
	const venue = await open();
	const worker = await start({ coinbase: { base_url: venue.url, cold_every: 3 } });
	await eventually('five probes', () => venue.requests.length >= 5);
	assert.ok(venue.connections >= 2 && venue.connections <= 4, `${venue.connections} connections for ${venue.requests.length} probes`);
	await worker.stop();
});

test('three failures in a row make it CRITICAL, two good answers make it well again', async () => {
	const venue = await open();
	const other = await open();
	const worker = await start({ binance: { base_url: venue.url }, coinbase: { base_url: other.url } });
	await report('api.binance', ({ status }) => status === 'HEALTHY');
	venue.fault = { status: 503, headers: {}, body: '<html>' };
	const failed = venue.requests.length;
	const down = await report('api.binance', ({ status }) => status === 'CRITICAL');
	assert.match(down.message, /HTTP status 503/);
	assert.ok(venue.requests.length - failed >= 3, 'not at once');
	assert.equal(down.details.kind, 'server');
	venue.fault = null;
	await database.query('TRUNCATE pulse.health_sample');
	await report('api.binance', ({ status }) => status === 'HEALTHY');
	assert.match(worker.log.map(({ message }) => message).join('\n'), /binance is CRITICAL[^]*binance is HEALTHY/);
	await worker.stop();
});

test('HTTP 200 with an error inside, maintenance in part, an account that may not trade', async () => {
	const venue = await open();
	const env = { APCA_API_KEY_ID: 'key', APCA_API_SECRET_KEY: 'hush-hush' };
	const worker = await start({ kraken: { base_url: venue.url, failures: 1, successes: 1 }, 'alpaca-account': { base_url: venue.url, failures: 1 } }, { env });
	await report('api.kraken', ({ status }) => status === 'HEALTHY');
	venue.error = ['EService:Unavailable'];
	assert.match((await report('api.kraken', ({ status }) => status === 'CRITICAL')).message, /\/error is \["EService:Unavailable"\]/);
	venue.error = [];
	venue.status = 'cancel_only';
	assert.match((await report('api.kraken', ({ status }) => status === 'WARNING')).message, /works in part/);
	venue.blocked = true;
	assert.match((await report('api.alpaca-account', ({ status }) => status === 'CRITICAL')).message, /\/trading_blocked is true/);
	await worker.stop();
});

test('a refused key is our affair, said at once; a missing one is a mistake in the file', async () => {
	const venue = await open();
	const worker = await start({ alpaca: { base_url: venue.url } }, { env: { APCA_API_KEY_ID: 'key', APCA_API_SECRET_KEY: 'stale-secret' } });
	const { message, details } = await report('api.alpaca', ({ status }) => status === 'CRITICAL');
	assert.match(message, /our key is refused/);
	assert.equal(details.kind, 'key');
	assert.ok(!worker.output.includes('stale-secret'));
	await worker.stop();
	await assert.rejects(start({ alpaca: { base_url: venue.url } }, { ready: false }), /\$\{APCA_API_KEY_ID\} is neither in the environment nor a credential/);
});

test('429 and 418 are obeyed: not asked again before the time that they say', async () => {
	const limited = await open();
	const banned = await open();
	const worker = await start({ okx: { base_url: limited.url }, binance: { base_url: banned.url } });
	await report('api.okx', ({ status }) => status === 'HEALTHY');
	await report('api.binance', ({ status }) => status === 'HEALTHY');
	limited.fault = { status: 429, headers: { 'retry-after': '20' }, body: '{}' };
	banned.fault = { status: 418, headers: { 'retry-after': '3600' }, body: '{"code":-1003}' };
	assert.match((await report('api.okx', ({ status }) => status === 'WARNING')).message, /rate limit reached; not asked again for 20 s/);
	assert.match((await report('api.binance', ({ status }) => status === 'CRITICAL')).message, /banned.*3600 s/);
	const asked = banned.requests.length;
	limited.fault = null;
	await database.query('TRUNCATE pulse.health_sample');
	await report('api.okx', ({ status }) => status === 'HEALTHY');
	const longest = Math.max(...limited.requests.slice(1).map(({ at }, i) => at - limited.requests[i].at));
	assert.ok(longest >= 1000 * 20 / RATE - 50, `the longest pause was ${longest} ms`);
	assert.equal(banned.requests.length, asked, 'a ban is sat out');
	await worker.stop();
});

test('a clock that differs, a rate limit nearly used up, a certificate and a key that end', async () => {
	const venue = await open();
	const short = await open(shortLived);
	const soon = new Date(Date.now() + 3 * 86400_000).toISOString().slice(0, 10);
	const worker = await start({ binance: { base_url: venue.url }, coinbase: { base_url: short.url, ca_file: shortLived.ca },
		okx: { base_url: venue.url, key_expires: soon } });
	assert.match((await report('api.coinbase', ({ status }) => status === 'WARNING')).message, /their certificate expires in 4 days/);
	assert.match((await report('api.okx', ({ status }) => status === 'WARNING')).message, /our key expires in [12] days/);
	venue.skew = 5000;
	const skewed = await report('api.binance', ({ message }) => /our clock is [45]\d{3} ms behind theirs/.test(message));
	assert.equal(skewed.status, 'WARNING');
	venue.skew = 0;
	venue.used = 5400;
	const used = await report('api.binance', ({ message }) => /90 % of the rate limit is used/.test(message));
	assert.equal(used.status, 'WARNING');
	await worker.stop();
});

test('slow answers by their thresholds', async () => {
	const venue = await open();
	const worker = await start({ coinbase: { base_url: venue.url, latency_warning: 150, latency_critical: 600, failures: 1, successes: 1 } });
	venue.delay = 250;
	assert.match((await report('api.coinbase', ({ status }) => status === 'WARNING')).message, /slow: \d{3} ms/);
	venue.delay = 700;
	const { details } = await report('api.coinbase', ({ status }) => status === 'CRITICAL');
	assert.ok(details.windows['5m'].p99_ms >= 250 && details.windows['5m'].p50_ms > 0);
	await worker.stop();
});

test('DNS, refused, silence, slow bytes, a reset and a wrong authority are told apart', async () => {
	const silence = await startSilence();
	venues.push(silence);
	const broken = await open();
	const dribble = await open();
	broken.fault = 'reset';
	dribble.fault = 'dribble';
	const well = await Promise.all([1, 2, 3, 4, 5, 6, 7].map(() => open()));
	const wrong = { failures: 1, timeout: 500 };
	// These fail by themselves, however busy the machine is.
	const patient = { failures: 1, timeout: 20_000 };
	const worker = await start({
		dns: { base_url: 'https://no-such-host.invalid', ...wrong },
		refused: { base_url: 'https://127.0.0.1:9', ...patient },
		silence: { base_url: `https://localhost:${silence.port}`, ...wrong },
		dribble: { base_url: dribble.url, path: '/x', ...wrong },
		reset: { base_url: broken.url, path: '/x', ...patient },
		stranger: { base_url: well[0].url, path: '/time', ...patient, ca_file: shortLived.ca },
		// The majority answers, so that it is not us.
		...Object.fromEntries(well.map((venue, i) => [`well${i}`, { base_url: venue.url, path: '/time' }])),
	});
	const kinds = { dns: /^(dns|timeout):/, refused: /^connect:/, silence: /^timeout:/, dribble: /^timeout:/, reset: /^broken:/, stranger: /^tls:/ };
	for (const [name, expected] of Object.entries(kinds)) {
		const { message, details } = await report(`api.${name}`, ({ status }) => status === 'CRITICAL');
		assert.match(message, expected);
		assert.equal(details.kind, 'network');
	}
	assert.match(await (await worker.get('/metrics')).text(), /^pulse_network_suspect 0$/m);
	await worker.stop();
});

test('when the venues fail all together it is rather us: nothing is said about them', async () => {
	const two = [await open(), await open()];
	const worker = await start({ binance: { base_url: two[0].url, failures: 2 }, coinbase: { base_url: two[1].url, failures: 2 } });
	await report('api.binance', ({ status }) => status === 'HEALTHY');
	await report('api.coinbase', ({ status }) => status === 'HEALTHY');
	for (const venue of two) venue.fault = 'reset';
	for (const name of ['binance', 'coinbase']) {
		assert.match((await report(`api.${name}`, ({ status }) => status === 'UNKNOWN')).message, /our own network/);
	}
	assert.match(await (await worker.get('/metrics')).text(), /^pulse_network_suspect 1$/m);
	for (const venue of two) venue.fault = null;
	await worker.logged(/our own network works again/);
	await database.query('TRUNCATE pulse.health_sample');
	await report('api.binance', ({ status }) => status === 'HEALTHY');
	await worker.stop();
});

test('two hundred venues at a time in the one loop; only the leader asks', async () => {
	const venue = await open();
	const probes = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`venue${i}`, { base_url: venue.url, path: `/time?${i}`, time_pointer: '/epoch', time_unit: 's', interval: 60, timeout: 60_000, latency_warning: 100_000, latency_critical: 120_000 }]));
	const worker = await start(probes);
	await worker.logged(/^leading/);
	const second = await start(probes);
	await eventually('all were reported', async () => {
		const [{ n }] = await database.query(`SELECT count(DISTINCT component)::integer AS n FROM pulse.health_sample WHERE component LIKE 'api.venue%' AND status = 'HEALTHY'`);
		return n === 200;
	});
	const total = async (of) => [...(await (await of.get('/metrics')).text()).matchAll(/^pulse_probe_probes_total\{[^}]*\} (\d+)$/gm)].reduce((sum, [, n]) => sum + Number(n), 0);
	// On a machine without time the leader may have been too slow for its lock, and the other leads by right.
	if (!second.log.some(({ message }) => /^leading/.test(message))) assert.equal(await total(second), 0, 'the follower asks nothing');
	assert.ok(await total(worker) >= 200);
	const started = Date.now();
	await worker.get('/healthz');
	assert.ok(Date.now() - started < 2000, 'the loop still answers');
	await second.stop();
	await worker.stop();
});
