#ifndef PULSE_VERSION_H
#define PULSE_VERSION_H

#include <stddef.h>

#define PULSE_VERSION "1.1.0"

/* The oldest extension that this program can serve; of the same major number, newer ones too. */
#define PULSE_OLDEST_EXTENSION "1.0"

enum version_relation
{
	VERSION_SAME,
	VERSION_OLDER,				/* than this program: served, without what it does not have */
	VERSION_NEWER,				/* served, without what this program does not know */
	VERSION_TOO_OLD,
	VERSION_TOO_NEW,
	VERSION_UNKNOWN				/* not a version number */
};

extern enum version_relation version_relation(const char *extension);
extern int	version_compare(const char *a, const char *b);
extern const char *version_refusal(const char *extension, const char *database, char *buffer, size_t size);

#endif
