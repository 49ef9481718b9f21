//! The memory limit holds, and what no longer fits gives way without a loss.

use keyviz::{ColumnRows, Error, Label, Op, Options, Placement, RouteSpec, Sampler, Stats};

const MINUTE: i64 = 60_000_000_000;

fn bytes(stats: &Stats) -> u64 {
    stats.counter_bytes + stats.route_bytes + stats.history_bytes
}

fn key(i: u64) -> Vec<u8> {
    format!("table/{i:08}").into_bytes()
}

#[test]
fn routes_that_no_longer_fit_fold_and_old_columns_go() {
    const LIMIT: u64 = 16 << 20;
    const ROUTES: u64 = 20_000;
    let sampler = Sampler::new(Options {
        labels_enabled: true,
        max_tracked_routes: 1_000_000,
        memory_limit_bytes: LIMIT,
        max_member_routes_per_slot: 4,
        ..Options::default()
    });
    let mut placements = [0, 0];
    for id in 0..ROUTES {
        let (start, end) = (key(id), key(id + 1));
        let route = RouteSpec { route_id: id, group_id: 1, start: &start, end: &end, any_range: false };
        placements[sampler.register_route(&route).unwrap() as usize] += 1;
    }
    assert!(placements[Placement::Individual as usize] > 1000, "{placements:?}");
    assert!(placements[Placement::Coarsened as usize] > 1000, "{placements:?}");
    let mut columns = 0;
    for step in 1..=200 {
        for id in 0..ROUTES {
            assert!(sampler.observe(id, &key(id), Op::Write, id * step, Label::ALL[(id % 6) as usize]));
        }
        let drained = sampler.drain(step as i64 * MINUTE).unwrap();
        assert_eq!(drained.rows.iter().map(|row| row.counters.writes).sum::<u64>(), ROUTES, "nothing is lost");
        let stats = sampler.stats();
        assert!(bytes(&stats) <= LIMIT, "{stats:?}");
        columns = stats.columns;
    }
    assert!((1..200).contains(&columns), "the history has given way: {columns}");
    let newest = sampler.columns(0, 0).unwrap().last().map(|column| column.info().sequence);
    assert_eq!(newest, Some(199), "the newest are kept");
}

#[test]
fn a_route_that_does_not_even_fit_as_a_member_is_refused_and_nothing_changes() {
    let sampler = Sampler::new(Options { memory_limit_bytes: 256 << 10, ..Options::default() });
    let keys: Vec<Vec<u8>> = (0..3000).map(key).collect();
    let route = |id: usize| RouteSpec { route_id: id as u64, group_id: 1, start: &keys[id], end: &keys[id + 1], any_range: false };
    let all: Vec<RouteSpec> = (0..2999).map(route).collect();
    assert_eq!(sampler.register_routes(&all, |_, _| panic!("none is placed")), Err(Error::MemoryLimit));
    assert_eq!(sampler.stats().routes, 0);
    let refused = (0..2999).find(|&id| sampler.register_route(&route(id)).is_err()).expect("the limit is reached");
    assert_eq!(sampler.register_route(&route(refused)), Err(Error::MemoryLimit));
    assert_eq!(sampler.stats().routes, refused as u64);
    assert!(!sampler.observe(refused as u64, b"k", Op::Read, 1, Label::Legacy));
    sampler.flush(MINUTE).unwrap();
    assert!(bytes(&sampler.stats()) <= 256 << 10, "{:?}", sampler.stats());
    sampler.remove_route(0, MINUTE).unwrap();
    sampler.flush(1000 * MINUTE).unwrap();
    assert!(sampler.register_route(&route(refused)).is_ok(), "what was removed makes room");
}

#[test]
fn threads_whose_counters_no_longer_fit_share_a_lane() {
    let route = RouteSpec { route_id: 1, group_id: 1, start: b"", end: b"", any_range: false };
    let sampler = Sampler::new(Options {
        key_buckets_per_route: 256,
        labels_enabled: true,
        memory_limit_bytes: 256 << 10,
        ..Options::default()
    });
    assert_eq!(sampler.register_route(&route).unwrap(), Placement::Individual);
    std::thread::scope(|scope| {
        for thread in 0..8u8 {
            let sampler = &sampler;
            scope.spawn(move || {
                for i in 0..=255u8 {
                    for label in Label::ALL {
                        assert!(sampler.observe(1, &[i, thread], Op::Read, 1, label));
                    }
                }
            });
        }
    });
    let stats = sampler.stats();
    assert!(stats.lanes < 8 && bytes(&stats) <= 256 << 10, "{stats:?}");
    let column = sampler.drain(MINUTE).unwrap();
    assert_eq!(column.rows.iter().map(|row| row.counters.reads).sum::<u64>(), 8 * 256 * 6);
}
