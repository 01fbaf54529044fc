/* What GlusterFS was configured with. Its headers do not say (no config.h is installed):
   without the first of these they do not compile; without the second they compile to
   layouts that differ from the library's. The one place for it: bindgen's clang reads it
   (read.rs), and the tests' C. */
#define SIZEOF_LONG 8
#define HAVE_ATOMIC_BUILTINS 1
#define GF_LINUX_HOST_OS 1
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif
