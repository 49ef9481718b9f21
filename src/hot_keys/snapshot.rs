//! What one publication says of one (route, label, series).

use super::summary::{Part, Summary};
use super::{Settings, SketchId};
use crate::label::{Label, Series};

/// The hot keys of one (route, label, series) over one window. It never changes; whoever holds it keeps it.
pub struct Snapshot {
    pub(super) id: SketchId,
    pub(super) summary: Summary,
    pub(super) stamp: Stamp,
}

/// What the snapshots of one publication have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    pub dropped: u64,
    pub skipped: u64,
    pub at_ns: i64,
    pub step_ns: i64,
    /// One in so many observations was sampled, R.
    pub rate: u32,
    /// Entries of a sketch at most, m.
    pub entries: u32,
}

/// One key of a snapshot, as it was sampled: not scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampledKey<'a> {
    /// The key.
    pub key: &'a [u8],
    /// How often it was sampled, at most.
    pub count: u64,
    /// By how much `count` may exceed the truth.
    pub overestimate: u64,
}

impl Stamp {
    pub fn new(settings: &Settings, at_ns: i64) -> Self {
        Self {
            dropped: 0,
            skipped: 0,
            at_ns,
            step_ns: settings.step_ns,
            rate: settings.rate,
            entries: settings.entries as u32,
        }
    }
}

impl Snapshot {
    /// The route.
    pub fn route_id(&self) -> u64 {
        self.id.route_id
    }

    /// The label.
    pub fn label(&self) -> Label {
        self.id.label()
    }

    /// `Reads` or `Writes`.
    pub fn series(&self) -> Series {
        self.id.series()
    }

    /// The sampled observations of this route, label and series, N.
    pub fn sampled_n(&self) -> u64 {
        self.summary.observed()
    }

    /// Samples of any route that could not be taken in this window.
    pub fn dropped_samples(&self) -> u64 {
        self.stamp.dropped
    }

    /// Observations of any route in this window whose key was longer than `hot_keys_max_key_len`.
    pub fn skipped_long_keys(&self) -> u64 {
        self.stamp.skipped
    }

    /// When it was published, Unix ns.
    pub fn snapshot_at_ns(&self) -> i64 {
        self.stamp.at_ns
    }

    /// One in so many observations was sampled, R.
    pub fn sample_rate(&self) -> u32 {
        self.stamp.rate
    }

    /// Entries of a sketch at most, m.
    pub fn capacity(&self) -> u32 {
        self.stamp.entries
    }

    /// The keys, most counted first, ties by key. None: there was no traffic.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = SampledKey<'_>> {
        self.summary.iter().map(|one| SampledKey { key: one.key, count: one.count, overestimate: one.overestimate })
    }

    pub(super) fn bytes(&self) -> u64 {
        // Its place in the map, the pointer to it and the counts of that pointer.
        self.summary.bytes() + (size_of::<Self>() - size_of::<Summary>()) as u64 + 64
    }

    /// Its first keys.
    pub(super) fn top(&self, keys: usize) -> Self {
        Self { id: self.id, summary: self.summary.top(keys), stamp: self.stamp }
    }

    /// What several windows of one sketch hold together.
    pub(super) fn merge(snapshots: &[&Snapshot], id: SketchId) -> Option<Self> {
        let newest = snapshots.iter().max_by_key(|one| one.stamp.at_ns)?;
        let summary = Summary::merge(newest.stamp.entries as usize, snapshots.iter().map(|one| Part::from(&one.summary)));
        Some(Self { id, summary, stamp: newest.stamp })
    }
}

impl std::fmt::Debug for Snapshot {
    /// Without the keys: they are data about users.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("id", &self.id)
            .field("stamp", &self.stamp)
            .field("sampled_n", &self.sampled_n())
            .field("keys", &self.summary.iter().len())
            .finish()
    }
}
