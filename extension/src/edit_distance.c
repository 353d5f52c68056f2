/*
 * How far two words are from each other, for hints.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/varlena.h"

#include "src/compat.h"

PG_FUNCTION_INFO_V1(pulse_edit_distance);

/* The server's function takes 255 characters and needs memory and time for the product of both lengths. */
#define MAX_CHARACTERS 200

/* The bytes of a text that its first characters take. */
static int
clipped_length(const text *value)
{
	return pg_mbcharcliplen(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value), MAX_CHARACTERS);
}

/* Returns the Levenshtein distance of two texts. */
Datum
pulse_edit_distance(PG_FUNCTION_ARGS)
{
	text	   *a = PG_GETARG_TEXT_PP(0);
	text	   *b = PG_GETARG_TEXT_PP(1);

	PG_RETURN_INT32(varstr_levenshtein(VARDATA_ANY(a), clipped_length(a), VARDATA_ANY(b), clipped_length(b), 1, 1, 1, true));
}
