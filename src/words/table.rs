//! The table of a room's words, in both languages side by side: who changes one sees the other.

/// Makes the type `Words` with a field for each line, `Words::of` a [`super::Language`], and, for tests, `ALL` of them by name.
/// `{name}` in a sentence is where [`super::fill`] puts something in.
macro_rules! table {
    ($($key:ident: $english:literal, $chinese:literal;)*) => {
        /// The words of a language. `{name}` in one is where something is put in.
        #[derive(Debug)]
        pub(super) struct Words { $(pub(super) $key: &'static str,)* }

        impl Words {
            /// The words of a language.
            pub(super) const fn of(language: $crate::words::Language) -> &'static Self {
                const ENGLISH: Words = Words { $($key: $english,)* };
                const CHINESE: Words = Words { $($key: $chinese,)* };
                match language {
                    $crate::words::Language::English => &ENGLISH,
                    $crate::words::Language::Chinese => &CHINESE,
                }
            }
        }

        /// Each with its name, in English and in Chinese.
        #[cfg(test)]
        pub(super) const ALL: &[(&str, &str, &str)] = &[$((stringify!($key), $english, $chinese),)*];
    };
}

pub(crate) use table;

/// What a table must be: both languages say everything, with the same pieces, each in its own script but for `names`, which
/// both write alike.
///
/// # Panics
/// Where it is not.
#[cfg(test)]
pub(crate) fn check(table: &[(&str, &str, &str)], names: &[&str]) {
    for (key, english, chinese) in table {
        assert_eq!(places(english), places(chinese), "{key}");
        assert!(!english.is_empty() && !chinese.is_empty(), "{key}");
        assert!(!english.contains(is_chinese), "{key}: {english}");
        let mut rest = (*chinese).to_owned();
        for place in places(chinese) {
            rest = rest.replace(&format!("{{{place}}}"), "");
        }
        for name in names {
            rest = rest.replace(name, "");
        }
        let latin: String = rest.chars().filter(char::is_ascii_alphabetic).collect();
        assert_eq!(latin, "", "{key}: {chinese}");
        let has_words = english.contains(|c: char| c.is_ascii_alphabetic());
        let only_places = !places(english).is_empty();
        assert!(!has_words || only_places || chinese.contains(is_chinese), "{key}: {chinese}");
    }
}

#[cfg(test)]
fn places(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> =
        text.split('{').skip(1).map(|part| part.split_once('}').unwrap().0).collect();
    found.sort_unstable();
    found
}

#[cfg(test)]
fn is_chinese(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_table_is_whole() {
        check(&[("a", "{n} pieces", "{n} 件"), ("b", "limit of SPE", "SPE 限值")], &["SPE"]);
    }

    #[test]
    #[should_panic(expected = "b")]
    fn the_pieces_are_the_same() {
        check(&[("b", "{n} of {m}", "{n}")], &[]);
    }

    #[test]
    #[should_panic(expected = "limit")]
    fn nothing_is_left_in_the_other_language() {
        check(&[("c", "above its limit", "高于 limit")], &[]);
    }
}
