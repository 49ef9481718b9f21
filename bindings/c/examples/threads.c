/* Counts requests from several threads, and prints where they went.
 *
 *     cc threads.c -lkeyviz -pthread -o threads && ./threads
 *
 * Two routes, four front ends. Two of them call keyviz_observe, which gives each thread its own counters by itself;
 * two hold a lane, for hosts that know their threads and want the last few nanoseconds. */
#include <inttypes.h>
#include <keyviz.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { ORDERS = 1, USERS = 2, REQUESTS = 100000 };

typedef struct {
    keyviz_sampler_t *sampler;
    uint32_t label;
    int with_lane;
} front_end_t;

/* Every call that can fail returns a status; most also tell why, in an error that needs no freeing. */
static void must(keyviz_status_t status, const keyviz_error_t *error) {
    if (status == KEYVIZ_OK) return;
    fprintf(stderr, "keyviz: %s\n", error->message);
    exit(1);
}

static void add_route(keyviz_sampler_t *sampler, uint64_t id, const char *start, size_t start_len, const char *end,
                      size_t end_len) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_route_t route = KEYVIZ_ROUTE_INIT;
    route.route_id = id;
    route.start = start;
    route.start_len = start_len;
    route.end = end;
    route.end_len = end_len; /* 0: no end */
    must(keyviz_sampler_register_route(sampler, &route, NULL, &error), &error);
}

/* A front end: one read of an order for each three writes of users. */
static void *serve(void *argument) {
    const front_end_t *self = argument;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_lane_t *lane = NULL;
    if (self->with_lane) must(keyviz_lane_acquire(self->sampler, &lane, &error), &error);
    for (int i = 0; i < REQUESTS; i++) {
        int reads = i % 4 == 0;
        char key[32];
        size_t length = (size_t)snprintf(key, sizeof key, "%s/%06d", reads ? "order" : "user", i);
        uint64_t route = reads ? ORDERS : USERS;
        uint32_t op = reads ? KEYVIZ_OP_READ : KEYVIZ_OP_WRITE;
        /* What these return says whether the request was counted. A server serves it either way. */
        if (lane) keyviz_lane_observe(lane, route, key, length, op, 100, self->label);
        else keyviz_observe(self->sampler, route, key, length, op, 100, self->label);
    }
    keyviz_lane_release(lane);
    return NULL;
}

/* Commits a column into memory of our own. If it doesn't fit, nothing was drained: make room and ask again. */
static keyviz_column_buffer_t drain(keyviz_sampler_t *sampler) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
    keyviz_status_t status;
    while ((status = keyviz_sampler_drain_now(sampler, &column, &error)) == KEYVIZ_ERR_BUFFER_TOO_SMALL) {
        /* Somewhat more than it takes now: traffic may have added rows by the next call. */
        column.row_capacity = column.row_count * 2;
        column.arena_capacity = column.arena_used * 2;
        column.rows = realloc(column.rows, column.row_capacity * sizeof *column.rows);
        column.arena = realloc(column.arena, column.arena_capacity);
        if (!column.rows || (column.arena_capacity && !column.arena)) abort();
    }
    must(status, &error);
    return column;
}

static void print(const keyviz_column_buffer_t *column) {
    printf("%-20s %8s %8s %10s %8s\n", "row", "reads", "writes", "bytes", "total");
    for (size_t i = 0; i < column->row_count; i++) {
        const keyviz_row_t *row = &column->rows[i];
        char id[64];
        snprintf(id, sizeof id, "route:%" PRIu64 " / %s", row->route_id, keyviz_label_name(row->label));
        printf("%-20s %8" PRIu64 " %8" PRIu64 " %10" PRIu64 " %8" PRIu64 "\n", id, row->reads, row->writes,
               row->read_bytes + row->write_bytes, row->reads + row->writes);
    }
}

int main(void) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_options_t options = KEYVIZ_OPTIONS_INIT;
    options.labels_enabled = 1; /* a row for each front end, not one per route */
    options.history_off = 1;    /* we only drain */
    keyviz_sampler_t *sampler = NULL;
    must(keyviz_sampler_new(&options, &sampler, &error), &error);

    add_route(sampler, ORDERS, "", 0, "p", 1);
    add_route(sampler, USERS, "p", 1, "", 0);

    front_end_t front_ends[] = {
        {sampler, KEYVIZ_LABEL_DYNAMO, 0},
        {sampler, KEYVIZ_LABEL_REDIS, 0},
        {sampler, KEYVIZ_LABEL_S3, 1},
        {sampler, KEYVIZ_LABEL_RAWKV, 1},
    };
    enum { THREADS = sizeof front_ends / sizeof *front_ends };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, serve, &front_ends[i]) != 0) abort();
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);

    /* A server does this every step, say each 60 s, while its threads go on counting. */
    keyviz_column_buffer_t column = drain(sampler);
    print(&column);

    free(column.rows);
    free(column.arena);
    keyviz_sampler_free(sampler);
    return 0;
}
