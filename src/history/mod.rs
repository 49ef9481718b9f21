//! The history: the newest columns as they were flushed, and beyond them, if asked for, coarser ones.
//!
//! Columns live encoded in blocks (`block.rs`), in one ring per resolution (`ring.rs`). A column that falls out of the
//! first ring is dropped, or, where coarser resolutions are configured, summed up with its neighbours into one column
//! of the next. A group of columns moves on as a whole, once all of it is out of its ring's share, so each column is in
//! exactly one ring, and no traffic is missing or told twice in between.
//!
//! Readers get [`StoredColumn`]s, which keep their block alive: what they read never changes.

mod block;
mod image;
mod ring;
mod rows;
mod varint;

pub use block::StoredColumn;
pub(crate) use image::{read_file, write_file, Loaded};

use crate::column::{ColumnInfo, ColumnRows, Counters};
use crate::label::Label;
use crate::meta::{PartBounds, RouteMeta};
use crate::options::{Options, Resolution};
use crate::registry::{Drained, DrainedRow};
use ring::Ring;
use std::collections::HashMap;
use std::sync::Arc;

/// The stored columns of a sampler; see the head.
pub(crate) struct History {
    /// The ring, then the coarser resolutions.
    rings: Vec<Ring>,
    resolutions: Vec<Resolution>,
    columns: usize,
}

impl History {
    pub fn new(options: &Options) -> Self {
        let resolutions: Vec<_> = options.resolutions.into_iter().filter(|coarse| coarse.step_ns > 0).collect();
        let steps = std::iter::once(options.step_ns).chain(resolutions.iter().map(|coarse| coarse.step_ns));
        Self {
            rings: steps.map(Ring::new).collect(),
            resolutions,
            columns: options.history_columns as usize,
        }
    }

    /// Appends a drained column.
    pub fn push(&mut self, drained: &Drained) {
        self.rings[0].push(drained.info, 1, &drained.metas, &drained.rows);
        self.trim(drained.info.at_ns);
    }

    /// Drops the oldest columns until the history takes at most `limit` bytes, its descriptions left out.
    pub fn shrink_to(&mut self, limit: u64) {
        while self.len() > 0 && self.bytes() > limit {
            self.drop_oldest();
        }
    }

    fn trim(&mut self, now_ns: i64) {
        let excess = self.rings[0].len().saturating_sub(self.columns);
        self.move_on(0, excess);
        for i in 0..self.resolutions.len() {
            let kept_from = now_ns.saturating_sub(self.resolutions[i].retention_ns);
            let old = self.rings[i + 1].iter().take_while(|column| column.info().at_ns < kept_from).count();
            self.move_on(i + 1, old);
        }
    }

    /// Lets go of up to `excess` of the oldest columns of a ring.
    fn move_on(&mut self, ring: usize, mut excess: usize) {
        let Some(step_ns) = self.resolutions.get(ring).map(|coarse| coarse.step_ns) else {
            (0..excess).for_each(|_| self.rings[ring].pop());
            return;
        };
        while excess > 0 {
            let group_of = |column: &StoredColumn| group(column.info().at_ns, step_ns);
            let Some(oldest) = self.rings[ring].iter().next() else { return };
            let members: Vec<StoredColumn> =
                self.rings[ring].iter().take_while(|column| group_of(column) == group_of(&oldest)).collect();
            if members.len() > excess {
                return;
            }
            let (info, flushes, sum) = fold(&members);
            self.rings[ring + 1].push(info, flushes, &sum.metas, &sum.rows);
            members.iter().for_each(|_| self.rings[ring].pop());
            excess -= members.len();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(ring) = self.rings.iter_mut().rev().find(|ring| ring.len() > 0) {
            ring.pop();
        }
    }

    /// Columns of every resolution.
    pub fn len(&self) -> usize {
        self.rings.iter().map(Ring::len).sum()
    }

    /// The number of the oldest column at the finest resolution.
    pub fn oldest_single(&self) -> Option<u64> {
        self.rings[0].iter().next().map(|column| column.info().sequence)
    }

    fn iter(&self) -> impl Iterator<Item = StoredColumn> + '_ {
        self.rings.iter().rev().flat_map(Ring::iter)
    }

    /// The columns with `from_ns <= at < to_ns` (0: unbounded), oldest first.
    pub fn columns(&self, from_ns: i64, to_ns: i64) -> Vec<StoredColumn> {
        let inside = |at_ns: i64| (from_ns == 0 || from_ns <= at_ns) && (to_ns == 0 || at_ns < to_ns);
        self.iter().filter(|column| inside(column.info().at_ns)).collect()
    }

    /// The column that holds the flush of this number.
    pub fn find(&self, sequence: u64) -> Option<StoredColumn> {
        self.rings.iter().find_map(|ring| ring.find(sequence))
    }

    /// Takes over what an image held, as far as the resolutions are still configured. The history must be empty.
    pub fn load(&mut self, loaded: Loaded) {
        for (i, (step_ns, blocks)) in loaded.rings.into_iter().enumerate() {
            let same = |ring: &&mut Ring| ring.step_ns() == step_ns;
            let ring = if i == 0 { self.rings.first_mut() } else { self.rings.iter_mut().skip(1).find(same) };
            let Some(ring) = ring else { continue };
            blocks.into_iter().filter(|block| block.columns > 0).for_each(|block| ring.append_block(block));
        }
        let newest = self.iter().last().map_or(0, |column| column.info().at_ns);
        self.trim(newest);
    }

    /// Bytes of memory behind the history, its descriptions left out.
    pub fn bytes(&self) -> u64 {
        self.rings.iter().map(|ring| ring.bytes() as u64).sum()
    }

    /// The descriptions that the rows refer to; one may come several times.
    pub fn metas(&self) -> impl Iterator<Item = &Arc<RouteMeta>> {
        self.rings.iter().flat_map(Ring::blocks).flat_map(|(block, _)| &block.dictionary)
    }
}

/// The number of the coarse column that a column at `at_ns` goes into: it spans `(n * step - step, n * step]`.
fn group(at_ns: i64, step_ns: i64) -> i64 {
    at_ns.saturating_sub(1).div_euclid(step_ns)
}

/// The sum of consecutive columns: rows of one (route, label, part) become one, described as in the oldest column.
fn fold(members: &[StoredColumn]) -> (ColumnInfo, u64, Drained) {
    let mut sums: HashMap<(u64, Label, u16, u32), (Arc<RouteMeta>, DrainedRow)> = HashMap::new();
    for column in members {
        let _ = column.decode(|meta, row| {
            let sum = sums.entry((meta.route_id, row.label, row.part, meta.parts()));
            let (_, sum) = sum.or_insert_with(|| (meta.clone(), DrainedRow { counters: Counters::default(), ..row }));
            sum.counters = sum.counters.saturating_add(row.counters);
        });
    }
    let first = members.first().map_or_else(ColumnInfo::default, ColumnRows::info);
    let last = members.last().map_or_else(ColumnInfo::default, ColumnRows::info);
    let info = ColumnInfo { window_start_ns: first.window_start_ns, ..last };
    let mut bounds = PartBounds::default();
    let mut sums: Vec<(Vec<u8>, Arc<RouteMeta>, DrainedRow)> = sums
        .into_values()
        .map(|(meta, row)| {
            let start = meta.view(row.label, row.part.into(), row.counters, &mut bounds).start.to_vec();
            (start, meta, row)
        })
        .collect();
    sums.sort_by(|(start, meta, row), (other_start, other_meta, other)| {
        (start, meta.route_id, row.label.name(), row.part, meta.parts()).cmp(&(
            other_start,
            other_meta.route_id,
            other.label.name(),
            other.part,
            other_meta.parts(),
        ))
    });
    let mut drained = Drained { info, metas: Vec::new(), rows: Vec::new() };
    for (_, meta, row) in sums {
        if drained.metas.last().is_none_or(|last| !Arc::ptr_eq(last, &meta)) {
            drained.metas.push(meta);
        }
        drained.rows.push(DrainedRow { meta: drained.metas.len() as u32 - 1, ..row });
    }
    (info, members.iter().map(StoredColumn::flushes).sum(), drained)
}
