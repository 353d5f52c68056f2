#ifndef PULSE_ENGINE_H
#define PULSE_ENGINE_H

#include "database.h"

/*
 * Sees to it that the database's engine runs. Where the extension is not preloaded nothing starts its background worker
 * after a restart of the server, so this program does; where no background worker can run at all it makes the ticks.
 */
struct engine;

extern struct engine *engine_open(struct loop *loop, struct database *database);
extern void engine_close(struct engine *engine);
extern void engine_connected(struct engine *engine);

#endif
