-- Several portfolios together: what is read from summaries is what the sum of the curves says, snapshot by snapshot.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SET jit = off;
SELECT plan(10);

SELECT pulse_setup();
INSERT INTO pulse.dirty (source_id, marked_at) VALUES (1, now());
SELECT setseed(0.17);
-- curves with gaps, of which two begin later, one ends early, and two have deposits
INSERT INTO portfolio_snapshots (portfolio, ts, total_value, net_flow)
	SELECT p.name, timestamptz '2025-01-01 05:00Z' + i * interval '37 minutes' + random() * interval '15 minutes' + CASE WHEN i > 900 THEN interval '9 days' ELSE interval '0' END,
		round((p.base + 100 * sin(i / 130.0 + p.n * 0.05) + i * 0.03 * p.n + random() * 0.3)::numeric, 2), CASE WHEN p.n > 3 AND i % 577 = 400 THEN 35 ELSE 0 END
	FROM (VALUES ('a', 1, 1000), ('b', 2, 3000), ('c', 3, 500), ('d', 4, 2000), ('e', 5, 900)) p (name, n, base) CROSS JOIN generate_series(1, 1500) i
	WHERE i > CASE p.n WHEN 2 THEN 300 WHEN 4 THEN 640 ELSE 0 END AND i < CASE p.n WHEN 3 THEN 1200 ELSE 9999 END;
CREATE FUNCTION from_snapshots(since timestamptz, until timestamptz) RETURNS pulse_metrics_row LANGUAGE plpgsql STABLE AS $$
DECLARE
	result pulse_metrics_row;
BEGIN
	EXECUTE format('SELECT (m.m).* FROM (SELECT pulse_metrics(e.ts, e.value, e.flow) AS m FROM (%s) e OFFSET 0) m', pulse.equity_query(NULL, since, until))
		INTO result USING NULL::text, since, until;
	RETURN result;
END $$;
CREATE TABLE period AS
	SELECT NULL::timestamptz AS since, NULL::timestamptz AS until
	UNION ALL VALUES ('2025-01-10Z'::timestamptz, NULL::timestamptz), ('2025-01-06 13:17:11Z', '2025-02-09 03:00Z');
CREATE VIEW different AS
	SELECT b.since, b.until, k.key, k.value AS state, b.snapshots ->> k.key AS snapshots
	FROM (SELECT d.since, d.until, to_jsonb((p).metrics) AS state, to_jsonb(from_snapshots(d.since, d.until)) AS snapshots
		  FROM period d CROSS JOIN LATERAL pulse.performance(NULL, d.since, d.until) p OFFSET 0) b
	CROSS JOIN LATERAL jsonb_each_text(coalesce(b.state, b.snapshots)) k
	-- a curve by days has fewer points, and knows when a drawdown ended by the day
	WHERE k.key NOT IN ('n_snapshots', 'drawdown_duration')
		AND CASE WHEN k.key IN ('first_ts', 'last_ts', 'period') THEN k.value IS DISTINCT FROM b.snapshots ->> k.key
			ELSE NOT pulse.close_to(k.value::float8, (b.snapshots ->> k.key)::float8) END;
CREATE VIEW points AS SELECT count(*) AS n FROM pulse.combined_curve(NULL, NULL, NULL);

SELECT is_empty('SELECT * FROM different', 'before the first tick');
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM different', 'every figure of every period');
SELECT ok(n < (SELECT count(*) / 2 FROM portfolio_snapshots), format('of %s points, not of %s snapshots', n, (SELECT count(*) FROM portfolio_snapshots))) FROM points;
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
UPDATE portfolio_snapshots SET total_value = -7000 WHERE portfolio = 'a' AND ts = '2025-06-01Z';
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM different', 'equity that was lost');
DELETE FROM portfolio_snapshots WHERE portfolio <> 'c';
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM different', 'one that is left alone');
SELECT * FROM finish();
