/*
 * The capture triggers: what changed in a followed table is marked, nothing else happens in the bot's transaction.
 *
 * Which columns hold the time and the portfolio is looked up in pulse.source once per trigger and kept until the
 * relation cache says that something changed. Whatever cannot be resolved degrades to a mark of the whole source: more
 * work for the tick, never an error for the bot.
 */
#include "postgres.h"

#include "access/attnum.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgtime.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/dirty.h"
#include "src/settings.h"

/* Triggers of partitions come and go; a cache that has grown past this is emptied. */
#define MAX_CACHED_TRIGGERS 4096
/* How long a source that could not be found is not looked for again. */
#define RETRY_MS 1000

typedef enum TimeKind
{
	TIME_UNKNOWN,
	TIME_WITH_ZONE,
	TIME_WITHOUT_ZONE,
	TIME_DATE
} TimeKind;

typedef enum PortfolioKind
{
	PORTFOLIO_UNKNOWN,			/* of a type that has no cheap text form: all portfolios are marked */
	PORTFOLIO_CONSTANT,
	PORTFOLIO_TEXT,
	PORTFOLIO_OUTPUT			/* through the type's output function */
} PortfolioKind;

/* What one trigger needs to know about its relation. */
typedef struct CaptureTarget
{
	Oid			trigger_id;		/* hash key */
	Oid			relid;
	int32		source_id;
	bool		valid;
	bool		found;
	TimestampTz resolved_at;
	AttrNumber	ts_attno;
	TimeKind	ts_kind;
	pg_tz	   *zone;
	AttrNumber	portfolio_attno;
	PortfolioKind portfolio_kind;
	Oid			portfolio_output;
	char		portfolio_constant[NAMEDATALEN];
} CaptureTarget;

PG_FUNCTION_INFO_V1(pulse_capture);
PG_FUNCTION_INFO_V1(pulse_capture_truncate);
PG_FUNCTION_INFO_V1(pulse_source_changed);
PG_FUNCTION_INFO_V1(pulse_wake_trigger);

static MemoryContext capture_context = NULL;
static HTAB *targets = NULL;
static CaptureTarget *last_target = NULL;
static Oid	source_relid = InvalidOid;

/* Distrusts what is cached about a relation; about all of them when it is pulse.source. */
static void
relcache_callback(Datum arg, Oid relid)
{
	HASH_SEQ_STATUS status;
	CaptureTarget *target;

	last_target = NULL;
	if (targets == NULL)
		return;
	hash_seq_init(&status, targets);
	while ((target = hash_seq_search(&status)) != NULL)
		if (relid == InvalidOid || relid == source_relid || target->relid == relid)
			target->valid = false;
}

/* Makes the cache, or empties one that has grown too large. */
static void
prepare_cache(void)
{
	HASHCTL		control = {0};

	if (targets != NULL && hash_get_num_entries(targets) < MAX_CACHED_TRIGGERS)
		return;
	if (capture_context == NULL)
	{
		capture_context = AllocSetContextCreate(CacheMemoryContext, "pulse capture", ALLOCSET_SMALL_SIZES);
		CacheRegisterRelcacheCallback(relcache_callback, (Datum) 0);
	}
	targets = NULL;
	last_target = NULL;
	MemoryContextReset(capture_context);
	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(CaptureTarget);
	control.hcxt = capture_context;
	targets = hash_create("pulse capture targets", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Reads a trigger's argument, the number of its source; 0 when it has none that makes sense. */
static int32
trigger_source_id(const Trigger *trigger)
{
	char	   *end;
	long		value;

	if (trigger->tgnargs < 1)
		return 0;
	errno = 0;
	value = strtol(trigger->tgargs[0], &end, 10);
	if (errno != 0 || *end != '\0' || end == trigger->tgargs[0] || value < 1 || value > PG_INT32_MAX)
		return 0;
	return (int32) value;
}

/*
 * Looks a logical column up in the mapping. Returns the actual column's name, or NULL when the mapping says that there
 * is none; then constant receives what stands in for it, if that is short text.
 */
static char *
mapped_column(Jsonb *mapping, const char *logical, char constant[NAMEDATALEN])
{
	JsonbValue	value;
	JsonbValue	member;

	if (mapping == NULL || !JB_ROOT_IS_OBJECT(mapping) ||
		getKeyJsonValueFromContainer(&mapping->root, logical, (int) strlen(logical), &value) == NULL)
		return pstrdup(logical);
	if (value.type == jbvString)
		return pnstrdup(value.val.string.val, value.val.string.len);
	if (value.type == jbvBinary && JsonContainerIsObject(value.val.binary.data) &&
		getKeyJsonValueFromContainer(value.val.binary.data, "value", 5, &member) != NULL)
	{
		constant[0] = '\0';
		if (member.type == jbvString && member.val.string.len < NAMEDATALEN)
		{
			memcpy(constant, member.val.string.val, member.val.string.len);
			constant[member.val.string.len] = '\0';
		}
	}
	return NULL;
}

/* Finds the time column of a relation and how to read it. */
static void
resolve_time(CaptureTarget *target, const char *column, const char *zone)
{
	Oid			type;

	target->ts_kind = TIME_UNKNOWN;
	target->ts_attno = column != NULL ? get_attnum(target->relid, column) : InvalidAttrNumber;
	if (target->ts_attno <= 0)
		return;
	type = getBaseType(get_atttype(target->relid, target->ts_attno));
	if (type == TIMESTAMPTZOID)
		target->ts_kind = TIME_WITH_ZONE;
	else if ((type == TIMESTAMPOID || type == DATEOID) && strlen(zone) <= TZ_STRLEN_MAX &&
			 (target->zone = pg_tzset(zone)) != NULL)
		target->ts_kind = type == TIMESTAMPOID ? TIME_WITHOUT_ZONE : TIME_DATE;
}

/* Finds the portfolio column of a relation and how to read it. */
static void
resolve_portfolio(CaptureTarget *target, const char *column, bool mapped)
{
	Oid			type;
	bool		varlena;

	target->portfolio_attno = column != NULL ? get_attnum(target->relid, column) : InvalidAttrNumber;
	if (target->portfolio_attno <= 0)
	{
		/* a table may do without the column, but a name that the mapping gives and the table lacks is a change */
		target->portfolio_kind = (column != NULL && mapped) || target->portfolio_constant[0] == '\0' ?
			PORTFOLIO_UNKNOWN : PORTFOLIO_CONSTANT;
		return;
	}
	type = getBaseType(get_atttype(target->relid, target->portfolio_attno));
	switch (type)
	{
		case TEXTOID:
		case VARCHAROID:
			target->portfolio_kind = PORTFOLIO_TEXT;
			break;
		case NAMEOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case UUIDOID:
			getTypeOutputInfo(type, &target->portfolio_output, &varlena);
			target->portfolio_kind = PORTFOLIO_OUTPUT;
			break;
		default:
			target->portfolio_kind = PORTFOLIO_UNKNOWN;
			break;
	}
}

/* Applies one row of pulse.source to the target. */
static void
resolve_from_source(CaptureTarget *target, Relation source, HeapTuple tuple)
{
	TupleDesc	desc = RelationGetDescr(source);
	AttrNumber	kind_attno = get_attnum(RelationGetRelid(source), "kind");
	AttrNumber	columns_attno = get_attnum(RelationGetRelid(source), "columns");
	AttrNumber	zone_attno = get_attnum(RelationGetRelid(source), "timezone");
	Datum		value;
	bool		null;
	const char *logical_time;
	char	   *column;
	char		ignored[NAMEDATALEN];
	Jsonb	   *mapping;
	const char *zone = "UTC";

	if (kind_attno <= 0 || TupleDescAttr(desc, kind_attno - 1)->atttypid != TEXTOID ||
		columns_attno <= 0 || TupleDescAttr(desc, columns_attno - 1)->atttypid != JSONBOID ||
		zone_attno <= 0 || TupleDescAttr(desc, zone_attno - 1)->atttypid != TEXTOID)
		return;

	value = heap_getattr(tuple, kind_attno, desc, &null);
	logical_time = !null && strcmp(TextDatumGetCString(value), "trades") == 0 ? "executed_at" : "ts";
	value = heap_getattr(tuple, columns_attno, desc, &null);
	mapping = null ? NULL : DatumGetJsonbP(value);
	value = heap_getattr(tuple, zone_attno, desc, &null);
	if (!null)
		zone = TextDatumGetCString(value);

	resolve_time(target, mapped_column(mapping, logical_time, ignored), zone);
	strcpy(target->portfolio_constant, "main");
	column = mapped_column(mapping, "portfolio", target->portfolio_constant);
	resolve_portfolio(target, column, column != NULL && strcmp(column, "portfolio") != 0);
	target->found = true;
}

/* Opens pulse.source for reading; NULL when there is none, or when waiting for it would hold up the bot. */
static Relation
open_source(void)
{
	Oid			namespace_id = get_namespace_oid("pulse", true);
	Oid			relid = OidIsValid(namespace_id) ? get_relname_relid("source", namespace_id) : InvalidOid;
	Relation	rel;

	if (!OidIsValid(relid) || !ConditionalLockRelationOid(relid, AccessShareLock))
		return NULL;
	rel = try_relation_open(relid, NoLock);
	if (rel == NULL)
		UnlockRelationOid(relid, AccessShareLock);
	else if (rel->rd_rel->relkind != RELKIND_RELATION || RelationGetDescr(rel)->natts < 1 ||
			 TupleDescAttr(RelationGetDescr(rel), 0)->atttypid != INT4OID)
	{
		relation_close(rel, AccessShareLock);
		rel = NULL;
	}
	return rel;
}

/* Looks the target's source up in pulse.source, as it is now for everybody and for this transaction. */
static void
resolve_target(CaptureTarget *target)
{
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "pulse capture lookup", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(scratch);
	Relation	source;

	target->found = false;
	target->resolved_at = GetCurrentTimestamp();
	target->valid = true;
	source = open_source();
	if (source != NULL)
	{
		ScanKeyData key;
		SysScanDesc scan;
		HeapTuple	tuple;

		source_relid = RelationGetRelid(source);
		/* SnapshotSelf: it leaves no predicate locks behind in a serializable transaction. */
		ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_INT4EQ, Int32GetDatum(target->source_id));
		scan = systable_beginscan(source, InvalidOid, false, SnapshotSelf, 1, &key);
		while ((tuple = systable_getnext(scan)) != NULL)
			resolve_from_source(target, source, tuple);
		systable_endscan(scan);
		relation_close(source, AccessShareLock);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(scratch);
}

/* Returns what is known about a trigger's relation; the answer is good until the next catalog access. */
static CaptureTarget *
get_target(Relation rel, const Trigger *trigger)
{
	CaptureTarget *target = last_target;
	bool		found;

	if (target == NULL || target->trigger_id != trigger->tgoid || !target->valid)
	{
		prepare_cache();
		target = hash_search(targets, &trigger->tgoid, HASH_ENTER, &found);
		if (!found || target->relid != RelationGetRelid(rel))
		{
			target->valid = false;
			target->relid = RelationGetRelid(rel);
		}
	}
	if (!target->valid ||
		(!target->found && TimestampDifferenceExceeds(target->resolved_at, GetCurrentTimestamp(), RETRY_MS)))
	{
		target->source_id = trigger_source_id(trigger);
		resolve_target(target);
	}
	last_target = target;
	return target;
}

/* Converts a timestamp without time zone; false when it lies outside the range of timestamptz. */
static bool
naive_to_utc(Timestamp ts, pg_tz *zone, TimestampTz *result)
{
	struct pg_tm tm;
	fsec_t		fsec;
	int			offset;

	if (TIMESTAMP_NOT_FINITE(ts))
	{
		*result = ts;
		return true;
	}
	if (timestamp2tm(ts, NULL, &tm, &fsec, NULL, NULL) != 0)
		return false;
	offset = DetermineTimeZoneOffset(&tm, zone);
	return tm2timestamp(&tm, fsec, &offset, result) == 0;
}

/* Converts the time of a row; false when it cannot be told. */
static bool
row_time(const CaptureTarget *target, Datum value, TimestampTz *result)
{
	int			overflow;
	Timestamp	midnight;

	switch (target->ts_kind)
	{
		case TIME_WITH_ZONE:
			*result = DatumGetTimestampTz(value);
			return true;
		case TIME_WITHOUT_ZONE:
			return naive_to_utc(DatumGetTimestamp(value), target->zone, result);
		case TIME_DATE:
			midnight = date2timestamp_opt_overflow(DatumGetDateADT(value), &overflow);
			return overflow == 0 && naive_to_utc(midnight, target->zone, result);
		case TIME_UNKNOWN:
			break;
	}
	return false;
}

/* Marks one version of a row. */
static void
mark_tuple(const CaptureTarget *target, TupleDesc desc, HeapTuple tuple)
{
	const char *portfolio = "main";
	int			portfolio_len = 4;
	char	   *copy = NULL;
	TimestampTz ts = 0;
	Datum		value;
	bool		null;
	bool		bounded = false;

	if (!target->found)
	{
		pulse_mark_unbounded(target->source_id, NULL, 0);
		return;
	}
	if (target->ts_kind != TIME_UNKNOWN)
	{
		value = heap_getattr(tuple, target->ts_attno, desc, &null);
		if (null)
			return;				/* a row without a time belongs to no range */
		bounded = row_time(target, value, &ts);
	}

	if (target->portfolio_kind == PORTFOLIO_UNKNOWN)
		portfolio = NULL;
	else if (target->portfolio_kind == PORTFOLIO_CONSTANT)
	{
		portfolio = target->portfolio_constant;
		portfolio_len = (int) strlen(portfolio);
	}
	else
	{
		value = heap_getattr(tuple, target->portfolio_attno, desc, &null);
		if (null)
			return;				/* nor does one without a portfolio belong to any */
		if (target->portfolio_kind == PORTFOLIO_TEXT)
		{
			struct varlena *name = pg_detoast_datum_packed((struct varlena *) DatumGetPointer(value));

			portfolio = VARDATA_ANY(name);
			portfolio_len = (int) VARSIZE_ANY_EXHDR(name);
			if ((Pointer) name != DatumGetPointer(value))
				copy = (char *) name;
		}
		else
		{
			portfolio = copy = OidOutputFunctionCall(target->portfolio_output, value);
			portfolio_len = (int) strlen(copy);
		}
	}

	if (bounded)
		pulse_mark_dirty(target->source_id, portfolio, portfolio_len, ts);
	else
		pulse_mark_unbounded(target->source_id, portfolio, portfolio_len);
	if (copy != NULL)
		pfree(copy);
}

/* Trigger for each inserted, updated or deleted row of a followed table: marks where and when it changed something. */
Datum
pulse_capture(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	CaptureTarget *target;
	TupleDesc	desc;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("pulse.capture() must be called by an AFTER ... FOR EACH ROW trigger"),
				 errhint("pulse_setup() and pulse_attach() create it.")));

	if (!pulse_capture_enabled)
		PG_RETURN_POINTER(NULL);
	target = get_target(trigger->tg_relation, trigger->tg_trigger);
	if (target->source_id == 0)
		PG_RETURN_POINTER(NULL);

	desc = RelationGetDescr(trigger->tg_relation);
	mark_tuple(target, desc, trigger->tg_trigtuple);
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		mark_tuple(target, desc, trigger->tg_newtuple);
	PG_RETURN_POINTER(NULL);
}

/* Trigger for TRUNCATE of a followed table: marks the whole source. */
Datum
pulse_capture_truncate(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	int32		source_id;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BY_TRUNCATE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("pulse.capture_truncate() must be called by a TRUNCATE trigger"),
				 errhint("pulse_setup() and pulse_attach() create it.")));

	source_id = trigger_source_id(trigger->tg_trigger);
	if (pulse_capture_enabled && source_id != 0)
		pulse_mark_unbounded(source_id, NULL, 0);
	PG_RETURN_POINTER(NULL);
}

/* Trigger on pulse.source: makes every backend look its mappings up again. */
Datum
pulse_source_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("pulse.source_changed() must be called by a trigger")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	PG_RETURN_POINTER(NULL);
}

/* Trigger on tables that the tick announces: asks for a tick after the commit. */
Datum
pulse_wake_trigger(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("pulse.wake() must be called by a trigger")));
	pulse_wake_at_commit();
	PG_RETURN_POINTER(NULL);
}
