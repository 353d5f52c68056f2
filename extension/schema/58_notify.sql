-- Messages to people. Everything goes through pulse.delivery, the durable outbox; the next tick announces it as an event.

CREATE FUNCTION pulse_notify(type text, priority text, title text, message text, data jsonb DEFAULT '{}') RETURNS bigint
	LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
	AS $$
#variable_conflict use_variable
DECLARE
	id bigint;
	fingerprint text;
BEGIN
	IF coalesce(type, '') = '' OR length(type) > 100 THEN
		RAISE EXCEPTION 'a notification needs a type of at most 100 characters' USING ERRCODE = 'invalid_parameter_value';
	ELSIF priority IS NULL OR upper(priority) NOT IN ('CRITICAL', 'HIGH', 'MEDIUM', 'LOW') THEN
		RAISE EXCEPTION 'unknown priority: %', coalesce(quote_literal(priority), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use CRITICAL, HIGH, MEDIUM or LOW.';
	ELSIF coalesce(title, '') = '' AND coalesce(message, '') = '' THEN
		RAISE EXCEPTION 'a notification needs a title or a message' USING ERRCODE = 'invalid_parameter_value';
	ELSIF length(title) > 1000 OR length(message) > 20000 THEN
		RAISE EXCEPTION 'notification is too long'
			USING ERRCODE = 'invalid_parameter_value', DETAIL = 'A title may have 1000 characters, a message 20000.';
	ELSIF jsonb_typeof(data) <> 'object' THEN
		RAISE EXCEPTION 'data must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	data := coalesce(data, '{}');
	-- A trade is news each time; other messages that repeat themselves are counted instead of sent.
	IF type <> 'TRADE' THEN
		fingerprint := md5(concat_ws(E'\n', type, upper(priority), data ->> 'portfolio', title, message));
		PERFORM pg_advisory_xact_lock(hashtextextended('pulse_notify ' || fingerprint, 0));
		UPDATE pulse.delivery d SET duplicates = d.duplicates + 1
			WHERE d.delivery_id = (SELECT e.delivery_id FROM pulse.delivery e
				WHERE e.dedup_key = fingerprint AND e.created_at > now() - interval '15 minutes' AND e.status <> 'dead'
				ORDER BY e.created_at DESC LIMIT 1)
			RETURNING d.delivery_id INTO id;
		IF FOUND THEN
			RETURN id;
		END IF;
	END IF;
	INSERT INTO pulse.delivery (type, priority, portfolio, title, message, data, dedup_key)
		VALUES (type, upper(priority), data ->> 'portfolio', coalesce(title, ''), coalesce(message, ''), data, fingerprint)
		RETURNING delivery_id INTO id;
	RETURN id;
END
$$;
COMMENT ON FUNCTION pulse_notify(text, text, text, text, jsonb) IS
	'Sends a message to people through the configured channels and announces it as SYSTEM_ALERT; returns the notification id. Priority is CRITICAL, HIGH, MEDIUM or LOW. It leaves with the commit of this transaction and survives any restart. The same message again within 15 minutes is counted, not sent, and returns the first one''s id; type TRADE is always sent. data may carry portfolio, value, threshold, rule, state. Error 22023 for bad arguments.';

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
