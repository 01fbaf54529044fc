//! The tables of functions: fops, callbacks, dump hooks.

use super::{Expected, Kind, Step, Verifier, sequence};
use crate::diagnostics::Span;
use crate::headers::model::{self as header, Hooks};
use crate::model::Fop;
use crate::schema::{self, Hook, Named, Text};

/// What the schema leaves out, because every fop has it.
const CALL: &[(&str, &str)] = &[("frame", "call_frame_t *"), ("this", "xlator_t *")];
const BACK: &[(&str, &str)] = &[
    ("frame", "call_frame_t *"),
    ("cookie", "void *"),
    ("this", "xlator_t *"),
    ("op_ret", "int32_t"),
    ("op_errno", "int32_t"),
];
const HOOK: &[(&str, &str)] = &[("this", "xlator_t *")];
const RETURNS: &str = "int32_t";

impl Verifier<'_> {
    pub(super) fn fops(&mut self) {
        let (schema, model, headers) = (self.schema, self.model, self.headers);
        let mut before: Option<(&Text, &Fop)> = None;
        for ((name, raw), fop) in schema.fops.iter().zip(&model.fops) {
            let found = headers.fops.iter().find(|found| found.name == fop.name);
            match (found, self.has(fop.since, fop.until)) {
                (Some(found), true) => self.fop(name, raw, fop, found),
                (Some(found), false) => self.wrong_version(raw, fop, found),
                (None, false) => self.report.left_out.push(fop.name.clone()),
                (None, true) => self.differ(
                    Kind::FopGone,
                    format!("fops.{}", fop.name),
                    format!("the headers have no fop {}", fop.name),
                    (&name.span, format!("expected in {}", self.version)),
                    (&headers.fops_place, "not in this table".into()),
                ),
            }
            if let Some((text, other)) = before.filter(|(_, other)| other.index > fop.index) {
                let place = found.map_or(&headers.fops_place, |found| &found.place);
                self.differ(
                    Kind::FopOrder,
                    format!("fops.{}", fop.name),
                    format!("{} does not stand in the order of the table", fop.name),
                    (&name.span, format!("{} is behind {}", fop.name, other.name)),
                    (place, format!("{} is before {}", fop.name, text.value)),
                );
            }
            before = Some((name, fop));
        }
        let left_out = Self::names(&schema.left_out);
        for found in &headers.fops {
            let known = model.fops.iter().any(|fop| fop.name == found.name);
            if !known && !left_out.contains(found.name.as_str()) {
                let place = self.place_of(found.index);
                self.differ(
                    Kind::FopNew,
                    format!("fops.{}", found.name),
                    format!("the schema has no fop {}", found.name),
                    (
                        &place,
                        "expected behind this; `cargo codegen import` writes it".into(),
                    ),
                    (&found.place, format!("there it is number {}", found.index)),
                );
            }
        }
    }

    /// Where the fop with that index would stand: behind the last one with a lower index.
    fn place_of(&self, index: usize) -> Span {
        let fops = self.schema.fops.iter().zip(&self.model.fops);
        let before = fops.rev().find(|(_, fop)| (fop.index as usize) < index);
        before.map_or(0..0, |((name, _), _)| name.span.clone())
    }

    fn wrong_version(&mut self, raw: &schema::Fop, fop: &Fop, found: &header::Fop) {
        let late = fop.since.is_some_and(|since| since > self.version);
        let text = if late { &raw.since } else { &raw.until };
        let span = text.as_ref().map_or(0..0, |text| text.span.clone());
        self.differ(
            Kind::FopVersion,
            format!("fops.{}", fop.name),
            format!("the headers of {} have {}", self.version, fop.name),
            (&span, "which this excludes".into()),
            (&found.place, "there it is".into()),
        );
    }

    fn fop(&mut self, name: &Text, raw: &schema::Fop, fop: &Fop, found: &header::Fop) {
        let c_name = &fop.name;
        let subject = format!("fops.{c_name}");
        let index_span = raw.index.as_ref().map_or(&name.span, |index| &index.span);
        if fop.index as usize != found.index {
            self.differ(
                Kind::FopIndex,
                format!("{subject}.index"),
                format!("{c_name} is number {} of the headers' table", found.index),
                (index_span, format!("here {}", fop.index)),
                (&found.place, format!("there {}", found.index)),
            );
        }
        self.number(name, raw, fop);
        self.result(&subject, c_name, &name.span, RETURNS, &found.call);
        let args = Expected::all(CALL, &raw.args, &name.span);
        self.arguments(
            &format!("{subject}.args"),
            c_name,
            &name.span,
            &args,
            &found.call,
        );

        let back_name = format!("the callback of {c_name}");
        let Some(back) = &found.back else {
            self.differ(
                Kind::FopCbkSlot,
                format!("{subject}.cbk"),
                format!("the headers' table has no slot {c_name}_cbk"),
                (&name.span, "expected, as for every fop".into()),
                (&found.place, "not beside this".into()),
            );
            return;
        };
        if back.index != found.index {
            self.differ(
                Kind::FopCbkSlot,
                format!("{subject}.cbk"),
                format!("{c_name}_cbk is number {} of the callbacks", back.index),
                (&name.span, format!("expected {}, as the fop", found.index)),
                (&back.place, format!("there {}", back.index)),
            );
        }
        let function = &back.function;
        self.result(
            &format!("{subject}.cbk"),
            &back_name,
            &name.span,
            RETURNS,
            function,
        );
        let args = Expected::all(BACK, &raw.cbk, &name.span);
        self.arguments(
            &format!("{subject}.cbk"),
            &back_name,
            &name.span,
            &args,
            function,
        );
    }

    /// The fop's value in `enum glusterfs_fop_t`.
    fn number(&mut self, name: &Text, raw: &schema::Fop, fop: &Fop) {
        let c_name = format!("GF_FOP_{}", fop.gf_fop);
        let subject = format!("fops.{}.index", fop.name);
        let numbers = self.headers.find_enum("glusterfs_fop_t");
        let found =
            numbers.and_then(|numbers| numbers.values.iter().find(|(name, _)| *name == c_name));
        match found {
            Some((_, value)) if value.number == i128::from(fop.index) => {}
            Some((_, value)) => self.differ(
                Kind::FopNumber,
                subject,
                format!("{c_name} is {} in the headers", value.number),
                (
                    raw.index.as_ref().map_or(&name.span, |index| &index.span),
                    format!("here {}", fop.index),
                ),
                (&value.place, format!("there {}", value.number)),
            ),
            None => {
                let place = numbers
                    .map(|numbers| numbers.place.clone())
                    .unwrap_or_default();
                self.differ(
                    Kind::FopNumber,
                    format!("fops.{}.gf_fop", fop.name),
                    format!("the headers have no {c_name}"),
                    (
                        &raw.gf_fop.as_ref().unwrap_or(name).span,
                        format!("here {c_name}"),
                    ),
                    (&place, "not in this enum".into()),
                );
            }
        }
    }

    pub(super) fn hooks(&mut self, section: &str, schema: &Named<Hook>, headers: &Hooks) {
        let first: Vec<_> = schema.iter().map(|(name, _)| name.value.as_str()).collect();
        let second: Vec<_> = headers
            .slots
            .iter()
            .map(|slot| slot.name.as_str())
            .collect();
        for step in sequence::compare(&first, &second) {
            match step {
                Step::Same(old, new) => {
                    let ((name, hook), slot) = (&schema[old], &headers.slots[new]);
                    let subject = format!("{section}.{}", name.value);
                    if let Some(returns) = &hook.returns {
                        let expected = returns.value.as_str();
                        self.result(
                            &subject,
                            &name.value,
                            &returns.span,
                            expected,
                            &slot.function,
                        );
                    }
                    let args = Expected::all(HOOK, &hook.args, &name.span);
                    let subject = format!("{subject}.args");
                    self.arguments(&subject, &name.value, &name.span, &args, &slot.function);
                }
                Step::Replaced(old, new) => {
                    self.hook_gone(section, &schema[old].0, headers);
                    self.hook_new(section, schema, old, &headers.slots[new]);
                }
                Step::Gone(old, _) => self.hook_gone(section, &schema[old].0, headers),
                Step::New(old, new) => self.hook_new(section, schema, old, &headers.slots[new]),
                Step::Order(old, new) => self.differ(
                    Kind::HookOrder,
                    section,
                    format!("the {section} stand in another order in the headers"),
                    (
                        &schema[old].0.span,
                        format!("here {} comes first", first[old]),
                    ),
                    (&headers.slots[new].place, format!("there {}", second[new])),
                ),
            }
        }
    }

    fn hook_gone(&mut self, section: &str, name: &Text, headers: &Hooks) {
        self.differ(
            Kind::HookGone,
            format!("{section}.{}", name.value),
            format!("the headers have no {} among the {section}", name.value),
            (&name.span, "here it is".into()),
            (&headers.place, "not in this table".into()),
        );
    }

    fn hook_new(&mut self, section: &str, schema: &Named<Hook>, at: usize, slot: &header::Slot) {
        let before = at
            .checked_sub(1)
            .and_then(|at| schema.get(at))
            .or(schema.first());
        let place = before.map_or(0..0, |(name, _)| name.span.clone());
        self.differ(
            Kind::HookNew,
            format!("{section}.{}", slot.name),
            format!("the schema has no {} among the {section}", slot.name),
            (&place, "expected near this".into()),
            (&slot.place, "there it is".into()),
        );
    }
}
