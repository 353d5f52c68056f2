#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* Tells whether a name can only mean this machine: localhost, *.localhost, 127.0.0.0/8, ::1 (also in brackets). */
bool
net_is_loopback_name(const char *name)
{
	struct in_addr address;
	size_t		length = strlen(name);

	if (strcasecmp(name, "localhost") == 0 || strcmp(name, "::1") == 0 || strcmp(name, "[::1]") == 0)
		return true;
	if (length > 10 && strcasecmp(name + length - 10, ".localhost") == 0)
		return true;
	return inet_pton(AF_INET, name, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

/* Splits "host", "host:port", "[v6]:port"; port is 0 when there is none. Returns false when it is none of these. */
bool
net_split_authority(const char *authority, char *host, size_t host_size, int *port)
{
	size_t		length = authority[0] == '[' ? strcspn(authority, "]") + 1 : strcspn(authority, ":");
	const char *rest = authority + length;
	char	   *end;
	long		number = 0;

	if (length == 0 || length > strlen(authority) || length >= host_size)
		return false;
	if (*rest == ':')
	{
		number = strtol(rest + 1, &end, 10);
		if (rest[1] < '0' || rest[1] > '9' || *end != '\0' || number < 1 || number > 65535)
			return false;
	}
	else if (*rest != '\0')
		return false;
	memcpy(host, authority, length);
	host[length] = '\0';
	*port = (int) number;
	return true;
}

/* Opens a listening socket on a numeric address or localhost; returns -1 and says why. */
int
net_listen(const char *host, int port, char *problem, size_t size)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,.ai_socktype = SOCK_STREAM,.ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *address = NULL;
	char		service[8];
	int			one = 1;
	int			fd;
	int			status;

	snprintf(service, sizeof(service), "%d", port);
	status = getaddrinfo(host, service, &hints, &address);
	if (status != 0)
	{
		snprintf(problem, size, "cannot resolve %s: %s", host, gai_strerror(status));
		return -1;
	}
	fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, address->ai_addr, address->ai_addrlen) < 0 || listen(fd, 1024) < 0)
	{
		snprintf(problem, size, "cannot listen on %s port %d: %s", host, port, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(address);
	return fd;
}

/* Tells whether a socket is bound to an address that only this machine reaches. */
bool
net_is_loopback_socket(int fd)
{
	struct sockaddr_storage address;
	socklen_t	length = sizeof(address);

	if (getsockname(fd, (struct sockaddr *) &address, &length) < 0)
		return false;
	if (address.ss_family == AF_UNIX)
		return true;
	if (address.ss_family == AF_INET)
		return (ntohl(((struct sockaddr_in *) &address)->sin_addr.s_addr) >> 24) == 127;
	return address.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *) &address)->sin6_addr);
}
