/*
 * Patterns of names: * stands for any characters, a leading ! takes names out again.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "src/alert_match.h"
#include "src/compat.h"

PG_FUNCTION_INFO_V1(pulse_matches);

/* Whether a name fits a pattern; linear but for going back to the last star. */
static bool
fits(const char *pattern, const char *pattern_end, const char *name, const char *name_end)
{
	const char *star = NULL;
	const char *retry = NULL;

	while (name < name_end)
	{
		if (pattern < pattern_end && *pattern == '*')
		{
			star = ++pattern;
			retry = name;
		}
		else if (pattern < pattern_end && *pattern == *name)
		{
			pattern++;
			name++;
		}
		else if (star != NULL)
		{
			pattern = star;
			name = ++retry;
		}
		else
			return false;
	}
	while (pattern < pattern_end && *pattern == '*')
		pattern++;
	return pattern == pattern_end;
}

/* Whether one of the patterns fits a name and no excluding one does; without any including one all fit. */
bool
pulse_name_matches(ArrayType *patterns, const text *name)
{
	Datum	   *values;
	bool	   *nulls;
	int			n;
	const char *name_begin = name == NULL ? "" : VARDATA_ANY(name);
	const char *name_end = name_begin + (name == NULL ? 0 : VARSIZE_ANY_EXHDR(name));
	bool		including = false;
	bool		found = false;

	if (patterns == NULL)
		return true;
	deconstruct_array(patterns, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		text	   *pattern;
		const char *begin;
		const char *end;
		bool		excludes;

		if (nulls[i])
			continue;
		pattern = DatumGetTextPP(values[i]);
		begin = VARDATA_ANY(pattern);
		end = begin + VARSIZE_ANY_EXHDR(pattern);
		excludes = begin < end && *begin == '!';
		if (excludes)
			begin++;
		else
			including = true;
		if (!fits(begin, end, name_begin, name_end))
			continue;
		if (excludes)
			return false;
		found = true;
	}
	return found || !including;
}

/* SQL: pulse.matches(patterns, name). */
Datum
pulse_matches(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(pulse_name_matches(PG_ARGISNULL(0) ? NULL : PG_GETARG_ARRAYTYPE_P(0), PG_ARGISNULL(1) ? NULL : PG_GETARG_TEXT_PP(1)));
}
