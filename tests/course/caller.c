/*
 * Calls what nothing in GlusterFS 10.3 calls of a translator like Glupy, the
 * way its headers say, and winds a fop that no mount sends.
 *
 * setxattr of user.put.NAME
 *                put: the file NAME in the directory, with the value as its content
 * setxattr of user.setactivelk
 *                setactivelk with no locks
 * fsyncdir       fd_close() for the directory, as mount/fuse calls it for files
 * getxattr of user.priv_to_dict
 *                the child's priv_to_dict, as glusterd asks protocol/server's;
 *                the answer is what it put into the dict, a line for each key
 */
#include <glusterfs/xlator.h>
#include <glusterfs/defaults.h>

#define NAME "user.priv_to_dict"
#define PUT "user.put."
#define LOCKS "user.setactivelk"

static int
line(dict_t *dict, char *key, data_t *value, void *text)
{
    char *before = *(char **)text;

    if (gf_asprintf((char **)text, "%s%s=%s\n", before, key, value->data) < 0)
        *(char **)text = NULL;
    GF_FREE(before);
    return 0;
}

static int32_t
caller_getxattr(call_frame_t *frame, xlator_t *this, loc_t *loc, const char *name, dict_t *xdata)
{
    xlator_t *child = FIRST_CHILD(this);
    dict_t *said, *answer;
    char *text = gf_strdup("");

    if (!name || strcmp(name, NAME)) {
        GF_FREE(text);
        STACK_WIND_TAIL(frame, child, child->fops->getxattr, loc, name, xdata);
        return 0;
    }
    said = dict_new();
    answer = dict_new();
    child->dumpops->priv_to_dict(child, said, "brick");
    dict_foreach(said, line, &text);
    if (dict_set_dynstr(answer, NAME, text))
        STACK_UNWIND_STRICT(getxattr, frame, -1, ENOMEM, NULL, NULL);
    else
        STACK_UNWIND_STRICT(getxattr, frame, strlen(text), 0, answer, NULL);
    dict_unref(answer);
    dict_unref(said);
    return 0;
}

static int32_t
caller_put_cbk(call_frame_t *frame, void *cookie, xlator_t *this, int32_t op_ret, int32_t op_errno,
               inode_t *inode, struct iatt *buf, struct iatt *preparent, struct iatt *postparent,
               dict_t *xdata)
{
    op_ret = op_ret < 0 ? -1 : 0;
    STACK_UNWIND_STRICT(setxattr, frame, op_ret, op_errno, NULL);
    return 0;
}

static int32_t
caller_setactivelk_cbk(call_frame_t *frame, void *cookie, xlator_t *this, int32_t op_ret,
                       int32_t op_errno, dict_t *xdata)
{
    STACK_UNWIND_STRICT(setxattr, frame, op_ret, op_errno, NULL);
    return 0;
}

/* GlusterFS's own data_pair_t differs from version to version. */
typedef struct {
    char *key;
    data_t *value;
} pair_t;

/* The first pair is what is looked for. */
static int
first(dict_t *dict, char *key, data_t *value, void *found)
{
    *(pair_t *)found = (pair_t){.key = key, .value = value};
    return -1;
}

static int32_t
caller_setxattr(call_frame_t *frame, xlator_t *this, loc_t *loc, dict_t *dict, int32_t flags,
                dict_t *xdata)
{
    xlator_t *child = FIRST_CHILD(this);
    lock_migration_info_t none = {0};
    pair_t pair = {0};
    loc_t file = {0};
    dict_t *request, *xattr;
    struct iobuf *iobuf;
    struct iobref *iobref;
    struct iovec vector;
    uuid_t gfid;

    dict_foreach(dict, first, &pair);
    if (pair.key && !strcmp(pair.key, LOCKS)) {
        INIT_LIST_HEAD(&none.list);
        STACK_WIND(frame, caller_setactivelk_cbk, child, child->fops->setactivelk, loc, &none,
                   NULL);
        return 0;
    }
    if (!pair.key || strncmp(pair.key, PUT, strlen(PUT))) {
        STACK_WIND_TAIL(frame, child, child->fops->setxattr, loc, dict, flags, xdata);
        return 0;
    }
    file.parent = inode_ref(loc->inode);
    gf_uuid_copy(file.pargfid, loc->inode->gfid);
    file.inode = inode_new(loc->inode->table);
    inode_path(loc->inode, pair.key + strlen(PUT), (char **)&file.path);
    file.name = strrchr(file.path, '/') + 1;
    iobuf = iobuf_get2(this->ctx->iobuf_pool, pair.value->len);
    iobref = iobref_new();
    iobref_add(iobref, iobuf);
    memcpy(iobuf->ptr, pair.value->data, pair.value->len);
    vector = (struct iovec){.iov_base = iobuf->ptr, .iov_len = pair.value->len};
    request = dict_new();
    xattr = dict_new();
    gf_uuid_generate(gfid);
    if (dict_set_gfuuid(request, "gfid-req", gfid, true))
        STACK_UNWIND_STRICT(setxattr, frame, -1, ENOMEM, NULL);
    else
        STACK_WIND(frame, caller_put_cbk, child, child->fops->put, &file, S_IFREG | 0644, 0,
                   O_CREAT | O_RDWR, &vector, 1, 0, iobref, xattr, request);
    dict_unref(xattr);
    dict_unref(request);
    iobref_unref(iobref);
    iobuf_unref(iobuf);
    loc_wipe(&file);
    return 0;
}

static int32_t
caller_fsyncdir(call_frame_t *frame, xlator_t *this, fd_t *fd, int32_t flags, dict_t *xdata)
{
    fd_close(fd);
    STACK_WIND_TAIL(frame, FIRST_CHILD(this), FIRST_CHILD(this)->fops->fsyncdir, fd, flags, xdata);
    return 0;
}

static int32_t
init(xlator_t *this)
{
    return 0;
}

static struct xlator_fops fops = {
    .getxattr = caller_getxattr,
    .setxattr = caller_setxattr,
    .fsyncdir = caller_fsyncdir,
};
static struct xlator_cbks cbks;

xlator_api_t xlator_api = {
    .init = init,
    .fops = &fops,
    .cbks = &cbks,
    .identifier = "course-caller",
    .category = GF_EXPERIMENTAL,
};
