#ifndef PULSE_REMOTE_H
#define PULSE_REMOTE_H

#include "config.h"
#include "loop.h"
#include "text.h"

/* Sends log lines to endpoints elsewhere, in batches, through a spool on disk; each endpoint has a pace of its own. */
struct remotes;

extern struct remotes *remotes_open(struct loop *loop);
extern void remotes_configure(struct remotes *remotes, const struct config *config);
extern void remotes_close(struct remotes *remotes);
extern int	remotes_count(const struct remotes *remotes);
extern const char *remotes_directory(const struct remotes *remotes);
extern void remotes_line(struct remotes *remotes, const char *kind, int64_t nanoseconds, const char *line, size_t length);
extern bool remotes_flush(struct remotes *remotes);
extern void remotes_metrics(struct remotes *remotes, struct text *out);

#endif
