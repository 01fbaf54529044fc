//! Lines of the headers. bindgen tells where a typedef, a structure, an enum or a constant
//! stands (clang's offset of its name); arguments, fields and values are found from there in
//! the text, which needs no more than parentheses and commas. Asking libclang itself would
//! mean a second, `unsafe`, way through the same syntax tree.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use super::model::Place;

/// The headers' texts.
#[derive(Debug, Default)]
pub struct Texts {
    files: BTreeMap<String, Text>,
}

#[derive(Debug)]
struct Text {
    name: Rc<str>,
    text: Rc<str>,
    /// The same without comments and strings: spaces instead.
    code: Vec<u8>,
    /// Where the lines start.
    lines: Vec<usize>,
}

impl Texts {
    /// Reads files; those that can not be read have no places.
    pub fn load<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut texts = Texts::default();
        for name in names {
            if texts.files.contains_key(name) {
                continue;
            }
            let Ok(bytes) = std::fs::read(name) else {
                continue;
            };
            // Offsets must stay as they are.
            let text = match String::from_utf8(bytes) {
                Ok(text) => text,
                Err(error) => error
                    .as_bytes()
                    .iter()
                    .map(|b| if b.is_ascii() { *b as char } else { '?' })
                    .collect(),
            };
            let code = without_comments(text.as_bytes());
            let name: Rc<str> = name.into();
            let text = text.into();
            let ends = (0..code.len()).filter(|at| code[*at] == b'\n');
            let text = Text {
                lines: [0].into_iter().chain(ends.map(|at| at + 1)).collect(),
                name: Rc::clone(&name),
                text,
                code,
            };
            texts.files.insert(name.to_string(), text);
        }
        texts
    }

    /// The texts by file name.
    pub fn all(&self) -> BTreeMap<String, Rc<str>> {
        let files = self.files.iter();
        files
            .map(|(name, file)| (name.clone(), Rc::clone(&file.text)))
            .collect()
    }

    /// The place of a name that begins at an offset.
    pub fn at(&self, file: &str, offset: usize) -> Place {
        match self.files.get(file) {
            Some(file) => file.place(offset..file.word_end(offset)),
            None => Place {
                file: file.into(),
                ..Place::default()
            },
        }
    }

    /// Whether the word there is `name`: the tag of a structure, and not `struct` itself.
    pub fn is_word(&self, file: &str, offset: usize, name: &str) -> bool {
        let Some(file) = self.files.get(file) else {
            return true;
        };
        file.code.get(offset..file.word_end(offset)) == Some(name.as_bytes())
    }

    /// Whether the declaration of an argument or a field is known and has not that word in
    /// front of the name.
    pub fn is_without(&self, place: &Place, word: &str) -> bool {
        let Some(file) = self.files.get(&*place.file) else {
            return false;
        };
        let before = &file.code[..place.span.start];
        let start = before
            .iter()
            .rposition(|b| b",;({".contains(b))
            .unwrap_or(0);
        let mut words = before[start..].split(|b| !is_word(*b));
        !words.any(|other| other == word.as_bytes())
    }

    /// The places of the arguments of a function type, from the place of its name; None when
    /// there are not so many.
    pub fn arguments(&self, function: &Place, count: usize) -> Option<Vec<Place>> {
        let file = self.files.get(&*function.file)?;
        let open = file.find(function.span.end, b"(")?;
        let pieces = file.pieces(open, b',')?;
        let names: Vec<_> = pieces
            .into_iter()
            .filter_map(|piece| file.last_word(piece))
            .collect();
        (names.len() == count).then(|| names.into_iter().map(|span| file.place(span)).collect())
    }

    /// The place of a field of a structure, or of a value of an enum, from the place of the
    /// structure's name. Falls back to that.
    pub fn member(&self, of: &Place, name: &str) -> Place {
        self.files
            .get(&*of.file)
            .and_then(|file| {
                let open = file.find(of.span.end, b"{")?;
                let end = file.closing(open)?;
                let mut at = open;
                loop {
                    let word = file.word_from(at..end)?;
                    let next = file.code[word.end..end]
                        .iter()
                        .find(|b| !b.is_ascii_whitespace());
                    let declared = next.is_none_or(|next| b";,=[:)".contains(next));
                    if declared && &file.code[word.clone()] == name.as_bytes() {
                        return Some(file.place(word));
                    }
                    at = word.end;
                }
            })
            .unwrap_or_else(|| of.clone())
    }
}

impl Text {
    fn place(&self, span: Range<usize>) -> Place {
        let line = self.lines.partition_point(|start| *start <= span.start);
        Place {
            file: Rc::clone(&self.name),
            line,
            column: span.start - self.lines[line - 1] + 1,
            span,
        }
    }

    fn word_end(&self, start: usize) -> usize {
        let rest = self.code.get(start..).unwrap_or_default();
        start + rest.iter().position(|b| !is_word(*b)).unwrap_or(rest.len())
    }

    /// The first word in a range.
    fn word_from(&self, range: Range<usize>) -> Option<Range<usize>> {
        let start = range.start + self.code[range.clone()].iter().position(|b| is_word(*b))?;
        Some(start..self.word_end(start).min(range.end))
    }

    /// The last word in a range that is no number (`gfid` in `uint8_t gfid[16]`).
    fn last_word(&self, range: Range<usize>) -> Option<Range<usize>> {
        let code = &self.code[range.clone()];
        let end = code.iter().rposition(|b| is_word(*b))? + 1;
        let start = code[..end]
            .iter()
            .rposition(|b| !is_word(*b))
            .map_or(0, |at| at + 1);
        if code[start].is_ascii_digit() {
            return self.last_word(range.start..range.start + start);
        }
        Some(range.start + start..range.start + end)
    }

    /// The next of some bytes, before the declaration ends.
    fn find(&self, from: usize, wanted: &[u8]) -> Option<usize> {
        let rest = self.code.get(from..)?;
        let at = rest.iter().position(|b| wanted.contains(b) || *b == b';')?;
        (rest[at] != b';').then_some(from + at)
    }

    /// The bracket that closes the one at an offset.
    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0;
        for (at, byte) in self.code.iter().enumerate().skip(open) {
            match byte {
                b'(' | b'{' | b'[' => depth += 1,
                b')' | b'}' | b']' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(at);
            }
        }
        None
    }

    /// What stands in the bracket at an offset, between separators.
    fn pieces(&self, open: usize, separator: u8) -> Option<Vec<Range<usize>>> {
        let end = self.closing(open)?;
        let mut pieces = Vec::new();
        let (mut start, mut depth) = (open + 1, 0);
        for at in open + 1..end {
            match self.code[at] {
                b'(' | b'{' | b'[' => depth += 1,
                b')' | b'}' | b']' => depth -= 1,
                byte if byte == separator && depth == 0 => {
                    pieces.push(start..at);
                    start = at + 1;
                }
                _ => {}
            }
        }
        pieces.push(start..end);
        Some(pieces)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// C without comments and strings, of the same length.
fn without_comments(text: &[u8]) -> Vec<u8> {
    let mut code = text.to_vec();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let len = if rest.starts_with(b"/*") {
            rest[2..]
                .windows(2)
                .position(|two| two == b"*/")
                .map_or(rest.len(), |end| end + 4)
        } else if rest.starts_with(b"//") {
            rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len())
        } else if rest[0] == b'"' {
            let mut escaped = true; // so that the first quote is none that ends it
            let end = rest.iter().position(|b| {
                let ends = (*b == b'"' || *b == b'\n') && !escaped;
                escaped = *b == b'\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |end| end + 1)
        } else {
            at += 1;
            continue;
        };
        for byte in code[at..at + len].iter_mut().filter(|b| **b != b'\n') {
            *byte = b' ';
        }
        at += len;
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blanked() {
        let code = |text: &str| String::from_utf8(without_comments(text.as_bytes())).unwrap();
        assert_eq!(code("a /* b\nc */ d"), "a     \n     d");
        assert_eq!(code("a // b\nc"), "a     \nc");
        assert_eq!(code(r#"a "/* \" " b"#), "a          b");
        assert_eq!(code("a /* never"), "a         ");
        assert_eq!(code("/*/ x */y"), "        y");
    }

    fn texts(text: &str) -> (tempfile::NamedTempFile, Texts) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let texts = Texts::load([file.path().to_str().unwrap()]);
        (file, texts)
    }

    #[test]
    fn arguments_have_places() {
        let text =
            "typedef int (*f_t)(a_t *one, /* x, y */ int\n  two,\n void (*three)(int, int));";
        let (file, texts) = texts(text);
        let name = texts.at(file.path().to_str().unwrap(), text.find("f_t").unwrap());
        assert_eq!((name.line, name.column), (1, 15));
        let places = texts.arguments(&name, 3).unwrap();
        assert_eq!(&text[places[0].span.clone()], "one");
        assert_eq!((places[1].line, places[1].column), (2, 3));
        assert_eq!(places[2].line, 3);
        assert_eq!(texts.arguments(&name, 2), None);
    }

    #[test]
    fn members_have_places() {
        let text = "struct s {\n  b_t *b; /* a; */\n  int a[2], (*f)(int c);\n} s;\nint a;";
        let (file, texts) = texts(text);
        let name = texts.at(file.path().to_str().unwrap(), text.find("s {").unwrap());
        for (member, line, column) in [("b", 2, 8), ("a", 3, 7), ("f", 3, 15)] {
            let place = texts.member(&name, member);
            assert_eq!((place.line, place.column), (line, column), "{member}");
        }
        assert_eq!(texts.member(&name, "z"), name);
    }
}
