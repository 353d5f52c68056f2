#ifndef PULSE_PROBE_JUDGE_H
#define PULSE_PROBE_JUDGE_H

#include "probe_preset.h"
#include "transfer.h"

/* What one answer of a venue, or its absence, means. No state and no I/O. */
enum probe_level
{
	PROBE_HEALTHY,
	PROBE_WARNING,
	PROBE_CRITICAL
};

enum probe_kind
{
	PROBE_GOOD,
	PROBE_SLOW,
	PROBE_DEGRADED,
	PROBE_LIMITED,				/* asked too often: keep away for pause seconds */
	PROBE_BANNED,
	PROBE_KEY,					/* our key is refused: not their outage */
	PROBE_SERVER,				/* they answer, but wrongly */
	PROBE_NETWORK				/* they cannot be reached, or we cannot */
};

struct probe_finding
{
	enum probe_kind kind;
	enum probe_level level;
	char		message[300];
	int			http_status;
	enum transfer_failure failure;
	struct transfer_times times;
	bool		has_skew;
	double		skew_ms;		/* server minus us; positive: our clock is behind */
	double		skew_error_ms;	/* half of the round trip and of the server's resolution */
	double		used;			/* share of the rate limit; negative = not known */
	int64_t		pause;			/* seconds to keep away */
	int64_t		certificate_end;
};

extern void probe_judge(const struct probe_plan *plan, const struct transfer_result *result, int64_t limit, double now_ms,
						struct probe_finding *finding);
extern bool probe_read_limit(const struct probe_plan *plan, const struct transfer_result *result, int64_t *limit);
extern const char *probe_kind_name(enum probe_kind kind);
extern const char *probe_level_name(enum probe_level level);

#endif
