//! Reading JSON: serde_json takes it apart, and visitors put the numbers straight where they stay.

use super::parts::{any_seed, FanoutIn, Field, Key, SeriesName, Skip, Time};
use crate::label::Series;
use crate::matrix::assembly::Assembly;
use crate::matrix::{Error, ErrorKind, Fanout, Limits, Matrix, MatrixRow};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;
use std::fmt;

pub(super) fn read(input: &[u8], limits: &Limits) -> Result<Matrix, Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(input);
    let mut reader = Reader { assembly: Assembly::new(limits), kind: ErrorKind::Malformed };
    let read = Document(&mut reader).deserialize(&mut deserializer).and_then(|header| {
        deserializer.end()?;
        Ok(header)
    });
    let header = read.map_err(|error| {
        let position = if error.is_eof() { input.len() } else { position(input, error.line(), error.column()) };
        Error { kind: reader.kind, message: message(&error), position: Some(position as u64) }
    })?;
    let matrix = reader.assembly.finish(header.series).map_err(|error| error.at(input.len()))?;
    Ok(Matrix { generated_at_ns: header.generated_at_ns, node: header.node, fanout: header.fanout, ..matrix })
}

/// What the error says, without its line and column. It may quote the input, so it is cut where it is long.
fn message(error: &serde_json::Error) -> String {
    const MOST: usize = 200;
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    text.char_indices().nth(MOST).map_or_else(|| text.into(), |(cut, _)| format!("{}...", &text[..cut]))
}

/// The byte of a line and a column, which count from 1. It is the last one that was read.
fn position(input: &[u8], line: usize, column: usize) -> usize {
    let newlines = input.iter().enumerate().filter(|(_, &byte)| byte == b'\n');
    let start = line.checked_sub(2).map_or(0, |before| newlines.map(|(i, _)| i + 1).nth(before).unwrap_or(0));
    (start + column).saturating_sub(1).min(input.len())
}

struct Reader<'l> {
    assembly: Assembly<'l>,
    /// What sort of error it is that ends the reading.
    kind: ErrorKind,
}

impl Reader<'_> {
    /// An error of the assembly as one of serde's, which adds the position.
    fn checked<T, E: serde::de::Error>(&mut self, result: Result<T, Error>) -> Result<T, E> {
        result.map_err(|error| {
            self.kind = error.kind;
            E::custom(error.message)
        })
    }
}

any_seed! {
    Document<'_, '_> -> Header;
    Rows<'_, '_> -> ();
    Row<'_, '_> -> ();
    Cells<'_, '_> -> ();
}

/// What a matrix has besides rows and columns.
struct Header {
    series: Series,
    generated_at_ns: i64,
    fanout: Option<Fanout>,
    node: String,
}

/// The whole document.
struct Document<'r, 'l>(&'r mut Reader<'l>);

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a matrix as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        const NAMES: &[&str] = &["column_unix_ms", "rows", "series", "generated_at", "fanout", "node"];
        let Document(reader) = self;
        let mut seen = 0;
        let mut header = Header { series: Series::Writes, generated_at_ns: 0, fanout: None, node: String::new() };
        while let Some(field) = map.next_key_seed(Field { names: NAMES, seen: &mut seen })? {
            match field {
                Some("column_unix_ms") => {
                    map.next_value_seed(Cells { reader, to: List::Columns })?;
                    let checked = reader.assembly.check_columns();
                    reader.checked(checked)?;
                }
                Some("rows") => map.next_value_seed(Rows(reader))?,
                Some("series") => {
                    header.series = map.next_value::<Option<SeriesName>>()?.map_or(header.series, |name| name.0)
                }
                Some("generated_at") => {
                    header.generated_at_ns = map.next_value::<Option<Time>>()?.map_or(0, |time| time.0)
                }
                Some("fanout") => {
                    let most = reader.assembly.limits.rows;
                    header.fanout = map.next_value_seed(FanoutIn { most, kind: &mut reader.kind })?;
                }
                Some("node") => header.node = map.next_value::<Option<String>>()?.unwrap_or_default(),
                _ => map.next_value_seed(Skip)?,
            }
        }
        Ok(header)
    }
}

/// The array of rows.
struct Rows<'r, 'l>(&'r mut Reader<'l>);

impl<'de> Visitor<'de> for Rows<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Rows(reader) = self;
        while seq.next_element_seed(Row(reader))?.is_some() {}
        Ok(())
    }
}

/// One row; its values go behind those of the rows before it.
struct Row<'r, 'l>(&'r mut Reader<'l>);

impl<'de> Visitor<'de> for Row<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        const NAMES: &[&str] = &[
            "bucket_id",
            "label",
            "start",
            "end",
            "aggregate",
            "route_ids",
            "route_ids_truncated",
            "route_count",
            "values",
            "conflict",
            "conflicts",
            "raft_group_ids",
            "leader_terms",
        ];
        let Row(reader) = self;
        let checked = reader.assembly.begin_row();
        reader.checked(checked)?;
        let mut seen = 0;
        let mut row = MatrixRow::default();
        while let Some(field) = map.next_key_seed(Field { names: NAMES, seen: &mut seen })? {
            match field {
                Some("bucket_id") => row.id = map.next_value::<Option<String>>()?.unwrap_or_default(),
                Some("label") => row.label = map.next_value::<Option<String>>()?.unwrap_or_default(),
                Some("start") => row.start = map.next_value_seed(Key)?,
                Some("end") => row.end = map.next_value_seed(Key)?,
                Some("aggregate") => row.aggregate = map.next_value::<Option<bool>>()?.unwrap_or_default(),
                Some("route_ids") => row.route_ids = map.next_value::<Option<Vec<u64>>>()?.unwrap_or_default(),
                Some("route_ids_truncated") => {
                    row.route_ids_truncated = map.next_value::<Option<bool>>()?.unwrap_or_default();
                }
                Some("route_count") => row.route_count = map.next_value::<Option<u64>>()?.unwrap_or_default(),
                Some("values") => {
                    map.next_value_seed(Cells { reader, to: List::Values })?;
                    let checked = reader.assembly.check_values();
                    reader.checked(checked)?;
                }
                Some("conflict") => row.conflict |= map.next_value::<Option<bool>>()?.unwrap_or_default(),
                Some("conflicts") => row.conflicts = map.next_value::<Option<Vec<bool>>>()?.unwrap_or_default(),
                Some("raft_group_ids") => map.next_value_seed(Cells { reader, to: List::Groups })?,
                Some("leader_terms") => map.next_value_seed(Cells { reader, to: List::Terms })?,
                _ => map.next_value_seed(Skip)?,
            }
        }
        let checked = reader.assembly.end_row(row);
        reader.checked(checked)
    }
}

/// An array of integers with one for each column, appended to a list of the reader; `null` is an empty one.
struct Cells<'r, 'l> {
    reader: &'r mut Reader<'l>,
    to: List,
}

/// Where integers go.
enum List {
    Columns,
    Values,
    Groups,
    Terms,
}

impl<'de> Visitor<'de> for Cells<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of integers")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        let Self { reader, to } = self;
        let (cells, room) = (reader.assembly.limits.cells, reader.assembly.room());
        let fits = match to {
            List::Columns => append(seq, &mut reader.assembly.columns, cells)?,
            List::Values => append(seq, &mut reader.assembly.values, room)?,
            List::Groups => append(seq, &mut reader.assembly.groups, cells)?,
            List::Terms => append(seq, &mut reader.assembly.terms, cells)?,
        };
        let checked = if fits { Ok(()) } else { Err(reader.assembly.no_room()) };
        reader.checked(checked)
    }
}

/// Appends at most `most` numbers; whether that were all.
fn append<'de, A: SeqAccess<'de>, T: Deserialize<'de>>(
    mut seq: A,
    to: &mut Vec<T>,
    most: usize,
) -> Result<bool, A::Error> {
    let end = to.len() + most;
    while let Some(number) = seq.next_element()? {
        if to.len() == end {
            return Ok(false);
        }
        to.push(number);
    }
    Ok(true)
}
