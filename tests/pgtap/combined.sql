-- Several portfolios together: what is read from summaries is what the sum of the curves says, snapshot by snapshot.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SET jit = off;
SELECT plan(32);

SELECT pulse_setup();
INSERT INTO pulse.dirty (source_id, marked_at) VALUES (1, now());
SELECT setseed(0.17);
-- curves with gaps, of which two begin later, one ends early, and two have deposits
INSERT INTO portfolio_snapshots (portfolio, ts, total_value, net_flow)
	SELECT p.name, timestamptz '2025-01-01 05:00Z' + i * interval '37 minutes' + random() * interval '15 minutes' + CASE WHEN i > 900 THEN interval '9 days' ELSE interval '0' END,
		round((p.base + 100 * sin(i / 130.0 + p.n * 0.05) + i * 0.03 * p.n + random() * 0.3)::numeric, 2), CASE WHEN p.n > 3 AND i % 577 = 400 THEN 35 ELSE 0 END
	FROM (VALUES ('a', 1, 1000), ('b', 2, 3000), ('c', 3, 500), ('d', 4, 2000), ('e', 5, 900)) p (name, n, base) CROSS JOIN generate_series(1, 1500) i
	WHERE i > CASE p.n WHEN 2 THEN 300 WHEN 4 THEN 640 ELSE 0 END AND i < CASE p.n WHEN 3 THEN 1200 ELSE 9999 END;
-- What the curve of several together is, said plainly.
CREATE FUNCTION plain_curve(since timestamptz, until timestamptz) RETURNS TABLE (ts timestamptz, value numeric, flow numeric) LANGUAGE sql STABLE AS $$
	WITH p AS (
		SELECT s.portfolio, s.ts, s.total_value AS value, s.net_flow AS flow FROM portfolio_snapshots s WHERE ($1 IS NULL OR s.ts > $1) AND ($2 IS NULL OR s.ts <= $2)
		UNION ALL
		(SELECT DISTINCT ON (s.portfolio) s.portfolio, $1, s.total_value, s.net_flow FROM portfolio_snapshots s WHERE s.ts <= $1 ORDER BY s.portfolio, s.ts DESC)
	), s AS (
		SELECT p.ts, p.value - coalesce(lag(p.value) OVER w, 0) AS step, CASE WHEN row_number() OVER w = 1 THEN p.value ELSE p.flow END AS flow
		FROM p WINDOW w AS (PARTITION BY p.portfolio ORDER BY p.ts)
	), g AS (
		SELECT s.ts, sum(s.step) AS step, sum(s.flow) AS flow FROM s GROUP BY s.ts
	)
	SELECT g.ts, sum(g.step) OVER (ORDER BY g.ts), g.flow FROM g
$$;
CREATE FUNCTION from_snapshots(since timestamptz, until timestamptz) RETURNS pulse_metrics_row LANGUAGE sql STABLE AS
	$$ SELECT pulse_metrics(c.ts, c.value, c.flow) FROM plain_curve($1, $2) c $$;
CREATE FUNCTION curve(since timestamptz, until timestamptz) RETURNS TABLE (ts timestamptz, value numeric, flow numeric) LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN QUERY EXECUTE pulse.equity_query(NULL, since, until) USING NULL::text, since, until;
END $$;
CREATE TABLE period AS
	SELECT NULL::timestamptz AS since, NULL::timestamptz AS until
	UNION ALL VALUES ('2025-01-10Z'::timestamptz, NULL::timestamptz), ('2025-01-06 13:17:11Z', '2025-02-09 03:00Z');
CREATE VIEW different AS
	SELECT b.since, b.until, k.key, k.value AS state, b.snapshots ->> k.key AS snapshots
	FROM (SELECT d.since, d.until, to_jsonb((p).metrics) AS state, to_jsonb(from_snapshots(d.since, d.until)) AS snapshots
		  FROM period d CROSS JOIN LATERAL pulse.performance(NULL, d.since, d.until) p OFFSET 0) b
	CROSS JOIN LATERAL jsonb_each_text(coalesce(b.state, b.snapshots)) k
	-- summaries know when a drawdown ended by the day
	WHERE k.key <> 'drawdown_duration' AND CASE WHEN k.key IN ('first_ts', 'last_ts', 'period') THEN k.value IS DISTINCT FROM b.snapshots ->> k.key
			ELSE NOT pulse.close_to(k.value::float8, (b.snapshots ->> k.key)::float8) END;
CREATE VIEW different_days AS
	SELECT b.since, b.until, k.key, k.value AS state, b.snapshots ->> k.key AS snapshots
	FROM (SELECT d.since, d.until, to_jsonb(pulse.combined_performance(NULL, d.since, d.until, 0)) AS state, to_jsonb(from_snapshots(d.since, d.until)) AS snapshots
		  FROM period d OFFSET 0) b
	CROSS JOIN LATERAL jsonb_each_text(coalesce(b.state, b.snapshots)) k
	-- a curve by days has fewer points, and knows when a drawdown ended by the day
	WHERE k.key NOT IN ('n_snapshots', 'drawdown_duration')
		AND CASE WHEN k.key IN ('first_ts', 'last_ts', 'period') THEN k.value IS DISTINCT FROM b.snapshots ->> k.key
			ELSE NOT pulse.close_to(k.value::float8, (b.snapshots ->> k.key)::float8) END;
CREATE VIEW different_points AS
	SELECT d.since, d.until, x.* FROM period d CROSS JOIN LATERAL (
		(SELECT * FROM curve(d.since, d.until) EXCEPT ALL SELECT * FROM plain_curve(d.since, d.until))
		UNION ALL (SELECT * FROM plain_curve(d.since, d.until) EXCEPT ALL SELECT * FROM curve(d.since, d.until))) x;
CREATE VIEW points AS SELECT p.whole, (SELECT count(*) FROM pulse.combined_days(p.sources, p.portfolios, p.bases, NULL, NULL, p.by_hours, p.raw_hours)) AS n
	FROM pulse.combined_plan(NULL, NULL, NULL, 0) p;

SELECT is_empty('SELECT * FROM different', 'before the first tick');
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM different', 'every figure of every period');
SELECT is_empty('SELECT * FROM different_points', 'every point');
SELECT is_empty('SELECT * FROM different_days', 'and every figure from days, hours and few snapshots');
SELECT ok(NOT whole AND n < (SELECT count(*) / 2 FROM portfolio_snapshots), format('of %s points, not of %s snapshots', n, (SELECT count(*) FROM portfolio_snapshots))) FROM points;
SELECT is((SELECT count(*) FROM pulse_monthly_returns(NULL, 'Asia/Kolkata') m WHERE m.monthly_return IS NULL), 0::bigint, 'months have returns');
SELECT results_eq($$SELECT z, m.year, m.month FROM unnest('{UTC,Asia/Kolkata,America/New_York}'::text[]) z CROSS JOIN LATERAL pulse_monthly_returns(NULL, z) m
	JOIN LATERAL (SELECT extract(year FROM x.ts AT TIME ZONE z)::int AS year, extract(month FROM x.ts AT TIME ZONE z)::int AS month, pulse_total_return(x.r) AS r,
		(array_agg(x.value ORDER BY x.ts DESC))[1] AS value FROM pulse.growth(NULL) x GROUP BY 1, 2) g ON g.year = m.year AND g.month = m.month
	WHERE abs(m.monthly_return - g.r) < 1e-12 AND pulse.close_to(m.end_value, g.value) ORDER BY 1, 2, 3$$,
	$$SELECT z, m.year, m.month FROM unnest('{UTC,Asia/Kolkata,America/New_York}'::text[]) z CROSS JOIN LATERAL pulse_monthly_returns(NULL, z) m ORDER BY 1, 2, 3$$, 'those of the snapshots, in any time zone');

BEGIN;
INSERT INTO portfolio_snapshots (portfolio, ts, total_value) VALUES ('b', '2025-01-15 10:10:10Z', 9000), ('f', '2025-01-16Z', 100), ('a', '2025-06-01Z', 990);
DELETE FROM portfolio_snapshots WHERE portfolio = 'e' AND ts BETWEEN '2025-01-11 02:00Z' AND '2025-01-11 09:00Z';
SELECT is_empty('SELECT * FROM different', 'changes of the same transaction count');
COMMIT;
SELECT is_empty('SELECT * FROM different', 'and those that no tick has seen');
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM different', 'and afterwards');
SELECT is_empty('SELECT * FROM different_days', 'by days as well');
-- the levels of growth that tell drawdowns, and days, months, charts: each from the same curve
SELECT results_eq('SELECT d.peak_at, d.recovered_at, round(d.depth::numeric, 10) FROM pulse_drawdowns(5) d', $$
	WITH g AS (SELECT c.ts, sum(ln(((c.value - c.flow) / c.before)::float8)) OVER (ORDER BY c.ts) AS level
		FROM (SELECT p.*, lag(p.value) OVER (ORDER BY p.ts) AS before FROM plain_curve(NULL, NULL) p) c),
	e AS (SELECT g.ts, coalesce(g.level, 0) AS level, max(coalesce(g.level, 0)) OVER (ORDER BY g.ts) AS peak FROM g),
	n AS (SELECT e.*, count(*) FILTER (WHERE e.level >= e.peak) OVER (ORDER BY e.ts) AS episode FROM e),
	s AS (SELECT n.episode, min(n.ts) AS peak_at, min(n.level - n.peak) AS fall FROM n GROUP BY n.episode)
	SELECT s.peak_at, s.recovered_at, round((1 - exp(s.fall))::numeric, 10)
	FROM (SELECT s.*, lead(s.peak_at) OVER (ORDER BY s.episode) AS recovered_at FROM s) s ORDER BY s.fall LIMIT 5$$, 'drawdowns');
SELECT is_empty($$SELECT d.day FROM pulse.daily_growth(NULL, '2025-01-06 13:17:11Z', '2025-02-09 03:00Z') d
	FULL JOIN (SELECT (c.ts AT TIME ZONE 'UTC')::date AS day, exp(sum(ln(((c.value - c.flow) / c.before)::float8))) - 1 AS r
		FROM (SELECT p.*, lag(p.value) OVER (ORDER BY p.ts) AS before FROM plain_curve('2025-01-06 13:17:11Z', '2025-02-09 03:00Z') p) c GROUP BY 1) x ON x.day = d.day
	WHERE abs(d.r - x.r) > 1e-12 OR d.r IS NULL OR x.r IS NULL$$, 'returns of days');
SELECT is(pulse_portfolio_chart('2025-01-06 13:17:11Z'::timestamptz, '2025-02-09 03:00Z'::timestamptz, 100) - '{from,to}'::text[], (SELECT jsonb_build_object('points', count(*),
		'ts', jsonb_agg(x[i][1] ORDER BY i), 'value', jsonb_agg(x[i][2] ORDER BY i), 'drawdown', jsonb_agg(x[i][3] ORDER BY i), 'flow', jsonb_agg(x[i][4] ORDER BY i))
	FROM (SELECT pulse.chart(c.ts, c.value::float8, c.flow::float8, '2025-02-09 03:00Z', 100) AS x
		  FROM (SELECT * FROM plain_curve('2025-01-06 13:17:11Z', '2025-02-09 03:00Z') ORDER BY ts) c) c CROSS JOIN generate_subscripts(x, 1) i), 'the chart');
SELECT is(pulse_metrics(pulse_equity_summary(NULL, '2025-01-10Z', NULL, '4 hours'), period => '4 hours'),
	pulse_metrics((SELECT pulse_summary(c.ts, c.value, CASE WHEN c.ts = '2025-01-10Z' THEN 0 ELSE c.flow END, '4 hours') FROM plain_curve('2025-01-10Z', NULL) c), period => '4 hours'), 'the summary');

-- memory for a few hundred rows: the rest in files
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SELECT is_empty('SELECT * FROM different_points', 'from files');
SELECT is_empty('SELECT * FROM different', 'figures too');
SELECT is((SELECT count(*) FROM (SELECT * FROM curve(NULL, NULL) LIMIT 3) x), 3::bigint, 'a query may want but a few');
RESET work_mem;
RESET hash_mem_multiplier;
-- numbers of more digits than are added up fast, in what is read and in the sum, and those that are none
BEGIN;
UPDATE portfolio_snapshots SET total_value = total_value + 1 / 3::numeric(60, 50) WHERE portfolio = 'c' AND ts > '2025-01-20Z';
SELECT is_empty('SELECT * FROM different_points', 'many digits');
SELECT is_empty('SELECT * FROM different', 'and their figures');
ROLLBACK;
BEGIN;
UPDATE portfolio_snapshots SET total_value = total_value * 1e25 WHERE portfolio = 'd' AND ts > '2025-01-28Z';
UPDATE portfolio_snapshots SET total_value = total_value + 1e-15 WHERE portfolio = 'a' AND ts > '2025-02-03Z';
SELECT is_empty('SELECT * FROM different_points', 'a sum of more digits than its parts');
ROLLBACK;
BEGIN;
ALTER TABLE portfolio_snapshots DROP CONSTRAINT time_and_amounts_finite;
UPDATE portfolio_snapshots SET total_value = 'Infinity' WHERE portfolio = 'c' AND ts = (SELECT max(ts) FROM portfolio_snapshots WHERE ts < '2025-01-20Z' AND portfolio = 'c');
SELECT is_empty('SELECT * FROM different_points', 'infinite once');
UPDATE portfolio_snapshots SET total_value = 'NaN', net_flow = '-Infinity' WHERE portfolio = 'b' AND ts = (SELECT max(ts) FROM portfolio_snapshots WHERE ts < '2025-01-19Z' AND portfolio = 'b');
SELECT is_empty('SELECT * FROM different_points', 'and not a number');
ROLLBACK;
-- snapshots of the same instant
BEGIN;
UPDATE portfolio_snapshots SET ts = date_trunc('hour', ts) WHERE (portfolio, ts) IN (SELECT portfolio, min(ts) FROM portfolio_snapshots GROUP BY portfolio, date_trunc('hour', ts));
SELECT cmp_ok((SELECT count(DISTINCT ts) FROM portfolio_snapshots), '<', (SELECT count(*) * 9 / 10 FROM portfolio_snapshots), 'many at one instant');
SELECT is_empty('SELECT * FROM different_points', 'are one point');
ROLLBACK;
-- who sees only some
CREATE ROLE combined_reader;
GRANT USAGE ON SCHEMA tap TO combined_reader;
SELECT pulse_grant('combined_reader');
GRANT SELECT ON portfolio_snapshots, period, different, different_points TO combined_reader;
ALTER TABLE portfolio_snapshots ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON portfolio_snapshots FOR SELECT TO combined_reader USING (portfolio IN ('a', 'd'));
SET ROLE combined_reader;
SELECT is((SELECT sum(value) FROM (SELECT value FROM curve(NULL, NULL) ORDER BY ts DESC LIMIT 1) x), (SELECT sum(total_value) FROM
	(SELECT DISTINCT ON (portfolio) total_value FROM portfolio_snapshots ORDER BY portfolio, ts DESC) x), 'the sum of what one sees');
SELECT is((SELECT count(*) FROM curve(NULL, NULL)), (SELECT count(DISTINCT ts) FROM portfolio_snapshots WHERE portfolio IN ('a', 'd')), 'at the snapshots that one sees');
SELECT is((pulse.combined_performance(NULL, NULL, NULL)).max_drawdown, (from_snapshots(NULL, NULL)).max_drawdown, 'and its figures');
RESET ROLE;
ALTER TABLE portfolio_snapshots DISABLE ROW LEVEL SECURITY;
-- snapshots that are gone count by hours
BEGIN;
CREATE TEMP TABLE before AS SELECT d.since, pulse.combined_performance(NULL, d.since, NULL, 1000000) AS m FROM (VALUES (NULL), ('2025-01-10 07:07Z'::timestamptz)) d (since);
SELECT ok(pulse.archive_buckets(1, '2025-01-20Z') = '2025-01-20Z', 'archived');
DELETE FROM portfolio_snapshots WHERE ts < '2025-01-20Z' AND portfolio <> 'f';
SELECT is_empty($$SELECT b.since, m, b.m FROM before b CROSS JOIN pulse.combined_performance(NULL, b.since, NULL, 1000000) m
	WHERE (m.n_periods, m.last_value) IS DISTINCT FROM ((b.m).n_periods, (b.m).last_value)
		-- a curve begins, and flows count, at the end of an hour
		OR NOT abs(m.total_return - (b.m).total_return) < 0.005$$, 'returns stay');
ROLLBACK;
UPDATE portfolio_snapshots SET total_value = -7000 WHERE portfolio = 'a' AND ts = '2025-06-01Z';
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM different', 'equity that was lost');
DELETE FROM portfolio_snapshots WHERE portfolio <> 'c';
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM different', 'one that is left alone');
SELECT * FROM finish();
