#ifndef PULSE_ROUTES_H
#define PULSE_ROUTES_H

#include "answers.h"
#include "auth.h"
#include "http.h"
#include "text.h"

#include <stdint.h>

#define ROUTE_MAX_PARAMETERS 8

/* SNAPSHOT, with a portfolio and what the client may see; the WebSocket side asks the same, so that one answer serves both. */
#define SNAPSHOT_SQL \
	"SELECT s::text, s->>'seq', s->>'epoch' FROM (SELECT CASE WHEN $2::text[] IS NULL THEN %s.pulse_snapshot($1)" \
	" ELSE pg_catalog.jsonb_set(%s.pulse_snapshot($1), '{portfolios}', pg_catalog.to_jsonb($2::text[])) END AS s) AS cut"

enum parameter_type
{
	PARAMETER_TEXT,
	PARAMETER_INTEGER,
	PARAMETER_PATH,				/* what stands in the place of {…} */
	PARAMETER_PATH_INTEGER,
	PARAMETER_PORTFOLIO,		/* one that the client may see; without one all that it may see */
	PARAMETER_VISIBLE,			/* text[] of the portfolios that the client may see, NULL for all */
	PARAMETER_BY,				/* who asks */
	PARAMETER_BODY_TEXT,		/* members of the request's body, which is a JSON object */
	PARAMETER_BODY_JSON
};

struct parameter
{
	const char *name;
	enum parameter_type type;
	const char *initial;		/* NULL = SQL NULL */
	long long	minimum;
	long long	maximum;
};

enum weight
{
	LIGHT,						/* small and wanted at once: never behind an analysis */
	HEAVY
};

/* A path to a statement with typed parameters; what it answers is one value, the JSON text of the response. */
struct route
{
	enum http_method method;
	enum scope	scope;
	enum weight weight;
	const char *path;
	const char *sql;			/* every %s stands for the schema of the functions */
	struct parameter parameters[ROUTE_MAX_PARAMETERS];
};

extern const struct route routes[];
extern const int route_count;
extern const char ack_sql[];	/* alert_id, by, note, visible portfolios */

extern char *route_sql(const char *sql, const char *schema);
extern bool route_whole(const struct principal *principal, const struct database_facts *facts, const char **portfolio);
extern void route_narrow(struct question *question, const char *visible, struct text *parameters);

#endif
