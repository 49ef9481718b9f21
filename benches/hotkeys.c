/* Nanoseconds per labelled write observation with hot keys off and on, over the keys of standard input (one per line,
 * after the number of the route of 256 that it lies in), one line per case:
 *
 *     way hot_keys routes threads median_ns p99.9_ns
 *
 * Routes: 1, 256 by the key, as a store has them, and "any": 256, of which each request goes to the next one, whatever its
 * key, so that every key is in all of them.
 *
 * Usage: hotkeys [milliseconds per case]. Every thread observes in chunks, which go in turns to samplers with hot keys
 * off and on, so that what disturbs disturbs all alike; the median chunk counts. The keys are in the cache when they are
 * observed, as those of a request are that a host has just read. See benches/hotkeys.rs, which runs it. */
#define _DEFAULT_SOURCE
#include <keyviz.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK = 65536, AHEAD = 16, RATES = 2, THREADS = 2, MOST_CHUNKS = 1 << 16, SINGLE = 1000000 };

/* 0: hot keys are off. No third one shares the cache with these two. */
static const uint32_t rates[RATES] = {0, 16};

typedef struct {
    const char *bytes;
    uint32_t len;
    uint32_t route;
} bench_key_t;

/* The route of a request is its key's, as far as the mask goes, or that of its turn. */
typedef struct {
    const char *name;
    uint64_t count;
    uint32_t by_key;
    uint32_t by_turn;
} routes_t;

static const routes_t all_routes[] = {{"1", 1, 0, 0}, {"256", 256, 255, 0}, {"any", 256, 0, 255}};

typedef struct {
    keyviz_sampler_t **samplers;
    int explicit_lane;
    const routes_t *routes;
    double median[RATES];
    double p999[RATES];
} worker_t;

static bench_key_t *keys; /* whole chunks, and AHEAD more */
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

#define ROUTE (1 + (uint64_t)((key->route & routes.by_key) | ((uint32_t)i * 7 & routes.by_turn)))
#define OBSERVE keyviz_observe(sampler, ROUTE, key->bytes, key->len, KEYVIZ_OP_WRITE, 100, KEYVIZ_LABEL_REDIS)
#define LANE_OBSERVE keyviz_lane_observe(lane, ROUTE, key->bytes, key->len, KEYVIZ_OP_WRITE, 100, KEYVIZ_LABEL_REDIS)

static float chunk(keyviz_sampler_t *sampler, keyviz_lane_t *lane, routes_t routes, const bench_key_t *from) {
    double begin = now();
    if (lane) {
        for (uint64_t i = 0; i < CHUNK; i++) {
            const bench_key_t *key = &from[i];
            __builtin_prefetch(key[AHEAD].bytes);
            LANE_OBSERVE;
        }
    } else {
        for (uint64_t i = 0; i < CHUNK; i++) {
            const bench_key_t *key = &from[i];
            __builtin_prefetch(key[AHEAD].bytes);
            OBSERVE;
        }
    }
    return (float)(now() - begin) / CHUNK;
}

/* What a single observation takes at most, but for one in a thousand; less what the clock takes. */
static double slowest(keyviz_sampler_t *sampler, keyviz_lane_t *lane, routes_t routes) {
    float *times = malloc(SINGLE * sizeof *times), clock = 1e9f;
    if (!times) abort();
    for (uint64_t i = 0; i < SINGLE; i++) {
        const bench_key_t *key = &keys[i % key_count];
        __builtin_prefetch(key[AHEAD].bytes);
        double first = now(), second = now();
        if ((float)(second - first) < clock) clock = (float)(second - first);
        if (lane) LANE_OBSERVE;
        else OBSERVE;
        times[i] = (float)(now() - second);
    }
    qsort(times, SINGLE, sizeof *times, by_value);
    float p999 = times[SINGLE - SINGLE / 1000] - clock;
    free(times);
    return p999;
}

static void *work(void *argument) {
    worker_t *worker = argument;
    keyviz_lane_t *lanes[RATES] = {NULL};
    float *times[RATES];
    for (int i = 0; i < RATES; i++) {
        if (worker->explicit_lane && keyviz_lane_acquire(worker->samplers[i], &lanes[i], NULL) != KEYVIZ_OK) abort();
        times[i] = malloc(MOST_CHUNKS * sizeof *times[i]);
        if (!times[i]) abort();
    }
    atomic_fetch_sub(&waiting, 1);
    while (atomic_load(&waiting) > 0) {
    }
    routes_t routes = *worker->routes;
    size_t chunks = 0, at = 0;
    do {
        for (int i = 0; i < RATES; i++) {
            chunk(worker->samplers[i], lanes[i], routes, &keys[at]); /* the caches come back */
            times[i][chunks] = chunk(worker->samplers[i], lanes[i], routes, &keys[at]);
        }
        chunks++;
        at = at + 2 * CHUNK <= key_count ? at + CHUNK : 0;
    } while (!atomic_load(&stop) && chunks < MOST_CHUNKS);
    for (int i = 0; i < RATES; i++) {
        qsort(times[i], chunks, sizeof *times[i], by_value);
        worker->median[i] = times[i][chunks / 2];
        worker->p999[i] = slowest(worker->samplers[i], lanes[i], routes);
        free(times[i]);
        keyviz_lane_release(lanes[i]);
    }
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

static void run(int explicit_lane, const routes_t *routes, int threads, long milliseconds) {
    keyviz_sampler_t *samplers[RATES];
    worker_t workers[THREADS];
    pthread_t handles[THREADS];
    for (int i = 0; i < RATES; i++) samplers[i] = sampler_with(routes->count, rates[i]);
    atomic_store(&waiting, threads);
    atomic_store(&stop, 0);
    for (int i = 0; i < threads; i++) {
        workers[i] = (worker_t){.samplers = samplers, .explicit_lane = explicit_lane, .routes = routes};
        pthread_create(&handles[i], NULL, work, &workers[i]);
    }
    struct timespec pause = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
    nanosleep(&pause, NULL);
    atomic_store(&stop, 1);
    for (int i = 0; i < threads; i++) pthread_join(handles[i], NULL);
    for (int i = 0; i < RATES; i++) {
        double median = 0, p999 = 0;
        for (int j = 0; j < threads; j++) {
            median += workers[j].median[i] / threads;
            p999 = workers[j].p999[i] > p999 ? workers[j].p999[i] : p999;
        }
        printf("%s %u %s %d %.2f %.0f\n", explicit_lane ? "lane_observe" : "observe", rates[i],
               routes->name, threads, median, p999);
        keyviz_sampler_free(samplers[i]);
    }
    fflush(stdout);
}

static bench_key_t *key_at(size_t i) {
    static size_t capacity;
    if (i >= capacity) {
        capacity = capacity ? 2 * capacity : 1024;
        keys = realloc(keys, capacity * sizeof *keys);
        if (!keys) abort();
    }
    return &keys[i];
}

static void read_keys(void) {
    char line[8192];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        char *key = strchr(line, ' ');
        if (!key) exit(2);
        key++;
        *key_at(key_count++) = (bench_key_t){strdup(key), (uint32_t)strlen(key), (uint32_t)atol(line)};
    }
    if (!key_count) exit(2);
    /* Few keys come again and again. */
    size_t given = key_count;
    while (key_count < CHUNK) {
        bench_key_t again = keys[key_count - given];
        *key_at(key_count++) = again;
    }
    for (size_t i = 0; i < AHEAD; i++) {
        bench_key_t again = keys[i];
        *key_at(key_count + i) = again;
    }
}

int main(int argc, char **argv) {
    long milliseconds = argc > 1 ? atol(argv[1]) : 2000;
    read_keys();
    for (size_t i = 0; i < sizeof all_routes / sizeof *all_routes; i++) {
        for (int threads = 1; threads <= THREADS; threads++) {
            for (int lane = 0; lane < 2; lane++) run(lane, &all_routes[i], threads, milliseconds);
        }
    }
    return 0;
}
