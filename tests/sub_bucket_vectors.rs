//! The parts of keys, and the bounds between parts, are those of `tests/vectors/sub_bucket.json`, which the Go package
//! tests its own arithmetic with too (and makes: see `bindings/go/vectors_test.go`).

use keyviz::{Label, Op, Options, RouteSpec, Sampler};
use serde_json::Value;

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("a hexadecimal string").as_bytes();
    text.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("an array")
}

#[test]
fn parts_and_bounds_are_those_of_the_shared_vectors() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/sub_bucket.json")).unwrap();
    for vector in list(&vectors) {
        let name = &vector["name"];
        let (start, end) = (bytes(&vector["start"]), bytes(&vector["end"]));
        let count = vector["count"].as_u64().unwrap() as u32;
        let key_buckets_per_route = vector["k"].as_u64().unwrap() as u32;
        let sampler = Sampler::new(Options { key_buckets_per_route, ..Options::default() });
        let route = RouteSpec { route_id: 1, group_id: 0, start: &start, end: &end, any_range: true };
        sampler.register_route(&route).unwrap();

        let parts: Vec<_> = (0..count).map(|i| sampler.sub_bucket_bounds(1, i).unwrap().expect("a part")).collect();
        assert!(sampler.sub_bucket_bounds(1, count).unwrap().is_none(), "{name}: {count} parts");
        let bounds: Vec<Vec<u8>> = list(&vector["bounds"]).iter().map(bytes).collect();
        assert_eq!(parts[1..].iter().map(|(low, _)| low.clone()).collect::<Vec<_>>(), bounds, "{name}");
        assert_eq!(parts[..parts.len() - 1].iter().map(|(_, high)| high.clone()).collect::<Vec<_>>(), bounds, "{name}");

        for (at, one) in list(&vector["keys"]).iter().enumerate() {
            let key = bytes(&one["key"]);
            assert!(sampler.observe(1, &key, Op::Read, 0, Label::Legacy));
            let column = sampler.drain(at as i64 + 1).unwrap();
            let row = &column.rows[0];
            assert_eq!((u64::from(row.sub_bucket), row.sub_bucket_count), (one["part"].as_u64().unwrap(), count), "{name}: {key:x?}");
        }
    }
}
