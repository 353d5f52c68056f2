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
