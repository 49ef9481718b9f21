/* Nanoseconds per labelled write observation with hot keys off and on, over the keys of standard input (one per line),
 * one line per case:
 *
 *     way hot_keys routes threads mean_ns p99.9_ns
 *
 * Usage: hotkeys [milliseconds per case] [rounds]. Off and on take turns, and each case's least mean and least p99.9
 * count: what disturbs only ever adds. See benches/hotkeys.rs, which runs it. */
#define _DEFAULT_SOURCE
#include <keyviz.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK = 4096, THREADS = 2, SINGLE = 2000000 };

typedef struct {
    char *bytes;
    size_t len;
} bench_key_t;

typedef struct {
    keyviz_sampler_t *sampler;
    int explicit_lane;
    uint64_t routes;
    double mean;
    double p999;
} worker_t;

static bench_key_t *keys;
static size_t key_count;
static atomic_int waiting;
static atomic_int stop;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

#define OBSERVE(i)                                                                                                 \
    do {                                                                                                           \
        const bench_key_t *key = &keys[(i) % key_count];                                                           \
        uint64_t id = 1 + ((i) * 7 & mask);                                                                        \
        if (lane) keyviz_lane_observe(lane, id, key->bytes, key->len, KEYVIZ_OP_WRITE, 100, KEYVIZ_LABEL_REDIS);   \
        else keyviz_observe(worker->sampler, id, key->bytes, key->len, KEYVIZ_OP_WRITE, 100, KEYVIZ_LABEL_REDIS); \
    } while (0)

static void *work(void *argument) {
    worker_t *worker = argument;
    keyviz_lane_t *lane = NULL;
    if (worker->explicit_lane && keyviz_lane_acquire(worker->sampler, &lane, NULL) != KEYVIZ_OK) abort();
    atomic_fetch_sub(&waiting, 1);
    while (atomic_load(&waiting) > 0) {
    }
    uint64_t done = 0, mask = worker->routes - 1;
    double begin = now();
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        for (uint64_t i = done; i < done + CHUNK; i++) OBSERVE(i);
        done += CHUNK;
    }
    worker->mean = (now() - begin) / (double)done;
    float *times = malloc(SINGLE * sizeof *times);
    float clock = 1e9f;
    for (uint64_t i = 0; i < SINGLE; i++) {
        double first = now(), second = now();
        if ((float)(second - first) < clock) clock = (float)(second - first);
        OBSERVE(done + i);
        times[i] = (float)(now() - second);
    }
    qsort(times, SINGLE, sizeof *times, by_value);
    worker->p999 = (double)times[SINGLE - SINGLE / 1000] - (double)clock;
    free(times);
    keyviz_lane_release(lane);
    return NULL;
}

static keyviz_sampler_t *sampler_with(uint64_t routes, uint32_t rate) {
    keyviz_options_t options = KEYVIZ_OPTIONS_INIT;
    options.labels_enabled = 1;
    options.hot_keys_enabled = rate > 0;
    options.hot_keys_sample_rate = rate;
    keyviz_sampler_t *sampler = NULL;
    if (keyviz_sampler_new(&options, &sampler, NULL) != KEYVIZ_OK) abort();
    for (uint64_t id = 1; id <= routes; id++) {
        keyviz_route_t route = KEYVIZ_ROUTE_INIT;
        route.route_id = id;
        if (keyviz_sampler_register_route(sampler, &route, NULL, NULL) != KEYVIZ_OK) abort();
    }
    return sampler;
}

/* rate 0: hot keys are off. */
static void run(int explicit_lane, uint32_t rate, uint64_t routes, int threads, long milliseconds, double best[2]) {
    keyviz_sampler_t *sampler = sampler_with(routes, rate);
    worker_t workers[THREADS];
    pthread_t handles[THREADS];
    atomic_store(&waiting, threads);
    atomic_store(&stop, 0);
    for (int i = 0; i < threads; i++) {
        workers[i] = (worker_t){.sampler = sampler, .explicit_lane = explicit_lane, .routes = routes};
        pthread_create(&handles[i], NULL, work, &workers[i]);
    }
    struct timespec pause = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
    nanosleep(&pause, NULL);
    atomic_store(&stop, 1);
    double mean = 0, p999 = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(handles[i], NULL);
        mean += workers[i].mean / threads;
        p999 = workers[i].p999 > p999 ? workers[i].p999 : p999;
    }
    if (mean < best[0]) best[0] = mean;
    if (p999 < best[1]) best[1] = p999;
    keyviz_sampler_free(sampler);
}

static void read_keys(void) {
    size_t capacity = 0;
    char line[8192];
    while (fgets(line, sizeof line, stdin)) {
        if (key_count == capacity) {
            capacity = capacity ? 2 * capacity : 1024;
            keys = realloc(keys, capacity * sizeof *keys);
            if (!keys) abort();
        }
        line[strcspn(line, "\n")] = 0;
        keys[key_count++] = (bench_key_t){strdup(line), strlen(line)};
    }
    if (!key_count) exit(2);
}

int main(int argc, char **argv) {
    static const uint32_t rates[] = {0, 16, 1};
    long milliseconds = argc > 1 ? atol(argv[1]) : 200, rounds = argc > 2 ? atol(argv[2]) : 5;
    read_keys();
    for (uint64_t routes = 1; routes <= 256; routes *= 256) {
        for (int threads = 1; threads <= THREADS; threads++) {
            for (int lane = 0; lane < 2; lane++) {
                double best[3][2] = {{1e9, 1e9}, {1e9, 1e9}, {1e9, 1e9}};
                for (long round = 0; round < rounds; round++) {
                    for (int i = 0; i < 3; i++) run(lane, rates[i], routes, threads, milliseconds, best[i]);
                }
                for (int i = 0; i < 3; i++) {
                    printf("%s %u %llu %d %.2f %.0f\n", lane ? "lane_observe" : "observe", rates[i],
                           (unsigned long long)routes, threads, best[i][0], best[i][1]);
                    fflush(stdout);
                }
            }
        }
    }
    return 0;
}
