/* What the parts of the module share. Redis loads a module once and calls it under one lock (commands, filters and events run
 * on its main thread, or on a thread that holds the lock), so there is one of everything, and no lock here.
 *
 *   module.c     load, unload, the flush of each step, INFO
 *   options.c    the arguments of loadmodule
 *   commands.c   where the keys of a command are
 *   observe.c    the command filter
 *   ranges.c     the routes: the key space cut at some keys
 *   question.c   the options of the KEYVIZ.* commands
 *   replies.c    the KEYVIZ.* commands
 */
#ifndef KEYVIZ_REDIS_HOST_H
#define KEYVIZ_REDIS_HOST_H

#include <keyviz.h>
#include <redismodule.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a key. */
struct bytes {
    const char *data;
    size_t len;
};

struct host {
    keyviz_sampler_t *sampler;
    keyviz_lane_t *lane;
    /* A context that outlives calls, for what Redis wants one for outside of them. */
    RedisModuleCtx *ctx;
    RedisModuleCommandFilter *filter;
    int64_t step_us;
    /* When to flush next, on Redis' monotonic clock. */
    uint64_t flush_at_us;
    /* Steps that could not be flushed. */
    uint64_t failed_flushes;
    bool hot_keys;
    uint64_t group_id;
    /* The node's name in matrices; NULL: none. */
    char *name;
};
extern struct host host;

/* The arguments of loadmodule. */
struct options {
    keyviz_options_t sampler;
    uint64_t group_id;
    /* Belongs to the arguments. */
    struct bytes name;
    /* Where the key space is cut, in any order. Each is to be freed, and the array. */
    struct bytes *cuts;
    size_t cut_count;
};

/* Fills `options`, or writes to the log why not, and frees what it had so far. */
bool options_parse(RedisModuleCtx *ctx, RedisModuleString **argv, int argc, struct options *options);
void options_free(struct options *options);

/* Takes a column now, and publishes hot keys before it, so that the column can keep them. */
keyviz_status_t host_flush(keyviz_column_info_t *column, keyviz_error_t *error);

/* One number that the module tells of itself. */
struct stat_line {
    const char *name;
    uint64_t value;
};
enum { STAT_LINES = 24 };
/* Writes STAT_LINES lines. */
void host_stats(struct stat_line *lines);

/* Learns the server's commands. Called again when modules come and go. */
bool commands_learn(RedisModuleCtx *ctx);
void commands_forget(void);
/* The command filter: one observation for each key of the command. */
void commands_observe(RedisModuleCommandFilterCtx *filter);

/* The key space in ranges without gaps, each a route: range i has the keys from its start to the start of range i + 1. The
 * first one starts at the least key. */
struct range {
    uint64_t route_id;
    struct bytes start;
};
size_t ranges_count(void);
const struct range *ranges_get(size_t i);
uint64_t ranges_route_of(const void *key, size_t len);
/* Registers the first ranges, cut at these keys. */
keyviz_status_t ranges_begin(const struct bytes *cuts, size_t count, keyviz_error_t *error);
/* Cuts ranges at these keys; a key where one starts is left out. `*made` tells how many cuts there are more, also after an
 * error: each range is cut at all of its keys or at none. */
keyviz_status_t ranges_split(const struct bytes *keys, size_t count, size_t *made, keyviz_error_t *error);
/* Takes away the cut at this key. KEYVIZ_ERR_NOT_FOUND: there is none. */
keyviz_status_t ranges_join(struct bytes key, keyviz_error_t *error);
void ranges_free(void);

/* Creates the KEYVIZ.* commands. */
bool replies_register(RedisModuleCtx *ctx);

static inline struct bytes bytes_of(const RedisModuleString *string) {
    struct bytes bytes;
    bytes.data = RedisModule_StringPtrLen(string, &bytes.len);
    return bytes;
}

/* Whether it is this word, which is in lower case. */
bool bytes_are(struct bytes bytes, const char *word);
/* In the order of the library: by bytes, and the shorter one first. */
int bytes_compare(struct bytes a, struct bytes b);
/* A copy, to be freed with RedisModule_Free. A zero follows it. */
struct bytes bytes_copy(const void *data, size_t len);

#endif
