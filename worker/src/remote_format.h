#ifndef PULSE_REMOTE_FORMAT_H
#define PULSE_REMOTE_FORMAT_H

#include "config.h"
#include "text.h"
#include "transfer.h"

/* What endpoints want to be sent, and what their answers mean. No state and no I/O. */
enum remote_verdict
{
	REMOTE_TAKEN,
	REMOTE_TOO_LARGE,			/* or not understood: once more in smaller parts */
	REMOTE_REFUSED,				/* the key or the address is wrong */
	REMOTE_LATER
};

extern void remote_format(const struct config_remote *remote, const char *lines, size_t length, struct text *out);
extern const char *remote_content_type(const struct config_remote *remote);
extern bool remote_compress(const struct text *plain, struct text *out);
extern enum remote_verdict remote_judge(const struct config_remote *remote, const struct transfer_result *result, int *rejected,
										char *problem, size_t size);
extern void remote_check_config(const void *item, void (*complain) (void *arg, const char *message), void *arg);

#endif
