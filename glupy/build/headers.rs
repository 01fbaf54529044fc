//! GlusterFS's headers as bindgen reads them: `gf.rs`.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use codegen::headers::read::{self, Listener, Notes, bindgen};

/// The functions of libglusterfs that the runtime calls. Each is exported;
/// `tests/test_install.py` holds the built library against libglusterfs.
const FUNCTIONS: &[&str] = &[
    "__gf_calloc",
    "__gf_free",
    "__gf_malloc",
    "__glusterfs_this_location",
    "_gf_log",
    "create_frame",
    "data_from_dynptr",
    "data_ref",
    "data_unref",
    "default_notify",
    "dict_addn",
    "dict_deln",
    "dict_foreach",
    "dict_get_with_ref",
    "dict_new",
    "dict_ref",
    "dict_set_dynstr_with_alloc",
    "dict_setn",
    "dict_unref",
    "entry_copy",
    "fd_anonymous",
    "fd_bind",
    "fd_create_uint64",
    "fd_ctx_del",
    "fd_ctx_get",
    "fd_ctx_set",
    "fd_ref",
    "fd_unref",
    "gf_asprintf",
    "gf_client_put",
    "gf_client_ref",
    "gf_client_unref",
    "gf_dirent_for_name",
    "gf_dirent_free",
    "gf_frame_latency_update",
    "gf_proc_dump_add_section",
    "gf_proc_dump_write",
    "gf_string2boolean",
    "gf_string2bytesize_uint64",
    "gf_string2percent",
    "gf_string2time",
    "inode_ctx_get0",
    "inode_ctx_set0",
    "inode_find",
    "inode_link",
    "inode_new",
    "inode_parent",
    "inode_path",
    "inode_ref",
    "inode_unref",
    "iobref_add",
    "iobref_new",
    "iobref_ref",
    "iobref_size",
    "iobref_unref",
    "iobuf_get2",
    "iobuf_unref",
    "loc_copy",
    "loc_wipe",
    "mem_get_calloc",
    "mem_put_pool",
    "synctask_get",
];

/// GlusterFS's headers.
pub struct Headers {
    /// As Rust.
    pub bindings: String,
    /// The folder that they were found in: it holds `glusterfs/xlator.h`.
    pub dir: PathBuf,
}

/// The types and functions that the runtime uses, and all that these refer to, from the
/// headers in `GLUPY_INCLUDE` (a folder that holds `glusterfs/xlator.h`), or from where
/// pkg-config says.
///
/// # Errors
/// What is wrong with them, and what to do.
pub fn bind() -> Result<Headers, String> {
    let Some(told) = env::var_os("GLUPY_INCLUDE").map(PathBuf::from) else {
        return read(&installed()?);
    };
    let wrong = |error| format!("GLUPY_INCLUDE={}: {error}", told.display());
    // Relative to what? The build runs in a folder of its own.
    if !told.is_absolute() {
        return Err(wrong("expected an absolute path".to_owned()));
    }
    read::complete(&told).map_err(|error| wrong(error.to_string()))?;
    let headers = read(std::slice::from_ref(&told))?;
    match headers.dir == told {
        true => Ok(headers),
        false => Err(wrong(format!(
            "the headers that are read are those in {}",
            headers.dir.display()
        ))),
    }
}

/// Where pkg-config says that they are.
fn installed() -> Result<Vec<PathBuf>, String> {
    let library = pkg_config::Config::new()
        .cargo_metadata(false)
        .probe("glusterfs-api");
    let mut dirs = library
        .map_err(|error| {
            format!(
                "GlusterFS's headers are missing (Debian: apt-get install libglusterfs-dev): {error}"
            )
        })?
        .include_paths;
    dirs.push(PathBuf::from("/usr/include"));
    Ok(dirs)
}

fn read(dirs: &[PathBuf]) -> Result<Headers, String> {
    let notes = Rc::new(RefCell::new(Notes::default()));
    let mut builder = read::builder(dirs)
        .parse_callbacks(Box::new(Listener(Rc::clone(&notes))))
        .allowlist_type(
            "xlator_api_t|xlator_fops|call_frame_t|call_stack_t|_gf_dirent|gf_flock|gf_lease",
        )
        .allowlist_type(
            "lock_migration_info_t|volume_option_t|iatt|statvfs|iobref|gf_loglevel_t|fop_.*_t",
        )
        .allowlist_type(
            "glusterfs_fop_t|glusterfs_event_t|client_t|mem_types_|gf_common_mem_types_|gf_dict_data_type_t|mdata_iatt|gf_op_type_t|_gf_special_pid",
        )
        .allowlist_var("IATT_.*|MDATA_.*|GD_OP_VERSION_[0-9_]+|global_xlator")
        .merge_extern_blocks(true)
        .formatter(bindgen::Formatter::Prettyplease);
    for function in FUNCTIONS {
        builder = builder.allowlist_function(function);
    }
    let bindings = builder
        .generate()
        .map_err(|error| format!("bindgen can not read GlusterFS's headers: {error}"))?;
    let files = notes.take().files;
    // Also of others: GlusterFS's headers take types from theirs.
    for file in &files {
        println!("cargo::rerun-if-changed={file}");
    }
    let dir = folder(&files).ok_or("there is no glusterfs/xlator.h among the headers")?;
    read::all_from(&dir, &files).map_err(|error| error.to_string())?;
    Ok(Headers {
        bindings: bindings.to_string(),
        dir,
    })
}

/// The folder that GlusterFS's headers were read from.
fn folder(files: &BTreeSet<String>) -> Option<PathBuf> {
    let mut folders = files.iter().map(Path::new).filter_map(|file| {
        file.ends_with("glusterfs/xlator.h")
            .then(|| file.parent()?.parent())
            .flatten()
    });
    folders.next().map(Path::to_owned)
}
