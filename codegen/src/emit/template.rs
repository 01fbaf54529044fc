//! Prints a template. Templates only print: what they print is decided before.

use minijinja::{Environment, UndefinedBehavior, context};
use serde::Serialize;

use super::{Error, first_line};

/// Fills a template with the model or something made of it.
pub fn render(template: &str, model: impl Serialize) -> Result<String, Error> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_keep_trailing_newline(true);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.add_filter("quote", quote);
    let first_line = first_line();
    environment
        .render_str(
            template,
            context! { first_line, ..minijinja::Value::from_serialize(model) },
        )
        .map_err(Error::new)
}

/// Text as a Python string.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::render;

    /// Not with the whole model, which it could not be found in.
    #[test]
    fn an_error_is_a_line_with_its_place() {
        let error = render(
            "\n{{ fops }}{{ fop }}\n",
            minijinja::context! { fops => 54 },
        );
        let error = error.unwrap_err().to_string();
        assert!(
            error.ends_with("undefined value (in <string>:2)"),
            "{error}"
        );
    }
}
