//! Holds the schema against GlusterFS's headers.
//!
//! Everything is compared that the schema repeats of them: the tables and their order, the
//! types of all functions with names, order and C types of all arguments, numbers, enums,
//! constants, fields. Two lists that differ in anything always give a [`Difference`].

mod difference;
mod fops;
pub mod report;
mod sequence;
mod values;

use std::collections::BTreeSet;

pub use difference::{Difference, Kind};

use crate::diagnostics::Span;
use crate::headers::model::{Function, Headers, Place};
use crate::model::Model;
use crate::names::Version;
use crate::schema::{Param, Schema, Text};
use sequence::Step;

/// What `verify` has found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Everything that differs.
    pub differences: Vec<Difference>,
    /// The schema's fops that this version is said not to have, and has not.
    pub left_out: Vec<String>,
}

/// Compares a schema with headers of that version.
pub fn verify(schema: &Schema, model: &Model, headers: &Headers, version: Version) -> Report {
    let mut verifier = Verifier {
        schema,
        model,
        headers,
        version,
        report: Report::default(),
    };
    verifier.fops();
    verifier.hooks("callbacks", &schema.callbacks, &headers.callbacks);
    verifier.hooks("dumpops", &schema.dumpops, &headers.dumpops);
    verifier.structures();
    verifier.enums();
    verifier.types();
    let mut report = verifier.report;
    report
        .differences
        .sort_by_key(|difference| difference.schema.start);
    report
}

struct Verifier<'a> {
    schema: &'a Schema,
    model: &'a Model,
    headers: &'a Headers,
    version: Version,
    report: Report,
}

/// An argument as the schema has it.
struct Expected {
    name: String,
    c_type: String,
    name_span: Span,
    type_span: Span,
}

impl Expected {
    /// One that is left out in the schema, because all functions of its sort have it.
    fn implied(name: &str, c_type: &str, span: &Span) -> Self {
        Expected {
            name: name.into(),
            c_type: c_type.into(),
            name_span: span.clone(),
            type_span: span.clone(),
        }
    }

    fn all(implied: &[(&str, &str)], params: &[Param], span: &Span) -> Vec<Self> {
        let implied = implied
            .iter()
            .map(|(name, c_type)| Expected::implied(name, c_type, span));
        let written = params.iter().map(|param| Expected {
            name: param.name.value.clone(),
            c_type: param
                .ty
                .as_ref()
                .map_or(String::new(), |ty| ty.value.clone()),
            name_span: param.name.span.clone(),
            type_span: param.ty.as_ref().unwrap_or(&param.name).span.clone(),
        });
        implied.chain(written).collect()
    }
}

impl Verifier<'_> {
    fn differ(
        &mut self,
        kind: Kind,
        subject: impl Into<String>,
        message: impl Into<String>,
        (schema, schema_says): (&Span, String),
        (header, header_says): (&Place, String),
    ) {
        self.report.differences.push(Difference {
            kind,
            subject: subject.into(),
            message: message.into(),
            schema: schema.clone(),
            schema_says,
            header: header.clone(),
            header_says,
        });
    }

    /// Whether a version range has these headers' version.
    fn has(&self, since: Option<Version>, until: Option<Version>) -> bool {
        since.is_none_or(|since| since <= self.version)
            && until.is_none_or(|until| self.version <= until)
    }

    /// Compares the arguments of a function. `subject` is where they stand in the schema,
    /// `name` what errors call the function, `span` its name in the schema.
    fn arguments(
        &mut self,
        subject: &str,
        name: &str,
        span: &Span,
        expected: &[Expected],
        function: &Function,
    ) {
        let found = &function.args;
        let first: Vec<_> = expected.iter().map(|arg| arg.name.as_str()).collect();
        let second: Vec<_> = found.iter().map(|arg| arg.name.as_str()).collect();
        for step in sequence::compare(&first, &second) {
            match step {
                Step::Same(old, new) | Step::Replaced(old, new) => {
                    let (old, new) = (&expected[old], &found[new]);
                    let subject = format!("{subject}.{}", old.name);
                    if old.name != new.name {
                        self.differ(
                            Kind::ArgumentName,
                            &subject,
                            format!(
                                "the argument `{}` of {name} is called `{}` in the headers",
                                old.name, new.name
                            ),
                            (&old.name_span, format!("here `{}`", old.name)),
                            (&new.place, format!("there `{}`", new.name)),
                        );
                    }
                    if old.c_type != new.c_type {
                        self.differ(
                            Kind::ArgumentType,
                            &subject,
                            format!(
                                "the argument `{}` of {name} is a `{}` in the headers",
                                old.name, new.c_type
                            ),
                            (&old.type_span, format!("here `{}`", old.c_type)),
                            (&new.place, format!("there `{}`", new.c_type)),
                        );
                    }
                }
                Step::Gone(old, _) => {
                    let old = &expected[old];
                    self.differ(
                        Kind::ArgumentGone,
                        format!("{subject}.{}", old.name),
                        format!("{name} has no argument `{}` in the headers", old.name),
                        (&old.name_span, format!("here `{}`", old.name)),
                        (&function.place, "not in there".into()),
                    );
                }
                Step::New(old, new) => {
                    let new = &found[new];
                    let before = old.checked_sub(1).and_then(|old| expected.get(old));
                    let place = before.map_or(span, |before| &before.name_span);
                    self.differ(
                        Kind::ArgumentNew,
                        format!("{subject}.{}", new.name),
                        format!("{name} has an argument `{}` in the headers", new.name),
                        (
                            place,
                            format!("expected `{}: {}` behind this", new.name, new.c_type),
                        ),
                        (&new.place, format!("there `{}`", new.name)),
                    );
                }
                Step::Order(old, new) => {
                    self.differ(
                        Kind::ArgumentOrder,
                        subject,
                        format!("the arguments of {name} stand in another order in the headers"),
                        (
                            &expected[old].name_span,
                            format!("here {}", first.join(", ")),
                        ),
                        (&found[new].place, format!("there {}", second.join(", "))),
                    );
                }
            }
        }
    }

    /// Compares what a function returns.
    fn result(
        &mut self,
        subject: &str,
        name: &str,
        span: &Span,
        expected: &str,
        function: &Function,
    ) {
        if expected != function.returns {
            self.differ(
                Kind::ResultType,
                subject,
                format!("{name} returns `{}` in the headers", function.returns),
                (span, format!("here `{expected}`")),
                (&function.place, format!("there `{}`", function.returns)),
            );
        }
    }

    /// The names that a schema leaves out on purpose.
    fn names(texts: &[Text]) -> BTreeSet<&str> {
        texts.iter().map(|text| text.value.as_str()).collect()
    }
}
