-- What parallel workers, and the nodes of a cluster, rest upon: every aggregate with a combine function gives the same from
-- states of parts, put together, as in one piece.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(9);
CREATE TABLE many AS SELECT i, sin(i) / 50 + cos(i * 0.37) / 90 AS r, cos(i) / 40 AS b, round((10 * sin(i * 0.7))::numeric, 2) AS pnl FROM generate_series(1, 8000) i;
CREATE TABLE parts AS SELECT i / 100 AS n, pulse_summary(ts, value, flow) AS summary
	FROM (SELECT i, timestamptz '2025-01-01' + i * interval '7 minutes' AS ts, 1000 + i / 10.0 + 50 * sin(i / 300.0) AS value,
		CASE WHEN i % 2000 = 0 THEN 25 ELSE 0 END AS flow FROM generate_series(1, 8000) i) s GROUP BY i / 100;
ALTER TABLE many SET (parallel_workers = 2);
ALTER TABLE parts SET (parallel_workers = 2);
ANALYZE many, parts;

CREATE VIEW aggregate AS SELECT p.oid::regprocedure::text AS name, a.aggtranstype, a.aggserialfn, p.proparallel,
	format(CASE WHEN p.prorettype = 'float8'::regtype THEN '(%I(%s))::numeric' ELSE '%I(%s)::text' END, p.proname,
		(SELECT string_agg(CASE n.name
				WHEN 'periods' THEN '365.25' WHEN 'confidence' THEN '0.9' WHEN 'risk_free' THEN '0.02' WHEN 'mar' THEN '0.01'
				WHEN 'threshold' THEN '0.001' WHEN 'benchmark_sharpe' THEN '0.1' ELSE format('%I::%s', n.name, n.type::regtype) END, ', ' ORDER BY n.i)
			FROM unnest(p.proargnames, p.proargtypes::oid[]) WITH ORDINALITY AS n (name, type, i))) AS call,
	CASE WHEN 'summary' = ANY (p.proargnames) THEN 'parts' ELSE 'many' END AS relation
FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pulse'
WHERE a.aggcombinefn <> 0;
SELECT ok((SELECT count(*) FROM aggregate) > 100, 'most aggregates can be put together');
SELECT is_empty($$SELECT name FROM aggregate WHERE proparallel <> 's' OR aggtranstype = 'internal'::regtype AND aggserialfn = 0$$,
	'all of them in parallel workers');
SELECT is((SELECT aggtranstype::regtype::text FROM aggregate WHERE name LIKE 'pulse_rollup(%'), 'pulse.rollup_state',
	'the state of pulse_rollup() is a type, which Citus sends from node to node');

CREATE FUNCTION answers() RETURNS TABLE (name text, answer text) LANGUAGE plpgsql AS $$
DECLARE
	a record;
BEGIN
	FOR a IN SELECT * FROM aggregate x ORDER BY x.name LOOP
		name := a.name;
		EXECUTE format('SELECT (%s)::text FROM %I', a.call, a.relation) INTO answer;
		RETURN NEXT;
	END LOOP;
END
$$;
CREATE FUNCTION partial_plans() RETURNS TABLE (name text, partial boolean) LANGUAGE plpgsql AS $$
DECLARE
	a record;
	plan json;
BEGIN
	FOR a IN SELECT * FROM aggregate x ORDER BY x.name LOOP
		name := a.name;
		EXECUTE format('EXPLAIN (FORMAT json) SELECT %s FROM %I', a.call, a.relation) INTO plan;
		partial := plan::text ~ '"Partial Mode": "Partial"' AND plan::text ~ '"Node Type": "Gather"';
		RETURN NEXT;
	END LOOP;
END
$$;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE whole AS SELECT * FROM answers();
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT is_empty($$SELECT name FROM partial_plans() WHERE NOT partial$$, 'forced parallel plans compute states of parts');
SELECT is_empty($$SELECT p.name, w.answer, p.answer FROM answers() p JOIN whole w USING (name)
	WHERE p.answer IS DISTINCT FROM w.answer AND (p.answer !~ '^-?[0-9.]+(e[-+][0-9]+)?$' OR w.answer !~ '^-?[0-9.]+(e[-+][0-9]+)?$'
		OR abs(p.answer::float8 - w.answer::float8) > 1e-9 * greatest(abs(w.answer::float8), 1e-3))$$, 'and put together they give the same');
SELECT is((SELECT count(*)::int FROM whole WHERE answer IS NULL), 0, 'which is something');

-- from node to node a state goes as text, as Citus sends it
CREATE AGGREGATE part_of_rollup(pulse_summary) (SFUNC = pulse.rollup_add, STYPE = pulse.rollup_state);
CREATE AGGREGATE rollup_of_parts(pulse.rollup_state) (SFUNC = pulse.rollup_merge, STYPE = pulse.rollup_state, FINALFUNC = pulse.rollup_end);
CREATE TABLE sent AS SELECT n / 50 AS node, part_of_rollup(summary)::text AS state FROM parts GROUP BY n / 50;
SELECT is((SELECT rollup_of_parts(state::pulse.rollup_state)::text FROM sent), (SELECT pulse_rollup(summary)::text FROM parts),
	'states that went as text give the same');
SELECT ok((SELECT sum(length(state)) FROM sent) < (SELECT sum(length(summary::text)) FROM parts) / 2, 'and are merged before they go');
SELECT throws_ok($$SELECT '\x5053010000000001000000141dd76000'::pulse.rollup_state$$, '22P03', NULL, 'anything else is refused');
SELECT * FROM finish();
