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
