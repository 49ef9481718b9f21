/* What is known of a command: where its keys are, as Redis' key specifications say it. */
#ifndef KEYVIZ_REDIS_COMMANDS_H
#define KEYVIZ_REDIS_COMMANDS_H

#include "host.h"

/* One key specification: where to begin, and how to go on from there. Numbers are as in COMMAND. */
struct key_spec {
    uint32_t op;
    /* NULL: it begins at argument `begin`. Otherwise behind this word, which is looked for from argument `begin` on (from the
     * end backwards where it is negative). */
    char *keyword;
    int begin;
    /* How many keys there are is itself an argument, `count_at` behind the beginning. */
    bool counted;
    int count_at, first_key;
    /* Not counted: to `last` behind the beginning, or from the end where it is negative; of what is left only one in
     * `limit`. */
    int last, limit;
    int step;
};

enum { SPECS_MAX = 4 };

struct command {
    /* As Redis has it; of a subcommand "object|encoding". NULL: the place is free. */
    char *name;
    size_t name_len;
    /* CONTAINER: its second argument says which subcommand it is. ASK: its specifications don't tell all, and Redis has to be
     * asked each time. */
    enum { NO_KEYS, SPECIFIED, CONTAINER, ASK } how;
    /* Exact, or at least where it is negative. */
    int arity;
    /* Of keys whose specification says nothing. */
    uint32_t op;
    /* The argument that is the value; 0: all that follow a key and belong to it. */
    int value;
    /* SPECIFIED: the one key that it has, as most commands do; 0: it is not so simple. */
    int only_key;
    size_t spec_count;
    struct key_spec specs[SPECS_MAX];
};

/* NULL: there is none. */
const struct command *commands_find(struct bytes name);

#endif
