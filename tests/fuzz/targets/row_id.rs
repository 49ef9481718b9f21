//! Row ids: what is parsed has one spelling.

#![no_main]

use keyviz::matrix::RowId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| if let Ok(id) = RowId::parse(input) {
    assert_eq!(id.to_string(), input);
    assert!(!id.display_name().is_empty());
});
