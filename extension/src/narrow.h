/*
 * Answering for some of the portfolios that a role may see, as if it saw no others.
 */
#ifndef PULSE_NARROW_H
#define PULSE_NARROW_H

/* Which narrowing is in force, 0 for none: what was remembered under one holds for no other. */
extern uint64 pulse_narrowing_in_force(void);

/* Whether the narrowing in force leaves a portfolio visible; NULL, which is none in particular, always is. */
extern bool pulse_is_within(const char *portfolio, size_t length);

#endif							/* PULSE_NARROW_H */
