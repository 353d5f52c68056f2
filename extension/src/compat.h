/*
 * What differs between PostgreSQL 15 and 18, in one place.
 */
#ifndef PULSE_COMPAT_H
#define PULSE_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "Pulse needs PostgreSQL 15 or newer"
#endif

#endif							/* PULSE_COMPAT_H */
