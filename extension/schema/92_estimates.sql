-- What a function costs and how many rows it returns, as far as one can say, so that a query that joins, filters or sorts by
-- them gets a fitting plan instead of one for a thousand rows that cost nothing. Metrics of an array or of a stored summary
-- walk through it; what reads tables costs as much as a query.
DO $$
DECLARE
	f record;
BEGIN
	FOR f IN SELECT p.oid::regprocedure AS name, e.expected FROM (VALUES
		('pulse_performance', 1), ('pulse_benchmark', 1), ('pulse_overall_health', 1), ('pulse_health_check', 1), ('pulse_alert_threshold', 1), ('pulse_leverage', 1), ('pulse_concentration', 1),
		('pulse_turnover', 1), ('pulse_targets', 4), ('pulse_holding_times', 3), ('pulse_validate_config', 3), ('pulse_verify', 3), ('pulse_retention', 5), ('pulse_versions', 5), ('pulse_report_schedules', 5),
		('pulse_maintenance', 5), ('pulse_silences', 5), ('pulse_tokens', 5), ('pulse_custom_metrics', 10), ('pulse_portfolios', 10), ('pulse_performance_breakdown', 8), ('pulse_alerts', 10),
		('pulse_drawdowns', 10), ('pulse_health', 15), ('pulse_uptime', 15), ('pulse_exposure', 20), ('pulse_positions', 20), ('pulse_symbol_performance', 20), ('pulse_fees', 20), ('pulse_feeds', 20),
		('pulse_trade_statistics', 20), ('pulse_pnl_distribution', 20), ('pulse_alert_rules', 25), ('pulse_monthly_returns', 24), ('pulse_volume', 30), ('pulse_reconcile', 50), ('pulse_data_quality', 50),
		('pulse_apply_environment', 20), ('pulse_trades', 100), ('pulse_correlation_matrix', 100), ('pulse_config', 150), ('pulse_trading_heatmap', 168), ('pulse_rolling', 365)
		) AS e (name, expected) JOIN pg_catalog.pg_proc p ON p.proname = e.name AND p.pronamespace = '@extschema@'::pg_catalog.regnamespace AND p.proretset
	LOOP
		EXECUTE pg_catalog.format('ALTER FUNCTION %s ROWS %s COST 1000', f.name, f.expected);
	END LOOP;
	FOR f IN SELECT p.oid::regprocedure AS name, CASE WHEN p.proname IN ('pulse_metrics_of', 'pulse_performance_report', 'pulse_daily_report', 'pulse_weekly_report') THEN 100000
			WHEN p.proname IN ('pulse_snapshot', 'pulse_portfolio', 'pulse_portfolio_chart', 'pulse_equity_summary') THEN 10000
			WHEN '@extschema@.pulse_summary'::pg_catalog.regtype = ANY (p.proargtypes) THEN 200 ELSE 50 END AS cost
		FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
		WHERE p.pronamespace = '@extschema@'::pg_catalog.regnamespace AND p.prokind = 'f'
			AND (p.proname IN ('pulse_metrics_of', 'pulse_performance_report', 'pulse_daily_report', 'pulse_weekly_report', 'pulse_snapshot', 'pulse_portfolio', 'pulse_portfolio_chart', 'pulse_equity_summary')
				OR l.lanname = 'c' AND p.proname LIKE 'pulse\_%' AND p.proargtypes::pg_catalog.oid[] && ARRAY['@extschema@.pulse_summary'::pg_catalog.regtype, 'double precision[]'::pg_catalog.regtype]::pg_catalog.oid[])
	LOOP
		EXECUTE pg_catalog.format('ALTER FUNCTION %s COST %s', f.name, f.cost);
	END LOOP;
	-- what the functions above are made of, where they are bounded; what grows with the portfolios keeps the usual thousand
	FOR f IN SELECT p.oid::regprocedure AS name, e.expected, e.cost FROM (VALUES
		('explain_threshold', 1, 1000), ('compare_benchmark', 1, 10000), ('check_component', 1, 1000), ('health_at', 15, 10000), ('monthly_growth', 24, 10000), ('newest_fills', 100, 1000), ('backtest', 50, 100000),
		('data_quality', 50, 10000), ('reconcile_all', 50, 10000), ('verify_buckets', 10, 10000), ('verify_performance', 10, 10000), ('booked_positions', 1000, 1000), ('latest_snapshots', 1000, 1000),
		('current_trades', 1000, 1000), ('recent_fills', 10000, 1000), ('replay_positions', 1000, 10000), ('replay_trades', 1000, 10000), ('replay_fills', 1000, 10000)
		) AS e (name, expected, cost) JOIN pg_catalog.pg_proc p ON p.proname = e.name AND p.pronamespace = 'pulse'::pg_catalog.regnamespace AND p.proretset
	LOOP
		EXECUTE pg_catalog.format('ALTER FUNCTION %s ROWS %s COST %s', f.name, f.expected, f.cost);
	END LOOP;
END
$$;
