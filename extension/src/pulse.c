/*
 * The module's entry: magic block, initialisation, version.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "src/compat.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(pulse_version);

/* Returns the version this library was built as. */
Datum
pulse_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(PULSE_VERSION));
}
