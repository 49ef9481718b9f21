//! Input that is not a matrix gets an error that says what is wrong and where.

use crate::some::{any_matrix, identities, matrix, row};
use keyviz::matrix::{from_json, from_proto, to_json, to_proto, Error, ErrorKind, Limits, Matrix, MatrixRow};
use keyviz::Series;
use proptest::prelude::*;

fn proto(input: &[u8]) -> Result<Matrix, Error> {
    from_proto(input, Series::Writes, &Limits::default())
}

/// Checks the error for an input in which `^` stands before the byte at which the error shows: the last one that had to be
/// read to see it. (It is no part of the input.)
fn json_error(marked: &str, kind: ErrorKind, message: &str, limits: &Limits) {
    let position = marked.find('^').expect("there is a mark");
    let error = from_json(marked.replacen('^', "", 1).as_bytes(), limits).expect_err(marked);
    assert_eq!((error.kind, error.position), (kind, Some(position as u64)), "{marked}: {error}");
    assert!(error.message.contains(message), "{marked}: {error}");
}

#[test]
fn json_that_is_malformed() {
    for (marked, message) in [
        ("^", "EOF"),
        ("^\0", "expected value"),
        ("{}^}", "trailing characters"),
        ("{}\n\n ^{}", "trailing characters"),
        ("[^]", "expected a matrix as an object"),
        ("nul^l", "expected a matrix as an object"),
        ("{\"rows\"^", "EOF"),
        ("{\"rows\":[{^", "EOF"),
        ("{\"rows\":^7}", "expected an array of rows"),
        ("{\"rows\":[^7]}", "expected a row as an object"),
        ("{\"rows\":[],\"rows^\":[]}", "the field rows comes twice"),
        ("{\"column_unix_ms\":[1,2.^5]}", "floating point"),
        ("{\"column_unix_ms\":[\"1^\"]}", "invalid type: string"),
        ("{\"column_unix_ms\":[922337203685477580^8]}", "invalid value"),
        ("{\"column_unix_ms\":[nul^l]}", "invalid type: null"),
        ("{\"series\":\"heat\"^}", "\"heat\" is no series"),
        ("{\"series\":^1}", "invalid type"),
        ("{\"generated_at\":\"yesterday\"^}", "\"yesterday\""),
        ("{\"generated_at\":\"0001-01-01T00:00:00Z\"^}", "generated_at"),
        ("{\"node\"^:[]}", "invalid type"),
        ("{\"fanout\":[^]}", "expected the nodes that were asked"),
        ("{\"fanout\":{\"nodes\":[{\"ok\":^1}]}}", "expected a boolean"),
        ("{\"fanout\":{\"nodes\":[{\"ok\":true,\"ok^\":true}]}}", "ok comes twice"),
    ] {
        json_error(marked, ErrorKind::Malformed, message, &Limits::default());
    }
}

#[test]
fn json_rows_that_are_malformed() {
    for (marked, message) in [
        ("{\"values\":[1,2]^}", "no bucket_id"),
        ("{\"bucket_id\":\"\",\"values\":[1,2]^}", "no bucket_id"),
        ("{\"bucket_id\":\"a\"^}", "values has 0 entries, where there are 2 columns"),
        ("{\"bucket_id\":\"a\",\"values\":[1]^}", "values has 1 entries, where there are 2 columns"),
        ("{\"bucket_id\":\"a\",\"values\":[1,2,3]^}", "values has 3 entries"),
        ("{\"bucket_id\":\"a\",\"values\":[1,2],\"conflicts\":[true]^}", "conflicts has 1 entries"),
        ("{\"bucket_id\":\"a\",\"values\":[1,2],\"raft_group_ids\":[1,2,3]^}", "raft_group_ids has 3 entries"),
        ("{\"bucket_id\":\"a\",\"values\":[1,2],\"leader_terms\":[1]^}", "leader_terms has 1 entries"),
        (
            "{\"bucket_id\":\"a\",\"values\":[1,2]},{\"bucket_id\":\"a\",\"values\":[1,2]^}",
            "\"a\" is the id of two rows",
        ),
        ("{\"bucket_id\":\"a\",\"values\":[1,2],\"values^\":[1,2]}", "the field values comes twice"),
        ("{\"bucket_id\":\"a\",\"values\":[-^1,2]}", "integer `-1`"),
        ("{\"bucket_id\":\"a\",\"values\":[-^0,2]}", "floating point"),
        ("{\"bucket_id\":\"a\",\"values\":[1.^0,2]}", "floating point"),
        ("{\"bucket_id\":\"a\",\"values\":[1e^3,2]}", "floating point"),
        ("{\"bucket_id\":\"a\",\"values\":[1e99^9,2]}", "out of range"),
        ("{\"bucket_id\":\"a\",\"values\":[1844674407370955161^6,2]}", "floating point"),
        ("{\"bucket_id\":\"a\",\"values\":[0^1,2]}", "invalid number"),
        ("{\"bucket_id\":\"a\",\"values\":[^NaN,2]}", "expected value"),
        ("{\"bucket_id\":\"a\",\"values\":[^Infinity,2]}", "expected value"),
        ("{\"bucket_id\":\"a\",\"values\":[\"NaN^\",2]}", "invalid type: string"),
        ("{\"bucket_id\":\"a\",\"values\":[tru^e,2]}", "invalid type: boolean"),
        ("{\"bucket_id\":\"a\",\"values\":{^}}", "expected an array of integers"),
        ("{\"bucket_id\":\"a\",\"route_count\":-^1}", "integer `-1`"),
        ("{\"bucket_id\":\"a\",\"route_ids\":[1.^5]}", "floating point"),
        ("{\"bucket_id\":\"a\",\"aggregate\":\"yes^\"}", "invalid type: string"),
        ("{\"bucket_id\":^7}", "invalid type: integer `7`, expected a string"),
        ("{\"bucket_id\":\"a\\u12g^4\"}", "invalid escape"),
        ("{\"bucket_id\":\"\\ud800^\"}", "unexpected end of hex escape"),
        ("{\"bucket_id\":\"a\",\"start\":\"YQ^\"}", "not base64"),
        ("{\"bucket_id\":\"a\",\"start\":\"Y!==^\"}", "not base64: Invalid symbol 33, offset 1"),
        ("{\"bucket_id\":\"a\",\"end\":\"_-8=^\"}", "not base64"),
        ("{\"bucket_id\":\"a\",\"end\":\"YR==^\"}", "not base64"),
        ("{\"bucket_id\":\"a\",\"end\":^[1,2]}", "expected a key in base64, or null"),
    ] {
        let marked = format!("{{\"column_unix_ms\":[1,2],\"rows\":[{marked}]}}");
        json_error(&marked, ErrorKind::Malformed, message, &Limits::default());
    }
}

#[test]
fn columns_that_come_late_have_to_agree_too() {
    let marked = r#"{"rows":[{"bucket_id":"a","values":[1,2]}],"column_unix_ms":[1]^}"#;
    json_error(marked, ErrorKind::Malformed, "column_unix_ms has 1 entries, where there are 2", &Limits::default());
    let missing = r#"{"rows":[{"bucket_id":"a","values":[1,2]}]}^"#;
    json_error(missing, ErrorKind::Malformed, "column_unix_ms has 0 entries", &Limits::default());
}

#[test]
fn json_text_that_is_no_utf8() {
    let error = from_json(b"{\"node\":\"a\xff\"}", &Limits::default()).unwrap_err();
    assert_eq!(error.position, Some(10), "{error}");
    assert!(error.message.contains("invalid unicode"), "{error}");
    assert_eq!(error.to_string(), "malformed: invalid unicode code point (at byte 10)");
}

#[test]
fn messages_stay_short() {
    let long = "\u{e4}".repeat(10_000);
    for text in [
        format!("{{\"rows\":\"{long}\"}}"),
        format!("{{\"series\":\"{long}\"}}"),
        format!("{{\"generated_at\":\"{long}\"}}"),
    ] {
        let error = from_json(text.as_bytes(), &Limits::default()).unwrap_err();
        assert!((10..1000).contains(&error.message.len()), "{error}");
    }
}

#[test]
fn json_that_is_nested_too_deeply() {
    let deep = |key: &str, open: &str| format!("{{\"{key}\":{}", open.repeat(100_000));
    for text in [deep("unknown", "["), deep("unknown", "{\"a\":"), deep("fanout", "{\"a\":"), deep("rows", "[{\"x\":")]
    {
        let error = from_json(text.as_bytes(), &Limits::default()).unwrap_err();
        assert!(error.message.contains("recursion limit") || error.message.contains("expected"), "{error}");
        assert!(error.position.unwrap() < 1000, "{error}");
    }
}

#[test]
fn input_over_a_limit() {
    let limits = Limits { bytes: 120, rows: 2, cells: 6 };
    json_error(
        &format!("{}^{{}}", " ".repeat(120)),
        ErrorKind::TooLarge,
        "122 bytes are over the limit of 120",
        &limits,
    );
    json_error(r#"{"column_unix_ms":[1,2,3,4,5,6,7^]}"#, ErrorKind::TooLarge, "more than 6 cells", &limits);
    json_error(r#"{"rows":[{"values":[1,2,3,4,5,6,7^]}]}"#, ErrorKind::TooLarge, "more than 6 cells", &limits);
    json_error(r#"{"rows":[{"leader_terms":[1,2,3,4,5,6,7^]}]}"#, ErrorKind::TooLarge, "more than 6 cells", &limits);
    let marked = r#"{"rows":[{"bucket_id":"a","values":[1,2,3,4]},{"bucket_id":"b","values":[1,2,3^,4]}]}"#;
    json_error(marked, ErrorKind::TooLarge, "more than 6 cells", &limits);
    let marked = r#"{"rows":[{"bucket_id":"a"},{"bucket_id":"b"},^{"bucket_id":"c"}]}"#;
    json_error(marked, ErrorKind::TooLarge, "more than 2 rows", &limits);

    let full = r#"{"rows":[{"bucket_id":"a","values":[1,2,3,4,5,6],"leader_terms":[1,2,3,4,5,6]}],"column_unix_ms":[1,2,3,4,5,6]}"#;
    assert!(from_json(full.as_bytes(), &Limits { bytes: full.len(), rows: 1, cells: 6 }).is_ok());

    let known = |id| MatrixRow { identities: identities(&[(1, 1), (1, 2)]), ..row(id, b"", b"") };
    let small = to_proto(&matrix(2, vec![known("a"), known("b"), known("c")]));
    let read = |limits: Limits| from_proto(&small, Series::Writes, &limits);
    let exact = Limits { bytes: small.len(), rows: 3, cells: 6 };
    assert!(read(exact).is_ok());
    for (limits, message) in [
        (Limits { bytes: exact.bytes - 1, ..exact }, "bytes are over the limit"),
        (Limits { rows: 2, ..exact }, "more than 2 rows"),
        (Limits { cells: 5, ..exact }, "more than 5 cells"),
        (Limits { cells: 1, ..exact }, "more than 1 cells"),
    ] {
        let error = read(limits).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLarge);
        assert!(error.message.contains(message) && error.position.is_some(), "{error}");
    }
}

#[test]
fn protobuf_that_is_malformed() {
    let good = [0x0a, 2, 1, 2];
    for (rest, message) in [
        (&[0x12, 200, 1][..], "buffer underflow"),
        (&[0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "invalid varint"),
        (&[0x12, 4, 0x5a, 2, 7, 8], "no bucket_id"),
        (&[0x12, 4, 0x0a, 2, 0xff, 0xfe], "KeyVizRow.bucket_id: invalid string value"),
        (&[0x12, 3, 0x0a, 1, b'a'], "values has 0 entries, where there are 2 columns"),
        (&[0x12, 6, 0x0a, 1, b'a', 0x5a, 1, 7], "values has 1 entries"),
        (&[0x12, 10, 0x0a, 1, b'a', 0x5a, 2, 7, 8, 0x6a, 1, 1], "raft_group_ids has 1 entries"),
        (&[0x12, 10, 0x0a, 1, b'a', 0x5a, 2, 7, 8, 0x72, 1, 1], "leader_terms has 1 entries"),
        (
            &[0x12, 7, 0x0a, 1, b'a', 0x5a, 2, 7, 8, 0x12, 7, 0x0a, 1, b'a', 0x5a, 2, 7, 8],
            "\"a\" is the id of two rows",
        ),
        (&[0x10, 0], "invalid wire type"),
        (&[0x00], "invalid tag"),
        (&[0x0f], "invalid wire type"),
        (&[0x0a, 1, 0x80], "varint"),
        (&[0x0b; 200], "invalid wire type"),
        (&[0xa3, 0x06].repeat(200), "recursion limit"),
    ] {
        let input = [&good, rest].concat();
        let error = proto(&input).expect_err(message);
        assert_eq!(error.kind, ErrorKind::Malformed);
        assert!(error.message.contains(message), "{error}: {rest:02x?}");
        assert!((4..=input.len() as u64).contains(&error.position.unwrap()), "{error}");
    }
    let late = [&[0x12, 7, 0x0a, 1, b'a', 0x5a, 2, 7, 8][..], &[0x08, 1]].concat();
    assert_eq!(proto(&late).unwrap_err().message, "values has 2 entries, where there are 1 columns");
}

#[test]
fn an_input_that_ends_early() {
    let rows = vec![
        MatrixRow { label: "s3".into(), identities: identities(&[(1, 2), (3, 4)]), ..row("route:1:s3", b"a", b"b") },
        MatrixRow {
            conflict: true,
            conflicts: vec![true, false],
            route_ids: vec![1, 2],
            ..row("virtual:2", b"b", b"")
        },
    ];
    let matrix = matrix(2, rows);
    let json = to_json(&matrix);
    for len in 0..json.len() {
        let error = from_json(&json[..len], &Limits::default()).unwrap_err();
        assert_eq!((error.kind, error.position), (ErrorKind::Malformed, Some(len as u64)), "{error}");
    }
    let bytes = to_proto(&matrix);
    for len in 0..bytes.len() {
        // A message has no end of its own: what ends after a row is a matrix of fewer rows.
        match proto(&bytes[..len]) {
            Ok(read) => assert!(read.rows.iter().zip(&matrix.rows).all(|(read, row)| read.id == row.id)),
            Err(error) => assert!(error.position.unwrap() <= len as u64, "{error}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_damaged_input_is_an_error_or_a_whole_matrix(
        matrix in any_matrix(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut inputs = [to_json(&matrix), to_proto(&matrix)];
        for input in &mut inputs {
            for (at, byte) in &damage {
                if !input.is_empty() {
                    let at = at.index(input.len());
                    input[at] = *byte;
                }
            }
        }
        for (read, len) in [(from_json(&inputs[0], &Limits::default()), inputs[0].len()), (proto(&inputs[1]), inputs[1].len())] {
            match read {
                Ok(read) => {
                    prop_assert_eq!(read.values.len(), read.rows.len() * read.columns.len());
                    prop_assert_eq!(from_json(&to_json(&read), &Limits::default()), Ok(read));
                }
                Err(error) => prop_assert!(error.position.unwrap() <= len as u64 && !error.message.is_empty()),
            }
        }
    }
}
