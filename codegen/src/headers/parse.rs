//! From bindgen's Rust to the model of the headers.

use std::collections::{BTreeMap, HashMap};

use syn::{Expr, Fields, Item, Type};

use super::Error;
use super::ctype::{self, Speller, c_name};
use super::locate::Texts;
use super::model::{
    Arg, Back, Enum, Field, Fop, Function, Headers, Hooks, Place, Slot, Structure, Value,
};
use super::read::Read;

/// The end of the names of callback slots.
const BACK: &str = "_cbk";

/// Finds the tables, structures and enums.
///
/// # Errors
///
/// When there is no `struct xlator_fops`, or another shape than expected.
pub fn parse(read: &Read) -> Result<Headers, Error> {
    let file = syn::parse_file(&read.bindings)
        .map_err(|error| Error::Unexpected(format!("bindgen wrote no Rust: {error}")))?;
    let reader = Reader::new(read, &file);
    let (fops_place, fops) = reader.fops()?;
    Ok(Headers {
        version: None,
        fops,
        fops_place,
        callbacks: reader.hooks("xlator_cbks")?,
        dumpops: reader.hooks("xlator_dumpops")?,
        enums: reader.enums(),
        constants: reader.constants(),
        structures: reader.structures(),
        typedefs: reader.typedefs(),
        dir: read.dir.clone(),
        texts: reader.texts.all(),
    })
}

/// bindgen's output by name.
struct Reader<'a> {
    read: &'a Read,
    texts: Texts,
    speller: Speller,
    structures: BTreeMap<String, Vec<(String, &'a Type)>>,
    aliases: HashMap<String, &'a Type>,
    alias_order: Vec<String>,
    /// Name, type, number.
    constants: Vec<(String, String, i128)>,
    /// bindgen's layout tests: `Size of iatt`, `Offset of field: iatt::ia_ino`.
    layout: HashMap<String, usize>,
}

impl<'a> Reader<'a> {
    fn new(read: &'a Read, file: &'a syn::File) -> Self {
        let mut reader = Reader {
            read,
            texts: Texts::load(read.locations.values().map(|(file, _)| file.as_str())),
            speller: Speller::default(),
            structures: BTreeMap::new(),
            aliases: HashMap::new(),
            alias_order: Vec::new(),
            constants: Vec::new(),
            layout: HashMap::new(),
        };
        let (mut structs, mut unions) = (Vec::new(), Vec::new());
        for item in &file.items {
            match item {
                // The generic ones are bindgen's own.
                Item::Struct(item) if item.generics.params.is_empty() => {
                    structs.push(item.ident.to_string());
                    reader
                        .structures
                        .insert(item.ident.to_string(), fields(&item.fields));
                }
                Item::Union(item) => {
                    unions.push(item.ident.to_string());
                    let fields = item.fields.named.iter().filter_map(field).collect();
                    reader.structures.insert(item.ident.to_string(), fields);
                }
                Item::Type(item) => {
                    reader.aliases.insert(item.ident.to_string(), &item.ty);
                    reader.alias_order.push(item.ident.to_string());
                }
                Item::Const(item) if item.ident == "_" => reader.add_layout(&item.expr),
                Item::Const(item) => {
                    if let (Some(ty), Some(number)) = (path_name(&item.ty), number(&item.expr)) {
                        reader.constants.push((item.ident.to_string(), ty, number));
                    }
                }
                _ => {}
            }
        }
        let enums: Vec<String> = reader
            .constants
            .iter()
            .map(|(_, ty, _)| ty.clone())
            .collect();
        reader.speller = Speller {
            structs: structs
                .into_iter()
                .filter(|name| reader.is_tag(name))
                .collect(),
            unions: unions
                .into_iter()
                .filter(|name| reader.is_tag(name))
                .collect(),
            enums: enums
                .into_iter()
                .filter(|name| reader.is_tag(name))
                .collect(),
        };
        reader
    }

    /// Whether C calls it `struct NAME` and the like. (bindgen gives a structure without a
    /// tag the name of its typedef; clang finds it at the word `struct`.)
    fn is_tag(&self, name: &str) -> bool {
        let location = self.read.locations.get(name);
        location.is_some_and(|(file, offset)| self.texts.is_word(file, *offset, name))
    }

    /// The type of an argument or a field at a place. Where a typedef has the tag's name, C
    /// has two ways to spell it; bindgen does not tell which one it was.
    fn spell(&self, ty: &Type, place: &Place) -> String {
        let spelling = self.speller.spell(ty);
        let tag = ["struct ", "union ", "enum "]
            .into_iter()
            .find(|tag| spelling.contains(tag));
        match tag {
            Some(tag)
                if !spelling.contains('(') && self.texts.is_without(place, tag.trim_end()) =>
            {
                spelling.replacen(tag, "", 1)
            }
            _ => spelling,
        }
    }

    /// `const _: () = { ["Size of iatt"][size_of::<iatt>() - 152usize]; ... };`
    fn add_layout(&mut self, expression: &Expr) {
        let Expr::Block(block) = expression else {
            return;
        };
        for statement in &block.block.stmts {
            let syn::Stmt::Expr(Expr::Index(test), _) = statement else {
                continue;
            };
            if let (Expr::Array(label), Expr::Binary(difference)) = (&*test.expr, &*test.index) {
                if let (Some(label), Some(value)) = (
                    label.elems.first().and_then(text),
                    number(&difference.right),
                ) {
                    self.layout.insert(c_name(&label), value as usize);
                }
            }
        }
    }

    fn place(&self, name: &str) -> Place {
        match self.read.locations.get(name) {
            Some((file, offset)) => self.texts.at(file, *offset),
            None => Place::default(),
        }
    }

    fn table(&self, name: &str) -> Result<&[(String, &'a Type)], Error> {
        let missing = || Error::Unexpected(format!("there is no struct {name}"));
        self.structures
            .get(name)
            .map(Vec::as_slice)
            .ok_or_else(missing)
    }

    /// The function that a slot points to; None for `void *`.
    fn function(&self, of: &Place, slot: &str, ty: &Type) -> Option<Function> {
        let Type::Path(path) = ty else {
            return None;
        };
        let last = path.path.segments.last()?;
        if last.ident == "Option" {
            let place = self.texts.member(of, slot);
            return Some(self.describe(String::new(), place, ctype::function(last)?));
        }
        let name = last.ident.to_string();
        let alias = self.aliases.get(&name)?;
        let mut function = self.function(of, slot, alias)?;
        function = match function.name.is_empty() {
            // The alias of a function type: its arguments stand there.
            true => {
                let Type::Path(path) = alias else { return None };
                let bare = ctype::function(path.path.segments.last()?)?;
                self.describe(name.clone(), self.place(&name), bare)
            }
            false => function,
        };
        Some(function)
    }

    fn describe(&self, name: String, place: Place, function: &syn::TypeBareFn) -> Function {
        let places = self.texts.arguments(&place, function.inputs.len());
        let args = function.inputs.iter().enumerate().map(|(index, input)| {
            let own = places.as_ref().map(|places| &places[index]);
            let place = own.unwrap_or(&place).clone();
            Arg {
                name: input
                    .name
                    .as_ref()
                    .map_or(String::new(), |(name, _)| c_name(&name.to_string())),
                c_type: self.spell(&input.ty, &place),
                place,
            }
        });
        Function {
            args: args.collect(),
            returns: self.speller.result(function),
            name,
            place,
        }
    }

    fn fops(&self) -> Result<(Place, Vec<Fop>), Error> {
        let table = self.table("xlator_fops")?;
        let place = self.place("xlator_fops");
        // The fops end where the callback of one of them stands.
        let half = table.iter().position(|(name, _)| {
            let of = name.strip_suffix(BACK);
            of.is_some_and(|of| table.iter().any(|(name, _)| name == of))
        });
        let half = half.unwrap_or(table.len());
        let (calls, backs) = table.split_at(half);
        let mut fops = Vec::new();
        for (index, (name, ty)) in calls.iter().enumerate() {
            // The placeholders of functions that are not here point to nothing.
            let Some(call) = self.function(&place, name, ty) else {
                continue;
            };
            let back = backs
                .iter()
                .position(|(back, _)| *back == format!("{name}{BACK}"));
            fops.push(Fop {
                index: index + 1,
                place: self.texts.member(&place, name),
                back: back.and_then(|index| {
                    let (name, ty) = &backs[index];
                    Some(Back {
                        index: index + 1,
                        place: self.texts.member(&place, name),
                        function: self.function(&place, name, ty)?,
                    })
                }),
                name: name.clone(),
                call,
            });
        }
        Ok((place, fops))
    }

    fn hooks(&self, table: &str) -> Result<Hooks, Error> {
        let place = self.place(table);
        let slots = self.table(table)?.iter().filter_map(|(name, ty)| {
            Some(Slot {
                place: self.texts.member(&place, name),
                function: self.function(&place, name, ty)?,
                name: name.clone(),
            })
        });
        Ok(Hooks {
            slots: slots.collect(),
            place,
        })
    }

    fn enums(&self) -> BTreeMap<String, Enum> {
        let mut enums: BTreeMap<String, Enum> = BTreeMap::new();
        for (name, ty, number) in &self.constants {
            if ctype::kind(ty).is_none() {
                let place = self.place(ty);
                let value = Value {
                    number: *number,
                    place: self.texts.member(&place, name),
                };
                let of = enums.entry(c_name(ty)).or_default();
                of.place = place;
                of.values.push((c_name(name), value));
            }
        }
        enums
    }

    /// The constants, those of enums among them.
    fn constants(&self) -> BTreeMap<String, Value> {
        let of_enums = self.enums().into_values().flat_map(|item| item.values);
        let plain = self
            .constants
            .iter()
            .filter(|(_, ty, _)| ctype::kind(ty).is_some());
        let plain = plain.map(|(name, _, number)| {
            let value = Value {
                number: *number,
                place: self.place(name),
            };
            (c_name(name), value)
        });
        of_enums.chain(plain).collect()
    }

    fn structures(&self) -> BTreeMap<String, Structure> {
        let classes = self.classes();
        let structures = self.structures.iter().map(|(name, fields)| {
            let place = self.place(name);
            let fields = fields.iter().map(|(field, ty)| {
                let place = self.texts.member(&place, field);
                Field {
                    offset: self
                        .layout
                        .get(&format!("Offset of field: {name}::{field}"))
                        .copied(),
                    arg: Arg {
                        name: field.clone(),
                        c_type: self.spell(ty, &place),
                        place,
                    },
                }
            });
            let structure = Structure {
                c_type: self.speller.name(name),
                class: classes.get(name).unwrap_or(name).clone(),
                size: self
                    .layout
                    .get(&format!("Size of {name}"))
                    .copied()
                    .unwrap_or_default(),
                fields: fields.collect(),
                place,
            };
            (c_name(name), structure)
        });
        structures.collect()
    }

    /// What typedefs stand for. (An enum is one for a number.)
    fn typedefs(&self) -> BTreeMap<String, String> {
        let mut typedefs = BTreeMap::new();
        for (name, ty) in &self.aliases {
            let target = self.speller.spell(ty);
            for name in [self.speller.name(name), c_name(name)] {
                typedefs.insert(name, target.clone());
            }
        }
        typedefs
    }

    /// The first typedef of each structure that has one.
    fn classes(&self) -> HashMap<String, String> {
        let mut classes = HashMap::new();
        for name in &self.alias_order {
            if let Some(target) = path_name(self.aliases[name]) {
                classes.entry(target).or_insert_with(|| name.clone());
            }
        }
        classes
    }
}

fn fields(fields: &Fields) -> Vec<(String, &Type)> {
    fields.iter().filter_map(field).collect()
}

fn field(field: &syn::Field) -> Option<(String, &Type)> {
    Some((c_name(&field.ident.as_ref()?.to_string()), &field.ty))
}

/// The last name of a path.
fn path_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) => Some(path.path.segments.last()?.ident.to_string()),
        _ => None,
    }
}

fn number(expression: &Expr) -> Option<i128> {
    match expression {
        Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Int(number),
            ..
        }) => number.base10_parse().ok(),
        Expr::Unary(syn::ExprUnary {
            op: syn::UnOp::Neg(_),
            expr,
            ..
        }) => Some(-number(expr)?),
        _ => None,
    }
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(syn::ExprLit {
            lit: syn::Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}
