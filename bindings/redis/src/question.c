/* The options of the KEYVIZ.* commands. */
#include "question.h"

#include <string.h>

/* Which of the words it is; -1: none. */
static int one_of(struct bytes value, const char *const *words) {
    for (int i = 0; words[i]; i++)
        if (bytes_are(value, words[i])) return i;
    return -1;
}

/* Unix ms, or below 0: so many ms ago. */
static bool time_of(RedisModuleString *value, int64_t *ns) {
    long long ms;
    if (RedisModule_StringToLongLong(value, &ms) != REDISMODULE_OK || ms > INT64_MAX / 1000000) return false;
    if (ms < 0) ms = ms < -RedisModule_Milliseconds() ? 1 : ms + RedisModule_Milliseconds();
    *ns = (int64_t)ms * 1000000;
    return true;
}

/* NULL: it is good; otherwise what is wrong with the value. */
static const char *answer(struct question *question, struct bytes name, RedisModuleString *argument, unsigned allowed) {
    static const char *const series[] = {"reads", "writes", "read_bytes", "write_bytes", NULL}; /* KEYVIZ_SERIES_* */
    static const char *const formats[] = {"rows", "json", "csv", "png", "proto", NULL};
    static const char *const budgets[] = {"top", "merge", NULL}; /* KEYVIZ_BUDGET_* */
    struct bytes value = bytes_of(argument);
    long long n;
    int word;
    if (allowed & SERIES && bytes_are(name, "series")) {
        if ((word = one_of(value, series)) < 0) return "SERIES takes reads, writes, read_bytes or write_bytes";
        question->matrix.series = question->hot_keys.series = (uint32_t)word;
    } else if (allowed & FORMAT && bytes_are(name, "format")) {
        if ((word = one_of(value, formats)) < 0) return "FORMAT takes rows, json, csv, png or proto";
        question->format = (unsigned)word;
    } else if (allowed & TIMES && bytes_are(name, "from")) {
        if (!time_of(argument, &question->matrix.from_ns)) return "FROM takes Unix milliseconds, or below 0, how long ago";
    } else if (allowed & TIMES && bytes_are(name, "to")) {
        if (!time_of(argument, &question->matrix.to_ns)) return "TO takes Unix milliseconds, or below 0, how long ago";
    } else if (allowed & ROWS && bytes_are(name, "rows")) {
        if (RedisModule_StringToLongLong(argument, &n) != REDISMODULE_OK || n < 1 || n > 1024) return "ROWS takes 1 to 1024";
        question->matrix.row_budget = (uint32_t)n;
    } else if (allowed & BUDGET && bytes_are(name, "budget")) {
        if ((word = one_of(value, budgets)) < 0) return "BUDGET takes top or merge";
        question->matrix.budget_mode = (uint32_t)word;
    } else if (allowed & ROUTE && bytes_are(name, "route")) {
        unsigned long long id;
        if (RedisModule_StringToULongLong(argument, &id) != REDISMODULE_OK) return "ROUTE takes the number of a route";
        question->hot_keys.route_id = id, question->has_route = true;
    } else if (allowed & TOP && bytes_are(name, "top")) {
        if (RedisModule_StringToLongLong(argument, &n) != REDISMODULE_OK || n < 1 || n > 1024) return "TOP takes 1 to 1024";
        question->hot_keys.top = n;
    } else if (allowed & TITLE && bytes_are(name, "title")) {
        question->title = value;
    } else {
        return "unknown option, see KEYVIZ.HELP";
    }
    return NULL;
}

const char *question_read(struct question *question, RedisModuleString **argv, int argc, int from, unsigned allowed) {
    memset(question, 0, sizeof *question);
    keyviz_matrix_query_init(&question->matrix);
    keyviz_hot_keys_query_init(&question->hot_keys);
    question->hot_keys.label = KEYVIZ_LABEL_REDIS;
    question->hot_keys.top = 20;
    question->matrix.node = host.name;
    question->matrix.node_len = host.name ? (uint32_t)strlen(host.name) : 0;
    for (int i = from; i < argc; i += 2) {
        if (i + 1 == argc) return "the last option has no value";
        const char *wrong = answer(question, bytes_of(argv[i]), argv[i + 1], allowed);
        if (wrong) return wrong;
    }
    return NULL;
}
