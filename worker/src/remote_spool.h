#ifndef PULSE_REMOTE_SPOOL_H
#define PULSE_REMOTE_SPOOL_H

#include "text.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * Lines on their way to an endpoint, in numbered files of a directory: what is not acknowledged survives a restart. When
 * there are more bytes than allowed, the oldest file goes. A line is "nanoseconds TAB kind TAB JSON".
 */
struct remote_spool
{
	char	   *directory;
	uint64_t	oldest;			/* number of the file that is read */
	uint64_t	newest;			/* number of the file that is written */
	size_t		offset;			/* acknowledged bytes of the oldest one */
	size_t		newest_size;
	uint64_t	bytes;			/* in all files */
	uint64_t	max_bytes;
	uint64_t	lost;			/* lines that had to go */
	struct text waiting;		/* not written yet */
	int			problem;		/* errno of the last write */
};

extern void remote_spool_open(struct remote_spool *spool, const char *parent, const char *name, uint64_t max_bytes);
extern void remote_spool_close(struct remote_spool *spool);
extern void remote_spool_add(struct remote_spool *spool, const char *kind, int64_t nanoseconds, const char *line, size_t length);
extern bool remote_spool_flush(struct remote_spool *spool);
extern size_t remote_spool_read(struct remote_spool *spool, size_t most, struct text *out);
extern void remote_spool_acknowledge(struct remote_spool *spool, size_t bytes);
extern bool remote_spool_is_empty(const struct remote_spool *spool);

#endif
