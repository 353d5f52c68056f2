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
	found jsonb;
BEGIN
	-- one statement, as this is asked many times a second: the environment is that of pulse.active_environment()
	SELECT coalesce((SELECT c.value FROM pulse.config c WHERE c.key = k.key AND c.environment IN ('', e.active)
					 ORDER BY c.environment DESC LIMIT 1), k.presets -> e.active, k.default_value)
		INTO found FROM pulse.config_key k
		CROSS JOIN (SELECT coalesce((SELECT a.value #>> '{}' FROM pulse.config a WHERE a.key = 'environment' AND a.environment = ''), 'production') AS active) e
		WHERE k.key = config_value.key;
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
