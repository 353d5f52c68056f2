/* Puts the parts together, and drives start, reload and shutdown. */
#include "worker.h"

#include "answers.h"
#include "api.h"
#include "auth.h"
#include "bot.h"
#include "config.h"
#include "database.h"
#include "delivery.h"
#include "engine.h"
#include "feed.h"
#include "follow.h"
#include "leader.h"
#include "log.h"
#include "logs.h"
#include "memory.h"
#include "pace.h"
#include "peers.h"
#include "pool.h"
#include "probe.h"
#include "progress.h"
#include "resources.h"
#include "server.h"
#include "signals.h"
#include "sink.h"
#include "stream.h"
#include "systemd.h"
#include "version.h"
#include "versions.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define DRAIN_MS 5000
#define HEARTBEAT_MS 30000

struct worker
{
	const struct worker_options *options;
	struct config *config;
	struct loop *loop;
	struct signals *signals;
	struct database *database;	/* for questions */
	struct versions *versions;
	struct database *replica;	/* for questions, where [database] read_dsn names one */
	struct database *heavy[ANSWERS_HEAVY_LANES];	/* for questions that take long */
	struct answers *answers;
	struct access access;
	struct stream *stream;
	struct feed *feed;
	struct pool *pool;
	struct logs *logs;
	struct leader *leader;
	struct pace *pace;
	struct bot *bot;
	struct delivery *delivery;
	struct sinks *sinks;
	struct probes *probes;
	struct engine *engine;
	struct resources *resources;
	struct api	api;
	struct server *server;
	struct loop_timer drain_timer;
	struct loop_timer drain_check;
	struct loop_timer heartbeat_timer;
	struct loop_timer watchdog_timer;
	bool		outbox_filled;	/* with the events of this batch */
	const char *stalled;		/* a duty that did when the watchdog was due; NULL = none */
	bool		draining;
	bool		stopped;
};

static void
feed_event(void *arg, struct event *event)
{
	struct worker *worker = arg;

	stream_event(worker->stream, event);
	logs_event(worker->logs, event);
	/* What goes into the outbox comes with an alert or right after it, so the next alert is the moment to look. */
	if (event->type == EVENT_TRADE_ALERT || event->type == EVENT_SYSTEM_ALERT)
		worker->outbox_filled = true;
}

/* Looks into the outbox. */
static void
feed_repeated(void *arg)
{
	struct worker *worker = arg;

	worker->outbox_filled = false;
	delivery_wake(worker->delivery);
	sinks_wake(worker->sinks);
}

static void
feed_batch_over(void *arg)
{
	struct worker *worker = arg;

	stream_flush(worker->stream);
	follow_wake(&worker->api);
	if (worker->outbox_filled)
		feed_repeated(worker);
}

static void
feed_gap(void *arg, const char *reason)
{
	stream_gap(((struct worker *) arg)->stream, reason);
}

/* A notification that names no event. */
static void
feed_told(void *arg, const char *payload)
{
	struct worker *worker = arg;

	if (strcmp(payload, "tokens") == 0)
		auth_refresh(worker->access.auth);
}

static void
rights_changed(void *arg)
{
	struct worker *worker = arg;

	if (worker->stream != NULL)
		stream_check_rights(worker->stream);
}

static void
feed_positioned(void *arg)
{
	struct worker *worker = arg;

	answers_position(worker->answers, feed_epoch(worker->feed), feed_seq(worker->feed));
	logs_positioned(worker->logs);
}

/* Signs of life for pulse_health(): a worker that hangs or is cut off stops sending them. */
static void
heartbeat_due(void *arg)
{
	struct worker *worker = arg;
	struct text sql = {0};
	struct database_query query = {.parameters = {NULL},.parameter_count = 1};
	struct text details = {0};
	const struct database_facts *facts = database_facts(worker->database);
	const char *problem;

	loop_timer_set(worker->loop, &worker->heartbeat_timer, HEARTBEAT_MS);
	versions_look(worker->versions);
	if (!database_is_ready(worker->database) || facts->standby || !facts->has_heartbeat)
		return;
	problem = versions_problem(worker->versions);
	text_printf(&sql, "SELECT %s.pulse_heartbeat('worker', '%s', $1::jsonb, interval '90 seconds')", facts->schema,
				problem[0] != '\0' ? "WARNING" : "HEALTHY");
	text_printf(&details, "{\"version\":\"" PULSE_VERSION "\",\"clients\":%d", stream_client_count(worker->stream));
	if (problem[0] != '\0')
	{
		text_append(&details, ",\"problem\":");
		text_append_json(&details, problem);
	}
	text_append_char(&details, '}');
	query.sql = sql.data;
	query.parameters[0] = details.data;
	database_query(worker->database, &query);
	text_free(&sql);
	text_free(&details);
}

/* pulse_health() shall know at once what does not fit. */
static void
versions_changed(void *arg)
{
	struct worker *worker = arg;

	loop_timer_set(worker->loop, &worker->heartbeat_timer, 0);
}

static void
database_ready(void *arg)
{
	struct worker *worker = arg;

	loop_timer_set(worker->loop, &worker->heartbeat_timer, 0);
	engine_connected(worker->engine);
	auth_refresh(worker->access.auth);
	if (feed_is_ready(worker->feed))
		logs_positioned(worker->logs);
}

static void
watchdog_due(void *arg)
{
	struct worker *worker = arg;
	const char *stalled = progress_stalled(loop_now_ms());

	/* That the loop turns is not enough: what stands still is ended and begun anew. */
	if (stalled == NULL)
		systemd_notify("WATCHDOG=1");
	else if (worker->stalled == NULL || strcmp(stalled, worker->stalled) != 0)
		log_error("worker", "%s stands still; the service manager hears nothing from us until it goes on", stalled);
	worker->stalled = stalled;
	loop_timer_set(worker->loop, &worker->watchdog_timer, systemd_watchdog_ms());
}

/* Questions may go to a replica; without one of its own they share the connection for everything else. */
static void
open_replica(struct worker *worker)
{
	struct database_owner silent = {.arg = worker};

	if (worker->replica != NULL)
		database_set_dsn(worker->replica, worker->config->read_dsn);
	else if (strcmp(worker->config->read_dsn, worker->config->dsn) != 0)
	{
		worker->replica = database_open(worker->loop, "read", worker->config->read_dsn, &silent);
		answers_read_from(worker->answers, worker->replica);
	}
}

/* Only what one worker alone may do needs the leader's connection. */
static const char *
leader_dsn(const struct config *config)
{
	return config->telegram_enabled || config->probe_count > 0 || config->sink_count > 0 ? config->listen_dsn : NULL;
}

/* A new configuration counts as a whole or not at all. */
static void
reload(struct worker *worker)
{
	struct text errors = {0};
	struct config *config = config_load(worker->options->config_path, worker->options->environment, &errors);
	char		problem[700];
	bool		moved;

	systemd_notify("RELOADING=1");
	if (config == NULL)
	{
		for (char *line = strtok(errors.data, "\n"); line != NULL; line = strtok(NULL, "\n"))
			log_error("config", "%s", line);
		log_error("config", "the configuration was not reloaded; the old one stays in force");
		text_free(&errors);
		systemd_notify("READY=1");
		return;
	}
	moved = strcmp(config->host, worker->config->host) != 0 || config->port != worker->config->port;
	if (moved && !server_listen(worker->server, config, problem, sizeof(problem)))
	{
		log_error("config", "%s; the configuration was not reloaded", problem);
		config_free(config);
		systemd_notify("READY=1");
		return;
	}
	if (!server_configure(worker->server, config, problem, sizeof(problem)))
	{
		log_error("config", "%s; the configuration was not reloaded", problem);
		if (moved && !server_listen(worker->server, worker->config, problem, sizeof(problem)))
			log_error("config", "%s", problem);
		config_free(config);
		systemd_notify("READY=1");
		return;
	}
	auth_configure(worker->access.auth, config);
	stream_configure(worker->stream, config);
	database_set_dsn(worker->database, config->dsn);
	for (int i = 0; i < ANSWERS_HEAVY_LANES; i++)
		database_set_dsn(worker->heavy[i], config->read_dsn);
	feed_configure(worker->feed, config->listen_dsn, config->poll_interval);
	logs_configure(worker->logs, config);
	leader_configure(worker->leader, leader_dsn(config));
	bot_configure(worker->bot, config);
	delivery_configure(worker->delivery, config);
	sinks_configure(worker->sinks, config);
	probes_configure(worker->probes, config);
	resources_configure(worker->resources, config);
	config_free(worker->config);
	worker->config = config;
	open_replica(worker);
	log_info("config", "configuration reloaded");
	versions_look(worker->versions);
	systemd_notify("READY=1");
}

static void
drain_over(void *arg)
{
	((struct worker *) arg)->stopped = true;
}

static void
drain_progress(void *arg)
{
	struct worker *worker = arg;

	if (stream_client_count(worker->stream) == 0 && delivery_is_idle(worker->delivery) && bot_is_idle(worker->bot))
		worker->stopped = true;
	else
		loop_timer_set(worker->loop, &worker->drain_check, 20);
}

/* Takes no new work, finishes what is under way, says goodbye to clients; at most DRAIN_MS. */
static void
drain(struct worker *worker, int signal_number)
{
	if (worker->draining)
	{
		worker->stopped = true;
		return;
	}
	worker->draining = true;
	log_info("worker", "%s: stopping", strsignal(signal_number));
	systemd_notify("STOPPING=1");
	server_stop_listening(worker->server);
	delivery_drain(worker->delivery);
	if (signal_number == SIGUSR2)
		stream_shut_down(worker->stream, 1012, "restart");
	else
		stream_shut_down(worker->stream, 1001, "going away");
	loop_timer_set(worker->loop, &worker->drain_timer, DRAIN_MS);
	loop_timer_set(worker->loop, &worker->drain_check, 0);
}

static void
signalled(void *arg, int signal_number)
{
	struct worker *worker = arg;

	if (signal_number != SIGHUP)
		drain(worker, signal_number);
	else if (!worker->draining)
		reload(worker);
}

static int
start(struct worker *worker)
{
	struct database_owner owner = {.ready = database_ready,.arg = worker};
	struct feed_listener listener = {.event = feed_event,.batch_over = feed_batch_over,.gap = feed_gap,.told = feed_told,.repeated = feed_repeated,.positioned = feed_positioned,
		.arg = worker};
	struct database_owner silent = {.arg = worker};
	struct logs_parts logs_parts;
	char		problem[700];

	worker->loop = loop_open();
	worker->signals = worker->loop != NULL ? signals_open(worker->loop, signalled, worker) : NULL;
	if (worker->signals == NULL)
	{
		log_error("worker", "the kernel gives no descriptors");
		return EX_OSERR;
	}
	worker->drain_timer = (struct loop_timer) {.fn = drain_over,.arg = worker};
	worker->drain_check = (struct loop_timer) {.fn = drain_progress,.arg = worker};
	worker->heartbeat_timer = (struct loop_timer) {.fn = heartbeat_due,.arg = worker};
	worker->watchdog_timer = (struct loop_timer) {.fn = watchdog_due,.arg = worker};

	worker->database = database_open(worker->loop, "query", worker->config->dsn, &owner);
	for (int i = 0; i < ANSWERS_HEAVY_LANES; i++)
		worker->heavy[i] = database_open(worker->loop, "analysis", worker->config->read_dsn, &silent);
	worker->versions = versions_open(worker->database, versions_changed, worker);
	worker->answers = answers_open(worker->loop, worker->database, worker->heavy);
	open_replica(worker);
	worker->access = (struct access) {.config = worker->config,.peers = peers_open(),
		.auth = auth_open(worker->loop, worker->database, worker->config, rights_changed, worker)};
	worker->stream = stream_open(worker->loop, worker->config, worker->database, worker->answers, &worker->access);
	worker->feed = feed_open(worker->loop, worker->config->listen_dsn, worker->config->poll_interval, &listener);
	stream_set_feed(worker->stream, worker->feed);
	worker->pool = pool_open(worker->loop);
	logs_parts = (struct logs_parts) {.loop = worker->loop,.pool = worker->pool,.database = worker->database,.feed = worker->feed};
	worker->logs = logs_open(&logs_parts, worker->config);
	worker->engine = engine_open(worker->loop, worker->database);
	worker->resources = resources_open(worker->loop, worker->database, worker->config);
	worker->leader = leader_open(worker->loop);
	worker->pace = pace_open();
	worker->bot = bot_open(worker->loop, worker->leader, worker->pool, worker->pace, worker->config);
	worker->delivery = delivery_open(worker->loop, worker->leader, worker->logs, worker->pace, worker->config);
	delivery_set_bot(worker->delivery, worker->bot);
	worker->sinks = sinks_open(worker->loop, worker->leader, worker->logs, worker->config);
	worker->probes = probes_open(worker->loop, worker->leader, worker->config);
	leader_configure(worker->leader, leader_dsn(worker->config));
	worker->api = (struct api) {.loop = worker->loop,.access = &worker->access,.answers = worker->answers,.database = worker->database,.versions = worker->versions,.stream = worker->stream,
		.feed = worker->feed,.delivery = worker->delivery,.probes = worker->probes,.bot = worker->bot,.sinks = worker->sinks,.logs = worker->logs,
		.dashboard_directory = worker->options->dashboard_directory,
		.started_at = loop_now()};
	worker->server = server_open(worker->loop, worker->config, worker->stream, &worker->api, &worker->access, problem, sizeof(problem));
	if (worker->server == NULL)
	{
		log_error("worker", "%s", problem);
		return EX_SOFTWARE;
	}
	if (!server_listen(worker->server, worker->config, problem, sizeof(problem)))
	{
		log_error("worker", "%s", problem);
		return EX_UNAVAILABLE;
	}
	loop_timer_set(worker->loop, &worker->heartbeat_timer, HEARTBEAT_MS);
	if (systemd_watchdog_ms() > 0)
		watchdog_due(worker);
	return EX_OK;
}

static void
stop(struct worker *worker)
{
	/* The server goes first: closing its connections calls into the stream and the API. */
	server_close(worker->server);
	pool_close(worker->pool);
	bot_close(worker->bot);
	delivery_close(worker->delivery);
	pace_close(worker->pace);
	sinks_close(worker->sinks);
	probes_close(worker->probes);
	leader_close(worker->leader);
	engine_close(worker->engine);
	resources_close(worker->resources);
	logs_close(worker->logs);
	feed_close(worker->feed);
	stream_close(worker->stream);
	answers_close(worker->answers);
	versions_close(worker->versions);
	auth_close(worker->access.auth);
	peers_close(worker->access.peers);
	for (int i = 0; i < ANSWERS_HEAVY_LANES; i++)
		database_close(worker->heavy[i]);
	database_close(worker->replica);
	database_close(worker->database);
	signals_close(worker->signals);
	loop_close(worker->loop);
	config_free(worker->config);
}

/* Runs the daemon until it is told to stop; returns the exit status. */
int
worker_run(const struct worker_options *options)
{
	struct worker worker = {.options = options};
	struct text errors = {0};
	int			status;

	worker.config = config_load(options->config_path, options->environment, &errors);
	if (worker.config == NULL)
	{
		for (char *line = strtok(errors.data, "\n"); line != NULL; line = strtok(NULL, "\n"))
			log_error("config", "%s", line);
		text_free(&errors);
		return EX_CONFIG;
	}
	log_info("worker", "pulse-worker " PULSE_VERSION " starting");
	status = start(&worker);
	if (status == EX_OK)
	{
		systemd_notify("READY=1");
		while (!worker.stopped)
			server_service(worker.server);
		log_info("worker", "stopped");
	}
	stop(&worker);
	return status;
}
