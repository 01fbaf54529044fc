//! Where the versions of GlusterFS differ in what the runtime uses of them.
//! `build/gluster.rs` sets `cfg(gluster_11)` for 11 and newer.

use std::mem::offset_of;

use crate::gf;

/// What a translator keeps with an fd; zero when it keeps nothing.
///
/// # Safety
/// The fd is alive, or it is being freed and this is its release.
pub unsafe fn fd_ctx_get(fd: *mut gf::fd_t, xl: *mut gf::xlator_t) -> u64 {
    #[cfg(gluster_11)]
    // SAFETY: by contract.
    unsafe {
        gf::fd_ctx_get(fd, xl)
    }
    #[cfg(not(gluster_11))]
    {
        let mut number = 0;
        // SAFETY: by contract; what fails leaves the number alone.
        unsafe { gf::fd_ctx_get(fd, xl, &raw mut number) };
        number
    }
}

/// Has a translator keep nothing with an fd.
///
/// # Safety
/// The fd is alive.
pub unsafe fn fd_ctx_del(fd: *mut gf::fd_t, xl: *mut gf::xlator_t) {
    #[cfg(gluster_11)]
    // SAFETY: by contract.
    unsafe {
        gf::fd_ctx_del(fd, xl);
    }
    #[cfg(not(gluster_11))]
    {
        let mut number = 0;
        // SAFETY: by contract.
        unsafe { gf::fd_ctx_del(fd, xl, &raw mut number) };
    }
}

/// What identifies a client; may be NULL.
///
/// # Safety
/// The client is alive.
pub unsafe fn client_uid(client: *const gf::client_t) -> *const libc::c_char {
    #[cfg(gluster_11)]
    // SAFETY: by contract; the text is the end of the structure.
    unsafe {
        (&raw const (*client).client_uid).cast()
    }
    #[cfg(not(gluster_11))]
    // SAFETY: by contract.
    unsafe {
        (*client).client_uid
    }
}

/// What links a stack with the others of the process (`all_frames`): its first member, which
/// is in a union without a name before 11.
pub fn all_frames(stack: *mut gf::call_stack_t) -> *mut gf::list_head {
    const _: () = assert!(offset_of!(gf::call_stack_t, pool) == size_of::<gf::list_head>());
    stack.cast()
}
