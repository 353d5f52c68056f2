#include "signals.h"

#include "memory.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct signals
{
	struct loop *loop;
	struct loop_watch watch;
	void		(*handle) (void *arg, int signal_number);
	void	   *arg;
};

static void
signal_ready(void *arg, uint32_t events)
{
	struct signals *signals = arg;
	struct signalfd_siginfo information;

	(void) events;
	while (read(signals->watch.fd, &information, sizeof(information)) == (ssize_t) sizeof(information))
		signals->handle(signals->arg, (int) information.ssi_signo);
}

/*
 * Blocks the signals and watches for them. Must be called before any library starts a thread, which would otherwise
 * take them.
 */
struct signals *
signals_open(struct loop *loop, void (*handle) (void *arg, int signal_number), void *arg)
{
	struct signals *signals = memory_alloc_zero(sizeof(*signals));
	sigset_t	set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signals->loop = loop;
	signals->handle = handle;
	signals->arg = arg;
	signals->watch = (struct loop_watch) {.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),.fn = signal_ready,
		.arg = signals};
	if (signals->watch.fd < 0 || !loop_watch(loop, &signals->watch, EPOLLIN))
	{
		free(signals);
		return NULL;
	}
	return signals;
}

/* Stops watching. */
void
signals_close(struct signals *signals)
{
	if (signals == NULL)
		return;
	loop_unwatch(signals->loop, &signals->watch);
	close(signals->watch.fd);
	free(signals);
}
