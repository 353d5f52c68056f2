#ifndef PULSE_LOG_H
#define PULSE_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* Levels carry the numbers of syslog, which is what the journal's <N> prefix wants. */
enum log_level
{
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

enum log_format
{
	LOG_FORMAT_AUTO,			/* journal prefix under systemd, plain text on a terminal, else JSON lines */
	LOG_FORMAT_JSON,
	LOG_FORMAT_TEXT,
	LOG_FORMAT_JOURNAL
};

extern void log_setup(enum log_format format, bool debug);
extern void log_set_tap(void (*tap) (void *arg, const char *line, size_t length), void *arg);
extern bool log_is_debug(void);
extern void log_hide_secret(const char *secret);
extern void log_scrub(char *line);
extern void log_message(enum log_level level, const char *component, const char *format,...)
			__attribute__((format(printf, 3, 4)));

#define log_error(component, ...)   log_message(LOG_LEVEL_ERROR, component, __VA_ARGS__)
#define log_warning(component, ...) log_message(LOG_LEVEL_WARNING, component, __VA_ARGS__)
#define log_info(component, ...)    log_message(LOG_LEVEL_INFO, component, __VA_ARGS__)
#define log_debug(component, ...) \
	do { if (log_is_debug()) log_message(LOG_LEVEL_DEBUG, component, __VA_ARGS__); } while (0)

#endif
