#include "probe_state.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define LIMIT_WARNING 0.8
#define BURN_LEAST_EVENTS 30	/* in the long window */
#define DAY 86400

/* Two windows each: the long one tells that it matters, the short one that it goes on. */
static const struct burn_rule
{
	int			short_window;	/* index into burn_minutes */
	int			long_window;
	double		rate;
	enum probe_level level;
}			burn_rules[] = {{0, 2, 14.4, PROBE_CRITICAL}, {1, 3, 6, PROBE_WARNING}};

static const int burn_minutes[] = {5, 30, 60, 360};

static bool
is_failure(const struct probe_finding *finding)
{
	return finding->kind == PROBE_SERVER || finding->kind == PROBE_NETWORK || finding->kind == PROBE_KEY ||
		finding->kind == PROBE_BANNED;
}

/* Tells whether the newest finding could as well be the fault of our own network. */
bool
probe_state_network_failure(const struct probe_state *state)
{
	return state->recent_count > 0 && state->latest.kind == PROBE_NETWORK;
}

static void
move_level(struct probe_state *state, const struct probe_plan *plan)
{
	int			failures = plan->failures < PROBE_RECENT ? (int) plan->failures : PROBE_RECENT;
	int			successes = plan->successes < PROBE_RECENT ? (int) plan->successes : PROBE_RECENT;
	enum probe_level raised = PROBE_CRITICAL;
	enum probe_level lowered = PROBE_HEALTHY;
	int			skewed = 0;

	for (int i = 0; i < failures; i++)
	{
		enum probe_level level = i < state->recent_count ? state->recent[i] : PROBE_HEALTHY;

		raised = level < raised ? level : raised;
		skewed += i < state->recent_count && state->skewed[i];
	}
	for (int i = 0; i < successes; i++)
	{
		enum probe_level level = i < state->recent_count ? state->recent[i] : state->level;

		lowered = level > lowered ? level : lowered;
	}
	if (raised > state->level)
		state->level = raised;
	else if (lowered < state->level)
		state->level = lowered;
	if (skewed == failures)
		state->skew = true;
	else if (skewed == 0)
		state->skew = false;

	/* What they say themselves needs no second time. */
	if (state->latest.kind == PROBE_BANNED || state->latest.kind == PROBE_KEY || state->latest.kind == PROBE_LIMITED)
		state->level = state->latest.level > state->level ? state->latest.level : state->level;
}

/* Takes a finding in. */
void
probe_state_add(struct probe_state *state, const struct probe_plan *plan, const struct probe_finding *finding, int64_t now)
{
	bool		failed = is_failure(finding);
	bool		over_budget = failed || (finding->kind == PROBE_SLOW && finding->level == PROBE_CRITICAL);
	bool		skewed = finding->has_skew && fabs(finding->skew_ms) - finding->skew_error_ms > (double) plan->skew_limit;

	memmove(state->recent + 1, state->recent, sizeof(state->recent) - sizeof(state->recent[0]));
	memmove(state->skewed + 1, state->skewed, sizeof(state->skewed) - sizeof(state->skewed[0]));
	state->recent[0] = finding->level;
	state->skewed[0] = skewed;
	if (state->recent_count < PROBE_RECENT)
		state->recent_count++;
	state->latest = *finding;
	state->failures = failed ? state->failures + 1 : 0;
	if (finding->certificate_end > 0)
		state->certificate_end = finding->certificate_end;
	probe_window_add(&state->window, now, !over_budget, finding->kind == PROBE_NETWORK ? -1 : (double) finding->times.total / 1000);
	move_level(state, plan);
}

enum condition
{
	CONDITION_SKEW,
	CONDITION_LIMIT,
	CONDITION_CERTIFICATE,
	CONDITION_KEY,
	CONDITION_BURN
};

static void
add(struct probe_report *report, enum condition condition, enum probe_level level, const char *text)
{
	report->conditions |= 1u << condition;
	if (level > report->level)
		report->level = level;
	text_printf(&report->message, "%s%s", report->message.length > 0 ? "; " : "", text);
}

static void
report_burn(struct probe_state *state, const struct probe_plan *plan, int64_t now, struct probe_report *report)
{
	struct probe_rates rates[4];
	char		line[160];

	for (int i = 0; i < 4; i++)
	{
		probe_window_rates(&state->window, now, burn_minutes[i], &rates[i]);
		state->burn[i] = rates[i].error_rate / (1 - plan->slo);
	}
	for (size_t i = 0; i < sizeof(burn_rules) / sizeof(burn_rules[0]); i++)
	{
		const struct burn_rule *rule = &burn_rules[i];
		const struct probe_rates *seen = &rates[rule->long_window];

		if (seen->good + seen->bad < BURN_LEAST_EVENTS || state->burn[rule->short_window] < rule->rate ||
			state->burn[rule->long_window] < rule->rate)
			continue;
		snprintf(line, sizeof(line), "the error budget of %g %% is used up %.1f times too fast (%d minutes)", plan->slo * 100,
				 state->burn[rule->long_window], burn_minutes[rule->long_window]);
		add(report, CONDITION_BURN, rule->level, line);
		break;
	}
}

static void
report_days(struct probe_report *report, enum condition condition, const char *what, int64_t end, int64_t day_time,
			int64_t days)
{
	char		line[120];
	int64_t		left = end - day_time;

	if (end == 0 || left > days * DAY)
		return;
	if (left <= 0)
		snprintf(line, sizeof(line), "%s has expired", what);
	else
		snprintf(line, sizeof(line), "%s expires in %" PRId64 " days", what, left / DAY);
	add(report, condition, left <= 0 || left < 2 * DAY ? PROBE_CRITICAL : PROBE_WARNING, line);
}

/* Says how the venue is. The caller frees the message. */
void
probe_state_report(struct probe_state *state, const struct probe_plan *plan, int64_t now, int64_t day_time,
				   struct probe_report *report)
{
	const struct probe_finding *latest = &state->latest;
	char		line[400];

	*report = (struct probe_report) {.level = state->level};
	text_append(&report->message, latest->message);
	if (latest->level > state->level)
		text_printf(&report->message, " (not for the %" PRId64 ". time in a row yet)", plan->failures);
	else if (latest->level < state->level)
		text_printf(&report->message, " (not for the %" PRId64 ". time in a row yet, so still %s)", plan->successes,
					probe_level_name(state->level));
	if (state->skew && latest->has_skew)
	{
		snprintf(line, sizeof(line), "our clock is %.0f ms %s theirs", fabs(latest->skew_ms), latest->skew_ms > 0 ? "behind" : "before");
		add(report, CONDITION_SKEW, PROBE_WARNING, line);
	}
	if (latest->used > LIMIT_WARNING)
	{
		snprintf(line, sizeof(line), "%.0f %% of the rate limit is used", latest->used * 100);
		add(report, CONDITION_LIMIT, PROBE_WARNING, line);
	}
	report_days(report, CONDITION_CERTIFICATE, "their certificate", state->certificate_end, day_time, plan->certificate_days);
	report_days(report, CONDITION_KEY, "our key", plan->key_end, day_time, plan->key_days);
	report_burn(state, plan, now, report);
}

static void
write_number(struct text *out, const char *name, double value, bool known)
{
	if (known)
		text_printf(out, ",\"%s\":%.3f", name, value);
	else
		text_printf(out, ",\"%s\":null", name);
}

static void
write_windows(struct probe_state *state, int64_t now, struct text *out)
{
	static const struct
	{
		const char *name;
		int			minutes;
	}			windows[] = {{"5m", 5}, {"1h", 60}, {"24h", 1440}};
	const char *before = "";

	text_append(out, ",\"windows\":{");
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
	{
		struct probe_rates rates;
		double		percentiles[3];
		int			samples = probe_window_percentiles(&state->window, now, windows[i].minutes * 60, percentiles);

		probe_window_rates(&state->window, now, windows[i].minutes, &rates);
		text_printf(out, "%s\"%s\":{\"probes\":%u,\"errors\":%u,\"error_rate\":%.5f,\"samples\":%d", before, windows[i].name,
					rates.good + rates.bad, rates.bad, rates.error_rate, samples);
		write_number(out, "p50_ms", percentiles[0], samples > 0);
		write_number(out, "p95_ms", percentiles[1], samples > 0);
		write_number(out, "p99_ms", percentiles[2], samples > 0);
		text_append_char(out, '}');
		before = ",";
	}
	text_append_char(out, '}');
}

/* Writes everything about the venue as a JSON object. */
void
probe_state_details(struct probe_state *state, const struct probe_plan *plan, int64_t now, int64_t day_time, struct text *out)
{
	const struct probe_finding *latest = &state->latest;
	const struct transfer_times *times = &latest->times;

	text_append(out, "{\"host\":");
	text_append_json(out, plan->host);
	text_printf(out, ",\"kind\":\"%s\"", probe_kind_name(latest->kind));
	if (latest->http_status > 0)
		text_printf(out, ",\"http_status\":%d", latest->http_status);
	text_printf(out, ",\"cold\":%s,\"phases\":{\"dns_ms\":%.3f,\"connect_ms\":%.3f,\"tls_ms\":%.3f,\"first_byte_ms\":%.3f,"
				"\"total_ms\":%.3f}", times->connect > 0 ? "true" : "false", (double) times->dns / 1000, (double) times->connect / 1000,
				(double) times->tls / 1000, (double) times->first_byte / 1000, (double) times->total / 1000);
	write_number(out, "skew_ms", latest->skew_ms, latest->has_skew);
	write_number(out, "limit_used", latest->used, latest->used >= 0);
	write_number(out, "certificate_days", (double) (state->certificate_end - day_time) / DAY, state->certificate_end > 0);
	write_number(out, "key_days", (double) (plan->key_end - day_time) / DAY, plan->key_end > 0);
	text_printf(out, ",\"failures_in_a_row\":%" PRIu64, state->failures);
	write_windows(state, now, out);
	text_printf(out, ",\"slo\":%g,\"burn_rate\":{\"5m\":%.2f,\"30m\":%.2f,\"1h\":%.2f,\"6h\":%.2f}}", plan->slo, state->burn[0],
				state->burn[1], state->burn[2], state->burn[3]);
}
