//! Writing JSON: serde's data model of the document, and a formatter that is quick at integers.

use crate::matrix::{Fanout, FanoutNode, Identity, Matrix, MatrixRow};
use base64::prelude::{Engine as _, BASE64_STANDARD};
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;
use std::io;

pub(super) fn write(matrix: &Matrix) -> Vec<u8> {
    let mut out =
        Vec::with_capacity(matrix.values.len() * 4 + matrix.rows.len() * 192 + matrix.columns.len() * 14 + 256);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, QuickIntegers);
    let document = Document {
        column_unix_ms: &matrix.columns,
        rows: Rows(matrix),
        series: matrix.series.name(),
        generated_at: Time(matrix.generated_at_ns),
        fanout: matrix.fanout.as_ref().map(FanoutOut::new),
        node: &matrix.node,
    };
    document.serialize(&mut serializer).expect("strings are the only keys, and memory the only sink");
    out
}

#[derive(Serialize)]
struct Document<'a> {
    column_unix_ms: &'a [i64],
    rows: Rows<'a>,
    series: &'a str,
    generated_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    fanout: Option<FanoutOut<'a>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    node: &'a str,
}

struct Rows<'a>(&'a Matrix);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Rows(matrix) = self;
        serializer.collect_seq(matrix.rows.iter().enumerate().map(|(i, row)| Row::new(row, matrix.row_values(i))))
    }
}

#[derive(Serialize)]
struct Row<'a> {
    bucket_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    label: &'a str,
    start: Key<'a>,
    end: Key<'a>,
    aggregate: bool,
    #[serde(skip_serializing_if = "<[u64]>::is_empty")]
    route_ids: &'a [u64],
    #[serde(skip_serializing_if = "is_false")]
    route_ids_truncated: bool,
    route_count: u64,
    values: &'a [u64],
    #[serde(skip_serializing_if = "is_false")]
    conflict: bool,
    #[serde(skip_serializing_if = "<[bool]>::is_empty")]
    conflicts: &'a [bool],
    #[serde(skip_serializing_if = "Option::is_none")]
    raft_group_ids: Option<Cells<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leader_terms: Option<Cells<'a>>,
}

impl<'a> Row<'a> {
    fn new(row: &'a MatrixRow, values: &'a [u64]) -> Self {
        let cells = |part| (!row.identities.is_empty()).then_some(Cells { row, columns: values.len(), part });
        Row {
            bucket_id: &row.id,
            label: &row.label,
            start: Key(&row.start),
            end: Key(&row.end),
            aggregate: row.aggregate,
            route_ids: &row.route_ids,
            route_ids_truncated: row.route_ids_truncated,
            route_count: row.route_count,
            values,
            conflict: row.conflict,
            conflicts: &row.conflicts,
            raft_group_ids: cells(|identity| identity.group_id),
            leader_terms: cells(|identity| identity.leader_term),
        }
    }
}

/// One number of each cell's identity.
struct Cells<'a> {
    row: &'a MatrixRow,
    columns: usize,
    part: fn(Identity) -> u64,
}

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.row.identities.iter(self.columns).map(self.part))
    }
}

/// A bound of a range.
struct Key<'a>(&'a [u8]);

impl Serialize for Key<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [] => serializer.serialize_none(),
            bytes => serializer.serialize_str(&BASE64_STANDARD.encode(bytes)),
        }
    }
}

/// Unix nanoseconds.
struct Time(i64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time =
            jiff::Timestamp::from_nanosecond(self.0.into()).expect("64 bits of nanoseconds are within 9999 years");
        serializer.collect_str(&format_args!("{time:.9}"))
    }
}

#[derive(Serialize)]
struct FanoutOut<'a> {
    nodes: Vec<NodeOut<'a>>,
    responded: u64,
    expected: u64,
}

#[derive(Serialize)]
struct NodeOut<'a> {
    node: &'a str,
    ok: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    error: &'a str,
}

impl<'a> FanoutOut<'a> {
    fn new(fanout: &'a Fanout) -> Self {
        let node = |FanoutNode { node, error }: &'a FanoutNode| NodeOut {
            node,
            ok: error.is_none(),
            error: error.as_deref().unwrap_or_default(),
        };
        Self {
            nodes: fanout.nodes.iter().map(node).collect(),
            responded: fanout.responded(),
            expected: fanout.expected,
        }
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// serde_json's compact form. Nearly all of a matrix are small integers, which it writes without a division by ten.
struct QuickIntegers;

impl Formatter for QuickIntegers {
    #[inline]
    fn write_u64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        match value {
            0..10 => writer.write_all(&[b'0' + value as u8]),
            10..10_000 => {
                let digits = &FOUR_DIGITS[value as usize];
                writer.write_all(&digits[4 - if value < 100 { 2 } else { 3 + usize::from(value >= 1000) }..])
            }
            _ => serde_json::ser::CompactFormatter.write_u64(writer, value),
        }
    }
}

/// The numbers below 10 000 as four digits each.
static FOUR_DIGITS: [[u8; 4]; 10_000] = {
    let mut table = [[0; 4]; 10_000];
    let mut i = 0;
    while i < table.len() {
        let zero = b'0';
        table[i] =
            [zero + (i / 1000) as u8, zero + (i / 100 % 10) as u8, zero + (i / 10 % 10) as u8, zero + (i % 10) as u8];
        i += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_written_as_ever() {
        for value in (0..100_000).chain((0..64).flat_map(|bits| [1 << bits, u64::MAX >> bits])) {
            let mut written = Vec::new();
            QuickIntegers.write_u64(&mut written, value).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), value.to_string());
        }
    }
}
