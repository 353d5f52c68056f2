/*
 * Pairs: updates by differences from the running means, as sums of products
 * would cancel.
 */
#include "core/comoments.h"

#include <math.h>

#include "core/moments.h"

/* How many cumulative returns lie in the processor's first cache at once. */
#define STABILITY_BLOCK 512

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
		pulse_sum_add(&s->log, pulse_log_growth(r));
	pulse_comoments_add(&s->line, (double) s->line.n, s->undefined ? 0.0 : pulse_sum_value(&s->log));
}

/* Returns the co-moments of n finite values with their numbers, which begin at first. */
static pulse_comoments
numbered_comoments(double first, const double *y, size_t n)
{
	pulse_comoments c = {.n = (int64_t) n};
	double		count = (double) n;
	double		sum = 0;

	for (size_t i = 0; i < n; i++)
	{
		double		scale = fabs(y[i]);

		sum += y[i] - y[0];
		c.max_y = scale > c.max_y ? scale : c.max_y;
	}
	c.mean_y = y[0] + sum / count;
	c.mean_x = first + (count - 1.0) / 2.0;
	c.max_x = first + count - 1.0;
	/* the sum of squares of whole numbers about their mean */
	c.xx = count * (count * count - 1.0) / 12.0;
	for (size_t i = 0; i < n; i++)
	{
		double		dy = y[i] - c.mean_y;

		c.yy += dy * dy;
		c.xy += dy * (first + (double) i - c.mean_x);
	}
	return c;
}

/* Adds n returns in time order: blocks, without a division for each of them. */
void
pulse_stability_add_all(pulse_stability *s, const double *r, size_t n)
{
	double		y[STABILITY_BLOCK];

	while (n > 0)
	{
		size_t		take = n < STABILITY_BLOCK ? n : STABILITY_BLOCK;
		pulse_sum	log = s->log;	/* in registers */
		pulse_comoments block;
		size_t		i;

		for (i = 0; i < take && r[i] > -1.0 && r[i] < INFINITY && !s->undefined; i++)
		{
			pulse_sum_add(&log, pulse_log_growth(r[i]));
			y[i] = pulse_sum_value(&log);
		}
		s->log = log;
		if (i > 0)
		{
			block = numbered_comoments((double) s->line.n, y, i);
			pulse_comoments_merge(&s->line, &block);
		}
		if (i < take)
			pulse_stability_add(s, r[i++]);
		r += i;
		n -= i;
	}
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
