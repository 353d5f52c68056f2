#include "machine.h"

#include "loop.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MAX_PATH 512

static FILE *
open_file(const char *root, const char *name)
{
	char		path[MAX_PATH * 2 + 64];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return fopen(path, "re");
}

/* Reads a file of one number; "max" and what is not there give the default. */
static uint64_t
read_number(const char *root, const char *name, uint64_t otherwise)
{
	FILE	   *file = open_file(root, name);
	uint64_t	number;

	if (file == NULL)
		return otherwise;
	if (fscanf(file, "%" SCNu64, &number) != 1)
		number = otherwise;
	fclose(file);
	return number;
}

/* Reads the number behind a name at the beginning of a line. */
static uint64_t
read_field(const char *root, const char *name, const char *field, uint64_t otherwise)
{
	FILE	   *file = open_file(root, name);
	char		line[256];
	size_t		length = strlen(field);
	uint64_t	number = otherwise;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
	{
		if (strncmp(line, field, length) == 0 && strchr(": \t", line[length]) != NULL)
		{
			number = strtoull(line + length + 1, NULL, 10);
			break;
		}
	}
	if (file != NULL)
		fclose(file);
	return number;
}

static double
share(uint64_t part, uint64_t whole)
{
	return whole > 0 ? (double) part / (double) whole : -1;
}

/* The control group's directory below /sys/fs/cgroup, "" when this process is in none of version 2. */
static void
find_group(const char *proc, const char *sys, char *path, size_t size)
{
	FILE	   *file = open_file(proc, "self/cgroup");
	char		line[MAX_PATH];

	path[0] = '\0';
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
	{
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "0::", 3) != 0)
			continue;
		if ((size_t) snprintf(path, size, "%s/fs/cgroup%s", sys, strcmp(line + 3, "/") == 0 ? "" : line + 3) >= size)
			path[0] = '\0';
	}
	if (file != NULL)
		fclose(file);
}

static void
look_at_cpu(struct machine *machine, const char *proc, const char *group, double seconds)
{
	FILE	   *file = open_file(proc, "stat");
	uint64_t	ticks[8] = {0};
	uint64_t	busy;
	uint64_t	total = 0;
	uint64_t	group_cpu = group[0] != '\0' ? read_field(group, "cpu.stat", "usage_usec", 0) : 0;
	double		quota = 0;
	double		period = 0;

	machine->processors = (int) sysconf(_SC_NPROCESSORS_ONLN);
	machine->processor_share = machine->processors;
	if (file != NULL)
	{
		if (fscanf(file, "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
				   &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4], &ticks[5], &ticks[6], &ticks[7]) < 4)
			memset(ticks, 0, sizeof(ticks));
		fclose(file);
	}
	for (int i = 0; i < 8; i++)
		total += ticks[i];
	busy = total - ticks[3] - ticks[4];	/* idle and waiting for disks */
	machine->cpu = -1;
	if (machine->looked_at > 0 && total > machine->cpu_total && busy >= machine->cpu_busy)
		machine->cpu = share(busy - machine->cpu_busy, total - machine->cpu_total);

	/* Under a quota the group is busy when its quota is used up, however idle the machine. */
	file = group[0] != '\0' ? open_file(group, "cpu.max") : NULL;
	if (file != NULL)
	{
		if (fscanf(file, "%lf %lf", &quota, &period) == 2 && period > 0 && quota / period < machine->processors)
		{
			machine->processor_share = quota / period;
			if (machine->looked_at > 0 && seconds > 0 && group_cpu >= machine->group_cpu)
				machine->cpu = (double) (group_cpu - machine->group_cpu) / 1e6 / seconds / machine->processor_share;
		}
		fclose(file);
	}
	machine->cpu_busy = busy;
	machine->cpu_total = total;
	machine->group_cpu = group_cpu;
}

static void
look_at_memory(struct machine *machine, const char *proc, const char *group)
{
	uint64_t	total = read_field(proc, "meminfo", "MemTotal", 0) * 1024;
	uint64_t	available = read_field(proc, "meminfo", "MemAvailable", 0) * 1024;
	uint64_t	swap_free = read_field(proc, "meminfo", "SwapFree", 0) * 1024;
	uint64_t	limit = group[0] != '\0' ? read_number(group, "memory.max", UINT64_MAX) : UINT64_MAX;

	machine->memory_total = total;
	machine->memory = total > 0 ? 1 - share(available, total) : -1;
	machine->memory_is_group = limit < total;
	if (machine->memory_is_group)
	{
		uint64_t	current = read_number(group, "memory.current", 0);
		uint64_t	cache = read_field(group, "memory.stat", "inactive_file", 0);

		/* Pages of files that nobody uses are given back before anything fails. */
		machine->memory_total = limit;
		machine->memory = share(current > cache ? current - cache : 0, limit);
	}
	machine->swap_total = read_field(proc, "meminfo", "SwapTotal", 0) * 1024;
	machine->swap = machine->swap_total > 0 ? 1 - share(swap_free, machine->swap_total) : -1;
}

/* Only file systems on a disk of this machine: asking a network file system could block for minutes. */
static bool
is_local_disk(const char *type)
{
	static const char *const types[] = {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "vfat", "overlay"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		if (strcmp(types[i], type) == 0)
			return true;
	}
	return false;
}

static bool
is_wanted(const char *mount, const struct config_list *mounts)
{
	for (int i = 0; i < mounts->count; i++)
	{
		if (strcmp(mounts->items[i], mount) == 0)
			return true;
	}
	return mounts->count == 0;
}

static void
look_at_disks(struct machine *machine, const char *proc, const struct config_list *mounts)
{
	FILE	   *file = open_file(proc, "self/mountinfo");
	char		line[2048];
	char		devices[MACHINE_MAX_DISKS][32];

	machine->disk_count = 0;
	while (file != NULL && fgets(line, sizeof(line), file) != NULL && machine->disk_count < MACHINE_MAX_DISKS)
	{
		struct machine_disk *disk = &machine->disks[machine->disk_count];
		char	   *device = devices[machine->disk_count];
		char	   *tail = strstr(line, " - ");
		char		type[32];
		struct statvfs status;
		bool		seen = false;

		if (tail == NULL || sscanf(line, "%*s %*s %31s %*s %255s", device, disk->mount) != 2 ||
			sscanf(tail, " - %31s", type) != 1 || !is_local_disk(type) || !is_wanted(disk->mount, mounts))
			continue;
		/* A file system that is mounted in several places is one disk. */
		for (int i = 0; i < machine->disk_count; i++)
			seen = seen || strcmp(devices[i], device) == 0;
		if (seen || statvfs(disk->mount, &status) < 0 || status.f_blocks == 0)
			continue;
		disk->size = (uint64_t) status.f_blocks * status.f_frsize;
		disk->used = share(status.f_blocks - status.f_bfree, status.f_blocks - status.f_bfree + status.f_bavail);
		disk->inodes = status.f_files > 0 ? share(status.f_files - status.f_ffree, status.f_files) : -1;
		machine->disk_count++;
	}
	if (file != NULL)
		fclose(file);
}

static void
look_at_network(struct machine *machine, const char *proc, double seconds)
{
	FILE	   *file = open_file(proc, "self/net/dev");
	struct machine_interface before[MACHINE_MAX_INTERFACES];
	int			before_count = machine->interface_count;
	char		line[512];

	memcpy(before, machine->interfaces, sizeof(before));
	machine->interface_count = 0;
	while (file != NULL && fgets(line, sizeof(line), file) != NULL && machine->interface_count < MACHINE_MAX_INTERFACES)
	{
		struct machine_interface *interface = &machine->interfaces[machine->interface_count];
		uint64_t	n[16] = {0};
		char	   *colon = strchr(line, ':');

		if (colon == NULL)
			continue;
		*colon = ' ';
		if (sscanf(line, " %31s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %*s %*s %*s %*s %" SCNu64 " %" SCNu64 " %" SCNu64
				   " %" SCNu64, interface->name, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7]) != 9 ||
			strcmp(interface->name, "lo") == 0)
			continue;
		interface->received = n[0];
		interface->sent = n[4];
		interface->errors = n[2] + n[3] + n[6] + n[7];
		interface->receive_rate = interface->send_rate = -1;
		for (int i = 0; i < before_count && seconds > 0; i++)
		{
			if (strcmp(before[i].name, interface->name) != 0 || before[i].received > n[0] || before[i].sent > n[4])
				continue;
			interface->receive_rate = (double) (n[0] - before[i].received) / seconds;
			interface->send_rate = (double) (n[4] - before[i].sent) / seconds;
		}
		machine->interface_count++;
	}
	if (file != NULL)
		fclose(file);
}

static void
look_at_files(struct machine *machine, const char *proc)
{
	FILE	   *file = open_file(proc, "sys/fs/file-nr");
	uint64_t	open = 0;
	uint64_t	most = 0;
	struct rlimit limit = {0};
	DIR		   *directory = opendir("/proc/self/fd");

	machine->files = -1;
	if (file != NULL)
	{
		if (fscanf(file, "%" SCNu64 " %*s %" SCNu64, &open, &most) == 2)
			machine->files = share(open, most);
		fclose(file);
	}
	machine->own_files = -3;		/* two dots and the directory itself */
	while (directory != NULL && readdir(directory) != NULL)
		machine->own_files++;
	if (directory != NULL)
		closedir(directory);
	getrlimit(RLIMIT_NOFILE, &limit);
	machine->own_file_limit = (int) limit.rlim_cur;
	machine->own_memory = read_field("/proc/self", "status", "VmRSS", 0) * 1024;
}

/*
 * Looks at everything. proc and sys are where the kernel's file systems are mounted: in a container the machine's own
 * may stand elsewhere. Rates need two looks; the structure remembers the last one.
 */
void
machine_look(struct machine *machine, const char *proc, const char *sys, const struct config_list *mounts)
{
	uint64_t	now = loop_now();
	double		seconds = machine->looked_at > 0 ? (double) (now - machine->looked_at) / 1e6 : 0;
	char		group[MAX_PATH * 2];
	FILE	   *file = open_file(proc, "loadavg");

	if (file == NULL || fscanf(file, "%lf %lf %lf", &machine->load[0], &machine->load[1], &machine->load[2]) != 3)
		machine->load[0] = machine->load[1] = machine->load[2] = -1;
	if (file != NULL)
		fclose(file);
	find_group(proc, sys, group, sizeof(group));
	look_at_cpu(machine, proc, group, seconds);
	look_at_memory(machine, proc, group);
	look_at_disks(machine, proc, mounts);
	look_at_network(machine, proc, seconds);
	look_at_files(machine, proc);
	machine->looked_at = now;
}
