// From every earlier version to this one, in a database that is in use: the same objects as a new installation has, the
// same figures as before, and until the update is run the new library serves the old objects.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { startCluster } from '../lib/cluster.js';
import { query, until, value } from '../background_worker/support.js';
import { account, figures, golden, settled } from './account.js';

const run = promisify(execFile);
const extension = new URL('../../extension/', import.meta.url);
const current = /^default_version = '(.*)'/m.exec(await readFile(new URL('pulse.control', extension), 'utf8'))[1];
const servedName = (version) => `served_${version.replaceAll('.', '_')}`;
const frozen = (await readdir(new URL('upgrade/', extension))).map((name) => /^pulse--([0-9.]+)\.sql$/.exec(name)?.[1]).filter(Boolean);

let cluster;
const catalogue = async (database) => {
	const { stdout } = await run('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', database, '-f', fileURLToPath(new URL('../lib/catalogue.sql', import.meta.url))],
		{ env: { ...cluster.env, PGOPTIONS: '-c search_path=pg_catalog' }, maxBuffer: 1 << 26 });
	return stdout.split(/\n(?=[a-z_ ]+ )/);
};
const create = async (database, ...statements) => {
	await query(cluster, `CREATE DATABASE ${database}`, [], 'postgres');
	for (const statement of statements) await query(cluster, statement, [], database);
};
/** No job and no cycle fails, but for one that met the update's locks or a slow machine: that is tried again. */
const healthy = async (database) => {
	const harmless = /(lock|statement) timeout|deadlock detected/;
	await until('no job fails', () => value(cluster, 'SELECT NOT EXISTS (SELECT FROM pulse.job WHERE failing > 0)', [], database), 120);
	for (const { name, last_error: error } of await query(cluster, `SELECT name, last_error FROM pulse.job WHERE failures > 0
		UNION ALL SELECT 'cycle', last_error FROM pulse.worker WHERE errors > 0`, [], database)) assert.match(error, harmless, name);
};
/** What is in one text and not in the other, as some lines that tell which. */
const difference = (got, expected) => [
	...got.filter((line) => !expected.includes(line)).map((line) => `only here: ${line.slice(0, 400)}`),
	...expected.filter((line) => !got.includes(line)).map((line) => `missing: ${line.slice(0, 400)}`),
].slice(0, 40).join('\n');

before(async () => {
	cluster = await startCluster({ preload: true, conf: { 'pulse.databases': frozen.map(servedName).join(',') } });
	await create('fresh', 'CREATE EXTENSION pulse');
	await create('elsewhere', 'CREATE SCHEMA "The Tools"; CREATE EXTENSION pulse SCHEMA "The Tools"');
});
after(() => cluster?.remove());

test('there is an earlier version, and a way from each to this one', async () => {
	assert.ok(frozen.length > 0);
	assert.ok(!frozen.includes(current), `extension/upgrade/pulse--${current}.sql would be installed over the one that is built`);
	const paths = await query(cluster, `SELECT source, path FROM pg_extension_update_paths('pulse') WHERE target = $1 AND path IS NOT NULL`, [current], 'postgres');
	assert.deepEqual(paths.map(({ source }) => source).sort(), [...frozen].sort());
});

for (const version of frozen) {
	const name = version.replaceAll('.', '_');
	const served = servedName(version);

	describe(`${version}, with the library of ${current}`, () => {
		let was;

		before(async () => {
			await create(served, `CREATE EXTENSION pulse VERSION '${version}'`, ...account);
			// the background worker is on its own here; a cycle by hand waits for it
			await until('everything is booked and judged', () => value(cluster, settled, [], served), 120);
			await query(cluster, 'SELECT pulse_tick()', [], served);
		});

		test('has a symbol in the library for every function', async () => {
			const rows = await query(cluster, `SELECT p.oid::regprocedure AS name, p.prosrc, p.probin FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'c'
				JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pulse')`, [], served);
			assert.ok(rows.length > 100, `${rows.length}`);
			// the validator of the language looks each one up
			await query(cluster, `SELECT pg_catalog.fmgr_c_validator(p.oid) FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'c'
				JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pulse')`, [], served);
			assert.deepEqual([...new Set(rows.map(({ probin }) => probin))], ['pulse']);
		});

		test('answers every question that needs no answer first', async () => {
			const functions = await query(cluster, `SELECT p.oid::regproc::text AS name FROM pg_proc p
				JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pulse')
				WHERE p.pronargs = p.pronargdefaults AND p.prokind = 'f' AND p.provolatile <> 'v' AND p.prorettype NOT IN ('trigger'::regtype, 'internal'::regtype)
					AND p.proargtypes::text !~ '\\m2281\\M' ORDER BY 1`, [], served);
			assert.ok(functions.length > 40, `${functions.length}`);
			const failed = [];
			for (const { name: asked } of functions) {
				await query(cluster, `SELECT * FROM ${asked}()`, [], served).catch((error) => {
					// what asks for an argument says so; what does not exist, or does not fit, does not
					if (error.code !== '22023') failed.push(`${asked}: ${error.code} ${error.message}`);
				});
			}
			assert.deepEqual(failed, []);
		});

		test('follows what happens: trades, snapshots, alerts, health', async () => {
			const [status] = await query(cluster, 'SELECT * FROM pulse_worker_status()', [], served);
			assert.equal(status.state, 'running', JSON.stringify(status));
			await healthy(served);
			assert.deepEqual(await query(cluster, 'SELECT * FROM pulse_verify()', [], served), []);
			assert.ok(await value(cluster, `SELECT count(*)::int FROM pulse.event WHERE type = 'TRADE_ALERT'`, [], served) > 0);
			assert.ok(await value(cluster, `SELECT count(*)::int FROM pulse.alert`, [], served) > 0);
		});

		test('reads the summaries that version stored', async () => {
			for (const [text, expected] of golden[version]) {
				await query(cluster, 'INSERT INTO kept VALUES ($1)', [text], served);
				assert.deepEqual((await query(cluster, `SELECT (m).n_snapshots::int, (m).total_return, (m).max_drawdown, (m).volatility FROM (SELECT pulse_metrics(summary) AS m FROM kept WHERE summary::text = $1) k`,
					[text], served))[0], expected);
			}
		});

		test('is not updated while the server still runs the old library', async () => {
			await create(`early_${name}`, `CREATE EXTENSION pulse VERSION '${version}'`, `CREATE OR REPLACE FUNCTION pulse_version() RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT '${version}' $$`);
			await assert.rejects(query(cluster, 'ALTER EXTENSION pulse UPDATE', [], `early_${name}`), (error) => {
				assert.equal(error.code, '55000');
				assert.match(error.message, new RegExp(`still runs the library of Pulse ${version.replaceAll('.', '\\.')}`));
				assert.match(error.hint, /Restart the server/);
				return true;
			});
		});

		test('is updated while trades come in, and nothing is lost or told twice', async () => {
			was = await figures((sql) => query(cluster, sql, [], served));
			let stop = false;
			let inserted = 0;
			const load = (async () => {
				while (!stop) {
					await query(cluster, `INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES ('busy', 'ADAUSDT', CASE WHEN $1::int % 2 = 0 THEN 'BUY' ELSE 'SELL' END, 1, 100 + $1::int, now())`, [inserted], served);
					inserted++;
				}
			})();
			await until('some trades', () => inserted > 5);
			await query(cluster, 'ALTER EXTENSION pulse UPDATE', [], served);
			const seen = inserted;
			await until('some more trades', () => inserted > seen + 5);
			stop = true;
			await load;
			assert.equal(await value(cluster, `SELECT extversion FROM pg_extension WHERE extname = 'pulse'`, [], served), current);
			await until('every trade has been announced', async () =>
				await value(cluster, `SELECT count(*)::int FROM pulse.event WHERE type = 'TRADE_ALERT' AND portfolio = 'busy'`, [], served) === inserted, 120);
			assert.equal(await value(cluster, 'SELECT (max(seq) - min(seq) + 1 - count(*))::int FROM pulse.event', [], served), 0);
			await healthy(served);
		});

		test('has then the same objects as a new installation', async () => {
			assert.deepEqual(difference(await catalogue(served), await catalogue('fresh')), '');
		});

		test('and the same figures, positions, alerts, events and settings as before', async () => {
			assert.deepEqual(await figures((sql) => query(cluster, sql, [], served)), was);
			assert.deepEqual(await query(cluster, 'SELECT * FROM pulse_verify()', [], served), []);
		});

		test('and reads the summaries that were stored before', async () => {
			for (const [text, expected] of golden[version]) {
				assert.deepEqual((await query(cluster, `SELECT (m).n_snapshots::int, (m).total_return, (m).max_drawdown, (m).volatility FROM (SELECT pulse_metrics(summary) AS m FROM kept WHERE summary::text = $1) k`,
					[text], served))[0], expected);
			}
			assert.equal(await value(cluster, `SELECT count(*)::int FROM kept k WHERE pulse.summary_send(k.summary) <> k.bytes`, [], served), 0);
			assert.ok(await value(cluster, 'SELECT count(*)::int FROM pulse.metric_state', [], served) > 0);
		});

		test('is updated in a schema of the user\'s choice too', async () => {
			await create(`moved_${name}`, `CREATE SCHEMA "The Tools"; CREATE EXTENSION pulse SCHEMA "The Tools" VERSION '${version}'`, 'ALTER EXTENSION pulse UPDATE');
			assert.deepEqual(difference(await catalogue(`moved_${name}`), await catalogue('elsewhere')), '');
		});

		test('and dumped, it restores to this version', async () => {
			const dump = (await run('pg_dump', ['-d', served], { env: cluster.env, maxBuffer: 1 << 27 })).stdout;
			await create(`restored_${name}`);
			await new Promise((resolve, reject) => {
				const child = execFile('psql', ['-Xq', '-v', 'ON_ERROR_STOP=1', '-d', `restored_${name}`], { env: cluster.env, maxBuffer: 1 << 26 }, (error, _, stderr) => (error ? reject(new Error(stderr)) : resolve()));
				child.stdin.end(dump);
			});
			assert.deepEqual(difference(await catalogue(`restored_${name}`), await catalogue('fresh')), '');
		});
	});
}
