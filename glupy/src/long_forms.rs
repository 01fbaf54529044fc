//! `X_wind` and `X_unwind`: all arguments of a fop in C order.

use std::ffi::CString;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyCFunction, PyDict, PyTuple};

use crate::action::Hold;
use crate::convert;
use crate::coroutine::Future;
use crate::fop::{Fop, MAX_ARGS, Param, Word};
use crate::frame::{self, Frame};
use crate::marshal::{self, Values};

/// Adds the functions of every fop of this build to a module.
pub fn add(module: &Bound<'_, PyModule>) -> PyResult<()> {
    for fop in crate::generated::fops::TABLE {
        add_function(
            module,
            fop,
            "wind",
            fop.args,
            &["frame"],
            &["child", "cookie"],
            wind,
        )?;
        add_function(
            module,
            fop,
            "unwind",
            fop.reply,
            &["frame", "op_ret", "op_errno"],
            &[],
            unwind,
        )?;
    }
    Ok(())
}

/// What a function does with its arguments, in order; those not given are None.
type Body = fn(&Form, &[Option<Bound<'_, PyAny>>]) -> PyResult<Option<Py<Future>>>;

/// The name of a function and of its parameters.
struct Form {
    fop: &'static Fop,
    name: String,
    params: &'static [Param],
    before: &'static [&'static str],
    after: &'static [&'static str],
}

fn add_function(
    module: &Bound<'_, PyModule>,
    fop: &'static Fop,
    verb: &str,
    params: &'static [Param],
    before: &'static [&'static str],
    after: &'static [&'static str],
    body: Body,
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
    let leak = |text: String| -> &'static CString { Box::leak(Box::new(marshal::c_string(&text))) };
    let (name, doc) = (leak(form.name.clone()), leak(doc));
    let function = PyCFunction::new_closure(
        module.py(),
        Some(name),
        Some(doc),
        move |args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>| {
            form.call(args, kwargs, body)
        },
    )?;
    module.add(name.to_string_lossy(), function)
}

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
    fn call(
        &self,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
        body: Body,
    ) -> PyResult<Option<Py<Future>>> {
        let needed = self.before.len() + self.params.len();
        let most = needed + self.after.len();
        if args.len() > most {
            return Err(PyTypeError::new_err(format!(
                "{} takes {most} arguments, not {}: ({})",
                self.name,
                args.len(),
                self.names().collect::<Vec<_>>().join(", ")
            )));
        }
        let mut values: smallvec::SmallVec<[Option<Bound<'_, PyAny>>; MAX_ARGS + 3]> =
            args.iter().map(Some).collect();
        values.resize(most, None);
        for (name, value) in kwargs.into_iter().flatten() {
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
        body(self, &values)
    }

    fn frame<'a, 'py>(
        &self,
        values: &'a [Option<Bound<'py, PyAny>>],
    ) -> PyResult<&'a Bound<'py, Frame>> {
        let frame = values[0]
            .as_ref()
            .and_then(|value| value.cast::<Frame>().ok());
        frame.ok_or_else(|| PyTypeError::new_err(format!("{}: frame must be a Frame", self.name)))
    }

    /// The C arguments.
    fn values(&self, given: &[Option<Bound<'_, PyAny>>]) -> PyResult<Values<'_>> {
        let zeros = [Word::NULL; MAX_ARGS];
        let mut values = Values::new(&self.name, self.params, zeros, Hold::default());
        for (i, value) in given[self.before.len()..][..self.params.len()]
            .iter()
            .enumerate()
        {
            let value = value.as_ref().expect("`call` has seen that it is there");
            values.set(i, value)?;
        }
        values.check()?;
        Ok(values)
    }
}

fn wind(form: &Form, given: &[Option<Bound<'_, PyAny>>]) -> PyResult<Option<Py<Future>>> {
    let frame = form.frame(given)?;
    let py = frame.py();
    let Values { words, hold, .. } = form.values(given)?;
    frame
        .get()
        .check_request(py, &form.name, form.fop, &words)?;
    let last = &given[form.before.len() + form.params.len()..];
    let child = frame::child_of(frame.get().instance(py), &form.name, last[0].as_ref())?;
    let cookie = last[1].as_ref().filter(|cookie| !cookie.is_none());
    let cookie = cookie.map(|cookie| cookie.clone().unbind());
    Frame::wind(frame, form.fop, words, hold, child, cookie)
}

fn unwind(form: &Form, given: &[Option<Bound<'_, PyAny>>]) -> PyResult<Option<Py<Future>>> {
    let frame = form.frame(given)?;
    let py = frame.py();
    let number = |i: usize| -> PyResult<i32> {
        let value = given[i].as_ref().expect("`call` has seen that it is there");
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
    frame
        .get()
        .unwind(py, form.values(given)?, Some(op_ret), op_errno)?;
    Ok(None)
}
