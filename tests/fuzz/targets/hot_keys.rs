//! A reply about hot keys as JSON: an error, or a reply that is written and read again as it is. And the query string of a
//! URL: an error, or a question that makes sense.

#![no_main]

use keyviz::hot_keys::{from_json, to_json, HotKeysQuery};
use libfuzzer_sys::fuzz_target;

const MAX_BYTES: usize = 1 << 16;

fuzz_target!(|input: &[u8]| {
    if let Ok(reply) = from_json(input, MAX_BYTES) {
        assert!(input.len() <= MAX_BYTES);
        assert!(reply.keys.iter().all(|one| one.count_low <= one.count && one.count <= one.count_high));
        assert!(from_json(&to_json(&reply), usize::MAX) == Ok(reply));
    }
    if let Ok(query) = HotKeysQuery::parse(input) {
        assert_eq!(query.check(), Ok(()));
    }
});
