/* Replays a trace of a key-value store in batches, and prints what each minute got and what it came to.
 *
 *     cc replay.c -lkeyviz -o replay && zstd -dc trace.csv.zst | ./replay [page.html]
 *
 * The trace is CSV on the standard input: a head line, then a line per access, in the order of time:
 * ts_ms,label,op,key,key_len,value_len, where op is r or w. keyviz_observe_batch counts up to BATCH accesses in one call.
 * Each minute of the trace becomes a column. */
#include <inttypes.h>
#include <keyviz.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_MS INT64_C(60000)

enum { BATCH = 1024, LINE = 4096, ROUTE = 1 };

/* Accesses that wait to be counted, and their keys. */
typedef struct {
    keyviz_observation_t observations[BATCH];
    char keys[BATCH][LINE];
    size_t count;
} batch_t;

typedef struct {
    int64_t ts_ms;
    keyviz_observation_t observation;
} access_t;

static void must(keyviz_status_t status, const keyviz_error_t *error) {
    if (status == KEYVIZ_OK) return;
    fprintf(stderr, "keyviz: %s\n", error->message);
    exit(1);
}

static void refuse(uint64_t line, const char *what) {
    fprintf(stderr, "line %" PRIu64 ": %s\n", line, what);
    exit(1);
}

/* Cuts the next field off. */
static char *field(char **rest) {
    char *begin = *rest;
    if (!begin) return NULL;
    char *comma = strchr(begin, ',');
    *rest = comma ? comma + 1 : NULL;
    if (comma) *comma = 0;
    return begin;
}

static uint64_t number(const char *text, uint64_t line, const char *name) {
    char *end = NULL;
    uint64_t value = text && *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    if (!end || *end) refuse(line, name);
    return value;
}

/* The access that a line tells of; its key stays in the line. */
static access_t parse(char *text, uint64_t line) {
    char *rest = text;
    text[strcspn(text, "\r\n")] = 0;
    access_t access = {0, {ROUTE, NULL, 0, 0, KEYVIZ_OP_READ, KEYVIZ_LABEL_LEGACY}};
    access.ts_ms = (int64_t)number(field(&rest), line, "ts_ms is no number");
    const char *label = field(&rest), *op = field(&rest);
    if (!label || keyviz_label_from_name(label, strlen(label), &access.observation.label) != KEYVIZ_OK) refuse(line, "no such label");
    if (!op || (strcmp(op, "r") != 0 && strcmp(op, "w") != 0)) refuse(line, "op is neither r nor w");
    access.observation.op = *op == 'w' ? KEYVIZ_OP_WRITE : KEYVIZ_OP_READ;
    access.observation.key = field(&rest);
    access.observation.key_len = (size_t)number(field(&rest), line, "key_len is no number");
    access.observation.value_len = number(field(&rest), line, "value_len is no number");
    if (access.observation.key_len != strlen(access.observation.key)) refuse(line, "key_len is not the key's length");
    return access;
}

static void count_batch(keyviz_sampler_t *sampler, batch_t *batch) {
    size_t counted = 0;
    keyviz_status_t status = keyviz_observe_batch(sampler, batch->observations, batch->count, &counted);
    if (status != KEYVIZ_OK) refuse(counted, "an access was not counted");
    batch->count = 0;
}

static void add(keyviz_sampler_t *sampler, batch_t *batch, keyviz_observation_t observation) {
    memcpy(batch->keys[batch->count], observation.key, observation.key_len);
    observation.key = batch->keys[batch->count];
    batch->observations[batch->count++] = observation;
    if (batch->count == BATCH) count_batch(sampler, batch);
}

/* Commits the column of a minute, and prints its sums if it has any. */
static void end_minute(keyviz_sampler_t *sampler, batch_t *batch, int64_t minute, uint64_t sums[4]) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    static keyviz_row_t rows[64]; /* one route has a row per label */
    static uint64_t arena[64];
    keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
    column.rows = rows, column.row_capacity = sizeof rows / sizeof *rows;
    column.arena = arena, column.arena_capacity = sizeof arena;
    count_batch(sampler, batch);
    must(keyviz_sampler_drain(sampler, (minute + 1) * MINUTE_MS * 1000000, &column, &error), &error);
    if (column.row_count == 0) return;
    uint64_t now[4] = {0, 0, 0, 0};
    for (size_t i = 0; i < column.row_count; i++) {
        now[0] += rows[i].reads, now[1] += rows[i].read_bytes, now[2] += rows[i].writes, now[3] += rows[i].write_bytes;
    }
    printf("%" PRId64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", minute, now[0], now[1], now[2], now[3]);
    for (int i = 0; i < 4; i++) sums[i] += now[i];
}

static void save_page(const char *path, const keyviz_sampler_t *sampler) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_matrix_t *series[2] = {NULL, NULL};
    for (uint32_t i = 0; i < 2; i++) {
        keyviz_matrix_query_t query = KEYVIZ_MATRIX_QUERY_INIT;
        query.series = i == 0 ? KEYVIZ_SERIES_READS : KEYVIZ_SERIES_WRITES;
        must(keyviz_matrix_query(sampler, &query, &series[i], &error), &error);
    }
    const keyviz_matrix_t *both[2] = {series[0], series[1]};
    size_t size = 0;
    keyviz_matrix_to_html(both, 2, "Replay", 6, NULL, 0, &size, NULL);
    char *page = malloc(size);
    if (!page) abort();
    must(keyviz_matrix_to_html(both, 2, "Replay", 6, page, size, &size, &error), &error);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(page, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    free(page);
    keyviz_matrix_free(series[0]);
    keyviz_matrix_free(series[1]);
}

int main(int argc, char **argv) {
    static batch_t batch;
    char line[LINE];
    if (!fgets(line, sizeof line, stdin) || strncmp(line, "ts_ms,label,op,key,key_len,value_len", 36) != 0) {
        fprintf(stderr, "usage: %s [page.html] <trace.csv\n", argv[0]);
        return 2;
    }

    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_sampler_t *sampler = NULL;
    uint64_t lines = 1, sums[4] = {0, 0, 0, 0};
    int64_t minute = 0, last_ms = 0;
    while (fgets(line, sizeof line, stdin)) {
        lines++;
        if (!strchr(line, '\n') && !feof(stdin)) refuse(lines, "it is too long");
        access_t access = parse(line, lines);
        if (!sampler) {
            /* The clock is the trace's. */
            keyviz_options_t options = KEYVIZ_OPTIONS_INIT;
            options.labels_enabled = 1;
            minute = access.ts_ms / MINUTE_MS;
            options.created_ns = minute * MINUTE_MS * 1000000;
            must(keyviz_sampler_new(&options, &sampler, &error), &error);
            keyviz_route_t route = KEYVIZ_ROUTE_INIT; /* the whole key space */
            route.route_id = ROUTE;
            must(keyviz_sampler_register_route(sampler, &route, NULL, &error), &error);
        } else if (access.ts_ms < last_ms) {
            refuse(lines, "it is older than the line before");
        }
        last_ms = access.ts_ms;
        /* Minutes without traffic have a column, too, so that the heatmap shows them. */
        for (; minute < access.ts_ms / MINUTE_MS; minute++) end_minute(sampler, &batch, minute, sums);
        add(sampler, &batch, access.observation);
    }
    if (!sampler) refuse(lines, "the trace is empty");
    end_minute(sampler, &batch, minute, sums);
    printf("reads %" PRIu64 " %" PRIu64 ", writes %" PRIu64 " %" PRIu64 "\n", sums[0], sums[1], sums[2], sums[3]);
    if (argc > 1) save_page(argv[1], sampler);
    keyviz_sampler_free(sampler);
    return 0;
}
