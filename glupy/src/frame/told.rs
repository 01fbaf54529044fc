//! What messages say of a request: what it is, and what has happened to it before.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use super::{Args, Frame, FrameError, State};
use crate::convert;
use crate::fop::{Kind, Param, Word};
use crate::gf;
use crate::gil::GilCell;
use crate::here::Here;
use crate::instance::Handler;

/// Who has answered a request, or has passed it on.
#[derive(Default)]
pub struct Past {
    handler: GilCell<Option<&'static Handler>>,
    /// The author's line, if it was looked for.
    line: GilCell<Option<String>>,
}

/// Whether lines are looked for: that takes longer than all the rest of an answer, so it is
/// done in a process in which a mistake has been made with a frame.
static LINES: AtomicBool = AtomicBool::new(false);

impl Past {
    /// What the current thread does now, in this handler or elsewhere. No Python runs.
    pub fn note(&self, py: Python<'_>, handler: Option<&'static Handler>) {
        self.handler.store(py, handler);
        self.line.set(py, None);
    }

    /// The author's line, if it is to be known. To find it runs Python, and other threads
    /// meanwhile, so this comes when the request is theirs no more.
    pub fn note_line(&self, py: Python<'_>, here: Here) {
        if LINES.load(Ordering::Relaxed) || here.queue().is_null() {
            self.line.set(py, line(py).ok().flatten());
        }
    }

    /// ` by lookup_fop (negative.py:12)`
    fn by(&self, py: Python<'_>) -> String {
        // SAFETY: cloning runs no Python.
        let line = unsafe { self.line.with(py, |line| line.clone()) };
        let place = line.or_else(|| self.handler.get(py).map(Handler::place));
        place.map_or_else(String::new, |place| format!(" by {place}"))
    }
}

/// The author's line that runs on this thread; None if there is none.
fn line(py: Python<'_>) -> PyResult<Option<String>> {
    py.import("glupy.log")?
        .call_method0("current_place")?
        .extract()
}

impl Frame {
    /// An error that says why something is not possible any more.
    pub(super) fn refused(&self, py: Python<'_>, what: &str) -> PyErr {
        if self.state.get(py) != State::Pending {
            LINES.store(true, Ordering::Relaxed);
        }
        let (name, by) = (self.fop(py).name, self.past.by(py));
        let state = match self.state.get(py) {
            State::Pending => "is pending".to_owned(),
            State::Answering if self.open.get(py) > 0 => {
                format!("has been answered{by}, which waits for what it has been wound to")
            }
            State::Answering | State::Answered => format!("has been answered{by}"),
            State::PassedOn if self.awaits.get(py) => {
                format!("has been passed on to a child{by}, whose coroutine has returned the wind")
            }
            State::PassedOn => format!(
                "has been passed on to a child{by} without a way back \
                 (define {name}_cbk to see the answer)"
            ),
        };
        FrameError::new_err(format!("{name}: {what}: the request {state}"))
    }

    /// What is asked, as far as it is known: `lookup of /a/file`.
    pub fn subject(&self, py: Python<'_>) -> String {
        let fop = self.fop(py);
        // SAFETY: the words are alive: they are the frame's own, or borrowed from a call
        // that is not over (see `finish` and `release`); the reply's, too.
        let object = unsafe {
            let asked = self.args.with(py, |args| match args {
                Args::None => None,
                Args::Borrowed(lent) => object_of(fop.args, lent.words(py)?.get(fop.args.len())),
                Args::Owned(owned) => object_of(fop.args, owned.words()),
            });
            asked.or_else(|| {
                self.reply.with(py, |reply| {
                    let reply = reply.as_ref().filter(|reply| reply.op_ret >= 0)?;
                    let params = reply.fop.reply;
                    object_of(params, reply.words(py).get(params.len()))
                })
            })
        };
        match object {
            Some(object) => format!("{} of {object}", fop.name),
            None => fop.name.to_owned(),
        }
    }
}

/// The path or the GFID of the first of some values that has one.
///
/// # Safety
/// The words are live values described by `params`.
unsafe fn object_of(params: &[Param], words: &[Word]) -> Option<String> {
    let gfid = |gfid: &gf::uuid_t| {
        gfid.iter()
            .any(|byte| *byte != 0)
            .then(|| convert::gfid(gfid).to_string())
    };
    // SAFETY: by contract; pointers in live structures are NULL or valid.
    unsafe {
        let inode = |inode: *const gf::inode_t| gfid(&inode.as_ref()?.gfid);
        params
            .iter()
            .zip(words)
            .find_map(|(param, word)| match param.kind {
                Kind::Loc => {
                    let loc = word.get::<*const gf::loc_t>().as_ref()?;
                    if !loc.path.is_null() {
                        let path = CStr::from_ptr(loc.path).to_string_lossy();
                        return Some(path.replace(char::is_control, "?"));
                    }
                    gfid(&loc.gfid).or_else(|| inode(loc.inode))
                }
                Kind::Fd => inode(word.get::<*const gf::fd_t>().as_ref()?.inode),
                Kind::Inode => inode(word.get()),
                Kind::Iatt => gfid(&word.get::<*const gf::iatt>().as_ref()?.ia_gfid),
                _ => None,
            })
    }
}
