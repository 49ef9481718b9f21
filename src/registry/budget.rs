//! The memory limit, as promises: what every registered route can come to take, if all lanes count in all of its cells.
//! Since it is promised before it is taken, the limit holds whatever is observed later; the history gets what is left.

use super::cell_space::CellSpace;
use super::slot::Slot;
use crate::cells::{segments_below, CELL_BYTES};
use crate::lane::Lane;
use crate::meta::{heap_bytes, RouteMeta};
use crate::options::Options;
use crate::table::Layout;

/// What a folded route takes: its entries in the route table (and in one that is being replaced), in the map of folded
/// routes and in its bucket, each at its emptiest.
const MEMBER_BYTES: u64 = 192;

/// What a route takes beyond its slot, its description and its cells: entries in the route table, the index of ids and
/// the order of rows.
const ROUTE_BYTES: u64 = 160;

/// A segment's pages beyond its cells: the last one of the counters, and the marks.
const SEGMENT_BYTES: u64 = 2 * 4096;

/// What a sampler takes without any route.
const BASE_BYTES: u64 = 16 << 10;

/// The promises of a sampler.
pub(super) struct Budget {
    /// Bytes at most; 0: no limit.
    limit: u64,
    slots: u64,
    members: u64,
    /// Routes of the call under way that have not been placed: each will at least be a member.
    awaited: u64,
    /// Sets of cells: the lanes, and the drain's totals.
    lanes: u64,
    /// Bytes of a lane besides its cells.
    lane_bytes: u64,
}

impl Budget {
    pub fn new(options: &Options) -> Self {
        // The shared lane, and the totals.
        let lane_bytes = Lane::bytes(options.hot_keys_enabled);
        Self { limit: options.memory_limit_bytes, slots: 0, members: 0, awaited: 0, lanes: 2, lane_bytes }
    }

    fn total(&self, cells: &CellSpace) -> u64 {
        let in_a_lane = cells.in_use() * CELL_BYTES as u64
            + segments_below(cells.end()) * SEGMENT_BYTES
            + self.lane_bytes;
        BASE_BYTES + self.slots + (self.members + self.awaited) * MEMBER_BYTES + self.lanes * in_a_lane
    }

    fn fits(&self, cells: &CellSpace, more: u64) -> bool {
        self.limit == 0 || self.total(cells).saturating_add(more) <= self.limit
    }

    /// Whether so many routes fit at least as members; if so, they are awaited.
    pub fn await_routes(&mut self, cells: &CellSpace, count: u64) -> bool {
        let fits = self.fits(cells, count * MEMBER_BYTES);
        self.awaited = if fits { count } else { 0 };
        fits
    }

    /// One of the awaited routes is being placed.
    pub fn place_one(&mut self) {
        self.awaited = self.awaited.saturating_sub(1);
    }

    /// Whether a slot with so many cells fits.
    pub fn has_room_for(&self, cells: &CellSpace, slot: &Slot, count: u32) -> bool {
        let in_lanes = u64::from(count) * CELL_BYTES as u64 * self.lanes;
        // A quarter of the limit is for routes that fold, and for the history.
        self.fits(cells, slot_bytes(slot) + in_lanes + SEGMENT_BYTES * self.lanes + self.limit / 4)
    }

    pub fn add_slot(&mut self, slot: &Slot) {
        self.slots += slot_bytes(slot);
    }

    pub fn remove_slot(&mut self, slot: &Slot) {
        self.slots = self.slots.saturating_sub(slot_bytes(slot));
    }

    /// Tells how many folded routes there are.
    pub fn set_members(&mut self, count: usize) {
        self.members = count as u64;
    }

    /// Whether the counters of one more lane fit; if so, they are promised.
    pub fn add_lane(&mut self, cells: &CellSpace) -> bool {
        self.lanes += 1;
        let fits = self.fits(cells, 0);
        if !fits {
            self.lanes -= 1;
        }
        fits
    }
}

/// A slot, its description, and what leads to it.
fn slot_bytes(slot: &Slot) -> u64 {
    let (start, end) = (slot.start().len(), slot.end().len());
    let bounds = heap_bytes(start + end);
    // With its place in a list of free ones.
    let layout = if slot.parts() > 1 { heap_bytes(size_of::<Layout>() + 16) } else { 0 };
    let description = heap_bytes(size_of::<RouteMeta>() + 16) + heap_bytes(start) * 2 + heap_bytes(end);
    ROUTE_BYTES + (size_of::<Slot>() * 5 / 4 + bounds + layout + description) as u64
}
