//! What is counted of a backtest, and what is said where there is little to count.

use super::*;
use crate::models::Flag;
use crate::verdict::Call;

fn at(s: i64) -> Timestamp {
    Timestamp::from_nanos(s * 1_000_000_000)
}

fn finished(id: &str, found: Outcome, first_flag: Option<i64>) -> FinishedBatch {
    FinishedBatch {
        id: id.into(),
        started: at(100),
        ended: at(300),
        verdict: if first_flag.is_some() { Call::AtRisk } else { Call::OnSpec },
        first_flag: first_flag.map(at),
        found,
        made: crate::models::Made::default(),
    }
}

fn said(flag: Option<i64>) -> Said {
    let peak = Some(if flag.is_some() { 2.5 } else { 0.5 });
    Said { peak, flag: flag.map(|s| Flag { at: at(s), tags: vec!["steam".into()] }), seen: true }
}

#[test]
fn a_row_says_how_much_was_left_by_whom() {
    let row = Row::of(&finished("R1", Outcome::Bad, Some(250)), said(Some(150)), false);
    assert_eq!((row.live.share_left, row.model.share_left), (Some(0.25), Some(0.75)));
    assert_eq!((row.live.verdict, row.found, row.model.flagged), ("at-risk", "bad", true));
    assert_eq!((row.started, row.ended), (100_000, 300_000));
    assert_eq!((row.live.first_flag, row.model.first_flag), (Some(250_000), Some(150_000)));
    let row = Row::of(&finished("R2", Outcome::Good, None), said(None), true);
    assert_eq!((row.live.share_left, row.model.share_left), (None, None));
    assert!(row.learned && !row.model.flagged && row.model.tags.is_empty());
    // A batch that began and ended at one instant, and a flag that was raised in the frame that its end cut.
    let odd = FinishedBatch { started: at(300), ..finished("R3", Outcome::Open, Some(301)) };
    assert_eq!(Row::of(&odd, said(None), false).live.share_left, Some(0.0));
    let cut = finished("R4", Outcome::Open, Some(301));
    assert_eq!(Row::of(&cut, said(None), false).live.share_left, Some(0.0));
}

#[test]
fn what_the_model_learned_or_nobody_decided_is_in_no_figure() {
    let row = |found, live: Option<i64>, model, learned| {
        Row::of(&finished("R", found, live), said(model), learned)
    };
    let (flag, none) = (Some(200), None);
    let mut rows = vec![
        row(Outcome::Bad, flag, flag, false),
        row(Outcome::Bad, none, flag, false),
        row(Outcome::Bad, none, none, false),
        row(Outcome::Good, flag, none, false),
        row(Outcome::Good, none, flag, false),
        row(Outcome::Good, none, none, false),
        row(Outcome::Good, none, none, false),
        row(Outcome::Good, flag, flag, true),
        row(Outcome::Bad, flag, flag, true),
        row(Outcome::Acted, flag, flag, false),
        row(Outcome::Open, flag, flag, false),
        row(Outcome::Open, flag, flag, false),
        row(Outcome::Good, flag, flag, false),
        row(Outcome::Open, none, none, false),
    ];
    rows[12].model.seen = false;
    rows[13].model.seen = false;
    let Summary { bad, good, learned, acted, open, unseen } = Summary::of(&rows);
    assert_eq!((bad.of, bad.model.flagged, bad.live.flagged), (3, 2, 1));
    assert_eq!((good.of, good.model.flagged, good.live.flagged), (4, 1, 1));
    assert_eq!((learned, acted, open, unseen), (2, 1, 3, 1));
    assert_eq!(bad.of + good.of + learned + acted + open + unseen, rows.len());
    assert_eq!(good.model.range, Some(rate_range_of(1, 4)));
    assert_eq!(Summary::of(&[]).good.model.range, None);
}

fn stored(
    id: u64,
    (line, grade, version): (&str, &str, u32),
    active: bool,
    waits: bool,
) -> StoredModel {
    let header = registry::marked("{}", !waits, false);
    let (line, grade, kind) = (line.into(), grade.into(), "pca".into());
    StoredModel { id, line, grade, kind, version, at: at(0), header, active }
}

#[test]
fn what_waits_is_asked_before_what_judges() {
    let chosen = |models: &[StoredModel], version| {
        let asked = Asked { line: "tm3", grade: "g", version, batches: 30 };
        choose(&[], models, asked).map(|model| model.id).map_err(|error| error.to_string())
    };
    let of = |version| ("tm3", "g", version);
    let mut models = vec![
        stored(1, of(1), false, false),
        stored(2, of(2), true, false),
        stored(3, of(3), false, true),
        stored(4, ("tm3", "h", 4), true, false),
    ];
    assert_eq!(chosen(&models, None), Ok(3));
    assert_eq!(chosen(&models, Some(1)), Ok(1));
    // It was promoted, as a copy: it waits no more.
    models[1].active = false;
    models.push(stored(5, of(4), true, false));
    assert_eq!(chosen(&models, None), Ok(5));
    let none = chosen(&models, Some(9)).unwrap_err();
    assert_eq!(none, "line `tm3`, grade `g` has no model 9; there are: 1, 2, 3, 4");
}

#[test]
fn what_is_not_there_is_said_with_what_is() {
    let plant = Plant {
        site: "".into(),
        lines: vec![Line::named("tm3"), Line::named("tm4")],
        grades: [(Arc::from("facial"), crate::plant::Grade::default())].into(),
        undeclared: crate::plant::Undeclared::Store,
        undeclared_max: 1,
        models: crate::plant::ModelSettings::default(),
        costs: None,
    };
    let models = [stored(1, ("old", "towel", 1), true, false)];
    let said = |line, grade| {
        let asked = Asked { line, grade, version: None, batches: 30 };
        choose(&[&plant], &models, asked).map(|model| model.id).map_err(|error| match error {
            BacktestError::Unknown(what) => what,
            BacktestError::Failed(error) => format!("failed: {error}"),
        })
    };
    assert_eq!(
        said("tm5", "facial"),
        Err("there is no line `tm5`; there are: old, tm3, tm4".into())
    );
    let no_grade = "line `tm3` has no grade `napkin`; there are: facial";
    assert_eq!(said("tm3", "napkin"), Err(no_grade.into()));
    assert!(said("tm3", "facial").unwrap_err().starts_with("failed: no model judges"));
    assert_eq!(said("old", "towel"), Ok(1));
}

#[test]
fn why_there_are_fewer_batches_is_said() {
    let line = Line { batch: BatchSource::Events, ..Line::named("tm3") };
    let some = [finished("R1", Outcome::Open, None), finished("R2", Outcome::Open, None)];
    assert_eq!(why_fewer(&line, &[], 0), "no batch of the grade is finished");
    assert_eq!(
        why_fewer(&line, &some, 0),
        "2 finished batches of the grade are remembered, no more"
    );
    let gone = why_fewer(&line, &some, 1);
    assert!(gone.contains("of 1 of them the store has no frames"), "{gone}");
    let without = Line { batch: BatchSource::None, ..line };
    assert_eq!(why_fewer(&without, &[], 0), "line `tm3` has no batches");
}

#[test]
fn the_api_documents_what_is_told() {
    let api: serde_json::Value =
        serde_json::from_str(include_str!("../../http/openapi.json")).unwrap();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let schemas = &api["components"]["schemas"];
    let row = Row::of(&finished("R1", Outcome::Bad, Some(250)), said(Some(150)), false);
    let told = serde_json::to_value(&row).unwrap();
    let documented = &schemas["BacktestBatch"]["properties"];
    assert_eq!(keys(&told), keys(documented));
    for part in ["live", "model"] {
        assert_eq!(keys(&told[part]), keys(&documented[part]["properties"]), "{part}");
    }
    let summary = serde_json::to_value(Summary::of(&[row])).unwrap();
    assert_eq!(keys(&summary), keys(&schemas["Backtest"]["properties"]["summary"]["properties"]));
    assert_eq!(keys(&summary["bad"]), keys(&schemas["BacktestShown"]["properties"]));
}
