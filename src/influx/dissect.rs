//! Finds the lines that the server refuses, so that the others get through.
//!
//! A work list of parts of a chunk, at first the whole chunk; the next part to send is the last of
//! the list. What the answer does to it:
//!
//! | answer | the part | becomes |
//! | --- | --- | --- |
//! | stored | any | settled |
//! | too large | one line | parked |
//! | too large | more | its two halves |
//! | nothing stored | one line | parked |
//! | nothing stored | more | its two halves |
//! | some dropped: too old for the bucket, or all of them | any | parked as one, with their number |
//! | nothing stored, or some dropped, and lines named | any | those parked, the rest one part |
//! | some dropped | one line | parked |
//! | some dropped | more | its two halves |
//!
//! Halves are sent in order, so that of two lines for one point the later one stays. After
//! [`REQUESTS_MAX`] requests whatever is left is parked as one. Answers that say nothing about the
//! lines (not now, not you) never come here: the part is sent again.

use super::chunk::Chunk;
use super::failure::{Failure, Kind};
use std::collections::BTreeMap;

/// The most requests a chunk with bad lines may cost, besides those that only halve for size.
pub(super) const REQUESTS_MAX: u32 = 64;

/// Lines that the server refused for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parked {
    /// Which, in order.
    pub(super) lines: Vec<usize>,
    /// How many of them the server has not stored.
    pub(super) count: usize,
    /// The server's words.
    pub(super) reason: String,
}

/// The state of a chunk on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dissection {
    parts: Vec<Vec<usize>>,
    parked: Vec<Parked>,
    /// Requests since the first bad line was heard of.
    requests: u32,
    looking: bool,
    /// How many bad lines there still are, where the server has said how many it did not take.
    bad: Option<usize>,
}

impl Dissection {
    /// Nothing of the chunk is settled yet.
    pub(super) fn new(chunk: &Chunk) -> Self {
        let whole = (0..chunk.len()).collect();
        Self { parts: vec![whole], parked: Vec::new(), requests: 0, looking: false, bad: None }
    }

    /// The lines to send next; `None` when everything is settled.
    pub(super) fn next(&self) -> Option<&[usize]> {
        self.parts.last().map(Vec::as_slice)
    }

    /// True once lines were refused: further requests look for the bad ones.
    pub(super) fn is_search(&self) -> bool {
        self.looking
    }

    /// What was refused, once everything is settled.
    pub(super) fn into_parked(self) -> Vec<Parked> {
        self.parked
    }

    /// The part was stored.
    pub(super) fn stored(&mut self) {
        self.parts.pop();
        self.asked("the server named no line");
    }

    /// The part, or some of it, was refused; `failure` is of a kind that is about the lines.
    pub(super) fn refused(&mut self, chunk: &Chunk, failure: &Failure) {
        let Some(part) = self.parts.pop() else { return };
        let words = failure.words();
        if let Kind::Partial { dropped: Some(n), .. } = failure.kind
            && self.parts.is_empty()
            && self.parked.is_empty()
        {
            self.bad = usize::try_from(n).ok().filter(|n| *n > 0);
        }
        let whole = match failure.kind {
            Kind::Partial { dropped, outside_retention } => dropped
                .and_then(|n| usize::try_from(n).ok())
                .filter(|n| *n > 0 && (outside_retention || *n >= part.len())),
            _ => None,
        };
        self.looking |= failure.kind != Kind::TooLarge;
        if let Some(count) = whole {
            self.park(part, count, &words);
        } else {
            let (named, rest) = named(chunk, part, failure);
            if named.is_empty() {
                self.split_or_park(rest, &words);
            } else {
                for (line, reason) in named {
                    self.park(vec![line], 1, &reason);
                }
                // What a server says that it has stored is sent once more: it overwrites equal
                // points, and only then it is known that no other line was bad.
                if !rest.is_empty() {
                    self.parts.push(rest);
                }
            }
        }
        if failure.kind != Kind::TooLarge {
            self.asked(&words);
        }
    }

    fn split_or_park(&mut self, mut part: Vec<usize>, words: &str) {
        if part.len() > 1 {
            let right = part.split_off(part.len() / 2);
            self.parts.push(right);
            self.parts.push(part);
        } else {
            self.park(part, 1, words);
        }
    }

    fn park(&mut self, lines: Vec<usize>, count: usize, reason: &str) {
        if !lines.is_empty() {
            let count = count.min(lines.len());
            self.bad = self.bad.map(|bad| bad.saturating_sub(count));
            self.parked.push(Parked { lines, count, reason: reason.to_owned() });
        }
    }

    /// Counts a request, and gives up the search after the last one that is allowed.
    fn asked(&mut self, words: &str) {
        if !self.looking {
            return;
        }
        self.requests += 1;
        if self.requests >= REQUESTS_MAX && !self.parts.is_empty() {
            let mut rest: Vec<usize> = self.parts.drain(..).flatten().collect();
            rest.sort_unstable();
            // The server may have said how many of them it did not take.
            let count = self.bad.map_or(rest.len(), |bad| bad.max(1));
            let reason = format!("not singled out within {REQUESTS_MAX} requests; last: {words}");
            self.park(rest, count, &reason);
        }
    }
}

/// The lines of a part that the server names, each with its reason, and the others.
fn named(chunk: &Chunk, part: Vec<usize>, failure: &Failure) -> (Vec<(usize, String)>, Vec<usize>) {
    let by_number: BTreeMap<usize, &str> =
        failure.named.iter().map(|(place, reason)| (*place, reason.as_str())).collect();
    let by_quote = quoted(&failure.text);
    let mut named = Vec::new();
    let mut rest = Vec::new();
    for (place, line) in part.into_iter().enumerate() {
        let reason = by_number.get(&place).map(|reason| (*reason).to_owned()).or_else(|| {
            let reason = by_quote.get(chunk.line(line))?;
            Some(format!("unable to parse it: {reason}"))
        });
        match reason {
            Some(reason) => named.push((line, reason)),
            None => rest.push(line),
        }
    }
    (named, rest)
}

/// The lines that the server's words quote as those it cannot parse, each with its reason.
fn quoted(text: &str) -> BTreeMap<&[u8], &str> {
    const OPENING: &str = "unable to parse '";
    const CLOSING: &str = "': ";
    // InfluxDB 1 ends its list with a number that is not about the last line.
    const END: &str = " dropped=0";
    let mut reasons = BTreeMap::new();
    for segment in text.split(OPENING).skip(1) {
        // A line may contain the closing words itself: every cut is a candidate.
        for (cut, _) in segment.match_indices(CLOSING) {
            let reason = segment[cut + CLOSING.len()..].lines().next().unwrap_or_default();
            let reason = reason.strip_suffix(END).unwrap_or(reason);
            reasons.entry(&segment.as_bytes()[..cut]).or_insert(reason);
        }
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Item;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::fmt::Write;

    fn chunk(lines: usize) -> Chunk {
        let mut body = String::new();
        for n in 0..lines {
            writeln!(body, "m v={n} {n}").unwrap();
        }
        let count = u32::try_from(lines).unwrap();
        Chunk::new(&[Item { id: 1, key: String::new(), count, body: body.into() }])
    }

    fn failure(kind: Kind, text: &str) -> Failure {
        Failure { kind, status: Some(400), text: text.to_owned(), named: Vec::new() }
    }

    /// Runs a dissection against a server that answers by the lines it gets. Returns the lines that
    /// were stored, in the order of their last writing, what was parked, and the requests.
    fn run(
        lines: usize,
        mut server: impl FnMut(&[usize]) -> Result<(), Failure>,
    ) -> (Vec<usize>, Vec<Parked>, u32) {
        let chunk = chunk(lines);
        let mut dissection = Dissection::new(&chunk);
        let mut stored = Vec::new();
        let mut requests = 0;
        while let Some(part) = dissection.next() {
            requests += 1;
            match server(part) {
                Ok(()) => {
                    stored.extend_from_slice(part);
                    dissection.stored();
                }
                Err(failure) => dissection.refused(&chunk, &failure),
            }
        }
        (stored, dissection.into_parked(), requests)
    }

    fn parked_lines(parked: &[Parked]) -> Vec<usize> {
        parked.iter().flat_map(|parked| parked.lines.iter().copied()).collect()
    }

    /// A server that stores nothing of a part with a bad line.
    fn refuses(bad: &[usize]) -> impl FnMut(&[usize]) -> Result<(), Failure> {
        |part: &[usize]| {
            if part.iter().any(|line| bad.contains(line)) {
                Err(failure(Kind::Permanent, "bad"))
            } else {
                Ok(())
            }
        }
    }

    #[test]
    fn a_good_chunk_is_one_request() {
        assert_eq!(run(5000, |_| Ok(())), ((0..5000).collect(), vec![], 1));
        assert_eq!(run(0, |_| Ok(())), (vec![], vec![], 1));
        assert_eq!(run(0, |_| Err(failure(Kind::Permanent, "no points"))), (vec![], vec![], 1));
    }

    #[test]
    fn one_bad_line_of_5000_is_singled_out() {
        for bad in [0, 1, 2499, 2500, 4321, 4999] {
            let (stored, parked, requests) = run(5000, refuses(&[bad]));
            let others: Vec<_> = (0..5000).filter(|line| *line != bad).collect();
            assert_eq!(stored, others);
            assert_eq!(parked.len(), 1);
            assert_eq!((&parked[0].lines, parked[0].count), (&vec![bad], 1));
            assert_eq!(parked[0].reason, "the server answered 400: bad");
            assert!(requests <= 27, "{requests}");
        }
    }

    #[test]
    fn lines_that_the_server_names_cost_one_request_more() {
        let bad: BTreeSet<usize> = (0..5000).step_by(7).collect();
        let whole = chunk(5000);
        let (stored, parked, requests) = run(5000, |part| {
            let errors: Vec<String> = part
                .iter()
                .filter(|line| bad.contains(line))
                .map(|line| {
                    let text = String::from_utf8_lossy(whole.line(*line)).into_owned();
                    format!("unable to parse '{text}': no {line}")
                })
                .collect();
            if errors.is_empty() {
                Ok(())
            } else {
                Err(failure(Kind::Permanent, &errors.join("\n")))
            }
        });
        assert_eq!(requests, 2);
        assert_eq!(stored.len() + bad.len(), 5000);
        assert_eq!(parked_lines(&parked), bad.iter().copied().collect::<Vec<_>>());
        assert_eq!(parked[1].reason, "unable to parse it: no 7");
    }

    #[test]
    fn a_named_line_may_contain_the_words_around_it() {
        let body = "m s=\"unable to parse 'x': y\" 1\nm v=1 2\n";
        let chunk = Chunk::new(&[Item { id: 1, key: String::new(), count: 2, body: body.into() }]);
        let text = "unable to parse 'm s=\"unable to parse 'x': y\" 1': whatever";
        let ask = |text| named(&chunk, vec![0, 1], &failure(Kind::Permanent, text));
        let (named, rest) = ask(text);
        // Cut apart by its own words it is not recognised, and will be found by halves.
        assert_eq!((named, rest), (vec![], vec![0, 1]));
        let (named, rest) = ask("unable to parse 'm v=1 2': bad");
        assert_eq!((named, rest), (vec![(1, "unable to parse it: bad".to_owned())], vec![0]));
    }

    #[test]
    fn too_many_bad_lines_end_the_search() {
        let (stored, parked, requests) = run(5000, |part| {
            if part.iter().any(|line| line % 10 == 0) {
                Err(failure(Kind::Permanent, "bad"))
            } else {
                Ok(())
            }
        });
        assert_eq!(requests, REQUESTS_MAX);
        let mut all = stored;
        all.extend(parked_lines(&parked));
        all.sort_unstable();
        assert_eq!(all, (0..5000).collect::<Vec<_>>());
        let last = parked.last().unwrap();
        assert_eq!(
            last.reason,
            "not singled out within 64 requests; last: the server answered 400: bad"
        );
    }

    #[test]
    fn a_partial_write_is_narrowed_to_the_dropped_line() {
        let (_, parked, requests) = run(5000, |part| {
            if part.contains(&77) {
                let kind = Kind::Partial { dropped: Some(1), outside_retention: false };
                Err(failure(kind, "type conflict dropped=1"))
            } else {
                Ok(())
            }
        });
        assert_eq!(parked_lines(&parked), [77]);
        assert!(requests <= 27, "{requests}");
    }

    #[test]
    fn lines_named_by_their_number_in_what_was_sent_cost_one_request_for_each_list() {
        let bad: Vec<usize> = (0..5000).step_by(20).collect();
        for kind in [Kind::Permanent, Kind::Partial { dropped: None, outside_retention: false }] {
            let (stored, parked, requests) = run(5000, |part| {
                let places = part.iter().enumerate().filter(|(_, line)| bad.contains(line));
                // A list has a hundred entries at most.
                let named: Vec<_> =
                    places.map(|(place, line)| (place, format!("no {line}"))).take(100).collect();
                if named.is_empty() {
                    return Ok(());
                }
                Err(Failure { named, ..failure(kind, "some") })
            });
            assert_eq!((requests, stored.len()), (4, 4750));
            assert_eq!(parked_lines(&parked), bad);
            assert_eq!(parked[7].reason, "no 140");
        }
    }

    #[test]
    fn a_number_beyond_the_lines_names_none() {
        let (stored, parked, _) = run(4, |part| {
            if part.contains(&2) {
                let named = vec![(4, "none".to_owned())];
                Err(Failure { named, ..failure(Kind::Permanent, "bad") })
            } else {
                Ok(())
            }
        });
        assert_eq!((stored, parked_lines(&parked)), (vec![0, 1, 3], vec![2]));
    }

    #[test]
    fn a_partial_write_may_quote_the_lines_that_it_cannot_parse() {
        let kind = Kind::Partial { dropped: Some(0), outside_retention: false };
        let text = "partial write: unable to parse 'm v=1 1': no\nunable to parse 'm v=3 3': bad dropped=0";
        let (stored, parked, requests) =
            run(5, |part| if part.contains(&1) { Err(failure(kind, text)) } else { Ok(()) });
        assert_eq!((stored, requests), (vec![0, 2, 4], 2));
        let reasons: Vec<_> = parked.iter().map(|parked| parked.reason.as_str()).collect();
        assert_eq!(reasons, ["unable to parse it: no", "unable to parse it: bad"]);
    }

    #[test]
    fn what_is_too_old_is_parked_as_one_with_its_number() {
        let kind = Kind::Partial { dropped: Some(3), outside_retention: true };
        let (_, parked, requests) = run(100, |_| Err(failure(kind, "old")));
        assert_eq!(requests, 1);
        assert_eq!((parked[0].lines.len(), parked[0].count), (100, 3));
        let kind = Kind::Partial { dropped: Some(100), outside_retention: false };
        let (_, parked, requests) = run(100, |_| Err(failure(kind, "all")));
        assert_eq!(requests, 1);
        assert_eq!((parked[0].lines.len(), parked[0].count), (100, 100));
        // A number beyond the lines that were sent, as of a server that counts fields.
        let kind = Kind::Partial { dropped: Some(900), outside_retention: true };
        let (_, parked, _) = run(100, |_| Err(failure(kind, "all")));
        assert_eq!(parked[0].count, 100);
    }

    #[test]
    fn a_chunk_too_large_is_halved_until_it_fits() {
        let (stored, parked, requests) =
            run(
                1000,
                |part| {
                    if part.len() > 100 { Err(failure(Kind::TooLarge, "")) } else { Ok(()) }
                },
            );
        assert_eq!((stored, parked), ((0..1000).collect(), vec![]));
        assert_eq!(requests, 31);
        let (stored, parked, _) =
            run(
                200,
                |part| {
                    if part.contains(&9) { Err(failure(Kind::TooLarge, "")) } else { Ok(()) }
                },
            );
        assert_eq!((stored.len(), parked_lines(&parked)), (199, vec![9]));
    }

    proptest! {
        #[test]
        fn every_line_is_settled_once_and_in_order(
            lines in 0_usize..300,
            bad in proptest::collection::btree_set(0_usize..300, 0..40),
        ) {
            let bad: Vec<_> = bad.into_iter().collect();
            let (stored, parked, requests) = run(lines, refuses(&bad));
            prop_assert!(requests <= REQUESTS_MAX);
            prop_assert!(stored.is_sorted());
            prop_assert!(stored.iter().all(|line| !bad.contains(line)));
            let mut all = stored;
            all.extend(parked_lines(&parked));
            all.sort_unstable();
            prop_assert_eq!(all, (0..lines).collect::<Vec<_>>());
        }
    }
}
