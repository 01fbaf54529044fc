//! What this library was made for and of, held against what it finds itself in: another
//! GlusterFS has other structures, another `gluster.py` other fops. Either is refused.

use std::ffi::{c_int, c_void};
use std::hint::black_box;
use std::{panic, slice};

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

use crate::generated::FINGERPRINT;
use crate::gf;
use crate::layout;
use crate::life;
use crate::log;
use crate::version;

/// In the file for `grep` to find, too (README.md).
static BUILT_FOR: &str = concat!("built for GlusterFS ", env!("GLUPY_GLUSTERFS"));

/// The version of the GlusterFS that this library was built for.
pub fn built_for() -> &'static str {
    // Read, and not built into the comparisons: the file says it in this one place.
    let text = black_box(BUILT_FOR);
    text.rsplit(' ').next().unwrap_or(text)
}

/// Runs when this library is loaded. The layout of `xlator_api` itself differs between
/// versions: the loader must not see it when this is not the right one.
// SAFETY: the loader calls what stands in this section, with arguments that a C function
// need not take.
#[used]
#[unsafe(link_section = ".init_array")]
static ON_LOAD: extern "C" fn() = on_load;

extern "C" fn on_load() {
    let checked = panic::catch_unwind(|| glusterfs(running()).and_then(|()| layout::at_load()));
    let Ok(Err(reason)) = checked else { return };
    log::error(c"glupy", &reason);
    life::withdraw();
}

fn glusterfs(running: Option<&str>) -> Result<(), String> {
    let built_for = built_for();
    match running {
        Some(running) if running == built_for => Ok(()),
        Some(running) => Err(format!(
            "this glupy.so was built for GlusterFS {built_for}, but this is GlusterFS {running}: \
             install one that was built with the headers of {running} (make && make install)"
        )),
        None => Err(format!(
            "this glupy.so was built for GlusterFS {built_for}, but this libglusterfs does not \
             tell which it is: install a glupy.so that was built with its headers"
        )),
    }
}

/// The version of the libglusterfs in this process.
fn running() -> Option<&'static str> {
    struct Search {
        /// An address in libglusterfs.
        address: usize,
        found: Option<&'static str>,
    }

    unsafe extern "C" fn look(
        object: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        search: *mut c_void,
    ) -> c_int {
        // SAFETY: dl_iterate_phdr gives a loaded object, and the search back.
        let (base, headers, search) = unsafe {
            let object = &*object;
            let headers = slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into());
            (object.dlpi_addr, headers, &mut *search.cast::<Search>())
        };
        let loaded = headers
            .iter()
            .filter(|header| header.p_type == libc::PT_LOAD);
        let start = |header: &libc::Elf64_Phdr| (base + header.p_vaddr) as usize;
        let holds = |header: &libc::Elf64_Phdr| {
            (start(header)..start(header) + header.p_memsz as usize).contains(&search.address)
        };
        if !loaded.clone().any(holds) {
            return 0;
        }
        let constant = |flags: u32| flags & libc::PF_R != 0 && flags & libc::PF_W == 0;
        search.found = loaded
            .filter(|header| constant(header.p_flags))
            .find_map(|header| {
                // SAFETY: a readable segment of libglusterfs, which this library needs and
                // which therefore stays; nobody writes to it.
                version::of(unsafe {
                    slice::from_raw_parts(start(header) as *const u8, header.p_memsz as usize)
                })
            });
        1
    }

    let mut search = Search {
        address: gf::__glusterfs_this_location as *const () as usize,
        found: None,
    };
    // SAFETY: `look` gets the search back; it calls nothing of the loader.
    unsafe { libc::dl_iterate_phdr(Some(look), (&raw mut search).cast()) };
    search.found
}

/// Holds the schema of this library against that of the `gluster` that Python imports.
///
/// # Errors
/// ImportError with what to do.
pub fn python(py: Python<'_>) -> PyResult<()> {
    let gluster = py.import("gluster")?;
    let theirs = gluster
        .getattr("_FINGERPRINT")
        .and_then(|theirs| theirs.extract::<String>());
    if theirs.is_ok_and(|theirs| theirs == FINGERPRINT) {
        return Ok(());
    }
    let file = gluster
        .filename()
        .map_or_else(|_| "no file".to_owned(), |file| file.to_string());
    let report = if file.starts_with("<glupy.so>") {
        "the gluster.py in this glupy.so was generated from another fops.yaml than its Rust side: \
         make generate, build and install it again"
            .to_owned()
    } else {
        format!(
            "the module gluster of this process is {file}, not the one in glupy.so: remove it, or \
             do not import it before the volume starts"
        )
    };
    let error = PyImportError::new_err(report.clone());
    error.value(py).setattr("report", report)?;
    Err(error)
}
