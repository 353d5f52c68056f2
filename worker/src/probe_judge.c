#include "probe_judge.h"

#include "json.h"
#include "memory.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_LIMITED 60		/* seconds, where a 429 does not say */
#define PAUSE_BANNED 3600		/* bans last from two minutes to three days */
#define PAUSE_LONGEST (3 * 86400)

/* Returns the name of a kind for people and metrics. */
const char *
probe_kind_name(enum probe_kind kind)
{
	static const char *const names[] = {"good", "slow", "degraded", "limited", "banned", "key", "server", "network"};

	return names[kind];
}

/* Returns the name of a level as pulse_record_health() wants it. */
const char *
probe_level_name(enum probe_level level)
{
	static const char *const names[] = {"HEALTHY", "WARNING", "CRITICAL"};

	return names[level];
}

static bool
is_among(const char *text, const char *values, size_t length)
{
	size_t		text_length = strlen(text);

	while (length > 0)
	{
		size_t		part = 0;

		while (part < length && values[part] != '|')
			part++;
		if (part == text_length && strncmp(values, text, part) == 0)
			return true;
		part += part < length ? 1 : 0;
		values += part;
		length -= part;
	}
	return false;
}

/* Tells whether all conditions hold; the first that does not is written with what is there instead. */
static bool
holds(json_t *body, const char *conditions, char *problem, size_t size)
{
	while (conditions != NULL && *conditions != '\0')
	{
		size_t		length = strcspn(conditions, ",");
		size_t		pointer_length = strcspn(conditions, "=,");
		char	   *pointer = memory_string_n(conditions, pointer_length);
		size_t		skip = pointer_length < length ? pointer_length + 1 : length;
		char	   *text = json_text(json_at(body, pointer));
		bool		good = is_among(text, conditions + skip, length - skip);

		if (!good)
			snprintf(problem, size, "%.80s is %.80s", pointer, text);
		free(pointer);
		free(text);
		if (!good)
			return false;
		conditions += length + (conditions[length] == ',' ? 1 : 0);
		conditions += strspn(conditions, " ");
	}
	return true;
}

static double
header_number(const struct transfer_result *result, const char *name)
{
	char		value[64];
	char	   *end;
	double		number;

	if (name == NULL || !transfer_header(result, name, value, sizeof(value)))
		return -1;
	number = strtod(value, &end);
	return end == value || !isfinite(number) || number < 0 ? -1 : number;
}

static double
used_share(const struct probe_plan *plan, const struct transfer_result *result, int64_t limit)
{
	double		used = header_number(result, plan->used_header);
	double		remaining = header_number(result, plan->remaining_header);
	double		most = header_number(result, plan->limit_header);

	if (most <= 0)
		most = (double) limit;
	if (most <= 0)
		return -1;
	if (used >= 0)
		return used / most;
	return remaining >= 0 ? 1 - remaining / most : -1;
}

static void
read_skew(const struct probe_plan *plan, json_t *body, double now_ms, struct probe_finding *finding)
{
	char	   *text = json_text(json_at(body, plan->time_pointer));
	double		server_ms;
	double		resolution_ms;

	if (json_time_ms(text, plan->time_unit, &server_ms, &resolution_ms))
	{
		double		round_trip = (double) finding->times.first_byte / 1000;

		/* A time without its fraction lies, on average, half a unit back. */
		finding->has_skew = true;
		finding->skew_ms = server_ms + resolution_ms / 2 - (now_ms - round_trip / 2);
		finding->skew_error_ms = (round_trip + resolution_ms) / 2;
	}
	free(text);
}

static void
judge_status(const struct probe_plan *plan, const struct transfer_result *result, struct probe_finding *finding)
{
	int			status = result->status;
	bool		own_key = plan->headers[0] != '\0';

	finding->level = PROBE_CRITICAL;
	finding->kind = PROBE_SERVER;
	snprintf(finding->message, sizeof(finding->message), "HTTP status %d", status);
	if (status == 418)
	{
		finding->kind = PROBE_BANNED;
		finding->pause = result->retry_after > 0 ? result->retry_after : PAUSE_BANNED;
		snprintf(finding->message, sizeof(finding->message), "this address is banned for asking too often; not asked again for %lld s",
				 (long long) finding->pause);
	}
	else if (status == 429)
	{
		finding->kind = PROBE_LIMITED;
		finding->level = PROBE_WARNING;
		finding->pause = result->retry_after > 0 ? result->retry_after : PAUSE_LIMITED;
		snprintf(finding->message, sizeof(finding->message), "rate limit reached; not asked again for %lld s",
				 (long long) finding->pause);
	}
	else if ((status == 401 || status == 403) && own_key)
	{
		finding->kind = PROBE_KEY;
		snprintf(finding->message, sizeof(finding->message), "our key is refused (HTTP status %d)", status);
	}
	else if (status == 403 && plan->forbidden_pause > 0)
	{
		finding->kind = PROBE_LIMITED;
		finding->pause = plan->forbidden_pause;
		snprintf(finding->message, sizeof(finding->message), "access refused (HTTP status 403); not asked again for %lld s",
				 (long long) finding->pause);
	}
}

static void
judge_body(const struct probe_plan *plan, const struct transfer_result *result, json_t *body, struct probe_finding *finding)
{
	char		what[200];
	char		ignored[200];
	bool		conditions = plan->ok != NULL || plan->degraded != NULL || plan->time_pointer != NULL;
	double		latency = (double) result->times.total / 1000;

	if (conditions && body == NULL)
	{
		finding->kind = PROBE_SERVER;
		finding->level = PROBE_CRITICAL;
		snprintf(finding->message, sizeof(finding->message), "the answer is not JSON");
	}
	else if (!holds(body, plan->ok, what, sizeof(what)))
	{
		finding->kind = PROBE_SERVER;
		finding->level = PROBE_CRITICAL;
		snprintf(finding->message, sizeof(finding->message), "the answer says that something is wrong: %s", what);
	}
	else if (plan->degraded != NULL && holds(body, plan->degraded, ignored, sizeof(ignored)))
	{
		finding->kind = PROBE_DEGRADED;
		finding->level = PROBE_WARNING;
		snprintf(finding->message, sizeof(finding->message), "works in part (%s)", plan->degraded);
	}
	else if (latency >= (double) plan->latency_warning)
	{
		finding->kind = PROBE_SLOW;
		finding->level = latency >= (double) plan->latency_critical ? PROBE_CRITICAL : PROBE_WARNING;
		snprintf(finding->message, sizeof(finding->message), "slow: %.0f ms", latency);
	}
	else
		snprintf(finding->message, sizeof(finding->message), "answers in %.0f ms", latency);
}

/* Finds out what an answer means; now_ms is the time of day when it came, limit the venue's rate limit as far as known. */
void
probe_judge(const struct probe_plan *plan, const struct transfer_result *result, int64_t limit, double now_ms,
			struct probe_finding *finding)
{
	json_t	   *body = result->complete ? json_loadb(result->body, result->length, JSON_DECODE_ANY, NULL) : NULL;
	char		ignored[200];

	*finding = (struct probe_finding) {.http_status = result->status,.failure = result->failure,.times = result->times,.used = -1,
		.certificate_end = result->certificate_end};
	if (!result->complete)
	{
		finding->kind = PROBE_NETWORK;
		finding->level = PROBE_CRITICAL;
		snprintf(finding->message, sizeof(finding->message), "%s: %.200s", transfer_failure_name(result->failure), result->problem);
		return;
	}
	finding->used = used_share(plan, result, limit);
	if (body != NULL && plan->limited != NULL && holds(body, plan->limited, ignored, sizeof(ignored)))
	{
		finding->kind = PROBE_LIMITED;
		finding->level = PROBE_WARNING;
		finding->pause = result->retry_after > 0 ? result->retry_after : PAUSE_LIMITED;
		snprintf(finding->message, sizeof(finding->message), "rate limit reached; not asked again for %lld s",
				 (long long) finding->pause);
	}
	if (result->status == 418 || finding->pause == 0)
	{
		if (result->status < 200 || result->status > 299)
			judge_status(plan, result, finding);
		else
			judge_body(plan, result, body, finding);
	}
	if (finding->pause > PAUSE_LONGEST)
		finding->pause = PAUSE_LONGEST;
	if (plan->time_pointer != NULL && result->status >= 200 && result->status <= 299)
		read_skew(plan, body, now_ms, finding);
	json_decref(body);
}

/* Reads the venue's rate limit out of the answer that tells it. */
bool
probe_read_limit(const struct probe_plan *plan, const struct transfer_result *result, int64_t *limit)
{
	json_t	   *body = result->complete && result->status == 200 ? json_loadb(result->body, result->length, 0, NULL) : NULL;
	json_t	   *value = json_at(body, plan->limit_pointer);
	bool		found = json_is_integer(value) && json_integer_value(value) > 0;

	if (found)
		*limit = json_integer_value(value);
	json_decref(body);
	return found;
}
