//! What went wrong, what a person should do about it, and how soon to try again.
//!
//! Reason codes are those of MQTT 5 (2.4); the few of 3.1.1 are translated into them.

use super::backoff::Pace;

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What kind.
    pub(super) kind: Kind,
    /// How soon it is worth trying again.
    pub(super) pace: Pace,
    /// For a person; never a secret.
    pub(super) reason: String,
}

/// What the next connection has to know about the end of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The network or the broker.
    Remote,
    /// A packet larger than we take: the broker sends it again and again.
    TooLarge,
    /// A release (QoS 2) of a message that came by an earlier connection, which the library does
    /// not know any more.
    Unsolicited,
}

impl Trouble {
    /// Something that passes, or not, without us.
    pub(super) fn remote(reason: impl Into<String>) -> Self {
        Self { kind: Kind::Remote, pace: Pace::Retry, reason: reason.into() }
    }

    /// There is no WebSocket, or none that can be used.
    pub(super) fn websocket(pace: Pace, reason: String) -> Self {
        Self { kind: Kind::Remote, pace, reason }
    }

    /// The broker sent a packet of `bytes` where `max` are allowed.
    pub(super) fn too_large(bytes: usize, max: u32) -> Self {
        Self {
            kind: Kind::TooLarge,
            pace: Pace::Slow,
            reason: format!(
                "the broker sends a packet of {bytes} bytes, `max_packet_size` is {max}, and \
                 everything behind it waits: raise `max_packet_size`"
            ),
        }
    }

    /// The broker released a message that this connection never saw.
    pub(super) fn unsolicited(packet_id: u16) -> Self {
        Self {
            kind: Kind::Unsolicited,
            pace: Pace::Retry,
            reason: format!(
                "the broker speaks of packet {packet_id}, which this connection has not"
            ),
        }
    }

    /// The broker refused the connection.
    pub(super) fn refused(code: u8) -> Self {
        let (pace, help) = match code {
            0x84 => (Pace::Rare, ": set the `version` that it speaks"),
            0x85 => (Pace::Rare, ": set another `client_id`"),
            0x8A => (Pace::Rare, ": ask who runs the broker"),
            0x86 | 0x87 => (Pace::Slow, ": look at `username`, `password` and the broker's lists"),
            0x8C | 0x90 | 0x95 | 0x99 | 0x9A | 0x9B => {
                (Pace::Slow, ": broker and configuration do not fit")
            }
            0x9C | 0x9D => (Pace::Slow, ": set the `url` of the other server"),
            _ => (Pace::Retry, ""),
        };
        Self {
            kind: Kind::Remote,
            pace,
            reason: format!("the broker refuses the connection: {}{help}", code_text(code)),
        }
    }

    /// The broker ended the connection and said why (MQTT 5).
    pub(super) fn disconnected(code: u8, words: Option<&str>) -> Self {
        let (pace, help) = match code {
            // Two clients under one id would push each other out for ever.
            0x8E => (Pace::Slow, ": two clients must not use one `client_id`"),
            0x98 => (Pace::Slow, ""),
            0x9C | 0x9D => (Pace::Slow, ": set the `url` of the other server"),
            _ => (Pace::Retry, ""),
        };
        let words = words.map(|words| format!(" ({words})")).unwrap_or_default();
        Self {
            kind: Kind::Remote,
            pace,
            reason: format!("the broker ended the connection: {}{words}{help}", code_text(code)),
        }
    }
}

/// What becomes of a publication after the broker's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// The broker has it.
    Arrived,
    /// The broker will never take it.
    Refused,
    /// The broker may take it later.
    Later(Pace),
}

/// Reads the code of a PUBACK.
pub(super) fn fate(code: u8) -> Fate {
    match code {
        // 0x10: nobody subscribes to it now; retained, it is kept all the same.
        0x00 | 0x10 => Fate::Arrived,
        0x90 | 0x99 => Fate::Refused,
        0x87 => Fate::Later(Pace::Slow),
        _ => Fate::Later(Pace::Retry),
    }
}

/// The words for a reason code.
pub(super) fn code_text(code: u8) -> String {
    let text = match code {
        0x80 => "unspecified error",
        0x81 => "malformed packet",
        0x82 => "protocol error",
        0x83 => "implementation specific error",
        0x84 => "it does not speak this version of the protocol",
        0x85 => "it does not take the client id",
        0x86 => "wrong user name or password",
        0x87 => "not authorized",
        0x88 => "server unavailable",
        0x89 => "server busy",
        0x8A => "banned",
        0x8B => "it shuts down",
        0x8C => "bad authentication method",
        0x8D => "it heard nothing from us",
        0x8E => "another client uses the client id",
        0x8F => "topic filter invalid",
        0x90 => "topic name invalid",
        0x91 => "packet identifier in use",
        0x93 => "receive maximum exceeded",
        0x94 => "topic alias invalid",
        0x95 => "packet too large",
        0x96 => "message rate too high",
        0x97 => "quota exceeded",
        0x98 => "administrative action",
        0x99 => "payload format invalid",
        0x9A => "retained messages not supported",
        0x9B => "quality of service not supported",
        0x9C => "use another server",
        0x9D => "server moved",
        0x9E => "shared subscriptions not supported",
        0x9F => "connection rate exceeded",
        0xA0 => "maximum connect time",
        0xA1 => "subscription identifiers not supported",
        0xA2 => "wildcard subscriptions not supported",
        _ => return format!("code {code:#04x}"),
    };
    format!("{text} ({code:#04x})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_tried_again_as_soon_as_it_may_have_passed() {
        #[track_caller]
        fn check(codes: &[u8], pace: Pace) {
            for code in codes {
                assert_eq!(Trouble::refused(*code).pace, pace, "{code:#04x}");
            }
        }
        check(&[0x80, 0x81, 0x82, 0x88, 0x89, 0x97, 0x9F], Pace::Retry);
        check(&[0x86, 0x87, 0x8C, 0x9C, 0x9D], Pace::Slow);
        check(&[0x84, 0x85, 0x8A], Pace::Rare);
    }

    #[test]
    fn a_reason_says_what_to_do() {
        assert_eq!(
            Trouble::refused(0x86).reason,
            "the broker refuses the connection: wrong user name or password (0x86): look at \
             `username`, `password` and the broker's lists"
        );
        assert_eq!(
            Trouble::disconnected(0x8E, Some("kicked")).reason,
            "the broker ended the connection: another client uses the client id (0x8e) (kicked): \
             two clients must not use one `client_id`"
        );
        assert_eq!(
            Trouble::disconnected(0xEE, None).reason,
            "the broker ended the connection: code 0xee"
        );
    }

    #[test]
    fn two_clients_under_one_id_do_not_fight_without_a_pause() {
        assert_eq!(Trouble::disconnected(0x8E, None).pace, Pace::Slow);
        assert_eq!(Trouble::disconnected(0x8B, None).pace, Pace::Retry);
    }

    #[test]
    fn the_answer_to_a_publication_decides_its_fate() {
        for (code, expected) in [
            (0x00, Fate::Arrived),
            (0x10, Fate::Arrived),
            (0x80, Fate::Later(Pace::Retry)),
            (0x83, Fate::Later(Pace::Retry)),
            (0x87, Fate::Later(Pace::Slow)),
            (0x90, Fate::Refused),
            (0x91, Fate::Later(Pace::Retry)),
            (0x97, Fate::Later(Pace::Retry)),
            (0x99, Fate::Refused),
        ] {
            assert_eq!(fate(code), expected, "{code:#04x}");
        }
    }
}
