//! GlusterFS's headers as bindgen reads them: `gf.rs`.

use std::env;
use std::path::PathBuf;

use codegen::headers::read::{self, bindgen};

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

/// Directories with GlusterFS's headers: `GLUPY_INCLUDE` (a folder that holds
/// `glusterfs/xlator.h`) or what pkg-config says.
fn include_dirs() -> Vec<PathBuf> {
    if let Some(dir) = env::var_os("GLUPY_INCLUDE") {
        return vec![PathBuf::from(dir)];
    }
    let mut library = pkg_config::Config::new()
        .cargo_metadata(false)
        .probe("glusterfs-api")
        .unwrap_or_else(|error| {
            panic!("GlusterFS's headers are missing (Debian: apt-get install libglusterfs-dev): {error}")
        });
    library.include_paths.push(PathBuf::from("/usr/include"));
    library.include_paths
}

/// The types and functions that the runtime uses, and all that these refer to.
pub fn bind() -> String {
    let mut builder = read::builder(&include_dirs())
        .allowlist_type(
            "xlator_api_t|xlator_fops|call_frame_t|call_stack_t|_gf_dirent|gf_flock|gf_lease",
        )
        .allowlist_type(
            "lock_migration_info_t|volume_option_t|iatt|statvfs|iobref|gf_loglevel_t|fop_.*_t",
        )
        .allowlist_type(
            "glusterfs_fop_t|glusterfs_event_t|client_t|mem_types_|gf_common_mem_types_|gf_dict_data_type_t|mdata_iatt|gf_op_type_t|_gf_special_pid",
        )
        .allowlist_var("IATT_.*|MDATA_.*|GD_OP_VERSION_[0-9_]+")
        .merge_extern_blocks(true)
        .formatter(bindgen::Formatter::Prettyplease);
    for function in FUNCTIONS {
        builder = builder.allowlist_function(function);
    }
    let bindings = builder
        .generate()
        .unwrap_or_else(|error| panic!("bindgen can not read GlusterFS's headers: {error}"));
    bindings.to_string()
}
