/* Structs as the ABI sees them: no hidden padding, one meaning of both initialisers, and every wrong type_size. */
#include "fixture.h"
#include <stddef.h>

/* ---- Layout: the fields named here, and nothing between or behind them. */

#define FIELD(type, field)                                                                                  \
    do {                                                                                                    \
        check_equal(offsetof(type, field), end, "the offset of " #type "." #field, __FILE__, __LINE__);     \
        end += sizeof(((type *)0)->field);                                                                  \
    } while (0)
#define END(type)                                                                \
    do {                                                                         \
        check_equal(sizeof(type), end, "sizeof(" #type ")", __FILE__, __LINE__); \
        end = 0;                                                                 \
    } while (0)

static void no_struct_has_padding(void) {
    size_t end = 0;

    FIELD(keyviz_error_t, type_size);
    FIELD(keyviz_error_t, status);
    FIELD(keyviz_error_t, reserved);
    FIELD(keyviz_error_t, message);
    END(keyviz_error_t);

    FIELD(keyviz_resolution_t, step_ns);
    FIELD(keyviz_resolution_t, retention_ns);
    END(keyviz_resolution_t);

    FIELD(keyviz_options_t, type_size);
    FIELD(keyviz_options_t, step_ns);
    FIELD(keyviz_options_t, created_ns);
    FIELD(keyviz_options_t, memory_limit_bytes);
    FIELD(keyviz_options_t, history_columns);
    FIELD(keyviz_options_t, max_tracked_routes);
    FIELD(keyviz_options_t, max_member_routes_per_slot);
    FIELD(keyviz_options_t, key_buckets_per_route);
    FIELD(keyviz_options_t, labels_enabled);
    FIELD(keyviz_options_t, history_off);
    FIELD(keyviz_options_t, max_lanes);
    FIELD(keyviz_options_t, reserved0);
    FIELD(keyviz_options_t, resolutions);
    FIELD(keyviz_options_t, hot_keys_enabled);
    FIELD(keyviz_options_t, hot_keys_per_route);
    FIELD(keyviz_options_t, hot_keys_sample_rate);
    FIELD(keyviz_options_t, hot_keys_queue_size);
    FIELD(keyviz_options_t, hot_keys_max_key_len);
    FIELD(keyviz_options_t, hot_keys_series);
    FIELD(keyviz_options_t, hot_keys_in_columns);
    FIELD(keyviz_options_t, reserved1);
    FIELD(keyviz_options_t, reserved);
    END(keyviz_options_t);

    FIELD(keyviz_route_t, type_size);
    FIELD(keyviz_route_t, route_id);
    FIELD(keyviz_route_t, group_id);
    FIELD(keyviz_route_t, start);
    FIELD(keyviz_route_t, start_len);
    FIELD(keyviz_route_t, end);
    FIELD(keyviz_route_t, end_len);
    FIELD(keyviz_route_t, flags);
    FIELD(keyviz_route_t, reserved);
    END(keyviz_route_t);

    FIELD(keyviz_observation_t, route_id);
    FIELD(keyviz_observation_t, key);
    FIELD(keyviz_observation_t, key_len);
    FIELD(keyviz_observation_t, value_len);
    FIELD(keyviz_observation_t, op);
    FIELD(keyviz_observation_t, label);
    END(keyviz_observation_t);

    FIELD(keyviz_row_t, route_id);
    FIELD(keyviz_row_t, group_id);
    FIELD(keyviz_row_t, leader_term);
    FIELD(keyviz_row_t, reads);
    FIELD(keyviz_row_t, writes);
    FIELD(keyviz_row_t, read_bytes);
    FIELD(keyviz_row_t, write_bytes);
    FIELD(keyviz_row_t, member_routes_total);
    FIELD(keyviz_row_t, start_offset);
    FIELD(keyviz_row_t, end_offset);
    FIELD(keyviz_row_t, member_routes_offset);
    FIELD(keyviz_row_t, parents_offset);
    FIELD(keyviz_row_t, start_len);
    FIELD(keyviz_row_t, end_len);
    FIELD(keyviz_row_t, member_routes_count);
    FIELD(keyviz_row_t, parents_count);
    FIELD(keyviz_row_t, label);
    FIELD(keyviz_row_t, flags);
    FIELD(keyviz_row_t, sub_bucket);
    FIELD(keyviz_row_t, sub_bucket_count);
    END(keyviz_row_t);

    FIELD(keyviz_column_info_t, type_size);
    FIELD(keyviz_column_info_t, sequence);
    FIELD(keyviz_column_info_t, window_start_ns);
    FIELD(keyviz_column_info_t, at_ns);
    FIELD(keyviz_column_info_t, flushes);
    FIELD(keyviz_column_info_t, rows);
    FIELD(keyviz_column_info_t, arena_bytes);
    END(keyviz_column_info_t);

    FIELD(keyviz_column_buffer_t, type_size);
    FIELD(keyviz_column_buffer_t, row_size);
    FIELD(keyviz_column_buffer_t, rows);
    FIELD(keyviz_column_buffer_t, row_capacity);
    FIELD(keyviz_column_buffer_t, arena);
    FIELD(keyviz_column_buffer_t, arena_capacity);
    FIELD(keyviz_column_buffer_t, row_count);
    FIELD(keyviz_column_buffer_t, arena_used);
    FIELD(keyviz_column_buffer_t, sequence);
    FIELD(keyviz_column_buffer_t, window_start_ns);
    FIELD(keyviz_column_buffer_t, at_ns);
    FIELD(keyviz_column_buffer_t, flushes);
    END(keyviz_column_buffer_t);

    FIELD(keyviz_stats_t, type_size);
    FIELD(keyviz_stats_t, routes);
    FIELD(keyviz_stats_t, slots);
    FIELD(keyviz_stats_t, virtual_buckets);
    FIELD(keyviz_stats_t, virtual_members);
    FIELD(keyviz_stats_t, retired);
    FIELD(keyviz_stats_t, columns);
    FIELD(keyviz_stats_t, lanes);
    FIELD(keyviz_stats_t, missed);
    FIELD(keyviz_stats_t, refused);
    FIELD(keyviz_stats_t, counter_bytes);
    FIELD(keyviz_stats_t, route_bytes);
    FIELD(keyviz_stats_t, history_bytes);
    FIELD(keyviz_stats_t, hot_key_bytes);
    FIELD(keyviz_stats_t, hot_key_snapshots);
    FIELD(keyviz_stats_t, hot_keys_rolled);
    FIELD(keyviz_stats_t, hot_keys_sampled);
    FIELD(keyviz_stats_t, hot_keys_dropped);
    FIELD(keyviz_stats_t, hot_keys_skipped);
    FIELD(keyviz_stats_t, hot_keys_forgotten);
    END(keyviz_stats_t);

    FIELD(keyviz_event_t, type_size);
    FIELD(keyviz_event_t, kind);
    FIELD(keyviz_event_t, reserved);
    FIELD(keyviz_event_t, route_id);
    FIELD(keyviz_event_t, bucket_id);
    FIELD(keyviz_event_t, slots_used);
    FIELD(keyviz_event_t, max_tracked_routes);
    FIELD(keyviz_event_t, suppressed);
    END(keyviz_event_t);

    FIELD(keyviz_hot_layout_t, type_size);
    FIELD(keyviz_hot_layout_t, version);
    FIELD(keyviz_hot_layout_t, labels);
    FIELD(keyviz_hot_layout_t, table);
    FIELD(keyviz_hot_layout_t, shared_lane);
    FIELD(keyviz_hot_layout_t, shared_passages);
    FIELD(keyviz_hot_layout_t, hash_factor);
    FIELD(keyviz_hot_layout_t, lane_passages);
    FIELD(keyviz_hot_layout_t, lane_missed);
    FIELD(keyviz_hot_layout_t, lane_segments);
    FIELD(keyviz_hot_layout_t, block_bits);
    FIELD(keyviz_hot_layout_t, divided_first);
    FIELD(keyviz_hot_layout_t, divided_stride);
    FIELD(keyviz_hot_layout_t, divided_count);
    FIELD(keyviz_hot_layout_t, divided_prefix_len);
    FIELD(keyviz_hot_layout_t, divided_low);
    FIELD(keyviz_hot_layout_t, divided_span);
    FIELD(keyviz_hot_layout_t, divided_ratio);
    FIELD(keyviz_hot_layout_t, divided_prefix);
    END(keyviz_hot_layout_t);

    FIELD(keyviz_hot_keys_query_t, type_size);
    FIELD(keyviz_hot_keys_query_t, route_id);
    FIELD(keyviz_hot_keys_query_t, label);
    FIELD(keyviz_hot_keys_query_t, series);
    FIELD(keyviz_hot_keys_query_t, flags);
    FIELD(keyviz_hot_keys_query_t, sub_bucket);
    FIELD(keyviz_hot_keys_query_t, column);
    FIELD(keyviz_hot_keys_query_t, top);
    FIELD(keyviz_hot_keys_query_t, from_unix_ms);
    FIELD(keyviz_hot_keys_query_t, to_unix_ms);
    END(keyviz_hot_keys_query_t);

    FIELD(keyviz_hot_keys_info_t, type_size);
    FIELD(keyviz_hot_keys_info_t, route_id);
    FIELD(keyviz_hot_keys_info_t, label);
    FIELD(keyviz_hot_keys_info_t, series);
    FIELD(keyviz_hot_keys_info_t, flags);
    FIELD(keyviz_hot_keys_info_t, sub_bucket);
    FIELD(keyviz_hot_keys_info_t, degraded);
    FIELD(keyviz_hot_keys_info_t, reserved);
    FIELD(keyviz_hot_keys_info_t, keys);
    FIELD(keyviz_hot_keys_info_t, key_bytes);
    FIELD(keyviz_hot_keys_info_t, sample_rate);
    FIELD(keyviz_hot_keys_info_t, sampled_n);
    FIELD(keyviz_hot_keys_info_t, dropped_samples);
    FIELD(keyviz_hot_keys_info_t, skipped_long_keys);
    FIELD(keyviz_hot_keys_info_t, error_bound);
    FIELD(keyviz_hot_keys_info_t, snapshot_at_ns);
    END(keyviz_hot_keys_info_t);

    FIELD(keyviz_hot_key_t, type_size);
    FIELD(keyviz_hot_key_t, key);
    FIELD(keyviz_hot_key_t, key_len);
    FIELD(keyviz_hot_key_t, count);
    FIELD(keyviz_hot_key_t, count_low);
    FIELD(keyviz_hot_key_t, count_high);
    END(keyviz_hot_key_t);

    FIELD(keyviz_hot_keys_source_t, type_size);
    FIELD(keyviz_hot_keys_source_t, node);
    FIELD(keyviz_hot_keys_source_t, node_len);
    FIELD(keyviz_hot_keys_source_t, reply);
    FIELD(keyviz_hot_keys_source_t, error);
    FIELD(keyviz_hot_keys_source_t, error_len);
    END(keyviz_hot_keys_source_t);
}

/* ---- Initialisers. */

#define SAME_INIT(name, INIT)                                                                         \
    do {                                                                                              \
        keyviz_##name##_t by_macro = INIT, by_function;                                               \
        memset(&by_function, 0xa5, sizeof by_function);                                               \
        keyviz_##name##_init(&by_function);                                                           \
        keyviz_##name##_init(NULL);                                                                   \
        CHECK(memcmp(&by_macro, &by_function, sizeof by_macro) == 0);                                 \
        CHECK_EQUAL(by_macro.type_size, sizeof by_macro);                                             \
    } while (0)

static void the_macros_and_the_functions_initialise_alike(void) {
    SAME_INIT(error, KEYVIZ_ERROR_INIT);
    SAME_INIT(options, KEYVIZ_OPTIONS_INIT);
    SAME_INIT(route, KEYVIZ_ROUTE_INIT);
    SAME_INIT(column_info, KEYVIZ_COLUMN_INFO_INIT);
    SAME_INIT(column_buffer, KEYVIZ_COLUMN_BUFFER_INIT);
    SAME_INIT(stats, KEYVIZ_STATS_INIT);
    SAME_INIT(event, KEYVIZ_EVENT_INIT);
    SAME_INIT(hot_layout, KEYVIZ_HOT_LAYOUT_INIT);
    SAME_INIT(hot_keys_query, KEYVIZ_HOT_KEYS_QUERY_INIT);
    SAME_INIT(hot_keys_info, KEYVIZ_HOT_KEYS_INFO_INIT);
    SAME_INIT(hot_key, KEYVIZ_HOT_KEY_INIT);
    SAME_INIT(hot_keys_source, KEYVIZ_HOT_KEYS_SOURCE_INIT);
}

/* ---- type_size. Each case passes one struct, in memory of exactly the size that it says. */

typedef struct {
    const char *name;
    size_t size;
    int is_read; /* the library reads it: what it doesn't know of it must be zero */
    void (*init)(void *at);
    keyviz_status_t (*pass)(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error);
} struct_case_t;

#define INIT_AS(name) \
    static void init_##name(void *at) { keyviz_##name##_init(at); }
INIT_AS(options)
INIT_AS(route)
INIT_AS(column_info)
INIT_AS(column_buffer)
INIT_AS(stats)
INIT_AS(event)
INIT_AS(hot_layout)
INIT_AS(hot_keys_query)
INIT_AS(hot_keys_info)
INIT_AS(hot_key)
INIT_AS(hot_keys_source)

static keyviz_status_t pass_options(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)sampler;
    keyviz_sampler_t *made = NULL;
    keyviz_status_t status = keyviz_sampler_new(at, &made, error);
    CHECK((made != NULL) == (status == KEYVIZ_OK));
    keyviz_sampler_free(made);
    return status;
}

static keyviz_status_t pass_route(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    return keyviz_sampler_register_route(sampler, at, NULL, error);
}

static keyviz_status_t pass_routes(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    return keyviz_sampler_register_routes(sampler, at, 1, NULL, error);
}

/* Route 0, which the initialised struct says, is split into itself and merged into itself. */
static keyviz_status_t pass_split(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    CHECK_OK(add(sampler, 0, "", ""));
    return keyviz_sampler_apply_split(sampler, 0, at, 1, NULL, T0, error);
}

static keyviz_status_t pass_merge(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    uint64_t parent = 0;
    CHECK_OK(add(sampler, 0, "", ""));
    return keyviz_sampler_apply_merge(sampler, &parent, 1, at, NULL, T0, error);
}

static keyviz_status_t pass_info(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    return keyviz_sampler_flush(sampler, T0 + SECOND, at, error);
}

static keyviz_status_t pass_info_now(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    return keyviz_sampler_flush_now(sampler, at, error);
}

static keyviz_status_t pass_drained(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    return keyviz_sampler_drain(sampler, T0 + SECOND, at, error);
}

static keyviz_status_t pass_drained_now(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    return keyviz_sampler_drain_now(sampler, at, error);
}

static keyviz_status_t pass_read(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    CHECK_OK(keyviz_sampler_flush(sampler, T0 + SECOND, NULL, NULL));
    return keyviz_sampler_read_column(sampler, 0, at, error);
}

static keyviz_status_t pass_stats(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)error;
    return keyviz_sampler_stats(sampler, at);
}

static keyviz_status_t pass_event(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    size_t count;
    return keyviz_sampler_poll_events(sampler, at, 1, &count, error);
}

static keyviz_status_t pass_layout(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    return keyviz_hot_layout(sampler, at, error);
}

/* A reply about one key of route 0. */
static keyviz_hot_keys_t *reply_of_one_key(void) {
    static const char json[] = "{\"route_id\":0,\"keys\":[{\"key_b64\":\"YQ==\",\"count\":1}]}";
    keyviz_hot_keys_t *reply = NULL;
    CHECK_OK(keyviz_hot_keys_from_json(json, sizeof json - 1, 0, &reply, NULL));
    return reply;
}

static keyviz_status_t pass_hot_keys_query(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)sampler;
    keyviz_options_t options = plain_options();
    options.hot_keys_enabled = 1;
    keyviz_sampler_t *tracking = sampler_new(options);
    CHECK_OK(add(tracking, 0, "", ""));
    CHECK_OK(keyviz_sampler_offer_hot_key(tracking, 0, "a", 1, KEYVIZ_OP_WRITE, KEYVIZ_LABEL_LEGACY, 1));
    CHECK_OK(keyviz_sampler_publish_hot_keys(tracking, T0 + SECOND, NULL));
    keyviz_hot_keys_t *reply = NULL;
    keyviz_status_t status = keyviz_hot_keys_query(tracking, at, &reply, error);
    CHECK((reply != NULL) == (status == KEYVIZ_OK));
    keyviz_hot_keys_free(reply);
    keyviz_sampler_free(tracking);
    return status;
}

static keyviz_status_t pass_parsed_query(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)sampler;
    return keyviz_hot_keys_query_parse("route_id=1", 10, at, error);
}

static keyviz_status_t pass_hot_keys_info(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)sampler;
    keyviz_hot_keys_t *reply = reply_of_one_key();
    keyviz_status_t status = keyviz_hot_keys_info(reply, at, error);
    keyviz_hot_keys_free(reply);
    return status;
}

static keyviz_status_t pass_hot_key(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)sampler;
    size_t count;
    keyviz_hot_keys_t *reply = reply_of_one_key();
    keyviz_status_t status = keyviz_hot_keys_entries(reply, 0, at, 1, &count, error);
    keyviz_hot_keys_free(reply);
    return status;
}

/* A source without a reply: there is nothing to merge, which is told once the source was understood. */
static keyviz_status_t pass_source(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)sampler;
    keyviz_hot_keys_t *merged = NULL;
    keyviz_error_t none = KEYVIZ_ERROR_INIT;
    keyviz_status_t status = keyviz_hot_keys_merge(at, 1, 0, &merged, &none);
    CHECK(merged == NULL && status != KEYVIZ_OK);
    if (status == KEYVIZ_ERR_NO_SNAPSHOT) return KEYVIZ_OK;
    *error = none;
    return status;
}

static const struct_case_t CASES[] = {
    {"options", sizeof(keyviz_options_t), 1, init_options, pass_options},
    {"route", sizeof(keyviz_route_t), 1, init_route, pass_route},
    {"route (many)", sizeof(keyviz_route_t), 1, init_route, pass_routes},
    {"route (split)", sizeof(keyviz_route_t), 1, init_route, pass_split},
    {"route (merge)", sizeof(keyviz_route_t), 1, init_route, pass_merge},
    {"column_buffer (drain)", sizeof(keyviz_column_buffer_t), 1, init_column_buffer, pass_drained},
    {"column_buffer (drain_now)", sizeof(keyviz_column_buffer_t), 1, init_column_buffer, pass_drained_now},
    {"column_buffer (read)", sizeof(keyviz_column_buffer_t), 1, init_column_buffer, pass_read},
    {"column_info (flush)", sizeof(keyviz_column_info_t), 0, init_column_info, pass_info},
    {"column_info (flush_now)", sizeof(keyviz_column_info_t), 0, init_column_info, pass_info_now},
    {"stats", sizeof(keyviz_stats_t), 0, init_stats, pass_stats},
    {"event", sizeof(keyviz_event_t), 0, init_event, pass_event},
    {"hot_layout", sizeof(keyviz_hot_layout_t), 0, init_hot_layout, pass_layout},
    {"hot_keys_query", sizeof(keyviz_hot_keys_query_t), 1, init_hot_keys_query, pass_hot_keys_query},
    {"hot_keys_query (parse)", sizeof(keyviz_hot_keys_query_t), 0, init_hot_keys_query, pass_parsed_query},
    {"hot_keys_info", sizeof(keyviz_hot_keys_info_t), 0, init_hot_keys_info, pass_hot_keys_info},
    {"hot_key", sizeof(keyviz_hot_key_t), 0, init_hot_key, pass_hot_key},
    {"hot_keys_source", sizeof(keyviz_hot_keys_source_t), 1, init_hot_keys_source, pass_source},
};

static keyviz_status_t pass_sized(const struct_case_t *one, size_t type_size, size_t allocated, int tail) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    unsigned char *memory = exactly(allocated), *before = exactly(allocated);
    if (allocated >= one->size) {
        memset(memory, 0, allocated);
        one->init(memory);
        memset(memory + one->size, tail, allocated - one->size);
    }
    memcpy(memory, &type_size, sizeof type_size < allocated ? sizeof type_size : allocated);
    memcpy(before, memory, allocated);
    keyviz_status_t status = one->pass(sampler, memory, &error);
    if (status != KEYVIZ_OK) {
        CHECK(memcmp(before, memory, allocated) == 0);
        CHECK(one->pass == pass_stats || is_told(&error, status));
    } else {
        CHECK(memcmp(memory, &type_size, sizeof type_size) == 0);
        CHECK(allocated <= one->size || is_filled(memory + one->size, (unsigned char)tail, allocated - one->size));
    }
    free(memory);
    free(before);
    keyviz_sampler_free(sampler);
    return status;
}

static void a_type_size_is_believed_only_as_far_as_it_can_be(void) {
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const struct_case_t *one = &CASES[i];
        int failed_before = check_failed_here;
        size_t wrong[] = {0, 1, sizeof(size_t) - 1, sizeof(size_t), one->size - 1, (1 << 16) + 1, SIZE_MAX / 2, SIZE_MAX};
        for (size_t j = 0; j < sizeof wrong / sizeof *wrong; j++) {
            size_t allocated = wrong[j] < one->size ? wrong[j] : one->size;
            if (allocated < sizeof(size_t)) allocated = sizeof(size_t);
            CHECK_EQUAL(pass_sized(one, wrong[j], allocated, 0), KEYVIZ_ERR_TYPE_SIZE);
        }
        CHECK_OK(pass_sized(one, one->size, one->size, 0));
        size_t larger[] = {one->size + 1, one->size + 8, one->size + 333, 1 << 16};
        for (size_t j = 0; j < sizeof larger / sizeof *larger; j++) {
            CHECK_OK(pass_sized(one, larger[j], larger[j], 0));
            keyviz_status_t with_tail = pass_sized(one, larger[j], larger[j], 0x5a);
            CHECK_EQUAL(with_tail, one->is_read ? KEYVIZ_ERR_TYPE_SIZE : KEYVIZ_OK);
        }
        if (check_failed_here != failed_before) fprintf(stderr, "  with %s\n", one->name);
    }
}

static void an_error_of_a_wrong_size_is_left_alone(void) {
    size_t wrong[] = {0, 1, sizeof(keyviz_error_t) - 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        keyviz_error_t error;
        memset(&error, 0xa5, sizeof error);
        error.type_size = wrong[i];
        CHECK_EQUAL(keyviz_sampler_new(NULL, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
        CHECK(error.type_size == wrong[i]);
        CHECK(is_filled(&error.status, 0xa5, sizeof error - sizeof(size_t)));
    }
    /* A larger one, of a newer header, is filled as far as this library knows it. */
    struct {
        keyviz_error_t known;
        char newer[16];
    } larger = {KEYVIZ_ERROR_INIT, "untouched"};
    larger.known.type_size = sizeof larger;
    CHECK_EQUAL(keyviz_sampler_new(NULL, NULL, &larger.known), KEYVIZ_ERR_NULL_POINTER);
    CHECK(is_told(&larger.known, KEYVIZ_ERR_NULL_POINTER));
    CHECK(strcmp(larger.newer, "untouched") == 0);
}

static void arrays_step_by_the_size_that_their_first_struct_says(void) {
    struct {
        keyviz_route_t known;
        uint64_t newer;
    } routes[3] = {{route(1, "a", "b"), 0}, {route(2, "b", "c"), 0}, {route(3, "c", ""), 0}};
    for (int i = 0; i < 3; i++) routes[i].known.type_size = sizeof routes[i];
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    uint32_t placements[3];
    CHECK_OK(keyviz_sampler_register_routes(sampler, &routes[0].known, 3, placements, NULL));
    for (uint64_t id = 1; id <= 3; id++) CHECK_OK(write_to(sampler, id, "a", KEYVIZ_LABEL_LEGACY));

    /* One that says otherwise than the first would make the library read past the array. */
    routes[0].known.route_id = 4;
    size_t wrong[] = {0, sizeof(keyviz_route_t), sizeof routes[0] + 8, 1 << 16, SIZE_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        routes[2].known.type_size = wrong[i];
        CHECK_EQUAL(keyviz_sampler_register_routes(sampler, &routes[0].known, 3, NULL, NULL), KEYVIZ_ERR_TYPE_SIZE);
    }
    CHECK_EQUAL(write_to(sampler, 4, "a", KEYVIZ_LABEL_LEGACY), KEYVIZ_ERR_UNKNOWN_ROUTE);
    keyviz_sampler_free(sampler);
}

static void events_step_by_the_size_that_the_first_says(void) {
    keyviz_options_t options = plain_options();
    options.max_tracked_routes = 1;
    keyviz_sampler_t *sampler = sampler_new(options);
    for (uint64_t id = 1; id <= 4; id++) CHECK_OK(add(sampler, id, "", ""));
    struct {
        keyviz_event_t known;
        uint64_t newer;
    } events[4];
    memset(events, 0xa5, sizeof events);
    events[0].known.type_size = sizeof events[0];
    size_t count = 99;
    CHECK_OK(keyviz_sampler_poll_events(sampler, &events[0].known, 4, &count, NULL));
    CHECK_EQUAL(count, 3);
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQUAL(events[i].known.type_size, sizeof events[i]);
        CHECK_EQUAL(events[i].known.route_id, i + 2);
    }
    CHECK(is_filled(&events[3], 0xa5, sizeof events[3]));
    keyviz_sampler_free(sampler);
}

static void rows_step_by_the_size_that_the_buffer_says(void) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    for (uint64_t id = 1; id <= 2; id++) {
        CHECK_OK(add(sampler, id, id == 1 ? "" : "m", id == 1 ? "m" : ""));
        CHECK_OK(write_to(sampler, id, "a", KEYVIZ_LABEL_LEGACY));
    }
    struct {
        keyviz_row_t known;
        uint64_t newer;
    } rows[2];
    char arena[8];
    memset(rows, 0xa5, sizeof rows);
    keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
    column.rows = &rows[0].known;
    column.row_capacity = 2;
    column.arena = arena;
    column.arena_capacity = sizeof arena;
    size_t wrong[] = {0, 1, sizeof(keyviz_row_t) - 1, SIZE_MAX / 2, SIZE_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        column.row_size = wrong[i];
        CHECK_EQUAL(keyviz_sampler_drain(sampler, T0 + SECOND, &column, NULL), KEYVIZ_ERR_TYPE_SIZE);
    }
    column.row_size = sizeof rows[0];
    CHECK_OK(keyviz_sampler_drain(sampler, T0 + SECOND, &column, NULL));
    CHECK_EQUAL(column.row_count, 2);
    for (uint64_t i = 0; i < 2; i++) {
        CHECK_EQUAL(rows[i].known.route_id, i + 1);
        CHECK_EQUAL(rows[i].newer, 0);
    }
    keyviz_sampler_free(sampler);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(no_struct_has_padding);
    RUN(the_macros_and_the_functions_initialise_alike);
    RUN(a_type_size_is_believed_only_as_far_as_it_can_be);
    RUN(an_error_of_a_wrong_size_is_left_alone);
    RUN(arrays_step_by_the_size_that_their_first_struct_says);
    RUN(events_step_by_the_size_that_the_first_says);
    RUN(rows_step_by_the_size_that_the_buffer_says);
    return check_summary(argv[0]);
}
