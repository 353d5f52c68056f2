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

-- Anybody may listen to any channel and notify on it, so the one that events themselves come over has a name that nobody can
-- guess, and nobody may read.
CREATE TABLE pulse.event_channel (
	singleton	boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	name		text NOT NULL
);
INSERT INTO pulse.event_channel (name) SELECT 'pulse_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
COMMENT ON TABLE pulse.event_channel IS 'the channel over which new fills come to those who may follow the events';
COMMENT ON COLUMN pulse.event_channel.singleton IS 'there is one row';
COMMENT ON COLUMN pulse.event_channel.name IS 'its name, a secret: pulse.follow_events() listens to it';

CREATE FUNCTION pulse.follow_events() RETURNS text
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
DECLARE
	channel text := (SELECT c.name FROM pulse.event_channel c);
BEGIN
	EXECUTE format('LISTEN %I', channel);
	RETURN channel;
END
$$;
REVOKE ALL ON FUNCTION pulse.follow_events() FROM PUBLIC;
COMMENT ON FUNCTION pulse.follow_events() IS
	'Listens to the channel over which the events of single fills come as soon as they are committed, and returns its name, which is a secret. A payload is a line of seq, epoch, time, type and priority; a line with = and the portfolio; one with = and the key (- where there is none); and the data as JSON. They come besides the notifications on channel pulse, for few events at a time, and may be missing: pulse.event has them all. For pulse-worker (pulse_grant: worker).';
INSERT INTO pulse.privilege (level, kind, name, privilege) VALUES ('worker', 'function', 'follow_events', 'EXECUTE');
