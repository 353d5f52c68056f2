#include "assets.h"

#include "memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGEST_FILE (16 << 20)

static const char no_dashboard[] =
"this pulse-worker was built without the dashboard; run make in worker/ where npm is installed, or pass --dashboard-dir";

static const char *
content_type(const char *name)
{
	static const char *const types[][2] = {
		{".html", "text/html; charset=utf-8"},
		{".js", "text/javascript; charset=utf-8"},
		{".css", "text/css; charset=utf-8"},
		{".svg", "image/svg+xml"},
		{".json", "application/json"},
		{".webmanifest", "application/manifest+json"},
		{".png", "image/png"},
		{".ico", "image/vnd.microsoft.icon"},
		{".woff2", "font/woff2"},
		{".txt", "text/plain; charset=utf-8"},
		{".map", "application/json"},
	};
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++)
	{
		if (strcmp(dot, types[i][0]) == 0)
			return types[i][1];
	}
	return "application/octet-stream";
}

static bool
respond_embedded(struct exchange *exchange, const char *name)
{
	for (int i = 0; i < assets_embedded_count; i++)
	{
		const struct asset *asset = &assets_embedded[i];
		const unsigned char *from = asset->plain;
		const unsigned char *to = asset->plain_end;

		if (strcmp(asset->name, name) != 0)
			continue;
		exchange->page = true;
		exchange->gzip = exchange->accepts_gzip && asset->packed_end - asset->packed < to - from;
		if (exchange->gzip)
		{
			from = asset->packed;
			to = asset->packed_end;
		}
		/* The two encodings are different representations, so their tags differ. */
		snprintf(exchange->etag, sizeof(exchange->etag), "%.*s%s\"", (int) strlen(asset->etag) - 1, asset->etag,
				 exchange->gzip ? "-gz" : "");
		http_respond(exchange, 200, content_type(name), (const char *) from, (size_t) (to - from));
		return true;
	}
	return false;
}

/* Only for development: reads the file at every request. Names have no slash, so nothing outside can be reached. */
static bool
respond_from_directory(struct exchange *exchange, const char *directory, const char *name)
{
	char		path[4096];
	struct stat status;
	char	   *body;
	ssize_t		length;
	int			fd;

	if ((size_t) snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > LARGEST_FILE)
	{
		close(fd);
		return false;
	}
	body = memory_alloc((size_t) status.st_size + 1);
	length = read(fd, body, (size_t) status.st_size);
	close(fd);
	exchange->page = true;
	exchange->owned = body;
	http_respond(exchange, 200, content_type(name), body, length > 0 ? (size_t) length : 0);
	return true;
}

/* Responds with the built-in file that the last part of the path names. */
void
assets_respond_document(struct exchange *exchange)
{
	if (respond_embedded(exchange, strrchr(exchange->path, '/') + 1))
		exchange->page = false;
	else
		http_problem(exchange, 404, "Not Found", "there is no such document");
}

/* Responds with a file of the dashboard; returns false when there is no such file. */
bool
assets_respond(struct exchange *exchange, const char *directory)
{
	const char *name = strcmp(exchange->path, "/") == 0 ? "index.html" : exchange->path + 1;

	if (name[0] == '.' || strchr(name, '/') != NULL)
		return false;
	if (directory != NULL)
		return respond_from_directory(exchange, directory, name);
	if (respond_embedded(exchange, name))
		return true;
	if (strcmp(name, "index.html") != 0)
		return false;
	http_problem(exchange, 404, "Not Found", no_dashboard);
	return true;
}
