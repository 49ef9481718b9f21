//! Variable-length integers (LEB128), and signed ones by zigzag.

/// Appends an integer in 1 to 10 bytes.
pub(super) fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Appends a signed integer: small ones of either sign are short.
pub(super) fn put_signed(bytes: &mut Vec<u8>, value: i64) {
    put(bytes, (value << 1 ^ value >> 63) as u64);
}

/// Reads what `put` wrote, from the front. `None`: the bytes end early, or the number is longer than 64 bits.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// [`take`] for long streams of numbers whose lengths nothing predicts: up to 4 bytes at once, without a branch on any
/// of them.
#[inline(always)]
pub(super) fn take_quick(bytes: &mut &[u8]) -> Option<u64> {
    /// Clear on the last byte of a number.
    const MORE: u32 = 0x8080_8080;
    let word = bytes.first_chunk().map_or(MORE, |four| u32::from_le_bytes(*four));
    let ends = !word & MORE;
    if ends == 0 {
        let (value, rest) = split_long(bytes)?;
        *bytes = rest;
        return Some(value);
    }
    *bytes = &bytes[ends.trailing_zeros() as usize / 8 + 1..];
    // The number's own bytes, 7 bits each; then bytes, and pairs of them, are closed up.
    let sevens = word & (ends ^ (ends - 1)) & !MORE;
    let pairs = sevens - ((sevens & 0x7f00_7f00) >> 1);
    Some((pairs & 0x3fff | pairs >> 2 & 0x0fff_c000).into())
}

/// What is left for loops over long streams: numbers of more than 4 bytes, up to 8 at once as above, and the streams' ends.
/// It takes no reference to what they keep in registers.
#[inline(never)]
fn split_long(mut bytes: &[u8]) -> Option<(u64, &[u8])> {
    const MORE: u64 = 0x8080_8080_8080_8080;
    let word = bytes.first_chunk().map_or(MORE, |eight| u64::from_le_bytes(*eight));
    let ends = !word & MORE;
    if ends == 0 {
        let value = take(&mut bytes)?;
        return Some((value, bytes));
    }
    let sevens = word & (ends ^ (ends - 1)) & !MORE;
    let pairs = sevens - ((sevens & 0x7f00_7f00_7f00_7f00) >> 1);
    let fours = pairs & 0x0000_3fff_0000_3fff | (pairs & 0x3fff_0000_3fff_0000) >> 2;
    let value = fours & 0x0fff_ffff | (fours & 0x0fff_ffff_0000_0000) >> 4;
    Some((value, &bytes[ends.trailing_zeros() as usize / 8 + 1..]))
}

/// Reads what `put_signed` wrote.
#[inline(always)]
pub(super) fn take_signed(bytes: &mut &[u8]) -> Option<i64> {
    let (value, rest) = match bytes.split_first() {
        Some((&byte, rest)) if byte < 0x80 => (byte.into(), rest),
        _ => split_long(bytes)?,
    };
    *bytes = rest;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

/// Reads `len` bytes.
pub(super) fn take_bytes<'a>(bytes: &mut &'a [u8], len: u64) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_put_is_taken(value in any::<u64>(), shift in 0u32..64, signed in any::<i64>()) {
            let mut bytes = Vec::new();
            put(&mut bytes, value >> shift);
            put_signed(&mut bytes, signed >> shift);
            let mut rest = &bytes[..];
            prop_assert_eq!(take(&mut rest), Some(value >> shift));
            prop_assert_eq!(take_signed(&mut rest), Some(signed >> shift));
            prop_assert!(rest.is_empty());
            for after in [0, 5, 8] {
                let bytes = [&bytes[..], &[0xff; 8][..after]].concat();
                let mut rest = &bytes[..];
                prop_assert_eq!(take_quick(&mut rest), Some(value >> shift));
                prop_assert_eq!(take_signed(&mut rest), Some(signed >> shift));
                prop_assert_eq!(rest.len(), after);
            }
        }
    }

    #[test]
    fn an_early_end_and_an_overlong_number_are_refused() {
        assert_eq!(take(&mut &[0x80, 0x80][..]), None);
        assert_eq!(take(&mut &[0xff; 11][..]), None);
        assert_eq!(take(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01][..]), Some(u64::MAX));
        assert_eq!(take(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02][..]), None);
    }
}
