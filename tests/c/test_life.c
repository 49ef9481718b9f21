/* Versions, labels, making, closing and freeing samplers; strangers for handles; panics; fork. */
#define _DEFAULT_SOURCE
#include "fixture.h"
#include <sys/wait.h>
#include <unistd.h>

static void the_library_is_the_headers(void) {
    CHECK_EQUAL(keyviz_abi_version(), KEYVIZ_ABI_VERSION);
    CHECK(strcmp(keyviz_version(), KEYVIZ_VERSION) == 0);
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", KEYVIZ_VERSION_MAJOR, KEYVIZ_VERSION_MINOR, KEYVIZ_VERSION_PATCH);
    CHECK(strcmp(version, KEYVIZ_VERSION) == 0);
}

static void every_label_has_a_name_that_fits_into_a_row_id_and_leads_back(void) {
    static const char *const names[] = {
        [KEYVIZ_LABEL_LEGACY] = "", [KEYVIZ_LABEL_DYNAMO] = "dynamo", [KEYVIZ_LABEL_REDIS] = "redis",
        [KEYVIZ_LABEL_S3] = "s3",   [KEYVIZ_LABEL_SQS] = "sqs",       [KEYVIZ_LABEL_RAWKV] = "rawkv",
    };
    CHECK_EQUAL(keyviz_label_count(), sizeof names / sizeof *names);
    for (uint32_t label = 0; label < keyviz_label_count(); label++) {
        const char *name = keyviz_label_name(label);
        CHECK(name && strcmp(name, names[label]) == 0);
        CHECK(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_/-") == strlen(name));
        CHECK(strchr(name, ':') == NULL);
        uint32_t found = 99;
        CHECK_OK(keyviz_label_from_name(name, strlen(name), &found));
        CHECK_EQUAL(found, label);
        CHECK_OK(keyviz_label_from_name(name, strlen(name), NULL));
    }
    CHECK(keyviz_label_name(keyviz_label_count()) == NULL);
    CHECK(keyviz_label_name(KEYVIZ_LABEL_UNKNOWN) == NULL);
    uint32_t found = 99;
    CHECK_OK(keyviz_label_from_name(NULL, 0, &found));
    CHECK_EQUAL(found, KEYVIZ_LABEL_LEGACY);
    found = 99;
    CHECK_EQUAL(keyviz_label_from_name(NULL, 1, &found), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_label_from_name("redis", SIZE_MAX, &found), KEYVIZ_ERR_INVALID_ARGUMENT);
    const char *strange[] = {"Redis", "redi", "redis ", "red:is", "\xff\xfe"};
    for (int i = 0; i < 5; i++) {
        CHECK_EQUAL(keyviz_label_from_name(strange[i], strlen(strange[i]), &found), KEYVIZ_ERR_NOT_FOUND);
    }
    /* The length counts, not the zero. */
    CHECK_EQUAL(keyviz_label_from_name("redis", 6, &found), KEYVIZ_ERR_NOT_FOUND);
    CHECK_EQUAL(found, 99);
    CHECK_OK(keyviz_label_from_name("s3 and more", 2, &found));
    CHECK_EQUAL(found, KEYVIZ_LABEL_S3);
}

static void every_series_has_a_name_that_leads_back(void) {
    static const char *const names[] = {
        [KEYVIZ_SERIES_READS] = "reads",
        [KEYVIZ_SERIES_WRITES] = "writes",
        [KEYVIZ_SERIES_READ_BYTES] = "read_bytes",
        [KEYVIZ_SERIES_WRITE_BYTES] = "write_bytes",
    };
    for (uint32_t series = 0; series < sizeof names / sizeof *names; series++) {
        const char *name = keyviz_series_name(series);
        CHECK(name && strcmp(name, names[series]) == 0);
        uint32_t found = 99;
        CHECK_OK(keyviz_series_from_name(names[series], strlen(names[series]), &found));
        CHECK_EQUAL(found, series);
        CHECK_OK(keyviz_series_from_name(names[series], strlen(names[series]), NULL));
    }
    CHECK(keyviz_series_name(sizeof names / sizeof *names) == NULL);
    CHECK(keyviz_series_name(UINT32_MAX) == NULL);
    uint32_t found = 99;
    CHECK_EQUAL(keyviz_series_from_name(NULL, 0, &found), KEYVIZ_ERR_NOT_FOUND);
    CHECK_EQUAL(keyviz_series_from_name(NULL, 1, &found), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_series_from_name("reads", SIZE_MAX, &found), KEYVIZ_ERR_INVALID_ARGUMENT);
    const char *strange[] = {"Reads", "read", "reads ", "read-bytes", "\xff\xfe"};
    for (int i = 0; i < 5; i++) {
        CHECK_EQUAL(keyviz_series_from_name(strange[i], strlen(strange[i]), &found), KEYVIZ_ERR_NOT_FOUND);
    }
    CHECK_EQUAL(found, 99);
}

static void refuses_options(keyviz_options_t options, int line) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_sampler_t *sampler = (keyviz_sampler_t *)&error;
    keyviz_status_t status = keyviz_sampler_new(&options, &sampler, &error);
    check_equal((uint64_t)status, KEYVIZ_ERR_INVALID_ARGUMENT, "the status", __FILE__, line);
    check_that(is_told(&error, KEYVIZ_ERR_INVALID_ARGUMENT), "the reason is told", __FILE__, line);
    check_that(sampler == (keyviz_sampler_t *)&error, "no output was written", __FILE__, line);
}

static void options_without_a_meaning_are_refused(void) {
    keyviz_options_t options;
    options = plain_options(), options.labels_enabled = 2;
    refuses_options(options, __LINE__);
    options = plain_options(), options.labels_enabled = UINT32_MAX;
    refuses_options(options, __LINE__);
    options = plain_options(), options.history_off = 2;
    refuses_options(options, __LINE__);
    options = plain_options(), options.step_ns = -1;
    refuses_options(options, __LINE__);
    options = plain_options(), options.reserved0 = 1;
    refuses_options(options, __LINE__);
    for (size_t i = 0; i < KEYVIZ_RESOLUTIONS; i++) {
        options = plain_options(), options.resolutions[i].step_ns = -1;
        refuses_options(options, __LINE__);
        options = plain_options(), options.resolutions[i].retention_ns = INT64_MIN;
        refuses_options(options, __LINE__);
    }
    /* One that is off may stand between; the next must be coarser. */
    options = plain_options(), options.resolutions[0].step_ns = 60, options.resolutions[2].step_ns = 60;
    refuses_options(options, __LINE__);
    for (size_t i = 0; i < sizeof options.reserved / sizeof *options.reserved; i++) {
        options = plain_options(), options.reserved[i] = 1;
        refuses_options(options, __LINE__);
    }
}

static void options_above_their_caps_count_as_the_caps(void) {
    keyviz_options_t options = plain_options();
    options.step_ns = INT64_MAX;
    options.created_ns = INT64_MIN;
    options.memory_limit_bytes = UINT64_MAX;
    options.history_columns = options.max_tracked_routes = options.max_member_routes_per_slot = UINT32_MAX;
    options.key_buckets_per_route = options.max_lanes = UINT32_MAX;
    keyviz_sampler_t *sampler = sampler_new(options);
    CHECK_OK(add(sampler, 1, "", ""));
    size_t end_len = 0;
    char bounds[16];
    CHECK_OK(keyviz_sampler_sub_bucket_bounds(sampler, 1, 255, bounds, sizeof bounds, NULL, &end_len, NULL));
    CHECK_EQUAL(keyviz_sampler_sub_bucket_bounds(sampler, 1, 256, bounds, sizeof bounds, NULL, NULL, NULL), KEYVIZ_ERR_NOT_FOUND);
    CHECK_OK(write_to(sampler, 1, "k", 0));
    CHECK_EQUAL(drained_operations(sampler, T0), 1);
    keyviz_sampler_free(sampler);
}

static void all_defaults_are_null(void) {
    keyviz_sampler_t *sampler = NULL;
    CHECK_OK(keyviz_sampler_new(NULL, &sampler, NULL));
    CHECK(sampler != NULL);
    CHECK_OK(keyviz_sampler_flush_now(sampler, NULL, NULL));
    keyviz_sampler_free(sampler);
    keyviz_sampler_free(NULL);
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    CHECK_EQUAL(keyviz_sampler_new(NULL, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK(is_told(&error, KEYVIZ_ERR_NULL_POINTER));
    CHECK_EQUAL(keyviz_sampler_new(NULL, NULL, NULL), KEYVIZ_ERR_NULL_POINTER);
}

/* ---- Every function that takes a sampler. */

typedef struct {
    const char *name;
    keyviz_status_t status;
} called_t;

static const char NO_IMAGE[] = "no image";

enum { FUNCTIONS = 26, OBSERVING = 4, READING = 3, IMPOSSIBLE = 3 };

/* The first OBSERVING ones observe; the next READING ones are about what is left of a closed sampler; the last IMPOSSIBLE
 * ones load what is no image, or use what is no file. */
static void call_everything(keyviz_sampler_t *sampler, called_t called[FUNCTIONS]) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_route_t one = route(1, "a", "b"), two = route(2, "b", "c");
    keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
    keyviz_stats_t stats = KEYVIZ_STATS_INIT;
    keyviz_event_t event = KEYVIZ_EVENT_INIT;
    keyviz_hot_layout_t layout = KEYVIZ_HOT_LAYOUT_INIT;
    keyviz_lane_t *lane = NULL;
    keyviz_observation_t observation = {1, "k", 1, 1, KEYVIZ_OP_READ, KEYVIZ_LABEL_LEGACY};
    uint64_t id = 1, first, count;
    uint64_t value = 1;
    uint32_t key = 1;
    uint8_t op = KEYVIZ_OP_READ;
    char image[4096];
    size_t events, size, n = 0;
#define CALL(call) called[n++] = (called_t){#call, call}
    CALL(keyviz_observe(sampler, 1, "k", 1, KEYVIZ_OP_READ, 1, KEYVIZ_LABEL_LEGACY));
    CALL(keyviz_observe_sized(sampler, 1, KEYVIZ_OP_READ, 1, 1, KEYVIZ_LABEL_LEGACY));
    CALL(keyviz_observe_batch(sampler, &observation, 1, NULL));
    CALL(keyviz_observe_columns(sampler, 1, &id, &op, &key, &value, NULL, NULL));
    CALL(keyviz_sampler_stats(sampler, &stats));
    CALL(keyviz_sampler_poll_events(sampler, &event, 1, &events, &error));
    CALL(keyviz_sampler_set_event_callback(sampler, NULL, NULL));
    CALL(keyviz_sampler_register_route(sampler, &one, NULL, &error));
    CALL(keyviz_sampler_register_routes(sampler, &one, 1, NULL, &error));
    CALL(keyviz_sampler_remove_route(sampler, 7, T0, &error));
    CALL(keyviz_sampler_apply_split(sampler, 1, &two, 1, NULL, T0, &error));
    CALL(keyviz_sampler_apply_merge(sampler, &two.route_id, 1, &one, NULL, T0, &error));
    CALL(keyviz_sampler_set_leader_term(sampler, 1, 1));
    CALL(keyviz_sampler_sub_bucket_bounds(sampler, 1, 0, &event, sizeof event, NULL, NULL, &error));
    CALL(keyviz_sampler_flush(sampler, T0 + SECOND, NULL, &error));
    CALL(keyviz_sampler_flush_now(sampler, NULL, &error));
    CALL(keyviz_sampler_drain(sampler, T0 + SECOND, &column, &error));
    CALL(keyviz_sampler_drain_now(sampler, &column, &error));
    CALL(keyviz_sampler_column_range(sampler, 0, 0, &first, &count));
    CALL(keyviz_sampler_read_column(sampler, 1, &column, &error));
    CALL(keyviz_lane_acquire(sampler, &lane, &error));
    CALL(keyviz_hot_layout(sampler, &layout, &error));
    CALL(keyviz_sampler_save_history(sampler, image, sizeof image, &size, &error));
    CALL(keyviz_sampler_load_history(sampler, NO_IMAGE, sizeof NO_IMAGE, &error));
    CALL(keyviz_sampler_save_history_file(sampler, "/dev/null/no file", &error));
    CALL(keyviz_sampler_load_history_file(sampler, "/dev/null/no file", &error));
#undef CALL
    CHECK_EQUAL(n, FUNCTIONS);
    keyviz_lane_release(lane);
}

static void a_closed_sampler_says_so_and_counts_nothing(void) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    called_t called[FUNCTIONS];
    CHECK_OK(add(sampler, 1, "", ""));
    call_everything(sampler, called);
    /* On a live one: fine, but for the three that are asked for what can't be. */
    for (int i = 0; i < FUNCTIONS; i++) {
        keyviz_status_t expected = i < FUNCTIONS - IMPOSSIBLE ? KEYVIZ_OK : called[i].status;
        CHECK(i < FUNCTIONS - IMPOSSIBLE || called[i].status == KEYVIZ_ERR_CORRUPT || called[i].status == KEYVIZ_ERR_IO);
        check_equal((uint64_t)called[i].status, (uint64_t)expected, called[i].name, __FILE__, __LINE__);
    }

    keyviz_lane_t *lane = NULL;
    CHECK_OK(keyviz_lane_acquire(sampler, &lane, NULL));
    CHECK_OK(keyviz_lane_observe(lane, 1, "k", 1, KEYVIZ_OP_READ, 1, KEYVIZ_LABEL_LEGACY));
    uint64_t missed = stats_of(sampler).missed;
    for (int i = 0; i < 2; i++) CHECK_OK(keyviz_sampler_close(sampler));
    CHECK_EQUAL(keyviz_lane_observe(lane, 1, "k", 1, KEYVIZ_OP_READ, 1, KEYVIZ_LABEL_LEGACY), KEYVIZ_ERR_UNKNOWN_ROUTE);
    call_everything(sampler, called);
    for (int i = 0; i < FUNCTIONS; i++) {
        keyviz_status_t expected = i < OBSERVING             ? KEYVIZ_ERR_UNKNOWN_ROUTE
                                   : i < OBSERVING + READING ? KEYVIZ_OK
                                                             : KEYVIZ_ERR_CLOSED;
        check_equal((uint64_t)called[i].status, (uint64_t)expected, called[i].name, __FILE__, __LINE__);
    }
    keyviz_stats_t stats = stats_of(sampler);
    CHECK_EQUAL(stats.missed, missed + 1 + OBSERVING);
    CHECK(stats.routes == 0 && stats.slots == 0 && stats.columns == 0);
    keyviz_lane_release(lane);
    keyviz_sampler_free(sampler);
    CHECK_EQUAL(keyviz_sampler_close(NULL), KEYVIZ_ERR_NULL_POINTER);
}

static void a_stranger_is_no_handle(void) {
    /* As small as memory can be: to look at it must not mean to look past it. */
    uint64_t *stranger = malloc(sizeof *stranger);
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    keyviz_lane_t *lane = NULL;
    CHECK_OK(keyviz_lane_acquire(sampler, &lane, NULL));
    *stranger = UINT64_C(0x0123456789abcdef);
    void *strangers[] = {stranger, (char *)stranger + 1, lane};
    for (int i = 0; i < 3; i++) {
        called_t called[FUNCTIONS];
        call_everything(strangers[i], called);
        for (int j = 0; j < FUNCTIONS; j++) {
            check_equal((uint64_t)called[j].status, KEYVIZ_ERR_INVALID_HANDLE, called[j].name, __FILE__, __LINE__);
        }
        CHECK_EQUAL(keyviz_hot_reserve(strangers[i], NULL, 64), KEYVIZ_ERR_INVALID_HANDLE);
        CHECK_EQUAL(keyviz_sampler_close(strangers[i]), KEYVIZ_ERR_INVALID_HANDLE);
        keyviz_sampler_free(strangers[i]);
    }
    CHECK_EQUAL(*stranger, UINT64_C(0x0123456789abcdef));
    CHECK_EQUAL(keyviz_lane_observe(lane, 1, "k", 1, KEYVIZ_OP_READ, 1, KEYVIZ_LABEL_LEGACY), KEYVIZ_ERR_UNKNOWN_ROUTE);
    keyviz_lane_release(lane);
    keyviz_sampler_free(sampler);
    free(stranger);
}

static void nothing_is_read_through_null(void) {
    called_t called[FUNCTIONS];
    call_everything(NULL, called);
    for (int i = 0; i < FUNCTIONS; i++) {
        keyviz_status_t expected = i < OBSERVING ? KEYVIZ_OK : KEYVIZ_ERR_NULL_POINTER;
        check_equal((uint64_t)called[i].status, (uint64_t)expected, called[i].name, __FILE__, __LINE__);
    }
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    CHECK_EQUAL(keyviz_sampler_stats(sampler, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_hot_layout(sampler, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_hot_reserve(NULL, NULL, 64), KEYVIZ_ERR_NULL_POINTER);
    keyviz_sampler_free(sampler);
}

static void the_hot_layout_names_lanes_and_cells_that_there_are(void) {
    keyviz_sampler_t *sampler = sampler_new(labelled_options());
    keyviz_hot_layout_t layout = KEYVIZ_HOT_LAYOUT_INIT;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_status_t status = keyviz_hot_layout(sampler, &layout, &error);
    if (status == KEYVIZ_ERR_UNSUPPORTED) {
        fprintf(stderr, "skipped: this system has no membarrier(2)\n");
        keyviz_sampler_free(sampler);
        return;
    }
    CHECK_OK(status);
    CHECK_EQUAL(layout.version, KEYVIZ_HOT_LAYOUT_VERSION);
    CHECK_EQUAL(layout.labels, keyviz_label_count());
    CHECK(layout.table && layout.shared_lane && layout.shared_passages);
    uint32_t first = UINT32_C(1) << layout.block_bits;
    CHECK_EQUAL(keyviz_hot_reserve(sampler, layout.shared_lane, first), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_OK(add(sampler, 1, "", ""));
    CHECK_OK(keyviz_hot_reserve(sampler, layout.shared_lane, first));
    CHECK_EQUAL(keyviz_hot_reserve(sampler, layout.shared_lane, 0), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_hot_reserve(sampler, layout.shared_lane, first - 1), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_hot_reserve(sampler, layout.shared_lane, first + layout.labels), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_hot_reserve(sampler, layout.shared_lane, UINT32_MAX), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_hot_reserve(sampler, NULL, first), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_hot_reserve(sampler, &layout, first), KEYVIZ_ERR_INVALID_ARGUMENT);
    keyviz_sampler_free(sampler);
}

static void a_panic_comes_back_as_a_status_and_the_library_goes_on(void) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    CHECK_OK(add(sampler, 1, "", ""));
    CHECK_OK(write_to(sampler, 1, "k", 0));
    for (int i = 0; i < 3; i++) {
        keyviz_error_t error = KEYVIZ_ERROR_INIT;
        CHECK_EQUAL(keyviz_force_panic(&error), KEYVIZ_ERR_PANIC);
        CHECK(is_told(&error, KEYVIZ_ERR_PANIC));
        CHECK(strstr(error.message, "forced by keyviz_force_panic") != NULL);
        CHECK_EQUAL(keyviz_force_panic(NULL), KEYVIZ_ERR_PANIC);
        CHECK_OK(write_to(sampler, 1, "k", 0));
        CHECK_OK(add(sampler, (uint64_t)i + 2, "", ""));
    }
    CHECK_EQUAL(drained_operations(sampler, T0 + SECOND), 4);
    keyviz_sampler_free(sampler);
}

static void a_child_of_fork_counts_on_by_itself(void) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    CHECK_OK(add(sampler, 1, "", ""));
    CHECK_OK(write_to(sampler, 1, "k", 0));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        check_failed_here = 0;
        for (int i = 0; i < 10; i++) CHECK_OK(write_to(sampler, 1, "k", 0));
        CHECK_OK(keyviz_sampler_remove_route(sampler, 1, T0, NULL));
        CHECK_EQUAL(drained_operations(sampler, T0 + LONG_AFTER), 11);
        CHECK_EQUAL(stats_of(sampler).retired, 0);
        keyviz_sampler_free(sampler);
        _exit(check_failed_here != 0);
    }
    int status = -1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_EQUAL(drained_operations(sampler, T0 + SECOND), 1);
    keyviz_sampler_free(sampler);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(the_library_is_the_headers);
    RUN(every_label_has_a_name_that_fits_into_a_row_id_and_leads_back);
    RUN(every_series_has_a_name_that_leads_back);
    RUN(options_without_a_meaning_are_refused);
    RUN(options_above_their_caps_count_as_the_caps);
    RUN(all_defaults_are_null);
    RUN(a_closed_sampler_says_so_and_counts_nothing);
    RUN(a_stranger_is_no_handle);
    RUN(nothing_is_read_through_null);
    RUN(the_hot_layout_names_lanes_and_cells_that_there_are);
    RUN(a_panic_comes_back_as_a_status_and_the_library_goes_on);
    RUN(a_child_of_fork_counts_on_by_itself);
    return check_summary(argv[0]);
}
