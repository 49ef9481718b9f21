//! The documents that pages are given (see `data.rs`), put together.

use super::{page, Kind};
use crate::matrix::{to_json, Matrix};
use serde::Serialize;
use serde_json::value::RawValue;

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

/// The page that shows these matrices, best of different series; the first one first. An empty title is the page's own.
pub fn finished_page(title: &str, matrices: &[&Matrix]) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        #[serde(skip_serializing_if = "str::is_empty")]
        title: &'a str,
        matrices: Vec<Box<RawValue>>,
    }
    let raw = |matrix: &&Matrix| String::from_utf8(to_json(matrix)).ok().and_then(|json| RawValue::from_string(json).ok());
    let document = Document { title, matrices: matrices.iter().filter_map(raw).collect() };
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
