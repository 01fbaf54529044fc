/*
 * Lets libgfapi use storage/posix in its own process, without io-threads, whose change of
 * threads takes longer, and varies more, than all that is to be measured.
 */
#include <glusterfs/xlator.h>
#include <glusterfs/defaults.h>

/* posix wants the gfid in the loc; other translators take it from the inode. */
static int32_t
context_lookup(call_frame_t *frame, xlator_t *this, loc_t *loc, dict_t *xdata)
{
    if (gf_uuid_is_null(loc->gfid) && loc->inode)
        gf_uuid_copy(loc->gfid, loc->inode->gfid);
    STACK_WIND_TAIL(frame, FIRST_CHILD(this), FIRST_CHILD(this)->fops->lookup, loc, xdata);
    return 0;
}

/* Comes before that of the translators below.  posix crashes in its init without these
 * lists, which only GlusterFS's daemons make. */
static int32_t
init(xlator_t *this)
{
    if (!this->ctx->janitor_fds.next)
        INIT_LIST_HEAD(&this->ctx->janitor_fds);
    if (!this->ctx->diskth_xl.next)
        INIT_LIST_HEAD(&this->ctx->diskth_xl);
    return 0;
}

static struct xlator_fops fops = {.lookup = context_lookup};
static struct xlator_cbks cbks;

xlator_api_t xlator_api = {
    .init = init,
    .fops = &fops,
    .cbks = &cbks,
    .identifier = "bench-context",
    .category = GF_EXPERIMENTAL,
};
