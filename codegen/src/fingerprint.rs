//! A short name for what a schema says, by which generated files tell that they belong
//! together.

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::model::Model;

/// 16 hexadecimal digits that differ when anything but a doc does.
pub fn of(model: &Model) -> String {
    let mut value = serde_json::to_value(model).expect("the model is JSON");
    forget_docs(&mut value);
    let digest = Sha256::digest(value.to_string());
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What people read does not decide whether two files fit.
fn forget_docs(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("doc");
            fields.values_mut().for_each(forget_docs);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_docs),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostics::Source;

    fn of(schema: &str) -> String {
        let source = Source::new("fops.yaml", schema.as_bytes().to_vec());
        let model = crate::load(&source);
        super::of(&model.unwrap_or_else(|errors| panic!("{}", errors.render(&source, false))))
    }

    const SCHEMA: &str = include_str!("../../fops.yaml");

    #[test]
    fn is_that_of_the_meaning() {
        let before = of(SCHEMA);
        assert_eq!(before.len(), 16);
        assert_eq!(before, of(&format!("# a comment\n{SCHEMA}")));
        let doc = "doc: Read the target of a symbolic link.";
        assert!(SCHEMA.contains(doc));
        assert_eq!(before, of(&SCHEMA.replace(doc, "doc: Otherwise put.")));
        // A name, a type, a version.
        for (old, new) in [
            ("len: {type: int32_t", "length: {type: int32_t"),
            ("len: {type: int32_t", "len: {type: uint32_t"),
            ("since: \"6.0\"", "since: \"6.1\""),
        ] {
            assert!(SCHEMA.contains(old), "{old}");
            assert_ne!(before, of(&SCHEMA.replacen(old, new, 1)), "{new}");
        }
    }
}
