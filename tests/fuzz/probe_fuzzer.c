/*
 * What venues answer to probes, and sinks and endpoints to what is posted to them: a byte that chooses who reads it and one
 * for the status, a line of headers, then the body.
 */
/* build: -Iworker/src worker/src/probe_judge.c worker/src/probe_preset.c worker/src/probe_window.c worker/src/json.c worker/src/memory.c worker/src/text.c */
/* build: worker/src/sink_format.c worker/src/remote_format.c worker/src/log.c worker/src/loop.c worker/src/net.c worker/src/format.c */
/* build: worker/src/telegram.c worker/src/config.c worker/src/config_keys.c worker/src/secret.c worker/src/database.c worker/src/progress.c worker/src/version.c */
/* libraries: jansson zlib libcrypto libpq inih libwebsockets */
#include "config.h"
#include "memory.h"
#include "probe_judge.h"
#include "probe_preset.h"
#include "sink_format.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In place of the real one, which needs libcurl: an answer's headers are the fuzzer's. */
bool
transfer_header(const struct transfer_result *result, const char *name, char *value, size_t size)
{
	if (name == NULL || result->headers[0] == '\0')
		return false;
	snprintf(value, size, "%s", result->headers);
	return true;
}

const char *
transfer_failure_name(enum transfer_failure failure)
{
	(void) failure;
	return "broken";
}

static const char *const presets[] = {"binance", "alpaca-account", "kraken", "kraken-time", "bybit", "okx", "okx-status", "coinbase"};

static void
judge(const char *preset, const struct transfer_result *result)
{
	struct config_probe config = {.name = (char *) preset,.interval = 30,.timeout = 1000,.latency_warning = 100,.latency_critical = 200,.skew_limit = 1000,
		.failures = 1,.successes = 1,.cold_every = 10,.certificate_days = 14,.key_days = 14,.slo = 0.99};
	struct probe_plan plan;
	struct probe_finding finding;
	char		problem[700];
	int64_t		limit = 0;

	if (!probe_plan_make(&config, &plan, problem, sizeof(problem)))
		abort();
	probe_judge(&plan, result, plan.limit, 1.7e12, &finding);
	if (strlen(finding.message) >= sizeof(finding.message) || finding.pause < 0 || finding.pause > 3 * 86400)
		abort();
	if (!isfinite(finding.used) || (finding.has_skew && !isfinite(finding.skew_ms)) || finding.level > PROBE_CRITICAL)
		abort();
	if (plan.limit_pointer != NULL && probe_read_limit(&plan, result, &limit) && limit <= 0)
		abort();
	probe_plan_free(&plan);
}

static void
judge_sink(const struct transfer_result *result)
{
	struct sink_answer answer;

	sink_judge(result, &answer);
	if (strlen(answer.description) >= sizeof(answer.description) || answer.retry_after < 0)
		abort();
}

int
LLVMFuzzerInitialize(int *count, char ***words)
{
	(void) count;
	(void) words;
	setenv("APCA_API_KEY_ID", "key", 1);
	setenv("APCA_API_SECRET_KEY", "secret", 1);
	return 0;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const int statuses[] = {200, 200, 200, 200, 204, 301, 400, 401, 403, 404, 413, 418, 429, 500, 503, 0};
	char	   *bytes;
	char	   *body;
	struct transfer_result result;

	if (size < 3)
		return 0;
	bytes = memory_string_n((const char *) data + 2, size - 2);
	body = memchr(bytes, '\n', size - 2);
	if (body != NULL)
		*body++ = '\0';
	result = (struct transfer_result) {.status = statuses[data[1] % 16],.body = body != NULL ? body : "",.headers = bytes,.problem = "reset",
		.length = body != NULL ? (size_t) (bytes + size - 2 - body) : 0,.complete = (data[1] & 16) == 0,.written = (data[1] & 32) == 0,
		.retry_after = data[1] & 64 ? 1 << 20 : 0,.times = {.first_byte = 20000,.total = 50000}};
	if (data[0] % 9 == 8)
		judge_sink(&result);
	else
		judge(presets[data[0] % 9], &result);
	free(bytes);
	return 0;
}
