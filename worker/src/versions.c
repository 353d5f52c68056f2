#include "versions.h"

#include "database.h"
#include "log.h"
#include "memory.h"
#include "text.h"
#include "version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct versions
{
	struct database *database;
	void		(*changed) (void *arg);
	void	   *arg;
	char		library[32];	/* "" while unknown */
	char		problem[400];	/* "" when everything fits */
};

/* Says a problem once, and once that it is over. */
static void
conclude(struct versions *versions, const char *problem)
{
	if (strcmp(problem, versions->problem) == 0)
		return;
	if (problem[0] != '\0')
		log_warning("versions", "%s", problem);
	else
		log_info("versions", "the versions of program, extension and library fit again");
	snprintf(versions->problem, sizeof(versions->problem), "%s", problem);
	versions->changed(versions->arg);
}

/* The most useful advice first: what one step mends is not told as two problems. */
static void
judge(struct versions *versions, const char *extension)
{
	char		problem[sizeof(versions->problem)] = "";
	int			library = version_compare(versions->library, extension);

	if (library < 0)
		snprintf(problem, sizeof(problem), "version mismatch: the server still runs the library of Pulse %s under the extension %s;"
				 " restart the server", versions->library, extension);
	else if (library > 0)
		snprintf(problem, sizeof(problem), "version mismatch: the extension is still %s, the server runs the library of Pulse %s;"
				 " run ALTER EXTENSION pulse UPDATE", extension, versions->library);
	else if (version_relation(extension) == VERSION_OLDER)
		snprintf(problem, sizeof(problem), "version mismatch: the extension is %s, older than pulse-worker " PULSE_VERSION
				 ", and lacks some of what it offers; install Pulse " PULSE_VERSION " on the database's machine, restart the server"
				 " and run ALTER EXTENSION pulse UPDATE", extension);
	else if (version_relation(extension) == VERSION_NEWER)
		snprintf(problem, sizeof(problem), "version mismatch: the extension is %s, newer than pulse-worker " PULSE_VERSION
				 "; install pulse-worker %s", extension, extension);
	conclude(versions, problem);
}

static void
looked(void *arg, const struct database_reply *reply)
{
	struct versions *versions = arg;
	char		problem[sizeof(versions->problem)];

	if (reply->result != NULL && PQntuples(reply->result) == 1)
	{
		const char *extension = PQgetvalue(reply->result, 0, 0);

		if (strcmp(extension, database_facts(versions->database)->version) != 0)
		{
			/* What the greeting found out no longer holds. */
			snprintf(problem, sizeof(problem), "the extension has been changed to version %s", extension);
			database_reconnect(versions->database, problem);
			return;
		}
		snprintf(versions->library, sizeof(versions->library), "%s", PQgetvalue(reply->result, 0, 1));
		judge(versions, extension);
	}
	else if (reply->result != NULL || strcmp(reply->sqlstate, "42883") == 0 || strcmp(reply->sqlstate, "3F000") == 0)
		database_reconnect(versions->database, "the extension is no longer where it was");
	else if (strncmp(reply->sqlstate, "08", 2) != 0 && strncmp(reply->sqlstate, "57", 2) != 0)
	{
		snprintf(problem, sizeof(problem), "the library of the extension cannot be asked for its version: %s", reply->message);
		versions->library[0] = '\0';
		conclude(versions, problem);
	}
}

/* Asks the database for the versions there. */
void
versions_look(struct versions *versions)
{
	struct text sql = {0};
	struct database_query query = {.reply = looked,.arg = versions};

	if (!database_is_ready(versions->database))
		return;
	text_printf(&sql, "SELECT extversion, %s.pulse_version() FROM pg_catalog.pg_extension WHERE extname = 'pulse'",
				database_facts(versions->database)->schema);
	query.sql = sql.data;
	database_query(versions->database, &query);
	text_free(&sql);
}

/* Begins to look after the versions; the callback hears of a problem that came or went. */
struct versions *
versions_open(struct database *database, void (*changed) (void *arg), void *arg)
{
	struct versions *versions = memory_alloc_zero(sizeof(*versions));

	versions->database = database;
	versions->changed = changed;
	versions->arg = arg;
	return versions;
}

/* Ends it. */
void
versions_close(struct versions *versions)
{
	if (versions == NULL)
		return;
	database_forget(versions->database, versions);
	free(versions);
}

/* Returns what does not fit together, with the remedy, or "" when nothing is known to. */
const char *
versions_problem(const struct versions *versions)
{
	return versions->problem;
}

/* Writes the versions as a JSON object; null is what is not known yet. */
void
versions_write(struct text *out, const struct versions *versions)
{
	const char *extension = database_facts(versions->database)->version;

	text_append(out, "{\"worker\":\"" PULSE_VERSION "\",\"extension\":");
	text_append_json(out, extension[0] != '\0' ? extension : NULL);
	text_append(out, ",\"library\":");
	text_append_json(out, versions->library[0] != '\0' ? versions->library : NULL);
	text_append_char(out, '}');
}
