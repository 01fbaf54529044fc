/*
 * The course: what its parts share.
 *
 * driver.c winds every fop with known values, leaf.c answers it with known
 * values, and each checks what it gets.  Both link this library
 * (libcourse.so), so they look at one set of values: that is how the leaf can
 * tell whether an inode is the very inode that the driver passed.
 *
 * A value depends on nothing but its kind and its seed, a small number that
 * generate.py hands out once per argument.  values.py computes the same
 * values for what Python is supposed to see.
 */
#ifndef COURSE_VALUES_H
#define COURSE_VALUES_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include <glusterfs/xlator.h>
#include <glusterfs/defaults.h>

/* K_COUNT is an i32 that says how many elements the iovec beside it has. */
typedef enum {
    K_I32, K_U32, K_I64, K_U64, K_COUNT,
    K_STR, K_LOC, K_INODE, K_FD, K_IATT, K_DICT, K_IOBREF, K_IOVEC,
    K_DIRENTS, K_FLOCK, K_LEASE, K_STATVFS, K_LOCKLIST, K_CHECKSUM,
} kind_t;

/* What a non-negative op_ret counts. */
typedef enum { STATUS, BYTES, ENTRIES } op_ret_t;

/* The two directions: arguments going down, values coming back. */
typedef enum { DOWN, UP } direction_t;

#define MAX_PARAMS 16

typedef struct {
    const char *name;
    kind_t kind;
    int seed;
} param_t;

typedef struct {
    const char *name;
    int index;       /* GF_FOP_*: the fop's position in struct xlator_fops */
    op_ret_t op_ret;
    int seed;        /* of the request itself: uid, op_errno, ... */
    int params_len[2];
    param_t params[2][MAX_PARAMS];
} row_t;

/* A value as it is passed: scalars in number, everything else in pointer. */
typedef struct {
    int64_t number;
    void *pointer;
} value_t;

typedef struct {
    bool built;
    int32_t op_ret;   /* meaningful for UP only */
    int32_t op_errno;
    value_t values[MAX_PARAMS];
} list_t;

/* How a round of requests is made. */
typedef enum {
    FULL,   /* no value is 0 or NULL */
    FAILED, /* xdata is NULL; the answer is -1 with all pointers NULL, and counts of -1 (as
             * GlusterFS's own failures are: default_<fop>_failure_cbk) */
    EMPTY,  /* xdata is NULL; the answer is a success with all pointers NULL */
    ROUNDS
} round_t;

/* A pair of parameters that can be swapped without a compiler noticing. */
typedef struct {
    int row;
    direction_t direction;
    int a, b;
} mutation_t;

extern const row_t course_rows[];      /* generated: rows.inc */
extern const int course_rows_len;
extern const mutation_t course_mutations[];
extern const int course_mutations_len;

extern list_t course_lists[][2];

/* Whether values are checked: off while time or allocations are measured. */
extern bool course_checking;
/* Whether what Python passes on was made anew (course.py, style rebuild): dicts
 * and buffers then hold the same, and must be others. */
extern bool course_contents;
/* Which of course_mutations pass.c commits; -1 for none. */
extern int course_mutation;

/* Requests that say something by their `unique`: */
#define COURSE_SLEEP_DOWN 0x5133950000000001ULL /* the leaf sleeps for 1 s */
#define COURSE_SLEEP_UP 0x5133950000000002ULL   /* the driver's callback does */
#define COURSE_CLEAR 0x5133950000000003ULL      /* Python drops what it kept */
#define COURSE_WAY 0x5133950000000010ULL   /* and the next: failing.py */
#define COURSE_IS_SIGNAL(unique) ((unique) >> 8 == COURSE_CLEAR >> 8)

/* A leaf with `option answer later` answers from a thread of its own, once
 * the driver has posted course_wound: the wind has returned and its arguments
 * are gone.  It posts course_given when the unwind has returned. */
extern bool course_later;
extern sem_t course_wound, course_given;

/* Gives the answer of a request that has arrived at the leaf. */
typedef void (*answer_t)(call_frame_t *frame, const list_t *with);

typedef struct {
    call_frame_t *frame;
    answer_t give;
} owed_t;

/* What the leaf does with the requests of a thread that measures: answers them with
 * values of the thread's own, at once, or leaves the answers to the thread. */
typedef struct {
    list_t with;
    bool later;
    int len;
    owed_t owed[100];
} batch_t;

extern __thread batch_t *course_batch; /* NULL: none */

/* Whether names are plain ASCII, as most are; else neither that nor UTF-8. */
extern bool course_ascii;
/* How much there is in an iovec and in a listing; 0: three parts, three entries. */
extern int course_bytes, course_entries;

/* --- values.c: building ------------------------------------------------ */

/* Once per process, on the driver's thread. */
void course_begin(xlator_t *driver);
/* Build, and give back, one direction of one fop.  After course_free the
 * memory is overwritten: who still looks at it sees it. */
void course_build(int row, direction_t direction, round_t round);
void course_free(int row, direction_t direction);
/* The caller's credentials as the leaf and Python must see them. */
void course_root(call_stack_t *root, int row);

/* --- values.c: checking ------------------------------------------------ */

void course_check(int row, direction_t direction, int param, value_t got);
/* The frame of a call that has arrived at `this`. */
void course_check_frame(int row, direction_t direction, call_frame_t *frame,
                        xlator_t *this);
void course_check_answer(int row, call_stack_t *root, int32_t op_ret,
                         int32_t op_errno);
/* How many parameters of which fops have never been checked in this round:
 * reported as failures.  Forgets what was seen, for the next round. */
void course_check_complete(void);
/* Whether every inode, fd, dict and iobref has the references it began with;
 * with report set, each that has not is reported as a failure. */
bool course_refs_settled(bool report);

/* The scalar and the pointer of a value_t, from a C argument of any type. */
#define NUMBER(x) ((value_t){.number = (int64_t)(x)})
#define POINTER(x) ((value_t){.pointer = (void *)(x)})

/* --- values.c: the result file ----------------------------------------- */

/* The result is a file of JSON lines, each flushed as it is written, so that
 * a crash leaves all that was known before it. */
bool course_result_open(const char *path);
void course_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A wrong value.  direction and param may be -1: not about one parameter. */
void course_fail(int row, int direction, int param, const char *field,
                 const char *expected, const char *got);
int course_failures(void);

/* While a mutation is tried, failures are expected: collected, not written. */
void course_quiet(bool quiet);
/* Bits of the parameters of one fop that failed since course_quiet(true). */
unsigned course_failed_params(int row, direction_t direction);

int course_row(const char *fop);

#endif
