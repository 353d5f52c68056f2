/* The command "pulse-worker import": reads exchanges' CSV exports into the table of fills. */
#include "import.h"

#include "core/import_file.h"

#include "config.h"
#include "database.h"
#include "import_store.h"
#include "log.h"
#include "memory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define MAX_LISTED 20
#define MAX_KINDS 24
#define PROGRESS_MS 200
#define EXIT_REJECTED 1

static const char usage[] =
"pulse-worker import reads the trade exports (CSV) of exchanges into the table of fills.\n"
"\n"
"Usage: pulse-worker import --config FILE | --dsn DSN [OPTION ...] FILE ...      (- is the standard input)\n"
"\n"
"  -c, --config FILE       configuration file; its [database] dsn is used\n"
"      --dsn DSN           connection string without a password (that comes from a passfile, PGPASSWORD or a service)\n"
"  -p, --portfolio NAME    portfolio that the fills belong to (default main)\n"
"  -t, --table TABLE       SCHEMA.TABLE to insert into (default: the table that pulse_setup() made)\n"
"  -f, --format FORMAT     auto, binance, binance-old, coinbase, coinbase-pro, kraken or kraken-ledgers\n"
"                          (default auto: each file's header tells)\n"
"      --timezone ZONE     IANA zone of times that do not state theirs (default UTC)\n"
"  -n, --dry-run           read and report everything, change nothing\n"
"      --strict            import nothing when a line is rejected\n"
"  -h, --help              print this and exit\n"
"\n"
"Symbols are written in upper case as the exchange writes them: BTCUSDT (Binance), BTC-USD (Coinbase), BTC/USD (Kraken,\n"
"whose XXBTZUSD, XBTUSD and XBT/USD all are BTC/USD). Numbers keep every digit.\n"
"\n"
"Importing the same or an overlapping export again inserts nothing twice: a fill_id is made of the exchange's own trade id\n"
"(kraken:TXID, coinbase:ID, coinbase-pro:BTC-USD:ID) or, where the export has none, of a digest of the row and a number\n"
"for equal rows. Export whole days, so that equal rows are not torn apart. Everything happens in one transaction.\n"
"\n"
"Exit status: 0 everything was read, 1 lines were rejected (the others were imported, unless --strict), 64 wrong usage,\n"
"65 a file is of no known format, 66 a file cannot be read, 69 the database cannot or will not, 78 wrong configuration.\n";

enum
{
	OPTION_DSN = 256,
	OPTION_TIMEZONE,
	OPTION_STRICT
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"dsn", required_argument, NULL, OPTION_DSN},
	{"portfolio", required_argument, NULL, 'p'},
	{"table", required_argument, NULL, 't'},
	{"format", required_argument, NULL, 'f'},
	{"timezone", required_argument, NULL, OPTION_TIMEZONE},
	{"dry-run", no_argument, NULL, 'n'},
	{"strict", no_argument, NULL, OPTION_STRICT},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0}
};

struct kind
{
	char		name[IMPORT_NAME_SIZE];
	int64_t		count;
};

struct import
{
	struct import_target target;
	const char *config_path;
	const struct import_format *format; /* NULL = each file's header tells */
	bool		zone_given;
	bool		dry_run;
	bool		strict;

	struct import_store *store;
	struct text problem;

	int64_t		rejected;
	int			listed;
	char		list[MAX_LISTED][512];
	int			kind_count;
	struct kind kinds[MAX_KINDS];	/* the last one takes what finds no other place */
	int64_t		skipped;
};

/* The file that is being read. */
struct source
{
	const char *name;
	int			number;
	int			descriptor;
	int64_t		size;			/* 0 = unknown */
	bool		progress;
	struct timespec shown;
	struct import_file *file;
};

/* How the reader of exports, which the extension has too, gets memory here. */
static void *
resize(void *context, void *block, size_t size)
{
	(void) context;
	if (size > 0)
		return memory_resize(block, size);
	free(block);
	return NULL;
}

static const pulse_memory memory = {resize, NULL};

static int
usage_error(const char *format, const char *argument)
{
	fputs("pulse-worker import: ", stderr);
	fprintf(stderr, "%s%s\n", format, argument);
	fputs("Try pulse-worker import --help.\n", stderr);
	return EX_USAGE;
}

static ssize_t
read_source(void *arg, char *buffer, size_t size)
{
	return read(((struct source *) arg)->descriptor, buffer, size);
}

/* Only names: an offset would mean east in one place of SQL and west in another. */
static bool
is_zone_name(const char *zone)
{
	bool		slash = strchr(zone, '/') != NULL;

	if (!isalpha((unsigned char) zone[0]) || strlen(zone) >= VALUE_ZONE_SIZE)
		return false;
	for (const char *c = zone; *c != '\0'; c++)
	{
		if (!isalnum((unsigned char) *c) && strchr(slash ? "/_+-" : "_", *c) == NULL)
			return false;
	}
	return true;
}

static bool
has_password(const char *dsn)
{
	PQconninfoOption *options = PQconninfoParse(dsn, NULL);
	bool		found = false;

	for (PQconninfoOption *option = options; option != NULL && option->keyword != NULL; option++)
		found = found || (strcmp(option->keyword, "password") == 0 && option->val != NULL && *option->val != '\0');
	PQconninfoFree(options);
	return found;
}

/* Checks what was given together; returns an exit status, or 0. */
static int
check_options(const struct import *import, int files)
{
	const struct import_target *target = &import->target;

	if ((target->dsn == NULL) == (import->config_path == NULL))
		return usage_error("one of --config FILE and --dsn DSN is needed", "");
	if (files == 0)
		return usage_error("no file to import", "");
	if (target->dsn != NULL && database_check_dsn(target->dsn) != NULL)
		return usage_error("--dsn is ", database_check_dsn(target->dsn));
	if (target->dsn != NULL && has_password(target->dsn))
		return usage_error("--dsn has a password, which everybody on this machine could read; use a passfile, PGPASSWORD or a service", "");
	if (*target->portfolio == '\0')
		return usage_error("--portfolio is empty", "");
	if (!is_zone_name(target->zone))
		return usage_error("--timezone is not an IANA zone name such as Europe/Berlin: ", target->zone);
	return 0;
}

/* Reads the command line; returns an exit status, or -1 to go on. */
static int
read_options(struct import *import, int argc, char **argv)
{
	int			option;
	int			status;

	optind = 1;
	while ((option = getopt_long(argc, argv, "c:p:t:f:nh", long_options, NULL)) != -1)
	{
		switch (option)
		{
			case 'c':
				import->config_path = optarg;
				break;
			case OPTION_DSN:
				import->target.dsn = optarg;
				break;
			case 'p':
				import->target.portfolio = optarg;
				break;
			case 't':
				import->target.table = optarg;
				break;
			case 'f':
				import->format = import_format_find(optarg);
				if (import->format == NULL && strcmp(optarg, "auto") != 0)
					return usage_error("--format is auto or one of ", import_format_list());
				break;
			case OPTION_TIMEZONE:
				import->target.zone = optarg;
				import->zone_given = true;
				break;
			case 'n':
				import->dry_run = true;
				break;
			case OPTION_STRICT:
				import->strict = true;
				break;
			case 'h':
				fputs(usage, stdout);
				return EX_OK;
			default:
				fputs("Try pulse-worker import --help.\n", stderr);
				return EX_USAGE;
		}
	}
	status = check_options(import, argc - optind);
	return status != 0 ? status : -1;
}

static void
note_rejected(struct import *import, const char *file, int64_t line, const char *problem)
{
	import->rejected++;
	if (import->listed < MAX_LISTED)
		snprintf(import->list[import->listed++], sizeof(import->list[0]), "%.200s:%lld: %.250s", file, (long long) line, problem);
}

static void
note_skipped(struct import *import, const char *kind)
{
	int			i = 0;

	import->skipped++;
	while (i < import->kind_count && strcmp(import->kinds[i].name, kind) != 0)
		i++;
	if (i == import->kind_count)
	{
		if (i < MAX_KINDS)
		{
			snprintf(import->kinds[i].name, sizeof(import->kinds[i].name), "%s", i == MAX_KINDS - 1 ? "other" : kind);
			import->kind_count++;
		}
		else
			i = MAX_KINDS - 1;
	}
	import->kinds[i].count++;
}

static void
show_progress(struct source *source)
{
	struct timespec now;
	int64_t		passed;

	clock_gettime(CLOCK_MONOTONIC, &now);
	passed = (now.tv_sec - source->shown.tv_sec) * 1000 + (now.tv_nsec - source->shown.tv_nsec) / 1000000;
	if (passed < PROGRESS_MS)
		return;
	source->shown = now;
	fprintf(stderr, "\r%s: %lld rows", source->name, (long long) import_file_rows(source->file));
	if (source->size > 0)
		fprintf(stderr, ", %d %%", (int) (import_file_bytes(source->file) * 100 / source->size));
	fputs("\033[K", stderr);
}

/* Files what one row became; false when the database refuses. */
static bool
take(struct import *import, struct source *source, const struct import_outcome *outcome)
{
	switch (outcome->result)
	{
		case IMPORT_FILL:
			return import_store_add(import->store, source->number,
									import_format_prefix(import_file_format(source->file)), &outcome->fill);
		case IMPORT_REJECT:
			note_rejected(import, source->name, outcome->line, outcome->problem);
			break;
		case IMPORT_SKIP:
			note_skipped(import, outcome->kind);
			break;
		case IMPORT_WAIT:
			break;
	}
	return true;
}

static int
read_rows(struct import *import, struct source *source)
{
	struct import_outcome outcome;

	for (;;)
	{
		switch (import_file_next(source->file, &outcome))
		{
			case IMPORT_ROW:
				if (source->progress && import_file_rows(source->file) % 256 == 0)
					show_progress(source);
				if (!take(import, source, &outcome))
					return EX_UNAVAILABLE;
				break;
			case IMPORT_END:
				return 0;
			case IMPORT_NO_HEADER:
				fprintf(stderr, "%s:1: %s\n", source->name, import_file_problem(source->file));
				return EX_DATAERR;
			case IMPORT_UNREADABLE:
				fprintf(stderr, "%s: %s\n", source->name, import_file_problem(source->file));
				return EX_DATAERR;
			case IMPORT_IO_ERROR:
				fprintf(stderr, "%s: %s\n", source->name, strerror(errno));
				return EX_NOINPUT;
		}
	}
}

/* Reads one file into the temporary table; returns an exit status, or 0. */
static int
import_file(struct import *import, const char *path, int number)
{
	bool		standard = strcmp(path, "-") == 0;
	struct source source = {.name = standard ? "standard input" : path,.number = number,.progress = isatty(STDERR_FILENO)};
	struct stat file;
	int			status;

	source.descriptor = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (source.descriptor < 0)
	{
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return EX_NOINPUT;
	}
	if (fstat(source.descriptor, &file) == 0 && S_ISREG(file.st_mode))
		source.size = file.st_size;
	clock_gettime(CLOCK_MONOTONIC, &source.shown);
	source.file = import_file_open(&memory, read_source, &source, import->format, import->target.zone, import->zone_given);
	status = read_rows(import, &source);
	if (source.progress)
		fputs("\r\033[K", stderr);
	if (status == 0)
		printf("%s: %s, %lld rows\n", source.name, import_format_name(import_file_format(source.file)),
			   (long long) import_file_rows(source.file));
	import_file_close(source.file);
	if (!standard)
		close(source.descriptor);
	return status;
}

static void
print_report(const struct import *import, const struct import_summary *summary, const char *table)
{
	printf("fills: %lld", (long long) summary->fills);
	if (summary->fills > 0)
		printf(" from %s to %s", summary->first, summary->last);
	printf("\nsymbols: %lld", (long long) summary->symbol_count);
	if (summary->symbol_count > 0)
		printf(" (%s%s)", text_string(&summary->symbols), summary->symbol_count > 20 ? ", ..." : "");
	printf("\ntwice in the files: %lld\n", (long long) summary->repeated);
	printf("already in %s: %lld\n", table, (long long) summary->existing);
	if (summary->alike > 0)
		printf("equal rows taken as fills of their own: %lld\n", (long long) summary->alike);
	if (summary->similar > 0)
		printf("warning: %lld new ones are like fills that the table has under another fill_id or none;"
			   " did the bot write them already?\n", (long long) summary->similar);
	if (import->skipped > 0)
	{
		printf("skipped, no trades: %lld (", (long long) import->skipped);
		for (int i = 0; i < import->kind_count; i++)
			printf("%s%s %lld", i > 0 ? ", " : "", import->kinds[i].name, (long long) import->kinds[i].count);
		printf(")\n");
	}
	printf("rejected lines: %lld\n", (long long) import->rejected);
	for (int i = 0; i < import->listed; i++)
		printf("  %s\n", import->list[i]);
	if (import->rejected > import->listed)
		printf("  ... and %lld more\n", (long long) (import->rejected - import->listed));
	if (import->dry_run)
		printf("would be imported: %lld; nothing was changed\n",
			   (long long) (import->strict && import->rejected > 0 ? 0 : summary->fresh));
	else if (import->strict && import->rejected > 0)
		printf("imported: 0, because lines were rejected (--strict)\n");
	else
		printf("imported: %lld into portfolio \"%s\"\n", (long long) summary->inserted, import->target.portfolio);
}

/* Reads all files, books them and reports; returns the exit status. */
static int
import_files(struct import *import, char **files, int count)
{
	struct import_summary summary = {0};
	int			status = 0;

	import->store = import_store_open(&import->target, &import->problem);
	if (import->store == NULL)
		return EX_UNAVAILABLE;
	for (int i = 0; i < count && status == 0; i++)
		status = import_file(import, files[i], i + 1);
	if (status == 0 && !import_store_summarise(import->store, &summary))
		status = EX_UNAVAILABLE;
	if (status == 0 && !import->dry_run && !(import->strict && import->rejected > 0) &&
		!import_store_insert(import->store, &summary))
		status = EX_UNAVAILABLE;
	if (status == 0)
	{
		print_report(import, &summary, import_store_table(import->store));
		status = import->rejected > 0 ? EXIT_REJECTED : EX_OK;
	}
	else
		fputs("nothing was imported\n", stderr);
	text_free(&summary.symbols);
	import_store_close(import->store);
	return status;
}

/* Runs the command: its own options, one transaction, a report on the standard output. */
int
import_command(int argc, char **argv)
{
	struct import *import = memory_alloc_zero(sizeof(*import));
	struct config *config = NULL;
	int			status;

	import->target.portfolio = "main";
	import->target.zone = "UTC";
	log_setup(LOG_FORMAT_TEXT, false);
	status = read_options(import, argc, argv);
	if (status < 0 && import->config_path != NULL)
	{
		config = config_load(import->config_path, NULL, &import->problem);
		if (config == NULL)
		{
			text_append(&import->problem, "An import needs the database only: --dsn does without the rest of the configuration.\n");
			status = EX_CONFIG;
		}
		else
			import->target.dsn = config->dsn;
	}
	if (status < 0)
		status = import_files(import, argv + optind, argc - optind);
	if (import->problem.length > 0)
		fprintf(stderr, "%s", text_string(&import->problem));
	text_free(&import->problem);
	config_free(config);
	free(import);
	return status;
}
