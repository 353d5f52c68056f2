/*
 * Parts of pulse-worker that need neither a loop nor a network: the pace of messages by a clock of our own, what counts as
 * standing still, text that is not UTF-8, and what a day of probes amounts to.
 */
#include "support.h"

#include "../../worker/src/memory.c"
#include "../../worker/src/pace.c"
#include "../../worker/src/probe_state.c"
#include "../../worker/src/probe_window.c"
#include "../../worker/src/progress.c"
#include "../../worker/src/rate.c"
#include "../../worker/src/text.c"

#define SECOND INT64_C(1000)

/* Sends whenever it may, in steps of 10 ms; returns how many went out in any window of so long, at most. */
static int
send_all(struct pace *pace, const char *chat, int reserve, int64_t from, int64_t until, int64_t window, int64_t *times, int most)
{
	int			count = 0;
	int			best = 0;

	for (int64_t now = from; now < until && count < most; now += 10)
	{
		if (pace_wait(pace, chat, reserve, now) > 0)
			continue;
		pace_count(pace, chat, now);
		times[count++] = now;
	}
	for (int first = 0, last = 0; last < count; last++)
	{
		while (times[last] - times[first] >= window)
			first++;
		best = last - first + 1 > best ? last - first + 1 : best;
	}
	return best;
}

static void
pace_of_a_chat(void **state)
{
	int64_t		times[1000];
	struct pace *pace = pace_open();

	(void) state;
	assert_int_equal(send_all(pace, "42", PACE_NOTIFICATION, 0, 700 * SECOND, 1, times, 200), 1);
	assert_int_equal(times[4], 4 * 10);
	/* A burst of five, then one in three seconds, and so it goes on. */
	for (int i = 5; i < 200; i++)
		assert_in_range(times[i], (i - 4) * 3 * SECOND - 50, (i - 4) * 3 * SECOND + 50);
	assert_in_range(pace_wait(pace, "42", PACE_NOTIFICATION, times[199] + 10), 2900, 3000);
	assert_int_equal(pace_wait(pace, "43", PACE_NOTIFICATION, times[199] + 10), 0);
	pace_close(pace);
}

static void
pace_of_a_group(void **state)
{
	const char *const chats[] = {"-100", "@channel"};

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		int64_t		times[1000];
		struct pace *pace = pace_open();

		assert_int_equal(send_all(pace, chats[i], PACE_NOTIFICATION, 0, 600 * SECOND, 60 * SECOND, times, 1000), 20);
		assert_true(times[100] > 0);
		pace_close(pace);
	}
}

static void
answers_leave_room(void **state)
{
	int64_t		times[1000];
	const char *const chats[] = {"42", "-100"};

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		struct pace *pace = pace_open();

		send_all(pace, chats[i], PACE_ANSWER, 0, 300 * SECOND, 60 * SECOND, times, 1000);
		/* Whenever an alarm comes into this conversation, it may go out. */
		for (int64_t now = 300 * SECOND; now < 310 * SECOND; now += 100)
		{
			assert_int_equal(pace_wait(pace, chats[i], PACE_NOTIFICATION, now), 0);
			if (pace_wait(pace, chats[i], PACE_ANSWER, now) == 0)
				pace_count(pace, chats[i], now);
		}
		pace_close(pace);
	}
}

static void
pace_of_all_chats(void **state)
{
	struct pace *pace = pace_open();
	char		chat[16];
	int			count = 0;

	(void) state;
	for (int64_t now = 0; now < 1000; now += 5)
	{
		snprintf(chat, sizeof(chat), "%d", (int) (now / 5));
		if (pace_wait(pace, chat, PACE_NOTIFICATION, now) > 0)
			continue;
		pace_count(pace, chat, now);
		count++;
	}
	assert_int_equal(count, PER_SECOND);
	pace_close(pace);
}

static void
pauses(void **state)
{
	struct pace *pace = pace_open();

	(void) state;
	pace_block(pace, "1", 40 * SECOND, 0);
	assert_int_equal(pace_wait(pace, "1", PACE_NOTIFICATION, 0), 40 * SECOND);
	assert_int_equal(pace_wait(pace, "2", PACE_NOTIFICATION, 0), 0);
	pace_block(pace, "2", 10 * SECOND, 0);
	assert_int_equal(pace_wait(pace, "3", PACE_NOTIFICATION, 0), 10 * SECOND);
	assert_int_equal(pace_wait(pace, "3", PACE_NOTIFICATION, 10 * SECOND), 0);
	assert_int_equal(pace_wait(pace, "1", PACE_NOTIFICATION, 10 * SECOND), 30 * SECOND);
	/* The history of a chat is told anew, but not the end of its pause. */
	pace_restart(pace, "1", 10 * SECOND);
	assert_int_equal(pace_wait(pace, "1", PACE_NOTIFICATION, 10 * SECOND), 30 * SECOND);
	pace_close(pace);
}

static void
history(void **state)
{
	struct pace *pace = pace_open();

	(void) state;
	/* Twenty messages of the last minute, by the worker before: a group is full until the oldest of them is a minute old. */
	pace_restart(pace, "-5", 0);
	for (int i = 0; i < 20; i++)
		pace_count(pace, "-5", 1000 + i * 100);
	assert_int_equal(pace_wait(pace, "-5", PACE_NOTIFICATION, 50 * SECOND), 11 * SECOND);
	pace_close(pace);
}

static void
standing_still(void **state)
{
	struct progress a;
	struct progress b;

	(void) state;
	progress_join(&a, "a");
	progress_join(&b, "b");
	assert_null(progress_stalled(INT64_MAX / 2));
	progress_move(&a, 0);
	progress_move(&b, 60 * SECOND);
	assert_null(progress_stalled(PROGRESS_LIMIT_MS));
	assert_string_equal(progress_stalled(PROGRESS_LIMIT_MS + 1), "a");
	progress_move(&a, PROGRESS_LIMIT_MS);
	assert_null(progress_stalled(PROGRESS_LIMIT_MS + 1));
	assert_string_equal(progress_stalled(PROGRESS_LIMIT_MS + 60 * SECOND + 1), "b");
	progress_rest(&b);
	assert_null(progress_stalled(PROGRESS_LIMIT_MS + 60 * SECOND + 1));
	progress_leave(&a);
	assert_null(progress_stalled(INT64_MAX / 2));
	progress_leave(&b);
}

static void
broken_text(void **state)
{
	static const char *const cases[][3] = {
		{"good: \xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x80", "good: \xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x80", "\"good: \xc3\xa9\xe2\x82\xac\xf0\x9f\x9a\x80\""},
		{"latin caf\xe9!", "latin caf?!", "\"latin caf\\ufffd!\""},
		{"cut \xe2\x82", "cut ??", "\"cut \\ufffd\\ufffd\""},
		{"cut \xf0\x9f\x9a", "cut ???", "\"cut \\ufffd\\ufffd\\ufffd\""},
		{"overlong \xc0\xaf", "overlong ??", "\"overlong \\ufffd\\ufffd\""},
		{"surrogate \xed\xa0\x80", "surrogate ???", "\"surrogate \\ufffd\\ufffd\\ufffd\""},
		{"\xf4\x90\x80\x80", "????", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""},
		{"\"\\\n\x01", "\"\\\n\x01", "\"\\\"\\\\\\n\\u0001\""},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char	   *copy = memory_string(cases[i][0]);
		struct text json = {0};

		text_repair(copy);
		assert_string_equal(copy, cases[i][1]);
		assert_true(text_is_utf8(copy, strlen(copy)));
		text_append_json(&json, cases[i][0]);
		assert_string_equal(json.data, cases[i][2]);
		text_free(&json);
		free(copy);
	}
}

const char *
probe_kind_name(enum probe_kind kind)
{
	return kind == PROBE_GOOD ? "good" : "bad";
}

const char *
probe_level_name(enum probe_level level)
{
	return level == PROBE_HEALTHY ? "HEALTHY" : "worse";
}

const char *
transfer_failure_name(enum transfer_failure failure)
{
	return failure == TRANSFER_NO_FAILURE ? "" : "failed";
}

/* Probes every 30 s for so long; one in so many fails, 0 = none. Returns the time afterwards. */
static int64_t
probe(struct probe_state *state, const struct probe_plan *plan, int64_t now, int64_t seconds, int one_in)
{
	for (int64_t end = now + seconds, i = 0; now < end; now += 30, i++)
	{
		bool		failed = one_in > 0 && i % one_in == 0;
		struct probe_finding finding = {.kind = failed ? PROBE_SERVER : PROBE_GOOD,.level = failed ? PROBE_CRITICAL : PROBE_HEALTHY,
			.times = {.total = 20000}};

		probe_state_add(state, plan, &finding, now);
	}
	return now;
}

static enum probe_level
report(struct probe_state *state, const struct probe_plan *plan, int64_t now, const char *expected)
{
	struct probe_report report = {0};

	probe_state_report(state, plan, now, 0, &report);
	if (expected != NULL)
		assert_non_null(strstr(text_string(&report.message), expected));
	else
		assert_null(strstr(text_string(&report.message), "error budget"));
	text_free(&report.message);
	return report.level;
}

/* Failures that are too few in a row for the level, and too many for what is promised. */
static void
burning_the_budget(void **state)
{
	struct probe_plan plan = {.failures = 3,.successes = 2,.skew_limit = 1000,.slo = 0.99};
	struct probe_state *probes = memory_alloc_zero(sizeof(*probes));
	int64_t		now = 86400 * 7;

	(void) state;
	/* Few probes prove nothing, however many of them fail. */
	now = probe(probes, &plan, now, 300, 2);
	assert_int_equal(report(probes, &plan, now - 30, NULL), PROBE_HEALTHY);
	now = probe(probes, &plan, now, 12 * 3600, 0);
	assert_int_equal(report(probes, &plan, now - 30, NULL), PROBE_HEALTHY);
	/* Half of them fail for an hour: fifty times too fast. */
	now = probe(probes, &plan, now, 3600, 2);
	assert_int_equal(report(probes, &plan, now - 30, "the error budget of 99 % is used up"), PROBE_CRITICAL);
	assert_true(probes->burn[2] > 45 && probes->burn[2] < 55);
	/* A few minutes later the short window is clean, and it is not urgent any more. */
	now = probe(probes, &plan, now, 420, 0);
	assert_true(report(probes, &plan, now - 30, "(360 minutes)") < PROBE_CRITICAL);
	now = probe(probes, &plan, now, 2100, 0);
	assert_int_equal(report(probes, &plan, now - 30, NULL), PROBE_HEALTHY);
	/* One in twelve, for hours: slower than urgent, faster than promised. */
	now = probe(probes, &plan, now, 12 * 3600, 0);
	now = probe(probes, &plan, now, 5 * 3600, 12);
	assert_int_equal(report(probes, &plan, now - 30, "(360 minutes)"), PROBE_WARNING);
	free(probes);
}

static void
windows_of_a_day(void **state)
{
	struct probe_window *window = memory_alloc_zero(sizeof(*window));
	struct probe_rates rates;
	double		percentiles[3];
	int64_t		start = 86400;

	(void) state;
	for (int i = 0; i < 1000; i++)
		probe_window_add(window, start + i, i % 10 != 0, i + 1);
	probe_window_rates(window, start + 999, 1440, &rates);
	assert_int_equal(rates.good + rates.bad, 1000);
	assert_close(rates.error_rate, 0.1, 1e-12);
	assert_int_equal(probe_window_percentiles(window, start + 999, 100, percentiles), 100);
	assert_close(percentiles[0], 950, 1e-9);
	assert_close(percentiles[1], 995, 1e-9);
	assert_close(percentiles[2], 999, 1e-9);
	/* A day later nothing of it counts, also when nobody looked meanwhile. */
	probe_window_rates(window, start + 999 + 86400 + 60, 1440, &rates);
	assert_int_equal(rates.good + rates.bad, 0);
	assert_int_equal(probe_window_percentiles(window, start + 999 + 86400, 3600, percentiles), 0);
	probe_window_add(window, start + 3 * 86400, true, 5);
	probe_window_rates(window, start + 3 * 86400, 1440, &rates);
	assert_int_equal(rates.good, 1);
	free(window);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pace_of_a_chat),
		cmocka_unit_test(pace_of_a_group),
		cmocka_unit_test(answers_leave_room),
		cmocka_unit_test(pace_of_all_chats),
		cmocka_unit_test(pauses),
		cmocka_unit_test(history),
		cmocka_unit_test(standing_still),
		cmocka_unit_test(broken_text),
		cmocka_unit_test(burning_the_budget),
		cmocka_unit_test(windows_of_a_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
