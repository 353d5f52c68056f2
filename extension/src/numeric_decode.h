/*
 * numeric to double precision, correctly rounded and without a text form.
 */
#ifndef PULSE_NUMERIC_DECODE_H
#define PULSE_NUMERIC_DECODE_H

#include "postgres.h"

extern double pulse_numeric_to_double(Datum numeric);

#endif							/* PULSE_NUMERIC_DECODE_H */
