#include "resources.h"

#include "log.h"
#include "machine.h"
#include "memory.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LOOK_MS 1000
#define MAX_MESSAGE 1000

enum level
{
	LEVEL_HEALTHY,
	LEVEL_WARNING,
	LEVEL_CRITICAL
};

struct resources
{
	struct loop *loop;
	struct database *database;
	const struct config *config;
	struct loop_timer timer;
	struct machine machine;
	int			looks;
	enum level	level;			/* last one reported, for the log */
};

/* The state of everything so far: the worst level, and what is above its threshold. */
struct judgement
{
	enum level	level;
	struct text problems;
};

static void
judge(struct judgement *judgement, const char *what, double value, double warning, double critical)
{
	enum level	level = value >= critical ? LEVEL_CRITICAL : value >= warning ? LEVEL_WARNING : LEVEL_HEALTHY;

	if (level > judgement->level)
		judgement->level = level;
	if (level != LEVEL_HEALTHY && judgement->problems.length < MAX_MESSAGE)
		text_printf(&judgement->problems, "%s%s at %.0f %%", judgement->problems.length > 0 ? ", " : "", what, value * 100);
}

static void
write_fraction(struct text *out, const char *name, double value)
{
	if (value < 0)
		text_printf(out, "\"%s\":null", name);
	else
		text_printf(out, "\"%s\":%.4f", name, value);
}

static void
write_disks(struct text *out, const struct machine *machine)
{
	text_append(out, ",\"disks\":[");
	for (int i = 0; i < machine->disk_count; i++)
	{
		const struct machine_disk *disk = &machine->disks[i];

		text_append(out, i > 0 ? ",{\"mount\":" : "{\"mount\":");
		text_append_json(out, disk->mount);
		text_printf(out, ",\"size_bytes\":%" PRIu64 ",", disk->size);
		write_fraction(out, "used", disk->used);
		text_append_char(out, ',');
		write_fraction(out, "inodes_used", disk->inodes);
		text_append_char(out, '}');
	}
	text_append_char(out, ']');
}

static void
write_interfaces(struct text *out, const struct machine *machine)
{
	text_append(out, ",\"network\":[");
	for (int i = 0; i < machine->interface_count; i++)
	{
		const struct machine_interface *interface = &machine->interfaces[i];

		text_append(out, i > 0 ? ",{\"interface\":" : "{\"interface\":");
		text_append_json(out, interface->name);
		text_append_char(out, ',');
		write_fraction(out, "receive_bytes_per_second", interface->receive_rate);
		text_append_char(out, ',');
		write_fraction(out, "send_bytes_per_second", interface->send_rate);
		text_printf(out, ",\"errors\":%" PRIu64 "}", interface->errors);
	}
	text_append_char(out, ']');
}

static void
write_details(struct text *out, const struct machine *machine)
{
	text_append_char(out, '{');
	write_fraction(out, "cpu", machine->cpu);
	text_printf(out, ",\"processors\":%.4g,\"load\":[%.2f,%.2f,%.2f],", machine->processor_share, machine->load[0],
				machine->load[1], machine->load[2]);
	write_fraction(out, "memory", machine->memory);
	text_printf(out, ",\"memory_bytes\":%" PRIu64 ",\"memory_limit\":\"%s\",", machine->memory_total,
				machine->memory_is_group ? "control group" : "machine");
	write_fraction(out, "swap", machine->swap);
	text_append_char(out, ',');
	write_fraction(out, "open_files", machine->files);
	write_disks(out, machine);
	write_interfaces(out, machine);
	text_printf(out, ",\"worker\":{\"memory_bytes\":%" PRIu64 ",\"open_files\":%d,\"open_files_limit\":%d}}",
				machine->own_memory, machine->own_files, machine->own_file_limit);
}

static void
judge_machine(const struct resources *resources, struct judgement *judgement)
{
	const struct machine *machine = &resources->machine;
	const struct config *config = resources->config;
	char		what[300];

	judge(judgement, "CPU", machine->cpu, config->cpu_warning, config->cpu_critical);
	judge(judgement, "memory", machine->memory, config->memory_warning, config->memory_critical);
	judge(judgement, "open files", machine->files, config->disk_warning, config->disk_critical);
	if (machine->own_file_limit > 0)
		judge(judgement, "the worker's open files", (double) machine->own_files / machine->own_file_limit,
			  config->disk_warning, config->disk_critical);
	for (int i = 0; i < machine->disk_count; i++)
	{
		snprintf(what, sizeof(what), "disk %s", machine->disks[i].mount);
		judge(judgement, what, machine->disks[i].used, config->disk_warning, config->disk_critical);
		snprintf(what, sizeof(what), "inodes of %s", machine->disks[i].mount);
		judge(judgement, what, machine->disks[i].inodes, config->disk_warning, config->disk_critical);
	}
}

static void
write_summary(struct text *out, const struct machine *machine)
{
	double		fullest = 0;

	for (int i = 0; i < machine->disk_count; i++)
		fullest = machine->disks[i].used > fullest ? machine->disks[i].used : fullest;
	text_printf(out, "CPU %.0f %%, memory %.0f %%, fullest disk %.0f %%, load %.2f", machine->cpu * 100, machine->memory * 100,
				fullest * 100, machine->load[0]);
}

static void
report(struct resources *resources)
{
	static const char *const names[] = {"HEALTHY", "WARNING", "CRITICAL"};
	const struct database_facts *facts = database_facts(resources->database);
	struct judgement judgement = {0};
	struct text details = {0};
	struct text sql = {0};

	judge_machine(resources, &judgement);
	if (judgement.level == LEVEL_HEALTHY)
		write_summary(&judgement.problems, &resources->machine);
	if (judgement.level != resources->level)
		log_message(judgement.level > LEVEL_HEALTHY ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "resources", "%s: %s",
					names[judgement.level], judgement.problems.data);
	resources->level = judgement.level;
	if (database_is_ready(resources->database) && !facts->standby && facts->has_health)
	{
		struct database_query query = {.parameter_count = 4};

		write_details(&details, &resources->machine);
		text_printf(&sql, "SELECT %s.pulse_record_health($1, $2, $3, NULL, $4::jsonb)", facts->schema);
		query.sql = sql.data;
		query.parameters[0] = resources->config->resources_component;
		query.parameters[1] = names[judgement.level];
		query.parameters[2] = judgement.problems.data;
		query.parameters[3] = details.data;
		database_query(resources->database, &query);
	}
	text_free(&judgement.problems);
	text_free(&details);
	text_free(&sql);
}

static void
timer_due(void *arg)
{
	struct resources *resources = arg;
	const struct config *config = resources->config;

	machine_look(&resources->machine, config->proc_directory, config->sys_directory, &config->disks);
	/* The first look has no rates yet, so the second comes soon. */
	loop_timer_set(resources->loop, &resources->timer, resources->looks++ == 0 ? FIRST_LOOK_MS : config->resources_interval * 1000);
	if (resources->looks > 1)
		report(resources);
}

/* Takes over a configuration. */
void
resources_configure(struct resources *resources, const struct config *config)
{
	resources->config = config;
	if (!config->resources_enabled)
		loop_timer_cancel(resources->loop, &resources->timer);
	else
		loop_timer_set(resources->loop, &resources->timer, FIRST_LOOK_MS);
}

/* Begins to watch when the configuration says so. */
struct resources *
resources_open(struct loop *loop, struct database *database, const struct config *config)
{
	struct resources *resources = memory_alloc_zero(sizeof(*resources));

	resources->loop = loop;
	resources->database = database;
	resources->timer = (struct loop_timer) {.fn = timer_due,.arg = resources};
	resources_configure(resources, config);
	return resources;
}

/* Stops watching. */
void
resources_close(struct resources *resources)
{
	if (resources == NULL)
		return;
	loop_timer_cancel(resources->loop, &resources->timer);
	free(resources);
}
