//! The measurements of the contract: what the engine emits, as lines.
//!
//! | measurement | outbox | tags | fields |
//! | --- | --- | --- | --- |
//! | `readings` | readings | `area`, `line`, `tag` | `value` or `text`; `quality` |
//! | `scores` | readings | `grade`, `line`, `model` | the statistics, `score`, `probability_off_spec` |
//! | `contributions` | readings | `grade`, `line`, `tag` | `share` |
//! | `charts` | readings | `grade`, `line`, `tag` | a point with its lines and marks |
//! | `chart_limits` | results | `grade`, `line`, `tag` | a version of limits, and capability by them |
//! | `lab_charts` | readings | `grade`, `line`, `property` | as `charts`, of a laboratory property, with its `batch` |
//! | `lab_chart_limits` | results | `grade`, `line`, `property` | as `chart_limits`, of a laboratory property |
//! | `batches` | results | `line`, `station` | `batch`, `grade`, `verdict`, …, `lab_…` |
//! | `alarms` | results | `alarm`, `line` | `state`, `severity`, `message`, `id` |
//! | `profiles` | results | `line`, `tag` | what is known after a scan |
//! | `profile_zones` | results | `line`, `tag`, `zone` | `value`, `deviation`, `position` |
//! | `sensor_health` | results | `line`, `tag` | shares, `count` |
//!
//! Every number is a float except `quality`, `revision`, `started` and `ended`: a field keeps the
//! type of its first write for as long as its shard lives. A measurement keeps its tags: InfluxDB 3 refuses those that were
//! not in a table's first write.

use super::line_protocol::Line;
use crate::decode::Disposition;
use crate::engine::{
    AlarmRecord, Band, BatchRecord, ChartLimitsRecord, ChartOf, ChartRecord, ContributionRecord,
    Effect, Monitor, ProfileRecord, ReadingRecord, ScoreRecord, SensorHealthRecord, Side,
    SoftSensorRecord, WrongFlagsRecord,
};
use crate::reading::{Timestamp, Value};

/// Lines of the protocol, times in nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines {
    /// The lines, each with its line feed.
    pub bytes: Vec<u8>,
    /// How many.
    pub count: u32,
    /// True if one of them may replace a value that was written before.
    pub in_order: bool,
}

impl Lines {
    /// Appends a line, and counts it if a field was left to write.
    fn put<'t>(
        &mut self,
        measurement: &str,
        tags: impl IntoIterator<Item = (&'t str, &'t str)>,
        at: Timestamp,
        fields: impl FnOnce(&mut Line<'_>),
    ) {
        let mut line = Line::new(&mut self.bytes, measurement, tags);
        fields(&mut line);
        self.count += u32::from(line.end(Some(at.as_nanos())));
    }
}

/// What is to be committed to the two outboxes. Meant to be used again after [`Encoded::clear`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Encoded {
    /// For the outbox [`super::READINGS`].
    pub readings: Lines,
    /// For the outbox [`super::RESULTS`].
    pub results: Lines,
}

impl Encoded {
    /// Appends what an effect says to InfluxDB; nothing for effects that are not for it.
    pub fn push(&mut self, effect: &Effect) {
        match effect {
            Effect::Reading(record) => reading(record, &mut self.readings),
            Effect::Score(record) => score(record, &mut self.readings),
            Effect::SoftSensor(record) => soft_sensor(record, &mut self.readings),
            Effect::Contributions(record) => contributions(record, &mut self.readings),
            Effect::Chart(record) => chart(record, &mut self.readings),
            Effect::ChartLimits(record) => chart_limits(record, &mut self.results),
            Effect::Batch(record) => batch(record, &mut self.results),
            Effect::Profile(record) => profile(record, &mut self.results),
            Effect::SensorHealth(record) => sensor_health(record, &mut self.results),
            Effect::WrongFlags(record) => wrong_flags(record, &mut self.results),
            Effect::Alarm(record) => alarm(record, &mut self.results),
            _ => {}
        }
    }

    /// Forgets the lines and keeps the memory.
    pub fn clear(&mut self) {
        for lines in [&mut self.readings, &mut self.results] {
            lines.bytes.clear();
            lines.count = 0;
            lines.in_order = false;
        }
    }
}

fn reading(record: &ReadingRecord, out: &mut Lines) {
    let series = &record.series;
    out.in_order |= !record.first;
    let tags = [("area", &*series.area), ("line", &*series.line), ("tag", &*series.tag)];
    out.put("readings", tags, record.at, |line| {
        match &record.value {
            Value::Number(number) => line.float("value", number.get()),
            Value::Text(text) => line.text("text", text),
        }
        line.integer("quality", i64::from(record.flags.bits()));
    });
}

fn score(record: &ScoreRecord, out: &mut Lines) {
    for monitor in Monitor::ALL {
        let measured = record.statistics.iter().filter(|(one, ..)| one.monitor() == monitor);
        let judges = monitor == record.judge;
        let model = monitor.as_str();
        let tags = [("grade", &*record.grade), ("line", &*record.line), ("model", model)];
        out.put("scores", tags, record.at, |line| {
            for (statistic, value, limit) in measured {
                let (name, limit_name) = statistic.fields();
                line.float(name, *value);
                line.float(limit_name, *limit);
            }
            line.maybe_float("score", record.score.filter(|_| judges));
            let probability = record.probability_off_spec.filter(|_| judges);
            line.maybe_float("probability_off_spec", probability);
        });
    }
}

fn contributions(record: &ContributionRecord, out: &mut Lines) {
    for (tag, share) in &record.shares {
        let tags = [("grade", &*record.grade), ("line", &*record.line), ("tag", &**tag)];
        out.put("contributions", tags, record.at, |line| {
            line.float("share", *share);
        });
    }
}

/// What a chart draws, so that nobody has to work it out: the zones' borders too, and for each detector whether it marks
/// this point, 1 above or rising, -1 below or falling, 0 not.
fn chart(record: &ChartRecord, out: &mut Lines) {
    let ([measurement, _], of) = measured(&record.of);
    let tags = [("grade", &*record.grade), ("line", &*record.line), of];
    let point = &record.point;
    out.put(measurement, tags, point.at, |line| {
        line.float("value", point.value);
        line.float("centre", point.centre);
        line.float("sigma", point.sigma);
        line.float("lower", point.lower);
        line.float("upper", point.upper);
        for (name, zones) in
            [("lower_2", -2.0), ("lower_1", -1.0), ("upper_1", 1.0), ("upper_2", 2.0)]
        {
            line.float(name, point.centre + zones * point.sigma);
        }
        line.float("zone", f64::from(point.zone));
        if let Some(spread) = &point.spread {
            band(line, "spread", spread);
        }
        if let Some(ewma) = &point.ewma {
            band(line, "ewma", ewma);
        }
        if let Some(sums) = &point.cusum {
            line.float("cusum_high", sums.high);
            line.float("cusum_low", sums.low);
            line.float("cusum_limit", sums.limit);
            if let Some(shift) = &sums.shift {
                line.float("cusum_mean", shift.mean);
                line.float("cusum_points", f64::from(shift.points));
            }
        }
        for detector in &record.detectors {
            let mark = point.marks.iter().find(|mark| mark.by == *detector);
            let side = mark.map_or(0.0, |mark| if mark.side == Side::Low { -1.0 } else { 1.0 });
            line.float(&format!("mark_{}", detector.name().replace('-', "_")), side);
        }
        line.float("signal", f64::from(u8::from(!point.marks.is_empty())));
        line.float("version", f64::from(point.version));
        line.float("provisional", f64::from(u8::from(point.provisional)));
        if let Some(batch) = &record.batch {
            line.text("batch", batch);
        }
    });
}

/// The measurements of points and of limits, and the tag by which a chart is found in them.
fn measured(of: &ChartOf) -> ([&'static str; 2], (&'static str, &str)) {
    match of {
        ChartOf::Tag(tag) => (["charts", "chart_limits"], ("tag", tag)),
        ChartOf::Property(property) => (["lab_charts", "lab_chart_limits"], ("property", property)),
    }
}

fn band(line: &mut Line<'_>, name: &str, band: &Band) {
    line.float(name, band.value);
    line.float(&format!("{name}_centre"), band.centre);
    line.float(&format!("{name}_lower"), band.lower);
    line.float(&format!("{name}_upper"), band.upper);
}

fn chart_limits(record: &ChartLimitsRecord, out: &mut Lines) {
    let ([_, measurement], of) = measured(&record.of);
    let tags = [("grade", &*record.grade), ("line", &*record.line), of];
    let limits = &record.limits;
    out.put(measurement, tags, limits.valid_from, |line| {
        line.float("version", f64::from(limits.version));
        line.float("centre", limits.centre);
        line.float("sigma", limits.sigma);
        let (lower, upper) = limits.three_sigma();
        line.float("lower", lower);
        line.float("upper", upper);
        line.text("estimate", limits.estimate.name());
        line.float("phi", limits.phi);
        line.float("points", f64::from(limits.n));
        line.float("effective", limits.effective);
        line.float("provisional", f64::from(u8::from(limits.provisional)));
        line.float("within", limits.within);
        line.float("overall", limits.overall);
        if let Some(trial) = &limits.trial {
            line.float("widened", trial.widened);
            line.maybe_float("signal_rate", trial.rates.map(|rates| rates.mean));
            line.maybe_float("signal_rate_low", trial.rates.map(|rates| rates.low));
            line.maybe_float("signal_rate_high", trial.rates.map(|rates| rates.high));
        }
        let Some(capability) = &record.capability else { return };
        let indices = [
            ("cp", capability.cp),
            ("cpk", capability.cpk),
            ("pp", capability.pp),
            ("ppk", Some(capability.ppk)),
        ];
        for (name, index) in indices.into_iter().filter_map(|(name, index)| Some((name, index?))) {
            line.float(name, index.value);
            line.float(&format!("{name}_low"), index.lower);
            line.float(&format!("{name}_high"), index.upper);
        }
        line.maybe_float("cpm", capability.cpm);
        line.float("ppm", capability.ppm);
    });
}

fn batch(record: &BatchRecord, out: &mut Lines) {
    let station = record.station.as_deref().unwrap_or_default();
    let tags = [("line", &*record.line), ("station", station)];
    out.put("batches", tags, record.point_time(), |line| {
        line.text("batch", &record.batch);
        if let Some(grade) = &record.grade {
            line.text("grade", grade);
        }
        line.text("verdict", record.verdict.map_or("void", |call| call.as_str()));
        if let Some(disposition) = record.disposition {
            line.text("disposition", disposition.as_str());
        }
        line.integer("revision", i64::from(record.revision));
        line.integer("started", record.started.as_millis());
        if let Some(ended) = record.ended {
            line.integer("ended", ended.as_millis());
        }
        line.maybe_float("length_m", record.length_m);
        line.maybe_float("mass_kg", record.mass_kg);
        line.maybe_float("probability_off_spec", record.probability_off_spec);
        if let Some(advice) = record.advice {
            line.text("advice", advice.as_str());
        } else if record.disposition.is_some_and(|decided| decided != Disposition::Hold) {
            // A field that is not written keeps what was written before.
            line.text("advice", "none");
        }
        if let Some((phase, _)) = record.phases.last() {
            line.text("phase", phase);
        }
        line.maybe_float("off_spec_share", record.off_spec_share);
        line.maybe_float("first_flag_lead_s", record.first_flag_lead_s);
        for (property, value) in &record.lab {
            line.float(&format!("lab_{property}"), *value);
        }
    });
}

fn profile(record: &ProfileRecord, out: &mut Lines) {
    let known = &record.statistics;
    let (line, tag) = (&*record.line, &*record.id);
    out.put("profiles", [("line", line), ("tag", tag)], record.at, |point| {
        point.float("mean", known.mean);
        point.maybe_float("two_sigma_md", known.two_sigma_md);
        point.maybe_float("two_sigma_cd", known.two_sigma_cd);
        point.maybe_float("two_sigma_residual", known.two_sigma_residual);
        point.float("worst_position", known.worst_position);
        point.float("worst_value", known.worst_value);
        point.float("edge_first", known.edge_first);
        point.float("edge_last", known.edge_last);
        point.float("tilt", known.tilt);
        point.float("edge_difference", known.edge_difference);
        point.float("valid", known.valid);
        point.float("scans", f64::from(u32::try_from(known.scans).unwrap_or(u32::MAX)));
        point.float("streaks", f64::from(u32::try_from(known.streaks.len()).unwrap_or(u32::MAX)));
    });
    for (ix, (position, value)) in record.zones.iter().enumerate() {
        // In order as text, too: rows of a heat map.
        let zone = format!("{ix:02}");
        let tags = [("line", line), ("tag", tag), ("zone", &*zone)];
        let value = f64::from(*value);
        if value.is_finite() {
            out.put("profile_zones", tags, record.at, |point| {
                point.float("value", value);
                point.float("deviation", value - known.mean);
                point.float("position", *position);
            });
        }
    }
}

fn sensor_health(record: &SensorHealthRecord, out: &mut Lines) {
    let tags = [("line", &*record.series.line), ("tag", &*record.series.tag)];
    out.put("sensor_health", tags, record.at, |line| {
        line.float("good", record.good);
        line.float("late", record.late);
        line.float("duplicate", record.duplicate);
        line.float("stuck", record.stuck);
        line.float("stale", record.stale);
        line.float("bad", record.bad);
        line.float("count", f64::from(record.count));
        line.maybe_float("completeness", record.completeness);
        line.float("timeliness", record.timeliness);
        line.float("validity", record.validity);
        line.float("trust", record.trust);
    });
}

fn soft_sensor(record: &SoftSensorRecord, out: &mut Lines) {
    let foretold = &record.foretold;
    let tags =
        [("grade", &*record.grade), ("line", &*record.line), ("property", &*foretold.property)];
    out.put("soft_sensors", tags, record.at, |line| {
        line.float("predicted", foretold.predicted);
        line.float("interval_low", foretold.interval[0]);
        line.float("interval_high", foretold.interval[1]);
        line.maybe_float("spec_low", foretold.low);
        line.maybe_float("spec_high", foretold.high);
        line.maybe_float("probability", foretold.probability);
    });
}

fn wrong_flags(record: &WrongFlagsRecord, out: &mut Lines) {
    let tags = [("grade", &*record.grade), ("line", &*record.line)];
    let realized = &record.realized;
    out.put("wrong_flags", tags, record.at, |line| {
        line.float("promised", record.promised);
        line.float("rate", realized.rate);
        line.float("rate_low", realized.range.0);
        line.float("rate_high", realized.range.1);
        line.float("rate_at_most", realized.at_most);
        line.float("good", f64::from(realized.good));
        line.float("wrong", f64::from(realized.wrong));
        line.float("acted", f64::from(realized.acted));
        line.float("limit_scale", record.limit_scale);
    });
}

fn alarm(record: &AlarmRecord, out: &mut Lines) {
    let tags = [("alarm", &*record.alarm), ("line", &*record.line)];
    out.put("alarms", tags, record.at, |line| {
        line.text("state", record.state);
        line.text("severity", record.severity.as_str());
        line.text("message", &record.message);
        line.text("id", &record.id);
        line.text("isa_state", record.isa.as_str());
        line.text("change", record.change);
        if let Some(priority) = record.priority {
            line.text("priority", priority.as_str());
        }
        for (key, word) in [("by", &record.by), ("note", &record.note)] {
            if let Some(word) = word {
                line.text(key, word);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alarm::Severity;
    use crate::engine::{
        Capability, Detector, Estimate, FrameRecord, Index, Kind, Limits, Mark, OnTrial, Point,
        Rates, Realized, SpreadLimits,
    };
    use crate::reading::{Finite, Flags, LineIx, Series};
    use crate::verdict::Call;
    use crate::verdict::ForetoldProperty;
    use std::sync::Arc;

    const AT: Timestamp = Timestamp::from_nanos(1_769_126_400_000_000_000);

    #[track_caller]
    fn check(effect: &Effect, readings: &str, results: &str) {
        let mut encoded = Encoded::default();
        encoded.push(effect);
        assert_eq!(std::str::from_utf8(&encoded.readings.bytes).unwrap(), readings);
        assert_eq!(std::str::from_utf8(&encoded.results.bytes).unwrap(), results);
        assert_eq!(encoded.readings.count as usize, readings.lines().count());
        assert_eq!(encoded.results.count as usize, results.lines().count());
        encoded.clear();
        assert_eq!(encoded, Encoded::default());
    }

    fn series(line: &str, area: &str, tag: &str) -> Arc<Series> {
        Arc::new(Series { line: line.into(), area: area.into(), tag: tag.into() })
    }

    fn number(value: f64) -> Value {
        Value::Number(Finite::try_from(value).unwrap())
    }

    #[test]
    fn a_reading_has_value_or_text_and_its_quality() {
        let reading = |series, value, flags| {
            Effect::Reading(ReadingRecord { series, at: AT, value, flags, first: true })
        };
        check(
            &reading(series("tm3", "dry end", "steam"), number(4.25), Flags::GOOD),
            "readings,area=dry\\ end,line=tm3,tag=steam value=4.25,quality=0i 1769126400000000000\n",
            "",
        );
        check(
            &reading(
                series("", "", "state"),
                Value::Text("run \"7\"".into()),
                Flags::RANGE | Flags::CONFLICT,
            ),
            "readings,tag=state text=\"run \\\"7\\\"\",quality=132i 1769126400000000000\n",
            "",
        );
    }

    #[test]
    fn a_score_without_a_number_is_no_line() {
        use crate::engine::Statistic::{Spe, T2};
        let score = |statistics, score| {
            Effect::Score(ScoreRecord {
                line: "tm3".into(),
                grade: "facial-15".into(),
                judge: Monitor::Pca,
                batch: Some("R1".into()),
                at: AT,
                statistics,
                score,
                probability_off_spec: None,
            })
        };
        check(
            &score(vec![(T2, 3.5, 10.0), (Spe, f64::NAN, f64::NAN)], Some(0.35)),
            "scores,grade=facial-15,line=tm3,model=pca t2=3.5,t2_limit=10,score=0.35 \
             1769126400000000000\n",
            "",
        );
        check(&score(vec![(T2, f64::NAN, f64::NAN)], None), "", "");
    }

    #[test]
    fn each_monitor_has_a_point_and_the_one_that_judges_the_score() {
        use crate::engine::Statistic::{StateT2, T2};
        check(
            &Effect::Score(ScoreRecord {
                line: "tm3".into(),
                grade: "facial-15".into(),
                judge: Monitor::Cva,
                batch: None,
                at: AT,
                statistics: vec![(T2, 3.5, 10.0), (StateT2, 8.0, 4.0)],
                score: Some(2.0),
                probability_off_spec: None,
            }),
            "scores,grade=facial-15,line=tm3,model=pca t2=3.5,t2_limit=10 1769126400000000000\n\
             scores,grade=facial-15,line=tm3,model=cva state_t2=8,state_t2_limit=4,score=2 \
             1769126400000000000\n",
            "",
        );
    }

    #[test]
    fn contributions_are_a_line_for_each_tag() {
        let record = ContributionRecord {
            line: "tm3".into(),
            grade: "g".into(),
            at: AT,
            shares: vec![("steam".into(), 0.5), ("vacuum".into(), f64::NAN), ("draw".into(), 0.25)],
        };
        check(
            &Effect::Contributions(record),
            "contributions,grade=g,line=tm3,tag=steam share=0.5 1769126400000000000\n\
             contributions,grade=g,line=tm3,tag=draw share=0.25 1769126400000000000\n",
            "",
        );
    }

    fn a_batch() -> BatchRecord {
        BatchRecord {
            line: "tm3".into(),
            station: None,
            batch: "R1".into(),
            grade: None,
            verdict: None,
            disposition: None,
            revision: 0,
            first_started: AT,
            started: AT,
            ended: None,
            length_m: None,
            mass_kg: None,
            probability_off_spec: None,
            advice: None,
            off_spec_share: None,
            first_flag_lead_s: None,
            first_flag: None,
            flagged_since: None,
            lab: vec![],
            consumed: Vec::new(),
            merged_into: None,
            found: None,
            outside: Vec::new(),
            phases: Vec::new(),
            maintenance: false,
        }
    }

    #[test]
    fn a_batch_says_what_is_known_and_keeps_its_time() {
        let time = a_batch().point_time().as_nanos();
        assert_eq!(time / 1_000_000, AT.as_millis());
        check(
            &Effect::Batch(Box::new(a_batch())),
            "",
            &format!(
                "batches,line=tm3 batch=\"R1\",verdict=\"void\",revision=0i,started=1769126400000i \
                 {time}\n"
            ),
        );
        let whole = BatchRecord {
            station: Some("unwind".into()),
            grade: Some("facial-15".into()),
            verdict: Some(Call::AtRisk),
            disposition: Some(Disposition::Hold),
            revision: 3,
            started: Timestamp::from_nanos(1_769_126_300_000_999_999),
            ended: Some(Timestamp::from_nanos(1_769_129_100_000_000_000)),
            length_m: Some(78_000.0),
            mass_kg: Some(3120.5),
            probability_off_spec: Some(0.71),
            off_spec_share: Some(0.0),
            first_flag_lead_s: Some(600.0),
            lab: vec![("tensile_md".into(), 131.4), ("softness, felt".into(), 7.0)],
            ..a_batch()
        };
        check(
            &Effect::Batch(Box::new(whole)),
            "",
            &format!(
                "batches,line=tm3,station=unwind batch=\"R1\",grade=\"facial-15\",\
                 verdict=\"at-risk\",disposition=\"hold\",revision=3i,started=1769126300000i,\
                 ended=1769129100000i,length_m=78000,mass_kg=3120.5,probability_off_spec=0.71,\
                 off_spec_share=0,first_flag_lead_s=600,lab_tensile_md=131.4,\
                 lab_softness\\,\\ felt=7 {time}\n"
            ),
        );
    }

    #[test]
    fn alarms_and_health_go_to_the_results() {
        let alarm = AlarmRecord {
            line: "tm3".into(),
            alarm: "tm3/batch".into(),
            at: AT,
            state: "active",
            isa: crate::alarm::IsaState::Unacknowledged,
            change: "raised",
            by: None,
            note: None,
            severity: Severity::Critical,
            priority: None,
            message: "off spec".into(),
            id: "evt_1".into(),
        };
        check(
            &Effect::Alarm(alarm),
            "",
            "alarms,alarm=tm3/batch,line=tm3 state=\"active\",severity=\"critical\",\
             message=\"off spec\",id=\"evt_1\",isa_state=\"unacknowledged\",change=\"raised\" 1769126400000000000\n",
        );
        let health = SensorHealthRecord {
            series: series("tm3", "dry", "steam"),
            at: AT,
            good: 0.5,
            late: 0.0,
            duplicate: 0.25,
            stuck: 1.0,
            stale: 0.0,
            bad: 0.25,
            count: 60,
            completeness: Some(1.0),
            timeliness: 1.0,
            validity: 0.5,
            trust: 0.0,
        };
        check(
            &Effect::SensorHealth(health),
            "",
            "sensor_health,line=tm3,tag=steam good=0.5,late=0,duplicate=0.25,stuck=1,stale=0,\
             bad=0.25,count=60,completeness=1,timeliness=1,validity=0.5,trust=0 \
             1769126400000000000\n",
        );
    }

    #[test]
    fn what_is_foretold_is_told_beside_its_limits() {
        let foretold = ForetoldProperty {
            property: "tensile_md".into(),
            predicted: 117.9,
            interval: [112.8, 123.1],
            low: Some(120.0),
            high: None,
            probability: Some(0.71),
            unit: None,
        };
        let record = SoftSensorRecord {
            line: "tm3".into(),
            grade: "facial-15".into(),
            batch: "R1".into(),
            at: AT,
            foretold,
        };
        check(
            &Effect::SoftSensor(Box::new(record)),
            &format!(
                "soft_sensors,grade=facial-15,line=tm3,property=tensile_md predicted=117.9,interval_low=112.8,\
                 interval_high=123.1,spec_low=120,probability=0.71 {}\n",
                AT.as_nanos()
            ),
            "",
        );
    }

    #[test]
    fn wrong_flags_are_told_beside_what_was_promised() {
        let record = WrongFlagsRecord {
            line: "tm3".into(),
            grade: "facial-15".into(),
            at: AT,
            promised: 0.01,
            realized: Realized {
                good: 120,
                wrong: 2,
                acted: 1,
                rate: 0.0625,
                range: (0.002, 0.059),
                at_most: 0.25,
            },
            limit_scale: 1.5,
        };
        check(
            &Effect::WrongFlags(record),
            "",
            &format!(
                "wrong_flags,grade=facial-15,line=tm3 promised=0.01,rate=0.0625,rate_low=0.002,rate_high=0.059,\
                 rate_at_most=0.25,good=120,wrong=2,acted=1,limit_scale=1.5 {}\n",
                AT.as_nanos()
            ),
        );
    }

    #[test]
    fn a_scan_is_a_point_and_one_for_each_zone_that_has_a_value() {
        let statistics = crate::profile::Statistics {
            at: AT,
            mean: 15.0,
            two_sigma_md: Some(0.25),
            two_sigma_cd: None,
            two_sigma_residual: None,
            scans: 7,
            worst_position: 25.0,
            worst_value: 16.5,
            edge_first: 5.0,
            edge_last: 35.0,
            tilt: -0.25,
            edge_difference: 0.5,
            valid: 0.75,
            streaks: Vec::new(),
        };
        let zones = vec![(10.0, 15.5), (20.0, f32::NAN)];
        let (line, id) = ("tm3".into(), "dry/web".into());
        let record = ProfileRecord { line, id, at: AT, statistics, zones };
        check(
            &Effect::Profile(Box::new(record)),
            "",
            "profiles,line=tm3,tag=dry/web mean=15,two_sigma_md=0.25,worst_position=25,worst_value=16.5,\
             edge_first=5,edge_last=35,tilt=-0.25,edge_difference=0.5,valid=0.75,scans=7,streaks=0 \
             1769126400000000000\nprofile_zones,line=tm3,tag=dry/web,zone=00 value=15.5,deviation=0.5,\
             position=10 1769126400000000000\n",
        );
    }

    #[test]
    fn a_point_of_a_chart_has_all_that_is_drawn() {
        let nelson: Detector = "nelson-1".parse().unwrap();
        let band = |value| Band { value, centre: 15.0, lower: 14.0, upper: 16.0 };
        let point = Point {
            at: AT,
            version: 2,
            provisional: true,
            value: 16.5,
            centre: 15.0,
            sigma: 0.25,
            lower: 14.25,
            upper: 15.75,
            zone: 4,
            spread: Some(Band { lower: 0.0, ..band(0.5) }),
            ewma: Some(band(15.25)),
            cusum: None,
            marks: vec![Mark { by: nelson, side: Side::High }],
        };
        let record = ChartRecord {
            line: "tm3".into(),
            grade: "facial-15".into(),
            of: ChartOf::Tag("bw".into()),
            batch: None,
            detectors: vec![nelson, Detector::Ewma],
            point,
        };
        let drawn = "value=16.5,centre=15,sigma=0.25,lower=14.25,upper=15.75,\
             lower_2=14.5,lower_1=14.75,upper_1=15.25,upper_2=15.5,zone=4,spread=0.5,spread_centre=15,\
             spread_lower=0,spread_upper=16,ewma=15.25,ewma_centre=15,ewma_lower=14,ewma_upper=16,\
             mark_nelson_1=1,mark_ewma=0,signal=1,version=2,provisional=1";
        let of_property = ChartRecord {
            of: ChartOf::Property("bw".into()),
            batch: Some("TM3-1".into()),
            ..record.clone()
        };
        check(
            &Effect::Chart(Box::new(record)),
            &format!("charts,grade=facial-15,line=tm3,tag=bw {drawn} 1769126400000000000\n"),
            "",
        );
        // A property that is called as the tag is not taken for it.
        check(
            &Effect::Chart(Box::new(of_property)),
            &format!(
                "lab_charts,grade=facial-15,line=tm3,property=bw {drawn},batch=\"TM3-1\" 1769126400000000000\n"
            ),
            "",
        );
    }

    #[test]
    fn limits_of_a_chart_say_what_they_are_made_of_and_what_the_process_can_do() {
        let limits = Limits {
            version: 3,
            valid_from: AT,
            kind: Kind::Individuals,
            centre: 10.0,
            sigma: 0.5,
            estimate: Estimate::Within,
            phi: 0.25,
            n: 400,
            effective: 240.0,
            provisional: true,
            within: 0.5,
            overall: 0.75,
            spread: SpreadLimits { centre: 0.5, lower: 0.0, upper: 1.75 },
            trial: None,
        };
        let index = Index { value: 2.0, lower: 1.5, upper: 2.5 };
        let capability = Capability {
            n: 400,
            effective: 240.0,
            confidence: 0.95,
            cp: None,
            cpk: Some(index),
            pp: None,
            ppk: Index { value: 1.25, ..index },
            cpm: None,
            ppm: 88.5,
        };
        let (line, grade) = ("tm3".into(), "g".into());
        let of = ChartOf::Tag("bw".into());
        let record = ChartLimitsRecord { line, grade, of, limits, capability: Some(capability) };
        let trial =
            OnTrial { widened: 1.125, rates: Some(Rates { mean: 0.008, low: 0.0005, high: 0.03 }) };
        let on_trial = ChartLimitsRecord {
            of: ChartOf::Property("bw".into()),
            capability: None,
            limits: Limits { trial: Some(trial), ..record.limits.clone() },
            ..record.clone()
        };
        check(
            &Effect::ChartLimits(Box::new(on_trial)),
            "",
            "lab_chart_limits,grade=g,line=tm3,property=bw version=3,centre=10,sigma=0.5,lower=8.5,upper=11.5,\
             estimate=\"within\",phi=0.25,points=400,effective=240,provisional=1,within=0.5,overall=0.75,\
             widened=1.125,signal_rate=0.008,signal_rate_low=0.0005,signal_rate_high=0.03 1769126400000000000\n",
        );
        check(
            &Effect::ChartLimits(Box::new(record)),
            "",
            "chart_limits,grade=g,line=tm3,tag=bw version=3,centre=10,sigma=0.5,lower=8.5,upper=11.5,\
             estimate=\"within\",phi=0.25,points=400,effective=240,provisional=1,within=0.5,overall=0.75,\
             cpk=2,cpk_low=1.5,cpk_high=2.5,ppk=1.25,ppk_low=1.5,ppk_high=2.5,ppm=88.5 1769126400000000000\n",
        );
    }

    #[test]
    fn other_effects_write_nothing() {
        let frame = FrameRecord {
            line: LineIx(0),
            batch: None,
            product: true,
            start: AT,
            end: AT,
            values: vec![1.0],
        };
        check(&Effect::Frame(frame), "", "");
    }
}
