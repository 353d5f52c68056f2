/*
 * How long after a bot's INSERT a listener and a WebSocket client know of it, beside a bare pg_notify round trip.
 *
 * One process, one thread, raw clock: times are taken around poll() on the writer's, the listener's and the WebSocket's
 * sockets, so that no client library's scheduling is measured. Bare and real samples alternate.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#define GIVE_UP_MS 5000

enum
{
	BARE_NOTIFY,
	INSERT_REPLY,
	INSERT_LISTENER,
	INSERT_WEBSOCKET,
	SERIES
};

static const char *const titles[SERIES] = {
	"bare pg_notify -> listener",
	"INSERT -> commit reply",
	"INSERT -> listener on pulse",
	"INSERT -> WebSocket TRADE_ALERT",
};

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

static PGconn *
connect_database(const char *dsn)
{
	PGconn *connection = PQconnectdb(dsn);

	if (PQstatus(connection) != CONNECTION_OK)
		fail("connection", PQerrorMessage(connection));
	return connection;
}

static void
execute(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		fail(sql, PQerrorMessage(connection));
	PQclear(result);
}

/* The WebSocket: bytes as they came, cut into frames. */
typedef struct
{
	int			fd;
	size_t		length;
	unsigned char bytes[4 << 20];
} WebSocket;

static WebSocket websocket;

static void
open_websocket(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t) port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	char		request[256];
	int			one = 1;
	unsigned char *end;

	websocket.fd = socket(AF_INET, SOCK_STREAM, 0);
	if (websocket.fd < 0 || connect(websocket.fd, (struct sockaddr *) &address, sizeof(address)) != 0)
		fail("WebSocket", strerror(errno));
	setsockopt(websocket.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
			 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n", port);
	if (write(websocket.fd, request, strlen(request)) != (ssize_t) strlen(request))
		fail("WebSocket", "cannot write");
	for (;;)
	{
		ssize_t		n = read(websocket.fd, websocket.bytes + websocket.length, sizeof(websocket.bytes) - websocket.length - 1);

		if (n <= 0)
			fail("WebSocket", "closed during the handshake");
		websocket.length += (size_t) n;
		websocket.bytes[websocket.length] = 0;
		end = (unsigned char *) strstr((char *) websocket.bytes, "\r\n\r\n");
		if (end != NULL)
			break;
	}
	if (strncmp((char *) websocket.bytes, "HTTP/1.1 101", 12) != 0)
		fail("WebSocket", "the server does not upgrade");
	end += 4;
	websocket.length -= (size_t) (end - websocket.bytes);
	memmove(websocket.bytes, end, websocket.length);
}

/* Reads what there is; true when one of the text frames contains the words. */
static bool
websocket_has(const char *words)
{
	bool		found = false;
	size_t		start = 0;
	ssize_t		n = read(websocket.fd, websocket.bytes + websocket.length, sizeof(websocket.bytes) - websocket.length);

	if (n <= 0)
		fail("WebSocket", "closed by the server");
	websocket.length += (size_t) n;
	for (;;)
	{
		unsigned char *frame = websocket.bytes + start;
		size_t		have = websocket.length - start;
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
		if (size > sizeof(websocket.bytes) - header)
			fail("WebSocket", "a frame is too large");
		if (have < header + size)
			break;
		if ((frame[0] & 0x0f) == 9)
		{
			const unsigned char pong[6] = {0x8a, 0x80, 0, 0, 0, 0};

			if (write(websocket.fd, pong, sizeof(pong)) != sizeof(pong))
				fail("WebSocket", "cannot write");
		}
		else if ((frame[0] & 0x0f) == 1 && memmem(frame + header, size, words, strlen(words)) != NULL)
			found = true;
		start += header + size;
	}
	websocket.length -= start;
	memmove(websocket.bytes, websocket.bytes + start, websocket.length);
	return found;
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

/* True when the writer's statement has been answered, which is when it has committed. */
static bool
answered(PGconn *writer)
{
	PGresult   *result;

	if (!PQconsumeInput(writer))
		fail("writer", PQerrorMessage(writer));
	if (PQisBusy(writer))
		return false;
	while ((result = PQgetResult(writer)) != NULL)
	{
		ExecStatusType status = PQresultStatus(result);

		if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
			fail("writer", PQerrorMessage(writer));
		PQclear(result);
	}
	return true;
}

/* Sends one statement and takes the time until each of the wanted signs of it. */
static void
sample(PGconn *writer, PGconn *listener, const char *sql, const char *channel, const char *words, double *reply,
	   double *notify, double *message)
{
	double		begin = now_ms();

	*reply = *notify = *message = -1;
	if (!PQsendQuery(writer, sql))
		fail("writer", PQerrorMessage(writer));
	while (*reply < 0 || *notify < 0 || (words != NULL && *message < 0))
	{
		struct pollfd fds[3] = {
			{.fd = PQsocket(writer), .events = POLLIN},
			{.fd = PQsocket(listener), .events = POLLIN},
			{.fd = websocket.fd, .events = POLLIN},
		};
		double		at;

		if (poll(fds, 3, GIVE_UP_MS) <= 0)
			fail(sql, *notify < 0 ? "no notification came" : "no TRADE_ALERT came");
		at = now_ms() - begin;
		if (fds[0].revents != 0 && answered(writer) && *reply < 0)
			*reply = at;
		if (fds[1].revents != 0 && notified(listener, channel) && *notify < 0)
			*notify = at;
		if (fds[2].revents != 0 && websocket_has(words != NULL ? words : "\x01") && *message < 0)
			*message = at;
	}
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

int
main(int argc, char **argv)
{
	int			samples;
	int			pause_ms;
	PGconn	   *writer;
	PGconn	   *listener;
	double	   *times[SERIES];
	double		unused;

	if (argc != 5)
		fail("usage", "latency DSN WEBSOCKET-PORT SAMPLES PAUSE-MS");
	samples = atoi(argv[3]);
	pause_ms = atoi(argv[4]);
	if (samples < 1 || samples > 100000 || pause_ms < 0)
		fail("usage", "samples from 1 to 100000, pause from 0");
	writer = connect_database(argv[1]);
	listener = connect_database(argv[1]);
	execute(listener, "LISTEN pulse");
	execute(listener, "LISTEN bare");
	open_websocket(atoi(argv[2]));
	for (int s = 0; s < SERIES; s++)
		if ((times[s] = calloc((size_t) samples, sizeof(double))) == NULL)
			fail("memory", "none left");

	for (int i = 0; i < samples; i++)
	{
		char		sql[512];
		char		words[64];

		/* Apart by more than the pause between two ticks and never in step with it: each sample meets a quiet system. */
		usleep((useconds_t) (pause_ms * 1000 + rand() % 10000));
		sample(writer, listener, "SELECT pg_notify('bare', '')", "bare", NULL, &unused, &times[BARE_NOTIFY][i], &unused);
		usleep((useconds_t) (pause_ms * 1000 + rand() % 10000));
		snprintf(words, sizeof(words), "\"latency-%d\"", i);
		snprintf(sql, sizeof(sql), "INSERT INTO trades (symbol, side, quantity, price, fee, fill_id) "
				 "VALUES ('BTCUSDT', '%s', 0.1, %d, 0.05, 'latency-%d')", i % 2 ? "SELL" : "BUY", 60000 + i % 100, i);
		sample(writer, listener, sql, "pulse", words, &times[INSERT_REPLY][i], &times[INSERT_LISTENER][i], &times[INSERT_WEBSOCKET][i]);
	}

	printf("%-34s %9s %9s %9s %9s\n", "milliseconds", "p50", "p90", "p99", "max");
	for (int s = 0; s < SERIES; s++)
	{
		qsort(times[s], (size_t) samples, sizeof(double), ascending);
		printf("%-34s %9.3f %9.3f %9.3f %9.3f\n", titles[s], quantile(times[s], samples, 0.5), quantile(times[s], samples, 0.9),
			   quantile(times[s], samples, 0.99), times[s][samples - 1]);
	}
	PQfinish(writer);
	PQfinish(listener);
	return 0;
}
