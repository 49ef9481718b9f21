//! The C API: thin, and the only place where foreign pointers are touched.
//!
//! Each function checks its arguments, calls the core, and turns the result into a status. Nothing unwinds out of it:
//! what may panic runs inside of [`status::guard`], and the hot path has nothing that can.
//!
//! - `status.rs`: statuses, the error struct, panics.
//! - `structs.rs`: how a struct that begins with its own size is read and written.
//! - `handle.rs`: opaque handles, and how a foreign or freed one is noticed.
//! - `sampler.rs`, `routes.rs`, `observe.rs`, `lanes.rs`, `columns.rs`, `stored.rs`, `history.rs`, `hot_keys.rs`, `info.rs`, `layout.rs`, `matrix/`:
//!   the functions.

// `dead_code`: constants that only the header's readers use.
#![allow(unsafe_code, non_camel_case_types, dead_code, clippy::missing_safety_doc)]

mod columns;
mod handle;
mod history;
mod hot_keys;
mod info;
mod lanes;
mod layout;
mod matrix;
mod observe;
mod routes;
mod sampler;
mod status;
mod stored;
mod structs;
