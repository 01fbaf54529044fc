/*
 * The attack's model of requests: what each carries, and what is owed to it.
 *
 * A request has a number. Everything else follows from it: its user, its gfid, and each of its
 * values, which are made of a tag (the number, the direction, the position) and tell it
 * again, so that whoever gets a value sees whether it is whole, and of which request.
 *
 * above.c makes the requests and holds the books, below.c checks and answers them; what is
 * between them is under attack. Both link this library (libattack.so).
 */
#ifndef ATTACK_MODEL_H
#define ATTACK_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <glusterfs/xlator.h>
#include <glusterfs/defaults.h>

typedef enum {
    K_I32, K_U32, K_I64, K_U64, K_COUNT,
    K_STR, K_LOC, K_INODE, K_FD, K_IATT, K_DICT, K_IOBREF, K_IOVEC,
    K_DIRENTS, K_FLOCK, K_LEASE, K_STATVFS, K_LOCKLIST, K_CHECKSUM,
} kind_t;

typedef enum { STATUS, BYTES, ENTRIES } op_ret_t;
typedef enum { DOWN, UP } direction_t;

#define MAX_PARAMS 16

typedef struct {
    const char *name;
    kind_t kind;
    bool required; /* in a success */
} param_t;

typedef struct {
    const char *name;
    op_ret_t op_ret;
    int params_len[2];
    param_t params[2][MAX_PARAMS];
} row_t;

extern const row_t attack_rows[]; /* generated: attack-rows.inc */
extern const int attack_rows_len;

typedef struct {
    int64_t number;
    void *pointer;
} value_t;

/* The values of one direction of a request, and memory that static data in them points to. */
typedef struct {
    int row;
    direction_t direction;
    int32_t op_ret, op_errno;
    value_t values[MAX_PARAMS];
    struct iobuf *iobuf;
    uint8_t *shared; /* 64 bytes: gfid-req, and more */
} list_t;

/* A request's number: never 0. Its user; whose requests are root's is among it. */
uint32_t attack_uid(uint64_t request);
void attack_root(call_stack_t *root, uint64_t request);

/* Numbers that depend on nothing but their arguments. */
uint64_t attack_mix(uint64_t tag, uint64_t k);

/* All values of one direction. `fails`: an answer that carries none. */
list_t *attack_make(xlator_t *xl, inode_table_t *table, uint64_t request, int row,
                    direction_t direction, bool fails);
/* Overwrites and gives back the values themselves, as a call stub's end does. */
void attack_destroy_values(list_t *list);
/* Overwrites and gives back what static data points to, and the list: the request is over. */
void attack_destroy(list_t *list);

/* Whether a value is whole. `tag` is what it has to be made of, or 0. */
void attack_check(int row, direction_t direction, int param, uint64_t tag, value_t got,
                  int64_t count, uint64_t request);
uint64_t attack_tag(uint64_t request, direction_t direction, int param);
/* A request's own xdata: its number, or 0; whole, or it is a finding. */
uint64_t attack_xdata(int row, dict_t *xdata, uint64_t request);
/* Whether the stack is for whom its xdata says. */
void attack_credentials(int row, call_stack_t *root, dict_t *xdata);

/* One line of JSON each, on stdout: {"finding": {...}} */
void attack_find(const char *what, int row, uint64_t request, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
extern int attack_findings;

/* Requests from here on are not answered before the volume ends. */
#define ASLEEP (1ULL << 40)

/* --- what main.c and above.c say to each other -------------------------- */

typedef struct {
    uint64_t seed, first;     /* of the life, and its first request's number */
    int threads, requests;    /* how many threads make how many requests together */
    int patience;             /* seconds until a request counts as never answered */
    int asleep;               /* requests that are not answered before the volume ends */
    bool down;                /* PARENT_DOWN comes while requests are on their way */
    _Atomic int late;         /* somebody waits for ever */
    _Atomic int begun, answered, failed, over;
    _Atomic int arrived;      /* at the bottom */
} life_t;

extern life_t attack_life;

#define NUMBER(x) ((value_t){.number = (int64_t)(x)})
#define POINTER(x) ((value_t){.pointer = (void *)(x)})

#endif
