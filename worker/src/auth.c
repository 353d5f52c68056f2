#include "auth.h"

#include "log.h"
#include "memory.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REFRESH_MS 15000
#define NOTE_USE_MS 60000
#define MAX_NOTED 500

struct auth
{
	struct loop *loop;
	struct database *database;
	bool		required;
	int64_t		session_seconds;
	void		(*changed) (void *arg);	/* someone's rights have ended */
	void	   *arg;
	struct principal *anonymous;
	struct principal **known;	/* in order of hash */
	int			count;
	bool		loaded;
	bool		loading;
	bool		again;
	struct login *logins;		/* that wait for the database */
	struct loop_timer refresh_timer;
	struct loop_timer expiry_timer;
	struct loop_timer note_timer;
};

/* A login under way: first the session is stored, then the tokens are read again, then it counts. */
struct login
{
	struct login *next;
	struct auth *auth;
	bool		stored;
	void		(*done) (void *arg, bool logged_in);
	void	   *arg;
};

static int64_t
unix_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Returns the name of a scope as tokens carry it. */
const char *
scope_name(enum scope scope)
{
	static const char *const names[] = {"none", "read", "operate", "admin"};

	return names[scope];
}

static enum scope
scope_of(const char *name)
{
	for (int i = SCOPE_READ; i <= SCOPE_ADMIN; i++)
	{
		if (strcmp(scope_name((enum scope) i), name) == 0)
			return (enum scope) i;
	}
	return SCOPE_NONE;
}

/* Takes one more reference. */
struct principal *
principal_hold(struct principal *principal)
{
	principal->references++;
	return principal;
}

/* Gives a reference back; the last one frees the principal. */
void
principal_release(struct principal *principal)
{
	if (principal == NULL || --principal->references > 0)
		return;
	free(principal->name);
	name_list_free(&principal->portfolios);
	free(principal);
}

/* Tells whether a portfolio may be seen; NULL, which stands for all of them together, only by who may see all. */
bool
principal_sees(const struct principal *principal, const char *portfolio)
{
	return !principal->limited || (portfolio != NULL && name_list_has(&principal->portfolios, portfolio));
}

/* Tells whether an event may be passed on. The state of the system concerns everyone; figures belong to a portfolio. */
bool
principal_may_get(const struct principal *principal, const struct event *event)
{
	if (!principal->limited)
		return true;
	if (event->portfolio == NULL)
		return event->type == EVENT_HEALTH_UPDATE || event->type == EVENT_SYSTEM_ALERT;
	return name_list_has(&principal->portfolios, event->portfolio);
}

/* Makes a token of 256 random bits: the prefix and 43 letters, digits, '-' and '_'. */
bool
auth_make_token(char *buffer, size_t size, const char *prefix)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned char bytes[33] = {0};
	size_t		used = strlen(prefix);

	if (size < used + 44 || RAND_bytes(bytes, 32) != 1)
		return false;
	memcpy(buffer, prefix, used);
	for (int i = 0; i < 43; i++)
	{
		int			bit = i * 6;
		unsigned int pair = (unsigned int) bytes[bit / 8] << 8 | bytes[bit / 8 + 1];

		buffer[used++] = letters[(pair >> (10 - bit % 8)) & 63];
	}
	buffer[used] = '\0';
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return true;
}

/* The SHA-256 of a token. The tokens are random, so neither salt nor a slow hash would add anything. */
void
auth_hash(const char *token, unsigned char hash[32])
{
	SHA256((const unsigned char *) token, strlen(token), hash);
}

/* The same as text of PostgreSQL's type bytea. */
void
auth_hash_text(const char *token, char *buffer, size_t size)
{
	unsigned char hash[32];
	size_t		used = (size_t) snprintf(buffer, size, "\\x");

	auth_hash(token, hash);
	for (int i = 0; i < 32; i++)
		used += (size_t) snprintf(buffer + used, size - used, "%02x", hash[i]);
}

static bool
read_hash(const char *text, unsigned char hash[32])
{
	for (int i = 0; i < 32; i++)
	{
		unsigned int byte;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		hash[i] = (unsigned char) byte;
	}
	return text[64] == '\0';
}

/* Reads the text form of a one-dimensional text[]. */
static void
read_names(const char *text, struct name_list *list)
{
	const char *c = text + 1;
	struct text name = {0};

	while (*text == '{' && *c != '\0' && *c != '}' && list->count < SUBSCRIPTION_MAX_NAMES)
	{
		bool		quoted = *c == '"';

		text_reset(&name);
		text_append(&name, "");
		for (c += quoted; *c != '\0' && (quoted ? *c != '"' : *c != ',' && *c != '}'); c++)
		{
			if (*c == '\\' && c[1] != '\0')
				c++;
			text_append_char(&name, *c);
		}
		c += quoted && *c == '"';
		list->names = memory_resize(list->names, sizeof(char *) * (size_t) (list->count + 1));
		list->names[list->count++] = memory_string(text_string(&name));
		c += *c == ',';
	}
	text_free(&name);
}

static struct principal *
read_principal(const PGresult *result, int row)
{
	struct principal *principal = memory_alloc_zero(sizeof(*principal));

	principal->references = 1;
	principal->token_id = strtoll(PQgetvalue(result, row, 0), NULL, 10);
	principal->scope = scope_of(PQgetvalue(result, row, 3));
	principal->valid = read_hash(PQgetvalue(result, row, 1), principal->hash);
	principal->limited = !PQgetisnull(result, row, 4);
	if (principal->limited)
		read_names(PQgetvalue(result, row, 4), &principal->portfolios);
	if (!PQgetisnull(result, row, 5))
		principal->expires_us = strtoll(PQgetvalue(result, row, 5), NULL, 10);
	if (!PQgetisnull(result, row, 6))
		principal->parent = strtoll(PQgetvalue(result, row, 6), NULL, 10);
	if (!PQgetisnull(result, row, 2))
		principal->name = memory_string(PQgetvalue(result, row, 2));
	else
	{
		struct text name = {0};

		text_printf(&name, "token %" PRId64, principal->parent != 0 ? principal->parent : principal->token_id);
		principal->name = text_detach(&name);
	}
	return principal;
}

static int
compare_hashes(const void *one, const void *other)
{
	return memcmp((*(struct principal *const *) one)->hash, (*(struct principal *const *) other)->hash, 32);
}

static struct principal *
find_hash(struct auth *auth, const unsigned char hash[32])
{
	struct principal sought;
	struct principal *key = &sought;
	struct principal **found;

	memcpy(sought.hash, hash, 32);
	found = auth->count == 0 ? NULL
		: bsearch(&key, auth->known, (size_t) auth->count, sizeof(*auth->known), compare_hashes);
	return found != NULL ? *found : NULL;
}

static bool
same_rights(const struct principal *one, const struct principal *other)
{
	if (one->scope != other->scope || one->limited != other->limited || one->portfolios.count != other->portfolios.count)
		return false;
	for (int i = 0; i < one->portfolios.count; i++)
	{
		if (strcmp(one->portfolios.names[i], other->portfolios.names[i]) != 0)
			return false;
	}
	return true;
}

static void
expire(void *arg)
{
	struct auth *auth = arg;
	int64_t		now = unix_us();
	int64_t		next = INT64_MAX;
	bool		ended = false;

	for (int i = 0; i < auth->count; i++)
	{
		struct principal *principal = auth->known[i];

		if (!principal->valid || principal->expires_us == 0)
			continue;
		if (principal->expires_us <= now)
		{
			principal->valid = false;
			ended = true;
		}
		else if (principal->expires_us < next)
			next = principal->expires_us;
	}
	loop_timer_cancel(auth->loop, &auth->expiry_timer);
	/* The clock may be set meanwhile, so it is looked at once an hour at least. */
	if (next < INT64_MAX)
		loop_timer_set(auth->loop, &auth->expiry_timer, next - now < 3600000000 ? (next - now) / 1000 + 1 : 3600000);
	if (ended)
		auth->changed(auth->arg);
}

static void
finish_logins(struct auth *auth, bool stored_only)
{
	struct login *login = auth->logins;

	for (struct login **link = &auth->logins; (login = *link) != NULL;)
	{
		if (stored_only && !login->stored)
		{
			link = &login->next;
			continue;
		}
		*link = login->next;
		if (login->done != NULL)
			login->done(login->arg, login->stored);
		free(login);
	}
}

/* Takes over what is in force now. Who is known already keeps his object, and with it his connections. */
static void
take_over(struct auth *auth, const PGresult *result)
{
	int			count = PQntuples(result);
	struct principal **known = memory_alloc_zero(sizeof(*known) * (size_t) (count + 1));
	struct principal **old_known = auth->known;
	int			old_count = auth->count;
	bool		ended = false;

	for (int row = 0; row < count; row++)
	{
		struct principal *fresh = read_principal(result, row);
		struct principal *old = find_hash(auth, fresh->hash);

		if (old != NULL && old->valid && same_rights(old, fresh))
		{
			old->expires_us = fresh->expires_us;
			known[row] = principal_hold(old);
			principal_release(fresh);
		}
		else
			known[row] = fresh;
	}
	auth->known = known;
	auth->count = count;
	qsort(known, (size_t) count, sizeof(*known), compare_hashes);
	for (int i = 0; i < old_count; i++)
	{
		if (old_known[i]->valid && find_hash(auth, old_known[i]->hash) != old_known[i])
		{
			old_known[i]->valid = false;
			ended = true;
		}
		principal_release(old_known[i]);
	}
	free(old_known);
	if (!auth->loaded)
		log_info("auth", "%d tokens and sessions are valid", count);
	auth->loaded = true;
	if (ended)
		auth->changed(auth->arg);
	expire(auth);
}

static void
tokens_came(void *arg, const struct database_reply *reply)
{
	struct auth *auth = arg;

	auth->loading = false;
	if (reply->result != NULL)
		take_over(auth, reply->result);
	else if (strcmp(reply->sqlstate, "08000") != 0)
		log_error("auth", "cannot read the tokens: %s%s", reply->message, strcmp(reply->sqlstate, "42501") == 0
				  ? " (the role needs SELECT pulse_grant('role', 'worker'))" : "");
	if (auth->again && reply->result != NULL)
	{
		auth_refresh(auth);
		return;
	}
	finish_logins(auth, true);
}

/* Reads the tokens again; called when they changed. */
void
auth_refresh(struct auth *auth)
{
	struct database_query query = {
		.sql = "SELECT token_id, hash, name, scope, portfolios, expires_us, parent FROM pulse.tokens_in_force()",
		.reply = tokens_came,
		.arg = auth
	};

	if (!auth->required)
		return;
	auth->again = auth->loading;
	if (!auth->loading)
		auth->loading = database_query(auth->database, &query);
}

static void
refresh_due(void *arg)
{
	struct auth *auth = arg;

	auth_refresh(auth);
	loop_timer_set(auth->loop, &auth->refresh_timer, REFRESH_MS);
}

static void
note_use(void *arg)
{
	struct auth *auth = arg;
	struct text ids = {0};
	int			count = 0;
	struct database_query query = {.sql = "SELECT pulse.tokens_used($1)",.parameter_count = 1};

	loop_timer_set(auth->loop, &auth->note_timer, NOTE_USE_MS);
	if (!database_is_ready(auth->database) || database_facts(auth->database)->standby)
		return;
	for (int i = 0; i < auth->count && count < MAX_NOTED; i++)
	{
		struct principal *principal = auth->known[i];

		if (!principal->used)
			continue;
		principal->used = false;
		text_printf(&ids, "%s%" PRId64, count++ == 0 ? "{" : ",", principal->token_id);
		if (principal->parent != 0)
			text_printf(&ids, ",%" PRId64, principal->parent);
	}
	if (count > 0)
	{
		text_append_char(&ids, '}');
		query.parameters[0] = ids.data;
		database_query(auth->database, &query);
	}
	text_free(&ids);
}

/* Sets up who may do what; changed is called when the rights of someone who may be connected have ended. */
struct auth *
auth_open(struct loop *loop, struct database *database, const struct config *config, void (*changed) (void *arg), void *arg)
{
	struct auth *auth = memory_alloc_zero(sizeof(*auth));

	auth->loop = loop;
	auth->database = database;
	auth->changed = changed;
	auth->arg = arg;
	auth->anonymous = memory_alloc_zero(sizeof(*auth->anonymous));
	*auth->anonymous = (struct principal) {.references = 1,.name = memory_string("local"),.scope = SCOPE_ADMIN,.valid = true};
	auth->refresh_timer = (struct loop_timer) {.fn = refresh_due,.arg = auth};
	auth->expiry_timer = (struct loop_timer) {.fn = expire,.arg = auth};
	auth->note_timer = (struct loop_timer) {.fn = note_use,.arg = auth};
	auth_configure(auth, config);
	return auth;
}

static void
forget_tokens(struct auth *auth)
{
	for (int i = 0; i < auth->count; i++)
		principal_release(auth->known[i]);
	free(auth->known);
	auth->known = NULL;
	auth->count = 0;
	auth->loaded = false;
}

/* Frees everything; principals that others hold live on. */
void
auth_close(struct auth *auth)
{
	if (auth == NULL)
		return;
	loop_timer_cancel(auth->loop, &auth->refresh_timer);
	loop_timer_cancel(auth->loop, &auth->expiry_timer);
	loop_timer_cancel(auth->loop, &auth->note_timer);
	database_forget(auth->database, auth);
	for (struct login *login = auth->logins; login != NULL; login = login->next)
	{
		database_forget(auth->database, login);
		login->done = NULL;
	}
	finish_logins(auth, false);
	forget_tokens(auth);
	principal_release(auth->anonymous);
	free(auth);
}

/* Takes over changed settings. Who is connected without a token when tokens become required is out. */
void
auth_configure(struct auth *auth, const struct config *config)
{
	bool		was = auth->required;

	auth->required = config->auth_enabled;
	auth->session_seconds = config->session_hours * 3600;
	if (was == auth->required)
		return;
	auth->anonymous->valid = !auth->required;
	if (auth->required)
	{
		refresh_due(auth);
		loop_timer_set(auth->loop, &auth->note_timer, NOTE_USE_MS);
		auth->changed(auth->arg);
		return;
	}
	loop_timer_cancel(auth->loop, &auth->refresh_timer);
	loop_timer_cancel(auth->loop, &auth->note_timer);
}

/* Tells whether clients must say who they are. */
bool
auth_is_required(const struct auth *auth)
{
	return auth->required;
}

/* Tells whether tokens can be checked: not before the database could be asked once. */
bool
auth_is_loaded(const struct auth *auth)
{
	return auth->loaded;
}

/* Returns who everyone is where nobody has to say who he is; NULL where everyone has to. No reference is taken. */
struct principal *
auth_anonymous(struct auth *auth)
{
	return auth->required ? NULL : auth->anonymous;
}

/* Returns whose valid token or session this is, NULL when nobody's. No reference is taken. */
struct principal *
auth_find(struct auth *auth, const char *token)
{
	unsigned char hash[32];
	struct principal *principal;

	if (token[0] == '\0' || strlen(token) > AUTH_MAX_TOKEN)
		return NULL;
	auth_hash(token, hash);
	principal = find_hash(auth, hash);
	if (principal == NULL || !principal->valid || principal->scope == SCOPE_NONE ||
		(principal->expires_us != 0 && principal->expires_us <= unix_us()))
		return NULL;
	principal->used = true;
	return principal;
}

static void
session_stored(void *arg, const struct database_reply *reply)
{
	struct login *login = arg;
	struct auth *auth = login->auth;

	login->stored = reply->result != NULL && PQgetvalue(reply->result, 0, 0)[0] == 't';
	if (reply->result == NULL)
		log_warning("auth", "cannot store a session: %s", reply->message);
	if (login->stored)
	{
		auth_refresh(auth);
		return;
	}
	for (struct login **link = &auth->logins; *link != NULL; link = &(*link)->next)
	{
		if (*link != login)
			continue;
		*link = login->next;
		break;
	}
	if (login->done != NULL)
		login->done(login->arg, false);
	free(login);
}

/*
 * Begins a session and writes its secret into the buffer; done is called when it counts. Returns false, without a
 * call, when the database cannot be asked.
 */
bool
auth_log_in(struct auth *auth, const struct principal *principal, char *session, size_t size,
			void (*done) (void *arg, bool logged_in), void *arg)
{
	struct login *login = memory_alloc_zero(sizeof(*login));
	char		hash[80];
	char		seconds[24];
	char		token[24];
	struct database_query query = {
		.sql = "SELECT pulse.session_open($1, $2, $3)",
		.parameters = {token, hash, seconds},
		.parameter_count = 3,
		.reply = session_stored,
		.arg = login
	};

	*login = (struct login) {.auth = auth,.done = done,.arg = arg};
	snprintf(seconds, sizeof(seconds), "%" PRId64, auth->session_seconds);
	snprintf(token, sizeof(token), "%" PRId64, principal->token_id);
	if (!auth_make_token(session, size, "session_"))
	{
		free(login);
		return false;
	}
	auth_hash_text(session, hash, sizeof(hash));
	if (!database_query(auth->database, &query))
	{
		free(login);
		return false;
	}
	login->next = auth->logins;
	auth->logins = login;
	return true;
}

/* Ends a session. */
void
auth_log_out(struct auth *auth, const char *session)
{
	char		hash[80];
	struct database_query query = {.sql = "SELECT pulse.session_close($1)",.parameters = {hash},.parameter_count = 1};
	unsigned char bytes[32];
	struct principal *principal;

	auth_hash_text(session, hash, sizeof(hash));
	auth_hash(session, bytes);
	principal = find_hash(auth, bytes);
	if (principal == NULL || principal->parent == 0)
		return;
	principal->valid = false;
	database_query(auth->database, &query);
	auth->changed(auth->arg);
}

/* Makes sure that no login calls back with this argument any more. */
void
auth_forget(struct auth *auth, const void *arg)
{
	for (struct login *login = auth->logins; login != NULL; login = login->next)
	{
		if (login->arg == arg)
			login->done = NULL;
	}
}
