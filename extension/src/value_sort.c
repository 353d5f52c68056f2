/*
 * The server's own external sort, for exact quantiles of more values than
 * the memory that a hash aggregate may use. It belongs to the aggregate,
 * which ends it when the query ends, also early or by an error.
 */
#include "src/value_sort.h"

#include <math.h>

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/tuplesort.h"

#include "core/compensated.h"
#include "core/quantile.h"
#include "src/compat.h"

struct ValueSort
{
	Tuplesortstate *sort;
	int64		n;
	bool		sorted;
};

/*
 * Returns whether the state of this aggregate may go to disk: not in a
 * window, which goes on after its results, nor in a parallel worker, which
 * must send all of it.
 */
bool
pulse_can_spill(FunctionCallInfo fcinfo)
{
	return fcinfo->context != NULL && IsA(fcinfo->context, AggState)
		&& !DO_AGGSPLIT_SKIPFINAL(((AggState *) fcinfo->context)->aggsplit);
}

static void
end_sort(Datum argument)
{
	ValueSort  *sort = (ValueSort *) DatumGetPointer(argument);

	if (sort->sort)
		tuplesort_end(sort->sort);
	sort->sort = NULL;
}

/* Begins an empty sort that ends with the aggregate. */
ValueSort *
pulse_value_sort_begin(FunctionCallInfo fcinfo, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	ValueSort  *sort = palloc0(sizeof(ValueSort));

	sort->sort = tuplesort_begin_datum(FLOAT8OID, Float8LessOperator, InvalidOid, false, work_mem, NULL,
									   TUPLESORT_RANDOMACCESS);
	AggRegisterCallback(fcinfo, end_sort, PointerGetDatum(sort));
	MemoryContextSwitchTo(caller);
	return sort;
}

/* Adds n values. */
void
pulse_value_sort_put(ValueSort *sort, const double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		tuplesort_putdatum(sort->sort, Float8GetDatum(values[i]), false);
	sort->n += (int64) n;
}

static void
rewind_sort(ValueSort *sort)
{
	if (sort->sorted)
		tuplesort_rescan(sort->sort);
	else
		tuplesort_performsort(sort->sort);
	sort->sorted = true;
}

static double
next_value(ValueSort *sort)
{
	Datum		value;
	bool		isnull;

	if (!PULSE_TUPLESORT_GETDATUM(sort->sort, &value, &isnull))
		elog(ERROR, "a sort has lost values");
	return DatumGetFloat8(value);
}

/* Returns the type 7 quantile of probability p. */
double
pulse_value_sort_quantile(ValueSort *sort, double p)
{
	pulse_quantile_position at = pulse_quantile_locate((size_t) sort->n, p);
	double		low;

	rewind_sort(sort);
	if (at.index > 0 && !tuplesort_skiptuples(sort->sort, (int64) at.index, true))
		elog(ERROR, "a sort has lost values");
	low = next_value(sort);
	return at.weight == 0.0 ? low : pulse_quantile_interpolate(low, next_value(sort), at.weight);
}

/* Returns the mean of the values at or below limit; NaN if there are none. */
double
pulse_value_sort_tail_mean(ValueSort *sort, double limit)
{
	pulse_sum	sum = {0, 0};
	int64		count = 0;

	rewind_sort(sort);
	for (; count < sort->n; count++)
	{
		double		value = next_value(sort);

		if (!(value <= limit))
			break;
		pulse_sum_add(&sum, value);
	}
	return count > 0 ? pulse_sum_value(&sum) / (double) count : NAN;
}
