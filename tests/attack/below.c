/*
 * The bottom of the attack: checks each request that arrives (model.h), and answers it now,
 * later, or much later, on this thread or another.  Like translators that queue requests it
 * keeps references meanwhile, and looks at the same things again when it answers.
 */
#include "model.h"

#include <pthread.h>
#include <unistd.h>

typedef void (*answer_t)(call_frame_t *frame, const list_t *with);

typedef struct job {
    struct job *next;
    call_frame_t *frame;
    xlator_t *this;
    answer_t give;
    int row;
    uint64_t due, request;
    dict_t *xdata;
} job_t;

enum { THREADS = 4 };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    job_t *jobs;
} queue = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL};

static uint64_t
now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

static void
give(job_t *job)
{
    uint64_t number = job->request * 16 + attack_mix(attack_life.seed, job->due) % 16;
    bool fails = attack_mix(number, 3) % 5 == 0;
    inode_table_t *table = job->this->itable;
    list_t *list = attack_make(job->this, table, job->request, job->row, UP, fails);

    if (job->xdata) {
        attack_xdata(job->row, job->xdata, job->request);
        attack_credentials(job->row, job->frame->root, job->xdata);
        dict_unref(job->xdata);
    }
    job->give(job->frame, list);
    attack_destroy(list);
}

static void *
answer_later(void *unused)
{
    job_t *job, **best;
    uint64_t now;

    for (;;) {
        pthread_mutex_lock(&queue.lock);
        for (job = NULL; !job;) {
            best = NULL;
            for (job_t **p = &queue.jobs; *p; p = &(*p)->next)
                if (!best || (*p)->due < (*best)->due)
                    best = p;
            now = now_us();
            if (best && (*best)->due <= now) {
                job = *best;
                *best = job->next;
            } else if (best) {
                struct timespec ts = {.tv_sec = (*best)->due / 1000000,
                                      .tv_nsec = (*best)->due % 1000000 * 1000};
                pthread_cond_timedwait(&queue.changed, &queue.lock, &ts);
            } else {
                pthread_cond_wait(&queue.changed, &queue.lock);
            }
        }
        pthread_mutex_unlock(&queue.lock);
        THIS = job->this;
        give(job);
        free(job);
    }
    return NULL;
}

static int32_t
arrived(int row, call_frame_t *frame, xlator_t *this, const value_t *got, answer_t answer)
{
    const row_t *r = &attack_rows[row];
    dict_t *xdata = NULL;
    int64_t count = 0;
    uint64_t id, chance;
    job_t *job;

    attack_life.arrived++;
    for (int i = 0; i < r->params_len[DOWN]; i++) {
        if (r->params[DOWN][i].kind == K_DICT && strcmp(r->params[DOWN][i].name, "xdata") == 0)
            xdata = got[i].pointer;
        if (r->params[DOWN][i].kind == K_COUNT)
            count = got[i].number;
    }
    id = attack_xdata(row, xdata, frame->root->unique);
    attack_credentials(row, frame->root, xdata);
    for (int i = 0; i < r->params_len[DOWN]; i++)
        attack_check(row, DOWN, i, id ? attack_tag(id, DOWN, i) : 0, got[i], count,
                     frame->root->unique);

    job = calloc(1, sizeof(*job));
    *job = (job_t){.frame = frame, .this = this, .give = answer, .row = row, .due = now_us(),
                   .request = frame->root->unique};
    chance = attack_mix(attack_life.seed + job->due, attack_life.arrived) % 100;
    if (chance < 40) {
        give(job);
        free(job);
        return 0;
    }
    job->xdata = xdata ? dict_ref(xdata) : NULL;
    job->due += chance < 80 ? chance * 10 : chance < 95 ? chance * 50 : 60000;
    pthread_mutex_lock(&queue.lock);
    job->next = queue.jobs;
    queue.jobs = job;
    pthread_cond_broadcast(&queue.changed);
    pthread_mutex_unlock(&queue.lock);
    return 0;
}

/* For every fop the function that receives it, and its answer; and their table. */
#include "attack-below.inc"

static int32_t
init(xlator_t *this)
{
    static bool started;
    pthread_t thread;

    this->itable = inode_table_new(0, this, 0, 0);
    for (int i = 0; !started && i < THREADS; i++)
        if (pthread_create(&thread, NULL, answer_later, NULL))
            return -1;
    started = true;
    return 0;
}

/* The bottom of a graph is where the parents' events turn round. */
static int32_t
notify(xlator_t *this, int32_t event, void *data, ...)
{
    if (event == GF_EVENT_PARENT_UP)
        event = GF_EVENT_CHILD_UP;
    else if (event == GF_EVENT_PARENT_DOWN)
        event = GF_EVENT_CHILD_DOWN;
    return default_notify(this, event, data);
}

static struct xlator_cbks cbks;
static struct volume_options options[] = {
    {.key = {"*"}, .type = GF_OPTION_TYPE_ANY},
    {.key = {NULL}},
};

xlator_api_t xlator_api = {
    .init = init,
    .notify = notify,
    .fops = &below_fops,
    .cbks = &cbks,
    .options = options,
    .identifier = "attack-below",
    .category = GF_EXPERIMENTAL,
};
