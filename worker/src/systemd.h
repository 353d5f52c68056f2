#ifndef PULSE_SYSTEMD_H
#define PULSE_SYSTEMD_H

/* Tells the service manager about our state, where there is one. */
extern void systemd_notify(const char *state);
extern int	systemd_watchdog_ms(void);
extern int	systemd_listening_socket(void);

#endif
