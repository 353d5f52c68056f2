#ifndef PULSE_NET_H
#define PULSE_NET_H

#include <stdbool.h>
#include <stddef.h>

/* Small questions about names and addresses. */
extern bool net_is_loopback_name(const char *name);
extern bool net_split_authority(const char *authority, char *host, size_t host_size, int *port);
extern bool net_is_loopback_socket(int fd);
extern int	net_listen(const char *host, int port, char *problem, size_t size);

#endif
