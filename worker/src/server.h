#ifndef PULSE_SERVER_H
#define PULSE_SERVER_H

#include "api.h"
#include "stream.h"

/* The network server: one port for WebSocket and HTTP, on libwebsockets, which also drives our event loop. */
struct server;

extern struct server *server_open(struct loop *loop, const struct config *config, struct stream *stream, struct api *api,
								  struct access *access, char *problem, size_t size);
extern bool server_listen(struct server *server, const struct config *config, char *problem, size_t size);
extern bool server_configure(struct server *server, const struct config *config, char *problem, size_t size);
extern void server_stop_listening(struct server *server);
extern void server_service(struct server *server);
extern void server_close(struct server *server);

#endif
