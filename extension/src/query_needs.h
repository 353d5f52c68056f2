/*
 * What the aggregates that share a transition state need of it.
 */
#ifndef PULSE_QUERY_NEEDS_H
#define PULSE_QUERY_NEEDS_H

#include "postgres.h"

#include "fmgr.h"

extern uint32 pulse_query_needs(FunctionCallInfo fcinfo, uint32 (*needs_of) (PGFunction final_function),
								uint32 all);

#endif							/* PULSE_QUERY_NEEDS_H */
