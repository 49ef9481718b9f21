//! Programs that once told the sampler and the specification apart, as short as they get.

use crate::c::CApi;
use crate::program::{run, Jump, Key, Program, Request, Route, Step};
use keyviz::{Options, Sampler};

fn route(id: u64, start: &'static str, end: &'static str) -> Route {
    Route { id, group: 0, start: start.as_bytes(), end: end.as_bytes(), any_range: false }
}

fn read(route_id: u64, key: &str, label: u32) -> Step {
    let key = Key::Given(key.as_bytes().to_vec());
    Step::Observe(Request { via: 0, route_id, key, op: 0, value_len: 10, label })
}

fn agrees(options: Options, steps: Vec<Step>) {
    let program = Program { options: Options { created_ns: 1_000, ..options }, steps };
    run::<Sampler>(&program);
    run::<CApi>(&program);
}

#[test]
fn a_synthetic_id_is_none_of_a_route_that_the_same_call_registers() {
    let routes = vec![route(1, "a", "b"), route(u64::MAX, "b", "c"), route(u64::MAX - 1, "c", "d")];
    let reads = routes.iter().map(|route| read(route.id, "b", 0)).collect::<Vec<_>>();
    let options = Options { max_tracked_routes: 1, ..Options::default() };
    agrees(options, [vec![Step::Register(routes)], reads].concat());
}

#[test]
fn a_bucket_grows_to_hold_a_member_that_came_out_of_a_merge() {
    let steps = vec![
        Step::Register(vec![route(1, "a", "b"), route(2, "b", "c"), route(3, "d", "e")]),
        Step::Merge(vec![2, 3], route(2, "aa", "f")),
        read(2, "e", 0),
    ];
    agrees(Options { max_tracked_routes: 1, ..Options::default() }, steps);
}

#[test]
fn a_bucket_grows_to_hold_the_children_of_a_folded_route() {
    let steps = vec![
        Step::Register(vec![route(1, "a", "b"), route(2, "d", "f")]),
        read(2, "e", 0),
        // To the left, and to where there is no end; both fold, since the cap is reached.
        Step::Split(2, vec![route(3, "c", "e"), route(4, "e", "")]),
        read(2, "e", 0),
        read(3, "c", 0),
        read(4, "x", 0),
        Step::Flush,
        // The parent is a member until its grace has passed.
        Step::Clock(Jump::Graces(1, 0)),
        read(4, "x", 0),
        Step::Flush,
        read(4, "x", 0),
    ];
    agrees(Options { max_tracked_routes: 1, ..Options::default() }, steps);
}

#[test]
fn a_bucket_grows_to_hold_what_folded_routes_were_merged_into() {
    let steps = vec![
        Step::Register(vec![route(1, "a", "b"), route(2, "d", "e"), route(3, "e", "f")]),
        Step::Merge(vec![2, 3], route(4, "c", "g")),
        read(4, "c", 0),
        Step::Flush,
        Step::Clock(Jump::Graces(1, 0)),
        Step::Flush,
        read(4, "c", 0),
    ];
    agrees(Options { max_tracked_routes: 1, ..Options::default() }, steps);
}

#[test]
fn a_child_takes_the_place_of_its_parent_under_the_cap_and_the_others_fold() {
    let steps = vec![
        Step::Register(vec![route(1, "a", "m")]),
        Step::Split(1, vec![route(2, "a", "c"), route(3, "c", "f"), route(4, "f", "m")]),
        read(2, "a", 0),
        read(3, "d", 0),
        read(4, "g", 0),
        Step::Flush,
        // A folded parent and one with slots: the child gets slots.
        Step::Merge(vec![2, 3], route(5, "a", "f")),
        read(5, "d", 0),
        read(3, "d", 0),
    ];
    agrees(Options { max_tracked_routes: 1, ..Options::default() }, steps);
}

#[test]
fn rows_stay_in_order_where_parts_of_a_route_share_a_bound() {
    let steps = vec![
        Step::Register(vec![route(7, "a", "z")]),
        Step::Remove(7),
        // The inner bounds lie outside of the new range: all parts but one are empty, and keys out there count in them.
        Step::Register(vec![route(7, "a", "b"), route(3, "b", "c")]),
        read(7, "a", 2),
        read(7, "y", 0),
        read(7, "y", 1),
        read(7, "n", 0),
        read(3, "b", 0),
    ];
    agrees(Options { key_buckets_per_route: 4, labels_enabled: true, ..Options::default() }, steps);
}
