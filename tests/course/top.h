/*
 * What the translators on top of a graph share.  When all its children are up, such a
 * translator starts one thread, which does what run() does, writes what it found to the
 * file `result`, and ends the process as any GlusterFS daemon ends, with SIGTERM.
 *
 *   option mode    what to do; run() knows
 *   option result  FILE
 */
#ifndef COURSE_TOP_H
#define COURSE_TOP_H

#include "clock.h"
#include "values.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* What whoever includes this does. */
static void
run(xlator_t *this, const char *mode);

static const char *
option(xlator_t *this, const char *key, const char *otherwise)
{
    char *value = NULL;

    if (dict_get_str(this->options, (char *)key, &value) == 0)
        return value;
    return otherwise;
}

static int
option_int(xlator_t *this, const char *key, int otherwise)
{
    const char *value = option(this, key, NULL);

    return value ? atoi(value) : otherwise;
}

/* When init had come to its end, and when all children were up. */
static int64_t initialized, ready;

static void *
drive(void *arg)
{
    xlator_t *this = arg;
    const char *mode = option(this, "mode", "course");

    THIS = this;
    /* the main thread is still inside notify: let the graph become active */
    while (this->ctx->active != this->graph)
        usleep(1000);
    course_begin(this);
    run(this, mode);
    course_say("{\"done\": {\"mode\": \"%s\", \"failures\": %d}}", mode,
               course_failures());
    kill(getpid(), SIGTERM);
    return NULL;
}

/* PARENT_UP comes first and goes down to the leaves; each sends a CHILD_UP
 * back.  Only when the last has come is the whole graph ready. */
static int32_t
notify(xlator_t *this, int32_t event, void *data, ...)
{
    static int up;
    pthread_t thread;

    if (event == GF_EVENT_CHILD_UP && ++up == xlator_subvolume_count(this)) {
        ready = now();
        if (pthread_create(&thread, NULL, drive, this) == 0)
            pthread_detach(thread);
    }
    return default_notify(this, event, data);
}

static int32_t
init(xlator_t *this)
{
    const char *path = option(this, "result", NULL);

    if (!path || !course_result_open(path)) {
        gf_log(this->name, GF_LOG_ERROR, "option result: no file to write");
        return -1;
    }
    initialized = now();
    return 0;
}

static struct xlator_fops fops;
static struct xlator_cbks cbks;
static struct volume_options options[] = {
    {.key = {"*"}, .type = GF_OPTION_TYPE_ANY}, /* keys match as patterns */
    {.key = {NULL}},
};

xlator_api_t xlator_api = {
    .init = init,
    .notify = notify,
    .fops = &fops,
    .cbks = &cbks,
    .options = options,
    .identifier = "course-driver",
    .category = GF_EXPERIMENTAL,
};

#endif
