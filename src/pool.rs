//! The lanes of one sampler: made on demand, handed out, taken back.

use crate::hot_keys::Tracker;
use crate::lane::Lane;
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use std::sync::Arc;

/// The lanes. The list only grows, and whoever walks it (a drain) does so without holding anyone up.
pub(crate) struct Pool {
    /// The shared lane, then the leasable ones.
    lanes: ArcSwap<Vec<Arc<Lane>>>,
    shared: Arc<Lane>,
    growth: Mutex<()>,
    /// Leasable lanes at most.
    max: usize,
    /// Whose samples the lanes take; `None`: hot keys are off.
    tracker: Option<Arc<Tracker>>,
}

impl Pool {
    pub fn new(max: usize, tracker: Option<Arc<Tracker>>) -> Self {
        let shared = Arc::new(Lane::new(tracker.as_ref().map(|tracker| tracker.new_lane(true))));
        Self {
            lanes: ArcSwap::from_pointee(vec![shared.clone()]),
            shared,
            growth: Mutex::new(()),
            max,
            tracker,
        }
    }

    /// The lane of those who have none.
    pub fn shared(&self) -> &Lane {
        &self.shared
    }

    /// All lanes, the shared one included.
    pub fn all(&self) -> Arc<Vec<Arc<Lane>>> {
        self.lanes.load_full()
    }

    /// A lane for one holder. `may_grow` is asked before a new lane is made. `None`: all are out.
    pub fn lease(&self, may_grow: impl FnOnce() -> bool) -> Option<Arc<Lane>> {
        let free = |lanes: &[Arc<Lane>]| lanes.iter().skip(1).find(|lane| lane.lease()).cloned();
        if let Some(lane) = free(&self.lanes.load()) {
            return Some(lane);
        }
        let _growth = self.growth.lock();
        let lanes = self.lanes.load_full();
        if lanes.len() > self.max || !may_grow() {
            return free(&lanes);
        }
        let lane = Arc::new(Lane::new(self.tracker.as_ref().map(|tracker| tracker.new_lane(false))));
        let mut grown = Vec::with_capacity(lanes.len() + 1);
        grown.extend_from_slice(&lanes);
        grown.push(lane.clone());
        self.lanes.store(Arc::new(grown));
        Some(lane)
    }

    /// Observations of unknown routes, so far.
    pub fn missed(&self) -> u64 {
        self.all().iter().map(|lane| lane.missed()).fold(0, u64::wrapping_add)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.all().iter().for_each(|lane| lane.retire());
    }
}
