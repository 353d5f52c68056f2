-- The life of alerts in simulated time: each transition, what people are told, and that a restart in between changes nothing.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(90);

SELECT pulse_setup();
UPDATE pulse.job SET enabled = false;
DELETE FROM pulse.alert_rule;
CREATE FUNCTION at(minutes double precision) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS
	$$ SELECT '2030-03-04 00:00Z'::timestamptz + make_interval(secs => minutes * 60) $$;
-- the value of a metric becomes this, and alerts are evaluated
CREATE FUNCTION step(minutes double precision, drawdown double precision, name text DEFAULT 'main') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO pulse.performance_state AS s (portfolio, computed_at, version, reader, ts, total_value, current_drawdown, total_trades)
		VALUES (name, at(minutes), nextval('pulse.performance_version'), 10, at(minutes), 1000, drawdown, 0)
		ON CONFLICT (portfolio) DO UPDATE SET current_drawdown = excluded.current_drawdown, version = excluded.version, ts = excluded.ts;
	PERFORM pulse.evaluate_alerts(at(minutes));
END $$;
CREATE FUNCTION pass(minutes double precision) RETURNS void LANGUAGE sql AS $$ SELECT pulse.evaluate_alerts(at(minutes)) $$;
-- what people were told since the last call
CREATE TABLE heard (upto bigint);
INSERT INTO heard VALUES (0);
CREATE FUNCTION news() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	said text;
BEGIN
	SELECT string_agg(d.priority || ' ' || d.title, '; ' ORDER BY d.delivery_id) INTO said FROM pulse.delivery d, heard h WHERE d.delivery_id > h.upto;
	UPDATE heard SET upto = (SELECT coalesce(max(delivery_id), 0) FROM pulse.delivery);
	RETURN coalesce(said, '');
END $$;
CREATE FUNCTION states() RETURNS text LANGUAGE sql AS
	$$ SELECT coalesce(string_agg(format('%s %s %s', a.rule, a.state, a.severity), '; ' ORDER BY a.alert_id), '') FROM pulse_alerts('all') a WHERE a.state <> 'resolved' $$;
CREATE FUNCTION forget() RETURNS void LANGUAGE sql AS $$
	DELETE FROM pulse.alert; DELETE FROM pulse.alert_history; DELETE FROM pulse.delivery; DELETE FROM pulse.performance_state; DELETE FROM pulse.alert_rule;
	UPDATE pulse.alert_evaluation SET version = -1, evaluated_at = NULL, storm_at = NULL, swept_at = '-infinity'; UPDATE heard SET upto = 0 $$;

-- at once --------------------------------------------------------------------------------------------------------
SELECT pulse_alert_rule_set('dd', metric => 'current_drawdown', warning => 0.10, critical => 0.20, hysteresis => 0.02, unit => 'fraction', title => 'High drawdown');
SELECT step(0, 0.05);
SELECT is(states(), '', 'a good value is no alert');
SELECT step(1, 0.10);
SELECT is(states(), 'dd firing HIGH', 'the threshold itself is bad for >=');
SELECT is(news(), 'HIGH High drawdown: main', 'and told');
SELECT is((SELECT message FROM pulse_alerts()), 'current drawdown is 10 %; threshold >= 10 %', 'with its value and threshold');
SELECT is((SELECT data - 'alert_id' FROM pulse.delivery), '{"rule": "dd", "kind": "PERFORMANCE", "state": "firing", "portfolio": "main", "value": 0.1, "threshold": 0.1, "since": "2030-03-04T00:01:00.000000Z", "count": 1, "news": "fired"}'::jsonb, 'and as data');
SELECT pass(1), pass(1);
SELECT is(news(), '', 'the same evaluation again says nothing');
SELECT step(2, 0.09);
SELECT is(states(), 'dd firing HIGH', 'within the hysteresis it goes on');
SELECT step(3, 0.25);
SELECT is(states() || ', ' || news(), 'dd firing CRITICAL, CRITICAL High drawdown: main', 'critical');
SELECT step(4, 0.19);
SELECT is(states(), 'dd firing CRITICAL', 'within the hysteresis it stays critical');
SELECT step(5, 0.15);
SELECT is(states() || ', ' || news(), 'dd firing HIGH, HIGH Less grave: High drawdown: main', 'below it, it is a warning again');
SELECT step(6, 0.08);
SELECT is(states(), 'dd firing HIGH', 'exactly at the end of the hysteresis of >= it is still bad');
SELECT step(7, 0.079);
SELECT is(states() || ', ' || news(), ', LOW Resolved: High drawdown: main', 'beyond, it is over');
SELECT results_eq('SELECT transition, state, severity FROM pulse.alert_history ORDER BY history_id',
	$$VALUES ('fired', 'firing', 'HIGH'), ('raised', 'firing', 'CRITICAL'), ('lowered', 'firing', 'HIGH'), ('resolved', 'resolved', 'HIGH')$$, 'the history has it all');
SELECT results_eq($$SELECT state, resolved_at, since FROM pulse_alerts('resolved')$$, $$VALUES ('resolved', at(7), at(1))$$, 'so has the list');
SELECT step(8, 'NaN');
SELECT is(states(), '', 'an undefined value is no alert');
SELECT pulse_tick();
SELECT is((SELECT string_agg(data ->> 'transition', ' ' ORDER BY seq) FROM pulse.event WHERE type = 'SYSTEM_ALERT'), 'fired raised lowered resolved', 'each change is one event');
SELECT is((SELECT count(*)::int FROM pulse.delivery WHERE event_seq IS DISTINCT FROM 0), 0, 'and the messages are not announced again');

-- waiting --------------------------------------------------------------------------------------------------------
SELECT forget();
SELECT pulse_alert_rule_set('dd', metric => 'current_drawdown', warning => 0.10, critical => 0.20, hold => '5 minutes', clear_hold => '3 minutes', min_duration => '10 minutes', unit => 'fraction');
SELECT step(0, 0.11);
SELECT is(states() || news(), 'dd pending HIGH', 'for a while it is pending, and nobody hears of it');
SELECT step(4, 0.05);
SELECT is(states() || news(), '', 'and withdrawn when it is over before');
SELECT is((SELECT string_agg(transition, ' ' ORDER BY history_id) FROM pulse.alert_history), 'began withdrawn', 'the history knows');
SELECT step(10, 0.11);
SELECT step(14, 0.12);
SELECT is(states(), 'dd pending HIGH', 'four minutes are not five');
SELECT pass(15);
SELECT is(states() || ', ' || news(), 'dd firing HIGH, HIGH Dd: main', 'time alone makes it fire');
SELECT step(16, 0.21);
SELECT is(states(), 'dd firing HIGH', 'critical must last as well');
SELECT step(18, 0.19);
SELECT step(19, 0.22);
SELECT pass(23);
SELECT is(states(), 'dd firing HIGH', 'without a break');
SELECT pass(24);
SELECT is(states() || ', ' || news(), 'dd firing CRITICAL, CRITICAL Dd: main', 'then it is');
SELECT step(25, 0.01);
SELECT pass(27.9);
SELECT is(states(), 'dd firing CRITICAL', 'it must be good for a while');
SELECT pass(28);
SELECT is(states() || ', ' || news(), ', LOW Resolved: Dd: main', 'time alone resolves it');
SELECT step(100, 0.15);
SELECT pass(105);
SELECT step(106, 0.01);
SELECT pass(114);
SELECT is(states(), 'dd firing HIGH', 'it fires for min_duration at least');
SELECT pass(115);
SELECT is(states(), '', 'and no longer than it must');

-- acknowledged, reminded, escalated ------------------------------------------------------------------------------
SELECT forget();
SELECT pulse_alert_rule_set('dd', metric => 'current_drawdown', warning => 0.10, critical => 0.20, remind_every => '1 hour', escalate_after => '15 minutes');
SELECT step(0, 0.15);
SELECT news();
SELECT pass(59);
SELECT is(news(), '', 'no reminder before its time');
SELECT pass(60);
SELECT is(news(), 'HIGH Still: Dd: main', 'a reminder');
SELECT pass(61), pass(119);
SELECT is(news(), '', 'one');
SELECT pass(500);
SELECT is(news(), 'HIGH Still: Dd: main', 'after a long pause one, not many');
SELECT is(pulse_ack((SELECT alert_id FROM pulse_alerts()), 'ann', 'on it', at(501)), true, 'somebody takes care of it');
SELECT results_eq('SELECT state, acknowledged_by, acknowledged_at FROM pulse_alerts()', $$VALUES ('acknowledged', 'ann', at(501))$$, 'it is acknowledged');
SELECT results_eq($$SELECT actor, note, role FROM pulse.alert_history WHERE transition = 'acknowledged'$$, $$SELECT 'ann', 'on it', session_user::text COLLATE "default"$$, 'who did it is kept');
SELECT is(pulse_ack((SELECT alert_id FROM pulse_alerts()), 'bob'), false, 'once is enough');
SELECT is((SELECT count(*)::int FROM pulse.acknowledgement), 1, 'and kept once');
SELECT is(pulse_ack(-1), false, 'there is no such alert');
SELECT throws_ok('SELECT pulse_ack(1, '''')', '22023', NULL, 'who acknowledges has a name');
SELECT pass(2000);
SELECT is(news(), '', 'nobody is reminded of what is taken care of');
SELECT step(2001, 0.3);
SELECT is(states() || ', ' || news(), 'dd firing CRITICAL, CRITICAL Dd: main', 'graver, it fires again');
SELECT is((SELECT acknowledged_by FROM pulse_alerts()), NULL, 'and wants to be acknowledged again');
SELECT pass(2015.9);
SELECT is(news(), '', 'not yet');
SELECT pass(2016);
SELECT is(news(), 'CRITICAL Not acknowledged: Dd: main', 'nobody cared: it is escalated');
SELECT is((SELECT data ->> 'escalate' FROM pulse.delivery ORDER BY delivery_id DESC LIMIT 1), 'true', 'to those who are told of that');
SELECT pass(2040);
SELECT is(news(), '', 'once');
SELECT pulse_ack((SELECT alert_id FROM pulse_alerts()), 'ann', NULL, at(2041));
SELECT step(2050, 0.01);
SELECT is(states() || ', ' || news(), ', LOW Resolved: Dd: main', 'what was acknowledged is resolved as well');
SELECT is((SELECT acknowledged_by FROM pulse_alerts('resolved')), 'ann', 'the list still says who cared');

-- flapping -------------------------------------------------------------------------------------------------------
SELECT forget();
SELECT pulse_alert_rule_set('dd', metric => 'current_drawdown', warning => 0.10, flap_count => 3, flap_window => '30 minutes');
SELECT step(0, 0.2), step(1, 0), step(2, 0.2), step(3, 0);
SELECT is(news(), 'HIGH Dd: main; LOW Resolved: Dd: main; HIGH Dd: main; LOW Resolved: Dd: main', 'twice is not flapping');
SELECT step(4, 0.2);
SELECT is((SELECT row(count, flapping)::text FROM pulse_alerts()), '(3,t)', 'the third time is');
SELECT step(5, 0), step(6, 0.2), step(7, 0), step(8, 0.2), step(9, 0);
SELECT is(news(), 'HIGH Dd: main', 'it stays, and people hear of it once more');
SELECT is((SELECT row(state, count, flapping)::text FROM pulse_alerts()), '(firing,5,t)', 'it is counted');
SELECT pass(38.9);
SELECT is(states(), 'dd firing HIGH', 'until it has been quiet for the window');
SELECT pass(39);
SELECT is(states() || ', ' || news(), ', LOW Resolved: Dd: main', 'then it is over');
SELECT step(100, 0.2);
SELECT is((SELECT row(count, flapping)::text FROM pulse_alerts()), '(1,f)', 'and forgotten');

-- groups, storms -------------------------------------------------------------------------------------------------
SELECT forget();
SELECT pulse_alert_rule_set('dd', metric => 'current_drawdown', warning => 0.10, critical => 0.5);
INSERT INTO pulse.performance_state (portfolio, computed_at, version, reader, ts, current_drawdown)
	SELECT 'p' || i, at(0), nextval('pulse.performance_version'), 10, at(0), 0.2 + i / 1000.0 FROM generate_series(1, 12) i;
SELECT pass(0);
SELECT is(news(), 'HIGH Dd: 12 alerts', 'many at once are one message');
SELECT is((SELECT data ->> 'count' FROM pulse.delivery), '12', 'with their number');
SELECT ok((SELECT message LIKE 'Dd: p%and 2 more' FROM pulse.delivery), 'and the first of them');
SELECT is((SELECT count(*)::int FROM pulse_alerts()), 12, 'each is an alert of its own');
UPDATE pulse.performance_state SET current_drawdown = 0, version = nextval('pulse.performance_version') WHERE portfolio IN ('p1', 'p2');
SELECT pass(1);
SELECT is(news(), 'LOW Resolved: Dd: p1; LOW Resolved: Dd: p2', 'two are told one by one');
INSERT INTO pulse.performance_state (portfolio, computed_at, version, reader, ts, current_drawdown)
	SELECT 'q' || i, at(0), nextval('pulse.performance_version'), 10, at(0), 0.2 FROM generate_series(1, 20) i;
SELECT pass(2);
SELECT is(news(), 'CRITICAL Alert storm: 32 alerts; HIGH Dd: 20 alerts', 'a storm is escalated');
SELECT is((SELECT data ->> 'escalate' FROM pulse.delivery WHERE title LIKE 'Alert storm%'), 'true', 'as such');
SELECT pass(3);
SELECT is(news(), '', 'once');
SELECT pass(20);
SELECT is(news(), 'LOW Alert storm is over', 'and it is over');
DELETE FROM pulse.performance_state WHERE portfolio LIKE 'q%';
SELECT pass(21);
SELECT is((SELECT count(*)::int FROM pulse_alerts('resolved') WHERE portfolio LIKE 'q%'), 20, 'alerts of portfolios that are gone are resolved');
SELECT is((SELECT DISTINCT resolution FROM pulse.alert WHERE portfolio LIKE 'q%'), 'gone', 'as such');
SELECT news();
SELECT pulse_alert_rule_set('dd', portfolios => ARRAY['p*', '!p3']);
SELECT pass(22);
SELECT is((SELECT state || ' ' || resolution FROM pulse.alert WHERE portfolio = 'p3'), 'resolved rule', 'a rule that is narrowed lets go of the rest');
SELECT pulse_alert_rule_drop('dd');
SELECT pass(40);
SELECT is((SELECT count(*)::int FROM pulse_alerts()), 0, 'a rule that is dropped of all');
SELECT is(pulse_alert_rule_drop('dd'), false, 'once');

-- undefined values -----------------------------------------------------------------------------------------------
SELECT forget();
SELECT pulse_alert_rule_set('keep', metric => 'current_drawdown', warning => 0.10);
SELECT pulse_alert_rule_set('clear', metric => 'current_drawdown', warning => 0.10, missing => 'clear');
SELECT pulse_alert_rule_set('alert', metric => 'current_drawdown', warning => 0.10, missing => 'alert');
SELECT step(0, 0.2), step(1, NULL);
SELECT is((SELECT string_agg(rule, ' ' ORDER BY rule) FROM pulse_alerts()), 'alert keep', 'what is undefined stays as it was, or is good');
SELECT step(2, 0), step(3, NULL);
SELECT is((SELECT string_agg(rule, ' ' ORDER BY rule) FROM pulse_alerts()), 'alert', 'or bad');
SELECT pulse_alert_rule_set('low', metric => 'current_drawdown', comparator => '<', warning => 0.10, critical => 0.05, hysteresis => 0.01, min_trades => 1);
SELECT step(4, 0.05);
SELECT is((SELECT count(*)::int FROM pulse_alerts() WHERE rule = 'low'), 0, 'too few trades are too few to judge');
UPDATE pulse.performance_state SET total_trades = 1;
SELECT step(5, 0.05);
SELECT is((SELECT severity FROM pulse_alerts() WHERE rule = 'low'), 'HIGH', 'below a threshold: it is not below itself');
SELECT step(6, 0.049);
SELECT is((SELECT severity FROM pulse_alerts() WHERE rule = 'low'), 'CRITICAL', 'but beyond it');
SELECT step(7, 0.109);
SELECT is((SELECT count(*)::int FROM pulse_alerts() WHERE rule = 'low'), 1, 'and hysteresis is on the other side');
SELECT step(8, 0.11);
SELECT is((SELECT count(*)::int FROM pulse_alerts() WHERE rule = 'low'), 0, 'until it is good');

-- active hours ---------------------------------------------------------------------------------------------------
SELECT forget();
-- 2030-03-04 is a Monday; New York is five hours behind
SELECT pulse_alert_rule_set('dd', metric => 'current_drawdown', warning => 0.10, hold => '1 minute', remind_every => '2 hours',
	active_hours => '{"timezone": "America/New_York", "days": [1, 2, 3, 4, 5], "from": "09:30", "to": "16:00"}');
SELECT step(14 * 60, 0.5), pass(14 * 60 + 5);
SELECT is(states(), '', 'a rule sleeps outside of its hours');
SELECT pass(14 * 60 + 30);
SELECT is(states(), 'dd pending HIGH', 'and looks at everything when it wakes');
SELECT pass(14 * 60 + 31);
SELECT is(states() || ', ' || news(), 'dd firing HIGH, HIGH Dd: main', 'from then on');
SELECT pass(22 * 60), pass(23 * 60), step(30 * 60, 0.01);
SELECT is(states() || news(), 'dd firing HIGH', 'what fires stays as it is while the rule sleeps, and nobody is reminded');
SELECT pass(38.5 * 60);
SELECT is(states() || ', ' || news(), ', LOW Resolved: Dd: main', 'the next morning it is over');
SELECT is(pulse.rule_is_awake('{"from": "22:00", "to": "06:00", "days": [5]}', '2030-03-09 05:00Z'), true, 'a night belongs to the day on which it begins');
SELECT is(pulse.rule_is_awake('{"from": "22:00", "to": "06:00", "days": [5]}', '2030-03-08 05:00Z'), false, 'not to the one on which it ends');
SELECT throws_ok($$SELECT pulse_alert_rule_set('x', metric => 'sharpe', warning => 1, active_hours => '{"timezone": "Mars"}')$$, '22023', NULL, 'a zone that there is not');

-- a storm larger than one evaluation takes ----------------------------------------------------------------------
SELECT forget();
SELECT pulse_config_set('alerts.batch', '4');
SELECT pulse_alert_rule_set('dd', metric => 'current_drawdown', critical => 0.20);
INSERT INTO pulse.performance_state (portfolio, computed_at, version, reader, ts, total_value, current_drawdown, total_trades)
	SELECT 'p' || i, at(0), nextval('pulse.performance_version'), 10, at(0), 1000, 0.5, 0 FROM generate_series(1, 10) i;
SELECT is(pulse.evaluate_alerts(at(5000)), at(5000), 'it goes on at once');
SELECT is((SELECT count(*) FROM pulse.alert WHERE state = 'firing'), 4::bigint, 'after so many alerts as one evaluation may begin');
UPDATE pulse.performance_state SET current_drawdown = 0.01, version = nextval('pulse.performance_version') WHERE portfolio = (SELECT min(portfolio) FROM pulse.alert);
SELECT pass(5000);
SELECT is(pulse.evaluate_alerts(at(5000)), NULL, 'until all have begun');
SELECT is((SELECT string_agg(DISTINCT c::text, ' ') FROM (SELECT count(*) AS c FROM pulse.alert WHERE portfolio LIKE 'p%' GROUP BY portfolio) q), '1', 'each once');
SELECT is((SELECT count(*) FROM pulse.alert WHERE state = 'firing'), 9::bigint, 'and what became good meanwhile is over');

SELECT * FROM finish();
