-- Figures of a portfolio over windows that slide.

CREATE FUNCTION pulse_rolling(metric text, "window" interval, portfolio text DEFAULT NULL, period interval DEFAULT '1 day')
	RETURNS TABLE (ts timestamptz, value double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT r.ts, r.value
	FROM @extschema@.pulse_equity_summary($3, NULL, NULL, $4) AS summary, LATERAL @extschema@.pulse_rolling($1, $2, summary, $4) AS r
	ORDER BY r.ts
	$$;
COMMENT ON FUNCTION pulse_rolling(text, interval, text, interval) IS
	'A metric of a portfolio over a window that slides along its bucket returns: one row (end of the period, value) for each period with a whole window behind it. The metrics, their parameters and the errors are those of pulse_rolling() over a summary; annualised by the period (default 1 day), never by the window''s length. Gaps carried forward, flows removed. Portfolio NULL: all visible ones together. window is a reserved word of SQL: by name it is written "window" => ''90 days''.';
