//! Callbacks and dump hooks that are no fops.

use super::Resolver;
use crate::model::{Call, Class, Given, Hook, Kind};
use crate::schema::{self, Text};

impl Resolver<'_, '_> {
    pub(super) fn hook(&mut self, name: &Text, raw: &schema::Hook) -> Hook {
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
