//! A sampler's options: zero means the default, and what is above a cap is the cap.

/// How a sampler is made. `Options::default()` gives every default; [`Options::effective`] applies defaults and caps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Flush interval in ns; 0: 60 s. The sampler has no timer of its own: this sets the grace of removed routes
    /// and the window of a column that the clock gives no width.
    pub step_ns: i64,
    /// Columns kept; 0: 1440; at most 100 000.
    pub history_columns: u32,
    /// Keep no history: columns are only drained.
    pub history_off: bool,
    /// Routes with slots of their own; 0: 10 000.
    pub max_tracked_routes: u32,
    /// Member ids listed on a virtual bucket; 0: 256. Further members count, unlisted.
    pub max_member_routes_per_slot: u32,
    /// Sub-buckets per route, K; 0: 1 (off); at most 256.
    pub key_buckets_per_route: u32,
    /// One slot per label and route, instead of one per route.
    pub labels_enabled: bool,
    /// Most bytes of counters, history and routes; 0: no limit.
    pub memory_limit_bytes: u64,
    /// Most lanes (private counter sets of threads); 0: 256; at most 4096. Further threads share one.
    pub max_lanes: u32,
    /// Coarser resolutions for what falls out of the history, finest first; none by default. (The C API refuses those that
    /// are not; here they are summed up as they stand.)
    pub resolutions: [Resolution; MAX_RESOLUTIONS],
    /// Unix ns at which the first column's window begins.
    pub created_ns: i64,
    /// Sample keys, and publish the hottest of each route, label and series; see [`crate::hot_keys`].
    pub hot_keys_enabled: bool,
    /// Entries of a hot-key sketch, m; 0: 64; at most 256.
    pub hot_keys_per_route: u32,
    /// One in so many observations is sampled, R; 0: 16; at most 1024.
    pub hot_keys_sample_rate: u32,
    /// What a lane holds between two publications, in full sketches of short keys (some 5 kB each where
    /// `hot_keys_per_route` is 64); 0: 8192; at most 65 536. Above that, it merges some into those that all lanes share.
    pub hot_keys_queue_size: u32,
    /// Longest key that is sampled, in bytes; 0: 1024; at most 4096. Longer ones are counted as skipped.
    pub hot_keys_max_key_len: u32,
    /// Which operations are sampled.
    pub hot_keys_series: HotKeysSeries,
    /// Keep the first 8 keys of each route, label and series with each column in the history.
    pub hot_keys_in_columns: bool,
}

/// Which operations' keys are sampled. Each of the two series has sketches of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum HotKeysSeries {
    /// Writes only.
    #[default]
    Writes = 0,
    /// Reads only.
    Reads = 1,
    /// Both.
    Both = 2,
}

impl HotKeysSeries {
    /// The value with this number, if there is one.
    pub fn from_index(index: u32) -> Option<Self> {
        [Self::Writes, Self::Reads, Self::Both].get(index as usize).copied()
    }

    /// Bit 0: reads; bit 1: writes.
    pub(crate) fn mask(self) -> u32 {
        match self {
            Self::Writes => 0b10,
            Self::Reads => 0b01,
            Self::Both => 0b11,
        }
    }
}

/// A resolution beyond the history's ring: columns of `step_ns`, kept for `retention_ns`. They hold sums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// Width of a column, in ns; 0: this resolution is off.
    pub step_ns: i64,
    /// How long columns are kept, in ns.
    pub retention_ns: i64,
}

/// Resolutions beyond the ring.
pub const MAX_RESOLUTIONS: usize = 4;
/// 60 s.
pub const DEFAULT_STEP_NS: i64 = 60_000_000_000;
/// A day of one-minute columns.
pub const DEFAULT_HISTORY_COLUMNS: u32 = 1440;
/// Cap of `history_columns`.
pub const MAX_HISTORY_COLUMNS: u32 = 100_000;
/// Routes with slots of their own.
pub const DEFAULT_MAX_TRACKED_ROUTES: u32 = 10_000;
/// Member ids listed on a virtual bucket.
pub const DEFAULT_MAX_MEMBER_ROUTES_PER_SLOT: u32 = 256;
/// Sub-buckets per route: off.
pub const DEFAULT_KEY_BUCKETS_PER_ROUTE: u32 = 1;
/// Cap of `key_buckets_per_route`.
pub const MAX_KEY_BUCKETS_PER_ROUTE: u32 = 256;
/// Lanes per sampler.
pub const DEFAULT_MAX_LANES: u32 = 256;
/// Cap of `max_lanes`.
pub const MAX_LANES: u32 = 4096;
/// Entries of a hot-key sketch.
pub const DEFAULT_HOT_KEYS_PER_ROUTE: u32 = 64;
/// Cap of `hot_keys_per_route`.
pub const MAX_HOT_KEYS_PER_ROUTE: u32 = 256;
/// One in so many observations is sampled.
pub const DEFAULT_HOT_KEYS_SAMPLE_RATE: u32 = 16;
/// Cap of `hot_keys_sample_rate`.
pub const MAX_HOT_KEYS_SAMPLE_RATE: u32 = 1024;
/// What a lane holds, in full sketches.
pub const DEFAULT_HOT_KEYS_QUEUE_SIZE: u32 = 8192;
/// Cap of `hot_keys_queue_size`.
pub const MAX_HOT_KEYS_QUEUE_SIZE: u32 = 65_536;
/// Longest key that is sampled.
pub const DEFAULT_HOT_KEYS_MAX_KEY_LEN: u32 = 1024;
/// Cap of `hot_keys_max_key_len`.
pub const MAX_HOT_KEYS_MAX_KEY_LEN: u32 = 4096;

impl Options {
    /// The options with defaults and caps applied.
    pub fn effective(self) -> Self {
        Self {
            step_ns: if self.step_ns <= 0 { DEFAULT_STEP_NS } else { self.step_ns },
            history_columns: or_default(self.history_columns, DEFAULT_HISTORY_COLUMNS).min(MAX_HISTORY_COLUMNS),
            max_tracked_routes: or_default(self.max_tracked_routes, DEFAULT_MAX_TRACKED_ROUTES),
            max_member_routes_per_slot: or_default(self.max_member_routes_per_slot, DEFAULT_MAX_MEMBER_ROUTES_PER_SLOT),
            key_buckets_per_route: or_default(self.key_buckets_per_route, DEFAULT_KEY_BUCKETS_PER_ROUTE)
                .min(MAX_KEY_BUCKETS_PER_ROUTE),
            max_lanes: or_default(self.max_lanes, DEFAULT_MAX_LANES).min(MAX_LANES),
            hot_keys_per_route: or_default(self.hot_keys_per_route, DEFAULT_HOT_KEYS_PER_ROUTE).min(MAX_HOT_KEYS_PER_ROUTE),
            hot_keys_sample_rate: or_default(self.hot_keys_sample_rate, DEFAULT_HOT_KEYS_SAMPLE_RATE)
                .min(MAX_HOT_KEYS_SAMPLE_RATE),
            hot_keys_queue_size: or_default(self.hot_keys_queue_size, DEFAULT_HOT_KEYS_QUEUE_SIZE)
                .min(MAX_HOT_KEYS_QUEUE_SIZE),
            hot_keys_max_key_len: or_default(self.hot_keys_max_key_len, DEFAULT_HOT_KEYS_MAX_KEY_LEN)
                .min(MAX_HOT_KEYS_MAX_KEY_LEN),
            ..self
        }
    }

    /// How long a removed route is still drained: `max(2 x step, 5 s)`, in ns.
    pub(crate) fn grace_ns(&self) -> i64 {
        self.step_ns.saturating_mul(2).max(5_000_000_000)
    }
}

fn or_default(value: u32, default: u32) -> u32 {
    if value == 0 {
        default
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_means_default_and_caps_hold() {
        let all_default = Options::default().effective();
        assert_eq!((all_default.step_ns, all_default.history_columns), (60_000_000_000, 1440));
        assert_eq!((all_default.max_tracked_routes, all_default.max_member_routes_per_slot), (10_000, 256));
        assert_eq!(all_default.key_buckets_per_route, 1);
        let all_large = Options {
            history_columns: u32::MAX,
            key_buckets_per_route: u32::MAX,
            max_lanes: u32::MAX,
            hot_keys_per_route: u32::MAX,
            hot_keys_sample_rate: u32::MAX,
            hot_keys_queue_size: u32::MAX,
            hot_keys_max_key_len: u32::MAX,
            ..Options::default()
        }
        .effective();
        assert_eq!((all_large.history_columns, all_large.key_buckets_per_route, all_large.max_lanes), (100_000, 256, 4096));
        let hot_keys = |o: Options| (o.hot_keys_per_route, o.hot_keys_sample_rate, o.hot_keys_queue_size, o.hot_keys_max_key_len);
        assert_eq!(hot_keys(all_default), (64, 16, 8192, 1024));
        assert_eq!(hot_keys(all_large), (256, 1024, 65_536, 4096));
        assert!(!all_default.hot_keys_enabled);
    }

    #[test]
    fn grace_is_two_steps_and_at_least_five_seconds() {
        let grace = |step_ns| Options { step_ns, ..Options::default() }.effective().grace_ns();
        assert_eq!(grace(1), 5_000_000_000);
        assert_eq!(grace(60_000_000_000), 120_000_000_000);
        assert_eq!(grace(i64::MAX), i64::MAX);
    }
}
