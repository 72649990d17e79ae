//! Did you mean: the declared name nearest to one that came on the wire.

/// The name nearest to what was said, if one is near enough to be meant: a third of its letters may differ.
/// The first of several equally near ones.
#[must_use]
pub fn nearest<'a>(said: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let normal = |name: &str| name.to_lowercase().replace(['-', ' '], "_");
    let said = normal(said);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&said, &normal(name)), name))
        .filter(|(distance, name)| {
            let length = said.chars().count().max(name.chars().count());
            *distance <= (length / 3).max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        let known = ["facial-15", "toilet-17", "towel-21"];
        assert_eq!(nearest("Facial_15", known), Some("facial-15"));
        assert_eq!(nearest("towel-12", known), Some("towel-21"));
        assert_eq!(nearest("banana", known), None);
    }
}
