/*
 * The standard normal distribution, accurate far into the tails, and Student's.
 */
#ifndef PULSE_CORE_NORMAL_H
#define PULSE_CORE_NORMAL_H

extern double pulse_normal_density(double z);
extern double pulse_normal_probability(double z);
extern double pulse_normal_quantile(double p);
extern double pulse_student_probability(double t, double degrees);

#endif							/* PULSE_CORE_NORMAL_H */
