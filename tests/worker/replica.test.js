// A hot standby answers the questions; events, acknowledgements and signs of life stay with the primary.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { connect, eventually, finish, startDatabase, startWorker, trade } from './harness.js';

const run = promisify(execFile);
let database;
let standby;
let worker;

/** Programs of the server, run as the account that may. */
async function server(program, ...words) {
	const { stdout } = await run(process.env.PG_CONFIG ?? 'pg_config', ['--bindir']);
	const as = process.getuid() === 0 ? ['setpriv', ['--reuid', 'postgres', '--regid', 'postgres', '--clear-groups']] : ['env', []];
	const { cluster } = database;
	return run(as[0], [...as[1], `${stdout.trim()}/${program}`, ...words], { env: cluster.env, cwd: cluster.directory });
}

/** How many connections of that name a server has. */
const connections = (dsn, name) => run('psql', ['-XAtc', `SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%${name}%'`, dsn]).then(({ stdout }) => Number(stdout));

before(async () => {
	database = await startDatabase({ conf: { wal_level: 'replica', max_wal_senders: 4, hot_standby: 'on' } });
	const { cluster } = database;
	const data = `${cluster.directory}/standby`;
	await server('pg_basebackup', '-D', data, '-R', '-c', 'fast', '-d', 'dbname=postgres');
	await server('pg_ctl', '-D', data, '-l', `${data}/log`, '-o', '-p 5433', '-s', '-w', 'start');
	standby = { data, dsn: cluster.dsn.replace(/port=\S+/, 'port=5433') };
	worker = await startWorker(database, { config: { database: { read_dsn: standby.dsn } } });
});
after(() => finish(() => worker?.stop(), () => standby && server('pg_ctl', '-D', standby.data, '-s', '-w', '-m', 'immediate', 'stop'), () => database?.remove()));

const snapshot = async () => (await worker.get('/api/v1/snapshot')).json();
const replay = (verb) => run('psql', ['-Xqc', `SELECT pg_wal_replay_${verb}()`, standby.dsn]);

test('questions go to the standby, the rest to the primary', async () => {
	assert.notEqual(standby.dsn, database.cluster.dsn);
	await eventually('the connections stand', async () => await connections(standby.dsn, 'pulse-worker') >= 3);
	const last = await database.emit(trade(1), trade(2));
	await eventually('the snapshot has it', async () => (await snapshot()).seq === last);
	assert.equal((await worker.get('/api/v1/performance')).status, 200);
	assert.equal((await (await worker.get('/readyz')).json()).events, 'listening');
	await eventually('a sign of life at the primary', async () =>
		(await database.query(`SELECT FROM pulse.heartbeat WHERE component = 'worker'`)).length === 1);
});

test('a standby that is behind leaves no hole between the snapshot and the stream', async () => {
	await replay('pause');
	const last = await database.emit(trade(3));
	const client = await connect(worker);
	client.send({ type: 'REQUEST_SNAPSHOT' });
	const { seq } = await client.type('SNAPSHOT');
	const next = await database.emit(trade(4));
	await client.next((message) => message.seq === next && 'prev_seq' in message && message.type !== 'SNAPSHOT');
	const known = new Set(client.seqs());
	assert.ok(seq >= last || known.has(last), `the snapshot is of ${seq}, event ${last} never came`);
	await replay('resume');
	await client.close();
});

test('a standby that goes away is replaced by the primary, and used again when it is back', async () => {
	await server('pg_ctl', '-D', standby.data, '-s', '-w', '-m', 'immediate', 'stop');
	const last = await database.emit(trade(5));
	await eventually('the primary answers', async () => {
		const answer = await worker.get('/api/v1/snapshot');
		return answer.ok && (await answer.json()).seq === last;
	});
	await server('pg_ctl', '-D', standby.data, '-l', `${standby.data}/log`, '-o', '-p 5433', '-s', '-w', 'start');
	await eventually('the worker is back at the standby', async () => await connections(standby.dsn, 'pulse-worker') >= 1);
});
