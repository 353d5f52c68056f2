#ifndef PULSE_IMPORT_FILE_H
#define PULSE_IMPORT_FILE_H

#include "core/import_format.h"

/* One export from its first byte to its last: finds the header, then says row by row what each became. */

enum import_step
{
	IMPORT_ROW,					/* the outcome tells */
	IMPORT_END,
	IMPORT_NO_HEADER,			/* the problem says what stands there instead */
	IMPORT_UNREADABLE,			/* the problem says why */
	IMPORT_IO_ERROR				/* the read function failed; errno is its */
};

struct import_file;

extern struct import_file *import_file_open(const pulse_memory *memory, csv_read_fn read, void *arg,
											const struct import_format *format, const char *zone, bool zone_given);
extern enum import_step import_file_next(struct import_file *file, struct import_outcome *outcome);
extern const char *import_file_problem(const struct import_file *file);
extern const struct import_format *import_file_format(const struct import_file *file);
extern int64_t import_file_rows(const struct import_file *file);
extern int64_t import_file_bytes(const struct import_file *file);
extern void import_file_close(struct import_file *file);

#endif
