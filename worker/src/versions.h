#ifndef PULSE_VERSIONS_H
#define PULSE_VERSIONS_H

struct database;
struct loop;
struct text;

/*
 * Which versions meet: this program, the extension's objects in the database, and the library that the server has
 * loaded. They are updated one after the other, so differences are normal for a while; what is left of one is said in
 * the log, in /readyz and in the heartbeat.
 */
struct versions;

extern struct versions *versions_open(struct database *database, void (*changed) (void *arg), void *arg);
extern void versions_close(struct versions *versions);
extern void versions_look(struct versions *versions);
extern const char *versions_problem(const struct versions *versions);
extern void versions_write(struct text *out, const struct versions *versions);

#endif
