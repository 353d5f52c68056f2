// A restart of the server between any two steps of an alert's life changes nothing: the same story in one session and with restarts.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import pg from 'pg';
import { startCluster } from '../lib/cluster.js';

const START = Date.parse('2030-03-04T00:00:00Z');
const at = (minutes) => new Date(START + minutes * 60_000).toISOString();

/** What happens, in minutes of simulated time: a drawdown, or what a person does. */
const STORY = [
	[0, 0.05], [1, 0.12], [2, 0.12], [6, 0.13], [8, 0.25], [9, 0.25], [20, 0.25],
	[21, `SELECT pulse_ack(max(alert_id), 'anna', 'I look') FROM pulse.alert`],
	[25, 0.15], [30, 0.15], [35, 0.01], [60, 0.02], [70, 0.3],
	[71, `SELECT pulse_silence('{"rule": "dd"}', '${at(90)}', 'ben', 'known', starts_at => '${at(71)}')`],
	[72, 0.31], [95, 0.32], [130, 0.33], [140, 0.01], [200, 0.01],
];

const HISTORY = `SELECT coalesce(string_agg(concat_ws(' ', CASE WHEN h.at < '2031-01-01' AND h.at > '2030-01-01' THEN h.at END, h.transition, h.state, h.severity, h.portfolio, h.title, h.value),
	E'\\n' ORDER BY h.history_id), '') AS text FROM pulse.alert_history h`;
const TOLD = `SELECT coalesce(string_agg(concat_ws(' ', d.priority, d.title, d.status, d.duplicates), E'\\n' ORDER BY d.delivery_id), '') AS text FROM pulse.delivery d`;

/** Lives the story on a server of its own; returns what was recorded and what people were told. */
async function live(betweenSteps) {
	const cluster = await startCluster({ database: 'trading' });
	let client;
	const connect = async () => {
		client = new pg.Client(cluster.connection);
		client.on('error', () => {});
		await client.connect();
	};
	try {
		await connect();
		await client.query('CREATE EXTENSION pulse');
		await client.query('SELECT pulse_setup()');
		await client.query('UPDATE pulse.job SET enabled = false');
		await client.query('DELETE FROM pulse.alert_rule');
		await client.query(`SELECT pulse_alert_rule_set('dd', metric => 'current_drawdown', warning => 0.1, critical => 0.2, hysteresis => 0.02,
			hold => '2 minutes', remind_every => '10 minutes', escalate_after => '10 minutes')`);
		for (const [minutes, what] of STORY) {
			if (typeof what === 'number') {
				await client.query(`INSERT INTO pulse.performance_state AS s (portfolio, computed_at, version, reader, ts, total_value, current_drawdown, total_trades)
					VALUES ('main', $1::timestamptz, nextval('pulse.performance_version'), 10, $1::timestamptz, 1000, $2, 0)
					ON CONFLICT (portfolio) DO UPDATE SET current_drawdown = excluded.current_drawdown, version = excluded.version, ts = excluded.ts`, [at(minutes), what]);
			} else {
				await client.query(what);
			}
			await client.query('SELECT pulse.evaluate_alerts($1)', [at(minutes)]);
			await betweenSteps(cluster, async () => {
				await client.end().catch(() => {});
				await connect();
			});
		}
		const { rows: [history] } = await client.query(HISTORY);
		const { rows: [told] } = await client.query(TOLD);
		return { history: history.text, told: told.text };
	} finally {
		await client?.end().catch(() => {});
		await cluster.remove();
	}
}

describe('the life of an alert', () => {
	test('is the same whatever restarts', async () => {
		const calm = await live(async () => {});
		assert.match(calm.told, /CRITICAL/);
		let step = 0;
		const restless = await live(async (cluster, reconnect) => {
			await cluster.restart(step++ % 2 === 0 ? 'immediate' : 'fast');
			await reconnect();
		});
		assert.equal(restless.history, calm.history);
		assert.equal(restless.told, calm.told);
	});
});
