/*
 * A pass-through translator in C, with a callback for every fop: what a
 * translator costs at least, and, with course_mutation set, a translator that
 * swaps two parameters, which the course must notice.
 */
#include "values.h"

#include "pass.inc"

static int32_t
init(xlator_t *this)
{
    return 0;
}

static struct xlator_cbks cbks;

xlator_api_t xlator_api = {
    .init = init,
    .fops = &pass_fops,
    .cbks = &cbks,
    .identifier = "course-pass",
    .category = GF_EXPERIMENTAL,
};
