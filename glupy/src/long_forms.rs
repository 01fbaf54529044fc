//! `X_wind` and `X_unwind`: all arguments of a fop in C order.

use std::ffi::CString;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use smallvec::SmallVec;

use crate::convert;
use crate::fastcall::{self, Function, Given};
use crate::fop::{Fop, MAX_ARGS, Param, Word};
use crate::frame::{self, Frame};
use crate::hold::Hold;
use crate::marshal::{self, Values};
use crate::sealed;

/// Adds the functions of every fop of this build to a module.
pub fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    for fop in crate::generated::fops::TABLE {
        let (before, after) = (&["frame"], &["child", "cookie"]);
        add_function::<Wind>(module, fop, "wind", fop.args, before, after)?;
        let before = &["frame", "op_ret", "op_errno"];
        add_function::<Unwind>(module, fop, "unwind", fop.reply, before, &[])?;
    }
    sealed::seal(&module.py().get_type::<Form>());
    Ok(())
}

/// The name of a function and of its parameters.
#[pyclass(frozen, module = "gluster")]
struct Form {
    fop: &'static Fop,
    name: String,
    params: &'static [Param],
    before: &'static [&'static str],
    after: &'static [&'static str],
}

fn add_function<F: Function<This = Form>>(
    module: &Bound<'_, PyModule>,
    fop: &'static Fop,
    verb: &str,
    params: &'static [Param],
    before: &'static [&'static str],
    after: &'static [&'static str],
) -> PyResult<()> {
    let form = Form {
        fop,
        name: format!("{}_{verb}", fop.name),
        params,
        before,
        after,
    };
    let names: Vec<String> = form
        .names()
        .map(|name| {
            if after.contains(&name) {
                format!("{name}=None")
            } else {
                name.to_owned()
            }
        })
        .collect();
    let doc = format!("{}({})\n--\n\n{}", form.name, names.join(", "), fop.doc);
    // The functions live as long as the process.
    let leak = |text: &str| -> &'static CString { Box::leak(Box::new(marshal::c_string(text))) };
    let (name, doc) = (leak(&form.name), leak(&doc));
    let form = Bound::new(module.py(), form)?;
    let function = fastcall::function::<F>(&form, module, name, doc)?;
    module.add(name.to_string_lossy(), function)
}

/// What a function was called with, in order; those not given are None.
type Arguments<'a, 'py> = SmallVec<[Option<Borrowed<'a, 'py, PyAny>>; MAX_ARGS + 3]>;

impl Form {
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let params = self.params.iter().map(|param| param.name);
        self.before
            .iter()
            .copied()
            .chain(params)
            .chain(self.after.iter().copied())
    }

    /// Puts positional and keyword arguments in order.
    fn arguments<'a, 'py>(&self, given: Given<'a, 'py>) -> PyResult<Arguments<'a, 'py>> {
        let needed = self.before.len() + self.params.len();
        let most = needed + self.after.len();
        let positional = given.positional();
        if positional.len() > most {
            let names: Vec<_> = self.names().collect();
            return Err(fastcall::too_many(&self.name, &names, positional.len()));
        }
        let mut values: Arguments<'_, '_> = positional.map(Some).collect();
        values.resize(most, None);
        for (name, value) in given.named() {
            let name: String = name.extract()?;
            let place = self.names().position(|known| known == name);
            let place = place.ok_or_else(|| {
                PyTypeError::new_err(format!("{} has no argument {name}", self.name))
            })?;
            if values[place].replace(value).is_some() {
                return Err(PyTypeError::new_err(format!(
                    "{}: {name} is given twice",
                    self.name
                )));
            }
        }
        if let Some(missing) = values[..needed].iter().position(Option::is_none) {
            let name = self.names().nth(missing).unwrap_or_default();
            return Err(PyTypeError::new_err(format!(
                "{}: {name} is missing",
                self.name
            )));
        }
        Ok(values)
    }

    fn frame<'a, 'py>(
        &self,
        values: &[Option<Borrowed<'a, 'py, PyAny>>],
    ) -> PyResult<Borrowed<'a, 'py, Frame>> {
        let frame = values[0].and_then(|value| value.cast::<Frame>().ok());
        frame.ok_or_else(|| PyTypeError::new_err(format!("{}: frame must be a Frame", self.name)))
    }

    /// The C arguments, not checked yet.
    fn values<'a>(
        &'a self,
        frame: &'a Frame,
        given: &[Option<Borrowed<'_, '_, PyAny>>],
    ) -> PyResult<Values<'a>> {
        let zeros = [Word::NULL; MAX_ARGS];
        let values = Values::new(&self.name, self.params, zeros, Hold::default());
        let mut values = values.lent_by(frame);
        for (i, value) in given[self.before.len()..][..self.params.len()]
            .iter()
            .enumerate()
        {
            let value = value.as_ref().expect("seen by `arguments`");
            values.set(i, value)?;
        }
        Ok(values)
    }
}

/// `X_wind`
struct Wind;

impl Function for Wind {
    type This = Form;

    fn call<'py>(form: &Bound<'py, Form>, given: Given<'_, 'py>) -> PyResult<Py<PyAny>> {
        let (py, form) = (form.py(), form.get());
        let here = given.here();
        let given = form.arguments(given)?;
        let frame = form.frame(&given)?;
        let mut values = form.values(frame.get(), &given)?;
        values.check()?;
        let Values {
            words, mut hold, ..
        } = values;
        // See `frame.wind`.
        frame.get().check_open(py, "can not wind")?;
        frame
            .get()
            .check_request(py, &form.name, form.fop, &words)?;
        let last = &given[form.before.len() + form.params.len()..];
        let child = frame::child_of(frame.get().instance(py), &form.name, last[0].as_deref())?;
        let cookie = last[1].filter(|cookie| !cookie.is_none());
        let cookie = cookie.map(|cookie| cookie.to_owned().unbind());
        let words = hold.store(words);
        let future = Frame::wind(&frame, here, form.fop, words, hold, child, cookie)?;
        Ok(future.map_or_else(|| py.None(), Py::into_any))
    }
}

/// `X_unwind`
struct Unwind;

impl Function for Unwind {
    type This = Form;

    fn call<'py>(form: &Bound<'py, Form>, given: Given<'_, 'py>) -> PyResult<Py<PyAny>> {
        let (py, form) = (form.py(), form.get());
        let here = given.here();
        let given = form.arguments(given)?;
        let frame = form.frame(&given)?;
        let number = |i: usize| -> PyResult<i32> {
            let value = given[i].as_ref().expect("seen by `arguments`");
            convert::number(value, "int32_t", || {
                format!("{}: {}", form.name, form.before[i])
            })
        };
        let (op_ret, op_errno) = (number(1)?, number(2)?);
        if !std::ptr::eq(form.fop, frame.get().fop(py)) {
            let name = frame.get().fop(py).name;
            return Err(PyValueError::new_err(format!(
                "{}: this request is a {name}: use {name}_unwind",
                form.name
            )));
        }
        let values = form.values(frame.get(), &given)?;
        frame
            .get()
            .unwind(py, here, values, Some(op_ret), op_errno)?;
        Ok(py.None())
    }
}
