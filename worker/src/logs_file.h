#ifndef PULSE_LOGS_FILE_H
#define PULSE_LOGS_FILE_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One kind of log: KIND-YYYY-MM-DD.jsonl. Lines wait in memory until they are flushed by one write. After a crash the
 * file ends with a whole line; what the disk does not take stays in memory, the oldest lines going first when that gets
 * full.
 */
#define LOGS_FILE_MAX_WAITING (4 << 20)

struct logs_file
{
	char	   *directory;
	const char *kind;
	int			fd;				/* -1 = not open */
	char		date[16];		/* of the open file */
	struct text waiting;
	uint64_t	lines;
	uint64_t	lost;			/* lines that found no place */
	int			problem;		/* errno of the last write; 0 = it went well */
	uint64_t	last_seq;		/* of the last line that was in the file when it was opened; 0 = none */
	bool		dirty;			/* written since the last fsync */
};

extern void logs_file_init(struct logs_file *file, const char *directory, const char *kind);
extern void logs_file_add(struct logs_file *file, const char *line, size_t length);
extern bool logs_file_flush(struct logs_file *file, const char *date);
extern void logs_file_open(struct logs_file *file, const char *date);
extern void logs_file_close(struct logs_file *file);

#endif
