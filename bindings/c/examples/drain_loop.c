/* A host that keeps its own history: one thread drains a column each step into memory of the host, while others serve.
 *
 *     cc drain_loop.c -lkeyviz -pthread -o drain_loop && ./drain_loop
 *
 * The sampler has no history of its own (history_off). The host keeps the newest COLUMNS columns in a ring, and makes a
 * matrix from them when somebody asks. The step is 20 ms here, so that the example ends soon; 60 s is what servers take. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <keyviz.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SERVERS = 3, REQUESTS = 80000, ROUTES = 4, COLUMNS = 1000 };

/* The columns that the host keeps, the oldest first to go. */
typedef struct {
    keyviz_column_buffer_t columns[COLUMNS];
    size_t count;
} history_t;

typedef struct {
    keyviz_sampler_t *sampler;
    atomic_bool stopping;
    history_t history;
} host_t;

static void must(keyviz_status_t status, const keyviz_error_t *error) {
    if (status == KEYVIZ_OK) return;
    fprintf(stderr, "keyviz: %s\n", error->message);
    exit(1);
}

static void column_free(keyviz_column_buffer_t *column) {
    free(column->rows);
    free(column->arena);
}

/* Commits a column into memory of its own. If it doesn't fit, nothing was drained: make room and ask again. */
static keyviz_column_buffer_t drain(keyviz_sampler_t *sampler) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
    keyviz_status_t status;
    while ((status = keyviz_sampler_drain_now(sampler, &column, &error)) == KEYVIZ_ERR_BUFFER_TOO_SMALL) {
        /* Somewhat more than it takes now: traffic may have added rows by the next call. */
        column.row_capacity = column.row_count + column.row_count / 4 + 8;
        column.arena_capacity = column.arena_used + column.arena_used / 4 + 64;
        column.rows = realloc(column.rows, column.row_capacity * sizeof *column.rows);
        column.arena = realloc(column.arena, column.arena_capacity);
        if (!column.rows || !column.arena) abort();
    }
    must(status, &error);
    return column;
}

/* A column without rows says nothing, and is not kept. */
static void keep(history_t *history, keyviz_column_buffer_t column) {
    if (column.row_count == 0) {
        column_free(&column);
        return;
    }
    keyviz_column_buffer_t *place = &history->columns[history->count++ % COLUMNS];
    column_free(place);
    *place = column;
}

static void *drain_each_step(void *argument) {
    host_t *host = argument;
    const struct timespec step = {0, 20000000};
    while (!atomic_load(&host->stopping)) {
        nanosleep(&step, NULL);
        keep(&host->history, drain(host->sampler));
    }
    /* What was counted since the last step. */
    keep(&host->history, drain(host->sampler));
    return NULL;
}

/* A server: every key of every route in turn, three reads for each write. */
static void *serve(void *argument) {
    host_t *host = argument;
    for (int i = 0; i < REQUESTS; i++) {
        char key[16];
        int route = i % ROUTES;
        size_t length = (size_t)snprintf(key, sizeof key, "%c%06d", 'a' + route, i);
        uint32_t op = i / ROUTES % 4 == 0 ? KEYVIZ_OP_WRITE : KEYVIZ_OP_READ;
        keyviz_observe(host->sampler, (uint64_t)route + 1, key, length, op, 93, KEYVIZ_LABEL_RAWKV);
    }
    return NULL;
}

/* What the host's own history holds of a series, row by row. */
static void print_totals(const history_t *history, const char *title, uint32_t series) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_matrix_query_t query = KEYVIZ_MATRIX_QUERY_INIT;
    query.series = series;
    const keyviz_column_buffer_t *columns[COLUMNS];
    size_t kept = history->count < COLUMNS ? history->count : COLUMNS;
    for (size_t i = 0; i < kept; i++) columns[i] = &history->columns[i]; /* in any order */
    keyviz_matrix_t *matrix = NULL;
    must(keyviz_matrix_from_columns(columns, kept, &query, &matrix, &error), &error);

    size_t rows = 0, width = 0;
    keyviz_matrix_shape(matrix, &rows, &width);
    printf("%s\n", title);
    for (size_t i = 0; i < rows; i++) {
        keyviz_matrix_row_t row = KEYVIZ_MATRIX_ROW_INIT;
        must(keyviz_matrix_row(matrix, i, &row, &error), &error);
        uint64_t total = 0;
        for (size_t j = 0; j < width; j++) total += row.values[j];
        if (total) printf("  %-15.*s %9" PRIu64 "\n", (int)row.id_len, row.id, total);
    }
    keyviz_matrix_free(matrix);
}

int main(void) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_options_t options = KEYVIZ_OPTIONS_INIT;
    options.labels_enabled = 1;
    options.history_off = 1; /* the host has one */
    static host_t host;      /* zeros: no column, not stopping */
    must(keyviz_sampler_new(&options, &host.sampler, &error), &error);
    for (int i = 0; i < ROUTES; i++) {
        const char start = (char)('a' + i), end = (char)('b' + i);
        keyviz_route_t route = KEYVIZ_ROUTE_INIT;
        route.route_id = (uint64_t)i + 1;
        route.start = &start, route.start_len = 1;
        route.end = &end, route.end_len = 1;
        must(keyviz_sampler_register_route(host.sampler, &route, NULL, &error), &error);
    }

    pthread_t drainer, servers[SERVERS];
    if (pthread_create(&drainer, NULL, drain_each_step, &host) != 0) abort();
    for (int i = 0; i < SERVERS; i++) {
        if (pthread_create(&servers[i], NULL, serve, &host) != 0) abort();
    }
    for (int i = 0; i < SERVERS; i++) pthread_join(servers[i], NULL);
    atomic_store(&host.stopping, 1);
    pthread_join(drainer, NULL);

    print_totals(&host.history, "reads", KEYVIZ_SERIES_READS);
    print_totals(&host.history, "writes", KEYVIZ_SERIES_WRITES);
    print_totals(&host.history, "bytes written", KEYVIZ_SERIES_WRITE_BYTES);

    for (size_t i = 0; i < COLUMNS; i++) column_free(&host.history.columns[i]);
    keyviz_sampler_free(host.sampler);
    return 0;
}
