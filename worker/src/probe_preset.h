#ifndef PULSE_PROBE_PRESET_H
#define PULSE_PROBE_PRESET_H

#include "config.h"

#include <stdint.h>

/*
 * Providers are data: where to ask, what a good answer looks like, where the server's time and the used share of the
 * rate limit stand. A plan is a preset with what the configuration says otherwise.
 *
 * Conditions are "pointer=value|value", separated by commas: all must hold. A pointer is a JSON pointer; a value is
 * compared with the text of a scalar, or with the compact text of anything else, so that "/error=[]" is an empty list.
 */
struct probe_preset
{
	const char *name;
	const char *base_url;
	const char *path;
	const char *headers;		/* with ${SECRETS}; NULL = none */
	const char *ok;
	const char *degraded;		/* the venue says that it works in part */
	const char *limited;		/* an answer that says, with whatever status, that we ask too often */
	const char *time_pointer;
	const char *time_unit;		/* s ms us ns iso */
	const char *used_header;
	const char *remaining_header;
	const char *limit_header;
	int64_t		limit;			/* where no header tells it */
	const char *limit_path;		/* an answer that tells the limit, asked for once a day */
	const char *limit_pointer;
	int64_t		forbidden_pause;	/* seconds to keep away after a 403 that is not about our key; 0 = not at all */
};

struct probe_plan
{
	char	   *name;
	char	   *url;
	char	   *limit_url;		/* NULL = nothing to ask */
	char	   *host;			/* with port, to tell venues apart */
	char	   *headers;		/* lines; a secret */
	char	   *ok;
	char	   *degraded;
	char	   *limited;
	char	   *time_pointer;
	char	   *time_unit;
	char	   *used_header;
	char	   *remaining_header;
	char	   *limit_header;
	char	   *limit_pointer;
	char	   *ca_file;
	int64_t		limit;
	int64_t		interval_ms;
	int64_t		timeout_ms;
	int64_t		latency_warning;	/* milliseconds */
	int64_t		latency_critical;
	int64_t		skew_limit;
	int64_t		failures;
	int64_t		successes;
	int64_t		cold_every;
	int64_t		certificate_days;
	int64_t		key_end;		/* Unix time; 0 = not known */
	int64_t		key_days;
	int64_t		forbidden_pause;
	double		slo;
};

extern bool probe_plan_make(const struct config_probe *config, struct probe_plan *plan, char *problem, size_t size);
extern void probe_plan_free(struct probe_plan *plan);
extern void probe_check_config(const void *item, void (*complain) (void *arg, const char *message), void *arg);

#endif
