/*
 * The observations of a curve that a largest drawdown can begin or end at.
 */
#ifndef PULSE_CORE_EXTREMES_H
#define PULSE_CORE_EXTREMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PULSE_EXTREMES_PARTS 512

/* What a row of a certain time must exceed to be an extreme; see pulse_extremes_bounds_set(). */
typedef struct pulse_extremes_bounds
{
	int64_t		first_ts;
	int64_t		last_ts;
	int			shift;			/* a time's part is its distance from the first, shifted by so many bits */
	double		highest_before[PULSE_EXTREMES_PARTS];
	double		lowest_after[PULSE_EXTREMES_PARTS];
} pulse_extremes_bounds;

extern size_t pulse_keep_extremes(int64_t *ts, double *value, uint8_t *scratch, size_t n);
extern void pulse_extremes_bounds_set(pulse_extremes_bounds *bounds, const int64_t *ts, const double *value, size_t n);

/*
 * Whether a row that comes late can be no extreme: something before it is at
 * least as high and something after it at least as low. False if in doubt.
 */
static inline bool
pulse_extremes_exclude(const pulse_extremes_bounds *bounds, int64_t ts, double value)
{
	uint64_t	part;

	if (ts <= bounds->first_ts || ts >= bounds->last_ts)
		return false;
	part = ((uint64_t) ts - (uint64_t) bounds->first_ts) >> bounds->shift;
	return value <= bounds->highest_before[part] && value >= bounds->lowest_after[part] && value >= 0;
}

#endif							/* PULSE_CORE_EXTREMES_H */
