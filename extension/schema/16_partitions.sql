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
