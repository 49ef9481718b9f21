/* Nanoseconds per labelled write observation through the C API and through a textbook sampler, one line per case:
 *
 *     case routes threads ns
 *
 * Usage: observe [milliseconds per case], or: observe steady COUNT, which observes COUNT times and prints what the
 * allocator has handed out. See benches/observe.py, which runs both. */
#define _DEFAULT_SOURCE
#include <keyviz.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK = 4096, CHUNKS = 1 << 17 };

typedef struct textbook textbook_t;
textbook_t *textbook_new(uint64_t routes);
void textbook_free(textbook_t *textbook);
int textbook_observe(textbook_t *textbook, uint64_t route_id, const void *key, size_t key_len, uint32_t op,
                     uint64_t value_len, uint32_t label);

typedef enum { OBSERVE, LANE_OBSERVE, TEXTBOOK } way_t;

typedef struct {
    keyviz_sampler_t *sampler;
    textbook_t *textbook;
    way_t way;
    uint64_t routes;
    double *times; /* of each chunk, nanoseconds */
    double nanoseconds;
} worker_t;

static const char key[16] = "key-of-16-bytes!"; /* which nobody reads */
static atomic_int waiting;
static atomic_int stop;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The loop is written once per way, so that nothing but the call differs. What counts is the median chunk: one that
 * was interrupted is slower by orders of magnitude. */
#define OBSERVE_UNTIL_STOPPED(call)                                                  \
    while (!atomic_load_explicit(&stop, memory_order_relaxed) && chunks < CHUNKS) {  \
        for (uint64_t i = done; i < done + CHUNK; i++) {                             \
            uint64_t route = 1 + (i * 7 & mask);                                     \
            call;                                                                    \
        }                                                                            \
        done += CHUNK;                                                               \
        double end = now();                                                          \
        worker->times[chunks++] = end - begin;                                       \
        begin = end;                                                                 \
    }

static void *work(void *argument) {
    worker_t *worker = argument;
    keyviz_sampler_t *sampler = worker->sampler;
    textbook_t *textbook = worker->textbook;
    keyviz_lane_t *lane = NULL;
    if (worker->way == LANE_OBSERVE && keyviz_lane_acquire(sampler, &lane, NULL) != KEYVIZ_OK) abort();
    atomic_fetch_sub(&waiting, 1);
    while (atomic_load(&waiting) > 0) {
    }
    uint64_t done = 0, mask = worker->routes - 1;
    size_t chunks = 0;
    worker->times = malloc(CHUNKS * sizeof *worker->times);
    if (!worker->times) abort();
    double begin = now();
    switch (worker->way) {
    case OBSERVE:
        OBSERVE_UNTIL_STOPPED(keyviz_observe(sampler, route, key, 16, KEYVIZ_OP_WRITE, 100, KEYVIZ_LABEL_REDIS))
        break;
    case LANE_OBSERVE:
        OBSERVE_UNTIL_STOPPED(keyviz_lane_observe(lane, route, key, 16, KEYVIZ_OP_WRITE, 100, KEYVIZ_LABEL_REDIS))
        break;
    case TEXTBOOK:
        OBSERVE_UNTIL_STOPPED(textbook_observe(textbook, route, key, 16, KEYVIZ_OP_WRITE, 100, KEYVIZ_LABEL_REDIS))
        break;
    }
    qsort(worker->times, chunks, sizeof *worker->times, compare);
    worker->nanoseconds = chunks > 0 ? worker->times[chunks / 2] / CHUNK : 0;
    free(worker->times);
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
static void run(const char *name, way_t way, uint64_t routes, int threads, int own, long milliseconds) {
    keyviz_sampler_t *samplers[2];
    for (int i = 0; i < 2; i++) samplers[i] = sampler_with(routes);
    textbook_t *textbook = textbook_new(routes);
    worker_t workers[2];
    pthread_t handles[2];
    atomic_store(&waiting, threads);
    atomic_store(&stop, 0);
    for (int i = 0; i < threads; i++) {
        workers[i] = (worker_t){.sampler = samplers[own ? i : 0], .textbook = textbook, .way = way, .routes = routes};
        pthread_create(&handles[i], NULL, work, &workers[i]);
    }
    struct timespec pause = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
    nanosleep(&pause, NULL);
    atomic_store(&stop, 1);
    double nanoseconds = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(handles[i], NULL);
        nanoseconds += workers[i].nanoseconds;
    }
    printf("%s %llu %d %.3f\n", name, (unsigned long long)routes, threads, nanoseconds / threads);
    for (int i = 0; i < 2; i++) keyviz_sampler_free(samplers[i]);
    textbook_free(textbook);
}

static int steady(long count) {
    keyviz_sampler_t *sampler = sampler_with(256);
    for (long i = 0; i < count; i++) {
        keyviz_observe(sampler, 1 + (uint64_t)i % 256, key, 16, KEYVIZ_OP_WRITE, 100, KEYVIZ_LABEL_REDIS);
    }
    printf("%zu bytes allocated\n", mallinfo2().uordblks);
    keyviz_sampler_free(sampler);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "steady") == 0) return steady(atol(argv[2]));
    long milliseconds = argc > 1 ? atol(argv[1]) : 200;
    for (uint64_t routes = 1; routes <= 256; routes *= 256) {
        for (int threads = 1; threads <= 2; threads++) {
            run("rust_textbook", TEXTBOOK, routes, threads, 0, milliseconds);
            run("c_observe", OBSERVE, routes, threads, 0, milliseconds);
            run("c_lane_observe", LANE_OBSERVE, routes, threads, 0, milliseconds);
        }
        run("c_observe_own_samplers", OBSERVE, routes, 2, 1, milliseconds);
        run("c_lane_observe_own_samplers", LANE_OBSERVE, routes, 2, 1, milliseconds);
    }
    return 0;
}
