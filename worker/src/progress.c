#include "progress.h"

#include <stddef.h>

static struct progress *all;

/* Adds a duty, which rests until it first gets further. */
void
progress_join(struct progress *progress, const char *name)
{
	*progress = (struct progress) {.name = name,.next = all};
	all = progress;
}

/* Takes a duty out. */
void
progress_leave(struct progress *progress)
{
	for (struct progress **place = &all; *place != NULL; place = &(*place)->next)
	{
		if (*place == progress)
		{
			*place = progress->next;
			return;
		}
	}
}

/* The duty has got further, and has more to do. */
void
progress_move(struct progress *progress, int64_t now)
{
	progress->counts = true;
	progress->moved_at = now;
}

/* The duty has nothing to do. */
void
progress_rest(struct progress *progress)
{
	progress->counts = false;
}

/* Returns the name of a duty that stands still, NULL while all go on. */
const char *
progress_stalled(int64_t now)
{
	for (const struct progress *progress = all; progress != NULL; progress = progress->next)
	{
		if (progress->counts && now - progress->moved_at > PROGRESS_LIMIT_MS)
			return progress->name;
	}
	return NULL;
}
