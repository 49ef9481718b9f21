//! The Raft group and leader term of each cell of a row, as runs of equal ones.

use std::ops::Range;

/// Who led the group of a cell's route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// The leader's term; 0: unknown.
    pub leader_term: u64,
    /// The Raft group; 0: none.
    pub group_id: u64,
}

impl Identity {
    /// Whether both the group and the term are known.
    pub fn is_known(self) -> bool {
        self.group_id != 0 && self.leader_term != 0
    }
}

/// The identities of a row's cells. Cells past the last run have none ([`Identity::default`]).
///
/// Equal contents are equal values: runs are as long as they can be, and the last one says something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identities {
    runs: Vec<Run>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    /// One past the run's last column.
    end: usize,
    identity: Identity,
}

impl Identities {
    /// Sets the identity of column `j`, and none for the columns between the last one set and it. Columns are set in
    /// ascending order.
    pub fn set(&mut self, j: usize, identity: Identity) {
        self.set_run(j..j + 1, identity);
    }

    /// [`Identities::set`] for each of these columns.
    pub fn set_run(&mut self, columns: Range<usize>, identity: Identity) {
        if identity == Identity::default() || columns.is_empty() {
            return;
        }
        let end = self.runs.last().map_or(0, |run| run.end);
        debug_assert!(columns.start >= end, "columns are set in ascending order");
        if columns.start > end {
            self.runs.push(Run { end: columns.start, identity: Identity::default() });
        }
        match self.runs.last_mut() {
            Some(run) if run.identity == identity => run.end = columns.end,
            _ => self.runs.push(Run { end: columns.end, identity }),
        }
    }

    /// Whether no cell has an identity.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The identity of column `j`.
    pub fn get(&self, j: usize) -> Identity {
        let run = self.runs.partition_point(|run| run.end <= j);
        self.runs.get(run).map_or_else(Identity::default, |run| run.identity)
    }

    /// The identities of `columns` columns, one after the other.
    pub fn iter(&self, columns: usize) -> impl Iterator<Item = Identity> + '_ {
        let runs = self.runs().flat_map(|(run, identity)| std::iter::repeat_n(identity, run.len()));
        runs.chain(std::iter::repeat(Identity::default())).take(columns)
    }

    /// The longest runs of equal identities, in order; they end with the last known one.
    pub fn runs(&self) -> impl Iterator<Item = (Range<usize>, Identity)> + '_ {
        let mut begin = 0;
        self.runs.iter().map(move |run| (std::mem::replace(&mut begin, run.end)..run.end, run.identity))
    }

    /// Gives back memory that is held for more cells to come.
    pub fn shrink_to_fit(&mut self) {
        self.runs.shrink_to_fit();
    }

    /// Bytes of memory behind it.
    pub fn bytes(&self) -> usize {
        self.runs.capacity() * size_of::<Run>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_cell_keeps_its_identity(cells in prop::collection::vec((0u64..3, 0u64..3), 0..40)) {
            let cells: Vec<Identity> =
                cells.into_iter().map(|(leader_term, group_id)| Identity { leader_term, group_id }).collect();
            let mut identities = Identities::default();
            cells.iter().enumerate().for_each(|(j, &identity)| identities.set(j, identity));
            prop_assert_eq!(identities.iter(cells.len()).collect::<Vec<_>>(), cells.clone());
            prop_assert!(cells.iter().enumerate().all(|(j, &identity)| identities.get(j) == identity));
            prop_assert_eq!(identities.is_empty(), cells.iter().all(|&cell| cell == Identity::default()));
        }
    }
}
