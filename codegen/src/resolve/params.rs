//! Arguments of fops and values of callbacks, and what ties those of one list to each other.

use std::collections::BTreeSet;

use super::{CBK_VALUE, CHECKSUM_SIZE, MAX_ARGS, Resolver, TAKEN};
use crate::model::{Class, Kind, Param, Vector};
use crate::schema::{self, Named, Schema, Text};
use crate::yaml::At;

impl Resolver<'_, '_> {
    pub(super) fn nullable_names(&mut self, schema: &Schema) {
        let names: BTreeSet<&str> = schema
            .fops
            .iter()
            .flat_map(|(_, fop)| fop.args.iter().chain(&fop.cbk))
            .map(|param| param.name.value.as_str())
            .collect();
        // Where no fop could be read, that is what is wrong.
        for name in schema.nullable.iter().filter(|_| !names.is_empty()) {
            if !names.contains(name.value.as_str()) {
                let message = format!("no fop has an argument `{}`", name.value);
                self.error(&name.span, message, "expected the name of an argument")
                    .suggest(&name.value, names.iter().copied());
            }
        }
    }

    /// Checks a part of `docs`: what is described must be there.
    pub(super) fn shared_docs<'p>(
        &mut self,
        what: &str,
        docs: &Named<Text>,
        params: impl Iterator<Item = &'p schema::Param>,
    ) {
        let names: BTreeSet<&str> = params.map(|param| param.name.value.as_str()).collect();
        for (name, doc) in docs {
            self.doc(Some(doc));
            if !names.is_empty() && !names.contains(name.value.as_str()) {
                let message = format!("no fop has {what} `{}`", name.value);
                self.error(&name.span, message, format!("expected the name of {what}"))
                    .suggest(&name.value, names.iter().copied());
            }
        }
    }

    /// The kind of an argument; None when its type is not known, which is reported elsewhere.
    pub(super) fn kind(&self, param: &schema::Param) -> Option<Kind> {
        if param.kind.is_some() {
            return Some(Kind::Pointer);
        }
        let ty = self
            .types
            .get(param.ty.as_ref()?.value.as_str())?
            .as_ref()?;
        Some(ty.kind)
    }

    pub(super) fn params(&mut self, params: &[schema::Param], what: &str) -> Vec<Param> {
        self.unique(
            what,
            params
                .iter()
                .map(|param| (param.name.value.clone(), &param.name.span)),
        );
        if let Some(extra) = params.get(MAX_ARGS) {
            let message = format!("there are {} arguments", params.len());
            self.error(
                &extra.name.span,
                message,
                format!("expected at most {MAX_ARGS}"),
            );
        }
        for (key, of) in [("length", length_of as fn(_) -> _), ("owner", owner_of)] {
            self.unique(
                &format!("the {key}"),
                (params.iter().filter_map(of)).map(|text| (text.value.clone(), &text.span)),
            );
        }
        params
            .iter()
            .take(MAX_ARGS)
            .map(|param| self.param(param, params, what))
            .collect()
    }

    /// An argument that is required unless the schema says that it may be NULL.
    fn param(&mut self, param: &schema::Param, siblings: &[schema::Param], what: &str) -> Param {
        let name = self.name(&param.name, what);
        if TAKEN.contains(&name.as_str()) {
            let message = format!("`{name}` can not be the name of {what}");
            self.error(&param.name.span, message, "every fop has this already");
        }
        let mut ty = self.ctype(param.ty.as_ref(), what, &[Class::Number, Class::Pointer]);
        if let Some(text) = &param.kind {
            self.opaque(text, &mut ty);
        }
        let pointer = ty.kind.class() == Class::Pointer;
        if let Some(kind) = self.kind(param) {
            self.relations(param, kind);
            if let Some(nullable) = param.nullable.as_ref().filter(|_| !pointer) {
                self.error(
                    &nullable.span,
                    format!("`{name}` is no pointer"),
                    "only pointers can be NULL",
                );
            }
        }
        let of_answers = [
            ("same", &param.same),
            ("of", &param.of),
            ("content", &param.content),
            ("within", &param.within),
        ];
        for (key, text) in of_answers {
            if let Some(text) = text.as_ref().filter(|_| what != CBK_VALUE) {
                self.error(
                    &text.span,
                    format!("`{name}` can have no `{key}`"),
                    "expected it in callback values only",
                );
            }
        }
        let mut sibling = |text: &Option<Text>, kind, expected| {
            let text = text.as_ref()?;
            self.sibling(text, siblings, what, &[kind], expected)
        };
        let expected = "expected an argument that is an int32_t";
        let length = sibling(&param.length, Kind::I32, expected);
        let expected = "expected an argument that is an iobref";
        let owner = sibling(&param.owner, Kind::Iobref, expected);
        let nullable = param.nullable.as_ref().is_some_and(|flag| flag.value)
            || self.nullable.contains(name.as_str());
        Param {
            required: pointer && !nullable,
            nullable: pointer && nullable,
            vector: length.map(|length| Vector { length, owner }),
            size: param
                .size
                .as_ref()
                .and_then(|size| u32::try_from(size.value).ok()),
            max: self.max(param, ty.kind, what),
            gfid: self.of_locs("gfid", param.gfid.as_ref(), param, ty.kind, what),
            entry: self.of_locs("entry", param.entry.as_ref(), param, ty.kind, what),
            replaced: self.of_locs("replaced", param.replaced.as_ref(), param, ty.kind, what),
            own: None,
            of: None,
            content: None,
            within: None,
            doc: self.doc(param.doc.as_ref()),
            name,
            ty,
        }
    }

    /// The largest number of an argument, or the most bytes of names in a dict of an answer.
    fn max(&mut self, param: &schema::Param, kind: Kind, what: &str) -> Option<u32> {
        let max = param.max.as_ref()?;
        let number = u32::try_from(max.value).ok().filter(|max| *max > 0);
        let (wanted, of) = match what {
            CBK_VALUE => (Kind::Dict, "a callback value of kind dict"),
            _ => (Kind::U64, "an argument of kind u64"),
        };
        if kind != wanted || number.is_none() {
            let message = format!("`{}` can not have this `max`", param.name.value);
            let expected = format!("expected 1 to {}, for {of}", u32::MAX);
            self.error(&max.span, message, expected);
        }
        number
    }

    /// Whether a loc must have this.
    fn of_locs(
        &mut self,
        key: &str,
        flag: Option<&At<bool>>,
        param: &schema::Param,
        kind: Kind,
        what: &str,
    ) -> bool {
        let Some(flag) = flag else {
            return false;
        };
        if what == CBK_VALUE || kind != Kind::Loc {
            let message = format!("`{}` can have no `{key}`", param.name.value);
            self.error(
                &flag.span,
                message,
                "expected it for an argument of kind loc",
            );
        }
        flag.value
    }

    /// Which relations a kind must have, and which it can not have.
    fn relations(&mut self, param: &schema::Param, kind: Kind) {
        let name = &param.name.value;
        let missing = |this: &mut Self, key: &str| {
            this.error(
                &param.name.span,
                format!("`{name}` has no `{key}`"),
                format!("expected `{key}: ...` for the kind {}", kind.name()),
            );
        };
        match (kind, &param.length, &param.size) {
            (Kind::Iovec, None, _) => missing(self, "length"),
            (Kind::Checksum, _, None) => missing(self, "size"),
            _ => {}
        }
        for (key, text) in [("length", &param.length), ("owner", &param.owner)] {
            if let Some(text) = text.as_ref().filter(|_| kind != Kind::Iovec) {
                let message = format!("`{name}` can have no `{key}`");
                self.error(
                    &text.span,
                    message,
                    format!("only an iovec has one, not the kind {}", kind.name()),
                );
            }
        }
        if let Some(size) = &param.size {
            if kind != Kind::Checksum {
                let message = format!("`{name}` can have no `size`");
                self.error(
                    &size.span,
                    message,
                    format!("only a checksum has one, not the kind {}", kind.name()),
                );
            } else if size.value != CHECKSUM_SIZE {
                let message = format!("a checksum of {} bytes is not supported", size.value);
                self.error(&size.span, message, format!("expected {CHECKSUM_SIZE}"));
            }
        }
    }

    /// The position of the argument that a relation names.
    pub(super) fn sibling(
        &mut self,
        text: &Text,
        siblings: &[schema::Param],
        what: &str,
        kinds: &[Kind],
        expected: &str,
    ) -> Option<usize> {
        let Some(index) = siblings
            .iter()
            .position(|other| other.name.value == text.value)
        else {
            let names = siblings.iter().map(|other| other.name.value.as_str());
            let message = format!("`{}` is not the name of {what} here", text.value);
            self.error(&text.span, message, expected)
                .suggest(&text.value, names);
            return None;
        };
        let target = &siblings[index];
        if let Some(kind) = self.kind(target).filter(|kind| !kinds.contains(kind)) {
            self.error(
                &text.span,
                format!("`{}` does not fit here", text.value),
                expected,
            )
            .related(
                &target.name.span,
                format!("this is of kind {}", kind.name()),
            );
        }
        Some(index)
    }
}

/// Two vectors can not share one: a change of either would change it for the other.
fn length_of(param: &schema::Param) -> Option<&Text> {
    param.length.as_ref()
}

fn owner_of(param: &schema::Param) -> Option<&Text> {
    param.owner.as_ref()
}
