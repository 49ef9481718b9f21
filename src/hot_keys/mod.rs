//! Hot keys: which keys make a cell hot.
//!
//! ```text
//! observe  ->  lane_keys.rs  ->  window.rs  ->  tracker.rs  ->  snapshot.rs  ->  report.rs  ->  json.rs
//!              roll.rs           space_saving.rs               columns.rs       query.rs       merge.rs
//!              stage.rs          keys.rs        summary.rs
//!              try_lock.rs
//! ```
//!
//! One observation in R goes into a sketch of its lane (`lane_keys.rs`); each step, the host publishes what the lanes
//! have (`tracker.rs`) as immutable snapshots, which are what is reported, scaled and with bounds (`report.rs`), as JSON
//! (`json.rs`) and for a whole cluster (`merge.rs`).
//!
//! Keys are data about users. They are kept nowhere unless the host switches hot keys on, memory that held them is
//! zeroed before it is given back, and nothing here writes them into an error, an event or a panic.

mod columns;
mod json;
mod keys;
mod lane_keys;
mod merge;
mod prefetch;
mod query;
mod report;
mod roll;
mod snapshot;
mod space_saving;
mod stage;
mod summary;
mod tracker;
mod try_lock;
mod window;

pub use json::{from_json, to_json, DEFAULT_MAX_BYTES};
pub(crate) use lane_keys::LaneKeys;
pub use merge::HotKeysMerge;
pub use query::{HotKeysQuery, DEFAULT_TOP, MAX_TOP};
pub(crate) use report::SubRange;
pub use report::{HotKey, HotKeys};
pub use snapshot::{SampledKey, Snapshot};
pub use space_saving::{Counted, SpaceSaving};
pub(crate) use stage::{Stage, BATCH, KEY_BYTES, SLOTS};
pub(crate) use tracker::{Heir, Tracker};

use crate::error::Error;
use crate::label::{Label, Series};
use crate::options::Options;

/// The effective options of hot keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Entries of a sketch, m.
    pub entries: usize,
    /// One in so many observations is sampled, R.
    pub rate: u32,
    /// What a lane's window holds before it passes some on, in full sketches.
    pub queue_size: usize,
    /// Bytes of a key at most.
    pub longest_key: u32,
    /// Bit 0: reads are sampled; bit 1: writes are.
    pub series: u32,
    /// Whether labels tell slots apart.
    pub labels: bool,
    /// Whether columns keep keys.
    pub in_columns: bool,
    pub step_ns: i64,
}

impl Settings {
    /// The settings in effective options; `None`: hot keys are off.
    pub fn new(options: &Options) -> Option<Self> {
        options.hot_keys_enabled.then_some(Self {
            entries: options.hot_keys_per_route as usize,
            rate: options.hot_keys_sample_rate,
            queue_size: options.hot_keys_queue_size as usize,
            longest_key: options.hot_keys_max_key_len,
            series: options.hot_keys_series.mask(),
            labels: options.labels_enabled,
            in_columns: options.hot_keys_in_columns,
            step_ns: options.step_ns,
        })
    }
}

/// What has a sketch of its own: a route, a label and a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SketchId {
    pub route_id: u64,
    /// Label and series as one number: twice the label, plus 1 for writes.
    slot: u8,
}

/// One number, which the hasher mixes once.
impl std::hash::Hash for SketchId {
    #[inline]
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.number());
    }
}

impl SketchId {
    /// `op`: 0 is a read, 1 a write.
    pub fn new(route_id: u64, label: u32, op: u32) -> Self {
        Self { route_id, slot: (label << 1 | op & 1) as u8 }
    }

    /// Few ids have the same.
    #[inline(always)]
    fn number(self) -> u64 {
        self.route_id ^ u64::from(self.slot) << 56
    }

    /// Of a series that has hot keys.
    pub fn of(route_id: u64, label: Label, series: Series) -> Result<Self, Error> {
        let op = match series {
            Series::Reads => 0,
            Series::Writes => 1,
            _ => return Err(Error::InvalidArgument(format!("the series {} has no hot keys", series.name()))),
        };
        Ok(Self::new(route_id, label as u32, op))
    }

    fn all_of(route_id: u64) -> impl Iterator<Item = Self> {
        (0..Label::COUNT as u8 * 2).map(move |slot| Self { route_id, slot })
    }

    fn label(self) -> Label {
        Label::ALL[self.slot as usize >> 1]
    }

    fn series(self) -> Series {
        [Series::Reads, Series::Writes][self.slot as usize & 1]
    }
}
