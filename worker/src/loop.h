#ifndef PULSE_LOOP_H
#define PULSE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The daemon's event loop: an epoll set with timers. It has no waiting call of its own: libwebsockets waits, with our
 * epoll descriptor among the descriptors that it watches, and calls loop_dispatch() when something in the set is ready.
 */
struct loop;

/* A watched descriptor. The caller owns the memory and fills fd, fn and arg before loop_watch(). */
struct loop_watch
{
	int			fd;
	uint32_t	events;			/* EPOLLIN, EPOLLOUT; 0 = not in the set */
	void		(*fn) (void *arg, uint32_t events);
	void	   *arg;
};

/* A one-shot timer. The caller owns the memory, zero-initialised, and fills fn and arg before the first set. */
struct loop_timer
{
	void		(*fn) (void *arg);
	void	   *arg;
	uint64_t	due;			/* monotonic microseconds */
	int			position;		/* place in the heap, from 1; 0 = not set */
};

extern struct loop *loop_open(void);
extern void loop_close(struct loop *loop);
extern int	loop_descriptor(struct loop *loop);
extern void loop_dispatch(struct loop *loop);

extern bool loop_watch(struct loop *loop, struct loop_watch *watch, uint32_t events);
extern void loop_unwatch(struct loop *loop, struct loop_watch *watch);

extern void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t milliseconds);
extern void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);
extern bool loop_timer_is_set(const struct loop_timer *timer);

extern uint64_t loop_now(void);
extern int64_t loop_now_ms(void);
extern int64_t loop_day_ms(void);
extern int64_t loop_real_ms(int64_t milliseconds);
extern uint64_t loop_random(void);

#endif
