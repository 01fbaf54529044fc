//! Errors and warnings about a schema, and how they are shown: like the compiler's.

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
    pub fn new(name: impl Into<String>, mut bytes: Vec<u8>) -> Self {
        let name = name.into();
        // What some editors put first, to say that this is UTF-8.
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
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

impl Source {
    /// The lines in which something stands, without the last line's end.
    pub fn lines(&self, span: &Span) -> &str {
        let start = self.text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[span.end..].find('\n');
        let end = end.map_or(self.text.len(), |at| span.end + at);
        self.text[start..end].trim_end()
    }
}

/// Where something stands in the text, in bytes.
pub type Span = Range<usize>;

/// So many errors are shown, and so many get a suggestion. Whoever has more has one cause.
const SHOWN: usize = 100;

/// A suggestion is looked for among so many names.
const NAMES: usize = 10_000;

/// One error, or one warning.
#[derive(Debug, Clone)]
pub struct Diagnostic {
    warning: bool,
    message: String,
    span: Span,
    expected: String,
    related: Vec<(Span, String)>,
    help: Option<String>,
    suggests: bool,
}

impl Diagnostic {
    /// Adds another place that the error is about.
    pub fn related(&mut self, span: &Span, label: impl Into<String>) -> &mut Self {
        self.related.push((span.clone(), shown(&label.into())));
        self
    }

    /// Adds advice.
    pub fn help(&mut self, text: impl Into<String>) -> &mut Self {
        self.help = Some(shown(&text.into()));
        self
    }

    /// Suggests the most similar of the names, when one is similar.
    pub fn suggest<'a>(
        &mut self,
        wrong: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> &mut Self {
        if self.suggests {
            if let Some(name) = closest(wrong, names.into_iter().take(NAMES)) {
                self.help(format!("did you mean `{name}`?"));
            }
        }
        self
    }

    fn render(&self, name: &str, text: &str, renderer: &Renderer) -> String {
        let clip = |span: &Span| {
            let end = text.len();
            span.start.min(end)..span.end.min(end)
        };
        let mut snippet = Snippet::source(text).path(name).annotation(
            AnnotationKind::Primary
                .span(clip(&self.span))
                .label(&self.expected),
        );
        for (span, label) in &self.related {
            snippet = snippet.annotation(AnnotationKind::Context.span(clip(span)).label(label));
        }
        let level = match self.warning {
            true => Level::WARNING,
            false => Level::ERROR,
        };
        let group = level.primary_title(&self.message).element(snippet);
        let group: Group<'_> = match &self.help {
            Some(help) => group.element(Level::HELP.message(help)),
            None => group,
        };
        renderer.render(&[group])
    }
}

/// All errors and warnings of a run.
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
        self.add(false, span, message.into(), expected.into())
    }

    /// Reports what is not wrong, but not as it should stay.
    pub fn warning(
        &mut self,
        span: &Span,
        message: impl Into<String>,
        expected: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(true, span, message.into(), expected.into())
    }

    fn add(
        &mut self,
        warning: bool,
        span: &Span,
        message: String,
        expected: String,
    ) -> &mut Diagnostic {
        let index = self.list.len();
        self.list.push(Diagnostic {
            warning,
            message: shown(&message),
            span: span.clone(),
            expected: shown(&expected),
            related: Vec::new(),
            help: None,
            suggests: index < SHOWN,
        });
        &mut self.list[index]
    }

    /// Whether nothing is wrong; there may be warnings.
    pub fn no_errors(&self) -> bool {
        self.list.iter().all(|diagnostic| diagnostic.warning)
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
        let (name, lines) = (shown(&source.name), visible(&source.text));
        let mut text = String::new();
        for diagnostic in list.iter().take(SHOWN) {
            text += &diagnostic.render(&name, &lines, &renderer);
            text += "\n\n";
        }
        if list.len() > SHOWN {
            text += &format!("and {} more like these\n\n", list.len() - SHOWN);
        }
        let count = |warning, what| {
            let of = list.iter().filter(|one| one.warning == warning).count();
            match of {
                0 => None,
                1 => Some(format!("1 {what}")),
                _ => Some(format!("{of} {what}s")),
            }
        };
        let counts: Vec<_> = [count(false, "error"), count(true, "warning")]
            .into_iter()
            .flatten()
            .collect();
        if counts.is_empty() {
            return text;
        }
        let outcome = match self.no_errors() {
            true => "",
            false => "; nothing was written",
        };
        text + &format!("{} in {name}{outcome}\n", counts.join(" and "))
    }
}

/// Lines of a file as they can be shown, with each byte in its place: what would not be seen,
/// or steer a terminal, gives way to a sign that has as many bytes.
pub fn visible(text: &str) -> String {
    let sign = |c: char| match c.len_utf8() {
        2 if unseen(c) => '\u{bf}',
        3 if unseen(c) => '\u{fffd}',
        // For those of one byte the renderer has signs.
        _ => c,
    };
    text.chars().map(sign).collect()
}

/// The same of a whole report, where places do not matter: the last thing before it is printed.
/// `color` says that it has colors, which begin with ESC.
pub fn printable(text: &str, color: bool) -> String {
    let escape = |c: char| match c {
        '\n' | '\t' => c.into(),
        '\u{1b}' if color => c.into(),
        _ => escaped(c),
    };
    text.chars().map(escape).collect()
}

fn escaped(c: char) -> String {
    match unseen(c) {
        true => c.escape_unicode().collect(),
        false => c.into(),
    }
}

/// Text of the schema as it can be shown: what would not be seen, or steer a terminal, is
/// escaped, and the middle of a very long name (between backquotes) is left out.
fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let escape = |text: &str| text.chars().map(escaped).collect::<String>();
    let part = |part: &str| {
        let count = part.chars().count();
        if count <= LONGEST {
            return escape(part);
        }
        let start: String = part.chars().take(LONGEST / 2).collect();
        let end: String = part.chars().skip(count - LONGEST / 4).collect();
        escape(&start) + "..." + &escape(&end)
    };
    // A name may have a backquote of its own, so that all of it is looked at.
    let parts = text.split('`').enumerate();
    let parts: Vec<String> = parts
        .map(|(index, text)| match index % 2 {
            0 => escape(text),
            _ => part(text),
        })
        .collect();
    parts.join("`")
}

/// Whether a character can not be seen as itself: it controls something, has no width, or
/// turns the direction of what follows.
pub fn unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The name that is most like a wrong one, if it is like enough.
pub fn closest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    let near = |name: &&str| name.len().abs_diff(wrong.len()) <= name.len().max(wrong.len()) / 3;
    names
        .into_iter()
        .filter(near)
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
