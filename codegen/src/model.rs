//! The checked model: what the emitters see. Plain data, in the schema's order.

mod keys;
mod types;

use serde::Serialize;

use crate::names::Version;
pub use keys::{Holds, Key, fits};
pub use types::{CType, Class, Kind};

/// Everything that a schema says.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Model {
    /// The version of the headers that the schema was last held against.
    pub glusterfs: Version,
    /// The C types that stand in all of this.
    pub types: Vec<CType>,
    /// Functions in the tables of the headers that are no fops for us.
    pub left_out: Vec<String>,
    /// The fops, in the order of `struct xlator_fops`.
    pub fops: Vec<Fop>,
    /// `struct xlator_cbks`.
    pub callbacks: Vec<Hook>,
    /// `struct xlator_dumpops`.
    pub dumpops: Vec<Hook>,
    /// The structures whose fields Python sees.
    pub structures: Vec<Structure>,
    /// Keys of dicts whose values GlusterFS takes for something.
    pub keys: Vec<Key>,
    /// Enums and constants that Python sees.
    pub enums: Vec<Enum>,
    /// Names of older sources and the headers' names for them.
    pub aliases: Vec<Alias>,
}

/// A GlusterFS file operation.
#[derive(Debug, Clone, Serialize)]
pub struct Fop {
    /// The name of its slot in `struct xlator_fops`.
    pub name: String,
    /// One line for people.
    pub doc: String,
    /// Who asks for it, and when; empty when the schema does not say.
    pub when: String,
    /// What there is to know of the answer beside its values; empty likewise.
    pub reply: String,
    /// Its number in `enum glusterfs_fop_t`.
    pub index: u32,
    /// The name of that number, after `GF_FOP_`.
    pub gf_fop: String,
    /// The version that brought it, where that matters.
    pub since: Option<Version>,
    /// The last version that has it.
    pub until: Option<Version>,
    /// What an `op_ret` of 0 or more means.
    pub op_ret: OpRet,
    /// Arguments after `frame` and `this`.
    pub args: Vec<Param>,
    /// Callback values after `op_errno`.
    pub cbk_args: Vec<Param>,
    /// The times that it changes.
    pub times: Vec<Time>,
    /// The translators of GlusterFS that must not be asked for it.
    pub broken_in: Vec<Broken>,
    /// Its lines in the schema.
    #[serde(skip)]
    pub yaml: String,
}

/// A type of translator in which GlusterFS has a fop broken.
#[derive(Debug, Clone, Serialize)]
pub struct Broken {
    /// The type, as a volfile has it.
    pub xlator: String,
    /// What goes wrong there.
    pub why: String,
}

/// An argument of a fop, or a value of its callback.
#[derive(Debug, Clone, Serialize)]
pub struct Param {
    /// Its name in the headers.
    pub name: String,
    /// Its type.
    #[serde(flatten)]
    pub ty: CType,
    /// It is never NULL: an argument in any request, a callback value in a success.
    pub required: bool,
    /// It is a pointer that may be NULL, so that Python has to expect None. In a callback
    /// every pointer may, because of failures.
    pub nullable: bool,
    /// For a vector: where its length and owner stand in the same list.
    pub vector: Option<Vector>,
    /// Bytes behind the pointer, where that is fixed.
    pub size: Option<u32>,
    /// For a number in a request: the largest that children take. For a dict in an answer: the
    /// most bytes that its names may have, each with its NUL.
    pub max: Option<u32>,
    /// For a loc in a request: children go by its GFID without looking.
    pub gfid: bool,
    /// For a loc in a request: children go by its parent and its name without looking.
    pub entry: bool,
    /// For a loc in a request: an inode of no file yet is left out.
    pub replaced: bool,
    /// For a callback value: what of the request it is in a success.
    pub own: Option<Own>,
    /// For attributes in an answer: where the inode stands that they are of.
    pub of: Option<usize>,
    /// For a dict in an answer: where the attributes stand whose size the content of a file in
    /// it has.
    pub content: Option<usize>,
    /// For a callback value that `op_ret` counts the bytes of: how many the caller has room for.
    pub within: Option<Within>,
    /// What it is, for people; empty when the schema does not say.
    pub doc: String,
}

/// The relations of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Vector {
    /// The position of the argument that counts its parts.
    pub length: usize,
    /// The position of the argument that keeps its memory.
    pub owner: Option<usize>,
}

/// What of a request a value of its answer is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Own {
    /// How an author gets at it: `fd`, `loc.inode`.
    pub name: String,
    /// The position of the argument.
    pub arg: usize,
    /// It is the inode of that argument, a loc.
    pub inode: bool,
}

/// An argument that is the most bytes an answer may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Within {
    /// Its name.
    pub name: String,
    /// Its position.
    pub arg: usize,
}

/// What an `op_ret` of 0 or more means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OpRet {
    /// It succeeded.
    #[default]
    Status,
    /// So many bytes.
    Bytes,
    /// So many entries.
    Entries,
}

impl OpRet {
    /// All of them, by the name that a schema uses.
    pub const ALL: &[(&str, OpRet)] = &[
        ("status", OpRet::Status),
        ("bytes", OpRet::Bytes),
        ("entries", OpRet::Entries),
    ];

    /// The name that a schema uses.
    pub fn name(self) -> &'static str {
        OpRet::ALL
            .iter()
            .find(|(_, meaning)| *meaning == self)
            .map_or("", |(name, _)| name)
    }

    /// What a success answers, in words.
    pub fn describe(self) -> &'static str {
        match self {
            OpRet::Status => "0",
            OpRet::Bytes => "a number of bytes",
            OpRet::Entries => "a number of entries",
        }
    }
}

/// A time of a file, or of the directory that has it, that a fop changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Time {
    /// When its attributes changed.
    Ctime,
    /// When its data changed.
    Mtime,
    /// When it was read.
    Atime,
    /// The directory's.
    ParentCtime,
    /// The directory's.
    ParentMtime,
}

impl Time {
    /// All of them, by the name that a schema uses.
    pub const ALL: &[(&str, Time)] = &[
        ("ctime", Time::Ctime),
        ("mtime", Time::Mtime),
        ("atime", Time::Atime),
        ("parent_ctime", Time::ParentCtime),
        ("parent_mtime", Time::ParentMtime),
    ];
}

/// A function of `struct xlator_cbks` or `struct xlator_dumpops`.
#[derive(Debug, Clone, Serialize)]
pub struct Hook {
    /// The name of its slot.
    pub name: String,
    /// One line for people.
    pub doc: String,
    /// Its type in C; None for void.
    pub returns: Option<CType>,
    /// When Python may be called.
    pub call: Call,
    /// Arguments after `this`.
    pub args: Vec<Param>,
    /// What Python's method gets.
    pub gives: Vec<Given>,
}

/// An argument of a method that is no handler.
#[derive(Debug, Clone, Serialize)]
pub struct Given {
    /// Its name.
    pub name: String,
    /// Its type in Python.
    pub python: String,
}

/// When Python may be called for a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Call {
    /// While C waits: the objects are alive.
    #[default]
    Now,
    /// Afterwards, with what is left of the object: its reference count is 0.
    Late,
    /// Not at all.
    Never,
}

impl Call {
    /// All of them, by the name that a schema uses.
    pub const ALL: &[(&str, Call)] = &[
        ("now", Call::Now),
        ("late", Call::Late),
        ("never", Call::Never),
    ];
}

/// A structure whose fields Python sees.
#[derive(Debug, Clone, Serialize)]
pub struct Structure {
    /// Its name in C, without `struct`.
    pub name: String,
    /// Its type in C.
    pub c_type: String,
    /// The class of its handle.
    pub python: String,
    /// One line for people.
    pub doc: String,
    /// Its fields.
    pub fields: Vec<Field>,
    /// What the runtime computes from them.
    pub derived: Vec<Derived>,
}

/// An attribute that is computed from the fields of a structure.
#[derive(Debug, Clone, Serialize)]
pub struct Derived {
    /// Its name in Python.
    pub name: String,
    /// Its type in Python.
    pub python: String,
    /// One line for people.
    pub doc: String,
}

/// A field of a structure.
#[derive(Debug, Clone, Serialize)]
pub struct Field {
    /// Its name in C.
    pub name: String,
    /// Its type.
    #[serde(flatten)]
    pub ty: CType,
    /// One line for people.
    pub doc: String,
}

/// An enum, or constants that belong together.
#[derive(Debug, Clone, Serialize)]
pub struct Enum {
    /// Its class in Python.
    pub name: String,
    /// The enum in C; None for `#define`s.
    pub c_type: Option<String>,
    /// One line for people.
    pub doc: String,
    /// Its values are bits to be combined.
    pub flag: bool,
    /// What the names of its values begin with in C.
    pub prefix: String,
    /// Values in C that are none for Python.
    pub left_out: Vec<String>,
    /// Its values.
    pub values: Vec<EnumValue>,
}

/// A value of an [`Enum`].
#[derive(Debug, Clone, Serialize)]
pub struct EnumValue {
    /// Its name in C.
    pub name: String,
    /// Its name in the Python class.
    pub member: String,
    /// The number.
    pub value: i64,
    /// The version that brought it, where that matters.
    pub since: Option<Version>,
    /// The last version that has it.
    pub until: Option<Version>,
    /// One line for people.
    pub doc: String,
}

/// An older name of something.
#[derive(Debug, Clone, Serialize)]
pub struct Alias {
    /// What older sources say.
    pub old: String,
    /// What the headers say.
    pub new: String,
}
