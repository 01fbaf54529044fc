/*
 * Two fops that no GlusterFS has, see invented.h: without children this translator
 * implements them, with a child it sends it requests, writes down what comes back, and ends
 * the process.
 */
#include <glusterfs/xlator.h>

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glusterfs/defaults.h>

static FILE *result;

/* ---- the child ---- */

static int32_t
frobnicate(call_frame_t *frame, xlator_t *this, loc_t *loc, struct gf_frob *frob,
           frob_mode_t mode, dict_t *xdata)
{
    struct gf_frob answer = *frob;
    struct iatt buf = {.ia_size = mode};

    answer.cookie *= 2;
    answer.attr.ia_size += strlen(loc->path);
    STACK_UNWIND_STRICT(frobnicate, frame, 0, 0, &answer, &buf, xdata);
    return 0;
}

static int32_t
twist(call_frame_t *frame, xlator_t *this, frob_mode_t mode, struct deep *deep,
      const void *data, dict_t *xdata)
{
    struct deep answer = {.text = deep->text + 1, .frob = deep->frob};

    STACK_UNWIND_STRICT(twist, frame, *(const char *)data, 0, &answer, xdata);
    return 0;
}

/* ---- the parent ---- */

static int32_t
frobnicated(call_frame_t *frame, void *cookie, xlator_t *this, int32_t op_ret,
            int32_t op_errno, struct gf_frob *frob, struct iatt *buf, dict_t *xdata)
{
    fprintf(result, "frobnicate %d %d", op_ret, op_errno);
    if (frob && buf)
        fprintf(result, " %lu %d %d %s %lu %lu", frob->cookie, frob->inner.x, frob->inner.y,
                frob->name, frob->attr.ia_size, buf->ia_size);
    fprintf(result, "\n");
    sem_post(cookie);
    return 0;
}

static int32_t
twisted(call_frame_t *frame, void *cookie, xlator_t *this, int32_t op_ret,
        int32_t op_errno, struct deep *deep, dict_t *xdata)
{
    fprintf(result, "twist %d %d %s\n", op_ret, op_errno, deep ? deep->text : "-");
    sem_post(cookie);
    return 0;
}

static void *
drive(void *data)
{
    xlator_t *this = data, *child = FIRST_CHILD(this);

    THIS = this;
    while (this->ctx->active != this->graph)
        usleep(1000);
    for (frob_mode_t mode = FROB_NOW; mode <= FROB_LATER; mode++) {
        sem_t over;
        loc_t *loc = calloc(1, sizeof(*loc));
        struct gf_frob *frob = calloc(1, sizeof(*frob));
        struct deep *deep = calloc(1, sizeof(*deep));
        char *text = strdup("deeper");
        call_frame_t *frame = create_frame(this, this->ctx->pool);

        sem_init(&over, 0, 0);
        loc->path = strdup("/a/file");
        *frob = (struct gf_frob){.cookie = 20, .name = "frob", .inner = {.x = 3, .y = -7}};
        frob->attr.ia_size = 1000;
        STACK_WIND_COOKIE(frame, frobnicated, &over, child, child->fops->frobnicate, loc,
                          frob, mode, NULL);
        /* The arguments are gone when the call has returned. */
        memset(frob, 0xee, sizeof(*frob));
        sem_wait(&over);
        STACK_DESTROY(frame->root);

        frame = create_frame(this, this->ctx->pool);
        *deep = (struct deep){.text = text, .frob = frob};
        STACK_WIND_COOKIE(frame, twisted, &over, child, child->fops->twist, mode, deep,
                          "\x2a", NULL);
        memset(deep, 0xee, sizeof(*deep));
        sem_wait(&over);
        STACK_DESTROY(frame->root);

        free((char *)loc->path);
        free(loc);
        free(frob);
        free(deep);
        free(text);
    }
    fclose(result);
    kill(getpid(), SIGTERM);
    return NULL;
}

static int32_t
notify(xlator_t *this, int32_t event, void *data, ...)
{
    pthread_t thread;

    if (event == GF_EVENT_CHILD_UP && this->children)
        if (pthread_create(&thread, NULL, drive, this) == 0)
            pthread_detach(thread);
    if (event == GF_EVENT_PARENT_UP && !this->children)
        return default_notify(this, GF_EVENT_CHILD_UP, NULL);
    return default_notify(this, event, data);
}

static int32_t
init(xlator_t *this)
{
    char *path = NULL;

    if (!this->children)
        return 0;
    if (dict_get_str(this->options, "result", &path) || !(result = fopen(path, "w")))
        return -1;
    return 0;
}

static struct xlator_fops fops = {.frobnicate = frobnicate, .twist = twist};
static struct xlator_cbks cbks;
static struct volume_options options[] = {{.key = {"result"}, .type = GF_OPTION_TYPE_PATH},
                                          {.key = {NULL}}};

xlator_api_t xlator_api = {
    .init = init,
    .notify = notify,
    .fops = &fops,
    .cbks = &cbks,
    .options = options,
    .identifier = "invented",
    .category = GF_EXPERIMENTAL,
};
