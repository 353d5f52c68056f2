-- Column mapping of followed tables: pulse.source.columns maps a logical column to
--   "name"            the column of that name,
--   null              there is none,
--   {"value": "x"}    a constant,
--   {"column": "name", "scale": 6}             a number kept as so many times 10^scale,
--   {"column": "name", "skip_zero": true}      (quantity only) rows without one are no fills yet,
--   {"column": "name", "unit": "ms"}           (time only) so many s, ms, us or ns since 1970,
--   ["a", "b"]        (id only) a key of several columns;
-- a logical column that is not mentioned has its own name in the table.

CREATE FUNCTION pulse.logical_columns(kind text)
	RETURNS TABLE (logical text, required boolean, type_name text, fallback text)
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
	SELECT c.logical, c.required, c.type_name, c.fallback
	FROM (VALUES
		('snapshots', 1, 'portfolio', false, 'text', '''main'''),
		('snapshots', 2, 'ts', true, 'timestamptz', NULL),
		('snapshots', 3, 'total_value', true, 'numeric', NULL),
		('snapshots', 4, 'cash_balance', false, 'numeric', 'NULL'),
		('snapshots', 5, 'positions_value', false, 'numeric', 'NULL'),
		('snapshots', 6, 'unrealized_pnl', false, 'numeric', 'NULL'),
		('snapshots', 7, 'realized_pnl', false, 'numeric', 'NULL'),
		('snapshots', 8, 'net_flow', false, 'numeric', '0'),
		('snapshots', 9, 'position_count', false, 'int4', 'NULL'),
		('trades', 1, 'portfolio', false, 'text', '''main'''),
		('trades', 2, 'id', false, 'text', NULL),
		('trades', 3, 'executed_at', true, 'timestamptz', NULL),
		('trades', 4, 'symbol', true, 'text', NULL),
		('trades', 5, 'side', false, 'text', NULL),
		('trades', 6, 'quantity', true, 'numeric', NULL),
		('trades', 7, 'price', true, 'numeric', NULL),
		('trades', 8, 'fee', false, 'numeric', '0'),
		('trades', 9, 'fee_asset', false, 'text', 'NULL'),
		('trades', 10, 'order_id', false, 'text', 'NULL'),
		('trades', 11, 'fill_id', false, 'text', 'NULL'),
		('trades', 12, 'strategy', false, 'text', 'NULL'),
		('trades', 13, 'confidence', false, 'float8', 'NULL'),
		('trades', 14, 'order_type', false, 'text', 'NULL')
	) AS c (of_kind, position, logical, required, type_name, fallback)
	WHERE c.of_kind = logical_columns.kind
	ORDER BY c.position;
END;
COMMENT ON FUNCTION pulse.logical_columns(text) IS
	'The columns Pulse knows of a table of kind snapshots or trades: whether a table must have it, its type, and the SQL expression that stands in when a table has none.';

CREATE FUNCTION pulse.column_type(relation regclass, name text) RETURNS regtype
	LANGUAGE sql STABLE
	AS $$
	WITH RECURSIVE base AS (
		SELECT t.oid, t.typtype, t.typbasetype, t.typnamespace
		FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		WHERE a.attrelid = $1 AND a.attname = $2 AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL
		SELECT t.oid, t.typtype, t.typbasetype, t.typnamespace FROM base JOIN pg_catalog.pg_type t ON t.oid = base.typbasetype
		WHERE base.typtype = 'd'
	)
	SELECT CASE WHEN b.typtype = 'e' THEN 'anyenum'::regtype ELSE b.oid::regtype END
	FROM base b
	WHERE b.typtype = 'e' OR b.typtype <> 'd' AND b.typnamespace = 'pg_catalog'::regnamespace
	$$;
COMMENT ON FUNCTION pulse.column_type(regclass, text) IS
	'Type of a column that may be read: a built-in type, under any domains, or anyenum for an enum. NULL when there is no such column or its type is of somebody''s own making: its casts would run with the rights of whoever reads, be it a superuser.';

CREATE FUNCTION pulse.mapped_expression(relation regclass, columns jsonb, timezone text, logical text, type_name text, fallback text)
	RETURNS text
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	mapping jsonb := CASE WHEN columns OPERATOR(pg_catalog.?) logical THEN columns -> logical ELSE to_jsonb(logical) END;
	name text;
	actual_type oid;
BEGIN
	IF mapping ? 'column' THEN
		name := mapping ->> 'column';
		IF pulse.column_type(relation, name) IS NULL THEN
			RETURN CASE WHEN fallback IS NULL THEN NULL ELSE format('%s::pg_catalog.%s', fallback, type_name) END;
		ELSIF type_name = 'timestamptz' THEN
			RETURN format('(pg_catalog.timestamptz ''epoch'' OPERATOR(pg_catalog.+) (r.%I::pg_catalog.float8 OPERATOR(pg_catalog.*) pg_catalog.interval %L))', name,
				CASE mapping ->> 'unit' WHEN 's' THEN '1 second' WHEN 'ms' THEN '1 millisecond' WHEN 'us' THEN '1 microsecond' ELSE '0.001 microsecond' END);
		END IF;
		-- a product is exact and as short as it can be, a quotient is not
		RETURN format('(r.%I::pg_catalog.numeric OPERATOR(pg_catalog.*) %L::pg_catalog.numeric)::pg_catalog.%s', name,
			'1e-' || coalesce(mapping ->> 'scale', '0'), type_name);
	ELSIF jsonb_typeof(mapping) = 'object' THEN
		RETURN format('%L::pg_catalog.%s', mapping ->> 'value', type_name);
	ELSIF jsonb_typeof(mapping) = 'array' THEN
		IF EXISTS (SELECT FROM jsonb_array_elements_text(mapping) AS x(e) WHERE pulse.column_type(relation, e) IS NULL) THEN
			RETURN NULL;
		END IF;
		RETURN (SELECT format('pg_catalog.concat_ws(''/'', %s)', string_agg(format('r.%I', e), ', ' ORDER BY n))
				FROM jsonb_array_elements_text(mapping) WITH ORDINALITY AS x(e, n));
	ELSIF jsonb_typeof(mapping) = 'string' THEN
		name := mapping #>> '{}';
		actual_type := pulse.column_type(relation, name);
	END IF;
	IF actual_type IS NULL THEN
		RETURN CASE WHEN fallback IS NULL THEN NULL ELSE format('%s::pg_catalog.%s', fallback, type_name) END;
	ELSIF type_name = 'timestamptz' AND actual_type IN ('timestamp'::regtype, 'date'::regtype) THEN
		RETURN format('(r.%I::pg_catalog.timestamp AT TIME ZONE %L)', name, timezone);
	ELSIF actual_type = 'anyenum'::regtype THEN
		-- through its output function: a cast may be the work of the type's owner
		RETURN CASE type_name WHEN 'text' THEN format('CASE WHEN r.%1$I IS NOT NULL THEN pg_catalog.concat(r.%1$I) END', name) END;
	ELSE
		RETURN format('r.%I::pg_catalog.%s', name, type_name);
	END IF;
END
$$;
COMMENT ON FUNCTION pulse.mapped_expression(regclass, jsonb, text, text, text, text) IS
	'SQL expression over alias r that yields a logical column of a followed table; NULL when the table lacks a required one.';

CREATE FUNCTION pulse.source_relation(source pulse.source, OUT relation regclass, OUT has_portfolios boolean)
	LANGUAGE plpgsql STABLE
	AS $$
BEGIN
	relation := to_regclass(format('%I.%I', source.schema_name, source.table_name));
	has_portfolios := source.columns ? 'preset' OR jsonb_typeof(coalesce(source.columns -> 'portfolio', '""')) = 'string' AND EXISTS (
		SELECT FROM pg_catalog.pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
			AND attname = coalesce(source.columns ->> 'portfolio', 'portfolio'));
END
$$;
COMMENT ON FUNCTION pulse.source_relation(pulse.source) IS
	'The table that an entry of pulse.source names, NULL when there is none now, and whether it has a column for the portfolio.';

CREATE FUNCTION pulse.orders_by_id(source pulse.source) RETURNS boolean
	LANGUAGE sql STABLE
	RETURN EXISTS (
		SELECT FROM pg_catalog.pg_attribute a
		WHERE a.attrelid = to_regclass(format('%I.%I', (source).schema_name, (source).table_name))
			AND a.attname = coalesce((source).columns ->> 'id', 'id') AND a.attnum > 0 AND NOT a.attisdropped
			AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype));
COMMENT ON FUNCTION pulse.orders_by_id(pulse.source) IS
	'Whether the key of a followed table is one whole number.';

CREATE FUNCTION pulse.narrowing() RETURNS text[]
	AS 'MODULE_PATHNAME', 'pulse_narrowing' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.narrowing() IS 'The portfolios that pulse.answer_within() leaves visible; NULL outside of it.';

CREATE FUNCTION pulse.is_within(portfolio text) RETURNS boolean
	LANGUAGE sql STABLE
	RETURN portfolio IS NULL OR coalesce(portfolio = ANY (pulse.narrowing()), true);
COMMENT ON FUNCTION pulse.is_within(text) IS 'Whether pulse.answer_within() leaves a portfolio visible; true for none in particular, and outside of it.';

CREATE FUNCTION pulse.answer_within(portfolios text[], query text, parameters text[] DEFAULT NULL, OUT body text, OUT seq text, OUT epoch text)
	AS 'MODULE_PATHNAME', 'pulse_answer_within' LANGUAGE C STABLE;
COMMENT ON FUNCTION pulse.answer_within(text[], text, text[]) IS
	'Runs a SELECT, with $1, $2 … of type text, as the current user and as if there were no portfolios but these, and returns up to three columns of its first row: what pulse-worker asks for clients that may see some portfolios together. It can only narrow what the role may read, and inside another one what that leaves; nothing can be written meanwhile. Errors: 42501 for a role to which row-level policies do not apply, 22004 without portfolios or query, 22023 for what is no SELECT, and those of the query.';

CREATE FUNCTION pulse.build_source_query(source_id integer, portfolio text, since text, until text)
	RETURNS text
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	source pulse.source;
	relation regclass;
	item record;
	expression text;
	portfolio_expression text;
	time_expression text;
	time_column text;
	time_type oid;
	list text[] := '{}';
	conditions text[] := '{}';
	only_these CONSTANT text[] := pulse.narrowing();
BEGIN
	SELECT * INTO source FROM pulse.source s WHERE s.source_id = build_source_query.source_id AND s.state = 'active';
	relation := to_regclass(format('%I.%I', source.schema_name, source.table_name));
	IF relation IS NULL THEN
		RETURN NULL;
	END IF;
	IF source.columns ? 'preset' THEN
		IF EXISTS (SELECT FROM pg_catalog.pg_attribute a
				WHERE a.attrelid IN (relation, to_regclass(format('%I.trades', source.schema_name))) AND a.attnum > 0 AND NOT a.attisdropped
					AND pulse.column_type(a.attrelid, a.attname) IS NULL) THEN
			RETURN NULL;
		END IF;
		RETURN format('SELECT r.* FROM (%s) AS r', pulse.preset_query(source.columns ->> 'preset', source.schema_name, source.columns #>> '{portfolio,value}'))
			|| CASE WHEN portfolio IS NOT NULL THEN format(' WHERE r.portfolio = %s', portfolio) ELSE ' WHERE true' END
			|| CASE WHEN since IS NOT NULL THEN format(' AND r.%1$I >= %2$s AND r.%1$I <= %3$s',
				CASE source.kind WHEN 'trades' THEN 'executed_at' ELSE 'ts' END, since, until) ELSE '' END
			|| CASE WHEN only_these IS NOT NULL THEN format(' AND r.portfolio OPERATOR(pg_catalog.=) ANY (%L::pg_catalog.text[])', only_these) ELSE '' END;
	END IF;
	FOR item IN SELECT * FROM pulse.logical_columns(source.kind) LOOP
		expression := pulse.mapped_expression(relation, source.columns, source.timezone,
											  item.logical, item.type_name, item.fallback);
		IF expression IS NULL AND item.logical = 'side' THEN
			-- no column for the side: the sign of the quantity tells it
			expression := format('CASE WHEN %1$s < 0 THEN ''SELL'' ELSE ''BUY'' END',
				pulse.mapped_expression(relation, source.columns, source.timezone, 'quantity', 'numeric', NULL));
		ELSIF item.logical = 'quantity' AND pulse.mapped_expression(relation, source.columns, source.timezone, 'side', 'text', NULL) IS NULL THEN
			expression := format('pg_catalog.abs(%s)', expression);
		END IF;
		IF expression IS NULL THEN
			RETURN NULL;
		END IF;
		IF item.logical = 'portfolio' THEN
			portfolio_expression := expression;
		ELSIF item.type_name = 'timestamptz' THEN
			time_expression := expression;
			time_column := coalesce(source.columns ->> item.logical, item.logical);
		ELSIF item.logical = 'id' THEN
			-- whole numbers order fills of one instant; other keys order them as text
			list := list || format('%s AS ordinal',
				CASE WHEN pulse.orders_by_id(source)
					THEN format('r.%I::pg_catalog.int8', coalesce(source.columns ->> 'id', 'id'))
					ELSE '0::pg_catalog.int8' END);
			list := list || format('%s AS fill_key', expression);
			CONTINUE;
		END IF;
		list := list || format('%s AS %I', expression, item.logical);
	END LOOP;

	IF source.columns #> '{quantity,skip_zero}' = 'true' THEN
		conditions := conditions || format('r.%I OPERATOR(pg_catalog.<>) 0', source.columns #>> '{quantity,column}');
	END IF;
	IF portfolio IS NOT NULL THEN
		conditions := conditions || format('%s OPERATOR(pg_catalog.=) %s', portfolio_expression, portfolio);
	END IF;
	IF only_these IS NOT NULL THEN
		conditions := conditions || format('%s OPERATOR(pg_catalog.=) ANY (%L::pg_catalog.text[])', portfolio_expression, only_these);
	END IF;
	IF since IS NOT NULL THEN
		conditions := conditions || format('%1$s OPERATOR(pg_catalog.>=) %2$s AND %1$s OPERATOR(pg_catalog.<=) %3$s', time_expression, since, until);
		SELECT atttypid INTO time_type FROM pg_catalog.pg_attribute
			WHERE attrelid = relation AND attname = time_column AND attnum > 0 AND NOT attisdropped;
		IF time_type = 'timestamp'::regtype THEN
			-- the same range on the bare column, so that its index serves; a day covers any shift of the zone
			conditions := conditions || format('r.%1$I OPERATOR(pg_catalog.>=) (%3$s AT TIME ZONE %2$L) - interval ''1 day'' AND r.%1$I OPERATOR(pg_catalog.<=) (%4$s AT TIME ZONE %2$L) + interval ''1 day''',
				time_column, source.timezone, since, until);
		END IF;
	END IF;
	RETURN format('SELECT %s FROM %s AS r', array_to_string(list, ', '), format('%I.%I', source.schema_name, source.table_name))
		|| CASE WHEN conditions <> '{}' THEN ' WHERE ' || array_to_string(conditions, ' AND ') ELSE '' END;
END
$$;
COMMENT ON FUNCTION pulse.build_source_query(integer, text, text, text) IS
	'SELECT that reads a followed table under the logical column names, of the portfolio and between the times that the given SQL expressions stand for (NULL: all); NULL when the table or a required column is gone. Trades carry ordinal and fill_key for their id.';

CREATE FUNCTION pulse.source_query(source_id integer, by_portfolio boolean, by_time boolean)
	RETURNS text
	AS 'MODULE_PATHNAME', 'pulse_source_query' LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION pulse.source_query(integer, boolean, boolean) IS
	'The SELECT of pulse.build_source_query() with $1 for the portfolio, $2 and $3 for the first and last time as far as asked for, remembered by each session until the mapping or the table changes. by_portfolio counts only for a table with a column for it.';

CREATE FUNCTION pulse.checked_mapping(relation regclass, logical text, type_name text, mapping jsonb) RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	name text := mapping ->> 'column';
	actual_type oid := pulse.column_type(relation, name);
	is_time boolean := type_name = 'timestamptz';
BEGIN
	IF actual_type IS NULL THEN
		RAISE EXCEPTION 'column "%" of table "%" does not exist, or has a type of its own', name, relation USING ERRCODE = 'undefined_column';
	ELSIF type_name NOT IN ('timestamptz', 'numeric') THEN
		RAISE EXCEPTION 'column "%" cannot be mapped to %', logical, mapping
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the name of its column; only times and amounts can be converted.';
	ELSIF (SELECT t.typcategory FROM pg_catalog.pg_type t WHERE t.oid = actual_type) <> 'N' THEN
		RAISE EXCEPTION 'column "%" has type %, which is not a number', name, format_type(actual_type, NULL) USING ERRCODE = 'datatype_mismatch';
	ELSIF EXISTS (SELECT FROM jsonb_object_keys(mapping) k WHERE k <> 'column' AND k <> ALL (CASE WHEN is_time THEN '{unit}'::text[]
			WHEN logical = 'quantity' THEN '{scale,skip_zero}' ELSE '{scale}' END))
			OR is_time AND coalesce(mapping ->> 'unit', '') NOT IN ('s', 'ms', 'us', 'ns')
			OR coalesce(mapping ->> 'scale', '0') !~ '^[0-9]{1,2}$' OR coalesce(mapping ->> 'scale', '0')::integer > 30
			OR coalesce(mapping ->> 'skip_zero', 'true') NOT IN ('true', 'false') THEN
		RAISE EXCEPTION 'column "%" cannot be mapped to %', logical, mapping
			USING ERRCODE = 'invalid_parameter_value',
				  HINT = CASE WHEN is_time THEN 'A time as a number is written {"column": "name", "unit": "ms"}; units are s, ms, us and ns.'
					ELSE 'An amount in millionths is written {"column": "name", "scale": 6}; a scale is from 0 to 30. "skip_zero" is for quantity only.' END;
	END IF;
	RETURN mapping;
END
$$;
COMMENT ON FUNCTION pulse.checked_mapping(regclass, text, text, jsonb) IS
	'Checks the mapping of a logical column to one that is converted, and returns it. Errors: 22023, 42703, 42804.';

CREATE FUNCTION pulse.normalized_columns(relation regclass, kind text, columns jsonb, timezone text)
	RETURNS jsonb
	LANGUAGE plpgsql STABLE
	AS $$
DECLARE
	item record;
	mapping jsonb;
	name text;
	actual_type oid;
	actual_category "char";
	result jsonb := '{}';
	known text;
	present text;
	unique_key text[];
	placing_column text;
BEGIN
	SELECT string_agg(logical, ', ') INTO known FROM pulse.logical_columns(kind);
	IF known IS NULL THEN
		RAISE EXCEPTION 'unknown kind of table: %', coalesce(quote_literal(kind), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use ''snapshots'' or ''trades''.';
	END IF;
	IF columns IS NULL OR jsonb_typeof(columns) <> 'object' THEN
		RAISE EXCEPTION 'columns must be a JSON object'
			USING ERRCODE = 'invalid_parameter_value', HINT = 'For example {"executed_at": "created_at"}.';
	END IF;
	FOR name IN SELECT jsonb_object_keys(columns) EXCEPT SELECT logical FROM pulse.logical_columns(kind) LOOP
		RAISE EXCEPTION 'unknown column "%" in the mapping', name
			USING ERRCODE = 'invalid_parameter_value',
				  DETAIL = format('A table of kind %s has: %s.', kind, known),
				  HINT = 'The mapping goes from the name Pulse uses to the name your table uses.';
	END LOOP;
	IF timezone IS NOT NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_timezone_names z WHERE lower(z.name) = lower(timezone)) THEN
		RAISE EXCEPTION 'unknown time zone "%"', timezone
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a name from pg_timezone_names, for example UTC.';
	END IF;
	SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO present
		FROM pg_catalog.pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped;

	FOR item IN SELECT * FROM pulse.logical_columns(kind) LOOP
		mapping := columns -> item.logical;
		IF mapping ? 'column' THEN
			result := result || jsonb_build_object(item.logical, pulse.checked_mapping(relation, item.logical, item.type_name, mapping));
			CONTINUE;
		ELSIF jsonb_typeof(mapping) = 'object' THEN
			IF item.required OR item.logical = 'id' OR jsonb_typeof(mapping -> 'value') IS DISTINCT FROM 'string' THEN
				RAISE EXCEPTION 'column "%" cannot be mapped to %', item.logical, mapping
					USING ERRCODE = 'invalid_parameter_value',
						  HINT = 'A constant is written {"value": "text"}, for optional columns only.';
			END IF;
			result := result || jsonb_build_object(item.logical, mapping);
			CONTINUE;
		ELSIF jsonb_typeof(mapping) = 'array' AND item.logical = 'id' AND jsonb_array_length(mapping) > 0 THEN
			unique_key := ARRAY(SELECT jsonb_array_elements_text(mapping));
		ELSIF mapping IS NULL AND item.logical = 'id' AND NOT EXISTS (
				SELECT FROM pg_catalog.pg_attribute WHERE attrelid = relation AND attname = 'id' AND attnum > 0 AND NOT attisdropped) THEN
			unique_key := ARRAY(
				SELECT a.attname::text FROM pg_catalog.pg_index i
				CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
				JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
				WHERE i.indrelid = relation AND i.indisprimary ORDER BY k.n);
			IF unique_key = '{}' THEN
				RAISE EXCEPTION 'table "%" has neither a column "id" nor a primary key', relation
					USING ERRCODE = 'invalid_table_definition',
						  HINT = 'Every fill needs a key: add a primary key or map "id" to a unique column.';
			END IF;
			mapping := to_jsonb(unique_key);
		ELSIF jsonb_typeof(mapping) NOT IN ('string', 'null') THEN
			RAISE EXCEPTION 'column "%" cannot be mapped to %', item.logical, mapping
				USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the name of a column, or null when there is none.';
		END IF;

		IF jsonb_typeof(mapping) = 'array' THEN
			FOREACH name IN ARRAY unique_key LOOP
				IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = relation AND attname = name AND attnum > 0 AND NOT attisdropped) THEN
					RAISE EXCEPTION 'column "%" of table "%" does not exist', name, relation
						USING ERRCODE = 'undefined_column', DETAIL = format('The table has: %s.', present);
				END IF;
			END LOOP;
			result := result || jsonb_build_object('id', to_jsonb(unique_key));
			CONTINUE;
		END IF;

		name := coalesce(mapping #>> '{}', item.logical);
		actual_type := NULL;
		IF mapping IS NULL OR jsonb_typeof(mapping) = 'string' THEN
			SELECT c.actual, t.typcategory INTO actual_type, actual_category
				FROM pulse.column_type(relation, name) AS c (actual) JOIN pg_catalog.pg_type t ON t.oid = c.actual;
			IF actual_type IS NULL AND EXISTS (SELECT FROM pg_catalog.pg_attribute a
					WHERE a.attrelid = relation AND a.attname = name AND a.attnum > 0 AND NOT a.attisdropped) THEN
				RAISE EXCEPTION 'column "%" of table "%" has a type of its own', name, relation
					USING ERRCODE = 'datatype_mismatch', HINT = 'Add a generated column of a built-in type and map that.';
			END IF;
		END IF;
		IF actual_type IS NULL THEN
			IF jsonb_typeof(mapping) = 'string' THEN
				RAISE EXCEPTION 'column "%" of table "%" does not exist', name, relation
					USING ERRCODE = 'undefined_column', DETAIL = format('The table has: %s.', present);
			ELSIF item.required OR item.logical = 'id' THEN
				RAISE EXCEPTION 'table "%" has no column for "%"', relation, item.logical
					USING ERRCODE = 'undefined_column', DETAIL = format('The table has: %s.', present),
						  HINT = format('Map it: columns => ''{"%s": "name in your table"}''.', item.logical);
			END IF;
			result := result || jsonb_build_object(item.logical, NULL);
			CONTINUE;
		END IF;
		IF item.type_name = 'timestamptz' THEN
			IF actual_type NOT IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN
				RAISE EXCEPTION 'column "%" has type %, which is not a time', name, format_type(actual_type, NULL)
					USING ERRCODE = 'datatype_mismatch', HINT = 'Add a generated column of type timestamptz and map that.';
			ELSIF actual_type <> 'timestamptz'::regtype AND timezone IS NULL THEN
				RAISE EXCEPTION 'column "%" has type %, which does not say its time zone', name, format_type(actual_type, NULL)
					USING ERRCODE = 'invalid_parameter_value', HINT = 'Say in which zone the bot writes it, for example timezone => ''UTC''.';
			END IF;
		ELSIF item.type_name <> 'text' AND actual_category <> 'N' THEN
			RAISE EXCEPTION 'column "%" has type %, which is not a number', name, format_type(actual_type, NULL)
				USING ERRCODE = 'datatype_mismatch', HINT = format('Add a generated column of type %s and map that.', item.type_name);
		END IF;
		IF name <> item.logical THEN
			result := result || jsonb_build_object(item.logical, name);
		END IF;
		IF item.logical = 'id' THEN
			unique_key := ARRAY[name];
		END IF;
	END LOOP;

	-- a table in pieces must have the column in its key that tells the piece, which is the time as a rule
	placing_column := CASE WHEN pulse.spread_by(relation) IS NOT NULL THEN coalesce(result ->> 'executed_at', 'executed_at') END;
	IF kind = 'trades' AND NOT EXISTS (
		SELECT FROM pg_catalog.pg_index i
		WHERE i.indrelid = relation AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
			AND NOT EXISTS (
				SELECT FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) AS k(attnum)
				JOIN pg_catalog.pg_attribute a ON a.attrelid = relation AND a.attnum = k.attnum
				WHERE a.attname <> ALL (unique_key) AND a.attname <> coalesce(result ->> 'portfolio', 'portfolio')
					AND a.attname IS DISTINCT FROM placing_column)) THEN
		RAISE EXCEPTION 'nothing makes (%) unique in table "%"', array_to_string(unique_key, ', '), relation
			USING ERRCODE = 'invalid_table_definition',
				  HINT = 'Add a primary key or a unique constraint, so that a fill is counted once.';
	END IF;
	RETURN result;
END
$$;
COMMENT ON FUNCTION pulse.normalized_columns(regclass, text, jsonb, text) IS
	'Checks a column mapping against a table and returns it in the form that pulse.source.columns stores: only what differs from the logical names. Errors: 22023, 42703, 42804, 42P16 with the columns that there are.';

CREATE FUNCTION pulse_attach(relation regclass, kind text, columns jsonb DEFAULT '{}', timezone text DEFAULT NULL, capture text DEFAULT 'trigger')
	RETURNS integer
	LANGUAGE plpgsql VOLATILE
	AS $$
DECLARE
	normalized jsonb;
	relation_kind "char";
	new_source integer;
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'relation must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	SELECT relkind INTO relation_kind FROM pg_catalog.pg_class WHERE oid = relation AND relpersistence <> 't';
	IF relation_kind IS NULL OR relation_kind NOT IN ('r', 'p') THEN
		RAISE EXCEPTION '"%" is not a permanent table', relation
			USING ERRCODE = 'wrong_object_type', HINT = 'Name the table that the bot writes to.';
	END IF;
	IF capture IS NULL OR capture NOT IN ('trigger', 'poll') THEN
		RAISE EXCEPTION 'unknown way of capture: %', coalesce(quote_literal(capture), 'NULL')
			USING ERRCODE = 'invalid_parameter_value', HINT = 'Use ''trigger'', or ''poll'' for a table that must not have one.';
	END IF;
	normalized := pulse.normalized_columns(relation, kind, columns, timezone);
	IF capture = 'trigger' AND pulse.spread_by(relation) = 'citus' THEN
		RAISE EXCEPTION 'a distributed table cannot be followed by a trigger'
			USING ERRCODE = 'feature_not_supported', HINT = 'Use capture => ''poll''.';
	ELSIF capture = 'trigger' AND jsonb_typeof(normalized -> CASE kind WHEN 'trades' THEN 'executed_at' ELSE 'ts' END) = 'object' THEN
		RAISE EXCEPTION 'a table whose times are numbers cannot be followed by a trigger'
			USING ERRCODE = 'feature_not_supported', HINT = 'Use capture => ''poll'', or add a generated column of type timestamptz and map that.';
	END IF;
	new_source := pulse.register_source(relation, kind, normalized, coalesce(timezone, 'UTC'), capture, false);
	IF capture = 'trigger' THEN
		PERFORM pulse.create_capture_triggers(relation, new_source);
		IF pulse.spread_by(relation) = 'timescaledb' THEN
			RAISE NOTICE 'rows that logical replication brings into the hypertable "%" are not noticed', relation
				USING HINT = 'Hypertables refuse ENABLE ALWAYS TRIGGER; use capture => ''poll'' where rows come by replication.';
		END IF;
	END IF;
	PERFORM pulse.add_default_rules_once();
	RETURN new_source;
END
$$;
COMMENT ON FUNCTION pulse_attach(regclass, text, jsonb, text, text) IS
	'Follows an existing table of the given kind (snapshots or trades) under a mapping of column names, for example columns => ''{"executed_at": "created_at", "fee": "commission"}''; returns its source_id. Columns without a time zone need timezone, the zone that the bot writes in. Amounts kept as whole millionths are written {"price": {"column": "price", "scale": 6}}; where a row is an order that is filled in place, {"quantity": {"column": "filled", "skip_zero": true}} leaves out what is not filled yet; times kept as numbers are {"column": "time", "unit": "ms"}, with capture poll. Without a side column the sign of the quantity is the side. capture is trigger, or poll for a table that must not have triggers (or cannot, as a table that Citus distributes): it is read every five seconds then. In a table of partitions or chunks the unique key may hold the time beside the id; the id alone must tell a fill. The caller must own the table. Errors name the column and what the table has.';

CREATE FUNCTION pulse_detach(relation regclass) RETURNS void
	LANGUAGE plpgsql VOLATILE STRICT
	SET client_min_messages = warning
	AS $$
BEGIN
	IF pulse.unregister_source(relation) = 0 THEN
		RAISE EXCEPTION 'table "%" is not followed', relation
			USING ERRCODE = 'undefined_object', HINT = 'pulse.source lists the tables that are.';
	END IF;
	EXECUTE format('DROP TRIGGER IF EXISTS pulse_capture ON %s', relation);
	EXECUTE format('DROP TRIGGER IF EXISTS pulse_capture_truncate ON %s', relation);
END
$$;
COMMENT ON FUNCTION pulse_detach(regclass) IS
	'Stops following a table: removes its capture triggers, sets its source to detached and forgets what was computed from it; the table itself stays as it is, and pulse_attach() takes it up again. The caller must own the table. Error 42704 when it is not followed.';
