// Behind a pooler in transaction mode LISTEN is lost without a word: the worker notices and polls.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { connect, eventually, finish, ini, program, startDatabase, startWorker, trade } from './harness.js';

const run = promisify(execFile);
let database;
let pooler;

const installed = await run('sh', ['-c', 'command -v pgbouncer']).then(() => true, () => false);
const options = { skip: installed ? false : 'pgbouncer is not installed' };

before(async () => {
	if (!installed) return;
	database = await startDatabase();
	const { cluster } = database;
	const directory = `${cluster.directory}/pooler`;
	const { host, port } = cluster.connection;
	await mkdir(directory, { recursive: true });
	await writeFile(`${directory}/users.txt`, '"postgres" ""\n');
	await writeFile(`${directory}/pgbouncer.ini`, `[databases]
trading = host=${host} port=${port} dbname=trading
[pgbouncer]
listen_addr =
unix_socket_dir = ${directory}
listen_port = 6432
auth_type = trust
auth_file = ${directory}/users.txt
pool_mode = transaction
default_pool_size = 3
ignore_startup_parameters = extra_float_digits
`);
	// It refuses to run as root, as the server does.
	const asRoot = process.getuid() === 0;
	if (asRoot) await run('chown', ['-R', 'postgres', directory]);
	pooler = spawn('pgbouncer', [...(asRoot ? ['-u', 'postgres'] : []), '-q', `${directory}/pgbouncer.ini`], { stdio: ['ignore', 'ignore', 'inherit'] });
	database.pooled = { cluster: { ...cluster, dsn: cluster.dsn.replace(/host=\S+ port=\S+/, `host=${directory} port=6432`) } };
	await eventually('the pooler answers', () => run('psql', ['-Xqc', 'SELECT 1', database.pooled.cluster.dsn]).then(() => true, () => false));
});
after(() => finish(() => {}, () => pooler?.kill('SIGKILL'), () => database?.remove()));

test('events come by polling, and the log says why', options, async () => {
	const worker = await startWorker(database.pooled);
	await worker.logged(/goes through a pooler.*polling every second.*listen_dsn/);
	assert.equal((await (await worker.get('/readyz')).json()).events, 'polling');
	const client = await connect(worker);
	const last = await database.emit(trade(1), trade(2));
	await client.next((message) => message.seq === last && 'prev_seq' in message);
	for (let i = 0; i < 5; i++) assert.equal((await worker.get(`/api/v1/events?limit=${i + 1}`)).status, 200, 'questions work through the pooler');
	await client.close();
	await worker.stop();
});

test('nothing is sent through a pooler, where a session\'s lock means nothing', options, async () => {
	const worker = await startWorker(database.pooled, { config: { telegram: { enabled: 'true', chat_id: 1, api_base: 'http://127.0.0.1:9' } }, env: { TELEGRAM_BOT_TOKEN: '1:abc' } });
	await worker.logged(/a session's lock cannot be trusted; listen_dsn must name/);
	assert.match(await (await worker.get('/metrics')).text(), /^pulse_telegram_leader 0$/m);
	await worker.stop();
});

test('listen_dsn past the pooler: notifications come at once, questions go through the pooler', options, async () => {
	const worker = await startWorker(database.pooled, { config: { database: { listen_dsn: database.cluster.dsn } } });
	assert.equal((await (await worker.get('/readyz')).json()).events, 'listening');
	const client = await connect(worker);
	const last = await database.emit(trade(3));
	await client.next((message) => message.seq === last && 'prev_seq' in message);
	await client.close();
	await worker.stop();
});

test('doctor tells that a pooler is in the way, and of what', options, async () => {
	const path = `${database.cluster.directory}/doctor.ini`;
	const examine = async (dsns) => {
		await writeFile(path, ini({ database: dsns }));
		const worker = await program();
		return new Promise((resolve) => {
			execFile(worker, ['doctor', '--config', path], (error, stdout, stderr) => resolve({ code: error?.code ?? 0, output: stdout + stderr }));
		});
	};
	const pooled = database.pooled.cluster.dsn;
	const alone = await examine({ dsn: pooled });
	assert.match(alone.output, /^problem {2}\[database\] dsn goes through a connection pooler\n.*listen_dsn name a direct connection/m);
	assert.equal(alone.code, 69, alone.output);
	const both = await examine({ dsn: pooled, listen_dsn: database.cluster.dsn });
	assert.match(both.output, /^warning {2}\[database\] dsn goes through a connection pooler\n[^]*^ok {7}\[database\] listen_dsn reaches PostgreSQL/m);
	assert.ok(!/listen_dsn goes through/.test(both.output));
	assert.equal(both.code, 0, both.output);
	const direct = await examine({ dsn: database.cluster.dsn });
	assert.ok(!/pooler/.test(direct.output), direct.output);
});
