//! The daemon that runs under a configuration, asked over its API.

use super::out::{Exit, Out};
use crate::config::Checked;
use crate::decode::{REQUEST_EVENTS_MAX, RequestPath, RequestRefused};
use crate::http::{BODY_MAX_BYTES, read_events};
use crate::plant::{Plant, nearest};
use crate::reading::{Count, Timestamp};
use crate::telemetry::{Clock, SystemClock};
use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const IN_MEMORY: &str = "writing to a string cannot fail";

/// The daemon answers, or says that it is busy, sooner.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// An event to tell, and where a person finds it; a place ends with a colon and a space, unless it is empty.
#[derive(Debug, Clone)]
pub(super) struct Telling {
    pub(super) line: Arc<str>,
    pub(super) event: Value,
    pub(super) place: String,
}

/// What became of all that was told.
#[derive(Debug, Default)]
struct Told {
    taken: usize,
    /// False if the store had no room for some of it.
    on_disk: bool,
    faults: Vec<String>,
    waiting: BTreeSet<String>,
}

/// The line that is meant: the one that is named, or the only one that is configured.
///
/// # Errors
/// When there is no such line, or several and none is named: the words for it.
pub(super) fn line<'p>(plant: &'p Plant, named: Option<&str>) -> Result<&'p Arc<str>, String> {
    let all = || plant.lines.iter().map(|line| &*line.name);
    let known = || all().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match (named, plant.lines.as_slice()) {
        (_, []) => Err("the configuration declares no line: add `[line.NAME]`".into()),
        (Some(named), lines) => {
            let found = lines.iter().find(|line| *line.name == *named);
            found.map(|line| &line.name).ok_or_else(|| {
                let near = nearest(named, all());
                let near =
                    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                format!("no line is called `{named}`; there are {}{near}", known())
            })
        }
        (None, [line]) => Ok(&line.name),
        (None, _) => Err(format!("name the line with `--line`; there are {}", known())),
    }
}

/// Checks all events as the daemon will.
///
/// # Errors
/// With the words for all that is wrong, a line each.
pub(super) fn check(events: &[Telling]) -> Result<(), String> {
    let now = Timestamp::from_nanos(SystemClock.now_nanos());
    let mut wrong = String::new();
    for Telling { line, event, place } in events {
        let path = RequestPath { line, of: None };
        let fault = match read_events(event.to_string().as_bytes(), path, now) {
            Ok(_) => continue,
            Err(RequestRefused::Whole(fault)) => fault,
            Err(RequestRefused::Events(faults)) => match faults.into_iter().next() {
                Some((_, fault)) => fault,
                None => continue,
            },
        };
        writeln!(wrong, "error: {place}{}", fault.detail).expect(IN_MEMORY);
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// Tells the daemon that runs under a configuration all events, of which each was checked, and says what became of
/// them. 1 if it does not run, or did not take everything.
pub(super) fn tell(
    (config, checked): (&Path, &Checked),
    events: &[Telling],
    (what, json): (&'static str, bool),
    out: &mut Out,
) -> Exit {
    let Some(http) = &checked.http else {
        out.error(&format!(
            "error: `[http] listen` is `off` in `{}`, so its daemon cannot be told: let it listen on loopback, or send \
             events over MQTT\n",
            config.display()
        ));
        return Exit::Usage;
    };
    let base = format!("http://{}", http.listen);
    super::listening(out, async |out| {
        let mut told = Told { on_disk: true, ..Told::default() };
        let problem = match Daemon::new(&base, config) {
            Ok(daemon) => daemon.tell_all(events, &mut told).await.err(),
            Err(problem) => Some(problem),
        };
        Ok(report(&told, problem.as_deref(), (what, json), out))
    })
}

/// Asks the daemon that runs under a configuration: gets what stands under `/api/v1/` and this path, or posts a body there.
/// What it answers with yes goes to `then`. 1 if it does not run or refuses, 2 if the configuration is wrong.
pub(super) fn ask(
    config: &Path,
    path: &[&str],
    body: Option<&Value>,
    out: &mut Out,
    then: impl FnOnce(Value, &mut Out) -> Exit,
) -> Exit {
    let checked = match crate::config::read(config) {
        Ok(checked) => checked,
        Err(problem) => return out.unusable(&problem),
    };
    let Some(http) = &checked.http else {
        out.error(&format!(
            "error: `[http] listen` is `off` in `{}`, so its daemon cannot be asked: let it listen on loopback\n",
            config.display()
        ));
        return Exit::Usage;
    };
    let base = format!("http://{}", http.listen);
    super::listening(out, async |out| {
        let said = match Daemon::new(&base, config) {
            Ok(daemon) => daemon.ask(path, body).await,
            Err(problem) => Err(problem),
        };
        Ok(match said {
            Ok(said) => then(said, out),
            Err(problem) => {
                out.error(&problem);
                Exit::Failed
            }
        })
    })
}

fn report(
    told: &Told,
    problem: Option<&str>,
    (what, json): (&'static str, bool),
    out: &mut Out,
) -> Exit {
    let Told { taken, on_disk, faults, waiting } = told;
    for fault in faults {
        out.error(&format!("error: the daemon did not take: {fault}\n"));
    }
    if !on_disk {
        out.error("warning: the store has no room now: they are taken when it has, unless the daemon ends before\n");
    }
    if !waiting.is_empty() {
        let names = waiting.iter().map(|batch| format!("`{batch}`")).collect::<Vec<_>>().join(", ");
        out.error(&format!(
            "warning: not known, or not any more: {names}; what was told waits until such a batch begins\n"
        ));
    }
    if let Some(problem) = problem {
        out.error(problem);
        if *taken > 0 {
            let taken = Count(*taken, what);
            out.error(&format!(
                "{taken} had been taken before; with its time, what is sent again changes nothing\n"
            ));
        }
        return Exit::Failed;
    }
    let printed = if json {
        let document =
            json!({ "taken": taken, "on_disk": on_disk, "faults": faults, "waiting": waiting });
        out.print(&format!("{document}\n"))
    } else {
        out.print(&format!("taken: {}\n", Count(*taken, what)))
    };
    if faults.is_empty() && *on_disk { printed } else { Exit::Failed }
}

/// A daemon's API.
struct Daemon {
    client: Client,
    base: Url,
    /// What to do if it does not answer.
    help: String,
}

impl Daemon {
    fn new(base: &str, config: &Path) -> Result<Self, String> {
        let failed = |error: &dyn Error| format!("error: cannot ask `{base}`: {error}\n");
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(ANSWER_WITHIN)
            .user_agent(concat!("onspec/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failed(&error))?;
        let help = format!(
            "start it with `onspec run -c {}`, or give the configuration of the one that runs",
            config.display()
        );
        Ok(Self { client, base: Url::parse(base).map_err(|error| failed(&error))?, help })
    }

    /// Tells all events, in requests as large as one may be, until one is refused.
    async fn tell_all(&self, events: &[Telling], told: &mut Told) -> Result<(), String> {
        // A request is of one line, and each is a commit of its own: what goes to and fro between lines is put together.
        let mut by_line = events.to_vec();
        by_line.sort_by(|a, b| a.line.cmp(&b.line));
        let mut rest = &by_line[..];
        while let Some(first) = rest.first() {
            let mut body = String::from("[");
            let mut many = 0;
            for Telling { line, event, .. } in rest.iter().take(REQUEST_EVENTS_MAX) {
                let event = event.to_string();
                if *line != first.line || many > 0 && body.len() + event.len() + 2 > BODY_MAX_BYTES
                {
                    break;
                }
                if many > 0 {
                    body.push(',');
                }
                body.push_str(&event);
                many += 1;
            }
            body.push(']');
            let (now, later) = rest.split_at(many);
            self.tell_some(now, body, told).await?;
            rest = later;
        }
        Ok(())
    }

    /// Gets a path of the API, or posts a body there.
    async fn ask(&self, path: &[&str], body: Option<&Value>) -> Result<Value, String> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(["api", "v1"]).extend(path);
        }
        let request = match body {
            Some(body) => self.client.post(url).json(body),
            None => self.client.get(url),
        };
        let answer = request.send().await.map_err(|error| self.no_answer(&error))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| self.no_answer(&error))?;
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        if status.is_success() && said.is_object() {
            Ok(said)
        } else {
            Err(self.refused(status, &said, &[]))
        }
    }

    /// Tells events of one line.
    async fn tell_some(
        &self,
        events: &[Telling],
        body: String,
        told: &mut Told,
    ) -> Result<(), String> {
        let mut url = self.base.clone();
        if let (Ok(mut path), Some(first)) = (url.path_segments_mut(), events.first()) {
            path.extend(["api", "v1", "lines", &*first.line, "events"]);
        }
        let request = self.client.post(url).header("content-type", "application/json").body(body);
        let answer = request.send().await.map_err(|error| self.no_answer(&error))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| self.no_answer(&error))?;
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        if status != StatusCode::ACCEPTED {
            return Err(self.refused(status, &said, events));
        }
        let texts = |key: &str| {
            let all = said[key].as_array().into_iter().flatten();
            all.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        told.taken += events.len();
        told.on_disk &= said["on_disk"] == true;
        told.faults.extend(texts("faults"));
        told.waiting.extend(texts("waiting"));
        Ok(())
    }

    fn no_answer(&self, error: &reqwest::Error) -> String {
        let base = self.base.as_str().trim_end_matches('/');
        if error.is_connect() {
            return format!("error: no daemon listens at `{base}`: {}\n", self.help);
        }
        let mut text = format!("error: the daemon at `{base}` gave no answer: {error}\n");
        let mut source = error.source();
        while let Some(cause) = source {
            writeln!(text, "  because: {cause}").expect(IN_MEMORY);
            source = cause.source();
        }
        text
    }

    /// The words for an answer that is no yes, with the places of the events that it names.
    fn refused(&self, status: StatusCode, said: &Value, events: &[Telling]) -> String {
        let base = self.base.as_str().trim_end_matches('/');
        let Some(error) = said["error"].as_str() else {
            return format!(
                "error: what answers at `{base}` is no onspec ({status}): {}\n",
                self.help
            );
        };
        let mut text = format!("error: the daemon at `{base}` refuses: {error}\n");
        for wrong in said["events"].as_array().into_iter().flatten() {
            let event = wrong["index"].as_u64().and_then(|ix| usize::try_from(ix).ok());
            if let (Some(event), Some(detail)) =
                (event.and_then(|ix| events.get(ix)), wrong["detail"].as_str())
            {
                writeln!(text, "error: {}{detail}", event.place).expect(IN_MEMORY);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plant::Line;

    fn plant(lines: &[&str]) -> Plant {
        let mut plant = crate::config::load("", "onspec.toml").expect("nothing is right").plant;
        plant.lines = lines.iter().map(|name| Line::named(name)).collect();
        plant
    }

    #[test]
    fn line_may_be_left_out_where_there_is_one() {
        let named = |lines: &[&str], named: Option<&str>| {
            line(&plant(lines), named).map(ToString::to_string)
        };
        assert_eq!(named(&["tm3"], None), Ok("tm3".into()));
        assert_eq!(named(&["tm3", "tm4"], Some("tm4")), Ok("tm4".into()));
        let error = |lines: &[&str], name: Option<&str>| named(lines, name).unwrap_err();
        assert_eq!(
            error(&["tm3", "tm4"], None),
            "name the line with `--line`; there are `tm3`, `tm4`"
        );
        assert_eq!(
            error(&["tm3"], Some("tm-3")),
            "no line is called `tm-3`; there are `tm3`; did you mean `tm3`?"
        );
        assert_eq!(error(&[], None), "the configuration declares no line: add `[line.NAME]`");
    }

    #[test]
    fn events_are_checked_as_the_daemon_does_and_all_that_is_wrong_is_named() {
        let telling =
            |place: &str, event: Value| Telling { line: "tm3".into(), event, place: place.into() };
        let right = telling("a: ", json!({"event": "resume"}));
        assert_eq!(check(std::slice::from_ref(&right)), Ok(()));
        let wrong = [
            telling("b: ", json!({"event": "resume", "ts": 5})),
            right,
            telling("c: ", json!({"event": "lab", "batch": "R1"})),
        ];
        let words = check(&wrong).unwrap_err();
        let lines: Vec<&str> = words.lines().collect();
        assert!(
            lines[0]
                .starts_with("error: b: the event's time 1970-01-01T00:00:00.005Z is more than"),
            "{words}"
        );
        assert_eq!(lines[1..], ["error: c: no `property`"]);
    }
}
