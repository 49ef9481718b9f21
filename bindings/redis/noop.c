/* A module whose command filter does nothing: what Redis asks for a filter as such, whoever registers it. */
#include <redismodule.h>

static void nothing(RedisModuleCommandFilterCtx *filter) { (void)filter; }

__attribute__((visibility("default"))) int RedisModule_OnLoad(RedisModuleCtx *ctx, RedisModuleString **argv, int argc) {
    (void)argv;
    (void)argc;
    if (RedisModule_Init(ctx, "noop", 1, REDISMODULE_APIVER_1) != REDISMODULE_OK) return REDISMODULE_ERR;
    return RedisModule_RegisterCommandFilter(ctx, nothing, REDISMODULE_CMDFILTER_NOSELF) ? REDISMODULE_OK : REDISMODULE_ERR;
}
