#ifndef PULSE_TOKEN_H
#define PULSE_TOKEN_H

/* pulse-worker token create|list|revoke: the operator's side of authentication. */
extern int	token_command(int argc, char **argv);

#endif
