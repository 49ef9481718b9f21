//! One slot range: a route with cells of its own, or a virtual bucket.

use super::layouts::{Layouts, Placed};
use crate::cells::FIRST_CELL;
use crate::hash::IntMap;
use crate::meta::{heap_bytes, Division, Members, RouteMeta};
use crate::sub_bucket::Parts;
use crate::table::{Layout, Place};
use std::collections::HashSet;
use std::sync::Arc;

/// Where a slot stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// In no use; its number may be taken.
    Vacant,
    Live,
    /// Removed, and drained until its grace has passed.
    Retired,
}

/// A route with cells of its own, or a virtual bucket.
pub(super) struct Slot {
    pub id: u64,
    pub group_id: u64,
    /// Start, then end.
    bounds: Box<[u8]>,
    start_len: u32,
    /// First cell of the first label.
    pub first: u32,
    pub state: State,
    /// Only where the route is sub-divided.
    layout: Option<Placed>,
    /// The current version of what its rows say; made when a row needs it, dropped when it is no longer true.
    pub meta: Option<Arc<RouteMeta>>,
    extra: Option<Box<Extra>>,
}

/// What few slots have.
#[derive(Default)]
struct Extra {
    bucket: Option<Bucket>,
    parents: Box<[u64]>,
    /// The bounds that the layout was cut from, if the route came back with others: the layout points into them.
    cut_from: Option<Box<[u8]>>,
}

/// The members of a virtual bucket.
#[derive(Default)]
pub(super) struct Bucket {
    listed: Vec<u64>,
    hidden: HashSet<u64>,
    /// Members that were removed, with the time (Unix ns): members until their grace has passed.
    leaving: IntMap<u64, i64>,
}

impl Slot {
    pub fn new(id: u64, group_id: u64, start: &[u8], end: &[u8]) -> Self {
        Self {
            id,
            group_id,
            bounds: [start, end].concat().into(),
            start_len: start.len() as u32,
            first: FIRST_CELL,
            state: State::Live,
            layout: None,
            meta: None,
            extra: None,
        }
    }

    /// A virtual bucket without members.
    pub fn bucket(id: u64, start: &[u8], end: &[u8]) -> Self {
        let mut slot = Self::new(id, 0, start, end);
        slot.extra_mut().bucket = Some(Bucket::default());
        slot
    }

    /// Cuts the range into these parts, and gives it the cells from `first` on, `stride` from one label to the next (0: all
    /// labels count in the same). The slot must not have been placed yet.
    pub fn lay_out(&mut self, layouts: &mut Layouts, first: u32, parts: Parts, stride: u32) {
        self.first = first;
        if parts.count() > 1 {
            self.layout = Some(layouts.place(Layout::new(first, parts, stride, self.start())));
        }
    }

    /// Takes the layout, if there is one, from a slot that nobody will use any more.
    pub fn take_layout(&mut self) -> Option<Placed> {
        self.layout.take()
    }

    /// What the route table says of the slot.
    pub fn place(&self, labels: u32) -> Place {
        match &self.layout {
            Some(layout) => Place::divided(layout),
            None if self.is_bucket() => Place::bucket(self.first),
            None => Place::direct(self.first, labels > 1),
        }
    }

    pub fn start(&self) -> &[u8] {
        &self.bounds[..self.start_len as usize]
    }

    /// Empty: unbounded.
    pub fn end(&self) -> &[u8] {
        &self.bounds[self.start_len as usize..]
    }

    /// The number of parts of each label.
    pub fn parts(&self) -> u32 {
        self.layout.as_ref().map_or(1, |layout| layout.parts.count())
    }

    /// Whether the parts were cut from another range than the slot's: several may then share a bound.
    pub fn is_clamped(&self) -> bool {
        self.extra.as_ref().is_some_and(|extra| extra.cut_from.is_some())
    }

    pub fn is_bucket(&self) -> bool {
        self.members().is_some()
    }

    /// Takes another range and group; the layout stays.
    pub fn reassign(&mut self, group_id: u64, start: &[u8], end: &[u8]) {
        self.group_id = group_id;
        if (self.start(), self.end()) != (start, end) {
            self.set_range(start, end);
        }
        self.meta = None;
    }

    fn set_range(&mut self, start: &[u8], end: &[u8]) {
        let before = std::mem::replace(&mut self.bounds, [start, end].concat().into());
        self.start_len = start.len() as u32;
        if self.layout.is_some() {
            self.extra_mut().cut_from.get_or_insert(before);
        }
    }

    pub fn set_parents(&mut self, parents: &[u64]) {
        if !parents.is_empty() || self.extra.is_some() {
            self.extra_mut().parents = parents.into();
        }
        self.meta = None;
    }

    fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_with(Default::default)
    }

    pub fn members(&self) -> Option<&Bucket> {
        self.extra.as_ref()?.bucket.as_ref()
    }

    fn members_mut(&mut self) -> Option<&mut Bucket> {
        self.meta = None;
        self.extra.as_mut()?.bucket.as_mut()
    }

    /// Grows the range to hold `[start, end)`; an unbounded end stays unbounded. Whether the range's start changed.
    pub fn extend(&mut self, start: &[u8], end: &[u8]) -> bool {
        let moved = start < self.start();
        let unbounded = self.end().is_empty() || end.is_empty();
        let grown_end = if unbounded { &[][..] } else { self.end().max(end) };
        let (grown_start, grown_end) = (self.start().min(start).to_vec(), grown_end.to_vec());
        if (self.start(), self.end()) != (&grown_start, &grown_end) {
            self.set_range(&grown_start, &grown_end);
            self.meta = None;
        }
        moved
    }

    /// Makes a route a member (again). The range must hold it.
    pub fn fold(&mut self, id: u64, listed_at_most: usize) {
        if let Some(bucket) = self.members_mut() {
            let cancelled = bucket.leaving.remove(&id).is_some();
            if !cancelled && bucket.listed.len() < listed_at_most {
                bucket.listed.push(id);
            } else if !cancelled {
                bucket.hidden.insert(id);
            }
        }
    }

    /// A member was removed; it stays until [`Slot::prune`] finds that its grace has passed.
    pub fn leave(&mut self, id: u64, now_ns: i64) {
        if let Some(bucket) = self.members_mut() {
            bucket.leaving.insert(id, now_ns);
        }
    }

    /// Drops the members whose grace has passed. Whether none is left.
    pub fn prune(&mut self, expired: impl Fn(i64) -> bool) -> bool {
        let changed = match self.members() {
            None => return false,
            Some(bucket) => bucket.leaving.values().any(|&since| expired(since)),
        };
        if !changed {
            return false;
        }
        let Some(bucket) = self.members_mut() else { return false };
        let Bucket { listed, hidden, leaving } = bucket;
        let mut unlisted = HashSet::new();
        leaving.retain(|&id, since| {
            let gone = expired(*since);
            if gone && !hidden.remove(&id) {
                unlisted.insert(id);
            }
            !gone
        });
        if !unlisted.is_empty() {
            listed.retain(|member| !unlisted.contains(member));
        }
        listed.is_empty() && hidden.is_empty()
    }

    /// What the slot's rows say, at this leader term.
    pub fn meta(&mut self, leader_term: u64) -> Arc<RouteMeta> {
        if self.meta.as_ref().is_none_or(|meta| meta.leader_term != leader_term) {
            self.meta = Some(Arc::new(self.describe(leader_term)));
        }
        self.meta.clone().unwrap_or_else(|| Arc::new(self.describe(leader_term)))
    }

    fn describe(&self, leader_term: u64) -> RouteMeta {
        let division = self.layout.as_ref().map(|layout| {
            let cut_from = self.extra.as_ref().and_then(|extra| extra.cut_from.as_ref()).unwrap_or(&self.bounds);
            Division { parts: layout.parts, prefix: cut_from[..layout.parts.prefix_len as usize].into() }
        });
        RouteMeta {
            route_id: self.id,
            group_id: self.group_id,
            leader_term,
            start: self.start().into(),
            end: self.end().into(),
            members: self.members().map(Bucket::describe),
            parents: self.extra.as_ref().map_or_else(Default::default, |extra| extra.parents.clone()),
            division,
        }
    }

    /// Bytes of memory behind the slot; itself, its layout and its description are left out.
    pub fn bytes(&self) -> usize {
        let extra = self.extra.as_ref().map_or(0, |extra| {
            let bucket = extra.bucket.as_ref().map_or(0, Bucket::bytes);
            let cut_from = extra.cut_from.as_ref().map_or(0, |bytes| heap_bytes(bytes.len()));
            heap_bytes(size_of::<Extra>()) + bucket + cut_from + heap_bytes(extra.parents.len() * 8)
        });
        heap_bytes(self.bounds.len()) + extra
    }
}

impl Bucket {
    /// Members, those that are leaving included.
    pub fn total(&self) -> usize {
        self.listed.len() + self.hidden.len()
    }

    fn describe(&self) -> Members {
        Members { listed: self.listed.as_slice().into(), total: self.total() as u64 }
    }

    fn bytes(&self) -> usize {
        // A hash table's group of entries carries a control byte each, and is at most 7/8 full.
        let table = |capacity: usize, entry: usize| heap_bytes(capacity * 8 / 7 * (entry + 1));
        heap_bytes(self.listed.capacity() * 8)
            + table(self.hidden.capacity(), 8)
            + table(self.leaving.capacity(), 16)
    }
}
