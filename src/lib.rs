//! libkeyviz shows where a key-value store's traffic goes: time x key range x label.
//!
//! Data flows one way:
//!
//! ```text
//! observe  ->  cells  ->  drain  ->  column  ->  history  ->  matrix
//! lane.rs      cells.rs   drain.rs   column.rs   history/     matrix/
//! table.rs     passage.rs registry/  meta.rs
//! ```
//!
//! - [`Sampler`] (`sampler.rs`) ties them together; `options.rs`, `label.rs` and `error.rs` are its vocabulary.
//! - `lane.rs` is the hot path: `table.rs` finds the route's cells, `cells.rs` holds them, `passage.rs` keeps what an
//!   observer holds alive, `sync.rs` has the atomics; `thread.rs` and `pool.rs` hand the lanes out.
//! - `registry/` owns the routes: registration, coarsening, removal, reclaim; `sub_bucket.rs` cuts their ranges.
//! - `matrix/` is what dashboards are fed: pivot, row budgets, cluster merge, wire forms, page and picture, verdicts.
//! - `hot_keys/` samples keys beside the hot path, and tells which make a cell hot.
//! - `ffi/` is the C API, and nothing but: it checks arguments and calls the above. `include/keyviz.h` is made from it.
//!
//! `unsafe` is denied, and allowed where it is the point: the hot path's modules above and `ffi/`.

pub mod column;
mod cells;
mod drain;
mod error;
mod events;
mod ffi;
mod hash;
mod history;
pub mod hot_keys;
pub mod label;
mod lane;
#[cfg(all(test, loom))]
mod loom_tests;
pub mod matrix;
mod meta;
pub mod options;
mod passage;
mod pool;
mod registry;
mod sampler;
mod sub_bucket;
mod sync;
mod table;
mod thread;

pub use column::{Column, ColumnInfo, ColumnRows, Counters, Row, RowView};
pub use error::Error;
pub use events::{Event, EventKind};
pub use history::StoredColumn;
pub use label::{Label, Op, Series};
pub use options::Options;
pub use registry::{Placement, RouteSpec};
pub use sampler::{EventHandler, Sampler, Stats};
