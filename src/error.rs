//! What can go wrong, in the core's own words. The C boundary maps each kind to a status.

use std::fmt;

/// An error of the sampler; nothing was changed by the call that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// An argument's value has no meaning.
    InvalidArgument(String),
    /// `start >= end`.
    InvalidRange,
    /// No such route.
    UnknownRoute(u64),
    /// The id is in use already, where a new one is needed.
    RouteExists(u64),
    /// The id is in use as the synthetic id of a virtual bucket.
    ReservedRouteId(u64),
    /// The history holds no such column (any more).
    ColumnNotFound(u64),
    /// The sampler keeps no history.
    HistoryOff,
    /// The sampler was closed.
    Closed,
    /// The system gave no memory.
    OutOfMemory,
    /// What it takes does not fit into `memory_limit_bytes`.
    MemoryLimit,
    /// The image of a history is damaged.
    CorruptImage(String),
    /// The image of a history was written by a newer version.
    NewerImage(u32),
    /// A file could not be read or written.
    Io(String),
    /// The sampler tracks no hot keys.
    HotKeysOff,
    /// There is no snapshot of hot keys: the route is unknown or in a virtual bucket, or nothing of it was sampled and
    /// published yet.
    NoSnapshot,
    /// The snapshot is not of the time that was asked for.
    OutOfSnapshotWindow,
    /// An input is not what it should be: what, and at which byte.
    Malformed(String),
    /// An input is larger than its limit.
    TooLarge(String),
    /// The caller's buffers are too small; nothing was drained.
    BufferTooSmall(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::InvalidArgument(what) => write!(f, "invalid argument: {what}"),
            Error::InvalidRange => write!(f, "the route's start is not below its end"),
            Error::UnknownRoute(id) => write!(f, "route {id} is not registered"),
            Error::RouteExists(id) => write!(f, "route {id} is registered already"),
            Error::ReservedRouteId(id) => write!(f, "route id {id} is in use as the synthetic id of a virtual bucket"),
            Error::ColumnNotFound(sequence) => write!(f, "the history holds no column {sequence}"),
            Error::HistoryOff => write!(f, "the sampler keeps no history: drain it instead"),
            Error::Closed => write!(f, "the sampler is closed"),
            Error::OutOfMemory => write!(f, "the system gave no memory"),
            Error::MemoryLimit => write!(f, "it does not fit into the memory limit"),
            Error::CorruptImage(what) => write!(f, "the history image is damaged: {what}"),
            Error::NewerImage(version) => write!(f, "the history image has version {version}, which is newer than this library"),
            Error::Io(what) => write!(f, "{what}"),
            Error::HotKeysOff => write!(f, "the sampler tracks no hot keys"),
            Error::NoSnapshot => write!(f, "there is no snapshot of these hot keys"),
            Error::OutOfSnapshotWindow => write!(f, "the snapshot is not of the time that was asked for"),
            Error::Malformed(what) => write!(f, "malformed: {what}"),
            Error::TooLarge(what) => write!(f, "too large: {what}"),
            Error::BufferTooSmall(what) => write!(f, "buffer too small: {what}"),
        }
    }
}

impl std::error::Error for Error {}
