//! C types, and how their values cross to Python.

use serde::{Serialize, Serializer};

/// A C type and what becomes of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct CType {
    /// The headers' spelling.
    #[serde(rename = "c_type")]
    pub spelling: String,
    /// How its values cross between C and Python.
    pub kind: Kind,
    /// Its type in Python.
    pub python: String,
    /// Its ctypes type, as Python writes it.
    pub ctypes: String,
    /// What it is for an author, and whose; empty when the schema does not say. The same for
    /// all that have the type, so that only the documentation has it.
    #[serde(skip)]
    pub doc: String,
}

/// How a value crosses between C and Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(
    missing_docs,
    reason = "the names are those of the C types; the classes below say the rest"
)]
pub enum Kind {
    I16,
    #[default]
    I32,
    U32,
    I64,
    U64,
    Str,
    Loc,
    Inode,
    Fd,
    Iatt,
    Dict,
    Iobref,
    Iovec,
    Dirents,
    Flock,
    Lease,
    Statvfs,
    Locklist,
    Checksum,
    Client,
    Struct,
    Pointer,
    Gfid,
    Prot,
    LkOwner,
    Bytes,
}

/// Where a kind may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A number: anywhere.
    Number,
    /// A number that no argument has: in structures.
    FieldNumber,
    /// A pointer: in arguments, where it may be NULL.
    Pointer,
    /// Something that lies in a structure: in structures.
    Field,
}

impl Kind {
    /// All of them, by the name that a schema uses.
    pub const ALL: &[(&str, Kind)] = &[
        ("i16", Kind::I16),
        ("i32", Kind::I32),
        ("u32", Kind::U32),
        ("i64", Kind::I64),
        ("u64", Kind::U64),
        ("str", Kind::Str),
        ("loc", Kind::Loc),
        ("inode", Kind::Inode),
        ("fd", Kind::Fd),
        ("iatt", Kind::Iatt),
        ("dict", Kind::Dict),
        ("iobref", Kind::Iobref),
        ("iovec", Kind::Iovec),
        ("dirents", Kind::Dirents),
        ("flock", Kind::Flock),
        ("lease", Kind::Lease),
        ("statvfs", Kind::Statvfs),
        ("locklist", Kind::Locklist),
        ("checksum", Kind::Checksum),
        ("client", Kind::Client),
        ("struct", Kind::Struct),
        ("pointer", Kind::Pointer),
        ("gfid", Kind::Gfid),
        ("prot", Kind::Prot),
        ("lk_owner", Kind::LkOwner),
        ("bytes", Kind::Bytes),
    ];

    /// The name that a schema uses.
    pub fn name(self) -> &'static str {
        Kind::ALL
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| name)
    }

    /// The C types that it may be the kind of, where the runtime goes by the kind alone; of a
    /// number the compiler finds a wrong one.
    pub fn of_types(self) -> &'static [&'static str] {
        match self {
            Kind::Str => &["const char *", "char *"],
            Kind::Loc => &["loc_t *"],
            Kind::Inode => &["inode_t *"],
            Kind::Fd => &["fd_t *"],
            Kind::Iatt => &["struct iatt *"],
            Kind::Dict => &["dict_t *"],
            Kind::Iobref => &["struct iobref *"],
            Kind::Iovec => &["struct iovec *"],
            Kind::Dirents => &["gf_dirent_t *"],
            Kind::Flock => &["struct gf_flock *"],
            Kind::Lease => &["struct gf_lease *"],
            Kind::Statvfs => &["struct statvfs *"],
            Kind::Locklist => &["lock_migration_info_t *"],
            Kind::Checksum => &["uint8_t *"],
            Kind::Client => &["client_t *"],
            _ => &[],
        }
    }

    /// Where it may stand.
    pub fn class(self) -> Class {
        match self {
            Kind::I32 | Kind::U32 | Kind::I64 | Kind::U64 => Class::Number,
            Kind::I16 => Class::FieldNumber,
            Kind::Gfid | Kind::Prot | Kind::LkOwner | Kind::Bytes => Class::Field,
            Kind::Str
            | Kind::Loc
            | Kind::Inode
            | Kind::Fd
            | Kind::Iatt
            | Kind::Dict
            | Kind::Iobref
            | Kind::Iovec
            | Kind::Dirents
            | Kind::Flock
            | Kind::Lease
            | Kind::Statvfs
            | Kind::Locklist
            | Kind::Checksum
            | Kind::Client
            | Kind::Struct
            | Kind::Pointer => Class::Pointer,
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
