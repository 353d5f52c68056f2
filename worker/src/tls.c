#include "tls.h"

#include "log.h"
#include "memory.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOOK_MS 3000

struct tls
{
	struct loop *loop;
	char	   *cert;
	char	   *key;
	struct stat cert_seen;
	struct stat key_seen;
	SSL_CTX    *context;		/* libwebsockets' own, on which every later handshake runs */
	struct loop_timer look_timer;
};

/* Loads certificate, chain and key into a context; false, and the context in an unknown state, when they do not fit. */
static bool
load(SSL_CTX *context, const char *cert, const char *key, char *problem, size_t size)
{
	char		reason[200];

	ERR_clear_error();
	if (SSL_CTX_use_certificate_chain_file(context, cert) == 1 &&
		SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 && SSL_CTX_check_private_key(context) == 1)
		return true;
	ERR_error_string_n(ERR_get_error(), reason, sizeof(reason));
	snprintf(problem, size, "cannot use the certificate %s with the key %s: %s", cert, key, reason);
	return false;
}

/* Tries the files on a context that nobody uses, so that a broken pair never reaches a client. */
static bool
try_files(const char *cert, const char *key, char *problem, size_t size)
{
	SSL_CTX    *context = SSL_CTX_new(TLS_server_method());
	bool		good = context != NULL && load(context, cert, key, problem, size);

	SSL_CTX_free(context);
	return good;
}

static void
remember_files(struct tls *tls)
{
	if (stat(tls->cert, &tls->cert_seen) < 0 || stat(tls->key, &tls->key_seen) < 0)
		memset(&tls->cert_seen, 0, sizeof(tls->cert_seen));
}

static bool
changed(const char *path, const struct stat *seen)
{
	struct stat now;

	return stat(path, &now) == 0 && (now.st_ino != seen->st_ino || now.st_size != seen->st_size ||
									 now.st_mtim.tv_sec != seen->st_mtim.tv_sec || now.st_mtim.tv_nsec != seen->st_mtim.tv_nsec);
}

/* A renewal replaces two files, one after the other: until they fit each other the old pair stays. */
static void
look(void *arg)
{
	struct tls *tls = arg;
	char		problem[600];

	loop_timer_set(tls->loop, &tls->look_timer, LOOK_MS);
	if (!changed(tls->cert, &tls->cert_seen) && !changed(tls->key, &tls->key_seen))
		return;
	if (tls_configure(tls, tls->cert, tls->key, problem, sizeof(problem)))
		log_info("tls", "the certificate was replaced");
	else
		log_warning("tls", "%s; the old one stays", problem);
	remember_files(tls);
}

/* Checks the files; libwebsockets loads them when its context is made. Returns NULL and says why when they are no good. */
struct tls *
tls_open(struct loop *loop, const char *cert, const char *key, char *problem, size_t size)
{
	struct tls *tls;

	if (!try_files(cert, key, problem, size))
		return NULL;
	tls = memory_alloc_zero(sizeof(*tls));
	tls->loop = loop;
	tls->cert = memory_string(cert);
	tls->key = memory_string(key);
	tls->look_timer = (struct loop_timer) {.fn = look,.arg = tls};
	remember_files(tls);
	loop_timer_set(loop, &tls->look_timer, LOOK_MS);
	return tls;
}

/* Stops looking at the files. */
void
tls_close(struct tls *tls)
{
	if (tls == NULL)
		return;
	loop_timer_cancel(tls->loop, &tls->look_timer);
	free(tls->cert);
	free(tls->key);
	free(tls);
}

/* Takes libwebsockets' context while it is being set up. Nonzero refuses it. */
int
tls_take_context(struct tls *tls, void *context)
{
	if (tls == NULL || context == NULL)
		return 0;
	tls->context = context;
	SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 ? 0 : 1;
}

/* Takes over a certificate for every handshake from now on; on false the old one stays. */
bool
tls_configure(struct tls *tls, const char *cert, const char *key, char *problem, size_t size)
{
	char	   *old_cert = tls->cert;
	char	   *old_key = tls->key;

	if (!try_files(cert, key, problem, size) || !load(tls->context, cert, key, problem, size))
		return false;
	tls->cert = memory_string(cert);
	tls->key = memory_string(key);
	free(old_cert);
	free(old_key);
	remember_files(tls);
	return true;
}
