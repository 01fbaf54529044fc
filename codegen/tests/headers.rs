//! The schema against the installed headers, as far as names go. (That the signatures are
//! the headers' is checked by the compiler, in the generated Rust.)

use std::fs;
use std::path::Path;

use codegen::diagnostics::Source;

/// Holds nothing, or is dead: see the comment above `fops:` in the schema.
const NOT_FOPS: &[&str] = &[
    "forget_placeholder",
    "release_placeholder",
    "releasedir_placeholder",
    "compound",
];

/// The names and places of a structure's members, up to the first of the callbacks.
fn members(header: &str, structure: &str) -> Vec<(usize, String)> {
    let start = header
        .find(&format!("struct {structure} {{"))
        .expect("the structure is there");
    let body = &header[start..];
    let body = &body[..body.find("\n};").expect("the structure ends")];
    body.lines()
        .filter_map(|line| line.trim().strip_suffix(';')?.rsplit([' ', '*']).next())
        .map(str::to_owned)
        .take_while(|name| name != "stat_cbk")
        .enumerate()
        .map(|(index, name)| (index + 1, name))
        .collect()
}

#[test]
fn the_fops_are_those_of_the_headers() {
    let path = "/usr/include/glusterfs/xlator.h";
    let Ok(header) = fs::read_to_string(path) else {
        eprintln!("skipped: {path} is not there (Debian: apt-get install libglusterfs-dev)");
        return;
    };
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fops.yaml");
    let source = Source::new("fops.yaml", fs::read(schema).unwrap());
    let model = codegen::load(&source).unwrap();

    let mut expected = members(&header, "xlator_fops");
    expected.retain(|(_, name)| !NOT_FOPS.contains(&name.as_str()));
    let actual: Vec<_> = model
        .fops
        .iter()
        .map(|fop| (fop.index as usize, fop.name.clone()))
        .collect();
    assert_eq!(actual, expected);

    let names = |hooks: &[codegen::model::Hook]| -> Vec<String> {
        hooks.iter().map(|hook| hook.name.clone()).collect()
    };
    let expected = |structure: &str| -> Vec<String> {
        members(&header, structure)
            .into_iter()
            .map(|(_, name)| name)
            .collect()
    };
    assert_eq!(names(&model.callbacks), expected("xlator_cbks"));
    assert_eq!(names(&model.dumpops), expected("xlator_dumpops"));
}
