/*
 * Starts of a worker that keeps dying.
 *
 * A worker that crashes takes the whole server through crash recovery, and whatever it stumbled over is still there when it
 * comes back. The launcher's own backoff is gone by then, as its memory is, so the number of starts without one complete
 * cycle stands in pulse.worker.
 */
#include "postgres.h"

#include "executor/spi.h"

#include "src/compat.h"
#include "src/statement.h"
#include "src/worker_start.h"

/* So many starts may fail at once before there is a pause, which then doubles. */
#define FREE_STARTS 3
#define MAX_PAUSE_SECONDS 60

static PulseStatement count_start = {
	"UPDATE pulse.worker SET starts = least(starts, 1000) + 1 WHERE singleton RETURNING starts", 0, {0}, NULL
};

static PulseStatement forget_starts = {
	"UPDATE pulse.worker SET starts = 0 WHERE singleton AND starts > 0", 0, {0}, NULL
};

/* Counts a start and returns how many seconds to wait before the first cycle. */
int
pulse_count_start(void)
{
	int			starts = 0;
	bool		null;

	SPI_connect();
	if (pulse_run(&count_start, NULL, NULL) == 1)
		starts = DatumGetInt32(pulse_result(1, &null));
	SPI_finish();
	if (starts <= FREE_STARTS)
		return 0;
	return starts - FREE_STARTS > 6 ? MAX_PAUSE_SECONDS : Min(1 << (starts - FREE_STARTS), MAX_PAUSE_SECONDS);
}

/* Notes that a whole cycle has gone well. */
void
pulse_start_succeeded(void)
{
	SPI_connect();
	pulse_run(&forget_starts, NULL, NULL);
	SPI_finish();
}
