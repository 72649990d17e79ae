//! `onspec man` and `onspec completions`: made from the command line itself, so that they cannot lag.

use super::out::{Exit, Out};
use super::{Cli, Shell};
use clap::CommandFactory as _;
use std::io;
use std::path::Path;

/// Prints the manual page of onspec, or writes that of every command into a directory.
pub(super) fn man(directory: Option<&Path>, out: &mut Out) -> Exit {
    let Some(directory) = directory else { return out.print(&page()) };
    match pages(directory) {
        Ok(()) => Exit::Done,
        Err(error) => {
            let directory = directory.display();
            out.error(&format!("error: cannot write manual pages into `{directory}`\n"));
            out.fail(&error)
        }
    }
}

/// Prints the script that completes onspec's commands in a shell.
pub(super) fn completions(shell: Shell, out: &mut Out) -> Exit {
    out.print(&script(shell))
}

fn page() -> String {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut page)
        .expect("a vector takes all that is written");
    String::from_utf8_lossy(&page).into_owned()
}

fn pages(directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    clap_mangen::generate_to(Cli::command(), directory)
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "onspec", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    fn commands() -> Vec<String> {
        Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
    }

    #[test]
    fn the_page_names_every_command() {
        let page = page();
        assert!(page.starts_with(".ie") || page.contains(".TH onspec 1"), "{}", &page[..200]);
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "SUBCOMMANDS"] {
            assert!(page.contains(&format!(".SH {section}")), "{section}");
        }
        for command in commands() {
            assert!(page.contains(&format!("onspec\\-{command}(1)")), "{command}");
        }
    }

    #[test]
    fn each_command_has_a_page_with_its_example() {
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        pages(directory.path()).expect("the directory is ours");
        let command = Cli::command();
        let parts = |command: &clap::Command| {
            let name = command.get_name().to_owned();
            let of = |part: &clap::Command| format!("{name}-{}", part.get_name());
            let parts: Vec<_> = command.get_subcommands().map(of).collect();
            parts.into_iter().chain([name])
        };
        for command in command.get_subcommands().flat_map(parts) {
            let path = directory.path().join(format!("onspec-{command}.1"));
            let page = std::fs::read_to_string(&path).expect("it was written");
            assert!(page.contains("Example"), "{command} has no example");
        }
    }

    /// The script in a real shell offers the commands that begin like that.
    #[test]
    fn bash_completes_commands() {
        let script = script(Shell::Bash);
        let ask =
            "COMP_WORDS=(onspec re) COMP_CWORD=1; _onspec onspec re onspec; echo ${COMPREPLY[*]}";
        // From a file: an argument has no room for it.
        let directory = tempfile::tempdir().expect("a directory for temporary files");
        let path = directory.path().join("onspec.bash");
        std::fs::write(&path, format!("{script}\n{ask}\n")).expect("the directory is ours");
        let child =
            Command::new("bash").arg(&path).stdin(Stdio::null()).output().expect("bash is there");
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
        assert_eq!(String::from_utf8_lossy(&child.stdout).trim(), "replay");
    }
}
