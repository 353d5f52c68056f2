/*
 * Back-tests of value at risk: did losses exceed it as often as promised,
 * and independently of each other?
 */
#ifndef PULSE_CORE_BACKTEST_H
#define PULSE_CORE_BACKTEST_H

#include <stdbool.h>
#include <stdint.h>

typedef struct pulse_backtest
{
	int64_t		n;
	int64_t		exceptions;
	int64_t		transitions[2][2];	/* from [exception before] to [exception now] */
	bool		last;
} pulse_backtest;

extern void pulse_backtest_add(pulse_backtest *b, bool exception);
extern double pulse_kupiec_statistic(int64_t exceptions, int64_t n, double confidence);
extern bool pulse_christoffersen_statistic(const pulse_backtest *b, double *result);
extern double pulse_chi_square_1_tail(double x);
extern double pulse_chi_square_2_tail(double x);

#endif							/* PULSE_CORE_BACKTEST_H */
