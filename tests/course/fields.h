/*
 * The fields of the structures that are passed by value: one table of each serves
 * making, comparing and describing them.
 */
#ifndef COURSE_FIELDS_H
#define COURSE_FIELDS_H

#include <stddef.h>
#include <sys/statvfs.h>

#include <glusterfs/xlator.h>

typedef struct {
    const char *name;
    size_t offset, size;
} field_t;

#define FIELD(type, name)                                                      \
    {                                                                          \
        #name, offsetof(type, name), sizeof(((type *)0)->name)                 \
    }
#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const field_t iatt_fields[] = {
    FIELD(struct iatt, ia_flags),      FIELD(struct iatt, ia_ino),
    FIELD(struct iatt, ia_dev),        FIELD(struct iatt, ia_rdev),
    FIELD(struct iatt, ia_size),       FIELD(struct iatt, ia_nlink),
    FIELD(struct iatt, ia_uid),        FIELD(struct iatt, ia_gid),
    FIELD(struct iatt, ia_blksize),    FIELD(struct iatt, ia_blocks),
    FIELD(struct iatt, ia_atime),      FIELD(struct iatt, ia_mtime),
    FIELD(struct iatt, ia_ctime),      FIELD(struct iatt, ia_btime),
    FIELD(struct iatt, ia_atime_nsec), FIELD(struct iatt, ia_mtime_nsec),
    FIELD(struct iatt, ia_ctime_nsec), FIELD(struct iatt, ia_btime_nsec),
    FIELD(struct iatt, ia_attributes), FIELD(struct iatt, ia_attributes_mask),
    FIELD(struct iatt, ia_gfid),       FIELD(struct iatt, ia_type),
    FIELD(struct iatt, ia_prot),
};

#define OWNER_LEN 24
static const field_t flock_fields[] = {
    FIELD(struct gf_flock, l_type),
    FIELD(struct gf_flock, l_whence),
    FIELD(struct gf_flock, l_start),
    FIELD(struct gf_flock, l_len),
    FIELD(struct gf_flock, l_pid),
    FIELD(struct gf_flock, l_owner.len),
    {"l_owner.data", offsetof(struct gf_flock, l_owner.data), OWNER_LEN},
};

static const field_t lease_fields[] = {
    FIELD(struct gf_lease, cmd),
    FIELD(struct gf_lease, lease_type),
    FIELD(struct gf_lease, lease_id),
    FIELD(struct gf_lease, lease_flags),
};

static const field_t statvfs_fields[] = {
    FIELD(struct statvfs, f_bsize),  FIELD(struct statvfs, f_frsize),
    FIELD(struct statvfs, f_blocks), FIELD(struct statvfs, f_bfree),
    FIELD(struct statvfs, f_bavail), FIELD(struct statvfs, f_files),
    FIELD(struct statvfs, f_ffree),  FIELD(struct statvfs, f_favail),
    FIELD(struct statvfs, f_fsid),   FIELD(struct statvfs, f_flag),
    FIELD(struct statvfs, f_namemax),
};

#endif
