/*
 * Times requests that are made, and answered, in C; on top of one graph that holds
 * every set-up as a child.
 *
 * All children take turns in blocks of about the same time, so that a machine that is
 * slower for a while is slower for all of them.
 *
 *   option mode     blocks   nanoseconds of wall time per request, for each block
 *                   start    when all was ready, and what memory the process has
 *   option fop      NAME
 *   option bytes    N        in an iovec
 *   option entries  N        in a listing
 *   option threads  N        that make requests at once, up to 4
 *   option pause    NS       that each of them is busy after a request
 *   option answer   now      inside the wind
 *                   later    when a hundred winds have returned, from another thread
 *   option blocks   N        per child
 *   option us       N        microseconds that a block shall take
 */
#include "top.h"
#include "turns.h"

enum { THREADS = 4, WARM_UP = 300 };

typedef struct {
    int index;
    list_t down;
    batch_t batch;
    xlator_t *child;
    int calls;
    int64_t answers;
    int64_t begun, ended;
    sem_t start, done;      /* a block */
    sem_t wound, given;     /* a batch, to and from the thread that answers */
    pthread_barrier_t *together;
} worker_t;

static xlator_t *top;
static int row;
static int64_t pause_ns;
static worker_t workers[THREADS];

#define COOKIE(row) ((void *)&course_rows[row])
#define check_back(...) ((void)0) /* nothing is checked while time is measured */

/* Like FUSE: the callback destroys the stack. */
static int32_t
answered(call_frame_t *frame, int32_t op_ret, int32_t op_errno)
{
    worker_t *worker = frame->local;

    (void)op_ret;
    (void)op_errno;
    frame->local = NULL; /* it is not from a memory pool */
    STACK_DESTROY(frame->root);
    worker->answers++;
    return 0;
}

typedef void (*wind_t)(call_frame_t *, xlator_t *, const value_t *);
#include "driver.inc"

static void
ask(worker_t *worker)
{
    call_frame_t *frame = create_frame(top, top->ctx->pool);

    frame->local = worker;
    winds[row](frame, worker->child, worker->down.values);
}

static void
busy(int64_t ns)
{
    if (ns)
        for (int64_t end = now() + ns; now() < end;)
            ;
}

static void
ask_all(worker_t *worker)
{
    int batch = sizeof(worker->batch.owed) / sizeof(worker->batch.owed[0]);

    if (!worker->batch.later) {
        for (int i = 0; i < worker->calls; i++) {
            ask(worker);
            busy(pause_ns);
        }
        return;
    }
    for (int i = 0; i < worker->calls; i += batch) {
        for (int j = 0; j < batch; j++)
            ask(worker);
        sem_post(&worker->wound);
        sem_wait(&worker->given);
    }
}

static void *
work(void *arg)
{
    worker_t *worker = arg;

    THIS = top;
    course_batch = &worker->batch;
    for (;;) {
        sem_wait(&worker->start);
        if (worker->together)
            pthread_barrier_wait(worker->together);
        worker->begun = now();
        ask_all(worker);
        worker->ended = now();
        sem_post(&worker->done);
    }
    return NULL;
}

/* The thread that answers what another one has asked. */
static void *
give(void *arg)
{
    worker_t *worker = arg;
    batch_t *batch = &worker->batch;

    for (;;) {
        sem_wait(&worker->wound);
        for (int i = 0; i < batch->len; i++) {
            THIS = batch->owed[i].frame->this;
            batch->owed[i].give(batch->owed[i].frame, &batch->with);
        }
        batch->len = 0;
        sem_post(&worker->given);
    }
    return NULL;
}

/* Has the values for themselves: threads that share them fight for their counters. */
static void
start_worker(worker_t *worker, bool later)
{
    pthread_t thread;

    course_build(row, DOWN, FULL);
    course_build(row, UP, FULL);
    worker->down = course_lists[row][DOWN];
    worker->batch.with = course_lists[row][UP];
    worker->batch.later = later;
    sem_init(&worker->start, 0, 0);
    sem_init(&worker->done, 0, 0);
    sem_init(&worker->wound, 0, 0);
    sem_init(&worker->given, 0, 0);
    pthread_create(&thread, NULL, work, worker);
    pthread_create(&thread, NULL, give, worker);
}

/* Wall time of a block, in nanoseconds for each of its requests. */
static double
block(xlator_t *child, int threads, int calls)
{
    pthread_barrier_t together;
    int64_t begun = INT64_MAX, ended = 0, answers = 0;

    pthread_barrier_init(&together, NULL, threads);
    for (int i = 0; i < threads; i++) {
        workers[i].child = child;
        workers[i].calls = calls;
        workers[i].answers = 0;
        workers[i].together = &together;
        sem_post(&workers[i].start);
    }
    for (int i = 0; i < threads; i++) {
        sem_wait(&workers[i].done);
        begun = min(begun, workers[i].begun);
        ended = max(ended, workers[i].ended);
        answers += workers[i].answers;
    }
    pthread_barrier_destroy(&together);
    if (answers != (int64_t)calls * threads)
        course_fail(row, UP, -1, "answers", "one for each request", "others");
    return (double)(ended - begun) / answers;
}

static void
mode_blocks(xlator_t *this)
{
    int threads = min(option_int(this, "threads", 1), THREADS);
    int blocks = option_int(this, "blocks", 10);
    double ns = option_int(this, "us", 5000) * 1000.0;
    bool later = strcmp(option(this, "answer", "now"), "later") == 0;
    int calls[TURNS], order[TURNS], n;
    xlator_t *children[TURNS];
    xlator_list_t *c;

    row = course_row(option(this, "fop", "lookup"));
    pause_ns = option_int(this, "pause", 0);
    course_bytes = option_int(this, "bytes", 4096);
    course_entries = option_int(this, "entries", 100);
    for (int i = 0; i < threads; i++)
        start_worker(&workers[i], later);

    for (c = this->children, n = 0; c && n < TURNS; c = c->next, n++) {
        children[n] = c->xlator;
        block(c->xlator, threads, WARM_UP);
        calls[n] = ns / block(c->xlator, threads, WARM_UP) / threads;
        calls[n] = max(calls[n] - calls[n] % 100, 100);
        block(c->xlator, threads, calls[n]);
    }
    for (int i = 0; i < blocks; i++) {
        take_turns(order, n);
        for (int j = 0; j < n; j++) {
            xlator_t *child = children[order[j]];

            course_say("{\"block\": {\"child\": \"%s\", \"ns\": %.1f}}", child->name,
                       block(child, threads, calls[order[j]]));
        }
    }
}

/* A line of what the kernel says of the process's memory, in KiB. */
static long
memory(const char *key)
{
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    size_t len = strlen(key);
    long kib = -1;
    char line[256];

    while (f && fgets(line, sizeof(line), f))
        if (strncmp(line, key, len) == 0)
            kib = atol(line + len);
    if (f)
        fclose(f);
    return kib;
}

static void
mode_start(xlator_t *this)
{
    row = course_row("lookup");
    start_worker(&workers[0], false);
    for (xlator_list_t *c = this->children; c; c = c->next)
        block(c->xlator, 1, WARM_UP);
    course_say("{\"start\": {\"initialized\": %" PRId64 ", \"ready\": %" PRId64
               ", \"rss_kib\": %ld, \"anonymous_kib\": %ld}}",
               initialized, ready, memory("Rss:"), memory("Anonymous:"));
}

static void
run(xlator_t *this, const char *mode)
{
    top = this;
    course_checking = false;
    course_ascii = true;
    if (strcmp(mode, "blocks") == 0)
        mode_blocks(this);
    else if (strcmp(mode, "start") == 0)
        mode_start(this);
    else
        course_fail(-1, -1, -1, "mode", "blocks or start", mode);
}
