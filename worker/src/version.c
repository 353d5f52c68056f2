#include "version.h"

#include <stdbool.h>
#include <stdio.h>

/* Only major and minor numbers count: what lies between two corrections of one minor version changes no interface. */
static bool
parse(const char *version, int numbers[2])
{
	return sscanf(version, "%9d.%9d", &numbers[0], &numbers[1]) == 2 && numbers[0] >= 0 && numbers[1] >= 0;
}

/* Returns less than, equal to or greater than 0 as version a is older than, like or newer than b. */
int
version_compare(const char *a, const char *b)
{
	int			left[2] = {0};
	int			right[2] = {0};

	if (!parse(a, left) || !parse(b, right))
		return 0;
	return left[0] != right[0] ? left[0] - right[0] : left[1] - right[1];
}

/* Tells how an extension's version stands to this program. */
enum version_relation
version_relation(const char *extension)
{
	int			theirs[2];
	int			ours[2] = {0};
	int			order;

	if (!parse(extension, theirs))
		return VERSION_UNKNOWN;
	if (version_compare(extension, PULSE_OLDEST_EXTENSION) < 0)
		return VERSION_TOO_OLD;
	parse(PULSE_VERSION, ours);
	if (theirs[0] > ours[0])
		return VERSION_TOO_NEW;
	order = version_compare(extension, PULSE_VERSION);
	return order < 0 ? VERSION_OLDER : order > 0 ? VERSION_NEWER : VERSION_SAME;
}

/* Returns why an extension of that version cannot be served, with the remedy, or NULL when it can. */
const char *
version_refusal(const char *extension, const char *database, char *buffer, size_t size)
{
	switch (version_relation(extension))
	{
		case VERSION_TOO_OLD:
			snprintf(buffer, size, "version mismatch: the extension pulse in database \"%s\" is %s, and pulse-worker " PULSE_VERSION
					 " serves " PULSE_OLDEST_EXTENSION " and later; run ALTER EXTENSION pulse UPDATE there", database, extension);
			return buffer;
		case VERSION_TOO_NEW:
			snprintf(buffer, size, "version mismatch: the extension pulse in database \"%s\" is %s, newer than pulse-worker " PULSE_VERSION
					 " can serve; install pulse-worker %s", database, extension, extension);
			return buffer;
		case VERSION_UNKNOWN:
			snprintf(buffer, size, "version mismatch: the extension pulse in database \"%s\" calls itself %s, which pulse-worker " PULSE_VERSION
					 " does not know", database, extension);
			return buffer;
		default:
			return NULL;
	}
}
