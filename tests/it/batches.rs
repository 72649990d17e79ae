//! `onspec batches`: what a store knows of batches, and of what they were made.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::recordings::{Desk, mill, run_by_mqtt};

/// A mill that ran as a daemon, whose first reel was made of two lots and unwound into two rolls.
fn desk() -> Desk {
    let desk = Desk::new();
    mill(&desk);
    let mill = desk.read("mill.toml")
        + "[[mqtt]]\nname = \"plant\"\nurl = \"mqtt://broker\"\n[[mqtt.subscribe]]\ntopic = \"wide/{line}\"\n\
           fields = { a = \"/a\", b = \"/b\", c = \"/c\" }\ntime = \"/ts\"\n[[mqtt.subscribe]]\n\
           topic = \"events/{line}\"\nformat = \"batch-event\"\n";
    desk.write("mill.toml", mill);
    let events = desk.read("e.jsonl");
    let newest = events.lines().filter_map(|line| {
        let event: serde_json::Value =
            serde_json::from_str(line.trim_start_matches('\u{feff}')).ok()?;
        event["ts"].as_i64()
    });
    // The line's clock passes it.
    let ts = newest.max().unwrap() - 100_000;
    let more = [
        r#""consumes","batch":"R0","from":"LOT-1","mass_kg":900,"from_m":0,"to_m":1000"#,
        r#""consumes","batch":"R0","from":"LOT-2","mass_kg":850,"from_m":1000,"to_m":2000"#,
        r#""batch-start","batch":"A","station":"rewinder""#,
        r#""consumes","batch":"A","from":"R0","source_from_m":2000,"source_to_m":1200,"from_m":0,"to_m":800"#,
        r#""batch-start","batch":"B","station":"rewinder""#,
        r#""consumes","batch":"B","from":"R0","source_from_m":1200,"source_to_m":0,"from_m":0,"to_m":1200"#,
        r#""merge","batch":"A","into":"B""#,
    ];
    let more = more.iter().map(|event| format!("{{\"event\":{event},\"ts\":{ts}}}\n"));
    desk.write("e.jsonl", events.trim_end().to_owned() + "\n" + &more.collect::<String>());
    desk
}

#[test]
fn a_stretch_of_a_reel_is_followed_to_its_lots_and_rolls() {
    let desk = desk();
    drop(run_by_mqtt(&desk));
    let told = |line: &str| {
        let (status, text, errors) = desk.run(line);
        assert_eq!(status, 0, "{line}: {text}{errors}");
        text
    };
    let listed = told("batches list -c mill.toml --limit 3");
    assert!(listed.contains("tm3/rewinder") && !listed.contains(" R0 "), "{listed}");
    let whole = told("batches show R0 -c mill.toml");
    let tree = whole.split_once("made of").unwrap().1;
    assert_eq!(
        tree,
        "\n  LOT-1, 900 kg  (R0 from LOT-1)\n  LOT-2, 850 kg  (R0 from LOT-2)\n\
         became\n  A, 0 to 800 m  (A from R0)\n  B, 0 to 1200 m  (B from R0)\n    B, merged  (B from A)\n"
    );
    let part = told("batches show R0 --metres 1100,1300 --store mill.db");
    let tree = part.split_once("made of").unwrap().1;
    assert_eq!(
        tree,
        " (1100 to 1300 m of it)\n  LOT-2, 850 kg  (R0 from LOT-2)\n\
         became (1100 to 1300 m of it)\n  A, 700 to 800 m  (A from R0)\n  B, 0 to 100 m  (B from R0)\n\
         \x20   B, merged  (B from A)\n"
    );
    let json: serde_json::Value =
        serde_json::from_str(&told("batches show LOT-2 --store mill.db --json")).unwrap();
    assert_eq!(json["batches"], serde_json::json!([]), "a lot is no batch");
    let products = json["genealogy"]["products"].as_array().unwrap();
    let products: Vec<_> = products
        .iter()
        .map(|step| (step["batch"].as_str().unwrap(), step["found_to_m"].as_f64()))
        .collect();
    assert_eq!(
        products,
        [("R0", Some(2000.0)), ("A", Some(800.0)), ("B", Some(200.0)), ("B", None)]
    );
    assert_eq!(
        desk.run("batches show R99 --store mill.db"),
        (1, String::new(), "the store knows no batch or lot `R99`".into())
    );
    let (status, _, errors) = desk.run("batches show R0 --metres 9,1 --store mill.db");
    assert!(status == 2 && errors.contains("write two metres from the begin"), "{errors}");
}
