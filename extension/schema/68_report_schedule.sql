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
