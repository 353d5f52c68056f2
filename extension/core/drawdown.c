/*
 * A division happens only when a peak is passed, not at every observation:
 * until then the lowest value since the peak says everything.
 */
#include "core/drawdown.h"

#include <math.h>

/* Closes the drawdown under the old peak and begins a new peak at value. */
void
pulse_drawdown_recover(pulse_drawdown *d, int64_t ts, double value)
{
	if (d->n > 0 && d->trough < d->peak)
	{
		d->deepest = fmax(d->deepest, pulse_depth(d->peak, d->trough));
		d->largest = fmax(d->largest, d->peak - d->trough);
		if (pulse_elapsed(d->peak_ts, ts) > d->longest)
			d->longest = pulse_elapsed(d->peak_ts, ts);
	}
	d->peak = d->trough = value;
	d->peak_ts = ts;
}

/*
 * Expresses the state in new units: a deposit that turns a value of 100 into
 * 150 multiplies the peak by 1.5, so that it is no recovery.
 */
void
pulse_drawdown_rescale(pulse_drawdown *d, double factor)
{
	d->peak *= factor;
	d->trough *= factor;
	d->last *= factor;
	d->largest *= factor;
}

/* Computes the largest loss from a peak; false without a positive peak. */
bool
pulse_drawdown_deepest(const pulse_drawdown *d, double *result)
{
	if (d->n == 0 || !(d->peak > 0))
		return false;
	*result = fmax(d->deepest, pulse_depth(d->peak, d->trough));
	return true;
}

/* Computes the largest loss from a peak in money, of whatever sign the peak is; false without a value. */
bool
pulse_drawdown_amount(const pulse_drawdown *d, double *result)
{
	if (d->n == 0)
		return false;
	*result = fmax(d->largest, d->peak - d->trough);
	return true;
}

/* Computes the loss from the peak at the last observation; false without a positive peak. */
bool
pulse_drawdown_current(const pulse_drawdown *d, double *result)
{
	if (d->n == 0 || !(d->peak > 0))
		return false;
	*result = pulse_depth(d->peak, d->last);
	return true;
}

/* Returns the longest time from a peak to its recovery, or to the end. */
int64_t
pulse_drawdown_longest(const pulse_drawdown *d)
{
	int64_t		open = d->n > 0 && d->last < d->peak ? pulse_elapsed(d->peak_ts, d->last_ts) : 0;

	return open > d->longest ? open : d->longest;
}
