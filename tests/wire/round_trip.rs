//! What is written is read as it was, by us and by others.

use crate::some::{any_matrix, identities, matrix, row};
use keyviz::matrix::{from_json, from_proto, series_from_number, series_number, to_json, to_proto, Limits, Matrix};
use keyviz::Series;
use proptest::prelude::*;
use prost_reflect::prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, Value};
use serde_json::json;

/// What protobuf carries of a matrix.
fn carried(mut matrix: Matrix) -> Matrix {
    for row in &mut matrix.rows {
        row.conflict = false;
        row.conflicts = Vec::new();
    }
    Matrix { generated_at_ns: 0, node: String::new(), fanout: None, ..matrix }
}

/// The shipped `.proto`, compiled by a compiler of its own.
fn shipped() -> DescriptorPool {
    let include = concat!(env!("CARGO_MANIFEST_DIR"), "/include");
    let files = protox::compile(["keyviz.proto"], [include]).expect("the .proto is valid");
    DescriptorPool::from_file_descriptor_set(files).expect("it needs no other file")
}

fn response() -> MessageDescriptor {
    shipped().get_message_by_name("GetKeyVizMatrixResponse").expect("it has no package")
}

/// The matrix as a message of the shipped `.proto`.
fn message(matrix: &Matrix) -> DynamicMessage {
    fn numbers(of: impl IntoIterator<Item = u64>) -> Value {
        Value::List(of.into_iter().map(Value::U64).collect())
    }
    let response = response();
    let kind = shipped().get_message_by_name("KeyVizRow").expect("it has no package");
    let rows = matrix.rows.iter().enumerate().map(|(i, row)| {
        let mut message = DynamicMessage::new(kind.clone());
        let mut set =
            |name: &str, value: Value| message.try_set_field_by_name(name, value).expect("the field has this type");
        set("bucket_id", Value::String(row.id.clone()));
        set("start", Value::Bytes(row.start.clone().into()));
        set("end", Value::Bytes(row.end.clone().into()));
        set("label", Value::String(row.label.clone()));
        set("aggregate", Value::Bool(row.aggregate));
        set("route_ids", numbers(row.route_ids.iter().copied()));
        set("route_ids_truncated", Value::Bool(row.route_ids_truncated));
        set("route_count", Value::U64(row.route_count));
        set("values", numbers(matrix.row_values(i).iter().copied()));
        if !row.identities.is_empty() {
            let cells = || row.identities.iter(matrix.columns.len());
            set("raft_group_ids", numbers(cells().map(|cell| cell.group_id)));
            set("leader_terms", numbers(cells().map(|cell| cell.leader_term)));
        }
        Value::Message(message)
    });
    let mut message = DynamicMessage::new(response);
    message.set_field_by_name("column_unix_ms", Value::List(matrix.columns.iter().map(|&ms| Value::I64(ms)).collect()));
    message.set_field_by_name("rows", Value::List(rows.collect()));
    message
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn json_that_is_written_is_read_as_it_was(matrix in any_matrix()) {
        prop_assert_eq!(from_json(&to_json(&matrix), &Limits::default()), Ok(matrix));
    }

    #[test]
    fn the_order_and_spacing_of_json_mean_nothing(matrix in any_matrix()) {
        // The generic value sorts its fields by name, so that cells come before what tells how many there should be.
        let value: serde_json::Value = serde_json::from_slice(&to_json(&matrix)).unwrap();
        prop_assert_eq!(from_json(&serde_json::to_vec_pretty(&value).unwrap(), &Limits::default()), Ok(matrix));
    }

    #[test]
    fn protobuf_that_is_written_is_read_as_it_was(matrix in any_matrix()) {
        let read = from_proto(&to_proto(&matrix), matrix.series, &Limits::default());
        prop_assert_eq!(read, Ok(carried(matrix)));
    }

    #[test]
    fn our_protobuf_is_that_of_the_shipped_file(matrix in any_matrix()) {
        prop_assert_eq!(to_proto(&matrix), message(&matrix).encode_to_vec());
    }
}

#[test]
fn what_the_store_adds_to_protobuf_is_read_past() {
    let matrix = matrix(2, vec![row("route:1", b"a", b"b")]);
    let mut theirs = message(&matrix);
    let rows = theirs.get_field_by_name_mut("rows").unwrap().as_list_mut().unwrap();
    let row = rows[0].as_message_mut().unwrap();
    row.set_field_by_name("sample_roles", Value::List(vec![Value::EnumNumber(0), Value::EnumNumber(77)]));
    row.set_field_by_name("lineage_id", Value::String("1/2".into()));
    row.set_field_by_name("soft_columns", Value::List(vec![Value::Bool(true)]));
    let mut bytes = theirs.encode_to_vec();
    // A field 100 of 3 bytes, which nobody knows.
    bytes.extend_from_slice(&[0xa2, 0x06, 3, 1, 2, 3]);
    assert_eq!(from_proto(&bytes, Series::Writes, &Limits::default()), Ok(carried(matrix)));
}

#[test]
fn lists_of_protobuf_may_come_unpacked_and_in_pieces() {
    // column_unix_ms = 5; rows { bucket_id "r", values 1, 2 (packed), values 3 }; column_unix_ms = [6, 7].
    let bytes = [8, 5, 0x12, 9, 0x0a, 1, b'r', 0x5a, 2, 1, 2, 0x58, 3, 0x0a, 2, 6, 7];
    let matrix = from_proto(&bytes, Series::Reads, &Limits::default()).unwrap();
    assert_eq!((matrix.columns, matrix.values, matrix.series), (vec![5, 6, 7], vec![1, 2, 3], Series::Reads));
}

#[test]
fn series_have_the_numbers_of_the_shipped_file() {
    let shipped = shipped().get_enum_by_name("KeyVizSeries").unwrap();
    for value in shipped.values() {
        let name = value.name().strip_prefix("KEY_VIZ_SERIES_").unwrap().to_lowercase();
        let series = series_from_number(value.number()).unwrap();
        match &name[..] {
            "unspecified" => assert_eq!(series, Series::Writes),
            name => assert_eq!((series.name(), series_number(series)), (name, value.number())),
        }
    }
    assert_eq!(shipped.values().len(), 5);
    for number in [-1, 5, i32::MIN, i32::MAX] {
        assert_eq!(series_from_number(number), None);
    }
}

#[test]
fn what_json_may_leave_out_is_empty() {
    let matrix = from_json(br#"{"rows":[{"bucket_id":"route:1"}]}"#, &Limits::default()).unwrap();
    let expected = Matrix {
        generated_at_ns: 0,
        rows: vec![keyviz::matrix::MatrixRow { route_count: 0, ..row("route:1", b"", b"") }],
        ..self::matrix(0, vec![])
    };
    assert_eq!(matrix, expected);
    assert_eq!(from_json(b"{}", &Limits::default()).unwrap().rows, []);
    let nulls = json!({
        "column_unix_ms": null, "rows": [{
            "bucket_id": "route:1", "label": null, "start": null, "end": null, "aggregate": null, "route_ids": null,
            "route_ids_truncated": null, "route_count": null, "values": null, "conflict": null, "conflicts": null,
            "raft_group_ids": null, "leader_terms": null,
        }], "series": null, "generated_at": null, "fanout": null, "node": null,
    });
    assert_eq!(from_json(nulls.to_string().as_bytes(), &Limits::default()), Ok(expected));
}

#[test]
fn one_of_groups_and_terms_may_be_missing() {
    let read = |list: &str| {
        let text = format!(r#"{{"column_unix_ms":[1,2],"rows":[{{"bucket_id":"r","values":[0,0],"{list}":[4,0]}}]}}"#);
        from_json(text.as_bytes(), &Limits::default()).unwrap().rows[0].identities.clone()
    };
    assert_eq!(read("raft_group_ids"), identities(&[(4, 0)]));
    assert_eq!(read("leader_terms"), identities(&[(0, 4)]));
}

#[test]
fn what_is_unknown_is_ignored_and_an_unknown_label_kept() {
    let text =
        br#"{"schema":2,"rows":[{"bucket_id":"route:1:kafka","label":"kafka","heat":[1.5,{"a":[null,true,-1,"x"]}]}],
        "fanout":{"nodes":[{"node":"n1","ok":true,"rtt":1e3},{"node":"n2","ok":false,"error":"timeout"}],"responded":1,
        "expected":3,"via":{}},"tail":[[[]]]}"#;
    let matrix = from_json(text, &Limits::default()).unwrap();
    assert_eq!(matrix.rows[0].label, "kafka");
    let fanout = matrix.fanout.unwrap();
    assert_eq!((fanout.responded(), fanout.expected), (1, 3));
    assert_eq!(fanout.nodes[1].error.as_deref(), Some("timeout"));
}

#[test]
fn times_are_nanoseconds_in_utc() {
    let written = |ns| {
        let json = to_json(&Matrix { generated_at_ns: ns, ..matrix(0, vec![]) });
        serde_json::from_slice::<serde_json::Value>(&json).unwrap()["generated_at"].as_str().unwrap().to_string()
    };
    assert_eq!(written(0), "1970-01-01T00:00:00.000000000Z");
    assert_eq!(written(1_700_000_123_456_789_012), "2023-11-14T22:15:23.456789012Z");
    assert_eq!(written(i64::MAX), "2262-04-11T23:47:16.854775807Z");
    assert_eq!(written(i64::MIN), "1677-09-21T00:12:43.145224192Z");
    let read = |text: &str| {
        from_json(format!(r#"{{"generated_at":"{text}"}}"#).as_bytes(), &Limits::default()).unwrap().generated_at_ns
    };
    assert_eq!(read("2023-11-14T23:15:23.456789012+01:00"), 1_700_000_123_456_789_012);
    assert_eq!(read("2023-11-14T22:15:23.4Z"), 1_700_000_123_400_000_000);
    assert_eq!(read("1970-01-01T00:00:01Z"), 1_000_000_000);
}

#[test]
fn rows_may_come_before_the_columns() {
    let text = br#"{"rows":[{"values":[1,2],"bucket_id":"route:1"},{"leader_terms":[0,3],"bucket_id":"route:2","values":[3,4]}],
        "column_unix_ms":[10,20]}"#;
    let matrix = from_json(text, &Limits::default()).unwrap();
    assert_eq!((&matrix.columns[..], &matrix.values[..]), (&[10, 20][..], &[1, 2, 3, 4][..]));
    assert_eq!(matrix.rows[1].identities, identities(&[(0, 0), (0, 3)]));
}

#[test]
fn a_row_with_a_conflict_somewhere_is_one_with_a_conflict() {
    let read = |fields: &str| {
        let text = format!(r#"{{"column_unix_ms":[1,2],"rows":[{{"bucket_id":"r","values":[0,0]{fields}}}]}}"#);
        let row = from_json(text.as_bytes(), &Limits::default()).unwrap().rows.remove(0);
        (row.conflict, row.conflicts)
    };
    assert_eq!(read(r#","conflicts":[false,true]"#), (true, vec![false, true]));
    assert_eq!(read(r#","conflicts":[false,true],"conflict":false"#), (true, vec![false, true]));
    assert_eq!(read(r#","conflicts":[false,false]"#), (false, vec![]));
    assert_eq!(read(r#","conflict":true"#), (true, vec![]));
}
