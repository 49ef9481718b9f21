//! The replies of a cluster's nodes as one.
//!
//! Each node gives all of its entries, and only the merged list is cut: a key may be second on every node and first in
//! sum. Counts add up over the nodes that have the key. So do the lower bounds; to the upper bound, a node that lacks
//! the key adds what the key can have been there: not more than that node's error bound, and not more than what its
//! listed keys leave of its stream.

use super::report::{HotKey, HotKeys};
use crate::error::Error;
use crate::matrix::{Fanout, FanoutNode};
use std::collections::HashMap;
use zeroize::Zeroize;

/// Merges replies; see the head of its module.
#[derive(Default)]
pub struct HotKeysMerge {
    sum: Option<HotKeys>,
    keys: HashMap<Vec<u8>, Sum>,
    /// What a key that no node lists can have been, in all.
    unlisted: u64,
    failed: bool,
    nodes: Vec<FanoutNode>,
}

#[derive(Default)]
struct Sum {
    count: u64,
    low: u64,
    high: u64,
    /// What it could have been on the nodes that list it, if they did not.
    unlisted: u64,
}

impl HotKeysMerge {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a node's reply: all its entries, uncut.
    ///
    /// # Errors
    ///
    /// `InvalidArgument`: it is of another route, label, sub-bucket or series than the replies before. Nothing was added.
    pub fn add(&mut self, node: &str, reply: &HotKeys) -> Result<(), Error> {
        let subject = |reply: &HotKeys| (reply.route_id, reply.label.clone(), reply.sub_bucket, reply.series);
        match &mut self.sum {
            None => self.sum = Some(HotKeys { keys: Vec::new(), fanout: None, ..reply.clone() }),
            Some(sum) if subject(sum) != subject(reply) => {
                return Err(Error::InvalidArgument("the replies are of different routes, labels, sub-buckets or series".into()));
            }
            Some(sum) => {
                for (sum, more) in [
                    (&mut sum.sampled_n, reply.sampled_n),
                    (&mut sum.dropped_samples, reply.dropped_samples),
                    (&mut sum.skipped_long_keys, reply.skipped_long_keys),
                    (&mut sum.error_bound, reply.error_bound),
                ] {
                    *sum = sum.saturating_add(more);
                }
                sum.sample_rate = sum.sample_rate.max(reply.sample_rate);
                sum.snapshot_at_ns = sum.snapshot_at_ns.max(reply.snapshot_at_ns);
            }
        }
        // A reply that was merged itself may lack a node; so does the sum.
        self.failed |= reply.degraded && !reply.is_lossy();
        let unlisted = unlisted(reply);
        self.unlisted = self.unlisted.saturating_add(unlisted);
        for one in &reply.keys {
            let sum = self.keys.entry(one.key.clone()).or_default();
            for (sum, more) in [
                (&mut sum.count, one.count),
                (&mut sum.low, one.count_low),
                (&mut sum.high, one.count_high),
                (&mut sum.unlisted, unlisted),
            ] {
                *sum = sum.saturating_add(more);
            }
        }
        self.nodes.push(FanoutNode { node: node.into(), error: None });
        Ok(())
    }

    /// A node answered that it has no snapshot of that.
    pub fn add_absent(&mut self, node: &str) {
        self.nodes.push(FanoutNode { node: node.into(), error: None });
    }

    /// A node did not answer.
    pub fn add_failure(&mut self, node: &str, error: &str) {
        self.failed = true;
        self.nodes.push(FanoutNode { node: node.into(), error: Some(error.into()) });
    }

    /// The merged reply, with at most `top` keys. [`Error::NoSnapshot`]: no node had one.
    pub fn finish(mut self, top: usize) -> Result<HotKeys, Error> {
        let mut merged = self.sum.take().ok_or(Error::NoSnapshot)?;
        let unlisted = self.unlisted;
        merged.keys = self
            .keys
            .drain()
            .map(|(key, sum)| HotKey {
                key,
                count: sum.count,
                count_low: sum.low,
                count_high: sum.high.saturating_add(unlisted.saturating_sub(sum.unlisted)),
            })
            .collect();
        merged.sort();
        merged.keys.truncate(top);
        merged.degraded = merged.is_lossy() || self.failed;
        merged.fanout = Some(Fanout { expected: self.nodes.len() as u64, nodes: std::mem::take(&mut self.nodes) });
        Ok(merged)
    }
}

impl Drop for HotKeysMerge {
    fn drop(&mut self) {
        self.keys.drain().for_each(|(mut key, _)| key.zeroize());
    }
}

/// What a key that a reply does not list can have been there.
fn unlisted(reply: &HotKeys) -> u64 {
    let listed = reply.keys.iter().fold(0u64, |sum, one| sum.saturating_add(one.count_low));
    let stream = reply.sampled_n.saturating_mul(reply.sample_rate);
    stream.saturating_sub(listed).min(reply.error_bound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hot_keys::{HotKeysQuery, Snapshot};
    use crate::hot_keys::snapshot::Stamp;
    use crate::hot_keys::space_saving::SpaceSaving;
    use crate::hot_keys::summary::{Part, Summary};
    use crate::hot_keys::SketchId;
    use proptest::prelude::*;

    /// What a node replies that sampled these keys into a sketch of `entries`.
    fn reply(entries: u32, rate: u32, keys: &[u8]) -> HotKeys {
        let mut sketch = SpaceSaving::new(entries as usize);
        for &key in keys {
            sketch.offer(&[key], 1);
        }
        let summary = Summary::merge(entries as usize, [Part::from(&sketch)]);
        let stamp = Stamp { entries, rate, at_ns: keys.len() as i64, ..Stamp::default() };
        let snapshot = Snapshot { id: SketchId::new(1, 2, 1), summary, stamp };
        HotKeys::new(&snapshot, &HotKeysQuery { top: Some(1024), ..HotKeysQuery::new(1) }, None).unwrap()
    }

    fn merge(replies: &[HotKeys]) -> HotKeysMerge {
        let mut merge = HotKeysMerge::new();
        for (i, reply) in replies.iter().enumerate() {
            merge.add(&format!("node{i}"), reply).unwrap();
        }
        merge
    }

    proptest! {
        #[test]
        fn the_merged_bounds_hold_for_the_whole_cluster(
            entries in 1u32..12,
            rate in 1u32..20,
            streams in prop::collection::vec(prop::collection::vec(0u8..30, 0..200), 1..6),
            top in 0usize..40,
        ) {
            let replies: Vec<HotKeys> = streams.iter().map(|stream| reply(entries, rate, stream)).collect();
            let whole = merge(&replies).finish(usize::MAX).unwrap();
            let rate = u64::from(rate);
            prop_assert_eq!(whole.sampled_n, streams.iter().map(|stream| stream.len() as u64).sum::<u64>());
            prop_assert_eq!(whole.error_bound, replies.iter().map(|reply| reply.error_bound).sum::<u64>());
            prop_assert_eq!(whole.snapshot_at_ns, replies.iter().map(|reply| reply.snapshot_at_ns).max().unwrap());
            prop_assert!(!whole.degraded && whole.sample_rate == rate);
            for one in &whole.keys {
                let truth = rate * streams.concat().iter().filter(|&&key| [key] == one.key[..]).count() as u64;
                prop_assert!(one.count_low <= truth && truth <= one.count_high);
                prop_assert!(one.count_low <= one.count && one.count <= one.count_high);
                let counts = replies.iter().flat_map(|reply| &reply.keys).filter(|other| other.key == one.key);
                prop_assert_eq!(one.count, counts.map(|other| other.count).sum::<u64>());
            }
            let cut = merge(&replies).finish(top).unwrap();
            prop_assert!(cut.keys[..] == whole.keys[..top.min(whole.keys.len())], "only the merged list is cut");
        }
    }

    #[test]
    fn a_key_that_is_second_everywhere_can_be_first_in_sum() {
        let replies = [reply(8, 1, b"aaabb"), reply(8, 1, b"cccbb"), reply(8, 1, b"dddbb")];
        let merged = merge(&replies).finish(1).unwrap();
        assert_eq!(merged.keys.iter().map(|one| (&one.key[..], one.count)).collect::<Vec<_>>(), [(&b"b"[..], 6)]);
    }

    #[test]
    fn a_node_that_does_not_answer_degrades_the_reply_and_one_without_a_snapshot_does_not() {
        let mut with_failure = merge(&[reply(8, 1, b"a")]);
        with_failure.add_absent("empty");
        let mut without = merge(&[reply(8, 1, b"a")]);
        without.add_absent("empty");
        with_failure.add_failure("down", "timed out");
        let (with_failure, without) = (with_failure.finish(9).unwrap(), without.finish(9).unwrap());
        assert!(with_failure.degraded && !without.degraded);
        let fanout = with_failure.fanout.unwrap();
        assert_eq!((fanout.expected, fanout.responded()), (3, 2));
        assert_eq!(fanout.nodes[2], FanoutNode { node: "down".into(), error: Some("timed out".into()) });
        assert!(matches!(HotKeysMerge::new().finish(9), Err(Error::NoSnapshot)));
    }

    #[test]
    fn loss_adds_up_and_degrades() {
        let lossy = |dropped_samples, skipped_long_keys| HotKeys { dropped_samples, skipped_long_keys, degraded: true, ..reply(8, 1, b"a") };
        let merged = merge(&[reply(8, 1, b"a"), lossy(2, 0), lossy(3, 4)]).finish(9).unwrap();
        assert_eq!((merged.dropped_samples, merged.skipped_long_keys, merged.degraded), (5, 4, true));
        let lacking_a_node = HotKeys { degraded: true, ..reply(8, 1, b"a") };
        assert!(merge(&[lacking_a_node, reply(8, 1, b"a")]).finish(9).unwrap().degraded);
    }

    #[test]
    fn replies_to_different_questions_do_not_merge() {
        for other in [
            HotKeys { route_id: 2, ..reply(8, 1, b"a") },
            HotKeys { label: "s3".into(), ..reply(8, 1, b"a") },
            HotKeys { sub_bucket: Some(0), ..reply(8, 1, b"a") },
            HotKeys { series: crate::label::Series::Reads, ..reply(8, 1, b"a") },
        ] {
            let mut merge = merge(&[reply(8, 1, b"ab")]);
            assert!(matches!(merge.add("other", &other), Err(Error::InvalidArgument(_))));
            let merged = merge.finish(9).unwrap();
            assert_eq!((merged.sampled_n, merged.keys.len(), merged.fanout.unwrap().expected), (2, 2, 1));
        }
    }
}
