/* Load and unload, the flush of each step, and the section of INFO. */
#include "host.h"

#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct host host;

static void log_failure(RedisModuleCtx *ctx, const char *what, const keyviz_error_t *error) {
    RedisModule_Log(ctx, "warning", "%s: %s", what, error->message);
}

keyviz_status_t host_flush(keyviz_column_info_t *column, keyviz_error_t *error) {
    keyviz_status_t status = host.hot_keys ? keyviz_sampler_publish_hot_keys_now(host.sampler, error) : KEYVIZ_OK;
    return status == KEYVIZ_OK ? keyviz_sampler_flush_now(host.sampler, column, error) : status;
}

/* Redis calls this some ten times a second. (It refuses to unload a module that holds a timer, and one of ours would always
 * be set.) A step that could not be flushed is made up for by the next, since nothing was drained; the log tells the first. */
static void on_cron(RedisModuleCtx *ctx, RedisModuleEvent event, uint64_t subevent, void *data) {
    (void)event, (void)subevent, (void)data;
    uint64_t now = RedisModule_MonotonicMicroseconds(), step = (uint64_t)host.step_us;
    if (now < host.flush_at_us) return;
    host.flush_at_us += (now - host.flush_at_us) / step * step + step;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    if (host_flush(NULL, &error) == KEYVIZ_OK) return;
    if (host.failed_flushes++ == 0) log_failure(ctx, "a step can't be flushed", &error);
}

/* Another module brought commands, or took them along. */
static void on_module_change(RedisModuleCtx *ctx, RedisModuleEvent event, uint64_t subevent, void *data) {
    (void)event, (void)subevent, (void)data;
    commands_learn(ctx);
}

void host_stats(struct stat_line *lines) {
    keyviz_stats_t stats = KEYVIZ_STATS_INIT;
    keyviz_sampler_stats(host.sampler, &stats);
    const struct stat_line all[STAT_LINES] = {
        {"step_ms", (uint64_t)host.step_us / 1000},
        {"hot_keys_enabled", host.hot_keys},
        {"group", host.group_id},
        {"failed_flushes", host.failed_flushes},
        {"routes", stats.routes},
        {"slots", stats.slots},
        {"virtual_buckets", stats.virtual_buckets},
        {"virtual_members", stats.virtual_members},
        {"retired", stats.retired},
        {"columns", stats.columns},
        {"lanes", stats.lanes},
        {"missed", stats.missed},
        {"refused", stats.refused},
        {"memory_bytes", stats.counter_bytes + stats.route_bytes + stats.history_bytes + stats.hot_key_bytes},
        {"counter_bytes", stats.counter_bytes},
        {"route_bytes", stats.route_bytes},
        {"history_bytes", stats.history_bytes},
        {"hot_key_bytes", stats.hot_key_bytes},
        {"hot_key_snapshots", stats.hot_key_snapshots},
        {"hot_keys_rolled", stats.hot_keys_rolled},
        {"hot_keys_sampled", stats.hot_keys_sampled},
        {"hot_keys_dropped", stats.hot_keys_dropped},
        {"hot_keys_skipped", stats.hot_keys_skipped},
        {"hot_keys_forgotten", stats.hot_keys_forgotten},
    };
    memcpy(lines, all, sizeof all);
}

/* `INFO keyviz`, and a part of `INFO everything`. */
static void on_info(RedisModuleInfoCtx *ctx, int for_crash_report) {
    /* A crash may have happened inside of the library. */
    if (for_crash_report) return;
    struct stat_line lines[STAT_LINES];
    host_stats(lines);
    RedisModule_InfoAddSection(ctx, "");
    RedisModule_InfoAddFieldCString(ctx, "library_version", keyviz_version());
    for (size_t i = 0; i < STAT_LINES; i++) RedisModule_InfoAddFieldULongLong(ctx, lines[i].name, lines[i].value);
}

/* Gives everything back; also what a load that failed half-way had so far. */
static void host_end(RedisModuleCtx *ctx) {
    if (host.filter) RedisModule_UnregisterCommandFilter(ctx, host.filter);
    keyviz_lane_release(host.lane);
    keyviz_sampler_free(host.sampler);
    ranges_free();
    commands_forget();
    RedisModule_Free(host.name);
    if (host.ctx) RedisModule_FreeThreadSafeContext(host.ctx);
    host = (struct host){0};
}

static bool host_begin(RedisModuleCtx *ctx, const struct options *options) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    host.ctx = RedisModule_GetDetachedThreadSafeContext(ctx);
    host.step_us = options->sampler.step_ns / 1000;
    host.flush_at_us = RedisModule_MonotonicMicroseconds() + (uint64_t)host.step_us;
    host.hot_keys = options->sampler.hot_keys_enabled;
    host.group_id = options->group_id;
    if (options->name.len) host.name = (char *)bytes_copy(options->name.data, options->name.len).data;
    if (!commands_learn(ctx)) {
        RedisModule_Log(ctx, "warning", "the server's COMMAND is needed, and gives no list of commands (is it renamed?)");
        return false;
    }
    if (keyviz_sampler_new(&options->sampler, &host.sampler, &error) != KEYVIZ_OK) {
        log_failure(ctx, "no sampler", &error);
        return false;
    }
    if (keyviz_lane_acquire(host.sampler, &host.lane, &error) != KEYVIZ_OK) {
        log_failure(ctx, "no lane", &error);
        return false;
    }
    if (ranges_begin(options->cuts, options->cut_count, &error) != KEYVIZ_OK) {
        log_failure(ctx, "no routes", &error);
        return false;
    }
    if (!replies_register(ctx) || RedisModule_RegisterInfoFunc(ctx, on_info) != REDISMODULE_OK ||
        RedisModule_SubscribeToServerEvent(ctx, RedisModuleEvent_CronLoop, on_cron) != REDISMODULE_OK ||
        RedisModule_SubscribeToServerEvent(ctx, RedisModuleEvent_ModuleChange, on_module_change) != REDISMODULE_OK) {
        RedisModule_Log(ctx, "warning", "the server refuses a command, a section of INFO or an event");
        return false;
    }
    /* Last: from here on requests are counted. */
    host.filter = RedisModule_RegisterCommandFilter(ctx, commands_observe, REDISMODULE_CMDFILTER_NOSELF);
    return host.filter;
}

EXPORT int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    if (RedisModule_Init(ctx, "keyviz", 1, REDISMODULE_APIVER_1) != REDISMODULE_OK) return REDISMODULE_ERR;
    if (!RedisModule_GetCommandKeysWithFlags || !RedisModule_MonotonicMicroseconds) {
        RedisModule_Log(ctx, "warning", "a Redis of 7.0 or newer is needed");
        return REDISMODULE_ERR;
    }
    struct options options;
    if (!options_parse(ctx, argv, argc, &options)) return REDISMODULE_ERR;
    bool good = host_begin(ctx, &options);
    options_free(&options);
    if (!good) {
        host_end(ctx);
        return REDISMODULE_ERR;
    }
    RedisModule_Log(ctx, "notice", "libkeyviz %s: %zu routes, a column every %g s", keyviz_version(), ranges_count(),
                    (double)host.step_us / 1e6);
    return REDISMODULE_OK;
}

EXPORT int RedisModule_OnUnload(RedisModuleCtx *ctx) {
    host_end(ctx);
    return REDISMODULE_OK;
}
