#ifndef PULSE_TLS_H
#define PULSE_TLS_H

#include "loop.h"

#include <stddef.h>

/* The certificate of the port: TLS 1.2 and newer, read again when its files change, without cutting a connection. */
struct tls;

extern struct tls *tls_open(struct loop *loop, const char *cert, const char *key, char *problem, size_t size);
extern void tls_close(struct tls *tls);
extern int	tls_take_context(struct tls *tls, void *context);
extern bool tls_configure(struct tls *tls, const char *cert, const char *key, char *problem, size_t size);

#endif
