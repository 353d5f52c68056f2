-- Thresholds that adapt, the volatility regime, and back-tests.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(40);

SELECT pulse_setup();
UPDATE pulse.job SET enabled = false;
DELETE FROM pulse.alert_rule;
CREATE FUNCTION at(hours double precision) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
	$$ SELECT '2030-03-04 00:00Z'::timestamptz + make_interval(secs => hours * 3600) $$;
CREATE FUNCTION step(hours double precision, v double precision) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO pulse.performance_state AS s (portfolio, computed_at, version, reader, ts, total_value, volatility, daily_return, total_trades)
		VALUES ('main', at(hours), nextval('pulse.performance_version'), 10, at(hours), 1000, v, v, 0)
		ON CONFLICT (portfolio) DO UPDATE SET volatility = excluded.volatility, daily_return = excluded.daily_return, version = excluded.version, ts = excluded.ts;
	PERFORM pulse.evaluate_alerts(at(hours));
END $$;
CREATE FUNCTION forget() RETURNS void LANGUAGE sql AS $$
	DELETE FROM pulse.alert; DELETE FROM pulse.alert_history; DELETE FROM pulse.performance_state; DELETE FROM pulse.alert_rule; DELETE FROM pulse.alert_band;
	DELETE FROM pulse.threshold_history; DELETE FROM pulse.alert_regime;
	UPDATE pulse.alert_evaluation SET version = -1, evaluated_at = NULL, storm_at = NULL, swept_at = '-infinity' $$;

-- mean and deviation ---------------------------------------------------------------------------------------------
SELECT pulse_alert_rule_set('vol', metric => 'volatility', warning => 10, adaptive => 'ewma', adaptive_warning => 3, adaptive_critical => 5, adaptive_samples => 20,
	adaptive_half_life => 1000, adaptive_every => '1 hour');
SELECT count(step(i, 1 + 0.1 * (i % 2))) FROM generate_series(0, 18) i;
SELECT results_eq('SELECT warning, critical, samples, reason FROM pulse_alert_threshold(''vol'', ''main'', at(19))',
	$$VALUES (10::float8, NULL::float8, 19::bigint, '19 of 20 samples so far')$$, 'until there are enough samples the fixed threshold holds');
SELECT step(18.5, 1);
SELECT is((SELECT samples FROM pulse.alert_band), 19::bigint, 'a sample is taken as often as the rule says');
SELECT step(19, 1.1);
SELECT is((SELECT row(samples, round(mean::numeric, 6), round(sqrt(variance)::numeric, 6))::text FROM pulse.alert_band), '(20,1.050000,0.050000)', 'mean and deviation of the first samples, which count alike');
SELECT is((SELECT row(method, round(warning::numeric, 6), round(critical::numeric, 6), reason)::text FROM pulse_alert_threshold('vol', 'main', at(20))),
	'(ewma,1.200000,1.300000,"learnt from 20 values")', 'three and five deviations from the mean');
SELECT is((SELECT string_agg(reason, ' ' ORDER BY at) FROM pulse.threshold_history WHERE rule = 'vol'), 'fixed adaptive', 'the journal has which threshold applied when');
SELECT step(20, 1.25);
SELECT is((SELECT row(severity, round(threshold::numeric, 6))::text FROM pulse_alerts()), '(HIGH,1.200000)', 'what is unusual fires');
SELECT is((SELECT samples FROM pulse.alert_band), 20::bigint, 'and is not learnt from');
SELECT count(step(20 + i, 1.28)) FROM generate_series(1, 100, 5) i;
SELECT is((SELECT row(state, round(threshold::numeric, 6))::text FROM pulse_alerts()), '(firing,1.200000)', 'however long it lasts, the threshold is frozen');
SELECT is((SELECT reason LIKE 'frozen: alert % fires' FROM pulse_alert_threshold('vol', 'main', at(120))), true, 'and says so');
SELECT is((SELECT count(*)::int FROM pulse.threshold_history WHERE reason = 'frozen'), 1, 'so does the journal');
SELECT step(121, 1.35);
SELECT is((SELECT severity FROM pulse_alerts()), 'CRITICAL', 'the critical one as well');
SELECT step(122, 1.05), step(123, 1.05);
SELECT is((SELECT count(*)::int FROM pulse_alerts()), 0, 'it is over');
SELECT ok((SELECT samples > 20 FROM pulse.alert_band), 'and learning goes on');
SELECT is(pulse_alert_relearn('vol', 'main'), 1::bigint, 'what was learnt can be forgotten');
SELECT is((SELECT reason FROM pulse_alert_threshold('vol', 'main')), '0 of 20 samples so far', 'then it begins anew');
SELECT throws_ok($$SELECT pulse_alert_threshold('none')$$, '42704', NULL, 'an unknown rule');
SELECT throws_ok($$SELECT pulse_alert_rule_set('x', metric => 'sharpe', adaptive => 'ewma')$$, '22023', NULL, 'an adaptive rule needs a multiple');
SELECT throws_ok($$SELECT pulse_alert_rule_set('x', components => '{a}', adaptive => 'ewma', adaptive_warning => 3)$$, '22023', NULL, 'a status does not adapt');

-- quantiles, hours of the day ------------------------------------------------------------------------------------
SELECT forget();
SELECT pulse_alert_rule_set('vol', metric => 'volatility', comparator => '<', adaptive => 'quantile', adaptive_warning => 0.9, adaptive_samples => 11, adaptive_window => 11, adaptive_every => '1 hour');
SELECT count(step(i, i)) FROM generate_series(0, 15) i;
SELECT is((SELECT warning FROM pulse_alert_threshold('vol', 'main', at(16))), 6::double precision, 'the tenth percentile of the newest eleven values, from 5 to 15');
SELECT step(16, 5.9);
SELECT is((SELECT count(*)::int FROM pulse_alerts()), 1, 'below it');
SELECT forget();
SELECT pulse_alert_rule_set('vol', metric => 'volatility', adaptive => 'ewma', adaptive_warning => 3, adaptive_samples => 48, adaptive_min_width => 0.5, adaptive_every => '1 hour', seasonal => true, timezone => 'UTC');
-- at noon it is always ten times as much
SELECT count(step(i, CASE WHEN i % 24 = 12 THEN 10 ELSE 1 END)) FROM generate_series(0, 24 * 6) i WHERE i % 24 IN (2, 3, 12, 13);
SELECT is((SELECT round(warning::numeric, 6) FROM pulse_alert_threshold('vol', 'main', at(24 * 8 + 12))) >= 10.5, true, 'what is usual at noon is usual then');
SELECT is((SELECT row(round(warning::numeric, 6), "hour")::text FROM pulse_alert_threshold('vol', 'main', at(24 * 8 + 3))), '(1.500000,3)', 'not at night; and a threshold is min_width from the mean at least');
SELECT step(24 * 8 + 3, 10);
SELECT is((SELECT count(*)::int FROM pulse_alerts()), 1, 'there it fires');

-- the volatility regime ------------------------------------------------------------------------------------------
SELECT forget();
SELECT pulse_alert_rule_set('loss', metric => 'daily_return', comparator => '<', warning => -0.05, regime => true);
SELECT count(step(24 * i, 0.01 * CASE i % 2 WHEN 0 THEN 1 ELSE -1 END)) FROM generate_series(0, 60) i;
SELECT is((SELECT row(warning, factor)::text FROM pulse_alert_threshold('loss', 'main')), '(-0.05,1)', 'as volatile as ever');
SELECT count(step(24 * i, 0.03 * CASE i % 2 WHEN 0 THEN 1 ELSE -1 END)) FROM generate_series(61, 80) i;
SELECT ok((SELECT factor > 1.4 AND factor <= 2 AND abs(warning - -0.05 * factor) < 1e-12 FROM pulse_alert_threshold('loss', 'main')), 'more volatile, the threshold is wider');
SELECT factor AS before FROM pulse_alert_threshold('loss', 'main') \gset
SELECT step(24 * 80 + 1, -0.5);
SELECT is((SELECT factor FROM pulse_alert_threshold('loss', 'main')), :before::double precision, 'not by what it judges');
SELECT is((SELECT count(*)::int FROM pulse_alerts()), 1, 'which fires');
SELECT ok((SELECT count(*) > 3 FROM pulse.threshold_history WHERE reason = 'regime'), 'the journal has the steps');
SELECT step(24 * 81, -0.001);
SELECT count(step(24 * (81 + i), 0.001)) FROM generate_series(1, 60) i;
SELECT ok((SELECT factor < 1 AND factor >= 0.5 FROM pulse_alert_threshold('loss', 'main')), 'when it is quiet it is narrower');

-- back-tests -----------------------------------------------------------------------------------------------------
SELECT forget();
INSERT INTO portfolio_snapshots (ts, total_value, net_flow)
	SELECT '2026-01-01 12:00Z'::timestamptz + i * interval '18 hours', 10000 + 3000 * sin(i / 10.0) + 60 * i + CASE WHEN i >= 70 THEN 5000 ELSE 0 END, CASE WHEN i = 70 THEN 5000 ELSE 0 END
	FROM generate_series(0, 130) i;
INSERT INTO trades (symbol, side, quantity, price, executed_at)
	SELECT 'BTC', CASE WHEN i % 2 = 0 THEN 'BUY' ELSE 'SELL' END, 1, 100 + CASE WHEN i % 6 = 1 THEN -5 WHEN i % 2 = 1 THEN 5 ELSE 0 END, '2026-01-02Z'::timestamptz + i * interval '1 day' FROM generate_series(0, 59) i;
SELECT pulse_tick();
-- the history ends where the present is
SELECT is((SELECT array_agg(abs(h.value - (to_jsonb(p) ->> m)::float8) < 1e-9 ORDER BY m) FROM pulse_performance('main') p,
	unnest('{current_drawdown,max_drawdown,cumulative_return,daily_return,sharpe,sortino,volatility,var_95,cvar_95,win_rate,profit_factor,average_win,average_loss,total_trades,total_value}'::text[]) m,
	LATERAL (SELECT x.value FROM pulse.metric_history(m, 'main') x ORDER BY x.at DESC LIMIT 1) h), array_fill(true, ARRAY[15]), 'every metric ends in what pulse_performance() says');
SELECT pulse_alert_rule_set('dd', metric => 'current_drawdown', warning => 0.10, critical => 0.25, hysteresis => 0.02, hold => '1 day');
SELECT ok((SELECT count(*) BETWEEN 2 AND 4 FROM pulse_alert_backtest('dd')), 'a drawdown each period');
-- the same, by evaluating every snapshot
CREATE FUNCTION replay() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	h record;
BEGIN
	DELETE FROM pulse.performance_state;
	FOR h IN SELECT * FROM pulse.metric_history('current_drawdown', 'main') ORDER BY at LOOP
		PERFORM pulse.evaluate_alerts(a.due_at) FROM pulse.alert a WHERE a.state <> 'resolved' AND a.due_at < h.at;
		INSERT INTO pulse.performance_state AS s (portfolio, computed_at, version, reader, ts, current_drawdown) VALUES ('main', h.at, nextval('pulse.performance_version'), 10, h.at, h.value)
			ON CONFLICT (portfolio) DO UPDATE SET current_drawdown = excluded.current_drawdown, version = excluded.version;
		PERFORM pulse.evaluate_alerts(h.at);
	END LOOP;
END $$;
SELECT replay();
SELECT results_eq($$SELECT fired_at, severity, round(threshold::numeric, 9), resolved_at FROM pulse_alert_backtest('dd') ORDER BY 1$$,
	$$SELECT fired_at, CASE WHEN bool_or(h.severity = 'CRITICAL') THEN 'CRITICAL' ELSE 'HIGH' END, 0.1::numeric(10, 9), resolved_at FROM pulse.alert a JOIN pulse.alert_history h USING (alert_id)
	  GROUP BY a.alert_id, fired_at, resolved_at ORDER BY 1$$, 'a back-test is what the evaluation does');
SELECT ok((SELECT min(fired_at) >= '2026-02-15Z' FROM pulse_alert_backtest('dd', '2026-02-15Z', 'main')), 'since a time');
SELECT is_empty($$SELECT * FROM pulse_alert_backtest('dd', NULL, 'other')$$, 'of a portfolio');
SELECT pulse_alert_rule_set('dd', adaptive => 'quantile', adaptive_warning => 0.95, adaptive_samples => 40, adaptive_every => '6 hours');
SELECT lives_ok($$SELECT * FROM pulse_alert_backtest('dd')$$, 'adaptive');
SELECT pulse_alert_rule_set('wins', metric => 'win_rate', comparator => '<', warning => 0.6);
SELECT ok((SELECT count(*) >= 1 FROM pulse_alert_backtest('wins')), 'closed trades');
SELECT pulse_alert_rule_set('big', trade => 'value', warning => 101);
SELECT is((SELECT count(*)::int FROM pulse_alert_backtest('big')), 20, 'fills');
SELECT pulse_alert_rule_set('sick', components => '{api.*}');
SELECT pulse_record_health('api.y', 'CRITICAL');
SELECT is((SELECT row(component, severity, resolved_at)::text FROM pulse_alert_backtest('sick')), '(api.y,CRITICAL,)', 'health, as it was recorded');
SELECT pulse_alert_rule_set('ask', query => 'SELECT 1 AS value', warning => 1);
SELECT throws_ok($$SELECT * FROM pulse_alert_backtest('ask')$$, '0A000', NULL, 'the past of a query is not known');
SELECT throws_ok($$SELECT * FROM pulse_alert_backtest('nothing')$$, '42704', NULL, 'an unknown rule');

SELECT * FROM finish();
