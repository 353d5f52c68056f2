#include "loop.h"

#include "log.h"
#include "memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64

struct loop
{
	int			epoll_fd;
	int			timer_fd;
	struct loop_watch timer_watch;
	uint64_t	armed_for;		/* deadline that the timer descriptor stands at; 0 = disarmed */

	struct loop_timer **heap;	/* from index 1 */
	int			heap_count;
	int			heap_capacity;

	struct epoll_event batch[BATCH];
	int			batch_next;
	int			batch_count;
};

/*
 * Tests of hours let the clock of the timers run faster than the kernel's: PULSE_CLOCK_RATE, and start
 * at another time of day: PULSE_CLOCK_DAY, in seconds since 1970. Time-outs of libcurl and libpq stay real.
 */
static double clock_rate = 1;
static uint64_t clock_start;
static int64_t day_offset;		/* of the time of day from the timers' clock; 0 = the kernel's */

static void timers_ready(void *arg, uint32_t events);

/* Opens the epoll set and the timer descriptor; returns NULL with errno set. */
struct loop *
loop_open(void)
{
	struct loop *loop = memory_alloc_zero(sizeof(*loop));
	const char *rate = getenv("PULSE_CLOCK_RATE");
	const char *day = getenv("PULSE_CLOCK_DAY");

	if (rate != NULL && clock_rate == 1 && strtod(rate, NULL) >= 1)
	{
		clock_start = loop_now();
		clock_rate = strtod(rate, NULL);
		day_offset = (int64_t) time(NULL) * 1000 - loop_now_ms();
	}
	if (day != NULL && strtoll(day, NULL, 10) > 0)
		day_offset = (int64_t) strtoll(day, NULL, 10) * 1000 - loop_now_ms();
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->epoll_fd < 0 || loop->timer_fd < 0)
	{
		loop_close(loop);
		return NULL;
	}
	loop->timer_watch = (struct loop_watch) {.fd = loop->timer_fd,.fn = timers_ready,.arg = loop};
	if (!loop_watch(loop, &loop->timer_watch, EPOLLIN))
	{
		loop_close(loop);
		return NULL;
	}
	return loop;
}

/* Closes both descriptors and frees the loop; timers and watches belong to their owners. */
void
loop_close(struct loop *loop)
{
	if (loop == NULL)
		return;
	if (loop->timer_fd >= 0)
		close(loop->timer_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	free(loop->heap);
	free(loop);
}

/* Returns the epoll descriptor, which is readable when loop_dispatch() has something to do. */
int
loop_descriptor(struct loop *loop)
{
	return loop->epoll_fd;
}

/* Calls back for everything that is ready, without waiting. */
void
loop_dispatch(struct loop *loop)
{
	int			count = epoll_wait(loop->epoll_fd, loop->batch, BATCH, 0);

	loop->batch_count = count > 0 ? count : 0;
	for (loop->batch_next = 0; loop->batch_next < loop->batch_count;)
	{
		struct epoll_event *event = &loop->batch[loop->batch_next++];
		struct loop_watch *watch = event->data.ptr;

		if (watch != NULL)
			watch->fn(watch->arg, event->events);
	}
	loop->batch_count = 0;
}

/* Puts a descriptor into the set or changes what it waits for; logs and returns false when the kernel refuses. */
bool
loop_watch(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = {.events = events,.data.ptr = watch};
	int			operation = watch->events != 0 ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (watch->events == events)
		return true;
	if (events == 0)
	{
		loop_unwatch(loop, watch);
		return true;
	}
	if (epoll_ctl(loop->epoll_fd, operation, watch->fd, &event) < 0)
	{
		log_error("loop", "cannot watch descriptor %d: %s", watch->fd, strerror(errno));
		return false;
	}
	watch->events = events;
	return true;
}

/* Takes a descriptor out of the set, and out of the batch that is being dispatched. */
void
loop_unwatch(struct loop *loop, struct loop_watch *watch)
{
	if (watch->events == 0)
		return;
	watch->events = 0;

	/* libcurl and libpq may have closed the descriptor already: then the kernel has forgotten it. */
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL) < 0 && errno != EBADF && errno != ENOENT)
		log_error("loop", "cannot stop watching descriptor %d: %s", watch->fd, strerror(errno));
	for (int i = loop->batch_next; i < loop->batch_count; i++)
	{
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
	}
}

static void
heap_place(struct loop *loop, struct loop_timer *timer, int position)
{
	loop->heap[position] = timer;
	timer->position = position;
}

static void
heap_sift_up(struct loop *loop, struct loop_timer *timer, int position)
{
	while (position > 1 && loop->heap[position / 2]->due > timer->due)
	{
		heap_place(loop, loop->heap[position / 2], position);
		position /= 2;
	}
	heap_place(loop, timer, position);
}

static void
heap_sift_down(struct loop *loop, struct loop_timer *timer, int position)
{
	for (int child = position * 2; child <= loop->heap_count; child = position * 2)
	{
		if (child < loop->heap_count && loop->heap[child + 1]->due < loop->heap[child]->due)
			child++;
		if (loop->heap[child]->due >= timer->due)
			break;
		heap_place(loop, loop->heap[child], position);
		position = child;
	}
	heap_place(loop, timer, position);
}

static void
heap_remove(struct loop *loop, struct loop_timer *timer)
{
	struct loop_timer *last = loop->heap[loop->heap_count--];
	int			position = timer->position;

	timer->position = 0;
	if (last == timer)
		return;
	if (position > 1 && loop->heap[position / 2]->due > last->due)
		heap_sift_up(loop, last, position);
	else
		heap_sift_down(loop, last, position);
}

/* The time of the kernel's clock at which ours shows a time. */
static uint64_t
real_time(uint64_t ours)
{
	return clock_rate == 1 || ours < clock_start ? ours : clock_start + (uint64_t) ((double) (ours - clock_start) / clock_rate);
}

static void
arm(struct loop *loop)
{
	uint64_t	due = loop->heap_count > 0 ? loop->heap[1]->due : 0;
	struct itimerspec when = {0};

	if (due == loop->armed_for)
		return;
	loop->armed_for = due;
	due = due > 0 ? real_time(due) : 0;
	when.it_value.tv_sec = (time_t) (due / 1000000);
	when.it_value.tv_nsec = (long) (due % 1000000) * 1000;
	timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Sets or moves a timer to fire once, so many milliseconds from now. */
void
loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t milliseconds)
{
	if (timer->position > 0)
		heap_remove(loop, timer);
	timer->due = loop_now() + (milliseconds > 0 ? (uint64_t) milliseconds * 1000 : 0);
	if (loop->heap_count + 2 > loop->heap_capacity)
	{
		loop->heap_capacity = loop->heap_capacity > 0 ? loop->heap_capacity * 2 : 32;
		loop->heap = memory_resize(loop->heap, sizeof(loop->heap[0]) * (size_t) loop->heap_capacity);
	}
	heap_sift_up(loop, timer, ++loop->heap_count);
	arm(loop);
}

/* Takes a timer out; one that is not set is left alone. */
void
loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	if (timer->position == 0)
		return;
	heap_remove(loop, timer);
	arm(loop);
}

/* Tells whether a timer is going to fire. */
bool
loop_timer_is_set(const struct loop_timer *timer)
{
	return timer->position > 0;
}

static void
timers_ready(void *arg, uint32_t events)
{
	struct loop *loop = arg;
	uint64_t	expirations;
	uint64_t	now = loop_now();

	(void) events;
	if (read(loop->timer_fd, &expirations, sizeof(expirations)) < 0 && errno == EAGAIN)
		return;
	loop->armed_for = 0;

	/* "due <= now" with now taken once: a timer that re-arms itself at 0 ms cannot keep us here. */
	while (loop->heap_count > 0 && loop->heap[1]->due <= now)
	{
		struct loop_timer *timer = loop->heap[1];

		heap_remove(loop, timer);
		timer->fn(timer->arg);
	}
	arm(loop);
}

/* Returns monotonic time in microseconds. */
uint64_t
loop_now(void)
{
	struct timespec now;
	uint64_t	real;

	clock_gettime(CLOCK_MONOTONIC, &now);
	real = (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
	return clock_rate == 1 ? real : clock_start + (uint64_t) ((double) (real - clock_start) * clock_rate);
}

/* Returns the time of day in milliseconds since 1970; it runs with the clock of the timers. */
int64_t
loop_day_ms(void)
{
	struct timespec now;
	int64_t		real;

	clock_gettime(CLOCK_REALTIME, &now);
	real = (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
	if (day_offset == 0)
		return real;
	return loop_now_ms() + day_offset;
}

/* Returns how long a time of ours takes by the clocks of others, such as the database's. */
int64_t
loop_real_ms(int64_t milliseconds)
{
	return clock_rate == 1 ? milliseconds : (int64_t) ((double) milliseconds / clock_rate);
}

/* Returns monotonic time in milliseconds. */
int64_t
loop_now_ms(void)
{
	return (int64_t) (loop_now() / 1000);
}

/* Returns a random number for jitter and for names that must not collide; not for keys. */
uint64_t
loop_random(void)
{
	uint64_t	value;

	if (getrandom(&value, sizeof(value), 0) != (ssize_t) sizeof(value))
		value = loop_now() * 0x9E3779B97F4A7C15u;
	return value;
}
