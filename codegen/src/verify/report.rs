//! What `verify` has found, as text and as JSON.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_json::{Value, json};

use super::{Difference, Report};
use crate::diagnostics::{Source, visible};
use crate::headers::model::{Headers, Place};
use crate::names::Version;

/// Each difference with the schema's line and the headers', and a last line that counts.
pub fn text(
    report: &Report,
    source: &Source,
    headers: &Headers,
    version: Version,
    color: bool,
) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for difference in &report.differences {
        text += &one(difference, source, headers, &renderer);
        text += "\n\n";
    }
    let count = match report.differences.len() {
        1 => "1 difference".into(),
        count => format!("{count} differences"),
    };
    let dir = &headers.dir;
    text + &format!(
        "{count} between {} and GlusterFS {version} ({dir})\n",
        source.name
    )
}

fn one(difference: &Difference, source: &Source, headers: &Headers, renderer: &Renderer) -> String {
    let end = source.text.len();
    let span = difference.schema.start.min(end)..difference.schema.end.min(end);
    let schema = Snippet::source(visible(&source.text))
        .path(&source.name)
        .annotation(
            AnnotationKind::Primary
                .span(span)
                .label(&difference.schema_says),
        );
    let id = difference.kind.name();
    let title = Level::ERROR.primary_title(&difference.message).id(&id);
    let group = title.element(schema);
    let place = &difference.header;
    let group = match headers.texts.get(&*place.file) {
        Some(text) => group.element(
            Snippet::source(visible(text))
                .path(&*place.file)
                .annotation(
                    AnnotationKind::Primary
                        .span(place.span.clone())
                        .label(&difference.header_says),
                ),
        ),
        None => group,
    };
    renderer.render(&[group])
}

/// The same for machines.
pub fn json(report: &Report, source: &Source, headers: &Headers, version: Version) -> String {
    let differences: Vec<_> = report
        .differences
        .iter()
        .map(|difference| entry(difference, source))
        .collect();
    let known = headers.version.as_ref().map(|(_, how)| how);
    let value = json!({
        "headers": headers.dir,
        "glusterfs": version,
        "version_from": known,
        "left_out": report.left_out,
        "differences": differences,
    });
    format!("{value:#}\n")
}

fn entry(difference: &Difference, source: &Source) -> Value {
    let (line, column) = line_and_column(&source.text, difference.schema.start);
    let place = |file: &str, line: usize, column: usize, says: &str| json!({ "file": file, "line": line, "column": column, "says": says });
    let Place {
        file,
        line: header_line,
        column: header_column,
        ..
    } = &difference.header;
    json!({
        "kind": difference.kind,
        "subject": difference.subject,
        "message": difference.message,
        "schema": place(&source.name, line, column, &difference.schema_says),
        "header": match &**file {
            "" => Value::Null,
            file => place(file, *header_line, *header_column, &difference.header_says),
        },
    })
}

/// Line and column of an offset, from 1.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let start = before.iter().rposition(|byte| *byte == b'\n');
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    (line, before.len() - start.map_or(0, |at| at + 1) + 1)
}
