-- The user's tables: creating them, following tables of another shape, letting go of them.

-- The owner of a followed table names pulse.capture() in its triggers, and what callers run as themselves uses
-- functions of this schema; its tables stay closed.
GRANT USAGE ON SCHEMA pulse TO PUBLIC;
-- Whoever creates a trigger needs EXECUTE on its function; called in any other way these two refuse.
GRANT EXECUTE ON FUNCTION pulse.capture(), pulse.capture_truncate() TO PUBLIC;

CREATE FUNCTION pulse.register_source(relation regclass, kind text, columns jsonb, timezone text, capture text, is_new boolean)
	RETURNS integer
	AS 'MODULE_PATHNAME', 'pulse_register_source' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION pulse.register_source(regclass, text, jsonb, text, text, boolean) IS
	'Enters a table into pulse.source, or takes up its earlier entry again, and returns its source_id. Unless it is new and empty all of it is marked as changed, and fills older than this moment are not announced. The caller must own the table; errors: 42501 otherwise.';

CREATE FUNCTION pulse.unregister_source(relation regclass)
	RETURNS integer
	AS 'MODULE_PATHNAME', 'pulse_unregister_source' LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION pulse.unregister_source(regclass) IS
	'Sets the state of every entry of a table in pulse.source to detached, removes what the ledger computed from it and returns how many there were. The caller must own the table; errors: 42501 otherwise.';

CREATE FUNCTION pulse.spread_by(relation regclass) RETURNS text
	LANGUAGE plpgsql STABLE STRICT
	AS $$
DECLARE
	found boolean := false;
BEGIN
	-- the catalogues of the two exist only where they are installed
	IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'timescaledb') THEN
		EXECUTE 'SELECT EXISTS (SELECT FROM _timescaledb_catalog.hypertable h
			JOIN pg_catalog.pg_namespace n ON n.nspname OPERATOR(pg_catalog.=) h.schema_name
			JOIN pg_catalog.pg_class c ON c.relname OPERATOR(pg_catalog.=) h.table_name AND c.relnamespace OPERATOR(pg_catalog.=) n.oid
			WHERE c.oid OPERATOR(pg_catalog.=) $1)' INTO found USING relation;
		IF found THEN
			RETURN 'timescaledb';
		END IF;
	END IF;
	IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'citus') THEN
		EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition d WHERE d.logicalrelid OPERATOR(pg_catalog.=) $1)' INTO found USING relation;
		IF found THEN
			RETURN 'citus';
		END IF;
	END IF;
	RETURN (SELECT 'partitions' FROM pg_catalog.pg_class WHERE oid = relation AND relkind = 'p');
END
$$;
COMMENT ON FUNCTION pulse.spread_by(regclass) IS
	'What keeps the rows of a table in several places: partitions, timescaledb (a hypertable) or citus (a distributed table); NULL for a table of one piece.';

CREATE FUNCTION pulse.create_capture_triggers(relation regclass, source_id integer) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT
	SET client_min_messages = warning
	AS $$
BEGIN
	EXECUTE format('DROP TRIGGER IF EXISTS pulse_capture ON %s', relation);
	EXECUTE format('DROP TRIGGER IF EXISTS pulse_capture_truncate ON %s', relation);
	EXECUTE format('CREATE TRIGGER pulse_capture AFTER INSERT OR UPDATE OR DELETE ON %s '
				   'FOR EACH ROW EXECUTE FUNCTION pulse.capture(%L)', relation, source_id);
	EXECUTE format('CREATE TRIGGER pulse_capture_truncate AFTER TRUNCATE ON %s '
				   'FOR EACH STATEMENT EXECUTE FUNCTION pulse.capture_truncate(%L)', relation, source_id);
	IF pulse.spread_by(relation) = 'timescaledb' THEN
		RETURN;			-- ENABLE ALWAYS is refused there
	END IF;
	-- ALWAYS: rows that logical replication or session_replication_role = replica bring in count too
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER pulse_capture', relation);
	EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER pulse_capture_truncate', relation);
END
$$;
COMMENT ON FUNCTION pulse.create_capture_triggers(regclass, integer) IS
	'Creates, or creates anew, the two capture triggers of a followed table: ENABLE ALWAYS, except on a hypertable, which refuses that. Needs the rights of its owner.';

CREATE FUNCTION pulse_setup(schema text DEFAULT NULL) RETURNS void
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	target text := coalesce(schema, current_schema());
	existing text;
	snapshots regclass;
	trades regclass;
BEGIN
	IF target IS NULL THEN
		RAISE EXCEPTION 'no schema has been selected to create the tables in'
			USING ERRCODE = 'invalid_schema_name',
				  HINT = 'Name one, for example pulse_setup(schema => ''trading''), or set search_path.';
	END IF;
	IF target IN ('pulse', 'pg_catalog', 'information_schema') THEN
		RAISE EXCEPTION 'the tables cannot be created in schema "%"', target
			USING ERRCODE = 'invalid_schema_name',
				  HINT = 'They are yours: choose a schema of your own.';
	END IF;

	SELECT string_agg(format('%I.%I', target, c.relname), ', ' ORDER BY c.relname) INTO existing
		FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = target AND c.relname IN ('portfolio_snapshots', 'trades');
	IF existing IS NOT NULL THEN
		RAISE EXCEPTION 'relation already exists: %', existing
			USING ERRCODE = 'duplicate_table',
				  HINT = 'Use pulse_attach() to follow an existing table, or pulse_setup(schema => ...) to create both in another schema.';
	END IF;
	IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = target) THEN
		EXECUTE format('CREATE SCHEMA %I', target);
	END IF;

	-- few constraints, each over several columns: the server reads every one of them again for every INSERT, and that is
	-- most of what they cost
	EXECUTE format($ddl$
		CREATE TABLE %I.portfolio_snapshots (
			portfolio text NOT NULL DEFAULT 'main',
			ts timestamptz NOT NULL DEFAULT now(),
			total_value numeric NOT NULL,
			cash_balance numeric,
			positions_value numeric,
			unrealized_pnl numeric,
			realized_pnl numeric,
			net_flow numeric NOT NULL DEFAULT 0,
			position_count integer,
			details jsonb,
			PRIMARY KEY (portfolio, ts),
			CONSTRAINT portfolio_not_empty_position_count_not_negative CHECK (portfolio <> '' AND position_count >= 0),
			CONSTRAINT time_and_amounts_finite CHECK (isfinite(ts)
				AND total_value > '-Infinity' AND total_value < 'Infinity' AND cash_balance > '-Infinity' AND cash_balance < 'Infinity'
				AND positions_value > '-Infinity' AND positions_value < 'Infinity'
				AND unrealized_pnl > '-Infinity' AND unrealized_pnl < 'Infinity'
				AND realized_pnl > '-Infinity' AND realized_pnl < 'Infinity' AND net_flow > '-Infinity' AND net_flow < 'Infinity')
		)$ddl$, target);
	EXECUTE format($ddl$
		CREATE TABLE %I.trades (
			id bigint GENERATED BY DEFAULT AS IDENTITY,
			portfolio text NOT NULL DEFAULT 'main',
			symbol text NOT NULL,
			side text NOT NULL,
			quantity numeric NOT NULL,
			price numeric NOT NULL,
			fee numeric NOT NULL DEFAULT 0,
			fee_asset text,
			executed_at timestamptz NOT NULL DEFAULT now(),
			order_id text,
			fill_id text,
			order_type text,
			strategy text,
			confidence double precision,
			details jsonb,
			PRIMARY KEY (portfolio, id),
			UNIQUE (portfolio, fill_id),
			CONSTRAINT side_is_buy_or_sell CHECK (upper(side) IN ('BUY', 'SELL')),
			CONSTRAINT portfolio_symbol_and_fee_asset_not_empty CHECK (portfolio <> '' AND symbol <> '' AND fee_asset <> ''),
			CONSTRAINT quantity_positive_price_not_negative_all_finite CHECK (quantity > 0 AND quantity < 'Infinity'
				AND price >= 0 AND price < 'Infinity' AND fee > '-Infinity' AND fee < 'Infinity' AND isfinite(executed_at))
		)$ddl$, target);
	EXECUTE format('CREATE INDEX ON %I.trades (portfolio, executed_at, id)', target);
	EXECUTE format('COMMENT ON TABLE %I.portfolio_snapshots IS %L', target,
				   'Value of each portfolio over time, followed by Pulse; the table is yours.');
	EXECUTE format('COMMENT ON COLUMN %I.portfolio_snapshots.net_flow IS %L', target,
				   'Deposits (+) and withdrawals (-) since the previous snapshot.');
	EXECUTE format('COMMENT ON TABLE %I.trades IS %L', target,
				   'One row per fill, followed by Pulse; the table is yours.');
	EXECUTE format('COMMENT ON COLUMN %I.trades.fee IS %L', target,
				   'Positive when paid, negative for a rebate; in fee_asset, NULL being the quote currency.');

	snapshots := format('%I.portfolio_snapshots', target)::regclass;
	trades := format('%I.trades', target)::regclass;
	PERFORM pulse.create_capture_triggers(snapshots,
		pulse.register_source(snapshots, 'snapshots', '{}', 'UTC', 'trigger', true));
	PERFORM pulse.create_capture_triggers(trades,
		pulse.register_source(trades, 'trades', '{}', 'UTC', 'trigger', true));
	PERFORM pulse.add_default_rules_once();
END
$$;
COMMENT ON FUNCTION pulse_setup(text) IS
	'Creates the tables portfolio_snapshots and trades, owned by the caller, in the given schema (default: the first of search_path; created when missing) and follows them by capture triggers. Errors: 42P07 when either exists already (see pulse_attach), 3F000 when there is no schema to use.';
