#ifndef PULSE_DOCTOR_H
#define PULSE_DOCTOR_H

#include "config.h"

/* Looks at everything that the configuration names, and explains what is wrong; returns the exit status. */
extern int	doctor(const struct config *config);

#endif
