#ifndef PULSE_MACHINE_H
#define PULSE_MACHINE_H

#include "config.h"

#include <stdbool.h>
#include <stdint.h>

/* What the kernel says about this machine, or about the container's share of it. Fractions; a negative one is unknown. */
#define MACHINE_MAX_DISKS 32
#define MACHINE_MAX_INTERFACES 32

struct machine_disk
{
	char		mount[256];
	uint64_t	size;			/* bytes */
	double		used;			/* of what users may use */
	double		inodes;
};

struct machine_interface
{
	char		name[32];
	uint64_t	received;		/* bytes since boot */
	uint64_t	sent;
	uint64_t	errors;			/* errors and drops of both directions */
	double		receive_rate;	/* bytes a second since the last look */
	double		send_rate;
};

struct machine
{
	uint64_t	looked_at;		/* monotonic microseconds; 0 = never */

	int			processors;
	double		processor_share;	/* processors that the control group may use at a time */
	double		load[3];
	uint64_t	cpu_busy;		/* ticks since boot, and the control group's microseconds */
	uint64_t	cpu_total;
	uint64_t	group_cpu;
	double		cpu;			/* since the last look */

	uint64_t	memory_total;	/* bytes; the control group's limit where that is lower */
	double		memory;
	bool		memory_is_group;
	uint64_t	swap_total;
	double		swap;

	struct machine_disk disks[MACHINE_MAX_DISKS];
	int			disk_count;
	struct machine_interface interfaces[MACHINE_MAX_INTERFACES];
	int			interface_count;

	double		files;			/* open files of the whole system */
	int			own_files;
	int			own_file_limit;
	uint64_t	own_memory;		/* resident bytes of this process */
};

extern void machine_look(struct machine *machine, const char *proc, const char *sys, const struct config_list *mounts);

#endif
