//! Any bytes as a schema: errors that can be shown, or a model from which everything can be
//! generated. Never a panic.

#![no_main]

use codegen::diagnostics::Source;
use codegen::emit;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let source = Source::new("fops.yaml", bytes.to_vec());
    match codegen::load(&source) {
        Ok(model) => {
            // Rust is parsed there, before it is formatted.
            if let Err(error) = emit::emit(&model) {
                panic!("{error}");
            }
        }
        Err(errors) => {
            let text = errors.render(&source, false);
            assert!(text.starts_with("error: "), "{text}");
            assert!(text.contains("--> fops.yaml:"), "{text}");
            assert!(text.ends_with("; nothing was written\n"), "{text}");
            assert!(
                !text.contains(|c: char| c.is_control() && c != '\n'),
                "{text:?}"
            );
            assert!(!errors.render(&source, true).is_empty());
        }
    }
});
