#include "engine.h"

#include "log.h"
#include "memory.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS 10000
#define TICK_MS 1000
#define TICK_TIMEOUT_MS 300000
#define TICKS_BETWEEN_LOOKS 30

struct engine
{
	struct loop *loop;
	struct database *database;
	struct loop_timer timer;
	bool		busy;
	bool		ticking;		/* no background worker can run, so the ticks come from here */
	int			ticks;			/* since the last look */
	char		problem[200];	/* said already */
};

static void
complain_once(struct engine *engine, const char *what, const char *message)
{
	char		problem[200];

	snprintf(problem, sizeof(problem), "%s: %s", what, message);
	if (strcmp(problem, engine->problem) != 0)
		log_warning("engine", "%s", problem);
	snprintf(engine->problem, sizeof(engine->problem), "%s", problem);
}

static void
ask(struct engine *engine, const char *select, const char *function, int timeout_ms, database_reply_fn reply)
{
	struct text sql = {0};
	struct database_query query = {.timeout_ms = timeout_ms,.reply = reply,.arg = engine};

	text_printf(&sql, "SELECT %s %s.%s()", select, database_facts(engine->database)->schema, function);
	query.sql = sql.data;
	engine->busy = database_query(engine->database, &query);
	text_free(&sql);
}

static void
ticked(void *arg, const struct database_reply *reply)
{
	struct engine *engine = arg;

	engine->busy = false;
	if (reply->result == NULL && strcmp(reply->sqlstate, "08000") != 0)
		complain_once(engine, "a tick failed", reply->message);
}

static void
started(void *arg, const struct database_reply *reply)
{
	struct engine *engine = arg;

	engine->busy = false;
	if (reply->result != NULL)
	{
		log_info("engine", "started the background worker of the database");
		engine->ticking = false;
		return;
	}
	if (strcmp(reply->sqlstate, "08000") == 0)
		return;
	complain_once(engine, "the background worker cannot be started, so the ticks are made from here", reply->message);
	engine->ticking = true;
	engine->ticks = 0;
	loop_timer_set(engine->loop, &engine->timer, TICK_MS);
}

static void
looked(void *arg, const struct database_reply *reply)
{
	struct engine *engine = arg;
	const char *state;

	engine->busy = false;
	if (reply->result == NULL)
	{
		/* A role that may only read cannot look after the engine, and need not. */
		if (strcmp(reply->sqlstate, "08000") != 0)
			complain_once(engine, "the engine is not looked after", reply->message);
		return;
	}
	state = PQgetvalue(reply->result, 0, 0);
	if (strcmp(state, "absent") == 0)
		ask(engine, "", "pulse_worker_start", 0, started);
	else
	{
		/* One that was stopped by pulse_worker_stop() stays stopped. */
		engine->ticking = false;
		engine->problem[0] = '\0';
	}
}

static void
timer_due(void *arg)
{
	struct engine *engine = arg;

	loop_timer_set(engine->loop, &engine->timer, engine->ticking ? TICK_MS : LOOK_MS);
	if (engine->busy || !database_is_ready(engine->database) || database_facts(engine->database)->standby)
		return;
	if (engine->ticking && engine->ticks++ < TICKS_BETWEEN_LOOKS)
	{
		ask(engine, "", "pulse_tick", TICK_TIMEOUT_MS, ticked);
		return;
	}
	engine->ticks = 0;
	ask(engine, "state FROM", "pulse_worker_status", 0, looked);
}

/* Begins to look after the engine of the connection's database. */
struct engine *
engine_open(struct loop *loop, struct database *database)
{
	struct engine *engine = memory_alloc_zero(sizeof(*engine));

	engine->loop = loop;
	engine->database = database;
	engine->timer = (struct loop_timer) {.fn = timer_due,.arg = engine};
	loop_timer_set(loop, &engine->timer, LOOK_MS);
	return engine;
}

/* Stops looking. */
void
engine_close(struct engine *engine)
{
	if (engine == NULL)
		return;
	loop_timer_cancel(engine->loop, &engine->timer);
	database_forget(engine->database, engine);
	free(engine);
}

/* Looks at once, after the connection was made. */
void
engine_connected(struct engine *engine)
{
	engine->busy = false;
	loop_timer_set(engine->loop, &engine->timer, 0);
}
