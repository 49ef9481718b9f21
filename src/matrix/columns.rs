//! Which columns of different sources are one column: those within a tolerance of each other, since nodes flush at
//! slightly different instants.
//!
//! Both sides are walked in the order of time. Two columns that are near enough are paired, unless the next one of either
//! side fits better and isn't needed elsewhere; so pairs never cross, and a column of a source is in one pair at most.

use super::merge::Stretch;
use crate::options::DEFAULT_STEP_NS;

const NS_PER_MS: u64 = 1_000_000;

/// The columns of a merge. Each has a slot, numbered as they came.
#[derive(Clone)]
pub(super) struct Columns {
    tolerance_ms: Option<u64>,
    /// Half of the step, once a source has told it.
    half_step_ms: Option<u64>,
    /// When each was committed, Unix milliseconds, by slot.
    at_ms: Vec<i64>,
    /// The slots in the order of time.
    by_time: Vec<usize>,
}

impl Columns {
    /// `None`: the tolerance is half of the step.
    pub fn new(tolerance_ns: Option<u64>) -> Self {
        let tolerance_ms = tolerance_ns.map(|ns| ns / NS_PER_MS);
        Self { tolerance_ms, half_step_ms: None, at_ms: Vec::new(), by_time: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.at_ms.len()
    }

    pub fn at_ms(&self, slot: usize) -> i64 {
        self.at_ms[slot]
    }

    /// The slots in the order of time.
    pub fn by_time(&self) -> Vec<usize> {
        self.by_time.clone()
    }

    /// Finds or makes the slot of each of a source's columns.
    pub fn place(&mut self, source: &[i64]) -> Vec<Stretch> {
        let mut order: Vec<usize> = (0..source.len()).collect();
        order.sort_by_key(|&column| source[column]);
        let theirs: Vec<i64> = order.iter().map(|&column| source[column]).collect();
        let ours: Vec<i64> = self.by_time.iter().map(|&slot| self.at_ms[slot]).collect();
        let tolerance_ms = self.tolerance_ms(&theirs);
        let mut slots: Vec<Option<usize>> = vec![None; source.len()];
        for (i, j) in pairs(&theirs, &ours, tolerance_ms) {
            slots[order[i]] = Some(self.by_time[j]);
        }
        let known = self.at_ms.len();
        for &column in &order {
            if slots[column].is_none() {
                slots[column] = Some(self.at_ms.len());
                self.by_time.push(self.at_ms.len());
                self.at_ms.push(source[column]);
            }
        }
        if self.at_ms.len() > known {
            let at_ms = &self.at_ms;
            self.by_time.sort_by_key(|&slot| at_ms[slot]);
        }
        stretches(slots.into_iter().flatten())
    }

    /// The tolerance for a source with columns at these times.
    fn tolerance_ms(&mut self, sorted: &[i64]) -> u64 {
        self.tolerance_ms.unwrap_or_else(|| {
            let half_step = self.half_step_ms.or_else(|| Some(median_step(sorted)? / 2));
            self.half_step_ms = half_step;
            half_step.unwrap_or(DEFAULT_STEP_NS as u64 / NS_PER_MS / 2)
        })
    }
}

/// The median distance of consecutive columns, if there are two.
fn median_step(sorted: &[i64]) -> Option<u64> {
    let mut steps: Vec<u64> = sorted.windows(2).map(|pair| pair[1].abs_diff(pair[0])).collect();
    let middle = steps.len().checked_sub(1)? / 2;
    Some(*steps.select_nth_unstable(middle).1)
}

/// The pairs of times that are at most `tolerance` apart; see the head. Both are sorted.
fn pairs(theirs: &[i64], ours: &[i64], tolerance: u64) -> Vec<(usize, usize)> {
    let apart = |i: usize, j: usize| match (theirs.get(i), ours.get(j)) {
        (Some(a), Some(b)) => a.abs_diff(*b),
        _ => u64::MAX,
    };
    let mut pairs = Vec::with_capacity(theirs.len().min(ours.len()));
    let (mut i, mut j) = (0, 0);
    while i < theirs.len() && j < ours.len() {
        let here = apart(i, j);
        if here > tolerance {
            if ours[j] < theirs[i] {
                j += 1;
            } else {
                i += 1;
            }
        } else if apart(i, j + 1) < here && apart(i, j + 1) <= apart(i + 1, j + 1) {
            j += 1;
        } else if apart(i + 1, j) < here && apart(i + 1, j) <= apart(i + 1, j + 1) {
            i += 1;
        } else {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        }
    }
    pairs
}

/// Joins the slots of consecutive columns where they are consecutive too.
fn stretches(slots: impl Iterator<Item = usize>) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (column, slot) in slots.enumerate() {
        match stretches.last_mut() {
            Some(last) if last.slot + last.len == slot => last.len += 1,
            _ => stretches.push(Stretch { column, slot, len: 1 }),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn merged(tolerance_ns: Option<u64>, sources: &[&[i64]]) -> Vec<i64> {
        let mut columns = Columns::new(tolerance_ns);
        sources.iter().for_each(|source| drop(columns.place(source)));
        columns.by_time().into_iter().map(|slot| columns.at_ms(slot)).collect()
    }

    #[test]
    fn two_nodes_3_s_apart_on_a_60_s_step_share_their_columns() {
        let (here, there) = ([0, 60_000, 120_000], [3_000, 63_000, 123_000]);
        assert_eq!(merged(None, &[&here, &there]), here);
        assert_eq!(merged(Some(2_999_000_000), &[&here, &there]).len(), 6);
        assert_eq!(merged(Some(0), &[&here, &here, &there]).len(), 6);
    }

    #[test]
    fn a_column_goes_to_the_nearest_one_and_a_missing_one_moves_nothing() {
        assert_eq!(pairs(&[57, 117], &[0, 60, 120], 60), [(0, 1), (1, 2)]);
        assert_eq!(pairs(&[0, 120], &[3, 63, 123], 60), [(0, 0), (1, 2)]);
        assert_eq!(pairs(&[6, 11], &[0, 10], 30), [(0, 0), (1, 1)], "the nearer one is needed elsewhere");
        assert_eq!(pairs(&[-20, 5], &[0], 30), [(1, 0)]);
        assert_eq!(pairs(&[i64::MIN, i64::MAX], &[i64::MAX], u64::MAX), [(1, 0)]);
    }

    #[test]
    fn the_step_is_that_of_the_first_source_that_has_one() {
        assert_eq!(merged(None, &[&[0], &[29_000]]), [0], "half of the default step");
        assert_eq!(merged(None, &[&[0], &[31_000, 32_000, 33_000]]).len(), 4);
        assert_eq!(merged(None, &[&[0, 10_000, 20_000], &[5_000], &[26_000]]), [0, 10_000, 20_000, 26_000]);
    }

    proptest! {
        #[test]
        fn a_source_has_each_of_its_columns_once_and_near_where_it_was(
            sources in prop::collection::vec(prop::collection::vec(-50i64..50, 0..20), 1..5),
            tolerance in 0u64..12,
        ) {
            let mut columns = Columns::new(Some(tolerance * NS_PER_MS));
            for source in &sources {
                let stretches = columns.place(source);
                let placed: Vec<(usize, usize)> = stretches.iter()
                    .flat_map(|s| (0..s.len).map(move |i| (s.column + i, s.slot + i))).collect();
                prop_assert!(placed.iter().map(|&(column, _)| column).eq(0..source.len()));
                let mut slots: Vec<usize> = placed.iter().map(|&(_, slot)| slot).collect();
                slots.sort();
                prop_assert!(slots.windows(2).all(|pair| pair[0] != pair[1]));
                for (column, slot) in placed {
                    prop_assert!(columns.at_ms(slot).abs_diff(source[column]) <= tolerance);
                }
            }
            let times: Vec<i64> = columns.by_time().into_iter().map(|slot| columns.at_ms(slot)).collect();
            prop_assert!(times.is_sorted());
        }
    }
}
