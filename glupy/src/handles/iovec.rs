//! `struct iovec`: the data of a read or a write, in one or more buffers.

use std::ffi::{c_int, c_void};
use std::ptr;
use std::slice;
use std::sync::Arc;

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyMemoryError, PyOverflowError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

use super::{Iobref, sequence};
use crate::convert;
use crate::gf;
use crate::handle::{self, Copies, HandleClass, Owner, Raw, References, base, handle_class};
use crate::instance::Instance;
use crate::stack;

handle_class!(
    /// `struct iovec` with its length and iobref (sys/uio.h): a sequence of
    /// read-only buffers. Reading them copies nothing.
    Iovec: sequence,
    gf::iovec,
    // SAFETY: a live array of `len` buffers.
    |raw| unsafe { own(raw) },
    // SAFETY: undoes `own`.
    |raw| unsafe {
        libc::free(raw.ptr);
        if !raw.iobref.is_null() {
            gf::iobref_unref(raw.iobref);
        }
    },
    Copies::References {
        // SAFETY: a live array.
        strip: |raw| unsafe { strip(raw) },
        // SAFETY: made by malloc.
        free: |raw| unsafe { libc::free(raw.ptr) },
    }
);

/// Leaves empty buffers where the data was another's.
unsafe fn strip(raw: Raw) -> References {
    if raw.iobref.is_null() {
        return References::new(); // the data is behind the array
    }
    let len = usize::try_from(raw.len).unwrap_or(0);
    // SAFETY: by contract; zeroed buffers are empty ones.
    unsafe { raw.ptr.cast::<gf::iovec>().write_bytes(0, len) };
    References::from_elem((Iobref::class(), Raw::new(raw.iobref)), 1)
}

/// Copies the array and takes a reference on the data's owner; without an owner
/// the data is copied too, behind the array.
unsafe fn own(raw: Raw) -> Option<Raw> {
    let len = usize::try_from(raw.len).unwrap_or(0);
    let array = size_of::<gf::iovec>() * len;
    // SAFETY: by contract; sizes are those of live buffers.
    unsafe {
        let buffers = slice::from_raw_parts(raw.ptr.cast::<gf::iovec>(), len);
        let data = if raw.iobref.is_null() {
            buffers.iter().map(|buffer| buffer.iov_len).sum()
        } else {
            0
        };
        let copy: *mut u8 = libc::malloc((array + data).max(size_of::<gf::iovec>())).cast();
        if copy.is_null() {
            return None;
        }
        if len == 0 {
            // There is a first one to look at, always.
            copy.cast::<gf::iovec>().write(std::mem::zeroed());
        }
        let mut end = copy.add(array);
        for (i, buffer) in buffers.iter().enumerate() {
            let mut buffer = *buffer;
            if raw.iobref.is_null() && buffer.iov_len > 0 {
                end.copy_from_nonoverlapping(buffer.iov_base.cast(), buffer.iov_len);
                buffer.iov_base = end.cast();
                end = end.add(buffer.iov_len);
            }
            copy.cast::<gf::iovec>().add(i).write(buffer);
        }
        if !raw.iobref.is_null() {
            gf::iobref_ref(raw.iobref);
        }
        Some(Raw {
            ptr: copy.cast(),
            ..raw
        })
    }
}

impl Iovec {
    fn buffers<'a>(slf: &'a Bound<'_, Self>) -> PyResult<&'a [gf::iovec]> {
        let raw = base(slf).raw(slf.py())?;
        // SAFETY: the handle's array is alive; callers keep the GIL, hence the
        // array, while they look at it.
        Ok(unsafe { buffers(raw) })
    }

    /// A buffer as an object. It has no way to learn that its memory is gone: it keeps
    /// that, even when the handle must give it up.
    fn part<'py>(slf: &Bound<'py, Self>, index: usize) -> PyResult<Bound<'py, Buffer>> {
        let iovec = base(slf).own(slf.py())?;
        Bound::new(slf.py(), Buffer { iovec, index })
    }
}

fn bytes_of(buffer: &gf::iovec) -> &[u8] {
    if buffer.iov_len == 0 {
        return &[];
    }
    // SAFETY: a live buffer of that length.
    unsafe { slice::from_raw_parts(buffer.iov_base.cast::<u8>(), buffer.iov_len) }
}

/// The most elements that are made. The RPC layer has room for 16 with its own
/// (`MAX_IOVEC`), and FUSE's answer is one writev, which takes 1024: nobody gets a longer
/// one.
const MAX_PARTS: usize = 8;

/// Puts data into a buffer of GlusterFS's, the one copy that is made of it; a
/// sequence gives as many elements, or one if these would be too many.
///
/// # Errors
/// `TypeError` for what has no buffer; `MemoryError`.
pub fn build(data: &Bound<'_, PyAny>, what: impl Fn() -> String) -> PyResult<Arc<Owner>> {
    let mut parts: Vec<PyUntypedBuffer> = Vec::new();
    let whole = match data.is_instance_of::<Iovec>() {
        true => None, // a part for each of its own
        false => contiguous(data)?,
    };
    if let Some(buffer) = whole {
        parts.push(buffer);
    } else if let Ok(sequence) = data.try_iter() {
        for (i, part) in sequence.enumerate() {
            let part = part?;
            let expected = "bytes or another object with a buffer";
            let name = || format!("{}[{i}]", what());
            let buffer = contiguous(&part)?;
            parts.push(buffer.ok_or_else(|| convert::wrong_type(&part, expected, name))?);
        }
    } else {
        return Err(no_buffer(data, &what));
    }
    let size: usize = parts.iter().map(PyUntypedBuffer::len_bytes).sum();
    // op_ret, which counts the bytes, is an int32_t, as the number of buffers is.
    if i32::try_from(size.max(parts.len())).is_err() {
        return Err(PyOverflowError::new_err(format!(
            "{}: {size} bytes in {} buffers are too many",
            what(),
            parts.len()
        )));
    }
    let joined = parts.len() > MAX_PARTS;
    let instance = Instance::current(data.py());
    let xl = instance.map_or_else(stack::global, Instance::xl);
    let memory = || PyMemoryError::new_err(());
    // SAFETY: a live translator with a context: its volume is not gone. What is allocated is given
    // back on every way out or goes to the owner, which `release` undoes: the array
    // by free, the iobref by unref, and with it the iobuf.
    unsafe {
        let iobuf = gf::iobuf_get2((*(*xl).ctx).iobuf_pool.cast(), size.max(1));
        if iobuf.is_null() {
            return Err(memory());
        }
        let iobref = gf::iobref_new();
        let array: *mut gf::iovec = libc::calloc(parts.len().max(1), size_of::<gf::iovec>()).cast();
        let added = !iobref.is_null() && !array.is_null() && gf::iobref_add(iobref, iobuf) == 0;
        let start: *mut u8 = (*iobuf).ptr.cast();
        gf::iobuf_unref(iobuf);
        if !added {
            libc::free(array.cast());
            if !iobref.is_null() {
                gf::iobref_unref(iobref);
            }
            return Err(memory());
        }
        let raw = Raw {
            ptr: array.cast(),
            len: if joined { 1 } else { parts.len() as i32 },
            iobref,
        };
        let owner = Owner::adopt(Iovec::class(), raw, instance);
        let mut end = start;
        for (i, part) in parts.iter().enumerate() {
            if part.len_bytes() > 0 {
                end.copy_from_nonoverlapping(part.buf_ptr().cast(), part.len_bytes());
            }
            if !joined {
                array.add(i).write(gf::iovec {
                    iov_base: end.cast(),
                    iov_len: part.len_bytes(),
                });
            }
            end = end.add(part.len_bytes());
        }
        if joined {
            array.write(gf::iovec {
                iov_base: start.cast(),
                iov_len: size,
            });
        }
        Ok(owner)
    }
}

/// The bytes of an object in one run, copied where they are not; None without a buffer.
fn contiguous(object: &Bound<'_, PyAny>) -> PyResult<Option<PyUntypedBuffer>> {
    match PyUntypedBuffer::get(object) {
        Ok(buffer) if buffer.is_c_contiguous() => Ok(Some(buffer)),
        Ok(_) => {
            let bytes = PyMemoryView::from(object)?.call_method0("tobytes")?;
            PyUntypedBuffer::get(&bytes).map(Some)
        }
        Err(_) => Ok(None),
    }
}

fn no_buffer(data: &Bound<'_, PyAny>, what: impl Fn() -> String) -> PyErr {
    let expected = "bytes, another object with a buffer, or a sequence of these";
    convert::wrong_type(data, expected, what)
}

/// Bytes in all buffers.
///
/// # Safety
/// A live iovec, or NULL.
pub unsafe fn size(raw: Raw) -> usize {
    // SAFETY: by contract.
    unsafe { buffers(raw) }
        .iter()
        .map(|buffer| buffer.iov_len)
        .sum()
}

/// # Safety
/// A live iovec, or NULL; it lives as long as the slice is used.
unsafe fn buffers<'a>(raw: Raw) -> &'a [gf::iovec] {
    if raw.ptr.is_null() {
        return &[];
    }
    let len = usize::try_from(raw.len).unwrap_or(0);
    // SAFETY: by contract an array of `len` elements.
    unsafe { slice::from_raw_parts(raw.ptr.cast::<gf::iovec>(), len) }
}

#[pymethods]
impl Iovec {
    /// Data for a request or an answer, copied once: `bytes`, any object with a
    /// buffer, or a sequence of these.
    #[new]
    fn new(data: &Bound<'_, PyAny>) -> PyResult<Py<Self>> {
        handle::having(data.py(), build(data, || "Iovec: data".to_owned())?)
    }

    /// What keeps the data alive.
    #[getter]
    fn iobref(slf: &Bound<'_, Self>) -> PyResult<Option<Py<Iobref>>> {
        let py = slf.py();
        handle::owned(py, base(slf).raw(py)?.iobref, base(slf).instance(py))
    }

    /// The number of buffers.
    fn __len__(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Ok(Self::buffers(slf)?.len())
    }

    /// Bytes in all buffers.
    #[getter]
    fn nbytes(slf: &Bound<'_, Self>) -> PyResult<usize> {
        let lengths = Self::buffers(slf)?.iter().map(|buffer| buffer.iov_len);
        Ok(lengths.sum())
    }

    /// A read-only view of a buffer, without a copy, which stays valid; or a list of
    /// those in a slice.
    fn __getitem__<'py>(
        slf: &Bound<'py, Self>,
        index: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let len = Self::buffers(slf)?.len();
        sequence::item("Iovec", index, len, |at| {
            let part = Self::part(slf, at)?;
            let view = PyMemoryView::from(&part)?;
            Ok(view.into_any())
        })
    }

    /// The data, where it is in one run.
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        // SAFETY: the caller's view, which says on errors that it holds nothing.
        unsafe { (*view).obj = ptr::null_mut() };
        let part = match Self::buffers(&slf)?.len() {
            0 => PyBytes::new(slf.py(), &[]).into_any(),
            1 => Self::part(&slf, 0)?.into_any(),
            len => {
                let how = "take one after the other, or bytes() of all";
                let message = format!("the data is in {len} parts: {how}");
                return Err(PyBufferError::new_err(message));
            }
        };
        // SAFETY: as above; the view is the part's, and keeps it.
        match unsafe { ffi::PyObject_GetBuffer(part.as_ptr(), view, flags) } {
            0 => Ok(()),
            _ => Err(PyErr::fetch(slf.py())),
        }
    }

    /// All the data, copied.
    fn __bytes__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyBytes>> {
        PyBytes::new_with(slf.py(), Self::nbytes(slf)?, |to| {
            let mut end = 0;
            for buffer in Self::buffers(slf)? {
                let data = bytes_of(buffer);
                to[end..end + data.len()].copy_from_slice(data);
                end += data.len();
            }
            Ok(())
        })
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        if let Some(text) = base(slf).gone_repr(slf.py()) {
            return Ok(text);
        }
        let (len, nbytes) = (Self::__len__(slf)?, Self::nbytes(slf)?);
        Ok(format!("<Iovec buffers={len} nbytes={nbytes}>"))
    }
}

/// One buffer of an iovec, for the buffer protocol.
#[pyclass(frozen, module = "gluster")]
pub struct Buffer {
    iovec: Arc<Owner>,
    index: usize,
}

#[pymethods]
impl Buffer {
    unsafe fn __getbuffer__(
        slf: Bound<'_, Self>,
        view: *mut ffi::Py_buffer,
        flags: c_int,
    ) -> PyResult<()> {
        // SAFETY: the caller's view, which says on errors that it holds nothing.
        unsafe { (*view).obj = ptr::null_mut() };
        if flags & ffi::PyBUF_WRITABLE != 0 {
            return Err(PyBufferError::new_err("the data of a request is read-only"));
        }
        let buffer = slf.get();
        // SAFETY: the iovec is owned (`Iovec::part`), so its data lives as
        // long as it does; the view keeps `slf`, which keeps the iovec.
        let result = unsafe {
            let data = bytes_of(&buffers(buffer.iovec.raw())[buffer.index]);
            let len = data.len() as isize;
            let data: *mut c_void = if data.is_empty() {
                ptr::null_mut()
            } else {
                data.as_ptr().cast_mut().cast()
            };
            ffi::PyBuffer_FillInfo(view, slf.as_ptr(), data, len, 1, flags)
        };
        if result == 0 {
            Ok(())
        } else {
            Err(PyErr::fetch(slf.py()))
        }
    }
}
