#ifndef PULSE_FRAME_H
#define PULSE_FRAME_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The bytes of one WebSocket message, framed once and shared by everyone who sends it. Frames of a server are not
 * masked, so they are the same for all.
 */
struct frame
{
	int			references;
	size_t		length;			/* of the text */
	unsigned char *text;		/* inside room */
	size_t		wire_length;	/* of the frame: header and payload */
	unsigned char *wire;		/* inside room */
	bool		compressed;		/* the payload is compressed, as RFC 7692 has it */
	struct frame *packed;		/* the same message compressed, once someone wanted it so */
	bool		not_packed;		/* compressing does not pay */
	unsigned char room[];
};

#define FRAME_LARGEST_HEADER 10
#define FRAME_TEXT 1
#define FRAME_CONTINUATION 0

extern struct frame *frame_new(const char *text, size_t length);
extern struct frame *frame_hold(struct frame *frame);
extern void frame_release(struct frame *frame);
extern struct frame *frame_packed(struct frame *frame);
extern size_t frame_header(unsigned char *at, int opcode, bool final, bool compressed, size_t length);

#endif
