#include "logs_file.h"

#include "log.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL (1 << 20)

/* Prepares a file that is opened with its first line. */
void
logs_file_init(struct logs_file *file, const char *directory, const char *kind)
{
	*file = (struct logs_file) {.directory = memory_string(directory),.kind = kind,.fd = -1};
}

/* Reads the number out of the last whole line, where the line is an event. */
static uint64_t
seq_of(const char *line, size_t length)
{
	char	   *copy = memory_string_n(line, length);
	const char *at = strstr(copy, "\"seq\":");
	uint64_t	seq = at != NULL ? strtoull(at + 6, NULL, 10) : 0;

	free(copy);
	return seq;
}

/* A line that was cut by a crash is no JSON and helps nobody: it goes, and is written again from the database. */
static void
mend(struct logs_file *file)
{
	struct stat status;
	off_t		from;
	char	   *tail;
	ssize_t		length;
	ssize_t		whole;
	ssize_t		start;

	file->last_seq = 0;
	if (fstat(file->fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size == 0)
		return;
	from = status.st_size > TAIL ? status.st_size - TAIL : 0;
	tail = memory_alloc((size_t) (status.st_size - from));
	length = pread(file->fd, tail, (size_t) (status.st_size - from), from);
	whole = length;
	while (whole > 0 && tail[whole - 1] != '\n')
		whole--;
	if (length > whole && (whole > 0 || from == 0))
	{
		log_warning("logs", "%s-%s.jsonl ended in the middle of a line, which is cut off", file->kind, file->date);
		if (ftruncate(file->fd, from + whole) < 0)
			log_error("logs", "cannot cut %s-%s.jsonl: %s", file->kind, file->date, strerror(errno));
	}
	start = whole > 0 ? whole - 1 : 0;
	while (start > 0 && tail[start - 1] != '\n')
		start--;
	if (whole > 0)
		file->last_seq = seq_of(tail + start, (size_t) (whole - start));
	free(tail);
}

/* Opens the file of a day, and mends its end. */
void
logs_file_open(struct logs_file *file, const char *date)
{
	char		path[600];

	logs_file_close(file);
	snprintf(path, sizeof(path), "%s/%s-%s.jsonl", file->directory, file->kind, date);
	snprintf(file->date, sizeof(file->date), "%s", date);
	file->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	if (file->fd < 0 && errno != ENOENT)
		file->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	file->problem = file->fd < 0 ? errno : 0;
	if (file->fd >= 0)
		mend(file);
}

/* Closes the file; what waits stays. */
void
logs_file_close(struct logs_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

/* Takes a line, which has no line end. */
void
logs_file_add(struct logs_file *file, const char *line, size_t length)
{
	file->lines++;
	while (file->waiting.length > 0 && file->waiting.length + length + 1 > LOGS_FILE_MAX_WAITING)
	{
		/* Half of it goes at a time, so that a full disk costs no more than a memmove now and then. */
		size_t		drop = 0;

		while (drop < file->waiting.length / 2 + 1 && drop < file->waiting.length)
		{
			const char *end = memchr(file->waiting.data + drop, '\n', file->waiting.length - drop);

			drop = (size_t) (end - file->waiting.data) + 1;
			file->lost++;
		}
		file->waiting.length -= drop;
		memmove(file->waiting.data, file->waiting.data + drop, file->waiting.length + 1);
	}
	text_append_n(&file->waiting, line, length);
	text_append_char(&file->waiting, '\n');
}

/* Writes what waits into the file of a day; returns false when something has to wait on. */
bool
logs_file_flush(struct logs_file *file, const char *date)
{
	ssize_t		written;
	struct stat before;
	bool		regular;

	if (file->waiting.length == 0)
		return true;
	if (file->fd < 0 || strcmp(file->date, date) != 0 || file->problem != 0)
		logs_file_open(file, date);
	if (file->fd < 0)
		return false;
	regular = fstat(file->fd, &before) == 0 && S_ISREG(before.st_mode);
	do
		written = write(file->fd, file->waiting.data, file->waiting.length);
	while (written < 0 && errno == EINTR);
	if (written == (ssize_t) file->waiting.length)
	{
		text_reset(&file->waiting);
		file->problem = 0;
		file->dirty = true;
		return true;
	}
	file->problem = written < 0 ? errno : ENOSPC;

	/* All or nothing: half a line must not stand there while the disk is full. */
	if (written > 0 && regular && ftruncate(file->fd, before.st_size) < 0)
		log_error("logs", "cannot cut %s-%s.jsonl: %s", file->kind, file->date, strerror(errno));
	return false;
}
