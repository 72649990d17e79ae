//! Diagnostics as text for people and as JSON for machines. Deterministic; nothing else prints them.

use super::diagnostic::{Diagnostic, Severity};
use super::source::Source;
use crate::reading::Count;
use serde_json::{Value, json};
use std::fmt::{self, Write};

/// The widest part of a line that is shown; longer lines are cut around the place.
const SHOWN: usize = 100;

/// Diagnostics with the file they are about, in order of their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    source: Source,
    diagnostics: Vec<Diagnostic>,
}

impl Report {
    /// Puts diagnostics into the order of the file.
    pub(super) fn new(source: Source, mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort_by(|a, b| {
            (a.span.start, a.severity, a.code, &a.message).cmp(&(
                b.span.start,
                b.severity,
                b.code,
                &b.message,
            ))
        });
        diagnostics.dedup();
        Self { source, diagnostics }
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The diagnostics, in order of their place.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// True if there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// How many of a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }

    /// Text for people, each diagnostic with file, line and a pointer into the text.
    #[must_use]
    pub fn text(&self, colour: bool) -> String {
        let style = Style { colour };
        let mut out = String::new();
        for (ix, diagnostic) in self.diagnostics.iter().enumerate() {
            if ix > 0 {
                out.push('\n');
            }
            render(&mut out, &self.source, diagnostic, style)
                .expect("writing to a String cannot fail");
        }
        out
    }

    /// The diagnostics as JSON: `code`, `severity`, `line`, `column`, `message`, `label`, `help`.
    #[must_use]
    pub fn json(&self) -> Value {
        self.diagnostics
            .iter()
            .map(|diagnostic| {
                let start = self.source.place(diagnostic.span.start);
                let end = self.source.place(diagnostic.span.end);
                json!({
                    "code": diagnostic.code.as_str(),
                    "severity": diagnostic.severity.as_str(),
                    "file": self.source.name(),
                    "line": start.line,
                    "column": start.column,
                    "end_line": end.line,
                    "end_column": end.column,
                    "message": diagnostic.message,
                    "label": diagnostic.label,
                    "help": diagnostic.help,
                })
            })
            .collect()
    }

    /// `2 errors and 1 warning`.
    #[must_use]
    pub fn tally(&self) -> String {
        let errors = Count(self.count(Severity::Error), "error");
        let warnings = Count(self.count(Severity::Warning), "warning");
        match (errors.0, warnings.0) {
            (_, 0) => errors.to_string(),
            (0, _) => warnings.to_string(),
            _ => format!("{errors} and {warnings}"),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(false))
    }
}

/// Colours, or none.
#[derive(Clone, Copy)]
struct Style {
    colour: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

fn render(out: &mut String, source: &Source, diagnostic: &Diagnostic, style: Style) -> fmt::Result {
    let colour = match diagnostic.severity {
        Severity::Error => "1;31",
        Severity::Warning => "1;33",
    };
    let head = format!("{}[{}]", diagnostic.severity.as_str(), diagnostic.code);
    writeln!(
        out,
        "{}: {}",
        style.paint(colour, &head),
        style.paint("1", &printable(&diagnostic.message))
    )?;

    let place = source.place(diagnostic.span.start);
    let number = place.line.to_string();
    let gutter = " ".repeat(number.len());
    let bar = style.paint("34", "│");
    let corner = style.paint("34", "┌─");
    writeln!(out, "{gutter} {corner} {}:{}:{}", source.name(), place.line, place.column)?;

    let (start, line) = source.line_at(diagnostic.span.start);
    if !line.is_empty() {
        let from = diagnostic.span.start.saturating_sub(start);
        let to = diagnostic.span.end.saturating_sub(start);
        let window = Window::around(line, from, to);
        writeln!(out, "{number} {bar} {}", window.text)?;
        let pointer = "^".repeat(window.width);
        write!(
            out,
            "{gutter} {bar} {}{}",
            " ".repeat(window.before),
            style.paint(colour, &pointer)
        )?;
        if !diagnostic.label.is_empty() {
            write!(out, " {}", style.paint(colour, &printable(&diagnostic.label)))?;
        }
        out.push('\n');
    }
    if let Some(help) = &diagnostic.help {
        writeln!(out, "{}: {}", style.paint("36", "help"), printable(help))?;
    }
    Ok(())
}

/// The part of a line that is shown, and where the pointer goes, in columns of a terminal.
struct Window {
    text: String,
    before: usize,
    width: usize,
}

impl Window {
    fn around(line: &str, from: usize, to: usize) -> Self {
        let cells: Vec<(usize, char)> = line.char_indices().collect();
        let first = cells.iter().position(|(at, _)| *at >= from).unwrap_or(cells.len());
        let skip = if cells.len() > SHOWN { first.saturating_sub(SHOWN / 2) } else { 0 };
        let mut window = Self { text: String::new(), before: 0, width: 0 };
        if skip > 0 {
            window.text.push('…');
            window.before += 1;
        }
        for (at, character) in cells.iter().skip(skip).take(SHOWN) {
            let shown = shown(*character);
            let width = width(shown);
            window.text.push(shown);
            if *at < from {
                window.before += width;
            } else if *at < to {
                window.width += width;
            }
        }
        if cells.len() > skip + SHOWN {
            window.text.push('…');
        }
        window.width = window.width.max(1);
        window
    }
}

/// A text without characters that could steer a terminal.
fn printable(text: &str) -> String {
    text.chars().map(shown).collect()
}

/// A character as shown: a control character could steer the terminal, so it is not.
fn shown(character: char) -> char {
    match character {
        '\t' => ' ',
        _ if character.is_control() => '\u{fffd}',
        _ => character,
    }
}

/// The columns that a character takes: two for the wide ones of East Asia, which is as near as a
/// pointer under a Chinese comment needs it.
fn width(character: char) -> usize {
    let wide = matches!(u32::from(character),
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd);
    if wide { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::super::diagnostic::Code;
    use super::*;

    fn report(text: &str, found: &str) -> Report {
        let start = text.find(found).unwrap();
        let mut diagnostic =
            Diagnostic::new(Code::Name, start..start + found.len(), "no such thing");
        diagnostic.label("here").help("do it");
        Report::new(Source::new("mill.toml", text, &[]), vec![diagnostic])
    }

    #[test]
    fn pointer_stands_under_the_place() {
        let text = "a = 1\nname = \"纸机\" # 纸 x\n";
        insta::assert_snapshot!(report(text, "x").text(false), @r#"
        error[C010]: no such thing
          ┌─ mill.toml:2:17
        2 │ name = "纸机" # 纸 x
          │                    ^ here
        help: do it
        "#);
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("a = \"{}X{}\"", "-".repeat(300), "+".repeat(300));
        let shown = report(&text, "X").text(false);
        assert!(shown.lines().all(|line| line.chars().count() < SHOWN + 10), "{shown}");
        assert!(shown.contains("-X+"), "{shown}");
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        let shown = report("a = \u{1b}[2J x", "x").text(false);
        assert!(!shown.contains('\u{1b}'), "{shown}");
    }

    #[test]
    fn colour_only_where_asked_for() {
        assert!(report("a = 1", "1").text(true).contains("\u{1b}[1;31m"));
        assert!(!report("a = 1", "1").text(false).contains('\u{1b}'));
    }

    #[test]
    fn json_has_places_and_no_source_text() {
        let report = report("a = 1\nb = 2", "2");
        assert_eq!(
            report.json().to_string(),
            r#"[{"code":"C010","column":5,"end_column":6,"end_line":2,"file":"mill.toml","help":"do it","label":"here","line":2,"message":"no such thing","severity":"error"}]"#
        );
        assert_eq!(report.tally(), "1 error");
    }
}
