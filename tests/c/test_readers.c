/* Reading matrices from bytes that nobody vouches for: an error that says where, or a matrix; never a crash. */
#include "matrix.h"

static const char JSON[] =
    "{\"column_unix_ms\":[1700000000000,1700000060000],\"rows\":["
    "{\"bucket_id\":\"route:1:redis#0\",\"label\":\"redis\",\"start\":null,\"end\":\"bQ==\",\"aggregate\":false,"
    "\"route_count\":1,\"values\":[18446744073709551615,0],\"conflict\":true,\"conflicts\":[false,true],"
    "\"raft_group_ids\":[7,7],\"leader_terms\":[3,4]},"
    "{\"bucket_id\":\"route:1:redis#4000000000\",\"label\":\"redis\",\"start\":\"bQ==\",\"end\":\"bg==\","
    "\"aggregate\":false,\"route_count\":1,\"values\":[1,2]},"
    "{\"bucket_id\":\"virtual:9@n\",\"start\":\"bg==\",\"end\":null,\"aggregate\":true,\"route_ids\":[2,3],"
    "\"route_ids_truncated\":true,\"route_count\":9,\"values\":[5,6]}],"
    "\"series\":\"writes\",\"generated_at\":\"2023-11-14T22:13:20.000000001Z\","
    "\"fanout\":{\"nodes\":[{\"node\":\"a\",\"ok\":false,\"error\":\"e\"}],\"responded\":0,\"expected\":3},\"node\":\"n\"}";

/* Memory of the exact size, so that a tool sees what is read past it. */
static keyviz_status_t read_exactly(const void *bytes, size_t len, int proto, keyviz_matrix_t **matrix, keyviz_error_t *error) {
    unsigned char *memory = exactly(len);
    if (len) memcpy(memory, bytes, len);
    keyviz_status_t status = proto ? keyviz_matrix_from_proto(memory, len, KEYVIZ_SERIES_WRITES, NULL, matrix, error)
                                   : keyviz_matrix_from_json(memory, len, NULL, matrix, error);
    free(memory);
    return status;
}

/* A matrix that was read can be used for everything, whatever was in it. */
static void use(const keyviz_matrix_t *matrix, int proto) {
    keyviz_matrix_info_t info = info_of(matrix);
    for (uint64_t i = 0; i < info.rows; i++) {
        keyviz_verdict_t verdict = KEYVIZ_VERDICT_INIT;
        CHECK_OK(keyviz_matrix_verdict(matrix, (size_t)i, &verdict, NULL));
        char name[1 << 12];
        size_t size;
        keyviz_status_t status = keyviz_matrix_row_name(matrix, (size_t)i, name, sizeof name, &size, NULL);
        CHECK(status == KEYVIZ_OK || size > sizeof name);
    }
    size_t size;
    to_bytes_t *make = proto ? proto_of : json_of;
    unsigned char *bytes = made(make, matrix, &size);
    keyviz_matrix_t *back = NULL, *merged = NULL;
    CHECK_OK(read_exactly(bytes, size, proto, &back, NULL));
    if (back) {
        check_same_matrix(matrix, back);
        check_same_bytes(make, matrix, back);
    }
    free(bytes);
    keyviz_merge_options_t options = KEYVIZ_MERGE_OPTIONS_INIT;
    options.series = info.series;
    keyviz_merge_t *merge = NULL;
    CHECK_OK(keyviz_merge_new(&options, &merge, NULL));
    CHECK_OK(keyviz_merge_add(merge, matrix, "x", 1, NULL, NULL));
    CHECK_OK(keyviz_merge_add(merge, back, "y", 1, NULL, NULL));
    CHECK_OK(keyviz_merge_finish(merge, &merged, NULL));
    keyviz_merge_free(merge);
    keyviz_matrix_free(merged);
    keyviz_matrix_free(back);
    CHECK_EQUAL(keyviz_matrix_to_csv(matrix, NULL, 0, &size, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK_EQUAL(keyviz_matrix_to_html(&matrix, 1, NULL, 0, NULL, 0, &size, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
}

/* Whether it was read. If not, the reason is told with the place. */
static int survives(const void *bytes, size_t len, int proto) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_matrix_t *matrix = NULL;
    keyviz_status_t status = read_exactly(bytes, len, proto, &matrix, &error);
    if (status == KEYVIZ_OK) {
        CHECK(matrix != NULL);
        use(matrix, proto);
        keyviz_matrix_free(matrix);
        return 1;
    }
    CHECK(matrix == NULL && (status == KEYVIZ_ERR_MALFORMED || status == KEYVIZ_ERR_TOO_LARGE));
    CHECK(is_told(&error, status));
    if (!proto && !strstr(error.message, "at byte")) {
        check_that(0, "the place is told", __FILE__, __LINE__);
        fprintf(stderr, "  but: %s\n", error.message);
    }
    return 0;
}

static unsigned char *proto_message(size_t *size) {
    keyviz_matrix_t *matrix = read_json(JSON);
    unsigned char *message = made(proto_of, matrix, size);
    keyviz_matrix_free(matrix);
    return message;
}

static void a_message_that_is_cut_anywhere_is_survived(void) {
    size_t size, read = 0;
    for (size_t len = 0; len < strlen(JSON); len++) CHECK(!survives(JSON, len, 0));
    CHECK(survives(JSON, strlen(JSON), 0));
    unsigned char *proto = proto_message(&size);
    for (size_t len = 0; len <= size; len++) read += (size_t)survives(proto, len, 1);
    /* Between its fields it may end: after nothing, ... columns, and each of three rows. */
    CHECK_EQUAL(read, 5);
    free(proto);
}

static uint64_t random_state = 88172645463325252u;

static uint64_t random_number(void) {
    random_state ^= random_state << 13, random_state ^= random_state >> 7, random_state ^= random_state << 17;
    return random_state >> 11;
}

static void a_message_with_bytes_changed_is_survived(void) {
    static const char likely[] = "0123456789-.eE+\"\\{}[],:nulltruefalse \n#@\xc3\xff";
    size_t sizes[2] = {strlen(JSON), 0}, read[2] = {0, 0};
    unsigned char *messages[2] = {exactly(sizes[0]), proto_message(&sizes[1])};
    memcpy(messages[0], JSON, sizes[0]);
    uint64_t rounds = check_share(20000) + 200;
    for (uint64_t i = 0; i < rounds; i++) {
        int proto = i % 2 == 1;
        size_t size = sizes[proto];
        unsigned char *changed = exactly(size + 8);
        memcpy(changed, messages[proto], size);
        for (uint64_t j = random_number() % 4 + 1; j > 0; j--) {
            size_t at = random_number() % size, len = random_number() % 8 + 1;
            switch (random_number() % 4) {
            case 0: changed[at] = (unsigned char)random_number(); break;
            case 1: changed[at] = (unsigned char)likely[random_number() % (sizeof likely - 1)]; break;
            case 2: changed[at] ^= (unsigned char)(1 << random_number() % 8); break;
            default: /* A piece is put elsewhere. */
                if (at + len < size) memmove(changed + random_number() % (size - len), changed + at, len);
            }
        }
        read[proto] += (size_t)survives(changed, size, proto);
        free(changed);
    }
    CHECK(read[0] > rounds / 100 && read[0] < rounds / 2 - rounds / 100);
    CHECK(read[1] > rounds / 100 && read[1] < rounds / 2 - rounds / 100);
    free(messages[0]);
    free(messages[1]);
}

static void random_bytes_are_survived(void) {
    unsigned char bytes[256];
    for (uint64_t i = 0; i < check_share(100000) + 200; i++) {
        size_t len = random_number() % sizeof bytes;
        for (size_t j = 0; j < len; j++) bytes[j] = (unsigned char)random_number();
        /* Most of what has no brace is over at once. */
        if (len && i % 4 < 2) bytes[0] = i % 4 ? '{' : 0x12;
        survives(bytes, len, i % 2 == 0);
    }
}

static void what_is_wrong_is_told_with_its_place(void) {
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"", "at byte 0"},
        {"nul", "at byte"},
        {"[]", "at byte"},
        {"{\"column_unix_ms\":[1.5]}", "at byte"},
        {"{\"column_unix_ms\":[1],\"rows\":[{\"bucket_id\":\"r\",\"values\":[1,2]}]}", "values has 2 entries"},
        {"{\"column_unix_ms\":[1],\"rows\":[{\"bucket_id\":\"r\",\"values\":[-1]}]}", "at byte"},
        {"{\"column_unix_ms\":[1],\"rows\":[{\"bucket_id\":\"r\",\"values\":[18446744073709551616]}]}", "at byte"},
        {"{\"column_unix_ms\":[1],\"rows\":[{\"bucket_id\":\"r\",\"values\":[NaN]}]}", "at byte"},
        {"{\"column_unix_ms\":[],\"rows\":[{\"values\":[]}]}", "bucket_id"},
        {"{\"column_unix_ms\":[],\"rows\":[{\"bucket_id\":\"r\"},{\"bucket_id\":\"r\"}]}", "\"r\" is the id of two rows"},
        {"{\"rows\":[{\"bucket_id\":\"r\",\"start\":\"*\"}]}", "base64"},
        {"{\"series\":\"sums\"}", "\"sums\" is no series"},
        {"{\"generated_at\":\"yesterday\"}", "generated_at"},
        {"{\"series\":\"writes\",\"series\":\"writes\"}", "twice"},
        {"{} {}", "at byte 3"},
        {"{\"node\":\"\xff\"}", "at byte"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        keyviz_error_t error = KEYVIZ_ERROR_INIT;
        keyviz_matrix_t *matrix = NULL;
        size_t len = strlen(cases[i].json);
        CHECK_EQUAL(read_exactly(cases[i].json, len, 0, &matrix, &error), KEYVIZ_ERR_MALFORMED);
        CHECK(matrix == NULL && strstr(error.message, "(at byte ") != NULL);
        if (!strstr(error.message, cases[i].message)) {
            check_that(0, cases[i].message, __FILE__, __LINE__);
            fprintf(stderr, "  but: %s\n", error.message);
        }
    }
}

/* What is wrong is cut where it is long, the place is not. */
static void the_place_is_told_after_a_long_name_too(void) {
    char json[1200] = "{\"series\":\"";
    for (int i = 0; i < 250; i++) strcat(json, "\xf0\x9f\x94\x91");
    strcat(json, "\"}");
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_matrix_t *matrix = NULL;
    CHECK_EQUAL(keyviz_matrix_from_json(json, strlen(json), NULL, &matrix, &error), KEYVIZ_ERR_MALFORMED);
    CHECK(is_told(&error, KEYVIZ_ERR_MALFORMED) && strstr(error.message, "(at byte ") != NULL);
}

static keyviz_status_t within(uint64_t bytes, uint64_t rows, uint64_t cells, int proto, const void *message, size_t len) {
    keyviz_limits_t limits = KEYVIZ_LIMITS_INIT;
    limits.max_bytes = bytes, limits.max_rows = rows, limits.max_cells = cells;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_matrix_t *matrix = NULL;
    keyviz_status_t status = proto ? keyviz_matrix_from_proto(message, len, KEYVIZ_SERIES_WRITES, &limits, &matrix, &error)
                                   : keyviz_matrix_from_json(message, len, &limits, &matrix, &error);
    CHECK((matrix != NULL) == (status == KEYVIZ_OK));
    CHECK(status == KEYVIZ_OK || (is_told(&error, status) && strstr(error.message, "(at byte ") != NULL));
    keyviz_matrix_free(matrix);
    return status;
}

static void limits_hold_to_the_unit(void) {
    size_t size;
    unsigned char *proto = proto_message(&size);
    for (int which = 0; which < 2; which++) {
        const void *message = which ? (const void *)proto : JSON;
        size_t len = which ? size : strlen(JSON);
        CHECK_OK(within(0, 0, 0, which, message, len));
        CHECK_OK(within(len, 3, 6, which, message, len));
        CHECK_OK(within(UINT64_MAX, UINT64_MAX, UINT64_MAX, which, message, len));
        CHECK_EQUAL(within(len - 1, 3, 6, which, message, len), KEYVIZ_ERR_TOO_LARGE);
        CHECK_EQUAL(within(len, 2, 6, which, message, len), KEYVIZ_ERR_TOO_LARGE);
        CHECK_EQUAL(within(len, 3, 5, which, message, len), KEYVIZ_ERR_TOO_LARGE);
        CHECK_EQUAL(within(1, 1, 1, which, message, len), KEYVIZ_ERR_TOO_LARGE);
    }
    free(proto);
}

static void nothing_is_read_through_null(void) {
    keyviz_matrix_t *matrix = NULL;
    CHECK_EQUAL(keyviz_matrix_from_json(NULL, 1, NULL, &matrix, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_from_proto(NULL, 1, KEYVIZ_SERIES_READS, NULL, &matrix, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_from_json(JSON, sizeof JSON - 1, NULL, NULL, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_from_proto(JSON, 1, KEYVIZ_SERIES_READS, NULL, NULL, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_matrix_from_json(NULL, 0, NULL, &matrix, NULL), KEYVIZ_ERR_MALFORMED);
    CHECK_EQUAL(keyviz_matrix_from_json(JSON, SIZE_MAX, NULL, &matrix, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK(matrix == NULL);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(a_message_that_is_cut_anywhere_is_survived);
    RUN(a_message_with_bytes_changed_is_survived);
    RUN(random_bytes_are_survived);
    RUN(what_is_wrong_is_told_with_its_place);
    RUN(the_place_is_told_after_a_long_name_too);
    RUN(limits_hold_to_the_unit);
    RUN(nothing_is_read_through_null);
    return check_summary(argv[0]);
}
