//! GlusterFS's file descriptors, which no process that Python makes may have: as long as one
//! has /dev/fuse, the kernel does not see that the daemon has died, and every access to the
//! mount hangs. With a socket the other end does not see it; with a file of a brick, its file
//! system can not be unmounted.
//!
//! GlusterFS sets close-on-exec on its sockets only. The others are looked for when a volume
//! starts and before Python makes a process that keeps what is open. A process that is forked,
//! and executes nothing, gets /dev/null in the place of each of them.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fs;
use std::os::fd::RawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use crate::gf;
use crate::xlator;

/// The device of FUSE: major 10, minor 229.
const FUSE: u64 = libc::makedev(10, 229);

/// What an epoll is called in /proc.
const EPOLL: &str = "anon_inode:[eventpoll]";

/// What Python tells before it makes a process that may keep descriptors (`sys.audit`).
const EVENTS: [&CStr; 5] = [
    c"os.system",
    c"os.posix_spawn",
    c"os.exec",
    c"pty.spawn",
    c"subprocess.Popen",
];

/// By what GlusterFS's descriptors are known.
#[derive(Clone, Default)]
struct Known {
    /// The folders of bricks, and the files of logs.
    paths: Vec<PathBuf>,
    /// The epolls that watch connections.
    polls: Vec<RawFd>,
}

/// Never freed, since it is read without a lock: in a forked process nobody might be left to
/// unlock one.
static KNOWN: AtomicPtr<Known> = AtomicPtr::new(ptr::null_mut());
static LEARNING: Mutex<()> = Mutex::new(());

fn known() -> Known {
    // SAFETY: what is put there is not changed any more.
    unsafe { KNOWN.load(Ordering::Acquire).as_ref() }
        .cloned()
        .unwrap_or_default()
}

/// What a descriptor is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What every process may have.
    Other,
    /// The log: forked processes write to it.
    Log,
    /// A connection, a file of a brick.
    Own,
}

/// Learns what belongs to the process of a translator.
///
/// # Safety
/// A translator in its `init`.
pub unsafe fn learn(xl: *mut gf::xlator_t) {
    // SAFETY: by contract; options are strings, a translator in its graph has a type and a
    // context.
    let found = unsafe {
        let mut found = bricks(xl);
        let log = (*(*xl).ctx).log.filename;
        if !log.is_null() {
            found.push(path(log));
        }
        found
    };
    let learning = LEARNING.lock();
    let mut known = known();
    for path in found {
        if !known.paths.contains(&path) {
            known.paths.push(path);
        }
    }
    known.polls.retain(|fd| watches(*fd).is_some());
    // Python's own are closed on exec from the beginning.
    each(|fd| {
        if !has_close_on_exec(fd) && watches(fd).is_some() {
            known.polls.push(fd);
        }
    });
    KNOWN.store(Box::leak(Box::new(known)), Ordering::Release);
    drop(learning);
    close_on_exec();
}

unsafe fn path(text: *const c_char) -> PathBuf {
    // SAFETY: by contract a C string.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    let path = PathBuf::from(text.as_ref());
    fs::canonicalize(&path).unwrap_or(path)
}

/// The folders of storage/posix below a translator.
///
/// # Safety
/// A translator of a graph that is complete.
unsafe fn bricks(xl: *mut gf::xlator_t) -> Vec<PathBuf> {
    // SAFETY: by contract.
    unsafe {
        let mut found = Vec::new();
        if CStr::from_ptr((*xl).type_) == c"storage/posix" {
            let options = xlator::options(xl).into_iter();
            let folders = options.filter(|(name, _)| name == "directory");
            found.extend(folders.map(|(_, folder)| {
                fs::canonicalize(&folder).unwrap_or_else(|_| PathBuf::from(folder))
            }));
        }
        for child in xlator::children(xl) {
            found.extend(bricks(child));
        }
        found
    }
}

/// Calls a function for each descriptor of this process.
fn each(mut f: impl FnMut(RawFd)) {
    let Ok(folder) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    // All of them first: to look opens another one.
    let all: Vec<_> = folder.flatten().map(|entry| entry.file_name()).collect();
    for name in all {
        if let Some(fd) = name.to_str().and_then(|name| name.parse().ok()) {
            f(fd);
        }
    }
}

fn has_close_on_exec(fd: RawFd) -> bool {
    // SAFETY: a plain call.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    flags & libc::FD_CLOEXEC != 0
}

fn kind(fd: RawFd, known: &Known) -> Kind {
    if fd <= libc::STDERR_FILENO {
        return Kind::Other; // which GlusterFS leaves to others, too
    }
    let link = format!("/proc/self/fd/{fd}");
    let Ok(target) = fs::read_link(&link) else {
        return Kind::Other;
    };
    let target = target.as_path();
    if known.polls.contains(&fd) && target == Path::new(EPOLL) {
        return Kind::Own;
    }
    let is_fuse = |data: fs::Metadata| data.file_type().is_char_device() && data.rdev() == FUSE;
    if target.starts_with("/dev") && fs::metadata(&link).is_ok_and(is_fuse) {
        return Kind::Own;
    }
    match known.paths.iter().find(|path| target.starts_with(path)) {
        Some(path) if path == target && !path.is_dir() => Kind::Log,
        Some(_) => Kind::Own,
        None => Kind::Other,
    }
}

/// Keeps GlusterFS's descriptors from programs that are executed.
fn close_on_exec() {
    let known = known();
    each(|fd| {
        if !has_close_on_exec(fd) && kind(fd, &known) != Kind::Other {
            // SAFETY: changes nothing that GlusterFS sees: it executes nothing that is to have it.
            unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    });
}

/// What an epoll of GlusterFS's watches: its connections. None for what is no epoll.
fn watches(fd: RawFd) -> Option<Vec<RawFd>> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
    let watched = |line: &str| {
        line.strip_prefix("tfd:")?
            .split_whitespace()
            .next()?
            .parse()
            .ok()
    };
    let link = fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
    (link == Path::new(EPOLL)).then(|| text.lines().filter_map(watched).collect())
}

/// Puts /dev/null in the place of all of them: this process was just forked.
pub fn replace() {
    // SAFETY: opens and closes a descriptor of its own; puts it in the place of others, which
    // stay open in the parent.
    unsafe {
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
        if null < 0 {
            return;
        }
        let known = known();
        each(|fd| {
            if fd != null && kind(fd, &known) == Kind::Own {
                for connection in watches(fd).unwrap_or_default() {
                    libc::dup3(null, connection, libc::O_CLOEXEC);
                }
                libc::dup3(null, fd, libc::O_CLOEXEC);
            }
        });
        libc::close(null);
    }
}

/// Hears from Python of processes that it is about to make.
///
/// # Errors
/// Why that can not be.
pub fn watch(_py: Python<'_>) -> Result<(), String> {
    unsafe extern "C" {
        fn PySys_AddAuditHook(
            hook: extern "C" fn(*const c_char, *mut ffi::PyObject, *mut c_void) -> c_int,
            data: *mut c_void,
        ) -> c_int;
    }
    extern "C" fn hear(event: *const c_char, _: *mut ffi::PyObject, _: *mut c_void) -> c_int {
        // SAFETY: Python gives the event's name.
        let event = unsafe { CStr::from_ptr(event) };
        if EVENTS.contains(&event) {
            close_on_exec();
        }
        0
    }
    // SAFETY: called with the GIL; the function is never unloaded (see build.rs).
    match unsafe { PySys_AddAuditHook(hear, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err("Python does not tell of processes that it makes".to_owned()),
    }
}
