// pg_upgrade of a cluster with Pulse preloaded: between the major versions that are here, else within the one there is.
// OLD_BINDIR and NEW_BINDIR choose.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startCluster } from '../lib/cluster.js';
import { query, until, value } from '../background_worker/support.js';
import { account, figures, settled } from './account.js';

const run = promisify(execFile);
const top = fileURLToPath(new URL('../..', import.meta.url));
const chosen = process.env.PG_CONFIG && process.env.PG_CONFIG !== 'pg_config';
const own = (await run(process.env.PG_CONFIG || 'pg_config', ['--bindir'])).stdout.trim();

/** Directories of programs of the servers that the extension can be built for here, oldest first. */
async function servers() {
	const majors = (await readdir('/usr/lib/postgresql').catch(() => [])).map(Number).filter(Boolean).sort((a, b) => a - b);
	const found = [];
	for (const major of majors) {
		const bin = `/usr/lib/postgresql/${major}/bin`;
		if (!['postgres', 'pg_upgrade', 'pg_config'].every((name) => existsSync(join(bin, name)))) continue;
		if (existsSync((await run(`${bin}/pg_config`, ['--pgxs'])).stdout.trim())) found.push(bin);
	}
	return found;
}

async function directions() {
	if (process.env.OLD_BINDIR || process.env.NEW_BINDIR) return [[process.env.OLD_BINDIR ?? own, process.env.NEW_BINDIR ?? own]];
	const all = chosen ? [] : await servers();
	return all.length > 1 ? all.slice(1).map((bin, i) => [all[i], bin]) : [[own, own]];
}

const name = (bin) => /postgresql\/(\d+)\//.exec(bin)?.[1] ?? bin;

for (const [from, to] of await directions()) {
	describe(`pg_upgrade from ${name(from)} to ${name(to)}`, { skip: existsSync(join(to, 'pg_upgrade')) ? false : `no pg_upgrade in ${to}` }, () => {
		let cluster;
		let was;
		let scratch;

		/** A tree in which the extension can be built for a server without meeting objects for another one. */
		const tree = async (bin) => {
			if (bin === own) return top;
			const copy = join(scratch, name(bin));
			await mkdir(join(copy, 'tests'), { recursive: true });
			const wanted = (source) => !/\.(o|so|bc)$|node_modules/.test(source);
			for (const part of ['extension', 'tests/lib', 'sql', 'expected']) await cp(join(top, part), join(copy, part), { recursive: true, filter: wanted });
			return copy;
		};
		/** Runs a program as the account that the cluster belongs to. */
		const as = (words, env = cluster.env) => run('bash', ['-c', 'source "$1"; trap - EXIT; shift; cluster_as_user "$@"', 'sh', join(top, 'tests/lib/cluster.sh'), ...words],
			{ env, maxBuffer: 1 << 24 }).catch((error) => { throw new Error(`${error.message}\n${error.stdout}\n${error.stderr}`); });

		before(async () => {
			scratch = await mkdtemp(join(tmpdir(), 'pulse-pg-upgrade.'));
			cluster = await startCluster({ tree: await tree(from), pgConfig: join(from, 'pg_config'), preload: true, database: 'trading', conf: { 'pulse.databases': 'trading' } });
			await query(cluster, 'CREATE EXTENSION pulse');
			for (const statement of account) await query(cluster, statement);
			await until('everything is booked and judged', () => value(cluster, settled), 120);
			await query(cluster, 'SELECT pulse_tick()');
			was = await figures((sql) => query(cluster, sql));
			// not booked yet when the server stops
			await query(cluster, `BEGIN; SELECT pulse_worker_stop(); INSERT INTO trades (portfolio, symbol, side, quantity, price) VALUES ('late', 'DOTUSDT', 'BUY', 1, 7); COMMIT`);
			await cluster.stop();
		});
		after(async () => {
			if (cluster) await as([join(to, 'pg_ctl'), '-D', join(cluster.directory, 'new'), '-s', '-w', '-m', 'immediate', 'stop']).catch(() => {});
			await cluster?.remove();
			if (scratch) await rm(scratch, { recursive: true, force: true });
		});

		test('goes through with Pulse preloaded in both', async () => {
			const stage = join(cluster.directory, 'stage-new');
			await run('flock', [join(top, '.build/stage.lock'), 'make', '-s', '-j2', '-C', join(await tree(to), 'extension'), 'install', `DESTDIR=${stage}`, 'with_llvm=no', `PG_CONFIG=${join(to, 'pg_config')}`],
				{ maxBuffer: 1 << 24 });
			await run('chmod', ['-R', 'a+rX', stage]);
			const data = join(cluster.directory, 'new');
			await as([join(to, 'initdb'), '-D', data, '-U', 'postgres', '-A', 'trust', '--locale=C', '--encoding=UTF8', '--no-sync', '--no-instructions',
				...(Number(name(to)) >= 18 && Number(name(from)) < 18 ? ['--no-data-checksums'] : [])]);
			const ask = async (what) => (await run(join(to, 'pg_config'), [what])).stdout.trim();
			await appendFile(join(data, 'postgresql.conf'), [`listen_addresses = ''`, `unix_socket_directories = '${cluster.directory}/socket'`, 'port = 5432', 'fsync = off',
				`timezone = 'UTC'`, 'max_connections = 60', `dynamic_library_path = '${stage}${await ask('--pkglibdir')}:$libdir'`,
				Number(name(to)) >= 18 ? `extension_control_path = '${stage}${await ask('--sharedir')}:$system'` : `extension_destdir = '${stage}'`,
				`shared_preload_libraries = 'pulse'`, `pulse.databases = 'trading'`, ''].join('\n'));
			const { PGPORT, PGHOST, PGDATABASE, ...env } = cluster.env;
			await as([join(to, 'pg_upgrade'), '-b', from, '-B', to, '-d', join(cluster.directory, 'data'), '-D', data, '-U', 'postgres', '-s', join(cluster.directory, 'socket')], env);
			await as([join(to, 'pg_ctl'), '-D', data, '-l', join(cluster.directory, 'new.log'), '-s', '-w', '-t', '60', 'start']);
			assert.equal(await value(cluster, 'SHOW shared_preload_libraries'), 'pulse');
		});

		test('leaves figures, positions, closed trades, events, alerts and settings as they were', async () => {
			const is = await figures((sql) => query(cluster, sql));
			assert.deepEqual({ ...is, positions: is.positions.filter(({ p }) => p.portfolio !== 'late'), epoch: '' }, { ...was, epoch: '' });
		});

		test('and the engine goes on: what was not booked is, once, and nothing is told again', async () => {
			await query(cluster, 'SELECT pulse_worker_start()');
			await query(cluster, `INSERT INTO trades (portfolio, symbol, side, quantity, price) VALUES ('late', 'DOTUSDT', 'SELL', 1, 8)`);
			await until('both trades of that portfolio are announced', async () =>
				await value(cluster, `SELECT count(*)::int FROM pulse.event WHERE type = 'TRADE_ALERT' AND portfolio = 'late'`) === 2, 120);
			// another incarnation of the database: clients that resume are told so
			assert.notEqual(await value(cluster, 'SELECT epoch FROM pulse.sequencer'), was.epoch);
			assert.deepEqual(await query(cluster, `SELECT portfolio, data ->> 'id' AS id FROM pulse.event WHERE type = 'TRADE_ALERT' GROUP BY 1, 2 HAVING count(*) > 1`), []);
			assert.equal(await value(cluster, `SELECT net_pnl::int FROM pulse_closed_trades() WHERE portfolio = 'late'`), 1);
			assert.deepEqual(await query(cluster, 'SELECT * FROM pulse_verify()'), []);
			await until('no job fails', () => value(cluster, 'SELECT NOT EXISTS (SELECT FROM pulse.job WHERE failing > 0)'), 120);
			assert.equal(await value(cluster, 'SELECT count(*)::int FROM kept WHERE pulse.summary_send(summary) <> bytes'), 0);
		});
	});
}
