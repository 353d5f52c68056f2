/*
 * A shared transition would have to keep whatever any final function could
 * ask for. The executor knows which aggregates of this query share the state,
 * so the transition keeps only what they need.
 */
#include "src/query_needs.h"

#include "access/htup_details.h"
#include "catalog/pg_aggregate.h"
#include "executor/nodeAgg.h"
#include "nodes/execnodes.h"
#include "utils/syscache.h"

#include "src/compat.h"

/* Returns what the final function of an aggregate needs. */
static uint32
aggregate_needs(Oid aggregate, uint32 (*needs_of) (PGFunction), uint32 all)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggregate));
	FmgrInfo	final;

	if (!HeapTupleIsValid(tuple))
		return all;
	fmgr_info(((Form_pg_aggregate) GETSTRUCT(tuple))->aggfinalfn, &final);
	ReleaseSysCache(tuple);
	return needs_of(final.fn_addr);
}

/*
 * Returns what the aggregates that share the current transition state need,
 * by what needs_of says of their final functions; all for a window function,
 * whose state belongs to one function that is unknown here. Looked up once a
 * query, not once a group.
 */
uint32
pulse_query_needs(FunctionCallInfo fcinfo, uint32 (*needs_of) (PGFunction), uint32 all)
{
	AggState   *agg = (AggState *) fcinfo->context;
	uint32		needs = 0;

	if (agg == NULL || !IsA(agg, AggState) || agg->curpertrans == NULL)
		return all;
	if (fcinfo->flinfo->fn_extra != NULL)
		return *(uint32 *) fcinfo->flinfo->fn_extra;

	for (int i = 0; i < agg->numaggs; i++)
		if (&agg->pertrans[agg->peragg[i].transno] == agg->curpertrans)
			needs |= aggregate_needs(agg->peragg[i].aggref->aggfnoid, needs_of, all);
	fcinfo->flinfo->fn_extra = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(uint32));
	*(uint32 *) fcinfo->flinfo->fn_extra = needs;
	return needs;
}
