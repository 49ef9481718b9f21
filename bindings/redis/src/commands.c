/* Which keys a command has, and the command filter.
 *
 * Redis itself knows: COMMAND tells of each command where its keys are and whether it writes, and what it tells is kept in a
 * hash table here. For nearly all commands that is enough, and no call is needed (FIXED). A few have keys of several kinds,
 * or move them (ZUNIONSTORE, XREAD, MIGRATE, subcommands): Redis is asked each time (ASK).
 *
 * Commands that are neither readonly nor write touch no value (WATCH, SUBSCRIBE) and are left out. So are EVAL and FCALL:
 * what a script does comes through the filter command by command. */
#include "host.h"

#include <string.h>
#include <strings.h>

enum how { NO_KEYS, FIXED, ASK };

struct command {
    /* NULL: the place is free. */
    char *name;
    size_t name_len;
    enum how how;
    uint32_t op;
    /* As in COMMAND: exact, or at least where it is negative. */
    int arity;
    /* FIXED: the keys are first, first + step ... last (from the end where it is negative). */
    int first, last, step;
    /* The argument that is the value; 0: all that follow a key and belong to it. */
    int value;
};

/* Open addressing; at most half of the places are taken. */
static struct {
    struct command *places;
    size_t mask;
} table;

static bool fits(const struct command *command, int argc) {
    return command->arity > 0 ? argc == command->arity : argc >= -command->arity;
}

/* FNV-1a, blind to case. */
static size_t hash(struct bytes name) {
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < name.len; i++) hash = (hash ^ (unsigned char)(name.data[i] | 0x20)) * 0x100000001b3;
    return (size_t)(hash ^ hash >> 32);
}

/* The command, or the free place for it. */
static struct command *place_of(struct bytes name) {
    for (size_t i = hash(name);; i++) {
        struct command *place = &table.places[i & table.mask];
        if (!place->name || (place->name_len == name.len && strncasecmp(place->name, name.data, name.len) == 0)) return place;
    }
}

static struct bytes string_in(RedisModuleCallReply *reply) {
    struct bytes string = {NULL, 0};
    if (reply && RedisModule_CallReplyType(reply) == REDISMODULE_REPLY_STRING)
        string.data = RedisModule_CallReplyStringPtr(reply, &string.len);
    return string;
}

static RedisModuleCallReply *element(RedisModuleCallReply *reply, size_t i) { return RedisModule_CallReplyArrayElement(reply, i); }

static int number_at(RedisModuleCallReply *reply, size_t i) { return (int)RedisModule_CallReplyInteger(element(reply, i)); }

static size_t length_at(RedisModuleCallReply *reply, size_t i) {
    RedisModuleCallReply *list = element(reply, i);
    return list && RedisModule_CallReplyType(list) == REDISMODULE_REPLY_ARRAY ? RedisModule_CallReplyLength(list) : 0;
}

/* Whether the list at `i` has this word. */
static bool has(RedisModuleCallReply *reply, size_t i, const char *word) {
    size_t count = length_at(reply, i);
    for (size_t j = 0; j < count; j++)
        if (bytes_are(string_in(element(element(reply, i), j)), word)) return true;
    return false;
}

/* Where the value is among other arguments (an expiry, an offset, options). */
static int value_of(struct bytes name) {
    static const struct {
        const char *name;
        int value;
    } known[] = {{"set", 2}, {"setex", 3}, {"psetex", 3}, {"setrange", 3}, {"restore", 3}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (bytes_are(name, known[i].name)) return known[i].value;
    return 0;
}

/* One element of COMMAND's reply: name, arity, flags, first key, last key, step, ACL categories, tips, key specifications,
 * subcommands. */
static void learn(RedisModuleCallReply *reply) {
    enum { NAME, ARITY, FLAGS, FIRST, LAST, STEP, CATEGORIES, TIPS, KEYS, SUBCOMMANDS };
    struct bytes name = string_in(element(reply, NAME));
    if (!name.data) return;
    bool reads = has(reply, FLAGS, "readonly"), writes = has(reply, FLAGS, "write");
    struct command command = {.name_len = name.len, .op = writes ? KEYVIZ_OP_WRITE : KEYVIZ_OP_READ, .value = value_of(name)};
    command.arity = number_at(reply, ARITY);
    command.first = number_at(reply, FIRST), command.last = number_at(reply, LAST), command.step = number_at(reply, STEP);
    if (length_at(reply, SUBCOMMANDS))
        command.how = ASK;
    else if ((!reads && !writes) || has(reply, CATEGORIES, "@scripting"))
        command.how = NO_KEYS;
    else if (has(reply, FLAGS, "movablekeys") || length_at(reply, KEYS) > 1)
        command.how = ASK;
    else
        command.how = command.first > 0 && command.step > 0 ? FIXED : NO_KEYS;

    struct command *place = place_of(name);
    if (place->name) return;
    *place = command;
    place->name = (char *)bytes_copy(name.data, name.len).data;
}

bool commands_learn(RedisModuleCtx *ctx) {
    RedisModuleCallReply *reply = RedisModule_Call(ctx, "COMMAND", "");
    bool good = reply && RedisModule_CallReplyType(reply) == REDISMODULE_REPLY_ARRAY;
    if (good) {
        commands_forget();
        size_t count = RedisModule_CallReplyLength(reply), places = 2;
        while (places < 2 * count) places *= 2;
        table.places = RedisModule_Calloc(places, sizeof *table.places);
        table.mask = places - 1;
        for (size_t i = 0; i < count; i++) learn(element(reply, i));
    }
    if (reply) RedisModule_FreeCallReply(reply);
    return good;
}

void commands_forget(void) {
    if (!table.places) return;
    for (size_t i = 0; i <= table.mask; i++) RedisModule_Free(table.places[i].name);
    RedisModule_Free(table.places);
    table.places = NULL;
}

/* The status is of no use here: routes are known, and what could not be counted for lack of memory has no better place. */
static void observe(struct bytes key, uint32_t op, uint64_t value_len) {
    keyviz_lane_observe(host.lane, ranges_route_of(key.data, key.len), key.data, key.len, op, value_len, KEYVIZ_LABEL_REDIS);
}

static struct bytes argument(RedisModuleCommandFilterCtx *filter, int i) {
    return bytes_of(RedisModule_CommandFilterArgGet(filter, i));
}

static uint64_t length_of(RedisModuleCommandFilterCtx *filter, int from, int to) {
    uint64_t sum = 0;
    for (int i = from; i < to; i++) sum += argument(filter, i).len;
    return sum;
}

static void observe_fixed(RedisModuleCommandFilterCtx *filter, const struct command *command, int argc) {
    int last = command->last < 0 ? argc + command->last : command->last;
    if (last >= argc) return;
    /* Arguments between keys belong to the one before; where there can only be one key, all that follow do. */
    int own = command->first == command->last ? argc : command->step;
    for (int i = command->first; i <= last; i += command->step) {
        uint64_t value_len = 0;
        if (command->op == KEYVIZ_OP_WRITE) {
            int from = command->value ? command->value : i + 1, to = command->value ? from + 1 : i + own;
            value_len = length_of(filter, from, to < argc ? to : argc);
        }
        observe(argument(filter, i), command->op, value_len);
    }
}

/* None of these commands carries a value for its keys. */
static void observe_asked(RedisModuleCommandFilterCtx *filter, int argc) {
    RedisModuleString *few[64], **argv = few;
    if (argc > 64) argv = RedisModule_Alloc((size_t)argc * sizeof *argv);
    for (int i = 0; i < argc; i++) argv[i] = RedisModule_CommandFilterArgGet(filter, i);
    int count = 0, *flags = NULL;
    int *keys = RedisModule_GetCommandKeysWithFlags(host.ctx, argv, argc, &count, &flags);
    if (keys) {
        for (int i = 0; i < count; i++)
            observe(bytes_of(argv[keys[i]]), flags[i] & REDISMODULE_CMD_KEY_RO ? KEYVIZ_OP_READ : KEYVIZ_OP_WRITE, 0);
        RedisModule_Free(keys);
        RedisModule_Free(flags);
    }
    if (argv != few) RedisModule_Free(argv);
}

void commands_observe(RedisModuleCommandFilterCtx *filter) {
    int argc = RedisModule_CommandFilterArgsCount(filter);
    const struct command *command = place_of(argument(filter, 0));
    if (!command->name || command->how == NO_KEYS || !fits(command, argc)) return;
    if (command->how == FIXED)
        observe_fixed(filter, command, argc);
    else
        observe_asked(filter, argc);
}
