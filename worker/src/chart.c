#include "chart.h"

#include "format.h"

#include <cairo.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WIDTH 1000
#define LEFT 90
#define RIGHT 30
#define VALUE_TOP 60
#define VALUE_HEIGHT 300
#define WATER_TOP 390
#define WATER_HEIGHT 120
#define MONTHS_TOP 570
#define CELL_HEIGHT 34
#define MAX_YEARS 12
#define MAX_POINTS 5000

struct series
{
	double		at[MAX_POINTS];
	double		value[MAX_POINTS];
	double		under[MAX_POINTS];
	int			count;
};

static void
color(cairo_t *cairo, unsigned int rgb)
{
	cairo_set_source_rgb(cairo, (double) (rgb >> 16 & 255) / 255, (double) (rgb >> 8 & 255) / 255, (double) (rgb & 255) / 255);
}

static void
write_at(cairo_t *cairo, double x, double y, double align, const char *text)
{
	cairo_text_extents_t extents;

	cairo_text_extents(cairo, text, &extents);
	cairo_move_to(cairo, x - extents.x_advance * align, y);
	cairo_show_text(cairo, text);
}

static bool
read_series(json_t *data, struct series *series)
{
	json_t	   *ts = json_object_get(data, "ts");
	json_t	   *value = json_object_get(data, "value");
	json_t	   *drawdown = json_object_get(data, "drawdown");

	for (size_t i = 0; i < json_array_size(ts) && series->count < MAX_POINTS; i++)
	{
		json_t	   *at = json_array_get(ts, i);
		json_t	   *point = json_array_get(value, i);

		if (!json_is_number(at) || !json_is_number(point))
			continue;
		series->at[series->count] = json_number_value(at);
		series->value[series->count] = json_number_value(point);
		series->under[series->count++] = json_number_value(json_array_get(drawdown, i));
	}
	return series->count >= 2 && series->at[series->count - 1] > series->at[0];
}

static double
x_of(const struct series *series, double at)
{
	double		first = series->at[0];

	return LEFT + (at - first) / (series->at[series->count - 1] - first) * (WIDTH - LEFT - RIGHT);
}

/* About five round numbers between two bounds. */
static double
round_step(double span)
{
	double		step = pow(10, floor(log10(span / 5)));

	return span / step > 25 ? step * 10 : span / step > 10 ? step * 5 : step * 2;
}

static void
draw_grid(cairo_t *cairo, double top, double height, double low, double high, bool percent)
{
	double		step = round_step(high - low);

	for (double level = ceil(low / step) * step; level <= high + step * 1e-9; level += step)
	{
		double		y = top + (high - level) / (high - low) * height;
		char		label[64];
		struct text number = {0};

		if (percent)
			snprintf(label, sizeof(label), "%.*f %%", step < 0.01 ? 1 : 0, level * 100);
		else
		{
			snprintf(label, sizeof(label), "%.*f", step < 1 ? 2 : 0, level);
			format_number(&number, label, step < 1 ? 2 : 0, false);
			snprintf(label, sizeof(label), "%s", number.data);
			text_free(&number);
		}
		color(cairo, 0xE3E6EA);
		cairo_set_line_width(cairo, 1);
		cairo_move_to(cairo, LEFT, floor(y) + 0.5);
		cairo_line_to(cairo, WIDTH - RIGHT, floor(y) + 0.5);
		cairo_stroke(cairo);
		color(cairo, 0x5B6470);
		write_at(cairo, LEFT - 8, y + 4, 1, label);
	}
}

static void
draw_times(cairo_t *cairo, const struct series *series)
{
	double		span = series->at[series->count - 1] - series->at[0];

	color(cairo, 0x5B6470);
	for (int i = 0; i <= 5; i++)
	{
		time_t		at = (time_t) (series->at[0] + span * i / 5);
		struct tm	parts;
		char		label[32];

		gmtime_r(&at, &parts);
		strftime(label, sizeof(label), span < 2 * 86400 ? "%H:%M" : span < 300 * 86400.0 ? "%d %b" : "%b %Y", &parts);
		write_at(cairo, x_of(series, (double) at), WATER_TOP + WATER_HEIGHT + 20, i == 0 ? 0 : i == 5 ? 1 : 0.5, label);
	}
}

static void
draw_curve(cairo_t *cairo, const struct series *series)
{
	double		low = INFINITY;
	double		high = -INFINITY;

	for (int i = 0; i < series->count; i++)
	{
		low = fmin(low, series->value[i]);
		high = fmax(high, series->value[i]);
	}
	if (high - low < fabs(high) * 1e-9 || high == low)
	{
		low -= fabs(low) * 0.01 + 1;
		high += fabs(high) * 0.01 + 1;
	}
	low -= (high - low) * 0.05;
	high += (high - low) * 0.05;
	draw_grid(cairo, VALUE_TOP, VALUE_HEIGHT, low, high, false);
	cairo_new_path(cairo);
	for (int i = 0; i < series->count; i++)
		cairo_line_to(cairo, x_of(series, series->at[i]), VALUE_TOP + (high - series->value[i]) / (high - low) * VALUE_HEIGHT);
	color(cairo, 0x2563EB);
	cairo_set_line_width(cairo, 2);
	cairo_stroke(cairo);
}

static void
draw_under_water(cairo_t *cairo, const struct series *series)
{
	double		deepest = 0.01;

	for (int i = 0; i < series->count; i++)
		deepest = fmax(deepest, series->under[i]);
	draw_grid(cairo, WATER_TOP, WATER_HEIGHT, -deepest * 1.05, 0, true);
	cairo_move_to(cairo, x_of(series, series->at[0]), WATER_TOP);
	for (int i = 0; i < series->count; i++)
		cairo_line_to(cairo, x_of(series, series->at[i]), WATER_TOP + series->under[i] / (deepest * 1.05) * WATER_HEIGHT);
	cairo_line_to(cairo, x_of(series, series->at[series->count - 1]), WATER_TOP);
	cairo_close_path(cairo);
	cairo_set_source_rgba(cairo, 0.86, 0.15, 0.15, 0.35);
	cairo_fill_preserve(cairo);
	color(cairo, 0xDC2626);
	cairo_set_line_width(cairo, 1.5);
	cairo_stroke(cairo);
}

/* A month's colour: green for gains, red for losses, full at ten percent. The number is there too. */
static void
draw_month(cairo_t *cairo, double x, double y, double width, double value)
{
	double		strength = fmin(fabs(value) / 0.1, 1) * 0.75 + 0.08;
	char		label[32];

	cairo_rectangle(cairo, x + 1, y + 1, width - 2, CELL_HEIGHT - 2);
	if (value >= 0)
		cairo_set_source_rgba(cairo, 0.09, 0.64, 0.29, strength);
	else
		cairo_set_source_rgba(cairo, 0.86, 0.15, 0.15, strength);
	cairo_fill(cairo);
	color(cairo, 0x1F2933);
	snprintf(label, sizeof(label), "%+.1f", value * 100);
	write_at(cairo, x + width / 2, y + CELL_HEIGHT / 2 + 5, 0.5, label);
}

static void
draw_months(cairo_t *cairo, json_t *months, int first_year)
{
	static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	double		width = (double) (WIDTH - LEFT - RIGHT) / 12;
	json_t	   *month;
	size_t		i;

	color(cairo, 0x5B6470);
	for (int m = 0; m < 12; m++)
		write_at(cairo, LEFT + width * (m + 0.5), MONTHS_TOP - 8, 0.5, names[m]);
	json_array_foreach(months, i, month)
	{
		int			year = (int) json_integer_value(json_array_get(month, 0));
		int			number = (int) json_integer_value(json_array_get(month, 1));
		json_t	   *value = json_array_get(month, 2);
		double		y = MONTHS_TOP + (year - first_year) * CELL_HEIGHT;
		char		label[16];

		if (year < first_year || number < 1 || number > 12 || !json_is_number(value))
			continue;
		draw_month(cairo, LEFT + width * (number - 1), y, width, json_number_value(value));
		snprintf(label, sizeof(label), "%d", year);
		color(cairo, 0x5B6470);
		write_at(cairo, LEFT - 8, y + CELL_HEIGHT / 2 + 5, 1, label);
	}
}

static cairo_status_t
take_bytes(void *closure, const unsigned char *bytes, unsigned int length)
{
	text_append_n(closure, (const char *) bytes, length);
	return CAIRO_STATUS_SUCCESS;
}

static void
draw_all(cairo_t *cairo, const struct series *series, json_t *months, int first_year, const char *title)
{
	color(cairo, 0xFFFFFF);
	cairo_paint(cairo);
	cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
	cairo_set_font_size(cairo, 20);
	color(cairo, 0x1F2933);
	write_at(cairo, LEFT, 36, 0, title);
	cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
	cairo_set_font_size(cairo, 13);
	draw_curve(cairo, series);
	draw_under_water(cairo, series);
	draw_times(cairo, series);
	if (json_array_size(months) > 0)
		draw_months(cairo, months, first_year);
}

/* Draws a chart as PNG; returns false when there are fewer than two points. */
bool
chart_draw(const char *data, const char *months, const char *title, struct text *png)
{
	json_t	   *chart = json_loads(data, 0, NULL);
	json_t	   *returns = months != NULL ? json_loads(months, 0, NULL) : NULL;
	static _Thread_local struct series series;
	size_t		count = json_array_size(returns);
	int			last_year = (int) json_integer_value(json_array_get(json_array_get(returns, count > 0 ? count - 1 : 0), 0));
	int			first_year = (int) json_integer_value(json_array_get(json_array_get(returns, 0), 0));
	bool		good;

	series.count = 0;
	good = read_series(chart, &series);
	if (last_year - first_year >= MAX_YEARS)
		first_year = last_year - MAX_YEARS + 1;
	if (good)
	{
		int			height = count > 0 ? MONTHS_TOP + (last_year - first_year + 1) * CELL_HEIGHT + 20 : WATER_TOP + WATER_HEIGHT + 40;
		cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, height);
		cairo_t    *cairo = cairo_create(surface);

		draw_all(cairo, &series, returns, first_year, title);
		good = cairo_status(cairo) == CAIRO_STATUS_SUCCESS &&
			cairo_surface_write_to_png_stream(surface, take_bytes, png) == CAIRO_STATUS_SUCCESS;
		cairo_destroy(cairo);
		cairo_surface_destroy(surface);
	}
	json_decref(chart);
	json_decref(returns);
	return good;
}

#ifdef __SANITIZE_ADDRESS__
extern const char *__lsan_default_suppressions(void);

/* Fontconfig keeps what it read of the fonts until the process ends. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libfontconfig\n";
}
#endif
