#ifndef PULSE_PROGRESS_H
#define PULSE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What has to go on. A duty that is under way says so each time it gets further; one that says nothing for longer than
 * anything it waits for may take stands still, and then the service manager hears nothing from us either. A connection that
 * is down and tried again gets further with every try. Work in the pool's threads does not count: nobody waits for it.
 */
struct progress
{
	const char *name;
	bool		counts;
	int64_t		moved_at;		/* monotonic milliseconds */
	struct progress *next;
};

#define PROGRESS_LIMIT_MS 120000

extern void progress_join(struct progress *progress, const char *name);
extern void progress_leave(struct progress *progress);
extern void progress_move(struct progress *progress, int64_t now);
extern void progress_rest(struct progress *progress);
extern const char *progress_stalled(int64_t now);

#endif
