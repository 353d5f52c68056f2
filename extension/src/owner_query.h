/*
 * Running SQL that a user registered.
 */
#ifndef PULSE_OWNER_QUERY_H
#define PULSE_OWNER_QUERY_H

/* What one run may take. */
typedef struct PulseOwnerQuery
{
	const char *query;
	Oid			role;
	const char *search_path;
	int			time_limit_ms;
	int			max_rows;
	int			max_bytes;
} PulseOwnerQuery;

/*
 * Runs a query as a role, confined and read-only, and returns its rows as the text of a JSON array, or NULL and the
 * error. Whatever it did to the transaction is undone. SPI must be connected.
 */
extern char *pulse_run_owner_query(const PulseOwnerQuery *query, ErrorData **error);

/* Whether a text is one SELECT; an error says what it is instead. */
extern void pulse_check_owner_query(const char *query);

#endif							/* PULSE_OWNER_QUERY_H */
