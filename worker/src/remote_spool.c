#include "remote_spool.h"

#include "memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENT (1 << 20)
#define MAX_WAITING (4 << 20)

static void
segment_path(const struct remote_spool *spool, uint64_t number, char path[700])
{
	snprintf(path, 700, "%s/%012" PRIu64 ".spool", spool->directory, number);
}

static size_t
segment_size(const struct remote_spool *spool, uint64_t number)
{
	char		path[700];
	struct stat status;

	segment_path(spool, number, path);
	return stat(path, &status) == 0 ? (size_t) status.st_size : 0;
}

static void
look_for_segments(struct remote_spool *spool)
{
	DIR		   *listing = opendir(spool->directory);
	struct dirent *entry;
	bool		any = false;

	while (listing != NULL && (entry = readdir(listing)) != NULL)
	{
		char	   *end;
		uint64_t	number = strtoull(entry->d_name, &end, 10);

		if (strlen(entry->d_name) != 18 || strcmp(end, ".spool") != 0)
			continue;
		if (!any || number < spool->oldest)
			spool->oldest = number;
		if (!any || number > spool->newest)
			spool->newest = number;
		any = true;
		spool->bytes += segment_size(spool, number);
	}
	if (listing != NULL)
		closedir(listing);
	/* What a crash cut stays the last line of an old file, where it is passed over. */
	if (any)
		spool->newest++;
}

/* Opens the spool of an endpoint below a directory. */
void
remote_spool_open(struct remote_spool *spool, const char *parent, const char *name, uint64_t max_bytes)
{
	char		path[700];
	struct text directory = {0};
	FILE	   *file;
	uint64_t	number;
	size_t		offset;

	*spool = (struct remote_spool) {.max_bytes = max_bytes,.oldest = 1,.newest = 1};
	text_printf(&directory, "%s/%s.spool", parent, name);
	spool->directory = text_detach(&directory);
	mkdir(spool->directory, 0750);
	look_for_segments(spool);
	snprintf(path, sizeof(path), "%s/.offset", spool->directory);
	file = fopen(path, "re");
	if (file != NULL && fscanf(file, "%" SCNu64 " %zu", &number, &offset) == 2 && number == spool->oldest)
		spool->offset = offset;
	if (file != NULL)
		fclose(file);
}

/* Writes what waits, and forgets the rest. */
void
remote_spool_close(struct remote_spool *spool)
{
	remote_spool_flush(spool);
	text_free(&spool->waiting);
	free(spool->directory);
	*spool = (struct remote_spool) {0};
}

/* Takes a line, which has no line end. */
void
remote_spool_add(struct remote_spool *spool, const char *kind, int64_t nanoseconds, const char *line, size_t length)
{
	if (spool->waiting.length + length > MAX_WAITING)
	{
		spool->lost++;
		return;
	}
	text_printf(&spool->waiting, "%" PRId64 "\t%s\t", nanoseconds, kind);
	text_append_n(&spool->waiting, line, length);
	text_append_char(&spool->waiting, '\n');
}

static uint64_t
count_lines(const char *path)
{
	FILE	   *file = fopen(path, "re");
	uint64_t	lines = 0;
	int			character;

	while (file != NULL && (character = getc_unlocked(file)) != EOF)
		lines += character == '\n';
	if (file != NULL)
		fclose(file);
	return lines;
}

static void
remove_oldest(struct remote_spool *spool)
{
	char		path[700];

	segment_path(spool, spool->oldest, path);
	spool->bytes -= segment_size(spool, spool->oldest);
	unlink(path);
	if (spool->oldest == spool->newest)
	{
		spool->newest++;
		spool->newest_size = 0;
	}
	spool->oldest++;
	spool->offset = 0;
}

/* Writes what waits into the newest file; returns false when it has to wait on. */
bool
remote_spool_flush(struct remote_spool *spool)
{
	char		path[700];
	int			fd;
	ssize_t		written;

	if (spool->waiting.length == 0)
		return true;
	if (spool->newest_size >= SEGMENT)
	{
		spool->newest++;
		spool->newest_size = 0;
	}
	while (spool->bytes + spool->waiting.length > spool->max_bytes && spool->oldest < spool->newest)
	{
		segment_path(spool, spool->oldest, path);
		spool->lost += count_lines(path);
		remove_oldest(spool);
	}
	segment_path(spool, spool->newest, path);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	written = fd >= 0 ? write(fd, spool->waiting.data, spool->waiting.length) : -1;
	spool->problem = written == (ssize_t) spool->waiting.length ? 0 : written < 0 ? errno : ENOSPC;
	if (written > 0 && spool->problem != 0 && ftruncate(fd, (off_t) spool->newest_size) < 0)
		spool->newest_size = SEGMENT;	/* half a line ends this file */
	if (fd >= 0)
		close(fd);
	if (spool->problem != 0)
		return false;
	spool->newest_size += spool->waiting.length;
	spool->bytes += spool->waiting.length;
	text_reset(&spool->waiting);
	return true;
}

/* Reads whole lines from the first that is not acknowledged; returns how many bytes, 0 when there are none. */
size_t
remote_spool_read(struct remote_spool *spool, size_t most, struct text *out)
{
	char		path[700];
	char	   *block;
	ssize_t		length;
	int			fd;

	for (;;)
	{
		segment_path(spool, spool->oldest, path);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		block = memory_alloc(most);
		length = fd >= 0 ? pread(fd, block, most, (off_t) spool->offset) : 0;
		if (fd >= 0)
			close(fd);
		while (length > 0 && block[length - 1] != '\n')
			length--;
		/* A line longer than all that is asked for is read alone. */
		if (length == 0 && spool->offset + most < segment_size(spool, spool->oldest) && most < (16 << 20))
		{
			free(block);
			return remote_spool_read(spool, most * 2, out);
		}
		if (length > 0)
			text_append_n(out, block, (size_t) length);
		free(block);
		if (length > 0 || spool->oldest == spool->newest)
			return length > 0 ? (size_t) length : 0;
		remove_oldest(spool);
	}
}

/* Forgets bytes that have arrived. */
void
remote_spool_acknowledge(struct remote_spool *spool, size_t bytes)
{
	char		path[700];
	FILE	   *file;

	spool->offset += bytes;
	if (spool->offset >= segment_size(spool, spool->oldest))
		remove_oldest(spool);
	snprintf(path, sizeof(path), "%s/.offset", spool->directory);
	file = fopen(path, "we");
	if (file == NULL)
		return;
	fprintf(file, "%" PRIu64 " %zu\n", spool->oldest, spool->offset);
	fclose(file);
}

/* Tells whether nothing is written that has not arrived. */
bool
remote_spool_is_empty(const struct remote_spool *spool)
{
	return spool->oldest == spool->newest && spool->offset >= spool->newest_size;
}
