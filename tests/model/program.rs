//! Random programs, and their run: each step on the specification and on a sampler, which must agree.

use crate::spec::Spec;
use crate::subject::{Observation, Outcome, Refusal, Room, Stored, Subject, LABEL_UNKNOWN};
use keyviz::options::Resolution;
use keyviz::{Column, Options, RouteSpec, Stats};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::HashSet;

const SECOND: i64 = 1_000_000_000;
const EPOCH: i64 = 1_700_000_000 * SECOND;

/// Few ids, so that steps meet; some are where synthetic ids come from.
const IDS: [u64; 9] = [0, 1, 2, 3, 4, 5, u64::MAX, u64::MAX - 1, u64::MAX - 2];

/// Bounds of ranges, in order: short ones, long shared prefixes, bytes at both ends of their domain.
const BOUNDS: [&[u8]; 13] = [
    b"",
    b"\0\0",
    b"a",
    b"a\0",
    b"abcdefghi",
    b"abcdefghi\0\0\0\0\0\0\0\x03",
    b"abcdefghij",
    b"b",
    b"c",
    b"m",
    b"z",
    &[0xff; 8],
    &[0xff; 10],
];

/// A route as a program describes it.
#[derive(Clone, Debug)]
pub struct Route {
    pub id: u64,
    pub group: u64,
    pub start: &'static [u8],
    pub end: &'static [u8],
    pub any_range: bool,
}

/// A key: given, or found beside a bound of one of the route's parts.
#[derive(Clone, Debug)]
pub enum Key {
    Given(Vec<u8>),
    Beside { part: u32, nudge: Nudge },
    NotAtHand(u64),
}

#[derive(Clone, Copy, Debug)]
pub enum Nudge {
    At,
    After,
    Before,
    AtEnd,
}

/// An observation as a program describes it.
#[derive(Clone, Debug)]
pub struct Request {
    pub via: usize,
    pub route_id: u64,
    pub key: Key,
    pub op: u32,
    pub value_len: u64,
    pub label: u32,
}

/// How far the clock moves.
#[derive(Clone, Copy, Debug)]
pub enum Jump {
    By(i64),
    Steps(i64),
    /// So many times the grace, and so many ns.
    Graces(i64, i64),
}

#[derive(Clone, Debug)]
pub enum Step {
    Register(Vec<Route>),
    Remove(u64),
    Observe(Request),
    ObserveBatch(Vec<Request>),
    ObserveColumns(Vec<Request>),
    Term(u64, u64),
    Split(u64, Vec<Route>),
    Merge(Vec<u64>, Route),
    Clock(Jump),
    Flush,
    Drain(Room),
    DrainInVain,
    Snapshot,
}

/// A sampler's options and what is done with it.
#[derive(Clone, Debug)]
pub struct Program {
    pub options: Options,
    pub steps: Vec<Step>,
}

// ---- Generation.

fn id() -> impl Strategy<Value = u64> {
    prop_oneof![4 => select(&IDS[1..5]), 1 => select(&IDS[..])]
}

fn route() -> impl Strategy<Value = Route> {
    let bound = || select(&BOUNDS[..]);
    let ordered = (bound(), bound()).prop_map(|(a, b)| if a < b { (a, b) } else { (b, a) });
    let range = prop_oneof![
        8 => ordered,
        3 => bound().prop_map(|start| (start, &b""[..])),
        1 => (bound(), bound()),
    ];
    (id(), 0..3u64, range, prop::bool::weighted(0.1)).prop_map(|(id, group, (start, end), any_range)| {
        // An empty range is refused; most programs have better to do.
        let any_range = any_range || (start == end && id % 2 == 1);
        Route { id, group, start, end, any_range }
    })
}

fn key() -> impl Strategy<Value = Key> {
    let byte = select(&[0u8, 1, b'a', b'b', b'm', 0xfe, 0xff][..]);
    let nudge = select(&[Nudge::At, Nudge::After, Nudge::Before, Nudge::AtEnd][..]);
    prop_oneof![
        3 => (any::<u32>(), nudge).prop_map(|(part, nudge)| Key::Beside { part, nudge }),
        2 => prop::collection::vec(byte, 0..12).prop_map(Key::Given),
        2 => select(&BOUNDS[..]).prop_map(|bound| Key::Given(bound.to_vec())),
        1 => (0..50u64).prop_map(Key::NotAtHand),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let op = prop_oneof![20 => 0..2u32, 1 => select(&[2, 7, u32::MAX][..])];
    let label = prop_oneof![30 => 0..6u32, 1 => select(&[6, 77, LABEL_UNKNOWN][..])];
    let value_len = prop_oneof![0..300u64, Just(1 << 40)];
    (0..3usize, id(), key(), op, value_len, label).prop_map(|(via, route_id, key, op, value_len, label)| Request {
        via,
        route_id,
        key,
        op,
        value_len,
        label,
    })
}

fn jump() -> impl Strategy<Value = Jump> {
    prop_oneof![
        2 => Just(Jump::By(0)),
        2 => (-3i64..4).prop_map(|by| Jump::By(by * SECOND)),
        1 => (-1i64..2).prop_map(Jump::By),
        8 => (1i64..4).prop_map(Jump::Steps),
        4 => (1i64..3, -1i64..2).prop_map(|(graces, by)| Jump::Graces(graces, by)),
        1 => (-2i64..0, -1i64..2).prop_map(|(graces, by)| Jump::Graces(graces, by)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    use prop::collection::vec;
    let room = select(&[Room::Plenty, Room::OneRowLess, Room::OneByteLess, Room::None][..]);
    prop_oneof![
        12 => route().prop_map(|route| Step::Register(vec![route])),
        3 => vec(route(), 0..6).prop_map(Step::Register),
        10 => id().prop_map(Step::Remove),
        25 => request().prop_map(Step::Observe),
        4 => vec(request(), 0..6).prop_map(Step::ObserveBatch),
        2 => vec(request(), 0..6).prop_map(Step::ObserveColumns),
        3 => (0..3u64, 0..100u64).prop_map(|(group, term)| Step::Term(group, term)),
        5 => (id(), vec(route(), 0..4)).prop_map(|(parent, children)| Step::Split(parent, children)),
        5 => (vec(id(), 0..4), route()).prop_map(|(parents, child)| Step::Merge(parents, child)),
        12 => jump().prop_map(Step::Clock),
        10 => Just(Step::Flush),
        8 => room.prop_map(Step::Drain),
        2 => Just(Step::DrainInVain),
        1 => Just(Step::Snapshot),
    ]
}

fn options() -> impl Strategy<Value = Options> {
    let coarse = prop_oneof![
        3 => Just((0, 0, 0)),
        1 => (2i64..6, 1i64..4, 0i64..10),
    ];
    let numbers = (
        select(&[0, 1, SECOND, 10 * SECOND][..]),
        select(&[0, 1, 2, 3, 5][..]),
        prop_oneof![1 => Just(0), 6 => 1..4u32],
        select(&[0, 1, 2, 3][..]),
        select(&[0, 1, 2, 3, 7, 256, 1000][..]),
        select(&[0, 1, 2][..]),
    );
    (numbers, any::<bool>(), prop::bool::weighted(0.15), coarse).prop_map(
        |((step_ns, history_columns, cap, listed, k, max_lanes), labels_enabled, history_off, (factor, next, kept))| {
            let mut options = Options {
                step_ns,
                history_columns,
                history_off,
                max_tracked_routes: cap,
                max_member_routes_per_slot: listed,
                key_buckets_per_route: k,
                labels_enabled,
                max_lanes,
                created_ns: EPOCH,
                ..Options::default()
            };
            if factor > 0 {
                let step = if step_ns == 0 { 60 * SECOND } else { step_ns };
                let (coarse, coarser) = (step * factor, step * factor * next);
                options.resolutions[0] = Resolution { step_ns: coarse, retention_ns: coarse * kept };
                if next > 1 {
                    options.resolutions[1] = Resolution { step_ns: coarser, retention_ns: coarser * kept };
                }
            }
            options
        },
    )
}

/// Any program.
pub fn program() -> impl Strategy<Value = Program> {
    (options(), prop::collection::vec(step(), 1..60)).prop_map(|(options, steps)| Program { options, steps })
}

// ---- Running.

/// One run: the specification, the sampler, and what was seen of it.
struct Run<S> {
    spec: Spec,
    subject: S,
    now: i64,
    step_ns: i64,
    /// Everything that was reported as counted.
    counted: [u64; 4],
    columns: Vec<Column>,
    snapshots: Vec<(Vec<keyviz::StoredColumn>, Vec<Stored>)>,
}

/// Runs a program; panics where the sampler and the specification differ.
pub fn run<S: Subject>(program: &Program) {
    let options = program.options;
    let mut run = Run {
        spec: Spec::new(&options),
        subject: S::new(options),
        now: EPOCH,
        step_ns: if options.step_ns == 0 { 60 * SECOND } else { options.step_ns },
        counted: [0; 4],
        columns: Vec::new(),
        snapshots: Vec::new(),
    };
    for step in &program.steps {
        run.step(step);
        assert_eq!(known_stats(run.subject.stats()), run.spec.stats());
    }
    run.step(&Step::Drain(Room::Plenty));
    run.check_parts();
    run.check_events();
    run.check_history();
    run.check_columns();
}

/// The statistics that the specification tells.
fn known_stats(stats: Stats) -> Stats {
    Stats { lanes: 0, counter_bytes: 0, route_bytes: 0, history_bytes: 0, ..stats }
}

fn specs(routes: &[Route]) -> Vec<RouteSpec<'_>> {
    let spec = |route: &Route| RouteSpec {
        route_id: route.id,
        group_id: route.group,
        start: route.start,
        end: route.end,
        any_range: route.any_range,
    };
    routes.iter().map(spec).collect()
}

impl<S: Subject> Run<S> {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Register(routes) => {
                let routes = specs(routes);
                assert_eq!(self.subject.register(&routes), self.spec.register(&routes));
            }
            Step::Remove(id) => {
                let removed = self.spec.remove(*id, self.now);
                assert_eq!(self.subject.remove(*id, self.now).unwrap_or(removed), removed);
            }
            Step::Observe(request) => self.observe(request),
            Step::ObserveBatch(requests) => {
                let requests = self.resolve_all(requests);
                let told = self.subject.observe_batch(&requests);
                self.compare_batch(&requests, told);
            }
            Step::ObserveColumns(requests) => {
                let mut requests = self.resolve_all(requests);
                for request in &mut requests {
                    // This form has no keys, and bytes for operations and labels.
                    request.key = Err(request.key_len());
                    request.op &= 0xff;
                    request.label &= 0xff;
                }
                let told = self.subject.observe_columns(&requests);
                self.compare_batch(&requests, told);
            }
            Step::Term(group, term) => {
                self.spec.set_leader_term(*group, *term);
                self.subject.set_leader_term(*group, *term);
            }
            Step::Split(parent, children) => self.succeed(&[*parent], children),
            Step::Merge(parents, child) => self.succeed(parents, std::slice::from_ref(child)),
            Step::Clock(jump) => {
                self.now += match *jump {
                    Jump::By(by) => by,
                    Jump::Steps(steps) => self.step_ns * steps,
                    Jump::Graces(graces, by) => self.spec.grace() * graces + by,
                }
            }
            Step::Flush if self.spec.has_history() => {
                let expected = self.spec.flush(self.now);
                assert_eq!(self.subject.flush(self.now), Ok(expected.info));
                let stored = self.subject.column(expected.info.sequence).expect("the newest column is stored");
                assert_eq!(stored.column, expected);
                self.columns.push(stored.column);
            }
            Step::Flush => assert_eq!(self.subject.flush(self.now), Err(Refusal::HistoryOff)),
            Step::Drain(room) => {
                let drained = self.subject.drain(self.now, *room);
                assert_eq!(drained, self.spec.flush(self.now));
                self.columns.push(drained);
            }
            Step::DrainInVain => {
                if !self.spec.pending(self.now).rows.is_empty() {
                    self.subject.drain_in_vain(self.now);
                }
            }
            Step::Snapshot => self.snapshots.push((self.subject.snapshot(), self.spec.columns(0, 0))),
        }
    }

    fn succeed(&mut self, old: &[u64], new: &[Route]) {
        let new = specs(new);
        assert_eq!(self.subject.succeed(old, &new, self.now), self.spec.succeed(old, &new, self.now));
    }

    fn resolve_all(&self, requests: &[Request]) -> Vec<Observation> {
        requests.iter().map(|request| self.resolve(request)).collect()
    }

    fn resolve(&self, request: &Request) -> Observation {
        let key = match &request.key {
            Key::Given(key) => Ok(key.clone()),
            Key::NotAtHand(len) => Err(*len),
            Key::Beside { part, nudge } => Ok(self.key_beside(request.route_id, *part, *nudge)),
        };
        let Request { via, route_id, op, value_len, label, .. } = *request;
        Observation { via, route_id, key, op, value_len, label }
    }

    fn key_beside(&self, route: u64, part: u32, nudge: Nudge) -> Vec<u8> {
        let parts = (0..).take_while(|&i| self.spec.part_bounds(route, i).is_some()).count().max(1) as u32;
        let (mut start, end) = self.spec.part_bounds(route, part % parts).unwrap_or_default();
        match nudge {
            Nudge::At => {}
            Nudge::After => start.push(0),
            Nudge::Before => {
                let below = start.pop().and_then(|last| last.checked_sub(1));
                start.extend(below.into_iter().flat_map(|byte| [byte, 0xff]));
            }
            Nudge::AtEnd => start = end,
        }
        start
    }

    fn observe(&mut self, request: &Request) {
        let one = self.resolve(request);
        if let Some(told) = self.subject.observe(&one) {
            assert_eq!(told, self.expect(&one), "{one:?}");
        }
    }

    /// Observes on the specification, and keeps the account.
    fn expect(&mut self, one: &Observation) -> Outcome {
        let key = one.key.as_deref().ok();
        let outcome = self.spec.observe(one.route_id, key, one.key_len(), one.op, one.value_len, one.label);
        if outcome == Outcome::Counted {
            self.counted[one.op as usize] += 1;
            self.counted[2 + one.op as usize] += one.key_len() + one.value_len;
        }
        outcome
    }

    fn compare_batch(&mut self, requests: &[Observation], told: Option<(usize, Outcome)>) {
        let Some(told) = told else { return };
        let outcomes: Vec<Outcome> = requests.iter().map(|one| self.expect(one)).collect();
        let counted = outcomes.iter().filter(|&&outcome| outcome == Outcome::Counted).count();
        let first_failure = outcomes.into_iter().find(|&outcome| outcome != Outcome::Counted);
        assert_eq!(told, (counted, first_failure.unwrap_or(Outcome::Counted)));
    }

    // ---- What holds at the end.

    fn check_parts(&self) {
        for id in IDS {
            for part in (0..4).chain([6, 7, 255, 256]) {
                assert_eq!(self.subject.part_bounds(id, part), self.spec.part_bounds(id, part), "{id} {part}");
            }
        }
    }

    /// Events pass a rate limit: 16 at once, then one per second of the real clock.
    fn check_events(&mut self) {
        let expected = &self.spec.events;
        let (told, suppressed) = self.subject.events();
        let at_once = expected.len().min(16);
        assert_eq!(told[..at_once], expected[..at_once]);
        assert!(told.len() + suppressed as usize <= expected.len());
        assert!(told[at_once..].iter().all(|event| expected[at_once..].contains(event)));
    }

    fn check_history(&self) {
        if !self.spec.has_history() {
            assert_eq!(self.subject.columns(0, 0), Err(Refusal::HistoryOff));
            return;
        }
        let times: Vec<i64> = self.columns.iter().map(|column| column.info.at_ns).collect();
        let pick = |i: usize| times[i % times.len()];
        let ranges = [(0, 0), (pick(1), 0), (0, pick(2)), (pick(0), pick(3)), (pick(2) + 1, pick(7) + 1)];
        for (from, to) in ranges {
            assert_eq!(self.subject.columns(from, to), Ok(self.spec.columns(from, to)), "[{from}, {to})");
        }
        for sequence in 0..self.columns.len() as u64 + 2 {
            assert_eq!(self.subject.column(sequence), self.spec.column(sequence), "column {sequence}");
        }
        for (held, expected) in &self.snapshots {
            if !held.is_empty() {
                let held: Vec<Stored> = held.iter().map(crate::subject::stored).collect();
                assert_eq!(&held, expected, "a snapshot never changes");
            }
        }
    }

    /// What the specification promises of any sequence of columns, whatever the program.
    fn check_columns(&self) {
        let mut total = [0; 4];
        let mut before = EPOCH;
        for (i, Column { info, rows }) in self.columns.iter().enumerate() {
            assert_eq!(info.sequence, i as u64);
            assert!(info.window_start_ns < info.at_ns, "a window has a width");
            assert!(info.window_start_ns == before || before >= info.at_ns, "columns are contiguous");
            before = info.at_ns;
            let mut seen = HashSet::new();
            for row in rows {
                assert!(seen.insert((row.route_id, row.label, row.sub_bucket)), "one row per slot and part");
                assert!(!row.counters.is_zero(), "idle cells give no row");
                total.iter_mut().zip(row.counters.to_array()).for_each(|(sum, count)| *sum += count);
            }
            let order = rows.iter().map(|row| (&row.start, row.route_id, row.label.name(), row.sub_bucket));
            assert!(order.is_sorted(), "rows are in order");
        }
        assert_eq!(total, self.counted, "total in is total out");
    }
}
