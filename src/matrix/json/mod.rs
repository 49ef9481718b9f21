//! A matrix as JSON, in the form that dashboards read: one object, its fields in a fixed order.
//!
//! ```text
//! column_unix_ms [int]   rows [row]   series "writes"...   generated_at RFC 3339, nanoseconds, UTC
//! fanout {nodes: [{node, ok, error?}], responded, expected}, where a cluster was asked
//! node?  the name of the node that made it
//!
//! row: bucket_id, label?, start, end, aggregate, route_ids?, route_ids_truncated?, route_count, values, conflict?,
//!      conflicts?, raft_group_ids?, leader_terms?
//! ```
//!
//! `?`: left out when empty or false; `raft_group_ids` and `leader_terms` come together. `start` and `end` are base64,
//! an empty one is `null`. Integers have 64 bits and are JSON numbers: a reader that makes doubles of them loses digits
//! above 2^53.

mod parts;
mod read;
mod write;

use super::{Error, Limits, Matrix};

/// Writes a matrix.
///
/// # Panics
///
/// If the matrix has not a value for each row and column.
pub fn to_json(matrix: &Matrix) -> Vec<u8> {
    write::write(matrix)
}

/// Reads a matrix from an input that nobody vouches for.
///
/// A field that is unknown is ignored, one that is left out or `null` is empty; but a row has an id. Rows and columns
/// stay in their order. An offset in `generated_at` is understood; without it, the time is 0.
///
/// # Errors
///
/// With the byte at which it showed. `TooLarge` over a limit; `Malformed` if it is no JSON, nested deeper than 128
/// levels or of other types, if arrays of a row have different lengths, if a row id or field comes twice, or if a
/// number is not an integer of 64 bits.
pub fn from_json(input: &[u8], limits: &Limits) -> Result<Matrix, Error> {
    limits.check_bytes(input)?;
    read::read(input, limits)
}
