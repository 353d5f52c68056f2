-- What the dashboard shows beside the snapshot: exposure, the history of health.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(11);
SELECT pulse_setup();
UPDATE pulse.job SET enabled = false;

SELECT is(pulse.exposure_data(NULL), '{"equity": null, "long_value": "0", "short_value": "0", "gross_leverage": null, "net_leverage": null, "positions": []}',
	'nothing is exposed before the first trade');
INSERT INTO portfolio_snapshots (portfolio, total_value) VALUES ('a', 1000), ('b', 3000);
INSERT INTO trades (portfolio, symbol, side, quantity, price) VALUES ('a', 'X', 'BUY', 5, 100), ('b', 'X', 'BUY', 3, 100), ('b', 'Y', 'SELL', 2, 200);
SELECT is(pulse.exposure_data('a') - 'positions', '{"equity": "1000", "long_value": "500", "short_value": "0", "gross_leverage": 0.5, "net_leverage": 0.5}', 'one portfolio');
SELECT is(pulse.exposure_data(NULL) - 'positions', '{"equity": "4000", "long_value": "800", "short_value": "400", "gross_leverage": 0.3, "net_leverage": 0.1}',
	'both together');
SELECT is(pulse.exposure_data(NULL) -> 'positions', '[{"symbol": "X", "weight": 0.2, "market_value": "800"}, {"symbol": "Y", "weight": -0.1, "market_value": "-400"}]',
	'positions of several portfolios are added, the largest first');

DELETE FROM pulse.health_sample;
INSERT INTO pulse.health_sample (component, status, latency_ms, checked_at) VALUES
	('api', 'HEALTHY', 10, '2026-01-01 10:10Z'), ('api', 'CRITICAL', 30, '2026-01-01 10:50Z'), ('api', 'WARNING', NULL, '2026-01-01 12:00Z'),
	('other', 'UNKNOWN', 5, '2026-01-01 09:00Z'), ('other', 'HEALTHY', 7, '2026-01-01 11:30Z');
SELECT is(pulse.health_history(3, 3, '2026-01-01 13:00Z'), '[{"component": "api", "status": ["CRITICAL", null, "WARNING"], "latency_ms": [20, null, null]},
	{"component": "other", "status": [null, "HEALTHY", null], "latency_ms": [null, 7, null]}]', 'the worst status and the mean latency of each hour');
SELECT is(pulse.health_history(1, 2, '2026-01-01 12:00Z') #> '{0,status}', '[null, "WARNING"]', 'the end belongs to it');
SELECT is(pulse.health_history(1, 2, '2001-01-01'), '[]', 'nothing recorded');
SELECT throws_ok('SELECT pulse.health_history(0)', '22023', NULL, 'no hours');
SELECT throws_ok('SELECT pulse.health_history(24, 100000)', '22023', NULL, 'too many buckets');

SELECT is(pulse.benchmark_data(now() - interval '1 day'), '{"symbol": null, "ts": [], "price": []}', 'no benchmark is named');
SELECT pulse_config_set('reports.benchmark', 'Z');
INSERT INTO trades (symbol, side, quantity, price, executed_at) VALUES ('Z', 'BUY', 1, 10, '2026-01-01 10:00Z'), ('Z', 'BUY', 1, 11, '2026-01-01 20:00Z'), ('Z', 'SELL', 2, 12, '2026-01-03 05:00Z');
SELECT pulse_tick();
SELECT is(pulse.benchmark_data('2026-01-01', '2026-01-03 06:00Z') - 'ts', '{"symbol": "Z", "price": [11, 12]}', 'the last price of each day');
SELECT * FROM finish();
