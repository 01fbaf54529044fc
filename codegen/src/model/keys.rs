//! Keys of dicts whose values GlusterFS's translators take for something.

use serde::Serialize;

/// A key, or a pattern of keys.
#[derive(Debug, Clone, Serialize)]
pub struct Key {
    /// Its name; each `*` stands for any text.
    pub name: String,
    /// What its value must be.
    pub holds: Holds,
    /// The type of a translator that takes it for that.
    pub xlator: String,
    /// What it is, for people.
    pub doc: String,
}

/// What a value must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Holds {
    /// As many bytes as one of these.
    Size(Vec<u32>),
    /// As many bytes or less.
    Max(u32),
    /// A structure.
    Struct {
        /// Its C type.
        c_type: String,
        /// Its class in Python.
        python: String,
    },
    /// Text that ends in NUL.
    String,
    /// Nothing that Python can make.
    Internal,
}

impl Key {
    /// What it is the name of, in parts between the asterisks.
    pub fn parts(&self) -> Vec<&str> {
        self.name.split('*').collect()
    }

    /// Whether it is more than a name.
    pub fn is_pattern(&self) -> bool {
        self.name.contains('*')
    }
}

/// Whether a pattern is one of a name.
pub fn fits(pattern: &str, name: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return pattern == name;
    };
    let rest = name.strip_prefix(first);
    let Some(mut rest) = rest.and_then(|rest| rest.strip_suffix(last)) else {
        return false;
    };
    middle.iter().all(|part| match rest.split_once(part) {
        Some((_, behind)) => {
            rest = behind;
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn an_asterisk_is_any_text() {
        for (pattern, name) in [
            ("a", "a"),
            ("a.*", "a."),
            ("a.*", "a.b"),
            ("a.*.c", "a.b.c"),
            ("a.*.c.*", "a.b.c.1"),
            ("a*b*c", "abc"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("a", "ab"),
            ("a.*", "a"),
            ("a.*", "b.a."),
            ("aa*aa", "aaa"),
            ("a.*.c", "a.c"),
            ("a.*.c.*", "a.b.c"),
            ("a*b*c", "acb"),
        ] {
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }
}
