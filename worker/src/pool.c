#include "pool.h"

#include "log.h"
#include "memory.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS 2

struct job
{
	struct job *next;
	pool_fn		work;
	pool_fn		done;
	void	   *arg;
};

struct queue
{
	struct job *first;
	struct job **last;
};

struct pool
{
	struct loop *loop;
	struct loop_watch watch;	/* an eventfd that tells of finished jobs */
	pthread_t	threads[THREADS];
	int			thread_count;
	pthread_mutex_t lock;		/* of both queues and closing */
	pthread_cond_t wanted;
	struct queue waiting;
	struct queue finished;
	bool		closing;
};

static void
put(struct queue *queue, struct job *job)
{
	job->next = NULL;
	*queue->last = job;
	queue->last = &job->next;
}

static struct job *
take(struct queue *queue)
{
	struct job *job = queue->first;

	if (job == NULL)
		return NULL;
	queue->first = job->next;
	if (queue->first == NULL)
		queue->last = &queue->first;
	return job;
}

static void *
work(void *arg)
{
	struct pool *pool = arg;
	struct job *job;
	uint64_t	one = 1;

	pthread_mutex_lock(&pool->lock);
	for (;;)
	{
		while ((job = take(&pool->waiting)) == NULL && !pool->closing)
			pthread_cond_wait(&pool->wanted, &pool->lock);
		if (job == NULL)
			break;
		pthread_mutex_unlock(&pool->lock);
		job->work(job->arg);
		pthread_mutex_lock(&pool->lock);
		put(&pool->finished, job);
		if (write(pool->watch.fd, &one, sizeof(one)) < 0)
			continue;			/* full means that it is readable already */
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static void
collect(void *arg, uint32_t events)
{
	struct pool *pool = arg;
	uint64_t	count;
	struct job *job;

	(void) events;
	if (read(pool->watch.fd, &count, sizeof(count)) < 0)
		return;
	for (;;)
	{
		pthread_mutex_lock(&pool->lock);
		job = take(&pool->finished);
		pthread_mutex_unlock(&pool->lock);
		if (job == NULL)
			return;
		job->done(job->arg);
		free(job);
	}
}

/* Starts the threads. Signals stay with the loop. */
struct pool *
pool_open(struct loop *loop)
{
	struct pool *pool = memory_alloc_zero(sizeof(*pool));
	sigset_t	all;
	sigset_t	before;

	pool->loop = loop;
	pool->waiting.last = &pool->waiting.first;
	pool->finished.last = &pool->finished.first;
	pool->watch = (struct loop_watch) {.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),.fn = collect,.arg = pool};
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wanted, NULL);
	if (pool->watch.fd < 0 || !loop_watch(loop, &pool->watch, EPOLLIN))
		abort();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (int i = 0; i < THREADS; i++)
	{
		if (pthread_create(&pool->threads[pool->thread_count], NULL, work, pool) == 0)
			pool->thread_count++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pool->thread_count == 0)
		log_warning("pool", "no thread could be started; files are written to disk by the loop");
	return pool;
}

/* Waits for what is under way, does what is still waiting, and ends the threads. */
void
pool_close(struct pool *pool)
{
	struct job *job;

	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->closing = true;
	pthread_cond_broadcast(&pool->wanted);
	pthread_mutex_unlock(&pool->lock);
	for (int i = 0; i < pool->thread_count; i++)
		pthread_join(pool->threads[i], NULL);
	while ((job = take(&pool->finished)) != NULL)
	{
		job->done(job->arg);
		free(job);
	}
	loop_unwatch(pool->loop, &pool->watch);
	close(pool->watch.fd);
	pthread_mutex_destroy(&pool->lock);
	pthread_cond_destroy(&pool->wanted);
	free(pool);
}

/* Runs work in a thread, then done on the loop; both get the argument. */
void
pool_run(struct pool *pool, pool_fn work_fn, pool_fn done, void *arg)
{
	struct job *job;

	if (pool->thread_count == 0)
	{
		work_fn(arg);
		done(arg);
		return;
	}
	job = memory_alloc_zero(sizeof(*job));
	*job = (struct job) {.work = work_fn,.done = done,.arg = arg};
	pthread_mutex_lock(&pool->lock);
	put(&pool->waiting, job);
	pthread_cond_signal(&pool->wanted);
	pthread_mutex_unlock(&pool->lock);
}
