// An account that uses most of what there is, what can be asked about it, and values that versions have stored.

/** Statements that fill a database with the extension; two tables, one of them attached, late rows, settings, rules. */
export const account = [
	'SELECT pulse_setup()',
	`CREATE TABLE fills (nr integer PRIMARY KEY, acct text, pair text, side text, amount numeric, price numeric, filled timestamp)`,
	`SELECT pulse_attach('fills', 'trades', '{"id": "nr", "portfolio": "acct", "symbol": "pair", "quantity": "amount", "executed_at": "filled"}', timezone => 'Europe/Berlin')`,
	`CREATE TABLE kept (summary pulse_summary, bytes bytea)`,
	`SELECT pulse_config_set('performance.target_annual_return', 0.3), pulse_config_set('reports.timezone', 'Europe/Berlin', 'testing')`,
	`SELECT pulse_alert_rule_set('deep', metric => 'current_drawdown', comparator => '>', warning => 0.01, critical => 0.05)`,
	`SELECT pulse_register_metric('answer', 'SELECT 42')`,
	`SELECT pulse_mark('ETHUSDT', 105), pulse_dust_set('*USDT', value => 1)`,
	`INSERT INTO trades (symbol, side, quantity, price, fee, executed_at, strategy)
		SELECT (ARRAY['BTCUSDT', 'ETHUSDT'])[1 + i % 2], CASE WHEN (i / 2) % 2 = 0 THEN 'BUY' ELSE 'SELL' END, 1 + i % 3, 100 + i % 7, 0.1, '2026-01-01Z'::timestamptz + i * interval '3 hours', 'trend' FROM generate_series(0, 59) i`,
	`INSERT INTO fills SELECT i, 'desk', 'SOLUSDT', CASE WHEN i % 2 = 0 THEN 'SELL' ELSE 'BUY' END, 2, 20 + i, '2026-01-05'::timestamp + i * interval '1 hour' FROM generate_series(1, 20) i`,
	`INSERT INTO portfolio_snapshots (ts, total_value, cash_balance, net_flow)
		SELECT '2026-01-01Z'::timestamptz + i * interval '1 hour', 10000 + 40 * (i % 11) - i + CASE WHEN i >= 200 THEN 500 ELSE 0 END, 500, CASE WHEN i = 200 THEN 500 ELSE 0 END FROM generate_series(0, 400) i`,
	`INSERT INTO kept SELECT pulse_summary(ts, total_value, net_flow) FROM portfolio_snapshots GROUP BY date_trunc('day', ts)`,
	`UPDATE kept SET bytes = pulse.summary_send(summary)`,
	`INSERT INTO trades (symbol, side, quantity, price, executed_at) VALUES ('BTCUSDT', 'BUY', 0.5, 99, '2026-01-02 12:34Z')`,
	`SELECT pulse_heartbeat('strategy', 'HEALTHY', '{"positions": 2}'), pulse_model_report('trend', '3', '{"accuracy": 0.6}')`,
];

/** Whether everything about that account has been booked, announced, summed up and judged. */
export const settled = `SELECT NOT EXISTS (SELECT FROM pulse.dirty) AND NOT EXISTS (SELECT FROM pulse.metric_dirty) AND NOT EXISTS (SELECT FROM pulse.performance_due)
	AND NOT EXISTS (SELECT FROM pulse.fill WHERE event_seq IS NULL) AND EXISTS (SELECT FROM pulse.alert WHERE rule = 'deep' AND state = 'firing' AND level = 2)`;

/** Everything that an update must leave as it is, by name. */
export async function figures(query) {
	const questions = {
		performance: `SELECT to_jsonb(p) - 'ts' AS p FROM pulse_performance('main') p`,
		drawdowns: `SELECT to_jsonb(d) || jsonb_build_object('depth', round(d.depth::numeric, 12)) AS d FROM pulse_drawdowns(5, 'main') d`,
		positions: `SELECT to_jsonb(p) AS p FROM pulse_positions() p WHERE portfolio <> 'busy' ORDER BY p.portfolio, p.symbol`,
		closed: `SELECT to_jsonb(c) AS c FROM pulse_closed_trades() c WHERE portfolio <> 'busy' ORDER BY c.closed_at, c.symbol, to_jsonb(c)::text`,
		events: `SELECT to_jsonb(e) AS e FROM pulse.event e WHERE type = 'TRADE_ALERT' AND portfolio <> 'busy' ORDER BY seq`,
		alerts: `SELECT to_jsonb(a) - 'updated_at' AS a FROM pulse_alerts('all') a WHERE coalesce(portfolio, '') <> 'busy' AND rule = 'deep' ORDER BY alert_id`,
		rules: `SELECT to_jsonb(r) AS r FROM pulse.alert_rule r ORDER BY name`,
		config: `SELECT to_jsonb(c) AS c FROM pulse.config c ORDER BY key, environment`,
		history: `SELECT to_jsonb(c) AS c FROM pulse.config_history c ORDER BY 1`,
		sources: `SELECT to_jsonb(s) - 'polled_at' AS s FROM pulse.source s ORDER BY source_id`,
		summaries: `SELECT summary::text FROM kept WHERE bytes IS NOT NULL ORDER BY 1`,
		state: `SELECT portfolio, hours, bucket, summary::text FROM pulse.metric_state ORDER BY 1, 2, 3`,
		registrations: `SELECT kind, name, query FROM pulse.registration ORDER BY 1, 2`,
		monthly: `SELECT to_jsonb(m) AS m FROM pulse_monthly_returns('main') m`,
		epoch: 'SELECT epoch FROM pulse.sequencer',
	};
	const answers = {};
	for (const [name, sql] of Object.entries(questions)) answers[name] = await query(sql);
	return answers;
}

/** Summaries as a version stored them, with what they say. */
export const golden = {
	'1.0.0': [
		['\\x5053010000000001000000141dd7600000000000000023aa00000000000000020002cda28dc030000002cda79536080040592000000000004058c000000000003ff000000000000000000000000000003ff0000000000000000000000000000040592000000000004058c000000000000002cda28dc030003f8e9131abf0b7670000000000000000',
			{ n_snapshots: 2, total_return: -0.014925373134328358, max_drawdown: 0.014925373134328358, volatility: null }],
		// two days, a deposit on the second
		['\\x5053010000000002000000141dd76000'
			+ '00000000000023aa00000000000000010002cda28dc030000002cda28dc0300040590000000000004059000000000000'
			+ '3ff000000000000000000000000000003ff00000000000000000000000000000405900000000000040590000000000000002cda28dc0300000000000000000000000000000000000'
			+ '00000000000023ab00000000000000010002cdb6ab9790000002cdb6ab97900040640000000000004064000000000000'
			+ '3fe600000000000040490000000000003ff00000000000000000000000000000406400000000000040640000000000000002cdb6ab9790000000000000000000' + '0000000000000000',
			{ n_snapshots: 2, total_return: 0.10000000000000009, max_drawdown: 0, volatility: null }],
	],
};
