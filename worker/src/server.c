#include "server.h"

#include "compression.h"
#include "http.h"
#include "log.h"
#include "memory.h"
#include "net.h"
#include "systemd.h"
#include "tls.h"
#include "version.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libwebsockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPARE_CONNECTIONS 64	/* for HTTP beside the WebSocket clients */
#define SPARE_DESCRIPTORS 64	/* for the database, timers, files */
#define SEND_BUFFER (256 * 1024)
#define PAUSE_MS 1000
#define ACCEPT_BATCH 64

struct server
{
	struct loop *loop;
	const struct config *config;
	struct stream *stream;
	struct api *api;
	struct access *access;
	struct tls *tls;			/* NULL: the port speaks plain HTTP */
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct loop_watch listener;
	struct loop_timer resume;	/* accepts again after the process ran out of descriptors */
	struct lws *admitted;		/* whose handshake is being answered */
	struct peer *admitted_peer;
	struct principal *admitted_principal;
	int			port;
	int			connections;
	bool		full;			/* said already that the cap was reached */
};

/* What libwebsockets keeps for us with each connection. */
struct session
{
	struct exchange *exchange;
	struct client *client;
};

static int	callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length);

/*
 * The first protocol serves plain HTTP, and WebSocket clients with and without the subprotocol. Sending in large pieces
 * is wanted: the default would copy the rest of every larger message. Every client has a receive buffer for as long as it
 * is connected, and mostly says little, so that one is small.
 */
static const struct lws_protocols protocols[] = {
	{.name = "pulse.v1",.callback = callback,.per_session_data_size = sizeof(struct session),
	.rx_buffer_size = 512,.tx_packet_size = 128 * 1024},
	{.name = "pulse-loop",.callback = callback},
	{.name = NULL}
};

/* Pings after half a minute of silence, gives up after a minute: finds half-open connections. */
static const lws_retry_bo_t idle_policy = {.secs_since_valid_ping = 30,.secs_since_valid_hangup = 60};

static void
log_from_libwebsockets(int level, const char *line)
{
	if (level == LLL_ERR)
		log_warning("libwebsockets", "%s", line);
	else
		log_debug("libwebsockets", "%s", line);
}

static int
confirm_upgrade(struct server *server, struct lws *wsi, const char *protocol)
{
	struct visitor visitor;
	char		version[8] = "";
	char		path[16] = "";

	if (strcasecmp(protocol, "websocket") != 0)
		return http_refuse_upgrade(wsi, 400, "Bad Request", "this server speaks HTTP/1.1 and WebSocket");
	if (lws_hdr_copy(wsi, path, sizeof(path), WSI_TOKEN_GET_URI) < 0 || (strcmp(path, "/") != 0 && strcmp(path, "/ws") != 0))
		return http_refuse_upgrade(wsi, 404, "Not Found", "the WebSocket is at /");
	lws_hdr_copy(wsi, version, sizeof(version), WSI_TOKEN_VERSION);
	if (strcmp(version, "13") != 0)
		return http_refuse_upgrade(wsi, 426, "Upgrade Required", "this server speaks version 13 of the WebSocket protocol");
	if (!access_admit(server->access, wsi, &visitor))
		return http_refuse_upgrade(wsi, visitor.status, visitor.title, visitor.detail);
	if (stream_client_count(server->stream) >= server->config->max_clients)
		return http_refuse_upgrade(wsi, 503, "Service Unavailable", "as many clients as max_clients allows are connected");
	if (!visitor.peer->loopback && visitor.peer->connections >= server->config->max_clients_per_address)
		return http_refuse_upgrade(wsi, 429, "Too Many Requests",
								   "this address has as many connections as max_clients_per_address allows");
	/* Who it is cannot be told any more when the handshake is over: the headers are gone then. */
	compression_expect();
	server->admitted = wsi;
	server->admitted_peer = visitor.peer;
	server->admitted_principal = visitor.principal;
	return 0;
}

static void
welcome(struct server *server, struct session *session, struct lws *wsi)
{
	if (server->admitted != wsi)
	{
		log_error("server", "a handshake was not seen from its beginning");
		return;
	}
	session->client = stream_connected(server->stream, wsi, server->admitted_principal, server->admitted_peer, false);
	server->admitted = NULL;
}

static int
begin_exchange(struct server *server, struct session *session, struct lws *wsi, const char *path)
{
	struct exchange *exchange;

	if (session->exchange != NULL)
		http_release(session->exchange);
	else
		session->exchange = memory_alloc_zero(sizeof(*session->exchange));
	exchange = session->exchange;
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, 60);
	if (http_read_request(exchange, wsi, server->access, path) && exchange->body_left == 0)
		api_handle(server->api, exchange);
	return 0;
}

static int
continue_request(struct server *server, struct exchange *exchange, const char *bytes, size_t length)
{
	if (exchange == NULL || exchange->ready || exchange->body_left == 0)
		return 0;
	if (http_receive(exchange, bytes, length))
		api_handle(server->api, exchange);
	return 0;
}

static void
end_exchange(struct session *session)
{
	if (session == NULL || session->exchange == NULL)
		return;
	http_release(session->exchange);
	free(session->exchange);
	session->exchange = NULL;
}

static int
callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
	struct server *server = lws_context_user(lws_get_context(wsi));
	struct session *session = user;

	switch (reason)
	{
		case LWS_CALLBACK_RAW_RX_FILE:
			loop_dispatch(server->loop);
			return 0;
		case LWS_CALLBACK_RAW_CLOSE_FILE:
			return 0;
		case LWS_CALLBACK_WSI_CREATE:
			server->connections++;
			return 0;
		case LWS_CALLBACK_WSI_DESTROY:
			server->connections--;
			return 0;
		case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
			return tls_take_context(server->tls, user);
		case LWS_CALLBACK_HTTP_BODY:
			return session != NULL ? continue_request(server, session->exchange, in, length) : 0;
		case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
			return confirm_upgrade(server, wsi, in);
		case LWS_CALLBACK_HTTP:
			return begin_exchange(server, session, wsi, in);
		case LWS_CALLBACK_HTTP_WRITEABLE:
			if (session == NULL || session->exchange == NULL)
				return 0;
			if (session->exchange->client != NULL && session->exchange->begun)
				return stream_writable(session->exchange->client);
			return http_write(session->exchange);
		case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
		case LWS_CALLBACK_CLOSED_HTTP:
			end_exchange(session);
			return 0;
		case LWS_CALLBACK_ESTABLISHED:
			end_exchange(session);
			welcome(server, session, wsi);
			return session->client != NULL ? 0 : -1;
		case LWS_CALLBACK_RECEIVE:
			return stream_received(session->client, in, length, lws_is_final_fragment(wsi) &&
								   lws_remaining_packet_payload(wsi) == 0, lws_frame_is_binary(wsi));
		case LWS_CALLBACK_SERVER_WRITEABLE:
			return stream_writable(session->client);
		case LWS_CALLBACK_CLOSED:
			if (session != NULL && session->client != NULL)
				stream_disconnected(session->client);
			if (session != NULL)
				session->client = NULL;
			return 0;
		default:
			return 0;
	}
}

static void
accept_again(void *arg)
{
	struct server *server = arg;

	loop_watch(server->loop, &server->listener, EPOLLIN);
}

static void
tune_socket(int fd)
{
	int			one = 1;
	int			size = SEND_BUFFER;
	unsigned int timeout = 60000;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	/* A fixed buffer: what a slow reader leaves behind must show in our queue, where it is bounded. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof(timeout));
}

static void
accept_ready(void *arg, uint32_t events)
{
	struct server *server = arg;

	(void) events;
	for (int i = 0; i < ACCEPT_BATCH; i++)
	{
		int			fd = accept4(server->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
		{
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			{
				log_error("server", "cannot accept connections: %s", strerror(errno));
				loop_unwatch(server->loop, &server->listener);
				loop_timer_set(server->loop, &server->resume, PAUSE_MS);
			}
			return;
		}
		if (server->connections >= server->config->max_clients + SPARE_CONNECTIONS)
		{
			if (!server->full)
				log_warning("server", "%d connections are open; further ones are refused", server->connections);
			server->full = true;
			close(fd);
			continue;
		}
		server->full = false;
		tune_socket(fd);

		/* When it fails, the descriptor has been closed. */
		if (lws_adopt_socket_vhost(server->vhost, fd) == NULL)
			log_warning("server", "libwebsockets did not take a connection");
	}
}

/* The tables of libwebsockets are as large as this limit; in a container without one they would eat the memory. */
static int
limit_descriptors(const struct config *config)
{
	struct rlimit limit;
	rlim_t		wanted = (rlim_t) config->max_clients + SPARE_CONNECTIONS + SPARE_DESCRIPTORS;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return (int) wanted;
	if (limit.rlim_max != RLIM_INFINITY && wanted > limit.rlim_max)
	{
		log_warning("server", "the limit of %lu open files is too low for max_clients = %ld", (unsigned long) limit.rlim_max,
					(long) config->max_clients);
		wanted = limit.rlim_max;
	}
	limit.rlim_cur = wanted;
	setrlimit(RLIMIT_NOFILE, &limit);
	return (int) wanted;
}

/* Makes the libwebsockets context and puts our event loop into it. Returns NULL when that fails. */
struct server *
server_open(struct loop *loop, const struct config *config, struct stream *stream, struct api *api, struct access *access,
			char *problem, size_t size)
{
	struct server *server = memory_alloc_zero(sizeof(*server));
	struct lws_context_creation_info info = {0};
	lws_sock_file_fd_type descriptor;

	server->loop = loop;
	server->config = config;
	server->stream = stream;
	server->api = api;
	server->access = access;
	server->listener.fd = -1;
	server->resume = (struct loop_timer) {.fn = accept_again,.arg = server};
	lws_set_log_level(LLL_ERR | LLL_WARN | (log_is_debug() ? LLL_NOTICE : 0), log_from_libwebsockets);

	info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
	info.user = server;
	info.protocols = protocols;
	info.retry_and_idle_policy = &idle_policy;
	info.fd_limit_per_thread = (unsigned int) limit_descriptors(config);
	info.max_http_header_pool2 = 1024;
	info.max_http_header_data2 = 4096;
	info.timeout_secs = 15;
	info.keepalive_timeout = 60;
	info.gid = (gid_t) -1;
	info.uid = (uid_t) -1;
	info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME;
	info.extensions = config->compression ? compression_extensions : NULL;
	/* Neither the library nor we speak HTTP/2 the way that browsers would then want it. */
	info.alpn = "http/1.1";
	if (config->tls_cert != NULL)
	{
		server->tls = tls_open(loop, config->tls_cert, config->tls_key, problem, size);
		if (server->tls == NULL)
		{
			free(server);
			return NULL;
		}
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		info.ssl_cert_filepath = config->tls_cert;
		info.ssl_private_key_filepath = config->tls_key;
	}
	server->context = lws_create_context(&info);
	snprintf(problem, size, "libwebsockets did not start");
	if (server->context == NULL)
	{
		tls_close(server->tls);
		free(server);
		return NULL;
	}
	server->vhost = lws_create_vhost(server->context, &info);
	descriptor.filefd = loop_descriptor(loop);
	if (server->vhost == NULL ||
		lws_adopt_descriptor_vhost(server->vhost, LWS_ADOPT_RAW_FILE_DESC, descriptor, "pulse-loop", NULL) == NULL)
	{
		server_close(server);
		return NULL;
	}
	return server;
}

static int
port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t	length = sizeof(address);

	if (getsockname(fd, (struct sockaddr *) &address, &length) < 0)
		return 0;
	if (address.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *) &address)->sin_port);
	return ntohs(((struct sockaddr_in6 *) &address)->sin6_port);
}

/*
 * Opens the listening socket, at first the one that systemd holds for us, later another one when host or port changed;
 * on failure the old one stays.
 */
bool
server_listen(struct server *server, const struct config *config, char *problem, size_t size)
{
	int			fd = server->listener.fd < 0 ? systemd_listening_socket() : -1;
	bool		given = fd >= 0;

	if (!given)
		fd = net_listen(config->host, (int) config->port, problem, size);
	if (fd < 0)
		return false;
	/* What the configuration says about non-loopback addresses holds for what was handed to us as well. */
	if (given && !net_is_loopback_socket(fd) && (server->tls == NULL || !config->auth_enabled))
	{
		snprintf(problem, size, "systemd's socket is not on a loopback address, which needs tls_cert, tls_key and [auth] enabled");
		return false;
	}
	server_stop_listening(server);
	server->listener = (struct loop_watch) {.fd = fd,.fn = accept_ready,.arg = server};
	server->port = port_of(fd);
	log_info("server", "listening on %s port %d", given ? "systemd's socket," : config->host, server->port);
	return loop_watch(server->loop, &server->listener, EPOLLIN);
}

/* Takes over a new configuration, after which the old one may be freed; on false nothing has changed. */
bool
server_configure(struct server *server, const struct config *config, char *problem, size_t size)
{
	if ((config->tls_cert != NULL) != (server->tls != NULL))
	{
		snprintf(problem, size, "turning TLS on or off needs a restart");
		return false;
	}
	if (server->tls != NULL && !tls_configure(server->tls, config->tls_cert, config->tls_key, problem, size))
		return false;
	server->config = config;
	server->access->config = config;
	return true;
}

/* Closes the listening socket; connections stay. */
void
server_stop_listening(struct server *server)
{
	if (server->listener.fd < 0)
		return;
	loop_timer_cancel(server->loop, &server->resume);
	loop_unwatch(server->loop, &server->listener);
	close(server->listener.fd);
	server->listener.fd = -1;
}

/* Waits for something to happen and handles it. */
void
server_service(struct server *server)
{
	lws_service(server->context, 0);
}

/* Cuts all connections and frees everything. */
void
server_close(struct server *server)
{
	if (server == NULL)
		return;
	server_stop_listening(server);
	lws_context_destroy(server->context);
	tls_close(server->tls);
	free(server);
}
