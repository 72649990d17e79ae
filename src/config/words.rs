//! The words that a key may take, and what they mean to the rooms.

use crate::alarm::Severity;
use crate::{decode, plant, store};
use schemars::JsonSchema;
use serde::Deserialize;

/// A word of a closed set.
pub(super) trait Word: Copy {
    /// The word as it is written.
    fn as_str(self) -> &'static str;
}

/// Declares an enumeration of words; the doc comments are shown by editors.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
        pub(super) enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant),+
        }

        impl Word for $name {
            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}

words!(
    /// What happens to lines and tags that the configuration does not name.
    Undeclared {
        /// Stored, checked with defaults and shown; no model uses them.
        Store = "store",
        /// Counted and forgotten.
        Ignore = "ignore",
    }
);

words!(
    /// What happens when the store reaches its size.
    WhenFull {
        /// The oldest readings still waiting for InfluxDB go first.
        DropOldestReadings = "drop-oldest-readings",
        /// Stop acknowledging: the broker holds.
        Block = "block",
    }
);

words!(
    /// What a payload is.
    PayloadFormat {
        /// A JSON document.
        Json = "json",
        /// A JSON document on each line.
        JsonLines = "json-lines",
        /// One bare value.
        Value = "value",
        /// InfluxDB line protocol.
        LineProtocol = "line-protocol",
        /// Sparkplug B.
        SparkplugB = "sparkplug-b",
        /// A scan across the web.
        Profile = "profile",
        /// Batch and laboratory events.
        BatchEvent = "batch-event",
        /// The same as `batch-event`.
        LabEvent = "lab-event",
        /// How many messages the broker has dropped, as it counts them itself.
        DroppedCount = "dropped-count",
    }
);

words!(
    /// What onspec is to edge nodes of Sparkplug B.
    SparkplugRole {
        /// It listens, and says nothing.
        Passive = "passive",
        /// It asks for births that it needs.
        Active = "active",
        /// It also says whether it is there, so that nodes may wait for it.
        Primary = "primary",
    }
);

words!(
    /// The unit of a number that stands for a time.
    TimeUnit {
        /// Seconds, fractions allowed.
        Seconds = "s",
        /// Milliseconds.
        Millis = "ms",
        /// Microseconds.
        Micros = "us",
        /// Nanoseconds.
        Nanos = "ns",
    }
);

words!(
    /// How quality codes are read.
    QualityCodes {
        /// 192 and above good, 64 to 191 uncertain, below bad.
        OpcDa = "opc-da",
        /// OPC UA status codes, or names such as `Good`.
        OpcUa = "opc-ua",
        /// `true` good, `false` bad.
        Bool = "bool",
    }
);

words!(
    /// Where batches come from.
    BatchFrom {
        /// Batch events.
        Events = "events",
        /// Each new value of a tag.
        Tag = "tag",
        /// A tag that falls back.
        TurnUp = "turn-up",
        /// The clock.
        Period = "period",
        /// There are no batches.
        None = "none",
    }
);

words!(
    /// What a batch is called that a tag's value begins.
    BatchName {
        /// By its line and start.
        Start = "start",
        /// By the value.
        Value = "value",
    }
);

words!(
    /// What a tag is to the product.
    RoleName {
        /// A property of the product.
        Quality = "quality",
        /// A variable of the process.
        Process = "process",
        /// A property of the raw material.
        RawMaterial = "raw-material",
        /// Set points, counters, states, texts: shown, not watched.
        Context = "context",
    }
);

words!(
    /// Which way a deviation of a tag flags a batch.
    WayName {
        /// Either.
        Both = "both",
        /// Above what the others tell of it.
        Above = "above",
        /// Below it.
        Below = "below",
    }
);

words!(
    /// What a point of a chart is.
    ChartKind {
        /// A value by itself; its spread is the range to the one before.
        Individuals = "individuals",
        /// The mean of a subgroup; its spread is its range.
        MeanRange = "mean-range",
        /// The mean of a subgroup; its spread is its standard deviation.
        MeanDeviation = "mean-deviation",
        /// The tag is not charted.
        None = "none",
    }
);

words!(
    /// What a point of the chart of a laboratory property is.
    LabChartKind {
        /// The value of a batch; its spread is the range to the one before.
        Individuals = "individuals",
        /// The property is not charted.
        None = "none",
    }
);

words!(
    /// What a chart does where points depend on those before them.
    AutocorrelationName {
        /// What is charted is how far a point is from what the one before lets expect.
        Residual = "residual",
        /// Limits are those of the overall standard deviation.
        Widened = "widened",
    }
);

words!(
    /// A rule of runs, or a set of them.
    RuleName {
        /// A point beyond 3 sigma.
        Nelson1 = "nelson-1",
        /// 9 in a row on one side of the centre.
        Nelson2 = "nelson-2",
        /// 6 in a row that rise or fall.
        Nelson3 = "nelson-3",
        /// 14 in a row that go up and down in turns.
        Nelson4 = "nelson-4",
        /// 2 of 3 beyond 2 sigma on one side.
        Nelson5 = "nelson-5",
        /// 4 of 5 beyond 1 sigma on one side.
        Nelson6 = "nelson-6",
        /// 15 in a row within 1 sigma.
        Nelson7 = "nelson-7",
        /// 8 in a row beyond 1 sigma.
        Nelson8 = "nelson-8",
        /// A point beyond 3 sigma.
        Western1 = "we-1",
        /// 2 of 3 beyond 2 sigma on one side.
        Western2 = "we-2",
        /// 4 of 5 beyond 1 sigma on one side.
        Western3 = "we-3",
        /// 8 in a row on one side of the centre.
        Western4 = "we-4",
        /// All of Nelson's.
        Nelson = "nelson",
        /// All of the Western Electric handbook's.
        Western = "western-electric",
    }
);

words!(
    /// A fault of a sensor.
    FaultName {
        /// The value does not move.
        Stuck = "stuck",
        /// No readings come.
        Stale = "stale",
        /// Readings lie outside the instrument's range, or change faster than they can.
        Range = "range",
        /// The source calls its readings bad.
        SourceBad = "source-bad",
        /// Texts come where numbers are expected.
        NoNumber = "no-number",
        /// The value rests at an end of the instrument's range.
        Rail = "rail",
        /// Single values far from those beside them.
        Spike = "spike",
        /// The value scatters far more than it used to.
        Noise = "noise",
        /// The value scatters far less than it used to.
        Attenuated = "attenuated",
        /// Readings come and go.
        Intermittent = "intermittent",
        /// The value is another by a factor between units.
        Unit = "unit",
        /// The value disagrees with the tags tied to it.
        Offset = "offset",
        /// The value moves away from what the tags tied to it say.
        Drift = "drift",
        /// The value does not follow the tags tied to it.
        Frozen = "frozen",
        /// Its stamps are off while those of its source are not.
        Skew = "skew",
        /// Its stamp stands still while the value changes.
        FrozenClock = "frozen-clock",
    }
);

words!(
    /// Which batches are good enough to learn from.
    LearnFrom {
        /// Released ones, or those whose laboratory results are all inside.
        Confirmed = "confirmed",
        /// Also those whose quality tags were inside and that nobody rejected.
        Unrejected = "unrejected",
    }
);

words!(
    /// Who switches a new model on.
    Promote {
        /// The daemon, when the new one is better.
        WhenBetter = "when-better",
        /// A person.
        ByHand = "by-hand",
    }
);

words!(
    /// What a receiver understands.
    WebhookFormat {
        /// Standard Webhooks.
        Standard = "standard",
        /// An incoming webhook of Slack.
        Slack = "slack",
        /// A webhook of Workflows in Microsoft Teams.
        Teams = "teams",
        /// A robot of a group in DingTalk.
        DingTalk = "dingtalk",
        /// A robot of a group in WeCom.
        WeCom = "wecom",
        /// A custom bot of Feishu or Lark.
        Feishu = "feishu",
        /// The Events API v2 of PagerDuty.
        PagerDuty = "pagerduty",
        /// The API v2 of Alertmanager.
        Alertmanager = "alertmanager",
        /// A template of yours.
        Template = "template",
    }
);

words!(
    /// How much an event matters.
    SeverityName {
        /// For the record.
        Info = "info",
        /// Somebody should look.
        Warning = "warning",
        /// Somebody must act.
        Critical = "critical",
    }
);

words!(
    /// A day of the week.
    DayName {
        /// Monday.
        Mon = "mon",
        /// Tuesday.
        Tue = "tue",
        /// Wednesday.
        Wed = "wed",
        /// Thursday.
        Thu = "thu",
        /// Friday.
        Fri = "fri",
        /// Saturday.
        Sat = "sat",
        /// Sunday.
        Sun = "sun",
    }
);

words!(
    /// What a token allows.
    TokenRole {
        /// To look.
        Viewer = "viewer",
        /// Also to acknowledge, shelve and enter results.
        Operator = "operator",
        /// Also to change models and configuration.
        Admin = "admin",
    }
);

words!(
    /// How the variance of scans is divided.
    VarianceName {
        /// The components of a two-way analysis of variance.
        Anova = "anova",
        /// The variances of the mean profile and of the means of the scans, as they are.
        Naive = "naive",
        /// Twice the standard deviation inside the newest scan.
        Scan = "scan2sigma",
    }
);

words!(
    /// What follows if nobody answers an alarm.
    ConsequenceName {
        /// Something is known less well.
        Minor = "minor",
        /// A batch is lost, or nobody knows whether it is.
        Major = "major",
        /// Each further batch is.
        Severe = "severe",
    }
);

words!(
    /// A language.
    LanguageName {
        /// English.
        English = "en",
        /// Chinese, as it is written in the mainland.
        Chinese = "zh-CN",
    }
);

impl From<LanguageName> for plant::Language {
    fn from(word: LanguageName) -> Self {
        match word {
            LanguageName::English => Self::English,
            LanguageName::Chinese => Self::Chinese,
        }
    }
}

impl From<Undeclared> for plant::Undeclared {
    fn from(word: Undeclared) -> Self {
        match word {
            Undeclared::Store => Self::Store,
            Undeclared::Ignore => Self::Ignore,
        }
    }
}

impl From<VarianceName> for plant::VarianceForm {
    fn from(word: VarianceName) -> Self {
        match word {
            VarianceName::Anova => Self::Anova,
            VarianceName::Naive => Self::Naive,
            VarianceName::Scan => Self::Scan,
        }
    }
}

impl From<WhenFull> for store::WhenFull {
    fn from(word: WhenFull) -> Self {
        match word {
            WhenFull::DropOldestReadings => Self::DropOldestReadings,
            WhenFull::Block => Self::Block,
        }
    }
}

impl From<TimeUnit> for decode::TimeUnit {
    fn from(word: TimeUnit) -> Self {
        match word {
            TimeUnit::Seconds => Self::Seconds,
            TimeUnit::Millis => Self::Millis,
            TimeUnit::Micros => Self::Micros,
            TimeUnit::Nanos => Self::Nanos,
        }
    }
}

impl From<QualityCodes> for decode::QualityCodes {
    fn from(word: QualityCodes) -> Self {
        match word {
            QualityCodes::OpcDa => Self::OpcDa,
            QualityCodes::OpcUa => Self::OpcUa,
            QualityCodes::Bool => Self::Bool,
        }
    }
}

impl From<BatchName> for plant::Naming {
    fn from(name: BatchName) -> Self {
        match name {
            BatchName::Start => Self::Start,
            BatchName::Value => Self::Value,
        }
    }
}

impl From<WayName> for plant::Way {
    fn from(word: WayName) -> Self {
        match word {
            WayName::Both => Self::Both,
            WayName::Above => Self::Above,
            WayName::Below => Self::Below,
        }
    }
}

impl From<RoleName> for plant::Role {
    fn from(word: RoleName) -> Self {
        match word {
            RoleName::Quality => Self::Quality,
            RoleName::Process => Self::Process,
            RoleName::RawMaterial => Self::RawMaterial,
            RoleName::Context => Self::Context,
        }
    }
}

impl From<LearnFrom> for plant::LearnFrom {
    fn from(word: LearnFrom) -> Self {
        match word {
            LearnFrom::Confirmed => Self::Confirmed,
            LearnFrom::Unrejected => Self::Unrejected,
        }
    }
}

impl From<Promote> for plant::Promote {
    fn from(word: Promote) -> Self {
        match word {
            Promote::WhenBetter => Self::WhenBetter,
            Promote::ByHand => Self::ByHand,
        }
    }
}

impl From<SeverityName> for Severity {
    fn from(word: SeverityName) -> Self {
        match word {
            SeverityName::Info => Self::Info,
            SeverityName::Warning => Self::Warning,
            SeverityName::Critical => Self::Critical,
        }
    }
}
