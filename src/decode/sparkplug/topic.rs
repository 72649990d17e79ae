//! The topics of Sparkplug B: `spBv1.0/{group}/{type}/{edge node}[/{device}]`.

/// The first level of all topics of Sparkplug B.
pub const NAMESPACE: &str = "spBv1.0";

/// The type of a message, by the third level of its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// `NBIRTH`, `DBIRTH`: everything about the metrics of a node or a device.
    Birth,
    /// `NDATA`, `DDATA`: what has changed.
    Data,
    /// `NDEATH`, `DDEATH`: it is gone.
    Death,
    /// `NCMD`, `DCMD`: what a host application asks of it.
    Command,
}

/// What a topic says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic<'t> {
    /// The group.
    pub group: &'t str,
    /// The type of the message.
    pub verb: Verb,
    /// The edge node.
    pub node: &'t str,
    /// The device; `None` in what the node says of itself.
    pub device: Option<&'t str>,
}

impl<'t> Topic<'t> {
    /// Reads a topic; `None` if it is none of an edge node.
    #[must_use]
    pub fn parse(topic: &'t str) -> Option<Self> {
        let mut levels = topic.split('/');
        let namespace = levels.next()?;
        let (group, verb, node) = (levels.next()?, levels.next()?, levels.next()?);
        let device = levels.next();
        let verb = match (verb, device) {
            ("NBIRTH", None) | ("DBIRTH", Some(_)) => Verb::Birth,
            ("NDATA", None) | ("DDATA", Some(_)) => Verb::Data,
            ("NDEATH", None) | ("DDEATH", Some(_)) => Verb::Death,
            ("NCMD", None) | ("DCMD", Some(_)) => Verb::Command,
            _ => return None,
        };
        let named = !group.is_empty() && !node.is_empty() && device != Some("");
        let whole = namespace == NAMESPACE && levels.next().is_none() && named;
        whole.then_some(Self { group, verb, node, device })
    }
}

/// Where commands to an edge node go.
#[must_use]
pub fn command_topic(group: &str, node: &str) -> String {
    format!("{NAMESPACE}/{group}/NCMD/{node}")
}

/// Where a host application says whether it is there.
#[must_use]
pub fn state_topic(host_id: &str) -> String {
    format!("{NAMESPACE}/STATE/{host_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_by_type_and_number_of_levels() {
        #[track_caller]
        fn check(topic: &str, expected: Option<(&str, Verb, &str, Option<&str>)>) {
            let read = Topic::parse(topic).map(|t| (t.group, t.verb, t.node, t.device));
            assert_eq!(read, expected, "{topic}");
        }
        check("spBv1.0/mill/NBIRTH/tm3", Some(("mill", Verb::Birth, "tm3", None)));
        check("spBv1.0/mill/DDATA/tm3/dry", Some(("mill", Verb::Data, "tm3", Some("dry"))));
        check("spBv1.0/mill/NDEATH/tm3", Some(("mill", Verb::Death, "tm3", None)));
        check("spBv1.0/mill/DCMD/tm3/dry", Some(("mill", Verb::Command, "tm3", Some("dry"))));
        for none in [
            "spBv1.0/mill/NDATA/tm3/dry",
            "spBv1.0/mill/DDATA/tm3",
            "spBv1.0/mill/DDATA/tm3/dry/x",
            "spBv1.0/mill/DDATA/tm3/",
            "spBv1.0//NDATA/tm3",
            "spBv1.0/STATE/onspec",
            "spAv1.0/mill/NDATA/tm3",
            "spBv1.0/mill/NHELLO/tm3",
            "",
        ] {
            check(none, None);
        }
    }
}
