//! The protocol of the hot path under a model checker: each test is one small meeting of observers with the rare side,
//! in every order that there is (up to a number of preemptions).
//!
//! The code is the library's own, from [`Sampler`] down; only the atomics and the threads are loom's. What loom can't
//! see stays out of its way: locks are taken by one of the threads only, and observers count in lanes they were given,
//! since all of loom's threads are one to thread-local storage. Cells and tables are small (see `cells.rs`,
//! `registry/`). What is freed checks that every use of it happened before: use after free shows (the canaries in
//! `sync.rs`). The asymmetric fence is a `SeqCst` fence on both sides (see `sync.rs`), which loom orders by
//! happens-before: a little more than the language promises, and what `membarrier(2)` gives.

use crate::label::Label;
use crate::lane::{Lane, Observation, Observed};
use crate::options::Options;
use crate::registry::RouteSpec;
use crate::sampler::Sampler;
use loom::thread;
use std::sync::Arc;

const GRACE: i64 = 5_000_000_000;

/// Checks a model in every order with so many preemptions.
fn check(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(preemptions));
    builder.max_branches = 100_000;
    builder.check(model);
}

/// A sampler that is only drained.
fn sampler(key_buckets_per_route: u32) -> Arc<Sampler> {
    let options = Options { step_ns: 1, history_off: true, key_buckets_per_route, ..Options::default() };
    Arc::new(Sampler::new(options))
}

fn route(route_id: u64) -> RouteSpec<'static> {
    RouteSpec { route_id, group_id: 0, start: b"", end: b"", any_range: false }
}

fn register(sampler: &Sampler, route_id: u64) {
    sampler.register_route(&route(route_id)).expect("the sampler is open");
}

fn lane(sampler: &Sampler) -> Arc<Lane> {
    sampler.lease_lane().expect("a lane is free")
}

/// The key lies in the last part, if the route is sub-divided.
fn read(route_id: u64) -> Observation<'static> {
    Observation { route_id, key: Some(b"\xff"), bytes: 3, op: 0, label: Label::Legacy as u32 }
}

/// Observes once. How many counted.
fn observe(sampler: &Sampler, lane: &Lane, route_id: u64) -> u64 {
    u64::from(lane.observe(sampler.hot(), read(route_id)) == Observed::Counted)
}

/// As [`observe`], in a run of its own.
fn observe_run(sampler: &Sampler, lane: &Lane, route_id: u64) -> u64 {
    let mut counted = 0;
    let one = std::iter::once(Some(read(route_id)));
    lane.observe_run(sampler.hot(), one, |observed| counted += u64::from(observed == Observed::Counted));
    counted
}

fn observe_shared(sampler: &Sampler, route_id: u64) -> u64 {
    u64::from(sampler.shared_lane().observe_shared(sampler.hot(), read(route_id)) == Observed::Counted)
}

/// Drains. The reads of routes 1 and 2.
fn drain(sampler: &Sampler, now_ns: i64) -> [u64; 2] {
    let mut reads = [0; 2];
    for row in sampler.drain(now_ns).expect("the sampler is open").rows {
        reads[row.route_id as usize - 1] += row.counters.reads;
    }
    reads
}

fn sum(columns: &[[u64; 2]]) -> [u64; 2] {
    columns.iter().fold([0; 2], |sum, column| [sum[0] + column[0], sum[1] + column[1]])
}

#[test]
fn observe_against_register_counts_or_misses() {
    check(3, || {
        let sampler = sampler(1);
        let observer = thread::spawn({
            let (sampler, lane) = (sampler.clone(), lane(&sampler));
            move || (0..2).map(|_| observe(&sampler, &lane, 1)).sum::<u64>()
        });
        register(&sampler, 1);
        let early = drain(&sampler, 1);
        let counted = observer.join().unwrap();
        assert_eq!(sum(&[early, drain(&sampler, 2)]), [counted, 0]);
        assert_eq!(sampler.stats().missed, 2 - counted);
    });
}

#[test]
fn observe_against_drain_is_taken_once() {
    check(3, || {
        let sampler = sampler(1);
        register(&sampler, 1);
        let observer = thread::spawn({
            let (sampler, lane) = (sampler.clone(), lane(&sampler));
            move || (0..2).for_each(|_| assert_eq!(observe(&sampler, &lane, 1), 1))
        });
        let early = [drain(&sampler, 1), drain(&sampler, 2)];
        observer.join().unwrap();
        assert_eq!(sum(&[early[0], early[1], drain(&sampler, 3)]), [2, 0]);
    });
}

/// Route 1 goes, route 2 comes; whoever counts under one of them is found there.
fn cells_pass_to_another_route(preemptions: usize, key_buckets: u32, observe: fn(&Sampler, &Lane, u64) -> u64) {
    check(preemptions, move || {
        let sampler = sampler(key_buckets);
        register(&sampler, 1);
        let observer = thread::spawn({
            let (sampler, lane) = (sampler.clone(), lane(&sampler));
            move || [observe(&sampler, &lane, 1), observe(&sampler, &lane, 1), observe(&sampler, &lane, 2)]
        });
        sampler.remove_route(1, 0).unwrap();
        let early = drain(&sampler, GRACE);
        register(&sampler, 2);
        let counted = observer.join().unwrap();
        let late = [drain(&sampler, GRACE + 1), drain(&sampler, 2 * GRACE)];
        assert_eq!(sum(&[early, late[0], late[1]]), [counted[0] + counted[1], counted[2]]);
    });
}

#[test]
fn observe_against_remove_never_counts_in_cells_that_another_route_got() {
    cells_pass_to_another_route(3, 1, observe);
}

#[test]
fn observe_against_remove_never_counts_in_parts_that_another_route_got() {
    cells_pass_to_another_route(3, 2, observe);
}

#[test]
fn observe_shared_against_remove_never_counts_in_cells_that_another_route_got() {
    cells_pass_to_another_route(3, 1, |sampler, _, route| observe_shared(sampler, route));
}

#[test]
fn observe_run_against_remove_never_counts_in_cells_that_another_route_got() {
    cells_pass_to_another_route(3, 1, observe_run);
}

/// Whoever was seen outside in one drain need not be in the next one, where the other is.
#[test]
fn observers_against_remove_are_each_seen_outside_in_a_drain_of_its_own() {
    check(2, || {
        let sampler = sampler(2);
        register(&sampler, 1);
        let observers = [[1, 2], [1, 0]].map(|routes| {
            let (sampler, lane) = (sampler.clone(), lane(&sampler));
            thread::spawn(move || routes.map(|id| if id == 0 { 0 } else { observe(&sampler, &lane, id) }))
        });
        sampler.remove_route(1, 0).unwrap();
        let early = [drain(&sampler, GRACE), drain(&sampler, GRACE + 1)];
        register(&sampler, 2);
        let counted = observers.map(|observer| observer.join().unwrap());
        let late = [drain(&sampler, GRACE + 2), drain(&sampler, 3 * GRACE)];
        assert_eq!(sum(&[early[0], early[1], late[0], late[1]]), [counted[0][0] + counted[1][0], counted[0][1]]);
    });
}

/// A lane that was seen outside, and went to another holder since, holds nothing up and is not forgotten.
#[test]
fn observe_against_remove_in_a_lane_that_is_leased_again_between_drains() {
    check(3, || {
        let sampler = sampler(2);
        register(&sampler, 1);
        let lane = lane(&sampler);
        lane.release();
        let observers = [[1, 0], [1, 2]].map(|routes| {
            let (sampler, lane) = (sampler.clone(), lane.clone());
            thread::spawn(move || {
                routes.map(|id| {
                    if id == 0 || !lane.lease() {
                        return 0;
                    }
                    let counted = observe(&sampler, &lane, id);
                    lane.release();
                    counted
                })
            })
        });
        sampler.remove_route(1, 0).unwrap();
        let early = [drain(&sampler, GRACE), drain(&sampler, GRACE + 1)];
        register(&sampler, 2);
        let counted = observers.map(|observer| observer.join().unwrap());
        let late = [drain(&sampler, GRACE + 2), drain(&sampler, 3 * GRACE)];
        assert_eq!(sum(&[early[0], early[1], late[0], late[1]]), [counted[0][0] + counted[1][0], counted[1][1]]);
    });
}

/// A look at the lanes that began before the removal says nothing of it: route 2 goes, drain, route 1 goes, drain.
fn a_look_before_the_removal_is_not_enough(observers: usize, observe: fn(&Sampler, &Lane, u64) -> u64) {
    check(2, move || {
        let sampler = sampler(2);
        register(&sampler, 1);
        register(&sampler, 2);
        let observers: Vec<_> = (0..observers)
            .map(|_| {
                let (sampler, lane) = (sampler.clone(), lane(&sampler));
                thread::spawn(move || observe(&sampler, &lane, 1))
            })
            .collect();
        sampler.remove_route(2, 0).unwrap();
        let early = drain(&sampler, 1);
        sampler.remove_route(1, 1).unwrap();
        let late = [drain(&sampler, GRACE + 1), drain(&sampler, GRACE + 2)];
        let counted: u64 = observers.into_iter().map(|observer| observer.join().unwrap()).sum();
        assert_eq!(sum(&[early, late[0], late[1], drain(&sampler, 3 * GRACE)]), [counted, 0]);
    });
}

#[test]
fn observe_against_remove_after_a_look() {
    a_look_before_the_removal_is_not_enough(1, |sampler, lane, route| {
        observe(sampler, lane, route) + observe(sampler, lane, route)
    });
}

#[test]
fn observe_run_against_remove_after_a_look() {
    a_look_before_the_removal_is_not_enough(1, |sampler, lane, route| {
        observe_run(sampler, lane, route) + observe_run(sampler, lane, route)
    });
}

#[test]
fn observe_shared_against_remove_after_a_look_is_waited_for_in_both_generations() {
    a_look_before_the_removal_is_not_enough(2, |sampler, _, route| observe_shared(sampler, route));
}

#[test]
fn observe_against_table_growth_reads_no_table_that_was_freed() {
    check(3, || {
        let sampler = sampler(1);
        register(&sampler, 1);
        register(&sampler, 2);
        let observer = thread::spawn({
            let (sampler, lane) = (sampler.clone(), lane(&sampler));
            move || [1, 2].map(|id| assert_eq!(observe(&sampler, &lane, id), 1))
        });
        for id in 3..5 {
            register(&sampler, id);
        }
        let early = drain(&sampler, 1);
        observer.join().unwrap();
        assert_eq!(sum(&[early, drain(&sampler, 2)]), [1, 1]);
    });
}

#[test]
fn observe_against_split_misses_nothing() {
    check(3, || {
        let sampler = sampler(1);
        register(&sampler, 1);
        let observer = thread::spawn({
            let (sampler, lane) = (sampler.clone(), lane(&sampler));
            // Who no longer finds the predecessor finds the successor.
            move || {
                let before = observe(&sampler, &lane, 1);
                let after = if before == 1 { 0 } else { observe(&sampler, &lane, 2) };
                [before, after]
            }
        });
        sampler.succeed_routes(&[1], &[route(2)], 0, |_, _| ()).unwrap();
        let early = drain(&sampler, GRACE);
        let counted = observer.join().unwrap();
        assert_eq!(counted[0] + counted[1], 1);
        assert_eq!(sum(&[early, drain(&sampler, 2 * GRACE)]), counted);
    });
}

#[test]
fn observe_against_lane_lease_and_return_keeps_every_count() {
    check(3, || {
        let sampler = sampler(1);
        register(&sampler, 1);
        let lane = lane(&sampler);
        lane.release();
        let hold = |sampler: &Sampler, lane: &Lane| {
            if !lane.lease() {
                return 0;
            }
            let counted = observe(sampler, lane, 1);
            lane.release();
            counted
        };
        let others = [(); 2].map(|()| {
            let (sampler, lane) = (sampler.clone(), lane.clone());
            thread::spawn(move || hold(&sampler, &lane))
        });
        let mine = hold(&sampler, &lane);
        let theirs: u64 = others.into_iter().map(|other| other.join().unwrap()).sum();
        assert!(mine + theirs > 0, "the lane was free");
        assert_eq!(drain(&sampler, 1), [mine + theirs, 0]);
    });
}

#[test]
fn observe_against_observe_maps_a_segment_once() {
    check(3, || {
        let sampler = sampler(1);
        register(&sampler, 1);
        let other = thread::spawn({
            let sampler = sampler.clone();
            move || observe_shared(&sampler, 1)
        });
        assert_eq!(observe_shared(&sampler, 1), 1);
        let early = drain(&sampler, 1);
        assert_eq!(other.join().unwrap(), 1);
        assert_eq!(sum(&[early, drain(&sampler, 2)]), [2, 0]);
    });
}

#[test]
fn observe_against_close_counts_or_misses() {
    check(3, || {
        let sampler = sampler(1);
        register(&sampler, 1);
        let observer = thread::spawn({
            let (sampler, lane) = (sampler.clone(), lane(&sampler));
            move || [(); 2].map(|()| observe(&sampler, &lane, 1))
        });
        let drained = drain(&sampler, 1);
        sampler.close();
        let counted = observer.join().unwrap();
        assert!(drained[0] <= counted[0] + counted[1]);
        assert!(counted[0] >= counted[1], "once it is closed, it stays so");
        assert_eq!(observe(&sampler, &lane(&sampler), 1), 0);
    });
}
