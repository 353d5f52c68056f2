/*
 * A column of a million rows touches thousands of pages for the first time,
 * and each costs an interrupt: together a quarter of what all metrics of the
 * column cost. Linux gives 2 MB at once to who asks for it.
 */
#include "src/large_memory.h"

#include <sys/mman.h>

#include "utils/memutils.h"

#define LARGE_PAGE ((uintptr_t) 2 * 1024 * 1024)

/* Asks for large pages where whole ones fit; that there are none is no error. */
static void *
advise(void *block, size_t size)
{
#ifdef MADV_HUGEPAGE
	uintptr_t	begin = TYPEALIGN(LARGE_PAGE, (uintptr_t) block);
	uintptr_t	end = TYPEALIGN_DOWN(LARGE_PAGE, (uintptr_t) block + size);

	if (begin < end)
		(void) madvise((void *) begin, end - begin, MADV_HUGEPAGE);
#endif
	return block;
}

/* Allocates memory, which may be more than a gigabyte. */
void *
pulse_large_alloc(MemoryContext context, size_t size)
{
	return advise(MemoryContextAllocHuge(context, size), size);
}

/* Changes the size of such memory. */
void *
pulse_large_realloc(void *block, size_t size)
{
	return advise(repalloc_huge(block, size), size);
}
