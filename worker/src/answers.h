#ifndef PULSE_ANSWERS_H
#define PULSE_ANSWERS_H

#include "database.h"
#include "event.h"

/*
 * Answers out of the database that many may ask for: one query for each change, however many clients ask. An answer is
 * fresh while no event came after its query was sent, and for a second at most, because some figures move with time.
 */
struct answers;

struct answer
{
	int			references;
	uint64_t	seq;			/* newest event that the answer knows of */
	char	   *epoch;
	char	   *body;			/* JSON text */
	size_t		length;
	char		etag[24];		/* with its quotes */
	char	   *packed;			/* body with gzip, once someone wanted it so */
	size_t		packed_length;
	bool		packing_failed;
	struct frame *frame;		/* for the stream's own use; released with the answer */
};

/* answer is NULL when there is none; then problem tells why. */
typedef void (*answer_fn) (void *arg, struct answer *answer, const char *sqlstate, const char *problem);

struct question
{
	const char *sql;			/* selects the body, and optionally seq and epoch of the moment it describes */
	const char *parameters[DATABASE_MAX_PARAMETERS];
	int			parameter_count;
	bool		heavy;			/* an analysis, which goes over a connection of its own */
};

#define ANSWERS_HEAVY_LANES 2

extern struct answers *answers_open(struct loop *loop, struct database *database, struct database *const *heavy);
extern void answers_read_from(struct answers *answers, struct database *replica);
extern void answers_close(struct answers *answers);
extern void answers_position(struct answers *answers, const char *epoch, uint64_t seq);
extern void answers_outdate(struct answers *answers);
extern void answers_ask(struct answers *answers, const struct question *question, answer_fn fn, void *arg);
extern void answers_forget(struct answers *answers, const void *arg);

extern struct answer *answer_hold(struct answer *answer);
extern const char *answer_packed(struct answer *answer, size_t *length);
extern void answer_release(struct answer *answer);

#endif
