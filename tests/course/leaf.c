/*
 * The bottom of the course: checks what arrives, answers with known values.
 *
 *   option answer now      inside the wind (the default)
 *   option answer later    from another thread, when the wind has returned
 *
 * A thread that measures (course_batch) says itself what is answered, and when.
 */
#include "values.h"

#include <unistd.h>

/* The answer that is still owed: the course asks for one thing at a time. */
static struct {
    sem_t asked;
    int row;
    call_frame_t *frame;
    answer_t give;
} owed;

static int32_t
answer(int row, call_frame_t *frame, answer_t give)
{
    batch_t *batch = course_batch;

    if (batch) {
        if (batch->later)
            batch->owed[batch->len++] = (owed_t){frame, give};
        else
            give(frame, &batch->with);
        return 0;
    }
    if (frame->root->unique == COURSE_SLEEP_DOWN)
        sleep(1);
    if (!course_later) {
        give(frame, &course_lists[row][UP]);
        return 0;
    }
    owed.row = row;
    owed.frame = frame;
    owed.give = give;
    sem_post(&owed.asked);
    return 0;
}

static void *
answer_later(void *leaf)
{
    for (;;) {
        sem_wait(&owed.asked);
        sem_wait(&course_wound);
        THIS = leaf;
        owed.give(owed.frame, &course_lists[owed.row][UP]);
        sem_post(&course_given);
    }
    return NULL;
}

/* For every fop the function that checks, and its answer; and their table. */
#include "leaf.inc"

static int32_t
init(xlator_t *this)
{
    char *answer = NULL;
    pthread_t thread;

    if (dict_get_str(this->options, "answer", &answer) == 0 &&
        strcmp(answer, "later") == 0) {
        course_later = true;
        sem_init(&owed.asked, 0, 0);
        return pthread_create(&thread, NULL, answer_later, this);
    }
    return 0;
}

/* The bottom of a graph is where PARENT_UP turns into CHILD_UP. */
static int32_t
notify(xlator_t *this, int32_t event, void *data, ...)
{
    if (event == GF_EVENT_PARENT_UP)
        event = GF_EVENT_CHILD_UP;
    return default_notify(this, event, data);
}

static struct xlator_cbks cbks;
static struct volume_options options[] = {
    {.key = {"answer"}, .type = GF_OPTION_TYPE_STR},
    {.key = {NULL}},
};

xlator_api_t xlator_api = {
    .init = init,
    .notify = notify,
    .fops = &leaf_fops,
    .cbks = &cbks,
    .options = options,
    .identifier = "course-leaf",
    .category = GF_EXPERIMENTAL,
};
