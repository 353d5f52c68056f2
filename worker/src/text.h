#ifndef PULSE_TEXT_H
#define PULSE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A growing string. Zero-initialise it, append, then text_free() it or take the bytes with text_detach(). It is always
 * NUL-terminated once something was appended.
 */
struct text
{
	char	   *data;
	size_t		length;
	size_t		capacity;
};

extern void text_append(struct text *text, const char *string);
extern void text_append_n(struct text *text, const char *bytes, size_t length);
extern void text_append_char(struct text *text, char character);
extern void text_printf(struct text *text, const char *format,...) __attribute__((format(printf, 2, 3)));
extern void text_append_array(struct text *text, const char *const *values, int count);
extern void text_append_json(struct text *text, const char *string);
extern void text_append_html(struct text *text, const char *string);
extern void text_reset(struct text *text);
extern void text_free(struct text *text);
extern char *text_detach(struct text *text);
extern const char *text_string(const struct text *text);

extern bool text_is_utf8(const char *bytes, size_t length);
extern void text_repair(char *string);
extern void text_iso(char *buffer, size_t size, int64_t microseconds);
extern void text_iso_now(char *buffer, size_t size);

#endif
