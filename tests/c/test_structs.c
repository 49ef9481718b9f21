/* type_size: every wrong one, and structs that are larger than the library knows them. */
#include "matrix.h"

/* ---- Each case passes one struct, in memory of exactly the size that it says. */

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
INIT_AS(column)
INIT_AS(stats)
INIT_AS(event)
INIT_AS(hot_layout)
INIT_AS(matrix_query)
INIT_AS(matrix_info)
INIT_AS(matrix_row)
INIT_AS(matrix_node)
INIT_AS(limits)
INIT_AS(png_options)
INIT_AS(live_page)
INIT_AS(merge_options)
INIT_AS(verdict)
INIT_AS(split)
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

static keyviz_status_t pass_column(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    keyviz_columns_t *walk = NULL;
    CHECK_OK(keyviz_sampler_flush(sampler, T0 + SECOND, NULL, NULL));
    CHECK_OK(keyviz_columns_new(sampler, 0, 0, &walk, NULL, NULL, NULL));
    keyviz_status_t status = keyviz_columns_next(walk, at, error);
    keyviz_columns_free(walk);
    return status;
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

/* Frees what was made, which is there if and only if the call was fine. */
static keyviz_status_t and_freed(keyviz_status_t status, keyviz_matrix_t **made) {
    CHECK((*made != NULL) == (status == KEYVIZ_OK));
    keyviz_matrix_free(*made);
    return status;
}

static keyviz_status_t pass_query(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    keyviz_matrix_t *made = NULL;
    return and_freed(keyviz_matrix_query(sampler, at, &made, error), &made);
}

static keyviz_status_t pass_query_of_kept(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)sampler;
    keyviz_matrix_t *made = NULL;
    return and_freed(keyviz_matrix_from_columns(NULL, 0, at, &made, error), &made);
}

static keyviz_status_t pass_kept(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)sampler;
    keyviz_matrix_t *made = NULL;
    keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
    const keyviz_column_buffer_t *columns[] = {at};
    return and_freed(keyviz_matrix_from_columns(columns, 1, &how, &made, error), &made);
}

/* A matrix with a row, and with a node that was asked for it. */
static keyviz_matrix_t *small_matrix(void) {
    return read_json("{\"column_unix_ms\":[1],\"rows\":[{\"bucket_id\":\"route:1\",\"values\":[1]}],"
                     "\"fanout\":{\"nodes\":[{\"node\":\"a\",\"ok\":true}]}}");
}

#define PASS_TO_MATRIX(name, call)                                                                       \
    static keyviz_status_t name(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {            \
        (void)sampler;                                                                                   \
        keyviz_matrix_t *matrix = small_matrix();                                                        \
        keyviz_status_t status = call;                                                                   \
        keyviz_matrix_free(matrix);                                                                      \
        return status;                                                                                   \
    }
PASS_TO_MATRIX(pass_matrix_info, keyviz_matrix_info(matrix, at, error))
PASS_TO_MATRIX(pass_matrix_row, keyviz_matrix_row(matrix, 0, at, error))
PASS_TO_MATRIX(pass_matrix_node, keyviz_matrix_node(matrix, 0, at, error))
PASS_TO_MATRIX(pass_verdict, keyviz_matrix_verdict(matrix, 0, at, error))
PASS_TO_MATRIX(pass_split_of_a_matrix, keyviz_matrix_split(matrix, 0, at, error))

static keyviz_status_t pass_limits_of_json(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)sampler;
    keyviz_matrix_t *made = NULL;
    return and_freed(keyviz_matrix_from_json("{}", 2, at, &made, error), &made);
}

static keyviz_status_t pass_limits_of_proto(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)sampler;
    keyviz_matrix_t *made = NULL;
    return and_freed(keyviz_matrix_from_proto(NULL, 0, KEYVIZ_SERIES_READS, at, &made, error), &made);
}

static char room[1 << 20];

static keyviz_status_t pass_png_options(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)sampler;
    keyviz_matrix_t *matrix = small_matrix();
    size_t size;
    keyviz_status_t status = keyviz_matrix_to_png(matrix, at, room, sizeof room, &size, error);
    keyviz_matrix_free(matrix);
    return status;
}

static keyviz_status_t pass_live_page(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)sampler;
    size_t type_size, size;
    memcpy(&type_size, at, sizeof type_size);
    /* A page needs an address, which the initialised struct doesn't have; where it says a size that it hasn't, it stays. */
    if (type_size < sizeof(keyviz_live_page_t) || type_size > 1 << 16) return keyviz_live_page(at, room, sizeof room, &size, error);
    keyviz_live_page_t *page = at;
    page->matrix_url = "m", page->matrix_url_len = 1;
    keyviz_status_t status = keyviz_live_page(page, room, sizeof room, &size, error);
    page->matrix_url = NULL, page->matrix_url_len = 0;
    return status;
}

static keyviz_status_t pass_merge_options(keyviz_sampler_t *sampler, void *at, keyviz_error_t *error) {
    (void)sampler;
    keyviz_merge_t *made = NULL;
    keyviz_status_t status = keyviz_merge_new(at, &made, error);
    CHECK((made != NULL) == (status == KEYVIZ_OK));
    keyviz_merge_free(made);
    return status;
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
    {"column", sizeof(keyviz_column_t), 0, init_column, pass_column},
    {"column_info (flush)", sizeof(keyviz_column_info_t), 0, init_column_info, pass_info},
    {"column_info (flush_now)", sizeof(keyviz_column_info_t), 0, init_column_info, pass_info_now},
    {"stats", sizeof(keyviz_stats_t), 0, init_stats, pass_stats},
    {"event", sizeof(keyviz_event_t), 0, init_event, pass_event},
    {"matrix_query", sizeof(keyviz_matrix_query_t), 1, init_matrix_query, pass_query},
    {"matrix_query (kept)", sizeof(keyviz_matrix_query_t), 1, init_matrix_query, pass_query_of_kept},
    {"column_buffer (kept)", sizeof(keyviz_column_buffer_t), 1, init_column_buffer, pass_kept},
    {"matrix_info", sizeof(keyviz_matrix_info_t), 0, init_matrix_info, pass_matrix_info},
    {"matrix_row", sizeof(keyviz_matrix_row_t), 0, init_matrix_row, pass_matrix_row},
    {"matrix_node", sizeof(keyviz_matrix_node_t), 0, init_matrix_node, pass_matrix_node},
    {"verdict", sizeof(keyviz_verdict_t), 0, init_verdict, pass_verdict},
    {"split", sizeof(keyviz_split_t), 0, init_split, pass_split_of_a_matrix},
    {"limits (JSON)", sizeof(keyviz_limits_t), 1, init_limits, pass_limits_of_json},
    {"limits (protobuf)", sizeof(keyviz_limits_t), 1, init_limits, pass_limits_of_proto},
    {"png_options", sizeof(keyviz_png_options_t), 1, init_png_options, pass_png_options},
    {"live_page", sizeof(keyviz_live_page_t), 1, init_live_page, pass_live_page},
    {"merge_options", sizeof(keyviz_merge_options_t), 1, init_merge_options, pass_merge_options},
    {"hot_keys_query", sizeof(keyviz_hot_keys_query_t), 1, init_hot_keys_query, pass_hot_keys_query},
    {"hot_keys_query (parse)", sizeof(keyviz_hot_keys_query_t), 0, init_hot_keys_query, pass_parsed_query},
    {"hot_keys_info", sizeof(keyviz_hot_keys_info_t), 0, init_hot_keys_info, pass_hot_keys_info},
    {"hot_key", sizeof(keyviz_hot_key_t), 0, init_hot_key, pass_hot_key},
    {"hot_keys_source", sizeof(keyviz_hot_keys_source_t), 1, init_hot_keys_source, pass_source},
    {"hot_layout", sizeof(keyviz_hot_layout_t), 0, init_hot_layout, pass_layout},
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

/* Any argument: the library's structs have grown past those of the header that this was compiled with. It then knows more
 * of a larger struct than this test does. */
static int library_is_newer;

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
        if (library_is_newer) continue;
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
    if (library_is_newer) return;
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
        CHECK(rows[i].newer == 0 || library_is_newer);
    }
    keyviz_sampler_free(sampler);
}

int main(int argc, char **argv) {
    library_is_newer = argc > 1;
    RUN(a_type_size_is_believed_only_as_far_as_it_can_be);
    RUN(an_error_of_a_wrong_size_is_left_alone);
    RUN(arrays_step_by_the_size_that_their_first_struct_says);
    RUN(events_step_by_the_size_that_the_first_says);
    RUN(rows_step_by_the_size_that_the_buffer_says);
    return check_summary(argv[0]);
}
