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
