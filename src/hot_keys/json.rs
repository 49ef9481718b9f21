//! Replies as JSON.
//!
//! ```text
//! route_id, label?, sub_bucket?, series, keys: [{key_b64, count, count_low, count_high}], approximate, sample_rate,
//! sampled_n, dropped_samples, skipped_long_keys, degraded, error_bound, snapshot_at RFC 3339,
//! fanout? {nodes: [{node, ok, error?}], responded, expected}
//! ```
//!
//! `?`: left out when there is none. Keys are base64 with padding. Integers have 64 bits and are JSON numbers.
//!
//! Reading is for input that nobody vouches for. An error says where and what was expected, and quotes nothing of the
//! input, which may be a key.

use super::report::{HotKey, HotKeys};
use crate::error::Error;
use crate::label::Series;
use crate::matrix::{Fanout, FanoutNode};
use base64::prelude::{Engine as _, BASE64_STANDARD};
use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize, Serializer};
use std::collections::HashSet;
use zeroize::Zeroizing;

/// Bytes of JSON that are read, if the caller doesn't say: more than 256 keys of 4096 bytes take.
pub const DEFAULT_MAX_BYTES: usize = 16 << 20;

#[derive(Serialize, Deserialize)]
struct Document {
    route_id: u64,
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    label: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub_bucket: Option<u32>,
    #[serde(default, deserialize_with = "nullable")]
    series: Name,
    #[serde(default, deserialize_with = "nullable")]
    keys: Vec<Key>,
    #[serde(default, deserialize_with = "nullable")]
    approximate: bool,
    #[serde(default, deserialize_with = "nullable")]
    sample_rate: u64,
    #[serde(default, deserialize_with = "nullable")]
    sampled_n: u64,
    #[serde(default, deserialize_with = "nullable")]
    dropped_samples: u64,
    #[serde(default, deserialize_with = "nullable")]
    skipped_long_keys: u64,
    #[serde(default, deserialize_with = "nullable")]
    degraded: bool,
    #[serde(default, deserialize_with = "nullable")]
    error_bound: u64,
    #[serde(default, deserialize_with = "nullable")]
    snapshot_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fanout: Option<FanoutDocument>,
}

#[derive(Serialize, Deserialize)]
struct Key {
    key_b64: Base64,
    count: u64,
    #[serde(default)]
    count_low: Option<u64>,
    #[serde(default)]
    count_high: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct FanoutDocument {
    #[serde(default, deserialize_with = "nullable")]
    nodes: Vec<NodeDocument>,
    #[serde(default, deserialize_with = "nullable")]
    responded: u64,
    #[serde(default, deserialize_with = "nullable")]
    expected: u64,
}

#[derive(Serialize, Deserialize)]
struct NodeDocument {
    #[serde(default, deserialize_with = "nullable")]
    node: String,
    #[serde(default, deserialize_with = "nullable")]
    ok: bool,
    #[serde(default, deserialize_with = "nullable", skip_serializing_if = "String::is_empty")]
    error: String,
}

/// What is `null` is as what is left out.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// `reads` or `writes`.
struct Name(Series);

impl Default for Name {
    fn default() -> Self {
        Self(Series::Writes)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = Series::from_name(name.as_bytes()).filter(|series| matches!(series, Series::Reads | Series::Writes));
        known.map(Self).ok_or_else(|| D::Error::custom("series is neither reads nor writes"))
    }
}

/// Unix ns as RFC 3339.
#[derive(Default)]
struct Time(i64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = jiff::Timestamp::from_nanosecond(self.0.into()).map_err(serde::ser::Error::custom)?;
        serializer.collect_str(&time)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time: Option<jiff::Timestamp> = text.parse().ok();
        let ns = time.and_then(|time| time.as_nanosecond().try_into().ok());
        ns.map(Self).ok_or_else(|| D::Error::custom("snapshot_at is not a time as in RFC 3339"))
    }
}

struct Base64(Zeroizing<Vec<u8>>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&base64::display::Base64Display::new(&self.0, &BASE64_STANDARD))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let key = BASE64_STANDARD.decode(text.as_bytes()).map_err(|_| D::Error::custom("a key is not base64"))?;
        Ok(Self(Zeroizing::new(key)))
    }
}

/// Writes a reply.
pub fn to_json(reply: &HotKeys) -> Vec<u8> {
    let document = Document {
        route_id: reply.route_id,
        label: reply.label.clone(),
        sub_bucket: reply.sub_bucket,
        series: Name(reply.series),
        keys: reply.keys.iter().map(Key::from).collect(),
        approximate: true,
        sample_rate: reply.sample_rate,
        sampled_n: reply.sampled_n,
        dropped_samples: reply.dropped_samples,
        skipped_long_keys: reply.skipped_long_keys,
        degraded: reply.degraded,
        error_bound: reply.error_bound,
        snapshot_at: Time(reply.snapshot_at_ns),
        fanout: reply.fanout.as_ref().map(FanoutDocument::from),
    };
    serde_json::to_vec(&document).expect("its keys are strings, and every time of 64 bits in ns has a date")
}

/// Reads a reply of at most `max_bytes`. Fields that are unknown are ignored; `route_id`, and a key's `key_b64` and
/// `count`, are required; a bound that is left out is taken from the count and the error bound.
///
/// # Errors
///
/// `TooLarge`; `Malformed`, with the byte at which it showed: no JSON, another type or range, a field or a key that
/// comes twice, a lower bound above an upper one.
pub fn from_json(input: &[u8], max_bytes: usize) -> Result<HotKeys, Error> {
    if input.len() > max_bytes {
        return Err(Error::TooLarge(format!("{} bytes of JSON, and {max_bytes} are the most", input.len())));
    }
    let document: Document = serde_json::from_slice(input)
        .map_err(|error| Error::Malformed(format!("{} at byte {}", without_input(&error), position(input, &error))))?;
    let mut seen = HashSet::new();
    for (i, key) in document.keys.iter().enumerate() {
        let wrong = |what: &str| Err(Error::Malformed(format!("{what} (keys[{i}])")));
        if !seen.insert(key.key_b64.0.as_slice()) {
            return wrong("a key comes twice");
        }
        let (low, high) = (key.count_low.unwrap_or(0), key.count_high.unwrap_or(u64::MAX));
        if low > key.count || key.count > high {
            return wrong("a count is outside of its bounds");
        }
    }
    drop(seen);
    let bound = document.error_bound;
    let mut reply = HotKeys {
        route_id: document.route_id,
        label: document.label,
        sub_bucket: document.sub_bucket,
        series: document.series.0,
        keys: document.keys.into_iter().map(|key| key.restore(bound)).collect(),
        sample_rate: document.sample_rate,
        sampled_n: document.sampled_n,
        dropped_samples: document.dropped_samples,
        skipped_long_keys: document.skipped_long_keys,
        degraded: document.degraded,
        error_bound: bound,
        snapshot_at_ns: document.snapshot_at.0,
        fanout: document.fanout.map(FanoutDocument::restore),
    };
    reply.sort();
    Ok(reply)
}

impl From<&HotKey> for Key {
    fn from(one: &HotKey) -> Self {
        Self {
            key_b64: Base64(Zeroizing::new(one.key.clone())),
            count: one.count,
            count_low: Some(one.count_low),
            count_high: Some(one.count_high),
        }
    }
}

impl Key {
    fn restore(mut self, error_bound: u64) -> HotKey {
        HotKey {
            key: std::mem::take(&mut *self.key_b64.0),
            count: self.count,
            count_low: self.count_low.unwrap_or(self.count.saturating_sub(error_bound)),
            count_high: self.count_high.unwrap_or(self.count),
        }
    }
}

impl From<&Fanout> for FanoutDocument {
    fn from(fanout: &Fanout) -> Self {
        let node = |one: &FanoutNode| NodeDocument {
            node: one.node.clone(),
            ok: one.error.is_none(),
            error: one.error.clone().unwrap_or_default(),
        };
        Self { nodes: fanout.nodes.iter().map(node).collect(), responded: fanout.responded(), expected: fanout.expected }
    }
}

impl FanoutDocument {
    fn restore(self) -> Fanout {
        let node = |one: NodeDocument| FanoutNode { node: one.node, error: (!one.ok).then_some(one.error) };
        Fanout { nodes: self.nodes.into_iter().map(node).collect(), expected: self.expected }
    }
}

/// What an error says, without what it quotes of the input and without its place.
fn without_input(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let text = text.strip_suffix(&place).unwrap_or(&text);
    match text.rsplit_once(", expected ") {
        Some((quoting, expected)) if quoting.starts_with("invalid ") => format!("expected {expected}"),
        _ => text.into(),
    }
}

/// The byte at which an error showed: its line (from 1) and column (in bytes), counted out.
fn position(input: &[u8], error: &serde_json::Error) -> usize {
    let lines_before = error.line().saturating_sub(1);
    let start: usize = input.split_inclusive(|&byte| byte == b'\n').take(lines_before).map(<[u8]>::len).sum();
    (start + error.column()).min(input.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reply() -> HotKeys {
        HotKeys {
            route_id: u64::MAX,
            label: "redis".into(),
            sub_bucket: Some(0),
            series: Series::Reads,
            keys: vec![HotKey { key: b"k\xff".to_vec(), count: 48, count_low: 32, count_high: 48 }],
            sample_rate: 16,
            sampled_n: 9,
            dropped_samples: 1,
            skipped_long_keys: 2,
            degraded: true,
            error_bound: 2,
            snapshot_at_ns: 1_700_000_000_123_456_789,
            fanout: Some(Fanout {
                nodes: vec![
                    FanoutNode { node: "a".into(), error: None },
                    FanoutNode { node: "b".into(), error: Some("timed out".into()) },
                ],
                expected: 2,
            }),
        }
    }

    #[test]
    fn the_fields_stand_in_their_order_and_empty_ones_are_left_out() {
        let json = |reply: &HotKeys| String::from_utf8(to_json(reply)).unwrap();
        assert_eq!(
            json(&reply()),
            "{\"route_id\":18446744073709551615,\"label\":\"redis\",\"sub_bucket\":0,\"series\":\"reads\",\
             \"keys\":[{\"key_b64\":\"a/8=\",\"count\":48,\"count_low\":32,\"count_high\":48}],\"approximate\":true,\
             \"sample_rate\":16,\"sampled_n\":9,\"dropped_samples\":1,\"skipped_long_keys\":2,\"degraded\":true,\
             \"error_bound\":2,\"snapshot_at\":\"2023-11-14T22:13:20.123456789Z\",\"fanout\":{\"nodes\":[\
             {\"node\":\"a\",\"ok\":true},{\"node\":\"b\",\"ok\":false,\"error\":\"timed out\"}],\"responded\":1,\"expected\":2}}"
        );
        let bare = HotKeys { label: String::new(), sub_bucket: None, keys: vec![], fanout: None, ..reply() };
        assert!(json(&bare).starts_with("{\"route_id\":18446744073709551615,\"series\":\"reads\",\"keys\":[],\"approximate\""));
        assert!(json(&bare).ends_with("Z\"}"));
    }

    #[test]
    fn what_is_left_out_or_unknown_does_no_harm() {
        let json = br#"{"later": {"deep": [1, null]}, "route_id": 7, "label": "kafka", "fanout": null, "keys":
            [{"key_b64": "Yg==", "count": 50}, {"key_b64": "YQ==", "count": 50, "count_low": 50}], "error_bound": 30}"#;
        let read = from_json(json, DEFAULT_MAX_BYTES).unwrap();
        assert_eq!((read.route_id, &read.label[..], read.series, read.snapshot_at_ns), (7, "kafka", Series::Writes, 0));
        let keys: Vec<_> = read.keys.iter().map(|one| (&one.key[..], one.count, one.count_low, one.count_high)).collect();
        assert_eq!(keys, [(&b"a"[..], 50, 50, 50), (b"b", 50, 20, 50)]);
    }

    #[test]
    fn an_error_tells_the_place_and_nothing_of_the_input() {
        for (json, place) in [
            ("", "at byte 0"),
            ("{\"route_id\":1}x", "at byte 15"),
            ("[]", "at byte"),
            ("{\"route_id\":1,\n\"keys\":[\"c2VjcmV0\"]}", "at byte 33"),
            ("{\"route_id\":\"c2VjcmV0\"}", "at byte 22"),
            ("{\"route_id\":1,\"keys\":[{\"key_b64\":\"c2VjcmV0!\",\"count\":1}]}", "at byte"),
            ("{\"route_id\":1,\"keys\":[{\"key_b64\":7,\"count\":\"c2VjcmV0\"}]}", "at byte"),
            ("{\"route_id\":1,\"keys\":[{\"key_b64\":\"c2VjcmV0\",\"count\":-1}]}", "at byte"),
            ("{\"route_id\":1,\"keys\":[{\"key_b64\":\"c2VjcmV0\"}]}", "at byte"),
            ("{\"route_id\":1,\"route_id\":1}", "at byte"),
            ("{\"route_id\":18446744073709551616}", "at byte"),
            ("{\"route_id\":1,\"series\":\"c2VjcmV0\"}", "at byte"),
            ("{\"route_id\":1,\"snapshot_at\":\"c2VjcmV0\"}", "at byte"),
            ("{\"route_id\":1,\"snapshot_at\":\"9999-01-01T00:00:00Z\"}", "at byte"),
            ("{\"keys\":[]}", "at byte"),
            ("{\"route_id\":1,\"keys\":[{\"key_b64\":\"YQ==\",\"count\":1},{\"key_b64\":\"YQ==\",\"count\":1}]}", "keys[1]"),
            ("{\"route_id\":1,\"keys\":[{\"key_b64\":\"YQ==\",\"count\":5,\"count_low\":6}]}", "keys[0]"),
            ("{\"route_id\":1,\"keys\":[{\"key_b64\":\"YQ==\",\"count\":5,\"count_high\":4}]}", "keys[0]"),
        ] {
            let Err(Error::Malformed(what)) = from_json(json.as_bytes(), DEFAULT_MAX_BYTES) else { panic!("{json} is malformed") };
            assert!(what.contains(place) && !what.contains("c2VjcmV0"), "{json}: {what}");
        }
        let deep = [b"{\"route_id\":1,\"x\":".to_vec(), vec![b'['; 100_000]].concat();
        assert!(from_json(&deep, DEFAULT_MAX_BYTES).is_err());
        assert!(matches!(from_json(b"{\"route_id\":1}", 13), Err(Error::TooLarge(_))));
        assert!(from_json(b"{\"route_id\":1}", 14).is_ok());
    }

    prop_compose! {
        fn any_key()(key in prop::collection::vec(any::<u8>(), 0..20), mut counts in any::<[u64; 3]>()) -> HotKey {
            counts.sort_unstable();
            HotKey { key, count_low: counts[0], count: counts[1], count_high: counts[2] }
        }
    }

    prop_compose! {
        fn any_reply()(
            label in "[a-z0-9_/-]{0,8}",
            sub_bucket in any::<Option<u32>>(),
            keys in prop::collection::vec(any_key(), 0..10),
            numbers in any::<[u64; 6]>(),
            flags in any::<[bool; 2]>(),
            snapshot_at_ns in any::<i64>(),
            nodes in prop::option::of(prop::collection::vec(("[a-z\"\\\\]{0,4}", prop::option::of("[a-zü ]{0,9}")), 0..4)),
        ) -> HotKeys {
            let mut reply = HotKeys {
                route_id: numbers[0],
                label,
                sub_bucket,
                series: if flags[0] { Series::Reads } else { Series::Writes },
                keys,
                sample_rate: numbers[1],
                sampled_n: numbers[2],
                dropped_samples: numbers[3],
                skipped_long_keys: numbers[4],
                degraded: flags[1],
                error_bound: numbers[5],
                snapshot_at_ns,
                fanout: nodes.map(|nodes| Fanout {
                    expected: nodes.len() as u64,
                    nodes: nodes.into_iter().map(|(node, error)| FanoutNode { node, error }).collect(),
                }),
            };
            let mut seen = HashSet::new();
            reply.keys.retain(|one| seen.insert(one.key.clone()));
            reply.sort();
            reply
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(reply in any_reply()) {
            prop_assert!(from_json(&to_json(&reply), DEFAULT_MAX_BYTES).as_ref() == Ok(&reply));
        }

        #[test]
        fn damaged_input_is_an_error_or_a_reply_and_never_a_panic(reply in any_reply(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
            let mut json = to_json(&reply);
            let at = at.index(json.len());
            match cut {
                true => json.truncate(at),
                false => json[at] = byte,
            }
            let read = from_json(&json, DEFAULT_MAX_BYTES);
            prop_assert!(!cut || matches!(read, Err(Error::Malformed(_))));
            if let Ok(read) = read {
                prop_assert!(from_json(&to_json(&read), DEFAULT_MAX_BYTES) == Ok(read));
            }
        }
    }
}
