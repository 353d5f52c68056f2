-- Which fills rules are about: found out in C for all of them, and judged exactly for the few that matter.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(16);

SELECT pulse_setup();
UPDATE pulse.job SET enabled = false;
DELETE FROM pulse.alert_rule;

-- What the look ahead says is what the rules say: fills with all kinds of numbers against all kinds of bounds.
CREATE TABLE fill AS
	SELECT row_number() OVER () AS nr, jsonb_build_object('symbol', 'BTCUSDT', 'side', s.side, 'quantity', q.quantity, 'price', '3', 'value', (q.quantity::numeric * 3)::text,
		'realized_pnl', p.pnl, 'position', x.position) AS data, e.equity
	FROM (VALUES ('BUY'), ('SELL')) s (side), (VALUES ('1'), ('2.50'), ('0.30000000000000000001'), ('12345678901234567890.123')) q (quantity),
		(VALUES (NULL), ('0'), ('-7.5'), ('0.3')) p (pnl), (VALUES ('0.00'), ('1'), ('-1'), ('-2.5'), ('0.30000000000000000001'), ('-0.5')) x (position),
		(VALUES (NULL::float8), (0), (-5), (30), ('Infinity'), ('NaN')) e (equity);
CREATE TABLE bound AS
	SELECT row_number() OVER () AS nr, m.metric, c.comparator, w.warning, k.critical
	FROM unnest(pulse.trade_properties()) m (metric), (VALUES ('>'), ('>='), ('<'), ('<=')) c (comparator),
		(VALUES (NULL::float8), (0), (0.3), (-7.5)) w (warning), (VALUES (NULL::float8), (7.5)) k (critical);
CREATE FUNCTION beyond(value float8, comparator text, threshold float8) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT coalesce(CASE WHEN comparator IN ('<', '<=') THEN -value > -threshold ELSE value > threshold END OR (comparator IN ('<=', '>=') AND value = threshold), false) $$;
CREATE FUNCTION bounds(b bound, portfolios text[] DEFAULT NULL, symbols text[] DEFAULT NULL) RETURNS pulse.trade_bound[] LANGUAGE sql IMMUTABLE AS $$
	SELECT ARRAY[ROW((b).metric, (b).comparator IN ('<', '<='), (b).comparator IN ('<=', '>='),
		CASE WHEN (b).comparator IN ('<', '<=') THEN greatest((b).warning, (b).critical) ELSE least((b).warning, (b).critical) END, portfolios, symbols)::pulse.trade_bound] $$;
SELECT is((SELECT count(*)::int FROM unnest(pulse.trade_properties())), 8, 'every property of a fill is looked at here');
SELECT is_empty($$SELECT b.metric, b.comparator, b.warning, b.critical, f.data, f.equity FROM fill f CROSS JOIN bound b
	WHERE pulse.trade_is_notable(bounds(b), f.data, 'main', f.equity)
		IS DISTINCT FROM (beyond(pulse.trade_value(b.metric, f.data, f.equity), b.comparator, b.warning) OR beyond(pulse.trade_value(b.metric, f.data, f.equity), b.comparator, b.critical))
	LIMIT 5$$, 'a fill is notable when it is beyond a threshold, and only then');
SELECT is((SELECT count(*)::int FROM fill f WHERE pulse.trade_is_notable((SELECT array_agg(x) FROM bound b, unnest(bounds(b)) x), f.data, 'main', f.equity)), (SELECT count(*)::int FROM fill),
	'many rules at once');
SELECT is(pulse.trade_is_notable(ARRAY[ROW('opened', false, true, 1, NULL, NULL)::pulse.trade_bound], '{"quantity": "1", "side": "BUY", "position": null}', 'main', NULL), true,
	'what is not known is looked at closely');
SELECT is(pulse.trade_is_notable(ARRAY[ROW('value', false, true, 1, NULL, NULL)::pulse.trade_bound], jsonb_build_object('value', repeat('9', 300)), 'main', NULL), true,
	'as is what has too many digits');
SELECT is(pulse.trade_is_notable(ARRAY[ROW('value', false, true, 1, NULL, NULL)::pulse.trade_bound], '{"value": "NaN"}', 'main', NULL), true, 'and what is no number');
SELECT results_eq($$SELECT pulse.trade_is_notable(b, '{"symbol": "BTCUSDT", "value": "5"}', p, NULL) FROM (VALUES
	(1, ARRAY[ROW('value', false, true, 1, '{m*}', NULL)::pulse.trade_bound], 'main'), (2, ARRAY[ROW('value', false, true, 1, '{m*}', NULL)::pulse.trade_bound], 'test'),
	(3, ARRAY[ROW('value', false, true, 1, NULL, '{!BTC*}')::pulse.trade_bound], 'main'), (4, ARRAY[ROW('value', false, true, 1, NULL, '{!ETH*}')::pulse.trade_bound], 'main'),
	(5, ARRAY[ROW('value', false, true, 1, '{}', NULL)::pulse.trade_bound], NULL), (6, ARRAY[ROW('value', false, true, 1, '{main}', NULL)::pulse.trade_bound], NULL),
	(7, ARRAY[ROW('value', false, true, NULL, NULL, NULL)::pulse.trade_bound], 'main'), (8, '{}', 'main'), (9, NULL, 'main')) x (nr, b, p) ORDER BY nr$$,
	$$VALUES (true), (false), (false), (true), (true), (false), (false), (false), (false)$$, 'patterns of portfolios and symbols');

-- All the way: a rule with a pattern and a threshold of its own among others.
SELECT pulse_alert_rule_set('big', trade => 'value', warning => 1000, critical => 2000, symbols => '{B*}');
SELECT pulse_alert_rule_set('losing', trade => 'loss', comparator => '>', warning => 0);
SELECT pulse_alert_rule_set('asleep', trade => 'value', warning => 0, enabled => false);
SELECT pulse_tick(), pulse.evaluate_alerts(now());
SELECT seq AS before FROM pulse.sequencer \gset
INSERT INTO trades (portfolio, symbol, side, quantity, price) VALUES ('t', 'BTC', 'BUY', 1, 999.99), ('t', 'BTC', 'BUY', 1, 1000), ('t', 'ETH', 'BUY', 1, 5000), ('t', 'BTC', 'BUY', 2, 1000),
	('t', 'ETH', 'SELL', 1, 5000), ('t', 'BTC', 'SELL', 0.5, 10);
INSERT INTO trades (portfolio, symbol, side, quantity, price, executed_at) VALUES ('t', 'BTC', 'BUY', 1, 9000, now() - interval '1 day');
SELECT pulse_tick();
SELECT is((SELECT string_agg(e.key || ' ' || (e.data ->> 'value'), ', ' ORDER BY e.seq) FROM pulse.event e WHERE e.seq = ANY (pulse.notable_trades(:before, :before + 1000, 100))),
	'BTC 9000, BTC 1000, BTC 2000, BTC 5.0', 'the few that matter');
SELECT is((SELECT cardinality(pulse.notable_trades(:before, :before + 1000, 2))), 2, 'the first ones of them');
SELECT pulse.evaluate_alerts(now());
SELECT is((SELECT string_agg(concat_ws(' ', a.rule, a.severity, a.value), ', ' ORDER BY a.alert_id) FROM pulse.alert a), 'big HIGH 1000, big CRITICAL 2000, losing HIGH ' ||
	(SELECT -(data ->> 'realized_pnl')::float8 FROM pulse.event WHERE type = 'TRADE_ALERT' AND data ->> 'value' = '5.0'), 'have their alerts, but for what is old');
SELECT pulse.evaluate_alerts(now());
SELECT is((SELECT count(*)::int FROM pulse.alert), 3, 'once');

-- Many that matter are taken piece by piece; many that do not, at once.
DELETE FROM pulse.alert_rule;
DELETE FROM pulse.alert;
SELECT pulse_alert_rule_set('every', trade => 'value', warning => 1, portfolios => '{crowd}', notify => false);
SELECT pulse.evaluate_alerts(now());
INSERT INTO trades (portfolio, symbol, side, quantity, price) SELECT p, 'BTC', 'BUY', 1, 1 FROM generate_series(1, 1500) i, unnest('{crowd,quiet}'::text[]) p;
SELECT count(pulse_tick()) FROM generate_series(1, 4);
SELECT is((SELECT count(*)::int FROM pulse.fill WHERE event_seq IS NULL), 0, 'all of them are announced');
SELECT isnt(pulse.evaluate_alerts(now()), NULL, 'an evaluation has enough for one time');
SELECT is((SELECT count(*)::int FROM pulse.alert), 1000, 'having told a thousand');
SELECT is(pulse.evaluate_alerts(now()), NULL, 'and the next one goes on');
SELECT is((SELECT count(*)::int FROM pulse.alert), 1500, 'with the rest');
SELECT * FROM finish();
