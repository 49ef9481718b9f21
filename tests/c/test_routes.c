/* Registering, folding, removing, splitting and merging routes. */
#define _DEFAULT_SOURCE
#include "fixture.h"
#include <time.h>

static void registering_again_tells_what_a_route_is_and_changes_nothing(void) {
    keyviz_options_t options = plain_options();
    options.max_tracked_routes = 1;
    keyviz_sampler_t *sampler = sampler_new(options);
    keyviz_route_t first = route(1, "a", "b"), second = route(2, "b", "c");
    for (int turn = 0; turn < 2; turn++) {
        uint32_t placement = 99;
        CHECK_OK(keyviz_sampler_register_route(sampler, &first, &placement, NULL));
        CHECK_EQUAL(placement, KEYVIZ_PLACEMENT_INDIVIDUAL);
        CHECK_OK(keyviz_sampler_register_route(sampler, &second, &placement, NULL));
        CHECK_EQUAL(placement, KEYVIZ_PLACEMENT_COARSENED);
        CHECK_OK(keyviz_sampler_register_route(sampler, &first, NULL, NULL));
        first = route(1, "x", "");
    }
    CHECK_EQUAL(stats_of(sampler).routes, 2);
    CHECK_OK(write_to(sampler, 1, "a", 0));
    keyviz_column_buffer_t column = drain(sampler, T0 + SECOND);
    CHECK_EQUAL(column.row_count, 1);
    CHECK(bytes_are(&column, column.rows[0].start_offset, column.rows[0].start_len, "a"));
    CHECK(bytes_are(&column, column.rows[0].end_offset, column.rows[0].end_len, "b"));
    column_free(&column);
    keyviz_sampler_free(sampler);
}

static void refuses(keyviz_route_t bad, keyviz_status_t expected, int line) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    uint32_t placement = 99, placements[3] = {99, 99, 99};
    uint64_t parent = 5;
    CHECK_OK(add(sampler, parent, "", ""));
    keyviz_route_t three[3] = {route(1, "a", "b"), route(2, "b", "c"), bad};
    keyviz_status_t got[4];
    got[0] = keyviz_sampler_register_route(sampler, &bad, &placement, &error);
    CHECK(is_told(&error, expected));
    got[1] = keyviz_sampler_register_routes(sampler, three, 3, placements, &error);
    got[2] = keyviz_sampler_apply_split(sampler, parent, three, 3, placements, T0, &error);
    got[3] = keyviz_sampler_apply_merge(sampler, &parent, 1, &bad, &placement, T0, &error);
    for (int i = 0; i < 4; i++) check_equal((uint64_t)got[i], (uint64_t)expected, "the status", __FILE__, line);
    check_that(placement == 99 && placements[0] == 99 && placements[1] == 99, "no output was written", __FILE__, line);
    check_equal(stats_of(sampler).routes, 1, "the number of routes", __FILE__, line);
    check_equal(stats_of(sampler).retired, 0, "the number of retired routes", __FILE__, line);
    CHECK_OK(write_to(sampler, parent, "k", 0));
    keyviz_sampler_free(sampler);
}

static void a_bad_route_is_refused_and_with_it_all_of_its_company(void) {
    keyviz_route_t bad;
    refuses(route(7, "b", "a"), KEYVIZ_ERR_INVALID_RANGE, __LINE__);
    refuses(route(7, "a", "a"), KEYVIZ_ERR_INVALID_RANGE, __LINE__);
    refuses(route(7, "aa", "a"), KEYVIZ_ERR_INVALID_RANGE, __LINE__);
    bad = route(7, "a", "b"), bad.flags = 2;
    refuses(bad, KEYVIZ_ERR_INVALID_ARGUMENT, __LINE__);
    bad = route(7, "a", "b"), bad.flags = UINT32_MAX;
    refuses(bad, KEYVIZ_ERR_INVALID_ARGUMENT, __LINE__);
    bad = route(7, "a", "b"), bad.reserved = 1;
    refuses(bad, KEYVIZ_ERR_INVALID_ARGUMENT, __LINE__);
    bad = route(7, "a", "b"), bad.start = NULL;
    refuses(bad, KEYVIZ_ERR_NULL_POINTER, __LINE__);
    bad = route(7, "a", "b"), bad.end = NULL;
    refuses(bad, KEYVIZ_ERR_NULL_POINTER, __LINE__);
    bad = route(7, "a", "b"), bad.start_len = SIZE_MAX;
    refuses(bad, KEYVIZ_ERR_INVALID_ARGUMENT, __LINE__);
    bad = route(7, "a", "b"), bad.end_len = SIZE_MAX;
    refuses(bad, KEYVIZ_ERR_INVALID_ARGUMENT, __LINE__);
}

static void a_range_without_keys_is_taken_if_the_host_insists(void) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    keyviz_route_t inverted = route(1, "b", "a");
    inverted.flags = KEYVIZ_ROUTE_ANY_RANGE;
    CHECK_OK(keyviz_sampler_register_route(sampler, &inverted, NULL, NULL));
    CHECK_OK(write_to(sampler, 1, "k", 0));
    CHECK_EQUAL(drained_operations(sampler, T0 + SECOND), 1);
    keyviz_sampler_free(sampler);
}

static void nulls_and_impossible_counts_are_told_apart(void) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_route_t one = route(1, "a", "b");
    uint64_t parent = 5;
    CHECK_OK(add(sampler, parent, "", ""));

    CHECK_EQUAL(keyviz_sampler_register_route(NULL, &one, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_register_route(sampler, NULL, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK(is_told(&error, KEYVIZ_ERR_NULL_POINTER));
    CHECK_EQUAL(keyviz_sampler_register_routes(NULL, &one, 1, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_register_routes(sampler, NULL, 1, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_OK(keyviz_sampler_register_routes(sampler, NULL, 0, NULL, &error));
    CHECK_EQUAL(keyviz_sampler_register_routes(sampler, &one, SIZE_MAX, NULL, &error), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_sampler_register_routes(sampler, &one, SIZE_MAX / sizeof one, NULL, &error),
                KEYVIZ_ERR_INVALID_ARGUMENT);

    CHECK_EQUAL(keyviz_sampler_remove_route(NULL, 1, T0, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_set_leader_term(NULL, 1, 1), KEYVIZ_ERR_NULL_POINTER);

    CHECK_EQUAL(keyviz_sampler_apply_split(NULL, parent, &one, 1, NULL, T0, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_apply_split(sampler, parent, NULL, 1, NULL, T0, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_apply_split(sampler, parent, NULL, 0, NULL, T0, &error), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_sampler_apply_split(sampler, parent, &one, SIZE_MAX, NULL, T0, &error), KEYVIZ_ERR_INVALID_ARGUMENT);

    CHECK_EQUAL(keyviz_sampler_apply_merge(NULL, &parent, 1, &one, NULL, T0, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_apply_merge(sampler, NULL, 1, &one, NULL, T0, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_apply_merge(sampler, &parent, 1, NULL, NULL, T0, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_apply_merge(sampler, NULL, 0, &one, NULL, T0, &error), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_sampler_apply_merge(sampler, &parent, SIZE_MAX, &one, NULL, T0, &error), KEYVIZ_ERR_INVALID_ARGUMENT);

    CHECK_EQUAL(stats_of(sampler).routes, 1);
    CHECK_EQUAL(write_to(sampler, 1, "a", 0), KEYVIZ_ERR_UNKNOWN_ROUTE);
    keyviz_sampler_free(sampler);
}

static void a_removed_route_is_drained_until_its_grace_has_passed(void) {
    keyviz_sampler_t *sampler = sampler_new(labelled_options());
    CHECK_OK(keyviz_sampler_remove_route(sampler, 1, T0, NULL));
    CHECK_OK(add(sampler, 1, "a", "b"));
    CHECK_OK(write_to(sampler, 1, "a", KEYVIZ_LABEL_SQS));
    CHECK_OK(keyviz_sampler_remove_route(sampler, 1, T0, NULL));
    CHECK_EQUAL(write_to(sampler, 1, "a", KEYVIZ_LABEL_SQS), KEYVIZ_ERR_UNKNOWN_ROUTE);
    CHECK_EQUAL(stats_of(sampler).retired, 1);
    CHECK_EQUAL(stats_of(sampler).routes, 0);

    /* Back within its grace, with another range: one row, with both counts. */
    CHECK_OK(add(sampler, 1, "c", "d"));
    CHECK_OK(write_to(sampler, 1, "a", KEYVIZ_LABEL_SQS));
    keyviz_column_buffer_t column = drain(sampler, T0 + SECOND);
    CHECK_EQUAL(column.row_count, 1);
    CHECK_EQUAL(column.rows[0].writes, 2);
    CHECK(bytes_are(&column, column.rows[0].start_offset, column.rows[0].start_len, "c"));
    column_free(&column);

    CHECK_OK(write_to(sampler, 1, "a", KEYVIZ_LABEL_SQS));
    CHECK_OK(keyviz_sampler_remove_route(sampler, 1, T0 + 2 * SECOND, NULL));
    CHECK_EQUAL(drained_operations(sampler, T0 + LONG_AFTER), 1);
    CHECK_EQUAL(stats_of(sampler).retired, 0);
    keyviz_sampler_free(sampler);
}

static void routes_past_the_cap_share_a_virtual_bucket_and_the_host_is_told(void) {
    keyviz_options_t options = labelled_options();
    options.max_tracked_routes = 1;
    options.max_member_routes_per_slot = 2;
    keyviz_sampler_t *sampler = sampler_new(options);
    keyviz_route_t routes[4] = {route(1, "a", "b"), route(2, "b", "c"), route(3, "c", "d"), route(4, "d", "")};
    uint32_t placements[4];
    CHECK_OK(keyviz_sampler_register_routes(sampler, routes, 4, placements, NULL));
    for (int i = 0; i < 4; i++) CHECK_EQUAL(placements[i], i ? KEYVIZ_PLACEMENT_COARSENED : KEYVIZ_PLACEMENT_INDIVIDUAL);
    for (uint64_t id = 1; id <= 4; id++) CHECK_OK(write_to(sampler, id, "k", KEYVIZ_LABEL_REDIS));

    keyviz_column_buffer_t column = drain(sampler, T0 + SECOND);
    CHECK_EQUAL(column.row_count, 2);
    keyviz_row_t single = column.rows[0], bucket = column.rows[1];
    CHECK_EQUAL(single.flags, 0);
    CHECK_EQUAL(single.member_routes_total, 1);
    CHECK_EQUAL(single.member_routes_count, 0);
    CHECK_EQUAL(single.group_id, 1001);
    CHECK_EQUAL(bucket.flags, KEYVIZ_ROW_AGGREGATE | KEYVIZ_ROW_UNBOUNDED);
    CHECK_EQUAL(bucket.route_id, UINT64_MAX);
    CHECK_EQUAL(bucket.label, KEYVIZ_LABEL_LEGACY);
    CHECK_EQUAL(bucket.group_id, 0);
    CHECK_EQUAL(bucket.writes, 3);
    CHECK_EQUAL(bucket.member_routes_total, 3);
    CHECK_EQUAL(bucket.member_routes_count, 2);
    CHECK_EQUAL(bucket.member_routes_offset % 8, 0);
    uint64_t members[2];
    memcpy(members, (char *)column.arena + bucket.member_routes_offset, sizeof members);
    CHECK(members[0] == 2 && members[1] == 3);
    CHECK(bytes_are(&column, bucket.start_offset, bucket.start_len, "b"));
    column_free(&column);

    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    CHECK_EQUAL(add(sampler, UINT64_MAX, "a", "b"), KEYVIZ_ERR_ROUTE_EXISTS);

    keyviz_event_t events[8] = {KEYVIZ_EVENT_INIT};
    size_t count = 99;
    CHECK_EQUAL(keyviz_sampler_poll_events(NULL, events, 8, &count, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_poll_events(sampler, events, 8, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_poll_events(sampler, NULL, 8, &count, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK(is_told(&error, KEYVIZ_ERR_NULL_POINTER));
    CHECK_EQUAL(count, 99);
    CHECK_OK(keyviz_sampler_poll_events(sampler, NULL, 0, &count, NULL));
    CHECK_EQUAL(count, 0);
    CHECK_OK(keyviz_sampler_poll_events(sampler, events, 1, &count, NULL));
    CHECK_EQUAL(count, 1);
    CHECK_EQUAL(events[0].kind, KEYVIZ_EVENT_BUCKET_CREATED);
    CHECK_EQUAL(events[0].route_id, 2);
    CHECK_EQUAL(events[0].bucket_id, UINT64_MAX);
    CHECK_EQUAL(events[0].slots_used, 1);
    CHECK_EQUAL(events[0].max_tracked_routes, 1);
    CHECK_OK(keyviz_sampler_poll_events(sampler, events, 8, &count, NULL));
    CHECK_EQUAL(count, 2);
    CHECK_EQUAL(events[1].kind, KEYVIZ_EVENT_ROUTE_FOLDED);
    CHECK_EQUAL(events[1].route_id, 4);
    CHECK_OK(keyviz_sampler_poll_events(sampler, events, 8, &count, NULL));
    CHECK_EQUAL(count, 0);
    keyviz_sampler_free(sampler);
}

static void a_flood_of_events_is_held_back_and_counted(void) {
    keyviz_options_t options = plain_options();
    options.max_tracked_routes = 1;
    keyviz_sampler_t *sampler = sampler_new(options);
    for (uint64_t id = 1; id <= 1000; id++) CHECK_OK(add(sampler, id, "", ""));
    keyviz_event_t *events = exactly(1000 * sizeof *events);
    keyviz_event_init(events);
    size_t count = 0;
    CHECK_OK(keyviz_sampler_poll_events(sampler, events, 1000, &count, NULL));
    /* 16 at once; a slow machine may have let a second or two pass. */
    CHECK(count >= 16 && count < 100);
    free(events);
    keyviz_sampler_free(sampler);
}

static void note_event(const keyviz_event_t *event, void *user_data) {
    keyviz_event_t *last = user_data;
    /* It is as long as the library says, which may know more of it than this program, or less. */
    CHECK(event->type_size >= offsetof(keyviz_event_t, suppressed) + sizeof event->suppressed);
    memset(last, 0, sizeof *last);
    memcpy(last, event, event->type_size < sizeof *last ? event->type_size : sizeof *last);
}

/* It runs without a lock, so it may call the library. */
static void register_from_event(const keyviz_event_t *event, void *user_data) {
    if (event->route_id < 5) CHECK_OK(add(user_data, event->route_id + 1, "", ""));
}

static void a_callback_gets_the_events_instead(void) {
    keyviz_options_t options = plain_options();
    options.max_tracked_routes = 1;
    keyviz_sampler_t *sampler = sampler_new(options);
    keyviz_event_t last = KEYVIZ_EVENT_INIT, unread = KEYVIZ_EVENT_INIT;
    size_t count = 99;
    CHECK_EQUAL(keyviz_sampler_set_event_callback(NULL, note_event, &last), KEYVIZ_ERR_NULL_POINTER);
    CHECK_OK(keyviz_sampler_set_event_callback(sampler, note_event, &last));
    CHECK_OK(add(sampler, 1, "", ""));
    CHECK_EQUAL(last.kind, 0);
    CHECK_OK(add(sampler, 2, "", ""));
    CHECK(last.kind == KEYVIZ_EVENT_BUCKET_CREATED && last.route_id == 2 && last.bucket_id == UINT64_MAX);
    CHECK_OK(keyviz_sampler_poll_events(sampler, &unread, 1, &count, NULL));
    CHECK_EQUAL(count, 0);
    CHECK_OK(keyviz_sampler_set_event_callback(sampler, register_from_event, sampler));
    CHECK_OK(add(sampler, 3, "", ""));
    CHECK_EQUAL(stats_of(sampler).routes, 5);
    CHECK_OK(keyviz_sampler_set_event_callback(sampler, NULL, NULL));
    CHECK_OK(add(sampler, 6, "", ""));
    CHECK_OK(keyviz_sampler_poll_events(sampler, &unread, 1, &count, NULL));
    CHECK(count == 1 && unread.route_id == 6);
    keyviz_sampler_free(sampler);
}

static void rows_carry_the_leader_term_of_their_group(void) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    CHECK_OK(add(sampler, 1, "", ""));
    CHECK_OK(keyviz_sampler_set_leader_term(sampler, 1001, 42));
    CHECK_OK(keyviz_sampler_set_leader_term(sampler, 0, 7));
    CHECK_OK(write_to(sampler, 1, "k", 0));
    keyviz_column_buffer_t column = drain(sampler, T0 + SECOND);
    CHECK_EQUAL(column.row_count, 1);
    CHECK_EQUAL(column.rows[0].leader_term, 42);
    column_free(&column);
    keyviz_sampler_free(sampler);
}

static void check_parents(const keyviz_column_buffer_t *column, size_t i, size_t count, const uint64_t *expected) {
    CHECK_EQUAL(column->rows[i].parents_count, count);
    CHECK_EQUAL(column->rows[i].parents_offset % 8, 0);
    CHECK(count == 0 || column->rows[i].parents_count != count ||
          memcmp((const char *)column->arena + column->rows[i].parents_offset, expected, count * 8) == 0);
}

static void a_split_and_a_merge_hand_over_and_are_remembered(void) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    CHECK_OK(add(sampler, 1, "a", "z"));
    CHECK_OK(write_to(sampler, 1, "b", 0));
    keyviz_route_t children[2] = {route(2, "a", "m"), route(3, "m", "z")};
    uint32_t placements[2] = {99, 99}, placement = 99;
    CHECK_OK(keyviz_sampler_apply_split(sampler, 1, children, 2, placements, T0, NULL));
    CHECK(placements[0] == KEYVIZ_PLACEMENT_INDIVIDUAL && placements[1] == KEYVIZ_PLACEMENT_INDIVIDUAL);
    CHECK_EQUAL(write_to(sampler, 1, "b", 0), KEYVIZ_ERR_UNKNOWN_ROUTE);
    CHECK_OK(write_to(sampler, 2, "b", 0));
    CHECK_OK(write_to(sampler, 3, "n", 0));
    keyviz_column_buffer_t column = drain(sampler, T0 + SECOND);
    CHECK_EQUAL(column.row_count, 3);
    uint64_t one = 1, both[2] = {2, 3};
    check_parents(&column, 0, 0, NULL);
    check_parents(&column, 1, 1, &one);
    check_parents(&column, 2, 1, &one);
    column_free(&column);

    keyviz_route_t child = route(4, "a", "z");
    CHECK_OK(keyviz_sampler_apply_merge(sampler, both, 2, &child, &placement, T0 + SECOND, NULL));
    CHECK_EQUAL(placement, KEYVIZ_PLACEMENT_INDIVIDUAL);
    CHECK_OK(write_to(sampler, 4, "b", 0));
    column = drain(sampler, T0 + 2 * SECOND);
    CHECK_EQUAL(column.row_count, 1);
    check_parents(&column, 0, 2, both);
    column_free(&column);

    /* All or nothing. */
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    CHECK_OK(add(sampler, 5, "z", ""));
    keyviz_route_t taken[2] = {route(6, "a", "m"), route(5, "m", "z")}, twice[2] = {route(6, "a", "m"), route(6, "m", "z")};
    uint64_t unknown[2] = {4, 99}, same[2] = {4, 4};
    placements[0] = placement = 99;
    CHECK_EQUAL(keyviz_sampler_apply_split(sampler, 99, children, 2, placements, T0, &error), KEYVIZ_ERR_UNKNOWN_ROUTE);
    CHECK(is_told(&error, KEYVIZ_ERR_UNKNOWN_ROUTE));
    CHECK_EQUAL(keyviz_sampler_apply_split(sampler, 4, taken, 2, placements, T0, &error), KEYVIZ_ERR_ROUTE_EXISTS);
    CHECK_EQUAL(keyviz_sampler_apply_split(sampler, 4, twice, 2, placements, T0, &error), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_sampler_apply_merge(sampler, unknown, 2, &twice[0], &placement, T0, &error), KEYVIZ_ERR_UNKNOWN_ROUTE);
    CHECK_EQUAL(keyviz_sampler_apply_merge(sampler, same, 2, &twice[0], &placement, T0, &error), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_sampler_apply_merge(sampler, unknown, 1, &taken[1], &placement, T0, &error), KEYVIZ_ERR_ROUTE_EXISTS);
    CHECK(placements[0] == 99 && placement == 99);
    CHECK_EQUAL(write_to(sampler, 6, "a", 0), KEYVIZ_ERR_UNKNOWN_ROUTE);
    CHECK_OK(write_to(sampler, 4, "a", 0));
    keyviz_sampler_free(sampler);
}

static int64_t clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

static void changes_of_routes_take_the_time_of_the_clock_too(void) {
    keyviz_options_t options = plain_options();
    options.step_ns = 1; /* so the grace is 5 s */
    keyviz_sampler_t *sampler = sampler_new(options);
    CHECK_OK(add(sampler, 1, "a", "z"));
    CHECK_OK(write_to(sampler, 1, "b", 0));
    keyviz_route_t children[2] = {route(2, "a", "m"), route(3, "m", "z")}, child = route(4, "a", "z");
    uint32_t placements[2] = {99, 99}, placement = 99;
    int64_t before = clock_ns();
    CHECK_OK(keyviz_sampler_apply_split_now(sampler, 1, children, 2, placements, NULL));
    CHECK(placements[0] == KEYVIZ_PLACEMENT_INDIVIDUAL && placements[1] == KEYVIZ_PLACEMENT_INDIVIDUAL);
    uint64_t both[2] = {2, 3};
    CHECK_OK(keyviz_sampler_apply_merge_now(sampler, both, 2, &child, &placement, NULL));
    CHECK_EQUAL(placement, KEYVIZ_PLACEMENT_INDIVIDUAL);
    CHECK_OK(keyviz_sampler_remove_route_now(sampler, 4, NULL));
    CHECK_OK(keyviz_sampler_remove_route_now(sampler, 99, NULL));
    int64_t after = clock_ns();
    CHECK_EQUAL(stats_of(sampler).routes, 0);

    /* All four retire when the grace that began between these two times has passed: not before, and not after. */
    keyviz_column_buffer_t column = drain(sampler, before + 5 * SECOND - 1);
    CHECK_EQUAL(column.row_count, 1);
    column_free(&column);
    CHECK_EQUAL(stats_of(sampler).retired, 4);
    column = drain(sampler, after + 5 * SECOND + 1);
    CHECK_EQUAL(column.row_count, 0);
    column_free(&column);
    CHECK_EQUAL(stats_of(sampler).retired, 0);

    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    CHECK_EQUAL(keyviz_sampler_remove_route_now(NULL, 1, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_apply_split_now(sampler, 1, children, 2, NULL, &error), KEYVIZ_ERR_UNKNOWN_ROUTE);
    CHECK_EQUAL(keyviz_sampler_apply_merge_now(sampler, both, 2, &child, NULL, &error), KEYVIZ_ERR_UNKNOWN_ROUTE);
    CHECK(is_told(&error, KEYVIZ_ERR_UNKNOWN_ROUTE));
    keyviz_sampler_free(sampler);
}

static void the_children_of_a_split_may_overlap_and_leave_gaps(void) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    CHECK_OK(add(sampler, 1, "a", "z"));
    keyviz_route_t children[2] = {route(2, "a", "n"), route(3, "m", "p")};
    CHECK_OK(keyviz_sampler_apply_split(sampler, 1, children, 2, NULL, T0, NULL));
    CHECK_OK(write_to(sampler, 2, "x", 0));
    CHECK_OK(write_to(sampler, 3, "a", 0));
    CHECK_EQUAL(drained_operations(sampler, T0 + SECOND), 2);
    keyviz_sampler_free(sampler);
}

static void the_bounds_of_sub_buckets_tile_the_route(void) {
    keyviz_options_t options = plain_options();
    options.key_buckets_per_route = 4;
    keyviz_sampler_t *sampler = sampler_new(options);
    CHECK_OK(add(sampler, 1, "a", "e"));
    const char *expected[] = {"ab", "bc", "cd", "de"};
    char bytes[4];
    size_t start_len = 99, end_len = 99;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    for (uint32_t part = 0; part < 4; part++) {
        CHECK_OK(keyviz_sampler_sub_bucket_bounds(sampler, 1, part, bytes, 2, &start_len, &end_len, &error));
        CHECK(start_len == 1 && end_len == 1 && memcmp(bytes, expected[part], 2) == 0);
        char key[2] = {expected[part][0], 'x'};
        CHECK_OK(keyviz_observe(sampler, 1, key, 2, KEYVIZ_OP_READ, 0, 0));
    }
    CHECK_OK(keyviz_sampler_sub_bucket_bounds(sampler, 1, 0, bytes, 2, NULL, NULL, NULL));
    keyviz_column_buffer_t column = drain(sampler, T0 + SECOND);
    CHECK_EQUAL(column.row_count, 4);
    for (uint32_t part = 0; part < column.row_count; part++) {
        keyviz_row_t row = column.rows[part];
        char bounds[3] = {((char *)column.arena)[row.start_offset], ((char *)column.arena)[row.end_offset], 0};
        CHECK(row.start_len == 1 && row.end_len == 1 && strcmp(bounds, expected[part]) == 0);
        CHECK_EQUAL(row.sub_bucket, part);
        CHECK_EQUAL(row.sub_bucket_count, 4);
        CHECK_EQUAL(row.reads, 1);
    }
    column_free(&column);

    start_len = end_len = 99;
    char *small = exactly(1);
    CHECK_EQUAL(keyviz_sampler_sub_bucket_bounds(sampler, 1, 1, small, 1, &start_len, &end_len, &error),
                KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK(is_told(&error, KEYVIZ_ERR_BUFFER_TOO_SMALL));
    CHECK(start_len == 1 && end_len == 1 && is_filled(small, 0xa5, 1));
    start_len = end_len = 99;
    CHECK_EQUAL(keyviz_sampler_sub_bucket_bounds(sampler, 1, 1, NULL, 0, &start_len, &end_len, NULL),
                KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK(start_len == 1 && end_len == 1);
    start_len = end_len = 99;
    CHECK_EQUAL(keyviz_sampler_sub_bucket_bounds(sampler, 1, 1, NULL, 2, &start_len, &end_len, NULL),
                KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_sub_bucket_bounds(sampler, 1, 4, bytes, 4, &start_len, &end_len, NULL), KEYVIZ_ERR_NOT_FOUND);
    CHECK_EQUAL(keyviz_sampler_sub_bucket_bounds(sampler, 1, UINT32_MAX, bytes, 4, &start_len, &end_len, NULL),
                KEYVIZ_ERR_NOT_FOUND);
    CHECK_EQUAL(keyviz_sampler_sub_bucket_bounds(sampler, 2, 0, bytes, 4, &start_len, &end_len, &error), KEYVIZ_ERR_NOT_FOUND);
    CHECK(is_told(&error, KEYVIZ_ERR_NOT_FOUND));
    CHECK_EQUAL(keyviz_sampler_sub_bucket_bounds(NULL, 1, 0, bytes, 4, &start_len, &end_len, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK(start_len == 99 && end_len == 99);
    free(small);
    keyviz_sampler_free(sampler);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(registering_again_tells_what_a_route_is_and_changes_nothing);
    RUN(a_bad_route_is_refused_and_with_it_all_of_its_company);
    RUN(a_range_without_keys_is_taken_if_the_host_insists);
    RUN(nulls_and_impossible_counts_are_told_apart);
    RUN(a_removed_route_is_drained_until_its_grace_has_passed);
    RUN(routes_past_the_cap_share_a_virtual_bucket_and_the_host_is_told);
    RUN(a_flood_of_events_is_held_back_and_counted);
    RUN(a_callback_gets_the_events_instead);
    RUN(rows_carry_the_leader_term_of_their_group);
    RUN(a_split_and_a_merge_hand_over_and_are_remembered);
    RUN(changes_of_routes_take_the_time_of_the_clock_too);
    RUN(the_children_of_a_split_may_overlap_and_leave_gaps);
    RUN(the_bounds_of_sub_buckets_tile_the_route);
    return check_summary(argv[0]);
}
