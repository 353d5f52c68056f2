/*
 * What differs between PostgreSQL 15 and 18, in one place.
 */
#ifndef PULSE_COMPAT_H
#define PULSE_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000
#error "Pulse needs PostgreSQL 15 or newer"
#endif

/* postgres.h left the macros for variable-length values to a header of their own. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* The index of this process in ProcGlobal->allProcs. */
#if PG_VERSION_NUM >= 170000
#define PULSE_PROC_NUMBER(proc) GetNumberFromPGProc(proc)
#else
#define PULSE_PROC_NUMBER(proc) ((proc)->pgprocno)
#endif

/* The process that runs a virtual transaction, or NULL. */
#if PG_VERSION_NUM >= 170000
#define PULSE_VXID_PROC(vxid) ProcNumberGetProc((vxid).procNumber)
#else
#define PULSE_VXID_PROC(vxid) BackendIdGetProc((vxid).backendId)
#endif

/* Values of a sort by reference would need copies; ours are by value. */
#if PG_VERSION_NUM >= 160000
#define PULSE_TUPLESORT_GETDATUM(sort, value, isnull) tuplesort_getdatum(sort, true, false, value, isnull, NULL)
#else
#define PULSE_TUPLESORT_GETDATUM(sort, value, isnull) tuplesort_getdatum(sort, true, value, isnull, NULL)
#endif

/* Whether a role owns a table. */
#if PG_VERSION_NUM >= 160000
#define PULSE_OWNS_RELATION(relation, role) object_ownercheck(RelationRelationId, relation, role)
#else
#define PULSE_OWNS_RELATION(relation, role) pg_class_ownercheck(relation, role)
#endif

/* Enters a new row into the indexes of its table. */
#if PG_VERSION_NUM >= 160000
#define PULSE_INSERT_INDEX_TUPLES(info, slot, estate) ((void) ExecInsertIndexTuples(info, slot, estate, false, false, NULL, NIL, false))
#else
#define PULSE_INSERT_INDEX_TUPLES(info, slot, estate) ((void) ExecInsertIndexTuples(info, slot, estate, false, false, NULL, NIL))
#endif

/* What a backend does, by its number from 1 on in the copy of that. */
#if PG_VERSION_NUM >= 160000
#define PULSE_BACKEND_STATUS(number) pgstat_get_local_beentry_by_index(number)
#else
#define PULSE_BACKEND_STATUS(number) pgstat_fetch_stat_local_beentry(number)
#endif

/* A wait of ours gets a name of its own. */
#if PG_VERSION_NUM >= 170000
#define PULSE_WAIT_EVENT_NEW(name) WaitEventExtensionNew(name)
#else
#define PULSE_WAIT_EVENT_NEW(name) ((void) (name), PG_WAIT_EXTENSION)
#endif

/* pg_get_loaded_modules() tells name and version of a library that says them. */
#if PG_VERSION_NUM >= 180000
#define PULSE_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "pulse",.version = PULSE_VERSION)
#else
#define PULSE_MODULE_MAGIC PG_MODULE_MAGIC
#endif

#endif							/* PULSE_COMPAT_H */
