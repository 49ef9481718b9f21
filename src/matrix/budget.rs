//! Row budgets: no more rows than a client can show.
//!
//! **Top** keeps the rows with the most traffic and drops the others. **Merge** drops nothing: the hottest rows stay as
//! they are, and each run of colder rows between them becomes one row. How many stay is as many as the budget has room
//! for; keeping one row more never makes fewer rows in all, so they are counted off from the hottest one down.
//!
//! Merged values are sums that must not overflow. Rows are merged only while their totals fit into 64 bits together;
//! what doesn't stays apart, even over the budget.

use super::{Identities, Identity, Matrix, MatrixRow, RowId};
use crate::options::DEFAULT_MAX_MEMBER_ROUTES_PER_SLOT;
use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

/// Rows of a matrix, by default and at most.
pub const MAX_ROWS: u32 = 1024;

/// What stands between the labels of a row that holds several, `dynamo+redis`; no label has it.
pub const LABEL_SEPARATOR: char = '+';

/// What stands for the empty label among others, `legacy+redis`.
pub const LEGACY: &str = "legacy";

/// How many rows a matrix may have, and what becomes of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Most rows; 0, or more than [`MAX_ROWS`]: [`MAX_ROWS`].
    pub max_rows: u32,
    /// What becomes of the rows over the budget.
    pub mode: BudgetMode,
}

/// What becomes of rows over the budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum BudgetMode {
    /// The rows with the largest totals stay (ties: the smaller row id), the others are dropped.
    #[default]
    Top = 0,
    /// Cold rows that are neighbours are merged: no traffic disappears.
    Merge = 1,
}

impl Budget {
    /// The number of rows, made effective.
    pub fn rows(self) -> usize {
        (if self.max_rows == 0 { MAX_ROWS } else { self.max_rows.min(MAX_ROWS) }) as usize
    }

    /// Holds a matrix to the budget.
    ///
    /// A merged row (id `merged:<first>..<last>`, the ids of its first and its last part) is an aggregate; it covers its
    /// parts' ranges and counts and lists (up to 256 of) their routes. Its label is theirs if they have one in common,
    /// otherwise their labels one after the other, `legacy+dynamo+redis`. A cell keeps group and term if all parts that
    /// counted something in it agree on them.
    pub fn apply(self, mut matrix: Matrix) -> Matrix {
        matrix.sort_rows();
        if matrix.rows.len() <= self.rows() {
            return matrix;
        }
        let totals: Vec<u128> = (0..matrix.rows.len()).map(|i| total(matrix.row_values(i))).collect();
        let groups = self.plan(&totals, |row| &matrix.rows[row].id);
        let mut ids: HashSet<String> = matrix.rows.iter().map(|row| row.id.clone()).collect();
        let mut rows = Vec::with_capacity(groups.len());
        let mut values = Vec::with_capacity(groups.len() * matrix.columns.len());
        for group in groups {
            if group.len() == 1 {
                rows.push(matrix.rows[group.start].clone());
                values.extend_from_slice(matrix.row_values(group.start));
                continue;
            }
            let mut row = merge_descriptions(&matrix.rows[group.clone()]);
            // A source may have merged the same two rows already.
            while !ids.insert(row.id.clone()) {
                row.id.push('~');
            }
            values.extend_from_slice(&merge_cells(&matrix, group, &mut row));
            rows.push(row);
        }
        let mut held = Matrix { rows, values, ..matrix };
        held.sort_rows();
        held
    }

    /// Which rows stay, in runs of rows that become one. The rows are in the order of (start, id).
    pub(super) fn plan<'a>(self, totals: &[u128], id: impl Fn(usize) -> &'a str) -> Vec<Range<usize>> {
        let mut hottest: Vec<usize> = (0..totals.len()).collect();
        hottest.sort_unstable_by(|&a, &b| totals[b].cmp(&totals[a]).then_with(|| id(a).cmp(id(b))));
        match self.mode {
            BudgetMode::Top => {
                hottest.truncate(self.rows());
                hottest.sort_unstable();
                hottest.into_iter().map(|row| row..row + 1).collect()
            }
            BudgetMode::Merge => merge_plan(totals, &hottest, self.rows()),
        }
    }
}

fn merge_plan(totals: &[u128], hottest: &[usize], budget: usize) -> Vec<Range<usize>> {
    // Both ends have a neighbour that stays, in effect: no run goes on past them.
    let mut stays = vec![false; totals.len() + 2];
    (stays[0], stays[totals.len() + 1]) = (true, true);
    let mut groups = 1;
    for &row in hottest {
        // A row that stays is a group, and cuts the run that it stood in into two, one or none.
        let runs_left = [row, row + 2].into_iter().filter(|&neighbour| !stays[neighbour]).count();
        groups += runs_left;
        if groups > budget {
            break;
        }
        stays[row + 1] = true;
    }
    let mut plan: Vec<Range<usize>> = Vec::with_capacity(budget);
    let mut sum = 0;
    for (row, &total) in totals.iter().enumerate() {
        match plan.last_mut() {
            Some(run) if !stays[row + 1] && !stays[row] && sum + total <= u64::MAX.into() => {
                run.end = row + 1;
                sum += total;
            }
            _ => {
                plan.push(row..row + 1);
                sum = total;
            }
        }
    }
    plan
}

/// The sum of a row's values, exactly.
pub(super) fn total(values: &[u64]) -> u128 {
    values.iter().map(|&value| u128::from(value)).sum()
}

/// One row in the stead of several neighbours, its cells left out; see [`Budget::apply`].
pub(super) fn merge_descriptions(parts: &[MatrixRow]) -> MatrixRow {
    let (first, last) = (&parts[0], &parts[parts.len() - 1]);
    let mut labels = BTreeSet::new();
    let mut routes = BTreeSet::new();
    let mut unlisted = 0u64;
    for part in parts {
        let held = part.label.split(LABEL_SEPARATOR);
        labels.extend(held.map(|label| if label == LEGACY { "" } else { label }));
        match RowId::parse(&part.id) {
            Ok(RowId::Route { id, .. }) => drop(routes.insert(id)),
            _ => {
                routes.extend(&part.route_ids);
                unlisted = unlisted.saturating_add(part.route_count.saturating_sub(part.route_ids.len() as u64));
            }
        }
    }
    let labels: Vec<&str> = labels.into_iter().collect();
    let label = match labels[..] {
        [label] => label.to_owned(),
        _ => labels.iter().map(|label| if label.is_empty() { LEGACY } else { label }).collect::<Vec<_>>().join("+"),
    };
    let route_count = unlisted.saturating_add(routes.len() as u64);
    let route_ids: Vec<u64> = routes.into_iter().take(DEFAULT_MAX_MEMBER_ROUTES_PER_SLOT as usize).collect();
    let unbounded = parts.iter().any(|part| part.end.is_empty());
    let end = if unbounded { None } else { parts.iter().map(|part| &part.end).max() };
    MatrixRow {
        id: RowId::Merged(&format!("{}..{}", first.id, last.id)).to_string(),
        label,
        start: first.start.clone(),
        end: end.cloned().unwrap_or_default(),
        aggregate: true,
        route_ids_truncated: route_count > route_ids.len() as u64,
        route_ids,
        route_count,
        conflict: parts.iter().any(|part| part.conflict),
        conflicts: Vec::new(),
        identities: Identities::default(),
    }
}

/// The values of several rows as one; fills in what `merged` says of its cells.
fn merge_cells(matrix: &Matrix, parts: Range<usize>, merged: &mut MatrixRow) -> Vec<u64> {
    let columns = matrix.columns.len();
    let mut values = vec![0u64; columns];
    let mut identities = vec![Identity::default(); columns];
    for part in parts {
        let row = &matrix.rows[part];
        let cells = matrix.row_values(part).iter().zip(row.identities.iter(columns)).enumerate();
        for (j, (&value, identity)) in cells.filter(|(_, (&value, _))| value != 0) {
            let agree = values[j] == 0 || identities[j] == identity;
            identities[j] = if agree { identity } else { Identity::default() };
            values[j] = values[j].saturating_add(value);
        }
        if !row.conflicts.is_empty() {
            merged.conflicts.resize(columns, false);
            merged.conflicts.iter_mut().zip(&row.conflicts).for_each(|(merged, &conflict)| *merged |= conflict);
        }
    }
    identities.into_iter().enumerate().for_each(|(j, identity)| merged.identities.set(j, identity));
    values
}
