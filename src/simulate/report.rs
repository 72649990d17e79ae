//! What `onspec demo --exit` prints: the score, and beside it what three plain watchers reach.

use super::score::{Score, Tally};
use super::watchers::Watched;
use serde::Serialize;
use std::fmt::Write as _;

/// A watcher that catches more than so many of so many off-spec batches shows that the mill is too
/// easy: what proves little cannot prove onspec.
const TOO_EASY: (u32, u32) = (2, 3);

/// The score of one seed or of several together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The score; of several seeds it is the sum, and `seed` is the first of them.
    #[serde(flatten)]
    score: Score,
    /// How many seeds.
    seeds: u32,
    /// What the plain watchers reach on the same batches at the same number of false flags.
    watchers: Vec<Watched>,
    /// The score of each seed, where there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by_seed: Vec<Score>,
}

impl Report {
    /// Of runs in the order of their seeds.
    #[must_use]
    pub fn of(tallies: &[Tally]) -> Self {
        let mut all = tallies.first().cloned().unwrap_or_default();
        for tally in tallies.iter().skip(1) {
            all.add(tally);
        }
        let by_seed = if tallies.len() > 1 { tallies } else { &[] };
        Self {
            score: all.score(),
            seeds: u32::try_from(tallies.len()).unwrap_or(u32::MAX),
            watchers: all.watched(),
            by_seed: by_seed.iter().map(Tally::score).collect(),
        }
    }

    /// For people: the score, and a table of the watchers.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        if let (Some(seed), 2..) = (self.score.seed, self.seeds) {
            let last = seed.wrapping_add(u64::from(self.seeds - 1));
            writeln!(text, "{} mills together, seeds {seed} to {last}:", self.seeds)
                .expect("a String takes all that is written");
        }
        text.push_str(&self.score.to_text());
        text.push_str(
            "\nplain watchers, each with the threshold that gives it as many false flags, and a laboratory alone:\n",
        );
        text.push_str(&row(["", "caught", "false flags", "left to make", "t saved", "threshold"]));
        let Score { caught, false_flags, median_share_left, tonnes_saved, .. } = self.score;
        let ours = [caught.to_string(), false_flags.to_string(), percent(median_share_left)];
        let saved = format!("{tonnes_saved:.1}");
        text.push_str(&row(["onspec", &ours[0], &ours[1], &ours[2], &saved, "-"]));
        for watched in &self.watchers {
            let cells = [
                watched.caught.to_string(),
                watched.false_flags.to_string(),
                percent(watched.median_share_left),
                format!("{:.1}", watched.tonnes_saved),
                watched.threshold.map_or("-".to_owned(), |threshold| format!("{threshold:.2}")),
            ];
            let [caught, flags, left, saved, threshold] = &cells;
            text.push_str(&row([&watched.name, caught, flags, left, saved, threshold]));
        }
        let best = self.watchers.iter().map(|watched| watched.caught).max().unwrap_or(0);
        let off_spec = self.score.off_spec;
        let share = (off_spec > 0).then(|| f64::from(best) / f64::from(off_spec));
        writeln!(
            text,
            "caught early by the best plain watcher: {} of the off-spec batches{}",
            percent(share),
            if best * TOO_EASY.1 > off_spec * TOO_EASY.0 {
                "; the mill is too easy to prove anything"
            } else {
                ""
            }
        )
        .expect("a String takes all that is written");
        if let Some(foretold) = &self.score.foretold {
            text.push_str(&foretold.to_text());
        }
        text
    }

    /// The document: one JSON object, the keys of the contract first.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("finite numbers are JSON")
    }
}

fn row([name, cells @ ..]: [&str; 6]) -> String {
    let [caught, flags, left, saved, threshold] = cells;
    let line = format!("  {name:<12}{caught:>8}{flags:>13}{left:>14}{saved:>9}{threshold:>11}");
    line.trim_end().to_owned() + "\n"
}

fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0))
}

#[cfg(test)]
mod tests {
    use super::super::truth::Truth;
    use super::super::watchers::{WatchPlan, Watchers};
    use super::super::{BatchEnd, Said, Verdicts};
    use super::*;
    use crate::reading::Timestamp;
    use crate::verdict::Call;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000).unwrap()
    }

    /// Scored reels of 1000 s and 3 t: `classes` as in the truth file, with a fault after 100 s in those
    /// that are off spec, and the second of a flag.
    fn tally(seed: u64, reels: &[(&str, Option<i64>)]) -> Tally {
        let mut truth = String::new();
        let mut verdicts = Verdicts::default();
        let mut watchers = Watchers::new(WatchPlan::default());
        for (ix, (class, flag)) in (0..).zip(reels) {
            let (batch, begin) = (std::sync::Arc::<str>::from(format!("R{ix}")), ix * 1000);
            let from = if *class == "off_spec" {
                format!(r#","fault_from":{}"#, (begin + 100) * 1000)
            } else {
                String::new()
            };
            writeln!(truth, r#"{{"line":"tm3","batch":"{batch}","class":"{class}"{from}}}"#)
                .unwrap();
            watchers.batch(&batch, None, None);
            verdicts.said.extend(flag.map(|second| Said {
                batch: std::sync::Arc::clone(&batch),
                at: at(begin + second),
                call: Call::AtRisk,
                blamed: Vec::new(),
                moved: Vec::new(),
                probability: None,
            }));
            verdicts.ends.push(BatchEnd {
                batch,
                started: at(begin),
                ended: at(begin + 1000),
                mass_kg: Some(3000.0),
                grade: None,
                found: None,
                lab: Vec::new(),
            });
        }
        let truth = Truth::from_json_lines(&truth).unwrap();
        Tally::of(&truth, &verdicts, &watchers, Some(seed), 20)
    }

    /// Shares left 0.8, 0.6 and, of the second, 0.1.
    fn two() -> [Tally; 2] {
        [
            tally(7, &[("off_spec", Some(200)), ("off_spec", Some(400)), ("good", None)]),
            tally(8, &[("off_spec", Some(900)), ("good", Some(5)), ("off_spec", None)]),
        ]
    }

    #[test]
    fn seeds_are_added_up_and_their_shares_pooled() {
        let [one, other] = two();
        let mut sum = one.clone();
        sum.add(&other);
        let score = sum.score();
        assert_eq!((score.seed, score.batches, score.learning_batches), (Some(7), 6, 40));
        assert_eq!((score.off_spec, score.caught, score.missed), (4, 3, 1));
        assert_eq!((score.good, score.false_flags), (2, 1));
        // The median of the three shares, not of the two medians 0.7 and 0.1.
        assert_eq!(score.median_share_left, Some(0.6));
        assert_eq!((score.tonnes_saved, score.tonnes_falsely_held), (4.5, 3.0));
    }

    #[test]
    fn document_has_the_keys_of_the_contract_first() {
        let [one, _] = two();
        insta::assert_snapshot!(Report::of(&[one]).to_json(), @r#"{"seed":7,"batches":3,"good":1,"touched":0,"marginal":0,"off_spec":2,"caught":2,"missed":0,"false_flags":0,"good_settled":0,"false_flags_settled":0,"touched_flagged":0,"marginal_flagged":0,"median_share_left":0.7,"sensor_faults":0,"sensor_faults_found":0,"sensor_faults_called_process":0,"tonnes_saved":4.2,"tonnes_falsely_held":0.0,"learning_batches":20,"faults_flagged":0,"first_mover_right":0,"first_mover_in_three":0,"seeds":1,"watchers":[{"name":"spec-limits","caught":0,"false_flags":0,"median_share_left":null,"tonnes_saved":0.0,"threshold":0.0},{"name":"three-sigma","caught":0,"false_flags":0,"median_share_left":null,"tonnes_saved":0.0,"threshold":0.0},{"name":"plain-pca","caught":0,"false_flags":0,"median_share_left":null,"tonnes_saved":0.0,"threshold":0.0},{"name":"laboratory","caught":0,"false_flags":0,"median_share_left":null,"tonnes_saved":0.0}]}"#);
        let both: serde_json::Value = serde_json::from_str(&Report::of(&two()).to_json()).unwrap();
        assert_eq!((&both["seed"], &both["seeds"]), (&7.into(), &2.into()));
        let seeds: Vec<_> = both["by_seed"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| (&s["seed"], &s["caught"]))
            .collect();
        assert_eq!(seeds, [(&7.into(), &2.into()), (&8.into(), &1.into())]);
    }

    #[test]
    fn text_compares_the_watchers_with_onspec() {
        let mut report = Report::of(&two());
        for (watched, caught) in report.watchers.iter_mut().zip([1, 3, 2]) {
            watched.caught = caught;
            watched.median_share_left = Some(0.25);
        }
        insta::assert_snapshot!(report.to_text(), @r"
        2 mills together, seeds 7 to 8:
        6 batches after 40 to learn from: 2 good, 0 touched, 0 marginal, 4 off spec
        off spec: 3 caught before their end, 1 missed; at the median 60 % of the batch was still to be made
        false flags: 1 of the good batches; 0 touched and 0 marginal ones were flagged
        sensor faults: 0 of 0 found, 0 called a process fault
        4.5 t saved, 3.0 t falsely held

        plain watchers, each with the threshold that gives it as many false flags, and a laboratory alone:
                        caught  false flags  left to make  t saved  threshold
          onspec             3            1          60 %      4.5          -
          spec-limits        1            0          25 %      0.0       0.00
          three-sigma        3            0          25 %      0.0       0.00
          plain-pca          2            0          25 %      0.0       0.00
          laboratory         0            0             -      0.0          -
        caught early by the best plain watcher: 75 % of the off-spec batches; the mill is too easy to prove anything
        ");
        // Two of three are not more than two thirds.
        report.score.off_spec = 3;
        for (caught, easy) in [(2, false), (3, true)] {
            report.watchers[1].caught = caught;
            assert_eq!(report.to_text().contains("too easy"), easy);
        }
        report.score.off_spec = 0;
        report.watchers.clear();
        assert!(report.to_text().ends_with("best plain watcher: - of the off-spec batches\n"));
    }
}
