-- The rules that Pulse brings along: each fires at its thresholds, through the tick, from the user's own tables where it can.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(26);

SELECT is((SELECT count(*)::int FROM pulse.alert_rule), 0, 'before there is anything to watch there are no rules');
SELECT pulse_setup();
SELECT is((SELECT string_agg(DISTINCT kind, ' ' ORDER BY kind) FROM pulse_alert_rules() WHERE enabled), 'PERFORMANCE RISK SYSTEM TRADE', 'then there are some of every kind');
SELECT is((SELECT count(*)::int FROM pulse_alert_rules()), 20, 'twenty');
SELECT pulse_alert_rule_drop('poor_win_rate');
CREATE TABLE more (ts timestamptz, total_value numeric);
SELECT pulse_attach('more', 'snapshots');
SELECT is((SELECT count(*)::int FROM pulse_alert_rules()), 19, 'what was dropped does not come back with the next table');
SELECT is(pulse_alert_defaults(), 1::bigint, 'but when asked for');
SELECT pulse_detach('more');
UPDATE pulse.job SET enabled = false;

CREATE FUNCTION figures(portfolio text, figures jsonb) RETURNS void LANGUAGE sql AS $$
	INSERT INTO pulse.performance_state SELECT * FROM jsonb_populate_record(NULL::pulse.performance_state, figures || jsonb_build_object(
		'portfolio', portfolio, 'computed_at', now(), 'version', nextval('pulse.performance_version'), 'reader', 10, 'ts', now())) $$;
CREATE FUNCTION fired(portfolio text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(a.rule || ' ' || a.severity, ' ' ORDER BY a.rule), '') FROM pulse_alerts() a WHERE a.portfolio = fired.portfolio $$;
SELECT figures('fine', '{"current_drawdown": 0.099, "sharpe": 1, "volatility": 0.299, "win_rate": 0.5, "total_trades": 100, "daily_return": -0.0099, "var_95": 0.01, "total_value": 1000}');
SELECT figures('poor', '{"current_drawdown": 0.1, "sharpe": 0.99, "volatility": 0.3, "win_rate": 0.49, "total_trades": 100, "daily_return": -0.01, "var_95": 0.01, "total_value": 1000}');
SELECT figures('bad', '{"current_drawdown": 0.2, "sharpe": 0.49, "volatility": 0.5, "win_rate": 0.29, "total_trades": 100, "daily_return": -0.02, "var_95": 0.01, "total_value": 1000}');
SELECT figures('new', '{"win_rate": 0, "total_trades": 19, "total_value": 1000}');
INSERT INTO pulse.position (source_id, portfolio, symbol, quantity, cost, mark_price, mark_at)
	SELECT s.source_id, p.portfolio, p.symbol, p.quantity, 0, 1, now() FROM pulse.source s,
		(VALUES ('fine', 'A', 400), ('fine', 'B', 400), ('fine', 'C', -400), ('poor', 'A', 1000), ('poor', 'B', -1000), ('bad', 'A', 2700), ('bad', 'B', 300)) AS p (portfolio, symbol, quantity)
	WHERE s.kind = 'trades' AND s.state = 'active';
SELECT pulse.evaluate_alerts(now());
SELECT pulse.evaluate_alerts(now() + interval '25 hours');
SELECT is(fired('fine'), '', 'a portfolio within all limits');
SELECT is(fired('poor'), 'high_drawdown HIGH high_leverage HIGH high_volatility MEDIUM low_sharpe MEDIUM poor_win_rate MEDIUM position_concentration LOW var_breach HIGH', 'one at the warnings');
SELECT is(fired('bad'), 'high_drawdown CRITICAL high_leverage CRITICAL high_volatility HIGH low_sharpe HIGH poor_win_rate HIGH position_concentration HIGH var_breach CRITICAL', 'one at the critical thresholds');
SELECT is(fired('new'), '', 'too few trades to judge');
SELECT pulse_config_set('alerts.high_drawdown_warning', '0.15');
SELECT pulse_mark('A', 10), pulse_mark('B', 0.001), pulse_mark('C', 10);
UPDATE pulse.performance_state SET version = nextval('pulse.performance_version') WHERE portfolio = 'poor';
SELECT pulse.evaluate_alerts(now() + interval '26 hours');
SELECT pulse.evaluate_alerts(now() + interval '27 hours');
SELECT ok(fired('poor') NOT LIKE '%high_drawdown%', 'thresholds are settings');
SELECT is(fired('fine'), 'high_leverage CRITICAL', 'a price that was told changes leverage without a trade');
SELECT is(fired('poor'), 'high_leverage CRITICAL high_volatility MEDIUM low_sharpe MEDIUM poor_win_rate MEDIUM position_concentration HIGH var_breach HIGH', 'and concentration');

-- correlation: from fills of days
DELETE FROM pulse.position;
DELETE FROM pulse.performance_state;
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at)
	SELECT 'pair', s.symbol, 'BUY', 1, 100 + s.scale * (i * 7 % 5), date_trunc('day', now(), 'UTC') - i * interval '1 day'
	FROM generate_series(0, 20) i, (VALUES ('X', 1), ('Y', 2), ('Z', -1)) AS s (symbol, scale);
SELECT pulse_tick();
SELECT pulse.evaluate_alerts(now() + interval '28 hours');
SELECT results_eq($$SELECT severity, message LIKE 'X and Y%' FROM pulse_alerts() WHERE rule = 'correlation_limit' AND portfolio = 'pair'$$, $$VALUES ('HIGH', true)$$, 'two positions that move together');

-- health
DELETE FROM pulse.alert;
CREATE FUNCTION sick(at timestamptz) RETURNS text LANGUAGE sql AS $$
	SELECT pulse.evaluate_alerts(at); SELECT coalesce(string_agg(concat_ws(' ', a.rule, a.component, a.severity), ', ' ORDER BY a.rule, a.component), '') FROM pulse_alerts() a
	WHERE a.component ~ '^(api|resources|feed|model|mybot|check)' $$;
SELECT pulse_record_health('api.binance', 'CRITICAL', 'no answer'), pulse_record_health('resources.disk', 'WARNING', '86 %'), pulse_record_health('feed.prices', 'WARNING', 'late'),
	pulse_record_health('model.alpha', 'CRITICAL', 'stale'), pulse_heartbeat('mybot', 'HEALTHY', '{}', '1 minute');
SELECT sick(now());
SELECT is(sick(now() + interval '61 s'), 'api_outage api.binance CRITICAL, heartbeat_missing mybot HIGH, model_stale model.alpha HIGH, stale_data feed.prices MEDIUM', 'outages, a missing heartbeat, stale models and data');
SELECT is((SELECT string_agg(rule || ': ' || muted_by, ', ' ORDER BY rule) FROM pulse_alerts() WHERE muted_by IS NOT NULL), 'model_stale: inhibited by stale_data, stale_data: inhibited by api_outage', 'consequences are not told');
SELECT is(sick(now() + interval '181 s'), 'api_outage api.binance CRITICAL, heartbeat_missing mybot CRITICAL, model_stale model.alpha HIGH, resources resources.disk MEDIUM, stale_data feed.prices MEDIUM', 'resources may be short for a while; a heartbeat that stays away is critical');
SELECT ok(EXISTS (SELECT FROM pulse.delivery WHERE type = 'SYSTEM' AND priority = 'CRITICAL' AND title = 'API outage: api.binance' AND message = 'CRITICAL: no answer'), 'people are told what it says');
UPDATE pulse.heartbeat SET seen_at = now() + interval '190 s' WHERE component = 'mybot';
SELECT pulse_record_health('api.binance', 'HEALTHY');
SELECT ok(sick(now() + interval '190 s') NOT LIKE '%mybot%', 'a sign of life ends it');
SELECT pulse_forget_health('feed.prices');
SELECT ok(sick(now() + interval '200 s') NOT LIKE '%feed%', 'so does forgetting what is no more');

-- the whole way, by the tick
DELETE FROM pulse.alert; DELETE FROM pulse.delivery; DELETE FROM pulse.event;
UPDATE pulse.job SET enabled = true, next_at = '-infinity' WHERE name = 'alerts';
INSERT INTO portfolio_snapshots (portfolio, ts, total_value) VALUES ('way', now() - interval '2 days', 100), ('way', now() - interval '1 day', 100), ('way', now(), 70);
SELECT pulse_tick();
SELECT pulse_tick(now() + interval '2 s');
SELECT is((SELECT severity FROM pulse_alerts() WHERE rule = 'high_drawdown' AND portfolio = 'way'), 'CRITICAL', 'a snapshot makes an alert');
SELECT is((SELECT count(*)::int FROM pulse.event WHERE type = 'SYSTEM_ALERT' AND portfolio = 'way' AND key = 'high_drawdown' AND priority = 'CRITICAL' AND data ->> 'state' = 'firing'), 1, 'an event');
SELECT is((SELECT count(*)::int FROM pulse.delivery WHERE portfolio = 'way' AND data ->> 'rule' = 'high_drawdown' AND priority = 'CRITICAL'), 1, 'and a message');
SELECT is((SELECT last_error FROM pulse.job WHERE name = 'alerts'), NULL, 'without an error');
SELECT pulse_alert_rule_set('fee_drain', query => 'SELECT portfolio, sum(fee) AS value FROM trades
	WHERE executed_at > now() - interval ''1 day'' GROUP BY portfolio', warning => 100, critical => 500, hold => '5 minutes');
SELECT is((SELECT search_path FROM pulse.alert_rule WHERE name = 'fee_drain') LIKE '%public%', true, 'names of a query are looked up where they were when it was written');
SELECT is(pulse.trim_alerts(now() + interval '1 year'), NULL, 'old ones go');
SELECT is((SELECT count(*)::int FROM pulse.alert WHERE state = 'resolved') + (SELECT count(*)::int FROM pulse.alert_history WHERE event_seq IS NOT NULL), 0, 'all of them');

SELECT * FROM finish();
