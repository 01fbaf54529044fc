/*
 * A translator with a lock of its own.  It holds the lock around its unrefs and around
 * the wind of a statfs, and takes it when it hears of a forget, as translators do that
 * keep a list of inodes.
 *
 * An unref may be the last one, which calls the forget of every translator: whoever
 * drops one while it holds something that others want under this lock (the GIL) waits
 * for ever.
 */
#include <dlfcn.h>

#include <glusterfs/xlator.h>
#include <glusterfs/defaults.h>

#define KEPT 16

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static inode_t *kept[KEPT];
static unsigned next;
static bool unreffing;

/* Forgets in all, in its own unrefs, and of a thread that holds the GIL. */
static unsigned forgotten, own, gil;

/* Keeps an inode, or NULL, in the place of the oldest one. */
static void
keep(inode_t *inode)
{
    inode_t *oldest;

    pthread_mutex_lock(&lock);
    oldest = kept[next % KEPT];
    kept[next++ % KEPT] = inode ? inode_ref(inode) : NULL;
    unreffing = true;
    if (oldest)
        inode_unref(oldest);
    unreffing = false;
    pthread_mutex_unlock(&lock);
}

static int32_t
mknod_cbk(call_frame_t *frame, void *cookie, xlator_t *this, int32_t op_ret,
          int32_t op_errno, inode_t *inode, struct iatt *buf,
          struct iatt *preparent, struct iatt *postparent, dict_t *xdata)
{
    uint64_t number = 1;

    if (op_ret == 0 && inode_ctx_set(inode, this, &number) == 0)
        keep(inode);
    STACK_UNWIND_STRICT(mknod, frame, op_ret, op_errno, inode, buf, preparent,
                        postparent, xdata);
    return 0;
}

static int32_t
locking_mknod(call_frame_t *frame, xlator_t *this, loc_t *loc, mode_t mode,
              dev_t dev, mode_t umask, dict_t *xdata)
{
    STACK_WIND(frame, mknod_cbk, FIRST_CHILD(this),
               FIRST_CHILD(this)->fops->mknod, loc, mode, dev, umask, xdata);
    return 0;
}

static int32_t
locking_statfs(call_frame_t *frame, xlator_t *this, loc_t *loc, dict_t *xdata)
{
    pthread_mutex_lock(&lock);
    usleep(1000); /* others come meanwhile, and wait for the lock */
    STACK_WIND_TAIL(frame, FIRST_CHILD(this), FIRST_CHILD(this)->fops->statfs,
                    loc, xdata);
    pthread_mutex_unlock(&lock);
    return 0;
}

/* Asks for the end: lets go of all that is kept. */
static int32_t
locking_setxattr(call_frame_t *frame, xlator_t *this, loc_t *loc, dict_t *dict,
                 int32_t flags, dict_t *xdata)
{
    for (unsigned i = 0; i < KEPT; i++)
        keep(NULL);
    gf_log(this->name, GF_LOG_INFO, "forgotten: %u own: %u gil: %u", forgotten,
           own, gil);
    STACK_WIND_TAIL(frame, FIRST_CHILD(this), FIRST_CHILD(this)->fops->setxattr,
                    loc, dict, flags, xdata);
    return 0;
}

static int32_t
locking_forget(xlator_t *this, inode_t *inode)
{
    int (*has_gil)(void) = dlsym(RTLD_DEFAULT, "PyGILState_Check");

    pthread_mutex_lock(&lock);
    forgotten++;
    own += unreffing;
    gil += has_gil && has_gil();
    pthread_mutex_unlock(&lock);
    return 0;
}

static int32_t
init(xlator_t *this)
{
    return 0;
}

static struct xlator_fops fops = {
    .mknod = locking_mknod,
    .statfs = locking_statfs,
    .setxattr = locking_setxattr,
};

static struct xlator_cbks cbks = {
    .forget = locking_forget,
};

xlator_api_t xlator_api = {
    .init = init,
    .fops = &fops,
    .cbks = &cbks,
    .identifier = "course-locking",
    .category = GF_EXPERIMENTAL,
};
