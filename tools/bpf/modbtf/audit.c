// SPDX-License-Identifier: GPL-2.0-only
/*
 * Look at many modules with all cores.  One thread finds them and reads packages,
 * the others look at them; results come in the order in which they were found.
 */

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "modbtf.h"
#include "report.h"

/* Found and not yet looked at, or looked at and not yet printed */
#define MAX_JOBS	256
#define MAX_BYTES	(48UL << 20)

struct job {
	struct asked *asked;	/* NULL: it was not even found */
	struct place place;	/* of strings of its own */
	struct look look;	/* .file.data is NULL: still in the file */
	char *problem;		/* it was not even found, for xfree() */
	size_t bytes;		/* in memory */
	bool done;
};

struct pool {
	struct module_source *source;
	struct report *report;
	pthread_mutex_t lock;
	pthread_cond_t change;
	struct job jobs[MAX_JOBS];
	/* of all jobs there were: printed, taken by a thread, found */
	unsigned long printed, taken, found;
	size_t bytes;		/* those of all jobs */
	bool printing;		/* a thread is */
	bool end;		/* there are no more */
};

static struct job *job_nr(struct pool *p, unsigned long nr)
{
	return p->jobs + nr % MAX_JOBS;
}

static void report_job(struct report *r, const struct job *j)
{
	const struct look *l = &j->look;
	unsigned int i;

	if (l->trouble)
		report_module(r, NULL, &j->place, NULL, NULL, l->trouble);
	for (i = 0; !l->trouble && i < j->asked->nr; i++)
		if (!l->res[i].trouble || !j->asked->other_machines)
			report_module(r, j->asked->pairs[i], &j->place, &l->m, l->res + i,
				      l->res[i].trouble);
}

/* Print what is next, as far as it is known.  Called with the lock, which is not held while
 * something is printed: what reads the output may be slow.  One thread prints.
 */
static void print_done(struct pool *p)
{
	struct job *j;

	if (p->printing)
		return;
	p->printing = true;
	while (p->printed < p->taken && (j = job_nr(p, p->printed))->done) {
		pthread_mutex_unlock(&p->lock);
		report_job(p->report, j);
		xfree((char *)j->place.shown);
		xfree((char *)j->place.package);
		xfree((char *)j->place.path);
		xfree(j->problem);
		arena_free(j->look.arena);
		pthread_mutex_lock(&p->lock);
		p->bytes -= j->bytes;
		p->printed++;
		pthread_cond_broadcast(&p->change);
	}
	p->printing = false;
}

static void *worker(void *ctx)
{
	struct pool *p = ctx;
	struct job *j;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->taken == p->found && !p->end)
			pthread_cond_wait(&p->change, &p->lock);
		if (p->taken == p->found)
			break;
		j = job_nr(p, p->taken++);
		if (!j->done) {
			pthread_mutex_unlock(&p->lock);
			look(&j->look, j->asked->audits, j->asked->nr, j->place.shown,
			     j->place.path);
			look_forget_file(&j->look);
			pthread_mutex_lock(&p->lock);
		}
		j->done = true;
		/* what is left of it waits to be printed */
		p->bytes -= j->bytes;
		j->bytes = j->look.arena ? j->look.arena->used : 0;
		p->bytes += j->bytes;
		print_done(p);
	}
	pthread_mutex_unlock(&p->lock);
	work_end();
	return NULL;
}

static char *copy(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static void add(struct pool *p, struct asked *asked, const struct place *place, struct look look,
		char *problem)
{
	size_t bytes = look.file.size;

	pthread_mutex_lock(&p->lock);
	while (p->found - p->printed == MAX_JOBS || (p->bytes && p->bytes + bytes > MAX_BYTES))
		pthread_cond_wait(&p->change, &p->lock);
	*job_nr(p, p->found) = (struct job){
		.asked = asked,
		.place = { copy(place->shown), copy(place->package), copy(place->path) },
		.look = look, .problem = problem, .bytes = bytes, .done = problem,
	};
	p->found++;
	p->bytes += bytes;
	pthread_cond_broadcast(&p->change);
	pthread_mutex_unlock(&p->lock);
}

static void add_trouble(void *ctx, const char *path, char *problem)
{
	add(ctx, NULL, &(struct place){ .shown = path }, (struct look){ .trouble = problem },
	    problem);
}

static void add_module(void *ctx, const struct place *place, struct arena *arena,
		       struct blob *data);

static bool is_module_or_package(const char *path)
{
	return is_module_name(path) || is_package_name(path);
}

static void read_path(struct pool *p, const char *path)
{
	struct finder f = {
		"module", p->source->packages ? is_module_or_package : is_module_name,
		add_module, add_trouble, p,
	};

	work_on(path);
	read_files(path, &f);
}

static void add_module(void *ctx, const struct place *place, struct arena *arena,
		       struct blob *data)
{
	struct look look = { .arena = arena, .found = true };
	struct pool *p = ctx;
	struct asked *asked;

	if (!data && !is_module_name(place->shown) && is_package_name(place->shown) &&
	    p->source->packages) {
		read_path(p, place->shown);
		return;
	}
	asked = p->source->select(p->source, place);
	if (data)
		look.file = *data;
	if (asked)
		add(p, asked, place, look, NULL);
	else
		arena_free(arena);
}

static unsigned int cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
}

/* Of so many that each can take what a module may take, beside the kernels, what is read
 * from a package, and what waits
 */
static unsigned int nr_of_threads(void)
{
	size_t taken = mem_used() + limits.module_memory + MAX_BYTES;
	size_t room = limits.total_memory > taken ? limits.total_memory - taken : 0;
	size_t nr = limits.jobs ?: cores();

	room /= limits.module_memory;
	nr = nr < room ? nr : room;
	return nr ?: 1;
}

void audit_run(struct module_source *s, struct report *r)
{
	unsigned int nr_threads = nr_of_threads(), i;
	struct pool *p;
	pthread_t *threads;

	p = xcalloc(1, sizeof(*p));
	p->source = s;
	p->report = r;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->change, NULL);
	threads = xrealloc(NULL, nr_threads * sizeof(*threads));
	for (i = 0; i < nr_threads && start_thread(threads + i, worker, p); i++)
		;
	nr_threads = i;
	if (!nr_threads)
		die("cannot start a thread");
	for (i = 0; i < (unsigned int)s->nr; i++) {
		s->path = s->paths[i];
		read_path(p, s->path);
	}
	work_on(NULL);
	pthread_mutex_lock(&p->lock);
	p->end = true;
	pthread_cond_broadcast(&p->change);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
	xfree(threads);
	xfree(p);
}

static struct asked *select_one(struct module_source *s, const struct place *place)
{
	return s->ctx;
}

void audit_one(struct audit *a, struct report *r, struct pair *pair, char **paths, int nr)
{
	struct asked asked = { &a, &pair, 1 };
	struct module_source s = { .paths = paths, .nr = nr, .select = select_one, .ctx = &asked };

	audit_run(&s, r);
}
