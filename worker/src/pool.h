#ifndef PULSE_POOL_H
#define PULSE_POOL_H

#include "loop.h"

/*
 * Two threads for work that blocks: fsync, compression, drawing. A job runs there and may touch only what it was given;
 * what follows runs on the loop again.
 */
struct pool;

typedef void (*pool_fn) (void *arg);

extern struct pool *pool_open(struct loop *loop);
extern void pool_close(struct pool *pool);
extern void pool_run(struct pool *pool, pool_fn work, pool_fn done, void *arg);

#endif
