/* The table of the REST interface. Figures come from the same functions as the stream's. */
#include "routes.h"

#include <string.h>

#define PORTFOLIO {"portfolio", PARAMETER_PORTFOLIO, NULL, 0, 0}
#define VISIBLE {"", PARAMETER_VISIBLE, NULL, 0, 0}
#define BY {"", PARAMETER_BY, NULL, 0, 0}
#define TIMEZONE {"timezone", PARAMETER_TEXT, "UTC", 0, 0}
#define LIMIT(initial) {"limit", PARAMETER_INTEGER, initial, 1, 1000}
#define CURSOR {"cursor", PARAMETER_TEXT, NULL, 0, 0}

static const char trades_sql[] =
"SELECT pg_catalog.jsonb_build_object("
" 'items', COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object("
"  'portfolio', t.portfolio, 'id', t.id, 'symbol', t.symbol, 'side', t.side, 'quantity', t.quantity::text,"
"  'price', t.price::text, 'value', t.value::text, 'fee', t.fee::text, 'fee_asset', t.fee_asset,"
"  'executed_at', pulse.json_time(t.executed_at), 'order_id', t.order_id, 'fill_id', t.fill_id, 'strategy', t.strategy,"
"  'confidence', pulse.json_number(t.confidence), 'realized_pnl', t.realized_pnl::text, 'position', t.position::text)"
"  ORDER BY t.n) FILTER (WHERE t.n <= $1::integer), '[]'),"
" 'next_cursor', CASE WHEN pg_catalog.max(t.n) > $1::integer"
"  THEN pg_catalog.max(t.cursor) FILTER (WHERE t.n = $1::integer) END)::text"
" FROM %s.pulse_trades($1::integer + 1, $2, $3) WITH ORDINALITY AS t (portfolio, id, symbol, side, quantity, price, value,"
"  fee, fee_asset, executed_at, order_id, fill_id, strategy, confidence, realized_pnl, position, cursor, n)";

static const char events_sql[] =
"SELECT pg_catalog.jsonb_build_object('epoch', q.epoch, 'seq', q.seq, 'items', COALESCE((SELECT pg_catalog.jsonb_agg("
" pg_catalog.jsonb_build_object('v', 1, 'type', e.type, 'seq', e.seq, 'epoch', e.epoch, 'timestamp', pulse.json_time(e.ts),"
"  'portfolio', e.portfolio, 'key', e.key, 'priority', e.priority, 'data', e.data) ORDER BY e.seq)"
" FROM (SELECT * FROM pulse.event WHERE seq > $1::bigint AND ($3::text[] IS NULL OR portfolio = ANY ($3)"
"  OR (portfolio IS NULL AND type IN ('HEALTH_UPDATE', 'SYSTEM_ALERT'))) ORDER BY seq LIMIT $2::integer) AS e), '[]'))::text"
" FROM pulse.sequencer AS q";

static const char notifications_sql[] =
"SELECT pg_catalog.jsonb_build_object("
" 'items', COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('delivery_id', d.delivery_id, 'type', d.type,"
"  'priority', d.priority, 'portfolio', d.portfolio, 'title', d.title, 'message', d.message, 'status', d.status,"
"  'created_at', pulse.json_time(d.created_at), 'sent_at', pulse.json_time(d.sent_at), 'attempts', d.attempts,"
"  'duplicates', d.duplicates, 'last_error', d.last_error) ORDER BY d.delivery_id DESC) FILTER (WHERE d.n <= $1::integer), '[]'),"
" 'next_cursor', CASE WHEN pg_catalog.max(d.n) > $1::integer THEN pg_catalog.max(d.delivery_id) FILTER (WHERE d.n = $1::integer)::text END)::text"
" FROM (SELECT d.*, pg_catalog.row_number() OVER (ORDER BY d.delivery_id DESC) AS n FROM pulse.delivery AS d"
"  WHERE ($2::bigint IS NULL OR d.delivery_id < $2::bigint) AND ($3::text IS NULL OR d.portfolio = $3)"
"   AND ($4::text[] IS NULL OR d.portfolio IS NULL OR d.portfolio = ANY ($4))"
"  ORDER BY d.delivery_id DESC LIMIT $1::integer + 1) AS d";

#define ALERT "pg_catalog.jsonb_build_object('alert_id', a.alert_id, 'rule', a.rule, 'kind', a.kind, 'severity', a.severity," \
" 'state', a.state, 'portfolio', a.portfolio, 'symbol', a.symbol, 'title', a.title, 'message', a.message," \
" 'value', pulse.json_number(a.value), 'threshold', pulse.json_number(a.threshold), 'since', pulse.json_time(a.since)," \
" 'updated_at', pulse.json_time(a.updated_at), 'count', a.count, 'acknowledged_by', a.acknowledged_by," \
" 'acknowledged_at', pulse.json_time(a.acknowledged_at), 'resolved_at', pulse.json_time(a.resolved_at)," \
" 'silenced_by', a.silenced_by)"

static const char alerts_sql[] =
"SELECT COALESCE(pg_catalog.jsonb_agg(" ALERT " ORDER BY a.updated_at DESC, a.alert_id DESC), '[]')::text"
" FROM %s.pulse_alerts($1, $2::timestamptz, $3) AS a"
" WHERE $4::text[] IS NULL OR a.portfolio IS NULL OR a.portfolio = ANY ($4)";

/* An alert that the client may not see does not exist for it. */
const char	ack_sql[] =
"SELECT pg_catalog.jsonb_build_object('alert_id', a.alert_id, 'acknowledged', %s.pulse_ack(a.alert_id, $2, $3))::text"
" FROM %s.pulse_alerts('all') AS a"
" WHERE a.alert_id = $1::bigint AND ($4::text[] IS NULL OR a.portfolio IS NULL OR a.portfolio = ANY ($4))";

/* Who may see some portfolios only silences nothing that goes beyond them. */
static const char silence_sql[] =
"SELECT pg_catalog.jsonb_build_object('silence_id', %s.pulse_silence($1::jsonb, $2::timestamptz, $3, $4))::text"
" WHERE $5::text[] IS NULL OR (pg_catalog.jsonb_typeof($1::jsonb->'portfolio') = 'string' AND $1::jsonb->>'portfolio' = ANY ($5))"
"  OR (pg_catalog.jsonb_typeof($1::jsonb->'portfolio') = 'array' AND pg_catalog.jsonb_array_length($1::jsonb->'portfolio') > 0"
"   AND pg_catalog.to_jsonb($5) @> ($1::jsonb->'portfolio'))";

const struct route routes[] = {
	{HTTP_GET, SCOPE_READ, LIGHT, "/api/v1/snapshot",
		SNAPSHOT_SQL,
		{PORTFOLIO, VISIBLE}},
	{HTTP_GET, SCOPE_READ, LIGHT, "/api/v1/performance", "SELECT pulse.performance_data($1)::text", {PORTFOLIO}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/performance/report", "SELECT %s.pulse_performance_report($1::integer, $2)::text",
		{{"days", PARAMETER_INTEGER, "30", 1, 36500}, PORTFOLIO}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/performance/breakdown",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(b) || pg_catalog.jsonb_build_object('net_pnl', b.net_pnl::text)), '[]')::text"
		" FROM %s.pulse_performance_breakdown($1) AS b",
		{PORTFOLIO}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/monthly",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('year', m.year, 'month', m.month, 'monthly_return',"
		" pulse.json_number(m.monthly_return), 'end_value', pulse.json_number(m.end_value))), '[]')::text"
		" FROM %s.pulse_monthly_returns($1, $2) AS m",
		{PORTFOLIO, TIMEZONE}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/drawdowns",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('rank', d.rank, 'depth', pulse.json_number(d.depth),"
		" 'peak_at', pulse.json_time(d.peak_at), 'trough_at', pulse.json_time(d.trough_at),"
		" 'recovered_at', pulse.json_time(d.recovered_at), 'duration', EXTRACT(epoch FROM d.duration)::float8,"
		" 'time_to_trough', EXTRACT(epoch FROM d.time_to_trough)::float8,"
		" 'time_to_recover', EXTRACT(epoch FROM d.time_to_recover)::float8)), '[]')::text"
		" FROM %s.pulse_drawdowns($1::integer, $2) AS d",
		{{"top", PARAMETER_INTEGER, "10", 1, 1000}, PORTFOLIO}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/heatmap",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('weekday', h.weekday, 'hour', h.hour, 'trades', h.trades,"
		" 'volume', h.volume::text, 'pnl', h.pnl::text)), '[]')::text"
		" FROM %s.pulse_trading_heatmap($1::integer, $2, $3) AS h",
		{{"days", PARAMETER_INTEGER, "30", 1, 36500}, PORTFOLIO, TIMEZONE}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/symbols",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('symbol', s.symbol, 'fills', s.fills, 'volume', s.volume::text,"
		" 'trades', s.trades, 'gross_pnl', s.gross_pnl::text, 'fees', s.fees::text, 'net_pnl', s.net_pnl::text,"
		" 'win_rate', pulse.json_number(s.win_rate), 'profit_factor', pulse.json_number(s.profit_factor),"
		" 'average_win', pulse.json_number(s.average_win), 'average_loss', pulse.json_number(s.average_loss),"
		" 'average_return', pulse.json_number(s.average_return), 'best_trade', s.best_trade::text, 'worst_trade', s.worst_trade::text,"
		" 'average_holding', EXTRACT(epoch FROM s.average_holding)::float8)), '[]')::text"
		" FROM %s.pulse_symbol_performance($1::integer, $2) AS s",
		{{"days", PARAMETER_INTEGER, "30", 1, 36500}, PORTFOLIO}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/targets",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t)), '[]')::text FROM %s.pulse_targets($1) AS t",
		{PORTFOLIO}},
	{HTTP_GET, SCOPE_READ, LIGHT, "/api/v1/portfolio", "SELECT %s.pulse_portfolio($1)::text", {PORTFOLIO}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/portfolio/chart",
		"SELECT (CASE WHEN $3::timestamptz IS NULL THEN %s.pulse_portfolio_chart($1::integer, $2::integer, $5)"
		" ELSE %s.pulse_portfolio_chart($3::timestamptz, COALESCE($4::timestamptz, pg_catalog.now()), $2::integer, $5) END)::text",
		{{"hours", PARAMETER_INTEGER, "24", 1, 1000000}, {"points", PARAMETER_INTEGER, "500", 4, 100000},
		{"from", PARAMETER_TEXT, NULL, 0, 0}, {"to", PARAMETER_TEXT, NULL, 0, 0}, PORTFOLIO}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/benchmark",
		"SELECT pulse.benchmark_data(COALESCE($1::timestamptz, pg_catalog.now() - '90 days'::interval), COALESCE($2::timestamptz, pg_catalog.now()))::text",
		{{"from", PARAMETER_TEXT, NULL, 0, 0}, {"to", PARAMETER_TEXT, NULL, 0, 0}}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/exposure", "SELECT pulse.exposure_data($1)::text", {PORTFOLIO}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/distribution",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('lower', d.lower, 'upper', d.upper, 'trades', d.trades,"
		" 'net_pnl', d.net_pnl::text) ORDER BY d.bin), '[]')::text FROM %s.pulse_pnl_distribution($1::integer, $2::integer, $3) AS d",
		{{"bins", PARAMETER_INTEGER, "20", 1, 1000}, {"days", PARAMETER_INTEGER, "30", 1, 36500}, PORTFOLIO}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/volume",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('ts', pulse.json_time(v.ts), 'fills', v.fills, 'volume', v.volume::text,"
		" 'buy_volume', v.buy_volume::text, 'sell_volume', v.sell_volume::text) ORDER BY v.ts), '[]')::text"
		" FROM %s.pulse_volume('1 day', $1::integer, $2, NULL, $3) AS v",
		{{"days", PARAMETER_INTEGER, "30", 1, 36500}, PORTFOLIO, TIMEZONE}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/trade-statistics",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('item', x.item, 'trades', x.trades, 'wins',"
		" x.wins, 'losses', x.losses, 'gross_pnl', x.gross_pnl::text, 'fees', x.fees::text, 'net_pnl', x.net_pnl::text,"
		" 'win_rate', pulse.json_number(x.win_rate), 'profit_factor', pulse.json_number(x.profit_factor), 'average_win',"
		" pulse.json_number(x.average_win), 'average_loss', pulse.json_number(x.average_loss), 'payoff_ratio',"
		" pulse.json_number(x.payoff_ratio), 'expectancy', pulse.json_number(x.expectancy), 'sqn',"
		" pulse.json_number(x.sqn), 'kelly', pulse.json_number(x.kelly), 'max_consecutive_losses',"
		" x.max_consecutive_losses, 'best_trade', x.best_trade::text, 'worst_trade', x.worst_trade::text,"
		" 'average_return', pulse.json_number(x.average_return), 'volume', x.volume::text, 'average_holding',"
		" EXTRACT(epoch FROM x.average_holding)::float8, 'median_holding', EXTRACT(epoch FROM"
		" x.median_holding)::float8)), '[]')::text FROM %s.pulse_trade_statistics($1, $2::integer, $3, $4, $5) AS x",
		{{"by", PARAMETER_TEXT, "all", 0, 0}, {"days", PARAMETER_INTEGER, NULL, 1, 36500}, PORTFOLIO, TIMEZONE,
		{"method", PARAMETER_TEXT, "average", 0, 0}}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/holding-times",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('outcome', x.outcome, 'trades', x.trades,"
		" 'shortest', EXTRACT(epoch FROM x.shortest)::float8, 'lower_quartile', EXTRACT(epoch FROM"
		" x.lower_quartile)::float8, 'median', EXTRACT(epoch FROM x.median)::float8, 'upper_quartile', EXTRACT(epoch"
		" FROM x.upper_quartile)::float8, 'longest', EXTRACT(epoch FROM x.longest)::float8, 'average', EXTRACT(epoch"
		" FROM x.average)::float8)), '[]')::text FROM %s.pulse_holding_times($1::integer, $2) AS x",
		{{"days", PARAMETER_INTEGER, NULL, 1, 36500}, PORTFOLIO}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/turnover",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('portfolio', x.portfolio, 'fills', x.fills,"
		" 'volume', x.volume::text, 'average_equity', x.average_equity::text, 'turnover', pulse.json_number(x.turnover),"
		" 'annual_turnover', pulse.json_number(x.annual_turnover))), '[]')::text FROM %s.pulse_turnover($1::integer, $2)"
		" AS x WHERE $3::text[] IS NULL OR x.portfolio = ANY ($3)",
		{{"days", PARAMETER_INTEGER, "30", 1, 36500}, {"portfolio", PARAMETER_TEXT, NULL, 0, 0}, VISIBLE}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/excursions",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('portfolio', x.portfolio, 'symbol',"
		" x.symbol, 'side', x.side, 'quantity', x.quantity::text, 'entry_price', x.entry_price::text, 'exit_price',"
		" x.exit_price::text, 'net_pnl', x.net_pnl::text, 'opened_at', pulse.json_time(x.opened_at), 'closed_at',"
		" pulse.json_time(x.closed_at), 'marks', x.marks, 'mae', pulse.json_number(x.mae), 'mfe',"
		" pulse.json_number(x.mfe), 'mae_amount', x.mae_amount::text, 'mfe_amount', x.mfe_amount::text, 'captured',"
		" pulse.json_number(x.captured), 'strategy', x.strategy)), '[]')::text FROM"
		" %s.pulse_trade_excursions($1::integer, $2) AS x WHERE $3::text[] IS NULL OR x.portfolio = ANY ($3)",
		{{"days", PARAMETER_INTEGER, "30", 1, 36500}, {"portfolio", PARAMETER_TEXT, NULL, 0, 0}, VISIBLE}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/fees",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('portfolio', x.portfolio, 'fee_asset',"
		" x.fee_asset, 'kind', x.kind, 'fills', x.fills, 'amount', x.amount::text, 'quote_amount', x.quote_amount::text,"
		" 'unconverted', x.unconverted::text, 'quote_asset', x.quote_asset)), '[]')::text FROM"
		" %s.pulse_fees($1::timestamptz, $2) AS x WHERE $3::text[] IS NULL OR x.portfolio = ANY ($3)",
		{{"since", PARAMETER_TEXT, NULL, 0, 0}, {"portfolio", PARAMETER_TEXT, NULL, 0, 0}, VISIBLE}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/data-quality",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('source', x.source, 'portfolio',"
		" x.portfolio, 'kind', x.kind, 'symbol', x.symbol, 'key', x.key, 'problem', x.problem, 'executed_at',"
		" pulse.json_time(x.executed_at), 'fills', x.fills)), '[]')::text FROM %s.pulse_data_quality($1::integer, $2) AS"
		" x WHERE $3::text[] IS NULL OR x.portfolio = ANY ($3)",
		{{"days", PARAMETER_INTEGER, "30", 1, 36500}, {"portfolio", PARAMETER_TEXT, NULL, 0, 0}, VISIBLE}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/reconcile",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object('bot', x.bot, 'source', x.source,"
		" 'portfolio', x.portfolio, 'item', x.item, 'symbol', x.symbol, 'measure', x.measure, 'theirs', x.theirs::text,"
		" 'ours', x.ours::text, 'difference', x.difference::text, 'note', x.note)), '[]')::text FROM"
		" %s.pulse_reconcile(everything => $1::boolean) AS x WHERE $2::text[] IS NULL OR x.portfolio = ANY ($2)",
		{{"everything", PARAMETER_TEXT, "false", 0, 0}, VISIBLE}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/positions", "SELECT (%s.pulse_portfolio($1)->'positions')::text", {PORTFOLIO}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/trades", trades_sql,
		{LIMIT("50"), CURSOR, PORTFOLIO}},
	{HTTP_GET, SCOPE_READ, LIGHT, "/api/v1/health", "SELECT pulse.health_data()::text", {{0}}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/health-history", "SELECT pulse.health_history($1::integer, $2::integer)::text",
		{{"hours", PARAMETER_INTEGER, "24", 1, 8784}, {"buckets", PARAMETER_INTEGER, "48", 1, 1000}}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/health/{component}",
		"SELECT pg_catalog.jsonb_build_object('component', h.component, 'status', h.status, 'message', h.message, 'latency_ms',"
		" pulse.json_number(h.latency_ms), 'checked_at', pulse.json_time(h.checked_at), 'details', h.details)::text"
		" FROM %s.pulse_health_check($1) AS h",
		{{"component", PARAMETER_PATH, NULL, 0, 0}}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/rolling", "SELECT pulse.rolling_data($1, $2::integer, $3::integer, $4)::text",
		{{"metric", PARAMETER_TEXT, "sharpe", 0, 0}, {"window", PARAMETER_INTEGER, "30", 2, 3650},
		{"days", PARAMETER_INTEGER, "365", 1, 36500}, PORTFOLIO}},
	{HTTP_POST, SCOPE_OPERATE, HEAVY, "/api/v1/health/{component}/run",
		"SELECT pg_catalog.jsonb_build_object('component', h.component, 'status', h.status, 'message', h.message, 'latency_ms',"
		" pulse.json_number(h.latency_ms), 'checked_at', pulse.json_time(h.checked_at), 'details', h.details)::text"
		" FROM %s.pulse_health_check($1) AS h",
		{{"component", PARAMETER_PATH, NULL, 0, 0}}},
	{HTTP_GET, SCOPE_READ, LIGHT, "/api/v1/events", events_sql,
		{{"since_seq", PARAMETER_INTEGER, "0", 0, INT64_MAX}, LIMIT("100"), VISIBLE}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/notifications", notifications_sql,
		{LIMIT("50"), {"cursor", PARAMETER_INTEGER, NULL, 0, INT64_MAX}, {"portfolio", PARAMETER_TEXT, NULL, 0, 0}, VISIBLE}},
	{HTTP_GET, SCOPE_READ, LIGHT, "/api/v1/alerts", alerts_sql,
		{{"state", PARAMETER_TEXT, "active", 0, 0}, {"since", PARAMETER_TEXT, NULL, 0, 0},
		{"portfolio", PARAMETER_TEXT, NULL, 0, 0}, VISIBLE}},
	{HTTP_POST, SCOPE_OPERATE, HEAVY, "/api/v1/alerts/{alert_id}/ack", ack_sql,
		{{"alert_id", PARAMETER_PATH_INTEGER, NULL, 1, INT64_MAX}, BY, {"note", PARAMETER_BODY_TEXT, NULL, 0, 0}, VISIBLE}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/rules",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r)), '[]')::text FROM %s.pulse_alert_rules() AS r", {{0}}},
	{HTTP_GET, SCOPE_READ, HEAVY, "/api/v1/silences",
		"SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(s)), '[]')::text FROM %s.pulse_silences($1::boolean) AS s",
		{{"all", PARAMETER_TEXT, "false", 0, 0}}},
	{HTTP_POST, SCOPE_OPERATE, HEAVY, "/api/v1/silences", silence_sql,
		{{"matcher", PARAMETER_BODY_JSON, NULL, 0, 0}, {"until", PARAMETER_BODY_TEXT, NULL, 0, 0}, BY,
		{"reason", PARAMETER_BODY_TEXT, NULL, 0, 0}, VISIBLE}},
	{HTTP_DELETE, SCOPE_OPERATE, HEAVY, "/api/v1/silences/{silence_id}",
		"SELECT pg_catalog.jsonb_build_object('silence_id', $1::bigint, 'ended', %s.pulse_unsilence($1::bigint))::text WHERE $2::text[] IS NULL",
		{{"silence_id", PARAMETER_PATH_INTEGER, NULL, 1, INT64_MAX}, VISIBLE}},
};

const int	route_count = sizeof(routes) / sizeof(routes[0]);

/*
 * Names the portfolio of a client that has named none: NULL where it is all, or all that it may see, together. Returns
 * whether what is summed up then has to be narrowed. Where the database cannot do that it is the first one.
 */
bool
route_whole(const struct principal *principal, const struct database_facts *facts, const char **portfolio)
{
	*portfolio = NULL;
	if (!principal->limited)
		return false;
	if (principal->portfolios.count > 1 && facts->narrows)
		return true;
	*portfolio = principal->portfolios.names[0];
	return false;
}

/* Makes a question one that is answered as if there were none but the visible portfolios; parameters keeps its own ones. */
void
route_narrow(struct question *question, const char *visible, struct text *parameters)
{
	text_append_array(parameters, question->parameters, question->parameter_count);
	question->parameters[0] = visible;
	question->parameters[1] = question->sql;
	question->parameters[2] = parameters->data;
	question->parameter_count = 3;
	question->sql = "SELECT a.body, a.seq, a.epoch FROM pulse.answer_within($1::text[], $2::text, $3::text[]) AS a";
}

/* Puts the schema of the functions in its places; the caller frees the result. */
char *
route_sql(const char *sql, const char *schema)
{
	struct text text = {0};

	for (const char *place = strstr(sql, "%s"); place != NULL; place = strstr(sql, "%s"))
	{
		text_append_n(&text, sql, (size_t) (place - sql));
		text_append(&text, schema);
		sql = place + 2;
	}
	text_append(&text, sql);
	return text_detach(&text);
}
