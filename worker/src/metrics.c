#include "metrics.h"

#include "bot.h"
#include "delivery.h"
#include "feed.h"
#include "logs.h"
#include "probe.h"
#include "sink.h"
#include "stream.h"

#include <inttypes.h>

static void
write_metric(struct text *out, const char *name, const char *type, const char *help, uint64_t value)
{
	text_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name, value);
}

/* Writes the worker's own figures in Prometheus' text format. */
void
metrics_write(struct text *out, const struct api *api)
{
	const struct stream_counters *stream = stream_counters(api->stream);

	write_metric(out, "pulse_worker_uptime_seconds", "gauge", "Seconds since the worker started.",
				 (loop_now() - api->started_at) / 1000000);
	write_metric(out, "pulse_database_up", "gauge", "1 while questions can be asked to the database.",
				 database_is_ready(api->database));
	write_metric(out, "pulse_feed_up", "gauge", "1 while events are being followed.", feed_is_ready(api->feed));
	write_metric(out, "pulse_feed_polling", "gauge", "1 while events come by polling because LISTEN does not work.",
				 feed_is_polling(api->feed));
	write_metric(out, "pulse_feed_seq", "gauge", "Number of the newest event passed on.", feed_seq(api->feed));
	write_metric(out, "pulse_websocket_clients", "gauge", "WebSocket clients connected now.",
				 (uint64_t) stream_client_count(api->stream));
	write_metric(out, "pulse_websocket_connections_total", "counter", "WebSocket clients since the start.", stream->connected);
	write_metric(out, "pulse_websocket_messages_total", "counter", "Messages sent to WebSocket clients.", stream->messages);
	write_metric(out, "pulse_websocket_bytes_total", "counter", "Payload bytes sent to WebSocket clients.", stream->bytes);
	write_metric(out, "pulse_websocket_errors_total", "counter", "Client messages answered with ERROR.", stream->refused);
	write_metric(out, "pulse_websocket_too_slow_total", "counter", "Clients closed because they read too slowly.",
				 stream->too_slow);
	write_metric(out, "pulse_websocket_replays_total", "counter", "Resumed subscriptions.", stream->replays);
	if (api->delivery != NULL)
	{
		const struct delivery_counters *delivery = delivery_counters(api->delivery);

		write_metric(out, "pulse_telegram_up", "gauge", "1 while messages can be sent.", delivery_is_up(api->delivery));
		write_metric(out, "pulse_telegram_leader", "gauge", "1 while this worker is the one that sends.",
					 delivery_is_leader(api->delivery));
		write_metric(out, "pulse_telegram_sent_total", "counter", "Messages accepted by Telegram.", delivery->sent);
		write_metric(out, "pulse_telegram_failed_total", "counter", "Attempts that failed and are retried.", delivery->failed);
		write_metric(out, "pulse_telegram_limited_total", "counter", "Answers 429.", delivery->limited);
		write_metric(out, "pulse_telegram_ambiguous_total", "counter", "Sends with an unknown outcome.", delivery->ambiguous);
		write_metric(out, "pulse_telegram_dead_total", "counter", "Messages given up.", delivery->dead);
	}
	if (api->bot != NULL)
		bot_metrics(api->bot, out);
	if (api->sinks != NULL)
		sinks_metrics(api->sinks, out);
	if (api->logs != NULL)
		logs_metrics(api->logs, out);
	if (api->probes != NULL)
		probes_metrics(api->probes, out);
}
