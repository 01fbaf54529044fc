//! What ties an answer to its request, and its values to each other.

use super::{CBK_VALUE, MAX_OWN, NOTHING, Resolver};
use crate::model::{Class, Kind, OpRet, Own, Param, Within};
use crate::schema::{self, Text};
use crate::yaml::At;

impl<'s> Resolver<'s, '_> {
    /// The callback values: a success carries all of the pointers that are not said to be
    /// nullable, a failure none.
    pub(super) fn reply(&mut self, raw: &schema::Fop) -> Vec<Param> {
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
        let kinds = [(Kind::Iatt, "an iatt"), (Kind::Inode, "an inode")];
        self.beside("of", of, param, cbk, kinds)
    }

    /// Which attributes have the size of the content in a dict.
    fn content(&mut self, param: &schema::Param, cbk: &[schema::Param]) -> Option<usize> {
        let content = param.content.as_ref()?;
        let kinds = [(Kind::Dict, "a dict"), (Kind::Iatt, "an iatt")];
        self.beside("content", content, param, cbk, kinds)
    }

    /// The callback value of a kind that another one of a kind names by a key.
    fn beside(
        &mut self,
        key: &str,
        text: &Text,
        param: &schema::Param,
        cbk: &[schema::Param],
        [(own, a_own), (other, a_other)]: [(Kind, &str); 2],
    ) -> Option<usize> {
        let kind = self.kind(param)?;
        if kind != own {
            let message = format!("`{}` can have no `{key}`", param.name.value);
            let expected = format!("only {a_own} has one, not the kind {}", kind.name());
            self.error(&text.span, message, expected);
            return None;
        }
        let expected = format!("expected a callback value that is {a_other}");
        self.sibling(text, cbk, CBK_VALUE, &[other], &expected)
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
    pub(super) fn op_ret(&mut self, raw: &schema::Fop) -> OpRet {
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
}
