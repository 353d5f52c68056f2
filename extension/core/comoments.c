/*
 * Pairs: updates by differences from the running means, as sums of products
 * would cancel.
 */
#include "core/comoments.h"

#include <math.h>

#include "core/moments.h"

/* Adds one pair (Welford's update for two variables). */
void
pulse_comoments_add(pulse_comoments *c, double x, double y)
{
	double		n,
				dx,
				dy;

	c->n++;
	if (!isfinite(x) || !isfinite(y))
	{
		c->nonfinite = true;
		return;
	}
	n = (double) c->n;
	dx = x - c->mean_x;
	dy = y - c->mean_y;
	c->mean_x += dx / n;
	c->mean_y += dy / n;
	c->xx += dx * (x - c->mean_x);
	c->yy += dy * (y - c->mean_y);
	c->xy += dx * (y - c->mean_y);
	c->max_x = fmax(c->max_x, fabs(x));
	c->max_y = fmax(c->max_y, fabs(y));
}

/* Merges other into c (Chan, Golub and LeVeque). */
void
pulse_comoments_merge(pulse_comoments *c, const pulse_comoments *other)
{
	double		na = (double) c->n;
	double		nb = (double) other->n;
	double		dx = other->mean_x - c->mean_x;
	double		dy = other->mean_y - c->mean_y;
	double		share;

	if (other->n == 0)
		return;
	if (c->n == 0)
	{
		*c = *other;
		return;
	}
	share = nb / (na + nb);
	c->xx += other->xx + dx * dx * na * share;
	c->yy += other->yy + dy * dy * na * share;
	c->xy += other->xy + dx * dy * na * share;
	c->mean_x += dx * share;
	c->mean_y += dy * share;
	c->n += other->n;
	c->max_x = fmax(c->max_x, other->max_x);
	c->max_y = fmax(c->max_y, other->max_y);
	c->nonfinite |= other->nonfinite;
}

/* Adds one return, in time order. */
void
pulse_stability_add(pulse_stability *s, double r)
{
	if (r <= -1.0)
		s->undefined = true;
	else
		pulse_sum_add(&s->log, log1p(r));
	pulse_comoments_add(&s->line, (double) s->line.n, s->undefined ? 0.0 : pulse_sum_value(&s->log));
}

/* Merges the returns that follow those of s: their line goes on where that of s ends. */
void
pulse_stability_merge(pulse_stability *s, const pulse_stability *newer)
{
	pulse_comoments line = newer->line;
	double		reached = pulse_sum_value(&s->log);

	line.mean_x += (double) s->line.n;
	line.mean_y += reached;
	/* an upper limit of its scale, for want of the values */
	line.max_y += fabs(reached);
	pulse_comoments_merge(&s->line, &line);
	pulse_sum_merge(&s->log, &newer->log);
	s->undefined |= newer->undefined;
}

/*
 * Computes R squared of the cumulative log return on a line; false below 2
 * returns, or when equity was wiped out or never moved.
 */
bool
pulse_stability_r2(const pulse_stability *s, double *result)
{
	const pulse_comoments *c = &s->line;
	double		n = (double) c->n;

	if (s->undefined || c->n < 2 || pulse_is_zero_spread(sqrt(c->yy / n), c->max_y))
		return false;
	*result = c->xy / c->xx * c->xy / c->yy;
	*result = *result > 1.0 ? 1.0 : *result;
	return true;
}
