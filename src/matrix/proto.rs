//! A matrix as protobuf: `include/keyviz.proto`, in prost's hands.
//!
//! The message has neither series nor conflicts, nor when and by whom it was made: the one who asked for it knows the
//! series, and the rest is as in a matrix that says nothing about it.
//!
//! Rows are written and read one at a time, through one [`KeyVizRow`] that is used again, so that no second copy of the
//! matrix comes to be.

use super::assembly::Assembly;
use super::error::Error;
use super::{Identity, Limits, Matrix, MatrixRow};
use crate::label::Series;
// What prost's derive expands to, hidden from prost's documentation: the fields of a message can't be met one by one
// otherwise.
use prost::encoding::{decode_key, encode_key, encode_varint, int64, message, skip_field, DecodeContext, WireType};
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

/// Tags of the fields of a `GetKeyVizMatrixResponse`.
const COLUMN_UNIX_MS: u32 = 1;
const ROWS: u32 = 2;

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
    int64::encode_packed(COLUMN_UNIX_MS, &matrix.columns, &mut out);
    let mut message = KeyVizRow::default();
    for (i, row) in matrix.rows.iter().enumerate() {
        message.fill(row, matrix.row_values(i));
        let len = message.encoded_len();
        encode_key(ROWS, WireType::LengthDelimited, &mut out);
        encode_varint(len as u64, &mut out);
        // Into room that is there already, bytes are written faster than pushed.
        let begin = out.len();
        out.resize(begin + len, 0);
        message.encode_raw(&mut &mut out[begin..]);
    }
    out
}

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
/// With the byte at which the row or other field begins that is wrong. `TooLarge` over a limit; `Malformed` if it is no such message,
/// if arrays of a row have different lengths, or if a row id comes twice.
pub fn from_proto(input: &[u8], series: Series, limits: &Limits) -> Result<Matrix, Error> {
    limits.check_bytes(input)?;
    let mut assembly = Assembly::new(limits);
    // The columns first, which may come in pieces: they tell what the rows have to be like.
    for_each_field(input, |tag, wire_type, rest| match tag {
        COLUMN_UNIX_MS => {
            int64::merge_repeated(wire_type, &mut assembly.columns, rest, DecodeContext::default())
                .map_err(malformed)?;
            match assembly.columns.len() > limits.cells {
                true => Err(assembly.no_room()),
                false => Ok(()),
            }
        }
        _ => skip_field(wire_type, tag, rest, DecodeContext::default()).map_err(malformed),
    })?;
    assembly.check_columns()?;
    let mut row = KeyVizRow::default();
    for_each_field(input, |tag, wire_type, rest| match tag {
        ROWS => {
            assembly.begin_row()?;
            row.clear();
            message::merge(wire_type, &mut row, rest, DecodeContext::default()).map_err(malformed)?;
            take_row(&mut assembly, &mut row)
        }
        _ => skip_field(wire_type, tag, rest, DecodeContext::default()).map_err(malformed),
    })?;
    assembly.finish(series)
}

/// Meets the fields of a message one by one; `read` takes a field's value from the input. An error gets the byte at
/// which its field begins.
fn for_each_field(
    input: &[u8],
    mut read: impl FnMut(u32, WireType, &mut &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut rest = input;
    while !rest.is_empty() {
        let at = input.len() - rest.len();
        let (tag, wire_type) = decode_key(&mut rest).map_err(|error| malformed(error).at(at))?;
        read(tag, wire_type, &mut rest).map_err(|error| error.at(at))?;
    }
    Ok(())
}

fn malformed(error: DecodeError) -> Error {
    Error::malformed(error.to_string())
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
