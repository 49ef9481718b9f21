/* Reading matrices: room that is too small, what is not there, handles, threads. */
#include "matrix.h"
#include <pthread.h>

static void into_too_little_room_nothing_is_copied(void) {
    keyviz_matrix_t *matrix = observed_writes();
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    unsigned char *one = exactly(8), *seven = exactly(7 * 8);
    CHECK_EQUAL(keyviz_matrix_columns(matrix, (void *)one, 1, &error), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK(is_told(&error, KEYVIZ_ERR_BUFFER_TOO_SMALL));
    CHECK_EQUAL(keyviz_matrix_values(matrix, (void *)seven, 7, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK_EQUAL(keyviz_matrix_identities(matrix, 0, (void *)one, NULL, 1, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK_EQUAL(keyviz_matrix_identities(matrix, 0, NULL, (void *)one, 1, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK(is_filled(one, 0xa5, 8) && is_filled(seven, 0xa5, 7 * 8));
    free(one);
    free(seven);
    char *text = exactly(13);
    size_t size = 99;
    CHECK_EQUAL(keyviz_matrix_row_id(matrix, 0, text, 13, &size, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK_EQUAL(size, strlen("route:1:dynamo"));
    CHECK_EQUAL(keyviz_matrix_row_name(matrix, 0, text, 13, &size, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK_EQUAL(size, strlen("route:1 / dynamo"));
    CHECK(is_filled(text, 0xa5, 13));
    free(text);
    CHECK_EQUAL(keyviz_matrix_columns(matrix, NULL, 2, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_values(matrix, NULL, 8, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_row_id(matrix, 0, NULL, 13, &size, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_row_id(matrix, 0, (char *)&size, 1, NULL, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_row_name(matrix, 0, (char *)&size, 1, NULL, NULL), KEYVIZ_ERR_NULL_POINTER);
    keyviz_matrix_free(matrix);
}

static void what_is_not_there_is_not_found(void) {
    keyviz_matrix_t *matrix = observed_writes();
    keyviz_matrix_row_t row = KEYVIZ_MATRIX_ROW_INIT;
    keyviz_matrix_node_t node = KEYVIZ_MATRIX_NODE_INIT;
    keyviz_verdict_t verdict = KEYVIZ_VERDICT_INIT;
    keyviz_split_t split = KEYVIZ_SPLIT_INIT;
    uint64_t numbers[2];
    char text[64];
    size_t size, missing[] = {4, 5, SIZE_MAX};
    for (size_t i = 0; i < 3; i++) {
        CHECK_EQUAL(keyviz_matrix_row(matrix, missing[i], &row, NULL), KEYVIZ_ERR_NOT_FOUND);
        CHECK_EQUAL(keyviz_matrix_identities(matrix, missing[i], numbers, numbers, 2, NULL), KEYVIZ_ERR_NOT_FOUND);
        CHECK_EQUAL(keyviz_matrix_row_id(matrix, missing[i], text, 64, &size, NULL), KEYVIZ_ERR_NOT_FOUND);
        CHECK_EQUAL(keyviz_matrix_row_name(matrix, missing[i], text, 64, &size, NULL), KEYVIZ_ERR_NOT_FOUND);
        CHECK_EQUAL(keyviz_matrix_verdict(matrix, missing[i], &verdict, NULL), KEYVIZ_ERR_NOT_FOUND);
        CHECK_EQUAL(keyviz_matrix_split(matrix, missing[i], &split, NULL), KEYVIZ_ERR_NOT_FOUND);
        CHECK_EQUAL(keyviz_matrix_node(matrix, missing[i] - 4, &node, NULL), KEYVIZ_ERR_NOT_FOUND);
    }
    CHECK(row.id == NULL && node.node == NULL && verdict.reason == NULL && split.reason == NULL);
    keyviz_matrix_free(matrix);
}

static void what_is_said_of_a_row_is_there(void) {
    keyviz_matrix_t *matrix = observed_writes();
    keyviz_verdict_t verdict = KEYVIZ_VERDICT_INIT;
    CHECK_OK(keyviz_matrix_verdict(matrix, find_row(matrix, "route:2:redis"), &verdict, NULL));
    CHECK(verdict.total == 5 && verdict.reason_len > 0 && keyviz_verdict_name(verdict.verdict) != NULL);
    CHECK_OK(keyviz_matrix_verdict(matrix, find_row(matrix, "route:2"), &verdict, NULL));
    CHECK(verdict.total == 0 && verdict.verdict == KEYVIZ_VERDICT_IDLE);
    CHECK(strcmp(keyviz_verdict_name(KEYVIZ_VERDICT_IDLE), "idle") == 0);
    CHECK(keyviz_verdict_name(KEYVIZ_VERDICT_IRREGULAR + 1) == NULL && keyviz_verdict_name(UINT32_MAX) == NULL);
    keyviz_split_t split = KEYVIZ_SPLIT_INIT;
    CHECK_OK(keyviz_matrix_split(matrix, 0, &split, NULL));
    CHECK(split.route_id == 2 && split.share == 0.625 && split.reason_len > 0);
    keyviz_matrix_free(matrix);
}

/* ---- Handles. */

enum { FUNCTIONS = 18 };

typedef struct {
    const char *name;
    keyviz_status_t status;
} called_t;

static void call_everything(const keyviz_matrix_t *matrix, called_t called[FUNCTIONS]) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_matrix_info_t info = KEYVIZ_MATRIX_INFO_INIT;
    keyviz_matrix_row_t row = KEYVIZ_MATRIX_ROW_INIT;
    keyviz_matrix_node_t node = KEYVIZ_MATRIX_NODE_INIT;
    keyviz_verdict_t verdict = KEYVIZ_VERDICT_INIT;
    keyviz_split_t split = KEYVIZ_SPLIT_INIT;
    keyviz_merge_options_t options = KEYVIZ_MERGE_OPTIONS_INIT;
    keyviz_merge_t *merge = NULL;
    CHECK_OK(keyviz_merge_new(&options, &merge, NULL));
    uint64_t numbers[8];
    int64_t times[8];
    size_t size, n = 0, room = 1 << 20;
    char *memory = exactly(room);
#define CALL(call) called[n++] = (called_t){#call, call}
    CALL(keyviz_matrix_shape(matrix, &size, &size));
    CALL(keyviz_matrix_info(matrix, &info, &error));
    CALL(keyviz_matrix_columns(matrix, times, 8, &error));
    CALL(keyviz_matrix_values(matrix, numbers, 8, &error));
    CALL(keyviz_matrix_row(matrix, 0, &row, &error));
    CALL(keyviz_matrix_identities(matrix, 0, numbers, numbers, 8, &error));
    CALL(keyviz_matrix_row_id(matrix, 0, memory, room, &size, &error));
    CALL(keyviz_matrix_row_name(matrix, 0, memory, room, &size, &error));
    CALL(keyviz_matrix_node(matrix, 0, &node, &error));
    CALL(keyviz_matrix_verdict(matrix, 0, &verdict, &error));
    CALL(keyviz_matrix_split(matrix, 0, &split, &error));
    CALL(keyviz_matrix_to_json(matrix, memory, room, &size, &error));
    CALL(keyviz_matrix_to_proto(matrix, memory, room, &size, &error));
    CALL(keyviz_matrix_to_csv(matrix, memory, room, &size, &error));
    CALL(keyviz_matrix_to_png(matrix, NULL, memory, room, &size, &error));
    CALL(keyviz_matrix_to_html(&matrix, 1, NULL, 0, memory, room, &size, &error));
    CALL(keyviz_merge_add(merge, matrix, NULL, 0, NULL, &error));
    CALL((keyviz_matrix_values_view(matrix) ? KEYVIZ_OK : KEYVIZ_ERR_INVALID_HANDLE));
#undef CALL
    CHECK_EQUAL(n, FUNCTIONS);
    free(memory);
    keyviz_merge_free(merge);
}

static void only_a_matrix_is_a_matrix(void) {
    keyviz_sampler_t *sampler = observed();
    keyviz_merge_options_t options = KEYVIZ_MERGE_OPTIONS_INIT;
    keyviz_merge_t *merge = NULL;
    CHECK_OK(keyviz_merge_new(&options, &merge, NULL));
    /* As small as memory can be: to look at it must not mean to look past it. */
    uint64_t *stranger = malloc(sizeof *stranger);
    *stranger = UINT64_C(0x0123456789abcdef);
    keyviz_matrix_t *freed = observed_writes(), *alive = observed_writes();
    /* A tool sees that freed memory is looked at, which is as far as it can be noticed. */
    int with_tool = getenv("KEYVIZ_TEST_SHARE") != NULL;
    keyviz_matrix_free(freed);
    void *strangers[] = {stranger, (char *)stranger + 1, sampler, merge, with_tool ? (void *)stranger : (void *)freed};
    called_t called[FUNCTIONS];
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        call_everything(strangers[i], called);
        for (int j = 0; j < FUNCTIONS; j++) {
            check_equal((uint64_t)called[j].status, KEYVIZ_ERR_INVALID_HANDLE, called[j].name, __FILE__, __LINE__);
        }
        keyviz_matrix_free(strangers[i]);
    }
    call_everything(NULL, called);
    for (int j = 0; j < FUNCTIONS - 1; j++) {
        check_equal((uint64_t)called[j].status, KEYVIZ_ERR_NULL_POINTER, called[j].name, __FILE__, __LINE__);
    }
    CHECK(keyviz_matrix_values_view(NULL) == NULL);
    call_everything(alive, called);
    for (int j = 0; j < FUNCTIONS; j++) {
        int asks_for_a_node = strstr(called[j].name, "_node(") != NULL;
        check_equal((uint64_t)called[j].status, asks_for_a_node ? KEYVIZ_ERR_NOT_FOUND : KEYVIZ_OK, called[j].name, __FILE__, __LINE__);
    }
    CHECK_EQUAL(*stranger, UINT64_C(0x0123456789abcdef));
    CHECK_EQUAL(stats_of(sampler).routes, 2);
    keyviz_matrix_free(alive);
    keyviz_merge_free(merge);
    keyviz_sampler_free(sampler);
    free(stranger);
}

/* ---- Threads. */

typedef struct {
    const keyviz_matrix_t *matrix;
    const unsigned char *json, *proto;
    size_t json_size, proto_size;
    uint64_t rounds, wrong;
} reader_t;

/* Asks for sizes and forms in another order than the others do. */
static void *read_it(void *argument) {
    reader_t *self = argument;
    unsigned char *memory = malloc(1 << 16);
    for (uint64_t i = 0; i < self->rounds; i++) {
        int json = (i + self->rounds) % 2 == 0;
        const unsigned char *expected = json ? self->json : self->proto;
        size_t size = 0, expected_size = json ? self->json_size : self->proto_size;
        to_bytes_t *make = json ? json_of : proto_of;
        self->wrong += make(self->matrix, NULL, 0, &size, NULL) != KEYVIZ_ERR_BUFFER_TOO_SMALL || size != expected_size;
        self->wrong += make(self->matrix, memory, 1 << 16, &size, NULL) != KEYVIZ_OK || size != expected_size;
        self->wrong += memcmp(memory, expected, expected_size) != 0;
        keyviz_matrix_row_t row = KEYVIZ_MATRIX_ROW_INIT;
        self->wrong += keyviz_matrix_row(self->matrix, 3, &row, NULL) != KEYVIZ_OK || row.values[1] != 5;
        keyviz_verdict_t verdict = KEYVIZ_VERDICT_INIT;
        self->wrong += keyviz_matrix_verdict(self->matrix, 3, &verdict, NULL) != KEYVIZ_OK || verdict.total != 5;
    }
    free(memory);
    return NULL;
}

static void several_threads_read_one_matrix(void) {
    enum { THREADS = 4 };
    keyviz_matrix_t *matrix = observed_writes();
    reader_t readers[THREADS];
    pthread_t threads[THREADS];
    size_t json_size, proto_size;
    unsigned char *json = made(json_of, matrix, &json_size), *proto = made(proto_of, matrix, &proto_size);
    uint64_t rounds = check_share(20000) + 50;
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (reader_t){matrix, json, proto, json_size, proto_size, rounds + (uint64_t)i, 0};
        CHECK_EQUAL(pthread_create(&threads[i], NULL, read_it, &readers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_EQUAL(readers[i].wrong, 0);
    }
    free(json);
    free(proto);
    keyviz_matrix_free(matrix);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(into_too_little_room_nothing_is_copied);
    RUN(what_is_not_there_is_not_found);
    RUN(what_is_said_of_a_row_is_there);
    RUN(only_a_matrix_is_a_matrix);
    RUN(several_threads_read_one_matrix);
    return check_summary(argv[0]);
}
