//! Fops: their numbers, and who must not be asked for one.

use std::collections::HashSet;

use super::{Resolver, described};
use crate::model::{Broken, Fop, Model, Time};
use crate::names::is_xlator_type;
use crate::schema::{self, Named, Text};
use crate::yaml::At;

impl<'s> Resolver<'s, '_> {
    pub(super) fn fop(&mut self, name: &Text, raw: &schema::Fop) -> Fop {
        let (since, until) = self.versions(name, raw.since.as_ref(), raw.until.as_ref());
        Fop {
            name: self.name(name, "a fop"),
            doc: self.doc(raw.doc.as_ref()),
            when: self.doc(raw.when.as_ref()),
            reply: self.doc(raw.reply.as_ref()),
            index: raw.index.as_ref().map_or(0, |index| self.index(index)),
            gf_fop: match &raw.gf_fop {
                Some(text) => self.name(text, "a GF_FOP_ number"),
                None => name.value.to_uppercase(),
            },
            since,
            until,
            op_ret: self.op_ret(raw),
            args: described(self.params(&raw.args, "an argument"), &self.docs.args),
            cbk_args: described(self.reply(raw), &self.docs.cbk),
            times: (raw.times.iter())
                .filter_map(|text| self.word(text, "time", Time::ALL))
                .collect(),
            broken_in: self.broken_in(&raw.broken_in),
            yaml: String::new(),
        }
    }

    fn broken_in(&mut self, raw: &Named<Text>) -> Vec<Broken> {
        let types = raw.iter().map(|(xlator, _)| xlator);
        self.unique(
            "the type of translator",
            types.map(|xlator| (xlator.value.clone(), &xlator.span)),
        );
        let mut broken = |(xlator, why): &(Text, Text)| {
            if !is_xlator_type(&xlator.value) {
                self.error(
                    &xlator.span,
                    format!("`{}` is no type of translator", xlator.value),
                    "expected one as in a volfile: `performance/io-threads`",
                );
            }
            Broken {
                xlator: xlator.value.clone(),
                why: self.doc(Some(why)),
            }
        };
        raw.iter().map(&mut broken).collect()
    }

    fn index(&mut self, index: &At<i64>) -> u32 {
        match u32::try_from(index.value) {
            Ok(number @ 1..) => number,
            _ => {
                self.error(
                    &index.span,
                    format!("{} is no place in the table", index.value),
                    format!("expected 1 to {}", u32::MAX),
                );
                0
            }
        }
    }

    pub(super) fn fop_numbers(&mut self, fops: &'s Named<schema::Fop>, model: &Model) {
        let indexes = fops.iter().filter_map(|(_, fop)| fop.index.as_ref());
        self.unique(
            "the index",
            indexes.map(|index| (index.value.to_string(), &index.span)),
        );
        // A fop that stands twice is reported already.
        let mut seen = HashSet::new();
        let names = fops
            .iter()
            .zip(&model.fops)
            .filter(|((name, _), _)| seen.insert(name.value.as_str()));
        self.unique(
            "the number",
            names.map(|((text, raw), fop)| {
                let span = raw.gf_fop.as_ref().map_or(&text.span, |text| &text.span);
                (format!("GF_FOP_{}", fop.gf_fop), span)
            }),
        );
    }
}
