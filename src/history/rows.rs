//! The rows of a column, encoded: what each row is, then each counter of all rows by itself, so that a query of one
//! series reads that one and never looks at the other three.
//!
//! ```text
//! varint x 4  lengths of the heads and of the first three streams   if there are more than 16 rows
//! heads       one per row
//! 4 streams   reads, writes, read bytes, write bytes: a varint for each row in which that one isn't zero
//! ```
//!
//! A head is a byte of flags, and what the row can't take over from the row before:
//!
//! ```text
//! byte     nonzero counters (4 bits, reads lowest) | label << 4 | same description as the row before << 7
//! zigzag   dictionary index - (row before + 1)     unless the same
//! zigzag   part - part of the row before (or 0)    if the route is sub-divided
//! ```
//!
//! Rows come in key order and so does the dictionary, mostly: a busy row takes 5 to 12 bytes.

use super::varint::{put, put_signed, take, take_bytes, take_quick, take_signed};
use crate::column::Counters;
use crate::label::{Label, Series};
use crate::meta::RouteMeta;
use crate::registry::DrainedRow;
use std::sync::Arc;

/// Up to as many rows, a column has no room for the lengths of its streams: they are found by stepping over them.
const SHORT: u32 = 16;

/// One value of a series: whose it is, in the terms of its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeriesValue {
    /// Index into the block's descriptions.
    pub entry: u32,
    /// The label's number.
    pub label: u8,
    /// The part of the route.
    pub part: u32,
    /// The counter.
    pub value: u64,
}

/// Encodes rows. `entries` says where each of `metas` stands in the dictionary.
pub(super) fn encode(metas: &[Arc<RouteMeta>], entries: &[u32], rows: &[DrainedRow]) -> Vec<u8> {
    let mut heads = Vec::with_capacity(rows.len() * 2);
    let mut streams: [Vec<u8>; 4] = std::array::from_fn(|_| Vec::with_capacity(rows.len() * 3));
    let mut before = Before::default();
    for row in rows {
        let entry = entries[row.meta as usize];
        let same = before.next_entry == i64::from(entry) + 1;
        let counters = row.counters.to_array();
        let nonzero = (0..4).fold(0, |mask, i| mask | u8::from(counters[i] != 0) << i);
        heads.push(nonzero | (row.label.index() as u8) << 4 | u8::from(same) << 7);
        if !same {
            put_signed(&mut heads, i64::from(entry) - before.next_entry);
            before = Before { next_entry: i64::from(entry) + 1, part: 0 };
        }
        if metas[row.meta as usize].parts() > 1 {
            put_signed(&mut heads, i64::from(row.part) - before.part);
            before.part = row.part.into();
        }
        let nonzero = streams.iter_mut().zip(counters).filter(|&(_, counter)| counter != 0);
        nonzero.for_each(|(stream, counter)| put(stream, counter));
    }
    let mut bytes = Vec::with_capacity(heads.len() + streams.iter().map(Vec::len).sum::<usize>() + 16);
    if rows.len() > SHORT as usize {
        put(&mut bytes, heads.len() as u64);
        streams[..3].iter().for_each(|stream| put(&mut bytes, stream.len() as u64));
    }
    bytes.extend_from_slice(&heads);
    streams.iter().for_each(|stream| bytes.extend_from_slice(stream));
    bytes
}

/// What a row is relative to.
#[derive(Default)]
struct Before {
    /// The index behind that of the row before; 0: there is none.
    next_entry: i64,
    part: i64,
}

/// What a row says besides its counters.
struct Head {
    flags: u8,
    entry: u32,
    part: i64,
}

/// Heads that are read one after the other.
struct Heads<'a> {
    bytes: &'a [u8],
    before: Before,
}

impl Heads<'_> {
    /// `divided` tells of a dictionary index whether the route is sub-divided; `None`: there is no such entry.
    #[inline(always)]
    fn next(&mut self, divided: impl Fn(usize) -> Option<bool>) -> Option<Head> {
        let (&flags, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        if flags & 0x80 == 0 {
            let further = match *rest {
                // Most rows are the next ones of the dictionary.
                [0, ref rest @ ..] => {
                    self.bytes = rest;
                    0
                }
                _ => take_signed(&mut self.bytes)?,
            };
            self.before = Before { next_entry: self.before.next_entry.checked_add(further)?.checked_add(1)?, part: 0 };
        }
        let entry = usize::try_from(self.before.next_entry - 1).ok()?;
        if divided(entry)? {
            self.before.part = self.before.part.checked_add(take_signed(&mut self.bytes)?)?;
        }
        Some(Head { flags, entry: entry as u32, part: self.before.part })
    }
}

/// The encoded rows of a column, taken apart.
pub(super) struct Streams<'a> {
    rows: u32,
    heads: &'a [u8],
    counters: [&'a [u8]; 4],
}

impl<'a> Streams<'a> {
    /// Finds the streams. `None`: they can't be there, which only an image from outside can cause.
    pub fn find(rows: u32, mut bytes: &'a [u8], dictionary: &[Arc<RouteMeta>]) -> Option<Self> {
        if rows > SHORT {
            let mut lengths = [0; 4];
            for length in &mut lengths {
                *length = take(&mut bytes)?;
            }
            let [heads, reads, writes, read_bytes] = lengths;
            let heads = take_bytes(&mut bytes, heads)?;
            let (reads, writes) = (take_bytes(&mut bytes, reads)?, take_bytes(&mut bytes, writes)?);
            let read_bytes = take_bytes(&mut bytes, read_bytes)?;
            return Some(Self { rows, heads, counters: [reads, writes, read_bytes, bytes] });
        }
        let mut heads = Heads { bytes, before: Before::default() };
        let mut nonzero = [0; 4];
        for _ in 0..rows {
            let flags = heads.next(|entry| Some(dictionary.get(entry)?.parts() > 1))?.flags;
            nonzero.iter_mut().enumerate().for_each(|(i, count)| *count += flags >> i & 1);
        }
        let (heads, mut rest) = bytes.split_at(bytes.len() - heads.bytes.len());
        let mut counters = [rest; 4];
        for (stream, count) in counters.iter_mut().zip(nonzero) {
            let begin = rest;
            for _ in 0..count {
                take(&mut rest)?;
            }
            *stream = &begin[..begin.len() - rest.len()];
        }
        rest.is_empty().then_some(Self { rows, heads, counters })
    }

    /// Decodes the rows. `None`: they don't decode, as above.
    pub fn decode(
        mut self,
        dictionary: &'a [Arc<RouteMeta>],
        mut visit: impl FnMut(&'a Arc<RouteMeta>, DrainedRow),
    ) -> Option<()> {
        let mut heads = Heads { bytes: self.heads, before: Before::default() };
        for _ in 0..self.rows {
            let Head { flags, entry, part } = heads.next(|entry| Some(dictionary.get(entry)?.parts() > 1))?;
            let meta = dictionary.get(entry as usize)?;
            let part = u32::try_from(part).ok().filter(|&part| part < meta.parts())?;
            let label = Label::from_index(u32::from(flags >> 4 & 7))?;
            let mut counters = [0; 4];
            for (i, counter) in counters.iter_mut().enumerate() {
                if flags & 1 << i != 0 {
                    *counter = take(&mut self.counters[i])?;
                }
            }
            let counters = Counters::from_array(counters);
            visit(meta, DrainedRow { meta: entry, part: part as u16, label, counters });
        }
        (heads.bytes.is_empty() && self.counters.iter().all(|stream| stream.is_empty())).then_some(())
    }

    /// Decodes one series of rows that were written or checked before; rows in which it is 0 are visited too. `divided`
    /// tells of each dictionary entry whether its route is sub-divided.
    #[inline(always)]
    pub fn decode_series(self, series: Series, divided: &[bool], mut visit: impl FnMut(SeriesValue)) -> Option<()> {
        let mut heads = Heads { bytes: self.heads, before: Before::default() };
        let mut values = self.counters[series as usize];
        for _ in 0..self.rows {
            let Head { flags, entry, part } = heads.next(|entry| divided.get(entry).copied())?;
            let value = if flags >> series as u8 & 1 != 0 { take_quick(&mut values)? } else { 0 };
            visit(SeriesValue { entry, label: flags >> 4 & 7, part: part as u32, value });
        }
        Some(())
    }

    /// Decodes all four series of rows that were written or checked before: of each row the dictionary index, the label's
    /// number, the part, and the counters. `divided` as above.
    #[inline(always)]
    pub fn decode_counters(mut self, divided: &[bool], mut visit: impl FnMut(u32, u8, u32, Counters)) -> Option<()> {
        let mut heads = Heads { bytes: self.heads, before: Before::default() };
        for _ in 0..self.rows {
            let Head { flags, entry, part } = heads.next(|entry| divided.get(entry).copied())?;
            // One by one: an array would be written by halves and read as a whole, for which the processor waits.
            let mut counter =
                |i: usize| if flags & 1 << i != 0 { take_quick(&mut self.counters[i]) } else { Some(0) };
            let (reads, writes) = (counter(0)?, counter(1)?);
            let (read_bytes, write_bytes) = (counter(2)?, counter(3)?);
            visit(entry, flags >> 4 & 7, part as u32, Counters { reads, writes, read_bytes, write_bytes });
        }
        Some(())
    }
}
