/*
 * The top of the course: a translator that makes requests of its own, as
 * `mode` says (see top.h).
 *
 *   option mode     course   wind every fop, check every value (see values.h)
 *                   keep     the same again and again, for handlers that keep
 *                            what they get; then references must be given back
 *                   mutants  have pass.c swap parameters; the course must fail
 *                   count    allocations and references per request
 *                   storm    all fops from several threads at once
 *                   block    latency of requests while another one sleeps
 *                   slots    what the children's tables of fops hold
 *                   answers  what each fop comes to, for each way that a child answers it and
 *                            each that a handler fails it (failing.py)
 *   option rounds   full,failed,empty  which of round_t     (course)
 *   option skip     NAME,NAME          fops left out        (course)
 *   option compare  contents           dicts and data are copies (course)
 *   option fops     NAME,NAME or all   which fops          (count, block)
 *   option repeat   N        rounds                        (keep)
 *   option calls    N        requests counted, per thread  (count, storm)
 *   option plain    CHILD    the child that intercepts nothing (slots)
 */
#include "top.h"
#include "count.h"

#include <dlfcn.h>

/* There only when count.so is preloaded. */
#pragma weak course_count_start
#pragma weak course_count_stop

#define PATIENCE_NS 10000000000LL

/* ------------------------------------------------------------------------
 * One request.
 */

#define COOKIE(row) ((void *)&course_rows[row])

static void
check_back(int row, call_frame_t *frame, void *cookie, xlator_t *this,
           int32_t op_ret, int32_t op_errno)
{
    course_check_frame(row, UP, frame, this);
    if (cookie != COOKIE(row))
        course_fail(row, UP, -1, "cookie", "the one of the wind", "another");
    course_check_answer(row, frame->root, op_ret, op_errno);
}

/* What a request has come to. */
typedef struct {
    int32_t op_ret, op_errno;
    _Atomic bool done;
} outcome_t;

/* Like FUSE: the callback destroys the stack, so whoever touches a frame
 * after its answer touches freed memory. */
static int32_t
answered(call_frame_t *frame, int32_t op_ret, int32_t op_errno)
{
    outcome_t *outcome = frame->local;

    if (frame->root->unique == COURSE_SLEEP_UP)
        sleep(1);
    frame->local = NULL; /* it is not from a memory pool */
    STACK_DESTROY(frame->root);
    outcome->op_ret = op_ret;
    outcome->op_errno = op_errno;
    outcome->done = true;
    return 0;
}

/* For every fop a checking callback and a wind; and the table of winds. */
typedef void (*wind_t)(call_frame_t *, xlator_t *, const value_t *);
#include "driver.inc"

/* Make one request and wait for its answer.  Its values have been built. */
static bool
ask_for(xlator_t *this, xlator_t *child, int row, uint64_t unique, outcome_t *outcome)
{
    call_frame_t *frame = create_frame(this, this->ctx->pool);
    int64_t deadline;

    if (course_checking)
        course_root(frame->root, row);
    if (unique)
        frame->root->unique = unique;
    frame->local = outcome;
    winds[row](frame, child, course_lists[row][DOWN].values);

    if (course_later) {
        course_free(row, DOWN);
        sem_post(&course_wound);
    }
    if (!outcome->done) {
        for (deadline = now() + PATIENCE_NS; !outcome->done; usleep(20))
            if (now() > deadline) {
                course_fail(row, UP, -1, "", "an answer", "none in 10 seconds");
                return false;
            }
    }
    if (course_later)
        sem_wait(&course_given);
    return true;
}

static bool
ask_as(xlator_t *this, xlator_t *child, int row, uint64_t unique)
{
    outcome_t outcome = {0};

    return ask_for(this, child, row, unique, &outcome);
}

static bool
ask(xlator_t *this, xlator_t *child, int row)
{
    return ask_as(this, child, row, 0);
}

/* ------------------------------------------------------------------------
 * The modes.
 */

/* Whether a word is in a list of them: "full,failed". */
static bool
listed(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *p = list; (p = strstr(p, word)); p += len)
        if ((p == list || p[-1] == ',') && (p[len] == 0 || p[len] == ','))
            return true;
    return false;
}

static void
build(int row, round_t round)
{
    course_build(row, DOWN, round);
    course_build(row, UP, round);
}

static void
discard(int row)
{
    course_free(row, DOWN);
    course_free(row, UP);
}

/* Every fop once.  The last line in the result file tells where a crash was. */
static bool
walk(xlator_t *this, round_t round)
{
    static const char *names[] = {"full", "failed", "empty"};

    const char *skip = option(this, "skip", "");

    for (int row = 0; row < course_rows_len; row++) {
        if (listed(skip, course_rows[row].name))
            continue;
        course_say("{\"at\": \"%s\", \"round\": \"%s\"}", course_rows[row].name,
                   names[round]);
        build(row, round);
        if (!ask(this, FIRST_CHILD(this), row))
            return false;
        discard(row);
    }
    if (!*skip)
        course_check_complete();
    return true;
}

/* References and frames may be given back a little later: from a queue. */
static void
settle(xlator_t *this, int64_t stacks)
{
    for (int i = 0; i < 200; i++) {
        if (course_refs_settled(false) && this->ctx->pool->cnt == stacks)
            return;
        usleep(10000);
    }
    course_refs_settled(true);
    if (this->ctx->pool->cnt != stacks)
        course_fail(-1, -1, -1, "call stacks", "none left", "some left");
}

static void
mode_course(xlator_t *this)
{
    const char *rounds = option(this, "rounds", "full,failed,empty");
    int64_t stacks = this->ctx->pool->cnt;

    course_contents = strcmp(option(this, "compare", ""), "contents") == 0;
    if (listed(rounds, "full") && !walk(this, FULL))
        return;
    if (listed(rounds, "failed") && !walk(this, FAILED))
        return;
    if (listed(rounds, "empty") && !walk(this, EMPTY))
        return;
    settle(this, stacks);
}

static void
mode_keep(xlator_t *this)
{
    int64_t stacks = this->ctx->pool->cnt;
    int repeat = option_int(this, "repeat", 3);

    for (int i = 0; i < repeat; i++)
        if (!walk(this, FULL))
            return;
    course_say("{\"settled before clear\": %s}",
               course_refs_settled(false) ? "true" : "false");
    for (int row = 0; row < course_rows_len; row++) {
        build(row, FULL);
        if (!ask_as(this, FIRST_CHILD(this), row, COURSE_CLEAR))
            return;
        discard(row);
    }
    settle(this, stacks);
}

static void
mode_mutants(xlator_t *this)
{
    const mutation_t *m = course_mutations;

    for (int i = 0; i < course_mutations_len; i++, m++) {
        const param_t *params = course_rows[m->row].params[m->direction];
        unsigned both = 1u << m->a | 1u << m->b;
        bool caught;

        build(m->row, FULL);
        course_mutation = i;
        course_quiet(true);
        ask(this, FIRST_CHILD(this), m->row);
        course_quiet(false);
        course_mutation = -1;
        discard(m->row);
        caught = (course_failed_params(m->row, m->direction) & both) == both;
        course_say("{\"mutation\": {\"fop\": \"%s\", \"direction\": \"%s\", "
                   "\"a\": \"%s\", \"b\": \"%s\", \"caught\": %s}}",
                   course_rows[m->row].name, m->direction == UP ? "cbk" : "fop",
                   params[m->a].name, params[m->b].name,
                   caught ? "true" : "false");
    }
}

static void
mode_count(xlator_t *this)
{
    const char *fops = option(this, "fops", "all");
    int calls = option_int(this, "calls", 1000);

    if (!course_count_start) {
        course_fail(-1, -1, -1, "count.so", "preloaded", "not there");
        return;
    }
    course_checking = false;
    for (int row = 0; row < course_rows_len; row++) {
        if (strcmp(fops, "all") && !listed(fops, course_rows[row].name))
            continue;
        build(row, FULL);
        for (xlator_list_t *c = this->children; c; c = c->next) {
            course_say("{\"at\": \"%s\", \"child\": \"%s\"}",
                       course_rows[row].name, c->xlator->name);
            for (int i = 0; i < 300; i++) /* warm up: caches, pools, arenas */
                ask(this, c->xlator, row);
            course_count_start();
            for (int i = 0; i < calls; i++)
                ask(this, c->xlator, row);
            course_say("{\"count\": {\"fop\": \"%s\", \"child\": \"%s\", "
                       "\"calls\": %d, \"counts\": %s}}",
                       course_rows[row].name, c->xlator->name, calls,
                       course_count_stop());
        }
    }
}

/* What failing.py answers when it has no more ways. */
#define NO_SUCH_WAY 511

/* What a child answers: a success, or a failure with a certain errno.  No errno but those of 1
 * to 511 is one. */
static const struct {
    const char *name;
    round_t round;
    int32_t op_errno;
} children_answer[] = {
    {"success", FULL, 0},   {"success, errno", FULL, ENOENT}, {"errno", FAILED, ESTALE},
    {"0", FAILED, 0},       {"negative", FAILED, -ESTALE},    {"too large", FAILED, 4096},
};

static void
mode_answers(xlator_t *this)
{
    course_checking = false;
    for (size_t i = 0; i < sizeof(children_answer) / sizeof(children_answer[0]); i++)
        for (int row = 0; row < course_rows_len; row++)
            for (int way = 0;; way++) {
                outcome_t outcome = {0};

                build(row, children_answer[i].round);
                course_lists[row][UP].op_errno = children_answer[i].op_errno;
                if (!ask_for(this, FIRST_CHILD(this), row, COURSE_WAY + way, &outcome))
                    return;
                discard(row);
                if (outcome.op_ret < 0 && outcome.op_errno == NO_SUCH_WAY)
                    break;
                course_say("{\"answer\": {\"fop\": \"%s\", \"child\": \"%s\", \"way\": %d, "
                           "\"op_ret\": %d, \"op_errno\": %d}}",
                           course_rows[row].name, children_answer[i].name, way,
                           outcome.op_ret, outcome.op_errno);
            }
}

/* Values are shared by the threads: those that an answer may take apart, to put
 * them together again, are left to the walk. */
static bool
shareable(const row_t *row)
{
    for (int d = DOWN; d <= UP; d++)
        for (int i = 0; i < row->params_len[d]; i++)
            if (row->params[d][i].kind == K_DIRENTS)
                return false;
    return true;
}

static void *
storm(void *arg)
{
    xlator_t *this = arg;
    const char *skip = option(this, "skip", "");
    int calls = option_int(this, "calls", 10000);

    THIS = this;
    for (int i = 0; i < calls; i++) {
        int row = i % course_rows_len;
        if (shareable(&course_rows[row]) &&
            !listed(skip, course_rows[row].name) &&
            !ask(this, FIRST_CHILD(this), row))
            break;
    }
    return NULL;
}

static void
mode_storm(xlator_t *this)
{
    enum { THREADS = 4 };
    int64_t stacks = this->ctx->pool->cnt;
    pthread_t threads[THREADS];

    course_checking = false;
    for (int row = 0; row < course_rows_len; row++)
        build(row, FULL);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, storm, this);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int row = 0; row < course_rows_len; row++)
        discard(row);
    settle(this, stacks);
}

/* The request that sleeps, on a thread of its own. */
typedef struct {
    xlator_t *this;
    int row;
    uint64_t unique;
    int64_t took;
    _Atomic bool over;
} sleeper_t;

static void *
sleep_through(void *arg)
{
    sleeper_t *s = arg;
    int64_t start = now();

    THIS = s->this;
    ask_as(s->this, FIRST_CHILD(s->this), s->row, s->unique);
    s->took = now() - start;
    s->over = true;
    return NULL;
}

static void
mode_block(xlator_t *this)
{
    int row = course_row(option(this, "fops", "lookup"));
    uint64_t uniques[] = {COURSE_SLEEP_DOWN, COURSE_SLEEP_UP};

    course_checking = false;
    build(row, FULL);
    for (int i = 0; i < 100; i++)
        ask(this, FIRST_CHILD(this), row);
    for (int i = 0; i < 2; i++) {
        sleeper_t s = {.this = this, .row = row, .unique = uniques[i]};
        int64_t start, took, longest = 0;
        int requests = 0;
        pthread_t thread;

        pthread_create(&thread, NULL, sleep_through, &s);
        usleep(50000);
        while (!s.over) {
            start = now();
            ask(this, FIRST_CHILD(this), row);
            took = now() - start;
            if (!s.over || took > 500000000) {
                longest = max(longest, took);
                requests++;
            }
            usleep(500);
        }
        pthread_join(thread, NULL);
        course_say("{\"block\": {\"where\": \"%s\", \"slept_ms\": %.1f, "
                   "\"requests\": %d, \"longest_ms\": %.3f}}",
                   uniques[i] == COURSE_SLEEP_UP ? "parent" : "child",
                   s.took / 1e6, requests, longest / 1e6);
    }
}

/* A table of fops is an array of pointers; GF_FOP_ numbers count from 1. */
static void *
slot(xlator_t *xl, int index)
{
    return ((void **)xl->fops)[index - 1];
}

/* What is GlusterFS's own default: what a translator without fops has, and,
 * where libglusterfs exports it, the function default_<fop>. */
static void
mode_slots(xlator_t *this)
{
    const char *name = option(this, "plain", "plain");
    xlator_t *plain = NULL;
    char symbol[64];
    void *exported;

    for (xlator_list_t *c = this->children; c; c = c->next)
        if (strcmp(c->xlator->name, name) == 0)
            plain = c->xlator;
    for (xlator_list_t *c = this->children; c; c = c->next) {
        course_say("{\"table\": {\"child\": \"%s\", \"address\": \"%p\"}}",
                   c->xlator->name, c->xlator->fops);
        for (int row = 0; row < course_rows_len; row++) {
            const row_t *r = &course_rows[row];
            snprintf(symbol, sizeof(symbol), "default_%s", r->name);
            exported = dlsym(RTLD_DEFAULT, symbol);
            course_say("{\"slot\": {\"child\": \"%s\", \"fop\": \"%s\", "
                       "\"default\": %s}}",
                       c->xlator->name, r->name,
                       slot(c->xlator, r->index) == slot(plain, r->index) &&
                               (!exported ||
                                exported == slot(c->xlator, r->index))
                           ? "true"
                           : "false");
        }
    }
}

static const struct {
    const char *name;
    void (*run)(xlator_t *this);
} modes[] = {
    {"course", mode_course}, {"keep", mode_keep},   {"mutants", mode_mutants},
    {"count", mode_count},   {"block", mode_block}, {"slots", mode_slots},
    {"storm", mode_storm},   {"answers", mode_answers},
};

static void
run(xlator_t *this, const char *mode)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
        if (strcmp(modes[i].name, mode) == 0) {
            modes[i].run(this);
            return;
        }
    course_fail(-1, -1, -1, "mode", "one of driver.c", mode);
}
