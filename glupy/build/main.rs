//! What depends on the installed GlusterFS and on the Python that is embedded: the
//! headers as Rust types (`gf.rs`) and as ctypes structures (`structures.py`), the
//! fops that they have (`cfg(fop_X)`), where libglusterfs and Python are, and the Python side
//! in that Python's bytecode.

mod ctypes;
mod gluster;
mod headers;
mod layout;
mod modules;
mod select;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/generated/fops.rs");
    println!("cargo::rerun-if-env-changed=GLUPY_INCLUDE");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    if let Err(reason) = gluster(&out) {
        println!("cargo::error={reason}");
    }
    modules::write(&out, &describe_python());
}

/// What comes from GlusterFS: its headers, and the library that they belong to.
fn gluster(out: &Path) -> Result<(), String> {
    let headers = headers::bind()?;
    fs::write(out.join("gf.rs"), &headers.bindings).expect("write gf.rs");
    let bindings = syn::parse_file(&headers.bindings).expect("bindgen's output is Rust");
    fs::write(out.join("structures.py"), ctypes::module(&bindings)).expect("write structures.py");
    select::fops(&bindings);
    link(&gluster::library(&bindings, &headers.dir)?);
    Ok(())
}

fn link(library: &gluster::Library) {
    println!(
        "cargo::rustc-link-search=native={}",
        library.folder.display()
    );
    println!("cargo::rustc-link-lib=dylib=glusterfs");
    println!("cargo::rustc-env=GLUPY_GLUSTERFS={}", library.version);
    // The graph that goes away calls dlclose; Python and its thread states must
    // not lose the code below them.
    println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
}

/// Where the embedded Python finds its standard library: told at build time,
/// because at run time Python would search PATH and might find another one. Its interpreter.
fn describe_python() -> String {
    pyo3_build_config::use_pyo3_cfgs();
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
    executable.to_owned()
}
