/*
 * The module's entry: magic block, initialisation, version.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "src/compat.h"
#include "src/dirty.h"
#include "src/settings.h"
#include "src/worker_process.h"

PULSE_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(pulse_version);

void		_PG_init(void);

/* Sets the library up, in the postmaster when it is preloaded, else in the first session that calls into it. */
void
_PG_init(void)
{
	pulse_define_settings();
	pulse_register_xact_callback();
	if (process_shared_preload_libraries_in_progress && !IsBinaryUpgrade)
		pulse_register_launcher();
}

/* Returns the version this library was built as. */
Datum
pulse_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(PULSE_VERSION));
}
