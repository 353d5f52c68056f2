#include "answers.h"

#include "log.h"
#include "memory.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define FRESH_US 1000000
#define WORTH_PACKING 1024
#define MAX_ENTRIES 128
#define MAX_BYTES (32u << 20)

struct waiter
{
	struct waiter *next;
	answer_fn	fn;
	void	   *arg;
};

/* One distinct question. */
struct entry
{
	struct entry *next;			/* most recently asked first */
	struct answers *answers;
	char	   *key;			/* SQL and parameters */
	char	   *sql;
	char	   *parameters[DATABASE_MAX_PARAMETERS];
	int			parameter_count;
	struct answer *answer;
	uint64_t	answered_at;
	bool		heavy;
	int			lane;			/* of the running query: index of a heavy connection, -1 the light one */
	bool		at_primary;		/* the running query may not go to the replica */
	bool		running;
	bool		outdated;		/* the running query may not have seen the latest change */
	uint64_t	running_seq;	/* position of the stream when the running query was sent */
	struct waiter *waiting;		/* for the running query */
	struct waiter *later;		/* asked after a change: for the query after that */
};

struct answers
{
	struct loop *loop;
	struct database *database;	/* the primary */
	struct database *replica;	/* NULL: the primary is asked */
	struct database *heavy[ANSWERS_HEAVY_LANES];
	int			heavy_running[ANSWERS_HEAVY_LANES];
	char	   *epoch;
	uint64_t	seq;
	struct entry *entries;
};

static void send_query(struct entry *entry);

/* Takes one more reference. */
struct answer *
answer_hold(struct answer *answer)
{
	answer->references++;
	return answer;
}

/* Gives a reference back; the last one frees the answer. */
void
answer_release(struct answer *answer)
{
	if (answer == NULL || --answer->references > 0)
		return;
	frame_release(answer->frame);
	free(answer->packed);
	free(answer->epoch);
	free(answer->body);
	free(answer);
}

/* Returns the body with gzip, made once for all who want it; NULL where that does not pay. */
const char *
answer_packed(struct answer *answer, size_t *length)
{
	z_stream	stream = {0};
	uLong		room;

	if (answer->packed == NULL && !answer->packing_failed && answer->length >= WORTH_PACKING &&
		deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK)
	{
		room = deflateBound(&stream, answer->length);
		answer->packed = memory_alloc(room);
		stream.next_in = (unsigned char *) answer->body;
		stream.avail_in = (unsigned int) answer->length;
		stream.next_out = (unsigned char *) answer->packed;
		stream.avail_out = (unsigned int) room;
		if (deflate(&stream, Z_FINISH) == Z_STREAM_END && stream.total_out < answer->length)
		{
			answer->packed_length = stream.total_out;
			answer->packed = memory_resize(answer->packed, stream.total_out);
		}
		else
		{
			free(answer->packed);
			answer->packed = NULL;
		}
		deflateEnd(&stream);
	}
	answer->packing_failed = answer->packed == NULL;
	*length = answer->packed_length;
	return answer->packed;
}

static void
serve(struct waiter *waiter, struct answer *answer, const char *sqlstate, const char *problem)
{
	while (waiter != NULL)
	{
		struct waiter *next = waiter->next;

		if (waiter->fn != NULL)
			waiter->fn(waiter->arg, answer, sqlstate, problem);
		free(waiter);
		waiter = next;
	}
}

static void
add_waiter(struct waiter **list, answer_fn fn, void *arg)
{
	struct waiter *waiter = memory_alloc_zero(sizeof(*waiter));

	waiter->fn = fn;
	waiter->arg = arg;
	waiter->next = *list;
	*list = waiter;
}

static struct answer *
make_answer(struct entry *entry, const PGresult *result)
{
	struct answer *answer = memory_alloc_zero(sizeof(*answer));
	uint64_t	hash = 0xcbf29ce484222325u;
	bool		empty = PQntuples(result) == 0 || PQgetisnull(result, 0, 0);

	answer->references = 1;
	answer->body = memory_string(empty ? "null" : PQgetvalue(result, 0, 0));
	answer->length = strlen(answer->body);
	answer->seq = entry->running_seq;
	answer->epoch = memory_string(entry->answers->epoch);
	if (!empty && PQnfields(result) >= 3 && !PQgetisnull(result, 0, 1) && !PQgetisnull(result, 0, 2))
	{
		answer->seq = strtoull(PQgetvalue(result, 0, 1), NULL, 10);
		free(answer->epoch);
		answer->epoch = memory_string(PQgetvalue(result, 0, 2));
	}
	for (size_t i = 0; i < answer->length; i++)
		hash = (hash ^ (unsigned char) answer->body[i]) * 0x100000001b3u;
	snprintf(answer->etag, sizeof(answer->etag), "\"%016" PRIx64 "\"", hash);
	return answer;
}

/* The connection for a query: the least busy one of its kind that stands. */
static struct database *
choose_lane(struct entry *entry)
{
	struct answers *answers = entry->answers;

	entry->lane = -1;
	for (int i = 0; entry->heavy && !entry->at_primary && i < ANSWERS_HEAVY_LANES; i++)
	{
		if (answers->heavy[i] != NULL && database_is_ready(answers->heavy[i]) &&
			(entry->lane < 0 || answers->heavy_running[i] < answers->heavy_running[entry->lane]))
			entry->lane = i;
	}
	if (entry->lane < 0 && !entry->at_primary && answers->replica != NULL && database_is_ready(answers->replica))
		return answers->replica;
	entry->at_primary = entry->lane < 0;
	if (entry->at_primary)
		return answers->database;
	answers->heavy_running[entry->lane]++;
	return answers->heavy[entry->lane];
}

static void
leave_lane(struct entry *entry)
{
	if (entry->lane >= 0)
		entry->answers->heavy_running[entry->lane]--;
	entry->lane = -1;
}

/*
 * A replica that is behind the stream would give a cut with a hole after it, and replay may cancel its queries: the
 * primary can do better.
 */
static bool
primary_knows_better(struct entry *entry, const struct database_reply *reply)
{
	const PGresult *result = reply->result;

	if (entry->at_primary || entry->answers->replica == NULL)
		return false;
	if (result == NULL)
		return strncmp(reply->sqlstate, "08", 2) == 0 || strcmp(reply->sqlstate, "40001") == 0;
	return PQntuples(result) > 0 && PQnfields(result) >= 3 && !PQgetisnull(result, 0, 1) && !PQgetisnull(result, 0, 2) &&
		(strtoull(PQgetvalue(result, 0, 1), NULL, 10) < entry->running_seq ||
		 (*entry->answers->epoch != '\0' && strcmp(PQgetvalue(result, 0, 2), entry->answers->epoch) != 0));
}

static void
answered(void *arg, const struct database_reply *reply)
{
	struct entry *entry = arg;
	struct waiter *waiting = entry->waiting;
	struct answer *answer = NULL;

	leave_lane(entry);
	if (primary_knows_better(entry, reply))
	{
		entry->at_primary = true;
		send_query(entry);
		return;
	}
	entry->at_primary = false;
	entry->running = false;
	entry->waiting = NULL;
	if (reply->result != NULL)
	{
		answer = make_answer(entry, reply->result);
		answer_release(entry->answer);
		entry->answer = answer_hold(answer);
		entry->answered_at = entry->outdated ? 0 : loop_now();
	}
	else if (strcmp(reply->sqlstate, "08000") != 0 && strncmp(reply->sqlstate, "22", 2) != 0 &&
			 strcmp(reply->sqlstate, "42704") != 0)
		log_warning("answers", "query failed: %s", reply->message);
	if (entry->later != NULL)
	{
		entry->waiting = entry->later;
		entry->later = NULL;
		send_query(entry);
	}
	serve(waiting, answer, reply->sqlstate, reply->message);
	answer_release(answer);
}

static void
send_query(struct entry *entry)
{
	struct database_query query = {
		.sql = entry->sql,
		.parameter_count = entry->parameter_count,
		.prepare = true,
		.reply = answered,
		.arg = entry
	};
	struct waiter *waiting;

	for (int i = 0; i < entry->parameter_count; i++)
		query.parameters[i] = entry->parameters[i];
	entry->running_seq = entry->answers->seq;
	entry->outdated = false;
	entry->running = true;
	if (database_query(choose_lane(entry), &query))
		return;
	leave_lane(entry);
	entry->at_primary = false;
	entry->running = false;
	waiting = entry->waiting;
	entry->waiting = NULL;
	serve(waiting, NULL, "08000", "the database cannot be reached");
}

static void
free_entry(struct entry *entry)
{
	answer_release(entry->answer);
	free(entry->key);
	free(entry->sql);
	for (int i = 0; i < entry->parameter_count; i++)
		free(entry->parameters[i]);
	free(entry);
}

/* Drops what was asked longest ago, but nothing that someone waits for. */
static void
make_room(struct answers *answers)
{
	size_t		bytes = 0;
	int			count = 0;

	for (struct entry **link = &answers->entries; *link != NULL;)
	{
		struct entry *entry = *link;

		count++;
		bytes += entry->answer != NULL ? entry->answer->length : 0;
		if ((count > MAX_ENTRIES || bytes > MAX_BYTES) && !entry->running && count > 1)
		{
			*link = entry->next;
			bytes -= entry->answer != NULL ? entry->answer->length : 0;
			free_entry(entry);
		}
		else
			link = &entry->next;
	}
}

static struct entry *
find_entry(struct answers *answers, const struct question *question)
{
	struct text key = {0};
	struct entry *entry = NULL;

	text_append(&key, question->sql);
	for (int i = 0; i < question->parameter_count; i++)
	{
		text_append_char(&key, '\x1f');
		text_append_json(&key, question->parameters[i]);
	}
	for (struct entry **link = &answers->entries; *link != NULL; link = &(*link)->next)
	{
		if (strcmp((*link)->key, key.data) != 0)
			continue;
		entry = *link;
		*link = entry->next;
		break;
	}
	if (entry == NULL)
	{
		entry = memory_alloc_zero(sizeof(*entry));
		entry->answers = answers;
		entry->heavy = question->heavy;
		entry->lane = -1;
		entry->key = memory_string(key.data);
		entry->sql = memory_string(question->sql);
		entry->parameter_count = question->parameter_count;
		for (int i = 0; i < question->parameter_count; i++)
			entry->parameters[i] = memory_string(question->parameters[i]);
	}
	entry->next = answers->entries;
	answers->entries = entry;
	text_free(&key);
	return entry;
}

/* Opens the cache in front of a connection, and of others for what takes long. */
struct answers *
answers_open(struct loop *loop, struct database *database, struct database *const *heavy)
{
	struct answers *answers = memory_alloc_zero(sizeof(*answers));

	answers->loop = loop;
	answers->database = database;
	for (int i = 0; i < ANSWERS_HEAVY_LANES; i++)
		answers->heavy[i] = heavy[i];
	answers->epoch = memory_string("");
	return answers;
}

/* From now on questions go to a replica, where it stands and is not behind. */
void
answers_read_from(struct answers *answers, struct database *replica)
{
	answers->replica = replica;
}

/* Frees everything; whoever still waits is not called. */
void
answers_close(struct answers *answers)
{
	if (answers == NULL)
		return;
	while (answers->entries != NULL)
	{
		struct entry *entry = answers->entries;

		answers->entries = entry->next;
		database_forget(answers->database, entry);
		if (answers->replica != NULL)
			database_forget(answers->replica, entry);
		for (int i = 0; i < ANSWERS_HEAVY_LANES; i++)
			database_forget(answers->heavy[i], entry);
		for (struct waiter *waiter = entry->waiting; waiter != NULL; waiter = waiter->next)
			waiter->fn = NULL;
		for (struct waiter *waiter = entry->later; waiter != NULL; waiter = waiter->next)
			waiter->fn = NULL;
		serve(entry->waiting, NULL, "", "");
		serve(entry->later, NULL, "", "");
		free_entry(entry);
	}
	free(answers->epoch);
	free(answers);
}

/* Tells the cache where the stream stands: answers from before are old now. */
void
answers_position(struct answers *answers, const char *epoch, uint64_t seq)
{
	answers->seq = seq;
	if (strcmp(answers->epoch, epoch) == 0)
		return;
	free(answers->epoch);
	answers->epoch = memory_string(epoch);
	for (struct entry *entry = answers->entries; entry != NULL; entry = entry->next)
		entry->answered_at = 0;
}

/* Something was changed that no event tells of: what is stored now, and what is under way, is old. */
void
answers_outdate(struct answers *answers)
{
	for (struct entry *entry = answers->entries; entry != NULL; entry = entry->next)
	{
		entry->answered_at = 0;
		entry->outdated = entry->running;
	}
}

/* Asks a question; the callback comes at once when a fresh answer is there. */
void
answers_ask(struct answers *answers, const struct question *question, answer_fn fn, void *arg)
{
	struct entry *entry = find_entry(answers, question);

	if (entry->answer != NULL && entry->answer->seq >= answers->seq && entry->answered_at + FRESH_US > loop_now())
	{
		struct answer *answer = answer_hold(entry->answer);

		fn(arg, answer, "", "");
		answer_release(answer);
		return;
	}
	if (!entry->running)
	{
		add_waiter(&entry->waiting, fn, arg);
		send_query(entry);
	}
	else
		add_waiter(entry->running_seq >= answers->seq && !entry->outdated ? &entry->waiting : &entry->later, fn, arg);
	make_room(answers);
}

/* Makes sure that no callback with this argument comes any more. */
void
answers_forget(struct answers *answers, const void *arg)
{
	for (struct entry *entry = answers->entries; entry != NULL; entry = entry->next)
	{
		for (struct waiter *waiter = entry->waiting; waiter != NULL; waiter = waiter->next)
		{
			if (waiter->arg == arg)
				waiter->fn = NULL;
		}
		for (struct waiter *waiter = entry->later; waiter != NULL; waiter = waiter->next)
		{
			if (waiter->arg == arg)
				waiter->fn = NULL;
		}
	}
}
