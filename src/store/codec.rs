//! How bodies lie in the file: LZ4 with the length before it, and a checksum beside it.

use super::budget::PAGE_BYTES;
use xxhash_rust::xxh3::Xxh3;

/// What the checksum covers besides the body, so that a body in the wrong row is noticed as well.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seal<'a> {
    pub(super) fields: &'a [i64],
    pub(super) text: &'a str,
}

/// A body as it lies in the file.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    pub(super) body: Vec<u8>,
    pub(super) checksum: i64,
}

/// Compresses and seals.
pub(super) fn pack(seal: &Seal<'_>, bytes: &[u8]) -> Packed {
    let body = lz4_flex::block::compress_prepend_size(bytes);
    let checksum = seal.checksum(&body);
    Packed { body, checksum }
}

/// The bytes that were packed, or what does not fit.
///
/// The checksum is compared first: the length that LZ4 would reserve comes from the file.
pub(super) fn unpack(seal: &Seal<'_>, checksum: i64, body: &[u8]) -> Result<Vec<u8>, String> {
    let found = seal.checksum(body);
    if found != checksum {
        return Err(format!("its checksum is {found:x}, it was written with {checksum:x}"));
    }
    lz4_flex::block::decompress_size_prepended(body).map_err(|error| error.to_string())
}

/// About how much room a body of that length takes: what does not fit into its leaf goes to whole
/// pages of its own.
pub(super) fn bytes_on_disk(len: usize) -> u64 {
    let len = len as u64;
    let row = 64;
    if len < PAGE_BYTES / 2 { len + row } else { len.next_multiple_of(PAGE_BYTES) + row }
}

impl Seal<'_> {
    fn checksum(&self, body: &[u8]) -> i64 {
        let mut hash = Xxh3::new();
        for field in self.fields {
            hash.update(&field.to_le_bytes());
        }
        hash.update(&(self.text.len() as u64).to_le_bytes());
        hash.update(self.text.as_bytes());
        hash.update(body);
        hash.digest().cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_changed_byte_is_noticed() {
        let seal = Seal { fields: &[1, 2], text: "key" };
        let packed = pack(&seal, b"some bytes, some bytes, some bytes");
        let read = |seal: &Seal<'_>, body: &[u8]| unpack(seal, packed.checksum, body);
        assert_eq!(read(&seal, &packed.body).unwrap(), b"some bytes, some bytes, some bytes");
        for at in 0..packed.body.len() {
            let mut body = packed.body.clone();
            body[at] ^= 1;
            assert!(read(&seal, &body).is_err(), "byte {at}");
        }
        assert!(read(&Seal { fields: &[2, 1], text: "key" }, &packed.body).is_err());
        assert!(read(&Seal { fields: &[1, 2], text: "kez" }, &packed.body).is_err());
    }

    #[test]
    fn nothing_packs_to_something_that_unpacks_to_nothing() {
        let seal = Seal { fields: &[], text: "" };
        let packed = pack(&seal, b"");
        assert_eq!(unpack(&seal, packed.checksum, &packed.body).unwrap(), b"");
    }
}
