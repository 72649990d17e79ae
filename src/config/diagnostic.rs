//! What is wrong with a configuration: data, collected all, rendered once.

use std::fmt;
use std::ops::Range;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can, but does less or something else than its writer may expect.
    Warning,
}

impl Severity {
    /// The word for text and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Declares the codes, so that the list for the test and for people cannot drift.
macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $severity:ident;)+) => {
        /// The kind of a diagnostic. A code never changes its meaning; from `C100` on they warn.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($(#[$doc])* $variant),+
        }

        impl Code {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as printed.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// How bad it is.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),+ }
            }
        }
    };
}

codes! {
    /// Not TOML.
    Syntax = "C001", Error;
    /// A key that does not exist.
    UnknownKey = "C002", Error;
    /// A value of another type than the key takes.
    WrongType = "C003", Error;
    /// A word that the key does not take.
    UnknownWord = "C004", Error;
    /// A key that is needed.
    MissingKey = "C005", Error;
    /// A secret that stands in the file.
    SecretInFile = "C006", Error;
    /// A secret that names no source, or two.
    SecretSource = "C007", Error;
    /// A duration, size, budget or interval that cannot be read.
    Quantity = "C008", Error;
    /// A number outside what is allowed.
    OutOfBounds = "C009", Error;
    /// A name with characters that topics, series or files cannot carry.
    Name = "C010", Error;
    /// The same name twice.
    Twice = "C011", Error;
    /// An address that cannot be used.
    Url = "C012", Error;
    /// A password or token inside an address.
    SecretInUrl = "C013", Error;
    /// Two units for one quantity.
    Unit = "C014", Error;
    /// A topic that is no template.
    Template = "C015", Error;
    /// A subscription whose readings would have no tag, or two names for one thing.
    Subscription = "C016", Error;
    /// A key without meaning beside another one.
    Meaningless = "C017", Error;
    /// Not a JSON Pointer.
    Pointer = "C018", Error;
    /// Limits that no value can meet, or in the wrong order.
    Limits = "C019", Error;
    /// A tag that no line declares.
    UnknownTag = "C020", Error;
    /// A grade that is not declared.
    UnknownGrade = "C021", Error;
    /// A line that is not declared.
    UnknownLine = "C022", Error;
    /// A broker that is not declared.
    UnknownBroker = "C023", Error;
    /// Two subscriptions for the same topics.
    SameTopics = "C024", Error;
    /// Limits on a tag that is not a quality tag.
    LimitRole = "C025", Error;
    /// Part of the format, but not of this release.
    Unsupported = "C026", Error;
    /// It would listen where anybody can reach it.
    OpenListener = "C027", Error;
    /// A version of the format that this release does not know.
    SchemaVersion = "C028", Error;
    /// A template of a webhook that fails.
    BodyTemplate = "C029", Error;
    /// Accepted, but without effect in this release.
    NotYet = "C101", Warning;
    /// Events that go out unsigned.
    Unsigned = "C102", Warning;
    /// A limit that lies beyond what the instrument can show.
    LimitBeyondRange = "C103", Warning;
    /// Readings that belong to no line.
    NoLine = "C104", Warning;
    /// A subscription that takes what onspec publishes.
    OwnTopics = "C105", Warning;
    /// A declared tag that no subscription brings.
    TagNeverComes = "C106", Warning;
    /// Nothing brings readings.
    NoBroker = "C107", Warning;
    /// A broker that is asked for nothing.
    NoSubscription = "C108", Warning;
    /// Batches from events that no subscription brings.
    EventsNeverCome = "C109", Warning;
    /// A quality tag that no grade limits.
    NoLimits = "C110", Warning;
    /// A placeholder without meaning, which takes a level like `+`.
    Placeholder = "C111", Warning;
    /// A line that is judged, whose messages a group may hand to others.
    SharedLine = "C112", Warning;
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong, with its place.
///
/// No text in it ever holds a secret: what stands where a secret belongs is neither quoted in a
/// message nor kept in the [`super::Source`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What kind.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// The bytes of the file that it is about.
    pub span: Range<usize>,
    /// What is wrong, in one line.
    pub message: String,
    /// What stands under the pointer; may be empty.
    pub label: String,
    /// What to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A diagnostic without label and help.
    #[must_use]
    pub fn new(code: Code, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            span,
            message: message.into(),
            label: String::new(),
            help: None,
        }
    }

    /// Sets what stands under the pointer.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = label.into();
        self
    }

    /// Sets what to do.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }
}
