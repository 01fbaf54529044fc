//! Call stacks of our own: for requests that Glupy makes itself, and whose answer
//! nobody may wait for in the end.

use std::ffi::CStr;
use std::ptr;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::compat;
use crate::fop::Fop;
use crate::gf;
use crate::handle::{HandleClass, Owner, Raw};
use crate::handles::Client;
use crate::instance::Instance;
use crate::list;

/// The pid of requests that GlusterFS makes for itself: servers do not take them for a
/// user's, whom they would have to distrust (`GF_CLIENT_PID_NO_ROOT_SQUASH`).
const ITSELF: i32 = gf::GF_CLIENT_PID_NO_ROOT_SQUASH;

/// No time.
const UNKNOWN: gf::timespec = gf::timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// Where a frame is linked with the others of its stack.
const LINKS: usize = std::mem::offset_of!(gf::call_frame_t, frames);

/// For whom a request is made.
#[derive(Clone)]
pub struct Credentials {
    /// The user.
    pub uid: u32,
    /// The user's group.
    pub gid: u32,
    pid: i32,
    /// Further groups; at most as many as a `u16` counts.
    pub groups: SmallVec<[u32; 16]>,
    /// None: the new stack itself.
    lk_owner: Option<SmallVec<[u8; 16]>>,
    unique: u64,
    /// The client of the brick. By it features/locks knows whose lock one is.
    client: Option<Arc<Owner>>,
    /// The fop, and what times of the file it changes (`MDATA_CTIME` and others).
    times: (i32, u32),
    /// When it was made, if it is known: replicas of a file are to have the same times.
    made: gf::timespec,
}

impl Credentials {
    /// Those of root, as GlusterFS's own requests have them.
    pub fn of_root() -> Credentials {
        Credentials {
            uid: 0,
            gid: 0,
            pid: ITSELF,
            groups: SmallVec::new(),
            lk_owner: None,
            unique: 0,
            client: None,
            times: (0, 0),
            made: UNKNOWN,
        }
    }

    /// Those of another request, which is at a translator of ours.
    ///
    /// # Safety
    /// The request is alive, and the volume is not gone.
    pub unsafe fn of(root: &gf::call_stack_t, instance: &'static Instance) -> Credentials {
        let len = usize::try_from(root.lk_owner.len).unwrap_or(0);
        let data = root.lk_owner.data.iter().take(len);
        Credentials {
            uid: root.uid,
            gid: root.gid,
            pid: root.pid,
            groups: groups(root),
            lk_owner: Some(data.map(|byte| *byte as u8).collect()),
            unique: root.unique,
            client: (!root.client.is_null()).then(|| {
                // SAFETY: the client of a request is alive.
                unsafe { Owner::within(Client::class(), Raw::new(root.client), Some(instance)) }
            }),
            times: (root.op, root.flags),
            made: root.ctime,
        }
    }
}

/// The user's further groups.
pub fn groups(root: &gf::call_stack_t) -> SmallVec<[u32; 16]> {
    if root.groups.is_null() {
        return SmallVec::new();
    }
    // SAFETY: `groups` has `ngrps` elements.
    let all = unsafe { std::slice::from_raw_parts(root.groups, root.ngrps.into()) };
    SmallVec::from_slice(all)
}

/// The root frame of a new stack, at translator `xl`, for a request of `fop`; NULL
/// without memory. To be given to [`destroy`] when the answer has come.
///
/// # Safety
/// `xl` is a live translator.
pub unsafe fn create(
    xl: *mut gf::xlator_t,
    fop: &Fop,
    credentials: &Credentials,
) -> *mut gf::call_frame_t {
    // SAFETY: by contract; the context and its pool are for the process's life. The new
    // stack is nobody else's until it is wound; `groups_large` is given to GF_FREE by
    // `destroy`.
    unsafe {
        let frame = gf::create_frame(xl, (*(*xl).ctx).pool.cast());
        if frame.is_null() {
            return frame;
        }
        let root = &mut *(*frame).root;
        root.uid = credentials.uid;
        root.gid = credentials.gid;
        root.pid = credentials.pid;
        root.unique = credentials.unique;
        root.op = fop.index as i32;
        root.type_ = gf::GF_OP_TYPE_FOP as i8;
        let count = credentials.groups.len();
        root.groups = root.groups_small.as_mut_ptr();
        if count > root.groups_small.len() {
            let size = size_of_val(credentials.groups.as_slice());
            let kind = gf::gf_common_mt_groups_t;
            root.groups_large =
                gf::__gf_calloc(1, size, kind, c"gf_common_mt_groups_t".as_ptr()).cast();
            if root.groups_large.is_null() {
                destroy(frame);
                return ptr::null_mut();
            }
            root.groups = root.groups_large;
        }
        ptr::copy_nonoverlapping(credentials.groups.as_ptr(), root.groups, count);
        root.ngrps = count as u16;
        if let Some(client) = &credentials.client {
            // Given back by `destroy`.
            root.client = gf::gf_client_ref(client.raw().ptr.cast());
        }
        let address = root as *mut gf::call_stack_t as usize;
        let own = address.to_ne_bytes();
        let owner = credentials.lk_owner.as_deref().unwrap_or(&own);
        root.lk_owner.len = owner.len() as i32;
        for (place, byte) in root.lk_owner.data.iter_mut().zip(owner) {
            *place = *byte as libc::c_char;
        }
        // storage/posix takes a file's times from here, those that the fop changes.
        root.ctime = credentials.made;
        if root.ctime.tv_sec == 0 {
            libc::clock_gettime(libc::CLOCK_REALTIME, (&raw mut root.ctime).cast());
        }
        root.flags = match credentials.times {
            (op, times) if op == root.op => times,
            (_, 0) if !requests_say_times(xl) => 0,
            _ => fop.times,
        };
        frame
    }
}

/// Whether requests say which times they change: features/utime has them do so in clients,
/// and glusterd puts it there if the bricks keep times (`features.ctime`). Elsewhere saying
/// it would have storage/posix begin to keep the times of a file, which other requests would
/// not change.
///
/// # Safety
/// A live translator of a graph that is complete.
unsafe fn requests_say_times(xl: *const gf::xlator_t) -> bool {
    // SAFETY: by contract; glusterd names the brick to its process.
    unsafe { !(*(*xl).ctx).cmd_args.brick_name.is_null() || is_below_utime(xl) }
}

/// # Safety
/// As above.
unsafe fn is_below_utime(xl: *const gf::xlator_t) -> bool {
    // SAFETY: by contract; a translator has a type, and a list of its parents.
    unsafe {
        let mut parents = (*xl).parents;
        while let Some(parent) = parents.as_ref() {
            let above = parent.xlator;
            if CStr::from_ptr((*above).type_) == c"features/utime" || is_below_utime(above) {
                return true;
            }
            parents = parent.next;
        }
    }
    false
}

/// Ends a stack with all its frames (STACK_DESTROY). The GIL is not held.
///
/// # Safety
/// `frame` is the root frame of a stack from [`create`] on which no wind is open; it is
/// not touched afterwards.
pub unsafe fn destroy(frame: *mut gf::call_frame_t) {
    // SAFETY: by contract; the same steps as STACK_DESTROY in stack.h.
    unsafe {
        let root = (*frame).root;
        let pool = (*root).pool;
        let ctx = (*root).ctx;
        libc::pthread_mutex_lock((&raw mut (*pool).lock).cast());
        list::remove(compat::all_frames(root));
        (*pool).cnt -= 1;
        libc::pthread_mutex_unlock((&raw mut (*pool).lock).cast());
        libc::pthread_mutex_destroy((&raw mut (*root).stack_lock).cast());
        for links in list::elements::<gf::list_head>(&raw mut (*root).myframes) {
            let frame: *mut gf::call_frame_t = links.byte_sub(LINKS).cast();
            if (*ctx).measure_latency != 0 {
                gf::gf_frame_latency_update(frame);
            }
            list::remove(links);
            libc::pthread_mutex_destroy((&raw mut (*frame).lock).cast());
            gf::mem_put_pool(frame.cast());
        }
        let client = (*root).client;
        gf::__gf_free((*root).groups_large.cast());
        gf::mem_put_pool(root.cast());
        if !client.is_null() {
            gf::gf_client_unref(client);
        }
    }
}
