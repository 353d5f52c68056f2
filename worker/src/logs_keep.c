#include "logs_keep.h"

#include "log.h"
#include "memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define BLOCK 65536

static bool
copy_compressed(int in, gzFile out)
{
	char	   *block = memory_alloc(BLOCK);
	ssize_t		length;
	bool		good = true;

	while (good && (length = read(in, block, BLOCK)) != 0)
		good = length > 0 && gzwrite(out, block, (unsigned int) length) == (int) length;
	free(block);
	return good;
}

/* The compressed file is whole and on disk before the plain one goes, so that a crash leaves one of them. */
static void
compress_file(const char *path)
{
	char		part[700];
	char		target[700];
	int			in = open(path, O_RDONLY | O_CLOEXEC);
	int			out;
	int			kept;
	gzFile		zipped;
	bool		good;

	if (in < 0)
		return;
	snprintf(part, sizeof(part), "%s.gz.part", path);
	snprintf(target, sizeof(target), "%s.gz", path);
	out = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	kept = out >= 0 ? dup(out) : -1;
	zipped = kept >= 0 ? gzdopen(out, "wb6") : NULL;
	good = zipped != NULL && copy_compressed(in, zipped);
	if (zipped != NULL)
		good = gzclose(zipped) == Z_OK && good;
	else if (out >= 0)
		close(out);
	good = good && fsync(kept) == 0;
	if (kept >= 0)
		close(kept);
	close(in);
	if (good && rename(part, target) == 0)
		unlink(path);
	else
	{
		log_warning("logs", "%s stays uncompressed: %s", path, strerror(errno));
		unlink(part);
	}
}

/* Splits KIND-YYYY-MM-DD.jsonl[.gz[.part]]; returns the rest behind the date, or NULL for a file that is none of ours. */
static const char *
read_name(const char *name, const char *const kinds[], int kind_count, char date[11])
{
	for (int i = 0; i < kind_count; i++)
	{
		size_t		length = strlen(kinds[i]);

		if (strncmp(name, kinds[i], length) != 0 || name[length] != '-' || strlen(name) < length + 11)
			continue;
		memcpy(date, name + length + 1, 10);
		date[10] = '\0';
		if (strspn(date, "0123456789-") == 10 && strncmp(name + length + 11, ".jsonl", 6) == 0)
			return name + length + 17;
	}
	return NULL;
}

static int
days_between(const char *earlier, const char *later)
{
	struct tm	one = {0};
	struct tm	other = {0};

	if (strptime(earlier, "%Y-%m-%d", &one) == NULL || strptime(later, "%Y-%m-%d", &other) == NULL)
		return 0;
	return (int) ((timegm(&other) - timegm(&one)) / 86400);
}

/* Compresses what is of days before today, and deletes what is older than so many days. */
void
logs_keep(const char *directory, const char *const kinds[], int kind_count, const char *today, int retention_days, bool compress)
{
	DIR		   *listing = opendir(directory);
	struct dirent *entry;

	if (listing == NULL)
		return;
	while ((entry = readdir(listing)) != NULL)
	{
		char		date[11];
		char		path[600];
		const char *rest = read_name(entry->d_name, kinds, kind_count, date);

		if (rest == NULL || strcmp(date, today) >= 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (days_between(date, today) > retention_days || strcmp(rest, ".gz.part") == 0)
			unlink(path);
		else if (compress && rest[0] == '\0')
			compress_file(path);
	}
	closedir(listing);
}
