/*
 * The state that all aggregates over per-period returns share.
 */
#ifndef PULSE_RETURNS_H
#define PULSE_RETURNS_H

#include "postgres.h"

#include "fmgr.h"

#include "core/moments.h"
#include "core/partial_moments.h"

/* What a figure needs beyond moments; nobody pays for what the query does not ask. */
#define NEEDS_GROWTH	0x01	/* compounded growth: a logarithm a row */
#define NEEDS_PARTIAL	0x02	/* partial moments about the threshold */
#define NEEDS_VALUES	0x04	/* every value: 8 bytes a row */
#define NEEDS_ALL		0x07

/* How the parameters after the return are to be read. */
typedef enum PulseParameters
{
	PARAMETERS_NONE,
	PARAMETERS_RATE,			/* annual rate [, periods per year]: the threshold is that rate per period */
	PARAMETERS_PLAIN,			/* one number, whose meaning is the figure's: confidence, threshold */
	PARAMETERS_PERIODS			/* periods per year; read like a plain one */
} PulseParameters;

typedef struct ReturnsState
{
	MemoryContext context;
	uint32		needs;
	PulseParameters kind;
	int			n_parameters;
	double		parameter[2];
	pulse_moments moments;
	pulse_growth growth;
	pulse_partial partial;
	double	   *values;			/* all values if needed, otherwise those not folded */
	size_t		n_values;
	size_t		n_folded;		/* values already in the states above */
	size_t		allocated;
	const struct pulse_order_statistics *order; /* of a window: instead of values */
	struct ValueSort *sort;		/* where values go when there are too many */
} ReturnsState;

extern ReturnsState *pulse_returns_begin(MemoryContext context, uint32 needs, PulseParameters kind,
										 int n_parameters, const double *parameter);
extern void pulse_returns_add(ReturnsState *state, double r);
extern void pulse_returns_fold(ReturnsState *state);
extern uint32 pulse_returns_needs(PGFunction final_function);

#endif							/* PULSE_RETURNS_H */
