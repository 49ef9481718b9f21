/* What a KEYVIZ.* command was asked for: options, each a name with a value, in any order. */
#ifndef KEYVIZ_REDIS_QUESTION_H
#define KEYVIZ_REDIS_QUESTION_H

#include "host.h"

struct question {
    keyviz_matrix_query_t matrix;
    keyviz_hot_keys_query_t hot_keys;
    enum { ROWS_FORMAT, JSON, CSV, PNG, PROTO } format;
    bool has_route;
    struct bytes title;
};

/* Options that a command takes. */
enum { SERIES = 1, FORMAT = 2, TIMES = 4, ROWS = 8, BUDGET = 16, ROUTE = 32, TOP = 64, TITLE = 128 };

/* Reads the options from argument `from` on. NULL: all is good; otherwise what is wrong. */
const char *question_read(struct question *question, RedisModuleString **argv, int argc, int from, unsigned allowed);

#endif
