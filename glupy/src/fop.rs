//! What the generated table says of a fop: the types of `generated/fops.rs`.

use std::ffi::{CStr, c_void};

use crate::gf;

/// A C function of any signature, as the fops table and a frame's `ret` hold it.
pub type RawFn = unsafe extern "C" fn();

/// The most arguments that a fop or a callback has after the fixed ones
/// (`put` has ten).
pub const MAX_ARGS: usize = 10;

/// An argument as a C call passes it: every argument of every fop fits a
/// 64-bit register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Word(u64);

impl Word {
    /// NULL, or zero.
    pub const NULL: Word = Word(0);

    /// Stands for a pointer of [`Kind::Pointer`] that was C's and only for the time of a
    /// call: no address of a program.
    pub const LOST: Word = Word(u64::MAX);

    /// The argument as the type that the C function declares.
    pub fn get<T: InWord>(self) -> T {
        T::from_bits(self.0)
    }

    /// The argument as a pointer, of which only the address is known.
    pub fn pointer(self) -> *mut c_void {
        self.get()
    }

    /// Whether a pointer argument is NULL.
    pub fn is_null(self) -> bool {
        self.0 == 0
    }
}

impl<T: InWord> From<T> for Word {
    fn from(value: T) -> Word {
        Word(value.to_bits())
    }
}

/// A C type that fits a [`Word`].
pub trait InWord: Copy {
    /// The value, widened.
    fn to_bits(self) -> u64;
    /// The value back.
    fn from_bits(bits: u64) -> Self;
}

macro_rules! in_word {
    ($($type:ty),*) => { $(
        impl InWord for $type {
            fn to_bits(self) -> u64 { self as u64 }
            fn from_bits(bits: u64) -> $type { bits as $type }
        }
    )* };
}
in_word!(i32, u32, i64, u64, usize, isize);

impl<T> InWord for *mut T {
    fn to_bits(self) -> u64 {
        self as u64
    }
    fn from_bits(bits: u64) -> *mut T {
        bits as *mut T
    }
}

impl<T> InWord for *const T {
    fn to_bits(self) -> u64 {
        self as u64
    }
    fn from_bits(bits: u64) -> *const T {
        bits as *const T
    }
}

/// How a C type looks from Python and who owns it: `kind` in `fops.yaml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A signed 32-bit number.
    I32,
    /// An unsigned 32-bit number, a mode or an enumeration.
    U32,
    /// A signed 64-bit number or an offset.
    I64,
    /// An unsigned 64-bit number, a size or a device.
    U64,
    /// A NUL-terminated string.
    Str,
    /// `loc_t *`
    Loc,
    /// `inode_t *`
    Inode,
    /// `fd_t *`
    Fd,
    /// `struct iatt *`
    Iatt,
    /// `dict_t *`
    Dict,
    /// `struct iobref *`
    Iobref,
    /// `struct iovec *`, with its length and owner in sibling arguments.
    Iovec,
    /// `gf_dirent_t *`, the head of a list.
    Dirents,
    /// `struct gf_flock *`
    Flock,
    /// `struct gf_lease *`
    Lease,
    /// `struct statvfs *`
    Statvfs,
    /// `lock_migration_info_t *`, the head of a list.
    Locklist,
    /// 32 bytes of a SHA-256 checksum.
    Checksum,
    /// `client_t *`
    Client,
    /// Another structure, without pointers in it: copied.
    Struct,
    /// Another pointer, of which nobody knows how to keep what it points to.
    Pointer,
}

/// Where an iovec's length and owner stand among its sibling arguments.
#[derive(Clone, Copy, Debug)]
pub struct Vector {
    /// Position of the number of buffers.
    pub length: usize,
    /// Position of the iobref that keeps the buffers alive.
    pub owner: Option<usize>,
}

/// An argument of a fop or a value of its answer.
#[derive(Debug)]
pub struct Param {
    /// The header's name.
    pub name: &'static str,
    /// The header's type.
    pub c_type: &'static str,
    /// How Python sees it.
    pub kind: Kind,
    /// Whether it is a pointer that must not be NULL in a request, or in an answer
    /// that is a success.
    pub required: bool,
    /// The largest number in a request; of a dict in an answer, the most bytes of its names, each
    /// with its NUL.
    pub max: u64,
    /// Whether children go by the GFID of this loc without looking.
    pub gfid: bool,
    /// Whether children go by the parent and the name of this loc without looking.
    pub entry: bool,
    /// Whether an inode of this loc that is of no file yet is left out.
    pub replaced: bool,
    /// For attributes in an answer: where the inode stands that they are of.
    pub of: Option<usize>,
    /// For a dict in an answer: where the attributes stand that say how long the content of a
    /// file in it is.
    pub content: Option<usize>,
    /// For an iovec: its siblings.
    pub vector: Option<Vector>,
    /// For the last two kinds: the name in ctypes of what it points to.
    pub structure: &'static str,
    /// For a structure that is copied: its bytes.
    pub size: usize,
}

impl Param {
    /// One that may be NULL, or a number.
    pub const fn new(name: &'static str, c_type: &'static str, kind: Kind) -> Param {
        Param {
            name,
            c_type,
            kind,
            required: false,
            max: u64::MAX,
            gfid: false,
            entry: false,
            replaced: false,
            of: None,
            content: None,
            vector: None,
            structure: "",
            size: 0,
        }
    }

    /// Whether it is a pointer that may be NULL.
    pub fn is_optional(&self) -> bool {
        let number = matches!(self.kind, Kind::I32 | Kind::U32 | Kind::I64 | Kind::U64);
        !number && !self.required
    }

    /// The same, but it must not be NULL.
    pub const fn required(self) -> Param {
        Param {
            required: true,
            ..self
        }
    }

    /// The same, but it must not be larger.
    pub const fn max(self, max: u64) -> Param {
        Param { max, ..self }
    }

    /// The same, but the loc must have its GFID.
    pub const fn gfid(self) -> Param {
        Param { gfid: true, ..self }
    }

    /// The same, but the loc must have its parent and its name.
    pub const fn entry(self) -> Param {
        Param {
            entry: true,
            ..self
        }
    }

    /// The same, but children get no inode that is of no file yet.
    pub const fn replaced(self) -> Param {
        Param {
            replaced: true,
            ..self
        }
    }

    /// The same, but it must say of that inode who it is.
    pub const fn of(self, inode: usize) -> Param {
        Param {
            of: Some(inode),
            ..self
        }
    }

    /// The same, but the content of a file in it must be as long as these attributes say.
    pub const fn content(self, stat: usize) -> Param {
        Param {
            content: Some(stat),
            ..self
        }
    }

    /// The same, with the name in ctypes of what it points to, and how much to copy.
    pub const fn structure(self, structure: &'static str, size: usize) -> Param {
        Param {
            structure,
            size,
            ..self
        }
    }

    /// The same, with the positions of its length and its owner.
    pub const fn vector(self, length: usize, owner: Option<usize>) -> Param {
        Param {
            vector: Some(Vector { length, owner }),
            ..self
        }
    }
}

/// A pointer to a `T`.
#[allow(dead_code, reason = "see `plain_size`")]
pub trait PointerTo<T> {}
impl<T> PointerTo<T> for *mut T {}
impl<T> PointerTo<T> for *const T {}

/// The bytes of a structure that is copied, which `Pointer` leads to. Compiles only when that
/// is the one whose class Python gets, and has no pointers in it, which are what makes a
/// structure of C's not `Send`: what they lead to is not copied.
#[allow(
    dead_code,
    reason = "only fops that are imported have such a structure"
)]
pub const fn plain_size<Class: Send, Pointer: PointerTo<Class>>() -> usize {
    size_of::<Class>()
}

/// Words in an array for the arguments of any fop.
pub fn padded(words: &[Word]) -> [Word; MAX_ARGS] {
    let mut all = [Word::NULL; MAX_ARGS];
    all[..words.len()].copy_from_slice(words);
    all
}

/// The first of the arguments that were C's and are gone.
pub fn lost(params: &'static [Param], words: &[Word]) -> Option<&'static Param> {
    // The words stand closer together than what describes them.
    if !words.contains(&Word::LOST) {
        return None;
    }
    let mut pairs = params.iter().zip(words);
    let lost = pairs.find(|(param, word)| **word == Word::LOST && param.kind == Kind::Pointer);
    lost.map(|(param, _)| param)
}

/// A type of translator in which GlusterFS has a fop broken.
#[derive(Debug)]
pub struct Broken {
    /// The type, as a volfile has it.
    pub xlator: &'static CStr,
    /// What goes wrong there.
    pub why: &'static str,
}

/// The most values of an answer that are the request's own.
pub const MAX_OWN: usize = 2;

/// A value of an answer that is the request's own in a success: its caller takes it for the
/// one that it has asked with.
#[derive(Debug)]
pub struct Own {
    /// Its position among the values of the answer.
    pub value: usize,
    /// What it is called among the arguments: `fd`, `loc.inode`.
    pub name: &'static str,
    arg: usize,
    inode: bool,
}

impl Own {
    /// It is an argument.
    pub const fn argument(value: usize, arg: usize, name: &'static str) -> Own {
        Own {
            value,
            name,
            arg,
            inode: false,
        }
    }

    /// It is the inode of an argument, a loc.
    pub const fn inode_of(value: usize, arg: usize, name: &'static str) -> Own {
        Own {
            inode: true,
            ..Own::argument(value, arg, name)
        }
    }

    /// Which one that is in a request.
    ///
    /// # Safety
    /// They are the arguments of a request of this fop, and alive.
    pub unsafe fn of(&self, args: &[Word]) -> Word {
        let arg = args[self.arg];
        if !self.inode {
            return arg;
        }
        // SAFETY: by contract, NULL or a loc.
        let loc = unsafe { arg.get::<*const gf::loc_t>().as_ref() };
        loc.map_or(Word::NULL, |loc| loc.inode.into())
    }
}

/// Those of a fop. Compiles only when there is room for them.
pub const fn owns(own: &'static [Own]) -> &'static [Own] {
    assert!(own.len() <= MAX_OWN);
    own
}

/// What an `op_ret` of zero or more counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpRet {
    /// Nothing: zero is success.
    Status,
    /// Bytes of the data that the answer carries or that were written.
    Bytes,
    /// Entries of a directory listing.
    Entries,
}

/// A fop: its names, its arguments, and the C functions generated for it.
#[derive(Debug)]
pub struct Fop {
    /// The name of its slot in `struct xlator_fops`.
    pub name: &'static str,
    /// The same for C.
    pub c_name: &'static CStr,
    /// Its `GF_FOP_` number, which is its position in the table plus one.
    pub index: usize,
    /// One line for people.
    pub doc: &'static str,
    /// The arguments after `frame` and `this`.
    pub args: &'static [Param],
    /// The values of the answer after `op_errno`.
    pub reply: &'static [Param],
    /// What `op_ret` counts.
    pub op_ret: OpRet,
    /// The values of the answer that are the request's own.
    pub own: &'static [Own],
    /// The argument that is the most bytes of an answer, which its `op_ret` counts.
    pub within: Option<usize>,
    /// The times that it changes (`MDATA_CTIME` and others), as a frame's root has them.
    pub times: u32,
    /// The translators that must not be asked for it.
    pub broken_in: &'static [Broken],
    /// Enters from GlusterFS on the way down; a slot of the fops table.
    pub call: RawFn,
    /// Enters from GlusterFS on the way up; the `ret` of a frame.
    pub back: RawFn,
    /// Calls a translator's slot for this fop.
    ///
    /// # Safety
    /// The function has this fop's type, the words its arguments' types.
    pub wind: unsafe fn(RawFn, *mut gf::call_frame_t, *mut gf::xlator_t, &[Word]) -> i32,
    /// Calls a parent's callback for this fop.
    ///
    /// # Safety
    /// The function has this fop's callback type, the words its values' types.
    pub unwind: unsafe fn(
        RawFn,
        *mut gf::call_frame_t,
        *mut c_void,
        *mut gf::xlator_t,
        i32,
        i32,
        &[Word],
    ) -> i32,
}

impl Fop {
    /// Whether it makes, removes or moves the entry that one of its locs names.
    pub fn names_an_entry(&self) -> bool {
        self.args.iter().any(|arg| arg.entry)
    }
}

/// The slots of a fops table: 58 fops in 10.3, some of them placeholders. The
/// callbacks behind them exist for the C macros' type check only.
pub const SLOTS: usize = std::mem::offset_of!(gf::xlator_fops, stat_cbk) / size_of::<RawFn>();

/// The index of a fop whose slot begins at `offset`. Compiles only when that is what
/// the schema says.
#[track_caller]
pub const fn slot(index: usize, offset: usize) -> usize {
    assert!(
        offset == (index - 1) * size_of::<RawFn>(),
        "fops.yaml says another index than these headers"
    );
    index
}
