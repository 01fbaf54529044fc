/*
 * The top of the attack: makes the requests, and knows which of them is owed an answer.
 *
 * As soon as a request has its answer, or as soon as its wind has returned (every other
 * one), what it points to is overwritten and freed, as FUSE and call stubs do.
 */
#include "model.h"

#include <pthread.h>
#include <unistd.h>

typedef struct {
    uint64_t number;
    int row;
    list_t *list;
    bool stub;                       /* its values go when the wind has returned */
    pthread_mutex_t lock;
    _Atomic int answers;
    _Atomic bool winding;
    struct timespec begun;
} request_t;

typedef void (*wind_t)(call_frame_t *, void *, xlator_t *, const value_t *);

static request_t *requests;
static xlator_t *top;

static void
check_answer(request_t *r, int32_t op_ret, int32_t op_errno, const value_t *got)
{
    const row_t *row = &attack_rows[r->row];
    int64_t count = 0;

    if (op_ret < 0) {
        attack_life.failed++;
        if (op_errno <= 0 || op_errno >= 512)
            attack_find("values", r->row, r->number, "fails with errno %d", op_errno);
        return;
    }
    for (int i = 0; i < row->params_len[UP]; i++)
        if (row->params[UP][i].kind == K_COUNT)
            count = got[i].number;
    for (int i = 0; i < row->params_len[UP]; i++) {
        if (row->params[UP][i].required && !got[i].pointer)
            attack_find("values", r->row, r->number, "a success without %s",
                        row->params[UP][i].name);
        attack_check(r->row, UP, i, 0, got[i], count, r->number);
    }
}

static int32_t
answered(call_frame_t *frame, void *cookie, int32_t op_ret, int32_t op_errno, const value_t *got)
{
    request_t *r = cookie;
    list_t *list;

    if (r->number >= ASLEEP)
        return 0;
    if (r->answers++) {
        attack_find("twice", r->row, r->number, "answered %d times", r->answers);
        return 0;
    }
    check_answer(r, op_ret, op_errno, got);
    if (frame->root->unique != r->number || frame->root->uid != attack_uid(r->number))
        attack_find("credentials", r->row, r->number, "its own frame says uid %u",
                    frame->root->uid);
    frame->local = NULL;
    STACK_DESTROY(frame->root);
    pthread_mutex_lock(&r->lock);
    list = r->list;
    if (r->stub && r->winding)
        list = NULL; /* who winds still has it, and destroys it */
    else
        r->list = NULL;
    pthread_mutex_unlock(&r->lock);
    if (list)
        attack_destroy(list);
    attack_life.answered++;
    return 0;
}

#include "attack-above.inc"

static void
ask(request_t *r, uint64_t number)
{
    call_frame_t *frame = create_frame(top, top->ctx->pool);
    list_t *list = NULL;

    r->number = number;
    r->row = attack_mix(attack_life.seed, number) % attack_rows_len;
    r->stub = number % 2 && number < ASLEEP;
    r->list = attack_make(top, top->itable, number, r->row, DOWN, false);
    r->winding = true;
    clock_gettime(CLOCK_MONOTONIC, &r->begun);
    pthread_mutex_init(&r->lock, NULL);
    attack_root(frame->root, number);
    attack_life.begun++;
    winds[r->row](frame, r, FIRST_CHILD(top), r->list->values);
    pthread_mutex_lock(&r->lock);
    r->winding = false;
    if (r->stub && r->list && r->answers) {
        list = r->list;
        r->list = NULL;
    } else if (r->stub && r->list) {
        attack_destroy_values(r->list);
    }
    pthread_mutex_unlock(&r->lock);
    if (list)
        attack_destroy(list);
}

typedef struct {
    int first, step;
} share_t;

/* Makes requests without waiting for each answer, but not too many at once. */
static void *
make_requests(void *arg)
{
    share_t *share = arg;
    int i = share->first;

    THIS = top;
    for (; i < attack_life.requests; i += share->step) {
        for (int wait = 0; wait < 1000 && attack_life.begun - attack_life.answered > 64; wait++)
            usleep(1000);
        if (attack_life.down && i > attack_life.requests * 3 / 4 && i % share->step == 0 &&
            i - share->step <= attack_life.requests * 3 / 4)
            xlator_notify(FIRST_CHILD(top), GF_EVENT_PARENT_DOWN, FIRST_CHILD(top), 0);
        ask(&requests[i], attack_life.first + i);
    }
    return NULL;
}

/* What is on its way when the graph goes is answered, too. */
static void
wait_for_answers(void)
{
    for (int i = 0; i < attack_life.patience * 100; i++) {
        if (attack_life.answered >= attack_life.begun)
            return;
        usleep(10000);
    }
    attack_life.late = 1;
    for (int i = 0; i < attack_life.requests; i++)
        if (requests[i].number && !requests[i].answers)
            attack_find("never", requests[i].row, requests[i].number, "no answer in %d s",
                        attack_life.patience);
    sleep(120); /* for who looks at the stacks, and ends this process */
}

/* Nobody answers these before libgfapi gives up waiting: what they carry stays. */
static void
make_asleep(void)
{
    static uint64_t number = ASLEEP;

    for (int i = 0; i < attack_life.asleep; i++) {
        ask(calloc(1, sizeof(request_t)), number++);
        attack_life.begun--;
    }
}

static void *
drive(void *unused)
{
    pthread_t threads[64];
    share_t shares[64];

    THIS = top;
    while (!top->ctx->active)
        usleep(1000);
    requests = calloc(attack_life.requests, sizeof(*requests)); /* kept: late answers are seen */
    for (int i = 0; i < attack_life.threads; i++) {
        shares[i] = (share_t){i, attack_life.threads};
        pthread_create(&threads[i], NULL, make_requests, &shares[i]);
    }
    for (int i = 0; i < attack_life.threads; i++)
        pthread_join(threads[i], NULL);
    wait_for_answers();
    make_asleep();
    attack_life.over = 1;
    return NULL;
}

static int32_t
notify(xlator_t *this, int32_t event, void *data, ...)
{
    static uint64_t driven;
    pthread_t thread;

    if (event == GF_EVENT_CHILD_UP && driven != attack_life.first) {
        driven = attack_life.first;
        if (pthread_create(&thread, NULL, drive, NULL) == 0)
            pthread_detach(thread);
    }
    return default_notify(this, event, data);
}

static int32_t
init(xlator_t *this)
{
    top = this;
    this->itable = inode_table_new(0, this, 0, 0);
    return 0;
}

/* libgfapi's own: the root. */
static int32_t
above_lookup(call_frame_t *frame, xlator_t *this, loc_t *loc, dict_t *xdata)
{
    struct iatt iatt = {.ia_type = IA_IFDIR, .ia_nlink = 2, .ia_ino = 1};

    iatt.ia_gfid[15] = 1;
    STACK_UNWIND_STRICT(lookup, frame, 0, 0, loc->inode, &iatt, NULL, &iatt);
    return 0;
}

static struct xlator_fops fops = {.lookup = above_lookup};
static struct xlator_cbks cbks;
static struct volume_options options[] = {{.key = {NULL}}};

xlator_api_t xlator_api = {
    .init = init,
    .notify = notify,
    .fops = &fops,
    .cbks = &cbks,
    .options = options,
    .identifier = "attack-above",
    .category = GF_EXPERIMENTAL,
};
