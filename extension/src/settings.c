/*
 * Definition of the settings pulse.*.
 *
 * All but pulse.databases may be set for one database with ALTER DATABASE: a background worker obeys those too.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "src/settings.h"

bool		pulse_capture_enabled = true;
char	   *pulse_databases = NULL;
int			pulse_poll_interval = 1000;
int			pulse_max_tick_rate = 20;
int			pulse_performance_interval = 1000;
int			pulse_health_interval = 30000;
int			pulse_tick_timeout = 60000;
int			pulse_job_timeout = 30000;
int			pulse_tick_batch = 10000;
int			pulse_notify_max_age = 15 * 60;
int			pulse_event_retention = 7 * 24 * 60;
int			pulse_health_retention = 30 * 24 * 60;
int			pulse_delivery_retention = 30 * 24 * 60;
int			pulse_yield_limit = 5000;

/* Defines every setting; called once, when the library is loaded. */
void
pulse_define_settings(void)
{
	DefineCustomBoolVariable("pulse.capture",
							 "Records changes of followed tables.",
							 "An emergency brake: what is changed while it is off is noticed only by a rebuild.",
							 &pulse_capture_enabled, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("pulse.databases",
							   "Databases in which the launcher keeps a background worker running.",
							   "A comma-separated list of names; needs pulse in shared_preload_libraries.",
							   &pulse_databases, "",
							   PGC_SIGHUP, GUC_LIST_INPUT, NULL, NULL, NULL);
	DefineCustomIntVariable("pulse.delivery_retention",
							"How long finished deliveries are kept.",
							"0 keeps them for ever.",
							&pulse_delivery_retention, 30 * 24 * 60, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable("pulse.event_retention",
							"How long events are kept.",
							"A client that was away for longer starts again from a snapshot. 0 keeps them for ever.",
							&pulse_event_retention, 7 * 24 * 60, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable("pulse.health_interval",
							"Longest time between two HEALTH_UPDATE events while nothing changes.",
							NULL,
							&pulse_health_interval, 30000, 1000, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("pulse.health_retention",
							"How long health samples are kept.",
							"0 keeps them for ever.",
							&pulse_health_retention, 30 * 24 * 60, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MIN, NULL, NULL, NULL);
	DefineCustomIntVariable("pulse.job_timeout",
							"Time after which a job is cancelled.",
							"It counts as failed and is tried again later. 0 means never.",
							&pulse_job_timeout, 30000, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("pulse.max_tick_rate",
							"Largest number of ticks per second.",
							"The first change after a pause is processed at once, those that follow are collected.",
							&pulse_max_tick_rate, 20, 1, 1000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pulse.notify_max_age",
							"Age from which a fill is no longer announced by a message.",
							"It still gets its event; an import of past trades sends nothing.",
							&pulse_notify_max_age, 15 * 60, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("pulse.performance_interval",
							"Shortest time between two PERFORMANCE_UPDATE events of a portfolio.",
							NULL,
							&pulse_performance_interval, 1000, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("pulse.poll_interval",
							"Time between two looks at the database when nothing wakes the background worker.",
							NULL,
							&pulse_poll_interval, 1000, 100, 3600 * 1000,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("pulse.tick_batch",
							"Largest number of changes, and of events of one kind, that one tick takes on.",
							"What is left is taken on by the next tick at once; smaller batches make shorter transactions.",
							&pulse_tick_batch, 10000, 1, 1000000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pulse.tick_timeout",
							"Time after which the background worker gives up a transaction of a tick.",
							"0 means never.",
							&pulse_tick_timeout, 60000, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);

	DefineCustomIntVariable("pulse.yield_limit",
							"How far the background worker may fall behind to leave the processors to others.",
							"Where the machine is busy to its last processor and changes come faster than they can be processed beside that. 0 means that it never gives way.",
							&pulse_yield_limit, 5000, 0, 3600 * 1000,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);

	MarkGUCPrefixReserved("pulse");
}
