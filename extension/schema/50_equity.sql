-- Which portfolios there are, their equity curves, and the curve of several together.

CREATE FUNCTION pulse.json_money(value numeric) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN value > '-Infinity' AND value < 'Infinity' THEN trim_scale(value)::text END;
COMMENT ON FUNCTION pulse.json_money(numeric) IS
	'Money or a quantity as JSON has it in Pulse: an exact decimal string; null when unknown or not finite.';

CREATE FUNCTION pulse.json_number(value double precision) RETURNS jsonb
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN value > '-Infinity' AND value < 'Infinity' THEN to_jsonb(value) ELSE 'null' END;
COMMENT ON FUNCTION pulse.json_number(double precision) IS
	'A statistic as JSON has it in Pulse: a number; null when undefined or not finite.';

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
		query := pulse.source_query(source.source_id, false, false);
		IF query IS NOT NULL THEN
			-- from each portfolio to the next one through the index, however many rows each has
			RETURN QUERY EXECUTE format($q$
				WITH RECURSIVE found AS (
					(SELECT r.portfolio FROM (%1$s) r ORDER BY r.portfolio LIMIT 1)
					UNION ALL
					SELECT (SELECT r.portfolio FROM (%1$s) r WHERE r.portfolio > found.portfolio ORDER BY r.portfolio LIMIT 1)
					FROM found WHERE found.portfolio IS NOT NULL
				)
				SELECT $1, found.portfolio FROM found WHERE found.portfolio IS NOT NULL$q$, query) USING source.source_id;
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
#variable_conflict use_column
DECLARE
	series record;
	parts text[] := '{}';
	base timestamptz;
	part text;
BEGIN
	FOR series IN
		SELECT s.source_id, for_portfolio AS portfolio
			FROM pulse.source s
			WHERE for_portfolio IS NOT NULL AND s.kind = 'snapshots' AND s.state = 'active'
		UNION ALL
		SELECT p.source_id, p.portfolio
			FROM pulse.portfolios_of('snapshots') p
			WHERE for_portfolio IS NULL
	LOOP
		part := pulse.source_query(series.source_id, true, since IS NOT NULL OR until IS NOT NULL);
		IF part IS NULL THEN
			CONTINUE;
		END IF;
		base := since;
		IF since IS NOT NULL THEN
			-- the value that the period starts from is that of the last snapshot before it
			EXECUTE format('SELECT r.ts FROM (%s) r WHERE r.portfolio = %L ORDER BY r.ts DESC LIMIT 1',
						   pulse.source_query(series.source_id, true, true), series.portfolio)
				INTO base USING series.portfolio, '-infinity'::timestamptz, since;
			base := coalesce(base, since);
		END IF;
		part := replace(replace(replace(part, '$1', quote_literal(series.portfolio)),
			'$2', format('%L::timestamptz', coalesce(base, '-infinity'))), '$3', format('%L::timestamptz', coalesce(until, 'infinity')));
		parts := parts || format('SELECT %s AS series, %s AS ts, r.total_value AS value, r.net_flow AS flow FROM (%s) r WHERE r.portfolio = %L AND r.total_value IS NOT NULL',
			cardinality(parts) + 1,
			CASE WHEN base < since THEN format('greatest(r.ts, %L::timestamptz)', since) ELSE 'r.ts' END, part, series.portfolio);
	END LOOP;
	IF cardinality(parts) = 1 THEN
		RETURN format('SELECT p.ts, p.value, p.flow FROM (%s) p', parts[1]);
	ELSIF cardinality(parts) > 1 THEN
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
	END IF;
	RETURN 'SELECT NULL::timestamptz AS ts, NULL::numeric AS value, NULL::numeric AS flow WHERE false';
END
$$;
COMMENT ON FUNCTION pulse.equity_query(text, timestamptz, timestamptz) IS
	'SELECT that yields ts, value and flow of a portfolio, or of all visible ones together (portfolio NULL), from the last snapshot before since to until. Returns of the sum are the means of the portfolios'' returns weighted with their values at the beginning of each step.';

CREATE FUNCTION pulse.latest_snapshots(for_portfolio text)
	RETURNS TABLE (source_id integer, portfolio text, ts timestamptz, total_value numeric, cash_balance numeric,
				   positions_value numeric, unrealized_pnl numeric, realized_pnl numeric, net_flow numeric, position_count integer)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	series record;
	query text;
BEGIN
	FOR series IN
		SELECT s.source_id, for_portfolio AS portfolio
			FROM pulse.source s
			WHERE for_portfolio IS NOT NULL AND s.kind = 'snapshots' AND s.state = 'active'
		UNION ALL
		SELECT p.source_id, p.portfolio
			FROM pulse.portfolios_of('snapshots') p
			WHERE for_portfolio IS NULL
	LOOP
		query := pulse.source_query(series.source_id, true, false);
		IF query IS NOT NULL THEN
			RETURN QUERY EXECUTE format(
				'SELECT $2, r.portfolio, r.ts, r.total_value, r.cash_balance, r.positions_value, r.unrealized_pnl, r.realized_pnl, '
				'r.net_flow, r.position_count FROM (%s) r WHERE r.portfolio = $1 AND r.ts IS NOT NULL ORDER BY r.ts DESC LIMIT 1', query)
				USING series.portfolio, series.source_id;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.latest_snapshots(text) IS
	'The newest snapshot of a portfolio, or of each visible one (NULL).';
