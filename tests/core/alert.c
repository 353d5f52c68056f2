/*
 * The state machine of alerts, against what must hold whatever happens, and against a second opinion on bands.
 */
#include "support.h"

#include "core/alert.h"
#include "core/band.h"

#define SECOND INT64_C(1000000)

static pulse_alert_limits
random_limits(void)
{
	pulse_alert_limits limits = {.below = random_below(2),.inclusive = random_below(2),.hysteresis = random_uniform() * 0.2};
	double		near = random_uniform();
	double		far = near + (limits.below ? -1 : 1) * random_uniform() * 0.5;

	limits.warning = random_below(4) ? near : NAN;
	limits.critical = random_below(4) || isnan(limits.warning) ? far : NAN;
	return limits;
}

static pulse_alert_policy
random_policy(void)
{
	return (pulse_alert_policy) {
		.hold = (int64_t) random_below(4) * 3 * SECOND,.clear_hold = (int64_t) random_below(3) * 4 * SECOND,
		.min_duration = (int64_t) random_below(3) * 7 * SECOND,.flap_count = random_below(2) ? 0 : 2 + (int) random_below(4),
		.flap_window = 20 * SECOND,.missing = (pulse_alert_missing) random_below(3)
	};
}

static bool
fires(const pulse_alert_record *record)
{
	return record->state == PULSE_ALERT_FIRING || record->state == PULSE_ALERT_ACKNOWLEDGED;
}

/* Whether the transition and the states before and after it belong together. */
static void
check_transition(pulse_alert_transition transition, const pulse_alert_record *before, const pulse_alert_record *after)
{
	switch (transition)
	{
		case PULSE_ALERT_NOTHING:
			assert_true(before->state == after->state || (before->state == PULSE_ALERT_RESOLVED && after->state == PULSE_ALERT_INACTIVE));
			break;
		case PULSE_ALERT_BEGAN:
			assert_int_equal(after->state, PULSE_ALERT_PENDING);
			assert_false(fires(before));
			break;
		case PULSE_ALERT_WITHDRAWN:
			assert_int_equal(before->state, PULSE_ALERT_PENDING);
			assert_int_equal(after->state, PULSE_ALERT_INACTIVE);
			break;
		case PULSE_ALERT_FIRED:
			assert_false(fires(before));
			assert_int_equal(after->state, PULSE_ALERT_FIRING);
			assert_true(after->level > PULSE_ALERT_CLEAR && after->firing_count > 0);
			break;
		case PULSE_ALERT_RAISED:
			assert_true(fires(before) && after->state == PULSE_ALERT_FIRING && after->level > before->level);
			break;
		case PULSE_ALERT_LOWERED:
			assert_true(fires(before) && after->state == before->state && after->level < before->level && after->level > PULSE_ALERT_CLEAR);
			break;
		case PULSE_ALERT_REPEATED:
			assert_true(before->flapping && fires(after));
			break;
		case PULSE_ALERT_CLEARED:
			assert_true(fires(before) && after->state == PULSE_ALERT_RESOLVED && after->condition == PULSE_ALERT_CLEAR);
			break;
	}
}

/* Random rules and values: what is claimed of every step. */
static void
test_invariants(void **state)
{
	for (int run = 0; run < 3000; run++)
	{
		pulse_alert_limits limits = random_limits();
		pulse_alert_policy policy = random_policy();
		pulse_alert_record record;
		int64_t		now = (int64_t) random_below(1000) * SECOND - 500 * SECOND;
		int64_t		bad_since = PULSE_ALERT_NEVER;
		int64_t		good_since = PULSE_ALERT_NEVER;

		pulse_alert_begin(&record);
		for (int i = 0; i < 200; i++)
		{
			double		value = random_below(12) ? random_uniform() * 1.6 - 0.3 : NAN;
			pulse_alert_record before = record;
			pulse_alert_record twice;
			pulse_alert_transition transition = pulse_alert_step(&policy, &limits, &record, now, value);

			check_transition(transition, &before, &record);
			/* How the value is judged depends on the value, the thresholds and the judgement before alone. */
			if (!isnan(value))
				assert_int_equal(record.condition, pulse_alert_judge(&limits, before.state == PULSE_ALERT_RESOLVED ? PULSE_ALERT_CLEAR : before.condition, value));
			if (record.condition == PULSE_ALERT_CLEAR)
			{
				bad_since = PULSE_ALERT_NEVER;
				good_since = good_since == PULSE_ALERT_NEVER ? now : good_since;
			}
			else
			{
				good_since = PULSE_ALERT_NEVER;
				bad_since = bad_since == PULSE_ALERT_NEVER ? now : bad_since;
			}
			if (transition == PULSE_ALERT_FIRED)
				assert_true(now - bad_since >= policy.hold);
			if (transition == PULSE_ALERT_CLEARED)
				assert_true(now - record.fired_at >= policy.min_duration && now - good_since >= policy.clear_hold &&
							(!before.flapping || now - good_since >= policy.flap_window));
			/* The same step again does nothing. */
			twice = record;
			if (record.state != PULSE_ALERT_RESOLVED)
			{
				assert_int_equal(pulse_alert_step(&policy, &limits, &twice, now, isnan(value) ? NAN : value), PULSE_ALERT_NOTHING);
				assert_memory_equal(&twice, &record, sizeof(record));
			}
			/* What is due by time alone happens then, and not before. */
			if (pulse_alert_due(&policy, &record, now) != PULSE_ALERT_NEVER)
			{
				int64_t		due = pulse_alert_due(&policy, &record, now);

				assert_true(due > now);
				twice = record;
				assert_int_equal(pulse_alert_step(&policy, &limits, &twice, due - 1, value), PULSE_ALERT_NOTHING);
				assert_true(pulse_alert_step(&policy, &limits, &twice, due, value) != PULSE_ALERT_NOTHING);
			}
			if (record.state == PULSE_ALERT_FIRING && random_below(8) == 0)
				record.state = PULSE_ALERT_ACKNOWLEDGED;
			now += (int64_t) random_below(6) * SECOND;
		}
	}
}

/* Times at the ends of their axis do not overflow. */
static void
test_extremes(void **state)
{
	pulse_alert_limits limits = {.warning = 1,.critical = NAN};
	pulse_alert_policy policy = {.hold = INT64_MAX - 1,.clear_hold = INT64_MAX - 1,.min_duration = INT64_MAX - 1};
	pulse_alert_record record;

	pulse_alert_begin(&record);
	assert_int_equal(pulse_alert_step(&policy, &limits, &record, INT64_MAX - 1, 2), PULSE_ALERT_BEGAN);
	assert_true(pulse_alert_due(&policy, &record, 0) == PULSE_ALERT_NEVER);
	pulse_alert_begin(&record);
	assert_int_equal(pulse_alert_step(&policy, &limits, &record, INT64_MIN + 1, 2), PULSE_ALERT_BEGAN);
	assert_int_equal(pulse_alert_step(&policy, &limits, &record, 0, INFINITY), PULSE_ALERT_FIRED);
	assert_int_equal(pulse_alert_step(&policy, &limits, &record, 1, -INFINITY), PULSE_ALERT_NOTHING);
}

/* Mean and variance of a long history are those that the weights say; quantiles are those of the window. */
static void
test_bands(void **state)
{
	double		values[50];
	double		scratch[50];
	pulse_band	band = {.capacity = 50,.values = values};
	double		all[400];
	double		half_life = 20;
	double		decay = exp2(-1 / half_life);
	double		weight = 0;
	double		mean = 0;
	double		variance = 0;
	double		warning;
	double		critical;
	pulse_band_shape shape = {.warning = 2,.critical = NAN,.factor = 1.5};

	for (int i = 0; i < 400; i++)
	{
		all[i] = random_return();
		pulse_band_add(&band, half_life, all[i]);
	}
	for (int i = 0; i < 400; i++)
	{
		weight += pow(decay, 399 - i);
		mean += pow(decay, 399 - i) * all[i];
	}
	mean /= weight;
	for (int i = 0; i < 400; i++)
		variance += pow(decay, 399 - i) * (all[i] - mean) * (all[i] - mean) / weight;
	/* the first ones counted alike, which is long forgotten */
	assert_close(band.mean, mean, 1e-5);
	assert_close(band.variance, variance, 1e-5);
	pulse_band_levels(&band, &shape, scratch, &warning, &critical);
	assert_close(warning, band.mean + 3 * sqrt(band.variance), 1e-12);
	assert_true(isnan(critical));

	shape = (pulse_band_shape) {.quantile = true,.below = true,.warning = 1,.critical = 1,.factor = 1};
	pulse_band_levels(&band, &shape, scratch, &warning, &critical);
	for (int i = 350; i < 400; i++)
		assert_true(all[i] >= warning - 1e-15);
	shape.min_width = 10;
	pulse_band_levels(&band, &shape, scratch, &warning, &critical);
	assert_true(warning < -9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_invariants), cmocka_unit_test(test_extremes), cmocka_unit_test(test_bands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
