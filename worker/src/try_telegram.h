#ifndef PULSE_TRY_TELEGRAM_H
#define PULSE_TRY_TELEGRAM_H

#include "config.h"

/* Sends one message past the outbox and tells what Telegram says; returns the exit status. */
extern int	try_telegram(const struct config *config);

#endif
