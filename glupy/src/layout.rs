//! Whether the structures of the GlusterFS that runs are those that this library was built
//! with: a build of the same version may have been configured or patched in another way.
//! What is probed here is probed before any pointer in these structures is followed.

use std::ffi::c_void;
use std::mem::{MaybeUninit, offset_of};
use std::ptr;
use std::sync::OnceLock;

use crate::fingerprint::built_for;
use crate::gf;
use crate::life::xlator_api;

/// When this library is loaded: libglusterfs has a translator of its own, and its symbol
/// tells how large that is.
///
/// # Errors
/// What differs, for the log.
pub fn at_load() -> Result<(), String> {
    let theirs = size_of_object(&raw const gf::global_xlator);
    theirs.map_or(Ok(()), |theirs| {
        same("xlator_t", size_of::<gf::xlator_t>(), theirs)
    })
}

// Of dlfcn.h; libc lacks it.
const RTLD_DL_SYMENT: libc::c_int = 1;

/// The size of an object of a loaded library, if it exports that one.
fn size_of_object<T>(address: *const T) -> Option<usize> {
    let mut info = MaybeUninit::<libc::Dl_info>::uninit();
    let mut symbol = ptr::null_mut::<c_void>();
    // SAFETY: looks the address up, and writes both of these when it answers other than 0.
    let (found, info) = unsafe {
        let found = libc::dladdr1(
            address.cast(),
            info.as_mut_ptr(),
            &raw mut symbol,
            RTLD_DL_SYMENT,
        );
        (found != 0, info.assume_init_ref())
    };
    if !found || !ptr::eq(info.dli_saddr, address.cast()) || symbol.is_null() {
        return None;
    }
    // SAFETY: an entry of the library's table of symbols, which stays with it.
    Some(unsafe { (*symbol.cast::<libc::Elf64_Sym>()).st_size } as usize)
}

static CHECKED: OnceLock<Result<(), String>> = OnceLock::new();

/// When the first volume starts.
///
/// # Errors
/// What differs, for the log.
///
/// # Safety
/// The loader has called `init` with this translator.
pub unsafe fn at_init(xl: *const gf::xlator_t) -> Result<(), String> {
    let check = || {
        // SAFETY: by contract; as large as we believe, see `at_load`.
        unsafe { members(xl) }.and_then(pools)
    };
    CHECKED.get_or_init(check).clone()
}

/// Whether another layout has been found.
pub fn refused() -> bool {
    CHECKED.get().is_some_and(Result::is_err)
}

/// Whether the members stand where the loader has put what it took from `xlator_api`, on both
/// sides of those that are not known. Answers one of the latter.
///
/// # Safety
/// As much memory as a translator.
unsafe fn members(xl: *const gf::xlator_t) -> Result<*mut gf::glusterfs_ctx_t, String> {
    macro_rules! check {
        ($($member:ident),*) => {
            // SAFETY: by contract; nobody writes to the interface after it has been loaded.
            unsafe {
                $(if (*xl).$member as usize != xlator_api.$member as usize {
                    return Err(differs(&format!("{} of xlator_t is not in its place", stringify!($member))));
                })*
            }
        };
    }
    macro_rules! check_functions {
        ($($member:ident),*) => {
            // SAFETY: as above.
            unsafe {
                $(if (*xl).$member.map(|f| f as usize) != xlator_api.$member.map(|f| f as usize) {
                    return Err(differs(&format!("{} of xlator_t is not in its place", stringify!($member))));
                })*
            }
        };
    }
    check!(fops, cbks, dumpops, identifier, category);
    check_functions!(fini, init, reconfigure, notify);
    // SAFETY: as above.
    Ok(unsafe { (*xl).ctx })
}

/// Holds the sizes of this library's structures against those in GlusterFS's pools.
fn pools(ctx: *mut gf::glusterfs_ctx_t) -> Result<(), String> {
    let lost = |what: &str| differs(&format!("{what} leads nowhere"));
    macro_rules! member {
        ($of:expr, $structure:ty, $member:ident) => {
            peek($of, offset_of!($structure, $member)).ok_or_else(|| {
                lost(&format!(
                    "{} of {}",
                    stringify!($member),
                    stringify!($structure)
                ))
            })
        };
    }
    let size = |pool: *mut gf::mem_pool| -> Result<usize, String> {
        // A GlusterFS that was configured to do without pools has the size in its place.
        if pool.addr() < 4096 {
            return Ok(pool.addr());
        }
        let size: libc::c_ulong = member!(pool, gf::mem_pool, sizeof_type)?;
        Ok(size as usize)
    };
    let pool: *mut gf::call_pool_t = member!(ctx, gf::glusterfs_ctx_t, pool)?;
    let frames = size(member!(pool, gf::call_pool_t, frame_mem_pool)?)?;
    let stacks = size(member!(pool, gf::call_pool_t, stack_mem_pool)?)?;
    let dicts = size(member!(ctx, gf::glusterfs_ctx_t, dict_pool)?)?;
    let values = size(member!(ctx, gf::glusterfs_ctx_t, dict_data_pool)?)?;
    same("call_frame_t", size_of::<gf::call_frame_t>(), frames)?;
    same("call_stack_t", size_of::<gf::call_stack_t>(), stacks)?;
    same("dict_t", size_of::<gf::dict_t>(), dicts)?;
    same("data_t", size_of::<gf::data_t>(), values)
}

/// What may be read as any bits that there are.
trait Plain: Copy {}
impl Plain for libc::c_ulong {}
impl<T> Plain for *mut T {}

/// What stands at an offset behind a pointer that may lead anywhere; None where there is no
/// memory. The kernel looks: a pipe takes the bytes only if they can be read.
fn peek<S, T: Plain>(structure: *const S, offset: usize) -> Option<T> {
    let mut ends = [0; 2];
    let mut value = MaybeUninit::<T>::uninit();
    let from: *const c_void = structure.wrapping_byte_add(offset).cast();
    let whole = size_of::<T>() as isize;
    // SAFETY: writes two descriptors, which are ours and closed here; write(2) fails where
    // the process can not read, and read(2) writes as many bytes as `value` has.
    unsafe {
        if libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) != 0 {
            return None;
        }
        let read = libc::write(ends[1], from, size_of::<T>()) == whole
            && libc::read(ends[0], value.as_mut_ptr().cast(), size_of::<T>()) == whole;
        libc::close(ends[0]);
        libc::close(ends[1]);
        read.then(|| value.assume_init())
    }
}

fn same(name: &str, ours: usize, theirs: usize) -> Result<(), String> {
    match ours == theirs {
        true => Ok(()),
        false => Err(differs(&format!(
            "{name} has {ours} bytes there and {theirs} here"
        ))),
    }
}

fn differs(what: &str) -> String {
    format!(
        "the headers that this glupy.so was built with are not those of this GlusterFS {}: \
         {what}; build it with the right ones (make)",
        built_for()
    )
}
