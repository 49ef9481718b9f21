/* Observing: what counts, what is refused, and lanes. */
#include "fixture.h"
#include <pthread.h>

static keyviz_sampler_t *one_route(keyviz_options_t options) {
    keyviz_sampler_t *sampler = sampler_new(options);
    CHECK_OK(add(sampler, 1, "a", "z"));
    return sampler;
}

static void without_a_sampler_nothing_happens(void) {
    size_t counted = 99;
    keyviz_observation_t one = {1, "k", 1, 1, KEYVIZ_OP_READ, KEYVIZ_LABEL_LEGACY};
    CHECK_OK(keyviz_observe(NULL, 1, "k", 1, KEYVIZ_OP_READ, 1, KEYVIZ_LABEL_LEGACY));
    CHECK_OK(keyviz_observe_sized(NULL, 1, KEYVIZ_OP_READ, 1, 1, KEYVIZ_LABEL_LEGACY));
    CHECK_OK(keyviz_observe_batch(NULL, &one, 1, &counted));
    CHECK_EQUAL(counted, 0);
    counted = 99;
    CHECK_OK(keyviz_observe_columns(NULL, 1, NULL, NULL, NULL, NULL, NULL, &counted));
    CHECK_EQUAL(counted, 0);
    CHECK_OK(keyviz_lane_observe(NULL, 1, "k", 1, KEYVIZ_OP_READ, 1, KEYVIZ_LABEL_LEGACY));
    /* The switch "off" costs one branch: not even the arguments are looked at. */
    CHECK_OK(keyviz_observe(NULL, 1, NULL, 9, 77, 1, 77));
}

static void an_observation_is_one_operation_and_its_bytes(void) {
    keyviz_sampler_t *sampler = one_route(labelled_options());
    CHECK_OK(keyviz_observe(sampler, 1, "key", 3, KEYVIZ_OP_READ, 100, KEYVIZ_LABEL_REDIS));
    CHECK_OK(keyviz_observe(sampler, 1, "key", 3, KEYVIZ_OP_WRITE, 200, KEYVIZ_LABEL_REDIS));
    CHECK_OK(keyviz_observe(sampler, 1, NULL, 0, KEYVIZ_OP_WRITE, 7, KEYVIZ_LABEL_REDIS));
    CHECK_OK(keyviz_observe_sized(sampler, 1, KEYVIZ_OP_READ, 30, 1000, KEYVIZ_LABEL_REDIS));
    CHECK_OK(keyviz_observe_sized(sampler, 1, KEYVIZ_OP_READ, UINT64_MAX, UINT64_MAX, KEYVIZ_LABEL_SQS));
    keyviz_column_buffer_t column = drain(sampler, T0 + SECOND);
    CHECK_EQUAL(column.row_count, 2);
    if (column.row_count == 2) {
        keyviz_row_t redis = column.rows[0], sqs = column.rows[1];
        CHECK_EQUAL(redis.label, KEYVIZ_LABEL_REDIS);
        CHECK_EQUAL(redis.reads, 2);
        CHECK_EQUAL(redis.writes, 2);
        CHECK_EQUAL(redis.read_bytes, 3 + 100 + 30 + 1000);
        CHECK_EQUAL(redis.write_bytes, 3 + 200 + 7);
        CHECK_EQUAL(sqs.label, KEYVIZ_LABEL_SQS);
        CHECK_EQUAL(sqs.read_bytes, UINT64_MAX);
    }
    column_free(&column);
    keyviz_sampler_free(sampler);
}

static void what_is_no_observation_is_refused_and_counts_nothing(void) {
    for (int labels = 0; labels <= 1; labels++) {
        keyviz_sampler_t *sampler = one_route(labels ? labelled_options() : plain_options());
        keyviz_lane_t *lane = NULL;
        CHECK_OK(keyviz_lane_acquire(sampler, &lane, NULL));
        uint64_t refused = 0;
        uint32_t bad_ops[] = {2, 3, 0x80000000, UINT32_MAX};
        for (size_t i = 0; i < 4; i++, refused += 3) {
            CHECK_EQUAL(keyviz_observe(sampler, 1, "k", 1, bad_ops[i], 1, 0), KEYVIZ_ERR_INVALID_ARGUMENT);
            CHECK_EQUAL(keyviz_observe_sized(sampler, 1, bad_ops[i], 1, 1, 0), KEYVIZ_ERR_INVALID_ARGUMENT);
            CHECK_EQUAL(keyviz_lane_observe(lane, 1, "k", 1, bad_ops[i], 1, 0), KEYVIZ_ERR_INVALID_ARGUMENT);
        }
        uint32_t bad_labels[] = {keyviz_label_count(), 255, 256, UINT32_MAX - 1};
        for (size_t i = 0; i < 4; i++, refused += 3) {
            CHECK_EQUAL(keyviz_observe(sampler, 1, "k", 1, 0, 1, bad_labels[i]), KEYVIZ_ERR_INVALID_ARGUMENT);
            CHECK_EQUAL(keyviz_observe_sized(sampler, 1, 0, 1, 1, bad_labels[i]), KEYVIZ_ERR_INVALID_ARGUMENT);
            CHECK_EQUAL(keyviz_lane_observe(lane, 1, "k", 1, 0, 1, bad_labels[i]), KEYVIZ_ERR_INVALID_ARGUMENT);
        }
        CHECK_EQUAL(keyviz_observe(sampler, 1, NULL, 1, 0, 1, 0), KEYVIZ_ERR_INVALID_ARGUMENT);
        CHECK_EQUAL(keyviz_lane_observe(lane, 1, NULL, 1, 0, 1, 0), KEYVIZ_ERR_INVALID_ARGUMENT);
        refused += 2;
        CHECK_EQUAL(keyviz_observe(sampler, 2, "k", 1, 0, 1, 0), KEYVIZ_ERR_UNKNOWN_ROUTE);
        CHECK_EQUAL(keyviz_observe_sized(sampler, UINT64_MAX, 0, 1, 1, 0), KEYVIZ_ERR_UNKNOWN_ROUTE);
        CHECK_EQUAL(keyviz_lane_observe(lane, 0, "k", 1, 0, 1, 0), KEYVIZ_ERR_UNKNOWN_ROUTE);
        keyviz_stats_t stats = stats_of(sampler);
        CHECK_EQUAL(stats.refused, refused);
        CHECK_EQUAL(stats.missed, 3);
        CHECK_EQUAL(drained_operations(sampler, T0 + SECOND), 0);
        keyviz_lane_release(lane);
        keyviz_sampler_free(sampler);
    }
}

static void a_label_of_a_newer_host_counts_where_labels_make_no_difference(void) {
    keyviz_options_t options = labelled_options();
    options.max_tracked_routes = 1;
    keyviz_sampler_t *labelled = one_route(options), *plain = one_route(plain_options());
    CHECK_OK(add(labelled, 2, "z", ""));
    CHECK_EQUAL(write_to(labelled, 1, "k", KEYVIZ_LABEL_UNKNOWN), KEYVIZ_ERR_UNKNOWN_ROUTE);
    CHECK_EQUAL(stats_of(labelled).missed, 1);
    CHECK_OK(write_to(labelled, 2, "z", KEYVIZ_LABEL_UNKNOWN));
    CHECK_OK(write_to(plain, 1, "k", KEYVIZ_LABEL_UNKNOWN));
    CHECK_EQUAL(drained_operations(labelled, T0 + SECOND), 1);
    CHECK_EQUAL(drained_operations(plain, T0 + SECOND), 1);
    keyviz_sampler_free(labelled);
    keyviz_sampler_free(plain);
}

static void labels_make_slots_of_their_own_only_where_they_are_on(void) {
    for (int labels = 0; labels <= 1; labels++) {
        keyviz_sampler_t *sampler = one_route(labels ? labelled_options() : plain_options());
        CHECK_EQUAL(stats_of(sampler).slots, labels ? keyviz_label_count() : 1);
        for (uint32_t label = 0; label < keyviz_label_count(); label++) CHECK_OK(write_to(sampler, 1, "k", label));
        keyviz_column_buffer_t column = drain(sampler, T0 + SECOND);
        CHECK_EQUAL(column.row_count, labels ? keyviz_label_count() : 1);
        for (size_t i = 0; i < column.row_count; i++) {
            CHECK_EQUAL(column.rows[i].writes, labels ? 1 : keyviz_label_count());
            CHECK(labels || column.rows[i].label == KEYVIZ_LABEL_LEGACY);
            /* By name, not by number. */
            CHECK(i == 0 || strcmp(keyviz_label_name(column.rows[i - 1].label), keyviz_label_name(column.rows[i].label)) < 0);
        }
        column_free(&column);
        keyviz_sampler_free(sampler);
    }
}

/* ---- Arrays. */

enum { MANY = 3000 };

/* What should become of observation i of an array. */
static keyviz_status_t fate(size_t i) {
    if (i % 7 == 3) return KEYVIZ_ERR_UNKNOWN_ROUTE;
    if (i % 11 == 5) return KEYVIZ_ERR_INVALID_ARGUMENT;
    return KEYVIZ_OK;
}

static void a_batch_counts_what_it_can_and_tells_how_many(void) {
    keyviz_sampler_t *sampler = one_route(labelled_options());
    keyviz_observation_t *many = exactly(MANY * sizeof *many);
    size_t expected = 0, missed = 0, refused = 0, counted = 99;
    uint64_t bytes = 0;
    for (size_t i = 0; i < MANY; i++) {
        int invalid = fate(i) == KEYVIZ_ERR_INVALID_ARGUMENT, unknown = fate(i) == KEYVIZ_ERR_UNKNOWN_ROUTE;
        keyviz_observation_t one = {unknown ? 9 : 1, "key", 3, i, KEYVIZ_OP_WRITE, KEYVIZ_LABEL_S3};
        if (i % 2) one.key = NULL; /* not at hand: still 3 bytes */
        if (invalid && i % 2) one.op = 2;
        else if (invalid) one.label = 6;
        many[i] = one;
        missed += unknown;
        refused += invalid;
        if (!unknown && !invalid) expected++, bytes += 3 + i;
    }
    CHECK_EQUAL(keyviz_observe_batch(sampler, many, MANY, &counted), KEYVIZ_ERR_UNKNOWN_ROUTE);
    CHECK_EQUAL(counted, expected);
    CHECK_EQUAL(stats_of(sampler).missed, missed);
    CHECK_EQUAL(stats_of(sampler).refused, refused);
    keyviz_column_buffer_t column = drain(sampler, T0 + SECOND);
    CHECK_EQUAL(column.row_count, 1);
    CHECK_EQUAL(column.rows[0].writes, expected);
    CHECK_EQUAL(column.rows[0].write_bytes, bytes);
    column_free(&column);

    CHECK_EQUAL(keyviz_observe_batch(sampler, many + 5, 3, &counted), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(counted, 2);
    CHECK_OK(keyviz_observe_batch(sampler, many, 3, &counted));
    CHECK_EQUAL(counted, 3);
    CHECK_OK(keyviz_observe_batch(sampler, many, 3, NULL));
    CHECK_OK(keyviz_observe_batch(sampler, NULL, 0, &counted));
    CHECK_EQUAL(counted, 0);
    CHECK_EQUAL(drained_operations(sampler, T0 + 2 * SECOND), 8);

    counted = 99;
    CHECK_EQUAL(keyviz_observe_batch(sampler, NULL, 1, &counted), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_observe_batch(sampler, many, SIZE_MAX, &counted), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_observe_batch(sampler, many, SIZE_MAX / sizeof *many, &counted), KEYVIZ_ERR_INVALID_ARGUMENT);
    const void *crooked = (const char *)many + 1;
    CHECK_EQUAL(keyviz_observe_batch(sampler, crooked, 1, &counted), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(counted, 99);
    CHECK_EQUAL(drained_operations(sampler, T0 + 3 * SECOND), 0);
    free(many);
    keyviz_sampler_free(sampler);
}

static void columns_count_like_a_batch(void) {
    keyviz_sampler_t *sampler = one_route(labelled_options());
    uint64_t *routes = exactly(MANY * sizeof *routes), *values = exactly(MANY * sizeof *values);
    uint32_t *keys = exactly(MANY * sizeof *keys);
    uint8_t *ops = exactly(MANY), *labels = exactly(MANY);
    size_t expected = 0, counted = 99;
    uint64_t bytes = 0;
    for (size_t i = 0; i < MANY; i++) {
        int invalid = fate(i) == KEYVIZ_ERR_INVALID_ARGUMENT;
        routes[i] = fate(i) == KEYVIZ_ERR_UNKNOWN_ROUTE ? 9 : 1;
        ops[i] = invalid && i % 2 ? 255 : KEYVIZ_OP_READ;
        labels[i] = invalid && i % 2 == 0 ? 255 : KEYVIZ_LABEL_DYNAMO;
        keys[i] = UINT32_MAX;
        values[i] = i;
        if (fate(i) == KEYVIZ_OK) expected++, bytes += (uint64_t)UINT32_MAX + i;
    }
    CHECK_EQUAL(keyviz_observe_columns(sampler, MANY, routes, ops, keys, values, labels, &counted), KEYVIZ_ERR_UNKNOWN_ROUTE);
    CHECK_EQUAL(counted, expected);
    keyviz_column_buffer_t column = drain(sampler, T0 + SECOND);
    CHECK_EQUAL(column.row_count, 1);
    CHECK_EQUAL(column.rows[0].reads, expected);
    CHECK_EQUAL(column.rows[0].read_bytes, bytes);
    column_free(&column);

    /* Without labels: all legacy. */
    CHECK_OK(keyviz_observe_columns(sampler, 3, routes, ops, keys, values, NULL, &counted));
    CHECK_EQUAL(counted, 3);
    column = drain(sampler, T0 + 2 * SECOND);
    CHECK_EQUAL(column.row_count, 1);
    CHECK_EQUAL(column.rows[0].label, KEYVIZ_LABEL_LEGACY);
    column_free(&column);

    CHECK_OK(keyviz_observe_columns(sampler, 0, NULL, NULL, NULL, NULL, NULL, NULL));
    counted = 99;
    for (int absent = 0; absent < 4; absent++) {
        keyviz_status_t status =
            keyviz_observe_columns(sampler, 3, absent == 0 ? NULL : routes, absent == 1 ? NULL : ops,
                                   absent == 2 ? NULL : keys, absent == 3 ? NULL : values, labels, &counted);
        CHECK_EQUAL(status, KEYVIZ_ERR_NULL_POINTER);
    }
    keyviz_status_t status = keyviz_observe_columns(sampler, SIZE_MAX, routes, ops, keys, values, labels, &counted);
    CHECK_EQUAL(status, KEYVIZ_ERR_INVALID_ARGUMENT);
    const void *crooked = (const char *)values + 1;
    status = keyviz_observe_columns(sampler, 1, routes, ops, keys, crooked, labels, &counted);
    CHECK_EQUAL(status, KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(counted, 99);
    CHECK_EQUAL(drained_operations(sampler, T0 + 3 * SECOND), 0);
    free(routes), free(values), free(keys), free(ops), free(labels);
    keyviz_sampler_free(sampler);
}

/* ---- Lanes. */

static void lanes_are_handed_out_up_to_the_limit_and_come_back(void) {
    enum { LANES = 3 };
    keyviz_options_t options = labelled_options();
    options.max_lanes = LANES;
    keyviz_sampler_t *sampler = one_route(options);
    keyviz_lane_t *lanes[LANES], *none = (keyviz_lane_t *)&options;
    for (int i = 0; i < LANES; i++) {
        CHECK_OK(keyviz_lane_acquire(sampler, &lanes[i], NULL));
        CHECK_OK(keyviz_lane_observe(lanes[i], 1, "k", 1, KEYVIZ_OP_WRITE, 1, KEYVIZ_LABEL_RAWKV));
        for (int j = 0; j < i; j++) CHECK(lanes[i] != lanes[j]);
    }
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    CHECK_EQUAL(keyviz_lane_acquire(sampler, &none, &error), KEYVIZ_ERR_NO_LANE);
    CHECK(is_told(&error, KEYVIZ_ERR_NO_LANE));
    CHECK(none == (keyviz_lane_t *)&options);
    CHECK_EQUAL(stats_of(sampler).lanes, LANES + 1);

    /* A thread that finds all of them out shares one, and counts all the same. */
    CHECK_OK(write_to(sampler, 1, "k", KEYVIZ_LABEL_RAWKV));
    CHECK_EQUAL(drained_operations(sampler, T0 + SECOND), LANES + 1);

    keyviz_lane_release(lanes[1]);
    CHECK_OK(keyviz_lane_acquire(sampler, &lanes[1], NULL));
    CHECK_OK(keyviz_lane_observe(lanes[1], 1, "k", 1, KEYVIZ_OP_WRITE, 1, KEYVIZ_LABEL_RAWKV));
    for (int i = 0; i < LANES; i++) keyviz_lane_release(lanes[i]);
    CHECK_EQUAL(drained_operations(sampler, T0 + 2 * SECOND), 1);
    CHECK_EQUAL(stats_of(sampler).lanes, LANES + 1);
    keyviz_lane_release(NULL);
    keyviz_sampler_free(sampler);
}

typedef struct {
    keyviz_lane_t *lane;
    keyviz_status_t status;
} passed_on_t;

static void *observe_a_thousand(void *argument) {
    passed_on_t *passed = argument;
    for (int i = 0; i < 1000 && passed->status == KEYVIZ_OK; i++) {
        passed->status = keyviz_lane_observe(passed->lane, 1, "k", 1, KEYVIZ_OP_READ, 1, KEYVIZ_LABEL_S3);
    }
    return NULL;
}

static void a_lane_may_pass_from_thread_to_thread(void) {
    keyviz_sampler_t *sampler = one_route(labelled_options());
    passed_on_t passed = {NULL, KEYVIZ_OK};
    CHECK_OK(keyviz_lane_acquire(sampler, &passed.lane, NULL));
    for (int turn = 0; turn < 10; turn++) {
        pthread_t thread;
        CHECK_EQUAL(pthread_create(&thread, NULL, observe_a_thousand, &passed), 0);
        CHECK_EQUAL(pthread_join(thread, NULL), 0);
        observe_a_thousand(&passed);
    }
    CHECK_OK(passed.status);
    keyviz_lane_release(passed.lane);
    CHECK_EQUAL(drained_operations(sampler, T0 + SECOND), 20000);
    keyviz_sampler_free(sampler);
}

static void *observe_once(void *sampler) {
    CHECK_OK(write_to(sampler, 1, "k", KEYVIZ_LABEL_REDIS));
    return NULL;
}

static void a_thread_that_ends_leaves_its_lane_and_its_counts(void) {
    keyviz_sampler_t *sampler = one_route(labelled_options());
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        CHECK_EQUAL(pthread_create(&thread, NULL, observe_once, sampler), 0);
        CHECK_EQUAL(pthread_join(thread, NULL), 0);
    }
    CHECK_EQUAL(stats_of(sampler).lanes, 2);
    CHECK_EQUAL(drained_operations(sampler, T0 + SECOND), 50);
    keyviz_sampler_free(sampler);
}

static void a_lane_says_no_to_null_and_to_strangers(void) {
    keyviz_sampler_t *sampler = one_route(labelled_options());
    keyviz_lane_t *lane = NULL;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    CHECK_EQUAL(keyviz_lane_acquire(NULL, &lane, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_lane_acquire(sampler, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK(is_told(&error, KEYVIZ_ERR_NULL_POINTER));
    CHECK(lane == NULL);
    uint64_t stranger = 0;
    keyviz_lane_t *strange[] = {(keyviz_lane_t *)&stranger, (keyviz_lane_t *)(void *)sampler};
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL(keyviz_lane_observe(strange[i], 1, "k", 1, 0, 1, 0), KEYVIZ_ERR_INVALID_HANDLE);
        CHECK(keyviz_lane_hot_address(strange[i]) == NULL);
        keyviz_lane_release(strange[i]);
    }
    CHECK(keyviz_lane_hot_address(NULL) == NULL);
    CHECK_OK(keyviz_lane_acquire(sampler, &lane, NULL));
    CHECK(keyviz_lane_hot_address(lane) != NULL);
    keyviz_lane_release(lane);
    keyviz_sampler_free(sampler);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(without_a_sampler_nothing_happens);
    RUN(an_observation_is_one_operation_and_its_bytes);
    RUN(what_is_no_observation_is_refused_and_counts_nothing);
    RUN(a_label_of_a_newer_host_counts_where_labels_make_no_difference);
    RUN(labels_make_slots_of_their_own_only_where_they_are_on);
    RUN(a_batch_counts_what_it_can_and_tells_how_many);
    RUN(columns_count_like_a_batch);
    RUN(lanes_are_handed_out_up_to_the_limit_and_come_back);
    RUN(a_lane_may_pass_from_thread_to_thread);
    RUN(a_thread_that_ends_leaves_its_lane_and_its_counts);
    RUN(a_lane_says_no_to_null_and_to_strangers);
    return check_summary(argv[0]);
}
