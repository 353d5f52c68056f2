#include "text.h"

#include "memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void
reserve(struct text *text, size_t more)
{
	size_t		wanted = text->length + more + 1;

	if (wanted <= text->capacity)
		return;
	if (wanted < text->capacity * 2)
		wanted = text->capacity * 2;
	if (wanted < 64)
		wanted = 64;
	text->data = memory_resize(text->data, wanted);
	text->capacity = wanted;
}

/* Appends length bytes. */
void
text_append_n(struct text *text, const char *bytes, size_t length)
{
	reserve(text, length);
	memcpy(text->data + text->length, bytes, length);
	text->length += length;
	text->data[text->length] = '\0';
}

/* Appends a string. */
void
text_append(struct text *text, const char *string)
{
	text_append_n(text, string, strlen(string));
}

/* Appends one character. */
void
text_append_char(struct text *text, char character)
{
	text_append_n(text, &character, 1);
}

/* Appends formatted output. */
void
text_printf(struct text *text, const char *format,...)
{
	va_list		arguments;
	int			length;

	va_start(arguments, format);
	length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		return;
	reserve(text, (size_t) length);
	va_start(arguments, format);
	vsnprintf(text->data + text->length, (size_t) length + 1, format, arguments);
	va_end(arguments);
	text->length += (size_t) length;
}

/* Returns how many bytes the character has that bytes begin with, 0 when they are not well-formed UTF-8. */
static size_t
character_width(const char *bytes, size_t length)
{
	const unsigned char *at = (const unsigned char *) bytes;
	unsigned char first = at[0];
	size_t		width = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;

	if (width > length)
		return 0;
	if (width > 1 && ((first == 0xe0 && at[1] < 0xa0) || (first == 0xed && at[1] > 0x9f) || (first == 0xf0 && at[1] < 0x90) ||
					  (first == 0xf4 && at[1] > 0x8f)))
		return 0;
	for (size_t i = 1; i < width; i++)
	{
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	}
	return width;
}

/* Appends an array of PostgreSQL's type text[]; NULL stands for NULL. */
void
text_append_array(struct text *text, const char *const *values, int count)
{
	text_append_char(text, '{');
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			text_append_char(text, ',');
		if (values[i] == NULL)
		{
			text_append(text, "NULL");
			continue;
		}
		text_append_char(text, '"');
		for (const char *c = values[i]; *c != '\0'; c++)
		{
			if (*c == '"' || *c == '\\')
				text_append_char(text, '\\');
			text_append_char(text, *c);
		}
		text_append_char(text, '"');
	}
	text_append_char(text, '}');
}

/* Appends a JSON string literal with its quotes, in UTF-8 whatever the string is; NULL becomes null. */
void
text_append_json(struct text *text, const char *string)
{
	const char *start = string;

	if (string == NULL)
	{
		text_append(text, "null");
		return;
	}
	text_append_char(text, '"');
	for (; *string != '\0'; string++)
	{
		unsigned char c = (unsigned char) *string;

		if (c >= 0x80)
		{
			size_t		width = character_width(string, strnlen(string, 4));

			string += width > 0 ? width - 1 : 0;
			if (width > 0)
				continue;
		}
		else if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		text_append_n(text, start, (size_t) (string - start));
		start = string + 1;
		if (c >= 0x80)
			text_append(text, "\\ufffd");
		else if (c == '"' || c == '\\')
			text_printf(text, "\\%c", c);
		else if (c == '\n')
			text_append(text, "\\n");
		else
			text_printf(text, "\\u%04x", c);
	}
	text_append_n(text, start, (size_t) (string - start));
	text_append_char(text, '"');
}

/* Appends a string with the characters escaped that mean something in HTML text and attributes. */
void
text_append_html(struct text *text, const char *string)
{
	for (; string != NULL && *string != '\0'; string++)
	{
		switch (*string)
		{
			case '<':
				text_append(text, "&lt;");
				break;
			case '>':
				text_append(text, "&gt;");
				break;
			case '&':
				text_append(text, "&amp;");
				break;
			case '"':
				text_append(text, "&quot;");
				break;
			default:
				text_append_char(text, *string);
		}
	}
}

/* Empties the text and keeps its memory. */
void
text_reset(struct text *text)
{
	text->length = 0;
	if (text->data != NULL)
		text->data[0] = '\0';
}

/* Frees the memory and leaves an empty text. */
void
text_free(struct text *text)
{
	free(text->data);
	*text = (struct text) {0};
}

/* Hands the bytes over to the caller, who frees them, and leaves an empty text. */
char *
text_detach(struct text *text)
{
	char	   *data = text->data != NULL ? text->data : memory_string("");

	*text = (struct text) {0};
	return data;
}

/* Returns the content as a C string, also when nothing was appended. */
const char *
text_string(const struct text *text)
{
	return text->data != NULL ? text->data : "";
}

/* Writes a time, given in microseconds since 1970, as ISO 8601 in UTC with microseconds. */
void
text_iso(char *buffer, size_t size, int64_t microseconds)
{
	time_t		whole = (time_t) (microseconds / 1000000);
	struct tm	parts;
	char		seconds[32];

	gmtime_r(&whole, &parts);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(buffer, size, "%s.%06dZ", seconds, (int) (microseconds % 1000000));
}

/* Writes the current time in the same form. */
void
text_iso_now(char *buffer, size_t size)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	text_iso(buffer, size, (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

/* Tells whether bytes are well-formed UTF-8: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
bool
text_is_utf8(const char *bytes, size_t length)
{
	const char *end = bytes + length;

	while (bytes < end)
	{
		size_t		width = character_width(bytes, (size_t) (end - bytes));

		if (width == 0)
			return false;
		bytes += width;
	}
	return true;
}

/* Puts question marks in place of what is not UTF-8: text from outside, or one that was cut in the middle of a character. */
void
text_repair(char *string)
{
	while (*string != '\0')
	{
		size_t		width = (unsigned char) *string < 0x80 ? 1 : character_width(string, strnlen(string, 4));

		if (width == 0)
			*string++ = '?';
		else
			string += width;
	}
}
