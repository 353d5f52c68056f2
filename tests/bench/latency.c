/*
 * How long after a bot's INSERT a listener and a WebSocket client know of it, beside a bare pg_notify round trip and beside
 * a trigger with pg_notify, npm pg and npm ws.
 *
 *   latency idle DSN PORT RIVAL-PORT SAMPLES PAUSE-MS    one INSERT at a time into a quiet system, all kinds by turns
 *   latency hop DSN PORT SAMPLES PAUSE-MS                the WebSocket beside a libpq client that reads the same events
 *   latency load DSN PORT ROWS-PER-SECOND SECONDS ROWS-PER-TRANSACTION
 *                                                        INSERTs on a fixed schedule; counts what comes
 *
 * One thread, raw clock: times are taken around poll() on the sockets, so that no client library's scheduling is measured.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#define GIVE_UP_MS 5000
#define SETTLE_US 1000000
#define MAX_ROWS 10000000
/* Statements of the loader that wait for their answers; more than ever wait unless the server cannot keep up. */
#define MAX_UNANSWERED 4096

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "latency: %s: %s\n", what, why);
	exit(1);
}

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

static int
ascending(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static double
quantile(const double *sorted, int n, double q)
{
	double		position = q * (n - 1);
	int			below = (int) position;

	return below + 1 < n ? sorted[below] + (position - below) * (sorted[below + 1] - sorted[below]) : sorted[n - 1];
}

/* Times of one kind. */
typedef struct
{
	const char *title;
	double	   *times;
	int			count;
	double		p50;
	double		p99;
} Series;

static void
open_series(Series *series, const char *title, int room)
{
	series->title = title;
	series->count = 0;
	series->times = malloc(sizeof(double) * (size_t) room);
	if (series->times == NULL)
		fail("memory", "none left");
}

static void
print_heading(void)
{
	printf("%-44s %9s %9s %9s %9s\n", "milliseconds", "p50", "p90", "p99", "max");
}

static void
print_series(Series *series)
{
	qsort(series->times, (size_t) series->count, sizeof(double), ascending);
	series->p50 = quantile(series->times, series->count, 0.5);
	series->p99 = quantile(series->times, series->count, 0.99);
	printf("%-44s %9.3f %9.3f %9.3f %9.3f\n", series->title, series->p50, quantile(series->times, series->count, 0.9),
		   series->p99, series->times[series->count - 1]);
}

/* The database ---------------------------------------------------------------------------------------------------- */

static PGconn *
connect_database(const char *dsn)
{
	PGconn	   *connection = PQconnectdb(dsn);

	if (PQstatus(connection) != CONNECTION_OK)
		fail("connection", PQerrorMessage(connection));
	return connection;
}

static void
check_result(PGconn *connection, PGresult *result, const char *what)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_PIPELINE_SYNC)
		fail(what, PQerrorMessage(connection));
	PQclear(result);
}

static void
execute(PGconn *connection, const char *sql)
{
	check_result(connection, PQexec(connection, sql), sql);
}

/* True when a notification came in on the channel; all that came are taken. */
static bool
notified(PGconn *listener, const char *channel)
{
	PGnotify   *notification;
	bool		found = false;

	if (!PQconsumeInput(listener))
		fail("listener", PQerrorMessage(listener));
	while ((notification = PQnotifies(listener)) != NULL)
	{
		if (strcmp(notification->relname, channel) == 0)
			found = true;
		PQfreemem(notification);
	}
	return found;
}

/* True when the statement has been answered, which for an INSERT is when it has committed. */
static bool
answered(PGconn *connection)
{
	PGresult   *result;

	if (!PQconsumeInput(connection))
		fail("connection", PQerrorMessage(connection));
	if (PQisBusy(connection))
		return false;
	while ((result = PQgetResult(connection)) != NULL)
		check_result(connection, result, "statement");
	return true;
}

/* The WebSocket: bytes as they came, cut into frames -------------------------------------------------------------- */

typedef struct
{
	int			fd;
	size_t		length;
	unsigned char bytes[4 << 20];
} WebSocket;

static WebSocket pulse;
static WebSocket rival;

static void
open_websocket(WebSocket *websocket, int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char		request[256];
	int			one = 1;
	unsigned char *end;

	websocket->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (websocket->fd < 0 || connect(websocket->fd, (struct sockaddr *) &address, sizeof(address)) != 0)
		fail("WebSocket", strerror(errno));
	setsockopt(websocket->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", port);
	if (write(websocket->fd, request, strlen(request)) != (ssize_t) strlen(request))
		fail("WebSocket", "cannot write");
	for (;;)
	{
		ssize_t		n = read(websocket->fd, websocket->bytes + websocket->length, sizeof(websocket->bytes) - websocket->length - 1);

		if (n <= 0)
			fail("WebSocket", "closed during the handshake");
		websocket->length += (size_t) n;
		websocket->bytes[websocket->length] = 0;
		end = (unsigned char *) strstr((char *) websocket->bytes, "\r\n\r\n");
		if (end != NULL)
			break;
	}
	if (strncmp((char *) websocket->bytes, "HTTP/1.1 101", 12) != 0)
		fail("WebSocket", "the server does not upgrade");
	end += 4;
	websocket->length -= (size_t) (end - websocket->bytes);
	memmove(websocket->bytes, end, websocket->length);
}

/* Reads what there is and calls take for each whole text frame. */
static void
read_websocket(WebSocket *websocket, void (*take) (const char *text, size_t length, void *arg), void *arg)
{
	size_t		start = 0;
	ssize_t		n = read(websocket->fd, websocket->bytes + websocket->length, sizeof(websocket->bytes) - websocket->length);

	if (n <= 0)
		fail("WebSocket", "closed by the server");
	websocket->length += (size_t) n;
	for (;;)
	{
		unsigned char *frame = websocket->bytes + start;
		size_t		have = websocket->length - start;
		size_t		header = 2;
		uint64_t	size;

		if (have < header)
			break;
		size = frame[1] & 0x7f;
		if (size == 126)
			header = 4;
		else if (size == 127)
			header = 10;
		if (have < header)
			break;
		if (header > 2)
		{
			size = 0;
			for (size_t i = 2; i < header; i++)
				size = size << 8 | frame[i];
		}
		if (size > sizeof(websocket->bytes) - header)
			fail("WebSocket", "a frame is too large");
		if (have < header + size)
			break;
		if ((frame[0] & 0x0f) == 9)
		{
			const unsigned char pong[6] = {0x8a, 0x80, 0, 0, 0, 0};

			if (write(websocket->fd, pong, sizeof(pong)) != sizeof(pong))
				fail("WebSocket", "cannot write");
		}
		else if ((frame[0] & 0x0f) == 1)
			take((const char *) frame + header, size, arg);
		start += header + size;
	}
	websocket->length -= start;
	memmove(websocket->bytes, websocket->bytes + start, websocket->length);
}

typedef struct
{
	const char *words;
	bool		found;
} Search;

static void
search_text(const char *text, size_t length, void *arg)
{
	Search	   *search = arg;

	if (memmem(text, length, search->words, strlen(search->words)) != NULL)
		search->found = true;
}

/* Reads what there is; true when one of the frames contains the words. */
static bool
websocket_has(WebSocket *websocket, const char *words)
{
	Search		search = {words, false};

	read_websocket(websocket, search_text, &search);
	return search.found;
}

/* One INSERT at a time -------------------------------------------------------------------------------------------- */

/* The signs of a statement that are waited for, and when each was seen; 0: not waited for, or not yet seen. */
typedef struct
{
	const char *sql;
	const char *channel;		/* for the listener */
	WebSocket  *websocket;		/* NULL: no message is expected */
	const char *words;			/* that the message contains */
	PGconn	   *reader;			/* NULL, or who reads the events as soon as it has been notified */
	double		reply;
	double		notify;
	double		message;
	double		read;
} Sample;

static PGconn *writer;
static PGconn *listener;

static const char *const insert = "INSERT INTO %s (symbol, side, quantity, price, fee, fill_id) "
"VALUES ('BTCUSDT', '%s', 0.1, %d, 0.05, '%s %d')";

/* The statement that the worker sends, for those that came since the last time. */
static void
send_read(PGconn *reader)
{
	if (!PQsendQueryPrepared(reader, "read", 0, NULL, NULL, NULL, 0))
		fail("reader", PQerrorMessage(reader));
}

static void
take_sample(Sample *sample)
{
	double		begin = now_ms();
	bool		reading = false;

	if (!PQsendQuery(writer, sample->sql))
		fail("writer", PQerrorMessage(writer));
	while (sample->reply == 0 || sample->notify == 0 || (sample->websocket != NULL && sample->message == 0) ||
		   (sample->reader != NULL && sample->read == 0))
	{
		struct pollfd fds[4] = {
			{.fd = PQsocket(writer), .events = POLLIN},
			{.fd = PQsocket(listener), .events = POLLIN},
			{.fd = sample->websocket != NULL ? sample->websocket->fd : -1, .events = POLLIN},
			{.fd = sample->reader != NULL ? PQsocket(sample->reader) : -1, .events = POLLIN},
		};
		double		at;

		if (poll(fds, 4, GIVE_UP_MS) <= 0)
			fail(sample->sql, sample->notify == 0 ? "no notification came" : "no message came");
		at = now_ms() - begin;
		if (fds[3].revents != 0)
		{
			if (reading && answered(sample->reader))
			{
				sample->read = at;
				reading = false;
			}
			if (!reading && sample->read == 0 && notified(sample->reader, sample->channel))
			{
				send_read(sample->reader);
				reading = true;
			}
		}
		if (fds[0].revents != 0 && answered(writer) && sample->reply == 0)
			sample->reply = at;
		if (fds[1].revents != 0 && notified(listener, sample->channel) && sample->notify == 0)
			sample->notify = at;
		if (fds[2].revents != 0 && websocket_has(sample->websocket, sample->words) && sample->message == 0)
			sample->message = at;
	}
}

/* Lets what the last sample has left behind come to its end, and takes what came meanwhile. */
static void
rest(int pause_ms, PGconn *reader)
{
	/* apart by more than the pause between two ticks and never in step with it: each sample meets a quiet system */
	double		end = now_ms() + pause_ms + rand() % 10;

	for (;;)
	{
		struct pollfd fds[4] = {
			{.fd = PQsocket(listener), .events = POLLIN},
			{.fd = pulse.fd, .events = POLLIN},
			{.fd = rival.fd > 0 ? rival.fd : -1, .events = POLLIN},
			{.fd = reader != NULL ? PQsocket(reader) : -1, .events = POLLIN},
		};
		double		left = end - now_ms();

		if (left <= 0)
			return;
		if (poll(fds, 4, (int) left + 1) <= 0)
			continue;
		if (fds[0].revents != 0)
			(void) notified(listener, "");
		if (fds[1].revents != 0)
			(void) websocket_has(&pulse, "\x01");
		if (fds[2].revents != 0)
			(void) websocket_has(&rival, "\x01");
		if (fds[3].revents != 0)
			(void) notified(reader, "");
	}
}

static void
measure_idle(const char *dsn, int port, int rival_port, int samples, int pause_ms)
{
	Series		bare, reply, notify, message, rival_message;

	writer = connect_database(dsn);
	listener = connect_database(dsn);
	execute(listener, "LISTEN pulse");
	execute(listener, "LISTEN bare");
	execute(listener, "LISTEN rival");
	open_websocket(&pulse, port);
	open_websocket(&rival, rival_port);
	open_series(&bare, "pg_notify -> listener", samples);
	open_series(&reply, "INSERT -> its answer", samples);
	open_series(&notify, "INSERT -> listener on pulse", samples);
	open_series(&message, "INSERT -> pulse-worker's WebSocket", samples);
	open_series(&rival_message, "INSERT -> pg_notify, npm pg, npm ws", samples);
	for (int i = -10; i < samples; i++)
	{
		char		sql[512];
		char		words[64];
		Sample		one = {.sql = "SELECT pg_notify('bare', '')", .channel = "bare"};
		Sample		ours = {.sql = sql, .channel = "pulse", .websocket = &pulse, .words = words};
		Sample		theirs = {.sql = sql, .channel = "rival", .websocket = &rival, .words = words};

		rest(pause_ms, NULL);
		take_sample(&one);
		snprintf(words, sizeof(words), "\"idle %d\"", i);
		rest(pause_ms, NULL);
		snprintf(sql, sizeof(sql), insert, "rival", i % 2 ? "SELL" : "BUY", 60000 + i % 100, "idle", i);
		take_sample(&theirs);
		rest(pause_ms, NULL);
		snprintf(sql, sizeof(sql), insert, "trades", i % 2 ? "SELL" : "BUY", 60000 + i % 100, "idle", i);
		take_sample(&ours);
		if (i < 0)
			continue;			/* everybody's caches are filled */
		bare.times[bare.count++] = one.notify;
		reply.times[reply.count++] = ours.reply;
		notify.times[notify.count++] = ours.notify;
		message.times[message.count++] = ours.message;
		rival_message.times[rival_message.count++] = theirs.message;
	}
	print_heading();
	print_series(&bare);
	print_series(&reply);
	print_series(&notify);
	print_series(&message);
	print_series(&rival_message);
	printf("p50 %.2f x that of npm (goal at most 1.5), p99 %.2f x (goal 0.6); p50 %.3f ms (goal 1.5)\n",
		   message.p50 / rival_message.p50, message.p99 / rival_message.p99, message.p50);
}

static void
measure_hop(const char *dsn, int port, int samples, int pause_ms)
{
	Series		read, message, difference;
	PGconn	   *reader = connect_database(dsn);

	writer = connect_database(dsn);
	listener = connect_database(dsn);
	execute(listener, "LISTEN pulse");
	execute(reader, "LISTEN pulse");
	execute(reader, "PREPARE read AS SELECT seq, epoch, ts, type, portfolio, key, priority, data FROM pulse.event"
			" WHERE seq > (SELECT seq - 1 FROM pulse.sequencer) ORDER BY seq LIMIT 500");
	open_websocket(&pulse, port);
	open_series(&read, "INSERT -> a libpq listener that reads events", samples);
	open_series(&message, "INSERT -> pulse-worker's WebSocket", samples);
	open_series(&difference, "the second after the first", samples);
	for (int i = -10; i < samples; i++)
	{
		char		sql[512];
		char		words[64];
		Sample		sample = {.sql = sql, .channel = "pulse", .websocket = &pulse, .words = words, .reader = reader};

		rest(pause_ms, reader);
		snprintf(words, sizeof(words), "\"hop %d\"", i);
		snprintf(sql, sizeof(sql), insert, "trades", i % 2 ? "SELL" : "BUY", 60000 + i % 100, "hop", i);
		take_sample(&sample);
		if (i < 0)
			continue;
		read.times[read.count++] = sample.read;
		message.times[message.count++] = sample.message;
		difference.times[difference.count++] = sample.message - sample.read;
	}
	print_heading();
	print_series(&read);
	print_series(&message);
	print_series(&difference);
	printf("p50 of the WebSocket %.0f us above the listener (goal at most 50)\n", 1000 * (message.p50 - read.p50));
}

/* Many INSERTs ---------------------------------------------------------------------------------------------------- */

/*
 * Sends rows by the clock, however slowly they are answered; so many at a time are a transaction, and each says when that
 * was due.
 */
static void
send_rows(const char *dsn, int per_second, int rows, int per_transaction)
{
	PGconn	   *connection = connect_database(dsn);
	double		begin;
	int			sent = 0;
	int			done = 0;

	execute(connection, "PREPARE load AS INSERT INTO trades (symbol, side, quantity, price, fee, fill_id)"
			" VALUES ('ETHUSDT', CASE WHEN $1::int8 % 2 = 0 THEN 'BUY' ELSE 'SELL' END, 1, 3000, 0.1, 'load ' || $2)");
	/* a position that is added to and taken from, as a market maker's: not a round trip with every second fill */
	execute(connection, "INSERT INTO trades (symbol, side, quantity, price, fee, fill_id) VALUES ('ETHUSDT', 'BUY', 100, 3000, 0.1, 'load')");
	if (!PQenterPipelineMode(connection) || PQsetnonblocking(connection, 1) != 0)
		fail("loader", PQerrorMessage(connection));
	begin = now_ms();
	while (done < rows)
	{
		struct pollfd fd = {.fd = PQsocket(connection), .events = POLLIN};
		int			due = (int) ((now_ms() - begin) * per_second / 1000);
		PGresult   *result;

		due = due > rows ? rows : due - due % per_transaction;
		for (; sent < due && sent - done < MAX_UNANSWERED; sent++)
		{
			char		number[24];
			char		at[40];
			const char *values[] = {number, at};

			snprintf(number, sizeof(number), "%d", sent);
			snprintf(at, sizeof(at), "%d@%.3f", sent, begin + (double) (sent - sent % per_transaction + per_transaction) * 1000 / per_second);
			/* what lies between two syncs is one transaction */
			if (!PQsendQueryPrepared(connection, "load", 2, values, NULL, NULL, 0) ||
				((sent + 1) % per_transaction == 0 && !PQpipelineSync(connection)))
				fail("loader", PQerrorMessage(connection));
		}
		if (PQflush(connection) > 0)
			fd.events |= POLLOUT;
		(void) poll(&fd, 1, 1);
		if (!PQconsumeInput(connection))
			fail("loader", PQerrorMessage(connection));
		while (!PQisBusy(connection) && done < sent)
		{
			result = PQgetResult(connection);
			if (result == NULL)
				continue;
			if (PQresultStatus(result) == PGRES_PIPELINE_SYNC)
				done += per_transaction;
			check_result(connection, result, "INSERT");
		}
	}
	printf("%d rows in %.2f s\n", rows, (now_ms() - begin) / 1000);
	PQfinish(connection);
}

typedef struct
{
	Series		series;
	bool	   *seen;
	int			rows;
	int			missing;
	int			twice;
	uint64_t	last_seq;
	int			gaps;
} Load;

/* Takes a message about a row of the loader. */
static void
take_loaded(const char *text, size_t length, void *arg)
{
	Load	   *load = arg;
	const char *word = memmem(text, length, "\"load ", 6);
	const char *seq = memmem(text, length, "\"seq\":", 6);
	const char *previous = memmem(text, length, "\"prev_seq\":", 11);
	uint64_t	number = seq != NULL ? strtoull(seq + 6, NULL, 10) : 0;
	int			row;
	double		at;

	if (previous != NULL && previous[11] != 'n' && load->last_seq != 0 && strtoull(previous + 11, NULL, 10) != load->last_seq)
		load->gaps++;
	if (previous != NULL && number != 0)
		load->last_seq = number;
	if (word == NULL || sscanf(word + 6, "%d@%lf", &row, &at) != 2 || row < 0 || row >= load->rows)
		return;
	/* a portfolio's state and a snapshot show fills too */
	if (memmem(text, length, "\"type\":\"TRADE_ALERT\"", 20) == NULL)
		return;
	if (load->seen[row])
	{
		load->twice++;
		return;
	}
	load->seen[row] = true;
	load->missing--;
	load->series.times[load->series.count++] = now_ms() - at;
}

static void
measure_load(const char *dsn, int port, int per_second, int seconds, int per_transaction)
{
	int			rows = per_second * seconds / per_transaction * per_transaction;
	Load		load = {.rows = rows, .missing = rows};
	pid_t		loader;
	int			status;

	open_series(&load.series, "INSERT due -> pulse-worker's WebSocket", load.rows);
	load.seen = calloc((size_t) load.rows, sizeof(bool));
	if (load.seen == NULL)
		fail("memory", "none left");
	open_websocket(&pulse, port);
	/* a new client may still say where it wants to go on from: what comes meanwhile waits for that */
	usleep(SETTLE_US);
	fflush(stdout);
	loader = fork();
	if (loader == 0)
	{
		send_rows(dsn, per_second, load.rows, per_transaction);
		exit(0);
	}
	while (load.missing > 0)
	{
		struct pollfd fd = {.fd = pulse.fd, .events = POLLIN};

		if (poll(&fd, 1, GIVE_UP_MS) <= 0)
			break;
		read_websocket(&pulse, take_loaded, &load);
	}
	if (waitpid(loader, &status, 0) != loader || status != 0)
		fail("loader", "failed");
	if (load.series.count == 0)
		fail("load", "nothing came");
	print_heading();
	print_series(&load.series);
	printf("%d rows/s, %d a transaction, for %d s: p99 %.1f ms (goal at most 100); %d of %d came, %d lost, %d twice, %d breaks of prev_seq\n",
		   per_second, per_transaction, seconds, load.series.p99, load.series.count, load.rows, load.missing, load.twice, load.gaps);
	if (load.missing + load.twice + load.gaps > 0)
		exit(1);
}

/* A number of the command line. */
static int
number(const char *word, int least, int most)
{
	int			value = atoi(word);

	if (value < least || value > most)
		fail(word, "out of range");
	return value;
}

int
main(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[1], "idle") == 0)
		measure_idle(argv[2], number(argv[3], 1, 65535), number(argv[4], 1, 65535), number(argv[5], 1, 100000), number(argv[6], 0, 60000));
	else if (argc == 6 && strcmp(argv[1], "hop") == 0)
		measure_hop(argv[2], number(argv[3], 1, 65535), number(argv[4], 1, 100000), number(argv[5], 0, 60000));
	else if (argc == 7 && strcmp(argv[1], "load") == 0)
		measure_load(argv[2], number(argv[3], 1, 65535), number(argv[4], 1, 100000), number(argv[5], 1, MAX_ROWS / number(argv[4], 1, 100000)),
					 number(argv[6], 1, MAX_UNANSWERED));
	else
		fail("usage", "latency idle|hop|load DSN PORT …, see the head of latency.c");
	return 0;
}
