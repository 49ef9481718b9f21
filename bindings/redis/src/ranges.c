/* The routes: the key space cut at some keys, so that each key is in exactly one of them. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

static struct {
    /* Sorted by start. */
    struct range *list;
    size_t count;
    uint64_t next_id;
} ranges;

size_t ranges_count(void) { return ranges.count; }

const struct range *ranges_get(size_t i) { return &ranges.list[i]; }

/* The last range whose start is not above the key. */
static size_t find(struct bytes key) {
    size_t low = 0, high = ranges.count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (bytes_compare(ranges.list[middle].start, key) <= 0)
            low = middle;
        else
            high = middle;
    }
    return low;
}

uint64_t ranges_route_of(const void *key, size_t len) { return ranges.list[find((struct bytes){key, len})].route_id; }

static keyviz_route_t route_of(const struct range *range, struct bytes end) {
    keyviz_route_t route = KEYVIZ_ROUTE_INIT;
    route.route_id = range->route_id;
    route.group_id = host.group_id;
    route.start = range->start.data, route.start_len = range->start.len;
    route.end = end.data, route.end_len = end.len;
    return route;
}

/* Where range i ends; no bytes: nowhere. */
static struct bytes end_of(size_t i) { return i + 1 < ranges.count ? ranges.list[i + 1].start : (struct bytes){NULL, 0}; }

static int64_t now_ns(void) { return (int64_t)RedisModule_Milliseconds() * 1000000; }

static int compare(const void *a, const void *b) { return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b); }

/* The keys in order, each once; not the empty one, where the first range starts anyway. To be freed. */
static struct bytes *in_order(const struct bytes *keys, size_t *count) {
    struct bytes *sorted = RedisModule_Alloc((*count + 1) * sizeof *sorted);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) sorted[i] = keys[i];
    qsort(sorted, *count, sizeof *sorted, compare);
    for (size_t i = 0; i < *count; i++)
        if (sorted[i].len > 0 && (kept == 0 || compare(&sorted[kept - 1], &sorted[i]) != 0)) sorted[kept++] = sorted[i];
    *count = kept;
    return sorted;
}

/* Puts `parts` in the place of `old` ranges from `at` on. The parts' starts are copied, and the old ones freed. */
static void replace(size_t at, size_t old, const struct range *parts, size_t count) {
    struct range *list = RedisModule_Alloc((ranges.count - old + count) * sizeof *list);
    for (size_t i = 0; i < at; i++) list[i] = ranges.list[i];
    for (size_t i = 0; i < count; i++) {
        list[at + i].route_id = parts[i].route_id;
        list[at + i].start = bytes_copy(parts[i].start.data, parts[i].start.len);
    }
    for (size_t i = at + old; i < ranges.count; i++) list[i - old + count] = ranges.list[i];
    for (size_t i = at; i < at + old; i++) RedisModule_Free((char *)ranges.list[i].start.data);
    RedisModule_Free(ranges.list);
    ranges.list = list;
    ranges.count += count - old;
}

/* The parts of [start, end) cut at these keys, with ids of their own, and their routes. Both are to be freed. */
static struct range *parts_of(struct bytes start, struct bytes end, const struct bytes *keys, size_t count,
                              keyviz_route_t **routes) {
    struct range *parts = RedisModule_Alloc((count + 1) * sizeof *parts);
    *routes = RedisModule_Alloc((count + 1) * sizeof **routes);
    for (size_t i = 0; i <= count; i++) parts[i] = (struct range){ranges.next_id + i, i == 0 ? start : keys[i - 1]};
    for (size_t i = 0; i <= count; i++) (*routes)[i] = route_of(&parts[i], i < count ? keys[i] : end);
    return parts;
}

keyviz_status_t ranges_begin(const struct bytes *cuts, size_t count, keyviz_error_t *error) {
    ranges.next_id = 1;
    struct bytes least = {NULL, 0}, *keys = in_order(cuts, &count);
    keyviz_route_t *routes;
    struct range *parts = parts_of(least, least, keys, count, &routes);
    keyviz_status_t status = keyviz_sampler_register_routes(host.sampler, routes, count + 1, NULL, error);
    if (status == KEYVIZ_OK) {
        replace(0, 0, parts, count + 1);
        ranges.next_id += count + 1;
    }
    RedisModule_Free(routes);
    RedisModule_Free(parts);
    RedisModule_Free(keys);
    return status;
}

/* Cuts range `i` at these keys, all of them inside of it. */
static keyviz_status_t split_one(size_t i, const struct bytes *keys, size_t count, keyviz_error_t *error) {
    keyviz_route_t *routes;
    struct range *parts = parts_of(ranges.list[i].start, end_of(i), keys, count, &routes);
    keyviz_status_t status =
        keyviz_sampler_apply_split(host.sampler, ranges.list[i].route_id, routes, count + 1, NULL, now_ns(), error);
    if (status == KEYVIZ_OK) {
        replace(i, 1, parts, count + 1);
        ranges.next_id += count + 1;
    }
    RedisModule_Free(routes);
    RedisModule_Free(parts);
    return status;
}

keyviz_status_t ranges_split(const struct bytes *keys, size_t count, size_t *made, keyviz_error_t *error) {
    keyviz_status_t status = KEYVIZ_OK;
    struct bytes *sorted = in_order(keys, &count);
    *made = 0;
    for (size_t from = 0; from < count && status == KEYVIZ_OK;) {
        size_t i = find(sorted[from]);
        struct bytes end = end_of(i);
        if (bytes_compare(ranges.list[i].start, sorted[from]) == 0) {
            from++;
            continue;
        }
        size_t to = from + 1;
        while (to < count && (end.len == 0 || bytes_compare(sorted[to], end) < 0)) to++;
        status = split_one(i, sorted + from, to - from, error);
        if (status == KEYVIZ_OK) *made += to - from;
        from = to;
    }
    RedisModule_Free(sorted);
    return status;
}

keyviz_status_t ranges_join(struct bytes key, keyviz_error_t *error) {
    size_t i = find(key);
    if (i == 0 || bytes_compare(ranges.list[i].start, key) != 0) return KEYVIZ_ERR_NOT_FOUND;
    struct range whole = {ranges.next_id, ranges.list[i - 1].start};
    keyviz_route_t route = route_of(&whole, end_of(i));
    uint64_t parents[2] = {ranges.list[i - 1].route_id, ranges.list[i].route_id};
    keyviz_status_t status = keyviz_sampler_apply_merge(host.sampler, parents, 2, &route, NULL, now_ns(), error);
    if (status == KEYVIZ_OK) {
        replace(i - 1, 2, &whole, 1);
        ranges.next_id++;
    }
    return status;
}

void ranges_free(void) {
    for (size_t i = 0; i < ranges.count; i++) RedisModule_Free((char *)ranges.list[i].start.data);
    RedisModule_Free(ranges.list);
    ranges.list = NULL;
    ranges.count = 0;
}

bool bytes_are(struct bytes bytes, const char *word) {
    if (bytes.len != strlen(word)) return false;
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.data[i];
        if ((c >= 'A' && c <= 'Z' ? c | 0x20 : c) != word[i]) return false;
    }
    return true;
}

int bytes_compare(struct bytes a, struct bytes b) {
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

struct bytes bytes_copy(const void *data, size_t len) {
    char *copy = RedisModule_Alloc(len + 1);
    if (len) memcpy(copy, data, len);
    copy[len] = '\0';
    return (struct bytes){copy, len};
}
