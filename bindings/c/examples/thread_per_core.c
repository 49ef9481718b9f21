/* A thread per core, as engines have that share nothing: each owns a part of the keys and a lane, and counts through it.
 *
 *     cc thread_per_core.c -lkeyviz -pthread -o thread_per_core && ./thread_per_core [cores]
 *
 * keyviz_lane_observe touches memory that no other core writes. A core may also serve what another one owns: any lane
 * counts for any route. The flush comes from a thread of its own, which no core waits for. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <keyviz.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { CORES = 4, REQUESTS = 250000, MINUTE_NS = 5000000 };

typedef struct {
    keyviz_sampler_t *sampler;
    int index, count;
} core_t;

static atomic_bool all_done;

static void must(keyviz_status_t status, const keyviz_error_t *error) {
    if (status == KEYVIZ_OK) return;
    fprintf(stderr, "keyviz: %s\n", error->message);
    exit(1);
}

/* To a core of its own, where there are so many and the system allows it. */
static void pin(int index) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)(index % (int)sysconf(_SC_NPROCESSORS_ONLN)), &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

/* A core's loop: it owns the keys that begin with its letter; each tenth request is for its neighbour's. */
static void *run_core(void *argument) {
    const core_t *core = argument;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_lane_t *lane = NULL;
    pin(core->index);
    must(keyviz_lane_acquire(core->sampler, &lane, &error), &error);
    for (int i = 0; i < REQUESTS; i++) {
        int owner = i % 10 == 9 ? (core->index + 1) % core->count : core->index;
        unsigned char key[5] = {(unsigned char)('a' + owner), (unsigned char)(i >> 16), (unsigned char)(i >> 8), (unsigned char)i, 0};
        uint32_t op = i % 2 == 0 ? KEYVIZ_OP_READ : KEYVIZ_OP_WRITE;
        keyviz_lane_observe(lane, (uint64_t)owner + 1, key, sizeof key, op, 95, KEYVIZ_LABEL_RAWKV);
    }
    keyviz_lane_release(lane); /* what it counted stays */
    return NULL;
}

static void *flush_each_minute(void *argument) {
    keyviz_sampler_t *sampler = argument;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    const struct timespec minute = {0, MINUTE_NS}; /* a short one */
    while (!atomic_load(&all_done)) {
        nanosleep(&minute, NULL);
        must(keyviz_sampler_flush_now(sampler, NULL, &error), &error);
    }
    /* What was counted since the last minute. */
    must(keyviz_sampler_flush_now(sampler, NULL, &error), &error);
    return NULL;
}

int main(int argc, char **argv) {
    core_t cores[26];
    int count = argc > 1 ? atoi(argv[1]) : CORES;
    if (count < 1 || count > 26) {
        fprintf(stderr, "usage: %s [cores, 1 to 26]\n", argv[0]);
        return 2;
    }
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_options_t options = KEYVIZ_OPTIONS_INIT;
    options.max_lanes = (uint32_t)count + 2; /* one for each core; threads that have none share what is left */
    keyviz_sampler_t *sampler = NULL;
    must(keyviz_sampler_new(&options, &sampler, &error), &error);
    for (int i = 0; i < count; i++) {
        const char start = (char)('a' + i), end = (char)('b' + i);
        keyviz_route_t route = KEYVIZ_ROUTE_INIT;
        route.route_id = (uint64_t)i + 1;
        route.start = &start, route.start_len = 1;
        route.end = &end, route.end_len = 1;
        must(keyviz_sampler_register_route(sampler, &route, NULL, &error), &error);
    }

    pthread_t flusher, threads[26];
    if (pthread_create(&flusher, NULL, flush_each_minute, sampler) != 0) abort();
    for (int i = 0; i < count; i++) {
        cores[i] = (core_t){sampler, i, count};
        if (pthread_create(&threads[i], NULL, run_core, &cores[i]) != 0) abort();
    }
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    atomic_store(&all_done, 1);
    pthread_join(flusher, NULL);

    keyviz_matrix_query_t query = KEYVIZ_MATRIX_QUERY_INIT;
    keyviz_matrix_t *matrix = NULL;
    must(keyviz_matrix_query(sampler, &query, &matrix, &error), &error);
    size_t rows = 0, columns = 0;
    keyviz_matrix_shape(matrix, &rows, &columns);
    uint64_t total = 0;
    for (size_t i = 0; i < rows; i++) {
        keyviz_matrix_row_t row = KEYVIZ_MATRIX_ROW_INIT;
        must(keyviz_matrix_row(matrix, i, &row, &error), &error);
        uint64_t writes = 0;
        for (size_t j = 0; j < columns; j++) writes += row.values[j];
        printf("%.*s: %" PRIu64 " writes\n", (int)row.id_len, row.id, writes);
        total += writes;
    }
    printf("all: %" PRIu64 " of %" PRIu64 "\n", total, (uint64_t)count * REQUESTS / 2);

    keyviz_matrix_free(matrix);
    keyviz_sampler_free(sampler);
    return 0;
}
