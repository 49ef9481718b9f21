//! Hot keys of past columns: the first few of each (route, label, series), kept with the column, so that a cell of the
//! past can be asked for its keys too.
//!
//! A column keeps what was published since the column before: a host that wants the keys of a column with it publishes,
//! then flushes. They live as long as the column has its own place in the history, at the history's finest resolution,
//! and are not saved with it: keys are data about users, and don't go into files.

use super::snapshot::Snapshot;
use super::window::Budget;
use super::SketchId;
use crate::hash::IntMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// Keys that a column keeps of each (route, label, series).
pub(super) const KEYS_IN_COLUMN: usize = 8;

type Keys = IntMap<SketchId, Arc<Snapshot>>;

/// The hot keys of the columns, oldest first.
pub(super) struct ColumnKeys {
    enabled: bool,
    columns: VecDeque<(u64, Keys)>,
    /// What was published since the newest column.
    pending: Keys,
}

impl ColumnKeys {
    pub fn new(enabled: bool) -> Self {
        Self { enabled, columns: VecDeque::new(), pending: Keys::default() }
    }

    /// These snapshots were published.
    pub fn push<'s>(&mut self, snapshots: impl Iterator<Item = &'s Arc<Snapshot>>, budget: &Budget) {
        if !self.enabled {
            return;
        }
        for new in snapshots.filter(|snapshot| snapshot.sampled_n() > 0) {
            let known = self.pending.remove(&new.id);
            known.iter().for_each(|known| budget.remove(known.bytes()));
            let merged = known.and_then(|known| Snapshot::merge(&[&known, new], new.id));
            let kept = merged.as_ref().unwrap_or(new).top(KEYS_IN_COLUMN);
            budget.add(kept.bytes());
            self.pending.insert(new.id, Arc::new(kept));
        }
    }

    /// A column was committed, and those before `oldest` are gone.
    pub fn commit(&mut self, sequence: u64, oldest: u64, budget: &Budget) {
        if !self.pending.is_empty() {
            self.columns.push_back((sequence, std::mem::take(&mut self.pending)));
        }
        while self.columns.front().is_some_and(|(sequence, _)| *sequence < oldest) {
            self.pop(budget);
        }
    }

    /// Drops the oldest columns until the budget holds.
    pub fn shrink(&mut self, budget: &Budget) {
        while budget.is_exceeded() && self.pop(budget) {}
    }

    pub fn find(&self, sequence: u64, id: SketchId) -> Option<Arc<Snapshot>> {
        let at = self.columns.binary_search_by_key(&sequence, |(sequence, _)| *sequence).ok()?;
        self.columns[at].1.get(&id).cloned()
    }

    pub fn clear(&mut self, budget: &Budget) {
        while self.pop(budget) {}
        std::mem::take(&mut self.pending).values().for_each(|kept| budget.remove(kept.bytes()));
    }

    fn pop(&mut self, budget: &Budget) -> bool {
        let Some((_, keys)) = self.columns.pop_front() else { return false };
        keys.values().for_each(|kept| budget.remove(kept.bytes()));
        true
    }
}
