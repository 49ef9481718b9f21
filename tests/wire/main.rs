//! The wire forms of a matrix: JSON and protobuf, out and in.

mod bad_input;
mod golden;
mod memory;
mod round_trip;
mod some;
