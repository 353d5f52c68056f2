/*
 * The state that all aggregates over an equity curve share.
 */
#ifndef PULSE_EQUITY_H
#define PULSE_EQUITY_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"

#include "core/curve.h"
#include "src/row_spill.h"

typedef struct EquityParameters
{
	double		risk_free;
	double		mar;
	int64		period;			/* width of a bucket in microseconds */
	double		confidence;
} EquityParameters;

/* The parameters of the first row as they came. */
typedef struct RawParameters
{
	bool		known;
	double		risk_free;
	double		mar;
	double		confidence;
	Interval	period;
} RawParameters;

typedef struct EquityState
{
	MemoryContext context;
	EquityParameters parameters;
	RawParameters raw;
	bool		extremes_only;	/* nobody asks for more than the extremes of the rows tell */
	struct pulse_extremes_bounds *bounds;	/* of the rows kept so far; NULL while they come in order */
	bool		ordered;		/* rows so far came in time order */
	size_t		n;
	size_t		n_folded;		/* rows already in the curve */
	size_t		allocated;
	int64	   *ts;
	double	   *value;
	bool		flows;			/* there is a flow argument */
	double	   *flow;			/* NULL while all flows were zero and the rows are in memory */
	pulse_curve curve;
	struct RowSpill *spill;		/* earlier rows, when there are too many */
	bool		merged;			/* the curve is that of all rows, merged */
} EquityState;

extern EquityState *pulse_equity_begin(MemoryContext context, const EquityParameters *parameters, bool flows);
extern void pulse_equity_add(EquityState *state, int64 ts, double value, double flow);
extern void pulse_equity_take(EquityState *state, int64 ts, double value, double flow);
extern void pulse_equity_end(EquityState *state);
extern void pulse_equity_fold(EquityState *state);
extern bool pulse_equity_is_empty(const EquityState *state);
extern void pulse_equity_scan(EquityState *state, RowConsumer consumer, void *argument);
extern double *pulse_equity_returns(const pulse_curve *curve, size_t *n);
extern pulse_memory pulse_palloc_memory(MemoryContext context);
extern Datum pulse_metrics_row(FunctionCallInfo fcinfo, const pulse_curve *curve, const EquityParameters *p);

/* Final functions that windows call where they must. */
extern Datum pulse_equity_max_drawdown(PG_FUNCTION_ARGS);
extern Datum pulse_equity_max_drawdown_amount(PG_FUNCTION_ARGS);
extern Datum pulse_equity_current_drawdown(PG_FUNCTION_ARGS);
extern Datum pulse_equity_drawdown_duration(PG_FUNCTION_ARGS);
extern Datum pulse_equity_average_drawdown(PG_FUNCTION_ARGS);
extern Datum pulse_equity_ulcer_index(PG_FUNCTION_ARGS);
extern Datum pulse_equity_cagr(PG_FUNCTION_ARGS);
extern Datum pulse_equity_calmar(PG_FUNCTION_ARGS);
extern Datum pulse_equity_twr(PG_FUNCTION_ARGS);

#endif							/* PULSE_EQUITY_H */
