/*
 * The two ends of the broadcast bench.
 *
 *   broadcast server PORT SIZE       the least that a WebSocket server can do: epoll, and a frame built once that is
 *                                    written to every client; "N" on the standard input sends it N times, one frame a
 *                                    write, and is answered with the processor time used so far, in microseconds
 *   broadcast clients PORT COUNT     COUNT clients that only count frames of about 500 bytes; "ready", and then a line
 *                                    "N" whenever every client has got N of them
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#define MAX_CLIENTS 20000
/* Clients that come from one address of the loopback network, so that ports never run out. */
#define CLIENTS_AN_ADDRESS 10000
/* Sizes that only the events of the bench have. */
#define LEAST_EVENT 470
#define LARGEST_EVENT 540

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static long
processor_time(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void
raise_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static struct sockaddr_in
loopback(int port)
{
	return (struct sockaddr_in) {.sin_family = AF_INET,.sin_port = htons((uint16_t) port),.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* The server ------------------------------------------------------------------------------------------------------- */

static int	targets[MAX_CLIENTS];
static int	target_count;

static void
greet(int fd)
{
	static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: x\r\n\r\n";
	char		request[4096];

	if (read(fd, request, sizeof(request)) > 0 && write(fd, answer, sizeof(answer) - 1) > 0)
		targets[target_count++] = fd;
}

/* The frame fits into an empty socket buffer many times over, so a write that is not whole means that the bench is wrong. */
static void
broadcast(const unsigned char *frame, size_t length, int times)
{
	for (int i = 0; i < times; i++)
	{
		for (int n = 0; n < target_count; n++)
		{
			if (write(targets[n], frame, length) != (ssize_t) length)
				die("write");
		}
	}
}

static int
serve(int port, size_t size)
{
	struct sockaddr_in address = loopback(port);
	unsigned char *frame = malloc(size + 4);
	struct epoll_event event = {.events = EPOLLIN};
	struct epoll_event events[256];
	int			listener = socket(AF_INET, SOCK_STREAM, 0);
	int			set = epoll_create1(0);
	int			one = 1;
	char		line[64];

	memset(frame + 4, 'x', size);
	frame[0] = 0x81;
	frame[1] = 126;
	frame[2] = (unsigned char) (size >> 8);
	frame[3] = (unsigned char) size;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *) &address, sizeof(address)) < 0 || listen(listener, 1024) < 0)
		die("listen");
	event.data.fd = listener;
	epoll_ctl(set, EPOLL_CTL_ADD, listener, &event);
	event.data.fd = STDIN_FILENO;
	epoll_ctl(set, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	puts("listening");
	fflush(stdout);
	for (;;)
	{
		int			count = epoll_wait(set, events, 256, -1);

		for (int i = 0; i < count; i++)
		{
			int			fd = events[i].data.fd;

			if (fd == listener)
			{
				int			size_wanted = 256 * 1024;

				event.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
				setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
				setsockopt(event.data.fd, SOL_SOCKET, SO_SNDBUF, &size_wanted, sizeof(size_wanted));
				epoll_ctl(set, EPOLL_CTL_ADD, event.data.fd, &event);
			}
			else if (fd == STDIN_FILENO)
			{
				ssize_t		length = read(STDIN_FILENO, line, sizeof(line) - 1);

				if (length <= 0)
					return 0;
				line[length] = '\0';
				broadcast(frame, size + 4, atoi(line));
				printf("%ld\n", processor_time());
				fflush(stdout);
			}
			else
			{
				greet(fd);
				epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL);
			}
		}
	}
}

/* The clients ------------------------------------------------------------------------------------------------------ */

struct client
{
	int			fd;
	bool		greeted;
	unsigned char header[10];
	int			header_length;
	uint64_t	left;			/* of the payload */
	long		events;
};

static struct client *clients;
static int	client_count;
static long	passed;				/* events that every client has */
static int	behind;				/* clients that have no more than that */

static void
count_event(struct client *client)
{
	if (client->events++ != passed)
		return;
	if (--behind > 0)
		return;
	passed = clients[0].events;
	for (int i = 1; i < client_count; i++)
	{
		if (clients[i].events < passed)
			passed = clients[i].events;
	}
	for (int i = 0; i < client_count; i++)
		behind += clients[i].events == passed;
	printf("%ld\n", passed);
	fflush(stdout);
}

/* Steps through frames, wherever the reads have cut them. */
static void
scan(struct client *client, const unsigned char *at, const unsigned char *end)
{
	while (at < end)
	{
		int			wanted = client->header_length < 2 ? 2 : client->header[1] == 127 ? 10 : client->header[1] == 126 ? 4 : 2;

		if (client->left > 0)
		{
			uint64_t	part = (uint64_t) (end - at) < client->left ? (uint64_t) (end - at) : client->left;

			client->left -= part;
			at += part;
			continue;
		}
		client->header[client->header_length++] = *at++;
		if (client->header_length < 2)
			continue;
		wanted = client->header[1] == 127 ? 10 : client->header[1] == 126 ? 4 : 2;
		if (client->header_length < wanted)
			continue;
		client->left = wanted == 2 ? client->header[1] : 0;
		for (int i = 2; i < wanted; i++)
			client->left = client->left << 8 | client->header[i];
		client->header_length = 0;
		/* Without an answer to its pings the worker would take us for dead. */
		if ((client->header[0] & 15) == 9 && write(client->fd, "\x8a\x80\0\0\0\0", 6) < 0)
			die("write");
		if (client->left >= LEAST_EVENT && client->left <= LARGEST_EVENT)
			count_event(client);
	}
}

static void
receive(struct client *client)
{
	static unsigned char buffer[1 << 18];
	ssize_t		length = read(client->fd, buffer, sizeof(buffer));
	const unsigned char *start = buffer;

	if (length <= 0)
	{
		if (length < 0 && errno == EAGAIN)
			return;
		fprintf(stderr, "a client was closed\n");
		exit(1);
	}
	if (!client->greeted)
	{
		start = memmem(buffer, (size_t) length, "\r\n\r\n", 4);
		if (start == NULL)
			return;
		client->greeted = true;
		start += 4;
	}
	scan(client, start, buffer + length);
}

static void
run_clients(int port, int count)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	struct sockaddr_in address = loopback(port);
	struct sockaddr_in own = loopback(0);
	struct epoll_event event = {.events = EPOLLIN};
	struct epoll_event events[512];
	int			set = epoll_create1(0);
	int			greeted = 0;
	int			one = 1;

	clients = calloc((size_t) count, sizeof(*clients));
	client_count = behind = count;
	for (int i = 0; i < count; i++)
	{
		struct client *client = &clients[i];

		client->fd = socket(AF_INET, SOCK_STREAM, 0);
		own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t) (i / CLIENTS_AN_ADDRESS));
		setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
		if (bind(client->fd, (struct sockaddr *) &own, sizeof(own)) < 0)
			die("bind");
		if (connect(client->fd, (struct sockaddr *) &address, sizeof(address)) < 0)
			die("connect");
		if (write(client->fd, request, sizeof(request) - 1) < 0)
			die("write");
		fcntl(client->fd, F_SETFL, O_NONBLOCK);
		event.data.ptr = client;
		epoll_ctl(set, EPOLL_CTL_ADD, client->fd, &event);
	}
	for (;;)
	{
		int			ready = epoll_wait(set, events, 512, -1);

		for (int i = 0; i < ready; i++)
		{
			struct client *client = events[i].data.ptr;
			bool		was = client->greeted;

			receive(client);
			if (!was && client->greeted && ++greeted == count)
			{
				puts("ready");
				fflush(stdout);
			}
		}
	}
}

int
main(int argc, char **argv)
{
	if (argc != 4)
		return 64;
	raise_limit();
	if (strcmp(argv[1], "server") == 0)
		return serve(atoi(argv[2]), (size_t) atoi(argv[3]));
	run_clients(atoi(argv[2]), atoi(argv[3]));
}
