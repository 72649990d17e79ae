//! The book (`docs`): every command in it is run as it stands there, chapter by chapter.
//!
//! A chapter is one shell session in an empty directory: its blocks marked `sh`, in their order; the first command that fails
//! ends it. Only ports are others, so that nothing else on the machine is in the way.

use crate::support::{Process, free_port, service, wait_until};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Nobody reads a chapter for longer without having something to eat.
const CHAPTER: Duration = Duration::from_secs(900);

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src")
}

/// The chapters of the summary, by their files.
fn chapters() -> BTreeMap<String, String> {
    let summary = fs::read_to_string(docs().join("SUMMARY.md")).expect("the book has a summary");
    let linked = summary.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    linked
        .map(|(file, _)| {
            let text = fs::read_to_string(docs().join(file));
            (file.to_owned(), text.unwrap_or_else(|error| panic!("{file} of the summary: {error}")))
        })
        .collect()
}

/// The blocks of a chapter in this language, each with the number of its first line.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<(usize, Vec<&'a str>)> {
    let mut blocks: Vec<(usize, Vec<&str>)> = Vec::new();
    let mut within: Option<bool> = None;
    for (line, number) in text.lines().zip(1..) {
        match (within, line.strip_prefix("```")) {
            (None, Some(word)) => {
                within = Some(word == language);
                if word == language {
                    blocks.push((number + 1, Vec::new()));
                }
            }
            (Some(_), Some(_)) => within = None,
            (Some(true), None) => blocks.last_mut().expect("one has begun").1.push(line),
            _ => {}
        }
    }
    assert_eq!(within, None, "a block has no end");
    blocks
}

/// Ends all that a chapter started, also what it left behind.
struct Group(u32);

impl Drop for Group {
    fn drop(&mut self) {
        let kill = Command::new("sh").args(["-c", &format!("kill -KILL -{}", self.0)]).status();
        drop(kill);
    }
}

/// Runs a chapter as a reader would who types what stands there.
fn follow(file: &str, text: &str) {
    let directory = tempfile::tempdir().expect("a directory for temporary files");
    let bin = directory.path().join("bin");
    let home = directory.path().join("home");
    for new in [&bin, &home] {
        fs::create_dir(new).expect("a new directory");
    }
    symlink(env!("CARGO_BIN_EXE_onspec"), bin.join("onspec")).expect("a link");
    symlink(service("MOSQUITTO", "mosquitto"), bin.join("mosquitto")).expect("a link");
    let (broker, page) = (free_port().to_string(), free_port().to_string());
    let ported = |text: &str| {
        text.replace("127.0.0.1:1883", &format!("127.0.0.1:{broker}"))
            .replace("listener 1883", &format!("listener {broker}"))
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{page}"))
    };
    let mut script = format!("set -euo pipefail\nexport PATH={}:$PATH\n", bin.display());
    for (line, block) in blocks(text, "sh") {
        writeln!(script, "echo '== {file}:{line}'").expect("a String takes all");
        writeln!(script, "{}", ported(&block.join("\n"))).expect("a String takes all");
        // What a command wrote for the reader listens where it says.
        let other = format!("s/127.0.0.1:8080/127.0.0.1:{page}/");
        writeln!(script, "find . -name '*.toml' -exec sed -i '{other}' {{}} +")
            .expect("a String takes all");
    }
    let mut command = Command::new("bash");
    command.args(["-c", &script]).current_dir(&home).process_group(0);
    let mut reader = Process::start("bash", &mut command, &directory.path().join("log"));
    let _group = Group(reader.id());
    let mut status = None;
    wait_until(&format!("{file} has been read"), CHAPTER, || {
        status = reader.ended();
        status.is_some()
    });
    let status = status.expect("it has ended");
    assert!(status.success(), "{file}: {status}\n{}", reader.log());
}

#[test]
fn the_first_hour_can_be_followed() {
    follow("first-hour.md", &chapters()["first-hour.md"]);
}

#[test]
fn all_commands_are_in_chapters_that_are_followed() {
    let followed = ["first-hour.md"];
    let with_commands: Vec<String> = chapters()
        .into_iter()
        .filter(|(_, text)| ["sh", "bash", "console"].iter().any(|of| !blocks(text, of).is_empty()))
        .map(|(file, _)| file)
        .collect();
    assert_eq!(with_commands, followed);
}

#[test]
fn every_page_is_in_the_summary_and_links_lead_somewhere() {
    let chapters = chapters();
    for entry in fs::read_dir(docs()).expect("the book is there") {
        let name = entry.expect("it can be listed").file_name();
        let name = name.to_string_lossy();
        assert!(name == "SUMMARY.md" || chapters.contains_key(&*name), "{name}: in no summary");
    }
    for (file, text) in &chapters {
        for (target, _) in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
            let path = target.split('#').next().unwrap_or_default();
            let leads = path.starts_with("http") || path.is_empty() || docs().join(path).exists();
            assert!(leads, "{file} links to {target}");
        }
    }
}
