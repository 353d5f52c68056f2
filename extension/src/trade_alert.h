/*
 * Data of TRADE_ALERT events.
 */
#ifndef PULSE_TRADE_ALERT_H
#define PULSE_TRADE_ALERT_H

#include "postgres.h"

/* The columns of pulse.fill that an event shows. */
enum
{
	PULSE_TRADE_FILL_KEY, PULSE_TRADE_SYMBOL, PULSE_TRADE_SIDE, PULSE_TRADE_QUANTITY, PULSE_TRADE_PRICE, PULSE_TRADE_FEE,
	PULSE_TRADE_FEE_ASSET, PULSE_TRADE_EXECUTED_AT, PULSE_TRADE_ORDER_ID, PULSE_TRADE_FILL_ID, PULSE_TRADE_STRATEGY,
	PULSE_TRADE_CONFIDENCE, PULSE_TRADE_REALIZED_PNL, PULSE_TRADE_POSITION, PULSE_TRADE_COLUMNS
};

/* Makes the data of a fill with these columns: a jsonb. */
extern Datum pulse_trade_alert_data(const NullableDatum *columns);

#endif							/* PULSE_TRADE_ALERT_H */
