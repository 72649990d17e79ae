//! Sources of several tags, with clocks and ways of every kind.

use super::*;
use proptest::prelude::*;

/// One reading under way: when it arrives, when it says it was measured, and its tag.
type Sent = (i64, i64, usize);

fn ms(ms: i64) -> Timestamp {
    Timestamp::from_nanos(ms * 1_000_000)
}

/// A working day in 2026, so that nothing is of the years before 2000.
const BEGIN: i64 = 1_795_700_000_000;

/// Readings of a tag each `every` ms for `minutes`: `clock` gives what its clock shows more than is so,
/// `arrives` when what is measured at an instant arrives.
fn tag(
    tag: usize,
    (every, minutes): (i64, i64),
    clock: impl Fn(i64) -> i64,
    arrives: impl Fn(i64) -> i64,
) -> Vec<Sent> {
    (0..minutes * 60_000 / every)
        .map(|n| n * every)
        .map(|at| (arrives(at), at + clock(at), tag))
        .collect()
}

/// On its way for some 20 to 400 ms.
fn soon(at: i64) -> i64 {
    at + 20 + (at / 1000 * 7919) % 380
}

fn right(_: i64) -> i64 {
    0
}

/// Feeds all that was sent in order of arrival; what was found and lost, with the minute.
fn found(mut sent: Vec<Sent>) -> Vec<String> {
    sent.sort_unstable();
    let tags = sent.iter().map(|(.., tag)| tag + 1).max().unwrap_or(0);
    let mut clocks = vec![TagClock::default(); tags];
    let mut source = SourceClock::default();
    let mut said = Vec::new();
    let mut last = vec![None; tags];
    for (received, at, tag) in sent {
        let minute = received / 60_000;
        let (at, received) = (ms(BEGIN + at), ms(BEGIN + received));
        let clock = &mut clocks[tag];
        let progress = clock.newest().or(source.newest());
        let beyond = beyond(at, received, progress);
        let conflict = last[tag].replace(at) == Some(at);
        let stamp = Stamp { at, received, beyond, conflict, measures: true };
        let report = clock.hear(&stamp);
        if source.hear(&stamp, report) {
            let word = source.trouble().map_or("well", |(trouble, _)| trouble.as_str());
            said.push(format!("{minute} source {word}"));
        }
        let fault = |clock: &TagClock| clock.off.map(|off| off.fault.as_str());
        let before = fault(clock);
        if clock.judge(&source, received, report.is_some()) {
            let now =
                fault(clock).map_or_else(|| format!("no more {}", before.unwrap()), Into::into);
            said.push(format!("{minute} tag {tag} {now}"));
        }
    }
    said
}

/// Five tags of a second, one of ten seconds and one of a minute, all right; and these.
fn among(odd: Vec<Sent>, minutes: i64) -> Vec<String> {
    let mut sent = odd;
    for n in 1..8 {
        let every = [1000, 1000, 1000, 1000, 1000, 10_000, 60_000][n - 1];
        sent.extend(tag(n, (every, minutes), right, soon));
    }
    found(sent)
}

#[test]
fn one_tag_that_is_off_is_named_and_its_source_is_not() {
    let from_half_an_hour = |by: i64| move |at: i64| if at >= 1_800_000 { by } else { 0 };
    for every in [1000, 10_000, 60_000] {
        for (by, within) in [(-90_000, 29), (90_000, 5), (45_000, 29), (-5 * 3_600_000, 5)] {
            let said = among(tag(0, (every, 70), from_half_an_hour(by), soon), 70);
            let case = format!("{every} ms, {by} ms: {said:?}");
            assert_eq!(said.len(), 1, "{case}");
            let (minute, what) = said[0].split_once(' ').unwrap();
            assert_eq!(what, "tag 0 skew", "{case}");
            assert!((30..=30 + within).contains(&minute.parse::<i64>().unwrap()), "{case}");
        }
    }
}

#[test]
fn tag_whose_clock_is_set_right_is_well_within_two_blocks() {
    let for_half_an_hour = |by: i64| move |at: i64| if at < 1_800_000 { by } else { 0 };
    for by in [-90_000, 90_000, -5 * 3_600_000] {
        let said = among(tag(0, (1000, 60), for_half_an_hour(by), soon), 60);
        assert_eq!(said.len(), 2, "{by}: {said:?}");
        let (minute, what) = said[1].split_once(' ').unwrap();
        assert_eq!(what, "tag 0 no more skew");
        assert!((30..=41).contains(&minute.parse::<i64>().unwrap()), "{by}: {said:?}");
    }
}

#[test]
fn whole_source_that_is_off_is_one_trouble_and_no_tag_s() {
    let all = |by: i64| {
        let from = move |at: i64| if at >= 1_800_000 { by } else { 0 };
        (0..6).flat_map(|n| tag(n, (1000 + 9000 * i64::from(n == 5), 80), from, soon)).collect()
    };
    for (by, word) in
        [(-90_000, "behind"), (90_000, "future"), (40_000, "ahead"), (-8 * 3_600_000, "far-past")]
    {
        let said = found(all(by));
        assert_eq!(said.len(), 1, "{by}: {said:?}");
        assert!(said[0].ends_with(&format!("source {word}")), "{by}: {said:?}");
    }
}

#[test]
fn tag_that_is_right_is_not_held_against_a_source_that_is_not() {
    // What the others say is on its way for 15 s, or their clock is off: a source may be told, no tag.
    for (by, told) in
        [(-15_000, None), (-90_000, Some("source behind")), (40_000, Some("source ahead"))]
    {
        let mut sent = tag(0, (10_000, 120), right, soon);
        sent.extend((1..6).flat_map(|n| tag(n, (1000, 120), |_| by, soon)));
        let said = found(sent);
        assert_eq!(said.len(), usize::from(told.is_some()), "{by}: {said:?}");
        assert!(told.is_none_or(|told| said[0].ends_with(told)), "{by}: {said:?}");
    }
}

#[test]
fn clock_that_stands_still_is_named_alone_and_as_a_source() {
    let stands = |at: i64| if at >= 600_000 { 600_000 - at } else { 0 };
    let said = among(tag(0, (1000, 15), stands, soon), 15);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].ends_with("tag 0 frozen-clock"), "{said:?}");
    let said = found((0..4).flat_map(|n| tag(n, (1000, 15), stands, soon)).collect());
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].ends_with("source frozen-clock"), "{said:?}");
    // Many values under one stamp of a minute's resolution stand still for a minute at most.
    let minutes = |at: i64| -(at % 60_000);
    assert_eq!(among(tag(0, (1000, 60), minutes, soon), 60), [""; 0]);
}

#[test]
fn nothing_of_all_this_is_taken_for_a_wrong_clock() {
    // A gateway that sends once a minute what it took, at the minute's end, and one in five.
    let each = |period: i64| move |at: i64| (at / period + 1) * period + 200 - 1;
    for period in [60_000, 300_000] {
        for every in [1000, 10_000, 60_000] {
            let said = among(tag(0, (every, 240), right, each(period)), 240);
            assert_eq!(said, [""; 0], "{period} {every}");
            let all = (0..5).flat_map(|n| tag(n, (every, 240), right, each(period))).collect();
            assert_eq!(found(all), [""; 0], "all of {period} {every}");
        }
    }
    // A laboratory: every twenty minutes, a quarter of an hour later.
    assert_eq!(among(tag(0, (1_200_000, 1200), right, |at| at + 900_000), 1200), [""; 0]);
    // An outage of three hours; then a backlog, ten times as fast and a fifth faster than it was made.
    let backlog = |rate: i64| {
        move |at: i64| {
            let (down, up) = (1_800_000, 12_600_000);
            if at < down { soon(at) } else { soon(at).max(up + (at - down) * 10 / rate) }
        }
    };
    for rate in [12, 100] {
        let said = among(tag(0, (1000, 720), right, backlog(rate)), 720);
        assert_eq!(said, [""; 0], "one at {rate}");
        let all = (0..5).flat_map(|n| tag(n, (1000, 720), right, backlog(rate))).collect();
        assert_eq!(found(all), [""; 0], "all at {rate}");
    }
    // A recording, and one that is played at half and at sixty times its speed.
    assert_eq!(among(tag(0, (1000, 60), right, |at| at), 60), [""; 0]);
    for speed in [1, 120] {
        let played = |n: usize| {
            let mut sent = tag(n, (1000, 240), right, |at| at * 2 / speed);
            for (_, at, _) in &mut sent {
                *at -= 300 * 86_400_000;
            }
            sent
        };
        assert_eq!(found((0..5).flat_map(played).collect()), [""; 0], "{speed}");
    }
    // One stamp in each five minutes is wrong by itself.
    let stray = |at: i64| if at % 300_000 == 0 { 50_000 } else { 0 };
    assert_eq!(among(tag(0, (1000, 120), stray, soon), 120), [""; 0]);
}

#[test]
fn guards_ask_what_was_heard_before() {
    let now = 1_000 * 86_400_000;
    let hour = 3_600_000;
    for (at, progress, expected) in [
        (now, None, None),
        (now + 60_000, None, None),
        (now + 60_001, None, Some(Beyond::Future)),
        // Goes on from where it stopped, or is heard for the first time.
        (now - 3 * hour, Some(now - 4 * hour), None),
        (now - 3 * hour, Some(now - 3 * hour + 60_000), None),
        (now - 3 * hour, None, None),
        // Went back.
        (now - 3 * hour, Some(now), Some(Beyond::Past)),
        (now - hour + 30_000, Some(now), Some(Beyond::Past)),
        (now - hour + 90_000, Some(now), None),
        // Of 1970, whatever was heard.
        (1_768_000_000 - BEGIN, None, Some(Beyond::Past)),
        (1_768_000_000 - BEGIN, Some(1_768_000_000 - BEGIN), Some(Beyond::Past)),
    ] {
        let progress = progress.map(|at: i64| ms(BEGIN + at));
        assert_eq!(beyond(ms(BEGIN + at), ms(BEGIN + now), progress), expected, "{at}");
    }
}

#[test]
fn the_words_of_a_span_have_one_unit() {
    for (seconds, expected) in
        [(90, "90 s"), (-90, "90 s"), (600, "10 min"), (18_000, "5 h"), (1_771_000_000, "56 years")]
    {
        assert_eq!(words(seconds * SECOND), expected);
    }
}

proptest! {
    #[test]
    fn a_tag_s_clock_stays_small_and_finds_nothing_where_all_is_right(
        delays in prop::collection::vec(0_i64..9000, 600..1200),
    ) {
        let mut sent: Vec<Sent> = Vec::new();
        for n in 0..4 {
            sent.extend(tag(n, (2000, 35), right, |at| {
                let ix = usize::try_from(at / 2000).unwrap() * (n + 1) % delays.len();
                at + delays[ix]
            }));
        }
        prop_assert_eq!(found(sent), Vec::<String>::new());
    }
}
