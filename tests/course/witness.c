/*
 * A pass-through that can tell what it has seen, in C's own words.
 *
 * After witness_watch(1) every call and every answer on that thread is described in
 * JSON: structures field by field, as the bytes that they have in memory, dicts with
 * what the typed functions of dict.h read of each value.  witness_said() gives the
 * latest description; tests/properties holds it against what Python has made.
 */
#include "values.h"
#include "fields.h"

static __thread bool watching;
static __thread char *said[2];
static __thread size_t said_len[2];
static __thread int64_t passed;
static __thread call_stack_t *stack; /* of the latest call */

void
witness_watch(int on)
{
    watching = on;
}

/* The latest call (0) or answer (1); NULL when there was none since the last look. */
const char *
witness_said(int direction)
{
    static __thread char *given;

    free(given);
    given = said[direction];
    said[direction] = NULL;
    return given;
}

/* How many calls this thread has brought here. */
int64_t
witness_passed(void)
{
    return passed;
}

#ifdef GD_OP_VERSION_11_0 /* GlusterFS 11 and newer */
#define DESTROY(frame) FRAME_DESTROY(frame, _gf_false)
#else
#define DESTROY(frame) FRAME_DESTROY(frame)
#endif

/* Frees the frames that answered calls have left in their request.  GlusterFS does so
 * when the request ends, but that of the checks is a long one. */
void
witness_sweep(void)
{
    call_frame_t *frame, *next;

    if (!stack)
        return;
    list_for_each_entry_safe(frame, next, &stack->myframes, frames)
    {
        if (frame->complete && frame->parent)
            DESTROY(frame);
    }
    stack = NULL;
}

static FILE *
begin(direction_t direction, const char *fop)
{
    FILE *f;

    free(said[direction]);
    f = open_memstream(&said[direction], &said_len[direction]);
    fprintf(f, "{\"fop\": \"%s\"", fop);
    return f;
}

static void
end(FILE *f)
{
    fputc('}', f);
    fclose(f);
}

static void
hex(FILE *f, const void *data, size_t len)
{
    const uint8_t *p = data;

    fputc('"', f);
    for (size_t i = 0; i < len; i++)
        fprintf(f, "%02x", p[i]);
    fputc('"', f);
}

/* Each of these writes a value; a NULL becomes null. */

static void
say_str(FILE *f, const char *s)
{
    if (s)
        hex(f, s, strlen(s));
    else
        fputs("null", f);
}

static void
say_fields(FILE *f, const field_t *fields, size_t n, const void *from)
{
    if (!from) {
        fputs("null", f);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "%s\"%s\": ", i ? ", " : "{", fields[i].name);
        hex(f, (char *)from + fields[i].offset, fields[i].size);
    }
    fputc('}', f);
}

static void
say_iatt(FILE *f, const struct iatt *iatt)
{
    say_fields(f, iatt_fields, LEN(iatt_fields), iatt);
}

static void
say_lease(FILE *f, const struct gf_lease *lease)
{
    say_fields(f, lease_fields, LEN(lease_fields), lease);
}

static void
say_statvfs(FILE *f, const struct statvfs *statvfs)
{
    say_fields(f, statvfs_fields, LEN(statvfs_fields), statvfs);
}

/* The owner's data as far as its length says; the last two fields are left out. */
static void
say_flock(FILE *f, const struct gf_flock *flock)
{
    if (!flock) {
        fputs("null", f);
        return;
    }
    fputs("{\"fields\": ", f);
    say_fields(f, flock_fields, LEN(flock_fields) - 2, flock);
    fputs(", \"l_owner\": ", f);
    hex(f, flock->l_owner.data, flock->l_owner.len);
    fputc('}', f);
}

static void
say_inode(FILE *f, const inode_t *inode)
{
    if (!inode) {
        fputs("null", f);
        return;
    }
    fprintf(f, "{\"at\": %" PRIu64 ", \"refs\": %u, \"ia_type\": %d, \"gfid\": ",
            (uint64_t)inode, (unsigned)inode->ref, inode->ia_type);
    hex(f, inode->gfid, sizeof(inode->gfid));
    fputc('}', f);
}

static void
say_fd(FILE *f, fd_t *fd)
{
    if (!fd) {
        fputs("null", f);
        return;
    }
    fprintf(f,
            "{\"at\": %" PRIu64 ", \"refs\": %" PRIu64 ", \"pid\": %" PRIu64
            ", \"flags\": %d, \"anonymous\": %s, \"inode\": ",
            (uint64_t)fd, (uint64_t)GF_ATOMIC_GET(fd->refcount), fd->pid,
            fd->flags, fd->anonymous ? "true" : "false");
    say_inode(f, fd->inode);
    fputc('}', f);
}

static void
say_loc(FILE *f, const loc_t *loc)
{
    if (!loc) {
        fputs("null", f);
        return;
    }
    fputs("{\"path\": ", f);
    say_str(f, loc->path);
    fputs(", \"name\": ", f);
    say_str(f, loc->name);
    fputs(", \"gfid\": ", f);
    hex(f, loc->gfid, sizeof(loc->gfid));
    fputs(", \"pargfid\": ", f);
    hex(f, loc->pargfid, sizeof(loc->pargfid));
    fputs(", \"inode\": ", f);
    say_inode(f, loc->inode);
    fputs(", \"parent\": ", f);
    say_inode(f, loc->parent);
    fputc('}', f);
}

/* What the typed function for the value's own type reads; null where it fails. */
static void
say_typed(FILE *f, dict_t *dict, char *key, data_t *value)
{
    union {
        int64_t i;
        uint64_t u;
        double d;
        char *s;
        uuid_t gfid;
        struct iatt iatt;
    } v;
    int failed = -1;

    switch (value->data_type) {
        case GF_DATA_TYPE_INT:
            if ((failed = dict_get_int64(dict, key, &v.i)) == 0)
                fprintf(f, "%" PRId64, v.i);
            break;
        case GF_DATA_TYPE_UINT:
            if ((failed = dict_get_uint64(dict, key, &v.u)) == 0)
                fprintf(f, "%" PRIu64, v.u);
            break;
        case GF_DATA_TYPE_DOUBLE:
            if ((failed = dict_get_double(dict, key, &v.d)) == 0)
                fprintf(f, "\"%a\"", v.d);
            break;
        case GF_DATA_TYPE_STR:
            if ((failed = dict_get_str(dict, key, &v.s)) == 0)
                say_str(f, v.s);
            break;
        case GF_DATA_TYPE_GFUUID:
            if ((failed = dict_get_gfuuid(dict, key, &v.gfid)) == 0)
                hex(f, v.gfid, sizeof(v.gfid));
            break;
        case GF_DATA_TYPE_IATT:
            if ((failed = dict_get_iatt(dict, key, &v.iatt)) == 0)
                say_iatt(f, &v.iatt);
            break;
        default:
            break;
    }
    if (failed)
        fputs("null", f);
}

/* dict_foreach takes no lock, so the typed functions may. */
static int
say_pair(dict_t *dict, char *key, data_t *value, void *to)
{
    FILE *f = to;

    fputs(", [", f);
    say_str(f, key);
    fprintf(f, ", %d, ", value->data_type);
    hex(f, value->data, value->len);
    fputs(", ", f);
    say_typed(f, dict, key, value);
    fputc(']', f);
    return 0;
}

static void
say_dict(FILE *f, dict_t *dict)
{
    if (!dict) {
        fputs("null", f);
        return;
    }
    fprintf(f, "{\"at\": %" PRIu64 ", \"refs\": %" PRIu64 ", \"pairs\": [null",
            (uint64_t)dict, (uint64_t)GF_ATOMIC_GET(dict->refcount));
    dict_foreach(dict, say_pair, f);
    fputs("]}", f);
}

static void
say_iobref(FILE *f, struct iobref *iobref)
{
    if (iobref)
        fprintf(f,
                "{\"at\": %" PRIu64 ", \"refs\": %" PRIu64
                ", \"used\": %d, \"size\": %zu}",
                (uint64_t)iobref, (uint64_t)GF_ATOMIC_GET(iobref->ref),
                iobref->used, iobref_size(iobref));
    else
        fputs("null", f);
}

static void
say_iovec(FILE *f, const struct iovec *vector, int count)
{
    if (!vector) {
        fputs("null", f);
        return;
    }
    fputc('[', f);
    for (int i = 0; i < count; i++) {
        fputs(i ? ", " : "", f);
        hex(f, vector[i].iov_base, vector[i].iov_len);
    }
    fputc(']', f);
}

static void
say_dirents(FILE *f, gf_dirent_t *head)
{
    gf_dirent_t *entry;
    const char *comma = "";

    if (!head) {
        fputs("null", f);
        return;
    }
    fputc('[', f);
    list_for_each_entry(entry, &head->list, list)
    {
        fprintf(f,
                "%s{\"d_ino\": %" PRIu64 ", \"d_off\": %" PRIu64
                ", \"d_len\": %u, \"d_type\": %u, \"d_name\": ",
                comma, entry->d_ino, entry->d_off, entry->d_len, entry->d_type);
        say_str(f, entry->d_name);
        fputs(", \"d_stat\": ", f);
        say_iatt(f, &entry->d_stat);
        fputs(", \"dict\": ", f);
        say_dict(f, entry->dict);
        fputs(", \"inode\": ", f);
        say_inode(f, entry->inode);
        fputc('}', f);
        comma = ", ";
    }
    fputc(']', f);
}

static void
say_locklist(FILE *f, lock_migration_info_t *head)
{
    lock_migration_info_t *lock;
    const char *comma = "";

    if (!head) {
        fputs("null", f);
        return;
    }
    fputc('[', f);
    list_for_each_entry(lock, &head->list, list)
    {
        fprintf(f, "%s[", comma);
        say_flock(f, &lock->flock);
        fputs(", ", f);
        say_str(f, lock->client_uid);
        fprintf(f, ", %u]", lock->lk_flags);
        comma = ", ";
    }
    fputc(']', f);
}

static void
say_checksum(FILE *f, const void *checksum)
{
    if (checksum)
        hex(f, checksum, 32);
    else
        fputs("null", f);
}

/* For every fop the function and its callback; and the table of functions. */
#include "witness.inc"

static int32_t
init(xlator_t *this)
{
    return 0;
}

static struct xlator_cbks cbks;
static struct volume_options options[] = {
    {.key = {NULL}},
};

xlator_api_t xlator_api = {
    .init = init,
    .fops = &witness_fops,
    .cbks = &cbks,
    .options = options,
    .identifier = "course-witness",
    .category = GF_EXPERIMENTAL,
};
