#include "commands.h"

#include "memory.h"
#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A portfolio where one was named; $1 is "" otherwise. */
#define PORTFOLIO "NULLIF($1, '')"

const struct command commands[] = {
	{"status", COMMAND_LINES, false, "Status", "status [portfolio] \u2013 how things are, in short",
		"SELECT 'Health', 'status', o.status, NULLIF(o.message, '') FROM %s.pulse_overall_health() o"
		" UNION ALL SELECT x.* FROM %s.pulse_performance(" PORTFOLIO ") p, LATERAL (VALUES ('Value', 'money', p.total_value::text, NULL),"
		" ('Today', 'change', p.daily_return::text, NULL), ('P&L', 'signed', p.total_pnl::text, NULL),"
		" ('Drawdown', 'percent', p.current_drawdown::text, NULL), ('Open positions', 'number', p.position_count::text, NULL)) AS x"
		" UNION ALL SELECT 'Open alerts', 'number', pg_catalog.count(*)::text, NULL FROM %s.pulse_alerts()", 1},
	{"performance", COMMAND_LINES, false, "Performance", "performance [portfolio]",
		"SELECT x.* FROM %s.pulse_performance(" PORTFOLIO ") p, LATERAL (VALUES ('Value', 'money', p.total_value::text, NULL),"
		" ('Cash', 'money', p.cash_balance::text, NULL), ('Today', 'change', p.daily_return::text, NULL),"
		" ('Since the start', 'change', p.cumulative_return::text, NULL), ('A year', 'change', p.cagr::text, NULL),"
		" ('Sharpe', 'ratio', p.sharpe::text, NULL), ('Sortino', 'ratio', p.sortino::text, NULL), ('Calmar', 'ratio', p.calmar::text, NULL),"
		" ('Win rate', 'percent', p.win_rate::text, NULL), ('Profit factor', 'ratio', p.profit_factor::text, NULL),"
		" ('Closed trades', 'number', p.total_trades::text, NULL)) AS x", 1},
	{"pnl", COMMAND_LINES, false, "Profit and loss", "pnl [portfolio] \u2013 by time frame, and the return",
		"SELECT 'Realised', 'signed', p.realized_pnl::text, NULL FROM %s.pulse_performance(" PORTFOLIO ") p"
		" UNION ALL SELECT 'Unrealised', 'signed', p.unrealized_pnl::text, NULL FROM %s.pulse_performance(" PORTFOLIO ") p"
		" UNION ALL SELECT b.timeframe, 'pair', b.pnl::text, b.total_return::text FROM %s.pulse_performance_breakdown(" PORTFOLIO ") b", 1},
	{"positions", COMMAND_LINES, false, "Open positions", "positions [portfolio]",
		"SELECT p.symbol, 'position', p.quantity::text, p.unrealized_pnl::text FROM %s.pulse_positions(" PORTFOLIO ") p"
		" WHERE p.quantity <> 0 ORDER BY pg_catalog.abs(p.market_value) DESC NULLS LAST LIMIT 40", 1},
	{"risk", COMMAND_LINES, false, "Risk", "risk [portfolio]",
		"SELECT x.* FROM %s.pulse_performance(" PORTFOLIO ") p, LATERAL (VALUES ('Volatility', 'percent', p.volatility::text, NULL),"
		" ('Maximum drawdown', 'percent', p.max_drawdown::text, NULL), ('Current drawdown', 'percent', p.current_drawdown::text, NULL),"
		" ('VaR 95 %%', 'percent', p.var_95::text, NULL), ('CVaR 95 %%', 'percent', p.cvar_95::text, NULL)) AS x"
		" UNION ALL SELECT 'Leverage ' || l.portfolio, 'ratio', l.gross_leverage::text, NULL FROM %s.pulse_leverage(" PORTFOLIO ") l"
		" UNION ALL (SELECT e.symbol, 'percent', e.weight::text, NULL FROM %s.pulse_exposure(" PORTFOLIO ") e"
		" ORDER BY pg_catalog.abs(e.weight) DESC NULLS LAST LIMIT 10)", 1},
	{"health", COMMAND_LINES, false, "Health", "health",
		"SELECT h.component, 'status', h.status, NULLIF(h.message, '') FROM %s.pulse_health() h"
		" ORDER BY pg_catalog.array_position('{CRITICAL,WARNING,UNKNOWN,HEALTHY}', h.status), h.component LIMIT 40", 0},
	{"alerts", COMMAND_LINES, false, "Open alerts", "alerts",
		"SELECT '#' || a.alert_id || ' ' || a.title, 'text', a.severity || ', ' || a.state, a.acknowledged_by FROM %s.pulse_alerts() a LIMIT 40", 0},
	{"ack", COMMAND_ACTION, true, NULL, "ack NUMBER \u2013 takes care of an alert",
		"SELECT CASE WHEN %s.pulse_ack($1::bigint, $3) THEN 'Alert #' || $1 || ' is acknowledged by ' || $3 || '.'"
		" ELSE 'There is no alert #' || $1 || ' that fires.' END, $2, $4", 4},
	{"silence", COMMAND_ACTION, true, NULL, "silence NUMBER|RULE [TIME] [why] \u2013 for example: silence 7 2h",
		"SELECT CASE WHEN a.known THEN 'Silence #' || %s.pulse_silence(a.matcher, pg_catalog.now() + COALESCE(NULLIF($2, ''), '1h')::interval, $3, NULLIF($4, ''))"
		" || ' for ' || COALESCE(NULLIF($2, ''), '1h') || '.' ELSE 'There is no alert #' || $1 || '.' END"
		" FROM (SELECT $1 !~ '^[0-9]+$' OR EXISTS (SELECT FROM %s.pulse_alerts('all') x WHERE x.alert_id::text = $1) AS known,"
		" CASE WHEN $1 ~ '^[0-9]+$' THEN (SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object('rule', x.rule,"
		" 'portfolio', x.portfolio, 'symbol', x.symbol)) FROM %s.pulse_alerts('all') x WHERE x.alert_id::text = $1 LIMIT 1)"
		" ELSE pg_catalog.jsonb_build_object('rule', $1) END AS matcher) AS a", 4},
	{"unsilence", COMMAND_ACTION, true, NULL, "unsilence NUMBER \u2013 ends a silence",
		"SELECT CASE WHEN %s.pulse_unsilence($1::bigint) THEN 'Silence #' || $1 || ' has ended.' ELSE 'There is no silence #' || $1 || '.' END,"
		" $2, $3, $4", 4},
	{"report", COMMAND_REPORT, false, "Report", "report [days]",
		"SELECT %s.pulse_performance_report(COALESCE(NULLIF($1, ''), '30')::integer)", 1},
	{"daily", COMMAND_REPORT, false, "Daily report", "daily [YYYY-MM-DD]",
		"SELECT %s.pulse_daily_report(NULLIF($1, '')::date)", 1},
	{"weekly", COMMAND_REPORT, false, "Weekly report", "weekly [YYYY-MM-DD]",
		"SELECT %s.pulse_weekly_report(NULLIF($1, '')::date)", 1},
	{"mute", COMMAND_ACTION, true, NULL, "mute [TIME|off] \u2013 holds back everything but CRITICAL, 1h without a time",
		"INSERT INTO pulse.worker_state AS s (key, value) SELECT 'telegram.muted', pg_catalog.to_jsonb(pg_catalog.now() +"
		" CASE WHEN $1 = 'off' THEN interval '0' ELSE COALESCE(NULLIF($1, ''), '1h')::interval END)"
		" ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, updated_at = pg_catalog.now()"
		" RETURNING CASE WHEN $1 = 'off' THEN 'Messages come again.' ELSE 'Only CRITICAL for ' || COALESCE(NULLIF($1, ''), '1h') || '.' END", 1},
	{"chart", COMMAND_CHART, false, "Chart", "chart [hours] [portfolio]",
		"SELECT %s.pulse_portfolio_chart(COALESCE(NULLIF($1, ''), '168')::integer, 600, NULLIF($2, '')),"
		" (SELECT pg_catalog.jsonb_agg(pg_catalog.jsonb_build_array(m.year, m.month, m.monthly_return) ORDER BY m.year, m.month)"
		" FROM %s.pulse_monthly_returns(NULLIF($2, '')) m)", 2},
	{"help", COMMAND_HELP, false, "Commands", "help", NULL, 0},
};

const int	command_count = sizeof(commands) / sizeof(commands[0]);

static const char *
take_word(const char *text, char *word)
{
	size_t		length;

	text += strspn(text, " \t\n");
	length = strcspn(text, " \t\n");
	snprintf(word, COMMAND_MAX_ARGUMENT, "%.*s", (int) length, text);
	return text + length;
}

static const struct command *
find(const char *name, size_t length)
{
	for (int i = 0; i < command_count; i++)
	{
		if (strlen(commands[i].name) == length && strncasecmp(commands[i].name, name, length) == 0)
			return &commands[i];
	}
	return NULL;
}

/* Understands "/name@bot first second rest"; returns false when it is no command of ours. */
bool
command_parse(const char *text, struct command_call *call)
{
	size_t		length;

	*call = (struct command_call) {0};
	if (text[0] != '/')
		return false;
	length = strcspn(text + 1, " @\n\t");
	call->command = find(text + 1, length);
	if (call->command == NULL)
	{
		/* What every chat with a bot begins with. */
		if (length != 5 || strncasecmp(text + 1, "start", 5) != 0)
			return false;
		call->command = find("help", 4);
	}
	text += 1 + strcspn(text + 1, " \n\t");
	text = take_word(text, call->first);
	text = take_word(text, call->second);
	text += strspn(text, " \t\n");
	snprintf(call->rest, sizeof(call->rest), "%s", text);
	return true;
}

/* Understands what our buttons send: ack:NUMBER and silence:NUMBER:HOURS. */
bool
command_parse_button(const char *data, struct command_call *call)
{
	size_t		name = strcspn(data, ":");
	const char *number = data[name] == ':' ? data + name + 1 : "";
	size_t		digits = strspn(number, "0123456789");

	*call = (struct command_call) {.command = find(data, name)};
	if (call->command == NULL || !call->command->operate || digits == 0 || digits > 18)
		return false;
	snprintf(call->first, sizeof(call->first), "%.*s", (int) digits, number);
	if (number[digits] == ':')
		snprintf(call->second, sizeof(call->second), "%dh", atoi(number + digits + 1));
	return strcmp(call->command->name, "ack") == 0 || strcmp(call->command->name, "silence") == 0;
}

/* Returns the statement with the schema in it. */
char *
command_sql(const struct command *command, const char *schema)
{
	struct text sql = {0};

	for (const char *c = command->sql; *c != '\0'; c++)
	{
		if (c[0] == '%' && c[1] == 's')
		{
			text_append(&sql, schema);
			c++;
		}
		else if (c[0] == '%' && c[1] == '%')
			text_append_char(&sql, *c++);
		else
			text_append_char(&sql, *c);
	}
	return text_detach(&sql);
}
