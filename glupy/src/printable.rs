//! Text that others choose, as one line of printable text: for the log and for statedumps,
//! where a line break would forge a line and an escape sequence would reach a terminal.

use std::fmt::Write;

/// The text with everything in it escaped that is no part of a line.
pub fn line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            _ if is_printable(c) => line.push(c),
            // A String takes whatever is written.
            _ if u32::from(c) < 0x100 => drop(write!(line, "\\x{:02x}", u32::from(c))),
            _ => drop(write!(line, "\\u{:04x}", u32::from(c))),
        }
    }
    line
}

/// Whether it stays in its line, and where it is written in it.
fn is_printable(c: char) -> bool {
    match c {
        '\t' => true,
        // Separators of lines and paragraphs; marks that turn the direction of what follows.
        '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            false
        }
        _ => !c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn one_line() {
        for (text, expected) in [
            ("plain \u{e4}\u{20ac}\t%s \\", "plain \u{e4}\u{20ac}\t%s \\"),
            ("a\nb\r\0c", "a\\nb\\r\\x00c"),
            ("\u{1b}[2J\u{7f}\u{9b}", "\\x1b[2J\\x7f\\x9b"),
            ("\u{2028}\u{202e}\u{2066}", "\\u2028\\u202e\\u2066"),
        ] {
            assert_eq!(line(text), expected);
        }
    }
}
