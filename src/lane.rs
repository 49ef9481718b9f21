//! Lanes: private sets of cells, each with one writer at a time.
//!
//! A lane is leased to a thread at its first observation, to a host that asks for one, or to a processor of the Go
//! scheduler. Its holder increments with plain loads and stores, and no two cores write one cache line. When all lanes
//! are out, whoever has none counts in the *shared* lane with atomic additions: slower, and as exact.
//!
//! A lane that comes back keeps its counters (they only grow) and goes to the next holder: the release store of its
//! state, and the acquire exchange of the next lease, hand them over.

use crate::cells::{Cells, OutOfMemory};
use crate::hot_keys::LaneKeys;
use crate::passage::{Passages, SharedPassages};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::table::{Place, TableWord};

/// What observers share and only read: the part of a sampler that the hot path touches.
#[repr(C)]
pub(crate) struct Hot {
    /// The current route table, as a [`TableWord`].
    pub table: AtomicU64,
    /// The passages of the shared lane.
    pub shared_passages: SharedPassages,
    /// Whether labels tell slots apart.
    pub labels_enabled: bool,
}

/// One lane. The Go package reads and writes its first four fields in place (see `layout.rs`).
#[repr(C, align(128))]
pub(crate) struct Lane {
    passages: Passages,
    /// Observations of unknown routes.
    missed: AtomicU64,
    /// Where hot keys are on; a null pointer otherwise. The stage comes first in it.
    keys: Option<Box<LaneKeys>>,
    cells: Cells,
    state: AtomicU32,
}

const _: () = assert!(LaneKeys::STAGE_OFFSET == 0);

const FREE: u32 = 0;
const LEASED: u32 = 1;
const RETIRED: u32 = 2;

/// What became of an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Observed {
    Counted,
    /// The route is unknown.
    Missed,
    /// The system gave no memory for the counters.
    OutOfMemory,
    /// It was not an observation: an operation or label that there is not.
    Refused,
}

/// One observation, checked: `op` is 0 or 1, `label` is a label's number (0 where labels are off) or [`ANY_LABEL`].
#[derive(Clone, Copy)]
pub(crate) struct Observation<'a> {
    pub route_id: u64,
    /// `None` where the caller doesn't have the key at hand: part 0.
    pub key: Option<&'a [u8]>,
    /// Length of the key and the value together.
    pub bytes: u64,
    pub op: u32,
    pub label: u32,
}

/// What [`Lane::observe_plain`] needs at the end: as in [`Observation`], and `label` is a label's number.
#[derive(Clone, Copy)]
pub(crate) struct Plain {
    pub bytes: u64,
    pub op: u32,
    pub label: u32,
}

/// The label of a newer build: it counts in virtual buckets, which take any label, and nowhere else.
pub(crate) const ANY_LABEL: u32 = u32::MAX;

impl Hot {
    #[inline(always)]
    #[allow(unsafe_code)]
    fn table(&self) -> TableWord {
        // SAFETY: the table is freed only when no passage can hold it, and every caller is inside of one.
        unsafe { TableWord::from_bits(self.table.load(Ordering::Acquire)) }
    }

    #[inline(always)]
    fn find(&self, observation: &Observation<'_>) -> Option<Place> {
        let place = self.table().find(observation.route_id)?;
        (observation.label != ANY_LABEL || place.ignores_labels()).then_some(place)
    }
}

impl Lane {
    pub const PASSAGES_OFFSET: usize = std::mem::offset_of!(Self, passages);
    pub const MISSED_OFFSET: usize = std::mem::offset_of!(Self, missed);
    pub const STAGE_OFFSET: usize = std::mem::offset_of!(Self, keys);
    pub const CELLS_OFFSET: usize = std::mem::offset_of!(Self, cells);

    /// A leased lane, which samples keys if it has what that takes.
    pub fn new(keys: Option<LaneKeys>) -> Self {
        Self {
            passages: Passages::default(),
            missed: AtomicU64::new(0),
            keys: keys.map(Box::new),
            cells: Cells::new(),
            state: AtomicU32::new(LEASED),
        }
    }

    /// Bytes of a lane, its cells left out; `samples`: one that samples keys.
    pub fn bytes(samples: bool) -> u64 {
        let keys = if samples { crate::meta::heap_bytes(size_of::<LaneKeys>()) } else { 0 };
        (size_of::<Self>() + keys) as u64
    }

    /// Counts one observation, as the lane's holder, if it is what nearly all are: the route is not sub-divided and
    /// stands where its hash says, and the segment is mapped. `false`: nothing was done, [`Lane::observe`] will do it.
    ///
    /// `rest` checks and gives what is only needed at the end; so it is worked out late, and few registers are in use
    /// up to the last point at which the caller may have to go on with all its arguments.
    #[inline(always)]
    pub fn observe_plain(&self, hot: &Hot, route_id: u64, rest: impl FnOnce() -> Option<Plain>) -> bool {
        self.passages.enter();
        let counted = self.count_plain(hot, route_id, rest).is_some();
        self.passages.leave();
        counted
    }

    /// As [`Lane::observe_plain`], for a route that is sub-divided and a key that tells its part quickly.
    #[inline(always)]
    pub fn observe_divided(&self, hot: &Hot, route_id: u64, key: &[u8], rest: impl FnOnce() -> Option<Plain>) -> bool {
        self.passages.enter();
        let counted = self.count_divided(hot, route_id, key, rest).is_some();
        self.passages.leave();
        counted
    }

    #[inline(always)]
    #[allow(unsafe_code)]
    fn count_divided(&self, hot: &Hot, route_id: u64, key: &[u8], rest: impl FnOnce() -> Option<Plain>) -> Option<()> {
        // SAFETY: the layout isn't used after the passage.
        let layout = unsafe { hot.table().find_divided(route_id) }?;
        let part = layout.index_of_long(key)?;
        let segment = self.cells.segment(layout.slot())?;
        let plain = rest()?;
        segment.count(layout.offset(plain.label, part), plain.op as usize, plain.bytes);
        Some(())
    }

    /// As [`Lane::observe_plain`], where keys are sampled. An observation that may be a sample is left to
    /// [`Lane::observe_sample`], and is not of the plain sort: so nearly all others know early that their key plays no part.
    #[inline(always)]
    pub fn observe_plain_key<'h>(
        &self,
        hot: impl FnOnce() -> &'h Hot,
        route_id: u64,
        op: u32,
        key_len: usize,
        rest: impl FnOnce() -> Option<Plain>,
    ) -> bool {
        let Some(keys) = &self.keys else { return false };
        if !keys.passes_over(op, key_len) {
            return false;
        }
        self.passages.enter();
        let counted = self.count_plain(hot(), route_id, rest);
        self.passages.leave();
        match counted {
            Some((place, plain)) => {
                if !place.is_direct_bucket() {
                    keys.pass_over(plain.op);
                }
                true
            }
            None => false,
        }
    }

    /// Counts an observation that may be a sample, and samples it. `false`: nothing was done, [`Lane::observe`] will do it.
    #[inline(always)]
    pub fn observe_sample(&self, hot: &Hot, route_id: u64, key: &[u8], rest: impl FnOnce() -> Option<Plain>) -> bool {
        self.passages.enter();
        let counted = self.count_plain(hot, route_id, rest);
        self.passages.leave();
        if let (Some((place, Plain { op, label, .. })), Some(keys)) = (counted, &self.keys) {
            if !place.is_direct_bucket() {
                keys.observe(route_id, label, op, key);
            }
        }
        counted.is_some()
    }

    #[inline(always)]
    fn count_plain(&self, hot: &Hot, route_id: u64, rest: impl FnOnce() -> Option<Plain>) -> Option<(Place, Plain)> {
        let place = hot.table().find_direct(route_id)?;
        let segment = self.cells.segment(place.direct_slot())?;
        let plain = rest()?;
        segment.count(place.direct_offset(plain.label), plain.op as usize, plain.bytes);
        Some((place, plain))
    }

    /// Counts one observation, as the lane's holder.
    pub fn observe(&self, hot: &Hot, observation: Observation<'_>) -> Observed {
        self.passages.enter();
        let observed = self.observe_inside(hot, observation);
        self.passages.leave();
        observed
    }

    /// Counts a run of observations in one passage; `each` gets what became of them, in order.
    #[inline(always)]
    pub fn observe_run<'o>(
        &self,
        hot: &Hot,
        observations: impl Iterator<Item = Option<Observation<'o>>>,
        mut each: impl FnMut(Observed),
    ) {
        self.passages.enter_run();
        for observation in observations {
            each(observation.map_or(Observed::Refused, |observation| self.observe_inside(hot, observation)));
        }
        self.passages.leave();
    }

    #[inline(always)]
    fn observe_inside(&self, hot: &Hot, observation: Observation<'_>) -> Observed {
        let Some(place) = hot.find(&observation) else {
            self.missed.store(self.missed.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
            return Observed::Missed;
        };
        let number = place.cell(observation.label, observation.key);
        let cell = match self.cells.get(number) {
            Some(cell) => cell,
            None => match self.map(number) {
                Some(cell) => cell,
                None => return Observed::OutOfMemory,
            },
        };
        cell.count(observation.op as usize, observation.bytes);
        if let Some((keys, key)) = self.sampling(place, &observation) {
            keys.observe(observation.route_id, observation.label, observation.op, key);
        }
        Observed::Counted
    }

    /// What samples an observation that was counted, and its key; virtual buckets have no hot keys.
    #[inline(always)]
    fn sampling<'o>(&self, place: Place, observation: &Observation<'o>) -> Option<(&LaneKeys, &'o [u8])> {
        let keys = self.keys.as_deref()?;
        Some((keys, observation.key.filter(|_| !place.is_bucket())?))
    }

    /// Counts one observation in the shared lane.
    pub fn observe_shared(&self, hot: &Hot, observation: Observation<'_>) -> Observed {
        let passage = hot.shared_passages.enter();
        let observed = match hot.find(&observation) {
            None => {
                self.missed.fetch_add(1, Ordering::Relaxed);
                Observed::Missed
            }
            Some(place) => match self.cells.get_or_map(place.cell(observation.label, observation.key)) {
                Ok(cell) => {
                    cell.count_shared(observation.op as usize, observation.bytes);
                    if let Some((keys, key)) = self.sampling(place, &observation) {
                        keys.observe_shared(observation.route_id, observation.label, observation.op, key);
                    }
                    Observed::Counted
                }
                Err(OutOfMemory) => Observed::OutOfMemory,
            },
        };
        hot.shared_passages.leave(passage);
        observed
    }

    #[cold]
    fn map(&self, cell: u32) -> Option<crate::cells::CellRef<'_>> {
        self.cells.get_or_map(cell).ok()
    }

    pub fn cells(&self) -> &Cells {
        &self.cells
    }

    /// Takes `count` samples of a key that the host has rolled for, as the lane's holder. Whether the route is known.
    pub fn offer_key(&self, hot: &Hot, observation: Observation<'_>, count: u64) -> bool {
        self.passages.enter();
        let known = self.offer_inside(hot, observation, count);
        self.passages.leave();
        known
    }

    /// As [`Lane::offer_key`], in the shared lane.
    pub fn offer_key_shared(&self, hot: &Hot, observation: Observation<'_>, count: u64) -> bool {
        let passage = hot.shared_passages.enter();
        let known = self.offer_inside(hot, observation, count);
        hot.shared_passages.leave(passage);
        known
    }

    fn offer_inside(&self, hot: &Hot, observation: Observation<'_>, count: u64) -> bool {
        let place = hot.find(&observation);
        if let Some((keys, key)) = place.and_then(|place| self.sampling(place, &observation)) {
            keys.offer(observation.route_id, observation.label, observation.op, key, count);
        }
        place.is_some()
    }

    /// What samples keys; `None`: hot keys are off.
    pub fn keys(&self) -> Option<&LaneKeys> {
        self.keys.as_deref()
    }

    /// Gives the cells' memory back.
    ///
    /// # Safety
    /// Every passage has ended, none that follows finds a route, and nobody drains.
    #[allow(unsafe_code)]
    pub unsafe fn give_memory_back(&self) {
        // SAFETY: only passages and drains hold cells.
        unsafe { self.cells.unmap() };
    }

    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    pub fn passages(&self) -> &Passages {
        &self.passages
    }

    /// Takes the lane, if nobody holds it.
    pub fn lease(&self) -> bool {
        self.state.compare_exchange(FREE, LEASED, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Gives the lane back.
    pub fn release(&self) {
        let _ = self.state.compare_exchange(LEASED, FREE, Ordering::Release, Ordering::Relaxed);
    }

    /// Marks the lane of a sampler that is gone.
    pub fn retire(&self) {
        self.state.store(RETIRED, Ordering::Release);
    }

    /// Whether the lane's sampler is gone.
    pub fn is_retired(&self) -> bool {
        self.state.load(Ordering::Acquire) == RETIRED
    }
}
