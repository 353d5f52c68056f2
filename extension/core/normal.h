/*
 * The standard normal distribution, accurate far into the tails.
 */
#ifndef PULSE_CORE_NORMAL_H
#define PULSE_CORE_NORMAL_H

extern double pulse_normal_density(double z);
extern double pulse_normal_probability(double z);
extern double pulse_normal_quantile(double p);

#endif							/* PULSE_CORE_NORMAL_H */
