#include "config.h"
#include "doctor.h"
#include "import.h"
#include "log.h"
#include "token.h"
#include "try_telegram.h"
#include "version.h"
#include "worker.h"

#include <curl/curl.h>
#include <getopt.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char usage[] =
"pulse-worker serves the events of a database with the extension pulse: WebSocket, HTTP, dashboard, Telegram.\n"
"\n"
"Usage: pulse-worker --config FILE [OPTION ...]\n"
"       pulse-worker test-notification --config FILE [OPTION ...]    sends one message everywhere and tells what they say\n"
"       pulse-worker doctor --config FILE [OPTION ...]               looks at everything and explains what is wrong\n"
"       pulse-worker token --help                                    about the tokens of WebSocket and HTTP clients\n"
"       pulse-worker import --help                                   about importing past trades from exchanges' CSV exports\n"
"\n"
"  -c, --config FILE         configuration file (INI)\n"
"  -e, --environment NAME    apply the overrides of [environment.NAME], for example production\n"
"      --check-config        check the configuration file and exit\n"
"      --dashboard-dir DIR   serve the dashboard from this directory instead of the embedded one\n"
"      --log-format FORMAT   json, text or journal; without it, whatever fits the standard error output\n"
"  -d, --debug               log in detail\n"
"  -V, --version             print versions and exit\n"
"  -h, --help                print this and exit\n"
"\n"
"Signals: SIGHUP reloads the configuration, SIGTERM drains and stops, SIGUSR2 does so telling clients to come back.\n"
"Exit status: 0 stopped when asked to, 64 wrong usage, 69 cannot listen, 70 or 71 cannot start, 75 not now, 78 wrong\n"
"configuration.\n"
"\n"
"Secrets are never in the configuration file: the bot token comes from TELEGRAM_BOT_TOKEN, from telegram.token_file\n"
"or from the systemd credential telegram_bot_token; the database password from a passfile, PGPASSWORD or a service.\n"
"\n"
"Configuration keys:\n";

enum
{
	OPTION_CHECK_CONFIG = 256,
	OPTION_DASHBOARD_DIR,
	OPTION_LOG_FORMAT
};

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"environment", required_argument, NULL, 'e'},
	{"check-config", no_argument, NULL, OPTION_CHECK_CONFIG},
	{"dashboard-dir", required_argument, NULL, OPTION_DASHBOARD_DIR},
	{"log-format", required_argument, NULL, OPTION_LOG_FORMAT},
	{"debug", no_argument, NULL, 'd'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0}
};

static void
print_versions(void)
{
	printf("pulse-worker " PULSE_VERSION "\nlibpq %d\nlibwebsockets %s\n%s\njansson " JANSSON_VERSION "\n", PQlibVersion(),
		   lws_get_library_version(), curl_version());
}

static int
report_good(const struct config *config)
{
	(void) config;
	puts("the configuration is good");
	return EX_OK;
}

/* Runs a command that needs nothing but the configuration. */
static int
with_config(const struct worker_options *options, int (*command) (const struct config *config))
{
	struct text errors = {0};
	struct config *config = config_load(options->config_path, options->environment, &errors);
	int			status;

	fputs(text_string(&errors), stderr);
	text_free(&errors);
	if (config == NULL)
		return EX_CONFIG;
	status = command(config);
	config_free(config);
	return status;
}

static bool
read_log_format(const char *name, enum log_format *format)
{
	static const char *const names[] = {"auto", "json", "text", "journal"};

	for (int i = 0; i < 4; i++)
	{
		if (strcmp(names[i], name) == 0)
		{
			*format = (enum log_format) i;
			return true;
		}
	}
	return false;
}

int
main(int argc, char **argv)
{
	struct worker_options options = {0};
	enum log_format format = LOG_FORMAT_AUTO;
	bool		debug = false;
	int			(*command) (const struct config *config) = NULL;
	int			option;
	int			status;

	if (argc > 1 && strcmp(argv[1], "import") == 0)
		return import_command(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "token") == 0)
		return token_command(argc - 1, argv + 1);
	while ((option = getopt_long(argc, argv, "c:e:dVh", long_options, NULL)) != -1)
	{
		switch (option)
		{
			case 'c':
				options.config_path = optarg;
				break;
			case 'e':
				options.environment = optarg;
				break;
			case OPTION_CHECK_CONFIG:
				command = report_good;
				break;
			case OPTION_DASHBOARD_DIR:
				options.dashboard_directory = optarg;
				break;
			case OPTION_LOG_FORMAT:
				if (read_log_format(optarg, &format))
					break;
				fprintf(stderr, "pulse-worker: --log-format is json, text or journal\n");
				return EX_USAGE;
			case 'd':
				debug = true;
				break;
			case 'V':
				print_versions();
				return EX_OK;
			case 'h':
				fputs(usage, stdout);
				config_describe(stdout);
				return EX_OK;
			default:
				fprintf(stderr, "Try pulse-worker --help.\n");
				return EX_USAGE;
		}
	}
	if (optind < argc && strcmp(argv[optind], "test-notification") == 0)
	{
		command = try_telegram;
		optind++;
	}
	else if (optind < argc && strcmp(argv[optind], "doctor") == 0)
	{
		command = doctor;
		optind++;
	}
	if (optind < argc || options.config_path == NULL)
	{
		if (optind < argc)
			fprintf(stderr, "pulse-worker: unknown argument \"%s\"\n", argv[optind]);
		else
			fprintf(stderr, "pulse-worker: --config FILE is needed\n");
		fprintf(stderr, "Try pulse-worker --help.\n");
		return EX_USAGE;
	}
	log_setup(format, debug);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (command != NULL)
		status = with_config(&options, command);
	else
		status = worker_run(&options);
	curl_global_cleanup();
	return status;
}
