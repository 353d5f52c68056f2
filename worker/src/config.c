/*
 * Reads the INI file into a struct config. The file is read whole and every problem in it is reported with its line;
 * a configuration with a problem is never used in part.
 */
#include "config.h"

#include "log.h"
#include "memory.h"
#include "net.h"
#include "secret.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define MAX_ASSIGNMENTS 8192

/* One "key = value" of the file, kept until it is known which environment applies. */
struct assignment
{
	const struct config_key *key;
	char	   *environment;	/* NULL outside of [environment.…] */
	char	   *item;			/* the name in [kind.name]; NULL where a section stands alone */
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

static const struct config_kind *
find_kind(const char *section)
{
	for (int i = 0; i < config_kind_count; i++)
	{
		size_t		length = strlen(config_kinds[i].prefix);

		if (strncmp(section, config_kinds[i].prefix, length) == 0 && section[length] == '.')
			return &config_kinds[i];
	}
	return NULL;
}

/* Names of sections become names of components, metrics and files. */
static bool
is_item_name(const char *name)
{
	return *name != '\0' && strlen(name) <= 60 &&
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(name);
}

/* Finds a key of a section; of [kind.name], *item becomes the name. */
static const struct config_key *
find_key(const char *section, const char *name, bool *section_known, const char **item)
{
	const struct config_kind *kind = find_kind(section);
	char		pattern[64];

	*section_known = false;
	*item = NULL;
	/* [kind.*], as the keys themselves are listed, names nothing */
	if (kind != NULL && !is_item_name(section + strlen(kind->prefix) + 1))
		return NULL;
	if (kind != NULL)
	{
		*item = section + strlen(kind->prefix) + 1;
		snprintf(pattern, sizeof(pattern), "%s.*", kind->prefix);
		section = pattern;
	}
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
	if (find_kind(section) != NULL)
		complain(reader, reader->line, "[%s]: a name has up to 60 letters, digits, _ and -", section);
	else if (section[0] == '\0')
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
		case CONFIG_SECRET:
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
store(void *base, const struct config_key *key, const char *value)
{
	char	   *field = (char *) base + key->offset;

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
		case CONFIG_SECRET:
			free(*(char **) field);
			*(char **) field = memory_string(value);
			break;
		case CONFIG_LIST:
			free_list((struct config_list *) field);
			parse_list(value, (struct config_list *) field);
			break;
	}
}

static bool
is_of_kind(const struct config_key *key, const struct config_kind *kind)
{
	size_t		length = strlen(kind->prefix);

	return strncmp(key->section, kind->prefix, length) == 0 && strcmp(key->section + length, ".*") == 0;
}

/* Returns the item of a kind with a name; makes it, with its defaults, when it is not there yet. */
static void *
find_item(struct config *config, const struct config_kind *kind, const char *name)
{
	char	  **items = (char **) ((char *) config + kind->items);
	int		   *count = (int *) ((char *) config + kind->count);
	char	   *item;

	for (int i = 0; i < *count; i++)
	{
		item = *items + (size_t) i * kind->item_size;
		if (strcmp(*(char **) item, name) == 0)
			return item;
	}
	*items = memory_resize(*items, (size_t) (*count + 1) * kind->item_size);
	item = *items + (size_t) (*count)++ * kind->item_size;
	memset(item, 0, kind->item_size);
	*(char **) item = memory_string(name);
	for (int i = 0; i < config_key_count; i++)
	{
		if (is_of_kind(&config_keys[i], kind) && config_keys[i].initial != NULL)
			store(item, &config_keys[i], config_keys[i].initial);
	}
	return item;
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

static bool
same_text(const char *one, const char *other)
{
	return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

static void
add_assignment(struct reader *reader, const struct config_key *key, const char *item, const char *environment,
			   const char *value)
{
	for (int i = 0; i < reader->count; i++)
	{
		struct assignment *other = &reader->assignments[i];

		if (other->key == key && same_text(environment, other->environment) && same_text(item, other->item))
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
		.item = memory_string(item),.value = memory_string(value),.line = reader->line};
}

static void
read_override(struct reader *reader, const char *environment, const char *name, const char *value)
{
	const char *dot = strrchr(name, '.');
	char		section[64] = "";
	bool		section_known;
	const struct config_key *key;
	const char *item;

	if (*environment == '\0' || dot == NULL || dot == name || (size_t) (dot - name) >= sizeof(section))
	{
		complain(reader, reader->line, "\"%s\" is not section.key, as [environment.%s] wants it", name, environment);
		return;
	}
	memcpy(section, name, (size_t) (dot - name));
	key = find_key(section, dot + 1, &section_known, &item);
	if (key == NULL && !section_known)
		complain_section(reader, section);
	else if (key == NULL)
		complain(reader, reader->line, "unknown key \"%s\" in section [%s]", dot + 1, section);
	else
		add_assignment(reader, key, item, environment, value);
}

static int
handle_line(void *user, const char *section, const char *name, const char *value)
{
	struct reader *reader = user;
	const struct config_key *key;
	bool		section_known;
	const char *item;

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
	key = find_key(section, name, &section_known, &item);
	if (key != NULL)
		add_assignment(reader, key, item, NULL, value);
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

static void
store_assignment(struct reader *reader, struct config *config, const struct assignment *assignment)
{
	const char *value = assignment->value;
	char	   *expanded = NULL;
	char		problem[600] = "";

	if (assignment->key->type == CONFIG_SECRET)
	{
		value = expanded = secret_expand(assignment->value, problem, sizeof(problem));
		if (expanded == NULL)
		{
			complain(reader, assignment->line, "[%s] %s: %s", assignment->key->section, assignment->key->name, problem);
			return;
		}
	}
	for (int i = 0; assignment->item != NULL && i < config_kind_count; i++)
	{
		if (is_of_kind(assignment->key, &config_kinds[i]))
			store(find_item(config, &config_kinds[i], assignment->item), assignment->key, value);
	}
	if (assignment->item == NULL)
		store(config, assignment->key, value);
	if (expanded != NULL)
		explicit_bzero(expanded, strlen(expanded));
	free(expanded);
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
			store_assignment(reader, config, assignment);
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
		config->token = secret_read_file(config->token_file, problem, sizeof(problem));
	else if (directory != NULL)
	{
		char		path[512];
		struct stat status;

		snprintf(path, sizeof(path), "%s/telegram_bot_token", directory);
		if (stat(path, &status) == 0)
			config->token = secret_read_file(path, problem, sizeof(problem));
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

struct item_complaint
{
	struct reader *reader;
	const struct config_kind *kind;
	const char *name;
};

static void
complain_item(void *arg, const char *message)
{
	const struct item_complaint *complaint = arg;

	complain(complaint->reader, 0, "[%s.%s] %s", complaint->kind->prefix, complaint->name, message);
}

static void
check_items(struct reader *reader, const struct config *config)
{
	for (int i = 0; i < config_kind_count; i++)
	{
		const struct config_kind *kind = &config_kinds[i];
		const char *items = *(char *const *) ((const char *) config + kind->items);
		int			count = *(const int *) ((const char *) config + kind->count);

		for (int j = 0; kind->check != NULL && j < count; j++)
		{
			const char *item = items + (size_t) j * kind->item_size;
			struct item_complaint complaint = {.reader = reader,.kind = kind,.name = *(char *const *) item};

			kind->check(item, complain_item, &complaint);
		}
	}
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
	if (config->read_dsn == NULL && config->dsn != NULL)
		config->read_dsn = memory_string(config->dsn);
	if (config->remote_count > 0 && config->logs_directory == NULL && config->logs_spool == NULL && reader->errors->length == 0)
		complain(reader, 0, "[remote.%s] has no place for its spool; set [logs] directory or spool", config->remotes[0].name);
	check_items(reader, config);
	if ((config->tls_cert == NULL) != (config->tls_key == NULL) && reader->errors->length == 0)
		complain(reader, 0, "[websocket] tls_cert and tls_key belong together");
	if (!net_is_loopback_name(config->host) && (config->tls_cert == NULL || !config->auth_enabled))
		complain(reader, 0, "[websocket] host: %s is not a loopback address, which needs tls_cert, tls_key and [auth] enabled = true"
				 " (or let a reverse proxy on this machine face the network)", config->host);
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
		if (config_keys[i].initial != NULL && strchr(config_keys[i].section, '*') == NULL)
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
		free(reader->assignments[i].item);
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

static void
free_value(void *base, const struct config_key *key)
{
	char	   *field = (char *) base + key->offset;

	if (key->type == CONFIG_SECRET && *(char **) field != NULL)
		explicit_bzero(*(char **) field, strlen(*(char **) field));
	if (key->type == CONFIG_STRING || key->type == CONFIG_SECRET)
		free(*(char **) field);
	else if (key->type == CONFIG_LIST)
		free_list((struct config_list *) field);
}

static void
free_items(struct config *config, const struct config_kind *kind)
{
	char	   *items = *(char **) ((char *) config + kind->items);
	int			count = *(int *) ((char *) config + kind->count);

	for (int i = 0; i < count; i++)
	{
		char	   *item = items + (size_t) i * kind->item_size;

		for (int j = 0; j < config_key_count; j++)
		{
			if (is_of_kind(&config_keys[j], kind))
				free_value(item, &config_keys[j]);
		}
		free(*(char **) item);
	}
	free(items);
}

/* Frees a configuration and overwrites its secrets. */
void
config_free(struct config *config)
{
	if (config == NULL)
		return;
	for (int i = 0; i < config_key_count; i++)
	{
		if (strchr(config_keys[i].section, '*') == NULL)
			free_value(config, &config_keys[i]);
	}
	for (int i = 0; i < config_kind_count; i++)
		free_items(config, &config_kinds[i]);
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
			fprintf(out, "[%.*s%s]\n", (int) strcspn(key->section, "*"), key->section,
					strchr(key->section, '*') != NULL ? "NAME" : "");
		section = key->section;
		fprintf(out, "  %-16s %s", key->name, key->meaning);
		if (key->type == CONFIG_INTEGER)
			fprintf(out, " (%lld to %lld%s%s)", (long long) key->minimum, (long long) key->maximum,
					key->initial != NULL ? ", default " : "", key->initial != NULL ? key->initial : "");
		else if (key->initial != NULL && key->initial[0] != '\0')
			fprintf(out, " (default %s)", key->initial);
		fputc('\n', out);
	}
	fprintf(out, "[environment.NAME]\n  section.key      value that replaces the one above with --environment NAME\n");
}
