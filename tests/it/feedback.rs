//! What people tell of batches by the command line and the API: laboratory results, decisions, events.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::recordings::Desk;
use crate::support::{Daemon, Mosquitto, configure, free_port, get, post};
use onspec::telemetry::{Clock, SystemClock};
use serde_json::{Value, json};
use std::path::PathBuf;

const REST: &str = "[[mqtt.subscribe]]\ntopic = \"events/{line}\"\nformat = \"batch-event\"\n\
                    [line.tm3]\nbatch = { from = \"events\" }\n[line.tm3.tag.bw]\n[grade.facial]\n\
                    lab.tensile_md = { low = 120.0, unit = \"N/m\" }\nlab.bulk = { low = 5.0 }\n";

/// A desk with a daemon, and what it is asked through.
struct Mill {
    desk: Desk,
    _broker: Mosquitto,
    config: PathBuf,
    http: u16,
    daemon: Option<Daemon>,
}

impl Mill {
    fn start() -> Self {
        let (desk, broker, http) = (Desk::new(), Mosquitto::start(), free_port());
        let config = configure(&desk.path("."), &broker.url(), http, REST);
        let mut mill = Self { desk, _broker: broker, config, http, daemon: None };
        mill.run();
        mill
    }

    fn run(&mut self) {
        let mut daemon = Daemon::start(&self.config);
        daemon.wait_ready(&format!("http://127.0.0.1:{}/readyz", self.http));
        self.daemon = Some(daemon);
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/api/v1/{path}", self.http)
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = post(&self.url(path), &[], body.to_string().as_bytes()).unwrap();
        (answer.status, serde_json::from_str(&answer.text()).unwrap())
    }

    /// Makes R1, R2 and `R 3/b`, of ten minutes each; says when the first began, ms.
    fn make_three(&self) -> i64 {
        let then = now_ms() - 7_200_000;
        let made = |id: &str, n: i64| {
            let (start, end) = (then + n * 600_000, then + (n + 1) * 600_000);
            [
                json!({"event": "batch-start", "batch": id, "grade": "facial", "ts": start}),
                json!({"event": "batch-end", "batch": id, "ts": end, "mass_kg": 900}),
            ]
        };
        let events: Vec<Value> = [made("R1", 0), made("R2", 1), made("R 3/b", 2)].concat();
        let told = self.post("lines/tm3/events", &events.into());
        let expected = json!({"taken": 6, "on_disk": true, "faults": [], "waiting": []});
        assert_eq!(told, (202, expected));
        then
    }

    /// What the store has of a batch: an answer comes only once it is there.
    fn batch(&self, id: &str) -> Value {
        serde_json::from_str(&get(&self.url(&format!("batches/tm3/{id}"))).unwrap().text()).unwrap()
    }

    #[track_caller]
    fn check(&self, line: &str, status: i32, printed: &str, words: &str) {
        let (code, text, errors) = self.desk.run(line);
        assert_eq!(code, status, "{line}: {text}{errors}");
        assert_eq!(text, printed, "{line}: {errors}");
        assert!(
            errors.contains(words) && (!words.is_empty() || errors.is_empty()),
            "{line}: {errors}"
        );
    }
}

fn now_ms() -> i64 {
    SystemClock.now_nanos() / 1_000_000
}

#[test]
fn results_and_decisions_arrive_and_outlive_the_daemon() {
    let mut mill = Mill::start();
    let then = mill.make_three();
    assert_eq!(
        (&mill.batch("R1")["grade"], &mill.batch("R1")["mass_kg"]),
        (&json!("facial"), &json!(900.0))
    );

    // By hand, in another unit; a correction changes the batch.
    let add =
        format!("lab add -c onspec.toml --batch R1 --property tensile_md --ts {}", then + 900_000);
    mill.check(&format!("{add} --value 0.125 --unit kN/m"), 0, "taken: 1 result\n", "");
    assert_eq!(mill.batch("R1")["lab"], json!({"tensile_md": 125.0}));
    let revision = mill.batch("R1")["revision"].as_i64().unwrap();
    mill.check(&format!("{add} --value 125"), 0, "taken: 1 result\n", "");
    assert_eq!(mill.batch("R1")["revision"], revision, "the same again changes nothing");
    mill.check(&format!("{add} --value 113.4"), 0, "taken: 1 result\n", "");
    let corrected = mill.batch("R1");
    assert_eq!(
        (&corrected["lab"]["tensile_md"], &corrected["verdict"]),
        (&json!(113.4), &json!("off-spec"))
    );

    // A table, as a spreadsheet in Europe writes it.
    mill.desk.write("wide.csv", "batch;tensile_md;bulk\nR1;121,5;7\nR2;130;\nR 3/b;131,25;6,5\n");
    mill.check("lab add -c onspec.toml --csv wide.csv", 0, "taken: 5 results\n", "");
    assert_eq!(mill.batch("R%203%2Fb")["lab"], json!({"bulk": 6.5, "tensile_md": 131.25}));
    assert_eq!(
        mill.batch("R1")["lab"],
        json!({"bulk": 7.0, "tensile_md": 121.5}),
        "the newest counts"
    );

    // One wrong line refuses all.
    mill.desk.write(
        "long.csv",
        "batch,property,value,unit\nR2,bulk,8,\nR2,tensile_md,1x,N/m\nR2,bulk,,\n",
    );
    let (code, _, errors) = mill.desk.run("lab add -c onspec.toml --csv long.csv");
    assert_eq!(code, 1, "{errors}");
    assert_eq!(
        errors,
        "error: `long.csv`, line 3, column `value`: `1x` is no number; write one such as `131.4`, or nothing\n\
         error: `long.csv`, line 4, column `value`: there is no result in it: leave the line out\n"
    );
    mill.desk.write("times.csv", format!("batch,ts,bulk\nR2,{then},8\nR2,{},9\n", then / 1000));
    mill.check(
        "lab add -c onspec.toml --csv times.csv",
        1,
        "",
        "`times.csv`, line 3, column `bulk`: the event's time",
    );
    assert_eq!(mill.batch("R2")["lab"], json!({"tensile_md": 130.0}));

    // What the daemon cannot take is said, and what waits.
    let odd = "lab add -c onspec.toml --batch R2 --property tensile_md --value 7 --unit °C";
    mill.check(odd, 1, "taken: 1 result\n", "cannot be compared with its limits in `N/m`");
    let misspelt = "lab add -c onspec.toml --batch R9 --property tensile-md --value 130";
    mill.check(misspelt, 0, "taken: 1 result\n", "no grade has limits for `lab.tensile-md`");
    mill.check(misspelt, 0, "taken: 1 result\n", "not known, or not any more: `R9`");

    let dispose = "batches dispose R2 --as rework --by shift-a --note holes -c onspec.toml";
    mill.check(
        &format!("{dispose} --json"),
        0,
        "{\"faults\":[],\"on_disk\":true,\"taken\":1,\"waiting\":[]}\n",
        "",
    );
    let (r2, verdict) = (mill.batch("R2"), json!("off-spec"));
    assert_eq!((&r2["disposition"], &r2["verdict"]), (&json!("rework"), &verdict));
    let path = "batches/tm3/R%203%2Fb/disposition";
    assert_eq!(mill.post(path, &json!({"disposition": "release"})).0, 202);
    let path = "batches/tm3/R%203%2Fb/lab";
    assert_eq!(mill.post(path, &json!([{"property": "bulk", "value": 7.5}])).1["taken"], 1);
    let refused = mill.post(path, &json!([{"property": "bulk", "value": 8}, {"property": "bulk"}]));
    assert_eq!((refused.0, &refused.1["events"][0]["index"]), (400, &json!(1)));

    // What was answered is there after a crash, and the journal is read to the same state.
    let before: Vec<Value> = ["R1", "R2", "R%203%2Fb"].map(|id| mill.batch(id)).into();
    mill.daemon.take().unwrap().kill_9();
    mill.check(dispose, 1, "", "no daemon listens at `http://127.0.0.1:");
    mill.run();
    let after: Vec<Value> = ["R1", "R2", "R%203%2Fb"].map(|id| mill.batch(id)).into();
    assert_eq!(before, after);
    assert_eq!(after[2]["lab"]["bulk"], 7.5);
    let daemon = mill.daemon.as_mut().unwrap();
    assert!(!daemon.log().contains("gives other results"), "{}", daemon.log());
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn many_results_go_in_several_requests() {
    let mill = Mill::start();
    let events: Vec<Value> = (0..3)
        .map(|n| json!({"event": "batch-end", "batch": format!("R{n}"), "ts": now_ms() - 1_000_000 + n}))
        .collect();
    assert_eq!(mill.post("lines/tm3/events", &events.into()).0, 202);
    let rows: String = (0..700)
        .flat_map(|position| {
            (0..3).map(move |batch| format!("R{batch},tm3,{position},{position}\n"))
        })
        .collect();
    mill.desk.write("many.csv", format!("batch,line,position,bulk\n{rows}"));
    mill.check("lab add -c onspec.toml --csv many.csv", 0, "taken: 2100 results\n", "");
    // The mean over all positions.
    assert_eq!(mill.batch("R2")["lab"]["bulk"], 349.5);
}

#[test]
fn wrong_usage_is_told_apart_from_a_daemon_that_does_not_run() {
    let desk = Desk::new();
    configure(&desk.path("."), "mqtt://127.0.0.1:1", free_port(), REST);
    let two =
        desk.read("onspec.toml") + "[line.tm4]\nbatch = { from = \"none\" }\n[line.tm4.tag.x]\n";
    desk.write("two.toml", &two);
    let http = two.find("[http]").unwrap()..two.find("[[mqtt]]").unwrap();
    desk.write("off.toml", two.replace(&two[http], "[http]\nlisten = \"off\"\n"));
    desk.write("a.csv", "batch,line,bulk\nR1,tm5,7\n");
    let one = "--batch R1 --property bulk --value 7";
    for (line, status, words) in [
        (format!("lab add -c onspec.toml {one}"), 1, "start it with `onspec run -c onspec.toml`"),
        (format!("lab add -c none.toml {one}"), 2, "none.toml"),
        ("lab add -c onspec.toml".into(), 2, "--csv <FILE>"),
        ("lab add -c onspec.toml --batch R1".into(), 2, "--value <NUMBER>"),
        ("lab add -c onspec.toml --csv a.csv --batch R1".into(), 2, "cannot be used with"),
        (
            format!("lab add -c two.toml {one}"),
            2,
            "name the line with `--line`; there are `tm3`, `tm4`",
        ),
        (
            format!("lab add -c off.toml --line tm3 {one}"),
            2,
            "`[http] listen` is `off` in `off.toml`",
        ),
        (
            "lab add -c onspec.toml --csv a.csv".into(),
            1,
            "`a.csv`, line 2, column `line`: no line is called `tm5`",
        ),
        ("lab add -c onspec.toml --csv none.csv".into(), 1, "cannot open `none.csv`"),
        (
            "batches dispose R1 --as burn -c onspec.toml".into(),
            2,
            "[possible values: release, hold,",
        ),
        (
            "batches dispose R1 --as hold -c onspec.toml --ts 1769126400".into(),
            1,
            "it looks like seconds",
        ),
    ] {
        let (code, text, errors) = desk.run(&line);
        assert_eq!((code, text.as_str()), (status, ""), "{line}: {errors}");
        assert!(errors.contains(words), "{line}: {errors}");
    }
}

#[test]
fn batches_are_scored_by_what_they_were_found_to_be() {
    let mill = Mill::start();
    mill.make_three();
    mill.desk.write("wide.csv", "batch,tensile_md,bulk\nR1,130,4\nR 3/b,131,7\n");
    mill.check("lab add -c onspec.toml --csv wide.csv", 0, "taken: 4 results\n", "");
    mill.check("batches dispose R2 --as scrap -c onspec.toml", 0, "taken: 1 decision\n", "");
    let (code, text, errors) = mill.desk.run("batches score -c onspec.toml --by all --json");
    assert_eq!(code, 0, "{errors}");
    let score: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        score["total"]["properties"],
        json!([{"property": "bulk", "outside": 1, "flagged": 0}])
    );
    let figures =
        ["batches", "right", "missed", "quiet", "wrong"].map(|key| score["total"][key].as_u64());
    assert_eq!(figures, [3, 0, 2, 1, 0].map(Some));
    let board: Value =
        serde_json::from_str(&get(&mill.url("scoreboard?by=all")).unwrap().text()).unwrap();
    assert_eq!(board, score);
    let (_, table, _) = mill.desk.run("batches score --store onspec.db");
    assert!(
        table.contains("bulk was outside in 1, of which 0 were flagged before their end"),
        "{table}"
    );
    let uniformity = "batches uniformity --by lot --limit 50";
    let (code, text, errors) = mill.desk.run(&format!("{uniformity} -c onspec.toml --json"));
    assert_eq!(code, 0, "{errors}");
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["grades"][0]["batches"], 3, "{text}");
    let tensile = told["grades"][0]["properties"].as_array().unwrap();
    let tensile = tensile.iter().find(|of| of["name"] == "tensile_md").unwrap();
    assert_eq!((&tensile["batches"], &tensile["mean"]), (&json!(2), &json!(130.5)));
    let served = get(&mill.url("uniformity?by=lot&limit=50")).unwrap().text();
    assert_eq!(serde_json::from_str::<Value>(&served).unwrap(), told);
    let (_, table, _) = mill.desk.run("batches uniformity --store onspec.db");
    assert!(table.contains("tensile_md (laboratory)"), "{table}");
}
