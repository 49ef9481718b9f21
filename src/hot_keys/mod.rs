//! Hot keys: which keys make a cell hot.

mod keys;
mod space_saving;

pub use space_saving::{Counted, SpaceSaving};
