/* Matrices of a history: what was observed is what is there. */
#include "matrix.h"

typedef struct {
    const char *id, *name, *label, *start, *end;
    uint64_t values[2];
    uint32_t flags;
} expected_row_t;

static void check_row(const keyviz_matrix_t *matrix, size_t i, const expected_row_t *expected) {
    keyviz_matrix_row_t row = row_of(matrix, i);
    CHECK(text_is(row.id, row.id_len, expected->id));
    CHECK(text_is(row.label, row.label_len, expected->label));
    CHECK(text_is(row.start, row.start_len, expected->start));
    CHECK(text_is(row.end, row.end_len, expected->end));
    CHECK(row.values == keyviz_matrix_values_view(matrix) + 2 * i);
    CHECK_EQUAL(row.values[0], expected->values[0]);
    CHECK_EQUAL(row.values[1], expected->values[1]);
    CHECK(row.route_count == 1 && row.route_ids_count == 0 && !row.conflicts && row.reserved == 0);
    CHECK(row.start && row.end && row.route_ids && row.label); /* also those of length 0 */
    CHECK_EQUAL(row.flags, expected->flags);
    char text[64];
    size_t size = 99;
    CHECK_OK(keyviz_matrix_row_id(matrix, i, text, sizeof text, &size, NULL));
    CHECK(text_is(text, size, expected->id));
    CHECK_OK(keyviz_matrix_row_name(matrix, i, text, sizeof text, &size, NULL));
    CHECK(text_is(text, size, expected->name));
}

static void a_cell_is_what_was_written_by_row_and_column(void) {
    const expected_row_t expected[] = {
        {"route:1:dynamo", "route:1 / dynamo", "dynamo", "", "m", {1, 0}, 0},
        {"route:1:redis", "route:1 / redis", "redis", "", "m", {2, 0}, 0},
        {"route:2", "route:2", "", "m", "", {0, 0}, KEYVIZ_MATRIX_ROW_UNBOUNDED},
        {"route:2:redis", "route:2 / redis", "redis", "m", "", {0, 5}, KEYVIZ_MATRIX_ROW_UNBOUNDED},
    };
    /* The sampler is gone by then. */
    keyviz_matrix_t *matrix = observed_writes();
    size_t rows = 99, columns = 99;
    CHECK_OK(keyviz_matrix_shape(matrix, &rows, &columns));
    CHECK(rows == 4 && columns == 2);
    CHECK_OK(keyviz_matrix_shape(matrix, NULL, NULL));
    for (size_t i = 0; i < 4; i++) check_row(matrix, i, &expected[i]);
    int64_t unix_ms[2];
    CHECK_OK(keyviz_matrix_columns(matrix, unix_ms, 2, NULL));
    CHECK(unix_ms[0] == (T0 + MINUTE) / MS && unix_ms[1] == (T0 + 2 * MINUTE) / MS);
    uint64_t values[8], by_hand[8] = {1, 0, 2, 0, 0, 0, 0, 5};
    CHECK_OK(keyviz_matrix_values(matrix, values, 8, NULL));
    CHECK(memcmp(values, by_hand, sizeof values) == 0);
    keyviz_matrix_info_t info = info_of(matrix);
    CHECK(info.rows == 4 && info.columns == 2 && info.series == KEYVIZ_SERIES_WRITES && info.node_len == 0);
    CHECK(info.fanout == 0 && info.nodes == 0 && info.nodes_responded == 0 && info.nodes_expected == 0);
    CHECK(info.generated_at_ns > T0);
    keyviz_matrix_free(matrix);
}

static void each_series_counts_its_own(void) {
    static const uint64_t expected[][8] = {
        [KEYVIZ_SERIES_READS] = {0, 1, 0, 0, 3, 0, 0, 0},
        [KEYVIZ_SERIES_WRITES] = {1, 0, 2, 0, 0, 0, 0, 5},
        [KEYVIZ_SERIES_READ_BYTES] = {0, 10, 0, 0, 30, 0, 0, 0},
        [KEYVIZ_SERIES_WRITE_BYTES] = {10, 0, 20, 0, 0, 0, 0, 50},
    };
    keyviz_sampler_t *sampler = observed();
    for (uint32_t series = 0; series < 4; series++) {
        keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
        how.series = series;
        keyviz_matrix_t *matrix = query(sampler, how);
        CHECK_EQUAL(info_of(matrix).series, series);
        CHECK(memcmp(keyviz_matrix_values_view(matrix), expected[series], sizeof expected[series]) == 0);
        keyviz_matrix_free(matrix);
    }
    keyviz_sampler_free(sampler);
}

static void the_times_of_a_query_take_in_the_first_and_leave_out_the_last(void) {
    keyviz_sampler_t *sampler = observed();
    const int64_t one = T0 + MINUTE, two = T0 + 2 * MINUTE;
    const struct {
        int64_t from_ns, to_ns;
        uint64_t columns, rows;
    } cases[] = {
        {0, 0, 2, 4},      {one, 0, 2, 4},          {one + 1, 0, 1, 2},        {two, 0, 1, 2}, {two + 1, 0, 0, 0},
        {0, one, 0, 0},    {0, one + 1, 1, 3},      {0, two, 1, 3},            {one, two, 1, 3},
        {two, one, 0, 0},  {INT64_MIN, INT64_MAX, 2, 4}, {INT64_MAX, INT64_MIN, 0, 0}, {0, INT64_MIN, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
        how.from_ns = cases[i].from_ns;
        how.to_ns = cases[i].to_ns;
        keyviz_matrix_t *matrix = query(sampler, how);
        CHECK_EQUAL(info_of(matrix).columns, cases[i].columns);
        CHECK_EQUAL(info_of(matrix).rows, cases[i].rows);
        keyviz_matrix_free(matrix);
    }
    keyviz_sampler_free(sampler);
}

static void groups_and_terms_are_told_per_column(void) {
    keyviz_matrix_t *matrix = observed_writes();
    uint64_t groups[2], terms[2];
    CHECK_OK(keyviz_matrix_identities(matrix, find_row(matrix, "route:1:dynamo"), groups, terms, 2, NULL));
    CHECK(groups[0] == 1001 && groups[1] == 1001 && terms[0] == 7 && terms[1] == 8);
    /* It has no row in the second column. */
    CHECK_OK(keyviz_matrix_identities(matrix, find_row(matrix, "route:1:redis"), groups, terms, 2, NULL));
    CHECK(groups[0] == 1001 && groups[1] == 0 && terms[0] == 7 && terms[1] == 0);
    terms[0] = terms[1] = 99;
    CHECK_OK(keyviz_matrix_identities(matrix, find_row(matrix, "route:2:redis"), groups, NULL, 2, NULL));
    CHECK(groups[0] == 0 && groups[1] == 1002 && terms[0] == 99 && terms[1] == 99);
    CHECK_OK(keyviz_matrix_identities(matrix, find_row(matrix, "route:2:redis"), NULL, terms, 2, NULL));
    CHECK(terms[0] == 0 && terms[1] == 0);
    CHECK_OK(keyviz_matrix_identities(matrix, 0, NULL, NULL, 2, NULL));
    keyviz_matrix_free(matrix);
}

static void sub_buckets_and_virtual_buckets_have_rows_of_their_own(void) {
    keyviz_options_t options = plain_options();
    options.key_buckets_per_route = 4;
    options.max_tracked_routes = 1;
    options.max_member_routes_per_slot = 2;
    keyviz_sampler_t *sampler = sampler_new(options);
    CHECK_OK(add(sampler, 1, "a", "b"));
    const char *starts[] = {"b", "c", "d"}, *ends[] = {"c", "d", "e"};
    for (uint64_t id = 2; id <= 4; id++) CHECK_OK(add(sampler, id, starts[id - 2], ends[id - 2]));
    CHECK_OK(write_to(sampler, 1, "a\xf0", KEYVIZ_LABEL_LEGACY));
    for (uint64_t id = 2; id <= 4; id++) CHECK_OK(write_to(sampler, id, "k", KEYVIZ_LABEL_LEGACY));
    CHECK_OK(keyviz_sampler_flush(sampler, T0 + MINUTE, NULL, NULL));
    keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
    keyviz_matrix_t *matrix = query(sampler, how);
    CHECK_EQUAL(info_of(matrix).rows, 2);
    keyviz_matrix_row_t part = row_of(matrix, 0), bucket = row_of(matrix, 1);
    CHECK(text_is(part.id, part.id_len, "route:1#3"));
    CHECK(text_is(part.end, part.end_len, "b") && part.values[0] == 1 && part.flags == 0);
    CHECK(text_is(bucket.id, bucket.id_len, "virtual:18446744073709551615"));
    CHECK(text_is(bucket.start, bucket.start_len, "b") && text_is(bucket.end, bucket.end_len, "e"));
    CHECK(bucket.values[0] == 3 && bucket.route_count == 3 && bucket.route_ids_count == 2);
    CHECK(bucket.route_ids[0] == 2 && bucket.route_ids[1] == 3);
    CHECK_EQUAL(bucket.flags, KEYVIZ_MATRIX_ROW_AGGREGATE | KEYVIZ_MATRIX_ROW_ROUTES_TRUNCATED);
    keyviz_matrix_free(matrix);
    keyviz_sampler_free(sampler);
}

static void over_the_budget_rows_are_dropped_or_merged(void) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    char start[2] = "a", end[2] = "b";
    for (uint64_t id = 1; id <= 10; id++, start[0]++, end[0]++) {
        CHECK_OK(add(sampler, id, start, end));
        observe(sampler, id, KEYVIZ_OP_WRITE, KEYVIZ_LABEL_LEGACY, id == 5 ? 100 : (int)id);
    }
    CHECK_OK(keyviz_sampler_flush(sampler, T0 + MINUTE, NULL, NULL));
    keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
    how.row_budget = 3;
    how.budget_mode = KEYVIZ_BUDGET_TOP;
    keyviz_matrix_t *top = query(sampler, how);
    CHECK_EQUAL(info_of(top).rows, 3);
    const char *hottest[] = {"route:5", "route:9", "route:10"};
    for (size_t i = 0; i < 3; i++) {
        keyviz_matrix_row_t row = row_of(top, i);
        CHECK(text_is(row.id, row.id_len, hottest[i]));
    }
    how.budget_mode = KEYVIZ_BUDGET_MERGE;
    keyviz_matrix_t *merged = query(sampler, how);
    CHECK_EQUAL(info_of(merged).rows, 3);
    keyviz_matrix_row_t below = row_of(merged, 0), hot = row_of(merged, 1), above = row_of(merged, 2);
    CHECK(text_is(below.id, below.id_len, "merged:route:1..route:4") && below.values[0] == 10 && below.route_count == 4);
    CHECK(text_is(below.start, below.start_len, "a") && text_is(below.end, below.end_len, "e"));
    CHECK(below.route_ids_count == 4 && below.route_ids[3] == 4 && below.flags == KEYVIZ_MATRIX_ROW_AGGREGATE);
    CHECK(text_is(hot.id, hot.id_len, "route:5") && hot.values[0] == 100 && hot.flags == 0);
    CHECK(text_is(above.id, above.id_len, "merged:route:6..route:10") && above.values[0] == 40);
    for (uint32_t budget = 10; budget != 40; budget = budget == 10 ? 0 : budget == 0 ? 1025 : budget == 1025 ? UINT32_MAX : 40) {
        how.row_budget = budget;
        keyviz_matrix_t *whole = query(sampler, how);
        CHECK_EQUAL(info_of(whole).rows, 10);
        keyviz_matrix_free(whole);
    }
    keyviz_matrix_free(top);
    keyviz_matrix_free(merged);
    keyviz_sampler_free(sampler);
}

static void a_matrix_of_nothing_is_a_matrix(void) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
    keyviz_matrix_t *matrices[3] = {query(sampler, how)};
    CHECK_OK(keyviz_matrix_from_columns(NULL, 0, &how, &matrices[1], NULL));
    CHECK_OK(keyviz_sampler_flush(sampler, T0 + MINUTE, NULL, NULL));
    matrices[2] = query(sampler, how);
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQUAL(info_of(matrices[i]).rows, 0);
        CHECK_EQUAL(info_of(matrices[i]).columns, i == 2);
        CHECK_OK(keyviz_matrix_values(matrices[i], NULL, 0, NULL));
        CHECK(keyviz_matrix_values_view(matrices[i]) != NULL);
        keyviz_matrix_row_t row = KEYVIZ_MATRIX_ROW_INIT;
        CHECK_EQUAL(keyviz_matrix_row(matrices[i], 0, &row, NULL), KEYVIZ_ERR_NOT_FOUND);
        keyviz_matrix_free(matrices[i]);
    }
    keyviz_sampler_free(sampler);
    keyviz_matrix_free(NULL);
}

static void a_node_has_a_name_or_none(void) {
    keyviz_sampler_t *sampler = observed();
    keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
    char name[] = "n\xc3\xb6" "de-1 and more";
    how.node = name;
    how.node_len = 7;
    keyviz_matrix_t *matrix = query(sampler, how);
    memset(name, 'x', sizeof name);
    keyviz_matrix_info_t info = info_of(matrix);
    CHECK(text_is(info.node, info.node_len, "n\xc3\xb6" "de-1"));
    keyviz_matrix_free(matrix);
    keyviz_sampler_free(sampler);
}

/* ---- What is refused. */

static void refuses(keyviz_sampler_t *sampler, keyviz_matrix_query_t how, keyviz_status_t expected, int line) {
    for (int kept = 0; kept < 2; kept++) {
        keyviz_error_t error = KEYVIZ_ERROR_INIT;
        keyviz_matrix_t *matrix = (keyviz_matrix_t *)&error;
        keyviz_status_t status = kept ? keyviz_matrix_from_columns(NULL, 0, &how, &matrix, &error)
                                      : keyviz_matrix_query(sampler, &how, &matrix, &error);
        check_equal((uint64_t)status, (uint64_t)expected, "the status", __FILE__, line);
        check_that(is_told(&error, expected), "the reason is told", __FILE__, line);
        check_that(matrix == (keyviz_matrix_t *)&error, "no output was written", __FILE__, line);
    }
}

static void queries_without_a_meaning_are_refused(void) {
    keyviz_sampler_t *sampler = observed();
    const keyviz_matrix_query_t plain = KEYVIZ_MATRIX_QUERY_INIT;
    keyviz_matrix_query_t how;
    how = plain, how.series = 4;
    refuses(sampler, how, KEYVIZ_ERR_INVALID_ARGUMENT, __LINE__);
    how = plain, how.series = UINT32_MAX;
    refuses(sampler, how, KEYVIZ_ERR_INVALID_ARGUMENT, __LINE__);
    how = plain, how.budget_mode = 2;
    refuses(sampler, how, KEYVIZ_ERR_INVALID_ARGUMENT, __LINE__);
    how = plain, how.node_len = 1;
    refuses(sampler, how, KEYVIZ_ERR_NULL_POINTER, __LINE__);
    const char *not_utf8[] = {"\xff", "\xc3", "\xed\xa0\x80", "a\x80", "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < 5; i++) {
        how = plain, how.node = not_utf8[i], how.node_len = (uint32_t)strlen(not_utf8[i]);
        refuses(sampler, how, KEYVIZ_ERR_INVALID_ARGUMENT, __LINE__);
    }
    keyviz_matrix_t *matrix = NULL;
    CHECK_EQUAL(keyviz_matrix_query(sampler, NULL, &matrix, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_query(sampler, &plain, NULL, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_query(NULL, &plain, &matrix, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_from_columns(NULL, 0, NULL, &matrix, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_from_columns(NULL, 0, &plain, NULL, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_from_columns(NULL, 1, &plain, &matrix, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_OK(keyviz_sampler_close(sampler));
    CHECK_EQUAL(keyviz_matrix_query(sampler, &plain, &matrix, NULL), KEYVIZ_ERR_CLOSED);
    keyviz_sampler_free(sampler);
    keyviz_options_t options = plain_options();
    options.history_off = 1;
    sampler = sampler_new(options);
    CHECK_EQUAL(keyviz_matrix_query(sampler, &plain, &matrix, NULL), KEYVIZ_ERR_HISTORY_OFF);
    CHECK_EQUAL(keyviz_matrix_query((void *)&plain, &plain, &matrix, NULL), KEYVIZ_ERR_INVALID_HANDLE);
    CHECK(matrix == NULL);
    keyviz_sampler_free(sampler);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(a_cell_is_what_was_written_by_row_and_column);
    RUN(each_series_counts_its_own);
    RUN(the_times_of_a_query_take_in_the_first_and_leave_out_the_last);
    RUN(groups_and_terms_are_told_per_column);
    RUN(sub_buckets_and_virtual_buckets_have_rows_of_their_own);
    RUN(over_the_budget_rows_are_dropped_or_merged);
    RUN(a_matrix_of_nothing_is_a_matrix);
    RUN(a_node_has_a_name_or_none);
    RUN(queries_without_a_meaning_are_refused);
    return check_summary(argv[0]);
}
