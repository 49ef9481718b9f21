//! Hot keys: which keys make a cell hot.

mod keys;
mod space_saving;
mod summary;

pub use space_saving::{Counted, SpaceSaving};
