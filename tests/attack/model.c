/*
 * Values that tell what they are made of: made, checked and destroyed.  See model.h.
 */
#include "model.h"
#include "fields.h"

#include <pthread.h>
#include <stdarg.h>

#include "attack-rows.inc"

life_t attack_life;
int attack_findings;

#define POISON 0xAA
#define ID "attack.id"    /* of the request whose xdata it is */
#define BY "attack.by"    /* of the request for which Python asks */
#define OTHER "attack.changed" /* the arguments are not those of the request */

/* ------------------------------------------------------------------------
 * Numbers.
 */

uint64_t
attack_mix(uint64_t tag, uint64_t k)
{
    uint64_t x = tag * 0x9E3779B97F4A7C15ULL + (k + 1) * 0xD1B54A32D192ED03ULL;

    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    return x ^ (x >> 31);
}

static void
bytes(uint64_t tag, int k, void *to, size_t len)
{
    uint8_t *p = to;

    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)((attack_mix(tag, k) >> (8 * (i % 8))) + i);
}

uint64_t
attack_tag(uint64_t request, direction_t direction, int param)
{
    return request * 64 + direction * 32 + param + 1;
}

uint32_t
attack_uid(uint64_t request)
{
    return request % 3 ? 10000 + request % 997 : 0;
}

void
attack_root(call_stack_t *root, uint64_t request)
{
    root->uid = attack_uid(request);
    root->gid = root->uid + 1;
    root->pid = request % 100000 + 2;
    root->unique = request;
    root->ngrps = 2;
    root->groups_small[0] = root->uid + 2;
    root->groups_small[1] = root->uid + 3;
    root->groups = root->groups_small;
    root->lk_owner.len = 8;
    memcpy(root->lk_owner.data, &request, 8);
}

/* ------------------------------------------------------------------------
 * Findings.
 */

void
attack_find(const char *what, int row, uint64_t request, const char *format, ...)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (char *p = text; *p; p++)
        if (*p == '"' || *p == '\\' || *p < ' ' || *p > '~')
            *p = '?';
    pthread_mutex_lock(&lock);
    if (attack_findings++ < 100) {
        printf("{\"finding\": {\"what\": \"%s\", \"fop\": \"%s\", \"request\": %" PRIu64
               ", \"text\": \"%s\"}}\n",
               what, row >= 0 ? attack_rows[row].name : "", request, text);
        fflush(stdout);
    }
    pthread_mutex_unlock(&lock);
}

/* ------------------------------------------------------------------------
 * Making.
 */

#define PARTS 2
#define PART 256
#define ENTRY_COUNT 3
#define LOCK_COUNT 2

static char *
text(const char *what, uint64_t tag)
{
    char *s = NULL;

    if (asprintf(&s, "%s%" PRIu64, what, tag) < 0)
        abort();
    return s;
}

static inode_t *
make_inode(inode_table_t *table, uint64_t tag, int k)
{
    inode_t *inode = inode_new(table);

    bytes(tag, k, inode->gfid, sizeof(uuid_t));
    inode->ia_type = IA_IFREG;
    return inode;
}

static void
fill_iatt(struct iatt *iatt, uint64_t tag)
{
    uint8_t *prot = (uint8_t *)&iatt->ia_prot;

    bytes(tag, 1, iatt, sizeof(*iatt));
    iatt->ia_ino = tag;
    iatt->ia_type = IA_IFREG;
    for (size_t i = 0; i < sizeof(iatt->ia_prot); i++)
        prot[i] &= 7;
}

static void
fill_flock(struct gf_flock *flock, uint64_t tag)
{
    memset(flock, 0, sizeof(*flock));
    flock->l_type = tag % 3;
    flock->l_start = tag;
    flock->l_len = attack_mix(tag, 2) >> 1;
    flock->l_pid = attack_mix(tag, 3) >> 34;
    flock->l_owner.len = OWNER_LEN;
    bytes(tag, 4, flock->l_owner.data, OWNER_LEN);
}

static loc_t *
make_loc(inode_table_t *table, uint64_t tag)
{
    loc_t *loc = calloc(1, sizeof(*loc));
    char *path = NULL;

    if (asprintf(&path, "/d%" PRIu64 "/n%" PRIu64, tag, tag) < 0)
        abort();
    loc->path = path;
    loc->name = strrchr(path, '/') + 1;
    loc->inode = make_inode(table, tag, 1);
    loc->parent = make_inode(table, tag, 2);
    gf_uuid_copy(loc->gfid, loc->inode->gfid);
    gf_uuid_copy(loc->pargfid, loc->parent->gfid);
    return loc;
}

/* xdata: the request's number, and, as FUSE puts it there, static data that points into the
 * request's own memory. */
static dict_t *
make_dict(uint64_t request, uint64_t tag, uint8_t *shared)
{
    dict_t *dict = dict_new();
    bool owned = getenv("ATTACK_OWNED"); /* to look for others than what static data is for */
    char number[32], *copy;

    snprintf(number, sizeof(number), "%" PRIu64, request);
    copy = gf_strdup(number);
    bytes(request, 0, shared, 16);
    bytes(request, 1, shared + 16, 48);
    if (dict_set_dynstr(dict, ID, copy) || dict_set_gfuuid(dict, "gfid-req", owned ? gf_memdup(shared, 16) : shared, !owned) ||
        (owned ? dict_set_bin(dict, "attack.static", gf_memdup(shared + 16, 48), 48)
               : dict_set_static_bin(dict, "attack.static", shared + 16, 48)))
        abort();
    return dict;
}

static gf_dirent_t *
make_dirents(inode_table_t *table, uint64_t request, uint64_t tag, uint8_t *shared)
{
    gf_dirent_t *head = calloc(1, sizeof(*head)), *entry;
    char *name;

    INIT_LIST_HEAD(&head->list);
    for (int i = 0; i < ENTRY_COUNT; i++) {
        name = text("e", tag);
        entry = gf_dirent_for_name(name);
        free(name);
        entry->d_len = strlen(entry->d_name);
        entry->d_off = i + 1;
        entry->d_ino = tag;
        entry->d_type = 8;
        fill_iatt(&entry->d_stat, tag);
        entry->dict = make_dict(request, tag, shared);
        entry->inode = make_inode(table, tag, 1);
        list_add_tail(&entry->list, &head->list);
    }
    return head;
}

static lock_migration_info_t *
make_locklist(uint64_t tag)
{
    lock_migration_info_t *head = calloc(1, sizeof(*head)), *lock;

    INIT_LIST_HEAD(&head->list);
    for (int i = 0; i < LOCK_COUNT; i++) {
        lock = GF_CALLOC(1, sizeof(*lock), gf_common_mt_lock_mig);
        INIT_LIST_HEAD(&lock->list);
        fill_flock(&lock->flock, tag);
        lock->client_uid = gf_strdup("client");
        lock->lk_flags = 1;
        list_add_tail(&lock->list, &head->list);
    }
    return head;
}

static struct iovec *
make_vector(xlator_t *xl, list_t *list, uint64_t tag)
{
    struct iovec *vector = calloc(PARTS, sizeof(*vector));
    char *at;

    list->iobuf = iobuf_get2(xl->ctx->iobuf_pool, PARTS * PART);
    at = iobuf_ptr(list->iobuf);
    for (int i = 0; i < PARTS; i++, at += PART) {
        vector[i] = (struct iovec){.iov_base = at, .iov_len = PART};
        bytes(tag, i + 2, at, PART);
        memcpy(at, &tag, sizeof(tag));
    }
    return vector;
}

static value_t
make(xlator_t *xl, inode_table_t *table, list_t *list, uint64_t request, int param)
{
    const row_t *row = &attack_rows[list->row];
    kind_t kind = row->params[list->direction][param].kind;
    uint64_t tag = attack_tag(request, list->direction, param);
    struct iobref *iobref;
    void *memory;
    fd_t *fd;

    switch (kind) {
        case K_I32:
        case K_U32:
            return NUMBER((uint32_t)attack_mix(tag, 0) >> 2);
        case K_I64:
        case K_U64:
            return NUMBER(attack_mix(tag, 0) >> 2);
        case K_COUNT:
            return NUMBER(PARTS);
        case K_STR:
            return POINTER(text("s", tag));
        case K_LOC:
            return POINTER(make_loc(table, tag));
        case K_INODE:
            return POINTER(make_inode(table, tag, 1));
        case K_FD:
            memory = make_inode(table, tag, 1);
            fd = fd_create(memory, 0);
            inode_unref(memory);
            fd->flags = (int32_t)(attack_mix(tag, 2) >> 40);
            return POINTER(fd);
        case K_DICT:
            return POINTER(make_dict(request, tag, list->shared));
        case K_IOVEC:
            return POINTER(make_vector(xl, list, tag));
        case K_IOBREF:
            iobref = iobref_new();
            if (list->iobuf)
                iobref_add(iobref, list->iobuf);
            return POINTER(iobref);
        case K_DIRENTS:
            return POINTER(make_dirents(table, request, tag, list->shared));
        case K_LOCKLIST:
            return POINTER(make_locklist(tag));
        case K_IATT:
            memory = calloc(1, sizeof(struct iatt));
            fill_iatt(memory, tag);
            return POINTER(memory);
        case K_FLOCK:
            memory = calloc(1, sizeof(struct gf_flock));
            fill_flock(memory, tag);
            return POINTER(memory);
        case K_LEASE:
            memory = calloc(1, sizeof(struct gf_lease));
            ((struct gf_lease *)memory)->lease_flags = (uint32_t)tag;
            bytes(tag, 1, ((struct gf_lease *)memory)->lease_id, LEASE_ID_SIZE);
            return POINTER(memory);
        case K_STATVFS:
            memory = calloc(1, sizeof(struct statvfs));
            ((struct statvfs *)memory)->f_blocks = tag;
            ((struct statvfs *)memory)->f_files = attack_mix(tag, 1);
            return POINTER(memory);
        case K_CHECKSUM:
            memory = calloc(1, 32);
            bytes(tag, 1, memory, 32);
            return POINTER(memory);
    }
    abort();
}

static int32_t
op_ret(const row_t *row, const list_t *list)
{
    if (row->op_ret == STATUS)
        return 0;
    for (int i = 0; i < row->params_len[UP]; i++)
        switch (row->params[UP][i].kind) {
            case K_IOVEC:
                return PARTS * PART;
            case K_STR:
                return strlen(list->values[i].pointer);
            case K_DIRENTS:
                return ENTRY_COUNT;
            case K_LOCKLIST:
                return LOCK_COUNT;
            default:
                break;
        }
    return 7;
}

list_t *
attack_make(xlator_t *xl, inode_table_t *table, uint64_t request, int row, direction_t direction,
            bool fails)
{
    list_t *list = calloc(1, sizeof(*list));

    list->row = row;
    list->direction = direction;
    list->shared = calloc(1, 64);
    if (fails) {
        list->op_ret = -1;
        list->op_errno = 1 + attack_mix(request, 7) % 120;
        return list;
    }
    for (int i = 0; i < attack_rows[row].params_len[direction]; i++)
        list->values[i] = make(xl, table, list, request, i);
    if (direction == UP)
        list->op_ret = op_ret(&attack_rows[row], list);
    return list;
}

/* ------------------------------------------------------------------------
 * Destroying.
 */

static void
poison(void *memory, size_t size)
{
    if (memory)
        memset(memory, POISON, size);
    free(memory);
}

static void
destroy(kind_t kind, void *p)
{
    gf_dirent_t *dirents = p;
    lock_migration_info_t *lock, *next;

    if (!p)
        return;
    switch (kind) {
        case K_STR:
            return poison(p, strlen(p));
        case K_LOC:
            poison((char *)((loc_t *)p)->path, strlen(((loc_t *)p)->path));
            ((loc_t *)p)->path = NULL;
            loc_wipe(p);
            return poison(p, sizeof(loc_t));
        case K_INODE:
            inode_unref(p);
            return;
        case K_FD:
            return fd_unref(p);
        case K_DICT:
            return dict_unref(p);
        case K_IOBREF:
            return iobref_unref(p);
        case K_IOVEC:
            return poison(p, PARTS * sizeof(struct iovec));
        case K_DIRENTS:
            gf_dirent_free(dirents);
            return poison(p, sizeof(gf_dirent_t));
        case K_LOCKLIST:
            list_for_each_entry_safe(lock, next, &((lock_migration_info_t *)p)->list, list)
            {
                list_del_init(&lock->list);
                GF_FREE(lock->client_uid);
                GF_FREE(lock);
            }
            return poison(p, sizeof(lock_migration_info_t));
        case K_IATT:
            return poison(p, sizeof(struct iatt));
        case K_FLOCK:
            return poison(p, sizeof(struct gf_flock));
        case K_LEASE:
            return poison(p, sizeof(struct gf_lease));
        case K_STATVFS:
            return poison(p, sizeof(struct statvfs));
        case K_CHECKSUM:
            return poison(p, 32);
        default:
            return;
    }
}

void
attack_destroy_values(list_t *list)
{
    const row_t *row = &attack_rows[list->row];

    for (int i = 0; i < row->params_len[list->direction]; i++) {
        if (row->params[list->direction][i].kind >= K_STR)
            destroy(row->params[list->direction][i].kind, list->values[i].pointer);
        list->values[i].pointer = NULL;
    }
    if (list->iobuf)
        iobuf_unref(list->iobuf);
    list->iobuf = NULL;
}

void
attack_destroy(list_t *list)
{
    attack_destroy_values(list);
    poison(list->shared, 64);
    poison(list, sizeof(*list));
}

/* ------------------------------------------------------------------------
 * Checking.
 */

static bool
parse(const char *s, const char *before, uint64_t *tag)
{
    size_t len = strlen(before);

    return strncmp(s, before, len) == 0 && sscanf(s + len, "%" SCNu64, tag) == 1;
}

static bool
has_gfid(const uint8_t *gfid, uint64_t tag, int k)
{
    uuid_t expected;

    bytes(tag, k, expected, sizeof(expected));
    return memcmp(gfid, expected, sizeof(expected)) == 0;
}

static bool
whole_loc(const loc_t *loc, uint64_t *tag)
{
    uint64_t name = 0;

    /* An inode that stands for a loc: what it says, and no more. */
    if (loc->path && strncmp(loc->path, "<gfid:", 6) == 0 && !loc->parent && loc->inode)
        return memcmp(loc->gfid, loc->inode->gfid, sizeof(uuid_t)) == 0 &&
               strncmp(loc->path + 6, uuid_utoa(loc->inode->gfid), 36) == 0;
    return loc->path && parse(loc->path, "/d", tag) && loc->name &&
           parse(loc->name, "n", &name) && name == *tag && has_gfid(loc->gfid, *tag, 1) &&
           has_gfid(loc->pargfid, *tag, 2) && loc->inode && has_gfid(loc->inode->gfid, *tag, 1) &&
           loc->parent && has_gfid(loc->parent->gfid, *tag, 2);
}

static bool
whole_dirents(gf_dirent_t *head, uint64_t *tag)
{
    gf_dirent_t *entry;
    struct iatt iatt;

    list_for_each_entry(entry, &head->list, list)
    {
        if (!parse(entry->d_name, "e", tag) || entry->d_ino != *tag)
            return false;
        fill_iatt(&iatt, *tag);
        if (memcmp(&iatt, &entry->d_stat, sizeof(iatt)))
            return false;
        if (entry->inode && !has_gfid(entry->inode->gfid, *tag, 1))
            return false;
    }
    return true;
}

static bool
whole_vector(const struct iovec *vector, int64_t count, uint64_t *tag)
{
    uint8_t expected[PART];

    if (count != PARTS)
        return false;
    for (int i = 0; i < PARTS; i++) {
        if (vector[i].iov_len != PART)
            return false;
        memcpy(tag, vector[i].iov_base, sizeof(*tag));
        bytes(*tag, i + 2, expected, PART);
        memcpy(expected, tag, sizeof(*tag));
        if (memcmp(expected, vector[i].iov_base, PART))
            return false;
    }
    return true;
}

/* Whether it is whole, and what it is made of; 0 if it does not say. */
static bool
whole(kind_t kind, value_t got, int64_t count, uint64_t *tag)
{
    void *p = got.pointer;
    lock_migration_info_t *lock;
    struct gf_flock flock;
    struct iatt iatt;
    uint8_t id[32];

    switch (kind) {
        case K_STR:
            return parse(p, "s", tag);
        case K_LOC:
            return whole_loc(p, tag);
        case K_IATT:
            *tag = ((struct iatt *)p)->ia_ino;
            fill_iatt(&iatt, *tag);
            return memcmp(&iatt, p, sizeof(iatt)) == 0;
        case K_FLOCK:
            *tag = ((struct gf_flock *)p)->l_start;
            fill_flock(&flock, *tag);
            return memcmp(&flock, p, offsetof(struct gf_flock, l_owner.data) + OWNER_LEN) == 0;
        case K_DIRENTS:
            return whole_dirents(p, tag);
        case K_LOCKLIST:
            list_for_each_entry(lock, &((lock_migration_info_t *)p)->list, list)
            {
                *tag = lock->flock.l_start;
                if (!lock->client_uid || strcmp(lock->client_uid, "client"))
                    return false;
            }
            return true;
        case K_IOVEC:
            return whole_vector(p, count, tag);
        case K_STATVFS:
            *tag = ((struct statvfs *)p)->f_blocks;
            return ((struct statvfs *)p)->f_files == attack_mix(*tag, 1);
        case K_LEASE:
        case K_CHECKSUM:
        case K_INODE:
        case K_FD:
            (void)id;
            return true;
        default:
            return true;
    }
}

static bool
is_made_of(kind_t kind, value_t got, uint64_t tag)
{
    uint8_t expected[32];
    value_t v = got;

    switch (kind) {
        case K_I32:
        case K_U32:
            return (uint32_t)v.number == (uint32_t)attack_mix(tag, 0) >> 2;
        case K_I64:
        case K_U64:
            return (uint64_t)v.number == attack_mix(tag, 0) >> 2;
        case K_INODE:
            return has_gfid(((inode_t *)v.pointer)->gfid, tag, 1);
        case K_FD:
            return has_gfid(((fd_t *)v.pointer)->inode->gfid, tag, 1);
        case K_CHECKSUM:
            bytes(tag, 1, expected, 32);
            return memcmp(expected, v.pointer, 32) == 0;
        case K_LEASE:
            bytes(tag, 1, expected, LEASE_ID_SIZE);
            return memcmp(expected, ((struct gf_lease *)v.pointer)->lease_id, LEASE_ID_SIZE) == 0;
        default:
            return true;
    }
}

void
attack_check(int row, direction_t direction, int param, uint64_t tag, value_t got, int64_t count,
             uint64_t request)
{
    const param_t *p = &attack_rows[row].params[direction][param];
    const char *way = direction == UP ? "answer" : "request";
    uint64_t of = 0;

    if (p->kind >= K_STR && !got.pointer) {
        if (tag && direction == DOWN)
            attack_find("values", row, request, "%s: %s is NULL", way, p->name);
        return;
    }
    if (!whole(p->kind, got, count, &of))
        attack_find("values", row, request, "%s: %s is not whole (tag %" PRIx64 ")", way, p->name,
                    of);
    else if (tag && ((of && of != tag) || !is_made_of(p->kind, got, tag)))
        attack_find("values", row, request, "%s: %s is another's (%" PRIu64 ", not %" PRIu64 ")",
                    way, p->name, of / 64, tag / 64);
}

static uint64_t
number(dict_t *dict, const char *key)
{
    char *text = NULL;

    if (!dict || dict_get_str(dict, (char *)key, &text) || !text)
        return 0;
    return strcmp(text, "root") ? strtoull(text, NULL, 10) : UINT64_MAX;
}

uint64_t
attack_xdata(int row, dict_t *xdata, uint64_t request)
{
    uint64_t id = number(xdata, ID);
    uint8_t expected[48];
    void *found = NULL;
    data_t *data;

    if (!xdata || (!id && !dict_get(xdata, "gfid-req")))
        return 0;
    if (dict_get_ptr(xdata, "gfid-req", &found) || !has_gfid(found, id, 0))
        attack_find("gfid", row, request, "gfid-req is not that of request %" PRIu64, id);
    bytes(id, 1, expected, sizeof(expected));
    data = dict_get(xdata, "attack.static");
    if (!data || data->len != sizeof(expected) || memcmp(data->data, expected, data->len))
        attack_find("gfid", row, request, "static data is not that of request %" PRIu64, id);
    return dict_get(xdata, OTHER) ? 0 : id;
}

void
attack_credentials(int row, call_stack_t *root, dict_t *xdata)
{
    uint64_t by = number(xdata, BY), id = number(xdata, ID), owner = 0;

    if (!by)
        by = id ? id : root->unique ? root->unique : UINT64_MAX;
    if (by == UINT64_MAX) {
        if (root->uid || root->gid || root->unique)
            attack_find("credentials", row, root->unique, "uid %u, not root's", root->uid);
        return;
    }
    memcpy(&owner, root->lk_owner.data, sizeof(owner));
    if (root->uid != attack_uid(by) || root->gid != attack_uid(by) + 1 || root->unique != by ||
        owner != by || root->ngrps != 2 || root->groups[0] != root->uid + 2 ||
        root->groups[1] != root->uid + 3)
        attack_find("credentials", row, by,
                    "uid %u gid %u of request %" PRIu64 " (owner %" PRIu64 "), not uid %u of %" PRIu64,
                    root->uid, root->gid, root->unique, owner, attack_uid(by), by);
}
