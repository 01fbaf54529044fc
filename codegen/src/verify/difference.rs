//! A difference between the schema and the headers.

use serde::Serialize;

use crate::diagnostics::Span;
use crate::headers::model::Place;

/// What differs. `New` is in the headers and not in the schema; `Gone` the other way round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    FopNew,
    FopGone,
    /// The headers have it, though `since` or `until` says that they do not.
    FopVersion,
    /// The place in the fops table.
    FopIndex,
    /// The schema's fops do not stand in the order of the table.
    FopOrder,
    /// The GF_FOP_ number.
    FopNumber,
    /// The second slot in the fops table, `X_cbk`.
    FopCbkSlot,
    HookNew,
    HookGone,
    HookOrder,
    ArgumentNew,
    ArgumentGone,
    ArgumentName,
    ArgumentType,
    ArgumentOrder,
    ResultType,
    StructureGone,
    FieldNew,
    FieldGone,
    FieldType,
    EnumGone,
    ValueNew,
    ValueGone,
    ValueNumber,
    ValueVersion,
    /// A number of another size or sign than its kind.
    TypeKind,
}

/// A difference, with its place on both sides.
#[derive(Debug, Clone)]
pub struct Difference {
    /// What differs.
    pub kind: Kind,
    /// What the difference is about, as a path in the schema: `fops.lookup.args.loc`.
    pub subject: String,
    /// The difference in words.
    pub message: String,
    /// Where the schema says so, or would.
    pub schema: Span,
    /// What it says, in words; empty when it says nothing.
    pub schema_says: String,
    /// Where the headers say so, or would.
    pub header: Place,
    /// What they say, in words; empty when they say nothing.
    pub header_says: String,
}

impl Kind {
    /// As it stands in reports.
    pub fn name(self) -> String {
        let json = serde_json::to_string(&self).unwrap_or_default();
        json.trim_matches('"').to_owned()
    }
}
