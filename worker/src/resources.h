#ifndef PULSE_RESOURCES_H
#define PULSE_RESOURCES_H

#include "config.h"
#include "database.h"

/* Watches this machine and reports it as a component of pulse_health(). */
struct resources;

extern struct resources *resources_open(struct loop *loop, struct database *database, const struct config *config);
extern void resources_configure(struct resources *resources, const struct config *config);
extern void resources_close(struct resources *resources);

#endif
