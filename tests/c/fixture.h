/* Samplers, routes and columns for the tests. Time is made up: it begins at T0. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "check.h"

#define SECOND INT64_C(1000000000)
#define T0 (INT64_C(1700000000) * SECOND)
/* Past every grace at the default step. */
#define LONG_AFTER (3600 * SECOND)

static inline keyviz_options_t plain_options(void) {
    keyviz_options_t options = KEYVIZ_OPTIONS_INIT;
    options.created_ns = T0;
    return options;
}

static inline keyviz_options_t labelled_options(void) {
    keyviz_options_t options = plain_options();
    options.labels_enabled = 1;
    return options;
}

static inline keyviz_sampler_t *sampler_new(keyviz_options_t options) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_sampler_t *sampler = NULL;
    if (keyviz_sampler_new(&options, &sampler, &error) != KEYVIZ_OK || !sampler) {
        fprintf(stderr, "no sampler: %s\n", error.message);
        exit(2);
    }
    return sampler;
}

static inline keyviz_route_t route(uint64_t id, const char *start, const char *end) {
    keyviz_route_t route = KEYVIZ_ROUTE_INIT;
    route.route_id = id;
    route.group_id = id + 1000;
    route.start = start;
    route.start_len = strlen(start);
    route.end = end;
    route.end_len = strlen(end);
    return route;
}

static inline keyviz_status_t add(keyviz_sampler_t *sampler, uint64_t id, const char *start, const char *end) {
    keyviz_route_t one = route(id, start, end);
    return keyviz_sampler_register_route(sampler, &one, NULL, NULL);
}

static inline keyviz_status_t write_to(keyviz_sampler_t *sampler, uint64_t id, const char *key, uint32_t label) {
    return keyviz_observe(sampler, id, key, strlen(key), KEYVIZ_OP_WRITE, 10, label);
}

static inline keyviz_stats_t stats_of(const keyviz_sampler_t *sampler) {
    keyviz_stats_t stats = KEYVIZ_STATS_INIT;
    CHECK_OK(keyviz_sampler_stats(sampler, &stats));
    return stats;
}

/* Memory of exactly the size that is asked for, so that a tool sees the first byte past it being touched. */
static inline void *exactly(size_t size) {
    void *memory = malloc(size ? size : 1);
    if (!memory) abort();
    memset(memory, 0xa5, size ? size : 1);
    return memory;
}

static inline keyviz_column_buffer_t column_with(size_t rows, size_t arena) {
    keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
    column.row_capacity = rows;
    column.arena_capacity = arena;
    column.rows = rows ? exactly(rows * sizeof(keyviz_row_t)) : NULL;
    column.arena = arena ? exactly(arena) : NULL;
    return column;
}

static inline void column_free(keyviz_column_buffer_t *column) {
    free(column->rows);
    free(column->arena);
    column->rows = NULL;
    column->arena = NULL;
}

/* Drains into memory that just holds it. */
static inline keyviz_column_buffer_t drain(keyviz_sampler_t *sampler, int64_t now_ns) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
    keyviz_status_t status;
    while ((status = keyviz_sampler_drain(sampler, now_ns, &column, &error)) == KEYVIZ_ERR_BUFFER_TOO_SMALL) {
        size_t rows = column.row_count, arena = column.arena_used;
        column_free(&column);
        column = column_with(rows, arena);
    }
    check_equal((uint64_t)status, KEYVIZ_OK, "the status of a drain", __FILE__, __LINE__);
    return column;
}

/* All operations in what a drain gives. */
static inline uint64_t drained_operations(keyviz_sampler_t *sampler, int64_t now_ns) {
    keyviz_column_buffer_t column = drain(sampler, now_ns);
    uint64_t operations = 0;
    for (size_t i = 0; i < column.row_count; i++) operations += column.rows[i].reads + column.rows[i].writes;
    column_free(&column);
    return operations;
}

static inline int bytes_are(const keyviz_column_buffer_t *column, uint64_t offset, uint32_t len, const char *expected) {
    return len == strlen(expected) && (!len || memcmp((const char *)column->arena + offset, expected, len) == 0);
}

static inline int is_filled(const void *memory, unsigned char byte, size_t size) {
    const unsigned char *bytes = memory;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != byte) return 0;
    }
    return 1;
}

/* An error is filled: its status, and a reason that ends. */
static inline int is_told(const keyviz_error_t *error, keyviz_status_t status) {
    return error->status == status && error->message[0] != 0 &&
           memchr(error->message, 0, sizeof error->message) != NULL;
}

#endif
