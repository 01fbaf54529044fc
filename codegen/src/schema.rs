//! The schema as it is written: which keys there are and what shape their values have.
//! What the values mean, and whether they fit together, is for [`crate::resolve`].

mod keys;
mod shapes;

use crate::diagnostics::{Diagnostics, Span};
use crate::yaml::{At, Node, Value};
pub use keys::Key;
use shapes::{Mapping, boolean, int, listed, named, text, texts};

/// Text and its place.
pub type Text = At<String>;

/// `name: value` pairs in the order of the file.
pub type Named<T> = Vec<(Text, T)>;

/// A whole schema.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    /// `glusterfs:`
    pub glusterfs: Option<Text>,
    /// `types:`
    pub types: Named<Type>,
    /// `nullable:`
    pub nullable: Vec<Text>,
    /// `left_out:`
    pub left_out: Vec<Text>,
    /// `docs:`
    pub docs: Docs,
    /// `fops:`
    pub fops: Named<Fop>,
    /// `callbacks:`
    pub callbacks: Named<Hook>,
    /// `dumpops:`
    pub dumpops: Named<Hook>,
    /// `structures:`
    pub structures: Named<Structure>,
    /// `keys:`
    pub keys: Named<Key>,
    /// `enums:`
    pub enums: Named<Enum>,
    /// `aliases:`
    pub aliases: Named<Text>,
}

/// What arguments and callback values are that do not say so themselves.
#[derive(Debug, Clone, Default)]
pub struct Docs {
    /// `args:`
    pub args: Named<Text>,
    /// `cbk:`
    pub cbk: Named<Text>,
}

/// A C type.
#[derive(Debug, Clone)]
pub struct Type {
    /// `kind:`
    pub kind: Option<Text>,
    /// `python:`
    pub python: Option<Text>,
    /// `ctypes:`
    pub ctypes: Option<Text>,
    /// `doc:`
    pub doc: Option<Text>,
}

/// A file operation.
#[derive(Debug, Clone)]
pub struct Fop {
    /// `doc:`
    pub doc: Option<Text>,
    /// `when:`
    pub when: Option<Text>,
    /// `reply:`
    pub reply: Option<Text>,
    /// `index:`
    pub index: Option<At<i64>>,
    /// `gf_fop:`
    pub gf_fop: Option<Text>,
    /// `since:`
    pub since: Option<Text>,
    /// `until:`
    pub until: Option<Text>,
    /// `op_ret:`
    pub op_ret: Option<Text>,
    /// `args:`
    pub args: Vec<Param>,
    /// `cbk:`
    pub cbk: Vec<Param>,
    /// `times:`
    pub times: Vec<Text>,
    /// `broken_in:`
    pub broken_in: Named<Text>,
    /// Where all of it stands.
    pub span: Span,
}

/// An argument or a callback value.
#[derive(Debug, Clone)]
pub struct Param {
    /// Its name.
    pub name: Text,
    /// Its C type.
    pub ty: Option<Text>,
    /// `kind:`
    pub kind: Option<Text>,
    /// `length:`
    pub length: Option<Text>,
    /// `owner:`
    pub owner: Option<Text>,
    /// `size:`
    pub size: Option<At<i64>>,
    /// `nullable:`
    pub nullable: Option<At<bool>>,
    /// `same:`
    pub same: Option<Text>,
    /// `max:`
    pub max: Option<At<i64>>,
    /// `gfid:`
    pub gfid: Option<At<bool>>,
    /// `entry:`
    pub entry: Option<At<bool>>,
    /// `replaced:`
    pub replaced: Option<At<bool>>,
    /// `of:`
    pub of: Option<Text>,
    /// `content:`
    pub content: Option<Text>,
    /// `within:`
    pub within: Option<Text>,
    /// `doc:`
    pub doc: Option<Text>,
}

/// A callback of a translator, or a hook of the statedump.
#[derive(Debug, Clone)]
pub struct Hook {
    /// `doc:`
    pub doc: Option<Text>,
    /// `returns:`
    pub returns: Option<Text>,
    /// `call:`
    pub call: Option<Text>,
    /// `args:`
    pub args: Vec<Param>,
}

/// A structure whose fields Python sees.
#[derive(Debug, Clone)]
pub struct Structure {
    /// `c_type:`
    pub c_type: Option<Text>,
    /// `python:`
    pub python: Option<Text>,
    /// `doc:`
    pub doc: Option<Text>,
    /// `fields:`
    pub fields: Named<Field>,
    /// `derived:`
    pub derived: Named<Derived>,
}

/// An attribute that the runtime computes from the fields of a structure.
#[derive(Debug, Clone)]
pub struct Derived {
    /// `python:`
    pub python: Option<Text>,
    /// `doc:`
    pub doc: Option<Text>,
}

/// A field of a structure.
#[derive(Debug, Clone)]
pub struct Field {
    /// `type:`
    pub ty: Option<Text>,
    /// `doc:`
    pub doc: Option<Text>,
}

/// An enum, or constants that belong together.
#[derive(Debug, Clone)]
pub struct Enum {
    /// `c_type:`
    pub c_type: Option<Text>,
    /// `doc:`
    pub doc: Option<Text>,
    /// `flag:`
    pub flag: Option<At<bool>>,
    /// `prefix:`
    pub prefix: Option<Text>,
    /// `left_out:`
    pub left_out: Vec<Text>,
    /// `values:`
    pub values: Named<EnumValue>,
}

/// A value of an enum.
#[derive(Debug, Clone)]
pub struct EnumValue {
    /// `value:`
    pub value: Option<At<i64>>,
    /// `since:`
    pub since: Option<Text>,
    /// `until:`
    pub until: Option<Text>,
    /// `python:`
    pub python: Option<Text>,
    /// `doc:`
    pub doc: Option<Text>,
}

/// Reads a tree as a schema. What does not fit is reported, and the rest is read on; None
/// when there is no rest.
pub fn read(root: &Node, diagnostics: &mut Diagnostics) -> Option<Schema> {
    if root.value == Value::Null {
        diagnostics.error(
            &(0..0),
            "this schema is empty",
            "expected `fops:`, `types:` and the like",
        );
        return None;
    }
    let mut map = Mapping::new(root, &root.span, "a schema", diagnostics)?;
    let schema = Schema {
        glusterfs: map.required("glusterfs", text),
        types: map
            .required("types", |node, d| named(node, "the types", d, type_))
            .unwrap_or_default(),
        nullable: map.optional("nullable", texts).unwrap_or_default(),
        left_out: map.optional("left_out", texts).unwrap_or_default(),
        docs: map.optional("docs", docs).unwrap_or_default(),
        fops: map
            .required("fops", |node, d| named(node, "the fops", d, fop))
            .unwrap_or_default(),
        callbacks: map
            .optional("callbacks", |node, d| named(node, "the callbacks", d, hook))
            .unwrap_or_default(),
        dumpops: map
            .optional("dumpops", |node, d| named(node, "the dumpops", d, hook))
            .unwrap_or_default(),
        structures: map
            .optional("structures", |node, d| {
                named(node, "the structures", d, structure)
            })
            .unwrap_or_default(),
        keys: map
            .optional("keys", |node, d| named(node, "the keys", d, keys::key))
            .unwrap_or_default(),
        enums: map
            .optional("enums", |node, d| named(node, "the enums", d, enum_))
            .unwrap_or_default(),
        aliases: map
            .optional("aliases", |node, d| {
                named(node, "the aliases", d, |_, node, d| text(node, d))
            })
            .unwrap_or_default(),
    };
    map.finish();
    Some(schema)
}

fn docs(node: &Node, diagnostics: &mut Diagnostics) -> Option<Docs> {
    let mut map = Mapping::new(node, &node.span, "`docs`", diagnostics)?;
    let mut part = |key| {
        let read = |node: &Node, d: &mut Diagnostics| {
            named(node, "the docs", d, |_, node, d| text(node, d))
        };
        map.optional(key, read).unwrap_or_default()
    };
    let docs = Docs {
        args: part("args"),
        cbk: part("cbk"),
    };
    map.finish();
    Some(docs)
}

fn type_(name: &Text, node: &Node, diagnostics: &mut Diagnostics) -> Option<Type> {
    let what = format!("the type `{}`", name.value);
    let mut map = Mapping::new(node, &name.span, what, diagnostics)?;
    let ty = Type {
        kind: map.required("kind", text),
        python: map.required("python", text),
        ctypes: map.required("ctypes", text),
        doc: map.optional("doc", text),
    };
    map.finish();
    Some(ty)
}

fn fop(name: &Text, node: &Node, diagnostics: &mut Diagnostics) -> Option<Fop> {
    let what = format!("the fop `{}`", name.value);
    let mut map = Mapping::new(node, &name.span, what, diagnostics)?;
    let fop = Fop {
        doc: map.required("doc", text),
        when: map.optional("when", text),
        reply: map.optional("reply", text),
        index: map.required("index", int),
        gf_fop: map.optional("gf_fop", text),
        since: map.optional("since", text),
        until: map.optional("until", text),
        op_ret: map.optional("op_ret", text),
        args: map.required("args", params).unwrap_or_default(),
        cbk: map.required("cbk", params).unwrap_or_default(),
        times: map.optional("times", texts).unwrap_or_default(),
        broken_in: map.optional("broken_in", reasons).unwrap_or_default(),
        span: name.span.start..node.span.end,
    };
    map.finish();
    Some(fop)
}

fn hook(name: &Text, node: &Node, diagnostics: &mut Diagnostics) -> Option<Hook> {
    let mut map = Mapping::new(node, &name.span, format!("`{}`", name.value), diagnostics)?;
    let hook = Hook {
        doc: map.required("doc", text),
        returns: map.required("returns", text),
        call: map.optional("call", text),
        args: map.required("args", params).unwrap_or_default(),
    };
    map.finish();
    Some(hook)
}

fn structure(name: &Text, node: &Node, diagnostics: &mut Diagnostics) -> Option<Structure> {
    let what = format!("the structure `{}`", name.value);
    let mut map = Mapping::new(node, &name.span, what, diagnostics)?;
    let structure = Structure {
        c_type: map.required("c_type", text),
        python: map.required("python", text),
        doc: map.required("doc", text),
        fields: map
            .required("fields", |node, d| listed(node, "a field", d, field))
            .unwrap_or_default(),
        derived: map
            .optional("derived", |node, d| {
                listed(node, "an attribute", d, derived)
            })
            .unwrap_or_default(),
    };
    map.finish();
    Some(structure)
}

fn derived(name: &Text, node: &Node, diagnostics: &mut Diagnostics) -> Option<Derived> {
    let what = format!("the attribute `{}`", name.value);
    let mut map = Mapping::new(node, &name.span, what, diagnostics)?;
    let derived = Derived {
        python: map.required("python", text),
        doc: map.required("doc", text),
    };
    map.finish();
    Some(derived)
}

fn field(name: &Text, node: &Node, diagnostics: &mut Diagnostics) -> Option<Field> {
    let what = format!("the field `{}`", name.value);
    let mut map = Mapping::new(node, &name.span, what, diagnostics)?;
    let field = Field {
        ty: map.required("type", text),
        doc: map.required("doc", text),
    };
    map.finish();
    Some(field)
}

fn enum_(name: &Text, node: &Node, diagnostics: &mut Diagnostics) -> Option<Enum> {
    let what = format!("the enum `{}`", name.value);
    let mut map = Mapping::new(node, &name.span, what, diagnostics)?;
    let result = Enum {
        c_type: map.optional("c_type", text),
        doc: map.required("doc", text),
        flag: map.optional("flag", boolean),
        prefix: map.optional("prefix", text),
        left_out: map.optional("left_out", texts).unwrap_or_default(),
        values: map
            .required("values", |node, d| listed(node, "a value", d, enum_value))
            .unwrap_or_default(),
    };
    map.finish();
    Some(result)
}

fn enum_value(name: &Text, node: &Node, diagnostics: &mut Diagnostics) -> Option<EnumValue> {
    let what = format!("the value `{}`", name.value);
    let mut map = Mapping::new(node, &name.span, what, diagnostics)?;
    let value = EnumValue {
        value: map.required("value", int),
        since: map.optional("since", text),
        until: map.optional("until", text),
        python: map.optional("python", text),
        doc: map.required("doc", text),
    };
    map.finish();
    Some(value)
}

fn reasons(node: &Node, diagnostics: &mut Diagnostics) -> Option<Named<Text>> {
    listed(node, "a reason", diagnostics, |_, node, d| text(node, d))
}

fn params(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<Param>> {
    listed(node, "an argument", diagnostics, param)
        .map(|params| params.into_iter().map(|(_, param)| param).collect())
}

/// `type` or `{type: ..., length: ...}`
fn param(name: &Text, node: &Node, diagnostics: &mut Diagnostics) -> Option<Param> {
    let mut param = Param {
        name: name.clone(),
        ty: None,
        kind: None,
        length: None,
        owner: None,
        size: None,
        nullable: None,
        same: None,
        max: None,
        gfid: None,
        entry: None,
        replaced: None,
        of: None,
        content: None,
        within: None,
        doc: None,
    };
    if let Value::Map(_) = node.value {
        let what = format!("the argument `{}`", name.value);
        let mut map = Mapping::new(node, &name.span, what, diagnostics)?;
        param.ty = map.required("type", text);
        param.kind = map.optional("kind", text);
        param.length = map.optional("length", text);
        param.owner = map.optional("owner", text);
        param.size = map.optional("size", int);
        param.nullable = map.optional("nullable", boolean);
        param.same = map.optional("same", text);
        param.max = map.optional("max", int);
        param.gfid = map.optional("gfid", boolean);
        param.entry = map.optional("entry", boolean);
        param.replaced = map.optional("replaced", boolean);
        param.of = map.optional("of", text);
        param.content = map.optional("content", text);
        param.within = map.optional("within", text);
        param.doc = map.optional("doc", text);
        map.finish();
    } else {
        param.ty = text(node, diagnostics);
    }
    Some(param)
}
