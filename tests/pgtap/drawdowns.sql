-- The list of drawdowns from summaries is that of the snapshots, to the microsecond.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SET jit = off;
SELECT plan(7);

SELECT pulse_setup();
INSERT INTO pulse.dirty (source_id, marked_at) VALUES (1, now());
SELECT setseed(0.3);
-- random walks: one wild, one that mostly rises, one with deposits, one with gaps of days
INSERT INTO portfolio_snapshots (portfolio, ts, total_value, net_flow)
	SELECT w.name, w.ts, round((1000 * w.level + w.paid)::numeric, 4), w.flow
	FROM (
		SELECT p.name, timestamptz '2025-01-01Z' + (i + CASE WHEN p.name = 'gaps' AND i > 2000 THEN 1500 ELSE 0 END) * interval '7 minutes' + random() * interval '5 minutes' AS ts,
			exp(sum((random() - 0.5 + p.drift) * p.step) OVER (PARTITION BY p.name ORDER BY i)) AS level,
			CASE WHEN p.name = 'paid' AND i % 900 = 450 THEN 100 ELSE 0 END AS flow, CASE WHEN p.name = 'paid' THEN (i + 450) / 900 * 100 ELSE 0 END AS paid
		FROM (VALUES ('wild', 0.0, 0.02), ('rises', 0.03, 0.004), ('paid', 0.005, 0.01), ('gaps', 0.001, 0.01)) p (name, drift, step) CROSS JOIN generate_series(1, 4000) i) w;
-- as pulse_drawdowns() says it of a curve given snapshot by snapshot
CREATE FUNCTION from_snapshots(p text, top integer) RETURNS TABLE (rank bigint, depth float8, peak_at timestamptz, trough_at timestamptz, recovered_at timestamptz) LANGUAGE sql STABLE AS $$
	WITH curve AS (SELECT g.ts, coalesce(sum(ln(1 + g.r)) OVER (ORDER BY g.ts), 0) AS level FROM pulse.growth(p) g),
	peaks AS (SELECT c.*, max(c.level) OVER (ORDER BY c.ts) AS peak FROM curve c),
	episodes AS (SELECT p.*, count(*) FILTER (WHERE p.level >= p.peak) OVER (ORDER BY p.ts) AS episode FROM peaks p),
	spans AS (SELECT e.episode, min(e.ts) AS peak_at, min(e.level - e.peak) AS fall, (array_agg(e.ts ORDER BY e.level, e.ts))[1] AS trough_at FROM episodes e GROUP BY 1),
	bounded AS (SELECT s.*, lead(s.peak_at) OVER (ORDER BY s.episode) AS recovered_at FROM spans s)
	SELECT row_number() OVER (ORDER BY b.fall, b.peak_at), 1 - exp(b.fall), b.peak_at, b.trough_at, b.recovered_at FROM bounded b WHERE b.fall < -1e-12 ORDER BY 1 LIMIT top $$;
CREATE VIEW lists AS SELECT p, n FROM unnest('{wild,rises,paid,gaps}'::text[]) p CROSS JOIN unnest('{1,10,25}'::int[]) n;
CREATE VIEW stored AS SELECT l.p, l.n, d.rank, round(d.depth::numeric, 10) AS depth, d.peak_at, d.trough_at, d.recovered_at FROM lists l CROSS JOIN LATERAL pulse_drawdowns(l.n, l.p) d;
CREATE VIEW computed AS SELECT l.p, l.n, d.rank, round(d.depth::numeric, 10) AS depth, d.peak_at, d.trough_at, d.recovered_at FROM lists l CROSS JOIN LATERAL from_snapshots(l.p, l.n) d;

SELECT bag_eq('SELECT * FROM stored', 'SELECT * FROM computed', 'before the first tick');
SELECT pulse_tick();
SELECT bag_eq('SELECT * FROM stored', 'SELECT * FROM computed', 'depth and times of all of them');
SELECT ok((SELECT count(*) FROM pulse.drawdown_curve('rises', 10)) < 2500, 'from a part of the snapshots');
DELETE FROM portfolio_snapshots WHERE portfolio = 'wild' AND ts BETWEEN '2025-01-05 10:00Z' AND '2025-01-05 15:00Z';
UPDATE portfolio_snapshots SET total_value = total_value * 0.9 WHERE portfolio = 'rises' AND ts BETWEEN '2025-01-10 10:00Z' AND '2025-01-10 10:20Z';
SELECT bag_eq('SELECT * FROM stored', 'SELECT * FROM computed', 'with changes that no tick has seen');
SELECT pulse_tick();
SELECT bag_eq('SELECT * FROM stored', 'SELECT * FROM computed', 'and after it');
INSERT INTO portfolio_snapshots (portfolio, ts, total_value) VALUES ('rises', '2025-03-01Z', -5), ('one', '2025-03-01Z', 5);
SELECT pulse_tick();
SELECT is((SELECT count(*) FROM pulse_drawdowns(10, 'rises') d WHERE d.depth > 0), 10::bigint, 'equity that was lost');
SELECT is_empty($$SELECT * FROM pulse_drawdowns(10, 'one') UNION ALL SELECT * FROM pulse_drawdowns(0, 'wild') UNION ALL SELECT * FROM pulse_drawdowns(10, 'nobody')$$, 'nothing where there is none');
SELECT * FROM finish();
