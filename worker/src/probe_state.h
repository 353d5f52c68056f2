#ifndef PULSE_PROBE_STATE_H
#define PULSE_PROBE_STATE_H

#include "probe_judge.h"
#include "probe_window.h"
#include "text.h"

/*
 * How a venue is, out of its findings: a level rises when so many findings in a row agree, and falls when so many in a
 * row are better. What does not flap, such as a certificate that ends, counts at once.
 */
#define PROBE_RECENT 16

struct probe_state
{
	struct probe_window window;
	struct probe_finding latest;
	enum probe_level recent[PROBE_RECENT];	/* levels of the newest findings, the newest first */
	int			recent_count;
	bool		skewed[PROBE_RECENT];
	enum probe_level level;		/* by the findings */
	bool		skew;
	uint64_t	failures;		/* in a row */
	int64_t		certificate_end;
	int64_t		limit;
	double		burn[4];		/* of 5 and 30 minutes, 1 and 6 hours */
};

struct probe_report
{
	enum probe_level level;
	unsigned int conditions;	/* which ones hold; one that comes or goes is news */
	struct text message;
};

extern void probe_state_add(struct probe_state *state, const struct probe_plan *plan, const struct probe_finding *finding,
							int64_t now);
extern void probe_state_report(struct probe_state *state, const struct probe_plan *plan, int64_t now, int64_t day_time,
							   struct probe_report *report);
extern void probe_state_details(struct probe_state *state, const struct probe_plan *plan, int64_t now, int64_t day_time,
								struct text *out);
extern bool probe_state_network_failure(const struct probe_state *state);

#endif
