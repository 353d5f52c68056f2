#ifndef PULSE_VERSION_H
#define PULSE_VERSION_H

/* The extension with the same major number and at least this minor number is the one that fits. */
#define PULSE_VERSION "1.0.0"

#endif
