//! What the query of an address asks for: each parameter once, none that the path does not know, a sentence for what cannot stand
//! there; and cursors, by which a list goes on where it ended, whatever came meanwhile.

use super::problem::Problem;
use crate::plant::nearest;
use crate::reading::Timestamp;
use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::str::FromStr;

/// The parameters of a list that is given in pieces, beside its own.
pub(super) const LIMIT: &str = "limit";
pub(super) const CURSOR: &str = "cursor";

/// The parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Asked {
    of: Vec<(String, String)>,
    raw: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let raw = parts.uri.query().unwrap_or_default().to_owned();
        let of = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        Ok(Self { of: of.map(|Query(of)| of).unwrap_or_default(), raw })
    }
}

impl Asked {
    /// The same if it has these parameters only, each once.
    pub(super) fn only(self, known: &[&str]) -> Result<Self, Problem> {
        for (ix, (name, _)) in self.of.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let there: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
                let near = nearest(name, known.iter().copied());
                let hint =
                    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                let text = format!("`{name}` is no parameter here; there are: {there}{hint}");
                return Err(Problem::parameter(name, text));
            }
            if self.of[..ix].iter().any(|(before, _)| before == name) {
                let text = format!("`{name}` stands there twice: write it once");
                return Err(Problem::parameter(name, text));
            }
        }
        Ok(self)
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.of.iter().find(|(of, _)| of == name).map(|(_, text)| text.as_str())
    }

    /// The same, of one's own.
    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// A number, or what else is read from a text; `what` may stand there.
    pub(super) fn parsed<T: FromStr>(&self, name: &str, what: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.trim().parse().map(Some).map_err(|_| not(name, text, what))
    }

    /// How many are asked for, of 1 to `most`; `are` says what becomes of so many.
    pub(super) fn count(
        &self,
        name: &str,
        most: usize,
        are: &str,
    ) -> Result<Option<usize>, Problem> {
        let number = self.parsed(name, &format!("a whole number from 1 to {most}"))?;
        match number {
            Some(number) if !(1..=most).contains(&number) => {
                let text = format!("`{name}` is {number}; 1 to {most} {are}");
                Err(Problem::parameter(name, text))
            }
            number => Ok(number),
        }
    }

    /// One of these words.
    pub(super) fn word(
        &self,
        name: &str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let found = words.iter().find(|word| **word == text);
        found.map(|word| Some(*word)).ok_or_else(|| not(name, text, &one_of(words)))
    }

    /// A word that a type has.
    pub(super) fn worded<T: DeserializeOwned>(
        &self,
        name: &str,
        words: &[&'static str],
    ) -> Result<Option<T>, Problem> {
        let Some(word) = self.word(name, words)? else { return Ok(None) };
        let value = serde_json::from_value(word.into());
        value.map(Some).map_err(|_| not(name, word, &one_of(words)))
    }

    /// True or false.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        Ok(self.word(name, &["true", "false"])?.map(|word| word == "true"))
    }

    /// An instant: RFC 3339, or ms since 1970.
    pub(super) fn instant(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let at = match text.trim().parse() {
            Ok(millis) => Timestamp::from_millis(millis).ok(),
            // A plus sign that nobody encoded has become a space.
            Err(_) => Timestamp::parse_rfc3339(&text.trim().replace(' ', "+")).ok(),
        };
        let what = "a time such as `2026-01-23T06:00:00Z`, or ms since 1970";
        at.map(Some).ok_or_else(|| not(name, text, what))
    }

    /// Where a list goes on, if that is asked.
    pub(super) fn cursor<T: DeserializeOwned>(&self, list: &str) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(CURSOR) else { return Ok(None) };
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (of, place): (String, T) = serde_json::from_slice(&bytes).ok()?;
            (of == list).then_some(place)
        };
        let what = "what `next` of an answer of this path says";
        read().map(Some).ok_or_else(|| not(CURSOR, text, what))
    }

    /// Where a list goes on that is numbered: by its cursor, or by the parameter that it has had for that.
    pub(super) fn numbered<T: DeserializeOwned + FromStr>(
        &self,
        list: &str,
        by: &str,
    ) -> Result<Option<T>, Problem> {
        let number = self.parsed(by, "a whole number")?;
        match self.cursor(list)? {
            Some(_) if number.is_some() => {
                let text = format!("write `{CURSOR}` or `{by}`, not both");
                Err(Problem::parameter(CURSOR, text))
            }
            None => Ok(number),
            at => Ok(at),
        }
    }

    /// A document, and where the list goes on: also as a link relative to the path that was asked for, which holds behind any proxy.
    /// `instead` are parameters that said where this piece begins.
    pub(super) fn piece(
        &self,
        document: &impl Serialize,
        next: Option<&str>,
        instead: &[&str],
    ) -> Response {
        let mut answer = Json(document).into_response();
        if let Some(next) = next {
            let stays = |pair: &&str| {
                let name = pair.split('=').next().unwrap_or_default();
                !name.is_empty() && name != CURSOR && !instead.contains(&name)
            };
            let mut pairs: Vec<&str> = self.raw.split('&').filter(stays).collect();
            let cursor = format!("{CURSOR}={next}");
            pairs.push(&cursor);
            let link = format!("<?{}>; rel=\"next\"", pairs.join("&"));
            if let Ok(link) = HeaderValue::from_str(&link) {
                answer.headers_mut().insert(header::LINK, link);
            }
        }
        answer
    }
}

/// The text of a cursor of a list: opaque to who gets it.
pub(super) fn cursor(list: &str, place: &impl Serialize) -> String {
    let place = serde_json::to_vec(&(list, place)).expect("a place has only text keys");
    URL_SAFE_NO_PAD.encode(place)
}

/// Of one more than was asked for: so many, and whether there are more.
pub(super) fn cut<T>(mut all: Vec<T>, limit: usize) -> (Vec<T>, bool) {
    let more = all.len() > limit;
    all.truncate(limit);
    (all, more)
}

fn one_of(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match words.as_slice() {
        [all @ .., last] if !all.is_empty() => format!("{} or {last}", all.join(", ")),
        words => words.concat(),
    }
}

fn not(name: &str, text: &str, what: &str) -> Problem {
    let shown: String = text.chars().take(64).collect();
    Problem::parameter(name, format!("`{name}` is `{shown}`; write {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Asked {
        let request = axum::http::Request::get(format!("/x?{query}")).body(()).unwrap();
        let (mut parts, ()) = request.into_parts();
        let asking = Asked::from_request_parts(&mut parts, &());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(asking).unwrap()
    }

    fn text<T: std::fmt::Debug>(wrong: Result<T, Problem>) -> String {
        wrong.unwrap_err().detail().to_owned()
    }

    #[test]
    fn parameters_are_known_and_stand_once() {
        assert!(asked("line=a&limit=2").only(&["line", "limit"]).is_ok());
        let unknown = asked("lines=a").only(&["line", "limit"]);
        let expected =
            "`lines` is no parameter here; there are: `line`, `limit`; did you mean `line`?";
        assert_eq!(text(unknown), expected);
        assert_eq!(text(asked("x").only(&[])), "`x` is no parameter here; there are: none");
        assert_eq!(
            text(asked("line=a&line=b").only(&["line"])),
            "`line` stands there twice: write it once"
        );
    }

    #[test]
    fn what_cannot_stand_there_is_said_with_what_may() {
        let counted = |query: &str| asked(query).count("n", 5, "are given");
        assert_eq!(counted("n=5").unwrap(), Some(5));
        assert_eq!(counted("").unwrap(), None);
        assert_eq!(text(counted("n=6")), "`n` is 6; 1 to 5 are given");
        assert_eq!(text(counted("n=-1")), "`n` is `-1`; write a whole number from 1 to 5");
        let words = ["a", "b", "c"];
        assert_eq!(asked("w=b").word("w", &words).unwrap(), Some("b"));
        assert_eq!(text(asked("w=d").word("w", &words)), "`w` is `d`; write `a`, `b` or `c`");
        assert_eq!(asked("f=false").flag("f").unwrap(), Some(false));
        assert_eq!(text(asked("f=no").flag("f")), "`f` is `no`; write `true` or `false`");
    }

    #[test]
    fn instants_are_texts_or_milliseconds() {
        let at = |query: &str| asked(query).instant("at").unwrap().unwrap().to_rfc3339();
        assert_eq!(at("at=1769128260000"), "2026-01-23T00:31:00Z");
        assert_eq!(at("at=2026-01-23T00:31:00Z"), "2026-01-23T00:31:00Z");
        assert_eq!(at("at=2026-01-23T08:31:00%2B08:00"), "2026-01-23T00:31:00Z");
        assert_eq!(at("at=2026-01-23T08:31:00+08:00"), "2026-01-23T00:31:00Z");
        let expected =
            "`at` is `noon`; write a time such as `2026-01-23T06:00:00Z`, or ms since 1970";
        assert_eq!(text(asked("at=noon").instant("at")), expected);
    }

    #[test]
    fn a_cursor_is_of_its_list_only_and_the_link_keeps_what_was_asked() {
        let place = cursor("batches", &(5, "tm3"));
        let of = |list: &str| asked(&format!("cursor={place}")).cursor::<(i64, String)>(list);
        assert_eq!(of("batches").unwrap(), Some((5, "tm3".to_owned())));
        let expected =
            format!("`cursor` is `{place}`; write what `next` of an answer of this path says");
        assert_eq!(text(of("tags")), expected);
        assert!(asked("cursor=%20").cursor::<i64>("tags").is_err());
        assert_eq!(asked("before=7").numbered::<u64>("audit", "before").unwrap(), Some(7));
        let both = format!("before=7&cursor={}", cursor("audit", &3));
        assert_eq!(
            text(asked(&both).numbered::<u64>("audit", "before")),
            "write `cursor` or `before`, not both"
        );
        let answer = asked("line=a%26b&cursor=x&before=3").piece(&1, Some("y"), &["before"]);
        assert_eq!(answer.headers()[header::LINK], "<?line=a%26b&cursor=y>; rel=\"next\"");
        assert!(asked("").piece(&1, None, &[]).headers().get(header::LINK).is_none());
    }
}
