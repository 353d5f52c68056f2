#include "figures.h"

#include "format.h"
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
append_leaf(struct text *out, const char *text, bool html)
{
	if (html)
		text_append_html(out, text);
	else
		text_append(out, text);
}

/* Money beyond cents is noise in a message; a ratio has two decimals. */
static void
append_rounded(struct text *out, const char *value, int decimals, bool sign)
{
	char	   *end;
	double		number = strtod(value, &end);
	char		buffer[64];

	if (*value == '\0' || *end != '\0' || !isfinite(number) || fabs(number) > 1e15)
	{
		format_number(out, value, 0, sign);
		return;
	}
	snprintf(buffer, sizeof(buffer), "%.*f", decimals, number);
	format_number(out, buffer, decimals, sign);
}

/* Writes a value by its kind: money, signed, percent, change (a percentage with its sign), ratio, number, or text. */
void
figures_value(struct text *out, const char *kind, const char *value)
{
	if (strcmp(kind, "money") == 0)
		append_rounded(out, value, 2, false);
	else if (strcmp(kind, "signed") == 0)
		append_rounded(out, value, 2, true);
	else if (strcmp(kind, "percent") == 0)
		format_percent(out, value, false);
	else if (strcmp(kind, "change") == 0)
		format_percent(out, value, true);
	else if (strcmp(kind, "ratio") == 0)
		append_rounded(out, value, 2, false);
	else if (strcmp(kind, "number") == 0)
		format_number(out, value, 0, false);
	else
		text_append(out, value);
}

static const char *
status_sign(const char *status)
{
	if (strncmp(status, "HEALTHY", 7) == 0)
		return "\u2705 ";
	if (strncmp(status, "CRITICAL", 8) == 0)
		return "\U0001F6A8 ";
	return strncmp(status, "WARNING", 7) == 0 ? "\u26A0\uFE0F " : "\u2754 ";
}

/*
 * Writes "label: value". Kinds beside those of figures_value(): head (a heading), status (with its sign), pair (a signed
 * amount and a change), position (a quantity and a signed amount). What is not known is a dash.
 */
void
figures_line(struct text *out, const char *label, const char *kind, const char *value, const char *extra, bool html)
{
	struct text shown = {0};
	bool		pair = strcmp(kind, "pair") == 0;
	bool		position = strcmp(kind, "position") == 0;

	if (out->length > 0)
		text_append_char(out, '\n');
	if (strcmp(kind, "head") == 0)
	{
		text_append(out, html ? "<b>" : "");
		append_leaf(out, label, html);
		text_append(out, html ? "</b>" : "");
		return;
	}
	if (strcmp(kind, "status") == 0 && value != NULL)
		text_append(out, status_sign(value));
	append_leaf(out, label, html);
	text_append(out, ": ");
	if (value == NULL)
		text_append(&shown, "\u2013");
	else
		figures_value(&shown, pair ? "signed" : position ? "number" : kind, value);
	if (extra != NULL)
	{
		text_append(&shown, " (");
		figures_value(&shown, pair ? "change" : position ? "signed" : "text", extra);
		text_append_char(&shown, ')');
	}
	append_leaf(out, text_string(&shown), html);
	text_free(&shown);
}

static const struct
{
	const char *label;
	const char *pointer;
	const char *kind;
}			report_lines[] = {
	{"Value", "/returns/end_value", "money"},
	{"Return", "/returns/total_return", "change"},
	{"Net P&L", "/returns/net_pnl", "signed"},
	{"Fees", "/returns/fees", "money"},
	{"Sharpe", "/risk/sharpe", "ratio"},
	{"Sortino", "/risk/sortino", "ratio"},
	{"Volatility", "/risk/volatility", "percent"},
	{"Maximum drawdown", "/risk/max_drawdown", "percent"},
	{"Current drawdown", "/risk/current_drawdown", "percent"},
	{"VaR 95 %", "/risk/var_95", "percent"},
	{"Closed trades", "/trading/total_trades", "number"},
	{"Win rate", "/trading/win_rate", "percent"},
	{"Profit factor", "/trading/profit_factor", "ratio"},
	{"Open alerts", "/alerts/open", "number"},
	{"Health", "/health/status", "status"},
};

static void
append_performers(struct text *out, json_t *list, const char *heading, bool html)
{
	json_t	   *item;
	size_t		i;

	json_array_foreach(list, i, item)
	{
		char	   *pnl = json_text(json_object_get(item, "net_pnl"));
		const char *symbol = json_string_value(json_object_get(item, "symbol"));

		if (i == 0)
			figures_line(out, heading, "head", NULL, NULL, html);
		if (i < 5 && symbol != NULL)
			figures_line(out, symbol, "signed", pnl, NULL, html);
		free(pnl);
	}
}

/* Writes a report of the database; returns false when it is none. */
bool
figures_report(struct text *out, json_t *report, bool html)
{
	json_t	   *recommendation;
	size_t		i;

	if (!json_is_object(json_object_get(report, "returns")) || !json_is_object(json_object_get(report, "risk")))
		return false;
	for (size_t line = 0; line < sizeof(report_lines) / sizeof(report_lines[0]); line++)
	{
		json_t	   *value = json_at(report, report_lines[line].pointer);
		char	   *text = json_text(value);

		if (value != NULL && !json_is_null(value))
			figures_line(out, report_lines[line].label, report_lines[line].kind, text, NULL, html);
		free(text);
	}
	append_performers(out, json_at(report, "/performers/top"), "Best", html);
	append_performers(out, json_at(report, "/performers/worst"), "Worst", html);
	json_array_foreach(json_object_get(report, "recommendations"), i, recommendation)
	{
		const char *text = json_string_value(json_object_get(recommendation, "text"));

		if (i == 0)
			figures_line(out, "Recommendations", "head", NULL, NULL, html);
		if (text == NULL || i >= 8)
			continue;
		text_append(out, "\n\u2022 ");
		append_leaf(out, text, html);
	}
	return true;
}
