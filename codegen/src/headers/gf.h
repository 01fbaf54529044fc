/* The headers of GlusterFS that we see; read behind defines.h. */
#include <glusterfs/xlator.h>
#include <glusterfs/stack.h>
#include <glusterfs/defaults.h>
#include <glusterfs/logging.h>
#include <glusterfs/dict.h>
#include <glusterfs/inode.h>
#include <glusterfs/fd.h>
#include <glusterfs/iobuf.h>
#include <glusterfs/gf-dirent.h>
#include <glusterfs/client_t.h>
#include <glusterfs/statedump.h>
#include <glusterfs/options.h>
#include <glusterfs/common-utils.h>
#include <sys/statvfs.h>
#include <fcntl.h>
