/*
 * Sliding windows over returns.
 */
#ifndef PULSE_MOVING_H
#define PULSE_MOVING_H

#include "src/returns.h"

typedef struct MovingState MovingState;

extern ReturnsState *pulse_moving_view(MovingState *state);

#endif							/* PULSE_MOVING_H */
