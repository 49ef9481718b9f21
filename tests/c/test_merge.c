/* The merge of a cluster's matrices. */
#include "matrix.h"
#include <pthread.h>

static keyviz_merge_options_t plain_merge(uint32_t series) {
    keyviz_merge_options_t options = KEYVIZ_MERGE_OPTIONS_INIT;
    options.series = series;
    return options;
}

static keyviz_merge_t *merge_new(keyviz_merge_options_t options) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_merge_t *merge = NULL;
    if (keyviz_merge_new(&options, &merge, &error) != KEYVIZ_OK || !merge) {
        fprintf(stderr, "no merge: %s\n", error.message);
        exit(2);
    }
    return merge;
}

static uint32_t add_to(keyviz_merge_t *merge, const keyviz_matrix_t *matrix, const char *node) {
    uint32_t counted = 99;
    CHECK_OK(keyviz_merge_add(merge, matrix, node, node ? strlen(node) : 0, &counted, NULL));
    return counted;
}

static keyviz_matrix_t *finished(keyviz_merge_t *merge) {
    keyviz_matrix_t *matrix = NULL;
    CHECK_OK(keyviz_merge_finish(merge, &matrix, NULL));
    keyviz_merge_free(merge);
    if (!matrix) exit(2);
    return matrix;
}

/* A node's matrix of two columns, a minute and `late_ms` after T0: one row for route 1, of group 7. */
static keyviz_matrix_t *node_matrix(const char *series, uint64_t first, uint64_t second, uint64_t term, int late_ms) {
    char json[512];
    snprintf(json, sizeof json,
             "{\"column_unix_ms\":[%" PRId64 ",%" PRId64 "],\"rows\":[{\"bucket_id\":\"route:1:redis\",\"label\":\"redis\","
             "\"start\":null,\"end\":null,\"aggregate\":false,\"route_count\":1,\"values\":[%" PRIu64 ",%" PRIu64 "],"
             "\"raft_group_ids\":[7,7],\"leader_terms\":[%" PRIu64 ",%" PRIu64 "]}],\"series\":\"%s\"}",
             T0 / MS + 60000 + late_ms, T0 / MS + 120000 + late_ms, first, second, term, term, series);
    return read_json(json);
}

static void reads_of_two_nodes_are_added_up_though_their_clocks_differ(void) {
    keyviz_matrix_t *one = node_matrix("reads", 1, 10, 3, 0), *other = node_matrix("reads", 2, 20, 4, 3000);
    keyviz_merge_t *merge = merge_new(plain_merge(KEYVIZ_SERIES_READS));
    CHECK_EQUAL(add_to(merge, one, "a"), 1);
    CHECK_EQUAL(add_to(merge, other, "b"), 1);
    /* They stay the caller's, and may go. */
    keyviz_matrix_free(one);
    keyviz_matrix_free(other);
    keyviz_matrix_t *merged = finished(merge);
    keyviz_matrix_info_t info = info_of(merged);
    CHECK(info.rows == 1 && info.columns == 2 && info.series == KEYVIZ_SERIES_READS && info.fanout == 1);
    CHECK(info.nodes == 2 && info.nodes_responded == 2 && info.nodes_expected == 2 && info.node_len == 0);
    keyviz_matrix_row_t row = row_of(merged, 0);
    CHECK(text_is(row.label, row.label_len, "redis") && row.flags == KEYVIZ_MATRIX_ROW_UNBOUNDED && !row.conflicts);
    CHECK(row.values[0] == 3 && row.values[1] == 30);
    int64_t times[2];
    uint64_t groups[2], terms[2];
    CHECK_OK(keyviz_matrix_columns(merged, times, 2, NULL));
    CHECK(times[0] == T0 / MS + 60000 && times[1] == T0 / MS + 120000);
    CHECK_OK(keyviz_matrix_identities(merged, 0, groups, terms, 2, NULL));
    CHECK(groups[0] == 7 && groups[1] == 7 && terms[0] == 4 && terms[1] == 4);
    keyviz_matrix_free(merged);
}

static void writes_of_two_terms_are_added_up_and_of_one_are_the_larger(void) {
    keyviz_matrix_t *one = node_matrix("writes", 5, 5, 3, 0), *later = node_matrix("writes", 7, 0, 4, 0);
    keyviz_matrix_t *same = node_matrix("writes", 5, 6, 3, 0);
    keyviz_merge_t *merge = merge_new(plain_merge(KEYVIZ_SERIES_WRITES));
    add_to(merge, one, "a"), add_to(merge, later, "b"), add_to(merge, same, "c");
    keyviz_matrix_t *merged = finished(merge);
    keyviz_matrix_row_t row = row_of(merged, 0);
    CHECK(row.values[0] == 12 && row.values[1] == 6);
    CHECK(row.flags & KEYVIZ_MATRIX_ROW_CONFLICT && row.conflicts && row.conflicts[0] == 0 && row.conflicts[1] == 1);
    keyviz_matrix_free(one);
    keyviz_matrix_free(later);
    keyviz_matrix_free(same);
    keyviz_matrix_free(merged);
}

static void the_tolerance_is_what_is_asked_for(void) {
    const struct {
        int64_t tolerance_ns;
        uint64_t columns;
    } cases[] = {{0, 4}, {2999 * MS, 4}, {3000 * MS, 2}, {KEYVIZ_TOLERANCE_DEFAULT, 2}, {INT64_MAX, 2}};
    keyviz_matrix_t *one = node_matrix("writes", 1, 2, 3, 0), *other = node_matrix("writes", 1, 2, 3, 3000);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        keyviz_merge_options_t options = plain_merge(KEYVIZ_SERIES_WRITES);
        options.column_tolerance_ns = cases[i].tolerance_ns;
        keyviz_merge_t *merge = merge_new(options);
        add_to(merge, one, "a"), add_to(merge, other, "b");
        keyviz_matrix_t *merged = finished(merge);
        CHECK_EQUAL(info_of(merged).columns, cases[i].columns);
        keyviz_matrix_free(merged);
    }
    keyviz_matrix_free(one);
    keyviz_matrix_free(other);
}

static void a_node_counts_once(void) {
    keyviz_matrix_t *matrix = node_matrix("reads", 1, 2, 3, 0);
    keyviz_merge_t *merge = merge_new(plain_merge(KEYVIZ_SERIES_READS));
    CHECK_EQUAL(add_to(merge, matrix, "a"), 1);
    CHECK_EQUAL(add_to(merge, matrix, "a"), 0);
    CHECK_OK(keyviz_merge_add(merge, matrix, "a", 1, NULL, NULL));
    /* The name in the matrix goes before that of the call; without any, each counts. */
    keyviz_sampler_t *sampler = observed();
    keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
    how.series = KEYVIZ_SERIES_READS, how.node = "a", how.node_len = 1;
    keyviz_matrix_t *named = query(sampler, how);
    CHECK_EQUAL(add_to(merge, named, "b"), 0);
    CHECK_EQUAL(add_to(merge, matrix, NULL), 1);
    CHECK_EQUAL(add_to(merge, matrix, NULL), 1);
    keyviz_matrix_t *merged = finished(merge);
    CHECK(info_of(merged).nodes == 3 && row_of(merged, 0).values[0] == 3);
    keyviz_matrix_free(merged);
    keyviz_matrix_free(named);
    keyviz_matrix_free(matrix);
    keyviz_sampler_free(sampler);
}

static void check_node(const keyviz_matrix_t *matrix, size_t i, const char *name, const char *error) {
    keyviz_matrix_node_t node = KEYVIZ_MATRIX_NODE_INIT;
    CHECK_OK(keyviz_matrix_node(matrix, i, &node, NULL));
    CHECK(text_is(node.node, node.node_len, name));
    CHECK(error ? node.error && text_is(node.error, node.error_len, error) : !node.error && node.error_len == 0);
}

static void nodes_that_failed_are_listed_with_the_reason(void) {
    keyviz_matrix_t *matrix = node_matrix("writes", 1, 2, 3, 0);
    keyviz_merge_options_t options = plain_merge(KEYVIZ_SERIES_WRITES);
    options.nodes_expected = 7;
    keyviz_merge_t *merge = merge_new(options);
    add_to(merge, matrix, "a");
    CHECK_OK(keyviz_merge_add_failure(merge, "b", 1, "timed out", 9, NULL));
    CHECK_OK(keyviz_merge_add_failure(merge, "a", 1, "timed out", 9, NULL));
    CHECK_OK(keyviz_merge_add_failure(merge, "c", 1, "refused", 7, NULL));
    CHECK_OK(keyviz_merge_add_failure(merge, "d", 1, NULL, 0, NULL));
    CHECK_EQUAL(add_to(merge, matrix, "c"), 1);
    keyviz_matrix_t *merged = finished(merge);
    keyviz_matrix_info_t info = info_of(merged);
    CHECK(info.nodes == 4 && info.nodes_responded == 2 && info.nodes_expected == 7);
    check_node(merged, 0, "a", NULL);
    check_node(merged, 1, "b", "timed out");
    check_node(merged, 2, "c", NULL);
    check_node(merged, 3, "d", "");
    CHECK_EQUAL(row_of(merged, 0).values[0], 1);
    keyviz_matrix_free(merged);
    keyviz_matrix_free(matrix);
}

static void the_merge_of_one_is_that_one_and_of_none_is_empty(void) {
    keyviz_matrix_t *matrix = observed_writes();
    keyviz_merge_t *merge = merge_new(plain_merge(KEYVIZ_SERIES_WRITES));
    add_to(merge, matrix, NULL);
    keyviz_matrix_t *merged = finished(merge), *none = finished(merge_new(plain_merge(KEYVIZ_SERIES_READS)));
    check_same_matrix(matrix, merged);
    CHECK(info_of(none).rows == 0 && info_of(none).columns == 0 && info_of(none).fanout == 1);
    keyviz_matrix_free(matrix);
    keyviz_matrix_free(merged);
    keyviz_matrix_free(none);
}

static void the_budget_holds_after_merging(void) {
    keyviz_matrix_t *matrix = observed_writes();
    for (uint32_t mode = 0; mode < 2; mode++) {
        keyviz_merge_options_t options = plain_merge(KEYVIZ_SERIES_WRITES);
        options.row_budget = 2;
        options.budget_mode = mode;
        keyviz_merge_t *merge = merge_new(options);
        add_to(merge, matrix, NULL);
        keyviz_matrix_t *merged = finished(merge);
        CHECK_EQUAL(info_of(merged).rows, 2);
        const uint64_t *values = keyviz_matrix_values_view(merged);
        CHECK_EQUAL(values[0] + values[1] + values[2] + values[3], mode == KEYVIZ_BUDGET_TOP ? 7 : 8);
        keyviz_matrix_free(merged);
    }
    keyviz_matrix_free(matrix);
}

/* ---- What is refused. */

static void refuses_options(keyviz_merge_options_t options, int line) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_merge_t *merge = (keyviz_merge_t *)&error;
    keyviz_status_t status = keyviz_merge_new(&options, &merge, &error);
    check_equal((uint64_t)status, KEYVIZ_ERR_INVALID_ARGUMENT, "the status", __FILE__, line);
    check_that(is_told(&error, KEYVIZ_ERR_INVALID_ARGUMENT), "the reason is told", __FILE__, line);
    check_that(merge == (keyviz_merge_t *)&error, "no output was written", __FILE__, line);
}

static void options_without_a_meaning_are_refused(void) {
    const keyviz_merge_options_t plain = KEYVIZ_MERGE_OPTIONS_INIT;
    keyviz_merge_options_t options;
    options = plain, options.series = 4;
    refuses_options(options, __LINE__);
    options = plain, options.budget_mode = 2;
    refuses_options(options, __LINE__);
    options = plain, options.column_tolerance_ns = -2;
    refuses_options(options, __LINE__);
    options = plain, options.column_tolerance_ns = INT64_MIN;
    refuses_options(options, __LINE__);
    options = plain, options.reserved = 1;
    refuses_options(options, __LINE__);
    keyviz_merge_t *merge = NULL;
    CHECK_EQUAL(keyviz_merge_new(NULL, &merge, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_merge_new(&plain, NULL, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK(merge == NULL);
}

static void what_is_refused_changes_nothing(void) {
    keyviz_matrix_t *matrix = node_matrix("writes", 1, 2, 3, 0), *reads = node_matrix("reads", 5, 5, 3, 0);
    keyviz_merge_t *merge = merge_new(plain_merge(KEYVIZ_SERIES_WRITES));
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    uint32_t counted = 99;
    add_to(merge, matrix, "a");
    CHECK_EQUAL(keyviz_merge_add(merge, reads, "b", 1, &counted, &error), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK(is_told(&error, KEYVIZ_ERR_INVALID_ARGUMENT) && strstr(error.message, "reads"));
    CHECK_EQUAL(keyviz_merge_add(merge, matrix, "\xff", 1, &counted, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_merge_add(merge, matrix, NULL, 1, &counted, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_merge_add(merge, NULL, "b", 1, &counted, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_merge_add_failure(merge, "\xff", 1, "r", 1, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_merge_add_failure(merge, "b", 1, "\xff", 1, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_merge_add_failure(merge, NULL, 1, "r", 1, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_merge_add_failure(merge, "b", 1, NULL, 1, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_merge_finish(merge, NULL, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(counted, 99);
    keyviz_matrix_t *merged = finished(merge);
    check_same_matrix(matrix, merged);
    CHECK_EQUAL(info_of(merged).nodes, 1);
    keyviz_matrix_free(merged);
    keyviz_matrix_free(matrix);
    keyviz_matrix_free(reads);
}

static void a_finished_merge_can_only_be_freed(void) {
    keyviz_matrix_t *matrix = node_matrix("writes", 1, 2, 3, 0), *merged = NULL, *again = NULL;
    keyviz_merge_t *merge = merge_new(plain_merge(KEYVIZ_SERIES_WRITES));
    add_to(merge, matrix, "a");
    CHECK_OK(keyviz_merge_finish(merge, &merged, NULL));
    CHECK_EQUAL(keyviz_merge_finish(merge, &again, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_merge_add(merge, matrix, "b", 1, NULL, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_merge_add_failure(merge, "b", 1, "r", 1, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK(again == NULL);
    keyviz_merge_free(merge);
    check_same_matrix(matrix, merged);
    keyviz_matrix_free(merged);
    keyviz_matrix_free(matrix);
}

static void only_a_merge_is_a_merge(void) {
    keyviz_matrix_t *matrix = observed_writes(), *merged = NULL;
    uint64_t *stranger = malloc(sizeof *stranger);
    *stranger = UINT64_C(0x0123456789abcdef);
    keyviz_merge_t *freed = merge_new(plain_merge(KEYVIZ_SERIES_WRITES));
    keyviz_merge_free(freed);
    /* A tool sees that freed memory is looked at, which is as far as it can be noticed. */
    int with_tool = getenv("KEYVIZ_TEST_SHARE") != NULL;
    void *strangers[] = {stranger, (char *)stranger + 1, matrix, with_tool ? (void *)stranger : (void *)freed, NULL};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        keyviz_status_t expected = strangers[i] ? KEYVIZ_ERR_INVALID_HANDLE : KEYVIZ_ERR_NULL_POINTER;
        CHECK_EQUAL(keyviz_merge_add(strangers[i], matrix, NULL, 0, NULL, NULL), expected);
        CHECK_EQUAL(keyviz_merge_add_failure(strangers[i], "b", 1, "r", 1, NULL), expected);
        CHECK_EQUAL(keyviz_merge_finish(strangers[i], &merged, NULL), expected);
        keyviz_merge_free(strangers[i]);
    }
    CHECK(merged == NULL && *stranger == UINT64_C(0x0123456789abcdef) && info_of(matrix).rows == 4);
    keyviz_matrix_free(matrix);
    free(stranger);
}

/* ---- Threads. */

typedef struct {
    keyviz_merge_t *merge;
    const keyviz_matrix_t *matrix;
    int first, wrong;
} adder_t;

enum { THREADS = 4, EACH = 20 };

static void *add_nodes(void *argument) {
    adder_t *self = argument;
    for (int i = 0; i < EACH; i++) {
        char name[16];
        int len = snprintf(name, sizeof name, "n%d", self->first + i);
        uint32_t counted = 0;
        self->wrong += keyviz_merge_add(self->merge, self->matrix, name, (size_t)len, &counted, NULL) != KEYVIZ_OK;
        self->wrong += counted != 1;
    }
    return NULL;
}

static void threads_that_add_to_one_merge_take_turns(void) {
    keyviz_matrix_t *matrix = node_matrix("reads", 1, 2, 3, 0);
    keyviz_merge_t *merge = merge_new(plain_merge(KEYVIZ_SERIES_READS));
    pthread_t threads[THREADS];
    adder_t adders[THREADS];
    for (int i = 0; i < THREADS; i++) {
        adders[i] = (adder_t){merge, matrix, i * EACH, 0};
        CHECK_EQUAL(pthread_create(&threads[i], NULL, add_nodes, &adders[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_EQUAL(adders[i].wrong, 0);
    }
    keyviz_matrix_t *merged = finished(merge);
    CHECK(row_of(merged, 0).values[0] == THREADS * EACH && info_of(merged).nodes == THREADS * EACH);
    keyviz_matrix_free(merged);
    keyviz_matrix_free(matrix);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(reads_of_two_nodes_are_added_up_though_their_clocks_differ);
    RUN(writes_of_two_terms_are_added_up_and_of_one_are_the_larger);
    RUN(the_tolerance_is_what_is_asked_for);
    RUN(a_node_counts_once);
    RUN(nodes_that_failed_are_listed_with_the_reason);
    RUN(the_merge_of_one_is_that_one_and_of_none_is_empty);
    RUN(the_budget_holds_after_merging);
    RUN(options_without_a_meaning_are_refused);
    RUN(what_is_refused_changes_nothing);
    RUN(a_finished_merge_can_only_be_freed);
    RUN(only_a_merge_is_a_merge);
    RUN(threads_that_add_to_one_merge_take_turns);
    return check_summary(argv[0]);
}
