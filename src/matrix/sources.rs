//! Who was merged, and which of their rows are one row.

use super::{FanoutNode, MatrixRow, RowId};
use std::collections::{HashMap, HashSet};

/// The nodes and the rows of a merge.
#[derive(Default)]
pub(super) struct Sources {
    nodes: Vec<FanoutNode>,
    /// Where a named node stands in `nodes`.
    named: HashMap<String, usize>,
    rows: Vec<Joined>,
    /// The rows of an id; several only of virtual buckets.
    by_id: HashMap<String, Vec<usize>>,
}

struct Joined {
    /// What the first source with the row told of it.
    row: MatrixRow,
    /// Where that source stands among the nodes.
    source: usize,
    /// The row's route ids, once there are two sources with routes to unite.
    routes: Option<HashSet<u64>>,
}

impl Sources {
    /// A node answered; the rows that follow are its own. Its number; `None`: it has answered before.
    pub fn answered(&mut self, node: &str) -> Option<usize> {
        match self.named.get(node) {
            Some(&known) => self.nodes[known].error.take().map(|_| known),
            None => Some(self.add(node, None)),
        }
    }

    /// A node failed; if it has answered, it did not.
    pub fn failed(&mut self, node: &str, error: &str) {
        match self.named.get(node) {
            Some(&known) => self.nodes[known].error = self.nodes[known].error.take().map(|_| error.to_owned()),
            None => drop(self.add(node, Some(error.to_owned()))),
        }
    }

    fn add(&mut self, node: &str, error: Option<String>) -> usize {
        if !node.is_empty() {
            self.named.insert(node.to_owned(), self.nodes.len());
        }
        self.nodes.push(FanoutNode { node: node.to_owned(), error });
        self.nodes.len() - 1
    }

    /// Whether a node of this name would count: none has answered yet.
    pub fn would_count(&self, node: &str) -> bool {
        self.named.get(node).is_none_or(|&known| self.nodes[known].error.is_some())
    }

    /// The merged row that a source's row goes to, if it is there.
    pub fn find(&self, row: &MatrixRow, sums: bool) -> Option<usize> {
        let own = matches!(RowId::parse(&row.id), Ok(RowId::Virtual { node: "", .. }));
        let alike = self.by_id.get(&row.id)?;
        alike.iter().copied().find(|&known| !own || sums && overlap(&self.rows[known].row, row))
    }

    /// The number of the merged row that a source's row goes to; a new one has the number of rows there were. `sums`:
    /// the merge adds up what sources counted.
    pub fn place(&mut self, row: &MatrixRow, source: usize, sums: bool) -> usize {
        let Some(known) = self.find(row, sums) else {
            self.by_id.entry(row.id.clone()).or_default().push(self.rows.len());
            let described = MatrixRow { conflicts: Vec::new(), identities: Default::default(), ..row.clone() };
            self.rows.push(Joined { row: described, source, routes: None });
            return self.rows.len() - 1;
        };
        self.rows[known].join(row);
        known
    }

    /// The rows, each with an id of its own; the name of the only node that answered, if it is the only one; the nodes.
    pub fn finish(self) -> (Vec<MatrixRow>, String, Vec<FanoutNode>) {
        let mut ids: HashSet<String> = self.by_id.keys().cloned().collect();
        let mut rows = Vec::with_capacity(self.rows.len());
        for Joined { mut row, source, .. } in self.rows {
            if self.by_id.get(&row.id).is_some_and(|alike| alike.len() > 1) {
                let node = match &*self.nodes[source].node {
                    "" => format!("source-{}", source + 1),
                    name => name.to_owned(),
                };
                row.id = format!("{}@{node}", row.id);
                while !ids.insert(row.id.clone()) {
                    row.id.push('~');
                }
            }
            rows.push(row);
        }
        let mut answered = self.nodes.iter().filter(|node| node.error.is_none());
        let node = match (answered.next(), answered.next()) {
            (Some(only), None) => only.node.clone(),
            _ => String::new(),
        };
        (rows, node, self.nodes)
    }
}

impl Joined {
    /// Adds what another source tells of the row, its cells left out.
    fn join(&mut self, other: &MatrixRow) {
        let Self { row, routes, .. } = self;
        row.conflict |= other.conflict;
        if !row.aggregate {
            return;
        }
        let routes = routes.get_or_insert_with(|| row.route_ids.iter().copied().collect());
        row.route_ids.extend(other.route_ids.iter().filter(|&&route| routes.insert(route)));
        row.route_ids_truncated |= other.route_ids_truncated;
        row.route_count = row.route_count.max(other.route_count).max(row.route_ids.len() as u64);
    }
}

/// Whether the ranges of two rows have a key in common.
fn overlap(a: &MatrixRow, b: &MatrixRow) -> bool {
    let begins_in = |a: &MatrixRow, b: &MatrixRow| b.end.is_empty() || a.start < b.end;
    begins_in(a, b) && begins_in(b, a)
}
