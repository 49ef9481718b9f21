/* Nanoseconds per labelled write observation through the C API, one line per case:
 *
 *     case routes threads ns
 *
 * Usage: observe [milliseconds per case]. See benches/observe.py, which runs it beside its peers. */
#define _POSIX_C_SOURCE 200809L
#include <keyviz.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KEYS = 1024, CHUNK = 4096 };

typedef struct {
    keyviz_sampler_t *sampler;
    int with_lane;
    uint64_t routes;
    uint64_t operations;
    double nanoseconds;
} worker_t;

static char keys[KEYS][16];
static atomic_int waiting;
static atomic_int stop;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void *work(void *argument) {
    worker_t *worker = argument;
    keyviz_sampler_t *sampler = worker->sampler;
    keyviz_lane_t *lane = NULL;
    if (worker->with_lane && keyviz_lane_acquire(sampler, &lane, NULL) != KEYVIZ_OK) abort();
    atomic_fetch_sub(&waiting, 1);
    while (atomic_load(&waiting) > 0) {
    }
    uint64_t done = 0, mask = worker->routes - 1;
    double begin = now();
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        for (uint64_t i = done; i < done + CHUNK; i++) {
            const char *key = keys[i % KEYS];
            uint64_t route = 1 + (i * 7 & mask);
            if (lane) keyviz_lane_observe(lane, route, key, 16, KEYVIZ_OP_WRITE, 100, KEYVIZ_LABEL_REDIS);
            else keyviz_observe(sampler, route, key, 16, KEYVIZ_OP_WRITE, 100, KEYVIZ_LABEL_REDIS);
        }
        done += CHUNK;
    }
    worker->nanoseconds = now() - begin;
    worker->operations = done;
    keyviz_lane_release(lane);
    return NULL;
}

static keyviz_sampler_t *sampler_with(uint64_t routes) {
    keyviz_options_t options = KEYVIZ_OPTIONS_INIT;
    options.labels_enabled = 1;
    keyviz_sampler_t *sampler = NULL;
    if (keyviz_sampler_new(&options, &sampler, NULL) != KEYVIZ_OK) abort();
    for (uint64_t id = 1; id <= routes; id++) {
        char start[16], end[16];
        keyviz_route_t route = KEYVIZ_ROUTE_INIT;
        route.route_id = id;
        route.start = start;
        route.start_len = (size_t)snprintf(start, sizeof start, "%08llu", (unsigned long long)id);
        route.end = end;
        route.end_len = (size_t)snprintf(end, sizeof end, "%08llu", (unsigned long long)id + 1);
        if (keyviz_sampler_register_route(sampler, &route, NULL, NULL) != KEYVIZ_OK) abort();
    }
    return sampler;
}

/* own: a sampler for each thread, the control of the shared case. */
static void run(const char *name, int with_lane, uint64_t routes, int threads, int own, long milliseconds) {
    keyviz_sampler_t *samplers[2];
    for (int i = 0; i < 2; i++) samplers[i] = sampler_with(routes);
    worker_t workers[2];
    pthread_t handles[2];
    atomic_store(&waiting, threads);
    atomic_store(&stop, 0);
    for (int i = 0; i < threads; i++) {
        workers[i] = (worker_t){.sampler = samplers[own ? i : 0], .with_lane = with_lane, .routes = routes};
        pthread_create(&handles[i], NULL, work, &workers[i]);
    }
    struct timespec pause = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
    nanosleep(&pause, NULL);
    atomic_store(&stop, 1);
    double nanoseconds = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(handles[i], NULL);
        nanoseconds += workers[i].nanoseconds / (double)workers[i].operations;
    }
    printf("%s %llu %d %.3f\n", name, (unsigned long long)routes, threads, nanoseconds / threads);
    for (int i = 0; i < 2; i++) keyviz_sampler_free(samplers[i]);
}

int main(int argc, char **argv) {
    long milliseconds = argc > 1 ? atol(argv[1]) : 200;
    for (int i = 0; i < KEYS; i++) snprintf(keys[i], sizeof keys[i], "key%012d", i);
    for (uint64_t routes = 1; routes <= 256; routes *= 256) {
        for (int threads = 1; threads <= 2; threads++) {
            run("c_observe", 0, routes, threads, 0, milliseconds);
            run("c_lane_observe", 1, routes, threads, 0, milliseconds);
        }
        run("c_observe_own_samplers", 0, routes, 2, 1, milliseconds);
        run("c_lane_observe_own_samplers", 1, routes, 2, 1, milliseconds);
    }
    return 0;
}
