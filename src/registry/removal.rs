//! Removal: what leaves the table is retired, drained until its grace has passed, and let go when no observer can hold
//! it any more.

use super::slot::{Slot, State};
use super::Registry;
use crate::hash::hash;
use crate::lane::{Hot, Lane};
use crate::sync::{spin, yield_now};
use std::sync::Arc;

/// What a retired slot waits for.
#[derive(Clone, Copy)]
pub(super) struct Retired {
    /// When it was removed (Unix ns): its grace.
    since_ns: i64,
    /// The look that all observers have to pass.
    look: u64,
}

impl Registry {
    /// Removes a route. Whether it was registered.
    pub fn remove(&mut self, id: u64, now_ns: i64) -> bool {
        if let Some(bucket) = self.folded.remove(&id) {
            self.budget.set_members(self.folded.len());
            self.table.remove(id);
            self.slots[bucket as usize].leave(id, now_ns);
            return true;
        }
        match self.slot_of(id) {
            Some(number) if self.slot(number).state == State::Live && !self.slot(number).is_bucket() => {
                self.table.remove(id);
                self.tracked -= 1;
                self.retire(number, now_ns);
                true
            }
            _ => false,
        }
    }

    fn retire(&mut self, number: u32, now_ns: i64) {
        self.slots[number as usize].state = State::Retired;
        self.retired.insert(number, Retired { since_ns: now_ns, look: self.quiescence.next_look() });
    }

    /// Before a drain at `now_ns`: looks whether the observers have left the passages in which they could have found
    /// what was removed. For what could go with this drain, it waits a moment.
    pub fn look(&mut self, now_ns: i64, lanes: impl FnOnce() -> Arc<Vec<Arc<Lane>>>, hot: &Hot) {
        // An observer that was put to sleep inside a passage may well outlast this; a later look will do.
        const LOOKS: u32 = if cfg!(loom) { 1 } else { 2000 };
        if self.old_tables.is_empty() && self.retired.is_empty() {
            return;
        }
        let expired = self.retired.values().filter(|retired| self.has_expired(retired.since_ns, now_ns));
        let looks = expired.map(|retired| retired.look).chain(self.old_tables.iter().map(|&(_, look)| look));
        let wait_for = looks.max().unwrap_or(0);
        let mut looked = 0;
        let patience = || {
            looked += 1;
            spin();
            looked < LOOKS
        };
        self.quiescence.look(lanes, |lane| lane.passages(), &hot.shared_passages, wait_for, patience);
    }

    /// Waits until the observers have left every passage that has begun. `false`: there is no telling.
    pub fn wait_for_observers(&mut self, lanes: impl FnOnce() -> Arc<Vec<Arc<Lane>>>, hot: &Hot) -> bool {
        let patience = || {
            yield_now();
            true
        };
        let this = self.quiescence.next_look();
        self.quiescence.look(lanes, |lane| lane.passages(), &hot.shared_passages, this, patience)
    }

    fn has_expired(&self, since_ns: i64, now_ns: i64) -> bool {
        now_ns.saturating_sub(since_ns) >= self.options.grace_ns()
    }

    /// After a drain at `now_ns`: lets go of what has been removed for long enough, as far as every observer had left
    /// it before that drain.
    pub fn expire(&mut self, now_ns: i64) {
        self.old_tables.retain(|&(_, look)| !self.quiescence.has_passed(look));
        let gone = |retired: &Retired| {
            self.has_expired(retired.since_ns, now_ns) && self.quiescence.has_passed(retired.look)
        };
        let gone = self.retired.iter().filter(|(_, retired)| gone(retired)).map(|(&number, _)| number);
        self.vacate(&gone.collect::<Vec<u32>>());
        let grace = self.options.grace_ns();
        for number in std::mem::take(&mut self.buckets) {
            if self.slots[number as usize].prune(|since_ns| now_ns.saturating_sub(since_ns) >= grace) {
                self.retire(number, now_ns);
            } else {
                self.buckets.push(number);
            }
        }
    }

    fn vacate(&mut self, gone: &[u32]) {
        if gone.is_empty() {
            return;
        }
        for &number in gone {
            self.retired.remove(&number);
            let slot = &self.slots[number as usize];
            let labels = if slot.is_bucket() { 1 } else { self.labels };
            let (id, first, cells) = (slot.id, slot.first, self.stride(slot.parts()) * labels);
            self.budget.remove_slot(slot);
            self.cells.give_back(first, cells);
            if let Ok(entry) = self.ids.find_entry(hash(id), |&known| known == number) {
                entry.remove();
            }
            let slot = &mut self.slots[number as usize];
            if let Some(layout) = slot.take_layout() {
                self.layouts.give_back(layout);
            }
            *slot = Slot::new(0, 0, &[], &[]);
            slot.state = State::Vacant;
            self.vacant.push(number);
        }
        let slots = &self.slots;
        let alive = |number: &u32| slots[*number as usize].state != State::Vacant;
        self.order.retain(alive);
        self.newcomers.retain(alive);
    }
}
