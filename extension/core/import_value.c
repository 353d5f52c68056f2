#include "core/import_value.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MAX_EXPONENT 40

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Returns where a cell's text starts, and its length, without the white space around it. */
const char *
value_trim(const char *cell, size_t *length)
{
	size_t		left;

	while (*cell != '\0' && isspace((unsigned char) *cell))
		cell++;
	left = strlen(cell);
	while (left > 0 && isspace((unsigned char) cell[left - 1]))
		left--;
	*length = left;
	return cell;
}

/* Passes a currency sign in front of an amount. */
static const char *
skip_currency_sign(const char *at, const char *end)
{
	static const char *const signs[] = {"$", "\xE2\x82\xAC", "\xC2\xA3", "\xC2\xA5"};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
	{
		size_t		length = strlen(signs[i]);

		if ((size_t) (end - at) >= length && memcmp(at, signs[i], length) == 0)
			return at + length;
	}
	return at;
}

/*
 * Copies the digits before the decimal point. Commas must stand where thousands are: "1,5" is somebody's decimal comma,
 * and taking it for 15 would be worse than refusing it.
 */
static const char *
copy_whole_part(const char *at, const char *end, char **out, bool *wrong)
{
	size_t		run = 0;
	bool		grouped = false;

	for (; at < end && (is_digit(*at) || *at == ','); at++)
	{
		if (*at != ',')
		{
			run++;
			*(*out)++ = *at;
			continue;
		}
		if (grouped ? run != 3 : (run == 0 || run > 3))
			*wrong = true;
		grouped = true;
		run = 0;
	}
	if (grouped && run != 3)
		*wrong = true;
	return at;
}

static const char *
copy_exponent(const char *at, const char *end, char **out, bool *wrong)
{
	int			exponent = 0;
	const char *digits;

	*(*out)++ = 'e';
	at++;
	if (at < end && (*at == '+' || *at == '-'))
		*(*out)++ = *at++;
	digits = at;
	for (; at < end && is_digit(*at); at++)
	{
		exponent = exponent > MAX_EXPONENT ? exponent : exponent * 10 + (*at - '0');
		*(*out)++ = *at;
	}
	if (at == digits || exponent > MAX_EXPONENT)
		*wrong = true;
	return at;
}

/* Reads a number from exactly these bytes; false when they are none. */
static bool
read_number(const char *at, size_t length, char *number)
{
	const char *end = at + length;
	char	   *out = number;
	char	   *digits;
	bool		wrong = false;
	bool		negative = false;

	/* A bound for the copies below as well: none of them writes more than it reads. */
	if (length == 0 || length + 2 > VALUE_NUMBER_SIZE)
		return false;
	at = skip_currency_sign(at, end);
	if (at < end && (*at == '-' || *at == '+'))
		negative = *at++ == '-';
	at = skip_currency_sign(at, end);
	if (negative)
		*out++ = '-';
	digits = out;
	at = copy_whole_part(at, end, &out, &wrong);
	if (at < end && *at == '.')
	{
		char	   *point = out;

		*out++ = *at++;
		while (at < end && is_digit(*at))
			*out++ = *at++;
		if (out == point + 1)
			out = point;
	}
	if (out == digits)
		return false;
	if (at < end && (*at == 'e' || *at == 'E'))
		at = copy_exponent(at, end, &out, &wrong);
	*out = '\0';
	return !wrong && at == end;
}

/* Reads a number, perhaps with thousands commas and a currency sign, into plain decimal notation; "" for an empty cell. */
const char *
value_number(const char *cell, char *number)
{
	size_t		length;
	const char *text = value_trim(cell, &length);

	number[0] = '\0';
	if (length == 0)
		return NULL;
	return read_number(text, length, number) ? NULL : "is not a number";
}

/*
 * Reads a number with its unit glued to it, as in 0.1BTC. A unit that may be expected is tried first, because assets such
 * as 1INCH start with a digit; else the number is as long as it can be.
 */
const char *
value_number_with_unit(const char *cell, const char *known_unit, char *number, char *unit)
{
	size_t		length;
	const char *text = value_trim(cell, &length);
	size_t		known = known_unit != NULL ? strlen(known_unit) : 0;
	size_t		digits = 0;

	unit[0] = number[0] = '\0';
	if (length == 0)
		return NULL;
	if (known > 0 && known < length && strncasecmp(text + length - known, known_unit, known) == 0)
	{
		size_t		before = length - known;

		while (before > 0 && text[before - 1] == ' ')
			before--;
		if (read_number(text, before, number))
		{
			snprintf(unit, VALUE_UNIT_SIZE, "%s", known_unit);
			return NULL;
		}
	}
	if (digits < length && (text[digits] == '-' || text[digits] == '+'))
		digits++;
	while (digits < length && (is_digit(text[digits]) || text[digits] == ',' || text[digits] == '.'))
		digits++;
	if (!read_number(text, digits, number))
		return "is not a number with its unit";
	while (digits < length && text[digits] == ' ')
		digits++;
	if (length - digits >= VALUE_UNIT_SIZE)
		return "has a unit that is too long";
	for (size_t i = digits; i < length; i++)
	{
		if ((unsigned char) text[i] < 0x80 && !isalnum((unsigned char) text[i]))
			return "is not a number with its unit";
		unit[i - digits] = (char) toupper((unsigned char) text[i]);
		unit[i - digits + 1] = '\0';
	}
	return NULL;
}

/* Tells whether a number that was read has only zeros. */
bool
value_is_zero(const char *number)
{
	for (; *number != '\0' && *number != 'e'; number++)
	{
		if (*number >= '1' && *number <= '9')
			return false;
	}
	return true;
}

/* Copies a name in upper case; false when it is empty, too long or has characters that no name has. */
bool
value_name(const char *cell, char *name, size_t size)
{
	size_t		length;
	const char *text = value_trim(cell, &length);

	name[0] = '\0';
	if (length == 0 || length >= size)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		if ((unsigned char) text[i] <= ' ' || text[i] == 0x7F || text[i] == '"' || text[i] == '\\')
			return false;
		name[i] = (char) ((unsigned char) text[i] < 0x80 ? toupper((unsigned char) text[i]) : text[i]);
	}
	name[length] = '\0';
	return true;
}

/* Reads up to width digits. */
static const char *
read_digits(const char *at, int least, int most, int *value)
{
	int			count = 0;

	*value = 0;
	for (; count < most && is_digit(*at); at++, count++)
		*value = *value * 10 + (*at - '0');
	return count >= least ? at : NULL;
}

/* Reads an offset from UTC such as +2, -05:30 or +0100 into the notation of ISO 8601; "" or Z is UTC itself. */
const char *
value_offset(const char *text, char *zone)
{
	int			hours = 0;
	int			minutes = 0;
	char		sign = '+';
	const char *at = text;

	if (*at == '+' || *at == '-')
	{
		sign = *at++;
		at = read_digits(at, 1, 2, &hours);
		if (at != NULL && *at == ':')
			at++;
		if (at != NULL && *at != '\0')
			at = read_digits(at, 2, 2, &minutes);
	}
	else if (*at == 'Z' || *at == 'z')
		at++;
	if (at == NULL || *at != '\0' || hours > 15 || minutes > 59)
		return "is not an offset from UTC";
	snprintf(zone, VALUE_ZONE_SIZE, "%c%02d:%02d", sign, hours, minutes);
	return NULL;
}

static bool
date_exists(int year, int month, int day)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool		leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static const char *
read_date(const char *at, bool short_years, int *year, int *month, int *day)
{
	const char *start = at;
	char		separator;

	at = read_digits(at, 2, 4, year);
	if (at == NULL || (at - start != 4 && !(short_years && at - start == 2)) || (*at != '-' && *at != '/'))
		return NULL;
	if (at - start == 2)
		*year += 2000;
	separator = *at++;
	at = read_digits(at, 1, 2, month);
	if (at == NULL || *at++ != separator)
		return NULL;
	at = read_digits(at, 1, 2, day);
	return at != NULL && (*at == ' ' || *at == 'T') ? at + 1 : NULL;
}

/* Reads HH:MM, HH:MM:SS and HH:MM:SS.fraction. The fraction stays text. */
static const char *
read_clock(const char *at, int clock[3], const char **fraction, int *fraction_length)
{
	clock[2] = 0;
	*fraction_length = 0;
	at = read_digits(at, 1, 2, &clock[0]);
	if (at == NULL || *at++ != ':')
		return NULL;
	at = read_digits(at, 2, 2, &clock[1]);
	if (at != NULL && *at == ':')
		at = read_digits(at + 1, 2, 2, &clock[2]);
	if (at == NULL)
		return NULL;
	if (*at == '.')
	{
		*fraction = ++at;
		while (is_digit(*at))
			at++;
		*fraction_length = (int) (at - *fraction);
		if (*fraction_length == 0 || *fraction_length > 12)
			return NULL;
	}
	return clock[0] <= 23 && clock[1] <= 59 && clock[2] <= 59 ? at : NULL;
}

/*
 * Reads a date and time into what timestamptz takes. A zone that the cell itself states (Z, UTC, an offset) wins over the
 * given one. Years of two digits are read where the format has them: elsewhere 01-02-24 would be anybody's guess.
 */
const char *
value_time(const char *cell, const char *zone, bool short_years, char *time)
{
	static const char wrong[] = "is not a date and time such as 2024-03-01 10:20:30";
	size_t		length;
	const char *text = value_trim(cell, &length);
	char		copy[64];
	char		own_zone[VALUE_ZONE_SIZE];
	int			year,
				month,
				day,
				clock[3];
	const char *fraction = "";
	int			fraction_length;
	const char *at;

	time[0] = '\0';
	if (length == 0)
		return "is empty";
	if (length >= sizeof(copy))
		return wrong;
	memcpy(copy, text, length);
	copy[length] = '\0';
	at = read_date(copy, short_years, &year, &month, &day);
	if (at != NULL)
		at = read_clock(at, clock, &fraction, &fraction_length);
	if (at == NULL)
		return wrong;
	if (!date_exists(year, month, day))
		return "is not a date that exists";
	if (year < 2009)
		return "lies before there was an exchange";
	if (*at != '\0')
	{
		while (*at == ' ')
			at++;
		if (strncasecmp(at, "UTC", 3) == 0)
			at += 3;
		if (value_offset(at, own_zone) != NULL)
			return wrong;
		zone = own_zone;
	}
	snprintf(time, VALUE_TIME_SIZE, "%04d-%02d-%02d %02d:%02d:%02d%s%.*s %s", year, month, day, clock[0], clock[1], clock[2],
			 fraction_length > 0 ? "." : "", fraction_length, fraction, zone);
	return NULL;
}
