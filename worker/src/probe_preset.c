#include "probe_preset.h"

#include "memory.h"
#include "net.h"
#include "secret.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ALPACA_KEYS "APCA-API-KEY-ID: ${APCA_API_KEY_ID} | APCA-API-SECRET-KEY: ${APCA_API_SECRET_KEY}"

static const struct probe_preset presets[] = {
	{.name = "binance",.base_url = "https://api.binance.com",.path = "/api/v3/time",.time_pointer = "/serverTime",
		.time_unit = "ms",.used_header = "X-MBX-USED-WEIGHT-1m",.limit = 6000,.limited = "/code=-1003",
	.limit_path = "/api/v3/exchangeInfo?symbol=BTCUSDT",.limit_pointer = "/rateLimits/0/limit",.forbidden_pause = 600},
	{.name = "alpaca",.base_url = "https://api.alpaca.markets",.path = "/v2/clock",.headers = ALPACA_KEYS,
		.time_pointer = "/timestamp",.time_unit = "iso",.remaining_header = "X-RateLimit-Remaining",
	.limit_header = "X-RateLimit-Limit",.limit = 200},
	{.name = "alpaca-account",.base_url = "https://api.alpaca.markets",.path = "/v2/account",.headers = ALPACA_KEYS,
		.ok = "/status=ACTIVE,/trading_blocked=false,/account_blocked=false,/trade_suspended_by_user=false",
	.remaining_header = "X-RateLimit-Remaining",.limit_header = "X-RateLimit-Limit",.limit = 200},
	{.name = "kraken",.base_url = "https://api.kraken.com",.path = "/0/public/SystemStatus",
		.ok = "/error=[],/result/status=online|cancel_only|post_only|limit_only",
	.degraded = "/result/status=cancel_only|post_only|limit_only",.time_pointer = "/result/timestamp",.time_unit = "iso"},
	{.name = "kraken-time",.base_url = "https://api.kraken.com",.path = "/0/public/Time",.ok = "/error=[]",
	.time_pointer = "/result/unixtime",.time_unit = "s"},
	{.name = "bybit",.base_url = "https://api.bybit.com",.path = "/v5/market/time",.ok = "/retCode=0",.limited = "/retCode=10006|10018",
		.time_pointer = "/result/timeNano",.time_unit = "ns",.remaining_header = "X-Bapi-Limit-Status",.limit_header = "X-Bapi-Limit",
	.forbidden_pause = 600},
	{.name = "okx",.base_url = "https://www.okx.com",.path = "/api/v5/public/time",.ok = "/code=0",.limited = "/code=50011",
	.time_pointer = "/data/0/ts",.time_unit = "ms"},
	{.name = "okx-status",.base_url = "https://www.okx.com",.path = "/api/v5/system/status?state=ongoing",.ok = "/code=0,/data=[]",
	.limited = "/code=50011"},
	{.name = "coinbase",.base_url = "https://api.exchange.coinbase.com",.path = "/time",.time_pointer = "/epoch",.time_unit = "s"},
};

static const struct probe_preset *
find_preset(const char *name)
{
	for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++)
	{
		if (strcmp(presets[i].name, name) == 0)
			return &presets[i];
	}
	return NULL;
}

static char *
choose(const char *configured, const char *preset)
{
	return memory_string(configured != NULL ? configured : preset);
}

static int64_t
choose_number(int64_t configured, int64_t other)
{
	return configured > 0 ? configured : other;
}

static char *
join_url(const char *base, const char *path)
{
	struct text url = {0};
	size_t		length = strlen(base);

	while (length > 0 && base[length - 1] == '/' && path[0] == '/')
		length--;
	text_append_n(&url, base, length);
	text_append(&url, path);
	return text_detach(&url);
}

static int64_t
parse_date(const char *date)
{
	struct tm	parts = {0};
	const char *end = strptime(date, "%Y-%m-%d", &parts);

	return end != NULL && *end == '\0' ? (int64_t) timegm(&parts) : 0;
}

static bool
is_web_address(const char *url)
{
	const char *host = strstr(url, "://");

	return (strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0) && host[3] != '\0' && host[3] != '/' &&
		strpbrk(url, " \t\"<>@") == NULL;
}

static bool
fill_place(struct probe_plan *plan, const struct config_probe *config, const struct probe_preset *preset, char *problem,
		   size_t size)
{
	const char *base = config->base_url != NULL ? config->base_url : preset->base_url;
	const char *path = config->path != NULL ? config->path : preset->path != NULL ? preset->path : "";
	const char *host;
	char	   *headers;

	if (base == NULL || !is_web_address(base))
	{
		snprintf(problem, size, base == NULL ? "needs a preset or a base_url" : "base_url is no http:// or https:// address");
		return false;
	}
	host = strstr(base, "://") + 3;
	plan->host = memory_string_n(host, strcspn(host, "/?#"));
	plan->url = join_url(base, path);
	if (preset->limit_path != NULL)
		plan->limit_url = join_url(base, preset->limit_path);
	if (config->headers != NULL)
		headers = memory_string(config->headers);
	else
		headers = secret_expand(preset->headers != NULL ? preset->headers : "", problem, size);
	if (headers == NULL)
		return false;
	plan->headers = secret_header_lines(headers);
	free(headers);
	if (plan->headers[0] != '\0' && strncmp(base, "http://", 7) == 0)
	{
		char		name[256];

		snprintf(name, sizeof(name), "%.*s", (int) strcspn(host, ":/?#"), host);
		if (!net_is_loopback_name(name))
		{
			snprintf(problem, size, "http:// would send its headers in the clear; it is accepted for loopback only");
			return false;
		}
	}
	return true;
}

static bool
fill_limits(struct probe_plan *plan, const struct config_probe *config, char *problem, size_t size)
{
	plan->interval_ms = choose_number(config->interval, 30) * 1000;
	plan->timeout_ms = choose_number(config->timeout, 10000);
	plan->latency_warning = choose_number(config->latency_warning, 2000);
	plan->latency_critical = choose_number(config->latency_critical, 5000);
	plan->skew_limit = choose_number(config->skew_limit, 1000);
	plan->failures = choose_number(config->failures, 3);
	plan->successes = choose_number(config->successes, 2);
	plan->cold_every = choose_number(config->cold_every, 10);
	plan->certificate_days = choose_number(config->certificate_days, 14);
	plan->key_days = choose_number(config->key_days, 14);
	plan->slo = config->slo > 0 ? config->slo : 0.99;
	plan->key_end = config->key_expires != NULL ? parse_date(config->key_expires) : 0;
	if (config->key_expires != NULL && plan->key_end == 0)
		snprintf(problem, size, "key_expires is not a date such as 2027-06-30");
	else if (plan->latency_critical < plan->latency_warning)
		snprintf(problem, size, "latency_critical is below latency_warning");
	else if (plan->slo >= 1)
		snprintf(problem, size, "slo is 1, which leaves no budget for errors");
	else
		return true;
	return false;
}

/* Joins a section of the configuration with its preset; says what is wrong otherwise. */
bool
probe_plan_make(const struct config_probe *config, struct probe_plan *plan, char *problem, size_t size)
{
	static const struct probe_preset none = {0};
	const struct probe_preset *preset = find_preset(config->preset != NULL ? config->preset : config->name);
	bool		good;

	*plan = (struct probe_plan) {0};
	if (preset == NULL && config->preset != NULL)
	{
		struct text names = {0};

		for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++)
			text_printf(&names, "%s%s", i > 0 ? ", " : "", presets[i].name);
		snprintf(problem, size, "unknown preset \"%.60s\"; there are %s", config->preset, names.data);
		text_free(&names);
		return false;
	}
	if (preset == NULL)
		preset = &none;
	plan->name = memory_string(config->name);
	plan->ok = choose(config->ok, preset->ok);
	plan->degraded = choose(config->degraded, preset->degraded);
	plan->limited = memory_string(preset->limited);
	plan->time_pointer = choose(config->time_pointer, preset->time_pointer);
	plan->time_unit = choose(config->time_unit, preset->time_unit != NULL ? preset->time_unit : "ms");
	plan->used_header = choose(config->used_header, preset->used_header);
	plan->remaining_header = choose(config->remaining_header, preset->remaining_header);
	plan->limit_header = choose(config->limit_header, preset->limit_header);
	plan->limit_pointer = memory_string(preset->limit_pointer);
	plan->ca_file = memory_string(config->ca_file);
	plan->limit = choose_number(config->limit, preset->limit);
	plan->forbidden_pause = preset->forbidden_pause;
	good = fill_place(plan, config, preset, problem, size) && fill_limits(plan, config, problem, size);
	if (config->limit > 0)
	{
		free(plan->limit_url);
		plan->limit_url = NULL;
	}
	if (!good)
		probe_plan_free(plan);
	return good;
}

/* Frees what a plan holds. */
void
probe_plan_free(struct probe_plan *plan)
{
	if (plan->headers != NULL)
		explicit_bzero(plan->headers, strlen(plan->headers));
	free(plan->name);
	free(plan->url);
	free(plan->limit_url);
	free(plan->host);
	free(plan->headers);
	free(plan->ok);
	free(plan->degraded);
	free(plan->limited);
	free(plan->time_pointer);
	free(plan->time_unit);
	free(plan->used_header);
	free(plan->remaining_header);
	free(plan->limit_header);
	free(plan->limit_pointer);
	free(plan->ca_file);
	*plan = (struct probe_plan) {0};
}

/* Checks one section of the configuration. */
void
probe_check_config(const void *item, void (*complain) (void *arg, const char *message), void *arg)
{
	struct probe_plan plan;
	char		problem[700] = "";

	if (probe_plan_make(item, &plan, problem, sizeof(problem)))
		probe_plan_free(&plan);
	else
		complain(arg, problem);
}
