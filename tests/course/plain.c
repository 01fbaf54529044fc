/*
 * A translator that intercepts nothing: its table of fops is what GlusterFS
 * fills in by default, the functions that libglusterfs does not export too.
 */
#include <glusterfs/xlator.h>
#include <glusterfs/defaults.h>

static int32_t
init(xlator_t *this)
{
    return 0;
}

static struct xlator_fops fops;
static struct xlator_cbks cbks;

xlator_api_t xlator_api = {
    .init = init,
    .fops = &fops,
    .cbks = &cbks,
    .identifier = "course-plain",
    .category = GF_EXPERIMENTAL,
};
