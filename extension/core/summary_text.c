/*
 * The form of a summary as text: \x and its bytes in hexadecimal, two digits
 * for each and nothing else.
 */
#include "core/summary.h"

static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * Reads the text form into bytes, which has room for half of its length, and
 * sets their number. Returns what is wrong with the text, or NULL.
 */
const char *
pulse_summary_from_text(const char *text, size_t length, uint8_t *bytes, size_t *size)
{
	if (length < 2 || text[0] != '\\' || text[1] != 'x')
		return "no \\x at its start";
	if (length % 2 != 0)
		return "an odd number of digits";
	*size = length / 2 - 1;
	for (size_t i = 0; i < *size; i++)
	{
		int			high = digit_value(text[2 + 2 * i]);
		int			low = digit_value(text[3 + 2 * i]);

		if (high < 0 || low < 0)
			return "a character that is no hexadecimal digit";
		bytes[i] = (uint8_t) (high << 4 | low);
	}
	return NULL;
}

/* Writes the text form of n bytes: 2 + 2 n characters and the zero at the end. */
void
pulse_summary_to_text(const uint8_t *bytes, size_t n, char *text)
{
	static const char digits[] = "0123456789abcdef";

	*text++ = '\\';
	*text++ = 'x';
	for (size_t i = 0; i < n; i++)
	{
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 15];
	}
	*text = '\0';
}
