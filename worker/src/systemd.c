#include "systemd.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Sends lines such as "READY=1" to $NOTIFY_SOCKET; without one nothing happens. */
void
systemd_notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t	length;
	int			fd;

	if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	length = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	(void) !sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *) &address, length);
	close(fd);
}

/* Returns how often the watchdog wants to hear from us, in milliseconds; 0 when there is none. */
int
systemd_watchdog_ms(void)
{
	const char *interval = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");

	if (interval == NULL || (pid != NULL && atol(pid) != (long) getpid()))
		return 0;
	return (int) (atoll(interval) / 3000);
}

/*
 * Returns the listening socket that systemd opened for us, -1 when there is none. It outlives the process: connections
 * that come during a restart wait in it.
 */
int
systemd_listening_socket(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");
	int			fd = 3;
	int			listening = 0;
	socklen_t	length = sizeof(listening);

	if (pid == NULL || count == NULL || atol(pid) != (long) getpid() || atoi(count) < 1)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &length) < 0 || !listening)
		return -1;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return fd;
}
