/*
 * Reads the INI file into a struct config. The file is read whole and every problem in it is reported with its line;
 * a configuration with a problem is never used in part.
 */
#include "config.h"

#include "log.h"
#include "memory.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MAX_ASSIGNMENTS 512
#define MAX_SECRET 1024

/* One "key = value" of the file, kept until it is known which environment applies. */
struct assignment
{
	const struct config_key *key;
	char	   *environment;	/* NULL outside of [environment.…] */
	char	   *value;
	int			line;
};

struct reader
{
	const char *path;
	FILE	   *file;
	int			line;
	bool		continued;		/* the line starts with white space, so it continues the value above */
	struct assignment assignments[MAX_ASSIGNMENTS];
	int			count;
	struct assignment *latest;	/* what a continuation line adds to; NULL after a line that was wrong */
	struct text *errors;
};

/* Sections of the interface that other versions serve. They are refused by name, so that nobody believes in them. */
static const char *const later_sections[] = {"probe", "logs", "remote", "auth"};

static void __attribute__((format(printf, 3, 4)))
complain(struct reader *reader, int line, const char *format,...)
{
	char		message[512];
	va_list		arguments;

	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (line > 0)
		text_printf(reader->errors, "%s:%d: %s\n", reader->path, line, message);
	else
		text_printf(reader->errors, "%s: %s\n", reader->path, message);
}

/* Counts lines for inih, which as Debian builds it does not tell them, and refuses lines that it would cut. */
static char *
read_line(char *buffer, int size, void *stream)
{
	struct reader *reader = stream;
	size_t		length;
	int			character;

	if (fgets(buffer, size, reader->file) == NULL)
		return NULL;
	reader->line++;
	reader->continued = buffer[0] == ' ' || buffer[0] == '\t';
	length = strlen(buffer);
	if (length + 1 == (size_t) size && buffer[length - 1] != '\n')
	{
		complain(reader, reader->line, "line longer than %d characters; continue a long value on an indented line", size - 2);
		while ((character = fgetc(reader->file)) != '\n' && character != EOF)
			;
		buffer[0] = '\0';
	}
	return buffer;
}

static const struct config_key *
find_key(const char *section, const char *name, bool *section_known)
{
	*section_known = false;
	for (int i = 0; i < config_key_count; i++)
	{
		if (strcmp(config_keys[i].section, section) != 0)
			continue;
		*section_known = true;
		if (strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	}
	return NULL;
}

static void
complain_section(struct reader *reader, const char *section)
{
	for (size_t i = 0; i < sizeof(later_sections) / sizeof(later_sections[0]); i++)
	{
		size_t		length = strlen(later_sections[i]);

		if (strncmp(section, later_sections[i], length) == 0 && (section[length] == '\0' || section[length] == '.'))
		{
			complain(reader, reader->line, "section [%s] is not supported by this version of pulse-worker", section);
			return;
		}
	}
	if (section[0] == '\0')
		complain(reader, reader->line, "a key must stand below a [section]");
	else
		complain(reader, reader->line, "unknown section [%s]", section);
}

static bool
parse_boolean(const char *value, bool *result)
{
	static const char *const yes[] = {"true", "yes", "on", "1"};
	static const char *const no[] = {"false", "no", "off", "0"};

	for (int i = 0; i < 4; i++)
	{
		if (strcasecmp(value, yes[i]) == 0 || strcasecmp(value, no[i]) == 0)
		{
			*result = strcasecmp(value, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

/* Splits at commas and trims; the list of an empty value is empty. */
static void
parse_list(const char *value, struct config_list *list)
{
	while (*value != '\0')
	{
		size_t		length = strcspn(value, ",");
		const char *start = value;
		size_t		trimmed = length;

		while (trimmed > 0 && isspace((unsigned char) *start))
			start++, trimmed--;
		while (trimmed > 0 && isspace((unsigned char) start[trimmed - 1]))
			trimmed--;
		if (trimmed > 0)
		{
			list->items = memory_resize(list->items, sizeof(char *) * (size_t) (list->count + 1));
			list->items[list->count++] = memory_string_n(start, trimmed);
		}
		value += length + (value[length] == ',' ? 1 : 0);
	}
}

static void
free_list(struct config_list *list)
{
	for (int i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct config_list) {0};
}

/* Writes what is wrong with a value into the buffer; returns false when nothing is. */
static bool
value_problem(const struct config_key *key, const char *value, char *buffer, size_t size)
{
	const char *problem = NULL;
	char	   *end;
	bool		truth;
	long long	number;
	double		fraction;
	struct config_list list = {0};

	buffer[0] = '\0';
	switch (key->type)
	{
		case CONFIG_BOOLEAN:
			if (!parse_boolean(value, &truth))
				snprintf(buffer, size, "\"%s\" is neither true nor false", value);
			break;
		case CONFIG_INTEGER:
			errno = 0;
			number = strtoll(value, &end, 10);
			if (*value == '\0' || *end != '\0' || errno != 0)
				snprintf(buffer, size, "\"%s\" is not a whole number", value);
			else if (number < key->minimum || number > key->maximum)
				snprintf(buffer, size, "%s is outside of %lld to %lld", value, (long long) key->minimum,
						 (long long) key->maximum);
			break;
		case CONFIG_FRACTION:
			errno = 0;
			fraction = strtod(value, &end);
			if (*value == '\0' || *end != '\0' || errno != 0 || !(fraction >= 0 && fraction <= 1))
				snprintf(buffer, size, "\"%s\" is not a fraction from 0 to 1", value);
			break;
		case CONFIG_STRING:
			problem = *value == '\0' ? "empty" : (key->check != NULL ? key->check(value) : NULL);
			break;
		case CONFIG_LIST:
			parse_list(value, &list);
			for (int i = 0; i < list.count && problem == NULL; i++)
				problem = key->check != NULL ? key->check(list.items[i]) : NULL;
			free_list(&list);
			break;
	}
	if (problem != NULL)
		snprintf(buffer, size, "%s", problem);
	return buffer[0] != '\0';
}

static void
store(struct config *config, const struct config_key *key, const char *value)
{
	char	   *field = (char *) config + key->offset;

	switch (key->type)
	{
		case CONFIG_BOOLEAN:
			parse_boolean(value, (bool *) field);
			break;
		case CONFIG_INTEGER:
			*(int64_t *) field = strtoll(value, NULL, 10);
			break;
		case CONFIG_FRACTION:
			*(double *) field = strtod(value, NULL);
			break;
		case CONFIG_STRING:
			free(*(char **) field);
			*(char **) field = memory_string(value);
			break;
		case CONFIG_LIST:
			free_list((struct config_list *) field);
			parse_list(value, (struct config_list *) field);
			break;
	}
}

static void
continue_value(struct reader *reader, const char *value)
{
	struct text joined = {0};
	size_t		length = strlen(value);

	if (reader->latest == NULL)
		return;
	/* On these lines inih leaves a comment behind the value in place. */
	for (size_t i = 1; i < length; i++)
	{
		if (value[i] == ';' && isspace((unsigned char) value[i - 1]))
			length = i;
	}
	while (length > 0 && isspace((unsigned char) value[length - 1]))
		length--;
	text_printf(&joined, "%s %.*s", reader->latest->value, (int) length, value);
	free(reader->latest->value);
	reader->latest->value = text_detach(&joined);
}

static void
add_assignment(struct reader *reader, const struct config_key *key, const char *environment, const char *value)
{
	for (int i = 0; i < reader->count; i++)
	{
		struct assignment *other = &reader->assignments[i];
		bool		same_place = (environment == NULL && other->environment == NULL) ||
			(environment != NULL && other->environment != NULL && strcmp(environment, other->environment) == 0);

		if (other->key == key && same_place)
		{
			complain(reader, reader->line, "[%s] %s is set twice, first in line %d", key->section, key->name, other->line);
			return;
		}
	}
	if (reader->count == MAX_ASSIGNMENTS)
	{
		complain(reader, reader->line, "more than %d settings", MAX_ASSIGNMENTS);
		return;
	}
	reader->latest = &reader->assignments[reader->count++];
	*reader->latest = (struct assignment) {.key = key,.environment = memory_string(environment),
		.value = memory_string(value),.line = reader->line};
}

static void
read_override(struct reader *reader, const char *environment, const char *name, const char *value)
{
	const char *dot = strrchr(name, '.');
	char		section[64] = "";
	bool		section_known;
	const struct config_key *key;

	if (*environment == '\0' || dot == NULL || dot == name || (size_t) (dot - name) >= sizeof(section))
	{
		complain(reader, reader->line, "\"%s\" is not section.key, as [environment.%s] wants it", name, environment);
		return;
	}
	memcpy(section, name, (size_t) (dot - name));
	key = find_key(section, dot + 1, &section_known);
	if (key == NULL && !section_known)
		complain_section(reader, section);
	else if (key == NULL)
		complain(reader, reader->line, "unknown key \"%s\" in section [%s]", dot + 1, section);
	else
		add_assignment(reader, key, environment, value);
}

static int
handle_line(void *user, const char *section, const char *name, const char *value)
{
	struct reader *reader = user;
	const struct config_key *key;
	bool		section_known;

	if (reader->continued)
	{
		continue_value(reader, value);
		return 1;
	}
	reader->latest = NULL;
	if (strncmp(section, "environment.", 12) == 0)
	{
		read_override(reader, section + 12, name, value);
		return 1;
	}
	key = find_key(section, name, &section_known);
	if (key != NULL)
		add_assignment(reader, key, NULL, value);
	else if (!section_known)
		complain_section(reader, section);
	else
		complain(reader, reader->line, "unknown key \"%s\" in section [%s]", name, section);
	return 1;
}

static bool
is_standard_environment(const char *environment)
{
	return strcmp(environment, "development") == 0 || strcmp(environment, "testing") == 0 ||
		strcmp(environment, "production") == 0;
}

/* Checks every value, also those of environments that are not chosen, and stores those that apply. */
static void
apply(struct reader *reader, struct config *config, const char *environment)
{
	bool		environment_seen = environment == NULL || is_standard_environment(environment);
	char		problem[400];

	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < reader->count; i++)
		{
			struct assignment *assignment = &reader->assignments[i];
			bool		override = assignment->environment != NULL;

			if (override != (pass == 1))
				continue;
			if (value_problem(assignment->key, assignment->value, problem, sizeof(problem)))
			{
				complain(reader, assignment->line, "[%s] %s: %s", assignment->key->section, assignment->key->name, problem);
				continue;
			}
			if (override && (environment == NULL || strcmp(environment, assignment->environment) != 0))
				continue;
			environment_seen = environment_seen || override;
			store(config, assignment->key, assignment->value);
		}
	}
	if (!environment_seen)
		complain(reader, 0, "no section [environment.%s]", environment);
}

static bool
token_is_clean(const char *token)
{
	for (const char *c = token; *c != '\0'; c++)
	{
		if (!isalnum((unsigned char) *c) && strchr(":_-", *c) == NULL)
			return false;
	}
	return *token != '\0';
}

/* Reads a secret from a file and trims it; returns NULL and says why. */
static char *
read_secret_file(const char *path, char *problem, size_t size)
{
	char		buffer[MAX_SECRET + 1];
	size_t		length;
	struct stat status;
	FILE	   *file = fopen(path, "re");

	if (file == NULL)
	{
		snprintf(problem, size, "cannot read %s: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fileno(file), &status) == 0 && (status.st_mode & (S_IROTH | S_IWOTH)) != 0)
		log_warning("config", "%s can be read by everybody; chmod 600 it", path);
	length = fread(buffer, 1, MAX_SECRET, file);
	fclose(file);
	buffer[length] = '\0';
	while (length > 0 && isspace((unsigned char) buffer[length - 1]))
		buffer[--length] = '\0';
	if (length == 0)
	{
		snprintf(problem, size, "%s is empty", path);
		return NULL;
	}
	return memory_string(buffer);
}

/* The environment wins over the file named in the configuration, and that over the systemd credential. */
static void
read_token(struct reader *reader, struct config *config)
{
	const char *environment = getenv("TELEGRAM_BOT_TOKEN");
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char		problem[512] = "";

	if (environment != NULL && *environment != '\0')
		config->token = memory_string(environment);
	else if (config->token_file != NULL)
		config->token = read_secret_file(config->token_file, problem, sizeof(problem));
	else if (directory != NULL)
	{
		char		path[512];
		struct stat status;

		snprintf(path, sizeof(path), "%s/telegram_bot_token", directory);
		if (stat(path, &status) == 0)
			config->token = read_secret_file(path, problem, sizeof(problem));
	}
	if (problem[0] != '\0')
		complain(reader, 0, "[telegram] token: %s", problem);
	if (config->token != NULL)
	{
		log_hide_secret(config->token);
		if (!token_is_clean(config->token))
			complain(reader, 0, "[telegram] token: has characters that no bot token has");
	}
	else if (problem[0] == '\0')
		complain(reader, 0, "[telegram] enabled: no token; set TELEGRAM_BOT_TOKEN or token_file, or load the credential"
				 " telegram_bot_token");
}

static void
complete(struct reader *reader, struct config *config)
{
	const char *chat = getenv("TELEGRAM_CHAT_ID");
	char		problem[400];

	/* A value in the file that is there but wrong has been reported already. */
	if (config->dsn == NULL && reader->errors->length == 0)
		complain(reader, 0, "[database] dsn is required");
	if (config->listen_dsn == NULL && config->dsn != NULL)
		config->listen_dsn = memory_string(config->dsn);
	if (!config->telegram_enabled)
		return;
	read_token(reader, config);
	if (config->chat_id == NULL && chat != NULL && *chat != '\0')
	{
		for (int i = 0; i < config_key_count; i++)
		{
			if (strcmp(config_keys[i].name, "chat_id") != 0)
				continue;
			if (value_problem(&config_keys[i], chat, problem, sizeof(problem)))
				complain(reader, 0, "TELEGRAM_CHAT_ID: %s", problem);
			else
				store(config, &config_keys[i], chat);
		}
	}
	if (config->chat_id == NULL && reader->errors->length == 0)
		complain(reader, 0, "[telegram] enabled: no chat; set chat_id or TELEGRAM_CHAT_ID");
}

/*
 * Reads and checks a configuration file. Returns NULL when anything is wrong, with one line for each problem in errors.
 */
struct config *
config_load(const char *path, const char *environment, struct text *errors)
{
	struct reader *reader = memory_alloc_zero(sizeof(*reader));
	struct config *config = memory_alloc_zero(sizeof(*config));
	int			syntax_line = 0;

	reader->path = path;
	reader->errors = errors;
	reader->file = fopen(path, "re");
	for (int i = 0; i < config_key_count; i++)
	{
		if (config_keys[i].initial != NULL)
			store(config, &config_keys[i], config_keys[i].initial);
	}
	if (reader->file == NULL)
		complain(reader, 0, "%s", strerror(errno));
	else
	{
		syntax_line = ini_parse_stream(read_line, reader, handle_line, reader);
		if (ferror(reader->file))
			complain(reader, 0, "%s", strerror(errno));
		fclose(reader->file);
		if (syntax_line > 0)
			complain(reader, syntax_line, "neither [section] nor key = value");
		apply(reader, config, environment);
		complete(reader, config);
	}
	for (int i = 0; i < reader->count; i++)
	{
		free(reader->assignments[i].environment);
		free(reader->assignments[i].value);
	}
	free(reader);
	if (errors->length > 0)
	{
		config_free(config);
		return NULL;
	}
	return config;
}

/* Frees a configuration and overwrites its secrets. */
void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (int i = 0; i < config_key_count; i++)
	{
		char	   *field = (char *) config + config_keys[i].offset;

		if (config_keys[i].type == CONFIG_STRING)
			free(*(char **) field);
		else if (config_keys[i].type == CONFIG_LIST)
			free_list((struct config_list *) field);
	}
	if (config->token != NULL)
		explicit_bzero(config->token, strlen(config->token));
	free(config->token);
	free(config);
}

/* Prints every key with its default and meaning. */
void
config_describe(FILE *out)
{
	const char *section = "";

	for (int i = 0; i < config_key_count; i++)
	{
		const struct config_key *key = &config_keys[i];

		if (strcmp(section, key->section) != 0)
			fprintf(out, "[%s]\n", key->section);
		section = key->section;
		fprintf(out, "  %-16s %s", key->name, key->meaning);
		if (key->type == CONFIG_INTEGER)
			fprintf(out, " (%lld to %lld, default %s)", (long long) key->minimum, (long long) key->maximum, key->initial);
		else if (key->initial != NULL && key->initial[0] != '\0')
			fprintf(out, " (default %s)", key->initial);
		fputc('\n', out);
	}
	fprintf(out, "[environment.NAME]\n  section.key      value that replaces the one above with --environment NAME\n");
}
