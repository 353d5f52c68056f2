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
