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
} PulseDuePortfolio;

/* Notes that a portfolio has changed, by itself or only as a part of a whole table (bulk): both of its messages are due. */
extern void pulse_queue_portfolio(const char *name, Oid reader, bool bulk);

/*
 * Returns when the next message of a kind is due: DT_NOBEGIN when one is already, DT_NOEND when none is queued;
 * early_ms before its time counts as due.
 */
extern TimestampTz pulse_next_portfolio(PulseUpdateKind kind, int early_ms);

/*
 * Takes the portfolios of which a message is due, at most limit, those first that were served longest ago. Each stays due
 * until pulse_portfolio_done() is called: what an error or the end of the time leaves comes again with the next call.
 */
extern List *pulse_take_portfolios(PulseUpdateKind kind, int limit, int early_ms);

/*
 * Notes that a message has gone out, or is given up until the portfolio changes again. The next one waits for the interval,
 * and at least ten times as long as this one took to compute.
 */
extern void pulse_portfolio_done(PulseUpdateKind kind, const char *name, int interval_ms, int cost_ms);

/* Puts a message that was taken off for so long. */
extern void pulse_portfolio_postpone(PulseUpdateKind kind, const char *name, int delay_ms);

#endif							/* PULSE_PORTFOLIO_QUEUE_H */
