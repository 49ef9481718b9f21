/** @file
 * The C API of libkeyviz: where a key-value store's traffic goes.
 *
 * ## At a glance
 *
 * A host makes a sampler, tells it the key ranges of its routes, and reports each request, from any thread. Once per
 * step (say each minute) it takes a column: how much each route, label and part of the range got since the last one.
 *
 *     make      keyviz_sampler_new, _close, _free
 *     routes    keyviz_sampler_register_route, _register_routes, _remove_route, _apply_split, _apply_merge,
 *               _set_leader_term, _sub_bucket_bounds; a `_now` form takes the time of the system's clock
 *     count     keyviz_observe, keyviz_observe_sized, keyviz_observe_batch, keyviz_observe_columns
 *     lanes     keyviz_lane_acquire, keyviz_lane_observe, keyviz_lane_release: for hosts that know their threads
 *     columns   keyviz_sampler_flush (into the history) or _drain (into memory of the caller)
 *     history   keyviz_sampler_column_range, _read_column, _save_history, _load_history
 *               keyviz_columns_new, _next, _split, _take, _free: many columns, the fastest way
 *     matrix    keyviz_matrix_query, _from_columns, _free: time x key ranges, of one series
 *               _shape, _info, _columns, _values, _values_view, _row, _row_id, _row_name, _identities, _node: what is in it
 *               _to_json, _from_json, _to_proto, _from_proto, _to_csv: for other programs
 *               _to_html, _to_png: for people; keyviz_live_page, _live_page_policy: a page that a server keeps up to date
 *               _verdict, _split: what the library says of it
 *     cluster   keyviz_merge_new, _add, _add_failure, _finish, _free: the matrices of all nodes as one
 *     hot keys  keyviz_sampler_publish_hot_keys (each step), keyviz_hot_keys_query, _info, _entries, _free,
 *               _to_json, _from_json, _merge
 *     watch     keyviz_sampler_stats, _poll_events, _set_event_callback
 *
 * ## Words
 *
 * - A *route* is a key range with an id, as the store's router knows it; its *sub-buckets* are equal parts of it, if
 *   wanted (`key_buckets_per_route`). A *label* is the front end that a request came by; a *slot* counts for one route
 *   and label.
 * - A *lane* is the private counters of a thread; a *column* is what all lanes counted between two flushes; the
 *   *history* is the newest columns; a *matrix* is a series (reads, writes, or their bytes) of many columns.
 * - Routes past a limit *fold*: they count together, in a *virtual bucket*, whose row is an *aggregate*.
 *
 * ## Conventions
 *
 * - A function that can fail returns keyviz_status_t: KEYVIZ_OK (0), or one of KEYVIZ_ERR_*. After an error nothing was
 *   changed, and no output was written but those that the function names. Each function names its own errors; besides,
 *   any may return KEYVIZ_ERR_NULL_POINTER or _TYPE_SIZE for an argument, KEYVIZ_ERR_INVALID_HANDLE, KEYVIZ_ERR_CLOSED
 *   and KEYVIZ_ERR_PANIC.
 * - Where a reason helps, the last argument is a keyviz_error_t (or NULL), which is filled when the call fails, and left
 *   as it was when it doesn't.
 * - Structs begin with `type_size`; `KEYVIZ_<STRUCT>_INIT` or `keyviz_<struct>_init()` fills it, and zeroes the rest. What
 *   the library doesn't know of a caller's larger struct must be zero; a caller's shorter one is extended with zeros.
 *   Structs that are only written (info, statistics, events) are written as far as they and the library reach. A field
 *   called `reserved` must be zero where a struct is read. Pointers must be aligned as C wants it. (The functions set up
 *   a struct as the first version of the library had it; fields that came later want the macro.)
 * - Bytes go in as pointer and length, and are not kept beyond the call; NULL is fine where the length is 0. They come
 *   out into the caller's buffer with its capacity; if they don't fit, the status is KEYVIZ_ERR_BUFFER_TOO_SMALL and the
 *   needed size comes back.
 * - Nothing that the library gives is to be freed but handles, each with its own _free or _release; these take NULL.
 *   Strings that it returns are static.
 * - Times are Unix nanoseconds (int64_t) of the host's clock, unless a name ends in `_ms`; sizes are bytes, keys any
 *   bytes.
 *
 * ## Threads
 *
 * A function that takes a sampler may be called from any thread at any time, until the sampler is freed. A lane is used
 * by one thread at a time. A matrix or a reply about hot keys never changes: any number of threads may read it, until it
 * is freed. A merge may be used by several threads; they take turns. Functions that take no handle may be called at any
 * time. The library has no threads, no global settings and no signal handlers of its own.
 *
 * After fork(), the child may observe, flush and free if no other thread of the parent was in a call with that sampler;
 * the parent's counts so far are in both.
 *
 * ## Compatibility
 *
 * All versions 0.x are one ABI: a program that was compiled against an older header runs with a newer library, whose
 * name (SONAME) is libkeyviz.so.0 and whose symbols have the version KEYVIZ_0. Functions and constants are added, and
 * structs grow at their end. 64-bit systems only (LP64).
 *
 * This file is generated from the library's sources. */


#ifndef KEYVIZ_H
#define KEYVIZ_H

#include <stddef.h>
#include <stdint.h>

/// The version that this header belongs to, "x.y.z".
#define KEYVIZ_VERSION "0.1.0"
/// Its major number.
#define KEYVIZ_VERSION_MAJOR 0
/// Its minor number.
#define KEYVIZ_VERSION_MINOR 1
/// Its patch number.
#define KEYVIZ_VERSION_PATCH 0

// Labels: the adapter family that sent a request.
/// The label "".
#define KEYVIZ_LABEL_LEGACY 0
/// The label "dynamo".
#define KEYVIZ_LABEL_DYNAMO 1
/// The label "redis".
#define KEYVIZ_LABEL_REDIS 2
/// The label "s3".
#define KEYVIZ_LABEL_S3 3
/// The label "sqs".
#define KEYVIZ_LABEL_SQS 4
/// The label "rawkv".
#define KEYVIZ_LABEL_RAWKV 5

// Initialisers: sizes where a struct tells them, and zero for the rest.
/// A new keyviz_error_t.
#define KEYVIZ_ERROR_INIT {sizeof(keyviz_error_t), 0, 0, {0}}
/// A new keyviz_options_t.
#define KEYVIZ_OPTIONS_INIT {sizeof(keyviz_options_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {{0, 0}, {0, 0}, {0, 0}, {0, 0}}, 0, 0, 0, 0, 0, 0, 0, 0, {0, 0, 0, 0}}
/// A new keyviz_route_t.
#define KEYVIZ_ROUTE_INIT {sizeof(keyviz_route_t), 0, 0, 0, 0, 0, 0, 0, 0}
/// A new keyviz_column_info_t.
#define KEYVIZ_COLUMN_INFO_INIT {sizeof(keyviz_column_info_t), 0, 0, 0, 0, 0, 0}
/// A new keyviz_column_buffer_t.
#define KEYVIZ_COLUMN_BUFFER_INIT {sizeof(keyviz_column_buffer_t), sizeof(keyviz_row_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
/// A new keyviz_column_t.
#define KEYVIZ_COLUMN_INIT {sizeof(keyviz_column_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
/// A new keyviz_matrix_query_t.
#define KEYVIZ_MATRIX_QUERY_INIT {sizeof(keyviz_matrix_query_t), 0, 0, 1, 0, 0, 0, 0}
/// A new keyviz_matrix_info_t.
#define KEYVIZ_MATRIX_INFO_INIT {sizeof(keyviz_matrix_info_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
/// A new keyviz_matrix_row_t.
#define KEYVIZ_MATRIX_ROW_INIT {sizeof(keyviz_matrix_row_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
/// A new keyviz_matrix_node_t.
#define KEYVIZ_MATRIX_NODE_INIT {sizeof(keyviz_matrix_node_t), 0, 0, 0, 0}
/// A new keyviz_merge_options_t.
#define KEYVIZ_MERGE_OPTIONS_INIT {sizeof(keyviz_merge_options_t), -1, 0, 1, 0, 0, 0}
/// A new keyviz_limits_t.
#define KEYVIZ_LIMITS_INIT {sizeof(keyviz_limits_t), 0, 0, 0}
/// A new keyviz_png_options_t.
#define KEYVIZ_PNG_OPTIONS_INIT {sizeof(keyviz_png_options_t), 0, 0, 0, 0}
/// A new keyviz_verdict_t.
#define KEYVIZ_VERDICT_INIT {sizeof(keyviz_verdict_t), 0, 0, 0, 0, 0, 0, 0}
/// A new keyviz_split_t.
#define KEYVIZ_SPLIT_INIT {sizeof(keyviz_split_t), 0, 0, 0, 0, 0, 0, 0}
/// A new keyviz_live_page_t.
#define KEYVIZ_LIVE_PAGE_INIT {sizeof(keyviz_live_page_t), 0, 0, 0, 0, 0, 0, 0, 0}
/// A new keyviz_stats_t.
#define KEYVIZ_STATS_INIT {sizeof(keyviz_stats_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
/// A new keyviz_hot_keys_query_t.
#define KEYVIZ_HOT_KEYS_QUERY_INIT {sizeof(keyviz_hot_keys_query_t), 0, 0, 1, 0, 0, 0, 0, 0, 0}
/// A new keyviz_hot_keys_info_t.
#define KEYVIZ_HOT_KEYS_INFO_INIT {sizeof(keyviz_hot_keys_info_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
/// A new keyviz_hot_key_t.
#define KEYVIZ_HOT_KEY_INIT {sizeof(keyviz_hot_key_t), 0, 0, 0, 0, 0}
/// A new keyviz_hot_keys_source_t.
#define KEYVIZ_HOT_KEYS_SOURCE_INIT {sizeof(keyviz_hot_keys_source_t), 0, 0, 0, 0, 0}
/// A new keyviz_event_t.
#define KEYVIZ_EVENT_INIT {sizeof(keyviz_event_t), 0, 0, 0, 0, 0, 0, 0}
/// A new keyviz_hot_layout_t.
#define KEYVIZ_HOT_LAYOUT_INIT {sizeof(keyviz_hot_layout_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}


/// Number of coarser resolutions.
#define KEYVIZ_RESOLUTIONS 4

/// Keys of writes are sampled.
#define KEYVIZ_HOT_KEYS_WRITES 0

/// Keys of reads are sampled.
#define KEYVIZ_HOT_KEYS_READS 1

/// Keys of both are.
#define KEYVIZ_HOT_KEYS_BOTH 2

/// The route has slots of its own.
#define KEYVIZ_PLACEMENT_INDIVIDUAL 0

/// The route counts in a virtual bucket.
#define KEYVIZ_PLACEMENT_COARSENED 1

/// Take a range whose start is not below its end (it is never sub-divided), instead of refusing it.
#define KEYVIZ_ROUTE_ANY_RANGE 1

/// The request read the key.
#define KEYVIZ_OP_READ 0

/// The request wrote the key.
#define KEYVIZ_OP_WRITE 1

/// A label that the host knows and this library does not: it counts in virtual buckets, which take any label, and in
/// other routes it is unknown. Where labels are off it counts like any other.
#define KEYVIZ_LABEL_UNKNOWN 4294967295

/// The row is a virtual bucket.
#define KEYVIZ_ROW_AGGREGATE 1

/// The row's range has no end.
#define KEYVIZ_ROW_UNBOUNDED 2

/// Number of reads.
#define KEYVIZ_SERIES_READS 0

/// Number of writes.
#define KEYVIZ_SERIES_WRITES 1

/// Bytes of keys and values read.
#define KEYVIZ_SERIES_READ_BYTES 2

/// Bytes of keys and values written.
#define KEYVIZ_SERIES_WRITE_BYTES 3

/// Over the row budget, the rows with the largest totals stay and the others are dropped.
#define KEYVIZ_BUDGET_TOP 0

/// Over the row budget, cold rows that are neighbours are merged: no traffic disappears.
#define KEYVIZ_BUDGET_MERGE 1

/// The row stands for several routes: a virtual bucket, or rows that a budget merged.
#define KEYVIZ_MATRIX_ROW_AGGREGATE 1

/// The row's range has no end.
#define KEYVIZ_MATRIX_ROW_UNBOUNDED 2

/// Sources of a merge contradicted each other somewhere in the row.
#define KEYVIZ_MATRIX_ROW_CONFLICT 4

/// The row has more routes than route_ids lists.
#define KEYVIZ_MATRIX_ROW_ROUTES_TRUNCATED 8

/// Brightness in proportion to ln(1 + value).
#define KEYVIZ_SCALE_LOG 0

/// Brightness in proportion to the value.
#define KEYVIZ_SCALE_LINEAR 1

/// Columns of different sources that are at most half a step apart are one column.
#define KEYVIZ_TOLERANCE_DEFAULT -1

/// Nothing was counted.
#define KEYVIZ_VERDICT_IDLE 0

/// About the same in each column.
#define KEYVIZ_VERDICT_STEADY 1

/// Most of it in a few columns.
#define KEYVIZ_VERDICT_BURST 2

/// It comes back after the same time.
#define KEYVIZ_VERDICT_PERIODIC 3

/// It walks along the keys: sequential writes.
#define KEYVIZ_VERDICT_MOVING_EDGE 4

/// Most of it in one sub-bucket.
#define KEYVIZ_VERDICT_ONE_CELL 5

/// Spread over the keys, and steady.
#define KEYVIZ_VERDICT_EVEN 6

/// None of these.
#define KEYVIZ_VERDICT_IRREGULAR 7

/// keyviz_hot_keys_query_t.sub_bucket counts.
#define KEYVIZ_HOT_KEYS_SUB_BUCKET 1

/// keyviz_hot_keys_query_t.column counts.
#define KEYVIZ_HOT_KEYS_COLUMN 2

/// Changes when a program that was compiled against an older header may no longer work with the library.
#define KEYVIZ_ABI_VERSION 0

/// A route folded into a virtual bucket that was there.
#define KEYVIZ_EVENT_ROUTE_FOLDED 1

/// A route folded into a virtual bucket made for it.
#define KEYVIZ_EVENT_BUCKET_CREATED 2

/// Bytes of an error's message, its terminating zero included.
#define KEYVIZ_ERROR_MESSAGE_SIZE 240

/// The version of the hot layout.
#define KEYVIZ_HOT_LAYOUT_VERSION 3

/// A walk through stored columns: as they stood when it began, whatever the history does meanwhile. One thread at a time, but
/// for keyviz_columns_take.
typedef struct keyviz_columns_t keyviz_columns_t;

/// A reply to a question about hot keys. It never changes; any number of threads may read it at a time.
typedef struct keyviz_hot_keys_t keyviz_hot_keys_t;

/// A lane: a private set of counters. One thread at a time uses it, and it may pass from thread to thread (with the
/// host's own synchronisation). Threads that call keyviz_observe need none: they get theirs by themselves.
typedef struct keyviz_lane_t keyviz_lane_t;

/// A matrix: rows (key ranges by label) x columns (time) of one series. It never changes, and any number of threads may
/// read it at a time; pointers into it are good until it is freed. It stands by itself: the sampler, the columns or the
/// matrices that it was made from may be freed.
typedef struct keyviz_matrix_t keyviz_matrix_t;

/// A merge of the matrices of a cluster's nodes. It holds about one matrix, however many are added. Any thread may call
/// its functions; they take turns.
///
/// Reads and read bytes of a cell are added up. Writes and written bytes are what leaders counted: sources that tell of
/// the same Raft group and term tell of the same traffic, whose largest value counts, and if they differ, the cell is a
/// conflict; different terms are added up. If group or term are unknown, the largest value counts.
typedef struct keyviz_merge_t keyviz_merge_t;

/// A sampler. Every function that takes one may be called from any thread at any time, but for
/// keyviz_sampler_free, after which the handle is no more.
typedef struct keyviz_sampler_t keyviz_sampler_t;

/// A coarser resolution, for the columns that fall out of the history.
typedef struct {
    /// Width of a column, in ns; 0: this resolution is off.
    int64_t step_ns;
    /// How long columns are kept, in ns.
    int64_t retention_ns;
} keyviz_resolution_t;

/// How a sampler is made. Begin with KEYVIZ_OPTIONS_INIT (or keyviz_options_init). In every number, 0 means the
/// default, and what is above the cap counts as the cap.
typedef struct {
    /// sizeof(keyviz_options_t).
    size_t type_size;
    /// Flush interval in ns; default 60 s. The library has no timer: the host flushes. The step sets how long a removed
    /// route is still drained (max(2 steps, 5 s)).
    int64_t step_ns;
    /// Unix ns at which the first column's window begins; default: now.
    int64_t created_ns;
    /// Most bytes of counters, routes and history together; default 0: no limit. What doesn't fit any more folds
    /// (routes), goes (the oldest columns) or shares a lane (threads). A route is granted what it can come to take when
    /// each lane counts in all of it, so routes fold before the statistics show the limit.
    uint64_t memory_limit_bytes;
    /// Columns kept; default 1440, cap 100000.
    uint32_t history_columns;
    /// Routes with slots of their own; default 10000. Further routes fold into a virtual bucket.
    uint32_t max_tracked_routes;
    /// Member ids listed on a virtual bucket's row; default 256. Further members count, unlisted.
    uint32_t max_member_routes_per_slot;
    /// Sub-buckets per route, K; default 1 (off), cap 256.
    uint32_t key_buckets_per_route;
    /// 1: a slot for each label; 0: one slot per route, and labels are ignored.
    uint32_t labels_enabled;
    /// 1: no history; columns are only drained (keyviz_sampler_drain).
    uint32_t history_off;
    /// Lanes, the private counters of threads; default 256, cap 4096. Threads beyond them share one.
    uint32_t max_lanes;
    /// Zero.
    uint32_t reserved0;
    /// Coarser resolutions, each coarser than the one before; default: none.
    keyviz_resolution_t resolutions[KEYVIZ_RESOLUTIONS];
    /// 1: sample keys, to be published with keyviz_sampler_publish_hot_keys; default 0: no key is kept anywhere.
    uint32_t hot_keys_enabled;
    /// Entries of a hot-key sketch, m; default 64, cap 256. There is one for each route, label and series.
    uint32_t hot_keys_per_route;
    /// One in so many observations is sampled, R; default 16, cap 1024.
    uint32_t hot_keys_sample_rate;
    /// What a lane holds between two publications, in full sketches of short keys (some 5 kB each where hot_keys_per_route
    /// is 64); default 8192, cap 65536. Above that, it merges some into those that all lanes share.
    uint32_t hot_keys_queue_size;
    /// Longest key that is sampled, in bytes; default 1024, cap 4096. Longer ones are counted as skipped.
    uint32_t hot_keys_max_key_len;
    /// KEYVIZ_HOT_KEYS_WRITES (default), _READS or _BOTH: whose keys are sampled. Each series has sketches of its own.
    uint32_t hot_keys_series;
    /// 1: each column in the history keeps the first 8 keys of each route, label and series that were published since
    /// the column before (so publish, then flush).
    uint32_t hot_keys_in_columns;
    /// Zero.
    uint32_t reserved1;
    /// Zero.
    uint64_t reserved[4];
} keyviz_options_t;

/// What a call came to: `KEYVIZ_OK`, or one of `KEYVIZ_ERR_*`. After an error nothing was changed, and no output was
/// written but those that the function names.
typedef int32_t keyviz_status_t;

/// Why a call failed. The caller owns it, and passes it as the last argument (or NULL). It holds nothing to free.
typedef struct {
    /// sizeof(keyviz_error_t).
    size_t type_size;
    /// The status that the call returned.
    keyviz_status_t status;
    /// Zero.
    uint32_t reserved;
    /// The reason, in English, zero-terminated UTF-8, cut if it is longer.
    char message[KEYVIZ_ERROR_MESSAGE_SIZE];
} keyviz_error_t;

/// A route: the key range [start, end). Begin with KEYVIZ_ROUTE_INIT. The bounds are copied.
typedef struct {
    /// sizeof(keyviz_route_t).
    size_t type_size;
    /// The route's id; any value.
    uint64_t route_id;
    /// The Raft group that owns it; 0: unknown.
    uint64_t group_id;
    /// First key; NULL with length 0: the least key.
    const void *start;
    /// Bytes of start.
    size_t start_len;
    /// First key past the range.
    const void *end;
    /// Bytes of end; 0: unbounded.
    size_t end_len;
    /// Flags: KEYVIZ_ROUTE_ANY_RANGE.
    uint32_t flags;
    /// Zero.
    uint32_t reserved;
} keyviz_route_t;

/// One observation of an array.
typedef struct {
    /// The route.
    uint64_t route_id;
    /// The key; it is not kept. NULL: the caller hasn't it at hand, and it counts in sub-bucket 0.
    const void *key;
    /// Bytes of the key.
    size_t key_len;
    /// Bytes of the value.
    uint64_t value_len;
    /// KEYVIZ_OP_READ or KEYVIZ_OP_WRITE.
    uint32_t op;
    /// KEYVIZ_LABEL_*.
    uint32_t label;
} keyviz_observation_t;

/// One row of a column. Its byte strings and lists lie in the arena of the buffer that it was read into, at offsets
/// from the arena's beginning; several rows may share them. Lists of ids are uint64_t in the machine's byte order, at
/// offsets that are multiples of 8.
typedef struct {
    /// The route, or the synthetic id of a virtual bucket.
    uint64_t route_id;
    /// The Raft group that owns the route; 0: unknown, or a virtual bucket.
    uint64_t group_id;
    /// The group's leader term when the flush began; 0: unknown.
    uint64_t leader_term;
    /// Number of reads.
    uint64_t reads;
    /// Number of writes.
    uint64_t writes;
    /// Bytes of keys and values read.
    uint64_t read_bytes;
    /// Bytes of keys and values written.
    uint64_t write_bytes;
    /// Members of a virtual bucket, listed or not; 1 on a single route.
    uint64_t member_routes_total;
    /// Where the first key of the row's range lies: of its own part, if the route is sub-divided.
    uint64_t start_offset;
    /// Where the first key past the row's range lies.
    uint64_t end_offset;
    /// Where the listed member ids of a virtual bucket lie.
    uint64_t member_routes_offset;
    /// Where the ids of the routes that this one came from by split or merge lie.
    uint64_t parents_offset;
    /// Bytes of start.
    uint32_t start_len;
    /// Bytes of end.
    uint32_t end_len;
    /// Number of listed member ids.
    uint32_t member_routes_count;
    /// Number of parent ids.
    uint32_t parents_count;
    /// KEYVIZ_LABEL_*; KEYVIZ_LABEL_LEGACY on a virtual bucket, and where labels are off.
    uint32_t label;
    /// KEYVIZ_ROW_AGGREGATE, KEYVIZ_ROW_UNBOUNDED.
    uint32_t flags;
    /// The part of the route's range, counted from 0.
    uint32_t sub_bucket;
    /// The number of parts; 1: not sub-divided.
    uint32_t sub_bucket_count;
} keyviz_row_t;

/// Where a column goes. Begin with KEYVIZ_COLUMN_BUFFER_INIT, then give it memory. Rows are sorted by (start, route id,
/// label by name, sub-bucket), and each (route id, label, sub-bucket) has at most one.
typedef struct {
    /// sizeof(keyviz_column_buffer_t).
    size_t type_size;
    /// sizeof(keyviz_row_t): the distance from row to row.
    size_t row_size;
    /// In: room for row_capacity rows. NULL is fine where row_capacity is 0.
    keyviz_row_t *rows;
    /// In: number of rows that fit.
    size_t row_capacity;
    /// In: room for arena_capacity bytes, aligned to 8 to be read in place. NULL is fine where arena_capacity is 0.
    void *arena;
    /// In: number of bytes that fit.
    size_t arena_capacity;
    /// Out: number of rows. After KEYVIZ_ERR_BUFFER_TOO_SMALL: the row_capacity that it takes.
    size_t row_count;
    /// Out: bytes of arena used. After KEYVIZ_ERR_BUFFER_TOO_SMALL: the arena_capacity that it takes.
    size_t arena_used;
    /// Out: as in keyviz_column_info_t.
    uint64_t sequence;
    /// Out: as in keyviz_column_info_t.
    int64_t window_start_ns;
    /// Out: as in keyviz_column_info_t.
    int64_t at_ns;
    /// Out: as in keyviz_column_info_t.
    uint64_t flushes;
} keyviz_column_buffer_t;

/// What a column is, and how large. Begin with KEYVIZ_COLUMN_INFO_INIT.
typedef struct {
    /// sizeof(keyviz_column_info_t).
    size_t type_size;
    /// Number of the column's (last) flush; they count up from 0.
    uint64_t sequence;
    /// Unix ns: the end of the column before. The column holds what was drained in (window_start_ns, at_ns].
    int64_t window_start_ns;
    /// Unix ns: the time of the (last) flush.
    int64_t at_ns;
    /// How many flushes it is the sum of: 1, or more for a coarser column. It is found under the number of each.
    uint64_t flushes;
    /// Its rows.
    uint64_t rows;
    /// Bytes of arena that its rows take.
    uint64_t arena_bytes;
} keyviz_column_info_t;

/// What one row counted, and which of the descriptions says of what. It never grows.
typedef struct {
    /// Number of reads.
    uint64_t reads;
    /// Number of writes.
    uint64_t writes;
    /// Bytes of keys and values read.
    uint64_t read_bytes;
    /// Bytes of keys and values written.
    uint64_t write_bytes;
    /// Number of the row's description.
    uint32_t description;
    /// KEYVIZ_LABEL_*; KEYVIZ_LABEL_LEGACY on a virtual bucket, and where labels are off.
    uint32_t label;
} keyviz_counts_t;

/// One column of a walk. Begin with KEYVIZ_COLUMN_INIT. What it points to is the walk's, until the next column is asked for.
typedef struct {
    /// sizeof(keyviz_column_t).
    size_t type_size;
    /// As in keyviz_column_info_t.
    uint64_t sequence;
    /// As in keyviz_column_info_t.
    int64_t window_start_ns;
    /// As in keyviz_column_info_t.
    int64_t at_ns;
    /// As in keyviz_column_info_t.
    uint64_t flushes;
    /// The rows, in the order of keyviz_column_buffer_t.
    const keyviz_counts_t *rows;
    /// Number of rows.
    size_t row_count;
    /// The descriptions that this column and those before it refer to, by their number, which stays: what routes and parts
    /// are. Their counters and labels are 0.
    const keyviz_row_t *descriptions;
    /// Number of descriptions.
    size_t description_count;
    /// Bytes from one description to the next: sizeof(keyviz_row_t) of the library, which may be newer than the header.
    size_t description_size;
    /// The arena that the descriptions' offsets count from.
    const void *arena;
} keyviz_column_t;

/// What a matrix is made of. Begin with KEYVIZ_MATRIX_QUERY_INIT (or keyviz_matrix_query_init): the writes of all
/// columns, in at most 1024 rows, of which the busiest stay.
typedef struct {
    /// sizeof(keyviz_matrix_query_t).
    size_t type_size;
    /// Unix ns: columns that were committed at this time or later; 0: from the first.
    int64_t from_ns;
    /// Unix ns: columns that were committed before this time; 0: to the last.
    int64_t to_ns;
    /// What is counted, KEYVIZ_SERIES_*. A row that had traffic only in other series is there too, all zero.
    uint32_t series;
    /// Most rows; 0, or more than 1024: 1024.
    uint32_t row_budget;
    /// What becomes of the rows over the budget, KEYVIZ_BUDGET_*.
    uint32_t budget_mode;
    /// Bytes of node.
    uint32_t node_len;
    /// The name of this node, UTF-8, which goes with the matrix, also as JSON. A merge counts two sources of one name once.
    /// NULL with length 0: none.
    const char *node;
} keyviz_matrix_query_t;

/// What a matrix is, and how large. Begin with KEYVIZ_MATRIX_INFO_INIT.
typedef struct {
    /// sizeof(keyviz_matrix_info_t).
    size_t type_size;
    /// Number of rows.
    uint64_t rows;
    /// Number of columns.
    uint64_t columns;
    /// Unix ns: when it was made, of a merged one, when its newest source was; 0: unknown.
    int64_t generated_at_ns;
    /// KEYVIZ_SERIES_*.
    uint32_t series;
    /// 1 if a cluster was asked, that is, if the matrix came from a merge; else 0, and so are the three below.
    uint32_t fanout;
    /// Nodes that are told of: see keyviz_matrix_node.
    uint64_t nodes;
    /// Of these, nodes that answered.
    uint64_t nodes_responded;
    /// Nodes that were to answer.
    uint64_t nodes_expected;
    /// The name of the node that made it, UTF-8, not terminated; empty: unnamed. It lies in the matrix.
    const char *node;
    /// Bytes of node.
    size_t node_len;
} keyviz_matrix_info_t;

/// One row. What it points at lies in the matrix, and is there until that is freed; where a length is 0, the pointer is
/// not NULL, and not to be looked at. Begin with KEYVIZ_MATRIX_ROW_INIT.
typedef struct {
    /// sizeof(keyviz_matrix_row_t).
    size_t type_size;
    /// The row id, unique in the matrix, the same from one query to the next: `route:<id>[:<label>][#<sub-bucket>]`,
    /// `virtual:<id>[@<node>]` or `merged:<...>`. UTF-8, not terminated.
    const char *id;
    /// Bytes of id.
    size_t id_len;
    /// The label's name; empty for legacy. UTF-8, not terminated. A row that a budget merged has those of all its parts,
    /// "legacy+redis". One that another node's newer version knows, and this one does not, is there as it came.
    const char *label;
    /// Bytes of label.
    size_t label_len;
    /// First key of the range; of its own part, if the route is sub-divided.
    const void *start;
    /// Bytes of start.
    size_t start_len;
    /// First key past the range.
    const void *end;
    /// Bytes of end; 0: unbounded.
    size_t end_len;
    /// Listed routes of an aggregate; a single route has its id in the row id only.
    const uint64_t *route_ids;
    /// Number of listed routes.
    size_t route_ids_count;
    /// Routes in the row; 1 for a single one.
    uint64_t route_count;
    /// The row's values, one per column (see keyviz_matrix_shape).
    const uint64_t *values;
    /// One per column: 1 where sources of a merge contradicted each other, else 0. NULL: they nowhere did, or it is not
    /// known where (KEYVIZ_MATRIX_ROW_CONFLICT).
    const uint8_t *conflicts;
    /// KEYVIZ_MATRIX_ROW_*.
    uint32_t flags;
    /// Zero.
    uint32_t reserved;
} keyviz_matrix_row_t;

/// One node of a cluster. What it points at lies in the matrix, and is there until that is freed. Begin with
/// KEYVIZ_MATRIX_NODE_INIT.
typedef struct {
    /// sizeof(keyviz_matrix_node_t).
    size_t type_size;
    /// The node's name or address, UTF-8, not terminated; empty: it has none.
    const char *node;
    /// Bytes of node.
    size_t node_len;
    /// Why it did not answer, UTF-8, not terminated; NULL: it did answer.
    const char *error;
    /// Bytes of error.
    size_t error_len;
} keyviz_matrix_node_t;

/// What a reader takes at most of an input that nobody vouches for; in every number, 0 means the default. Whatever the
/// input says, reading it takes less memory than 16 times max_bytes and 512 bytes for each of max_rows. Begin with
/// KEYVIZ_LIMITS_INIT.
typedef struct {
    /// sizeof(keyviz_limits_t).
    size_t type_size;
    /// Bytes of input; default 64 MiB.
    uint64_t max_bytes;
    /// Rows, and nodes that are told of; default 65536.
    uint64_t max_rows;
    /// Rows x columns; default 16777216.
    uint64_t max_cells;
} keyviz_limits_t;

/// How a picture is drawn. Begin with KEYVIZ_PNG_OPTIONS_INIT.
typedef struct {
    /// sizeof(keyviz_png_options_t).
    size_t type_size;
    /// Pixels across, 11 to 8192; 0: as the columns need.
    uint32_t width;
    /// Pixels down, 11 to 8192; 0: as the rows need.
    uint32_t height;
    /// How values become brightness, KEYVIZ_SCALE_*.
    uint32_t scale;
    /// Zero.
    uint32_t reserved;
} keyviz_png_options_t;

/// How matrices are merged. Begin with KEYVIZ_MERGE_OPTIONS_INIT (or keyviz_merge_options_init): writes, half a step of
/// tolerance, at most 1024 rows.
typedef struct {
    /// sizeof(keyviz_merge_options_t).
    size_t type_size;
    /// Columns of different sources that are at most so many ns apart, in whole ms, are one column; 0: only those of equal
    /// times. KEYVIZ_TOLERANCE_DEFAULT: half of the step, which is the median distance of the columns of the first source
    /// that has two.
    int64_t column_tolerance_ns;
    /// Nodes that are to answer, for the report (keyviz_matrix_info); 0, or fewer than are added: as many as are added.
    uint64_t nodes_expected;
    /// KEYVIZ_SERIES_*: every source must be of it.
    uint32_t series;
    /// Most rows of the result; 0, or more than 1024: 1024.
    uint32_t row_budget;
    /// KEYVIZ_BUDGET_*.
    uint32_t budget_mode;
    /// Zero.
    uint32_t reserved;
} keyviz_merge_options_t;

/// A page that asks the server that it came from for data. Both addresses are of that server: the page's policy allows no
/// other. Strings are UTF-8; NULL with length 0: none. Begin with KEYVIZ_LIVE_PAGE_INIT.
typedef struct {
    /// sizeof(keyviz_live_page_t).
    size_t type_size;
    /// Where the matrix's JSON (keyviz_matrix_to_json) is, relative to the page's own address; asked with
    /// ?series=&from_unix_ms=&rows=.
    const char *matrix_url;
    /// Bytes of matrix_url.
    size_t matrix_url_len;
    /// Where the hot keys' JSON is; asked with ?route_id=&label=&sub_bucket=&series= when a cell is pinned. None: no hot
    /// keys are shown.
    const char *hot_keys_url;
    /// Bytes of hot_keys_url.
    size_t hot_keys_url_len;
    /// The page's title.
    const char *title;
    /// Bytes of title.
    size_t title_len;
    /// The row budget to ask for; 0: the server's.
    uint32_t rows;
    /// Zero.
    uint32_t reserved;
} keyviz_live_page_t;

/// What is said of a route under one label, all its sub-buckets together (or of an aggregate). What it points at lies in
/// the matrix. Begin with KEYVIZ_VERDICT_INIT.
typedef struct {
    /// sizeof(keyviz_verdict_t).
    size_t type_size;
    /// What decided it. Steady, irregular: standard deviation by mean. Burst: the share of the busiest twentieth of the
    /// columns. Periodic: the autocorrelation. Moving edge: parts passed, negative if downwards. One cell, even: the
    /// share of the hottest part. Idle: 0.
    double measure;
    /// Periodic: the period in ms. Otherwise 0.
    uint64_t period_ms;
    /// What was counted, UINT64_MAX at most.
    uint64_t total;
    /// Why, in English, UTF-8, not terminated.
    const char *reason;
    /// Bytes of reason.
    size_t reason_len;
    /// KEYVIZ_VERDICT_*.
    uint32_t verdict;
    /// Zero.
    uint32_t reserved;
} keyviz_verdict_t;

/// Where a hot route would be split. What it points at lies in the matrix. Begin with KEYVIZ_SPLIT_INIT.
typedef struct {
    /// sizeof(keyviz_split_t).
    size_t type_size;
    /// The route.
    uint64_t route_id;
    /// Its share of the matrix's traffic, all labels, 0 to 1.
    double share;
    /// The share of the route's traffic below the key, 0 to 1.
    double below;
    /// The key that would open the upper half; NULL: it cannot be split further here.
    const void *key;
    /// Bytes of key.
    size_t key_len;
    /// Why, in English, UTF-8, not terminated.
    const char *reason;
    /// Bytes of reason.
    size_t reason_len;
} keyviz_split_t;

/// A question about the hot keys of a route. Begin with KEYVIZ_HOT_KEYS_QUERY_INIT, which asks for the writes of the
/// legacy label.
typedef struct {
    /// sizeof(keyviz_hot_keys_query_t).
    size_t type_size;
    /// The route.
    uint64_t route_id;
    /// KEYVIZ_LABEL_*; KEYVIZ_LABEL_LEGACY where labels are off.
    uint32_t label;
    /// KEYVIZ_SERIES_WRITES or KEYVIZ_SERIES_READS.
    uint32_t series;
    /// KEYVIZ_HOT_KEYS_SUB_BUCKET, KEYVIZ_HOT_KEYS_COLUMN.
    uint32_t flags;
    /// With its flag: only the keys of this part of the route's range.
    uint32_t sub_bucket;
    /// With its flag: what the column of this sequence number keeps (see hot_keys_in_columns), not the newest snapshot.
    uint64_t column;
    /// Keys at most; 0: 20. Below 0 is an error; more than 1024, or than a sketch has, gives as many as there are.
    int64_t top;
    /// The snapshot's window must reach to this time, Unix ms; 0: any.
    int64_t from_unix_ms;
    /// The snapshot's window must begin by this time, Unix ms; 0: any.
    int64_t to_unix_ms;
} keyviz_hot_keys_query_t;

/// What a reply says besides its keys. Begin with KEYVIZ_HOT_KEYS_INFO_INIT.
typedef struct {
    /// sizeof(keyviz_hot_keys_info_t).
    size_t type_size;
    /// The route.
    uint64_t route_id;
    /// KEYVIZ_LABEL_*; KEYVIZ_LABEL_UNKNOWN: one that this library does not know, as the JSON can have it.
    uint32_t label;
    /// KEYVIZ_SERIES_WRITES or KEYVIZ_SERIES_READS.
    uint32_t series;
    /// KEYVIZ_HOT_KEYS_SUB_BUCKET, if one was asked for.
    uint32_t flags;
    /// With its flag: the part that was asked for.
    uint32_t sub_bucket;
    /// 1: samples were dropped, keys were skipped, or a node did not answer.
    uint32_t degraded;
    /// Zero.
    uint32_t reserved;
    /// The number of keys.
    uint64_t keys;
    /// Bytes of all keys together.
    uint64_t key_bytes;
    /// One in so many observations was sampled, R.
    uint64_t sample_rate;
    /// Sampled observations of this route, label and series, N; not scaled.
    uint64_t sampled_n;
    /// Samples of any route that could not be taken.
    uint64_t dropped_samples;
    /// Observations of any route whose key was too long to be sampled.
    uint64_t skipped_long_keys;
    /// R x N / m: by how much a count may exceed how often the key was sampled, times R. It is a bound of the sketch, on what
    /// was sampled; that one observation in R is adds an error of about sqrt(R x count) to a count, which no bound covers.
    uint64_t error_bound;
    /// Unix ns: when the snapshot was published.
    int64_t snapshot_at_ns;
} keyviz_hot_keys_info_t;

/// One key of a reply: count_low <= (how often it was sampled) x R <= count_high. These are bounds of the sketch: with R = 1
/// they hold for the observations themselves; otherwise (samples) x R estimates those, with a standard error of about
/// sqrt(R x count).
typedef struct {
    /// sizeof(keyviz_hot_key_t).
    size_t type_size;
    /// The key. It belongs to the reply, and is valid as long as that.
    const void *key;
    /// Bytes of the key.
    size_t key_len;
    /// Observations of it, as the sketch counts: sampled, times R.
    uint64_t count;
    /// At least so many.
    uint64_t count_low;
    /// At most so many.
    uint64_t count_high;
} keyviz_hot_key_t;

/// One node's answer. Begin with KEYVIZ_HOT_KEYS_SOURCE_INIT. Without a reply and without an error, the node answered that
/// it has no snapshot.
typedef struct {
    /// sizeof(keyviz_hot_keys_source_t).
    size_t type_size;
    /// The node's name or address, UTF-8.
    const void *node;
    /// Bytes of node.
    size_t node_len;
    /// Its reply, with all its keys (ask with a top of 1024); NULL: there is none.
    const keyviz_hot_keys_t *reply;
    /// Why it did not answer, UTF-8; NULL: it did.
    const void *error;
    /// Bytes of error.
    size_t error_len;
} keyviz_hot_keys_source_t;

/// What a sampler has, and where its memory is. Begin with KEYVIZ_STATS_INIT.
typedef struct {
    /// sizeof(keyviz_stats_t).
    size_t type_size;
    /// Registered routes, folded ones included.
    uint64_t routes;
    /// Slots: one per route and label, one per virtual bucket.
    uint64_t slots;
    /// Virtual buckets.
    uint64_t virtual_buckets;
    /// Members of virtual buckets, those that are leaving included.
    uint64_t virtual_members;
    /// Removed routes and buckets that are still drained.
    uint64_t retired;
    /// Columns in the history.
    uint64_t columns;
    /// Lanes in use or at hand, the shared one included.
    uint64_t lanes;
    /// Observations of unknown routes, so far.
    uint64_t missed;
    /// Observations refused as invalid, so far.
    uint64_t refused;
    /// Bytes of counters.
    uint64_t counter_bytes;
    /// Bytes of the routes and the route table.
    uint64_t route_bytes;
    /// Bytes of the history.
    uint64_t history_bytes;
    /// Bytes of hot keys: samples, snapshots, and what columns keep.
    uint64_t hot_key_bytes;
    /// Snapshots of hot keys.
    uint64_t hot_key_snapshots;
    /// Observations that were rolled for, so far: those with a key that is not too long, on routes with slots of their
    /// own, in the series that are tracked. Exact while nobody observes.
    uint64_t hot_keys_rolled;
    /// Observations that were sampled, and keys that were offered, so far. Each is in a snapshot, in the window under
    /// way, dropped or forgotten.
    uint64_t hot_keys_sampled;
    /// Samples that could not be taken, so far.
    uint64_t hot_keys_dropped;
    /// Observations whose key was too long, so far.
    uint64_t hot_keys_skipped;
    /// Samples that went with their removed routes, so far.
    uint64_t hot_keys_forgotten;
} keyviz_stats_t;

/// Something that the host's log should say. It holds no key bytes.
typedef struct {
    /// sizeof(keyviz_event_t).
    size_t type_size;
    /// KEYVIZ_EVENT_*.
    uint32_t kind;
    /// Zero.
    uint32_t reserved;
    /// The route.
    uint64_t route_id;
    /// The synthetic id of the virtual bucket.
    uint64_t bucket_id;
    /// Routes with slots of their own, at that time.
    uint64_t slots_used;
    /// The cap of those.
    uint64_t max_tracked_routes;
    /// Events that were held back since the one before: 16 may come at once, then one per second.
    uint64_t suppressed;
} keyviz_event_t;

/// What a host does with an event: `event` is valid during the call, and as long as its type_size says. It runs in the
/// thread whose call caused the event, after that call is done and without any lock, so it may call the library; it must
/// not unwind or longjmp.
typedef void (*keyviz_event_fn)(const keyviz_event_t *event, void *user_data);

/// How to count without crossing, for bindings that are built with this very library. Addresses are valid until the
/// sampler is freed; offsets are in bytes; all integers are in the machine's byte order.
///
/// A writer holds a lane (one of its own, keyviz_lane_acquire, with plain loads and stores; or the shared one, with
/// atomic ones), and counts so:
///
///   1. Enter: store 1 in the lane's passage flag. In the shared lane instead: read the generation (lowest bit of the
///      first word at shared_passages), add 1 to word 1 + generation.
///   2. Load the 64-bit word at `table`: its low 6 bits are the shift, the rest the address of 2^(64 - shift) entries
///      (16 bytes: id, place), which are searched from (id * hash_factor) >> shift on, upwards and around, until the
///      id is found (read the place first, then the id) or a place is 0. A place of 4, or none: unknown, add 1 to the
///      lane's missed counter and go to 4.
///   3. The cell: if the place's bit 0 is set (and bit 3, too, if it is a virtual bucket's),
///      (place >> 32) + (label & (place >> 9 & 0xffff)); otherwise place - 2 is the address of a divided route:
///      first + label * stride + part. Its segment is the pair of addresses (counters, marks) at
///      lane_segments + 16 * (number of the cell's highest bit), which is lane_segments + (place & 0x1f0) if bit 0 of the
///      place is set, and otherwise lane_segments + segment of the divided route. If it is 0: leave, call
///      keyviz_hot_reserve, and begin again. At counters + 32 * cell lie reads, writes, read bytes, write bytes: add. Then
///      look at the byte at marks + (cell >> block_bits), and if it is 0, store 1.
///   4. Leave: store 0 in the passage flag (in the shared lane: subtract 1 from where it was added).
///
/// Between 1 and 4 the thread must not give the lane to another.
///
/// Where hot keys are on, the word at lane_stage in a lane is the address of its *stage*, and otherwise 0. After 3, in a
/// lane of one's own and if the place isn't a virtual bucket's, the writer samples so:
///
///   5. If bit `op` of series (32 bits) is 0: nothing. If the key is longer than longest_key (32 bits): add 1 to skipped.
///   6. If left (32 bits) is above 1: subtract 1, and that is all. If it is 0: add 1 to drawn, and with a chance of 1 in
///      hot_keys_sample_rate go on to 7; otherwise that is all. If it is 1: 7.
///   7. It is a sample: add 1 to sampled. Load head (acquire). If tail is head, nothing is staged, and filled (32 bits)
///      counts as 0. If tail - head is stage_slot_count, or filled + key_len is above stage_key_bytes: store 0 in left;
///      hand the key over with keyviz_hot_sample once the observation is done.
///   8. Otherwise slot number tail % stage_slot_count, 16 bytes, becomes: route_id; filled (16 bits); key_len (16 bits);
///      label * 2 + op (32 bits; the label is 0 where labels are off). Copy the key to stage_keys + filled, and add key_len
///      to filled. Load the gap (32 bits) at stage_gaps + 4 * (tail % stage_slot_count); store it in left, and add it to
///      drawn. Store tail + 1 in tail (release). If tail - head is stage_batch or more now: call keyviz_hot_apply once
///      the observation is done.
///
/// In the shared lane, instead: skipped as in 5, with atomic additions; add 1 to drawn, and with a chance of 1 in
/// hot_keys_sample_rate add 1 to sampled, and call keyviz_hot_sample. Without another size, these numbers have 64 bits.
typedef struct {
    /// sizeof(keyviz_hot_layout_t).
    size_t type_size;
    /// KEYVIZ_HOT_LAYOUT_VERSION of the library.
    uint32_t version;
    /// Number of labels that have slots of their own: 1, or all.
    uint32_t labels;
    /// Where the word of the current table stands.
    void *table;
    /// The shared lane.
    void *shared_lane;
    /// The passages of the shared lane: generation, inside[2].
    void *shared_passages;
    /// Multiplier of the hash.
    uint64_t hash_factor;
    /// In a lane: passage flag, 64 bits.
    uint32_t lane_passages;
    /// In a lane: missed counter, 64 bits.
    uint32_t lane_missed;
    /// In a lane: the segments.
    uint32_t lane_segments;
    /// log2 of the cells that share a mark.
    uint32_t block_bits;
    /// In a divided route: first cell, 32 bits.
    uint32_t divided_first;
    /// In a divided route: cells from label to label, 16 bits; 0 where labels are off, and otherwise key_buckets_per_route.
    uint32_t divided_stride;
    /// In a divided route: number of parts, 16 bits.
    uint32_t divided_count;
    /// In a divided route: bytes of prefix, 32 bits.
    uint32_t divided_prefix_len;
    /// In a divided route: window of the start, 64 bits.
    uint32_t divided_low;
    /// In a divided route: width of the window, 64 bits.
    uint32_t divided_span;
    /// In a divided route: parts per window, times 2^(64 + shift), 64 bits.
    uint32_t divided_ratio;
    /// In a divided route: address of the prefix.
    uint32_t divided_prefix;
    /// In a lane: address of the stage; 0: hot keys are off.
    uint32_t lane_stage;
    /// In a stage: observations up to and including the next sample, 32 bits.
    uint32_t stage_left;
    /// In a stage: bytes of keys in use, 32 bits.
    uint32_t stage_filled;
    /// In a stage: samples staged so far, 64 bits.
    uint32_t stage_tail;
    /// In a stage: observations rolled for, 64 bits.
    uint32_t stage_drawn;
    /// In a stage: samples so far, 64 bits.
    uint32_t stage_sampled;
    /// In a stage: keys that were too long, 64 bits.
    uint32_t stage_skipped;
    /// In a stage: bytes of a key at most, 32 bits.
    uint32_t stage_longest_key;
    /// In a stage: the series that are sampled, 32 bits.
    uint32_t stage_series;
    /// In a stage: samples of `tail` that the library is done with, 64 bits.
    uint32_t stage_head;
    /// In a stage: gaps, 32 bits each.
    uint32_t stage_gaps;
    /// In a stage: slots.
    uint32_t stage_slots;
    /// In a stage: keys.
    uint32_t stage_keys;
    /// Slots of a stage, and gaps.
    uint32_t stage_slot_count;
    /// Bytes of a stage's keys.
    uint32_t stage_key_bytes;
    /// So many samples are a batch.
    uint32_t stage_batch;
    /// In a divided route: shift, 16 bits.
    uint32_t divided_shift;
    /// In a divided route: mask of the prefix in a key's first 8 bytes, of which the first is lowest; 64 bits.
    uint32_t divided_head_mask;
    /// In a divided route: what the mask leaves of a key with the prefix, 64 bits. Longer prefixes have a mask of 0, and 1 here.
    uint32_t divided_head;
    /// In a divided route: segment, 16 bits.
    uint32_t divided_segment;
} keyviz_hot_layout_t;

/// The call did what it says.
#define KEYVIZ_OK 0

/// A number is none of its enum's constants, or an argument's value has no meaning.
#define KEYVIZ_ERR_INVALID_ARGUMENT 1

/// A pointer is null where one is needed, or is null with a length above 0.
#define KEYVIZ_ERR_NULL_POINTER 2

/// A struct's type_size is not one that this library knows, or the part of a larger struct that it doesn't know is not
/// zero.
#define KEYVIZ_ERR_TYPE_SIZE 3

/// The handle is not one of this library's, or was freed. (Found out as far as that is possible.)
#define KEYVIZ_ERR_INVALID_HANDLE 4

/// A route's start is not below its end.
#define KEYVIZ_ERR_INVALID_RANGE 5

/// A buffer is too small. The sizes that it takes were written; nothing else was done.
#define KEYVIZ_ERR_BUFFER_TOO_SMALL 6

/// The route is not registered.
#define KEYVIZ_ERR_UNKNOWN_ROUTE 7

/// The route id is in use, where a new one is needed.
#define KEYVIZ_ERR_ROUTE_EXISTS 8

/// There is no such column, sub-bucket or name.
#define KEYVIZ_ERR_NOT_FOUND 9

/// The sampler keeps no history.
#define KEYVIZ_ERR_HISTORY_OFF 10

/// The sampler is closed.
#define KEYVIZ_ERR_CLOSED 11

/// The system gave no memory, or it does not fit into the sampler's memory limit.
#define KEYVIZ_ERR_NO_MEMORY 12

/// All lanes are out.
#define KEYVIZ_ERR_NO_LANE 13

/// The bytes are damaged: they are not what this library wrote.
#define KEYVIZ_ERR_CORRUPT 14

/// The bytes were written by a newer version of this library.
#define KEYVIZ_ERR_NEWER_VERSION 15

/// A file could not be read or written.
#define KEYVIZ_ERR_IO 16

/// This system lacks what the call needs.
#define KEYVIZ_ERR_UNSUPPORTED 17

/// A defect of the library: it panicked, and the panic was stopped here.
#define KEYVIZ_ERR_PANIC 18

/// The input is not what it should be. The message says what is wrong, and at which byte.
#define KEYVIZ_ERR_MALFORMED 19

/// The input is larger than a limit allows.
#define KEYVIZ_ERR_TOO_LARGE 20

/// The sampler tracks no hot keys.
#define KEYVIZ_ERR_HOT_KEYS_OFF 21

/// There is no snapshot of these hot keys: the route is unknown or in a virtual bucket, or nothing of it was sampled and
/// published yet.
#define KEYVIZ_ERR_NO_SNAPSHOT 22

/// The snapshot is not of the time that was asked for.
#define KEYVIZ_ERR_OUT_OF_SNAPSHOT_WINDOW 23

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// Fills options with their defaults, like KEYVIZ_OPTIONS_INIT. NULL is fine.
void keyviz_options_init(keyviz_options_t *options);

/// Makes a sampler. `options` may be NULL: all defaults. On success `*out` is the caller's, to free with
/// keyviz_sampler_free.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER (out), KEYVIZ_ERR_TYPE_SIZE, KEYVIZ_ERR_INVALID_ARGUMENT (a negative step or
/// retention, a flag that is neither 0 nor 1, a reserved field that is not zero).
keyviz_status_t keyviz_sampler_new(const keyviz_options_t *options, keyviz_sampler_t **out, keyviz_error_t *err);

/// Ends a sampler while observers may still run: from now on every route is unknown to them (the lanes too), nearly all
/// memory is given back at once, and other calls return KEYVIZ_ERR_CLOSED, but for the statistics, events that wait and
/// giving lanes back. The handle stays valid, to be freed when nobody uses it any more. Closing twice is fine. May wait
/// for observers that are in the middle of a call.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_sampler_close(keyviz_sampler_t *sampler);

/// Frees a sampler, and with it all its counters and columns. Its lanes must have been released, and no other thread
/// may be in a call with it. NULL is fine.
void keyviz_sampler_free(keyviz_sampler_t *sampler);

/// Fills a route with zeros and its type_size, like KEYVIZ_ROUTE_INIT. NULL is fine.
void keyviz_route_init(keyviz_route_t *route);

/// Registers a route. `*placement` (NULL is fine) becomes KEYVIZ_PLACEMENT_INDIVIDUAL or _COARSENED. A route that is
/// registered already stays as it is, also when range or group differ: to change it, remove it first. One that was
/// removed not long ago (max(2 steps, 5 s)) comes back with its counters. O(log n), and no observer waits.
///
/// Errors: KEYVIZ_ERR_INVALID_RANGE, KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE, KEYVIZ_ERR_INVALID_ARGUMENT,
/// KEYVIZ_ERR_ROUTE_EXISTS (the id is a virtual bucket's), KEYVIZ_ERR_NO_MEMORY (not even a place in a virtual bucket fits
/// into the memory limit).
keyviz_status_t keyviz_sampler_register_route(keyviz_sampler_t *sampler,
                                              const keyviz_route_t *route,
                                              uint32_t *placement,
                                              keyviz_error_t *err);

/// Registers many routes, all or none: if one is invalid, nothing is registered. `routes` is an array of `count`
/// structs, all with the type_size of the first; `placements` is NULL or has room for `count` numbers. An id that comes
/// twice is registered once. O(n log n) in all. Errors: as keyviz_sampler_register_route.
keyviz_status_t keyviz_sampler_register_routes(keyviz_sampler_t *sampler,
                                               const keyviz_route_t *routes,
                                               size_t count,
                                               uint32_t *placements,
                                               keyviz_error_t *err);

/// Removes a route at `now_ns` (Unix ns); of an id that is not registered nothing happens, and the call is OK. What was
/// counted stays: flushes drain it until max(2 steps, 5 s) after `now_ns`.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_CLOSED.
keyviz_status_t keyviz_sampler_remove_route(keyviz_sampler_t *sampler,
                                            uint64_t route_id,
                                            int64_t now_ns,
                                            keyviz_error_t *err);

/// keyviz_sampler_remove_route at the time of the system's clock. Errors: as that.
keyviz_status_t keyviz_sampler_remove_route_now(keyviz_sampler_t *sampler, uint64_t route_id, keyviz_error_t *err);

/// Replaces a route by the `count` routes that it was split into, in one step, at `now_ns` (Unix ns): the children are
/// registered before the parent retires, so that no observation misses in between, and their rows name the parent. A
/// child may keep the parent's id (and then its counters and sub-buckets). `placements` is NULL or has room for `count`
/// numbers. All or nothing. Ranges are the host's: that the children cover the parent's, and don't overlap, is not checked,
/// as it is not when routes are registered.
///
/// Errors: KEYVIZ_ERR_UNKNOWN_ROUTE (the parent), KEYVIZ_ERR_ROUTE_EXISTS (a child), KEYVIZ_ERR_INVALID_ARGUMENT (no child,
/// or one is named twice), those of keyviz_sampler_register_route.
keyviz_status_t keyviz_sampler_apply_split(keyviz_sampler_t *sampler,
                                           uint64_t parent_id,
                                           const keyviz_route_t *children,
                                           size_t count,
                                           uint32_t *placements,
                                           int64_t now_ns,
                                           keyviz_error_t *err);

/// keyviz_sampler_apply_split at the time of the system's clock. Errors: as that.
keyviz_status_t keyviz_sampler_apply_split_now(keyviz_sampler_t *sampler,
                                               uint64_t parent_id,
                                               const keyviz_route_t *children,
                                               size_t count,
                                               uint32_t *placements,
                                               keyviz_error_t *err);

/// Replaces `count` routes by the one that they were merged into, in one step, at `now_ns` (Unix ns): the child is
/// registered before its parents retire, so that no observation misses in between, and its rows name them. The child may
/// keep the id of one parent. `*placement` (NULL is fine) becomes KEYVIZ_PLACEMENT_*. All or nothing.
///
/// Errors: KEYVIZ_ERR_UNKNOWN_ROUTE (a parent), KEYVIZ_ERR_INVALID_ARGUMENT (no parent, or one is named twice),
/// KEYVIZ_ERR_ROUTE_EXISTS (the child), those of keyviz_sampler_register_route.
keyviz_status_t keyviz_sampler_apply_merge(keyviz_sampler_t *sampler,
                                           const uint64_t *parent_ids,
                                           size_t count,
                                           const keyviz_route_t *child,
                                           uint32_t *placement,
                                           int64_t now_ns,
                                           keyviz_error_t *err);

/// keyviz_sampler_apply_merge at the time of the system's clock. Errors: as that.
keyviz_status_t keyviz_sampler_apply_merge_now(keyviz_sampler_t *sampler,
                                               const uint64_t *parent_ids,
                                               size_t count,
                                               const keyviz_route_t *child,
                                               uint32_t *placement,
                                               keyviz_error_t *err);

/// From the next flush on, the rows of the group carry this leader term. Group 0 is none, and is ignored.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_CLOSED.
keyviz_status_t keyviz_sampler_set_leader_term(keyviz_sampler_t *sampler, uint64_t group_id, uint64_t term);

/// The bounds of one sub-bucket of a registered route (or of a virtual bucket, by its synthetic id). Writes up to
/// `capacity` bytes: the lower bound, and right behind it the upper one; `*start_len` and `*end_len` become their
/// lengths, an end of 0 bytes is unbounded. If they don't fit, the lengths are written and the status is
/// KEYVIZ_ERR_BUFFER_TOO_SMALL.
///
/// Errors: KEYVIZ_ERR_NOT_FOUND (no such route, or it counts in a virtual bucket; no such part).
keyviz_status_t keyviz_sampler_sub_bucket_bounds(const keyviz_sampler_t *sampler,
                                                 uint64_t route_id,
                                                 uint32_t sub_bucket,
                                                 void *buffer,
                                                 size_t capacity,
                                                 size_t *start_len,
                                                 size_t *end_len,
                                                 keyviz_error_t *err);

/// Counts one request: 1 operation and key_len + value_len bytes, in the slot of (route, label) and the sub-bucket of
/// the key. The key is read, and not kept. Where labels are off, the label makes no difference, but must still be one.
/// `sampler` may be NULL: nothing happens, and the call is OK; so a host switches the whole off.
///
/// Returns KEYVIZ_OK; KEYVIZ_ERR_UNKNOWN_ROUTE: the route is not registered, it counts as missed;
/// KEYVIZ_ERR_INVALID_ARGUMENT: the op or the label is none, or the key is NULL with a length: it counts as refused;
/// KEYVIZ_ERR_NO_MEMORY: the system gave none for the counters. A host that doesn't care ignores it.
///
/// Any thread, any time; no lock, no allocation and no system call but for a thread's first observations. With hot keys
/// on, an observation that is sampled (one in hot_keys_sample_rate) may also allocate: when its lane meets a route, a
/// label or a key for the first time in a window, or a longer key than before. Not to be called from a signal handler.
keyviz_status_t keyviz_observe(keyviz_sampler_t *sampler,
                               uint64_t route_id,
                               const void *key,
                               size_t key_len,
                               uint32_t op,
                               uint64_t value_len,
                               uint32_t label);

/// Counts one request whose key the caller has not at hand: it counts in sub-bucket 0. Otherwise as
/// keyviz_observe, with the same errors.
keyviz_status_t keyviz_observe_sized(keyviz_sampler_t *sampler,
                                     uint64_t route_id,
                                     uint32_t op,
                                     uint64_t key_len,
                                     uint64_t value_len,
                                     uint32_t label);

/// Counts `count` requests. Those that are invalid or whose route is unknown are left out, and all others count:
/// `*counted` (NULL is fine) becomes their number. Returns KEYVIZ_OK if all of them counted, otherwise the status of the
/// first that did not, as keyviz_observe gives it. Without a sampler none counts, and it is OK.
///
/// Errors before anything counts: KEYVIZ_ERR_NULL_POINTER (`observations` is NULL and `count` is not 0),
/// KEYVIZ_ERR_INVALID_ARGUMENT (no memory holds that many).
keyviz_status_t keyviz_observe_batch(keyviz_sampler_t *sampler,
                                     const keyviz_observation_t *observations,
                                     size_t count,
                                     size_t *counted);

/// Counts `count` requests given as arrays, one per field; they count in sub-bucket 0. `labels` may be NULL: all
/// legacy. `counted`, the result and the errors are as in keyviz_observe_batch.
keyviz_status_t keyviz_observe_columns(keyviz_sampler_t *sampler,
                                       size_t count,
                                       const uint64_t *route_ids,
                                       const uint8_t *ops,
                                       const uint32_t *key_lens,
                                       const uint64_t *value_lens,
                                       const uint8_t *labels,
                                       size_t *counted);

/// Takes a lane of the sampler, to be given back with keyviz_lane_release before the sampler is freed.
///
/// Errors: KEYVIZ_ERR_NO_LANE (all `max_lanes` are out, or another one does not fit into the memory limit),
/// KEYVIZ_ERR_CLOSED, KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_lane_acquire(keyviz_sampler_t *sampler, keyviz_lane_t **out, keyviz_error_t *err);

/// Gives a lane back. What it counted stays. NULL is fine.
void keyviz_lane_release(keyviz_lane_t *lane);

/// keyviz_observe through a lane: the fastest form. One thread at a time per lane. `lane` may be NULL: nothing happens,
/// and the call is OK. Returns what keyviz_observe returns, and
/// KEYVIZ_ERR_INVALID_HANDLE: it is not a lane, or was released.
keyviz_status_t keyviz_lane_observe(keyviz_lane_t *lane,
                                    uint64_t route_id,
                                    const void *key,
                                    size_t key_len,
                                    uint32_t op,
                                    uint64_t value_len,
                                    uint32_t label);

/// Fills it with zeros, its type_size and its row_size, like KEYVIZ_COLUMN_BUFFER_INIT. NULL is fine.
void keyviz_column_buffer_init(keyviz_column_buffer_t *buffer);

/// Fills it with zeros and its type_size, like KEYVIZ_COLUMN_INFO_INIT. NULL is fine.
void keyviz_column_info_init(keyviz_column_info_t *info);

/// Commits a column at `now_ns` (Unix ns) into the history: one row for every slot and sub-bucket that counted anything
/// since the last flush or drain. `info` (NULL is fine) tells what it is. Flushes of one sampler wait for one another;
/// no observer waits.
///
/// Errors: KEYVIZ_ERR_HISTORY_OFF (drain it instead), KEYVIZ_ERR_NO_MEMORY, KEYVIZ_ERR_TYPE_SIZE. Nothing was drained.
keyviz_status_t keyviz_sampler_flush(keyviz_sampler_t *sampler,
                                     int64_t now_ns,
                                     keyviz_column_info_t *info,
                                     keyviz_error_t *err);

/// keyviz_sampler_flush at the time of the system's clock. Errors: as that.
keyviz_status_t keyviz_sampler_flush_now(keyviz_sampler_t *sampler, keyviz_column_info_t *info, keyviz_error_t *err);

/// Commits a column at `now_ns` (Unix ns) into the caller's buffer, and into the history if there is one. All or
/// nothing: KEYVIZ_ERR_BUFFER_TOO_SMALL writes the needed sizes into row_count and arena_used, and nothing has been
/// drained; meanwhile more may be counted, so ask for some more than that. Other errors: KEYVIZ_ERR_NULL_POINTER,
/// KEYVIZ_ERR_TYPE_SIZE, KEYVIZ_ERR_NO_MEMORY.
keyviz_status_t keyviz_sampler_drain(keyviz_sampler_t *sampler,
                                     int64_t now_ns,
                                     keyviz_column_buffer_t *buffer,
                                     keyviz_error_t *err);

/// keyviz_sampler_drain at the time of the system's clock. Errors: as that.
keyviz_status_t keyviz_sampler_drain_now(keyviz_sampler_t *sampler,
                                         keyviz_column_buffer_t *buffer,
                                         keyviz_error_t *err);

/// Which stored columns have from_ns <= at < to_ns (Unix ns; 0: unbounded): `*count` of them, the oldest with the
/// sequence number `*first_sequence`. Read it, and go on with the number after the sequence that it tells, until `count` of
/// such times are read: between them lie columns of other times, if the host's clock went back. (Otherwise, and without
/// coarser columns, the numbers are consecutive.) Either pointer may be NULL.
///
/// Errors: KEYVIZ_ERR_HISTORY_OFF.
keyviz_status_t keyviz_sampler_column_range(const keyviz_sampler_t *sampler,
                                            int64_t from_ns,
                                            int64_t to_ns,
                                            uint64_t *first_sequence,
                                            uint64_t *count);

/// Reads the stored column that holds the flush with this sequence number into the caller's buffer. What it gives for a
/// number never changes until the column is folded into a coarser one or goes.
///
/// Errors: KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_HISTORY_OFF, KEYVIZ_ERR_BUFFER_TOO_SMALL (row_count and arena_used are the
/// needed sizes), KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_sampler_read_column(const keyviz_sampler_t *sampler,
                                           uint64_t sequence,
                                           keyviz_column_buffer_t *buffer,
                                           keyviz_error_t *err);

/// Fills it with zeros and its type_size, like KEYVIZ_COLUMN_INIT. NULL is fine.
void keyviz_column_init(keyviz_column_t *column);

/// Begins a walk through the stored columns with from_ns <= at < to_ns (Unix ns; 0: unbounded), oldest first. `*count` is
/// their number, and `*rows` that of their rows (either may be NULL). Flushes and observers go on meanwhile, and change
/// nothing of what the walk gives. `*out` is to be freed with keyviz_columns_free, before or after the sampler.
///
/// Errors: KEYVIZ_ERR_HISTORY_OFF.
keyviz_status_t keyviz_columns_new(const keyviz_sampler_t *sampler,
                                   int64_t from_ns,
                                   int64_t to_ns,
                                   keyviz_columns_t **out,
                                   size_t *count,
                                   size_t *rows,
                                   keyviz_error_t *err);

/// Gives the last `count` of the columns that are still to come to a walk of their own, for another thread; fewer, if fewer
/// are to come. `*out` is to be freed with keyviz_columns_free.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER (out).
keyviz_status_t keyviz_columns_split(keyviz_columns_t *columns,
                                     size_t count,
                                     keyviz_columns_t **out,
                                     keyviz_error_t *err);

/// Moves the last `count` of the columns that are still to come of `from` to the end of `columns`; fewer, if fewer are to
/// come. `*taken` (NULL is fine) is their number. Another thread may be using `from`: so a thread that has come to its
/// walk's end helps with another's.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_INVALID_HANDLE. Nothing was moved.
keyviz_status_t keyviz_columns_take(keyviz_columns_t *columns,
                                    keyviz_columns_t *from,
                                    size_t count,
                                    size_t *taken,
                                    keyviz_error_t *err);

/// Gives the next column.
///
/// Errors: KEYVIZ_ERR_NOT_FOUND (there are no more), KEYVIZ_ERR_TYPE_SIZE. Nothing was skipped.
keyviz_status_t keyviz_columns_next(keyviz_columns_t *columns, keyviz_column_t *column, keyviz_error_t *err);

/// Frees a walk. NULL is fine.
void keyviz_columns_free(keyviz_columns_t *columns);

/// Writes the history as one byte string into the caller's buffer, for a file or a database: versioned, checksummed,
/// the same on every machine. `*size` becomes its length, also when it does not fit. (A flush in between can make it
/// longer: ask for some more.)
///
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_HISTORY_OFF, KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_sampler_save_history(const keyviz_sampler_t *sampler,
                                            void *buffer,
                                            size_t capacity,
                                            size_t *size,
                                            keyviz_error_t *err);

/// Takes over a history that was saved, before the first flush; sequence numbers go on after its newest column. What the
/// options have no room for is left out. All or nothing.
///
/// Errors: KEYVIZ_ERR_CORRUPT (damaged or cut), KEYVIZ_ERR_NEWER_VERSION, KEYVIZ_ERR_HISTORY_OFF,
/// KEYVIZ_ERR_INVALID_ARGUMENT (there was a flush already), KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_sampler_load_history(keyviz_sampler_t *sampler,
                                            const void *image,
                                            size_t len,
                                            keyviz_error_t *err);

/// Saves the history into a file, which is replaced atomically: after a crash it holds the old history or the new one.
/// `path` is zero-terminated.
///
/// Errors: KEYVIZ_ERR_IO, KEYVIZ_ERR_INVALID_ARGUMENT (the path names no file: it is empty, or ends in ".."),
/// KEYVIZ_ERR_HISTORY_OFF, KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_sampler_save_history_file(const keyviz_sampler_t *sampler,
                                                 const char *path,
                                                 keyviz_error_t *err);

/// Loads the history from a file that keyviz_sampler_save_history_file (or the host) wrote.
/// Errors: KEYVIZ_ERR_IO, and those of keyviz_sampler_load_history.
keyviz_status_t keyviz_sampler_load_history_file(keyviz_sampler_t *sampler, const char *path, keyviz_error_t *err);

/// Fills a query like KEYVIZ_MATRIX_QUERY_INIT. NULL is fine.
void keyviz_matrix_query_init(keyviz_matrix_query_t *query);

/// Makes a matrix from the sampler's history: what was flushed; what was counted since is not in it. Observers and
/// flushes go on meanwhile. `*out` is to be freed with keyviz_matrix_free.
///
/// A history without such columns gives a matrix without rows and columns, and that is not an error.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (a number is none of its enum's, a node that is not UTF-8), KEYVIZ_ERR_HISTORY_OFF,
/// KEYVIZ_ERR_CLOSED, KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_matrix_query(const keyviz_sampler_t *sampler,
                                    const keyviz_matrix_query_t *query,
                                    keyviz_matrix_t **out,
                                    keyviz_error_t *err);

/// Makes a matrix from columns that the host keeps as keyviz_sampler_drain or keyviz_sampler_read_column filled them:
/// `columns` points at `count` pointers to buffers, in any order. Of the query's times, the same holds as for the history.
/// The buffers are only read, and only during the call.
///
/// Of a buffer, row_size, rows, row_capacity, row_count, arena, arena_capacity, arena_used and at_ns are looked at; a host
/// that kept rows and arena elsewhere fills these in again. The ids in an arena are in the byte order of this machine.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (also: a buffer says that it holds more than it has room for, as after a drain
/// that failed; a row points out of its arena, or makes no sense otherwise), KEYVIZ_ERR_NULL_POINTER,
/// KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_matrix_from_columns(const keyviz_column_buffer_t *const *columns,
                                           size_t count,
                                           const keyviz_matrix_query_t *query,
                                           keyviz_matrix_t **out,
                                           keyviz_error_t *err);

/// Frees a matrix, and with it what was said to lie in it. NULL is fine.
void keyviz_matrix_free(keyviz_matrix_t *matrix);

/// Fills it with zeros and its type_size, like KEYVIZ_MATRIX_INFO_INIT. NULL is fine.
void keyviz_matrix_info_init(keyviz_matrix_info_t *info);

/// Fills it with zeros and its type_size, like KEYVIZ_MATRIX_ROW_INIT. NULL is fine.
void keyviz_matrix_row_init(keyviz_matrix_row_t *row);

/// Fills it with zeros and its type_size, like KEYVIZ_MATRIX_NODE_INIT. NULL is fine.
void keyviz_matrix_node_init(keyviz_matrix_node_t *node);

/// Tells how many rows and columns a matrix has; either may be 0. Either pointer may be NULL.
/// Errors: KEYVIZ_ERR_NULL_POINTER (matrix).
keyviz_status_t keyviz_matrix_shape(const keyviz_matrix_t *matrix, size_t *rows, size_t *columns);

/// Tells what a matrix is, and how large. Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_matrix_info(const keyviz_matrix_t *matrix, keyviz_matrix_info_t *info, keyviz_error_t *err);

/// Copies the columns' times: when each was committed, Unix milliseconds (not ns), oldest first. `capacity` is the
/// room in `unix_ms`, in numbers.
///
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL (see keyviz_matrix_shape), KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_matrix_columns(const keyviz_matrix_t *matrix,
                                      int64_t *unix_ms,
                                      size_t capacity,
                                      keyviz_error_t *err);

/// Copies the values: rows x columns of them, row by row, so that row i has in column j values[i * columns + j].
/// `capacity` is the room in `values`, in numbers.
///
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL (see keyviz_matrix_shape), KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_matrix_values(const keyviz_matrix_t *matrix,
                                     uint64_t *values,
                                     size_t capacity,
                                     keyviz_error_t *err);

/// The values in place, as keyviz_matrix_values copies them: they never change, and are there until the matrix is freed.
/// Not NULL where there are none; NULL if `matrix` is no matrix.
const uint64_t *keyviz_matrix_values_view(const keyviz_matrix_t *matrix);

/// Describes row `i`, counted from 0: rows are in the order of (start, row id).
///
/// Errors: KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_matrix_row(const keyviz_matrix_t *matrix,
                                  size_t i,
                                  keyviz_matrix_row_t *row,
                                  keyviz_error_t *err);

/// Copies the Raft groups of row `i` and their leaders' terms, one per column, 0 where unknown. Either pointer may be NULL;
/// `capacity` is the room in each, in numbers.
/// Errors: KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_matrix_identities(const keyviz_matrix_t *matrix,
                                         size_t i,
                                         uint64_t *group_ids,
                                         uint64_t *leader_terms,
                                         size_t capacity,
                                         keyviz_error_t *err);

/// Writes the id of row `i` into the caller's buffer, UTF-8, not terminated. `*size` becomes its length in bytes, also
/// when it does not fit. Errors: KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_matrix_row_id(const keyviz_matrix_t *matrix,
                                     size_t i,
                                     char *buffer,
                                     size_t capacity,
                                     size_t *size,
                                     keyviz_error_t *err);

/// Writes the name of row `i` for people, "route:7 / redis", into the caller's buffer. The sub-buckets of a route share it:
/// their ranges tell them apart. `*size` and the errors are as of keyviz_matrix_row_id.
keyviz_status_t keyviz_matrix_row_name(const keyviz_matrix_t *matrix,
                                       size_t i,
                                       char *buffer,
                                       size_t capacity,
                                       size_t *size,
                                       keyviz_error_t *err);

/// Tells of node `i`, counted from 0, of the cluster that was asked; keyviz_matrix_info tells how many there are.
/// Errors: KEYVIZ_ERR_NOT_FOUND, KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_matrix_node(const keyviz_matrix_t *matrix,
                                   size_t i,
                                   keyviz_matrix_node_t *node,
                                   keyviz_error_t *err);

/// Fills it with zeros and its type_size, like KEYVIZ_LIMITS_INIT. NULL is fine.
void keyviz_limits_init(keyviz_limits_t *limits);

/// Fills it with zeros and its type_size, like KEYVIZ_PNG_OPTIONS_INIT. NULL is fine.
void keyviz_png_options_init(keyviz_png_options_t *options);

/// Writes the matrix as JSON into the caller's buffer: one object, UTF-8, not terminated, with all its integers as they
/// are, up to 64 bits. `*size` becomes its length in bytes, also when it does not fit.
///
/// So ask with capacity 0 first, then with a buffer of that size: what is asked for again after it did not fit is only
/// copied. (For that the matrix keeps what it last made and could not hand over, until it is handed over or the matrix
/// freed.)
///
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_matrix_to_json(const keyviz_matrix_t *matrix,
                                      void *buffer,
                                      size_t capacity,
                                      size_t *size,
                                      keyviz_error_t *err);

/// Writes the matrix as protobuf, a GetKeyVizMatrixResponse of include/keyviz.proto, into the caller's buffer; `*size` and
/// the errors as of keyviz_matrix_to_json. The message has no place for the series, the time when the matrix was made, the
/// nodes, and conflicts. A matrix without rows and columns is a message of 0 bytes.
keyviz_status_t keyviz_matrix_to_proto(const keyviz_matrix_t *matrix,
                                       void *buffer,
                                       size_t capacity,
                                       size_t *size,
                                       keyviz_error_t *err);

/// Writes the matrix as CSV (RFC 4180, but lines end with LF) into the caller's buffer; `*size` and the errors as of
/// keyviz_matrix_to_json. A head line, then a line per row: bucket_id, label, start, end, aggregate, route_count, and a
/// value for each column, whose name is its time in RFC 3339. Keys that are not printable ASCII are 0x and hexadecimal.
keyviz_status_t keyviz_matrix_to_csv(const keyviz_matrix_t *matrix,
                                     void *buffer,
                                     size_t capacity,
                                     size_t *size,
                                     keyviz_error_t *err);

/// Draws the matrix as a PNG into the caller's buffer: time goes right, keys go down, brighter is more; at the left edge a
/// band in the colours of the labels, and white hatching over conflicts. `options` may be NULL. `*size` and the errors are
/// as of keyviz_matrix_to_json, and KEYVIZ_ERR_INVALID_ARGUMENT (a side is too long or too short, the scale is none of
/// KEYVIZ_SCALE_*), KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_matrix_to_png(const keyviz_matrix_t *matrix,
                                     const keyviz_png_options_t *options,
                                     void *buffer,
                                     size_t capacity,
                                     size_t *size,
                                     keyviz_error_t *err);

/// Reads a matrix from JSON that nobody vouches for, in the form that keyviz_matrix_to_json writes; its length counts, not
/// a terminating zero. `limits` may be NULL: the defaults. Fields that are not known are skipped, and a label that is not
/// known is kept. `*out` is to be freed with keyviz_matrix_free.
///
/// Errors: KEYVIZ_ERR_MALFORMED and KEYVIZ_ERR_TOO_LARGE, with the place in bytes in the message;
/// KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_matrix_from_json(const void *json,
                                        size_t len,
                                        const keyviz_limits_t *limits,
                                        keyviz_matrix_t **out,
                                        keyviz_error_t *err);

/// Reads a matrix from protobuf that nobody vouches for: a GetKeyVizMatrixResponse of include/keyviz.proto. What it counts
/// is not in it, so `series` says it: KEYVIZ_SERIES_* (not a number of KeyVizSeries). `limits` may be NULL: the defaults.
/// `*out` is to be freed with keyviz_matrix_free.
///
/// Errors as of keyviz_matrix_from_json, and KEYVIZ_ERR_INVALID_ARGUMENT (series).
keyviz_status_t keyviz_matrix_from_proto(const void *message,
                                         size_t len,
                                         uint32_t series,
                                         const keyviz_limits_t *limits,
                                         keyviz_matrix_t **out,
                                         keyviz_error_t *err);

/// Fills options like KEYVIZ_MERGE_OPTIONS_INIT. NULL is fine.
void keyviz_merge_options_init(keyviz_merge_options_t *options);

/// Begins a merge. Add the sources, this node's first, since what describes a row is from the first source that has it;
/// then finish it. `*out` is to be freed with keyviz_merge_free, finished or not.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT, KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_merge_new(const keyviz_merge_options_t *options, keyviz_merge_t **out, keyviz_error_t *err);

/// Adds a source, which stays the caller's and may be freed before the merge is finished. `node` (UTF-8; NULL with length
/// 0: unnamed) names it, unless the matrix has a name itself. A node that was added before does not count again: the call
/// is KEYVIZ_OK then, and `*counted` (may be NULL) is 0 instead of 1. Sources without a name all count.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (the matrix is of another series; the merge is finished; the name is not UTF-8),
/// KEYVIZ_ERR_TOO_LARGE (there would be more than 2^28 rows x columns: sources that share neither multiply),
/// KEYVIZ_ERR_NULL_POINTER. Nothing changes then.
keyviz_status_t keyviz_merge_add(keyviz_merge_t *merge,
                                 const keyviz_matrix_t *matrix,
                                 const char *node,
                                 size_t node_len,
                                 uint32_t *counted,
                                 keyviz_error_t *err);

/// Adds a node that gave no matrix, with the reason; both UTF-8. A node whose matrix is in already stays so; one that gives
/// its matrix later has answered.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (the merge is finished; not UTF-8), KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_merge_add_failure(keyviz_merge_t *merge,
                                         const char *node,
                                         size_t node_len,
                                         const char *reason,
                                         size_t reason_len,
                                         keyviz_error_t *err);

/// Gives the merged matrix, and ends the merge: it can only be freed then. Without a source, the matrix has no rows and
/// columns. `*out` is to be freed with keyviz_matrix_free.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (it is finished already), KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_merge_finish(keyviz_merge_t *merge, keyviz_matrix_t **out, keyviz_error_t *err);

/// Frees a merge, finished or not. NULL is fine.
void keyviz_merge_free(keyviz_merge_t *merge);

/// Fills it with zeros and its type_size, like KEYVIZ_LIVE_PAGE_INIT. NULL is fine.
void keyviz_live_page_init(keyviz_live_page_t *page);

/// Writes the heatmap as one HTML page that needs nothing else, no network either, into the caller's buffer: UTF-8, not
/// terminated. `matrices` points at `count` matrices, 1 or more, best of the same columns and of different series; the
/// first one is shown first. What the library says of them (keyviz_matrix_verdict, keyviz_matrix_split) is in the page too.
/// `title`, UTF-8, is its heading; NULL with length 0: the page's own.
///
/// `*size` becomes the page's length in bytes, also when it does not fit: then the first matrix keeps the page for the call
/// that follows, as with keyviz_matrix_to_json.
///
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_INVALID_ARGUMENT (no matrix, the title is not UTF-8),
/// KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_matrix_to_html(const keyviz_matrix_t *const *matrices,
                                      size_t count,
                                      const char *title,
                                      size_t title_len,
                                      void *buffer,
                                      size_t capacity,
                                      size_t *size,
                                      keyviz_error_t *err);

/// Writes the live heatmap page into the caller's buffer, for a server that answers its requests: UTF-8, not terminated.
/// `*size` as of keyviz_matrix_to_html. Serve it as text/html, under the policy of keyviz_live_page_policy.
///
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_INVALID_ARGUMENT (no matrix_url, not UTF-8), KEYVIZ_ERR_NULL_POINTER,
/// KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_live_page(const keyviz_live_page_t *page,
                                 void *buffer,
                                 size_t capacity,
                                 size_t *size,
                                 keyviz_error_t *err);

/// Writes the value of the Content-Security-Policy header for the live page into the caller's buffer: ASCII, not
/// terminated. `*size` as of keyviz_matrix_to_html. Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_live_page_policy(char *buffer, size_t capacity, size_t *size, keyviz_error_t *err);

/// Fills it with zeros and its type_size, like KEYVIZ_VERDICT_INIT. NULL is fine.
void keyviz_verdict_init(keyviz_verdict_t *verdict);

/// Fills it with zeros and its type_size, like KEYVIZ_SPLIT_INIT. NULL is fine.
void keyviz_split_init(keyviz_split_t *split);

/// Says of row `i` how its traffic lies in time and along the keys: its route's under its label, sub-buckets together.
/// The first call for a matrix looks at all of it. A matrix made with KEYVIZ_BUDGET_TOP may lack rows that matter.
///
/// Errors: KEYVIZ_ERR_NOT_FOUND (no such row), KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_matrix_verdict(const keyviz_matrix_t *matrix,
                                      size_t i,
                                      keyviz_verdict_t *verdict,
                                      keyviz_error_t *err);

/// Says where the `i`th hot route would be split, the hottest first: those with a tenth of the traffic or more.
/// Errors: KEYVIZ_ERR_NOT_FOUND (there are no more), KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_matrix_split(const keyviz_matrix_t *matrix,
                                    size_t i,
                                    keyviz_split_t *split,
                                    keyviz_error_t *err);

/// The verdict's name for people: "moving edge". NULL: there is none of this number.
const char *keyviz_verdict_name(uint32_t verdict);

/// Fills it like KEYVIZ_HOT_KEYS_QUERY_INIT: zeros, its type_size, and KEYVIZ_SERIES_WRITES. NULL is fine.
void keyviz_hot_keys_query_init(keyviz_hot_keys_query_t *query);

/// Fills it with zeros and its type_size, like KEYVIZ_HOT_KEYS_INFO_INIT. NULL is fine.
void keyviz_hot_keys_info_init(keyviz_hot_keys_info_t *info);

/// Fills it with zeros and its type_size, like KEYVIZ_HOT_KEY_INIT. NULL is fine.
void keyviz_hot_key_init(keyviz_hot_key_t *key);

/// Fills it with zeros and its type_size, like KEYVIZ_HOT_KEYS_SOURCE_INIT. NULL is fine.
void keyviz_hot_keys_source_init(keyviz_hot_keys_source_t *source);

/// Ends the window of hot keys at `now_ns` (Unix ns) and publishes what was sampled in it: call it each step, and once
/// more before keyviz_sampler_close, which forgets everything. A route, label and series of which nothing was sampled in
/// this window, but was in an earlier one, gets an empty snapshot: a reply without keys, not KEYVIZ_ERR_NO_SNAPSHOT.
/// Publications wait for one another; no observer, flush or registration waits, but a removal, a split or a merge of
/// routes does.
///
/// Errors: KEYVIZ_ERR_HOT_KEYS_OFF.
keyviz_status_t keyviz_sampler_publish_hot_keys(keyviz_sampler_t *sampler,
                                                int64_t now_ns,
                                                keyviz_error_t *err);

/// keyviz_sampler_publish_hot_keys at the time of the system's clock. Errors: as that.
keyviz_status_t keyviz_sampler_publish_hot_keys_now(keyviz_sampler_t *sampler, keyviz_error_t *err);

/// Takes `count` samples of a key from a binding that rolls on its own side: it counts as if an observation had been
/// sampled so often, and nothing is added to the cells. A key that is longer than hot_keys_max_key_len counts `count`
/// times as skipped; a route in a virtual bucket, and a series that is not tracked, are ignored. Never blocks. Each thread
/// that calls it takes a lane, as for keyviz_observe; so threads don't meet, and nothing is dropped. Without a sampler
/// nothing happens, and the call is OK.
///
/// Errors: KEYVIZ_ERR_HOT_KEYS_OFF, KEYVIZ_ERR_UNKNOWN_ROUTE, KEYVIZ_ERR_INVALID_ARGUMENT (op or label is none),
/// KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_sampler_offer_hot_key(keyviz_sampler_t *sampler,
                                             uint64_t route_id,
                                             const void *key,
                                             size_t key_len,
                                             uint32_t op,
                                             uint32_t label,
                                             uint64_t count);

/// Reads a question from the query string of a URL, without its '?': route_id (required), label (a name), sub_bucket,
/// series (a name), top, from_unix_ms, to_unix_ms, column; other parameters are ignored. `query` begins with its
/// type_size.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (the message names the parameter), KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_hot_keys_query_parse(const void *text,
                                            size_t len,
                                            keyviz_hot_keys_query_t *query,
                                            keyviz_error_t *err);

/// Asks for the hot keys of a route. On success `*out` is the caller's, to free with keyviz_hot_keys_free.
///
/// Errors: KEYVIZ_ERR_HOT_KEYS_OFF, KEYVIZ_ERR_NO_SNAPSHOT, KEYVIZ_ERR_OUT_OF_SNAPSHOT_WINDOW,
/// KEYVIZ_ERR_INVALID_ARGUMENT (a label, series, flag or sub-bucket that there is not, a negative top, from after to),
/// KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_hot_keys_query(const keyviz_sampler_t *sampler,
                                      const keyviz_hot_keys_query_t *query,
                                      keyviz_hot_keys_t **out,
                                      keyviz_error_t *err);

/// Tells what the reply says besides its keys. Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_hot_keys_info(const keyviz_hot_keys_t *hot_keys,
                                     keyviz_hot_keys_info_t *info,
                                     keyviz_error_t *err);

/// Reads up to `capacity` keys from the `first` on, most counted first, into `keys`, an array whose stride is
/// `keys[0].type_size` (the others need no preparation); `*count` becomes their number.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_hot_keys_entries(const keyviz_hot_keys_t *hot_keys,
                                        size_t first,
                                        keyviz_hot_key_t *keys,
                                        size_t capacity,
                                        size_t *count,
                                        keyviz_error_t *err);

/// Writes the reply as JSON into the caller's buffer (no zero follows). `*size` becomes its length, also when it does
/// not fit.
///
/// Errors: KEYVIZ_ERR_BUFFER_TOO_SMALL, KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_hot_keys_to_json(const keyviz_hot_keys_t *hot_keys,
                                        void *buffer,
                                        size_t capacity,
                                        size_t *size,
                                        keyviz_error_t *err);

/// Reads a reply from JSON that nobody vouches for. `max_bytes`: how much to read at most; 0: 16 MiB. On success `*out`
/// is the caller's, to free with keyviz_hot_keys_free.
///
/// Errors: KEYVIZ_ERR_TOO_LARGE, KEYVIZ_ERR_MALFORMED (the message says at which byte, and quotes nothing of the input),
/// KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_hot_keys_from_json(const void *json,
                                          size_t len,
                                          size_t max_bytes,
                                          keyviz_hot_keys_t **out,
                                          keyviz_error_t *err);

/// Merges the answers of a cluster's nodes: `count` sources, whose stride is `sources[0].type_size`, into one reply with
/// at most `top` keys; 0: 20. Counts and bounds add up; it is degraded if a node did not answer. On success `*out` is the
/// caller's, to free with keyviz_hot_keys_free.
///
/// Errors: KEYVIZ_ERR_NO_SNAPSHOT (no source has a reply), KEYVIZ_ERR_INVALID_ARGUMENT (replies to different questions),
/// KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE, KEYVIZ_ERR_INVALID_HANDLE.
keyviz_status_t keyviz_hot_keys_merge(const keyviz_hot_keys_source_t *sources,
                                      size_t count,
                                      size_t top,
                                      keyviz_hot_keys_t **out,
                                      keyviz_error_t *err);

/// Frees a reply. NULL is fine.
void keyviz_hot_keys_free(keyviz_hot_keys_t *hot_keys);

/// The ABI version of the library that is linked; compare it with KEYVIZ_ABI_VERSION of the header.
uint32_t keyviz_abi_version(void);

/// The version of the library that is linked: "x.y.z", static.
const char *keyviz_version(void);

/// The number of labels: they are 0 to this number less one.
uint32_t keyviz_label_count(void);

/// The name of a label, as in row ids: "dynamo"; "" for KEYVIZ_LABEL_LEGACY. Static, zero-terminated; NULL: no such label.
const char *keyviz_label_name(uint32_t label);

/// The label with this name (`len` bytes; no zero needs to follow). `label` may be NULL.
///
/// Errors: KEYVIZ_ERR_NOT_FOUND (there is no such label).
keyviz_status_t keyviz_label_from_name(const char *name, size_t len, uint32_t *label);

/// The name of a series, as in JSON and query strings: "read_bytes". Static, zero-terminated; NULL: no such series.
const char *keyviz_series_name(uint32_t series);

/// The series with this name (`len` bytes; no zero needs to follow). `series` may be NULL.
///
/// Errors: KEYVIZ_ERR_NOT_FOUND (there is no such series).
keyviz_status_t keyviz_series_from_name(const char *name, size_t len, uint32_t *series);

/// Fills it with zeros and its type_size, like KEYVIZ_STATS_INIT. NULL is fine.
void keyviz_stats_init(keyviz_stats_t *stats);

/// Reads the statistics, also of a closed sampler. Takes time in proportion to the routes, during which flushes and
/// registrations wait; observers don't.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE.
keyviz_status_t keyviz_sampler_stats(const keyviz_sampler_t *sampler, keyviz_stats_t *stats);

/// Fills an event with zeros and its type_size, like KEYVIZ_EVENT_INIT. NULL is fine.
void keyviz_event_init(keyviz_event_t *event);

/// Gives events to `callback` from now on; NULL: they wait for keyviz_sampler_poll_events. `user_data` is passed on, and
/// must be usable from every thread that registers routes. The callback that was set before may still be running in
/// another thread when this returns: keep its `user_data` until no thread is in a call that registers routes.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_sampler_set_event_callback(keyviz_sampler_t *sampler,
                                                  keyviz_event_fn callback,
                                                  void *user_data);

/// Takes up to `capacity` unread events, oldest first, into `events`, an array whose stride is `events[0].type_size`
/// (the others need no preparation); `*count` becomes their number. 256 are kept; then the oldest goes.
///
/// Errors: KEYVIZ_ERR_NULL_POINTER, KEYVIZ_ERR_TYPE_SIZE (no event was taken).
keyviz_status_t keyviz_sampler_poll_events(keyviz_sampler_t *sampler,
                                           keyviz_event_t *events,
                                           size_t capacity,
                                           size_t *count,
                                           keyviz_error_t *err);

/// Fills an error with zeros and its type_size, like KEYVIZ_ERROR_INIT. NULL is fine.
void keyviz_error_init(keyviz_error_t *err);

/// Panics inside of the library, to show that this comes back as KEYVIZ_ERR_PANIC and harms nothing: for tests of a
/// host's error handling. Like any panic, it says so on the standard error stream. Returns KEYVIZ_ERR_PANIC.
keyviz_status_t keyviz_force_panic(keyviz_error_t *err);

/// Fills a layout with zeros and its type_size, like KEYVIZ_HOT_LAYOUT_INIT. NULL is fine.
void keyviz_hot_layout_init(keyviz_hot_layout_t *layout);

/// Describes the hot layout of a sampler. `layout` begins with its type_size.
///
/// Errors: KEYVIZ_ERR_UNSUPPORTED (the system lacks membarrier(2), which writers outside the library rely on),
/// KEYVIZ_ERR_TYPE_SIZE, KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_hot_layout(keyviz_sampler_t *sampler, keyviz_hot_layout_t *layout, keyviz_error_t *err);

/// The address of a lane, as keyviz_hot_layout_t means it; NULL: it is no live lane.
void *keyviz_lane_hot_address(keyviz_lane_t *lane);

/// Maps the segment of a cell in a lane of the sampler, given by its hot address.
///
/// Errors: KEYVIZ_ERR_INVALID_ARGUMENT (no such lane or cell), KEYVIZ_ERR_NO_MEMORY.
keyviz_status_t keyviz_hot_reserve(keyviz_sampler_t *sampler, void *lane, uint32_t cell);

/// Moves the samples that are staged in a lane into its sketches, unless another thread is at it. Any thread, any time;
/// the lane's holder may go on meanwhile. NULL and what is no live lane are ignored.
void keyviz_hot_apply(keyviz_lane_t *lane);

/// Takes a sample that found no room in a stage, or that the shared lane took: it is in the lane's `sampled` already. Its
/// route may have been removed since it was counted. Never blocks.
///
/// Errors: KEYVIZ_ERR_HOT_KEYS_OFF, KEYVIZ_ERR_INVALID_ARGUMENT (op or label is none), KEYVIZ_ERR_NULL_POINTER.
keyviz_status_t keyviz_hot_sample(keyviz_sampler_t *sampler,
                                  uint64_t route_id,
                                  const void *key,
                                  size_t key_len,
                                  uint32_t op,
                                  uint32_t label);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* KEYVIZ_H */
