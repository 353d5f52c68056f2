-- Summaries: what is read from them is what the snapshots say, at every moment.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SET jit = off;
SELECT plan(40);

SELECT pulse_setup();
-- as after pulse_attach()
INSERT INTO pulse.dirty (source_id, marked_at) VALUES (1, now());
SELECT setseed(0.42);
-- gaps of hours and weeks, deposits, several portfolios, one that begins late and one that ends early
INSERT INTO portfolio_snapshots (portfolio, ts, total_value, net_flow)
	SELECT p, timestamptz '2025-01-01Z' + (i + CASE WHEN i > 1500 THEN 900 ELSE 0 END) * interval '47 minutes' + random() * interval '40 minutes',
		round((10000 + i * 0.7 + random() * 400)::numeric, 2), CASE WHEN p <> 'plain' AND random() < 0.01 THEN round((random() * 200 - 90)::numeric, 2) ELSE 0 END
	FROM unnest('{plain,main,other}'::text[]) p CROSS JOIN generate_series(1, 3000) i
	WHERE p <> 'other' OR i BETWEEN 200 AND 2200;

-- the same from the snapshots, for periods with open and arbitrary ends
CREATE FUNCTION from_snapshots(p text, since timestamptz, until timestamptz) RETURNS pulse_metrics_row LANGUAGE sql STABLE AS $$
	SELECT pulse_metrics(x.ts, x.v, x.f) FROM (
		SELECT s.ts, s.total_value AS v, s.net_flow AS f FROM portfolio_snapshots s
			WHERE s.portfolio = p AND (since IS NULL OR s.ts > since) AND (until IS NULL OR s.ts <= until)
		UNION ALL (SELECT since, s.total_value, s.net_flow FROM portfolio_snapshots s WHERE s.portfolio = p AND s.ts <= since ORDER BY s.ts DESC LIMIT 1)) x $$;
CREATE TABLE period AS
	SELECT NULL::timestamptz AS since, NULL::timestamptz AS until
	UNION ALL SELECT CASE WHEN n % 5 > 0 THEN t END, CASE WHEN n % 4 > 0 THEN t + random() * random() * interval '90 days' END
		FROM (SELECT n, date_trunc(CASE n % 3 WHEN 0 THEN 'day' WHEN 1 THEN 'hour' ELSE 'microseconds' END, timestamptz '2024-12-25Z' + random() * interval '150 days') AS t
			  FROM generate_series(1, 15) n) x;
CREATE VIEW different AS
	SELECT b.name, b.since, b.until, k.key, k.value AS state, b.snapshots ->> k.key AS snapshots
	FROM (SELECT p.name, d.since, d.until, to_jsonb(pulse.state_metrics(1, p.name, d.since, d.until)) AS state,
				to_jsonb(from_snapshots(p.name, d.since, d.until)) AS snapshots
			FROM (SELECT DISTINCT portfolio AS name FROM portfolio_snapshots) p CROSS JOIN period d OFFSET 0) b
	CROSS JOIN LATERAL jsonb_each_text(coalesce(b.state, b.snapshots)) k
	-- when a drawdown ended is known to the hour or day only
	WHERE k.key <> 'drawdown_duration' AND (b.state ->> k.key) IS DISTINCT FROM (b.snapshots ->> k.key)
		AND (b.name = 'plain' OR k.key IN ('first_ts', 'last_ts', 'period')
			 OR NOT pulse.close_to((b.state ->> k.key)::float8, (b.snapshots ->> k.key)::float8));

SELECT is_empty('SELECT * FROM pulse.metric_state', 'nothing is stored yet');
SELECT is_empty('SELECT * FROM different', 'before the first tick: right');
SELECT pulse_tick();
-- what they share is read by the second one
SELECT is((SELECT count(DISTINCT pulse.state_summary(1, p, NULL, NULL, '1 hour')::text)::int FROM unnest('{plain,plain,plain}'::text[]) p), 1, 'the calls of one statement say the same');
SELECT is_empty('SELECT * FROM pulse.metric_dirty', 'a tick builds everything');
SELECT bag_eq('SELECT portfolio, bucket FROM pulse.metric_state WHERE hours = 1', $$SELECT DISTINCT portfolio, date_trunc('hour', ts, 'UTC') FROM portfolio_snapshots$$, 'every hour with a snapshot');
SELECT bag_eq('SELECT portfolio, bucket FROM pulse.metric_state WHERE hours = 24', $$SELECT DISTINCT portfolio, date_trunc('day', ts, 'UTC') FROM portfolio_snapshots$$, 'every day');
SELECT bag_eq('SELECT portfolio, bucket FROM pulse.metric_state WHERE hours = 672',
	$$SELECT DISTINCT portfolio, date_bin('28 days', ts, '2000-01-03Z') FROM portfolio_snapshots s WHERE date_bin('28 days', ts, '2000-01-03Z') < (SELECT date_bin('28 days', max(ts), '2000-01-03Z') FROM portfolio_snapshots m WHERE m.portfolio = s.portfolio)$$, 'four weeks, but the newest');
SELECT is_empty('SELECT * FROM different', 'figures of all periods: to the bit without flows, else to rounding');
SELECT is_empty('SELECT * FROM pulse_verify()', 'pulse_verify() agrees');

-- what else is read from them
SELECT is_empty(format($$SELECT p, z, m.*, g.* FROM unnest('{plain,main,other}'::text[]) p CROSS JOIN unnest('{UTC,Asia/Kolkata,America/New_York}'::text[]) z
	CROSS JOIN LATERAL pulse_monthly_returns(p, z) m
	LEFT JOIN LATERAL (SELECT extract(year FROM x.ts AT TIME ZONE z)::int AS year, extract(month FROM x.ts AT TIME ZONE z)::int AS month,
			pulse_total_return(x.r) AS r, (array_agg(x.value ORDER BY x.ts DESC))[1] AS value FROM pulse.growth(p) x GROUP BY 1, 2) g ON g.year = m.year AND g.month = m.month
	WHERE (m.end_value = g.value AND abs(m.monthly_return - g.r) < 1e-12) IS NOT TRUE$$), 'monthly returns of any time zone');
SELECT is(pulse_equity_summary('plain', period => '1 day')::text, (SELECT pulse_summary(ts, total_value, net_flow)::text FROM portfolio_snapshots WHERE portfolio = 'plain'), 'the summary of a curve, by days');
SELECT is(pulse_equity_summary('plain', period => '1 hour')::text, (SELECT pulse_summary(ts, total_value, net_flow, '1 hour')::text FROM portfolio_snapshots WHERE portfolio = 'plain'), 'by hours');
SELECT is(pulse_equity_summary('plain', period => '30 minutes')::text, (SELECT pulse_summary(ts, total_value, net_flow, '30 minutes')::text FROM portfolio_snapshots WHERE portfolio = 'plain'), 'and by less');

-- before a tick has seen the change, and within the transaction itself
BEGIN;
INSERT INTO portfolio_snapshots (portfolio, ts, total_value) VALUES ('main', '2025-02-01 10:10:10Z', 2000), ('plain', '2025-06-01Z', 9000);
SELECT is_empty('SELECT * FROM different', 'rows of the same transaction count');
UPDATE portfolio_snapshots SET total_value = total_value + 500 WHERE portfolio = 'other' AND ts BETWEEN '2025-01-20Z' AND '2025-01-20 03:00Z';
DELETE FROM portfolio_snapshots WHERE portfolio = 'plain' AND ts BETWEEN '2025-03-03 02:00Z' AND '2025-03-03 05:00Z';
SELECT is_empty('SELECT * FROM different', 'changed and deleted ones too');
COMMIT;
SELECT ok((SELECT count(*) > 0 FROM pulse.dirty), 'no tick has seen them');
SELECT is_empty('SELECT * FROM different', 'nor after the commit is anything wrong');
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM different', 'nor after the tick');
SELECT is_empty('SELECT * FROM pulse_verify()', 'the touched buckets were rewritten');

-- only what was touched
CREATE TEMP TABLE before AS SELECT ctid AS place, xmin::text AS written, source_id, portfolio, hours, bucket FROM pulse.metric_state;
INSERT INTO portfolio_snapshots (portfolio, ts, total_value) VALUES ('main', '2025-02-01 10:10:20Z', 2100);
SELECT pulse_tick();
SELECT results_eq('SELECT m.portfolio::text COLLATE "default", m.hours::int, m.bucket FROM pulse.metric_state m JOIN before b USING (source_id, portfolio, hours, bucket) WHERE (m.ctid, m.xmin::text) <> (b.place, b.written) ORDER BY m.hours',
	$$VALUES ('main', 1, '2025-02-01 10:00Z'::timestamptz), ('main', 24, '2025-02-01Z'), ('main', 672, '2025-01-27Z')$$, 'a late row rewrites its hour, its day and its four weeks');
SELECT is_empty('SELECT * FROM different', 'and all is right');
DELETE FROM portfolio_snapshots WHERE portfolio = 'other' AND ts >= '2025-03-01Z';
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM different', 'when the end of a curve is cut off');
SELECT is_empty('SELECT * FROM pulse_verify()', 'no bucket is left behind');
INSERT INTO portfolio_snapshots (portfolio, ts, total_value) SELECT 'other', t, 5000 + extract(day FROM t) FROM generate_series('2025-03-10Z'::timestamptz, '2025-07-10Z', '5 hours') t;
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM pulse_verify()', 'and when it goes on');
-- a chart over many snapshots
INSERT INTO portfolio_snapshots (portfolio, ts, total_value) SELECT 'dense', date_trunc('hour', now()) - i * interval '2 minutes', 1000 + i % 977 + i / 100.0 FROM generate_series(1, 21000) i;
SELECT pulse_tick();
CREATE TABLE chart AS SELECT pulse_portfolio_chart(24 * 30, 400, 'dense') AS c;
SELECT results_eq('SELECT (c ->> $$points$$)::int BETWEEN 100 AND 404, (SELECT max(v::float8) FROM jsonb_array_elements_text(c -> $$value$$) v), (SELECT min(v::float8) FROM jsonb_array_elements_text(c -> $$value$$) v), (c -> $$value$$ -> -1)::float8 FROM chart',
	$$SELECT true, max(total_value)::float8, min(total_value)::float8, (SELECT total_value::float8 FROM portfolio_snapshots WHERE portfolio = 'dense' ORDER BY ts DESC LIMIT 1) FROM portfolio_snapshots WHERE portfolio = 'dense'$$, 'a chart from summaries keeps the extremes and the end');
SELECT ok((SELECT bool_and(t <= u) FROM (SELECT t::float8 AS t, lead(t::float8) OVER (ORDER BY n) AS u FROM chart, jsonb_array_elements_text(c -> 'ts') WITH ORDINALITY x (t, n)) x), 'in order of time');
SELECT pulse.close_to((SELECT max(v::float8) FROM chart, jsonb_array_elements_text(c -> 'drawdown') v), max_drawdown) AS deepest FROM pulse_performance('dense') \gset
SELECT ok(:'deepest', 'and the deepest drawdown');
DELETE FROM portfolio_snapshots WHERE portfolio = 'dense';
SELECT pulse_tick();
-- values that spoil figures
INSERT INTO portfolio_snapshots (portfolio, ts, total_value) VALUES ('broken', '2025-01-01Z', 100), ('broken', '2025-01-01 00:30Z', -5), ('broken', '2025-01-03Z', 100);
SELECT pulse_tick();
SELECT is_empty($$SELECT * FROM different WHERE name = 'broken'$$, 'equity that was not positive');
SELECT is_empty('SELECT * FROM pulse_verify()', 'is stored as such');
-- what should never be
UPDATE pulse.metric_state m SET summary = (SELECT o.summary FROM pulse.metric_state o WHERE o.portfolio = 'other' AND o.hours = 1 LIMIT 1) WHERE m.portfolio = 'main' AND m.hours = 1 AND m.bucket = '2025-02-01 10:00Z';
UPDATE pulse.performance_state SET sharpe = sharpe + 1 WHERE portfolio = 'plain';
SELECT results_eq('SELECT "check", portfolio FROM pulse_verify() ORDER BY 1', $$VALUES ('figure', 'plain'), ('summary of an hour', 'main'), ('summary of an hour', 'main')$$, 'pulse_verify() finds a wrong bucket and a wrong figure');
INSERT INTO pulse.dirty (source_id, marked_at) VALUES (1, now());
SELECT pulse_tick();
SELECT is_empty('SELECT * FROM pulse_verify()', 'a rebuild mends them');

-- archived: the summaries stay when the snapshots go
SELECT is(pulse.archive_buckets(1, '2025-03-05 12:34Z'), '2025-03-05Z'::timestamptz, 'whole days are sealed');
CREATE TABLE figures AS SELECT p, to_jsonb(f) AS f FROM unnest('{main,plain,other}'::text[]) p, pulse_performance(p) f;
DELETE FROM portfolio_snapshots WHERE ts < '2025-03-05Z' AND portfolio <> 'broken';
SELECT is_empty('SELECT p FROM figures WHERE f IS DISTINCT FROM (SELECT to_jsonb(n) FROM pulse_performance(p) n)', 'no figure changes when archived snapshots are deleted');
SELECT pulse_tick();
SELECT is_empty('SELECT p FROM figures WHERE f IS DISTINCT FROM (SELECT to_jsonb(n) FROM pulse_performance(p) n)', 'nor does a tick change one');
SELECT ok((SELECT count(*) > 0 FROM pulse.metric_state WHERE sealed AND bucket < '2025-02-01Z'), 'the sealed buckets are there');
SELECT is_empty('SELECT * FROM pulse_verify()', 'which is as it should be');
SELECT is((SELECT (pulse.state_metrics(1, 'plain', '2025-02-10Z', NULL)).first_value), (SELECT last FROM pulse.state_segments(1, 'plain', '{-infinity,2025-02-10Z}', true) ORDER BY last_ts DESC LIMIT 1), 'a period may begin in the archive');
TRUNCATE portfolio_snapshots;
SELECT pulse_tick();
SELECT is_empty($$SELECT * FROM pulse.metric_state WHERE bucket >= '2025-03-05Z' OR NOT sealed AND hours < 672$$, 'TRUNCATE removes what is not sealed');
SELECT isnt_empty($$SELECT * FROM pulse.metric_state WHERE portfolio = 'plain' AND hours = 24$$, 'and nothing that is');
SELECT pulse_detach('portfolio_snapshots');
SELECT is_empty('SELECT * FROM pulse.metric_state', 'a detached table leaves nothing behind');
SELECT * FROM finish();
