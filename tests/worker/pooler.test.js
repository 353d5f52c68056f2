// Behind a pooler in transaction mode LISTEN is lost without a word; from outside one in session mode looks the same: the
// worker notices and polls, and bots may go through either.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';
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
trading_session = host=${host} port=${port} dbname=trading pool_mode=session pool_size=20
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
	const through = (name) => ({ cluster: { ...cluster, dsn: cluster.dsn.replace(/host=\S+ port=\S+/, `host=${directory} port=6432`).replace('dbname=trading', `dbname=${name}`), connection: { ...cluster.connection, host: directory, port: 6432, database: name } } });
	database.pooled = through('trading');
	database.session = through('trading_session');
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

test('in session mode the same: nobody can tell the two modes apart from outside', options, async () => {
	const alone = await startWorker(database.session);
	await alone.logged(/goes through a pooler.*polling every second.*listen_dsn/);
	const client = await connect(alone);
	const last = await database.emit(trade(4));
	await client.next((message) => message.seq === last && 'prev_seq' in message);
	await client.close();
	await alone.stop();
	const beside = await startWorker(database.session, { config: { database: { listen_dsn: database.cluster.dsn } } });
	assert.equal((await (await beside.get('/readyz')).json()).events, 'listening');
	assert.equal((await beside.get('/api/v1/snapshot')).status, 200);
	await beside.stop();
});

test('bots go through the pooler in either mode: what several of them insert at a time is all booked', options, async () => {
	await database.query('SELECT pulse_setup()');
	for (const [mode, { cluster: { connection } }] of Object.entries({ transaction: database.pooled, session: database.session })) {
		const bots = await Promise.all(Array.from({ length: 5 }, async () => {
			const bot = new pg.Client(connection);
			await bot.connect();
			return bot;
		}));
		// five clients over three sessions of the server: statements of one bot come from several sessions
		await Promise.all(bots.map(async (bot, number) => {
			for (let i = 0; i < 10; i++) {
				if (i % 3 === 0) await bot.query('BEGIN');
				await bot.query('INSERT INTO trades (portfolio, symbol, side, quantity, price) VALUES ($1, $2, $3, 1, 100)', [mode, `S${number}`, 'BUY']);
				if (i % 3 === 2) await bot.query(i === 5 ? 'ROLLBACK' : 'COMMIT');
			}
			await bot.query('COMMIT');
			await bot.end();
		}));
		await eventually(`the ledger has what came in ${mode} mode`, async () => {
			await database.query('SELECT pulse_tick()');
			return (await database.query('SELECT FROM pulse.dirty')).length === 0;
		});
		assert.deepEqual(await database.query('SELECT symbol, quantity::integer FROM pulse_positions(portfolio => $1) ORDER BY symbol', [mode]), bots.map((_, number) => ({ symbol: `S${number}`, quantity: 7 })));
		assert.deepEqual(await database.query('SELECT * FROM pulse_verify()'), []);
	}
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
