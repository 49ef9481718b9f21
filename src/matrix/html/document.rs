//! The documents that pages are given (see `data.rs`), put together.

use super::{page, Kind};
use crate::matrix::verdict::{SlotVerdict, VerdictKind, Verdicts};
use crate::matrix::{to_json, Matrix, RowId};
use base64::prelude::{Engine, BASE64_STANDARD};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// Where a live page asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LivePage<'a> {
    /// Heading and window title; empty: the page's own.
    pub title: &'a str,
    /// Where the matrix's JSON is.
    pub matrix_url: &'a str,
    /// Where the hot keys' JSON is; empty: nowhere.
    pub hot_keys_url: &'a str,
    /// The row budget to ask for; 0: the server's.
    pub rows: u32,
}

#[derive(Serialize)]
struct Insight {
    bucket_id: String,
    series: &'static str,
    verdict: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    split_key_b64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    balance: Option<f64>,
}

/// What is said of each slot of a matrix that has traffic, and of its route where that is hot; the busiest first.
fn insights(matrix: &Matrix) -> Vec<Insight> {
    let verdicts = Verdicts::of(matrix);
    let mut slots: Vec<_> = verdicts.slots.iter().filter(|slot| slot.verdict.kind != VerdictKind::Idle).collect();
    slots.sort_by_key(|slot| std::cmp::Reverse(slot.total));
    // A split is of the route, and told once, with its busiest label.
    let mut told = HashSet::new();
    let insight = |slot: &&SlotVerdict| {
        let row = matrix.rows.get(*slot.rows.first()?)?;
        let (bucket_id, route) = match RowId::parse(&row.id) {
            Ok(RowId::Route { id, label, .. }) => (RowId::Route { id, label, sub_bucket: None }.to_string(), Some(id)),
            _ => (row.id.clone(), None),
        };
        let split = route.filter(|&route| told.insert(route));
        let split = verdicts.splits.iter().find(|of| Some(of.route_id) == split);
        let key = split.and_then(|split| split.key.as_ref());
        let detail = match split {
            Some(refused) if key.is_none() => format!("{}; {}", slot.verdict.reason, refused.reason),
            _ => slot.verdict.reason.clone(),
        };
        Some(Insight {
            bucket_id,
            series: matrix.series.name(),
            verdict: slot.verdict.kind.name(),
            detail,
            split_key_b64: key.map(|key| BASE64_STANDARD.encode(key)),
            balance: split.filter(|_| key.is_some()).map(|split| split.below),
        })
    };
    slots.iter().filter_map(insight).collect()
}

/// The page that shows these matrices, best of different series; the first one first. An empty title is the page's own.
pub fn finished_page(title: &str, matrices: &[&Matrix]) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        #[serde(skip_serializing_if = "str::is_empty")]
        title: &'a str,
        matrices: Vec<Box<RawValue>>,
        insights: Vec<Insight>,
    }
    let raw = |matrix: &&Matrix| String::from_utf8(to_json(matrix)).ok().and_then(|json| RawValue::from_string(json).ok());
    let document = Document {
        title,
        matrices: matrices.iter().filter_map(raw).collect(),
        insights: matrices.iter().flat_map(|matrix| insights(matrix)).collect(),
    };
    page(Kind::Finished, &serde_json::to_string(&document).unwrap_or_default())
}

/// The page that asks its server.
pub fn live_page(live: &LivePage<'_>) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        #[serde(skip_serializing_if = "str::is_empty")]
        title: &'a str,
        live: Live<'a>,
    }
    #[derive(Serialize)]
    struct Live<'a> {
        matrix_url: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        hotkeys_url: &'a str,
        #[serde(skip_serializing_if = "is_zero")]
        rows: u32,
    }
    fn is_zero(rows: &u32) -> bool {
        *rows == 0
    }
    let document = Document {
        title: live.title,
        live: Live { matrix_url: live.matrix_url, hotkeys_url: live.hot_keys_url, rows: live.rows },
    };
    page(Kind::Live, &serde_json::to_string(&document).unwrap_or_default())
}
