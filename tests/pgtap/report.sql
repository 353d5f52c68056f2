-- Reports: what they say, and that each comes once for each local date, whatever happens. Weeks pass by simulated time.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(55);
CREATE ROLE trader;
GRANT USAGE ON SCHEMA public, tap TO PUBLIC;
GRANT CREATE ON SCHEMA public TO trader;

-- instants
SELECT is(pulse.local_instant('2026-06-01', '09:00', 'Europe/Berlin'), '2026-06-01 07:00Z'::timestamptz, 'an ordinary day');
SELECT is(pulse.local_instant('2026-03-29', '02:30', 'Europe/Berlin'), '2026-03-29 01:00Z'::timestamptz, 'a time that the clock skips: the moment of the jump');
SELECT is(pulse.local_instant('2026-10-25', '02:30', 'Europe/Berlin'), '2026-10-25 00:30Z'::timestamptz, 'one that comes twice: the first');
SELECT is(pulse.local_instant('2026-10-04', '02:15', 'Australia/Lord_Howe'), '2026-10-03 15:30Z'::timestamptz, 'a jump of half an hour');
SELECT is(pulse.local_instant('2026-04-05', '01:45', 'Australia/Lord_Howe'), '2026-04-04 14:45Z'::timestamptz, 'half an hour twice');
SELECT is(pulse.local_instant('2011-12-30', '12:00', 'Pacific/Apia'), '2011-12-30 10:00Z'::timestamptz, 'a day that was left out');
SELECT is((pulse.report_span('daily', '2026-03-29', 'Europe/Berlin')).until - (pulse.report_span('daily', '2026-03-29', 'Europe/Berlin')).since, interval '23 hours' - interval '1 microsecond', 'a day of 23 hours');
SELECT results_eq($$SELECT first, last FROM pulse.report_span('weekly', '2026-11-18', 'UTC')$$, $$VALUES (date '2026-11-16', date '2026-11-22')$$, 'a week from Monday to Sunday');

-- what they say: an account with known figures
SET ROLE trader;
SELECT pulse_setup();
INSERT INTO portfolio_snapshots (ts, total_value, net_flow)
	SELECT '2026-05-01 12:00Z'::timestamptz + i * interval '1 day', 1000 + 10 * i, 0 FROM generate_series(0, 40) i;
INSERT INTO trades (symbol, side, quantity, price, fee, executed_at) VALUES
	('GOOD', 'BUY', 1, 100, 1, '2026-06-01 10:00Z'), ('GOOD', 'SELL', 1, 150, 1, '2026-06-02 10:00Z'),
	('BAD', 'BUY', 1, 100, 1, '2026-06-02 10:00Z'), ('BAD', 'SELL', 1, 80, 1, '2026-06-02 12:00Z'),
	('GOOD', 'BUY', 1, 100, 1, '2026-06-03 10:00Z'), ('GOOD', 'SELL', 1, 101, 1, '2026-06-03 11:00Z'),
	('HELD', 'BUY', 2, 50, 0, '2026-06-03 12:00Z'), ('ALSO', 'BUY', 1, 10, 0, '2026-06-03 12:00Z');
RESET ROLE;
SELECT pulse_tick();
SELECT is((SELECT pulse_daily_report('2026-06-02') #> '{period}' ->> 'from'), '2026-06-02T00:00:00.000000Z', 'a day');
CREATE TEMP TABLE r AS SELECT pulse_daily_report('2026-06-02') AS day, pulse_weekly_report('2026-06-03') AS week;
GRANT SELECT ON r TO PUBLIC;
SELECT is((SELECT (day #>> '{returns,net_pnl}')::numeric FROM r), 26.0, 'net profit of the trades closed in it: 48 - 22');
SELECT is((SELECT round((day #>> '{returns,total_return}')::numeric, 9) FROM r), round(1320 / 1310.0 - 1, 9), 'its return from the last snapshot before');
SELECT is((SELECT day #>> '{trading,total_trades}' FROM r), '2', 'its trades');
SELECT is((SELECT day #> '{performers,top,0}' ->> 'symbol' FROM r), 'GOOD', 'the best');
SELECT is((SELECT day #> '{performers,worst}' FROM r), '[{"fees": "2", "symbol": "BAD", "trades": 1, "net_pnl": "-22", "win_rate": 0}]', 'the worst');
SELECT is((SELECT week ->> 'date' FROM r), '2026-06-01', 'a week begins on Monday');
SELECT is((SELECT week #>> '{trading,total_trades}' FROM r), '3', 'and has all of its trades');
SELECT is((SELECT round((week #>> '{returns,total_return}')::numeric, 9) FROM r), round(1370 / 1300.0 - 1, 9), 'its return: the snapshots of a week');
SELECT is((SELECT round((week #>> '{previous,returns,total_return}')::numeric, 9) FROM r), round(1300 / 1230.0 - 1, 9), 'the week before');
SELECT is((SELECT round((week #>> '{previous,change,total_return}')::numeric, 9) FROM r), round(1370 / 1300.0 - 1300 / 1230.0, 9), 'and the difference');
SELECT is((SELECT (week #>> '{previous,change,total_trades}')::int FROM r), 3, 'in trades too');
SELECT ok((SELECT jsonb_typeof(day #> '{risk,volatility}') = 'number' AND day #> '{risk}' ? 'max_drawdown_of_period' FROM r), 'risk of a day is that of the month up to it');
SELECT ok((SELECT week #> '{alerts}' ? 'by_severity' AND week #> '{health}' ? 'problems' AND jsonb_array_length(week -> 'targets') = 4 FROM r), 'alerts, health, targets');
SELECT throws_ok($$SELECT pulse_daily_report((now() + interval '3 days')::date)$$, '22023', NULL, 'a day to come');

-- recommendations: rule and numbers
SELECT is((SELECT jsonb_path_query_first(week, '$.recommendations[*] ? (@.rule == "concentration").numbers') FROM r),
	'{"limit": 0.4, "share": 0.9090909090909091, "symbol": "HELD", "portfolio": "main"}', 'most of it in one position');
SELECT pulse_config_set('reports.concentration_limit', 0.95), pulse_config_set('reports.min_trades', 1), pulse_config_set('reports.fee_share_limit', 0.1);
SELECT is(jsonb_path_query_first(pulse_weekly_report('2026-06-03'), '$.recommendations[*] ? (@.rule == "concentration")'), NULL, 'a limit can be set');
SELECT is(jsonb_path_query_first(pulse_weekly_report('2026-06-03'), '$.recommendations[*] ? (@.rule == "fees").numbers'),
	'{"fees": 6, "limit": 0.1, "gross_pnl": 31}', 'fees eat the profit');
SELECT is(jsonb_path_query_first(pulse_weekly_report('2026-06-03'), '$.recommendations[*] ? (@.rule == "symbol").numbers'),
	'{"symbol": "BAD", "trades": 1, "net_pnl": -22}', 'a symbol that loses');

-- benchmark
SELECT throws_ok('SELECT * FROM pulse_benchmark()', '22023', NULL, 'no benchmark');
CREATE TABLE prices (pair text, at timestamptz, close numeric);
INSERT INTO prices SELECT 'BTC', '2026-04-30 23:00Z'::timestamptz + i * interval '1 day', 100 * 1.02 ^ i FROM generate_series(0, 60) i;
GRANT SELECT ON prices TO PUBLIC;
SELECT pulse_benchmark_define('BTC', 'prices', 'at', 'close', 'pair', 'BTC'), pulse_config_set('reports.benchmark', 'BTC');
SELECT is(round((pulse_daily_report('2026-06-02') #>> '{benchmark,benchmark_return}')::numeric, 9), 0.02, 'the benchmark of a day');
SELECT is(round((pulse_weekly_report('2026-06-02') #>> '{benchmark,excess_return}')::numeric, 9), round(1370 / 1300.0 - 1.02 ^ 7, 9), 'what was missed in a week');
SELECT throws_ok($$SELECT pulse_benchmark_define('ETH', 'prices', 'nope')$$, '42703', NULL, 'no such column');
INSERT INTO pulse.mark_history (symbol, ts, price) SELECT 'M', now() - i * interval '1 day', 100 - i FROM generate_series(0, 20) i;
SELECT is((SELECT count(*)::int FROM pulse.benchmark_closes('M', now() - interval '10 days', now())), 17, 'or from prices that were told, with a week before');

-- on time: simulated days of the zone Berlin, over a night in which the clock jumps
SELECT is((SELECT string_agg(name || ' ' || at, ', ' ORDER BY name) FROM pulse_report_schedules()), 'daily 09:00:00, weekly 09:00:00', 'two schedules from the start');
SELECT pulse_config_set('reports.timezone', 'Europe/Berlin');
UPDATE pulse.report_schedule SET since = '2026-03-01';
CREATE FUNCTION pass(from_ts timestamptz, to_ts timestamptz, step interval) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE t timestamptz := from_ts; n bigint := 0;
BEGIN
	WHILE t < to_ts LOOP PERFORM pulse.run_reports(t); t := t + step; n := n + 1; END LOOP;
	RETURN n;
END $$;
SELECT pulse_schedule_report('night', 'daily', '02:30', portfolio => 'main');
UPDATE pulse.report_schedule SET since = '2026-03-01' WHERE name = 'night';
INSERT INTO portfolio_snapshots (ts, total_value) SELECT '2026-03-20'::timestamptz + i * interval '6 hours', 500 + i FROM generate_series(0, 80) i;
SELECT pass('2026-03-27', '2026-04-02', '10 minutes');
SELECT is((SELECT count(*)::int FROM pulse.report_run WHERE name = 'night' AND date BETWEEN '2026-03-28' AND '2026-04-01'), 5, 'one each night');
SELECT is((SELECT due_at FROM pulse.report_run WHERE name = 'night' AND date = '2026-03-29'), '2026-03-29 01:00Z'::timestamptz, 'also in the one that has no 02:30');
SELECT is((SELECT due_at FROM pulse.report_run WHERE name = 'daily' AND date = '2026-03-30'), '2026-03-30 07:00Z'::timestamptz, 'nine o''clock is an hour earlier from then on');
SELECT is((SELECT count(*)::int FROM pulse.report_run WHERE name = 'weekly'), 1, 'one Monday');
SELECT results_eq($$SELECT title, status, event_seq, data ->> 'kind', data #>> '{period,from}' FROM pulse.delivery WHERE type = 'WEEKLY_REPORT'$$,
	$$VALUES ('Weekly report 2026-03-23 to 2026-03-29', 'pending', 0::bigint, 'weekly', '2026-03-22T23:00:00.000000Z')$$, 'about the week before, as a message and not as an alert');
SELECT is((SELECT count(*) FROM pulse.delivery WHERE type = 'DAILY_REPORT'), (SELECT count(delivery_id) FROM pulse.report_run WHERE name <> 'weekly'), 'a message for each that had something to say');
SELECT is((SELECT count(*) - count(DISTINCT dedup_key) FROM pulse.delivery WHERE type LIKE '%_REPORT'), 0::bigint, 'none twice');
UPDATE pulse.report_schedule SET since = '2026-10-01';
DELETE FROM pulse.report_run;
SELECT pass('2026-10-24 20:00Z', '2026-10-25 06:00Z', '5 minutes');
SELECT is((SELECT count(*)::int FROM pulse.report_run WHERE name = 'night' AND date = '2026-10-25'), 1, 'once in the night that has two');
SELECT is((SELECT delivery_id FROM pulse.report_run WHERE name = 'night' AND date = '2026-10-25'), NULL, 'nothing to report is no message');

-- whatever is restarted or changed
SELECT pass('2026-10-25 06:00Z', '2026-10-25 09:30Z', '5 minutes');
SELECT is((SELECT count(*)::int FROM pulse.report_run WHERE name = 'daily' AND date = '2026-10-25'), 1, 'the same day again');
SELECT pulse_config_set('reports.timezone', 'America/New_York');
SELECT pass('2026-10-25 09:30Z', '2026-10-25 16:00Z', '30 minutes');
SELECT is((SELECT count(*)::int FROM pulse.report_run WHERE name = 'daily' AND date = '2026-10-25'), 1, 'nor when the zone changes within the day');
SELECT pass('2026-10-28 20:00Z', '2026-10-28 21:00Z', '30 minutes');
SELECT results_eq($$SELECT date FROM pulse.report_run WHERE name = 'daily' AND date > '2026-10-25'$$, $$VALUES (date '2026-10-28')$$, 'after days of silence only the newest is made');
SELECT is((SELECT date FROM pulse.report_run WHERE name = 'weekly'), date '2026-10-26', 'and Monday''s that was missed, because it is still news');
BEGIN;
SELECT pulse.run_reports('2026-10-29 20:00Z');
ROLLBACK;
SELECT is((SELECT count(*)::int FROM pulse.report_run WHERE date = '2026-10-29'), 0, 'a crash in the middle leaves neither a note');
SELECT pulse.run_reports('2026-10-29 20:00Z');
SELECT is((SELECT count(*)::int FROM pulse.report_run WHERE name = 'daily' AND date = '2026-10-29'), 1, 'nor a gap');
SELECT is((pulse.schedule_due((SELECT s FROM pulse.report_schedule s WHERE name = 'weekly'), '2026-10-29 20:00Z')).next_at, '2026-11-02 14:00Z'::timestamptz, 'the next one, after the clock has changed in New York');
SELECT pulse_tick('2026-10-30 20:00Z');
SELECT is((SELECT count(*)::int FROM pulse.report_run WHERE name = 'daily' AND date = '2026-10-30'), 1, 'the tick makes them');

-- rights
CREATE ROLE report_admin;
SELECT pulse_grant('report_admin', 'admin');
SET ROLE report_admin;
SELECT lives_ok($$SELECT pulse_schedule_report('mine', 'weekly', '18:00', 5, 'Asia/Tokyo')$$, 'an admin has a schedule of his own');
SELECT throws_ok($$SELECT pulse_schedule_report('mine', 'hourly')$$, '22023', NULL, 'an unknown kind');
SELECT throws_ok($$SELECT pulse_schedule_report('mine', timezone => 'Asia/Tokio')$$, '22023', NULL, 'an unknown zone');
SELECT is((SELECT owner || ' ' || weekday FROM pulse_report_schedules() WHERE name = 'mine'), 'report_admin 5', 'which reads as him');
RESET ROLE;
SELECT ok(pulse_unschedule_report('mine'), 'and goes again');
SELECT * FROM finish();
