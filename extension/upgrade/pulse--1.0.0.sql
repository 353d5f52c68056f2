\echo Use "CREATE EXTENSION pulse" to load this file. \quit

-- The extension may be created WITH SCHEMA pulse; PostgreSQL has then made the schema already.
DO $$
BEGIN
	IF '@extschema@' OPERATOR(pg_catalog.<>) 'pulse' THEN
		CREATE SCHEMA pulse;
	END IF;
END
$$;

COMMENT ON SCHEMA pulse IS 'state of the Pulse extension: sources, events, deliveries, ledger, health';

CREATE FUNCTION pulse_version() RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_version() IS
	'Version of the loaded Pulse library, for example 1.0.0. Compare with pg_extension.extversion, the version of the SQL objects.';
-- What each level of pulse_grant() opens. Every file of the schema adds rows for what it creates.

CREATE TABLE pulse.privilege (
	level		text NOT NULL CHECK (level IN ('reader', 'operator', 'admin', 'worker')),
	kind		text NOT NULL CHECK (kind IN ('table', 'function')),
	name		text NOT NULL,
	privilege	text NOT NULL CHECK (privilege IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'EXECUTE')),
	PRIMARY KEY (level, kind, name, privilege)
);
COMMENT ON TABLE pulse.privilege IS 'what the levels of pulse_grant() may do: operator includes reader, admin includes operator, worker includes reader';
COMMENT ON COLUMN pulse.privilege.level IS 'reader, operator, admin or worker';
COMMENT ON COLUMN pulse.privilege.kind IS 'table (or view), or function';
COMMENT ON COLUMN pulse.privilege.name IS 'of a table in schema pulse, or of a function of the extension with all its forms';
COMMENT ON COLUMN pulse.privilege.privilege IS 'SELECT, INSERT, UPDATE, DELETE, or EXECUTE';

INSERT INTO pulse.privilege (level, kind, name, privilege)
	SELECT 'reader', 'table', unnest(ARRAY['source', 'target', 'config', 'config_key', 'config_history', 'worker_state',
		'notification_type', 'event', 'delivery', 'health_sample', 'heartbeat', 'fill', 'position', 'closed_trade', 'finding',
		'dirty', 'sequencer', 'worker', 'performance_state', 'privilege']), 'SELECT'
	UNION ALL SELECT 'reader', 'function', unnest(ARRAY['pulse_worker_status']), 'EXECUTE'
	UNION ALL SELECT 'operator', 'function', unnest(ARRAY['pulse_heartbeat', 'pulse_notify', 'pulse_send_trade_notification',
		'pulse_send_performance_alert', 'pulse_send_risk_alert', 'pulse_send_system_alert']), 'EXECUTE'
	UNION ALL SELECT 'admin', 'function', unnest(ARRAY['pulse_config_set', 'pulse_config_reset', 'pulse_apply_environment',
		'pulse_tick', 'pulse_worker_start', 'pulse_worker_stop', 'pulse_record_health']), 'EXECUTE'
	UNION ALL SELECT 'worker', 'function', unnest(ARRAY['pulse_tick', 'pulse_worker_start', 'pulse_record_health', 'pulse_heartbeat',
		'pulse_notify']), 'EXECUTE'
	UNION ALL VALUES ('worker', 'table', 'delivery', 'UPDATE'), ('worker', 'table', 'worker_state', 'INSERT'),
		('worker', 'table', 'worker_state', 'UPDATE');
-- Settings of the database: what exists, what the user chose, who changed what. Mechanics of the engine are settings of
-- the server (pulse.*); secrets belong to neither.

CREATE TABLE pulse.config_key (
	key			text PRIMARY KEY CHECK (key ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$'),
	kind		text NOT NULL CHECK (kind IN ('number', 'integer', 'boolean', 'duration', 'text', 'choice', 'timezone', 'list')),
	unit		text,
	default_value	jsonb NOT NULL,
	minimum		double precision,
	maximum		double precision,
	choices		text[],
	presets		jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(presets) = 'object'),
	optional	boolean NOT NULL DEFAULT false,
	description	text NOT NULL,
	CHECK (optional OR default_value <> 'null')
);
COMMENT ON TABLE pulse.config_key IS 'settings that exist, with type, unit, range, default and meaning';
COMMENT ON COLUMN pulse.config_key.key IS 'section.name';
COMMENT ON COLUMN pulse.config_key.kind IS 'type of its values; a duration is an interval, a list an array of choices';
COMMENT ON COLUMN pulse.config_key.unit IS 'unit of a number, NULL for plain ones';
COMMENT ON COLUMN pulse.config_key.default_value IS 'value where nothing else is said; JSON null: none';
COMMENT ON COLUMN pulse.config_key.optional IS 'whether it may have no value';
COMMENT ON COLUMN pulse.config_key.minimum IS 'smallest value; seconds for a duration';
COMMENT ON COLUMN pulse.config_key.maximum IS 'largest value; seconds for a duration';
COMMENT ON COLUMN pulse.config_key.choices IS 'the values that a choice or the elements of a list may have';
COMMENT ON COLUMN pulse.config_key.presets IS 'environment to the default that it has there instead';
COMMENT ON COLUMN pulse.config_key.description IS 'what it does';

CREATE TABLE pulse.config (
	key			text NOT NULL,
	environment	text NOT NULL DEFAULT '' CHECK (environment IN ('', 'development', 'testing', 'production')),
	value		jsonb NOT NULL,
	updated_at	timestamptz NOT NULL DEFAULT now(),
	updated_by	text NOT NULL DEFAULT session_user,
	PRIMARY KEY (key, environment)
);
COMMENT ON TABLE pulse.config IS 'settings that the user chose; change them with pulse_config_set()';
COMMENT ON COLUMN pulse.config.key IS 'which setting';
COMMENT ON COLUMN pulse.config.environment IS 'the environment in which the value holds; empty: in all of them';
COMMENT ON COLUMN pulse.config.value IS 'a number, true or false, or a string';
COMMENT ON COLUMN pulse.config.updated_at IS 'when it was chosen';
COMMENT ON COLUMN pulse.config.updated_by IS 'by which role';

CREATE TABLE pulse.config_history (
	changed_at	timestamptz NOT NULL DEFAULT clock_timestamp(),
	changed_by	text NOT NULL DEFAULT session_user,
	key			text NOT NULL,
	environment	text NOT NULL,
	old_value	jsonb,
	new_value	jsonb
);
CREATE INDEX config_history_time_idx ON pulse.config_history (changed_at);
COMMENT ON TABLE pulse.config_history IS 'who changed which setting when; kept for retention.config_history';
COMMENT ON COLUMN pulse.config_history.changed_at IS 'when';
COMMENT ON COLUMN pulse.config_history.changed_by IS 'the role that was logged in';
COMMENT ON COLUMN pulse.config_history.key IS 'which setting';
COMMENT ON COLUMN pulse.config_history.environment IS 'the environment that it was changed for; empty: all of them';
COMMENT ON COLUMN pulse.config_history.old_value IS 'what had been chosen before, NULL: nothing';
COMMENT ON COLUMN pulse.config_history.new_value IS 'what was chosen, NULL: nothing any more';

CREATE FUNCTION pulse.edit_distance(a text, b text) RETURNS integer
	AS 'MODULE_PATHNAME', 'pulse_edit_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.edit_distance(text, text) IS
	'Levenshtein distance: how many characters must be inserted, removed or replaced to turn one word into the other. Only the first 200 characters of each count.';

CREATE FUNCTION pulse.active_environment() RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
	SELECT coalesce((SELECT c.value #>> '{}' FROM pulse.config c WHERE c.key = 'environment' AND c.environment = ''), 'production')
	$$;
COMMENT ON FUNCTION pulse.active_environment() IS
	'development, testing or production, as pulse_apply_environment() chose it; production when nothing was chosen.';

CREATE FUNCTION pulse.unknown_key(wanted text) RETURNS void
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	near text;
BEGIN
	SELECT k.key INTO near FROM pulse.config_key k
		ORDER BY least(pulse.edit_distance(k.key, lower(wanted)),
			pulse.edit_distance(regexp_replace(k.key, '^.*\.', ''), regexp_replace(lower(wanted), '^.*\.', '')) + 1), k.key LIMIT 1;
	RAISE EXCEPTION 'unknown setting: %', coalesce(quote_literal(left(wanted, 200)), 'NULL')
		USING ERRCODE = 'invalid_parameter_value',
			HINT = format('Did you mean "%s"? SELECT key, description FROM pulse_config() lists all of them.', near);
END
$$;
COMMENT ON FUNCTION pulse.unknown_key(text) IS 'Raises 22023 for a setting that does not exist, and names the nearest one that does.';

CREATE FUNCTION pulse.config_value(key text) RETURNS jsonb
	LANGUAGE plpgsql STABLE PARALLEL SAFE
	AS $$
#variable_conflict use_column
DECLARE
	active text := pulse.active_environment();
	found jsonb;
BEGIN
	SELECT coalesce((SELECT c.value FROM pulse.config c WHERE c.key = k.key AND c.environment IN ('', active)
					 ORDER BY c.environment DESC LIMIT 1), k.presets -> active, k.default_value)
		INTO found FROM pulse.config_key k WHERE k.key = config_value.key;
	IF found IS NULL THEN
		PERFORM pulse.unknown_key(config_value.key);
	END IF;
	RETURN found;
END
$$;
COMMENT ON FUNCTION pulse.config_value(text) IS
	'Value of a setting as it holds now: what the user chose for the active environment, else for all of them, else the preset of the environment, else the default. JSON null: none. Error 22023 for an unknown key.';

CREATE FUNCTION pulse.config_text(key text) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE RETURN pulse.config_value(key) #>> '{}';
COMMENT ON FUNCTION pulse.config_text(text) IS 'A setting as text; NULL when it has no value. Error 22023 for an unknown key.';
CREATE FUNCTION pulse.config_float(key text) RETURNS double precision
	LANGUAGE sql STABLE PARALLEL SAFE RETURN (pulse.config_value(key) #>> '{}')::double precision;
COMMENT ON FUNCTION pulse.config_float(text) IS 'A setting as a number; NULL when it has no value. Error 22023 for an unknown key.';
CREATE FUNCTION pulse.config_integer(key text) RETURNS bigint
	LANGUAGE sql STABLE PARALLEL SAFE RETURN (pulse.config_value(key) #>> '{}')::bigint;
COMMENT ON FUNCTION pulse.config_integer(text) IS 'A setting as a whole number; NULL when it has no value. Error 22023 for an unknown key.';
CREATE FUNCTION pulse.config_interval(key text) RETURNS interval
	LANGUAGE sql STABLE PARALLEL SAFE RETURN (pulse.config_value(key) #>> '{}')::interval;
COMMENT ON FUNCTION pulse.config_interval(text) IS 'A setting as a duration; NULL when it has no value. Error 22023 for an unknown key.';
CREATE FUNCTION pulse.config_bool(key text) RETURNS boolean
	LANGUAGE sql STABLE PARALLEL SAFE RETURN (pulse.config_value(key) #>> '{}')::boolean;
COMMENT ON FUNCTION pulse.config_bool(text) IS 'A setting as true or false; NULL when it has no value. Error 22023 for an unknown key.';
CREATE FUNCTION pulse.config_list(key text) RETURNS text[]
	LANGUAGE sql STABLE PARALLEL SAFE RETURN string_to_array(nullif(pulse.config_value(key) #>> '{}', ''), ',');
COMMENT ON FUNCTION pulse.config_list(text) IS 'A setting as an array of words; NULL when it has no value. Error 22023 for an unknown key.';

CREATE FUNCTION pulse.config_parse(key text, value text, OUT parsed jsonb, OUT problem text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_variable
DECLARE
	k pulse.config_key;
	number double precision;
	span interval;
	words text[];
BEGIN
	SELECT * INTO k FROM pulse.config_key c WHERE c.key = config_parse.key;
	value := btrim(value);
	IF lower(value) IN ('none', 'null') OR (value = '' AND k.optional) THEN
		IF k.optional THEN
			parsed := 'null';
		ELSE
			problem := 'it must have a value';
		END IF;
		RETURN;
	END IF;
	BEGIN
		CASE k.kind
			WHEN 'number', 'integer' THEN
				number := value::double precision;
				IF number = 'NaN' OR abs(number) = 'Infinity' THEN
					problem := 'it is not a finite number';
				ELSIF k.kind = 'integer' AND number <> floor(number) THEN
					problem := 'it is not a whole number';
				ELSE
					parsed := to_jsonb(trim_scale(value::numeric));
				END IF;
			WHEN 'boolean' THEN
				parsed := to_jsonb(value::boolean);
			WHEN 'duration' THEN
				-- a bare number would be seconds to PostgreSQL, and minutes to its writer
				IF value ~ '^[-+.0-9]+$' THEN
					problem := 'a duration needs a unit';
				ELSE
					span := value::interval;
					number := extract(epoch FROM span);
					parsed := to_jsonb(span::text);
				END IF;
			WHEN 'timezone' THEN
				PERFORM now() AT TIME ZONE value;
				IF NOT EXISTS (SELECT FROM pg_catalog.pg_timezone_names n WHERE n.name = value) THEN
					problem := 'it is not a time zone of the IANA database';
				END IF;
				parsed := to_jsonb(value);
			WHEN 'choice' THEN
				parsed := (SELECT to_jsonb(c) FROM unnest(k.choices) c WHERE lower(c) = lower(value));
			WHEN 'list' THEN
				words := ARRAY(SELECT lower(btrim(w)) FROM regexp_split_to_table(value, ',') w WHERE btrim(w) <> '');
				IF k.choices IS NULL OR words <@ k.choices THEN
					parsed := to_jsonb(array_to_string(words, ','));
				END IF;
			ELSE
				IF length(value) > 1000 THEN
					problem := 'it has more than 1000 characters';
				END IF;
				parsed := to_jsonb(value);
		END CASE;
	EXCEPTION WHEN data_exception OR datetime_field_overflow THEN
		problem := format('it is not a %s', k.kind);
	END;
	IF problem IS NULL AND parsed IS NULL THEN
		problem := 'it is none of the possible values';
	ELSIF number < k.minimum OR number > k.maximum THEN
		problem := 'it is out of range';
	END IF;
	IF problem IS NOT NULL THEN
		parsed := NULL;
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.config_parse(text, text) IS
	'Reads a value for a setting that exists: the value as it is stored, or what is wrong with it.';

CREATE FUNCTION pulse.config_domain(k pulse.config_key) RETURNS text
	LANGUAGE sql STABLE
	AS $$
	SELECT concat_ws(' ',
		CASE (k).kind WHEN 'boolean' THEN 'Use true or false.'
			WHEN 'duration' THEN 'Use an interval, for example ''5 minutes''.'
			WHEN 'timezone' THEN 'Use a name like Europe/Berlin or UTC.'
			WHEN 'choice' THEN format('Use %s.', array_to_string((k).choices, ', '))
			WHEN 'list' THEN coalesce(format('Use any of %s, separated by commas.', array_to_string((k).choices, ', ')), 'Separate words by commas.')
			WHEN 'text' THEN 'Use at most 1000 characters.'
			ELSE format('Use a %s%s.', CASE (k).kind WHEN 'integer' THEN 'whole number' ELSE 'number' END, coalesce(format(' (%s)', (k).unit), '')) END,
		CASE WHEN (k).minimum IS NOT NULL AND (k).maximum IS NOT NULL THEN format('It may lie between %s and %s%s.', (k).minimum, (k).maximum, r.unit)
			WHEN (k).minimum IS NOT NULL THEN format('It may not be less than %s%s.', (k).minimum, r.unit)
			WHEN (k).maximum IS NOT NULL THEN format('It may not exceed %s%s.', (k).maximum, r.unit) END,
		CASE WHEN (k).optional THEN 'It may be none.' END)
	FROM (SELECT CASE (k).kind WHEN 'duration' THEN ' seconds' ELSE '' END AS unit) r
	$$;
COMMENT ON FUNCTION pulse.config_domain(pulse.config_key) IS 'Says to people which values a setting may have.';

-- A dump may come from a version with other settings: what this one does not know is left out, not an error.
CREATE FUNCTION pulse.config_check() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	reading record;
BEGIN
	SELECT p.* INTO reading FROM pulse.config_key k CROSS JOIN LATERAL pulse.config_parse(k.key, coalesce(NEW.value #>> '{}', 'none')) p
		WHERE k.key = NEW.key;
	IF NOT FOUND OR reading.problem IS NOT NULL THEN
		RAISE WARNING 'setting "%" is left out: %', NEW.key, coalesce(reading.problem, 'this version does not know it')
			USING HINT = 'Use pulse_config_set().';
		RETURN NULL;
	END IF;
	NEW.value := reading.parsed;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION pulse.config_check() IS
	'Trigger on pulse.config: lets nothing in that could not be read again, also not by a restore; warns and goes on.';
CREATE TRIGGER config_check BEFORE INSERT OR UPDATE ON pulse.config
	FOR EACH ROW EXECUTE FUNCTION pulse.config_check();

CREATE FUNCTION pulse_config(pattern text DEFAULT NULL)
	RETURNS TABLE (key text, value jsonb, unit text, origin text, default_value jsonb, kind text, minimum double precision,
				   maximum double precision, choices text[], description text, updated_at timestamptz, updated_by text)
	LANGUAGE sql STABLE
	AS $$
	SELECT k.key, coalesce(c.value, k.presets -> e.name, k.default_value), k.unit,
		CASE WHEN c.environment <> '' THEN 'set for ' || c.environment WHEN c.key IS NOT NULL THEN 'set'
			WHEN k.presets ? e.name THEN e.name ELSE 'default' END,
		k.default_value, k.kind, k.minimum, k.maximum, k.choices, k.description, c.updated_at, c.updated_by
	FROM (SELECT pulse.active_environment() AS name) e CROSS JOIN pulse.config_key k
		LEFT JOIN LATERAL (SELECT * FROM pulse.config s WHERE s.key = k.key AND s.environment IN ('', e.name)
						   ORDER BY s.environment DESC LIMIT 1) c ON true
	WHERE $1 IS NULL OR k.key LIKE replace(replace($1, '_', '\_'), '*', '%') OR k.key LIKE replace($1, '_', '\_') || '.%'
	ORDER BY k.key
	$$;
COMMENT ON FUNCTION pulse_config(text) IS
	'All settings, or those whose key matches a pattern (health.*, or the section: health): the value that holds now; where it comes from (origin: default, the name of the environment whose preset it is, set, or set for the active environment); unit, default, type, range, choices and meaning; when and by whom it was set. Durations are intervals, their range is in seconds.';

CREATE FUNCTION pulse.config_store(key text, environment text, value jsonb) RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
#variable_conflict use_variable
DECLARE
	old jsonb;
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('pulse config ' || key, 0));
	SELECT c.value INTO old FROM pulse.config c WHERE c.key = config_store.key AND c.environment = config_store.environment;
	IF old IS NOT DISTINCT FROM value THEN
		RETURN;
	ELSIF value IS NULL THEN
		DELETE FROM pulse.config c WHERE c.key = config_store.key AND c.environment = config_store.environment;
	ELSE
		INSERT INTO pulse.config AS c (key, environment, value) VALUES (key, environment, value)
			ON CONFLICT ON CONSTRAINT config_pkey DO UPDATE SET value = excluded.value, updated_at = now(), updated_by = session_user;
	END IF;
	INSERT INTO pulse.config_history (key, environment, old_value, new_value) VALUES (key, environment, old, value);
END
$$;
COMMENT ON FUNCTION pulse.config_store(text, text, jsonb) IS 'Stores a checked value of a setting, or removes it (NULL), and writes the history.';

CREATE FUNCTION pulse.check_environment(environment text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	IF environment IS NULL THEN
		RETURN '';
	ELSIF lower(environment) IN ('development', 'testing', 'production') THEN
		RETURN lower(environment);
	END IF;
	RAISE EXCEPTION 'unknown environment: %', quote_literal(environment)
		USING ERRCODE = 'invalid_parameter_value', HINT = 'Use development, testing or production.';
END
$$;
COMMENT ON FUNCTION pulse.check_environment(text) IS 'An environment''s name in lower case, empty for NULL; error 22023 for anything else.';

CREATE FUNCTION pulse_config_set(key text, value text, environment text DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	k pulse.config_key;
	reading record;
	place text := pulse.check_environment(environment);
BEGIN
	IF key ~* '(^|[._])(token|password|passwd|secret|api_?key|private_?key|credential)s?($|[._])' OR value ~ '^\d{6,12}:[A-Za-z0-9_-]{30,}$'
			OR value ~ '-----BEGIN [A-Z ]*PRIVATE KEY' THEN
		RAISE EXCEPTION 'secrets are not kept in the database'
			USING ERRCODE = 'invalid_parameter_value',
				DETAIL = 'Dumps, replicas and everybody who may read the settings would have it.',
				HINT = 'Put it where only pulse-worker can read it: a file (token_file in pulse.ini), its environment (TELEGRAM_BOT_TOKEN), or a systemd credential.';
	END IF;
	SELECT * INTO k FROM pulse.config_key c WHERE c.key = pulse_config_set.key;
	IF NOT FOUND THEN
		PERFORM pulse.unknown_key(key);
	ELSIF value IS NULL THEN
		RAISE EXCEPTION 'setting "%" cannot be NULL', key
			USING ERRCODE = 'null_value_not_allowed', HINT = format('SELECT pulse_config_reset(%L) goes back to its default.', key);
	ELSIF key = 'environment' AND place <> '' THEN
		RAISE EXCEPTION 'the environment cannot depend on the environment' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT * INTO reading FROM pulse.config_parse(key, value);
	IF reading.problem IS NOT NULL THEN
		RAISE EXCEPTION 'bad value for setting "%": %', key, quote_literal(left(value, 200))
			USING ERRCODE = 'invalid_parameter_value', DETAIL = format('%s%s.', upper(left(reading.problem, 1)), substr(reading.problem, 2)),
				HINT = pulse.config_domain(k);
	END IF;
	PERFORM pulse.config_store(key, place, reading.parsed);
	RETURN reading.parsed;
END
$$;
COMMENT ON FUNCTION pulse_config_set(text, text, text) IS
	'Sets a setting, in one environment or (NULL) in all of them, and returns the value as stored. It holds from the next look at it on: nothing needs to be restarted. Errors: 22023 for an unknown key (the hint names the nearest), a value of another type or out of range, and for secrets, which belong in a file, the environment or a systemd credential of pulse-worker.';

CREATE FUNCTION pulse_config_set(key text, value numeric, environment text DEFAULT NULL) RETURNS jsonb
	LANGUAGE sql VOLATILE AS $$ SELECT @extschema@.pulse_config_set($1, $2::text, $3) $$;
COMMENT ON FUNCTION pulse_config_set(text, numeric, text) IS 'As pulse_config_set(text, text, text).';
CREATE FUNCTION pulse_config_set(key text, value double precision, environment text DEFAULT NULL) RETURNS jsonb
	LANGUAGE sql VOLATILE AS $$ SELECT @extschema@.pulse_config_set($1, $2::text, $3) $$;
COMMENT ON FUNCTION pulse_config_set(text, double precision, text) IS 'As pulse_config_set(text, text, text).';
CREATE FUNCTION pulse_config_set(key text, value boolean, environment text DEFAULT NULL) RETURNS jsonb
	LANGUAGE sql VOLATILE AS $$ SELECT @extschema@.pulse_config_set($1, $2::text, $3) $$;
COMMENT ON FUNCTION pulse_config_set(text, boolean, text) IS 'As pulse_config_set(text, text, text).';
CREATE FUNCTION pulse_config_set(key text, value interval, environment text DEFAULT NULL) RETURNS jsonb
	LANGUAGE sql VOLATILE AS $$ SELECT @extschema@.pulse_config_set($1, $2::text, $3) $$;
COMMENT ON FUNCTION pulse_config_set(text, interval, text) IS 'As pulse_config_set(text, text, text).';

CREATE FUNCTION pulse_config_reset(key text, environment text DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	place record;
	wanted text := pulse.check_environment(environment);
BEGIN
	IF NOT EXISTS (SELECT FROM pulse.config_key k WHERE k.key = pulse_config_reset.key) THEN
		PERFORM pulse.unknown_key(key);
	END IF;
	FOR place IN SELECT c.environment AS name FROM pulse.config c
			WHERE c.key = pulse_config_reset.key AND (wanted = '' OR c.environment = wanted) LOOP
		PERFORM pulse.config_store(key, place.name, NULL);
	END LOOP;
	RETURN pulse.config_value(key);
END
$$;
COMMENT ON FUNCTION pulse_config_reset(text, text) IS
	'Forgets what was set for a setting, in one environment or (NULL) everywhere, and returns the value that holds now. Error 22023 for an unknown key.';

CREATE FUNCTION pulse_apply_environment(environment text)
	RETURNS TABLE (key text, old_value jsonb, new_value jsonb)
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	wanted text := pulse.check_environment(coalesce(pulse_apply_environment.environment, 'NULL'));
	before jsonb := (SELECT jsonb_object_agg(c.key, c.value) FROM @extschema@.pulse_config() c);
BEGIN
	PERFORM pulse.config_store('environment', '', to_jsonb(wanted));
	RETURN QUERY SELECT c.key, before -> c.key, c.value FROM @extschema@.pulse_config() c
		WHERE c.value IS DISTINCT FROM before -> c.key AND c.key <> 'environment' ORDER BY c.key;
END
$$;
COMMENT ON FUNCTION pulse_apply_environment(text) IS
	'Makes development, testing or production the active environment and returns the settings whose value changes thereby. In each, what was set for it comes first, then what was set for all, then its presets (pulse.config_key), then the defaults. Error 22023 for another name.';

CREATE FUNCTION pulse_config_history(pattern text DEFAULT NULL, since timestamptz DEFAULT NULL)
	RETURNS TABLE (changed_at timestamptz, changed_by text, key text, environment text, old_value jsonb, new_value jsonb)
	LANGUAGE sql STABLE
	AS $$
	SELECT h.changed_at, h.changed_by, h.key, nullif(h.environment, ''), h.old_value, h.new_value
	FROM pulse.config_history h
	WHERE ($2 IS NULL OR h.changed_at >= $2)
		AND ($1 IS NULL OR h.key LIKE replace(replace($1, '_', '\_'), '*', '%') OR h.key LIKE replace($1, '_', '\_') || '.%')
	ORDER BY h.changed_at DESC
	$$;
COMMENT ON FUNCTION pulse_config_history(text, timestamptz) IS
	'Who changed which setting when, newest first: the value that had been set before and the one that was set, NULL where there was none; environment NULL: for all of them.';

CREATE FUNCTION pulse_validate_config()
	RETURNS TABLE (key text, value jsonb, problem text, hint text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY
		SELECT c.key, c.value, coalesce(p.problem, 'this version does not know it'),
			CASE WHEN k.key IS NULL THEN 'It has no effect.' ELSE pulse.config_domain(k) END
		FROM pulse.config c LEFT JOIN pulse.config_key k ON k.key = c.key
			LEFT JOIN LATERAL pulse.config_parse(k.key, coalesce(c.value #>> '{}', 'none')) p ON k.key IS NOT NULL
		WHERE k.key IS NULL OR p.problem IS NOT NULL
		ORDER BY c.key;
	-- a pair of levels must keep the order that its defaults have
	RETURN QUERY
		SELECT w.key, v.warning, format('with %s = %s it is never a warning', c.key, v.critical #>> '{}'),
			format('%s is to be %s than %s.', w.key, CASE WHEN d.warning < d.critical THEN 'less' ELSE 'greater' END, c.key)
		FROM pulse.config_key w JOIN pulse.config_key c ON c.key = regexp_replace(w.key, '_warning$', '_critical') AND c.key <> w.key
			CROSS JOIN LATERAL (SELECT pulse.config_value(w.key) AS warning, pulse.config_value(c.key) AS critical) v
			CROSS JOIN LATERAL (SELECT
				CASE w.kind WHEN 'duration' THEN extract(epoch FROM (w.default_value #>> '{}')::interval) ELSE (w.default_value #>> '{}')::numeric END AS warning,
				CASE c.kind WHEN 'duration' THEN extract(epoch FROM (c.default_value #>> '{}')::interval) ELSE (c.default_value #>> '{}')::numeric END AS critical) d
			CROSS JOIN LATERAL (SELECT
				CASE w.kind WHEN 'duration' THEN extract(epoch FROM (v.warning #>> '{}')::interval) ELSE (v.warning #>> '{}')::numeric END AS warning,
				CASE c.kind WHEN 'duration' THEN extract(epoch FROM (v.critical #>> '{}')::interval) ELSE (v.critical #>> '{}')::numeric END AS critical) n
		WHERE CASE WHEN d.warning < d.critical THEN n.warning > n.critical ELSE n.warning < n.critical END
		ORDER BY w.key;
END
$$;
COMMENT ON FUNCTION pulse_validate_config() IS
	'What is wrong with the settings that hold now, each with a hint; no row: nothing. Looks at every value that was set, and whether pairs of warning and critical levels are in order.';

REVOKE ALL ON FUNCTION pulse.config_store(text, text, jsonb), pulse_config_set(text, text, text), pulse_config_set(text, numeric, text),
	pulse_config_set(text, double precision, text), pulse_config_set(text, boolean, text), pulse_config_set(text, interval, text),
	pulse_config_reset(text, text), pulse_apply_environment(text) FROM PUBLIC;

-- What pulse-worker must know again after a restart: nothing that a user sets.
CREATE TABLE pulse.worker_state (
	key			text PRIMARY KEY,
	value		jsonb NOT NULL,
	updated_at	timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE pulse.worker_state IS 'what pulse-worker found out and must know again after a restart';
COMMENT ON COLUMN pulse.worker_state.key IS 'what it is about, for example telegram.moved.<chat>';
COMMENT ON COLUMN pulse.worker_state.value IS 'what it found out';
COMMENT ON COLUMN pulse.worker_state.updated_at IS 'when';

-- What a dump must carry of it.
SELECT pg_catalog.pg_extension_config_dump('pulse.worker_state', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.config', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.config_history', '');

INSERT INTO pulse.config_key (key, kind, unit, optional, default_value, minimum, maximum, description) VALUES
	('performance.target_annual_return', 'number', 'fraction', true, '0.28', -0.99, 1000, 'Goal for the annual return.'),
	('performance.target_sharpe', 'number', NULL, true, '1.8', -100, 100, 'Goal for the Sharpe ratio.'),
	('performance.target_sortino', 'number', NULL, true, 'null', -100, 100, 'Goal for the Sortino ratio.'),
	('performance.target_calmar', 'number', NULL, true, 'null', -1000, 1000, 'Goal for the Calmar ratio.'),
	('performance.target_win_rate', 'number', 'fraction', true, '0.65', 0, 1, 'Goal for the win rate.'),
	('performance.target_profit_factor', 'number', NULL, true, 'null', 0, 1000, 'Goal for the profit factor.'),
	('performance.target_trades_per_day', 'number', 'trades', true, 'null', 0, 1000000, 'Goal for the number of closed trades per day.'),
	('performance.target_max_drawdown', 'number', 'fraction', true, '0.15', 0, 1, 'Limit for the maximum drawdown.'),
	('performance.target_volatility', 'number', 'fraction', true, 'null', 0, 100, 'Limit for the annual volatility.');
INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, choices, presets, description) VALUES
	('environment', 'choice', NULL, '"production"', NULL, NULL, '{development,testing,production}', '{}',
		'The active environment: its presets and what was set for it hold. pulse_apply_environment() sets it and shows what changes.'),
	('notifications.enabled', 'boolean', NULL, 'true', NULL, NULL, NULL, '{"testing": false}',
		'Whether messages leave the database. Off, they are kept as suppressed and still shown in the stream.'),
	('notifications.min_priority', 'choice', NULL, '"LOW"', NULL, NULL, '{LOW,MEDIUM,HIGH,CRITICAL}', '{"development": "HIGH"}',
		'Messages of lower priority are suppressed.'),
	('notifications.dedup_window', 'duration', NULL, '"00:15:00"', 0, 604800, NULL, '{}',
		'Within this time the same message again is counted, not sent.'),
	('notifications.max_per_hour', 'integer', 'messages', '120', 1, 100000, NULL, '{}',
		'Messages of one type and portfolio that leave within an hour, unless its type says otherwise; CRITICAL ones always do.'),
	('notifications.title_prefix', 'text', NULL, '""', NULL, NULL, NULL, '{"testing": "[test] ", "development": "[dev] "}',
		'Put before every title, so that messages of several installations can be told apart.'),
	('reports.timezone', 'timezone', NULL, '"UTC"', NULL, NULL, NULL, '{}', 'IANA zone to which the days of reports belong.'),
	('retention.config_history', 'duration', NULL, '"2 years"', 86400, NULL, NULL, '{}', 'How long the history of the settings is kept.');
-- What users registered: SQL of theirs that runs as them. Definitions are dumped; what came of their runs is not.

CREATE TABLE pulse.registration (
	kind		text NOT NULL CHECK (kind IN ('metric', 'health_check', 'section', 'feed', 'alert_rule')),
	name		text NOT NULL CHECK (name ~ '^[a-z][a-z0-9_.-]{0,99}$'),
	owner		text NOT NULL,
	query		text CHECK (length(query) <= 20000),
	search_path	text NOT NULL,
	every		interval NOT NULL CHECK (every >= '1 second'),
	time_limit	interval CHECK (time_limit BETWEEN '10 ms' AND '60 s'),
	enabled		boolean NOT NULL DEFAULT true,
	description	text,
	created_at	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (kind, name)
);
COMMENT ON TABLE pulse.registration IS 'metrics, health checks, dashboard sections and feeds that users added; each runs as its owner, read-only, for a limited time';
COMMENT ON COLUMN pulse.registration.kind IS 'metric, health_check, section, feed, or alert_rule: the query of the rule of that name';
COMMENT ON COLUMN pulse.registration.name IS 'its name, unique in its kind';
COMMENT ON COLUMN pulse.registration.owner IS 'the role that registered it and as which it runs';
COMMENT ON COLUMN pulse.registration.query IS 'one SELECT; NULL for a feed, whose query is made from pulse.feed';
COMMENT ON COLUMN pulse.registration.search_path IS 'schemas in which its names are looked up, as they were when it was registered';
COMMENT ON COLUMN pulse.registration.every IS 'pause between two runs';
COMMENT ON COLUMN pulse.registration.time_limit IS 'how long a run may take; NULL: extensions.time_limit';
COMMENT ON COLUMN pulse.registration.enabled IS 'false: it does not run; also after it had to be ended by force three times';
COMMENT ON COLUMN pulse.registration.description IS 'what it is about';
COMMENT ON COLUMN pulse.registration.created_at IS 'when it was registered';

CREATE TABLE pulse.registration_state (
	kind		text NOT NULL,
	name		text NOT NULL,
	next_at		timestamptz NOT NULL DEFAULT '-infinity',
	started_at	timestamptz,
	last_run_at	timestamptz,
	last_duration_ms	double precision,
	runs		bigint NOT NULL DEFAULT 0,
	failures	bigint NOT NULL DEFAULT 0,
	failing		integer NOT NULL DEFAULT 0,
	killed		integer NOT NULL DEFAULT 0,
	last_error	text,
	last_error_at	timestamptz,
	result		jsonb,
	result_at	timestamptz,
	PRIMARY KEY (kind, name),
	FOREIGN KEY (kind, name) REFERENCES pulse.registration ON DELETE CASCADE
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.registration_state IS 'what came of the runs of what users registered';
COMMENT ON COLUMN pulse.registration_state.kind IS 'as in pulse.registration';
COMMENT ON COLUMN pulse.registration_state.name IS 'as in pulse.registration';
COMMENT ON COLUMN pulse.registration_state.next_at IS 'when it runs next; each failure in a row doubles the pause, up to an hour';
COMMENT ON COLUMN pulse.registration_state.started_at IS 'since when it is running, NULL: it is not; one that is over without a trace was ended by force';
COMMENT ON COLUMN pulse.registration_state.last_run_at IS 'when it ran last';
COMMENT ON COLUMN pulse.registration_state.last_duration_ms IS 'how long that took';
COMMENT ON COLUMN pulse.registration_state.runs IS 'number of runs';
COMMENT ON COLUMN pulse.registration_state.failures IS 'of which failed';
COMMENT ON COLUMN pulse.registration_state.failing IS 'failures in a row so far';
COMMENT ON COLUMN pulse.registration_state.killed IS 'how often its process had to be ended since it last went well';
COMMENT ON COLUMN pulse.registration_state.last_error IS 'why the last failure failed';
COMMENT ON COLUMN pulse.registration_state.last_error_at IS 'when';
COMMENT ON COLUMN pulse.registration_state.result IS 'what the last good run yielded, in the form of its kind';
COMMENT ON COLUMN pulse.registration_state.result_at IS 'when that was';

-- those of alert rules come back with the rules
SELECT pg_catalog.pg_extension_config_dump('pulse.registration', 'WHERE kind <> ''alert_rule''');

CREATE FUNCTION pulse.registration_added() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	INSERT INTO pulse.registration_state (kind, name) VALUES (NEW.kind, NEW.name) ON CONFLICT DO NOTHING;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION pulse.registration_added() IS 'Trigger on pulse.registration: gives each one, also one that a dump brings, the row that its runs are counted in.';
CREATE TRIGGER registration_added AFTER INSERT ON pulse.registration
	FOR EACH ROW EXECUTE FUNCTION pulse.registration_added();

INSERT INTO pulse.privilege (level, kind, name, privilege)
	SELECT 'reader', 'table', unnest(ARRAY['registration', 'registration_state']), 'SELECT';
INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, description) VALUES
	('extensions.time_limit', 'duration', NULL, '"00:00:02"', 0.01, 60, 'How long a registered metric, check or section may run, unless it was registered with a limit of its own.'),
	('extensions.max_bytes', 'integer', 'bytes', '65536', 1024, 4194304, 'How large the result of a registered metric, check or section may be, as JSON.'),
	('extensions.max_rows', 'integer', 'rows', '1000', 1, 100000, 'How many rows a registered metric, check or section may return.');

CREATE FUNCTION pulse.custom_data(for_portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	IF NOT has_table_privilege('pulse.registration_state', 'SELECT') THEN
		RETURN '{}';
	END IF;
	RETURN (SELECT coalesce(jsonb_object_agg(n.name, pulse.json_number(n.value)), '{}')
		FROM (SELECT DISTINCT ON (m.name) m.name, m.value FROM @extschema@.pulse_custom_metrics(for_portfolio) m
			  WHERE m.portfolio IS NULL OR m.portfolio = for_portfolio ORDER BY m.name, m.portfolio NULLS LAST) n);
END
$$;
COMMENT ON FUNCTION pulse.custom_data(text) IS
	'The registered metrics as JSON, by name: the value of the portfolio, else the one that belongs to none. Empty for who may not read them.';

CREATE FUNCTION pulse.sections_data() RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	IF NOT has_table_privilege('pulse.registration_state', 'SELECT') THEN
		RETURN '{}';
	END IF;
	RETURN (SELECT coalesce(jsonb_object_agg(s.name, s.result), '{}') FROM pulse.registration_state s
			WHERE s.kind = 'section' AND s.result IS NOT NULL);
END
$$;
COMMENT ON FUNCTION pulse.sections_data() IS 'The registered sections as JSON, by name; empty for who may not read them.';

CREATE FUNCTION pulse.with_custom(data jsonb, portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	IF NOT has_table_privilege('pulse.registration_state', 'SELECT') THEN
		RETURN data;
	ELSIF EXISTS (SELECT FROM pulse.registration_state s WHERE s.kind = 'metric') THEN
		RETURN data || jsonb_build_object('custom', pulse.custom_data(portfolio));
	END IF;
	RETURN data;
END
$$;
COMMENT ON FUNCTION pulse.with_custom(jsonb, text) IS
	'Data of PERFORMANCE_UPDATE with the registered metrics as custom, where there are any.';
-- The state of Pulse. Nobody but the extension's owner may touch it directly: pulse_grant() opens what a role needs.

REVOKE ALL ON SCHEMA pulse FROM PUBLIC;

-- What is followed -------------------------------------------------------------------------------------------------

-- The followed table is named by text and resolved at run time: a bot's migration may rename or recreate it, a dump may
-- restore it later than this row, and neither may be an error.
CREATE TABLE pulse.source (
	source_id	integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	kind		text NOT NULL CHECK (kind IN ('snapshots', 'trades')),
	schema_name	text NOT NULL CHECK (schema_name <> ''),
	table_name	text NOT NULL CHECK (table_name <> ''),
	columns		jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(columns) = 'object'),
	timezone	text NOT NULL DEFAULT 'UTC',
	capture		text NOT NULL DEFAULT 'trigger' CHECK (capture IN ('trigger', 'poll')),
	state		text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'detached')),
	epoch		text,
	last_error	text,
	created_at	timestamptz NOT NULL DEFAULT now(),
	poll_every	interval NOT NULL DEFAULT '5 seconds' CHECK (poll_every > '0'),
	polled_at	timestamptz,
	polled_ts	timestamptz,
	compared_at	timestamptz,
	rebook		boolean NOT NULL DEFAULT false,
	archived_before	timestamptz
);
CREATE UNIQUE INDEX source_active_key ON pulse.source (schema_name, table_name, kind) WHERE state = 'active';
COMMENT ON TABLE pulse.source IS 'tables that Pulse follows, by name';
COMMENT ON COLUMN pulse.source.columns IS 'logical column name to the actual one, only where they differ';
COMMENT ON COLUMN pulse.source.timezone IS 'IANA zone in which timestamps without time zone are read';
COMMENT ON COLUMN pulse.source.poll_every IS 'how often a table without triggers is looked at';
COMMENT ON COLUMN pulse.source.polled_ts IS 'time of the newest row that polling has seen';
COMMENT ON COLUMN pulse.source.compared_at IS 'when polling last compared the whole table, not only its newest rows';
COMMENT ON COLUMN pulse.source.epoch IS 'epoch in which the state of this source was last rebuilt; another one means that the row came from a dump';
COMMENT ON COLUMN pulse.source.rebook IS 'a setting has changed that decides how fills are booked: the next tick books all of them again';
COMMENT ON COLUMN pulse.source.archived_before IS 'pulse.metric_state is sealed before this time: snapshots before it no longer count, whether they are deleted, changed or come late';
COMMENT ON COLUMN pulse.source.last_error IS 'why the source could not be read in the last tick, NULL when it could';

-- Written at PRE_COMMIT by the transaction that changed the rows, emptied by the tick. It has no index on purpose: a
-- bot's commit pays one heap insert and nothing else.
CREATE TABLE pulse.dirty (
	source_id	integer NOT NULL,
	portfolio	text,
	min_ts		timestamptz,
	max_ts		timestamptz,
	marked_at	timestamptz NOT NULL
) WITH (autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_analyze_threshold = 1000000000);
COMMENT ON TABLE pulse.dirty IS 'changed time ranges that no tick has processed; visible together with the change itself';
COMMENT ON COLUMN pulse.dirty.portfolio IS 'NULL: every portfolio of the source';
COMMENT ON COLUMN pulse.dirty.min_ts IS 'NULL: the whole time axis, as after TRUNCATE';

-- Events -----------------------------------------------------------------------------------------------------------

-- The row lock on this one row is what makes seq gap-free and equal to the order of commits.
CREATE TABLE pulse.sequencer (
	singleton	boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	seq			bigint NOT NULL DEFAULT 0 CHECK (seq >= 0),
	epoch		text NOT NULL,
	system_identifier	bigint NOT NULL,
	timeline	bigint NOT NULL,
	database	oid NOT NULL,
	health_status	text,
	health_at	timestamptz,
	performance_at	timestamptz,
	event_limit	bigint NOT NULL DEFAULT 131073,
	told_seq	bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO pulse.sequencer (epoch, system_identifier, timeline, database)
	SELECT left(replace(gen_random_uuid()::text, '-', ''), 8), c.system_identifier,
		('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint, d.oid
	FROM pg_control_system() c, pg_database d WHERE d.datname = current_database();
COMMENT ON TABLE pulse.sequencer IS 'the newest event number, and the database incarnation in which it was given';
COMMENT ON COLUMN pulse.sequencer.event_limit IS 'the partitions of pulse.event hold numbers below this one';
COMMENT ON COLUMN pulse.sequencer.epoch IS 'renewed when the database was restored, copied or promoted: numbers of different epochs do not compare';

CREATE TABLE pulse.event (
	seq			bigint PRIMARY KEY,
	epoch		text NOT NULL,
	ts			timestamptz NOT NULL,
	type		text NOT NULL,
	portfolio	text,
	key			text,
	priority	text NOT NULL DEFAULT 'LOW' CHECK (priority IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW')),
	data		jsonb NOT NULL
) PARTITION BY RANGE (seq);
CREATE TABLE pulse.event_1 PARTITION OF pulse.event FOR VALUES FROM (MINVALUE) TO (131073);
COMMENT ON TABLE pulse.event_1 IS 'events below 131073';
CREATE INDEX event_alert_idx ON pulse.event (seq) WHERE type = 'SYSTEM_ALERT';
COMMENT ON TABLE pulse.event IS 'what happened, numbered without gaps in commit order; kept for pulse.event_retention';

CREATE TABLE pulse.delivery (
	delivery_id	bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	created_at	timestamptz NOT NULL DEFAULT now(),
	channel		text NOT NULL DEFAULT 'telegram',
	type		text NOT NULL,
	priority	text NOT NULL DEFAULT 'LOW' CHECK (priority IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW')),
	portfolio	text,
	title		text NOT NULL,
	message		text NOT NULL,
	data		jsonb NOT NULL DEFAULT '{}',
	dedup_key	text,
	not_before	timestamptz NOT NULL DEFAULT now(),
	status		text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'leased', 'sent', 'ambiguous', 'dead')),
	attempts	integer NOT NULL DEFAULT 0,
	duplicates	integer NOT NULL DEFAULT 0,
	lease_until	timestamptz,
	lease_owner	text,
	lease_epoch	bigint,
	uncertain	integer NOT NULL DEFAULT 0,
	external_id	text,
	last_error	text,
	sent_at		timestamptz,
	event_seq	bigint
);
CREATE INDEX delivery_due_idx ON pulse.delivery (channel, not_before) WHERE status IN ('pending', 'leased');
CREATE INDEX delivery_dedup_idx ON pulse.delivery (dedup_key, created_at) WHERE dedup_key IS NOT NULL;
CREATE INDEX delivery_unannounced_idx ON pulse.delivery (delivery_id) WHERE event_seq IS NULL;
COMMENT ON TABLE pulse.delivery IS 'durable outbox of messages to people';
COMMENT ON COLUMN pulse.delivery.event_seq IS 'the event that announced it; NULL: the next tick emits a SYSTEM_ALERT; 0: none is wanted';
COMMENT ON COLUMN pulse.delivery.lease_epoch IS 'fencing number of the lease: only its holder may report the outcome';
COMMENT ON COLUMN pulse.delivery.uncertain IS 'how often a send of it had an unknown outcome; the next one is marked as a possible repeat';

-- Health -----------------------------------------------------------------------------------------------------------

CREATE TABLE pulse.health_sample (
	sample_id	bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	component	text NOT NULL,
	status		text NOT NULL CHECK (status IN ('HEALTHY', 'WARNING', 'CRITICAL', 'UNKNOWN')),
	message		text,
	latency_ms	double precision,
	checked_at	timestamptz NOT NULL DEFAULT now(),
	details		jsonb NOT NULL DEFAULT '{}'
) PARTITION BY RANGE (sample_id);
CREATE TABLE pulse.health_sample_1 PARTITION OF pulse.health_sample FOR VALUES FROM (MINVALUE) TO (131073);
-- holds something only where no tick has run for very long
CREATE TABLE pulse.health_sample_rest PARTITION OF pulse.health_sample DEFAULT;
COMMENT ON TABLE pulse.health_sample_1 IS 'health samples below 131073';
COMMENT ON TABLE pulse.health_sample_rest IS 'health samples for which no partition has been made yet';
CREATE INDEX health_sample_component_idx ON pulse.health_sample (component, checked_at DESC, sample_id DESC);
COMMENT ON TABLE pulse.health_sample IS 'results of health checks; kept for pulse.health_retention';

CREATE TABLE pulse.heartbeat (
	component	text PRIMARY KEY,
	status		text NOT NULL CHECK (status IN ('HEALTHY', 'WARNING', 'CRITICAL', 'UNKNOWN')),
	details		jsonb NOT NULL DEFAULT '{}',
	seen_at		timestamptz NOT NULL DEFAULT now(),
	expect_every	interval
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.heartbeat IS 'last sign of life of each component that reports by itself';
COMMENT ON COLUMN pulse.heartbeat.expect_every IS 'longest silence that is normal; NULL: none is expected';

-- Ledger -----------------------------------------------------------------------------------------------------------

-- One row for each applied fill. No foreign key to pulse.source: the ledger writes these in bulk, and pulse_detach
-- removes them.
CREATE TABLE pulse.fill (
	source_id	integer NOT NULL,
	portfolio	text COLLATE "C" NOT NULL,
	fill_key	text COLLATE "C" NOT NULL,
	executed_at	timestamptz NOT NULL,
	ordinal		bigint NOT NULL DEFAULT 0,
	symbol		text COLLATE "C" NOT NULL,
	side		text NOT NULL CHECK (side IN ('BUY', 'SELL')),
	quantity	numeric NOT NULL,
	price		numeric NOT NULL,
	fee			numeric NOT NULL DEFAULT 0,
	fee_asset	text,
	order_id	text,
	fill_id		text,
	strategy	text,
	confidence	double precision,
	realized_pnl	numeric,
	position	numeric,
	total_realized_pnl	numeric,
	total_fees	numeric,
	event_seq	bigint,
	PRIMARY KEY (source_id, portfolio, fill_key)
);
CREATE INDEX fill_time_idx ON pulse.fill (source_id, portfolio, executed_at);
CREATE INDEX fill_symbol_idx ON pulse.fill (source_id, portfolio, symbol, executed_at);
CREATE INDEX fill_unannounced_idx ON pulse.fill (executed_at, ordinal, fill_key) WHERE event_seq IS NULL;
COMMENT ON TABLE pulse.fill IS 'fills that the ledger has applied';
COMMENT ON COLUMN pulse.fill.ordinal IS 'orders fills of one instant, before fill_key: the id where it is a whole number, else 0';
COMMENT ON COLUMN pulse.fill.realized_pnl IS 'profit that this fill realised before fees, by average cost; NULL when it closed nothing';
COMMENT ON COLUMN pulse.fill.position IS 'signed position in the symbol after this fill';
COMMENT ON COLUMN pulse.fill.total_realized_pnl IS 'realised profit of the symbol up to and with this fill: where a late fill comes in, the replay starts from here';
COMMENT ON COLUMN pulse.fill.event_seq IS 'the TRADE_ALERT that announced it; NULL: the next tick announces it; 0: older than the attachment, never announced';

CREATE TABLE pulse.position (
	source_id	integer NOT NULL REFERENCES pulse.source ON DELETE CASCADE,
	portfolio	text COLLATE "C" NOT NULL,
	symbol		text COLLATE "C" NOT NULL,
	quantity	numeric NOT NULL DEFAULT 0,
	cost		numeric NOT NULL DEFAULT 0,
	realized_pnl	numeric NOT NULL DEFAULT 0,
	fees		numeric NOT NULL DEFAULT 0,
	opened_at	timestamptz,
	dust_since	timestamptz,
	updated_at	timestamptz NOT NULL DEFAULT now(),
	last_executed_at	timestamptz,
	last_ordinal	bigint NOT NULL DEFAULT 0,
	last_fill_key	text,
	open_fill_key	text,
	strategy	text,
	entry_quantity	numeric NOT NULL DEFAULT 0,
	entry_value	numeric NOT NULL DEFAULT 0,
	exit_quantity	numeric NOT NULL DEFAULT 0,
	exit_value	numeric NOT NULL DEFAULT 0,
	trip_gross_pnl	numeric NOT NULL DEFAULT 0,
	trip_fees	numeric NOT NULL DEFAULT 0,
	mark_price	numeric,
	mark_at		timestamptz,
	PRIMARY KEY (source_id, portfolio, symbol)
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.position IS 'signed position and realised result of each symbol, by average cost';
COMMENT ON COLUMN pulse.position.cost IS 'what was paid for the open position, signed like the quantity';
COMMENT ON COLUMN pulse.position.opened_at IS 'when the round trip under way began; NULL: the position is flat, or counts as flat';
COMMENT ON COLUMN pulse.position.dust_since IS 'since when the position has counted as flat though dust is left of it';
COMMENT ON COLUMN pulse.position.entry_quantity IS 'opened so far in the round trip that is under way; likewise the columns to trip_fees';

CREATE TABLE pulse.closed_trade (
	closed_trade_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	source_id	integer NOT NULL,
	portfolio	text COLLATE "C" NOT NULL,
	symbol		text COLLATE "C" NOT NULL,
	side		text NOT NULL CHECK (side IN ('LONG', 'SHORT')),
	quantity	numeric NOT NULL,
	entry_price	numeric NOT NULL,
	exit_price	numeric NOT NULL,
	gross_pnl	numeric NOT NULL,
	fees		numeric NOT NULL,
	net_pnl		numeric NOT NULL,
	trade_return	double precision,
	opened_at	timestamptz NOT NULL,
	closed_at	timestamptz NOT NULL,
	holding		interval NOT NULL,
	strategy	text,
	open_fill_key	text COLLATE "C" NOT NULL,
	close_ordinal	bigint NOT NULL DEFAULT 0,
	close_fill_key	text COLLATE "C" NOT NULL
);
CREATE INDEX closed_trade_time_idx ON pulse.closed_trade (source_id, portfolio, closed_at);
CREATE INDEX closed_trade_symbol_idx ON pulse.closed_trade (source_id, portfolio, symbol, closed_at);
COMMENT ON TABLE pulse.closed_trade IS 'round trips: a position from flat to flat, or to the fill that turned it over';

-- Settings and the worker ------------------------------------------------------------------------------------------

CREATE TABLE pulse.worker (
	singleton	boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	enabled		boolean NOT NULL DEFAULT true,
	pid			integer,
	proc_number	integer,
	started_at	timestamptz,
	last_tick_at	timestamptz,
	ticks		bigint NOT NULL DEFAULT 0,
	last_error	text,
	last_error_at	timestamptz,
	errors		bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO pulse.worker DEFAULT VALUES;
COMMENT ON TABLE pulse.worker IS 'the background worker of this database';
COMMENT ON COLUMN pulse.worker.proc_number IS 'with pid, how a committing backend finds the latch to set';
COMMENT ON COLUMN pulse.worker.enabled IS 'false after pulse_worker_stop(): the launcher leaves this database alone';

REVOKE ALL ON ALL TABLES IN SCHEMA pulse FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA pulse FROM PUBLIC;

-- What a dump must carry: which tables are followed and what was configured. All other state is rebuilt from the
-- user's rows, and nothing is announced twice.
SELECT pg_catalog.pg_extension_config_dump('pulse.source', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.source_source_id_seq', '');
-- The triggers that see changes. They mark; the tick does the rest.

CREATE FUNCTION pulse.capture() RETURNS trigger
	AS 'MODULE_PATHNAME', 'pulse_capture' LANGUAGE C;
COMMENT ON FUNCTION pulse.capture() IS
	'Row trigger of a followed table; its argument is the source_id. Remembers portfolio and time of the changed row in backend memory; just before the commit one row per portfolio goes to pulse.dirty. What it cannot resolve it marks as a change of the whole source; it raises no error for the data it sees.';

CREATE FUNCTION pulse.capture_truncate() RETURNS trigger
	AS 'MODULE_PATHNAME', 'pulse_capture_truncate' LANGUAGE C;
COMMENT ON FUNCTION pulse.capture_truncate() IS
	'TRUNCATE trigger of a followed table; its argument is the source_id. Marks the whole source as changed.';

CREATE FUNCTION pulse.source_changed() RETURNS trigger
	AS 'MODULE_PATHNAME', 'pulse_source_changed' LANGUAGE C;
COMMENT ON FUNCTION pulse.source_changed() IS
	'Trigger on pulse.source: makes every session look the column mapping up again.';

CREATE FUNCTION pulse.wake() RETURNS trigger
	AS 'MODULE_PATHNAME', 'pulse_wake_trigger' LANGUAGE C;
COMMENT ON FUNCTION pulse.wake() IS
	'Trigger on tables that the tick announces: wakes the background worker once the transaction has committed. It never notifies.';

REVOKE ALL ON FUNCTION pulse.capture(), pulse.capture_truncate(), pulse.source_changed(), pulse.wake() FROM PUBLIC;

CREATE TRIGGER source_changed AFTER INSERT OR UPDATE OF source_id, kind, columns, timezone OR DELETE ON pulse.source
	FOR EACH ROW EXECUTE FUNCTION pulse.source_changed();
CREATE TRIGGER wake AFTER INSERT ON pulse.delivery
	FOR EACH STATEMENT EXECUTE FUNCTION pulse.wake();
-- What events say. JSON: money and quantities are decimal strings, times ISO 8601 in UTC.

CREATE FUNCTION pulse.json_time(ts timestamptz) RETURNS text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	AS $$
	SELECT CASE WHEN pg_catalog.isfinite(ts)
		THEN pg_catalog.to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') ELSE ts::text END
	$$;
COMMENT ON FUNCTION pulse.json_time(timestamptz) IS
	'A time as all JSON of Pulse has it: ISO 8601, UTC, microseconds, Z. NULL gives NULL.';

CREATE FUNCTION pulse.trade_alert(fill pulse.fill) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'pulse_trade_alert' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.trade_alert(pulse.fill) IS
	'Data of the TRADE_ALERT event of a fill: quantity, price, value, fee, realized_pnl and position are decimal strings, unknown is null.';

CREATE FUNCTION pulse.fill_message(fill pulse.fill) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
	SELECT pg_catalog.concat_ws(E'\n',
		pg_catalog.format('%s @ %s = %s', trim_scale((fill).quantity), trim_scale((fill).price),
			trim_scale((fill).quantity * (fill).price)),
		'Realized P&L: ' || trim_scale((fill).realized_pnl),
		'Position: ' || trim_scale((fill).position),
		'Strategy: ' || (fill).strategy,
		'Confidence: ' || pg_catalog.to_char((fill).confidence * 100, 'FM999990.0') || ' %')
	$$;
COMMENT ON FUNCTION pulse.fill_message(pulse.fill) IS
	'Text of the message about a fill; lines whose value is unknown are left out.';

CREATE FUNCTION pulse.fills_message(fills jsonb[]) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
	SELECT pg_catalog.string_agg(pg_catalog.format('%s %s: %s fills, %s = %s', s.side, s.symbol, s.fills,
			trim_scale(s.quantity), trim_scale(s.value)), E'\n' ORDER BY s.fills DESC, s.symbol, s.side)
	FROM (SELECT f ->> 'symbol' AS symbol, f ->> 'side' AS side, count(*) AS fills, sum((f ->> 'quantity')::numeric) AS quantity,
				sum((f ->> 'value')::numeric) AS value
			FROM unnest(fills) f GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 10) s
	$$;
COMMENT ON FUNCTION pulse.fills_message(jsonb[]) IS
	'Text of the message about many fills at once, given the data of their TRADE_ALERT events: number, quantity and value for each symbol and side, at most ten lines.';

CREATE FUNCTION pulse.system_alert(delivery pulse.delivery) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
	SELECT pg_catalog.jsonb_build_object(
		'alert_id', (delivery).data -> 'alert_id',
		'notification_id', (delivery).delivery_id,
		'rule', (delivery).data -> 'rule',
		'kind', (delivery).type,
		'severity', (delivery).priority,
		'state', coalesce((delivery).data ->> 'state', 'firing'),
		'title', (delivery).title,
		'message', (delivery).message,
		'value', (delivery).data -> 'value',
		'threshold', (delivery).data -> 'threshold',
		'since', coalesce((delivery).data ->> 'since', pulse.json_time((delivery).created_at)),
		'count', coalesce((delivery).data -> 'count', '1'))
	$$;
COMMENT ON FUNCTION pulse.system_alert(pulse.delivery) IS
	'Data of the SYSTEM_ALERT event that announces a notification; what its own data does not say is null.';

-- The cycle by hand.

CREATE FUNCTION pulse_tick("now" timestamptz DEFAULT NULL) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'pulse_tick' LANGUAGE C VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
REVOKE ALL ON FUNCTION pulse_tick(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse_tick(timestamptz) IS
	'One cycle of the engine in the current transaction: processes what changed, writes events and notifies on commit, then runs the jobs of pulse.job that are due, each in a subtransaction. The background worker does this by itself; call it where none can run. Returns jsonb: seq (newest event), marks, fills and events processed, jobs run, failures, more (true when something was left for the next call). A source that cannot be read is reported by a warning and tried again next time. now is the time that the jobs are given, the clock by default; only the extension''s owner may give another one (error 42501), to see weeks pass in seconds.';
-- The background worker of this database.

CREATE FUNCTION pulse_worker_start() RETURNS integer
	AS 'MODULE_PATHNAME', 'pulse_worker_start' LANGUAGE C VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
REVOKE ALL ON FUNCTION pulse_worker_start() FROM PUBLIC;
COMMENT ON FUNCTION pulse_worker_start() IS
	'Starts the background worker of this database, with or without preloading, and returns its process ID; that of the running one when there is one. It is started again after a crash, but only preloading with pulse.databases brings it back after a restart of the server. Error 53000 when max_worker_processes leaves no slot.';

CREATE FUNCTION pulse_worker_stop() RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_worker_stop' LANGUAGE C VOLATILE PARALLEL UNSAFE
	SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
REVOKE ALL ON FUNCTION pulse_worker_stop() FROM PUBLIC;
COMMENT ON FUNCTION pulse_worker_stop() IS
	'Ends the background worker of this database and keeps it from coming back until pulse_worker_start(); false when none was running. Capture goes on: nothing is lost, it is processed later. Call it before DROP DATABASE.';

CREATE FUNCTION pulse.worker_pid() RETURNS integer
	AS 'MODULE_PATHNAME', 'pulse_worker_pid' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.worker_pid() IS
	'Process ID of this database''s background worker, NULL when none is running.';

CREATE FUNCTION pulse_worker_status(
	OUT state text, OUT pid integer, OUT started_at timestamptz, OUT last_tick_at timestamptz, OUT ticks bigint,
	OUT pending bigint, OUT lag interval, OUT seq bigint, OUT epoch text,
	OUT last_error text, OUT last_error_at timestamptz, OUT errors bigint, OUT preloaded boolean, OUT failing_jobs text[])
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT CASE WHEN p.pid IS NOT NULL THEN 'running' WHEN w.enabled THEN 'absent' ELSE 'stopped' END,
		p.pid, CASE WHEN p.pid = w.pid THEN w.started_at END, w.last_tick_at, w.ticks,
		d.pending, d.lag, q.seq, q.epoch, w.last_error, w.last_error_at, w.errors,
		EXISTS (SELECT FROM regexp_split_to_table(current_setting('shared_preload_libraries', true), '\s*,\s*') AS l (name)
				WHERE trim(BOTH '"' FROM l.name) ~ '(^|/)pulse(\.so)?$'),
		ARRAY(SELECT j.name FROM pulse.job j WHERE j.enabled AND j.failing > 0 ORDER BY j.name)
			|| ARRAY(SELECT format('%s %s: %s', replace(r.kind, '_', ' '), r.name, left(r.last_error, 200)) FROM pulse.registration_state r
					 WHERE r.failing > 0 ORDER BY r.kind, r.name LIMIT 100)
			|| ARRAY(SELECT format('alert rule %s: %s', s.rule, left(s.last_error, 200)) FROM pulse.alert_rule_state s
					 WHERE s.failing > 0 ORDER BY s.rule LIMIT 100)
	FROM pulse.worker w, pulse.sequencer q,
		LATERAL pulse.worker_pid() AS p (pid),
		LATERAL (SELECT count(*) AS pending, clock_timestamp() - min(marked_at) AS lag FROM pulse.dirty) d
	$$;
REVOKE ALL ON FUNCTION pulse_worker_status() FROM PUBLIC;
COMMENT ON FUNCTION pulse_worker_status() IS
	'One row about the background worker of this database: state (running, stopped by pulse_worker_stop(), or absent), its process, ticks that found work, pending marks and lag (age of the oldest), newest event seq and epoch, the last error with its time and the number of all, whether the library is preloaded, and what fails: jobs of pulse.job by name, and metrics, health checks, sections, feeds and queries of alert rules that users registered, each with its error.';
-- What is due by the clock. A piece of the schema adds its job with a plain INSERT; the tick runs it.

CREATE TABLE pulse.job (
	name		text PRIMARY KEY CHECK (name <> ''),
	command		text NOT NULL,
	every		interval NOT NULL CHECK (every > '0'),
	next_at		timestamptz NOT NULL DEFAULT '-infinity',
	enabled		boolean NOT NULL DEFAULT true,
	last_started_at	timestamptz,
	last_finished_at	timestamptz,
	last_duration	interval,
	runs		bigint NOT NULL DEFAULT 0,
	failures	bigint NOT NULL DEFAULT 0,
	failing		integer NOT NULL DEFAULT 0,
	last_error	text,
	last_error_at	timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.job IS 'what the tick runs by the clock, each in a transaction of its own';
COMMENT ON COLUMN pulse.job.command IS 'name of a function (at timestamptz) RETURNS timestamptz: it takes the time for which it is run, never now(), and returns when it wants to run next, NULL for at + every; at itself means again at once';
COMMENT ON COLUMN pulse.job.failing IS 'failures in a row; each one doubles the pause, from one second to five minutes';

-- Apart from pulse.job, so that making a job due never waits for the transaction that runs it.
CREATE TABLE pulse.job_touch (
	name		text NOT NULL
) WITH (autovacuum_vacuum_threshold = 100, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE pulse.job_touch IS 'jobs that are to run at once';

CREATE TRIGGER wake AFTER INSERT ON pulse.job_touch
	FOR EACH STATEMENT EXECUTE FUNCTION pulse.wake();
CREATE TRIGGER wake AFTER INSERT ON pulse.job
	FOR EACH STATEMENT EXECUTE FUNCTION pulse.wake();

REVOKE ALL ON pulse.job, pulse.job_touch FROM PUBLIC;

CREATE FUNCTION pulse.touch_job(name text) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM pulse.job j WHERE j.name = touch_job.name) THEN
		RAISE EXCEPTION 'unknown job: %', quote_literal(name) USING ERRCODE = 'undefined_object';
	END IF;
	IF NOT EXISTS (SELECT FROM pulse.job_touch t WHERE t.name = touch_job.name) THEN
		INSERT INTO pulse.job_touch VALUES (touch_job.name);
	END IF;
END
$$;
REVOKE ALL ON FUNCTION pulse.touch_job(text) FROM PUBLIC;
COMMENT ON FUNCTION pulse.touch_job(text) IS
	'Makes a job due at once; it runs after the commit, or later in the same tick when a job calls it. A job that keeps failing waits for its next attempt all the same. Error 42704 for a job that there is not.';

CREATE FUNCTION pulse.apply_retention(at timestamptz) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'pulse_retention_job' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION pulse.apply_retention(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.apply_retention(timestamptz) IS
	'Job: removes a batch of what is older than its retention; returns its argument when more is left, to run again at once.';

INSERT INTO pulse.job (name, command, every) VALUES ('retention', 'pulse.apply_retention', '10 seconds');
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES ('reader', 'table', 'job', 'SELECT');
-- Tables that grow and are cut off at their old end: partitioned by number, so that what is old is dropped and not
-- deleted row by row. Partitions are made ahead of the need, and are members of the extension: a dump leaves them out
-- and DROP EXTENSION takes them along.

CREATE FUNCTION pulse.partitions(parent text)
	RETURNS TABLE (name name, lower bigint, upper bigint)
	LANGUAGE sql STABLE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT c.relname, coalesce(substring(b.bound FROM 'FROM \(''?(-?\d+)')::bigint, -9223372036854775808), substring(b.bound FROM 'TO \(''?(-?\d+)')::bigint
	FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid,
		LATERAL pg_get_expr(c.relpartbound, c.oid) AS b (bound)
	WHERE i.inhparent = to_regclass(format('pulse.%I', parent)) AND b.bound <> 'DEFAULT'
	ORDER BY 2
	$$;
REVOKE ALL ON FUNCTION pulse.partitions(text) FROM PUBLIC;
COMMENT ON FUNCTION pulse.partitions(text) IS
	'Partitions of a table of schema pulse, but for the default one: numbers from lower up to, but not including, upper.';

CREATE FUNCTION pulse.add_partition(parent text, key text, lower bigint, upper bigint) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
	AS $$
DECLARE
	name text := format('%s_%s', parent, lower);
	rest text := format('%s_rest', parent);
BEGIN
	-- attached, not created as a partition: that locks out nobody who reads or writes the others
	EXECUTE format('CREATE TABLE pulse.%I (LIKE pulse.%I INCLUDING ALL EXCLUDING IDENTITY)', name, parent);
	EXECUTE format('COMMENT ON TABLE pulse.%I IS ''numbers from %s to %s''', name, lower, upper - 1);
	EXECUTE format('ALTER EXTENSION pulse ADD TABLE pulse.%I', name);
	IF to_regclass(format('pulse.%I', rest)) IS NOT NULL THEN
		EXECUTE format('WITH moved AS (DELETE FROM pulse.%I WHERE %I >= %s AND %2$I < %4$s RETURNING *) INSERT INTO pulse.%5$I SELECT * FROM moved',
			rest, key, lower, upper, name);
	END IF;
	EXECUTE format('ALTER TABLE pulse.%I ATTACH PARTITION pulse.%I FOR VALUES FROM (%s) TO (%s)', parent, name, lower, upper);
END
$$;
REVOKE ALL ON FUNCTION pulse.add_partition(text, text, bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION pulse.add_partition(text, text, bigint, bigint) IS
	'Adds a partition to a table of schema pulse and makes it a member of the extension; what the default partition holds of it moves there.';

CREATE FUNCTION pulse.partition_size(rows bigint, span interval, keep interval, previous bigint) RETURNS bigint
	LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp
	AS $$
	-- of a size that makes sixteen of them last as long as rows are kept, but no leap on account of a burst
	SELECT least(greatest(131072, coalesce(rows / greatest(extract(epoch FROM span), 1), 0) * extract(epoch FROM coalesce(keep, interval '1 year')) / 16), previous * 8)::bigint
	$$;
REVOKE ALL ON FUNCTION pulse.partition_size(bigint, interval, interval, bigint) FROM PUBLIC;
COMMENT ON FUNCTION pulse.partition_size(bigint, interval, interval, bigint) IS
	'Rows of the next partition, given how many came within which time, how long they are kept and the size of the previous one: at least 131072.';

CREATE FUNCTION pulse.extend_events(needed bigint) RETURNS bigint
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	newest record;
	size bigint;
	first_at timestamptz;
	last record;
BEGIN
	SELECT * INTO STRICT newest FROM pulse.partitions('event') p ORDER BY p.lower DESC LIMIT 1;
	SELECT e.ts INTO first_at FROM pulse.event e WHERE e.seq >= newest.lower ORDER BY e.seq LIMIT 1;
	SELECT e.ts, e.seq INTO last FROM pulse.event e ORDER BY e.seq DESC LIMIT 1;
	size := pulse.partition_size(last.seq - greatest(newest.lower, 1), last.ts - first_at,
		nullif(current_setting('pulse.event_retention')::interval, '0'), newest.upper - greatest(newest.lower, 1));
	WHILE newest.upper <= needed LOOP
		PERFORM pulse.add_partition('event', 'seq', newest.upper, newest.upper + size);
		newest.upper := newest.upper + size;
	END LOOP;
	UPDATE pulse.sequencer SET event_limit = newest.upper WHERE singleton;
	RETURN newest.upper;
END
$$;
REVOKE ALL ON FUNCTION pulse.extend_events(bigint) FROM PUBLIC;
COMMENT ON FUNCTION pulse.extend_events(bigint) IS
	'Adds partitions to pulse.event until there is one for this number, and returns the first number for which there is none. The caller holds the lock of pulse.sequencer.';

CREATE FUNCTION pulse.extend_samples(at timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	newest record;
	given bigint := (SELECT CASE WHEN q.is_called THEN q.last_value ELSE 0 END FROM pulse.health_sample_sample_id_seq q);
	first_at timestamptz;
	size bigint;
BEGIN
	SELECT * INTO STRICT newest FROM pulse.partitions('health_sample') p ORDER BY p.lower DESC LIMIT 1;
	-- half of the newest one ahead
	IF given < newest.upper - (newest.upper - greatest(newest.lower, 1)) / 2 THEN
		RETURN;
	END IF;
	SELECT s.checked_at INTO first_at FROM pulse.health_sample s WHERE s.sample_id >= newest.lower ORDER BY s.sample_id LIMIT 1;
	size := pulse.partition_size(given - greatest(newest.lower, 1), at - first_at,
		nullif(current_setting('pulse.health_retention')::interval, '0'), newest.upper - greatest(newest.lower, 1));
	WHILE newest.upper <= given + size / 2 LOOP
		PERFORM pulse.add_partition('health_sample', 'sample_id', newest.upper, newest.upper + size);
		newest.upper := newest.upper + size;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION pulse.extend_samples(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.extend_samples(timestamptz) IS
	'Adds a partition to pulse.health_sample as soon as the newest one is half full.';

CREATE FUNCTION pulse.drop_old_partitions(parent text, key text, time_column text, given bigint, before timestamptz) RETURNS integer
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	item record;
	newest timestamptz;
	dropped integer := 0;
BEGIN
	FOR item IN SELECT * FROM pulse.partitions(parent) LOOP
		-- the one in use stays, and what comes after it
		EXIT WHEN item.upper > given;
		EXECUTE format('SELECT %I FROM pulse.%I ORDER BY %I DESC LIMIT 1', time_column, item.name, key) INTO newest;
		EXIT WHEN newest >= before;
		-- Taking a partition away needs the whole table for a moment. Where somebody is just reading it, be it a dump
		-- that takes hours, it is tried again next time: waiting would make all others wait behind us.
		BEGIN
			EXECUTE format('LOCK TABLE pulse.%I IN ACCESS EXCLUSIVE MODE NOWAIT', parent);
			EXECUTE format('ALTER EXTENSION pulse DROP TABLE pulse.%I', item.name);
			EXECUTE format('DROP TABLE pulse.%I', item.name);
			dropped := dropped + 1;
		EXCEPTION WHEN lock_not_available THEN
			EXIT;
		END;
	END LOOP;
	RETURN dropped;
END
$$;
REVOKE ALL ON FUNCTION pulse.drop_old_partitions(text, text, text, bigint, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.drop_old_partitions(text, text, text, bigint, timestamptz) IS
	'Drops partitions that are complete, given the newest number that was given out, and whose newest row is older than before, and returns how many; none while anybody reads the table.';
-- Moving-aggregate support: rows enter and leave the frames of windows.

CREATE FUNCTION pulse.push_spread(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_spread' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_spread(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_spread(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_spread' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_spread(internal, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_spread(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_spread' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_spread(internal, float8, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_shape(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_shape' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_shape(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_shape(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_shape' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_shape(internal, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_growth(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_growth' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_growth(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_partial(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_partial' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_partial(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_partial(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_partial' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_partial(internal, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_partial(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_partial' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_partial(internal, float8, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_threshold(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_threshold' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_threshold(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_threshold(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_threshold' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_threshold(internal, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_order(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_order' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_order(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_order(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_order' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_order(internal, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.pop(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop(internal, float8) IS
	'Internal: a return leaves a window.';
CREATE FUNCTION pulse.pop(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop(internal, float8, float8) IS
	'Internal: a return leaves a window.';
CREATE FUNCTION pulse.pop(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop(internal, float8, float8, float8) IS
	'Internal: a return leaves a window.';
CREATE FUNCTION pulse.push_pair_rate(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate(internal, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate(internal, float8, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate(internal, float8, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate(internal, float8, float8, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods(internal, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods(internal, float8, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate_growth(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_growth' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate_growth(internal, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate_growth(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_growth' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate_growth(internal, float8, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate_growth(internal, float8, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_growth' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate_growth(internal, float8, float8, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods_growth(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods_growth' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods_growth(internal, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods_growth(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods_growth' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods_growth(internal, float8, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.pop_pair(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pair' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pair(internal, float8, float8) IS
	'Internal: a pair leaves a window.';
CREATE FUNCTION pulse.pop_pair(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pair' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pair(internal, float8, float8, float8) IS
	'Internal: a pair leaves a window.';
CREATE FUNCTION pulse.pop_pair(internal, float8, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pair' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pair(internal, float8, float8, float8, float8) IS
	'Internal: a pair leaves a window.';
CREATE FUNCTION pulse.push_pnl(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pnl' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pnl(internal, float8) IS
	'Internal: a trade enters a window.';
CREATE FUNCTION pulse.pop_pnl(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pnl' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pnl(internal, float8) IS
	'Internal: a trade leaves a window.';
CREATE FUNCTION pulse.push_value(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_value' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_value(internal, float8) IS
	'Internal: a value enters a window.';
CREATE FUNCTION pulse.pop_value(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_value' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_value(internal, float8) IS
	'Internal: a value leaves a window.';
CREATE FUNCTION pulse.push_point(internal, timestamptz, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_point' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_point(internal, timestamptz, float8) IS
	'Internal: a point of an equity curve enters a window.';
CREATE FUNCTION pulse.pop_point(internal, timestamptz, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_point' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_point(internal, timestamptz, float8) IS
	'Internal: a point of an equity curve leaves a window.';
CREATE FUNCTION pulse.push_spread(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_spread_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_spread(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_spread(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_spread_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_spread(internal, numeric, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_spread(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_spread_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_spread(internal, numeric, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_shape(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_shape_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_shape(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_shape(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_shape_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_shape(internal, numeric, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_growth(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_growth_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_growth(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_partial(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_partial_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_partial(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_partial(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_partial_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_partial(internal, numeric, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_partial(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_partial_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_partial(internal, numeric, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_threshold(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_threshold_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_threshold(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_threshold(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_threshold_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_threshold(internal, numeric, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_order(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_order_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_order(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_order(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_order_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_order(internal, numeric, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.pop(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop(internal, numeric) IS
	'Internal: a return leaves a window.';
CREATE FUNCTION pulse.pop(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop(internal, numeric, float8) IS
	'Internal: a return leaves a window.';
CREATE FUNCTION pulse.pop(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop(internal, numeric, float8, float8) IS
	'Internal: a return leaves a window.';
CREATE FUNCTION pulse.push_pair_rate(internal, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate(internal, numeric, numeric) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate(internal, numeric, numeric, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate(internal, numeric, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate(internal, numeric, numeric, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods(internal, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods(internal, numeric, numeric) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods(internal, numeric, numeric, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate_growth(internal, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_growth_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate_growth(internal, numeric, numeric) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate_growth(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_growth_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate_growth(internal, numeric, numeric, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_rate_growth(internal, numeric, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_rate_growth_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_rate_growth(internal, numeric, numeric, float8, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods_growth(internal, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods_growth_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods_growth(internal, numeric, numeric) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.push_pair_periods_growth(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pair_periods_growth_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pair_periods_growth(internal, numeric, numeric, float8) IS
	'Internal: a pair enters a window.';
CREATE FUNCTION pulse.pop_pair(internal, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pair' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pair(internal, numeric, numeric) IS
	'Internal: a pair leaves a window.';
CREATE FUNCTION pulse.pop_pair(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pair' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pair(internal, numeric, numeric, float8) IS
	'Internal: a pair leaves a window.';
CREATE FUNCTION pulse.pop_pair(internal, numeric, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pair' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pair(internal, numeric, numeric, float8, float8) IS
	'Internal: a pair leaves a window.';
CREATE FUNCTION pulse.push_pnl(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_pnl_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_pnl(internal, numeric) IS
	'Internal: a trade enters a window.';
CREATE FUNCTION pulse.pop_pnl(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_pnl' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_pnl(internal, numeric) IS
	'Internal: a trade leaves a window.';
CREATE FUNCTION pulse.push_value(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_value_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_value(internal, numeric) IS
	'Internal: a value enters a window.';
CREATE FUNCTION pulse.pop_value(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_value' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_value(internal, numeric) IS
	'Internal: a value leaves a window.';
CREATE FUNCTION pulse.push_point(internal, timestamptz, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_point_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_point(internal, timestamptz, numeric) IS
	'Internal: a point of an equity curve enters a window.';
CREATE FUNCTION pulse.pop_point(internal, timestamptz, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_point' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_point(internal, timestamptz, numeric) IS
	'Internal: a point of an equity curve leaves a window.';
CREATE FUNCTION pulse.moving_volatility(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_volatility' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_volatility(internal) IS
	'Internal: final function of pulse_volatility() over a window.';
CREATE FUNCTION pulse.moving_sharpe(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_sharpe' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_sharpe(internal) IS
	'Internal: final function of pulse_sharpe() over a window.';
CREATE FUNCTION pulse.moving_kelly(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_kelly' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_kelly(internal) IS
	'Internal: final function of pulse_kelly() over a window.';
CREATE FUNCTION pulse.moving_var_gaussian(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_var_gaussian' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_var_gaussian(internal) IS
	'Internal: final function of pulse_var_gaussian() over a window.';
CREATE FUNCTION pulse.moving_cvar_gaussian(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_cvar_gaussian' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_cvar_gaussian(internal) IS
	'Internal: final function of pulse_cvar_gaussian() over a window.';
CREATE FUNCTION pulse.moving_skewness(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_skewness' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_skewness(internal) IS
	'Internal: final function of pulse_skewness() over a window.';
CREATE FUNCTION pulse.moving_kurtosis(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_kurtosis' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_kurtosis(internal) IS
	'Internal: final function of pulse_kurtosis() over a window.';
CREATE FUNCTION pulse.moving_psr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_psr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_psr(internal) IS
	'Internal: final function of pulse_psr() over a window.';
CREATE FUNCTION pulse.moving_var_cornish_fisher(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_var_cornish_fisher' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_var_cornish_fisher(internal) IS
	'Internal: final function of pulse_var_cornish_fisher() over a window.';
CREATE FUNCTION pulse.moving_total_return(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_total_return' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_total_return(internal) IS
	'Internal: final function of pulse_total_return() over a window.';
CREATE FUNCTION pulse.moving_downside_deviation(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_downside_deviation' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_downside_deviation(internal) IS
	'Internal: final function of pulse_downside_deviation() over a window.';
CREATE FUNCTION pulse.moving_sortino(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_sortino' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_sortino(internal) IS
	'Internal: final function of pulse_sortino() over a window.';
CREATE FUNCTION pulse.moving_gain_to_pain(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_gain_to_pain' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_gain_to_pain(internal) IS
	'Internal: final function of pulse_gain_to_pain() over a window.';
CREATE FUNCTION pulse.moving_omega(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_omega' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_omega(internal) IS
	'Internal: final function of pulse_omega() over a window.';
CREATE FUNCTION pulse.moving_var(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_var' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_var(internal) IS
	'Internal: final function of pulse_var() over a window.';
CREATE FUNCTION pulse.moving_cvar(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_cvar' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_cvar(internal) IS
	'Internal: final function of pulse_cvar() over a window.';
CREATE FUNCTION pulse.moving_tail_ratio(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_tail_ratio' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_tail_ratio(internal) IS
	'Internal: final function of pulse_tail_ratio() over a window.';
CREATE FUNCTION pulse.window_beta(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_beta' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_beta(internal) IS
	'Internal: final function of pulse_beta() over a window.';
CREATE FUNCTION pulse.window_tracking_error(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_tracking_error' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_tracking_error(internal) IS
	'Internal: final function of pulse_tracking_error() over a window.';
CREATE FUNCTION pulse.window_information_ratio(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_information_ratio' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_information_ratio(internal) IS
	'Internal: final function of pulse_information_ratio() over a window.';
CREATE FUNCTION pulse.window_alpha(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_alpha' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_alpha(internal) IS
	'Internal: final function of pulse_alpha() over a window.';
CREATE FUNCTION pulse.window_treynor(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_treynor' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_treynor(internal) IS
	'Internal: final function of pulse_treynor() over a window.';
CREATE FUNCTION pulse.window_up_capture(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_up_capture' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_up_capture(internal) IS
	'Internal: final function of pulse_up_capture() over a window.';
CREATE FUNCTION pulse.window_down_capture(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_down_capture' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_down_capture(internal) IS
	'Internal: final function of pulse_down_capture() over a window.';
CREATE FUNCTION pulse.window_win_rate(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_win_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_win_rate(internal) IS
	'Internal: final function of pulse_win_rate() over a window.';
CREATE FUNCTION pulse.window_profit_factor(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_profit_factor' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_profit_factor(internal) IS
	'Internal: final function of pulse_profit_factor() over a window.';
CREATE FUNCTION pulse.window_average_win(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_average_win' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_average_win(internal) IS
	'Internal: final function of pulse_average_win() over a window.';
CREATE FUNCTION pulse.window_average_loss(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_average_loss' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_average_loss(internal) IS
	'Internal: final function of pulse_average_loss() over a window.';
CREATE FUNCTION pulse.window_payoff_ratio(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_payoff_ratio' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_payoff_ratio(internal) IS
	'Internal: final function of pulse_payoff_ratio() over a window.';
CREATE FUNCTION pulse.window_expectancy(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_expectancy' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_expectancy(internal) IS
	'Internal: final function of pulse_expectancy() over a window.';
CREATE FUNCTION pulse.window_kelly_discrete(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_kelly_discrete' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_kelly_discrete(internal) IS
	'Internal: final function of pulse_kelly_discrete() over a window.';
CREATE FUNCTION pulse.window_sqn(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_sqn' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_sqn(internal) IS
	'Internal: final function of pulse_sqn() over a window.';
CREATE FUNCTION pulse.window_max_drawdown(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_max_drawdown' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_max_drawdown(internal) IS
	'Internal: final function of pulse_max_drawdown() over a window.';
CREATE FUNCTION pulse.window_current_drawdown(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_current_drawdown' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_current_drawdown(internal) IS
	'Internal: final function of pulse_current_drawdown() over a window.';

CREATE FUNCTION pulse.push_point(internal, timestamptz, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_point' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_point(internal, timestamptz, float8, float8) IS
	'Internal: a point of an equity curve with its flow enters a window.';
CREATE FUNCTION pulse.pop_point(internal, timestamptz, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_point' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_point(internal, timestamptz, float8, float8) IS
	'Internal: a point of an equity curve with its flow leaves a window.';
CREATE FUNCTION pulse.push_stability(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_stability' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_stability(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_ewma(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_ewma' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_ewma(internal, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_ewma(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_ewma' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_ewma(internal, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_ewma(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_ewma' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_ewma(internal, float8, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_losses(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_losses' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_losses(internal, float8) IS
	'Internal: a trade enters a window.';
CREATE FUNCTION pulse.pop_ordered(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_ordered' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_ordered(internal, float8) IS
	'Internal: the oldest row leaves a window.';
CREATE FUNCTION pulse.pop_ordered(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_ordered' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_ordered(internal, float8, float8) IS
	'Internal: the oldest row leaves a window.';
CREATE FUNCTION pulse.pop_ordered(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_ordered' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_ordered(internal, float8, float8, float8) IS
	'Internal: the oldest row leaves a window.';
CREATE FUNCTION pulse.push_point(internal, timestamptz, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_point_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_point(internal, timestamptz, numeric, numeric) IS
	'Internal: a point of an equity curve with its flow enters a window.';
CREATE FUNCTION pulse.pop_point(internal, timestamptz, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_point' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_point(internal, timestamptz, numeric, numeric) IS
	'Internal: a point of an equity curve with its flow leaves a window.';
CREATE FUNCTION pulse.push_stability(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_stability_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_stability(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_ewma(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_ewma_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_ewma(internal, numeric) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_ewma(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_ewma_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_ewma(internal, numeric, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_ewma(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_ewma_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_ewma(internal, numeric, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_losses(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_losses_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_losses(internal, numeric) IS
	'Internal: a trade enters a window.';
CREATE FUNCTION pulse.pop_ordered(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_ordered' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_ordered(internal, numeric) IS
	'Internal: the oldest row leaves a window.';
CREATE FUNCTION pulse.pop_ordered(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_ordered' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_ordered(internal, numeric, float8) IS
	'Internal: the oldest row leaves a window.';
CREATE FUNCTION pulse.pop_ordered(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pop_ordered' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pop_ordered(internal, numeric, float8, float8) IS
	'Internal: the oldest row leaves a window.';
CREATE FUNCTION pulse.window_stability(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_stability' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_stability(internal) IS
	'Internal: final function of pulse_stability() over a window.';
CREATE FUNCTION pulse.window_ewma_volatility(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_ewma_volatility' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_ewma_volatility(internal) IS
	'Internal: final function of pulse_ewma_volatility() over a window.';
CREATE FUNCTION pulse.window_max_consecutive_losses(internal) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pulse_window_max_consecutive_losses' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_max_consecutive_losses(internal) IS
	'Internal: final function of pulse_max_consecutive_losses() over a window.';
CREATE FUNCTION pulse.window_drawdown_duration(internal) RETURNS interval
	AS 'MODULE_PATHNAME', 'pulse_window_drawdown_duration' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_drawdown_duration(internal) IS
	'Internal: final function of pulse_drawdown_duration() over a window.';
CREATE FUNCTION pulse.window_average_drawdown(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_average_drawdown' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_average_drawdown(internal) IS
	'Internal: final function of pulse_average_drawdown() over a window.';
CREATE FUNCTION pulse.window_ulcer_index(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_ulcer_index' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_ulcer_index(internal) IS
	'Internal: final function of pulse_ulcer_index() over a window.';
CREATE FUNCTION pulse.window_twr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_twr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_twr(internal) IS
	'Internal: final function of pulse_twr() over a window.';
CREATE FUNCTION pulse.window_cagr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_cagr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_cagr(internal) IS
	'Internal: final function of pulse_cagr() over a window.';
CREATE FUNCTION pulse.window_calmar(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_calmar' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_calmar(internal) IS
	'Internal: final function of pulse_calmar() over a window.';
CREATE FUNCTION pulse.moving_cvar_cornish_fisher(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_cvar_cornish_fisher' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_cvar_cornish_fisher(internal) IS
	'Internal: final function of pulse_cvar_cornish_fisher() over a window.';
CREATE FUNCTION pulse.moving_adjusted_sharpe(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_moving_adjusted_sharpe' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_adjusted_sharpe(internal) IS
	'Internal: final function of pulse_adjusted_sharpe() over a window.';
CREATE FUNCTION pulse.moving_cornish_fisher_valid(internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_moving_cornish_fisher_valid' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.moving_cornish_fisher_valid(internal) IS
	'Internal: final function of pulse_cornish_fisher_valid() over a window.';
CREATE FUNCTION pulse.push_shape(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_shape' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_shape(internal, float8, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.push_shape(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_push_shape_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.push_shape(internal, numeric, float8, float8) IS
	'Internal: a return enters a window.';
CREATE FUNCTION pulse.window_max_drawdown_amount(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_window_max_drawdown_amount' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.window_max_drawdown_amount(internal) IS
	'Internal: final function of pulse_max_drawdown_amount() over a window.';
-- Aggregates over per-period returns. All without parameters have the same transition, so any number
-- of them costs one pass; so have all with the same parameters.

CREATE FUNCTION pulse.returns_accum(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum(internal, float8) IS
	'Internal: transition of aggregates over returns.';
CREATE FUNCTION pulse.returns_accum_rate(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum_rate(internal, float8, float8) IS
	'Internal: transition of aggregates over returns with an annual rate.';
CREATE FUNCTION pulse.returns_accum_rate(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum_rate(internal, float8, float8, float8) IS
	'Internal: transition of aggregates over returns with an annual rate and periods per year.';
CREATE FUNCTION pulse.returns_accum_plain(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_plain' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum_plain(internal, float8, float8) IS
	'Internal: transition of aggregates over returns with one parameter.';
CREATE FUNCTION pulse.returns_accum(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum(internal, numeric) IS
	'Internal: transition of aggregates over returns.';
CREATE FUNCTION pulse.returns_accum_rate(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum_rate(internal, numeric, float8) IS
	'Internal: transition of aggregates over returns with an annual rate.';
CREATE FUNCTION pulse.returns_accum_rate(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum_rate(internal, numeric, float8, float8) IS
	'Internal: transition of aggregates over returns with an annual rate and periods per year.';
CREATE FUNCTION pulse.returns_accum_plain(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_accum_plain_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_accum_plain(internal, numeric, float8) IS
	'Internal: transition of aggregates over returns with one parameter.';
CREATE FUNCTION pulse.returns_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_combine(internal, internal) IS 'Internal: merges the states of two parallel workers over returns.';
CREATE FUNCTION pulse.returns_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pulse_returns_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_serialize(internal) IS 'Internal: writes a state over returns for another process.';
CREATE FUNCTION pulse.returns_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_returns_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_deserialize(bytea, internal) IS 'Internal: reads a state over returns of another process.';
CREATE FUNCTION pulse.numeric_decode(numeric) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_numeric_decode' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.numeric_decode(numeric) IS
	'Internal: the cast of numeric to double precision as the metrics do it, correctly rounded.';

-- total_return
CREATE FUNCTION pulse.returns_total_return(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_total_return' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_total_return(internal) IS
	'Internal: final function of pulse_total_return().';
CREATE AGGREGATE pulse_total_return(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_total_return,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_growth,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_total_return,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_total_return(float8) IS
	'Compounded return of per-period simple returns: prod(1 + r) - 1, summed as compensated log(1 + r). 0.1 is 10 %. NULL rows are skipped; NaN or infinity in gives NaN; no row, or a return below -1, gives NULL.';
CREATE AGGREGATE pulse_total_return(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_total_return,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_growth,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_total_return,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_total_return(numeric) IS
	'Compounded return of per-period simple returns: prod(1 + r) - 1, summed as compensated log(1 + r). 0.1 is 10 %. NULL rows are skipped; NaN or infinity in gives NaN; no row, or a return below -1, gives NULL.';
CREATE FUNCTION pulse_total_return(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_total_return' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_total_return(float8[]) IS
	'The same over an array. Compounded return of per-period simple returns: prod(1 + r) - 1, summed as compensated log(1 + r). 0.1 is 10 %. NULL elements are skipped; NaN or infinity in gives NaN; no element, or a return below -1, gives NULL.';

-- volatility
CREATE FUNCTION pulse.returns_volatility(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_volatility' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_volatility(internal) IS
	'Internal: final function of pulse_volatility().';
CREATE AGGREGATE pulse_volatility(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_volatility,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_volatility(float8) IS
	'Annualised volatility of per-period simple returns: sample standard deviation times sqrt(periods); periods per year default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Periods that are not positive and finite raise 22023.';
CREATE AGGREGATE pulse_volatility(r float8, periods float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_volatility,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_volatility(float8, float8) IS
	'Annualised volatility of per-period simple returns: sample standard deviation times sqrt(periods); periods per year default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Periods that are not positive and finite raise 22023.';
CREATE AGGREGATE pulse_volatility(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_volatility,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_volatility(numeric) IS
	'Annualised volatility of per-period simple returns: sample standard deviation times sqrt(periods); periods per year default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Periods that are not positive and finite raise 22023.';
CREATE AGGREGATE pulse_volatility(r numeric, periods float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_volatility,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_volatility(numeric, float8) IS
	'Annualised volatility of per-period simple returns: sample standard deviation times sqrt(periods); periods per year default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Periods that are not positive and finite raise 22023.';
CREATE FUNCTION pulse_volatility(returns float8[], periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_volatility' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_volatility(float8[], float8) IS
	'The same over an array. Annualised volatility of per-period simple returns: sample standard deviation times sqrt(periods); periods per year default to 365. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements give NULL. Periods that are not positive and finite raise 22023.';

-- downside_deviation
CREATE FUNCTION pulse.returns_downside_deviation(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_downside_deviation' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_downside_deviation(internal) IS
	'Internal: final function of pulse_downside_deviation().';
CREATE AGGREGATE pulse_downside_deviation(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_downside_deviation,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_downside_deviation,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_downside_deviation(float8) IS
	'Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all rows, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_downside_deviation(r float8, mar float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_downside_deviation,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_downside_deviation,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_downside_deviation(float8, float8) IS
	'Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all rows, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_downside_deviation(r float8, mar float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_downside_deviation,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_downside_deviation,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_downside_deviation(float8, float8, float8) IS
	'Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all rows, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_downside_deviation(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_downside_deviation,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_downside_deviation,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_downside_deviation(numeric) IS
	'Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all rows, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_downside_deviation(r numeric, mar float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_downside_deviation,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_downside_deviation,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_downside_deviation(numeric, float8) IS
	'Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all rows, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_downside_deviation(r numeric, mar float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_downside_deviation,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_downside_deviation,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_downside_deviation(numeric, float8, float8) IS
	'Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all rows, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE FUNCTION pulse_downside_deviation(returns float8[], mar float8 DEFAULT 0, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_downside_deviation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_downside_deviation(float8[], float8, float8) IS
	'The same over an array. Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all elements, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';

-- sharpe
CREATE FUNCTION pulse.returns_sharpe(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_sharpe' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_sharpe(internal) IS
	'Internal: final function of pulse_sharpe().';
CREATE AGGREGATE pulse_sharpe(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sharpe(float8) IS
	'Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';
CREATE AGGREGATE pulse_sharpe(r float8, risk_free float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sharpe(float8, float8) IS
	'Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';
CREATE AGGREGATE pulse_sharpe(r float8, risk_free float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sharpe(float8, float8, float8) IS
	'Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';
CREATE AGGREGATE pulse_sharpe(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sharpe(numeric) IS
	'Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';
CREATE AGGREGATE pulse_sharpe(r numeric, risk_free float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sharpe(numeric, float8) IS
	'Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';
CREATE AGGREGATE pulse_sharpe(r numeric, risk_free float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sharpe(numeric, float8, float8) IS
	'Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';
CREATE FUNCTION pulse_sharpe(returns float8[], risk_free float8 DEFAULT 0, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_sharpe' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sharpe(float8[], float8, float8) IS
	'The same over an array. Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994.';

-- sortino
CREATE FUNCTION pulse.returns_sortino(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_sortino' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_sortino(internal) IS
	'Internal: final function of pulse_sortino().';
CREATE AGGREGATE pulse_sortino(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sortino,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sortino,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sortino(float8) IS
	'Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all rows in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_sortino(r float8, mar float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sortino,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sortino,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sortino(float8, float8) IS
	'Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all rows in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_sortino(r float8, mar float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sortino,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sortino,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sortino(float8, float8, float8) IS
	'Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all rows in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_sortino(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sortino,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sortino,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sortino(numeric) IS
	'Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all rows in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_sortino(r numeric, mar float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sortino,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sortino,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sortino(numeric, float8) IS
	'Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all rows in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE AGGREGATE pulse_sortino(r numeric, mar float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_sortino,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_sortino,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sortino(numeric, float8, float8) IS
	'Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all rows in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';
CREATE FUNCTION pulse_sortino(returns float8[], mar float8 DEFAULT 0, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_sortino' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sortino(float8[], float8, float8) IS
	'The same over an array. Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all elements in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods default to 365. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991.';

-- omega
CREATE FUNCTION pulse.returns_omega(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_omega' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_omega(internal) IS
	'Internal: final function of pulse_omega().';
CREATE AGGREGATE pulse_omega(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_omega,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_threshold,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_omega,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_omega(float8) IS
	'Omega ratio of per-period simple returns: sum of gains over sum of losses about a per-period threshold (default 0). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no loss, give NULL. A threshold that is not finite raises 22023. Source: Keating and Shadwick 2002.';
CREATE AGGREGATE pulse_omega(r float8, threshold float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_omega,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_threshold,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_omega,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_omega(float8, float8) IS
	'Omega ratio of per-period simple returns: sum of gains over sum of losses about a per-period threshold (default 0). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no loss, give NULL. A threshold that is not finite raises 22023. Source: Keating and Shadwick 2002.';
CREATE AGGREGATE pulse_omega(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_omega,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_threshold,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_omega,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_omega(numeric) IS
	'Omega ratio of per-period simple returns: sum of gains over sum of losses about a per-period threshold (default 0). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no loss, give NULL. A threshold that is not finite raises 22023. Source: Keating and Shadwick 2002.';
CREATE AGGREGATE pulse_omega(r numeric, threshold float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_omega,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_threshold,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_omega,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_omega(numeric, float8) IS
	'Omega ratio of per-period simple returns: sum of gains over sum of losses about a per-period threshold (default 0). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no loss, give NULL. A threshold that is not finite raises 22023. Source: Keating and Shadwick 2002.';
CREATE FUNCTION pulse_omega(returns float8[], threshold float8 DEFAULT 0) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_omega' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_omega(float8[], float8) IS
	'The same over an array. Omega ratio of per-period simple returns: sum of gains over sum of losses about a per-period threshold (default 0). NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements, or no loss, give NULL. A threshold that is not finite raises 22023. Source: Keating and Shadwick 2002.';

-- gain_to_pain
CREATE FUNCTION pulse.returns_gain_to_pain(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_gain_to_pain' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_gain_to_pain(internal) IS
	'Internal: final function of pulse_gain_to_pain().';
CREATE AGGREGATE pulse_gain_to_pain(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_gain_to_pain,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_gain_to_pain,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_gain_to_pain(float8) IS
	'Gain-to-pain ratio of per-period returns: sum of returns over the sum of the losses, positive. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no loss, give NULL. Source: Schwager 2012.';
CREATE AGGREGATE pulse_gain_to_pain(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_gain_to_pain,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_partial,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_gain_to_pain,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_gain_to_pain(numeric) IS
	'Gain-to-pain ratio of per-period returns: sum of returns over the sum of the losses, positive. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or no loss, give NULL. Source: Schwager 2012.';
CREATE FUNCTION pulse_gain_to_pain(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_gain_to_pain' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_gain_to_pain(float8[]) IS
	'The same over an array. Gain-to-pain ratio of per-period returns: sum of returns over the sum of the losses, positive. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements, or no loss, give NULL. Source: Schwager 2012.';

-- psr
CREATE FUNCTION pulse.returns_psr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_psr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_psr(internal) IS
	'Internal: final function of pulse_psr().';
CREATE AGGREGATE pulse_psr(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_psr,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_psr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_psr(float8) IS
	'Probabilistic Sharpe ratio of per-period returns: the probability that the true Sharpe ratio per period exceeds benchmark_sharpe (per period, default 0), given the sample''s length, skewness and kurtosis. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A benchmark that is not finite raises 22023. Source: Bailey and Lopez de Prado 2012.';
CREATE AGGREGATE pulse_psr(r float8, benchmark_sharpe float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_psr,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_psr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_psr(float8, float8) IS
	'Probabilistic Sharpe ratio of per-period returns: the probability that the true Sharpe ratio per period exceeds benchmark_sharpe (per period, default 0), given the sample''s length, skewness and kurtosis. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A benchmark that is not finite raises 22023. Source: Bailey and Lopez de Prado 2012.';
CREATE AGGREGATE pulse_psr(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_psr,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_psr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_psr(numeric) IS
	'Probabilistic Sharpe ratio of per-period returns: the probability that the true Sharpe ratio per period exceeds benchmark_sharpe (per period, default 0), given the sample''s length, skewness and kurtosis. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A benchmark that is not finite raises 22023. Source: Bailey and Lopez de Prado 2012.';
CREATE AGGREGATE pulse_psr(r numeric, benchmark_sharpe float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_psr,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_psr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_psr(numeric, float8) IS
	'Probabilistic Sharpe ratio of per-period returns: the probability that the true Sharpe ratio per period exceeds benchmark_sharpe (per period, default 0), given the sample''s length, skewness and kurtosis. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A benchmark that is not finite raises 22023. Source: Bailey and Lopez de Prado 2012.';
CREATE FUNCTION pulse_psr(returns float8[], benchmark_sharpe float8 DEFAULT 0) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_psr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_psr(float8[], float8) IS
	'The same over an array. Probabilistic Sharpe ratio of per-period returns: the probability that the true Sharpe ratio per period exceeds benchmark_sharpe (per period, default 0), given the sample''s length, skewness and kurtosis. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements or no variance give NULL. A benchmark that is not finite raises 22023. Source: Bailey and Lopez de Prado 2012.';

-- kelly
CREATE FUNCTION pulse.returns_kelly(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_kelly' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_kelly(internal) IS
	'Internal: final function of pulse_kelly().';
CREATE AGGREGATE pulse_kelly(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_kelly,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_kelly,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_kelly(float8) IS
	'Kelly fraction for continuous returns: mean over sample variance, per period. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. Source: Thorp 2006.';
CREATE AGGREGATE pulse_kelly(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_kelly,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_kelly,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_kelly(numeric) IS
	'Kelly fraction for continuous returns: mean over sample variance, per period. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. Source: Thorp 2006.';
CREATE FUNCTION pulse_kelly(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_kelly' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_kelly(float8[]) IS
	'The same over an array. Kelly fraction for continuous returns: mean over sample variance, per period. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements or no variance give NULL. Source: Thorp 2006.';
-- Aggregates over the distribution of per-period returns, of the transition that all over returns share.

-- var
CREATE FUNCTION pulse.returns_var(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_var' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_var(internal) IS
	'Internal: final function of pulse_var().';
CREATE AGGREGATE pulse_var(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var(float8) IS
	'Historical value at risk of per-period simple returns: the negated (1 - confidence) quantile, type 7 (linear interpolation), so a loss is positive and a gain at the quantile negative; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Hyndman and Fan 1996.';
CREATE AGGREGATE pulse_var(r float8, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var(float8, float8) IS
	'Historical value at risk of per-period simple returns: the negated (1 - confidence) quantile, type 7 (linear interpolation), so a loss is positive and a gain at the quantile negative; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Hyndman and Fan 1996.';
CREATE AGGREGATE pulse_var(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var(numeric) IS
	'Historical value at risk of per-period simple returns: the negated (1 - confidence) quantile, type 7 (linear interpolation), so a loss is positive and a gain at the quantile negative; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Hyndman and Fan 1996.';
CREATE AGGREGATE pulse_var(r numeric, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var(numeric, float8) IS
	'Historical value at risk of per-period simple returns: the negated (1 - confidence) quantile, type 7 (linear interpolation), so a loss is positive and a gain at the quantile negative; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Hyndman and Fan 1996.';
CREATE FUNCTION pulse_var(returns float8[], confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_var' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var(float8[], float8) IS
	'The same over an array. Historical value at risk of per-period simple returns: the negated (1 - confidence) quantile, type 7 (linear interpolation), so a loss is positive and a gain at the quantile negative; confidence defaults to 0.95. NULL elements are skipped; NaN or infinity in gives NaN; no element gives NULL. A confidence outside of (0, 1) raises 22023. Source: Hyndman and Fan 1996.';

-- cvar
CREATE FUNCTION pulse.returns_cvar(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_cvar' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_cvar(internal) IS
	'Internal: final function of pulse_cvar().';
CREATE AGGREGATE pulse_cvar(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar(float8) IS
	'Historical conditional value at risk (expected shortfall) of per-period simple returns: the negated mean of the returns at or below the (1 - confidence) quantile, type 7; a loss is positive; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Rockafellar and Uryasev 2000.';
CREATE AGGREGATE pulse_cvar(r float8, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar(float8, float8) IS
	'Historical conditional value at risk (expected shortfall) of per-period simple returns: the negated mean of the returns at or below the (1 - confidence) quantile, type 7; a loss is positive; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Rockafellar and Uryasev 2000.';
CREATE AGGREGATE pulse_cvar(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar(numeric) IS
	'Historical conditional value at risk (expected shortfall) of per-period simple returns: the negated mean of the returns at or below the (1 - confidence) quantile, type 7; a loss is positive; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Rockafellar and Uryasev 2000.';
CREATE AGGREGATE pulse_cvar(r numeric, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar(numeric, float8) IS
	'Historical conditional value at risk (expected shortfall) of per-period simple returns: the negated mean of the returns at or below the (1 - confidence) quantile, type 7; a loss is positive; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL. A confidence outside of (0, 1) raises 22023. Source: Rockafellar and Uryasev 2000.';
CREATE FUNCTION pulse_cvar(returns float8[], confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_cvar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cvar(float8[], float8) IS
	'The same over an array. Historical conditional value at risk (expected shortfall) of per-period simple returns: the negated mean of the returns at or below the (1 - confidence) quantile, type 7; a loss is positive; confidence defaults to 0.95. NULL elements are skipped; NaN or infinity in gives NaN; no element gives NULL. A confidence outside of (0, 1) raises 22023. Source: Rockafellar and Uryasev 2000.';

-- var_gaussian
CREATE FUNCTION pulse.returns_var_gaussian(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_var_gaussian' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_var_gaussian(internal) IS
	'Internal: final function of pulse_var_gaussian().';
CREATE AGGREGATE pulse_var_gaussian(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_gaussian(float8) IS
	'Value at risk of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean + z sd), z the normal quantile of 1 - confidence (default 0.95). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_var_gaussian(r float8, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_gaussian(float8, float8) IS
	'Value at risk of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean + z sd), z the normal quantile of 1 - confidence (default 0.95). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_var_gaussian(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_gaussian(numeric) IS
	'Value at risk of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean + z sd), z the normal quantile of 1 - confidence (default 0.95). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_var_gaussian(r numeric, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_gaussian(numeric, float8) IS
	'Value at risk of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean + z sd), z the normal quantile of 1 - confidence (default 0.95). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023. Source: RiskMetrics 1996.';
CREATE FUNCTION pulse_var_gaussian(returns float8[], confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_var_gaussian' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var_gaussian(float8[], float8) IS
	'The same over an array. Value at risk of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean + z sd), z the normal quantile of 1 - confidence (default 0.95). NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements give NULL. A confidence outside of (0, 1) raises 22023. Source: RiskMetrics 1996.';

-- cvar_gaussian
CREATE FUNCTION pulse.returns_cvar_gaussian(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_cvar_gaussian' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_cvar_gaussian(internal) IS
	'Internal: final function of pulse_cvar_gaussian().';
CREATE AGGREGATE pulse_cvar_gaussian(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_gaussian(float8) IS
	'Expected shortfall of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean - sd phi(z) / (1 - confidence)); confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023.';
CREATE AGGREGATE pulse_cvar_gaussian(r float8, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_gaussian(float8, float8) IS
	'Expected shortfall of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean - sd phi(z) / (1 - confidence)); confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023.';
CREATE AGGREGATE pulse_cvar_gaussian(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_gaussian(numeric) IS
	'Expected shortfall of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean - sd phi(z) / (1 - confidence)); confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023.';
CREATE AGGREGATE pulse_cvar_gaussian(r numeric, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_gaussian,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_spread,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_gaussian,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_gaussian(numeric, float8) IS
	'Expected shortfall of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean - sd phi(z) / (1 - confidence)); confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A confidence outside of (0, 1) raises 22023.';
CREATE FUNCTION pulse_cvar_gaussian(returns float8[], confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_cvar_gaussian' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cvar_gaussian(float8[], float8) IS
	'The same over an array. Expected shortfall of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean - sd phi(z) / (1 - confidence)); confidence defaults to 0.95. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements give NULL. A confidence outside of (0, 1) raises 22023.';

-- var_cornish_fisher
CREATE FUNCTION pulse.returns_var_cornish_fisher(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_var_cornish_fisher' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_var_cornish_fisher(internal) IS
	'Internal: final function of pulse_var_cornish_fisher().';
CREATE AGGREGATE pulse_var_cornish_fisher(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_cornish_fisher(float8) IS
	'Value at risk of per-period simple returns with the Cornish-Fisher correction of the normal quantile for population skewness and excess kurtosis; population standard deviation; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Favre and Galeano 2002.';
CREATE AGGREGATE pulse_var_cornish_fisher(r float8, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_cornish_fisher(float8, float8) IS
	'Value at risk of per-period simple returns with the Cornish-Fisher correction of the normal quantile for population skewness and excess kurtosis; population standard deviation; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Favre and Galeano 2002.';
CREATE AGGREGATE pulse_var_cornish_fisher(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_cornish_fisher(numeric) IS
	'Value at risk of per-period simple returns with the Cornish-Fisher correction of the normal quantile for population skewness and excess kurtosis; population standard deviation; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Favre and Galeano 2002.';
CREATE AGGREGATE pulse_var_cornish_fisher(r numeric, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_var_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_var_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_var_cornish_fisher(numeric, float8) IS
	'Value at risk of per-period simple returns with the Cornish-Fisher correction of the normal quantile for population skewness and excess kurtosis; population standard deviation; confidence defaults to 0.95. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Favre and Galeano 2002.';
CREATE FUNCTION pulse_var_cornish_fisher(returns float8[], confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_var_cornish_fisher' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var_cornish_fisher(float8[], float8) IS
	'The same over an array. Value at risk of per-period simple returns with the Cornish-Fisher correction of the normal quantile for population skewness and excess kurtosis; population standard deviation; confidence defaults to 0.95. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Favre and Galeano 2002.';

-- cvar_cornish_fisher
CREATE FUNCTION pulse.returns_cvar_cornish_fisher(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_cvar_cornish_fisher' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_cvar_cornish_fisher(internal) IS
	'Internal: final function of pulse_cvar_cornish_fisher().';
CREATE AGGREGATE pulse_cvar_cornish_fisher(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_cornish_fisher(float8) IS
	'Conditional value at risk (expected shortfall) of per-period simple returns by the Cornish-Fisher expansion with population skewness and excess kurtosis, never less than its value at risk; population standard deviation; confidence defaults to 0.95. See pulse_cornish_fisher_valid(). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Boudt, Peterson and Croux 2008.';
CREATE AGGREGATE pulse_cvar_cornish_fisher(r float8, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_cornish_fisher(float8, float8) IS
	'Conditional value at risk (expected shortfall) of per-period simple returns by the Cornish-Fisher expansion with population skewness and excess kurtosis, never less than its value at risk; population standard deviation; confidence defaults to 0.95. See pulse_cornish_fisher_valid(). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Boudt, Peterson and Croux 2008.';
CREATE AGGREGATE pulse_cvar_cornish_fisher(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_cornish_fisher(numeric) IS
	'Conditional value at risk (expected shortfall) of per-period simple returns by the Cornish-Fisher expansion with population skewness and excess kurtosis, never less than its value at risk; population standard deviation; confidence defaults to 0.95. See pulse_cornish_fisher_valid(). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Boudt, Peterson and Croux 2008.';
CREATE AGGREGATE pulse_cvar_cornish_fisher(r numeric, confidence float8) (
	SFUNC = pulse.returns_accum_plain,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cvar_cornish_fisher,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cvar_cornish_fisher,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cvar_cornish_fisher(numeric, float8) IS
	'Conditional value at risk (expected shortfall) of per-period simple returns by the Cornish-Fisher expansion with population skewness and excess kurtosis, never less than its value at risk; population standard deviation; confidence defaults to 0.95. See pulse_cornish_fisher_valid(). NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Boudt, Peterson and Croux 2008.';
CREATE FUNCTION pulse_cvar_cornish_fisher(returns float8[], confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_cvar_cornish_fisher' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cvar_cornish_fisher(float8[], float8) IS
	'The same over an array. Conditional value at risk (expected shortfall) of per-period simple returns by the Cornish-Fisher expansion with population skewness and excess kurtosis, never less than its value at risk; population standard deviation; confidence defaults to 0.95. See pulse_cornish_fisher_valid(). NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Boudt, Peterson and Croux 2008.';

-- skewness
CREATE FUNCTION pulse.returns_skewness(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_skewness' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_skewness(internal) IS
	'Internal: final function of pulse_skewness().';
CREATE AGGREGATE pulse_skewness(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_skewness,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_skewness,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_skewness(float8) IS
	'Sample-adjusted skewness (G1) of per-period returns. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 3 rows or no variance give NULL. Source: Joanes and Gill 1998.';
CREATE AGGREGATE pulse_skewness(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_skewness,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_skewness,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_skewness(numeric) IS
	'Sample-adjusted skewness (G1) of per-period returns. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 3 rows or no variance give NULL. Source: Joanes and Gill 1998.';
CREATE FUNCTION pulse_skewness(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_skewness' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_skewness(float8[]) IS
	'The same over an array. Sample-adjusted skewness (G1) of per-period returns. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 3 elements or no variance give NULL. Source: Joanes and Gill 1998.';

-- kurtosis
CREATE FUNCTION pulse.returns_kurtosis(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_kurtosis' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_kurtosis(internal) IS
	'Internal: final function of pulse_kurtosis().';
CREATE AGGREGATE pulse_kurtosis(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_kurtosis,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_kurtosis,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_kurtosis(float8) IS
	'Sample-adjusted excess kurtosis (G2) of per-period returns; 0 for a normal distribution. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 4 rows or no variance give NULL. Source: Joanes and Gill 1998.';
CREATE AGGREGATE pulse_kurtosis(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_kurtosis,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_kurtosis,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_kurtosis(numeric) IS
	'Sample-adjusted excess kurtosis (G2) of per-period returns; 0 for a normal distribution. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 4 rows or no variance give NULL. Source: Joanes and Gill 1998.';
CREATE FUNCTION pulse_kurtosis(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_kurtosis' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_kurtosis(float8[]) IS
	'The same over an array. Sample-adjusted excess kurtosis (G2) of per-period returns; 0 for a normal distribution. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 4 elements or no variance give NULL. Source: Joanes and Gill 1998.';

-- tail_ratio
CREATE FUNCTION pulse.returns_tail_ratio(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_tail_ratio' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_tail_ratio(internal) IS
	'Internal: final function of pulse_tail_ratio().';
CREATE AGGREGATE pulse_tail_ratio(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_tail_ratio,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_tail_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_tail_ratio(float8) IS
	'Tail ratio of per-period returns: |95 % quantile| over |5 % quantile|, type 7. NULL rows are skipped; NaN or infinity in gives NaN; no row, or a 5 % quantile of 0, gives NULL.';
CREATE AGGREGATE pulse_tail_ratio(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_tail_ratio,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_order,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_tail_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_tail_ratio(numeric) IS
	'Tail ratio of per-period returns: |95 % quantile| over |5 % quantile|, type 7. NULL rows are skipped; NaN or infinity in gives NaN; no row, or a 5 % quantile of 0, gives NULL.';
CREATE FUNCTION pulse_tail_ratio(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_tail_ratio' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_tail_ratio(float8[]) IS
	'The same over an array. Tail ratio of per-period returns: |95 % quantile| over |5 % quantile|, type 7. NULL elements are skipped; NaN or infinity in gives NaN; no element, or a 5 % quantile of 0, gives NULL.';

-- cornish_fisher_valid
CREATE FUNCTION pulse.returns_cornish_fisher_valid(internal) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_returns_cornish_fisher_valid' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_cornish_fisher_valid(internal) IS
	'Internal: final function of pulse_cornish_fisher_valid().';
CREATE AGGREGATE pulse_cornish_fisher_valid(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cornish_fisher_valid,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cornish_fisher_valid,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cornish_fisher_valid(float8) IS
	'Whether the Cornish-Fisher expansion is valid at the skewness and kurtosis of the returns: whether its quantile rises with the probability everywhere. Where it does not, pulse_var_cornish_fisher() means little. NULL rows are skipped; NaN or infinity in, fewer than 2 rows or no variance give NULL. Source: Maillard 2012.';
CREATE AGGREGATE pulse_cornish_fisher_valid(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_cornish_fisher_valid,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_cornish_fisher_valid,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cornish_fisher_valid(numeric) IS
	'Whether the Cornish-Fisher expansion is valid at the skewness and kurtosis of the returns: whether its quantile rises with the probability everywhere. Where it does not, pulse_var_cornish_fisher() means little. NULL rows are skipped; NaN or infinity in, fewer than 2 rows or no variance give NULL. Source: Maillard 2012.';
CREATE FUNCTION pulse_cornish_fisher_valid(returns float8[]) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_array_cornish_fisher_valid' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cornish_fisher_valid(float8[]) IS
	'The same over an array. Whether the Cornish-Fisher expansion is valid at the skewness and kurtosis of the returns: whether its quantile rises with the probability everywhere. Where it does not, pulse_var_cornish_fisher() means little. NULL rows are skipped; NaN or infinity in, fewer than 2 rows or no variance give NULL. Source: Maillard 2012.';

-- adjusted_sharpe
CREATE FUNCTION pulse.returns_adjusted_sharpe(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_returns_adjusted_sharpe' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.returns_adjusted_sharpe(internal) IS
	'Internal: final function of pulse_adjusted_sharpe().';
CREATE AGGREGATE pulse_adjusted_sharpe(r float8) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_adjusted_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_adjusted_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_adjusted_sharpe(float8) IS
	'Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
CREATE AGGREGATE pulse_adjusted_sharpe(r float8, risk_free float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_adjusted_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_adjusted_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_adjusted_sharpe(float8, float8) IS
	'Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
CREATE AGGREGATE pulse_adjusted_sharpe(r float8, risk_free float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_adjusted_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_adjusted_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_adjusted_sharpe(float8, float8, float8) IS
	'Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
CREATE AGGREGATE pulse_adjusted_sharpe(r numeric) (
	SFUNC = pulse.returns_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_adjusted_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_adjusted_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_adjusted_sharpe(numeric) IS
	'Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
CREATE AGGREGATE pulse_adjusted_sharpe(r numeric, risk_free float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_adjusted_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_adjusted_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_adjusted_sharpe(numeric, float8) IS
	'Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
CREATE AGGREGATE pulse_adjusted_sharpe(r numeric, risk_free float8, periods float8) (
	SFUNC = pulse.returns_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.returns_adjusted_sharpe,
	COMBINEFUNC = pulse.returns_combine,
	SERIALFUNC = pulse.returns_serialize,
	DESERIALFUNC = pulse.returns_deserialize,
	MSFUNC = pulse.push_shape,
	MINVFUNC = pulse.pop,
	MSTYPE = internal,
	MFINALFUNC = pulse.moving_adjusted_sharpe,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_adjusted_sharpe(numeric, float8, float8) IS
	'Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
CREATE FUNCTION pulse_adjusted_sharpe(returns float8[], risk_free float8 DEFAULT 0, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_adjusted_sharpe' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_adjusted_sharpe(float8[], float8, float8) IS
	'The same over an array. Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004.';
-- Aggregates over an equity curve (ts, value) in any input order, all of one transition. They have no
-- combine function: a parallel worker sees only some of the rows between any two, and would have to keep
-- and send all of them. Summaries of days, each computed anywhere, roll up in parallel instead.

CREATE FUNCTION pulse.equity_accum(internal, timestamptz, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum(internal, timestamptz, float8) IS
	'Internal: transition of aggregates over an equity curve.';
CREATE FUNCTION pulse.equity_accum(internal, timestamptz, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum(internal, timestamptz, float8, float8) IS
	'Internal: transition of aggregates over an equity curve with flows.';
CREATE FUNCTION pulse.equity_accum(internal, timestamptz, float8, float8, float8, float8, interval, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum(internal, timestamptz, float8, float8, float8, float8, interval, float8) IS
	'Internal: transition of aggregates over an equity curve with flows and parameters.';
CREATE FUNCTION pulse.equity_accum(internal, timestamptz, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum(internal, timestamptz, numeric) IS
	'Internal: transition of aggregates over an equity curve.';
CREATE FUNCTION pulse.equity_accum(internal, timestamptz, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum(internal, timestamptz, numeric, numeric) IS
	'Internal: transition of aggregates over an equity curve with flows.';
CREATE FUNCTION pulse.equity_accum(internal, timestamptz, numeric, numeric, float8, float8, interval, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum(internal, timestamptz, numeric, numeric, float8, float8, interval, float8) IS
	'Internal: transition of aggregates over an equity curve with flows and parameters.';

-- max_drawdown
CREATE FUNCTION pulse.equity_max_drawdown(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_max_drawdown' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_max_drawdown(internal) IS
	'Internal: final function of pulse_max_drawdown().';
CREATE AGGREGATE pulse_max_drawdown(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_max_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown(timestamptz, float8) IS
	'Maximum drawdown of an equity curve: the largest (peak - value) / peak, positive; 0.15 is 15 %; more than 1 where equity falls below 0. The peak starts at the first value. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_max_drawdown(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_max_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown(timestamptz, numeric) IS
	'Maximum drawdown of an equity curve: the largest (peak - value) / peak, positive; 0.15 is 15 %; more than 1 where equity falls below 0. The peak starts at the first value. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';

-- max_drawdown_amount
CREATE FUNCTION pulse.equity_max_drawdown_amount(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_max_drawdown_amount' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_max_drawdown_amount(internal) IS
	'Internal: final function of pulse_max_drawdown_amount().';
CREATE AGGREGATE pulse_max_drawdown_amount(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_max_drawdown_amount,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown_amount,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown_amount(timestamptz, float8) IS
	'Maximum drawdown in money: the largest peak - value of a curve, positive, in the unit of the values; of equity or of cumulative profit and loss, which may be negative. Deposits and withdrawals are not removed. The peak starts at the first value. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_max_drawdown_amount(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_max_drawdown_amount,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown_amount,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown_amount(timestamptz, numeric) IS
	'Maximum drawdown in money: the largest peak - value of a curve, positive, in the unit of the values; of equity or of cumulative profit and loss, which may be negative. Deposits and withdrawals are not removed. The peak starts at the first value. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row gives NULL. An infinite time raises 22008.';

-- current_drawdown
CREATE FUNCTION pulse.equity_current_drawdown(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_current_drawdown' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_current_drawdown(internal) IS
	'Internal: final function of pulse_current_drawdown().';
CREATE AGGREGATE pulse_current_drawdown(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_current_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_current_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_current_drawdown(timestamptz, float8) IS
	'Current drawdown of an equity curve: (peak - last value) / peak, positive. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_current_drawdown(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_current_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_current_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_current_drawdown(timestamptz, numeric) IS
	'Current drawdown of an equity curve: (peak - last value) / peak, positive. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';

-- drawdown_duration
CREATE FUNCTION pulse.equity_drawdown_duration(internal) RETURNS interval
	AS 'MODULE_PATHNAME', 'pulse_equity_drawdown_duration' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_drawdown_duration(internal) IS
	'Internal: final function of pulse_drawdown_duration().';
CREATE AGGREGATE pulse_drawdown_duration(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_drawdown_duration,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_drawdown_duration,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_drawdown_duration(timestamptz, float8) IS
	'Longest time an equity curve was under water: from a peak to its recovery, or to the last row. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NULL; no row, or no positive peak, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_drawdown_duration(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_drawdown_duration,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_drawdown_duration,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_drawdown_duration(timestamptz, numeric) IS
	'Longest time an equity curve was under water: from a peak to its recovery, or to the last row. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NULL; no row, or no positive peak, gives NULL. An infinite time raises 22008.';

-- cagr
CREATE FUNCTION pulse.equity_cagr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_cagr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_cagr(internal) IS
	'Internal: final function of pulse_cagr().';
CREATE AGGREGATE pulse_cagr(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_cagr,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_cagr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cagr(timestamptz, float8) IS
	'Compound annual growth rate of an equity curve over calendar time: (last / first)^(year / time between) - 1, a year being 365 days. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or equity that is not positive, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_cagr(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_cagr,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_cagr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cagr(timestamptz, numeric) IS
	'Compound annual growth rate of an equity curve over calendar time: (last / first)^(year / time between) - 1, a year being 365 days. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or equity that is not positive, gives NULL. An infinite time raises 22008.';

-- calmar
CREATE FUNCTION pulse.equity_calmar(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_calmar' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_calmar(internal) IS
	'Internal: final function of pulse_calmar().';
CREATE AGGREGATE pulse_calmar(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_calmar,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_calmar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_calmar(timestamptz, float8) IS
	'Calmar ratio of an equity curve: CAGR over maximum drawdown. NULL without a drawdown. Source: Young 1991. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or equity that is not positive, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_calmar(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_calmar,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_calmar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_calmar(timestamptz, numeric) IS
	'Calmar ratio of an equity curve: CAGR over maximum drawdown. NULL without a drawdown. Source: Young 1991. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or equity that is not positive, gives NULL. An infinite time raises 22008.';

-- average_drawdown
CREATE FUNCTION pulse.equity_average_drawdown(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_average_drawdown' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_average_drawdown(internal) IS
	'Internal: final function of pulse_average_drawdown().';
CREATE AGGREGATE pulse_average_drawdown(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_average_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_average_drawdown(timestamptz, float8) IS
	'Average drawdown of an equity curve: mean of (peak - value) / peak over all observations after the first, those at a peak counting 0. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_average_drawdown(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_average_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_average_drawdown(timestamptz, numeric) IS
	'Average drawdown of an equity curve: mean of (peak - value) / peak over all observations after the first, those at a peak counting 0. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';

-- pain_index
CREATE AGGREGATE pulse_pain_index(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_average_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_pain_index(timestamptz, float8) IS
	'Pain index of an equity curve: mean of (peak - value) / peak over all observations after the first, those at a peak counting 0. Source: Becker 2006. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_pain_index(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_average_drawdown,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_pain_index(timestamptz, numeric) IS
	'Pain index of an equity curve: mean of (peak - value) / peak over all observations after the first, those at a peak counting 0. Source: Becker 2006. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';

-- ulcer_index
CREATE FUNCTION pulse.equity_ulcer_index(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_ulcer_index' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_ulcer_index(internal) IS
	'Internal: final function of pulse_ulcer_index().';
CREATE AGGREGATE pulse_ulcer_index(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_ulcer_index,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ulcer_index,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ulcer_index(timestamptz, float8) IS
	'Ulcer index of an equity curve: root of the mean squared drawdown over all observations after the first, a fraction, not a percentage. Source: Martin 1987. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';
CREATE AGGREGATE pulse_ulcer_index(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_ulcer_index,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ulcer_index,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ulcer_index(timestamptz, numeric) IS
	'Ulcer index of an equity curve: root of the mean squared drawdown over all observations after the first, a fraction, not a percentage. Source: Martin 1987. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008.';

-- cdar
CREATE FUNCTION pulse.equity_cdar(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_cdar' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_cdar(internal) IS
	'Internal: final function of pulse_cdar().';
CREATE FUNCTION pulse.equity_accum_confidence(internal, timestamptz, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_confidence' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum_confidence(internal, timestamptz, float8, float8) IS
	'Internal: transition of aggregates over an equity curve with a confidence.';
CREATE FUNCTION pulse.equity_accum_confidence(internal, timestamptz, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_confidence_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum_confidence(internal, timestamptz, numeric, float8) IS
	'Internal: transition of aggregates over an equity curve with a confidence.';
CREATE AGGREGATE pulse_cdar(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_cdar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cdar(timestamptz, float8) IS
	'Conditional drawdown at risk of an equity curve: mean of the drawdowns at or beyond their confidence quantile (type 7) over all observations after the first; confidence defaults to 0.95. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008. A confidence outside of (0, 1) raises 22023. Source: Chekhlov, Uryasev and Zabarankin 2005. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_cdar(ts timestamptz, value float8, confidence float8) (
	SFUNC = pulse.equity_accum_confidence,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_cdar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cdar(timestamptz, float8, float8) IS
	'Conditional drawdown at risk of an equity curve: mean of the drawdowns at or beyond their confidence quantile (type 7) over all observations after the first; confidence defaults to 0.95. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008. A confidence outside of (0, 1) raises 22023. Source: Chekhlov, Uryasev and Zabarankin 2005. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_cdar(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_cdar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cdar(timestamptz, numeric) IS
	'Conditional drawdown at risk of an equity curve: mean of the drawdowns at or beyond their confidence quantile (type 7) over all observations after the first; confidence defaults to 0.95. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008. A confidence outside of (0, 1) raises 22023. Source: Chekhlov, Uryasev and Zabarankin 2005. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_cdar(ts timestamptz, value numeric, confidence float8) (
	SFUNC = pulse.equity_accum_confidence,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_cdar,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_cdar(timestamptz, numeric, float8) IS
	'Conditional drawdown at risk of an equity curve: mean of the drawdowns at or beyond their confidence quantile (type 7) over all observations after the first; confidence defaults to 0.95. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or no positive peak, gives NULL. An infinite time raises 22008. A confidence outside of (0, 1) raises 22023. Source: Chekhlov, Uryasev and Zabarankin 2005. Over the frame of a window it is computed from all of the frame''s rows each time.';

-- twr
CREATE FUNCTION pulse.equity_twr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_twr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_twr(internal) IS
	'Internal: final function of pulse_twr().';
CREATE AGGREGATE pulse_twr(ts timestamptz, value float8, flow float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_twr,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_twr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_twr(timestamptz, float8, float8) IS
	'Time-weighted return of an equity curve with external flows: chain-linked growth (value - flow) / value before; flow is the net deposit (+) or withdrawal (-) since the previous row, already contained in value, and ignored in the first row. Not annualised. A NULL flow is 0. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or equity that is not positive, gives NULL. An infinite time raises 22008. Source: GIPS 2020.';
CREATE AGGREGATE pulse_twr(ts timestamptz, value numeric, flow numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_twr,
	MSFUNC = pulse.push_point,
	MINVFUNC = pulse.pop_point,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_twr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_twr(timestamptz, numeric, numeric) IS
	'Time-weighted return of an equity curve with external flows: chain-linked growth (value - flow) / value before; flow is the net deposit (+) or withdrawal (-) since the previous row, already contained in value, and ignored in the first row. Not annualised. A NULL flow is 0. Rows may come in any order; equal times keep their input order. Rows without time or value are skipped; a NaN or infinite value gives NaN; no row, or equity that is not positive, gives NULL. An infinite time raises 22008. Source: GIPS 2020.';

-- xirr
CREATE FUNCTION pulse.equity_xirr(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_equity_xirr' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_xirr(internal) IS
	'Internal: final function of pulse_xirr().';
CREATE AGGREGATE pulse_xirr(ts timestamptz, amount float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_xirr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_xirr(timestamptz, float8) IS
	'Money-weighted annual rate of return (XIRR): the rate at which payments discount to 0, a year being 365 days; payments in (deposits) are negative and payments out (withdrawals, the final value) positive, or all the other way round. Rows may come in any order; rows without time or amount are skipped; a NaN or infinite amount gives NaN; without payments of both signs at different times, or without such a rate, NULL; of several rates the one nearest to 0. An infinite time raises 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_xirr(ts timestamptz, amount numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_xirr,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_xirr(timestamptz, numeric) IS
	'Money-weighted annual rate of return (XIRR): the rate at which payments discount to 0, a year being 365 days; payments in (deposits) are negative and payments out (withdrawals, the final value) positive, or all the other way round. Rows may come in any order; rows without time or amount are skipped; a NaN or infinite amount gives NaN; without payments of both signs at different times, or without such a rate, NULL; of several rates the one nearest to 0. An infinite time raises 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';

-- drawdown over values that the query brings in order
CREATE FUNCTION pulse.drawdown_accum(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_drawdown_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.drawdown_accum(internal, float8) IS
	'Internal: transition of drawdown over ordered values.';
CREATE FUNCTION pulse.drawdown_accum(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_drawdown_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.drawdown_accum(internal, numeric) IS
	'Internal: transition of drawdown over ordered values.';
CREATE FUNCTION pulse.drawdown_max(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_drawdown_max' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.drawdown_max(internal) IS
	'Internal: final function of pulse_max_drawdown(value).';
CREATE AGGREGATE pulse_max_drawdown(value float8) (
	SFUNC = pulse.drawdown_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = pulse.drawdown_max,
	MSFUNC = pulse.push_value,
	MINVFUNC = pulse.pop_value,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown(float8) IS
	'Maximum drawdown of values in input order: write pulse_max_drawdown(value ORDER BY ts). The largest (peak - value) / peak, positive. The peak starts at the first value. Constant memory. NULL rows are skipped; NaN or infinity in gives NaN; no row, or no positive peak, gives NULL.';
CREATE AGGREGATE pulse_max_drawdown(value numeric) (
	SFUNC = pulse.drawdown_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = pulse.drawdown_max,
	MSFUNC = pulse.push_value,
	MINVFUNC = pulse.pop_value,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown(numeric) IS
	'Maximum drawdown of values in input order: write pulse_max_drawdown(value ORDER BY ts). The largest (peak - value) / peak, positive. The peak starts at the first value. Constant memory. NULL rows are skipped; NaN or infinity in gives NaN; no row, or no positive peak, gives NULL.';
CREATE FUNCTION pulse.drawdown_now(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_drawdown_now' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.drawdown_now(internal) IS
	'Internal: final function of pulse_current_drawdown(value).';
CREATE AGGREGATE pulse_current_drawdown(value float8) (
	SFUNC = pulse.drawdown_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = pulse.drawdown_now,
	MSFUNC = pulse.push_value,
	MINVFUNC = pulse.pop_value,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_current_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_current_drawdown(float8) IS
	'Current drawdown of values in input order: write pulse_current_drawdown(value ORDER BY ts). (peak - last value) / peak, positive. Constant memory. NULL rows are skipped; NaN or infinity in gives NaN; no row, or no positive peak, gives NULL.';
CREATE AGGREGATE pulse_current_drawdown(value numeric) (
	SFUNC = pulse.drawdown_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = pulse.drawdown_now,
	MSFUNC = pulse.push_value,
	MINVFUNC = pulse.pop_value,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_current_drawdown,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_current_drawdown(numeric) IS
	'Current drawdown of values in input order: write pulse_current_drawdown(value ORDER BY ts). (peak - last value) / peak, positive. Constant memory. NULL rows are skipped; NaN or infinity in gives NaN; no row, or no positive peak, gives NULL.';
CREATE FUNCTION pulse.drawdown_money(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_drawdown_money' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.drawdown_money(internal) IS
	'Internal: final function of pulse_max_drawdown_amount(value).';
CREATE AGGREGATE pulse_max_drawdown_amount(value float8) (
	SFUNC = pulse.drawdown_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = pulse.drawdown_money,
	MSFUNC = pulse.push_value,
	MINVFUNC = pulse.pop_value,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown_amount,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown_amount(float8) IS
	'Maximum drawdown in money of values in input order: write pulse_max_drawdown_amount(value ORDER BY ts). The largest peak - value, positive, in the unit of the values; of equity or of cumulative profit and loss, which may be negative. The peak starts at the first value. Constant memory. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL.';
CREATE AGGREGATE pulse_max_drawdown_amount(value numeric) (
	SFUNC = pulse.drawdown_accum,
	STYPE = internal,
	SSPACE = 96,
	FINALFUNC = pulse.drawdown_money,
	MSFUNC = pulse.push_value,
	MINVFUNC = pulse.pop_value,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_drawdown_amount,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_drawdown_amount(numeric) IS
	'Maximum drawdown in money of values in input order: write pulse_max_drawdown_amount(value ORDER BY ts). The largest peak - value, positive, in the unit of the values; of equity or of cumulative profit and loss, which may be negative. The peak starts at the first value. Constant memory. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL.';
-- Aggregates over returns whose result depends on the order: no combine function.

CREATE FUNCTION pulse.ordered_accum(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_ordered_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_accum(internal, float8) IS
	'Internal: transition of aggregates over ordered returns.';
CREATE FUNCTION pulse.ordered_accum(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_ordered_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_accum(internal, float8, float8) IS
	'Internal: transition of aggregates over ordered returns.';
CREATE FUNCTION pulse.ordered_accum(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_ordered_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_accum(internal, float8, float8, float8) IS
	'Internal: transition of aggregates over ordered returns.';
CREATE FUNCTION pulse.ordered_accum(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_ordered_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_accum(internal, numeric) IS
	'Internal: transition of aggregates over ordered returns.';
CREATE FUNCTION pulse.ordered_accum(internal, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_ordered_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_accum(internal, numeric, float8) IS
	'Internal: transition of aggregates over ordered returns.';
CREATE FUNCTION pulse.ordered_accum(internal, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_ordered_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_accum(internal, numeric, float8, float8) IS
	'Internal: transition of aggregates over ordered returns.';

-- stability
CREATE FUNCTION pulse.ordered_stability(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_ordered_stability' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_stability(internal) IS
	'Internal: final function of pulse_stability().';
CREATE AGGREGATE pulse_stability(r float8) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_stability,
	MSFUNC = pulse.push_stability,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_stability,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_stability(float8) IS
	'Stability of per-period simple returns in input order: R squared of the cumulative log return regressed on its number, 1 for growth at a constant rate. Write pulse_stability(r ORDER BY t) unless rows come in order. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, a return of -1 or less, or no growth at all give NULL. Source: as in empyrical.';
CREATE AGGREGATE pulse_stability(r numeric) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_stability,
	MSFUNC = pulse.push_stability,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_stability,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_stability(numeric) IS
	'Stability of per-period simple returns in input order: R squared of the cumulative log return regressed on its number, 1 for growth at a constant rate. Write pulse_stability(r ORDER BY t) unless rows come in order. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows, a return of -1 or less, or no growth at all give NULL. Source: as in empyrical.';
CREATE FUNCTION pulse_stability(returns float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_stability' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_stability(float8[]) IS
	'The same over an array. Stability of per-period simple returns in input order: R squared of the cumulative log return regressed on its number, 1 for growth at a constant rate. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements, a return of -1 or less, or no growth at all give NULL. Source: as in empyrical.';

-- ewma_volatility
CREATE FUNCTION pulse.ordered_ewma_volatility(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_ordered_ewma_volatility' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.ordered_ewma_volatility(internal) IS
	'Internal: final function of pulse_ewma_volatility().';
CREATE AGGREGATE pulse_ewma_volatility(r float8) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_ewma_volatility,
	MSFUNC = pulse.push_ewma,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ewma_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ewma_volatility(float8) IS
	'Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). Write pulse_ewma_volatility(r ORDER BY t). lambda defaults to 0.94, periods per year to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_ewma_volatility(r float8, lambda float8) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_ewma_volatility,
	MSFUNC = pulse.push_ewma,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ewma_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ewma_volatility(float8, float8) IS
	'Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). Write pulse_ewma_volatility(r ORDER BY t). lambda defaults to 0.94, periods per year to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_ewma_volatility(r float8, lambda float8, periods float8) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_ewma_volatility,
	MSFUNC = pulse.push_ewma,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ewma_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ewma_volatility(float8, float8, float8) IS
	'Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). Write pulse_ewma_volatility(r ORDER BY t). lambda defaults to 0.94, periods per year to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_ewma_volatility(r numeric) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_ewma_volatility,
	MSFUNC = pulse.push_ewma,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ewma_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ewma_volatility(numeric) IS
	'Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). Write pulse_ewma_volatility(r ORDER BY t). lambda defaults to 0.94, periods per year to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_ewma_volatility(r numeric, lambda float8) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_ewma_volatility,
	MSFUNC = pulse.push_ewma,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ewma_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ewma_volatility(numeric, float8) IS
	'Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). Write pulse_ewma_volatility(r ORDER BY t). lambda defaults to 0.94, periods per year to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
CREATE AGGREGATE pulse_ewma_volatility(r numeric, lambda float8, periods float8) (
	SFUNC = pulse.ordered_accum,
	STYPE = internal,
	SSPACE = 160,
	FINALFUNC = pulse.ordered_ewma_volatility,
	MSFUNC = pulse.push_ewma,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_ewma_volatility,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_ewma_volatility(numeric, float8, float8) IS
	'Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). Write pulse_ewma_volatility(r ORDER BY t). lambda defaults to 0.94, periods per year to 365. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
CREATE FUNCTION pulse_ewma_volatility(returns float8[], lambda float8 DEFAULT 0.94, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_array_ewma_volatility' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_ewma_volatility(float8[], float8, float8) IS
	'The same over an array. Annualised exponentially weighted volatility (RiskMetrics) of per-period simple returns in input order: variance = lambda variance + (1 - lambda) r^2, begun with the first squared return; square root times sqrt(periods). lambda defaults to 0.94, periods per year to 365. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements give NULL. A lambda outside of (0, 1), or periods that are not positive and finite, raise 22023. Source: RiskMetrics 1996.';
-- Aggregates over the profit or loss of closed trades, all of one transition.

CREATE FUNCTION pulse.pnl_accum(internal, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pnl_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_accum(internal, float8) IS
	'Internal: transition of aggregates over profit and loss.';
CREATE FUNCTION pulse.pnl_accum(internal, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pnl_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_accum(internal, numeric) IS
	'Internal: transition of aggregates over profit and loss.';
CREATE FUNCTION pulse.pnl_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pnl_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_combine(internal, internal) IS 'Internal: merges the states of two parallel workers over profit and loss.';
CREATE FUNCTION pulse.pnl_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pulse_pnl_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_serialize(internal) IS 'Internal: writes a state over profit and loss for another process.';
CREATE FUNCTION pulse.pnl_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pnl_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_deserialize(bytea, internal) IS 'Internal: reads a state over profit and loss of another process.';

-- win_rate
CREATE FUNCTION pulse.pnl_win_rate(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_win_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_win_rate(internal) IS
	'Internal: final function of pulse_win_rate().';
CREATE AGGREGATE pulse_win_rate(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_win_rate,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_win_rate,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_win_rate(float8) IS
	'Share of closed trades with a profit: count(pnl > 0) over all, trades at 0 included in the denominator; 0.65 is 65 %. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL.';
CREATE AGGREGATE pulse_win_rate(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_win_rate,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_win_rate,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_win_rate(numeric) IS
	'Share of closed trades with a profit: count(pnl > 0) over all, trades at 0 included in the denominator; 0.65 is 65 %. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL.';

-- profit_factor
CREATE FUNCTION pulse.pnl_profit_factor(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_profit_factor' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_profit_factor(internal) IS
	'Internal: final function of pulse_profit_factor().';
CREATE AGGREGATE pulse_profit_factor(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_profit_factor,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_profit_factor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_profit_factor(float8) IS
	'Gross profit over gross loss of closed trades. NULL rows are skipped; NaN or infinity in gives NaN; no row, or no loss, gives NULL.';
CREATE AGGREGATE pulse_profit_factor(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_profit_factor,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_profit_factor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_profit_factor(numeric) IS
	'Gross profit over gross loss of closed trades. NULL rows are skipped; NaN or infinity in gives NaN; no row, or no loss, gives NULL.';

-- average_win
CREATE FUNCTION pulse.pnl_average_win(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_average_win' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_average_win(internal) IS
	'Internal: final function of pulse_average_win().';
CREATE AGGREGATE pulse_average_win(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_average_win,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_win,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_average_win(float8) IS
	'Mean profit of the closed trades with a profit, in the unit of pnl. NULL rows are skipped; NaN or infinity in gives NaN; no profit gives NULL.';
CREATE AGGREGATE pulse_average_win(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_average_win,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_win,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_average_win(numeric) IS
	'Mean profit of the closed trades with a profit, in the unit of pnl. NULL rows are skipped; NaN or infinity in gives NaN; no profit gives NULL.';

-- average_loss
CREATE FUNCTION pulse.pnl_average_loss(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_average_loss' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_average_loss(internal) IS
	'Internal: final function of pulse_average_loss().';
CREATE AGGREGATE pulse_average_loss(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_average_loss,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_loss,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_average_loss(float8) IS
	'Mean loss of the closed trades with a loss, as a positive number in the unit of pnl. NULL rows are skipped; NaN or infinity in gives NaN; no loss gives NULL.';
CREATE AGGREGATE pulse_average_loss(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_average_loss,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_average_loss,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_average_loss(numeric) IS
	'Mean loss of the closed trades with a loss, as a positive number in the unit of pnl. NULL rows are skipped; NaN or infinity in gives NaN; no loss gives NULL.';

-- payoff_ratio
CREATE FUNCTION pulse.pnl_payoff_ratio(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_payoff_ratio' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_payoff_ratio(internal) IS
	'Internal: final function of pulse_payoff_ratio().';
CREATE AGGREGATE pulse_payoff_ratio(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_payoff_ratio,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_payoff_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_payoff_ratio(float8) IS
	'Average win over average loss of closed trades. NULL rows are skipped; NaN or infinity in gives NaN; without a win or a loss NULL.';
CREATE AGGREGATE pulse_payoff_ratio(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_payoff_ratio,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_payoff_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_payoff_ratio(numeric) IS
	'Average win over average loss of closed trades. NULL rows are skipped; NaN or infinity in gives NaN; without a win or a loss NULL.';

-- expectancy
CREATE FUNCTION pulse.pnl_expectancy(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_expectancy' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_expectancy(internal) IS
	'Internal: final function of pulse_expectancy().';
CREATE AGGREGATE pulse_expectancy(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_expectancy,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_expectancy,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_expectancy(float8) IS
	'Mean profit or loss of a closed trade, in the unit of pnl. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL.';
CREATE AGGREGATE pulse_expectancy(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_expectancy,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_expectancy,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_expectancy(numeric) IS
	'Mean profit or loss of a closed trade, in the unit of pnl. NULL rows are skipped; NaN or infinity in gives NaN; no row gives NULL.';

-- kelly_discrete
CREATE FUNCTION pulse.pnl_kelly_discrete(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_kelly_discrete' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_kelly_discrete(internal) IS
	'Internal: final function of pulse_kelly_discrete().';
CREATE AGGREGATE pulse_kelly_discrete(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_kelly_discrete,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_kelly_discrete,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_kelly_discrete(float8) IS
	'Kelly fraction of closed trades taken as bets: win rate - (1 - win rate) / payoff ratio. NULL rows are skipped; NaN or infinity in gives NaN; without a win or a loss NULL. Source: Kelly 1956.';
CREATE AGGREGATE pulse_kelly_discrete(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_kelly_discrete,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_kelly_discrete,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_kelly_discrete(numeric) IS
	'Kelly fraction of closed trades taken as bets: win rate - (1 - win rate) / payoff ratio. NULL rows are skipped; NaN or infinity in gives NaN; without a win or a loss NULL. Source: Kelly 1956.';

-- sqn
CREATE FUNCTION pulse.pnl_sqn(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pnl_sqn' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_sqn(internal) IS
	'Internal: final function of pulse_sqn().';
CREATE AGGREGATE pulse_sqn(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_sqn,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_sqn,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sqn(float8) IS
	'System quality number of closed trades: sqrt(n) times mean over sample standard deviation of pnl. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. Source: Tharp 2008.';
CREATE AGGREGATE pulse_sqn(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_sqn,
	COMBINEFUNC = pulse.pnl_combine,
	SERIALFUNC = pulse.pnl_serialize,
	DESERIALFUNC = pulse.pnl_deserialize,
	MSFUNC = pulse.push_pnl,
	MINVFUNC = pulse.pop_pnl,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_sqn,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_sqn(numeric) IS
	'System quality number of closed trades: sqrt(n) times mean over sample standard deviation of pnl. NULL rows are skipped; NaN or infinity in gives NaN; fewer than 2 rows or no variance give NULL. Source: Tharp 2008.';

-- max_consecutive_losses depends on the order, which parallel workers do not keep
CREATE FUNCTION pulse.pnl_max_consecutive_losses(internal) RETURNS bigint
	AS 'MODULE_PATHNAME', 'pulse_pnl_max_consecutive_losses' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pnl_max_consecutive_losses(internal) IS
	'Internal: final function of pulse_max_consecutive_losses().';
CREATE AGGREGATE pulse_max_consecutive_losses(pnl float8) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_max_consecutive_losses,
	MSFUNC = pulse.push_losses,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_consecutive_losses,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_consecutive_losses(float8) IS
	'Longest run of closed trades with a loss, in input order: write pulse_max_consecutive_losses(pnl ORDER BY closed_at). A trade at 0 ends a run. NULL rows are skipped; no row, or a NaN or infinity, gives NULL.';
CREATE AGGREGATE pulse_max_consecutive_losses(pnl numeric) (
	SFUNC = pulse.pnl_accum,
	STYPE = internal,
	SSPACE = 192,
	FINALFUNC = pulse.pnl_max_consecutive_losses,
	MSFUNC = pulse.push_losses,
	MINVFUNC = pulse.pop_ordered,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_max_consecutive_losses,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_max_consecutive_losses(numeric) IS
	'Longest run of closed trades with a loss, in input order: write pulse_max_consecutive_losses(pnl ORDER BY closed_at). A trade at 0 ends a run. NULL rows are skipped; no row, or a NaN or infinity, gives NULL.';
-- Aggregates over per-period returns and those of a benchmark, pairwise, all of one transition.

CREATE FUNCTION pulse.pair_accum(internal, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum(internal, float8, float8) IS
	'Internal: transition of benchmark aggregates.';
CREATE FUNCTION pulse.pair_accum_rate(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum_rate(internal, float8, float8, float8) IS
	'Internal: transition of benchmark aggregates with a risk-free rate.';
CREATE FUNCTION pulse.pair_accum_rate(internal, float8, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_rate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum_rate(internal, float8, float8, float8, float8) IS
	'Internal: transition of benchmark aggregates with a risk-free rate and periods per year.';
CREATE FUNCTION pulse.pair_accum_periods(internal, float8, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_periods' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum_periods(internal, float8, float8, float8) IS
	'Internal: transition of benchmark aggregates with periods per year.';
CREATE FUNCTION pulse.pair_accum(internal, numeric, numeric) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum(internal, numeric, numeric) IS
	'Internal: transition of benchmark aggregates.';
CREATE FUNCTION pulse.pair_accum_rate(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum_rate(internal, numeric, numeric, float8) IS
	'Internal: transition of benchmark aggregates with a risk-free rate.';
CREATE FUNCTION pulse.pair_accum_rate(internal, numeric, numeric, float8, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_rate_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum_rate(internal, numeric, numeric, float8, float8) IS
	'Internal: transition of benchmark aggregates with a risk-free rate and periods per year.';
CREATE FUNCTION pulse.pair_accum_periods(internal, numeric, numeric, float8) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_accum_periods_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_accum_periods(internal, numeric, numeric, float8) IS
	'Internal: transition of benchmark aggregates with periods per year.';
CREATE FUNCTION pulse.pair_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_combine(internal, internal) IS 'Internal: merges the states of two parallel workers over pairs.';
CREATE FUNCTION pulse.pair_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pulse_pair_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_serialize(internal) IS 'Internal: writes a state over pairs for another process.';
CREATE FUNCTION pulse.pair_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_pair_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_deserialize(bytea, internal) IS 'Internal: reads a state over pairs of another process.';

-- beta
CREATE FUNCTION pulse.pair_beta(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_beta' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_beta(internal) IS
	'Internal: final function of pulse_beta().';
CREATE AGGREGATE pulse_beta(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_beta,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_beta,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_beta(float8, float8) IS
	'Beta of returns to a benchmark''s: covariance over the variance of the benchmark. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary (relative to its size), give NULL. Source: Sharpe 1964.';
CREATE AGGREGATE pulse_beta(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_beta,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_beta,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_beta(numeric, numeric) IS
	'Beta of returns to a benchmark''s: covariance over the variance of the benchmark. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary (relative to its size), give NULL. Source: Sharpe 1964.';
CREATE FUNCTION pulse_beta(returns float8[], benchmark float8[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_beta' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_beta(float8[], float8[]) IS
	'The same over two arrays of equal length, 2202E if they are not. Beta of returns to a benchmark''s: covariance over the variance of the benchmark. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary (relative to its size), give NULL. Source: Sharpe 1964.';

-- alpha
CREATE FUNCTION pulse.pair_alpha(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_alpha' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_alpha(internal) IS
	'Internal: final function of pulse_alpha().';
CREATE AGGREGATE pulse_alpha(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_alpha,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_alpha,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_alpha(float8, float8) IS
	'Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';
CREATE AGGREGATE pulse_alpha(r float8, b float8, risk_free float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_alpha,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_alpha,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_alpha(float8, float8, float8) IS
	'Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';
CREATE AGGREGATE pulse_alpha(r float8, b float8, risk_free float8, periods float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_alpha,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_alpha,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_alpha(float8, float8, float8, float8) IS
	'Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';
CREATE AGGREGATE pulse_alpha(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_alpha,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_alpha,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_alpha(numeric, numeric) IS
	'Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';
CREATE AGGREGATE pulse_alpha(r numeric, b numeric, risk_free float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_alpha,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_alpha,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_alpha(numeric, numeric, float8) IS
	'Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';
CREATE AGGREGATE pulse_alpha(r numeric, b numeric, risk_free float8, periods float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_alpha,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_alpha,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_alpha(numeric, numeric, float8, float8) IS
	'Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';
CREATE FUNCTION pulse_alpha(returns float8[], benchmark float8[], risk_free float8 DEFAULT 0, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_alpha' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_alpha(float8[], float8[], float8, float8) IS
	'The same over two arrays of equal length, 2202E if they are not. Jensen''s alpha: mean(r - rf) - beta mean(b - rf), compounded to a year: (1 + alpha)^periods - 1; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or a benchmark that does not vary, give NULL. Parameters out of range raise 22023. Source: Jensen 1968.';

-- tracking_error
CREATE FUNCTION pulse.pair_tracking_error(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_tracking_error' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_tracking_error(internal) IS
	'Internal: final function of pulse_tracking_error().';
CREATE AGGREGATE pulse_tracking_error(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_tracking_error,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_tracking_error,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_tracking_error(float8, float8) IS
	'Annualised tracking error: sample standard deviation of r - b times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs give NULL. Periods that are not positive and finite raise 22023.';
CREATE AGGREGATE pulse_tracking_error(r float8, b float8, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_tracking_error,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_tracking_error,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_tracking_error(float8, float8, float8) IS
	'Annualised tracking error: sample standard deviation of r - b times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs give NULL. Periods that are not positive and finite raise 22023.';
CREATE AGGREGATE pulse_tracking_error(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_tracking_error,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_tracking_error,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_tracking_error(numeric, numeric) IS
	'Annualised tracking error: sample standard deviation of r - b times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs give NULL. Periods that are not positive and finite raise 22023.';
CREATE AGGREGATE pulse_tracking_error(r numeric, b numeric, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_tracking_error,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_tracking_error,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_tracking_error(numeric, numeric, float8) IS
	'Annualised tracking error: sample standard deviation of r - b times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs give NULL. Periods that are not positive and finite raise 22023.';
CREATE FUNCTION pulse_tracking_error(returns float8[], benchmark float8[], periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_tracking_error' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_tracking_error(float8[], float8[], float8) IS
	'The same over two arrays of equal length, 2202E if they are not. Annualised tracking error: sample standard deviation of r - b times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs give NULL. Periods that are not positive and finite raise 22023.';

-- information_ratio
CREATE FUNCTION pulse.pair_information_ratio(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_information_ratio' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_information_ratio(internal) IS
	'Internal: final function of pulse_information_ratio().';
CREATE AGGREGATE pulse_information_ratio(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_information_ratio,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_information_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_information_ratio(float8, float8) IS
	'Annualised information ratio: mean of r - b over its sample standard deviation, times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or an active return that does not vary, give NULL. Periods that are not positive and finite raise 22023. Source: Goodwin 1998.';
CREATE AGGREGATE pulse_information_ratio(r float8, b float8, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_information_ratio,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_information_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_information_ratio(float8, float8, float8) IS
	'Annualised information ratio: mean of r - b over its sample standard deviation, times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or an active return that does not vary, give NULL. Periods that are not positive and finite raise 22023. Source: Goodwin 1998.';
CREATE AGGREGATE pulse_information_ratio(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_information_ratio,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_information_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_information_ratio(numeric, numeric) IS
	'Annualised information ratio: mean of r - b over its sample standard deviation, times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or an active return that does not vary, give NULL. Periods that are not positive and finite raise 22023. Source: Goodwin 1998.';
CREATE AGGREGATE pulse_information_ratio(r numeric, b numeric, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_information_ratio,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_information_ratio,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_information_ratio(numeric, numeric, float8) IS
	'Annualised information ratio: mean of r - b over its sample standard deviation, times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or an active return that does not vary, give NULL. Periods that are not positive and finite raise 22023. Source: Goodwin 1998.';
CREATE FUNCTION pulse_information_ratio(returns float8[], benchmark float8[], periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_information_ratio' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_information_ratio(float8[], float8[], float8) IS
	'The same over two arrays of equal length, 2202E if they are not. Annualised information ratio: mean of r - b over its sample standard deviation, times sqrt(periods), default 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or an active return that does not vary, give NULL. Periods that are not positive and finite raise 22023. Source: Goodwin 1998.';

-- treynor
CREATE FUNCTION pulse.pair_treynor(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_treynor' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_treynor(internal) IS
	'Internal: final function of pulse_treynor().';
CREATE AGGREGATE pulse_treynor(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_treynor,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_treynor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_treynor(float8, float8) IS
	'Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';
CREATE AGGREGATE pulse_treynor(r float8, b float8, risk_free float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_treynor,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_treynor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_treynor(float8, float8, float8) IS
	'Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';
CREATE AGGREGATE pulse_treynor(r float8, b float8, risk_free float8, periods float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_treynor,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_treynor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_treynor(float8, float8, float8, float8) IS
	'Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';
CREATE AGGREGATE pulse_treynor(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_treynor,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_treynor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_treynor(numeric, numeric) IS
	'Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';
CREATE AGGREGATE pulse_treynor(r numeric, b numeric, risk_free float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_treynor,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_treynor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_treynor(numeric, numeric, float8) IS
	'Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';
CREATE AGGREGATE pulse_treynor(r numeric, b numeric, risk_free float8, periods float8) (
	SFUNC = pulse.pair_accum_rate,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_treynor,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_rate_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_treynor,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_treynor(numeric, numeric, float8, float8) IS
	'Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';
CREATE FUNCTION pulse_treynor(returns float8[], benchmark float8[], risk_free float8 DEFAULT 0, periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_treynor' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_treynor(float8[], float8[], float8, float8) IS
	'The same over two arrays of equal length, 2202E if they are not. Treynor ratio: compounded annual return less the annual risk_free (default 0), over beta; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, no beta, a beta of 0 or a return below -1 give NULL. Parameters out of range raise 22023. Source: Treynor 1965.';

-- up_capture
CREATE FUNCTION pulse.pair_up_capture(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_up_capture' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_up_capture(internal) IS
	'Internal: final function of pulse_up_capture().';
CREATE AGGREGATE pulse_up_capture(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_up_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_up_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_up_capture(float8, float8) IS
	'Up capture: compounded annual return over that of the benchmark, in the periods in which the benchmark rose; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b > 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE AGGREGATE pulse_up_capture(r float8, b float8, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_up_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_up_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_up_capture(float8, float8, float8) IS
	'Up capture: compounded annual return over that of the benchmark, in the periods in which the benchmark rose; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b > 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE AGGREGATE pulse_up_capture(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_up_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_up_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_up_capture(numeric, numeric) IS
	'Up capture: compounded annual return over that of the benchmark, in the periods in which the benchmark rose; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b > 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE AGGREGATE pulse_up_capture(r numeric, b numeric, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_up_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_up_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_up_capture(numeric, numeric, float8) IS
	'Up capture: compounded annual return over that of the benchmark, in the periods in which the benchmark rose; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b > 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE FUNCTION pulse_up_capture(returns float8[], benchmark float8[], periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_up_capture' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_up_capture(float8[], float8[], float8) IS
	'The same over two arrays of equal length, 2202E if they are not. Up capture: compounded annual return over that of the benchmark, in the periods in which the benchmark rose; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b > 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';

-- down_capture
CREATE FUNCTION pulse.pair_down_capture(internal) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_pair_down_capture' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.pair_down_capture(internal) IS
	'Internal: final function of pulse_down_capture().';
CREATE AGGREGATE pulse_down_capture(r float8, b float8) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_down_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_down_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_down_capture(float8, float8) IS
	'Down capture: compounded annual return over that of the benchmark, in the periods in which the benchmark fell; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b < 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE AGGREGATE pulse_down_capture(r float8, b float8, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_down_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_down_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_down_capture(float8, float8, float8) IS
	'Down capture: compounded annual return over that of the benchmark, in the periods in which the benchmark fell; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b < 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE AGGREGATE pulse_down_capture(r numeric, b numeric) (
	SFUNC = pulse.pair_accum,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_down_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_down_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_down_capture(numeric, numeric) IS
	'Down capture: compounded annual return over that of the benchmark, in the periods in which the benchmark fell; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b < 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE AGGREGATE pulse_down_capture(r numeric, b numeric, periods float8) (
	SFUNC = pulse.pair_accum_periods,
	STYPE = internal,
	SSPACE = 512,
	FINALFUNC = pulse.pair_down_capture,
	COMBINEFUNC = pulse.pair_combine,
	SERIALFUNC = pulse.pair_serialize,
	DESERIALFUNC = pulse.pair_deserialize,
	MSFUNC = pulse.push_pair_periods_growth,
	MINVFUNC = pulse.pop_pair,
	MSTYPE = internal,
	MFINALFUNC = pulse.window_down_capture,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_down_capture(numeric, numeric, float8) IS
	'Down capture: compounded annual return over that of the benchmark, in the periods in which the benchmark fell; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b < 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
CREATE FUNCTION pulse_down_capture(returns float8[], benchmark float8[], periods float8 DEFAULT 365) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_arrays_down_capture' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_down_capture(float8[], float8[], float8) IS
	'The same over two arrays of equal length, 2202E if they are not. Down capture: compounded annual return over that of the benchmark, in the periods in which the benchmark fell; periods per year default to 365. Pairs with a NULL are skipped; NaN or infinity in gives NaN; fewer than 2 pairs, or none with b < 0, give NULL. Periods that are not positive and finite raise 22023. Source: Morningstar.';
-- All figures of an equity curve at once.

CREATE TYPE pulse_metrics_row AS (
	n_snapshots bigint,
	n_periods bigint,
	gaps bigint,
	first_ts timestamptz,
	last_ts timestamptz,
	first_value float8,
	last_value float8,
	net_flow float8,
	period interval,
	periods_per_year float8,
	confidence float8,
	period_return float8,
	total_return float8,
	cagr float8,
	volatility float8,
	downside_deviation float8,
	sharpe float8,
	sortino float8,
	calmar float8,
	max_drawdown float8,
	current_drawdown float8,
	drawdown_duration interval,
	average_drawdown float8,
	ulcer_index float8,
	pain_index float8,
	cdar float8,
	stability float8,
	skewness float8,
	kurtosis float8,
	gain_to_pain float8,
	omega float8,
	psr float8,
	kelly float8,
	var_gaussian float8,
	cvar_gaussian float8,
	var_cornish_fisher float8,
	var float8,
	cvar float8,
	var_95 float8,
	cvar_95 float8,
	tail_ratio float8
);
COMMENT ON TYPE pulse_metrics_row IS
	'Result of pulse_metrics(). n_snapshots: rows used; n_periods: returns, one per bucket after the first; gaps: buckets without a row, whose value was carried forward; net_flow: deposits less withdrawals, without the first row''s; period_return: return of the last bucket (in the only bucket, since the first row); total_return and cagr: from the first row to the last, time-weighted; max_drawdown, current_drawdown, drawdown_duration: over all rows, flows removed; average_drawdown, ulcer_index, pain_index, cdar: over the ends of buckets; everything else: over the returns of buckets. Rates and volatilities are annual; var, cvar, their relatives and cdar at the given confidence, var_95 and cvar_95 at 0.95.';

CREATE FUNCTION pulse.equity_metrics(internal) RETURNS pulse_metrics_row
	AS 'MODULE_PATHNAME', 'pulse_equity_metrics' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_metrics(internal) IS
	'Internal: final function of pulse_metrics().';
CREATE AGGREGATE pulse_metrics(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_metrics,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_metrics(timestamptz, float8) IS
	'All metrics of an equity curve in one pass, as one row of pulse_metrics_row. Returns are those between the last values of UTC buckets (default 1 day, gaps carried forward, the open last bucket counted), external flows removed by chain-linking: flow is the net deposit since the previous row, NULL is 0, and the first row''s is ignored. Annualised with a year of 365 days. risk_free and mar are annual (default 0), confidence defaults to 0.95. Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; an undefined figure is NULL, and all based on returns are once equity is not positive. Parameters out of range raise 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_metrics(ts timestamptz, value float8, flow float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_metrics,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_metrics(timestamptz, float8, float8) IS
	'All metrics of an equity curve in one pass, as one row of pulse_metrics_row. Returns are those between the last values of UTC buckets (default 1 day, gaps carried forward, the open last bucket counted), external flows removed by chain-linking: flow is the net deposit since the previous row, NULL is 0, and the first row''s is ignored. Annualised with a year of 365 days. risk_free and mar are annual (default 0), confidence defaults to 0.95. Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; an undefined figure is NULL, and all based on returns are once equity is not positive. Parameters out of range raise 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_metrics(ts timestamptz, value float8, flow float8, risk_free float8, mar float8, period interval, confidence float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_metrics,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_metrics(timestamptz, float8, float8, float8, float8, interval, float8) IS
	'All metrics of an equity curve in one pass, as one row of pulse_metrics_row. Returns are those between the last values of UTC buckets (default 1 day, gaps carried forward, the open last bucket counted), external flows removed by chain-linking: flow is the net deposit since the previous row, NULL is 0, and the first row''s is ignored. Annualised with a year of 365 days. risk_free and mar are annual (default 0), confidence defaults to 0.95. Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; an undefined figure is NULL, and all based on returns are once equity is not positive. Parameters out of range raise 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_metrics(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_metrics,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_metrics(timestamptz, numeric) IS
	'All metrics of an equity curve in one pass, as one row of pulse_metrics_row. Returns are those between the last values of UTC buckets (default 1 day, gaps carried forward, the open last bucket counted), external flows removed by chain-linking: flow is the net deposit since the previous row, NULL is 0, and the first row''s is ignored. Annualised with a year of 365 days. risk_free and mar are annual (default 0), confidence defaults to 0.95. Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; an undefined figure is NULL, and all based on returns are once equity is not positive. Parameters out of range raise 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_metrics(ts timestamptz, value numeric, flow numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_metrics,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_metrics(timestamptz, numeric, numeric) IS
	'All metrics of an equity curve in one pass, as one row of pulse_metrics_row. Returns are those between the last values of UTC buckets (default 1 day, gaps carried forward, the open last bucket counted), external flows removed by chain-linking: flow is the net deposit since the previous row, NULL is 0, and the first row''s is ignored. Annualised with a year of 365 days. risk_free and mar are annual (default 0), confidence defaults to 0.95. Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; an undefined figure is NULL, and all based on returns are once equity is not positive. Parameters out of range raise 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_metrics(ts timestamptz, value numeric, flow numeric, risk_free float8, mar float8, period interval, confidence float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_metrics,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_metrics(timestamptz, numeric, numeric, float8, float8, interval, float8) IS
	'All metrics of an equity curve in one pass, as one row of pulse_metrics_row. Returns are those between the last values of UTC buckets (default 1 day, gaps carried forward, the open last bucket counted), external flows removed by chain-linking: flow is the net deposit since the previous row, NULL is 0, and the first row''s is ignored. Annualised with a year of 365 days. risk_free and mar are annual (default 0), confidence defaults to 0.95. Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; an undefined figure is NULL, and all based on returns are once equity is not positive. Parameters out of range raise 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
-- How sure performance figures are.

CREATE FUNCTION pulse_normal_probability(z float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_normal_probability_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_normal_probability(float8) IS
	'Probability of a standard normal value at or below z, accurate in relative terms to the ends of double precision. NaN gives NaN, NULL gives NULL.';

CREATE FUNCTION pulse_normal_quantile(p float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_normal_quantile_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_normal_quantile(float8) IS
	'Standard normal quantile: z with probability p at or below it, to a few units in the last place. NULL gives NULL; p outside of (0, 1) raises 22023. Source: Acklam 2003, refined by Halley steps.';

CREATE FUNCTION pulse_student_probability(t float8, degrees float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_student_probability_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_student_probability(float8, float8) IS
	'Probability of a value of Student''s t distribution at or below t; with t = information ratio per period * sqrt(n) and n - 1 degrees of freedom, the probability of outperforming. NaN gives NaN, NULL gives NULL; degrees of freedom that are not positive and finite raise 22023. Source: Student 1908, by the continued fraction of the incomplete beta function.';

CREATE FUNCTION pulse_psr(sharpe float8, benchmark_sharpe float8, n bigint, skewness float8 DEFAULT 0, kurtosis float8 DEFAULT 3) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_psr_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_psr(float8, float8, bigint, float8, float8) IS
	'Probabilistic Sharpe ratio from moments: the probability that the true Sharpe ratio exceeds benchmark_sharpe, both per period, given n returns of that skewness and kurtosis (3 for a normal distribution). n below 2, or a variance of the estimate that is not positive, gives NULL. Source: Bailey and Lopez de Prado 2012.';

CREATE FUNCTION pulse_min_track_record_length(
	sharpe float8,
	benchmark_sharpe float8 DEFAULT 0,
	skewness float8 DEFAULT 0,
	kurtosis float8 DEFAULT 3,
	confidence float8 DEFAULT 0.95) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_min_track_record_length' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_min_track_record_length(float8, float8, float8, float8, float8) IS
	'Number of periods after which a Sharpe ratio (per period) exceeds benchmark_sharpe with the given confidence. NULL unless it is above the benchmark. A confidence outside of (0, 1) raises 22023. Source: Bailey and Lopez de Prado 2012.';

CREATE FUNCTION pulse_sharpe_standard_error(sharpe float8, n bigint) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_sharpe_standard_error_sql' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sharpe_standard_error(float8, bigint) IS
	'Standard error of a Sharpe ratio per period measured on n independent returns: sqrt((1 + sharpe^2 / 2) / n). n below 2 gives NULL. Source: Lo 2002.';

CREATE FUNCTION pulse_sharpe_annualisation(periods float8, autocorrelation float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_sharpe_annualisation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sharpe_annualisation(float8, float8) IS
	'Factor from a Sharpe ratio per period to a year of periods when returns follow a first-order autoregression with that autocorrelation; sqrt(periods) for 0. Autocorrelation outside of (-1, 1), or periods that are not positive and finite, raise 22023. Source: Lo 2002, equation 22.';

CREATE FUNCTION pulse_autocorrelation(returns float8[], lag integer DEFAULT 1) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_autocorrelation_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_autocorrelation(float8[], integer) IS
	'Autocorrelation of per-period returns at a lag: Pearson''s correlation of the series with itself, over the overlapping parts. NULL elements are skipped; NaN or infinity in gives NaN; fewer than lag + 2 elements or no variance give NULL. A lag below 1 or above 10000 raises 22023.';

CREATE FUNCTION pulse_sharpe_lo(returns float8[], risk_free float8 DEFAULT 0, periods float8 DEFAULT 365, lags integer DEFAULT 5) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_sharpe_lo_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sharpe_lo(float8[], float8, float8, integer) IS
	'Annualised Sharpe ratio of per-period simple returns, in order, corrected for their autocorrelations up to lags: the ratio per period times periods / sqrt(periods + 2 sum((periods - k) rho_k)). risk_free is annual. NULL elements are skipped; NaN or infinity in gives NaN; fewer than lags + 2 elements or no variance give NULL. Parameters out of range raise 22023. Source: Lo 2002, equation 20.';

CREATE FUNCTION pulse_deflated_sharpe(returns float8[], trials bigint, variance float8) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_deflated_sharpe_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_deflated_sharpe(float8[], bigint, float8) IS
	'Deflated Sharpe ratio: the probability that the best of a number of trials has skill, that is, that its Sharpe ratio exceeds what the best of as many trials without skill would show; variance is that of the trials'' Sharpe ratios per period. NULL elements are skipped; NaN or infinity in gives NaN; fewer than 2 elements or no variance give NULL. Parameters out of range raise 22023. Source: Bailey and Lopez de Prado 2014.';

CREATE FUNCTION pulse_var_backtest(
	returns float8[],
	var float8[],
	confidence float8 DEFAULT 0.95,
	OUT n bigint,
	OUT exceptions bigint,
	OUT expected float8,
	OUT kupiec float8,
	OUT kupiec_p float8,
	OUT christoffersen float8,
	OUT christoffersen_p float8,
	OUT conditional float8,
	OUT conditional_p float8)
	AS 'MODULE_PATHNAME', 'pulse_var_backtest' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var_backtest(float8[], float8[], float8) IS
	'Back-tests of value at risk forecasts (positive losses) against the returns that followed, in order: exceptions are returns below -var. kupiec: likelihood ratio of unconditional coverage; christoffersen: of independence; conditional: their sum; the p values come from chi-square with 1, 1 and 2 degrees of freedom. Pairs with a NULL are skipped; too few give NULL. Arrays of different length raise 2202E, values that are not finite or a confidence outside of (0, 1) 22023. Source: Kupiec 1995, Christoffersen 1998.';
-- Summaries of equity curves: aggregate once, ask many questions, roll up.

CREATE TYPE pulse_summary;

CREATE FUNCTION pulse.summary_in(cstring) RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_summary_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.summary_in(cstring) IS 'Internal: text form of pulse_summary to value.';
CREATE FUNCTION pulse.summary_out(pulse_summary) RETURNS cstring
	AS 'MODULE_PATHNAME', 'pulse_summary_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.summary_out(pulse_summary) IS 'Internal: value of pulse_summary to text form.';
CREATE FUNCTION pulse.summary_recv(internal) RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_summary_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.summary_recv(internal) IS 'Internal: binary form of pulse_summary to value.';
CREATE FUNCTION pulse.summary_send(pulse_summary) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pulse_summary_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.summary_send(pulse_summary) IS 'Internal: value of pulse_summary to binary form.';

CREATE TYPE pulse_summary (
	INPUT = pulse.summary_in,
	OUTPUT = pulse.summary_out,
	RECEIVE = pulse.summary_recv,
	SEND = pulse.summary_send,
	INTERNALLENGTH = variable,
	ALIGNMENT = int4,
	STORAGE = extended
);
COMMENT ON TYPE pulse_summary IS
	'Summary of an equity curve by buckets of time: 120 bytes a bucket, in a versioned, portable form that is the same stored, sent and dumped. Made by pulse_summary(), merged by pulse_rollup(), read by the metrics of the same names as the aggregates. Text form: \x and hexadecimal digits.';

CREATE FUNCTION pulse.equity_accum_period(internal, timestamptz, float8, float8, interval) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_period' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum_period(internal, timestamptz, float8, float8, interval) IS
	'Internal: transition of aggregates over an equity curve with flows and a period.';
CREATE FUNCTION pulse.equity_accum_period(internal, timestamptz, numeric, numeric, interval) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_equity_accum_period_numeric' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_accum_period(internal, timestamptz, numeric, numeric, interval) IS
	'Internal: transition of aggregates over an equity curve with flows and a period.';

CREATE FUNCTION pulse.equity_summary(internal) RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_equity_summary' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.equity_summary(internal) IS
	'Internal: final function of pulse_summary().';
CREATE AGGREGATE pulse_summary(ts timestamptz, value float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_summary(timestamptz, float8) IS
	'Summary of an equity curve, to be stored, rolled up and asked for any metric. Values are kept by UTC buckets of a period (default 1 day): first and last value, flows, drawdown inside. flow is the net deposit since the previous row (NULL is 0). Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; no row gives NULL. A period out of range raises 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_summary(ts timestamptz, value float8, flow float8) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_summary(timestamptz, float8, float8) IS
	'Summary of an equity curve, to be stored, rolled up and asked for any metric. Values are kept by UTC buckets of a period (default 1 day): first and last value, flows, drawdown inside. flow is the net deposit since the previous row (NULL is 0). Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; no row gives NULL. A period out of range raises 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_summary(ts timestamptz, value float8, flow float8, period interval) (
	SFUNC = pulse.equity_accum_period,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_summary(timestamptz, float8, float8, interval) IS
	'Summary of an equity curve, to be stored, rolled up and asked for any metric. Values are kept by UTC buckets of a period (default 1 day): first and last value, flows, drawdown inside. flow is the net deposit since the previous row (NULL is 0). Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; no row gives NULL. A period out of range raises 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_summary(ts timestamptz, value numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_summary(timestamptz, numeric) IS
	'Summary of an equity curve, to be stored, rolled up and asked for any metric. Values are kept by UTC buckets of a period (default 1 day): first and last value, flows, drawdown inside. flow is the net deposit since the previous row (NULL is 0). Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; no row gives NULL. A period out of range raises 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_summary(ts timestamptz, value numeric, flow numeric) (
	SFUNC = pulse.equity_accum,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_summary(timestamptz, numeric, numeric) IS
	'Summary of an equity curve, to be stored, rolled up and asked for any metric. Values are kept by UTC buckets of a period (default 1 day): first and last value, flows, drawdown inside. flow is the net deposit since the previous row (NULL is 0). Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; no row gives NULL. A period out of range raises 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';
CREATE AGGREGATE pulse_summary(ts timestamptz, value numeric, flow numeric, period interval) (
	SFUNC = pulse.equity_accum_period,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_summary(timestamptz, numeric, numeric, interval) IS
	'Summary of an equity curve, to be stored, rolled up and asked for any metric. Values are kept by UTC buckets of a period (default 1 day): first and last value, flows, drawdown inside. flow is the net deposit since the previous row (NULL is 0). Rows may come in any order; rows without time or value are skipped; a NaN or infinite value makes every figure NaN; no row gives NULL. A period out of range raises 22023, an infinite time 22008. Over the frame of a window it is computed from all of the frame''s rows each time.';

CREATE FUNCTION pulse.rollup_accum(internal, pulse_summary) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_rollup_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_accum(internal, pulse_summary) IS 'Internal: transition of pulse_rollup().';
CREATE FUNCTION pulse.rollup_final(internal) RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_rollup_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_final(internal) IS 'Internal: final function of pulse_rollup().';
CREATE FUNCTION pulse.rollup_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_rollup_combine' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_combine(internal, internal) IS 'Internal: merges the states of two parallel workers over summaries.';
CREATE FUNCTION pulse.rollup_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME', 'pulse_rollup_serialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_serialize(internal) IS 'Internal: writes a state over summaries for another process.';
CREATE FUNCTION pulse.rollup_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_rollup_deserialize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.rollup_deserialize(bytea, internal) IS 'Internal: reads a state over summaries of another process.';
CREATE AGGREGATE pulse_rollup(summary pulse_summary) (
	SFUNC = pulse.rollup_accum,
	STYPE = internal,
	SSPACE = 2048,
	FINALFUNC = pulse.rollup_final,
	COMBINEFUNC = pulse.rollup_combine,
	SERIALFUNC = pulse.rollup_serialize,
	DESERIALFUNC = pulse.rollup_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse_rollup(pulse_summary) IS
	'Merges summaries of one equity curve, in any order. The result equals the summary of all rows, to the bit where there are no flows, as long as the summaries do not overlap in time inside a bucket; where they do, drawdown is approximate. NULL is skipped; no summary gives NULL. Summaries of different periods raise 22023. Over the frame of a window it is computed from all of the frame''s rows each time.';
-- Metrics of a summary: scalar functions of the same names as the aggregates.

CREATE FUNCTION pulse_total_return(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_total_return' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_total_return(pulse_summary, interval) IS
	'Of a summary. Compounded return of per-period simple returns: prod(1 + r) - 1, summed as compensated log(1 + r). 0.1 is 10 %. NaN or infinity in gives NaN; no return, or a return below -1, gives NULL. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_volatility(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_volatility' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_volatility(pulse_summary, interval) IS
	'Of a summary. Annualised volatility of per-period simple returns: sample standard deviation times sqrt(periods); periods per year follow from the period. NaN or infinity in gives NaN; fewer than 2 returns give NULL. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_downside_deviation(summary pulse_summary, mar float8 DEFAULT 0, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_downside_deviation' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_downside_deviation(pulse_summary, float8, interval) IS
	'Of a summary. Annualised downside deviation of per-period simple returns: sqrt(mean(min(r - mar, 0)^2)) over all returns, times sqrt(periods); mar is the annual minimum acceptable return (default 0), converted as (1 + mar)^(1/periods) - 1, periods per year follow from the period. NaN or infinity in gives NaN; fewer than 2 returns give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_sharpe(summary pulse_summary, risk_free float8 DEFAULT 0, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_sharpe' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sharpe(pulse_summary, float8, interval) IS
	'Of a summary. Annualised Sharpe ratio of per-period simple returns: arithmetic mean of the excess return over its sample standard deviation, times sqrt(periods); risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods per year follow from the period. NaN or infinity in gives NaN; fewer than 2 returns, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Sharpe 1994. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_adjusted_sharpe(summary pulse_summary, risk_free float8 DEFAULT 0, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_adjusted_sharpe' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_adjusted_sharpe(pulse_summary, float8, interval) IS
	'Of a summary. Adjusted Sharpe ratio of per-period simple returns: the annualised Sharpe ratio S penalised for negative skewness and fat tails, S (1 + skewness / 6 S - excess kurtosis / 24 S^2), both of the population; risk_free is annual (default 0), converted as (1 + risk_free)^(1/periods) - 1, periods per year follow from the period. NaN or infinity in gives NaN; fewer than 2 returns, or returns that do not vary (sd <= 8 eps max|r|), give NULL. Parameters out of range raise 22023. Source: Pezier 2004. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_sortino(summary pulse_summary, mar float8 DEFAULT 0, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_sortino' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_sortino(pulse_summary, float8, interval) IS
	'Of a summary. Annualised Sortino ratio of per-period simple returns: mean of r - mar over the downside deviation about mar (all returns in the denominator), times sqrt(periods); mar is annual (default 0), converted as (1 + mar)^(1/periods) - 1, periods per year follow from the period. NaN or infinity in gives NaN; fewer than 2 returns, or no return below mar, give NULL. Parameters out of range raise 22023. Source: Sortino and van der Meer 1991. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_var(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_var' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var(pulse_summary, float8, interval) IS
	'Of a summary. Historical value at risk of per-period simple returns: the negated (1 - confidence) quantile, type 7 (linear interpolation), so a loss is positive and a gain at the quantile negative; confidence defaults to 0.95. NaN or infinity in gives NaN; no return gives NULL. A confidence outside of (0, 1) raises 22023. Source: Hyndman and Fan 1996. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_cvar(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_cvar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cvar(pulse_summary, float8, interval) IS
	'Of a summary. Historical conditional value at risk (expected shortfall) of per-period simple returns: the negated mean of the returns at or below the (1 - confidence) quantile, type 7; a loss is positive; confidence defaults to 0.95. NaN or infinity in gives NaN; no return gives NULL. A confidence outside of (0, 1) raises 22023. Source: Rockafellar and Uryasev 2000. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_var_gaussian(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_var_gaussian' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var_gaussian(pulse_summary, float8, interval) IS
	'Of a summary. Value at risk of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean + z sd), z the normal quantile of 1 - confidence (default 0.95). NaN or infinity in gives NaN; fewer than 2 returns give NULL. A confidence outside of (0, 1) raises 22023. Source: RiskMetrics 1996. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_cvar_gaussian(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_cvar_gaussian' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cvar_gaussian(pulse_summary, float8, interval) IS
	'Of a summary. Expected shortfall of a normal distribution with the mean and population standard deviation of per-period simple returns: -(mean - sd phi(z) / (1 - confidence)); confidence defaults to 0.95. NaN or infinity in gives NaN; fewer than 2 returns give NULL. A confidence outside of (0, 1) raises 22023. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_var_cornish_fisher(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_var_cornish_fisher' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_var_cornish_fisher(pulse_summary, float8, interval) IS
	'Of a summary. Value at risk of per-period simple returns with the Cornish-Fisher correction of the normal quantile for population skewness and excess kurtosis; population standard deviation; confidence defaults to 0.95. NaN or infinity in gives NaN; fewer than 2 returns or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Favre and Galeano 2002. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_cvar_cornish_fisher(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_cvar_cornish_fisher' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cvar_cornish_fisher(pulse_summary, float8, interval) IS
	'Of a summary. Conditional value at risk (expected shortfall) of per-period simple returns by the Cornish-Fisher expansion with population skewness and excess kurtosis, never less than its value at risk; population standard deviation; confidence defaults to 0.95. See pulse_cornish_fisher_valid(). NaN or infinity in gives NaN; fewer than 2 returns or no variance give NULL. A confidence outside of (0, 1) raises 22023. Source: Boudt, Peterson and Croux 2008. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_omega(summary pulse_summary, threshold float8 DEFAULT 0, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_omega' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_omega(pulse_summary, float8, interval) IS
	'Of a summary. Omega ratio of per-period simple returns: sum of gains over sum of losses about a per-period threshold (default 0). NaN or infinity in gives NaN; fewer than 2 returns, or no loss, give NULL. A threshold that is not finite raises 22023. Source: Keating and Shadwick 2002. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_skewness(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_skewness' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_skewness(pulse_summary, interval) IS
	'Of a summary. Sample-adjusted skewness (G1) of per-period returns. NaN or infinity in gives NaN; fewer than 3 returns or no variance give NULL. Source: Joanes and Gill 1998. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_kurtosis(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_kurtosis' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_kurtosis(pulse_summary, interval) IS
	'Of a summary. Sample-adjusted excess kurtosis (G2) of per-period returns; 0 for a normal distribution. NaN or infinity in gives NaN; fewer than 4 returns or no variance give NULL. Source: Joanes and Gill 1998. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_tail_ratio(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_tail_ratio' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_tail_ratio(pulse_summary, interval) IS
	'Of a summary. Tail ratio of per-period returns: |95 % quantile| over |5 % quantile|, type 7. NaN or infinity in gives NaN; no return, or a 5 % quantile of 0, gives NULL. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_gain_to_pain(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_gain_to_pain' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_gain_to_pain(pulse_summary, interval) IS
	'Of a summary. Gain-to-pain ratio of per-period returns: sum of returns over the sum of the losses, positive. NaN or infinity in gives NaN; fewer than 2 returns, or no loss, give NULL. Source: Schwager 2012. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_psr(summary pulse_summary, benchmark_sharpe float8 DEFAULT 0, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_psr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_psr(pulse_summary, float8, interval) IS
	'Of a summary. Probabilistic Sharpe ratio of per-period returns: the probability that the true Sharpe ratio per period exceeds benchmark_sharpe (per period, default 0), given the sample''s length, skewness and kurtosis. NaN or infinity in gives NaN; fewer than 2 returns or no variance give NULL. A benchmark that is not finite raises 22023. Source: Bailey and Lopez de Prado 2012. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_kelly(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_kelly' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_kelly(pulse_summary, interval) IS
	'Of a summary. Kelly fraction for continuous returns: mean over sample variance, per period. NaN or infinity in gives NaN; fewer than 2 returns or no variance give NULL. Source: Thorp 2006. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_stability(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_stability' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_stability(pulse_summary, interval) IS
	'Of a summary. R squared of the cumulative log return regressed on its number. Fewer than 2 returns, or no growth at all, give NULL. The returns are those between the last values of buckets of the period (default 1 day, a multiple of the summary''s own, otherwise 22023), flows removed, gaps carried forward; equity that was not positive gives NULL.';

CREATE FUNCTION pulse_twr(summary pulse_summary) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_twr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_twr(pulse_summary) IS
	'Time-weighted return from the first row to the last, not annualised, of a summary, over all its rows; NaN if one was not finite. NULL if equity was not positive.';

CREATE FUNCTION pulse_cagr(summary pulse_summary) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_cagr' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cagr(pulse_summary) IS
	'Compound annual growth rate over calendar time, time-weighted, of a summary, over all its rows; NaN if one was not finite. NULL if equity was not positive or no time passed.';

CREATE FUNCTION pulse_calmar(summary pulse_summary) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_calmar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_calmar(pulse_summary) IS
	'CAGR over maximum drawdown of a summary, over all its rows; NaN if one was not finite. NULL without a drawdown or if equity was not positive.';

CREATE FUNCTION pulse_max_drawdown(summary pulse_summary) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_max_drawdown' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_max_drawdown(pulse_summary) IS
	'Maximum drawdown, flows removed, of a summary, over all its rows; NaN if one was not finite. Exact unless summaries that overlap in time were rolled up. Where equity was below 0 in a bucket that also made a new high, it is an upper limit.';

CREATE FUNCTION pulse_current_drawdown(summary pulse_summary) RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_current_drawdown' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_current_drawdown(pulse_summary) IS
	'Drawdown at the last row, flows removed, of a summary, over all its rows; NaN if one was not finite.';

CREATE FUNCTION pulse_drawdown_duration(summary pulse_summary) RETURNS interval
	AS 'MODULE_PATHNAME', 'pulse_summary_drawdown_duration' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_drawdown_duration(pulse_summary) IS
	'Longest time under water of a summary; by buckets: a recovery is dated at the highest value of its bucket. NULL if a value was not finite.';

CREATE FUNCTION pulse_average_drawdown(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_average_drawdown' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_average_drawdown(pulse_summary, interval) IS
	'Mean drawdown of a summary, over the ends of buckets of the period after the first (default 1 day, a multiple of the summary''s own, otherwise 22023), gaps carried forward. NaN if a value was not finite; NULL below two buckets or if equity was not positive.';

CREATE FUNCTION pulse_pain_index(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_average_drawdown' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_pain_index(pulse_summary, interval) IS
	'Pain index, the mean drawdown, of a summary, over the ends of buckets of the period after the first (default 1 day, a multiple of the summary''s own, otherwise 22023), gaps carried forward. NaN if a value was not finite; NULL below two buckets or if equity was not positive.';

CREATE FUNCTION pulse_ulcer_index(summary pulse_summary, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_ulcer_index' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_ulcer_index(pulse_summary, interval) IS
	'Ulcer index, the root of the mean squared drawdown, of a summary, over the ends of buckets of the period after the first (default 1 day, a multiple of the summary''s own, otherwise 22023), gaps carried forward. NaN if a value was not finite; NULL below two buckets or if equity was not positive.';

CREATE FUNCTION pulse_cdar(summary pulse_summary, confidence float8 DEFAULT 0.95, period interval DEFAULT '1 day') RETURNS float8
	AS 'MODULE_PATHNAME', 'pulse_summary_cdar' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_cdar(pulse_summary, float8, interval) IS
	'Conditional drawdown at risk, the mean of the drawdowns at or beyond their confidence quantile, of a summary, over the ends of buckets of the period after the first (default 1 day, a multiple of the summary''s own, otherwise 22023), gaps carried forward. NaN if a value was not finite; NULL below two buckets or if equity was not positive. A confidence outside of (0, 1) raises 22023.';

CREATE FUNCTION pulse_metrics(summary pulse_summary, risk_free float8 DEFAULT 0, mar float8 DEFAULT 0, period interval DEFAULT '1 day', confidence float8 DEFAULT 0.95) RETURNS pulse_metrics_row
	AS 'MODULE_PATHNAME', 'pulse_summary_metrics' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_metrics(pulse_summary, float8, float8, interval, float8) IS
	'All metrics of a summary at once, as pulse_metrics(ts, value, flow) gives them for the rows behind it; drawdown_duration dates a recovery at its bucket''s high. Parameters out of range, or a period that is not a multiple of the summary''s own, raise 22023.';

CREATE FUNCTION pulse_to_jsonb(summary pulse_summary) RETURNS jsonb
	LANGUAGE SQL IMMUTABLE STRICT PARALLEL SAFE
	RETURN pg_catalog.to_jsonb(@extschema@.pulse_metrics(summary));
COMMENT ON FUNCTION pulse_to_jsonb(pulse_summary) IS
	'What a summary says, for people: all metrics over days as jsonb. The cast from pulse_summary to jsonb.';

CREATE CAST (pulse_summary AS jsonb) WITH FUNCTION pulse_to_jsonb(pulse_summary);
-- The returns behind the figures, and figures over sliding windows of them.

CREATE FUNCTION pulse_returns(
	summary pulse_summary,
	period interval DEFAULT '1 day',
	OUT period_start timestamptz,
	OUT period_end timestamptz,
	OUT n_snapshots bigint,
	OUT value float8,
	OUT net_flow float8,
	OUT period_return float8,
	OUT gap boolean) RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'pulse_summary_returns' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse_returns(pulse_summary, interval) IS
	'The returns that the metrics of a summary are computed from, one row for each bucket of the period (default 1 day, a multiple of the summary''s own, otherwise 22023): period_start, period_end (excluded), n_snapshots in it, value at its end, net_flow in it, period_return with flows removed (NULL in the first bucket, and everywhere once equity was not positive or a value not finite), gap (no snapshot: the value is carried forward and the return 0).';

CREATE FUNCTION pulse_returns(
	ts timestamptz[],
	value float8[],
	flow float8[] DEFAULT NULL,
	period interval DEFAULT '1 day',
	OUT period_start timestamptz,
	OUT period_end timestamptz,
	OUT n_snapshots bigint,
	OUT value float8,
	OUT net_flow float8,
	OUT period_return float8,
	OUT gap boolean) RETURNS SETOF record
	LANGUAGE SQL IMMUTABLE PARALLEL SAFE
	BEGIN ATOMIC
		SELECT r.*
		FROM (SELECT @extschema@.pulse_summary(s.ts, s.value, s.flow, $4) AS summary
			  FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) AS s(ts, value, flow)) AS q,
			LATERAL @extschema@.pulse_returns(q.summary, $4) AS r;
	END;
COMMENT ON FUNCTION pulse_returns(timestamptz[], float8[], float8[], interval) IS
	'The returns of an equity curve given as arrays of times, values and, optionally, net flows since the element before, one row for each UTC bucket of the period (default 1 day); columns as those of a summary. Elements may come in any order; without a time or value they are skipped. A period out of range raises 22023.';

CREATE FUNCTION pulse_rolling(metric text, "window" interval, summary pulse_summary, period interval DEFAULT '1 day')
	RETURNS TABLE (ts timestamptz, value float8)
	LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
	AS $$
DECLARE
	width CONSTANT float8 := extract(epoch FROM period);
	frame CONSTANT int := floor(extract(epoch FROM "window") / width);
	expression text;
BEGIN
	IF frame < 1 THEN
		RAISE EXCEPTION 'the window must be at least one period long'
			USING ERRCODE = '22023', HINT = 'For example window => ''90 days'' with period => ''1 day''.';
	END IF;
	-- %1$s: periods per year, %2$s: the frame
	expression := CASE metric
		WHEN 'total_return' THEN '@extschema@.pulse_total_return(r.period_return) OVER w'
		WHEN 'volatility' THEN '@extschema@.pulse_volatility(r.period_return, %1$s) OVER w'
		WHEN 'downside_deviation' THEN '@extschema@.pulse_downside_deviation(r.period_return, 0, %1$s) OVER w'
		WHEN 'sharpe' THEN '@extschema@.pulse_sharpe(r.period_return, 0, %1$s) OVER w'
		WHEN 'sortino' THEN '@extschema@.pulse_sortino(r.period_return, 0, %1$s) OVER w'
		WHEN 'var' THEN '@extschema@.pulse_var(r.period_return) OVER w'
		WHEN 'cvar' THEN '@extschema@.pulse_cvar(r.period_return) OVER w'
		WHEN 'omega' THEN '@extschema@.pulse_omega(r.period_return) OVER w'
		WHEN 'skewness' THEN '@extschema@.pulse_skewness(r.period_return) OVER w'
		WHEN 'kurtosis' THEN '@extschema@.pulse_kurtosis(r.period_return) OVER w'
		WHEN 'tail_ratio' THEN '@extschema@.pulse_tail_ratio(r.period_return) OVER w'
		WHEN 'gain_to_pain' THEN '@extschema@.pulse_gain_to_pain(r.period_return) OVER w'
		WHEN 'adjusted_sharpe' THEN '@extschema@.pulse_adjusted_sharpe(r.period_return, 0, %1$s) OVER w'
		WHEN 'psr' THEN '@extschema@.pulse_psr(r.period_return) OVER w'
		WHEN 'kelly' THEN '@extschema@.pulse_kelly(r.period_return) OVER w'
		WHEN 'stability' THEN '@extschema@.pulse_stability(r.period_return) OVER w'
		WHEN 'ewma_volatility' THEN '@extschema@.pulse_ewma_volatility(r.period_return, 0.94, %1$s) OVER w'
		WHEN 'var_gaussian' THEN '@extschema@.pulse_var_gaussian(r.period_return) OVER w'
		WHEN 'cvar_gaussian' THEN '@extschema@.pulse_cvar_gaussian(r.period_return) OVER w'
		WHEN 'var_cornish_fisher' THEN '@extschema@.pulse_var_cornish_fisher(r.period_return) OVER w'
		WHEN 'cvar_cornish_fisher' THEN '@extschema@.pulse_cvar_cornish_fisher(r.period_return) OVER w'
		WHEN 'average_drawdown' THEN '@extschema@.pulse_average_drawdown(r.period_end, r.level) OVER l'
		WHEN 'pain_index' THEN '@extschema@.pulse_pain_index(r.period_end, r.level) OVER l'
		WHEN 'ulcer_index' THEN '@extschema@.pulse_ulcer_index(r.period_end, r.level) OVER l'
		WHEN 'cagr' THEN '@extschema@.pulse_cagr(r.period_end, r.level) OVER l'
		WHEN 'calmar' THEN '@extschema@.pulse_calmar(r.period_end, r.level) OVER l'
		WHEN 'max_drawdown' THEN '@extschema@.pulse_max_drawdown(r.level) OVER l'
		WHEN 'current_drawdown' THEN '@extschema@.pulse_current_drawdown(r.level) OVER l'
	END;
	IF expression IS NULL THEN
		RAISE EXCEPTION 'unknown rolling metric %', pg_catalog.quote_literal(metric)
			USING ERRCODE = '22023',
				HINT = 'Use total_return, volatility, downside_deviation, sharpe, sortino, var, cvar, omega, skewness, kurtosis, tail_ratio, gain_to_pain, adjusted_sharpe, psr, kelly, stability, ewma_volatility, var_gaussian, cvar_gaussian, var_cornish_fisher, cvar_cornish_fisher, average_drawdown, pain_index, ulcer_index, cagr, calmar, max_drawdown or current_drawdown.';
	END IF;
	RETURN QUERY EXECUTE pg_catalog.format(
		'SELECT q.period_end, q.figure FROM (
			SELECT r.period_end, ' || expression || ' AS figure, pg_catalog.row_number() OVER (ORDER BY r.period_start) AS n
			FROM (SELECT s.*, 1 + coalesce(@extschema@.pulse_total_return(s.period_return) OVER (ORDER BY s.period_start), 0) AS level
				  FROM @extschema@.pulse_returns($1, $2) AS s) AS r
			WINDOW w AS (ORDER BY r.period_start ROWS BETWEEN %3$s PRECEDING AND CURRENT ROW),
				l AS (ORDER BY r.period_start ROWS BETWEEN %2$s PRECEDING AND CURRENT ROW)) AS q
		 WHERE q.n > %2$s ORDER BY q.period_end', 31536000 / width, frame, frame - 1)
		USING summary, period;
END
$$;
COMMENT ON FUNCTION pulse_rolling(text, interval, pulse_summary, interval) IS
	'A metric over a window that slides along the bucket returns of a summary: one row (end of the period, value) for each period with a whole window behind it. metric: total_return, volatility, downside_deviation, sharpe, sortino, var, cvar, omega, skewness, kurtosis, tail_ratio, gain_to_pain, adjusted_sharpe, psr, kelly, stability, ewma_volatility, var_gaussian, cvar_gaussian, var_cornish_fisher, cvar_cornish_fisher, average_drawdown, pain_index, ulcer_index, cagr, calmar, max_drawdown or current_drawdown, with their default parameters. Annualised by the period (default 1 day), never by the window''s length. Gaps carried forward, flows removed. An unknown metric, or a window shorter than the period, raises 22023. window is a reserved word of SQL: by name it is written "window" => ''90 days''.';
-- Summaries of every equity curve by hours and days, kept up to date by the tick: what figures over years are read from.

CREATE TABLE pulse.metric_state (
	source_id	integer NOT NULL,
	portfolio	text COLLATE "C" NOT NULL,
	hours		smallint NOT NULL CHECK (hours IN (1, 24, 672)),
	bucket		timestamptz NOT NULL,
	summary		pulse_summary NOT NULL,
	sealed		boolean NOT NULL DEFAULT false,
	PRIMARY KEY (source_id, portfolio, hours, bucket)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
-- Four weeks of days are 3.4 kB: compressing them would cost more time than reading them.
ALTER TABLE pulse.metric_state ALTER summary SET STORAGE plain;
COMMENT ON TABLE pulse.metric_state IS
	'summaries of the followed equity curves by UTC buckets. With the rows of pulse.dirty and pulse.metric_dirty that are visible in the same MVCC snapshot it is the truth: a tick takes those away and rewrites the buckets in one transaction, so that outside of the ranges they name every bucket is complete';
COMMENT ON COLUMN pulse.metric_state.hours IS
	'width of the bucket: 1, 24, or 672, four weeks, counted from Monday, 3 January 2000. A row of four weeks holds the summaries of its days; there is one for every such period but the newest';
COMMENT ON COLUMN pulse.metric_state.bucket IS 'when the bucket begins; a bucket without a snapshot has no row';
COMMENT ON COLUMN pulse.metric_state.sealed IS
	'archived by pulse.archive_buckets(): the snapshots it was computed from may have been deleted, and no change of them is looked at any more. A dump carries these rows';

-- No index on purpose: it is empty but for the moments between two transactions of a tick, and while a build is going on.
CREATE TABLE pulse.metric_dirty (
	source_id	integer NOT NULL,
	portfolio	text COLLATE "C",
	min_ts		timestamptz NOT NULL,
	max_ts		timestamptz NOT NULL,
	marked_at	timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0, autovacuum_analyze_threshold = 1000000000);
COMMENT ON TABLE pulse.metric_dirty IS
	'time ranges that a tick has taken from pulse.dirty and whose buckets in pulse.metric_state are still to be rewritten; a large one is worked off in pieces from its beginning';
COMMENT ON COLUMN pulse.metric_dirty.portfolio IS 'NULL: every portfolio of the source';
REVOKE ALL ON pulse.metric_state, pulse.metric_dirty FROM PUBLIC;

-- Sealed buckets may be all that is left of their time.
SELECT pg_catalog.pg_extension_config_dump('pulse.metric_state', 'WHERE sealed');

CREATE AGGREGATE pulse.raw_summary(ts timestamptz, value numeric, flow numeric, period interval) (
	SFUNC = pulse.equity_accum_period,
	STYPE = internal,
	SSPACE = 1024,
	FINALFUNC = pulse.equity_summary,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse.raw_summary(timestamptz, numeric, numeric, interval) IS
	'pulse_summary() under a name that does not depend on where the extension''s functions are.';

CREATE FUNCTION pulse.summary_of_bytes(bytea) RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_summary_of_bytes' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.summary_of_bytes(bytea) IS 'A summary from its bytes, which every use checks.';

CREATE FUNCTION pulse.seal_buckets(source_id integer, before timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE
	AS $$
#variable_conflict use_column
DECLARE
	complete timestamptz;
BEGIN
	-- what is still to be rewritten is not complete
	SELECT least(seal_buckets.before, date_trunc('day', min(coalesce(d.min_ts, '-infinity')), 'UTC')) INTO complete
		FROM (SELECT d.min_ts FROM pulse.dirty d WHERE d.source_id = seal_buckets.source_id
			UNION ALL SELECT m.min_ts FROM pulse.metric_dirty m WHERE m.source_id = seal_buckets.source_id) d;
	UPDATE pulse.source s SET archived_before = greatest(s.archived_before, complete)
		FROM pulse.sequencer q
		WHERE s.source_id = seal_buckets.source_id AND s.kind = 'snapshots' AND s.state = 'active' AND s.epoch = q.epoch
			AND isfinite(complete) AND complete <= now() AND (s.archived_before IS NULL OR s.archived_before < complete);
	IF FOUND THEN
		UPDATE pulse.metric_state m SET sealed = true
			WHERE m.source_id = seal_buckets.source_id AND NOT m.sealed AND m.bucket + make_interval(hours => m.hours) <= complete;
	END IF;
	RETURN (SELECT s.archived_before FROM pulse.source s WHERE s.source_id = seal_buckets.source_id);
END
$$;
REVOKE ALL ON FUNCTION pulse.seal_buckets(integer, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.seal_buckets(integer, timestamptz) IS 'Body of pulse.archive_buckets(), called under the lock of those who rewrite buckets.';

CREATE FUNCTION pulse.archive_buckets(source_id integer, before timestamptz) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'pulse_archive_buckets' LANGUAGE C VOLATILE STRICT;
REVOKE ALL ON FUNCTION pulse.archive_buckets(integer, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.archive_buckets(integer, timestamptz) IS
	'To be called before snapshots of a source are deleted or thinned out on purpose: seals the summaries of the UTC days before a time and returns the time before which they are sealed now, which is earlier when later buckets are still to be rewritten, and NULL when nothing is sealed. Only snapshots before the returned time may be removed; from then on summaries alone stand for them, by whole hours, and no change before that time counts.';
-- Figures from stored summaries, right at every moment.

CREATE FUNCTION pulse.state_metrics(source_id integer, portfolio text, since timestamptz, until timestamptz) RETURNS pulse_metrics_row
	AS 'MODULE_PATHNAME', 'pulse_state_metrics' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.state_metrics(integer, text, timestamptz, timestamptz) IS
	'What pulse_metrics() says of the snapshots of a portfolio in a source, from the last one up to since, which stands at since, to until (NULL: open), computed from pulse.metric_state and, where that is not up to date, from snapshots; changes of the current transaction count. Equal to the bit, except that with flows products are rounded in another order, and that drawdown_duration dates a recovery at the highest snapshot of its day or hour. NULL without a snapshot, or where the current user may not see any.';

CREATE FUNCTION pulse.state_summary(source_id integer, portfolio text, since timestamptz, until timestamptz, period interval DEFAULT '1 day') RETURNS pulse_summary
	AS 'MODULE_PATHNAME', 'pulse_state_summary' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.state_summary(integer, text, timestamptz, timestamptz, interval) IS
	'The same as a summary by buckets of a whole number of hours. Error 22023 for another period.';

CREATE FUNCTION pulse.state_segments(source_id integer, portfolio text, cuts timestamptz[], by_days boolean)
	RETURNS TABLE (part integer, first_ts timestamptz, last_ts timestamptz, observations bigint, first double precision, last double precision,
				   high double precision, high_ts timestamptz, low double precision, deepest double precision, flow double precision,
				   link double precision, entry_link double precision)
	AS 'MODULE_PATHNAME', 'pulse_state_segments' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.state_segments(integer, text, timestamptz[], boolean) IS
	'The curve of a portfolio in a source in pieces of at most a day, or an hour, none of which reaches over one of the cuts; part counts the ranges between these. high and low are in units of after the last flow inside, deepest is the largest drawdown inside; entry_link is (value - flow) / value of the first snapshot, link the product of the same over the others, both NULL where equity was not positive.';

CREATE FUNCTION pulse.series_of(portfolio text, OUT source_id integer, OUT series_portfolio text)
	AS 'MODULE_PATHNAME', 'pulse_series_of' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.series_of(text) IS
	'The one equity curve that a portfolio stands for, or all that the current user sees (NULL): its source and portfolio. NULL when there is none, or when it takes several together.';

CREATE FUNCTION pulse.summary_segments(summary pulse_summary)
	RETURNS TABLE (part integer, first_ts timestamptz, last_ts timestamptz, observations bigint, first double precision, last double precision,
				   high double precision, high_ts timestamptz, low double precision, deepest double precision, flow double precision,
				   link double precision, entry_link double precision)
	AS 'MODULE_PATHNAME', 'pulse_summary_segment_rows' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.summary_segments(pulse_summary) IS 'The buckets of a summary as rows, like pulse.state_segments().';
-- The figures of each portfolio as the tick last computed them: what alert rules compare with their levels.

CREATE SEQUENCE pulse.performance_version;

CREATE TABLE pulse.performance_state (
	portfolio	text COLLATE "C" PRIMARY KEY,
	computed_at	timestamptz NOT NULL,
	version		bigint NOT NULL,
	reader		oid NOT NULL,
	ts			timestamptz,
	total_value	numeric,
	cash_balance	numeric,
	position_count	integer,
	unrealized_pnl	numeric,
	realized_pnl	numeric,
	total_pnl	numeric,
	daily_return	double precision,
	cumulative_return	double precision,
	cagr		double precision,
	sharpe		double precision,
	sortino		double precision,
	calmar		double precision,
	volatility	double precision,
	max_drawdown	double precision,
	current_drawdown	double precision,
	var_95		double precision,
	cvar_95		double precision,
	win_rate	double precision,
	profit_factor	double precision,
	average_win	double precision,
	average_loss	double precision,
	total_trades	bigint,
	trades_per_day	double precision
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
CREATE INDEX performance_state_version_idx ON pulse.performance_state (version);
COMMENT ON TABLE pulse.performance_state IS
	'pulse_performance() of each portfolio as of its last change that a tick has processed, rewritten at most once per pulse.performance_interval; a figure that is undefined or not finite is NULL. A portfolio without any row has none here';
COMMENT ON COLUMN pulse.performance_state.reader IS 'role as which the figures were computed: the owner of the table of snapshots';
COMMENT ON COLUMN pulse.performance_state.version IS 'grows with every rewrite, over all portfolios: who remembers the largest one he has seen finds what is new';

-- In the queue from the tick that saw the change to the one that computed the figures: what a crash interrupts is
-- taken up again.
CREATE TABLE pulse.performance_due (
	portfolio	text COLLATE "C" PRIMARY KEY,
	reader		oid NOT NULL,
	generation	bigint NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE pulse.performance_due IS 'portfolios whose row in pulse.performance_state is older than their state';
COMMENT ON COLUMN pulse.performance_due.reader IS 'role as which the figures are computed';
COMMENT ON COLUMN pulse.performance_due.generation IS 'renewed by every change: who has computed the figures removes only the row that he found before';
REVOKE ALL ON pulse.performance_state, pulse.performance_due, pulse.performance_version FROM PUBLIC;

CREATE FUNCTION pulse.store_performance(portfolios text[], readers oid[], data jsonb[], generations bigint[]) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	DELETE FROM pulse.performance_due d
		USING unnest($1, $4) AS n (portfolio, generation)
		WHERE d.portfolio = n.portfolio AND d.generation = n.generation;
	DELETE FROM pulse.performance_state s
		USING unnest($1, $3) AS n (portfolio, data)
		WHERE s.portfolio = n.portfolio AND n.data ->> 'ts' IS NULL AND n.data ->> 'realized_pnl' IS NULL;
	INSERT INTO pulse.performance_state AS s
		SELECT r.* FROM unnest($1, $2, $3) AS n (portfolio, reader, data)
		CROSS JOIN LATERAL jsonb_populate_record(NULL::pulse.performance_state, n.data || jsonb_build_object(
			'portfolio', n.portfolio, 'reader', n.reader, 'computed_at', clock_timestamp(), 'version', nextval('pulse.performance_version'))) r
		WHERE n.data ->> 'ts' IS NOT NULL OR n.data ->> 'realized_pnl' IS NOT NULL
		ORDER BY n.portfolio
	ON CONFLICT (portfolio) DO UPDATE SET
		(computed_at, version, reader, ts, total_value, cash_balance, position_count, unrealized_pnl, realized_pnl, total_pnl,
		 daily_return, cumulative_return, cagr, sharpe, sortino, calmar, volatility, max_drawdown, current_drawdown, var_95,
		 cvar_95, win_rate, profit_factor, average_win, average_loss, total_trades, trades_per_day)
		= (excluded.computed_at, excluded.version, excluded.reader, excluded.ts, excluded.total_value, excluded.cash_balance,
		 excluded.position_count, excluded.unrealized_pnl, excluded.realized_pnl, excluded.total_pnl, excluded.daily_return,
		 excluded.cumulative_return, excluded.cagr, excluded.sharpe, excluded.sortino, excluded.calmar, excluded.volatility,
		 excluded.max_drawdown, excluded.current_drawdown, excluded.var_95, excluded.cvar_95, excluded.win_rate,
		 excluded.profit_factor, excluded.average_win, excluded.average_loss, excluded.total_trades, excluded.trades_per_day)
	$$;
REVOKE ALL ON FUNCTION pulse.store_performance(text[], oid[], jsonb[], bigint[]) FROM PUBLIC;
COMMENT ON FUNCTION pulse.store_performance(text[], oid[], jsonb[], bigint[]) IS
	'Writes figures, as pulse.performance_data() gives them, to pulse.performance_state and takes the portfolios off pulse.performance_due unless they have changed since; a portfolio that has no snapshot and no fill any more loses its row.';
-- Sums over closed trades, by day and altogether, so that statistics of a million of them need not read them.

CREATE TABLE pulse.trade_state (
	source_id	integer NOT NULL,
	portfolio	text COLLATE "C" NOT NULL,
	day			timestamptz NOT NULL,
	trades		bigint NOT NULL,
	wins		bigint NOT NULL,
	losses		bigint NOT NULL,
	won			numeric NOT NULL,
	lost		numeric NOT NULL,
	gross_pnl	numeric NOT NULL,
	fees		numeric NOT NULL,
	best		numeric,
	worst		numeric,
	first_opened	timestamptz,
	last_closed	timestamptz,
	holding		interval NOT NULL,
	PRIMARY KEY (source_id, portfolio, day)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
COMMENT ON TABLE pulse.trade_state IS
	'sums over the closed trades of a portfolio that closed on a UTC day, and over all of them; triggers on pulse.closed_trade keep them in the same transaction';
COMMENT ON COLUMN pulse.trade_state.day IS '-infinity: all of them';
COMMENT ON COLUMN pulse.trade_state.won IS 'sum of the profits of winning trades, net of fees; lost: of the losses, positive';
COMMENT ON COLUMN pulse.trade_state.holding IS 'sum of the times from opening to closing';
REVOKE ALL ON pulse.trade_state FROM PUBLIC;

CREATE FUNCTION pulse.count_closed_trades() RETURNS trigger
	LANGUAGE plpgsql
	AS $$
BEGIN
	INSERT INTO pulse.trade_state AS t (source_id, portfolio, day, trades, wins, losses, won, lost, gross_pnl, fees, best, worst,
			first_opened, last_closed, holding)
		SELECT c.source_id, c.portfolio, d.day, count(*), count(*) FILTER (WHERE c.net_pnl > 0), count(*) FILTER (WHERE c.net_pnl < 0),
			coalesce(sum(c.net_pnl) FILTER (WHERE c.net_pnl > 0), 0), coalesce(-sum(c.net_pnl) FILTER (WHERE c.net_pnl < 0), 0),
			sum(c.gross_pnl), sum(c.fees), max(c.net_pnl), min(c.net_pnl), min(c.opened_at), max(c.closed_at), sum(c.closed_at - c.opened_at)
		FROM changed c CROSS JOIN LATERAL (VALUES ('-infinity'::timestamptz), (date_trunc('day', c.closed_at, 'UTC'))) AS d (day)
		GROUP BY c.source_id, c.portfolio, d.day ORDER BY c.source_id, c.portfolio, d.day
	ON CONFLICT (source_id, portfolio, day) DO UPDATE SET
		(trades, wins, losses, won, lost, gross_pnl, fees, best, worst, first_opened, last_closed, holding)
		= (t.trades + excluded.trades, t.wins + excluded.wins, t.losses + excluded.losses, t.won + excluded.won, t.lost + excluded.lost,
		   t.gross_pnl + excluded.gross_pnl, t.fees + excluded.fees, greatest(t.best, excluded.best), least(t.worst, excluded.worst),
		   least(t.first_opened, excluded.first_opened), greatest(t.last_closed, excluded.last_closed), t.holding + excluded.holding);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION pulse.count_closed_trades() IS 'Trigger on pulse.closed_trade: adds new rows to pulse.trade_state.';

CREATE FUNCTION pulse.uncount_closed_trades() RETURNS trigger
	LANGUAGE plpgsql
	AS $$
BEGIN
	-- sums are exact, so they can be taken back; extremes of a day are looked for among what is left of it
	UPDATE pulse.trade_state t SET
		(trades, wins, losses, won, lost, gross_pnl, fees, holding)
		= (t.trades - x.trades, t.wins - x.wins, t.losses - x.losses, t.won - x.won, t.lost - x.lost, t.gross_pnl - x.gross_pnl,
		   t.fees - x.fees, t.holding - x.holding)
		FROM (
			SELECT c.source_id, c.portfolio, d.day, count(*) AS trades, count(*) FILTER (WHERE c.net_pnl > 0) AS wins,
				count(*) FILTER (WHERE c.net_pnl < 0) AS losses, coalesce(sum(c.net_pnl) FILTER (WHERE c.net_pnl > 0), 0) AS won,
				coalesce(-sum(c.net_pnl) FILTER (WHERE c.net_pnl < 0), 0) AS lost, sum(c.gross_pnl) AS gross_pnl, sum(c.fees) AS fees,
				sum(c.closed_at - c.opened_at) AS holding
			FROM changed c CROSS JOIN LATERAL (VALUES ('-infinity'::timestamptz), (date_trunc('day', c.closed_at, 'UTC'))) AS d (day)
			GROUP BY c.source_id, c.portfolio, d.day
		) x
		WHERE t.source_id = x.source_id AND t.portfolio = x.portfolio AND t.day = x.day;
	DELETE FROM pulse.trade_state t USING (SELECT DISTINCT c.source_id, c.portfolio FROM changed c) x
		WHERE t.source_id = x.source_id AND t.portfolio = x.portfolio AND t.trades = 0;
	UPDATE pulse.trade_state t SET (best, worst, first_opened, last_closed) = (
			SELECT max(c.net_pnl), min(c.net_pnl), min(c.opened_at), max(c.closed_at) FROM pulse.closed_trade c
			WHERE c.source_id = t.source_id AND c.portfolio = t.portfolio AND c.closed_at >= t.day AND c.closed_at < t.day + interval '24 hours')
		FROM (SELECT DISTINCT c.source_id, c.portfolio, date_trunc('day', c.closed_at, 'UTC') AS day FROM changed c) x
		WHERE t.source_id = x.source_id AND t.portfolio = x.portfolio AND t.day = x.day;
	UPDATE pulse.trade_state t SET (best, worst, first_opened, last_closed) = (
			SELECT max(d.best), min(d.worst), min(d.first_opened), max(d.last_closed) FROM pulse.trade_state d
			WHERE d.source_id = t.source_id AND d.portfolio = t.portfolio AND d.day > '-infinity')
		FROM (SELECT DISTINCT c.source_id, c.portfolio FROM changed c) x
		WHERE t.source_id = x.source_id AND t.portfolio = x.portfolio AND t.day = '-infinity';
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION pulse.uncount_closed_trades() IS 'Trigger on pulse.closed_trade: takes deleted rows out of pulse.trade_state.';
REVOKE ALL ON FUNCTION pulse.count_closed_trades(), pulse.uncount_closed_trades() FROM PUBLIC;

CREATE TRIGGER count_inserted AFTER INSERT ON pulse.closed_trade REFERENCING NEW TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION pulse.count_closed_trades();
CREATE TRIGGER count_deleted AFTER DELETE ON pulse.closed_trade REFERENCING OLD TABLE AS changed
	FOR EACH STATEMENT EXECUTE FUNCTION pulse.uncount_closed_trades();
-- The user's tables: creating them, following tables of another shape, letting go of them.

-- The owner of a followed table names pulse.capture() in its triggers, and what callers run as themselves uses
-- functions of this schema; its tables stay closed.
GRANT USAGE ON SCHEMA pulse TO PUBLIC;
-- Whoever creates a trigger needs EXECUTE on its function; called in any other way these two refuse.
GRANT EXECUTE ON FUNCTION pulse.capture(), pulse.capture_truncate() TO PUBLIC;

CREATE FUNCTION pulse.register_source(relation regclass, kind text, columns jsonb, timezone text, capture text, is_new boolean)
	RETURNS integer
	AS 'MODULE_PATHNAME', 'pulse_register_source' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION pulse.register_source(regclass, text, jsonb, text, text, boolean) IS
	'Enters a table into pulse.source, or takes up its earlier entry again, and returns its source_id. Unless it is new and empty all of it is marked as changed, and fills older than this moment are not announced. The caller must own the table; errors: 42501 otherwise.';

CREATE FUNCTION pulse.unregister_source(relation regclass)
	RETURNS integer
	AS 'MODULE_PATHNAME', 'pulse_unregister_source' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION pulse.unregister_source(regclass) IS
	'Sets the state of every entry of a table in pulse.source to detached, removes what the ledger computed from it and returns how many there were. The caller must own the table; errors: 42501 otherwise.';

CREATE FUNCTION pulse.create_capture_triggers(relation regclass, source_id integer) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT
	SET client_min_messages = warning
	AS $$
BEGIN
	EXECUTE format('DROP TRIGGER IF EXISTS pulse_capture ON %s', relation);
	EXECUTE format('DROP TRIGGER IF EXISTS pulse_capture_truncate ON %s', relation);
	EXECUTE format('CREATE TRIGGER pulse_capture AFTER INSERT OR UPDATE OR DELETE ON %s '
				   'FOR EACH ROW EXECUTE FUNCTION pulse.capture(%L)', relation, source_id);
	EXECUTE format('CREATE TRIGGER pulse_capture_truncate AFTER TRUNCATE ON %s '
				   'FOR EACH STATEMENT EXECUTE FUNCTION pulse.capture_truncate(%L)', relation, source_id);
	-- ALWAYS: rows that logical replication or session_replication_role = replica bring in count too
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER pulse_capture', relation);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER pulse_capture_truncate', relation);
END
$$;
COMMENT ON FUNCTION pulse.create_capture_triggers(regclass, integer) IS
	'Creates, or creates anew, the two capture triggers of a followed table. Needs the rights of its owner.';

CREATE FUNCTION pulse_setup(schema text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	target text := coalesce(schema, current_schema());
	existing text;
	snapshots regclass;
	trades regclass;
BEGIN
	IF target IS NULL THEN
		RAISE EXCEPTION 'no schema has been selected to create the tables in'
			USING ERRCODE = 'invalid_schema_name',
				  HINT = 'Name one, for example pulse_setup(schema => ''trading''), or set search_path.';
	END IF;
	IF target IN ('pulse', 'pg_catalog', 'information_schema') THEN
		RAISE EXCEPTION 'the tables cannot be created in schema "%"', target
			USING ERRCODE = 'invalid_schema_name',
				  HINT = 'They are yours: choose a schema of your own.';
	END IF;

	SELECT string_agg(format('%I.%I', target, c.relname), ', ' ORDER BY c.relname) INTO existing
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = target AND c.relname IN ('portfolio_snapshots', 'trades');
	IF existing IS NOT NULL THEN
		RAISE EXCEPTION 'relation already exists: %', existing
			USING ERRCODE = 'duplicate_table',
				  HINT = 'Use pulse_attach() to follow an existing table, or pulse_setup(schema => ...) to create both in another schema.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = target) THEN
		EXECUTE format('CREATE SCHEMA %I', target);
	END IF;

	-- few constraints, each over several columns: the server reads every one of them again for every INSERT, and that is
	-- most of what they cost
	EXECUTE format($ddl$
		CREATE TABLE %I.portfolio_snapshots (
			portfolio text NOT NULL DEFAULT 'main',
			ts timestamptz NOT NULL DEFAULT now(),
			total_value numeric NOT NULL,
			cash_balance numeric,
			positions_value numeric,
			unrealized_pnl numeric,
			realized_pnl numeric,
			net_flow numeric NOT NULL DEFAULT 0,
			position_count integer,
			details jsonb,
			PRIMARY KEY (portfolio, ts),
			CONSTRAINT portfolio_not_empty_position_count_not_negative CHECK (portfolio <> '' AND position_count >= 0),
			CONSTRAINT time_and_amounts_finite CHECK (isfinite(ts)
				AND total_value > '-Infinity' AND total_value < 'Infinity' AND cash_balance > '-Infinity' AND cash_balance < 'Infinity'
				AND positions_value > '-Infinity' AND positions_value < 'Infinity'
				AND unrealized_pnl > '-Infinity' AND unrealized_pnl < 'Infinity'
				AND realized_pnl > '-Infinity' AND realized_pnl < 'Infinity' AND net_flow > '-Infinity' AND net_flow < 'Infinity')
		)$ddl$, target);
	EXECUTE format($ddl$
		CREATE TABLE %I.trades (
			id bigint GENERATED BY DEFAULT AS IDENTITY,
			portfolio text NOT NULL DEFAULT 'main',
			symbol text NOT NULL,
			side text NOT NULL,
			quantity numeric NOT NULL,
			price numeric NOT NULL,
			fee numeric NOT NULL DEFAULT 0,
			fee_asset text,
			executed_at timestamptz NOT NULL DEFAULT now(),
			order_id text,
			fill_id text,
			order_type text,
			strategy text,
			confidence double precision,
			details jsonb,
			PRIMARY KEY (portfolio, id),
			UNIQUE (portfolio, fill_id),
			CONSTRAINT side_is_buy_or_sell CHECK (upper(side) IN ('BUY', 'SELL')),
			CONSTRAINT portfolio_symbol_and_fee_asset_not_empty CHECK (portfolio <> '' AND symbol <> '' AND fee_asset <> ''),
			CONSTRAINT quantity_positive_price_not_negative_all_finite CHECK (quantity > 0 AND quantity < 'Infinity'
				AND price >= 0 AND price < 'Infinity' AND fee > '-Infinity' AND fee < 'Infinity' AND isfinite(executed_at))
		)$ddl$, target);
	EXECUTE format('CREATE INDEX ON %I.trades (portfolio, executed_at, id)', target);
	EXECUTE format('COMMENT ON TABLE %I.portfolio_snapshots IS %L', target,
				   'Value of each portfolio over time, followed by Pulse; the table is yours.');
	EXECUTE format('COMMENT ON COLUMN %I.portfolio_snapshots.net_flow IS %L', target,
				   'Deposits (+) and withdrawals (-) since the previous snapshot.');
	EXECUTE format('COMMENT ON TABLE %I.trades IS %L', target,
				   'One row per fill, followed by Pulse; the table is yours.');
	EXECUTE format('COMMENT ON COLUMN %I.trades.fee IS %L', target,
				   'Positive when paid, negative for a rebate; in fee_asset, NULL being the quote currency.');

	snapshots := format('%I.portfolio_snapshots', target)::regclass;
	trades := format('%I.trades', target)::regclass;
	PERFORM pulse.create_capture_triggers(snapshots,
		pulse.register_source(snapshots, 'snapshots', '{}', 'UTC', 'trigger', true));
	PERFORM pulse.create_capture_triggers(trades,
		pulse.register_source(trades, 'trades', '{}', 'UTC', 'trigger', true));
	PERFORM pulse.add_default_rules_once();
END
$$;
COMMENT ON FUNCTION pulse_setup(text) IS
	'Creates the tables portfolio_snapshots and trades, owned by the caller, in the given schema (default: the first of search_path; created when missing) and follows them by capture triggers. Errors: 42P07 when either exists already (see pulse_attach), 3F000 when there is no schema to use.';
-- Column mapping of followed tables: pulse.source.columns maps a logical column to
--   "name"            the column of that name,
--   null              there is none,
--   {"value": "x"}    a constant,
--   {"column": "name", "scale": 6}             a number kept as so many times 10^scale,
--   {"column": "name", "skip_zero": true}      (quantity only) rows without one are no fills yet,
--   {"column": "name", "unit": "ms"}           (time only) so many s, ms, us or ns since 1970,
--   ["a", "b"]        (id only) a key of several columns;
-- a logical column that is not mentioned has its own name in the table.

CREATE FUNCTION pulse.logical_columns(kind text)
	RETURNS TABLE (logical text, required boolean, type_name text, fallback text)
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.logical, c.required, c.type_name, c.fallback
	FROM (VALUES
		('snapshots', 1, 'portfolio', false, 'text', '''main'''),
		('snapshots', 2, 'ts', true, 'timestamptz', NULL),
		('snapshots', 3, 'total_value', true, 'numeric', NULL),
		('snapshots', 4, 'cash_balance', false, 'numeric', 'NULL'),
		('snapshots', 5, 'positions_value', false, 'numeric', 'NULL'),
		('snapshots', 6, 'unrealized_pnl', false, 'numeric', 'NULL'),
		('snapshots', 7, 'realized_pnl', false, 'numeric', 'NULL'),
		('snapshots', 8, 'net_flow', false, 'numeric', '0'),
		('snapshots', 9, 'position_count', false, 'int4', 'NULL'),
		('trades', 1, 'portfolio', false, 'text', '''main'''),
		('trades', 2, 'id', false, 'text', NULL),
		('trades', 3, 'executed_at', true, 'timestamptz', NULL),
		('trades', 4, 'symbol', true, 'text', NULL),
		('trades', 5, 'side', false, 'text', NULL),
		('trades', 6, 'quantity', true, 'numeric', NULL),
		('trades', 7, 'price', true, 'numeric', NULL),
		('trades', 8, 'fee', false, 'numeric', '0'),
		('trades', 9, 'fee_asset', false, 'text', 'NULL'),
		('trades', 10, 'order_id', false, 'text', 'NULL'),
		('trades', 11, 'fill_id', false, 'text', 'NULL'),
		('trades', 12, 'strategy', false, 'text', 'NULL'),
		('trades', 13, 'confidence', false, 'float8', 'NULL'),
		('trades', 14, 'order_type', false, 'text', 'NULL')
	) AS c (of_kind, position, logical, required, type_name, fallback)
	WHERE c.of_kind = logical_columns.kind
	ORDER BY c.position;
END;
COMMENT ON FUNCTION pulse.logical_columns(text) IS
	'The columns Pulse knows of a table of kind snapshots or trades: whether a table must have it, its type, and the SQL expression that stands in when a table has none.';

CREATE FUNCTION pulse.column_type(relation regclass, name text) RETURNS regtype
	LANGUAGE sql STABLE
	AS $$
	WITH RECURSIVE base AS (
		SELECT t.oid, t.typtype, t.typbasetype, t.typnamespace
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		WHERE a.attrelid = $1 AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL
		SELECT t.oid, t.typtype, t.typbasetype, t.typnamespace FROM base JOIN pg_catalog.pg_type t ON t.oid = base.typbasetype
		WHERE base.typtype = 'd'
	)
	SELECT CASE WHEN b.typtype = 'e' THEN 'anyenum'::regtype ELSE b.oid::regtype END
	FROM base b
	WHERE b.typtype = 'e' OR b.typtype <> 'd' AND b.typnamespace = 'pg_catalog'::regnamespace
	$$;
COMMENT ON FUNCTION pulse.column_type(regclass, text) IS
	'Type of a column that may be read: a built-in type, under any domains, or anyenum for an enum. NULL when there is no such column or its type is of somebody''s own making: its casts would run with the rights of whoever reads, be it a superuser.';

CREATE FUNCTION pulse.mapped_expression(relation regclass, columns jsonb, timezone text, logical text, type_name text, fallback text)
	RETURNS text
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	mapping jsonb := CASE WHEN columns OPERATOR(pg_catalog.?) logical THEN columns -> logical ELSE to_jsonb(logical) END;
	name text;
	actual_type oid;
BEGIN
	IF mapping ? 'column' THEN
		name := mapping ->> 'column';
		IF pulse.column_type(relation, name) IS NULL THEN
			RETURN CASE WHEN fallback IS NULL THEN NULL ELSE format('%s::pg_catalog.%s', fallback, type_name) END;
		ELSIF type_name = 'timestamptz' THEN
			RETURN format('(pg_catalog.timestamptz ''epoch'' OPERATOR(pg_catalog.+) (r.%I::pg_catalog.float8 OPERATOR(pg_catalog.*) pg_catalog.interval %L))', name,
				CASE mapping ->> 'unit' WHEN 's' THEN '1 second' WHEN 'ms' THEN '1 millisecond' WHEN 'us' THEN '1 microsecond' ELSE '0.001 microsecond' END);
		END IF;
		-- a product is exact and as short as it can be, a quotient is not
		RETURN format('(r.%I::pg_catalog.numeric OPERATOR(pg_catalog.*) %L::pg_catalog.numeric)::pg_catalog.%s', name,
			'1e-' || coalesce(mapping ->> 'scale', '0'), type_name);
	ELSIF jsonb_typeof(mapping) = 'object' THEN
		RETURN format('%L::pg_catalog.%s', mapping ->> 'value', type_name);
	ELSIF jsonb_typeof(mapping) = 'array' THEN
		IF EXISTS (SELECT FROM jsonb_array_elements_text(mapping) AS x(e) WHERE pulse.column_type(relation, e) IS NULL) THEN
			RETURN NULL;
		END IF;
		RETURN (SELECT format('pg_catalog.concat_ws(''/'', %s)', string_agg(format('r.%I', e), ', ' ORDER BY n))
				FROM jsonb_array_elements_text(mapping) WITH ORDINALITY AS x(e, n));
	ELSIF jsonb_typeof(mapping) = 'string' THEN
		name := mapping #>> '{}';
		actual_type := pulse.column_type(relation, name);
	END IF;
	IF actual_type IS NULL THEN
		RETURN CASE WHEN fallback IS NULL THEN NULL ELSE format('%s::pg_catalog.%s', fallback, type_name) END;
	ELSIF type_name = 'timestamptz' AND actual_type IN ('timestamp'::regtype, 'date'::regtype) THEN
		RETURN format('(r.%I::pg_catalog.timestamp AT TIME ZONE %L)', name, timezone);
	ELSIF actual_type = 'anyenum'::regtype THEN
		-- through its output function: a cast may be the work of the type's owner
		RETURN CASE type_name WHEN 'text' THEN format('CASE WHEN r.%1$I IS NOT NULL THEN pg_catalog.concat(r.%1$I) END', name) END;
	ELSE
		RETURN format('r.%I::pg_catalog.%s', name, type_name);
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.mapped_expression(regclass, jsonb, text, text, text, text) IS
	'SQL expression over alias r that yields a logical column of a followed table; NULL when the table lacks a required one.';

CREATE FUNCTION pulse.source_relation(source pulse.source, OUT relation regclass, OUT has_portfolios boolean)
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	relation := to_regclass(format('%I.%I', source.schema_name, source.table_name));
	has_portfolios := source.columns ? 'preset' OR jsonb_typeof(coalesce(source.columns -> 'portfolio', '""')) = 'string' AND EXISTS (
		SELECT FROM pg_catalog.pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
			AND attname = coalesce(source.columns ->> 'portfolio', 'portfolio'));
END
$$;
COMMENT ON FUNCTION pulse.source_relation(pulse.source) IS
	'The table that an entry of pulse.source names, NULL when there is none now, and whether it has a column for the portfolio.';

CREATE FUNCTION pulse.orders_by_id(source pulse.source) RETURNS boolean
	LANGUAGE sql STABLE
	RETURN EXISTS (
		SELECT FROM pg_catalog.pg_attribute a
		WHERE a.attrelid = to_regclass(format('%I.%I', (source).schema_name, (source).table_name))
			AND a.attname = coalesce((source).columns ->> 'id', 'id') AND a.attnum > 0 AND NOT a.attisdropped
			AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype));
COMMENT ON FUNCTION pulse.orders_by_id(pulse.source) IS
	'Whether the key of a followed table is one whole number.';

CREATE FUNCTION pulse.build_source_query(source_id integer, portfolio text, since text, until text)
	RETURNS text
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	source pulse.source;
	relation regclass;
	item record;
	expression text;
	portfolio_expression text;
	time_expression text;
	time_column text;
	time_type oid;
	list text[] := '{}';
	conditions text[] := '{}';
BEGIN
	SELECT * INTO source FROM pulse.source s WHERE s.source_id = build_source_query.source_id AND s.state = 'active';
	relation := to_regclass(format('%I.%I', source.schema_name, source.table_name));
	IF relation IS NULL THEN
		RETURN NULL;
	END IF;
	IF source.columns ? 'preset' THEN
		IF EXISTS (SELECT FROM pg_catalog.pg_attribute a
				WHERE a.attrelid IN (relation, to_regclass(format('%I.trades', source.schema_name))) AND a.attnum > 0 AND NOT a.attisdropped
					AND pulse.column_type(a.attrelid, a.attname) IS NULL) THEN
			RETURN NULL;
		END IF;
		RETURN format('SELECT r.* FROM (%s) AS r', pulse.preset_query(source.columns ->> 'preset', source.schema_name, source.columns #>> '{portfolio,value}'))
			|| CASE WHEN portfolio IS NOT NULL THEN format(' WHERE r.portfolio = %s', portfolio) ELSE ' WHERE true' END
			|| CASE WHEN since IS NOT NULL THEN format(' AND r.%1$I >= %2$s AND r.%1$I <= %3$s',
				CASE source.kind WHEN 'trades' THEN 'executed_at' ELSE 'ts' END, since, until) ELSE '' END;
	END IF;
	FOR item IN SELECT * FROM pulse.logical_columns(source.kind) LOOP
		expression := pulse.mapped_expression(relation, source.columns, source.timezone,
											  item.logical, item.type_name, item.fallback);
		IF expression IS NULL AND item.logical = 'side' THEN
			-- no column for the side: the sign of the quantity tells it
			expression := format('CASE WHEN %1$s < 0 THEN ''SELL'' ELSE ''BUY'' END',
				pulse.mapped_expression(relation, source.columns, source.timezone, 'quantity', 'numeric', NULL));
		ELSIF item.logical = 'quantity' AND pulse.mapped_expression(relation, source.columns, source.timezone, 'side', 'text', NULL) IS NULL THEN
			expression := format('pg_catalog.abs(%s)', expression);
		END IF;
		IF expression IS NULL THEN
			RETURN NULL;
		END IF;
		IF item.logical = 'portfolio' THEN
			portfolio_expression := expression;
		ELSIF item.type_name = 'timestamptz' THEN
			time_expression := expression;
			time_column := coalesce(source.columns ->> item.logical, item.logical);
		ELSIF item.logical = 'id' THEN
			-- whole numbers order fills of one instant; other keys order them as text
			list := list || format('%s AS ordinal',
				CASE WHEN pulse.orders_by_id(source)
					THEN format('r.%I::pg_catalog.int8', coalesce(source.columns ->> 'id', 'id'))
					ELSE '0::pg_catalog.int8' END);
			list := list || format('%s AS fill_key', expression);
			CONTINUE;
		END IF;
		list := list || format('%s AS %I', expression, item.logical);
	END LOOP;

	IF source.columns #> '{quantity,skip_zero}' = 'true' THEN
		conditions := conditions || format('r.%I OPERATOR(pg_catalog.<>) 0', source.columns #>> '{quantity,column}');
	END IF;
	IF portfolio IS NOT NULL THEN
		conditions := conditions || format('%s OPERATOR(pg_catalog.=) %s', portfolio_expression, portfolio);
	END IF;
	IF since IS NOT NULL THEN
		conditions := conditions || format('%1$s OPERATOR(pg_catalog.>=) %2$s AND %1$s OPERATOR(pg_catalog.<=) %3$s', time_expression, since, until);
		SELECT atttypid INTO time_type FROM pg_catalog.pg_attribute
			WHERE attrelid = relation AND attname = time_column AND attnum > 0 AND NOT attisdropped;
		IF time_type = 'timestamp'::regtype THEN
			-- the same range on the bare column, so that its index serves; a day covers any shift of the zone
			conditions := conditions || format('r.%1$I OPERATOR(pg_catalog.>=) (%3$s AT TIME ZONE %2$L) - interval ''1 day'' AND r.%1$I OPERATOR(pg_catalog.<=) (%4$s AT TIME ZONE %2$L) + interval ''1 day''',
				time_column, source.timezone, since, until);
		END IF;
	END IF;
	RETURN format('SELECT %s FROM %s AS r', array_to_string(list, ', '), format('%I.%I', source.schema_name, source.table_name))
		|| CASE WHEN conditions <> '{}' THEN ' WHERE ' || array_to_string(conditions, ' AND ') ELSE '' END;
END
$$;
COMMENT ON FUNCTION pulse.build_source_query(integer, text, text, text) IS
	'SELECT that reads a followed table under the logical column names, of the portfolio and between the times that the given SQL expressions stand for (NULL: all); NULL when the table or a required column is gone. Trades carry ordinal and fill_key for their id.';

CREATE FUNCTION pulse.source_query(source_id integer, by_portfolio boolean, by_time boolean)
	RETURNS text
	AS 'MODULE_PATHNAME', 'pulse_source_query' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION pulse.source_query(integer, boolean, boolean) IS
	'The SELECT of pulse.build_source_query() with $1 for the portfolio, $2 and $3 for the first and last time as far as asked for, remembered by each session until the mapping or the table changes. by_portfolio counts only for a table with a column for it.';

CREATE FUNCTION pulse.checked_mapping(relation regclass, logical text, type_name text, mapping jsonb) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	name text := mapping ->> 'column';
	actual_type oid := pulse.column_type(relation, name);
	is_time boolean := type_name = 'timestamptz';
BEGIN
	IF actual_type IS NULL THEN
		RAISE EXCEPTION 'column "%" of table "%" does not exist, or has a type of its own', name, relation USING ERRCODE = 'undefined_column';
	ELSIF type_name NOT IN ('timestamptz', 'numeric') THEN
		RAISE EXCEPTION 'column "%" cannot be mapped to %', logical, mapping
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the name of its column; only times and amounts can be converted.';
	ELSIF (SELECT t.typcategory FROM pg_catalog.pg_type t WHERE t.oid = actual_type) <> 'N' THEN
		RAISE EXCEPTION 'column "%" has type %, which is not a number', name, format_type(actual_type, NULL) USING ERRCODE = 'datatype_mismatch';
	ELSIF EXISTS (SELECT FROM jsonb_object_keys(mapping) k WHERE k <> 'column' AND k <> ALL (CASE WHEN is_time THEN '{unit}'::text[]
			WHEN logical = 'quantity' THEN '{scale,skip_zero}' ELSE '{scale}' END))
			OR is_time AND coalesce(mapping ->> 'unit', '') NOT IN ('s', 'ms', 'us', 'ns')
			OR coalesce(mapping ->> 'scale', '0') !~ '^[0-9]{1,2}$' OR coalesce(mapping ->> 'scale', '0')::integer > 30
			OR coalesce(mapping ->> 'skip_zero', 'true') NOT IN ('true', 'false') THEN
		RAISE EXCEPTION 'column "%" cannot be mapped to %', logical, mapping
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = CASE WHEN is_time THEN 'A time as a number is written {"column": "name", "unit": "ms"}; units are s, ms, us and ns.'
					ELSE 'An amount in millionths is written {"column": "name", "scale": 6}; a scale is from 0 to 30. "skip_zero" is for quantity only.' END;
	END IF;
	RETURN mapping;
END
$$;
COMMENT ON FUNCTION pulse.checked_mapping(regclass, text, text, jsonb) IS
	'Checks the mapping of a logical column to one that is converted, and returns it. Errors: 22023, 42703, 42804.';

CREATE FUNCTION pulse.normalized_columns(relation regclass, kind text, columns jsonb, timezone text)
	RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	item record;
	mapping jsonb;
	name text;
	actual_type oid;
	actual_category "char";
	result jsonb := '{}';
	known text;
	present text;
	unique_key text[];
BEGIN
	SELECT string_agg(logical, ', ') INTO known FROM pulse.logical_columns(kind);
	IF known IS NULL THEN
		RAISE EXCEPTION 'unknown kind of table: %', coalesce(quote_literal(kind), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use ''snapshots'' or ''trades''.';
	END IF;
	IF columns IS NULL OR jsonb_typeof(columns) <> 'object' THEN
		RAISE EXCEPTION 'columns must be a JSON object'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For example {"executed_at": "created_at"}.';
	END IF;
	FOR name IN SELECT jsonb_object_keys(columns) EXCEPT SELECT logical FROM pulse.logical_columns(kind) LOOP
		RAISE EXCEPTION 'unknown column "%" in the mapping', name
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('A table of kind %s has: %s.', kind, known),
				  HINT = 'The mapping goes from the name Pulse uses to the name your table uses.';
	END LOOP;
	IF timezone IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_timezone_names z WHERE lower(z.name) = lower(timezone)) THEN
		RAISE EXCEPTION 'unknown time zone "%"', timezone
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a name from pg_timezone_names, for example UTC.';
	END IF;
	SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO present
		FROM pg_catalog.pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped;

	FOR item IN SELECT * FROM pulse.logical_columns(kind) LOOP
		mapping := columns -> item.logical;
		IF mapping ? 'column' THEN
			result := result || jsonb_build_object(item.logical, pulse.checked_mapping(relation, item.logical, item.type_name, mapping));
			CONTINUE;
		ELSIF jsonb_typeof(mapping) = 'object' THEN
			IF item.required OR item.logical = 'id' OR jsonb_typeof(mapping -> 'value') IS DISTINCT FROM 'string' THEN
				RAISE EXCEPTION 'column "%" cannot be mapped to %', item.logical, mapping
					USING ERRCODE = 'invalid_parameter_value',
						  HINT = 'A constant is written {"value": "text"}, for optional columns only.';
			END IF;
			result := result || jsonb_build_object(item.logical, mapping);
			CONTINUE;
		ELSIF jsonb_typeof(mapping) = 'array' AND item.logical = 'id' AND jsonb_array_length(mapping) > 0 THEN
			unique_key := ARRAY(SELECT jsonb_array_elements_text(mapping));
		ELSIF mapping IS NULL AND item.logical = 'id' AND NOT EXISTS (
				SELECT FROM pg_catalog.pg_attribute WHERE attrelid = relation AND attname = 'id' AND attnum > 0 AND NOT attisdropped) THEN
			unique_key := ARRAY(
				SELECT a.attname::text FROM pg_catalog.pg_index i
				CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
				JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
				WHERE i.indrelid = relation AND i.indisprimary ORDER BY k.n);
			IF unique_key = '{}' THEN
				RAISE EXCEPTION 'table "%" has neither a column "id" nor a primary key', relation
					USING ERRCODE = 'invalid_table_definition',
						  HINT = 'Every fill needs a key: add a primary key or map "id" to a unique column.';
			END IF;
			mapping := to_jsonb(unique_key);
		ELSIF jsonb_typeof(mapping) NOT IN ('string', 'null') THEN
			RAISE EXCEPTION 'column "%" cannot be mapped to %', item.logical, mapping
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the name of a column, or null when there is none.';
		END IF;

		IF jsonb_typeof(mapping) = 'array' THEN
			FOREACH name IN ARRAY unique_key LOOP
				IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = relation AND attname = name AND attnum > 0 AND NOT attisdropped) THEN
					RAISE EXCEPTION 'column "%" of table "%" does not exist', name, relation
						USING ERRCODE = 'undefined_column', DETAIL = format('The table has: %s.', present);
				END IF;
			END LOOP;
			result := result || jsonb_build_object('id', to_jsonb(unique_key));
			CONTINUE;
		END IF;

		name := coalesce(mapping #>> '{}', item.logical);
		actual_type := NULL;
		IF mapping IS NULL OR jsonb_typeof(mapping) = 'string' THEN
			SELECT c.actual, t.typcategory INTO actual_type, actual_category
				FROM pulse.column_type(relation, name) AS c (actual) JOIN pg_catalog.pg_type t ON t.oid = c.actual;
			IF actual_type IS NULL AND EXISTS (SELECT FROM pg_catalog.pg_attribute a
					WHERE a.attrelid = relation AND a.attname = name AND a.attnum > 0 AND NOT a.attisdropped) THEN
				RAISE EXCEPTION 'column "%" of table "%" has a type of its own', name, relation
					USING ERRCODE = 'datatype_mismatch', HINT = 'Add a generated column of a built-in type and map that.';
			END IF;
		END IF;
		IF actual_type IS NULL THEN
			IF jsonb_typeof(mapping) = 'string' THEN
				RAISE EXCEPTION 'column "%" of table "%" does not exist', name, relation
					USING ERRCODE = 'undefined_column', DETAIL = format('The table has: %s.', present);
			ELSIF item.required OR item.logical = 'id' THEN
				RAISE EXCEPTION 'table "%" has no column for "%"', relation, item.logical
					USING ERRCODE = 'undefined_column', DETAIL = format('The table has: %s.', present),
						  HINT = format('Map it: columns => ''{"%s": "name in your table"}''.', item.logical);
			END IF;
			result := result || jsonb_build_object(item.logical, NULL);
			CONTINUE;
		END IF;
		IF item.type_name = 'timestamptz' THEN
			IF actual_type NOT IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN
				RAISE EXCEPTION 'column "%" has type %, which is not a time', name, format_type(actual_type, NULL)
					USING ERRCODE = 'datatype_mismatch', HINT = 'Add a generated column of type timestamptz and map that.';
			ELSIF actual_type <> 'timestamptz'::regtype AND timezone IS NULL THEN
				RAISE EXCEPTION 'column "%" has type %, which does not say its time zone', name, format_type(actual_type, NULL)
					USING ERRCODE = 'invalid_parameter_value', HINT = 'Say in which zone the bot writes it, for example timezone => ''UTC''.';
			END IF;
		ELSIF item.type_name <> 'text' AND actual_category <> 'N' THEN
			RAISE EXCEPTION 'column "%" has type %, which is not a number', name, format_type(actual_type, NULL)
				USING ERRCODE = 'datatype_mismatch', HINT = format('Add a generated column of type %s and map that.', item.type_name);
		END IF;
		IF name <> item.logical THEN
			result := result || jsonb_build_object(item.logical, name);
		END IF;
		IF item.logical = 'id' THEN
			unique_key := ARRAY[name];
		END IF;
	END LOOP;

	IF kind = 'trades' AND NOT EXISTS (
		SELECT FROM pg_catalog.pg_index i
		WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
			AND NOT EXISTS (
				SELECT FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) AS k(attnum)
				JOIN pg_catalog.pg_attribute a ON a.attrelid = relation AND a.attnum = k.attnum
				WHERE a.attname <> ALL (unique_key) AND a.attname <> coalesce(result ->> 'portfolio', 'portfolio'))) THEN
		RAISE EXCEPTION 'nothing makes (%) unique in table "%"', array_to_string(unique_key, ', '), relation
			USING ERRCODE = 'invalid_table_definition',
				  HINT = 'Add a primary key or a unique constraint, so that a fill is counted once.';
	END IF;
	RETURN result;
END
$$;
COMMENT ON FUNCTION pulse.normalized_columns(regclass, text, jsonb, text) IS
	'Checks a column mapping against a table and returns it in the form that pulse.source.columns stores: only what differs from the logical names. Errors: 22023, 42703, 42804, 42P16 with the columns that there are.';

CREATE FUNCTION pulse_attach(relation regclass, kind text, columns jsonb DEFAULT '{}', timezone text DEFAULT NULL, capture text DEFAULT 'trigger')
	RETURNS integer
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	normalized jsonb;
	relation_kind "char";
	new_source integer;
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'relation must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	SELECT relkind INTO relation_kind FROM pg_catalog.pg_class WHERE oid = relation AND relpersistence <> 't';
	IF relation_kind IS NULL OR relation_kind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION '"%" is not a permanent table', relation
			USING ERRCODE = 'wrong_object_type', HINT = 'Name the table that the bot writes to.';
	END IF;
	IF capture IS NULL OR capture NOT IN ('trigger', 'poll') THEN
		RAISE EXCEPTION 'unknown way of capture: %', coalesce(quote_literal(capture), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use ''trigger'', or ''poll'' for a table that must not have one.';
	END IF;
	normalized := pulse.normalized_columns(relation, kind, columns, timezone);
	IF capture = 'trigger' AND jsonb_typeof(normalized -> CASE kind WHEN 'trades' THEN 'executed_at' ELSE 'ts' END) = 'object' THEN
		RAISE EXCEPTION 'a table whose times are numbers cannot be followed by a trigger'
			USING ERRCODE = 'feature_not_supported', HINT = 'Use capture => ''poll'', or add a generated column of type timestamptz and map that.';
	END IF;
	new_source := pulse.register_source(relation, kind, normalized, coalesce(timezone, 'UTC'), capture, false);
	IF capture = 'trigger' THEN
		PERFORM pulse.create_capture_triggers(relation, new_source);
	END IF;
	PERFORM pulse.add_default_rules_once();
	RETURN new_source;
END
$$;
COMMENT ON FUNCTION pulse_attach(regclass, text, jsonb, text, text) IS
	'Follows an existing table of the given kind (snapshots or trades) under a mapping of column names, for example columns => ''{"executed_at": "created_at", "fee": "commission"}''; returns its source_id. Columns without a time zone need timezone, the zone that the bot writes in. Amounts kept as whole millionths are written {"price": {"column": "price", "scale": 6}}; where a row is an order that is filled in place, {"quantity": {"column": "filled", "skip_zero": true}} leaves out what is not filled yet; times kept as numbers are {"column": "time", "unit": "ms"}, with capture poll. Without a side column the sign of the quantity is the side. capture is trigger, or poll for a table that must not have triggers: it is read every five seconds then. The caller must own the table. Errors name the column and what the table has.';

CREATE FUNCTION pulse_detach(relation regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT
	SET client_min_messages = warning
	AS $$
BEGIN
	IF pulse.unregister_source(relation) = 0 THEN
		RAISE EXCEPTION 'table "%" is not followed', relation
			USING ERRCODE = 'undefined_object', HINT = 'pulse.source lists the tables that are.';
	END IF;
	EXECUTE format('DROP TRIGGER IF EXISTS pulse_capture ON %s', relation);
	EXECUTE format('DROP TRIGGER IF EXISTS pulse_capture_truncate ON %s', relation);
END
$$;
COMMENT ON FUNCTION pulse_detach(regclass) IS
	'Stops following a table: removes its capture triggers, sets its source to detached and forgets what was computed from it; the table itself stays as it is, and pulse_attach() takes it up again. The caller must own the table. Error 42704 when it is not followed.';
-- The ledger's own tables and doors. What a user may read of a followed table he may read of what was computed from
-- it: the policies below ask pulse.readable(), so that the functions over these tables need no privileges of their own.

CREATE TABLE pulse.finding (
	source_id	integer NOT NULL REFERENCES pulse.source ON DELETE CASCADE,
	portfolio	text COLLATE "C" NOT NULL,
	fill_key	text COLLATE "C" NOT NULL,
	problem		text NOT NULL,
	executed_at	timestamptz,
	first_seen	timestamptz NOT NULL DEFAULT now(),
	last_seen	timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (source_id, portfolio, fill_key)
);
COMMENT ON TABLE pulse.finding IS 'rows of followed tables that cannot be booked, and why; at most 1000 for each source. A row leaves when it is mended or deleted';

CREATE TABLE pulse.dust (
	symbol		text COLLATE "C" PRIMARY KEY CHECK (symbol <> ''),
	quantity	numeric NOT NULL DEFAULT 0 CHECK (quantity >= 0 AND quantity < 'Infinity'),
	value		numeric NOT NULL DEFAULT 0 CHECK (value >= 0 AND value < 'Infinity')
);
GRANT SELECT ON pulse.dust TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('pulse.dust', '');
COMMENT ON TABLE pulse.dust IS 'up to where a position counts as flat, by symbol; set by pulse_dust_set()';
COMMENT ON COLUMN pulse.dust.symbol IS 'a symbol, or a pattern in which * stands for any characters; the longest that fits counts';

CREATE FUNCTION pulse_dust_set(symbol text DEFAULT '*', quantity numeric DEFAULT NULL, value numeric DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	IF coalesce(pulse_dust_set.symbol, '') = '' THEN
		RAISE EXCEPTION 'a dust tolerance needs a symbol'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For example ''BTCUSDT'', ''*USDT'' or ''*'' for all.';
	ELSIF NOT coalesce(pulse_dust_set.quantity >= 0 AND pulse_dust_set.quantity < 'Infinity', true)
			OR NOT coalesce(pulse_dust_set.value >= 0 AND pulse_dust_set.value < 'Infinity', true) THEN
		RAISE EXCEPTION 'a dust tolerance must be neither negative nor infinite' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF coalesce(pulse_dust_set.quantity, 0) = 0 AND coalesce(pulse_dust_set.value, 0) = 0 THEN
		DELETE FROM pulse.dust d WHERE d.symbol = pulse_dust_set.symbol;
	ELSE
		INSERT INTO pulse.dust (symbol, quantity, value)
			VALUES (pulse_dust_set.symbol, coalesce(pulse_dust_set.quantity, 0), coalesce(pulse_dust_set.value, 0))
			ON CONFLICT (symbol) DO UPDATE SET quantity = excluded.quantity, value = excluded.value;
	END IF;
	UPDATE pulse.source s SET rebook = true WHERE s.kind = 'trades' AND s.state = 'active';
	INSERT INTO pulse.dirty (source_id, marked_at)
		SELECT s.source_id, clock_timestamp() FROM pulse.source s WHERE s.kind = 'trades' AND s.state = 'active';
END
$$;
REVOKE ALL ON FUNCTION pulse_dust_set(text, numeric, numeric) FROM PUBLIC;
COMMENT ON FUNCTION pulse_dust_set(text, numeric, numeric) IS
	'Sets up to where a position counts as flat: no larger than a quantity, or worth no more than a value in quote currency at the price of the fill that leaves it. symbol may be a pattern in which * stands for any characters; the longest that fits a symbol counts. A round trip then ends without what is left, for example after a fee in the base asset; what is left stays in the position with its cost, so that the whole result stays exact to the last digit, and goes into the next round trip. Both NULL or 0 removes the setting; nothing is set at first. All fills are booked again by the next tick. Error 22023 for a negative or infinite tolerance.';

CREATE FUNCTION pulse.unit_price(value numeric, quantity numeric) RETURNS numeric
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN trim_scale(value / nullif(quantity, 0));
COMMENT ON FUNCTION pulse.unit_price(numeric, numeric) IS
	'Average price of a quantity that a value was paid for, to at least 16 significant digits; NULL for no quantity.';

CREATE FUNCTION pulse.trade_return(net_pnl numeric, entry_value numeric) RETURNS double precision
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	RETURN (net_pnl / nullif(entry_value, 0))::double precision;
COMMENT ON FUNCTION pulse.trade_return(numeric, numeric) IS
	'Net profit over the value of the entry, as a fraction; NULL when the entry cost nothing.';

CREATE FUNCTION pulse.readable(source_id integer, portfolio text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_readable' LANGUAGE C STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION pulse.readable(integer, text) IS
	'Whether the current user may read the followed table and, where row-level security applies to him, sees at least one row of that portfolio in it (any row when portfolio is NULL).';

DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['fill', 'position', 'closed_trade', 'finding', 'dirty', 'source'] LOOP
		EXECUTE format('ALTER TABLE pulse.%I ENABLE ROW LEVEL SECURITY', name);
		EXECUTE format('CREATE POLICY readable ON pulse.%I FOR SELECT USING (pulse.readable(source_id, %s))',
					   name, CASE name WHEN 'source' THEN 'NULL' ELSE 'portfolio' END);
		EXECUTE format('GRANT SELECT ON pulse.%I TO PUBLIC', name);
	END LOOP;
END
$$;

CREATE FUNCTION pulse.ledger_apply(source_id integer, portfolio text DEFAULT NULL, min_ts timestamptz DEFAULT NULL, max_ts timestamptz DEFAULT NULL)
	RETURNS void
	AS 'MODULE_PATHNAME', 'pulse_ledger_apply_sql' LANGUAGE C VOLATILE;
REVOKE ALL ON FUNCTION pulse.ledger_apply(integer, text, timestamptz, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.ledger_apply(integer, text, timestamptz, timestamptz) IS
	'Brings fills, positions and closed trades of a source up to date for a time range: NULL ends are open, NULL portfolio means all. The tick does this for every mark in pulse.dirty; doing it again changes nothing.';
-- Market prices that somebody tells: the newest one values positions, the history tells how far a trade went and what a
-- fee in another asset was worth.

CREATE TABLE pulse.mark (
	symbol		text COLLATE "C" PRIMARY KEY,
	price		numeric NOT NULL CHECK (price >= 0 AND price < 'Infinity'),
	ts			timestamptz NOT NULL CHECK (isfinite(ts))
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.mark IS 'newest known market price of each symbol, as told by pulse_mark()';

CREATE TABLE pulse.mark_history (
	symbol		text COLLATE "C" NOT NULL,
	ts			timestamptz NOT NULL,
	price		numeric NOT NULL,
	PRIMARY KEY (symbol, ts)
);
COMMENT ON TABLE pulse.mark_history IS 'prices told by pulse_mark(): all of the last two days, before that the lowest, the highest and the last of each minute, for ledger.mark_retention';

CREATE TABLE pulse.mark_thinned (
	singleton	boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	until		timestamptz
);
INSERT INTO pulse.mark_thinned DEFAULT VALUES;
COMMENT ON TABLE pulse.mark_thinned IS 'up to where pulse.mark_history has been thinned out';

REVOKE ALL ON pulse.mark, pulse.mark_history, pulse.mark_thinned FROM PUBLIC;
GRANT SELECT ON pulse.mark, pulse.mark_history TO PUBLIC;
-- nothing brings them back but a dump
SELECT pg_catalog.pg_extension_config_dump('pulse.mark', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.mark_history', '');

CREATE FUNCTION pulse_mark(symbol text, price numeric, ts timestamptz DEFAULT now()) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	IF coalesce(pulse_mark.symbol, '') = '' THEN
		RAISE EXCEPTION 'a mark needs a symbol' USING ERRCODE = 'invalid_parameter_value';
	ELSIF pulse_mark.price IS NULL OR NOT (pulse_mark.price >= 0 AND pulse_mark.price < 'Infinity') THEN
		RAISE EXCEPTION 'a mark needs a price that is neither negative nor infinite' USING ERRCODE = 'invalid_parameter_value';
	ELSIF pulse_mark.ts IS NULL OR NOT isfinite(pulse_mark.ts) OR pulse_mark.ts > now() + interval '1 day' THEN
		RAISE EXCEPTION 'a mark needs a time that is not in the future' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO pulse.mark_history AS h (symbol, ts, price) VALUES (pulse_mark.symbol, pulse_mark.ts, pulse_mark.price)
		ON CONFLICT (symbol, ts) DO UPDATE SET price = excluded.price WHERE h.price <> excluded.price;
	INSERT INTO pulse.mark AS m (symbol, price, ts) VALUES (pulse_mark.symbol, pulse_mark.price, pulse_mark.ts)
		ON CONFLICT (symbol) DO UPDATE SET price = excluded.price, ts = excluded.ts WHERE m.ts <= excluded.ts;
END
$$;
REVOKE ALL ON FUNCTION pulse_mark(text, numeric, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse_mark(text, numeric, timestamptz) IS
	'Tells the market price of a symbol at a time. The newest one values positions unless their last fill is newer; all of them are kept for ledger.mark_retention, thinned out to three a minute after two days, for pulse_trade_excursions() and for what fees in a third asset were worth (pulse_fees). Error 22023 for a bad price or time.';

INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES
	('operator', 'function', 'pulse_mark', 'EXECUTE'), ('worker', 'function', 'pulse_mark', 'EXECUTE'),
	('admin', 'function', 'pulse_dust_set', 'EXECUTE'),
	('reader', 'table', 'mark', 'SELECT'), ('reader', 'table', 'mark_history', 'SELECT'), ('reader', 'table', 'dust', 'SELECT');
INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, description) VALUES
	('ledger.mark_retention', 'duration', NULL, '"400 days"', 172800, NULL, 'How long told market prices are kept.'),
	('ledger.fee_rate_max_age', 'duration', NULL, '"1 day"', 0, 31536000,
		'How old a price may be that tells what a fee in a third asset was worth at the time of its fill.');

CREATE FUNCTION pulse.thin_marks(at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	-- whole hours, one at a time: a run stays short
	goal CONSTANT timestamptz := date_trunc('hour', at, 'UTC') - interval '2 days';
	slice timestamptz;
	removed bigint;
BEGIN
	DELETE FROM pulse.mark_history h WHERE ctid = ANY (ARRAY(
		SELECT o.ctid FROM pulse.mark_history o WHERE o.ts < at - pulse.config_interval('ledger.mark_retention') LIMIT 10000));
	GET DIAGNOSTICS removed = ROW_COUNT;
	SELECT t.until INTO slice FROM pulse.mark_thinned t;
	slice := coalesce(slice, (SELECT date_trunc('hour', min(h.ts), 'UTC') FROM pulse.mark_history h));
	IF slice < goal THEN
		DELETE FROM pulse.mark_history h USING (
			SELECT p.symbol, p.ts,
				row_number() OVER (minute ORDER BY p.price, p.ts) = 1 OR row_number() OVER (minute ORDER BY p.price DESC, p.ts) = 1
					OR row_number() OVER (minute ORDER BY p.ts DESC) = 1 AS kept
			FROM pulse.mark_history p WHERE p.ts >= slice AND p.ts < slice + interval '1 hour'
			WINDOW minute AS (PARTITION BY p.symbol, date_trunc('minute', p.ts, 'UTC'))) x
			WHERE h.symbol = x.symbol AND h.ts = x.ts AND NOT x.kept;
		-- hours without any are passed at once
		UPDATE pulse.mark_thinned SET until = least(goal, coalesce((SELECT date_trunc('hour', min(h.ts), 'UTC') FROM pulse.mark_history h
			WHERE h.ts >= slice + interval '1 hour'), goal));
	END IF;
	RETURN CASE WHEN removed = 10000 OR (SELECT t.until < goal FROM pulse.mark_thinned t) THEN at END;
END
$$;
REVOKE ALL ON FUNCTION pulse.thin_marks(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.thin_marks(timestamptz) IS
	'Job: removes told prices that are older than ledger.mark_retention, and of those older than two days all but the lowest, the highest and the last of each minute, an hour of them at a time; returns its argument when more is left.';
CREATE INDEX mark_history_time_idx ON pulse.mark_history USING brin (ts);
INSERT INTO pulse.job (name, command, every) VALUES ('marks', 'pulse.thin_marks', '1 hour');

CREATE FUNCTION pulse.symbol_assets(symbol text, OUT base text, OUT quote text)
	AS 'MODULE_PATHNAME', 'pulse_symbol_assets' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pulse.symbol_assets(text) IS
	'The assets that a symbol such as BTCUSDT, BTC/USDT:USDT or BTC-USD names, in upper case: the one traded and the one that the price is in; the latter is NULL where the symbol does not say.';
-- Positions and closed trades, right at every moment: what no tick has processed yet is booked on the fly.

-- What a snapshot of the state is numbered with.
GRANT SELECT (seq, epoch) ON pulse.sequencer TO PUBLIC;

CREATE FUNCTION pulse.replay_positions(source_id integer, portfolio text, symbols text[], method text, since timestamptz DEFAULT NULL)
	RETURNS TABLE (portfolio text, symbol text, quantity numeric, cost numeric, realized_pnl numeric, fees numeric,
				   opened_at timestamptz, mark_price numeric, mark_at timestamptz)
	AS 'MODULE_PATHNAME', 'pulse_replay_positions' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.replay_positions(integer, text, text[], text, timestamptz) IS
	'Positions computed from the rows of a followed table that the current user sees; portfolio and symbols NULL mean all, method is average, fifo, lifo or hifo. since, with a portfolio and symbols: rows have changed from then on only, so each symbol starts from what is stored of the time before and no earlier row is read.';

CREATE FUNCTION pulse.replay_trades(source_id integer, portfolio text, symbols text[], method text, since timestamptz DEFAULT NULL)
	RETURNS TABLE (portfolio text, symbol text, side text, quantity numeric, entry_value numeric, exit_value numeric,
				   gross_pnl numeric, fees numeric, opened_at timestamptz, closed_at timestamptz, strategy text)
	AS 'MODULE_PATHNAME', 'pulse_replay_trades' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.replay_trades(integer, text, text[], text, timestamptz) IS
	'Closed trades computed from the rows of a followed table that the current user sees: round trips for average, one row for each lot that a fill closed, or a part of it, for fifo, lifo and hifo. since, with a portfolio and symbols, for average: only those closed since then, booked from what is stored of the time before.';

CREATE FUNCTION pulse.replay_fills(source_id integer, portfolio text, symbols text[], method text)
	RETURNS TABLE (portfolio text, symbol text, fill_key text, executed_at timestamptz, realized_pnl numeric,
				   "position" numeric, total_realized_pnl numeric, total_fees numeric)
	AS 'MODULE_PATHNAME', 'pulse_replay_fills' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.replay_fills(integer, text, text[], text) IS
	'What booking each fill of a followed table gives, from the rows that the current user sees.';

CREATE FUNCTION pulse.check_method(method text) RETURNS void
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	IF lower(method) IN ('average', 'fifo', 'lifo', 'hifo') THEN
		RETURN;
	END IF;
	RAISE EXCEPTION 'unknown cost basis method: %', coalesce(quote_literal(method), 'NULL')
		USING ERRCODE = 'invalid_parameter_value', HINT = 'Use average, fifo, lifo or hifo.';
END
$$;
COMMENT ON FUNCTION pulse.check_method(text) IS 'Refuses what is not a cost basis method, with error 22023.';

CREATE FUNCTION pulse.stale_symbols(for_portfolio text)
	RETURNS TABLE (source_id integer, portfolio text, symbol text, since timestamptz)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	mark record;
	query text;
BEGIN
	FOR mark IN
		SELECT d.source_id, q.has_portfolios,
			CASE WHEN q.has_portfolios THEN coalesce(for_portfolio, d.portfolio) END AS portfolio,
			bool_or(d.min_ts IS NULL) AS everything, min(d.min_ts) AS min_ts, max(d.max_ts) AS max_ts
		FROM pulse.dirty d JOIN pulse.source s ON s.source_id = d.source_id
		CROSS JOIN LATERAL pulse.source_relation(s) AS q
		WHERE s.kind = 'trades' AND s.state = 'active'
			AND (for_portfolio IS NULL OR NOT q.has_portfolios OR d.portfolio IS NULL OR d.portfolio = for_portfolio)
		GROUP BY 1, 2, 3
	LOOP
		query := pulse.source_query(mark.source_id, mark.portfolio IS NOT NULL, NOT mark.everything);
		IF query IS NULL THEN
			CONTINUE;
		END IF;
		RETURN QUERY EXECUTE format('SELECT DISTINCT $4, r.portfolio, r.symbol, $5 FROM (%s) r', query)
			USING mark.portfolio, mark.min_ts, mark.max_ts, mark.source_id,
				CASE WHEN mark.everything THEN '-infinity' ELSE mark.min_ts END;
		RETURN QUERY SELECT DISTINCT f.source_id, f.portfolio, f.symbol, CASE WHEN mark.everything THEN '-infinity' ELSE mark.min_ts END
			FROM pulse.fill f
			WHERE f.source_id = mark.source_id AND (mark.portfolio IS NULL OR f.portfolio = mark.portfolio)
				AND (mark.everything OR f.executed_at BETWEEN mark.min_ts AND mark.max_ts);
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.stale_symbols(text) IS
	'Symbols whose stored state is older than the user''s rows, because a tick is still to come, and since when at the earliest; a symbol may come more than once. Without such rows it costs one look at pulse.dirty.';

CREATE FUNCTION pulse.stale_groups(for_portfolio text)
	RETURNS TABLE (source_id integer, portfolio text, symbols text[], since timestamptz)
	LANGUAGE sql STABLE
	AS $$
	SELECT x.source_id, x.portfolio, array_agg(x.symbol), x.since
	FROM (SELECT s.source_id, s.portfolio, s.symbol, min(s.since) AS since FROM pulse.stale_symbols($1) s
		  WHERE $1 IS NULL OR s.portfolio = $1 GROUP BY 1, 2, 3) x
	GROUP BY x.source_id, x.portfolio, x.since
	$$;
COMMENT ON FUNCTION pulse.stale_groups(text) IS
	'What pulse.stale_symbols() finds, each symbol once, grouped by portfolio and by since when its rows have changed.';

CREATE FUNCTION pulse.booked_positions(for_portfolio text, method text)
	RETURNS TABLE (source_id integer, portfolio text, symbol text, quantity numeric, cost numeric, realized_pnl numeric,
				   fees numeric, opened_at timestamptz, mark_price numeric, mark_at timestamptz)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	PERFORM pulse.check_method(method);
	IF lower(method) <> 'average' THEN
		-- from the last time flat on, when all methods agreed; what is flat needs nothing more
		RETURN QUERY
		WITH stale AS MATERIALIZED (SELECT * FROM pulse.stale_groups(for_portfolio)),
		stored AS (
			SELECT p.* FROM pulse.position p JOIN pulse.source s ON s.source_id = p.source_id
			WHERE s.state = 'active' AND (for_portfolio IS NULL OR p.portfolio = for_portfolio)
				AND NOT EXISTS (SELECT FROM stale x WHERE x.source_id = p.source_id AND x.portfolio = p.portfolio AND p.symbol = ANY (x.symbols))
		)
		SELECT p.source_id, p.portfolio, p.symbol, p.quantity, p.cost, p.realized_pnl, p.fees, p.opened_at, p.mark_price, p.mark_at
			FROM stored p WHERE p.quantity = 0
		UNION ALL
		SELECT g.source_id, r.portfolio, r.symbol, r.quantity, r.cost, r.realized_pnl, r.fees, r.opened_at, r.mark_price, r.mark_at
			FROM (SELECT x.* FROM stale x
				  UNION ALL
				  SELECT p.source_id, p.portfolio, array_agg(p.symbol), 'infinity' FROM stored p WHERE p.quantity <> 0 GROUP BY 1, 2) g
			CROSS JOIN LATERAL pulse.replay_positions(g.source_id, g.portfolio, g.symbols, method, g.since) r
			WHERE r.portfolio = g.portfolio;
	ELSIF NOT EXISTS (SELECT FROM pulse.dirty d JOIN pulse.source s ON s.source_id = d.source_id WHERE s.kind = 'trades') THEN
		RETURN QUERY SELECT p.source_id, p.portfolio, p.symbol, p.quantity, p.cost, p.realized_pnl, p.fees,
				p.opened_at, p.mark_price, p.mark_at
			FROM pulse.position p JOIN pulse.source s ON s.source_id = p.source_id
			WHERE s.state = 'active' AND (for_portfolio IS NULL OR p.portfolio = for_portfolio);
	ELSE
		RETURN QUERY
		WITH stale AS MATERIALIZED (SELECT * FROM pulse.stale_groups(for_portfolio))
		SELECT p.source_id, p.portfolio, p.symbol, p.quantity, p.cost, p.realized_pnl, p.fees,
				p.opened_at, p.mark_price, p.mark_at
			FROM pulse.position p JOIN pulse.source s ON s.source_id = p.source_id
			WHERE s.state = 'active' AND (for_portfolio IS NULL OR p.portfolio = for_portfolio)
				AND NOT EXISTS (SELECT FROM stale x WHERE x.source_id = p.source_id AND x.portfolio = p.portfolio AND p.symbol = ANY (x.symbols))
		UNION ALL
		SELECT g.source_id, r.portfolio, r.symbol, r.quantity, r.cost, r.realized_pnl, r.fees, r.opened_at, r.mark_price, r.mark_at
			FROM stale g
			CROSS JOIN LATERAL pulse.replay_positions(g.source_id, g.portfolio, g.symbols, 'average', g.since) r
			WHERE r.portfolio = g.portfolio;
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.booked_positions(text, text) IS
	'Positions of each source, symbol by symbol: stored ones, and where rows have not been processed yet, or for another method than average, computed from the rows since the stored state or the last time flat; marked with the price of the last fill. Portfolio NULL means all.';

CREATE FUNCTION pulse.current_positions(for_portfolio text, method text)
	RETURNS TABLE (source_id integer, portfolio text, symbol text, quantity numeric, cost numeric, realized_pnl numeric,
				   fees numeric, opened_at timestamptz, mark_price numeric, mark_at timestamptz)
	LANGUAGE sql STABLE
	AS $$
	SELECT p.source_id, p.portfolio, p.symbol, p.quantity, p.cost, p.realized_pnl, p.fees, p.opened_at,
		CASE WHEN m.ts >= p.mark_at THEN m.price ELSE p.mark_price END, greatest(m.ts, p.mark_at)
	FROM pulse.booked_positions($1, $2) p LEFT JOIN pulse.mark m ON m.symbol = p.symbol
	$$;
COMMENT ON FUNCTION pulse.current_positions(text, text) IS
	'Positions of each source, symbol by symbol, at the newest known price: that of the last fill, or of pulse_mark(). Portfolio NULL means all.';

CREATE FUNCTION pulse.current_trades(for_portfolio text, method text)
	RETURNS TABLE (source_id integer, portfolio text, symbol text, side text, quantity numeric, entry_price numeric,
				   exit_price numeric, gross_pnl numeric, fees numeric, net_pnl numeric, trade_return double precision,
				   opened_at timestamptz, closed_at timestamptz, strategy text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	PERFORM pulse.check_method(method);
	IF lower(method) <> 'average' THEN
		RETURN QUERY SELECT s.source_id, r.portfolio, r.symbol, r.side, r.quantity, pulse.unit_price(r.entry_value, r.quantity),
				pulse.unit_price(r.exit_value, r.quantity), r.gross_pnl, r.fees, r.gross_pnl - r.fees,
				pulse.trade_return(r.gross_pnl - r.fees, r.entry_value), r.opened_at, r.closed_at, r.strategy
			FROM pulse.source s
			CROSS JOIN LATERAL pulse.replay_trades(s.source_id, for_portfolio, NULL, method) r
			WHERE s.kind = 'trades' AND s.state = 'active' AND (for_portfolio IS NULL OR r.portfolio = for_portfolio);
	ELSIF NOT EXISTS (SELECT FROM pulse.dirty d JOIN pulse.source s ON s.source_id = d.source_id WHERE s.kind = 'trades') THEN
		RETURN QUERY SELECT c.source_id, c.portfolio, c.symbol, c.side, c.quantity, c.entry_price, c.exit_price, c.gross_pnl,
				c.fees, c.net_pnl, c.trade_return, c.opened_at, c.closed_at, c.strategy
			FROM pulse.closed_trade c JOIN pulse.source s ON s.source_id = c.source_id
			WHERE s.state = 'active' AND (for_portfolio IS NULL OR c.portfolio = for_portfolio);
	ELSE
		RETURN QUERY
		WITH stale AS MATERIALIZED (SELECT * FROM pulse.stale_groups(for_portfolio))
		SELECT c.source_id, c.portfolio, c.symbol, c.side, c.quantity, c.entry_price, c.exit_price, c.gross_pnl,
				c.fees, c.net_pnl, c.trade_return, c.opened_at, c.closed_at, c.strategy
			FROM pulse.closed_trade c JOIN pulse.source s ON s.source_id = c.source_id
			WHERE s.state = 'active' AND (for_portfolio IS NULL OR c.portfolio = for_portfolio)
				AND NOT EXISTS (SELECT FROM stale x WHERE x.source_id = c.source_id AND x.portfolio = c.portfolio
					AND c.symbol = ANY (x.symbols) AND c.closed_at >= x.since)
		UNION ALL
		SELECT g.source_id, r.portfolio, r.symbol, r.side, r.quantity, pulse.unit_price(r.entry_value, r.quantity),
				pulse.unit_price(r.exit_value, r.quantity), r.gross_pnl, r.fees, r.gross_pnl - r.fees,
				pulse.trade_return(r.gross_pnl - r.fees, r.entry_value), r.opened_at, r.closed_at, r.strategy
			FROM stale g
			CROSS JOIN LATERAL pulse.replay_trades(g.source_id, g.portfolio, g.symbols, 'average', g.since) r
			WHERE r.portfolio = g.portfolio;
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.current_trades(text, text) IS
	'Closed trades of each source: stored ones, and where rows have not been processed yet, computed from the rows. Portfolio NULL means all.';

CREATE FUNCTION pulse_positions(portfolio text DEFAULT NULL, method text DEFAULT 'average')
	RETURNS TABLE (portfolio text, symbol text, quantity numeric, average_price numeric, mark_price numeric,
				   market_value numeric, unrealized_pnl numeric, realized_pnl numeric, fees numeric, opened_at timestamptz)
	LANGUAGE sql STABLE
	AS $$
	SELECT c.portfolio, c.symbol, c.quantity, abs(pulse.unit_price(c.cost, c.quantity)), c.mark_price,
		trim_scale(c.quantity * c.mark_price), trim_scale(c.quantity * c.mark_price - c.cost), c.realized_pnl, c.fees, c.opened_at
	FROM (
		SELECT p.portfolio, p.symbol, sum(p.quantity) AS quantity, sum(p.cost) AS cost, sum(p.realized_pnl) AS realized_pnl,
			sum(p.fees) AS fees, min(p.opened_at) AS opened_at,
			(array_agg(p.mark_price ORDER BY p.mark_at DESC))[1] AS mark_price
		FROM pulse.current_positions($1, $2) p
		GROUP BY p.portfolio, p.symbol
	) c
	ORDER BY c.portfolio, c.symbol
	$$;
COMMENT ON FUNCTION pulse_positions(text, text) IS
	'One row for each symbol ever traded; a closed one has quantity 0, or what pulse_dust_set() lets count as nothing, and no opened_at. Quantity is signed (short is negative), average_price is the cost basis by method (average, fifo, lifo, hifo), mark_price the newest known price (last fill or pulse_mark()), market_value quantity times mark, unrealized_pnl market_value less cost, realized_pnl before fees, fees in quote currency as paid so far (third assets left out). realized_pnl + unrealized_pnl - fees is the whole result. Exact. Portfolio NULL means all visible ones. Error 22023 for an unknown method.';

CREATE FUNCTION pulse_closed_trades(since timestamptz DEFAULT NULL, method text DEFAULT 'average', portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, symbol text, side text, quantity numeric, entry_price numeric, exit_price numeric,
				   gross_pnl numeric, fees numeric, net_pnl numeric, trade_return double precision,
				   opened_at timestamptz, closed_at timestamptz, holding interval, strategy text)
	LANGUAGE sql STABLE
	AS $$
	SELECT t.portfolio, t.symbol, t.side, t.quantity, t.entry_price, t.exit_price, t.gross_pnl, t.fees, t.net_pnl,
		t.trade_return, t.opened_at, t.closed_at, t.closed_at - t.opened_at, t.strategy
	FROM pulse.current_trades($3, $2) t
	WHERE $1 IS NULL OR t.closed_at >= $1
	ORDER BY t.closed_at, t.opened_at, t.portfolio, t.symbol
	$$;
COMMENT ON FUNCTION pulse_closed_trades(timestamptz, text, text) IS
	'Closed trades since a time, by closing time. Method average: round trips, a position from flat to flat or to the fill that turned it over, with average entry and exit prices; fifo, lifo, hifo: one row for each lot that a fill closed, or a part of it. Side is LONG or SHORT; gross_pnl before and net_pnl after fees in quote currency (entry and exit, pro rata); trade_return is net_pnl over the entry value, a fraction; holding runs from the first fill to the last; strategy is that of the opening fill. Exact. Portfolio NULL means all visible ones. Error 22023 for an unknown method.';
-- Tables that a bot migrates itself: no triggers on them, no views over them, but a look from time to time.

CREATE FUNCTION pulse.newest_row(source_id integer) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'pulse_newest_row' LANGUAGE C STABLE STRICT;
REVOKE ALL ON FUNCTION pulse.newest_row(integer) FROM PUBLIC;
COMMENT ON FUNCTION pulse.newest_row(integer) IS
	'Time of the newest snapshot in a followed table, read as its owner; NULL when there is none.';

CREATE FUNCTION pulse.mark_polled(at_once boolean) RETURNS boolean
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	s pulse.source;
	newest timestamptz;
	marked boolean := false;
	whole boolean;
BEGIN
	FOR s IN SELECT * FROM pulse.source x
			WHERE x.state = 'active' AND x.capture = 'poll'
				AND (at_once OR x.polled_at IS NULL OR x.polled_at <= clock_timestamp() - x.poll_every)
			ORDER BY x.source_id FOR NO KEY UPDATE SKIP LOCKED LOOP
		whole := s.compared_at IS NULL OR s.compared_at < clock_timestamp() - interval '1 hour';
		IF s.kind = 'trades' THEN
			newest := (SELECT max(p.last_executed_at) FROM pulse.position p WHERE p.source_id = s.source_id);
			whole := whole OR newest IS NULL;
			-- rows mutate: what is a day old is looked at every time, everything once an hour
			INSERT INTO pulse.dirty (source_id, min_ts, max_ts, marked_at)
				VALUES (s.source_id, CASE WHEN NOT whole THEN newest - interval '1 day' END,
						CASE WHEN NOT whole THEN 'infinity'::timestamptz END, clock_timestamp());
			marked := true;
		ELSE
			BEGIN
				newest := pulse.newest_row(s.source_id);
			EXCEPTION WHEN OTHERS THEN
				-- the tick reads the table as well, and reports what is wrong with it
				newest := NULL;
				whole := true;
			END;
			IF whole OR newest > s.polled_ts OR s.polled_ts IS NULL AND newest IS NOT NULL THEN
				INSERT INTO pulse.dirty (source_id, min_ts, max_ts, marked_at)
					VALUES (s.source_id, CASE WHEN NOT whole THEN s.polled_ts END, CASE WHEN NOT whole THEN newest END, clock_timestamp());
				marked := true;
			END IF;
		END IF;
		UPDATE pulse.source x SET polled_at = clock_timestamp(), polled_ts = newest,
				compared_at = CASE WHEN whole THEN clock_timestamp() ELSE x.compared_at END
			WHERE x.source_id = s.source_id;
	END LOOP;
	RETURN marked;
END
$$;
REVOKE ALL ON FUNCTION pulse.mark_polled(boolean) FROM PUBLIC;
COMMENT ON FUNCTION pulse.mark_polled(boolean) IS
	'Marks the polled tables that are due, or all of them at once, for the next tick: trades since a day before the newest fill, snapshots when there are newer ones, and once an hour the whole table. Returns whether there were any.';

CREATE FUNCTION pulse.preset_query(preset text, in_schema text, portfolio text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	RETURN CASE preset
		WHEN 'freqtrade trades' THEN format($q$
			SELECT %2$s::text AS portfolio, o.id::int8 AS ordinal, o.id::text AS fill_key,
				coalesce(o.order_filled_date, o.order_update_date, o.order_date) AT TIME ZONE 'UTC' AS executed_at, t.pair::text AS symbol,
				CASE lower(o.ft_order_side) WHEN 'stoploss' THEN CASE WHEN t.is_short THEN 'BUY' ELSE 'SELL' END ELSE upper(o.ft_order_side) END AS side,
				o.filled::numeric - coalesce(o.ft_fee_base, 0)::numeric AS quantity,
				coalesce(o.average, o.price, o.stop_price, o.ft_price)::numeric AS price,
				(o.filled::numeric - coalesce(o.ft_fee_base, 0)::numeric) * coalesce(o.average, o.price, o.stop_price, o.ft_price)::numeric
					* coalesce(CASE WHEN (lower(o.ft_order_side) = 'sell') = coalesce(t.is_short, false) AND lower(o.ft_order_side) <> 'stoploss'
						THEN t.fee_open ELSE t.fee_close END, 0)::numeric AS fee,
				NULL::text AS fee_asset, o.order_id::text AS order_id, NULL::text AS fill_id, t.strategy::text AS strategy,
				NULL::float8 AS confidence, o.order_type::text AS order_type
			FROM %1$I.orders o JOIN %1$I.trades t ON t.id = o.ft_trade_id
			WHERE NOT o.ft_is_open AND o.filled > 0$q$, in_schema, quote_literal(coalesce(portfolio, 'main')))
		WHEN 'hummingbot trades' THEN format($q$
			SELECT %2$s AS portfolio, 0::int8 AS ordinal, concat_ws('/', f.market, f.exchange_trade_id, f.order_id) AS fill_key,
				to_timestamp(f.timestamp / 1000.0) AS executed_at, f.symbol::text AS symbol, upper(concat(f.trade_type)) AS side,
				f.amount / 1000000.0 AS quantity, f.price / 1000000.0 AS price,
				CASE WHEN f.trade_fee_in_quote <> 0 THEN f.trade_fee_in_quote / 1000000.0 WHEN j.known = 0 AND j.assets = 1 THEN j.other ELSE j.known END AS fee,
				CASE WHEN coalesce(f.trade_fee_in_quote, 0) = 0 AND j.known = 0 AND j.assets = 1 THEN j.asset END AS fee_asset,
				f.order_id::text AS order_id, f.exchange_trade_id::text AS fill_id, f.strategy::text AS strategy,
				NULL::float8 AS confidence, concat(f.order_type) AS order_type
			FROM %1$I."TradeFill" f
			CROSS JOIN LATERAL (
				-- a part of the value, and flat fees; one in a third asset alone stays in it
				SELECT coalesce((f.trade_fee ->> 'percent')::numeric * (f.amount / 1000000.0) * (f.price / 1000000.0), 0)
						+ coalesce(sum(CASE x ->> 'token' WHEN f.quote_asset THEN (x ->> 'amount')::numeric WHEN f.base_asset THEN (x ->> 'amount')::numeric * f.price / 1000000.0 END), 0) AS known,
					count(DISTINCT x ->> 'token') FILTER (WHERE x ->> 'token' NOT IN (f.quote_asset, f.base_asset)) AS assets,
					min(x ->> 'token') FILTER (WHERE x ->> 'token' NOT IN (f.quote_asset, f.base_asset)) AS asset,
					sum((x ->> 'amount')::numeric) FILTER (WHERE x ->> 'token' NOT IN (f.quote_asset, f.base_asset)) AS other
				FROM json_array_elements(CASE WHEN json_typeof(f.trade_fee -> 'flat_fees') = 'array' THEN f.trade_fee -> 'flat_fees' ELSE '[]' END) x
			) j$q$, in_schema, coalesce(quote_literal(portfolio) || '::text', 'f.config_file_path::text'))
		WHEN 'crypto-pulse-v3 trades' THEN format($q$
			SELECT %2$s::text AS portfolio, 0::int8 AS ordinal, o.id::text AS fill_key, coalesce(o.executed_at, o.updated_at) AT TIME ZONE 'UTC' AS executed_at,
				o.symbol::text AS symbol, upper(concat(o.side)) AS side, o.filled_quantity::numeric AS quantity, o.average_fill_price::numeric AS price,
				coalesce(o.commission, 0)::numeric AS fee, o.commission_asset::text AS fee_asset, o.exchange_order_id::text AS order_id,
				NULL::text AS fill_id, NULL::text AS strategy, NULL::float8 AS confidence, concat(o.order_type) AS order_type
			FROM %1$I.trades o WHERE o.filled_quantity > 0$q$, in_schema, quote_literal(coalesce(portfolio, 'main')))
		WHEN 'crypto-pulse-v3 snapshots' THEN format($q$
			SELECT %2$s::text AS portfolio, p.timestamp AT TIME ZONE 'UTC' AS ts, p.total_value::numeric AS total_value,
				p.cash_balance::numeric AS cash_balance, p.positions_value::numeric AS positions_value, NULL::numeric AS unrealized_pnl,
				NULL::numeric AS realized_pnl, 0::numeric AS net_flow, NULL::int4 AS position_count
			FROM %1$I.portfolio_snapshots p$q$, in_schema, quote_literal(coalesce(portfolio, 'main')))
	END;
END
$$;
COMMENT ON FUNCTION pulse.preset_query(text, text, text) IS
	'SELECT that reads the tables of a known bot under the logical column names. freqtrade: orders that are filled, with trades; fees are ratios of the value there. hummingbot: "TradeFill", whose amounts and prices are whole millionths and whose fee, where not given in quote currency, is worked out from its JSON. crypto-pulse-v3: orders with a filled quantity, updated in place. NULL for an unknown one.';

CREATE FUNCTION pulse.attach_preset_table(preset text, kind text, in_schema text, table_name text, portfolio text) RETURNS integer
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	relation regclass := to_regclass(format('%I.%I', in_schema, table_name));
	query text := pulse.preset_query(preset || ' ' || kind, in_schema, portfolio);
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'there is no table %', format('%I.%I', in_schema, table_name)
			USING ERRCODE = 'undefined_table', HINT = format('Name the schema that %s keeps its tables in.', preset);
	END IF;
	BEGIN
		EXECUTE format('SELECT FROM (%s) q LIMIT 0', query);
	EXCEPTION WHEN undefined_column OR undefined_table OR undefined_function OR datatype_mismatch OR cannot_coerce THEN
		RAISE EXCEPTION 'the tables in schema "%" are not those of %', in_schema, preset
			USING ERRCODE = 'invalid_table_definition', DETAIL = SQLERRM,
				  HINT = 'Another version of it may have named its columns differently; pulse_attach() follows a table of any shape.';
	END;
	RETURN pulse.register_source(relation, kind, jsonb_build_object('preset', preset || ' ' || kind, 'portfolio', jsonb_build_object('value', portfolio)),
								 'UTC', 'poll', false);
END
$$;
COMMENT ON FUNCTION pulse.attach_preset_table(text, text, text, text, text) IS
	'Follows one table of a known bot by polling; refuses tables of another shape with error 42P16.';

CREATE FUNCTION pulse_attach_preset(preset text, schema text DEFAULT 'public', portfolio text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
BEGIN
	CASE lower(preset)
		WHEN 'freqtrade' THEN
			PERFORM pulse.attach_preset_table('freqtrade', 'trades', schema, 'orders', portfolio);
		WHEN 'hummingbot' THEN
			PERFORM pulse.attach_preset_table('hummingbot', 'trades', schema, 'TradeFill', portfolio);
		WHEN 'crypto-pulse-v3' THEN
			PERFORM pulse.attach_preset_table('crypto-pulse-v3', 'trades', schema, 'trades', portfolio);
			PERFORM pulse.attach_preset_table('crypto-pulse-v3', 'snapshots', schema, 'portfolio_snapshots', portfolio);
		ELSE
			RAISE EXCEPTION 'unknown preset: %', coalesce(quote_literal(preset), 'NULL')
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Use freqtrade, hummingbot or crypto-pulse-v3; pulse_attach() follows a table of any shape.';
	END CASE;
END
$$;
COMMENT ON FUNCTION pulse_attach_preset(text, text, text) IS
	'Follows the tables of a known bot (freqtrade, hummingbot, crypto-pulse-v3) in a schema, without triggers or views on them: they are read every five seconds by name, so that the bot''s own migrations go on undisturbed. Fills take the portfolio given, by default main, for hummingbot the name of its configuration file. The caller must own the tables. Errors: 22023 unknown preset, 42P01 no such table, 42P16 tables of another shape.';
-- Retention of the user's snapshots: off until the owner of the table asks for it. Trades are never removed: positions
-- and P&L are made of all of them.

CREATE TABLE pulse.retention (
	source_id	integer PRIMARY KEY REFERENCES pulse.source ON DELETE CASCADE,
	keep		interval CHECK (keep > '0'),
	thin_after	interval CHECK (thin_after > '0'),
	thin_to		interval NOT NULL DEFAULT '1 minute' CHECK (thin_to BETWEEN '1 second' AND '1 day'),
	thinned_until	timestamptz,
	removed		bigint NOT NULL DEFAULT 0,
	last_error	text
);
COMMENT ON TABLE pulse.retention IS 'how long snapshots of followed tables are kept, and at which resolution; set by pulse_retention_set()';
COMMENT ON COLUMN pulse.retention.thinned_until IS 'up to where snapshots have been thinned out';
COMMENT ON COLUMN pulse.retention.last_error IS 'why the last batch could not be removed, NULL when it could';
REVOKE ALL ON pulse.retention FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('pulse.retention', '');

CREATE FUNCTION pulse.store_retention(relation regclass, keep interval, thin_after interval, thin_to interval) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_store_retention' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION pulse.store_retention(regclass, interval, interval, interval) IS
	'Body of pulse_retention_set(): stores, or with two NULLs removes, the policy of a followed table of snapshots; false when it is none. The caller must own the table; errors: 42501 otherwise.';

CREATE FUNCTION pulse_retention_set(relation regclass, keep interval DEFAULT NULL, thin_after interval DEFAULT NULL,
									thin_to interval DEFAULT '1 minute') RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'name the table of snapshots' USING ERRCODE = 'null_value_not_allowed';
	ELSIF keep < interval '2 days' OR thin_after < interval '2 days' THEN
		RAISE EXCEPTION 'snapshots of the last two days are always kept'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'keep and thin_after must be at least 2 days.';
	ELSIF keep <= thin_after THEN
		RAISE EXCEPTION 'snapshots would be removed before they are thinned out'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'keep must be longer than thin_after.';
	ELSIF thin_after IS NOT NULL AND (thin_to IS NULL OR thin_to < interval '1 second' OR thin_to > interval '1 day') THEN
		RAISE EXCEPTION 'thin_to must be between 1 second and 1 day' USING ERRCODE = 'invalid_parameter_value';
	ELSIF NOT pulse.store_retention(relation, keep, thin_after, coalesce(thin_to, '1 minute')) THEN
		RAISE EXCEPTION '% is not followed as a table of snapshots', relation
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = 'Follow it with pulse_attach() first. Trades cannot be removed: positions and P&L are made of all of them.';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse_retention_set(regclass, interval, interval, interval) IS
	'Lets Pulse remove old snapshots from a followed table of yours: those older than keep, and of those older than thin_after all but the last one of each thin_to (and those with a deposit or withdrawal). NULL means never; both NULL, the default, ends the policy. Before anything is removed the summaries of those days are sealed: metrics keep their values, by whole hours, and later changes before that time no longer count. Removal goes on in the background, as the owner of the table, in small batches that lock nothing but the rows they remove. Errors: 42501 unless the caller owns the table, 22023 for a table of trades and for periods that make no sense.';

CREATE FUNCTION pulse_retention()
	RETURNS TABLE (what text, keep interval, thin_after interval, thin_to interval, thinned_until timestamptz, removed bigint, last_error text)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT r.what, nullif(current_setting(r.setting)::interval, '0'), NULL::interval, NULL::interval, NULL::timestamptz, NULL::bigint, NULL::text
	FROM (VALUES ('pulse.event', 'pulse.event_retention'), ('pulse.health_sample', 'pulse.health_retention'),
				 ('pulse.delivery', 'pulse.delivery_retention')) AS r (what, setting)
	-- loads the library, which knows the settings
	WHERE @extschema@.pulse_version() IS NOT NULL
	UNION ALL
	SELECT format('%I.%I', s.schema_name, s.table_name), r.keep, r.thin_after, CASE WHEN r.thin_after IS NOT NULL THEN r.thin_to END,
		r.thinned_until, r.removed, r.last_error
	FROM pulse.retention r JOIN pulse.source s ON s.source_id = r.source_id
	$$;
REVOKE ALL ON FUNCTION pulse_retention() FROM PUBLIC;
COMMENT ON FUNCTION pulse_retention() IS
	'How long what is kept: events, health samples and finished deliveries by the settings pulse.*_retention, snapshots of followed tables by pulse_retention_set(), with how far thinning has come, how many rows have been removed, and the last error. NULL: for ever.';

CREATE FUNCTION pulse.retention_work(at timestamptz,
	OUT source_id integer, OUT owner oid, OUT cutoff timestamptz, OUT thin_from timestamptz, OUT thin_until timestamptz,
	OUT thin_to interval, OUT first_query text, OUT thin_query text, OUT keep_query text)
	RETURNS SETOF record
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	item record;
	sealed timestamptz;
	table_name text;
	ts text;					-- its column
	converted text;				-- a timestamptz %s as a value of that column
	instant text;				-- the column as a timestamptz
	portfolio text;
	flow text;
	each text;					-- joins every portfolio
	mine text;
BEGIN
	FOR item IN
		SELECT r.*, s.schema_name, s.table_name, s.timezone, s.columns, c.oid AS relation, c.relowner
		FROM pulse.retention r JOIN pulse.source s ON s.source_id = r.source_id
			JOIN pg_class c ON c.oid = to_regclass(format('%I.%I', s.schema_name, s.table_name))
		WHERE s.state = 'active' AND s.kind = 'snapshots' ORDER BY r.source_id
	LOOP
		sealed := pulse.archive_buckets(item.source_id, at - least(item.keep, item.thin_after));
		CONTINUE WHEN sealed IS NULL;

		table_name := format('%I.%I', item.schema_name, item.table_name);
		ts := coalesce(item.columns ->> 'ts', 'ts');
		converted := CASE pulse.column_type(item.relation, ts)
			WHEN 'timestamptz'::regtype THEN '%s' WHEN 'timestamp'::regtype THEN format('(%%s AT TIME ZONE %L)', item.timezone) END;
		instant := CASE pulse.column_type(item.relation, ts)
			WHEN 'timestamptz'::regtype THEN format('r.%I', ts) WHEN 'timestamp'::regtype THEN format('(r.%I AT TIME ZONE %L)', ts, item.timezone) END;
		-- a column that holds no more than days, or that is gone
		CONTINUE WHEN converted IS NULL;
		portfolio := CASE WHEN jsonb_typeof(coalesce(item.columns -> 'portfolio', '""')) = 'string' THEN coalesce(item.columns ->> 'portfolio', 'portfolio') END;
		IF pulse.column_type(item.relation, portfolio) IS NULL THEN
			portfolio := NULL;
		END IF;
		flow := CASE WHEN jsonb_typeof(coalesce(item.columns -> 'net_flow', '""')) = 'string' THEN coalesce(item.columns ->> 'net_flow', 'net_flow') END;
		IF pulse.column_type(item.relation, flow) IS NULL THEN
			flow := NULL;
		END IF;
		-- from each portfolio to the next one, and within it from its oldest row: all through the index on both
		each := CASE WHEN portfolio IS NULL THEN 'FROM (SELECT) f' ELSE format('FROM (WITH RECURSIVE f AS ('
			'(SELECT r.%1$I AS p FROM %2$s r ORDER BY r.%1$I LIMIT 1) UNION ALL '
			'SELECT (SELECT r.%1$I FROM %2$s r WHERE r.%1$I > f.p ORDER BY r.%1$I LIMIT 1) FROM f WHERE f.p IS NOT NULL) '
			'SELECT f.p FROM f WHERE f.p IS NOT NULL) f', portfolio, table_name) END;
		mine := CASE WHEN portfolio IS NULL THEN '' ELSE format('r.%I = f.p AND ', portfolio) END;

		source_id := item.source_id;
		owner := item.relowner;
		cutoff := least(at - item.keep, sealed);
		thin_to := item.thin_to;
		thin_from := coalesce(item.thinned_until, '-infinity');
		thin_until := CASE WHEN item.thin_after IS NOT NULL THEN least(date_bin(item.thin_to, at - item.thin_after, '2000-01-01 00:00+00'), sealed) END;
		keep_query := CASE WHEN item.keep IS NOT NULL THEN format(
			'DELETE FROM %1$s d USING (SELECT x.t, x.c %2$s CROSS JOIN LATERAL (SELECT r.tableoid AS t, r.ctid AS c FROM %1$s r '
			'WHERE %3$sr.%4$I < %5$s ORDER BY r.%4$I LIMIT $2) x LIMIT $2) o WHERE d.ctid = o.c AND d.tableoid = o.t',
			table_name, each, mine, ts, format(converted, '$1')) END;
		first_query := format('SELECT min(x.ts) %2$s CROSS JOIN LATERAL (SELECT %6$s AS ts FROM %1$s r WHERE %3$sr.%4$I >= %5$s ORDER BY r.%4$I LIMIT 1) x',
			table_name, each, mine, ts, format(converted, '$1'), instant);
		thin_query := format(
			'DELETE FROM %1$s d USING (SELECT x.t, x.c %2$s CROSS JOIN LATERAL ('
			'SELECT r.tableoid AS t, r.ctid AS c, %7$s AS spare, pg_catalog.date_bin($4, %6$s, ''2000-01-01 00:00+00'')'
			' = pg_catalog.date_bin($4, lead(%6$s) OVER (ORDER BY r.%4$I), ''2000-01-01 00:00+00'') AS again'
			' FROM %1$s r WHERE %3$sr.%4$I >= %5$s AND r.%4$I < %8$s) x WHERE x.spare AND x.again LIMIT $3) o WHERE d.ctid = o.c AND d.tableoid = o.t',
			table_name, each, mine, ts, format(converted, '$1'), instant,
			CASE WHEN flow IS NULL THEN 'true' ELSE format('coalesce(r.%I = 0, true)', flow) END, format(converted, '$2'));
		RETURN NEXT;
	END LOOP;
END
$$;
REVOKE ALL ON FUNCTION pulse.retention_work(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.retention_work(timestamptz) IS
	'What the policies of pulse.retention ask for at a time, once the summaries of the days in question are sealed: statements to be run as the owner of each table. keep_query removes rows before $1, at most $2; first_query finds the first row from $1 on; thin_query thins out rows from $1 up to $2, at most $3, to one in each $4.';

CREATE FUNCTION pulse.thin_snapshots(at timestamptz) RETURNS timestamptz
	AS 'MODULE_PATHNAME', 'pulse_thin_snapshots' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION pulse.thin_snapshots(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.thin_snapshots(timestamptz) IS
	'Job: removes one batch of snapshots for each policy of pulse.retention; returns its argument when more is left, to run again at once. What fails is stored with its policy and does not keep the others.';

INSERT INTO pulse.job (name, command, every) VALUES ('snapshot retention', 'pulse.thin_snapshots', '1 hour');
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES
	('reader', 'table', 'retention', 'SELECT'), ('reader', 'function', 'pulse_retention', 'EXECUTE');
-- Past trades from the exports (CSV) of exchanges. What a row means is decided in one place, extension/core/import_*.c; the
-- worker's command "import" is made of the same code and calls the functions below for everything behind it.

CREATE FUNCTION pulse.parse_export(content text, format text, timezone text)
	RETURNS TABLE (format text, line bigint, outcome text, detail text, prefix text, executed_at text, symbol text, side text,
				   quantity text, price text, value text, fee text, fee_asset text, base_fee text, order_id text, order_type text, id text)
	AS 'MODULE_PATHNAME', 'pulse_parse_export' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.parse_export(text, text, text) IS
	'The rows of an exchange''s export, each with what it became: a fill, one that was skipped (detail: what it is) or rejected (detail: why). format auto (or NULL) lets the header tell; timezone is that of times that do not state theirs, UTC for NULL. Error 22023 for an unknown format, 22P04 for a text that is no such export.';

CREATE FUNCTION pulse.import_table() RETURNS regclass
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	fitting regclass[];
	another text;
BEGIN
	SELECT array_agg(to_regclass(format('%I.%I', s.schema_name, s.table_name)) ORDER BY s.source_id) FILTER (WHERE s.columns = '{}'),
			min(format('%I.%I', s.schema_name, s.table_name)) FILTER (WHERE s.columns <> '{}')
		INTO fitting, another
		FROM pulse.source s WHERE s.kind = 'trades' AND s.state = 'active' AND to_regclass(format('%I.%I', s.schema_name, s.table_name)) IS NOT NULL;
	IF cardinality(fitting) = 1 THEN
		RETURN fitting[1];
	ELSIF cardinality(fitting) > 1 THEN
		RAISE EXCEPTION 'several tables are followed as trades; choose one with --table, or relation => in SQL'
			USING ERRCODE = 'ambiguous_parameter', DETAIL = format('They are: %s.', array_to_string(fitting, ', '));
	ELSIF another IS NOT NULL THEN
		RAISE EXCEPTION '% has column names of its own; SELECT pulse_setup(schema => ''trading'') makes a table to import into', another
			USING ERRCODE = 'invalid_table_definition';
	END IF;
	RAISE EXCEPTION 'no table is followed as trades: SELECT pulse_setup(), or name one with --table, relation => in SQL'
		USING ERRCODE = 'undefined_table';
END
$$;
COMMENT ON FUNCTION pulse.import_table() IS
	'The one followed table of trades that has the columns of pulse_setup(); an error that says what to do where there is none, or several.';

CREATE FUNCTION pulse.import_check_table(relation regclass) RETURNS void
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	missing text;
BEGIN
	SELECT string_agg(w.name, ', ' ORDER BY w.place) INTO missing
		FROM unnest(ARRAY['portfolio', 'symbol', 'side', 'quantity', 'price', 'fee', 'fee_asset', 'executed_at', 'order_id', 'fill_id', 'order_type'])
			WITH ORDINALITY AS w (name, place)
		WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = relation AND a.attname = w.name AND a.attnum > 0 AND NOT a.attisdropped);
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'lacks columns of the table that pulse_setup() makes: %', missing USING ERRCODE = 'invalid_table_definition';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = relation AND i.indisunique AND i.indisvalid
			AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 2
			AND (SELECT count(*) FROM pg_catalog.pg_attribute a WHERE a.attrelid = relation
				AND a.attname IN ('portfolio', 'fill_id') AND a.attnum IN (i.indkey[0], i.indkey[1])) = 2) THEN
		RAISE EXCEPTION 'has no unique key (portfolio, fill_id), so importing twice would book twice' USING ERRCODE = 'invalid_table_definition';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.import_check_table(regclass) IS
	'Refuses, with error 42P16, a table that lacks a column that an import fills, or the key that makes a second import harmless.';

CREATE FUNCTION pulse.import_begin() RETURNS void
	LANGUAGE plpgsql VOLATILE SET client_min_messages = warning
	AS $$
BEGIN
	DROP TABLE IF EXISTS pg_temp.pulse_import_row, pg_temp.pulse_import_fill;
	CREATE TEMPORARY TABLE pulse_import_row (file integer NOT NULL, line bigint NOT NULL, prefix text NOT NULL,
		executed_at timestamptz NOT NULL, symbol text NOT NULL, side text NOT NULL, quantity numeric NOT NULL,
		price numeric, value numeric, fee numeric, fee_asset text, base_fee numeric, order_id text, order_type text, id text) ON COMMIT DROP;
END
$$;
COMMENT ON FUNCTION pulse.import_begin() IS 'Makes the temporary table pulse_import_row, which takes the rows of an import.';

CREATE FUNCTION pulse.import_stage(relation regclass, portfolio text)
	RETURNS TABLE (fills bigint, repeated bigint, existing bigint, fresh bigint, alike bigint, "similar" bigint, symbols bigint, first_at text, last_at text)
	LANGUAGE plpgsql VOLATILE SET client_min_messages = warning
	AS $$
#variable_conflict use_column
BEGIN
	ANALYZE pg_temp.pulse_import_row;
	-- The price is the value over the quantity where there is no price, or where it was rounded so far that the value is more
	-- than half a cent away; 28 decimals, so that the value comes out again. The key of a row without an id is a digest of
	-- what it says, in plain numbers, so that other quoting or another export format of the exchange gives the same; equal
	-- rows of a file are numbered.
	EXECUTE format($q$
		CREATE TEMPORARY TABLE pulse_import_fill ON COMMIT DROP AS
		WITH priced AS (
			SELECT r.file, r.line, r.prefix, r.executed_at, r.symbol, r.side, r.quantity, r.fee, r.fee_asset, r.base_fee, r.order_id, r.order_type, r.id,
				CASE WHEN r.value IS NULL OR (r.price > 0 AND abs(r.price * r.quantity - r.value) <= 0.005) THEN r.price
					ELSE trim_scale(round(r.value, 28) / r.quantity) END AS price
			FROM pg_temp.pulse_import_row r
		), charged AS (
			SELECT p.*, coalesce(p.fee, 0) + coalesce(p.base_fee * p.price, 0) AS charge FROM priced p
		), keyed AS (
			SELECT c.*, coalesce(c.id, c.prefix || ':' || left(encode(sha256(convert_to(concat_ws('|',
				extract(epoch FROM c.executed_at), c.symbol, c.side, trim_scale(c.quantity), trim_scale(c.price), trim_scale(c.charge),
				CASE WHEN c.charge <> 0 THEN c.fee_asset END), 'UTF8')), 'hex'), 32)) AS key
			FROM charged c
		), counted AS (
			SELECT k.*, row_number() OVER (PARTITION BY k.file, k.key ORDER BY k.line) AS occurrence FROM keyed k
		), named AS (
			SELECT c.*, CASE WHEN c.id IS NULL THEN c.key || ':' || c.occurrence ELSE c.id END AS fill_id FROM counted c
		)
		SELECT n.*, row_number() OVER (PARTITION BY n.fill_id ORDER BY n.file, n.line) AS copy,
			EXISTS (SELECT FROM %s t WHERE t.portfolio = %L AND t.fill_id = n.fill_id) AS existing
		FROM named n$q$, relation, portfolio);
	ANALYZE pg_temp.pulse_import_fill;
	SELECT count(*), count(*) FILTER (WHERE f.copy > 1), count(*) FILTER (WHERE f.copy = 1 AND f.existing),
			count(*) FILTER (WHERE f.copy = 1 AND NOT f.existing), count(*) FILTER (WHERE f.copy = 1 AND f.id IS NULL AND f.occurrence > 1),
			count(DISTINCT f.symbol), to_char(min(f.executed_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
			to_char(max(f.executed_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
		INTO fills, repeated, existing, fresh, alike, symbols, first_at, last_at FROM pg_temp.pulse_import_fill f;
	EXECUTE format($q$
		SELECT count(*) FROM pg_temp.pulse_import_fill f WHERE f.copy = 1 AND NOT f.existing AND EXISTS (SELECT FROM %s t
			WHERE t.portfolio = %L AND t.executed_at = f.executed_at AND t.symbol = f.symbol AND upper(t.side) = f.side
				AND t.quantity = f.quantity AND t.price = f.price
				AND NOT EXISTS (SELECT FROM pg_temp.pulse_import_fill g WHERE g.fill_id = t.fill_id))$q$, relation, portfolio) INTO "similar";
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION pulse.import_stage(regclass, text) IS
	'Turns what pulse_import_row holds into fills with their keys and counts them against a table: all, repeated in the files, existing in the table, fresh, alike (equal rows without an id of the exchange, taken as fills of their own), similar (fresh, but like one that the table has under another fill_id), symbols, first and last time.';

CREATE FUNCTION pulse.import_symbols() RETURNS TABLE (symbol text, fills bigint)
	LANGUAGE plpgsql VOLATILE
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT f.symbol, count(*) FROM pg_temp.pulse_import_fill f WHERE f.copy = 1 GROUP BY f.symbol ORDER BY count(*) DESC, f.symbol LIMIT 20;
END
$$;
COMMENT ON FUNCTION pulse.import_symbols() IS 'The twenty symbols with most fills in the import that has been staged.';

CREATE FUNCTION pulse.import_insert(relation regclass, portfolio text) RETURNS bigint
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	inserted bigint;
BEGIN
	-- Ids break ties of time, and many exports have the newest row first: those are turned around.
	EXECUTE format($q$
		WITH direction AS (
			SELECT file, (array_agg(executed_at ORDER BY line))[1] > (array_agg(executed_at ORDER BY line DESC))[1] AS newest_first
			FROM pg_temp.pulse_import_fill GROUP BY file
		)
		INSERT INTO %s (portfolio, symbol, side, quantity, price, fee, fee_asset, executed_at, order_id, fill_id, order_type)
		SELECT %L, f.symbol, f.side, f.quantity, f.price, f.charge, f.fee_asset, f.executed_at, f.order_id, f.fill_id, f.order_type
		FROM pg_temp.pulse_import_fill f JOIN direction d USING (file) WHERE f.copy = 1 AND NOT f.existing
		ORDER BY f.executed_at, f.file, CASE WHEN d.newest_first THEN -f.line ELSE f.line END
		ON CONFLICT (portfolio, fill_id) DO NOTHING$q$, relation, portfolio);
	GET DIAGNOSTICS inserted = ROW_COUNT;
	RETURN inserted;
END
$$;
COMMENT ON FUNCTION pulse.import_insert(regclass, text) IS
	'Inserts what is fresh in the import that has been staged, oldest first, and returns how many fills that were.';

CREATE FUNCTION pulse_import_csv(content text, portfolio text DEFAULT 'main', relation regclass DEFAULT NULL, format text DEFAULT 'auto',
		timezone text DEFAULT NULL, dry_run boolean DEFAULT false, strict boolean DEFAULT false)
	RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET client_min_messages = warning SET "DateStyle" = 'ISO, YMD'
	AS $$
#variable_conflict use_column
DECLARE
	target regclass := coalesce(relation, pulse.import_table());
	report jsonb;
	rejected bigint;
	inserted bigint := 0;
BEGIN
	IF content IS NULL OR coalesce(pulse_import_csv.portfolio, '') = '' THEN
		RAISE EXCEPTION 'content and portfolio must not be null or empty' USING ERRCODE = 'null_value_not_allowed';
	ELSIF timezone IS NOT NULL THEN
		PERFORM pulse.check_zone(timezone);
	END IF;
	PERFORM pulse.import_check_table(target), pulse.import_begin();
	CREATE TEMPORARY TABLE pulse_import_outcome ON COMMIT DROP AS SELECT * FROM pulse.parse_export(content, pulse_import_csv.format, timezone);
	INSERT INTO pg_temp.pulse_import_row
		SELECT 1, o.line, o.prefix, o.executed_at::timestamptz, o.symbol, o.side, o.quantity::numeric, o.price::numeric, o.value::numeric, o.fee::numeric,
			o.fee_asset, o.base_fee::numeric, o.order_id, o.order_type, o.id
		FROM pg_temp.pulse_import_outcome o WHERE o.outcome = 'fill';
	SELECT count(*) FILTER (WHERE o.outcome = 'reject'), jsonb_build_object('format', min(o.format), 'rows', count(*),
			'skipped', (SELECT coalesce(jsonb_object_agg(s.detail, s.n), '{}') FROM (
				SELECT k.detail, count(*) AS n FROM pg_temp.pulse_import_outcome k WHERE k.outcome = 'skip' GROUP BY 1) s),
			'rejected', count(*) FILTER (WHERE o.outcome = 'reject'),
			'rejects', (SELECT coalesce(jsonb_agg(jsonb_build_object('line', r.line, 'reason', r.detail) ORDER BY r.line), '[]') FROM (
				SELECT k.line, k.detail FROM pg_temp.pulse_import_outcome k WHERE k.outcome = 'reject' ORDER BY k.line LIMIT 1000) r))
		INTO rejected, report FROM pg_temp.pulse_import_outcome o;
	SELECT report || jsonb_build_object('fills', s.fills, 'first', s.first_at, 'last', s.last_at, 'repeated', s.repeated, 'existing', s.existing,
			'alike', s.alike, 'similar', s."similar", 'fresh', s.fresh,
			'symbols', (SELECT coalesce(jsonb_object_agg(y.symbol, y.fills), '{}') FROM pulse.import_symbols() y))
		INTO report FROM pulse.import_stage(target, pulse_import_csv.portfolio) s;
	IF NOT dry_run AND NOT (strict AND rejected > 0) THEN
		inserted := pulse.import_insert(target, pulse_import_csv.portfolio);
	END IF;
	DROP TABLE pg_temp.pulse_import_row, pg_temp.pulse_import_fill, pg_temp.pulse_import_outcome;
	RETURN report || jsonb_build_object('imported', inserted, 'dry_run', dry_run, 'table', target::text, 'portfolio', pulse_import_csv.portfolio);
END
$$;
COMMENT ON FUNCTION pulse_import_csv(text, text, regclass, text, text, boolean, boolean) IS
	'Imports past trades from the text of an exchange''s CSV export: Binance (both layouts), Coinbase, Coinbase Pro, Kraken (trades or ledgers); the header tells which, or format: binance, binance-old, coinbase, coinbase-pro, kraken, kraken-ledgers. In psql: \set csv `cat trades.csv`, then SELECT pulse_import_csv(:''csv''); who may read files of the server passes pg_read_file(). Goes into the followed table that pulse_setup() made, or another one with its columns and a unique key (portfolio, fill_id). Returns what happened: format, rows, fills, first and last time, symbols, repeated in the text, existing in the table, fresh, imported, similar to fills that the table has under other ids, skipped rows by what they are, rejected ones with line and reason (at most 1000). A fill_id is made of the exchange''s own trade id or of a digest of the row, so the same or an overlapping export again imports nothing twice. dry_run changes nothing, strict imports nothing when a line is rejected; timezone is that of times that do not state theirs, UTC by default. Numbers keep every digit. The same as pulse-worker import, which also takes files that are too large for a text. Errors: 22P04 no such export, 22023 unknown format or zone, 42P16 a table that does not fit.';
-- Which portfolios there are, their equity curves, and the curve of several together.

CREATE FUNCTION pulse.json_money(value numeric) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN value > '-Infinity' AND value < 'Infinity' THEN trim_scale(value)::text END;
COMMENT ON FUNCTION pulse.json_money(numeric) IS
	'Money or a quantity as JSON has it in Pulse: an exact decimal string; null when unknown or not finite.';

CREATE FUNCTION pulse.json_number(value double precision) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'pulse_json_number' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.json_number(double precision) IS
	'A statistic as JSON has it in Pulse: a number; null when undefined or not finite.';

CREATE FUNCTION pulse.portfolios_of(kind text)
	RETURNS TABLE (source_id integer, portfolio text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	source record;
	query text;
BEGIN
	FOR source IN SELECT s.source_id FROM pulse.source s WHERE s.kind = portfolios_of.kind AND s.state = 'active' ORDER BY s.source_id LOOP
		query := pulse.source_query(source.source_id, false, false);
		IF query IS NOT NULL THEN
			-- from each portfolio to the next one through the index, however many rows each has
			RETURN QUERY EXECUTE format($q$
				WITH RECURSIVE found AS (
					(SELECT r.portfolio FROM (%1$s) r ORDER BY r.portfolio LIMIT 1)
					UNION ALL
					SELECT (SELECT r.portfolio FROM (%1$s) r WHERE r.portfolio > found.portfolio ORDER BY r.portfolio LIMIT 1)
					FROM found WHERE found.portfolio IS NOT NULL
				)
				SELECT $1, found.portfolio FROM found WHERE found.portfolio IS NOT NULL$q$, query) USING source.source_id;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.portfolios_of(text) IS
	'Portfolios in the followed tables of a kind (snapshots or trades) that the current user sees.';

CREATE FUNCTION pulse_portfolios() RETURNS TABLE (portfolio text)
	LANGUAGE sql STABLE
	AS $$
	SELECT p.portfolio FROM pulse.portfolios_of('snapshots') p
	UNION
	SELECT p.portfolio FROM pulse.portfolios_of('trades') p
	ORDER BY 1
	$$;
COMMENT ON FUNCTION pulse_portfolios() IS
	'Names of the portfolios that have a snapshot or a trade, as far as the current user may see them.';

CREATE FUNCTION pulse.equity_query(for_portfolio text, since timestamptz, until timestamptz)
	RETURNS text
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	only_one text := CASE WHEN for_portfolio IS NULL THEN (SELECT min(p.portfolio) FROM pulse.portfolios_of('snapshots') p HAVING count(*) = 1) END;
	-- SQL for the portfolio: the parameter, or the only one there is; NULL: several
	wanted text := CASE WHEN for_portfolio IS NOT NULL THEN '$1' WHEN only_one IS NOT NULL THEN quote_literal(only_one) END;
	bounded boolean := since IS NOT NULL OR until IS NOT NULL;
	source record;
	sources integer := 0;
	parts text[] := '{}';
	rows text;
BEGIN
	FOR source IN SELECT s.source_id FROM pulse.source s WHERE s.kind = 'snapshots' AND s.state = 'active' ORDER BY s.source_id LOOP
		rows := pulse.build_source_query(source.source_id, wanted, CASE WHEN bounded THEN 'coalesce($2, ''-infinity'')' END,
										 CASE WHEN bounded THEN 'coalesce($3, ''infinity'')' END);
		IF rows IS NULL THEN
			CONTINUE;
		END IF;
		sources := sources + 1;
		parts := parts || format('SELECT %L || r.portfolio AS series, r.ts, r.total_value AS value, r.net_flow AS flow FROM (%s) r WHERE r.total_value IS NOT NULL%s%s',
			source.source_id || '/', rows, coalesce(' AND r.portfolio = ' || wanted, ''), CASE WHEN since IS NOT NULL THEN ' AND r.ts > $2' ELSE '' END);
		IF since IS NOT NULL THEN
			-- what a period starts from is the last snapshot before it
			parts := parts || format('SELECT %1$L || n.portfolio, $2, b.value, b.flow FROM %2$s CROSS JOIN LATERAL '
				'(SELECT r.total_value AS value, r.net_flow AS flow FROM (%3$s) r WHERE r.portfolio = n.portfolio AND r.total_value IS NOT NULL ORDER BY r.ts DESC LIMIT 1) b%4$s',
				source.source_id || '/',
				CASE WHEN wanted IS NULL THEN 'pulse.portfolios_of(''snapshots'') n' ELSE format('(SELECT %s::text AS portfolio) n', wanted) END,
				pulse.build_source_query(source.source_id, 'n.portfolio', '''-infinity''', '$2'),
				CASE WHEN wanted IS NULL THEN format(' WHERE n.source_id = %s', source.source_id) ELSE '' END);
		END IF;
	END LOOP;
	IF sources = 0 THEN
		RETURN 'SELECT NULL::timestamptz AS ts, NULL::numeric AS value, NULL::numeric AS flow WHERE false';
	ELSIF sources = 1 AND wanted IS NOT NULL THEN
		RETURN format('SELECT p.ts, p.value, p.flow FROM (%s) p', array_to_string(parts, ' UNION ALL '));
	END IF;
	-- At every snapshot the newest value of each portfolio; one that joins brings its value as a deposit.
	RETURN format($q$
		SELECT c.ts, sum(c.step) OVER (ORDER BY c.ts) AS value, c.flow
		FROM (
			SELECT s.ts, sum(s.step) AS step, sum(s.flow) AS flow
			FROM (
				SELECT p.ts, p.value - coalesce(lag(p.value) OVER w, 0) AS step,
					CASE WHEN row_number() OVER w = 1 THEN p.value ELSE coalesce(p.flow, 0) END AS flow
				FROM (%s) p WINDOW w AS (PARTITION BY p.series ORDER BY p.ts)
			) s
			GROUP BY s.ts
		) c$q$, array_to_string(parts, ' UNION ALL '));
END
$$;
COMMENT ON FUNCTION pulse.equity_query(text, timestamptz, timestamptz) IS
	'SELECT, to be run with $1 portfolio, $2 since and $3 until, that yields ts, value and flow of a portfolio, or of all visible ones together (portfolio NULL), from the last snapshot up to since, which stands at since, to until. Returns of the sum are the means of the portfolios'' returns weighted with their values at the beginning of each step.';

CREATE FUNCTION pulse.newest_snapshot(source_id integer, portfolio text, OUT found_portfolio text, OUT ts timestamptz, OUT total_value numeric,
		OUT cash_balance numeric, OUT positions_value numeric, OUT unrealized_pnl numeric, OUT realized_pnl numeric, OUT net_flow numeric,
		OUT position_count integer)
	AS 'MODULE_PATHNAME', 'pulse_newest_snapshot' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION pulse.newest_snapshot(integer, text) IS
	'The newest snapshot of a portfolio in a source, read with the rights of the current user; NULL when there is none.';

CREATE FUNCTION pulse.latest_snapshots(for_portfolio text)
	RETURNS TABLE (source_id integer, portfolio text, ts timestamptz, total_value numeric, cash_balance numeric,
				   positions_value numeric, unrealized_pnl numeric, realized_pnl numeric, net_flow numeric, position_count integer)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	source record;
	query text;
	list CONSTANT text := 'r.portfolio, r.ts, r.total_value, r.cash_balance, r.positions_value, r.unrealized_pnl, r.realized_pnl, r.net_flow, r.position_count';
BEGIN
	IF for_portfolio IS NOT NULL THEN
		RETURN QUERY SELECT s.source_id, n.* FROM pulse.source s CROSS JOIN LATERAL pulse.newest_snapshot(s.source_id, for_portfolio) n
			WHERE s.kind = 'snapshots' AND s.state = 'active' AND n.ts IS NOT NULL ORDER BY s.source_id;
		RETURN;
	END IF;
	FOR source IN SELECT s.source_id FROM pulse.source s WHERE s.kind = 'snapshots' AND s.state = 'active' ORDER BY s.source_id LOOP
		query := pulse.build_source_query(source.source_id, 'n.portfolio', NULL, NULL);
		IF query IS NOT NULL THEN
			RETURN QUERY EXECUTE format('SELECT $1, b.* FROM pulse.portfolios_of(''snapshots'') n CROSS JOIN LATERAL '
				'(SELECT %s FROM (%s) r WHERE r.portfolio = n.portfolio AND r.ts IS NOT NULL ORDER BY r.ts DESC LIMIT 1) b WHERE n.source_id = $1', list, query)
				USING source.source_id;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.latest_snapshots(text) IS
	'The newest snapshot of a portfolio, or of each visible one (NULL).';
-- Who may read summaries, and whether they are right.

-- What a user may read of a followed table he may read of what was computed from it, as with the ledger's tables.
ALTER TABLE pulse.metric_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON pulse.metric_state FOR SELECT USING (pulse.readable(source_id, portfolio));
ALTER TABLE pulse.metric_dirty ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON pulse.metric_dirty FOR SELECT USING (pulse.readable(source_id, portfolio));
ALTER TABLE pulse.trade_state ENABLE ROW LEVEL SECURITY;
CREATE POLICY readable ON pulse.trade_state FOR SELECT USING (pulse.readable(source_id, portfolio));
GRANT SELECT ON pulse.metric_state, pulse.metric_dirty, pulse.trade_state TO PUBLIC;

CREATE FUNCTION pulse.trade_sums(for_portfolio text, since timestamptz, until timestamptz,
		OUT trades bigint, OUT wins bigint, OUT losses bigint, OUT won numeric, OUT lost numeric, OUT gross_pnl numeric, OUT fees numeric,
		OUT best numeric, OUT worst numeric, OUT first_opened timestamptz, OUT last_closed timestamptz, OUT holding interval)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	whole CONSTANT boolean := trade_sums.since IS NULL AND trade_sums.until IS NULL;
	first_time CONSTANT timestamptz := coalesce(trade_sums.since, '-infinity');
	last_time CONSTANT timestamptz := coalesce(trade_sums.until, 'infinity');
	-- the days that lie in the period as a whole
	days_from timestamptz := CASE WHEN isfinite(first_time) THEN date_trunc('day', first_time + interval '24 hours' - interval '1 microsecond', 'UTC') ELSE first_time END;
	days_to timestamptz := CASE WHEN isfinite(last_time) THEN date_trunc('day', last_time + interval '1 microsecond', 'UTC') ELSE last_time END;
	dirty CONSTANT boolean := EXISTS (SELECT FROM pulse.dirty d JOIN pulse.source s ON s.source_id = d.source_id WHERE s.kind = 'trades');
BEGIN
	IF whole AND NOT dirty AND for_portfolio IS NOT NULL THEN
		-- what is asked for with every change: a statement that need not be planned again
		SELECT coalesce(sum(t.trades), 0), coalesce(sum(t.wins), 0), coalesce(sum(t.losses), 0), sum(t.won), sum(t.lost), sum(t.gross_pnl),
				sum(t.fees), max(t.best), min(t.worst), min(t.first_opened), max(t.last_closed), sum(t.holding)
			INTO trades, wins, losses, won, lost, gross_pnl, fees, best, worst, first_opened, last_closed, holding
			FROM pulse.source s JOIN pulse.trade_state t ON t.source_id = s.source_id AND t.portfolio = for_portfolio AND t.day = '-infinity'
			WHERE s.kind = 'trades' AND s.state = 'active';
		RETURN;
	END IF;
	IF dirty AND EXISTS (
			SELECT FROM pulse.stale_groups(for_portfolio) x CROSS JOIN unnest(x.symbols) AS y (symbol)
			JOIN pulse.closed_trade c ON c.source_id = x.source_id AND c.portfolio = x.portfolio AND c.symbol = y.symbol AND c.closed_at >= x.since) THEN
		-- stored ones are no longer right: read them all
		SELECT count(*), count(*) FILTER (WHERE t.net_pnl > 0), count(*) FILTER (WHERE t.net_pnl < 0),
				coalesce(sum(t.net_pnl) FILTER (WHERE t.net_pnl > 0), 0), coalesce(-sum(t.net_pnl) FILTER (WHERE t.net_pnl < 0), 0),
				sum(t.gross_pnl), sum(t.fees), max(t.net_pnl), min(t.net_pnl), min(t.opened_at), max(t.closed_at), sum(t.closed_at - t.opened_at)
			INTO trades, wins, losses, won, lost, gross_pnl, fees, best, worst, first_opened, last_closed, holding
			FROM pulse.current_trades(for_portfolio, 'average') t
			WHERE t.closed_at BETWEEN first_time AND last_time;
		RETURN;
	END IF;
	IF NOT whole AND days_from > days_to THEN
		days_to := days_from;
	END IF;
	SELECT coalesce(sum(t.trades), 0), coalesce(sum(t.wins), 0), coalesce(sum(t.losses), 0), sum(t.won), sum(t.lost), sum(t.gross_pnl), sum(t.fees),
			max(t.best), min(t.worst), min(t.first_opened), max(t.last_closed), sum(t.holding)
		INTO trades, wins, losses, won, lost, gross_pnl, fees, best, worst, first_opened, last_closed, holding
		FROM (
			SELECT t.trades, t.wins, t.losses, t.won, t.lost, t.gross_pnl, t.fees, t.best, t.worst, t.first_opened, t.last_closed, t.holding
				FROM pulse.trade_state t JOIN pulse.source s ON s.source_id = t.source_id
				WHERE s.state = 'active' AND (for_portfolio IS NULL OR t.portfolio = for_portfolio)
					AND (whole AND t.day = '-infinity' OR NOT whole AND t.day >= days_from AND t.day < days_to AND t.day > '-infinity')
			UNION ALL
			SELECT 1, (t.net_pnl > 0)::integer, (t.net_pnl < 0)::integer, greatest(t.net_pnl, 0), greatest(-t.net_pnl, 0), t.gross_pnl, t.fees,
					t.net_pnl, t.net_pnl, t.opened_at, t.closed_at, t.closed_at - t.opened_at
				FROM (
					SELECT c.net_pnl, c.gross_pnl, c.fees, c.opened_at, c.closed_at
						FROM pulse.closed_trade c JOIN pulse.source s ON s.source_id = c.source_id
						WHERE s.state = 'active' AND NOT whole AND (for_portfolio IS NULL OR c.portfolio = for_portfolio)
							AND c.closed_at >= first_time AND c.closed_at <= last_time AND (c.closed_at < days_from)
					UNION ALL
					SELECT c.net_pnl, c.gross_pnl, c.fees, c.opened_at, c.closed_at
						FROM pulse.closed_trade c JOIN pulse.source s ON s.source_id = c.source_id
						WHERE s.state = 'active' AND NOT whole AND (for_portfolio IS NULL OR c.portfolio = for_portfolio)
							AND c.closed_at >= days_to AND c.closed_at >= first_time AND c.closed_at <= last_time
					UNION ALL
					SELECT r.gross_pnl - r.fees, r.gross_pnl, r.fees, r.opened_at, r.closed_at
						FROM pulse.stale_groups(for_portfolio) x CROSS JOIN LATERAL pulse.replay_trades(x.source_id, x.portfolio, x.symbols, 'average', x.since) r
						WHERE dirty AND r.portfolio = x.portfolio AND r.closed_at BETWEEN first_time AND last_time
				) t
		) t;
END
$$;
COMMENT ON FUNCTION pulse.trade_sums(text, timestamptz, timestamptz) IS
	'Sums over the closed trades (average cost) of a portfolio, or of all visible ones (NULL), that closed in a period with open ends (NULL): from pulse.trade_state for whole days, from the trades for parts of a day, and from fills where a tick is still to come.';

CREATE FUNCTION pulse.close_to(a double precision, b double precision) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN a IS NOT DISTINCT FROM b OR coalesce(abs(a - b) <= 1e-9 * greatest(abs(a), abs(b)), false);
COMMENT ON FUNCTION pulse.close_to(double precision, double precision) IS
	'Whether two figures are the same but for rounding: both NULL, or within 1e-9 of the larger.';

CREATE FUNCTION pulse.verify_buckets(for_portfolio text)
	RETURNS TABLE ("check" text, source_id integer, portfolio text, symbol text, key text, stored text, computed text)
	LANGUAGE plpgsql STABLE
	SET jit = off
	AS $$
#variable_conflict use_column
DECLARE
	source record;
	width record;
BEGIN
	FOR source IN
		SELECT s.source_id, coalesce(s.archived_before, '-infinity') AS archived_before, q.has_portfolios,
			pulse.source_query(s.source_id, false, false) AS query
		FROM pulse.source s CROSS JOIN LATERAL pulse.source_relation(s) AS q CROSS JOIN pulse.sequencer e
		WHERE s.kind = 'snapshots' AND s.state = 'active' AND s.epoch = e.epoch
	LOOP
		CONTINUE WHEN source.query IS NULL;
		FOR width IN SELECT * FROM (VALUES (1, '1 hour'::interval, '{1}'::smallint[]), (24, '1 day', '{24}'), (672, '1 day', '{672}')) AS w (hours, period, levels) LOOP
			RETURN QUERY EXECUTE format($q$
				WITH dirty AS MATERIALIZED (
					SELECT d.portfolio, coalesce(d.min_ts, '-infinity') AS min_ts, coalesce(d.max_ts, 'infinity') AS max_ts FROM pulse.dirty d WHERE d.source_id = $1
					UNION ALL SELECT m.portfolio, m.min_ts, m.max_ts FROM pulse.metric_dirty m WHERE m.source_id = $1
				), stored AS (
					SELECT m.portfolio, date_bin($3, g.first_ts, '2000-01-03Z') AS bucket, g.*
					FROM pulse.metric_state m CROSS JOIN LATERAL pulse.summary_segments(m.summary) g
					WHERE m.source_id = $1 AND m.hours = ANY ($4) AND ($2 IS NULL OR m.portfolio = $2)
				), computed AS (
					SELECT r.portfolio, date_bin($3, g.first_ts, '2000-01-03Z') AS bucket, g.*
					FROM (SELECT r.portfolio, pulse.raw_summary(r.ts, r.total_value, r.net_flow, $3) AS summary FROM (%s) r
						  WHERE ($2 IS NULL OR r.portfolio = $2) AND r.portfolio IS NOT NULL AND r.total_value IS NOT NULL AND isfinite(r.ts) GROUP BY r.portfolio) r
					CROSS JOIN LATERAL pulse.summary_segments(r.summary) g
					-- the newest four weeks have no row of their own
					WHERE $4 <> '{672}' OR EXISTS (SELECT FROM pulse.metric_state m WHERE m.source_id = $1 AND m.portfolio = r.portfolio AND m.hours = 672
						AND m.bucket = date_bin('28 days', g.first_ts, '2000-01-03Z'))
				)
				SELECT format('summary of %%s', CASE $4[1] WHEN 1 THEN 'an hour' WHEN 24 THEN 'a day' ELSE 'a day in four weeks' END), $1,
					coalesce(s.portfolio, c.portfolio), NULL::text, pulse.json_time(coalesce(s.bucket, c.bucket)),
					CASE WHEN s.bucket IS NOT NULL THEN concat_ws(' ', s.observations, s.first, s.last, s.high, s.low, s.deepest, s.flow, s.link) END,
					CASE WHEN c.bucket IS NOT NULL THEN concat_ws(' ', c.observations, c.first, c.last, c.high, c.low, c.deepest, c.flow, c.link) END
				FROM stored s FULL JOIN computed c ON c.portfolio = s.portfolio AND c.bucket = s.bucket
				WHERE coalesce(s.bucket, c.bucket) >= $5
					AND ((s.first_ts, s.last_ts, s.observations, s.first, s.last) IS DISTINCT FROM (c.first_ts, c.last_ts, c.observations, c.first, c.last)
						OR NOT (pulse.close_to(s.high, c.high) AND pulse.close_to(s.low, c.low) AND pulse.close_to(s.deepest, c.deepest)
								AND pulse.close_to(s.flow, c.flow) AND pulse.close_to(s.link, c.link) AND pulse.close_to(s.entry_link, c.entry_link)))
					-- what a tick is still to do is no difference
					AND NOT EXISTS (SELECT FROM dirty d WHERE (NOT $6 OR d.portfolio IS NULL OR d.portfolio = coalesce(s.portfolio, c.portfolio))
						AND d.min_ts < coalesce(s.bucket, c.bucket) + $3 AND d.max_ts >= coalesce(s.bucket, c.bucket))$q$, source.query)
				USING source.source_id, for_portfolio, width.period, width.levels, source.archived_before, source.has_portfolios;
		END LOOP;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.verify_buckets(text) IS
	'Summarises all snapshots of the followed tables anew and reports every bucket of pulse.metric_state that differs, is missing, or should not be there, but for what a tick is still to do and what is archived. Figures that products of flows go into may differ by 1e-9 of themselves.';

CREATE FUNCTION pulse.verify_trade_sums(for_portfolio text)
	RETURNS TABLE ("check" text, source_id integer, portfolio text, symbol text, key text, stored text, computed text)
	LANGUAGE sql STABLE
	AS $$
	SELECT 'sums of trades', coalesce(t.source_id, c.source_id), coalesce(t.portfolio, c.portfolio) COLLATE "default", NULL::text,
		coalesce(t.day, c.day)::text,
		CASE WHEN t.day IS NOT NULL THEN concat_ws(' ', t.trades, t.wins, t.losses, t.won, t.lost, t.gross_pnl, t.fees, t.best, t.worst, t.holding) END,
		CASE WHEN c.day IS NOT NULL THEN concat_ws(' ', c.trades, c.wins, c.losses, c.won, c.lost, c.gross_pnl, c.fees, c.best, c.worst, c.holding) END
	FROM (SELECT t.* FROM pulse.trade_state t WHERE $1 IS NULL OR t.portfolio = $1) t
	FULL JOIN (
		SELECT c.source_id, c.portfolio, d.day, count(*) AS trades, count(*) FILTER (WHERE c.net_pnl > 0) AS wins,
			count(*) FILTER (WHERE c.net_pnl < 0) AS losses, coalesce(sum(c.net_pnl) FILTER (WHERE c.net_pnl > 0), 0) AS won,
			coalesce(-sum(c.net_pnl) FILTER (WHERE c.net_pnl < 0), 0) AS lost, sum(c.gross_pnl) AS gross_pnl, sum(c.fees) AS fees,
			max(c.net_pnl) AS best, min(c.net_pnl) AS worst, min(c.opened_at) AS first_opened, max(c.closed_at) AS last_closed,
			sum(c.closed_at - c.opened_at) AS holding
		FROM pulse.closed_trade c CROSS JOIN LATERAL (VALUES ('-infinity'::timestamptz), (date_trunc('day', c.closed_at, 'UTC'))) AS d (day)
		WHERE $1 IS NULL OR c.portfolio = $1
		GROUP BY c.source_id, c.portfolio, d.day
	) c ON c.source_id = t.source_id AND c.portfolio = t.portfolio AND c.day = t.day
	WHERE (t.trades, t.wins, t.losses, t.won, t.lost, t.gross_pnl, t.fees, t.best, t.worst, t.first_opened, t.last_closed)
			IS DISTINCT FROM (c.trades, c.wins, c.losses, c.won, c.lost, c.gross_pnl, c.fees, c.best, c.worst, c.first_opened, c.last_closed)
		OR extract(epoch FROM t.holding) <> extract(epoch FROM c.holding)
	$$;
COMMENT ON FUNCTION pulse.verify_trade_sums(text) IS 'Adds up pulse.closed_trade anew and reports every difference from pulse.trade_state.';
-- Performance of a portfolio, now and over a period.

CREATE FUNCTION pulse.performance(for_portfolio text, since timestamptz, until timestamptz,
		OUT ts timestamptz, OUT total_value numeric, OUT cash_balance numeric, OUT positions_value numeric,
		OUT position_count integer, OUT unrealized_pnl numeric, OUT realized_pnl numeric, OUT fees numeric, OUT total_pnl numeric,
		OUT net_flow numeric, OUT metrics pulse_metrics_row,
		OUT win_rate double precision, OUT profit_factor double precision, OUT average_win double precision,
		OUT average_loss double precision, OUT total_trades bigint, OUT trades_per_day double precision,
		OUT trade_pnl numeric, OUT trade_fees numeric, OUT best_trade numeric, OUT worst_trade numeric,
		OUT expectancy double precision, OUT payoff_ratio double precision, OUT average_holding interval)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	ledger record;
	series record := pulse.series_of(for_portfolio);
	closed record;
	first_trade timestamptz;
	last_trade timestamptz;
BEGIN
	SELECT max(s.ts), sum(s.total_value), sum(s.cash_balance), sum(s.positions_value), sum(s.position_count),
			sum(s.unrealized_pnl), sum(s.realized_pnl), sum(s.net_flow)
		INTO ts, total_value, cash_balance, positions_value, position_count, unrealized_pnl, realized_pnl, net_flow
		FROM pulse.latest_snapshots(for_portfolio) s;
	SELECT count(*) AS symbols, count(*) FILTER (WHERE p.opened_at IS NOT NULL) AS open_positions,
			sum(p.realized_pnl) AS realized_pnl, sum(p.fees) AS fees,
			sum(p.quantity * p.mark_price - p.cost) AS unrealized_pnl, max(p.mark_at) AS last_fill
		INTO ledger
		FROM pulse.current_positions(for_portfolio, 'average') p;
	-- The bot knows the market better than the prices of its own last fills; of what it has realised the ledger does.
	unrealized_pnl := trim_scale(coalesce(unrealized_pnl, ledger.unrealized_pnl));
	realized_pnl := coalesce(ledger.realized_pnl, realized_pnl);
	fees := ledger.fees;
	total_pnl := trim_scale(realized_pnl + coalesce(unrealized_pnl, 0) - coalesce(fees, 0));
	IF position_count IS NULL AND ledger.symbols > 0 THEN
		position_count := ledger.open_positions;
	END IF;

	IF series.source_id IS NOT NULL THEN
		metrics := pulse.state_metrics(series.source_id, series.series_portfolio, since, until);
	ELSE
		EXECUTE format('SELECT (m.metrics).* FROM (SELECT @extschema@.pulse_metrics(e.ts, e.value, e.flow) AS metrics FROM (%s) e OFFSET 0) m',
					   pulse.equity_query(for_portfolio, since, until)) INTO metrics USING for_portfolio, since, until;
	END IF;

	SELECT * INTO closed FROM pulse.trade_sums(for_portfolio, since, until);
	total_trades := closed.trades;
	win_rate := closed.wins::float8 / nullif(closed.trades, 0);
	profit_factor := closed.won::float8 / nullif(closed.lost, 0)::float8;
	average_win := closed.won::float8 / nullif(closed.wins, 0);
	average_loss := closed.lost::float8 / nullif(closed.losses, 0);
	payoff_ratio := average_win / nullif(average_loss, 0);
	expectancy := (closed.won - closed.lost)::float8 / nullif(closed.trades, 0);
	trade_pnl := closed.gross_pnl;
	trade_fees := closed.fees;
	best_trade := closed.best;
	worst_trade := closed.worst;
	average_holding := closed.holding / nullif(closed.trades, 0);
	first_trade := closed.first_opened;
	last_trade := closed.last_closed;
	IF total_trades > 0 THEN
		trades_per_day := total_trades / greatest(1, extract(epoch FROM
			coalesce(until, greatest(last_trade, ts)) - coalesce(since, first_trade)) / 86400.0);
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.performance(text, timestamptz, timestamptz) IS
	'State of a portfolio now, the metrics of its equity and the statistics of its closed trades in a period with open ends (NULL). Portfolio NULL: all visible ones together, money summed up, returns weighted with the values at the beginning.';

CREATE FUNCTION pulse_performance(portfolio text DEFAULT NULL)
	RETURNS TABLE (ts timestamptz, total_value numeric, cash_balance numeric, position_count integer, unrealized_pnl numeric,
				   realized_pnl numeric, total_pnl numeric, daily_return double precision, cumulative_return double precision,
				   cagr double precision, sharpe double precision, sortino double precision, calmar double precision,
				   volatility double precision, max_drawdown double precision, current_drawdown double precision,
				   var_95 double precision, cvar_95 double precision, win_rate double precision, profit_factor double precision,
				   average_win double precision, average_loss double precision, total_trades bigint, trades_per_day double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT p.ts, p.total_value, p.cash_balance, p.position_count, p.unrealized_pnl, p.realized_pnl, p.total_pnl,
		(p.metrics).period_return, (p.metrics).total_return, (p.metrics).cagr, (p.metrics).sharpe, (p.metrics).sortino,
		(p.metrics).calmar, (p.metrics).volatility, (p.metrics).max_drawdown, (p.metrics).current_drawdown,
		(p.metrics).var_95, (p.metrics).cvar_95, p.win_rate, p.profit_factor, p.average_win, p.average_loss,
		p.total_trades, p.trades_per_day
	FROM pulse.performance($1, NULL, NULL) p
	$$;
COMMENT ON FUNCTION pulse_performance(text) IS
	'One row on how a portfolio stands, NULL meaning all visible ones together (money summed up; returns of the portfolios weighted with their values at the beginning of each step). ts, total_value, cash_balance, position_count: newest snapshot. realized_pnl: ledger, average cost, before fees; unrealized_pnl: newest snapshot, or where it has none the ledger at the prices of the last fills; total_pnl: realised + unrealised - fees in quote currency. daily_return: of the last UTC day, which may be unfinished; cumulative_return, cagr: from the first snapshot to the last, deposits and withdrawals removed; sharpe, sortino, volatility, var_95, cvar_95: over daily returns, annualised with 365 days, risk-free rate and minimum acceptable return 0; calmar: cagr over max_drawdown; drawdowns over all snapshots, positive. win_rate to average_loss: over closed trades net of fees (pulse_closed_trades), the averages in money, losses positive; total_trades: closed trades; trades_per_day: those per day since the first opened, at least one day. Undefined is NULL; without any rows everything is but total_trades, 0.';

CREATE FUNCTION pulse.performance_data(portfolio text) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	SELECT jsonb_build_object(
		'ts', pulse.json_time(p.ts), 'total_value', pulse.json_money(p.total_value), 'cash_balance', pulse.json_money(p.cash_balance),
		'position_count', p.position_count, 'unrealized_pnl', pulse.json_money(p.unrealized_pnl),
		'realized_pnl', pulse.json_money(p.realized_pnl), 'total_pnl', pulse.json_money(p.total_pnl),
		'daily_return', pulse.json_number(p.daily_return), 'cumulative_return', pulse.json_number(p.cumulative_return),
		'cagr', pulse.json_number(p.cagr), 'sharpe', pulse.json_number(p.sharpe), 'sortino', pulse.json_number(p.sortino),
		'calmar', pulse.json_number(p.calmar), 'volatility', pulse.json_number(p.volatility),
		'max_drawdown', pulse.json_number(p.max_drawdown), 'current_drawdown', pulse.json_number(p.current_drawdown),
		'var_95', pulse.json_number(p.var_95), 'cvar_95', pulse.json_number(p.cvar_95), 'win_rate', pulse.json_number(p.win_rate),
		'profit_factor', pulse.json_number(p.profit_factor), 'average_win', pulse.json_number(p.average_win),
		'average_loss', pulse.json_number(p.average_loss), 'total_trades', p.total_trades,
		'trades_per_day', pulse.json_number(p.trades_per_day))
	FROM @extschema@.pulse_performance($1) p
	$$;
COMMENT ON FUNCTION pulse.performance_data(text) IS
	'The columns of pulse_performance() as JSON: money as decimal strings, statistics as numbers, undefined as null.';

CREATE FUNCTION pulse_portfolio(portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	WITH newest AS (
		SELECT max(s.ts) AS ts, sum(s.total_value) AS total_value, sum(s.cash_balance) AS cash_balance,
			sum(s.positions_value) AS positions_value, sum(s.unrealized_pnl) AS unrealized_pnl,
			sum(s.realized_pnl) AS realized_pnl, sum(s.net_flow) AS net_flow, sum(s.position_count) AS position_count
		FROM pulse.latest_snapshots($1) s
	), held AS (
		SELECT count(*) AS symbols, count(*) FILTER (WHERE p.opened_at IS NOT NULL) AS open_positions,
			sum(p.market_value) AS market_value, sum(p.unrealized_pnl) AS unrealized_pnl, sum(p.realized_pnl) AS realized_pnl,
			coalesce(jsonb_agg(jsonb_build_object(
				'portfolio', p.portfolio, 'symbol', p.symbol, 'quantity', pulse.json_money(p.quantity),
				'average_price', pulse.json_money(p.average_price), 'mark_price', pulse.json_money(p.mark_price),
				'market_value', pulse.json_money(p.market_value), 'unrealized_pnl', pulse.json_money(p.unrealized_pnl),
				'realized_pnl', pulse.json_money(p.realized_pnl), 'fees', pulse.json_money(p.fees),
				'opened_at', pulse.json_time(p.opened_at)) ORDER BY abs(p.market_value) DESC NULLS LAST, p.portfolio, p.symbol)
				FILTER (WHERE p.opened_at IS NOT NULL), '[]') AS positions
		FROM @extschema@.pulse_positions($1) p
	)
	SELECT jsonb_build_object(
		'ts', pulse.json_time(n.ts), 'total_value', pulse.json_money(n.total_value), 'cash_balance', pulse.json_money(n.cash_balance),
		'positions_value', pulse.json_money(coalesce(n.positions_value, h.market_value)),
		'unrealized_pnl', pulse.json_money(coalesce(n.unrealized_pnl, h.unrealized_pnl)),
		'realized_pnl', pulse.json_money(coalesce(h.realized_pnl, n.realized_pnl)),
		'position_count', coalesce(n.position_count, CASE WHEN h.symbols > 0 THEN h.open_positions END),
		'net_flow', pulse.json_money(n.net_flow), 'positions', h.positions)
	FROM newest n CROSS JOIN held h
	$$;
COMMENT ON FUNCTION pulse_portfolio(text) IS
	'What a portfolio holds, as JSON (data of PORTFOLIO_UPDATE): the newest snapshot, completed from the ledger where it has no figure, and the open positions, largest first. NULL: all visible portfolios together. Money and quantities are decimal strings, unknown is null.';

CREATE FUNCTION pulse.verify_performance(for_portfolio text)
	RETURNS TABLE ("check" text, source_id integer, portfolio text, symbol text, key text, stored text, computed text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	IF NOT has_table_privilege('pulse.performance_state', 'SELECT') OR NOT has_table_privilege('pulse.performance_due', 'SELECT') THEN
		RETURN;
	END IF;
	RETURN QUERY
	SELECT 'figure'::text, NULL::integer, s.portfolio::text COLLATE "default", NULL::text, k.key, k.stored, k.computed
	FROM pulse.performance_state s
	CROSS JOIN LATERAL (
		SELECT a.key, a.value #>> '{}' AS stored, b.data ->> a.key AS computed
		FROM (SELECT pulse.performance_data(s.portfolio) AS data OFFSET 0) b
		CROSS JOIN LATERAL jsonb_each(to_jsonb(s) - '{portfolio,computed_at,version,reader,ts}'::text[]) a
	) k
	WHERE (for_portfolio IS NULL OR s.portfolio = for_portfolio)
		AND NOT pulse.close_to(k.stored::float8, k.computed::float8)
		AND NOT EXISTS (SELECT FROM pulse.performance_due d WHERE d.portfolio = s.portfolio)
		AND NOT EXISTS (SELECT FROM pulse.dirty d WHERE d.portfolio IS NULL OR d.portfolio = s.portfolio)
		-- a price that was told later changes what positions are worth, but is no change of a portfolio
		AND NOT (k.key IN ('unrealized_pnl', 'total_pnl') AND EXISTS (SELECT FROM pulse.mark));
END
$$;
COMMENT ON FUNCTION pulse.verify_performance(text) IS
	'Compares pulse.performance_state with pulse_performance(), but for portfolios that a tick is still to compute; only for who may read both of its tables.';

CREATE FUNCTION pulse_equity_summary(portfolio text DEFAULT NULL, since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
		period interval DEFAULT '1 day')
	RETURNS pulse_summary
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	series record := pulse.series_of(portfolio);
	result @extschema@.pulse_summary;
BEGIN
	IF series.source_id IS NOT NULL AND extract(epoch FROM period) % 3600 = 0 THEN
		RETURN pulse.state_summary(series.source_id, series.series_portfolio, since, until, period);
	END IF;
	EXECUTE format('SELECT @extschema@.pulse_summary(e.ts, e.value, e.flow, $4) FROM (%s) e', pulse.equity_query(portfolio, since, until))
		INTO result USING portfolio, since, until, period;
	RETURN result;
END
$$;
COMMENT ON FUNCTION pulse_equity_summary(text, timestamptz, timestamptz, interval) IS
	'Summary of the equity of a portfolio by buckets of a period, from the last snapshot up to since, which stands at since, to until (NULL: open), for any metric of a summary and for pulse_rolling(). Periods of whole hours are read from stored summaries, others from the snapshots. Portfolio NULL: all visible ones together. NULL without a snapshot. Error 22023 for a period out of range.';
-- Figures of a portfolio over windows that slide.

CREATE FUNCTION pulse_rolling(metric text, "window" interval, portfolio text DEFAULT NULL, period interval DEFAULT '1 day')
	RETURNS TABLE (ts timestamptz, value double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT r.ts, r.value
	FROM @extschema@.pulse_equity_summary($3, NULL, NULL, $4) AS summary, LATERAL @extschema@.pulse_rolling($1, $2, summary, $4) AS r
	ORDER BY r.ts
	$$;
COMMENT ON FUNCTION pulse_rolling(text, interval, text, interval) IS
	'A metric of a portfolio over a window that slides along its bucket returns: one row (end of the period, value) for each period with a whole window behind it. The metrics, their parameters and the errors are those of pulse_rolling() over a summary; annualised by the period (default 1 day), never by the window''s length. Gaps carried forward, flows removed. Portfolio NULL: all visible ones together. window is a reserved word of SQL: by name it is written "window" => ''90 days''.';
-- What a dashboard shows: the equity chart, the newest fills, and everything in one cut.

CREATE FUNCTION pulse.chart_accum(internal, timestamptz, double precision, double precision, timestamptz, integer) RETURNS internal
	AS 'MODULE_PATHNAME', 'pulse_chart_accum' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.chart_accum(internal, timestamptz, double precision, double precision, timestamptz, integer) IS
	'Transition of pulse.chart().';
CREATE FUNCTION pulse.chart_final(internal) RETURNS double precision[]
	AS 'MODULE_PATHNAME', 'pulse_chart_final' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.chart_final(internal) IS
	'Final function of pulse.chart().';
CREATE AGGREGATE pulse.chart(ts timestamptz, value double precision, flow double precision, until timestamptz, points integer) (
	SFUNC = pulse.chart_accum,
	STYPE = internal,
	SSPACE = 65536,
	FINALFUNC = pulse.chart_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE pulse.chart(timestamptz, double precision, double precision, timestamptz, integer) IS
	'Thins an equity curve, whose rows must come in order of time, out to a number of points: float8[][4] of seconds since 1970, value, drawdown from the peak so far without flows (NULL where equity was not positive), flow since the point before. Where there are more rows than points, each of points / 4 slots of time keeps its first, last, lowest and highest.';

CREATE FUNCTION pulse.chart_data(since timestamptz, until timestamptz, points integer, for_portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	series record := pulse.series_of(for_portfolio);
	chart double precision[];
	result jsonb;
BEGIN
	IF points IS NULL OR points < 4 OR points > 100000 THEN
		RAISE EXCEPTION 'points must lie between 4 and 100000'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is 500.';
	END IF;
	-- where a slot of the chart is longer than an hour and snapshots are many, hours tell its extremes too
	IF series.source_id IS NOT NULL AND extract(epoch FROM until - since) * 4 >= 3600.0 * points
			AND (pulse.state_metrics(series.source_id, series.series_portfolio, since, until)).n_snapshots > 20000 THEN
		chart := pulse.state_chart(series.source_id, series.series_portfolio, since, until, points);
	ELSE
		EXECUTE format($q$
			SELECT pulse.chart(e.ts, e.value::float8, e.flow::float8, $3, $4)
			FROM (SELECT c.* FROM (%s) c WHERE c.ts >= $2 AND c.value > '-Infinity' AND c.value < 'Infinity' ORDER BY c.ts) e$q$,
			pulse.equity_query(for_portfolio, since, until))
			INTO chart USING for_portfolio, since, until, points;
	END IF;
	SELECT jsonb_build_object('points', count(*),
			'ts', coalesce(jsonb_agg(chart[i][1] ORDER BY i), '[]'), 'value', coalesce(jsonb_agg(chart[i][2] ORDER BY i), '[]'),
			'drawdown', coalesce(jsonb_agg(chart[i][3] ORDER BY i), '[]'), 'flow', coalesce(jsonb_agg(chart[i][4] ORDER BY i), '[]'))
		INTO result FROM generate_subscripts(chart, 1) i;
	RETURN jsonb_build_object('from', pulse.json_time(since), 'to', pulse.json_time(until)) || result;
END
$$;
COMMENT ON FUNCTION pulse.chart_data(timestamptz, timestamptz, integer, text) IS 'Body of pulse_portfolio_chart().';

CREATE FUNCTION pulse.state_chart(source_id integer, portfolio text, since timestamptz, until timestamptz, points integer) RETURNS double precision[]
	LANGUAGE sql STABLE
	AS $$
	SELECT pulse.chart(e.ts, e.value, e.flow, $4, $5)
	FROM (
		SELECT p.ts, p.value, p.flow
		FROM (
			SELECT $3 AS ts, (pulse.state_metrics($1, $2, $3, $3)).first_value AS value, 0::float8 AS flow, 0 AS n
			UNION ALL
			SELECT p.ts, p.value, p.flow, p.n
			FROM (SELECT s.*, CASE WHEN s.first > 0 THEN s.first * (1 - s.entry_link) ELSE 0 END AS entry_flow
				  FROM pulse.state_segments($1, $2, ARRAY[$3 + interval '1 microsecond', $4 + interval '1 microsecond'],
				  							extract(epoch FROM $4 - $3) / greatest($5 / 4, 1) >= 86400) s) s
			CROSS JOIN LATERAL (VALUES
				(s.first_ts, s.first, coalesce(s.entry_flow, 0), 1),
				-- after a flow inside, extremes are not in the units of before
				(CASE WHEN s.link = 1 AND s.high > greatest(s.first, s.last) THEN s.high_ts END, s.high, 0, 2),
				-- when the lowest was is not stored: after the peak if that makes the deepest fall, else before
				(CASE WHEN s.link = 1 AND s.low < least(s.first, s.last) THEN
					CASE WHEN pulse.close_to(s.deepest, 1 - s.low / nullif(s.high, 0)) THEN s.high_ts + (s.last_ts - s.high_ts) / 2
						ELSE s.first_ts + (s.high_ts - s.first_ts) / 2 END END, s.low, 0, 3),
				(CASE WHEN s.observations > 1 THEN s.last_ts END, s.last, s.flow - coalesce(s.entry_flow, 0), 4)) AS p (ts, value, flow, n)
		) p
		WHERE p.ts IS NOT NULL AND p.value > '-Infinity' AND p.value < 'Infinity'
		ORDER BY p.ts, p.n
	) e
	$$;
COMMENT ON FUNCTION pulse.state_chart(integer, text, timestamptz, timestamptz, integer) IS
	'pulse.chart() of a curve from the first, last, highest and lowest value of each hour, or day for charts that long; the time of the lowest is known to the hour, and where money flowed in or out inside it only the first and last value are.';

CREATE FUNCTION pulse_portfolio_chart(hours integer DEFAULT 24, points integer DEFAULT 500, portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	IF hours IS NULL OR hours <= 0 OR hours > 1000000 THEN
		RAISE EXCEPTION 'hours must lie between 1 and 1000000'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is 24.';
	END IF;
	RETURN pulse.chart_data(now() - make_interval(hours => hours), now(), points, portfolio);
END
$$;
COMMENT ON FUNCTION pulse_portfolio_chart(integer, integer, text) IS
	'The equity curve of the last hours as JSON columns for a chart: from, to, points, ts (seconds since 1970), value, drawdown (from the peak within the chart, deposits and withdrawals removed, a positive fraction) and flow (deposits less withdrawals since the point before). Where there are more snapshots than points, each stretch of time keeps its first, last, lowest and highest; in charts of weeks over ten thousands of snapshots, the lowest of an hour stands somewhere in that hour. The first point is the last value before the range, if there is one. Portfolio NULL: all visible ones together. Error 22023 for hours or points out of range.';

CREATE FUNCTION pulse_portfolio_chart("from" timestamptz, "to" timestamptz, points integer DEFAULT 500, portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	IF "from" IS NULL OR "to" IS NULL OR NOT (isfinite("from") AND isfinite("to") AND "from" < "to") THEN
		RAISE EXCEPTION '"from" must lie before "to"' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN pulse.chart_data("from", "to", points, portfolio);
END
$$;
COMMENT ON FUNCTION pulse_portfolio_chart(timestamptz, timestamptz, integer, text) IS
	'The equity curve between two times as JSON columns for a chart, as the other function of this name gives it. Error 22023 where from does not lie before to, or for points out of range.';

CREATE FUNCTION pulse.newest_fills(max_rows integer, before text, for_portfolio text)
	RETURNS TABLE (portfolio text, id text, symbol text, side text, quantity numeric, price numeric, value numeric, fee numeric,
				   fee_asset text, executed_at timestamptz, order_id text, fill_id text, strategy text,
				   confidence double precision, realized_pnl numeric, "position" numeric, cursor text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	mark text[] := string_to_array(newest_fills.before, '/');
	mark_time timestamptz;
	mark_ordinal bigint;
	mark_key text;
BEGIN
	IF max_rows IS NULL OR max_rows < 1 OR max_rows > 10000 THEN
		RAISE EXCEPTION 'max_rows must lie between 1 and 10000'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For more, continue with before => the cursor of the last row.';
	END IF;
	IF newest_fills.before IS NOT NULL THEN
		IF mark[1] !~ '^-?\d{1,18}$' OR mark[2] !~ '^-?\d{1,19}$' OR cardinality(mark) < 3 THEN
			RAISE EXCEPTION 'not a cursor: %', quote_literal(newest_fills.before)
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Pass the cursor of the last row of the page before.';
		END IF;
		mark_time := 'epoch'::timestamptz + mark[1]::bigint * interval '1 microsecond';
		mark_ordinal := mark[2]::bigint;
		mark_key := array_to_string(mark[3:], '/');
	END IF;
	RETURN QUERY
		SELECT f.portfolio, f.fill_key, f.symbol, f.side, f.quantity, f.price, f.quantity * f.price, f.fee, f.fee_asset,
			f.executed_at, f.order_id, f.fill_id, f.strategy, f.confidence, f.realized_pnl, f.position,
			concat((extract(epoch FROM f.executed_at) * 1000000)::bigint, '/', f.ordinal, '/', f.fill_key)
		FROM pulse.source s CROSS JOIN LATERAL (
			SELECT p.portfolio FROM (VALUES (for_portfolio)) AS p (portfolio) WHERE p.portfolio IS NOT NULL
			UNION ALL
			SELECT o.portfolio FROM pulse.portfolios_of('trades') o WHERE for_portfolio IS NULL AND o.source_id = s.source_id
		) p CROSS JOIN LATERAL (
			SELECT f.* FROM pulse.fill f
			WHERE f.source_id = s.source_id AND f.portfolio = p.portfolio
				AND (mark_time IS NULL OR f.executed_at <= mark_time)
				AND (mark_time IS NULL OR (f.executed_at, f.ordinal, f.fill_key COLLATE "C") < (mark_time, mark_ordinal, mark_key))
			ORDER BY f.executed_at DESC, f.ordinal DESC, f.fill_key COLLATE "C" DESC
			LIMIT max_rows
		) f
		WHERE s.kind = 'trades' AND s.state = 'active'
		ORDER BY f.executed_at DESC, f.ordinal DESC, f.fill_key COLLATE "C" DESC
		LIMIT max_rows;
END
$$;
COMMENT ON FUNCTION pulse.newest_fills(integer, text, text) IS 'Body of pulse_trades().';

CREATE FUNCTION pulse_trades(max_rows integer DEFAULT 100, before text DEFAULT NULL, portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, id text, symbol text, side text, quantity numeric, price numeric, value numeric, fee numeric,
				   fee_asset text, executed_at timestamptz, order_id text, fill_id text, strategy text,
				   confidence double precision, realized_pnl numeric, "position" numeric, cursor text)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.newest_fills($1, $2, $3) $$;
COMMENT ON FUNCTION pulse_trades(integer, text, text) IS
	'Fills that have been processed, newest first, with what each realised (before fees, NULL when it closed nothing) and the position after it. before: the cursor of the last row of the page before. Portfolio NULL: all visible ones. Error 22023 for a number of rows or cursor out of range.';

CREATE FUNCTION pulse.activity(for_portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	trades jsonb;
	alerts jsonb := '[]';
BEGIN
	-- as the events have them
	SELECT coalesce(jsonb_agg(jsonb_build_object(
			'portfolio', t.portfolio, 'id', t.id, 'symbol', t.symbol, 'side', t.side, 'quantity', t.quantity::text,
			'price', t.price::text, 'value', t.value::text, 'fee', t.fee::text,
			'fee_asset', t.fee_asset, 'executed_at', pulse.json_time(t.executed_at), 'order_id', t.order_id, 'fill_id', t.fill_id,
			'strategy', t.strategy, 'confidence', pulse.json_number(t.confidence), 'realized_pnl', t.realized_pnl::text,
			'position', t.position::text) ORDER BY t.n), '[]') INTO trades
		FROM @extschema@.pulse_trades(50, NULL, for_portfolio) WITH ORDINALITY
			AS t (portfolio, id, symbol, side, quantity, price, value, fee, fee_asset, executed_at, order_id, fill_id, strategy,
				  confidence, realized_pnl, "position", cursor, n);
	-- notifications may be about anything: only who may read them all sees them here
	IF has_table_privilege('pulse.event', 'SELECT') THEN
		SELECT coalesce(jsonb_agg(e.data ORDER BY e.seq DESC), '[]') INTO alerts
			FROM (SELECT v.seq, v.data FROM pulse.event v
				  WHERE v.type = 'SYSTEM_ALERT' AND (for_portfolio IS NULL OR v.portfolio IS NULL OR v.portfolio = for_portfolio)
				  ORDER BY v.seq DESC LIMIT 20) e;
	END IF;
	RETURN jsonb_build_object('trades', trades, 'alerts', alerts);
END
$$;
COMMENT ON FUNCTION pulse.activity(text) IS
	'The newest 50 fills and, for who may read pulse.event, the newest 20 system alerts, as JSON.';

CREATE FUNCTION pulse_snapshot(portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	WITH p AS MATERIALIZED (SELECT pulse.performance_data($1) AS performance),
	held AS MATERIALIZED (SELECT sum(c.realized_pnl) AS realized_pnl, sum(c.fees) AS fees FROM pulse.current_positions($1, 'average') c)
	SELECT jsonb_build_object(
		'seq', s.seq, 'epoch', s.epoch, 'generated_at', pulse.json_time(now()),
		'portfolios', (SELECT coalesce(jsonb_agg(n.portfolio ORDER BY n.portfolio), '[]') FROM @extschema@.pulse_portfolios() n),
		'portfolio', @extschema@.pulse_portfolio($1),
		'performance', pulse.with_custom(p.performance, $1),
		'risk', jsonb_build_object(
			'volatility', p.performance -> 'volatility', 'max_drawdown', p.performance -> 'max_drawdown',
			'current_drawdown', p.performance -> 'current_drawdown', 'var_95', p.performance -> 'var_95',
			'cvar_95', p.performance -> 'cvar_95', 'sharpe', p.performance -> 'sharpe', 'sortino', p.performance -> 'sortino',
			'calmar', p.performance -> 'calmar'),
		'trading', jsonb_build_object(
			'win_rate', p.performance -> 'win_rate', 'profit_factor', p.performance -> 'profit_factor',
			'average_win', p.performance -> 'average_win', 'average_loss', p.performance -> 'average_loss',
			'total_trades', p.performance -> 'total_trades', 'trades_per_day', p.performance -> 'trades_per_day',
			'realized_pnl', pulse.json_money(held.realized_pnl), 'fees', pulse.json_money(held.fees)),
		'system', pulse.health_data(),
		'activity', pulse.activity($1),
		'sections', pulse.sections_data())
	FROM p CROSS JOIN held LEFT JOIN (SELECT q.seq, q.epoch FROM pulse.sequencer q) s ON true
	$$;
COMMENT ON FUNCTION pulse_snapshot(text) IS
	'Everything a dashboard shows, in one MVCC snapshot, as JSON: seq and epoch (events up to this one are contained), generated_at, portfolios, portfolio (as pulse_portfolio), performance (as pulse_performance), risk, trading, system (health), activity (newest fills and alerts), sections (pulse_register_section, for readers). performance.custom has the registered metrics, where there are any. Portfolio NULL: all visible ones together. Money and quantities are decimal strings, statistics numbers, undefined is null.';
-- Targets, and performance over several time frames.

CREATE VIEW pulse.target AS
	SELECT regexp_replace(k.key, '^performance\.target_', '') AS metric, pulse.config_float(k.key) AS goal
	FROM pulse.config_key k
	WHERE k.key LIKE 'performance.target\_%' AND pulse.config_float(k.key) IS NOT NULL;
COMMENT ON VIEW pulse.target IS 'goals that pulse_targets() compares with: the settings performance.target_*; INSERT, UPDATE and DELETE set those';
COMMENT ON COLUMN pulse.target.metric IS 'column of pulse_performance(), or annual_return';
COMMENT ON COLUMN pulse.target.goal IS 'what is to be reached; for max_drawdown and volatility the limit';

CREATE FUNCTION pulse.change_target() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF TG_OP = 'UPDATE' AND NEW.metric <> OLD.metric OR TG_OP = 'DELETE' THEN
		PERFORM @extschema@.pulse_config_set('performance.target_' || OLD.metric, 'none');
	END IF;
	IF TG_OP <> 'DELETE' THEN
		PERFORM @extschema@.pulse_config_set('performance.target_' || NEW.metric, coalesce(NEW.goal::text, 'none'));
		RETURN NEW;
	END IF;
	RETURN OLD;
END
$$;
COMMENT ON FUNCTION pulse.change_target() IS 'Trigger on the view pulse.target: turns changes into pulse_config_set().';
CREATE TRIGGER change_target INSTEAD OF INSERT OR UPDATE OR DELETE ON pulse.target
	FOR EACH ROW EXECUTE FUNCTION pulse.change_target();
GRANT SELECT ON pulse.target, pulse.config, pulse.config_key TO PUBLIC;
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES
	('admin', 'table', 'target', 'INSERT'), ('admin', 'table', 'target', 'UPDATE'), ('admin', 'table', 'target', 'DELETE');

CREATE FUNCTION pulse_targets(portfolio text DEFAULT NULL)
	RETURNS TABLE (target text, goal double precision, actual double precision, progress double precision, on_track boolean,
				   required_pace double precision)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	whole record;
	year record;
	year_end timestamptz := (date_trunc('year', now() AT TIME ZONE 'UTC') + interval '1 year') AT TIME ZONE 'UTC';
	year_begin timestamptz := date_trunc('year', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
	years_left double precision := extract(epoch FROM year_end - now()) / 31536000.0;
	years_counted double precision;
BEGIN
	SELECT * INTO whole FROM pulse.performance(portfolio, NULL, NULL);
	SELECT * INTO year FROM pulse.performance(portfolio, year_begin, NULL);
	years_counted := extract(epoch FROM year_end - greatest((year.metrics).first_ts, year_begin)) / 31536000.0;
	FOR target, goal IN SELECT t.metric, t.goal FROM pulse.target t ORDER BY t.metric LOOP
		actual := CASE target WHEN 'annual_return' THEN (whole.metrics).cagr WHEN 'sharpe' THEN (whole.metrics).sharpe
			WHEN 'sortino' THEN (whole.metrics).sortino WHEN 'calmar' THEN (whole.metrics).calmar
			WHEN 'volatility' THEN (whole.metrics).volatility WHEN 'max_drawdown' THEN (whole.metrics).max_drawdown
			WHEN 'win_rate' THEN whole.win_rate WHEN 'profit_factor' THEN whole.profit_factor
			WHEN 'trades_per_day' THEN whole.trades_per_day END;
		progress := actual / nullif(goal, 0);
		on_track := CASE WHEN target IN ('max_drawdown', 'volatility') THEN actual <= goal ELSE actual >= goal END;
		required_pace := NULL;
		IF target = 'annual_return' AND goal > -1 AND years_left > 0 AND (year.metrics).total_return > -1 THEN
			-- the exponent is bounded: in the last minutes of a year no pace makes up for a lost one
			required_pace := CASE WHEN (ln(1 + goal) * years_counted - ln(1 + (year.metrics).total_return)) / years_left < 700 THEN
				exp((ln(1 + goal) * years_counted - ln(1 + (year.metrics).total_return)) / years_left) - 1 END;
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse_targets(text) IS
	'Goals of pulse.target (28 % annual return, Sharpe 1.8, win rate 65 %, maximum drawdown 15 %) against what pulse_performance() says: progress is actual over goal; on_track is whether the goal is met, for max_drawdown and volatility whether the limit is kept; required_pace, for annual_return only, is the annual return from now to the end of the UTC year that brings this year, or its part since the first snapshot, to the goal. Undefined is NULL. Portfolio NULL: all visible ones together.';

CREATE FUNCTION pulse_performance_breakdown(portfolio text DEFAULT NULL)
	RETURNS TABLE (timeframe text, since timestamptz, total_return double precision, pnl double precision, volatility double precision,
				   sharpe double precision, max_drawdown double precision, trades bigint, win_rate double precision, net_pnl numeric)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_variable
DECLARE
	frame record;
	p record;
BEGIN
	FOR frame IN SELECT * FROM (VALUES ('1h', interval '1 hour'), ('4h', '4 hours'), ('24h', '24 hours'), ('7d', '168 hours'),
			('30d', '720 hours'), ('90d', '2160 hours'), ('1y', '8760 hours'), ('all', NULL)) AS f (name, width) LOOP
		timeframe := frame.name;
		since := now() - frame.width;
		SELECT * INTO p FROM pulse.performance(portfolio, since, CASE WHEN since IS NOT NULL THEN now() END);
		total_return := (p.metrics).total_return;
		pnl := (p.metrics).last_value - (p.metrics).first_value - (p.metrics).net_flow;
		volatility := (p.metrics).volatility;
		sharpe := (p.metrics).sharpe;
		max_drawdown := (p.metrics).max_drawdown;
		trades := p.total_trades;
		win_rate := p.win_rate;
		net_pnl := p.trade_pnl - p.trade_fees;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse_performance_breakdown(text) IS
	'Performance over the last 1h, 4h, 24h, 7d, 30d, 90d, 1y and all: total_return (deposits and withdrawals removed), pnl (change of value less flows), volatility and sharpe over daily returns, annualised, max_drawdown over all snapshots of the frame, and the trades closed in it with win rate and profit net of fees. Undefined is NULL. Portfolio NULL: all visible ones together.';
-- Windows of time over fills, and the checks of what asks for them.

CREATE FUNCTION pulse.check_days(days integer) RETURNS timestamptz
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	IF days IS NULL OR days < 1 OR days > 36500 THEN
		RAISE EXCEPTION 'days must lie between 1 and 36500' USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is 30.';
	END IF;
	RETURN now() - make_interval(hours => 24 * days);
END
$$;
COMMENT ON FUNCTION pulse.check_days(integer) IS 'The time so many days of 24 hours ago; error 22023 for a number out of range.';

CREATE FUNCTION pulse.check_zone(timezone text) RETURNS text
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	IF timezone IS NULL OR NOT EXISTS (SELECT FROM pg_catalog.pg_timezone_names z WHERE lower(z.name) = lower(timezone)) THEN
		RAISE EXCEPTION 'unknown time zone %', coalesce(quote_literal(timezone), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a name from pg_timezone_names, for example UTC.';
	END IF;
	RETURN timezone;
END
$$;
COMMENT ON FUNCTION pulse.check_zone(text) IS 'The name of a time zone; error 22023 for an unknown one.';

CREATE FUNCTION pulse.recent_fills(since timestamptz, for_portfolio text) RETURNS SETOF pulse.fill
	LANGUAGE plpgsql STABLE ROWS 10000
	AS $$
DECLARE
	o record;
BEGIN
	-- one after the other, so that each is read by its index on time however many there are
	FOR o IN SELECT p.source_id, p.portfolio FROM pulse.portfolios_of('trades') p JOIN pulse.source s ON s.source_id = p.source_id AND s.state = 'active'
			WHERE for_portfolio IS NULL OR p.portfolio = for_portfolio LOOP
		RETURN QUERY SELECT f.* FROM pulse.fill f
			WHERE f.source_id = o.source_id AND f.portfolio = o.portfolio AND f.executed_at >= coalesce(since, '-infinity');
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.recent_fills(timestamptz, text) IS
	'Fills processed so far that were executed since a time (NULL: ever), of a portfolio or of all visible ones.';
-- Where the risk sits, and what trading is like: by symbol, by hour, by month, drawdown by drawdown.

CREATE FUNCTION pulse.equity_of(for_portfolio text)
	RETURNS TABLE (portfolio text, equity numeric)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.portfolio, sum(s.total_value) FROM pulse.latest_snapshots($1) s GROUP BY s.portfolio
	$$;
COMMENT ON FUNCTION pulse.equity_of(text) IS 'Value of each portfolio at its newest snapshot.';

CREATE FUNCTION pulse_exposure(portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, symbol text, side text, quantity numeric, market_value numeric, weight double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT p.portfolio, p.symbol, CASE WHEN p.quantity > 0 THEN 'LONG' ELSE 'SHORT' END, p.quantity, p.market_value,
		(p.market_value / nullif(e.equity, 0))::double precision
	FROM @extschema@.pulse_positions($1) p LEFT JOIN pulse.equity_of($1) e ON e.portfolio = p.portfolio
	WHERE p.opened_at IS NOT NULL
	ORDER BY abs(p.market_value) DESC, p.portfolio, p.symbol
	$$;
COMMENT ON FUNCTION pulse_exposure(text) IS
	'Open positions by size: market value (negative for shorts) and weight, its fraction of the value of the portfolio at the newest snapshot, NULL without one. Portfolio NULL means all visible ones.';

CREATE FUNCTION pulse_leverage(portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, equity numeric, long_value numeric, short_value numeric, gross_exposure numeric, net_exposure numeric,
				   gross_leverage double precision, net_leverage double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT x.portfolio, e.equity, x.long_value, x.short_value, x.long_value + x.short_value, x.long_value - x.short_value,
		((x.long_value + x.short_value) / nullif(e.equity, 0))::double precision,
		((x.long_value - x.short_value) / nullif(e.equity, 0))::double precision
	FROM (
		SELECT p.portfolio, coalesce(sum(p.market_value) FILTER (WHERE p.market_value > 0), 0) AS long_value,
			coalesce(-sum(p.market_value) FILTER (WHERE p.market_value < 0), 0) AS short_value
		FROM @extschema@.pulse_positions($1) p
		GROUP BY p.portfolio
	) x LEFT JOIN pulse.equity_of($1) e ON e.portfolio = x.portfolio
	ORDER BY x.portfolio
	$$;
COMMENT ON FUNCTION pulse_leverage(text) IS
	'Exposure of each portfolio against its value at the newest snapshot: long and short market value (both positive), gross (long + short) and net (long - short), and their ratios to equity; NULL without a snapshot. Portfolio NULL means all visible ones.';

CREATE FUNCTION pulse_concentration(portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, position_count bigint, largest_symbol text, largest_share double precision, herfindahl double precision,
				   effective_positions double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.portfolio, count(*), (array_agg(s.symbol ORDER BY s.share DESC, s.symbol))[1], max(s.share)::double precision,
		sum(s.share * s.share)::double precision, (1 / sum(s.share * s.share))::double precision
	FROM (
		SELECT p.portfolio, p.symbol, abs(p.market_value) / nullif(sum(abs(p.market_value)) OVER (PARTITION BY p.portfolio), 0) AS share
		FROM @extschema@.pulse_positions($1) p WHERE p.opened_at IS NOT NULL
	) s
	WHERE s.share IS NOT NULL
	GROUP BY s.portfolio
	ORDER BY s.portfolio
	$$;
COMMENT ON FUNCTION pulse_concentration(text) IS
	'How concentrated the open positions of each portfolio are: the largest and its share of the sum of absolute market values, the Herfindahl index (sum of squared shares, from 1/n to 1) and its inverse, the effective number of positions. Source: Herfindahl 1950. Portfolio NULL means all visible ones; one without open positions has no row.';

CREATE FUNCTION pulse_correlation_matrix(portfolio text DEFAULT NULL, days integer DEFAULT 90)
	RETURNS TABLE (symbol_a text, symbol_b text, correlation double precision, observations bigint)
	LANGUAGE sql STABLE
	AS $$
	WITH traded AS MATERIALIZED (
		SELECT f.symbol, f.executed_at AS ts, f.ordinal, f.price FROM pulse.recent_fills(pulse.check_days($2), $1) f WHERE f.price > 0
	), closes AS (
		SELECT p.symbol, (p.ts AT TIME ZONE 'UTC')::date AS day, (array_agg(p.price ORDER BY p.ts DESC, p.ordinal DESC))[1]::double precision AS price
		FROM (SELECT * FROM traded
			  UNION ALL
			  SELECT h.symbol, h.ts, 0, h.price FROM pulse.mark_history h
			  WHERE h.ts >= pulse.check_days($2) AND h.price > 0 AND h.symbol IN (SELECT t.symbol FROM traded t)) p
		GROUP BY 1, 2
	), returns AS (
		SELECT c.symbol, c.day, c.price / lag(c.price) OVER w - 1 AS r, c.day - lag(c.day) OVER w AS span
		FROM closes c WINDOW w AS (PARTITION BY c.symbol ORDER BY c.day)
	)
	-- only returns over the same stretch of days compare
	SELECT a.symbol, b.symbol, corr(a.r, b.r), count(*)
	FROM returns a JOIN returns b ON b.day = a.day AND b.span = a.span
	WHERE a.r IS NOT NULL AND b.r IS NOT NULL
	GROUP BY a.symbol, b.symbol
	ORDER BY a.symbol, b.symbol
	$$;
COMMENT ON FUNCTION pulse_correlation_matrix(text, integer) IS
	'Pearson correlation of the daily price returns of each pair of symbols, from the last fill or price told by pulse_mark() of each UTC day in the last days, over the days on which both have one; NULL where a price does not vary or there is but one day. Symbols without a fill in those days are left out. Portfolio NULL means all visible ones. Error 22023 for days out of range.';

CREATE FUNCTION pulse_trading_heatmap(days integer DEFAULT 30, portfolio text DEFAULT NULL, timezone text DEFAULT 'UTC')
	RETURNS TABLE (weekday integer, hour integer, trades bigint, volume numeric, pnl numeric)
	LANGUAGE sql STABLE
	AS $$
	WITH since AS MATERIALIZED (SELECT pulse.check_days($1) AS ts),
	fills AS (
		SELECT extract(isodow FROM f.executed_at AT TIME ZONE $3)::integer AS weekday, extract(hour FROM f.executed_at AT TIME ZONE $3)::integer AS hour,
			count(*) AS trades, sum(f.quantity * f.price) AS volume
		FROM since CROSS JOIN LATERAL pulse.recent_fills(since.ts, $2) f
		GROUP BY 1, 2
	), closed AS (
		SELECT extract(isodow FROM t.closed_at AT TIME ZONE $3)::integer AS weekday, extract(hour FROM t.closed_at AT TIME ZONE $3)::integer AS hour,
			sum(t.net_pnl) AS pnl
		FROM pulse.current_trades($2, 'average') t CROSS JOIN since
		WHERE t.closed_at >= since.ts
		GROUP BY 1, 2
	)
	SELECT d, h, coalesce(f.trades, 0), coalesce(trim_scale(f.volume), 0), coalesce(trim_scale(c.pnl), 0)
	FROM generate_series(1, 7) d CROSS JOIN generate_series(0, 23) h
	LEFT JOIN fills f ON f.weekday = d AND f.hour = h LEFT JOIN closed c ON c.weekday = d AND c.hour = h
	ORDER BY d, h
	$$;
COMMENT ON FUNCTION pulse_trading_heatmap(integer, text, text) IS
	'When trading happens: for each weekday (1 Monday to 7 Sunday) and hour of a time zone, over the last days, the number of fills, their volume in quote currency and the net profit of the trades closed then; every cell has a row. Portfolio NULL means all visible ones. Error 22023 for days out of range or an unknown zone.';

CREATE FUNCTION pulse_symbol_performance(days integer DEFAULT 30, portfolio text DEFAULT NULL)
	RETURNS TABLE (symbol text, fills bigint, volume numeric, trades bigint, gross_pnl numeric, fees numeric, net_pnl numeric,
				   win_rate double precision, profit_factor double precision, average_win double precision, average_loss double precision,
				   average_return double precision, best_trade numeric, worst_trade numeric, average_holding interval)
	LANGUAGE sql STABLE
	AS $$
	WITH since AS MATERIALIZED (SELECT pulse.check_days($1) AS ts),
	filled AS (
		SELECT f.symbol COLLATE "default" AS symbol, count(*) AS fills, sum(f.quantity * f.price) AS volume
		FROM since CROSS JOIN LATERAL pulse.recent_fills(since.ts, $2) f
		GROUP BY 1
	), closed AS (
		SELECT t.symbol, count(*) AS trades, sum(t.gross_pnl) AS gross_pnl, sum(t.fees) AS fees, sum(t.net_pnl) AS net_pnl,
			@extschema@.pulse_win_rate(t.net_pnl) AS win_rate, @extschema@.pulse_profit_factor(t.net_pnl) AS profit_factor,
			@extschema@.pulse_average_win(t.net_pnl) AS average_win, @extschema@.pulse_average_loss(t.net_pnl) AS average_loss,
			avg(t.trade_return) AS average_return, max(t.net_pnl) AS best_trade, min(t.net_pnl) AS worst_trade, avg(t.closed_at - t.opened_at) AS holding
		FROM pulse.current_trades($2, 'average') t CROSS JOIN since
		WHERE t.closed_at >= since.ts
		GROUP BY t.symbol
	)
	SELECT coalesce(f.symbol, c.symbol), coalesce(f.fills, 0), trim_scale(coalesce(f.volume, 0)), coalesce(c.trades, 0), c.gross_pnl, c.fees, c.net_pnl,
		c.win_rate, c.profit_factor, c.average_win, c.average_loss, c.average_return, c.best_trade, c.worst_trade, c.holding
	FROM filled f FULL JOIN closed c ON c.symbol = f.symbol
	ORDER BY c.net_pnl DESC NULLS LAST, 1
	$$;
COMMENT ON FUNCTION pulse_symbol_performance(integer, text) IS
	'Each symbol over the last days, best first: fills and their volume in quote currency, and the trades closed with gross and net profit, win statistics net of fees, mean return a trade and mean holding time. Undefined is NULL. Portfolio NULL means all visible ones. Error 22023 for days out of range.';

CREATE FUNCTION pulse.growth(for_portfolio text)
	RETURNS TABLE (ts timestamptz, value double precision, r double precision)
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	RETURN QUERY EXECUTE format($q$
		SELECT e.ts, e.value::float8, (((e.value - coalesce(e.flow, 0)) / nullif(lag(e.value) OVER (ORDER BY e.ts), 0)) - 1)::float8
		FROM (%s) e ORDER BY e.ts$q$, pulse.equity_query(for_portfolio, NULL, NULL)) USING for_portfolio;
END
$$;
COMMENT ON FUNCTION pulse.growth(text) IS
	'Equity and the return from snapshot to snapshot, flows removed; NULL for the first.';

CREATE FUNCTION pulse.monthly_growth(for_portfolio text, timezone text)
	RETURNS TABLE (month timestamp, ts timestamptz, value double precision, r double precision)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	series record := pulse.series_of(for_portfolio);
	whole @extschema@.pulse_metrics_row;
	cuts timestamptz[];
BEGIN
	IF series.source_id IS NULL THEN
		RETURN QUERY SELECT date_trunc('month', g.ts AT TIME ZONE timezone), g.ts, g.value, g.r FROM pulse.growth(for_portfolio) g;
		RETURN;
	END IF;
	whole := pulse.state_metrics(series.source_id, series.series_portfolio, NULL, NULL);
	IF whole.first_ts IS NULL THEN
		RETURN;
	END IF;
	cuts := ARRAY(SELECT m AT TIME ZONE timezone FROM generate_series(date_trunc('month', whole.first_ts AT TIME ZONE timezone),
		date_trunc('month', whole.last_ts AT TIME ZONE timezone) + interval '1 month', interval '1 month') m ORDER BY m);
	RETURN QUERY
		SELECT date_trunc('month', s.first_ts AT TIME ZONE timezone), s.last_ts, s.last,
			-- the flow at the very first snapshot is where the curve begins, not a part of it
			CASE WHEN s.before IS NOT NULL THEN s.last * s.link * s.entry_link / nullif(s.before, 0) - 1
				WHEN s.observations > 1 THEN s.last * s.link / nullif(s.first, 0) - 1 END
		FROM (SELECT p.*, lag(p.last) OVER (ORDER BY p.first_ts) AS before
			  FROM pulse.state_segments(series.source_id, series.series_portfolio, cuts, true) p) s;
END
$$;
COMMENT ON FUNCTION pulse.monthly_growth(text, text) IS
	'Returns of stretches of a curve, none longer than a day or across the end of a month of a time zone, or from snapshot to snapshot where it is made of several; NULL for the first snapshot and where equity was not positive.';

CREATE FUNCTION pulse_monthly_returns(portfolio text DEFAULT NULL, timezone text DEFAULT 'UTC')
	RETURNS TABLE (year integer, month integer, monthly_return double precision, end_value double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT extract(year FROM g.month)::integer, extract(month FROM g.month)::integer,
		@extschema@.pulse_total_return(g.r), (array_agg(g.value ORDER BY g.ts DESC))[1]
	FROM pulse.monthly_growth($1, $2) g
	GROUP BY 1, 2
	ORDER BY 1, 2
	$$;
COMMENT ON FUNCTION pulse_monthly_returns(text, text) IS
	'Return of each month of a time zone, from the last snapshot before it to the last one in it, deposits and withdrawals removed; NULL for a month with only the first snapshot. Portfolio NULL: all visible ones together.';

CREATE FUNCTION pulse_drawdowns(top integer DEFAULT 10, portfolio text DEFAULT NULL)
	RETURNS TABLE (rank bigint, depth double precision, peak_at timestamptz, trough_at timestamptz, recovered_at timestamptz,
				   duration interval, time_to_trough interval, time_to_recover interval)
	LANGUAGE sql STABLE
	AS $$
	WITH curve AS (
		SELECT g.ts, coalesce(sum(ln(nullif(greatest(1 + g.r, 0), 0))) OVER (ORDER BY g.ts), 0) AS level FROM pulse.growth($2) g
	), peaks AS (
		SELECT c.ts, c.level, max(c.level) OVER (ORDER BY c.ts) AS peak FROM curve c
	), episodes AS (
		SELECT p.ts, p.level, p.peak, count(*) FILTER (WHERE p.level >= p.peak) OVER (ORDER BY p.ts) AS episode FROM peaks p
	), spans AS (
		SELECT e.episode, min(e.ts) AS peak_at, min(e.level - e.peak) AS fall,
			(array_agg(e.ts ORDER BY e.level, e.ts))[1] AS trough_at, max(e.ts) AS last_at
		FROM episodes e GROUP BY e.episode
	), bounded AS (
		SELECT s.*, lead(s.peak_at) OVER (ORDER BY s.episode) AS recovered_at FROM spans s
	)
	SELECT row_number() OVER (ORDER BY b.fall, b.peak_at), 1 - exp(b.fall), b.peak_at, b.trough_at, b.recovered_at,
		coalesce(b.recovered_at, b.last_at) - b.peak_at, b.trough_at - b.peak_at, b.recovered_at - b.trough_at
	FROM bounded b
	-- less than a rounding error is no drawdown
	WHERE b.fall < -1e-12
	ORDER BY b.fall, b.peak_at
	LIMIT greatest($1, 0)
	$$;
COMMENT ON FUNCTION pulse_drawdowns(integer, text) IS
	'The deepest drawdowns of the equity, deposits and withdrawals removed: depth (a positive fraction of the peak), when the peak was, the lowest point and the recovery (NULL while it lasts), and how long each part took; duration runs to the recovery or the last snapshot. Portfolio NULL: all visible ones together.';
-- Fees by what they were paid in. Those in a third asset are in no profit; where a price of the time is known, they are
-- valued with it here.

CREATE FUNCTION pulse.fee_kind(symbol text, fee_asset text) RETURNS text
	AS 'MODULE_PATHNAME', 'pulse_fee_kind' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.fee_kind(text, text) IS
	'What a fee in an asset is to a symbol: quote (also for NULL), base, or other, a third asset.';

CREATE FUNCTION pulse.other_fees(since timestamptz, for_portfolio text)
	RETURNS TABLE (source_id integer, portfolio text, symbol text, fill_key text, executed_at timestamptz, fee_asset text, quote_asset text,
				   amount numeric, rate numeric, rate_at timestamptz)
	LANGUAGE sql STABLE
	AS $$
	WITH setting AS MATERIALIZED (
		SELECT pulse.config_interval('ledger.fee_rate_max_age') AS max_age
	), charged AS MATERIALIZED (
		SELECT f.source_id, f.portfolio COLLATE "default" AS portfolio, f.symbol COLLATE "default" AS symbol, f.fill_key COLLATE "default" AS fill_key,
			f.executed_at, upper(f.fee_asset) AS asset, (pulse.symbol_assets(f.symbol)).quote AS quote, f.fee AS amount
		FROM pulse.recent_fills($1, $2) f WHERE f.fee <> 0 AND f.fee_asset IS NOT NULL
			AND pulse.fee_kind(f.symbol, f.fee_asset) = 'other'
	), wanted AS MATERIALIZED (
		SELECT c.asset, c.quote, min(c.executed_at) - min(s.max_age) AS first, max(c.executed_at) AS last
		FROM charged c CROSS JOIN setting s WHERE c.quote IS NOT NULL GROUP BY 1, 2
	), pairs AS MATERIALIZED (
		-- a price of the asset in the quote currency, or of the quote currency in the asset
		SELECT w.*, s.symbol, a.base <> w.asset AS inverse
		FROM (SELECT m.symbol FROM pulse.mark m UNION SELECT p.symbol FROM pulse.position p) s
		CROSS JOIN LATERAL pulse.symbol_assets(s.symbol) a
		JOIN wanted w ON (a.base, a.quote) = (w.asset, w.quote) OR (a.base, a.quote) = (w.quote, w.asset)
	), points AS (
		SELECT p.asset, p.quote, h.ts, CASE WHEN p.inverse THEN 1 / h.price ELSE h.price END AS rate
		FROM pairs p JOIN pulse.mark_history h ON h.symbol = p.symbol AND h.ts BETWEEN p.first AND p.last AND h.price > 0
		UNION ALL
		SELECT p.asset, p.quote, f.executed_at, CASE WHEN p.inverse THEN 1 / f.price ELSE f.price END
		FROM pairs p JOIN pulse.fill f ON f.symbol = p.symbol AND f.executed_at BETWEEN p.first AND p.last AND f.price > 0
			JOIN pulse.portfolios_of('trades') o ON o.source_id = f.source_id AND o.portfolio = f.portfolio
	), merged AS (
		SELECT x.*, count(x.rate) OVER (PARTITION BY x.asset, x.quote ORDER BY x.ts, x.rate IS NULL) AS point
		FROM (SELECT p.asset, p.quote, p.ts, p.rate, NULL::integer AS source_id, NULL::text AS portfolio, NULL::text AS symbol, NULL::text AS fill_key, NULL::numeric AS amount
			  FROM points p
			  UNION ALL
			  SELECT c.asset, c.quote, c.executed_at, NULL, c.source_id, c.portfolio, c.symbol, c.fill_key, c.amount FROM charged c) x
	), rated AS (
		SELECT m.*, max(m.rate) FILTER (WHERE m.rate IS NOT NULL) OVER w AS last_rate, min(m.ts) FILTER (WHERE m.rate IS NOT NULL) OVER w AS last_ts
		FROM merged m WINDOW w AS (PARTITION BY m.asset, m.quote, m.point)
	)
	SELECT r.source_id, r.portfolio, r.symbol, r.fill_key, r.ts, r.asset, r.quote, r.amount,
		CASE WHEN r.last_ts >= r.ts - s.max_age THEN r.last_rate END, CASE WHEN r.last_ts >= r.ts - s.max_age THEN r.last_ts END
	FROM rated r CROSS JOIN setting s WHERE r.amount IS NOT NULL
	$$;
COMMENT ON FUNCTION pulse.other_fees(timestamptz, text) IS
	'Fees in a third asset, with the newest price of that asset in the quote currency that was known at the time of the fill (from pulse_mark() or a fill of that pair) and is not older than ledger.fee_rate_max_age; NULL where none is known.';

CREATE FUNCTION pulse_fees(since timestamptz DEFAULT NULL, portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, fee_asset text, kind text, fills bigint, amount numeric, quote_amount numeric, unconverted numeric, quote_asset text)
	LANGUAGE sql STABLE
	AS $$
	SELECT f.portfolio COLLATE "default", upper(f.fee_asset), k.kind, count(*), trim_scale(sum(f.fee)),
		CASE k.kind WHEN 'quote' THEN trim_scale(sum(f.fee)) ELSE trim_scale(sum(f.fee * f.price)) END, 0::numeric, a.quote
	FROM pulse.recent_fills($1, $2) f
	CROSS JOIN LATERAL pulse.fee_kind(f.symbol, f.fee_asset) AS k (kind)
	CROSS JOIN LATERAL pulse.symbol_assets(f.symbol) AS a
	WHERE f.fee <> 0 AND k.kind <> 'other'
	GROUP BY f.portfolio, 2, k.kind, a.quote
	UNION ALL
	SELECT x.portfolio, x.fee_asset, 'other', count(*), trim_scale(sum(x.amount)), trim_scale(round(sum(x.amount * x.rate), 18)),
		trim_scale(coalesce(sum(x.amount) FILTER (WHERE x.rate IS NULL), 0)), x.quote_asset
	FROM pulse.other_fees($1, $2) x
	GROUP BY x.portfolio, x.fee_asset, x.quote_asset
	ORDER BY 1, 2 NULLS FIRST, 3, 8 NULLS FIRST
	$$;
COMMENT ON FUNCTION pulse_fees(timestamptz, text) IS
	'Fees paid (rebates negative) by the asset they were paid in and the currency of the prices (quote_asset, NULL where the symbol does not say). Quote fees, and base ones valued at the price of their fills, are part of every profit after fees. Those in a third asset (kind other) are not: a price of another market decides what they were worth. quote_amount values them with the price of that asset in the quote currency at the time of each fill, from pulse_mark() or a fill of that pair, no older than ledger.fee_rate_max_age; unconverted is the amount, in the asset, of those for which none is known. Fills processed so far; portfolio NULL means all visible ones.';
-- What is odd about the data: rows that could not be booked, and such as were but deserve a look.

CREATE FUNCTION pulse.preset_oddities(source pulse.source)
	RETURNS TABLE (portfolio text, kind text, symbol text, key text, problem text, executed_at timestamptz)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	IF source.columns ->> 'preset' = 'hummingbot trades' THEN
		RETURN QUERY
			SELECT p.portfolio::text, 'coarse price', p.symbol::text, NULL::text,
				format('hummingbot keeps prices to six decimals: one of %s has lost digits, and its profit is not exact', trim_scale(p.mark_price)), p.mark_at
			FROM pulse.position p WHERE p.source_id = source.source_id AND p.mark_price < 0.001;
	ELSIF source.columns ->> 'preset' = 'crypto-pulse-v3 trades' THEN
		RETURN QUERY EXECUTE format($q$
			SELECT $1, 'stale order', o.symbol::text, o.id::text, format('PENDING since %%s', o.created_at), o.created_at AT TIME ZONE 'UTC'
			FROM %I.trades o WHERE concat(o.status) = 'PENDING' AND o.created_at < now() AT TIME ZONE 'UTC' - interval '300 seconds'
			ORDER BY o.created_at DESC LIMIT 1000$q$, source.schema_name) USING coalesce(source.columns #>> '{portfolio,value}', 'main');
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.preset_oddities(pulse.source) IS
	'What is odd in the tables of a known bot: prices that hummingbot has cut to too few digits, orders of crypto-pulse-v3 that have been PENDING for more than 300 seconds.';

CREATE FUNCTION pulse.data_quality(since timestamptz, for_portfolio text)
	RETURNS TABLE (source text, portfolio text, kind text, symbol text, key text, problem text, executed_at timestamptz, fills bigint)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	s pulse.source;
	o record;
BEGIN
	FOR s IN SELECT x.* FROM pulse.source x WHERE x.state = 'active' ORDER BY x.source_id LOOP
		source := format('%I.%I', s.schema_name, s.table_name);
		portfolio := NULL;
		symbol := NULL;
		key := NULL;
		executed_at := NULL;
		fills := NULL;
		IF to_regclass(source) IS NULL THEN
			kind := 'missing table';
			problem := 'there is no such table now; what was computed from it stands';
			RETURN NEXT;
			CONTINUE;
		ELSIF s.last_error IS NOT NULL THEN
			kind := 'unreadable table';
			problem := s.last_error;
			RETURN NEXT;
		END IF;
		CONTINUE WHEN s.kind <> 'trades';
		RETURN QUERY SELECT source, nullif(f.portfolio::text, ''), 'refused', NULL::text, nullif(f.fill_key::text, ''), f.problem, f.executed_at, 1::bigint
			FROM pulse.finding f WHERE f.source_id = s.source_id AND (for_portfolio IS NULL OR f.portfolio = for_portfolio);
		IF s.columns ? 'preset' AND has_table_privilege(to_regclass(source), 'SELECT') THEN
			RETURN QUERY SELECT source, q.portfolio, q.kind, q.symbol, q.key, q.problem, q.executed_at, NULL::bigint FROM pulse.preset_oddities(s) q
				WHERE for_portfolio IS NULL OR q.portfolio = for_portfolio;
		END IF;
		FOR o IN SELECT p.portfolio FROM pulse.portfolios_of('trades') p WHERE p.source_id = s.source_id AND (for_portfolio IS NULL OR p.portfolio = for_portfolio) LOOP
			RETURN QUERY SELECT source, o.portfolio, 'in the future', f.symbol::text, f.fill_key::text, 'executed later than now', f.executed_at, 1::bigint
				FROM pulse.fill f WHERE f.source_id = s.source_id AND f.portfolio = o.portfolio AND f.executed_at > now() + interval '5 minutes'
				ORDER BY f.executed_at LIMIT 1000;
			RETURN QUERY SELECT source, o.portfolio, 'no price', f.symbol::text, max(f.fill_key::text), 'booked at a price of 0', max(f.executed_at), count(*)
				FROM pulse.fill f WHERE f.source_id = s.source_id AND f.portfolio = o.portfolio AND f.executed_at >= since AND f.price = 0 GROUP BY f.symbol;
			-- with an id of the exchange two fills may well be alike
			RETURN QUERY SELECT source, o.portfolio, 'twins', f.symbol::text, max(f.fill_key::text),
					format('%s fills alike in time, side, quantity and price, without ids that tell them apart', count(*)), f.executed_at, count(*)
				FROM pulse.fill f WHERE f.source_id = s.source_id AND f.portfolio = o.portfolio AND f.executed_at >= since AND f.fill_id IS NULL AND f.order_id IS NULL
				GROUP BY f.symbol, f.executed_at, f.side, f.quantity, f.price HAVING count(*) > 1 ORDER BY f.executed_at DESC LIMIT 1000;
		END LOOP;
	END LOOP;
	RETURN QUERY SELECT NULL::text, x.portfolio, 'fee without a rate', x.symbol, NULL::text,
			format('fees of %s %s are in no profit: neither currency of the pair, and no price of it in %s is known of the time', trim_scale(sum(x.amount)), x.fee_asset, coalesce(x.quote_asset, 'the quote currency')),
			max(x.executed_at), count(*)
		FROM pulse.other_fees(since, for_portfolio) x WHERE x.rate IS NULL GROUP BY x.portfolio, x.symbol, x.fee_asset, x.quote_asset;
END
$$;
COMMENT ON FUNCTION pulse.data_quality(timestamptz, text) IS 'Body of pulse_data_quality().';

CREATE FUNCTION pulse_data_quality(days integer DEFAULT 30, portfolio text DEFAULT NULL)
	RETURNS TABLE (source text, portfolio text, kind text, symbol text, key text, problem text, executed_at timestamptz, fills bigint)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.data_quality(pulse.check_days($1), $2) $$;
COMMENT ON FUNCTION pulse_data_quality(integer, text) IS
	'What is wrong or odd with the followed tables. kind: refused, a row that cannot be booked, with the reason (no, zero or negative quantity, negative price, neither BUY nor SELL, NaN, no time, too many digits; at most 1000 a table, gone when it is mended); fee without a rate, fees in a third asset that nothing can value (see pulse_fees); no price, booked at 0; in the future; twins, fills alike in everything without ids that tell them apart; coarse price, symbols that hummingbot keeps too few digits of; stale order, one of crypto-pulse-v3 that has been PENDING for more than 300 seconds; missing table and unreadable table. Booked fills are looked through for the last days, all else whenever it was. Fills processed so far; portfolio NULL means all visible ones. Error 22023 for days out of range.';
-- What a bot says of its own profit, beside what its fills give.

CREATE FUNCTION pulse.reconcile_freqtrade(source pulse.source)
	RETURNS TABLE (portfolio text, item text, symbol text, measure text, theirs numeric, ours numeric, note text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	fill record;
	held numeric := 0;
	basis numeric := 0;
	part numeric;
	missing bigint := 0;
	funding numeric := 0;
BEGIN
	-- average cost with the fees of the entry in it, as freqtrade counts; a trade of the bot at a time
	FOR fill IN EXECUTE format($q$
		SELECT t.id, t.pair::text AS pair, coalesce(t.is_short, false) AS is_short, f.portfolio COLLATE "default" AS portfolio, f.fill_key, f.side, f.quantity, f.price, f.fee,
			(CASE WHEN t.is_open THEN t.realized_profit ELSE t.close_profit_abs END)::numeric AS theirs,
			CASE WHEN t.is_open THEN 'realized_profit' ELSE 'close_profit_abs' END AS measure,
			coalesce((to_jsonb(t) ->> 'funding_fees')::numeric, 0) AS funding,
			row_number() OVER w = 1 AS begins, row_number() OVER w = count(*) OVER (PARTITION BY t.id) AS ends
		FROM %1$I.trades t JOIN %1$I.orders o ON o.ft_trade_id = t.id AND NOT o.ft_is_open AND o.filled > 0
			LEFT JOIN pulse.fill f ON f.source_id = $1 AND f.fill_key = o.id::text
		WHERE CASE WHEN t.is_open THEN t.realized_profit <> 0 ELSE t.close_profit_abs IS NOT NULL END
		WINDOW w AS (PARTITION BY t.id ORDER BY f.executed_at, f.ordinal)
		ORDER BY t.id, f.executed_at, f.ordinal$q$, source.schema_name) USING source.source_id
	LOOP
		IF fill.begins THEN
			held := 0;
			basis := 0;
			ours := 0;
			missing := 0;
			portfolio := NULL;
		END IF;
		portfolio := coalesce(fill.portfolio, portfolio);
		IF fill.fill_key IS NULL THEN
			missing := missing + 1;
		ELSIF (fill.side = 'SELL') = fill.is_short THEN
			held := held + fill.quantity;
			basis := basis + fill.quantity * fill.price + CASE WHEN fill.is_short THEN -fill.fee ELSE fill.fee END;
		ELSE
			part := CASE WHEN fill.quantity >= held THEN basis ELSE basis * fill.quantity / held END;
			ours := ours + CASE WHEN fill.is_short THEN part - fill.quantity * fill.price ELSE fill.quantity * fill.price - part END - fill.fee;
			basis := basis - part;
			held := greatest(held - fill.quantity, 0);
		END IF;
		IF fill.ends THEN
			item := 'trade ' || fill.id;
			symbol := fill.pair;
			measure := fill.measure;
			theirs := fill.theirs;
			funding := fill.funding;
			note := concat_ws('; ', CASE WHEN missing > 0 THEN format('%s orders of it are not booked, see pulse_data_quality()', missing) END,
				CASE WHEN funding <> 0 THEN format('the bot counts funding of %s, which no fill shows', trim_scale(funding)) END,
				CASE WHEN held > 0 AND measure = 'close_profit_abs' THEN format('%s are not sold by its orders', trim_scale(held)) END);
			RETURN NEXT;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.reconcile_freqtrade(pulse.source) IS
	'Net profit of each trade of freqtrade that is closed (close_profit_abs) or has partial exits (realized_profit), beside what its fills give by average cost.';

CREATE FUNCTION pulse.reconcile_hummingbot(source pulse.source)
	RETURNS TABLE (portfolio text, item text, symbol text, measure text, theirs numeric, ours numeric, note text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	IF to_regclass(format('%I."Executors"', source.schema_name)) IS NOT NULL THEN
		RETURN QUERY EXECUTE format($q$
			SELECT min(f.portfolio COLLATE "default"), 'executor ' || e.id, min(f.symbol COLLATE "default"), 'net_pnl_quote', e.net_pnl_quote::numeric,
				sum(CASE f.side WHEN 'SELL' THEN 1 ELSE -1 END * f.quantity * f.price - CASE WHEN f.fee_asset IS NULL THEN f.fee ELSE 0 END),
				CASE WHEN sum(CASE f.side WHEN 'BUY' THEN 1 ELSE -1 END * f.quantity) <> 0
					THEN format('its orders leave %%s open', trim_scale(sum(CASE f.side WHEN 'BUY' THEN 1 ELSE -1 END * f.quantity))) ELSE '' END
			FROM %1$I."Executors" e
			CROSS JOIN LATERAL json_array_elements_text(CASE WHEN json_typeof(e.custom_info::json -> 'order_ids') = 'array' THEN e.custom_info::json -> 'order_ids' ELSE '[]' END) AS o (order_id)
			JOIN pulse.fill f ON f.source_id = $1 AND f.order_id = o.order_id
			WHERE NOT e.is_active::text::boolean
			GROUP BY e.id, e.net_pnl_quote$q$, source.schema_name) USING source.source_id;
	END IF;
	-- a fee that the bot has in quote currency and as JSON
	RETURN QUERY EXECUTE format($q$
		SELECT coalesce($1, f.config_file_path::text), concat_ws('/', f.market, f.exchange_trade_id, f.order_id), f.symbol::text, 'trade_fee_in_quote', f.trade_fee_in_quote / 1000000.0,
			j.fee, 'worked out from trade_fee'
		FROM %1$I."TradeFill" f
		CROSS JOIN LATERAL (SELECT (f.trade_fee ->> 'percent')::numeric * (f.amount / 1000000.0) * (f.price / 1000000.0) AS fee) j
		WHERE f.trade_fee_in_quote <> 0 AND j.fee > 0
			AND json_array_length(CASE WHEN json_typeof(f.trade_fee -> 'flat_fees') = 'array' THEN f.trade_fee -> 'flat_fees' ELSE '[]' END) = 0$q$,
		source.schema_name) USING source.columns #>> '{portfolio,value}';
END
$$;
COMMENT ON FUNCTION pulse.reconcile_hummingbot(pulse.source) IS
	'Net profit of each executor of hummingbot that has ended, where its version keeps them, beside the fills of its orders; and fees that the bot has twice, in quote currency and as a part of the value.';

CREATE FUNCTION pulse.reconcile_crypto_pulse(source pulse.source)
	RETURNS TABLE (portfolio text, item text, symbol text, measure text, theirs numeric, ours numeric, note text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	newest jsonb;
	oldest jsonb;
	of_portfolio text := coalesce(source.columns #>> '{portfolio,value}', 'main');
	held record;
	metrics jsonb;
BEGIN
	EXECUTE format('SELECT to_jsonb(p) FROM %I.portfolio_snapshots p ORDER BY p.timestamp DESC LIMIT 1', source.schema_name) INTO newest;
	EXECUTE format('SELECT to_jsonb(p) FROM %I.portfolio_snapshots p ORDER BY p.timestamp LIMIT 1', source.schema_name) INTO oldest;
	IF newest IS NULL THEN
		RETURN;
	END IF;
	SELECT sum(p.quantity * p.mark_price) AS value, sum(p.realized_pnl + p.quantity * p.mark_price - p.cost - p.fees) AS result,
			(SELECT min(f.executed_at) FROM pulse.fill f WHERE f.source_id = source.source_id) AS first_fill
		INTO held FROM pulse.current_positions(of_portfolio, 'average') p WHERE p.source_id = source.source_id;
	metrics := (SELECT to_jsonb(x) FROM @extschema@.pulse_performance(of_portfolio) x);
	portfolio := of_portfolio;
	item := 'snapshot ' || (newest ->> 'timestamp');
	FOR measure, theirs, ours, note IN
		VALUES ('positions_value', (newest ->> 'positions_value')::numeric, coalesce(held.value, 0), 'at the newest known prices'),
			('total_value', CASE WHEN (oldest ->> 'timestamp')::timestamp AT TIME ZONE 'UTC' <= held.first_fill THEN (newest ->> 'total_value')::numeric - (oldest ->> 'total_value')::numeric END,
				held.result, 'change since the first snapshot; deposits are not known'),
			('max_drawdown', (newest ->> 'max_drawdown')::numeric, (metrics ->> 'max_drawdown')::numeric, 'computed anew from the snapshots'),
			('sharpe_ratio', (newest ->> 'sharpe_ratio')::numeric, (metrics ->> 'sharpe')::numeric, 'computed anew from the snapshots'),
			('daily_return', (newest ->> 'daily_return')::numeric, (metrics ->> 'daily_return')::numeric, 'computed anew from the snapshots'),
			('var_95', (newest ->> 'var_95')::numeric, (metrics ->> 'var_95')::numeric, 'computed anew from the snapshots')
	LOOP
		CONTINUE WHEN theirs IS NULL;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.reconcile_crypto_pulse(pulse.source) IS
	'What crypto-pulse-v3 wrote into its newest snapshot, beside what its fills and snapshots give: value of the positions, change of the total value, and its ratios.';

CREATE FUNCTION pulse.reconcile_all(tolerance numeric, everything boolean)
	RETURNS TABLE (bot text, source text, portfolio text, item text, symbol text, measure text, theirs numeric, ours numeric, difference numeric, note text)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	s pulse.source;
BEGIN
	IF tolerance IS NULL OR NOT (tolerance >= 0 AND tolerance < 'Infinity') THEN
		RAISE EXCEPTION 'the tolerance must be neither negative nor infinite' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	FOR s IN SELECT x.* FROM pulse.source x WHERE x.state = 'active' AND x.kind = 'trades' AND x.columns ? 'preset'
			AND to_regclass(format('%I.%I', x.schema_name, x.table_name)) IS NOT NULL ORDER BY x.source_id LOOP
		RETURN QUERY EXECUTE format($q$
			SELECT $2, format('%%I.%%I', ($1).schema_name, ($1).table_name), r.portfolio, r.item, r.symbol, r.measure, r.theirs, trim_scale(r.ours), trim_scale(r.ours - r.theirs), nullif(r.note, '')
			FROM pulse.%I($1) r WHERE $4 OR r.ours IS NULL OR abs(r.ours - r.theirs) > $3 ORDER BY r.portfolio, length(r.item), r.item, r.measure$q$,
			CASE s.columns ->> 'preset' WHEN 'freqtrade trades' THEN 'reconcile_freqtrade' WHEN 'hummingbot trades' THEN 'reconcile_hummingbot' ELSE 'reconcile_crypto_pulse' END)
			USING s, replace(s.columns ->> 'preset', ' trades', ''), tolerance, everything;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.reconcile_all(numeric, boolean) IS 'Body of pulse_reconcile().';

CREATE FUNCTION pulse_reconcile(tolerance numeric DEFAULT 0.000001, everything boolean DEFAULT false)
	RETURNS TABLE (bot text, source text, portfolio text, item text, symbol text, measure text, theirs numeric, ours numeric, difference numeric, note text)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.reconcile_all($1, $2) $$;
COMMENT ON FUNCTION pulse_reconcile(numeric, boolean) IS
	'Compares what the bots followed by pulse_attach_preset() say of themselves with what their fills give, and lists every difference larger than the tolerance; everything lists what agrees, too. freqtrade: net profit of each closed trade and of partial exits, in the bot''s way (average cost, fees as ratios). hummingbot: net profit of each executor that has ended, and fees that it keeps twice. crypto-pulse-v3: value, change and ratios of its newest snapshot. difference is ours less theirs; note says what explains it. Fills processed so far. Needs the right to read the bot''s tables. Error 22023 for a negative tolerance.';
-- What closed trades and fills say: statistics by this and that, distributions, volume, turnover, holding times, excursions.

CREATE FUNCTION pulse.recent_trades(days integer, portfolio text, method text)
	RETURNS TABLE (source_id integer, portfolio text, symbol text, side text, quantity numeric, entry_price numeric,
				   exit_price numeric, gross_pnl numeric, fees numeric, net_pnl numeric, trade_return double precision,
				   opened_at timestamptz, closed_at timestamptz, strategy text)
	LANGUAGE sql STABLE
	AS $$
	WITH since AS MATERIALIZED (SELECT CASE WHEN $1 IS NULL THEN '-infinity' ELSE pulse.check_days($1) END AS ts)
	SELECT t.* FROM pulse.current_trades($2, $3) t CROSS JOIN since WHERE t.closed_at >= since.ts
	$$;
COMMENT ON FUNCTION pulse.recent_trades(integer, text, text) IS
	'Trades closed in the last days, or all for NULL. Error 22023 for days out of range or an unknown method.';

CREATE FUNCTION pulse_trade_statistics("by" text DEFAULT 'all', days integer DEFAULT NULL, portfolio text DEFAULT NULL,
		timezone text DEFAULT 'UTC', method text DEFAULT 'average')
	RETURNS TABLE (item text, trades bigint, wins bigint, losses bigint, gross_pnl numeric, fees numeric, net_pnl numeric,
				   win_rate double precision, profit_factor double precision, average_win double precision, average_loss double precision,
				   payoff_ratio double precision, expectancy double precision, sqn double precision, kelly double precision,
				   max_consecutive_losses bigint, best_trade numeric, worst_trade numeric, average_return double precision,
				   volume numeric, average_holding interval, median_holding interval)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	key text := CASE lower("by") WHEN 'all' THEN '''all''::text' WHEN 'portfolio' THEN 't.portfolio' WHEN 'symbol' THEN 't.symbol'
		WHEN 'strategy' THEN 't.strategy' WHEN 'side' THEN 't.side'
		WHEN 'weekday' THEN 'extract(isodow FROM t.closed_at AT TIME ZONE $4)::text'
		WHEN 'hour' THEN 'to_char(t.closed_at AT TIME ZONE $4, ''HH24'')'
		WHEN 'day' THEN 'to_char(t.closed_at AT TIME ZONE $4, ''YYYY-MM-DD'')'
		WHEN 'month' THEN 'to_char(t.closed_at AT TIME ZONE $4, ''YYYY-MM'')' END;
BEGIN
	IF key IS NULL THEN
		RAISE EXCEPTION 'trades cannot be grouped by %', coalesce(quote_literal("by"), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use all, portfolio, symbol, strategy, side, weekday, hour, day or month.';
	END IF;
	PERFORM pulse.check_zone(timezone);
	RETURN QUERY EXECUTE format($q$
		SELECT %s, count(*), count(*) FILTER (WHERE t.net_pnl > 0), count(*) FILTER (WHERE t.net_pnl < 0),
			trim_scale(sum(t.gross_pnl)), trim_scale(sum(t.fees)), trim_scale(sum(t.net_pnl)),
			@extschema@.pulse_win_rate(t.net_pnl), @extschema@.pulse_profit_factor(t.net_pnl),
			@extschema@.pulse_average_win(t.net_pnl), @extschema@.pulse_average_loss(t.net_pnl), @extschema@.pulse_payoff_ratio(t.net_pnl),
			@extschema@.pulse_expectancy(t.net_pnl), @extschema@.pulse_sqn(t.net_pnl), @extschema@.pulse_kelly_discrete(t.net_pnl),
			@extschema@.pulse_max_consecutive_losses(t.net_pnl ORDER BY t.closed_at, t.opened_at), max(t.net_pnl), min(t.net_pnl), avg(t.trade_return),
			trim_scale(sum(round(t.quantity * (t.entry_price + t.exit_price), 12))), avg(t.closed_at - t.opened_at),
			percentile_cont(0.5) WITHIN GROUP (ORDER BY t.closed_at - t.opened_at)
		FROM pulse.recent_trades($1, $2, $3) t
		GROUP BY 1 ORDER BY 1$q$, key) USING days, portfolio, method, timezone;
END
$$;
COMMENT ON FUNCTION pulse_trade_statistics(text, integer, text, text, text) IS
	'Statistics of the trades closed in the last days (NULL: ever), one row for each value of what they are grouped by: all, portfolio, symbol, strategy (NULL: none named), side (LONG, SHORT), weekday (1 Monday to 7 Sunday), hour (00 to 23), day or month of the closing time in a time zone. All are net of fees in quote currency, each as the aggregate of that name defines it (pulse_win_rate, pulse_profit_factor, …; losses positive); volume is what was bought and sold, average_return the mean of the returns on the entry value. By fifo, lifo and hifo a trade is a lot that was closed. Undefined is NULL. Portfolio NULL means all visible ones. Error 22023 for another grouping, days out of range, an unknown zone or method.';

CREATE FUNCTION pulse_pnl_distribution(bins integer DEFAULT 20, days integer DEFAULT NULL, portfolio text DEFAULT NULL, measure text DEFAULT 'pnl')
	RETURNS TABLE (bin integer, lower double precision, upper double precision, trades bigint, share double precision, net_pnl numeric)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	IF bins IS NULL OR bins < 1 OR bins > 1000 THEN
		RAISE EXCEPTION 'bins must lie between 1 and 1000' USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is 20.';
	ELSIF coalesce(pg_catalog.lower(measure), '') NOT IN ('pnl', 'return') THEN
		RAISE EXCEPTION 'unknown measure %', coalesce(quote_literal(measure), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use pnl or return.';
	END IF;
	RETURN QUERY
	WITH measured AS MATERIALIZED (
		SELECT CASE pg_catalog.lower(measure) WHEN 'pnl' THEN t.net_pnl::double precision ELSE t.trade_return END AS v, t.net_pnl
		FROM pulse.recent_trades(days, portfolio, 'average') t
	), bounds AS (
		SELECT min(v) AS low, max(v) AS high, CASE WHEN min(v) = max(v) THEN 1 ELSE bins END AS n, count(v) AS total FROM measured
	), counted AS (
		-- the largest value belongs to the last bin
		SELECT CASE WHEN b.n = 1 THEN 1 ELSE least(width_bucket(x.v, b.low, b.high, b.n), b.n) END AS bin, count(*) AS trades, sum(x.net_pnl) AS net_pnl
		FROM measured x CROSS JOIN bounds b WHERE x.v IS NOT NULL GROUP BY 1
	)
	SELECT g, b.low + (b.high - b.low) * (g - 1) / b.n, b.low + (b.high - b.low) * g / b.n, coalesce(c.trades, 0),
		coalesce(c.trades, 0)::double precision / b.total, trim_scale(coalesce(c.net_pnl, 0))
	FROM bounds b CROSS JOIN LATERAL generate_series(1, CASE WHEN b.total > 0 THEN b.n ELSE 0 END) g LEFT JOIN counted c ON c.bin = g
	ORDER BY g;
END
$$;
COMMENT ON FUNCTION pulse_pnl_distribution(integer, integer, text, text) IS
	'Histogram of the trades closed in the last days (NULL: ever) by their net profit, or by their return (measure return): bins of equal width from the smallest to the largest; each one holds its lower bound, the last one its upper bound too; share is that of all trades. One bin where all are the same, no row without trades. Portfolio NULL means all visible ones. Error 22023 for a number of bins or days out of range, or another measure.';

CREATE FUNCTION pulse_holding_times(days integer DEFAULT NULL, portfolio text DEFAULT NULL)
	RETURNS TABLE (outcome text, trades bigint, shortest interval, lower_quartile interval, median interval, upper_quartile interval,
				   longest interval, average interval)
	LANGUAGE sql STABLE
	AS $$
	SELECT coalesce(x.outcome, 'all'), count(*), min(x.held), (percentile_cont(0.25) WITHIN GROUP (ORDER BY x.held)),
		percentile_cont(0.5) WITHIN GROUP (ORDER BY x.held), percentile_cont(0.75) WITHIN GROUP (ORDER BY x.held), max(x.held), avg(x.held)
	FROM (SELECT t.closed_at - t.opened_at AS held, CASE WHEN t.net_pnl > 0 THEN 'win' WHEN t.net_pnl < 0 THEN 'loss' ELSE 'even' END AS outcome
		  FROM pulse.recent_trades($1, $2, 'average') t) x
	GROUP BY GROUPING SETS ((), (x.outcome))
	HAVING count(*) > 0
	ORDER BY 1
	$$;
COMMENT ON FUNCTION pulse_holding_times(integer, text) IS
	'How long the trades closed in the last days (NULL: ever) were held, from the first fill to the last: quartiles, extremes and mean, of all of them, and by outcome after fees (even, loss, win). Portfolio NULL means all visible ones. Error 22023 for days out of range.';

CREATE FUNCTION pulse_volume(bucket interval DEFAULT '1 day', days integer DEFAULT 30, portfolio text DEFAULT NULL, symbol text DEFAULT NULL,
		timezone text DEFAULT 'UTC')
	RETURNS TABLE (ts timestamptz, fills bigint, buys bigint, sells bigint, volume numeric, buy_volume numeric, sell_volume numeric,
				   average_fill numeric, largest_fill numeric)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	since timestamptz := pulse.check_days(days);
	seconds double precision := extract(epoch FROM bucket);
BEGIN
	PERFORM pulse.check_zone(timezone);
	IF seconds IS NULL OR seconds < 1 OR seconds * 100000 < days * 86400.0 OR extract(month FROM bucket) <> 0 OR extract(year FROM bucket) <> 0 THEN
		RAISE EXCEPTION 'the bucket must be at least a second, no months, and make no more than 100000 of the days'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For example ''1 hour'', ''1 day'' or ''7 days''.';
	END IF;
	RETURN QUERY
	-- weeks begin on Monday
	SELECT date_bin(bucket, f.executed_at AT TIME ZONE timezone, '2001-01-01') AT TIME ZONE timezone, count(*),
		count(*) FILTER (WHERE f.side = 'BUY'), count(*) FILTER (WHERE f.side = 'SELL'), trim_scale(sum(f.quantity * f.price)),
		trim_scale(coalesce(sum(f.quantity * f.price) FILTER (WHERE f.side = 'BUY'), 0)),
		trim_scale(coalesce(sum(f.quantity * f.price) FILTER (WHERE f.side = 'SELL'), 0)),
		trim_scale(avg(f.quantity * f.price)), trim_scale(max(f.quantity * f.price))
	FROM pulse.recent_fills(since, pulse_volume.portfolio) f
	WHERE pulse_volume.symbol IS NULL OR f.symbol = pulse_volume.symbol
	GROUP BY 1 ORDER BY 1;
END
$$;
COMMENT ON FUNCTION pulse_volume(interval, integer, text, text, text) IS
	'What was traded in the last days, by buckets of time in a time zone (weeks begin on Monday): fills, purchases and sales, their volume in quote currency, the mean and the largest fill; a bucket without fills has no row. Fills processed so far. Portfolio and symbol NULL mean all visible ones. Error 22023 for a bucket or days out of range or an unknown zone.';

CREATE FUNCTION pulse.turnover(since timestamptz, for_portfolio text)
	RETURNS TABLE (portfolio text, fills bigint, volume numeric, average_equity numeric, turnover double precision, annual_turnover double precision)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	covered double precision;
BEGIN
	FOR portfolio, fills, volume IN
		SELECT o.portfolio, coalesce(x.fills, 0), trim_scale(coalesce(x.volume, 0))
		FROM (SELECT DISTINCT p.portfolio FROM pulse.portfolios_of('trades') p WHERE for_portfolio IS NULL OR p.portfolio = for_portfolio) o
			LEFT JOIN (SELECT f.portfolio, count(*) AS fills, sum(f.quantity * f.price) AS volume FROM pulse.recent_fills(since, for_portfolio) f GROUP BY 1) x
			ON x.portfolio = o.portfolio
		ORDER BY 1
	LOOP
		-- the value that stood on each day, not at each snapshot: they may come more often at one time than at another
		EXECUTE format($q$SELECT trim_scale(round(avg(d.value), 8)), extract(epoch FROM now() - greatest(min(d.first_ts), $2)) / 86400 FROM (
			SELECT (array_agg(e.value ORDER BY e.ts DESC))[1] AS value, min(e.ts) AS first_ts FROM (%s) e GROUP BY date_trunc('day', e.ts, 'UTC')) d$q$,
			pulse.equity_query(portfolio, since, NULL)) INTO average_equity, covered USING portfolio, since, NULL::timestamptz;
		turnover := (volume / nullif(average_equity, 0))::double precision;
		annual_turnover := turnover * 365 / greatest(covered, 1);
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.turnover(timestamptz, text) IS 'Body of pulse_turnover().';

CREATE FUNCTION pulse_turnover(days integer DEFAULT 30, portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, fills bigint, volume numeric, average_equity numeric, turnover double precision, annual_turnover double precision)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.turnover(pulse.check_days($1), $2) $$;
COMMENT ON FUNCTION pulse_turnover(integer, text) IS
	'How often each portfolio turned its capital over in the last days: volume of all fills, purchases and sales, in quote currency, over the mean of its value on each day; annual_turnover is that for a year of 365 days, from the time that snapshots cover, at least a day. NULL without snapshots. Fills processed so far. Portfolio NULL means all visible ones. Error 22023 for days out of range.';

CREATE FUNCTION pulse_trade_excursions(days integer DEFAULT 30, portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, symbol text, side text, quantity numeric, entry_price numeric, exit_price numeric, net_pnl numeric,
				   opened_at timestamptz, closed_at timestamptz, marks bigint, mae double precision, mfe double precision,
				   mae_amount numeric, mfe_amount numeric, captured double precision, strategy text)
	LANGUAGE sql STABLE
	AS $$
	SELECT t.portfolio, t.symbol, t.side, t.quantity, t.entry_price, t.exit_price, t.net_pnl, t.opened_at, t.closed_at, m.marks,
		(x.against / nullif(t.entry_price, 0))::double precision, (x.favour / nullif(t.entry_price, 0))::double precision,
		trim_scale(x.against * t.quantity), trim_scale(x.favour * t.quantity),
		(CASE t.side WHEN 'LONG' THEN t.exit_price - t.entry_price ELSE t.entry_price - t.exit_price END / nullif(x.favour, 0))::double precision, t.strategy
	FROM pulse.recent_trades($1, $2, 'average') t
	CROSS JOIN LATERAL (
		SELECT count(*) AS marks, min(h.price) AS low, max(h.price) AS high FROM pulse.mark_history h
		WHERE h.symbol = t.symbol AND h.ts BETWEEN t.opened_at AND t.closed_at
	) m
	CROSS JOIN LATERAL (
		SELECT least(m.low, min(f.price)) AS low, greatest(m.high, max(f.price)) AS high FROM pulse.fill f
		WHERE f.source_id = t.source_id AND f.portfolio = t.portfolio AND f.symbol = t.symbol AND f.executed_at BETWEEN t.opened_at AND t.closed_at
	) p
	CROSS JOIN LATERAL (
		SELECT CASE WHEN m.marks > 0 THEN greatest(CASE t.side WHEN 'LONG' THEN t.entry_price - p.low ELSE p.high - t.entry_price END, 0) END AS against,
			CASE WHEN m.marks > 0 THEN greatest(CASE t.side WHEN 'LONG' THEN p.high - t.entry_price ELSE t.entry_price - p.low END, 0) END AS favour
	) x
	ORDER BY t.closed_at, t.opened_at, t.portfolio, t.symbol
	$$;
COMMENT ON FUNCTION pulse_trade_excursions(integer, text) IS
	'How far the price went against and for each round trip closed in the last days (NULL: ever) while it was open: maximum adverse and favourable excursion from its average entry price, as positive fractions of that price (mae, mfe) and in quote currency for its whole quantity (mae_amount, mfe_amount); captured is the part of mfe that the average exit price kept. From the prices told by pulse_mark() while it was open (marks says how many) and its own fills; NULL where none was told. Source: Sweeney 1996. Portfolio NULL means all visible ones. Error 22023 for days out of range.';
-- Health: what is looked at when somebody asks, and what others report. The newest report of each component stands in
-- pulse.health_state, so that asking costs the same however long the history is.

CREATE TABLE pulse.health_state (
	component	text PRIMARY KEY,
	status		text NOT NULL CHECK (status IN ('HEALTHY', 'WARNING', 'CRITICAL', 'UNKNOWN')),
	message		text,
	latency_ms	double precision,
	checked_at	timestamptz NOT NULL,
	details		jsonb NOT NULL DEFAULT '{}',
	expect_every	interval,
	since		timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.health_state IS 'newest report of each component that is not looked at directly';
COMMENT ON COLUMN pulse.health_state.component IS 'api.<exchange>, check.<name>, feed.<name>, resources …';
COMMENT ON COLUMN pulse.health_state.status IS 'HEALTHY, WARNING, CRITICAL or UNKNOWN';
COMMENT ON COLUMN pulse.health_state.message IS 'why, for people';
COMMENT ON COLUMN pulse.health_state.latency_ms IS 'what it took, NULL where that means nothing';
COMMENT ON COLUMN pulse.health_state.checked_at IS 'when that was found';
COMMENT ON COLUMN pulse.health_state.details IS 'numbers behind it';
COMMENT ON COLUMN pulse.health_state.expect_every IS 'a report older than this says nothing any more: UNKNOWN; NULL: it holds until the next';
COMMENT ON COLUMN pulse.health_state.since IS 'since when the status has been the same';

CREATE TABLE pulse.database_sample (
	at			timestamptz PRIMARY KEY,
	size_bytes	bigint NOT NULL,
	blocks_hit	bigint NOT NULL,
	blocks_read	bigint NOT NULL,
	checkpoints_timed	bigint,
	checkpoints_requested	bigint,
	dead_rows	jsonb NOT NULL DEFAULT '[]'
);
COMMENT ON TABLE pulse.database_sample IS 'statistics of the server every five minutes, for what only a difference shows; kept for eight days';
COMMENT ON COLUMN pulse.database_sample.at IS 'when';
COMMENT ON COLUMN pulse.database_sample.size_bytes IS 'size of this database';
COMMENT ON COLUMN pulse.database_sample.blocks_hit IS 'blocks found in the cache, ever';
COMMENT ON COLUMN pulse.database_sample.blocks_read IS 'blocks not found there, ever';
COMMENT ON COLUMN pulse.database_sample.checkpoints_timed IS 'checkpoints begun because it was time, ever';
COMMENT ON COLUMN pulse.database_sample.checkpoints_requested IS 'checkpoints begun because there was too much to write, ever';
COMMENT ON COLUMN pulse.database_sample.dead_rows IS 'the tables with the largest share of dead rows';

REVOKE ALL ON pulse.health_state, pulse.database_sample FROM PUBLIC;
GRANT SELECT ON pulse.health_sample, pulse.health_state, pulse.heartbeat, pulse.database_sample TO PUBLIC;
GRANT SELECT (pid, started_at, last_tick_at, enabled) ON pulse.worker TO PUBLIC;

INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, presets, description) VALUES
	('health.database_latency_warning', 'number', 'ms', '500', 0, 3600000, '{}', 'database: time to read its statistics from which it is WARNING.'),
	('health.database_latency_critical', 'number', 'ms', '1000', 0, 3600000, '{}', 'The same for CRITICAL.'),
	('health.connections_warning', 'number', 'fraction', '0.8', 0, 1, '{}', 'database: used connections, of those that there may be.'),
	('health.connections_critical', 'number', 'fraction', '0.95', 0, 1, '{}', 'The same for CRITICAL.'),
	('health.cache_hit_ratio_warning', 'number', 'fraction', '0.9', 0, 1, '{}', 'database: blocks found in the cache in the last hour, below which it is WARNING.'),
	('health.cache_hit_ratio_critical', 'number', 'fraction', '0.5', 0, 1, '{}', 'The same for CRITICAL.'),
	('health.transaction_age_warning', 'duration', NULL, '"00:10:00"', 1, NULL, '{"development": "01:00:00"}', 'database: age of the oldest transaction of a client.'),
	('health.transaction_age_critical', 'duration', NULL, '"01:00:00"', 1, NULL, '{"development": "12:00:00"}', 'The same for CRITICAL.'),
	('health.lock_wait_warning', 'duration', NULL, '"00:00:30"', 0, NULL, '{}', 'database: how long somebody has waited for a lock.'),
	('health.lock_wait_critical', 'duration', NULL, '"00:05:00"', 0, NULL, '{}', 'The same for CRITICAL.'),
	('health.replication_lag_warning', 'duration', NULL, '"00:00:30"', 0, NULL, '{}', 'database: how far the slowest standby is behind.'),
	('health.replication_lag_critical', 'duration', NULL, '"00:05:00"', 0, NULL, '{}', 'The same for CRITICAL.'),
	('health.dead_rows_warning', 'number', 'fraction', '0.2', 0, 1, '{}', 'database: dead rows of a table with more than 10000 of them.'),
	('health.dead_rows_critical', 'number', 'fraction', '0.5', 0, 1, '{}', 'The same for CRITICAL.'),
	('health.size_growth_warning', 'number', 'fraction per day', '0.25', 0, 1000, '{}', 'database: growth in a day, once it is larger than 100 MB.'),
	('health.size_growth_critical', 'number', 'fraction per day', '1', 0, 1000, '{}', 'The same for CRITICAL.'),
	('health.checkpoints_requested_warning', 'number', 'fraction', '0.5', 0, 1, '{}', 'database: checkpoints of the last hours that came early, because there was too much to write (max_wal_size).'),
	('health.checkpoints_requested_critical', 'number', 'fraction', '0.9', 0, 1, '{}', 'The same for CRITICAL.'),
	('health.engine_lag_warning', 'duration', NULL, '"00:00:10"', 0, NULL, '{}', 'background_worker: how long changes have waited for a tick.'),
	('health.engine_lag_critical', 'duration', NULL, '"00:01:00"', 0, NULL, '{}', 'The same for CRITICAL.'),
	('health.outbox_age_warning', 'duration', NULL, '"00:05:00"', 0, NULL, '{}', 'outbox: age of the oldest message that should have left, CRITICAL ones after a fifth of it.'),
	('health.outbox_age_critical', 'duration', NULL, '"00:30:00"', 0, NULL, '{}', 'The same for CRITICAL.'),
	('health.data_age_warning', 'duration', NULL, '"00:05:00"', 0, NULL, '{"development": "1 day"}', 'data and feeds: age of the newest row.'),
	('health.data_age_critical', 'duration', NULL, '"00:10:00"', 0, NULL, '{"development": "2 days"}', 'The same for CRITICAL.'),
	('health.api_latency_warning', 'number', 'ms', '2000', 0, 3600000, '{}', 'api.*: latency from which a probe is WARNING whatever it reports itself.'),
	('health.api_latency_critical', 'number', 'ms', '5000', 0, 3600000, '{}', 'The same for CRITICAL.'),
	('health.stale_after', 'duration', NULL, '"00:05:00"', 1, NULL, '{}', 'api.* and resources: age from which a report says nothing any more (UNKNOWN).'),
	('health.forget_after', 'duration', NULL, '"7 days"', 60, NULL, '{}', 'How long a component that nobody reports any more is shown.'),
	('health.history_interval', 'duration', NULL, '"00:01:00"', 10, 86400, '{}', 'How often the health of every component goes into the history.');

CREATE FUNCTION pulse.severity(status text) RETURNS integer
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE status WHEN 'CRITICAL' THEN 3 WHEN 'WARNING' THEN 2 WHEN 'UNKNOWN' THEN 1 ELSE 0 END;
COMMENT ON FUNCTION pulse.severity(text) IS 'Orders health statuses: HEALTHY 0, UNKNOWN 1, WARNING 2, CRITICAL 3.';

CREATE FUNCTION pulse.health_level(value double precision, warning double precision, critical double precision) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN value IS NULL THEN 'UNKNOWN' WHEN value >= critical THEN 'CRITICAL' WHEN value >= warning THEN 'WARNING' ELSE 'HEALTHY' END;
COMMENT ON FUNCTION pulse.health_level(double precision, double precision, double precision) IS
	'Health status of a value that is worse when it is larger; NULL is UNKNOWN.';

CREATE FUNCTION pulse.worst_level(VARIADIC statuses text[]) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN (SELECT s FROM unnest(statuses) s ORDER BY pulse.severity(s) DESC LIMIT 1);
COMMENT ON FUNCTION pulse.worst_level(text[]) IS 'The worst of some health statuses.';

CREATE FUNCTION pulse.config_seconds(key text) RETURNS double precision
	LANGUAGE sql STABLE PARALLEL SAFE RETURN extract(epoch FROM pulse.config_interval(key))::double precision;
COMMENT ON FUNCTION pulse.config_seconds(text) IS 'A setting that is a duration, in seconds.';

CREATE FUNCTION pulse.sample_database(at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	hit bigint;
	missed bigint;
	timed bigint;
	requested bigint;
BEGIN
	SELECT d.blks_hit, d.blks_read INTO hit, missed FROM pg_stat_database d WHERE d.datname = current_database();
	-- PostgreSQL 17 moved them
	IF to_regclass('pg_catalog.pg_stat_checkpointer') IS NOT NULL THEN
		EXECUTE 'SELECT num_timed, num_requested FROM pg_catalog.pg_stat_checkpointer' INTO timed, requested;
	ELSE
		EXECUTE 'SELECT checkpoints_timed, checkpoints_req FROM pg_catalog.pg_stat_bgwriter' INTO timed, requested;
	END IF;
	INSERT INTO pulse.database_sample (at, size_bytes, blocks_hit, blocks_read, checkpoints_timed, checkpoints_requested, dead_rows)
		SELECT sample_database.at, pg_database_size(current_database()), hit, missed, timed, requested, coalesce(
			(SELECT jsonb_agg(jsonb_build_object('table', t.name, 'dead', t.n_dead_tup, 'ratio', round(t.ratio, 4)) ORDER BY t.ratio DESC)
			 FROM (SELECT format('%I.%I', s.schemaname, s.relname) AS name, s.n_dead_tup, s.n_dead_tup::numeric / (s.n_dead_tup + s.n_live_tup) AS ratio
				   FROM pg_stat_user_tables s WHERE s.n_dead_tup > 10000 ORDER BY 3 DESC LIMIT 5) t), '[]')
		ON CONFLICT DO NOTHING;
	DELETE FROM pulse.database_sample s WHERE s.at < sample_database.at - interval '8 days';
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION pulse.sample_database(timestamptz) IS 'Job: stores statistics of the server that only mean something as differences.';
REVOKE ALL ON FUNCTION pulse.sample_database(timestamptz) FROM PUBLIC;
INSERT INTO pulse.job (name, command, every) VALUES ('database_sample', 'pulse.sample_database', '5 minutes');

-- What others' sessions do is hidden from ordinary roles; these numbers need not be.
CREATE FUNCTION pulse.database_facts(OUT connections bigint, OUT allowed integer, OUT transaction_seconds double precision,
		OUT lock_wait_seconds double precision, OUT replication_seconds double precision)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT count(*), current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
		extract(epoch FROM max(clock_timestamp() - a.xact_start) FILTER (WHERE a.backend_type = 'client backend')),
		(SELECT extract(epoch FROM clock_timestamp() - min(l.waitstart)) FROM pg_locks l WHERE NOT l.granted),
		(SELECT extract(epoch FROM max(r.replay_lag)) FROM pg_stat_replication r)
	FROM pg_stat_activity a WHERE a.backend_type IN ('client backend', 'background worker')
	$$;
COMMENT ON FUNCTION pulse.database_facts() IS
	'What pg_stat_activity, pg_locks and pg_stat_replication say as numbers: connections and how many there may be, age of the oldest transaction, longest wait for a lock, lag of the slowest standby.';

CREATE FUNCTION pulse.check_database(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	begun timestamptz := clock_timestamp();
	facts record;
	newest pulse.database_sample;
	earlier pulse.database_sample;
	yesterday pulse.database_sample;
	hit_ratio double precision;
	growth double precision;
	requested double precision;
	dead double precision;
	problems text;
BEGIN
	SELECT * INTO facts FROM pulse.database_facts();
	latency_ms := extract(epoch FROM clock_timestamp() - begun) * 1000;
	SELECT * INTO newest FROM pulse.database_sample s WHERE s.at <= check_database.at ORDER BY s.at DESC LIMIT 1;
	SELECT * INTO earlier FROM pulse.database_sample s WHERE s.at >= newest.at - interval '1 hour' ORDER BY s.at LIMIT 1;
	SELECT * INTO yesterday FROM pulse.database_sample s WHERE s.at >= newest.at - interval '25 hours' ORDER BY s.at LIMIT 1;
	-- little was read, or the statistics were reset: no statement
	IF newest.blocks_hit + newest.blocks_read - earlier.blocks_hit - earlier.blocks_read > 10000 THEN
		hit_ratio := (newest.blocks_hit - earlier.blocks_hit)::double precision / (newest.blocks_hit + newest.blocks_read - earlier.blocks_hit - earlier.blocks_read);
	END IF;
	IF newest.size_bytes > 100000000 AND newest.at - yesterday.at >= interval '1 hour' THEN
		growth := (newest.size_bytes::double precision / yesterday.size_bytes - 1) * 86400 / extract(epoch FROM newest.at - yesterday.at);
	END IF;
	IF newest.checkpoints_timed + newest.checkpoints_requested - yesterday.checkpoints_timed - yesterday.checkpoints_requested >= 6 THEN
		requested := (newest.checkpoints_requested - yesterday.checkpoints_requested)::double precision
			/ (newest.checkpoints_timed + newest.checkpoints_requested - yesterday.checkpoints_timed - yesterday.checkpoints_requested);
	END IF;
	dead := (newest.dead_rows #>> '{0,ratio}')::double precision;

	SELECT coalesce((pulse.worst_level(VARIADIC array_agg(c.level))), 'HEALTHY'), string_agg(c.problem, '; ' ORDER BY pulse.severity(c.level) DESC, c.nr) FILTER (WHERE c.level <> 'HEALTHY'),
			jsonb_object_agg(c.name, c.level)
		INTO status, problems, details
		FROM (VALUES
			(1, 'latency', latency_ms, pulse.config_float('health.database_latency_warning'), pulse.config_float('health.database_latency_critical'), 1,
				format('its statistics took %s ms', round(latency_ms))),
			(2, 'connections', facts.connections::double precision / greatest(facts.allowed, 1), pulse.config_float('health.connections_warning'), pulse.config_float('health.connections_critical'), 1,
				format('%s of %s connections', facts.connections, facts.allowed)),
			(3, 'transaction_age', facts.transaction_seconds, pulse.config_seconds('health.transaction_age_warning'), pulse.config_seconds('health.transaction_age_critical'), 1,
				format('a transaction has been open for %s s', round(facts.transaction_seconds))),
			(4, 'lock_wait', facts.lock_wait_seconds, pulse.config_seconds('health.lock_wait_warning'), pulse.config_seconds('health.lock_wait_critical'), 1,
				format('somebody has waited for a lock for %s s', round(facts.lock_wait_seconds))),
			(5, 'replication_lag', facts.replication_seconds, pulse.config_seconds('health.replication_lag_warning'), pulse.config_seconds('health.replication_lag_critical'), 1,
				format('a standby is %s s behind', round(facts.replication_seconds))),
			(6, 'cache_hit_ratio', hit_ratio, pulse.config_float('health.cache_hit_ratio_warning'), pulse.config_float('health.cache_hit_ratio_critical'), -1,
				format('only %s %% of the blocks came from the cache', round((hit_ratio * 100)::numeric, 1))),
			(7, 'dead_rows', dead, pulse.config_float('health.dead_rows_warning'), pulse.config_float('health.dead_rows_critical'), 1,
				format('%s %% of %s are dead rows', round((dead * 100)::numeric), newest.dead_rows #>> '{0,table}')),
			(8, 'size_growth', growth, pulse.config_float('health.size_growth_warning'), pulse.config_float('health.size_growth_critical'), 1,
				format('it grows by %s %% a day', round((growth * 100)::numeric))),
			(9, 'checkpoints', requested, pulse.config_float('health.checkpoints_requested_warning'), pulse.config_float('health.checkpoints_requested_critical'), 1,
				format('%s %% of the checkpoints came early', round((requested * 100)::numeric)))
			) v (nr, name, value, warning, critical, direction, problem)
			CROSS JOIN LATERAL (SELECT v.nr, v.name, v.problem, pulse.health_level(v.value * v.direction, v.warning * v.direction, v.critical * v.direction) AS level) c
		WHERE v.value IS NOT NULL;
	message := coalesce(problems, format('%s of %s connections, statistics read in %s ms', facts.connections, facts.allowed, round(latency_ms::numeric, 1)));
	details := jsonb_build_object('connections', facts.connections, 'max_connections', facts.allowed,
		'longest_transaction_seconds', facts.transaction_seconds, 'lock_wait_seconds', facts.lock_wait_seconds,
		'replication_lag_seconds', facts.replication_seconds, 'cache_hit_ratio', hit_ratio, 'size_bytes', newest.size_bytes,
		'size_growth_per_day', growth, 'requested_checkpoints', requested, 'dead_rows', newest.dead_rows, 'levels', details,
		'in_recovery', pg_is_in_recovery(), 'server_version', current_setting('server_version'));
END
$$;
COMMENT ON FUNCTION pulse.check_database(timestamptz) IS
	'Health of the server, each against its settings health.*: time to read its statistics, connections, oldest transaction, longest wait for a lock, lag of the standbys, and, from pulse.database_sample, cache hits of the last hour, dead rows, growth and early checkpoints of the last day. details.levels has the status of each.';

CREATE FUNCTION pulse.check_background_worker(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	waiting double precision := (SELECT extract(epoch FROM check_background_worker.at - min(d.marked_at)) FROM pulse.dirty d);
	w record;
	running boolean;
	idle double precision;
	failing text;
BEGIN
	SELECT k.pid, k.started_at, k.last_tick_at, k.enabled INTO w FROM pulse.worker k;
	SELECT string_agg(format('%s: %s', j.name, left(j.last_error, 200)), '; ' ORDER BY j.name) INTO failing
		FROM pulse.job j WHERE j.enabled AND j.failing > 0;
	running := EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = w.pid AND a.backend_type LIKE 'pulse%');
	idle := extract(epoch FROM check_background_worker.at - w.last_tick_at);
	latency_ms := greatest(waiting, 0) * 1000;
	status := pulse.health_level(coalesce(waiting, 0), pulse.config_seconds('health.engine_lag_warning'), pulse.config_seconds('health.engine_lag_critical'));
	IF status <> 'HEALTHY' THEN
		message := format('changes have waited for %s s', round(waiting::numeric));
	ELSIF running THEN
		message := 'running';
	ELSIF idle < 60 THEN
		message := 'ticks are made by hand';
	ELSE
		status := 'WARNING';
		message := 'not running';
	END IF;
	IF failing IS NOT NULL THEN
		status := pulse.worst_level(status, 'WARNING');
		message := message || '; jobs fail: ' || failing;
	END IF;
	details := jsonb_build_object('pid', CASE WHEN running THEN w.pid END, 'started_at', pulse.json_time(w.started_at),
		'last_tick_at', pulse.json_time(w.last_tick_at), 'oldest_change_seconds', waiting);
END
$$;
COMMENT ON FUNCTION pulse.check_background_worker(timestamptz) IS
	'Health of the engine: whether the background worker runs, how long changes have waited for a tick (10 and 60 s), and which jobs fail. Latency is that wait.';

CREATE FUNCTION pulse.check_outbox(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	waiting record;
	died bigint;
	seen timestamptz := (SELECT h.seen_at FROM pulse.heartbeat h WHERE h.component = 'worker');
	weight double precision;
	leader boolean := EXISTS (SELECT FROM pg_catalog.pg_locks l
		WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 1349872755 AND l.objsubid = 2
			AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database()));
BEGIN
	SELECT count(*) AS messages, extract(epoch FROM check_outbox.at - min(d.not_before)) AS age,
			extract(epoch FROM check_outbox.at - min(d.not_before) FILTER (WHERE d.priority = 'CRITICAL')) AS critical_age
		INTO waiting FROM pulse.delivery d WHERE d.status IN ('pending', 'leased') AND d.not_before <= check_outbox.at;
	SELECT count(*) INTO died FROM (SELECT FROM pulse.delivery d WHERE d.created_at > check_outbox.at - interval '1 hour'
		AND d.status = 'dead' ORDER BY d.delivery_id DESC LIMIT 1000) x;
	weight := greatest(waiting.age, waiting.critical_age * 5);
	status := pulse.health_level(coalesce(weight, 0), pulse.config_seconds('health.outbox_age_warning'), pulse.config_seconds('health.outbox_age_critical'));
	-- who only reads the numbers wants no messages
	IF seen IS NULL OR (NOT leader AND NOT EXISTS (SELECT FROM pulse.delivery d WHERE d.status = 'sent')) THEN
		status := 'UNKNOWN';
		message := format('%s, %s messages wait', CASE WHEN seen IS NULL THEN 'no pulse-worker has connected yet' ELSE 'no pulse-worker sends messages' END, waiting.messages);
	ELSIF status <> 'HEALTHY' THEN
		message := format('%s messages wait, the oldest for %s s', waiting.messages, round(waiting.age));
	ELSIF died > 0 THEN
		status := 'WARNING';
		message := format('%s messages of the last hour could not be delivered, see pulse.delivery', died);
	ELSE
		message := CASE WHEN waiting.messages > 0 THEN format('%s messages wait', waiting.messages) ELSE 'empty' END;
	END IF;
	latency_ms := greatest(waiting.age, 0) * 1000;
	details := jsonb_build_object('waiting', waiting.messages, 'oldest_seconds', waiting.age, 'dead_last_hour', died,
		'leader', leader);
END
$$;
COMMENT ON FUNCTION pulse.check_outbox(timestamptz) IS
	'Health of the deliveries: age of the oldest message that should have left (5 and 30 minutes; a fifth of that for CRITICAL ones), messages given up in the last hour, and whether a pulse-worker leads.';

CREATE FUNCTION pulse.check_data(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	newest timestamptz;
	stale double precision;
	unsound bigint := (SELECT count(*) FROM pulse.finding);
	broken text := (SELECT string_agg(format('%s.%s: %s', s.schema_name, s.table_name,
						CASE WHEN to_regclass(format('%I.%I', s.schema_name, s.table_name)) IS NULL THEN 'it is not there' ELSE s.last_error END), '; ')
					FROM pulse.source s WHERE s.state = 'active'
						AND (s.last_error IS NOT NULL OR to_regclass(format('%I.%I', s.schema_name, s.table_name)) IS NULL));
BEGIN
	-- What the tick has computed is good enough while it is recent: with ten thousand portfolios that is one small table
	-- instead of as many looks into the user's.
	IF has_table_privilege('pulse.performance_state', 'SELECT') THEN
		SELECT max(p.ts) INTO newest FROM pulse.performance_state p WHERE p.ts <= check_data.at;
	END IF;
	IF newest IS NULL OR check_data.at - newest > make_interval(secs => pulse.config_seconds('health.data_age_warning') / 2) THEN
		SELECT max(s.ts) INTO newest FROM pulse.latest_snapshots(NULL) s;
	END IF;
	stale := extract(epoch FROM check_data.at - newest);
	IF NOT EXISTS (SELECT FROM pulse.source s WHERE s.state = 'active') THEN
		status := 'UNKNOWN';
		message := 'no table is followed; pulse_setup() creates the two';
	ELSIF broken IS NOT NULL THEN
		status := 'CRITICAL';
		message := left(broken, 500);
	ELSIF newest IS NULL THEN
		status := 'UNKNOWN';
		message := 'no snapshot yet';
	ELSE
		status := pulse.health_level(stale, pulse.config_seconds('health.data_age_warning'), pulse.config_seconds('health.data_age_critical'));
		message := format('newest snapshot is %s s old', greatest(0, round(stale::numeric)));
		latency_ms := greatest(0, stale) * 1000;
	END IF;
	IF unsound > 0 THEN
		status := pulse.worst_level(status, 'WARNING');
		message := message || format('; %s rows cannot be booked, see pulse.finding', unsound);
	END IF;
	details := jsonb_build_object('newest_snapshot', pulse.json_time(newest), 'age_seconds', stale, 'findings', unsound);
END
$$;
COMMENT ON FUNCTION pulse.check_data(timestamptz) IS
	'Health of the followed tables: age of the newest snapshot (5 and 10 minutes), tables that are gone or cannot be read, rows that cannot be booked.';

CREATE FUNCTION pulse.silence_level(silent interval, expected interval, reported text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN silent > expected * 3 THEN 'CRITICAL' WHEN silent > expected THEN pulse.worst_level(reported, 'WARNING') ELSE reported END;
COMMENT ON FUNCTION pulse.silence_level(interval, interval, text) IS
	'Status of a component that reports by itself: at least WARNING after the expected time of silence, CRITICAL after three times that, else what it reported.';

CREATE FUNCTION pulse.check_worker(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	beat pulse.heartbeat;
	silence interval;
BEGIN
	SELECT * INTO beat FROM pulse.heartbeat h WHERE h.component = 'worker';
	silence := check_worker.at - beat.seen_at;
	IF beat.component IS NULL THEN
		status := 'UNKNOWN';
		message := 'no pulse-worker has reported yet';
	ELSE
		status := pulse.silence_level(silence, coalesce(beat.expect_every, interval '90 seconds'), beat.status);
		message := CASE WHEN silence > coalesce(beat.expect_every, interval '90 seconds') THEN format('silent for %s s', round(extract(epoch FROM silence)))
			ELSE format('reported %s s ago', greatest(0, round(extract(epoch FROM silence)))) END;
	END IF;
	latency_ms := greatest(0, extract(epoch FROM silence)) * 1000;
	details := coalesce(beat.details, '{}');
END
$$;
COMMENT ON FUNCTION pulse.check_worker(timestamptz) IS
	'Health of the pulse-worker program: what it reported with its last heartbeat, WARNING after one interval of silence and CRITICAL after three.';

CREATE FUNCTION pulse.check_registrations(at timestamptz, OUT status text, OUT message text, OUT latency_ms double precision, OUT details jsonb)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT CASE WHEN count(*) FILTER (WHERE s.failing > 0 OR NOT r.enabled) > 0 THEN 'WARNING' ELSE 'HEALTHY' END,
		coalesce(left(string_agg(format('%s %s %s: %s', replace(r.kind, '_', ' '), r.name, CASE WHEN r.enabled THEN 'fails' ELSE 'is switched off' END, left(s.last_error, 200)), '; ' ORDER BY r.kind, r.name)
			FILTER (WHERE s.failing > 0 OR NOT r.enabled), 1000), format('%s run', count(*))),
		NULL::double precision, jsonb_build_object('registered', count(*), 'failing', count(*) FILTER (WHERE s.failing > 0), 'disabled', count(*) FILTER (WHERE NOT r.enabled))
	FROM pulse.registration r JOIN pulse.registration_state s USING (kind, name)
	$$;
COMMENT ON FUNCTION pulse.check_registrations(timestamptz) IS
	'Health of what users registered: WARNING while any metric, check, section or feed fails by itself or has been switched off, with the reasons.';

CREATE FUNCTION pulse.health_at(at timestamptz, only_component text DEFAULT NULL)
	RETURNS TABLE (component text, status text, message text, latency_ms double precision, checked_at timestamptz, details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	own CONSTANT text[] := '{database,background_worker,data,worker,outbox,registrations}';
	api_warning double precision := pulse.config_float('health.api_latency_warning');
	api_critical double precision := pulse.config_float('health.api_latency_critical');
	stale_after interval := pulse.config_interval('health.stale_after');
	forget_after interval := pulse.config_interval('health.forget_after');
BEGIN
	IF only_component IS NULL OR only_component = 'database' THEN
		RETURN QUERY SELECT 'database'::text, c.status, c.message, c.latency_ms, health_at.at, c.details FROM pulse.check_database(health_at.at) c;
	END IF;
	IF only_component IS NULL OR only_component = 'background_worker' THEN
		RETURN QUERY SELECT 'background_worker'::text, c.status, c.message, c.latency_ms, health_at.at, c.details FROM pulse.check_background_worker(health_at.at) c;
	END IF;
	IF only_component IS NULL OR only_component = 'data' THEN
		RETURN QUERY SELECT 'data'::text, c.status, c.message, c.latency_ms, health_at.at, c.details FROM pulse.check_data(health_at.at) c;
	END IF;
	IF only_component IS NULL OR only_component = 'worker' THEN
		RETURN QUERY SELECT 'worker'::text, c.status, c.message, c.latency_ms, health_at.at, c.details FROM pulse.check_worker(health_at.at) c;
	END IF;
	IF only_component IS NULL OR only_component = 'outbox' THEN
		RETURN QUERY SELECT 'outbox'::text, c.status, c.message, c.latency_ms, health_at.at, c.details FROM pulse.check_outbox(health_at.at) c;
	END IF;
	IF only_component IS NULL OR only_component = 'registrations' THEN
		RETURN QUERY SELECT 'registrations'::text, c.status, c.message, c.latency_ms, health_at.at, c.details FROM pulse.check_registrations(health_at.at) c
			WHERE c.details ->> 'registered' <> '0';
	END IF;
	RETURN QUERY
		SELECT h.component, pulse.silence_level(health_at.at - h.seen_at, h.expect_every, h.status),
			CASE WHEN h.seen_at + h.expect_every < health_at.at THEN format('silent for %s s', round(extract(epoch FROM health_at.at - h.seen_at)))
				ELSE coalesce(h.details ->> 'message', 'reported') END,
			NULL::double precision, h.seen_at, h.details
		FROM pulse.heartbeat h
		WHERE h.component <> ALL (own) AND (only_component IS NULL OR h.component = only_component);
	RETURN QUERY SELECT 'model.' || m.name, m.status, m.message, NULL::double precision, m.reported_at, m.details FROM pulse.models_at(health_at.at) m
		WHERE only_component IS NULL OR 'model.' || m.name = only_component;
	RETURN QUERY
		SELECT s.component,
			CASE WHEN x.stale THEN 'UNKNOWN'
				WHEN s.component LIKE 'api.%' AND s.latency_ms IS NOT NULL AND s.status <> 'UNKNOWN' THEN pulse.worst_level(s.status, pulse.health_level(s.latency_ms, api_warning, api_critical))
				ELSE s.status END,
			CASE WHEN x.stale THEN format('no report for %s s; the last was %s%s', round(extract(epoch FROM health_at.at - s.checked_at)), s.status, ': ' || s.message)
				WHEN s.component LIKE 'api.%' AND s.latency_ms >= api_warning THEN concat_ws('; ', format('latency %s ms', round(s.latency_ms)), s.message)
				ELSE s.message END,
			s.latency_ms, s.checked_at, s.details
		FROM pulse.health_state s CROSS JOIN LATERAL (SELECT health_at.at - s.checked_at > coalesce(s.expect_every,
			CASE WHEN s.component LIKE 'api.%' OR s.component LIKE 'resources%' THEN stale_after END) IS TRUE AS stale) x
		WHERE s.component <> ALL (own) AND (only_component IS NULL OR s.component = only_component)
			AND s.checked_at > health_at.at - forget_after
			AND NOT EXISTS (SELECT FROM pulse.heartbeat h WHERE h.component = s.component);
END
$$;
COMMENT ON FUNCTION pulse.health_at(timestamptz, text) IS
	'pulse_health() as it is at a time, of one component or (NULL) of all: what reported by itself is judged by its age at that time.';

CREATE FUNCTION pulse_health()
	RETURNS TABLE (component text, status text, message text, latency_ms double precision, checked_at timestamptz, details jsonb)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.health_at(now()) $$;
COMMENT ON FUNCTION pulse_health() IS
	'Health of every component: database, background_worker, data, worker, outbox and registrations (if there are any), looked at now; and, as last reported, api.* and resources (by pulse-worker), feed.<name>, model.<name>, check.<name>, and whatever reported itself by pulse_heartbeat() or pulse_record_health(). Status is HEALTHY, WARNING, CRITICAL or UNKNOWN, by the settings health.*; latency_ms is what the component takes or waits, NULL where it means nothing.';

CREATE FUNCTION pulse.check_component(name text)
	RETURNS TABLE (component text, status text, message text, latency_ms double precision, checked_at timestamptz, details jsonb)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	RETURN QUERY SELECT h.* FROM pulse.health_at(now(), name) h WHERE h.component = name;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'unknown component: %', coalesce(quote_literal(name), 'NULL')
			USING ERRCODE = 'undefined_object',
				  DETAIL = (SELECT format('There are: %s.', string_agg(h.component, ', ' ORDER BY h.component)) FROM @extschema@.pulse_health() h);
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.check_component(text) IS 'Body of pulse_health_check().';

CREATE FUNCTION pulse_health_check(component text)
	RETURNS TABLE (component text, status text, message text, latency_ms double precision, checked_at timestamptz, details jsonb)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.check_component($1) $$;
COMMENT ON FUNCTION pulse_health_check(text) IS
	'Health of one component, as pulse_health() has it; nothing else is looked at. Error 42704 for a component that nobody knows, with those that there are.';

CREATE FUNCTION pulse.overall_status(statuses text[]) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN 'CRITICAL' = ANY (statuses) THEN 'CRITICAL' WHEN 'WARNING' = ANY (statuses) THEN 'WARNING'
		WHEN 'HEALTHY' = ANY (statuses) THEN 'HEALTHY' ELSE 'UNKNOWN' END;
COMMENT ON FUNCTION pulse.overall_status(text[]) IS 'The worst of all statuses; unknown ones do not count while any is known.';

CREATE FUNCTION pulse_overall_health()
	RETURNS TABLE (component text, status text, message text, latency_ms double precision, checked_at timestamptz, details jsonb)
	LANGUAGE sql STABLE
	AS $$
	SELECT 'overall', pulse.overall_status(array_agg(h.status)),
		coalesce(string_agg(format('%s: %s', h.component, h.message), '; ' ORDER BY pulse.severity(h.status) DESC, h.component)
				 FILTER (WHERE h.status IN ('WARNING', 'CRITICAL')), format('%s components', count(*))),
		max(h.latency_ms) FILTER (WHERE h.component = 'database'), now(),
		jsonb_object_agg(h.component, h.status)
	FROM @extschema@.pulse_health() h
	$$;
COMMENT ON FUNCTION pulse_overall_health() IS
	'One row for everything: the worst status of all components (UNKNOWN ones do not count while any is known), what is wrong, and the status of each in details.';

CREATE FUNCTION pulse.health_data() RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	SELECT jsonb_build_object(
		'status', pulse.overall_status(array_agg(h.status)),
		'components', coalesce(jsonb_agg(jsonb_build_object('component', h.component, 'status', h.status, 'message', h.message,
			'latency_ms', pulse.json_number(h.latency_ms), 'checked_at', pulse.json_time(h.checked_at), 'details', h.details)
			ORDER BY h.component), '[]'))
	FROM @extschema@.pulse_health() h
	$$;
COMMENT ON FUNCTION pulse.health_data() IS
	'Data of HEALTH_UPDATE: the overall status and every component.';
-- Health as others report it: probes, machines, heartbeats, models; and the history of all.

CREATE FUNCTION pulse.check_status(status text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	IF upper(status) IN ('HEALTHY', 'WARNING', 'CRITICAL', 'UNKNOWN') THEN
		RETURN upper(status);
	END IF;
	RAISE EXCEPTION 'unknown health status: %', coalesce(quote_literal(status), 'NULL')
		USING ERRCODE = 'invalid_parameter_value', HINT = 'Use HEALTHY, WARNING, CRITICAL or UNKNOWN.';
END
$$;
COMMENT ON FUNCTION pulse.check_status(text) IS 'A health status in upper case; error 22023 for anything else.';

CREATE FUNCTION pulse.note_health(component text, status text, message text, latency_ms double precision, details jsonb, at timestamptz,
								  expect_every interval DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	INSERT INTO pulse.health_state AS h (component, status, message, latency_ms, checked_at, details, expect_every, since)
		VALUES (note_health.component, note_health.status, left(note_health.message, 2000), note_health.latency_ms, note_health.at,
				coalesce(note_health.details, '{}'), note_health.expect_every, note_health.at)
		ON CONFLICT (component) DO UPDATE SET status = excluded.status, message = excluded.message, latency_ms = excluded.latency_ms,
			checked_at = excluded.checked_at, details = excluded.details, expect_every = excluded.expect_every,
			since = CASE WHEN h.status = excluded.status THEN h.since ELSE excluded.since END
			WHERE h.checked_at <= excluded.checked_at;
	INSERT INTO pulse.health_sample (component, status, message, latency_ms, details, checked_at)
		VALUES (note_health.component, note_health.status, left(note_health.message, 2000), note_health.latency_ms,
				coalesce(note_health.details, '{}'), note_health.at);
END
$$;
REVOKE ALL ON FUNCTION pulse.note_health(text, text, text, double precision, jsonb, timestamptz, interval) FROM PUBLIC;
COMMENT ON FUNCTION pulse.note_health(text, text, text, double precision, jsonb, timestamptz, interval) IS
	'Stores what was found out about a component at a time, as its newest state and in the history; an older report never takes the place of a newer one.';

CREATE FUNCTION pulse_record_health(component text, status text, message text DEFAULT NULL, latency_ms double precision DEFAULT NULL,
									details jsonb DEFAULT '{}') RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	period double precision := CASE WHEN jsonb_typeof(details -> 'expect_every') = 'number' THEN (details ->> 'expect_every')::double precision END;
BEGIN
	IF coalesce(component, '') = '' OR length(component) > 200 THEN
		RAISE EXCEPTION 'a component needs a name of at most 200 characters' USING ERRCODE = 'invalid_parameter_value';
	ELSIF jsonb_typeof(details) <> 'object' OR pg_column_size(details) > 65536 THEN
		RAISE EXCEPTION 'details must be a JSON object of at most 64 kB' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM pulse.note_health(component, pulse.check_status(status), message, CASE WHEN latency_ms >= 0 AND latency_ms < 'Infinity' THEN latency_ms END,
		details, clock_timestamp(), CASE WHEN period BETWEEN 1 AND 31536000 THEN make_interval(secs => period) END);
END
$$;
REVOKE ALL ON FUNCTION pulse_record_health(text, text, text, double precision, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION pulse_record_health(text, text, text, double precision, jsonb) IS
	'Stores the result of a health check that somebody else has done; pulse_health() shows the newest of each component, pulse_health_history() all. Where details.expect_every (seconds) is given, or for api.* and resources the setting health.stale_after, an older report counts as UNKNOWN. Error 22023 for an unknown status or an unfit name.';

CREATE FUNCTION pulse_forget_health(component text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	gone integer;
	forgotten integer;
BEGIN
	DELETE FROM pulse.health_state s WHERE s.component = pulse_forget_health.component;
	GET DIAGNOSTICS gone = ROW_COUNT;
	DELETE FROM pulse.heartbeat h WHERE h.component = pulse_forget_health.component;
	GET DIAGNOSTICS forgotten = ROW_COUNT;
	DELETE FROM pulse.model m WHERE 'model.' || m.name = pulse_forget_health.component;
	RETURN FOUND OR gone + forgotten > 0;
END
$$;
REVOKE ALL ON FUNCTION pulse_forget_health(text) FROM PUBLIC;
COMMENT ON FUNCTION pulse_forget_health(text) IS
	'Removes a component that reported by itself (a probe, a heartbeat, model.<name>) and will not any more; its history stays. False when nobody ever reported it.';

CREATE FUNCTION pulse_heartbeat(component text, status text DEFAULT 'HEALTHY', details jsonb DEFAULT '{}',
								expect_every interval DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	IF coalesce(pulse_heartbeat.component, '') = '' OR length(pulse_heartbeat.component) > 200 THEN
		RAISE EXCEPTION 'a component needs a name of at most 200 characters' USING ERRCODE = 'invalid_parameter_value';
	ELSIF pulse_heartbeat.expect_every <= interval '0' THEN
		RAISE EXCEPTION 'expect_every must be positive' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO pulse.heartbeat AS h (component, status, details, seen_at, expect_every)
		VALUES (pulse_heartbeat.component, pulse.check_status(pulse_heartbeat.status), coalesce(pulse_heartbeat.details, '{}'),
				clock_timestamp(), pulse_heartbeat.expect_every)
		ON CONFLICT (component) DO UPDATE SET status = excluded.status, details = excluded.details, seen_at = excluded.seen_at,
			expect_every = coalesce(excluded.expect_every, h.expect_every);
END
$$;
REVOKE ALL ON FUNCTION pulse_heartbeat(text, text, jsonb, interval) FROM PUBLIC;
COMMENT ON FUNCTION pulse_heartbeat(text, text, jsonb, interval) IS
	'A sign of life, of a trading engine or anything else that must not fall silent: pulse_health() turns the component to WARNING after expect_every of silence and to CRITICAL after three times that; NULL keeps what was expected before. Error 22023 for an unknown status or an unfit name.';

-- Models -----------------------------------------------------------------------------------------------------------

CREATE TABLE pulse.model (
	name		text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9_.-]{1,100}$'),
	version		text NOT NULL,
	reported_at	timestamptz NOT NULL,
	metrics		jsonb NOT NULL,
	baseline	jsonb NOT NULL,
	baseline_at	timestamptz NOT NULL,
	expect_every	interval NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.model IS 'newest report of each machine-learning model';
COMMENT ON COLUMN pulse.model.name IS 'its name; the component is model.<name>';
COMMENT ON COLUMN pulse.model.version IS 'version that is in use';
COMMENT ON COLUMN pulse.model.reported_at IS 'when it reported last';
COMMENT ON COLUMN pulse.model.metrics IS 'what it reported';
COMMENT ON COLUMN pulse.model.baseline IS 'what its metrics are compared with: those of the first report of the version, or as given';
COMMENT ON COLUMN pulse.model.baseline_at IS 'since when that is the baseline';
COMMENT ON COLUMN pulse.model.expect_every IS 'a report is expected so often';

CREATE TABLE pulse.model_sample (
	name		text NOT NULL,
	version		text NOT NULL,
	reported_at	timestamptz NOT NULL,
	metrics		jsonb NOT NULL
);
CREATE INDEX model_sample_name_idx ON pulse.model_sample (name, reported_at);
CREATE INDEX model_sample_time_idx ON pulse.model_sample USING brin (reported_at);
COMMENT ON TABLE pulse.model_sample IS 'all reports of models; kept for retention.models';
COMMENT ON COLUMN pulse.model_sample.name IS 'of the model';
COMMENT ON COLUMN pulse.model_sample.version IS 'its version then';
COMMENT ON COLUMN pulse.model_sample.reported_at IS 'when';
COMMENT ON COLUMN pulse.model_sample.metrics IS 'what it reported';
REVOKE ALL ON pulse.model, pulse.model_sample FROM PUBLIC;
GRANT SELECT ON pulse.model TO PUBLIC;

INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, description) VALUES
	('health.model_drift_warning', 'number', 'fraction', '0.05', 0, 10, 'model.*: how much worse than its baseline a metric of a model is, relative to the baseline, from which it is WARNING.'),
	('health.model_drift_critical', 'number', 'fraction', '0.15', 0, 10, 'The same for CRITICAL.'),
	('health.model_report_every', 'duration', NULL, '"1 day"', 1, NULL, 'model.*: how often a model is to report unless it says so itself.'),
	('health.model_training_age', 'duration', NULL, '"90 days"', 60, NULL, 'model.*: age of the training (trained_at) from which a model is WARNING.'),
	('retention.models', 'duration', NULL, '"1 year"', 86400, NULL, 'How long the reports of models are kept.');

CREATE FUNCTION pulse_model_report(name text, version text, metrics jsonb DEFAULT '{}', expect_every interval DEFAULT NULL, baseline jsonb DEFAULT NULL)
	RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	at timestamptz := clock_timestamp();
BEGIN
	IF name IS NULL OR name !~ '^[A-Za-z0-9_.-]{1,100}$' THEN
		RAISE EXCEPTION 'unfit name of a model: %', coalesce(quote_literal(left(name, 200)), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use at most 100 letters, digits, and _ . -';
	ELSIF coalesce(version, '') = '' OR length(version) > 200 THEN
		RAISE EXCEPTION 'a model needs a version of at most 200 characters' USING ERRCODE = 'invalid_parameter_value';
	ELSIF jsonb_typeof(metrics) IS DISTINCT FROM 'object' OR jsonb_typeof(baseline) <> 'object' OR pg_column_size(metrics) > 65536 THEN
		RAISE EXCEPTION 'metrics and baseline must be JSON objects of at most 64 kB' USING ERRCODE = 'invalid_parameter_value';
	ELSIF expect_every <= interval '0' THEN
		RAISE EXCEPTION 'expect_every must be positive' USING ERRCODE = 'invalid_parameter_value';
	ELSIF metrics ? 'trained_at' AND metrics ->> 'trained_at' IS NOT NULL THEN
		PERFORM (metrics ->> 'trained_at')::timestamptz;
	END IF;
	INSERT INTO pulse.model AS m (name, version, reported_at, metrics, baseline, baseline_at, expect_every)
		VALUES (name, version, at, metrics, coalesce(baseline, metrics), at, coalesce(expect_every, pulse.config_interval('health.model_report_every')))
		ON CONFLICT ON CONSTRAINT model_pkey DO UPDATE SET version = excluded.version, reported_at = excluded.reported_at, metrics = excluded.metrics,
			baseline = CASE WHEN pulse_model_report.baseline IS NOT NULL OR m.version <> excluded.version THEN excluded.baseline ELSE m.baseline END,
			baseline_at = CASE WHEN pulse_model_report.baseline IS NOT NULL OR m.version <> excluded.version THEN excluded.baseline_at ELSE m.baseline_at END,
			expect_every = coalesce(pulse_model_report.expect_every, m.expect_every);
	INSERT INTO pulse.model_sample (name, version, reported_at, metrics) VALUES (name, version, at, metrics);
END
$$;
REVOKE ALL ON FUNCTION pulse_model_report(text, text, jsonb, interval, jsonb) FROM PUBLIC;
COMMENT ON FUNCTION pulse_model_report(text, text, jsonb, interval, jsonb) IS
	'Reports how a machine-learning model is; it appears as model.<name> in pulse_health(). metrics is any object; these keys mean something: can_predict (false: CRITICAL), predictions (made since the last report; 0: WARNING), trained_at, and any number that the baseline has too. The baseline is the first report of a version, or what is given here; a metric that is worse than it by health.model_drift_warning or _critical, relative to the baseline, makes the model WARNING or CRITICAL. Metrics whose name contains loss, error, mae, mse, rmse, drift, latency or age are better when smaller, all others when larger. Without a report for expect_every (default health.model_report_every) it is WARNING, for three times that CRITICAL. Errors: 22023 for unfit arguments, 22007 for a trained_at that is no time.';

CREATE FUNCTION pulse.models_at(at timestamptz)
	RETURNS TABLE (name text, status text, message text, reported_at timestamptz, details jsonb)
	LANGUAGE sql STABLE
	AS $$
	SELECT m.name, l.status, coalesce(nullif(l.message, ''), format('version %s, reported %s s ago', m.version, greatest(0, round(extract(epoch FROM $1 - m.reported_at))))),
		m.reported_at, jsonb_build_object('version', m.version, 'metrics', m.metrics, 'baseline', m.baseline, 'baseline_at', pulse.json_time(m.baseline_at),
			'drift', coalesce(d.drift, '{}'), 'expect_every', extract(epoch FROM m.expect_every))
	FROM pulse.model m
		CROSS JOIN (SELECT pulse.config_float('health.model_drift_warning') AS warning, pulse.config_float('health.model_drift_critical') AS critical,
			pulse.config_interval('health.model_training_age') AS training_age) c
		CROSS JOIN LATERAL (
			SELECT jsonb_object_agg(v.key, round(v.worse::numeric, 6)) AS drift, max(v.worse) AS worst,
				string_agg(format('%s %s, baseline %s', v.key, v.now, v.base), ', ' ORDER BY v.worse DESC, v.key) FILTER (WHERE v.worse >= c.warning) AS named
			FROM (SELECT b.key, b.value::text AS base, m.metrics ->> b.key AS now,
					CASE WHEN b.key ~* '(loss|error|mae|mse|rmse|drift|latency|age)' THEN 1 ELSE -1 END
						* ((m.metrics ->> b.key)::double precision - b.value::double precision) / nullif(abs(b.value::double precision), 0) AS worse
				  FROM jsonb_each(m.baseline) b
				  WHERE jsonb_typeof(b.value) = 'number' AND jsonb_typeof(m.metrics -> b.key) = 'number' AND b.key <> 'predictions') v
		) d
		CROSS JOIN LATERAL (
			SELECT coalesce(pulse.worst_level(VARIADIC array_agg(p.level)), 'HEALTHY') AS status,
				string_agg(p.problem, '; ' ORDER BY pulse.severity(p.level) DESC) AS message
			FROM (VALUES
				(CASE WHEN $1 - m.reported_at > m.expect_every * 3 THEN 'CRITICAL' WHEN $1 - m.reported_at > m.expect_every THEN 'WARNING' END,
					format('no report for %s s', round(extract(epoch FROM $1 - m.reported_at)))),
				(CASE WHEN m.metrics -> 'can_predict' = 'false' THEN 'CRITICAL' END, 'it cannot predict'),
				(CASE WHEN m.metrics -> 'predictions' = '0' THEN 'WARNING' END, 'it has made no predictions'),
				(CASE WHEN (m.metrics ->> 'trained_at')::timestamptz < $1 - c.training_age THEN 'WARNING' END,
					format('it was trained %s days ago', extract(day FROM $1 - (m.metrics ->> 'trained_at')::timestamptz))),
				(CASE WHEN d.worst >= c.critical THEN 'CRITICAL' WHEN d.worst >= c.warning THEN 'WARNING' END, 'worse than its baseline: ' || d.named)
			) p (level, problem) WHERE p.level IS NOT NULL
		) l
	$$;
COMMENT ON FUNCTION pulse.models_at(timestamptz) IS 'Health of the models at a time: age of the report, whether they can predict, age of the training, drift against the baseline.';

-- History ----------------------------------------------------------------------------------------------------------

CREATE FUNCTION pulse.record_health_history(at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	-- what reports by itself has its history already
	INSERT INTO pulse.health_sample (component, status, message, latency_ms, details, checked_at)
		SELECT h.component, h.status, left(h.message, 2000), h.latency_ms,
			CASE h.component WHEN 'database' THEN h.details - ARRAY['levels', 'dead_rows', 'server_version', 'in_recovery'] ELSE '{}' END, record_health_history.at
		FROM pulse.health_at(record_health_history.at) h
		WHERE NOT EXISTS (SELECT FROM pulse.health_state s WHERE s.component = h.component AND s.status = h.status);
	DELETE FROM pulse.health_state s WHERE s.checked_at < record_health_history.at - pulse.config_interval('health.forget_after');
	DELETE FROM pulse.config_history h WHERE h.changed_at < record_health_history.at - pulse.config_interval('retention.config_history');
	DELETE FROM pulse.model_sample m WHERE m.reported_at < record_health_history.at - pulse.config_interval('retention.models');
	DELETE FROM pulse.metric_sample m WHERE m.at < record_health_history.at - pulse.config_interval('retention.metrics');
	RETURN record_health_history.at + pulse.config_interval('health.history_interval');
END
$$;
REVOKE ALL ON FUNCTION pulse.record_health_history(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.record_health_history(timestamptz) IS
	'Job: puts the health of every component that is looked at directly into the history, and removes what is older than its retention.';
INSERT INTO pulse.job (name, command, every) VALUES ('health_history', 'pulse.record_health_history', '1 minute');

CREATE FUNCTION pulse_health_history(component text DEFAULT NULL, since timestamptz DEFAULT now() - interval '1 day', until timestamptz DEFAULT NULL)
	RETURNS TABLE (component text, checked_at timestamptz, status text, message text, latency_ms double precision, details jsonb)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.component, s.checked_at, s.status, s.message, s.latency_ms, s.details
	FROM pulse.health_sample s
	WHERE ($1 IS NULL OR s.component = $1) AND ($2 IS NULL OR s.checked_at >= $2) AND ($3 IS NULL OR s.checked_at < $3)
	ORDER BY s.component, s.checked_at
	$$;
COMMENT ON FUNCTION pulse_health_history(text, timestamptz, timestamptz) IS
	'How components were, with their latency: every report, and every health.history_interval (1 minute) what is looked at directly. Kept for pulse.health_retention.';

CREATE FUNCTION pulse_uptime(since timestamptz DEFAULT now() - interval '1 day', until timestamptz DEFAULT now())
	RETURNS TABLE (component text, samples bigint, healthy double precision, warning double precision, critical double precision, unknown double precision,
				   latency_p50 double precision, latency_p95 double precision, worst_latency double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.component, count(*),
		count(*) FILTER (WHERE s.status = 'HEALTHY')::double precision / count(*), count(*) FILTER (WHERE s.status = 'WARNING')::double precision / count(*),
		count(*) FILTER (WHERE s.status = 'CRITICAL')::double precision / count(*), count(*) FILTER (WHERE s.status = 'UNKNOWN')::double precision / count(*),
		percentile_cont(0.5) WITHIN GROUP (ORDER BY s.latency_ms), percentile_cont(0.95) WITHIN GROUP (ORDER BY s.latency_ms), max(s.latency_ms)
	FROM pulse.health_sample s WHERE s.checked_at >= $1 AND s.checked_at < $2
	GROUP BY s.component ORDER BY s.component
	$$;
COMMENT ON FUNCTION pulse_uptime(timestamptz, timestamptz) IS
	'For each component the share of its samples in a period (default: the last day) that were HEALTHY, WARNING, CRITICAL and UNKNOWN, as fractions, and the median, 95 % quantile and largest of its latency in milliseconds.';

INSERT INTO pulse.privilege (level, kind, name, privilege)
	SELECT 'reader', 'table', unnest(ARRAY['health_state', 'database_sample', 'model', 'model_sample']), 'SELECT'
	UNION ALL SELECT 'operator', 'function', unnest(ARRAY['pulse_model_report', 'pulse_record_health', 'pulse_forget_health']), 'EXECUTE';
-- Self-check.

CREATE FUNCTION pulse_verify(portfolio text DEFAULT NULL)
	RETURNS TABLE ("check" text, source_id integer, portfolio text, symbol text, key text, stored text, computed text)
	LANGUAGE sql STABLE
	AS $$
	WITH sources AS MATERIALIZED (
		SELECT s.source_id FROM pulse.source s WHERE s.kind = 'trades' AND s.state = 'active'
	), stale AS MATERIALIZED (
		-- what a tick is still to do is no difference
		SELECT DISTINCT x.source_id, x.portfolio, x.symbol FROM pulse.stale_symbols($1) x
	), fills AS (
		SELECT 'fill' AS "check", coalesce(f.source_id, r.source_id) AS source_id, coalesce(f.portfolio, r.portfolio) AS portfolio,
			coalesce(f.symbol, r.symbol) AS symbol, coalesce(f.fill_key, r.fill_key) AS key,
			CASE WHEN f.fill_key IS NOT NULL THEN concat_ws(' ', f.executed_at, coalesce(f.realized_pnl::text, '-'), coalesce(f.position::text, '-')) END AS stored,
			CASE WHEN r.fill_key IS NOT NULL THEN concat_ws(' ', r.executed_at, coalesce(r.realized_pnl::text, '-'), coalesce(r.position::text, '-')) END AS computed
		FROM (SELECT f.* FROM pulse.fill f JOIN sources s ON s.source_id = f.source_id WHERE $1 IS NULL OR f.portfolio = $1) f
		FULL JOIN (SELECT s.source_id, r.* FROM sources s CROSS JOIN LATERAL pulse.replay_fills(s.source_id, $1, NULL, 'average') r
				   WHERE $1 IS NULL OR r.portfolio = $1) r
			ON r.source_id = f.source_id AND r.portfolio = f.portfolio AND r.fill_key = f.fill_key
		WHERE (f.symbol, f.executed_at, f.realized_pnl, f.position, f.total_realized_pnl, f.total_fees)
			IS DISTINCT FROM (r.symbol COLLATE "C", r.executed_at, r.realized_pnl, r.position, r.total_realized_pnl, r.total_fees)
	), positions AS (
		SELECT 'position', coalesce(p.source_id, r.source_id), coalesce(p.portfolio, r.portfolio), coalesce(p.symbol, r.symbol), NULL::text,
			CASE WHEN p.symbol IS NOT NULL THEN concat_ws(' ', p.quantity, p.cost, p.realized_pnl, p.fees) END,
			CASE WHEN r.symbol IS NOT NULL THEN concat_ws(' ', r.quantity, r.cost, r.realized_pnl, r.fees) END
		FROM (SELECT p.* FROM pulse.position p JOIN sources s ON s.source_id = p.source_id WHERE $1 IS NULL OR p.portfolio = $1) p
		FULL JOIN (SELECT s.source_id, r.* FROM sources s CROSS JOIN LATERAL pulse.replay_positions(s.source_id, $1, NULL, 'average') r
				   WHERE $1 IS NULL OR r.portfolio = $1) r
			ON r.source_id = p.source_id AND r.portfolio = p.portfolio AND r.symbol = p.symbol
		WHERE (p.quantity, p.cost, p.realized_pnl, p.fees, p.opened_at) IS DISTINCT FROM (r.quantity, r.cost, r.realized_pnl, r.fees, r.opened_at)
	), booked AS (
		SELECT c.source_id, c.portfolio::text COLLATE "default" AS portfolio, c.symbol::text COLLATE "default" AS symbol, c.side, c.quantity, c.gross_pnl, c.fees, c.opened_at, c.closed_at
		FROM pulse.closed_trade c JOIN sources s ON s.source_id = c.source_id WHERE $1 IS NULL OR c.portfolio = $1
	), replayed AS (
		SELECT s.source_id, r.portfolio, r.symbol, r.side, r.quantity, r.gross_pnl, r.fees, r.opened_at, r.closed_at
		FROM sources s CROSS JOIN LATERAL pulse.replay_trades(s.source_id, $1, NULL, 'average') r WHERE $1 IS NULL OR r.portfolio = $1
	), trades AS (
		SELECT 'closed trade', x.source_id, x.portfolio, x.symbol, x.closed_at::text, concat_ws(' ', x.side, x.quantity, x.gross_pnl, x.fees), NULL::text
		FROM (SELECT * FROM booked EXCEPT ALL SELECT * FROM replayed) x
		UNION ALL
		SELECT 'closed trade', x.source_id, x.portfolio, x.symbol, x.closed_at::text, NULL, concat_ws(' ', x.side, x.quantity, x.gross_pnl, x.fees)
		FROM (SELECT * FROM replayed EXCEPT ALL SELECT * FROM booked) x
	)
	SELECT d.* FROM (SELECT * FROM fills UNION ALL SELECT * FROM positions UNION ALL SELECT * FROM trades) d
	WHERE NOT EXISTS (SELECT FROM stale x WHERE x.source_id = d.source_id AND x.portfolio = d.portfolio AND x.symbol = d.symbol)
	UNION ALL SELECT * FROM pulse.verify_buckets($1)
	UNION ALL SELECT * FROM pulse.verify_performance($1)
	UNION ALL SELECT * FROM pulse.verify_trade_sums($1)
	ORDER BY 1, 2, 3, 4, 5
	$$;
COMMENT ON FUNCTION pulse_verify(text) IS
	'Books all fills and summarises all snapshots of the followed tables anew and reports every difference from what is stored: fills, positions, closed trades, summaries, and figures in pulse.performance_state for who may read that, with both versions (NULL where one is missing). No row means that all is right; what the next tick is still to process is left out. Reads everything: minutes for tens of millions of fills. Portfolio NULL means all visible ones.';
-- Extension points: SQL of users as metrics, health checks and dashboard sections.

CREATE FUNCTION pulse.run_as(role oid, query text, search_path text, time_limit_ms integer, max_rows integer, max_bytes integer,
		OUT result jsonb, OUT error text, OUT sqlstate text, OUT duration_ms double precision)
	AS 'MODULE_PATHNAME', 'pulse_run_as' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION pulse.run_as(oid, text, text, integer, integer, integer) IS
	'Runs one SELECT as a role: in a security-restricted operation, read-only, for a limited time, with limits on its result, and everything that it did is rolled back. Returns its rows as a JSON array of objects, or the error.';

CREATE FUNCTION pulse.check_query(query text) RETURNS void
	AS 'MODULE_PATHNAME', 'pulse_check_query' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION pulse.check_query(text) IS 'Error 42601 or 22023 unless the text is exactly one SELECT.';

CREATE FUNCTION pulse.register(kind text, name text, definition jsonb) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'pulse_register' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION pulse.register(text, text, jsonb) IS
	'Hands a registration, or NULL definition to remove it, to pulse.store_registration() with the role that calls: nobody can register anything in the name of somebody else.';

CREATE FUNCTION pulse.start_runner() RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_start_runner' LANGUAGE C VOLATILE;
COMMENT ON FUNCTION pulse.start_runner() IS
	'In the background worker: starts the process that runs what is due of pulse.registration, unless it is running, and returns true. Elsewhere it does nothing and returns false. Error 53000 when no slot is free.';

CREATE FUNCTION pulse.safe_path(schemas name[]) RETURNS text
	LANGUAGE sql STABLE
	AS $$
	SELECT concat_ws(', ', 'pg_catalog', string_agg(quote_ident(s.name), ', ' ORDER BY s.nr), 'pg_temp')
	FROM unnest(schemas) WITH ORDINALITY s (name, nr)
	WHERE s.name <> 'pg_catalog' AND s.name NOT LIKE 'pg\_temp%' AND EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname = s.name)
		AND NOT has_schema_privilege('public', s.name::text, 'CREATE')
	$$;
COMMENT ON FUNCTION pulse.safe_path(name[]) IS
	'A search_path of these schemas without those in which anybody may create something, which could take the place of what is meant.';

CREATE FUNCTION pulse.number_in(r jsonb, key text) RETURNS numeric
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN r ->> key ~ '^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?\s*$' THEN (r ->> key)::numeric END;
COMMENT ON FUNCTION pulse.number_in(jsonb, text) IS 'A number in a JSON object, as a number or a string; NULL for anything else, also NaN.';

CREATE FUNCTION pulse.shape_result(kind text, rows jsonb, duration_ms double precision) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	first jsonb := rows -> 0;
	columns text[] := ARRAY(SELECT jsonb_object_keys(rows -> 0));
	value_column text;
	result jsonb;
BEGIN
	CASE kind
		WHEN 'metric' THEN
			value_column := CASE WHEN 'value' = ANY (columns) THEN 'value'
				WHEN cardinality(array_remove(columns, 'portfolio')) = 1 THEN (array_remove(columns, 'portfolio'))[1] END;
			IF first IS NOT NULL AND value_column IS NULL THEN
				RAISE EXCEPTION 'a metric needs a column "value", and may have a column "portfolio"; it has %', array_to_string(columns, ', ')
					USING ERRCODE = 'invalid_parameter_value';
			END IF;
			SELECT coalesce(jsonb_agg(jsonb_build_object('portfolio', r.value -> 'portfolio',
					'value', pulse.json_number(pulse.number_in(r.value, value_column)::double precision))), '[]') INTO result
				FROM jsonb_array_elements(rows) r;
		WHEN 'health_check' THEN
			IF jsonb_array_length(rows) > 1 THEN
				RAISE EXCEPTION 'a health check returned % rows instead of one', jsonb_array_length(rows) USING ERRCODE = 'cardinality_violation';
			ELSIF first IS NULL THEN
				result := '{"status": "UNKNOWN", "message": "it returned no row"}';
			ELSIF cardinality(columns) = 1 AND jsonb_typeof(first -> columns[1]) = 'boolean' THEN
				result := jsonb_build_object('status', CASE WHEN (first -> columns[1])::boolean THEN 'HEALTHY' ELSE 'CRITICAL' END,
					'message', columns[1]);
			ELSIF NOT 'status' = ANY (columns) THEN
				RAISE EXCEPTION 'a health check needs a column "status", or one that is true or false; it has %', array_to_string(columns, ', ')
					USING ERRCODE = 'invalid_parameter_value';
			ELSE
				result := jsonb_build_object('status', pulse.check_status(first ->> 'status'), 'message', left(first ->> 'message', 2000),
					'details', CASE WHEN jsonb_typeof(first -> 'details') = 'object' THEN first -> 'details'
						ELSE first - ARRAY['status', 'message', 'latency_ms', 'details'] END);
			END IF;
			result := result || jsonb_build_object('latency_ms', coalesce(pulse.number_in(first, 'latency_ms')::double precision, duration_ms));
		WHEN 'section' THEN
			result := CASE WHEN jsonb_array_length(rows) = 1 AND cardinality(columns) = 1 AND jsonb_typeof(first -> columns[1]) IN ('object', 'array')
				THEN first -> columns[1] ELSE rows END;
		ELSE
			result := rows;
	END CASE;
	RETURN result;
END
$$;
COMMENT ON FUNCTION pulse.shape_result(text, jsonb, double precision) IS
	'Brings the rows of a registered query into the form of its kind: for a metric an array of portfolio and value, for a health check an object of status, message, latency_ms and details, for a section the rows, or the one JSON value. Error 22023 for columns that do not fit.';

CREATE FUNCTION pulse.store_registration(kind text, name text, owner text, definition jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	known text := (SELECT r.owner FROM pulse.registration r WHERE r.kind = store_registration.kind AND r.name = store_registration.name);
	run record;
	shaped jsonb;
	spent interval := (definition ->> 'time_limit')::interval;
BEGIN
	IF known IS NOT NULL AND NOT (EXISTS (SELECT FROM pg_catalog.pg_roles p WHERE p.rolname = owner AND p.rolsuper)
			OR NOT EXISTS (SELECT FROM pg_catalog.pg_roles p WHERE p.rolname = known) OR pg_has_role(owner, known, 'MEMBER')) THEN
		RAISE EXCEPTION '% "%" belongs to role "%"', replace(kind, '_', ' '), name, known USING ERRCODE = 'insufficient_privilege';
	END IF;
	IF definition ->> 'remove' = 'true' THEN
		DELETE FROM pulse.registration r WHERE r.kind = store_registration.kind AND r.name = store_registration.name;
		RETURN to_jsonb(FOUND);
	END IF;
	IF name IS NULL OR name !~ '^[a-z][a-z0-9_.-]{0,99}$' THEN
		RAISE EXCEPTION 'unfit name: %', coalesce(quote_literal(name), 'NULL')
			USING ERRCODE = 'invalid_name', HINT = 'Use lower-case letters, digits, and _ . - after the first letter, at most 100.';
	ELSIF (definition ->> 'every')::interval < interval '1 second' THEN
		RAISE EXCEPTION 'it cannot run more often than once a second' USING ERRCODE = 'invalid_parameter_value';
	ELSIF spent NOT BETWEEN interval '10 ms' AND interval '60 s' THEN
		RAISE EXCEPTION 'the time limit must lie between 10 ms and 60 s' USING ERRCODE = 'invalid_parameter_value';
	ELSIF kind <> 'feed' THEN
		IF coalesce(definition ->> 'query', '') = '' OR length(definition ->> 'query') > 20000 THEN
			RAISE EXCEPTION 'the SQL must have between 1 and 20000 characters' USING ERRCODE = 'invalid_parameter_value';
		END IF;
		PERFORM pulse.check_query(definition ->> 'query');
		-- tried out at once: who registers it wants to know now
		SELECT * INTO run FROM pulse.run_as((SELECT p.oid FROM pg_catalog.pg_roles p WHERE p.rolname = owner), definition ->> 'query',
			definition ->> 'search_path', (extract(epoch FROM coalesce(spent, pulse.config_interval('extensions.time_limit'))) * 1000)::integer,
			pulse.config_integer('extensions.max_rows')::integer, pulse.config_integer('extensions.max_bytes')::integer);
		IF run.error IS NOT NULL THEN
			RAISE EXCEPTION '% "%" does not run: %', replace(kind, '_', ' '), name, run.error
				USING ERRCODE = run.sqlstate, DETAIL = format('It was tried as role "%s" with search_path %s.', owner, definition ->> 'search_path'),
					HINT = 'It may only read, within the time and size of the settings extensions.*.';
		END IF;
		shaped := pulse.shape_result(kind, run.result, run.duration_ms);
	END IF;
	INSERT INTO pulse.registration AS r (kind, name, owner, query, search_path, every, time_limit, description)
		VALUES (kind, name, owner, definition ->> 'query', definition ->> 'search_path', (definition ->> 'every')::interval, spent, definition ->> 'description')
		ON CONFLICT ON CONSTRAINT registration_pkey DO UPDATE SET owner = excluded.owner, query = excluded.query, search_path = excluded.search_path,
			every = excluded.every, time_limit = excluded.time_limit, description = excluded.description, enabled = true;
	IF kind = 'feed' THEN
		DELETE FROM pulse.feed f WHERE f.name = store_registration.name;
		INSERT INTO pulse.feed SELECT (jsonb_populate_record(NULL::pulse.feed, (definition -> 'feed') || jsonb_build_object('name', name))).*;
	END IF;
	UPDATE pulse.registration_state s SET next_at = '-infinity', failing = 0, killed = 0, last_error = NULL, started_at = NULL
		WHERE s.kind = store_registration.kind AND s.name = store_registration.name;
	PERFORM pulse.touch_job('registrations');
	RETURN shaped;
END
$$;
COMMENT ON FUNCTION pulse.store_registration(text, text, text, jsonb) IS
	'Tries out and stores what a role registers, or removes it; only the role that registered it, a member of that role or a superuser may replace it. Returns what the trial yielded.';

CREATE FUNCTION pulse.run_registration(kind text, name text, at timestamptz) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	r pulse.registration;
	s pulse.registration_state;
	run record;
	role oid;
	problem text;
	shaped jsonb;
	query text;
	more boolean := false;
BEGIN
	SELECT * INTO s FROM pulse.registration_state t WHERE t.kind = run_registration.kind AND t.name = run_registration.name FOR UPDATE SKIP LOCKED;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	SELECT * INTO r FROM pulse.registration t WHERE t.kind = s.kind AND t.name = s.name;
	SELECT p.oid INTO role FROM pg_catalog.pg_roles p WHERE p.rolname = r.owner;
	SELECT NULL::jsonb AS result, NULL::text AS error, NULL::double precision AS duration_ms INTO run;
	BEGIN
		IF role IS NULL THEN
			RAISE EXCEPTION 'role "%" does not exist', r.owner;
		END IF;
		query := CASE WHEN kind = 'feed' THEN pulse.feed_query(name, at) ELSE r.query END;
		SELECT * INTO run FROM pulse.run_as(role, query, r.search_path,
			(extract(epoch FROM coalesce(r.time_limit, pulse.config_interval('extensions.time_limit'))) * 1000)::integer,
			CASE WHEN kind IN ('feed', 'alert_rule') THEN 100000 ELSE pulse.config_integer('extensions.max_rows')::integer END,
			CASE WHEN kind IN ('feed', 'alert_rule') THEN 16777216 ELSE pulse.config_integer('extensions.max_bytes')::integer END);
		problem := run.error;
		IF problem IS NULL THEN
			IF kind = 'feed' THEN
				more := pulse.store_feed(name, run.result, at);
			ELSE
				shaped := pulse.shape_result(kind, run.result, run.duration_ms);
			END IF;
		END IF;
	EXCEPTION WHEN OTHERS THEN
		problem := SQLERRM;
	END;
	UPDATE pulse.registration_state t SET started_at = NULL, last_run_at = at, last_duration_ms = run.duration_ms, runs = t.runs + 1,
			failures = t.failures + CASE WHEN problem IS NULL THEN 0 ELSE 1 END,
			failing = CASE WHEN problem IS NULL THEN 0 ELSE t.failing + 1 END,
			killed = CASE WHEN problem IS NULL THEN 0 ELSE t.killed END,
			last_error = coalesce(left(problem, 1000), t.last_error), last_error_at = CASE WHEN problem IS NULL THEN t.last_error_at ELSE at END,
			result = CASE WHEN problem IS NULL THEN shaped ELSE t.result END, result_at = CASE WHEN problem IS NULL THEN at ELSE t.result_at END,
			next_at = at + CASE WHEN more THEN interval '1 second' WHEN problem IS NULL THEN r.every ELSE least(greatest(r.every, interval '1 hour'), r.every * 2 ^ least(t.failing + 1, 12)) END
		WHERE t.kind = s.kind AND t.name = s.name;
	IF kind = 'health_check' THEN
		PERFORM pulse.note_health('check.' || name, CASE WHEN problem IS NULL THEN shaped ->> 'status' ELSE 'UNKNOWN' END,
			CASE WHEN problem IS NULL THEN shaped ->> 'message' ELSE 'the check itself failed: ' || left(problem, 500) END,
			CASE WHEN problem IS NULL THEN (shaped ->> 'latency_ms')::double precision END,
			coalesce(shaped -> 'details', '{}'), at, greatest(r.every * 3, interval '1 minute'));
	ELSIF kind = 'metric' AND problem IS NULL THEN
		INSERT INTO pulse.metric_sample (name, portfolio, at, value)
			SELECT r.name, v ->> 'portfolio', at, (v ->> 'value')::double precision FROM jsonb_array_elements(shaped) v
			WHERE v ->> 'value' IS NOT NULL;
	END IF;
	RETURN problem IS NULL;
END
$$;
COMMENT ON FUNCTION pulse.run_registration(text, text, timestamptz) IS
	'Runs one registration as its owner and stores what it yields, or why it failed. NULL when it is gone or being run elsewhere.';

CREATE FUNCTION pulse.claim_registration(at timestamptz, OUT kind text, OUT name text)
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
BEGIN
	-- One that was begun and never ended took its process with it: it caught its own cancellation.
	UPDATE pulse.registration_state s SET started_at = NULL, runs = s.runs + 1, failures = s.failures + 1, failing = s.failing + 1, killed = s.killed + 1,
			last_error = 'it did not stop when its time was over, so its process was ended', last_error_at = claim_registration.at,
			next_at = claim_registration.at + least(interval '1 hour', interval '1 minute' * 2 ^ least(s.failing, 12))
		WHERE s.started_at IS NOT NULL;
	UPDATE pulse.registration r SET enabled = false FROM pulse.registration_state s
		WHERE s.kind = r.kind AND s.name = r.name AND s.killed >= 3 AND r.enabled;
	UPDATE pulse.registration_state t SET started_at = claim_registration.at
		FROM (SELECT s.kind, s.name FROM pulse.registration_state s JOIN pulse.registration r USING (kind, name)
			  WHERE r.enabled AND s.next_at <= claim_registration.at ORDER BY s.next_at, s.kind, s.name LIMIT 1 FOR UPDATE OF s SKIP LOCKED) d
		WHERE t.kind = d.kind AND t.name = d.name RETURNING t.kind, t.name INTO claim_registration.kind, claim_registration.name;
END
$$;
COMMENT ON FUNCTION pulse.claim_registration(timestamptz) IS
	'For the process that runs registrations: takes the one that has been due for longest, and books those that ended its predecessor; one that did so three times in a row is switched off.';

CREATE FUNCTION pulse.run_registrations(at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	due record;
	wish timestamptz;
BEGIN
	SELECT min(s.next_at) INTO wish FROM pulse.registration_state s JOIN pulse.registration r USING (kind, name) WHERE r.enabled;
	IF wish IS NULL OR wish > at THEN
		RETURN least(wish, at + interval '1 hour');
	ELSIF pulse.start_runner() THEN
		RETURN at + interval '1 second';
	END IF;
	FOR due IN SELECT s.kind, s.name FROM pulse.registration_state s JOIN pulse.registration r USING (kind, name)
			WHERE r.enabled AND s.next_at <= at ORDER BY s.next_at, s.kind, s.name LIMIT 50 LOOP
		PERFORM pulse.run_registration(due.kind, due.name, at);
	END LOOP;
	SELECT min(s.next_at) INTO wish FROM pulse.registration_state s JOIN pulse.registration r USING (kind, name) WHERE r.enabled;
	RETURN greatest(wish, at + interval '100 ms');
END
$$;
COMMENT ON FUNCTION pulse.run_registrations(timestamptz) IS
	'Job: sees to it that what users registered runs when it is due. The background worker leaves it to a process of its own, so that nobody waits for it; a tick by hand does it itself.';

CREATE TABLE pulse.metric_sample (
	name		text NOT NULL,
	portfolio	text,
	at			timestamptz NOT NULL,
	value		double precision NOT NULL
);
CREATE INDEX metric_sample_name_idx ON pulse.metric_sample (name, at);
CREATE INDEX metric_sample_time_idx ON pulse.metric_sample USING brin (at);
COMMENT ON TABLE pulse.metric_sample IS 'past values of registered metrics; kept for retention.metrics';
COMMENT ON COLUMN pulse.metric_sample.name IS 'the metric';
COMMENT ON COLUMN pulse.metric_sample.portfolio IS 'NULL: it belongs to none';
COMMENT ON COLUMN pulse.metric_sample.at IS 'when it was computed';
COMMENT ON COLUMN pulse.metric_sample.value IS 'what it was';
REVOKE ALL ON pulse.metric_sample FROM PUBLIC;

CREATE FUNCTION pulse_register_metric(name text, sql text, every interval DEFAULT '1 minute', time_limit interval DEFAULT NULL, description text DEFAULT NULL)
	RETURNS jsonb LANGUAGE sql VOLATILE
	AS $$
	SELECT pulse.register('metric', $1, jsonb_build_object('query', $2, 'every', coalesce($3, '1 minute'), 'time_limit', $4, 'description', $5,
		'search_path', pulse.safe_path(current_schemas(false))))
	$$;
COMMENT ON FUNCTION pulse_register_metric(text, text, interval, interval, text) IS
	'Adds a metric, or replaces one of the same name: one SELECT with a column value, and a column portfolio where it has one per portfolio. It runs every so often as the role that registers it, read-only, within its time limit (extensions.time_limit, 2 seconds), and appears as performance.custom in snapshots and PERFORMANCE_UPDATE, in pulse_custom_metrics(), and by its name in alert rules. Names in it are looked up in the current search_path, without schemas in which anybody may create. It is tried at once; returns what it yields. Errors: 22023 when it is no SELECT or has other columns, 42501 when the name belongs to another role, and whatever it raises itself.';

CREATE FUNCTION pulse_register_health_check(name text, sql text, "interval" interval DEFAULT '1 minute', time_limit interval DEFAULT NULL, description text DEFAULT NULL)
	RETURNS jsonb LANGUAGE sql VOLATILE
	AS $$
	SELECT pulse.register('health_check', $1, jsonb_build_object('query', $2, 'every', coalesce($3, '1 minute'), 'time_limit', $4, 'description', $5,
		'search_path', pulse.safe_path(current_schemas(false))))
	$$;
COMMENT ON FUNCTION pulse_register_health_check(text, text, interval, interval, text) IS
	'Adds a health check, or replaces one of the same name: one SELECT that returns one row, either true or false, or the columns status (HEALTHY, WARNING, CRITICAL, UNKNOWN) and, where it likes, message, latency_ms and details. It runs at that interval as the role that registers it, read-only and within its time limit (extensions.time_limit, 2 seconds), and appears in pulse_health() as component check.<name>; a check that fails itself is UNKNOWN there, with the reason. It is tried at once; returns what it yields. Errors as pulse_register_metric().';

CREATE FUNCTION pulse_register_section(name text, sql text, every interval DEFAULT '1 minute', time_limit interval DEFAULT NULL, description text DEFAULT NULL)
	RETURNS jsonb LANGUAGE sql VOLATILE
	AS $$
	SELECT pulse.register('section', $1, jsonb_build_object('query', $2, 'every', coalesce($3, '1 minute'), 'time_limit', $4, 'description', $5,
		'search_path', pulse.safe_path(current_schemas(false))))
	$$;
COMMENT ON FUNCTION pulse_register_section(text, text, interval, interval, text) IS
	'Adds a dashboard section, or replaces one of the same name: one SELECT whose rows (or whose one JSON value) appear as sections.<name> in pulse_snapshot() and on the page. Runs and errors as pulse_register_metric(); returns what it yields.';

CREATE FUNCTION pulse_register_notification_type(name text, priority text DEFAULT 'MEDIUM', title text DEFAULT '{title}', message text DEFAULT '{message}',
		dedup_window interval DEFAULT NULL, max_per_hour integer DEFAULT NULL, sinks text[] DEFAULT NULL, enabled boolean DEFAULT true, description text DEFAULT NULL)
	RETURNS void LANGUAGE sql VOLATILE
	AS $$
	SELECT pulse.register('notification_type', $1, jsonb_build_object('priority', upper($2), 'title', $3, 'message', $4, 'dedup_window', $5,
		'max_per_hour', $6, 'sinks', $7, 'enabled', $8, 'description', $9));
	$$;
COMMENT ON FUNCTION pulse_register_notification_type(text, text, text, text, interval, integer, text[], boolean, text) IS
	'Adds a type for pulse_notify(), or replaces one; built-in ones can be changed too. title and message are templates: {title} and {message} as the sender gave them, {portfolio}, {priority}, {type}, and whatever data has: {value}, {value:percent}, {value:number}, {since:time}. dedup_window: how long the same message again is counted instead of sent (default notifications.dedup_window); max_per_hour: how many of a portfolio leave within an hour (default notifications.max_per_hour); sinks: where they go (telegram, or names of other sinks; NULL: everywhere); enabled false: nowhere. Errors: 22023 for an unfit value, 42501 when the name belongs to another role.';

CREATE FUNCTION pulse.store_notification_type(name text, owner text, definition jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	known record;
BEGIN
	SELECT t.owner INTO known FROM pulse.notification_type t WHERE t.name = store_notification_type.name;
	IF known.owner IS NOT NULL AND NOT (EXISTS (SELECT FROM pg_catalog.pg_roles p WHERE p.rolname = owner AND p.rolsuper)
			OR NOT EXISTS (SELECT FROM pg_catalog.pg_roles p WHERE p.rolname = known.owner) OR pg_has_role(owner, known.owner, 'MEMBER')) THEN
		RAISE EXCEPTION 'notification type "%" belongs to role "%"', name, known.owner USING ERRCODE = 'insufficient_privilege';
	END IF;
	IF definition ->> 'remove' = 'true' THEN
		DELETE FROM pulse.notification_type t WHERE t.name = store_notification_type.name AND t.owner IS NOT NULL;
		RETURN to_jsonb(FOUND);
	END IF;
	INSERT INTO pulse.notification_type AS t (name, owner, priority, title, message, dedup_window, max_per_hour, sinks, enabled, description)
		VALUES (name, owner, definition ->> 'priority', coalesce(definition ->> 'title', '{title}'), coalesce(definition ->> 'message', '{message}'),
				(definition ->> 'dedup_window')::interval, (definition ->> 'max_per_hour')::integer,
				CASE WHEN jsonb_typeof(definition -> 'sinks') = 'array' THEN ARRAY(SELECT jsonb_array_elements_text(definition -> 'sinks')) END,
				coalesce((definition ->> 'enabled')::boolean, true), definition ->> 'description')
		ON CONFLICT ON CONSTRAINT notification_type_pkey DO UPDATE SET owner = excluded.owner, priority = excluded.priority, title = excluded.title,
			message = excluded.message, dedup_window = excluded.dedup_window, max_per_hour = excluded.max_per_hour, sinks = excluded.sinks,
			enabled = excluded.enabled, description = coalesce(excluded.description, t.description);
	RETURN 'true';
EXCEPTION WHEN check_violation OR not_null_violation THEN
	RAISE EXCEPTION 'unfit notification type %', coalesce(quote_literal(name), 'NULL')
		USING ERRCODE = 'invalid_parameter_value', DETAIL = SQLERRM,
			HINT = 'A name has capital letters, digits and _; priority is CRITICAL, HIGH, MEDIUM or LOW; a title may have 1000 characters, a message 20000.';
END
$$;
COMMENT ON FUNCTION pulse.store_notification_type(text, text, jsonb) IS
	'Stores a notification type for a role, or removes it.';

CREATE FUNCTION pulse.unregister(kind text, name text) RETURNS boolean
	LANGUAGE sql VOLATILE AS $$ SELECT pulse.register($1, $2, '{"remove": true}')::boolean $$;
COMMENT ON FUNCTION pulse.unregister(text, text) IS 'Body of the pulse_unregister_* functions.';
CREATE FUNCTION pulse_unregister_metric(name text) RETURNS boolean
	LANGUAGE sql VOLATILE AS $$ SELECT pulse.unregister('metric', $1) $$;
COMMENT ON FUNCTION pulse_unregister_metric(text) IS 'Removes a metric; false when there is none of that name. Error 42501 when it belongs to another role.';
CREATE FUNCTION pulse_unregister_health_check(name text) RETURNS boolean
	LANGUAGE sql VOLATILE AS $$ SELECT pulse.unregister('health_check', $1) $$;
COMMENT ON FUNCTION pulse_unregister_health_check(text) IS 'Removes a health check; false when there is none of that name. Error 42501 when it belongs to another role.';
CREATE FUNCTION pulse_unregister_section(name text) RETURNS boolean
	LANGUAGE sql VOLATILE AS $$ SELECT pulse.unregister('section', $1) $$;
COMMENT ON FUNCTION pulse_unregister_section(text) IS 'Removes a dashboard section; false when there is none of that name. Error 42501 when it belongs to another role.';
CREATE FUNCTION pulse_unregister_notification_type(name text) RETURNS boolean
	LANGUAGE sql VOLATILE AS $$ SELECT pulse.unregister('notification_type', $1) $$;
COMMENT ON FUNCTION pulse_unregister_notification_type(text) IS 'Removes a notification type that was registered; false when there is none of that name. Error 42501 when it belongs to another role.';

CREATE FUNCTION pulse_custom_metrics(portfolio text DEFAULT NULL)
	RETURNS TABLE (name text, portfolio text, value double precision, computed_at timestamptz, error text)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.name, v ->> 'portfolio', (v ->> 'value')::double precision, s.result_at, CASE WHEN s.failing > 0 THEN s.last_error END
	FROM pulse.registration_state s LEFT JOIN LATERAL jsonb_array_elements(s.result) v ON true
	WHERE s.kind = 'metric' AND ($1 IS NULL OR v ->> 'portfolio' IS NULL OR v ->> 'portfolio' = $1)
	ORDER BY 1, 2
	$$;
COMMENT ON FUNCTION pulse_custom_metrics(text) IS
	'Newest values of the registered metrics, of a portfolio and those that belong to none, or (NULL) of all; error says why the last run failed, the value is then an older one. For readers (pulse_grant).';

REVOKE ALL ON FUNCTION pulse.run_as(oid, text, text, integer, integer, integer), pulse.register(text, text, jsonb), pulse.start_runner(),
	pulse.store_registration(text, text, text, jsonb), pulse.store_notification_type(text, text, jsonb),
	pulse.run_registration(text, text, timestamptz), pulse.claim_registration(timestamptz), pulse.run_registrations(timestamptz),
	pulse.unregister(text, text), pulse_register_metric(text, text, interval, interval, text),
	pulse_register_health_check(text, text, interval, interval, text), pulse_register_section(text, text, interval, interval, text),
	pulse_register_notification_type(text, text, text, text, interval, integer, text[], boolean, text), pulse_unregister_metric(text),
	pulse_unregister_health_check(text), pulse_unregister_section(text), pulse_unregister_notification_type(text) FROM PUBLIC;

INSERT INTO pulse.privilege (level, kind, name, privilege)
	SELECT 'reader', 'table', 'metric_sample', 'SELECT'
	UNION ALL SELECT 'admin', 'function', unnest(ARRAY['register', 'unregister', 'pulse_register_metric', 'pulse_register_health_check',
		'pulse_register_section', 'pulse_register_notification_type', 'pulse_unregister_metric', 'pulse_unregister_health_check',
		'pulse_unregister_section', 'pulse_unregister_notification_type']), 'EXECUTE';

INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, description) VALUES
	('retention.metrics', 'duration', NULL, '"90 days"', 3600, NULL, 'How long past values of registered metrics are kept.');
INSERT INTO pulse.job (name, command, every) VALUES ('registrations', 'pulse.run_registrations', '1 minute');
-- Messages to people. Everything goes through pulse.delivery, the durable outbox; the next tick announces it as an event.

CREATE TABLE pulse.notification_type (
	name		text PRIMARY KEY CHECK (name ~ '^[A-Z][A-Z0-9_]{0,99}$'),
	owner		text,
	priority	text NOT NULL DEFAULT 'MEDIUM' CHECK (priority IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW')),
	title		text NOT NULL DEFAULT '{title}' CHECK (title <> '' AND length(title) <= 1000),
	message		text NOT NULL DEFAULT '{message}' CHECK (length(message) <= 20000),
	dedup_window	interval CHECK (dedup_window >= '0'),
	max_per_hour	integer CHECK (max_per_hour > 0),
	sinks		text[],
	enabled		boolean NOT NULL DEFAULT true,
	description	text,
	created_at	timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE pulse.notification_type IS 'how messages of a type look, how many of them leave, and where to; types that are not here follow the settings alone';
COMMENT ON COLUMN pulse.notification_type.name IS 'type, as pulse_notify() takes it';
COMMENT ON COLUMN pulse.notification_type.owner IS 'the role that registered it, NULL: it came with Pulse';
COMMENT ON COLUMN pulse.notification_type.priority IS 'priority of a message that names none';
COMMENT ON COLUMN pulse.notification_type.title IS 'template: {title}, {portfolio}, {priority}, {type} and what data has, {value}, {value:percent}, {since:time} …';
COMMENT ON COLUMN pulse.notification_type.message IS 'template, likewise; {message} is what the sender wrote';
COMMENT ON COLUMN pulse.notification_type.dedup_window IS 'how long the same message again is counted instead of sent; NULL: notifications.dedup_window';
COMMENT ON COLUMN pulse.notification_type.max_per_hour IS 'messages of a portfolio that leave within an hour; NULL: notifications.max_per_hour';
COMMENT ON COLUMN pulse.notification_type.sinks IS 'where they go: telegram, or names of other sinks; NULL: everywhere';
COMMENT ON COLUMN pulse.notification_type.enabled IS 'false: kept and streamed, sent nowhere';
COMMENT ON COLUMN pulse.notification_type.description IS 'what they are about';
COMMENT ON COLUMN pulse.notification_type.created_at IS 'when it was registered';
REVOKE ALL ON pulse.notification_type FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('pulse.notification_type', 'WHERE owner IS NOT NULL');
INSERT INTO pulse.notification_type (name, priority, dedup_window, max_per_hour, description) VALUES
	('TRADE', 'MEDIUM', '0', NULL, 'a trade that the bot itself told of'),
	('TRADE_ALERT', 'LOW', '0', NULL, 'a fill that Pulse saw'),
	('PERFORMANCE', 'HIGH', NULL, NULL, 'a performance figure passed a threshold'),
	('RISK', 'HIGH', NULL, NULL, 'a risk figure passed a threshold'),
	('SYSTEM', 'HIGH', NULL, NULL, 'how a component is'),
	('DAILY_REPORT', 'LOW', '0', NULL, 'the report about a day'),
	('WEEKLY_REPORT', 'LOW', '0', NULL, 'the report about a week');

ALTER TABLE pulse.delivery ADD COLUMN sinks text[];
ALTER TABLE pulse.delivery DROP CONSTRAINT delivery_status_check;
ALTER TABLE pulse.delivery ADD CONSTRAINT delivery_status_check CHECK (status IN ('pending', 'leased', 'sent', 'ambiguous', 'dead', 'suppressed'));
CREATE INDEX delivery_type_idx ON pulse.delivery (type, created_at);
COMMENT ON COLUMN pulse.delivery.sinks IS 'where it may go; NULL: everywhere; empty: nowhere';
COMMENT ON COLUMN pulse.delivery.duplicates IS 'how often the same message came again and was counted instead of sent';
COMMENT ON COLUMN pulse.delivery.status IS 'pending, leased, sent, ambiguous (perhaps sent), dead (given up), suppressed (not to be sent, last_error says why)';

CREATE FUNCTION pulse.render(template text, "values" jsonb) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
	SELECT string_agg(CASE WHEN p.part ~ '^\{[a-z_][a-z0-9_]*(:[a-z]+)?\}$' THEN coalesce((
			SELECT CASE
				WHEN v.form = 'percent' AND jsonb_typeof(v.value) = 'number' THEN to_char((v.value #>> '{}')::numeric * 100, 'FM9999999990.09') || ' %'
				WHEN v.form = 'number' AND (v.value #>> '{}') ~ '^-?\d{1,30}(\.\d+)?$' THEN to_char((v.value #>> '{}')::numeric, 'FM9G999G999G999G990.00')
				WHEN v.form = 'time' AND (v.value #>> '{}') ~ '^\d{4}-\d\d-\d\dT' THEN left(replace(v.value #>> '{}', 'T', ' '), 16) || ' UTC'
				WHEN jsonb_typeof(v.value) = 'number' THEN trim_scale(round((v.value #>> '{}')::numeric, 8))::text
				ELSE v.value #>> '{}' END
			FROM (SELECT "values" -> split_part(trim(BOTH '{}' FROM p.part), ':', 1) AS value, split_part(trim(BOTH '{}' FROM p.part), ':', 2) AS form) v), '')
		ELSE p.part END, '' ORDER BY p.nr)
	FROM regexp_split_to_table(regexp_replace(template, '(\{[a-z_][a-z0-9_]*(?::[a-z]+)?\})', E'\x01\\1\x01', 'g'), E'\x01') WITH ORDINALITY p (part, nr)
	$$;
COMMENT ON FUNCTION pulse.render(text, jsonb) IS
	'Fills a template: {name} is the value of that key, {name:percent} a fraction in percent, {name:number} with two digits and separators, {name:time} a time to the minute; an unknown name is empty. What a value says is never taken for a template.';

CREATE FUNCTION pulse.hold_back(type text, portfolio text, title text, at timestamptz, allowed integer, sinks text[]) RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
#variable_conflict use_variable
BEGIN
	UPDATE pulse.delivery d SET duplicates = 0,
			title = format('%s: %s more messages', type, (d.data ->> 'count')::bigint + 1),
			data = jsonb_set(d.data, '{count}', to_jsonb((d.data ->> 'count')::bigint + 1)),
			message = CASE WHEN (d.data ->> 'count')::bigint < 10 THEN d.message || E'\n' || left(title, 200)
				WHEN (d.data ->> 'count')::bigint = 10 THEN d.message || E'\n…' ELSE d.message END
		WHERE d.delivery_id = (SELECT e.delivery_id FROM pulse.delivery e
			WHERE e.dedup_key = concat_ws(':', 'held back', type, portfolio) AND e.status IN ('pending', 'suppressed') AND e.created_at > at - interval '1 hour'
			ORDER BY e.created_at DESC LIMIT 1 FOR UPDATE SKIP LOCKED);
	IF NOT FOUND THEN
		INSERT INTO pulse.delivery (created_at, channel, status, type, priority, portfolio, title, message, data, dedup_key, not_before, event_seq, sinks)
			VALUES (at, CASE WHEN pulse.delivery_wanted(sinks, 'telegram') THEN 'telegram' ELSE 'sinks' END,
					CASE WHEN pulse.delivery_wanted(sinks, 'telegram') THEN 'pending' ELSE 'suppressed' END, type, 'LOW', portfolio, format('%s: 1 more message', type),
					format(E'More than %s within an hour; these were held back:\n%s', allowed, left(title, 200)),
					'{"count": 1}', concat_ws(':', 'held back', type, portfolio), at + interval '10 minutes', 0, sinks);
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.hold_back(text, text, text, timestamptz, integer, text[]) IS
	'Counts a message that was one too many within its hour into the one message that tells of all of them ten minutes later.';

CREATE FUNCTION pulse.delivery_policy(type text, priority text, OUT sinks text[], OUT reason text)
	LANGUAGE sql STABLE
	AS $$
	SELECT CASE WHEN p.reason IS NOT NULL THEN '{}'::text[] ELSE p.sinks END, p.reason
	FROM (SELECT t.sinks, CASE
			WHEN NOT pulse.config_bool('notifications.enabled') THEN 'notifications are switched off (notifications.enabled)'
			WHEN NOT t.enabled THEN 'this type of notification is switched off'
			WHEN array_position('{LOW,MEDIUM,HIGH,CRITICAL}', $2) < array_position('{LOW,MEDIUM,HIGH,CRITICAL}', pulse.config_text('notifications.min_priority'))
				THEN 'its priority is below notifications.min_priority' END AS reason
		FROM (VALUES (1)) one LEFT JOIN pulse.notification_type t ON t.name = $1) p
	$$;
COMMENT ON FUNCTION pulse.delivery_policy(text, text) IS
	'Where messages of a type and priority go (NULL: everywhere), or why nowhere.';

CREATE FUNCTION pulse.delivery_wanted(sinks text[], sink text) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN sinks IS NULL OR sink = ANY (sinks);
COMMENT ON FUNCTION pulse.delivery_wanted(text[], text) IS
	'Whether a message with these sinks (pulse.delivery.sinks) goes to one of them, by name.';

-- The tick writes its messages about fills many at a time, past pulse.enqueue(): they follow the settings too.
CREATE FUNCTION pulse.route_fill_message() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	policy record;
BEGIN
	SELECT * INTO policy FROM pulse.delivery_policy(NEW.type, NEW.priority);
	NEW.sinks := policy.sinks;
	IF NOT pulse.delivery_wanted(policy.sinks, 'telegram') THEN
		NEW.channel := 'sinks';
		NEW.status := 'suppressed';
		NEW.last_error := coalesce(policy.reason, 'it goes elsewhere');
	END IF;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION pulse.route_fill_message() IS
	'Trigger on pulse.delivery: decides for a message about fills whether it leaves and where to, as pulse.enqueue() does for the others.';
CREATE TRIGGER route_fill_message BEFORE INSERT ON pulse.delivery
	FOR EACH ROW WHEN (NEW.type = 'TRADE_ALERT') EXECUTE FUNCTION pulse.route_fill_message();

CREATE FUNCTION pulse.enqueue(type text, priority text, portfolio text, title text, message text, data jsonb DEFAULT '{}',
							  dedup_key text DEFAULT NULL, at timestamptz DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	id bigint;
	kind pulse.notification_type;
	span interval;
	allowed integer;
	policy record;
	content jsonb;
	heading text;
	body text;
	targets text[];
BEGIN
	at := coalesce(at, now());
	data := coalesce(data, '{}');
	SELECT * INTO kind FROM pulse.notification_type t WHERE t.name = type;
	priority := upper(coalesce(priority, kind.priority, 'MEDIUM'));
	span := coalesce(kind.dedup_window, pulse.config_interval('notifications.dedup_window'));
	-- A trade is news each time; other messages that repeat themselves are counted instead of sent.
	IF span > interval '0' THEN
		IF dedup_key IS NULL THEN
			dedup_key := md5(concat_ws(E'\n', type, priority, portfolio, title, message));
			PERFORM pg_advisory_xact_lock(hashtextextended('pulse_notify ' || dedup_key, 0));
		END IF;
		UPDATE pulse.delivery d SET duplicates = d.duplicates + 1
			WHERE d.delivery_id = (SELECT e.delivery_id FROM pulse.delivery e
				WHERE e.dedup_key = enqueue.dedup_key AND e.created_at > at - span AND e.status <> 'dead'
				ORDER BY e.created_at DESC LIMIT 1)
			RETURNING d.delivery_id INTO id;
		IF FOUND THEN
			RETURN id;
		END IF;
	END IF;

	content := data || jsonb_build_object('type', type, 'priority', priority, 'portfolio', portfolio,
		'title', coalesce(title, ''), 'message', coalesce(message, ''));
	heading := pulse.config_text('notifications.title_prefix') || CASE WHEN kind.title IS NULL OR kind.title = '{title}' THEN coalesce(title, '') ELSE pulse.render(kind.title, content) END;
	body := CASE WHEN kind.message IS NULL OR kind.message = '{message}' THEN coalesce(message, '') ELSE pulse.render(kind.message, content) END;

	SELECT * INTO policy FROM pulse.delivery_policy(type, priority);
	targets := policy.sinks;
	IF policy.reason IS NULL AND jsonb_typeof(data -> 'sinks') = 'array' THEN
		targets := ARRAY(SELECT jsonb_array_elements_text(data -> 'sinks'));
	END IF;
	IF policy.reason IS NULL AND priority <> 'CRITICAL' THEN
		allowed := coalesce(kind.max_per_hour, pulse.config_integer('notifications.max_per_hour'));
		IF (SELECT count(*) FROM (SELECT FROM pulse.delivery d WHERE d.type = enqueue.type AND d.created_at > at - interval '1 hour'
				AND d.created_at <= at AND d.portfolio IS NOT DISTINCT FROM enqueue.portfolio AND d.status <> 'suppressed' LIMIT allowed) n) >= allowed THEN
			PERFORM pulse.hold_back(type, portfolio, heading, at, allowed, targets);
			policy.reason := format('more than %s within an hour', allowed);
			targets := '{}';
		END IF;
	END IF;
	INSERT INTO pulse.delivery (created_at, not_before, channel, type, priority, portfolio, title, message, data, dedup_key, sinks, status, last_error)
		VALUES (at, at, CASE WHEN pulse.delivery_wanted(targets, 'telegram') THEN 'telegram' ELSE 'sinks' END,
				type, priority, portfolio, left(heading, 1100), body, data, dedup_key, targets,
				CASE WHEN pulse.delivery_wanted(targets, 'telegram') THEN 'pending' ELSE 'suppressed' END,
				coalesce(policy.reason, CASE WHEN NOT pulse.delivery_wanted(targets, 'telegram') THEN 'it goes elsewhere' END))
		RETURNING delivery_id INTO id;
	RETURN id;
END
$$;
REVOKE ALL ON FUNCTION pulse.enqueue(text, text, text, text, text, jsonb, text, timestamptz), pulse.hold_back(text, text, text, timestamptz, integer, text[]) FROM PUBLIC;
COMMENT ON FUNCTION pulse.enqueue(text, text, text, text, text, jsonb, text, timestamptz) IS
	'The one way into pulse.delivery: fills the template of the type, counts a message that is the same (dedup_key; NULL: type, priority, portfolio, title and message) as one within the last notifications.dedup_window, holds back what is more than notifications.max_per_hour of a type and portfolio unless it is CRITICAL, and decides where it goes: data.sinks (array of names), else the sinks of its type, else everywhere. at is the time that it belongs to, NULL: now. What is not to be sent is kept as suppressed, with the reason, and announced in the stream all the same. Returns the notification id.';

CREATE FUNCTION pulse_notify(type text, priority text, title text, message text, data jsonb DEFAULT '{}') RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
BEGIN
	IF coalesce(type, '') = '' OR length(type) > 100 THEN
		RAISE EXCEPTION 'a notification needs a type of at most 100 characters' USING ERRCODE = 'invalid_parameter_value';
	ELSIF upper(priority) NOT IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW')
			OR (priority IS NULL AND NOT EXISTS (SELECT FROM pulse.notification_type t WHERE t.name = type)) THEN
		RAISE EXCEPTION 'unknown priority: %', coalesce(quote_literal(priority), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use CRITICAL, HIGH, MEDIUM or LOW.';
	ELSIF coalesce(title, '') = '' AND coalesce(message, '') = '' THEN
		RAISE EXCEPTION 'a notification needs a title or a message' USING ERRCODE = 'invalid_parameter_value';
	ELSIF length(title) > 1000 OR length(message) > 20000 THEN
		RAISE EXCEPTION 'notification is too long'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = 'A title may have 1000 characters, a message 20000.';
	ELSIF jsonb_typeof(data) <> 'object' THEN
		RAISE EXCEPTION 'data must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
	ELSIF pg_column_size(data) > 262144 THEN
		RAISE EXCEPTION 'data is too large' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'It may have 256 kB.';
	END IF;
	RETURN pulse.enqueue(type, priority, data ->> 'portfolio', title, message, data);
END
$$;
COMMENT ON FUNCTION pulse_notify(text, text, text, text, jsonb) IS
	'Sends a message to people through the configured channels and announces it as SYSTEM_ALERT; returns the notification id. Priority is CRITICAL, HIGH, MEDIUM or LOW; NULL for a registered type (pulse_register_notification_type) means that type''s. It leaves with the commit of this transaction and survives any restart. The same message again within notifications.dedup_window (15 minutes) is counted, not sent, and returns the first one''s id; type TRADE is always sent. data may carry portfolio, value, threshold, rule, state, and sinks (names of where it goes). Error 22023 for bad arguments.';

CREATE FUNCTION pulse.plain_number(value numeric) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN trim_scale(value)::text;
COMMENT ON FUNCTION pulse.plain_number(numeric) IS 'A number for people to read: without zeros at its end.';

CREATE FUNCTION pulse_send_trade_notification(symbol text, side text, quantity numeric, price numeric,
											  confidence double precision DEFAULT NULL, portfolio text DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql VOLATILE
	AS $$
BEGIN
	IF coalesce(symbol, '') = '' OR side IS NULL OR upper(side) NOT IN ('BUY', 'SELL') THEN
		RAISE EXCEPTION 'a trade needs a symbol and the side BUY or SELL' USING ERRCODE = 'invalid_parameter_value';
	ELSIF quantity IS NULL OR NOT (quantity > 0 AND quantity < 'Infinity') OR price IS NULL OR NOT (price >= 0 AND price < 'Infinity') THEN
		RAISE EXCEPTION 'a trade needs a positive quantity and a price' USING ERRCODE = 'invalid_parameter_value';
	ELSIF confidence IS NOT NULL AND NOT (confidence >= 0 AND confidence <= 1) THEN
		RAISE EXCEPTION 'confidence must lie between 0 and 1'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'It is a fraction: 0.85 means 85 %.';
	END IF;
	RETURN @extschema@.pulse_notify('TRADE', 'MEDIUM', format('%s %s', upper(side), symbol),
		format('%s @ %s = %s', pulse.plain_number(quantity), pulse.plain_number(price), pulse.plain_number(quantity * price))
			|| coalesce(format(E'\nConfidence: %s %%', to_char(confidence * 100, 'FM990.0')), ''),
		jsonb_strip_nulls(jsonb_build_object('portfolio', portfolio, 'symbol', symbol, 'side', upper(side),
			'quantity', pulse.json_money(quantity), 'price', pulse.json_money(price), 'confidence', confidence)));
END
$$;
COMMENT ON FUNCTION pulse_send_trade_notification(text, text, numeric, numeric, double precision, text) IS
	'Tells people about a trade (priority MEDIUM, never suppressed as a duplicate); returns the notification id. Confidence is a fraction. Error 22023 for bad arguments.';

CREATE FUNCTION pulse_send_performance_alert(type text, value double precision, threshold double precision, message text,
											 portfolio text DEFAULT NULL) RETURNS bigint
	LANGUAGE sql VOLATILE
	AS $$
	SELECT @extschema@.pulse_notify('PERFORMANCE', 'HIGH', $1, $4,
		jsonb_strip_nulls(jsonb_build_object('portfolio', $5, 'rule', $1, 'value', $2, 'threshold', $3)))
	$$;
COMMENT ON FUNCTION pulse_send_performance_alert(text, double precision, double precision, text, text) IS
	'Tells people that a performance figure has passed a threshold (priority HIGH); type is the title, for example High Drawdown. Returns the notification id.';

CREATE FUNCTION pulse_send_risk_alert(risk_type text, symbol text, value double precision, threshold double precision, message text,
									  portfolio text DEFAULT NULL) RETURNS bigint
	LANGUAGE sql VOLATILE
	AS $$
	SELECT @extschema@.pulse_notify('RISK', 'HIGH', concat_ws(': ', $1, nullif($2, '')), $5,
		jsonb_strip_nulls(jsonb_build_object('portfolio', $6, 'rule', $1, 'symbol', $2, 'value', $3, 'threshold', $4)))
	$$;
COMMENT ON FUNCTION pulse_send_risk_alert(text, text, double precision, double precision, text, text) IS
	'Tells people about a risk (priority HIGH), for a symbol or, where that is NULL, for the whole portfolio. Returns the notification id.';

CREATE FUNCTION pulse_send_system_alert(component text, status text, message text) RETURNS bigint
	LANGUAGE sql VOLATILE
	AS $$
	SELECT @extschema@.pulse_notify('SYSTEM',
		CASE pulse.check_status($2) WHEN 'CRITICAL' THEN 'CRITICAL' WHEN 'WARNING' THEN 'HIGH' WHEN 'UNKNOWN' THEN 'MEDIUM' ELSE 'LOW' END,
		format('%s: %s', $1, upper($2)), $3,
		jsonb_build_object('component', $1, 'status', upper($2), 'state', CASE WHEN upper($2) = 'HEALTHY' THEN 'resolved' ELSE 'firing' END))
	$$;
COMMENT ON FUNCTION pulse_send_system_alert(text, text, text) IS
	'Tells people how a component is; status is HEALTHY, WARNING, CRITICAL or UNKNOWN and sets the priority (LOW, HIGH, CRITICAL, MEDIUM). Returns the notification id. Error 22023 for an unknown status.';

REVOKE ALL ON FUNCTION pulse_notify(text, text, text, text, jsonb),
	pulse_send_trade_notification(text, text, numeric, numeric, double precision, text),
	pulse_send_performance_alert(text, double precision, double precision, text, text),
	pulse_send_risk_alert(text, text, double precision, double precision, text, text),
	pulse_send_system_alert(text, text, text) FROM PUBLIC;
-- Feeds: tables that somebody else fills, watched for age, gaps, duplicates, values out of range and values that do not
-- move. Each look reads only what came since the last one, through an index, as the role that registered the feed.

CREATE TABLE pulse.feed (
	name		text PRIMARY KEY,
	schema_name	text NOT NULL,
	table_name	text NOT NULL,
	ts_column	text NOT NULL,
	key_column	text,
	value_column	text,
	expected_interval	interval NOT NULL CHECK (expected_interval > '0'),
	calendar	text NOT NULL DEFAULT '24/7' CHECK (calendar IN ('24/7', 'weekdays', 'sessions')),
	timezone	text NOT NULL DEFAULT 'UTC',
	session_start	time,
	session_end	time,
	holidays	date[] NOT NULL DEFAULT '{}',
	minimum		double precision,
	maximum		double precision,
	max_change	double precision CHECK (max_change > 0),
	stuck_after	interval CHECK (stuck_after > '0'),
	warning_after	interval CHECK (warning_after > '0'),
	critical_after	interval CHECK (critical_after > '0'),
	by_key		boolean NOT NULL DEFAULT false,
	kind		text NOT NULL DEFAULT 'feed' CHECK (kind = 'feed'),
	CHECK (calendar <> 'sessions' OR (session_start IS NOT NULL AND session_end IS NOT NULL AND session_start <> session_end)),
	FOREIGN KEY (kind, name) REFERENCES pulse.registration (kind, name) ON DELETE CASCADE
);
COMMENT ON TABLE pulse.feed IS 'feeds that pulse_register_feed() registered: what rows are expected';
COMMENT ON COLUMN pulse.feed.name IS 'the component is feed.<name>';
COMMENT ON COLUMN pulse.feed.schema_name IS 'schema of the table, looked up at each run';
COMMENT ON COLUMN pulse.feed.table_name IS 'the table or view';
COMMENT ON COLUMN pulse.feed.ts_column IS 'time of a row';
COMMENT ON COLUMN pulse.feed.key_column IS 'what the rows are of, such as a symbol; NULL: of one thing';
COMMENT ON COLUMN pulse.feed.value_column IS 'number that is checked for range, jumps and standing still; NULL: none';
COMMENT ON COLUMN pulse.feed.expected_interval IS 'time between two rows of a key while its calendar is open';
COMMENT ON COLUMN pulse.feed.calendar IS 'when rows are expected: 24/7, weekdays (Monday to Friday), sessions (on weekdays from session_start to session_end)';
COMMENT ON COLUMN pulse.feed.timezone IS 'IANA zone of the calendar';
COMMENT ON COLUMN pulse.feed.session_start IS 'local time at which a session opens';
COMMENT ON COLUMN pulse.feed.session_end IS 'local time at which it closes; earlier than session_start: on the day after';
COMMENT ON COLUMN pulse.feed.holidays IS 'local days without a session';
COMMENT ON COLUMN pulse.feed.minimum IS 'smallest value that is possible';
COMMENT ON COLUMN pulse.feed.maximum IS 'largest value that is possible';
COMMENT ON COLUMN pulse.feed.max_change IS 'largest change from one value to the next that is possible, as a fraction';
COMMENT ON COLUMN pulse.feed.stuck_after IS 'how long the same value may come again and again';
COMMENT ON COLUMN pulse.feed.warning_after IS 'age of the newest row, in open time, that is WARNING; NULL: health.data_age_warning, at least three intervals';
COMMENT ON COLUMN pulse.feed.critical_after IS 'the same for CRITICAL; NULL: health.data_age_critical, at least six intervals';
COMMENT ON COLUMN pulse.feed.by_key IS 'its index begins with the key, not with the time';
COMMENT ON COLUMN pulse.feed.kind IS 'feed, for the foreign key';

CREATE TABLE pulse.feed_state (
	name		text NOT NULL REFERENCES pulse.feed ON DELETE CASCADE,
	key			text NOT NULL,
	last_ts		timestamptz NOT NULL,
	settled_ts	timestamptz NOT NULL,
	last_value	double precision,
	value_since	timestamptz,
	rows		bigint NOT NULL DEFAULT 0,
	gaps		bigint NOT NULL DEFAULT 0,
	missing		bigint NOT NULL DEFAULT 0,
	duplicates	bigint NOT NULL DEFAULT 0,
	out_of_range	bigint NOT NULL DEFAULT 0,
	PRIMARY KEY (name, key)
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.feed_state IS 'what has been seen of each key of each feed';
COMMENT ON COLUMN pulse.feed_state.name IS 'of the feed';
COMMENT ON COLUMN pulse.feed_state.key IS 'the key; empty for a feed without one';
COMMENT ON COLUMN pulse.feed_state.last_ts IS 'time of its newest row';
COMMENT ON COLUMN pulse.feed_state.settled_ts IS 'time of the last row that has been examined: the next look begins after it';
COMMENT ON COLUMN pulse.feed_state.last_value IS 'its value';
COMMENT ON COLUMN pulse.feed_state.value_since IS 'since when the value has been the same';
COMMENT ON COLUMN pulse.feed_state.rows IS 'rows examined';
COMMENT ON COLUMN pulse.feed_state.gaps IS 'gaps found';
COMMENT ON COLUMN pulse.feed_state.missing IS 'rows that were missing in them';
COMMENT ON COLUMN pulse.feed_state.duplicates IS 'rows with the time of the row before them';
COMMENT ON COLUMN pulse.feed_state.out_of_range IS 'values out of range, jumps among them';

CREATE TABLE pulse.feed_finding (
	name		text NOT NULL REFERENCES pulse.feed ON DELETE CASCADE,
	key			text NOT NULL,
	kind		text NOT NULL CHECK (kind IN ('gap', 'duplicate', 'out_of_range', 'stuck')),
	from_ts		timestamptz NOT NULL,
	to_ts		timestamptz NOT NULL,
	count		bigint NOT NULL,
	value		double precision,
	found_at	timestamptz NOT NULL,
	filled_at	timestamptz
);
CREATE INDEX feed_finding_name_idx ON pulse.feed_finding (name, found_at);
COMMENT ON TABLE pulse.feed_finding IS 'what was wrong with feeds; kept for retention.feeds, at most 10000 of a feed';
COMMENT ON COLUMN pulse.feed_finding.name IS 'of the feed';
COMMENT ON COLUMN pulse.feed_finding.key IS 'of which key';
COMMENT ON COLUMN pulse.feed_finding.kind IS 'gap, duplicate, out_of_range or stuck';
COMMENT ON COLUMN pulse.feed_finding.from_ts IS 'where it begins: for a gap the last row before it';
COMMENT ON COLUMN pulse.feed_finding.to_ts IS 'where it ends: for a gap the first row after it';
COMMENT ON COLUMN pulse.feed_finding.count IS 'rows that are missing, are too many, or are out of range';
COMMENT ON COLUMN pulse.feed_finding.value IS 'the value that is out of range or does not move';
COMMENT ON COLUMN pulse.feed_finding.found_at IS 'when it was found';
COMMENT ON COLUMN pulse.feed_finding.filled_at IS 'when rows turned up in a gap after all';
REVOKE ALL ON pulse.feed, pulse.feed_state, pulse.feed_finding FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('pulse.feed', '');

INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, description) VALUES
	('health.feed_window', 'duration', NULL, '"01:00:00"', 60, 2592000, 'feed.*: how long a gap, duplicate or bad value makes a feed WARNING after it was found.'),
	('health.feed_missing_critical', 'number', 'fraction', '0.2', 0, 1, 'feed.*: rows missing within that time, of those expected, from which a feed is CRITICAL.'),
	('retention.feeds', 'duration', NULL, '"90 days"', 3600, NULL, 'How long findings about feeds are kept.');
INSERT INTO pulse.privilege (level, kind, name, privilege)
	SELECT 'reader', 'table', unnest(ARRAY['feed', 'feed_state', 'feed_finding']), 'SELECT'
	UNION ALL SELECT 'admin', 'function', unnest(ARRAY['pulse_register_feed', 'pulse_unregister_feed']), 'EXECUTE';

CREATE FUNCTION pulse.open_seconds(from_ts timestamptz, to_ts timestamptz, calendar text, timezone text, session_start time, session_end time, holidays date[])
	RETURNS double precision
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	AS $$
DECLARE
	first date;
	last date;
BEGIN
	IF from_ts IS NULL OR to_ts IS NULL OR from_ts >= to_ts THEN
		RETURN 0;
	ELSIF calendar = '24/7' THEN
		RETURN extract(epoch FROM to_ts - from_ts);
	END IF;
	-- a session may have begun on the day before; what is longer than a year is long enough
	last := (to_ts AT TIME ZONE timezone)::date;
	first := greatest((from_ts AT TIME ZONE timezone)::date - 1, last - 370);
	RETURN (SELECT coalesce(sum(greatest(0, extract(epoch FROM least(to_ts, s.ends) - greatest(from_ts, s.begins)))), 0)
		FROM generate_series(0, last - first) n
			CROSS JOIN LATERAL (SELECT first + n AS day) d
			CROSS JOIN LATERAL (SELECT
				(d.day + CASE calendar WHEN 'sessions' THEN session_start ELSE time '00:00' END) AT TIME ZONE timezone AS begins,
				(CASE WHEN calendar = 'sessions' AND session_end > session_start THEN d.day + session_end
					WHEN calendar = 'sessions' THEN d.day + 1 + session_end ELSE d.day + 1 + time '00:00' END) AT TIME ZONE timezone AS ends) s
		WHERE extract(isodow FROM d.day) < 6 AND d.day <> ALL (holidays));
END
$$;
COMMENT ON FUNCTION pulse.open_seconds(timestamptz, timestamptz, text, text, time, time, date[]) IS
	'Seconds between two times in which a calendar is open: 24/7, weekdays, or sessions on weekdays, which belong to the local day on which they begin; on holidays none begins. At most the last year counts.';

CREATE FUNCTION pulse.feed_settle(f pulse.feed) RETURNS interval
	LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN least(interval '5 minutes', (f).expected_interval * 2);
COMMENT ON FUNCTION pulse.feed_settle(pulse.feed) IS
	'How old a row of a feed must be before the time between it and the next one counts as a gap: rows may come in a little out of order.';

CREATE FUNCTION pulse.feed_query(name text, at timestamptz) RETURNS text
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_variable
DECLARE
	f pulse.feed;
	-- how much history the first look takes
	begin_at timestamptz;
	begun timestamptz;
	known text;
	source text;
	row_limit CONSTANT integer := 20000;
	keys bigint;
	key_sql text;
	value_sql text;
	gaps text;
BEGIN
	SELECT * INTO f FROM pulse.feed d WHERE d.name = feed_query.name;
	key_sql := CASE WHEN f.key_column IS NULL THEN quote_literal('') ELSE format('t.%I::text', f.key_column) END;
	value_sql := CASE WHEN f.value_column IS NULL THEN 'NULL' ELSE format('t.%I', f.value_column) END || '::double precision';
	SELECT coalesce(jsonb_object_agg(s.key, jsonb_build_array(s.settled_ts, s.last_value, s.value_since)), '{}')::text,
			min(s.settled_ts) FILTER (WHERE s.settled_ts > at - greatest(interval '1 day', f.expected_interval * 100)), count(*)
		INTO known, begun, keys FROM pulse.feed_state s WHERE s.name = feed_query.name;
	begin_at := coalesce(begun, at - greatest(interval '1 day', f.expected_interval * 100));
	-- the tips tell how old the newest row is also while there is much to catch up with
	IF f.by_key THEN
		-- from key to key, and in each only what is new, through an index that begins with the key
		source := format($q$
			SELECT k.key, n.ts, n.value, n.tip FROM (
				WITH RECURSIVE found AS (
					(SELECT t.%1$I AS key FROM %2$I.%3$I t WHERE t.%1$I IS NOT NULL ORDER BY t.%1$I LIMIT 1)
					UNION ALL
					SELECT (SELECT t.%1$I FROM %2$I.%3$I t WHERE t.%1$I > found.key ORDER BY t.%1$I LIMIT 1) FROM found WHERE found.key IS NOT NULL
				) SELECT found.key AS raw, found.key::text AS key FROM found WHERE found.key IS NOT NULL LIMIT 10000
			) k CROSS JOIN LATERAL (
				(SELECT t.%4$I::timestamptz AS ts, %5$s AS value, false AS tip FROM %2$I.%3$I t
				 WHERE t.%1$I = k.raw AND t.%4$I > coalesce((known.state -> k.key ->> 0)::timestamptz, %6$L::timestamptz)
				 ORDER BY t.%4$I LIMIT %7$s)
				UNION ALL
				(SELECT t.%4$I::timestamptz, %5$s, true FROM %2$I.%3$I t WHERE t.%1$I = k.raw AND t.%4$I <= %8$L::timestamptz + interval '1 hour' ORDER BY t.%4$I DESC LIMIT 1)
			) n$q$, f.key_column, f.schema_name, f.table_name, f.ts_column, value_sql, begin_at, greatest(200, row_limit / greatest(1, keys)), at);
	ELSE
		source := format($q$
			(SELECT n.key, n.ts, n.value, false AS tip FROM (
				SELECT %1$s AS key, t.%2$I::timestamptz AS ts, %3$s AS value FROM %4$I.%5$I t WHERE t.%2$I > %6$L::timestamptz ORDER BY t.%2$I LIMIT %7$s
			) n WHERE n.ts > coalesce((known.state -> n.key ->> 0)::timestamptz, %6$L::timestamptz))
			UNION ALL
			(SELECT %1$s, t.%2$I::timestamptz, %3$s, true FROM %4$I.%5$I t WHERE t.%2$I <= %8$L::timestamptz + interval '1 hour' ORDER BY t.%2$I DESC LIMIT 1000)$q$,
			key_sql, f.ts_column, value_sql, f.schema_name, f.table_name, begin_at, row_limit, at);
	END IF;
	-- rows that turned up in gaps after all: a look at each of the youngest
	SELECT string_agg(format('SELECT %L AS gap, EXISTS (SELECT FROM %I.%I t WHERE t.%I > %L::timestamptz AND t.%I < %L::timestamptz%s) AS filled',
			x.gap, f.schema_name, f.table_name, f.ts_column, x.from_ts, f.ts_column, x.to_ts,
			CASE WHEN f.key_column IS NULL THEN '' ELSE format(' AND t.%I = %L', f.key_column, x.key) END), ' UNION ALL ')
		INTO gaps
		FROM (SELECT g.ctid::text AS gap, g.key, g.from_ts, g.to_ts FROM pulse.feed_finding g
			  WHERE g.name = feed_query.name AND g.kind = 'gap' AND g.filled_at IS NULL AND g.found_at > at - interval '1 day'
			  ORDER BY g.found_at DESC LIMIT 20) x;
	RETURN format($q$
		WITH known AS MATERIALIZED (SELECT %1$L::jsonb AS state),
		rows AS MATERIALIZED (SELECT n.key, n.ts, n.value, n.tip FROM known CROSS JOIN LATERAL (%2$s) n WHERE n.key IS NOT NULL AND n.ts IS NOT NULL AND n.ts <= %3$L::timestamptz + interval '1 hour'),
		steps AS (
			SELECT r.*, coalesce(lag(r.ts) OVER w, (known.state -> r.key ->> 0)::timestamptz) AS before_ts,
				coalesce(lag(r.value) OVER w, (known.state -> r.key ->> 1)::double precision) AS before_value,
				r.ts <= %3$L::timestamptz - %4$L::interval AS settled
			FROM rows r CROSS JOIN known WHERE NOT r.tip WINDOW w AS (PARTITION BY r.key ORDER BY r.ts)
		)
		SELECT s.key, (SELECT max(r.ts) FROM rows r WHERE r.key = s.key) AS last_ts, max(s.ts) FILTER (WHERE s.settled) AS settled_ts,
			count(*) FILTER (WHERE s.settled) AS rows, (array_agg(s.value ORDER BY s.ts DESC) FILTER (WHERE s.settled))[1] AS settled_value,
			max(s.ts) FILTER (WHERE s.settled AND s.value IS DISTINCT FROM s.before_value) AS settled_changed_at,
			count(*) FILTER (WHERE s.settled AND s.ts = s.before_ts) AS duplicates,
			min(s.ts) FILTER (WHERE s.settled AND s.ts = s.before_ts) AS duplicate_from, max(s.ts) FILTER (WHERE s.settled AND s.ts = s.before_ts) AS duplicate_to,
			count(*) FILTER (WHERE s.settled AND b.bad) AS out_of_range,
			min(s.ts) FILTER (WHERE s.settled AND b.bad) AS bad_from, max(s.ts) FILTER (WHERE s.settled AND b.bad) AS bad_to,
			(array_agg(s.value ORDER BY s.ts) FILTER (WHERE s.settled AND b.bad AND s.value < 'Infinity' AND s.value > '-Infinity'))[1] AS bad_value,
			(array_agg(pg_catalog.jsonb_build_array(s.before_ts, s.ts) ORDER BY s.ts) FILTER (WHERE s.settled AND s.ts - s.before_ts > %5$L::interval * 1.5))[1:500] AS gaps,
			NULL::text AS gap, NULL::boolean AS filled
		FROM steps s CROSS JOIN LATERAL (SELECT s.value < %6$L::double precision OR s.value > %7$L::double precision OR s.value = 'NaN'
			OR (s.before_value < 'Infinity' AND abs(s.value / nullif(s.before_value, 0) - 1) > %8$L::double precision) AS bad) b
		GROUP BY s.key%9$s$q$, known, source, at, pulse.feed_settle(f), f.expected_interval,
		coalesce(f.minimum, '-Infinity'), coalesce(f.maximum, 'Infinity'), f.max_change,
		coalesce(' UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, g.gap, g.filled FROM (' || gaps || ') g', ''));
END
$$;
COMMENT ON FUNCTION pulse.feed_query(text, timestamptz) IS
	'The SELECT that looks at what is new in a feed: one row for each key that has something new, and one for each gap that was looked at again. It reads at most 20000 rows; what is left comes with the next run.';

CREATE FUNCTION pulse.store_feed(name text, rows jsonb, at timestamptz) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	f pulse.feed;
BEGIN
	SELECT * INTO f FROM pulse.feed d WHERE d.name = store_feed.name;
	-- gaps in open time only
	INSERT INTO pulse.feed_finding (name, key, kind, from_ts, to_ts, count, found_at)
		SELECT name, r ->> 'key', 'gap', (g ->> 0)::timestamptz, (g ->> 1)::timestamptz, o.missing, at
		FROM jsonb_array_elements(rows) r CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(r -> 'gaps') WHEN 'array' THEN r -> 'gaps' ELSE '[]' END) g
			CROSS JOIN LATERAL (SELECT round(pulse.open_seconds((g ->> 0)::timestamptz, (g ->> 1)::timestamptz, f.calendar, f.timezone, f.session_start, f.session_end, f.holidays)
				/ extract(epoch FROM f.expected_interval) - 1)::bigint AS missing) o
		WHERE o.missing >= 1;
	INSERT INTO pulse.feed_finding (name, key, kind, from_ts, to_ts, count, found_at, value)
		SELECT name, r ->> 'key', 'duplicate', (r ->> 'duplicate_from')::timestamptz, (r ->> 'duplicate_to')::timestamptz, (r ->> 'duplicates')::bigint, at, NULL
		FROM jsonb_array_elements(rows) r WHERE (r ->> 'duplicates')::bigint > 0
		UNION ALL
		SELECT name, r ->> 'key', 'out_of_range', (r ->> 'bad_from')::timestamptz, (r ->> 'bad_to')::timestamptz, (r ->> 'out_of_range')::bigint, at, (r ->> 'bad_value')::double precision
		FROM jsonb_array_elements(rows) r WHERE (r ->> 'out_of_range')::bigint > 0;
	UPDATE pulse.feed_finding g SET filled_at = at FROM jsonb_array_elements(rows) r
		WHERE r ->> 'gap' IS NOT NULL AND (r ->> 'filled')::boolean AND g.ctid = (r ->> 'gap')::tid AND g.name = store_feed.name AND g.kind = 'gap';

	INSERT INTO pulse.feed_state AS s (name, key, last_ts, settled_ts, last_value, value_since, rows, gaps, missing, duplicates, out_of_range)
		SELECT name, r ->> 'key', (r ->> 'last_ts')::timestamptz, coalesce((r ->> 'settled_ts')::timestamptz, (r ->> 'last_ts')::timestamptz - interval '1 microsecond'),
			(r ->> 'settled_value')::double precision, (r ->> 'settled_changed_at')::timestamptz, (r ->> 'rows')::bigint,
			coalesce(g.gaps, 0), coalesce(g.missing, 0), (r ->> 'duplicates')::bigint, (r ->> 'out_of_range')::bigint
		FROM jsonb_array_elements(rows) r
			LEFT JOIN (SELECT x.key, count(*) AS gaps, sum(x.count) AS missing FROM pulse.feed_finding x
					   WHERE x.name = store_feed.name AND x.found_at = at AND x.kind = 'gap' GROUP BY x.key) g ON g.key = r ->> 'key'
		WHERE r ->> 'key' IS NOT NULL
		ON CONFLICT ON CONSTRAINT feed_state_pkey DO UPDATE SET last_ts = greatest(s.last_ts, excluded.last_ts),
			settled_ts = CASE WHEN excluded.rows > 0 THEN greatest(s.settled_ts, excluded.settled_ts) ELSE s.settled_ts END,
			last_value = CASE WHEN excluded.rows > 0 THEN excluded.last_value ELSE s.last_value END,
			value_since = CASE WHEN excluded.value_since IS NOT NULL THEN excluded.value_since ELSE s.value_since END,
			rows = s.rows + excluded.rows, gaps = s.gaps + excluded.gaps, missing = s.missing + excluded.missing,
			duplicates = s.duplicates + excluded.duplicates, out_of_range = s.out_of_range + excluded.out_of_range;

	-- a value that stands still while rows keep coming: told once for each stretch
	INSERT INTO pulse.feed_finding (name, key, kind, from_ts, to_ts, count, value, found_at)
		SELECT name, s.key, 'stuck', s.value_since, s.settled_ts, 1, s.last_value, at FROM pulse.feed_state s
		WHERE s.name = store_feed.name AND f.value_column IS NOT NULL AND s.last_value IS NOT NULL
			AND pulse.open_seconds(s.value_since, s.settled_ts, f.calendar, f.timezone, f.session_start, f.session_end, f.holidays)
				> extract(epoch FROM coalesce(f.stuck_after, f.expected_interval * 60))
			AND NOT EXISTS (SELECT FROM pulse.feed_finding g WHERE g.name = s.name AND g.key = s.key AND g.kind = 'stuck' AND g.from_ts = s.value_since);

	DELETE FROM pulse.feed_finding g WHERE g.name = store_feed.name AND (g.found_at < at - pulse.config_interval('retention.feeds')
		OR g.found_at < (SELECT o.found_at FROM pulse.feed_finding o WHERE o.name = store_feed.name ORDER BY o.found_at DESC OFFSET 10000 LIMIT 1));
	DELETE FROM pulse.feed_state s WHERE s.name = store_feed.name AND s.last_ts < at - pulse.config_interval('retention.feeds');
	PERFORM pulse.judge_feed(f, at);
	RETURN coalesce((SELECT sum((r ->> 'rows')::bigint) FROM jsonb_array_elements(rows) r), 0) >= 10000
		OR EXISTS (SELECT FROM pulse.feed_state s WHERE s.name = store_feed.name AND s.settled_ts < s.last_ts - pulse.feed_settle(f) - f.expected_interval * 2
			AND EXISTS (SELECT FROM jsonb_array_elements(rows) r WHERE r ->> 'key' = s.key AND (r ->> 'rows')::bigint >= 200));
END
$$;
COMMENT ON FUNCTION pulse.store_feed(text, jsonb, timestamptz) IS 'Takes in what pulse.feed_query() found, and judges the feed; true when there is more to read at once.';

CREATE FUNCTION pulse.feed_keys(f pulse.feed, at timestamptz)
	RETURNS TABLE (key text, status text, age double precision, last_ts timestamptz, stuck boolean)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.key, pulse.health_level(a.age, a.warning, a.critical), a.age, s.last_ts,
		(f).value_column IS NOT NULL AND EXISTS (SELECT FROM pulse.feed_finding g WHERE g.name = s.name AND g.key = s.key AND g.kind = 'stuck' AND g.from_ts = s.value_since)
	FROM pulse.feed_state s CROSS JOIN LATERAL (SELECT
			pulse.open_seconds(s.last_ts, $2, (f).calendar, (f).timezone, (f).session_start, (f).session_end, (f).holidays) AS age,
			coalesce(extract(epoch FROM (f).warning_after), greatest(pulse.config_seconds('health.data_age_warning'), extract(epoch FROM (f).expected_interval) * 3)) AS warning,
			coalesce(extract(epoch FROM (f).critical_after), greatest(pulse.config_seconds('health.data_age_critical'), extract(epoch FROM (f).expected_interval) * 6)) AS critical) a
	WHERE s.name = (f).name
	$$;
COMMENT ON FUNCTION pulse.feed_keys(pulse.feed, timestamptz) IS 'The keys of a feed with the age of their newest row in open time, its level, and whether the value stands still.';

CREATE FUNCTION pulse.judge_feed(f pulse.feed, at timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	span interval := pulse.config_interval('health.feed_window');
	k record;
	w record;
	expected double precision;
	level text;
	problems text[] := '{}';
BEGIN
	SELECT count(*) AS keys, count(*) FILTER (WHERE s.status = 'WARNING') AS late, count(*) FILTER (WHERE s.status = 'CRITICAL') AS stale,
			count(*) FILTER (WHERE s.stuck) AS stuck, min(s.age) AS youngest, max(s.age) AS oldest, max(s.last_ts) AS last_ts,
			(SELECT jsonb_agg(jsonb_build_object('key', x.key, 'age_seconds', round(x.age), 'stuck', x.stuck) ORDER BY x.age DESC)
			 FROM (SELECT * FROM pulse.feed_keys(f, at) y WHERE y.status <> 'HEALTHY' OR y.stuck ORDER BY y.age DESC LIMIT 10) x) AS worst
		INTO k FROM pulse.feed_keys(f, at) s;
	SELECT coalesce(sum(g.count) FILTER (WHERE g.kind = 'gap' AND g.filled_at IS NULL), 0) AS missing,
			coalesce(sum(g.count) FILTER (WHERE g.kind = 'duplicate'), 0) AS duplicates, coalesce(sum(g.count) FILTER (WHERE g.kind = 'out_of_range'), 0) AS bad
		INTO w FROM pulse.feed_finding g WHERE g.name = (f).name AND g.found_at > at - span;
	expected := greatest(1, k.keys) * pulse.open_seconds(at - span, at, (f).calendar, (f).timezone, (f).session_start, (f).session_end, (f).holidays)
		/ extract(epoch FROM (f).expected_interval);
	level := CASE WHEN k.keys = 0 THEN 'UNKNOWN' WHEN k.stale * 2 >= k.keys AND k.stale > 0 THEN 'CRITICAL' WHEN k.stale + k.late + k.stuck > 0 THEN 'WARNING' ELSE 'HEALTHY' END;
	IF k.keys = 0 THEN
		problems := problems || 'no row yet'::text;
	ELSIF k.stale + k.late > 0 THEN
		problems := problems || CASE WHEN (f).key_column IS NULL THEN format('the newest row is %s s old', round(k.oldest))
			ELSE format('%s of %s keys are late, the worst by %s s', k.stale + k.late, k.keys, round(k.oldest)) END;
	END IF;
	IF w.missing > 0 THEN
		level := pulse.worst_level(level, CASE WHEN w.missing / greatest(expected, 1) >= pulse.config_float('health.feed_missing_critical') THEN 'CRITICAL' ELSE 'WARNING' END);
		problems := problems || format('%s rows are missing', w.missing);
	END IF;
	IF w.duplicates > 0 THEN
		level := pulse.worst_level(level, 'WARNING');
		problems := problems || format('%s duplicates', w.duplicates);
	END IF;
	IF w.bad > 0 THEN
		level := pulse.worst_level(level, 'WARNING');
		problems := problems || format('%s values out of range', w.bad);
	END IF;
	IF k.stuck > 0 THEN
		problems := problems || CASE WHEN (f).key_column IS NULL THEN 'its value stands still' ELSE format('%s values stand still', k.stuck) END;
	END IF;
	PERFORM pulse.note_health('feed.' || (f).name, level,
		coalesce(nullif(array_to_string(problems, '; '), ''), format('newest row %s s old', greatest(0, round(k.youngest)))), greatest(0, k.youngest) * 1000,
		jsonb_build_object('keys', k.keys, 'late', k.late, 'stale', k.stale, 'stuck', k.stuck, 'newest', pulse.json_time(k.last_ts), 'missing', w.missing,
			'duplicates', w.duplicates, 'out_of_range', w.bad, 'worst', coalesce(k.worst, '[]')), at, greatest((f).expected_interval * 6, interval '5 minutes'));
END
$$;
COMMENT ON FUNCTION pulse.judge_feed(pulse.feed, timestamptz) IS 'Turns what is known about a feed into its health: component feed.<name>.';

CREATE FUNCTION pulse_register_feed(name text, relation regclass, ts_column text DEFAULT 'ts', key_column text DEFAULT NULL,
		expected_interval interval DEFAULT '1 minute', value_column text DEFAULT NULL, calendar text DEFAULT '24/7', timezone text DEFAULT 'UTC',
		session_start time DEFAULT NULL, session_end time DEFAULT NULL, holidays date[] DEFAULT '{}',
		minimum double precision DEFAULT NULL, maximum double precision DEFAULT NULL, max_change double precision DEFAULT NULL,
		stuck_after interval DEFAULT NULL, warning_after interval DEFAULT NULL, critical_after interval DEFAULT NULL, description text DEFAULT NULL)
	RETURNS void LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	column_name text;
	indexes record;
BEGIN
	IF expected_interval IS NULL OR expected_interval <= interval '0' THEN
		RAISE EXCEPTION 'expected_interval must be positive' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM now() AT TIME ZONE timezone;
	FOREACH column_name IN ARRAY array_remove(ARRAY[ts_column, key_column, value_column], NULL) LOOP
		IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = relation AND a.attname = column_name AND a.attnum > 0 AND NOT a.attisdropped) THEN
			RAISE EXCEPTION 'column "%" of relation "%" does not exist', column_name, relation USING ERRCODE = 'undefined_column';
		END IF;
	END LOOP;
	IF NOT has_table_privilege(relation, 'SELECT') AND NOT has_any_column_privilege(relation, 'SELECT') THEN
		RAISE EXCEPTION 'permission denied for relation %', relation USING ERRCODE = 'insufficient_privilege';
	END IF;
	SELECT coalesce(bool_or(a.attname = ts_column), false) AS by_time,
			coalesce(bool_or(a.attname = key_column AND b.attname = ts_column), false) AS by_key
		INTO indexes
		FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
			LEFT JOIN pg_catalog.pg_attribute b ON b.attrelid = i.indrelid AND b.attnum = i.indkey[1]
		WHERE i.indrelid = relation AND i.indisvalid AND i.indpred IS NULL;
	IF NOT indexes.by_time AND NOT indexes.by_key THEN
		RAISE WARNING 'no index of "%" begins with "%"', relation, ts_column
			USING DETAIL = 'Each look at the feed will read the whole table, within its time limit.',
				HINT = format('CREATE INDEX ON %s (%I);', relation, ts_column);
	END IF;
	PERFORM pulse.register('feed', name, jsonb_build_object('every', greatest(interval '5 seconds', least(interval '1 minute', expected_interval)),
		'time_limit', '10 s', 'description', description, 'search_path', 'pg_catalog, pg_temp',
		'feed', (SELECT jsonb_build_object('schema_name', n.nspname, 'table_name', c.relname, 'ts_column', ts_column, 'key_column', key_column,
			'value_column', value_column, 'expected_interval', expected_interval, 'calendar', calendar, 'timezone', timezone, 'session_start', session_start,
			'session_end', session_end, 'holidays', coalesce(holidays, '{}'), 'minimum', minimum, 'maximum', maximum, 'max_change', max_change,
			'stuck_after', stuck_after, 'warning_after', warning_after, 'critical_after', critical_after,
			'by_key', indexes.by_key AND NOT indexes.by_time, 'kind', 'feed')
			FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation)));
END
$$;
COMMENT ON FUNCTION pulse_register_feed(text, regclass, text, text, interval, text, text, text, time, time, date[], double precision, double precision, double precision, interval, interval, interval, text) IS
	'Watches a table that somebody else fills, or replaces a feed of the same name; it appears as feed.<name> in pulse_health(). For each value of key_column (such as a symbol; NULL: the table is about one thing) it looks, through an index that begins with ts_column or with key_column and ts_column, at what has come since the last look: whether the newest row is older than warning_after or critical_after (default: health.data_age_warning and _critical, at least three and six intervals), gaps longer than one and a half expected_interval, rows of the same time, and for value_column values below minimum or above maximum, NaN, jumps by more than the fraction max_change, and values that have not moved for stuck_after (default: 60 intervals). Time counts only while the calendar is open: 24/7, weekdays, or sessions (weekdays from session_start to session_end, over midnight where the end is earlier) in timezone, without holidays. It runs as the role that registers it, read-only, for at most 10 seconds. pulse.feed_finding lists what was found. Errors: 42703 for a column that there is not, 42501 without the right to read, 22023 for unfit values.';

CREATE FUNCTION pulse_unregister_feed(name text) RETURNS boolean
	LANGUAGE sql VOLATILE AS $$ SELECT pulse.unregister('feed', $1) $$;
COMMENT ON FUNCTION pulse_unregister_feed(text) IS 'Stops watching a feed and forgets what was found; false when there is none of that name. Error 42501 when it belongs to another role.';

CREATE FUNCTION pulse_feeds(name text DEFAULT NULL)
	RETURNS TABLE (name text, key text, status text, last_ts timestamptz, age interval, rows bigint, gaps bigint, missing bigint, duplicates bigint,
				   out_of_range bigint, stuck boolean)
	LANGUAGE sql STABLE
	AS $$
	SELECT f.name, k.key, CASE WHEN k.stuck THEN pulse.worst_level(k.status, 'WARNING') ELSE k.status END, k.last_ts, make_interval(secs => k.age),
		s.rows, s.gaps, s.missing, s.duplicates, s.out_of_range, k.stuck
	FROM pulse.feed f CROSS JOIN LATERAL pulse.feed_keys(f, now()) k JOIN pulse.feed_state s ON s.name = f.name AND s.key = k.key
	WHERE $1 IS NULL OR f.name = $1
	ORDER BY f.name, k.key
	$$;
COMMENT ON FUNCTION pulse_feeds(text) IS
	'Each key of each feed: how late it is (age: open time since its newest row), and how many rows, gaps, missing rows, duplicates and values out of range have been seen of it.';

REVOKE ALL ON FUNCTION pulse.feed_query(text, timestamptz), pulse.store_feed(text, jsonb, timestamptz), pulse.judge_feed(pulse.feed, timestamptz),
	pulse_register_feed(text, regclass, text, text, interval, text, text, text, time, time, date[], double precision, double precision, double precision, interval, interval, interval, text),
	pulse_unregister_feed(text) FROM PUBLIC;
-- Alerts: rules, what became of them, and who said what about it. All state is here: a restart forgets and repeats nothing.

CREATE TABLE pulse.alert_rule (
	name		text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_.-]{0,99}$'),
	kind		text NOT NULL DEFAULT 'CUSTOM' CHECK (kind IN ('PERFORMANCE', 'RISK', 'SYSTEM', 'TRADE', 'CUSTOM')),
	source		text NOT NULL CHECK (source IN ('metric', 'query', 'health', 'trade')),
	metric		text,
	query		text,
	search_path	text NOT NULL DEFAULT 'pg_catalog, pg_temp',
	components	text[],
	title		text NOT NULL,
	description	text,
	unit		text NOT NULL DEFAULT 'number' CHECK (unit IN ('number', 'fraction', 'money', 'seconds', 'status')),
	enabled		boolean NOT NULL DEFAULT true,
	comparator	text NOT NULL DEFAULT '>=' CHECK (comparator IN ('>', '>=', '<', '<=')),
	warning		double precision CHECK (warning > '-Infinity' AND warning < 'Infinity'),
	critical	double precision CHECK (critical > '-Infinity' AND critical < 'Infinity'),
	warning_key	text,
	critical_key	text,
	hysteresis	double precision NOT NULL DEFAULT 0 CHECK (hysteresis >= 0 AND hysteresis < 'Infinity'),
	hold		interval NOT NULL DEFAULT '0' CHECK (hold >= '0' AND hold <= '1 year'),
	clear_hold	interval NOT NULL DEFAULT '0' CHECK (clear_hold >= '0' AND clear_hold <= '1 year'),
	min_duration	interval NOT NULL DEFAULT '0' CHECK (min_duration >= '0' AND min_duration <= '1 year'),
	missing		text NOT NULL DEFAULT 'keep' CHECK (missing IN ('keep', 'clear', 'alert')),
	min_trades	bigint NOT NULL DEFAULT 0 CHECK (min_trades >= 0),
	flap_count	integer NOT NULL DEFAULT 4 CHECK (flap_count BETWEEN 0 AND 16 AND flap_count <> 1),
	flap_window	interval NOT NULL DEFAULT '30 minutes' CHECK (flap_window > '0' AND flap_window <= '30 days'),
	warning_severity	text NOT NULL DEFAULT 'HIGH' CHECK (warning_severity IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW')),
	critical_severity	text NOT NULL DEFAULT 'CRITICAL' CHECK (critical_severity IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW')),
	portfolios	text[],
	symbols		text[],
	active_hours	jsonb,
	inhibited_by	text[],
	notify		boolean NOT NULL DEFAULT true,
	notify_resolved	boolean NOT NULL DEFAULT true,
	route		text[],
	group_by	text[] NOT NULL DEFAULT '{rule}' CHECK (group_by <@ '{rule,kind,severity,portfolio,symbol,component}'),
	remind_every	interval CHECK (remind_every >= '1 minute'),
	escalate_after	interval CHECK (escalate_after > '0'),
	every		interval NOT NULL DEFAULT '1 minute' CHECK (every >= '1 second'),
	adaptive	text CHECK (adaptive IN ('ewma', 'quantile')),
	adaptive_warning	double precision CHECK (adaptive_warning > 0 AND adaptive_warning < 1000),
	adaptive_critical	double precision CHECK (adaptive_critical > 0 AND adaptive_critical < 1000),
	adaptive_half_life	double precision NOT NULL DEFAULT 100 CHECK (adaptive_half_life BETWEEN 1 AND 1e9),
	adaptive_samples	integer NOT NULL DEFAULT 30 CHECK (adaptive_samples >= 2),
	adaptive_window	integer NOT NULL DEFAULT 500 CHECK (adaptive_window BETWEEN 10 AND 10000),
	adaptive_every	interval NOT NULL DEFAULT '1 hour' CHECK (adaptive_every >= '1 second'),
	adaptive_min_width	double precision NOT NULL DEFAULT 0 CHECK (adaptive_min_width >= 0 AND adaptive_min_width < 'Infinity'),
	seasonal	boolean NOT NULL DEFAULT false,
	timezone	text NOT NULL DEFAULT 'UTC',
	regime		boolean NOT NULL DEFAULT false,
	owner		name NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	updated_at	timestamptz NOT NULL DEFAULT now(),
	updated_by	text NOT NULL DEFAULT session_user,
	CHECK (CASE source WHEN 'metric' THEN metric IS NOT NULL WHEN 'trade' THEN metric IS NOT NULL
		   WHEN 'query' THEN query IS NOT NULL ELSE components IS NOT NULL END),
	CHECK (adaptive IS DISTINCT FROM 'quantile' OR (coalesce(adaptive_warning, 0.5) < 1 AND coalesce(adaptive_critical, 0.5) < 1)),
	CHECK (adaptive IS NULL OR coalesce(adaptive_warning, adaptive_critical) IS NOT NULL)
);
COMMENT ON TABLE pulse.alert_rule IS 'what is worth an alert; change it with pulse_alert_rule_set()';
COMMENT ON COLUMN pulse.alert_rule.name IS 'how it is called everywhere';
COMMENT ON COLUMN pulse.alert_rule.kind IS 'what it is about: PERFORMANCE, RISK, SYSTEM, TRADE or CUSTOM';
COMMENT ON COLUMN pulse.alert_rule.source IS 'where its values come from: metric (of each portfolio), query (SQL), health (status of components), trade (each fill)';
COMMENT ON COLUMN pulse.alert_rule.metric IS 'for source metric, a column of pulse_performance(), a risk figure or a registered metric; for source trade, a property of a fill';
COMMENT ON COLUMN pulse.alert_rule.query IS 'for source query, a SELECT with columns value and, where it likes, portfolio, symbol and message';
COMMENT ON COLUMN pulse.alert_rule.search_path IS 'schemas in which the names of the query are looked up';
COMMENT ON COLUMN pulse.alert_rule.components IS 'for source health, patterns of component names; ! in front excludes';
COMMENT ON COLUMN pulse.alert_rule.title IS 'heading of its alerts';
COMMENT ON COLUMN pulse.alert_rule.description IS 'what it means and what to do';
COMMENT ON COLUMN pulse.alert_rule.unit IS 'how its values are written in messages';
COMMENT ON COLUMN pulse.alert_rule.enabled IS 'whether it is evaluated';
COMMENT ON COLUMN pulse.alert_rule.comparator IS 'how a value relates to a threshold when it is bad';
COMMENT ON COLUMN pulse.alert_rule.warning IS 'threshold of a warning; NULL: that of warning_key, or none';
COMMENT ON COLUMN pulse.alert_rule.critical IS 'threshold of a critical alert; NULL: that of critical_key, or none';
COMMENT ON COLUMN pulse.alert_rule.warning_key IS 'the setting that has the threshold while warning is NULL';
COMMENT ON COLUMN pulse.alert_rule.critical_key IS 'the setting that has the threshold while critical is NULL';
COMMENT ON COLUMN pulse.alert_rule.hysteresis IS 'how far on the good side of a threshold a value must be to be good again, in its own unit';
COMMENT ON COLUMN pulse.alert_rule.hold IS 'how long a value must be bad before the alert fires';
COMMENT ON COLUMN pulse.alert_rule.clear_hold IS 'how long it must be good before the alert is resolved';
COMMENT ON COLUMN pulse.alert_rule.min_duration IS 'how long an alert fires at least';
COMMENT ON COLUMN pulse.alert_rule.missing IS 'what an undefined value means: keep (as before), clear or alert';
COMMENT ON COLUMN pulse.alert_rule.min_trades IS 'a metric of a portfolio with fewer closed trades counts as undefined';
COMMENT ON COLUMN pulse.alert_rule.flap_count IS 'as many firings within flap_window are flapping; 0: never';
COMMENT ON COLUMN pulse.alert_rule.flap_window IS 'a flapping alert stays until the value has been good for so long';
COMMENT ON COLUMN pulse.alert_rule.warning_severity IS 'severity beyond the warning threshold';
COMMENT ON COLUMN pulse.alert_rule.critical_severity IS 'severity beyond the critical threshold';
COMMENT ON COLUMN pulse.alert_rule.portfolios IS 'patterns of portfolios that it is for; NULL: all';
COMMENT ON COLUMN pulse.alert_rule.symbols IS 'patterns of symbols that it is for; NULL: all';
COMMENT ON COLUMN pulse.alert_rule.active_hours IS 'when it is evaluated: {"timezone", "days" (1 Monday to 7), "from", "to"}; NULL: always';
COMMENT ON COLUMN pulse.alert_rule.inhibited_by IS 'patterns of rules; while one of their alerts fires, this rule''s are not told';
COMMENT ON COLUMN pulse.alert_rule.notify IS 'whether people are told, else its alerts are only listed and streamed';
COMMENT ON COLUMN pulse.alert_rule.notify_resolved IS 'whether people are told when it is over';
COMMENT ON COLUMN pulse.alert_rule.route IS 'names of channels for its messages, in their data; NULL: the usual ones';
COMMENT ON COLUMN pulse.alert_rule.group_by IS 'alerts that agree in these are told in one message when there are many at once';
COMMENT ON COLUMN pulse.alert_rule.remind_every IS 'how often people are told again while nobody acknowledges it; NULL: never';
COMMENT ON COLUMN pulse.alert_rule.escalate_after IS 'when a critical alert that nobody acknowledges is escalated; NULL: never';
COMMENT ON COLUMN pulse.alert_rule.every IS 'how often a query runs, or a figure that is costly is computed';
COMMENT ON COLUMN pulse.alert_rule.adaptive IS 'thresholds from the value''s own history: ewma (mean and deviation) or quantile; NULL: fixed ones';
COMMENT ON COLUMN pulse.alert_rule.adaptive_warning IS 'ewma: how many deviations from the mean; quantile: its probability';
COMMENT ON COLUMN pulse.alert_rule.adaptive_critical IS 'likewise, for the critical threshold';
COMMENT ON COLUMN pulse.alert_rule.adaptive_half_life IS 'after so many samples one counts half';
COMMENT ON COLUMN pulse.alert_rule.adaptive_samples IS 'with fewer samples the fixed thresholds hold';
COMMENT ON COLUMN pulse.alert_rule.adaptive_window IS 'how many samples are kept for quantiles';
COMMENT ON COLUMN pulse.alert_rule.adaptive_every IS 'how often a sample is taken';
COMMENT ON COLUMN pulse.alert_rule.adaptive_min_width IS 'how far a threshold is from the centre at least';
COMMENT ON COLUMN pulse.alert_rule.seasonal IS 'whether each hour of the day has thresholds of its own';
COMMENT ON COLUMN pulse.alert_rule.timezone IS 'IANA zone of those hours';
COMMENT ON COLUMN pulse.alert_rule.regime IS 'whether thresholds are scaled by the volatility of now against that of the long run';
COMMENT ON COLUMN pulse.alert_rule.owner IS 'as whom the query runs';
COMMENT ON COLUMN pulse.alert_rule.created_at IS 'when it was made';
COMMENT ON COLUMN pulse.alert_rule.updated_at IS 'when it was last changed';
COMMENT ON COLUMN pulse.alert_rule.updated_by IS 'by which role';

CREATE TABLE pulse.alert_rule_state (
	rule		text COLLATE "C" PRIMARY KEY REFERENCES pulse.alert_rule ON DELETE CASCADE,
	fresh		boolean NOT NULL DEFAULT true,
	awake		boolean NOT NULL DEFAULT true,
	next_at		timestamptz NOT NULL DEFAULT '-infinity',
	evaluated_at	timestamptz,
	last_error	text,
	last_error_at	timestamptz,
	failing		integer NOT NULL DEFAULT 0,
	errors		bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON TABLE pulse.alert_rule_state IS 'how the evaluation of each rule goes';
COMMENT ON COLUMN pulse.alert_rule_state.rule IS 'the rule';
COMMENT ON COLUMN pulse.alert_rule_state.fresh IS 'whether it must look at everything, not only at what changed: it is new, changed, or was asleep';
COMMENT ON COLUMN pulse.alert_rule_state.awake IS 'whether the last evaluation lay in its active hours';
COMMENT ON COLUMN pulse.alert_rule_state.next_at IS 'when a figure that is costly is due again';
COMMENT ON COLUMN pulse.alert_rule_state.evaluated_at IS 'when it was last evaluated by the clock';
COMMENT ON COLUMN pulse.alert_rule_state.last_error IS 'why it could not be evaluated; NULL: it could';
COMMENT ON COLUMN pulse.alert_rule_state.last_error_at IS 'when that was';
COMMENT ON COLUMN pulse.alert_rule_state.failing IS 'errors in a row';
COMMENT ON COLUMN pulse.alert_rule_state.errors IS 'all errors so far';

CREATE TABLE pulse.alert (
	alert_id	bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	rule		text COLLATE "C" NOT NULL,
	kind		text NOT NULL,
	portfolio	text COLLATE "C" NOT NULL DEFAULT '',
	symbol		text COLLATE "C" NOT NULL DEFAULT '',
	component	text COLLATE "C" NOT NULL DEFAULT '',
	state		text NOT NULL CHECK (state IN ('pending', 'firing', 'acknowledged', 'resolved')),
	severity	text NOT NULL CHECK (severity IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW')),
	level		smallint NOT NULL DEFAULT 0,
	condition	smallint NOT NULL DEFAULT 0,
	flapping	boolean NOT NULL DEFAULT false,
	title		text NOT NULL,
	message		text NOT NULL DEFAULT '',
	note		text,
	value		double precision,
	warning		double precision,
	critical	double precision,
	threshold	double precision,
	since		timestamptz NOT NULL,
	updated_at	timestamptz NOT NULL,
	breached_at	timestamptz,
	critical_at	timestamptz,
	eased_at	timestamptz,
	cleared_at	timestamptz,
	fired_at	timestamptz,
	firings		timestamptz[] NOT NULL DEFAULT '{}',
	count		bigint NOT NULL DEFAULT 0,
	acknowledged_by	text,
	acknowledged_at	timestamptz,
	resolved_at	timestamptz,
	resolution	text,
	due_at		timestamptz,
	remind_at	timestamptz,
	escalate_at	timestamptz,
	next_at		timestamptz GENERATED ALWAYS AS (least(due_at, remind_at, escalate_at)) STORED,
	tell		boolean NOT NULL DEFAULT false,
	told_at		timestamptz,
	told_level	smallint,
	silenced_by	bigint,
	muted_by	text,
	recheck_at	timestamptz
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX alert_live_key ON pulse.alert (rule, portfolio, symbol, component) WHERE state <> 'resolved';
CREATE INDEX alert_portfolio_idx ON pulse.alert (portfolio) WHERE state <> 'resolved';
CREATE INDEX alert_resolved_idx ON pulse.alert (rule, portfolio, symbol, component, resolved_at) WHERE state = 'resolved';
CREATE INDEX alert_old_idx ON pulse.alert (resolved_at) WHERE state = 'resolved';
CREATE INDEX alert_next_idx ON pulse.alert (next_at) WHERE state <> 'resolved' AND next_at IS NOT NULL;
CREATE INDEX alert_tell_idx ON pulse.alert (alert_id) WHERE tell;
CREATE INDEX alert_muted_idx ON pulse.alert (alert_id) WHERE state <> 'resolved' AND muted_by IS NOT NULL;
COMMENT ON TABLE pulse.alert IS 'alerts: pending, firing, acknowledged, and resolved ones for alerts.retention';
COMMENT ON COLUMN pulse.alert.alert_id IS 'its number';
COMMENT ON COLUMN pulse.alert.rule IS 'the rule that raised it';
COMMENT ON COLUMN pulse.alert.kind IS 'kind of the rule';
COMMENT ON COLUMN pulse.alert.portfolio IS 'what it is about; empty: no particular one';
COMMENT ON COLUMN pulse.alert.symbol IS 'likewise';
COMMENT ON COLUMN pulse.alert.component IS 'likewise';
COMMENT ON COLUMN pulse.alert.state IS 'extension/doc/alerts.md says what follows what';
COMMENT ON COLUMN pulse.alert.severity IS 'by its level and the rule';
COMMENT ON COLUMN pulse.alert.level IS '1 warning, 2 critical: the level at which it fires';
COMMENT ON COLUMN pulse.alert.condition IS 'how the last value was judged: 0 good, 1 warning, 2 critical';
COMMENT ON COLUMN pulse.alert.flapping IS 'it came and went so often that it stays until it is quiet';
COMMENT ON COLUMN pulse.alert.title IS 'heading for people';
COMMENT ON COLUMN pulse.alert.message IS 'text for people';
COMMENT ON COLUMN pulse.alert.note IS 'what its source said about the value';
COMMENT ON COLUMN pulse.alert.value IS 'the newest value';
COMMENT ON COLUMN pulse.alert.warning IS 'the warning threshold that applies; an adaptive one is frozen while it fires';
COMMENT ON COLUMN pulse.alert.critical IS 'likewise, for the critical one';
COMMENT ON COLUMN pulse.alert.threshold IS 'the one of its level';
COMMENT ON COLUMN pulse.alert.since IS 'since when the value has been bad';
COMMENT ON COLUMN pulse.alert.updated_at IS 'when anything about it last changed';
COMMENT ON COLUMN pulse.alert.breached_at IS 'since when the value has been bad without a break';
COMMENT ON COLUMN pulse.alert.critical_at IS 'since when it has been critical';
COMMENT ON COLUMN pulse.alert.eased_at IS 'since when it has been better than the level';
COMMENT ON COLUMN pulse.alert.cleared_at IS 'since when it has been good';
COMMENT ON COLUMN pulse.alert.fired_at IS 'when it began to fire';
COMMENT ON COLUMN pulse.alert.firings IS 'when this and its predecessors fired, within flap_window';
COMMENT ON COLUMN pulse.alert.count IS 'how often it fired within flap_window';
COMMENT ON COLUMN pulse.alert.acknowledged_by IS 'who said that he takes care of it';
COMMENT ON COLUMN pulse.alert.acknowledged_at IS 'and when';
COMMENT ON COLUMN pulse.alert.resolved_at IS 'when it was over';
COMMENT ON COLUMN pulse.alert.resolution IS 'why: cleared, gone (what it was about is no more), rule (changed, disabled or dropped), momentary';
COMMENT ON COLUMN pulse.alert.due_at IS 'when time alone changes its state';
COMMENT ON COLUMN pulse.alert.remind_at IS 'when people are told again';
COMMENT ON COLUMN pulse.alert.escalate_at IS 'when it is escalated';
COMMENT ON COLUMN pulse.alert.next_at IS 'the earliest of the three';
COMMENT ON COLUMN pulse.alert.tell IS 'whether there is something that people have not been told';
COMMENT ON COLUMN pulse.alert.told_at IS 'when they were last told';
COMMENT ON COLUMN pulse.alert.told_level IS 'which level they know of; NULL: they know nothing of it';
COMMENT ON COLUMN pulse.alert.silenced_by IS 'the silence that keeps it quiet';
COMMENT ON COLUMN pulse.alert.muted_by IS 'why people are not told: silence, maintenance, or the rule that inhibits it';
COMMENT ON COLUMN pulse.alert.recheck_at IS 'when it is looked at again whether it is still muted';

CREATE TABLE pulse.alert_history (
	history_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	alert_id	bigint NOT NULL,
	at			timestamptz NOT NULL,
	transition	text NOT NULL,
	state		text NOT NULL,
	rule		text NOT NULL,
	kind		text NOT NULL,
	severity	text NOT NULL,
	portfolio	text COLLATE "C" NOT NULL DEFAULT '',
	symbol		text NOT NULL DEFAULT '',
	component	text NOT NULL DEFAULT '',
	title		text NOT NULL,
	message		text NOT NULL,
	value		double precision,
	threshold	double precision,
	since		timestamptz NOT NULL,
	count		bigint NOT NULL DEFAULT 1,
	actor		text,
	role		text NOT NULL DEFAULT session_user,
	note		text,
	event_seq	bigint
);
CREATE INDEX alert_history_alert_idx ON pulse.alert_history (alert_id, history_id);
CREATE INDEX alert_history_time_idx ON pulse.alert_history (at);
CREATE INDEX alert_history_unannounced_idx ON pulse.alert_history (history_id) WHERE event_seq IS NULL;
COMMENT ON TABLE pulse.alert_history IS 'everything that happened to alerts, and who did it; kept for alerts.retention';
COMMENT ON COLUMN pulse.alert_history.history_id IS 'in this order';
COMMENT ON COLUMN pulse.alert_history.alert_id IS 'the alert';
COMMENT ON COLUMN pulse.alert_history.at IS 'when';
COMMENT ON COLUMN pulse.alert_history.transition IS 'began, withdrawn, fired, raised, lowered, repeated, acknowledged, reminded, escalated, resolved';
COMMENT ON COLUMN pulse.alert_history.state IS 'its state afterwards; inactive after withdrawn';
COMMENT ON COLUMN pulse.alert_history.rule IS 'as the alert had it then, like all that follow';
COMMENT ON COLUMN pulse.alert_history.kind IS 'kind of the rule';
COMMENT ON COLUMN pulse.alert_history.severity IS 'severity afterwards';
COMMENT ON COLUMN pulse.alert_history.portfolio IS 'what the alert is about';
COMMENT ON COLUMN pulse.alert_history.symbol IS 'what the alert is about';
COMMENT ON COLUMN pulse.alert_history.component IS 'what the alert is about';
COMMENT ON COLUMN pulse.alert_history.title IS 'heading';
COMMENT ON COLUMN pulse.alert_history.message IS 'text';
COMMENT ON COLUMN pulse.alert_history.value IS 'value then';
COMMENT ON COLUMN pulse.alert_history.threshold IS 'threshold then';
COMMENT ON COLUMN pulse.alert_history.since IS 'since when the value had been bad';
COMMENT ON COLUMN pulse.alert_history.count IS 'firings within flap_window';
COMMENT ON COLUMN pulse.alert_history.actor IS 'the person who did it, as he was named; NULL: the evaluation';
COMMENT ON COLUMN pulse.alert_history.role IS 'the role that was logged in';
COMMENT ON COLUMN pulse.alert_history.note IS 'what the person said about it';
COMMENT ON COLUMN pulse.alert_history.event_seq IS 'the SYSTEM_ALERT that announced it; NULL: the next tick does; 0: none is wanted';

CREATE TABLE pulse.acknowledgement (
	acknowledgement_id	bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	alert_id	bigint NOT NULL,
	actor		text NOT NULL CHECK (actor <> '' AND length(actor) <= 200),
	note		text CHECK (length(note) <= 2000),
	at			timestamptz NOT NULL DEFAULT now(),
	role		text NOT NULL DEFAULT session_user,
	created_at	timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE pulse.acknowledgement IS 'who said that he takes care of which alert; writing a row, as pulse_ack() does, acknowledges it. Kept for alerts.retention';
COMMENT ON COLUMN pulse.acknowledgement.acknowledgement_id IS 'in this order';
COMMENT ON COLUMN pulse.acknowledgement.alert_id IS 'the alert';
COMMENT ON COLUMN pulse.acknowledgement.actor IS 'the person, as he was named';
COMMENT ON COLUMN pulse.acknowledgement.note IS 'what he said about it';
COMMENT ON COLUMN pulse.acknowledgement.at IS 'when';
COMMENT ON COLUMN pulse.acknowledgement.role IS 'the role that was logged in';
COMMENT ON COLUMN pulse.acknowledgement.created_at IS 'when it was written';

CREATE TABLE pulse.silence (
	silence_id	bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	matcher		jsonb NOT NULL CHECK (jsonb_typeof(matcher) = 'object'),
	starts_at	timestamptz NOT NULL DEFAULT now(),
	until		timestamptz NOT NULL,
	reason		text,
	created_by	text NOT NULL,
	created_at	timestamptz NOT NULL DEFAULT now(),
	role		text NOT NULL DEFAULT session_user,
	ended_at	timestamptz,
	ended_by	text,
	CHECK (until > starts_at)
);
CREATE INDEX silence_until_idx ON pulse.silence (until);
COMMENT ON TABLE pulse.silence IS 'alerts that people do not want to be told of for a while; change it with pulse_silence() and pulse_unsilence()';
COMMENT ON COLUMN pulse.silence.silence_id IS 'its number';
COMMENT ON COLUMN pulse.silence.matcher IS 'rule, kind, severity, portfolio, symbol, component to a value, an array of values, or patterns with *; all of them must fit';
COMMENT ON COLUMN pulse.silence.starts_at IS 'from when';
COMMENT ON COLUMN pulse.silence.until IS 'to when';
COMMENT ON COLUMN pulse.silence.reason IS 'why';
COMMENT ON COLUMN pulse.silence.created_by IS 'who, as he was named';
COMMENT ON COLUMN pulse.silence.created_at IS 'when it was made';
COMMENT ON COLUMN pulse.silence.role IS 'the role that was logged in';
COMMENT ON COLUMN pulse.silence.ended_at IS 'when somebody ended it before its time';
COMMENT ON COLUMN pulse.silence.ended_by IS 'who did';

CREATE TABLE pulse.maintenance (
	name		text PRIMARY KEY CHECK (name <> '' AND length(name) <= 100),
	matcher		jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(matcher) = 'object'),
	starts_at	timestamptz,
	ends_at		timestamptz,
	days		integer[] CHECK (days <@ '{1,2,3,4,5,6,7}' AND cardinality(days) > 0),
	local_time	time,
	duration	interval CHECK (duration > '0' AND duration <= '7 days'),
	timezone	text NOT NULL DEFAULT 'UTC',
	reason		text,
	enabled		boolean NOT NULL DEFAULT true,
	updated_at	timestamptz NOT NULL DEFAULT now(),
	updated_by	text NOT NULL DEFAULT session_user,
	CHECK (CASE WHEN local_time IS NULL THEN days IS NULL AND starts_at < ends_at ELSE duration IS NOT NULL END)
);
COMMENT ON TABLE pulse.maintenance IS 'planned times in which alerts are not told: once, or again and again; change it with pulse_maintenance_set()';
COMMENT ON COLUMN pulse.maintenance.name IS 'how it is called';
COMMENT ON COLUMN pulse.maintenance.matcher IS 'which alerts, as in pulse.silence';
COMMENT ON COLUMN pulse.maintenance.starts_at IS 'once: when it begins; recurring: not before this';
COMMENT ON COLUMN pulse.maintenance.ends_at IS 'once: when it ends; recurring: none begins after this';
COMMENT ON COLUMN pulse.maintenance.days IS 'recurring: days of the week, 1 Monday to 7 Sunday; NULL: every day';
COMMENT ON COLUMN pulse.maintenance.local_time IS 'recurring: when each begins, by the clocks of timezone; NULL: it is once';
COMMENT ON COLUMN pulse.maintenance.duration IS 'recurring: how long each lasts';
COMMENT ON COLUMN pulse.maintenance.timezone IS 'IANA zone';
COMMENT ON COLUMN pulse.maintenance.reason IS 'why';
COMMENT ON COLUMN pulse.maintenance.enabled IS 'whether it takes place';
COMMENT ON COLUMN pulse.maintenance.updated_at IS 'when it was last changed';
COMMENT ON COLUMN pulse.maintenance.updated_by IS 'by which role';

CREATE TABLE pulse.alert_band (
	rule		text COLLATE "C" NOT NULL,
	portfolio	text COLLATE "C" NOT NULL DEFAULT '',
	symbol		text COLLATE "C" NOT NULL DEFAULT '',
	component	text COLLATE "C" NOT NULL DEFAULT '',
	hour		smallint NOT NULL DEFAULT -1 CHECK (hour BETWEEN -1 AND 23),
	samples		bigint NOT NULL DEFAULT 0,
	mean		double precision NOT NULL DEFAULT 0,
	variance	double precision NOT NULL DEFAULT 0,
	newest		double precision[],
	sampled_at	timestamptz NOT NULL,
	warning		double precision,
	critical	double precision,
	PRIMARY KEY (rule, portfolio, symbol, component, hour)
) WITH (fillfactor = 70);
COMMENT ON TABLE pulse.alert_band IS 'what adaptive thresholds have learnt';
COMMENT ON COLUMN pulse.alert_band.rule IS 'the rule';
COMMENT ON COLUMN pulse.alert_band.portfolio IS 'what it is about, as in pulse.alert';
COMMENT ON COLUMN pulse.alert_band.symbol IS 'likewise';
COMMENT ON COLUMN pulse.alert_band.component IS 'likewise';
COMMENT ON COLUMN pulse.alert_band.hour IS 'hour of the day, where the rule is seasonal; else -1';
COMMENT ON COLUMN pulse.alert_band.samples IS 'how many values it has seen';
COMMENT ON COLUMN pulse.alert_band.mean IS 'exponentially weighted';
COMMENT ON COLUMN pulse.alert_band.variance IS 'exponentially weighted';
COMMENT ON COLUMN pulse.alert_band.newest IS 'the newest values, oldest first, where quantiles are asked for';
COMMENT ON COLUMN pulse.alert_band.sampled_at IS 'when the last sample was taken';
COMMENT ON COLUMN pulse.alert_band.warning IS 'the threshold that pulse.threshold_history has last; it gets a row when it has moved by a hundredth of its distance from the mean';
COMMENT ON COLUMN pulse.alert_band.critical IS 'likewise';

CREATE TABLE pulse.alert_regime (
	portfolio	text COLLATE "C" PRIMARY KEY,
	day			date NOT NULL,
	daily_return	double precision,
	fast		double precision NOT NULL DEFAULT 0,
	slow		double precision NOT NULL DEFAULT 0,
	samples		bigint NOT NULL DEFAULT 0,
	factor		double precision NOT NULL DEFAULT 1
) WITH (fillfactor = 70);
COMMENT ON TABLE pulse.alert_regime IS 'volatility of each portfolio now against the long run, where a rule asks for it';
COMMENT ON COLUMN pulse.alert_regime.portfolio IS 'the portfolio';
COMMENT ON COLUMN pulse.alert_regime.day IS 'the UTC day that is not over yet';
COMMENT ON COLUMN pulse.alert_regime.daily_return IS 'its return so far; it counts when the day is over';
COMMENT ON COLUMN pulse.alert_regime.fast IS 'exponentially weighted mean of squared daily returns, lambda 0.94';
COMMENT ON COLUMN pulse.alert_regime.slow IS 'the same with lambda 0.99';
COMMENT ON COLUMN pulse.alert_regime.samples IS 'how many days it has seen';
COMMENT ON COLUMN pulse.alert_regime.factor IS 'root of fast over slow, from 0.5 to 2; 1 with fewer than 20 days';

CREATE TABLE pulse.threshold_history (
	at			timestamptz NOT NULL,
	rule		text COLLATE "C" NOT NULL,
	portfolio	text COLLATE "C" NOT NULL DEFAULT '',
	symbol		text COLLATE "C" NOT NULL DEFAULT '',
	component	text COLLATE "C" NOT NULL DEFAULT '',
	hour		smallint NOT NULL DEFAULT -1,
	warning		double precision,
	critical	double precision,
	reason		text NOT NULL,
	samples		bigint,
	mean		double precision,
	deviation	double precision,
	factor		double precision
);
CREATE INDEX threshold_history_idx ON pulse.threshold_history (rule, portfolio, at);
CREATE INDEX threshold_history_time_idx ON pulse.threshold_history (at);
COMMENT ON TABLE pulse.threshold_history IS 'which thresholds applied from when on, and why; kept for alerts.threshold_retention';
COMMENT ON COLUMN pulse.threshold_history.at IS 'from when on';
COMMENT ON COLUMN pulse.threshold_history.rule IS 'the rule';
COMMENT ON COLUMN pulse.threshold_history.portfolio IS 'what it is about; empty: everything that the rule judges';
COMMENT ON COLUMN pulse.threshold_history.symbol IS 'likewise';
COMMENT ON COLUMN pulse.threshold_history.component IS 'likewise';
COMMENT ON COLUMN pulse.threshold_history.hour IS 'the hour of the day that it is for; -1: all';
COMMENT ON COLUMN pulse.threshold_history.warning IS 'warning threshold, NULL: none';
COMMENT ON COLUMN pulse.threshold_history.critical IS 'critical threshold, NULL: none';
COMMENT ON COLUMN pulse.threshold_history.reason IS 'fixed (as the rule says), adaptive (learnt), frozen (an alert fires), regime (volatility changed), relearn (the history was forgotten)';
COMMENT ON COLUMN pulse.threshold_history.samples IS 'how many values it was learnt from';
COMMENT ON COLUMN pulse.threshold_history.mean IS 'their mean';
COMMENT ON COLUMN pulse.threshold_history.deviation IS 'their standard deviation';
COMMENT ON COLUMN pulse.threshold_history.factor IS 'volatility-regime factor, NULL: none was asked for';

CREATE TABLE pulse.alert_evaluation (
	singleton	boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	evaluated_at	timestamptz,
	version		bigint NOT NULL DEFAULT -1,
	marked_at	timestamptz NOT NULL DEFAULT '-infinity',
	marks_at	timestamptz NOT NULL DEFAULT '-infinity',
	trade_seq	bigint,
	health_at	timestamptz,
	swept_at	timestamptz NOT NULL DEFAULT '-infinity',
	storm_at	timestamptz,
	defaults_at	timestamptz
) WITH (fillfactor = 10);
INSERT INTO pulse.alert_evaluation DEFAULT VALUES;
COMMENT ON TABLE pulse.alert_evaluation IS 'how far the evaluation of alerts has come; its row is locked by whoever evaluates';
COMMENT ON COLUMN pulse.alert_evaluation.singleton IS 'there is one row';
COMMENT ON COLUMN pulse.alert_evaluation.evaluated_at IS 'when it was last done';
COMMENT ON COLUMN pulse.alert_evaluation.version IS 'the newest version of pulse.performance_state that was judged';
COMMENT ON COLUMN pulse.alert_evaluation.marked_at IS 'the newest market price that was judged';
COMMENT ON COLUMN pulse.alert_evaluation.marks_at IS 'when market prices were last looked at';
COMMENT ON COLUMN pulse.alert_evaluation.trade_seq IS 'the newest TRADE_ALERT that was judged';
COMMENT ON COLUMN pulse.alert_evaluation.health_at IS 'when the health was last looked at';
COMMENT ON COLUMN pulse.alert_evaluation.swept_at IS 'when leftovers were last removed';
COMMENT ON COLUMN pulse.alert_evaluation.storm_at IS 'since when there has been a storm of alerts; NULL: there is none';
COMMENT ON COLUMN pulse.alert_evaluation.defaults_at IS 'when the shipped rules were added; what was dropped since does not come back by itself';

CREATE TYPE pulse.observation AS (
	rule		text,
	portfolio	text,
	symbol		text,
	component	text,
	value		double precision,
	warning		double precision,
	critical	double precision,
	note		text,
	gone		boolean
);
COMMENT ON TYPE pulse.observation IS 'a value that a rule looks at, with the thresholds that apply to it';

REVOKE ALL ON pulse.acknowledgement, pulse.alert_rule, pulse.alert_rule_state, pulse.alert, pulse.alert_history, pulse.silence, pulse.maintenance,
	pulse.alert_band, pulse.alert_regime, pulse.threshold_history, pulse.alert_evaluation FROM PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('pulse.alert_rule', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.maintenance', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.silence', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.silence_silence_id_seq', '');
-- Rules of alerts: what they may say, setting them, and those that Pulse brings along.

CREATE FUNCTION pulse.matches(patterns text[], name text) RETURNS boolean
	AS 'MODULE_PATHNAME', 'pulse_matches' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.matches(text[], text) IS
	'Whether a name fits one of the patterns, in which * stands for any characters, and none of those that begin with !, which take names out again. Patterns NULL, or only excluding ones, fit everything else.';

CREATE FUNCTION pulse.alert_step(at timestamptz, value double precision,
		comparator text, warning double precision, critical double precision, hysteresis double precision,
		hold interval, clear_hold interval, min_duration interval, flap_count integer, flap_window interval, missing text,
		INOUT state text, INOUT level smallint, INOUT condition smallint, INOUT flapping boolean,
		INOUT breached_at timestamptz, INOUT critical_at timestamptz, INOUT eased_at timestamptz, INOUT cleared_at timestamptz,
		INOUT fired_at timestamptz, INOUT firings timestamptz[], OUT transition text, OUT due_at timestamptz)
	AS 'MODULE_PATHNAME', 'pulse_alert_step_sql' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.alert_step IS
	'One step of the state machine of an alert: what becomes of its record (state NULL: there is none) at a time with a value (NULL: undefined), the transition that this was, and when time alone will change it next.';

CREATE FUNCTION pulse.band_add(INOUT samples bigint, INOUT mean double precision, INOUT variance double precision,
							   INOUT newest double precision[], keep integer, half_life double precision, value double precision)
	AS 'MODULE_PATHNAME', 'pulse_band_add_sql' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.band_add(bigint, double precision, double precision, double precision[], integer, double precision, double precision) IS
	'Takes a value into the history of an adaptive threshold: exponentially weighted mean and variance (the first values count alike), and the newest ones, as many as are to be kept.';

CREATE FUNCTION pulse.band_levels(samples bigint, mean double precision, variance double precision, newest double precision[],
								  method text, comparator text, at_warning double precision, at_critical double precision,
								  min_width double precision, factor double precision,
								  OUT warning double precision, OUT critical double precision)
	AS 'MODULE_PATHNAME', 'pulse_band_levels_sql' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.band_levels(bigint, double precision, double precision, double precision[], text, text, double precision, double precision, double precision, double precision) IS
	'Thresholds from a history: mean and so many standard deviations (ewma), or quantiles of the newest values (quantile, on the bad side of the median), at least min_width from the centre, that distance times factor.';

CREATE FUNCTION pulse.metric_names() RETURNS text[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN ARRAY['total_value', 'cash_balance', 'position_count', 'unrealized_pnl', 'realized_pnl', 'total_pnl', 'daily_return',
		'cumulative_return', 'cagr', 'sharpe', 'sortino', 'calmar', 'volatility', 'max_drawdown', 'current_drawdown', 'var_95',
		'cvar_95', 'win_rate', 'profit_factor', 'average_win', 'average_loss', 'total_trades', 'trades_per_day',
		'var_breach', 'largest_share', 'herfindahl', 'gross_leverage', 'net_leverage'];
COMMENT ON FUNCTION pulse.metric_names() IS
	'Metrics of a portfolio that rules of source metric know: the columns of pulse_performance(), then var_breach (loss of the day over var_95), largest_share and herfindahl (pulse_concentration), gross_leverage and net_leverage (pulse_leverage). The order is the one in which the evaluation has their values.';

CREATE FUNCTION pulse.costly_metric_names() RETURNS text[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN ARRAY['max_correlation'];
COMMENT ON FUNCTION pulse.costly_metric_names() IS
	'Metrics that are computed by the clock, as often as the rule says, not with every change: max_correlation, the largest correlation of two symbols with open positions.';

CREATE FUNCTION pulse.trade_properties() RETURNS text[]
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN ARRAY['value', 'quantity', 'profit', 'loss', 'share', 'opened', 'closed', 'flipped'];
COMMENT ON FUNCTION pulse.trade_properties() IS
	'What rules of source trade look at: value (quantity times price), quantity, profit and loss (realised by the fill, before fees), share (value over the value of the portfolio), opened, closed and flipped (1 when the fill did that to the position, else 0).';

CREATE FUNCTION pulse.rule_threshold(value double precision, key text) RETURNS double precision
	LANGUAGE sql STABLE PARALLEL SAFE
	RETURN CASE WHEN value IS NOT NULL THEN value WHEN key IS NOT NULL THEN pulse.config_float(key) END;
COMMENT ON FUNCTION pulse.rule_threshold(double precision, text) IS
	'Threshold of a rule: its own, else that of a setting, else NULL.';

CREATE FUNCTION pulse.check_patterns(what text, patterns text[]) RETURNS void
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	IF cardinality(patterns) > 100 OR EXISTS (SELECT FROM unnest(patterns) p WHERE p IS NULL OR length(p) > 200) THEN
		RAISE EXCEPTION 'too many or too long patterns in %', what
			USING ERRCODE = 'invalid_parameter_value', DETAIL = 'There may be 100, of at most 200 characters each.';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.check_patterns(text, text[]) IS 'Refuses unreasonable lists of patterns, with error 22023.';

CREATE FUNCTION pulse.check_timezone(timezone text) RETURNS void
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	-- the view reads a file for each zone that there is
	IF timezone IS NULL OR timezone <> 'UTC' AND NOT EXISTS (SELECT FROM pg_catalog.pg_timezone_names n WHERE n.name = timezone) THEN
		RAISE EXCEPTION 'unknown time zone: %', coalesce(quote_literal(timezone), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a name of the IANA database, for example Europe/Berlin.';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.check_timezone(text) IS 'Refuses what is not a time zone of the IANA database, with error 22023.';

CREATE FUNCTION pulse.check_active_hours(hours jsonb) RETURNS void
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	stray text;
BEGIN
	IF hours IS NULL THEN
		RETURN;
	ELSIF jsonb_typeof(hours) <> 'object' THEN
		RAISE EXCEPTION 'active_hours must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT k INTO stray FROM jsonb_object_keys(hours) k WHERE k NOT IN ('timezone', 'days', 'from', 'to') LIMIT 1;
	IF stray IS NOT NULL THEN
		RAISE EXCEPTION 'unknown key in active_hours: %', quote_literal(stray)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'There are timezone, days, from and to.';
	END IF;
	PERFORM pulse.check_timezone(coalesce(hours ->> 'timezone', 'UTC'));
	PERFORM (hours ->> 'from')::time, (hours ->> 'to')::time;
	IF hours -> 'days' IS NOT NULL AND (jsonb_typeof(hours -> 'days') <> 'array' OR NOT hours -> 'days' <@ '[1, 2, 3, 4, 5, 6, 7]') THEN
		RAISE EXCEPTION 'days of active_hours must be an array of numbers from 1 (Monday) to 7'
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.check_active_hours(jsonb) IS
	'Refuses active hours that are not {"timezone": "Europe/Berlin", "days": [1, 2, 3, 4, 5], "from": "09:00", "to": "17:30"}, where everything may be left out; error 22023 or 22007.';

CREATE FUNCTION pulse.rule_is_awake(hours jsonb, at timestamptz) RETURNS boolean
	LANGUAGE sql STABLE
	AS $$
	SELECT hours IS NULL OR (
		SELECT CASE WHEN h.opens <= h.closes THEN h.clock >= h.opens AND h.clock < h.closes AND h.days @> to_jsonb(h.day)
				-- over midnight: the part after it belongs to the day before
				ELSE (h.clock >= h.opens AND h.days @> to_jsonb(h.day)) OR (h.clock < h.closes AND h.days @> to_jsonb((h.day + 5) % 7 + 1)) END
		FROM (SELECT coalesce((hours ->> 'from')::time, '00:00') AS opens, coalesce((hours ->> 'to')::time, '24:00') AS closes,
				coalesce(hours -> 'days', '[1, 2, 3, 4, 5, 6, 7]') AS days, l.local::time AS clock, extract(isodow FROM l.local)::integer AS day
			FROM (SELECT at AT TIME ZONE coalesce(hours ->> 'timezone', 'UTC') AS local) l) h)
	$$;
COMMENT ON FUNCTION pulse.rule_is_awake(jsonb, timestamptz) IS
	'Whether a time lies in the active hours of a rule, by the clocks of their zone; NULL hours: always.';

CREATE FUNCTION pulse.inhibition_circle() RETURNS text
	LANGUAGE sql STABLE
	AS $$
	WITH RECURSIVE edges AS MATERIALIZED (
		SELECT r.name AS rule, i.name AS inhibitor FROM pulse.alert_rule r JOIN pulse.alert_rule i ON i.name <> r.name AND pulse.matches(r.inhibited_by, i.name)
		WHERE r.inhibited_by IS NOT NULL
	), reach AS (
		SELECT e.rule, e.inhibitor FROM edges e
		UNION
		SELECT r.rule, e.inhibitor FROM reach r JOIN edges e ON e.rule = r.inhibitor
	)
	SELECT min(r.rule) FROM reach r WHERE r.rule = r.inhibitor
	$$;
COMMENT ON FUNCTION pulse.inhibition_circle() IS 'A rule that would inhibit itself through others; NULL when there is none.';

CREATE FUNCTION pulse.alert_rule_guard() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	IF NEW.owner IS NULL THEN
		NEW.owner := current_user;
	ELSIF TG_OP = 'UPDATE' AND NEW.query IS DISTINCT FROM OLD.query AND NEW.owner = OLD.owner
		AND NOT (EXISTS (SELECT FROM pg_catalog.pg_roles o WHERE o.rolname = NEW.owner) AND pg_has_role(current_user, NEW.owner, 'MEMBER')) THEN
		-- whoever rewrites a query answers for it
		NEW.owner := current_user;
	ELSIF (TG_OP = 'INSERT' OR NEW.owner <> OLD.owner) AND NEW.query IS NOT NULL
		-- a dump may bring a rule whose role is still to come
		AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles u WHERE u.rolname = current_user AND u.rolsuper)
		AND NOT (EXISTS (SELECT FROM pg_catalog.pg_roles o WHERE o.rolname = NEW.owner) AND pg_has_role(current_user, NEW.owner, 'MEMBER')) THEN
		RAISE EXCEPTION 'you may not make rules whose query runs as %', quote_ident(NEW.owner) USING ERRCODE = 'insufficient_privilege';
	END IF;
	IF TG_OP = 'UPDATE' THEN
		NEW.name := OLD.name;
		NEW.created_at := OLD.created_at;
		NEW.updated_at := now();
		NEW.updated_by := session_user;
	END IF;
	IF NEW.source = 'metric' AND NOT NEW.metric = ANY (pulse.metric_names() || pulse.costly_metric_names() || pulse.registered_metric_names()) THEN
		RAISE EXCEPTION 'unknown metric: %', quote_literal(NEW.metric) USING ERRCODE = 'invalid_parameter_value',
			HINT = format('There are %s.', array_to_string(pulse.metric_names() || pulse.costly_metric_names() || pulse.registered_metric_names(), ', '));
	ELSIF NEW.source = 'trade' AND NOT NEW.metric = ANY (pulse.trade_properties()) THEN
		RAISE EXCEPTION 'unknown property of a fill: %', quote_literal(NEW.metric) USING ERRCODE = 'invalid_parameter_value',
			HINT = format('There are %s.', array_to_string(pulse.trade_properties(), ', '));
	ELSIF NEW.source IN ('health', 'trade') AND (NEW.adaptive IS NOT NULL OR NEW.regime) THEN
		RAISE EXCEPTION 'thresholds of source % cannot adapt', NEW.source USING ERRCODE = 'invalid_parameter_value';
	ELSIF coalesce(NEW.warning, NEW.critical, NEW.adaptive_warning, NEW.adaptive_critical) IS NULL
		AND NEW.warning_key IS NULL AND NEW.critical_key IS NULL THEN
		RAISE EXCEPTION 'rule % has no threshold', quote_literal(NEW.name)
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give warning, critical, or both.';
	ELSIF (NEW.comparator IN ('>', '>=') AND NEW.critical < NEW.warning) OR (NEW.comparator IN ('<', '<=') AND NEW.critical > NEW.warning)
		OR NEW.adaptive_critical < NEW.adaptive_warning THEN
		RAISE EXCEPTION 'the critical threshold must be beyond the warning' USING ERRCODE = 'invalid_parameter_value';
	ELSIF length(NEW.title) > 200 OR length(NEW.description) > 5000 OR length(NEW.query) > 100000 THEN
		RAISE EXCEPTION 'title, description or query is too long' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM pulse.config_value(NEW.warning_key) WHERE NEW.warning_key IS NOT NULL;
	PERFORM pulse.config_value(NEW.critical_key) WHERE NEW.critical_key IS NOT NULL;
	PERFORM pulse.check_patterns('portfolios', NEW.portfolios), pulse.check_patterns('symbols', NEW.symbols),
		pulse.check_patterns('components', NEW.components), pulse.check_patterns('inhibited_by', NEW.inhibited_by),
		pulse.check_patterns('route', NEW.route);
	PERFORM pulse.check_active_hours(NEW.active_hours);
	PERFORM pulse.check_timezone(NEW.timezone);
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION pulse.alert_rule_guard() IS
	'Checks a rule, whoever writes it in whatever way; nobody makes a query run as somebody whose rights he has not.';
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON pulse.alert_rule FOR EACH ROW EXECUTE FUNCTION pulse.alert_rule_guard();

CREATE FUNCTION pulse.alert_rule_changed() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	circle text;
BEGIN
	IF NEW.inhibited_by IS NOT NULL OR TG_OP = 'INSERT' THEN
		circle := pulse.inhibition_circle();
		IF circle IS NOT NULL THEN
			RAISE EXCEPTION 'rule % would inhibit itself', quote_literal(circle)
				USING ERRCODE = 'invalid_parameter_value', DETAIL = 'inhibited_by leads back to it, so that it would never be told.';
		END IF;
	END IF;
	INSERT INTO pulse.alert_rule_state AS s (rule) VALUES (NEW.name)
		ON CONFLICT (rule) DO UPDATE SET fresh = true, next_at = '-infinity', failing = 0, last_error = NULL;
	IF NEW.source = 'query' AND NEW.enabled THEN
		INSERT INTO pulse.registration AS g (kind, name, owner, query, search_path, every, description)
			VALUES ('alert_rule', NEW.name, NEW.owner, NEW.query, NEW.search_path, NEW.every, NEW.title)
			ON CONFLICT (kind, name) DO UPDATE SET owner = excluded.owner, query = excluded.query, search_path = excluded.search_path, every = excluded.every,
				description = excluded.description, enabled = true;
		UPDATE pulse.registration_state s SET next_at = '-infinity', failing = 0, killed = 0, last_error = NULL, result = NULL, result_at = NULL
			WHERE s.kind = 'alert_rule' AND s.name = NEW.name;
		PERFORM pulse.touch_job('registrations');
	ELSE
		DELETE FROM pulse.registration g WHERE g.kind = 'alert_rule' AND g.name = NEW.name;
	END IF;
	INSERT INTO pulse.threshold_history (at, rule, warning, critical, reason)
		SELECT now(), NEW.name, pulse.rule_threshold(NEW.warning, NEW.warning_key), pulse.rule_threshold(NEW.critical, NEW.critical_key), 'fixed'
		WHERE TG_OP = 'INSERT' OR (NEW.warning, NEW.critical, NEW.warning_key, NEW.critical_key, NEW.comparator)
			IS DISTINCT FROM (OLD.warning, OLD.critical, OLD.warning_key, OLD.critical_key, OLD.comparator);
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION pulse.alert_rule_changed() IS 'Makes the next evaluation look at everything that a changed rule is for, and notes its thresholds.';
REVOKE ALL ON FUNCTION pulse.alert_rule_changed() FROM PUBLIC;
CREATE TRIGGER changed AFTER INSERT OR UPDATE ON pulse.alert_rule FOR EACH ROW EXECUTE FUNCTION pulse.alert_rule_changed();

CREATE FUNCTION pulse.alert_rule_dropped() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM pulse.registration g WHERE g.kind = 'alert_rule' AND g.name = OLD.name;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION pulse.alert_rule_dropped() IS 'The query of a rule that is no more does not run any more.';
REVOKE ALL ON FUNCTION pulse.alert_rule_dropped() FROM PUBLIC;
CREATE TRIGGER dropped AFTER DELETE ON pulse.alert_rule FOR EACH ROW EXECUTE FUNCTION pulse.alert_rule_dropped();

CREATE FUNCTION pulse.no_duration(span interval) RETURNS interval
	LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN nullif(span, '0'::interval);
COMMENT ON FUNCTION pulse.no_duration(interval) IS 'NULL for a duration of 0, which takes a time of a rule away.';

CREATE FUNCTION pulse.no_threshold(value double precision) RETURNS double precision
	LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN nullif(value, 'NaN'::double precision);
COMMENT ON FUNCTION pulse.no_threshold(double precision) IS 'NULL for NaN, which takes a threshold of a rule away.';

CREATE FUNCTION pulse_alert_rule_set(name text,
		metric text DEFAULT NULL, query text DEFAULT NULL, components text[] DEFAULT NULL, trade text DEFAULT NULL,
		comparator text DEFAULT NULL, warning double precision DEFAULT NULL, critical double precision DEFAULT NULL,
		hysteresis double precision DEFAULT NULL, hold interval DEFAULT NULL, clear_hold interval DEFAULT NULL,
		min_duration interval DEFAULT NULL, missing text DEFAULT NULL, kind text DEFAULT NULL, title text DEFAULT NULL,
		description text DEFAULT NULL, unit text DEFAULT NULL, warning_severity text DEFAULT NULL, critical_severity text DEFAULT NULL,
		portfolios text[] DEFAULT NULL, symbols text[] DEFAULT NULL, active_hours jsonb DEFAULT NULL, inhibited_by text[] DEFAULT NULL,
		notify boolean DEFAULT NULL, notify_resolved boolean DEFAULT NULL, route text[] DEFAULT NULL, group_by text[] DEFAULT NULL,
		remind_every interval DEFAULT NULL, escalate_after interval DEFAULT NULL, every interval DEFAULT NULL,
		flap_count integer DEFAULT NULL, flap_window interval DEFAULT NULL, adaptive text DEFAULT NULL,
		adaptive_warning double precision DEFAULT NULL, adaptive_critical double precision DEFAULT NULL,
		adaptive_half_life double precision DEFAULT NULL, adaptive_samples integer DEFAULT NULL, adaptive_window integer DEFAULT NULL,
		adaptive_every interval DEFAULT NULL, adaptive_min_width double precision DEFAULT NULL, seasonal boolean DEFAULT NULL,
		timezone text DEFAULT NULL, regime boolean DEFAULT NULL, min_trades bigint DEFAULT NULL, enabled boolean DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
#variable_conflict use_variable
DECLARE
	old pulse.alert_rule;
	r pulse.alert_rule;
BEGIN
	IF num_nonnulls(metric, query, components, trade) > 1 THEN
		RAISE EXCEPTION 'a rule has one source' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give one of metric, query, components and trade.';
	ELSIF name IS NULL OR name !~ '^[a-z][a-z0-9_.-]{0,99}$' THEN
		RAISE EXCEPTION 'not a name for a rule: %', coalesce(quote_literal(left(name, 200)), 'NULL') USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It begins with a lower-case letter and consists of at most 100 lower-case letters, digits, _, . and -.';
	END IF;
	SELECT a.* INTO old FROM pulse.alert_rule a WHERE a.name = name FOR UPDATE;
	IF old.name IS NULL AND num_nonnulls(metric, query, components, trade) = 0 THEN
		RAISE EXCEPTION 'a new rule needs a source' USING ERRCODE = 'invalid_parameter_value', HINT = 'Give one of metric, query, components and trade.';
	END IF;
	r := old;
	r.name := name;
	IF num_nonnulls(metric, query, components, trade) = 1 THEN
		r.source := CASE WHEN metric IS NOT NULL THEN 'metric' WHEN query IS NOT NULL THEN 'query' WHEN components IS NOT NULL THEN 'health' ELSE 'trade' END;
		r.metric := coalesce(metric, trade);
		r.query := query;
		r.components := components;
		IF query IS NOT NULL THEN
			r.owner := current_user;
			r.search_path := pulse.safe_path(current_schemas(false));
			PERFORM pulse.check_query(query);
			-- what it lacks is better known now than later
			EXECUTE format(E'SELECT FROM (\n%s\n) AS r LIMIT 0', query);
		END IF;
	END IF;
	r.owner := coalesce(r.owner, current_user);
	r.search_path := coalesce(r.search_path, 'pg_catalog, pg_temp');
	r.kind := upper(coalesce(kind, r.kind, CASE r.source WHEN 'health' THEN 'SYSTEM' WHEN 'trade' THEN 'TRADE' WHEN 'metric' THEN 'PERFORMANCE' ELSE 'CUSTOM' END));
	r.title := coalesce(title, r.title, upper(left(name, 1)) || replace(substr(name, 2), '_', ' '));
	r.description := coalesce(description, r.description);
	r.unit := coalesce(unit, r.unit, CASE r.source WHEN 'health' THEN 'status' ELSE 'number' END);
	r.enabled := coalesce(enabled, r.enabled, true);
	r.comparator := coalesce(comparator, r.comparator, '>=');
	r.warning := pulse.no_threshold(coalesce(warning, r.warning));
	r.critical := pulse.no_threshold(coalesce(critical, r.critical));
	-- a threshold that is named here is not that of a setting any more
	r.warning_key := CASE WHEN warning IS NULL THEN r.warning_key END;
	r.critical_key := CASE WHEN critical IS NULL THEN r.critical_key END;
	IF r.source = 'health' AND coalesce(r.warning, r.critical) IS NULL THEN
		r.warning := 2;
		r.critical := 3;
	ELSIF r.source = 'trade' AND r.metric IN ('opened', 'closed', 'flipped') AND coalesce(r.warning, r.critical) IS NULL THEN
		r.warning := 1;
	END IF;
	r.hysteresis := coalesce(hysteresis, r.hysteresis, 0);
	r.hold := coalesce(hold, r.hold, '0');
	r.clear_hold := coalesce(clear_hold, r.clear_hold, '0');
	r.min_duration := coalesce(min_duration, r.min_duration, '0');
	r.missing := coalesce(missing, r.missing, 'keep');
	r.min_trades := coalesce(min_trades, r.min_trades, 0);
	r.flap_count := coalesce(flap_count, r.flap_count, 4);
	r.flap_window := coalesce(flap_window, r.flap_window, '30 minutes');
	r.warning_severity := upper(coalesce(warning_severity, r.warning_severity, 'HIGH'));
	r.critical_severity := upper(coalesce(critical_severity, r.critical_severity, 'CRITICAL'));
	r.portfolios := nullif(coalesce(portfolios, r.portfolios), '{}');
	r.symbols := nullif(coalesce(symbols, r.symbols), '{}');
	r.active_hours := nullif(coalesce(active_hours, r.active_hours), '{}');
	r.inhibited_by := nullif(coalesce(inhibited_by, r.inhibited_by), '{}');
	r.notify := coalesce(notify, r.notify, true);
	r.notify_resolved := coalesce(notify_resolved, r.notify_resolved, true);
	r.route := nullif(coalesce(route, r.route), '{}');
	r.group_by := coalesce(group_by, r.group_by, '{rule}');
	r.remind_every := pulse.no_duration(coalesce(remind_every, r.remind_every));
	r.escalate_after := pulse.no_duration(coalesce(escalate_after, r.escalate_after));
	r.every := coalesce(every, r.every, '1 minute');
	r.adaptive := nullif(lower(coalesce(adaptive, r.adaptive)), 'none');
	r.adaptive_warning := pulse.no_threshold(coalesce(adaptive_warning, r.adaptive_warning));
	r.adaptive_critical := pulse.no_threshold(coalesce(adaptive_critical, r.adaptive_critical));
	r.adaptive_half_life := coalesce(adaptive_half_life, r.adaptive_half_life, 100);
	r.adaptive_samples := coalesce(adaptive_samples, r.adaptive_samples, 30);
	r.adaptive_window := coalesce(adaptive_window, r.adaptive_window, 500);
	r.adaptive_every := coalesce(adaptive_every, r.adaptive_every, '1 hour');
	r.adaptive_min_width := coalesce(adaptive_min_width, r.adaptive_min_width, 0);
	r.seasonal := coalesce(seasonal, r.seasonal, false);
	r.timezone := coalesce(timezone, r.timezone, 'UTC');
	r.regime := coalesce(regime, r.regime, false);
	r.created_at := coalesce(r.created_at, now());
	r.updated_at := now();
	r.updated_by := session_user;
	IF old.name IS NULL THEN
		INSERT INTO pulse.alert_rule VALUES (r.*);
	ELSIF r IS DISTINCT FROM old THEN
		UPDATE pulse.alert_rule a SET kind = r.kind, source = r.source, metric = r.metric, query = r.query, search_path = r.search_path, components = r.components,
			title = r.title, description = r.description, unit = r.unit, enabled = r.enabled, comparator = r.comparator,
			warning = r.warning, critical = r.critical, warning_key = r.warning_key, critical_key = r.critical_key,
			hysteresis = r.hysteresis, hold = r.hold, clear_hold = r.clear_hold, min_duration = r.min_duration, missing = r.missing,
			min_trades = r.min_trades, flap_count = r.flap_count, flap_window = r.flap_window, warning_severity = r.warning_severity,
			critical_severity = r.critical_severity, portfolios = r.portfolios, symbols = r.symbols, active_hours = r.active_hours,
			inhibited_by = r.inhibited_by, notify = r.notify, notify_resolved = r.notify_resolved, route = r.route, group_by = r.group_by,
			remind_every = r.remind_every, escalate_after = r.escalate_after, every = r.every, adaptive = r.adaptive,
			adaptive_warning = r.adaptive_warning, adaptive_critical = r.adaptive_critical, adaptive_half_life = r.adaptive_half_life,
			adaptive_samples = r.adaptive_samples, adaptive_window = r.adaptive_window, adaptive_every = r.adaptive_every,
			adaptive_min_width = r.adaptive_min_width, seasonal = r.seasonal, timezone = r.timezone, regime = r.regime, owner = r.owner
			WHERE a.name = r.name;
	END IF;
END
$$;
COMMENT ON FUNCTION pulse_alert_rule_set IS
	'Makes a rule or changes one: what is left out stays as it is, or gets its default; NaN takes a threshold away, 0 a time, an empty array or object a list. The source is one of metric (of each portfolio: a column of pulse_performance(), a risk figure, a registered metric), query (SELECT with a column value and, where it likes, portfolio, symbol, message; it runs every so often as you, read-only, within extensions.time_limit, in a process of its own), components (patterns of health components; the value is 1 UNKNOWN, 2 WARNING, 3 CRITICAL) and trade (value, quantity, profit, loss, share, opened, closed, flipped of each fill). comparator >= by default; warning and critical are thresholds in the unit of the value; extension/doc/alerts.md says what everything does. Error 22023 for what makes no sense, 42501 without the rights (pulse_grant: admin).';

CREATE FUNCTION pulse.drop_alert_rule(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM pulse.alert_rule r WHERE r.name = drop_alert_rule.name;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION pulse.drop_alert_rule(text) IS 'Body of pulse_alert_rule_drop().';
CREATE FUNCTION pulse_alert_rule_drop(name text) RETURNS boolean
	LANGUAGE sql VOLATILE AS $$ SELECT pulse.drop_alert_rule($1) $$;
COMMENT ON FUNCTION pulse_alert_rule_drop(text) IS
	'Removes a rule; its alerts are resolved by the next evaluation, their history stays. False when there is none of that name.';

CREATE FUNCTION pulse_alert_rules()
	RETURNS TABLE (name text, kind text, source text, subject text, comparator text, warning double precision, critical double precision,
				   hysteresis double precision, hold interval, unit text, warning_severity text, critical_severity text, enabled boolean,
				   awake boolean, firing bigint, pending bigint, last_fired_at timestamptz, last_error text, last_error_at timestamptz, title text,
				   description text, settings jsonb)
	LANGUAGE sql STABLE
	AS $$
	SELECT r.name, r.kind, r.source, coalesce(r.metric, array_to_string(r.components, ', '), r.query), r.comparator,
		pulse.rule_threshold(r.warning, r.warning_key), pulse.rule_threshold(r.critical, r.critical_key),
		r.hysteresis, r.hold, r.unit, r.warning_severity, r.critical_severity, r.enabled, s.awake,
		coalesce(a.firing, 0), coalesce(a.pending, 0), h.at, coalesce(s.last_error, CASE WHEN g.failing > 0 THEN g.last_error END),
		CASE WHEN s.last_error IS NOT NULL THEN s.last_error_at WHEN g.failing > 0 THEN g.last_error_at END, r.title, r.description,
		to_jsonb(r) - '{name,kind,source,metric,query,components,comparator,warning,critical,hysteresis,hold,unit,warning_severity,critical_severity,enabled,title,description}'::text[]
	FROM pulse.alert_rule r JOIN pulse.alert_rule_state s ON s.rule = r.name
	LEFT JOIN pulse.registration_state g ON g.kind = CASE r.source WHEN 'query' THEN 'alert_rule' ELSE 'metric' END AND g.name = coalesce(r.metric, r.name)
	LEFT JOIN (SELECT l.rule, count(*) FILTER (WHERE l.state <> 'pending') AS firing, count(*) FILTER (WHERE l.state = 'pending') AS pending
			   FROM pulse.alert l WHERE l.state <> 'resolved' GROUP BY l.rule) a ON a.rule = r.name
	LEFT JOIN (SELECT f.rule, max(f.fired_at) AS at FROM pulse.alert f GROUP BY f.rule) h ON h.rule = r.name
	ORDER BY r.kind, r.name
	$$;
COMMENT ON FUNCTION pulse_alert_rules() IS
	'All rules: what they look at (subject), the thresholds that hold now, whether the rule is in its active hours (awake), alerts of it that you may see (firing, acknowledged ones with them, and pending), when it last fired, and why it could not be evaluated (last_error; NULL: it could). settings has everything else. Readers and up.';

INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, description) VALUES
	('alerts.high_drawdown_warning', 'number', 'fraction', '0.10', 0, 10, 'Drawdown from the peak at which the rule high_drawdown warns.'),
	('alerts.high_drawdown_critical', 'number', 'fraction', '0.20', 0, 10, 'Drawdown from the peak at which the rule high_drawdown is critical.'),
	('alerts.low_sharpe_warning', 'number', NULL, '1.0', -100, 100, 'Sharpe ratio below which the rule low_sharpe warns.'),
	('alerts.low_sharpe_critical', 'number', NULL, '0.5', -100, 100, 'Sharpe ratio below which the rule low_sharpe is critical.'),
	('alerts.high_volatility_warning', 'number', 'fraction', '0.30', 0, 100, 'Annual volatility at which the rule high_volatility warns.'),
	('alerts.high_volatility_critical', 'number', 'fraction', '0.50', 0, 100, 'Annual volatility at which the rule high_volatility is critical.'),
	('alerts.poor_win_rate_warning', 'number', 'fraction', '0.50', 0, 1, 'Win rate below which the rule poor_win_rate warns.'),
	('alerts.poor_win_rate_critical', 'number', 'fraction', '0.30', 0, 1, 'Win rate below which the rule poor_win_rate is critical.'),
	('alerts.concentration_warning', 'number', 'fraction', '0.50', 0, 1, 'Share of the largest position at which the rule position_concentration warns.'),
	('alerts.concentration_critical', 'number', 'fraction', '0.80', 0, 1, 'Share of the largest position at which the rule position_concentration is critical.'),
	('alerts.correlation_warning', 'number', NULL, '0.80', -1, 1, 'Correlation of two open positions at which the rule correlation_limit warns.'),
	('alerts.correlation_critical', 'number', NULL, '0.95', -1, 1, 'Correlation of two open positions at which the rule correlation_limit is critical.'),
	('alerts.var_breach_warning', 'number', NULL, '1.0', 0, 1000, 'Loss of the day, in multiples of the 95 % value at risk, at which the rule var_breach warns.'),
	('alerts.var_breach_critical', 'number', NULL, '2.0', 0, 1000, 'Loss of the day, in multiples of the 95 % value at risk, at which the rule var_breach is critical.'),
	('alerts.leverage_warning', 'number', NULL, '2.0', 0, 1000, 'Gross leverage at which the rule high_leverage warns.'),
	('alerts.leverage_critical', 'number', NULL, '3.0', 0, 1000, 'Gross leverage at which the rule high_leverage is critical.'),
	('alerts.large_execution_value', 'number', 'money', '10000', 0, NULL, 'Value of a fill, in quote currency, from which the rule large_execution tells of it.'),
	('alerts.significant_trade_share', 'number', 'fraction', '0.25', 0, 1000, 'Value of a fill over that of its portfolio from which the rule significant_trade tells of it.');
INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, description) VALUES
	('alerts.group_size', 'integer', 'alerts', '3', 2, 1000, 'So many alerts at once are told in one message.'),
	('alerts.storm_count', 'integer', 'alerts', '25', 2, 100000, 'So many alerts that begin within alerts.storm_window are a storm, which is escalated.'),
	('alerts.batch', 'integer', 'alerts', '20000', 1, 1000000, 'So many alerts of fixed thresholds begin in one evaluation at most, the others in those that follow at once.'),
	('alerts.storm_window', 'duration', NULL, '"00:05:00"', 10, 86400, 'Time in which the alerts of a storm begin; it is over when they are half as many.'),
	('alerts.retention', 'duration', NULL, '"90 days"', 86400, NULL, 'How long resolved alerts and their history are kept.'),
	('alerts.threshold_retention', 'duration', NULL, '"90 days"', 86400, NULL, 'How long pulse.threshold_history is kept.');

CREATE FUNCTION pulse.add_default_rules() RETURNS bigint
	LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
	WITH shipped (name, kind, source, metric, components, title, unit, comparator, warning, critical, warning_key, critical_key, hysteresis,
				  hold, clear_hold, missing, warning_severity, critical_severity, inhibited_by, notify, group_by, remind_every, escalate_after, every, description, min_trades) AS (VALUES
		('high_drawdown', 'PERFORMANCE', 'metric', 'current_drawdown', NULL::text[], 'High drawdown', 'fraction', '>=', NULL::float8, NULL::float8,
			'alerts.high_drawdown_warning', 'alerts.high_drawdown_critical', 0.01, interval '0', interval '0', 'keep', 'HIGH', 'CRITICAL',
			NULL::text[], true, '{rule}'::text[], interval '4 hours', interval '15 minutes', interval '1 minute',
			'The portfolio has fallen that far from its peak, deposits and withdrawals removed. Look at what lost, and whether positions should be smaller.', 0),
		('low_sharpe', 'PERFORMANCE', 'metric', 'sharpe', NULL, 'Low Sharpe ratio', 'number', '<', NULL, NULL, 'alerts.low_sharpe_warning', 'alerts.low_sharpe_critical',
			0.05, '1 day', '1 day', 'keep', 'MEDIUM', 'HIGH', NULL, true, '{rule}', '7 days', NULL, '1 minute',
			'The return hardly pays for its risk any more. Compare with the back-test of the strategy.', 0),
		('high_volatility', 'PERFORMANCE', 'metric', 'volatility', NULL, 'Excessive volatility', 'fraction', '>=', NULL, NULL, 'alerts.high_volatility_warning', 'alerts.high_volatility_critical',
			0.02, '15 minutes', '15 minutes', 'keep', 'MEDIUM', 'HIGH', NULL, true, '{rule}', '1 day', NULL, '1 minute',
			'Annual volatility of the daily returns. Smaller positions bring it down.', 0),
		('poor_win_rate', 'PERFORMANCE', 'metric', 'win_rate', NULL, 'Poor win rate', 'fraction', '<', NULL, NULL, 'alerts.poor_win_rate_warning', 'alerts.poor_win_rate_critical',
			0.01, '1 hour', '1 hour', 'keep', 'MEDIUM', 'HIGH', NULL, true, '{rule}', '7 days', NULL, '1 minute',
			'Few closed trades win. A high payoff ratio can make up for it.', 20),
		('position_concentration', 'RISK', 'metric', 'largest_share', NULL, 'Position concentration', 'fraction', '>=', NULL, NULL, 'alerts.concentration_warning', 'alerts.concentration_critical',
			0.02, '15 minutes', '5 minutes', 'clear', 'LOW', 'HIGH', NULL, true, '{rule}', '1 day', NULL, '1 minute',
			'One position is that share of all open ones. A portfolio with a single position has a share of 100 %.', 0),
		('correlation_limit', 'RISK', 'metric', 'max_correlation', NULL, 'Correlated positions', 'number', '>=', NULL, NULL, 'alerts.correlation_warning', 'alerts.correlation_critical',
			0.02, '0', '0', 'clear', 'MEDIUM', 'HIGH', NULL, true, '{rule}', '7 days', NULL, '1 hour',
			'Two open positions move together; they are one risk, not two.', 0),
		('var_breach', 'RISK', 'metric', 'var_breach', NULL, 'Value at risk exceeded', 'number', '>=', NULL, NULL, 'alerts.var_breach_warning', 'alerts.var_breach_critical',
			0.1, '0', '0', 'clear', 'HIGH', 'CRITICAL', NULL, true, '{rule}', '6 hours', '15 minutes', '1 minute',
			'The loss of this UTC day, in multiples of the 95 % value at risk of a day. One day in twenty does that; it is worth a look when it happens more often.', 0),
		('high_leverage', 'RISK', 'metric', 'gross_leverage', NULL, 'High leverage', 'number', '>=', NULL, NULL, 'alerts.leverage_warning', 'alerts.leverage_critical',
			0.1, '1 minute', '1 minute', 'clear', 'HIGH', 'CRITICAL', NULL, true, '{rule}', '4 hours', '15 minutes', '1 minute',
			'Long and short positions together, over the value of the portfolio.', 0),
		('database', 'SYSTEM', 'health', NULL, '{database}', 'Database', 'status', '>=', 2, 3, NULL, NULL, 0, '30 seconds', '30 seconds', 'keep', 'HIGH', 'CRITICAL',
			NULL, true, '{rule}', '1 hour', '10 minutes', '1 minute', 'Connections, latency, locks, long transactions, replication, disk: pulse_health_check(''database'') says which.', 0),
		('engine', 'SYSTEM', 'health', NULL, '{background_worker,worker,outbox,registrations}', 'Monitoring itself', 'status', '>=', 2, 3, NULL, NULL, 0, '1 minute', '30 seconds', 'keep', 'HIGH', 'CRITICAL',
			'{database}', true, '{rule}', '1 hour', '10 minutes', '1 minute', 'The background worker, the pulse-worker program or the outbox is late or gone.', 0),
		('api_outage', 'SYSTEM', 'health', NULL, '{api.*}', 'API outage', 'status', '>=', 2, 3, NULL, NULL, 0, '1 minute', '1 minute', 'keep', 'MEDIUM', 'CRITICAL',
			NULL, true, '{rule}', '1 hour', '10 minutes', '1 minute', 'An exchange or another interface is slow or does not answer.', 0),
		('resources', 'SYSTEM', 'health', NULL, '{resources,resources.*}', 'Resources', 'status', '>=', 2, 3, NULL, NULL, 0, '3 minutes', '2 minutes', 'keep', 'MEDIUM', 'CRITICAL',
			NULL, true, '{rule}', '2 hours', '15 minutes', '1 minute', 'Processor, memory or disk of the machine is running out.', 0),
		('stale_data', 'SYSTEM', 'health', NULL, '{data,feed.*,feeds,feeds.*}', 'Stale or missing data', 'status', '>=', 2, 3, NULL, NULL, 0, '1 minute', '0', 'keep', 'MEDIUM', 'HIGH',
			'{database,api_outage,engine}', true, '{rule}', '2 hours', NULL, '1 minute', 'Snapshots or feeds are late, have gaps, or cannot be read.', 0),
		('model_stale', 'SYSTEM', 'health', NULL, '{model,model.*,models,models.*}', 'Model', 'status', '>=', 2, 3, NULL, NULL, 0, '1 minute', '0', 'keep', 'MEDIUM', 'HIGH',
			'{database,stale_data}', true, '{rule}', '6 hours', NULL, '1 minute', 'A model was not updated, does not predict, or has become less accurate.', 0),
		('heartbeat_missing', 'SYSTEM', 'health', NULL, '{!database,!background_worker,!worker,!outbox,!registrations,!api.*,!resources,!resources.*,!data,!feed.*,!feeds,!feeds.*,!model,!model.*,!models,!models.*}',
			'Heartbeat missing or component unwell', 'status', '>=', 2, 3, NULL, NULL, 0, '0', '0', 'keep', 'HIGH', 'CRITICAL',
			'{database}', true, '{rule}', '1 hour', '10 minutes', '1 minute', 'A component that promised signs of life is silent, or reports trouble: the bot, a check of your own.', 0),
		('large_execution', 'TRADE', 'trade', 'value', NULL, 'Large execution', 'money', '>=', NULL, NULL, 'alerts.large_execution_value', NULL,
			0, '0', '0', 'clear', 'MEDIUM', 'MEDIUM', NULL, true, '{rule,portfolio}', NULL, NULL, '1 minute', 'A fill of at least that value.', 0),
		('significant_trade', 'TRADE', 'trade', 'share', NULL, 'Significant trade', 'fraction', '>=', NULL, NULL, 'alerts.significant_trade_share', NULL,
			0, '0', '0', 'clear', 'HIGH', 'HIGH', NULL, true, '{rule,portfolio}', NULL, NULL, '1 minute', 'A fill that is large for its portfolio.', 0),
		('position_opened', 'TRADE', 'trade', 'opened', NULL, 'Position opened', 'number', '>=', 1, NULL, NULL, NULL,
			0, '0', '0', 'clear', 'LOW', 'LOW', NULL, false, '{rule,portfolio}', NULL, NULL, '1 minute', 'Listed and streamed; every fill has a message of its own already.', 0),
		('position_closed', 'TRADE', 'trade', 'closed', NULL, 'Position closed', 'number', '>=', 1, NULL, NULL, NULL,
			0, '0', '0', 'clear', 'LOW', 'LOW', NULL, false, '{rule,portfolio}', NULL, NULL, '1 minute', 'Listed and streamed; every fill has a message of its own already.', 0),
		('position_flipped', 'TRADE', 'trade', 'flipped', NULL, 'Position flipped', 'number', '>=', 1, NULL, NULL, NULL,
			0, '0', '0', 'clear', 'MEDIUM', 'MEDIUM', NULL, true, '{rule,portfolio}', NULL, NULL, '1 minute', 'A fill turned a long position into a short one, or the other way.', 0)
	), added AS (
		INSERT INTO pulse.alert_rule (name, kind, source, metric, components, title, unit, comparator, warning, critical, warning_key, critical_key, hysteresis,
				hold, clear_hold, missing, warning_severity, critical_severity, inhibited_by, notify, group_by, remind_every, escalate_after, every, description, min_trades, owner)
			SELECT s.*, current_user FROM shipped s ORDER BY s.inhibited_by IS NOT NULL
			ON CONFLICT DO NOTHING RETURNING 1)
	SELECT count(*) FROM added
	$$;
COMMENT ON FUNCTION pulse.add_default_rules() IS 'Adds those of the shipped rules that are missing, and returns how many.';

CREATE FUNCTION pulse_alert_defaults() RETURNS bigint
	LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	UPDATE pulse.alert_evaluation SET defaults_at = now();
	SELECT pulse.add_default_rules();
	$$;
REVOKE ALL ON FUNCTION pulse_alert_defaults(), pulse.add_default_rules() FROM PUBLIC;
COMMENT ON FUNCTION pulse_alert_defaults() IS
	'Adds the rules that Pulse brings along where they are missing, and returns how many; those that there are stay as they are. pulse_setup() and the first pulse_attach() do this once. Their thresholds are settings: alerts.*.';

CREATE FUNCTION pulse.add_default_rules_once() RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	UPDATE pulse.alert_evaluation SET defaults_at = now() WHERE defaults_at IS NULL;
	IF FOUND THEN
		PERFORM pulse.add_default_rules();
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.add_default_rules_once() IS
	'Adds the shipped rules unless that was done before: what somebody has dropped does not come back because another table is followed.';
-- The evaluation of alerts: values, thresholds, and one step of the state machine for each alert that they concern, set-wise.

CREATE FUNCTION pulse.registered_metric_names() RETURNS text[]
	LANGUAGE sql STABLE
	AS $$
	SELECT coalesce(array_agg(g.name ORDER BY g.name), '{}') FROM pulse.registration g
	WHERE g.kind = 'metric' AND NOT g.name = ANY (pulse.metric_names() || pulse.costly_metric_names())
	$$;
COMMENT ON FUNCTION pulse.registered_metric_names() IS 'Metrics that users have registered.';

CREATE FUNCTION pulse.alert_number(unit text, value double precision) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
	SELECT CASE
		WHEN value IS NULL THEN 'undefined'
		WHEN unit = 'fraction' THEN trim_scale(round(value::numeric * 100, 2))::text || ' %'
		WHEN unit = 'money' THEN to_char(value, 'FM999G999G999G999G990.00')
		WHEN unit = 'seconds' THEN round(value::numeric, 1)::text || ' s'
		WHEN unit = 'status' THEN coalesce((ARRAY['HEALTHY', 'UNKNOWN', 'WARNING', 'CRITICAL'])[value::integer + 1], value::text)
		WHEN value = 0 OR abs(value) >= 1e15 OR abs(value) < 1e-4 THEN value::text
		ELSE trim_scale(round(value::numeric, greatest(0, 3 - floor(log(abs(value)::numeric))::integer)))::text END
	$$;
COMMENT ON FUNCTION pulse.alert_number(text, double precision) IS 'A value as messages have it, by the unit of its rule.';

CREATE FUNCTION pulse.alert_text(r pulse.alert_rule, value double precision, threshold double precision, note text) RETURNS text
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
	SELECT CASE
		WHEN (r).source = 'trade' THEN coalesce(note, '')
		WHEN (r).source = 'health' THEN concat_ws(': ', pulse.alert_number('status', value), note)
		ELSE concat_ws(E'\n', note, format('%s is %s; threshold %s %s', coalesce(replace((r).metric, '_', ' '), 'value'),
			pulse.alert_number((r).unit, value), (r).comparator, pulse.alert_number((r).unit, threshold))) END
	$$;
COMMENT ON FUNCTION pulse.alert_text(pulse.alert_rule, double precision, double precision, text) IS 'Text of an alert for people.';

CREATE FUNCTION pulse.alert_title(title text, portfolio text, symbol text, component text) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN concat_ws(': ', title, nullif(concat_ws(' ', nullif(portfolio, ''), nullif(symbol, ''), nullif(component, '')), ''));
COMMENT ON FUNCTION pulse.alert_title(text, text, text, text) IS 'Heading of an alert: that of its rule, and what it is about.';

CREATE FUNCTION pulse.open_risk(wanted text[])
	RETURNS TABLE (portfolio text, gross double precision, net double precision, largest double precision, herfindahl double precision)
	LANGUAGE sql STABLE
	AS $$
	SELECT v.portfolio, sum(abs(v.value)), sum(v.value), max(abs(v.value)) / nullif(sum(abs(v.value)), 0),
		sum(v.value * v.value) / nullif(sum(abs(v.value)) * sum(abs(v.value)), 0)
	FROM (
		SELECT p.portfolio, p.symbol, sum((p.quantity * CASE WHEN m.ts >= p.mark_at THEN m.price ELSE p.mark_price END)::double precision) AS value
		FROM pulse.position p JOIN pulse.source s ON s.source_id = p.source_id AND s.state = 'active' LEFT JOIN pulse.mark m ON m.symbol = p.symbol
		WHERE p.quantity <> 0 AND CASE WHEN cardinality(wanted) > 100 OR wanted IS NULL THEN true ELSE p.portfolio = ANY (wanted) END
		GROUP BY p.portfolio, p.symbol
	) v
	GROUP BY v.portfolio
	$$;
COMMENT ON FUNCTION pulse.open_risk(text[]) IS
	'Exposure and concentration of open positions, as pulse_leverage() and pulse_concentration() have them, in one pass: of some portfolios, or of all when they are NULL or more than a hundred.';

CREATE FUNCTION pulse.open_correlation(at timestamptz)
	RETURNS TABLE (portfolio text, value double precision, note text)
	LANGUAGE sql STABLE
	AS $$
	WITH held AS MATERIALIZED (
		SELECT p.portfolio, array_agg(p.source_id) AS sources, array_agg(DISTINCT p.symbol) AS symbols FROM pulse.position p
		JOIN pulse.source s ON s.source_id = p.source_id AND s.state = 'active'
		WHERE p.quantity <> 0 GROUP BY p.portfolio HAVING count(DISTINCT p.symbol) > 1
	), closes AS (
		SELECT h.portfolio, f.symbol, (f.executed_at AT TIME ZONE 'UTC')::date AS day,
			(array_agg(f.price ORDER BY f.executed_at DESC, f.ordinal DESC))[1]::double precision AS price
		FROM held h JOIN pulse.fill f ON f.source_id = ANY (h.sources) AND f.portfolio = h.portfolio AND f.symbol = ANY (h.symbols)
		WHERE f.executed_at > at - interval '90 days' AND f.executed_at <= at AND f.price > 0
		GROUP BY 1, 2, 3
	), returns AS (
		SELECT c.portfolio, c.symbol, c.day, c.price / lag(c.price) OVER w - 1 AS r, c.day - lag(c.day) OVER w AS span
		FROM closes c WINDOW w AS (PARTITION BY c.portfolio, c.symbol ORDER BY c.day)
	), pairs AS (
		SELECT a.portfolio, a.symbol AS one, b.symbol AS other, corr(a.r, b.r) AS correlation
		FROM returns a JOIN returns b ON b.portfolio = a.portfolio AND b.day = a.day AND b.span = a.span AND b.symbol > a.symbol
		GROUP BY 1, 2, 3 HAVING count(*) >= 10
	)
	SELECT DISTINCT ON (p.portfolio) p.portfolio, p.correlation, concat(p.one, ' and ', p.other)
	FROM pairs p WHERE p.correlation IS NOT NULL ORDER BY p.portfolio, p.correlation DESC, p.one
	$$;
COMMENT ON FUNCTION pulse.open_correlation(timestamptz) IS
	'The largest correlation of two symbols with open positions, for each portfolio: daily returns of the last fills of the days, over 90 days, on at least ten days that both have.';

CREATE FUNCTION pulse.observe_metrics(rules text[], since bigint, marked_since timestamptz) RETURNS pulse.observation[]
	LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan
	AS $$
DECLARE
	at_risk boolean := EXISTS (SELECT FROM pulse.alert_rule r WHERE r.name = ANY (rules) AND r.source = 'metric'
		AND array_position(pulse.metric_names(), r.metric) >= array_position(pulse.metric_names(), 'largest_share'));
	moved text[];
BEGIN
	IF at_risk AND marked_since < 'infinity' THEN
		moved := ARRAY(SELECT DISTINCT p.portfolio FROM pulse.mark m JOIN pulse.position p ON p.symbol = m.symbol AND p.quantity <> 0 WHERE m.ts > marked_since);
	END IF;
	RETURN (
		WITH r AS MATERIALIZED (
			SELECT x.*, CASE WHEN x.sign > 0 THEN least(x.warning, x.critical) ELSE -greatest(x.warning, x.critical) END AS near
			FROM (SELECT a.name, array_position(pulse.metric_names(), a.metric) AS nr, a.portfolios, a.min_trades,
					CASE WHEN a.comparator IN ('<', '<=') THEN -1.0::double precision ELSE 1.0 END AS sign, a.comparator IN ('<=', '>=') AS inclusive,
					a.missing = 'alert' AS missing_alerts, pulse.rule_threshold(a.warning, a.warning_key) AS warning,
					pulse.rule_threshold(a.critical, a.critical_key) AS critical, a.adaptive IS NOT NULL OR a.regime AS moving
				FROM pulse.alert_rule a WHERE a.name = ANY (rules) AND a.source = 'metric' AND a.metric = ANY (pulse.metric_names())) x
		), changed AS MATERIALIZED (
			SELECT s.* FROM pulse.performance_state s WHERE s.version > since
			UNION ALL
			SELECT s.* FROM pulse.performance_state s WHERE s.portfolio = ANY (moved) AND s.version <= since
		), risk AS MATERIALIZED (
			SELECT o.* FROM pulse.open_risk(CASE WHEN since >= 0 THEN ARRAY(SELECT c.portfolio FROM changed c) END) o WHERE at_risk
		), figures AS MATERIALIZED (
			SELECT c.portfolio, coalesce(c.total_trades, 0) AS trades, ARRAY[c.total_value::float8, c.cash_balance::float8, c.position_count::float8, c.unrealized_pnl::float8, c.realized_pnl::float8,
				c.total_pnl::float8, c.daily_return, c.cumulative_return, c.cagr, c.sharpe, c.sortino, c.calmar, c.volatility, c.max_drawdown,
				c.current_drawdown, c.var_95, c.cvar_95, c.win_rate, c.profit_factor, c.average_win, c.average_loss, c.total_trades::float8,
				c.trades_per_day, greatest(-c.daily_return, 0) / nullif(c.var_95, 0), o.largest, o.herfindahl,
				coalesce(o.gross, 0) / nullif(c.total_value::float8, 0), coalesce(o.net, 0) / nullif(c.total_value::float8, 0)]::float8[] AS m
			FROM changed c LEFT JOIN risk o ON o.portfolio = c.portfolio
		)
		SELECT array_agg(ROW(j.name, j.portfolio, '', '', j.value, j.warning, j.critical, NULL, false)::pulse.observation)
		FROM (
			SELECT r.name, f.portfolio, CASE WHEN f.trades >= r.min_trades THEN f.m[r.nr] END AS value, r.warning, r.critical
			FROM figures f CROSS JOIN r
			WHERE ((f.trades >= r.min_trades AND (f.m[r.nr] * r.sign > r.near OR (r.inclusive AND f.m[r.nr] * r.sign = r.near))) OR r.moving
				   OR (r.missing_alerts AND (f.m[r.nr] IS NULL OR f.trades < r.min_trades)))
				AND (r.portfolios IS NULL OR pulse.matches(r.portfolios, f.portfolio))
			UNION ALL
			-- what has an alert and is good now
			SELECT r.name, f.portfolio, CASE WHEN f.trades >= r.min_trades THEN f.m[r.nr] END, r.warning, r.critical
			FROM figures f JOIN pulse.alert a ON a.portfolio = f.portfolio AND a.state <> 'resolved' JOIN r ON r.name = a.rule
			WHERE NOT ((f.trades >= r.min_trades AND coalesce(f.m[r.nr] * r.sign > r.near OR (r.inclusive AND f.m[r.nr] * r.sign = r.near), false)) OR r.moving
				   OR (r.missing_alerts AND (f.m[r.nr] IS NULL OR f.trades < r.min_trades)))
				AND (r.portfolios IS NULL OR pulse.matches(r.portfolios, f.portfolio))
		) j);
END
$$;
COMMENT ON FUNCTION pulse.observe_metrics(text[], bigint, timestamptz) IS
	'Values of metrics that changed since a version of pulse.performance_state, or with a market price, and matter: they are beyond a threshold, have an alert, or have thresholds that move.';

CREATE FUNCTION pulse.alert_thresholds(at timestamptz, observed pulse.observation[]) RETURNS pulse.observation[]
	LANGUAGE sql STABLE
	AS $$
	SELECT array_agg(ROW(o.rule, o.portfolio, o.symbol, o.component, o.value,
		CASE WHEN a.alert_id IS NOT NULL THEN a.warning WHEN b.samples IS NOT NULL THEN l.warning ELSE o.warning * coalesce(g.factor, 1) END,
		CASE WHEN a.alert_id IS NOT NULL THEN a.critical WHEN b.samples IS NOT NULL THEN l.critical ELSE o.critical * coalesce(g.factor, 1) END,
		o.note, o.gone)::pulse.observation)
	FROM unnest(observed) o JOIN pulse.alert_rule r ON r.name = o.rule
	-- frozen while it fires
	LEFT JOIN pulse.alert a ON a.rule = o.rule AND a.portfolio = o.portfolio AND a.symbol = o.symbol AND a.component = o.component
		AND a.state IN ('firing', 'acknowledged') AND (r.adaptive IS NOT NULL OR r.regime)
	LEFT JOIN pulse.alert_regime g ON r.regime AND g.portfolio = o.portfolio
	LEFT JOIN LATERAL (
		SELECT h.* FROM pulse.alert_band h
		WHERE r.adaptive IS NOT NULL AND a.alert_id IS NULL AND h.rule = o.rule AND h.portfolio = o.portfolio AND h.symbol = o.symbol AND h.component = o.component
			AND h.hour = CASE WHEN r.seasonal THEN extract(hour FROM at AT TIME ZONE r.timezone)::integer ELSE -1 END
			AND h.samples >= CASE WHEN r.seasonal THEN greatest(5, r.adaptive_samples / 24) ELSE r.adaptive_samples END) b ON true
	LEFT JOIN LATERAL pulse.band_levels(b.samples, b.mean, b.variance, b.newest, r.adaptive, r.comparator, r.adaptive_warning, r.adaptive_critical,
		r.adaptive_min_width, coalesce(g.factor, 1)) l ON b.samples IS NOT NULL
	$$;
COMMENT ON FUNCTION pulse.alert_thresholds(timestamptz, pulse.observation[]) IS
	'Observations with the thresholds that apply to each: those of an alert that fires, learnt ones (of the hour where the rule is seasonal), or fixed ones, scaled by the volatility regime where the rule asks for it.';

CREATE FUNCTION pulse.step_alerts(at timestamptz, observed pulse.observation[]) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_custom_plan
	AS $$
DECLARE
	changes bigint;
BEGIN
	IF observed IS NULL OR cardinality(observed) = 0 THEN
		RETURN 0;
	END IF;
	WITH joined AS MATERIALIZED (
		SELECT o.value, o.warning AS new_warning, o.critical AS new_critical, o.note AS new_note, coalesce(o.gone, false) AS gone, r, a,
			o.rule, o.portfolio, o.symbol, o.component, a.alert_id, coalesce(a.firings, p.firings) AS past
		FROM unnest(observed) o JOIN pulse.alert_rule r ON r.name = o.rule
		LEFT JOIN pulse.alert a ON a.rule = o.rule AND a.portfolio = o.portfolio AND a.symbol = o.symbol AND a.component = o.component AND a.state <> 'resolved'
		LEFT JOIN LATERAL (
			SELECT x.firings FROM pulse.alert x
			WHERE a.alert_id IS NULL AND x.rule = o.rule AND x.portfolio = o.portfolio AND x.symbol = o.symbol AND x.component = o.component
				AND x.state = 'resolved' AND x.resolved_at > at - r.flap_window
			ORDER BY x.resolved_at DESC LIMIT 1) p ON true
	), stepped AS MATERIALIZED (
		SELECT j.*, n.state, n.level, n.condition, n.flapping, n.breached_at, n.critical_at, n.eased_at, n.cleared_at, n.fired_at, n.firings, n.transition, n.due_at,
			CASE n.level WHEN 2 THEN (j.r).critical_severity ELSE (j.r).warning_severity END AS severity,
			CASE greatest(n.level, CASE WHEN n.state = 'pending' THEN n.condition END) WHEN 2 THEN j.new_critical ELSE coalesce(j.new_warning, j.new_critical) END AS threshold,
			CASE WHEN j.alert_id IS NOT NULL THEN j.alert_id WHEN n.state IN ('pending', 'firing') THEN nextval('pulse.alert_alert_id_seq') END AS id,
			coalesce((j.a).since, n.breached_at, at) AS since,
			coalesce(j.new_note, (j.a).note) AS note
		FROM joined j CROSS JOIN LATERAL pulse.alert_step(at, CASE WHEN NOT j.gone THEN j.value END, (j.r).comparator, j.new_warning, j.new_critical, (j.r).hysteresis,
			(j.r).hold, CASE WHEN j.gone THEN '0' ELSE (j.r).clear_hold END, CASE WHEN j.gone THEN '0' ELSE (j.r).min_duration END,
			CASE WHEN j.gone THEN 0 ELSE (j.r).flap_count END, (j.r).flap_window, CASE WHEN j.gone THEN 'clear' ELSE (j.r).missing END,
			(j.a).state, (j.a).level, (j.a).condition, (j.a).flapping AND NOT j.gone, (j.a).breached_at, (j.a).critical_at, (j.a).eased_at, (j.a).cleared_at, (j.a).fired_at,
			j.past) n
	), worded AS MATERIALIZED (
		SELECT s.*, pulse.alert_title((s.r).title, s.portfolio, s.symbol, s.component) AS title, pulse.alert_text(s.r, s.value, s.threshold, s.note) AS message,
			s.transition IN ('fired', 'raised') AND s.severity = 'CRITICAL' AND (s.r).escalate_after IS NOT NULL AS escalates
		FROM stepped s
		WHERE s.id IS NOT NULL AND (s.alert_id IS NULL OR s.transition IS NOT NULL
			OR ((s.a).value, (s.a).condition, (s.a).warning, (s.a).critical, (s.a).breached_at, (s.a).critical_at, (s.a).eased_at, (s.a).cleared_at, (s.a).due_at, (s.a).note)
				IS DISTINCT FROM (s.value, s.condition, s.new_warning, s.new_critical, s.breached_at, s.critical_at, s.eased_at, s.cleared_at, s.due_at, s.note))
	), inserted AS (
		INSERT INTO pulse.alert (alert_id, rule, kind, portfolio, symbol, component, state, severity, level, condition, flapping, title, message, note, value,
				warning, critical, threshold, since, updated_at, breached_at, critical_at, eased_at, cleared_at, fired_at, firings, count, due_at,
				remind_at, escalate_at, tell)
			SELECT w.id, w.rule, (w.r).kind, w.portfolio, w.symbol, w.component, w.state, w.severity, w.level, w.condition, w.flapping, w.title, w.message, w.note, w.value,
				w.new_warning, w.new_critical, w.threshold, w.since, at, w.breached_at, w.critical_at, w.eased_at, w.cleared_at, w.fired_at, w.firings, cardinality(w.firings), w.due_at,
				CASE WHEN w.transition = 'fired' THEN at + (w.r).remind_every END, CASE WHEN w.escalates THEN at + (w.r).escalate_after END,
				w.transition = 'fired' AND (w.r).notify
			FROM worded w WHERE w.alert_id IS NULL
	), updated AS (
		UPDATE pulse.alert a SET state = w.state, severity = w.severity, level = w.level, condition = w.condition, flapping = w.flapping,
			title = w.title, message = w.message, note = w.note,
			value = CASE WHEN w.gone THEN a.value ELSE w.value END, warning = w.new_warning, critical = w.new_critical, threshold = w.threshold, updated_at = at,
			breached_at = w.breached_at, critical_at = w.critical_at, eased_at = w.eased_at, cleared_at = w.cleared_at, fired_at = w.fired_at,
			firings = w.firings, count = cardinality(w.firings), due_at = w.due_at,
			resolved_at = CASE WHEN w.state = 'resolved' THEN at END, resolution = CASE WHEN w.state = 'resolved' THEN CASE WHEN w.gone THEN coalesce(w.new_note, 'gone') ELSE 'cleared' END END,
			acknowledged_by = CASE WHEN w.transition IS DISTINCT FROM 'raised' THEN a.acknowledged_by END,
			acknowledged_at = CASE WHEN w.transition IS DISTINCT FROM 'raised' THEN a.acknowledged_at END,
			remind_at = CASE WHEN w.transition IN ('fired', 'raised') THEN at + (w.r).remind_every WHEN w.state = 'firing' THEN a.remind_at END,
			escalate_at = CASE WHEN w.escalates THEN at + (w.r).escalate_after WHEN w.state = 'firing' AND w.severity = 'CRITICAL' THEN a.escalate_at END,
			tell = CASE WHEN NOT (w.r).notify THEN false
				WHEN w.transition IN ('fired', 'raised') THEN true
				WHEN w.transition = 'lowered' THEN a.tell OR a.told_level > w.level
				WHEN w.transition = 'resolved' THEN a.told_level IS NOT NULL AND (w.r).notify_resolved
				ELSE a.tell END,
			recheck_at = CASE WHEN w.transition IN ('fired', 'raised', 'resolved') THEN NULL ELSE a.recheck_at END
		FROM worded w
		WHERE a.alert_id = w.alert_id AND w.state <> 'inactive'
	), withdrawn AS (
		DELETE FROM pulse.alert a USING worded w WHERE a.alert_id = w.alert_id AND w.state = 'inactive'
	), frozen AS (
		INSERT INTO pulse.threshold_history (at, rule, portfolio, symbol, component, warning, critical, reason)
			SELECT at, w.rule, w.portfolio, w.symbol, w.component, w.new_warning, w.new_critical, 'frozen'
			FROM worded w WHERE w.transition = 'fired' AND ((w.r).adaptive IS NOT NULL OR (w.r).regime)
	), noted AS (
		INSERT INTO pulse.alert_history (alert_id, at, transition, state, rule, kind, severity, portfolio, symbol, component, title, message, value, threshold, since, count, note, event_seq)
			SELECT w.id, at, w.transition, w.state, w.rule, (w.r).kind, w.severity, w.portfolio, w.symbol, w.component, w.title, w.message,
				CASE WHEN w.gone THEN (w.a).value ELSE w.value END, w.threshold, w.since, cardinality(w.firings), CASE WHEN w.gone THEN coalesce(w.new_note, 'gone') END,
				CASE WHEN w.transition IN ('began', 'withdrawn', 'repeated') THEN 0 END
			FROM worded w WHERE w.transition IS NOT NULL
			ORDER BY w.id
			RETURNING 1
	)
	SELECT count(*) INTO changes FROM noted;
	RETURN changes;
END
$$;
COMMENT ON FUNCTION pulse.step_alerts(timestamptz, pulse.observation[]) IS
	'Takes the alerts of some values one step on, all of them in one statement, and writes their history; returns how many changed their state.';

CREATE FUNCTION pulse.learn_thresholds(at timestamptz, observed pulse.observation[]) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	WITH due AS MATERIALIZED (
		SELECT o.rule, o.portfolio, o.symbol, o.component, o.value, h.hour,
			r.adaptive, r.comparator, r.adaptive_warning, r.adaptive_critical, r.adaptive_min_width, r.adaptive_samples, r.adaptive_half_life, r.adaptive_window, b
		FROM unnest(observed) o JOIN pulse.alert_rule r ON r.name = o.rule AND r.adaptive IS NOT NULL
		CROSS JOIN LATERAL (SELECT CASE WHEN r.seasonal THEN extract(hour FROM at AT TIME ZONE r.timezone)::integer ELSE -1 END AS hour) h
		LEFT JOIN pulse.alert_band b ON b.rule = o.rule AND b.portfolio = o.portfolio AND b.symbol = o.symbol AND b.component = o.component AND b.hour = h.hour
		WHERE o.value > '-Infinity' AND o.value < 'Infinity' AND (b.sampled_at IS NULL OR at >= b.sampled_at + r.adaptive_every OR at < b.sampled_at - r.adaptive_every)
			-- what is bad, or may be, does not become the usual
			AND NOT EXISTS (SELECT FROM pulse.alert a WHERE a.rule = o.rule AND a.portfolio = o.portfolio AND a.symbol = o.symbol
							AND a.component = o.component AND a.state <> 'resolved')
		-- a crowd is learnt from in turns, so that no evaluation becomes slow
		ORDER BY b.sampled_at NULLS FIRST LIMIT 5000
	), learnt AS MATERIALIZED (
		SELECT d.*, n.samples, n.mean, n.variance, n.newest, l.warning, l.critical,
			n.samples >= CASE d.hour WHEN -1 THEN d.adaptive_samples ELSE greatest(5, d.adaptive_samples / 24) END
			AND ((d.b).warning IS NULL AND (d.b).critical IS NULL
				OR abs(l.warning - (d.b).warning) > 0.01 * abs((d.b).warning - n.mean) OR abs(l.critical - (d.b).critical) > 0.01 * abs((d.b).critical - n.mean)) AS news
		FROM due d
		CROSS JOIN LATERAL pulse.band_add((d.b).samples, (d.b).mean, (d.b).variance, (d.b).newest,
			CASE WHEN d.adaptive = 'quantile' THEN d.adaptive_window ELSE 0 END, d.adaptive_half_life, d.value) n
		CROSS JOIN LATERAL pulse.band_levels(n.samples, n.mean, n.variance, n.newest, d.adaptive, d.comparator, d.adaptive_warning, d.adaptive_critical,
			d.adaptive_min_width, 1) l
	), journal AS (
		INSERT INTO pulse.threshold_history (at, rule, portfolio, symbol, component, hour, warning, critical, reason, samples, mean, deviation)
			SELECT $1, l.rule, l.portfolio, l.symbol, l.component, l.hour, l.warning, l.critical, 'adaptive', l.samples, l.mean, sqrt(l.variance)
			FROM learnt l WHERE l.news
	)
	INSERT INTO pulse.alert_band AS b (rule, portfolio, symbol, component, hour, samples, mean, variance, newest, sampled_at, warning, critical)
		SELECT l.rule, l.portfolio, l.symbol, l.component, l.hour, l.samples, l.mean, l.variance, l.newest, $1,
			CASE WHEN l.news THEN l.warning ELSE (l.b).warning END, CASE WHEN l.news THEN l.critical ELSE (l.b).critical END
		FROM learnt l
	ON CONFLICT (rule, portfolio, symbol, component, hour) DO UPDATE SET samples = excluded.samples, mean = excluded.mean, variance = excluded.variance,
		newest = excluded.newest, sampled_at = excluded.sampled_at, warning = excluded.warning, critical = excluded.critical
	$$;
COMMENT ON FUNCTION pulse.learn_thresholds(timestamptz, pulse.observation[]) IS
	'Takes values that have been judged, and have no alert, into the history of the adaptive thresholds of their rules, as often as the rule says.';

CREATE FUNCTION pulse.follow_regime(since bigint) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	WITH fresh AS MATERIALIZED (
		SELECT s.portfolio, (s.ts AT TIME ZONE 'UTC')::date AS day, s.daily_return, g AS old
		FROM pulse.performance_state s LEFT JOIN pulse.alert_regime g ON g.portfolio = s.portfolio
		WHERE s.version > since AND s.ts IS NOT NULL
	), stepped AS MATERIALIZED (
		SELECT f.portfolio, f.day, f.daily_return, n.over, (f.old).factor AS old_factor,
			CASE WHEN n.over THEN coalesce((f.old).samples, 0) + 1 ELSE coalesce((f.old).samples, 0) END AS samples,
			-- the first days count alike
			CASE WHEN n.over THEN (f.old).fast + greatest(0.06, 1.0 / ((f.old).samples + 1)) * (n.square - (f.old).fast) ELSE coalesce((f.old).fast, 0) END AS fast,
			CASE WHEN n.over THEN (f.old).slow + greatest(0.01, 1.0 / ((f.old).samples + 1)) * (n.square - (f.old).slow) ELSE coalesce((f.old).slow, 0) END AS slow
		FROM fresh f CROSS JOIN LATERAL (SELECT coalesce(f.day > (f.old).day AND (f.old).daily_return IS NOT NULL, false) AS over,
			(f.old).daily_return * (f.old).daily_return AS square) n
		WHERE (f.old).day IS NULL OR f.day >= (f.old).day
	)
	INSERT INTO pulse.alert_regime AS g (portfolio, day, daily_return, fast, slow, samples, factor)
		SELECT s.portfolio, s.day, s.daily_return, s.fast, s.slow, s.samples,
			CASE WHEN s.samples >= 20 AND s.slow > 0 THEN least(2, greatest(0.5, sqrt(s.fast / s.slow))) ELSE 1 END
		FROM stepped s
	ON CONFLICT (portfolio) DO UPDATE SET day = excluded.day, daily_return = excluded.daily_return, fast = excluded.fast, slow = excluded.slow,
		samples = excluded.samples, factor = excluded.factor
	$$;
COMMENT ON FUNCTION pulse.follow_regime(bigint) IS
	'Takes the returns of UTC days that are over into the volatility regime of portfolios that changed: what is judged today counts from tomorrow on.';

CREATE FUNCTION pulse.journal_regime(at timestamptz) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	INSERT INTO pulse.threshold_history (at, rule, portfolio, warning, critical, reason, samples, factor)
		SELECT $1, r.name, g.portfolio, pulse.rule_threshold(r.warning, r.warning_key) * g.factor, pulse.rule_threshold(r.critical, r.critical_key) * g.factor,
			'regime', g.samples, g.factor
		FROM pulse.alert_rule r JOIN pulse.alert_regime g ON r.portfolios IS NULL OR pulse.matches(r.portfolios, g.portfolio)
		WHERE r.regime AND r.enabled AND abs(g.factor - coalesce((SELECT h.factor FROM pulse.threshold_history h
			WHERE h.rule = r.name AND h.portfolio = g.portfolio AND h.reason = 'regime' ORDER BY h.at DESC LIMIT 1), 1)) > 0.02
	$$;
COMMENT ON FUNCTION pulse.journal_regime(timestamptz) IS 'Notes thresholds whose volatility-regime factor has moved by more than 0.02.';

CREATE FUNCTION pulse.observe_health(at timestamptz) RETURNS pulse.observation[]
	LANGUAGE sql STABLE
	AS $$
	WITH h AS MATERIALIZED (SELECT DISTINCT ON (c.component) c.component, c.status, c.message FROM pulse.health_at(at) c),
	r AS MATERIALIZED (
		SELECT a.name, a.components FROM pulse.alert_rule a JOIN pulse.alert_rule_state s ON s.rule = a.name
		WHERE a.source = 'health' AND a.enabled AND s.awake
	)
	SELECT array_agg(ROW(r.name, '', '', h.component, pulse.severity(h.status), t.warning, t.critical, h.message, false)::pulse.observation)
		|| (SELECT array_agg(ROW(a.rule, '', '', a.component, NULL, NULL, NULL, NULL, true)::pulse.observation)
			FROM pulse.alert a JOIN r ON r.name = a.rule
			WHERE a.state <> 'resolved' AND NOT EXISTS (SELECT FROM h WHERE h.component = a.component AND pulse.matches(r.components, h.component)))
	FROM h JOIN r ON pulse.matches(r.components, h.component)
	JOIN LATERAL (SELECT pulse.rule_threshold(a.warning, a.warning_key) AS warning, pulse.rule_threshold(a.critical, a.critical_key) AS critical
		  FROM pulse.alert_rule a WHERE a.name = r.name) t ON true
	WHERE h.status <> 'HEALTHY' OR EXISTS (SELECT FROM pulse.alert a WHERE a.rule = r.name AND a.component = h.component AND a.state <> 'resolved')
	$$;
COMMENT ON FUNCTION pulse.observe_health(timestamptz) IS
	'Components that are not well or have an alert, for the rules that they fit; the value is 1 UNKNOWN, 2 WARNING, 3 CRITICAL.';

CREATE FUNCTION pulse.rule_done(at timestamptz, rule text) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	UPDATE pulse.alert_rule_state s SET last_error = NULL, failing = 0, evaluated_at = $1, next_at = $1 + r.every, fresh = false
		FROM pulse.alert_rule r WHERE s.rule = $2 AND r.name = s.rule
	$$;
COMMENT ON FUNCTION pulse.rule_done(timestamptz, text) IS 'Notes that a rule was evaluated, and when it is due again.';

CREATE FUNCTION pulse.query_value(item jsonb) RETURNS double precision
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$
	SELECT CASE jsonb_typeof(v.value) WHEN 'number' THEN (v.value #>> '{}')::double precision
		WHEN 'boolean' THEN (v.value #>> '{}')::boolean::integer
		WHEN 'string' THEN (v.value #>> '{}')::double precision END
	FROM (SELECT CASE WHEN jsonb_typeof(item) <> 'object' THEN item WHEN item OPERATOR(pg_catalog.?) 'value' THEN item -> 'value'
		ELSE (SELECT e.value FROM jsonb_each(item) e WHERE e.key NOT IN ('portfolio', 'symbol', 'message') LIMIT 1) END AS value) v
	$$;
COMMENT ON FUNCTION pulse.query_value(jsonb) IS
	'The value of a row of a rule''s query: its column value, or the only one that is not portfolio, symbol or message; true is 1. An error when it is neither a number nor a truth value.';

CREATE FUNCTION pulse.query_observations(r pulse.alert_rule, rows jsonb) RETURNS pulse.observation[]
	LANGUAGE sql STABLE
	AS $$
	WITH found AS MATERIALIZED (
		SELECT DISTINCT ON (portfolio, symbol) left(coalesce(i.item ->> 'portfolio', ''), 200) AS portfolio, left(coalesce(i.item ->> 'symbol', ''), 200) AS symbol,
			pulse.query_value(i.item) AS value, left(i.item ->> 'message', 2000) AS note
		FROM jsonb_array_elements(rows) WITH ORDINALITY i (item, nr) ORDER BY portfolio, symbol, i.nr
	)
	SELECT coalesce(array_agg(ROW((r).name, f.portfolio, f.symbol, '', f.value, pulse.rule_threshold((r).warning, (r).warning_key),
			pulse.rule_threshold((r).critical, (r).critical_key), f.note, false)::pulse.observation)
			FILTER (WHERE pulse.matches((r).portfolios, f.portfolio) AND pulse.matches((r).symbols, f.symbol)), '{}')
		|| ARRAY(SELECT ROW(a.rule, a.portfolio, a.symbol, '', NULL, NULL, NULL, NULL, true)::pulse.observation FROM pulse.alert a
				 WHERE a.rule = (r).name AND a.state <> 'resolved'
					AND NOT EXISTS (SELECT FROM found g WHERE g.portfolio = a.portfolio AND g.symbol = a.symbol))
	FROM found f
	$$;
COMMENT ON FUNCTION pulse.query_observations(pulse.alert_rule, jsonb) IS
	'What a rule''s query has returned, as observations; an alert that it does not mention any more is gone.';

CREATE FUNCTION pulse.take_observations(at timestamptz, observed pulse.observation[]) RETURNS bigint
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	moving pulse.observation[];
	fixed pulse.observation[];
	changes bigint;
BEGIN
	IF observed IS NULL THEN
		RETURN 0;
	END IF;
	SELECT array_agg(o.*::pulse.observation) FILTER (WHERE r.adaptive IS NOT NULL OR r.regime),
			array_agg(o.*::pulse.observation) FILTER (WHERE r.adaptive IS NULL AND NOT r.regime)
		INTO moving, fixed FROM unnest(observed) o JOIN pulse.alert_rule r ON r.name = o.rule;
	changes := pulse.step_alerts(at, fixed);
	IF moving IS NOT NULL THEN
		changes := changes + pulse.step_alerts(at, pulse.alert_thresholds(at, moving));
		PERFORM pulse.learn_thresholds(at, moving);
	END IF;
	RETURN changes;
END
$$;
COMMENT ON FUNCTION pulse.take_observations(timestamptz, pulse.observation[]) IS
	'Judges observations: those of rules with moving thresholds by the ones that apply now, and only then learns from them.';

CREATE FUNCTION pulse.observe_clocked(at timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	r pulse.alert_rule;
BEGIN
	FOR r IN SELECT a.* FROM pulse.alert_rule a JOIN pulse.alert_rule_state s ON s.rule = a.name
		WHERE a.source = 'metric' AND a.metric = ANY (pulse.costly_metric_names()) AND a.enabled AND s.awake
			AND (s.fresh OR s.next_at <= at OR s.evaluated_at > at) ORDER BY a.name
	LOOP
		PERFORM pulse.take_observations(at, (
			WITH c AS MATERIALIZED (SELECT * FROM pulse.open_correlation(at))
			SELECT array_agg(ROW(r.name, c.portfolio, '', '', c.value, pulse.rule_threshold(r.warning, r.warning_key), pulse.rule_threshold(r.critical, r.critical_key), c.note, false)::pulse.observation)
				|| ARRAY(SELECT ROW(a.rule, a.portfolio, '', '', NULL, NULL, NULL, NULL, true)::pulse.observation FROM pulse.alert a
						 WHERE a.rule = r.name AND a.state <> 'resolved' AND NOT EXISTS (SELECT FROM c WHERE c.portfolio = a.portfolio))
			FROM c WHERE r.portfolios IS NULL OR pulse.matches(r.portfolios, c.portfolio)));
		PERFORM pulse.rule_done(at, r.name);
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.observe_clocked(timestamptz) IS 'Evaluates the rules whose metric is computed by the clock, and that are due.';

CREATE FUNCTION pulse.observe_queries(at timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	due record;
BEGIN
	FOR due IN SELECT a AS rule, g.result, g.result_at
		FROM pulse.alert_rule a JOIN pulse.alert_rule_state s ON s.rule = a.name
		JOIN pulse.registration_state g ON g.kind = CASE a.source WHEN 'query' THEN 'alert_rule' ELSE 'metric' END AND g.name = CASE a.source WHEN 'query' THEN a.name ELSE a.metric END
		WHERE (a.source = 'query' OR (a.source = 'metric' AND NOT a.metric = ANY (pulse.metric_names() || pulse.costly_metric_names())))
			AND a.enabled AND s.awake AND g.result IS NOT NULL AND (s.fresh OR s.evaluated_at IS DISTINCT FROM g.result_at)
		ORDER BY a.name
	LOOP
		BEGIN
			PERFORM pulse.take_observations(at, pulse.query_observations(due.rule, due.result));
			UPDATE pulse.alert_rule_state s SET last_error = NULL, failing = 0, evaluated_at = due.result_at, fresh = false WHERE s.rule = (due.rule).name;
		EXCEPTION WHEN OTHERS THEN
			UPDATE pulse.alert_rule_state s SET last_error = left(SQLERRM, 1000), last_error_at = at, errors = s.errors + 1, failing = s.failing + 1,
				evaluated_at = due.result_at, fresh = false WHERE s.rule = (due.rule).name;
		END;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.observe_queries(timestamptz) IS
	'Takes what the queries of rules, and registered metrics that rules look at, have yielded since. They run elsewhere, as their owners; what cannot be taken harms only its rule.';

CREATE FUNCTION pulse.trade_value(metric text, data jsonb, equity double precision) RETURNS double precision
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$
	SELECT CASE metric
		WHEN 'value' THEN t.value WHEN 'quantity' THEN abs(t.step) WHEN 'profit' THEN t.pnl WHEN 'loss' THEN -t.pnl
		WHEN 'share' THEN CASE WHEN equity > 0 THEN t.value / equity END
		WHEN 'opened' THEN (t.after <> 0 AND t.before = 0)::integer
		WHEN 'closed' THEN (t.after = 0 AND t.before <> 0)::integer
		WHEN 'flipped' THEN (t.before * t.after < 0)::integer END
	FROM (SELECT q.value::double precision AS value, q.pnl::double precision AS pnl, q.step::double precision AS step, q.after, q.after - q.step AS before
		FROM (SELECT (data ->> 'value')::numeric AS value, (data ->> 'realized_pnl')::numeric AS pnl, (data ->> 'position')::numeric AS after,
				(data ->> 'quantity')::numeric * CASE data ->> 'side' WHEN 'SELL' THEN -1 ELSE 1 END AS step) q) t
	$$;
COMMENT ON FUNCTION pulse.trade_value(text, jsonb, double precision) IS
	'A property of a fill, as its TRADE_ALERT has it; equity is the value of its portfolio. Exact where it compares the position with zero.';

CREATE FUNCTION pulse.take_trades(at timestamptz, after_seq bigint, up_to bigint) RETURNS bigint
	LANGUAGE sql VOLATILE
	AS $$
	WITH r AS MATERIALIZED (
		SELECT a AS rule, CASE WHEN a.comparator IN ('<', '<=') THEN -1 ELSE 1 END AS sign, a.comparator IN ('>=', '<=') AS inclusive,
			pulse.rule_threshold(a.warning, a.warning_key) AS warning, pulse.rule_threshold(a.critical, a.critical_key) AS critical
		FROM pulse.alert_rule a JOIN pulse.alert_rule_state s ON s.rule = a.name WHERE a.source = 'trade' AND a.enabled AND s.awake
	), fills AS MATERIALIZED (
		SELECT e.seq, coalesce(e.portfolio, '') AS portfolio, e.data, e.data ->> 'symbol' AS symbol, (e.data ->> 'executed_at')::timestamptz AS executed_at,
			p.total_value::double precision AS equity
		FROM pulse.event e LEFT JOIN pulse.performance_state p ON p.portfolio = e.portfolio
		-- an import of past trades is no news
		WHERE e.seq > $2 AND e.seq <= $3 AND e.type = 'TRADE_ALERT'
			AND (e.data ->> 'executed_at')::timestamptz > $1 - current_setting('pulse.notify_max_age')::interval
	), judged AS MATERIALIZED (
		SELECT f.*, r.rule, r.warning, r.critical, v.value,
			CASE WHEN v.value * r.sign > r.critical * r.sign OR (r.inclusive AND v.value = r.critical) THEN 2
				WHEN v.value * r.sign > r.warning * r.sign OR (r.inclusive AND v.value = r.warning) THEN 1 END AS level
		FROM fills f JOIN r ON pulse.matches((r.rule).portfolios, f.portfolio) AND pulse.matches((r.rule).symbols, f.symbol)
		CROSS JOIN LATERAL pulse.trade_value((r.rule).metric, f.data, f.equity) AS v (value)
	), told AS MATERIALIZED (
		SELECT j.*, nextval('pulse.alert_alert_id_seq') AS id, CASE j.level WHEN 2 THEN (j.rule).critical_severity ELSE (j.rule).warning_severity END AS severity,
			CASE j.level WHEN 2 THEN j.critical ELSE j.warning END AS threshold, pulse.alert_title((j.rule).title, j.portfolio, j.symbol, '') AS title,
			format('%s %s %s @ %s = %s%s; position %s', j.data ->> 'side', pulse.plain_number((j.data ->> 'quantity')::numeric), j.symbol,
				pulse.plain_number((j.data ->> 'price')::numeric), pulse.plain_number((j.data ->> 'value')::numeric),
				CASE WHEN (j.rule).metric = 'share' THEN format(' (%s of the portfolio)', pulse.alert_number('fraction', j.value)) ELSE '' END,
				pulse.plain_number((j.data ->> 'position')::numeric)) AS message
		FROM judged j WHERE j.level IS NOT NULL
	), stored AS (
		INSERT INTO pulse.alert (alert_id, rule, kind, portfolio, symbol, state, severity, level, condition, title, message, value, warning, critical, threshold,
				since, updated_at, breached_at, fired_at, firings, count, resolved_at, resolution, tell)
			SELECT t.id, (t.rule).name, (t.rule).kind, t.portfolio, t.symbol, 'resolved', t.severity, t.level, 0, t.title, t.message, t.value, t.warning, t.critical,
				t.threshold, t.executed_at, $1, t.executed_at, $1, ARRAY[$1], 1, $1, 'momentary', (t.rule).notify
			FROM told t
	), noted AS (
		INSERT INTO pulse.alert_history (alert_id, at, transition, state, rule, kind, severity, portfolio, symbol, title, message, value, threshold, since)
			SELECT t.id, $1, 'fired', 'resolved', (t.rule).name, (t.rule).kind, t.severity, t.portfolio, t.symbol, t.title, t.message, t.value, t.threshold, t.executed_at
			FROM told t ORDER BY t.seq RETURNING 1
	)
	SELECT count(*) FROM noted
	$$;
COMMENT ON FUNCTION pulse.take_trades(timestamptz, bigint, bigint) IS
	'Alerts about the fills whose TRADE_ALERT lies between two event numbers: each is momentary, told once and over at once. Fills older than pulse.notify_max_age are left out.';

CREATE FUNCTION pulse.wake_rules(at timestamptz) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	UPDATE pulse.alert_rule_state s SET awake = NOT s.awake, fresh = s.fresh OR NOT s.awake
		FROM pulse.alert_rule r WHERE r.name = s.rule AND s.awake <> pulse.rule_is_awake(r.active_hours, $1)
			AND (r.active_hours IS NOT NULL OR NOT s.awake);
	-- nobody waits for what a sleeping rule might have found
	WITH dropped AS (
		DELETE FROM pulse.alert a USING pulse.alert_rule_state s WHERE s.rule = a.rule AND NOT s.awake AND a.state = 'pending' RETURNING a.*)
	INSERT INTO pulse.alert_history (alert_id, at, transition, state, rule, kind, severity, portfolio, symbol, component, title, message, value, threshold, since, count, note, event_seq)
		SELECT d.alert_id, $1, 'withdrawn', 'inactive', d.rule, d.kind, d.severity, d.portfolio, d.symbol, d.component, d.title, d.message, d.value, d.threshold, d.since, d.count,
			'outside of the active hours', 0 FROM dropped d
	$$;
COMMENT ON FUNCTION pulse.wake_rules(timestamptz) IS
	'Lets rules sleep outside of their active hours, and wakes them: they then look at everything. What is pending when a rule falls asleep is withdrawn, what fires stays as it is.';

CREATE FUNCTION pulse.timed_observations(at timestamptz) RETURNS pulse.observation[]
	LANGUAGE sql STABLE
	AS $$
	SELECT array_agg(ROW(a.rule, a.portfolio, a.symbol, a.component, a.value,
		CASE WHEN r.adaptive IS NULL AND NOT r.regime THEN coalesce(pulse.rule_threshold(r.warning, r.warning_key), a.warning) ELSE a.warning END,
		CASE WHEN r.adaptive IS NULL AND NOT r.regime THEN coalesce(pulse.rule_threshold(r.critical, r.critical_key), a.critical) ELSE a.critical END,
		NULL, false)::pulse.observation)
	FROM pulse.alert a JOIN pulse.alert_rule r ON r.name = a.rule JOIN pulse.alert_rule_state s ON s.rule = r.name
	WHERE a.state <> 'resolved' AND a.next_at <= $1 AND a.due_at <= $1 AND s.awake AND r.enabled
	$$;
COMMENT ON FUNCTION pulse.timed_observations(timestamptz) IS 'Alerts that time alone takes on: their newest values once more.';

CREATE FUNCTION pulse.orphaned_observations() RETURNS pulse.observation[]
	LANGUAGE sql STABLE
	AS $$
	SELECT array_agg(ROW(a.rule, a.portfolio, a.symbol, a.component, NULL, a.warning, a.critical,
		CASE WHEN NOT r.enabled OR NOT pulse.matches(r.portfolios, a.portfolio) THEN 'rule' ELSE 'gone' END, true)::pulse.observation)
	FROM pulse.alert a JOIN pulse.alert_rule r ON r.name = a.rule
	WHERE a.state <> 'resolved' AND (NOT r.enabled OR (r.source IN ('metric', 'query') AND NOT pulse.matches(r.portfolios, a.portfolio))
		OR (r.source = 'metric' AND r.metric = ANY (pulse.metric_names()) AND NOT EXISTS (SELECT FROM pulse.performance_state s WHERE s.portfolio = a.portfolio)))
	$$;
COMMENT ON FUNCTION pulse.orphaned_observations() IS 'Alerts of what is no more: rules that were disabled or narrowed, portfolios that are gone.';

CREATE FUNCTION pulse.resolve_dropped(at timestamptz) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	WITH dropped AS (
		DELETE FROM pulse.alert a WHERE a.state = 'pending' AND NOT EXISTS (SELECT FROM pulse.alert_rule r WHERE r.name = a.rule)
	), over AS (
		UPDATE pulse.alert a SET state = 'resolved', resolved_at = $1, resolution = 'rule', updated_at = $1, due_at = NULL, remind_at = NULL, escalate_at = NULL,
				tell = a.told_level IS NOT NULL, recheck_at = NULL
			WHERE a.state IN ('firing', 'acknowledged') AND NOT EXISTS (SELECT FROM pulse.alert_rule r WHERE r.name = a.rule)
			RETURNING a.*
	), forgotten AS (
		DELETE FROM pulse.alert_band b WHERE NOT EXISTS (SELECT FROM pulse.alert_rule r WHERE r.name = b.rule AND r.adaptive IS NOT NULL)
	)
	INSERT INTO pulse.alert_history (alert_id, at, transition, state, rule, kind, severity, portfolio, symbol, component, title, message, value, threshold, since, count, note)
		SELECT o.alert_id, $1, 'resolved', 'resolved', o.rule, o.kind, o.severity, o.portfolio, o.symbol, o.component, o.title, o.message, o.value, o.threshold, o.since, o.count, 'rule'
		FROM over o
	$$;
COMMENT ON FUNCTION pulse.resolve_dropped(timestamptz) IS 'Ends the alerts of rules that were dropped, and forgets what was learnt for rules that do not adapt any more.';

CREATE FUNCTION pulse.bounded_observations(observed pulse.observation[]) RETURNS pulse.observation[]
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	most bigint := pulse.config_float('alerts.batch');
BEGIN
	IF coalesce(cardinality(observed), 0) <= most THEN
		RETURN observed;
	END IF;
	RETURN (
		SELECT array_agg(q.o) FROM (
			-- in no order, so that none waits for the same others each time
			SELECT b.o, b.begins AND row_number() OVER (PARTITION BY b.begins ORDER BY random()) > most AS waits FROM (
				SELECT o, r.adaptive IS NULL AND NOT r.regime AND a.alert_id IS NULL AS begins
				FROM unnest(observed) o JOIN pulse.alert_rule r ON r.name = o.rule
				LEFT JOIN pulse.alert a ON a.rule = o.rule AND a.portfolio = o.portfolio AND a.symbol = o.symbol AND a.component = o.component AND a.state <> 'resolved'
			) b
		) q WHERE NOT q.waits);
END
$$;
COMMENT ON FUNCTION pulse.bounded_observations(pulse.observation[]) IS
	'Observations of which at most alerts.batch may begin an alert, so that a storm of alerts is worked off in several evaluations, each within the time that a job has.';

CREATE FUNCTION pulse.evaluate_alerts(at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	e pulse.alert_evaluation;
	newest bigint;
	newest_seq bigint;
	newest_mark timestamptz;
	everything text[];
	changed text[];
	observed pulse.observation[];
	bounded pulse.observation[];
	more boolean := false;
BEGIN
	SELECT * INTO e FROM pulse.alert_evaluation FOR UPDATE;
	IF e.evaluated_at > at + interval '1 minute' THEN
		-- the clock was set back: everything that waits for a time would wait for long
		e.health_at := NULL;
		e.swept_at := '-infinity';
		e.marks_at := '-infinity';
	END IF;
	PERFORM pulse.wake_rules(at);
	SELECT array_agg(r.name) FILTER (WHERE s.fresh), array_agg(r.name) FILTER (WHERE NOT s.fresh) INTO everything, changed
		FROM pulse.alert_rule r JOIN pulse.alert_rule_state s ON s.rule = r.name WHERE r.enabled AND s.awake AND r.source = 'metric';
	SELECT coalesce(max(p.version), e.version) INTO newest FROM pulse.performance_state p;
	IF newest < e.version THEN
		-- a copy of the database counts anew
		e.version := -1;
	END IF;
	SELECT max(m.ts) INTO newest_mark FROM pulse.mark m;

	IF newest > e.version AND EXISTS (SELECT FROM pulse.alert_rule r WHERE r.regime AND r.enabled) THEN
		PERFORM pulse.follow_regime(e.version);
		PERFORM pulse.journal_regime(at);
	END IF;
	IF everything IS NOT NULL THEN
		observed := pulse.observe_metrics(everything, -1, 'infinity');
		bounded := pulse.bounded_observations(observed);
		more := cardinality(bounded) < cardinality(observed);
		PERFORM pulse.take_observations(at, bounded);
		UPDATE pulse.alert_rule_state s SET fresh = false WHERE s.rule = ANY (everything) AND NOT coalesce(more, false)
			AND EXISTS (SELECT FROM pulse.alert_rule r WHERE r.name = s.rule AND r.metric = ANY (pulse.metric_names()));
	END IF;
	IF changed IS NOT NULL AND (newest > e.version OR (newest_mark > e.marked_at AND at >= e.marks_at + interval '10 seconds')) THEN
		observed := pulse.observe_metrics(changed, e.version,
			CASE WHEN newest_mark > e.marked_at AND at >= e.marks_at + interval '10 seconds' THEN e.marked_at - interval '1 minute' ELSE 'infinity' END);
		bounded := pulse.bounded_observations(observed);
		PERFORM pulse.take_observations(at, bounded);
		IF cardinality(bounded) < cardinality(observed) THEN
			-- the same changes again, until the last of them has its alert
			more := true;
			newest := e.version;
		ELSIF at >= e.marks_at + interval '10 seconds' THEN
			e.marked_at := coalesce(newest_mark, e.marked_at);
			e.marks_at := at;
		END IF;
	END IF;
	e.version := newest;

	IF (e.health_at IS NULL OR at >= e.health_at + interval '5 seconds')
		AND EXISTS (SELECT FROM pulse.alert_rule r WHERE r.source = 'health' AND r.enabled) THEN
		PERFORM pulse.take_observations(at, pulse.observe_health(at));
		e.health_at := at;
	END IF;

	SELECT q.seq INTO newest_seq FROM pulse.sequencer q;
	IF e.trade_seq IS NULL OR e.trade_seq > newest_seq THEN
		e.trade_seq := newest_seq;
	ELSIF newest_seq > e.trade_seq THEN
		newest_seq := least(newest_seq, e.trade_seq + 20000);
		IF EXISTS (SELECT FROM pulse.alert_rule r WHERE r.source = 'trade' AND r.enabled) THEN
			PERFORM pulse.take_trades(at, e.trade_seq, newest_seq);
		END IF;
		e.trade_seq := newest_seq;
	END IF;

	PERFORM pulse.observe_clocked(at);
	PERFORM pulse.observe_queries(at);
	PERFORM pulse.step_alerts(at, pulse.timed_observations(at));
	IF everything IS NOT NULL OR at >= e.swept_at + interval '10 seconds' THEN
		PERFORM pulse.step_alerts(at, pulse.orphaned_observations());
		PERFORM pulse.resolve_dropped(at);
		e.swept_at := at;
	END IF;
	e.storm_at := pulse.tell_alerts(at, e.storm_at);
	UPDATE pulse.alert_evaluation x SET evaluated_at = at, version = e.version, marked_at = e.marked_at, marks_at = e.marks_at, trade_seq = e.trade_seq,
		health_at = e.health_at, swept_at = e.swept_at, storm_at = e.storm_at;
	RETURN CASE WHEN more THEN at END;
END
$$;
REVOKE ALL ON FUNCTION pulse.evaluate_alerts(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.evaluate_alerts(timestamptz) IS
	'Job: one evaluation of all alert rules at a time: what changed since the last one, what time alone changes, and then what people are told. Doing it again at the same time changes nothing.';

INSERT INTO pulse.job (name, command, every) VALUES ('alerts', 'pulse.evaluate_alerts', '1 second');
-- What people are told of alerts, and what they are not: silences, maintenance, inhibition; groups, reminders, escalation, storms.

CREATE FUNCTION pulse.fits(wanted jsonb, actual text) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$
	SELECT CASE jsonb_typeof(wanted)
		WHEN 'string' THEN pulse.matches(ARRAY[wanted #>> '{}'], actual)
		WHEN 'array' THEN pulse.matches(ARRAY(SELECT jsonb_array_elements_text(wanted)), actual)
		ELSE wanted IS NULL END
	$$;
COMMENT ON FUNCTION pulse.fits(jsonb, text) IS 'Whether a value fits what a matcher says about its key: a value or pattern, or an array of them; NULL: nothing is said.';

CREATE FUNCTION pulse.matcher_fits(matcher jsonb, rule text, kind text, severity text, portfolio text, symbol text, component text) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$
	SELECT pulse.fits(matcher -> 'rule', rule) AND pulse.fits(matcher -> 'kind', kind) AND pulse.fits(matcher -> 'severity', severity)
		AND pulse.fits(matcher -> 'portfolio', portfolio) AND pulse.fits(matcher -> 'symbol', symbol) AND pulse.fits(matcher -> 'component', component)
	$$;
COMMENT ON FUNCTION pulse.matcher_fits(jsonb, text, text, text, text, text, text) IS 'Whether an alert fits a matcher: every key that it has must.';

CREATE FUNCTION pulse.first_instant(local timestamp, timezone text) RETURNS timestamptz
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
	-- a clock that is set back shows the time twice, and PostgreSQL takes the second one
	SELECT CASE WHEN (t.at - interval '1 hour') AT TIME ZONE timezone = local THEN t.at - interval '1 hour' ELSE t.at END
	FROM (SELECT local AT TIME ZONE timezone AS at) t
	$$;
COMMENT ON FUNCTION pulse.first_instant(timestamp, text) IS
	'The first instant at which the clocks of a zone show a time; where they skip it, the one that is as long after the last they show.';

CREATE FUNCTION pulse.maintenance_now(at timestamptz) RETURNS TABLE (name text, matcher jsonb, until timestamptz)
	LANGUAGE sql STABLE
	AS $$
	SELECT m.name, m.matcher, max(w.ends)
	FROM pulse.maintenance m CROSS JOIN LATERAL (
		SELECT m.starts_at AS starts, m.ends_at AS ends WHERE m.local_time IS NULL
		UNION ALL
		SELECT b.starts, b.starts + m.duration
		FROM (SELECT pulse.first_instant((at AT TIME ZONE m.timezone)::date - d + m.local_time, m.timezone) AS starts,
				extract(isodow FROM (at AT TIME ZONE m.timezone)::date - d)::integer AS day
			  FROM generate_series(-1, 8) d) b
		WHERE m.local_time IS NOT NULL AND (m.days IS NULL OR b.day = ANY (m.days))
			AND b.starts >= coalesce(m.starts_at, '-infinity') AND b.starts < coalesce(m.ends_at, 'infinity')) w
	WHERE m.enabled AND w.starts <= at AND w.ends > at
	GROUP BY m.name, m.matcher
	$$;
COMMENT ON FUNCTION pulse.maintenance_now(timestamptz) IS 'Maintenance that is under way at a time, and until when.';

CREATE FUNCTION pulse.mute_alerts(at timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_custom_plan
	AS $$
BEGIN
	WITH inhibitors AS MATERIALIZED (
		SELECT r.name AS rule, i.name AS inhibitor FROM pulse.alert_rule r JOIN pulse.alert_rule i ON i.name <> r.name AND pulse.matches(r.inhibited_by, i.name)
		WHERE r.inhibited_by IS NOT NULL
	), silences AS MATERIALIZED (
		SELECT s.silence_id, s.matcher, s.until FROM pulse.silence s WHERE s.ended_at IS NULL AND s.starts_at <= at AND s.until > at
	), works AS MATERIALIZED (
		SELECT * FROM pulse.maintenance_now(at)
	), looked AS MATERIALIZED (
		-- what is to be told now, and what was muted a while ago
		SELECT a.alert_id, a.rule, a.kind, a.severity, a.portfolio, a.symbol, a.component FROM pulse.alert a
			WHERE (a.recheck_at IS NULL OR a.recheck_at <= at)
				AND (a.tell OR (a.state <> 'resolved' AND a.next_at <= at AND a.state = 'firing' AND (a.remind_at <= at OR a.escalate_at <= at)))
		UNION
		SELECT a.alert_id, a.rule, a.kind, a.severity, a.portfolio, a.symbol, a.component FROM pulse.alert a
			WHERE a.state <> 'resolved' AND a.muted_by IS NOT NULL AND (a.recheck_at IS NULL OR a.recheck_at <= at)
	), judged AS MATERIALIZED (
		SELECT l.alert_id, s.silence_id, CASE WHEN s.silence_id IS NOT NULL THEN 'silence ' || s.silence_id WHEN w.name IS NOT NULL THEN 'maintenance ' || w.name
			WHEN i.rule IS NOT NULL THEN 'inhibited by ' || i.rule WHEN r.name IS NOT NULL AND NOT r.awake THEN 'outside of the active hours' END AS reason
		FROM looked l
		LEFT JOIN LATERAL (SELECT x.silence_id FROM silences x WHERE pulse.matcher_fits(x.matcher, l.rule, l.kind, l.severity, l.portfolio, l.symbol, l.component)
						   ORDER BY x.until DESC, x.silence_id LIMIT 1) s ON true
		LEFT JOIN LATERAL (SELECT x.name FROM works x WHERE pulse.matcher_fits(x.matcher, l.rule, l.kind, l.severity, l.portfolio, l.symbol, l.component)
						   ORDER BY x.until DESC, x.name LIMIT 1) w ON s.silence_id IS NULL
		LEFT JOIN LATERAL (SELECT x.rule FROM inhibitors h JOIN pulse.alert x ON x.rule = h.inhibitor AND x.portfolio IN ('', l.portfolio)
								AND (x.symbol = '' OR x.symbol = l.symbol) AND x.state <> 'resolved' AND x.state <> 'pending'
						   WHERE h.rule = l.rule ORDER BY x.rule LIMIT 1) i ON s.silence_id IS NULL AND w.name IS NULL
		LEFT JOIN LATERAL (SELECT x.rule AS name, x.awake FROM pulse.alert_rule_state x WHERE x.rule = l.rule) r ON true
	)
	UPDATE pulse.alert a SET silenced_by = j.silence_id, muted_by = j.reason, recheck_at = CASE WHEN j.reason IS NOT NULL THEN at + interval '10 seconds' END
		FROM judged j
		WHERE a.alert_id = j.alert_id AND (j.reason IS NOT NULL OR a.muted_by IS NOT NULL OR a.recheck_at IS NOT NULL);
	-- the end of what nobody was told of, or does not want to be told of, is no news; reminders go on when the muting is over
	UPDATE pulse.alert a SET tell = false, recheck_at = NULL WHERE a.tell AND a.muted_by IS NOT NULL AND a.state = 'resolved';
	UPDATE pulse.alert a SET remind_at = at + r.remind_every FROM pulse.alert_rule r
		WHERE r.name = a.rule AND a.muted_by IS NOT NULL AND a.state = 'firing' AND a.next_at <= at AND a.remind_at <= at;
	UPDATE pulse.alert a SET escalate_at = at + r.escalate_after FROM pulse.alert_rule r
		WHERE r.name = a.rule AND a.muted_by IS NOT NULL AND a.state = 'firing' AND a.next_at <= at AND a.escalate_at <= at;
END
$$;
COMMENT ON FUNCTION pulse.mute_alerts(timestamptz) IS
	'Decides for every alert that has something to tell, and again every ten seconds for those that are muted, whether a silence, maintenance, an inhibiting rule or the hours of its rule keep it quiet.';

CREATE FUNCTION pulse.alert_data(a pulse.alert, state text) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('alert_id', (a).alert_id, 'rule', (a).rule, 'kind', (a).kind, 'state', state,
		'portfolio', nullif((a).portfolio, ''), 'symbol', nullif((a).symbol, ''), 'component', nullif((a).component, ''),
		'value', pulse.json_number((a).value), 'threshold', pulse.json_number((a).threshold), 'since', pulse.json_time((a).since),
		'count', (a).count, 'flapping', CASE WHEN (a).flapping THEN true END))
	$$;
COMMENT ON FUNCTION pulse.alert_data(pulse.alert, text) IS 'Data of the message about an alert.';

CREATE FUNCTION pulse.tell_storm(at timestamptz, storm_at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	allowed bigint := pulse.config_integer('alerts.storm_count');
	span interval := pulse.config_interval('alerts.storm_window');
	begun bigint;
	lines text;
BEGIN
	SELECT count(*) INTO begun FROM (SELECT FROM pulse.alert_history h
		WHERE h.at > tell_storm.at - span AND h.at <= tell_storm.at AND h.transition = 'fired' AND h.kind <> 'TRADE' LIMIT 1000000) n;
	IF storm_at IS NULL AND begun >= allowed THEN
		SELECT string_agg(format('%s: %s', r.title, r.n), E'\n' ORDER BY r.n DESC, r.title) INTO lines FROM (
			SELECT coalesce(u.title, h.rule) AS title, count(*) AS n FROM pulse.alert_history h LEFT JOIN pulse.alert_rule u ON u.name = h.rule
			WHERE h.at > tell_storm.at - span AND h.at <= tell_storm.at AND h.transition = 'fired' AND h.kind <> 'TRADE'
			GROUP BY 1 ORDER BY 2 DESC LIMIT 10) r;
		PERFORM pulse.enqueue('SYSTEM', 'CRITICAL', NULL, format('Alert storm: %s alerts', begun),
			format(E'%s alerts began within %s:\n%s', begun, span, lines),
			jsonb_build_object('rule', 'alert_storm', 'state', 'firing', 'escalate', true, 'count', begun, 'value', begun, 'threshold', allowed,
				'since', pulse.json_time(at)), 'alert storm ' || extract(epoch FROM at), at);
		RETURN at;
	ELSIF storm_at IS NOT NULL AND begun < (allowed + 1) / 2 THEN
		PERFORM pulse.enqueue('SYSTEM', 'LOW', NULL, 'Alert storm is over', format('It began at %s.', to_char(storm_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')),
			jsonb_build_object('rule', 'alert_storm', 'state', 'resolved', 'count', begun, 'value', begun, 'threshold', allowed, 'since', pulse.json_time(storm_at)),
			'alert storm over ' || extract(epoch FROM at), at);
		RETURN NULL;
	END IF;
	RETURN storm_at;
END
$$;
COMMENT ON FUNCTION pulse.tell_storm(timestamptz, timestamptz) IS
	'Escalates when too many alerts begin at a time, once, and says when that is over; returns since when there has been a storm, or NULL.';

CREATE FUNCTION pulse.tell_alerts(at timestamptz, storm_at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SET plan_cache_mode = force_custom_plan
	AS $$
DECLARE
	told record;
	id bigint;
	group_size bigint;
BEGIN
	IF NOT EXISTS (SELECT FROM pulse.alert a WHERE a.tell)
		AND NOT EXISTS (SELECT FROM pulse.alert a WHERE a.state <> 'resolved' AND a.next_at <= at)
		AND NOT EXISTS (SELECT FROM pulse.alert a WHERE a.state <> 'resolved' AND a.muted_by IS NOT NULL) THEN
		RETURN CASE WHEN storm_at IS NOT NULL THEN pulse.tell_storm(at, storm_at) END;
	END IF;
	PERFORM pulse.mute_alerts(at);
	group_size := pulse.config_integer('alerts.group_size');
	storm_at := pulse.tell_storm(at, storm_at);
	FOR told IN
		WITH due AS MATERIALIZED (
			SELECT a, r.title AS heading, to_jsonb(r.route) AS route, n.news,
				CASE WHEN n.news = 'resolved' THEN 'LOW' ELSE a.severity END AS priority,
				concat_ws(E'\x1f', n.news = 'resolved', n.news = 'escalated', CASE WHEN coalesce('rule' = ANY (r.group_by), true) THEN a.rule END,
					CASE WHEN 'kind' = ANY (r.group_by) THEN a.kind END, CASE WHEN 'severity' = ANY (r.group_by) THEN a.severity END,
					CASE WHEN 'portfolio' = ANY (r.group_by) THEN a.portfolio END, CASE WHEN 'symbol' = ANY (r.group_by) THEN a.symbol END,
					CASE WHEN 'component' = ANY (r.group_by) THEN a.component END) AS grouping
			FROM pulse.alert a LEFT JOIN pulse.alert_rule r ON r.name = a.rule
			CROSS JOIN LATERAL (SELECT CASE
				WHEN a.tell AND a.resolution = 'momentary' THEN 'fired' WHEN a.tell AND a.state = 'resolved' THEN 'resolved' WHEN a.tell AND a.told_level IS NULL THEN 'fired'
				WHEN a.tell AND a.told_level > a.level THEN 'lowered' WHEN a.tell THEN 'raised'
				WHEN a.state = 'firing' AND a.escalate_at <= at THEN 'escalated' WHEN a.state = 'firing' AND a.remind_at <= at THEN 'reminded' END AS news) n
			WHERE (a.tell OR (a.state = 'firing' AND a.next_at <= at)) AND a.muted_by IS NULL AND n.news IS NOT NULL
				AND (a.tell OR coalesce(r.notify, false))
		), counted AS (
			SELECT d.*, count(*) OVER (PARTITION BY d.grouping) AS companions FROM due d
		)
		SELECT c.companions >= group_size AS together, count(*) AS n, array_agg(c.a ORDER BY (c.a).level DESC, (c.a).alert_id) AS alerts, array_agg(c.news ORDER BY (c.a).level DESC, (c.a).alert_id) AS news,
			array_agg((c.a).alert_id ORDER BY (c.a).level DESC, (c.a).alert_id) AS ids,
			min(c.priority) FILTER (WHERE c.priority = 'CRITICAL') AS critical, min(c.priority) FILTER (WHERE c.priority = 'HIGH') AS high,
			min(c.priority) FILTER (WHERE c.priority = 'MEDIUM') AS medium, max(c.heading) AS heading, (array_agg(c.route ORDER BY (c.a).alert_id))[1] AS route
		FROM counted c
		GROUP BY c.grouping, c.companions, CASE WHEN c.companions < group_size THEN (c.a).alert_id END
		ORDER BY min(CASE c.priority WHEN 'CRITICAL' THEN 1 WHEN 'HIGH' THEN 2 WHEN 'MEDIUM' THEN 3 ELSE 4 END), min((c.a).alert_id)
	LOOP
		IF told.together THEN
			id := pulse.tell_group(at, told.alerts, told.news, coalesce(told.critical, told.high, told.medium, 'LOW'), told.heading, told.route);
		ELSE
			id := pulse.tell_one(at, told.alerts[1], told.news[1], told.route);
		END IF;
		-- each alert has an event of its own, from its history
		UPDATE pulse.delivery d SET event_seq = 0 WHERE d.delivery_id = id AND d.event_seq IS NULL;
		PERFORM pulse.alerts_told(at, told.ids, told.news);
	END LOOP;
	RETURN storm_at;
END
$$;
COMMENT ON FUNCTION pulse.tell_alerts(timestamptz, timestamptz) IS
	'Tells people what they do not know yet: new, graver, milder and resolved alerts, reminders and escalations; many of a group in one message. Returns since when there has been a storm.';

CREATE FUNCTION pulse.tell_one(at timestamptz, a pulse.alert, news text, route jsonb) RETURNS bigint
	LANGUAGE sql VOLATILE
	AS $$
	SELECT pulse.enqueue((a).kind, CASE WHEN news = 'resolved' THEN 'LOW' ELSE (a).severity END, nullif((a).portfolio, ''),
		CASE news WHEN 'resolved' THEN 'Resolved: ' WHEN 'reminded' THEN 'Still: ' WHEN 'escalated' THEN 'Not acknowledged: ' WHEN 'lowered' THEN 'Less grave: ' ELSE '' END || (a).title,
		CASE WHEN news = 'resolved' THEN format('It lasted %s.', date_trunc('second', coalesce((a).resolved_at, at) - (a).since))
			ELSE (a).message || CASE WHEN news IN ('reminded', 'escalated') THEN format(E'\nsince %s UTC', to_char((a).since AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')) ELSE '' END END
			|| CASE WHEN (a).flapping THEN format(E'\nIt comes and goes: %s times so far. It now stays until it is quiet.', (a).count) ELSE '' END,
		pulse.alert_data(a, CASE WHEN news = 'resolved' THEN 'resolved' WHEN (a).resolution = 'momentary' THEN 'firing' ELSE (a).state END)
			|| jsonb_strip_nulls(jsonb_build_object('escalate', CASE WHEN news = 'escalated' THEN true END, 'sinks', route, 'news', news)),
		concat_ws(':', 'alert', (a).alert_id, news, (a).level, extract(epoch FROM at)), at)
	$$;
COMMENT ON FUNCTION pulse.tell_one(timestamptz, pulse.alert, text, jsonb) IS 'Sends the message about one alert.';

CREATE FUNCTION pulse.tell_group(at timestamptz, alerts pulse.alert[], news text[], priority text, heading text, route jsonb) RETURNS bigint
	LANGUAGE sql VOLATILE
	AS $$
	SELECT pulse.enqueue((alerts[1]).kind, priority, CASE WHEN min(a.portfolio) = max(a.portfolio) THEN nullif(min(a.portfolio), '') END,
		CASE news[1] WHEN 'resolved' THEN 'Resolved: ' WHEN 'escalated' THEN 'Not acknowledged: ' ELSE '' END
			|| format('%s: %s alerts', CASE WHEN min(a.rule) = max(a.rule) THEN coalesce(heading, min(a.rule)) ELSE 'Several rules' END, count(*)),
		string_agg(CASE WHEN a.nr <= 10 THEN format('%s: %s', a.title, left(replace(a.message, E'\n', '; '), 150)) WHEN a.nr = 11 THEN format('and %s more', cardinality(alerts) - 10) END, E'\n' ORDER BY a.nr),
		jsonb_strip_nulls(jsonb_build_object('rule', CASE WHEN min(a.rule) = max(a.rule) THEN min(a.rule) END,
			'state', CASE WHEN news[1] = 'resolved' THEN 'resolved' ELSE 'firing' END, 'count', count(*),
			'alerts', jsonb_agg(a.alert_id ORDER BY a.nr) FILTER (WHERE a.nr <= 1000), 'since', pulse.json_time(min(a.since)),
			'escalate', CASE WHEN news[1] = 'escalated' THEN true END, 'sinks', route, 'news', news[1])),
		concat_ws(':', 'alerts', min(a.alert_id), max(a.alert_id), news[1], extract(epoch FROM at)), at)
	FROM unnest(alerts) WITH ORDINALITY a (alert_id, rule, kind, portfolio, symbol, component, state, severity, level, condition, flapping, title, message, note, value,
		warning, critical, threshold, since, updated_at, breached_at, critical_at, eased_at, cleared_at, fired_at, firings, count, acknowledged_by, acknowledged_at,
		resolved_at, resolution, due_at, remind_at, escalate_at, next_at, tell, told_at, told_level, silenced_by, muted_by, recheck_at, nr)
	$$;
COMMENT ON FUNCTION pulse.tell_group(timestamptz, pulse.alert[], text[], text, text, jsonb) IS 'Sends one message about many alerts.';

CREATE FUNCTION pulse.alerts_told(at timestamptz, ids bigint[], news text[]) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	WITH n AS MATERIALIZED (SELECT u.alert_id, u.news, r.remind_every FROM unnest($2, $3) AS u (alert_id, news)
		JOIN pulse.alert l ON l.alert_id = u.alert_id LEFT JOIN pulse.alert_rule r ON r.name = l.rule),
	told AS (
		UPDATE pulse.alert a SET tell = false, told_at = $1, told_level = a.level,
			remind_at = CASE WHEN a.state = 'firing' AND n.news IN ('reminded', 'escalated') THEN $1 + n.remind_every ELSE a.remind_at END,
			escalate_at = CASE WHEN n.news = 'escalated' THEN NULL ELSE a.escalate_at END
			FROM n WHERE a.alert_id = n.alert_id
			RETURNING a, n.news
	)
	INSERT INTO pulse.alert_history (alert_id, at, transition, state, rule, kind, severity, portfolio, symbol, component, title, message, value, threshold, since, count)
		SELECT (t.a).alert_id, $1, t.news, (t.a).state, (t.a).rule, (t.a).kind, (t.a).severity, (t.a).portfolio, (t.a).symbol, (t.a).component, (t.a).title, (t.a).message,
			(t.a).value, (t.a).threshold, (t.a).since, (t.a).count
		FROM told t WHERE t.news IN ('reminded', 'escalated')
	$$;
COMMENT ON FUNCTION pulse.alerts_told(timestamptz, bigint[], text[]) IS 'Notes what people have been told, and when they are told again.';
-- What people do with alerts: look at them, acknowledge, silence, plan maintenance.

CREATE FUNCTION pulse.portfolio_visible(portfolio text) RETURNS boolean
	LANGUAGE sql STABLE
	AS $$
	SELECT EXISTS (SELECT FROM pulse.source s WHERE s.state = 'active' AND pulse.readable(s.source_id, $1))
	$$;
COMMENT ON FUNCTION pulse.portfolio_visible(text) IS
	'Whether the current user sees a row of the portfolio in one of the followed tables.';

-- What is about a portfolio is for those who see it; what is about the system for those who may read all events.
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['alert', 'alert_history', 'threshold_history', 'alert_band', 'alert_regime'] LOOP
		EXECUTE format('ALTER TABLE pulse.%I ENABLE ROW LEVEL SECURITY', name);
		EXECUTE format('CREATE POLICY visible ON pulse.%I FOR SELECT USING (CASE portfolio WHEN '''' '
			'THEN pg_catalog.has_table_privilege(''pulse.event'', ''SELECT'') ELSE pulse.portfolio_visible(portfolio) END)', name);
	END LOOP;
END
$$;
GRANT SELECT ON pulse.alert, pulse.alert_history TO PUBLIC;
ALTER TABLE pulse.acknowledgement ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON pulse.acknowledgement FOR SELECT USING (EXISTS (SELECT FROM pulse.alert a WHERE a.alert_id = acknowledgement.alert_id));
CREATE POLICY acknowledge ON pulse.acknowledgement FOR INSERT WITH CHECK (
	role = session_user AND EXISTS (SELECT FROM pulse.alert a WHERE a.alert_id = acknowledgement.alert_id));

CREATE FUNCTION pulse.acknowledge() RETURNS trigger
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	a pulse.alert;
BEGIN
	UPDATE pulse.alert x SET state = 'acknowledged', acknowledged_by = NEW.actor, acknowledged_at = NEW.at, updated_at = NEW.at, remind_at = NULL, escalate_at = NULL
		WHERE x.alert_id = NEW.alert_id AND x.state = 'firing' RETURNING x.* INTO a;
	IF NOT FOUND THEN
		RETURN NULL;
	END IF;
	INSERT INTO pulse.alert_history (alert_id, at, transition, state, rule, kind, severity, portfolio, symbol, component, title, message, value, threshold, since, count, actor, note)
		VALUES (a.alert_id, NEW.at, 'acknowledged', a.state, a.rule, a.kind, a.severity, a.portfolio, a.symbol, a.component, a.title, a.message, a.value, a.threshold, a.since,
				a.count, NEW.actor, NEW.note);
	RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION pulse.acknowledge() FROM PUBLIC;
COMMENT ON FUNCTION pulse.acknowledge() IS 'Acknowledges an alert that fires; a row about any other one is not kept.';
CREATE TRIGGER acknowledge BEFORE INSERT ON pulse.acknowledgement FOR EACH ROW EXECUTE FUNCTION pulse.acknowledge();

CREATE FUNCTION pulse.acknowledge_alert(alert_id bigint, by text, note text, at timestamptz) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
BEGIN
	IF coalesce(by, '') = '' OR length(by) > 200 THEN
		RAISE EXCEPTION 'whoever acknowledges needs a name of at most 200 characters' USING ERRCODE = 'invalid_parameter_value';
	ELSIF length(note) > 2000 THEN
		RAISE EXCEPTION 'note is too long' USING ERRCODE = 'invalid_parameter_value', DETAIL = 'It may have 2000 characters.';
	ELSIF NOT EXISTS (SELECT FROM pulse.alert a WHERE a.alert_id = alert_id) THEN
		RETURN false;
	END IF;
	INSERT INTO pulse.acknowledgement (alert_id, actor, note, at) VALUES (alert_id, by, note, coalesce(at, now()));
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION pulse.acknowledge_alert(bigint, text, text, timestamptz) IS 'Body of pulse_ack().';

CREATE FUNCTION pulse_ack(alert_id bigint, by text DEFAULT session_user, note text DEFAULT NULL, at timestamptz DEFAULT NULL) RETURNS boolean
	LANGUAGE sql VOLATILE AS $$ SELECT pulse.acknowledge_alert($1, $2, $3, $4) $$;
COMMENT ON FUNCTION pulse_ack(bigint, text, text, timestamptz) IS
	'Acknowledges an alert that fires: somebody takes care of it, so it is neither repeated nor escalated; it fires again when it becomes graver. Who did it is kept: by, and the role that was logged in. at NULL: now. False when there is no such alert that you may see, or it does not fire. Operators and up; error 22023 for an empty name.';

CREATE FUNCTION pulse.check_matcher(matcher jsonb) RETURNS void
	LANGUAGE plpgsql IMMUTABLE
	AS $$
DECLARE
	item record;
BEGIN
	IF matcher IS NULL OR jsonb_typeof(matcher) <> 'object' THEN
		RAISE EXCEPTION 'a matcher is a JSON object' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'For example {"rule": "high_*", "portfolio": ["main", "test"]}.';
	END IF;
	FOR item IN SELECT e.key, e.value FROM jsonb_each(matcher) e LOOP
		IF item.key NOT IN ('rule', 'kind', 'severity', 'portfolio', 'symbol', 'component') THEN
			RAISE EXCEPTION 'unknown key in a matcher: %', quote_literal(left(item.key, 100)) USING ERRCODE = 'invalid_parameter_value',
				HINT = 'There are rule, kind, severity, portfolio, symbol and component.';
		ELSIF jsonb_typeof(item.value) = 'array' THEN
			IF jsonb_array_length(item.value) NOT BETWEEN 1 AND 100
				OR EXISTS (SELECT FROM jsonb_array_elements(item.value) x WHERE jsonb_typeof(x) <> 'string' OR length(x #>> '{}') > 200) THEN
				RAISE EXCEPTION 'an array in a matcher has 1 to 100 texts of at most 200 characters' USING ERRCODE = 'invalid_parameter_value';
			END IF;
		ELSIF jsonb_typeof(item.value) <> 'string' OR length(item.value #>> '{}') > 200 THEN
			RAISE EXCEPTION 'a value in a matcher is a text of at most 200 characters, or an array of them' USING ERRCODE = 'invalid_parameter_value';
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.check_matcher(jsonb) IS 'Refuses what is no matcher, with error 22023.';

CREATE FUNCTION pulse_silence(matcher jsonb, until timestamptz, by text DEFAULT session_user, reason text DEFAULT NULL,
							  starts_at timestamptz DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	id bigint;
	begins timestamptz := coalesce(starts_at, now());
BEGIN
	PERFORM pulse.check_matcher(matcher);
	IF coalesce(by, '') = '' OR length(by) > 200 OR length(reason) > 2000 THEN
		RAISE EXCEPTION 'a silence needs a name of at most 200 characters, its reason may have 2000' USING ERRCODE = 'invalid_parameter_value';
	ELSIF until IS NULL OR NOT isfinite(until) OR until <= begins THEN
		RAISE EXCEPTION 'a silence must end after it begins' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give the time of its end, for example now() + interval ''2 hours''. What shall never be told is better disabled: pulse_alert_rule_set(name, notify => false).';
	END IF;
	INSERT INTO pulse.silence (matcher, starts_at, until, reason, created_by) VALUES (matcher, begins, until, reason, by) RETURNING silence_id INTO id;
	IF begins <= now() THEN
		UPDATE pulse.alert a SET silenced_by = id, muted_by = 'silence ' || id, recheck_at = now() + interval '10 seconds'
			WHERE a.state <> 'resolved' AND a.silenced_by IS NULL
				AND pulse.matcher_fits(matcher, a.rule, a.kind, a.severity, a.portfolio, a.symbol, a.component);
	END IF;
	RETURN id;
END
$$;
COMMENT ON FUNCTION pulse_silence(jsonb, timestamptz, text, text, timestamptz) IS
	'Keeps alerts quiet until a time: they are listed and streamed, but nobody is told; those that still fire then are told. matcher has rule, kind, severity, portfolio, symbol, component with a value, an array of values, or patterns with *; all that it has must fit; {} fits everything. Returns the number of the silence. It is not limited to portfolios that you see. Operators and up; error 22023 for a bad matcher or time.';

CREATE FUNCTION pulse_unsilence(silence_id bigint, by text DEFAULT session_user) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
BEGIN
	UPDATE pulse.silence s SET ended_at = now(), ended_by = by WHERE s.silence_id = silence_id AND s.ended_at IS NULL AND s.until > now();
	IF NOT FOUND THEN
		RETURN false;
	END IF;
	UPDATE pulse.alert a SET recheck_at = NULL WHERE a.state <> 'resolved' AND a.silenced_by = silence_id;
	RETURN true;
END
$$;
COMMENT ON FUNCTION pulse_unsilence(bigint, text) IS
	'Ends a silence before its time; who did it is kept. False when there is none of that number that still lasts. Operators and up.';

CREATE FUNCTION pulse_silences("all" boolean DEFAULT false)
	RETURNS TABLE (silence_id bigint, matcher jsonb, starts_at timestamptz, until timestamptz, created_by text, reason text, active boolean,
				   ended_at timestamptz, ended_by text, alerts bigint)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.silence_id, s.matcher, s.starts_at, s.until, s.created_by, s.reason, s.ended_at IS NULL AND s.starts_at <= now() AND s.until > now(), s.ended_at, s.ended_by,
		(SELECT count(*) FROM pulse.alert a WHERE a.state <> 'resolved' AND a.silenced_by = s.silence_id)
	FROM pulse.silence s WHERE $1 OR (s.ended_at IS NULL AND s.until > now())
	ORDER BY s.until DESC, s.silence_id DESC
	$$;
COMMENT ON FUNCTION pulse_silences(boolean) IS
	'Silences that last or are to come, or all that are kept; alerts: how many they keep quiet now, of those that you may see. Readers and up.';

CREATE FUNCTION pulse_maintenance_set(name text, matcher jsonb DEFAULT NULL, starts_at timestamptz DEFAULT NULL, ends_at timestamptz DEFAULT NULL,
									  local_time time DEFAULT NULL, duration interval DEFAULT NULL, days integer[] DEFAULT NULL,
									  timezone text DEFAULT NULL, reason text DEFAULT NULL, enabled boolean DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	m pulse.maintenance;
BEGIN
	IF coalesce(name, '') = '' OR length(name) > 100 OR length(reason) > 2000 THEN
		RAISE EXCEPTION 'maintenance needs a name of at most 100 characters, its reason may have 2000' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT x.* INTO m FROM pulse.maintenance x WHERE x.name = name;
	m.name := name;
	m.matcher := coalesce(matcher, m.matcher, '{}');
	m.starts_at := coalesce(starts_at, m.starts_at);
	m.ends_at := coalesce(ends_at, m.ends_at);
	m.local_time := coalesce(local_time, m.local_time);
	m.duration := coalesce(duration, m.duration);
	m.days := nullif(coalesce(days, m.days), '{}');
	m.timezone := coalesce(timezone, m.timezone, 'UTC');
	PERFORM pulse.check_matcher(m.matcher);
	PERFORM pulse.check_timezone(m.timezone);
	IF m.local_time IS NULL AND (m.days IS NOT NULL OR m.duration IS NOT NULL) THEN
		RAISE EXCEPTION 'maintenance that recurs needs a local_time' USING ERRCODE = 'invalid_parameter_value';
	ELSIF m.local_time IS NULL AND (m.starts_at IS NULL OR m.ends_at IS NULL OR m.ends_at <= m.starts_at) THEN
		RAISE EXCEPTION 'maintenance needs a beginning and an end' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Give starts_at and ends_at; or, when it recurs, local_time, duration, and perhaps days and timezone.';
	ELSIF m.local_time IS NOT NULL AND (m.duration IS NULL OR m.duration <= interval '0' OR m.duration > interval '7 days') THEN
		RAISE EXCEPTION 'maintenance that recurs needs a duration of at most 7 days' USING ERRCODE = 'invalid_parameter_value';
	ELSIF NOT m.days <@ '{1,2,3,4,5,6,7}' THEN
		RAISE EXCEPTION 'days are numbers from 1 (Monday) to 7' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	INSERT INTO pulse.maintenance AS x (name, matcher, starts_at, ends_at, days, local_time, duration, timezone, reason, enabled)
		VALUES (m.name, m.matcher, m.starts_at, m.ends_at, m.days, m.local_time, m.duration, m.timezone, coalesce(reason, m.reason), coalesce(enabled, m.enabled, true))
		ON CONFLICT ON CONSTRAINT maintenance_pkey DO UPDATE SET matcher = excluded.matcher, starts_at = excluded.starts_at, ends_at = excluded.ends_at, days = excluded.days,
			local_time = excluded.local_time, duration = excluded.duration, timezone = excluded.timezone, reason = excluded.reason, enabled = excluded.enabled,
			updated_at = now(), updated_by = session_user;
END
$$;
COMMENT ON FUNCTION pulse_maintenance_set(text, jsonb, timestamptz, timestamptz, time, interval, integer[], text, text, boolean) IS
	'Plans maintenance, in which the alerts that fit are not told, or changes it: once, from starts_at to ends_at, or again and again at local_time by the clocks of timezone, on some days (1 Monday to 7; all), for a duration. A time that the clocks skip is taken an hour later, one that they show twice the first time. What is left out stays as it is. Operators and up; error 22023 for what makes no sense.';

CREATE FUNCTION pulse_maintenance_drop(name text) RETURNS boolean
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM pulse.maintenance m WHERE m.name = pulse_maintenance_drop.name;
	RETURN FOUND;
END
$$;
COMMENT ON FUNCTION pulse_maintenance_drop(text) IS 'Removes planned maintenance; false when there is none of that name. Operators and up.';

CREATE FUNCTION pulse_maintenance()
	RETURNS TABLE (name text, matcher jsonb, starts_at timestamptz, ends_at timestamptz, days integer[], local_time time, duration interval, timezone text,
				   reason text, enabled boolean, active boolean, active_until timestamptz)
	LANGUAGE sql STABLE
	AS $$
	SELECT m.name, m.matcher, m.starts_at, m.ends_at, m.days, m.local_time, m.duration, m.timezone, m.reason, m.enabled, n.name IS NOT NULL, n.until
	FROM pulse.maintenance m LEFT JOIN pulse.maintenance_now(now()) n ON n.name = m.name
	ORDER BY m.name
	$$;
COMMENT ON FUNCTION pulse_maintenance() IS 'Planned maintenance, and whether it is under way. Readers and up.';

CREATE FUNCTION pulse.check_alert_state(state text) RETURNS text
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	IF lower(state) IN ('active', 'pending', 'firing', 'acknowledged', 'resolved', 'all') THEN
		RETURN lower(state);
	END IF;
	RAISE EXCEPTION 'unknown state of alerts: %', coalesce(quote_literal(state), 'NULL') USING ERRCODE = 'invalid_parameter_value',
		HINT = 'Use active, pending, firing, acknowledged, resolved or all.';
END
$$;
COMMENT ON FUNCTION pulse.check_alert_state(text) IS 'A state that pulse_alerts() knows, in lower case; error 22023 for anything else.';

CREATE FUNCTION pulse_alerts(state text DEFAULT 'active', since timestamptz DEFAULT NULL, portfolio text DEFAULT NULL)
	RETURNS TABLE (alert_id bigint, rule text, kind text, severity text, state text, portfolio text, symbol text, title text, message text,
				   value double precision, threshold double precision, since timestamptz, updated_at timestamptz, count bigint,
				   acknowledged_by text, acknowledged_at timestamptz, resolved_at timestamptz, silenced_by bigint, component text, muted_by text,
				   flapping boolean)
	LANGUAGE sql STABLE
	AS $$
	SELECT a.alert_id, a.rule, a.kind, a.severity, a.state, nullif(a.portfolio, ''), nullif(a.symbol, ''), a.title, a.message, a.value, a.threshold, a.since, a.updated_at,
		a.count, a.acknowledged_by, a.acknowledged_at, a.resolved_at, a.silenced_by, nullif(a.component, ''), a.muted_by, a.flapping
	FROM pulse.alert a CROSS JOIN (SELECT pulse.check_alert_state($1) AS state OFFSET 0) w
	WHERE CASE w.state WHEN 'all' THEN true WHEN 'active' THEN a.state IN ('firing', 'acknowledged') ELSE a.state = w.state END
		AND ($2 IS NULL OR a.updated_at >= $2) AND ($3 IS NULL OR a.portfolio IN ('', $3))
	ORDER BY a.state = 'resolved', CASE a.severity WHEN 'CRITICAL' THEN 1 WHEN 'HIGH' THEN 2 WHEN 'MEDIUM' THEN 3 ELSE 4 END, a.updated_at DESC, a.alert_id DESC
	$$;
COMMENT ON FUNCTION pulse_alerts(text, timestamptz, text) IS
	'Alerts, the gravest first: active ones (firing or acknowledged), those of one state (pending, firing, acknowledged, resolved), or all; since: only those that something happened to since then; portfolio: only those about it and about the system. value is the newest, threshold that of its level, since when the value has been bad, count how often it fired within flap_window, muted_by why nobody is told (a silence, maintenance, an inhibiting rule). You see alerts about portfolios that you may read, and those about the system if you may read pulse.event. Error 22023 for another state.';

CREATE FUNCTION pulse_alert_history(alert_id bigint DEFAULT NULL, since timestamptz DEFAULT NULL, portfolio text DEFAULT NULL, max_rows integer DEFAULT 1000)
	RETURNS TABLE (at timestamptz, alert_id bigint, rule text, transition text, state text, severity text, portfolio text, symbol text, component text, title text,
				   message text, value double precision, threshold double precision, since timestamptz, count bigint, actor text, note text)
	LANGUAGE sql STABLE
	AS $$
	SELECT h.at, h.alert_id, h.rule, h.transition, h.state, h.severity, nullif(h.portfolio, ''), nullif(h.symbol, ''), nullif(h.component, ''), h.title, h.message, h.value,
		h.threshold, h.since, h.count, h.actor, h.note
	FROM pulse.alert_history h
	WHERE ($1 IS NULL OR h.alert_id = $1) AND ($2 IS NULL OR h.at >= $2) AND ($3 IS NULL OR h.portfolio = $3)
	ORDER BY h.history_id DESC LIMIT greatest(least($4, 100000), 0)
	$$;
COMMENT ON FUNCTION pulse_alert_history(bigint, timestamptz, text, integer) IS
	'What happened to alerts, newest first: of one alert, since a time, of a portfolio; actor and note: who acknowledged it and what he said. You see what pulse_alerts() would show you.';

CREATE FUNCTION pulse.alert_event(h pulse.alert_history) RETURNS jsonb
	LANGUAGE sql STABLE PARALLEL SAFE
	AS $$
	SELECT jsonb_build_object('alert_id', (h).alert_id, 'rule', (h).rule, 'kind', (h).kind, 'severity', (h).severity,
		'state', CASE WHEN (h).transition = 'fired' THEN 'firing' ELSE (h).state END, 'transition', (h).transition,
		'title', (h).title, 'message', (h).message, 'value', pulse.json_number((h).value), 'threshold', pulse.json_number((h).threshold),
		'since', pulse.json_time((h).since), 'count', (h).count, 'portfolio', nullif((h).portfolio, ''), 'symbol', nullif((h).symbol, ''),
		'component', nullif((h).component, ''), 'by', (h).actor)
	$$;
COMMENT ON FUNCTION pulse.alert_event(pulse.alert_history) IS 'Data of the SYSTEM_ALERT event about something that happened to an alert.';

CREATE FUNCTION pulse.trim_alerts(at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	oldest timestamptz := at - pulse.config_interval('alerts.retention');
	batch CONSTANT integer := 5000;
	removed bigint := 0;
	n bigint;
BEGIN
	DELETE FROM pulse.alert a WHERE a.ctid = ANY (ARRAY(SELECT o.ctid FROM pulse.alert o WHERE o.state = 'resolved' AND o.resolved_at < oldest LIMIT batch));
	GET DIAGNOSTICS n = ROW_COUNT;
	removed := greatest(removed, n);
	DELETE FROM pulse.alert_history h WHERE h.ctid = ANY (ARRAY(SELECT o.ctid FROM pulse.alert_history o WHERE o.at < oldest AND o.event_seq IS NOT NULL LIMIT batch));
	GET DIAGNOSTICS n = ROW_COUNT;
	removed := greatest(removed, n);
	DELETE FROM pulse.acknowledgement k WHERE k.at < oldest;
	DELETE FROM pulse.silence s WHERE coalesce(s.ended_at, s.until) < oldest;
	DELETE FROM pulse.threshold_history t WHERE t.ctid = ANY (ARRAY(SELECT o.ctid FROM pulse.threshold_history o
		WHERE o.at < trim_alerts.at - pulse.config_interval('alerts.threshold_retention') LIMIT batch));
	GET DIAGNOSTICS n = ROW_COUNT;
	removed := greatest(removed, n);
	DELETE FROM pulse.alert_band b WHERE b.sampled_at < oldest;
	RETURN CASE WHEN removed >= batch THEN at END;
END
$$;
REVOKE ALL ON FUNCTION pulse.trim_alerts(timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION pulse.trim_alerts(timestamptz) IS 'Job: removes a batch of what is older than alerts.retention and alerts.threshold_retention; again at once when more is left.';
INSERT INTO pulse.job (name, command, every) VALUES ('alert_retention', 'pulse.trim_alerts', '1 hour');

REVOKE ALL ON FUNCTION pulse_silence(jsonb, timestamptz, text, text, timestamptz), pulse_unsilence(bigint, text), pulse_maintenance_drop(text),
	pulse_maintenance_set(text, jsonb, timestamptz, timestamptz, time, interval, integer[], text, text, boolean) FROM PUBLIC;
INSERT INTO pulse.privilege (level, kind, name, privilege)
	SELECT 'reader', 'table', unnest(ARRAY['alert_rule', 'alert_rule_state', 'alert', 'alert_history', 'acknowledgement', 'silence', 'maintenance', 'alert_band',
		'alert_regime', 'threshold_history']), 'SELECT'
	UNION ALL SELECT 'operator', 'function', unnest(ARRAY['pulse_silence', 'pulse_unsilence', 'pulse_maintenance_set', 'pulse_maintenance_drop']), 'EXECUTE'
	UNION ALL VALUES ('operator', 'table', 'acknowledgement', 'INSERT')
	UNION ALL SELECT 'worker', 'function', unnest(ARRAY['pulse_silence', 'pulse_unsilence']), 'EXECUTE'
	UNION ALL VALUES ('worker', 'table', 'acknowledgement', 'INSERT')
	UNION ALL SELECT 'admin', 'table', 'alert_rule', unnest(ARRAY['INSERT', 'UPDATE', 'DELETE'])
	UNION ALL VALUES ('admin', 'function', 'pulse_alert_defaults', 'EXECUTE');
-- Rules and time: what thresholds are and were, and when a rule would have fired.

CREATE FUNCTION pulse.alert_simulate(times timestamptz[], "values" double precision[], factors double precision[], hours smallint[],
		comparator text, warning double precision, critical double precision, hysteresis double precision,
		hold interval, clear_hold interval, min_duration interval, flap_count integer, flap_window interval, missing text,
		adaptive text, adaptive_warning double precision, adaptive_critical double precision, adaptive_half_life double precision,
		adaptive_samples integer, adaptive_window integer, adaptive_every interval, adaptive_min_width double precision)
	RETURNS TABLE (at timestamptz, transition text, state text, level smallint, value double precision, threshold double precision)
	AS 'MODULE_PATHNAME', 'pulse_alert_simulate' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION pulse.alert_simulate IS
	'What a rule would have made of a history, in order of time: each transition, those that time alone brings among them, and a last row without one that says how it ended. factors scale the thresholds at each time, hours (of the day) ask for thresholds of each hour.';

CREATE FUNCTION pulse.metric_history(metric text, for_portfolio text) RETURNS TABLE (at timestamptz, value double precision)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
BEGIN
	IF metric IN ('total_value', 'current_drawdown', 'max_drawdown', 'cumulative_return') THEN
		RETURN QUERY
			WITH curve AS (
				SELECT g.ts, g.value, exp(coalesce(sum(ln(nullif(greatest(1 + g.r, 0), 0))) OVER (ORDER BY g.ts), 0)) AS level FROM pulse.growth(for_portfolio) g
			), peaks AS (
				SELECT c.ts, c.value, c.level, 1 - c.level / max(c.level) OVER (ORDER BY c.ts) AS drawdown FROM curve c
			)
			SELECT p.ts, CASE metric WHEN 'total_value' THEN p.value WHEN 'cumulative_return' THEN p.level - 1 WHEN 'current_drawdown' THEN p.drawdown
				ELSE max(p.drawdown) OVER (ORDER BY p.ts) END
			FROM peaks p ORDER BY p.ts;
	ELSIF metric IN ('daily_return', 'sharpe', 'sortino', 'volatility', 'var_95', 'cvar_95', 'var_breach') THEN
		RETURN QUERY
			WITH curve AS (
				SELECT g.ts, coalesce(sum(ln(nullif(greatest(1 + g.r, 0), 0))) OVER (ORDER BY g.ts), 0) AS level FROM pulse.growth(for_portfolio) g
			), closes AS (
				SELECT DISTINCT ON (date_trunc('day', c.ts, 'UTC')) date_trunc('day', c.ts, 'UTC') AS day, c.ts, c.level FROM curve c
				ORDER BY date_trunc('day', c.ts, 'UTC'), c.ts DESC
			), days AS (
				-- a day without a snapshot is a period without a return
				SELECT d.day, c.ts, c.level FROM generate_series((SELECT min(day) FROM closes), (SELECT max(day) FROM closes), interval '24 hours') AS d (day)
				LEFT JOIN closes c ON c.day = d.day
			), filled AS (
				SELECT d.day, d.ts, (array_agg(d.level) FILTER (WHERE d.level IS NOT NULL) OVER (ORDER BY d.day))[count(d.level) OVER (ORDER BY d.day)] AS level FROM days d
			), returns AS (
				SELECT f.day, f.ts, exp(f.level - lag(f.level) OVER (ORDER BY f.day)) - 1 AS r FROM filled f
			), figures AS (
				SELECT r.ts, r.r,
					CASE metric WHEN 'sharpe' THEN @extschema@.pulse_sharpe(r.r) OVER w WHEN 'sortino' THEN @extschema@.pulse_sortino(r.r) OVER w
						WHEN 'volatility' THEN @extschema@.pulse_volatility(r.r) OVER w WHEN 'cvar_95' THEN @extschema@.pulse_cvar(r.r) OVER w
						WHEN 'daily_return' THEN r.r ELSE @extschema@.pulse_var(r.r) OVER w END AS figure
				FROM returns r WINDOW w AS (ORDER BY r.day)
			)
			SELECT f.ts, CASE metric WHEN 'var_breach' THEN greatest(-f.r, 0) / nullif(f.figure, 0) ELSE f.figure END FROM figures f WHERE f.ts IS NOT NULL ORDER BY f.ts;
	ELSIF metric IN ('win_rate', 'profit_factor', 'average_win', 'average_loss', 'total_trades') THEN
		RETURN QUERY
			SELECT t.closed_at, CASE metric WHEN 'win_rate' THEN @extschema@.pulse_win_rate(t.net_pnl) OVER w WHEN 'profit_factor' THEN @extschema@.pulse_profit_factor(t.net_pnl) OVER w
				WHEN 'average_win' THEN @extschema@.pulse_average_win(t.net_pnl) OVER w WHEN 'average_loss' THEN @extschema@.pulse_average_loss(t.net_pnl) OVER w
				ELSE count(*) OVER w END
			FROM pulse.current_trades(for_portfolio, 'average') t WINDOW w AS (ORDER BY t.closed_at, t.opened_at, t.symbol ROWS UNBOUNDED PRECEDING)
			ORDER BY t.closed_at;
	ELSIF EXISTS (SELECT FROM pulse.registration g WHERE g.kind = 'metric' AND g.name = metric) THEN
		RETURN QUERY SELECT s.at, s.value FROM pulse.metric_sample s WHERE s.name = metric AND s.portfolio IS NOT DISTINCT FROM nullif(for_portfolio, '') ORDER BY s.at;
	ELSE
		RAISE EXCEPTION 'there is no history of metric "%"', metric USING ERRCODE = 'feature_not_supported',
			HINT = 'There is one of total_value, cumulative_return, drawdowns, daily_return, sharpe, sortino, volatility, var_95, cvar_95, var_breach, the statistics of closed trades, and registered metrics.';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.metric_history(text, text) IS
	'A metric of a portfolio as it was: values and drawdowns at each snapshot, figures over daily returns at the last one of each UTC day, statistics of closed trades at each, registered metrics as they were sampled.';

CREATE FUNCTION pulse.regime_history(for_portfolio text) RETURNS TABLE (day date, factor double precision)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	d record;
	fast double precision := 0;
	slow double precision := 0;
	samples bigint := 0;
BEGIN
	FOR d IN SELECT (h.at AT TIME ZONE 'UTC')::date AS day, h.value FROM pulse.metric_history('daily_return', for_portfolio) h ORDER BY h.at LOOP
		day := d.day;
		factor := CASE WHEN samples >= 20 AND slow > 0 THEN least(2, greatest(0.5, sqrt(fast / slow))) ELSE 1 END;
		RETURN NEXT;
		IF d.value IS NOT NULL THEN
			fast := fast + greatest(0.06, 1.0 / (samples + 1)) * (d.value * d.value - fast);
			slow := slow + greatest(0.01, 1.0 / (samples + 1)) * (d.value * d.value - slow);
			samples := samples + 1;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.regime_history(text) IS 'The volatility-regime factor of a portfolio on each day, from the days before it.';

CREATE FUNCTION pulse.observed_history(r pulse.alert_rule, for_portfolio text)
	RETURNS TABLE (portfolio text, symbol text, component text, times timestamptz[], "values" double precision[], factors double precision[], hours smallint[])
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	zone text := CASE WHEN (r).seasonal THEN (r).timezone END;
	registered boolean := (r).source = 'metric' AND EXISTS (SELECT FROM pulse.registration g WHERE g.kind = 'metric' AND g.name = (r).metric)
		AND NOT (r).metric = ANY (pulse.metric_names());
BEGIN
	IF (r).source = 'health' THEN
		RETURN QUERY SELECT '', '', s.component, array_agg(s.checked_at ORDER BY s.checked_at, s.sample_id), array_agg(pulse.severity(s.status)::double precision ORDER BY s.checked_at, s.sample_id),
				NULL::double precision[], NULL::smallint[]
			FROM pulse.health_sample s WHERE pulse.matches((r).components, s.component) AND ((r).active_hours IS NULL OR pulse.rule_is_awake((r).active_hours, s.checked_at))
			GROUP BY s.component;
	ELSIF (r).source = 'metric' THEN
		RETURN QUERY
			SELECT p.portfolio, '', '', h.times, h.vals, CASE WHEN (r).regime AND NOT registered THEN h.factors END, h.hours
			FROM (SELECT n.portfolio FROM @extschema@.pulse_portfolios() n WHERE NOT registered
				  UNION ALL SELECT DISTINCT coalesce(m.portfolio, '') FROM pulse.metric_sample m WHERE registered AND m.name = (r).metric) p
			CROSS JOIN LATERAL (
				SELECT array_agg(m.at ORDER BY m.at) AS times, array_agg(m.value ORDER BY m.at) AS vals, array_agg(coalesce(g.factor, 1) ORDER BY m.at) AS factors,
					CASE WHEN zone IS NOT NULL THEN array_agg(extract(hour FROM m.at AT TIME ZONE zone)::smallint ORDER BY m.at) END AS hours
				FROM pulse.metric_history((r).metric, p.portfolio) m
				LEFT JOIN (SELECT * FROM pulse.regime_history(p.portfolio) WHERE (r).regime) g ON g.day = (m.at AT TIME ZONE 'UTC')::date
				WHERE (r).active_hours IS NULL OR pulse.rule_is_awake((r).active_hours, m.at)
			) h
			WHERE (for_portfolio IS NULL OR p.portfolio = for_portfolio) AND pulse.matches((r).portfolios, p.portfolio) AND h.times IS NOT NULL;
	ELSE
		RAISE EXCEPTION 'there is no history of the query of rule "%"', (r).name USING ERRCODE = 'feature_not_supported',
			HINT = 'Register it as a metric (pulse_register_metric) and make the rule look at that: past values of registered metrics are kept.';
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.observed_history(pulse.alert_rule, text) IS 'The past values that a rule would have looked at, one row for each thing that it judges.';

CREATE FUNCTION pulse.trade_is_beyond(r pulse.alert_rule, value double precision, threshold double precision) RETURNS boolean
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	AS $$
	SELECT coalesce(CASE (r).comparator WHEN '>' THEN value > threshold WHEN '>=' THEN value >= threshold WHEN '<' THEN value < threshold ELSE value <= threshold END, false)
	$$;
COMMENT ON FUNCTION pulse.trade_is_beyond(pulse.alert_rule, double precision, double precision) IS 'Whether a property of a fill is beyond a threshold; false for NULL.';

CREATE FUNCTION pulse.backtest(rule_name text, since timestamptz, for_portfolio text)
	RETURNS TABLE (portfolio text, symbol text, component text, fired_at timestamptz, severity text, value double precision, threshold double precision,
				   raised_at timestamptz, resolved_at timestamptz, duration interval, flaps bigint)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	r pulse.alert_rule;
BEGIN
	SELECT a.* INTO r FROM pulse.alert_rule a WHERE a.name = rule_name;
	IF r.name IS NULL THEN
		RAISE EXCEPTION 'unknown alert rule: %', coalesce(quote_literal(rule_name), 'NULL') USING ERRCODE = 'undefined_object',
			HINT = 'SELECT name FROM pulse_alert_rules() lists all of them.';
	ELSIF r.source = 'trade' THEN
		RETURN QUERY
			SELECT f.portfolio, f.symbol, NULL::text, f.executed_at, CASE WHEN pulse.trade_is_beyond(r, v.value, pulse.rule_threshold(r.critical, r.critical_key)) THEN r.critical_severity ELSE r.warning_severity END,
				v.value, CASE WHEN pulse.trade_is_beyond(r, v.value, pulse.rule_threshold(r.critical, r.critical_key)) THEN pulse.rule_threshold(r.critical, r.critical_key) ELSE pulse.rule_threshold(r.warning, r.warning_key) END,
				NULL::timestamptz, f.executed_at, interval '0', 0::bigint
			FROM pulse.fill f JOIN pulse.source s ON s.source_id = f.source_id AND s.state = 'active'
			LEFT JOIN LATERAL (SELECT e.value FROM pulse.metric_history('total_value', f.portfolio) e WHERE r.metric = 'share' AND e.at <= f.executed_at ORDER BY e.at DESC LIMIT 1) e ON true
			CROSS JOIN LATERAL pulse.trade_value(r.metric, pulse.trade_alert(f), e.value) AS v (value)
			WHERE (since IS NULL OR f.executed_at >= since) AND (for_portfolio IS NULL OR f.portfolio = for_portfolio)
				AND pulse.matches(r.portfolios, f.portfolio) AND pulse.matches(r.symbols, f.symbol) AND pulse.rule_is_awake(r.active_hours, f.executed_at)
				AND (pulse.trade_is_beyond(r, v.value, pulse.rule_threshold(r.warning, r.warning_key)) OR pulse.trade_is_beyond(r, v.value, pulse.rule_threshold(r.critical, r.critical_key)))
			ORDER BY f.executed_at, f.portfolio, f.ordinal;
		RETURN;
	END IF;
	RETURN QUERY
		WITH steps AS MATERIALIZED (
			SELECT o.portfolio, o.symbol, o.component, x.*, row_number() OVER (PARTITION BY o.portfolio, o.symbol, o.component ORDER BY x.n) AS nr,
				count(*) FILTER (WHERE x.transition = 'fired') OVER (PARTITION BY o.portfolio, o.symbol, o.component ORDER BY x.n) AS episode
			FROM pulse.observed_history(r, for_portfolio) o
			CROSS JOIN LATERAL ROWS FROM (pulse.alert_simulate(o.times, o.values, o.factors, o.hours, r.comparator,
				pulse.rule_threshold(r.warning, r.warning_key), pulse.rule_threshold(r.critical, r.critical_key), r.hysteresis, r.hold, r.clear_hold, r.min_duration,
				r.flap_count, r.flap_window, r.missing, r.adaptive, r.adaptive_warning, r.adaptive_critical, r.adaptive_half_life, r.adaptive_samples, r.adaptive_window,
				r.adaptive_every, r.adaptive_min_width)) WITH ORDINALITY AS x (at, transition, state, level, value, threshold, n)
		)
		SELECT nullif(s.portfolio, ''), nullif(s.symbol, ''), nullif(s.component, ''), min(s.at) FILTER (WHERE s.transition = 'fired'),
			CASE max(s.level) FILTER (WHERE s.transition IN ('fired', 'raised', 'lowered', 'repeated')) WHEN 2 THEN r.critical_severity ELSE r.warning_severity END,
			max(s.value) FILTER (WHERE s.transition = 'fired'), max(s.threshold) FILTER (WHERE s.transition = 'fired'),
			min(s.at) FILTER (WHERE s.transition = 'raised'), min(s.at) FILTER (WHERE s.transition = 'resolved'),
			coalesce(min(s.at) FILTER (WHERE s.transition = 'resolved'), max(s.at)) - min(s.at) FILTER (WHERE s.transition = 'fired'),
			count(*) FILTER (WHERE s.transition = 'repeated')
		FROM steps s WHERE s.episode > 0
		GROUP BY s.portfolio, s.symbol, s.component, s.episode
		HAVING since IS NULL OR min(s.at) FILTER (WHERE s.transition = 'fired') >= since
		ORDER BY 4, 1, 3;
END
$$;
COMMENT ON FUNCTION pulse.backtest(text, timestamptz, text) IS 'Body of pulse_alert_backtest().';

CREATE FUNCTION pulse_alert_backtest(rule text, since timestamptz DEFAULT NULL, portfolio text DEFAULT NULL)
	RETURNS TABLE (portfolio text, symbol text, component text, fired_at timestamptz, severity text, value double precision, threshold double precision,
				   raised_at timestamptz, resolved_at timestamptz, duration interval, flaps bigint)
	LANGUAGE sql STABLE AS $$ SELECT * FROM pulse.backtest($1, $2, $3) $$;
COMMENT ON FUNCTION pulse_alert_backtest(text, timestamptz, text) IS
	'When a rule, with its present settings, would have fired: the same state machine and thresholds over the history of the portfolios that you see, adaptive thresholds learning from its beginning. One row for each alert: when it would have fired, its gravest severity, value and threshold then, when it would have become graver and been resolved (NULL: it would still fire), how long it lasted to the end of the history, and how often it flapped. since: only those that fire from then on. Values and drawdowns are looked at in every snapshot, figures over daily returns once a day, closed trades and fills one by one, health as it was recorded. Error 42704 for an unknown rule, 0A000 for a rule whose values have no history (queries, leverage, concentration). Readers and up.';

CREATE FUNCTION pulse.explain_threshold(rule_name text, for_portfolio text, at timestamptz)
	RETURNS TABLE (warning double precision, critical double precision, method text, reason text, samples bigint, mean double precision, deviation double precision,
				   factor double precision, "hour" integer, since timestamptz)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_column
DECLARE
	r pulse.alert_rule;
	o pulse.observation;
	a pulse.alert;
	b pulse.alert_band;
	g pulse.alert_regime;
BEGIN
	SELECT x.* INTO r FROM pulse.alert_rule x WHERE x.name = rule_name;
	IF r.name IS NULL THEN
		RAISE EXCEPTION 'unknown alert rule: %', coalesce(quote_literal(rule_name), 'NULL') USING ERRCODE = 'undefined_object',
			HINT = 'SELECT name FROM pulse_alert_rules() lists all of them.';
	END IF;
	for_portfolio := coalesce(for_portfolio, '');
	o := (pulse.alert_thresholds(at, ARRAY[ROW(rule_name, for_portfolio, '', '', NULL, pulse.rule_threshold(r.warning, r.warning_key),
		pulse.rule_threshold(r.critical, r.critical_key), NULL, false)::pulse.observation]))[1];
	SELECT x.* INTO a FROM pulse.alert x WHERE x.rule = rule_name AND x.portfolio = for_portfolio AND x.symbol = '' AND x.component = '' AND x.state IN ('firing', 'acknowledged');
	SELECT x.* INTO b FROM pulse.alert_band x WHERE x.rule = rule_name AND x.portfolio = for_portfolio AND x.symbol = '' AND x.component = ''
		AND x.hour = CASE WHEN r.seasonal THEN extract(hour FROM at AT TIME ZONE r.timezone)::integer ELSE -1 END
		AND x.samples >= CASE WHEN r.seasonal THEN greatest(5, r.adaptive_samples / 24) ELSE r.adaptive_samples END;
	SELECT x.* INTO g FROM pulse.alert_regime x WHERE r.regime AND x.portfolio = for_portfolio;
	warning := o.warning;
	critical := o.critical;
	method := CASE WHEN r.adaptive IS NOT NULL AND b.rule IS NOT NULL THEN r.adaptive WHEN r.adaptive IS NOT NULL THEN 'fixed, until there are enough samples' ELSE 'fixed' END;
	samples := CASE WHEN r.adaptive IS NOT NULL THEN coalesce(b.samples, (SELECT x.samples FROM pulse.alert_band x
		WHERE x.rule = rule_name AND x.portfolio = for_portfolio AND x.symbol = '' AND x.component = ''
			AND x.hour = CASE WHEN r.seasonal THEN extract(hour FROM at AT TIME ZONE r.timezone)::integer ELSE -1 END), 0) END;
	mean := CASE WHEN r.adaptive IS NOT NULL THEN b.mean END;
	deviation := CASE WHEN r.adaptive IS NOT NULL THEN sqrt(b.variance) END;
	factor := CASE WHEN r.regime THEN coalesce(g.factor, 1) END;
	"hour" := nullif(b.hour, -1);
	since := a.fired_at;
	reason := CASE WHEN a.alert_id IS NOT NULL AND (r.adaptive IS NOT NULL OR r.regime) THEN 'frozen: alert ' || a.alert_id || ' fires'
		WHEN b.rule IS NOT NULL AND r.adaptive IS NOT NULL THEN format('learnt from %s values%s', b.samples, CASE WHEN b.hour >= 0 THEN ' of this hour of the day' ELSE '' END)
		WHEN r.adaptive IS NOT NULL THEN format('%s of %s samples so far', samples, CASE WHEN r.seasonal THEN greatest(5, r.adaptive_samples / 24) ELSE r.adaptive_samples END)
		WHEN r.warning IS NULL AND r.warning_key IS NOT NULL THEN format('setting %s', r.warning_key) ELSE 'as the rule says' END
		|| CASE WHEN r.regime AND a.alert_id IS NULL THEN format('; times %s, volatility of now against the long run', round(coalesce(g.factor, 1)::numeric, 3)) ELSE '' END;
	RETURN NEXT;
END
$$;
COMMENT ON FUNCTION pulse.explain_threshold(text, text, timestamptz) IS 'Body of pulse_alert_threshold().';

CREATE FUNCTION pulse_alert_threshold(rule text, portfolio text DEFAULT NULL, at timestamptz DEFAULT now())
	RETURNS TABLE (warning double precision, critical double precision, method text, reason text, samples bigint, mean double precision, deviation double precision,
				   factor double precision, "hour" integer, frozen_since timestamptz)
	LANGUAGE sql STABLE AS $$ SELECT * FROM pulse.explain_threshold($1, $2, $3) $$;
COMMENT ON FUNCTION pulse_alert_threshold(text, text, timestamptz) IS
	'The thresholds of a rule for a portfolio (NULL: none), as they apply now, and why: fixed, learnt (from how many samples, with which mean and deviation, for this hour of the day), scaled by the volatility regime (factor), or frozen because an alert fires. pulse.threshold_history has the past ones. at is for the hour of seasonal rules. Error 42704 for an unknown rule. Readers and up.';

CREATE FUNCTION pulse_alert_relearn(rule text, portfolio text DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	forgotten bigint;
BEGIN
	DELETE FROM pulse.alert_band b WHERE b.rule = pulse_alert_relearn.rule AND (pulse_alert_relearn.portfolio IS NULL OR b.portfolio = pulse_alert_relearn.portfolio);
	GET DIAGNOSTICS forgotten = ROW_COUNT;
	IF forgotten > 0 THEN
		INSERT INTO pulse.threshold_history (at, rule, portfolio, warning, critical, reason)
			SELECT now(), r.name, coalesce(pulse_alert_relearn.portfolio, ''), pulse.rule_threshold(r.warning, r.warning_key), pulse.rule_threshold(r.critical, r.critical_key), 'relearn'
			FROM pulse.alert_rule r WHERE r.name = pulse_alert_relearn.rule;
	END IF;
	-- what fires now was judged by what is forgotten
	UPDATE pulse.alert_rule_state s SET fresh = true WHERE s.rule = pulse_alert_relearn.rule;
	UPDATE pulse.alert a SET warning = pulse.rule_threshold(r.warning, r.warning_key), critical = pulse.rule_threshold(r.critical, r.critical_key)
		FROM pulse.alert_rule r WHERE r.name = a.rule AND a.rule = pulse_alert_relearn.rule AND a.state <> 'resolved' AND r.adaptive IS NOT NULL
			AND (pulse_alert_relearn.portfolio IS NULL OR a.portfolio = pulse_alert_relearn.portfolio);
	RETURN forgotten;
END
$$;
REVOKE ALL ON FUNCTION pulse_alert_relearn(text, text) FROM PUBLIC;
COMMENT ON FUNCTION pulse_alert_relearn(text, text) IS
	'Makes an adaptive rule forget what it has learnt, of one portfolio or (NULL) of all: what is unusual now may be the new usual. The fixed thresholds hold until there are enough samples again. Returns how many histories were forgotten. Operators and up.';
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES ('operator', 'function', 'pulse_alert_relearn', 'EXECUTE');
-- The portfolio against a benchmark: prices that Pulse knows, or those of a table of the user's.

CREATE TABLE pulse.benchmark (
	symbol		text PRIMARY KEY CHECK (symbol <> ''),
	schema_name	text NOT NULL,
	table_name	text NOT NULL,
	ts_column	text NOT NULL,
	price_column	text NOT NULL,
	key_column	text,
	key			text,
	CHECK ((key_column IS NULL) = (key IS NULL))
);
COMMENT ON TABLE pulse.benchmark IS 'where the prices of benchmarks stand that pulse_mark() does not tell';
COMMENT ON COLUMN pulse.benchmark.symbol IS 'name of the benchmark';
COMMENT ON COLUMN pulse.benchmark.schema_name IS 'schema of the table';
COMMENT ON COLUMN pulse.benchmark.table_name IS 'table or view with its prices';
COMMENT ON COLUMN pulse.benchmark.ts_column IS 'time of a price';
COMMENT ON COLUMN pulse.benchmark.price_column IS 'the price';
COMMENT ON COLUMN pulse.benchmark.key_column IS 'column that says what the price is of; NULL: the table has no other';
COMMENT ON COLUMN pulse.benchmark.key IS 'its value for this benchmark';
REVOKE ALL ON pulse.benchmark FROM PUBLIC;
GRANT SELECT ON pulse.benchmark TO PUBLIC;
SELECT pg_catalog.pg_extension_config_dump('pulse.benchmark', '');

INSERT INTO pulse.config_key (key, kind, unit, optional, default_value, description) VALUES
	('reports.benchmark', 'text', NULL, true, 'null', 'Symbol with which reports compare, for example BTCUSDT: one that pulse_mark() tells prices of, that is traded, or that pulse_benchmark_define() names.');

CREATE FUNCTION pulse_benchmark_define(symbol text, relation regclass, ts_column text DEFAULT 'ts', price_column text DEFAULT 'price',
									   key_column text DEFAULT NULL, key text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	wanted text;
BEGIN
	IF coalesce(symbol, '') = '' OR (key_column IS NULL) <> (key IS NULL) THEN
		RAISE EXCEPTION 'a benchmark needs a symbol, and a key column together with a key' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF relation IS NULL THEN
		DELETE FROM pulse.benchmark b WHERE b.symbol = pulse_benchmark_define.symbol;
		RETURN;
	END IF;
	FOREACH wanted IN ARRAY array_remove(ARRAY[ts_column, price_column, key_column], NULL) LOOP
		IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = wanted AND a.attnum > 0 AND NOT a.attisdropped) THEN
			RAISE EXCEPTION 'column "%" of relation "%" does not exist', wanted, relation USING ERRCODE = 'undefined_column';
		END IF;
	END LOOP;
	INSERT INTO pulse.benchmark AS b (symbol, schema_name, table_name, ts_column, price_column, key_column, key)
		SELECT symbol, n.nspname, c.relname, ts_column, price_column, key_column, key FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = relation
		ON CONFLICT ON CONSTRAINT benchmark_pkey DO UPDATE SET schema_name = excluded.schema_name, table_name = excluded.table_name, ts_column = excluded.ts_column,
			price_column = excluded.price_column, key_column = excluded.key_column, key = excluded.key;
END
$$;
REVOKE ALL ON FUNCTION pulse_benchmark_define(text, regclass, text, text, text, text) FROM PUBLIC;
COMMENT ON FUNCTION pulse_benchmark_define(text, regclass, text, text, text, text) IS
	'Says in which table the prices of a benchmark stand (relation NULL: forget it). Who compares reads it with his own rights. Error 42703 for a column that there is not.';
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES
	('admin', 'function', 'pulse_benchmark_define', 'EXECUTE'), ('reader', 'table', 'benchmark', 'SELECT');

CREATE FUNCTION pulse.benchmark_closes(symbol text, since timestamptz, until timestamptz)
	RETURNS TABLE (day date, price double precision)
	LANGUAGE plpgsql STABLE
	AS $$
#variable_conflict use_variable
DECLARE
	b pulse.benchmark;
	prices text;
BEGIN
	SELECT * INTO b FROM pulse.benchmark d WHERE d.symbol = benchmark_closes.symbol;
	IF FOUND THEN
		prices := format('SELECT t.%I::timestamptz AS ts, t.%I::double precision AS price FROM %I.%I t WHERE t.%I > $2 - interval ''7 days'' AND t.%I <= $3%s',
			b.ts_column, b.price_column, b.schema_name, b.table_name, b.ts_column, b.ts_column,
			CASE WHEN b.key_column IS NOT NULL THEN format(' AND t.%I = %L', b.key_column, b.key) ELSE '' END);
	ELSIF EXISTS (SELECT FROM pulse.mark_history h WHERE h.symbol = benchmark_closes.symbol COLLATE "C" AND h.ts BETWEEN since - interval '7 days' AND until) THEN
		prices := 'SELECT h.ts, h.price::double precision FROM pulse.mark_history h WHERE h.symbol = $1 COLLATE "C" AND h.ts > $2 - interval ''7 days'' AND h.ts <= $3';
	ELSE
		-- what was paid last
		prices := 'SELECT f.executed_at AS ts, f.price::double precision FROM pulse.fill f JOIN pulse.source s ON s.source_id = f.source_id AND s.state = ''active'''
			' JOIN pulse.portfolios_of(''trades'') p ON p.source_id = f.source_id AND p.portfolio = f.portfolio'
			' WHERE f.symbol = $1 COLLATE "C" AND f.executed_at > $2 - interval ''7 days'' AND f.executed_at <= $3';
	END IF;
	RETURN QUERY EXECUTE format('SELECT DISTINCT ON (1) (x.ts AT TIME ZONE ''UTC'')::date, x.price FROM (%s) AS x (ts, price) WHERE x.price > 0 AND x.price < ''Infinity'' ORDER BY 1, x.ts DESC', prices)
		USING symbol, since, until;
END
$$;
COMMENT ON FUNCTION pulse.benchmark_closes(text, timestamptz, timestamptz) IS
	'Last price of a benchmark on each UTC day of a period and of the week before it: from its table (pulse.benchmark), else as pulse_mark() told, else as it was traded.';

CREATE FUNCTION pulse.daily_growth(for_portfolio text, since timestamptz, until timestamptz)
	RETURNS TABLE (day date, r double precision)
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	RETURN QUERY EXECUTE format($q$
		SELECT (g.ts AT TIME ZONE 'UTC')::date, exp(sum(ln(g.factor))) - 1
		FROM (SELECT e.ts, ((e.value - coalesce(e.flow, 0)) / nullif(lag(e.value) OVER (ORDER BY e.ts), 0))::float8 AS factor FROM (%s) e) g
		WHERE g.factor > 0 GROUP BY 1 ORDER BY 1$q$, pulse.equity_query(for_portfolio, since, until)) USING for_portfolio, since, until;
END
$$;
COMMENT ON FUNCTION pulse.daily_growth(text, timestamptz, timestamptz) IS
	'Return of a portfolio on each UTC day of a period, flows removed, chain-linked at every snapshot.';

CREATE FUNCTION pulse.benchmark_row(symbol text, since timestamptz, until timestamptz, for_portfolio text,
		OUT days bigint, OUT portfolio_return double precision, OUT benchmark_return double precision, OUT excess_return double precision,
		OUT correlation double precision, OUT beta double precision, OUT alpha double precision, OUT tracking_error double precision,
		OUT information_ratio double precision, OUT treynor double precision, OUT up_capture double precision, OUT down_capture double precision)
	LANGUAGE sql STABLE
	AS $$
	WITH closes AS (
		SELECT c.day, c.price / nullif(lag(c.price) OVER (ORDER BY c.day), 0) - 1 AS b, lag(c.day) OVER (ORDER BY c.day) AS before
		FROM pulse.benchmark_closes($1, $2, $3) c
	), paired AS (
		-- a day of the portfolio belongs to the close of the benchmark that it ends with; days that have none wait for the next
		SELECT c.day, c.b, exp(sum(ln(1 + g.r))) - 1 AS r
		FROM closes c JOIN pulse.daily_growth($4, $2, $3) g ON g.day > c.before AND g.day <= c.day
		WHERE c.b IS NOT NULL AND g.r > -1 GROUP BY c.day, c.b
	)
	SELECT count(*), exp(sum(ln(1 + p.r))) - 1, exp(sum(ln(1 + p.b))) - 1, exp(sum(ln(1 + p.r))) - exp(sum(ln(1 + p.b))),
		corr(p.r, p.b), @extschema@.pulse_beta(p.r, p.b), @extschema@.pulse_alpha(p.r, p.b), @extschema@.pulse_tracking_error(p.r, p.b),
		@extschema@.pulse_information_ratio(p.r, p.b), @extschema@.pulse_treynor(p.r, p.b), @extschema@.pulse_up_capture(p.r, p.b), @extschema@.pulse_down_capture(p.r, p.b)
	FROM paired p
	$$;
COMMENT ON FUNCTION pulse.benchmark_row(text, timestamptz, timestamptz, text) IS 'pulse_benchmark() over any period.';

CREATE FUNCTION pulse.compare_benchmark(wanted text, max_days integer, for_portfolio text)
	RETURNS TABLE (symbol text, days bigint, portfolio_return double precision, benchmark_return double precision, excess_return double precision,
				   correlation double precision, beta double precision, alpha double precision, tracking_error double precision,
				   information_ratio double precision, treynor double precision, up_capture double precision, down_capture double precision)
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	wanted := coalesce(wanted, pulse.config_text('reports.benchmark'));
	IF wanted IS NULL THEN
		RAISE EXCEPTION 'no benchmark is named' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Name one, for example pulse_benchmark(''BTCUSDT''), or set reports.benchmark.';
	ELSIF max_days IS NULL OR max_days < 1 OR max_days > 36500 THEN
		RAISE EXCEPTION 'days must lie between 1 and 36500' USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is 90.';
	END IF;
	RETURN QUERY SELECT wanted, b.* FROM pulse.benchmark_row(wanted, now() - make_interval(hours => 24 * max_days), now(), for_portfolio) b;
END
$$;
COMMENT ON FUNCTION pulse.compare_benchmark(text, integer, text) IS 'Body of pulse_benchmark().';

CREATE FUNCTION pulse_benchmark(symbol text DEFAULT NULL, days integer DEFAULT 90, portfolio text DEFAULT NULL)
	RETURNS TABLE (symbol text, days bigint, portfolio_return double precision, benchmark_return double precision, excess_return double precision,
				   correlation double precision, beta double precision, alpha double precision, tracking_error double precision,
				   information_ratio double precision, treynor double precision, up_capture double precision, down_capture double precision)
	LANGUAGE sql STABLE
	AS $$ SELECT * FROM pulse.compare_benchmark($1, $2, $3) $$;
COMMENT ON FUNCTION pulse_benchmark(text, integer, text) IS
	'A portfolio, or (NULL) all visible ones together, against a benchmark over the last days; symbol NULL: the one of the setting reports.benchmark. Both by UTC days on which the benchmark has a price (see pulse_benchmark_define(), pulse_mark()), of which days says the number: total returns and their difference, correlation, and pulse_beta, pulse_alpha, pulse_tracking_error, pulse_information_ratio, pulse_treynor, pulse_up_capture, pulse_down_capture, annualised with 365 days, risk-free rate 0. Undefined is NULL. Error 22023 without a benchmark or for days out of range.';
-- Reports: a period, the one before it, the benchmark, what went well and what did not, and what follows from that.

INSERT INTO pulse.config_key (key, kind, unit, default_value, minimum, maximum, description) VALUES
	('reports.concentration_limit', 'number', 'fraction', '0.4', 0, 1, 'Share of the largest position from which reports recommend to spread.'),
	('reports.leverage_limit', 'number', NULL, '2', 0, 1000, 'Gross leverage from which reports recommend to reduce it.'),
	('reports.fee_share_limit', 'number', 'fraction', '0.3', 0, 1, 'Fees, as a fraction of the gross profit, from which reports recommend to trade less or cheaper.'),
	('reports.min_trades', 'integer', 'trades', '5', 1, 100000, 'Closed trades below which reports recommend nothing from trade statistics.'),
	('reports.performers', 'integer', 'symbols', '5', 1, 100, 'How many of the best and of the worst symbols a report lists.');

CREATE FUNCTION pulse.report_figures(for_portfolio text, since timestamptz, until timestamptz) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	p record;
	m @extschema@.pulse_metrics_row;
BEGIN
	SELECT * INTO p FROM pulse.performance(for_portfolio, since, until);
	m := p.metrics;
	RETURN jsonb_build_object(
		'snapshots', coalesce(m.n_snapshots, 0), 'first_snapshot', pulse.json_time(m.first_ts), 'last_snapshot', pulse.json_time(m.last_ts),
		'returns', jsonb_build_object('start_value', pulse.json_number(m.first_value), 'end_value', pulse.json_number(m.last_value),
			'net_flow', pulse.json_number(m.net_flow), 'pnl', pulse.json_number(m.last_value - m.first_value - m.net_flow),
			'total_return', pulse.json_number(m.total_return), 'cagr', pulse.json_number(m.cagr),
			'daily_return', pulse.json_number(m.period_return), 'realized_pnl', pulse.json_money(p.trade_pnl), 'fees', pulse.json_money(p.trade_fees),
			'net_pnl', pulse.json_money(p.trade_pnl - p.trade_fees)),
		'risk', jsonb_build_object('volatility', pulse.json_number(m.volatility), 'downside_deviation', pulse.json_number(m.downside_deviation),
			'sharpe', pulse.json_number(m.sharpe), 'sortino', pulse.json_number(m.sortino), 'calmar', pulse.json_number(m.calmar),
			'max_drawdown', pulse.json_number(m.max_drawdown), 'current_drawdown', pulse.json_number(m.current_drawdown),
			'average_drawdown', pulse.json_number(m.average_drawdown), 'ulcer_index', pulse.json_number(m.ulcer_index),
			'var_95', pulse.json_number(m.var_95), 'cvar_95', pulse.json_number(m.cvar_95), 'skewness', pulse.json_number(m.skewness),
			'kurtosis', pulse.json_number(m.kurtosis), 'omega', pulse.json_number(m.omega), 'tail_ratio', pulse.json_number(m.tail_ratio)),
		'trading', jsonb_build_object('total_trades', p.total_trades, 'trades_per_day', pulse.json_number(p.trades_per_day),
			'win_rate', pulse.json_number(p.win_rate), 'profit_factor', pulse.json_number(p.profit_factor),
			'average_win', pulse.json_number(p.average_win), 'average_loss', pulse.json_number(p.average_loss),
			'payoff_ratio', pulse.json_number(p.payoff_ratio), 'expectancy', pulse.json_number(p.expectancy),
			'best_trade', pulse.json_money(p.best_trade), 'worst_trade', pulse.json_money(p.worst_trade),
			'average_holding_seconds', pulse.json_number(extract(epoch FROM p.average_holding)::float8)));
END
$$;
COMMENT ON FUNCTION pulse.report_figures(text, timestamptz, timestamptz) IS
	'Returns, risk and trading of a period as JSON: returns from the last snapshot before it, trades closed in it.';

CREATE FUNCTION pulse.report_change(now jsonb, before jsonb) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	SELECT jsonb_object_agg(f.name, CASE WHEN (now #>> f.path) IS NOT NULL AND (before #>> f.path) IS NOT NULL
		THEN to_jsonb(trim_scale(round((now #>> f.path)::numeric - (before #>> f.path)::numeric, 10))) ELSE 'null' END)
	FROM (VALUES ('total_return', '{returns,total_return}'::text[]), ('net_pnl', '{returns,net_pnl}'), ('fees', '{returns,fees}'),
		('volatility', '{risk,volatility}'), ('sharpe', '{risk,sharpe}'), ('max_drawdown', '{risk,max_drawdown}'), ('var_95', '{risk,var_95}'),
		('total_trades', '{trading,total_trades}'), ('win_rate', '{trading,win_rate}'), ('profit_factor', '{trading,profit_factor}')) f (name, path)
	$$;
COMMENT ON FUNCTION pulse.report_change(jsonb, jsonb) IS 'Differences of the figures of two periods, null where one is unknown.';

CREATE FUNCTION pulse.report_symbols(for_portfolio text, since timestamptz, until timestamptz) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('symbol', s.symbol, 'trades', s.trades, 'net_pnl', pulse.json_money(s.net_pnl), 'fees', pulse.json_money(s.fees),
			'win_rate', pulse.json_number(s.win_rate)) ORDER BY s.net_pnl DESC, s.symbol), '[]')
	FROM (SELECT t.symbol, count(*) AS trades, sum(t.net_pnl) AS net_pnl, sum(t.fees) AS fees, @extschema@.pulse_win_rate(t.net_pnl) AS win_rate
		  FROM pulse.current_trades($1, 'average') t WHERE t.closed_at BETWEEN $2 AND $3 GROUP BY t.symbol) s
	$$;
COMMENT ON FUNCTION pulse.report_symbols(text, timestamptz, timestamptz) IS 'The symbols of the trades closed in a period, best first.';

CREATE FUNCTION pulse.report_body(for_portfolio text, since timestamptz, until timestamptz, risk_since timestamptz) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	figures jsonb := pulse.report_figures(for_portfolio, since, until);
	before jsonb := pulse.report_figures(for_portfolio, since - (until + interval '1 microsecond' - since), since - interval '1 microsecond');
	symbols jsonb := pulse.report_symbols(for_portfolio, since, until);
	listed integer := pulse.config_integer('reports.performers');
	benchmark text := pulse.config_text('reports.benchmark');
	result jsonb;
BEGIN
	IF risk_since < since THEN
		figures := figures || jsonb_build_object('risk', pulse.report_figures(for_portfolio, risk_since, until) -> 'risk'
			|| jsonb_build_object('max_drawdown_of_period', figures #> '{risk,max_drawdown}'));
	END IF;
	result := figures - ARRAY['snapshots', 'first_snapshot', 'last_snapshot'] || jsonb_build_object(
		'period', jsonb_build_object('days', round(extract(epoch FROM until - since) / 86400)::integer, 'from', pulse.json_time(since), 'to', pulse.json_time(until), 'portfolio', for_portfolio,
			'risk_from', pulse.json_time(risk_since), 'snapshots', figures -> 'snapshots', 'first_snapshot', figures -> 'first_snapshot', 'last_snapshot', figures -> 'last_snapshot'),
		'trading', (figures -> 'trading') || jsonb_build_object('symbols', symbols),
		'previous', jsonb_build_object('from', pulse.json_time(since - (until + interval '1 microsecond' - since)), 'to', pulse.json_time(since), 'returns', before -> 'returns', 'trading', before -> 'trading',
			'change', pulse.report_change(figures, before)),
		'performers', jsonb_build_object(
			'top', (SELECT coalesce(jsonb_agg(s.value ORDER BY s.nr), '[]') FROM jsonb_array_elements(symbols) WITH ORDINALITY s (value, nr)
				WHERE (s.value ->> 'net_pnl')::numeric > 0 AND s.nr <= listed),
			'worst', (SELECT coalesce(jsonb_agg(s.value ORDER BY s.nr DESC), '[]') FROM jsonb_array_elements(symbols) WITH ORDINALITY s (value, nr)
				WHERE (s.value ->> 'net_pnl')::numeric < 0 AND s.nr > jsonb_array_length(symbols) - listed)),
		'positions', (SELECT coalesce(jsonb_agg(jsonb_build_object('portfolio', x.portfolio, 'symbol', x.symbol, 'side', x.side, 'market_value', pulse.json_money(x.market_value),
				'weight', pulse.json_number(x.weight)) ORDER BY abs(x.market_value) DESC NULLS LAST, x.symbol), '[]')
			FROM (SELECT * FROM @extschema@.pulse_exposure(for_portfolio) e ORDER BY abs(e.market_value) DESC NULLS LAST LIMIT 20) x),
		'benchmark', CASE WHEN benchmark IS NOT NULL THEN (SELECT jsonb_build_object('symbol', benchmark, 'days', b.days,
				'portfolio_return', pulse.json_number(b.portfolio_return), 'benchmark_return', pulse.json_number(b.benchmark_return), 'excess_return', pulse.json_number(b.excess_return),
				'correlation', pulse.json_number(b.correlation), 'beta', pulse.json_number(b.beta), 'alpha', pulse.json_number(b.alpha),
				'tracking_error', pulse.json_number(b.tracking_error), 'information_ratio', pulse.json_number(b.information_ratio))
			FROM pulse.benchmark_row(benchmark, since, until, for_portfolio) b) END,
		'targets', (SELECT coalesce(jsonb_agg(jsonb_build_object('target', t.target, 'goal', pulse.json_number(t.goal), 'actual', pulse.json_number(t.actual),
				'progress', pulse.json_number(t.progress), 'on_track', t.on_track, 'required_pace', pulse.json_number(t.required_pace)) ORDER BY t.target), '[]')
			FROM @extschema@.pulse_targets(for_portfolio) t));
	RETURN result || jsonb_build_object('recommendations', pulse.recommendations(result, for_portfolio));
END
$$;
COMMENT ON FUNCTION pulse.report_body(text, timestamptz, timestamptz, timestamptz) IS
	'What every report has: period, returns, risk (over a longer time where one day would say nothing), trading, the period of the same length before, performers, positions, benchmark, targets and recommendations.';

CREATE FUNCTION pulse.percent(value double precision) RETURNS text
	LANGUAGE sql IMMUTABLE PARALLEL SAFE
	RETURN CASE WHEN abs(value) < 1e13 THEN trim_scale(round((value * 100)::numeric, 1))::text ELSE value::text END;
COMMENT ON FUNCTION pulse.percent(double precision) IS 'A fraction in percent, with at most one digit after the point.';

CREATE FUNCTION pulse.recommendations(report jsonb, for_portfolio text) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	WITH c AS MATERIALIZED (
		SELECT pulse.config_float('reports.concentration_limit') AS concentration, pulse.config_float('reports.leverage_limit') AS leverage,
			pulse.config_float('reports.fee_share_limit') AS fee_share, pulse.config_integer('reports.min_trades') AS min_trades,
			(report #>> '{risk,current_drawdown}')::float8 AS drawdown, (report #>> '{risk,volatility}')::float8 AS volatility, (report #>> '{risk,sharpe}')::float8 AS sharpe,
			(report #>> '{trading,total_trades}')::float8 AS trades, (report #>> '{trading,win_rate}')::float8 AS win_rate,
			(report #>> '{trading,payoff_ratio}')::float8 AS payoff, (report #>> '{trading,profit_factor}')::float8 AS profit_factor,
			(report #>> '{returns,realized_pnl}')::float8 AS gross, (report #>> '{returns,fees}')::float8 AS fees,
			(report #>> '{previous,trading,total_trades}')::float8 AS trades_before
	), goal AS MATERIALIZED (
		SELECT max(t.goal) FILTER (WHERE t.target = 'max_drawdown') AS drawdown, max(t.goal) FILTER (WHERE t.target = 'volatility') AS volatility,
			max(t.goal) FILTER (WHERE t.target = 'sharpe') AS sharpe, max(t.goal) FILTER (WHERE t.target = 'win_rate') AS win_rate,
			max(t.goal) FILTER (WHERE t.target = 'annual_return') AS annual, max(t.required_pace) FILTER (WHERE t.target = 'annual_return') AS pace
		FROM jsonb_to_recordset(report -> 'targets') AS t (target text, goal float8, required_pace float8)
	), found AS (
		SELECT 'drawdown' AS rule, CASE WHEN c.drawdown >= g.drawdown THEN 'HIGH' ELSE 'MEDIUM' END AS priority,
			CASE WHEN c.drawdown >= g.drawdown THEN format('The drawdown of %s %% is beyond the limit of %s %%: reduce risk until it has recovered.', pulse.percent(c.drawdown), pulse.percent(g.drawdown))
				ELSE format('The drawdown of %s %% is close to the limit of %s %%: smaller positions keep it from being reached.', pulse.percent(c.drawdown), pulse.percent(g.drawdown)) END AS text,
			jsonb_build_object('current_drawdown', c.drawdown, 'limit', g.drawdown) AS numbers
		FROM c, goal g WHERE c.drawdown >= 0.8 * g.drawdown AND g.drawdown > 0
		UNION ALL
		SELECT 'concentration', 'HIGH', format('%s is %s %% of what portfolio %s holds (limit %s %%): spread it.', k.largest_symbol, pulse.percent(k.largest_share), k.portfolio, pulse.percent(c.concentration)),
			jsonb_build_object('portfolio', k.portfolio, 'symbol', k.largest_symbol, 'share', k.largest_share, 'limit', c.concentration)
		FROM c, (SELECT * FROM @extschema@.pulse_concentration(for_portfolio) x ORDER BY x.largest_share DESC NULLS LAST LIMIT 3) k
		WHERE k.largest_share > c.concentration AND k.position_count > 1
		UNION ALL
		SELECT 'leverage', 'HIGH', format('Portfolio %s is leveraged %s times (limit %s): reduce positions or add equity.', l.portfolio, round(l.gross_leverage::numeric, 2), c.leverage),
			jsonb_build_object('portfolio', l.portfolio, 'gross_leverage', l.gross_leverage, 'limit', c.leverage)
		FROM c, (SELECT * FROM @extschema@.pulse_leverage(for_portfolio) x ORDER BY x.gross_leverage DESC NULLS LAST LIMIT 3) l WHERE l.gross_leverage > c.leverage
		UNION ALL
		SELECT 'volatility', 'MEDIUM', format('Volatility is %s %% a year, the limit %s %%: positions of %s %% of their size would keep it.', pulse.percent(c.volatility), pulse.percent(g.volatility), pulse.percent(g.volatility / c.volatility)),
			jsonb_build_object('volatility', c.volatility, 'limit', g.volatility)
		FROM c, goal g WHERE c.volatility > g.volatility
		UNION ALL
		SELECT 'sharpe', 'MEDIUM', format('The Sharpe ratio is %s, the goal %s: the risk taken is not being paid for.', round(c.sharpe::numeric, 2), g.sharpe),
			jsonb_build_object('sharpe', c.sharpe, 'goal', g.sharpe)
		FROM c, goal g WHERE c.sharpe < g.sharpe * 0.5
		UNION ALL
		SELECT 'expectancy', 'HIGH', format('Trades lose money: %s %% of %s win, and a win is %s times a loss; to break even it must be %s times.', pulse.percent(c.win_rate), c.trades, round(c.payoff::numeric, 2), round(((1 - c.win_rate) / c.win_rate)::numeric, 2)),
			jsonb_build_object('win_rate', c.win_rate, 'payoff_ratio', c.payoff, 'profit_factor', c.profit_factor, 'trades', c.trades)
		FROM c WHERE c.trades >= c.min_trades AND c.profit_factor < 1 AND c.win_rate > 0 AND c.payoff IS NOT NULL
		UNION ALL
		SELECT 'win_rate', 'LOW', format('%s %% of %s trades won, the goal is %s %%.', pulse.percent(c.win_rate), c.trades, pulse.percent(g.win_rate)),
			jsonb_build_object('win_rate', c.win_rate, 'goal', g.win_rate, 'trades', c.trades)
		FROM c, goal g WHERE c.trades >= c.min_trades AND c.win_rate < g.win_rate AND coalesce(c.profit_factor, 0) >= 1
		UNION ALL
		SELECT 'fees', 'MEDIUM', format('Fees took %s %% of the gross profit (limit %s %%): trade less often, or as maker.', pulse.percent(c.fees / c.gross), pulse.percent(c.fee_share)),
			jsonb_build_object('fees', c.fees, 'gross_pnl', c.gross, 'limit', c.fee_share)
		FROM c WHERE c.gross > 0 AND c.fees > c.fee_share * c.gross AND c.trades >= c.min_trades
		UNION ALL
		SELECT 'symbol', 'MEDIUM', format('%s lost %s in %s trades: review or pause it.', s.symbol, round(-s.net_pnl, 2), s.trades), jsonb_build_object('symbol', s.symbol, 'net_pnl', s.net_pnl, 'trades', s.trades)
		FROM c, (SELECT w.symbol, w.net_pnl, w.trades FROM jsonb_to_recordset(report #> '{performers,worst}') AS w (symbol text, net_pnl numeric, trades bigint) ORDER BY w.net_pnl LIMIT 3) s
		WHERE s.trades >= c.min_trades
		UNION ALL
		SELECT 'turnover', 'LOW', format('%s trades were closed, %s in the period before: check whether that is meant.', c.trades, c.trades_before), jsonb_build_object('trades', c.trades, 'before', c.trades_before)
		FROM c WHERE c.trades >= 10 AND c.trades_before >= c.min_trades AND c.trades > 2 * c.trades_before
		UNION ALL
		SELECT 'pace', CASE WHEN g.pace > 3 * greatest(g.annual, 0.01) THEN 'HIGH' ELSE 'MEDIUM' END,
			format('To reach %s %% this year, %s %% a year is needed from now on.', pulse.percent(g.annual), pulse.percent(g.pace)), jsonb_build_object('goal', g.annual, 'required_pace', g.pace)
		FROM goal g WHERE g.pace > 1.25 * greatest(g.annual, 0.01)
	)
	SELECT coalesce(jsonb_agg(jsonb_build_object('rule', f.rule, 'priority', f.priority, 'text', f.text, 'numbers', f.numbers)
		ORDER BY array_position('{HIGH,MEDIUM,LOW}', f.priority), f.rule, f.text), '[]') FROM found f
	$$;
COMMENT ON FUNCTION pulse.recommendations(jsonb, text) IS
	'What follows from a report, most urgent first, each with the rule it comes from and the numbers behind it: drawdown close to its limit, concentration, leverage, volatility, Sharpe ratio, losing trades, win rate, fees, symbols that lose, turnover, and the pace that the goal of the year needs.';

CREATE FUNCTION pulse.report_system(since timestamptz, until timestamptz, for_portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	open_alerts bigint;
BEGIN
	IF NOT has_table_privilege('pulse.delivery', 'SELECT') THEN
		RETURN '{"alerts": null, "health": null}';
	END IF;
	IF to_regclass('pulse.alert') IS NOT NULL AND has_table_privilege('pulse.alert', 'SELECT') THEN
		EXECUTE 'SELECT count(*) FROM pulse.alert a WHERE a.state IN (''firing'', ''acknowledged'')' INTO open_alerts;
	END IF;
	RETURN jsonb_build_object(
		'alerts', (SELECT jsonb_build_object('total', count(*), 'open', open_alerts,
				'by_severity', jsonb_build_object('CRITICAL', count(*) FILTER (WHERE d.priority = 'CRITICAL'), 'HIGH', count(*) FILTER (WHERE d.priority = 'HIGH'),
					'MEDIUM', count(*) FILTER (WHERE d.priority = 'MEDIUM'), 'LOW', count(*) FILTER (WHERE d.priority = 'LOW')),
				'recent', coalesce((array_agg(jsonb_build_object('at', pulse.json_time(d.created_at), 'severity', d.priority, 'title', d.title, 'message', left(d.message, 300),
					'portfolio', d.portfolio, 'state', d.data ->> 'state', 'duplicates', d.duplicates) ORDER BY array_position('{CRITICAL,HIGH,MEDIUM,LOW}', d.priority), d.created_at DESC))[1:10], '{}'))
			FROM pulse.delivery d WHERE d.created_at >= since AND d.created_at <= until AND d.type NOT IN ('TRADE', 'TRADE_ALERT', 'DAILY_REPORT', 'WEEKLY_REPORT')
				AND (for_portfolio IS NULL OR d.portfolio IS NULL OR d.portfolio = for_portfolio)),
		'health', (SELECT jsonb_build_object('status', pulse.overall_status(array_agg(h.status)),
				'problems', coalesce(jsonb_agg(jsonb_build_object('component', h.component, 'status', h.status, 'message', h.message) ORDER BY pulse.severity(h.status) DESC, h.component)
					FILTER (WHERE h.status IN ('WARNING', 'CRITICAL')), '[]'),
				'uptime', (SELECT coalesce(jsonb_object_agg(u.component, round(u.healthy::numeric, 4)), '{}') FROM @extschema@.pulse_uptime(since, until) u))
			FROM pulse.health_at(least(now(), until)) h));
END
$$;
COMMENT ON FUNCTION pulse.report_system(timestamptz, timestamptz, text) IS
	'Alerts of a period and the health at its end, with the share of the time that each component was healthy; null for who may not read messages.';

CREATE FUNCTION pulse_performance_report(days integer DEFAULT 30, portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	until timestamptz := now();
	since timestamptz;
BEGIN
	IF days IS NULL OR days < 1 OR days > 36500 THEN
		RAISE EXCEPTION 'days must lie between 1 and 36500'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is 30.';
	END IF;
	since := until - make_interval(hours => 24 * days);
	RETURN jsonb_build_object('kind', 'performance') || pulse.report_body(portfolio, since, until, since) || pulse.report_system(since, until, portfolio);
END
$$;
COMMENT ON FUNCTION pulse_performance_report(integer, text) IS
	'Report over the last days (24 hours each) as JSON: period, returns, risk, trading (with all symbols, best first), previous (the period of the same length before, and the change), performers (top and worst symbols), positions, benchmark (setting reports.benchmark), targets, recommendations with the numbers behind them; alerts and health for who may read messages. Returns start from the last snapshot before the period; trades are those closed in it, net of fees; targets are over the whole history. Money is a decimal string, start and end value and statistics are numbers, undefined is null. Portfolio NULL: all visible ones together. Error 22023 for days out of range.';

CREATE FUNCTION pulse.report_span(kind text, day date, zone text, OUT first date, OUT last date, OUT since timestamptz, OUT until timestamptz)
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	IF kind = 'weekly' THEN
		first := day - (extract(isodow FROM day)::integer - 1);
		last := first + 6;
	ELSE
		first := day;
		last := day;
	END IF;
	since := pulse.local_instant(first, time '00:00', zone);
	until := pulse.local_instant(last + 1, time '00:00', zone) - interval '1 microsecond';
END
$$;
COMMENT ON FUNCTION pulse.report_span(text, date, text) IS 'The local day, or the week from Monday to Sunday, that a report is about, as instants of a zone.';

CREATE FUNCTION pulse.local_instant(day date, clock time, zone text) RETURNS timestamptz
	LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
	AS $$
DECLARE
	wanted timestamp := day + clock;
	instant timestamptz := wanted AT TIME ZONE zone;
	low timestamptz;
	middle timestamptz;
	shift interval;
BEGIN
	IF instant AT TIME ZONE zone <> wanted THEN
		-- the clock skips it: look for the moment of the jump, the first instant whose local time is not before
		low := instant - interval '1 day';
		WHILE instant - low > interval '1 microsecond' LOOP
			middle := low + (instant - low) / 2;
			IF middle AT TIME ZONE zone < wanted THEN
				low := middle;
			ELSE
				instant := middle;
			END IF;
		END LOOP;
		RETURN date_trunc('second', instant + interval '0.5 second');
	END IF;
	-- the clock shows it twice: the first time counts
	FOREACH shift IN ARRAY '{00:20,00:30,01:00,02:00,03:00}'::interval[] LOOP
		IF (instant - shift) AT TIME ZONE zone = wanted THEN
			RETURN instant - shift;
		END IF;
	END LOOP;
	RETURN instant;
END
$$;
COMMENT ON FUNCTION pulse.local_instant(date, time, text) IS
	'When a clock in a zone shows a time on a day: where it is skipped, the moment of the jump; where it comes twice, the first.';

CREATE FUNCTION pulse.report_of(kind text, day date, portfolio text, zone text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	span record := pulse.report_span(kind, day, zone);
BEGIN
	RETURN jsonb_build_object('kind', kind, 'date', span.first, 'last_date', span.last, 'timezone', zone)
		|| pulse.report_body(portfolio, span.since, span.until, CASE kind WHEN 'daily' THEN span.until - interval '30 days' ELSE span.until - interval '90 days' END);
END
$$;
COMMENT ON FUNCTION pulse.report_of(text, date, text, text) IS 'The part of a daily or weekly report that is computed from the followed tables.';

CREATE FUNCTION pulse.report_now(kind text, day date, portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	zone text := pulse.config_text('reports.timezone');
	today date := (now() AT TIME ZONE zone)::date;
	span record;
BEGIN
	day := coalesce(day, CASE kind WHEN 'weekly' THEN today - 7 ELSE today - 1 END);
	IF day > today OR day < date '1970-01-02' THEN
		RAISE EXCEPTION 'there is no report for %', day USING ERRCODE = 'invalid_parameter_value', HINT = 'Name a day that has begun.';
	END IF;
	span := pulse.report_span(kind, day, zone);
	RETURN pulse.report_of(kind, day, portfolio, zone) || pulse.report_system(span.since, span.until, portfolio);
END
$$;
COMMENT ON FUNCTION pulse.report_now(text, date, text) IS 'Body of pulse_daily_report() and pulse_weekly_report().';

CREATE FUNCTION pulse_daily_report(date date DEFAULT NULL, portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE sql STABLE AS $$ SELECT pulse.report_now('daily', $1, $2) $$;
COMMENT ON FUNCTION pulse_daily_report(date, text) IS
	'Report on a day of the zone reports.timezone, yesterday by default, as pulse_performance_report() has it; risk is over the 30 days up to its end, because one day has none, with max_drawdown_of_period beside it. Error 22023 for a day that has not begun.';
CREATE FUNCTION pulse_weekly_report(week date DEFAULT NULL, portfolio text DEFAULT NULL) RETURNS jsonb
	LANGUAGE sql STABLE AS $$ SELECT pulse.report_now('weekly', $1, $2) $$;
COMMENT ON FUNCTION pulse_weekly_report(date, text) IS
	'Report on the week from Monday to Sunday, in the zone reports.timezone, that contains a day; last week by default; as pulse_performance_report() has it, with risk over the 90 days up to its end. Error 22023 for a week that has not begun.';
-- Reports on time: at a local time, once for each local date, whatever is restarted in between.

CREATE TABLE pulse.report_schedule (
	name		text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9_.-]{0,99}$'),
	kind		text NOT NULL CHECK (kind IN ('daily', 'weekly')),
	at			time NOT NULL DEFAULT '09:00',
	weekday		integer NOT NULL DEFAULT 1 CHECK (weekday BETWEEN 1 AND 7),
	timezone	text,
	portfolio	text,
	owner		text,
	enabled		boolean NOT NULL DEFAULT true,
	since		timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE pulse.report_schedule IS 'which reports are sent when';
COMMENT ON COLUMN pulse.report_schedule.name IS 'its name; daily and weekly come with Pulse';
COMMENT ON COLUMN pulse.report_schedule.kind IS 'daily: about the local day before; weekly: about the week, Monday to Sunday, before';
COMMENT ON COLUMN pulse.report_schedule.at IS 'local time; where the clock skips it the moment of the jump, where it comes twice the first';
COMMENT ON COLUMN pulse.report_schedule.weekday IS 'day of a weekly report, 1 being Monday';
COMMENT ON COLUMN pulse.report_schedule.timezone IS 'IANA zone, NULL: reports.timezone';
COMMENT ON COLUMN pulse.report_schedule.portfolio IS 'NULL: all that the owner sees together';
COMMENT ON COLUMN pulse.report_schedule.owner IS 'role as which the tables are read, NULL: the owner of the first followed table';
COMMENT ON COLUMN pulse.report_schedule.enabled IS 'false: it is not sent';
COMMENT ON COLUMN pulse.report_schedule.since IS 'what was due before is not sent any more';
REVOKE ALL ON pulse.report_schedule FROM PUBLIC;

CREATE TABLE pulse.report_run (
	name		text NOT NULL,
	date		date NOT NULL,
	due_at		timestamptz NOT NULL,
	made_at		timestamptz NOT NULL,
	delivery_id	bigint,
	error		text,
	PRIMARY KEY (name, date)
);
COMMENT ON TABLE pulse.report_run IS 'reports that were made: one for each local date; kept for two years';
COMMENT ON COLUMN pulse.report_run.name IS 'of the schedule';
COMMENT ON COLUMN pulse.report_run.date IS 'local date on which it was due';
COMMENT ON COLUMN pulse.report_run.due_at IS 'when it was due';
COMMENT ON COLUMN pulse.report_run.made_at IS 'when it was made';
COMMENT ON COLUMN pulse.report_run.delivery_id IS 'the message that brought it, NULL: there was nothing to report';
COMMENT ON COLUMN pulse.report_run.error IS 'why it could not be computed; the message then says so';
REVOKE ALL ON pulse.report_run FROM PUBLIC;

INSERT INTO pulse.report_schedule (name, kind) VALUES ('daily', 'daily'), ('weekly', 'weekly');

-- The rows that come with the extension are in a dump too, because they may have been changed: they replace the fresh ones.
CREATE FUNCTION pulse.replace_schedule() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM pulse.report_schedule s WHERE s.name = NEW.name;
	RETURN NEW;
END
$$;
COMMENT ON FUNCTION pulse.replace_schedule() IS 'Trigger on pulse.report_schedule: a row replaces the one of its name.';
CREATE TRIGGER replace_schedule BEFORE INSERT ON pulse.report_schedule FOR EACH ROW EXECUTE FUNCTION pulse.replace_schedule();
SELECT pg_catalog.pg_extension_config_dump('pulse.report_schedule', '');
SELECT pg_catalog.pg_extension_config_dump('pulse.report_run', '');

CREATE FUNCTION pulse.schedule_due(s pulse.report_schedule, at timestamptz, OUT date date, OUT due_at timestamptz, OUT next_at timestamptz)
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	zone text := coalesce((s).timezone, pulse.config_text('reports.timezone'));
	today date := (at AT TIME ZONE zone)::date;
	day date;
	instant timestamptz;
BEGIN
	FOR day IN SELECT d.day FROM (SELECT today - n AS day FROM generate_series(-8, 8) n) d
			WHERE (s).kind = 'daily' OR extract(isodow FROM d.day) = (s).weekday ORDER BY d.day LOOP
		instant := pulse.local_instant(day, (s).at, zone);
		IF instant <= at THEN
			date := day;
			due_at := instant;
		ELSE
			next_at := instant;
			RETURN;
		END IF;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse.schedule_due(pulse.report_schedule, timestamptz) IS
	'The local date on which a schedule was due last, that moment, and when it is due next.';

CREATE FUNCTION pulse.report_role(wanted text) RETURNS oid
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT CASE WHEN $1 IS NOT NULL THEN (SELECT r.oid FROM pg_roles r WHERE r.rolname = $1)
		ELSE (SELECT c.relowner FROM pulse.source s JOIN pg_class c ON c.oid = to_regclass(format('%I.%I', s.schema_name, s.table_name))
			  WHERE s.state = 'active' ORDER BY s.kind, s.source_id LIMIT 1) END
	$$;
COMMENT ON FUNCTION pulse.report_role(text) IS 'The role as which a report is computed: the one that is named, or the owner of the first followed table.';

CREATE FUNCTION pulse.report_text(report jsonb) RETURNS text
	LANGUAGE sql STABLE
	AS $$
	SELECT concat_ws(E'\n',
		format('Value: %s (%s %%)', coalesce(round((report #>> '{returns,end_value}')::numeric, 2)::text, '-'), coalesce(to_char((report #>> '{returns,total_return}')::numeric * 100, 'FMS9999990.00'), '-')),
		format('Trades: %s, net %s', report #>> '{trading,total_trades}', coalesce(round((report #>> '{returns,net_pnl}')::numeric, 2)::text, '-')),
		'Max drawdown: ' || pulse.percent((report #>> '{risk,max_drawdown}')::float8) || ' %',
		'Sharpe: ' || round((report #>> '{risk,sharpe}')::numeric, 2),
		(SELECT 'Best: ' || string_agg(format('%s %s', p ->> 'symbol', round((p ->> 'net_pnl')::numeric, 2)), ', ') FROM jsonb_path_query(report, '$.performers.top[0 to 2]') p),
		(SELECT 'Worst: ' || string_agg(format('%s %s', p ->> 'symbol', round((p ->> 'net_pnl')::numeric, 2)), ', ') FROM jsonb_path_query(report, '$.performers.worst[0 to 2]') p),
		'Health: ' || (report #>> '{health,status}'),
		(SELECT string_agg('• ' || (r ->> 'text'), E'\n') FROM jsonb_path_query(report, '$.recommendations[0 to 4]') r))
	$$;
COMMENT ON FUNCTION pulse.report_text(jsonb) IS 'A report in a few lines, for who shows nothing better.';

CREATE FUNCTION pulse.make_report(s pulse.report_schedule, due_date date, due_at timestamptz, at timestamptz) RETURNS void
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	zone text := coalesce((s).timezone, pulse.config_text('reports.timezone'));
	day date := due_date - CASE (s).kind WHEN 'weekly' THEN 7 ELSE 1 END;
	role oid := pulse.report_role((s).owner);
	span record := pulse.report_span((s).kind, day, zone);
	run record;
	report jsonb;
	message_id bigint;
BEGIN
	IF role IS NULL THEN
		INSERT INTO pulse.report_run (name, date, due_at, made_at, error) VALUES ((s).name, due_date, due_at, at,
			CASE WHEN (s).owner IS NULL THEN 'no table is followed' ELSE format('role "%s" does not exist', (s).owner) END);
		RETURN;
	END IF;
	-- code of the owner of the tables, as in a policy, runs with his rights and not with ours
	SELECT * INTO run FROM pulse.run_as(role, format('SELECT pulse.report_of(%L, %L::date, %L, %L)', (s).kind, day, (s).portfolio, zone), 'pg_catalog, pg_temp', 60000, 1, 4194304);
	IF run.error IS NULL THEN
		report := (run.result #> '{0,report_of}') || pulse.report_system(span.since, span.until, (s).portfolio);
	END IF;
	IF report IS NOT NULL AND report #>> '{trading,total_trades}' = '0'
			AND coalesce((report #>> '{period,last_snapshot}')::timestamptz <= span.since, true) THEN
		INSERT INTO pulse.report_run (name, date, due_at, made_at) VALUES ((s).name, due_date, due_at, at);
		RETURN;
	END IF;
	message_id := pulse.enqueue(upper((s).kind) || '_REPORT', 'LOW', (s).portfolio,
		CASE (s).kind WHEN 'daily' THEN format('Daily report %s', day) ELSE format('Weekly report %s to %s', span.first, span.last) END,
		CASE WHEN report IS NULL THEN 'The report could not be computed: ' || left(run.error, 500) ELSE pulse.report_text(report) END,
		coalesce(report, '{}') || jsonb_build_object('schedule', (s).name), concat_ws(':', 'report', (s).name, due_date), at);
	-- a message, not an alert
	UPDATE pulse.delivery d SET event_seq = 0 WHERE d.delivery_id = message_id AND d.event_seq IS NULL;
	INSERT INTO pulse.report_run (name, date, due_at, made_at, delivery_id, error) VALUES ((s).name, due_date, due_at, at, message_id, run.error);
END
$$;
COMMENT ON FUNCTION pulse.make_report(pulse.report_schedule, date, timestamptz, timestamptz) IS
	'Computes a report as the owner of the tables, puts it into the outbox as DAILY_REPORT or WEEKLY_REPORT, and notes in the same transaction that it was made. A period without any row is noted but not sent.';

CREATE FUNCTION pulse.run_reports(at timestamptz) RETURNS timestamptz
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	s pulse.report_schedule;
	due record;
	wish timestamptz := at + interval '15 minutes';
BEGIN
	FOR s IN SELECT * FROM pulse.report_schedule r WHERE r.enabled ORDER BY r.name LOOP
		SELECT * INTO due FROM pulse.schedule_due(s, at);
		IF due.due_at > s.since AND due.due_at > at - interval '3 days'
				AND NOT EXISTS (SELECT FROM pulse.report_run r WHERE r.name = s.name AND r.date >= due.date) THEN
			PERFORM pulse.make_report(s, due.date, due.due_at, at);
		END IF;
		wish := least(wish, due.next_at);
	END LOOP;
	DELETE FROM pulse.report_run r WHERE r.made_at < at - interval '2 years';
	RETURN wish;
END
$$;
COMMENT ON FUNCTION pulse.run_reports(timestamptz) IS
	'Job: makes the reports that are due. One that was missed is made as soon as possible, the last one only, and not after three days.';
INSERT INTO pulse.job (name, command, every) VALUES ('reports', 'pulse.run_reports', '15 minutes');

CREATE FUNCTION pulse.store_report_schedule(name text, owner text, definition jsonb) RETURNS jsonb
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	known text := (SELECT s.owner FROM pulse.report_schedule s WHERE s.name = store_report_schedule.name);
	is_super boolean := EXISTS (SELECT FROM pg_roles p WHERE p.rolname = owner AND p.rolsuper);
BEGIN
	IF known IS NOT NULL AND NOT (is_super OR NOT EXISTS (SELECT FROM pg_roles p WHERE p.rolname = known) OR pg_has_role(owner, known, 'MEMBER')) THEN
		RAISE EXCEPTION 'report schedule "%" belongs to role "%"', name, known USING ERRCODE = 'insufficient_privilege';
	END IF;
	IF definition ->> 'remove' = 'true' THEN
		DELETE FROM pulse.report_schedule s WHERE s.name = store_report_schedule.name;
		RETURN to_jsonb(FOUND);
	END IF;
	IF definition ->> 'timezone' IS NOT NULL AND NOT EXISTS (SELECT FROM pg_timezone_names n WHERE n.name = definition ->> 'timezone') THEN
		RAISE EXCEPTION 'unknown time zone: %', quote_literal(definition ->> 'timezone')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a name like Europe/Berlin or UTC.';
	END IF;
	-- the two that come with Pulse, and those of superusers, read as the owner of the tables
	INSERT INTO pulse.report_schedule (name, kind, at, weekday, timezone, portfolio, owner, enabled)
		VALUES (name, definition ->> 'kind', (definition ->> 'at')::time, (definition ->> 'weekday')::integer, definition ->> 'timezone', definition ->> 'portfolio',
				CASE WHEN NOT is_super THEN owner END, (definition ->> 'enabled')::boolean);
	PERFORM pulse.touch_job('reports');
	RETURN 'true';
EXCEPTION WHEN check_violation OR not_null_violation THEN
	RAISE EXCEPTION 'unfit report schedule %', coalesce(quote_literal(name), 'NULL') USING ERRCODE = 'invalid_parameter_value', DETAIL = SQLERRM,
		HINT = 'The kind is daily or weekly, the weekday 1 (Monday) to 7, the name has lower-case letters, digits, and _ . -';
END
$$;
COMMENT ON FUNCTION pulse.store_report_schedule(text, text, jsonb) IS 'Stores when a report is sent, for a role, or removes it.';

CREATE FUNCTION pulse_schedule_report(name text, kind text DEFAULT 'daily', at time DEFAULT '09:00', weekday integer DEFAULT 1, timezone text DEFAULT NULL,
									  portfolio text DEFAULT NULL, enabled boolean DEFAULT true) RETURNS void
	LANGUAGE sql VOLATILE
	AS $$
	SELECT pulse.register('report', $1, jsonb_build_object('kind', lower($2), 'at', $3, 'weekday', $4, 'timezone', $5, 'portfolio', $6, 'enabled', $7));
	$$;
COMMENT ON FUNCTION pulse_schedule_report(text, text, time, integer, text, text, boolean) IS
	'Says when a report is sent, or changes the schedule of that name; daily (09:00) and weekly (Monday 09:00) come with Pulse. at is a local time in timezone (NULL: reports.timezone): where the clock skips it the moment of the jump counts, where it comes twice the first. Each local date gets one report, whatever is restarted or changed; one that was missed comes late, but not after three days. It is computed with the rights of the role that calls (of the owner of the followed tables when a superuser does) and sent as DAILY_REPORT or WEEKLY_REPORT. Errors: 22023 for unfit values, 42501 when the name belongs to another role.';

CREATE FUNCTION pulse_unschedule_report(name text) RETURNS boolean
	LANGUAGE sql VOLATILE AS $$ SELECT pulse.unregister('report', $1) $$;
COMMENT ON FUNCTION pulse_unschedule_report(text) IS 'Removes a report schedule; false when there is none of that name. Error 42501 when it belongs to another role.';

CREATE FUNCTION pulse_report_schedules()
	RETURNS TABLE (name text, kind text, at time, weekday integer, timezone text, portfolio text, owner text, enabled boolean, next_at timestamptz,
				   last_date date, last_made_at timestamptz, last_error text)
	LANGUAGE sql STABLE
	AS $$
	SELECT s.name, s.kind, s.at, CASE s.kind WHEN 'weekly' THEN s.weekday END, coalesce(s.timezone, pulse.config_text('reports.timezone')), s.portfolio, s.owner, s.enabled,
		CASE WHEN s.enabled THEN (pulse.schedule_due(s, now())).next_at END, r.date, r.made_at, r.error
	FROM pulse.report_schedule s LEFT JOIN LATERAL (SELECT * FROM pulse.report_run x WHERE x.name = s.name ORDER BY x.date DESC LIMIT 1) r ON true
	ORDER BY s.name
	$$;
COMMENT ON FUNCTION pulse_report_schedules() IS 'The report schedules with the next time that each is due, and what came of the last one. For readers (pulse_grant).';

REVOKE ALL ON FUNCTION pulse.make_report(pulse.report_schedule, date, timestamptz, timestamptz), pulse.run_reports(timestamptz),
	pulse.store_report_schedule(text, text, jsonb), pulse_schedule_report(text, text, time, integer, text, text, boolean), pulse_unschedule_report(text) FROM PUBLIC;
INSERT INTO pulse.privilege (level, kind, name, privilege)
	SELECT 'reader', 'table', unnest(ARRAY['report_schedule', 'report_run']), 'SELECT'
	UNION ALL SELECT 'admin', 'function', unnest(ARRAY['pulse_schedule_report', 'pulse_unschedule_report']), 'EXECUTE';
-- Data of the state messages, as the tick asks for them. They run as the owner of the user's tables.

CREATE FUNCTION pulse.portfolio_update(portfolio text) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$ SELECT @extschema@.pulse_portfolio(portfolio) $$;
COMMENT ON FUNCTION pulse.portfolio_update(text) IS 'Data of the PORTFOLIO_UPDATE event of a portfolio.';
-- What the daemon keeps here: the commands that people sent, and where messages went besides Telegram.

CREATE TABLE pulse.telegram_command (
	update_id	bigint PRIMARY KEY,
	received_at	timestamptz NOT NULL DEFAULT now(),
	user_id		bigint,
	user_name	text,
	chat_id		bigint,
	command		text NOT NULL,
	allowed		boolean NOT NULL,
	outcome		text
);
COMMENT ON TABLE pulse.telegram_command IS 'audit of the commands and buttons that came by Telegram, also those of people who may not; each update is worked on once';

CREATE INDEX delivery_alert_idx ON pulse.delivery ((data ->> 'alert_id'), delivery_id) WHERE data ? 'alert_id';

CREATE TABLE pulse.sink (
	name		text PRIMARY KEY,
	kind		text NOT NULL,
	since_delivery_id bigint NOT NULL,
	seen_at		timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE pulse.sink IS 'places besides Telegram that get the messages; a new one gets none that are older than it';

CREATE TABLE pulse.delivery_sink (
	delivery_id	bigint NOT NULL,
	sink		text NOT NULL REFERENCES pulse.sink ON DELETE CASCADE,
	status		text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'leased', 'sent', 'ambiguous', 'dead')),
	not_before	timestamptz NOT NULL DEFAULT now(),
	attempts	integer NOT NULL DEFAULT 0,
	lease_until	timestamptz,
	lease_owner	text,
	lease_epoch	bigint,
	external_id	text,
	last_error	text,
	sent_at		timestamptz,
	PRIMARY KEY (delivery_id, sink)
);
CREATE INDEX delivery_sink_due_idx ON pulse.delivery_sink (sink, not_before) WHERE status IN ('pending', 'leased');
COMMENT ON TABLE pulse.delivery_sink IS 'what became of each message at each place besides Telegram; rows go with their messages, at the next claim';

CREATE FUNCTION pulse.claim_for_sink(sink_name text, sink_kind text, least_priority text, owner text, epoch bigint, most integer)
	RETURNS TABLE (delivery_id bigint, type text, priority text, portfolio text, title text, message text, data jsonb,
				   created_at timestamptz, duplicates integer, attempts integer)
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_column
DECLARE
	first bigint;
	made bigint;
BEGIN
	INSERT INTO pulse.sink AS s (name, kind, since_delivery_id)
		VALUES (sink_name, sink_kind, coalesce((SELECT max(d.delivery_id) FROM pulse.delivery d), 0))
		ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, seen_at = now()
		RETURNING s.since_delivery_id INTO first;
	INSERT INTO pulse.delivery_sink (delivery_id, sink)
		SELECT d.delivery_id, sink_name FROM pulse.delivery d
		WHERE d.delivery_id > first AND NOT EXISTS (SELECT FROM pulse.delivery_sink x WHERE x.delivery_id = d.delivery_id AND x.sink = sink_name)
			AND d.priority = ANY (CASE least_priority WHEN 'CRITICAL' THEN '{CRITICAL}' WHEN 'HIGH' THEN '{CRITICAL,HIGH}'
				WHEN 'MEDIUM' THEN '{CRITICAL,HIGH,MEDIUM}' ELSE '{CRITICAL,HIGH,MEDIUM,LOW}' END::text[])
			AND (coalesce(jsonb_typeof(to_jsonb(d) -> 'sinks'), 'null') = 'null' OR to_jsonb(d) -> 'sinks' ? sink_name)
		ORDER BY d.delivery_id LIMIT 1000
		ON CONFLICT DO NOTHING;
	GET DIAGNOSTICS made = ROW_COUNT;
	DELETE FROM pulse.delivery_sink x WHERE x.sink = sink_name AND x.delivery_id < (SELECT min(d.delivery_id) FROM pulse.delivery d);
	-- A number that was given out earlier may commit later, so the last hour is looked at again.
	IF made < 1000 THEN
		UPDATE pulse.sink s SET since_delivery_id = greatest(s.since_delivery_id,
			(SELECT max(d.delivery_id) FROM pulse.delivery d WHERE d.delivery_id > first AND d.created_at < now() - interval '1 hour'))
		WHERE s.name = sink_name;
	END IF;
	RETURN QUERY
		WITH due AS (
			SELECT x.delivery_id AS id FROM pulse.delivery_sink x JOIN pulse.delivery d USING (delivery_id)
			WHERE x.sink = sink_name AND ((x.status = 'pending' AND x.not_before <= now()) OR (x.status = 'leased' AND x.lease_until < now()))
			ORDER BY d.priority <> 'CRITICAL', d.created_at + CASE d.priority WHEN 'LOW' THEN interval '10 minutes'
				WHEN 'MEDIUM' THEN interval '5 minutes' ELSE interval '0' END, x.delivery_id
			LIMIT most FOR UPDATE OF x SKIP LOCKED
		), leased AS (
			UPDATE pulse.delivery_sink x SET status = 'leased', lease_owner = owner, lease_epoch = epoch,
				lease_until = now() + interval '60 seconds', attempts = x.attempts + 1
			FROM due WHERE x.delivery_id = due.id AND x.sink = sink_name
			RETURNING x.delivery_id, x.attempts
		)
		SELECT d.delivery_id, d.type, d.priority, d.portfolio, d.title, d.message, d.data, d.created_at, d.duplicates, l.attempts
		FROM leased l JOIN pulse.delivery d USING (delivery_id) ORDER BY d.delivery_id;
END
$$;
COMMENT ON FUNCTION pulse.claim_for_sink(text, text, text, text, bigint, integer) IS
	'Makes rows for what a sink has not got yet and leases the next of them to a worker; a lease that ran out is taken again, since these places know a message by its id.';
REVOKE ALL ON FUNCTION pulse.claim_for_sink(text, text, text, text, bigint, integer) FROM PUBLIC;

CREATE FUNCTION pulse.give_up_stale(age interval, at timestamptz, most bigint) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	given_up record;
	note record;
BEGIN
	WITH stale AS (
		UPDATE pulse.delivery d SET status = 'dead', last_error = 'too old to be news when it could have been sent'
		WHERE d.ctid = ANY (ARRAY(SELECT o.ctid FROM pulse.delivery o
			WHERE o.status = 'pending' AND o.type = 'TRADE_ALERT' AND o.priority = 'LOW' AND o.not_before < at - age
			ORDER BY o.channel, o.not_before LIMIT most FOR UPDATE SKIP LOCKED))
		RETURNING d.created_at, CASE WHEN jsonb_typeof(d.data -> 'fills') = 'number' THEN (d.data ->> 'fills')::numeric ELSE 1 END AS trades)
	SELECT count(*) AS messages, sum(s.trades) AS trades, min(s.created_at) AS first, max(s.created_at) AS last INTO given_up FROM stale s;
	-- who never sends to Telegram misses nothing
	IF given_up.messages = 0 OR NOT EXISTS (SELECT FROM pulse.delivery d WHERE d.channel = 'telegram' AND d.status = 'sent') THEN
		RETURN given_up.messages;
	END IF;
	SELECT e.delivery_id, e.data INTO note FROM pulse.delivery e
		WHERE e.dedup_key = 'trades not told' AND e.status = 'pending' AND jsonb_typeof(e.data -> 'count') = 'number'
		ORDER BY e.created_at DESC LIMIT 1 FOR UPDATE SKIP LOCKED;
	given_up.trades := given_up.trades + coalesce((note.data ->> 'count')::numeric, 0);
	given_up.first := least(given_up.first, (note.data ->> 'from')::timestamptz);
	given_up.last := greatest(given_up.last, (note.data ->> 'until')::timestamptz);
	IF note.delivery_id IS NULL THEN
		INSERT INTO pulse.delivery (created_at, not_before, type, priority, title, message, dedup_key, sinks)
			VALUES (at, at, 'SYSTEM', 'MEDIUM', '', '', 'trades not told', '{telegram}') RETURNING delivery_id INTO note.delivery_id;
	END IF;
	UPDATE pulse.delivery d SET
		title = format('%s %s were not told', given_up.trades, CASE given_up.trades WHEN 1 THEN 'trade' ELSE 'trades' END),
		message = format('Nothing could be sent for too long: these messages of %s to %s UTC are no news any more. The trades themselves are all there.',
			to_char(given_up.first AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), to_char(given_up.last AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')),
		data = jsonb_build_object('count', given_up.trades, 'from', given_up.first, 'until', given_up.last)
		WHERE d.delivery_id = note.delivery_id;
	RETURN given_up.messages;
END
$$;
COMMENT ON FUNCTION pulse.give_up_stale(interval, timestamptz, bigint) IS
	'Gives up at most so many messages about single fills that wait for longer than an age, and counts them into one message that tells how many there were: late, but none vanishes. They stay in pulse.delivery as dead, with the reason. Returns how many it gave up.';
REVOKE ALL ON FUNCTION pulse.give_up_stale(interval, timestamptz, bigint) FROM PUBLIC;

INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES
	('reader', 'table', 'sink', 'SELECT'), ('reader', 'table', 'delivery_sink', 'SELECT'), ('reader', 'table', 'telegram_command', 'SELECT'),
	('worker', 'table', 'sink', 'INSERT'), ('worker', 'table', 'sink', 'UPDATE'),
	('worker', 'table', 'delivery_sink', 'INSERT'), ('worker', 'table', 'delivery_sink', 'UPDATE'), ('worker', 'table', 'delivery_sink', 'DELETE'),
	('worker', 'table', 'telegram_command', 'INSERT'), ('worker', 'table', 'telegram_command', 'UPDATE'),
	('worker', 'function', 'claim_for_sink', 'EXECUTE'),
	('worker', 'function', 'pulse_ack', 'EXECUTE'), ('worker', 'function', 'pulse_silence', 'EXECUTE'),
	('worker', 'function', 'pulse_unsilence', 'EXECUTE')
	ON CONFLICT DO NOTHING;
-- Who may talk to the daemon: bearer tokens, stored as hashes, and the sessions of browsers that logged in with one.

CREATE TABLE pulse.token (
	token_id	bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	parent		bigint REFERENCES pulse.token ON DELETE CASCADE,
	name		text,
	hash		bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
	scope		text NOT NULL CHECK (scope IN ('read', 'operate', 'admin')),
	portfolios	text[] CHECK (cardinality(portfolios) > 0 AND array_position(portfolios, NULL) IS NULL),
	created_at	timestamptz NOT NULL DEFAULT now(),
	created_by	text NOT NULL DEFAULT session_user,
	expires_at	timestamptz,
	revoked_at	timestamptz,
	last_used_at	timestamptz
);
CREATE INDEX token_parent_idx ON pulse.token (parent) WHERE parent IS NOT NULL;
COMMENT ON TABLE pulse.token IS 'bearer tokens of the daemon''s interfaces; only their SHA-256 is kept';
COMMENT ON COLUMN pulse.token.parent IS 'a browser''s session belongs to the token that it logged in with';
COMMENT ON COLUMN pulse.token.portfolios IS 'what it may see; NULL: everything';
SELECT pg_catalog.pg_extension_config_dump('pulse.token', 'WHERE parent IS NULL');
SELECT pg_catalog.pg_extension_config_dump('pulse.token_token_id_seq', '');

-- The payload is no number, so it tells listeners to look at the tokens instead of the events.
CREATE FUNCTION pulse.token_changed() RETURNS trigger
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	PERFORM pg_notify('pulse', 'tokens');
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION pulse.token_changed() IS
	'Trigger of pulse.token: tells the daemon to read the tokens again.';
CREATE TRIGGER token_changed AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF scope, portfolios, expires_at, revoked_at, hash
	ON pulse.token FOR EACH STATEMENT EXECUTE FUNCTION pulse.token_changed();

CREATE FUNCTION pulse_token_add(hash bytea, scope text DEFAULT 'read', portfolios text[] DEFAULT NULL,
								expires_at timestamptz DEFAULT NULL, name text DEFAULT NULL) RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	id bigint;
BEGIN
	IF hash IS NULL OR octet_length(hash) <> 32 THEN
		RAISE EXCEPTION 'hash must be the 32 bytes of a SHA-256'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'pulse-worker token create makes a token and stores its hash.';
	ELSIF scope IS NULL OR scope NOT IN ('read', 'operate', 'admin') THEN
		RAISE EXCEPTION 'unknown scope %', coalesce(quote_literal(scope), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use read, operate or admin.';
	ELSIF cardinality(portfolios) = 0 OR array_position(portfolios, NULL) IS NOT NULL OR cardinality(portfolios) > 64 THEN
		RAISE EXCEPTION 'portfolios must be 1 to 64 names'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'NULL means all portfolios.';
	ELSIF expires_at <= now() THEN
		RAISE EXCEPTION 'the token would have expired already'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'NULL means that it never expires.';
	END IF;
	INSERT INTO pulse.token (name, hash, scope, portfolios, expires_at)
		VALUES (name, hash, scope, portfolios, expires_at) RETURNING token_id INTO id;
	RETURN id;
EXCEPTION WHEN unique_violation THEN
	RAISE EXCEPTION 'this token exists already' USING ERRCODE = 'unique_violation';
END
$$;
REVOKE ALL ON FUNCTION pulse_token_add(bytea, text, text[], timestamptz, text) FROM PUBLIC;
COMMENT ON FUNCTION pulse_token_add(bytea, text, text[], timestamptz, text) IS
	'Stores the SHA-256 of a bearer token for the daemon''s WebSocket and HTTP interfaces and returns its number; pulse-worker token create makes tokens and calls this. Scope: read, operate (acknowledge, silence, run checks) or admin. Portfolios NULL: all; expires_at NULL: never. Error 22023 for a bad argument, 23505 when the token exists.';

CREATE FUNCTION pulse_tokens() RETURNS TABLE (token_id bigint, name text, scope text, portfolios text[], state text,
											  created_at timestamptz, created_by text, expires_at timestamptz,
											  last_used_at timestamptz, sessions bigint)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT t.token_id, t.name, t.scope, t.portfolios,
		CASE WHEN t.revoked_at IS NOT NULL THEN 'revoked' WHEN t.expires_at <= now() THEN 'expired' ELSE 'active' END,
		t.created_at, t.created_by, t.expires_at, t.last_used_at,
		(SELECT count(*) FROM pulse.token s WHERE s.parent = t.token_id AND (s.expires_at IS NULL OR s.expires_at > now()))
	FROM pulse.token t WHERE t.parent IS NULL ORDER BY t.token_id
$$;
REVOKE ALL ON FUNCTION pulse_tokens() FROM PUBLIC;
COMMENT ON FUNCTION pulse_tokens() IS
	'The bearer tokens of the daemon''s interfaces: scope, portfolios (NULL: all), state (active, expired or revoked), when last used (to the minute) and how many browsers are logged in with it. The tokens themselves are not stored.';

CREATE FUNCTION pulse_token_revoke(token_id bigint) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM pulse.token s WHERE s.parent = pulse_token_revoke.token_id;
	UPDATE pulse.token t SET revoked_at = now()
		WHERE t.token_id = pulse_token_revoke.token_id AND t.parent IS NULL AND t.revoked_at IS NULL;
	RETURN FOUND;
END
$$;
REVOKE ALL ON FUNCTION pulse_token_revoke(bigint) FROM PUBLIC;
COMMENT ON FUNCTION pulse_token_revoke(bigint) IS
	'Revokes a bearer token and ends its sessions; the daemon closes its connections with 4001. Returns whether there was an active one of that number.';

-- The daemon's side ------------------------------------------------------------------------------------------------

CREATE FUNCTION pulse.tokens_in_force() RETURNS TABLE (token_id bigint, hash text, name text, scope text, portfolios text[],
													   expires_us bigint, parent bigint)
	LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	SELECT t.token_id, encode(t.hash, 'hex'), t.name, t.scope, t.portfolios,
		(extract(epoch FROM least(t.expires_at, p.expires_at)) * 1000000)::bigint, t.parent
	FROM pulse.token t LEFT JOIN pulse.token p ON p.token_id = t.parent
	WHERE t.revoked_at IS NULL AND p.revoked_at IS NULL
		AND (t.expires_at IS NULL OR t.expires_at > now()) AND (p.expires_at IS NULL OR p.expires_at > now())
	ORDER BY t.hash LIMIT 20000
$$;
REVOKE ALL ON FUNCTION pulse.tokens_in_force() FROM PUBLIC;
COMMENT ON FUNCTION pulse.tokens_in_force() IS
	'For the daemon: the hashes (hexadecimal) of tokens and sessions that are valid now, with what they allow, at most 20,000; expires_us in microseconds since 1970.';

CREATE FUNCTION pulse.session_open(token bigint, session_hash bytea, seconds bigint) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM pulse.token s WHERE s.parent IS NOT NULL AND s.expires_at <= now();
	-- A hundred browsers a token; the one that logged in longest ago makes room.
	DELETE FROM pulse.token s WHERE s.token_id IN (
		SELECT o.token_id FROM pulse.token o WHERE o.parent = session_open.token ORDER BY o.token_id DESC OFFSET 99);
	INSERT INTO pulse.token (parent, name, hash, scope, portfolios, expires_at)
		SELECT t.token_id, t.name, session_hash, t.scope, t.portfolios, least(t.expires_at, now() + seconds * interval '1 second')
		FROM pulse.token t
		WHERE t.token_id = session_open.token AND t.parent IS NULL AND t.revoked_at IS NULL
			AND (t.expires_at IS NULL OR t.expires_at > now());
	RETURN FOUND;
END
$$;
REVOKE ALL ON FUNCTION pulse.session_open(bigint, bytea, bigint) FROM PUBLIC;
COMMENT ON FUNCTION pulse.session_open(bigint, bytea, bigint) IS
	'For the daemon: begins the session of a browser that logged in with a token; returns whether that token is valid. At most 100 sessions a token.';

CREATE FUNCTION pulse.session_close(session_hash bytea) RETURNS boolean
	LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
BEGIN
	DELETE FROM pulse.token s WHERE s.hash = session_hash AND s.parent IS NOT NULL;
	RETURN FOUND;
END
$$;
REVOKE ALL ON FUNCTION pulse.session_close(bytea) FROM PUBLIC;
COMMENT ON FUNCTION pulse.session_close(bytea) IS
	'For the daemon: ends a browser''s session; returns whether there was one.';

CREATE FUNCTION pulse.tokens_used(ids bigint[]) RETURNS void
	LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
	UPDATE pulse.token SET last_used_at = now() WHERE token_id = ANY (ids)
$$;
REVOKE ALL ON FUNCTION pulse.tokens_used(bigint[]) FROM PUBLIC;
COMMENT ON FUNCTION pulse.tokens_used(bigint[]) IS
	'For the daemon: notes that tokens were used now.';

INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES
	('worker', 'function', 'tokens_in_force', 'EXECUTE'), ('worker', 'function', 'session_open', 'EXECUTE'),
	('worker', 'function', 'session_close', 'EXECUTE'), ('worker', 'function', 'tokens_used', 'EXECUTE'),
	('admin', 'function', 'pulse_token_add', 'EXECUTE'), ('admin', 'function', 'pulse_tokens', 'EXECUTE'),
	('admin', 'function', 'pulse_token_revoke', 'EXECUTE');
-- What only the daemon's interfaces need.

CREATE FUNCTION pulse.rolling_data(metric text, window_days integer, days integer, for_portfolio text) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	until timestamptz := now();
	since timestamptz := until - make_interval(days => days);
	summary @extschema@.pulse_summary;
	result jsonb;
BEGIN
	-- The first window needs the days before it.
	EXECUTE format('SELECT @extschema@.pulse_summary(e.ts, e.value::float8, e.flow::float8) FROM (%s) e',
			pulse.equity_query(for_portfolio, since - make_interval(days => window_days), until))
		INTO summary USING for_portfolio, since - make_interval(days => window_days), until;
	SELECT jsonb_build_object('metric', metric, 'window_days', window_days,
			'ts', coalesce(jsonb_agg(extract(epoch FROM r.ts)::float8 ORDER BY r.ts), '[]'),
			'value', coalesce(jsonb_agg(pulse.json_number(r.value) ORDER BY r.ts), '[]'))
		INTO result FROM @extschema@.pulse_rolling(metric, make_interval(days => window_days), summary) r WHERE r.ts >= since;
	RETURN result;
END
$$;
COMMENT ON FUNCTION pulse.rolling_data(text, integer, integer, text) IS
	'A metric over a sliding window of days as JSON columns: metric, window_days, ts (seconds since 1970), value. Portfolio NULL: all visible ones together.';

-- What clients of scope operate do through the daemon.
INSERT INTO pulse.privilege (level, kind, name, privilege)
	SELECT 'worker', 'function', unnest(ARRAY['pulse_ack', 'pulse_silence', 'pulse_unsilence']), 'EXECUTE' ON CONFLICT DO NOTHING;
-- Figures that the dashboard shows and that are made of several others.

CREATE FUNCTION pulse.exposure_data(for_portfolio text) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	WITH whole AS (
		SELECT sum(l.equity) AS equity, coalesce(sum(l.long_value), 0) AS long_value, coalesce(sum(l.short_value), 0) AS short_value
		FROM @extschema@.pulse_leverage($1) l
	), position AS (
		SELECT e.symbol, sum(e.market_value) AS market_value FROM @extschema@.pulse_exposure($1) e GROUP BY e.symbol
	)
	SELECT jsonb_build_object('equity', w.equity::text, 'long_value', trim_scale(w.long_value)::text, 'short_value', trim_scale(w.short_value)::text,
		'gross_leverage', pulse.json_number(((w.long_value + w.short_value) / nullif(w.equity, 0))::double precision),
		'net_leverage', pulse.json_number(((w.long_value - w.short_value) / nullif(w.equity, 0))::double precision),
		'positions', coalesce((SELECT jsonb_agg(jsonb_build_object('symbol', p.symbol, 'market_value', trim_scale(p.market_value)::text,
			'weight', pulse.json_number((p.market_value / nullif(w.equity, 0))::double precision)) ORDER BY abs(p.market_value) DESC, p.symbol)
			FROM position p), '[]'))
	FROM whole w
	$$;
COMMENT ON FUNCTION pulse.exposure_data(text) IS
	'What the open positions stand for, as JSON: equity, long_value, short_value (decimal strings; a short position''s size is positive), gross_leverage and net_leverage (of equity; null without any), positions by size with symbol, market_value (negative for shorts) and weight (fraction of equity). Portfolio NULL: all visible ones together.';

CREATE FUNCTION pulse.health_history(hours integer DEFAULT 24, buckets integer DEFAULT 48, until timestamptz DEFAULT now()) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	since timestamptz := until - make_interval(hours => hours);
BEGIN
	IF hours IS NULL OR hours < 1 OR hours > 24 * 366 OR buckets IS NULL OR buckets < 1 OR buckets > 1000 THEN
		RAISE EXCEPTION 'hours must lie between 1 and 8784 and buckets between 1 and 1000' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN (
		WITH sample AS (
			SELECT h.component, least(buckets, 1 + floor(extract(epoch FROM h.checked_at - since) / (hours * 3600.0) * buckets)::integer) AS bucket,
				max(array_position(ARRAY['HEALTHY', 'UNKNOWN', 'WARNING', 'CRITICAL'], h.status)) AS worst, avg(h.latency_ms) AS latency
			FROM pulse.health_sample h WHERE h.checked_at > since AND h.checked_at <= until GROUP BY 1, 2
		)
		SELECT coalesce(jsonb_agg(c.history ORDER BY c.component), '[]') FROM (
			SELECT k.component, jsonb_build_object('component', k.component,
				'status', jsonb_agg((ARRAY['HEALTHY', 'UNKNOWN', 'WARNING', 'CRITICAL'])[s.worst] ORDER BY b),
				'latency_ms', jsonb_agg(pulse.json_number(s.latency) ORDER BY b)) AS history
			FROM (SELECT DISTINCT component FROM sample) k CROSS JOIN generate_series(1, buckets) b
				LEFT JOIN sample s ON s.component = k.component AND s.bucket = b
			GROUP BY k.component) c);
END
$$;
COMMENT ON FUNCTION pulse.health_history(integer, integer, timestamptz) IS
	'How the components did over the last hours, as a JSON array: for each component its name and two arrays, one entry for each stretch of time, oldest first: status (the worst one) and latency_ms (mean); null where nothing was recorded. Error 22023 for hours or buckets out of range.';

CREATE FUNCTION pulse.benchmark_data(since timestamptz, until timestamptz DEFAULT now()) RETURNS jsonb
	LANGUAGE sql STABLE
	AS $$
	WITH named AS MATERIALIZED (SELECT pulse.config_text('reports.benchmark') AS symbol)
	SELECT jsonb_build_object('symbol', n.symbol, 'ts', coalesce(jsonb_agg(extract(epoch FROM c.ts)::float8 ORDER BY c.ts) FILTER (WHERE c.ts IS NOT NULL), '[]'),
		'price', coalesce(jsonb_agg(c.price ORDER BY c.ts) FILTER (WHERE c.ts IS NOT NULL), '[]'))
	FROM named n LEFT JOIN LATERAL (
		-- a close is known when its day is over
		SELECT least((b.day + 1)::timestamp AT TIME ZONE 'UTC', $2) AS ts, b.price FROM pulse.benchmark_closes(n.symbol, $1, $2) b WHERE n.symbol IS NOT NULL
	) c ON true
	GROUP BY n.symbol
	$$;
COMMENT ON FUNCTION pulse.benchmark_data(timestamptz, timestamptz) IS
	'Daily closes of the benchmark that the setting reports.benchmark names, as JSON columns: symbol (null where none is named), ts (seconds since 1970, the end of the day), price; those of the week before the period too.';
-- What the columns mean whose tables have been described without them.

DO $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT split_part(v.name, '.', 1) AS table_name, split_part(v.name, '.', 2) AS column_name, v.meaning FROM (VALUES
		('closed_trade.closed_trade_id', 'number of the round trip'),
		('closed_trade.source_id', 'the followed table its fills are from'),
		('closed_trade.portfolio', 'the portfolio'),
		('closed_trade.symbol', 'what was traded'),
		('closed_trade.side', 'LONG or SHORT'),
		('closed_trade.quantity', 'what was opened and closed again, in all'),
		('closed_trade.entry_price', 'mean price of what opened it'),
		('closed_trade.exit_price', 'mean price of what closed it'),
		('closed_trade.gross_pnl', 'profit before fees, in quote currency'),
		('closed_trade.fees', 'fees of its fills, in quote currency'),
		('closed_trade.net_pnl', 'profit after fees'),
		('closed_trade.trade_return', 'net profit as a fraction of what was put in'),
		('closed_trade.opened_at', 'time of the fill that opened it'),
		('closed_trade.closed_at', 'time of the fill that closed it'),
		('closed_trade.holding', 'time between them'),
		('closed_trade.strategy', 'strategy of the fill that opened it'),
		('closed_trade.open_fill_key', 'key of that fill'),
		('closed_trade.close_ordinal', 'orders what closed at one instant'),
		('closed_trade.close_fill_key', 'key of the fill that closed it'),
		('delivery.delivery_id', 'number of the message: the notification id'),
		('delivery.created_at', 'when it was put in'),
		('delivery.channel', 'telegram, or sinks: it goes elsewhere only'),
		('delivery.type', 'type, as in pulse.notification_type'),
		('delivery.priority', 'CRITICAL, HIGH, MEDIUM or LOW'),
		('delivery.portfolio', 'the portfolio it is about, NULL: none'),
		('delivery.title', 'its first line'),
		('delivery.message', 'its text'),
		('delivery.data', 'what it says, for programs'),
		('delivery.dedup_key', 'the same message again has the same key'),
		('delivery.not_before', 'when it may leave'),
		('delivery.attempts', 'how often it was tried'),
		('delivery.lease_until', 'until when its sender may take to send it'),
		('delivery.lease_owner', 'who is sending it'),
		('delivery.external_id', 'its number at the receiver'),
		('delivery.last_error', 'why it did not leave'),
		('delivery.sent_at', 'when it left'),
		('delivery_sink.delivery_id', 'the message'),
		('delivery_sink.sink', 'where it goes'),
		('delivery_sink.status', 'pending, leased, sent, ambiguous or dead, as in pulse.delivery'),
		('delivery_sink.attempts', 'how often it was tried'),
		('delivery_sink.not_before', 'when it may leave'),
		('delivery_sink.lease_until', 'until when its sender may take to send it'),
		('delivery_sink.lease_owner', 'who is sending it'),
		('delivery_sink.lease_epoch', 'fencing number of the lease'),
		('delivery_sink.external_id', 'its number at the receiver'),
		('delivery_sink.last_error', 'why it did not leave'),
		('delivery_sink.sent_at', 'when it left'),
		('dirty.source_id', 'the followed table'),
		('dirty.max_ts', 'where the changed range ends'),
		('dirty.marked_at', 'when the change was made'),
		('dust.quantity', 'a smaller position counts as flat'),
		('dust.value', 'a position of less value counts as flat, in quote currency'),
		('event.seq', 'its number: gap-free, in the order of commits'),
		('event.epoch', 'the incarnation of the database that gave the number'),
		('event.ts', 'when it was emitted'),
		('event.type', 'TRADE_ALERT, PORTFOLIO_UPDATE, PERFORMANCE_UPDATE, HEALTH_UPDATE or SYSTEM_ALERT'),
		('event.portfolio', 'the portfolio it is about, NULL: none'),
		('event.key', 'what it is about, such as a symbol'),
		('event.priority', 'CRITICAL, HIGH, MEDIUM or LOW'),
		('event.data', 'what happened'),
		('fill.source_id', 'the followed table'),
		('fill.portfolio', 'the portfolio'),
		('fill.fill_key', 'what identifies the fill in its portfolio'),
		('fill.executed_at', 'when it was executed'),
		('fill.symbol', 'what was traded'),
		('fill.side', 'BUY or SELL'),
		('fill.quantity', 'how much'),
		('fill.price', 'at which price'),
		('fill.fee', 'fee, negative for a rebate'),
		('fill.fee_asset', 'what the fee was paid in, NULL: the quote currency'),
		('fill.order_id', 'the order it belongs to'),
		('fill.fill_id', 'its number at the exchange'),
		('fill.strategy', 'the strategy that traded'),
		('fill.confidence', 'how sure it was, a fraction'),
		('fill.total_fees', 'fees of the symbol up to and with this fill'),
		('finding.source_id', 'the followed table'),
		('finding.portfolio', 'the portfolio'),
		('finding.fill_key', 'the row'),
		('finding.executed_at', 'its time'),
		('finding.problem', 'why it cannot be booked'),
		('finding.first_seen', 'when that was found'),
		('finding.last_seen', 'when it was found last'),
		('health_sample.sample_id', 'number of the sample'),
		('health_sample.component', 'the component'),
		('health_sample.status', 'HEALTHY, WARNING, CRITICAL or UNKNOWN'),
		('health_sample.message', 'why, for people'),
		('health_sample.latency_ms', 'what it took'),
		('health_sample.checked_at', 'when'),
		('health_sample.details', 'numbers behind it'),
		('heartbeat.component', 'the component'),
		('heartbeat.status', 'how it said it was'),
		('heartbeat.details', 'what else it said'),
		('heartbeat.seen_at', 'when'),
		('job.name', 'its name'),
		('job.every', 'pause between two runs, unless it asks for another'),
		('job.next_at', 'when it runs next'),
		('job.enabled', 'false: it does not run'),
		('job.last_started_at', 'when it ran last'),
		('job.last_finished_at', 'when that run ended'),
		('job.last_duration', 'how long it took'),
		('job.runs', 'number of runs'),
		('job.failures', 'of which failed'),
		('job.last_error', 'why the last failure failed'),
		('job.last_error_at', 'when'),
		('job_touch.name', 'the job'),
		('mark.symbol', 'the symbol'),
		('mark.price', 'its price in quote currency'),
		('mark.ts', 'when that was the price'),
		('mark_history.symbol', 'the symbol'),
		('mark_history.price', 'its price in quote currency'),
		('mark_history.ts', 'when that was the price'),
		('mark_thinned.singleton', 'there is one row'),
		('mark_thinned.until', 'what is older has been thinned out'),
		('metric_dirty.source_id', 'the followed table'),
		('metric_dirty.min_ts', 'where the range begins whose summaries are out of date'),
		('metric_dirty.max_ts', 'where it ends'),
		('metric_dirty.marked_at', 'when that was noted'),
		('metric_state.source_id', 'the followed table'),
		('metric_state.portfolio', 'the portfolio'),
		('metric_state.summary', 'pulse_summary of the snapshots in it'),
		('performance_due.portfolio', 'the portfolio whose figures are to be computed anew'),
		('performance_state.portfolio', 'the portfolio'),
		('performance_state.computed_at', 'when its figures were computed'),
		('position.source_id', 'the followed table'),
		('position.portfolio', 'the portfolio'),
		('position.symbol', 'what is held'),
		('position.quantity', 'how much, negative when short'),
		('position.realized_pnl', 'profit realised so far, before fees'),
		('position.fees', 'fees so far, in quote currency'),
		('position.updated_at', 'when the row was written'),
		('position.last_executed_at', 'time of its last fill'),
		('position.last_ordinal', 'and its place among those of one instant'),
		('position.last_fill_key', 'and its key'),
		('position.open_fill_key', 'key of the fill that opened the round trip under way'),
		('position.strategy', 'strategy of that fill'),
		('position.entry_value', 'price times quantity of what opened'),
		('position.exit_quantity', 'closed so far in the round trip'),
		('position.exit_value', 'price times quantity of what closed'),
		('position.trip_gross_pnl', 'profit of the round trip so far, before fees'),
		('position.trip_fees', 'fees of the round trip so far'),
		('position.mark_price', 'price of the last fill'),
		('position.mark_at', 'and its time'),
		('retention.source_id', 'the followed table'),
		('retention.keep', 'how long its rows are kept'),
		('retention.thin_after', 'age from which rows are thinned out'),
		('retention.thin_to', 'to one in so long'),
		('retention.removed', 'rows removed so far'),
		('sequencer.singleton', 'there is one row'),
		('sequencer.seq', 'number of the newest event'),
		('sequencer.system_identifier', 'the cluster that gave the epoch'),
		('sequencer.timeline', 'its timeline then'),
		('sequencer.database', 'the database then'),
		('sequencer.health_status', 'statuses that the last HEALTH_UPDATE told'),
		('sequencer.health_at', 'when that was'),
		('sequencer.told_seq', 'messages have been written for the fills among the events up to this number'),
		('sequencer.performance_at', 'when a PERFORMANCE_UPDATE was last sent'),
		('sink.name', 'its name'),
		('sink.kind', 'webhook, slack, discord, ntfy or alertmanager'),
		('sink.since_delivery_id', 'it gets messages with greater numbers'),
		('sink.seen_at', 'when it last asked'),
		('source.source_id', 'number of the source'),
		('source.kind', 'snapshots or trades'),
		('source.schema_name', 'schema of the table'),
		('source.table_name', 'its name'),
		('source.capture', 'trigger or poll'),
		('source.state', 'active or detached'),
		('source.created_at', 'since when it is followed'),
		('source.polled_at', 'when it was polled last'),
		('telegram_command.update_id', 'number that Telegram gave'),
		('telegram_command.chat_id', 'the chat it came from'),
		('telegram_command.user_id', 'who sent it'),
		('telegram_command.user_name', 'and what he is called'),
		('telegram_command.command', 'what was asked for'),
		('telegram_command.allowed', 'whether he may'),
		('telegram_command.outcome', 'what came of it'),
		('telegram_command.received_at', 'when'),
		('token.token_id', 'number of the token'),
		('token.name', 'what it is for'),
		('token.hash', 'SHA-256 of the token, which is stored nowhere'),
		('token.scope', 'read, operate or admin'),
		('token.created_at', 'when it was made'),
		('token.created_by', 'by whom'),
		('token.expires_at', 'until when it is good, NULL: for ever'),
		('token.last_used_at', 'when it was used last'),
		('token.revoked_at', 'since when it is no longer good'),
		('trade_state.source_id', 'the followed table'),
		('trade_state.portfolio', 'the portfolio'),
		('trade_state.trades', 'closed trades'),
		('trade_state.wins', 'of which won'),
		('trade_state.losses', 'of which lost'),
		('trade_state.gross_pnl', 'their profit before fees'),
		('trade_state.fees', 'their fees'),
		('trade_state.lost', 'what the lost ones lost'),
		('trade_state.best', 'net profit of the best'),
		('trade_state.worst', 'net profit of the worst'),
		('trade_state.first_opened', 'when the first was opened'),
		('trade_state.last_closed', 'when the last was closed'),
		('worker.singleton', 'there is one row'),
		('worker.pid', 'its process'),
		('worker.started_at', 'when it started'),
		('worker.last_tick_at', 'when it last found work'),
		('worker.ticks', 'how often it found work'),
		('worker.last_error', 'its last error'),
		('worker.last_error_at', 'when that was'),
		('worker.errors', 'number of its errors')
		) AS v (name, meaning)
		UNION ALL
		SELECT 'performance_state', a.attname, 'column of pulse_performance()'
		FROM pg_catalog.pg_attribute a WHERE a.attrelid = 'pulse.performance_state'::regclass AND a.attnum > 0 AND NOT a.attisdropped
			AND a.attname NOT IN ('portfolio', 'computed_at', 'version') AND pg_catalog.col_description(a.attrelid, a.attnum) IS NULL
	LOOP
		EXECUTE pg_catalog.format('COMMENT ON COLUMN pulse.%I.%I IS %L', c.table_name, c.column_name, c.meaning);
	END LOOP;
END
$$;
-- Who may do what.

CREATE FUNCTION pulse.levels_of(level text) RETURNS text[]
	LANGUAGE plpgsql IMMUTABLE
	AS $$
BEGIN
	CASE level
		WHEN 'reader' THEN RETURN '{reader}';
		WHEN 'operator' THEN RETURN '{reader,operator}';
		WHEN 'admin' THEN RETURN '{reader,operator,admin}';
		WHEN 'worker' THEN RETURN '{reader,worker}';
		ELSE RAISE EXCEPTION 'unknown level %', coalesce(quote_literal(level), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use ''reader'', ''operator'', ''admin'' or ''worker''.';
	END CASE;
END
$$;
COMMENT ON FUNCTION pulse.levels_of(text) IS 'The levels that a level of pulse_grant() includes; error 22023 for another one.';

CREATE FUNCTION pulse.privileges_of(levels text[]) RETURNS TABLE (privilege text, object text)
	LANGUAGE sql STABLE
	AS $$
	SELECT DISTINCT p.privilege, format('%s %s', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass)
	FROM pulse.privilege p JOIN pg_catalog.pg_class c ON c.relname = p.name AND c.relnamespace = 'pulse'::regnamespace
	WHERE p.kind = 'table' AND p.level = ANY ($1)
	UNION ALL
	SELECT DISTINCT p.privilege, format('FUNCTION %s', f.oid::regprocedure)
	FROM pulse.privilege p JOIN pg_catalog.pg_proc f ON f.proname = p.name
		JOIN pg_catalog.pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
		JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'pulse'
	WHERE p.kind = 'function' AND p.level = ANY ($1) AND NOT has_function_privilege('public', f.oid, 'EXECUTE')
	$$;
COMMENT ON FUNCTION pulse.privileges_of(text[]) IS 'The privileges of some levels, as GRANT and REVOKE name them.';

CREATE FUNCTION pulse_grant(role regrole, level text DEFAULT 'reader') RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	item record;
BEGIN
	EXECUTE format('GRANT USAGE ON SCHEMA pulse, %I TO %s', '@extschema@', role);
	FOR item IN SELECT p.privilege, p.object FROM pulse.privileges_of(pulse.levels_of(level)) p LOOP
		EXECUTE format('GRANT %s ON %s TO %s', item.privilege, item.object, role);
	END LOOP;

	-- what was computed from a followed table may be read by those who may read the table
	FOR item IN
		SELECT format('%I.%I', s.schema_name, s.table_name) AS name, quote_ident(s.schema_name) AS schema
		FROM pulse.source s
		WHERE s.state = 'active' AND to_regclass(format('%I.%I', s.schema_name, s.table_name)) IS NOT NULL
	LOOP
		EXECUTE format('GRANT USAGE ON SCHEMA %s TO %s', item.schema, role);
		EXECUTE format('GRANT SELECT ON %s TO %s', item.name, role);
	END LOOP;
END
$$;
COMMENT ON FUNCTION pulse_grant(regrole, text) IS
	'Grants a role what it needs: reader, to read everything that Pulse knows and the followed tables; operator, on top of that to acknowledge and silence alerts, set marks, send messages and heartbeats: what a bot and a person on duty do; admin, on top of that to change rules, settings, registrations and to control the worker; worker, what the pulse-worker daemon needs: reading, ticks, health, heartbeats and the outcome of deliveries. Needs the rights to grant; call it again when more tables are followed. Row-level policies of followed tables still apply. pulse.privilege lists what each level has. Error 22023 for another level.';

CREATE FUNCTION pulse_revoke(role regrole, level text DEFAULT 'reader') RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	item record;
	kept text[] := CASE level WHEN 'operator' THEN '{reader}'::text[] WHEN 'admin' THEN '{reader,operator}' WHEN 'worker' THEN '{reader}' ELSE '{}' END;
BEGIN
	PERFORM pulse.levels_of(level);
	FOR item IN
		SELECT p.privilege, p.object FROM pulse.privileges_of('{reader,operator,admin,worker}') p
		EXCEPT
		SELECT p.privilege, p.object FROM pulse.privileges_of(kept) p
	LOOP
		EXECUTE format('REVOKE %s ON %s FROM %s', item.privilege, item.object, role);
	END LOOP;
	IF level = 'reader' THEN
		EXECUTE format('REVOKE USAGE ON SCHEMA pulse FROM %s', role);
		FOR item IN
			SELECT format('%I.%I', s.schema_name, s.table_name) AS name FROM pulse.source s
			WHERE s.state = 'active' AND to_regclass(format('%I.%I', s.schema_name, s.table_name)) IS NOT NULL
		LOOP
			EXECUTE format('REVOKE SELECT ON %s FROM %s', item.name, role);
		END LOOP;
	END IF;
END
$$;
COMMENT ON FUNCTION pulse_revoke(regrole, text) IS
	'Takes back what pulse_grant() granted: this level and those that include it. reader takes everything, also SELECT on the followed tables (of which schemas a role may use the rest is left as it is); operator or worker leaves reader; admin leaves operator. What a role has through PUBLIC or another role remains. Error 22023 for another level.';

REVOKE ALL ON FUNCTION pulse_grant(regrole, text), pulse_revoke(regrole, text) FROM PUBLIC;
-- A publication FOR ALL TABLES refuses every UPDATE and DELETE of a table without a replica identity.
DO $$
DECLARE
	name regclass;
BEGIN
	FOR name IN
		SELECT c.oid FROM pg_catalog.pg_class c
		WHERE c.relnamespace = 'pulse'::pg_catalog.regnamespace AND c.relkind = 'r' AND c.relreplident = 'd'
			AND NOT EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)
	LOOP
		EXECUTE pg_catalog.format('ALTER TABLE %s REPLICA IDENTITY FULL', name);
	END LOOP;
END
$$;
