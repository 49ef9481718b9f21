/* What the Go files see of the C API: keyviz.h, and functions with arguments that Go can pass. Go memory that holds
 * pointers may not cross into C, so structs with pointers are put together here; and keys are char *, since a void *
 * would make cgo look at whatever object a key is part of, at every call. */
#ifndef KEYVIZ_GO_BRIDGE_H
#define KEYVIZ_GO_BRIDGE_H

#ifdef KEYVIZ_SYSTEM
#include <keyviz.h>
#elif __has_include("keyviz_built.h") && __has_include("lib/keyviz.h")
#include "keyviz_built.h"
#include "lib/keyviz.h"
/* The archive's hash is part of the object file, so that a rebuilt archive is linked anew. */
__attribute__((used)) static const char kv_archive[] = KEYVIZ_ARCHIVE;
#else
#error "libkeyviz is not built yet: run 'make go' in the libkeyviz repository (or 'go generate' in bindings/go), or build with -tags keyviz_system"
#endif

#include <stdlib.h>
#include <string.h>

/* A route without its bounds; those of several routes lie one behind the other: start, end, start, end... */
typedef struct {
    uint64_t route_id, group_id, start_len, end_len;
} kv_route_t;

static inline keyviz_status_t kv_observe(keyviz_sampler_t *sampler, uint64_t route_id, const char *key, size_t key_len,
                                         uint32_t op, uint64_t value_len, uint32_t label) {
    return keyviz_observe(sampler, route_id, key, key_len, op, value_len, label);
}

static inline void kv_hot_sample(keyviz_sampler_t *sampler, uint64_t route_id, const char *key, size_t key_len, uint32_t op,
                                 uint32_t label) {
    keyviz_hot_sample(sampler, route_id, key, key_len, op, label);
}

/* The hot_keys_* options. */
typedef struct {
    uint32_t enabled, entries, rate, queue, longest, series, in_columns;
} kv_hot_keys_t;

/* `resolutions` are pairs of a step and a retention, in ns. */
static keyviz_sampler_t *kv_sampler_new(int64_t step_ns, int64_t created_ns, uint32_t history_columns,
                                        uint32_t max_tracked_routes, uint32_t max_member_routes_per_slot,
                                        uint32_t key_buckets_per_route, uint32_t labels_enabled, uint32_t max_lanes,
                                        uint64_t memory_limit_bytes, const int64_t *resolutions,
                                        const kv_hot_keys_t *hot_keys, keyviz_error_t *err) {
    keyviz_options_t options = KEYVIZ_OPTIONS_INIT;
    options.step_ns = step_ns;
    options.created_ns = created_ns;
    options.history_columns = history_columns;
    options.max_tracked_routes = max_tracked_routes;
    options.max_member_routes_per_slot = max_member_routes_per_slot;
    options.key_buckets_per_route = key_buckets_per_route;
    options.labels_enabled = labels_enabled;
    options.max_lanes = max_lanes;
    options.memory_limit_bytes = memory_limit_bytes;
    options.hot_keys_enabled = hot_keys->enabled;
    options.hot_keys_per_route = hot_keys->entries;
    options.hot_keys_sample_rate = hot_keys->rate;
    options.hot_keys_queue_size = hot_keys->queue;
    options.hot_keys_max_key_len = hot_keys->longest;
    options.hot_keys_series = hot_keys->series;
    options.hot_keys_in_columns = hot_keys->in_columns;
    for (size_t i = 0; i < KEYVIZ_RESOLUTIONS; i++) {
        options.resolutions[i].step_ns = resolutions[2 * i];
        options.resolutions[i].retention_ns = resolutions[2 * i + 1];
    }
    keyviz_sampler_t *sampler = NULL;
    return keyviz_sampler_new(&options, &sampler, err) == KEYVIZ_OK ? sampler : NULL;
}

static keyviz_lane_t *kv_lane_acquire(keyviz_sampler_t *sampler) {
    keyviz_lane_t *lane = NULL;
    return keyviz_lane_acquire(sampler, &lane, NULL) == KEYVIZ_OK ? lane : NULL;
}

static inline keyviz_status_t kv_hot_reserve(keyviz_sampler_t *sampler, uintptr_t lane, uint32_t cell) {
    return keyviz_hot_reserve(sampler, (void *)lane, cell);
}

static keyviz_route_t kv_route(const kv_route_t *from, const char *bounds) {
    keyviz_route_t route = KEYVIZ_ROUTE_INIT;
    route.route_id = from->route_id;
    route.group_id = from->group_id;
    route.start = bounds;
    route.start_len = from->start_len;
    route.end = bounds + from->start_len;
    route.end_len = from->end_len;
    route.flags = KEYVIZ_ROUTE_ANY_RANGE;
    return route;
}

static keyviz_status_t kv_register_route(keyviz_sampler_t *sampler, uint64_t route_id, const char *start,
                                         size_t start_len, const char *end, size_t end_len, uint64_t group_id,
                                         uint32_t *placement) {
    keyviz_route_t route = KEYVIZ_ROUTE_INIT;
    route.route_id = route_id;
    route.group_id = group_id;
    route.start = start;
    route.start_len = start_len;
    route.end = end;
    route.end_len = end_len;
    route.flags = KEYVIZ_ROUTE_ANY_RANGE;
    return keyviz_sampler_register_route(sampler, &route, placement, NULL);
}

/* Registers routes; with parents, as what those were split or merged into. Of several parents there is one route, of
 * several routes one parent. */
static keyviz_status_t kv_register_routes(keyviz_sampler_t *sampler, const kv_route_t *from, size_t count,
                                          const char *bounds, const uint64_t *parents, size_t parent_count,
                                          int64_t now_ns, uint32_t *placements, keyviz_error_t *err) {
    keyviz_route_t *routes = malloc(count * sizeof *routes);
    if (!routes && count > 0) return KEYVIZ_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        routes[i] = kv_route(&from[i], bounds);
        bounds += from[i].start_len + from[i].end_len;
    }
    keyviz_status_t status;
    if (parent_count == 0) {
        status = keyviz_sampler_register_routes(sampler, routes, count, placements, err);
    } else if (parent_count == 1) {
        status = keyviz_sampler_apply_split(sampler, parents[0], routes, count, placements, now_ns, err);
    } else {
        status = keyviz_sampler_apply_merge(sampler, parents, parent_count, routes, placements, now_ns, err);
    }
    free(routes);
    return status;
}

static keyviz_status_t kv_flush(keyviz_sampler_t *sampler, int64_t now_ns, uint64_t *sequence) {
    keyviz_column_info_t info = KEYVIZ_COLUMN_INFO_INIT;
    keyviz_status_t status = keyviz_sampler_flush(sampler, now_ns, &info, NULL);
    *sequence = info.sequence;
    return status;
}

static keyviz_status_t kv_load_history(keyviz_sampler_t *sampler, const char *image, size_t len, keyviz_error_t *err) {
    return keyviz_sampler_load_history(sampler, image, len, err);
}

static keyviz_status_t kv_save_history(const keyviz_sampler_t *sampler, char *buffer, size_t capacity, size_t *size,
                                       keyviz_error_t *err) {
    return keyviz_sampler_save_history(sampler, buffer, capacity, size, err);
}

static keyviz_status_t kv_sub_bucket_bounds(const keyviz_sampler_t *sampler, uint64_t route_id, uint32_t sub_bucket,
                                            char *buffer, size_t capacity, size_t *lens) {
    return keyviz_sampler_sub_bucket_bounds(sampler, route_id, sub_bucket, buffer, capacity, &lens[0], &lens[1], NULL);
}

static size_t kv_poll_events(keyviz_sampler_t *sampler, keyviz_event_t *events, size_t capacity) {
    size_t count = 0;
    events[0].type_size = sizeof *events;
    return keyviz_sampler_poll_events(sampler, events, capacity, &count, NULL) == KEYVIZ_OK ? count : 0;
}

/* A query without its node. */
typedef struct {
    int64_t from_ns, to_ns;
    uint32_t series, row_budget, budget_mode;
} kv_query_t;

static keyviz_matrix_query_t kv_query(const kv_query_t *from, const char *node, size_t node_len) {
    keyviz_matrix_query_t query = KEYVIZ_MATRIX_QUERY_INIT;
    query.from_ns = from->from_ns;
    query.to_ns = from->to_ns;
    query.series = from->series;
    query.row_budget = from->row_budget;
    query.budget_mode = from->budget_mode;
    query.node = node;
    query.node_len = (uint32_t)node_len;
    return query;
}

static keyviz_status_t kv_matrix_query(const keyviz_sampler_t *sampler, const kv_query_t *from, const char *node,
                                       size_t node_len, keyviz_matrix_t **out, keyviz_error_t *err) {
    keyviz_matrix_query_t query = kv_query(from, node, node_len);
    return keyviz_matrix_query(sampler, &query, out, err);
}

/* A column without its rows; those of several columns lie one behind the other. */
typedef struct {
    int64_t at_ns;
    uint64_t row_count;
} kv_column_t;

static keyviz_status_t kv_matrix_from_columns(const kv_column_t *from, size_t count, const keyviz_row_t *rows,
                                              const char *arena, size_t arena_len, const kv_query_t *asked,
                                              const char *node, size_t node_len, keyviz_matrix_t **out,
                                              keyviz_error_t *err) {
    keyviz_column_buffer_t *columns = calloc(count, sizeof *columns);
    const keyviz_column_buffer_t **pointers = calloc(count, sizeof *pointers);
    keyviz_status_t status = KEYVIZ_ERR_NO_MEMORY;
    if ((columns && pointers) || count == 0) {
        for (size_t i = 0; i < count; i++) {
            keyviz_column_buffer_init(&columns[i]);
            columns[i].rows = (keyviz_row_t *)rows;
            columns[i].row_count = columns[i].row_capacity = from[i].row_count;
            columns[i].arena = (char *)arena;
            columns[i].arena_used = columns[i].arena_capacity = arena_len;
            columns[i].at_ns = from[i].at_ns;
            pointers[i] = &columns[i];
            rows += from[i].row_count;
        }
        keyviz_matrix_query_t query = kv_query(asked, node, node_len);
        status = keyviz_matrix_from_columns(pointers, count, &query, out, err);
    }
    free(pointers);
    free(columns);
    return status;
}

static keyviz_status_t kv_matrix_from_json(const char *json, size_t len, const keyviz_limits_t *limits,
                                           keyviz_matrix_t **out, keyviz_error_t *err) {
    return keyviz_matrix_from_json(json, len, limits, out, err);
}

static keyviz_status_t kv_matrix_from_proto(const char *message, size_t len, uint32_t series,
                                            const keyviz_limits_t *limits, keyviz_matrix_t **out, keyviz_error_t *err) {
    return keyviz_matrix_from_proto(message, len, series, limits, out, err);
}

static keyviz_status_t kv_hot_keys_query_parse(const char *text, size_t len, keyviz_hot_keys_query_t *query,
                                               keyviz_error_t *err) {
    return keyviz_hot_keys_query_parse(text, len, query, err);
}

static keyviz_status_t kv_hot_keys_from_json(const char *json, size_t len, size_t max_bytes, keyviz_hot_keys_t **out,
                                             keyviz_error_t *err) {
    return keyviz_hot_keys_from_json(json, len, max_bytes, out, err);
}

/* A node's answer without its texts; those of several lie one behind the other: node, error, node, error... */
typedef struct {
    const keyviz_hot_keys_t *reply;
    uint64_t node_len, error_len;
    uint32_t failed;
} kv_source_t;

static keyviz_status_t kv_hot_keys_merge(const kv_source_t *from, size_t count, const char *texts, size_t top,
                                         keyviz_hot_keys_t **out, keyviz_error_t *err) {
    keyviz_hot_keys_source_t *sources = calloc(count, sizeof *sources);
    if (!sources && count > 0) return KEYVIZ_ERR_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        sources[i].type_size = sizeof *sources;
        sources[i].reply = from[i].reply;
        sources[i].node = texts;
        sources[i].node_len = from[i].node_len;
        texts += from[i].node_len;
        if (from[i].failed) {
            sources[i].error = from[i].error_len > 0 ? texts : "";
            sources[i].error_len = from[i].error_len;
            texts += from[i].error_len;
        }
    }
    keyviz_status_t status = keyviz_hot_keys_merge(sources, count, top, out, err);
    free(sources);
    return status;
}

static keyviz_status_t kv_live_page(const char *matrix_url, size_t matrix_url_len, const char *hot_keys_url,
                                    size_t hot_keys_url_len, const char *title, size_t title_len, uint32_t rows,
                                    void *buffer, size_t capacity, size_t *size, keyviz_error_t *err) {
    keyviz_live_page_t page = KEYVIZ_LIVE_PAGE_INIT;
    page.matrix_url = matrix_url;
    page.matrix_url_len = matrix_url_len;
    page.hot_keys_url = hot_keys_url;
    page.hot_keys_url_len = hot_keys_url_len;
    page.title = title;
    page.title_len = title_len;
    page.rows = rows;
    return keyviz_live_page(&page, buffer, capacity, size, err);
}

#endif
