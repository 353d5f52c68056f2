/*
 * Portfolios whose state messages are due: at once after a pause, then at most once per interval.
 */
#ifndef PULSE_PORTFOLIO_QUEUE_H
#define PULSE_PORTFOLIO_QUEUE_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

typedef enum PulseUpdateKind
{
	PULSE_UPDATE_PORTFOLIO,		/* PORTFOLIO_UPDATE */
	PULSE_UPDATE_PERFORMANCE	/* PERFORMANCE_UPDATE */
} PulseUpdateKind;

#define PULSE_UPDATE_KINDS 2

/*
 * Makes the queue respect intervals and limits. Only the background worker does: who ticks by hand wants everything now.
 */
extern void pulse_portfolio_enable_throttle(void);
extern bool pulse_portfolio_throttled(void);

/* A portfolio of which a message is due, and the role as which it is computed. */
typedef struct PulseDuePortfolio
{
	const char *name;
	Oid			reader;
	TimestampTz due_since;
} PulseDuePortfolio;

/* Notes that a portfolio has changed: both of its messages are due. */
extern void pulse_queue_portfolio(const char *portfolio, Oid reader);

/*
 * Returns the portfolios of which a message is due, at most limit, those that have waited longest first;
 * *next receives when the next one of the others will be, DT_NOEND when there is none.
 */
extern List *pulse_due_portfolios(PulseUpdateKind kind, int interval_ms, int limit, TimestampTz *next);

/*
 * Notes that a message has gone out, or is given up until the portfolio changes again. The next one waits at least ten
 * times as long as this one took to compute.
 */
extern void pulse_portfolio_done(PulseUpdateKind kind, const char *portfolio, int cost_ms);

#endif							/* PULSE_PORTFOLIO_QUEUE_H */
