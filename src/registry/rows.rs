//! From what moved since the last drain to the rows of a column.

use super::slot::Slot;
use super::Registry;
use crate::column::{ColumnInfo, ColumnRows, Counters, RowView};
use crate::drain::Deltas;
use crate::label::Label;
use crate::meta::{PartBounds, RouteMeta};
use std::sync::Arc;

/// A column as it was drained: rows that refer to the descriptions they share.
pub(crate) struct Drained {
    pub info: ColumnInfo,
    pub metas: Vec<Arc<RouteMeta>>,
    pub rows: Vec<DrainedRow>,
}

/// One row of it.
#[derive(Clone, Copy)]
pub(crate) struct DrainedRow {
    /// Index of its description.
    pub meta: u32,
    pub part: u16,
    pub label: Label,
    pub counters: Counters,
}

impl Registry {
    /// The rows of everything that moved, in the order of a column.
    pub fn rows(&mut self, deltas: &Deltas, info: ColumnInfo) -> Drained {
        self.sort();
        let mut drained = Drained { info, metas: Vec::new(), rows: Vec::new() };
        // Whether the parts of a sub-divided route may lie behind the start of a later one, or share a start.
        let mut overlap = false;
        let mut furthest: Option<u32> = None;
        for i in 0..self.order.len() {
            let number = self.order[i];
            if let Some(before) = furthest {
                overlap |= ends_after(self.slot(before).end(), self.slot(number).start());
            }
            if !self.push_rows(number, deltas, &mut drained) || self.slot(number).parts() == 1 {
                continue;
            }
            overlap |= self.slot(number).is_clamped();
            let reaches_further = |before| ends_after(self.slot(number).end(), self.slot(before).end());
            if furthest.is_none_or(reaches_further) {
                furthest = Some(number);
            }
        }
        if overlap {
            drained.sort();
        }
        drained
    }

    /// Adds the rows of one slot. Whether there were any.
    fn push_rows(&mut self, number: u32, deltas: &Deltas, drained: &mut Drained) -> bool {
        let slot = &self.slots[number as usize];
        let labels = if self.labels == 1 || slot.is_bucket() { &[Label::Legacy][..] } else { &Label::BY_NAME };
        let (first, parts) = (slot.first, slot.parts());
        let stride = self.stride(parts);
        if !deltas.any(first, stride * if labels.len() == 1 { 1 } else { Label::COUNT as u32 }) {
            return false;
        }
        let before = drained.rows.len();
        let meta = drained.metas.len() as u32;
        for part in 0..parts {
            for &label in labels {
                let counters = deltas.get(first + label.index() as u32 * stride + part);
                if !counters.is_zero() {
                    drained.rows.push(DrainedRow { meta, part: part as u16, label, counters });
                }
            }
        }
        if drained.rows.len() == before {
            return false;
        }
        let term = self.terms.get(&slot.group_id).copied().unwrap_or(0);
        drained.metas.push(self.slots[number as usize].meta(term));
        true
    }

    /// Brings the order up to date.
    fn sort(&mut self) {
        let Self { slots, order, newcomers, disordered, .. } = self;
        let key = |number: &u32| {
            let slot: &Slot = &slots[*number as usize];
            (slot.start(), slot.id)
        };
        let compare = |a: &u32, b: &u32| key(a).cmp(&key(b));
        if !newcomers.is_empty() {
            newcomers.sort_unstable_by(compare);
            order.append(newcomers);
            *disordered = true;
        }
        if std::mem::take(disordered) {
            // Merges the two runs in one pass, which is what the stable sort does with sorted runs.
            order.sort_by(compare);
        }
    }
}

/// Whether a range that ends at `end` (empty: unbounded) reaches beyond `key` (empty as an end: unbounded).
fn ends_after(end: &[u8], key: &[u8]) -> bool {
    end.is_empty() || end > key
}

impl Drained {
    fn sort(&mut self) {
        let mut bounds = PartBounds::default();
        let starts: Vec<Vec<u8>> = self.rows.iter().map(|row| row.view(&self.metas, &mut bounds).start.to_vec()).collect();
        let mut order: Vec<u32> = (0..self.rows.len() as u32).collect();
        order.sort_by(|&a, &b| {
            let (x, y) = (&self.rows[a as usize], &self.rows[b as usize]);
            let id = |row: &DrainedRow| self.metas[row.meta as usize].route_id;
            starts[a as usize]
                .cmp(&starts[b as usize])
                .then_with(|| id(x).cmp(&id(y)))
                .then_with(|| x.label.name().cmp(y.label.name()))
                .then_with(|| x.part.cmp(&y.part))
        });
        self.rows = order.into_iter().map(|i| self.rows[i as usize]).collect();
    }
}

impl DrainedRow {
    pub fn view<'a>(&self, metas: &'a [Arc<RouteMeta>], bounds: &'a mut PartBounds) -> RowView<'a> {
        metas[self.meta as usize].view(self.label, self.part.into(), self.counters, bounds)
    }
}

impl ColumnRows for Drained {
    fn info(&self) -> ColumnInfo {
        self.info
    }

    fn for_each_row(&self, visit: &mut dyn FnMut(&RowView<'_>)) {
        let mut bounds = PartBounds::default();
        for row in &self.rows {
            visit(&row.view(&self.metas, &mut bounds));
        }
    }
}
