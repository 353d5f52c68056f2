#ifndef PULSE_CSV_H
#define PULSE_CSV_H

#include "core/memory.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A streaming reader of comma-separated values (RFC 4180): quoted fields, LF, CRLF or CR, a byte order mark, UTF-8. Memory
 * is bounded whatever the input is; a malformed record costs its first line and reading goes on behind it.
 */
#define CSV_MAX_RECORD 65536
#define CSV_MAX_FIELDS 64

struct csv;

enum csv_result
{
	CSV_RECORD,
	CSV_MALFORMED,				/* the line cannot be read; problem says why */
	CSV_END,
	CSV_UNREADABLE,				/* the whole input cannot be; problem says why */
	CSV_IO_ERROR				/* the read function failed; errno is its */
};

struct csv_record
{
	char	   *fields[CSV_MAX_FIELDS]; /* valid until the next call */
	int			count;
	int64_t		line;			/* of the record's start, from 1 */
	const char *problem;
};

/* Reads as read(2) does. */
typedef ssize_t (*csv_read_fn) (void *arg, char *buffer, size_t size);

extern struct csv *csv_open(const pulse_memory *memory, csv_read_fn read, void *arg);
extern enum csv_result csv_next(struct csv *csv, struct csv_record *record);
extern int64_t csv_bytes(const struct csv *csv);
extern void csv_close(struct csv *csv);

#endif
