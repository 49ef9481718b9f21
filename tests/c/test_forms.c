/* The forms of a matrix: JSON, protobuf, CSV, the picture and the pages. */
#include "matrix.h"

/* Merged rows, conflicts, nodes, numbers that no double holds, a label of a newer version. */
static const char FULL[] =
    "{\"column_unix_ms\":[1700000000000,1700000060000],\"rows\":["
    "{\"bucket_id\":\"route:1\",\"start\":null,\"end\":\"AP8=\",\"aggregate\":false,\"route_count\":1,"
    "\"values\":[18446744073709551615,0],\"raft_group_ids\":[7,7],\"leader_terms\":[3,4]},"
    "{\"bucket_id\":\"route:1:newer\",\"label\":\"newer\",\"start\":null,\"end\":\"AP8=\",\"aggregate\":false,"
    "\"route_count\":1,\"values\":[9007199254740993,1],\"conflict\":true,\"conflicts\":[false,true]},"
    "{\"bucket_id\":\"virtual:18446744073709551615\",\"start\":\"AP8=\",\"end\":null,\"aggregate\":true,"
    "\"route_ids\":[2,18446744073709551614],\"route_ids_truncated\":true,\"route_count\":9,\"values\":[5,6]}],"
    "\"series\":\"read_bytes\",\"generated_at\":\"2023-11-14T22:13:20.123456789Z\","
    "\"fanout\":{\"nodes\":[{\"node\":\"a\",\"ok\":true},{\"node\":\"b\",\"ok\":false,\"error\":\"timed out\"}],"
    "\"responded\":1,\"expected\":3},\"node\":\"a\"}";

static const char EMPTY[] =
    "{\"column_unix_ms\":[],\"rows\":[],\"series\":\"writes\",\"generated_at\":\"1970-01-01T00:00:00.000000000Z\"}";

/* ---- Forms of other things, alike. */

static keyviz_status_t csv_of(const void *of, void *buffer, size_t capacity, size_t *size, keyviz_error_t *error) {
    return keyviz_matrix_to_csv(of, buffer, capacity, size, error);
}

static keyviz_status_t png_of(const void *of, void *buffer, size_t capacity, size_t *size, keyviz_error_t *error) {
    return keyviz_matrix_to_png(of, NULL, buffer, capacity, size, error);
}

static keyviz_status_t small_png_of(const void *of, void *buffer, size_t capacity, size_t *size, keyviz_error_t *error) {
    keyviz_png_options_t options = KEYVIZ_PNG_OPTIONS_INIT;
    options.width = 11, options.height = 12, options.scale = KEYVIZ_SCALE_LINEAR;
    return keyviz_matrix_to_png(of, &options, buffer, capacity, size, error);
}

static keyviz_status_t html_of(const void *of, void *buffer, size_t capacity, size_t *size, keyviz_error_t *error) {
    const keyviz_matrix_t *one[] = {of};
    return keyviz_matrix_to_html(one, 1, "a title", 7, buffer, capacity, size, error);
}

static keyviz_status_t live_of(const void *of, void *buffer, size_t capacity, size_t *size, keyviz_error_t *error) {
    (void)of;
    keyviz_live_page_t page = KEYVIZ_LIVE_PAGE_INIT;
    page.matrix_url = "api/matrix", page.matrix_url_len = strlen("api/matrix");
    page.hot_keys_url = "api/hot", page.hot_keys_url_len = strlen("api/hot");
    page.rows = 77;
    return keyviz_live_page(&page, buffer, capacity, size, error);
}

static keyviz_status_t policy_of(const void *of, void *buffer, size_t capacity, size_t *size, keyviz_error_t *error) {
    (void)of;
    return keyviz_live_page_policy(buffer, capacity, size, error);
}

static to_bytes_t *const FORMS[] = {json_of, proto_of, csv_of, png_of, small_png_of, html_of, live_of, policy_of};
enum { ALL_FORMS = sizeof FORMS / sizeof *FORMS };

static void a_form_is_asked_for_its_size_and_then_copied(void) {
    keyviz_matrix_t *matrix = read_json(FULL);
    for (size_t i = 0; i < ALL_FORMS; i++) {
        keyviz_error_t error = KEYVIZ_ERROR_INIT;
        size_t size = 99, again = 99;
        CHECK_EQUAL(FORMS[i](matrix, NULL, 0, &size, &error), KEYVIZ_ERR_BUFFER_TOO_SMALL);
        CHECK(is_told(&error, KEYVIZ_ERR_BUFFER_TOO_SMALL) && size > 99);
        unsigned char *small = exactly(size - 1), *first = exactly(size), *second = exactly(size + 1);
        CHECK_EQUAL(FORMS[i](matrix, small, size - 1, &again, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
        CHECK(again == size && is_filled(small, 0xa5, size - 1));
        CHECK_OK(FORMS[i](matrix, first, size, &again, NULL));
        CHECK_EQUAL(again, size);
        /* Made anew, it is the same; past its end nothing is written. */
        CHECK_OK(FORMS[i](matrix, second, size + 1, &again, NULL));
        CHECK(again == size && memcmp(first, second, size) == 0 && second[size] == 0xa5);
        again = 99;
        CHECK_EQUAL(FORMS[i](matrix, NULL, 1, &again, NULL), KEYVIZ_ERR_NULL_POINTER);
        CHECK_EQUAL(again, 99);
        CHECK_EQUAL(FORMS[i](matrix, first, size, NULL, NULL), KEYVIZ_ERR_NULL_POINTER);
        free(small);
        free(first);
        free(second);
    }
    keyviz_matrix_free(matrix);
}

static void asking_for_several_forms_in_any_order_gives_each_its_own(void) {
    keyviz_matrix_t *matrix = read_json(FULL);
    unsigned char *expected[ALL_FORMS];
    size_t sizes[ALL_FORMS], size;
    for (size_t i = 0; i < ALL_FORMS; i++) expected[i] = made(FORMS[i], matrix, &sizes[i]);
    for (size_t i = 0; i < ALL_FORMS; i++) {
        for (size_t j = 0; j < ALL_FORMS; j++) {
            CHECK_EQUAL(FORMS[i](matrix, NULL, 0, &size, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
            unsigned char *other = made(FORMS[j], matrix, &size), *one;
            CHECK(size == sizes[j] && memcmp(other, expected[j], size) == 0);
            CHECK_EQUAL(FORMS[j](matrix, NULL, 0, &size, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
            one = exactly(sizes[i]);
            CHECK_OK(FORMS[i](matrix, one, sizes[i], &size, NULL));
            CHECK(size == sizes[i] && memcmp(one, expected[i], size) == 0);
            free(one);
            free(other);
        }
    }
    for (size_t i = 0; i < ALL_FORMS; i++) free(expected[i]);
    keyviz_matrix_free(matrix);
}

/* ---- There and back. */

static void json_is_read_as_it_was_written(void) {
    const char *texts[] = {FULL, EMPTY};
    for (size_t i = 0; i < 2; i++) {
        keyviz_matrix_t *matrix = read_json(texts[i]);
        size_t size;
        unsigned char *json = made(json_of, matrix, &size);
        CHECK(text_is(json, size, texts[i]));
        free(json);
        keyviz_matrix_free(matrix);
    }
    keyviz_sampler_t *sampler = observed();
    for (uint32_t series = 0; series < 4; series++) {
        keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
        how.series = series;
        how.node = "n", how.node_len = 1;
        keyviz_matrix_t *matrix = query(sampler, how), *back = NULL;
        size_t size;
        unsigned char *json = made(json_of, matrix, &size);
        CHECK_OK(keyviz_matrix_from_json(json, size, NULL, &back, NULL));
        check_same_matrix(matrix, back);
        check_same_bytes(json_of, matrix, back);
        free(json);
        keyviz_matrix_free(matrix);
        keyviz_matrix_free(back);
    }
    keyviz_sampler_free(sampler);
}

static void what_json_tells_is_told(void) {
    keyviz_matrix_t *matrix = read_json(FULL);
    keyviz_matrix_info_t info = info_of(matrix);
    CHECK(info.series == KEYVIZ_SERIES_READ_BYTES && info.generated_at_ns == INT64_C(1700000000123456789));
    CHECK(info.fanout == 1 && info.nodes == 2 && info.nodes_responded == 1 && info.nodes_expected == 3);
    CHECK(text_is(info.node, info.node_len, "a"));
    keyviz_matrix_node_t node = KEYVIZ_MATRIX_NODE_INIT;
    CHECK_OK(keyviz_matrix_node(matrix, 0, &node, NULL));
    CHECK(text_is(node.node, node.node_len, "a") && node.error == NULL && node.error_len == 0);
    CHECK_OK(keyviz_matrix_node(matrix, 1, &node, NULL));
    CHECK(text_is(node.node, node.node_len, "b") && text_is(node.error, node.error_len, "timed out"));
    CHECK_EQUAL(keyviz_matrix_node(matrix, 2, &node, NULL), KEYVIZ_ERR_NOT_FOUND);
    keyviz_matrix_row_t newer = row_of(matrix, 1), bucket = row_of(matrix, 2);
    CHECK(text_is(newer.label, newer.label_len, "newer") && newer.flags == KEYVIZ_MATRIX_ROW_CONFLICT);
    CHECK(newer.conflicts && newer.conflicts[0] == 0 && newer.conflicts[1] == 1);
    CHECK(newer.end_len == 2 && memcmp(newer.end, "\0\xff", 2) == 0);
    CHECK(newer.values[0] == UINT64_C(9007199254740993) && keyviz_matrix_values_view(matrix)[0] == UINT64_MAX);
    CHECK_EQUAL(bucket.flags, KEYVIZ_MATRIX_ROW_AGGREGATE | KEYVIZ_MATRIX_ROW_UNBOUNDED | KEYVIZ_MATRIX_ROW_ROUTES_TRUNCATED);
    CHECK(bucket.route_ids_count == 2 && bucket.route_ids[1] == UINT64_MAX - 1 && bucket.route_count == 9);
    keyviz_matrix_free(matrix);
}

static void protobuf_is_read_as_it_was_written(void) {
    keyviz_sampler_t *sampler = observed();
    for (uint32_t series = 0; series < 4; series++) {
        keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
        how.series = series;
        keyviz_matrix_t *matrix = query(sampler, how), *back = NULL;
        size_t size;
        unsigned char *proto = made(proto_of, matrix, &size);
        CHECK_OK(keyviz_matrix_from_proto(proto, size, series, NULL, &back, NULL));
        check_same_matrix(matrix, back);
        check_same_bytes(proto_of, matrix, back);
        CHECK_EQUAL(info_of(back).generated_at_ns, 0);
        free(proto);
        keyviz_matrix_free(matrix);
        keyviz_matrix_free(back);
    }
    keyviz_sampler_free(sampler);
    /* By hand: a column at 5 ms; a row "r", of label "l", with the value 300. */
    static const unsigned char message[] = {0x0a, 1, 5, 0x12, 10, 0x0a, 1, 'r', 0x22, 1, 'l', 0x5a, 2, 0xac, 2};
    keyviz_matrix_t *matrix = NULL;
    CHECK_OK(keyviz_matrix_from_proto(message, sizeof message, KEYVIZ_SERIES_READS, NULL, &matrix, NULL));
    keyviz_matrix_row_t row = row_of(matrix, 0);
    CHECK(text_is(row.id, row.id_len, "r") && text_is(row.label, row.label_len, "l") && row.values[0] == 300);
    keyviz_matrix_free(matrix);
    matrix = NULL;
    CHECK_EQUAL(keyviz_matrix_from_proto(message, sizeof message, 4, NULL, &matrix, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK(matrix == NULL);
    CHECK_OK(keyviz_matrix_from_proto(NULL, 0, KEYVIZ_SERIES_READS, NULL, &matrix, NULL));
    CHECK_EQUAL(info_of(matrix).rows, 0);
    keyviz_matrix_free(matrix);
}

/* ---- CSV and pictures. */

static void csv_has_a_line_per_row_and_a_field_per_column(void) {
    static const char expected[] =
        "bucket_id,label,start,end,aggregate,route_count,2023-11-14T22:14:20.000Z,2023-11-14T22:15:20.000Z\n"
        "route:1:dynamo,dynamo,,m,false,1,1,0\n"
        "route:1:redis,redis,,m,false,1,2,0\n"
        "route:2,,m,,false,1,0,0\n"
        "route:2:redis,redis,m,,false,1,0,5\n";
    keyviz_matrix_t *matrix = observed_writes();
    size_t size;
    unsigned char *csv = made(csv_of, matrix, &size);
    CHECK(text_is(csv, size, expected));
    free(csv);
    keyviz_matrix_free(matrix);
}

static uint32_t big_endian(const unsigned char *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void check_picture(const keyviz_matrix_t *matrix, uint32_t width, uint32_t height, uint32_t scale) {
    static const unsigned char begin[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 13, 'I', 'H', 'D', 'R'};
    static const unsigned char end[] = {0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xae, 0x42, 0x60, 0x82};
    keyviz_png_options_t options = KEYVIZ_PNG_OPTIONS_INIT;
    options.width = width, options.height = height, options.scale = scale;
    size_t size = 0, room = 1 << 20;
    unsigned char *png = malloc(room);
    CHECK_OK(keyviz_matrix_to_png(matrix, &options, png, room, &size, NULL));
    CHECK(size > 50 && memcmp(png, begin, sizeof begin) == 0 && memcmp(png + size - sizeof end, end, sizeof end) == 0);
    CHECK(width ? big_endian(png + 16) == width : big_endian(png + 16) > 10);
    CHECK(height ? big_endian(png + 20) == height : big_endian(png + 20) > 0);
    free(png);
}

static void a_picture_has_the_size_that_is_asked_for(void) {
    const char *texts[] = {FULL, EMPTY};
    for (size_t i = 0; i < 2; i++) {
        keyviz_matrix_t *matrix = read_json(texts[i]);
        check_picture(matrix, 0, 0, KEYVIZ_SCALE_LOG);
        check_picture(matrix, 11, 11, KEYVIZ_SCALE_LINEAR);
        check_picture(matrix, 640, 0, KEYVIZ_SCALE_LOG);
        check_picture(matrix, 0, 8192, KEYVIZ_SCALE_LOG);
        keyviz_matrix_free(matrix);
    }
    keyviz_matrix_t *matrix = read_json(FULL);
    const keyviz_png_options_t refused[] = {
        {sizeof refused[0], 10, 0, 0, 0}, {sizeof refused[0], 0, 10, 0, 0},         {sizeof refused[0], 8193, 0, 0, 0},
        {sizeof refused[0], 0, UINT32_MAX, 0, 0}, {sizeof refused[0], 0, 0, 2, 0}, {sizeof refused[0], 0, 0, UINT32_MAX, 0},
        {sizeof refused[0], 0, 0, 0, 1},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        keyviz_error_t error = KEYVIZ_ERROR_INIT;
        size_t size = 99;
        CHECK_EQUAL(keyviz_matrix_to_png(matrix, &refused[i], NULL, 0, &size, &error), KEYVIZ_ERR_INVALID_ARGUMENT);
        CHECK(is_told(&error, KEYVIZ_ERR_INVALID_ARGUMENT) && size == 99);
    }
    keyviz_matrix_free(matrix);
}

/* ---- Pages. */

static void check_page(const unsigned char *page, size_t size) {
    CHECK(holds(page, 15, "<!doctype html>") || holds(page, 15, "<!DOCTYPE html>"));
    /* Nothing is fetched: no address but the name of SVG's language, no script or style of its own file. */
    const char *end = (const char *)page + size;
    for (const char *at = (const char *)page; at + 3 < end; at++) {
        if (memcmp(at, "://", 3) != 0) continue;
        const char *svg = "http://www.w3.org/2000/svg";
        CHECK(at - 4 > (const char *)page && end - at > 30 && memcmp(at - 4, svg, strlen(svg)) == 0);
    }
    CHECK(!holds(page, size, "<script src") && !holds(page, size, "rel=\"stylesheet\"") && !holds(page, size, "@import"));
    CHECK(holds(page, size, "default-src 'none'"));
}

static void a_page_holds_its_matrices_and_needs_nothing_else(void) {
    keyviz_matrix_t *matrix = read_json(FULL), *writes = observed_writes();
    const keyviz_matrix_t *both[] = {matrix, writes};
    size_t size = 0, room = 1 << 22;
    unsigned char *page = malloc(room);
    const char *title = "<script>alert(1)</script> & \xc3\xa4";
    CHECK_OK(keyviz_matrix_to_html(both, 2, title, strlen(title), page, room, &size, NULL));
    check_page(page, size);
    CHECK(holds(page, size, "connect-src 'none'"));
    CHECK(holds(page, size, "\"values\":[18446744073709551615,0]") && holds(page, size, "\"route:2:redis\""));
    CHECK(holds(page, size, "\\u003cscript>alert(1)\\u003c/script> & \xc3\xa4") && !holds(page, size, "<script>alert"));
    CHECK_OK(keyviz_matrix_to_html(both, 1, NULL, 0, page, room, &size, NULL));
    CHECK(!holds(page, size, "\"route:2:redis\""));

    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    size = 99;
    CHECK_EQUAL(keyviz_matrix_to_html(both, 0, NULL, 0, page, room, &size, &error), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK(is_told(&error, KEYVIZ_ERR_INVALID_ARGUMENT));
    CHECK_EQUAL(keyviz_matrix_to_html(NULL, 1, NULL, 0, page, room, &size, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_to_html(both, 2, NULL, 1, page, room, &size, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_to_html(both, 2, "\xff", 1, page, room, &size, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_matrix_to_html(both, SIZE_MAX, NULL, 0, page, room, &size, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    both[1] = NULL;
    CHECK_EQUAL(keyviz_matrix_to_html(both, 2, NULL, 0, page, room, &size, NULL), KEYVIZ_ERR_NULL_POINTER);
    uint64_t stranger = 0;
    both[1] = (void *)&stranger;
    CHECK_EQUAL(keyviz_matrix_to_html(both, 2, NULL, 0, page, room, &size, NULL), KEYVIZ_ERR_INVALID_HANDLE);
    CHECK_EQUAL(size, 99);
    free(page);
    keyviz_matrix_free(matrix);
    keyviz_matrix_free(writes);
}

static void a_live_page_knows_where_to_ask(void) {
    size_t size, policy_size;
    unsigned char *page = made(live_of, NULL, &size), *policy = made(policy_of, NULL, &policy_size);
    check_page(page, size);
    CHECK(holds(page, size, "\"matrix_url\":\"api/matrix\"") && holds(page, size, "\"hotkeys_url\":\"api/hot\""));
    CHECK(holds(page, size, "\"rows\":77") && holds(page, size, "connect-src 'self'"));
    /* A header's value: one line of ASCII. */
    for (size_t i = 0; i < policy_size; i++) CHECK(policy[i] >= 0x20 && policy[i] < 0x7f);
    CHECK(holds(policy, policy_size, "connect-src 'self'") && holds(policy, policy_size, "frame-ancestors 'self'"));
    free(page);
    free(policy);
    const keyviz_live_page_t good = {sizeof good, "m", 1, NULL, 0, NULL, 0, 0, 0};
    keyviz_live_page_t bad;
    char small[8];
    CHECK_EQUAL(keyviz_live_page(&good, small, sizeof small, &size, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK_EQUAL(keyviz_live_page(NULL, small, sizeof small, &size, NULL), KEYVIZ_ERR_NULL_POINTER);
    bad = good, bad.matrix_url_len = 0;
    CHECK_EQUAL(keyviz_live_page(&bad, small, sizeof small, &size, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    bad = good, bad.matrix_url = NULL;
    CHECK_EQUAL(keyviz_live_page(&bad, small, sizeof small, &size, NULL), KEYVIZ_ERR_NULL_POINTER);
    bad = good, bad.matrix_url = "\xff";
    CHECK_EQUAL(keyviz_live_page(&bad, small, sizeof small, &size, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    bad = good, bad.hot_keys_url = "\xff", bad.hot_keys_url_len = 1;
    CHECK_EQUAL(keyviz_live_page(&bad, small, sizeof small, &size, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    bad = good, bad.title = "\xff", bad.title_len = 1;
    CHECK_EQUAL(keyviz_live_page(&bad, small, sizeof small, &size, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    bad = good, bad.reserved = 1;
    CHECK_EQUAL(keyviz_live_page(&bad, small, sizeof small, &size, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(a_form_is_asked_for_its_size_and_then_copied);
    RUN(asking_for_several_forms_in_any_order_gives_each_its_own);
    RUN(json_is_read_as_it_was_written);
    RUN(what_json_tells_is_told);
    RUN(protobuf_is_read_as_it_was_written);
    RUN(csv_has_a_line_per_row_and_a_field_per_column);
    RUN(a_picture_has_the_size_that_is_asked_for);
    RUN(a_page_holds_its_matrices_and_needs_nothing_else);
    RUN(a_live_page_knows_where_to_ask);
    return check_summary(argv[0]);
}
