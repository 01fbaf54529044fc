//! What may be meant where YAML can not be read. The parser says what it missed; whoever
//! wrote the file knows better what is wrong when told which slip mostly leads there.

use crate::diagnostics::{Span, unseen};

/// Why reading stops.
pub struct Failure {
    /// Where.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What stands beside the caret.
    pub expected: String,
    /// Advice.
    pub help: Option<String>,
}

impl Failure {
    /// One without advice.
    pub fn new(span: Span, message: impl Into<String>, expected: impl Into<String>) -> Self {
        Failure {
            span,
            message: message.into(),
            expected: expected.into(),
            help: None,
        }
    }

    /// Adds advice.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A text that is not YAML: `info` is what the parser says at `offset`.
pub fn unreadable(text: &str, offset: usize, info: &str) -> Failure {
    let mut offset = boundary(text, offset);
    if info.contains("unexpected character") {
        // It is noticed at the start of the text that it stands in.
        let rest = text[offset..].split('\n').next().unwrap_or_default();
        offset += rest.find(unseen).unwrap_or(0);
    }
    if let Some(tab) = indenting_tab(text, offset) {
        return Failure::new(tab, "a tab can not indent a line", "expected spaces");
    }
    if info.contains("recursion") || info.contains("depth") || info.contains("nesting") {
        return Failure::new(
            offset..offset,
            "this is too deep for a schema",
            "one too many",
        );
    }
    let message = format!("this can not be read: {info}");
    let failure = Failure::new(offset..offset, message, "noticed here");
    match help(text, offset, info) {
        Some(help) => failure.help(help),
        None => failure,
    }
}

/// The slip that mostly leads to what the parser says.
fn help(text: &str, offset: usize, info: &str) -> Option<String> {
    let says = |words: &str| info.contains(words);
    let line = line_at(text, offset);
    let (before, _) = line.split_at(offset - line_start(text, offset));
    if says("mapping values are not allowed") {
        let above = line_above(text, offset);
        let indent = |line: &str| line.len() - line.trim_start().len();
        if before.trim_start_matches(['-', ' ']).contains(": ") {
            return Some("text with a colon in it needs quotes".into());
        }
        if !above.contains(':') {
            return Some(format!("is the colon after `{}` missing?", above.trim()));
        }
        if indent(line) > indent(above) {
            return Some("is this line indented as its neighbours are?".into());
        }
    }
    if says("quoted scalar") {
        let line = open_line(text, offset, |line| line.matches('"').count() % 2 == 1);
        return Some(match line {
            Some(line) => format!("is the quote in line {line} not closed?"),
            None => "is a quote before this not closed?".into(),
        });
    }
    if says("did not find expected ','") || says("unclosed") || says("illegal placement of ':'") {
        let count = |line: &str, signs: [char; 2]| line.matches(signs).count();
        let unclosed = |line: &str| count(line, ['{', '[']) > count(line, ['}', ']']);
        return Some(match open_line(text, offset, unclosed) {
            Some(line) => format!("is a bracket or brace in line {line} not closed?"),
            None => "text with brackets, braces or commas in it needs quotes".into(),
        });
    }
    let advice = if says("unknown anchor") {
        "text that begins with an asterisk needs quotes"
    } else if says("unknown escape") {
        "write the backslash twice, or use single quotes"
    } else if says("simple key expected") && !before.contains(": ") {
        "there must be a space after the colon"
    } else if says("did not find expected key") || says("did not find expected '-'") {
        "is this line indented as its neighbours are?"
    } else if says("unexpected character") {
        match text[offset..].chars().next()? {
            '`' | '@' | '%' => "text that begins with this character needs quotes",
            _ => "delete it",
        }
    } else {
        return None;
    };
    Some(advice.into())
}

/// The first tab that indents a line near the place: the parser notices it one line before
/// or after.
fn indenting_tab(text: &str, offset: usize) -> Option<Span> {
    let mut start = line_start(text, offset);
    if let Some(above) = start.checked_sub(1) {
        start = line_start(text, above);
    }
    for line in text[start..].split_inclusive('\n').take(3) {
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        if let Some(tab) = indent.find('\t') {
            if !line.trim().is_empty() {
                return Some(start + tab..start + tab + 1);
            }
        }
        start += line.len();
    }
    None
}

/// The place itself, or the nearest before it that is between two characters.
fn boundary(text: &str, offset: usize) -> usize {
    let end = offset.min(text.len());
    (0..=end)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

/// The number of the last line, up to the place, in which something is left open.
fn open_line(text: &str, offset: usize, open: impl Fn(&str) -> bool) -> Option<usize> {
    let end = line_start(text, offset) + line_at(text, offset).len();
    let lines: Vec<_> = text[..end].lines().collect();
    lines.iter().rposition(|line| open(line)).map(|at| at + 1)
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |at| at + 1)
}

fn line_at(text: &str, offset: usize) -> &str {
    let start = line_start(text, offset);
    let end = text[offset..]
        .find('\n')
        .map_or(text.len(), |at| offset + at);
    &text[start..end]
}

/// The last line above that holds something.
fn line_above(text: &str, offset: usize) -> &str {
    let above = &text[..line_start(text, offset)];
    above
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("")
}
