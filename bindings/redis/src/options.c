/* The arguments of loadmodule: names, each with a value. */
#include "host.h"

#include <string.h>

/* The shortest step: Redis looks at the clock ten times a second. */
#define STEP_MIN_S 0.1
#define STEP_MAX_S 86400.0

static bool refuse(RedisModuleCtx *ctx, const char *name, const char *why) {
    RedisModule_Log(ctx, "warning", "argument %s: %s", name, why);
    return false;
}

/* How much of an argument goes into the log. */
static int shown(struct bytes name) { return name.len < 64 ? (int)name.len : 64; }

static bool whole(RedisModuleCtx *ctx, const char *name, RedisModuleString *value, long long least, long long most,
                  long long *out) {
    if (RedisModule_StringToLongLong(value, out) == REDISMODULE_OK && *out >= least && *out <= most) return true;
    RedisModule_Log(ctx, "warning", "argument %s: a whole number from %lld to %lld is needed", name, least, most);
    return false;
}

static bool step(RedisModuleCtx *ctx, RedisModuleString *value, struct options *options) {
    double seconds;
    if (RedisModule_StringToDouble(value, &seconds) != REDISMODULE_OK || !(seconds >= STEP_MIN_S && seconds <= STEP_MAX_S))
        return refuse(ctx, "step", "seconds are needed, from 0.1 to 86400");
    options->sampler.step_ns = (int64_t)(seconds * 1e6 + 0.5) * 1000;
    return true;
}

static bool hot_keys(RedisModuleCtx *ctx, struct bytes value, struct options *options) {
    static const struct {
        const char *word;
        uint32_t enabled, series;
    } words[] = {{"no", 0, 0},
                 {"yes", 1, KEYVIZ_HOT_KEYS_BOTH},
                 {"writes", 1, KEYVIZ_HOT_KEYS_WRITES},
                 {"reads", 1, KEYVIZ_HOT_KEYS_READS}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!bytes_are(value, words[i].word)) continue;
        options->sampler.hot_keys_enabled = words[i].enabled;
        options->sampler.hot_keys_series = words[i].series;
        return true;
    }
    return refuse(ctx, "hotkeys", "yes, no, reads or writes is needed");
}

static bool is_plain(struct bytes text) {
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < ' ' || text.data[i] > '~') return false;
    return text.len > 0 && text.len < 256;
}

static void cut(struct options *options, struct bytes key) {
    options->cuts = RedisModule_Realloc(options->cuts, (options->cut_count + 1) * sizeof *options->cuts);
    options->cuts[options->cut_count++] = bytes_copy(key.data, key.len);
}

/* A cut where the keys that begin with it start, and one where they end: at the prefix counted up by one. */
static void prefix(struct options *options, struct bytes key) {
    cut(options, key);
    while (key.len && (unsigned char)key.data[key.len - 1] == 0xff) key.len--;
    if (!key.len) return;
    cut(options, key);
    ((char *)options->cuts[options->cut_count - 1].data)[key.len - 1]++;
}

static bool set(RedisModuleCtx *ctx, struct bytes name, RedisModuleString *argument, struct options *options) {
    keyviz_options_t *sampler = &options->sampler;
    struct bytes value = bytes_of(argument);
    long long n = 0;
    if (bytes_are(name, "step")) return step(ctx, argument, options);
    if (bytes_are(name, "hotkeys")) return hot_keys(ctx, value, options);
    if (bytes_are(name, "history")) {
        if (!whole(ctx, "history", argument, 1, 100000, &n)) return false;
        sampler->history_columns = (uint32_t)n;
    } else if (bytes_are(name, "buckets")) {
        if (!whole(ctx, "buckets", argument, 1, 256, &n)) return false;
        sampler->key_buckets_per_route = (uint32_t)n;
    } else if (bytes_are(name, "sample-rate")) {
        if (!whole(ctx, "sample-rate", argument, 1, 1024, &n)) return false;
        sampler->hot_keys_sample_rate = (uint32_t)n;
    } else if (bytes_are(name, "memory")) {
        if (!whole(ctx, "memory", argument, 1 << 20, INT64_MAX, &n)) return false;
        sampler->memory_limit_bytes = (uint64_t)n;
    } else if (bytes_are(name, "group")) {
        if (!whole(ctx, "group", argument, 1, INT64_MAX, &n)) return false;
        options->group_id = (uint64_t)n;
    } else if (bytes_are(name, "name")) {
        if (!is_plain(value)) return refuse(ctx, "name", "printable ASCII is needed, 1 to 255 bytes");
        options->name = value;
    } else if (bytes_are(name, "split")) {
        if (!value.len) return refuse(ctx, "split", "a key is needed");
        cut(options, value);
    } else if (bytes_are(name, "prefix")) {
        if (!value.len) return refuse(ctx, "prefix", "the beginning of keys is needed");
        prefix(options, value);
    } else {
        RedisModule_Log(ctx, "warning",
                        "argument %.*s is unknown; there are step, history, buckets, hotkeys, sample-rate, memory, group, "
                        "name, split and prefix",
                        shown(name), name.data);
        return false;
    }
    return true;
}

bool options_parse(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, struct options *options) {
    memset(options, 0, sizeof *options);
    keyviz_options_init(&options->sampler);
    options->sampler.labels_enabled = 1;
    /* There are few routes, so that the largest sketches cost little. */
    options->sampler.hot_keys_per_route = 256;
    options->sampler.step_ns = INT64_C(60000000000);
    bool good = true;
    for (int i = 0; i < argc && good; i += 2) {
        struct bytes name = bytes_of(argv[i]);
        if (i + 1 < argc)
            good = set(ctx, name, argv[i + 1], options);
        else {
            RedisModule_Log(ctx, "warning", "argument %.*s: its value is missing", shown(name), name.data);
            good = false;
        }
    }
    if (!good) options_free(options);
    return good;
}

void options_free(struct options *options) {
    for (size_t i = 0; i < options->cut_count; i++) RedisModule_Free((char *)options->cuts[i].data);
    RedisModule_Free(options->cuts);
    options->cuts = NULL;
    options->cut_count = 0;
}
