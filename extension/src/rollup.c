/*
 * pulse_rollup(): the aggregate that merges summaries.
 *
 * Its state is a type, so that Citus, too, can merge on each node what is there. In memory the state is an expanded object,
 * to which segments are appended as they come: only when all are there is their order known. Flat, between the processes of
 * a server, it is a summary whose segments are in any order; as text, on its way from node to node, they are merged.
 */
#include "src/summary.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/expandeddatum.h"
#include "utils/memutils.h"

#include "src/compat.h"
#include "src/equity.h"

PG_FUNCTION_INFO_V1(pulse_rollup_state_in);
PG_FUNCTION_INFO_V1(pulse_rollup_state_out);
PG_FUNCTION_INFO_V1(pulse_rollup_add);
PG_FUNCTION_INFO_V1(pulse_rollup_merge);
PG_FUNCTION_INFO_V1(pulse_rollup_end);
/* Version 1.0.0 of the extension has a state of type internal. */
PG_FUNCTION_INFO_V1(pulse_rollup_accum);
PG_FUNCTION_INFO_V1(pulse_rollup_combine);
PG_FUNCTION_INFO_V1(pulse_rollup_serialize);
PG_FUNCTION_INFO_V1(pulse_rollup_deserialize);
PG_FUNCTION_INFO_V1(pulse_rollup_final);

typedef struct RollupState
{
	ExpandedObjectHeader header;	/* unless it is of type internal */
	MemoryContext context;
	int64		width;
	pulse_segment *segments;
	size_t		n;
	size_t		allocated;
} RollupState;

/* Returns how many bytes a state takes when it is flat. */
static Size
flat_size(ExpandedObjectHeader *header)
{
	const RollupState *state = (RollupState *) header;

	if (state->n > PULSE_SUMMARY_MAX_SEGMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many summaries to roll up")));
	return VARHDRSZ + PULSE_SUMMARY_HEADER + state->n * PULSE_SUMMARY_SEGMENT;
}

/* Writes a state flat. */
static void
flatten(ExpandedObjectHeader *header, void *result, Size size)
{
	const RollupState *state = (RollupState *) header;

	SET_VARSIZE(result, size);
	pulse_summary_write(state->segments, state->n, state->width, (uint8 *) VARDATA(result));
}

static const ExpandedObjectMethods methods = {flat_size, flatten};

static RollupState *
begin_internal(MemoryContext context, int64 width)
{
	RollupState *state = MemoryContextAllocZero(context, sizeof(RollupState));

	state->context = context;
	state->width = width;
	return state;
}

static RollupState *
begin(MemoryContext parent, int64 width)
{
	MemoryContext context = AllocSetContextCreate(parent, "pulse rollup", ALLOCSET_START_SMALL_SIZES);
	RollupState *state = begin_internal(context, width);

	EOH_init_header(&state->header, &methods, context);
	return state;
}

/* Appends segments as they are. */
static void
add_segments(RollupState *state, const pulse_segment *segments, size_t n, int64 width)
{
	if (width != state->width)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("summaries of different periods cannot be rolled up"),
				 errhint("Build all of them with the same period.")));
	if (state->n + n > state->allocated)
	{
		size_t		allocated = Max(Max(state->allocated * 2, 8), state->n + n);

		if (allocated > MaxAllocHugeSize / sizeof(pulse_segment))
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many summaries to roll up")));
		if (state->segments == NULL)
			state->segments = MemoryContextAllocHuge(state->context, allocated * sizeof(pulse_segment));
		else
			state->segments = repalloc_huge(state->segments, allocated * sizeof(pulse_segment));
		state->allocated = allocated;
	}
	memcpy(state->segments + state->n, segments, n * sizeof(pulse_segment));
	state->n += n;
}

/* Reads the bytes of a flat state; the segments are palloc'd. */
static void
read_flat(const char *bytes, size_t size, pulse_segment **segments, size_t *n, int64 *width)
{
	const char *error;

	*segments = NULL;
	error = pulse_summary_read((const uint8 *) bytes, size, pulse_palloc_memory(CurrentMemoryContext), segments, n, width);
	/* each segment must stand by itself, but the order comes later */
	for (size_t i = 0; error && *segments && i < *n; i++)
	{
		error = pulse_segments_check(&(*segments)[i], 1, *width);
		if (error)
			pulse_summary_refuse(error);
	}
	if (*segments == NULL)
		pulse_summary_refuse(error);
}

/* Returns the state that a datum is or points to; one in a context of its own that may be changed, where a parent is given. */
static RollupState *
take_state(Datum datum, MemoryContext parent)
{
	struct varlena *flat = (struct varlena *) DatumGetPointer(datum);
	RollupState *state;
	pulse_segment *segments;
	size_t		n;
	int64		width;

	if (VARATT_IS_EXTERNAL_EXPANDED(flat) && DatumGetEOHP(datum)->eoh_methods == &methods &&
		(parent == NULL || VARATT_IS_EXTERNAL_EXPANDED_RW(flat)))
		return (RollupState *) DatumGetEOHP(datum);
	flat = PG_DETOAST_DATUM_PACKED(datum);
	read_flat(VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat), &segments, &n, &width);
	state = parent == NULL ? begin_internal(CurrentMemoryContext, width) : begin(parent, width);
	add_segments(state, segments, n, width);
	pfree(segments);
	return state;
}

/* Returns the segments of a state merged, palloc'd; the state stays as it is, since a window frame may go on. */
static pulse_segment *
merged_segments(const RollupState *state, size_t *n)
{
	pulse_segment *merged = MemoryContextAllocHuge(CurrentMemoryContext, state->n * sizeof(pulse_segment));

	memcpy(merged, state->segments, state->n * sizeof(pulse_segment));
	*n = pulse_segments_merge(merged, state->n);
	return merged;
}

static Datum
state_summary(const RollupState *state)
{
	size_t		n;
	pulse_segment *merged = merged_segments(state, &n);

	return pulse_summary_datum(merged, n, state->width);
}

/* Returns the context that the states of an aggregate live in. */
static MemoryContext
aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return context;
}

/* Adds a summary to a state, which is begun by the first one. */
static RollupState *
add_summary(RollupState *state, Datum summary, MemoryContext context, RollupState *(*begin_state) (MemoryContext, int64))
{
	struct varlena *flat = PG_DETOAST_DATUM_PACKED(summary);
	pulse_segment *segments;
	size_t		n;
	int64		width;

	pulse_summary_bytes(VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat), &segments, &n, &width);
	if (state == NULL)
		state = begin_state(context, width);
	add_segments(state, segments, n, width);
	pfree(segments);
	return state;
}

/* Reads the text form of a state: that of a summary, whose segments may be in any order. */
Datum
pulse_rollup_state_in(PG_FUNCTION_ARGS)
{
	char	   *text = PG_GETARG_CSTRING(0);
	size_t		length = strlen(text);
	struct varlena *flat = palloc(VARHDRSZ + length / 2 + 1);
	pulse_segment *segments;
	size_t		size;
	size_t		n;
	int64		width;
	const char *error = pulse_summary_from_text(text, length, (uint8 *) VARDATA(flat), &size);

	if (error)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type pulse.rollup_state"),
				 errdetail("It has %s.", error)));
	read_flat(VARDATA(flat), size, &segments, &n, &width);
	SET_VARSIZE(flat, VARHDRSZ + size);
	PG_RETURN_POINTER(flat);
}

/* Writes the text form of a state, merged. */
Datum
pulse_rollup_state_out(PG_FUNCTION_ARGS)
{
	struct varlena *summary = (struct varlena *) DatumGetPointer(state_summary(take_state(PG_GETARG_DATUM(0), NULL)));
	size_t		size = VARSIZE(summary) - VARHDRSZ;
	char	   *text = MemoryContextAllocHuge(CurrentMemoryContext, size * 2 + 3);

	pulse_summary_to_text((const uint8 *) VARDATA(summary), size, text);
	PG_RETURN_CSTRING(text);
}

/* Transition of pulse_rollup(). */
Datum
pulse_rollup_add(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	RollupState *state = PG_ARGISNULL(0) ? NULL : take_state(PG_GETARG_DATUM(0), context);

	if (!PG_ARGISNULL(1))
		state = add_summary(state, PG_GETARG_DATUM(1), context, begin);
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* Merges the state of another process, or node, into a state. */
Datum
pulse_rollup_merge(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	RollupState *state = PG_ARGISNULL(0) ? NULL : take_state(PG_GETARG_DATUM(0), context);

	if (!PG_ARGISNULL(1))
	{
		const RollupState *other = take_state(PG_GETARG_DATUM(1), NULL);

		if (state == NULL)
			state = begin(context, other->width);
		add_segments(state, other->segments, other->n, other->width);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(EOHPGetRWDatum(&state->header));
}

/* Final function of pulse_rollup(). */
Datum
pulse_rollup_end(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(state_summary(take_state(PG_GETARG_DATUM(0), NULL)));
}

/* Transition of pulse_rollup() in version 1.0.0. */
Datum
pulse_rollup_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	RollupState *state = PG_ARGISNULL(0) ? NULL : (RollupState *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
		state = add_summary(state, PG_GETARG_DATUM(1), context, begin_internal);
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/* Merges the state of a parallel worker into another in version 1.0.0. */
Datum
pulse_rollup_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = aggregate_context(fcinfo);
	RollupState *state = PG_ARGISNULL(0) ? NULL : (RollupState *) PG_GETARG_POINTER(0);
	const RollupState *other = PG_ARGISNULL(1) ? NULL : (RollupState *) PG_GETARG_POINTER(1);

	if (other != NULL && state == NULL)
		state = begin_internal(context, other->width);
	if (other != NULL)
		add_segments(state, other->segments, other->n, other->width);
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/* Writes the state for another process of the same server in version 1.0.0. */
Datum
pulse_rollup_serialize(PG_FUNCTION_ARGS)
{
	RollupState *state = (RollupState *) PG_GETARG_POINTER(0);

	(void) aggregate_context(fcinfo);
	PG_RETURN_DATUM(pulse_summary_datum(state->segments, state->n, state->width));
}

/* Reads what pulse_rollup_serialize() wrote. */
Datum
pulse_rollup_deserialize(PG_FUNCTION_ARGS)
{
	(void) aggregate_context(fcinfo);
	PG_RETURN_POINTER(take_state(PG_GETARG_DATUM(0), NULL));
}

/* Final function of pulse_rollup() in version 1.0.0. */
Datum
pulse_rollup_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(state_summary((RollupState *) PG_GETARG_POINTER(0)));
}
