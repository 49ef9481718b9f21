//! Reading JSON: serde_json takes it apart, and visitors put the numbers straight where they stay.
//!
//! Nothing is checked late that can be checked early: a limit is looked at before what it limits is stored. The width of
//! the matrix (its number of columns) is what the first array of cells has, `column_unix_ms` in the usual order; every
//! later one has to agree.

use super::super::row_id::quoted;
use crate::label::Series;
use crate::matrix::{Error, Fanout, FanoutNode, Identities, Identity, Limits, Matrix, MatrixRow};
use base64::prelude::{Engine as _, BASE64_STANDARD};
use hashbrown::HashTable;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;
use std::fmt;
use std::hash::{BuildHasher, RandomState};

pub(super) fn read(input: &[u8], limits: &Limits) -> Result<Matrix, Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(input);
    let mut reader = Reader::new(limits);
    let read = Document(&mut reader).deserialize(&mut deserializer).and_then(|matrix| deserializer.end().map(|()| matrix));
    read.map_err(|error| {
        let make = if reader.over_limit { Error::too_large } else { Error::malformed };
        make(message(&error)).at(position(input, error.line(), error.column()))
    })
}

/// What the error says, without its line and column.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    text.strip_suffix(&place).unwrap_or(&text).into()
}

/// The byte of a line (from 1) and column (from 0, in bytes).
fn position(input: &[u8], line: usize, column: usize) -> usize {
    let newlines = input.iter().enumerate().filter(|(_, &byte)| byte == b'\n');
    let start = line.checked_sub(2).map_or(0, |before| newlines.map(|(i, _)| i + 1).nth(before).unwrap_or(0));
    (start + column).min(input.len())
}

/// What is read so far.
struct Reader<'l> {
    limits: &'l Limits,
    /// Set by whoever finds more than a limit allows, before it gives an error.
    over_limit: bool,
    /// Number of columns, once something has told it.
    width: Option<usize>,
    columns: Vec<i64>,
    rows: Vec<MatrixRow>,
    values: Vec<u64>,
    /// The rows by id, with a keyed hash.
    by_id: HashTable<usize>,
    hasher: RandomState,
    /// Room for a row's groups and terms.
    groups: Vec<u64>,
    terms: Vec<u64>,
}

impl<'l> Reader<'l> {
    fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            over_limit: false,
            width: None,
            columns: Vec::new(),
            rows: Vec::new(),
            values: Vec::new(),
            by_id: HashTable::new(),
            hasher: RandomState::new(),
            groups: Vec::new(),
            terms: Vec::new(),
        }
    }

    fn too_large<E: serde::de::Error>(&mut self, what: fmt::Arguments<'_>) -> E {
        self.over_limit = true;
        E::custom(what)
    }

    /// Takes the length of an array of cells as the width, or checks it against the width.
    fn check_width<E: serde::de::Error>(&mut self, what: &str, len: usize) -> Result<(), E> {
        match *self.width.get_or_insert(len) {
            width if width == len => Ok(()),
            width => Err(E::custom(format_args!("{what} has {len} entries, where there are {width} columns"))),
        }
    }

    fn push_row<E: serde::de::Error>(&mut self, row: MatrixRow) -> Result<(), E> {
        let hash = self.hasher.hash_one(&row.id);
        if self.by_id.find(hash, |&other| self.rows[other].id == row.id).is_some() {
            return Err(E::custom(format_args!("{} is the id of two rows", quoted(&row.id))));
        }
        let (rows, hasher) = (&self.rows, &self.hasher);
        self.by_id.insert_unique(hash, rows.len(), |&other| hasher.hash_one(&rows[other].id));
        self.rows.push(row);
        Ok(())
    }
}

/// The next key of an object: which of `names` it is, or `None` for one that is unknown. A name comes once.
struct Field<'a> {
    names: &'static [&'static str],
    /// A bit for each name that was met.
    seen: &'a mut u32,
}

impl<'de> DeserializeSeed<'de> for Field<'_> {
    type Value = Option<&'static str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for Field<'_> {
    type Value = Option<&'static str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Self::Value, E> {
        let Some(i) = self.names.iter().position(|&name| name == key) else { return Ok(None) };
        if *self.seen >> i & 1 != 0 {
            return Err(E::custom(format_args!("the field {key} comes twice")));
        }
        *self.seen |= 1 << i;
        Ok(Some(self.names[i]))
    }
}

/// Implements [`DeserializeSeed`] for a visitor, by asking for whatever comes.
macro_rules! any_seed {
    ($($visitor:ident $(<$($life:lifetime),*>)? -> $value:ty;)*) => {$(
        impl<'de> DeserializeSeed<'de> for $visitor $(<$($life),*>)? {
            type Value = $value;

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
                deserializer.deserialize_any(self)
            }
        }
    )*};
}

any_seed! {
    Document<'_, '_> -> Matrix;
    Rows<'_, '_> -> ();
    Row<'_, '_> -> MatrixRow;
    Cells<'_, '_> -> ();
    Key -> Vec<u8>;
    FanoutIn -> Option<Fanout>;
    Nodes<'_> -> ();
    Node -> FanoutNode;
    Skip -> ();
}

/// The whole document.
struct Document<'r, 'l>(&'r mut Reader<'l>);

impl<'de> Visitor<'de> for Document<'_, '_> {
    type Value = Matrix;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a matrix as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Matrix, A::Error> {
        const NAMES: &[&str] = &["column_unix_ms", "rows", "series", "generated_at", "fanout", "node"];
        let Document(reader) = self;
        let mut seen = 0;
        let mut matrix = Matrix {
            series: Series::Writes,
            columns: Vec::new(),
            rows: Vec::new(),
            values: Vec::new(),
            generated_at_ns: 0,
            node: String::new(),
            fanout: None,
        };
        while let Some(field) = map.next_key_seed(Field { names: NAMES, seen: &mut seen })? {
            match field {
                Some("column_unix_ms") => {
                    map.next_value_seed(Cells { reader, to: List::Columns })?;
                    reader.check_width("column_unix_ms", reader.columns.len())?;
                }
                Some("rows") => map.next_value_seed(Rows(reader))?,
                Some("series") => matrix.series = map.next_value::<Option<SeriesName>>()?.map_or(matrix.series, |name| name.0),
                Some("generated_at") => matrix.generated_at_ns = map.next_value::<Option<Time>>()?.map_or(0, |time| time.0),
                Some("fanout") => matrix.fanout = map.next_value_seed(FanoutIn)?,
                Some("node") => matrix.node = map.next_value::<Option<String>>()?.unwrap_or_default(),
                _ => map.next_value_seed(Skip)?,
            }
        }
        reader.check_width("column_unix_ms", reader.columns.len())?;
        matrix.columns = std::mem::take(&mut reader.columns);
        matrix.rows = std::mem::take(&mut reader.rows);
        matrix.values = std::mem::take(&mut reader.values);
        matrix.values.shrink_to_fit();
        Ok(matrix)
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
        while let Some(row) = seq.next_element_seed(Row(reader))? {
            reader.push_row(row)?;
        }
        Ok(())
    }
}

/// One row; its values go behind those of the rows before it.
struct Row<'r, 'l>(&'r mut Reader<'l>);

impl<'de> Visitor<'de> for Row<'_, '_> {
    type Value = MatrixRow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MatrixRow, A::Error> {
        const NAMES: &[&str] = &[
            "bucket_id", "label", "start", "end", "aggregate", "route_ids", "route_ids_truncated", "route_count", "values",
            "conflict", "conflicts", "raft_group_ids", "leader_terms",
        ];
        let Row(reader) = self;
        if reader.rows.len() == reader.limits.rows {
            return Err(reader.too_large(format_args!("more than {} rows", reader.limits.rows)));
        }
        let begin = reader.values.len();
        reader.groups.clear();
        reader.terms.clear();
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
                    reader.check_width("values", reader.values.len() - begin)?;
                }
                Some("conflict") => row.conflict |= map.next_value::<Option<bool>>()?.unwrap_or_default(),
                Some("conflicts") => row.conflicts = map.next_value::<Option<Vec<bool>>>()?.unwrap_or_default(),
                Some("raft_group_ids") => map.next_value_seed(Cells { reader, to: List::Groups })?,
                Some("leader_terms") => map.next_value_seed(Cells { reader, to: List::Terms })?,
                _ => map.next_value_seed(Skip)?,
            }
        }
        reader.finish_row(row, begin)
    }
}

impl Reader<'_> {
    /// Checks what can't be checked before the whole row is there.
    fn finish_row<E: serde::de::Error>(&mut self, mut row: MatrixRow, begin: usize) -> Result<MatrixRow, E> {
        if row.id.is_empty() {
            return Err(E::custom("a row has no bucket_id"));
        }
        self.check_width("values", self.values.len() - begin)?;
        let optional = [
            ("conflicts", row.conflicts.len()),
            ("raft_group_ids", self.groups.len()),
            ("leader_terms", self.terms.len()),
        ];
        for (what, len) in optional.into_iter().filter(|&(_, len)| len != 0) {
            self.check_width(what, len)?;
        }
        if !row.conflicts.contains(&true) {
            row.conflicts = Vec::new();
        }
        row.conflict |= !row.conflicts.is_empty();
        row.identities = identities(&self.groups, &self.terms);
        row.conflicts.shrink_to_fit();
        row.route_ids.shrink_to_fit();
        Ok(row)
    }
}

/// The identities of a row's cells; either list may be missing.
fn identities(groups: &[u64], terms: &[u64]) -> Identities {
    let mut identities = Identities::default();
    for j in 0..groups.len().max(terms.len()) {
        let at = |list: &[u64]| list.get(j).copied().unwrap_or_default();
        identities.set(j, Identity { leader_term: at(terms), group_id: at(groups) });
    }
    identities
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
        let most = reader.limits.cells - reader.values.len();
        let fits = match to {
            List::Columns => append(seq, &mut reader.columns, most)?,
            List::Values => append(seq, &mut reader.values, most)?,
            List::Groups => append(seq, &mut reader.groups, most)?,
            List::Terms => append(seq, &mut reader.terms, most)?,
        };
        match fits {
            true => Ok(()),
            false => Err(reader.too_large(format_args!("more than {} cells", reader.limits.cells))),
        }
    }
}

/// Appends at most `most` numbers; whether that were all.
fn append<'de, A: SeqAccess<'de>, T: Deserialize<'de>>(mut seq: A, to: &mut Vec<T>, most: usize) -> Result<bool, A::Error> {
    let end = to.len() + most;
    while let Some(number) = seq.next_element()? {
        if to.len() == end {
            return Ok(false);
        }
        to.push(number);
    }
    Ok(true)
}

/// A bound of a range: base64, `null` when empty.
struct Key;

impl Visitor<'_> for Key {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key in base64, or null")
    }

    fn visit_unit<E>(self) -> Result<Vec<u8>, E> {
        Ok(Vec::new())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
        BASE64_STANDARD.decode(text).map_err(|error| E::custom(format_args!("a key is not base64: {error}")))
    }
}

/// Any value, of which nothing is kept. Unlike serde's own, it doesn't go deeper than serde_json lets it.
struct Skip;

impl<'de> Visitor<'de> for Skip {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Skip)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_key_seed(Skip)?.is_some() {
            map.next_value_seed(Skip)?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct SeriesName(Series);

impl TryFrom<String> for SeriesName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Series::from_name(name.as_bytes()).map(SeriesName).ok_or_else(|| format!("{} is no series", quoted(&name)))
    }
}

/// Unix nanoseconds.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Time(i64);

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |error: &dyn fmt::Display| format!("generated_at is {}: {error}", quoted(&text));
        let time: jiff::Timestamp = text.parse().map_err(|error| wrong(&error))?;
        time.as_nanosecond().try_into().map(Time).map_err(|error| wrong(&error))
    }
}

/// The nodes that were asked. How many responded is what they say.
struct FanoutIn;

impl<'de> Visitor<'de> for FanoutIn {
    type Value = Option<Fanout>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the nodes that were asked as an object")
    }

    fn visit_unit<E>(self) -> Result<Option<Fanout>, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Option<Fanout>, A::Error> {
        let mut fanout = Fanout::default();
        let mut seen = 0;
        while let Some(field) = map.next_key_seed(Field { names: &["nodes", "expected"], seen: &mut seen })? {
            match field {
                Some("nodes") => map.next_value_seed(Nodes(&mut fanout.nodes))?,
                Some("expected") => fanout.expected = map.next_value::<Option<u64>>()?.unwrap_or_default(),
                _ => map.next_value_seed(Skip)?,
            }
        }
        Ok(Some(fanout))
    }
}

struct Nodes<'a>(&'a mut Vec<FanoutNode>);

impl<'de> Visitor<'de> for Nodes<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of nodes")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(node) = seq.next_element_seed(Node)? {
            self.0.push(node);
        }
        Ok(())
    }
}

struct Node;

impl<'de> Visitor<'de> for Node {
    type Value = FanoutNode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FanoutNode, A::Error> {
        let (mut node, mut ok, mut error) = (String::new(), false, None);
        let mut seen = 0;
        while let Some(field) = map.next_key_seed(Field { names: &["node", "ok", "error"], seen: &mut seen })? {
            match field {
                Some("node") => node = map.next_value::<Option<String>>()?.unwrap_or_default(),
                Some("ok") => ok = map.next_value::<Option<bool>>()?.unwrap_or_default(),
                Some("error") => error = map.next_value::<Option<String>>()?,
                _ => map.next_value_seed(Skip)?,
            }
        }
        Ok(FanoutNode { node, error: (!ok).then(|| error.unwrap_or_default()) })
    }
}
