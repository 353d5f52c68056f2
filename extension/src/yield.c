/*
 * Giving way to the sessions that write, where the machine has no processor to spare.
 *
 * What a worker does with a change takes about as much processor time as making it. Where a processor is idle nobody
 * notices. Where none is, a worker with a backlog takes its share as any other process, and the bot has to go without:
 * so the worker then takes a twentieth of one processor and lets its backlog grow, up to a limit in time. That others
 * want its processor shows in how often the kernel takes it away, and that there is no other in how long processors have been
 * idle. Sessions of which there are fewer than processors have one each whatever the worker does. A priority would not do: the
 * kernel weighs priorities within a group of processes, and each process of a server may be a group of its own.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/backend_status.h"
#include "utils/timestamp.h"

#include "src/compat.h"
#include "src/settings.h"
#include "src/yield.h"

/* A cycle with fewer changes costs so little that what was changed is told at once, however busy the machine is. */
#define BACKLOG_MARKS 200
/* One interruption in so many microseconds of processor time is more than an idle machine knows. */
#define INTERRUPTION_US 20000
/* The pause for each unit of processor time, and the longest one: a machine that has become idle is noticed after it. */
#define PAUSE_PER_COST 19
#define MAX_PAUSE_MS 2000

/* Idle times are compared over so long at least; ones that are older tell nothing. */
#define LEAST_WINDOW_MS 200
#define LONGEST_WINDOW_MS 5000
/* What the daemon calls itself in pg_stat_activity. */
#define DAEMON_APPLICATION "pulse-worker"
/* A processor is to spare when one has been idle for so much of the time, in percent. */
#define SPARE_PERCENT 50

static struct rusage begun;
static bool yielding = false;

/* What the kernel has counted so far, over all processors, in its own unit. */
typedef struct ProcessorTimes
{
	TimestampTz at;				/* 0: nothing is known */
	long long	idle;
} ProcessorTimes;

/* Reads the beginning of a file of the kernel's. */
static bool
read_start(const char *path, char *buffer, size_t size)
{
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t		length = fd < 0 ? -1 : read(fd, buffer, size - 1);

	if (fd >= 0)
		close(fd);
	buffer[Max(length, 0)] = '\0';
	return length > 0;
}

/* How many processors the kernel limits our processor time to, whatever processors are idle; 0: it does not. */
static double
quota(void)
{
	static double known = -1;
	char		limit[64];
	double		time;
	double		period;

	if (known < 0)
		known = read_start("/sys/fs/cgroup/cpu.max", limit, sizeof(limit)) &&
			sscanf(limit, "%lf %lf", &time, &period) == 2 && period > 0 ? time / period : 0;
	return known;
}

/* How many processors there are for us. */
static double
processors(void)
{
	cpu_set_t	allowed;
	double		count = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : sysconf(_SC_NPROCESSORS_ONLN);

	return quota() > 0 ? Min(quota(), count) : count;
}

static ProcessorTimes
read_times(void)
{
	ProcessorTimes times = {0};
	char		line[256];
	long long	waiting;

	if (read_start("/proc/stat", line, sizeof(line)) &&
		sscanf(line, "cpu %*d %*d %*d %lld %lld", &times.idle, &waiting) == 2)
	{
		times.idle += waiting;
		times.at = GetCurrentTimestamp();
	}
	return times;
}

/* Whether a processor has been idle lately, so that nobody goes without the one that we use. */
static bool
processor_to_spare(void)
{
	static ProcessorTimes before;
	static bool spare = false;
	ProcessorTimes now;
	double		seconds;

	if (quota() > 0 || (before.at != 0 && !TimestampDifferenceExceeds(before.at, GetCurrentTimestamp(), LEAST_WINDOW_MS)))
		return spare;
	now = read_times();
	seconds = (double) (now.at - before.at) / USECS_PER_SEC;
	/* the first look begins a window; it is taken for idle, since a burst need not wait for its end */
	spare = now.at != 0 && (before.at == 0 || seconds > LONGEST_WINDOW_MS / 1000.0 ||
							(double) (now.idle - before.idle) / (double) sysconf(_SC_CLK_TCK) > seconds * SPARE_PERCENT / 100);
	before = now;
	return spare;
}

/*
 * Whether the sessions of clients that are at work could keep all processors busy among themselves. One that has just been
 * answered is at work as well: its client is about to go on. The daemon's read what the worker tells, and do not count.
 */
static bool
sessions_fill_processors(void)
{
	TimestampTz lately = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), -LEAST_WINDOW_MS);
	long		working = 0;
	int			backends;

	pgstat_clear_backend_activity_snapshot();
	backends = pgstat_fetch_stat_numbackends();
	for (int i = 1; i <= backends; i++)
	{
		PgBackendStatus *status = &PULSE_BACKEND_STATUS(i)->backendStatus;

		if (status->st_backendType == B_BACKEND && strcmp(status->st_appname, DAEMON_APPLICATION) != 0 &&
			(status->st_state == STATE_RUNNING || status->st_state == STATE_FASTPATH || status->st_state == STATE_DISABLED ||
			 status->st_state_start_timestamp >= lately))
			working++;
	}
	pgstat_clear_backend_activity_snapshot();
	return working >= processors();
}

/* Microseconds of a time as getrusage() has it. */
static int64
microseconds(const struct timeval *time)
{
	return (int64) time->tv_sec * USECS_PER_SEC + time->tv_usec;
}

/* Begins to measure a cycle. */
void
pulse_yield_begin(void)
{
	if (getrusage(RUSAGE_SELF, &begun) != 0)
		memset(&begun, 0, sizeof(begun));
}

/* Tells whether others want the processor while there is a backlog; and what the cycle has cost so far, in microseconds. */
static bool
pressed(const PulseTick *tick, int64 *cost)
{
	struct rusage now;
	long		interruptions;

	*cost = 0;
	if (tick->marks == 0 || (tick->marks < BACKLOG_MARKS && !tick->more) ||
		TimestampDifferenceExceeds(tick->oldest_mark, GetCurrentTimestamp(), pulse_yield_limit) ||
		getrusage(RUSAGE_SELF, &now) != 0)
		return false;
	*cost = microseconds(&now.ru_utime) + microseconds(&now.ru_stime) - microseconds(&begun.ru_utime) - microseconds(&begun.ru_stime);
	interruptions = now.ru_nivcsw - begun.ru_nivcsw;
	return interruptions > 1 && interruptions * (int64) INTERRUPTION_US >= *cost && !processor_to_spare() && sessions_fill_processors();
}

/* Whether the cycle in progress shall come to its end. */
bool
pulse_yield_wanted(const PulseTick *tick)
{
	int64		cost;

	return pressed(tick, &cost);
}

/* How long to pause after a cycle. */
long
pulse_yield_pause(const PulseTick *tick)
{
	int64		cost;

	yielding = pressed(tick, &cost);
	return !yielding ? 0 : (long) Max(1, Min(PAUSE_PER_COST * cost / 1000, MAX_PAUSE_MS));
}

/* Whether the last cycle ended with a pause. */
bool
pulse_yielding(void)
{
	return yielding;
}
