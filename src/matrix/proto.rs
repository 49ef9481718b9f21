//! A matrix as protobuf: `include/keyviz.proto`, in prost's hands.
//!
//! The message has neither series nor conflicts, nor when and by whom it was made: the one who asked for it knows the
//! series, and the rest is as in a matrix that says nothing about it.
//!
//! Rows are written and read one at a time, through one [`KeyVizRow`] that is used again, so that no second copy of the
//! matrix comes to be. (A message whose parts are written one after the other is the same message.)

use super::assembly::Assembly;
use super::error::Error;
use super::{Identity, Limits, Matrix, MatrixRow};
use crate::label::Series;
// What prost's derive expands to. It is hidden from prost's documentation, and kept with it: a message's fields can't
// be met one by one otherwise.
use prost::encoding::{decode_key, int64, message, skip_field, DecodeContext};
use prost::{DecodeError, Message};

/// Fields 9, 10 and 12 of the `.proto` are the store's own, and skipped like unknown ones.
#[derive(Clone, PartialEq, Message)]
struct KeyVizRow {
    #[prost(string, tag = "1")]
    bucket_id: String,
    #[prost(bytes = "vec", tag = "2")]
    start: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    end: Vec<u8>,
    #[prost(string, tag = "4")]
    label: String,
    #[prost(bool, tag = "5")]
    aggregate: bool,
    #[prost(uint64, repeated, tag = "6")]
    route_ids: Vec<u64>,
    #[prost(bool, tag = "7")]
    route_ids_truncated: bool,
    #[prost(uint64, tag = "8")]
    route_count: u64,
    #[prost(uint64, repeated, tag = "11")]
    values: Vec<u64>,
    #[prost(uint64, repeated, tag = "13")]
    raft_group_ids: Vec<u64>,
    #[prost(uint64, repeated, tag = "14")]
    leader_terms: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct GetKeyVizMatrixResponse {
    #[prost(int64, repeated, tag = "1")]
    column_unix_ms: Vec<i64>,
    #[prost(message, repeated, tag = "2")]
    rows: Vec<KeyVizRow>,
}

/// The number of a series in the `.proto`.
pub fn series_number(series: Series) -> i32 {
    series as i32 + 1
}

/// The series with this number in the `.proto`, if there is one; unspecified means writes.
pub fn series_from_number(number: i32) -> Option<Series> {
    match number {
        0 => Some(Series::Writes),
        _ => Series::from_index(u32::try_from(number.checked_sub(1)?).ok()?),
    }
}

/// Writes a matrix as a `GetKeyVizMatrixResponse`.
///
/// # Panics
///
/// If the matrix has not a value for each row and column.
pub fn to_proto(matrix: &Matrix) -> Vec<u8> {
    let mut out = Vec::with_capacity(matrix.values.len() * 4 + matrix.rows.len() * 128 + matrix.columns.len() * 6);
    let columns = GetKeyVizMatrixResponse { column_unix_ms: matrix.columns.clone(), rows: Vec::new() };
    columns.encode(&mut out).expect(GROWS);
    let mut part = GetKeyVizMatrixResponse { column_unix_ms: Vec::new(), rows: vec![KeyVizRow::default()] };
    for (i, row) in matrix.rows.iter().enumerate() {
        part.rows[0].fill(row, matrix.row_values(i));
        part.encode(&mut out).expect(GROWS);
    }
    out
}

const GROWS: &str = "a vector grows as it is written";

impl KeyVizRow {
    fn fill(&mut self, row: &MatrixRow, values: &[u64]) {
        self.bucket_id.clone_from(&row.id);
        self.start.clone_from(&row.start);
        self.end.clone_from(&row.end);
        self.label.clone_from(&row.label);
        self.aggregate = row.aggregate;
        self.route_ids.clone_from(&row.route_ids);
        self.route_ids_truncated = row.route_ids_truncated;
        self.route_count = row.route_count;
        self.values.clear();
        self.values.extend_from_slice(values);
        let columns = if row.identities.is_empty() { 0 } else { values.len() };
        self.raft_group_ids.clear();
        self.leader_terms.clear();
        for Identity { leader_term, group_id } in row.identities.iter(columns) {
            self.raft_group_ids.push(group_id);
            self.leader_terms.push(leader_term);
        }
    }
}

/// Reads a `GetKeyVizMatrixResponse` of a series from an input that nobody vouches for.
///
/// Unknown fields are ignored; rows and columns stay in their order; but a row has an id.
///
/// # Errors
///
/// With the byte of the field or row in which it showed. `TooLarge` over a limit; `Malformed` if it is no such message,
/// if arrays of a row have different lengths, or if a row id comes twice.
pub fn from_proto(input: &[u8], series: Series, limits: &Limits) -> Result<Matrix, Error> {
    limits.check_bytes(input)?;
    let mut assembly = Assembly::new(limits);
    let mut row = KeyVizRow::default();
    let mut rest = input;
    while !rest.is_empty() {
        let at = input.len() - rest.len();
        read_field(&mut rest, &mut assembly, &mut row).map_err(|error| error.at(at))?;
    }
    assembly.finish(series).map_err(|error| error.at(input.len()))
}

/// Reads one field of the response.
fn read_field(rest: &mut &[u8], assembly: &mut Assembly<'_>, row: &mut KeyVizRow) -> Result<(), Error> {
    let context = DecodeContext::default();
    let malformed = |error: DecodeError| Error::malformed(error.to_string());
    let (tag, wire_type) = decode_key(rest).map_err(malformed)?;
    match tag {
        1 => {
            int64::merge_repeated(wire_type, &mut assembly.columns, rest, context).map_err(malformed)?;
            match assembly.columns.len() > assembly.room() {
                true => Err(assembly.no_room()),
                false => Ok(()),
            }
        }
        2 => {
            assembly.begin_row()?;
            row.clear();
            message::merge(wire_type, row, rest, context).map_err(malformed)?;
            take_row(assembly, row)
        }
        _ => skip_field(wire_type, tag, rest, context).map_err(malformed),
    }
}

/// Moves a row into the assembly.
fn take_row(assembly: &mut Assembly<'_>, row: &mut KeyVizRow) -> Result<(), Error> {
    if row.values.len() > assembly.room() {
        return Err(assembly.no_room());
    }
    assembly.values.extend_from_slice(&row.values);
    std::mem::swap(&mut assembly.groups, &mut row.raft_group_ids);
    std::mem::swap(&mut assembly.terms, &mut row.leader_terms);
    assembly.end_row(MatrixRow {
        id: std::mem::take(&mut row.bucket_id),
        label: std::mem::take(&mut row.label),
        start: std::mem::take(&mut row.start),
        end: std::mem::take(&mut row.end),
        aggregate: row.aggregate,
        route_ids: std::mem::take(&mut row.route_ids),
        route_ids_truncated: row.route_ids_truncated,
        route_count: row.route_count,
        ..MatrixRow::default()
    })
}
