/* What test_import.py puts into a copy of GlusterFS's headers: two fops, a structure that
   can be copied, one that can not, an enum. Included by xlator.h, in front of its table. */
struct gf_frob {
    uint64_t cookie;
    uuid_t gfid;
    char name[16];
    struct {
        int32_t x;
        int32_t y;
    } inner;
    struct iatt attr;
};

struct deep {
    char *text;
    struct gf_frob *frob;
};

typedef enum { FROB_NOW, FROB_LATER } frob_mode_t;

typedef int32_t (*fop_frobnicate_t)(call_frame_t *frame, xlator_t *this, loc_t *loc,
                                    struct gf_frob *frob, frob_mode_t mode, dict_t *xdata);
typedef int32_t (*fop_frobnicate_cbk_t)(call_frame_t *frame, void *cookie, xlator_t *this,
                                        int32_t op_ret, int32_t op_errno, struct gf_frob *frob,
                                        struct iatt *buf, dict_t *xdata);

typedef int32_t (*fop_twist_t)(call_frame_t *frame, xlator_t *this, frob_mode_t mode,
                               struct deep *deep, const void *data, dict_t *xdata);
typedef int32_t (*fop_twist_cbk_t)(call_frame_t *frame, void *cookie, xlator_t *this,
                                   int32_t op_ret, int32_t op_errno, struct deep *deep,
                                   dict_t *xdata);
