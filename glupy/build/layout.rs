//! The structures in bindgen's output, as C has them.

use std::collections::{HashMap, HashSet};

use quote::ToTokens;
use syn::{Expr, Fields, GenericArgument, Item, Lit, PathArguments};

/// Members of type `char` that hold bytes of a known length: no strings, which end
/// with a NUL.
const BYTES: &[(&str, &str)] = &[
    ("_data", "data"),        // a dict's value: data.len
    ("gf_lkowner_t", "data"), // gf_lkowner_t.len
    ("gf_lease", "lease_id"), // all 16
];

/// Typedefs of structures without a tag that do not end with `_t`, as all others do:
/// bindgen does not tell them from tags.
const TAGLESS: &[&str] = &["__atomic_wide_counter"];

/// A structure or a union.
pub struct Structure {
    /// Its name in Python: the typedef's if there is one, else the tag. One without
    /// a name in C is called after its first user, as in `ia_prot_t_owner`.
    pub name: String,
    /// What it is in C.
    pub doc: String,
    /// A union.
    pub union: bool,
    /// `__attribute__((packed))`.
    pub packed: bool,
    pub body: Body,
}

/// What a structure consists of.
pub enum Body {
    /// Its members, in order.
    Members(Vec<Member>),
    /// The headers do not define it: it can be pointed to only.
    Undefined,
    /// Memory of this size and alignment: its members can not be told in ctypes.
    Memory { size: usize, align: usize },
}

/// A member.
pub struct Member {
    pub name: String,
    /// A union or structure whose members are accessed as this structure's own.
    pub anonymous: bool,
    pub ty: Type,
    /// For a bitfield: its width.
    pub bits: Option<usize>,
}

/// A type of C.
#[derive(Clone)]
pub enum Type {
    /// A number, a string or a plain address, by its ctypes name.
    Plain(&'static str),
    /// A structure, by its name in Python.
    Structure(String),
    Pointer(Box<Type>),
    Array(Box<Type>, usize),
}

/// The structures and unions, each behind those that it contains.
pub fn structures(file: &syn::File) -> Vec<Structure> {
    let source = Source::new(file);
    let mut order = Order {
        source: &source,
        done: HashSet::new(),
        all: Vec::new(),
    };
    for name in &source.order {
        order.visit(name);
    }
    order.all
}

/// A structure in bindgen's output.
struct Definition<'a> {
    union: bool,
    packed: bool,
    aligned: bool,
    fields: Vec<(String, &'a syn::Type)>,
}

/// Bits of a bitfield: position and width in its unit, and its type.
struct Bits<'a> {
    name: String,
    unit: String,
    offset: usize,
    width: usize,
    ty: &'a syn::Type,
}

/// bindgen's output by name.
struct Source<'a> {
    definitions: HashMap<String, Definition<'a>>,
    order: Vec<String>,
    aliases: HashMap<String, &'a syn::Type>,
    /// The first typedef of a structure.
    typedefs: HashMap<String, String>,
    /// The first user of a structure without a name: structure and member.
    users: HashMap<String, (String, String)>,
    bits: HashMap<String, Vec<Bits<'a>>>,
    /// bindgen's layout tests: `Size of X`, `Alignment of X`, ...
    layout: HashMap<String, usize>,
}

impl<'a> Source<'a> {
    fn new(file: &'a syn::File) -> Self {
        let mut source = Source {
            definitions: HashMap::new(),
            order: Vec::new(),
            aliases: HashMap::new(),
            typedefs: HashMap::new(),
            users: HashMap::new(),
            bits: HashMap::new(),
            layout: HashMap::new(),
        };
        for item in &file.items {
            match item {
                // The generic ones are bindgen's own.
                Item::Struct(item) if item.generics.params.is_empty() => {
                    source.define(&item.ident, false, &item.attrs, fields(&item.fields));
                }
                Item::Union(item) => {
                    let fields = item.fields.named.iter().filter_map(field).collect();
                    source.define(&item.ident, true, &item.attrs, fields);
                }
                Item::Type(item) => {
                    if let Some(target) = path_name(&item.ty) {
                        let typedef = source.typedefs.entry(target);
                        typedef.or_insert_with(|| item.ident.to_string());
                    }
                    source.aliases.insert(item.ident.to_string(), &item.ty);
                }
                Item::Impl(item) if item.trait_.is_none() => source.add_bits(item),
                Item::Const(item) => source.add_layout(&item.expr),
                _ => {}
            }
        }
        source
    }

    fn define(
        &mut self,
        name: &syn::Ident,
        union: bool,
        attributes: &[syn::Attribute],
        fields: Vec<(String, &'a syn::Type)>,
    ) {
        let name = name.to_string();
        let repr = |what: &str| {
            let mut reprs = attributes.iter().filter(|a| a.path().is_ident("repr"));
            reprs.any(|a| a.to_token_stream().to_string().contains(what))
        };
        for (field, ty) in &fields {
            let used = path_name(element(ty)).filter(|used| used.contains("__bindgen_ty_"));
            if let Some(used) = used {
                let user = self.users.entry(used);
                user.or_insert_with(|| (name.clone(), member_name(field)));
            }
        }
        let definition = Definition {
            union,
            packed: repr("packed"),
            aligned: repr("align"),
            fields,
        };
        self.definitions.insert(name.clone(), definition);
        self.order.push(name);
    }

    /// Bitfields are told by the bodies of their getters only.
    fn add_bits(&mut self, item: &'a syn::ItemImpl) {
        let Some(of) = path_name(&item.self_ty) else {
            return;
        };
        for function in &item.items {
            let syn::ImplItem::Fn(function) = function else {
                continue;
            };
            let body = function.block.to_token_stream().to_string();
            let syn::ReturnType::Type(_, ty) = &function.sig.output else {
                continue;
            };
            let Some((unit, numbers)) = body
                .split_once("self . ")
                .and_then(|(_, rest)| rest.split_once(" . get_const :: < "))
            else {
                continue;
            };
            let mut numbers = numbers
                .split([' ', ',', '>'])
                .filter_map(|word| syn::parse_str(word).ok().as_ref().and_then(literal));
            let (Some(offset), Some(width)) = (numbers.next(), numbers.next()) else {
                continue;
            };
            self.bits.entry(of.clone()).or_default().push(Bits {
                name: member_name(&function.sig.ident.to_string()),
                unit: unit.to_owned(),
                offset,
                width,
                ty,
            });
        }
    }

    /// `const _: () = { ["Size of X"][size_of::<X>() - 24usize]; ... };`
    fn add_layout(&mut self, test: &Expr) {
        let Expr::Block(test) = test else { return };
        for statement in &test.block.stmts {
            let syn::Stmt::Expr(Expr::Index(index), _) = statement else {
                continue;
            };
            if let (Expr::Array(label), Expr::Binary(difference)) = (&*index.expr, &*index.index) {
                if let (Some(label), Some(value)) = (
                    label.elems.first().and_then(text),
                    literal(&difference.right),
                ) {
                    self.layout.insert(label, value);
                }
            }
        }
    }

    fn python_name(&self, name: &str) -> String {
        if let Some((user, member)) = self.users.get(name) {
            return format!("{}_{member}", self.python_name(user));
        }
        c_name(self.typedefs.get(name).map_or(name, String::as_str))
    }

    fn doc(&self, name: &str) -> String {
        let kind = |name: &str| {
            let union = self.definitions.get(name).is_some_and(|d| d.union);
            if union { "union" } else { "structure" }
        };
        if let Some((user, member)) = self.users.get(name) {
            let user = self.python_name(user);
            return format!(
                "The {} without a name behind `{member}` in `{user}`.",
                kind(name)
            );
        }
        let plain = self.python_name(name);
        let typedef =
            self.typedefs.contains_key(name) || name.ends_with("_t") || TAGLESS.contains(&name);
        let spelling = match kind(name) {
            _ if typedef => plain,
            "union" => format!("union {plain}"),
            _ => format!("struct {plain}"),
        };
        format!("The C {} `{spelling}`.", kind(name))
    }

    /// None for a type that ctypes does not have.
    fn resolve(&self, ty: &syn::Type, bytes: bool) -> Option<Type> {
        match ty {
            syn::Type::Path(path) => {
                let last = path.path.segments.last()?;
                match last.ident.to_string().as_str() {
                    // A function pointer.
                    "Option" => Some(Type::Plain("c_void_p")),
                    "__IncompleteArrayField" => {
                        let element = self.resolve(last_argument(ty)?, bytes)?;
                        Some(Type::Array(Box::new(element), 0))
                    }
                    "c_char" if bytes => Some(Type::Plain("c_ubyte")),
                    name => plain(name).map(Type::Plain).or_else(|| {
                        if self.definitions.contains_key(name) {
                            Some(Type::Structure(self.python_name(name)))
                        } else {
                            self.resolve(self.aliases.get(name)?, bytes)
                        }
                    }),
                }
            }
            syn::Type::Ptr(pointer) => {
                let target = &*pointer.elem;
                Some(match self.target(target).as_deref() {
                    Some("c_void") => Type::Plain("c_void_p"),
                    Some("c_char") if !bytes => Type::Plain("c_char_p"),
                    _ => Type::Pointer(Box::new(self.resolve(target, bytes)?)),
                })
            }
            syn::Type::Array(array) => {
                let element = self.resolve(&array.elem, bytes)?;
                Some(Type::Array(Box::new(element), literal(&array.len)?))
            }
            _ => None,
        }
    }

    /// The name of a pointer's target, behind typedefs.
    fn target(&self, ty: &syn::Type) -> Option<String> {
        let name = path_name(ty)?;
        match self.aliases.get(&name) {
            Some(alias) => self.target(alias),
            None => Some(name),
        }
    }

    fn members(&self, name: &str, definition: &Definition<'_>) -> Option<Vec<Member>> {
        let mut members = Vec::new();
        for (field, ty) in &definition.fields {
            if path_name(ty).as_deref() == Some("__BindgenBitfieldUnit") {
                members.extend(self.bitfields(name, field, ty)?);
            } else if !field.starts_with("__bindgen_padding")
                && !field.starts_with("_bitfield_align")
            {
                members.push(Member {
                    name: member_name(field),
                    anonymous: field.starts_with("__bindgen_anon"),
                    ty: self.resolve(ty, BYTES.contains(&(name, field)))?,
                    bits: None,
                });
            }
        }
        Some(members)
    }

    /// The bitfields of a unit; None unless they stand in it without gaps and it is
    /// as large as their type: then ctypes puts them where every compiler does.
    fn bitfields(&self, of: &str, unit: &str, ty: &syn::Type) -> Option<Vec<Member>> {
        let syn::Type::Array(storage) = last_argument(ty)? else {
            return None;
        };
        let size = literal(&storage.len)?;
        let mut members = Vec::new();
        let mut end = 0;
        for bits in self.bits.get(of)?.iter().filter(|bits| bits.unit == unit) {
            let (Type::Plain(plain), true) = (self.resolve(bits.ty, false)?, bits.offset == end)
            else {
                return None;
            };
            if !plain.ends_with(&(size * 8).to_string()) {
                return None;
            }
            end += bits.width;
            members.push(Member {
                name: bits.name.clone(),
                anonymous: false,
                ty: Type::Plain(plain),
                bits: Some(bits.width),
            });
        }
        Some(members)
    }

    fn structure(&self, name: &str) -> Structure {
        let definition = &self.definitions[name];
        let layout = |what: &str| {
            let label = format!("{what} of {name}");
            self.layout.get(&label).copied()
        };
        let undefined = definition
            .fields
            .iter()
            .all(|(field, _)| ["_unused", "_address"].contains(&field.as_str()));
        let members = self.members(name, definition);
        let body = match members.filter(|_| !definition.aligned) {
            _ if undefined => Body::Undefined,
            Some(members) => Body::Members(members),
            None => {
                println!("cargo::warning=ctypes can not tell the members of {name}");
                Body::Memory {
                    size: layout("Size").expect("bindgen tells the size of every structure"),
                    align: layout("Alignment").expect("bindgen tells the alignment, too"),
                }
            }
        };
        Structure {
            name: self.python_name(name),
            doc: self.doc(name),
            union: definition.union,
            packed: definition.packed,
            body,
        }
    }
}

/// Puts structures behind those that they contain: ctypes needs to know these.
struct Order<'a> {
    source: &'a Source<'a>,
    done: HashSet<String>,
    all: Vec<Structure>,
}

impl Order<'_> {
    fn visit(&mut self, name: &str) {
        if !self.done.insert(name.to_owned()) {
            return;
        }
        for (_, ty) in &self.source.definitions[name].fields {
            let mut contained = self.source.target(element(ty));
            contained = contained.filter(|name| self.source.definitions.contains_key(name));
            if let Some(contained) = contained {
                self.visit(&contained);
            }
        }
        self.all.push(self.source.structure(name));
    }
}

/// The ctypes name of a number.
fn plain(name: &str) -> Option<&'static str> {
    Some(match name {
        "bool" => "c_bool",
        "c_char" => "c_char",
        "c_schar" | "i8" => "c_int8",
        "c_uchar" => "c_ubyte",
        "u8" => "c_uint8",
        "c_short" | "i16" => "c_int16",
        "c_ushort" | "u16" => "c_uint16",
        "c_int" | "i32" => "c_int32",
        "c_uint" | "u32" => "c_uint32",
        "c_long" => "c_long",
        "c_ulong" => "c_ulong",
        "c_longlong" | "i64" => "c_int64",
        "c_ulonglong" | "u64" => "c_uint64",
        "usize" => "c_size_t",
        "isize" => "c_ssize_t",
        "f32" | "c_float" => "c_float",
        "f64" | "c_double" => "c_double",
        _ => return None,
    })
}

/// A member's name; one without a name gets one.
fn member_name(field: &str) -> String {
    match field.strip_prefix("__bindgen_anon_") {
        Some(number) => format!("anonymous_{number}"),
        None => c_name(field),
    }
}

/// A name as C has it: bindgen puts `_` behind a word of Rust's.
fn c_name(name: &str) -> String {
    match name.strip_suffix('_') {
        Some(word) if syn::parse_str::<syn::Ident>(word).is_err() => word.to_owned(),
        _ => name.to_owned(),
    }
}

fn fields(fields: &Fields) -> Vec<(String, &syn::Type)> {
    fields.iter().filter_map(field).collect()
}

fn field(field: &syn::Field) -> Option<(String, &syn::Type)> {
    Some((field.ident.as_ref()?.to_string(), &field.ty))
}

/// The elements' type of an array, of an array of arrays, ...
fn element(ty: &syn::Type) -> &syn::Type {
    match ty {
        syn::Type::Array(array) => element(&array.elem),
        other => other,
    }
}

/// The last name of a path.
fn path_name(ty: &syn::Type) -> Option<String> {
    match ty {
        syn::Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        _ => None,
    }
}

/// The type `T` in `Name<T>`.
fn last_argument(ty: &syn::Type) -> Option<&syn::Type> {
    let syn::Type::Path(path) = ty else {
        return None;
    };
    match &path.path.segments.last()?.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.last()? {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        },
        _ => None,
    }
}

fn literal(expression: &Expr) -> Option<usize> {
    match expression {
        Expr::Lit(syn::ExprLit {
            lit: Lit::Int(number),
            ..
        }) => number.base10_parse().ok(),
        _ => None,
    }
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(syn::ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}
