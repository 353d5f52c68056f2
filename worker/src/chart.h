#ifndef PULSE_CHART_H
#define PULSE_CHART_H

#include "text.h"

/*
 * Draws the chart of a portfolio as PNG: its value, how far it is under water, and below them the months as a heat map
 * where there are any. Takes JSON as the database gives it; returns false when there is nothing to draw. Blocks.
 */
extern bool chart_draw(const char *data, const char *months, const char *title, struct text *png);

#endif
