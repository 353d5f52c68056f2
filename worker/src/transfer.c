#include "transfer.h"

#include "log.h"
#include "memory.h"
#include "net.h"
#include "text.h"
#include "version.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#define CONNECT_TIMEOUT_MS 10000

struct transfers
{
	struct loop *loop;
	CURLM	   *multi;
	struct loop_timer timer;
	struct transfer *all;
};

struct transfer
{
	struct transfers *transfers;
	struct transfer *next;
	struct transfer *previous;
	CURL	   *easy;
	struct curl_slist *headers;
	char	   *request;
	size_t		request_length;
	struct text body;
	char		error[CURL_ERROR_SIZE];
	transfer_fn fn;
	void	   *arg;
};

static void
free_transfer(struct transfer *transfer)
{
	struct transfers *transfers = transfer->transfers;

	curl_multi_remove_handle(transfers->multi, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->headers);
	if (transfer->previous != NULL)
		transfer->previous->next = transfer->next;
	else
		transfers->all = transfer->next;
	if (transfer->next != NULL)
		transfer->next->previous = transfer->previous;
	text_free(&transfer->body);
	free(transfer->request);
	free(transfer);
}

static void
finish(struct transfer *transfer, CURLcode code)
{
	struct transfer_result result = {.complete = code == CURLE_OK,.problem = ""};
	transfer_fn fn = transfer->fn;
	void	   *arg = transfer->arg;
	long		status = 0;
	curl_off_t	uploaded = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
	result.status = (int) status;
	result.body = text_string(&transfer->body);
	result.length = transfer->body.length;
	/* A request without its whole body cannot have been acted on. */
	result.written = status > 0 || (size_t) uploaded >= transfer->request_length;
	if (code != CURLE_OK)
	{
		/* Both may name the address, and with it a token. */
		log_scrub(transfer->error);
		result.problem = transfer->error[0] != '\0' ? transfer->error : curl_easy_strerror(code);
	}
	fn(arg, &result);
	free_transfer(transfer);
}

static void
collect(struct transfers *transfers)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(transfers->multi, &left)) != NULL)
	{
		struct transfer *transfer;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &transfer);
		finish(transfer, message->data.result);
	}
}

struct socket_watch
{
	struct loop_watch watch;
	struct transfers *transfers;
};

static void
socket_ready(void *arg, uint32_t events)
{
	struct socket_watch *watched = arg;
	struct transfers *transfers = watched->transfers;
	int			flags = 0;
	int			running;

	if (events & EPOLLIN)
		flags |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		flags |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		flags |= CURL_CSELECT_ERR;
	curl_multi_socket_action(transfers->multi, watched->watch.fd, flags, &running);
	collect(transfers);
}

static int
watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_data)
{
	struct transfers *transfers = user;
	struct socket_watch *watched = socket_data;
	uint32_t	events = 0;

	(void) easy;
	if (what == CURL_POLL_REMOVE)
	{
		if (watched != NULL)
		{
			loop_unwatch(transfers->loop, &watched->watch);
			curl_multi_assign(transfers->multi, fd, NULL);
			free(watched);
		}
		return 0;
	}
	if (watched == NULL)
	{
		watched = memory_alloc_zero(sizeof(*watched));
		watched->transfers = transfers;
		watched->watch = (struct loop_watch) {.fd = fd,.fn = socket_ready,.arg = watched};
		curl_multi_assign(transfers->multi, fd, watched);
	}
	if (what & CURL_POLL_IN)
		events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		events |= EPOLLOUT;
	loop_watch(transfers->loop, &watched->watch, events);
	return 0;
}

static int
set_timer(CURLM *multi, long milliseconds, void *user)
{
	struct transfers *transfers = user;

	(void) multi;
	if (milliseconds < 0)
		loop_timer_cancel(transfers->loop, &transfers->timer);
	else
		loop_timer_set(transfers->loop, &transfers->timer, milliseconds);
	return 0;
}

static void
timer_due(void *arg)
{
	struct transfers *transfers = arg;
	int			running;

	curl_multi_socket_action(transfers->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(transfers);
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *user)
{
	struct transfer *transfer = user;
	size_t		length = size * count;

	if (transfer->body.length + length > TRANSFER_MAX_BODY)
		return 0;
	text_append_n(&transfer->body, bytes, length);
	return length;
}

/* Opens the set of requests. */
struct transfers *
transfers_open(struct loop *loop)
{
	struct transfers *transfers = memory_alloc_zero(sizeof(*transfers));

	transfers->loop = loop;
	transfers->timer = (struct loop_timer) {.fn = timer_due,.arg = transfers};
	transfers->multi = curl_multi_init();
	if (transfers->multi == NULL)
		abort();
	curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
	curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
	return transfers;
}

/* Drops all requests without a callback. */
void
transfers_close(struct transfers *transfers)
{
	if (transfers == NULL)
		return;
	while (transfers->all != NULL)
		free_transfer(transfers->all);
	curl_multi_cleanup(transfers->multi);
	loop_timer_cancel(transfers->loop, &transfers->timer);
	free(transfers);
}

static bool
goes_to_loopback(const char *url)
{
	const char *host = strstr(url, "://");
	char		name[256];
	size_t		length;

	if (host == NULL)
		return false;
	host += 3;
	length = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	if (length >= sizeof(name))
		return false;
	memcpy(name, host, length);
	name[length] = '\0';
	return net_is_loopback_name(name);
}

/*
 * Posts a JSON body. Every request has a connection of its own: on a kept one libcurl repeats a request silently when
 * the connection turns out to be dead, and a message could go out twice without anyone knowing.
 */
struct transfer *
transfer_post_json(struct transfers *transfers, const char *url, const char *body, int timeout_ms, transfer_fn fn, void *arg)
{
	struct transfer *transfer = memory_alloc_zero(sizeof(*transfer));
	CURL	   *easy = curl_easy_init();

	if (easy == NULL)
		abort();
	transfer->transfers = transfers;
	transfer->easy = easy;
	transfer->fn = fn;
	transfer->arg = arg;
	transfer->request = memory_string(body);
	transfer->request_length = strlen(body);
	transfer->headers = curl_slist_append(transfer->headers, "Content-Type: application/json");
	transfer->headers = curl_slist_append(transfer->headers, "Expect:");
	transfer->next = transfers->all;
	if (transfers->all != NULL)
		transfers->all->previous = transfer;
	transfers->all = transfer;

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->request);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) transfer->request_length);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "pulse-worker/" PULSE_VERSION);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) timeout_ms);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	if (goes_to_loopback(url))
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_multi_add_handle(transfers->multi, easy);
	return transfer;
}

/* Drops a request without a callback. */
void
transfer_cancel(struct transfer *transfer)
{
	free_transfer(transfer);
}
