//! How GlusterFS's headers are read: for `codegen`, and by `glupy`'s build.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use bindgen::callbacks::{DiscoveredItem, DiscoveredItemId, ParseCallbacks, SourceLocation};

use super::Error;
use crate::model::Model;

/// The bindgen that reads the headers, in the version that we were checked with.
pub use bindgen;

/// How GlusterFS was configured.
const DEFINES: &str = include_str!("defines.h");

/// Which headers are read.
const HEADER: &str = include_str!("gf.h");

/// GlusterFS's own among them: `glusterfs/xlator.h` and so on.
fn own() -> impl Iterator<Item = &'static str> {
    let includes = HEADER
        .lines()
        .filter_map(|line| line.strip_prefix("#include <"));
    let names = includes.map(|line| line.trim_end_matches('>'));
    names.filter(|name| name.starts_with("glusterfs/"))
}

/// bindgen, told which headers to read, from which directories, and how to name things.
/// What is wanted of them is for the caller to say.
pub fn builder(dirs: &[PathBuf]) -> bindgen::Builder {
    bindgen::Builder::default()
        .header_contents("gf.h", &format!("{DEFINES}\n{HEADER}"))
        .clang_args(dirs.iter().flat_map(|dir| {
            // GlusterFS's own headers include each other as <glusterfs/x.h>
            // and, in places, as "x.h".
            [
                format!("-I{}", dir.display()),
                format!("-I{}/glusterfs", dir.display()),
            ]
        }))
        // An array of this alias holds a fop's position in the table; the
        // callbacks' positions are not used.
        .blocklist_type("fop_metrics.*")
        .default_enum_style(bindgen::EnumVariation::Consts)
        .prepend_enum_name(false)
        .derive_default(false)
        .layout_tests(true)
        .generate_comments(false)
}

/// What a schema has to do with, as patterns for bindgen.
#[derive(Debug, Default)]
pub struct Wanted {
    types: Vec<String>,
    constants: Vec<String>,
}

impl Wanted {
    /// The tables, and all types and constants that the model names.
    pub fn by(model: &Model) -> Self {
        let bare = |c_type: &str| {
            let name = c_type.trim_end_matches([' ', '*']);
            let name = name.trim_start_matches("const ");
            let tags = ["struct ", "enum ", "union "];
            let tagless = tags.iter().find_map(|tag| name.strip_prefix(tag));
            tagless.unwrap_or(name).to_owned()
        };
        let tables = ["xlator_fops", "xlator_cbks", "xlator_dumpops"];
        let structures = model.structures.iter().flat_map(|structure| {
            let fields = structure.fields.iter().map(|field| &field.ty.spelling);
            fields.chain([&structure.c_type])
        });
        let enums = model.enums.iter().filter_map(|item| item.c_type.as_ref());
        let mut types: Vec<String> = tables.map(str::to_owned).to_vec();
        types.extend(structures.chain(enums).map(|c_type| bare(c_type)));
        types.extend(model.types.iter().map(|ty| bare(&ty.spelling)));
        let constants = model.enums.iter().filter(|item| item.c_type.is_none());
        let constants = constants.flat_map(|item| {
            let values = item.values.iter().map(|value| value.name.clone());
            let others = values.filter(|name| !name.starts_with(&item.prefix));
            let family = (!item.prefix.is_empty()).then(|| format!("{}.*", item.prefix));
            others.chain(family)
        });
        Wanted {
            types,
            constants: constants.collect(),
        }
    }
}

/// The headers as bindgen gives them.
#[derive(Debug)]
pub struct Read {
    /// The directory.
    pub dir: String,
    /// Rust.
    pub bindings: String,
    /// Where the items stand whose name in Rust this is: file and offset.
    pub locations: HashMap<String, (String, usize)>,
}

/// Reads the headers in a directory.
///
/// # Errors
///
/// When headers are missing, or clang does not understand them.
pub fn read(dir: &Path, wanted: &Wanted) -> Result<Read, Error> {
    complete(dir)?;
    // bindgen would panic.
    if !clang_sys::is_loaded() {
        clang_sys::load().map_err(Error::NoClang)?;
    }
    let notes = Rc::new(RefCell::new(Notes::default()));
    let mut builder = builder(&[dir.to_owned()])
        .formatter(bindgen::Formatter::None)
        // Warnings would go to stderr.
        .clang_arg("-w")
        .parse_callbacks(Box::new(Listener(Rc::clone(&notes))))
        // Enums: the numbers of the fops, and constants that the model has among `#define`s.
        .allowlist_file(".*/glusterfs/glusterfs-fops\\.h");
    // One pattern each: a set of many is slow.
    if !wanted.types.is_empty() {
        builder = builder.allowlist_type(wanted.types.join("|"));
    }
    if !wanted.constants.is_empty() {
        builder = builder.allowlist_var(wanted.constants.join("|"));
    }
    let bindings = builder.generate().map_err(|error| refused(error, dir))?;
    let notes = notes.take();
    all_from(dir, &notes.files)?;
    Ok(Read {
        dir: dir.display().to_string(),
        bindings: bindings.to_string(),
        locations: notes.locations,
    })
}

/// Whether GlusterFS's headers are in a directory.
///
/// # Errors
///
/// Which ones are not.
pub fn complete(dir: &Path) -> Result<(), Error> {
    let missing = own().filter(|name| !dir.join(name).is_file());
    none_of(dir, missing.map(str::to_owned).collect())
}

/// Whether those of GlusterFS's headers that were read are all from that directory: one that
/// is not there must not be taken from the installed GlusterFS.
///
/// # Errors
///
/// Which ones are not.
pub fn all_from(dir: &Path, files: &BTreeSet<String>) -> Result<(), Error> {
    let strangers = files
        .iter()
        .filter(|file| !Path::new(file).starts_with(dir))
        .filter_map(|file| {
            file.rfind("/glusterfs/")
                .map(|at| file[at + 1..].to_owned())
        });
    none_of(dir, strangers.collect())
}

fn none_of(dir: &Path, headers: Vec<String>) -> Result<(), Error> {
    match headers.is_empty() {
        true => Ok(()),
        false => Err(Error::Missing {
            dir: dir.to_owned(),
            headers,
        }),
    }
}

fn refused(error: bindgen::BindgenError, dir: &Path) -> Error {
    let bindgen::BindgenError::ClangDiagnostic(messages) = error else {
        return Error::Clang(error.to_string());
    };
    let missing: BTreeSet<&str> = messages
        .lines()
        .filter_map(|line| {
            line.split_once("fatal error: '")?
                .1
                .split_once("' file not found")
        })
        .map(|(name, _)| name)
        .collect();
    // As <glusterfs/x.h>, or as "x.h" from a header that lies in the directory itself.
    let own = |name: &str| name.starts_with("glusterfs/");
    if missing.is_empty() {
        Error::Clang(messages)
    } else if missing.iter().any(|name| own(name)) {
        Error::Missing {
            dir: dir.to_owned(),
            headers: missing.into_iter().map(str::to_owned).collect(),
        }
    } else {
        Error::Foreign(missing.into_iter().map(str::to_owned).collect())
    }
}

/// What bindgen tells on the way.
#[derive(Debug, Default)]
pub struct Notes {
    /// The headers that it reads.
    pub files: BTreeSet<String>,
    locations: HashMap<String, (String, usize)>,
}

/// Takes notes of what bindgen tells.
#[derive(Debug)]
pub struct Listener(pub Rc<RefCell<Notes>>);

impl ParseCallbacks for Listener {
    fn include_file(&self, name: &str) {
        self.0.borrow_mut().files.insert(name.to_owned());
    }

    fn new_item_found(
        &self,
        _: DiscoveredItemId,
        item: DiscoveredItem,
        location: Option<&SourceLocation>,
    ) {
        let name = match item {
            DiscoveredItem::Struct { final_name, .. }
            | DiscoveredItem::Union { final_name, .. }
            | DiscoveredItem::Enum { final_name }
            | DiscoveredItem::Constant { final_name } => final_name,
            DiscoveredItem::Alias { alias_name, .. } => alias_name,
            _ => return,
        };
        if let Some(SourceLocation {
            file_name: Some(file),
            byte_offset,
            ..
        }) = location
        {
            let mut notes = self.0.borrow_mut();
            notes.locations.insert(name, (file.clone(), *byte_offset));
        }
    }
}
