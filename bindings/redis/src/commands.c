/* The table of commands. Redis itself knows where the keys of a command are, and COMMAND tells: it is asked once, and when
 * modules come and go.
 *
 * Commands that are neither readonly nor write touch no value (WATCH, SUBSCRIBE) and are left out. So are EVAL and FCALL:
 * what a script does comes through the filter command by command. */
#include "commands.h"

#include <string.h>
#include <strings.h>

/* Open addressing; at most half of the places are taken. */
static struct {
    struct command *places;
    size_t mask;
} table;

/* FNV-1a, blind to case. */
static size_t hash(struct bytes name) {
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < name.len; i++) hash = (hash ^ (unsigned char)(name.data[i] | 0x20)) * 0x100000001b3;
    return (size_t)(hash ^ hash >> 32);
}

/* The command, or the free place for it. */
static inline struct command *place_of(struct bytes name) {
    for (size_t i = hash(name);; i++) {
        struct command *place = &table.places[i & table.mask];
        if (!place->name || (place->name_len == name.len && strncasecmp(place->name, name.data, name.len) == 0)) return place;
    }
}

const struct command *commands_find(struct bytes name) {
    const struct command *place = place_of(name);
    return place->name ? place : NULL;
}

static bool is_list(RedisModuleCallReply *reply) {
    return reply && RedisModule_CallReplyType(reply) == REDISMODULE_REPLY_ARRAY;
}

static size_t length(RedisModuleCallReply *list) { return is_list(list) ? RedisModule_CallReplyLength(list) : 0; }

static RedisModuleCallReply *element(RedisModuleCallReply *list, size_t i) {
    return i < length(list) ? RedisModule_CallReplyArrayElement(list, i) : NULL;
}

static struct bytes string_in(RedisModuleCallReply *reply) {
    struct bytes string = {NULL, 0};
    if (reply && RedisModule_CallReplyType(reply) == REDISMODULE_REPLY_STRING)
        string.data = RedisModule_CallReplyStringPtr(reply, &string.len);
    return string;
}

static int number_in(RedisModuleCallReply *reply) { return reply ? (int)RedisModule_CallReplyInteger(reply) : 0; }

static bool has(RedisModuleCallReply *list, const char *word) {
    for (size_t i = 0; i < length(list); i++)
        if (bytes_are(string_in(element(list, i)), word)) return true;
    return false;
}

/* The value of a name in a map, which comes as a list of names, each with its value behind it. NULL: it has none. */
static RedisModuleCallReply *field(RedisModuleCallReply *map, const char *name) {
    for (size_t i = 0; i + 1 < length(map); i += 2)
        if (bytes_are(string_in(element(map, i)), name)) return element(map, i + 1);
    return NULL;
}

static int number_of(RedisModuleCallReply *map, const char *name) { return number_in(field(map, name)); }

/* False: it does not tell all. */
static bool learn_spec(RedisModuleCallReply *reply, struct key_spec *spec) {
    RedisModuleCallReply *begin = field(reply, "begin_search"), *find = field(reply, "find_keys");
    RedisModuleCallReply *begin_spec = field(begin, "spec"), *find_spec = field(find, "spec");
    struct bytes begin_type = string_in(field(begin, "type")), find_type = string_in(field(find, "type"));
    if (has(field(reply, "flags"), "incomplete")) return false;
    if (bytes_are(begin_type, "index")) {
        spec->begin = number_of(begin_spec, "index");
    } else if (bytes_are(begin_type, "keyword")) {
        struct bytes word = string_in(field(begin_spec, "keyword"));
        spec->begin = number_of(begin_spec, "startfrom");
        spec->keyword = (char *)bytes_copy(word.data, word.len).data;
    } else {
        return false;
    }
    if (bytes_are(find_type, "range")) {
        spec->last = number_of(find_spec, "lastkey");
        spec->limit = number_of(find_spec, "limit");
    } else if (bytes_are(find_type, "keynum")) {
        spec->counted = true;
        spec->count_at = number_of(find_spec, "keynumidx");
        spec->first_key = number_of(find_spec, "firstkey");
    } else {
        return false;
    }
    spec->step = number_of(find_spec, "keystep");
    return spec->begin != 0 && spec->step > 0;
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

/* An element of COMMAND's reply. */
enum { NAME, ARITY, FLAGS, FIRST, LAST, STEP, CATEGORIES, TIPS, SPECS, SUBCOMMANDS };

static void learn(RedisModuleCallReply *reply) {
    struct bytes name = string_in(element(reply, NAME));
    if (!name.data) return;
    struct command *command = place_of(name);
    if (command->name) return;
    RedisModuleCallReply *flags = element(reply, FLAGS), *specs = element(reply, SPECS);
    RedisModuleCallReply *subcommands = element(reply, SUBCOMMANDS);
    bool reads = has(flags, "readonly"), writes = has(flags, "write");
    command->name = (char *)bytes_copy(name.data, name.len).data;
    command->name_len = name.len;
    command->arity = number_in(element(reply, ARITY));
    command->op = writes ? KEYVIZ_OP_WRITE : KEYVIZ_OP_READ;
    command->value = value_of(name);
    if (length(subcommands)) {
        command->how = CONTAINER;
        for (size_t i = 0; i < length(subcommands); i++) learn(element(subcommands, i));
        return;
    }
    bool keys = length(specs) > 0 || has(flags, "movablekeys");
    if (!keys || (!reads && !writes) || has(element(reply, CATEGORIES), "@scripting")) return;
    command->how = length(specs) > 0 && length(specs) <= SPECS_MAX ? SPECIFIED : ASK;
    for (size_t i = 0; i < length(specs) && command->how == SPECIFIED; i++) {
        struct key_spec *spec = &command->specs[command->spec_count++];
        if (!learn_spec(element(specs, i), spec)) command->how = ASK;
        spec->op = writes && !has(field(element(specs, i), "flags"), "ro") ? KEYVIZ_OP_WRITE : KEYVIZ_OP_READ;
    }
    const struct key_spec *first = &command->specs[0];
    bool only = command->how == SPECIFIED && command->spec_count == 1 && !first->keyword && !first->counted && first->last == 0;
    if (only) command->only_key = first->begin;
}

bool commands_learn(RedisModuleCtx *ctx) {
    RedisModuleCallReply *reply = RedisModule_Call(ctx, "COMMAND", "");
    size_t count = length(reply), places = 2;
    if (count) {
        commands_forget();
        for (size_t i = 0; i < length(reply); i++) count += length(element(element(reply, i), SUBCOMMANDS));
        while (places < 2 * count) places *= 2;
        table.places = RedisModule_Calloc(places, sizeof *table.places);
        table.mask = places - 1;
        for (size_t i = 0; i < length(reply); i++) learn(element(reply, i));
    }
    if (reply) RedisModule_FreeCallReply(reply);
    return count > 0;
}

void commands_forget(void) {
    if (!table.places) return;
    for (size_t i = 0; i <= table.mask; i++) {
        struct command *command = &table.places[i];
        for (size_t j = 0; j < command->spec_count; j++) RedisModule_Free(command->specs[j].keyword);
        RedisModule_Free(command->name);
    }
    RedisModule_Free(table.places);
    table.places = NULL;
}
