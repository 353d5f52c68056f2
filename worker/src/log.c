/*
 * Structured log lines on stderr. Every secret that the daemon reads is registered here and blotted out of every line,
 * whoever wrote it: the Telegram token stands in a URL path and libraries like to quote URLs in their errors.
 */
#include "log.h"

#include "memory.h"
#include "text.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_SECRETS 256
#define MAX_LINE 4096

static enum log_format log_format = LOG_FORMAT_TEXT;
static bool log_debug_on;
static void (*log_tap) (void *arg, const char *line, size_t length);
static void *log_tap_arg;
static pthread_t log_tap_thread;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;	/* of the secrets: threads of the pool write lines too */
static char *secrets[MAX_SECRETS];
static int	secret_count;

/* Chooses the format and whether debug lines are written. */
void
log_setup(enum log_format format, bool debug)
{
	if (format == LOG_FORMAT_AUTO)
	{
		if (getenv("JOURNAL_STREAM") != NULL && !isatty(STDERR_FILENO))
			format = LOG_FORMAT_JOURNAL;
		else
			format = isatty(STDERR_FILENO) ? LOG_FORMAT_TEXT : LOG_FORMAT_JSON;
	}
	log_format = format;
	log_debug_on = debug;
}

/* Hands every line of the loop's thread on as JSON, without its line end; NULL ends that. */
void
log_set_tap(void (*tap) (void *arg, const char *line, size_t length), void *arg)
{
	log_tap = tap;
	log_tap_arg = arg;
	log_tap_thread = pthread_self();
}

/* Tells whether debug lines are wanted. */
bool
log_is_debug(void)
{
	return log_debug_on;
}

/* Registers a string that must never appear in a log line. */
void
log_hide_secret(const char *secret)
{
	/* Blotting out very short strings would make lines unreadable and protect nothing. */
	if (secret == NULL || strlen(secret) < 4)
		return;
	pthread_mutex_lock(&log_lock);
	for (int i = 0; i < secret_count; i++)
	{
		if (strcmp(secrets[i], secret) == 0)
		{
			pthread_mutex_unlock(&log_lock);
			return;
		}
	}
	if (secret_count == MAX_SECRETS)
	{
		free(secrets[0]);
		memmove(secrets, secrets + 1, sizeof(secrets[0]) * (MAX_SECRETS - 1));
		secret_count--;
	}
	secrets[secret_count++] = memory_string(secret);
	pthread_mutex_unlock(&log_lock);
}

/* Overwrites every registered secret in a line with asterisks. */
void
log_scrub(char *line)
{
	pthread_mutex_lock(&log_lock);
	for (int i = 0; i < secret_count; i++)
	{
		size_t		length = strlen(secrets[i]);

		for (char *found = strstr(line, secrets[i]); found != NULL; found = strstr(found + length, secrets[i]))
			memset(found, '*', length);
	}
	pthread_mutex_unlock(&log_lock);
}

static const char *
level_name(enum log_level level)
{
	switch (level)
	{
		case LOG_LEVEL_ERROR:
			return "error";
		case LOG_LEVEL_WARNING:
			return "warning";
		case LOG_LEVEL_INFO:
			return "info";
		case LOG_LEVEL_DEBUG:
			return "debug";
	}
	return "info";
}

static void
write_all(const char *bytes, size_t length)
{
	while (length > 0)
	{
		ssize_t		written = write(STDERR_FILENO, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;
		bytes += written;
		length -= (size_t) written;
	}
}

/* Writes one line. Line ends in the message become spaces, so that a line stays a line. */
void
log_message(enum log_level level, const char *component, const char *format,...)
{
	char		message[MAX_LINE];
	char		now[40];
	struct text line = {0};
	struct text json = {0};
	va_list		arguments;

	if (level == LOG_LEVEL_DEBUG && !log_debug_on)
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	log_scrub(message);
	for (char *c = message; *c != '\0'; c++)
	{
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	}
	for (size_t length = strlen(message); length > 0 && message[length - 1] == ' '; length--)
		message[length - 1] = '\0';

	text_iso_now(now, sizeof(now));
	text_printf(&json, "{\"time\":\"%s\",\"level\":\"%s\",\"component\":\"%s\",\"message\":", now, level_name(level),
				component);
	text_append_json(&json, message);
	text_append_char(&json, '}');
	if (log_tap != NULL && pthread_equal(pthread_self(), log_tap_thread))
		log_tap(log_tap_arg, json.data, json.length);
	switch (log_format)
	{
		case LOG_FORMAT_JSON:
			text_printf(&line, "%s\n", json.data);
			break;
		case LOG_FORMAT_JOURNAL:
			text_printf(&line, "<%d>%s: %s\n", (int) level, component, message);
			break;
		default:
			text_printf(&line, "%s %-7s %s: %s\n", now, level_name(level), component, message);
	}
	write_all(line.data, line.length);
	text_free(&line);
	text_free(&json);
}
