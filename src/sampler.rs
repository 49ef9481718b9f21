//! The sampler: the lanes that observers write, the registry that says what is counted, the drain and the history.
//!
//! Data flows one way: observe -> cells -> drain -> column -> history. One lock holds everything that is not on the hot
//! path; an observer never takes it, except in the system call's stead: when its thread observes for the first time.

use crate::cells::FIRST_CELL;
use crate::column::{Column, ColumnInfo, ColumnRows, Row};
use crate::drain::Drain;
use crate::error::Error;
use crate::events::Event;
use crate::hash::IntMap;
use crate::history::{read_file, write_file, History, Loaded, StoredColumn};
use crate::hot_keys::{Heir, HotKeys, HotKeysQuery, LaneKeys, Settings, SketchId, Snapshot, SubRange, Tracker};
use crate::label::{Label, Op, Series};
use crate::lane::{Hot, Lane, Observation, Observed, Plain, ANY_LABEL};
use crate::matrix::{Budget, Matrix};
use crate::meta::RouteMeta;
use crate::options::Options;
use crate::passage::SharedPassages;
use crate::pool::Pool;
use crate::registry::{Drained, Placement, Registry, RouteSpec};
use crate::thread::{leased_lane, recent_lane};
use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, MutexGuard};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

/// Counts requests per route, label and part of the key range; see the crate's head.
///
/// Every method may be called from any thread at any time.
pub struct Sampler {
    hot: Hot,
    /// Never 0, never used twice in a process.
    id: u64,
    options: Options,
    pool: Pool,
    refused: AtomicU64,
    event_handler: ArcSwapOption<EventHandler>,
    /// `None`: hot keys are off. Its locks are taken before `state`.
    tracker: Option<Arc<Tracker>>,
    state: Mutex<State>,
}

/// What a host does with events.
pub type EventHandler = Box<dyn Fn(&Event) + Send + Sync>;

struct State {
    closed: bool,
    registry: Registry,
    /// What a closed sampler's table belongs to, where `registry` could not be let go.
    closed_registry: Option<Registry>,
    drain: Drain,
    history: Option<History>,
    /// The end of the newest column's window.
    at_ns: i64,
    sequence: u64,
}

/// What a sampler has, and where its memory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Registered routes, folded ones included.
    pub routes: u64,
    /// Slots: one per route and label, one per virtual bucket.
    pub slots: u64,
    /// Virtual buckets.
    pub virtual_buckets: u64,
    /// Members of virtual buckets, those that are leaving included.
    pub virtual_members: u64,
    /// Removed routes and buckets that are still drained.
    pub retired: u64,
    /// Columns in the history, of every resolution.
    pub columns: u64,
    /// Lanes in use or at hand, the shared one included.
    pub lanes: u64,
    /// Observations of unknown routes.
    pub missed: u64,
    /// Observations refused: an operation or label that there is not, a null key with a length, no memory.
    pub refused: u64,
    /// Bytes of counters.
    pub counter_bytes: u64,
    /// Bytes of the registry and the route table.
    pub route_bytes: u64,
    /// Bytes of the history.
    pub history_bytes: u64,
    /// Bytes of hot keys: samples, snapshots, and what columns keep.
    pub hot_key_bytes: u64,
    /// Snapshots of hot keys.
    pub hot_key_snapshots: u64,
    /// Observations that were rolled for: those with a key that is not too long, on individual routes, in the series
    /// that are tracked.
    pub hot_keys_rolled: u64,
    /// Observations that were sampled, and keys that the host offered. Each is in a snapshot, in the window under way,
    /// dropped or forgotten.
    pub hot_keys_sampled: u64,
    /// Samples that could not be taken.
    pub hot_keys_dropped: u64,
    /// Observations whose key was too long.
    pub hot_keys_skipped: u64,
    /// Samples that went with their removed routes.
    pub hot_keys_forgotten: u64,
}

impl Sampler {
    /// Makes a sampler; the options are made effective here.
    pub fn new(options: Options) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let options = options.effective();
        let tracker = Settings::new(&options).map(|settings| Arc::new(Tracker::new(settings, hot_key_share(&options))));
        let (registry, table) = Registry::new(without_hot_keys(options));
        let hot = Hot {
            table: crate::sync::AtomicU64::new(table.word().to_bits()),
            shared_passages: SharedPassages::default(),
            labels_enabled: options.labels_enabled,
        };
        let state = State {
            closed: false,
            registry,
            closed_registry: None,
            drain: Drain::new(),
            history: (!options.history_off).then(|| History::new(&options)),
            at_ns: options.created_ns,
            sequence: 0,
        };
        Self {
            hot,
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            options,
            pool: Pool::new(options.max_lanes as usize, tracker.clone()),
            refused: AtomicU64::new(0),
            event_handler: ArcSwapOption::empty(),
            tracker,
            state: Mutex::new(state),
        }
    }

    /// The effective options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    fn lock(&self) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.state.lock();
        if state.closed {
            return Err(Error::Closed);
        }
        Ok(state)
    }

    /// An error, if the sampler is closed.
    pub(crate) fn check_open(&self) -> Result<(), Error> {
        self.lock().map(drop)
    }

    // ---- Routes.

    /// Registers a route. For one that is registered already, tells what it is and changes nothing.
    pub fn register_route(&self, route: &RouteSpec<'_>) -> Result<Placement, Error> {
        let mut placement = Placement::Individual;
        self.register_routes(std::slice::from_ref(route), |_, placed| placement = placed)?;
        Ok(placement)
    }

    /// Registers routes, all or none; `placed` gets what each is.
    pub fn register_routes(
        &self,
        routes: &[RouteSpec<'_>],
        placed: impl FnMut(usize, Placement),
    ) -> Result<(), Error> {
        self.lock()?.registry.register(&self.hot, routes, placed)?;
        self.deliver_events();
        Ok(())
    }

    /// Removes a route at `now_ns` (Unix ns). Whether it was registered. Its counts are drained until its grace
    /// (`max(2 x step, 5 s)`) has passed; registering it again until then brings it back.
    pub fn remove_route(&self, route_id: u64, now_ns: i64) -> Result<bool, Error> {
        let mut holding = self.tracker.as_ref().map(|tracker| tracker.hold());
        let mut state = self.lock()?;
        let removed = state.registry.remove(route_id, now_ns);
        if let (Some(holding), true) = (&mut holding, removed) {
            holding.forget(route_id, lane_keys(&self.pool.all()));
        }
        Ok(removed)
    }

    /// Replaces routes by their successors (one by many: a split; many by one: a merge): the successors are registered
    /// before the predecessors retire, and remember them.
    pub fn succeed_routes(
        &self,
        predecessors: &[u64],
        successors: &[RouteSpec<'_>],
        now_ns: i64,
        mut placed: impl FnMut(usize, Placement),
    ) -> Result<(), Error> {
        {
            let mut holding = self.tracker.as_ref().map(|tracker| tracker.hold());
            let mut heirs = Vec::new();
            let placed = |i: usize, placement| {
                let RouteSpec { route_id, start, end, .. } = successors[i];
                heirs.extend((placement == Placement::Individual).then_some(Heir { route_id, start, end }));
                placed(i, placement);
            };
            let mut state = self.lock()?;
            state.registry.succeed(&self.hot, predecessors, successors, now_ns, placed)?;
            if let Some(holding) = &mut holding {
                holding.inherit(predecessors, &heirs, lane_keys(&self.pool.all()));
            }
        }
        self.deliver_events();
        Ok(())
    }

    /// Every later flush stamps the rows of the group with this leader term; group 0 is ignored.
    pub fn set_leader_term(&self, group_id: u64, term: u64) -> Result<(), Error> {
        self.lock()?.registry.set_leader_term(group_id, term);
        Ok(())
    }

    /// The bounds of one part of a live route (an empty end is unbounded). `None`: no such route or part.
    pub fn sub_bucket_bounds(&self, route_id: u64, part: u32) -> Result<Option<(Vec<u8>, Vec<u8>)>, Error> {
        Ok(self.lock()?.registry.part_bounds(route_id, part))
    }

    /// Gives events to `handler` from now on, in the thread whose call caused them, after it is done; `None`: they wait
    /// for [`Sampler::poll_event`].
    pub fn set_event_handler(&self, handler: Option<EventHandler>) {
        self.event_handler.store(handler.map(Arc::new));
    }

    fn deliver_events(&self) {
        // The lock is not held while the host's code runs: it may call the sampler.
        let Some(handler) = self.event_handler.load_full() else { return };
        while let Some(event) = self.poll_event() {
            handler(&event);
        }
    }

    /// The oldest unread event.
    pub fn poll_event(&self) -> Option<Event> {
        self.state.lock().registry.events.poll()
    }

    // ---- Observe.

    /// Counts one request. Whether the route is known. `bytes` is the length of key and value together.
    pub fn observe(&self, route_id: u64, key: &[u8], op: Op, value_len: u64, label: Label) -> bool {
        let bytes = (key.len() as u64).saturating_add(value_len);
        let (op, label) = (op as u32, label as u32);
        self.tracker.is_none() && self.count_plain(route_id, || Some(Plain { bytes, op, label }))
            || self.count(Observation { route_id, key: Some(key), bytes, op, label }) == Observed::Counted
    }

    /// Counts one checked observation in the calling thread's lane, if it is of the plain sort; see
    /// [`Lane::observe_plain`]. `false`: nothing was done, [`Sampler::count`] will do it.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn count_plain(&self, route_id: u64, rest: impl FnOnce() -> Option<Plain>) -> bool {
        // SAFETY: the thread holds the lane, and `self` keeps it alive.
        recent_lane(self.id).is_some_and(|lane| unsafe { &*lane }.observe_plain(&self.hot, route_id, rest))
    }

    /// As [`Sampler::count_plain`], for a route that is sub-divided; see [`Lane::observe_divided`].
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn count_divided(&self, route_id: u64, key: &[u8], rest: impl FnOnce() -> Option<Plain>) -> bool {
        // SAFETY: as in `count_plain`.
        recent_lane(self.id).is_some_and(|lane| unsafe { &*lane }.observe_divided(&self.hot, route_id, key, rest))
    }

    /// As [`Sampler::count_plain`], where keys are sampled; see [`Lane::observe_plain_key`].
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn count_plain_key(
        &self,
        route_id: u64,
        op: u32,
        key_len: usize,
        rest: impl FnOnce() -> Option<Plain>,
    ) -> bool {
        let Some(lane) = recent_lane(self.id) else { return false };
        // SAFETY: as in `count_plain`.
        unsafe { &*lane }.observe_plain_key(|| &self.hot, route_id, op, key_len, rest)
    }

    /// See [`Lane::observe_sample`].
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn count_sample(&self, route_id: u64, key: &[u8], rest: impl FnOnce() -> Option<Plain>) -> bool {
        // SAFETY: as in `count_plain`.
        recent_lane(self.id).is_some_and(|lane| unsafe { &*lane }.observe_sample(&self.hot, route_id, key, rest))
    }

    /// Counts one checked observation in the calling thread's lane.
    #[allow(unsafe_code)]
    pub(crate) fn count(&self, observation: Observation<'_>) -> Observed {
        match self.thread_lane() {
            // SAFETY: as in `count_plain`.
            Some(lane) => unsafe { &*lane }.observe(&self.hot, observation),
            None => self.pool.shared().observe_shared(&self.hot, observation),
        }
    }

    /// Counts many observations, a run of them per passage; `each` gets what became of them, in order. `None` is one
    /// that was refused.
    #[inline(always)]
    #[allow(unsafe_code)]
    pub(crate) fn count_run<'o>(
        &self,
        observations: impl ExactSizeIterator<Item = Option<Observation<'o>>>,
        mut each: impl FnMut(Observed),
    ) {
        const RUN: usize = 1024;
        let mut observations = observations;
        // SAFETY: as in `count_plain`.
        let Some(lane) = self.thread_lane().map(|lane| unsafe { &*lane }) else {
            let shared = self.pool.shared();
            let observe = |one| shared.observe_shared(&self.hot, one);
            return observations.for_each(|one| each(one.map_or(Observed::Refused, observe)));
        };
        while observations.len() > 0 {
            lane.observe_run(&self.hot, observations.by_ref().take(RUN), &mut each);
        }
    }

    fn thread_lane(&self) -> Option<*const Lane> {
        recent_lane(self.id).or_else(|| leased_lane(self.id, || self.lease_lane()))
    }

    /// A lane for one holder; `None`: all are out, or another one doesn't fit into the memory limit.
    pub(crate) fn lease_lane(&self) -> Option<Arc<Lane>> {
        let unlimited = self.options.memory_limit_bytes == 0;
        self.pool.lease(|| unlimited || self.state.lock().registry.promise_lane())
    }

    pub(crate) fn hot(&self) -> &Hot {
        &self.hot
    }

    pub(crate) fn shared_lane(&self) -> &Lane {
        self.pool.shared()
    }

    /// Maps the segment of a cell in the lane at this address.
    pub(crate) fn reserve(&self, lane: usize, cell: u32) -> Result<(), Error> {
        let state = self.lock()?;
        let lanes = self.pool.all();
        let found = lanes.iter().find(|known| Arc::as_ptr(known) as usize == lane);
        let in_use = FIRST_CELL <= cell && cell < state.registry.cells_end();
        match found.filter(|_| in_use) {
            Some(lane) => lane.cells().map(cell).map_err(|_| Error::OutOfMemory),
            None => Err(Error::InvalidArgument("no such lane or cell".into())),
        }
    }

    /// Counts observations that were refused.
    pub(crate) fn refuse(&self, count: u64) {
        self.refused.fetch_add(count, Ordering::Relaxed);
    }

    /// The number that an observation's label counts under; `None`: it is no label.
    pub(crate) fn label_number(&self, label: u32) -> Option<u32> {
        match label {
            _ if (label as usize) < Label::COUNT => Some(label),
            ANY_LABEL if self.hot.labels_enabled => Some(ANY_LABEL),
            ANY_LABEL => Some(0),
            _ => None,
        }
    }

    /// Ends the sampler while observers may still run: from now on every route is unknown to them, every other call is
    /// an error, and nearly all memory is given back at once. Calling it again does nothing.
    pub fn close(&self) {
        self.close_counters();
        if let Some(tracker) = &self.tracker {
            tracker.clear(lane_keys(&self.pool.all()));
        }
    }

    #[allow(unsafe_code)]
    fn close_counters(&self) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        state.closed = true;
        let (registry, table) = Registry::new(without_hot_keys(self.options));
        self.hot.table.store(table.word().to_bits(), crate::sync::Ordering::Release);
        if !state.registry.wait_for_observers(|| self.pool.all(), &self.hot) {
            // Observers may still hold what they found, and nothing tells when they don't: it goes with the sampler.
            state.closed_registry = Some(registry);
            return;
        }
        state.registry = registry;
        state.drain = Drain::new();
        state.history = None;
        for lane in self.pool.all().iter() {
            // SAFETY: the table is empty since before the lanes were quiet, and the lock keeps drains out; those that
            // come later find the sampler closed.
            unsafe { lane.give_memory_back() };
        }
    }

    // ---- Flush, drain, history.

    /// Commits a column at `now_ns` (Unix ns) into the history.
    pub fn flush(&self, now_ns: i64) -> Result<ColumnInfo, Error> {
        if self.options.history_off {
            return Err(Error::HistoryOff);
        }
        self.drain_into(now_ns, |drained| Ok(drained.info()))
    }

    /// Commits a column at `now_ns` and returns it (and keeps it in the history, if there is one).
    pub fn drain(&self, now_ns: i64) -> Result<Column, Error> {
        self.drain_into(now_ns, |drained| Ok(owned(drained)))
    }

    /// Commits a column if `accept` takes it; otherwise nothing was drained.
    pub(crate) fn drain_into<T>(
        &self,
        now_ns: i64,
        accept: impl FnOnce(&dyn ColumnRows) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut state = self.lock()?;
        let state = &mut *state;
        state.registry.look(now_ns, || self.pool.all(), &self.hot);
        let deltas = state
            .drain
            .collect(&self.pool.all(), state.registry.cells_end())
            .map_err(|_| Error::OutOfMemory)?;
        let window_start_ns =
            if state.at_ns < now_ns { state.at_ns } else { now_ns.saturating_sub(self.options.step_ns) };
        let info = ColumnInfo { sequence: state.sequence, window_start_ns, at_ns: now_ns };
        let drained: Drained = state.registry.rows(&deltas, info);
        let accepted = accept(&drained)?;
        state.drain.commit(&deltas);
        state.at_ns = now_ns;
        state.sequence += 1;
        if let Some(history) = &mut state.history {
            history.push(&drained);
            if let Some(tracker) = &self.tracker {
                tracker.commit_column(info.sequence, history.oldest_single().unwrap_or(info.sequence));
            }
        }
        self.hold_memory_limit(state);
        state.registry.expire(now_ns);
        Ok(accepted)
    }

    /// The stored columns with `from_ns <= at < to_ns` (0: unbounded), oldest first. They never change afterwards.
    pub fn columns(&self, from_ns: i64, to_ns: i64) -> Result<Vec<StoredColumn>, Error> {
        let state = self.lock()?;
        let history = state.history.as_ref().ok_or(Error::HistoryOff)?;
        Ok(history.columns(from_ns, to_ns))
    }

    /// The matrix of one series of the stored columns with `from_ns <= at < to_ns` (0: unbounded). Observers and flushes
    /// go on while it is made.
    pub fn matrix(&self, series: Series, from_ns: i64, to_ns: i64, budget: Budget) -> Result<Matrix, Error> {
        let columns = self.columns(from_ns, to_ns)?;
        let columns: Vec<&dyn ColumnRows> = columns.iter().map(|column| column as &dyn ColumnRows).collect();
        Ok(Matrix::from_columns(&columns, series, budget))
    }

    /// The stored column that holds the flush of this sequence number.
    pub fn column(&self, sequence: u64) -> Result<StoredColumn, Error> {
        let state = self.lock()?;
        let history = state.history.as_ref().ok_or(Error::HistoryOff)?;
        history.find(sequence).ok_or(Error::ColumnNotFound(sequence))
    }

    /// The history as one byte string, versioned and checksummed; see [`Sampler::load_history`].
    pub fn save_history(&self) -> Result<Vec<u8>, Error> {
        let snapshot = {
            let state = self.lock()?;
            state.history.as_ref().ok_or(Error::HistoryOff)?.snapshot()
        };
        Ok(snapshot.to_bytes())
    }

    /// Takes over a history that was saved, before the first flush. Sequence numbers go on after its newest column;
    /// what the options have no room for (columns, resolutions) is left out. All or nothing.
    pub fn load_history(&self, image: &[u8]) -> Result<(), Error> {
        let loaded = Loaded::from_bytes(image)?;
        let mut state = self.lock()?;
        let state = &mut *state;
        let history = state.history.as_mut().ok_or(Error::HistoryOff)?;
        if state.sequence != 0 {
            return Err(Error::InvalidArgument("a history is loaded before the first flush".into()));
        }
        state.sequence = loaded.next_sequence();
        history.load(loaded);
        self.hold_memory_limit(state);
        Ok(())
    }

    /// [`Sampler::save_history`] into a file, which is replaced atomically.
    pub fn save_history_file(&self, path: &Path) -> Result<(), Error> {
        write_file(path, &self.save_history()?)
    }

    /// [`Sampler::load_history`] from a file.
    pub fn load_history_file(&self, path: &Path) -> Result<(), Error> {
        self.load_history(&read_file(path)?)
    }

    // ---- Hot keys.

    fn tracker(&self) -> Result<&Tracker, Error> {
        self.tracker.as_deref().ok_or(Error::HotKeysOff)
    }

    /// Ends the window of hot keys at `now_ns` (Unix ns), and publishes what was sampled in it: each step, and once more
    /// before the sampler is closed. Waits for another publication; no observer and no flush waits.
    pub fn publish_hot_keys(&self, now_ns: i64) -> Result<(), Error> {
        let tracker = self.tracker()?;
        self.check_open()?;
        tracker.publish(now_ns, lane_keys(&self.pool.all()), |routes| {
            let state = self.state.lock();
            routes.map(|id| !state.closed && state.registry.is_individual(id)).collect()
        });
        Ok(())
    }

    /// The newest snapshot of a route's hot keys. `series` is `Reads` or `Writes`.
    pub fn hot_keys_snapshot(&self, route_id: u64, label: Label, series: Series) -> Result<Arc<Snapshot>, Error> {
        let tracker = self.tracker()?;
        self.check_open()?;
        tracker.snapshot(SketchId::of(route_id, label, series)?).ok_or(Error::NoSnapshot)
    }

    /// The newest snapshots of all, by route, label and series.
    pub fn hot_keys_snapshots(&self) -> Result<Vec<Arc<Snapshot>>, Error> {
        let tracker = self.tracker()?;
        self.check_open()?;
        Ok(tracker.snapshots())
    }

    /// The hot keys that the column of this sequence number keeps of a route: its first 8.
    pub fn column_hot_keys(&self, sequence: u64, route_id: u64, label: Label, series: Series) -> Result<Arc<Snapshot>, Error> {
        let tracker = self.tracker()?;
        self.check_open()?;
        tracker.column(sequence, SketchId::of(route_id, label, series)?).ok_or(Error::NoSnapshot)
    }

    /// Answers a question about hot keys: scaled, with bounds.
    pub fn query_hot_keys(&self, query: &HotKeysQuery) -> Result<HotKeys, Error> {
        query.check()?;
        let snapshot = match query.column {
            Some(sequence) => self.column_hot_keys(sequence, query.route_id, query.label, query.series)?,
            None => self.hot_keys_snapshot(query.route_id, query.label, query.series)?,
        };
        let within = match query.sub_bucket {
            Some(part) => {
                let no_part = || Error::InvalidArgument(format!("the route has no sub-bucket {part}"));
                let (start, end) = self.sub_bucket_bounds(query.route_id, part)?.ok_or_else(no_part)?;
                Some(SubRange { part, start, end })
            }
            None => None,
        };
        HotKeys::new(&snapshot, query, within)
    }

    /// Takes `count` samples of a key from a host that rolls for itself (one in `hot_keys_sample_rate`), in the calling
    /// thread's lane. Whether the route is known; in a virtual bucket, they are ignored.
    #[allow(unsafe_code)]
    pub fn offer_hot_key(&self, route_id: u64, key: &[u8], op: Op, label: Label, count: u64) -> Result<bool, Error> {
        self.tracker()?;
        let observation = Observation { route_id, key: Some(key), bytes: 0, op: op as u32, label: label as u32 };
        Ok(match self.thread_lane() {
            // SAFETY: as in `count_plain`.
            Some(lane) => unsafe { &*lane }.offer_key(&self.hot, observation, count),
            None => self.pool.shared().offer_key_shared(&self.hot, observation, count),
        })
    }

    /// Takes a sample that was counted, and has no place in a stage, in the calling thread's lane.
    #[allow(unsafe_code)]
    pub(crate) fn put_sample(&self, route_id: u64, key: &[u8], op: Op, label: Label) -> Result<(), Error> {
        let lane = match self.thread_lane() {
            // SAFETY: as in `count_plain`.
            Some(lane) => unsafe { &*lane },
            None => self.pool.shared(),
        };
        lane.keys().ok_or(Error::HotKeysOff)?.put_sample(route_id, label as u32, op as u32, key);
        Ok(())
    }

    /// Drops the oldest columns until everything fits into the memory limit.
    fn hold_memory_limit(&self, state: &mut State) {
        let limit = without_hot_keys(self.options).memory_limit_bytes;
        if let (Some(history), true) = (&mut state.history, limit != 0) {
            let elsewhere = self.counter_bytes(&state.drain)
                + state.registry.bytes()
                + description_bytes(state.registry.metas().chain(history.metas()));
            history.shrink_to(limit.saturating_sub(elsewhere));
        }
    }

    /// What the sampler has, and where its memory is.
    pub fn stats(&self) -> Stats {
        let lanes = self.pool.all();
        let hot_keys = self.tracker.as_ref().map(|tracker| tracker.stats(lane_keys(&lanes))).unwrap_or_default();
        let state = self.state.lock();
        let census = state.registry.census();
        // Most descriptions are both the slot's and the rows': those count as the route's.
        let in_slots = description_bytes(state.registry.metas());
        let stored = state.history.iter().flat_map(History::metas);
        let in_history = description_bytes(state.registry.metas().chain(stored)) - in_slots;
        Stats {
            routes: census.routes,
            slots: census.slots,
            virtual_buckets: census.virtual_buckets,
            virtual_members: census.virtual_members,
            retired: census.retired,
            columns: state.history.as_ref().map_or(0, History::len) as u64,
            lanes: self.pool.all().len() as u64,
            missed: self.pool.missed(),
            refused: self.refused.load(Ordering::Relaxed),
            counter_bytes: self.counter_bytes(&state.drain),
            route_bytes: state.registry.bytes() + in_slots,
            history_bytes: state.history.as_ref().map_or(0, History::bytes) + in_history,
            hot_key_bytes: hot_keys.bytes,
            hot_key_snapshots: hot_keys.snapshots,
            hot_keys_rolled: hot_keys.tally.rolled,
            hot_keys_sampled: hot_keys.tally.sampled,
            hot_keys_dropped: hot_keys.tally.dropped,
            hot_keys_skipped: hot_keys.tally.skipped,
            hot_keys_forgotten: hot_keys.forgotten,
        }
    }

    fn counter_bytes(&self, drain: &Drain) -> u64 {
        let lanes = self.pool.all();
        let lane_bytes = Lane::bytes(self.tracker.is_some());
        let in_lanes: u64 = lanes.iter().map(|lane| lane.cells().resident_bytes() + lane_bytes).sum();
        in_lanes + drain.resident_bytes()
    }
}

/// The hot keys' share of the memory limit; 0: no limit.
fn hot_key_share(options: &Options) -> u64 {
    match options.memory_limit_bytes {
        limit if options.hot_keys_enabled => limit.div_ceil(4),
        _ => 0,
    }
}

/// The options, with the memory limit for everything but hot keys.
fn without_hot_keys(options: Options) -> Options {
    Options { memory_limit_bytes: options.memory_limit_bytes - hot_key_share(&options), ..options }
}

/// What samples keys in these lanes.
fn lane_keys(lanes: &[Arc<Lane>]) -> impl Iterator<Item = &LaneKeys> + Clone {
    lanes.iter().filter_map(|lane| lane.keys())
}

/// Copies a column.
pub(crate) fn owned(rows: &dyn ColumnRows) -> Column {
    let mut column = Column { info: rows.info(), rows: Vec::new() };
    rows.for_each_row(&mut |row| column.rows.push(Row::from(row)));
    column
}

/// Bytes of memory behind descriptions, each counted once.
fn description_bytes<'a>(metas: impl Iterator<Item = &'a Arc<RouteMeta>>) -> u64 {
    let mut counted: IntMap<usize, ()> = IntMap::default();
    metas
        .filter(|meta| counted.insert(Arc::as_ptr(meta) as usize, ()).is_none())
        .map(|meta| meta.bytes() as u64)
        .sum()
}
