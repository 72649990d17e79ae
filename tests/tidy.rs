//! The house rules that the compiler does not know: which room may import which, what a pure room may not name, and
//! how long a file may get.
//!
//! [`ROOMS`] is the import table of `ARCHITECTURE.md`, section "Rooms". To change it is a commit of its own, with its
//! reason.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Span, TokenStream, TokenTree};
use syn::{UseTree, spanned::Spanned, visit::Visit};

/// The longest a source file may get. Beyond it, one idea a file has been forgotten.
const LINES_MAX: usize = 900;

/// A directory of `src/`.
struct Room {
    name: &'static str,
    may_import: MayImport,
    /// Whether the room is a function of what it is given: no clock, no network, no disk, no environment, no order that
    /// differs from run to run.
    pure: bool,
}

/// What a room may import.
#[derive(Clone, Copy)]
enum MayImport {
    These(&'static [&'static str]),
    /// All rooms but these.
    AllBut(&'static [&'static str]),
}

/// A file, or all files of a directory, that differ from their room.
struct Exception {
    /// The path below `src/`.
    file: &'static str,
    pure: bool,
    /// What it may import beyond what its room may.
    also: &'static [&'static str],
}

const fn room(name: &'static str, pure: bool, may_import: &'static [&'static str]) -> Room {
    Room { name, may_import: MayImport::These(may_import), pure }
}

/// What a shell may import: what the engine says, the store it says it to, and the vocabulary of both. Never another
/// shell.
const SHELL: &[&str] = &[
    "reading",
    "plant",
    "decode",
    "frame",
    "profile",
    "batch",
    "verdict",
    "words",
    "alarm",
    "engine",
    "store",
    "telemetry",
];

/// The page also shows reports.
const HTTP: &[&str] = &[
    "reading",
    "plant",
    "decode",
    "frame",
    "profile",
    "batch",
    "verdict",
    "words",
    "alarm",
    "engine",
    "report",
    "store",
    "telemetry",
];

/// The import table. A room may always import itself.
const ROOMS: &[Room] = &[
    room("reading", true, &[]),
    room("telemetry", false, &[]),
    room("chart", true, &["reading"]),
    // chart: how a tag is charted is what the mill declares of it.
    room("plant", true, &["reading", "chart"]),
    room("decode", true, &["reading", "plant"]),
    room("sparkplug", true, &["reading", "decode"]),
    room("discover", true, &["reading", "decode", "sparkplug"]),
    room("quality", true, &["reading", "plant"]),
    room("frame", true, &["reading", "plant"]),
    room("profile", true, &["reading", "plant"]),
    // decode: the events of batches are what the wire says, word for word.
    room("batch", true, &["reading", "plant", "decode", "frame"]),
    room("models", true, &["reading", "plant", "frame"]),
    room("verdict", true, &["reading", "plant", "decode", "quality", "frame", "batch", "models"]),
    // decode, quality, models: what they find is said in words.
    room(
        "words",
        true,
        &["reading", "plant", "decode", "quality", "profile", "batch", "models", "verdict"],
    ),
    room("alarm", true, &["reading", "plant", "profile", "verdict", "words"]),
    room(
        "engine",
        true,
        &[
            "reading",
            "plant",
            "decode",
            "sparkplug",
            "quality",
            "frame",
            "profile",
            "chart",
            "batch",
            "models",
            "verdict",
            "words",
            "alarm",
        ],
    ),
    // Sheets of paper: a function of what the store keeps of batches. `http` shows them. quality, models: faults of sensors and
    // statistics of monitors have words in it.
    room(
        "report",
        true,
        &["reading", "plant", "decode", "quality", "batch", "models", "verdict", "words", "engine"],
    ),
    room("store", false, &["engine", "reading", "telemetry"]),
    room("mqtt", false, SHELL),
    room("influx", false, SHELL),
    room("webhook", false, SHELL),
    room("http", false, HTTP),
    // Recordings are also the tables that models are learnt from.
    room(
        "record",
        false,
        &[
            "reading",
            "plant",
            "decode",
            "frame",
            "batch",
            "models",
            "verdict",
            "alarm",
            "engine",
            "store",
            "telemetry",
        ],
    ),
    // Never models: a machine that knew them would be judged by its own measure.
    // verdict: the score compares what was true with what was said.
    room("simulate", true, &["reading", "decode", "verdict"]),
    // For the rooms' `Settings`.
    Room { name: "config", may_import: MayImport::AllBut(&["app", "cli"]), pure: false },
    Room { name: "app", may_import: MayImport::AllBut(&[]), pure: false },
    Room { name: "cli", may_import: MayImport::AllBut(&[]), pure: false },
];

const EXCEPTIONS: &[Exception] = &[
    Exception { file: "influx/line_protocol.rs", pure: true, also: &[] },
    Exception { file: "webhook/payloads.rs", pure: true, also: &[] },
    Exception { file: "webhook/format", pure: true, also: &[] },
    Exception { file: "webhook/sample.rs", pure: true, also: &[] },
    Exception { file: "simulate/publisher.rs", pure: false, also: &["telemetry"] },
];

/// The one room that names linfa and ndarray, so that another library is a change in one room.
const MATHEMATICS: &str = "models";

/// What a pure room may not name. A path is forbidden when it begins with one of these.
const FORBIDDEN_IN_PURE: &[(&str, &str)] = &[
    ("tokio", "a pure room waits for nothing"),
    ("tokio_util", "a pure room waits for nothing"),
    ("std::time::SystemTime", "the time comes in as a value"),
    ("std::time::Instant", "the time comes in as a value"),
    ("std::fs", "a pure room knows no disk"),
    ("std::net", "a pure room knows no network"),
    ("std::env", "a pure room knows no environment"),
    ("std::thread", "a pure room runs where it is called"),
    ("std::process", "a pure room neither starts nor ends anything"),
    ("rumqttc", "a pure room knows no network"),
    ("rumqttd", "a pure room knows no network"),
    ("rustls", "a pure room knows no network"),
    ("reqwest", "a pure room knows no network"),
    ("reqwest011", "a pure room knows no network"),
    ("influxdb2", "a pure room knows no network"),
    ("axum", "a pure room knows no network"),
    ("tower_http", "a pure room knows no network"),
    ("rusqlite", "a pure room knows no disk"),
];

/// What a test within a pure room may name all the same: fixtures are files.
const ALLOWED_IN_TESTS: &[&str] = &["std::fs"];

/// Something that breaks a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    line: usize,
    words: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "src/{}:{}: {}", self.file, self.line, self.words)
    }
}

/// Checks one source file, given by its path below `src/` and its text.
fn check(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = check_text(file, text);
    let Some(place) = Place::of(file) else {
        // lib.rs and main.rs stand above the rooms.
        return findings;
    };
    let Some(room) = ROOMS.iter().find(|room| room.name == place.module[0]) else {
        findings.push(Finding {
            file: file.to_owned(),
            line: 1,
            words: format!("`{}` is no room of the import table in tests/tidy.rs", place.module[0]),
        });
        return findings;
    };
    let syntax =
        syn::parse_file(text).unwrap_or_else(|error| panic!("src/{file} is no Rust: {error}"));
    if place.is_entry && !syntax.attrs.iter().any(is_header) {
        findings.push(Finding {
            file: file.to_owned(),
            line: 1,
            words: format!(
                "room `{}` has no header: say in `//!` what it is and what it never does",
                room.name
            ),
        });
    }
    let exception = EXCEPTIONS.iter().find(|exception| {
        let below = file.strip_prefix(exception.file);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    let mut aliases = Aliases::default();
    aliases.visit_file(&syntax);
    let mut checker = Checker {
        file,
        room,
        pure: exception.map_or(room.pure, |exception| exception.pure),
        also: exception.map_or(&[], |exception| exception.also),
        module: place.module,
        in_tests: place.is_test,
        aliases: aliases.names,
        findings,
    };
    checker.visit_file(&syntax);
    checker.findings.sort();
    // One name in a path inside a macro inside a path is one finding.
    checker.findings.dedup();
    checker.findings
}

/// Checks what needs no understanding of the text.
fn check_text(file: &str, text: &str) -> Vec<Finding> {
    let finding = |line, words| Finding { file: file.to_owned(), line, words };
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > LINES_MAX {
        findings.push(finding(
            lines,
            format!("{lines} lines, and {LINES_MAX} are allowed: one idea a file"),
        ));
    }
    for (n, line) in text.lines().enumerate() {
        for word in ["todo!(", "unimplemented!(", concat!("#[", "ignore")] {
            if line.contains(word) {
                findings.push(finding(
                    n + 1,
                    format!("`{word}` is for unfinished work, and stays out of the history"),
                ));
            }
        }
    }
    findings
}

fn is_header(attribute: &syn::Attribute) -> bool {
    matches!(attribute.style, syn::AttrStyle::Inner(_)) && attribute.path().is_ident("doc")
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
}

/// Where a file stands in the tree of modules.
struct Place {
    /// The path of the module, as `["batch", "book"]`.
    module: Vec<String>,
    /// Whether it is the file with the room's header.
    is_entry: bool,
    /// Whether it is a module of tests in a file of its own, which its parent declares under `cfg(test)`.
    is_test: bool,
}

impl Place {
    /// The place of a file below `src/`; `None` for the roots of the crates.
    fn of(file: &str) -> Option<Self> {
        let stem = file.strip_suffix(".rs").unwrap_or(file);
        if matches!(stem, "lib" | "main") {
            return None;
        }
        let mut module: Vec<String> = stem.split('/').map(str::to_owned).collect();
        if module.last().is_some_and(|name| name == "mod") {
            module.pop();
        }
        let is_test = module.iter().skip(1).any(|name| name == "tests");
        Some(Self { is_entry: module.len() == 1, is_test, module })
    }
}

/// The names that the `use` declarations of a file give to paths, wherever in it they stand.
///
/// So `use std::time; … time::Instant::now()` is found.
#[derive(Default)]
struct Aliases {
    names: BTreeMap<String, Vec<String>>,
}

impl<'ast> Visit<'ast> for Aliases {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for import in imports(item) {
            if let Some(name) = import.name {
                self.names.insert(name, import.path);
            }
        }
    }
}

/// One path of a `use` declaration.
struct Import {
    path: Vec<String>,
    /// The name it gets here; none for `*` and `_`.
    name: Option<String>,
    span: Span,
}

/// Spreads out a `use` declaration with all its braces.
fn imports(item: &syn::ItemUse) -> Vec<Import> {
    fn spread(tree: &UseTree, prefix: &[String], found: &mut Vec<Import>) {
        let with = |ident: &syn::Ident| {
            let mut path = prefix.to_vec();
            // `use a::b::{self}` is `use a::b`.
            if ident != "self" || path.is_empty() {
                path.push(ident.to_string());
            }
            path
        };
        match tree {
            UseTree::Path(tree) => spread(&tree.tree, &with(&tree.ident), found),
            UseTree::Name(tree) => {
                let path = with(&tree.ident);
                found.push(Import { name: path.last().cloned(), path, span: tree.span() });
            }
            UseTree::Rename(tree) => found.push(Import {
                path: with(&tree.ident),
                name: (tree.rename != "_").then(|| tree.rename.to_string()),
                span: tree.span(),
            }),
            UseTree::Glob(tree) => {
                let mut path = prefix.to_vec();
                path.push("*".to_owned());
                found.push(Import { path, name: None, span: tree.span() });
            }
            UseTree::Group(tree) => {
                for tree in &tree.items {
                    spread(tree, prefix, found);
                }
            }
        }
    }
    let mut found = Vec::new();
    spread(&item.tree, &[], &mut found);
    found
}

/// Walks through a file of a room and collects what breaks a rule.
struct Checker<'a> {
    file: &'a str,
    room: &'static Room,
    pure: bool,
    also: &'static [&'static str],
    /// The module at the place of the walk, the inline ones included.
    module: Vec<String>,
    in_tests: bool,
    aliases: BTreeMap<String, Vec<String>>,
    findings: Vec<Finding>,
}

/// What a path leads to.
enum Target {
    /// A path below the root of this crate.
    Ours(Vec<String>),
    /// A path that begins with a name: of another crate, or of something in scope.
    Other(Vec<String>),
}

impl Checker<'_> {
    fn find(&mut self, span: Span, words: String) {
        self.findings.push(Finding { file: self.file.to_owned(), line: span.start().line, words });
    }

    /// Says where a path leads from the place of the walk.
    fn resolve(&self, path: &[String]) -> Target {
        let mut module = self.module.clone();
        let mut rest = path;
        match path.first().map(String::as_str) {
            Some("crate" | "onspec") => return Target::Ours(path[1..].to_vec()),
            Some("self") => rest = &path[1..],
            Some("super") => {}
            _ => return Target::Other(path.to_vec()),
        }
        while rest.first().is_some_and(|name| name == "super") {
            module.pop();
            rest = &rest[1..];
        }
        module.extend_from_slice(rest);
        Target::Ours(module)
    }

    /// Checks a path that is written somewhere, in a declaration or not.
    fn check_path(&mut self, path: &[String], span: Span) {
        match self.resolve(path) {
            Target::Ours(path) => self.check_ours(&path, span),
            Target::Other(path) => self.check_other(&path, span),
        }
    }

    fn check_ours(&mut self, path: &[String], span: Span) {
        let Some(first) = path.first() else {
            let words = "imports the root of the crate, and with it every room".to_owned();
            return self.find(span, words);
        };
        if first == self.room.name {
            return;
        }
        let known = ROOMS.iter().any(|room| room.name == first);
        let allowed = match self.room.may_import {
            MayImport::These(rooms) => {
                rooms.contains(&first.as_str()) || self.also.contains(&first.as_str())
            }
            MayImport::AllBut(rooms) => !rooms.contains(&first.as_str()),
        };
        if known && allowed {
            return;
        }
        let may = match self.room.may_import {
            MayImport::These(rooms) => {
                let rooms: Vec<_> = rooms.iter().chain(self.also).copied().collect();
                if rooms.is_empty() { "no room of ours".to_owned() } else { rooms.join(", ") }
            }
            MayImport::AllBut([]) => "every room".to_owned(),
            MayImport::AllBut(rooms) => format!("every room but {}", rooms.join(", ")),
        };
        let what = if known { "" } else { ", which is no room" };
        self.find(
            span,
            format!(
                "`{}` imports `{}`{what}; it may import {may}",
                self.room.name,
                path.join("::")
            ),
        );
    }

    fn check_other(&mut self, path: &[String], span: Span) {
        let first = path.first().map_or("", String::as_str);
        if self.room.name != MATHEMATICS
            && (first == "ndarray" || first == "linfa" || first.starts_with("linfa_"))
        {
            let words =
                format!("`{first}` is named outside `{MATHEMATICS}`, the one room that knows it");
            self.find(span, words);
        }
        if !self.pure {
            return;
        }
        if let Some(name) = path
            .iter()
            .find(|name| matches!(name.as_str(), "HashMap" | "HashSet" | "hash_map" | "hash_set"))
        {
            let words = format!(
                "pure room `{}` names `{name}`, whose order differs from run to run: use the B-tree",
                self.room.name
            );
            self.find(span, words);
        }
        for (forbidden, why) in FORBIDDEN_IN_PURE {
            if self.in_tests && ALLOWED_IN_TESTS.contains(forbidden) {
                continue;
            }
            let forbidden_path: Vec<&str> = forbidden.split("::").collect();
            // `use std::time::*` brings the clocks along.
            let glob = path.last().is_some_and(|name| name == "*")
                && forbidden_path.len() == path.len()
                && path[..path.len() - 1] == forbidden_path[..path.len() - 1];
            let begins = path.len() >= forbidden_path.len()
                && path[..forbidden_path.len()] == forbidden_path[..];
            if begins || glob {
                let words = format!("pure room `{}` names `{forbidden}`: {why}", self.room.name);
                self.find(span, words);
            }
        }
    }

    /// Checks a path outside a declaration: its first name may be one that a declaration gave.
    fn check_used(&mut self, path: &[String], span: Span) {
        let alias = path.first().and_then(|name| self.aliases.get(name));
        let Some(target) = alias.cloned() else {
            return self.check_path(path, span);
        };
        // The declaration itself has been judged where it stands, and a room is forbidden as a whole: what matters
        // here is what the rest of the path adds to an innocent beginning such as `std::time`.
        if let Target::Other(mut target) = self.resolve(&target) {
            let before = self.findings.len();
            self.check_other(&target, span);
            if self.findings.len() > before {
                self.findings.truncate(before);
                return;
            }
            target.extend_from_slice(&path[1..]);
            self.check_other(&target, span);
        }
    }

    /// Checks the paths in the tokens of a macro, which is no syntax until it is expanded.
    fn check_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut span = Span::call_site();
        // How many of the two colons that lead on have been seen.
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.end_of_path(&mut path, span);
                        span = ident.span();
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                }
                TokenTree::Group(group) => {
                    self.end_of_path(&mut path, span);
                    colons = 0;
                    self.check_tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {
                    self.end_of_path(&mut path, span);
                    colons = 0;
                }
            }
        }
        self.end_of_path(&mut path, span);
    }

    fn end_of_path(&mut self, path: &mut Vec<String>, span: Span) {
        // A single name is a variable, or was imported.
        if path.len() > 1 {
            self.check_used(path, span);
        }
        path.clear();
    }
}

impl<'ast> Visit<'ast> for Checker<'_> {
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for import in imports(item) {
            self.check_path(&import.path, import.span);
        }
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        self.check_path(&[item.ident.to_string()], item.span());
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let outside = self.in_tests;
        self.in_tests |= item.attrs.iter().any(is_cfg_test);
        self.module.push(item.ident.to_string());
        syn::visit::visit_item_mod(self, item);
        self.module.pop();
        self.in_tests = outside;
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> =
            path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        // A single name is something in scope, which a declaration has brought there.
        if names.len() > 1 {
            self.check_used(&names, path.span());
        }
        syn::visit::visit_path(self, path);
    }

    // `pub(crate)` and `pub(in crate::batch)` say who may see a thing; they import nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_macro(&mut self, item: &'ast syn::Macro) {
        self.visit_path(&item.path);
        self.check_tokens(item.tokens.clone());
    }
}

/// All Rust files below a directory, in the order of their names.
fn rust_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let entries = fs::read_dir(&directory)
            .unwrap_or_else(|error| panic!("cannot read `{}`: {error}", directory.display()));
        for entry in entries {
            let path = entry.expect("the directory can be read to its end").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Reads a file, with its path below `root` in the form of Unix.
fn read(root: &Path, path: &Path) -> (String, String) {
    let text = fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display()));
    let names: Vec<_> = path
        .strip_prefix(root)
        .expect("it was found below the root")
        .iter()
        .map(|name| name.to_string_lossy())
        .collect();
    (names.join("/"), text)
}

#[test]
fn every_room_keeps_the_house_rules() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut findings = Vec::new();
    for path in rust_files(&src) {
        let (file, text) = read(&src, &path);
        findings.extend(check(&file, &text));
    }
    let words: Vec<_> = findings.iter().map(Finding::to_string).collect();
    assert!(
        findings.is_empty(),
        "{} things break the house rules, which stand in tests/tidy.rs with their reasons:\n{}",
        findings.len(),
        words.join("\n")
    );
}

#[test]
fn no_test_is_ignored() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for path in rust_files(&tests) {
        let (file, text) = read(&tests, &path);
        let attribute = concat!("#[", "ignore");
        assert!(
            !text.lines().any(|line| line.trim_start().starts_with(attribute)),
            "tests/{file} ignores a test: a test that does not run says nothing, and looks as if it had"
        );
    }
}

#[test]
fn every_room_of_the_table_is_named_once() {
    for (n, room) in ROOMS.iter().enumerate() {
        assert!(
            ROOMS[..n].iter().all(|other| other.name != room.name),
            "`{}` stands twice",
            room.name
        );
        let (MayImport::These(rooms) | MayImport::AllBut(rooms)) = room.may_import;
        for name in rooms {
            assert!(
                ROOMS.iter().any(|other| other.name == *name),
                "`{}` may import `{name}`, which is no room",
                room.name
            );
        }
    }
}

/// Whether a pure room can reach a room that is not, over any number of imports.
#[test]
fn pure_rooms_import_pure_rooms_only() {
    for room in ROOMS.iter().filter(|room| room.pure) {
        let MayImport::These(rooms) = room.may_import else {
            panic!("pure room `{}` may import nearly everything", room.name);
        };
        for name in rooms {
            assert!(
                ROOMS.iter().any(|other| other.name == *name && other.pure),
                "pure room `{}` may import `{name}`, which is not pure",
                room.name
            );
        }
    }
}

/// Checks a piece of a file in `src/` and compares the findings, as `line: words` each, by the beginning of the words.
#[track_caller]
fn expect(file: &str, text: &str, expected: &[(usize, &str)]) {
    // The header is none of the matter in most cases; it stands on the line of the first item.
    let findings = check(file, &format!("//! A room. \n{text}"));
    let found: Vec<_> =
        findings.iter().map(|finding| (finding.line - 1, finding.words.as_str())).collect();
    let same = found.len() == expected.len()
        && found.iter().zip(expected).all(|((line, words), (wanted_line, beginning))| {
            line == wanted_line && words.starts_with(beginning)
        });
    assert!(same, "{file}:\n{text}\n  found {found:#?}\n  expected {expected:#?}");
}

#[test]
fn imports_of_the_table_are_allowed() {
    expect("reading/mod.rs", "use std::fmt;", &[]);
    expect(
        "batch/book.rs",
        "use crate::{frame::Frame, plant::{self, Tag}};\nuse super::{BatchId, life};\nfn f() -> crate::reading::TagIx { self::g() }",
        &[],
    );
    expect("batch/mod.rs", "pub use self::book::Book; pub(crate) mod book;", &[]);
    expect("record/table.rs", "use crate::models::Table;", &[]);
    expect("simulate/publisher.rs", "use crate::telemetry::Clock; use tokio::net::TcpStream;", &[]);
    expect("config/check.rs", "use crate::{http, mqtt::Settings, models};", &[]);
    expect("app/mod.rs", "use crate::config::Config; use onspec::cli;", &[]);
    expect("models/pca.rs", "use ndarray::Array2; use linfa_linalg::eigh::EigH;", &[]);
    expect("main.rs", "use onspec::cli; fn main() {}", &[]);
}

#[test]
fn an_import_beyond_the_table_is_found_however_it_is_written() {
    let words = "`batch` imports `models::Table`; it may import reading, plant, decode, frame";
    for text in [
        "use crate::models::Table;",
        "use crate::{plant::Tag, models::{Table}};",
        "use crate::models::Table as T;",
        "pub use crate::models::Table;",
        "use onspec::models::Table;",
        "use super::super::models::Table;",
        "fn f(_: &crate::models::Table) {}",
        "fn f() { let _ = super::super::models::Table; }",
        "fn f() { g::<crate::models::Table>(); }",
        "fn f() { assert_eq!(a, [crate::models::Table]); }",
        "impl crate::models::Table for X {}",
        "mod tests { use super::super::super::models::Table; }",
    ] {
        expect("batch/book.rs", text, &[(1, words)]);
    }
    expect("batch/mod.rs", "use super::models::Table;", &[(1, words)]);
    expect("batch.rs", "use super::models::Table;", &[(1, words)]);
}

#[test]
fn a_finding_names_its_line_and_the_allowed_set() {
    let text = "use std::fmt;\n\nuse crate::plant::Tag;\nuse crate::{\n    plant,\n    engine::Event,\n};\n";
    expect(
        "mqtt/mod.rs",
        &format!("{text}use crate::influx::Writer;\n"),
        &[(
            8,
            "`mqtt` imports `influx::Writer`; it may import reading, plant, decode, frame, profile, batch, verdict, words, alarm, engine, store, telemetry",
        )],
    );
    expect(
        "telemetry/mod.rs",
        text,
        &[
            (3, "`telemetry` imports `plant::Tag`; it may import no room of ours"),
            (5, "`telemetry` imports `plant`; it may import no room of ours"),
            (6, "`telemetry` imports `engine::Event`; it may import no room of ours"),
        ],
    );
    expect(
        "config/mod.rs",
        "use crate::cli::Out;",
        &[(1, "`config` imports `cli::Out`; it may import every room but app, cli")],
    );
}

#[test]
fn nobody_but_app_and_cli_imports_config() {
    for room in ROOMS {
        let expected: &[_] =
            if matches!(room.name, "app" | "cli" | "config") { &[] } else { &[(1, "`")] };
        expect(&format!("{}/mod.rs", room.name), "use crate::config::Config;", expected);
    }
}

#[test]
fn the_root_of_the_crate_is_no_way_around_the_table() {
    for text in
        ["use crate as root;", "use crate::*;", "use super::*;", "use crate::{self as root};"]
    {
        let findings = check("frame/mod.rs", &format!("//! A room.\n{text}"));
        assert_eq!(findings.len(), 1, "{text}: {findings:#?}");
    }
    expect(
        "frame/mod.rs",
        "use crate::VERSION;",
        &[(1, "`frame` imports `VERSION`, which is no room; it may import")],
    );
}

#[test]
fn a_pure_room_that_names_the_outside_is_found_however_it_is_written() {
    for (text, name) in [
        ("use tokio::sync::mpsc;", "tokio"),
        ("async fn f() { tokio::select! {} }", "tokio"),
        ("#[tokio::test] async fn f() {}", "tokio"),
        ("use std::time::{Duration, Instant};", "std::time::Instant"),
        ("use std::time; fn f() { time::SystemTime::now(); }", "std::time::SystemTime"),
        ("use std::time as t; fn f() { g!(t::Instant::now()) }", "std::time::Instant"),
        ("fn f() { ::std::fs::read(p); }", "std::fs"),
        ("use std::{fmt, net::IpAddr};", "std::net"),
        ("use std::env;", "std::env"),
        ("fn f() { std::thread::spawn(g); }", "std::thread"),
        ("fn f() { std::process::exit(1); }", "std::process"),
        ("use rusqlite::Connection;", "rusqlite"),
    ] {
        let words = format!("pure room `frame` names `{name}`: ");
        expect("frame/framer.rs", text, &[(1, &words)]);
        expect("store/mod.rs", text, &[]);
    }
    expect(
        "frame/mod.rs",
        "use std::time::*;",
        &[
            (1, "pure room `frame` names `std::time::Instant`"),
            (1, "pure room `frame` names `std::time::SystemTime`"),
        ],
    );
    expect("frame/mod.rs", "use std::time::Duration; use std::{fmt, io};", &[]);
}

#[test]
fn a_pure_room_with_an_order_that_differs_from_run_to_run_is_found() {
    let words = "pure room `alarm` names `HashMap`";
    for text in [
        "use std::collections::HashMap;",
        "use std::collections::{BTreeMap, HashMap as Map};",
        "use std::collections; struct S { a: collections::HashMap<u8, u8> }",
        "fn f() -> std::collections::HashMap<u8, u8> { g() }",
    ] {
        expect("alarm/book.rs", text, &[(1, words)]);
    }
    expect("alarm/book.rs", "use std::collections::BTreeMap;", &[]);
}

#[test]
fn mathematics_outside_models_is_found_in_every_room() {
    for room in ROOMS.iter().filter(|room| room.name != "models") {
        let file = format!("{}/mod.rs", room.name);
        expect(&file, "use ndarray::Array1;", &[(1, "`ndarray` is named outside `models`")]);
        expect(&file, "fn f() { linfa_linalg::x(); }", &[(1, "`linfa_linalg` is named")]);
    }
}

#[test]
fn files_that_differ_from_their_room_do() {
    let tokio = "use tokio::net::TcpStream;";
    expect("influx/writer.rs", tokio, &[]);
    expect("influx/line_protocol.rs", tokio, &[(1, "pure room `influx` names `tokio`")]);
    expect("webhook/payloads.rs", tokio, &[(1, "pure room `webhook` names `tokio`")]);
    expect("webhook/format/slack.rs", tokio, &[(1, "pure room `webhook` names `tokio`")]);
    expect("webhook/formats.rs", tokio, &[]);
    expect("simulate/machine.rs", tokio, &[(1, "pure room `simulate` names `tokio`")]);
    expect(
        "simulate/publisher.rs",
        "use crate::mqtt::Publisher;",
        &[(
            1,
            "`simulate` imports `mqtt::Publisher`; it may import reading, decode, verdict, telemetry",
        )],
    );
    expect(
        "models/pca.rs",
        "use crate::simulate::Machine;",
        &[(1, "`models` imports `simulate::Machine`")],
    );
}

#[test]
fn tests_within_a_pure_room_may_read_fixtures_and_nothing_more() {
    expect("decode/mod.rs", "#[cfg(test)] mod tests { use std::fs; }", &[]);
    expect("decode/tests.rs", "use std::fs;", &[]);
    expect(
        "decode/mod.rs",
        "mod fixtures { use std::fs; }",
        &[(1, "pure room `decode` names `std::fs`")],
    );
    expect(
        "decode/mod.rs",
        "#[cfg(test)] mod tests { use std::env; use crate::simulate::Machine; }",
        &[(1, "`decode` imports `simulate::Machine`"), (1, "pure room `decode` names `std::env`")],
    );
}

#[test]
fn long_files_unfinished_work_and_missing_headers_are_found() {
    let long = "//\n".repeat(LINES_MAX);
    expect("frame/mod.rs", &long, &[(LINES_MAX, "901 lines, and 900 are allowed")]);
    for word in ["todo!()", "unimplemented!()"] {
        let text = format!("fn f() {{ {word} }}");
        expect("frame/mod.rs", &text, &[(1, "`")]);
    }
    let words = |file, text| -> Vec<String> {
        check(file, text).into_iter().map(|finding| finding.words).collect()
    };
    let missing = "room `frame` has no header: say in `//!` what it is and what it never does";
    assert_eq!(words("frame/mod.rs", "use std::fmt;"), [missing]);
    assert_eq!(words("frame/framer.rs", "use std::fmt;"), [""; 0]);
    assert_eq!(
        words("attic/mod.rs", "//! Old things."),
        ["`attic` is no room of the import table in tests/tidy.rs"]
    );
}
