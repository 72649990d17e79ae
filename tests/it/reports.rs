//! `onspec batches report`: what is printed of the batches of a real store, as the browser lays it out.

#![allow(clippy::unwrap_used, reason = "helpers of a test may fail it like the test itself")]

use crate::recordings::{Desk, mill, run_by_mqtt};
use crate::support::{Chromium, Daemon, Mosquitto, free_port, get};
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;

/// A mill that ran as a daemon, with a speed, limits and a laboratory: `S` batches are outside all along, `R1` in its last
/// quarter, all others are inside.
fn desk() -> Desk {
    let desk = Desk::new();
    mill(&desk);
    let tags = "[line.tm3.tag.a]\nunit = \"g/m2\"\nrole = \"quality\"\n[line.tm3.tag.b]\nunit = \"m/min\"\n[line.tm3.tag.c]\n\
                [grade.g]\nspec.a = { low = -5.0, target = 5.0, high = 20.0 }\n\
                lab.strength = { low = 100.0, unit = \"N/m\", method = \"ISO 12625-4\", resolution = 0.1 }\n";
    let mill = desk
        .read("mill.toml")
        .replace("[line.tm3.tag.a]\n[line.tm3.tag.b]\n[line.tm3.tag.c]\n[grade.g]\n", tags)
        .replace("[line.tm3]\n", "[line.tm3]\nrate = { length = \"b\" }\n");
    assert!(mill.contains("lab.strength") && mill.contains("rate"), "{mill}");
    let mill = mill
        + "[site]\nname = \"north mill\"\ntimezone = \"Asia/Shanghai\"\n\
           [[mqtt]]\nname = \"plant\"\nurl = \"mqtt://broker\"\n[[mqtt.subscribe]]\ntopic = \"wide/{line}\"\n\
           fields = { a = \"/a\", b = \"/b\", c = \"/c\" }\ntime = \"/ts\"\n[[mqtt.subscribe]]\n\
           topic = \"events/{line}\"\nformat = \"batch-event\"\n";
    desk.write("mill.toml", mill);
    let mut csv = String::new();
    for (n, row) in desk.read("r.csv").lines().enumerate() {
        // Batches have 200 rows each, and a header stands before them; `R1` is the fourth.
        match row
            .split_once(',')
            .zip(row.split_once(',').and_then(|(_, rest)| rest.split_once(',')))
        {
            Some(((at, _), (a, rest))) if (751..=800).contains(&n) => {
                writeln!(csv, "{at},{},{rest}", a.parse::<f64>().unwrap() + 50.0).unwrap();
            }
            _ => writeln!(csv, "{row}").unwrap(),
        }
    }
    desk.write("r.csv", csv);
    let mut events = desk.read("e.jsonl").trim_end().to_owned() + "\n";
    let known = events.clone();
    let end = |name: &str| {
        let ended = format!("\"batch-end\",\"batch\":\"{name}\",\"ts\":");
        let (_, behind) = known.split_once(&ended).unwrap();
        behind.split('}').next().unwrap().parse::<i64>().unwrap()
    };
    let results = [("R0", 131.45), ("R1", 92.6), ("R2", 128.25), ("S0", 90.0)]
        .map(|(name, value)| (name, end(name) + 1000, value));
    for (name, at, value) in results {
        writeln!(
            events,
            r#"{{"event":"lab","batch":"{name}","property":"strength","value":{value},"unit":"N/m","ts":{at}}}"#
        )
        .unwrap();
    }
    let at = end("R0");
    writeln!(
        events,
        r#"{{"event":"consumes","batch":"R1","from":"LOT-1","mass_kg":900,"ts":{at}}}"#
    )
    .unwrap();
    desk.write("e.jsonl", events);
    desk
}

fn told(desk: &Desk, line: &str) -> String {
    let (status, text, errors) = desk.run(line);
    assert_eq!(status, 0, "{line}: {text}{errors}");
    text
}

/// Says what in a document is wider than its place, as the browser lays it out on a sheet of A4.
fn overflowing(desk: &Desk, document: &str) -> String {
    let (before, rest) = document.split_once("<meta http-equiv").unwrap();
    let (_, rest) = rest.split_once('>').unwrap();
    let script = r"<script>
        const told = [];
        for (const e of document.querySelectorAll('main, section, table, dd, p, h1, .banner'))
            if (e.scrollWidth > e.clientWidth + 1) told.push(e.tagName + ' ' + e.textContent.slice(0, 60));
        for (const svg of document.querySelectorAll('svg[role=img]')) {
            const box = svg.viewBox.baseVal;
            for (const t of svg.querySelectorAll('text')) {
                const b = t.getBBox();
                if (b.x < -1 || b.x + b.width > box.width + 1 || b.y + b.height > box.height + 1)
                    told.push('text ' + t.textContent);
            }
        }
        const pre = document.createElement('pre');
        pre.id = 'told'; pre.textContent = told.join('; ');
        document.body.append(pre);
        </script></body>";
    desk.write("probe.html", format!("{before}{rest}").replace("</body>", script));
    let page = Chromium::dump_dom(&format!("file://{}", desk.path("probe.html").display()));
    let (_, told) = page.split_once("<pre id=\"told\">").unwrap();
    told.split_once("</pre>").unwrap().0.to_owned()
}

/// Prints a document as a person would, and says on how many sheets.
fn sheets(desk: &Desk, file: &str) -> usize {
    let pdf = desk.path("printed.pdf");
    Chromium::print(&format!("file://{}", desk.path(file).display()), &pdf);
    let bytes = fs::read(&pdf).unwrap();
    assert!(bytes.starts_with(b"%PDF"), "no PDF");
    let page = b"/Type /Page";
    bytes
        .windows(page.len() + 1)
        .filter(|at| at.starts_with(page) && at[page.len()] != b's')
        .count()
}

#[test]
fn a_flagged_batch_is_reported_in_both_languages_and_printed() {
    let desk = desk();
    drop(run_by_mqtt(&desk));
    let english = told(&desk, "batches report R1 -c mill.toml");
    for words in [
        "<html lang=\"en\">",
        "north mill",
        "Asia/Shanghai, UTC+08:00",
        "Off spec",
        "Bad stretches",
        "What to take off",
        "Laboratory: <b><bdi>strength</bdi></b> <b>92.6\u{a0}N/m</b>, below its limit of 100.",
        "<bdi>LOT-1</bdi>",
        "class=\"range out\"",
        "Metres from the begin of the batch",
        "ISO 12625-4",
    ] {
        assert!(english.contains(words), "{words}: {english}");
    }
    assert_eq!(told(&desk, "batches report R1 -o r1.html -c mill.toml"), "");
    told(&desk, "batches report R1 -o r1.zh.html --language zh-CN -c mill.toml");
    let chinese = desk.read("r1.zh.html");
    assert!(chinese.contains("批次质量报告") && chinese.contains("不合格"), "{chinese}");
    for (file, document) in [("r1.html", english), ("r1.zh.html", chinese)] {
        assert_eq!(overflowing(&desk, &document), "", "{file}");
        assert_eq!(sheets(&desk, file), 2, "{file}");
    }
    let week = told(&desk, "batches report --weekly -c mill.toml -o week.html --language zh-CN");
    assert_eq!(week, "");
    let week = desk.read("week.html");
    assert!(week.contains("每周判定评估"), "{week}");
    assert_eq!(overflowing(&desk, &week), "");
}

#[test]
fn a_certificate_is_issued_for_what_is_whole_and_good() {
    let desk = desk();
    drop(run_by_mqtt(&desk));
    let both =
        told(&desk, "batches report R0 R2 --certificate --customer ACME --order 4711 -c mill.toml");
    for words in [
        "<bdi>ACME</bdi>",
        "4711",
        "<bdi>R0</bdi>",
        "<bdi>R2</bdi>",
        ">131.4<",
        ">128.2<",
        "ISO 12625-4",
    ] {
        assert!(both.contains(words), "{words}: {both}");
    }
    assert!(!both.contains("NOT CONFORMING"), "{both}");
    let (status, text, errors) = desk.run("batches report R1 --certificate -c mill.toml");
    assert_eq!((status, text.as_str()), (1, ""), "{errors}");
    for words in ["batch R1 is off spec", "strength of batch R1 is outside its limits", "`--as-is`"]
    {
        assert!(errors.contains(words), "{words}: {errors}");
    }
    let (_, _, errors) = desk.run("batches report R3 --certificate -c mill.toml");
    assert!(errors.contains("batch R3 has no result of strength"), "{errors}");
    told(&desk, "batches report R1 --certificate --as-is -o coa.html -c mill.toml");
    let as_is = desk.read("coa.html");
    assert!(as_is.contains("NOT CONFORMING: ISSUED AS IS"), "{as_is}");
    assert_eq!(overflowing(&desk, &as_is), "");
    assert_eq!(sheets(&desk, "coa.html"), 1);
    for (line, status, words) in [
        (
            "batches report R77 -c mill.toml",
            1,
            "the store knows no batch `R77`; did you mean `R7`?",
        ),
        (
            "batches report R0 --line tm9 -c mill.toml",
            1,
            "knows no batch `R0` of line `tm9`; it knows none",
        ),
        ("batches report R0 R1 -c mill.toml", 2, "`--certificate` takes several"),
        ("batches report -c mill.toml", 2, "<ID>"),
        ("batches report R0 --language de -c mill.toml", 2, "write `en` or `zh-CN`"),
        ("batches report --weekly --week 2026-5 -c mill.toml", 2, "such as `2026-W05`"),
        ("batches report R0 --weekly -c mill.toml", 2, "cannot be used with"),
        ("batches report R0 -o none/x.html -c mill.toml", 1, "cannot write `none/x.html`"),
        (
            "batches report --weekly --line tm9 --week 2026-W04 -c mill.toml",
            1,
            "no batch of line `tm9` has ended; did you mean `tm3`?",
        ),
        ("batches report R0 R2 R0 --certificate -c mill.toml", 2, "batch `R0` is named twice"),
    ] {
        let (found, text, errors) = desk.run(line);
        assert_eq!((found, text.as_str()), (status, ""), "{line}: {errors}");
        assert!(errors.contains(words), "{line}: {errors}");
    }
}

#[test]
fn a_running_daemon_shows_reports_that_the_browser_may_draw() {
    let desk = desk();
    drop(run_by_mqtt(&desk));
    let by_hand = told(&desk, "batches report R1 -c mill.toml");
    let (broker, http) = (Mosquitto::start(), free_port());
    let store = format!("path = \"{}\"", desk.path("mill.db").display());
    let running = desk.read("mill.toml").replace("path = \"mill.db\"", &store);
    let running = running.replace("mqtt://broker", &broker.url());
    desk.write("run.toml", format!("{running}[http]\nlisten = \"127.0.0.1:{http}\"\n"));
    let mut daemon = Daemon::start(&desk.path("run.toml"));
    let url = |rest: &str| format!("http://127.0.0.1:{http}{rest}");
    daemon.wait_ready(&url("/readyz"));

    let digest = |document: &str| {
        let (_, behind) = document.split_once("<code>").unwrap();
        behind.split_once("</code>").unwrap().0.to_owned()
    };
    let drawn = Chromium::dump_dom(&url("/batches/tm3/R1/report?language=zh-CN"));
    assert!(drawn.contains("<h2>不良段</h2>"), "{drawn}");
    let report = get(&url("/batches/tm3/R1/report")).unwrap().text();
    assert_eq!(digest(&report), digest(&by_hand), "of the same data as on the command line");
    // Without its script: the page itself never ends to listen, and the browser not to wait for it.
    let page = get(&url("/?part=main")).unwrap().text();
    assert!(page.contains("href=\"report/weekly?line=tm3\""), "{page}");
    // The last one ends once the line's clock is told to go on, which nobody waits for here.
    assert!(page.contains("href=\"batches/tm3/S9/report\""), "{page}");
    let week = get(&url("/report/weekly?language=zh-CN")).unwrap().text();
    assert!(week.contains("每周判定评估"), "{week}");
    let sheet = get(&url("/api/v1/batches/tm3/R1/sheet")).unwrap().text();
    let sheet: Value = serde_json::from_str(&sheet).unwrap();
    assert_eq!(sheet["found"]["laboratory"][0]["value"], 92.6, "{sheet}");
    assert_eq!(daemon.terminate(), Some(0));
}
