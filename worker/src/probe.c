#include "probe.h"

#include "log.h"
#include "memory.h"
#include "probe_state.h"
#include "transfer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define START_SPREAD_MS 2000
#define REPORT_MS 200			/* reports of that long go to the database together */
#define REPORT_AGAIN_S 30		/* a state that stays is told that often */
#define MAX_REPORTS 100
#define LIMIT_AGAIN_S 86400
#define LIMIT_USED 0.8
#define BACKOFF_AFTER 10		/* failures in a row, after which a venue is asked less often */
#define BACKOFF_LAST_MS 300000
#define GATE_VENUES 2			/* hosts that must fail at a time before we doubt ourselves */

struct probe
{
	struct probes *probes;
	struct probe_plan plan;
	struct probe_state state;
	struct loop_timer timer;
	struct transfer *transfer;
	uint64_t	count;
	bool		asks_limit;		/* the request under way asks for the limit */
	int64_t		limit_known_at;	/* seconds; negative = never */
	enum probe_level level;		/* last reported, the standing conditions included */
	unsigned int conditions;
	bool		unknown;		/* last reported as UNKNOWN: it may be us */
	int64_t		reported_at;	/* seconds; negative = never */
	bool		due;			/* has something to report */
};

struct probes
{
	struct loop *loop;
	struct leader *leader;
	struct transfers *transfers;
	struct loop_timer report_timer;
	struct probe **all;
	int			count;
	bool		running;
	bool		gate;			/* our own network seems to be down */
	uint64_t	requests;
};

static int64_t
now_s(void)
{
	return loop_now_ms() / 1000;
}

static double
day_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double) now.tv_sec * 1000 + (double) now.tv_nsec / 1e6;
}

static void
want_report(struct probe *probe)
{
	struct probes *probes = probe->probes;

	probe->due = true;
	if (!loop_timer_is_set(&probes->report_timer))
		loop_timer_set(probes->loop, &probes->report_timer, REPORT_MS);
}

/*
 * When several venues that have nothing to do with each other cannot be reached, and they are the majority, it is
 * rather we who are cut off. Then nothing can be said about any of them.
 */
static void
look_at_ourselves(struct probes *probes)
{
	int			failing = 0;
	int			asked = 0;
	const char *hosts[GATE_VENUES];
	int			host_count = 0;
	bool		gate;

	for (int i = 0; i < probes->count; i++)
	{
		const struct probe *probe = probes->all[i];
		bool		new_host = true;

		asked += probe->state.recent_count > 0;
		if (!probe_state_network_failure(&probe->state))
			continue;
		failing++;
		for (int j = 0; j < host_count; j++)
			new_host = new_host && strcmp(hosts[j], probe->plan.host) != 0;
		if (new_host && host_count < GATE_VENUES)
			hosts[host_count++] = probe->plan.host;
	}
	gate = host_count == GATE_VENUES && failing * 2 > asked;
	if (gate == probes->gate)
		return;
	probes->gate = gate;
	if (gate)
		log_warning("probe", "%d of %d venues cannot be reached: it is rather our own network", failing, asked);
	else
		log_info("probe", "our own network works again");
	for (int i = 0; i < probes->count; i++)
	{
		if (probes->all[i]->state.recent_count > 0)
			want_report(probes->all[i]);
	}
}

/* ±10 %, so that probes do not beat together. */
static int64_t
jittered(int64_t milliseconds)
{
	return milliseconds * 9 / 10 + (int64_t) (loop_random() % (uint64_t) (milliseconds / 5 + 1));
}

static int64_t
next_wait(const struct probe *probe)
{
	const struct probe_state *state = &probe->state;
	int64_t		wait = probe->plan.interval_ms;

	if (state->latest.pause > 0 && state->latest.pause * 1000 > wait)
		return state->latest.pause * 1000 + (int64_t) (loop_random() % 1000);
	/* The trader's own requests count against the same limit. */
	if (state->latest.used > LIMIT_USED)
		wait *= 4;
	for (uint64_t i = BACKOFF_AFTER; i <= state->failures && wait * 2 <= BACKOFF_LAST_MS; i += BACKOFF_AFTER)
		wait *= 2;
	return jittered(wait);
}

static void
take_finding(struct probe *probe, const struct transfer_result *result)
{
	struct probe_finding finding;
	struct probe_report report;
	bool		changed;

	probe_judge(&probe->plan, result, probe->state.limit > 0 ? probe->state.limit : probe->plan.limit, day_ms(), &finding);
	probe_state_add(&probe->state, &probe->plan, &finding, now_s());
	look_at_ourselves(probe->probes);
	probe_state_report(&probe->state, &probe->plan, now_s(), (int64_t) (day_ms() / 1000), &report);
	changed = report.level != probe->level || report.conditions != probe->conditions ||
		probe->unknown != (probe->probes->gate && probe_state_network_failure(&probe->state));
	if (report.level != probe->level)
		log_message(report.level > PROBE_HEALTHY ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "probe", "%s is %s: %s", probe->plan.name,
					probe_level_name(report.level), report.message.data);
	probe->level = report.level;
	probe->conditions = report.conditions;
	text_free(&report.message);
	if (changed || probe->reported_at < 0 || now_s() - probe->reported_at >= REPORT_AGAIN_S)
		want_report(probe);
}

static void
answered(void *arg, const struct transfer_result *result)
{
	struct probe *probe = arg;

	probe->transfer = NULL;
	if (probe->asks_limit)
	{
		if (!probe_read_limit(&probe->plan, result, &probe->state.limit))
			log_debug("probe", "%s does not tell its rate limit", probe->plan.name);
		probe->limit_known_at = now_s();
		loop_timer_set(probe->probes->loop, &probe->timer, 0);
		return;
	}
	take_finding(probe, result);
	loop_timer_set(probe->probes->loop, &probe->timer, next_wait(probe));
}

static void
timer_due(void *arg)
{
	struct probe *probe = arg;
	const struct probe_plan *plan = &probe->plan;
	bool		down = probe->state.failures > 0;
	bool		cold;
	struct transfer_request request = {.url = plan->url,.headers = plan->headers,.timeout_ms = (int) plan->timeout_ms,
		.ca_file = plan->ca_file};

	if (probe->transfer != NULL)
		return;
	probe->asks_limit = plan->limit_url != NULL && probe->state.failures == 0 && probe->count > 0 &&
		(probe->limit_known_at < 0 || now_s() - probe->limit_known_at >= LIMIT_AGAIN_S);
	cold = down || probe->count % (uint64_t) plan->cold_every == 0;
	if (probe->asks_limit)
		request.url = plan->limit_url;
	else
		probe->count++;
	/* A kept connection shows how fast they answer; now and then a new one shows all phases and the certificate. */
	request.keep = !cold;
	request.certificate = cold;
	probe->probes->requests++;
	probe->transfer = transfer_start(probe->probes->transfers, &request, answered, probe);
}

static void
write_report(struct probe *probe, struct text *out)
{
	struct probe_report report;
	const struct probe_state *state = &probe->state;
	int64_t		day_time = (int64_t) (day_ms() / 1000);
	bool		unknown = probe->probes->gate && probe_state_network_failure(state);

	probe_state_report(&probe->state, &probe->plan, now_s(), day_time, &report);
	text_append(out, out->length > 1 ? ",{\"component\":\"api." : "{\"component\":\"api.");
	text_append(out, probe->plan.name);
	text_printf(out, "\",\"status\":\"%s\",\"message\":", unknown ? "UNKNOWN" : probe_level_name(report.level));
	if (unknown)
		text_append(out, "\"not known: our own network seems to be down\"");
	else
		text_append_json(out, report.message.data);
	if (state->latest.kind != PROBE_NETWORK)
		text_printf(out, ",\"latency\":%.3f", (double) state->latest.times.total / 1000);
	text_append(out, ",\"details\":");
	probe_state_details(&probe->state, &probe->plan, now_s(), day_time, out);
	text_append_char(out, '}');
	text_free(&report.message);
	probe->unknown = unknown;
	probe->reported_at = now_s();
	probe->due = false;
}

static void
stored(void *arg, const struct database_reply *reply)
{
	(void) arg;
	if (reply->result == NULL && strcmp(reply->sqlstate, "08000") != 0)
		log_error("probe", "the state of venues could not be stored: %s", reply->message);
}

/* One statement for all that is due; what cannot be stored now is told again with its next finding. */
static void
report_due(void *arg)
{
	struct probes *probes = arg;
	struct text rows = {0};
	struct text sql = {0};
	const struct database_facts *facts;
	struct database_query query = {.parameter_count = 1,.reply = stored,.arg = probes};
	int			count = 0;

	if (!leader_is_ready(probes->leader) || !leader_leads(probes->leader))
		return;
	facts = database_facts(leader_database(probes->leader));
	if (!facts->has_health)
		return;
	text_append_char(&rows, '[');
	for (int i = 0; i < probes->count && count < MAX_REPORTS; i++)
	{
		if (probes->all[i]->due)
		{
			write_report(probes->all[i], &rows);
			count++;
		}
	}
	text_append_char(&rows, ']');
	text_printf(&sql, "SELECT %s.pulse_record_health(x.component, x.status, x.message, x.latency, x.details)"
				" FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS x(component text, status text, message text,"
				" latency double precision, details jsonb)", facts->schema);
	query.sql = sql.data;
	query.parameters[0] = rows.data;
	if (count > 0)
		database_query(leader_database(probes->leader), &query);
	if (count == MAX_REPORTS)
		loop_timer_set(probes->loop, &probes->report_timer, REPORT_MS);
	text_free(&rows);
	text_free(&sql);
}

static void
start_probe(struct probe *probe)
{
	int64_t		spread = probe->plan.interval_ms < START_SPREAD_MS ? probe->plan.interval_ms : START_SPREAD_MS;

	if (probe->transfer == NULL)
		loop_timer_set(probe->probes->loop, &probe->timer, (int64_t) (loop_random() % (uint64_t) spread));
}

static void
gained(void *arg)
{
	struct probes *probes = arg;

	probes->running = true;
	for (int i = 0; i < probes->count; i++)
		start_probe(probes->all[i]);
}

static void
lost(void *arg)
{
	struct probes *probes = arg;

	probes->running = false;
	for (int i = 0; i < probes->count; i++)
	{
		struct probe *probe = probes->all[i];

		loop_timer_cancel(probes->loop, &probe->timer);
		if (probe->transfer != NULL)
			transfer_cancel(probe->transfer);
		probe->transfer = NULL;
	}
}

static void
free_probe(struct probe *probe)
{
	loop_timer_cancel(probe->probes->loop, &probe->timer);
	if (probe->transfer != NULL)
		transfer_cancel(probe->transfer);
	probe_plan_free(&probe->plan);
	free(probe);
}

static struct probe *
take_existing(struct probes *probes, const char *name)
{
	for (int i = 0; i < probes->count; i++)
	{
		struct probe *probe = probes->all[i];

		if (probe != NULL && strcmp(probe->plan.name, name) == 0)
		{
			probes->all[i] = NULL;
			return probe;
		}
	}
	return NULL;
}

/* Takes over a configuration; a probe that stays keeps what it has learnt. */
void
probes_configure(struct probes *probes, const struct config *config)
{
	struct probe **all = memory_alloc_zero(sizeof(*all) * (size_t) (config->probe_count + 1));
	int			count = 0;
	char		problem[700];

	for (int i = 0; i < config->probe_count; i++)
	{
		struct probe_plan plan;
		struct probe *probe;

		if (!probe_plan_make(&config->probes[i], &plan, problem, sizeof(problem)))
		{
			log_error("probe", "%s is not asked: %s", config->probes[i].name, problem);
			continue;
		}
		probe = take_existing(probes, plan.name);
		if (probe == NULL)
		{
			probe = memory_alloc_zero(sizeof(*probe));
			probe->probes = probes;
			probe->timer = (struct loop_timer) {.fn = timer_due,.arg = probe};
			probe->limit_known_at = probe->reported_at = -1;
		}
		else
		{
			if (probe->transfer != NULL)
				transfer_cancel(probe->transfer);
			probe->transfer = NULL;
			probe_plan_free(&probe->plan);
		}
		probe->plan = plan;
		all[count++] = probe;
	}
	for (int i = 0; i < probes->count; i++)
	{
		if (probes->all[i] != NULL)
			free_probe(probes->all[i]);
	}
	free(probes->all);
	probes->all = all;
	probes->count = count;
	if (probes->running)
		gained(probes);
}

/* Begins to ask as soon as this worker leads. */
struct probes *
probes_open(struct loop *loop, struct leader *leader, const struct config *config)
{
	struct probes *probes = memory_alloc_zero(sizeof(*probes));
	struct leader_owner owner = {.gained = gained,.lost = lost,.arg = probes};

	probes->loop = loop;
	probes->leader = leader;
	probes->transfers = transfers_open(loop);
	probes->report_timer = (struct loop_timer) {.fn = report_due,.arg = probes};
	leader_join(leader, &owner);
	probes_configure(probes, config);
	return probes;
}

/* Stops asking. */
void
probes_close(struct probes *probes)
{
	if (probes == NULL)
		return;
	loop_timer_cancel(probes->loop, &probes->report_timer);
	if (leader_database(probes->leader) != NULL)
		database_forget(leader_database(probes->leader), probes);
	for (int i = 0; i < probes->count; i++)
		free_probe(probes->all[i]);
	free(probes->all);
	transfers_close(probes->transfers);
	free(probes);
}

static void
write_histogram(const struct probe *probe, struct text *out)
{
	const struct probe_window *window = &probe->state.window;
	uint64_t	count = 0;

	for (int i = 0; i <= PROBE_BUCKETS; i++)
	{
		count += window->buckets[i];
		if (i < PROBE_BUCKETS)
			text_printf(out, "pulse_probe_duration_seconds_bucket{probe=\"%s\",le=\"%g\"} %" PRIu64 "\n", probe->plan.name,
						probe_bucket_bounds[i], count);
		else
			text_printf(out, "pulse_probe_duration_seconds_bucket{probe=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", probe->plan.name, count);
	}
	text_printf(out, "pulse_probe_duration_seconds_sum{probe=\"%s\"} %.6f\n", probe->plan.name, window->latency_sum);
	text_printf(out, "pulse_probe_duration_seconds_count{probe=\"%s\"} %" PRIu64 "\n", probe->plan.name, count);
}

enum gauge
{
	GAUGE_UP,
	GAUGE_LEVEL,
	GAUGE_PHASE,
	GAUGE_SKEW,
	GAUGE_USED,
	GAUGE_CERTIFICATE,
	GAUGE_KEY,
	GAUGE_TOTAL,
	GAUGE_BURN
};

static const struct
{
	const char *name;
	const char *type;
	const char *help;
}			gauges[] = {
	{"pulse_probe_up", "gauge", "1 while the venue answers as it should, by its last probe."},
	{"pulse_probe_level", "gauge", "0 healthy, 1 warning, 2 critical, as reported to the database."},
	{"pulse_probe_phase_seconds", "gauge", "How long the phases of the last probe took."},
	{"pulse_probe_clock_skew_seconds", "gauge", "Clock of the venue minus ours."},
	{"pulse_probe_rate_limit_used_ratio", "gauge", "Used share of the venue's rate limit."},
	{"pulse_probe_certificate_expiry_timestamp_seconds", "gauge", "When the venue's certificate ends."},
	{"pulse_probe_key_expiry_timestamp_seconds", "gauge", "When our key for the venue ends."},
	{"pulse_probe_probes_total", "counter", "Probes by their result."},
	{"pulse_probe_burn_rate", "gauge", "How many times too fast the error budget is used."},
};

static void
write_gauge(const struct probe *probe, enum gauge gauge, struct text *out)
{
	const char *name = gauges[gauge].name;
	const char *label = probe->plan.name;
	const struct probe_state *state = &probe->state;
	const struct transfer_times *times = &state->latest.times;
	const struct
	{
		const char *name;
		int64_t		time;
	}			phases[] = {{"dns", times->dns}, {"connect", times->connect}, {"tls", times->tls}, {"first_byte", times->first_byte},
		{"total", times->total}};
	static const char *const windows[] = {"5m", "30m", "1h", "6h"};

	switch (gauge)
	{
		case GAUGE_UP:
			text_printf(out, "%s{probe=\"%s\"} %d\n", name, label, state->failures == 0);
			break;
		case GAUGE_LEVEL:
			text_printf(out, "%s{probe=\"%s\"} %d\n", name, label, (int) probe->level);
			break;
		case GAUGE_PHASE:
			for (size_t i = 0; i < sizeof(phases) / sizeof(phases[0]); i++)
				text_printf(out, "%s{probe=\"%s\",phase=\"%s\"} %.6f\n", name, label, phases[i].name, (double) phases[i].time / 1e6);
			break;
		case GAUGE_SKEW:
			if (state->latest.has_skew)
				text_printf(out, "%s{probe=\"%s\"} %.6f\n", name, label, state->latest.skew_ms / 1000);
			break;
		case GAUGE_USED:
			if (state->latest.used >= 0)
				text_printf(out, "%s{probe=\"%s\"} %.4f\n", name, label, state->latest.used);
			break;
		case GAUGE_CERTIFICATE:
			if (state->certificate_end > 0)
				text_printf(out, "%s{probe=\"%s\"} %" PRId64 "\n", name, label, state->certificate_end);
			break;
		case GAUGE_KEY:
			if (probe->plan.key_end > 0)
				text_printf(out, "%s{probe=\"%s\"} %" PRId64 "\n", name, label, probe->plan.key_end);
			break;
		case GAUGE_TOTAL:
			text_printf(out, "%s{probe=\"%s\",result=\"good\"} %" PRIu64 "\n", name, label, state->window.good_total);
			text_printf(out, "%s{probe=\"%s\",result=\"bad\"} %" PRIu64 "\n", name, label, state->window.bad_total);
			break;
		case GAUGE_BURN:
			for (int i = 0; i < 4; i++)
				text_printf(out, "%s{probe=\"%s\",window=\"%s\"} %.4f\n", name, label, windows[i], state->burn[i]);
			break;
	}
}

/* Writes the figures of all probes in Prometheus' text format. */
void
probes_metrics(struct probes *probes, struct text *out)
{
	if (probes->count == 0)
		return;
	text_printf(out, "# HELP pulse_network_suspect 1 while so many venues fail that it is rather our own network.\n"
				"# TYPE pulse_network_suspect gauge\npulse_network_suspect %d\n", probes->gate);
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
	{
		text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", gauges[i].name, gauges[i].help, gauges[i].name, gauges[i].type);
		for (int j = 0; j < probes->count; j++)
		{
			if (probes->all[j]->state.recent_count > 0)
				write_gauge(probes->all[j], (enum gauge) i, out);
		}
	}
	text_append(out, "# HELP pulse_probe_duration_seconds How long answers took.\n# TYPE pulse_probe_duration_seconds histogram\n");
	for (int i = 0; i < probes->count; i++)
		write_histogram(probes->all[i], out);
}
