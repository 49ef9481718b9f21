//! What a matrix says, in words: how the traffic of each slot (a route under one label, its sub-buckets together) lies
//! in time and along the keys, and where a hot route would be split.
//!
//! The verdict is the first of these that holds; each has its threshold as a constant:
//!
//! | verdict | holds if |
//! |---|---|
//! | idle | nothing was counted |
//! | moving edge | the middle of the traffic goes at least [`EDGE_TRAVEL`] parts one way, without coming back ([`EDGE_STRAIGHTNESS`]), and at any time is narrow beside that way ([`EDGE_SPREAD`]): sequential writes |
//! | one cell | the hottest part is more than half-way from an even share to all of the traffic, and has more than a burst has |
//! | periodic | the columns are like themselves ([`PERIOD_LIKENESS`]) after a time that fits in three times |
//! | burst | the busiest twentieth of the columns has [`BURST_SHARE`] of the traffic |
//! | even | the traffic is steady in time, and no part has more than [`EVEN_RATIO`] times its even share |
//! | steady | the columns scatter by no more than [`STEADY_VARIATION`] of their mean, beyond the scatter that counting random arrivals has |
//! | irregular | nothing else |
//!
//! Verdicts on time need [`MIN_COLUMNS`] columns. Everything is computed from the matrix alone: a route's parts are those
//! that have rows.

use super::shape::{period, KeyShape, Period, TimeShape};
use super::{Matrix, RowId};
use crate::label::Series;
use std::collections::BTreeMap;

/// Columns without which nothing is said about time.
pub const MIN_COLUMNS: usize = 8;
/// Parts that a moving edge passes, at least.
pub const EDGE_TRAVEL: f64 = 3.0;
/// A moving edge's distance by the length of its way, at least.
pub const EDGE_STRAIGHTNESS: f64 = 0.8;
/// How far, by the distance that a moving edge goes, its traffic is from its middle on average, at most.
pub const EDGE_SPREAD: f64 = 0.25;
/// Autocorrelation at the distance of a period, at least; and three over the root of the number of columns, which chance
/// hardly reaches.
pub const PERIOD_LIKENESS: f64 = 0.5;
/// Variation below which columns are not searched for a period.
pub const PERIOD_VARIATION: f64 = 0.1;
/// Share of the traffic in the busiest twentieth of the columns that makes a burst.
pub const BURST_SHARE: f64 = 0.5;
/// Most times its even share that a part has in even traffic.
pub const EVEN_RATIO: f64 = 2.0;
/// Standard deviation over mean of steady traffic, at most.
pub const STEADY_VARIATION: f64 = 0.5;
/// Share of all traffic that makes a route hot.
pub const HOT_SHARE: f64 = 0.1;
/// Share of the smaller side that makes a split worth its while.
pub const SPLIT_SHARE: f64 = 0.2;

/// What is said of a slot; see the module's head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum VerdictKind {
    /// Nothing was counted.
    #[default]
    Idle = 0,
    /// About the same in each column.
    Steady = 1,
    /// Most of it in a few columns.
    Burst = 2,
    /// It comes back after the same time.
    Periodic = 3,
    /// It walks along the keys.
    MovingEdge = 4,
    /// Most of it in one part of the keys.
    OneCell = 5,
    /// Spread over the keys.
    Even = 6,
    /// None of these.
    Irregular = 7,
}

impl VerdictKind {
    /// A name for people: `moving edge`.
    pub const fn name(self) -> &'static str {
        match self {
            VerdictKind::Idle => "idle",
            VerdictKind::Steady => "steady",
            VerdictKind::Burst => "burst",
            VerdictKind::Periodic => "periodic",
            VerdictKind::MovingEdge => "moving edge",
            VerdictKind::OneCell => "one cell",
            VerdictKind::Even => "even",
            VerdictKind::Irregular => "irregular",
        }
    }
}

/// A verdict, the number that decided it, and why.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdict {
    /// The verdict.
    pub kind: VerdictKind,
    /// What decided it. Steady, irregular: standard deviation over mean. Burst: the share of the busiest columns.
    /// Periodic: the autocorrelation. Moving edge: parts passed, negative if downwards. One cell, even: the share of the
    /// hottest part. Idle: 0.
    pub measure: f64,
    /// Periodic: the period in ms; otherwise 0.
    pub period_ms: u64,
    /// Why, in words.
    pub reason: String,
}

/// What is said of the rows of one slot: of one route under one label, or of one aggregate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotVerdict {
    /// The rows, by number in the matrix.
    pub rows: Vec<usize>,
    /// Their total.
    pub total: u128,
    /// What is said.
    pub verdict: Verdict,
}

/// Where a hot route would be split.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteSplit {
    /// The route.
    pub route_id: u64,
    /// Its share of all traffic of the matrix, every label.
    pub share: f64,
    /// The key that opens the upper half; `None`: it cannot be split further here.
    pub key: Option<Vec<u8>>,
    /// The share of the route's traffic that would be below the key; 0 without one.
    pub below: f64,
    /// Why, in words.
    pub reason: String,
}

/// What a matrix says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verdicts {
    /// Of each slot, in the order of its first row.
    pub slots: Vec<SlotVerdict>,
    /// The slot of each row of the matrix.
    pub slot_of_row: Vec<usize>,
    /// Of each hot route, the hottest first.
    pub splits: Vec<RouteSplit>,
}

impl Verdicts {
    /// Judges a matrix, by [`Matrix::row_values`].
    pub fn of(matrix: &Matrix) -> Self {
        let mut slots: Vec<SlotVerdict> = Vec::new();
        let mut slot_of_row = Vec::with_capacity(matrix.rows.len());
        let mut known: BTreeMap<(u64, &str), usize> = BTreeMap::new();
        let mut routes: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (i, row) in matrix.rows.iter().enumerate() {
            let slot = match RowId::parse(&row.id) {
                Ok(RowId::Route { id, label, .. }) => *known.entry((id, label)).or_insert_with(|| {
                    routes.entry(id).or_default().push(slots.len());
                    slots.len()
                }),
                _ => slots.len(),
            };
            if slot == slots.len() {
                slots.push(SlotVerdict::default());
            }
            slots[slot].rows.push(i);
            slots[slot].total += super::budget::total(matrix.row_values(i));
            slot_of_row.push(slot);
        }
        slots.iter_mut().for_each(|slot| slot.verdict = judge(matrix, &slot.rows));
        let all: u128 = slots.iter().map(|slot| slot.total).sum();
        let splits = routes.into_iter().filter_map(|(route_id, of)| split(matrix, route_id, all, &of, &slots));
        let mut splits: Vec<RouteSplit> = splits.collect();
        splits.sort_by(|a, b| b.share.total_cmp(&a.share));
        Self { slots, slot_of_row, splits }
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn judge(matrix: &Matrix, rows: &[usize]) -> Verdict {
    let mut series = vec![0.0; matrix.columns.len()];
    for &row in rows {
        series.iter_mut().zip(matrix.row_values(row)).for_each(|(sum, &value)| *sum += value as f64);
    }
    let time = TimeShape::of(&series);
    if time.total == 0.0 {
        return Verdict { reason: "nothing was counted".into(), ..Verdict::default() };
    }
    let part = |&row: &usize| match RowId::parse(&matrix.rows[row].id) {
        Ok(RowId::Route { sub_bucket: Some(part), .. }) => Some((part as usize, matrix.row_values(row))),
        _ => None,
    };
    let mut parts: Vec<(usize, &[u64])> = rows.iter().filter_map(part).collect();
    parts.sort_unstable_by_key(|&(part, _)| part);
    let keys = KeyShape::of(&parts);
    if let Some(edge) = moving_edge(&keys) {
        return edge;
    }
    match (one_cell(&keys), periodic(matrix, &series, &time).or_else(|| burst(&time))) {
        (Some(cell), Some(burst)) if burst.kind == VerdictKind::Burst && burst.measure > cell.measure => burst,
        (Some(cell), _) => cell,
        (None, Some(in_time)) => in_time,
        (None, None) => level(matrix.series, &time, &keys),
    }
}

fn moving_edge(keys: &KeyShape) -> Option<Verdict> {
    let far = keys.travel.abs();
    let holds = far >= EDGE_TRAVEL && keys.straightness >= EDGE_STRAIGHTNESS && keys.spread <= far * EDGE_SPREAD;
    holds.then(|| Verdict {
        kind: VerdictKind::MovingEdge,
        measure: keys.travel,
        period_ms: 0,
        reason: format!("went {} the keys by {far:.0} parts", if keys.travel > 0.0 { "up" } else { "down" }),
    })
}

fn one_cell(keys: &KeyShape) -> Option<Verdict> {
    let holds = keys.parts > 1 && keys.hottest_share > (1.0 + 1.0 / keys.parts as f64) / 2.0;
    holds.then(|| Verdict {
        kind: VerdictKind::OneCell,
        measure: keys.hottest_share,
        period_ms: 0,
        reason: format!("part #{} has {} of the traffic", keys.hottest, percent(keys.hottest_share)),
    })
}

fn periodic(matrix: &Matrix, series: &[f64], time: &TimeShape) -> Option<Verdict> {
    if time.columns < MIN_COLUMNS || time.variation < PERIOD_VARIATION {
        return None;
    }
    let Period { columns, strength } = period(series)?;
    let likeness = PERIOD_LIKENESS.max(3.0 / (time.columns as f64).sqrt());
    let span = matrix.columns[matrix.columns.len() - 1].abs_diff(matrix.columns[0]);
    let period_ms = (span as f64 / (time.columns - 1) as f64 * columns as f64).round() as u64;
    (strength >= likeness).then(|| Verdict {
        kind: VerdictKind::Periodic,
        measure: strength,
        period_ms,
        reason: format!("repeats after {} s ({columns} columns)", period_ms / 1000),
    })
}

fn burst(time: &TimeShape) -> Option<Verdict> {
    (time.columns >= MIN_COLUMNS && time.peak_share >= BURST_SHARE).then(|| Verdict {
        kind: VerdictKind::Burst,
        measure: time.peak_share,
        period_ms: 0,
        reason: format!("{} of {} columns have {} of the traffic", time.peak_columns, time.columns, percent(time.peak_share)),
    })
}

/// What has no shape in time: even, steady or irregular.
fn level(series: Series, time: &TimeShape, keys: &KeyShape) -> Verdict {
    // Random arrivals scatter by the root of their mean; bytes have no such unit.
    let counts = matches!(series, Series::Reads | Series::Writes);
    let by_chance = if counts { time.columns as f64 / time.total } else { 0.0 };
    let beyond_chance = (time.variation * time.variation - by_chance).max(0.0).sqrt();
    let steady = time.columns >= MIN_COLUMNS && beyond_chance <= STEADY_VARIATION;
    let even = keys.parts > 1 && keys.hottest_share * keys.parts as f64 <= EVEN_RATIO;
    let (kind, measure, reason) = match (steady, even) {
        (true, true) => {
            let (active, share) = (keys.active, percent(keys.hottest_share));
            (VerdictKind::Even, keys.hottest_share, format!("{active} parts, none with more than {share}"))
        }
        (true, false) => {
            (VerdictKind::Steady, time.variation, format!("columns scatter by {} of their mean", percent(time.variation)))
        }
        _ if time.columns < MIN_COLUMNS => {
            (VerdictKind::Irregular, time.variation, format!("{} columns say too little", time.columns))
        }
        _ => (VerdictKind::Irregular, time.variation, format!("columns scatter by {} of their mean", percent(time.variation))),
    };
    Verdict { kind, measure, period_ms: 0, reason }
}

/// Where a route would be split, if it is hot. The weighted median is taken among the bounds of its parts, every label
/// together, since a split splits them all.
fn split(matrix: &Matrix, route_id: u64, all: u128, of: &[usize], slots: &[SlotVerdict]) -> Option<RouteSplit> {
    let total: u128 = of.iter().map(|&slot| slots[slot].total).sum();
    let share = total as f64 / all.max(1) as f64;
    if share < HOT_SHARE || total == 0 {
        return None;
    }
    let moving: u128 = of
        .iter()
        .map(|&slot| &slots[slot])
        .filter(|slot| slot.verdict.kind == VerdictKind::MovingEdge)
        .map(|slot| slot.total)
        .sum();
    let mut weights: BTreeMap<&[u8], u128> = BTreeMap::new();
    for &row in of.iter().flat_map(|&slot| &slots[slot].rows) {
        *weights.entry(&matrix.rows[row].start).or_default() += super::budget::total(matrix.row_values(row));
    }
    let mut below = 0;
    let mut best: Option<(f64, &[u8])> = None;
    for (start, weight) in weights {
        let lower = below as f64 / total as f64;
        let balance = |share: f64| share.min(1.0 - share);
        if best.is_none_or(|(share, _)| balance(lower) > balance(share)) {
            best = Some((lower, start));
        }
        below += weight;
    }
    let divided = |&row: &usize| matches!(RowId::parse(&matrix.rows[row].id), Ok(RowId::Route { sub_bucket: Some(_), .. }));
    let parts = of.iter().flat_map(|&slot| &slots[slot].rows).any(divided);
    let refused = |reason: &str| {
        let reason = format!("cannot be split further here: {reason}");
        Some(RouteSplit { route_id, share, key: None, below: 0.0, reason })
    };
    match best {
        _ if moving * 2 > total => refused("the traffic moves on along the keys, and would leave either half"),
        Some((below, key)) if below.min(1.0 - below) >= SPLIT_SHARE => {
            let reason = format!("{} below the key, {} from it on", percent(below), percent(1.0 - below));
            Some(RouteSplit { route_id, share, key: Some(key.to_vec()), below, reason })
        }
        _ if !parts => refused("its parts are not counted"),
        _ => refused("one part has nearly all of the traffic"),
    }
}
