#ifndef PULSE_LOGS_KEEP_H
#define PULSE_LOGS_KEEP_H

#include <stdbool.h>

/* Files of days that are over: compressed, and deleted when they are too old. Blocks; runs in the pool. */
extern void logs_keep(const char *directory, const char *const kinds[], int kind_count, const char *today, int retention_days,
					  bool compress);

#endif
