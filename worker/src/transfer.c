#include "transfer.h"

#include "log.h"
#include "memory.h"
#include "net.h"
#include "text.h"
#include "version.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>

#define CONNECT_TIMEOUT_MS 10000
#define MAX_HEADERS 16384
#define LONGEST_PAUSE (3 * 86400)	/* seconds; bans last that long, and what asks for more errs */

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
	struct text answer_headers;
	bool		certificate;
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
	text_free(&transfer->answer_headers);
	if (transfer->request != NULL)
		explicit_bzero(transfer->request, transfer->request_length);
	free(transfer->request);
	free(transfer);
}

static enum transfer_failure
failure_of(CURLcode code)
{
	switch (code)
	{
		case CURLE_OK:
			return TRANSFER_NO_FAILURE;
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_RESOLVE_PROXY:
			return TRANSFER_DNS;
		case CURLE_COULDNT_CONNECT:
			return TRANSFER_CONNECT;
		case CURLE_SSL_CONNECT_ERROR:
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_SSL_CACERT_BADFILE:
		case CURLE_SSL_CERTPROBLEM:
			return TRANSFER_TLS;
		case CURLE_OPERATION_TIMEDOUT:
			return TRANSFER_TIMEOUT;
		default:
			return TRANSFER_BROKEN;
	}
}

/* Returns the name of a failure for people and metrics; "" for none. */
const char *
transfer_failure_name(enum transfer_failure failure)
{
	static const char *const names[] = {"", "dns", "connect", "tls", "timeout", "broken"};

	return names[failure];
}

static int64_t
time_of(CURL *easy, CURLINFO what)
{
	curl_off_t	microseconds = 0;

	curl_easy_getinfo(easy, what, &microseconds);
	return (int64_t) microseconds;
}

/* libcurl counts each phase from the start; a phase that did not happen has the time of the one before, or none. */
static void
read_times(CURL *easy, struct transfer_times *times)
{
	int64_t		dns = time_of(easy, CURLINFO_NAMELOOKUP_TIME_T);
	int64_t		connect = time_of(easy, CURLINFO_CONNECT_TIME_T);
	int64_t		tls = time_of(easy, CURLINFO_APPCONNECT_TIME_T);
	int64_t		ready = time_of(easy, CURLINFO_PRETRANSFER_TIME_T);
	int64_t		first_byte = time_of(easy, CURLINFO_STARTTRANSFER_TIME_T);
	long		connections = 0;

	*times = (struct transfer_times) {.total = time_of(easy, CURLINFO_TOTAL_TIME_T)};
	curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connections);
	if (connections > 0)
	{
		times->dns = dns;
		times->connect = connect > dns ? connect - dns : 0;
		times->tls = tls > connect ? tls - connect : 0;
	}
	times->first_byte = first_byte > ready ? first_byte - ready : 0;
}

/* The end of the first certificate of the chain, which is the server's own. */
static int64_t
certificate_end(CURL *easy)
{
	struct curl_certinfo *info = NULL;

	if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL || info->num_of_certs < 1)
		return 0;
	for (struct curl_slist *line = info->certinfo[0]; line != NULL; line = line->next)
	{
		if (strncmp(line->data, "Expire date:", 12) == 0)
		{
			time_t		end = curl_getdate(line->data + 12, NULL);

			return end > 0 ? (int64_t) end : 0;
		}
	}
	return 0;
}

static void
finish(struct transfer *transfer, CURLcode code)
{
	struct transfer_result result = {.complete = code == CURLE_OK,.problem = ""};
	transfer_fn fn = transfer->fn;
	void	   *arg = transfer->arg;
	long		status = 0;
	curl_off_t	uploaded = 0;
	curl_off_t	retry_after = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
	result.status = (int) status;
	result.body = text_string(&transfer->body);
	result.length = transfer->body.length;
	result.headers = text_string(&transfer->answer_headers);
	result.failure = failure_of(code);
	read_times(transfer->easy, &result.times);
	curl_easy_getinfo(transfer->easy, CURLINFO_RETRY_AFTER, &retry_after);
	result.retry_after = retry_after <= 0 ? 0 : retry_after < LONGEST_PAUSE ? (int64_t) retry_after : LONGEST_PAUSE;
	if (transfer->certificate)
		result.certificate_end = certificate_end(transfer->easy);
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

static size_t
take_header(char *bytes, size_t size, size_t count, void *user)
{
	struct transfer *transfer = user;
	size_t		length = size * count;

	/* An interim answer before, such as 100, does not count. */
	if (length >= 5 && strncmp(bytes, "HTTP/", 5) == 0)
		text_reset(&transfer->answer_headers);
	else if (transfer->answer_headers.length + length <= MAX_HEADERS)
		text_append_n(&transfer->answer_headers, bytes, length);
	return length;
}

static void
add_headers(struct transfer *transfer, const char *headers)
{
	while (headers != NULL && *headers != '\0')
	{
		size_t		length = strcspn(headers, "\n");
		char	   *line = memory_string_n(headers, length);

		transfer->headers = curl_slist_append(transfer->headers, line);
		explicit_bzero(line, length);
		free(line);
		headers += length + (headers[length] == '\n' ? 1 : 0);
	}
	transfer->headers = curl_slist_append(transfer->headers, "Expect:");
}

/*
 * Starts a request. Unless it may be repeated, it has a connection of its own: on a kept one libcurl repeats a request
 * silently when the connection turns out to be dead, and a message could go out twice without anyone knowing.
 */
struct transfer *
transfer_start(struct transfers *transfers, const struct transfer_request *request, transfer_fn fn, void *arg)
{
	struct transfer *transfer = memory_alloc_zero(sizeof(*transfer));
	CURL	   *easy = curl_easy_init();

	if (easy == NULL)
		abort();
	transfer->transfers = transfers;
	transfer->easy = easy;
	transfer->fn = fn;
	transfer->arg = arg;
	transfer->certificate = request->certificate;
	add_headers(transfer, request->headers);
	transfer->next = transfers->all;
	if (transfers->all != NULL)
		transfers->all->previous = transfer;
	transfers->all = transfer;

	curl_easy_setopt(easy, CURLOPT_URL, request->url);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
	if (request->body != NULL)
	{
		transfer->request = memory_string_n(request->body, request->body_length);
		transfer->request_length = request->body_length;
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->request);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) transfer->request_length);
	}
	if (request->method != NULL && strcmp(request->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else if (request->method != NULL)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
	if (request->ca_file != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO, request->ca_file);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->error);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "pulse-worker/" PULSE_VERSION);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long) CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long) request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CERTINFO, request->certificate ? 1L : 0L);
	if (!request->keep)
	{
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
		curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
		curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	}
	if (goes_to_loopback(request->url))
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_multi_add_handle(transfers->multi, easy);
	return transfer;
}

/* Copies the value of an answer's header, its name in any case; returns whether it is there. */
bool
transfer_header(const struct transfer_result *result, const char *name, char *value, size_t size)
{
	size_t		name_length = strlen(name);
	const char *line = result->headers;

	while (*line != '\0')
	{
		size_t		length = strcspn(line, "\r\n");

		if (length > name_length && strncasecmp(line, name, name_length) == 0 && line[name_length] == ':')
		{
			const char *start = line + name_length + 1;

			start += strspn(start, " \t");
			snprintf(value, size, "%.*s", (int) (line + length - start), start);
			return true;
		}
		line += length;
		line += strspn(line, "\r\n");
	}
	return false;
}

/* Drops a request without a callback. */
void
transfer_cancel(struct transfer *transfer)
{
	free_transfer(transfer);
}
