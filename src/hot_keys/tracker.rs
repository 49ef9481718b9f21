//! The tracker: from the lanes' windows to published snapshots, and what becomes of them when routes come and go.
//!
//! A publication takes the windows of all lanes, merges them sketch by sketch, and replaces all snapshots at once. It
//! runs in the thread of the host that calls it, and holds no lock that an observer, a registration or a flush needs;
//! a removal, a split or a merge of routes waits for it, and does its own work on windows and snapshots right away:
//!
//! - A removed route's snapshots and samples are forgotten; if it comes back, it begins anew.
//! - Successors inherit, by range: the newest snapshot, so that there is an answer at once, and the samples of the window
//!   under way. They get N of the whole predecessor with it, since nothing tells which part of it was theirs: so the
//!   error bound is as wide as that of the predecessor, and holds.
//!
//! A sample of a removed route that was under way comes too late for this: a publication forgets what belongs to no
//! individual route.

use super::columns::ColumnKeys;
use super::lane_keys::{Common, LaneKeys, Tally};
use super::snapshot::{Snapshot, Stamp};
use super::space_saving::SpaceSaving;
use super::summary::{Part, Summary};
use super::{Settings, SketchId};
use crate::hash::IntMap;
use parking_lot::{Mutex, MutexGuard, RwLock};
use std::sync::Arc;

type Snapshots = IntMap<SketchId, Arc<Snapshot>>;

/// The hot keys of a sampler.
pub(crate) struct Tracker {
    common: Arc<Common>,
    published: RwLock<Snapshots>,
    columns: Mutex<ColumnKeys>,
    /// Held by whoever takes windows or changes snapshots; before the sampler's own lock.
    publishing: Mutex<Publishing>,
}

#[derive(Default)]
struct Publishing {
    /// What has been told by stamps so far.
    stamped: Tally,
    /// Samples that could not be published for want of memory: they are dropped, too.
    unpublished: u64,
    /// Samples that were forgotten with their routes.
    forgotten: u64,
}

impl Publishing {
    /// What became of the observations in these lanes so far.
    fn tally<'l>(&self, lanes: impl Iterator<Item = &'l LaneKeys>) -> Tally {
        let unpublished = Tally { dropped: self.unpublished, ..Tally::default() };
        lanes.map(LaneKeys::tally).fold(unpublished, |sum, one| sum + one)
    }
}

/// A route that takes over from others, and its range (empty end: unbounded).
pub(crate) struct Heir<'a> {
    pub route_id: u64,
    pub start: &'a [u8],
    pub end: &'a [u8],
}

/// What a tracker has, and what became of the observations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TrackerStats {
    pub tally: Tally,
    pub forgotten: u64,
    pub snapshots: u64,
    pub bytes: u64,
}

impl Tracker {
    /// `limit_bytes`: its share of the memory limit; 0: none.
    pub fn new(settings: Settings, limit_bytes: u64) -> Self {
        Self {
            common: Arc::new(Common::new(settings, limit_bytes)),
            published: RwLock::default(),
            columns: Mutex::new(ColumnKeys::new(settings.in_columns)),
            publishing: Mutex::default(),
        }
    }

    /// The part of a lane that samples for this tracker; `shared`: several threads will use it at a time.
    pub fn new_lane(&self, shared: bool) -> LaneKeys {
        LaneKeys::new(self.common.clone(), shared)
    }

    /// Ends the window at `now_ns` (Unix ns) and publishes it. Which routes are individual is asked at the end.
    pub fn publish<'l>(
        &self,
        now_ns: i64,
        lanes: impl Iterator<Item = &'l LaneKeys> + Clone,
        is_individual: impl FnOnce(&mut dyn Iterator<Item = u64>) -> Vec<bool>,
    ) {
        let Common { settings, spill, budget, .. } = &*self.common;
        let mut publishing = self.publishing.lock();
        let mut sketches: IntMap<SketchId, Vec<SpaceSaving>> = IntMap::default();
        lanes.clone().flat_map(LaneKeys::take).for_each(|(id, sketch)| sketches.entry(id).or_default().push(sketch));
        let mut spilled: IntMap<SketchId, Summary> = spill.take(budget).into_iter().collect();
        for id in spilled.keys() {
            sketches.entry(*id).or_default();
        }
        let mut merged: Vec<(SketchId, Summary)> = Vec::with_capacity(sketches.len());
        for (id, sketches) in sketches {
            let spilled = spilled.remove(&id);
            let parts = sketches.iter().map(Part::from).chain(spilled.as_ref().map(Part::from));
            merged.push((id, Summary::merge(settings.entries, parts)));
        }

        let mut snapshots: IntMap<SketchId, Summary> = IntMap::default();
        snapshots.extend(self.published.read().keys().map(|id| (*id, Summary::empty())));
        let individual = is_individual(&mut merged.iter().map(|(id, _)| id.route_id));
        for ((id, summary), individual) in merged.into_iter().zip(individual) {
            if individual {
                snapshots.insert(id, summary);
            } else {
                publishing.forgotten += summary.observed();
            }
        }

        let tally = publishing.tally(lanes);
        let mut stamp = Stamp::new(settings, now_ns);
        // What no snapshot could tell stays for the next one.
        if !snapshots.is_empty() {
            stamp.dropped = tally.dropped.wrapping_sub(publishing.stamped.dropped);
            stamp.skipped = tally.skipped.wrapping_sub(publishing.stamped.skipped);
            publishing.stamped = tally;
        }
        let snapshots = snapshots.into_iter().map(|(id, summary)| (id, Arc::new(Snapshot { id, summary, stamp })));
        publishing.unpublished += self.replace(snapshots.collect());
    }

    /// Publishes these snapshots instead of those before. Returns how many samples did not fit into the memory.
    fn replace(&self, mut snapshots: Snapshots) -> u64 {
        let budget = &self.common.budget;
        let bytes = |snapshots: &Snapshots| snapshots.values().map(|one| one.bytes()).sum::<u64>();
        budget.remove(bytes(&self.published.read()));
        budget.add(bytes(&snapshots));
        let mut columns = self.columns.lock();
        columns.push(snapshots.values(), budget);
        columns.shrink(budget);
        let mut unpublished = 0;
        if budget.is_exceeded() {
            // The quietest go first.
            let mut by_traffic: Vec<_> = snapshots.values().cloned().collect();
            by_traffic.sort_unstable_by_key(|one| (one.sampled_n(), one.id));
            for one in by_traffic {
                if !budget.is_exceeded() {
                    break;
                }
                budget.remove(one.bytes());
                unpublished += one.sampled_n();
                snapshots.remove(&one.id);
            }
        }
        *self.published.write() = snapshots;
        unpublished
    }

    /// The newest snapshot.
    pub fn snapshot(&self, id: SketchId) -> Option<Arc<Snapshot>> {
        self.published.read().get(&id).cloned()
    }

    /// Every newest snapshot, by route, label and series.
    pub fn snapshots(&self) -> Vec<Arc<Snapshot>> {
        let mut all: Vec<_> = self.published.read().values().cloned().collect();
        all.sort_unstable_by_key(|one| one.id);
        all
    }

    // ---- Columns.

    /// A column was committed: it gets what was published since the one before. Columns before `oldest` are gone.
    pub fn commit_column(&self, sequence: u64, oldest: u64) {
        self.columns.lock().commit(sequence, oldest, &self.common.budget);
    }

    /// What the column of this sequence number keeps.
    pub fn column(&self, sequence: u64, id: SketchId) -> Option<Arc<Snapshot>> {
        self.columns.lock().find(sequence, id)
    }

    // ---- Routes.

    /// Keeps publications out while routes are removed or succeeded. Taken before the sampler's lock.
    pub fn hold(&self) -> Holding<'_> {
        Holding { tracker: self, publishing: self.publishing.lock() }
    }

    /// Forgets everything.
    pub fn clear<'l>(&self, lanes: impl Iterator<Item = &'l LaneKeys>) {
        let Common { spill, budget, .. } = &*self.common;
        let mut publishing = self.publishing.lock();
        let samples = lanes.flat_map(LaneKeys::take).map(|(_, sketch)| sketch.observed()).sum::<u64>();
        publishing.forgotten += samples + spill.take(budget).iter().map(|(_, summary)| summary.observed()).sum::<u64>();
        self.columns.lock().clear(budget);
        self.replace(Snapshots::default());
    }

    pub fn stats<'l>(&self, lanes: impl Iterator<Item = &'l LaneKeys>) -> TrackerStats {
        let publishing = self.publishing.lock();
        TrackerStats {
            tally: publishing.tally(lanes),
            forgotten: publishing.forgotten,
            snapshots: self.published.read().len() as u64,
            bytes: self.common.budget.used(),
        }
    }
}

/// Publications are kept out.
pub(crate) struct Holding<'t> {
    tracker: &'t Tracker,
    publishing: MutexGuard<'t, Publishing>,
}

impl Holding<'_> {
    /// A route was removed: its samples and snapshots go.
    pub fn forget<'l>(&mut self, route_id: u64, lanes: impl Iterator<Item = &'l LaneKeys> + Clone) {
        for id in SketchId::all_of(route_id) {
            let (summary, _) = self.take(id, lanes.clone());
            self.publishing.forgotten += summary.observed();
        }
    }

    /// Routes were succeeded: those of `heirs` that are individual inherit what was sampled of `predecessors`.
    pub fn inherit<'l>(&mut self, predecessors: &[u64], heirs: &[Heir<'_>], lanes: impl Iterator<Item = &'l LaneKeys> + Clone) {
        let common = &*self.tracker.common;
        let Common { settings, spill, budget, .. } = common;
        for slot in SketchId::all_of(0) {
            let of = |&route_id: &u64| self.take(SketchId { route_id, ..slot }, lanes.clone());
            let taken: Vec<(Summary, Option<Arc<Snapshot>>)> = predecessors.iter().map(of).collect();
            let samples = Summary::merge(settings.entries, taken.iter().map(|(summary, _)| Part::from(summary)));
            let snapshots: Vec<&Snapshot> = taken.iter().filter_map(|(_, snapshot)| snapshot.as_deref()).collect();
            let snapshot = Snapshot::merge(&snapshots, slot);
            if heirs.is_empty() {
                self.publishing.forgotten += samples.observed();
            }
            for heir in heirs {
                let id = SketchId { route_id: heir.route_id, ..slot };
                if samples.observed() > 0 {
                    spill.add(common, id, samples.within(heir.start, heir.end));
                }
                if let Some(Snapshot { summary, stamp, .. }) = &snapshot {
                    let inherited = Snapshot { id, summary: summary.within(heir.start, heir.end), stamp: *stamp };
                    budget.add(inherited.bytes());
                    self.tracker.published.write().insert(id, Arc::new(inherited));
                }
            }
        }
    }

    /// Takes the samples and the snapshot of one sketch.
    fn take<'l>(&self, id: SketchId, lanes: impl Iterator<Item = &'l LaneKeys>) -> (Summary, Option<Arc<Snapshot>>) {
        let Common { settings, spill, budget, .. } = &*self.tracker.common;
        let sketches: Vec<SpaceSaving> = lanes.flat_map(|lane| lane.remove(id)).collect();
        let spilled = spill.remove(id, budget);
        let parts = sketches.iter().map(Part::from).chain(spilled.as_ref().map(Part::from));
        let snapshot = self.tracker.published.write().remove(&id);
        snapshot.iter().for_each(|snapshot| budget.remove(snapshot.bytes()));
        (Summary::merge(settings.entries, parts), snapshot)
    }
}
