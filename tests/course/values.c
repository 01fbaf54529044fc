/*
 * Known values: made, compared and reported.  See values.h.
 */
#include "values.h"
#include "fields.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>

#include "rows.inc"

list_t course_lists[sizeof(course_rows) / sizeof(course_rows[0])][2];

bool course_checking = true;
bool course_contents;
int course_mutation = -1;
bool course_later;
sem_t course_wound, course_given;
__thread batch_t *course_batch;
bool course_ascii;
int course_bytes, course_entries;

static xlator_t *owner;         /* the driver */
static inode_table_t *table;    /* of every inode in the course */

/* ------------------------------------------------------------------------
 * The numbers.  values.py has these three functions too.
 */

/* The k-th number of a value.  The multiplier is odd, so different (seed, k)
 * give different words, and different low 32 bits; every byte of a word is
 * used, so that a truncated or sign-extended one shows. */
static uint64_t
word(int seed, int k)
{
    return (uint64_t)(seed * 32 + k) * 0x9E3779B97F4A7C15ULL;
}

static void
bytes(int seed, int k, void *to, size_t len)
{
    uint8_t *p = to;
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)((word(seed, k) >> (8 * (i % 8))) + i);
}

/* A name that is not ASCII, and not UTF-8 either, unless told. */
static char *
text(const char *what, int seed)
{
    char *s = NULL;
    const char *rest = course_ascii ? "" : "-\xc3\xa9-\xff";

    if (asprintf(&s, "%s-%d%s", what, seed, rest) < 0)
        abort();
    return s;
}

/* Every byte of struct iatt is a field's: nothing in it goes unchecked. */
_Static_assert(sizeof(struct iatt) == 152, "a field of iatt is not compared");

static void
fill(void *base, const field_t *fields, size_t n, int seed)
{
    for (size_t i = 0; i < n; i++)
        bytes(seed, i + 1, (char *)base + fields[i].offset, fields[i].size);
}

/* Types must be types, and protection has three bits in each byte. */
static void
fill_iatt(struct iatt *iatt, int seed)
{
    uint8_t *prot = (uint8_t *)&iatt->ia_prot;

    fill(iatt, iatt_fields, LEN(iatt_fields), seed);
    iatt->ia_type = 1 + seed % 7;
    for (size_t i = 0; i < sizeof(iatt->ia_prot); i++)
        prot[i] &= 7;
}

static void
fill_flock(struct gf_flock *flock, int seed)
{
    memset(flock, 0, sizeof(*flock));
    fill(flock, flock_fields, LEN(flock_fields), seed);
    flock->l_owner.len = OWNER_LEN;
}

/* ------------------------------------------------------------------------
 * Objects with a reference count: they live as long as the process, held by
 * one reference of ours, so that leaked and lost references can be counted.
 */

typedef struct object {
    kind_t kind;
    int seed;
    void *pointer;
    int64_t refs; /* ours, and those of other objects of ours */
    struct object *next;
} object_t;

static object_t *objects;

static int64_t
refs_of(const object_t *o)
{
    switch (o->kind) {
        case K_INODE:
            return ((inode_t *)o->pointer)->ref;
        case K_FD:
            return GF_ATOMIC_GET(((fd_t *)o->pointer)->refcount);
        case K_DICT:
            return GF_ATOMIC_GET(((dict_t *)o->pointer)->refcount);
        default:
            return GF_ATOMIC_GET(((struct iobref *)o->pointer)->ref);
    }
}

static void *
keep(kind_t kind, int seed, void *pointer)
{
    object_t *o = calloc(1, sizeof(*o));

    if (!pointer || !o)
        abort();
    *o = (object_t){.kind = kind, .seed = seed, .pointer = pointer,
                    .next = objects};
    o->refs = refs_of(o);
    objects = o;
    return pointer;
}

static inode_t *
make_inode(int seed)
{
    inode_t *inode = inode_new(table);

    bytes(seed, 1, inode->gfid, sizeof(inode->gfid));
    inode->ia_type = 1 + seed % 7;
    return keep(K_INODE, seed, inode);
}

static fd_t *
make_fd(int seed)
{
    inode_t *inode = inode_new(table);
    fd_t *fd;

    bytes(seed + 1, 1, inode->gfid, sizeof(inode->gfid));
    inode->ia_type = 1 + (seed + 1) % 7;
    fd = fd_create(inode, 0);
    fd->pid = word(seed, 1);
    fd->flags = (int32_t)word(seed, 2);
    keep(K_INODE, seed, inode);
    return keep(K_FD, seed, fd);
}

/* A string, a number and bytes: three of the types that a dict can hold. */
static dict_t *
make_dict(int seed)
{
    dict_t *dict = dict_new();
    char *string = text("data", seed);
    char *blob = GF_MALLOC(20, gf_common_mt_char);
    char key[64];
    int failed = 0;

    bytes(seed, 1, blob, 20);
    snprintf(key, sizeof(key), "course.%d.string", seed);
    failed |= dict_set_dynstr_with_alloc(dict, key, string);
    snprintf(key, sizeof(key), "course.%d.number", seed);
    failed |= dict_set_uint64(dict, key, word(seed, 2));
    snprintf(key, sizeof(key), "course.%d.bytes", seed);
    failed |= dict_set_bin(dict, key, blob, 20);
    if (failed)
        abort();
    free(string);
    return keep(K_DICT, seed, dict);
}

/* ------------------------------------------------------------------------
 * Making values.
 */

#define IOBUF_SIZE 2048 /* a size that iobuf_get2 gives as it is */
#define VECTORS 3
#define ENTRY_COUNT 3
#define LOCK_COUNT 3

/* What a struct iovec * points to, and the buffer that it points into. */
typedef struct {
    struct iovec vector[VECTORS];
    struct iobuf *iobuf;
    size_t size;
} vectors_t;

static int
vectors(void)
{
    return course_bytes ? 1 : VECTORS;
}

static int
entries(void)
{
    return course_entries ? course_entries : ENTRY_COUNT;
}

static vectors_t *
make_vectors(int seed)
{
    vectors_t *v = calloc(1, sizeof(*v));
    char *at;

    for (int i = 0; i < vectors(); i++) {
        v->vector[i].iov_len = course_bytes ? course_bytes : 100 * (i + 1) + seed % 100;
        v->size += v->vector[i].iov_len;
    }
    v->iobuf = iobuf_get2(owner->ctx->iobuf_pool, course_bytes ? course_bytes : IOBUF_SIZE);
    at = iobuf_ptr(v->iobuf);
    for (int i = 0; i < vectors(); i++) {
        v->vector[i].iov_base = at;
        bytes(seed, i + 1, at, v->vector[i].iov_len);
        at += v->vector[i].iov_len;
    }
    return v;
}

/* The iobref owns the buffer of the vector beside it, as it does in a
 * request; one that stands alone gets a buffer for itself. */
static struct iobref *
make_iobref(const row_t *row, direction_t direction, int param)
{
    int seed = row->params[direction][param].seed;
    struct iobref *iobref = iobref_new();
    struct iobuf *iobuf = NULL;

    for (int i = 0; i < row->params_len[direction]; i++) {
        value_t *v = &course_lists[row - course_rows][direction].values[i];
        if (row->params[direction][i].kind == K_IOVEC && v->pointer)
            iobuf = ((vectors_t *)v->pointer)->iobuf;
    }
    if (iobuf) {
        iobref_add(iobref, iobuf);
    } else {
        iobuf = iobuf_get2(owner->ctx->iobuf_pool, IOBUF_SIZE);
        iobref_add(iobref, iobuf);
        iobuf_unref(iobuf);
    }
    return keep(K_IOBREF, seed, iobref);
}

static loc_t *
make_loc(int seed)
{
    loc_t *loc = calloc(1, sizeof(*loc));
    char *path = NULL, *name = text("name", seed);

    if (asprintf(&path, "/dir-%d/%s", seed, name) < 0)
        abort();
    free(name);
    loc->path = path;
    loc->name = strrchr(path, '/') + 1;
    loc->inode = make_inode(seed + 1);
    loc->parent = make_inode(seed + 2);
    bytes(seed, 1, loc->gfid, sizeof(loc->gfid));
    bytes(seed, 2, loc->pargfid, sizeof(loc->pargfid));
    return loc;
}

/* Entry i of a list; its dict and inode are references of the entry's own. */
static gf_dirent_t *
make_entry(int seed)
{
    char *name = text("entry", seed);
    gf_dirent_t *entry = gf_dirent_for_name(name);

    entry->d_ino = word(seed, 1);
    entry->d_off = word(seed, 2);
    entry->d_len = strlen(name);
    entry->d_type = (uint32_t)word(seed, 3);
    fill_iatt(&entry->d_stat, seed);
    entry->dict = dict_ref(make_dict(seed));
    entry->inode = inode_ref(make_inode(seed));
    free(name);
    return entry;
}

static gf_dirent_t *
make_dirents(int seed)
{
    gf_dirent_t *head = calloc(1, sizeof(*head));

    INIT_LIST_HEAD(&head->list);
    for (int i = 0; i < entries(); i++)
        list_add_tail(&make_entry(seed + i)->list, &head->list);
    return head;
}

static lock_migration_info_t *
make_locklist(int seed)
{
    lock_migration_info_t *head = calloc(1, sizeof(*head)), *lock;

    INIT_LIST_HEAD(&head->list);
    for (int i = 0; i < LOCK_COUNT; i++) {
        lock = calloc(1, sizeof(*lock));
        fill_flock(&lock->flock, seed + i);
        lock->client_uid = text("client", seed + i);
        lock->lk_flags = (uint32_t)word(seed + i, 10);
        list_add_tail(&lock->list, &head->list);
    }
    return head;
}

static value_t
make(const row_t *row, direction_t direction, int param)
{
    const param_t *p = &row->params[direction][param];
    struct gf_flock *flock;
    struct gf_lease *lease;
    struct statvfs *statvfs;
    struct iatt *iatt;
    uint8_t *checksum;

    switch (p->kind) {
        case K_I32:
            return NUMBER((int32_t)word(p->seed, 1));
        case K_U32:
            return NUMBER((uint32_t)word(p->seed, 1));
        case K_I64:
        case K_U64:
            return NUMBER(word(p->seed, 1));
        case K_COUNT:
            return NUMBER(vectors());
        case K_STR:
            return POINTER(text(p->name, p->seed));
        case K_LOC:
            return POINTER(make_loc(p->seed));
        case K_INODE:
            return POINTER(make_inode(p->seed));
        case K_FD:
            return POINTER(make_fd(p->seed));
        case K_DICT:
            return POINTER(make_dict(p->seed));
        case K_IOBREF:
            return POINTER(make_iobref(row, direction, param));
        case K_IOVEC:
            return POINTER(make_vectors(p->seed));
        case K_DIRENTS:
            return POINTER(make_dirents(p->seed));
        case K_LOCKLIST:
            return POINTER(make_locklist(p->seed));
        case K_IATT:
            iatt = calloc(1, sizeof(*iatt));
            fill_iatt(iatt, p->seed);
            return POINTER(iatt);
        case K_FLOCK:
            flock = calloc(1, sizeof(*flock));
            fill_flock(flock, p->seed);
            return POINTER(flock);
        case K_LEASE:
            lease = calloc(1, sizeof(*lease));
            fill(lease, lease_fields, LEN(lease_fields), p->seed);
            return POINTER(lease);
        case K_STATVFS:
            statvfs = calloc(1, sizeof(*statvfs));
            fill(statvfs, statvfs_fields, LEN(statvfs_fields), p->seed);
            return POINTER(statvfs);
        case K_CHECKSUM:
            checksum = calloc(1, 32);
            bytes(p->seed, 1, checksum, 32);
            return POINTER(checksum);
    }
    abort();
}

/* Whether a value of this kind and name is NULL in this round. */
static bool
absent(const param_t *p, direction_t direction, round_t round)
{
    if (round == FULL)
        return false;
    if (direction == DOWN) /* only what callers do leave out */
        return p->kind == K_DICT && strcmp(p->name, "xdata") == 0;
    return p->kind >= K_STR || p->kind == K_COUNT;
}

/* What a success counts: the bytes or the entries of the answer.  Where there
 * is nothing to count in it, any number will do. */
static int32_t
op_ret(const row_t *row, const list_t *list)
{
    const value_t *v = list->values;

    if (row->op_ret != STATUS) {
        for (int i = 0; i < row->params_len[UP]; i++) {
            switch (row->params[UP][i].kind) {
                case K_IOVEC:
                    return v[i].pointer ? ((vectors_t *)v[i].pointer)->size : 0;
                case K_STR:
                    return v[i].pointer ? strlen(v[i].pointer) : 0;
                case K_DIRENTS:
                    return v[i].pointer ? entries() : 0;
                case K_LOCKLIST:
                    return v[i].pointer ? LOCK_COUNT : 0;
                default:
                    break;
            }
        }
    }
    return (int32_t)(word(row->seed, 1) & 0x7fffffff);
}

void
course_build(int r, direction_t direction, round_t round)
{
    const row_t *row = &course_rows[r];
    list_t *list = &course_lists[r][direction];

    memset(list, 0, sizeof(*list));
    for (int i = 0; i < row->params_len[direction]; i++)
        if (!absent(&row->params[direction][i], direction, round))
            list->values[i] = make(row, direction, i);
        else if (round == FAILED && row->params[direction][i].kind == K_COUNT)
            list->values[i].number = -1;

    list->op_errno = 1 + r;
    list->op_ret = round == FAILED ? -1 : op_ret(row, list);
    list->built = true;
}

/* Overwrite before giving back: a handle that still points here is found. */
static void
scrap(void *p, size_t size)
{
    memset(p, 0xdd, size);
    free(p);
}

static void
scrap_string(const char *s)
{
    scrap((char *)s, strlen(s));
}

void
course_free(int r, direction_t direction)
{
    const row_t *row = &course_rows[r];
    list_t *list = &course_lists[r][direction];
    lock_migration_info_t *lock, *next;
    void *p;

    if (!list->built)
        return;
    for (int i = 0; i < row->params_len[direction]; i++) {
        p = list->values[i].pointer;
        if (!p)
            continue;
        switch (row->params[direction][i].kind) {
            case K_STR:
                scrap_string(p);
                break;
            case K_LOC:
                scrap_string(((loc_t *)p)->path);
                scrap(p, sizeof(loc_t));
                break;
            case K_IOVEC:
                iobuf_unref(((vectors_t *)p)->iobuf);
                scrap(p, sizeof(vectors_t));
                break;
            case K_DIRENTS:
                gf_dirent_free(p); /* the entries, not the head */
                scrap(p, sizeof(gf_dirent_t));
                break;
            case K_LOCKLIST:
                list_for_each_entry_safe(
                    lock, next, &((lock_migration_info_t *)p)->list, list)
                {
                    list_del(&lock->list);
                    scrap_string(lock->client_uid);
                    scrap(lock, sizeof(*lock));
                }
                scrap(p, sizeof(*lock));
                break;
            case K_IATT:
                scrap(p, sizeof(struct iatt));
                break;
            case K_FLOCK:
                scrap(p, sizeof(struct gf_flock));
                break;
            case K_LEASE:
                scrap(p, sizeof(struct gf_lease));
                break;
            case K_STATVFS:
                scrap(p, sizeof(struct statvfs));
                break;
            case K_CHECKSUM:
                scrap(p, 32);
                break;
            default: /* objects stay, see keep() */
                break;
        }
    }
    memset(list, 0, sizeof(*list));
}

#define ROOT_GROUPS 3

void
course_root(call_stack_t *root, int row)
{
    int seed = course_rows[row].seed;

    root->uid = (uint32_t)word(seed, 2);
    root->gid = (uint32_t)word(seed, 3);
    /* negative process ids have meanings to some translators */
    root->pid = (int32_t)(word(seed, 4) & 0x7fffffff);
    root->unique = word(seed, 5);
    root->lk_owner.len = OWNER_LEN;
    bytes(seed, 6, root->lk_owner.data, OWNER_LEN);
    root->ngrps = ROOT_GROUPS;
    root->groups = root->groups_small;
    for (int i = 0; i < ROOT_GROUPS; i++)
        root->groups[i] = (uint32_t)word(seed, 7 + i);
}

void
course_begin(xlator_t *driver)
{
    owner = driver;
    sem_init(&course_wound, 0, 0);
    sem_init(&course_given, 0, 0);
    table = inode_table_new(0, driver, 0, 0);
    if (!table)
        abort();
    driver->itable = table;
}

int
course_row(const char *fop)
{
    for (int i = 0; i < course_rows_len; i++)
        if (strcmp(course_rows[i].name, fop) == 0)
            return i;
    return -1;
}

/* ------------------------------------------------------------------------
 * The result file.
 */

static FILE *result;
static pthread_mutex_t result_lock = PTHREAD_MUTEX_INITIALIZER;
static int failures;
static bool quiet;
static unsigned failed[LEN(course_rows)][2];
static unsigned seen[LEN(course_rows)][2];
static int arrivals[LEN(course_rows)], refusals[LEN(course_rows)];

bool
course_result_open(const char *path)
{
    result = fopen(path, "w");
    return result != NULL;
}

void
course_say(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    pthread_mutex_lock(&result_lock);
    vfprintf(result, format, args);
    fputc('\n', result);
    fflush(result);
    pthread_mutex_unlock(&result_lock);
    va_end(args);
}

/* For JSON, and for eyes: what is not plain ASCII as a code. */
static const char *
plain(char *to, size_t size, const char *from)
{
    char *p = to;

    for (; *from && (size_t)(p - to) + 7 < size; from++) {
        unsigned char c = *from;
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            p += sprintf(p, "\\u%04x", c);
        else
            *p++ = c;
    }
    *p = 0;
    return to;
}

void
course_fail(int row, int direction, int param, const char *field,
            const char *expected, const char *got)
{
    static const char *directions[] = {"fop", "cbk"};
    char a[512], b[512];

    if (direction >= 0 && param >= 0)
        failed[row][direction] |= 1u << param;
    if (quiet)
        return;
    failures++;
    course_say("{\"failure\": {\"fop\": \"%s\", \"direction\": \"%s\", "
               "\"argument\": \"%s\", \"field\": \"%s\", \"expected\": \"%s\", "
               "\"got\": \"%s\"}}",
               row >= 0 ? course_rows[row].name : "",
               direction >= 0 ? directions[direction] : "",
               param >= 0 ? course_rows[row].params[direction][param].name : "",
               field, plain(a, sizeof(a), expected),
               plain(b, sizeof(b), got));
}

int
course_failures(void)
{
    return failures;
}

void
course_quiet(bool on)
{
    if (on)
        memset(failed, 0, sizeof(failed));
    quiet = on;
}

unsigned
course_failed_params(int row, direction_t direction)
{
    return failed[row][direction];
}

/* ------------------------------------------------------------------------
 * Comparing.
 */

/* The value under comparison, for the report. */
typedef struct {
    int row, direction, param;
    char inside[64]; /* such as "[2].inode." */
} place_t;

static void
differ(const place_t *at, const char *field, const char *expected,
       const char *got)
{
    char name[128];

    snprintf(name, sizeof(name), "%s%s", at->inside, field);
    course_fail(at->row, at->direction, at->param, name, expected, got);
}

static void
same_number(const place_t *at, const char *field, int64_t expected, int64_t got)
{
    char a[32], b[32];

    if (expected == got)
        return;
    snprintf(a, sizeof(a), "%#" PRIx64, expected);
    snprintf(b, sizeof(b), "%#" PRIx64, got);
    differ(at, field, a, b);
}

static void
same_pointer(const place_t *at, const char *field, const void *expected,
             const void *got)
{
    char a[32], b[32];

    if (expected == got)
        return;
    snprintf(a, sizeof(a), "%p", expected);
    snprintf(b, sizeof(b), "%p", got);
    differ(at, field, a, b);
}

/* The very object; or, where all is made anew, another one. */
static void
same_object(const place_t *at, const char *field, const void *expected,
            const void *got)
{
    if (!course_contents)
        same_pointer(at, field, expected, got);
    else if (expected == got)
        differ(at, field, "another object", "the same");
}

static void
same_bytes(const place_t *at, const char *field, const void *expected,
           const void *got, size_t len)
{
    const uint8_t *e = expected, *g = got;
    char a[80], b[80];
    size_t i, from = 0;

    if (memcmp(e, g, len) == 0)
        return;
    while (e[from] == g[from])
        from++;
    from -= from % 8;
    for (i = 0; i < 16 && from + i < len; i++) {
        sprintf(a + 2 * i, "%02x", e[from + i]);
        sprintf(b + 2 * i, "%02x", g[from + i]);
    }
    snprintf(a + 2 * i, 32, " from byte %zu", from);
    differ(at, field, a, b);
}

static void
same_string(const place_t *at, const char *field, const char *expected,
            const char *got)
{
    if (!got)
        differ(at, field, expected, "NULL");
    else if (strcmp(expected, got))
        differ(at, field, expected, got);
}

static void
same_fields(const place_t *at, const field_t *fields, size_t n,
            const void *expected, const void *got)
{
    for (size_t i = 0; i < n; i++)
        same_bytes(at, fields[i].name, (char *)expected + fields[i].offset,
                   (char *)got + fields[i].offset, fields[i].size);
}

/* The same object, and still with what it was made with. */
static void
same_inode(const place_t *at, const char *field, inode_t *expected,
           inode_t *got, int seed)
{
    uuid_t gfid;

    same_pointer(at, field, expected, got);
    if (expected != got)
        return;
    bytes(seed, 1, gfid, sizeof(gfid));
    same_bytes(at, "gfid", gfid, got->gfid, sizeof(gfid));
    same_number(at, "ia_type", 1 + seed % 7, got->ia_type);
}

static void
same_fd(const place_t *at, fd_t *expected, fd_t *got, int seed)
{
    same_pointer(at, "", expected, got);
    if (expected != got)
        return;
    same_number(at, "pid", word(seed, 1), got->pid);
    same_number(at, "flags", (int32_t)word(seed, 2), got->flags);
    same_inode(at, "inode", got->inode, got->inode, seed + 1);
}

static void
same_datum(const place_t *at, dict_t *dict, int seed, const char *what,
           const void *expected, size_t len)
{
    char key[64];
    data_t *data;

    snprintf(key, sizeof(key), "course.%d.%s", seed, what);
    data = dict_get(dict, key);
    if (!data) {
        differ(at, key, "a value", "no such key");
        return;
    }
    same_number(at, key, len, data->len);
    if (data->len == len)
        same_bytes(at, key, expected, data->data, len);
}

static void
same_dict(const place_t *at, const char *field, dict_t *got, int seed)
{
    char blob[20], number[32], *string;

    same_number(at, "count", 3, got->count);
    string = text("data", seed);
    same_datum(at, got, seed, "string", string, strlen(string) + 1);
    free(string);
    snprintf(number, sizeof(number), "%" PRIu64, word(seed, 2));
    same_datum(at, got, seed, "number", number, strlen(number) + 1);
    bytes(seed, 1, blob, sizeof(blob));
    same_datum(at, got, seed, "bytes", blob, sizeof(blob));
}

static void
same_loc(const place_t *at, const loc_t *expected, const loc_t *got, int seed)
{
    same_string(at, "path", expected->path, got->path);
    same_string(at, "name", expected->name, got->name);
    same_inode(at, "inode", expected->inode, got->inode, seed + 1);
    same_inode(at, "parent", expected->parent, got->parent, seed + 2);
    same_bytes(at, "gfid", expected->gfid, got->gfid, sizeof(uuid_t));
    same_bytes(at, "pargfid", expected->pargfid, got->pargfid, sizeof(uuid_t));
}

/* The array may be another, the buffers are the very same: data is never
 * copied on its way through.  What is made anew has as many buffers. */
static void
same_vectors(const place_t *at, const vectors_t *expected,
             const struct iovec *got, int seed)
{
    char content[VECTORS * 100 + 100];
    place_t here = *at;

    for (int i = 0; i < VECTORS; i++) {
        const struct iovec *e = &expected->vector[i];
        snprintf(here.inside, sizeof(here.inside), "[%d].", i);
        same_number(&here, "iov_len", e->iov_len, got[i].iov_len);
        same_object(&here, "iov_base", e->iov_base, got[i].iov_base);
        if (e->iov_len != got[i].iov_len)
            continue;
        bytes(seed, i + 1, content, e->iov_len);
        same_bytes(&here, "content", content, got[i].iov_base, e->iov_len);
    }
}

/* The iobref that was passed, still holding the buffer of the vector; or one
 * that holds a buffer with room for the vector beside it. */
static void
same_iobref(const place_t *at, struct iobref *expected, struct iobref *got)
{
    const row_t *row = &course_rows[at->row];

    same_object(at, "", expected, got);
    if (expected != got && !course_contents)
        return;
    same_number(at, "used", 1, got->used);
    if (expected == got)
        same_number(at, "size", IOBUF_SIZE, iobref_size(got));
    for (int i = 0; i < row->params_len[at->direction]; i++) {
        value_t *v = &course_lists[at->row][at->direction].values[i];
        if (row->params[at->direction][i].kind == K_IOVEC && v->pointer)
            same_number(at, "has room", true,
                        ((vectors_t *)v->pointer)->size <= iobref_size(got));
    }
}

static void
same_dirents(const place_t *at, const gf_dirent_t *got, int seed)
{
    place_t here = *at;
    struct iatt iatt;
    gf_dirent_t *entry;
    int n = 0;

    list_for_each_entry(entry, &got->list, list)
    {
        int s = seed + n;
        char *name = text("entry", s);
        snprintf(here.inside, sizeof(here.inside), "[%d].", n++);
        same_string(&here, "d_name", name, entry->d_name);
        same_number(&here, "d_len", strlen(name), entry->d_len);
        same_number(&here, "d_ino", word(s, 1), entry->d_ino);
        same_number(&here, "d_off", word(s, 2), entry->d_off);
        same_number(&here, "d_type", (uint32_t)word(s, 3), entry->d_type);
        fill_iatt(&iatt, s);
        same_fields(&here, iatt_fields, LEN(iatt_fields), &iatt,
                    &entry->d_stat);
        same_dict(&here, "dict", entry->dict, s);
        same_inode(&here, "inode", entry->inode, entry->inode, s);
        free(name);
    }
    same_number(at, "entries", ENTRY_COUNT, n);
}

static void
same_locklist(const place_t *at, const lock_migration_info_t *got, int seed)
{
    place_t here = *at;
    lock_migration_info_t *lock;
    struct gf_flock flock;
    int n = 0;

    list_for_each_entry(lock, &got->list, list)
    {
        char *client = text("client", seed + n);
        snprintf(here.inside, sizeof(here.inside), "[%d].", n);
        fill_flock(&flock, seed + n);
        same_fields(&here, flock_fields, LEN(flock_fields), &flock,
                    &lock->flock);
        same_string(&here, "client_uid", client, lock->client_uid);
        same_number(&here, "lk_flags", (uint32_t)word(seed + n, 10),
                    lock->lk_flags);
        free(client);
        n++;
    }
    same_number(at, "locks", LOCK_COUNT, n);
}

void
course_check(int row, direction_t direction, int param, value_t got)
{
    place_t at = {row, direction, param, ""};
    const param_t *p = &course_rows[row].params[direction][param];
    value_t expected = course_lists[row][direction].values[param];

    seen[row][direction] |= 1u << param;
    /* what is made anew counts none where there are none */
    if (p->kind == K_COUNT && course_contents && expected.number < 0)
        expected.number = 0;
    if (p->kind < K_STR) {
        same_number(&at, "", expected.number, got.number);
        return;
    }
    if (!expected.pointer || !got.pointer) {
        same_pointer(&at, "", expected.pointer, got.pointer);
        return;
    }
    switch (p->kind) {
        case K_STR:
            same_string(&at, "", expected.pointer, got.pointer);
            break;
        case K_LOC:
            same_loc(&at, expected.pointer, got.pointer, p->seed);
            break;
        case K_INODE:
            same_inode(&at, "", expected.pointer, got.pointer, p->seed);
            break;
        case K_FD:
            same_fd(&at, expected.pointer, got.pointer, p->seed);
            break;
        case K_DICT:
            same_object(&at, "", expected.pointer, got.pointer);
            if (expected.pointer == got.pointer || course_contents)
                same_dict(&at, "", got.pointer, p->seed);
            break;
        case K_IATT:
            same_fields(&at, iatt_fields, LEN(iatt_fields), expected.pointer,
                        got.pointer);
            break;
        case K_IOBREF:
            same_iobref(&at, expected.pointer, got.pointer);
            break;
        case K_IOVEC:
            same_vectors(&at, expected.pointer, got.pointer, p->seed);
            break;
        case K_DIRENTS:
            same_dirents(&at, got.pointer, p->seed);
            break;
        case K_FLOCK:
            same_fields(&at, flock_fields, LEN(flock_fields), expected.pointer,
                        got.pointer);
            break;
        case K_LEASE:
            same_fields(&at, lease_fields, LEN(lease_fields), expected.pointer,
                        got.pointer);
            break;
        case K_STATVFS:
            same_fields(&at, statvfs_fields, LEN(statvfs_fields),
                        expected.pointer, got.pointer);
            break;
        case K_LOCKLIST:
            same_locklist(&at, got.pointer, p->seed);
            break;
        case K_CHECKSUM:
            same_bytes(&at, "", expected.pointer, got.pointer, 32);
            break;
        default:
            abort();
    }
}

void
course_check_answer(int row, call_stack_t *root, int32_t op_ret,
                    int32_t op_errno)
{
    place_t at = {row, UP, -1, ""};

    same_number(&at, "op_ret", course_lists[row][UP].op_ret, op_ret);
    same_number(&at, "op_errno", course_lists[row][UP].op_errno, op_errno);
    /* what STACK_UNWIND notes of a failure */
    if (op_ret < 0) {
        same_number(&at, "root.error", op_errno, root->error);
        same_number(&at, "stats.total_fop_cbk", ++refusals[row],
                    GF_ATOMIC_GET(
                        owner->stats[course_rows[row].index].total_fop_cbk));
    }
}

void
course_check_frame(int row, direction_t direction, call_frame_t *frame,
                   xlator_t *this)
{
    place_t at = {row, direction, -1, "frame."};
    call_stack_t *root = frame->root, expected;

    same_pointer(&at, "this", this, frame->this);
    same_pointer(&at, "THIS", this, THIS);
    course_root(&expected, row);
    same_number(&at, "root.uid", expected.uid, root->uid);
    same_number(&at, "root.gid", expected.gid, root->gid);
    same_number(&at, "root.pid", expected.pid, root->pid);
    if (!COURSE_IS_SIGNAL(root->unique))
        same_number(&at, "root.unique", expected.unique, root->unique);
    same_number(&at, "root.lk_owner.len", expected.lk_owner.len,
                root->lk_owner.len);
    same_bytes(&at, "root.lk_owner", expected.lk_owner.data,
               root->lk_owner.data, OWNER_LEN);
    same_number(&at, "root.ngrps", expected.ngrps, root->ngrps);
    same_bytes(&at, "root.groups", expected.groups_small, root->groups,
               ROOT_GROUPS * sizeof(uint32_t));
    if (direction == UP)
        return;
    /* what STACK_WIND writes into the frame that it makes */
    same_number(&at, "op", course_rows[row].index, frame->op);
    same_number(&at, "wind_from, wind_to, unwind_to are set", true,
                frame->wind_from && frame->wind_to && frame->unwind_to);
    same_number(&at, "stats.total_fop", ++arrivals[row],
                GF_ATOMIC_GET(this->stats[frame->op].total_fop));
}

void
course_check_complete(void)
{
    for (int r = 0; r < course_rows_len; r++)
        for (int d = DOWN; d <= UP; d++) {
            for (int i = 0; i < course_rows[r].params_len[d]; i++)
                if (!(seen[r][d] & (1u << i)))
                    course_fail(r, d, i, "", "to be checked", "never arrived");
            seen[r][d] = 0;
        }
}

bool
course_refs_settled(bool report)
{
    static const char *names[] = {
        [K_INODE] = "inode", [K_FD] = "fd", [K_DICT] = "dict",
        [K_IOBREF] = "iobref"};
    bool settled = true;
    char a[64], b[32];

    for (object_t *o = objects; o; o = o->next) {
        if (refs_of(o) == o->refs)
            continue;
        settled = false;
        if (!report)
            continue;
        snprintf(a, sizeof(a), "%" PRId64 " (seed %d)", o->refs, o->seed);
        snprintf(b, sizeof(b), "%" PRId64, refs_of(o));
        course_fail(-1, -1, -1, names[o->kind], a, b);
    }
    return settled;
}
