//! The registry: which routes there are, what cells they own, and what the route table says of them.
//!
//! Everything here happens under the sampler's lock and off the hot path; observers see only what is published in the
//! route table. A route goes through three states:
//!
//! - **live**: its id is in the table, its rows are drained;
//! - **retired**: removed. Its id is gone from the table, but an observer may have found it just before, so each flush
//!   drains it until its grace has passed. Registering the id again *reclaims* it: same cells, same layout.
//! - **vacant**: grace has passed *and* every observer has left the passage in which it could have found the route
//!   (`passage.rs`; looked at in each drain from the removal on). Only then do its cells go back.
//!
//! A route past the cap has no slot: it *folds* into a virtual bucket, a slot that ignores labels. There is at most one
//! live bucket unless an older one is being retired, because a route only gets a new one when there is none.
//!
//! Rows come in the order of (start, route id). The registry keeps that order as a sorted list of slot numbers and an
//! unsorted tail of newcomers, which is merged in when a flush needs the order: N registrations cost O(N log N) in
//! all, whether they come one by one or in bulk.

mod budget;
mod cell_space;
mod layouts;
mod removal;
mod rows;
mod slot;
mod succession;

pub(crate) use rows::{Drained, DrainedRow};

use crate::error::Error;
use crate::events::{Event, EventKind, Events};
use crate::hash::{hash, IntMap};
use crate::label::Label;
use crate::lane::Hot;
use crate::meta::{heap_bytes, RouteMeta};
use crate::options::Options;
use crate::passage::Quiescence;
use crate::sub_bucket::Parts;
use crate::sync::Ordering;
use crate::table::{Place, Table};
use budget::Budget;
use cell_space::CellSpace;
use hashbrown::HashTable;
use layouts::Layouts;
use removal::Retired;
use slot::{Slot, State};
use std::sync::Arc;

/// Routes that the first table has room for. A model checker's are small, so that few of them make a table grow.
const FIRST_TABLE: usize = if cfg!(loom) { 2 } else { 64 };

/// A route, as its host describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteSpec<'a> {
    /// The route's id; any value.
    pub route_id: u64,
    /// The Raft group that owns it; 0: unknown.
    pub group_id: u64,
    /// First key.
    pub start: &'a [u8],
    /// First key past the route; empty: unbounded.
    pub end: &'a [u8],
    /// Take a range whose start is not below its end (it is never sub-divided), instead of refusing it.
    pub any_range: bool,
}

impl RouteSpec<'_> {
    fn check(&self) -> Result<(), Error> {
        if !self.any_range && !self.end.is_empty() && self.start >= self.end {
            return Err(Error::InvalidRange);
        }
        if self.start.len().max(self.end.len()) > i32::MAX as usize {
            return Err(Error::InvalidArgument("a bound is longer than 2 GiB".into()));
        }
        Ok(())
    }
}

/// What a registered route is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Placement {
    /// It has slots of its own.
    Individual = 0,
    /// It counts in a virtual bucket.
    Coarsened = 1,
}

/// How many of what there are; part of the sampler's statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    pub routes: u64,
    pub slots: u64,
    pub virtual_buckets: u64,
    pub virtual_members: u64,
    pub retired: u64,
}

/// The routes of a sampler; see the head.
pub(crate) struct Registry {
    options: Options,
    /// Slots per route: one, or one per label.
    labels: u32,
    slots: Vec<Slot>,
    /// Those of `slots`; dropped after them.
    layouts: Layouts,
    vacant: Vec<u32>,
    /// Slot numbers by id: live and retired routes, and virtual buckets.
    ids: HashTable<u32>,
    /// The bucket of each folded route.
    folded: IntMap<u64, u32>,
    /// Virtual buckets that take routes, oldest first.
    buckets: Vec<u32>,
    /// Retired slots, by number.
    retired: IntMap<u32, Retired>,
    /// Live routes with slots of their own.
    tracked: u32,
    next_synthetic: u64,
    cells: CellSpace,
    order: Vec<u32>,
    newcomers: Vec<u32>,
    /// Whether a slot in `order` got another start.
    disordered: bool,
    table: Arc<Table>,
    /// Entries of `table` in use, removed ones included.
    table_used: usize,
    /// Tables that observers may still hold, each with the look that it waits for.
    old_tables: Vec<(Arc<Table>, u64)>,
    quiescence: Quiescence,
    terms: IntMap<u64, u64>,
    budget: Budget,
    pub events: Events,
}

impl Registry {
    /// An empty registry, and the table that observers begin with.
    pub fn new(options: Options) -> (Self, Arc<Table>) {
        let table = Arc::new(Table::with_room_for(FIRST_TABLE));
        let registry = Self {
            options,
            labels: if options.labels_enabled { Label::COUNT as u32 } else { 1 },
            slots: Vec::new(),
            layouts: Layouts::default(),
            vacant: Vec::new(),
            ids: HashTable::new(),
            folded: IntMap::default(),
            buckets: Vec::new(),
            retired: IntMap::default(),
            tracked: 0,
            next_synthetic: u64::MAX,
            cells: CellSpace::new(),
            order: Vec::new(),
            newcomers: Vec::new(),
            disordered: false,
            table: table.clone(),
            table_used: 0,
            old_tables: Vec::new(),
            quiescence: Quiescence::default(),
            terms: IntMap::default(),
            budget: Budget::new(&options),
            events: Events::new(),
        };
        (registry, table)
    }

    // ---- Registration.

    /// Registers routes, all or none: an invalid one is an error, and nothing is changed.
    pub fn register(
        &mut self,
        hot: &Hot,
        routes: &[RouteSpec<'_>],
        mut placed: impl FnMut(usize, Placement),
    ) -> Result<(), Error> {
        for route in routes {
            self.check(route)?;
        }
        self.make_room(hot, routes)?;
        for (i, route) in routes.iter().enumerate() {
            placed(i, self.register_one(route, &[], routes));
        }
        Ok(())
    }

    /// Makes sure that the routes can be placed, if need be as members of a virtual bucket.
    fn make_room(&mut self, hot: &Hot, routes: &[RouteSpec<'_>]) -> Result<(), Error> {
        let is_new = |id| self.slot_of(id).is_none() && !self.folded.contains_key(&id);
        let new = routes.iter().filter(|route| is_new(route.route_id)).count();
        if !self.budget.await_routes(&self.cells, new as u64) {
            return Err(Error::MemoryLimit);
        }
        self.grow_table(hot, routes.len());
        Ok(())
    }

    fn check(&self, route: &RouteSpec<'_>) -> Result<(), Error> {
        route.check()?;
        match self.slot_of(route.route_id).map(|number| self.slot(number)) {
            Some(slot) if slot.is_bucket() => Err(Error::ReservedRouteId(route.route_id)),
            _ => Ok(()),
        }
    }

    /// The table must have room. `call`: all the routes of this call, whose ids no new bucket may take.
    fn register_one(&mut self, route: &RouteSpec<'_>, parents: &[u64], call: &[RouteSpec<'_>]) -> Placement {
        let known = self.slot_of(route.route_id);
        if known.is_some_and(|number| self.slot(number).state == State::Live) {
            return Placement::Individual;
        }
        if self.folded.contains_key(&route.route_id) {
            return Placement::Coarsened;
        }
        if known.is_none() {
            self.budget.place_one();
        }
        let individual = self.tracked < self.options.max_tracked_routes;
        match known {
            Some(number) if individual => self.reclaim(number, route, parents),
            None if individual && self.create(route, parents) => {}
            _ => {
                self.fold(route, call);
                return Placement::Coarsened;
            }
        }
        Placement::Individual
    }

    /// Gives a new route a slot, if there is room for it.
    fn create(&mut self, route: &RouteSpec<'_>, parents: &[u64]) -> bool {
        let mut slot = Slot::new(route.route_id, route.group_id, route.start, route.end);
        let parts = Parts::new(route.start, route.end, self.options.key_buckets_per_route);
        slot.set_parents(parents);
        let Some(number) = self.insert(slot, parts, self.labels, true) else { return false };
        self.tracked += 1;
        self.publish(number, route.route_id);
        true
    }

    /// Brings a retired route back to life, with its cells and its layout.
    fn reclaim(&mut self, number: u32, route: &RouteSpec<'_>, parents: &[u64]) {
        self.retired.remove(&number);
        self.reassign(number, route, parents);
        self.slots[number as usize].state = State::Live;
        self.tracked += 1;
        self.publish(number, route.route_id);
    }

    fn reassign(&mut self, number: u32, route: &RouteSpec<'_>, parents: &[u64]) {
        let slot = &mut self.slots[number as usize];
        self.disordered |= slot.start() != route.start;
        slot.reassign(route.group_id, route.start, route.end);
        slot.set_parents(parents);
    }

    /// Makes a route a member of a virtual bucket.
    fn fold(&mut self, route: &RouteSpec<'_>, call: &[RouteSpec<'_>]) {
        let covers = |slot: &Slot| slot.start() <= route.start && (slot.end().is_empty() || route.start < slot.end());
        let mut by_start = self.buckets.clone();
        by_start.sort_by(|&a, &b| self.slot(a).start().cmp(self.slot(b).start()));
        let covering = by_start.iter().find(|&&number| covers(self.slot(number)));
        let found = covering.or(by_start.first()).copied();
        let (number, kind) = match found {
            Some(number) => (number, EventKind::RouteFolded),
            None => match self.create_bucket(route, call) {
                Some(number) => (number, EventKind::BucketCreated),
                // No cell number is left at all: the route stays unknown, and its observations count as missed.
                None => return,
            },
        };
        let listed_at_most = self.options.max_member_routes_per_slot as usize;
        self.disordered |= self.slots[number as usize].extend(route.start, route.end);
        self.slots[number as usize].fold(route.route_id, listed_at_most);
        self.folded.insert(route.route_id, number);
        self.budget.set_members(self.folded.len());
        self.publish(number, route.route_id);
        self.events.report(Event {
            kind,
            route_id: route.route_id,
            bucket_id: self.slot(number).id,
            slots_used: self.tracked.into(),
            max_tracked_routes: self.options.max_tracked_routes.into(),
            suppressed: 0,
        });
    }

    fn create_bucket(&mut self, route: &RouteSpec<'_>, call: &[RouteSpec<'_>]) -> Option<u32> {
        let is_real = |id| {
            self.slot_of(id).is_some() || self.folded.contains_key(&id) || call.iter().any(|other| other.route_id == id)
        };
        let id = (0..=self.next_synthetic).rev().find(|&id| !is_real(id))?;
        self.next_synthetic = id - 1;
        let slot = Slot::bucket(id, route.start, route.end);
        let whole = Parts::new(route.start, route.end, 1);
        // A bucket is what the memory limit falls back on: it is always granted its one cell.
        let number = self.insert(slot, whole, 1, false)?;
        self.buckets.push(number);
        Some(number)
    }

    /// Gives a slot its cells and a number. `None`: they don't fit.
    fn insert(&mut self, mut slot: Slot, parts: Parts, labels: u32, limited: bool) -> Option<u32> {
        let stride = self.stride(parts.count());
        let cells = stride.checked_mul(labels)?;
        if limited && !self.budget.has_room_for(&self.cells, &slot, cells) {
            return None;
        }
        let first = self.cells.take(cells)?;
        slot.lay_out(&mut self.layouts, first, parts, if labels > 1 { stride } else { 0 });
        self.budget.add_slot(&slot);
        let id = slot.id;
        let number = match self.vacant.pop() {
            Some(number) => {
                self.slots[number as usize] = slot;
                number
            }
            None => {
                // Growing by a quarter: a catalogue is large, and half of it idle room would cost more than copying.
                if self.slots.len() == self.slots.capacity() {
                    self.slots.reserve_exact(self.slots.len() / 4 + 16);
                }
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        let slots = &self.slots;
        self.ids.insert_unique(hash(id), number, |&number| hash(slots[number as usize].id));
        self.newcomers.push(number);
        Some(number)
    }

    /// Cells from one label of a slot with so many parts to the next. Whoever counts may rely on it that those of all
    /// sub-divided routes are the same.
    fn stride(&self, parts: u32) -> u32 {
        if parts > 1 && self.labels > 1 {
            self.options.key_buckets_per_route
        } else {
            parts
        }
    }

    /// Whether the counters of one more lane fit into the memory limit; if so, they are promised.
    pub fn promise_lane(&mut self) -> bool {
        self.budget.add_lane(&self.cells)
    }

    // ---- The route table.

    fn publish(&mut self, number: u32, id: u64) {
        let place = self.slot(number).place(self.labels);
        self.table_used += usize::from(self.table.place(id, place));
    }

    /// Makes room for `more` ids: if there is none, a larger table takes the live entries over.
    fn grow_table(&mut self, hot: &Hot, more: usize) {
        if self.table_used + more <= self.table.capacity() {
            return;
        }
        let live: Vec<(u64, Place)> = self.table.iter().collect();
        // Half as much again, so that one more route, and one more, don't copy it each time.
        let table = Arc::new(Table::with_room_for((live.len() + more) * 3 / 2));
        for &(id, place) in &live {
            table.place(id, place);
        }
        self.table_used = live.len();
        hot.table.store(table.word().to_bits(), Ordering::Release);
        let old = std::mem::replace(&mut self.table, table);
        self.old_tables.push((old, self.quiescence.next_look()));
    }

    // ---- Questions.

    fn slot(&self, number: u32) -> &Slot {
        &self.slots[number as usize]
    }

    fn slot_of(&self, id: u64) -> Option<u32> {
        self.ids.find(hash(id), |&number| self.slot(number).id == id).copied()
    }

    /// Whether a route has slots of its own.
    pub fn is_individual(&self, id: u64) -> bool {
        self.slot_of(id).is_some_and(|number| self.slot(number).state == State::Live && !self.slot(number).is_bucket())
    }

    fn is_registered(&self, id: u64) -> bool {
        self.is_individual(id) || self.folded.contains_key(&id)
    }

    /// The bounds of one part of a live route, or of a virtual bucket. `None`: no such route or part.
    pub fn part_bounds(&mut self, id: u64, part: u32) -> Option<(Vec<u8>, Vec<u8>)> {
        let number = self.slot_of(id)?;
        let slot = &mut self.slots[number as usize];
        if slot.state != State::Live || part >= slot.parts() {
            return None;
        }
        let meta = slot.meta.clone().unwrap_or_else(|| slot.meta(0));
        let mut bounds = crate::meta::PartBounds::default();
        let view = meta.view(Label::Legacy, part, Default::default(), &mut bounds);
        Some((view.start.to_vec(), view.end.to_vec()))
    }

    /// Every later flush stamps the group's rows with this leader term. Group 0 is none, and is ignored.
    pub fn set_leader_term(&mut self, group_id: u64, term: u64) {
        if group_id != 0 {
            self.terms.insert(group_id, term);
        }
    }

    /// One past the last cell number in use.
    pub fn cells_end(&self) -> u32 {
        self.cells.end()
    }

    pub fn census(&self) -> Census {
        let buckets = self.slots.iter().filter(|slot| slot.state == State::Live).filter_map(Slot::members);
        let (virtual_buckets, virtual_members) =
            buckets.fold((0, 0), |(buckets, members), bucket| (buckets + 1, members + bucket.total() as u64));
        Census {
            routes: u64::from(self.tracked) + self.folded.len() as u64,
            slots: u64::from(self.tracked) * u64::from(self.labels) + virtual_buckets,
            virtual_buckets,
            virtual_members,
            retired: self.retired.len() as u64,
        }
    }

    /// The descriptions that the slots hold.
    pub fn metas(&self) -> impl Iterator<Item = &Arc<RouteMeta>> {
        self.slots.iter().filter_map(|slot| slot.meta.as_ref())
    }

    /// Bytes of memory behind the routes, their cells and descriptions left out.
    pub fn bytes(&self) -> u64 {
        let slots: usize = self.slots.iter().map(Slot::bytes).sum();
        let numbers = [&self.order, &self.newcomers, &self.vacant].map(|list| heap_bytes(list.capacity() * 4));
        let tables = self.old_tables.iter().map(|(table, _)| table).chain([&self.table]).map(|table| table.bytes());
        // Integer maps: an entry and a control byte, 7/8 full at most.
        let maps = heap_bytes((self.folded.capacity() + self.terms.capacity()) * 17 * 8 / 7)
            + heap_bytes(self.retired.capacity() * (size_of::<(u32, Retired)>() + 1) * 8 / 7);
        let total = heap_bytes(self.slots.capacity() * size_of::<Slot>())
            + slots
            + self.layouts.bytes()
            + numbers.into_iter().sum::<usize>()
            + tables.sum::<usize>()
            + heap_bytes(self.ids.capacity() * 5 * 8 / 7)
            + maps;
        total as u64
    }
}
