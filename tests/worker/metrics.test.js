// /metrics as Prometheus reads it: by promtool, by a real server, and against the rules and the dashboard that come with the worker.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startTelegram } from '../demo/telegram.js';
import { makeAuthority, startExchange } from './exchanges.js';
import { eventually, finish, startDatabase, startWorker, sweep } from './harness.js';

const contrib = fileURLToPath(new URL('../../worker/contrib', import.meta.url));
const token = '123456:AAFakeTokenForTests_-xyz';
const secrets = { TELEGRAM_BOT_TOKEN: token, HOOK_KEY: 'hmac-key-nobody-sees', LOG_TOKEN: 'log-token-nobody-sees', PROBE_KEY: 'probe-key-nobody-sees' };
let database;
let directory;
let venue;
let telegram;
let worker;
let metrics;

/** A worker with everything switched on. */
before(async () => {
	[database, directory] = await Promise.all([startDatabase(), mkdtemp(join(tmpdir(), 'pulse-metrics.'))]);
	const authority = await makeAuthority(directory);
	venue = await startExchange(authority);
	telegram = await startTelegram({ token });
	worker = await startWorker(database, { args: ['--debug'], env: { PULSE_CLOCK_RATE: '10', ...secrets }, config: {
		telegram: { enabled: 'true', chat_id: 42, api_base: telegram.url, admins: 11 },
		logs: { directory },
		'probe.binance': { base_url: venue.url, ca_file: authority.ca, interval: 1, key_expires: '2099-01-01', headers: 'X-Key: ${PROBE_KEY}' },
		'probe.down': { base_url: 'https://127.0.0.1:9', interval: 1 },
		'remote.x': { url: 'http://127.0.0.1:9/', headers: 'Authorization: Bearer ${LOG_TOKEN}' },
		'sink.hook': { kind: 'webhook', url: 'http://127.0.0.1:9/', secret: '${HOOK_KEY}' },
	} });
	await worker.logged(/^leading/);
	await database.query(`INSERT INTO pulse.delivery (type, priority, title, message, event_seq) VALUES ('TEST', 'HIGH', 'x', 'y', 0)`);
	await database.emit({ type: 'SYSTEM_ALERT' });
	metrics = await eventually('everything has a figure', async () => {
		const text = await (await worker.get('/metrics')).text();
		return /^pulse_probe_up\{probe="down"\} 0$/m.test(text) && /certificate_expiry/.test(text) && /^pulse_telegram_sent_total 1$/m.test(text) &&
			/^pulse_sink_failed_total\{[^}]*\} [1-9]/m.test(text) && /^pulse_remote_up\{[^}]*\} 0$/m.test(text) && text;
	});
});
after(() => finish(() => worker?.stop(), sweep, () => venue?.close(), () => telegram?.close(), () => rm(directory, { recursive: true, force: true }), () => database?.remove()));

const names = () => new Set([...metrics.matchAll(/^# TYPE (\S+) /gm)].flatMap(([, name]) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]));

test('promtool has nothing to say about /metrics, and none about the rules', { skip: !existsSync('/usr/bin/promtool') && 'no promtool' }, async () => {
	const said = await new Promise((resolve) => {
		const child = execFile('promtool', ['check', 'metrics'], (error, stdout, stderr) => resolve({ code: error?.code ?? 0, text: stdout + stderr }));
		child.stdin.end(metrics);
	});
	assert.deepEqual(said, { code: 0, text: '' });
	const rules = await new Promise((resolve) => execFile('promtool', ['check', 'rules', `${contrib}/prometheus/pulse.rules.yml`], (error, stdout) => resolve(error?.code ?? stdout)));
	assert.match(rules, /SUCCESS: \d+ rules found/);
});

test('rules and dashboard ask only for figures that there are', async () => {
	const known = names();
	const rules = await readFile(`${contrib}/prometheus/pulse.rules.yml`, 'utf8');
	const recorded = new Set([...rules.matchAll(/record: (\S+)/g)].map(([, name]) => name));
	const dashboard = JSON.parse(await readFile(`${contrib}/grafana/pulse.json`, 'utf8'));
	const asked = [rules.replace(/^\s*-? ?(alert|record):.*$/gm, ''), ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))].join('\n');
	for (const [name] of asked.matchAll(/\bpulse[_:][a-z0-9_:]+/g)) assert.ok(known.has(name) || recorded.has(name) || name === 'pulse_worker', name);
	assert.ok(dashboard.panels.length >= 12 && dashboard.panels.every(({ title, gridPos }) => title && gridPos));
});

test('no secret is in /metrics, the log, the files, the table or the command line', async () => {
	const { stdout } = await new Promise((resolve) => execFile('ps', ['-wwo', 'args', '-p', String(worker.process.pid)], (_, out) => resolve({ stdout: out })));
	const tables = JSON.stringify([await database.query('SELECT * FROM pulse.health_sample'), await database.query('SELECT * FROM pulse.delivery'),
		await database.query('SELECT * FROM pulse.delivery_sink'), await database.query('SELECT * FROM pulse.sink')]);
	const log = await readFile(join(directory, `worker-${new Date().toISOString().slice(0, 10)}.jsonl`), 'utf8');
	const spool = await new Promise((resolve) => execFile('grep', ['-rhs', '.', directory], { maxBuffer: 1 << 26 }, (_, out) => resolve(out)));
	assert.ok(log.length > 100 && worker.output.length > 100 && spool.length > 100);
	for (const secret of Object.values(secrets)) assert.ok(![metrics, worker.output, log, spool, tables, stdout].some((text) => text.includes(secret)), secret.slice(0, 5));
});

test('a real Prometheus scrapes it and evaluates the rules', { skip: !existsSync('/usr/bin/prometheus') && 'no prometheus' }, async () => {
	const port = await new Promise((resolve) => {
		const server = createServer().listen(0, '127.0.0.1', () => {
			const { port: free } = server.address();
			server.close(() => resolve(free));
		});
	});
	await writeFile(join(directory, 'prometheus.yml'), `global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: ['${contrib}/prometheus/pulse.rules.yml']
scrape_configs: [{job_name: pulse, static_configs: [{targets: ['127.0.0.1:${worker.port}']}]}]\n`);
	const child = spawn('/usr/bin/prometheus', [`--config.file=${directory}/prometheus.yml`, `--storage.tsdb.path=${directory}/tsdb`,
		`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
	try {
		const ask = async (query) => (await (await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`)).json()).data.result;
		const [up] = await eventually('a scrape', () => ask('up{job="pulse"} == 1').then((rows) => rows.length === 1 && rows, () => false));
		assert.equal(up.value[1], '1');
		const [sent] = await eventually('figures', () => ask('pulse_telegram_sent_total').then((rows) => rows.length === 1 && rows));
		assert.equal(sent.value[1], '1');
		await eventually('a rule sees the venue that is down', () => fetch(`http://127.0.0.1:${port}/api/v1/alerts`).then((answer) => answer.json())
			.then(({ data }) => data.alerts.some(({ labels }) => labels.alertname === 'PulseProbeCritical' && labels.probe === 'down')));
	} finally {
		child.kill('SIGTERM');
	}
});
