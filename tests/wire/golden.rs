//! The wire forms byte for byte, as files: `tests/golden/<name>.json` and `.pb`.
//!
//! `KEYVIZ_WRITE_GOLDEN=1 cargo test --test wire golden` writes them anew; read the difference against the
//! specification before you commit it. `tests/run_wire.sh` reads the same files with Python.

use crate::some::{identities, matrix, row};
use keyviz::matrix::{from_json, from_proto, to_json, to_proto, Fanout, FanoutNode, Limits, Matrix, MatrixRow};
use keyviz::Series;
use std::path::PathBuf;

fn labelled(id: &str, label: &str, start: &[u8], end: &[u8]) -> MatrixRow {
    MatrixRow { label: label.into(), ..row(id, start, end) }
}

fn matrices() -> Vec<(&'static str, Matrix)> {
    let every_byte: Vec<u8> = (0..=255).collect();
    let cells = identities(&[(1, 7), (1, 7), (0, 0), (2, 8)]);
    let virtual_row = MatrixRow {
        aggregate: true,
        route_ids: vec![7, 9],
        route_ids_truncated: true,
        route_count: 3,
        identities: identities(&[(3, 0)]),
        ..row("virtual:18446744073709551615", b"m", b"")
    };
    let of_a_node =
        MatrixRow { id: "virtual:18446744073709551615@n2".into(), route_ids_truncated: false, ..virtual_row.clone() };
    let conflicts = MatrixRow {
        conflict: true,
        conflicts: vec![false, true, false, true],
        identities: cells.clone(),
        ..labelled("route:1:redis", "redis", b"a", b"b")
    };
    let fanout = Fanout {
        nodes: vec![
            FanoutNode { node: "n1".into(), error: None },
            FanoutNode { node: "n2:8080".into(), error: Some("timeout after 2s: \"slow\" \u{e4}\n".into()) },
        ],
        expected: 3,
    };
    let largest = Matrix {
        columns: vec![i64::MIN, -1, 0, i64::MAX],
        values: vec![0, 1, 1 << 53, u64::MAX],
        generated_at_ns: i64::MAX,
        series: Series::WriteBytes,
        ..matrix(
            4,
            vec![MatrixRow {
                route_count: u64::MAX,
                identities: identities(&[(u64::MAX, u64::MAX); 4]),
                ..row("route:18446744073709551615", b"\xff", b"")
            }],
        )
    };
    vec![
        ("empty", Matrix { generated_at_ns: 0, ..matrix(0, vec![]) }),
        ("empty_rows", matrix(3, vec![])),
        ("empty_row", matrix(0, vec![row("route:1", b"", b"")])),
        (
            "legacy_row",
            Matrix {
                series: Series::Reads,
                ..matrix(4, vec![MatrixRow { identities: cells.clone(), ..row("route:1", b"", b"") }])
            },
        ),
        (
            "labelled_rows",
            matrix(
                2,
                vec![
                    row("route:1", b"a", b"m"),
                    labelled("route:1:dynamo", "dynamo", b"a", b"m"),
                    labelled("route:1:some-later_label/2", "some-later_label/2", b"a", b"m"),
                ],
            ),
        ),
        (
            "sub_buckets",
            matrix(
                2,
                vec![
                    row("route:1#0", b"", b"\x40"),
                    labelled("route:1:s3#0", "s3", b"", b"\x40"),
                    labelled("route:1:s3#1", "s3", b"\x40", b""),
                ],
            ),
        ),
        ("virtual_rows", Matrix { series: Series::ReadBytes, ..matrix(2, vec![virtual_row, of_a_node]) }),
        ("conflicts", Matrix { fanout: Some(fanout), ..matrix(4, vec![conflicts]) }),
        ("largest_values", largest),
        (
            "every_byte",
            Matrix {
                node: "n1 \"\\\u{1}\u{e4}".into(),
                ..matrix(
                    1,
                    vec![labelled(
                        "route:1:\"\\/\u{1}\u{2028}",
                        "\"\\/\u{1}\u{2028}",
                        &every_byte[..128],
                        &every_byte[128..],
                    )],
                )
            },
        ),
    ]
}

fn check(name: &str, extension: &str, written: &[u8]) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.{extension}"));
    if std::env::var_os("KEYVIZ_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, written).expect("the file can be written");
    }
    let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(written == golden, "{name}.{extension} is not\n{}", String::from_utf8_lossy(written));
}

#[test]
fn json_is_what_the_golden_files_hold() {
    for (name, matrix) in matrices() {
        let json = to_json(&matrix);
        check(name, "json", &json);
        assert_eq!(from_json(&json, &Limits::default()).as_ref(), Ok(&matrix), "{name}");
    }
}

#[test]
fn protobuf_is_what_the_golden_files_hold() {
    for (name, matrix) in matrices() {
        let bytes = to_proto(&matrix);
        check(name, "pb", &bytes);
        let read = from_proto(&bytes, matrix.series, &Limits::default()).unwrap();
        assert_eq!((read.columns, read.values), (matrix.columns, matrix.values), "{name}");
    }
}
