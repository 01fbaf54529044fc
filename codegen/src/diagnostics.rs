//! Errors in a schema, and how they are shown: like the compiler's.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// A schema's text and the name under which errors mention it.
#[derive(Debug, Clone)]
pub struct Source {
    /// What stands before the line number in an error.
    pub name: String,
    /// The text; bytes that are not UTF-8 are replaced, see [`Source::not_utf8`].
    pub text: String,
    /// Where the first byte stands that is not UTF-8.
    pub not_utf8: Option<usize>,
}

impl Source {
    /// A source from the bytes of a file.
    pub fn new(name: impl Into<String>, bytes: Vec<u8>) -> Self {
        let name = name.into();
        match String::from_utf8(bytes) {
            Ok(text) => Source {
                name,
                text,
                not_utf8: None,
            },
            Err(error) => Source {
                name,
                not_utf8: Some(error.utf8_error().valid_up_to()),
                text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
            },
        }
    }
}

/// Where something stands in the text, in bytes.
pub type Span = Range<usize>;

/// One error.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    message: String,
    span: Span,
    expected: String,
    related: Vec<(Span, String)>,
    help: Option<String>,
}

impl Diagnostic {
    /// Adds another place that the error is about.
    pub fn related(&mut self, span: &Span, label: impl Into<String>) -> &mut Self {
        self.related.push((span.clone(), label.into()));
        self
    }

    /// Adds advice.
    pub fn help(&mut self, text: impl Into<String>) -> &mut Self {
        self.help = Some(text.into());
        self
    }

    /// Suggests the most similar of the names, when one is similar.
    pub fn suggest<'a>(
        &mut self,
        wrong: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> &mut Self {
        if let Some(name) = closest(wrong, names) {
            self.help(format!("did you mean `{name}`?"));
        }
        self
    }

    fn render(&self, source: &Source, renderer: &Renderer) -> String {
        let clip = |span: &Span| {
            let end = source.text.len();
            span.start.min(end)..span.end.min(end)
        };
        let mut snippet = Snippet::source(&source.text).path(&source.name).annotation(
            AnnotationKind::Primary
                .span(clip(&self.span))
                .label(&self.expected),
        );
        for (span, label) in &self.related {
            snippet = snippet.annotation(AnnotationKind::Context.span(clip(span)).label(label));
        }
        let group = Level::ERROR.primary_title(&self.message).element(snippet);
        let group: Group<'_> = match &self.help {
            Some(help) => group.element(Level::HELP.message(help)),
            None => group,
        };
        renderer.render(&[group])
    }
}

/// All errors of a run.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Reports that `message`; `expected` stands beside the caret.
    pub fn error(
        &mut self,
        span: &Span,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) -> &mut Diagnostic {
        let index = self.list.len();
        self.list.push(Diagnostic {
            message: message.into(),
            span: span.clone(),
            expected: expected.into(),
            related: Vec::new(),
            help: None,
        });
        &mut self.list[index]
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Everything as text, in the order of the schema's lines, with a last line that counts.
    pub fn render(&self, source: &Source, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        let mut list: Vec<_> = self.list.iter().collect();
        list.sort_by_key(|diagnostic| diagnostic.span.start);
        let mut text = String::new();
        for diagnostic in &list {
            text += &diagnostic.render(source, &renderer);
            text += "\n\n";
        }
        let errors = if list.len() == 1 {
            "1 error".into()
        } else {
            format!("{} errors", list.len())
        };
        text + &format!("{errors} in {}; nothing was written\n", source.name)
    }
}

/// The name that is most like a wrong one, if it is like enough.
pub fn closest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    names
        .into_iter()
        .map(|name| {
            (
                strsim::damerau_levenshtein(&lower, &name.to_lowercase()),
                name,
            )
        })
        .filter(|(distance, name)| *distance <= name.len().max(wrong.len()) / 3 && *name != wrong)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
