/* Hot keys through the C API: publishing, asking, JSON both ways, merging, and every wrong argument. */
#include "fixture.h"
#include <pthread.h>

static keyviz_options_t tracking_options(void) {
    keyviz_options_t options = labelled_options();
    options.hot_keys_enabled = 1;
    options.hot_keys_sample_rate = 1;
    options.hot_keys_per_route = 4;
    return options;
}

/* A sampler with route 1, of which `text` was written, a key for each of its letters, and published. */
static keyviz_sampler_t *published(const char *text) {
    keyviz_sampler_t *sampler = sampler_new(tracking_options());
    CHECK_OK(add(sampler, 1, "", ""));
    for (const char *key = text; *key; key++) {
        CHECK_OK(keyviz_observe(sampler, 1, key, 1, KEYVIZ_OP_WRITE, 9, KEYVIZ_LABEL_REDIS));
    }
    CHECK_OK(keyviz_sampler_publish_hot_keys(sampler, T0 + SECOND, NULL));
    return sampler;
}

static keyviz_hot_keys_query_t ask(uint64_t route_id, uint32_t label) {
    keyviz_hot_keys_query_t query = KEYVIZ_HOT_KEYS_QUERY_INIT;
    query.route_id = route_id;
    query.label = label;
    return query;
}

static keyviz_hot_keys_t *reply_of(keyviz_sampler_t *sampler, keyviz_hot_keys_query_t query) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_hot_keys_t *reply = NULL;
    check_equal((uint64_t)keyviz_hot_keys_query(sampler, &query, &reply, &error), KEYVIZ_OK, "a query", __FILE__, __LINE__);
    if (!reply) fprintf(stderr, "  %s\n", error.message);
    return reply;
}

static keyviz_hot_keys_info_t info_of(const keyviz_hot_keys_t *reply) {
    keyviz_hot_keys_info_t info = KEYVIZ_HOT_KEYS_INFO_INIT;
    CHECK_OK(keyviz_hot_keys_info(reply, &info, NULL));
    return info;
}

/* The keys with their counts and bounds: "a 3 3-3, b 2 1-2". */
static const char *keys_of(const keyviz_hot_keys_t *reply) {
    static char text[1024];
    size_t count = 0, length = 0;
    keyviz_hot_key_t keys[64] = {KEYVIZ_HOT_KEY_INIT};
    CHECK_OK(keyviz_hot_keys_entries(reply, 0, keys, 64, &count, NULL));
    CHECK_EQUAL(info_of(reply).keys, count);
    text[0] = 0;
    for (size_t i = 0; i < count; i++) {
        CHECK_EQUAL(keys[i].type_size, sizeof keys[i]);
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%.*s %" PRIu64 " %" PRIu64 "-%" PRIu64, i ? ", " : "",
                                   (int)keys[i].key_len, (const char *)keys[i].key, keys[i].count, keys[i].count_low,
                                   keys[i].count_high);
    }
    return text;
}

static void the_hottest_keys_come_with_their_bounds(void) {
    keyviz_sampler_t *sampler = published("aaabbcccccdde");
    keyviz_hot_keys_t *reply = reply_of(sampler, ask(1, KEYVIZ_LABEL_REDIS));
    CHECK(strcmp(keys_of(reply), "c 5 5-5, a 3 3-3, e 3 1-3, d 2 2-2") == 0);
    keyviz_hot_keys_info_t info = info_of(reply);
    CHECK_EQUAL(info.route_id, 1);
    CHECK_EQUAL(info.label, KEYVIZ_LABEL_REDIS);
    CHECK_EQUAL(info.series, KEYVIZ_SERIES_WRITES);
    CHECK_EQUAL(info.flags, 0);
    CHECK_EQUAL(info.key_bytes, 4);
    CHECK_EQUAL(info.sample_rate, 1);
    CHECK_EQUAL(info.sampled_n, 13);
    CHECK_EQUAL(info.error_bound, 13 / 4);
    CHECK_EQUAL(info.degraded, 0);
    CHECK_EQUAL(info.snapshot_at_ns, T0 + SECOND);
    keyviz_sampler_free(sampler);
    CHECK(strcmp(keys_of(reply), "c 5 5-5, a 3 3-3, e 3 1-3, d 2 2-2") == 0);
    keyviz_hot_keys_free(reply);
    keyviz_hot_keys_free(NULL);
}

static void every_way_to_observe_with_a_key_is_sampled_and_no_other(void) {
    keyviz_sampler_t *sampler = sampler_new(tracking_options());
    CHECK_OK(add(sampler, 1, "", ""));
    keyviz_lane_t *lane = NULL;
    CHECK_OK(keyviz_lane_acquire(sampler, &lane, NULL));
    CHECK_OK(keyviz_observe(sampler, 1, "a", 1, KEYVIZ_OP_WRITE, 0, KEYVIZ_LABEL_S3));
    CHECK_OK(keyviz_lane_observe(lane, 1, "b", 1, KEYVIZ_OP_WRITE, 0, KEYVIZ_LABEL_S3));
    keyviz_observation_t batch[2] = {{1, "c", 1, 0, KEYVIZ_OP_WRITE, KEYVIZ_LABEL_S3}, {1, NULL, 7, 0, KEYVIZ_OP_WRITE, KEYVIZ_LABEL_S3}};
    CHECK_OK(keyviz_observe_batch(sampler, batch, 2, NULL));
    CHECK_OK(keyviz_sampler_offer_hot_key(sampler, 1, "d", 1, KEYVIZ_OP_WRITE, KEYVIZ_LABEL_S3, 2));
    CHECK_OK(keyviz_observe_sized(sampler, 1, KEYVIZ_OP_WRITE, 1, 0, KEYVIZ_LABEL_S3));
    CHECK_OK(keyviz_observe_columns(sampler, 1, (uint64_t[]){1}, (uint8_t[]){1}, (uint32_t[]){1}, (uint64_t[]){1}, (uint8_t[]){3}, NULL));
    CHECK_OK(keyviz_observe(sampler, 1, "", 0, KEYVIZ_OP_WRITE, 0, KEYVIZ_LABEL_S3));
    CHECK_OK(keyviz_observe(sampler, 1, "r", 1, KEYVIZ_OP_READ, 0, KEYVIZ_LABEL_S3));
    keyviz_lane_release(lane);
    CHECK_OK(keyviz_sampler_publish_hot_keys_now(sampler, NULL));
    keyviz_hot_keys_t *reply = reply_of(sampler, ask(1, KEYVIZ_LABEL_S3));
    CHECK_EQUAL(info_of(reply).sampled_n, 6);
    keyviz_hot_keys_free(reply);
    CHECK_EQUAL(drained_operations(sampler, T0 + SECOND), 8);
    keyviz_stats_t stats = stats_of(sampler);
    CHECK_EQUAL(stats.hot_keys_rolled, 4);
    CHECK_EQUAL(stats.hot_keys_sampled, 6);
    CHECK_EQUAL(stats.hot_key_snapshots, 1);
    CHECK(stats.hot_key_bytes > 0);
    keyviz_sampler_free(sampler);
}

/* Observations of every sort, in any order: whichever way each goes, it counts as it would by itself. */
static void whatever_comes_between_samples_every_observation_is_accounted_for(void) {
    static const uint32_t rates[] = {1, 2, 16};
    char key[40];
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        keyviz_options_t options = tracking_options();
        options.hot_keys_sample_rate = rates[r];
        options.hot_keys_max_key_len = 20;
        options.max_tracked_routes = 2;
        keyviz_sampler_t *sampler = sampler_new(options);
        CHECK_OK(add(sampler, 1, "", ""));
        CHECK_OK(add(sampler, 2, "", ""));
        CHECK_OK(add(sampler, 3, "", "")); /* goes into a virtual bucket */
        CHECK_EQUAL(stats_of(sampler).virtual_buckets, 1);
        keyviz_lane_t *lane = NULL;
        CHECK_OK(keyviz_lane_acquire(sampler, &lane, NULL));
        uint64_t rolled = 0, skipped = 0, missed = 0, refused = 0, counted = 0, random = 1;
        for (uint64_t i = 0; i < 50000; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            uint64_t bits = random >> 20, route = 1 + bits % 4; /* route 4 there is not */
            size_t len = (bits >> 4) % 30;
            uint32_t op = (bits >> 10) % 8 == 0 ? 7 : (bits >> 13) % 2;
            uint32_t label = (bits >> 16) % 9; /* up to 5 they are labels */
            memset(key, (int)('a' + bits % 23), sizeof key);
            const char *given = (bits >> 24) % 16 ? key : NULL;
            keyviz_status_t status = i % 2 ? keyviz_observe(sampler, route, given, len, op, 1, label)
                                           : keyviz_lane_observe(lane, route, given, len, op, 1, label);
            if (op > 1 || label > 5 || (!given && len)) {
                CHECK_EQUAL(status, KEYVIZ_ERR_INVALID_ARGUMENT);
                refused++;
            } else if (route == 4) {
                CHECK_EQUAL(status, KEYVIZ_ERR_UNKNOWN_ROUTE);
                missed++;
            } else {
                CHECK_EQUAL(status, KEYVIZ_OK);
                counted++;
                if (route != 3 && op == KEYVIZ_OP_WRITE) *(len > 20 ? &skipped : &rolled) += 1;
            }
        }
        keyviz_stats_t stats = stats_of(sampler);
        CHECK_EQUAL(stats.refused, refused);
        CHECK_EQUAL(stats.missed, missed);
        CHECK_EQUAL(stats.hot_keys_rolled, rolled);
        CHECK_EQUAL(stats.hot_keys_skipped, skipped);
        CHECK_EQUAL(stats.hot_keys_dropped, 0);
        double expected = (double)rolled / rates[r], distance = (double)stats.hot_keys_sampled - expected;
        CHECK(distance * distance <= 36 * expected); /* 6 standard deviations */
        if (rates[r] == 1) CHECK_EQUAL(stats.hot_keys_sampled, rolled);
        keyviz_lane_release(lane);
        CHECK_EQUAL(drained_operations(sampler, T0 + SECOND), counted);
        keyviz_sampler_free(sampler);
    }
}

static void a_question_that_has_no_answer_says_why(void) {
    keyviz_sampler_t *sampler = published("a");
    keyviz_sampler_t *off = sampler_new(labelled_options());
    keyviz_hot_keys_t *reply = NULL;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_hot_keys_query_t query = ask(1, KEYVIZ_LABEL_REDIS);
#define REFUSED(sampler, query, status)                                             \
    do {                                                                            \
        error = (keyviz_error_t)KEYVIZ_ERROR_INIT;                                  \
        CHECK_EQUAL(keyviz_hot_keys_query(sampler, query, &reply, &error), status); \
        CHECK(is_told(&error, status) && reply == NULL);                            \
        query_again = ask(1, KEYVIZ_LABEL_REDIS);                                   \
    } while (0)
    keyviz_hot_keys_query_t query_again = query;
    REFUSED(off, &query, KEYVIZ_ERR_HOT_KEYS_OFF);
    REFUSED(NULL, &query, KEYVIZ_ERR_NULL_POINTER);
    REFUSED(sampler, NULL, KEYVIZ_ERR_NULL_POINTER);
    query_again.route_id = 2;
    REFUSED(sampler, &query_again, KEYVIZ_ERR_NO_SNAPSHOT);
    query_again.label = KEYVIZ_LABEL_S3;
    REFUSED(sampler, &query_again, KEYVIZ_ERR_NO_SNAPSHOT);
    query_again.series = KEYVIZ_SERIES_READS;
    REFUSED(sampler, &query_again, KEYVIZ_ERR_NO_SNAPSHOT);
    query_again.flags = KEYVIZ_HOT_KEYS_COLUMN;
    REFUSED(sampler, &query_again, KEYVIZ_ERR_NO_SNAPSHOT);
    query_again.from_unix_ms = T0 / 1000000 + 1001;
    REFUSED(sampler, &query_again, KEYVIZ_ERR_OUT_OF_SNAPSHOT_WINDOW);
    query_again.series = KEYVIZ_SERIES_READ_BYTES;
    REFUSED(sampler, &query_again, KEYVIZ_ERR_INVALID_ARGUMENT);
    query_again.series = 9;
    REFUSED(sampler, &query_again, KEYVIZ_ERR_INVALID_ARGUMENT);
    query_again.label = 99;
    REFUSED(sampler, &query_again, KEYVIZ_ERR_INVALID_ARGUMENT);
    query_again.flags = 4;
    REFUSED(sampler, &query_again, KEYVIZ_ERR_INVALID_ARGUMENT);
    query_again.top = -1;
    REFUSED(sampler, &query_again, KEYVIZ_ERR_INVALID_ARGUMENT);
    query_again.flags = KEYVIZ_HOT_KEYS_SUB_BUCKET;
    query_again.sub_bucket = 1;
    REFUSED(sampler, &query_again, KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_hot_keys_query(sampler, &query, NULL, &error), KEYVIZ_ERR_NULL_POINTER);

    CHECK_EQUAL(keyviz_sampler_publish_hot_keys(off, T0, &error), KEYVIZ_ERR_HOT_KEYS_OFF);
    CHECK_EQUAL(keyviz_sampler_offer_hot_key(off, 1, "a", 1, 1, 0, 1), KEYVIZ_ERR_HOT_KEYS_OFF);
    CHECK_EQUAL(keyviz_sampler_offer_hot_key(sampler, 2, "a", 1, 1, 0, 1), KEYVIZ_ERR_UNKNOWN_ROUTE);
    CHECK_EQUAL(keyviz_sampler_offer_hot_key(sampler, 1, "a", 1, 2, 0, 1), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_sampler_offer_hot_key(sampler, 1, "a", 1, 1, 99, 1), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_sampler_offer_hot_key(sampler, 1, NULL, 1, 1, 0, 1), KEYVIZ_ERR_NULL_POINTER);
    CHECK_OK(keyviz_sampler_offer_hot_key(NULL, 1, "a", 1, 1, 0, 1));

    keyviz_sampler_close(sampler);
    REFUSED(sampler, &query, KEYVIZ_ERR_CLOSED);
    CHECK_EQUAL(keyviz_sampler_publish_hot_keys(sampler, T0, &error), KEYVIZ_ERR_CLOSED);
    keyviz_sampler_free(sampler);
    keyviz_sampler_free(off);
}

static void the_query_string_of_a_url_is_a_question(void) {
    keyviz_hot_keys_query_t query = KEYVIZ_HOT_KEYS_QUERY_INIT;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    const char *text = "route_id=7&label=redis&series=reads&sub_bucket=3&top=5&from_unix_ms=1&to_unix_ms=2&column=4";
    CHECK_OK(keyviz_hot_keys_query_parse(text, strlen(text), &query, &error));
    CHECK(query.route_id == 7 && query.label == KEYVIZ_LABEL_REDIS && query.series == KEYVIZ_SERIES_READS);
    CHECK(query.flags == (KEYVIZ_HOT_KEYS_SUB_BUCKET | KEYVIZ_HOT_KEYS_COLUMN) && query.sub_bucket == 3 && query.column == 4);
    CHECK(query.top == 5 && query.from_unix_ms == 1 && query.to_unix_ms == 2);
    const char *wrong[] = {"", "route_id=x", "route_id=1&top=0", "route_id=1&label=kafka", "route_id=1&from_unix_ms=2&to_unix_ms=1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_EQUAL(keyviz_hot_keys_query_parse(wrong[i], strlen(wrong[i]), &query, &error), KEYVIZ_ERR_INVALID_ARGUMENT);
    }
    CHECK_EQUAL(query.route_id, 7);
    CHECK_EQUAL(keyviz_hot_keys_query_parse(NULL, 1, &query, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_hot_keys_query_parse(text, strlen(text), NULL, &error), KEYVIZ_ERR_NULL_POINTER);
}

static void json_is_written_into_memory_that_just_holds_it_and_read_again(void) {
    keyviz_sampler_t *sampler = published("aab");
    keyviz_hot_keys_t *reply = reply_of(sampler, ask(1, KEYVIZ_LABEL_REDIS)), *again = NULL;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    size_t size = 0, same = 0;
    CHECK_EQUAL(keyviz_hot_keys_to_json(reply, NULL, 0, &size, &error), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    char *json = exactly(size), *short_one = exactly(size - 1);
    CHECK_EQUAL(keyviz_hot_keys_to_json(reply, short_one, size - 1, &same, &error), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK(is_filled(short_one, 0xa5, size - 1) && same == size);
    CHECK_OK(keyviz_hot_keys_to_json(reply, json, size, &size, &error));
    CHECK_OK(keyviz_hot_keys_from_json(json, size, 0, &again, &error));
    CHECK(strcmp(keys_of(again), "a 2 2-2, b 1 1-1") == 0);
    keyviz_hot_keys_info_t one = info_of(reply), other = info_of(again);
    CHECK(memcmp(&one, &other, sizeof one) == 0);
    keyviz_hot_keys_free(again);

    again = NULL;
    CHECK_EQUAL(keyviz_hot_keys_from_json(json, size, size - 1, &again, &error), KEYVIZ_ERR_TOO_LARGE);
    CHECK_EQUAL(keyviz_hot_keys_from_json(json, size - 1, 0, &again, &error), KEYVIZ_ERR_MALFORMED);
    CHECK(is_told(&error, KEYVIZ_ERR_MALFORMED) && strstr(error.message, "byte") != NULL);
    CHECK_EQUAL(keyviz_hot_keys_from_json(NULL, 1, 0, &again, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_hot_keys_from_json(json, size, 0, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_hot_keys_to_json(reply, NULL, 1, &size, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_hot_keys_to_json(reply, json, size, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_hot_keys_to_json(NULL, json, size, &size, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK(again == NULL);
    free(json);
    free(short_one);
    keyviz_hot_keys_free(reply);
    keyviz_sampler_free(sampler);
}

static keyviz_hot_keys_source_t source(const char *node, const keyviz_hot_keys_t *reply, const char *failure) {
    keyviz_hot_keys_source_t source = KEYVIZ_HOT_KEYS_SOURCE_INIT;
    source.node = node;
    source.node_len = strlen(node);
    source.reply = reply;
    source.error = failure;
    source.error_len = failure ? strlen(failure) : 0;
    return source;
}

static void the_nodes_of_a_cluster_add_up(void) {
    keyviz_sampler_t *first = published("aaab"), *second = published("bbc");
    keyviz_hot_keys_t *one = reply_of(first, ask(1, KEYVIZ_LABEL_REDIS)), *two = reply_of(second, ask(1, KEYVIZ_LABEL_REDIS));
    keyviz_hot_keys_t *merged = NULL;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_hot_keys_source_t sources[] = {source("x", one, NULL), source("y", two, NULL), source("z", NULL, NULL), source("down", NULL, "timed out")};
    CHECK_OK(keyviz_hot_keys_merge(sources, 3, 0, &merged, &error));
    CHECK(strcmp(keys_of(merged), "a 3 3-3, b 3 3-3, c 1 1-1") == 0);
    CHECK_EQUAL(info_of(merged).sampled_n, 7);
    CHECK_EQUAL(info_of(merged).degraded, 0);
    keyviz_hot_keys_free(merged);
    CHECK_OK(keyviz_hot_keys_merge(sources, 4, 1, &merged, &error));
    CHECK(strcmp(keys_of(merged), "a 3 3-3") == 0);
    CHECK_EQUAL(info_of(merged).degraded, 1);
    keyviz_hot_keys_free(merged);

    merged = NULL;
    CHECK_EQUAL(keyviz_hot_keys_merge(sources + 2, 2, 0, &merged, &error), KEYVIZ_ERR_NO_SNAPSHOT);
    CHECK_EQUAL(keyviz_hot_keys_merge(NULL, 0, 0, &merged, &error), KEYVIZ_ERR_NO_SNAPSHOT);
    CHECK_EQUAL(keyviz_hot_keys_merge(NULL, 1, 0, &merged, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_hot_keys_merge(sources, 2, 0, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    sources[1].type_size += 8;
    CHECK_EQUAL(keyviz_hot_keys_merge(sources, 2, 0, &merged, &error), KEYVIZ_ERR_TYPE_SIZE);
    sources[1] = source("y", (const keyviz_hot_keys_t *)first, NULL);
    CHECK_EQUAL(keyviz_hot_keys_merge(sources, 2, 0, &merged, &error), KEYVIZ_ERR_INVALID_HANDLE);
    CHECK_OK(keyviz_sampler_offer_hot_key(second, 1, "k", 1, KEYVIZ_OP_WRITE, KEYVIZ_LABEL_S3, 1));
    CHECK_OK(keyviz_sampler_publish_hot_keys(second, T0 + 2 * SECOND, NULL));
    keyviz_hot_keys_t *other = reply_of(second, ask(1, KEYVIZ_LABEL_S3));
    sources[1] = source("y", other, NULL);
    CHECK_EQUAL(keyviz_hot_keys_merge(sources, 2, 0, &merged, &error), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK(merged == NULL);
    keyviz_hot_keys_free(other);
    keyviz_hot_keys_free(one);
    keyviz_hot_keys_free(two);
    keyviz_sampler_free(first);
    keyviz_sampler_free(second);
}

static void entries_are_read_in_pieces_that_step_by_the_first_ones_size(void) {
    keyviz_sampler_t *sampler = published("aaabbc");
    keyviz_hot_keys_t *reply = reply_of(sampler, ask(1, KEYVIZ_LABEL_REDIS));
    struct {
        keyviz_hot_key_t known;
        uint64_t newer;
    } keys[3];
    memset(keys, 0xa5, sizeof keys);
    keys[0].known.type_size = sizeof keys[0];
    size_t count = 99;
    CHECK_OK(keyviz_hot_keys_entries(reply, 1, &keys[0].known, 3, &count, NULL));
    CHECK_EQUAL(count, 2);
    CHECK_EQUAL(keys[0].known.count, 2);
    CHECK_EQUAL(keys[1].known.count, 1);
    CHECK(is_filled(&keys[2], 0xa5, sizeof keys[2]));
    CHECK_OK(keyviz_hot_keys_entries(reply, 3, NULL, 0, &count, NULL));
    CHECK_EQUAL(count, 0);
    CHECK_OK(keyviz_hot_keys_entries(reply, SIZE_MAX, &keys[0].known, 3, &count, NULL));
    CHECK_EQUAL(count, 0);
    CHECK_EQUAL(keyviz_hot_keys_entries(reply, 0, NULL, 1, &count, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_hot_keys_entries(reply, 0, &keys[0].known, 1, NULL, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_hot_keys_entries(NULL, 0, &keys[0].known, 1, &count, NULL), KEYVIZ_ERR_NULL_POINTER);
    keyviz_hot_keys_free(reply);
    keyviz_sampler_free(sampler);
}

static void the_options_are_checked(void) {
    keyviz_sampler_t *sampler = NULL;
    keyviz_options_t wrong = tracking_options();
    wrong.hot_keys_enabled = 2;
    CHECK_EQUAL(keyviz_sampler_new(&wrong, &sampler, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    wrong = tracking_options();
    wrong.hot_keys_series = 3;
    CHECK_EQUAL(keyviz_sampler_new(&wrong, &sampler, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    wrong = tracking_options();
    wrong.hot_keys_in_columns = 2;
    CHECK_EQUAL(keyviz_sampler_new(&wrong, &sampler, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    wrong = tracking_options();
    wrong.reserved1 = 1;
    CHECK_EQUAL(keyviz_sampler_new(&wrong, &sampler, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK(sampler == NULL);
}

static void a_column_keeps_keys_where_that_is_asked_for(void) {
    keyviz_options_t options = tracking_options();
    options.hot_keys_in_columns = 1;
    options.hot_keys_series = KEYVIZ_HOT_KEYS_READS;
    keyviz_sampler_t *sampler = sampler_new(options);
    CHECK_OK(add(sampler, 1, "", ""));
    CHECK_OK(keyviz_observe(sampler, 1, "past", 4, KEYVIZ_OP_READ, 0, KEYVIZ_LABEL_S3));
    CHECK_OK(keyviz_sampler_publish_hot_keys(sampler, T0 + SECOND, NULL));
    CHECK_OK(keyviz_sampler_flush(sampler, T0 + SECOND, NULL, NULL));
    CHECK_OK(keyviz_sampler_publish_hot_keys(sampler, T0 + 2 * SECOND, NULL));
    keyviz_hot_keys_query_t query = ask(1, KEYVIZ_LABEL_S3);
    query.series = KEYVIZ_SERIES_READS;
    keyviz_hot_keys_t *now = reply_of(sampler, query);
    query.flags = KEYVIZ_HOT_KEYS_COLUMN;
    keyviz_hot_keys_t *past = reply_of(sampler, query);
    CHECK_EQUAL(info_of(now).keys, 0);
    CHECK(strcmp(keys_of(past), "past 1 1-1") == 0);
    keyviz_hot_keys_free(now);
    keyviz_hot_keys_free(past);
    keyviz_sampler_free(sampler);
}

static void *observe_all(void *sampler) {
    for (uint64_t i = 0; i < check_share(200000); i++) {
        char key[24];
        int length = snprintf(key, sizeof key, "%" PRIu64, i * i % 1009);
        keyviz_observe(sampler, 1, key, (size_t)length, KEYVIZ_OP_WRITE, 0, KEYVIZ_LABEL_REDIS);
    }
    return NULL;
}

static void publishing_beside_observers_counts_every_sample(void) {
    keyviz_options_t options = tracking_options();
    options.max_lanes = 2;
    keyviz_sampler_t *sampler = sampler_new(options);
    CHECK_OK(add(sampler, 1, "", ""));
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, observe_all, sampler);
    uint64_t published = 0;
    for (int step = 1; step <= 50; step++) {
        if (step == 50) {
            for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
        }
        CHECK_OK(keyviz_sampler_publish_hot_keys(sampler, T0 + step * SECOND, NULL));
        keyviz_hot_keys_query_t query = ask(1, KEYVIZ_LABEL_REDIS);
        keyviz_hot_keys_t *reply = NULL;
        if (keyviz_hot_keys_query(sampler, &query, &reply, NULL) == KEYVIZ_OK) published += info_of(reply).sampled_n;
        keyviz_hot_keys_free(reply);
    }
    keyviz_stats_t stats = stats_of(sampler);
    CHECK_EQUAL(stats.hot_keys_rolled, 4 * check_share(200000));
    CHECK_EQUAL(stats.hot_keys_sampled, stats.hot_keys_rolled);
    CHECK_EQUAL(stats.hot_keys_sampled, published + stats.hot_keys_dropped);
    keyviz_sampler_free(sampler);
}

/* Stages a write's key as keyviz_hot_layout_t says, steps 5 to 8, as the lane's only writer. 0: that was all; 1: a batch is
 * there; 2: the sample found no room. */
static int stage_write(const keyviz_hot_layout_t *layout, unsigned char *stage, uint64_t route_id, const char *key,
                       uint32_t label) {
    uint32_t *left = (uint32_t *)(stage + layout->stage_left), *filled = (uint32_t *)(stage + layout->stage_filled);
    uint64_t *tail = (uint64_t *)(stage + layout->stage_tail), *drawn = (uint64_t *)(stage + layout->stage_drawn);
    uint64_t *head = (uint64_t *)(stage + layout->stage_head);
    size_t key_len = strlen(key);
    if (!(*(uint32_t *)(stage + layout->stage_series) >> KEYVIZ_OP_WRITE & 1)) return 0;
    if (key_len > *(uint32_t *)(stage + layout->stage_longest_key)) {
        ++*(uint64_t *)(stage + layout->stage_skipped);
        return 0;
    }
    if (*left > 1) {
        --*left;
        return 0;
    }
    if (*left == 0) ++*drawn; /* one in one is a sample */
    ++*(uint64_t *)(stage + layout->stage_sampled);
    uint64_t waiting = *tail - __atomic_load_n(head, __ATOMIC_ACQUIRE);
    uint32_t from = waiting ? *filled : 0;
    if (waiting == layout->stage_slot_count || from + key_len > layout->stage_key_bytes) {
        *left = 0;
        return 2;
    }
    uint64_t at = *tail % layout->stage_slot_count;
    unsigned char *slot = stage + layout->stage_slots + 16 * at;
    uint16_t key_place[2] = {(uint16_t)from, (uint16_t)key_len};
    uint32_t sketch = label * 2 + KEYVIZ_OP_WRITE;
    memcpy(slot, &route_id, 8);
    memcpy(slot + 8, key_place, 4);
    memcpy(slot + 12, &sketch, 4);
    memcpy(stage + layout->stage_keys + from, key, key_len);
    *filled = from + (uint32_t)key_len;
    *left = *(uint32_t *)(stage + layout->stage_gaps + 4 * at);
    *drawn += *left;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    return waiting + 1 >= layout->stage_batch;
}

static void a_host_that_stages_in_place_loses_no_sample(void) {
    keyviz_sampler_t *sampler = sampler_new(tracking_options());
    keyviz_hot_layout_t layout = KEYVIZ_HOT_LAYOUT_INIT;
    if (keyviz_hot_layout(sampler, &layout, NULL) == KEYVIZ_ERR_UNSUPPORTED) {
        fprintf(stderr, "skipped: this system has no membarrier(2)\n");
        keyviz_sampler_free(sampler);
        return;
    }
    CHECK_OK(add(sampler, 1, "", ""));
    CHECK_OK(add(sampler, 2, "", ""));
    keyviz_lane_t *lane = NULL;
    CHECK_OK(keyviz_lane_acquire(sampler, &lane, NULL));
    unsigned char *stage = *(unsigned char **)((char *)keyviz_lane_hot_address(lane) + layout.lane_stage);
    CHECK(stage != NULL);
    char longest[1025] = {0};
    memset(longest, 'l', 1024);
    uint64_t batches = 0, crossed = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        const char *key = i % 10 == 9 ? longest : i % 2 ? "odd" : "even";
        switch (stage_write(&layout, stage, 1 + i % 2, key, KEYVIZ_LABEL_REDIS)) {
        case 2:
            CHECK_OK(keyviz_hot_sample(sampler, 1 + i % 2, key, strlen(key), KEYVIZ_OP_WRITE, KEYVIZ_LABEL_REDIS));
            crossed++;
            break;
        case 1:
            batches++;
            if (i < 500) keyviz_hot_apply(lane); /* later, it runs full */
        }
    }
    CHECK(batches > 0 && crossed > 0);
    CHECK_OK(keyviz_sampler_publish_hot_keys(sampler, T0 + SECOND, NULL));
    keyviz_hot_keys_t *even = reply_of(sampler, ask(1, KEYVIZ_LABEL_REDIS)), *odd = reply_of(sampler, ask(2, KEYVIZ_LABEL_REDIS));
    CHECK(strcmp(keys_of(even), "even 500 500-500") == 0);
    CHECK_EQUAL(info_of(odd).sampled_n, 500);
    CHECK(strncmp(keys_of(odd), "odd 400 400-400, llll", 21) == 0);
    keyviz_hot_keys_free(even);
    keyviz_hot_keys_free(odd);

    /* What is staged when the route goes, and what crosses then, is forgotten. */
    CHECK_EQUAL(stage_write(&layout, stage, 1, "even", KEYVIZ_LABEL_REDIS), 0);
    CHECK_OK(keyviz_sampler_remove_route(sampler, 1, T0 + SECOND, NULL));
    CHECK_EQUAL(stage_write(&layout, stage, 1, "even", KEYVIZ_LABEL_REDIS), 0);
    ++*(uint64_t *)(stage + layout.stage_sampled);
    CHECK_OK(keyviz_hot_sample(sampler, 1, "even", 4, KEYVIZ_OP_WRITE, KEYVIZ_LABEL_REDIS));
    CHECK_OK(keyviz_sampler_publish_hot_keys(sampler, T0 + 2 * SECOND, NULL));
    keyviz_stats_t stats = KEYVIZ_STATS_INIT;
    CHECK_OK(keyviz_sampler_stats(sampler, &stats));
    CHECK_EQUAL(stats.hot_keys_sampled, 1003);
    CHECK_EQUAL(stats.hot_keys_rolled, 1002);
    CHECK_EQUAL(stats.hot_keys_forgotten, 3);
    CHECK_EQUAL(stats.hot_keys_dropped, 0);
    /* Keys that are done with are gone from the stage. */
    for (uint32_t i = 0; i < layout.stage_key_bytes; i++) CHECK_EQUAL(stage[layout.stage_keys + i], 0);

    keyviz_hot_apply(NULL);
    CHECK_EQUAL(keyviz_hot_sample(NULL, 1, "a", 1, KEYVIZ_OP_WRITE, 0), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_hot_sample(sampler, 1, NULL, 1, KEYVIZ_OP_WRITE, 0), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_hot_sample(sampler, 1, "a", 1, 2, 0), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_hot_sample(sampler, 1, "a", 1, KEYVIZ_OP_WRITE, 99), KEYVIZ_ERR_INVALID_ARGUMENT);
    keyviz_sampler_t *off = sampler_new(labelled_options());
    CHECK_EQUAL(keyviz_hot_sample(off, 1, "a", 1, KEYVIZ_OP_WRITE, 0), KEYVIZ_ERR_HOT_KEYS_OFF);
    keyviz_sampler_free(off);
    keyviz_lane_release(lane);
    keyviz_sampler_free(sampler);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(the_hottest_keys_come_with_their_bounds);
    RUN(every_way_to_observe_with_a_key_is_sampled_and_no_other);
    RUN(whatever_comes_between_samples_every_observation_is_accounted_for);
    RUN(a_question_that_has_no_answer_says_why);
    RUN(the_query_string_of_a_url_is_a_question);
    RUN(json_is_written_into_memory_that_just_holds_it_and_read_again);
    RUN(the_nodes_of_a_cluster_add_up);
    RUN(entries_are_read_in_pieces_that_step_by_the_first_ones_size);
    RUN(the_options_are_checked);
    RUN(a_column_keeps_keys_where_that_is_asked_for);
    RUN(publishing_beside_observers_counts_every_sample);
    RUN(a_host_that_stages_in_place_loses_no_sample);
    return check_summary(argv[0]);
}
