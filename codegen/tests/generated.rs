//! Whatever schema is accepted, what is generated from it can be read: made of random schemas
//! with the oddest names, texts and numbers that a schema may have.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use codegen::diagnostics::Source;
use codegen::emit;

const SCHEMAS: u64 = 60;

/// Compiles each file that it is given, and makes the enums that it defines.
const PYTHON: &str = r#"
import ast, enum, pathlib, sys, warnings

warnings.simplefilter("error")  # such as an invalid escape
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        compile(tree, str(path), "exec")
        enums = [node for node in tree.body if isinstance(node, ast.ClassDef)
                 and any(getattr(base, "id", "") in ("IntEnum", "IntFlag") for base in node.bases)]
        exec(compile(ast.Module(enums, []), str(path), "exec"), dict(vars(enum)))
    except (SyntaxError, ValueError, TypeError, Warning) as error:
        sys.exit(f"{path.name}: {type(error).__name__}: {error}")
    path.unlink()
"#;

/// Words that are special somewhere, but may be names.
const NAMES: &[&str] = &[
    "a", "x1", "A_b", "type", "match", "case", "print", "int", "str", "Any", "object", "property",
    "fn", "gen", "let", "mut", "ref", "impl", "dyn", "loop", "move", "where", "static", "struct",
    "abstract", "become", "box", "macro", "priv", "try_", "union", "unsafe", "use", "virtual",
    "main", "std", "name", "value", "doc", "args", "reply", "index", "local", "fop", "FOP",
    "TABLE", "This", "Args", "Reply", "Fop", "Kind", "Param", "IntEnum", "Frame", "ctypes", "os",
    "_x", "mro", "X_fop", "wind", "cbk",
];

/// Texts that are special somewhere, but may be docs.
const DOCS: &[&str] = &[
    "Plain.",
    "'single'",
    "'''",
    "`code`",
    "```",
    "a | b",
    "|",
    "<b>",
    "{{ x }}",
    "{% raw %}",
    "{# no #}",
    "%s %(x)s",
    "# no comment",
    "*/",
    "/* x",
    "//",
    "é, ü, 日本",
    "🦀",
    "${x}",
    "x: y",
    "- x",
    "!!str",
    "&a *a",
    "[x](y)",
    "~",
    "null",
    "_glupy_comment!(x);",
    "r#\u{a0}x",
    "end'",
];

struct Schema {
    random: fastrand::Rng,
    text: String,
}

impl Schema {
    fn name(&mut self) -> String {
        let word = NAMES[self.random.usize(..NAMES.len())];
        match self.random.u8(..4) {
            0 => word.to_owned(),
            1 => word.to_uppercase(),
            _ => format!("{word}{}", self.random.u16(..)),
        }
    }

    /// Different ones.
    fn names(&mut self, most: usize) -> Vec<String> {
        let mut names: Vec<_> = (0..self.random.usize(..=most))
            .map(|_| self.name())
            .collect();
        names.sort();
        names.dedup();
        self.random.shuffle(&mut names);
        names
    }

    fn doc(&mut self) -> String {
        let words: Vec<_> = (0..self.random.usize(1..4))
            .map(|_| DOCS[self.random.usize(..DOCS.len())])
            .collect();
        format!("'{}'", words.join(" ").replace('\'', "''"))
    }

    fn add(&mut self, text: &str) {
        self.text += text;
    }

    /// Arguments of all types; a vector with what belongs to it, sometimes.
    fn params(&mut self, key: &str) {
        let mut names = self.names(6);
        names.retain(|name| name != "count" && name != "iobref");
        writeln!(
            self.text,
            "    {key}:{}",
            if names.is_empty() { " []" } else { "" }
        )
        .unwrap();
        for name in &names {
            let types = [
                "int32_t",
                "mode_t",
                "size_t",
                "off_t",
                "loc_t *",
                "struct iatt *",
                "char *",
                "void *",
                "struct thing **",
                "struct thing *",
            ];
            let ty = types[self.random.usize(..types.len())];
            let doc = self.doc();
            match self.random.u8(..3) {
                0 => writeln!(self.text, "      - {name}: {ty}"),
                1 if ty.ends_with('*') => {
                    writeln!(
                        self.text,
                        "      - {name}: {{type: {ty}, nullable: true, doc: {doc}}}"
                    )
                }
                _ => writeln!(self.text, "      - {name}: {{type: {ty}, doc: {doc}}}"),
            }
            .unwrap();
        }
        if !names.is_empty() && self.random.bool() {
            self.add("      - data: {type: struct iovec *, length: count, owner: iobref}\n");
            self.add("      - count: int32_t\n      - iobref: struct iobref *\n");
        }
    }

    fn new(seed: u64) -> Self {
        let mut schema = Schema {
            random: fastrand::Rng::with_seed(seed),
            text: TYPES.to_owned(),
        };
        schema.add("fops:\n");
        for (index, name) in schema.names(5).iter().enumerate() {
            let doc = schema.doc();
            writeln!(
                schema.text,
                "  {name}:\n    doc: {doc}\n    index: {}",
                index + 1
            )
            .unwrap();
            if schema.random.bool() {
                let (when, reply) = (schema.doc(), schema.doc());
                writeln!(schema.text, "    when: {when}\n    reply: {reply}").unwrap();
            }
            if schema.random.bool() {
                let word = schema.name();
                writeln!(schema.text, "    gf_fop: {word}{index}").unwrap();
            }
            if schema.random.bool() {
                schema.add("    since: \"3.5\"\n    until: \"99.0\"\n    op_ret: bytes\n");
            }
            schema.params("args");
            schema.params("cbk");
        }
        if schema.text.ends_with("fops:\n") {
            schema.add("  only: {doc: x, index: 1, args: [], cbk: []}\n");
        }
        schema.add("callbacks:\n  first: {doc: x, returns: void, args: []}\n");
        for name in schema.names(3) {
            let doc = schema.doc();
            let call = ["now", "never"][schema.random.usize(..2)];
            writeln!(
                schema.text,
                "  {name}_:\n    doc: {doc}\n    returns: int32_t\n    call: {call}"
            )
            .unwrap();
            schema.params("args");
        }
        schema.add("structures:\n  iatt:\n    c_type: struct iatt\n    python: Iatt\n    doc: x\n    fields:\n      - f: {type: off_t, doc: x}\n");
        for name in schema.names(5) {
            let doc = schema.doc();
            writeln!(schema.text, "      - {name}_: {{type: mode_t, doc: {doc}}}").unwrap();
        }
        schema.add("keys:\n  t.struct: {struct: struct iatt, xlator: a/b, doc: x}\n");
        let rules = [
            "size: 1",
            "size: [8, 16]",
            "max: 1048575",
            "string: true",
            "internal: true",
        ];
        for (index, rule) in rules.into_iter().enumerate() {
            let doc = schema.doc();
            writeln!(
                schema.text,
                "  \"k{index}{{}}[]<>%#/:*.b\": {{{rule}, xlator: a/b, doc: {doc}}}"
            )
            .unwrap();
        }
        schema.add("enums:\n  E: {doc: x, values: [E_0: {value: 0, doc: x}]}\n");
        for (index, name) in schema.names(3).into_iter().enumerate() {
            let (doc, flag) = (schema.doc(), schema.random.bool());
            writeln!(
                schema.text,
                "  {name}_:\n    doc: {doc}\n    flag: {flag}\n    values:"
            )
            .unwrap();
            writeln!(schema.text, "      - FIRST{index}: {{value: 1, doc: x}}").unwrap();
            for name in schema.names(4) {
                let doc = schema.doc();
                let number = if flag {
                    schema.random.i64(0..1 << 40)
                } else {
                    schema.random.i64(..)
                };
                writeln!(
                    schema.text,
                    "      - {name}_{index}: {{value: {number}, python: {name}, doc: {doc}}}"
                )
                .unwrap();
            }
        }
        schema
    }
}

const TYPES: &str = "\
glusterfs: \"10.3\"
types:
  int32_t: {kind: i32, python: int, ctypes: c_int32}
  mode_t: {kind: u32, python: int, ctypes: c_uint32}
  size_t: {kind: u64, python: int, ctypes: c_size_t}
  off_t: {kind: i64, python: int, ctypes: c_int64, doc: x}
  char *: {kind: str, python: str, ctypes: c_char_p}
  loc_t *: {kind: loc, python: Loc, ctypes: POINTER(loc_t), doc: a | b}
  struct iatt *: {kind: iatt, python: Iatt, ctypes: POINTER(iatt)}
  struct iovec *: {kind: iovec, python: Iovec, ctypes: POINTER(iovec)}
  void *: {kind: pointer, python: Any, ctypes: c_void_p}
  struct thing **: {kind: pointer, python: Any, ctypes: c_void_p}
  struct thing *: {kind: struct, python: thing, ctypes: POINTER(thing)}
  struct iobref *: {kind: iobref, python: Iobref, ctypes: POINTER(iobref)}
";

#[test]
fn what_is_generated_from_any_schema_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut accepted = 0;
    for seed in 0..SCHEMAS {
        let Schema { text, .. } = Schema::new(seed);
        let source = Source::new("fops.yaml", text.clone().into_bytes());
        let model = match codegen::load(&source) {
            Ok(model) => model,
            Err(errors) => {
                // Two random names may be the same, or none.
                let errors = errors.render(&source, false);
                assert!(
                    errors.contains("stands twice") || errors.contains("can not be the name"),
                    "{errors}"
                );
                continue;
            }
        };
        accepted += 1;
        // Rust is parsed there.
        let outputs = emit::emit(&model).unwrap_or_else(|error| panic!("{error}\n{text}"));
        for output in outputs.iter().filter(|output| output.path.contains(".py")) {
            let name = output.path.rsplit('/').next().unwrap();
            fs::write(
                folder.path().join(format!("{seed:03}-{name}")),
                &output.text,
            )
            .unwrap();
        }
        for fop in &model.fops {
            assert!(
                text.contains(&fop.yaml) && fop.yaml.contains(&fop.name),
                "{}",
                fop.yaml
            );
        }
    }
    assert!(
        accepted > SCHEMAS / 2,
        "only {accepted} of {SCHEMAS} schemas are any good"
    );
    let python = std::env::var_os("PYO3_PYTHON").unwrap_or("python3".into());
    let output = Command::new(python)
        .args(["-I", "-c", PYTHON])
        .arg(folder.path())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "not all of them were read");
}
