/*
 * numeric to double precision, correctly rounded, and to whole numbers over a power of ten and back, without a text form.
 */
#ifndef PULSE_NUMERIC_DECODE_H
#define PULSE_NUMERIC_DECODE_H

#include "postgres.h"

#include "core/combined.h"

extern double pulse_numeric_to_double(Datum numeric);
extern bool pulse_numeric_to_amount(Datum numeric, pulse_amount *amount);
extern Datum pulse_amount_to_numeric(const pulse_amount *amount);

#endif							/* PULSE_NUMERIC_DECODE_H */
