-- Data of the state messages, as the tick asks for them. They run as the owner of the user's tables.

CREATE FUNCTION pulse.portfolio_update(portfolio text) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$ SELECT @extschema@.pulse_portfolio(portfolio) $$;
COMMENT ON FUNCTION pulse.portfolio_update(text) IS 'Data of the PORTFOLIO_UPDATE event of a portfolio.';

CREATE FUNCTION pulse.performance_update(portfolio text) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$ SELECT pulse.performance_data(portfolio) $$;
COMMENT ON FUNCTION pulse.performance_update(text) IS 'Data of the PERFORMANCE_UPDATE event of a portfolio: the columns of pulse_performance().';

CREATE FUNCTION pulse.health_update() RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	SELECT pg_catalog.jsonb_build_object('status', @extschema@.pulse_overall_health(), 'components',
		coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(h) ORDER BY h.component), '[]'))
	FROM @extschema@.pulse_health() h
	$$;
COMMENT ON FUNCTION pulse.health_update() IS 'Data of the HEALTH_UPDATE event.';
