//! Views built by hand, and a router to ask, for the tests of this room.

mod charts;
mod daemon;
mod foretold;
mod latin;
mod shelf;
mod stretches;

pub(super) use daemon::recovery;
use daemon::{nodes, sources};
pub(super) use latin::left_over;
pub(super) use shelf::Shelf;
use stretches::{spans, stretches};

use super::{
    ApiState, Backtested, Fits, Fitting, Granted, Models, Picked, Progress, Telling, Told, router,
};
use crate::alarm::Severity;
use crate::decode::{Disposition, Fault, Reason as FaultReason};
use crate::engine::{
    AlarmView, BatchRecord, Beside, ChallengerView, FaultRecord, Flagged, LineView, Promotion,
    PromotionView, ProspectsView, Realized, TagView, TrendPoint, View, Withdrawal,
    WrongFlagsRecord,
};
use crate::plant::Compared;
use crate::reading::Timestamp;
use crate::telemetry::{Health, ManualClock, Metrics, State};
use crate::verdict::{
    Advice, Call, Document, EarlierBatch, ForetoldProperty, LabOutside, Learning, Left, Mover,
    Reason, Sign, Similar,
};
use crate::words::ModelReason;
use axum::body::Body;
use axum::http::{HeaderMap, Request};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tower::ServiceExt;

/// 2026-01-23T00:31:00Z, ms: the line's clock and the time of the shells.
pub(super) const NOW: i64 = 1_769_128_260_000;
/// The batch in progress began 31 minutes before.
pub(super) const STARTED: i64 = NOW - 31 * 60_000;

/// A name that would break out of any place it is put into unescaped.
pub(super) const HOSTILE: &str = "</td><script>alert(1)</script>\"'&\u{202e}\u{0}";

/// A state and the handles that change it.
#[derive(Debug)]
pub(super) struct Fixture {
    pub(super) api: ApiState,
    pub(super) view: watch::Sender<Arc<View>>,
    pub(super) heartbeat: Arc<Heartbeat>,
}

#[derive(Debug, Default)]
pub(super) struct Heartbeat(Mutex<Duration>);

impl Heartbeat {
    pub(super) fn set(&self, age: Duration) {
        *self.0.lock().unwrap() = age;
    }
}

impl Progress for Heartbeat {
    fn heartbeat_age(&self) -> Duration {
        *self.0.lock().unwrap()
    }
}

/// A registry: what is picked has its version for an artifact, and of version 3 the line has a tag not.
#[derive(Debug)]
pub(super) struct Registry(pub(super) Vec<serde_json::Value>);

impl Models for Registry {
    fn list(
        &self,
        line: Option<&str>,
        grade: Option<&str>,
    ) -> Result<Vec<serde_json::Value>, String> {
        let is = |model: &serde_json::Value, key: &str, asked: Option<&str>| {
            asked.is_none_or(|asked| model[key] == asked)
        };
        let of = |model: &&serde_json::Value| is(model, "line", line) && is(model, "grade", grade);
        Ok(self.0.iter().filter(of).cloned().collect())
    }

    fn pick(&self, of: (&str, &str), version: Option<u32>) -> Result<Picked, String> {
        Ok(match version {
            None if of.0 == "tm4" => Err("had no other model before 1".into()),
            None => Ok((1, Arc::from([1]))),
            Some(version) => Ok((version, Arc::from([u8::try_from(version).unwrap()]))),
        })
    }

    fn backtest(
        &self,
        (line, grade): (&str, &str),
        version: u32,
        batches: usize,
    ) -> Result<Backtested, String> {
        Ok(match batches {
            7 => Backtested::Busy,
            8 => Backtested::Unknown("model 3 cannot judge line `tm3`".into()),
            _ => Backtested::Told(backtested((line, grade), version, batches)),
        })
    }

    fn promote(&self, asked: Promotion) -> Telling<Granted> {
        let granted = Granted { version: 4, replaces: Some(promotion()) };
        let told = match asked.by.as_deref() {
            _ if *asked.artifact == [3] => Told::Unfit("the line has no tag `draw`".into()),
            Some("busy") => Told::Busy,
            Some("stops") => Told::Stops,
            Some("second") => Told::Conflict("another model takes its place".into()),
            Some("full") => Told::WhenRoom(granted),
            _ => Told::Done(granted),
        };
        Box::pin(std::future::ready(told))
    }

    fn withdraw(&self, asked: Withdrawal) -> Telling<PromotionView> {
        let told = match &*asked.line {
            "tm4" => Told::Conflict("no promotion waits for a batch boundary".into()),
            _ if asked.by.as_deref() == Some("full") => Told::WhenRoom(promotion()),
            _ => Told::Done(promotion()),
        };
        Box::pin(std::future::ready(told))
    }
}

/// What a model would have said of two batches.
fn backtested((line, grade): (&str, &str), version: u32, asked: usize) -> serde_json::Value {
    let row = |batch: &str, bad: bool| {
        let flag = bad.then_some(NOW - 7_100_000);
        serde_json::json!({
            "batch": batch, "started": NOW - 9_000_000, "ended": NOW - 7_000_000,
            "found": if bad { "bad" } else { "good" }, "learned": !bad,
            "live": {
                "verdict": if bad { "off-spec" } else { "on-spec" },
                "first_flag": flag, "share_left": bad.then_some(0.05),
            },
            "model": {
                "score": if bad { 3.214 } else { 0.41 }, "seen": true, "flagged": bad, "first_flag": flag,
                "share_left": bad.then_some(0.62), "tags": if bad { vec!["refiner_power", HOSTILE] } else { vec![] },
            },
        })
    };
    let shown = |of: u32, flagged: u32, range: Option<(f64, f64)>| {
        let flagged = serde_json::json!({"flagged": flagged, "range": range});
        serde_json::json!({"of": of, "model": flagged, "live": flagged})
    };
    serde_json::json!({
        "line": line, "grade": grade, "version": version, "judges": version == 2, "waits": version == 3,
        "limit_scale": 1.0, "promised": {"rate": 0.01, "of": "batches", "provisional": true}, "asked": asked,
        "fewer": "2 finished batches of the grade are remembered, no more",
        "batches": [row("TM3-1", false), row(HOSTILE, true)],
        "summary": {
            "bad": shown(1, 1, Some((0.025, 1.0))), "good": shown(0, 0, None), "learned": 1, "acted": 0,
            "open": 0, "unseen": 0,
        },
    })
}

/// A line with a model that judged, one that judges and one that waits; and a line with one.
pub(super) fn registry() -> Registry {
    let model = |line: &str, grade: &str, version: u32, state: &str| {
        serde_json::json!({
            "line": line, "grade": grade, "version": version, "kind": "pca", "state": state,
            "judges": state == "judges", "waits": state == "waits", "by_hand": false, "by_person": false, "since": STARTED,
            "summary": "pca of 8 tags", "provisional": true, "rate": 0.01, "rate_range": [0.002, 0.059],
            "batches": 20, "rows": 56_200, "sha256": format!("{line}-{version}"),
            "header": {"kind": "pca", "components": 3},
        })
    };
    Registry(vec![
        model("tm3", "facial-15", 1, "judged"),
        model("tm3", "facial-15", 2, "judges"),
        model("tm3", "facial-15", 3, "waits"),
        model("tm4", "none", 1, "judges"),
    ])
}

/// A fit for the line, half of whose frames are read.
#[derive(Debug)]
struct OneFit;

impl Fits for OneFit {
    fn running(&self) -> Option<Fitting> {
        Some(Fitting {
            line: "tm3".into(),
            grade: "facial-15".into(),
            batches: 20,
            since: at(NOW - 60_000),
            stage: "reading frames",
            done: Some(0.45),
        })
    }
}

/// The same while a fit runs.
pub(super) fn with_fit(fixture: Fixture) -> Fixture {
    let api = ApiState { fits: Some(Arc::new(OneFit)), ..fixture.api.clone() };
    Fixture { api, ..fixture }
}

pub(super) fn with_models(fixture: Fixture, registry: Registry) -> Fixture {
    let api = ApiState { models: Some(Arc::new(registry)), ..fixture.api.clone() };
    Fixture { api, ..fixture }
}

pub(super) fn state(view: View) -> Fixture {
    let (sender, receiver) = watch::channel(Arc::new(view));
    let heartbeat = Arc::new(Heartbeat::default());
    let api = ApiState {
        view: receiver,
        health: Health::default(),
        metrics: Metrics::default(),
        clock: Arc::new(ManualClock::at(NOW * 1_000_000)),
        progress: Arc::clone(&heartbeat) as Arc<dyn Progress>,
        history: None,
        models: None,
        desk: None,
        webhooks: None,
        fits: None,
        note: watch::Sender::new(None).subscribe(),
        reload: None,
        locale: crate::words::Locale { site: "mill".into(), ..Default::default() },
        shifts: Vec::new(),
        public_url: None,
        links: None,
    };
    Fixture { api, view: sender, heartbeat }
}

/// The register of a daemon that works, but for InfluxDB.
pub(super) fn parts(health: &Health) {
    let at = (NOW - 3_600_000) * 1_000_000;
    health.set("mqtt/plant", State::Ok, "", at);
    health.set("store", State::Ok, "", at);
    let reason = "connection refused; 12,400 lines wait";
    health.set("influxdb", State::Degraded, reason, (NOW - 240_000) * 1_000_000);
    health.set("webhook/shift-leads", State::Ok, "", at);
}

/// An answer, read to its end.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Answer {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    /// The `error` of the body, empty if it has none.
    pub(super) fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(super) fn get(fixture: &Fixture, path: &str) -> Answer {
    ask(fixture, Request::get(path).body(Body::empty()).unwrap())
}

/// Puts one request to a router of its own.
pub(super) fn ask(fixture: &Fixture, request: Request<Body>) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let response = router(fixture.api.clone()).oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, 16 << 20).await.unwrap();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    })
}

pub(super) fn empty() -> View {
    View { site: "mill".into(), ..View::default() }
}

fn view(line: LineView) -> View {
    View {
        site: "mill".into(),
        lines: vec![line],
        faults: BTreeMap::from([("not-json", 3), ("unknown-topic", 41)]),
        last_faults: vec![
            fault(NOW - 700_000, "mill/tm3/dry/old", FaultReason::UnknownTopic, "no rule takes it"),
            fault(
                NOW - 90_000,
                "mill/tm3/dry/steam",
                FaultReason::NotJson,
                "expected `,` at byte 17",
            ),
        ],
        readings: 1_284_330,
        duplicates: 12,
        undeclared: 2,
        strays: vec![crate::engine::StrayView {
            series: Arc::new(crate::reading::Series {
                line: "pm1".into(),
                area: "dry".into(),
                tag: "steam".into(),
            }),
            value: Some(7.5),
            text: None,
            at: NOW,
            count: 3,
            time: "source",
            delay_ms: None,
        }],
        recovery: Some(recovery()),
        alarms_standing: 2,
        alarms: vec![
            alarm("tm3/batch", NOW - 360_000, Severity::Warning, "reel TM3-260123-014 at risk"),
            alarm("system/influxdb", NOW - 240_000, Severity::Info, "influxdb does not work"),
            AlarmView {
                holds: false,
                isa: "shelved",
                since: None,
                shelved_until: Some(at(NOW + 3_600_000)),
                hidden_by: Some("shift-a".into()),
                hidden_note: Some("cable is being changed".into()),
                unheard: 2,
                ..alarm("tm3/sensor/moisture", NOW, Severity::Info, "")
            },
        ],
        alarm_load: crate::alarm::Load {
            ten_minutes: 1,
            hour: 3,
            day: 11,
            peak: 4,
            ..Default::default()
        },
        sources: sources(),
        nodes: nodes(),
        nodes_known: 3,
        nodes_forgotten: 2,
    }
}

fn alarm(name: &str, since: i64, severity: Severity, title: &str) -> AlarmView {
    AlarmView {
        alarm: name.into(),
        class: Some(if name.starts_with("system") { "system" } else { "batch" }),
        holds: true,
        isa: "unacknowledged",
        since: Some(at(since)),
        severity,
        priority: None,
        title: title.into(),
        news: None,
        occurrence: 2,
        shelved_until: None,
        hidden_by: None,
        hidden_note: None,
        suppressed_by: None,
        chatters: false,
        unheard: 0,
    }
}

fn fault(received: i64, topic: &str, reason: FaultReason, detail: &str) -> FaultRecord {
    let fault = Fault { reason, detail: detail.to_owned() };
    FaultRecord { received: at(received), topic: topic.into(), fault }
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms).unwrap()
}

/// A line that has not been heard.
pub(super) fn silent_line(name: &str) -> LineView {
    LineView {
        profiles: Vec::new(),
        charts: Vec::new(),
        name: name.into(),
        clock: None,
        blind: false,
        maintenance: None,
        verdict: None,
        batch: None,
        stretches: Vec::new(),
        trend: Vec::new(),
        last_batches: Vec::new(),
        tags: tags()
            .into_iter()
            .map(|tag| TagView { value: None, at: None, good: None, ..tag })
            .collect(),
        model: None,
        challengers: Vec::new(),
        promotions: Vec::new(),
        soft_sensors: Vec::new(),
        prospects: ProspectsView::default(),
        wrong_flags: None,
        drift: None,
    }
}

/// Nothing has been heard yet.
pub(super) fn waiting() -> View {
    View {
        last_faults: Vec::new(),
        faults: BTreeMap::new(),
        readings: 0,
        ..view(silent_line("tm3"))
    }
}

pub(super) fn on_spec() -> View {
    view(line(Call::OnSpec))
}

pub(super) fn at_risk() -> View {
    view(line(Call::AtRisk))
}

pub(super) fn off_spec() -> View {
    let mut line = line(Call::OffSpec);
    let document = line.verdict.as_mut().unwrap();
    document.reasons = vec![
        Reason::Spec {
            tag: "basis_weight".into(),
            value: 15.93,
            low: Some(14.4),
            high: Some(15.6),
            share_out: 0.124,
            compared: Compared::Share,
        },
        Reason::Laboratory {
            property: "tensile_md".into(),
            value: 117.9,
            low: Some(120.0),
            high: None,
        },
        Reason::Person { disposition: "rework".into(), by: Some("shift-a".into()) },
    ];
    document.probability_off_spec = Some(0.998);
    view(line)
}

/// Unknown because a sensor is missing.
pub(super) fn uncovered() -> View {
    let mut line = line(Call::Unknown);
    let document = line.verdict.as_mut().unwrap();
    document.reasons = vec![Reason::Coverage {
        tags: vec!["moisture".into(), "basis_weight".into()],
        share: 0.62,
    }];
    document.probability_off_spec = None;
    line.tags[1].health = "stale".into();
    for point in line.trend.iter_mut().skip(300) {
        (point.score, point.t2, point.spe) = (None, None, None);
    }
    view(line)
}

pub(super) fn learning() -> View {
    let mut line = line(Call::Unknown);
    let document = line.verdict.as_mut().unwrap();
    document.learning = Some(Learning { have: 7, need: 20, borrowed: false });
    document.probability_off_spec = None;
    line.trend.clear();
    line.model = None;
    view(line)
}

/// The link to the broker is down; the verdict stands from before.
pub(super) fn blind() -> View {
    let mut line = line(Call::OnSpec);
    line.blind = true;
    view(line)
}

/// So many lines, each of so many tags, at risk every third; the last tag of each line is stuck.
pub(super) fn many_lines(lines: usize, tags: usize) -> View {
    let of = |ix: usize| {
        let mut line = line(if ix.is_multiple_of(3) { Call::AtRisk } else { Call::OnSpec });
        line.name = format!("line-{ix:02}").into();
        let tag = |jx: usize| TagView {
            id: format!("tag-{jx:03}").into(),
            health: if jx + 1 == tags { "stuck" } else { "good" }.into(),
            ..line.tags[0].clone()
        };
        line.tags = (0..tags).map(tag).collect();
        line
    };
    View { lines: (0..lines).map(of).collect(), ..on_spec() }
}

/// Three lines in different states.
pub(super) fn several() -> View {
    let mut lines = vec![line(Call::AtRisk), line(Call::OnSpec), silent_line("tm5")];
    lines[1].name = "tm4".into();
    View { lines, ..on_spec() }
}

/// Every name is hostile.
pub(super) fn hostile() -> View {
    let mut view = at_risk();
    let name: Arc<str> = HOSTILE.into();
    view.site = Arc::clone(&name);
    for record in &mut view.last_faults {
        record.topic = Arc::clone(&name);
        record.fault.detail = HOSTILE.to_owned();
    }
    let line = &mut view.lines[0];
    line.name = Arc::clone(&name);
    line.model = Some(HOSTILE.to_owned());
    for tag in &mut line.tags {
        (tag.id, tag.unit, tag.health) = (Arc::clone(&name), Arc::clone(&name), Arc::clone(&name));
    }
    for batch in line.last_batches.iter_mut().chain(&mut line.batch) {
        batch.batch = Arc::clone(&name);
        batch.grade = Some(Arc::clone(&name));
    }
    let document = line.verdict.as_mut().unwrap();
    document.batch = Some(Arc::clone(&name));
    document.grade = Some(Arc::clone(&name));
    document.first_mover = Some(Arc::clone(&name));
    let tag = || Arc::clone(&name);
    document.reasons = vec![
        Reason::Spec {
            tag: tag(),
            value: f64::NAN,
            low: None,
            high: Some(1.0),
            share_out: 0.5,
            compared: Compared::Single,
        },
        Reason::Process {
            statistic: tag(),
            ratio: f64::INFINITY,
            tags: vec![(tag(), 0.4)],
            areas: Vec::new(),
            changes: Vec::new(),
        },
        Reason::Laboratory { property: tag(), value: 1.0, low: Some(2.0), high: None },
        Reason::Prospects {
            probability: f64::NAN,
            signs: vec![(Sign::BatchBefore, 3.6)],
            earlier: Some(EarlierBatch {
                batch: tag(),
                property: Some(tag()),
                value: Some(f64::NAN),
                low: Some(1.0),
                high: None,
            }),
        },
        Reason::SoftSensor(ForetoldProperty {
            property: tag(),
            unit: Some(tag()),
            predicted: f64::NAN,
            ..foretold::foretold()
        }),
        Reason::Coverage { tags: vec![tag()], share: 0.1 },
        Reason::Person { disposition: tag(), by: Some(tag()) },
    ];
    view
}

pub(super) fn batch(id: &str, started: i64, verdict: Call) -> BatchRecord {
    BatchRecord {
        line: "tm3".into(),
        station: None,
        batch: id.into(),
        grade: Some("facial-15".into()),
        verdict: Some(verdict),
        disposition: None,
        revision: 1,
        first_started: at(started),
        started: at(started),
        ended: None,
        length_m: Some(36_100.0),
        mass_kg: Some(1_441.0),
        probability_off_spec: None,
        advice: Some(Advice::Release),
        off_spec_share: None,
        first_flag_lead_s: None,
        first_flag: None,
        flagged_since: None,
        lab: Vec::new(),
        consumed: Vec::new(),
        merged_into: None,
        found: None,
        outside: Vec::new(),
        phases: Vec::new(),
        maintenance: false,
    }
}

fn last_batches() -> Vec<BatchRecord> {
    let calls = [
        (Call::OnSpec, Some(Disposition::Release)),
        (Call::OffSpec, Some(Disposition::Rework)),
        (Call::OnSpec, Some(Disposition::Release)),
        (Call::AtRisk, Some(Disposition::Hold)),
        (Call::OnSpec, Some(Disposition::Release)),
        (Call::Unknown, None),
        (Call::OnSpec, Some(Disposition::Release)),
    ];
    let mut batches = Vec::new();
    for ((call, disposition), back) in calls.into_iter().zip(1_i64..) {
        let started = STARTED - back * 47 * 60_000;
        let mut batch = batch(&format!("TM3-260122-{:03}", 32 - back), started, call);
        batch.ended = Some(at(started + 47 * 60_000));
        batch.disposition = disposition;
        batch.length_m = Some(78_000.0 - 137.0 * f64::from(u32::try_from(back).unwrap()));
        batch.mass_kg = Some(3_120.0);
        batch.off_spec_share = (call != Call::Unknown).then_some(0.004);
        if call.is_flag() {
            batch.first_flag = Some(at(started + 17 * 60_000));
            batch.flagged_since = batch.first_flag;
            batch.first_flag_lead_s = Some(1_800.0);
            batch.off_spec_share = Some(0.231);
            batch.lab = vec![("tensile_md".into(), 117.9)];
        }
        batches.push(batch);
    }
    batches[5].verdict = None;
    batches
}

fn tags() -> Vec<TagView> {
    [
        ("basis_weight", "g/m2", 15.08, 1, "good"),
        ("moisture", "%", 5.912, 1, "good"),
        ("reel_speed", "m/min", 1_812.4, 1, "good"),
        ("refiner_power", "kW", 412.7, 1, "good"),
        ("stock_consistency", "%", 0.213_4, 2, "good"),
        ("steam_pressure", "bar", 7.4, 322, "stuck"),
        ("yankee_temperature", "°C", 101.3, 1, "good"),
        ("crepe_ratio", "", -0.000_18, 1, "good"),
        ("vacuum_box_2", "kPa", 31_204.0, 64, "stale"),
    ]
    .into_iter()
    .map(|(id, unit, value, age_s, health)| TagView {
        id: id.into(),
        unit: unit.into(),
        value: Some(value),
        at: Some(NOW - age_s * 1000),
        health: health.into(),
        sick_since: (health != "good").then_some(NOW - age_s * 1000),
        good: Some(if health == "good" { 1.0 } else { 0.25 }),
        time: "source",
        delay_ms: Some(12),
    })
    .collect()
}

/// An hour of frames in steps of 10 s; at risk in the last six minutes if the call is a flag.
fn trend(call: Call) -> Vec<TrendPoint> {
    let mut seed = 7_u64;
    let mut noise = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(seed >> 33).unwrap()) / f64::from(1_u32 << 31)
    };
    let mut points = Vec::new();
    let (mut t2, mut spe) = (0.4, 0.35);
    for step in 0..360_u32 {
        let rising = if call.is_flag() { f64::from(step.saturating_sub(315)) / 45.0 } else { 0.0 };
        t2 += 0.15 * (0.3 + 0.5 * noise() + 1.0 * rising - t2);
        spe += 0.15 * (0.25 + 0.4 * noise() + 3.4 * rising * rising - spe);
        let gap = (120..134).contains(&step);
        points.push(TrendPoint {
            at: at(NOW - i64::from(359 - step) * 10_000),
            score: (!gap).then_some(f64::max(t2, spe)),
            t2: (!gap).then_some((t2 * 14.2, 14.2)),
            spe: (!gap).then_some((spe * 3.7, 3.7)),
        });
    }
    if let Some(last) = points.last_mut() {
        last.score = Some(if call.is_flag() { 3.2 } else { 0.47 });
    }
    points
}

/// What moved in the batch in progress.
fn movers(since: i64) -> Vec<Mover> {
    let mover = |tag: &str, area: &str, ratio, (value, expected), unit: &str| Mover {
        tag: tag.into(),
        area: Some(area.into()),
        by_itself: tag == "refiner_power",
        since,
        arrives: (area == "stock").then_some(since + 30_000),
        ratio,
        value,
        expected,
        unit: Some(unit.into()),
        over_s: None,
    };
    vec![
        mover("refiner_power", "stock", 2.41, (146.2, 160.3), "kW"),
        mover("steam_pressure", "yankee", 1.08, (6.81, 6.66), "bar"),
    ]
}

/// Past batches in which the same moved.
fn similar() -> Vec<Similar> {
    let reworked = Similar {
        batch: "TM3-260122-031".into(),
        grade: Some("facial-15".into()),
        started: STARTED - 40_000_000,
        likeness: 0.93,
        verdict: Call::OffSpec,
        disposition: Some("rework".into()),
        off_spec_share: Some(0.0),
        laboratory: vec![LabOutside {
            property: "tensile_md".into(),
            value: 112.4,
            low: Some(120.0),
            high: None,
        }],
        actions: vec!["refiner power +5 %".into()],
    };
    let released = Similar {
        batch: "TM3-260121-007".into(),
        grade: Some("towel-21".into()),
        started: STARTED - 150_000_000,
        likeness: 0.78,
        verdict: Call::OnSpec,
        disposition: Some("release".into()),
        off_spec_share: Some(0.012),
        laboratory: Vec::new(),
        actions: Vec::new(),
    };
    vec![reworked, released]
}

fn line(call: Call) -> LineView {
    let since = if call.is_flag() { NOW - 360_000 } else { STARTED + 120_000 };
    let mut batch = batch("TM3-260123-014", STARTED, call);
    if call.is_flag() {
        batch.first_flag = Some(at(since));
        batch.flagged_since = batch.first_flag;
        batch.off_spec_share = Some(0.031);
    }
    let reasons = vec![
        Reason::Process {
            statistic: "spe".into(),
            ratio: 3.214,
            tags: vec![
                ("refiner_power".into(), 0.413),
                ("stock_consistency".into(), 0.224),
                ("steam_pressure".into(), 0.09),
            ],
            areas: vec![("stock".into(), 0.637), ("yankee".into(), 0.363)],
            changes: Vec::new(),
        },
        Reason::Process {
            statistic: "t2".into(),
            ratio: 1.31,
            tags: vec![("refiner_power".into(), 0.62)],
            areas: Vec::new(),
            changes: Vec::new(),
        },
        Reason::Spec {
            tag: "basis_weight".into(),
            value: 15.08,
            low: Some(14.4),
            high: Some(15.6),
            share_out: 0.031,
            compared: Compared::Share,
        },
    ];
    LineView {
        profiles: Vec::new(),
        charts: charts::charts(),
        name: "tm3".into(),
        clock: Some(NOW),
        blind: false,
        maintenance: None,
        verdict: Some(Document {
            station: None,
            line: "tm3".into(),
            batch: Some("TM3-260123-014".into()),
            grade: Some("facial-15".into()),
            verdict: call,
            since,
            probability_off_spec: Some(if call.is_flag() { 0.71 } else { 0.018 }),
            progress: Some(0.46),
            left: call.is_flag().then_some(Left {
                minutes: 24.5,
                tonnes: Some(1.3),
                metres: Some(42_000.0),
            }),
            reasons: if call.is_flag() { reasons } else { Vec::new() },
            first_mover: call.is_flag().then(|| "refiner_power".into()),
            movers: if call.is_flag() { movers(since) } else { Vec::new() },
            similar: if call.is_flag() { similar() } else { Vec::new() },
            foretold: if call.is_flag() { vec![foretold::foretold()] } else { Vec::new() },
            decision: call.is_flag().then(foretold::decision),
            spans: if call.is_flag() { spans() } else { Vec::new() },
            slab: None,
            learning: None,
            state: None,
            phase: None,
            revision: 3,
            ts: NOW - 5_000,
            valid_until: NOW - 5_000 + Document::VALID_MS,
        }),
        batch: Some(batch),
        stretches: if call.is_flag() { stretches() } else { Vec::new() },
        trend: trend(call),
        last_batches: last_batches(),
        tags: tags(),
        model: Some("pca v4, 20 batches, 56,200 rows, limit provisional".to_owned()),
        challengers: vec![challenger()],
        promotions: vec![promotion()],
        soft_sensors: foretold::soft_sensors(),
        prospects: foretold::prospects(),
        wrong_flags: Some(wrong_flags()),
        drift: call.is_flag().then_some(ModelReason::Drifted {
            exceeded: 4,
            of: 31,
            one_in: 100.0,
        }),
    }
}

/// Two of 120 good batches were flagged.
fn wrong_flags() -> WrongFlagsRecord {
    WrongFlagsRecord {
        line: "tm3".into(),
        grade: "facial-15".into(),
        at: at(NOW - 5_000),
        promised: 0.01,
        realized: Realized {
            good: 120,
            wrong: 2,
            acted: 1,
            rate: 2.0 / 120.0,
            range: (0.002, 0.059),
            at_most: 3.0 / 121.0,
        },
        limit_scale: 1.2,
    }
}

/// A model that was promoted a minute ago.
fn promotion() -> PromotionView {
    PromotionView {
        grade: "facial-15".into(),
        version: 4,
        of: 1,
        reason: "promoted by shift-a, the artifact of version 1".into(),
        by: Some("shift-a".into()),
        asked: at(NOW - 60_000),
    }
}

/// A model that has judged twelve batches in the shadow.
fn challenger() -> ChallengerView {
    let flagged = |of, both, only_present, only_new| Flagged { of, both, only_present, only_new };
    let beside = Beside { good: flagged(8, 0, 2, 0), bad: flagged(1, 0, 0, 1), open: 3 };
    ChallengerView { grade: "facial-15".into(), version: 3, against: 2, beside }
}
