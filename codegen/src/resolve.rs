//! From the schema to the model: checks what the schema says and how its parts fit.
//! Never stops at an error, so that one run reports all of them.

mod keys;

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::diagnostics::{Diagnostic, Diagnostics, Span, unseen};
use crate::model::{
    Alias, Broken, CType, Call, Class, Derived, Enum, EnumValue, Field, Fop, Given, Hook, Kind,
    Model, OpRet, Own, Param, Structure, Time, Vector, Within,
};
use crate::names::{Version, is_xlator_type, not_a_name};
use crate::schema::{self, Named, Schema, Text};
use crate::yaml::At;

/// Arguments that every fop or callback has, and what `X_wind` takes beside arguments.
pub const TAKEN: &[&str] = &["frame", "this", "cookie", "op_ret", "op_errno", "child"];

/// Docs become docstrings and comments.
const NOT_IN_DOCS: &[char] = &['"', '\\'];

/// The runtime holds checksums in this many bytes.
pub const CHECKSUM_SIZE: i64 = 32;

/// As many arguments as the runtime has room for (`MAX_ARGS` in `glupy/src/fop.rs`).
pub const MAX_ARGS: usize = 10;

/// As many values of an answer can be the request's own (`MAX_OWN` in `glupy/src/fop.rs`).
pub const MAX_OWN: usize = 2;

/// `same:` of a callback value that need not be the request's own.
const NOTHING: &str = "nothing";

/// What callback values are called in errors.
const CBK_VALUE: &str = "a callback value";

/// Checks a schema. The model can only be used when nothing was reported.
pub fn resolve(schema: &Schema, diagnostics: &mut Diagnostics) -> Model {
    let mut resolver = Resolver {
        diagnostics,
        types: HashMap::new(),
        nullable: schema
            .nullable
            .iter()
            .map(|name| name.value.as_str())
            .collect(),
        docs: &schema.docs,
    };
    resolver.types(&schema.types);
    resolver.nullable_names(schema);
    let fops = || schema.fops.iter().map(|(_, fop)| fop);
    let args = fops().flat_map(|fop| &fop.args);
    resolver.shared_docs("an argument", &schema.docs.args, args);
    let cbk = fops().flat_map(|fop| &fop.cbk);
    resolver.shared_docs("a callback value", &schema.docs.cbk, cbk);
    let model = Model {
        glusterfs: resolver
            .version(schema.glusterfs.as_ref())
            .unwrap_or_default(),
        types: schema
            .types
            .iter()
            .filter_map(|(name, _)| resolver.types[name.value.as_str()].clone())
            .collect(),
        left_out: values(&schema.left_out),
        fops: schema
            .fops
            .iter()
            .map(|(name, fop)| resolver.fop(name, fop))
            .collect(),
        callbacks: schema
            .callbacks
            .iter()
            .map(|(name, hook)| resolver.hook(name, hook))
            .collect(),
        dumpops: schema
            .dumpops
            .iter()
            .map(|(name, hook)| resolver.hook(name, hook))
            .collect(),
        structures: schema
            .structures
            .iter()
            .map(|(name, item)| resolver.structure(name, item))
            .collect(),
        keys: resolver.keys(&schema.keys, &schema.structures),
        enums: schema
            .enums
            .iter()
            .map(|(name, item)| resolver.enum_(name, item))
            .collect(),
        aliases: schema
            .aliases
            .iter()
            .map(|(old, new)| resolver.alias(old, new))
            .collect(),
    };
    resolver.fop_numbers(&schema.fops, &model);
    resolver.enum_names(&schema.enums);
    resolver.structure_classes(&schema.structures);
    model
}

struct Resolver<'s, 'd> {
    diagnostics: &'d mut Diagnostics,
    /// None for a type whose kind is not known: it has been reported already.
    types: HashMap<&'s str, Option<CType>>,
    nullable: HashSet<&'s str>,
    docs: &'s schema::Docs,
}

impl<'s> Resolver<'s, '_> {
    fn error(
        &mut self,
        span: &Span,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) -> &mut Diagnostic {
        self.diagnostics.error(span, message, expected)
    }

    /// Reports all but the first of those that have the same key.
    fn unique<'a>(&mut self, what: &str, items: impl IntoIterator<Item = (String, &'a Span)>) {
        let mut seen: HashMap<String, &Span> = HashMap::new();
        for (key, span) in items {
            if let Some(first) = seen.get(&key) {
                self.error(
                    span,
                    format!("{what} `{key}` stands twice"),
                    "the second one",
                )
                .related(first, "the first one");
            } else {
                seen.insert(key, span);
            }
        }
    }

    fn name(&mut self, name: &Text, what: &str) -> String {
        if let Some(expected) = not_a_name(&name.value) {
            self.error(
                &name.span,
                format!("`{}` can not be the name of {what}", name.value),
                format!("expected {expected}"),
            );
        }
        name.value.clone()
    }

    fn doc(&mut self, doc: Option<&Text>) -> String {
        let Some(doc) = doc else { return String::new() };
        let text = doc.value.trim();
        if text.is_empty() || text.contains('\n') {
            self.error(
                &doc.span,
                "this doc is not one line",
                "expected one line of text",
            );
        } else if let Some(c) = text.chars().find(|c| unseen(*c) || NOT_IN_DOCS.contains(c)) {
            // It would end the docstring or comment that it stands in, or hide in it.
            self.error(
                &doc.span,
                format!("`{c}` can not stand in a doc"),
                "expected plain text, without double quotes and backslashes",
            );
        } else if text.contains("TODO") {
            self.diagnostics.warning(
                &doc.span,
                "this doc is still to be written",
                "expected what it is, without `TODO`",
            );
        }
        text.to_owned()
    }

    fn version(&mut self, text: Option<&Text>) -> Option<Version> {
        let text = text?;
        let version = text.value.parse().ok();
        if version.is_none() {
            let message = format!("`{}` is no version of GlusterFS", text.value);
            self.error(
                &text.span,
                message,
                "expected two numbers with a dot, such as \"10.3\"",
            );
        }
        version
    }

    /// `since` and `until` of something.
    fn versions(
        &mut self,
        name: &Text,
        since: Option<&Text>,
        until: Option<&Text>,
    ) -> (Option<Version>, Option<Version>) {
        let first = self.version(since);
        let last = self.version(until);
        if let (Some(first), Some(last), Some(text)) = (first, last, until) {
            if last < first {
                self.error(
                    &text.span,
                    format!("`{}` ends before it begins", name.value),
                    format!("expected {first} or later"),
                );
            }
        }
        (first, last)
    }

    /// One of a closed list of words.
    fn word<T: Copy>(&mut self, text: &Text, what: &str, all: &[(&'static str, T)]) -> Option<T> {
        let found = all.iter().find(|(name, _)| *name == text.value);
        if found.is_none() {
            let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
            self.error(
                &text.span,
                format!("`{}` is no {what}", text.value),
                format!("expected one of {}", names.join(", ")),
            )
            .suggest(&text.value, names);
        }
        found.map(|(_, value)| *value)
    }

    fn types(&mut self, types: &'s Named<schema::Type>) {
        for (spelling, raw) in types {
            let mut ty = CType {
                spelling: spelling.value.clone(),
                ..CType::default()
            };
            let kind = raw
                .kind
                .as_ref()
                .and_then(|kind| self.word(kind, "kind", Kind::ALL));
            ty.kind = kind.unwrap_or_default();
            if let Some(expected) = not_a_c_type(&spelling.value, kind.map(Kind::class)) {
                let message = format!("`{}` is no type of C", spelling.value);
                self.error(&spelling.span, message, expected);
            } else if let Some(word) = &raw.kind {
                self.kind_fits(spelling, word, ty.kind);
            }
            if let Some(python) = &raw.python {
                ty.python = self.name(python, "a Python type");
            }
            if let Some(ctypes) = &raw.ctypes {
                let inner = ctypes
                    .value
                    .strip_prefix("POINTER(")
                    .and_then(|rest| rest.strip_suffix(')'));
                if not_a_name(inner.unwrap_or(&ctypes.value)).is_some() {
                    let message = format!("`{}` is no ctypes type", ctypes.value);
                    self.error(&ctypes.span, message, "expected a name, or POINTER(name)");
                }
                ty.ctypes.clone_from(&ctypes.value);
            }
            ty.doc = self.doc(raw.doc.as_ref());
            self.types.insert(&spelling.value, kind.map(|_| ty));
        }
    }

    /// Whether the runtime would find behind such a pointer what the kind says.
    fn kind_fits(&mut self, spelling: &Text, word: &Text, kind: Kind) {
        let types = kind.of_types();
        // Of its width in C, but a type of its own in Rust, which holds any number.
        let number = match spelling.value.as_str() {
            "size_t" => Some(Kind::U64),
            "ssize_t" => Some(Kind::I64),
            _ => None,
        };
        let expected = match (types, number) {
            ([], Some(number)) if kind != number => format!("expected {}", number.name()),
            ([_, ..], _) if !types.contains(&spelling.value.as_str()) => {
                format!("expected it for `{}` only", types.join("` and `"))
            }
            _ => return,
        };
        let message = format!("the kind of `{}` can not be {}", spelling.value, word.value);
        self.error(&word.span, message, expected);
    }

    fn nullable_names(&mut self, schema: &Schema) {
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
    fn shared_docs<'p>(
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

    /// Looks up a C type that may stand in a place for `classes`.
    fn ctype(&mut self, name: Option<&Text>, place: &str, classes: &[Class]) -> CType {
        let Some(name) = name else {
            return CType::default();
        };
        let Some(ty) = self.types.get(name.value.as_str()) else {
            let mut known: Vec<_> = self.types.keys().copied().collect();
            known.sort_unstable(); // a HashMap's order is not the same twice
            self.error(
                &name.span,
                format!("there is no type `{}`", name.value),
                "expected one of those under `types`",
            )
            .help("a C type that is new here gets a line of its own under `types`")
            .suggest(&name.value, known);
            return CType::default();
        };
        let Some(ty) = ty.clone() else {
            return CType::default();
        };
        if !classes.contains(&ty.kind.class()) {
            let message = format!("`{}` can not be the type of {place}", name.value);
            self.error(
                &name.span,
                message,
                format!("its kind is {}", ty.kind.name()),
            );
        }
        ty
    }

    /// `kind: pointer` of an argument, where its type's kind does not fit.
    fn opaque(&mut self, text: &Text, ty: &mut CType) {
        if text.value != Kind::Pointer.name() || ty.kind.class() != Class::Pointer {
            let message = format!("the kind of an argument can not be {}", text.value);
            self.error(
                &text.span,
                message,
                "expected `pointer`, for the type of a pointer",
            );
        }
        ty.kind = Kind::Pointer;
        ty.python = "Any".into();
    }

    /// The kind of an argument; None when its type is not known, which is reported elsewhere.
    fn kind(&self, param: &schema::Param) -> Option<Kind> {
        if param.kind.is_some() {
            return Some(Kind::Pointer);
        }
        let ty = self
            .types
            .get(param.ty.as_ref()?.value.as_str())?
            .as_ref()?;
        Some(ty.kind)
    }

    fn params(&mut self, params: &[schema::Param], what: &str) -> Vec<Param> {
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
        let length = param.length.as_ref().and_then(|text| {
            self.sibling(
                text,
                siblings,
                what,
                &[Kind::I32],
                "expected an argument that is an int32_t",
            )
        });
        let owner = param.owner.as_ref().and_then(|text| {
            self.sibling(
                text,
                siblings,
                what,
                &[Kind::Iobref],
                "expected an argument that is an iobref",
            )
        });
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
    fn sibling(
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

    fn fop(&mut self, name: &Text, raw: &schema::Fop) -> Fop {
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

    /// The callback values: a success carries all of the pointers that are not said to be
    /// nullable, a failure none.
    fn reply(&mut self, raw: &schema::Fop) -> Vec<Param> {
        let mut params = self.params(&raw.cbk, CBK_VALUE);
        let mut owns = 0;
        for (param, raw_param) in params.iter_mut().zip(&raw.cbk) {
            param.nullable = param.ty.kind.class() == Class::Pointer;
            param.own = self.own(raw_param, &raw.args);
            param.of = self.of(raw_param, &raw.cbk);
            param.content = self.content(raw_param, &raw.cbk);
            param.within = self.within(raw_param, raw);
            owns += usize::from(param.own.is_some());
            if owns == MAX_OWN + 1 {
                self.error(
                    &raw_param.name.span,
                    format!("more than {MAX_OWN} values are the request's own"),
                    format!("expected `same: {NOTHING}` for some of them"),
                );
            }
        }
        params
    }

    /// Which inode attributes are of.
    fn of(&mut self, param: &schema::Param, cbk: &[schema::Param]) -> Option<usize> {
        let of = param.of.as_ref()?;
        let kind = self.kind(param)?;
        if kind != Kind::Iatt {
            let message = format!("`{}` can have no `of`", param.name.value);
            let expected = format!("only an iatt has one, not the kind {}", kind.name());
            self.error(&of.span, message, expected);
            return None;
        }
        let expected = "expected a callback value that is an inode";
        self.sibling(of, cbk, CBK_VALUE, &[Kind::Inode], expected)
    }

    /// Which attributes have the size of the content in a dict.
    fn content(&mut self, param: &schema::Param, cbk: &[schema::Param]) -> Option<usize> {
        let content = param.content.as_ref()?;
        let kind = self.kind(param)?;
        if kind != Kind::Dict {
            let message = format!("`{}` can have no `content`", param.name.value);
            let expected = format!("only a dict has one, not the kind {}", kind.name());
            self.error(&content.span, message, expected);
            return None;
        }
        let expected = "expected a callback value that is an iatt";
        self.sibling(content, cbk, CBK_VALUE, &[Kind::Iatt], expected)
    }

    /// Which argument is the most bytes of a callback value.
    fn within(&mut self, param: &schema::Param, raw: &schema::Fop) -> Option<Within> {
        let within = param.within.as_ref()?;
        let kind = self.kind(param)?;
        let bytes = raw
            .op_ret
            .as_ref()
            .is_some_and(|text| text.value == "bytes");
        if kind != Kind::Iovec && !(kind == Kind::Str && bytes) {
            let message = format!("`{}` can have no `within`", param.name.value);
            let expected = "only a vector, or a string whose bytes `op_ret` counts, has one";
            self.error(&within.span, message, expected);
            return None;
        }
        let expected = "expected an argument of kind u64";
        let arg = self.sibling(within, &raw.args, "an argument", &[Kind::U64], expected)?;
        let name = within.value.clone();
        Some(Within { name, arg })
    }

    /// What of the request a callback value is. Callers take the fd or the inode of an answer
    /// for the one that they have asked with, so that it is that one unless the schema says
    /// otherwise.
    fn own(&mut self, param: &schema::Param, args: &[schema::Param]) -> Option<Own> {
        let kind = self.kind(param)?;
        if !matches!(kind, Kind::Fd | Kind::Inode) {
            if let Some(same) = &param.same {
                let message = format!("`{}` can have no `same`", param.name.value);
                let expected = format!(
                    "only an fd or an inode has one, not the kind {}",
                    kind.name()
                );
                self.error(&same.span, message, expected);
            }
            return None;
        }
        let own = |arg: usize, inode: bool| {
            let field = if inode { ".inode" } else { "" };
            let name = format!("{}{field}", args[arg].name.value);
            Some(Own { name, arg, inode })
        };
        let Some(same) = &param.same else {
            let first = |wanted| args.iter().position(|arg| self.kind(arg) == Some(wanted));
            return match (first(kind), first(Kind::Loc)) {
                (Some(arg), _) => own(arg, false),
                (None, Some(arg)) if kind == Kind::Inode => own(arg, true),
                _ => None,
            };
        };
        if same.value == NOTHING {
            return None;
        }
        let loc = same.value.strip_suffix(".inode");
        let loc = loc.filter(|_| kind == Kind::Inode);
        let (name, wanted) = match loc {
            Some(name) => (name, Kind::Loc),
            None => (same.value.as_str(), kind),
        };
        let name = At {
            value: name.to_owned(),
            span: same.span.clone(),
        };
        let expected = match kind {
            Kind::Fd => format!("expected an argument that is an fd, or `{NOTHING}`"),
            _ => format!("expected the inode of a loc, such as `loc.inode`, or `{NOTHING}`"),
        };
        let arg = self.sibling(&name, args, "an argument", &[wanted], &expected)?;
        own(arg, loc.is_some())
    }

    /// Where the answer carries what `op_ret` counts, it must: who gets it goes by that number.
    fn op_ret(&mut self, raw: &schema::Fop) -> OpRet {
        let carried = raw.cbk.iter().find_map(|param| {
            let counted = match self.kind(param)? {
                Kind::Iovec => OpRet::Bytes,
                Kind::Dirents | Kind::Locklist => OpRet::Entries,
                _ => return None,
            };
            Some((counted, &param.name))
        });
        let told = raw.op_ret.as_ref();
        let meant = told.and_then(|text| self.word(text, "meaning of op_ret", OpRet::ALL));
        if let (Some(text), Some(meant), Some((counted, name))) = (told, meant, carried) {
            if meant != counted {
                self.error(
                    &text.span,
                    format!("op_ret can not be `{}` here", text.value),
                    format!("expected {}, or nothing", counted.name()),
                )
                .related(&name.span, "this is what it counts");
            }
        }
        meant
            .or(carried.map(|(counted, _)| counted))
            .unwrap_or_default()
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

    fn fop_numbers(&mut self, fops: &'s Named<schema::Fop>, model: &Model) {
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

    fn hook(&mut self, name: &Text, raw: &schema::Hook) -> Hook {
        let call = raw.call.as_ref();
        let call = call.and_then(|text| self.word(text, "time for a callback", Call::ALL));
        let call = call.unwrap_or_default();
        let args = self.params(&raw.args, "an argument");
        let gives = match (call, args.as_slice()) {
            (Call::Now, args) => args
                .iter()
                .map(|param| given(&param.name, &param.ty.python))
                .collect(),
            (Call::Never, _) => Vec::new(),
            (Call::Late, [param]) => left_of(param.ty.kind),
            (Call::Late, _) => Vec::new(),
        };
        // An argument of unknown kind has been reported.
        let known = raw.args.iter().all(|param| self.kind(param).is_some());
        if let (Call::Late, [], Some(text), true) = (call, gives.as_slice(), &raw.call, known) {
            self.error(
                &text.span,
                format!("nothing would be left for `{}` later", name.value),
                "expected `late` only where the one argument is an inode, an fd or a client",
            );
        }
        Hook {
            name: self.name(name, "a callback"),
            doc: self.doc(raw.doc.as_ref()),
            returns: match &raw.returns {
                Some(text) if text.value == "void" => None,
                text => Some(self.ctype(text.as_ref(), "a result", &[Class::Number])),
            },
            call,
            args,
            gives,
        }
    }

    fn structure(&mut self, name: &Text, raw: &schema::Structure) -> Structure {
        let fields = &raw.fields;
        let names = fields
            .iter()
            .map(|(name, _)| name)
            .chain(raw.derived.iter().map(|(name, _)| name));
        self.unique(
            "the field",
            names.map(|name| (name.value.clone(), &name.span)),
        );
        Structure {
            name: self.name(name, "a structure"),
            c_type: raw
                .c_type
                .as_ref()
                .map_or(String::new(), |text| text.value.clone()),
            python: raw
                .python
                .as_ref()
                .map_or(String::new(), |text| self.name(text, "a class")),
            doc: self.doc(raw.doc.as_ref()),
            fields: fields
                .iter()
                .map(|(name, field)| Field {
                    name: self.name(name, "a field"),
                    ty: self.ctype(
                        field.ty.as_ref(),
                        "a field",
                        &[Class::Number, Class::FieldNumber, Class::Field],
                    ),
                    doc: self.doc(field.doc.as_ref()),
                })
                .collect(),
            derived: raw
                .derived
                .iter()
                .map(|(name, derived)| Derived {
                    name: self.name(name, "an attribute"),
                    python: derived
                        .python
                        .as_ref()
                        .map_or(String::new(), |text| self.name(text, "a Python type")),
                    doc: self.doc(derived.doc.as_ref()),
                })
                .collect(),
        }
    }

    /// A structure's class must be the one that its C type has in arguments.
    fn structure_classes(&mut self, structures: &'s Named<schema::Structure>) {
        for (_, raw) in structures {
            let (Some(c_type), Some(python)) = (&raw.c_type, &raw.python) else {
                continue;
            };
            let pointer = format!("{} *", c_type.value);
            match self
                .types
                .get(pointer.as_str())
                .map(|ty| ty.as_ref().map(|ty| ty.python.clone()))
            {
                None => {
                    self.error(
                        &c_type.span,
                        format!("there is no type `{pointer}`"),
                        "expected one of those under `types`, without the asterisk",
                    );
                }
                Some(Some(class)) if class != python.value => {
                    let message =
                        format!("`{}` is not what `{pointer}` is in Python", python.value);
                    self.error(&python.span, message, format!("expected {class}"));
                }
                Some(_) => {}
            }
        }
    }

    fn enum_(&mut self, name: &Text, raw: &schema::Enum) -> Enum {
        let prefix = raw.prefix.as_ref().map_or("", |text| text.value.as_str());
        let values: Vec<_> = raw
            .values
            .iter()
            .map(|(name, value)| self.enum_value(name, value, prefix))
            .collect();
        self.unique(
            "the member",
            values.iter().zip(&raw.values).map(|(value, (name, raw))| {
                (
                    value.member.clone(),
                    raw.python.as_ref().map_or(&name.span, |text| &text.span),
                )
            }),
        );
        if values.is_empty() {
            self.error(
                &name.span,
                format!("the enum `{}` has no values", name.value),
                "expected at least one",
            );
        }
        Enum {
            name: self.name(name, "an enum"),
            c_type: raw.c_type.as_ref().map(|text| text.value.clone()),
            doc: self.doc(raw.doc.as_ref()),
            flag: raw.flag.as_ref().is_some_and(|flag| flag.value),
            prefix: prefix.to_owned(),
            left_out: self::values(&raw.left_out),
            values,
        }
    }

    fn enum_value(&mut self, name: &Text, raw: &schema::EnumValue, prefix: &str) -> EnumValue {
        let member = match &raw.python {
            Some(text) => self.name(text, "a member"),
            None => {
                let member = name
                    .value
                    .strip_prefix(prefix)
                    .unwrap_or(&name.value)
                    .to_owned();
                // The C name itself is checked below.
                if not_a_name(&name.value).is_none() && not_a_name(&member).is_some() {
                    self.error(
                        &name.span,
                        format!("`{member}` can not be the name of a member"),
                        "expected `python: ...` for this value",
                    );
                }
                member
            }
        };
        let (since, until) = self.versions(name, raw.since.as_ref(), raw.until.as_ref());
        if member == "mro" || member.starts_with('_') {
            let place = raw.python.as_ref().unwrap_or(name);
            self.error(
                &place.span,
                format!("`{member}` can not be the name of a member"),
                "expected a name that Python's enums do not keep for themselves",
            );
        }
        EnumValue {
            name: self.name(name, "a constant"),
            member,
            since,
            until,
            value: raw.value.as_ref().map_or(0, |value| value.value),
            doc: self.doc(raw.doc.as_ref()),
        }
    }

    /// All constants share one Python module.
    fn enum_names(&mut self, enums: &'s Named<schema::Enum>) {
        let names = enums
            .iter()
            .flat_map(|(_, raw)| &raw.values)
            .map(|(name, _)| name);
        self.unique(
            "the constant",
            names.map(|name| (name.value.clone(), &name.span)),
        );
    }

    fn alias(&mut self, old: &Text, new: &Text) -> Alias {
        if old.value == new.value {
            self.error(
                &old.span,
                format!("`{}` is an alias of itself", old.value),
                "expected another name",
            );
        }
        Alias {
            old: self.name(old, "an alias"),
            new: self.name(new, "what an alias means"),
        }
    }
}

fn values(texts: &[Text]) -> Vec<String> {
    texts.iter().map(|text| text.value.clone()).collect()
}

/// Why a text is not how the headers spell a type that crosses as such a class.
fn not_a_c_type(text: &str, class: Option<Class>) -> Option<&'static str> {
    let (words, stars) = match text.split_once(" *") {
        Some((words, stars)) => (words, Some(stars)),
        None => (text, None),
    };
    let array = words
        .strip_suffix(']')
        .and_then(|words| words.split_once(" ["));
    let (words, length) = array.filter(|_| stars.is_none()).unwrap_or((words, "0"));
    let word = words.strip_prefix("const ").unwrap_or(words);
    let tags = ["struct ", "union ", "enum "];
    let word = tags
        .iter()
        .find_map(|tag| word.strip_prefix(tag))
        .unwrap_or(word);
    const NUMBERS: &[&str] = &["unsigned", "signed", "long", "short", "int", "char"];
    let number = words.split(' ').all(|word| NUMBERS.contains(&word));
    let pointer = stars.map(|stars| stars.replace("const *", "*"));
    if !(number
        || syn::parse_str::<syn::Ident>(word).is_ok_and(|name| name == word && word.is_ascii()))
        || length.is_empty()
        || !length.bytes().all(|byte| byte.is_ascii_digit())
        || !pointer.unwrap_or_default().bytes().all(|byte| byte == b'*')
    {
        return Some("expected a spelling such as `int`, `struct iatt *` or `char [16]`");
    }
    match (class, stars) {
        (Some(Class::Pointer), None) => Some("expected an asterisk: its kind is a pointer"),
        (Some(Class::Number | Class::FieldNumber), Some(_)) => {
            Some("expected no asterisk: its kind is a number")
        }
        _ => None,
    }
}

/// Two vectors can not share one: a change of either would change it for the other.
fn length_of(param: &schema::Param) -> Option<&Text> {
    param.length.as_ref()
}

fn owner_of(param: &schema::Param) -> Option<&Text> {
    param.owner.as_ref()
}

/// Those that do not say what they are get what `docs` says.
fn described(mut params: Vec<Param>, docs: &Named<Text>) -> Vec<Param> {
    for param in params.iter_mut().filter(|param| param.doc.is_empty()) {
        if let Some((_, doc)) = docs.iter().find(|(name, _)| name.value == param.name) {
            param.doc = doc.value.trim().to_owned();
        }
    }
    params
}

fn given(name: &str, python: &str) -> Given {
    Given {
        name: name.to_owned(),
        python: python.to_owned(),
    }
}

/// What the runtime keeps of an object that is gone (`hooks.rs`).
fn left_of(kind: Kind) -> Vec<Given> {
    match kind {
        Kind::Inode => vec![given("gfid", "Gfid"), given("ctx", "Any")],
        Kind::Fd => vec![
            given("gfid", "Gfid"),
            given("flags", "int"),
            given("ctx", "Any"),
        ],
        Kind::Client => vec![given("client_uid", "str")],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_spelt_as_c_does() {
        for text in [
            "int",
            "unsigned long",
            "struct iatt *",
            "const char *",
            "char *const *",
            "const struct x **",
            "char [16]",
            "gf_dirent_t *",
        ] {
            assert_eq!(not_a_c_type(text, None), None, "{text}");
        }
        for text in [
            "",
            " ",
            "*",
            "int*",
            "int  *",
            "int * *",
            "struct",
            "struct a b *",
            "char [x] *",
            "char []",
            "fn *",
            "a\n",
            "int *x",
            "1",
            "é *",
            "int *const",
        ] {
            assert!(not_a_c_type(text, None).is_some(), "{text}");
        }
    }
}
