use super::*;

/// 2026-01-23T00:00:00Z, a Friday.
const FRIDAY: &str = "2026-01-23T00:00:00Z";

fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

/// A batch of an hour that begins so many hours after Friday; flagged after so many minutes; found so.
fn batch(hour: u64, flag: Option<u64>, found: Found) -> Scored {
    let minutes = |n: u64| std::time::Duration::from_secs(n * 60);
    let started = at(FRIDAY).plus(minutes(hour * 60));
    Scored {
        line: "tm3".into(),
        grade: Some("g".into()),
        started,
        ended: started.plus(minutes(60)),
        found,
        first_flag: flag.map(|flag| started.plus(minutes(flag))),
        flagged_since: flag.map(|flag| started.plus(minutes(flag))),
        mass_kg: Some(2000.0),
        outside: Vec::new(),
    }
}

#[test]
fn every_cell_of_the_table_is_counted_by_hand() {
    let mut batches = vec![
        batch(0, Some(15), Found::Bad),
        batch(1, Some(45), Found::Bad),
        batch(2, Some(30), Found::Bad),
        batch(3, None, Found::Bad),
        // At its end: nobody could have acted on it.
        batch(4, Some(60), Found::Bad),
        batch(5, Some(10), Found::Good),
        batch(6, None, Found::Good),
        batch(7, None, Found::Good),
        batch(8, Some(1), Found::Acted),
        batch(9, None, Found::Acted),
        batch(10, Some(1), Found::Open),
        batch(11, None, Found::Open),
    ];
    batches[2].mass_kg = None;
    batches[0].outside = vec!["tensile".into(), "bulk".into()];
    batches[3].outside = vec!["tensile".into()];
    batches[5].outside = vec!["bulk".into()];
    let board = Scoreboard::of(&batches, Period::All);
    let figures = &board.total;
    let counts = [figures.right, figures.wrong, figures.missed, figures.quiet];
    assert_eq!(counts, [3, 1, 2, 2]);
    assert_eq!([figures.acted, figures.open, figures.unscored, figures.batches], [1, 1, 2, 12]);
    let rate = |rate: Rate| (rate.count, rate.of, rate.rate);
    assert_eq!(rate(figures.precision), (3, 4, Some(0.75)));
    assert_eq!(rate(figures.recall), (3, 5, Some(0.6)));
    assert_eq!(rate(figures.wrong_flags), (1, 3, Some(1.0 / 3.0)));
    // Clopper and Pearson of 3 of 4, from a table.
    let Rate { low, high, .. } = figures.precision;
    assert!((low - 0.1941).abs() < 1e-4 && (high - 0.9937).abs() < 1e-4, "{low} {high}");
    assert_eq!((figures.lead_s, figures.share_left), (Some(1800.0), Some(0.5)));
    // 2 t, of which three and one quarters were left; the third has no mass.
    assert_eq!((figures.tonnes_saved, figures.tonnes_falsely_held), (2.0, 2.0));
    assert_eq!(figures.without_mass, 1);
    let properties: Vec<_> =
        figures.properties.iter().map(|p| (&*p.property, p.outside, p.flagged)).collect();
    assert_eq!(properties, [("tensile", 2, 1), ("bulk", 1, 1)]);
    assert_eq!((board.rows.len(), board.rows[0].from), (1, None));
    assert_eq!(board.rows[0].figures, board.total);
}

#[test]
fn a_flag_that_was_withdrawn_caught_nothing_and_was_wrong_all_the_same() {
    let withdrawn = |found| Scored { flagged_since: None, ..batch(0, Some(5), found) };
    let raised_again = Scored {
        flagged_since: Some(at(FRIDAY).plus(std::time::Duration::from_secs(45 * 60))),
        ..batch(0, Some(5), Found::Bad)
    };
    let board =
        Scoreboard::of(&[withdrawn(Found::Bad), withdrawn(Found::Good), raised_again], Period::All);
    let figures = &board.total;
    assert_eq!([figures.right, figures.wrong, figures.missed, figures.quiet], [1, 1, 1, 0]);
    assert_eq!((figures.lead_s, figures.tonnes_saved), (Some(900.0), 0.5));
}

#[test]
fn nothing_has_no_rate_and_any_may_be_true() {
    let board = Scoreboard::of(&[], Period::Week);
    assert!(board.rows.is_empty());
    let Rate { of, rate, low, high, .. } = board.total.precision;
    assert_eq!((of, rate, low, high), (0, None, 0.0, 1.0));
    assert_eq!((board.total.lead_s, board.total.tonnes_saved), (None, 0.0));
}

#[test]
fn batches_count_for_the_period_of_their_end_by_line_and_grade() {
    let mut batches = vec![
        // From Sunday to Monday.
        batch(71, None, Found::Good),
        batch(3 * 24 - 2, None, Found::Good),
        batch(0, None, Found::Good),
        batch(0, Some(1), Found::Good),
    ];
    batches[3].line = "tm2".into();
    let board = Scoreboard::of(&batches, Period::Week);
    let rows: Vec<_> = board
        .rows
        .iter()
        .map(|row| {
            let time = |ms: Option<i64>| Timestamp::from_millis(ms.unwrap()).unwrap().to_rfc3339();
            (time(row.from), time(row.to), row.line.to_string(), row.figures.batches)
        })
        .collect();
    let week = |from: &str, to: &str, line: &str, n| {
        (format!("{from}T00:00:00Z"), format!("{to}T00:00:00Z"), line.to_owned(), n)
    };
    assert_eq!(
        rows,
        [
            week("2026-01-19", "2026-01-26", "tm2", 1),
            week("2026-01-19", "2026-01-26", "tm3", 2),
            week("2026-01-26", "2026-02-02", "tm3", 1),
        ]
    );
    assert_eq!(board.total.batches, 4);
}

#[test]
fn days_weeks_and_months_have_their_ends() {
    let check = |by: Period, instant: &str, from: &str, to: &str| {
        let (found_from, found_to) = by.around(at(instant)).unwrap();
        let day = |ms: i64| Timestamp::from_millis(ms).unwrap().to_rfc3339()[..10].to_owned();
        assert_eq!((&*day(found_from), &*day(found_to)), (from, to), "{by:?} of {instant}");
    };
    check(Period::Day, "2026-01-23T23:59:59Z", "2026-01-23", "2026-01-24");
    check(Period::Day, "1969-12-31T23:59:59Z", "1969-12-31", "1970-01-01");
    check(Period::Week, "2026-01-25T23:59:59Z", "2026-01-19", "2026-01-26");
    check(Period::Week, "2026-01-26T00:00:00Z", "2026-01-26", "2026-02-02");
    check(Period::Week, "1970-01-01T00:00:00Z", "1969-12-29", "1970-01-05");
    for (instant, from, to) in [
        ("2026-01-01T00:00:00Z", "2026-01-01", "2026-02-01"),
        ("2026-02-28T23:59:59Z", "2026-02-01", "2026-03-01"),
        ("2024-02-29T12:00:00Z", "2024-02-01", "2024-03-01"),
        ("2024-03-01T00:00:00Z", "2024-03-01", "2024-04-01"),
        ("2100-02-10T00:00:00Z", "2100-02-01", "2100-03-01"),
        ("2000-02-29T00:00:00Z", "2000-02-01", "2000-03-01"),
        ("2025-12-31T23:59:59Z", "2025-12-01", "2026-01-01"),
        ("2026-04-30T00:00:00Z", "2026-04-01", "2026-05-01"),
        ("1969-07-20T00:00:00Z", "1969-07-01", "1969-08-01"),
    ] {
        check(Period::Month, instant, from, to);
    }
}
