#ifndef PULSE_WORKER_H
#define PULSE_WORKER_H

#include <stdbool.h>

struct worker_options
{
	const char *config_path;
	const char *environment;	/* NULL = none */
	const char *dashboard_directory;	/* NULL = the embedded one */
};

/* Runs the daemon until it is told to stop; returns the exit status. */
extern int	worker_run(const struct worker_options *options);

#endif
