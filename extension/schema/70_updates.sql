-- Data of the state messages, as the tick asks for them. They run as the owner of the user's tables.

CREATE FUNCTION pulse.portfolio_update(portfolio text) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$ SELECT @extschema@.pulse_portfolio(portfolio) $$;
COMMENT ON FUNCTION pulse.portfolio_update(text) IS 'Data of the PORTFOLIO_UPDATE event of a portfolio.';
