/*
 * The user's tables as sources: what is known about them, and running as their owner or as ourselves.
 */
#ifndef PULSE_LEDGER_SOURCE_H
#define PULSE_LEDGER_SOURCE_H

#include "postgres.h"

#include "datatype/timestamp.h"
#include "executor/spi.h"

/* What pulse_act_as changed, for pulse_act_back. */
typedef struct pulse_identity
{
	Oid			user;
	int			security_context;
	int			guc_nest_level;
} pulse_identity;

/* An active source, as it is now. */
typedef struct pulse_source
{
	int32		source_id;
	char	   *kind;
	char	   *qualified_name;	/* quoted for use in SQL */
	Oid			relation;
	Oid			owner;
	bool		has_portfolios; /* false: the portfolio is a constant, whatever marks say */
	bool		distributed;	/* by Citus, which sends only some forms of query to the shards */
	bool		ordinal_is_key; /* the key is a whole number: time and ordinal order completely within a portfolio */
	bool		rebuilt;		/* its state was built in this incarnation of the database */
	bool		restored;		/* its entry came from a dump of another one */
	bool		rebook;			/* a setting has changed since its state was built */
	TimestampTz attached_at;
	TimestampTz archived_before;	/* of snapshots only summaries count before this time; DT_NOBEGIN: none */
	char	   *query;			/* reads it under the logical names, or NULL when a required column is gone */
	struct source_access *access;	/* for pulse_source_plan(), as long as the generation is that of the cache */
	uint64		generation;
} pulse_source;

extern Oid	pulse_owner(void);
extern pulse_identity pulse_act_as(Oid user, bool untrusted);
extern void pulse_act_back(const pulse_identity *identity);
extern SPIPlanPtr pulse_saved_plan(SPIPlanPtr *plan, const char *statement, int nargs, Oid *types);
extern SPIPlanPtr pulse_saved_generic_plan(SPIPlanPtr *plan, const char *statement, int nargs, Oid *types);
extern bool pulse_table_is_empty(const char *name);
extern bool pulse_may_read(int32 source_id, const char *portfolio, bool *by_portfolio);
extern SPIPlanPtr pulse_source_plan(const pulse_source *source, const char *statement, int nargs, Oid *types);
extern char *pulse_portfolio_list(const pulse_source *source);
extern pulse_source *pulse_source_load(int32 source_id, bool by_portfolio, bool by_time);

#endif							/* PULSE_LEDGER_SOURCE_H */
