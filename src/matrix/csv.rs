//! A matrix as CSV, for spreadsheets and data frames: wide, a line per row and a field per column of time.
//!
//! ```text
//! bucket_id,label,start,end,aggregate,route_count,2026-01-02T03:04:00.000Z,2026-01-02T03:05:00.000Z
//! route:1:redis,redis,table/1,0x7f00,false,1,17,18446744073709551615
//! ```
//!
//! Times are UTC, the values exact. A bound is its text where it is printable ASCII, and else `0x` and hexadecimal
//! digits; an end that is missing is empty. A bound that a spreadsheet would take for a formula, or a reader for
//! hexadecimal, is written in hexadecimal too.

use super::Matrix;
use std::fmt::Write as _;

/// Writes a matrix as CSV (RFC 4180, but lines end with `\n`).
///
/// # Panics
///
/// If the matrix has not a value for each row and column.
pub fn to_csv(matrix: &Matrix) -> Vec<u8> {
    const GROWS: &str = "a vector grows as it is written";
    let mut writer = csv::Writer::from_writer(Vec::with_capacity(matrix.values.len() * 4 + matrix.columns.len() * 25));
    let times = matrix.columns.iter().map(|&column| time(column));
    let names = ["bucket_id", "label", "start", "end", "aggregate", "route_count"].map(String::from);
    writer.write_record(names.into_iter().chain(times)).expect(GROWS);
    for (i, row) in matrix.rows.iter().enumerate() {
        let described = [&row.id, &row.label, &bound(&row.start), &bound(&row.end)];
        described.into_iter().try_for_each(|field| writer.write_field(field)).expect(GROWS);
        writer.write_field(row.aggregate.to_string()).expect(GROWS);
        let numbers = std::iter::once(row.route_count).chain(matrix.row_values(i).iter().copied());
        writer.write_record(numbers.map(|number| number.to_string())).expect(GROWS);
    }
    writer.into_inner().expect(GROWS)
}

/// Unix milliseconds as RFC 3339; one that is beyond the year 9999 stays a number.
fn time(unix_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(unix_ms).map_or_else(|_| unix_ms.to_string(), |time| format!("{time:.3}"))
}

/// A key that a person can read.
fn bound(key: &[u8]) -> String {
    match std::str::from_utf8(key) {
        Ok(text) if is_plain(text) => text.into(),
        _ => key.iter().fold(String::from("0x"), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string grows as it is written");
            hex
        }),
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !text.starts_with(['=', '+', '-', '@'])
        && !text.starts_with("0x")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::Series;
    use crate::matrix::MatrixRow;

    fn row(id: &str, start: &[u8], end: &[u8]) -> MatrixRow {
        MatrixRow { id: id.into(), start: start.into(), end: end.into(), route_count: 1, ..MatrixRow::default() }
    }

    #[test]
    fn a_line_per_row_and_a_field_per_column() {
        let matrix = Matrix {
            series: Series::Reads,
            columns: vec![-1, 1_700_000_000_000, i64::MAX],
            rows: vec![
                MatrixRow { label: "redis".into(), aggregate: true, ..row("route:1:redis", b"a, \"b\"", b"=1+1") },
                row("route:2", b"0x", &[0x7f, 0xff]),
                row("route:3", "ä".as_bytes(), b""),
            ],
            values: vec![0, 1, u64::MAX, 3, 4, 5, 6, 7, 8],
            generated_at_ns: 0,
            node: String::new(),
            fanout: None,
        };
        let expected = "\
bucket_id,label,start,end,aggregate,route_count,1969-12-31T23:59:59.999Z,2023-11-14T22:13:20.000Z,9223372036854775807
route:1:redis,redis,\"a, \"\"b\"\"\",0x3d312b31,true,1,0,1,18446744073709551615
route:2,,0x3078,0x7fff,false,1,3,4,5
route:3,,0xc3a4,,false,1,6,7,8
";
        assert_eq!(String::from_utf8(to_csv(&matrix)).unwrap(), expected);
    }
}
