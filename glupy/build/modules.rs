//! The Python side of Glupy: the table of its modules, each with its text and the bytecode that the
//! embedded Python makes of it. To compile 170 kB of text takes longer than all else at the start of
//! a volume.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Compiles files (argument: where to, name in tracebacks, where from, ...), each behind the number
/// that says which Python can read it.
const COMPILE: &str = "
import importlib.util, marshal, sys
arguments = sys.argv[1:]
while arguments:
    target, name, source, *arguments = arguments
    with open(source, 'rb') as file:
        code = compile(file.read(), name, 'exec', dont_inherit=True)
    with open(target, 'wb') as file:
        file.write(importlib.util.MAGIC_NUMBER + marshal.dumps(code))
";

/// Writes `modules.rs`: `(name, text, bytecode)` of each module.
pub fn write(out: &Path, python: &str) {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python");
    println!("cargo::rerun-if-changed={}", top.display());
    let mut modules = vec![
        ("gluster".to_owned(), top.join("gluster.py")),
        ("glupy.structures".to_owned(), out.join("structures.py")),
    ];
    for entry in fs::read_dir(top.join("glupy")).expect("python/glupy is there") {
        let path = entry.expect("python/glupy can be read").path();
        if path.extension().is_some_and(|extension| extension == "py") {
            modules.push((name_of(&path), path));
        }
    }
    modules.sort();
    let bytecode = |name: &str| out.join(format!("{name}.bytecode"));
    let mut command = Command::new(python);
    // Sets are written in the same order each time.
    command
        .env("PYTHONHASHSEED", "0")
        .env_remove("PYTHONOPTIMIZE");
    command.args(["-s", "-S", "-c", COMPILE]);
    for (name, path) in &modules {
        let place = format!("<glupy.so>/{}.py", name.replace('.', "/"));
        command.args([bytecode(name), PathBuf::from(place), path.clone()]);
    }
    let status = command.status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "{python} can not compile the modules of Glupy"
    );
    let mut table = String::from("&[\n");
    for (name, path) in &modules {
        let _ = writeln!(
            table,
            "    ({name:?}, include_str!({path:?}), include_bytes!({:?})),",
            bytecode(name)
        );
    }
    table.push_str("]\n");
    fs::write(out.join("modules.rs"), table).expect("write modules.rs");
}

/// What a file of `python/glupy` is imported as.
fn name_of(path: &Path) -> String {
    match path.file_stem().and_then(|stem| stem.to_str()) {
        Some("__init__") => "glupy".to_owned(),
        Some("original") => "gluster.glupy".to_owned(),
        Some(stem) => format!("glupy.{stem}"),
        None => panic!("{} has no name in UTF-8", path.display()),
    }
}
