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
