// The configuration file: what is accepted, what is refused and how, what the command line does.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { finish, program } from './harness.js';

let directory;
let worker;

before(async () => {
	directory = await mkdtemp(join(tmpdir(), 'pulse-config-test.'));
	worker = await program();
});
after(() => finish(() => {}, () => rm(directory, { recursive: true, force: true })));

/** Runs the worker to its end. */
const run = (args, env = {}) => new Promise((resolve) => {
	execFile(worker, args, { env: { PATH: process.env.PATH, ...env } }, (error, stdout, stderr) =>
		resolve({ status: error ? error.code : 0, stdout, stderr }));
});

/** Writes a file and has it checked. */
async function check(text, { args = [], env = {} } = {}) {
	const path = join(directory, 'pulse.ini');
	await writeFile(path, text);
	const result = await run(['--config', path, '--check-config', ...args], env);
	return { ...result, stderr: result.stderr.replaceAll(path, 'pulse.ini') };
}

const minimal = '[database]\ndsn = dbname=trading\n';

test('a minimal file is good, and so is the example that is installed', async () => {
	assert.deepEqual(await check(minimal).then(({ status, stderr }) => [status, stderr]), [0, '']);
	const example = new URL('../../worker/contrib/pulse.ini', import.meta.url).pathname;
	const { status, stdout } = await run(['--config', example, '--check-config', '--environment', 'development']);
	assert.equal(status, 0);
	assert.match(stdout, /^the configuration is good$/m);
});

test('the manual page explains every key that --help lists, and no other', async () => {
	const { stdout } = await run(['--help']);
	const listed = stdout.slice(stdout.indexOf('Configuration keys:')).split('\n').filter((line) => /^ {2}\S/.test(line)).map((line) => line.trim().split(/\s/)[0]);
	const manual = await readFile(new URL('../../worker/doc/pulse.ini.5', import.meta.url), 'utf8');
	const explained = [...manual.matchAll(/^\.TP\n\.B (\S+)\n(.+)/gm)].map(([, key]) => key.replaceAll('\\-', '-'));
	assert.ok(listed.length > 60);
	assert.deepEqual(explained, listed);
});

test('every problem is named with its file, line and reason', async () => {
	const cases = [
		['', /^pulse\.ini: \[database\] dsn is required$/m],
		['[database]\n', /^pulse\.ini: \[database\] dsn is required$/m],
		[`${minimal}[websockets]\nport = 1\n`, /^pulse\.ini:4: unknown section \[websockets\]$/m],
		[`${minimal}[remote.*]\nenabled = false\nca_file = /x\n`, /^pulse\.ini:4: \[remote\.\*\]: a name has up to 60 letters, digits, _ and -$/m],
		[`${minimal}[websocket]\n\nprot = 1\n`, /^pulse\.ini:5: unknown key "prot" in section \[websocket\]$/m],
		[`${minimal}[websocket]\nport = 70000\n`, /^pulse\.ini:4: \[websocket\] port: 70000 is outside of 0 to 65535$/m],
		[`${minimal}[websocket]\nport = 80x\n`, /^pulse\.ini:4: \[websocket\] port: "80x" is not a whole number$/m],
		[`${minimal}[websocket]\nport = \n`, /^pulse\.ini:4: \[websocket\] port: "" is not a whole number$/m],
		[`${minimal}[websocket]\nhost = 0.0.0.0\n`, /^pulse\.ini: \[websocket\] host: 0\.0\.0\.0 is not a loopback address, which needs tls_cert, tls_key and \[auth\] enabled/m],
		[`${minimal}[websocket]\ntls_cert = /dev/null\n`, /^pulse\.ini: \[websocket\] tls_cert and tls_key belong together/m],
		[`${minimal}[websocket]\nallowed_origins = https://a.example, b.example\n`, /^pulse\.ini:4: \[websocket\] allowed_origins: not an origin/m],
		[`${minimal}[telegram]\nenabled = perhaps\n`, /^pulse\.ini:4: \[telegram\] enabled: "perhaps" is neither true nor false$/m],
		[`${minimal}[telegram]\napi_base = http://api.example\n`, /^pulse\.ini:4: \[telegram\] api_base: http:\/\/ would send the token in the clear/m],
		[`${minimal}[telegram]\nchat_id = me\n`, /^pulse\.ini:4: \[telegram\] chat_id: not a chat id/m],
		[`${minimal}[reports]\ntimezone = Europe Berlin\n`, /^pulse\.ini:4: \[reports\] timezone: not an IANA time zone/m],
		[`${minimal}[resources]\ncpu_warning = 80\n`, /^pulse\.ini:4: \[resources\] cpu_warning: "80" is not a fraction from 0 to 1$/m],
		['[database]\ndsn = nonsense\n', /^pulse\.ini:2: \[database\] dsn: not a connection string/m],
		[`${minimal}dsn = dbname=other\n`, /^pulse\.ini:3: \[database\] dsn is set twice, first in line 2$/m],
		[`dsn = dbname=x\n`, /^pulse\.ini:1: a key must stand below a \[section\]$/m],
		[`${minimal}[websocket\nport = 1\n`, /^pulse\.ini:3: neither \[section\] nor key = value$/m],
		[`${minimal}what is this\n`, /^pulse\.ini:3: neither \[section\] nor key = value$/m],
		[`${minimal}[environment.production]\nport = 1\n`, /^pulse\.ini:4: "port" is not section\.key/m],
		[`${minimal}[environment.production]\nwebsocket.prot = 1\n`, /^pulse\.ini:4: unknown key "prot" in section \[websocket\]$/m],
		[`${minimal}[environment.production]\nwebsocket.port = no\n`, /^pulse\.ini:4: \[websocket\] port: "no" is not a whole number$/m],
		[`${minimal}[probe.binance]\npreset = binanse\n`, /^pulse\.ini: \[probe\.binance\] unknown preset "binanse"; there are binance, alpaca/m],
		[`${minimal}[probe.mine]\ninterval = 5\n`, /^pulse\.ini: \[probe\.mine\] needs a preset or a base_url$/m],
		[`${minimal}[probe.mine]\nbase_url = ftp://x\n`, /^pulse\.ini: \[probe\.mine\] base_url is no http/m],
		[`${minimal}[probe.mine]\nbase_url = http://x.example\nheaders = X-Key: a\n`, /^pulse\.ini: \[probe\.mine\] http:\/\/ would send its headers in the clear/m],
		[`${minimal}[probe.mine]\nbase_url = https://x.example\nheaders = X-Key: \${NO_SUCH_KEY}\n`, /^pulse\.ini:5: \[probe\.\*\] headers: \$\{NO_SUCH_KEY\} is neither in the environment nor a credential$/m],
		[`${minimal}[logs]\ndirectory = logs\n`, /^pulse\.ini:4: \[logs\] directory: not an absolute path$/m],
		[`${minimal}[logs]\ndirectory = /no/such/place\n`, /^pulse\.ini:4: \[logs\] directory: no directory that this user can write to$/m],
		[`${minimal}[remote.x]\nurl = http://127.0.0.1/\n`, /^pulse\.ini: \[remote\.x\] has no place for its spool/m],
		[`${minimal}[logs]\ndirectory = /tmp\n[remote.x]\nformat = ndjson\n`, /^pulse\.ini: \[remote\.x\] needs a url$/m],
		[`${minimal}[logs]\ndirectory = /tmp\n[remote.x]\nkinds = trade\n`, /^pulse\.ini:6: \[remote\.\*\] kinds: not one of performance/m],
		[`${minimal}[probe.a b]\ninterval = 5\n`, /^pulse\.ini:4: \[probe\.a b\]: a name has up to 60 letters/m],
		[`${minimal}; ${'x'.repeat(400)}\n[nope]\na = 1\n`, /^pulse\.ini:3: line longer than \d+ characters/m],
	];
	for (const [text, expected] of cases) {
		const { status, stderr } = await check(text);
		assert.equal(status, 78, `${text}\n${stderr}`);
		assert.match(stderr, expected);
	}
});

test('all problems of a file are reported at once', async () => {
	const { stderr } = await check(`[database]\ndsn = dbname=x\npoll_interval = 1\n[nope]\na = 1\n[websocket]\nport = x\n`);
	assert.deepEqual(stderr.trim().split('\n').map((line) => line.split(' ')[0]), ['pulse.ini:5:', 'pulse.ini:3:', 'pulse.ini:7:']);
});

test('an environment replaces values; one that nobody wrote is an error', async () => {
	const text = `${minimal}[telegram]\nenabled = false\n[environment.production]\ntelegram.enabled = true\n[environment.blue]\nwebsocket.port = 1\n`;
	assert.equal((await check(text)).status, 0);
	assert.equal((await check(text, { args: ['--environment', 'testing'] })).status, 0);
	assert.equal((await check(text, { args: ['--environment', 'blue'] })).status, 0);
	assert.match((await check(text, { args: ['--environment', 'production'] })).stderr, /\[telegram\] enabled: no token/);
	assert.match((await check(text, { args: ['--environment', 'green'] })).stderr, /no section \[environment\.green\]/);
});

test('comments, spaces, a long value on several lines', async () => {
	const hosts = Array.from({ length: 40 }, (_, i) => `host${i}.example`);
	const text = `; first\n# second\n[ database ]\n`;
	assert.equal((await check(text.replace('[ database ]', '[database]') + `  \ndsn=host=/tmp\n\tdbname=trading ; where it is\n[websocket]\nallowed_hosts = ${hosts.slice(0, 5).join(', ')},\n  ${hosts.slice(5, 10).join(', ')}\n`)).status, 0);
});

test('the token comes from the environment, a file or a credential, and never appears', async () => {
	const token = '123456:AAFakeTokenForTests_-xyz';
	const telegram = `${minimal}[telegram]\nenabled = true\nchat_id = -100123\n`;
	const file = join(directory, 'token');
	const cases = [
		[telegram, { TELEGRAM_BOT_TOKEN: token }],
		[`${telegram}token_file = ${file}\n`, {}],
		[telegram, { CREDENTIALS_DIRECTORY: directory }],
		[telegram.replace('chat_id = -100123\n', ''), { TELEGRAM_BOT_TOKEN: token, TELEGRAM_CHAT_ID: '42' }],
	];
	await writeFile(file, `${token}\n`);
	await chmod(file, 0o600);
	await writeFile(join(directory, 'telegram_bot_token'), token, { mode: 0o600 });
	for (const [text, env] of cases) {
		const result = await check(text, { env });
		assert.equal(result.status, 0, result.stderr);
		assert.ok(!`${result.stdout}${result.stderr}`.includes(token));
	}
	assert.match((await check(telegram)).stderr, /no token; set TELEGRAM_BOT_TOKEN or token_file/);
	assert.match((await check(telegram.replace('chat_id = -100123\n', ''), { env: { TELEGRAM_BOT_TOKEN: token } })).stderr, /no chat; set chat_id or TELEGRAM_CHAT_ID/);
	assert.match((await check(`${telegram}token_file = ${file}.missing\n`)).stderr, /token: cannot read .*No such file/);
	const wrong = await check(telegram, { env: { TELEGRAM_BOT_TOKEN: 'secret/../../token' } });
	assert.equal(wrong.status, 78);
	assert.ok(!wrong.stderr.includes('secret'));
});

test('a wrong connection string is refused without repeating it', async () => {
	const { status, stderr } = await check('[database]\ndsn = dbname=trading user=pulse hunter2\n');
	assert.equal(status, 78);
	assert.ok(!stderr.includes('hunter2'));
});

test('the command line', async () => {
	const help = await run(['--help']);
	assert.equal(help.status, 0);
	for (const word of ['--check-config', '[websocket]', 'max_clients', 'SIGHUP', 'TELEGRAM_BOT_TOKEN']) assert.ok(help.stdout.includes(word), word);
	assert.match((await run(['--version'])).stdout, /^pulse-worker \d+\.\d+\.\d+\nlibpq \d+\nlibwebsockets /);
	for (const args of [[], ['--nope'], ['--config'], ['--config', 'x', 'extra'], ['--config', 'x', '--log-format', 'xml']]) {
		const result = await run(args);
		assert.equal(result.status, 64, args.join(' '));
		assert.notEqual(result.stderr, '');
	}
	const missing = await run(['--config', join(directory, 'missing.ini')]);
	assert.equal(missing.status, 78);
	assert.match(missing.stderr, /missing\.ini: No such file/);
});
