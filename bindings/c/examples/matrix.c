/* Counts an hour of requests, prints what each row got, and writes the heatmap as a page and as JSON.
 *
 *     cc matrix.c -lkeyviz -o matrix && ./matrix heatmap.html matrix.json
 *
 * The hour is made up: 60 steps of a minute. A server would call keyviz_sampler_flush_now once a minute instead, and make
 * matrices when somebody asks. Open heatmap.html in a browser; it needs no network. */
#include <inttypes.h>
#include <keyviz.h>
#include <stdio.h>
#include <stdlib.h>

#define MINUTE INT64_C(60000000000)

enum { ORDERS = 1, USERS = 2 };

/* Every call that can fail returns a status; most also tell why, in an error that needs no freeing. */
static void must(keyviz_status_t status, const keyviz_error_t *error) {
    if (status == KEYVIZ_OK) return;
    fprintf(stderr, "keyviz: %s\n", error->message);
    exit(1);
}

static keyviz_sampler_t *sampler_with_routes(int64_t begin_ns) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_options_t options = KEYVIZ_OPTIONS_INIT;
    options.created_ns = begin_ns;
    options.labels_enabled = 1;        /* a row for each front end, not one per route */
    options.key_buckets_per_route = 8; /* and for each eighth of a route's keys */
    keyviz_sampler_t *sampler = NULL;
    must(keyviz_sampler_new(&options, &sampler, &error), &error);

    keyviz_route_t orders = KEYVIZ_ROUTE_INIT, users = KEYVIZ_ROUTE_INIT;
    orders.route_id = ORDERS;
    orders.start = "o", orders.start_len = 1;
    orders.end = "p", orders.end_len = 1;
    users.route_id = USERS;
    users.start = "u", users.start_len = 1;
    users.end = "z", users.end_len = 1;
    must(keyviz_sampler_register_route(sampler, &orders, NULL, &error), &error);
    must(keyviz_sampler_register_route(sampler, &users, NULL, &error), &error);
    return sampler;
}

/* A minute of traffic: orders are appended at the end of their keys, users are all over theirs, and for five minutes a job
 * reads them all. */
static void serve(keyviz_sampler_t *sampler, int minute) {
    char key[8];
    for (int i = 0; i < 1000; i++) {
        int n = snprintf(key, sizeof key, "o%c%03d", minute * 4, i);
        keyviz_observe(sampler, ORDERS, key, (size_t)n, KEYVIZ_OP_WRITE, 200, KEYVIZ_LABEL_DYNAMO);
        n = snprintf(key, sizeof key, "%c%c%03d", 'u' + i % 5, 'a' + i % 26, i);
        keyviz_observe(sampler, USERS, key, (size_t)n, KEYVIZ_OP_WRITE, 80, KEYVIZ_LABEL_REDIS);
        if (minute / 5 == 6) keyviz_observe(sampler, USERS, key, (size_t)n, KEYVIZ_OP_READ, 80, KEYVIZ_LABEL_S3);
    }
}

/* What the sampler's history holds of a series. */
static keyviz_matrix_t *matrix_of(const keyviz_sampler_t *sampler, uint32_t series) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_matrix_query_t query = KEYVIZ_MATRIX_QUERY_INIT;
    query.series = series;
    query.budget_mode = KEYVIZ_BUDGET_MERGE; /* over 1024 rows, cold neighbours become one */
    keyviz_matrix_t *matrix = NULL;
    must(keyviz_matrix_query(sampler, &query, &matrix, &error), &error);
    return matrix;
}

static void print_rows(const char *title, const keyviz_matrix_t *matrix) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    size_t rows = 0, columns = 0;
    keyviz_matrix_shape(matrix, &rows, &columns);
    printf("%s: %zu rows x %zu columns\n", title, rows, columns);
    for (size_t i = 0; i < rows; i++) {
        keyviz_matrix_row_t row = KEYVIZ_MATRIX_ROW_INIT;
        must(keyviz_matrix_row(matrix, i, &row, &error), &error);
        uint64_t total = 0;
        for (size_t j = 0; j < columns; j++) total += row.values[j];
        /* Neither ids nor keys are terminated. */
        printf("  %-20.*s %8" PRIu64 "\n", (int)row.id_len, row.id, total);
    }
}

static void save(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

/* Asks for the size first, then for the bytes. */
static void save_json(const char *path, const keyviz_matrix_t *matrix) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    size_t size = 0;
    keyviz_matrix_to_json(matrix, NULL, 0, &size, NULL);
    char *json = malloc(size);
    if (!json) abort();
    must(keyviz_matrix_to_json(matrix, json, size, &size, &error), &error);
    save(path, json, size);
    free(json);
}

static void save_page(const char *path, const keyviz_matrix_t *const *matrices, size_t count) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    const char title[] = "An hour of orders and users";
    size_t size = 0;
    keyviz_matrix_to_html(matrices, count, title, sizeof title - 1, NULL, 0, &size, NULL);
    char *page = malloc(size);
    if (!page) abort();
    must(keyviz_matrix_to_html(matrices, count, title, sizeof title - 1, page, size, &size, &error), &error);
    save(path, page, size);
    free(page);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s PAGE.html MATRIX.json\n", argv[0]);
        return 2;
    }
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    const int64_t begin_ns = INT64_C(1700000000) * 1000000000;
    keyviz_sampler_t *sampler = sampler_with_routes(begin_ns);
    for (int minute = 0; minute < 60; minute++) {
        serve(sampler, minute);
        must(keyviz_sampler_flush(sampler, begin_ns + (minute + 1) * MINUTE, NULL, &error), &error);
    }

    keyviz_matrix_t *writes = matrix_of(sampler, KEYVIZ_SERIES_WRITES), *reads = matrix_of(sampler, KEYVIZ_SERIES_READS);
    keyviz_sampler_free(sampler); /* matrices stand by themselves */
    print_rows("writes", writes);
    print_rows("reads", reads);
    const keyviz_matrix_t *both[] = {writes, reads};
    save_page(argv[1], both, 2);
    save_json(argv[2], writes);

    keyviz_matrix_free(writes);
    keyviz_matrix_free(reads);
    return 0;
}
