//! What programs are run on: the sampler through its Rust API, or through its C API.

use keyviz::{Column, ColumnInfo, ColumnRows, Error, EventKind, Label, Op, Options, Placement, RouteSpec, Row};
use keyviz::{Sampler, Stats, StoredColumn};

/// The C API's label of a host that knows more labels than the library.
pub const LABEL_UNKNOWN: u32 = u32::MAX;

/// What became of an observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Counted,
    Missed,
    Refused,
}

/// Why a call was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    InvalidRange,
    InvalidArgument,
    UnknownRoute,
    RouteExists,
    HistoryOff,
}

/// A stored column, and how many flushes it is the sum of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub column: Column,
    pub flushes: u64,
}

/// A route folded into a virtual bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub created: bool,
    pub route_id: u64,
    pub bucket_id: u64,
    pub slots_used: u64,
}

/// One observation of a program. `via`: which of the host's lanes, or the thread's own.
#[derive(Clone, Debug)]
pub struct Observation {
    pub via: usize,
    pub route_id: u64,
    /// The key; if it is not at hand, its length.
    pub key: Result<Vec<u8>, u64>,
    pub op: u32,
    pub value_len: u64,
    pub label: u32,
}

impl Observation {
    pub fn key_len(&self) -> u64 {
        self.key.as_ref().map_or_else(|&len| len, |key| key.len() as u64)
    }
}

/// How much room a drain is offered before it gets enough.
#[derive(Clone, Copy, Debug)]
pub enum Room {
    Plenty,
    OneRowLess,
    OneByteLess,
    None,
}

/// A sampler under test.
pub trait Subject {
    fn new(options: Options) -> Self;
    fn register(&mut self, routes: &[RouteSpec<'_>]) -> Result<Vec<Placement>, Refusal>;
    fn succeed(&mut self, old: &[u64], new: &[RouteSpec<'_>], now: i64) -> Result<Vec<Placement>, Refusal>;
    /// Whether the route was registered, if the API tells.
    fn remove(&mut self, id: u64, now: i64) -> Option<bool>;
    fn set_leader_term(&mut self, group: u64, term: u64);
    /// `None`: this API can't express it.
    fn observe(&mut self, observation: &Observation) -> Option<Outcome>;
    /// How many counted, and what became of the first that did not. `None`: this API has no batches.
    fn observe_batch(&mut self, observations: &[Observation]) -> Option<(usize, Outcome)>;
    fn observe_columns(&mut self, observations: &[Observation]) -> Option<(usize, Outcome)>;
    fn flush(&mut self, now: i64) -> Result<ColumnInfo, Refusal>;
    /// Drains after it was refused for lack of room, if that is asked for and the API has such a thing.
    fn drain(&mut self, now: i64, room: Room) -> Column;
    /// Tries to drain into no room at all, and leaves it at that. Nothing may have been drained.
    fn drain_in_vain(&mut self, now: i64);
    fn columns(&self, from: i64, to: i64) -> Result<Vec<Stored>, Refusal>;
    fn column(&self, sequence: u64) -> Option<Stored>;
    fn part_bounds(&self, id: u64, part: u32) -> Option<(Vec<u8>, Vec<u8>)>;
    fn events(&mut self) -> (Vec<Event>, u64);
    fn stats(&self) -> Stats;
    /// A hold on stored columns, which must never change.
    fn snapshot(&self) -> Vec<StoredColumn>;
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidRange => Self::InvalidRange,
            Error::InvalidArgument(_) => Self::InvalidArgument,
            Error::UnknownRoute(_) => Self::UnknownRoute,
            Error::RouteExists(_) | Error::ReservedRouteId(_) => Self::RouteExists,
            Error::HistoryOff => Self::HistoryOff,
            other => panic!("unexpected: {other}"),
        }
    }
}

/// A copy of a stored column.
pub fn stored(column: &StoredColumn) -> Stored {
    let mut rows = Vec::new();
    column.for_each_row(&mut |row| rows.push(Row::from(row)));
    Stored { column: Column { info: column.info(), rows }, flushes: column.flushes() }
}

impl Subject for Sampler {
    fn new(options: Options) -> Self {
        Sampler::new(options)
    }

    fn register(&mut self, routes: &[RouteSpec<'_>]) -> Result<Vec<Placement>, Refusal> {
        if let [route] = routes {
            return Ok(vec![self.register_route(route)?]);
        }
        let mut placements = vec![None; routes.len()];
        self.register_routes(routes, |i, placement| placements[i] = Some(placement))?;
        Ok(placements.into_iter().map(|placement| placement.expect("each route is placed")).collect())
    }

    fn succeed(&mut self, old: &[u64], new: &[RouteSpec<'_>], now: i64) -> Result<Vec<Placement>, Refusal> {
        let mut placements = Vec::new();
        self.succeed_routes(old, new, now, |_, placement| placements.push(placement))?;
        Ok(placements)
    }

    fn remove(&mut self, id: u64, now: i64) -> Option<bool> {
        Some(self.remove_route(id, now).expect("the sampler is open"))
    }

    fn set_leader_term(&mut self, group: u64, term: u64) {
        Sampler::set_leader_term(self, group, term).expect("the sampler is open");
    }

    fn observe(&mut self, one: &Observation) -> Option<Outcome> {
        let (op, label) = (Op::from_index(one.op)?, Label::from_index(one.label)?);
        // Without its bytes at hand, a key counts like the least one.
        let (key, value_len) = match &one.key {
            Ok(key) => (&key[..], one.value_len),
            Err(len) => (&[][..], len + one.value_len),
        };
        let counted = Sampler::observe(self, one.route_id, key, op, value_len, label);
        Some(if counted { Outcome::Counted } else { Outcome::Missed })
    }

    fn observe_batch(&mut self, _: &[Observation]) -> Option<(usize, Outcome)> {
        None
    }

    fn observe_columns(&mut self, _: &[Observation]) -> Option<(usize, Outcome)> {
        None
    }

    fn flush(&mut self, now: i64) -> Result<ColumnInfo, Refusal> {
        Ok(Sampler::flush(self, now)?)
    }

    fn drain(&mut self, now: i64, _: Room) -> Column {
        Sampler::drain(self, now).expect("a drain succeeds")
    }

    fn drain_in_vain(&mut self, _: i64) {}

    fn columns(&self, from: i64, to: i64) -> Result<Vec<Stored>, Refusal> {
        Ok(Sampler::columns(self, from, to)?.iter().map(stored).collect())
    }

    fn column(&self, sequence: u64) -> Option<Stored> {
        Sampler::column(self, sequence).ok().as_ref().map(stored)
    }

    fn part_bounds(&self, id: u64, part: u32) -> Option<(Vec<u8>, Vec<u8>)> {
        self.sub_bucket_bounds(id, part).expect("the sampler is open")
    }

    fn events(&mut self) -> (Vec<Event>, u64) {
        let events: Vec<_> = std::iter::from_fn(|| self.poll_event()).collect();
        let suppressed = events.iter().map(|event| event.suppressed).sum();
        let event = |event: keyviz::Event| Event {
            created: event.kind == EventKind::BucketCreated,
            route_id: event.route_id,
            bucket_id: event.bucket_id,
            slots_used: event.slots_used,
        };
        (events.into_iter().map(event).collect(), suppressed)
    }

    fn stats(&self) -> Stats {
        Sampler::stats(self)
    }

    fn snapshot(&self) -> Vec<StoredColumn> {
        Sampler::columns(self, 0, 0).unwrap_or_default()
    }
}
