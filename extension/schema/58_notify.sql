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
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	SELECT CASE WHEN p.reason IS NOT NULL THEN '{}'::text[] ELSE p.sinks END, p.reason INTO sinks, reason
	FROM (SELECT t.sinks, CASE
			WHEN NOT pulse.config_bool('notifications.enabled') THEN 'notifications are switched off (notifications.enabled)'
			WHEN NOT t.enabled THEN 'this type of notification is switched off'
			WHEN array_position('{LOW,MEDIUM,HIGH,CRITICAL}', $2) < array_position('{LOW,MEDIUM,HIGH,CRITICAL}', pulse.config_text('notifications.min_priority'))
				THEN 'its priority is below notifications.min_priority' END AS reason
		FROM (VALUES (1)) one LEFT JOIN pulse.notification_type t ON t.name = $1) p;
END
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
