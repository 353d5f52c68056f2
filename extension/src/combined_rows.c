/*
 * Rows fill the memory that a sort may take, are ordered and go to a temporary file as a run; runs are merged when they
 * are asked for. A run that follows the one before continues it: rows that come in order of time are not merged.
 */
#include "src/combined_rows.h"

#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "storage/buffile.h"
#include "utils/memutils.h"

#include "core/order.h"
#include "src/compat.h"
#include "src/large_memory.h"

#define FIRST_ROWS 1024

/* Rows handed over at once, and the fewest that a run reads at once. */
#define BLOCK 1024
#define MIN_BLOCK 64

/* What sorting a row takes: the row twice and two entries. */
#define SORT_SIZE (2 * (sizeof(pulse_combined_row) + sizeof(pulse_order_entry)))

typedef struct Run
{
	int64		offset;			/* in the file, in rows */
	int64		n;
	int64		next;			/* row to be read */
	pulse_combined_row *block;	/* rows at to filled */
	size_t		at;
	size_t		filled;
} Run;

struct CombinedRows
{
	MemoryContext context;
	size_t		limit;			/* of rows in memory */
	pulse_combined_row *rows;
	size_t		n;
	size_t		allocated;
	bool		ordered;		/* those in memory came in order */
	BufFile    *file;
	int64		in_file;
	int64		last_ts;		/* of the last run */
	Run		   *runs;
	int			n_runs;
	int			allocated_runs;
	/* of the merge */
	size_t		block_size;
	int		   *heap;
	int			live;
	pulse_combined_row *out;
	bool		handed_over;	/* all of it, where there was no file */
};

/* Begins without a row; pulse_combined_rows_end() frees what is not memory. */
CombinedRows *
pulse_combined_rows_begin(MemoryContext context)
{
	CombinedRows *rows = MemoryContextAllocZero(context, sizeof(CombinedRows));

	rows->context = context;
	rows->limit = Max(get_hash_memory_limit() / SORT_SIZE, FIRST_ROWS);
	rows->ordered = true;
	rows->allocated = FIRST_ROWS;
	rows->rows = MemoryContextAlloc(context, FIRST_ROWS * sizeof(pulse_combined_row));
	return rows;
}

/* Brings the rows in memory into order. */
static void
order_memory(CombinedRows *rows)
{
	size_t		size = rows->n * sizeof(pulse_order_entry);
	pulse_order_entry *entries;
	pulse_order_entry *scratch;
	pulse_order_entry *order;
	pulse_combined_row *ordered;

	if (rows->ordered)
		return;
	entries = MemoryContextAllocHuge(rows->context, size);
	scratch = MemoryContextAllocHuge(rows->context, size);
	ordered = MemoryContextAllocHuge(rows->context, rows->allocated * sizeof(pulse_combined_row));
	for (size_t i = 0; i < rows->n; i++)
		entries[i] = (pulse_order_entry) {rows->rows[i].ts, i};
	order = pulse_order_sort(entries, scratch, rows->n);
	for (size_t i = 0; i < rows->n; i++)
		ordered[i] = rows->rows[order[i].position];
	pfree(entries);
	pfree(scratch);
	pfree(rows->rows);
	rows->rows = ordered;
	rows->ordered = true;
}

/* Moves the rows in memory to the file. */
static void
write_run(CombinedRows *rows)
{
	int64		last_ts;

	if (rows->file == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(rows->context);

		rows->file = BufFileCreateTemp(false);
		MemoryContextSwitchTo(caller);
	}
	order_memory(rows);
	last_ts = rows->rows[rows->n - 1].ts;
	if (rows->n_runs > 0 && rows->rows[0].ts >= rows->last_ts)
		rows->runs[rows->n_runs - 1].n += (int64) rows->n;
	else
	{
		if (rows->n_runs == rows->allocated_runs)
		{
			rows->allocated_runs = Max(16, rows->allocated_runs * 2);
			rows->runs = rows->runs == NULL ? MemoryContextAlloc(rows->context, rows->allocated_runs * sizeof(Run)) :
				repalloc_huge(rows->runs, rows->allocated_runs * sizeof(Run));
		}
		rows->runs[rows->n_runs++] = (Run) {.offset = rows->in_file, .n = (int64) rows->n};
	}
	BufFileWrite(rows->file, rows->rows, rows->n * sizeof(pulse_combined_row));
	rows->last_ts = last_ts;
	rows->in_file += (int64) rows->n;
	rows->n = 0;
	rows->ordered = true;
}

static void
make_room(CombinedRows *rows)
{
	if (rows->n >= rows->limit)
	{
		write_run(rows);
		return;
	}
	rows->allocated = Min(rows->allocated * 2, rows->limit);
	rows->rows = pulse_large_realloc(rows->rows, rows->allocated * sizeof(pulse_combined_row));
}

/* Adds a row. */
void
pulse_combined_rows_add(CombinedRows *rows, const pulse_combined_row *row)
{
	if (unlikely(rows->n == rows->allocated))
		make_room(rows);
	if (rows->n > 0 && row->ts < rows->rows[rows->n - 1].ts)
		rows->ordered = false;
	rows->rows[rows->n++] = *row;
}

/* Reads the next rows of a run, if there are any. */
static bool
fill(CombinedRows *rows, Run *run)
{
	size_t		n = (size_t) Min(run->n - run->next, (int64) rows->block_size);

	run->at = 0;
	run->filled = n;
	if (n == 0)
		return false;
	CHECK_FOR_INTERRUPTS();
	if (BufFileSeek(rows->file, 0, (off_t) ((run->offset + run->next) * (int64) sizeof(pulse_combined_row)), SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in a temporary file")));
	if (BufFileRead(rows->file, run->block, n * sizeof(pulse_combined_row)) != n * sizeof(pulse_combined_row))
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read from a temporary file")));
	run->next += (int64) n;
	return true;
}

/* Returns whether the row of run a goes before that of run b, in input order if their times are equal. */
static inline bool
before(const Run *runs, int a, int b)
{
	int64		x = runs[a].block[runs[a].at].ts;
	int64		y = runs[b].block[runs[b].at].ts;

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

/* Ends the adding: what follows is pulse_combined_rows_next(). */
void
pulse_combined_rows_sort(CombinedRows *rows)
{
	size_t		memory;

	if (rows->file == NULL)
	{
		order_memory(rows);
		return;
	}
	if (rows->n > 0)
		write_run(rows);
	pfree(rows->rows);
	rows->rows = NULL;
	memory = rows->limit * SORT_SIZE / sizeof(pulse_combined_row);
	rows->block_size = Min(Max(memory / (size_t) rows->n_runs, MIN_BLOCK), 4 * BLOCK);
	rows->heap = MemoryContextAllocHuge(rows->context, rows->n_runs * sizeof(int));
	rows->out = MemoryContextAlloc(rows->context, BLOCK * sizeof(pulse_combined_row));
	for (int i = 0; i < rows->n_runs; i++)
	{
		rows->runs[i].block = MemoryContextAlloc(rows->context, rows->block_size * sizeof(pulse_combined_row));
		if (fill(rows, &rows->runs[i]))
			rows->heap[rows->live++] = i;
	}
	for (int i = rows->live / 2; i >= 0; i--)
		sift_down(rows->runs, rows->heap, rows->live, i);
}

/* Merges the runs as far as a block goes. */
static size_t
merge_block(CombinedRows *rows)
{
	size_t		n = 0;

	while (n < BLOCK && rows->live > 0)
	{
		Run		   *run = &rows->runs[rows->heap[0]];

		rows->out[n++] = run->block[run->at];
		if (++run->at == run->filled && !fill(rows, run))
			rows->heap[0] = rows->heap[--rows->live];
		sift_down(rows->runs, rows->heap, rows->live, 0);
	}
	return n;
}

/* Hands over the next rows. */
size_t
pulse_combined_rows_next(CombinedRows *rows, const pulse_combined_row **block)
{
	CHECK_FOR_INTERRUPTS();
	if (rows->file != NULL)
	{
		*block = rows->out;
		return merge_block(rows);
	}
	*block = rows->rows;
	if (rows->handed_over)
		return 0;
	rows->handed_over = true;
	return rows->n;
}

/* Closes the file. */
void
pulse_combined_rows_end(CombinedRows *rows)
{
	if (rows->file != NULL)
		BufFileClose(rows->file);
	rows->file = NULL;
}
