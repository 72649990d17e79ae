//! The configuration as it stands in the file: every key, everything optional, every value with its
//! place.
//!
//! These types are the one description of the keys: serde reads them, the JSON Schema is derived from
//! them, and `structure` walks a file along that schema. The doc comments are the descriptions that
//! editors show. No `flatten` and no `untagged` here: serde's buffering would lose the places.

mod alarms;
mod webhook;

pub(super) use alarms::{AlarmEnd, AlarmRule, Alarms};
pub(super) use webhook::{Webhook, When};

use super::at::{
    At, BudgetText, DurationOrBatch, DurationOrOff, DurationText, RefitText, SizeText, TextOr,
};
use super::words::{
    AutocorrelationName, BatchFrom, BatchName, ChartKind, FaultName, LabChartKind, LanguageName,
    LearnFrom, PayloadFormat, Promote, QualityCodes, RoleName, RuleName, SparkplugRole, TimeUnit,
    TokenRole, Undeclared, VarianceName, WayName, WhenFull,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The configuration of onspec.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "onspec configuration", rename = "Configuration")]
pub(super) struct Raw {
    /// The version of this format.
    #[schemars(extend("default" = 1))]
    pub(super) schema: Option<At<i64>>,
    /// What happens to readings of lines and tags that this file does not name.
    #[schemars(extend("default" = "store"))]
    pub(super) undeclared: Option<At<Undeclared>>,
    /// The greatest number of tags that this file does not name.
    #[schemars(extend("default" = 10000))]
    pub(super) undeclared_max: Option<At<i64>>,
    /// The site: words, reports, calendars. Never used for judging.
    pub(super) site: Option<At<Site>>,
    /// The embedded store: one file, no server.
    pub(super) store: Option<At<Store>>,
    /// The brokers that readings come from.
    pub(super) mqtt: Vec<At<Mqtt>>,
    /// The production lines by name.
    pub(super) line: BTreeMap<At<String>, At<Line>>,
    /// The product specifications by name.
    pub(super) grade: BTreeMap<At<String>, At<Grade>>,
    /// How models are fitted and how often a flag may be wrong.
    pub(super) models: Option<At<Models>>,
    /// What wrong decisions about batches cost, so that advice can be given. Without it there is none.
    pub(super) costs: Option<At<Costs>>,
    /// How alarms come, stay and go.
    pub(super) alarms: Option<At<Alarms>>,
    /// The InfluxDB 2 that takes readings, scores, batches and alarms.
    pub(super) influxdb: Option<At<Influxdb>>,
    /// The receivers of events.
    pub(super) webhook: Vec<At<Webhook>>,
    /// The page, the API, metrics and health.
    pub(super) http: Option<At<Http>>,
    /// The language of messages, page and reports.
    pub(super) language: Option<At<Language>>,
}

/// The site.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Site {
    /// The site's name, in every event.
    #[schemars(extend("default" = ""))]
    pub(super) name: Option<At<String>>,
    /// The time zone of reports, by its name: those of the times and weeks in them.
    #[schemars(extend("default" = "UTC"), example = "Asia/Shanghai")]
    pub(super) timezone: Option<At<String>>,
    /// The begins of the shifts, such as "06:00", by the clock of the site; two at least. Each ends where the next one begins.
    pub(super) shifts: Option<At<Vec<ShiftText>>>,
}

/// A shift: when it begins, or that and its name.
pub(super) type ShiftText = At<TextOr<String, Shift>>;

/// A shift with a name.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Shift {
    /// Its name.
    #[schemars(example = &"early")]
    pub(super) name: Option<At<String>>,
    /// When it begins.
    #[schemars(example = "06:00")]
    pub(super) begins: Option<At<String>>,
}

/// The embedded store.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Store {
    /// The file. A relative path counts from the working directory.
    #[schemars(extend("default" = "onspec.db"))]
    pub(super) path: Option<At<String>>,
    /// The greatest size of the file with its write-ahead log.
    #[schemars(extend("default" = "20GiB"))]
    pub(super) max_size: Option<At<SizeText>>,
    /// What happens at that size.
    #[schemars(extend("default" = "drop-oldest-readings"))]
    pub(super) when_full: Option<At<WhenFull>>,
}

/// A secret: never written into this file, but read from the environment or from a file of its own.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("x-secret" = true))]
pub(super) struct Secret {
    /// The name of an environment variable.
    pub(super) env: Option<At<String>>,
    /// The path of a file; white space at the ends of its text does not count.
    pub(super) file: Option<At<String>>,
}

/// A broker.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Mqtt {
    /// Its name in logs, metrics and health.
    #[schemars(extend("default" = "mqtt"))]
    pub(super) name: Option<At<String>>,
    /// Its address: `mqtt://host:1883`, or `mqtts://host:8883` with TLS; over WebSocket `ws://host:80/mqtt`, or
    /// `wss://host:443/mqtt` with TLS.
    #[schemars(example = "mqtt://127.0.0.1:1883")]
    pub(super) url: Option<At<String>>,
    /// The protocol: 5, or 4 for MQTT 3.1.1.
    #[schemars(extend("default" = 5))]
    pub(super) version: Option<At<i64>>,
    /// The client id. Fixed, so that the broker keeps the session; no two clients may share it.
    #[schemars(extend("default" = "onspec"))]
    pub(super) client_id: Option<At<String>>,
    /// How long the broker keeps the session, and messages in it, while onspec is away (MQTT 5).
    #[schemars(extend("default" = "7d"))]
    pub(super) session_expiry: Option<At<DurationText>>,
    /// The user name, if the broker wants one.
    pub(super) username: Option<At<String>>,
    /// The password, if the broker wants one.
    pub(super) password: Option<At<Secret>>,
    /// Certificates, for `mqtts` and `wss`.
    pub(super) tls: Option<At<MqttTls>>,
    /// The interval of pings, at least 5 s.
    #[schemars(extend("default" = "30s"))]
    pub(super) keep_alive: Option<At<DurationText>>,
    /// How many messages the broker may send ahead of their acknowledgements, 1 to 65535.
    #[schemars(extend("default" = 1000))]
    pub(super) receive_maximum: Option<At<i64>>,
    /// The largest packet that is taken.
    #[schemars(extend("default" = "16MiB"))]
    pub(super) max_packet_size: Option<At<SizeText>>,
    /// A link that is up but brings nothing for this long is reported.
    #[schemars(extend("default" = "2m"))]
    pub(super) silent_after: Option<At<DurationText>>,
    /// A shared-subscription group; empty for none.
    #[schemars(extend("default" = ""))]
    pub(super) share: Option<At<String>>,
    /// What to subscribe to, and how it is read.
    pub(super) subscribe: Vec<At<Subscribe>>,
    /// Where verdicts, batches and the status are published.
    pub(super) publish: Option<At<Publish>>,
    /// What onspec is to edge nodes of Sparkplug B.
    pub(super) sparkplug: Option<At<Sparkplug>>,
}

/// A host application of Sparkplug B.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Sparkplug {
    /// What it is to edge nodes. A node that waits for a primary host sends nothing while onspec is stopped.
    #[schemars(extend("default" = "passive"))]
    pub(super) role: Option<At<SparkplugRole>>,
    /// The id under which a primary host says whether it is there; without it the client id.
    pub(super) host_id: Option<At<String>>,
    /// How long a message that came too early waits for those before it.
    #[schemars(extend("default" = "2s"))]
    pub(super) reorder: Option<At<DurationText>>,
    /// A node is asked for its births again after so long.
    #[schemars(extend("default" = "60s"))]
    pub(super) rebirth: Option<At<DurationText>>,
}

/// Certificates of the link to a broker.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MqttTls {
    /// Certificates to trust (PEM); without it the system's.
    pub(super) ca: Option<At<String>>,
    /// Our certificate (PEM), if the broker wants one.
    pub(super) cert: Option<At<String>>,
    /// The file with its key (PEM).
    pub(super) key: Option<At<String>>,
}

/// A subscription.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Subscribe {
    /// The topic: `{line}`, `{area}` and `{tag}` take a level, `{tag...}` the rest, `+` and `#` as
    /// in MQTT.
    #[schemars(example = "mill/{line}/{area}/{tag}")]
    pub(super) topic: Option<At<String>>,
    /// What the payload is.
    #[schemars(extend("default" = "json"))]
    pub(super) format: Option<At<PayloadFormat>>,
    /// The quality of service, 0 to 2. With 0, what is sent while onspec is away is lost.
    #[schemars(extend("default" = 1))]
    pub(super) qos: Option<At<i64>>,
    /// The line, where the topic does not give it.
    pub(super) line: Option<At<String>>,
    /// The area, where the topic does not give it.
    pub(super) area: Option<At<String>>,
    /// The tag, where the topic does not give it.
    pub(super) tag: Option<At<String>>,
    /// Many readings in one payload: JSON Pointer to them, in which a token `*` takes every element of an
    /// array, or every key of an object that no other pointer names. Other pointers count from there.
    #[schemars(example = "/values/*")]
    pub(super) each: Option<At<String>>,
    /// JSON Pointer to the value.
    #[schemars(extend("default" = "/value"))]
    pub(super) value: Option<At<String>>,
    /// Many values in one payload: tag and JSON Pointer. Instead of `value`.
    pub(super) fields: Option<At<BTreeMap<At<String>, At<String>>>>,
    /// JSON Pointer to the time; without it the time of receipt counts. `1/t` is the key `t` beside each
    /// value, as in a Relative JSON Pointer.
    #[schemars(example = "/ts")]
    pub(super) time: Option<At<String>>,
    /// The unit of a number that stands for a time; of line protocol `ns` unless it is said.
    #[schemars(extend("default" = "ms"))]
    pub(super) time_unit: Option<At<TimeUnit>>,
    /// JSON Pointer to the quality code, or the name of its field in line protocol; without it every
    /// value counts as good. `1/q` is the key `q` beside each value.
    #[schemars(example = "/q")]
    pub(super) quality: Option<At<String>>,
    /// Where the payload names line, area, tag and unit, where topic and subscription do not: JSON
    /// Pointers, or the tags of a point in line protocol.
    pub(super) names: Option<At<Names>>,
    /// How quality codes are read.
    #[schemars(extend("default" = "opc-da"))]
    pub(super) quality_codes: Option<At<QualityCodes>>,
    /// The unit in which numbers are sent, where it is not that of the tags: they are converted.
    #[schemars(example = &"psi")]
    pub(super) unit: Option<At<String>>,
    /// The units in which numbers of single tags are sent.
    pub(super) units: Option<At<BTreeMap<At<String>, At<String>>>>,
    /// With `profile`: JSON Pointer to where the boxes are, mm from the tending side, one number for each.
    #[schemars(example = "/positions")]
    pub(super) positions: Option<At<String>>,
    /// With `profile`: JSON Pointer to what the scanner does; a scan that is not `true` or `on-sheet` is
    /// not counted.
    #[schemars(example = "/mode")]
    pub(super) mode: Option<At<String>>,
    /// The user properties of a message (MQTT 5) that give what its payload does not.
    pub(super) properties: Option<At<UserProperties>>,
    /// The content types that are taken (MQTT 5), without parameters; a message of another one is a fault,
    /// one that names none is taken.
    #[schemars(example = ["application/json"])]
    pub(super) content_type: Option<At<Vec<At<String>>>>,
    /// The message expiry interval with which the messages are sent (MQTT 5): by what is missing of it when
    /// one comes, a reading without a time is dated.
    #[schemars(example = &"1h")]
    pub(super) expiry: Option<At<DurationText>>,
}

/// The keys of user properties, for what payloads do not say; what these say counts first, and a property
/// before topic and subscription.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct UserProperties {
    /// The one with the line.
    pub(super) line: Option<At<String>>,
    /// The one with the area.
    pub(super) area: Option<At<String>>,
    /// The one with the tag.
    #[schemars(example = &"tag")]
    pub(super) tag: Option<At<String>>,
    /// The one with the unit in which a number is sent.
    pub(super) unit: Option<At<String>>,
    /// The one with the time, a number in `time_unit` or RFC 3339.
    pub(super) time: Option<At<String>>,
    /// The one with the quality code, one of `quality_codes`.
    pub(super) quality: Option<At<String>>,
}

/// Where a payload names its readings. In JSON nothing is looked for that is not asked for.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Names {
    /// JSON Pointer to the line, or the tag of a point (`line` unless it is said).
    pub(super) line: Option<At<String>>,
    /// JSON Pointer to the area, or the tag of a point (`area` unless it is said).
    pub(super) area: Option<At<String>>,
    /// JSON Pointer to the tag, or the tag of a point (`tag` unless it is said). `0#` is the key under
    /// which the value stands.
    #[schemars(example = "/id")]
    pub(super) tag: Option<At<String>>,
    /// JSON Pointer to the unit in which a number is sent, or the tag of a point.
    pub(super) unit: Option<At<String>>,
}

/// Where verdicts are published.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Publish {
    /// What the topics begin with.
    #[schemars(extend("default" = "onspec"))]
    pub(super) prefix: Option<At<String>>,
    /// The broker, by name; without it the one that this table stands under.
    pub(super) broker: Option<At<String>>,
}

/// A production line.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Line {
    /// The length of a frame.
    #[schemars(extend("default" = "1s"))]
    pub(super) frame: Option<At<DurationText>>,
    /// How long a frame waits for late readings.
    #[schemars(extend("default" = "2s"))]
    pub(super) lateness: Option<At<DurationText>>,
    /// After this silence of the whole line its clock may be pushed on.
    #[schemars(extend("default" = "30s"))]
    pub(super) idle: Option<At<DurationText>>,
    /// How long the line settles after a break: models neither judge nor learn what is made then.
    #[schemars(extend("default" = "3m"))]
    pub(super) settle: Option<At<DurationText>>,
    /// How long a change of grade lasts at most; it ends before, when the quality tags have been
    /// inside their limits for three minutes.
    #[schemars(extend("default" = "30m"))]
    pub(super) grade_change: Option<At<DurationText>>,
    /// How a break is told, where no event tells it.
    #[serde(rename = "break")]
    pub(super) breaks: Option<At<Break>>,
    /// Where batches come from.
    pub(super) batch: Option<At<Batch>>,
    /// The tags that turn time into metres and tonnes.
    pub(super) rate: Option<At<Rate>>,
    /// The grade that is made when nothing names one.
    pub(super) grade: Option<At<String>>,
    /// The tag whose value, a text or a number, is the grade that is made.
    pub(super) grade_tag: Option<At<String>>,
    /// The tag whose value, a text or a number, is the phase of its recipe that the batch in progress is in.
    pub(super) phase_tag: Option<At<String>>,
    /// The tags by id: the name, or `"area/name"` where the line has the name in two areas.
    pub(super) tag: BTreeMap<At<String>, At<Tag>>,
    /// What scanners measure across the web, by the tag under which it comes.
    pub(super) profile: BTreeMap<At<String>, At<Profile>>,
}

/// A quantity that a scanner measures in boxes across the web.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Profile {
    /// Its engineering unit.
    #[schemars(extend("default" = ""))]
    pub(super) unit: Option<At<String>>,
    /// The value aimed at. What is further from it than half of it is no paper.
    pub(super) target: Option<At<f64>>,
    /// The instrument's range: `[low, high]`. A box outside is not valid.
    #[schemars(example = [0.0, 60.0])]
    pub(super) range: Option<At<Vec<At<f64>>>>,
    /// Boxes at either edge of the sheet that are not counted.
    #[schemars(extend("default" = 2))]
    pub(super) edge: Option<At<i64>>,
    /// The width of a box, mm. Without it boxes are counted from 1, unless a scan says where they are.
    #[schemars(example = 10.0)]
    pub(super) box_width: Option<At<f64>>,
    /// The centre of the first box, mm from the tending side; half a box unless it is said.
    #[schemars(example = 5.0)]
    pub(super) first: Option<At<f64>>,
    /// How the variance is divided into MD, CD and residual.
    #[schemars(extend("default" = "anova"))]
    pub(super) variance: Option<At<VarianceName>>,
    /// False where no streak is to be looked for.
    #[schemars(extend("default" = true))]
    pub(super) streaks: Option<At<bool>>,
    /// The smallest streak worth an alarm, in the unit; without it what stands out of the noise.
    #[schemars(example = 0.3)]
    pub(super) streak_min: Option<At<f64>>,
}

/// Where a line's batches come from.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Batch {
    /// Batch events, a tag whose value changes (a reel id), the turn-up (a diameter that falls back),
    /// the clock, or nothing.
    #[schemars(extend("default" = "events"))]
    pub(super) from: Option<At<BatchFrom>>,
    /// The tag, with `tag` and `turn-up`.
    pub(super) tag: Option<At<String>>,
    /// What a batch is called, with `tag`: by its line and start, or by the tag's value, which must not
    /// come again. Without it: by its line and start.
    pub(super) name: Option<At<BatchName>>,
    /// The length of a batch, with `period`.
    pub(super) every: Option<At<DurationText>>,
}

/// How a break is told.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Break {
    /// A tag that is not zero (or is true) while the web is broken, or nothing is made.
    pub(super) tag: Option<At<String>>,
}

/// The tags that turn time into length and mass.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Rate {
    /// A speed in m/min.
    pub(super) length: Option<At<String>>,
    /// A production rate in t/h.
    pub(super) mass: Option<At<String>>,
}

/// A tag.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Tag {
    /// Its engineering unit.
    #[schemars(extend("default" = ""))]
    pub(super) unit: Option<At<String>>,
    /// What it is to the product.
    #[schemars(extend("default" = "process"))]
    pub(super) role: Option<At<RoleName>>,
    /// The instrument's range: `[low, high]`. What is outside counts as a sick sensor.
    #[schemars(example = [0.0, 60.0])]
    pub(super) range: Option<At<Vec<At<f64>>>>,
    /// How long the last good value may stand in for a missing one.
    #[schemars(extend("default" = "30s"))]
    pub(super) stale: Option<At<DurationText>>,
    /// A value that does not move for this long is stuck; `off` turns the check off, as it is for
    /// context tags.
    #[schemars(extend("default" = "5m"))]
    pub(super) stuck: Option<At<DurationOrOff>>,
    /// The most that the value can change in a second. What changes faster is left out.
    #[schemars(example = 50.0)]
    pub(super) rate: Option<At<f64>>,
    /// Faults of its sensor that are not looked for.
    #[schemars(extend("default" = []))]
    pub(super) unchecked: Option<At<Vec<At<FaultName>>>>,
    /// Tags by which its value can be known: they measure the same, or add up to it.
    #[schemars(extend("default" = []))]
    pub(super) agrees_with: Option<At<Vec<At<String>>>>,
    /// Whether it has no level of its own, as a counter or a tank level: models then judge how far it changes. Without it,
    /// it is estimated from the data, and false of a tag with `guard_band` or `flags`.
    pub(super) wanders: Option<At<bool>>,
    /// The smallest deviation from what the other tags tell of it, in its unit, that is worth a flag; with `wanders = true`
    /// of its change.
    #[schemars(example = 0.2, extend("default" = 0.0))]
    pub(super) guard_band: Option<At<f64>>,
    /// Which way a deviation of it flags a batch; with `wanders = true` of its change.
    #[schemars(extend("default" = "both"))]
    pub(super) flags: Option<At<WayName>>,
    /// How long what it sees takes to the end of the line, where the product is measured and wound: a duration, or a
    /// length over a speed, or a volume over a flow. Without it, it is estimated from the data.
    #[schemars(example = &"90s")]
    pub(super) delay: Option<At<TextOr<DurationText, DelayBy>>>,
    /// From the moment a sample is taken to its reading, of an analyser that reports late.
    #[schemars(extend("default" = "0s"))]
    pub(super) lag: Option<At<DurationText>>,
    /// Its control chart. Quality tags have one as it is by default; others where something is written here.
    pub(super) chart: Option<At<Chart>>,
}

/// What lies between an instrument and the end of the line, over what passes.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct DelayBy {
    /// The length between, m; with `speed`.
    #[schemars(example = 120.0)]
    pub(super) length_m: Option<At<f64>>,
    /// The tag that measures the speed, in m/min or m/s.
    pub(super) speed: Option<At<String>>,
    /// The volume between, m³, through which what comes first leaves first; with `flow`.
    #[schemars(example = 30.0)]
    pub(super) volume_m3: Option<At<f64>>,
    /// The tag that measures the flow, in L/min, L/s, m3/h, m3/min or gpm.
    pub(super) flow: Option<At<String>>,
}

/// The control chart of a tag. It signals to people, and flags no batch.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Chart {
    /// What a point is.
    #[schemars(extend("default" = "individuals"))]
    pub(super) kind: Option<At<ChartKind>>,
    /// How many values make a subgroup; 5 if nothing is said.
    #[schemars(example = 5)]
    pub(super) size: Option<At<i64>>,
    /// A value is the mean of so long, or of a `batch`.
    #[schemars(extend("default" = "1m"))]
    pub(super) every: Option<At<DurationOrBatch>>,
    /// What is done where points depend on those before them.
    #[schemars(extend("default" = "residual"))]
    pub(super) autocorrelation: Option<At<AutocorrelationName>>,
    /// The rules of runs that mark points. Without `rules`, `ewma` and `cusum` there are `nelson-1` and an EWMA; who
    /// names one of the three has those that are named.
    #[schemars(example = ["nelson-1", "nelson-2"])]
    pub(super) rules: Option<At<Vec<At<RuleName>>>>,
    /// True if a spread beyond its limits is marked too.
    #[schemars(extend("default" = false))]
    pub(super) spread: Option<At<bool>>,
    /// A moving average beside the points.
    pub(super) ewma: Option<At<Ewma>>,
    /// Sums beside the points.
    pub(super) cusum: Option<At<Cusum>>,
}

/// An exponentially weighted moving average.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Ewma {
    /// The weight of the newest point, 0.02 to 1; 0.1 if nothing is said.
    #[schemars(example = 0.1)]
    pub(super) lambda: Option<At<f64>>,
    /// Points until it signals by chance, in the mean; 370.4 if nothing is said.
    #[schemars(example = 370.4)]
    pub(super) run_length: Option<At<f64>>,
}

/// Tabular cumulative sums.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Cusum {
    /// Half of the shift that is to be found soonest, in standard deviations, 0.1 to 2; 0.5 if nothing is said.
    #[schemars(example = 0.5)]
    pub(super) k: Option<At<f64>>,
    /// Points until it signals by chance, in the mean; 370.4 if nothing is said.
    #[schemars(example = 370.4)]
    pub(super) run_length: Option<At<f64>>,
    /// True if the sums begin at half of their limit; false if nothing is said.
    #[schemars(example = false)]
    pub(super) fast: Option<At<bool>>,
}

/// A product specification.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Grade {
    /// Limits on quality tags, by tag id.
    pub(super) spec: BTreeMap<At<String>, At<Limit>>,
    /// Limits on what the laboratory measures, by property.
    pub(super) lab: BTreeMap<At<String>, At<LabLimit>>,
    /// The windows in which operators may set process tags for this grade, by tag id: `[low, high]`.
    /// Models take a value inside for ordinary, even where no batch so far had it.
    pub(super) centerline: BTreeMap<At<String>, At<Vec<At<f64>>>>,
    /// The share of a batch's length that may be outside before the batch is off spec.
    #[schemars(extend("default" = 0.1))]
    pub(super) off_share: Option<At<f64>>,
    /// Limits that change at an instant.
    pub(super) amendment: Vec<At<Amendment>>,
}

/// Limits that change: batches that begin at an instant or later have these, each as a whole, and those that are not named
/// here as before.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Amendment {
    /// The instant, with its offset from UTC.
    #[schemars(example = &"2026-12-01T06:00:00+08:00")]
    pub(super) from: Option<At<String>>,
    /// Limits on quality tags, by tag id.
    pub(super) spec: BTreeMap<At<String>, At<Limit>>,
    /// Limits on what the laboratory measures, by property.
    pub(super) lab: BTreeMap<At<String>, At<AmendedLab>>,
    /// The tags and properties whose limits end; `spec.NAME` or `lab.NAME` where both are called the same.
    #[schemars(extend("default" = []))]
    pub(super) drop: Option<At<Vec<At<String>>>>,
    /// The share of a batch's length that may be outside.
    #[schemars(example = 0.1)]
    pub(super) off_share: Option<At<f64>>,
}

/// Limits on a quality tag; at least one bound is needed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Limit {
    /// The least value that is on spec.
    pub(super) low: Option<At<f64>>,
    /// The value aimed at.
    pub(super) target: Option<At<f64>>,
    /// The greatest value that is on spec.
    pub(super) high: Option<At<f64>>,
    /// The unit of all of them: the tag's own.
    pub(super) unit: Option<At<String>>,
    /// The share of a batch's length that may be outside `low` and `high`. Without it: the grade's.
    #[schemars(example = 0.05)]
    pub(super) off_share: Option<At<f64>>,
    /// Bounds of the mean over the batch.
    pub(super) mean: Option<At<Bounds>>,
    /// Bounds that no frame's value may pass.
    pub(super) single: Option<At<Bounds>>,
    /// The test method, as certificates name it.
    #[schemars(example = "ISO 12625-4")]
    pub(super) method: Option<At<String>>,
    /// What values are rounded to on certificates, after they were held against the limits; in the unit of the limits.
    #[schemars(example = 0.1)]
    pub(super) resolution: Option<At<f64>>,
}

/// Limits on what the laboratory measures; at least one bound is needed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LabLimit {
    /// The least result that is on spec.
    pub(super) low: Option<At<f64>>,
    /// The value aimed at.
    pub(super) target: Option<At<f64>>,
    /// The greatest result that is on spec.
    pub(super) high: Option<At<f64>>,
    /// The unit of all of them. Results in another one are converted.
    pub(super) unit: Option<At<String>>,
    /// Bounds that the result at no position may pass.
    pub(super) single: Option<At<Bounds>>,
    /// The test method, as certificates name it.
    #[schemars(example = "ISO 12625-4")]
    pub(super) method: Option<At<String>>,
    /// What values are rounded to on certificates, after they were held against the limits; in the unit of the limits.
    #[schemars(example = 0.1)]
    pub(super) resolution: Option<At<f64>>,
    /// Its control chart, which has a point for each batch; there is one without a word.
    pub(super) chart: Option<At<LabChart>>,
}

/// Limits on what the laboratory measures, as amended; at least one bound is needed.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AmendedLab {
    /// The least result that is on spec.
    pub(super) low: Option<At<f64>>,
    /// The value aimed at.
    pub(super) target: Option<At<f64>>,
    /// The greatest result that is on spec.
    pub(super) high: Option<At<f64>>,
    /// The unit of all of them. Results in another one are converted.
    pub(super) unit: Option<At<String>>,
    /// Bounds that the result at no position may pass.
    pub(super) single: Option<At<Bounds>>,
    /// The test method, as certificates name it.
    #[schemars(example = "ISO 12625-4")]
    pub(super) method: Option<At<String>>,
    /// What values are rounded to on certificates, after they were held against the limits; in the unit of the limits.
    #[schemars(example = 0.1)]
    pub(super) resolution: Option<At<f64>>,
}

impl AmendedLab {
    /// The same as the limits of a grade.
    pub(super) fn limit(&self) -> LabLimit {
        LabLimit {
            low: self.low.clone(),
            target: self.target.clone(),
            high: self.high.clone(),
            unit: self.unit.clone(),
            single: self.single.clone(),
            method: self.method.clone(),
            resolution: self.resolution.clone(),
            chart: None,
        }
    }
}

/// Two bounds, of which one may be missing.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Bounds {
    /// The least value.
    pub(super) low: Option<At<f64>>,
    /// The greatest value.
    pub(super) high: Option<At<f64>>,
}

/// The control chart of a laboratory property: each batch is a point. It signals to people, and flags no batch.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LabChart {
    /// Whether there is one.
    #[schemars(extend("default" = "individuals"))]
    pub(super) kind: Option<At<LabChartKind>>,
    /// What is done where points depend on those before them.
    #[schemars(extend("default" = "residual"))]
    pub(super) autocorrelation: Option<At<AutocorrelationName>>,
    /// The rules of runs that mark points. Without `rules`, `ewma` and `cusum` there are `nelson-1` and an EWMA; who
    /// names one of the three has those that are named.
    #[schemars(example = ["nelson-1", "nelson-2"])]
    pub(super) rules: Option<At<Vec<At<RuleName>>>>,
    /// True if a moving range beyond its limits is marked too.
    #[schemars(extend("default" = false))]
    pub(super) spread: Option<At<bool>>,
    /// A moving average beside the points.
    pub(super) ewma: Option<At<Ewma>>,
    /// Sums beside the points.
    pub(super) cusum: Option<At<Cusum>>,
}

impl LabChart {
    /// The same as that of a tag.
    pub(super) fn chart(&self) -> Chart {
        Chart {
            autocorrelation: self.autocorrelation.clone(),
            rules: self.rules.clone(),
            spread: self.spread.clone(),
            ewma: self.ewma.clone(),
            cusum: self.cusum.clone(),
            ..Chart::default()
        }
    }
}

/// How models are fitted and judged.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Models {
    /// How often a flag may be wrong. Without it 1 per 100 batches, and 1 per 200 frames on lines
    /// without batches.
    pub(super) false_flags: Option<At<BudgetText>>,
    /// How many good batches the first model needs.
    #[schemars(extend("default" = 20))]
    pub(super) learning_batches: Option<At<i64>>,
    /// Which batches are good enough to learn from.
    #[schemars(extend("default" = "confirmed"))]
    pub(super) learn_from: Option<At<LearnFrom>>,
    /// When models are fitted again, in event time.
    #[schemars(extend("default" = "weekly"))]
    pub(super) refit: Option<At<RefitText>>,
    /// Who lets a new model judge that is better than the one before it.
    #[schemars(extend("default" = "when-better"))]
    pub(super) promote: Option<At<Promote>>,
    /// True if limits move with what good batches reached since the fit, so that the budget holds while raw
    /// material changes; false if they stay as fitted.
    #[schemars(extend("default" = true))]
    pub(super) adapt_limits: Option<At<bool>>,
    /// True if a grade that has too few good batches for a model of its own borrows one from the other grades of its
    /// line; false if only specification limits flag its batches until then.
    #[schemars(extend("default" = true))]
    pub(super) borrow: Option<At<bool>>,
}

/// What wrong decisions about batches cost, in one currency.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Costs {
    /// The currency, for people.
    #[schemars(extend("default" = ""))]
    pub(super) currency: Option<At<String>>,
    /// An off-spec batch that is released, beyond what it is worth less as broke. Needed.
    pub(super) missed_batch: Option<At<f64>>,
    /// A good batch that is held. Needed.
    pub(super) false_hold: Option<At<f64>>,
    /// One more laboratory test before a batch goes on. Without it a tenth of `false_hold`.
    pub(super) test: Option<At<f64>>,
    /// A tonne that is repulped.
    #[schemars(extend("default" = 0.0))]
    pub(super) broke_tonne: Option<At<f64>>,
    /// A minute in which the machine makes what nobody takes, or stands.
    #[schemars(extend("default" = 0.0))]
    pub(super) machine_minute: Option<At<f64>>,
    /// The machine's time that it takes to end a batch before its time.
    #[schemars(extend("default" = "10m"))]
    pub(super) early_end: Option<At<DurationText>>,
}

/// An InfluxDB 2.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Influxdb {
    /// Scheme, host and port, without a path.
    #[schemars(example = "http://127.0.0.1:8086")]
    pub(super) url: Option<At<String>>,
    /// The organisation.
    pub(super) org: Option<At<String>>,
    /// The bucket.
    pub(super) bucket: Option<At<String>>,
    /// A token that may write to the bucket.
    pub(super) token: Option<At<Secret>>,
    /// How long one request may take.
    #[schemars(extend("default" = "30s"))]
    pub(super) timeout: Option<At<DurationText>>,
    /// The greatest number of points in one request.
    #[schemars(extend("default" = 5000))]
    pub(super) batch_lines: Option<At<i64>>,
}

/// The page and the API.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Http {
    /// Address and port, or `off`. This release listens on loopback only.
    #[schemars(extend("default" = "127.0.0.1:8080"))]
    pub(super) listen: Option<At<String>>,
    /// The address under which people reach the page, through the proxy in front of it: for the links in events.
    #[schemars(example = "https://onspec.mill.example/")]
    pub(super) public_url: Option<At<String>>,
    /// Links in events by which an alarm is acknowledged, without a login: each for one occurrence of one alarm, and a week.
    pub(super) links: Option<At<HttpLinks>>,
    /// Who may ask for what. Not used by this release.
    #[schemars(extend("default" = []))]
    pub(super) tokens: Option<At<Vec<At<Token>>>>,
    /// Certificate and key, to listen beyond loopback. Not used by this release.
    pub(super) tls: Option<At<HttpTls>>,
}

/// Links by which alarms are acknowledged.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpLinks {
    /// The key that signs them, 16 bytes at least.
    pub(super) key: Option<At<Secret>>,
}

/// A token of the API.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Token {
    /// Whose it is.
    pub(super) name: Option<At<String>>,
    /// What it allows.
    #[schemars(extend("default" = "viewer"))]
    pub(super) role: Option<At<TokenRole>>,
    /// The SHA-256 of the token, 64 hexadecimal digits.
    pub(super) sha256: Option<At<String>>,
}

/// Certificate and key of the page.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HttpTls {
    /// The certificate (PEM).
    pub(super) cert: Option<At<String>>,
    /// The file with its key (PEM).
    pub(super) key: Option<At<String>>,
}

/// The language.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Language {
    /// The language of messages, page and reports.
    #[schemars(extend("default" = "en"))]
    pub(super) default: Option<At<LanguageName>>,
}
