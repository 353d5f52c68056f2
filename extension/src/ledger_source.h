/*
 * The user's tables as sources: who owns them, and running as them or as ourselves.
 */
#ifndef PULSE_LEDGER_SOURCE_H
#define PULSE_LEDGER_SOURCE_H

#include "postgres.h"

/* What pulse_act_as changed, for pulse_act_back. */
typedef struct pulse_identity
{
	Oid			user;
	int			security_context;
	int			guc_nest_level;
} pulse_identity;

extern Oid	pulse_owner(void);
extern pulse_identity pulse_act_as(Oid user, bool untrusted);
extern void pulse_act_back(const pulse_identity *identity);

#endif							/* PULSE_LEDGER_SOURCE_H */
