//! Did you mean: the nearest of the words that are known.

/// Words that people bring from other programs.
const SYNONYMS: [(&str, &str); 22] = [
    ("influx", "influxdb"),
    ("influxdb2", "influxdb"),
    ("broker", "mqtt"),
    ("brokers", "mqtt"),
    ("lines", "line"),
    ("grades", "grade"),
    ("tags", "tag"),
    ("webhooks", "webhook"),
    ("subscriptions", "subscribe"),
    ("subscription", "subscribe"),
    ("topics", "subscribe"),
    ("host", "url"),
    ("address", "url"),
    ("user", "username"),
    ("min", "low"),
    ("max", "high"),
    ("lower", "low"),
    ("upper", "high"),
    ("units", "unit"),
    ("timestamp", "time"),
    ("organization", "org"),
    ("interval", "frame"),
];

/// The known word nearest to what was written, if one is near enough to be meant.
pub(super) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = normal(written);
    let known: Vec<&str> = known.into_iter().collect();
    let synonym = SYNONYMS.iter().find(|(from, _)| *from == plain).map(|(_, to)| *to);
    if let Some(word) = known.iter().find(|word| Some(**word) == synonym) {
        return Some(word);
    }
    crate::plant::nearest(written, known)
}

/// `did you mean …`, or the list of what is declared, or where to declare it.
pub(super) fn or_declared(written: &str, known: &[&str], place: &str) -> String {
    match nearest(written, known.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None if known.is_empty() => format!("declare it by `{place}`"),
        None => format!("declared by `{place}`: {}", list(known)),
    }
}

/// Words in backticks; a long list is cut.
pub(super) fn list(words: &[&str]) -> String {
    const SHOWN: usize = 16;
    let mut text: Vec<String> = words.iter().take(SHOWN).map(|word| format!("`{word}`")).collect();
    if words.len() > SHOWN {
        text.push(format!("and {} more", words.len() - SHOWN));
    }
    text.join(", ")
}

/// Case, dashes and underscores are the most common difference and no difference at all.
fn normal(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_offered_and_far_ones_are_not() {
        let known = ["url", "username", "client_id", "keep_alive", "low"];
        let check = |written: &str, expected: Option<&str>| {
            assert_eq!(nearest(written, known), expected, "{written}");
        };
        check("user", Some("username"));
        check("client-id", Some("client_id"));
        check("clientId", Some("client_id"));
        check("keepalive", Some("keep_alive"));
        check("ulr", Some("url"));
        check("min", Some("low"));
        check("colour", None);
        check("", None);
    }
}
