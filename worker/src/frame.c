#include "frame.h"

#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define WORTH_PACKING 256
#define FLUSH_MARK 4			/* 00 00 FF FF, which RFC 7692 leaves out */

/* Writes the header of a frame; returns its length. */
size_t
frame_header(unsigned char *at, int opcode, bool final, bool compressed, size_t length)
{
	at[0] = (unsigned char) (opcode | (final ? 0x80 : 0) | (compressed ? 0x40 : 0));
	if (length < 126)
	{
		at[1] = (unsigned char) length;
		return 2;
	}
	if (length < 65536)
	{
		at[1] = 126;
		at[2] = (unsigned char) (length >> 8);
		at[3] = (unsigned char) length;
		return 4;
	}
	at[1] = 127;
	for (int i = 0; i < 8; i++)
		at[2 + i] = (unsigned char) ((uint64_t) length >> (56 - 8 * i));
	return FRAME_LARGEST_HEADER;
}

static struct frame *
allocate(size_t length, bool compressed)
{
	struct frame *frame = memory_alloc(sizeof(*frame) + FRAME_LARGEST_HEADER + length);
	unsigned char header[FRAME_LARGEST_HEADER];
	size_t		used = frame_header(header, FRAME_TEXT, true, compressed, length);

	*frame = (struct frame) {.references = 1,.length = length,.compressed = compressed,.wire_length = used + length};
	frame->text = frame->room + FRAME_LARGEST_HEADER;
	frame->wire = frame->text - used;
	memcpy(frame->wire, header, used);
	return frame;
}

/* Makes a frame of a copy of the text, with one reference. */
struct frame *
frame_new(const char *text, size_t length)
{
	struct frame *frame = allocate(length, false);

	memcpy(frame->text, text, length);
	return frame;
}

/* Takes one more reference. */
struct frame *
frame_hold(struct frame *frame)
{
	frame->references++;
	return frame;
}

/* Gives a reference back; the last one frees the frame. */
void
frame_release(struct frame *frame)
{
	if (frame == NULL || --frame->references > 0)
		return;
	frame_release(frame->packed);
	free(frame);
}

/*
 * Returns the frame for clients that take permessage-deflate: compressed once for all of them, which is why each message
 * stands alone. No reference is taken. Small messages and those that do not shrink stay as they are.
 */
struct frame *
frame_packed(struct frame *frame)
{
	static z_stream stream;
	static unsigned char *room;
	static size_t room_size;
	static bool open;

	if (frame->packed != NULL || frame->not_packed || frame->compressed)
		return frame->packed != NULL ? frame->packed : frame;
	frame->not_packed = true;
	if (frame->length < WORTH_PACKING || (!open && deflateInit2(&stream, 3, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK))
		return frame;
	open = true;
	deflateReset(&stream);
	if (room_size < frame->length)
	{
		room_size = frame->length;
		room = memory_resize(room, room_size);
	}
	stream.next_in = frame->text;
	stream.avail_in = (unsigned int) frame->length;
	stream.next_out = room;
	stream.avail_out = (unsigned int) frame->length;
	if (deflate(&stream, Z_SYNC_FLUSH) == Z_OK && stream.avail_in == 0 && stream.avail_out > 0)
	{
		size_t		length = (size_t) (stream.next_out - room) - FLUSH_MARK;

		frame->packed = allocate(length, true);
		memcpy(frame->packed->text, room, length);
		frame->not_packed = false;
	}
	/* A large message must not leave its room behind for ever. */
	if (room_size > 1u << 20)
	{
		free(room);
		room = NULL;
		room_size = 0;
	}
	return frame->packed != NULL ? frame->packed : frame;
}
