/*
 * The curve of several portfolios together, from their snapshots.
 */
#ifndef PULSE_COMBINED_CURVE_H
#define PULSE_COMBINED_CURVE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/array.h"

#include "core/combined.h"

typedef struct CombinedCurve CombinedCurve;

/* The curve at an instant. */
typedef struct CombinedPoint
{
	TimestampTz ts;
	bool		is_numeric;		/* in numbers of any length, else as amounts */
	pulse_amount value;
	pulse_amount flow;
	Datum		numeric_value;
	Datum		numeric_flow;
} CombinedPoint;

/* What is read: of each source, some queries, whose parameters $1 to $3 are a portfolio and two times. */
typedef struct CombinedSources
{
	ArrayType  *sources;		/* int4[] */
	ArrayType  *queries;		/* text[], as long */
	Datum		values[3];
	bool		nulls[3];
} CombinedSources;

/* Reads the first arguments of a call, (sources, queries, portfolio, since, until), into a context. */
extern const CombinedSources *pulse_combined_arguments(FunctionCallInfo fcinfo, MemoryContext context);

/* Reads the snapshots as the current user. SPI must not be connected for it. */
extern CombinedCurve *pulse_combined_curve_begin(const CombinedSources *sources, MemoryContext context);

/* Sets the next point; false after the last. Numbers of any length are good until the next call. */
extern bool pulse_combined_curve_next(CombinedCurve *curve, CombinedPoint *point);
extern void pulse_combined_curve_end(CombinedCurve *curve);

#endif							/* PULSE_COMBINED_CURVE_H */
