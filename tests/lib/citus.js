// A cluster of Citus for a node test: a coordinator and nodes, which find each other through their sockets.
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';
import { startCluster } from './cluster.js';
import { query } from '../background_worker/support.js';

const run = promisify(execFile);

/** Whether the server has the library of Citus. */
export async function citusInstalled() {
	const { stdout } = await run(process.env.PG_CONFIG ?? 'pg_config', ['--pkglibdir']);
	return access(`${stdout.trim()}/citus.so`).then(() => true, () => false);
}

/**
 * Starts a coordinator and nodes, all with the extensions citus and pulse; only the coordinator has a background worker.
 * @param {{nodes?: number, conf?: Record<string, string|number>, coordinator?: Record<string, string|number>}} [options]
 *   conf: settings of all servers; coordinator: more of its own
 * @returns the coordinator, as startCluster() gives it; its property nodes has the others, and remove() removes all
 */
export async function startCitus({ nodes: count = 2, conf = {}, coordinator: own = {} } = {}) {
	const started = [];
	const remove = () => Promise.all(started.map((cluster) => cluster.remove()));
	try {
		for (let i = 0; i <= count; i++) {
			const cluster = await startCluster({ database: 'one', conf: {
				shared_preload_libraries: 'citus,pulse', max_connections: 150, max_prepared_transactions: 50, 'citus.enable_statistics_collection': 'off',
				...conf, ...(i === 0 ? { 'pulse.databases': 'one', ...own } : {}) } });
			started.push(cluster);
			await query(cluster, 'CREATE EXTENSION citus');
		}
		const [coordinator, ...nodes] = started;
		const address = ({ connection }) => [connection.host, connection.port];
		await query(coordinator, 'SELECT citus_set_coordinator_host($1, $2)', address(coordinator));
		for (const node of nodes) await query(coordinator, 'SELECT citus_add_node($1, $2)', address(node));
		await query(coordinator, 'CREATE EXTENSION pulse');
		return { ...coordinator, nodes, remove };
	} catch (error) {
		await remove();
		throw error;
	}
}

/** Makes the two tables of pulse_setup(), distributed and followed by polling. */
export async function distributeTables(coordinator) {
	await query(coordinator, `SELECT pulse_setup(); SELECT pulse_detach('portfolio_snapshots'); SELECT pulse_detach('trades')`);
	// polling asks for what is new, of whatever portfolio
	await query(coordinator, 'CREATE INDEX ON portfolio_snapshots (ts); CREATE INDEX ON trades (executed_at)');
	await query(coordinator, `SELECT create_distributed_table('portfolio_snapshots', 'portfolio')`);
	await query(coordinator, `SELECT create_distributed_table('trades', 'portfolio', colocate_with => 'portfolio_snapshots')`);
	await query(coordinator, `SELECT pulse_attach('portfolio_snapshots', 'snapshots', capture => 'poll')`);
	await query(coordinator, `SELECT pulse_attach('trades', 'trades', capture => 'poll')`);
}
