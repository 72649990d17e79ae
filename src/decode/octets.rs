//! Bytes looked at eight at a time: the signs that end a name or a text, and digits.

/// A byte of one in each place.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The top bit of each place.
const TOPS: u64 = ONES << 7;
/// The digit zero in each place.
const ZEROS: u64 = ONES * b'0' as u64;

/// Where the first of these bytes stands.
#[inline]
pub(super) fn first_of<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> Option<usize> {
    let spread = wanted.map(|byte| ONES * u64::from(byte));
    let hits = |word: u64| spread.iter().fold(0, |hits, wanted| hits | zeros(word ^ wanted));
    first(bytes, hits, |byte| wanted.contains(&byte))
}

/// Where the first byte stands that no JSON string has as it is: a quote, a backslash, a control
/// character.
#[inline]
pub(super) fn first_of_string_end(bytes: &[u8]) -> Option<usize> {
    const QUOTES: u64 = ONES * b'"' as u64;
    const BACKSLASHES: u64 = ONES * b'\\' as u64;
    let hits = |word: u64| {
        let control = word.wrapping_sub(ONES * 0x20) & !word & TOPS;
        control | zeros(word ^ QUOTES) | zeros(word ^ BACKSLASHES)
    };
    first(bytes, hits, |byte| matches!(byte, b'"' | b'\\' | ..0x20))
}

/// How many digits these bytes begin with.
#[inline]
pub(super) fn digits(bytes: &[u8]) -> usize {
    // A place is a digit if no more than 9 is left of it: with 0x76 added the top bit stays clear.
    let hits = |word: u64| {
        let left = word ^ ZEROS;
        ((left & !TOPS).wrapping_add(ONES * 0x76) | left) & TOPS
    };
    first(bytes, hits, |byte| !byte.is_ascii_digit()).unwrap_or(bytes.len())
}

/// The top bits of the places that are zero. A borrow may set bits above the lowest one that is right.
#[inline]
fn zeros(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & TOPS
}

/// Where the first byte stands that is a hit; of a word, `hits` sets the top bit of the first one, and
/// whatever it likes above that.
#[inline]
fn first(bytes: &[u8], hits: impl Fn(u64) -> u64, hit: impl Fn(u8) -> bool) -> Option<usize> {
    // Mostly it is among the first eight: names and numbers are short.
    if let Some(word) = bytes.first_chunk() {
        let found = hits(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(place(found));
        }
    }
    further(bytes, hits, hit)
}

/// The same, for what is far off or near the end.
#[inline(never)]
fn further(bytes: &[u8], hits: impl Fn(u64) -> u64, hit: impl Fn(u8) -> bool) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (word, at) in words.iter().zip((0..).step_by(8)) {
        let found = hits(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(at + place(found));
        }
    }
    rest.iter().position(|byte| hit(*byte)).map(|place| words.len() * 8 + place)
}

/// The place of the first hit in a word.
#[inline]
fn place(found: u64) -> usize {
    found.trailing_zeros() as usize / 8
}

/// The number that 1 to 19 digits are; `None` if they are anything else.
#[inline]
pub(super) fn whole(mut digits: &[u8]) -> Option<u64> {
    if !(1..=19).contains(&digits.len()) {
        return None;
    }
    let mut number = 0;
    while let Some((word, rest)) = digits.split_first_chunk::<8>() {
        number = number * 100_000_000 + eight(u64::from_le_bytes(*word))?;
        digits = rest;
    }
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u64::from(digit);
    }
    Some(number)
}

/// The number that eight digits are, the first in the lowest byte. Neighbours are put together to
/// numbers of two digits, of four, of eight.
#[inline]
fn eight(word: u64) -> Option<u64> {
    // Each has an upper half of 3, also with 6 added: nothing but `0` to `9` has.
    let upper = (word & (ONES * 0xf0)) | ((word.wrapping_add(ONES * 6) & (ONES * 0xf0)) >> 4);
    if upper != ONES * 0x33 {
        return None;
    }
    let ones = word - ZEROS;
    let twos = (ones * 10 + (ones >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (twos * 100 + (twos >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000 + (fours >> 32)) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_are_a_number() {
        assert_eq!(whole(b"0"), Some(0));
        assert_eq!(whole(b"1769126400000"), Some(1_769_126_400_000));
        assert_eq!(whole(b"9999999999999999999"), Some(9_999_999_999_999_999_999));
        for none in [&b""[..], b"-1", b"12345678901234567890", b"1.5", b"1234567/", b"1234567:"] {
            assert_eq!(whole(none), None, "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn finds_what_is_found_byte_by_byte(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x1f_u8..0x24, 0x5b_u8..0x5e], 0..40),
            wanted: [u8; 3],
        ) {
            let of = |byte: &u8| wanted.contains(byte);
            prop_assert_eq!(first_of(&bytes, wanted), bytes.iter().position(of));
            let ends = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
            prop_assert_eq!(first_of_string_end(&bytes), bytes.iter().position(ends));
        }

        #[test]
        fn counts_the_digits_that_are_counted_one_by_one(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0x2e_u8..0x3c, 0x30_u8..0x3a], 0..40),
        ) {
            let known = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
            prop_assert_eq!(digits(&bytes), known);
            let all = vec![b'9'; bytes.len()];
            prop_assert_eq!(digits(&all), all.len());
        }

        #[test]
        fn reads_the_numbers_that_the_standard_library_reads(
            digits in "[0-9]{1,21}",
            at in any::<prop::sample::Index>(),
            byte: u8,
        ) {
            let known = || digits.parse::<u64>().ok().filter(|_| digits.len() <= 19);
            prop_assert_eq!(whole(digits.as_bytes()), known());
            let mut damaged = digits.clone().into_bytes();
            let at = at.index(damaged.len());
            damaged[at] = byte;
            if !byte.is_ascii_digit() {
                prop_assert_eq!(whole(&damaged), None);
            }
        }
    }
}
