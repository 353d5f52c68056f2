// A private PostgreSQL cluster for a node test: tests/lib/cluster.sh, held for as long as this process lives.
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('cluster.sh', import.meta.url));
const run = promisify(execFile);

/**
 * Starts a cluster with the extension staged in it. It goes when remove() is called or this process ends, however.
 * @param {{preload?: boolean, database?: string, conf?: Record<string, string|number>, stage?: boolean, tree?: string, pgConfig?: string}} [options]
 *   conf: settings for postgresql.conf; database: created and made the default one; stage: false for a bare server;
 *   tree, pgConfig: another checkout, for another server
 */
export async function startCluster({ preload = false, database, conf = {}, stage = true, tree, pgConfig } = {}) {
	const options = [
		...(preload ? ['--preload'] : []),
		...(stage ? [] : ['--no-stage']),
		...(database ? ['--database', database] : []),
		...Object.entries(conf).flatMap(([name, value]) => ['--conf', `${name}=${value}`]),
	];
	// The command prints its environment, then lives until our end of its standard input closes.
	const holder = spawn(tree ? join(tree, 'tests/lib/cluster.sh') : script, ['run', ...options, '--', 'sh', '-c', 'env -0; printf "\\0\\n"; exec cat'],
		{ stdio: ['pipe', 'pipe', 'inherit'], env: pgConfig ? { ...process.env, PG_CONFIG: pgConfig } : process.env });
	const gone = new Promise((resolve) => holder.once('exit', resolve));
	const lines = createInterface({ input: holder.stdout });
	const printed = new Promise((resolve) => {
		let text = '';
		lines.on('line', (line) => {
			text += `${line}\n`;
			if (line.endsWith('\0')) resolve(text);
		});
	});
	const text = await Promise.race([printed, gone]);
	if (typeof text !== 'string') throw new Error('the cluster did not start; see above');
	const env = { ...process.env, ...(pgConfig ? { PG_CONFIG: pgConfig } : {}) };
	for (const entry of text.split('\0')) {
		const [name, ...value] = entry.split('=');
		if (/^(PG[A-Z]+|PULSE_CLUSTER)$/.test(name)) env[name] = value.join('=');
	}
	const act = (...words) => run(script, words, { env }).then(({ stdout }) => stdout);
	return {
		/** environment for programs that shall use this cluster */
		env,
		directory: env.PULSE_CLUSTER,
		/** options for new pg.Client(…) or new pg.Pool(…) */
		connection: { host: env.PGHOST, port: Number(env.PGPORT), user: env.PGUSER, database: env.PGDATABASE },
		/** libpq connection string, for the worker's [database] dsn */
		dsn: `host=${env.PGHOST} port=${env.PGPORT} user=${env.PGUSER} dbname=${env.PGDATABASE}`,
		start: () => act('start'),
		/** @param {'fast'|'smart'|'immediate'} [mode] */
		stop: (mode = 'fast') => act('stop', mode),
		restart: (mode = 'fast') => act('restart', mode),
		/** SIGKILL to every process of the server */
		crash: () => act('crash'),
		/** the server's log so far */
		log: () => act('log'),
		async remove() {
			holder.stdin.end();
			await gone;
		},
	};
}
