/*
 * Followed tables without triggers.
 */
#ifndef PULSE_POLL_H
#define PULSE_POLL_H

/* Marks the tables that are due for a look (all of them when at_once); returns whether there were any. */
extern bool pulse_poll_sources(bool at_once);

#endif							/* PULSE_POLL_H */
