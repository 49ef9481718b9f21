/* Exactness: whatever runs beside it, an observation that returned OK is in exactly one drained row, and in the right
 * one. Eight threads observe 64 routes under all labels, while another thread registers and removes routes and drains,
 * on a clock that jumps past every grace, so that one route's cells become another's. */
#include "fixture.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 8, ROUTES = 64, LABELS = 6, OPS = 2, KINDS = 4 };

/* How a thread observes. */
enum { BY_THREAD, BY_LANE, BY_BATCH, BY_COLUMNS };

typedef struct {
    uint64_t operations[OPS], bytes[OPS];
} count_t;

/* Counts per route and label. */
typedef struct {
    count_t of[ROUTES + 1][LABELS];
} counts_t;

typedef struct {
    keyviz_sampler_t *sampler;
    int kind;
    /* How often all cells of removed routes have become free. */
    atomic_uint *vacated;
    uint64_t seed, observations;
    counts_t ok;
    uint64_t missed, wrong_statuses;
} worker_t;

static uint64_t next(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static keyviz_observation_t draw(uint64_t *state) {
    static const char key[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint64_t drawn = next(state);
    keyviz_observation_t one;
    one.route_id = 1 + drawn % ROUTES;
    one.key = key + drawn / 64 % 8;
    one.key_len = drawn / 512 % 28;
    one.value_len = drawn / 16384 % 1000;
    one.op = (uint32_t)(drawn >> 32) % OPS;
    one.label = (uint32_t)(drawn >> 40) % LABELS;
    return one;
}

static void note(worker_t *self, const keyviz_observation_t *one, keyviz_status_t status) {
    if (status == KEYVIZ_OK) {
        count_t *count = &self->ok.of[one->route_id][one->label];
        count->operations[one->op]++;
        count->bytes[one->op] += one->key_len + one->value_len;
    } else if (status == KEYVIZ_ERR_UNKNOWN_ROUTE) {
        self->missed++;
    } else {
        self->wrong_statuses++;
    }
}

static void *work(void *argument) {
    worker_t *self = argument;
    keyviz_lane_t *lane = NULL;
    int kind = self->kind;
    /* Where the lanes are all out, there is still the thread's way. */
    if (kind == BY_LANE && keyviz_lane_acquire(self->sampler, &lane, NULL) != KEYVIZ_OK) kind = BY_THREAD;
    /* Where threads take turns, go on until the routes have really come and gone under our feet. */
    const uint64_t at_most = 50000000;
    uint64_t i = 0;
    for (; i < self->observations || (i < at_most && (self->missed == 0 || atomic_load(self->vacated) < 3)); i++) {
        keyviz_observation_t one = draw(&self->seed);
        size_t counted = 0;
        keyviz_status_t status;
        if (kind == BY_LANE) {
            status = keyviz_lane_observe(lane, one.route_id, one.key, one.key_len, one.op, one.value_len, one.label);
        } else if (kind == BY_BATCH) {
            status = keyviz_observe_batch(self->sampler, &one, 1, &counted);
            self->wrong_statuses += counted != (status == KEYVIZ_OK);
        } else if (kind == BY_COLUMNS) {
            uint32_t key_len = (uint32_t)one.key_len;
            uint8_t op = (uint8_t)one.op, label = (uint8_t)one.label;
            status = keyviz_observe_columns(self->sampler, 1, &one.route_id, &op, &key_len, &one.value_len, &label, &counted);
            self->wrong_statuses += counted != (status == KEYVIZ_OK);
        } else {
            status = keyviz_observe(self->sampler, one.route_id, one.key, one.key_len, one.op, one.value_len, one.label);
        }
        note(self, &one, status);
    }
    self->observations = i;
    keyviz_lane_release(lane);
    return NULL;
}

/* ---- The other thread. */

typedef struct {
    keyviz_sampler_t *sampler;
    atomic_int stop;
    atomic_uint vacated;
    int64_t now_ns;
    counts_t drained;
    uint64_t drains, wrong;
    keyviz_column_buffer_t column;
} churn_t;

static keyviz_status_t add_route(keyviz_sampler_t *sampler, uint64_t id) {
    char start[8], end[8];
    snprintf(start, sizeof start, "%03d", (int)(id % 1000));
    snprintf(end, sizeof end, "%03d~", (int)(id % 1000));
    return add(sampler, id, start, end);
}

static void take(churn_t *self) {
    keyviz_column_buffer_t *column = &self->column;
    keyviz_status_t status;
    while ((status = keyviz_sampler_drain(self->sampler, self->now_ns, column, NULL)) == KEYVIZ_ERR_BUFFER_TOO_SMALL) {
        size_t rows = column->row_count + 8, arena = column->arena_used + 64;
        column_free(column);
        *column = column_with(rows, arena);
    }
    self->wrong += status != KEYVIZ_OK;
    self->drains++;
    for (size_t i = 0; i < column->row_count; i++) {
        const keyviz_row_t *row = &column->rows[i];
        if (row->route_id > ROUTES || row->route_id == 0 || row->label >= LABELS) {
            self->wrong++;
            continue;
        }
        count_t *count = &self->drained.of[row->route_id][row->label];
        count->operations[KEYVIZ_OP_READ] += row->reads;
        count->operations[KEYVIZ_OP_WRITE] += row->writes;
        count->bytes[KEYVIZ_OP_READ] += row->read_bytes;
        count->bytes[KEYVIZ_OP_WRITE] += row->write_bytes;
    }
}

static void *churn(void *argument) {
    churn_t *self = argument;
    uint64_t seed = 99, stranger = 1000;
    while (!atomic_load(&self->stop)) {
        uint64_t gone[8];
        for (int i = 0; i < 8; i++) {
            gone[i] = 1 + next(&seed) % ROUTES;
            self->wrong += keyviz_sampler_remove_route(self->sampler, gone[i], self->now_ns, NULL) != KEYVIZ_OK;
        }
        /* Where a tool runs one thread at a time, the observers must get their turn: now, and when all are back. */
        sched_yield();
        self->now_ns += SECOND;
        take(self);
        /* One comes back within its grace; the others lose their cells. */
        self->wrong += add_route(self->sampler, gone[0]) != KEYVIZ_OK;
        self->now_ns += LONG_AFTER;
        take(self);
        keyviz_stats_t stats = KEYVIZ_STATS_INIT;
        self->wrong += keyviz_sampler_stats(self->sampler, &stats) != KEYVIZ_OK;
        if (stats.retired == 0) atomic_fetch_add(&self->vacated, 1);
        /* Others than before take them: first a route that nobody observes, which also makes the table grow. */
        self->wrong += add_route(self->sampler, stranger++) != KEYVIZ_OK;
        for (int i = 7; i > 0; i--) self->wrong += add_route(self->sampler, gone[i]) != KEYVIZ_OK;
        sched_yield();
        if (stranger % 8 == 0) {
            for (uint64_t id = stranger - 8; id < stranger; id++) {
                self->wrong += keyviz_sampler_remove_route(self->sampler, id, self->now_ns, NULL) != KEYVIZ_OK;
            }
        }
    }
    return NULL;
}

static void run(keyviz_options_t options) {
    options.history_off = 1;
    keyviz_sampler_t *sampler = sampler_new(options);
    for (uint64_t id = 1; id <= ROUTES; id++) CHECK_OK(add_route(sampler, id));
    churn_t *other = calloc(1, sizeof *other);
    worker_t *workers = calloc(THREADS, sizeof *workers);
    if (!other || !workers) abort();
    other->sampler = sampler;
    other->now_ns = T0;
    other->column = column_with(0, 0);
    pthread_t threads[THREADS], churning;
    CHECK_EQUAL(pthread_create(&churning, NULL, churn, other), 0);
    uint64_t each = check_share(1000000);
    for (int i = 0; i < THREADS; i++) {
        workers[i].sampler = sampler;
        workers[i].kind = i % KINDS;
        workers[i].vacated = &other->vacated;
        workers[i].seed = 88172645463325252u + (uint64_t)i * 7919;
        workers[i].observations = each;
        CHECK_EQUAL(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    atomic_store(&other->stop, 1);
    pthread_join(churning, NULL);
    other->now_ns += SECOND;
    take(other);

    uint64_t counted = 0, missed = 0, observed = 0;
    counts_t *ok = calloc(1, sizeof *ok);
    if (!ok) abort();
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQUAL(workers[i].wrong_statuses, 0);
        missed += workers[i].missed;
        observed += workers[i].observations;
        CHECK(workers[i].observations >= each);
        for (int id = 1; id <= ROUTES; id++) {
            for (int label = 0; label < LABELS; label++) {
                for (int op = 0; op < OPS; op++) {
                    count_t *from = &workers[i].ok.of[id][label];
                    count_t *to = &ok->of[id][options.labels_enabled ? label : KEYVIZ_LABEL_LEGACY];
                    to->operations[op] += from->operations[op];
                    to->bytes[op] += from->bytes[op];
                    counted += from->operations[op];
                }
            }
        }
    }
    CHECK_EQUAL(other->wrong, 0);
    CHECK_EQUAL(counted + missed, observed);
    CHECK(memcmp(ok, &other->drained, sizeof *ok) == 0);
    uint64_t drained = 0;
    for (int id = 1; id <= ROUTES; id++) {
        for (int label = 0; label < LABELS; label++) {
            drained += other->drained.of[id][label].operations[0] + other->drained.of[id][label].operations[1];
        }
    }
    CHECK_EQUAL(drained, counted);
    CHECK_EQUAL(stats_of(sampler).missed, missed);
    /* The test is one only if the routes really came and went under the observers' feet. */
    unsigned vacated = atomic_load(&other->vacated);
    CHECK(missed > 0 && vacated > 0);
    printf("  %" PRIu64 " counted, %" PRIu64 " missed; %" PRIu64 " drains, cells free for reuse after %u\n",
           counted, missed, other->drains, vacated);
    free(ok);
    column_free(&other->column);
    free(other);
    free(workers);
    keyviz_sampler_free(sampler);
}

static void every_counted_observation_is_drained_once_with_labels(void) {
    run(labelled_options());
}

static void every_counted_observation_is_drained_once_without_labels(void) {
    run(plain_options());
}

static void every_counted_observation_is_drained_once_where_threads_share_a_lane(void) {
    keyviz_options_t options = labelled_options();
    options.max_lanes = 3;
    options.key_buckets_per_route = 4;
    run(options);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(every_counted_observation_is_drained_once_with_labels);
    RUN(every_counted_observation_is_drained_once_without_labels);
    RUN(every_counted_observation_is_drained_once_where_threads_share_a_lane);
    return check_summary(argv[0]);
}
