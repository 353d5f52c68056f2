#ifndef PULSE_LEADER_H
#define PULSE_LEADER_H

#include "database.h"

#include <stdint.h>

/*
 * Leadership among the workers of one database: a session advisory lock, held on the connection that the leader's work
 * runs on, so that whoever cannot work cannot lead. A leader that hangs is cut off by the server, which frees the lock.
 */
struct leader;

/* A duty of the leader: hears when it begins and ends. */
struct leader_owner
{
	void		(*connected) (void *arg);	/* the connection can be used, leading or not; may be NULL */
	void		(*gained) (void *arg);
	void		(*lost) (void *arg);
	void	   *arg;
};

extern struct leader *leader_open(struct loop *loop);
extern void leader_join(struct leader *leader, const struct leader_owner *owner);
extern void leader_configure(struct leader *leader, const char *dsn);
extern void leader_close(struct leader *leader);
extern bool leader_leads(const struct leader *leader);
extern bool leader_is_ready(struct leader *leader);
extern const char *leader_name(const struct leader *leader);
extern const char *leader_epoch(const struct leader *leader);
extern struct database *leader_database(struct leader *leader);

#endif
