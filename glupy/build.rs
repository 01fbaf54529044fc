//! Reads the installed GlusterFS headers: writes `gf.rs` (bindgen) and tells the
//! compiler which fops they have (`cfg(fop_X)`), where libglusterfs is and which
//! Python will be embedded.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// What GlusterFS was configured with. Its headers do not say (no `config.h` is
/// installed): without the first line they do not compile, without the second
/// they compile to layouts that differ from the library's.
const DEFINES: &[&str] = &[
    "-DSIZEOF_LONG=8",
    "-DHAVE_ATOMIC_BUILTINS",
    "-D_FILE_OFFSET_BITS=64",
    "-D_GNU_SOURCE",
    "-DGF_LINUX_HOST_OS",
];

/// The functions of libglusterfs that the runtime calls. Each is exported;
/// `tests/test_install.py` holds the built library against libglusterfs.
const FUNCTIONS: &[&str] = &[
    "__glusterfs_this_location",
    "_gf_log",
    "dict_foreach",
    "dict_get_with_ref",
    "data_unref",
    "default_notify",
    "dict_set_dynstr_with_alloc",
    "dict_ref",
    "dict_unref",
    "entry_copy",
    "fd_ctx_del",
    "fd_ctx_get",
    "fd_ctx_set",
    "fd_ref",
    "fd_unref",
    "gf_client_ref",
    "gf_client_unref",
    "gf_dirent_free",
    "gf_proc_dump_add_section",
    "gf_proc_dump_write",
    "gf_string2boolean",
    "gf_string2bytesize_uint64",
    "gf_string2percent",
    "gf_string2time",
    "inode_ctx_get0",
    "inode_ctx_set0",
    "inode_ref",
    "inode_unref",
    "iobref_ref",
    "iobref_unref",
    "iobref_size",
    "loc_copy",
    "loc_wipe",
    "mem_get_calloc",
    "mem_put_pool",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/gf.h");
    println!("cargo::rerun-if-changed=src/generated/fops.rs");
    println!("cargo::rerun-if-env-changed=GLUPY_INCLUDE");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let bindings = bind_headers(&out.join("gf.rs"));
    select_fops(&bindings);
    link();
    describe_python();
}

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

fn bind_headers(target: &Path) -> String {
    let mut builder = bindgen::Builder::default()
        .header("src/gf.h")
        .clang_args(DEFINES)
        .clang_args(include_dirs().iter().flat_map(|dir| {
            // GlusterFS's own headers include each other as <glusterfs/x.h>
            // and, in places, as "x.h".
            [
                format!("-I{}", dir.display()),
                format!("-I{}/glusterfs", dir.display()),
            ]
        }))
        .allowlist_type(
            "xlator_api_t|xlator_fops|call_frame_t|call_stack_t|_gf_dirent|gf_flock|gf_lease",
        )
        .allowlist_type(
            "lock_migration_info_t|volume_option_t|iatt|statvfs|iobref|gf_loglevel_t|fop_.*_t",
        )
        .allowlist_type("glusterfs_fop_t|glusterfs_event_t|client_t")
        // An array of this alias holds a fop's position in the table; the
        // callbacks' positions are not used.
        .blocklist_type("fop_metrics.*")
        .default_enum_style(bindgen::EnumVariation::Consts)
        .prepend_enum_name(false)
        .derive_default(false)
        .layout_tests(true)
        .merge_extern_blocks(true)
        .generate_comments(false)
        .formatter(bindgen::Formatter::Prettyplease);
    for function in FUNCTIONS {
        builder = builder.allowlist_function(function);
    }
    let bindings = builder
        .generate()
        .unwrap_or_else(|error| panic!("bindgen can not read GlusterFS's headers: {error}"));
    let text = bindings.to_string();
    fs::write(target, &text).expect("write gf.rs");
    text
}

/// Sets `cfg(fop_X)` for each fop that the headers and the schema have, and says
/// which ones are left out.
fn select_fops(bindings: &str) {
    let headers = table_slots(bindings);
    for fop in generated_fops() {
        println!("cargo::rustc-check-cfg=cfg(fop_{fop})");
        if headers.contains(&fop) {
            println!("cargo::rustc-cfg=fop_{fop}");
        } else {
            println!("cargo::warning=left out: these GlusterFS headers have no fop {fop}");
        }
    }
}

/// The fields of `struct xlator_fops`.
fn table_slots(bindings: &str) -> BTreeSet<String> {
    let file = syn::parse_file(bindings).expect("bindgen's output is Rust");
    let table = file.items.iter().find_map(|item| match item {
        syn::Item::Struct(item) if item.ident == "xlator_fops" => Some(item),
        _ => None,
    });
    let table = table.expect("the headers have struct xlator_fops");
    table
        .fields
        .iter()
        .filter_map(|field| field.ident.as_ref())
        .map(ToString::to_string)
        .collect()
}

/// The modules of `generated/fops.rs`, one for each fop of the schema.
fn generated_fops() -> Vec<String> {
    let text = fs::read_to_string("src/generated/fops.rs")
        .expect("src/generated/fops.rs is missing: cargo codegen generate");
    let file = syn::parse_file(&text).expect("generated/fops.rs is Rust");
    file.items
        .iter()
        .filter_map(|item| match item {
            syn::Item::Mod(module) => Some(module.ident.to_string()),
            _ => None,
        })
        .map(|name| name.trim_start_matches("r#").to_owned())
        .collect()
}

fn link() {
    let libdir = pkg_config::get_variable("glusterfs-api", "libdir").unwrap_or_default();
    if !libdir.is_empty() {
        println!("cargo::rustc-link-search=native={libdir}");
    }
    println!("cargo::rustc-link-lib=dylib=glusterfs");
    // The graph that goes away calls dlclose; Python and its thread states must
    // not lose the code below them.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}

/// Where the embedded Python finds its standard library: told at build time,
/// because at run time Python would search PATH and might find another one.
fn describe_python() {
    let config = pyo3_build_config::get();
    assert!(
        !config
            .build_flags()
            .0
            .iter()
            .any(|flag| flag.to_string() == "Py_GIL_DISABLED"),
        "Glupy needs a Python with the GIL: choose another one with PYO3_PYTHON"
    );
    let executable = config
        .executable()
        .expect("PyO3 knows the interpreter: set PYO3_PYTHON");
    let script = "import sys; print(sys.base_prefix + ':' + sys.base_exec_prefix); print(sys._base_executable)";
    let output = Command::new(executable)
        .args(["-I", "-c", script])
        .output()
        .unwrap_or_else(|error| panic!("{executable} does not run: {error}"));
    let text = String::from_utf8(output.stdout).expect("a path in UTF-8");
    let (home, executable) = text.trim().split_once('\n').expect("two lines");
    println!("cargo::rustc-env=GLUPY_PYTHON_HOME={home}");
    println!("cargo::rustc-env=GLUPY_PYTHON_EXECUTABLE={executable}");
}
