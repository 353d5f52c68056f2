/*
 * A run is what once filled the memory, in time order: all times, then all
 * values, then all flows. Runs are in input order, so that of equal times the
 * earlier run goes first. The rows still in memory are the last run.
 */
#include "src/row_spill.h"

#include "miscadmin.h"
#include "storage/buffile.h"
#include "utils/memutils.h"

/* Rows that a run reads at once. */
#define BLOCK 1024

typedef struct Run
{
	int64		offset;			/* in the file, in rows */
	int64		n;
	int64		next;			/* row to be read */
	int64	   *ts;				/* the block: rows at to filled */
	double	   *value;
	double	   *flow;
	size_t		at;
	size_t		filled;
} Run;

struct RowSpill
{
	MemoryContext context;
	BufFile    *file;
	bool		flows;
	Run		   *runs;
	int			n_runs;
	int			allocated;
	int64		n;				/* rows in the file */
	int64		last_ts;
	bool		ordered;		/* no run begins before the end of the one before */
};

/* Closes the file. */
void
pulse_row_spill_end(RowSpill *spill)
{
	if (spill->file)
		BufFileClose(spill->file);
	spill->file = NULL;
}

static void
end_with_aggregate(Datum argument)
{
	pulse_row_spill_end((RowSpill *) DatumGetPointer(argument));
}

/* Begins an empty spill that ends with the aggregate; without one, the caller ends it. */
RowSpill *
pulse_row_spill_begin(FunctionCallInfo fcinfo, MemoryContext context, bool flows)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	RowSpill   *spill = palloc0(sizeof(RowSpill));

	spill->context = context;
	spill->flows = flows;
	spill->ordered = true;
	spill->file = BufFileCreateTemp(false);
	if (fcinfo != NULL)
		AggRegisterCallback(fcinfo, end_with_aggregate, PointerGetDatum(spill));
	MemoryContextSwitchTo(caller);
	return spill;
}

static void
seek_row(RowSpill *spill, int64 cell)
{
	if (BufFileSeek(spill->file, 0, (off_t) cell * sizeof(double), SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in a temporary file")));
}

/* Writes n >= 1 rows in time order as a run. */
void
pulse_row_spill_run(RowSpill *spill, const int64 *ts, const double *value, const double *flow, size_t n)
{
	if (spill->n_runs == spill->allocated)
	{
		spill->allocated = Max(16, spill->allocated * 2);
		spill->runs = spill->runs == NULL ? MemoryContextAlloc(spill->context, spill->allocated * sizeof(Run))
			: repalloc(spill->runs, spill->allocated * sizeof(Run));
	}
	spill->ordered = pulse_row_spill_follows(spill, ts[0]);
	spill->last_ts = ts[n - 1];
	spill->runs[spill->n_runs++] = (Run) {.offset = spill->n, .n = (int64) n};
	BufFileWrite(spill->file, unconstify(int64 *, ts), n * sizeof(int64));
	BufFileWrite(spill->file, unconstify(double *, value), n * sizeof(double));
	if (spill->flows)
		BufFileWrite(spill->file, unconstify(double *, flow), n * sizeof(double));
	spill->n += (int64) n;
}

/* Returns whether everything in the file is in order and not later than rows that begin at first_ts. */
bool
pulse_row_spill_follows(const RowSpill *spill, int64 first_ts)
{
	return spill->ordered && (spill->n_runs == 0 || first_ts >= spill->last_ts);
}

static void
read_cells(RowSpill *spill, int64 cell, void *target, size_t n)
{
	seek_row(spill, cell);
	if (BufFileRead(spill->file, target, n * sizeof(double)) != n * sizeof(double))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read from a temporary file")));
}

/* Reads the next block of a run, if there is one. */
static bool
fill(RowSpill *spill, Run *run)
{
	int			columns = spill->flows ? 3 : 2;
	int64		start = run->offset * columns;
	size_t		n = (size_t) Min(run->n - run->next, BLOCK);

	run->at = 0;
	run->filled = n;
	if (n == 0)
		return false;
	CHECK_FOR_INTERRUPTS();
	read_cells(spill, start + run->next, run->ts, n);
	read_cells(spill, start + run->n + run->next, run->value, n);
	if (spill->flows)
		read_cells(spill, start + 2 * run->n + run->next, run->flow, n);
	run->next += (int64) n;
	return true;
}

/* Returns whether the row of run a goes before that of run b, in input order if their times are equal. */
static inline bool
before(const Run *runs, int a, int b)
{
	int64		x = runs[a].ts[runs[a].at];
	int64		y = runs[b].ts[runs[b].at];

	return x != y ? x < y : a < b;
}

static void
sift_down(const Run *runs, int *heap, int n, int i)
{
	for (;;)
	{
		int			child = 2 * i + 1;
		int			top;

		if (child >= n)
			return;
		if (child + 1 < n && before(runs, heap[child + 1], heap[child]))
			child++;
		if (!before(runs, heap[child], heap[i]))
			return;
		top = heap[i];
		heap[i] = heap[child];
		heap[child] = top;
		i = child;
	}
}

/* Hands over all rows in time order: those in the file and the later ones in memory. */
void
pulse_row_spill_merge(RowSpill *spill, const int64 *ts, const double *value, const double *flow, size_t n,
					  RowConsumer consumer, void *argument)
{
	MemoryContext merging = AllocSetContextCreate(CurrentMemoryContext, "pulse row merge", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(merging);
	int			n_runs = spill->n_runs;
	Run		   *runs = palloc0((n_runs + 1) * sizeof(Run));
	int		   *heap = palloc((n_runs + 1) * sizeof(int));
	int64	   *out_ts = palloc(BLOCK * sizeof(int64));
	double	   *out_value = palloc(BLOCK * sizeof(double));
	double	   *out_flow = spill->flows ? palloc(BLOCK * sizeof(double)) : NULL;
	size_t		filled = 0;
	int			live = 0;

	for (int i = 0; i < n_runs; i++)
	{
		runs[i] = spill->runs[i];
		runs[i].ts = palloc(BLOCK * sizeof(int64));
		runs[i].value = palloc(BLOCK * sizeof(double));
		runs[i].flow = spill->flows ? palloc(BLOCK * sizeof(double)) : NULL;
		runs[i].next = 0;
		if (fill(spill, &runs[i]))
			heap[live++] = i;
	}
	/* the rows in memory are one block that needs no reading */
	runs[n_runs] = (Run) {.ts = unconstify(int64 *, ts), .value = unconstify(double *, value),
		.flow = unconstify(double *, flow), .filled = n};
	if (n > 0)
		heap[live++] = n_runs;
	for (int i = live / 2; i >= 0; i--)
		sift_down(runs, heap, live, i);

	while (live > 0)
	{
		Run		   *run = &runs[heap[0]];

		out_ts[filled] = run->ts[run->at];
		out_value[filled] = run->value[run->at];
		if (out_flow)
			out_flow[filled] = run->flow[run->at];
		if (++filled == BLOCK)
		{
			consumer(argument, out_ts, out_value, out_flow, filled);
			filled = 0;
		}
		if (++run->at == run->filled && !fill(spill, run))
			heap[0] = heap[--live];
		sift_down(runs, heap, live, 0);
	}
	if (filled > 0)
		consumer(argument, out_ts, out_value, out_flow, filled);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(merging);
}
