//! The image of a history: an error, or a history whose columns can be read and whose own image holds the same.

#![no_main]

use keyviz::{Column, ColumnRows, Options, Row, Sampler};
use libfuzzer_sys::fuzz_target;

const HEADER: &[u8] = b"keyvizH\n\x02\0\0\0";

/// The input as an image whose header and checksum are right, so that what lies between them is reached.
fn repaired(input: &[u8]) -> Vec<u8> {
    let body = input.get(HEADER.len()..input.len().saturating_sub(4)).unwrap_or(input);
    let mut image = [HEADER, body].concat();
    let sum = crc32fast::hash(&image);
    image.extend_from_slice(&sum.to_le_bytes());
    image
}

fn columns(sampler: &Sampler) -> Vec<Column> {
    let owned = |column: &dyn ColumnRows| {
        let mut rows = Vec::new();
        column.for_each_row(&mut |row| rows.push(Row::from(row)));
        Column { info: column.info(), rows }
    };
    sampler.columns(0, 0).expect("there is a history").iter().map(|column| owned(column)).collect()
}

fuzz_target!(|input: &[u8]| {
    let sampler = Sampler::new(Options::default());
    // As it is, its checksum is wrong nearly always; that must be an error and nothing else.
    let _ = sampler.load_history(input);
    let sampler = Sampler::new(Options::default());
    if sampler.load_history(&repaired(input)).is_ok() {
        let loaded = columns(&sampler);
        let again = Sampler::new(Options::default());
        again.load_history(&sampler.save_history().expect("it is open")).expect("we wrote it");
        assert_eq!(columns(&again), loaded);
    }
});
