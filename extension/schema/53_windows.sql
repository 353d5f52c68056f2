-- Windows of time over fills, and the checks of what asks for them.

CREATE FUNCTION pulse.check_days(days integer) RETURNS timestamptz
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	IF days IS NULL OR days < 1 OR days > 36500 THEN
		RAISE EXCEPTION 'days must lie between 1 and 36500' USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is 30.';
	END IF;
	RETURN now() - make_interval(hours => 24 * days);
END
$$;
COMMENT ON FUNCTION pulse.check_days(integer) IS 'The time so many days of 24 hours ago; error 22023 for a number out of range.';

CREATE FUNCTION pulse.check_zone(timezone text) RETURNS text
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	IF timezone IS NULL OR NOT EXISTS (SELECT FROM pg_catalog.pg_timezone_names z WHERE lower(z.name) = lower(timezone)) THEN
		RAISE EXCEPTION 'unknown time zone %', coalesce(quote_literal(timezone), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a name from pg_timezone_names, for example UTC.';
	END IF;
	RETURN timezone;
END
$$;
COMMENT ON FUNCTION pulse.check_zone(text) IS 'The name of a time zone; error 22023 for an unknown one.';

CREATE FUNCTION pulse.recent_fills(since timestamptz, for_portfolio text) RETURNS SETOF pulse.fill
	LANGUAGE plpgsql STABLE ROWS 10000
	AS $$
DECLARE
	o record;
BEGIN
	-- one after the other, so that each is read by its index on time however many there are
	FOR o IN SELECT p.source_id, p.portfolio FROM pulse.portfolios_of('trades') p JOIN pulse.source s ON s.source_id = p.source_id AND s.state = 'active'
			WHERE for_portfolio IS NULL OR p.portfolio = for_portfolio LOOP
		RETURN QUERY SELECT f.* FROM pulse.fill f
			WHERE f.source_id = o.source_id AND f.portfolio = o.portfolio AND f.executed_at >= coalesce(since, '-infinity');
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.recent_fills(timestamptz, text) IS
	'Fills processed so far that were executed since a time (NULL: ever), of a portfolio or of all visible ones.';
