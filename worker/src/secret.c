#include "secret.h"

#include "log.h"
#include "memory.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_SECRET 1024

/* Reads a secret from a file and trims it; returns NULL and says why. */
char *
secret_read_file(const char *path, char *problem, size_t size)
{
	char		buffer[MAX_SECRET + 1];
	size_t		length;
	struct stat status;
	FILE	   *file = fopen(path, "re");
	char	   *secret;

	if (file == NULL)
	{
		snprintf(problem, size, "cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fileno(file), &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH)) != 0)
		log_warning("config", "%s can be read by everybody; chmod 600 it", path);
	length = fread(buffer, 1, MAX_SECRET, file);
	fclose(file);
	buffer[length] = '\0';
	while (length > 0 && isspace((unsigned char) buffer[length - 1]))
		buffer[--length] = '\0';
	if (length == 0)
	{
		snprintf(problem, size, "%s is empty", path);
		return NULL;
	}
	secret = memory_string(buffer);
	explicit_bzero(buffer, sizeof(buffer));
	log_hide_secret(secret);
	return secret;
}

/* Looks a name up: a path is a file, else the environment's variable, else systemd's credential of that name in small letters. */
static char *
find(const char *name, char *problem, size_t size)
{
	const char *variable = name[0] == '/' ? NULL : getenv(name);
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char		path[512];
	size_t		used;
	struct stat status;

	if (name[0] == '/')
		return secret_read_file(name, problem, size);
	if (variable != NULL && *variable != '\0')
	{
		log_hide_secret(variable);
		return memory_string(variable);
	}
	if (directory != NULL && strchr(name, '/') == NULL)
	{
		used = (size_t) snprintf(path, sizeof(path), "%s/", directory);
		for (const char *c = name; *c != '\0' && used + 1 < sizeof(path); c++)
			path[used++] = (char) tolower((unsigned char) *c);
		path[used < sizeof(path) ? used : sizeof(path) - 1] = '\0';
		if (stat(path, &status) == 0)
			return secret_read_file(path, problem, size);
	}
	snprintf(problem, size, "${%s} is neither in the environment nor a credential", name);
	return NULL;
}

/* Replaces every ${NAME} of a value by its secret; returns NULL and says why when one is missing. */
char *
secret_expand(const char *value, char *problem, size_t size)
{
	struct text out = {0};
	const char *open;

	while ((open = strstr(value, "${")) != NULL)
	{
		const char *close = strchr(open, '}');
		char	   *name;
		char	   *secret;

		if (close == NULL)
		{
			snprintf(problem, size, "${ without }");
			text_free(&out);
			return NULL;
		}
		name = memory_string_n(open + 2, (size_t) (close - open - 2));
		secret = find(name, problem, size);
		free(name);
		if (secret == NULL)
		{
			text_free(&out);
			return NULL;
		}
		text_append_n(&out, value, (size_t) (open - value));
		text_append(&out, secret);
		explicit_bzero(secret, strlen(secret));
		free(secret);
		value = close + 1;
	}
	text_append(&out, value);
	return text_detach(&out);
}

/* Headers stand on one line of the configuration, separated by bars; here each gets its own line. */
char *
secret_header_lines(const char *headers)
{
	struct text lines = {0};

	while (headers != NULL && *headers != '\0')
	{
		size_t		length = strcspn(headers, "|");
		const char *start = headers;
		size_t		trimmed = length;

		while (trimmed > 0 && isspace((unsigned char) *start))
			start++, trimmed--;
		while (trimmed > 0 && isspace((unsigned char) start[trimmed - 1]))
			trimmed--;
		if (trimmed > 0 && lines.length > 0)
			text_append_char(&lines, '\n');
		text_append_n(&lines, start, trimmed);
		headers += length + (headers[length] == '|' ? 1 : 0);
	}
	return text_detach(&lines);
}
