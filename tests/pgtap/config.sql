-- Settings: typed, documented, with environments and a history; secrets are refused.
\set ON_ERROR_STOP on
SET client_min_messages = error;
SELECT plan(50);

-- what there is
SELECT is_empty($$SELECT key FROM pulse_config() WHERE coalesce(description, '') = ''$$, 'every setting is described');
SELECT is_empty($$SELECT c.key FROM pulse_config() c CROSS JOIN LATERAL pulse.config_parse(c.key, coalesce(c.default_value #>> '{}', 'none')) p
	WHERE p.problem IS NOT NULL OR p.parsed <> c.default_value$$, 'every default is a value that the setting may have, written as it is stored');
SELECT is_empty($$SELECT k.key FROM pulse.config_key k CROSS JOIN LATERAL jsonb_each_text(k.presets) e CROSS JOIN LATERAL pulse.config_parse(k.key, e.value) p
	WHERE p.problem IS NOT NULL OR e.key NOT IN ('development', 'testing', 'production')$$, 'and so is every preset');
SELECT is_empty('SELECT * FROM pulse_validate_config()', 'nothing is wrong with the defaults');
SELECT results_eq($$SELECT key, value #>> '{}' FROM pulse_config('performance.target_*') WHERE value <> 'null'$$,
	$$VALUES ('performance.target_annual_return', '0.28'), ('performance.target_max_drawdown', '0.15'), ('performance.target_sharpe', '1.8'), ('performance.target_win_rate', '0.65')$$,
	'the goals');
SELECT is((SELECT count(*) FROM pulse_config('reports')), (SELECT count(*) FROM pulse_config('reports.*')), 'a section by its name');

-- setting
SELECT is(pulse_config_set('performance.target_annual_return', 0.30), '0.3', 'a number');
SELECT is(pulse.config_float('performance.target_annual_return'), 0.3::float8, 'holds at once');
SELECT is((SELECT goal FROM pulse_targets() WHERE target = 'annual_return'), 0.3::float8, 'where it is used');
SELECT is(pulse_config_set('notifications.dedup_window', interval '5 minutes'), '"00:05:00"', 'an interval');
SELECT is(pulse_config_set('notifications.dedup_window', '300 seconds'), '"00:05:00"', 'in whatever words');
SELECT is(pulse_config_set('notifications.enabled', false), 'false', 'a boolean');
SELECT is(pulse_config_set('notifications.enabled', 'on'), 'true', 'as text too');
SELECT is(pulse_config_set('notifications.max_per_hour', 7), '7', 'an integer');
SELECT is(pulse_config_set('notifications.min_priority', 'high'), '"HIGH"', 'a choice in any case');
SELECT is(pulse_config_set('reports.timezone', 'Europe/Berlin'), '"Europe/Berlin"', 'a time zone');
SELECT results_eq($$SELECT value, origin, updated_by = session_user FROM pulse_config('reports.timezone')$$, $$VALUES ('"Europe/Berlin"'::jsonb, 'set', true)$$, 'and who set it');

-- refusing
SELECT throws_ok($$SELECT pulse_config_set('performance.target_anual_return', 1)$$, '22023', $$unknown setting: 'performance.target_anual_return'$$, 'an unknown key');
CREATE FUNCTION hint_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE hint text;
BEGIN EXECUTE statement; RETURN 'no error'; EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT; RETURN hint; END $$;
SELECT matches(hint_of($$SELECT pulse_config_set('performance.target_anual_return', 1)$$), '"performance.target_annual_return"', 'names the nearest');
SELECT matches(hint_of($$SELECT pulse_config_set('dedup_window', '1 s')$$), '"notifications.dedup_window"', 'also where the section was forgotten');
SELECT matches(hint_of($$SELECT pulse.config_float('report.time_zone')$$), '"reports.timezone"', 'reading one too');
SELECT lives_ok(format($$SELECT hint_of(%L)$$, format($$SELECT pulse_config_set(%L, '1')$$, repeat('ü', 100000))), 'however long it is');
SELECT throws_ok($$SELECT pulse_config_set('performance.target_win_rate', 65)$$, '22023', NULL, 'out of range');
SELECT throws_ok($$SELECT pulse_config_set('performance.target_win_rate', 'NaN'::float8)$$, '22023', NULL, 'not a number');
SELECT throws_ok($$SELECT pulse_config_set('performance.target_win_rate', 'much')$$, '22023', NULL, 'no number at all');
SELECT throws_ok($$SELECT pulse_config_set('notifications.max_per_hour', 1.5)$$, '22023', NULL, 'no whole number');
SELECT throws_ok($$SELECT pulse_config_set('notifications.dedup_window', '5')$$, '22023', NULL, 'a duration without a unit');
SELECT throws_ok($$SELECT pulse_config_set('notifications.min_priority', 'URGENT')$$, '22023', NULL, 'none of the choices');
SELECT throws_ok($$SELECT pulse_config_set('reports.timezone', 'Europe/Berln')$$, '22023', NULL, 'no such zone');
SELECT throws_ok($$SELECT pulse_config_set('reports.timezone', 'none')$$, '22023', NULL, 'what must have a value');
SELECT throws_ok($$SELECT pulse_config_set('reports.timezone', NULL::text)$$, '22004', NULL, 'NULL is not a value');
SELECT throws_ok($$SELECT pulse_config_set('telegram.bot_token', 'x')$$, '22023', 'secrets are not kept in the database', 'a secret');
SELECT throws_ok($$SELECT pulse_config_set('notifications.title_prefix', '123456789:' || repeat('A', 35))$$, '22023', 'secrets are not kept in the database', 'wherever it is put');
SELECT matches(hint_of($$SELECT pulse_config_set('telegram.bot_token', 'x')$$), 'token_file.*TELEGRAM_BOT_TOKEN.*credential', 'with a hint where it belongs');

-- environments
SELECT is(pulse_config_set('notifications.max_per_hour', 9, 'testing'), '9', 'for one environment');
SELECT is(pulse.config_integer('notifications.max_per_hour'), 7::bigint, 'which is not the active one');
SELECT results_eq($$SELECT key, old_value, new_value FROM pulse_apply_environment('Testing')$$,
	$$VALUES ('notifications.max_per_hour', '7'::jsonb, '9'::jsonb), ('notifications.title_prefix', '""', '"[test] "')$$, 'shows what it changes');
SELECT results_eq($$SELECT value #>> '{}', origin FROM pulse_config('notifications.title_prefix')$$, $$VALUES ('[test] ', 'testing')$$, 'a preset says so');
SELECT is(pulse.config_bool('notifications.enabled'), true, 'what was set for all comes before a preset');
SELECT is(pulse_config_reset('notifications.enabled'), 'false', 'the preset, once that is forgotten');
SELECT throws_ok($$SELECT * FROM pulse_apply_environment('staging')$$, '22023', NULL, 'an unknown environment');
SELECT throws_ok($$SELECT * FROM pulse_apply_environment(NULL)$$, '22023', NULL, 'none');
SELECT lives_ok($$SELECT pulse_apply_environment('production')$$, 'and back');
SELECT is(pulse.config_integer('notifications.max_per_hour'), 7::bigint, 'to what held before');

-- goals through the view
UPDATE pulse.target SET goal = 0.5 WHERE metric = 'win_rate';
INSERT INTO pulse.target VALUES ('sortino', 2);
DELETE FROM pulse.target WHERE metric = 'sharpe';
SELECT results_eq('SELECT metric, goal FROM pulse.target ORDER BY 1', $$VALUES ('annual_return', 0.3::float8), ('max_drawdown', 0.15), ('sortino', 2), ('win_rate', 0.5)$$, 'pulse.target can be edited as a table');

-- history
SELECT results_eq($$SELECT environment, old_value, new_value, changed_by = session_user FROM pulse_config_history('notifications.enabled')$$,
	$$VALUES (NULL, 'true'::jsonb, NULL::jsonb, true), (NULL, 'false', 'true', true), (NULL, NULL, 'false', true)$$, 'who changed what');
SELECT throws_ok($$INSERT INTO pulse.config (key, environment, value) VALUES ('reports.timezone', 'mars', '"UTC"')$$, '23514', NULL, 'an environment that is none');
INSERT INTO pulse.config (key, value) VALUES ('of.another.version', '1'), ('performance.target_calmar', '"x"');
SELECT is_empty($$SELECT FROM pulse.config WHERE key IN ('of.another.version', 'performance.target_calmar')$$, 'a restore from another version leaves out what is unknown or unfit');

-- rights
CREATE ROLE config_nobody;
GRANT USAGE ON SCHEMA public, tap TO config_nobody;
SET ROLE config_nobody;
SELECT lives_ok($$SELECT * FROM pulse_config(), pulse.config_float('performance.target_calmar')$$, 'anybody may look');
SELECT throws_ok($$SELECT pulse_config_set('performance.target_calmar', 3)$$, '42501', NULL, 'not everybody may set');
RESET ROLE;
SELECT * FROM finish();
