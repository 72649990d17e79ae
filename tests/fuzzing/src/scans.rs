//! Scans of a profile: what a payload says, and what the monitor of their scanner makes of it.

use crate::oracles::Verdict;
use crate::targets::{Decoding, Outcome, Target, decoding};
use onspec::decode::{Format, Message, PayloadNames, ProfileRule};
use onspec::plant::Profile;
use onspec::profile::{Monitor, Outcome as Taken, Scan};
use onspec::reading::Timestamp;
use serde_json::Value as Json;

/// Scans of one scanner, one after the other.
pub(crate) struct Scans {
    decoding: Decoding,
    declared: Profile,
    monitor: Monitor,
    count: i64,
    taken: Option<Taken>,
}

impl Scans {
    pub(crate) fn new() -> Self {
        let seeds: &[&[u8]] = &[
            br#"{"boxes":[15.1,null,15.0,14.9,15.2,15.0,15.1,14.8,15.0,15.1],"ts":1769126400000,"mode":"OnSheet"}"#,
            br#"{"mm":[5,15,25,35.5,45,55,65,75],"boxes":[15,15.5,16,15.5,15,15,14.5,15],"q":192,"mode":true}"#,
            br#"{"boxes":[0,0,1e300,-1e300,15,1.5e1,15,15,15,15,15,15,0,0],"mode":"Standardize","id":"web"}"#,
            br#"{"boxes":[5.5,5.4,5.6,5.5,5.5,5.4,5.6,5.5],"ts":"2026-01-23T00:00:00Z","id":7}"#,
        ];
        let pointer = |text: &str| Some(text.into());
        let rule = ProfileRule {
            values: "/boxes".into(),
            positions: pointer("/mm"),
            time: pointer("/ts"),
            quality: pointer("/q"),
            mode: pointer("/mode"),
            names: PayloadNames { tag: pointer("/id"), ..PayloadNames::default() },
        };
        Self {
            decoding: decoding("scans", Format::Profile(rule), Some("web"), seeds, scan_is),
            declared: Profile { edge: 0, ..Profile::named("web") },
            monitor: Monitor::default(),
            count: 0,
            taken: None,
        }
    }
}

impl Target for Scans {
    fn name(&self) -> &'static str {
        self.decoding.name()
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        self.decoding.seeds()
    }

    fn read(&mut self, input: &[u8]) -> Outcome {
        let outcome = self.decoding.read(input);
        self.count += 1;
        self.taken = self.decoding.messages.iter().find_map(|message| {
            let Message::Profile(found) = message else { return None };
            let scan = Scan {
                at: Timestamp::from_nanos(self.count),
                values: &found.values,
                positions: found.positions.as_deref(),
                product: Some("R1"),
                on_sheet: found.on_sheet,
            };
            Some(self.monitor.take(&self.declared, &scan))
        });
        outcome
    }

    fn judge(&mut self, input: &[u8]) -> Verdict {
        self.decoding.judge(input)?;
        let Some(Taken::Taken(taken)) = &self.taken else { return Ok(()) };
        let known = &taken.statistics;
        let always =
            [known.mean, known.worst_value, known.tilt, known.edge_difference, known.valid];
        let spreads = [known.two_sigma_md, known.two_sigma_cd, known.two_sigma_residual];
        let all = always.iter().copied().chain(spreads.into_iter().flatten());
        if !all.clone().all(f64::is_finite) || spreads.iter().flatten().any(|spread| *spread < 0.0)
        {
            return Err(format!("no numbers: {known:?}"));
        }
        // A mean of values lies among them, but for what rounding does.
        let values = || {
            let messages = self.decoding.messages.iter();
            messages.flat_map(|message| match message {
                Message::Profile(scan) => &scan.values[..],
                _ => &[],
            })
        };
        let slack = known.mean.abs() * 1e-9;
        let among = values().any(|value| *value <= known.mean + slack)
            && values().any(|value| *value >= known.mean - slack)
            && values().any(|value| value.to_bits() == known.worst_value.to_bits());
        if among { Ok(()) } else { Err(format!("out of thin air: {known:?}")) }
    }

    fn bound(&self, input: &[u8]) -> isize {
        self.decoding.bound(input)
    }
}

/// The boxes are those of the payload, in their order, and so are their places.
fn scan_is(payload: &[u8], messages: &[Message]) -> Verdict {
    let text = std::str::from_utf8(payload).unwrap_or_default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let sent: Json = serde_json::from_str(text).unwrap_or_default();
    let numbers = |key: &str| -> Option<Vec<u64>> {
        let all = sent.get(key)?.as_array()?.iter();
        Some(all.map(|value| value.as_f64().unwrap_or(f64::NAN).to_bits()).collect())
    };
    for message in messages {
        let Message::Profile(scan) = message else { return Err(format!("{message:?}")) };
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        if numbers("boxes") != Some(bits(&scan.values)) {
            return Err(format!("other boxes: {scan:?}"));
        }
        if scan.positions.is_some() && numbers("mm") != scan.positions.as_deref().map(bits) {
            return Err(format!("other places: {scan:?}"));
        }
    }
    Ok(())
}
