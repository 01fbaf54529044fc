//! One Glupy volume: its Python translator, its handlers, its fops table.

use std::ffi::{CStr, CString};
use std::ptr;

use pyo3::prelude::*;

use crate::fop::{Fop, RawFn, SLOTS};
use crate::gf;
use crate::handle::CPtr;
use crate::log;
use crate::marshal::c_string;
use crate::python;
use crate::xlator::{self, Xlator};

/// A handler of the author's.
pub struct Handler {
    /// The bound method.
    pub function: Py<PyAny>,
    /// Its name, for messages.
    pub name: CString,
    /// The author's file.
    pub file: CString,
    /// The line of its definition there.
    pub line: i32,
}

impl Handler {
    fn new(loaded: python::LoadedHandler) -> Handler {
        let (name, file) = (c_string(&loaded.name), c_string(&loaded.file));
        Handler {
            function: loaded.function,
            name,
            file,
            line: loaded.line,
        }
    }

    /// Its name and place: `lookup_fop (negative.py:12)`.
    pub fn place(&self) -> String {
        format!(
            "{} ({}:{})",
            self.name.to_string_lossy(),
            self.file.to_string_lossy(),
            self.line
        )
    }
}

/// The handlers of a fop.
#[derive(Default)]
struct Pair {
    call: Option<Handler>,
    back: Option<Handler>,
}

/// A Glupy volume. It is made by `init` and never freed: threads may be on their
/// way through it.
pub struct Instance {
    xl: CPtr<gf::xlator_t>,
    name: CString,
    /// The Python object for it.
    this: Py<Xlator>,
    /// The author's translator.
    _translator: Py<PyAny>,
    handlers: Vec<Pair>,
    children: Vec<CPtr<gf::xlator_t>>,
}

/// An option that GlusterFS leaves to each translator; false when it is not set.
///
/// # Safety
/// `xl` is a live translator.
unsafe fn boolean_option(xl: *mut gf::xlator_t, name: &str) -> Result<bool, String> {
    // SAFETY: by contract.
    let options = unsafe { xlator::options(xl) };
    let Some((_, value)) = options.iter().find(|(key, _)| key == name) else {
        return Ok(false);
    };
    let mut result = false;
    // SAFETY: a live string and a place for the result.
    let status = unsafe { gf::gf_string2boolean(c_string(value).as_ptr(), &raw mut result) };
    if status == 0 {
        Ok(result)
    } else {
        Err(format!("option {name}: {value} is not on or off"))
    }
}

impl Instance {
    /// The instance behind a translator of ours.
    ///
    /// # Safety
    /// `init` of the translator has succeeded.
    pub unsafe fn of(this: *mut gf::xlator_t) -> &'static Instance {
        // SAFETY: set by `start`, never freed.
        unsafe { &*(*this).private.cast::<Instance>() }
    }

    /// Loads the author's translator and puts its handlers into a fops table of
    /// this volume's own.
    ///
    /// # Errors
    /// What went wrong, in words for the log.
    ///
    /// # Safety
    /// `xl` is a translator in its `init`.
    pub unsafe fn start(xl: *mut gf::xlator_t) -> Result<(), String> {
        // SAFETY: by contract.
        let (name, children) =
            unsafe { (CStr::from_ptr((*xl).name).to_owned(), xlator::children(xl)) };
        if children.is_empty() {
            return Err(
                "a features/glupy volume needs a subvolume: add a line `subvolumes NAME`"
                    .to_owned(),
            );
        }
        // SAFETY: by contract.
        let pass_through = unsafe { boolean_option(xl, "pass-through") }?;
        python::start()?;
        // The loader keeps THIS on this translator during init, so that what the
        // module prints carries the volume's name.
        let instance = crate::gil::attach(|py| {
            let this = Py::new(py, Xlator::new(xl)).map_err(|error| error.to_string())?;
            let loaded = python::load(py, this.clone_ref(py))?;
            let mut handlers: Vec<Pair> = Vec::new();
            handlers.resize_with(SLOTS + 1, Pair::default);
            for handler in loaded.handlers {
                let pair = &mut handlers[handler.index];
                let slot = if handler.down {
                    &mut pair.call
                } else {
                    &mut pair.back
                };
                *slot = Some(Handler::new(handler));
            }
            let children = children.into_iter().map(CPtr).collect();
            Ok::<_, String>(Instance {
                xl: CPtr(xl),
                name,
                this,
                _translator: loaded.translator,
                handlers,
                children,
            })
        })?;
        let instance: &'static Instance = Box::leak(Box::new(instance));
        // SAFETY: the translator is being initialized: no other thread uses it.
        unsafe {
            (*xl).private = ptr::from_ref(instance).cast_mut().cast();
            (*xl).fops = instance.table((*xl).fops);
            // A parent's wind then takes the default fops, see `stack::target`.
            (*xl).pass_through = pass_through;
        }
        Ok(())
    }

    /// A copy of the shared table, as the loader has filled it, with the slots of
    /// the intercepted fops replaced.
    ///
    /// # Safety
    /// `shared` is a table of a loaded translator.
    unsafe fn table(&self, shared: *mut gf::xlator_fops) -> *mut gf::xlator_fops {
        // SAFETY: by contract. The copy is leaked, as the instance is: other
        // translators' winds read it without a lock.
        let table = Box::leak(Box::new(unsafe { ptr::read(shared) }));
        let slots: *mut RawFn = ptr::from_mut(table).cast();
        for fop in crate::generated::fops::TABLE {
            let pair = &self.handlers[fop.index];
            if pair.call.is_some() || pair.back.is_some() {
                // SAFETY: the slot at this position has the trampoline's type.
                unsafe { slots.add(fop.index - 1).write(fop.call) };
            }
        }
        table
    }

    /// The translator.
    pub fn xl(&self) -> *mut gf::xlator_t {
        self.xl.0
    }

    /// The volume's name, for the log.
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// The volume's name, for messages.
    pub fn name_text(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    /// The Python object for the translator.
    pub fn this(&self, py: Python<'_>) -> Py<PyAny> {
        self.this.clone_ref(py).into_any()
    }

    /// The fop handler.
    pub fn call(&self, fop: &Fop) -> Option<&Handler> {
        self.handlers[fop.index].call.as_ref()
    }

    /// The cbk handler.
    pub fn back(&self, fop: &Fop) -> Option<&Handler> {
        self.handlers[fop.index].back.as_ref()
    }

    /// Whether answers of that fop come to Python.
    pub fn has_back(&self, fop: &Fop) -> bool {
        self.back(fop).is_some()
    }

    /// Whether a translator is a child of this one.
    pub fn is_child(&self, xl: *mut gf::xlator_t) -> bool {
        self.children.iter().any(|child| child.0 == xl)
    }

    /// Reports an exception of a handler; the errno that answers its request, unless
    /// that has its answer already.
    pub fn failed(&self, py: Python<'_>, handler: &Handler, error: PyErr, answered: bool) -> i32 {
        python::failed(py, handler, error, answered).unwrap_or_else(|error| {
            log::at(
                self.name(),
                handler,
                &format!("an exception that can not be described: {error}"),
            );
            libc::EIO
        })
    }
}
