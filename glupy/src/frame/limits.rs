//! What callers take for granted of an answer: that it has no more than they have room for, and
//! that what it says of its size and of its file is so (`max`, `content`, `within` and `of` of the
//! schema), and that a listing goes on.

use std::ffi::CStr;
use std::ptr;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::{Came, Frame};
use crate::fop::{Fop, Kind, Word};
use crate::gf;
use crate::handles::{dirents, misfit, names_size, value_size};
use crate::stack;
use crate::words::Words;

/// The whole of a small file, for who asks for it with a lookup.
const CONTENT: &CStr = c"glusterfs.content";

impl Frame {
    /// Checks the values of a success, but not those that are as a child has answered them.
    ///
    /// # Errors
    /// `ValueError` that names the value and the limit.
    ///
    /// # Safety
    /// The words are values of answers to that fop, and alive.
    pub(super) unsafe fn check_values(
        fop: &'static Fop,
        words: Words,
        came: Option<Words>,
    ) -> PyResult<()> {
        if came.is_some_and(|came| came.is(words)) {
            return Ok(());
        }
        let count = fop.reply.len();
        // SAFETY: by contract.
        let (words, came) = unsafe { (words.get(count), came.map(|came| came.get(count))) };
        let is_new = |i: usize| came.is_none_or(|came| came[i] != words[i]);
        for (i, param) in fop.reply.iter().enumerate() {
            let wrong = |text: String| {
                let message = format!("{}: {} of the answer {text}", fop.name, param.name);
                Err(PyValueError::new_err(message))
            };
            if let Some(inode) = param.of.filter(|_| is_new(i)) {
                let came = came.map_or(Word::NULL, |came| came[i]);
                // SAFETY: by contract.
                if let Some(text) = unsafe { not_of(fop, words[i], words[inode], came) } {
                    return wrong(text.to_owned());
                }
            }
            if param.kind == Kind::Dirents && is_new(i) && !words[i].is_null() {
                let came = came.map_or(ptr::null_mut(), |came| came[i].get());
                // SAFETY: by contract; what is new is Python's.
                unsafe { dirents::complete(words[i].get(), came) }.or_else(wrong)?;
            }
            if param.kind != Kind::Dict || words[i].is_null() {
                continue;
            }
            let dict: *mut gf::dict_t = words[i].get();
            if is_new(i) {
                let came = came.map_or(ptr::null_mut(), |came| came[i].get());
                // SAFETY: by contract.
                if let Some(why) = unsafe { misfit(dict, came) } {
                    return wrong(format!(
                        "has what its caller can not take: {why}. A request asks with such a value; \
                         an answer that has the request's dict needs one of its own"
                    ));
                }
            }
            if param.max != u64::MAX && is_new(i) {
                // SAFETY: by contract.
                let size = unsafe { names_size(dict) };
                if size as u64 > param.max {
                    let max = param.max;
                    return wrong(format!(
                        "has names of {size} bytes, and can have at most {max}: its caller has no \
                         room for more"
                    ));
                }
            }
            let Some(stat) = param.content.filter(|stat| is_new(i) || is_new(*stat)) else {
                continue;
            };
            // SAFETY: by contract.
            let (size, content) = unsafe { (size_in(words[stat]), value_size(dict, CONTENT)) };
            if content.is_some_and(|content| (content as u64) < size) {
                let (content, stat) = (content.unwrap_or(0), fop.reply[stat].name);
                return wrong(format!(
                    "has {content} bytes of \"glusterfs.content\", but {stat}.ia_size is {size}: \
                     give both, or del {}[\"glusterfs.content\"]",
                    param.name
                ));
            }
        }
        Ok(())
    }

    /// Checks that a success has no more bytes than its caller has room for: it has said how many
    /// in its request, or, where no fop handler has seen that, a child has answered with as many.
    ///
    /// # Errors
    /// `ValueError` that names the limit.
    pub(super) fn check_within(&self, py: Python<'_>, op_ret: i32) -> PyResult<()> {
        let fop = self.fop;
        let Some(arg) = fop.within else {
            return Ok(());
        };
        let room = self.room(py, arg).or_else(|| {
            let op_ret = |came: &mut Option<Came>| came.as_ref().map(|came| came.op_ret);
            // SAFETY: looks only.
            let answered = unsafe { self.reply.with(py, op_ret) };
            answered.and_then(|op_ret| u64::try_from(op_ret).ok())
        });
        match room {
            Some(room) if op_ret as u64 > room => {
                let (name, arg) = (fop.name, fop.args[arg].name);
                Err(PyValueError::new_err(format!(
                    "{name}: the answer has {op_ret} bytes, but its caller has room for {room}: \
                     answer with at most {arg} of {name}_fop"
                )))
            }
            _ => Ok(()),
        }
    }

    /// How much more children are asked for than the caller has room for, if they are: what they
    /// answer with has to be looked at.
    ///
    /// # Safety
    /// The words are arguments of the fop, and alive.
    pub(super) unsafe fn note_excess(
        &self,
        py: Python<'_>,
        fop: &'static Fop,
        words: Words,
    ) -> Option<Excess> {
        let arg = fop.within.filter(|_| std::ptr::eq(fop, self.fop))?;
        let room = self.room(py, arg)?;
        // SAFETY: by contract.
        let asked = unsafe { words.get(fop.args.len()) }[arg].get();
        (asked > room).then(|| {
            self.strays.store(py, true);
            Excess { fop, asked, room }
        })
    }

    /// How much the request has asked for, if a fop handler has seen it.
    fn room(&self, py: Python<'_>, arg: usize) -> Option<u64> {
        // SAFETY: the arguments of a request that is not over are alive.
        let came = |came: Words| unsafe { came.get(self.fop.args.len()) }[arg].get();
        self.came_with(py).map(came)
    }
}

/// A request for more than its caller has room for.
pub(super) struct Excess {
    fop: &'static Fop,
    asked: u64,
    room: u64,
}

impl Excess {
    /// The error where nobody here would see the answer.
    pub(super) fn unseen(&self) -> PyErr {
        let Excess { fop, asked, room } = self;
        let (name, arg) = (fop.name, fop.within.map_or("", |arg| fop.args[arg].name));
        PyValueError::new_err(format!(
            "{name}_wind: {arg} is {asked}, but the caller has room for {room}: define {name}_cbk, \
             and answer with as much of it"
        ))
    }
}

/// The size that attributes say.
///
/// # Safety
/// NULL, or live ones.
unsafe fn size_in(stat: Word) -> u64 {
    // SAFETY: by contract.
    unsafe { stat.get::<*const gf::iatt>().as_ref() }.map_or(0, |stat| stat.ia_size)
}

/// What is wrong with attributes that are to be those of this inode, if they are not as a child has
/// answered them. With a new one callers go on as the inode that they find by the GFID, which may
/// be another one, or none; a known one stays what it is.
///
/// # Safety
/// NULL, or live ones.
unsafe fn not_of(fop: &'static Fop, stat: Word, inode: Word, came: Word) -> Option<&'static str> {
    // SAFETY: by contract; the table of a live inode is live, and has its root.
    let (gfid, came, known, table) = unsafe {
        let inode = inode.get::<*const gf::inode_t>().as_ref()?;
        let gfid = |stat: Word| {
            stat.get::<*const gf::iatt>()
                .as_ref()
                .map(|stat| stat.ia_gfid)
        };
        (gfid(stat)?, gfid(came), inode.gfid, inode.table)
    };
    // SAFETY: as above.
    let root = unsafe { (*(*table).root).gfid };
    match gfid {
        _ if known != [0; 16] || came == Some(gfid) => None,
        _ if gfid == [0; 16] => Some("has no ia_gfid, by which callers go: give the file's"),
        _ if gfid == root => Some("has the ia_gfid of the root, and is of another file"),
        // SAFETY: the table is live.
        _ if fop.names_an_entry() && unsafe { is_directory(table, gfid) } => {
            Some("has the ia_gfid of a directory that is there, and is of a new file")
        }
        _ => None,
    }
}

/// Whether a GFID is that of a directory that is known.
///
/// # Safety
/// The table is live.
unsafe fn is_directory(table: *mut gf::inode_table_t, mut gfid: [u8; 16]) -> bool {
    // SAFETY: by contract; the inode is referenced until it is given back.
    let is = || unsafe {
        let inode = gf::inode_find(table, gfid.as_mut_ptr());
        let found = inode.as_ref();
        let is = found.is_some_and(|inode| inode.ia_type == gf::IA_IFDIR);
        if !inode.is_null() {
            gf::inode_unref(inode);
        }
        is
    };
    // SAFETY: by contract.
    stack::with_this(unsafe { (*table).xl }, is)
}
