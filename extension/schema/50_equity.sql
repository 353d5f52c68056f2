-- Which portfolios there are, their equity curves, and the curve of several together.

CREATE FUNCTION pulse.json_money(value numeric) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN value > '-Infinity' AND value < 'Infinity' THEN trim_scale(value)::text END;
COMMENT ON FUNCTION pulse.json_money(numeric) IS
	'Money or a quantity as JSON has it in Pulse: an exact decimal string; null when unknown or not finite.';

CREATE FUNCTION pulse.json_number(value double precision) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'pulse_json_number' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.json_number(double precision) IS
	'A statistic as JSON has it in Pulse: a number; null when undefined or not finite.';

CREATE FUNCTION pulse.distributed(source_id integer) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_distributed' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION pulse.distributed(integer) IS
	'Whether Citus has distributed the followed table, so that it sends only some forms of query to the shards.';

CREATE FUNCTION pulse.portfolio_query(source_id integer) RETURNS text
	AS 'MODULE_PATHNAME', 'pulse_portfolio_query' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION pulse.portfolio_query(integer) IS
	'SELECT that lists the portfolios in a followed table, from each to the next one through the index; in a distributed table SELECT DISTINCT. NULL when the table or a required column is gone.';

CREATE FUNCTION pulse.newest_snapshots(source_id integer)
	RETURNS TABLE (portfolio text, ts timestamptz, total_value numeric, cash_balance numeric, positions_value numeric,
				   unrealized_pnl numeric, realized_pnl numeric, net_flow numeric, position_count integer)
	AS 'MODULE_PATHNAME', 'pulse_newest_snapshots' LANGUAGE C STABLE STRICT ROWS 100;
COMMENT ON FUNCTION pulse.newest_snapshots(integer) IS
	'The newest snapshot of each portfolio in a distributed table, read with the rights of the current user: by its key where the stored summaries know it, and among all rows since what has been polled and processed.';

CREATE FUNCTION pulse.portfolios_of(kind text)
	RETURNS TABLE (source_id integer, portfolio text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	source record;
	query text;
BEGIN
	FOR source IN SELECT s.source_id FROM pulse.source s WHERE s.kind = portfolios_of.kind AND s.state = 'active' ORDER BY s.source_id LOOP
		IF portfolios_of.kind = 'snapshots' AND pulse.distributed(source.source_id) THEN
			RETURN QUERY SELECT source.source_id, n.portfolio FROM pulse.newest_snapshots(source.source_id) n;
			CONTINUE;
		END IF;
		query := pulse.portfolio_query(source.source_id);
		IF query IS NOT NULL THEN
			RETURN QUERY EXECUTE format('SELECT $1, f.portfolio FROM (%s) f', query) USING source.source_id;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.portfolios_of(text) IS
	'Portfolios in the followed tables of a kind (snapshots or trades) that the current user sees.';

CREATE FUNCTION pulse_portfolios() RETURNS TABLE (portfolio text)
	LANGUAGE sql STABLE
	AS $$
	SELECT p.portfolio FROM pulse.portfolios_of('snapshots') p
	UNION
	SELECT p.portfolio FROM pulse.portfolios_of('trades') p
	ORDER BY 1
	$$;
COMMENT ON FUNCTION pulse_portfolios() IS
	'Names of the portfolios that have a snapshot or a trade, as far as the current user may see them.';

CREATE FUNCTION pulse.combined_equity(sources integer[], queries text[], portfolio text, since timestamptz, until timestamptz,
		OUT ts timestamptz, OUT value numeric, OUT flow numeric)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pulse_combined_equity' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.combined_equity(integer[], text[], text, timestamptz, timestamptz) IS
	'The curve of several portfolios together, in order of time: at every snapshot the exact sum of their newest values; one that joins brings its value as a deposit. The queries, each of a source, return portfolio, ts, value and flow, run as the current user, and have portfolio, since and until as $1, $2 and $3. Rows without time or value are skipped. Memory is that of a sort; more goes to temporary files.';

CREATE FUNCTION pulse.combined_metrics(sources integer[], queries text[], portfolio text, since timestamptz, until timestamptz)
	RETURNS pulse_metrics_row
	AS 'MODULE_PATHNAME', 'pulse_combined_metrics' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.combined_metrics(integer[], text[], text, timestamptz, timestamptz) IS
	'pulse_metrics() over pulse.combined_equity() of the same arguments, without its rows; NULL without any.';

CREATE FUNCTION pulse.combined_summary(sources integer[], queries text[], portfolio text, since timestamptz, until timestamptz, period interval)
	RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_combined_summary' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.combined_summary(integer[], text[], text, timestamptz, timestamptz, interval) IS
	'pulse_summary() of pulse.combined_equity() by buckets of a period; NULL without a row.';

CREATE FUNCTION pulse.combined_segments(sources integer[], queries text[], portfolio text, since timestamptz, until timestamptz,
		cuts timestamptz[], by_days boolean)
	RETURNS TABLE (part integer, first_ts timestamptz, last_ts timestamptz, observations bigint, first double precision, last double precision,
				   high double precision, high_ts timestamptz, low double precision, deepest double precision, flow double precision,
				   link double precision, entry_link double precision)
	AS 'MODULE_PATHNAME', 'pulse_combined_segments' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.combined_segments(integer[], text[], text, timestamptz, timestamptz, timestamptz[], boolean) IS
	'pulse.combined_equity() in pieces, like those of pulse.state_segments().';

CREATE FUNCTION pulse.combined_levels(sources integer[], queries text[], portfolio text, since timestamptz, until timestamptz)
	RETURNS TABLE (ts timestamptz, level double precision)
	AS 'MODULE_PATHNAME', 'pulse_combined_levels' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.combined_levels(integer[], text[], text, timestamptz, timestamptz) IS
	'The logarithm of the growth of pulse.combined_equity(), flows removed, where a drawdown begins, is lowest and ends.';

CREATE FUNCTION pulse.combined_chart(sources integer[], queries text[], portfolio text, since timestamptz, until timestamptz, points integer)
	RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pulse_combined_chart' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.combined_chart(integer[], text[], text, timestamptz, timestamptz, integer) IS
	'pulse.chart() of pulse.combined_equity().';

CREATE FUNCTION pulse.equity_parts(for_portfolio text, since timestamptz, until timestamptz, OUT sources integer[], OUT queries text[], OUT single boolean)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	only_one text := CASE WHEN for_portfolio IS NULL THEN (SELECT s.series_portfolio FROM pulse.series_of(NULL) s) END;
	-- SQL for the portfolio: the parameter, or the only one there is; NULL: several
	wanted text := CASE WHEN for_portfolio IS NOT NULL THEN '$1' WHEN only_one IS NOT NULL THEN quote_literal(only_one) END;
	bounded boolean := since IS NOT NULL OR until IS NOT NULL;
	source record;
	followed integer := 0;
	archived boolean;
	by_portfolio boolean;
	list CONSTANT text := 'r.total_value::pg_catalog.numeric, r.net_flow::pg_catalog.numeric';
	rows text;
BEGIN
	sources := '{}';
	queries := '{}';
	FOR source IN SELECT s.source_id, s.archived_before FROM pulse.source s WHERE s.kind = 'snapshots' AND s.state = 'active' ORDER BY s.source_id LOOP
		archived := wanted IS NULL AND source.archived_before IS NOT NULL;
		-- from a time on: the planner has the choice between the index of each portfolio and all rows
		by_portfolio := wanted IS NULL AND since IS NOT NULL AND NOT pulse.distributed(source.source_id);
		rows := pulse.build_source_query(source.source_id, CASE WHEN by_portfolio THEN 'n.portfolio' ELSE wanted END,
			CASE WHEN bounded THEN 'coalesce($2, ''-infinity'')' END, CASE WHEN bounded THEN 'coalesce($3, ''infinity'')' END);
		IF rows IS NULL THEN
			CONTINUE;
		END IF;
		queries := queries || format('SELECT r.portfolio, r.ts, %s FROM %s WHERE r.total_value IS NOT NULL%s%s%s', list,
			CASE WHEN by_portfolio THEN format('pulse.portfolios_of(''snapshots'') n JOIN LATERAL (%s) r ON n.source_id = %s', rows, source.source_id)
				ELSE format('(%s) r', rows) END,
			coalesce(' AND r.portfolio = ' || wanted, ''), CASE WHEN since IS NOT NULL THEN ' AND r.ts > $2' ELSE '' END,
			CASE WHEN archived THEN format(' AND r.ts >= %L', source.archived_before) ELSE '' END);
		IF archived THEN
			-- whose snapshots may be gone: how each hour ended
			queries := queries || format('SELECT n.portfolio, g.last_ts, g.last::pg_catalog.numeric, g.flow::pg_catalog.numeric FROM pulse.portfolios_of(''snapshots'') n CROSS JOIN LATERAL '
				'pulse.state_segments(n.source_id, n.portfolio, ARRAY[%s, %s]::timestamptz[], false) g WHERE n.source_id = %s',
				CASE WHEN since IS NOT NULL THEN format('least($2 + interval ''1 microsecond'', %L)', source.archived_before) ELSE '''-infinity''' END,
				CASE WHEN until IS NOT NULL THEN format('least($3 + interval ''1 microsecond'', %L)', source.archived_before) ELSE quote_literal(source.archived_before) END,
				source.source_id);
		END IF;
		IF since IS NOT NULL THEN
			-- what a period starts from is the last snapshot before it
			queries := queries || CASE WHEN wanted IS NOT NULL THEN
				format('(SELECT r.portfolio, $2, %s FROM (%s) r WHERE r.portfolio = %s AND r.total_value IS NOT NULL ORDER BY r.ts DESC LIMIT 1)',
					list, pulse.build_source_query(source.source_id, wanted, '''-infinity''', '$2'), wanted)
			WHEN archived THEN
				format('SELECT n.portfolio, $2, (b.m).first_value::pg_catalog.numeric, 0::pg_catalog.numeric FROM pulse.portfolios_of(''snapshots'') n CROSS JOIN LATERAL '
					'(SELECT pulse.state_metrics(n.source_id, n.portfolio, $2, $2) AS m OFFSET 0) b WHERE n.source_id = %s', source.source_id)
			WHEN NOT by_portfolio THEN
				format('(SELECT DISTINCT ON (r.portfolio) r.portfolio, $2, %s FROM (%s) r WHERE r.total_value IS NOT NULL ORDER BY r.portfolio, r.ts DESC)',
					list, pulse.build_source_query(source.source_id, NULL, '''-infinity''', '$2'))
			ELSE
				format('SELECT n.portfolio, $2, b.* FROM pulse.portfolios_of(''snapshots'') n CROSS JOIN LATERAL '
					'(SELECT %s FROM (%s) r WHERE r.portfolio = n.portfolio AND r.total_value IS NOT NULL ORDER BY r.ts DESC LIMIT 1) b WHERE n.source_id = %s',
					list, pulse.build_source_query(source.source_id, 'n.portfolio', '''-infinity''', '$2'), source.source_id)
			END;
		END IF;
		sources := sources || array_fill(source.source_id, ARRAY[cardinality(queries) - cardinality(sources)]);
		followed := followed + 1;
	END LOOP;
	single := wanted IS NOT NULL AND followed = 1;
END
$$;
COMMENT ON FUNCTION pulse.equity_parts(text, timestamptz, timestamptz) IS
	'The queries of pulse.combined_equity() that read the snapshots of a portfolio, or of all visible ones (NULL), each with its source: those after since up to until, and of each portfolio the last one up to since, which stands at since. Of several together, archived times count by hours. single: it is the one curve of one portfolio.';

CREATE FUNCTION pulse.equity_query(for_portfolio text, since timestamptz, until timestamptz)
	RETURNS text
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	parts record := pulse.equity_parts(for_portfolio, since, until);
BEGIN
	IF cardinality(parts.sources) = 0 THEN
		RETURN 'SELECT NULL::timestamptz AS ts, NULL::numeric AS value, NULL::numeric AS flow WHERE false';
	ELSIF parts.single THEN
		RETURN format('SELECT p.ts, p.value, p.flow FROM (%s) AS p (portfolio, ts, value, flow)', array_to_string(parts.queries, ' UNION ALL '));
	END IF;
	-- as a column and not as a table, so that its rows go on one by one
	RETURN format('SELECT (c.point).ts, (c.point).value, (c.point).flow FROM (SELECT pulse.combined_equity(%L, %L, $1, %s, %s) AS point) c',
		parts.sources, parts.queries, CASE WHEN since IS NOT NULL THEN '$2' ELSE 'NULL' END, CASE WHEN until IS NOT NULL THEN '$3' ELSE 'NULL' END);
END
$$;
COMMENT ON FUNCTION pulse.equity_query(text, timestamptz, timestamptz) IS
	'SELECT, to be run with $1 portfolio, $2 since and $3 until, that yields ts, value and flow of a portfolio, or of all visible ones together (portfolio NULL), from the last snapshot up to since, which stands at since, to until. Returns of the sum are the means of the portfolios'' returns weighted with their values at the beginning of each step.';

CREATE FUNCTION pulse.newest_snapshot(source_id integer, portfolio text, OUT found_portfolio text, OUT ts timestamptz, OUT total_value numeric,
		OUT cash_balance numeric, OUT positions_value numeric, OUT unrealized_pnl numeric, OUT realized_pnl numeric, OUT net_flow numeric,
		OUT position_count integer)
	AS 'MODULE_PATHNAME', 'pulse_newest_snapshot' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION pulse.newest_snapshot(integer, text) IS
	'The newest snapshot of a portfolio in a source, read with the rights of the current user; NULL when there is none.';

CREATE FUNCTION pulse.latest_snapshots(for_portfolio text)
	RETURNS TABLE (source_id integer, portfolio text, ts timestamptz, total_value numeric, cash_balance numeric,
				   positions_value numeric, unrealized_pnl numeric, realized_pnl numeric, net_flow numeric, position_count integer)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	source record;
	query text;
	list CONSTANT text := 'r.portfolio, r.ts, r.total_value, r.cash_balance, r.positions_value, r.unrealized_pnl, r.realized_pnl, r.net_flow, r.position_count';
BEGIN
	IF for_portfolio IS NOT NULL THEN
		RETURN QUERY SELECT s.source_id, n.* FROM pulse.source s CROSS JOIN LATERAL pulse.newest_snapshot(s.source_id, for_portfolio) n
			WHERE s.kind = 'snapshots' AND s.state = 'active' AND n.ts IS NOT NULL ORDER BY s.source_id;
		RETURN;
	END IF;
	FOR source IN SELECT s.source_id FROM pulse.source s WHERE s.kind = 'snapshots' AND s.state = 'active' ORDER BY s.source_id LOOP
		IF pulse.distributed(source.source_id) THEN
			RETURN QUERY SELECT source.source_id, n.* FROM pulse.newest_snapshots(source.source_id) n;
			CONTINUE;
		END IF;
		query := pulse.build_source_query(source.source_id, 'n.portfolio', NULL, NULL);
		IF query IS NOT NULL THEN
			RETURN QUERY EXECUTE format('SELECT $1, b.* FROM pulse.portfolios_of(''snapshots'') n CROSS JOIN LATERAL '
				'(SELECT %s FROM (%s) r WHERE r.portfolio = n.portfolio AND r.ts IS NOT NULL ORDER BY r.ts DESC LIMIT 1) b WHERE n.source_id = $1', list, query)
				USING source.source_id;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.latest_snapshots(text) IS
	'The newest snapshot of a portfolio, or of each visible one (NULL).';
