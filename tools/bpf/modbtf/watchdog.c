// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time.  Loops look at the clock by tick().  For those that do not, in libraries for one,
 * there is a watchdog, which ends the run.
 */

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include "modbtf.h"

#define NSEC_PER_SEC	1000000000ULL
#define TICKS		4096	/* between two looks at the clock */
#define GRACE		5	/* seconds over a limit, until the run is ended */

#define MODULE_TIME	"takes longer than --module-time=%u s"
#define TOTAL_TIME	"the run takes longer than --total-time=%u s"

/* What compressions give, beside what is read: modules and kernels come to a tenth of the second */
#define MAX_UNPACKED	(4UL << 30)
#define MAX_RATIO	100

struct limits limits = {
	.module_memory = 256UL << 20,
	.total_memory = 2048UL << 20,
	.module_time = 10,
	.total_time = 600,
};

/* What a thread is at, for the watchdog */
struct work {
	struct work *next;
	const char *what;
	clockid_t clock;
	uint64_t cpu_end;	/* 0: none */
};

static __thread unsigned int ticks;
static __thread struct work work;
static struct work *all_work;
static pthread_mutex_t work_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_cond = PTHREAD_COND_INITIALIZER;
static pthread_t dog;
static uint64_t run_end;
static uint64_t bytes_read, bytes_unpacked;

static uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

void work_on(const char *what)
{
	pthread_mutex_lock(&work_lock);
	if (!work.clock) {
		pthread_getcpuclockid(pthread_self(), &work.clock);
		work.next = all_work;
		all_work = &work;
	}
	work.what = what;
	work.cpu_end = 0;
	pthread_mutex_unlock(&work_lock);
}

void work_end(void)
{
	struct work **w;

	pthread_mutex_lock(&work_lock);
	for (w = &all_work; *w && *w != &work; w = &(*w)->next)
		;
	if (*w)
		*w = work.next;
	work.clock = 0;
	pthread_mutex_unlock(&work_lock);
}

const char *work_name(void)
{
	return work.what;
}

void module_time_start(void)
{
	work.cpu_end = now(CLOCK_THREAD_CPUTIME_ID) + limits.module_time * NSEC_PER_SEC;
}

void module_time_end(void)
{
	work.cpu_end = 0;
}

/* End a run that takes too long, and say what it is at */
static void *watchdog(void *unused)
{
	struct timespec t;
	struct work *w;
	bool over;

	pthread_mutex_lock(&work_lock);
	while (run_end) {
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_sec++;
		pthread_cond_timedwait(&work_cond, &work_lock, &t);
		over = run_end && now(CLOCK_MONOTONIC) > run_end + GRACE * NSEC_PER_SEC;
		for (w = all_work; w; w = w->next) {
			if (!w->what)
				continue;
			if (over)
				complain("%s: stopped: " TOTAL_TIME, w->what, limits.total_time);
			else if (w->cpu_end && now(w->clock) > w->cpu_end + GRACE * NSEC_PER_SEC)
				die("%s: stopped: " MODULE_TIME, w->what, limits.module_time);
		}
		if (over)
			_exit(2);
	}
	pthread_mutex_unlock(&work_lock);
	return unused;
}

void limits_start(void)
{
	struct rlimit r = { limits.total_memory, limits.total_memory }, old;

	run_end = now(CLOCK_MONOTONIC) + limits.total_time * NSEC_PER_SEC;
	if (!start_thread(&dog, watchdog, NULL))
		die("cannot start a thread");
	/* the shadow of a sanitizer is larger than any limit */
#ifndef __SANITIZE_ADDRESS__
	if (!getrlimit(RLIMIT_DATA, &old) && old.rlim_max > r.rlim_max)
		setrlimit(RLIMIT_DATA, &r);
#else
	(void)r, (void)old;
#endif
}

void limits_end(void)
{
	pthread_mutex_lock(&work_lock);
	run_end = 0;
	pthread_cond_signal(&work_cond);
	pthread_mutex_unlock(&work_lock);
	pthread_join(dog, NULL);
}

/* Stacks count as memory of the run, and need not be large */
bool start_thread(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	int err;

	pthread_attr_init(&attr);
#ifndef __SANITIZE_ADDRESS__
	pthread_attr_setstacksize(&attr, 2 << 20);
#endif
	err = pthread_create(thread, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	return !err;
}

void count_read(size_t size)
{
	__atomic_add_fetch(&bytes_read, size, __ATOMIC_RELAXED);
}

void count_unpacked(size_t size)
{
	__atomic_add_fetch(&bytes_unpacked, size, __ATOMIC_RELAXED);
}

static bool too_much_unpacked(void)
{
	uint64_t n = __atomic_load_n(&bytes_unpacked, __ATOMIC_RELAXED);

	return n > MAX_UNPACKED && n / MAX_RATIO > __atomic_load_n(&bytes_read, __ATOMIC_RELAXED);
}

bool run_is_over(void)
{
	return run_end && (now(CLOCK_MONOTONIC) > run_end || too_much_unpacked());
}

char *run_problem(void)
{
	if (!run_is_over())
		return NULL;
	if (too_much_unpacked())
		return xasprintf("the run unpacks %lu GB, more than %u times what it reads",
				 MAX_UNPACKED >> 30, MAX_RATIO);
	return xasprintf(TOTAL_TIME, limits.total_time);
}

char *time_problem(void)
{
	if (work.cpu_end && now(CLOCK_THREAD_CPUTIME_ID) > work.cpu_end)
		return xasprintf(MODULE_TIME, limits.module_time);
	return run_problem();
}

void tick_now(void)
{
	const char *problem = time_problem();

	if (problem)
		give_up("%s", problem);
}

void tick(void)
{
	if (!(++ticks % TICKS))
		tick_now();
}
