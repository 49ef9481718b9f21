//! The reply to a question about hot keys: numbers scaled to the true stream, with bounds.

use super::query::HotKeysQuery;
use super::snapshot::Snapshot;
use crate::error::Error;
use crate::label::Series;
use crate::matrix::Fanout;
use std::cmp::Reverse;
use zeroize::Zeroize;

/// The hottest keys of a route, label and series in one window, on one node or in a cluster.
///
/// All counts are of the true stream: what was sampled, times R. They are approximate in two ways. The sketch may
/// overestimate a key: `count_low` and `count_high` bound how often it was sampled (times R), and no key that is not in the sketch
/// was sampled more often than `error_bound` says. And one in R was sampled: a key that was sampled n times has a standard
/// error of about R sqrt(n) from that, which no bound here covers.
#[derive(Clone, PartialEq, Eq)]
pub struct HotKeys {
    /// The route.
    pub route_id: u64,
    /// The label's wire form; one that this build does not know is kept as it is.
    pub label: String,
    /// The part of the route's range that was asked for.
    pub sub_bucket: Option<u32>,
    /// `Reads` or `Writes`.
    pub series: Series,
    /// The keys, most counted first, ties by key.
    pub keys: Vec<HotKey>,
    /// One in so many observations was sampled, R.
    pub sample_rate: u64,
    /// Sampled observations of the route, label and series, N; not scaled.
    pub sampled_n: u64,
    /// Samples of any route that could not be taken.
    pub dropped_samples: u64,
    /// Observations of any route whose key was too long to be sampled.
    pub skipped_long_keys: u64,
    /// Whether something is missing: samples were dropped, keys were skipped, or a node did not answer.
    pub degraded: bool,
    /// By how much a count may exceed how often the key was sampled, times R: `R * N / m`.
    pub error_bound: u64,
    /// When the snapshot was published, Unix ns.
    pub snapshot_at_ns: i64,
    /// Who was asked, where a cluster was.
    pub fanout: Option<Fanout>,
}

/// One key of a reply. `count_low <= true sampled count x R <= count_high`.
#[derive(Clone, PartialEq, Eq)]
pub struct HotKey {
    /// The key.
    pub key: Vec<u8>,
    /// Observations of it, as the sketch counts.
    pub count: u64,
    /// At least so many.
    pub count_low: u64,
    /// At most so many.
    pub count_high: u64,
}

/// A part of a route's range, and its bounds (empty end: unbounded).
pub(crate) struct SubRange {
    pub part: u32,
    pub start: Vec<u8>,
    pub end: Vec<u8>,
}

impl HotKeys {
    /// Of a snapshot; `within`: the part that is asked for.
    pub(crate) fn new(snapshot: &Snapshot, query: &HotKeysQuery, within: Option<SubRange>) -> Result<Self, Error> {
        if !query.overlaps(snapshot.stamp.at_ns, snapshot.stamp.step_ns) {
            return Err(Error::OutOfSnapshotWindow);
        }
        let rate = u64::from(snapshot.sample_rate());
        let inside = |key: &[u8]| match &within {
            Some(SubRange { start, end, .. }) => &start[..] <= key && (end.is_empty() || key < &end[..]),
            None => true,
        };
        let scaled = snapshot.keys().filter(|one| inside(one.key)).map(|one| HotKey {
            key: one.key.to_vec(),
            count: one.count.saturating_mul(rate),
            count_low: (one.count - one.overestimate).saturating_mul(rate),
            count_high: one.count.saturating_mul(rate),
        });
        let mut reply = Self {
            route_id: snapshot.route_id(),
            label: snapshot.label().name().into(),
            sub_bucket: within.as_ref().map(|within| within.part),
            series: snapshot.series(),
            keys: scaled.take(query.top(snapshot.capacity())).collect(),
            sample_rate: rate,
            sampled_n: snapshot.sampled_n(),
            dropped_samples: snapshot.dropped_samples(),
            skipped_long_keys: snapshot.skipped_long_keys(),
            degraded: false,
            error_bound: error_bound(rate, snapshot.sampled_n(), snapshot.capacity()),
            snapshot_at_ns: snapshot.snapshot_at_ns(),
            fanout: None,
        };
        reply.degraded = reply.is_lossy();
        Ok(reply)
    }

    /// Whether something that should have been sampled was not.
    pub(super) fn is_lossy(&self) -> bool {
        self.dropped_samples > 0 || self.skipped_long_keys > 0
    }

    /// Sorts the keys as a reply has them.
    pub(super) fn sort(&mut self) {
        self.keys.sort_unstable_by(|a, b| (Reverse(a.count), &a.key).cmp(&(Reverse(b.count), &b.key)));
    }
}

/// `R * N / m`.
fn error_bound(rate: u64, sampled: u64, entries: u32) -> u64 {
    let bound = u128::from(rate) * u128::from(sampled) / u128::from(entries.max(1));
    u64::try_from(bound).unwrap_or(u64::MAX)
}

impl Drop for HotKey {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl std::fmt::Debug for HotKey {
    /// Without the key: it is data about users.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HotKey")
            .field("key_len", &self.key.len())
            .field("count", &self.count)
            .field("count_low", &self.count_low)
            .field("count_high", &self.count_high)
            .finish()
    }
}

impl std::fmt::Debug for HotKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HotKeys")
            .field("route_id", &self.route_id)
            .field("label", &self.label)
            .field("sub_bucket", &self.sub_bucket)
            .field("series", &self.series)
            .field("keys", &self.keys)
            .field("sample_rate", &self.sample_rate)
            .field("sampled_n", &self.sampled_n)
            .field("dropped_samples", &self.dropped_samples)
            .field("skipped_long_keys", &self.skipped_long_keys)
            .field("degraded", &self.degraded)
            .field("error_bound", &self.error_bound)
            .field("snapshot_at_ns", &self.snapshot_at_ns)
            .field("fanout", &self.fanout)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_bound_is_r_n_over_m_in_whole_numbers() {
        assert_eq!(error_bound(16, 1000, 64), 250);
        assert_eq!(error_bound(16, 1001, 64), 250);
        assert_eq!(error_bound(1, 63, 64), 0);
        assert_eq!(error_bound(1024, u64::MAX, 1), u64::MAX);
    }
}
