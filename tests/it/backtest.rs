//! `onspec backtest`: what a model of a real store says of the batches that this remembers.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::recordings::{Desk, mill, run_by_mqtt};
use crate::support::{Chromium, Daemon, Mosquitto, free_port, get};
use serde_json::Value;

/// A mill that ran as a daemon: ten batches of grade `g` that were released, and ten scrapped ones.
fn desk() -> Desk {
    let desk = Desk::new();
    mill(&desk);
    let mill = desk.read("mill.toml")
        + "[models]\nlearning_batches = 6\nrefit = \"2 batches\"\npromote = \"by-hand\"\n\
           [[mqtt]]\nname = \"plant\"\nurl = \"mqtt://broker\"\n[[mqtt.subscribe]]\ntopic = \"wide/{line}\"\n\
           fields = { a = \"/a\", b = \"/b\", c = \"/c\" }\ntime = \"/ts\"\n[[mqtt.subscribe]]\n\
           topic = \"events/{line}\"\nformat = \"batch-event\"\n";
    desk.write("mill.toml", mill);
    desk
}

fn json(desk: &Desk, line: &str) -> Value {
    let (status, text, errors) = desk.run(line);
    assert_eq!(status, 0, "{line}: {text}{errors}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn last_batches_are_put_to_a_model_beside_the_daemon() {
    let desk = desk();
    let (running, _) = run_by_mqtt(&desk);
    let told = json(&desk, "backtest tm3 g 1 -c mill.toml --json");
    assert_eq!((&told["version"], &told["limit_scale"]), (&1.into(), &1.0.into()), "{told}");
    assert_eq!(told["promised"]["of"], "batches", "{told}");
    let rows = told["batches"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["batch"].as_str().unwrap()).collect();
    // Those of the other grade are not among them; oldest first.
    assert_eq!(names[..4], ["R0", "S0", "R1", "S1"], "{told}");
    assert_eq!(names.len(), 20, "{told}");
    for row in rows {
        let (name, model) = (row["batch"].as_str().unwrap(), &row["model"]);
        let number: u32 = name[1..].parse().unwrap();
        let bad = name.starts_with('S');
        assert_eq!(row["found"], if bad { "bad" } else { "good" }, "{row}");
        // The first model was fitted on the first six that were released.
        assert_eq!(row["learned"], !bad && number < 6, "{row}");
        assert_eq!(model["flagged"], bad, "{row}");
        assert_eq!(model["score"].as_f64().unwrap() > 1.0, bad, "{row}");
        assert_eq!(row["ended"].as_i64().unwrap() - row["started"].as_i64().unwrap(), 200_000);
        if bad {
            assert!(model["share_left"].as_f64().unwrap() > 0.5, "{row}");
            assert!(model["tags"].as_array().unwrap().contains(&"a".into()), "{row}");
        }
    }
    let summary = &told["summary"];
    assert_eq!(summary["learned"], 6, "{told}");
    assert_eq!(
        (&summary["bad"]["of"], &summary["bad"]["model"]["flagged"]),
        (&10.into(), &10.into())
    );
    assert_eq!(
        (&summary["good"]["of"], &summary["good"]["model"]["flagged"]),
        (&4.into(), &0.into())
    );
    // Until there was a model, nothing was said live.
    let live = summary["bad"]["live"]["flagged"].as_u64().unwrap();
    assert!((1..10).contains(&live), "{told}");
    let fewer = told["fewer"].as_str().unwrap();
    assert_eq!(fewer, "20 finished batches of the grade are remembered, no more");
    drop(running);

    let few = json(&desk, "backtest tm3 g 1 --store mill.db --batches 3 --json");
    assert_eq!(few["fewer"], Value::Null, "{few}");
    assert_eq!(few["batches"].as_array().unwrap()[..], rows[17..], "the last ones: {few}");
    let (status, text, errors) = desk.run("backtest tm3 g 1 --store mill.db");
    assert_eq!(status, 0, "{errors}");
    for words in [
        "line tm3, grade g: model 1",
        "20 of 30 batches asked for: 20 finished batches",
        "bad batches flagged: by the model 10 of 10, live ",
        "good batches flagged: by the model 0 of 4 (95 %: 0.0 to 60.2 %), live ",
        "1 of 100 batches flagged wrongly",
        "not counted: 6 batches that the model learned\n",
        "scale 1.0",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let desk = desk();
    let (status, _, errors) = desk.run("backtest tm3 g --store none.db");
    assert!(status == 1 && errors.contains("none.db"), "{errors}");
    drop(run_by_mqtt(&desk));
    for (line, status, words) in [
        ("backtest tm4 g -c mill.toml", 2, "there is no line `tm4`; there are: tm3\n"),
        ("backtest tm3 h --store mill.db", 2, "line `tm3` has no grade `h`; there are: g, other\n"),
        ("backtest tm3 g 99 --store mill.db", 2, "has no model 99; there are: 1"),
        ("backtest tm3 g --store mill.db --batches 0", 2, "write a whole number from 1"),
        ("backtest tm3 g", 2, "--store <FILE>"),
    ] {
        let (found, text, errors) = desk.run(line);
        assert_eq!((found, text.as_str()), (status, ""), "{line}: {errors}");
        assert!(errors.contains(words), "{line}: {errors}");
    }
    // A model of a table of numbers: no daemon ever judged.
    desk.write("fit.csv", desk.read("r.csv"));
    assert_eq!(desk.run("fit --auto --store m.db --time-unit s --from fit.csv").0, 0);
    let none = json(&desk, "backtest auto auto --store m.db --json");
    assert_eq!(none["batches"], serde_json::json!([]));
    assert_eq!(none["fewer"], "no daemon ever judged the line into this store");
}

#[test]
fn the_page_of_a_running_daemon_shows_it_in_the_browser() {
    let desk = desk();
    drop(run_by_mqtt(&desk));
    let told = json(&desk, "backtest tm3 g 1 --store mill.db --json");
    let (broker, http) = (Mosquitto::start(), free_port());
    let store = format!("path = \"{}\"", desk.path("mill.db").display());
    let running = desk.read("mill.toml").replace("path = \"mill.db\"", &store);
    let running = running.replace("mqtt://broker", &broker.url());
    desk.write("run.toml", format!("{running}[http]\nlisten = \"127.0.0.1:{http}\"\n"));
    let mut daemon = Daemon::start(&desk.path("run.toml"));
    let url = |rest: &str| format!("http://127.0.0.1:{http}{rest}");
    daemon.wait_ready(&url("/readyz"));

    let answer = get(&url("/api/v1/models/tm3/g/1/backtest")).unwrap();
    let by_api: Value = serde_json::from_str(&answer.text()).unwrap();
    assert_eq!(by_api, told, "the same as on the command line");
    let page = Chromium::dump_dom(&url("/backtest?line=tm3&grade=g&version=1"));
    for words in [
        "<h1>What model 1 would have said</h1>",
        "Bad batches flagged: by the model <b>10</b> of 10, live ",
        "Good batches flagged: by the model <b>0</b> of 4, live ",
        "<bdi>S9</bdi>",
        "<b>flags</b>",
        "20 of 30 batches: 20 finished batches",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(page.find("<bdi>S9</bdi>") < page.find("<bdi>R0</bdi>"), "the newest first");
    assert_eq!(daemon.terminate(), Some(0));
}
