/*
 * The state machine of an alert.
 */
#include "core/alert.h"

#include <math.h>

/* Returns a + b where neither may leave the axis of time. */
static int64_t
after(int64_t a, int64_t b)
{
	return a == PULSE_ALERT_NEVER || (a > 0 && b > PULSE_ALERT_NEVER - 1 - a) ? PULSE_ALERT_NEVER : a + b;
}

static int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Makes a record of something that has never been bad. */
void
pulse_alert_begin(pulse_alert_record *record)
{
	*record = (pulse_alert_record) {
		.breached_at = PULSE_ALERT_NEVER,.critical_at = PULSE_ALERT_NEVER,
		.eased_at = PULSE_ALERT_NEVER,.cleared_at = PULSE_ALERT_NEVER,.fired_at = PULSE_ALERT_NEVER
	};
}

/* Whether a value is beyond a threshold that is moved to the good side. */
static bool
beyond(const pulse_alert_limits *limits, double threshold, double margin, double value)
{
	if (isnan(threshold))
		return false;
	if (limits->below)
		return limits->inclusive ? value <= threshold + margin : value < threshold + margin;
	return limits->inclusive ? value >= threshold - margin : value > threshold - margin;
}

static pulse_alert_level
level_of(const pulse_alert_limits *limits, double margin, double value)
{
	if (beyond(limits, limits->critical, margin, value))
		return PULSE_ALERT_CRITICAL;
	return beyond(limits, limits->warning, margin, value) ? PULSE_ALERT_WARNING : PULSE_ALERT_CLEAR;
}

/*
 * Judges a value, which is a number. What was bad before stays so until the value is on the good side by the hysteresis;
 * what was not bad is not made so by it.
 */
pulse_alert_level
pulse_alert_judge(const pulse_alert_limits *limits, pulse_alert_level before, double value)
{
	pulse_alert_level raw = level_of(limits, 0, value);
	pulse_alert_level held = level_of(limits, limits->hysteresis, value);

	if (held > before)
		held = before;
	return raw > held ? raw : held;
}

/* Remembers a firing and tells by the latest ones whether it flaps. */
static void
remember_firing(const pulse_alert_policy *policy, pulse_alert_record *record, int64_t now)
{
	int			kept = 0;

	for (int i = 0; i < record->firing_count; i++)
		if (record->firings[i] <= now && now - record->firings[i] < policy->flap_window)
			record->firings[kept++] = record->firings[i];
	if (kept == PULSE_ALERT_MAX_FIRINGS)
	{
		for (int i = 1; i < kept; i++)
			record->firings[i - 1] = record->firings[i];
		kept--;
	}
	record->firings[kept++] = now;
	record->firing_count = kept;
	if (policy->flap_count > 0 && kept >= policy->flap_count)
		record->flapping = true;
}

/* Keeps the times since when the value has been as it is; one goes on only while its condition lasts. */
static void
keep_times(pulse_alert_record *record, int64_t now)
{
	bool		firing = record->state == PULSE_ALERT_FIRING || record->state == PULSE_ALERT_ACKNOWLEDGED;

	if (record->condition == PULSE_ALERT_CLEAR)
		record->breached_at = PULSE_ALERT_NEVER;
	else if (record->breached_at == PULSE_ALERT_NEVER)
		record->breached_at = now;
	if (record->condition < PULSE_ALERT_CRITICAL)
		record->critical_at = PULSE_ALERT_NEVER;
	else if (record->critical_at == PULSE_ALERT_NEVER)
		record->critical_at = now;
	if (!firing || record->condition > PULSE_ALERT_CLEAR)
		record->cleared_at = PULSE_ALERT_NEVER;
	else if (record->cleared_at == PULSE_ALERT_NEVER)
		record->cleared_at = now;
	if (!firing || record->condition >= record->level)
		record->eased_at = PULSE_ALERT_NEVER;
	else if (record->eased_at == PULSE_ALERT_NEVER)
		record->eased_at = now;
}

/* The level at which the value has been for long enough. */
static pulse_alert_level
reached(const pulse_alert_policy *policy, const pulse_alert_record *record, int64_t now)
{
	if (after(record->critical_at, policy->hold) <= now)
		return PULSE_ALERT_CRITICAL;
	return after(record->breached_at, policy->hold) <= now ? PULSE_ALERT_WARNING : PULSE_ALERT_CLEAR;
}

/* Until when it fires at least, given since when it has been better. */
static int64_t
calm_at(const pulse_alert_policy *policy, const pulse_alert_record *record, int64_t since)
{
	int64_t		wait = record->flapping ? later(policy->clear_hold, policy->flap_window) : policy->clear_hold;

	return later(after(since, wait), after(record->fired_at, policy->min_duration));
}

static pulse_alert_transition
step_quiet(const pulse_alert_policy *policy, pulse_alert_record *record, int64_t now)
{
	bool		pending = record->state == PULSE_ALERT_PENDING;
	pulse_alert_level level = reached(policy, record, now);

	if (record->condition == PULSE_ALERT_CLEAR)
	{
		if (!pending)
			return PULSE_ALERT_NOTHING;
		record->state = PULSE_ALERT_INACTIVE;
		return PULSE_ALERT_WITHDRAWN;
	}
	if (level == PULSE_ALERT_CLEAR)
	{
		record->state = PULSE_ALERT_PENDING;
		return pending ? PULSE_ALERT_NOTHING : PULSE_ALERT_BEGAN;
	}
	record->state = PULSE_ALERT_FIRING;
	record->level = level;
	record->fired_at = now;
	record->flapping = false;
	remember_firing(policy, record, now);
	return PULSE_ALERT_FIRED;
}

static pulse_alert_transition
step_firing(const pulse_alert_policy *policy, pulse_alert_record *record, pulse_alert_level before, int64_t now)
{
	pulse_alert_level level = reached(policy, record, now);

	if (level > record->level)
	{
		record->level = level;
		record->state = PULSE_ALERT_FIRING;
		record->eased_at = PULSE_ALERT_NEVER;
		return PULSE_ALERT_RAISED;
	}
	if (record->condition == PULSE_ALERT_CLEAR && calm_at(policy, record, record->cleared_at) <= now)
	{
		record->state = PULSE_ALERT_RESOLVED;
		record->flapping = false;
		return PULSE_ALERT_CLEARED;
	}
	if (record->condition > PULSE_ALERT_CLEAR && calm_at(policy, record, record->eased_at) <= now)
	{
		record->level = record->condition;
		record->eased_at = PULSE_ALERT_NEVER;
		return PULSE_ALERT_LOWERED;
	}
	if (record->flapping && before == PULSE_ALERT_CLEAR && record->condition > PULSE_ALERT_CLEAR)
	{
		remember_firing(policy, record, now);
		return PULSE_ALERT_REPEATED;
	}
	return PULSE_ALERT_NOTHING;
}

/*
 * Takes the record on to now, with the value as it is now; NaN: it is missing. Time that runs backwards lets nothing
 * happen but what the value itself says.
 */
pulse_alert_transition
pulse_alert_step(const pulse_alert_policy *policy, const pulse_alert_limits *limits, pulse_alert_record *record,
				 int64_t now, double value)
{
	pulse_alert_level before = record->condition;

	if (record->state == PULSE_ALERT_RESOLVED)
	{
		/* What was resolved is over; the next time is another alert, that knows how often there was one. */
		record->state = PULSE_ALERT_INACTIVE;
		record->level = record->condition = before = PULSE_ALERT_CLEAR;
		record->flapping = false;
		record->fired_at = PULSE_ALERT_NEVER;
	}
	if (!isnan(value))
		record->condition = pulse_alert_judge(limits, before, value);
	else if (policy->missing == PULSE_ALERT_IS_CLEAR)
		record->condition = PULSE_ALERT_CLEAR;
	else if (policy->missing == PULSE_ALERT_IS_WARNING && before == PULSE_ALERT_CLEAR)
		record->condition = isnan(limits->warning) ? PULSE_ALERT_CRITICAL : PULSE_ALERT_WARNING;
	keep_times(record, now);
	if (record->state == PULSE_ALERT_FIRING || record->state == PULSE_ALERT_ACKNOWLEDGED)
		return step_firing(policy, record, before, now);
	return step_quiet(policy, record, now);
}

/* When the passing of time alone will change the record next; NEVER when it will not. */
int64_t
pulse_alert_due(const pulse_alert_policy *policy, const pulse_alert_record *record, int64_t now)
{
	int64_t		due = PULSE_ALERT_NEVER;

	switch (record->state)
	{
		case PULSE_ALERT_PENDING:
			due = earlier(after(record->breached_at, policy->hold), after(record->critical_at, policy->hold));
			break;
		case PULSE_ALERT_FIRING:
		case PULSE_ALERT_ACKNOWLEDGED:
			if (record->level < PULSE_ALERT_CRITICAL)
				due = after(record->critical_at, policy->hold);
			if (record->condition == PULSE_ALERT_CLEAR)
				due = earlier(due, calm_at(policy, record, record->cleared_at));
			else if (record->eased_at != PULSE_ALERT_NEVER)
				due = earlier(due, calm_at(policy, record, record->eased_at));
			break;
		default:
			break;
	}
	return due == PULSE_ALERT_NEVER ? due : later(due, now);
}
