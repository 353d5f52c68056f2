#ifndef PULSE_SECRET_H
#define PULSE_SECRET_H

#include <stddef.h>

/* Secrets come from the process environment, from files and from systemd's credentials; each is kept out of the log. */
extern char *secret_read_file(const char *path, char *problem, size_t size);
extern char *secret_expand(const char *value, char *problem, size_t size);
extern char *secret_header_lines(const char *headers);

#endif
