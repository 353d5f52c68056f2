#ifndef PULSE_API_H
#define PULSE_API_H

#include "http.h"

/* What the API can look at; filled by the program that puts the parts together. */
struct api
{
	struct loop *loop;
	const struct access *access;
	struct exchange *waiting;	/* for events, in long polls */
	struct answers *answers;
	struct database *database;
	struct versions *versions;
	struct stream *stream;
	struct feed *feed;
	struct delivery *delivery;	/* NULL when nothing is delivered */
	struct probes *probes;
	struct logs *logs;
	struct bot *bot;
	struct sinks *sinks;
	const char *dashboard_directory;	/* NULL: the embedded dashboard */
	uint64_t	started_at;
};

extern void api_handle(struct api *api, struct exchange *exchange);
extern void api_write_visible(struct text *out, const struct principal *principal);

#endif
