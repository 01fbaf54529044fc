//! What GlusterFS's headers say, as plain data.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use serde::{Serialize, Serializer};

use super::ctype;
use crate::names::Version;

/// The headers of a GlusterFS.
#[derive(Debug, Clone, Default)]
pub struct Headers {
    /// Its version, and how that is known.
    pub version: Option<(Version, String)>,
    /// `struct xlator_fops`, without the slots that hold no function.
    pub fops: Vec<Fop>,
    /// Where that structure stands.
    pub fops_place: Place,
    /// `struct xlator_cbks`.
    pub callbacks: Hooks,
    /// `struct xlator_dumpops`.
    pub dumpops: Hooks,
    /// The enums, by their name in C without `enum`.
    pub enums: BTreeMap<String, Enum>,
    /// The `#define`s that are numbers.
    pub constants: BTreeMap<String, Value>,
    /// Structures and unions, by their name in C without `struct`.
    pub structures: BTreeMap<String, Structure>,
    /// Typedefs, and what they stand for in C.
    pub typedefs: BTreeMap<String, String>,
    /// The directory that was read; what lies elsewhere is not GlusterFS's.
    pub dir: String,
    /// The text of each file that something stands in.
    pub texts: BTreeMap<String, Rc<str>>,
}

/// A fop.
#[derive(Debug, Clone)]
pub struct Fop {
    /// The name of its slot.
    pub name: String,
    /// The slot's position in the table, from 1.
    pub index: usize,
    /// Where the slot stands.
    pub place: Place,
    /// `fop_X_t`.
    pub call: Function,
    /// The slot of its callback type, which the STACK_WIND macro needs.
    pub back: Option<Back>,
}

/// The second slot of a fop: `X_cbk`.
#[derive(Debug, Clone)]
pub struct Back {
    /// Its position among those slots, from 1.
    pub index: usize,
    /// Where it stands.
    pub place: Place,
    /// `fop_X_cbk_t`.
    pub function: Function,
}

/// A table of functions.
#[derive(Debug, Clone, Default)]
pub struct Hooks {
    /// Where the structure stands.
    pub place: Place,
    /// Its functions.
    pub slots: Vec<Slot>,
}

/// A slot of a table.
#[derive(Debug, Clone)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What it points to.
    pub function: Function,
}

/// The type of a function.
#[derive(Debug, Clone, Default)]
pub struct Function {
    /// The name of the typedef; empty where there is none.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What it returns, in C.
    pub returns: String,
    /// Its arguments, `frame` and `this` among them.
    pub args: Vec<Arg>,
}

/// An argument, or a field of a structure.
#[derive(Debug, Clone, Default)]
pub struct Arg {
    /// Its name.
    pub name: String,
    /// Its type, as C spells it.
    pub c_type: String,
    /// Where it stands.
    pub place: Place,
}

/// An enum.
#[derive(Debug, Clone, Default)]
pub struct Enum {
    /// Where it stands.
    pub place: Place,
    /// Its values, in order.
    pub values: Vec<(String, Value)>,
}

/// A number with a name.
#[derive(Debug, Clone, Default)]
pub struct Value {
    /// The number.
    pub number: i128,
    /// Where it stands.
    pub place: Place,
}

/// A structure or a union.
#[derive(Debug, Clone, Default)]
pub struct Structure {
    /// What C calls it, with `struct` where it has a tag.
    pub c_type: String,
    /// What `glupy.structures` calls it: the first typedef if there is one, else the tag.
    pub class: String,
    /// Where it stands.
    pub place: Place,
    /// In bytes; 0 when the headers only declare it.
    pub size: usize,
    /// Its fields, in order.
    pub fields: Vec<Field>,
}

/// A field of a structure.
#[derive(Debug, Clone, Default)]
pub struct Field {
    /// Its name, type and place.
    pub arg: Arg,
    /// Its distance from the structure's start, in bytes; None for bitfields.
    pub offset: Option<usize>,
}

/// Where something stands in a header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Rc<str>,
    /// The line, from 1; 0 when it is not known.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// The name itself, in bytes of the file.
    pub span: Range<usize>,
}

impl Serialize for Place {
    /// `file:line:column`
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}:{}:{}", self.file, self.line, self.column))
    }
}

impl Headers {
    /// An enum by its name in C, with `enum` or without.
    pub fn find_enum(&self, c_type: &str) -> Option<&Enum> {
        self.enums
            .get(c_type.strip_prefix("enum ").unwrap_or(c_type))
    }

    /// A structure by its name in C: a tag, with `struct` or without, or a typedef.
    pub fn find_structure(&self, c_type: &str) -> Option<&Structure> {
        let c_type = self.behind_typedefs(c_type);
        let tags = ["struct ", "union "];
        let name = tags.iter().find_map(|tag| c_type.strip_prefix(tag));
        self.structures.get(name.unwrap_or(c_type))
    }

    /// What a type is behind its typedefs.
    pub fn behind_typedefs<'a>(&'a self, c_type: &'a str) -> &'a str {
        let mut c_type = c_type;
        while let Some(target) = self.typedefs.get(c_type) {
            c_type = target;
        }
        c_type
    }

    /// A number's type behind typedefs, as C spells it; None when it is no number.
    pub fn number(&self, c_type: &str) -> Option<&'static str> {
        ctype::kind(self.behind_typedefs(c_type)).map(|(plain, _)| plain)
    }

    /// Whether a value of a type can be copied byte by byte: nothing in it points anywhere.
    pub fn is_plain(&self, c_type: &str) -> bool {
        let c_type = self.behind_typedefs(c_type);
        if let Some((element, len)) = c_type.split_once(" [") {
            return !len.starts_with(']') && self.is_plain(element);
        }
        match self.find_structure(c_type) {
            Some(structure) => {
                let mut fields = structure.fields.iter();
                structure.size > 0 && fields.all(|field| self.is_plain(&field.arg.c_type))
            }
            None => ctype::is_number(c_type),
        }
    }

    /// Whether something stands in GlusterFS's own headers.
    pub fn is_own(&self, place: &Place) -> bool {
        place
            .file
            .strip_prefix(&self.dir)
            .is_some_and(|rest| rest.trim_start_matches('/').starts_with("glusterfs/"))
    }
}
