-- The curve of several portfolios together, from stored summaries as far as these can tell.

CREATE FUNCTION pulse.combined_points(sources integer[], portfolios text[], lower_bound timestamptz, upper_bound timestamptz,
		by_hours timestamptz[], raw_hours timestamptz[])
	RETURNS TABLE (series bigint, ts timestamptz, at timestamptz, unit timestamptz, by_hour boolean, value numeric, flow numeric,
				   high numeric, low numeric, observations numeric, special boolean, broken boolean)
	LANGUAGE plpgsql STABLE COST 10000 ROWS 10000
	SET jit = off SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_material = off
	AS $$
#variable_conflict use_column
DECLARE
	-- bounds of what is read of raw_hours
	since CONSTANT timestamptz[] := ARRAY(SELECT greatest(h.hour, lower_bound) FROM unnest(raw_hours) WITH ORDINALITY AS h (hour, i) ORDER BY h.i);
	until CONSTANT timestamptz[] := ARRAY(SELECT least(h.hour + interval '1 hour', upper_bound) - interval '1 microsecond'
		FROM unnest(raw_hours) WITH ORDINALITY AS h (hour, i) ORDER BY h.i);
	source integer;
BEGIN
	RETURN QUERY
	WITH pieces AS MATERIALIZED (
		SELECT n.series, g.*, false AS by_hour, date_bin('1 day', g.first_ts, '2000-01-03Z') AS unit
		FROM unnest(sources, portfolios) WITH ORDINALITY AS n (source_id, portfolio, series)
		CROSS JOIN LATERAL pulse.state_segments(n.source_id, n.portfolio, ARRAY[lower_bound, upper_bound], true) g
		WHERE date_bin('1 day', g.first_ts, '2000-01-03Z') <> ALL (by_hours)
		UNION ALL
		SELECT n.series, g.*, true, date_bin('1 hour', g.first_ts, '2000-01-03Z')
		FROM unnest(sources, portfolios) WITH ORDINALITY AS n (source_id, portfolio, series)
		CROSS JOIN unnest(by_hours) AS d (day)
		CROSS JOIN LATERAL pulse.state_segments(n.source_id, n.portfolio,
			ARRAY[greatest(d.day, lower_bound), least(d.day + interval '1 day', upper_bound)], false) g
	), units AS (
		SELECT p.series, p.unit, p.by_hour, max(p.last_ts) AS ts, (array_agg(p.last ORDER BY p.last_ts DESC))[1]::numeric AS value, max(p.high)::numeric AS high,
			min(p.low)::numeric AS low, sum(p.observations) AS observations, bool_or(p.link IS NULL) AS broken,
			bool_or(p.flow <> 0 OR p.link <> 1 OR p.entry_link <> 1) AS flows
		FROM pieces p
		WHERE p.unit <> ALL (raw_hours)
		GROUP BY p.series, p.unit, p.by_hour
	)
	SELECT u.series, u.ts, max(u.ts) OVER (PARTITION BY u.unit), u.unit, u.by_hour, u.value, 0::numeric, u.high, u.low, u.observations, coalesce(u.flows, true), u.broken
	FROM units u;
	FOR source IN SELECT DISTINCT s FROM unnest(sources) s WHERE raw_hours <> '{}' LOOP
		RETURN QUERY EXECUTE format(
			'SELECT n.series, r.ts, r.ts, NULL::timestamptz, true, r.total_value, coalesce(r.net_flow, 0), NULL::numeric, NULL::numeric, 1::numeric, false,'
			' NOT (r.total_value > 0 AND r.total_value < ''Infinity'' AND coalesce(r.net_flow, 0) > ''-Infinity'' AND coalesce(r.net_flow, 0) < ''Infinity'')'
			' FROM unnest($1, $2) WITH ORDINALITY AS n (source_id, portfolio, series) CROSS JOIN unnest($3, $4) AS h (since, until)'
			' CROSS JOIN LATERAL (%s) r WHERE n.source_id = $5 AND r.portfolio = n.portfolio AND r.total_value IS NOT NULL AND isfinite(r.ts)',
			-- by the key for each portfolio and hour, and not all hours of a portfolio for each of them
			format(CASE WHEN pulse.distributed(source) THEN '%s' ELSE 'SELECT * FROM (%s) r OFFSET 0' END, pulse.build_source_query(source, 'n.portfolio', 'h.since', 'h.until')))
			USING sources, portfolios, since, until, source;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.combined_points(integer[], text[], timestamptz, timestamptz, timestamptz[], timestamptz[]) IS
	'What is known of several curves between two times, the second excluded: of each the last, highest and lowest value of every UTC day, of the days by_hours of every hour, and the snapshots themselves of raw_hours. at is when the last of the curves had its last value in that unit; special tells of deposits and withdrawals inside.';

CREATE FUNCTION pulse.combined_plan(for_portfolio text, since timestamptz, until timestamptz, look_cost integer,
		OUT whole boolean, OUT sources integer[], OUT portfolios text[], OUT bases numeric[], OUT by_hours timestamptz[], OUT raw_hours timestamptz[])
	LANGUAGE plpgsql STABLE COST 100000
	SET jit = off
	AS $$
#variable_conflict use_column
DECLARE
	lower_bound CONSTANT timestamptz := coalesce(combined_plan.since + interval '1 microsecond', '-infinity');
	upper_bound CONSTANT timestamptz := coalesce(combined_plan.until + interval '1 microsecond', 'infinity');
	archived timestamptz;
	look record;
	looked numeric := 0;
BEGIN
	by_hours := '{}';
	raw_hours := '{}';
	whole := false;
	SELECT coalesce(array_agg(p.source_id ORDER BY p.source_id, p.portfolio), '{}'), coalesce(array_agg(p.portfolio ORDER BY p.source_id, p.portfolio), '{}')
		INTO sources, portfolios FROM pulse.portfolios_of('snapshots') p WHERE for_portfolio IS NULL OR p.portfolio = for_portfolio;
	SELECT coalesce(max(s.archived_before), '-infinity') INTO archived FROM pulse.source s WHERE s.source_id = ANY (sources);
	IF combined_plan.since IS NOT NULL THEN
		bases := ARRAY(SELECT (pulse.state_metrics(n.source_id, n.portfolio, combined_plan.since, combined_plan.since)).first_value::numeric
			FROM unnest(sources, portfolios) WITH ORDINALITY AS n (source_id, portfolio, i) ORDER BY n.i);
	END IF;
	-- Days first, then hours of those days, then the snapshots of those hours in which something lies that they cannot
	-- tell: money that came or went, and where the deepest drawdown might begin or end.
	FOR round IN 1..8 LOOP
		WITH points AS MATERIALIZED (
			SELECT * FROM pulse.combined_points(sources, portfolios, lower_bound, upper_bound, by_hours, raw_hours)
			UNION ALL
			SELECT b.i, combined_plan.since, combined_plan.since, NULL, true, b.value, 0, NULL, NULL, 0, false, NOT (b.value > 0 AND b.value < 'Infinity')
				FROM unnest(bases) WITH ORDINALITY AS b (value, i) WHERE b.value IS NOT NULL
		), steps AS (
			SELECT p.*, p.value - coalesce(lag(p.value) OVER w, 0) AS step, CASE WHEN row_number() OVER w = 1 THEN p.value ELSE p.flow END AS inflow,
				greatest(p.high - lag(p.value) OVER w, 0) AS up, least(p.low - lag(p.value) OVER w, 0) AS down, row_number() OVER w = 1 AS joins
			FROM points p WINDOW w AS (PARTITION BY p.series ORDER BY p.ts)
		), marks AS (
			SELECT s.at, max(s.unit) AS unit, bool_or(s.by_hour) AS by_hour, sum(s.step) AS step, sum(s.inflow) AS flow, sum(s.up) AS up, sum(s.down) AS down,
				sum(s.observations) AS observations, bool_or(s.broken) AS broken, bool_or(s.special OR s.joins) FILTER (WHERE s.unit >= archived) AS special
			FROM steps s GROUP BY s.at
		), curve AS (
			SELECT m.*, sum(m.step) OVER (ORDER BY m.at) AS value FROM marks m
		), moves AS (
			SELECT c.*, lag(c.value) OVER (ORDER BY c.at) AS before FROM curve c
		), levels AS (
			SELECT m.*, sum(CASE WHEN m.before > 0 AND m.value - m.flow > 0 THEN ln(((m.value - m.flow) / m.before)::float8) ELSE 0 END) OVER (ORDER BY m.at) AS level,
				CASE WHEN m.unit >= archived AND NOT m.special AND m.before + m.up > 0 AND m.before + m.down > 0 AND m.value > 0
					THEN ln(((m.before + m.up) / m.value)::float8) END AS higher,
				CASE WHEN m.unit >= archived AND NOT m.special AND m.before + m.up > 0 AND m.before + m.down > 0 AND m.value > 0
					THEN ln(((m.before + m.down) / m.value)::float8) END AS lower
			FROM moves m
		), bounds AS (
			SELECT l.*, max(l.level) OVER (ORDER BY l.at) AS peak, max(l.level) OVER () AS top,
				max(l.level + coalesce(l.higher, 0)) OVER (ORDER BY l.at) AS peak_bound,
				min(l.level + coalesce(l.lower, 0)) OVER (ORDER BY l.at DESC) AS low_bound,
				lag(l.level, 1, 0) OVER (ORDER BY l.at) AS level_before
			FROM levels l
		), deepest AS (
			SELECT max(b.peak - b.level) AS fall FROM bounds b
		), wanted AS (
			SELECT b.unit, b.by_hour, b.observations FROM bounds b CROSS JOIN deepest d
			WHERE b.unit IS NOT NULL AND (b.special
				OR (NOT EXISTS (SELECT FROM marks m WHERE m.special) AND (
					(b.level + b.higher > greatest(b.level, b.level_before) + 1e-12 AND (b.level + b.higher - b.low_bound > d.fall + 1e-12 OR b.level + b.higher > b.top + 1e-12))
					OR (b.level + b.lower < least(b.level, b.level_before) - 1e-12 AND b.peak_bound - (b.level + b.lower) > d.fall + 1e-12))))
		)
		SELECT (SELECT bool_or(m.broken OR m.value <= 0 OR m.value - m.flow < 0) FROM curve m) AS broken,
			ARRAY(SELECT DISTINCT w.unit FROM wanted w WHERE NOT w.by_hour) AS days, ARRAY(SELECT DISTINCT w.unit FROM wanted w WHERE w.by_hour) AS hours,
			(SELECT count(*) FROM points) AS points, (SELECT sum(w.observations / CASE WHEN w.by_hour THEN 1 ELSE 24 END) FROM wanted w) AS to_read,
			(SELECT sum(m.observations) FROM marks m) AS all_rows
			INTO look;
		EXIT WHEN look.days = '{}' AND look.hours = '{}' AND NOT coalesce(look.broken, false);
		looked := looked + look.points + 24 * cardinality(look.days) * cardinality(sources) + coalesce(look.to_read, 0);
		-- A curve that was lost, or one that is sooner read as it is; of a day that is looked into an hour will be read.
		whole := coalesce(look.broken, false) OR looked * look_cost > look.all_rows OR cardinality(by_hours) + cardinality(look.days) > 2000 OR round = 8;
		EXIT WHEN whole;
		by_hours := by_hours || look.days;
		raw_hours := raw_hours || look.hours;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.combined_plan(text, timestamptz, timestamptz, integer) IS
	'What tells the figures of several portfolios together: the days, hours and snapshots that pulse.combined_points() gives for these columns, or all snapshots (whole), where to find those takes longer, a look at a point costing as much as to add up so many snapshots; bases are the values that a period starts from.';

CREATE FUNCTION pulse.combined_days(sources integer[], portfolios text[], bases numeric[], since timestamptz, until timestamptz, by_hours timestamptz[], raw_hours timestamptz[])
	RETURNS TABLE (ts timestamptz, value numeric, flow numeric, observations numeric)
	LANGUAGE sql STABLE ROWS 1000
	SET jit = off
	AS $$
	WITH points AS (
		SELECT p.series, p.ts, p.at, p.value, p.flow, p.observations
			FROM pulse.combined_points($1, $2, coalesce($4 + interval '1 microsecond', '-infinity'), coalesce($5 + interval '1 microsecond', 'infinity'), $6, $7) p
		UNION ALL
		SELECT b.i, $4, $4, b.value, 0, 0 FROM unnest($3) WITH ORDINALITY AS b (value, i) WHERE b.value IS NOT NULL
	), steps AS (
		SELECT p.at, p.observations, p.value - coalesce(lag(p.value) OVER w, 0) AS step, CASE WHEN row_number() OVER w = 1 THEN p.value ELSE p.flow END AS flow
		FROM points p WINDOW w AS (PARTITION BY p.series ORDER BY p.ts)
	)
	SELECT c.at, sum(c.step) OVER (ORDER BY c.at), c.flow, c.observations
	FROM (SELECT s.at, sum(s.step) AS step, sum(s.flow) AS flow, sum(s.observations) AS observations FROM steps s GROUP BY s.at) c
	$$;
COMMENT ON FUNCTION pulse.combined_days(integer[], text[], numeric[], timestamptz, timestamptz, timestamptz[], timestamptz[]) IS
	'The curve of several portfolios together at the points of pulse.combined_points(), from bases on.';

CREATE FUNCTION pulse.combined_performance(for_portfolio text, since timestamptz, until timestamptz, look_cost integer DEFAULT 150)
	RETURNS pulse_metrics_row
	LANGUAGE plpgsql STABLE COST 100000
	AS $$
DECLARE
	plan record := pulse.combined_plan(for_portfolio, since, until, look_cost);
	parts record;
BEGIN
	IF plan.whole THEN
		parts := pulse.equity_parts(for_portfolio, since, until);
		RETURN pulse.combined_metrics(parts.sources, parts.queries, for_portfolio, since, until);
	END IF;
	RETURN (SELECT @extschema@.pulse_metrics(c.ts, c.value, c.flow)
		FROM pulse.combined_days(plan.sources, plan.portfolios, plan.bases, since, until, plan.by_hours, plan.raw_hours) c);
END
$$;
COMMENT ON FUNCTION pulse.combined_performance(text, timestamptz, timestamptz, integer) IS
	'pulse_metrics() of several portfolios together: the sum of their curves, one that joins counting as a deposit. From the values at the end of each day and each snapshot of the hours in which money came or went, a portfolio joined, or the deepest drawdown, or the highest value, may lie; returns of days and drawdowns are those of all snapshots. Where these are soon added up, from all of them. look_cost as in pulse.combined_plan().';
