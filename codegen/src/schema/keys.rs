//! `keys:`, the keys of dicts whose values GlusterFS takes for something, as it is written.

use super::{Mapping, Text, boolean, int, text};
use crate::diagnostics::Diagnostics;
use crate::yaml::{At, Node, Value};

/// A key, or a pattern of keys.
#[derive(Debug, Clone)]
pub struct Key {
    /// `size:`, one or several
    pub size: Option<Vec<At<i64>>>,
    /// `max:`
    pub max: Option<At<i64>>,
    /// `struct:`
    pub structure: Option<Text>,
    /// `string:`
    pub string: Option<At<bool>>,
    /// `internal:`
    pub internal: Option<At<bool>>,
    /// `xlator:`
    pub xlator: Option<Text>,
    /// `doc:`
    pub doc: Option<Text>,
    /// How many words beside `xlator` and `doc` there are.
    pub said: usize,
}

/// Reads what stands behind a key.
pub fn key(name: &Text, node: &Node, diagnostics: &mut Diagnostics) -> Option<Key> {
    let what = format!("the key `{}`", name.value);
    let mut map = Mapping::new(node, &name.span, what, diagnostics)?;
    let is_rule = |word: &str| word != "xlator" && word != "doc";
    let words = map.entries.iter().map(|(word, _)| word.value.as_str());
    let said = words.filter(|word| is_rule(word)).count();
    let key = Key {
        size: map.optional("size", sizes),
        max: map.optional("max", int),
        structure: map.optional("struct", text),
        string: map.optional("string", boolean),
        internal: map.optional("internal", boolean),
        xlator: map.required("xlator", text),
        doc: map.required("doc", text),
        said,
    };
    map.finish();
    Some(key)
}

/// `16` or `[8, 16]`
fn sizes(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<At<i64>>> {
    let Value::List(items) = &node.value else {
        return int(node, diagnostics).map(|size| vec![size]);
    };
    Some(
        items
            .iter()
            .filter_map(|item| int(item, diagnostics))
            .collect(),
    )
}
