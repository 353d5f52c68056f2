#ifndef PULSE_IMPORT_STORE_H
#define PULSE_IMPORT_STORE_H

#include "core/import_format.h"

#include "text.h"

/* The database side of an import: one connection, one transaction, COPY into a temporary table and INSERT from there. */

struct import_target
{
	const char *dsn;
	const char *table;			/* NULL = the one that is followed as trades */
	const char *portfolio;
	const char *zone;
};

struct import_summary
{
	int64_t		fills;			/* that were read */
	int64_t		repeated;		/* of these, a second time in the files */
	int64_t		existing;		/* already in the table */
	int64_t		fresh;			/* neither */
	int64_t		similar;		/* fresh, but the table has the like under another fill_id */
	int64_t		alike;			/* rows without an id of the exchange that are equal in all, taken as fills of their own */
	int64_t		inserted;
	int64_t		symbol_count;
	char		first[40];
	char		last[40];
	struct text symbols;
};

struct import_store;

/* Each returns false or NULL after writing one line or more of what went wrong. */
extern struct import_store *import_store_open(const struct import_target *target, struct text *problem);
extern bool import_store_add(struct import_store *store, int file, const char *prefix, const struct import_fill *fill);
extern bool import_store_summarise(struct import_store *store, struct import_summary *summary);
extern bool import_store_insert(struct import_store *store, struct import_summary *summary);
extern const char *import_store_table(const struct import_store *store);
extern void import_store_close(struct import_store *store);

#endif
