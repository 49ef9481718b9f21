//! Protobuf: an error with a place, or a matrix that is whole and is written and read again as it is.

#![no_main]

use keyviz::matrix::{from_json, from_proto, to_json, to_proto, Limits};
use keyviz::Series;
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { bytes: 1 << 16, rows: 100, cells: 1000 };

fuzz_target!(|input: &[u8]| match from_proto(input, Series::Reads, &LIMITS) {
    Ok(matrix) => {
        assert!(matrix.rows.len() <= LIMITS.rows && matrix.values.len() <= LIMITS.cells);
        assert_eq!(matrix.values.len(), matrix.rows.len() * matrix.columns.len());
        assert_eq!(from_proto(&to_proto(&matrix), Series::Reads, &Limits::default()).as_ref(), Ok(&matrix));
        assert_eq!(from_json(&to_json(&matrix), &Limits::default()), Ok(matrix));
    }
    Err(error) => assert!(error.position.is_some_and(|position| position <= input.len() as u64), "{error}"),
});
