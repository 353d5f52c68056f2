#ifndef PULSE_COMMANDS_H
#define PULSE_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

/* The commands that people may send, as data: what each asks the database, and who may. No I/O. */
enum command_kind
{
	COMMAND_LINES,				/* the answer's rows are label, kind, value, extra */
	COMMAND_REPORT,				/* the answer is a report */
	COMMAND_CHART,				/* the answers are chart data and monthly returns */
	COMMAND_ACTION,				/* the answer is a sentence */
	COMMAND_HELP
};

struct command
{
	const char *name;
	enum command_kind kind;
	bool		operate;		/* changes something */
	const char *title;
	const char *usage;			/* for /help */
	const char *sql;			/* %s stands for the schema of the functions; NULL for /help */
	int			parameters;		/* how many of: first word, second word, who, the rest */
};

#define COMMAND_MAX_ARGUMENT 200

struct command_call
{
	const struct command *command;
	char		first[COMMAND_MAX_ARGUMENT];
	char		second[COMMAND_MAX_ARGUMENT];
	char		rest[COMMAND_MAX_ARGUMENT];	/* behind the second word */
};

extern const struct command commands[];
extern const int command_count;

extern bool command_parse(const char *text, struct command_call *call);
extern bool command_parse_button(const char *data, struct command_call *call);
extern char *command_sql(const struct command *command, const char *schema);

#endif
