//! `docs/locs.json`: which parts of a loc are there, as `tests/test_loc_table.py` has measured it.

use serde::{Deserialize, Serialize};

/// A loc of a fop, in one of the places where translators run.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The fop.
    pub fop: String,
    /// The name of the argument.
    pub arg: String,
    /// Where.
    pub on: Place,
    /// What there is of its parts: words with "or" between them.
    pub path: String,
    /// See `path`.
    pub name: String,
    /// See `path`.
    pub parent: String,
    /// See `path`.
    pub inode: String,
    /// See `path`.
    pub gfid: String,
    /// See `path`.
    pub pargfid: String,
}

/// Where a translator runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In a FUSE mount.
    Mount,
    /// In a program with libgfapi.
    Gfapi,
    /// On a brick.
    Brick,
    /// On a brick that was restarted.
    Restarted,
}

impl Place {
    /// All of them, with what a table calls them.
    pub const ALL: &[(Place, &str)] = &[
        (Place::Mount, "FUSE mount"),
        (Place::Gfapi, "libgfapi"),
        (Place::Brick, "brick"),
        (Place::Restarted, "restarted brick"),
    ];
}

/// All rows.
///
/// # Errors
/// When the file is not as the test writes it.
pub fn rows() -> Result<Vec<Row>, serde_json::Error> {
    serde_json::from_str(include_str!("../../docs/locs.json"))
}
