/* The command filter: one observation for each key of a command, before it runs. */
#include "commands.h"

#include <string.h>
#include <strings.h>

/* Keys at first, first + step ... last. */
struct span {
    int first, last, step;
};

static struct bytes argument(RedisModuleCommandFilterCtx *filter, int i) {
    return bytes_of(RedisModule_CommandFilterArgGet(filter, i));
}

/* The status is of no use here: the route is known, and what can't be counted for lack of memory has no better place. */
static void observe(struct bytes key, uint32_t op, uint64_t value_len) {
    keyviz_lane_observe(host.lane, ranges_route_of(key.data, key.len), key.data, key.len, op, value_len, KEYVIZ_LABEL_REDIS);
}

/* The argument behind the word; 0: it is not there. */
static int behind(RedisModuleCommandFilterCtx *filter, const struct key_spec *spec, int argc) {
    int from = spec->begin > 0 ? spec->begin : argc + spec->begin, by = spec->begin > 0 ? 1 : -1;
    size_t len = strlen(spec->keyword);
    for (int i = from; i > 0 && i < argc; i += by) {
        struct bytes word = argument(filter, i);
        if (word.len == len && strncasecmp(word.data, spec->keyword, len) == 0) return i + 1;
    }
    return 0;
}

/* False: the command is malformed, and Redis will refuse it. A span of no keys has a step of 0. */
static bool find_span(RedisModuleCommandFilterCtx *filter, const struct key_spec *spec, int argc, struct span *span) {
    int first = spec->keyword ? behind(filter, spec, argc) : spec->begin, last;
    *span = (struct span){0, 0, 0};
    if (first == 0) return true;
    if (spec->counted) {
        long long count;
        if (first + spec->count_at >= argc) return false;
        RedisModuleString *text = RedisModule_CommandFilterArgGet(filter, first + spec->count_at);
        if (RedisModule_StringToLongLong(text, &count) != REDISMODULE_OK || count < 0 || count > argc) return false;
        if (count == 0) return true;
        first += spec->first_key;
        last = first + ((int)count - 1) * spec->step;
    } else if (spec->last >= 0) {
        last = first + spec->last;
    } else if (spec->limit > 1) {
        last = first + (argc - first) / spec->limit + spec->last;
    } else {
        last = argc + spec->last;
    }
    *span = (struct span){first, last, spec->step};
    return first <= last && last < argc;
}

static uint64_t length_of(RedisModuleCommandFilterCtx *filter, int from, int to) {
    uint64_t sum = 0;
    for (int i = from; i < to; i++) sum += argument(filter, i).len;
    return sum;
}

/* A command with one key: what follows it belongs to it, or is its value. */
static void observe_only(RedisModuleCommandFilterCtx *filter, const struct command *command, int argc) {
    int key = command->only_key, value = command->value;
    uint64_t value_len = 0;
    if (key >= argc) return;
    if (command->specs[0].op == KEYVIZ_OP_WRITE)
        value_len = value && value < argc ? argument(filter, value).len : length_of(filter, key + 1, argc);
    observe(argument(filter, key), command->specs[0].op, value_len);
}

/* Bytes of the value of the key at `i`: arguments between keys belong to the one before. A command with keys of several
 * kinds, or that counts them, carries none. */
static uint64_t value_of(RedisModuleCommandFilterCtx *filter, const struct command *command, const struct span *span, int i,
                         int argc) {
    if (command->spec_count > 1 || command->specs[0].counted) return 0;
    int to = i + span->step;
    return length_of(filter, i + 1, to < argc ? to : argc);
}

static void observe_specified(RedisModuleCommandFilterCtx *filter, const struct command *command, int argc) {
    struct span spans[SPECS_MAX];
    for (size_t s = 0; s < command->spec_count; s++)
        if (!find_span(filter, &command->specs[s], argc, &spans[s])) return;
    for (size_t s = 0; s < command->spec_count; s++) {
        uint32_t op = command->specs[s].op;
        if (spans[s].step == 0) continue;
        for (int i = spans[s].first; i <= spans[s].last; i += spans[s].step)
            observe(argument(filter, i), op, op == KEYVIZ_OP_WRITE ? value_of(filter, command, &spans[s], i, argc) : 0);
    }
}

/* Redis of 7.0 tells no flags here but for those few commands that need this way. */
static void observe_asked(RedisModuleCommandFilterCtx *filter, const struct command *command, int argc) {
    RedisModuleString *few[64], **argv = few;
    if (argc > 64) argv = RedisModule_Alloc((size_t)argc * sizeof *argv);
    for (int i = 0; i < argc; i++) argv[i] = RedisModule_CommandFilterArgGet(filter, i);
    int count = 0, *flags = NULL;
    int *keys = RedisModule_GetCommandKeysWithFlags(host.ctx, argv, argc, &count, &flags);
    for (int i = 0; keys && i < count; i++) {
        bool writes = flags[i] & (REDISMODULE_CMD_KEY_RW | REDISMODULE_CMD_KEY_OW | REDISMODULE_CMD_KEY_RM);
        bool reads = flags[i] & REDISMODULE_CMD_KEY_RO;
        observe(bytes_of(argv[keys[i]]), writes ? KEYVIZ_OP_WRITE : reads ? KEYVIZ_OP_READ : command->op, 0);
    }
    RedisModule_Free(keys);
    RedisModule_Free(flags);
    if (argv != few) RedisModule_Free(argv);
}

/* The subcommand that the second argument names; NULL: there is none. */
static const struct command *subcommand(RedisModuleCommandFilterCtx *filter, const struct command *container, int argc) {
    char name[64];
    if (argc < 2) return NULL;
    struct bytes second = argument(filter, 1);
    if (container->name_len + 1 + second.len > sizeof name) return NULL;
    memcpy(name, container->name, container->name_len);
    name[container->name_len] = '|';
    memcpy(name + container->name_len + 1, second.data, second.len);
    return commands_find((struct bytes){name, container->name_len + 1 + second.len});
}

static bool arity_fits(const struct command *command, int argc) {
    return command->arity > 0 ? argc == command->arity : argc >= -command->arity;
}

void commands_observe(RedisModuleCommandFilterCtx *filter) {
    int argc = RedisModule_CommandFilterArgsCount(filter);
    const struct command *command = commands_find(argument(filter, 0));
    if (command && command->how == CONTAINER) command = subcommand(filter, command, argc);
    if (!command || command->how == NO_KEYS || !arity_fits(command, argc)) return;
    if (command->only_key)
        observe_only(filter, command, argc);
    else if (command->how == SPECIFIED)
        observe_specified(filter, command, argc);
    else
        observe_asked(filter, command, argc);
}
