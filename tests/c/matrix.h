/* Matrices for the tests, and how two are compared. */
#ifndef MATRIX_H
#define MATRIX_H

#include "fixture.h"

#define MINUTE (60 * SECOND)
#define MS INT64_C(1000000)

static inline int text_is(const void *text, size_t len, const char *expected) {
    return len == strlen(expected) && (!len || memcmp(text, expected, len) == 0);
}

/* Whether `expected` stands in some bytes that have no end of their own. */
static inline int holds(const void *bytes, size_t len, const char *expected) {
    size_t wanted = strlen(expected);
    for (size_t i = 0; i + wanted <= len; i++) {
        if (memcmp((const char *)bytes + i, expected, wanted) == 0) return 1;
    }
    return 0;
}

static inline void observe(keyviz_sampler_t *sampler, uint64_t route_id, uint32_t op, uint32_t label, int times) {
    for (int i = 0; i < times; i++) CHECK_OK(keyviz_observe(sampler, route_id, "k", 1, op, 9, label));
}

/* Two routes and two columns. Writes by row: dynamo 1 0, redis 2 0 (of route 1, from "" to "m"); legacy 0 0, redis 0 5 (of
 * route 2, from "m"). Reads: the legacy row 3 0. Bytes: 10 of each. Groups are 1001 and 1002, the term of 1001 is 7, then
 * 8. Afterwards something is counted that is not flushed. */
static inline keyviz_sampler_t *observed(void) {
    keyviz_sampler_t *sampler = sampler_new(labelled_options());
    CHECK_OK(add(sampler, 1, "", "m"));
    CHECK_OK(add(sampler, 2, "m", ""));
    CHECK_OK(keyviz_sampler_set_leader_term(sampler, 1001, 7));
    observe(sampler, 1, KEYVIZ_OP_WRITE, KEYVIZ_LABEL_DYNAMO, 1);
    observe(sampler, 1, KEYVIZ_OP_WRITE, KEYVIZ_LABEL_REDIS, 2);
    observe(sampler, 2, KEYVIZ_OP_READ, KEYVIZ_LABEL_LEGACY, 3);
    CHECK_OK(keyviz_sampler_flush(sampler, T0 + MINUTE, NULL, NULL));
    CHECK_OK(keyviz_sampler_set_leader_term(sampler, 1001, 8));
    observe(sampler, 1, KEYVIZ_OP_READ, KEYVIZ_LABEL_DYNAMO, 1);
    observe(sampler, 2, KEYVIZ_OP_WRITE, KEYVIZ_LABEL_REDIS, 5);
    CHECK_OK(keyviz_sampler_flush(sampler, T0 + 2 * MINUTE, NULL, NULL));
    observe(sampler, 1, KEYVIZ_OP_WRITE, KEYVIZ_LABEL_S3, 100);
    return sampler;
}

static inline keyviz_matrix_t *query(const keyviz_sampler_t *sampler, keyviz_matrix_query_t how) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_matrix_t *matrix = NULL;
    if (keyviz_matrix_query(sampler, &how, &matrix, &error) != KEYVIZ_OK || !matrix) {
        fprintf(stderr, "no matrix: %s\n", error.message);
        exit(2);
    }
    return matrix;
}

/* What `observed` wrote. */
static inline keyviz_matrix_t *observed_writes(void) {
    keyviz_sampler_t *sampler = observed();
    keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
    keyviz_matrix_t *matrix = query(sampler, how);
    keyviz_sampler_free(sampler);
    return matrix;
}

static inline keyviz_matrix_t *read_json(const char *json) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_matrix_t *matrix = NULL;
    if (keyviz_matrix_from_json(json, strlen(json), NULL, &matrix, &error) != KEYVIZ_OK || !matrix) {
        fprintf(stderr, "no matrix: %s\n", error.message);
        exit(2);
    }
    return matrix;
}

static inline keyviz_matrix_row_t row_of(const keyviz_matrix_t *matrix, size_t i) {
    keyviz_matrix_row_t row = KEYVIZ_MATRIX_ROW_INIT;
    CHECK_OK(keyviz_matrix_row(matrix, i, &row, NULL));
    return row;
}

static inline keyviz_matrix_info_t info_of(const keyviz_matrix_t *matrix) {
    keyviz_matrix_info_t info = KEYVIZ_MATRIX_INFO_INIT;
    CHECK_OK(keyviz_matrix_info(matrix, &info, NULL));
    return info;
}

/* The row of this id; the tests go on with the first one if there is none. */
static inline size_t find_row(const keyviz_matrix_t *matrix, const char *id) {
    size_t rows = (size_t)info_of(matrix).rows;
    for (size_t i = 0; i < rows; i++) {
        keyviz_matrix_row_t row = row_of(matrix, i);
        if (text_is(row.id, row.id_len, id)) return i;
    }
    check_that(0, id, __FILE__, __LINE__);
    return 0;
}

/* A form of a matrix, or of whatever `of` is. */
typedef keyviz_status_t to_bytes_t(const void *of, void *buffer, size_t capacity, size_t *size, keyviz_error_t *error);

static inline keyviz_status_t json_of(const void *of, void *buffer, size_t capacity, size_t *size, keyviz_error_t *error) {
    return keyviz_matrix_to_json(of, buffer, capacity, size, error);
}

static inline keyviz_status_t proto_of(const void *of, void *buffer, size_t capacity, size_t *size, keyviz_error_t *error) {
    return keyviz_matrix_to_proto(of, buffer, capacity, size, error);
}

/* Asks for the size, then for the bytes. They are to be freed. */
static inline unsigned char *made(to_bytes_t *make, const void *of, size_t *size) {
    keyviz_status_t status = make(of, NULL, 0, size, NULL);
    CHECK(status == KEYVIZ_ERR_BUFFER_TOO_SMALL || (status == KEYVIZ_OK && *size == 0));
    unsigned char *bytes = exactly(*size);
    CHECK_OK(make(of, bytes, *size, size, NULL));
    return bytes;
}

static inline void check_same_bytes(to_bytes_t *make, const void *one, const void *other) {
    size_t size[2];
    unsigned char *a = made(make, one, &size[0]), *b = made(make, other, &size[1]);
    CHECK(size[0] == size[1] && memcmp(a, b, size[0]) == 0);
    free(a);
    free(b);
}

/* Equal in everything but when, by whom and out of what they were made. */
static inline void check_same_matrix(const keyviz_matrix_t *one, const keyviz_matrix_t *other) {
    keyviz_matrix_info_t a = info_of(one), b = info_of(other);
    CHECK(a.rows == b.rows && a.columns == b.columns && a.series == b.series);
    if (a.rows != b.rows || a.columns != b.columns) return;
    size_t rows = (size_t)a.rows, columns = (size_t)a.columns;
    int64_t *times[2] = {exactly(columns * 8), exactly(columns * 8)};
    CHECK_OK(keyviz_matrix_columns(one, times[0], columns, NULL));
    CHECK_OK(keyviz_matrix_columns(other, times[1], columns, NULL));
    CHECK(memcmp(times[0], times[1], columns * 8) == 0);
    CHECK(memcmp(keyviz_matrix_values_view(one), keyviz_matrix_values_view(other), rows * columns * 8) == 0);
    uint64_t *known[4];
    for (int i = 0; i < 4; i++) known[i] = exactly(columns * 8);
    for (size_t i = 0; i < rows; i++) {
        keyviz_matrix_row_t x = row_of(one, i), y = row_of(other, i);
        CHECK(x.id_len == y.id_len && memcmp(x.id, y.id, x.id_len) == 0);
        CHECK(x.label_len == y.label_len && memcmp(x.label, y.label, x.label_len) == 0);
        CHECK(x.start_len == y.start_len && memcmp(x.start, y.start, x.start_len) == 0);
        CHECK(x.end_len == y.end_len && memcmp(x.end, y.end, x.end_len) == 0);
        CHECK(x.route_ids_count == y.route_ids_count);
        CHECK(memcmp(x.route_ids, y.route_ids, x.route_ids_count * 8) == 0);
        CHECK(x.route_count == y.route_count && x.flags == y.flags);
        CHECK(!x.conflicts == !y.conflicts && (!x.conflicts || memcmp(x.conflicts, y.conflicts, columns) == 0));
        CHECK_OK(keyviz_matrix_identities(one, i, known[0], known[1], columns, NULL));
        CHECK_OK(keyviz_matrix_identities(other, i, known[2], known[3], columns, NULL));
        CHECK(memcmp(known[0], known[2], columns * 8) == 0 && memcmp(known[1], known[3], columns * 8) == 0);
    }
    for (int i = 0; i < 4; i++) free(known[i]);
    free(times[0]);
    free(times[1]);
}

#endif
