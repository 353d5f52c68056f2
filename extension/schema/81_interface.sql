-- What only the daemon's interfaces need.

CREATE FUNCTION pulse.rolling_data(metric text, window_days integer, days integer, for_portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	until timestamptz := now();
	since timestamptz := until - make_interval(days => days);
	summary @extschema@.pulse_summary;
	result jsonb;
BEGIN
	-- The first window needs the days before it.
	summary := @extschema@.pulse_equity_summary(for_portfolio, since - make_interval(days => window_days), until);
	SELECT jsonb_build_object('metric', metric, 'window_days', window_days,
			'ts', coalesce(jsonb_agg(extract(epoch FROM r.ts)::float8 ORDER BY r.ts), '[]'),
			'value', coalesce(jsonb_agg(pulse.json_number(r.value) ORDER BY r.ts), '[]'))
		INTO result FROM @extschema@.pulse_rolling(metric, make_interval(days => window_days), summary) r WHERE r.ts >= since;
	RETURN result;
END
$$;
COMMENT ON FUNCTION pulse.rolling_data(text, integer, integer, text) IS
	'A metric over a sliding window of days as JSON columns: metric, window_days, ts (seconds since 1970), value. Portfolio NULL: all visible ones together.';

-- What clients of scope operate do through the daemon.
INSERT INTO pulse.privilege (level, kind, name, privilege)
	SELECT 'worker', 'function', unnest(ARRAY['pulse_ack', 'pulse_silence', 'pulse_unsilence']), 'EXECUTE' ON CONFLICT DO NOTHING;
