//! Tags as they are now: in pieces where that is asked, by line, and by what is wrong with them.

use super::api::{Stray, Tag, Tags};
use super::data::find;
use super::problem::Problem;
use super::query::{Asked, CURSOR, LIMIT, cursor};
use super::router::Shared;
use crate::engine::{LineView, StrayView, TagView, View, sensor_faults};
use axum::extract::State;
use axum::response::Response;

/// The greatest `limit`. Without one all are given.
const LIMIT_MAX: usize = 10_000;
/// The name of the list in its cursors.
const LIST: &str = "tags";

/// What is wanted of the health of a sensor.
#[derive(Debug)]
struct Wanted {
    fault: Option<&'static str>,
    healthy: Option<bool>,
}

impl Wanted {
    fn takes(&self, health: &str) -> bool {
        let is_sick = !matches!(health, "good" | "waiting");
        self.fault.is_none_or(|fault| health == fault)
            && self.healthy.is_none_or(|good| if good { health == "good" } else { is_sick })
    }

    fn takes_one(&self, one: &One<'_>) -> bool {
        match one {
            One::Tag(_, tag) => self.takes(&tag.health),
            One::Stray(_) => self.takes_unjudged(),
        }
    }

    /// What nobody judges is neither well nor sick.
    fn takes_unjudged(&self) -> bool {
        self.fault.is_none() && self.healthy.is_none()
    }
}

/// A place among all tags: how many are before it, and which one is the last of these. A tag may be gone with another
/// configuration: then the number counts.
type Place = (usize, String, String, String);

/// A tag, or a series that nobody declared.
enum One<'a> {
    Tag(&'a LineView, &'a TagView),
    Stray(&'a StrayView),
}

impl One<'_> {
    fn name(&self) -> (&str, &str, &str) {
        match self {
            Self::Tag(line, tag) => (&line.name, "", &tag.id),
            Self::Stray(stray) => (&stray.series.line, &stray.series.area, &stray.series.tag),
        }
    }
}

/// `GET /api/v1/tags`.
pub(super) async fn tags(State(shared): State<Shared>, asked: Asked) -> Result<Response, Response> {
    let asked = asked.only(&["line", "fault", "healthy", LIMIT, CURSOR])?;
    let faults: Vec<&'static str> = sensor_faults().collect();
    let wanted = Wanted { fault: asked.word("fault", &faults)?, healthy: asked.flag("healthy")? };
    let limit = asked.count(LIMIT, LIMIT_MAX, "are given at a time")?;
    let after: Option<Place> = asked.cursor(LIST)?;
    let view = shared.view();
    let all = all(&view, asked.text("line"))?;
    // Where it goes on is a place among all: what is wanted may be no more, or be again, when the next piece is asked for.
    let begin = after.map_or(0, |(number, line, area, tag)| {
        let named = |one: &One<'_>| one.name() == (&*line, &*area, &*tag);
        all.iter().position(named).map_or(number, |at| at + 1)
    });
    let mut found = (1..).zip(all).skip(begin).filter(|(_, one)| wanted.takes_one(one));
    let piece: Vec<_> = found.by_ref().take(limit.unwrap_or(usize::MAX)).collect();
    let next = piece.last().filter(|_| found.next().is_some()).map(|(number, last)| {
        let (line, area, tag) = last.name();
        cursor(LIST, &(number, line, area, tag))
    });
    let mut document = Tags { next: next.clone(), ..Tags::default() };
    for (_, one) in piece {
        match one {
            One::Tag(line, tag) => document.tags.push(Tag::new(&line.name, tag)),
            One::Stray(stray) => document.undeclared.push(Stray::from(stray)),
        }
    }
    Ok(asked.piece(&document, next.as_deref(), &[]))
}

/// Declared tags in the order of the configuration, then the others.
fn all<'a>(view: &'a View, line: Option<&str>) -> Result<Vec<One<'a>>, Problem> {
    let is_of = |name: &str| line.is_none_or(|line| line == name);
    let strays = || view.strays.iter().filter(|stray| is_of(&stray.series.line));
    // A line that is not declared is known by what came of it.
    if let Some(name) = line.filter(|_| strays().next().is_none()) {
        find(view, name)?;
    }
    let lines = view.lines.iter().filter(|line| is_of(&line.name));
    let tags = lines.flat_map(|line| line.tags.iter().map(move |tag| One::Tag(line, tag)));
    Ok(tags.chain(strays().map(One::Stray)).collect())
}
