#include "json.h"

#include "memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static json_t *
step(json_t *value, const char *token)
{
	char	   *end;
	unsigned long index;

	if (json_is_object(value))
		return json_object_get(value, token);
	if (!json_is_array(value) || *token < '0' || *token > '9')
		return NULL;
	index = strtoul(token, &end, 10);
	return *end == '\0' ? json_array_get(value, index) : NULL;
}

/* Finds a value by its JSON pointer (RFC 6901); returns NULL when it is not there. The reference is borrowed. */
json_t *
json_at(json_t *root, const char *pointer)
{
	while (root != NULL && pointer != NULL && *pointer == '/')
	{
		char		token[128];
		size_t		used = 0;

		for (pointer++; *pointer != '\0' && *pointer != '/'; pointer++)
		{
			char		c = *pointer;

			if (c == '~' && (pointer[1] == '0' || pointer[1] == '1'))
				c = *++pointer == '0' ? '~' : '/';
			if (used + 1 < sizeof(token))
				token[used++] = c;
		}
		token[used] = '\0';
		root = step(root, token);
	}
	return root;
}

/* Returns a scalar's text, or the compact JSON of anything else; "nothing" for what is not there. The caller frees it. */
char *
json_text(json_t *value)
{
	char	   *text;

	if (value == NULL)
		return memory_string("nothing");
	if (json_is_string(value))
		return memory_string(json_string_value(value));
	text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
	return text != NULL ? text : memory_string("nothing");
}

static bool
parse_iso(const char *text, double *milliseconds, double *resolution)
{
	struct tm	parts = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);
	double		fraction = 0;
	int			digits = 0;
	int			hours = 0;
	int			minutes = 0;

	if (rest == NULL)
		return false;
	if (*rest == '.')
	{
		for (rest++; *rest >= '0' && *rest <= '9'; rest++)
			fraction += (*rest - '0') * pow(10, -++digits);
	}
	if (*rest == '+' || *rest == '-')
	{
		int			sign = *rest == '-' ? -1 : 1;

		if (sscanf(rest + 1, "%2d:%2d", &hours, &minutes) < 1)
			return false;
		hours *= sign;
		minutes *= sign;
	}
	*milliseconds = ((double) timegm(&parts) - hours * 3600.0 - minutes * 60.0 + fraction) * 1000;
	*resolution = digits == 0 ? 1000 : 0;
	return true;
}

/* Reads a time of day in s, ms, us, ns or iso as milliseconds since 1970, and how coarse it is. */
bool
json_time_ms(const char *text, const char *unit, double *milliseconds, double *resolution)
{
	double		scale = strcmp(unit, "s") == 0 ? 1e3 : strcmp(unit, "us") == 0 ? 1e-3 : strcmp(unit, "ns") == 0 ? 1e-6 : 1;
	char	   *end;
	double		value;

	if (strcmp(unit, "iso") == 0)
		return parse_iso(text, milliseconds, resolution);
	value = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(value) || value <= 0)
		return false;
	*milliseconds = value * scale;
	*resolution = scale == 1e3 && strchr(text, '.') == NULL ? 1000 : 0;
	return true;
}
