-- What the extension consists of, as one text: objects, definitions, privileges, comments, settings of dumps and the rows
-- it brings along. Two databases with the same text have the same Pulse, whatever way it came there. Partitions that
-- come and go with the events are left out. Run it with search_path = pg_catalog, so that every name is told in full.
WITH extension AS (
	SELECT e.* FROM pg_extension e WHERE e.extname = 'pulse'
), member AS (
	SELECT d.classid, d.objid FROM pg_depend d JOIN extension e ON d.refobjid = e.oid
	WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
), relation AS (
	SELECT c.* FROM pg_class c
	WHERE NOT c.relispartition AND (EXISTS (SELECT FROM member m WHERE m.classid = 'pg_class'::regclass AND m.objid = c.oid)
		OR c.relnamespace = to_regnamespace('pulse') AND c.relkind IN ('r', 'p', 'v', 'm', 'S'))
), privileges AS (
	-- the owner is whoever created the extension; grants are told by name, in one order
	SELECT o.classid, o.objid, o.subid, string_agg(format('%s:%s%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' WHEN o.owner THEN 'owner' ELSE a.grantee::regrole::text END,
		a.privilege_type, CASE WHEN a.is_grantable THEN '*' ELSE '' END), ' ' ORDER BY a.grantee, a.privilege_type) AS text
	FROM (
		SELECT 'pg_class'::regclass AS classid, oid AS objid, 0 AS subid, relowner AS owner, coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) AS acl FROM relation
		UNION ALL SELECT 'pg_attribute'::regclass, a.attrelid, a.attnum, r.relowner, a.attacl FROM pg_attribute a JOIN relation r ON r.oid = a.attrelid WHERE a.attacl IS NOT NULL
		UNION ALL SELECT 'pg_proc'::regclass, p.oid, 0, p.proowner, coalesce(p.proacl, acldefault('f', p.proowner)) FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
		UNION ALL SELECT 'pg_type'::regclass, t.oid, 0, t.typowner, coalesce(t.typacl, acldefault('T', t.typowner)) FROM pg_type t JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
		UNION ALL SELECT 'pg_namespace'::regclass, n.oid, 0, n.nspowner, coalesce(n.nspacl, acldefault('n', n.nspowner)) FROM pg_namespace n WHERE n.nspname = 'pulse'
	) o, aclexplode(o.acl) a
	GROUP BY 1, 2, 3
), line (part, name, what) AS (
	SELECT 'extension', 'version', extversion FROM extension
	UNION ALL SELECT 'extension', 'relocatable', extrelocatable::text FROM extension
	UNION ALL SELECT 'dump', c::regclass::text, format('WHERE %s', condition) FROM extension, unnest(extconfig, extcondition) AS x(c, condition)

	-- every member by its identity: whatever kind of object comes to be used, a missing one shows
	UNION ALL SELECT 'member', i.type || ' ' || i.identity, coalesce('comment: ' || obj_description(m.objid, m.classid::regclass::name), '')
	FROM member m, pg_identify_object(m.classid, m.objid, 0) i
	WHERE NOT (m.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_class c WHERE c.oid = m.objid AND c.relispartition))
		AND NOT (m.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type t JOIN pg_class c ON c.oid = t.typrelid WHERE t.oid = m.objid AND c.relispartition))
	UNION ALL SELECT 'privileges', i.identity, p.text FROM privileges p, pg_identify_object(CASE p.classid WHEN 'pg_attribute'::regclass THEN 'pg_class'::regclass ELSE p.classid END, p.objid, p.subid) i

	-- functions and aggregates
	UNION ALL SELECT 'function', p.oid::regprocedure::text, pg_get_functiondef(p.oid)
	FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid WHERE p.prokind <> 'a'
	UNION ALL SELECT 'function kind', p.oid::regprocedure::text, concat_ws(' ', 'returns', pg_get_function_result(p.oid), 'arguments', pg_get_function_arguments(p.oid),
		p.prokind, p.provolatile, p.proparallel, p.proisstrict, p.prosecdef, p.proleakproof, p.procost, p.prorows, nullif(p.prosupport, 0)::regprocedure, p.probin, p.proconfig)
	FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
	UNION ALL SELECT 'aggregate', a.aggfnoid::regprocedure::text, concat_ws(' ', a.aggkind, a.aggnumdirectargs, a.aggtransfn::oid::regprocedure, a.aggtranstype::regtype, a.aggtransspace,
		a.aggfinalfn::oid::regprocedure, a.aggfinalextra, a.aggfinalmodify, a.aggcombinefn::oid::regprocedure, a.aggserialfn::oid::regprocedure, a.aggdeserialfn::oid::regprocedure,
		a.aggmtransfn::oid::regprocedure, a.aggminvtransfn::oid::regprocedure, a.aggmfinalfn::oid::regprocedure, a.aggmfinalextra, a.aggmfinalmodify, a.aggmtranstype::regtype,
		a.aggmtransspace, nullif(a.aggsortop, 0)::regoperator, 'from', coalesce(a.agginitval, 'nothing'), coalesce(a.aggminitval, 'nothing'))
	FROM pg_aggregate a JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = a.aggfnoid

	-- types, casts, operators
	UNION ALL SELECT 'type', t.oid::regtype::text, concat_ws(' ', t.typtype, t.typlen, t.typbyval, t.typcategory, t.typispreferred, t.typdelim, t.typalign, t.typstorage, t.typnotnull,
		t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout, t.typanalyze, nullif(t.typbasetype, 0)::regtype, t.typdefault,
		(SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid),
		(SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) FROM pg_attribute a
			WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
	FROM pg_type t JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
	WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c')
	UNION ALL SELECT 'cast', format('%s to %s', c.castsource::regtype, c.casttarget::regtype), concat_ws(' ', nullif(c.castfunc, 0)::regprocedure, c.castcontext, c.castmethod)
	FROM pg_cast c JOIN member m ON m.classid = 'pg_cast'::regclass AND m.objid = c.oid
	UNION ALL SELECT 'operator', o.oid::regoperator::text, concat_ws(' ', o.oprkind, o.oprcanmerge, o.oprcanhash, o.oprresult::regtype, nullif(o.oprcom, 0)::regoperator,
		nullif(o.oprnegate, 0)::regoperator, o.oprcode, o.oprrest, o.oprjoin)
	FROM pg_operator o JOIN member m ON m.classid = 'pg_operator'::regclass AND m.objid = o.oid

	-- relations: columns as they stand, numbered without the gaps that dropped ones leave
	UNION ALL SELECT 'relation', r.oid::regclass::text, concat_ws(' ', r.relkind, r.relpersistence, 'replica identity', r.relreplident, 'row security', r.relrowsecurity, r.relforcerowsecurity,
		array_to_string(r.reloptions, ','), pg_get_partkeydef(r.oid),
		CASE WHEN r.relkind IN ('v', 'm') THEN pg_get_viewdef(r.oid) END,
		(SELECT string_agg(t.reloptions::text, ',') FROM pg_class t WHERE t.oid = r.reltoastrelid))
	FROM relation r
	UNION ALL SELECT 'column', format('%s %s', a.attrelid::regclass, a.attname), concat_ws(' ', 'number', row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum),
		format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated, a.attstorage, a.attcompression, a.attcollation::regcollation,
		-- without what the server notes there for itself
		(SELECT string_agg(o, ',') FROM unnest(a.attoptions) o WHERE o NOT LIKE 'pg\_attver=%'), nullif(a.attstattarget, -1),
		'default', coalesce(pg_get_expr(d.adbin, d.adrelid), 'none'), 'comment:', col_description(a.attrelid, a.attnum))
	FROM pg_attribute a JOIN relation r ON r.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind <> 'S'
	UNION ALL SELECT 'sequence', s.seqrelid::regclass::text, concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcache, s.seqcycle,
		(SELECT format('of %s column %s', d.refobjid::regclass, d.refobjsubid) FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid AND d.deptype IN ('a', 'i')))
	FROM pg_sequence s JOIN relation r ON r.oid = s.seqrelid
	UNION ALL SELECT 'constraint', format('%s %s', c.conrelid::regclass, c.conname), concat_ws(' ', pg_get_constraintdef(c.oid), c.convalidated, c.condeferrable, c.condeferred, obj_description(c.oid, 'pg_constraint'))
	FROM pg_constraint c JOIN relation r ON r.oid = c.conrelid WHERE c.contype <> 'n'
	UNION ALL SELECT 'index', i.indexrelid::regclass::text, concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisprimary, i.indisunique, i.indisreplident, i.indisclustered, i.indisvalid, obj_description(i.indexrelid, 'pg_class'))
	FROM pg_index i JOIN relation r ON r.oid = i.indrelid
	UNION ALL SELECT 'trigger', format('%s %s', t.tgrelid::regclass, t.tgname), concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled, obj_description(t.oid, 'pg_trigger'))
	FROM pg_trigger t JOIN relation r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal
	UNION ALL SELECT 'rule', format('%s %s', w.ev_class::regclass, w.rulename), concat_ws(' ', pg_get_ruledef(w.oid), w.ev_enabled)
	FROM pg_rewrite w JOIN relation r ON r.oid = w.ev_class
	UNION ALL SELECT 'policy', format('%s %s', p.polrelid::regclass, p.polname), concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::regrole[], pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
	FROM pg_policy p JOIN relation r ON r.oid = p.polrelid
	UNION ALL SELECT 'statistics', format('%s', x.stxname), pg_get_statisticsobjdef(x.oid)
	FROM pg_statistic_ext x JOIN relation r ON r.oid = x.stxrelid

	-- the rows that come with the extension
	UNION ALL SELECT 'row of ' || x.of, x.row ->> x.key, (x.row - x.key)::text FROM (
		SELECT 'job' AS of, 'name' AS key, to_jsonb(j) - '{next_at,last_started_at,last_finished_at,last_duration,runs,failures,failing,last_error,last_error_at}'::text[] AS row FROM pulse.job j
		UNION ALL SELECT 'config_key', 'key', to_jsonb(k) FROM pulse.config_key k
		UNION ALL SELECT 'notification_type', 'name', to_jsonb(n) - 'owner' - 'created_at' FROM pulse.notification_type n WHERE n.owner IS NULL
		UNION ALL SELECT 'privilege', 'level', to_jsonb(p) || jsonb_build_object('level', concat_ws(' ', p.level, p.kind, p.name, p.privilege)) FROM pulse.privilege p
		UNION ALL SELECT 'target', 'metric', to_jsonb(t) - 'goal' FROM pulse.target t
	) x
)
SELECT format('%s %s | %s', part, name, what) FROM line ORDER BY part COLLATE "C", name COLLATE "C", what COLLATE "C";
