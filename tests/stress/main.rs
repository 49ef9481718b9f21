//! Real threads, more of them than cores, and everything at once: observers come and go while routes are registered,
//! removed, registered again with other ranges, folded, split and merged, terms are set, columns are drained by
//! several, and the history is read. What comes out must be what went in, route by route; and what was removed must
//! come free.
//!
//! `world.rs` has the account that is kept and the watchdog; each test here is one promise. Each runs for a second or
//! so; `KEYVIZ_STRESS_SECONDS` makes it longer.

mod world;

use keyviz::{Label, Options, RouteSpec, Sampler};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use world::{observers, seconds, weight, Account, Clock, Drawn, Watchdog, SECOND};

const BOUNDS: [&[u8]; 7] = [b"", b"a", b"ab", b"key-1", b"key-5", b"m", b""];

/// A route of the churn; fresh ranges and groups each time.
fn spec(id: u64, drawn: &mut Drawn) -> RouteSpec<'static> {
    let at = drawn.below(6) as usize;
    let to = at + 1 + drawn.below(6 - at as u64) as usize;
    RouteSpec { route_id: id, group_id: drawn.below(4), start: BOUNDS[at], end: BOUNDS[to], any_range: false }
}

/// Ids that routes of the churn have.
const CHURNED: u64 = 24;

/// Observes, registers, removes, splits, merges, drains and reads, all at once; then settles the account.
fn churn(name: &str, options: Options) {
    let sampler = Sampler::new(Options { step_ns: SECOND, history_columns: 6, created_ns: 1, ..options });
    let (clock, account) = (Clock::default(), Account::default());
    let over = AtomicBool::new(false);
    let running = || !over.load(Ordering::Relaxed);
    let watchdog = Watchdog::new(name);
    std::thread::scope(|scope| {
        let (sampler, clock, account, watchdog) = (&sampler, &clock, &account, &watchdog);
        let mut threads = Vec::new();
        for seed in 0..observers() {
            threads.push(scope.spawn(move || {
                let mut drawn = Drawn::new(seed);
                while running() {
                    // A thread of its own for a few observations: its lane is leased, and comes back.
                    let life = drawn.below(3000);
                    let seed = drawn.next();
                    let observer = move || account.observe(sampler, life, &mut Drawn::new(seed), CHURNED);
                    std::thread::scope(|scope| scope.spawn(observer).join().unwrap());
                    watchdog.pat();
                }
            }));
        }
        for seed in 100..102 {
            threads.push(scope.spawn(move || {
                let mut drawn = Drawn::new(seed);
                while running() {
                    change_something(sampler, clock, &mut drawn);
                    watchdog.pat();
                }
            }));
            threads.push(scope.spawn(move || {
                let mut drawn = Drawn::new(seed + 100);
                while running() {
                    // Past a grace in two drains, so that cells change hands all the time.
                    account.drained(&sampler.drain(clock.go_on(drawn.below(6) as i64 * SECOND)).unwrap());
                    watchdog.pat();
                    std::thread::sleep(Duration::from_micros(drawn.below(2000)));
                }
            }));
        }
        threads.push(scope.spawn(move || {
            while running() {
                read_everything(sampler);
                watchdog.pat();
                std::thread::sleep(Duration::from_millis(1));
            }
        }));
        std::thread::sleep(seconds(1.0));
        over.store(true, Ordering::Relaxed);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    account.drained(&sampler.drain(clock.go_on(SECOND)).unwrap());
    account.settle(&sampler, options.max_tracked_routes == 0);
}

fn change_something(sampler: &Sampler, clock: &Clock, drawn: &mut Drawn) {
    let id = drawn.below(CHURNED);
    let one = spec(id, drawn);
    let others = [drawn.below(CHURNED), drawn.below(CHURNED)].map(|id| spec(id, drawn));
    // Successions of routes that aren't there, or to ids that are taken, are refused; that's part of it.
    match drawn.below(12) {
        0..=3 => drop(sampler.register_route(&one).unwrap()),
        4..=6 => drop(sampler.remove_route(id, clock.now()).unwrap()),
        7 => sampler.register_routes(&others, |_, _| ()).unwrap(),
        8 => drop(sampler.succeed_routes(&[id], &others, clock.now(), |_, _| ())),
        9 => drop(sampler.succeed_routes(&others.map(|other| other.route_id), &[one], clock.now(), |_, _| ())),
        10 => sampler.set_leader_term(drawn.below(4), drawn.next()).unwrap(),
        _ => std::thread::yield_now(),
    }
}

fn read_everything(sampler: &Sampler) {
    for column in sampler.columns(0, 0).unwrap() {
        world::check(&world::owned(&column));
    }
    let image = sampler.save_history().unwrap();
    let other = Sampler::new(Options { history_columns: 6, ..Options::default() });
    other.load_history(&image).unwrap();
    assert!(sampler.stats().routes <= CHURNED);
    while sampler.poll_event().is_some() {}
    drop(sampler.sub_bucket_bounds(1, 0).unwrap());
}

#[test]
fn everything_at_once_loses_and_mixes_up_nothing() {
    let options = Options { labels_enabled: true, key_buckets_per_route: 4, ..Options::default() };
    churn("everything at once", options);
}

#[test]
fn everything_at_once_with_few_lanes_loses_and_mixes_up_nothing() {
    churn("few lanes", Options { labels_enabled: true, max_lanes: 2, ..Options::default() });
}

#[test]
fn everything_at_once_with_routes_that_fold_loses_nothing() {
    let options = Options { labels_enabled: true, max_tracked_routes: 5, max_member_routes_per_slot: 3, ..Options::default() };
    churn("folding", options);
}

/// Whoever finds a route gone finds its successor: the chain of successions has no hole, in slots and in buckets.
#[test]
fn who_follows_a_chain_of_successions_never_falls_through() {
    for max_tracked_routes in [0, 1] {
        let sampler = Sampler::new(Options { max_tracked_routes, step_ns: SECOND, created_ns: 1, ..Options::default() });
        let (clock, account) = (Clock::default(), Account::default());
        let route = |id| RouteSpec { route_id: id, group_id: 0, start: b"", end: b"", any_range: false };
        // With a cap of 1, the first one takes it, and the chain is folded.
        sampler.register_routes(&[route(0), route(1)], |_, _| ()).unwrap();
        // The link that is there, or is just being made; and the last that somebody found.
        let (newest, found) = (AtomicU64::new(1), AtomicU64::new(1));
        let over = AtomicBool::new(false);
        let watchdog = Watchdog::new("a chain");
        std::thread::scope(|scope| {
            let (sampler, clock, account, watchdog) = (&sampler, &clock, &account, &watchdog);
            let (newest, found, over) = (&newest, &found, &over);
            let mut threads = Vec::new();
            for _ in 0..observers() {
                threads.push(scope.spawn(move || {
                    let mut id = 1;
                    let mut counted = Vec::new();
                    while !over.load(Ordering::Relaxed) {
                        if sampler.observe(id, b"", keyviz::Op::Read, weight(id, Label::Legacy), Label::Legacy) {
                            counted.push(id);
                            found.fetch_max(id, Ordering::SeqCst);
                        } else {
                            assert!(newest.load(Ordering::SeqCst) > id, "{id} was missed, and nothing is after it");
                            id += 1;
                        }
                        watchdog.pat();
                    }
                    account.counted(&counted);
                }));
            }
            threads.push(scope.spawn(move || {
                for i in 0.. {
                    let next = newest.fetch_add(1, Ordering::SeqCst) + 1;
                    sampler.succeed_routes(&[next - 1], &[route(next)], clock.now(), |_, _| ()).unwrap();
                    if i % 64 == 0 {
                        account.drained(&sampler.drain(clock.go_on(3 * SECOND)).unwrap());
                    }
                    // They stay close behind.
                    while found.load(Ordering::SeqCst) < next {
                        if over.load(Ordering::Relaxed) {
                            return;
                        }
                        std::thread::yield_now();
                    }
                }
            }));
            std::thread::sleep(seconds(0.5));
            over.store(true, Ordering::Relaxed);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
        account.drained(&sampler.drain(clock.go_on(SECOND)).unwrap());
        account.settle_counts(max_tracked_routes == 0);
    }
}

/// With more busy threads than cores, some always sleep inside of an observation; still every removed route's cells, and
/// every table that was replaced, come free while they run, and the same memory serves the next routes. (So many threads
/// are never all outside at the same time.)
#[test]
fn what_was_removed_comes_free_under_observers_that_never_rest() {
    const ROUTES: u64 = 200;
    for max_lanes in [0, 1] {
        let options = Options { key_buckets_per_route: 16, history_off: true, max_lanes, created_ns: 1, ..Options::default() };
        let sampler = Sampler::new(Options { step_ns: SECOND, ..options });
        let clock = Clock::default();
        // The first id of the routes that are there.
        let first = AtomicU64::new(0);
        let over = AtomicBool::new(false);
        let watchdog = Watchdog::new("what was removed comes free");
        let bytes: Vec<u64> = std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for seed in 0..64 {
                let (sampler, first, over) = (&sampler, &first, &over);
                threads.push(scope.spawn(move || {
                    let mut drawn = Drawn::new(seed);
                    while !over.load(Ordering::Relaxed) {
                        let id = first.load(Ordering::Relaxed) + drawn.below(ROUTES);
                        let key = drawn.next().to_be_bytes();
                        sampler.observe(id, &key, keyviz::Op::Write, 1, Label::Legacy);
                    }
                }));
            }
            let cycle = |n: u64| {
                first.store(n * ROUTES, Ordering::Relaxed);
                let ids = n * ROUTES..(n + 1) * ROUTES;
                for id in ids.clone() {
                    let one = RouteSpec { route_id: id, group_id: 0, start: b"", end: b"", any_range: false };
                    sampler.register_route(&one).unwrap();
                }
                std::thread::sleep(Duration::from_millis(5));
                for id in ids {
                    sampler.remove_route(id, clock.now()).unwrap();
                }
                while sampler.stats().retired > 0 {
                    sampler.drain(clock.go_on(6 * SECOND)).unwrap();
                    std::thread::sleep(Duration::from_millis(1));
                }
                watchdog.pat();
                let stats = sampler.stats();
                stats.counter_bytes + stats.route_bytes
            };
            let bytes = (0..3).map(cycle).collect();
            over.store(true, Ordering::Relaxed);
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            bytes
        });
        // Which cells a thread touches in one cycle is a matter of luck: all of them, soon.
        let cells = ROUTES * 16 * 32 * (sampler.stats().lanes + 1);
        assert!(bytes.iter().all(|&bytes| bytes <= 3 * cells / 2 + (1 << 20)), "{bytes:?} of {cells} bytes of cells");
    }
}

#[test]
fn a_sampler_that_is_closed_under_its_observers_is_done_with() {
    let watchdog = Watchdog::new("closing");
    let began = std::time::Instant::now();
    while began.elapsed() < seconds(0.5) {
        let sampler = Sampler::new(Options { max_lanes: 4, created_ns: 1, ..Options::default() });
        for id in 0..CHURNED {
            sampler.register_route(&spec(id, &mut Drawn::new(id))).unwrap();
        }
        std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for seed in 0..observers() {
                let (sampler, watchdog) = (&sampler, &watchdog);
                threads.push(scope.spawn(move || {
                    let mut drawn = Drawn::new(seed);
                    // Until it is closed: then no route is known any more.
                    while sampler.observe(drawn.below(CHURNED), b"k", keyviz::Op::Read, 1, Label::Legacy) {}
                    assert!(!sampler.observe(1, b"k", keyviz::Op::Read, 1, Label::Legacy));
                    watchdog.pat();
                }));
            }
            let drains = scope.spawn(|| (2..).take_while(|&now| sampler.flush(now).is_ok()).count());
            std::thread::sleep(Duration::from_millis(2));
            sampler.close();
            drains.join().unwrap();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
        assert_eq!(sampler.register_route(&spec(1, &mut Drawn::new(1))), Err(keyviz::Error::Closed));
        let stats = sampler.stats();
        assert!(stats.counter_bytes < 64 << 10, "{stats:?}");
    }
}
