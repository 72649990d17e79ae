//! Three series of the Numenta benchmark: learned from the rows that are not scored (15 %, at most 750).

use super::desk::{Desk, print, read, table};
use std::collections::BTreeMap;
use std::path::Path;

/// The file, and the period of its rows.
const SETS: [(&str, &str, f64); 3] = [
    ("machine_temperature_system_failure", "5m", 5.0),
    ("ec2_request_latency_system_failure", "5m", 5.0),
    ("nyc_taxi", "30m", 30.0),
];

pub(crate) fn run(data: &Path) {
    let windows = read(&data.join("nab/windows.json"));
    let windows: BTreeMap<String, Vec<(String, String)>> =
        serde_json::from_str(&windows).expect("windows of anomalies");
    let lines = SETS.iter().map(|(name, period, minutes)| {
        let text = read(&data.join(format!("nab/{name}.csv.gz")));
        let times: Vec<String> = table(text.as_bytes()).map(|row| row[0].to_owned()).collect();
        let learned = (times.len() * 15 / 100).min(750);
        let rows: Vec<&str> = text.lines().collect();
        let desk = Desk::new();
        desk.write("learned.csv", &rows[..=learned].join("\n"));
        desk.write("all.csv", &text);
        let told = format!("--auto --store m.db --period {period} --ignore timestamp");
        let scores =
            desk.judge((&told, "learned.csv"), (&told, "all.csv")).expect("a judged series");
        let spans = &windows[*name];
        let within = |ix: usize| {
            let time = times[ix].as_str();
            spans.iter().position(|(from, to)| from.as_str() <= time && time <= to.as_str())
        };
        let flagged: Vec<usize> = (learned..scores.len()).filter(|ix| scores[*ix].flag).collect();
        let found =
            (0..spans.len()).filter(|span| flagged.iter().any(|ix| within(*ix) == Some(*span)));
        let outside = (learned..scores.len()).filter(|ix| within(*ix).is_none()).count();
        let wrong: Vec<usize> =
            flagged.iter().copied().filter(|ix| within(*ix).is_none()).collect();
        let rises = wrong.iter().filter(|ix| !scores[**ix - 1].flag).count();
        #[expect(clippy::cast_precision_loss, reason = "counts of rows")]
        let (share, per_week) = (
            wrong.len() as f64 / outside as f64 * 100.0,
            rises as f64 / (outside as f64 * minutes / 10_080.0),
        );
        vec![
            (*name).to_owned(),
            format!("{} of {}", found.count(), spans.len()),
            format!("{share:.2}"),
            format!("{per_week:.1}"),
        ]
    });
    print(
        "Numenta: learned from the rows that are not scored",
        &["", "windows found", "flagged outside, %", "false alarms a week"],
        lines,
    );
}
