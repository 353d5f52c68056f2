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

CREATE FUNCTION pulse.equity_query(for_portfolio text, since timestamptz, until timestamptz)
	RETURNS text
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	only_one text := CASE WHEN for_portfolio IS NULL THEN (SELECT min(p.portfolio) FROM pulse.portfolios_of('snapshots') p HAVING count(*) = 1) END;
	-- SQL for the portfolio: the parameter, or the only one there is; NULL: several
	wanted text := CASE WHEN for_portfolio IS NOT NULL THEN '$1' WHEN only_one IS NOT NULL THEN quote_literal(only_one) END;
	bounded boolean := since IS NOT NULL OR until IS NOT NULL;
	source record;
	sources integer := 0;
	parts text[] := '{}';
	rows text;
BEGIN
	FOR source IN SELECT s.source_id FROM pulse.source s WHERE s.kind = 'snapshots' AND s.state = 'active' ORDER BY s.source_id LOOP
		rows := pulse.build_source_query(source.source_id, wanted, CASE WHEN bounded THEN 'coalesce($2, ''-infinity'')' END,
										 CASE WHEN bounded THEN 'coalesce($3, ''infinity'')' END);
		IF rows IS NULL THEN
			CONTINUE;
		END IF;
		sources := sources + 1;
		parts := parts || format('SELECT %L || r.portfolio AS series, r.ts, r.total_value AS value, r.net_flow AS flow FROM (%s) r WHERE r.total_value IS NOT NULL%s%s',
			source.source_id || '/', rows, coalesce(' AND r.portfolio = ' || wanted, ''), CASE WHEN since IS NOT NULL THEN ' AND r.ts > $2' ELSE '' END);
		IF since IS NOT NULL THEN
			-- what a period starts from is the last snapshot before it
			parts := parts || CASE WHEN wanted IS NOT NULL THEN
				format('(SELECT %1$L || r.portfolio, $2, r.total_value, r.net_flow FROM (%2$s) r WHERE r.portfolio = %3$s AND r.total_value IS NOT NULL ORDER BY r.ts DESC LIMIT 1)',
					source.source_id || '/', pulse.build_source_query(source.source_id, wanted, '''-infinity''', '$2'), wanted)
			WHEN pulse.distributed(source.source_id) THEN
				format('(SELECT DISTINCT ON (r.portfolio) %1$L || r.portfolio, $2, r.total_value, r.net_flow FROM (%2$s) r WHERE r.total_value IS NOT NULL ORDER BY r.portfolio, r.ts DESC)',
					source.source_id || '/', pulse.build_source_query(source.source_id, NULL, '''-infinity''', '$2'))
			ELSE
				format('SELECT %1$L || n.portfolio, $2, b.value, b.flow FROM pulse.portfolios_of(''snapshots'') n CROSS JOIN LATERAL '
					'(SELECT r.total_value AS value, r.net_flow AS flow FROM (%2$s) r WHERE r.portfolio = n.portfolio AND r.total_value IS NOT NULL ORDER BY r.ts DESC LIMIT 1) b WHERE n.source_id = %3$s',
					source.source_id || '/', pulse.build_source_query(source.source_id, 'n.portfolio', '''-infinity''', '$2'), source.source_id)
			END;
		END IF;
	END LOOP;
	IF sources = 0 THEN
		RETURN 'SELECT NULL::timestamptz AS ts, NULL::numeric AS value, NULL::numeric AS flow WHERE false';
	ELSIF sources = 1 AND wanted IS NOT NULL THEN
		RETURN format('SELECT p.ts, p.value, p.flow FROM (%s) p', array_to_string(parts, ' UNION ALL '));
	END IF;
	-- At every snapshot the newest value of each portfolio; one that joins brings its value as a deposit.
	RETURN format($q$
		SELECT c.ts, sum(c.step) OVER (ORDER BY c.ts) AS value, c.flow
		FROM (
			SELECT s.ts, sum(s.step) AS step, sum(s.flow) AS flow
			FROM (
				SELECT p.ts, p.value - coalesce(lag(p.value) OVER w, 0) AS step,
					CASE WHEN row_number() OVER w = 1 THEN p.value ELSE coalesce(p.flow, 0) END AS flow
				FROM (%s) p WINDOW w AS (PARTITION BY p.series ORDER BY p.ts)
			) s
			GROUP BY s.ts
		) c$q$, array_to_string(parts, ' UNION ALL '));
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
