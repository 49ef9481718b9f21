/* The KEYVIZ.* commands. Errors of the library are told in its own words. */
#include "question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reply_error(RedisModuleCtx *ctx, const char *what) {
    char text[sizeof((keyviz_error_t *)0)->message + 8];
    snprintf(text, sizeof text, "ERR %s", what);
    return RedisModule_ReplyWithError(ctx, text);
}

static int reply_string(RedisModuleCtx *ctx, const char *name, const void *data, size_t len) {
    RedisModule_ReplyWithCString(ctx, name);
    return RedisModule_ReplyWithStringBuffer(ctx, len ? data : "", len);
}

static int reply_number(RedisModuleCtx *ctx, const char *name, uint64_t value) {
    RedisModule_ReplyWithCString(ctx, name);
    return RedisModule_ReplyWithLongLong(ctx, value > INT64_MAX ? INT64_MAX : (long long)value);
}

/* Reads the options. On failure the error is the reply. */
static bool ask(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, int from, unsigned allowed,
                struct question *question) {
    const char *wrong = question_read(question, argv, argc, from, allowed);
    if (wrong) reply_error(ctx, wrong);
    return !wrong;
}

/* The matrix that was asked for; to be freed. On failure the error is the reply. */
static keyviz_matrix_t *matrix_for(RedisModuleCtx *ctx, const struct question *question) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_matrix_t *matrix;
    if (keyviz_matrix_query(host.sampler, &question->matrix, &matrix, &error) == KEYVIZ_OK) return matrix;
    reply_error(ctx, error.message);
    return NULL;
}

/* What is to be written: hot keys as JSON; a page of matrices, of different series; or one matrix in another form. */
struct writing {
    const keyviz_hot_keys_t *hot_keys;
    bool page;
    const keyviz_matrix_t *const *matrices;
    size_t count;
    const struct question *question;
};

static keyviz_status_t write_into(const struct writing *writing, void *buffer, size_t capacity, size_t *size,
                                  keyviz_error_t *error) {
    if (writing->hot_keys) return keyviz_hot_keys_to_json(writing->hot_keys, buffer, capacity, size, error);
    struct bytes title = writing->question->title;
    if (writing->page)
        return keyviz_matrix_to_html(writing->matrices, writing->count, title.data, title.len, buffer, capacity, size, error);
    const keyviz_matrix_t *matrix = writing->matrices[0];
    switch (writing->question->format) {
    case CSV: return keyviz_matrix_to_csv(matrix, buffer, capacity, size, error);
    case PNG: return keyviz_matrix_to_png(matrix, NULL, buffer, capacity, size, error);
    case PROTO: return keyviz_matrix_to_proto(matrix, buffer, capacity, size, error);
    default: return keyviz_matrix_to_json(matrix, buffer, capacity, size, error);
    }
}

/* Asks for the size, and then for the bytes. */
static int reply_written(RedisModuleCtx *ctx, const struct writing *writing) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    size_t size = 0;
    keyviz_status_t status = write_into(writing, NULL, 0, &size, &error);
    if (status == KEYVIZ_OK) return RedisModule_ReplyWithEmptyString(ctx);
    if (status != KEYVIZ_ERR_BUFFER_TOO_SMALL) return reply_error(ctx, error.message);
    char *buffer = malloc(size);
    if (!buffer) return reply_error(ctx, "there is no memory for the reply");
    if (write_into(writing, buffer, size, &size, &error) == KEYVIZ_OK)
        RedisModule_ReplyWithStringBuffer(ctx, buffer, size);
    else
        reply_error(ctx, error.message);
    free(buffer);
    return REDISMODULE_OK;
}

static uint64_t total_of(const uint64_t *values, size_t count) {
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) total = values[i] > UINT64_MAX - total ? UINT64_MAX : total + values[i];
    return total;
}

/* The rows as a client's own arrays and maps, without their columns. */
static int reply_rows(RedisModuleCtx *ctx, const keyviz_matrix_t *matrix) {
    size_t rows = 0, columns = 0;
    keyviz_matrix_shape(matrix, &rows, &columns);
    RedisModule_ReplyWithArray(ctx, (long)rows);
    for (size_t i = 0; i < rows; i++) {
        keyviz_matrix_row_t row = KEYVIZ_MATRIX_ROW_INIT;
        keyviz_verdict_t verdict = KEYVIZ_VERDICT_INIT;
        keyviz_matrix_row(matrix, i, &row, NULL);
        keyviz_matrix_verdict(matrix, i, &verdict, NULL);
        RedisModule_ReplyWithMap(ctx, 5);
        reply_string(ctx, "row", row.id, row.id_len);
        reply_string(ctx, "start", row.start, row.start_len);
        reply_string(ctx, "end", row.end, row.end_len);
        reply_number(ctx, "total", total_of(row.values, columns));
        const char *name = keyviz_verdict_name(verdict.verdict);
        reply_string(ctx, "verdict", name, strlen(name));
    }
    return REDISMODULE_OK;
}

/* KEYVIZ.MATRIX */
static int on_matrix(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    struct question question;
    if (!ask(ctx, argv, argc, 1, SERIES | FORMAT | TIMES | ROWS | BUDGET, &question)) return REDISMODULE_OK;
    keyviz_matrix_t *matrix = matrix_for(ctx, &question);
    if (!matrix) return REDISMODULE_OK;
    const keyviz_matrix_t *only[] = {matrix};
    if (question.format == ROWS_FORMAT)
        reply_rows(ctx, matrix);
    else
        reply_written(ctx, &(struct writing){.matrices = only, .count = 1, .question = &question});
    keyviz_matrix_free(matrix);
    return REDISMODULE_OK;
}

/* KEYVIZ.HTML: a page with all series, that of SERIES first. */
static int on_html(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    struct question question;
    if (!ask(ctx, argv, argc, 1, SERIES | TIMES | ROWS | BUDGET | TITLE, &question)) return REDISMODULE_OK;
    keyviz_matrix_t *matrices[4] = {NULL};
    uint32_t first = question.matrix.series;
    size_t made = 0;
    for (uint32_t i = 0; i < 4; i++) {
        question.matrix.series = i == 0 ? first : i <= first ? i - 1 : i;
        if (!(matrices[made] = matrix_for(ctx, &question))) break;
        made++;
    }
    const keyviz_matrix_t *const *all = (const keyviz_matrix_t *const *)matrices;
    if (made == 4) reply_written(ctx, &(struct writing){.page = true, .matrices = all, .count = made, .question = &question});
    while (made > 0) keyviz_matrix_free(matrices[--made]);
    return REDISMODULE_OK;
}

/* A key of a reply, and the route that it was asked of. */
struct hot_key {
    keyviz_hot_key_t key;
    uint64_t route_id;
};

/* Most counted first, and then by key, as the library sorts them. */
static int hotter(const void *a, const void *b) {
    const keyviz_hot_key_t *x = &((const struct hot_key *)a)->key, *y = &((const struct hot_key *)b)->key;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return bytes_compare((struct bytes){x->key, x->key_len}, (struct bytes){y->key, y->key_len});
}

/* KEYVIZ.HOTKEYS without ROUTE: the keys of all routes together. The counts of each stand for themselves, since a key is in
 * one route. */
static int reply_hot_keys(RedisModuleCtx *ctx, keyviz_hot_keys_query_t query, const struct question *question) {
    size_t routes = question->has_route ? 1 : ranges_count(), count = 0, top = (size_t)query.top;
    keyviz_hot_keys_t **replies = RedisModule_Calloc(routes, sizeof *replies);
    struct hot_key *keys = NULL;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_status_t status = KEYVIZ_OK;
    for (size_t i = 0; i < routes; i++) {
        if (!question->has_route) query.route_id = ranges_get(i)->route_id;
        status = keyviz_hot_keys_query(host.sampler, &query, &replies[i], &error);
        if (status == KEYVIZ_ERR_NO_SNAPSHOT && !question->has_route) status = KEYVIZ_OK;
        if (status != KEYVIZ_OK) break;
        if (!replies[i]) continue;
        keyviz_hot_key_t some[256] = {KEYVIZ_HOT_KEY_INIT};
        size_t got = 0;
        keyviz_hot_keys_entries(replies[i], 0, some, 256, &got, NULL);
        keys = RedisModule_Realloc(keys, (count + got + 1) * sizeof *keys);
        for (size_t j = 0; j < got; j++) keys[count++] = (struct hot_key){some[j], query.route_id};
    }
    if (status != KEYVIZ_OK) {
        reply_error(ctx, error.message);
    } else {
        if (count) qsort(keys, count, sizeof *keys, hotter);
        if (count > top) count = top;
        RedisModule_ReplyWithArray(ctx, (long)count);
        for (size_t i = 0; i < count; i++) {
            RedisModule_ReplyWithMap(ctx, 5);
            reply_string(ctx, "key", keys[i].key.key, keys[i].key.key_len);
            reply_number(ctx, "count", keys[i].key.count);
            reply_number(ctx, "count_low", keys[i].key.count_low);
            reply_number(ctx, "count_high", keys[i].key.count_high);
            reply_number(ctx, "route", keys[i].route_id);
        }
    }
    for (size_t i = 0; i < routes; i++) keyviz_hot_keys_free(replies[i]);
    RedisModule_Free(replies);
    RedisModule_Free(keys);
    return REDISMODULE_OK;
}

/* KEYVIZ.HOTKEYS FORMAT json: the library's reply for one route. */
static int reply_hot_keys_json(RedisModuleCtx *ctx, keyviz_hot_keys_query_t query) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_hot_keys_t *reply;
    if (keyviz_hot_keys_query(host.sampler, &query, &reply, &error) != KEYVIZ_OK) return reply_error(ctx, error.message);
    reply_written(ctx, &(struct writing){.hot_keys = reply});
    keyviz_hot_keys_free(reply);
    return REDISMODULE_OK;
}

/* KEYVIZ.HOTKEYS */
static int on_hot_keys(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    struct question question;
    if (!ask(ctx, argv, argc, 1, SERIES | FORMAT | ROUTE | TOP, &question)) return REDISMODULE_OK;
    if (question.format == ROWS_FORMAT) return reply_hot_keys(ctx, question.hot_keys, &question);
    if (question.format != JSON) return reply_error(ctx, "hot keys have FORMAT rows or json");
    if (!question.has_route && ranges_count() > 1)
        return reply_error(ctx, "there are several routes, and JSON is of one: give its ROUTE");
    if (!question.has_route) question.hot_keys.route_id = ranges_get(0)->route_id;
    return reply_hot_keys_json(ctx, question.hot_keys);
}

static int reply_ranges(RedisModuleCtx *ctx) {
    size_t count = ranges_count();
    RedisModule_ReplyWithArray(ctx, (long)count);
    for (size_t i = 0; i < count; i++) {
        struct bytes start = ranges_get(i)->start, end = i + 1 < count ? ranges_get(i + 1)->start : (struct bytes){NULL, 0};
        RedisModule_ReplyWithMap(ctx, 3);
        reply_number(ctx, "route", ranges_get(i)->route_id);
        reply_string(ctx, "start", start.data, start.len);
        reply_string(ctx, "end", end.data, end.len);
    }
    return REDISMODULE_OK;
}

static int reply_split(RedisModuleCtx *ctx, const struct bytes *keys, size_t count) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    size_t made;
    if (ranges_split(keys, count, &made, &error) != KEYVIZ_OK) return reply_error(ctx, error.message);
    return RedisModule_ReplyWithLongLong(ctx, (long long)made);
}

static int compare(const void *a, const void *b) { return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b); }

/* KEYVIZ.ROUTE AUTO: cuts at the quantiles of a sample of the keys, so that each range has about the same number of keys. */
static int reply_auto(RedisModuleCtx *ctx, RedisModuleString *argument) {
    enum { SAMPLES_PER_RANGE = 32 };
    long long ranges;
    if (RedisModule_StringToLongLong(argument, &ranges) != REDISMODULE_OK || ranges < 2 || ranges > 1024)
        return reply_error(ctx, "AUTO takes a number of ranges, 2 to 1024");
    size_t wanted = (size_t)ranges * SAMPLES_PER_RANGE, count = 0;
    RedisModuleString **names = RedisModule_Alloc(wanted * sizeof *names);
    struct bytes *keys = RedisModule_Alloc(wanted * sizeof *keys);
    while (count < wanted && (names[count] = RedisModule_RandomKey(ctx)) != NULL) {
        keys[count] = bytes_of(names[count]);
        count++;
    }
    qsort(keys, count, sizeof *keys, compare);
    size_t cuts = 0;
    for (long long i = 1; i < ranges && count > 0; i++) keys[cuts++] = keys[(size_t)i * count / (size_t)ranges];
    reply_split(ctx, keys, cuts);
    for (size_t i = 0; i < count; i++) RedisModule_FreeString(ctx, names[i]);
    RedisModule_Free(names);
    RedisModule_Free(keys);
    return REDISMODULE_OK;
}

/* KEYVIZ.ROUTE SUGGEST: the hot routes, and where the library would split them. */
static int reply_suggestions(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    struct question question;
    if (!ask(ctx, argv, argc, 2, SERIES | TIMES, &question)) return REDISMODULE_OK;
    keyviz_matrix_t *matrix = matrix_for(ctx, &question);
    if (!matrix) return REDISMODULE_OK;
    RedisModule_ReplyWithArray(ctx, REDISMODULE_POSTPONED_LEN);
    keyviz_split_t split = KEYVIZ_SPLIT_INIT;
    long count = 0;
    for (; keyviz_matrix_split(matrix, (size_t)count, &split, NULL) == KEYVIZ_OK; count++) {
        RedisModule_ReplyWithMap(ctx, 4);
        reply_number(ctx, "route", split.route_id);
        reply_number(ctx, "percent", (uint64_t)(split.share * 100 + 0.5));
        RedisModule_ReplyWithCString(ctx, "key");
        if (split.key)
            RedisModule_ReplyWithStringBuffer(ctx, split.key, split.key_len);
        else
            RedisModule_ReplyWithNull(ctx);
        reply_string(ctx, "reason", split.reason, split.reason_len);
    }
    RedisModule_ReplySetArrayLength(ctx, count);
    keyviz_matrix_free(matrix);
    return REDISMODULE_OK;
}

/* KEYVIZ.ROUTE */
static int on_route(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (argc < 2) return RedisModule_WrongArity(ctx);
    struct bytes what = bytes_of(argv[1]);
    if (bytes_are(what, "list") && argc == 2) return reply_ranges(ctx);
    if (bytes_are(what, "suggest")) return reply_suggestions(ctx, argv, argc);
    if (bytes_are(what, "auto") && argc == 3) return reply_auto(ctx, argv[2]);
    if (bytes_are(what, "split") && argc > 2) {
        struct bytes *keys = RedisModule_Alloc((size_t)argc * sizeof *keys);
        for (int i = 2; i < argc; i++) keys[i - 2] = bytes_of(argv[i]);
        reply_split(ctx, keys, (size_t)argc - 2);
        RedisModule_Free(keys);
        return REDISMODULE_OK;
    }
    if (bytes_are(what, "join") && argc == 3) {
        keyviz_error_t error = KEYVIZ_ERROR_INIT;
        keyviz_status_t status = ranges_join(bytes_of(argv[2]), &error);
        if (status == KEYVIZ_ERR_NOT_FOUND) return reply_error(ctx, "no range starts at this key");
        return status == KEYVIZ_OK ? RedisModule_ReplyWithSimpleString(ctx, "OK") : reply_error(ctx, error.message);
    }
    return reply_error(ctx, "KEYVIZ.ROUTE takes LIST, SPLIT, JOIN, AUTO or SUGGEST, see KEYVIZ.HELP");
}

/* KEYVIZ.FLUSH */
static int on_flush(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    if (argc != 1) return RedisModule_WrongArity(ctx);
    keyviz_column_info_t column = KEYVIZ_COLUMN_INFO_INIT;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    if (host_flush(&column, &error) != KEYVIZ_OK) return reply_error(ctx, error.message);
    return RedisModule_ReplyWithLongLong(ctx, (long long)column.rows);
}

/* KEYVIZ.STATS */
static int on_stats(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    if (argc != 1) return RedisModule_WrongArity(ctx);
    struct stat_line lines[STAT_LINES];
    host_stats(lines);
    RedisModule_ReplyWithMap(ctx, STAT_LINES + 1);
    reply_string(ctx, "library_version", keyviz_version(), strlen(keyviz_version()));
    for (size_t i = 0; i < STAT_LINES; i++) reply_number(ctx, lines[i].name, lines[i].value);
    return REDISMODULE_OK;
}

/* KEYVIZ.HELP */
static int on_help(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    if (argc != 1) return RedisModule_WrongArity(ctx);
    static const char *const lines[] = {
        "KEYVIZ.MATRIX [SERIES reads|writes|read_bytes|write_bytes] [FORMAT rows|json|csv|png|proto]",
        "    [FROM ms] [TO ms] [ROWS n] [BUDGET top|merge]",
        "    Time x key ranges, of the columns so far; writes, as rows with their totals, unless it is said",
        "    otherwise. Times are Unix ms, or below 0: so long ago.",
        "KEYVIZ.HTML [SERIES s] [FROM ms] [TO ms] [ROWS n] [BUDGET top|merge] [TITLE text]",
        "    The heatmap as a page for a browser.",
        "KEYVIZ.HOTKEYS [SERIES reads|writes] [TOP n] [ROUTE id] [FORMAT rows|json]",
        "    The keys that were used most in the last step, with bounds of how often.",
        "KEYVIZ.ROUTE LIST",
        "    The ranges that the key space is cut into.",
        "KEYVIZ.ROUTE SPLIT key [key ...]",
        "    Cuts it at these keys, too. The reply: how many cuts there are more.",
        "KEYVIZ.ROUTE JOIN key",
        "    Takes the cut at this key away.",
        "KEYVIZ.ROUTE AUTO n",
        "    Cuts it into n ranges with about as many keys each, from a sample of the keys of this database.",
        "KEYVIZ.ROUTE SUGGEST [SERIES s] [FROM ms] [TO ms]",
        "    Which ranges are hot, and where to cut them.",
        "KEYVIZ.FLUSH",
        "    Ends the step now. The reply: how many rows the column has.",
        "KEYVIZ.STATS",
        "    What the module has, and where its memory is; also INFO keyviz.",
        "KEYVIZ.HELP",
        "    This.",
    };
    size_t count = sizeof lines / sizeof *lines;
    RedisModule_ReplyWithArray(ctx, (long)count);
    for (size_t i = 0; i < count; i++) RedisModule_ReplyWithSimpleString(ctx, lines[i]);
    return REDISMODULE_OK;
}

bool replies_register(RedisModuleCtx *ctx) {
    /* All but HELP tell keys of users or change what is counted, and some take a while: admin. None has keys itself. */
    static const struct {
        const char *name;
        RedisModuleCmdFunc run;
        const char *flags;
    } commands[] = {
        {"keyviz.matrix", on_matrix, "readonly admin allow-stale"},
        {"keyviz.html", on_html, "readonly admin allow-stale"},
        {"keyviz.hotkeys", on_hot_keys, "readonly admin allow-stale"},
        {"keyviz.route", on_route, "admin allow-stale"},
        {"keyviz.flush", on_flush, "admin allow-stale"},
        {"keyviz.stats", on_stats, "readonly admin fast allow-stale"},
        {"keyviz.help", on_help, "fast allow-stale allow-loading"},
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (RedisModule_CreateCommand(ctx, commands[i].name, commands[i].run, commands[i].flags, 0, 0, 0) != REDISMODULE_OK)
            return false;
    return true;
}
