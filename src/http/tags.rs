//! Tags as they are now: in pieces where that is asked, by line, and by what is wrong with them.

use super::api::{Stray, Tag, Tags};
use super::data::find;
use super::problem::Problem;
use super::query::{Asked, CURSOR, LIMIT, cursor};
use super::router::Shared;
use crate::engine::{LineView, StrayView, View, sensor_faults};
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
    Tag(&'a LineView, Tag),
    Stray(&'a StrayView),
}

impl One<'_> {
    fn name(&self) -> (&str, &str, &str) {
        match self {
            Self::Tag(line, tag) => (&line.name, "", tag.id()),
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
    let all = all(&view, asked.text("line"), &wanted)?;
    let begin = after.map_or(0, |(number, line, area, tag)| {
        let named = |one: &One<'_>| one.name() == (&*line, &*area, &*tag);
        all.iter().position(named).map_or(number, |at| at + 1)
    });
    let end = limit.map_or(all.len(), |limit| begin.saturating_add(limit).min(all.len()));
    let next = all.get(..end).and_then(<[One<'_>]>::last).filter(|_| end < all.len()).map(|last| {
        let (line, area, tag) = last.name();
        cursor(LIST, &(end, line, area, tag))
    });
    let mut document = Tags { next: next.clone(), ..Tags::default() };
    for one in all.into_iter().take(end).skip(begin) {
        match one {
            One::Tag(_, tag) => document.tags.push(tag),
            One::Stray(stray) => document.undeclared.push(Stray::from(stray)),
        }
    }
    Ok(asked.piece(&document, next.as_deref(), &[]))
}

/// Those that are wanted: declared tags in the order of the configuration, then the others.
fn all<'a>(view: &'a View, line: Option<&str>, wanted: &Wanted) -> Result<Vec<One<'a>>, Problem> {
    let is_of = |name: &str| line.is_none_or(|line| line == name);
    let strays = || view.strays.iter().filter(|stray| is_of(&stray.series.line));
    // A line that is not declared is known by what came of it.
    if let Some(name) = line.filter(|_| strays().next().is_none()) {
        find(view, name)?;
    }
    let lines = view.lines.iter().filter(|line| is_of(&line.name));
    let tags = lines.flat_map(|line| {
        let takes = |tag: &&crate::engine::TagView| wanted.takes(&tag.health);
        line.tags.iter().filter(takes).map(move |tag| One::Tag(line, Tag::new(&line.name, tag)))
    });
    let strays = strays().filter(|_| wanted.takes_unjudged()).map(One::Stray);
    Ok(tags.chain(strays).collect())
}
