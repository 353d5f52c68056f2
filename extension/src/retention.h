/*
 * Removing what is older than its retention.
 */
#ifndef PULSE_RETENTION_H
#define PULSE_RETENTION_H

/* Removes one batch of each table, inside a transaction; returns whether some is left. */
extern bool pulse_apply_retention(void);

#endif							/* PULSE_RETENTION_H */
