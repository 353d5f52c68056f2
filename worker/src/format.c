#include "format.h"

#include <stdlib.h>
#include <string.h>

/* Tells whether a text is a plain decimal number, without an exponent. */
bool
format_is_number(const char *number)
{
	size_t		digits;
	size_t		decimals = 0;

	if (*number == '-' || *number == '+')
		number++;
	digits = strspn(number, "0123456789");
	number += digits;
	if (*number == '.')
	{
		decimals = strspn(number + 1, "0123456789");
		number += 1 + decimals;
	}
	return digits + decimals > 0 && *number == '\0';
}

static bool
is_zero(const char *digits)
{
	return strspn(digits, "0.") == strlen(digits);
}

/*
 * Writes a number with commas between thousands, without needless zeros behind the point but with at least so many
 * decimals; sign writes a plus before what is above zero. What is no plain number is copied as it is.
 */
void
format_number(struct text *out, const char *number, int least_decimals, bool sign)
{
	const char *digits = *number == '-' || *number == '+' ? number + 1 : number;
	const char *point;
	size_t		whole;
	size_t		decimals;

	if (!format_is_number(number))
	{
		text_append(out, number);
		return;
	}
	if (*number == '-' && !is_zero(digits))
		text_append(out, "\u2212");
	else if (sign && !is_zero(digits))
		text_append_char(out, '+');
	while (digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9')
		digits++;
	point = strchr(digits, '.');
	whole = point != NULL ? (size_t) (point - digits) : strlen(digits);
	if (whole == 0)
		text_append_char(out, '0');
	for (size_t i = 0; i < whole; i++)
	{
		if (i > 0 && (whole - i) % 3 == 0)
			text_append_char(out, ',');
		text_append_char(out, digits[i]);
	}
	decimals = point != NULL ? strlen(point + 1) : 0;
	while (decimals > (size_t) least_decimals && point[decimals] == '0')
		decimals--;
	if (decimals == 0 && least_decimals == 0)
		return;
	text_append_char(out, '.');
	for (size_t i = 0; i < decimals || i < (size_t) least_decimals; i++)
		text_append_char(out, i < decimals ? point[1 + i] : '0');
}

/* Writes a fraction such as 0.0834 as a percentage, rounded to two decimals: 8.34 %. */
void
format_percent(struct text *out, const char *fraction, bool sign)
{
	char	   *end;
	double		value = strtod(fraction, &end) * 100;
	struct text number = {0};

	if (*fraction == '\0' || *end != '\0')
	{
		text_append(out, fraction);
		return;
	}
	text_printf(&number, "%.2f", value);
	format_number(out, number.data, 2, sign);
	text_append(out, " %");
	text_free(&number);
}
