// SPDX-License-Identifier: GPL-2.0-only
/*
 * Look at many modules with all cores.  One thread finds them and reads packages,
 * the others look at them; results come in the order in which they were found.
 */

#include <err.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include "kernel.h"
#include "modbtf.h"

/* Found and not yet looked at, or looked at and not yet printed */
#define MAX_JOBS	256
#define MAX_BYTES	(48UL << 20)

struct job {
	char *path;
	struct blob data;	/* .data is NULL: still in the file */
	bool done;
	char *trouble;
	struct module m;
	struct result res;
};

struct pool {
	struct audit *audit;
	struct report *report;
	pthread_mutex_t lock;
	pthread_cond_t change;
	struct job jobs[MAX_JOBS];
	/* of all jobs there were: printed, taken by a thread, found */
	unsigned long printed, taken, found;
	size_t bytes;		/* of packages, in memory */
	bool end;		/* there are no more */
};

static struct job *job_nr(struct pool *p, unsigned long nr)
{
	return p->jobs + nr % MAX_JOBS;
}

static void look_at(struct pool *p, struct job *j)
{
	struct blob file = j->data;

	if (!file.data)
		j->trouble = read_file(j->path, MAX_MODULE, &file);
	if (!j->trouble)
		j->trouble = unpack(file, MAX_MODULE, &file);
	if (j->trouble)
		return;
	j->trouble = module_parse(&j->m, file, j->path);
	if (!j->trouble)
		j->trouble = foreign(p->audit, &j->m);
	if (!j->trouble)
		decide(p->audit, &j->m, &j->res);
	/* what the report needs of the module are copies */
	free(file.data);
}

/* With the lock: print what is next, as far as it is known */
static void print_done(struct pool *p)
{
	struct job *j;

	while (p->printed < p->taken && (j = job_nr(p, p->printed))->done) {
		report_module(p->report, j->path, &j->m, &j->res, j->trouble);
		free(j->path);
		free(j->trouble);
		module_free(&j->m);
		result_free(&j->res);
		p->printed++;
	}
}

static void *worker(void *ctx)
{
	struct pool *p = ctx;
	struct job *j;
	size_t bytes;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->taken == p->found && !p->end)
			pthread_cond_wait(&p->change, &p->lock);
		if (p->taken == p->found)
			break;
		j = job_nr(p, p->taken++);
		bytes = j->data.size;
		if (!j->done) {
			pthread_mutex_unlock(&p->lock);
			look_at(p, j);
			pthread_mutex_lock(&p->lock);
		}
		j->done = true;
		p->bytes -= bytes;
		print_done(p);
		pthread_cond_broadcast(&p->change);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void add(struct pool *p, const char *path, struct blob data, char *trouble)
{
	pthread_mutex_lock(&p->lock);
	while (p->found - p->printed == MAX_JOBS || (p->bytes && p->bytes + data.size > MAX_BYTES))
		pthread_cond_wait(&p->change, &p->lock);
	*job_nr(p, p->found) = (struct job){
		.path = xstrdup(path), .data = data, .trouble = trouble, .done = trouble,
	};
	p->found++;
	p->bytes += data.size;
	pthread_cond_broadcast(&p->change);
	pthread_mutex_unlock(&p->lock);
}

static void add_module(void *ctx, const char *path, struct blob *data)
{
	add(ctx, path, data ? *data : (struct blob){}, NULL);
}

static void add_trouble(void *ctx, const char *path, char *problem)
{
	add(ctx, path, (struct blob){}, problem);
}

static unsigned int cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) ? 1 : CPU_COUNT(&set);
}

int audit_run(struct audit *a, struct report *r, char **paths, int nr)
{
	unsigned int nr_threads = cores(), i;
	struct pool *p;
	pthread_t *threads;

	p = memset(xrealloc(NULL, sizeof(*p)), 0, sizeof(*p));
	p->audit = a;
	p->report = r;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->change, NULL);
	threads = xrealloc(NULL, nr_threads * sizeof(*threads));
	report_begin(r);
	for (i = 0; i < nr_threads; i++)
		if (pthread_create(threads + i, NULL, worker, p))
			errx(2, "cannot start a thread");
	for (i = 0; i < (unsigned int)nr; i++)
		read_modules(paths[i], add_module, add_trouble, p);
	pthread_mutex_lock(&p->lock);
	p->end = true;
	pthread_cond_broadcast(&p->change);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < nr_threads; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	free(p);
	return report_end(r);
}
