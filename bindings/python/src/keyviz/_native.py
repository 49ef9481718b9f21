"""The C API, for ctypes. Generated from include/keyviz.h (`make python-bindings`); what things mean stands there."""

from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char,
    c_char_p,
    c_double,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any

ABI_VERSION = 0
BUDGET_MERGE = 1
BUDGET_TOP = 0
ERROR_MESSAGE_SIZE = 240
ERR_BUFFER_TOO_SMALL = 6
ERR_CLOSED = 11
ERR_CORRUPT = 14
ERR_HISTORY_OFF = 10
ERR_HOT_KEYS_OFF = 21
ERR_INVALID_ARGUMENT = 1
ERR_INVALID_HANDLE = 4
ERR_INVALID_RANGE = 5
ERR_IO = 16
ERR_MALFORMED = 19
ERR_NEWER_VERSION = 15
ERR_NOT_FOUND = 9
ERR_NO_LANE = 13
ERR_NO_MEMORY = 12
ERR_NO_SNAPSHOT = 22
ERR_NULL_POINTER = 2
ERR_OUT_OF_SNAPSHOT_WINDOW = 23
ERR_PANIC = 18
ERR_ROUTE_EXISTS = 8
ERR_TOO_LARGE = 20
ERR_TYPE_SIZE = 3
ERR_UNKNOWN_ROUTE = 7
ERR_UNSUPPORTED = 17
EVENT_BUCKET_CREATED = 2
EVENT_ROUTE_FOLDED = 1
HOT_KEYS_BOTH = 2
HOT_KEYS_COLUMN = 2
HOT_KEYS_READS = 1
HOT_KEYS_SUB_BUCKET = 1
HOT_KEYS_WRITES = 0
HOT_LAYOUT_VERSION = 3
LABEL_DYNAMO = 1
LABEL_LEGACY = 0
LABEL_RAWKV = 5
LABEL_REDIS = 2
LABEL_S3 = 3
LABEL_SQS = 4
LABEL_UNKNOWN = 4294967295
MATRIX_ROW_AGGREGATE = 1
MATRIX_ROW_CONFLICT = 4
MATRIX_ROW_ROUTES_TRUNCATED = 8
MATRIX_ROW_UNBOUNDED = 2
OK = 0
OP_READ = 0
OP_WRITE = 1
PLACEMENT_COARSENED = 1
PLACEMENT_INDIVIDUAL = 0
RESOLUTIONS = 4
ROUTE_ANY_RANGE = 1
ROW_AGGREGATE = 1
ROW_UNBOUNDED = 2
SCALE_LINEAR = 1
SCALE_LOG = 0
SERIES_READS = 0
SERIES_READ_BYTES = 2
SERIES_WRITES = 1
SERIES_WRITE_BYTES = 3
TOLERANCE_DEFAULT = -1
VERDICT_BURST = 2
VERDICT_EVEN = 6
VERDICT_IDLE = 0
VERDICT_IRREGULAR = 7
VERDICT_MOVING_EDGE = 4
VERDICT_ONE_CELL = 5
VERDICT_PERIODIC = 3
VERDICT_STEADY = 1
VERSION = "0.1.0"
VERSION_MAJOR = 0
VERSION_MINOR = 1
VERSION_PATCH = 0


class keyviz_resolution_t(Structure):
    _fields_ = [
        ("step_ns", c_int64),
        ("retention_ns", c_int64),
    ]


class keyviz_options_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("step_ns", c_int64),
        ("created_ns", c_int64),
        ("memory_limit_bytes", c_uint64),
        ("history_columns", c_uint32),
        ("max_tracked_routes", c_uint32),
        ("max_member_routes_per_slot", c_uint32),
        ("key_buckets_per_route", c_uint32),
        ("labels_enabled", c_uint32),
        ("history_off", c_uint32),
        ("max_lanes", c_uint32),
        ("reserved0", c_uint32),
        ("resolutions", keyviz_resolution_t * 4),
        ("hot_keys_enabled", c_uint32),
        ("hot_keys_per_route", c_uint32),
        ("hot_keys_sample_rate", c_uint32),
        ("hot_keys_queue_size", c_uint32),
        ("hot_keys_max_key_len", c_uint32),
        ("hot_keys_series", c_uint32),
        ("hot_keys_in_columns", c_uint32),
        ("reserved1", c_uint32),
        ("reserved", c_uint64 * 4),
    ]


class keyviz_error_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("status", c_int32),
        ("reserved", c_uint32),
        ("message", c_char * 240),
    ]


class keyviz_route_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("route_id", c_uint64),
        ("group_id", c_uint64),
        ("start", c_void_p),
        ("start_len", c_size_t),
        ("end", c_void_p),
        ("end_len", c_size_t),
        ("flags", c_uint32),
        ("reserved", c_uint32),
    ]


class keyviz_observation_t(Structure):
    _fields_ = [
        ("route_id", c_uint64),
        ("key", c_void_p),
        ("key_len", c_size_t),
        ("value_len", c_uint64),
        ("op", c_uint32),
        ("label", c_uint32),
    ]


class keyviz_row_t(Structure):
    _fields_ = [
        ("route_id", c_uint64),
        ("group_id", c_uint64),
        ("leader_term", c_uint64),
        ("reads", c_uint64),
        ("writes", c_uint64),
        ("read_bytes", c_uint64),
        ("write_bytes", c_uint64),
        ("member_routes_total", c_uint64),
        ("start_offset", c_uint64),
        ("end_offset", c_uint64),
        ("member_routes_offset", c_uint64),
        ("parents_offset", c_uint64),
        ("start_len", c_uint32),
        ("end_len", c_uint32),
        ("member_routes_count", c_uint32),
        ("parents_count", c_uint32),
        ("label", c_uint32),
        ("flags", c_uint32),
        ("sub_bucket", c_uint32),
        ("sub_bucket_count", c_uint32),
    ]


class keyviz_column_buffer_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("row_size", c_size_t),
        ("rows", POINTER(keyviz_row_t)),
        ("row_capacity", c_size_t),
        ("arena", c_void_p),
        ("arena_capacity", c_size_t),
        ("row_count", c_size_t),
        ("arena_used", c_size_t),
        ("sequence", c_uint64),
        ("window_start_ns", c_int64),
        ("at_ns", c_int64),
        ("flushes", c_uint64),
    ]


class keyviz_column_info_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("sequence", c_uint64),
        ("window_start_ns", c_int64),
        ("at_ns", c_int64),
        ("flushes", c_uint64),
        ("rows", c_uint64),
        ("arena_bytes", c_uint64),
    ]


class keyviz_counts_t(Structure):
    _fields_ = [
        ("reads", c_uint64),
        ("writes", c_uint64),
        ("read_bytes", c_uint64),
        ("write_bytes", c_uint64),
        ("description", c_uint32),
        ("label", c_uint32),
    ]


class keyviz_column_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("sequence", c_uint64),
        ("window_start_ns", c_int64),
        ("at_ns", c_int64),
        ("flushes", c_uint64),
        ("rows", POINTER(keyviz_counts_t)),
        ("row_count", c_size_t),
        ("descriptions", POINTER(keyviz_row_t)),
        ("description_count", c_size_t),
        ("description_size", c_size_t),
        ("arena", c_void_p),
    ]


class keyviz_matrix_query_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("from_ns", c_int64),
        ("to_ns", c_int64),
        ("series", c_uint32),
        ("row_budget", c_uint32),
        ("budget_mode", c_uint32),
        ("node_len", c_uint32),
        ("node", c_void_p),
    ]


class keyviz_matrix_info_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("rows", c_uint64),
        ("columns", c_uint64),
        ("generated_at_ns", c_int64),
        ("series", c_uint32),
        ("fanout", c_uint32),
        ("nodes", c_uint64),
        ("nodes_responded", c_uint64),
        ("nodes_expected", c_uint64),
        ("node", c_void_p),
        ("node_len", c_size_t),
    ]


class keyviz_matrix_row_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("id", c_void_p),
        ("id_len", c_size_t),
        ("label", c_void_p),
        ("label_len", c_size_t),
        ("start", c_void_p),
        ("start_len", c_size_t),
        ("end", c_void_p),
        ("end_len", c_size_t),
        ("route_ids", c_void_p),
        ("route_ids_count", c_size_t),
        ("route_count", c_uint64),
        ("values", c_void_p),
        ("conflicts", c_void_p),
        ("flags", c_uint32),
        ("reserved", c_uint32),
    ]


class keyviz_matrix_node_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("node", c_void_p),
        ("node_len", c_size_t),
        ("error", c_void_p),
        ("error_len", c_size_t),
    ]


class keyviz_limits_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("max_bytes", c_uint64),
        ("max_rows", c_uint64),
        ("max_cells", c_uint64),
    ]


class keyviz_png_options_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("width", c_uint32),
        ("height", c_uint32),
        ("scale", c_uint32),
        ("reserved", c_uint32),
    ]


class keyviz_merge_options_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("column_tolerance_ns", c_int64),
        ("nodes_expected", c_uint64),
        ("series", c_uint32),
        ("row_budget", c_uint32),
        ("budget_mode", c_uint32),
        ("reserved", c_uint32),
    ]


class keyviz_live_page_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("matrix_url", c_void_p),
        ("matrix_url_len", c_size_t),
        ("hot_keys_url", c_void_p),
        ("hot_keys_url_len", c_size_t),
        ("title", c_void_p),
        ("title_len", c_size_t),
        ("rows", c_uint32),
        ("reserved", c_uint32),
    ]


class keyviz_verdict_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("measure", c_double),
        ("period_ms", c_uint64),
        ("total", c_uint64),
        ("reason", c_void_p),
        ("reason_len", c_size_t),
        ("verdict", c_uint32),
        ("reserved", c_uint32),
    ]


class keyviz_split_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("route_id", c_uint64),
        ("share", c_double),
        ("below", c_double),
        ("key", c_void_p),
        ("key_len", c_size_t),
        ("reason", c_void_p),
        ("reason_len", c_size_t),
    ]


class keyviz_hot_keys_query_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("route_id", c_uint64),
        ("label", c_uint32),
        ("series", c_uint32),
        ("flags", c_uint32),
        ("sub_bucket", c_uint32),
        ("column", c_uint64),
        ("top", c_int64),
        ("from_unix_ms", c_int64),
        ("to_unix_ms", c_int64),
    ]


class keyviz_hot_keys_info_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("route_id", c_uint64),
        ("label", c_uint32),
        ("series", c_uint32),
        ("flags", c_uint32),
        ("sub_bucket", c_uint32),
        ("degraded", c_uint32),
        ("reserved", c_uint32),
        ("keys", c_uint64),
        ("key_bytes", c_uint64),
        ("sample_rate", c_uint64),
        ("sampled_n", c_uint64),
        ("dropped_samples", c_uint64),
        ("skipped_long_keys", c_uint64),
        ("error_bound", c_uint64),
        ("snapshot_at_ns", c_int64),
    ]


class keyviz_hot_key_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("key", c_void_p),
        ("key_len", c_size_t),
        ("count", c_uint64),
        ("count_low", c_uint64),
        ("count_high", c_uint64),
    ]


class keyviz_hot_keys_source_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("node", c_void_p),
        ("node_len", c_size_t),
        ("reply", c_void_p),
        ("error", c_void_p),
        ("error_len", c_size_t),
    ]


class keyviz_stats_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("routes", c_uint64),
        ("slots", c_uint64),
        ("virtual_buckets", c_uint64),
        ("virtual_members", c_uint64),
        ("retired", c_uint64),
        ("columns", c_uint64),
        ("lanes", c_uint64),
        ("missed", c_uint64),
        ("refused", c_uint64),
        ("counter_bytes", c_uint64),
        ("route_bytes", c_uint64),
        ("history_bytes", c_uint64),
        ("hot_key_bytes", c_uint64),
        ("hot_key_snapshots", c_uint64),
        ("hot_keys_rolled", c_uint64),
        ("hot_keys_sampled", c_uint64),
        ("hot_keys_dropped", c_uint64),
        ("hot_keys_skipped", c_uint64),
        ("hot_keys_forgotten", c_uint64),
    ]


class keyviz_event_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("kind", c_uint32),
        ("reserved", c_uint32),
        ("route_id", c_uint64),
        ("bucket_id", c_uint64),
        ("slots_used", c_uint64),
        ("max_tracked_routes", c_uint64),
        ("suppressed", c_uint64),
    ]


class keyviz_hot_layout_t(Structure):
    _fields_ = [
        ("type_size", c_size_t),
        ("version", c_uint32),
        ("labels", c_uint32),
        ("table", c_void_p),
        ("shared_lane", c_void_p),
        ("shared_passages", c_void_p),
        ("hash_factor", c_uint64),
        ("lane_passages", c_uint32),
        ("lane_missed", c_uint32),
        ("lane_segments", c_uint32),
        ("block_bits", c_uint32),
        ("divided_first", c_uint32),
        ("divided_stride", c_uint32),
        ("divided_count", c_uint32),
        ("divided_prefix_len", c_uint32),
        ("divided_low", c_uint32),
        ("divided_span", c_uint32),
        ("divided_ratio", c_uint32),
        ("divided_prefix", c_uint32),
        ("lane_stage", c_uint32),
        ("stage_left", c_uint32),
        ("stage_filled", c_uint32),
        ("stage_tail", c_uint32),
        ("stage_drawn", c_uint32),
        ("stage_sampled", c_uint32),
        ("stage_skipped", c_uint32),
        ("stage_longest_key", c_uint32),
        ("stage_series", c_uint32),
        ("stage_head", c_uint32),
        ("stage_gaps", c_uint32),
        ("stage_slots", c_uint32),
        ("stage_keys", c_uint32),
        ("stage_slot_count", c_uint32),
        ("stage_key_bytes", c_uint32),
        ("stage_batch", c_uint32),
        ("divided_shift", c_uint32),
        ("divided_head_mask", c_uint32),
        ("divided_head", c_uint32),
        ("divided_segment", c_uint32),
    ]


keyviz_event_fn = CFUNCTYPE(None, POINTER(keyviz_event_t), c_void_p)

PROTOTYPES: dict[str, tuple[Any, ...]] = {
    "keyviz_options_init": (None, POINTER(keyviz_options_t)),
    "keyviz_sampler_new": (c_int32, POINTER(keyviz_options_t), c_void_p, POINTER(keyviz_error_t)),
    "keyviz_sampler_close": (c_int32, c_void_p),
    "keyviz_sampler_free": (None, c_void_p),
    "keyviz_route_init": (None, POINTER(keyviz_route_t)),
    "keyviz_sampler_register_route": (c_int32, c_void_p, POINTER(keyviz_route_t), c_void_p, POINTER(keyviz_error_t)),
    "keyviz_sampler_register_routes": (c_int32, c_void_p, POINTER(keyviz_route_t), c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_sampler_remove_route": (c_int32, c_void_p, c_uint64, c_int64, POINTER(keyviz_error_t)),
    "keyviz_sampler_remove_route_now": (c_int32, c_void_p, c_uint64, POINTER(keyviz_error_t)),
    "keyviz_sampler_apply_split": (c_int32, c_void_p, c_uint64, POINTER(keyviz_route_t), c_size_t, c_void_p, c_int64, POINTER(keyviz_error_t)),
    "keyviz_sampler_apply_split_now": (c_int32, c_void_p, c_uint64, POINTER(keyviz_route_t), c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_sampler_apply_merge": (c_int32, c_void_p, c_void_p, c_size_t, POINTER(keyviz_route_t), c_void_p, c_int64, POINTER(keyviz_error_t)),
    "keyviz_sampler_apply_merge_now": (c_int32, c_void_p, c_void_p, c_size_t, POINTER(keyviz_route_t), c_void_p, POINTER(keyviz_error_t)),
    "keyviz_sampler_set_leader_term": (c_int32, c_void_p, c_uint64, c_uint64),
    "keyviz_sampler_sub_bucket_bounds": (c_int32, c_void_p, c_uint64, c_uint32, c_void_p, c_size_t, c_void_p, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_observe": (c_int32, c_void_p, c_uint64, c_void_p, c_size_t, c_uint32, c_uint64, c_uint32),
    "keyviz_observe_sized": (c_int32, c_void_p, c_uint64, c_uint32, c_uint64, c_uint64, c_uint32),
    "keyviz_observe_batch": (c_int32, c_void_p, POINTER(keyviz_observation_t), c_size_t, c_void_p),
    "keyviz_observe_columns": (c_int32, c_void_p, c_size_t, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p),
    "keyviz_lane_acquire": (c_int32, c_void_p, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_lane_release": (None, c_void_p),
    "keyviz_lane_observe": (c_int32, c_void_p, c_uint64, c_void_p, c_size_t, c_uint32, c_uint64, c_uint32),
    "keyviz_column_buffer_init": (None, POINTER(keyviz_column_buffer_t)),
    "keyviz_column_info_init": (None, POINTER(keyviz_column_info_t)),
    "keyviz_sampler_flush": (c_int32, c_void_p, c_int64, POINTER(keyviz_column_info_t), POINTER(keyviz_error_t)),
    "keyviz_sampler_flush_now": (c_int32, c_void_p, POINTER(keyviz_column_info_t), POINTER(keyviz_error_t)),
    "keyviz_sampler_drain": (c_int32, c_void_p, c_int64, POINTER(keyviz_column_buffer_t), POINTER(keyviz_error_t)),
    "keyviz_sampler_drain_now": (c_int32, c_void_p, POINTER(keyviz_column_buffer_t), POINTER(keyviz_error_t)),
    "keyviz_sampler_column_range": (c_int32, c_void_p, c_int64, c_int64, c_void_p, c_void_p),
    "keyviz_sampler_read_column": (c_int32, c_void_p, c_uint64, POINTER(keyviz_column_buffer_t), POINTER(keyviz_error_t)),
    "keyviz_column_init": (None, POINTER(keyviz_column_t)),
    "keyviz_columns_new": (c_int32, c_void_p, c_int64, c_int64, c_void_p, c_void_p, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_columns_split": (c_int32, c_void_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_columns_take": (c_int32, c_void_p, c_void_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_columns_next": (c_int32, c_void_p, POINTER(keyviz_column_t), POINTER(keyviz_error_t)),
    "keyviz_columns_free": (None, c_void_p),
    "keyviz_sampler_save_history": (c_int32, c_void_p, c_void_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_sampler_load_history": (c_int32, c_void_p, c_void_p, c_size_t, POINTER(keyviz_error_t)),
    "keyviz_sampler_save_history_file": (c_int32, c_void_p, c_char_p, POINTER(keyviz_error_t)),
    "keyviz_sampler_load_history_file": (c_int32, c_void_p, c_char_p, POINTER(keyviz_error_t)),
    "keyviz_matrix_query_init": (None, POINTER(keyviz_matrix_query_t)),
    "keyviz_matrix_query": (c_int32, c_void_p, POINTER(keyviz_matrix_query_t), c_void_p, POINTER(keyviz_error_t)),
    "keyviz_matrix_from_columns": (c_int32, POINTER(POINTER(keyviz_column_buffer_t)), c_size_t, POINTER(keyviz_matrix_query_t), c_void_p, POINTER(keyviz_error_t)),
    "keyviz_matrix_free": (None, c_void_p),
    "keyviz_matrix_info_init": (None, POINTER(keyviz_matrix_info_t)),
    "keyviz_matrix_row_init": (None, POINTER(keyviz_matrix_row_t)),
    "keyviz_matrix_node_init": (None, POINTER(keyviz_matrix_node_t)),
    "keyviz_matrix_shape": (c_int32, c_void_p, c_void_p, c_void_p),
    "keyviz_matrix_info": (c_int32, c_void_p, POINTER(keyviz_matrix_info_t), POINTER(keyviz_error_t)),
    "keyviz_matrix_columns": (c_int32, c_void_p, c_void_p, c_size_t, POINTER(keyviz_error_t)),
    "keyviz_matrix_values": (c_int32, c_void_p, c_void_p, c_size_t, POINTER(keyviz_error_t)),
    "keyviz_matrix_values_view": (c_void_p, c_void_p),
    "keyviz_matrix_row": (c_int32, c_void_p, c_size_t, POINTER(keyviz_matrix_row_t), POINTER(keyviz_error_t)),
    "keyviz_matrix_identities": (c_int32, c_void_p, c_size_t, c_void_p, c_void_p, c_size_t, POINTER(keyviz_error_t)),
    "keyviz_matrix_row_id": (c_int32, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_matrix_row_name": (c_int32, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_matrix_node": (c_int32, c_void_p, c_size_t, POINTER(keyviz_matrix_node_t), POINTER(keyviz_error_t)),
    "keyviz_limits_init": (None, POINTER(keyviz_limits_t)),
    "keyviz_png_options_init": (None, POINTER(keyviz_png_options_t)),
    "keyviz_matrix_to_json": (c_int32, c_void_p, c_void_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_matrix_to_proto": (c_int32, c_void_p, c_void_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_matrix_to_csv": (c_int32, c_void_p, c_void_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_matrix_to_png": (c_int32, c_void_p, POINTER(keyviz_png_options_t), c_void_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_matrix_from_json": (c_int32, c_void_p, c_size_t, POINTER(keyviz_limits_t), c_void_p, POINTER(keyviz_error_t)),
    "keyviz_matrix_from_proto": (c_int32, c_void_p, c_size_t, c_uint32, POINTER(keyviz_limits_t), c_void_p, POINTER(keyviz_error_t)),
    "keyviz_merge_options_init": (None, POINTER(keyviz_merge_options_t)),
    "keyviz_merge_new": (c_int32, POINTER(keyviz_merge_options_t), c_void_p, POINTER(keyviz_error_t)),
    "keyviz_merge_add": (c_int32, c_void_p, c_void_p, c_char_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_merge_add_failure": (c_int32, c_void_p, c_char_p, c_size_t, c_char_p, c_size_t, POINTER(keyviz_error_t)),
    "keyviz_merge_finish": (c_int32, c_void_p, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_merge_free": (None, c_void_p),
    "keyviz_live_page_init": (None, POINTER(keyviz_live_page_t)),
    "keyviz_matrix_to_html": (c_int32, c_void_p, c_size_t, c_char_p, c_size_t, c_void_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_live_page": (c_int32, POINTER(keyviz_live_page_t), c_void_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_live_page_policy": (c_int32, c_void_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_verdict_init": (None, POINTER(keyviz_verdict_t)),
    "keyviz_split_init": (None, POINTER(keyviz_split_t)),
    "keyviz_matrix_verdict": (c_int32, c_void_p, c_size_t, POINTER(keyviz_verdict_t), POINTER(keyviz_error_t)),
    "keyviz_matrix_split": (c_int32, c_void_p, c_size_t, POINTER(keyviz_split_t), POINTER(keyviz_error_t)),
    "keyviz_verdict_name": (c_char_p, c_uint32),
    "keyviz_hot_keys_query_init": (None, POINTER(keyviz_hot_keys_query_t)),
    "keyviz_hot_keys_info_init": (None, POINTER(keyviz_hot_keys_info_t)),
    "keyviz_hot_key_init": (None, POINTER(keyviz_hot_key_t)),
    "keyviz_hot_keys_source_init": (None, POINTER(keyviz_hot_keys_source_t)),
    "keyviz_sampler_publish_hot_keys": (c_int32, c_void_p, c_int64, POINTER(keyviz_error_t)),
    "keyviz_sampler_publish_hot_keys_now": (c_int32, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_sampler_offer_hot_key": (c_int32, c_void_p, c_uint64, c_void_p, c_size_t, c_uint32, c_uint32, c_uint64),
    "keyviz_hot_keys_query_parse": (c_int32, c_void_p, c_size_t, POINTER(keyviz_hot_keys_query_t), POINTER(keyviz_error_t)),
    "keyviz_hot_keys_query": (c_int32, c_void_p, POINTER(keyviz_hot_keys_query_t), c_void_p, POINTER(keyviz_error_t)),
    "keyviz_hot_keys_info": (c_int32, c_void_p, POINTER(keyviz_hot_keys_info_t), POINTER(keyviz_error_t)),
    "keyviz_hot_keys_entries": (c_int32, c_void_p, c_size_t, POINTER(keyviz_hot_key_t), c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_hot_keys_to_json": (c_int32, c_void_p, c_void_p, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_hot_keys_from_json": (c_int32, c_void_p, c_size_t, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_hot_keys_merge": (c_int32, POINTER(keyviz_hot_keys_source_t), c_size_t, c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_hot_keys_free": (None, c_void_p),
    "keyviz_abi_version": (c_uint32,),
    "keyviz_version": (c_char_p,),
    "keyviz_label_count": (c_uint32,),
    "keyviz_label_name": (c_char_p, c_uint32),
    "keyviz_label_from_name": (c_int32, c_char_p, c_size_t, c_void_p),
    "keyviz_series_name": (c_char_p, c_uint32),
    "keyviz_series_from_name": (c_int32, c_char_p, c_size_t, c_void_p),
    "keyviz_stats_init": (None, POINTER(keyviz_stats_t)),
    "keyviz_sampler_stats": (c_int32, c_void_p, POINTER(keyviz_stats_t)),
    "keyviz_event_init": (None, POINTER(keyviz_event_t)),
    "keyviz_sampler_set_event_callback": (c_int32, c_void_p, keyviz_event_fn, c_void_p),
    "keyviz_sampler_poll_events": (c_int32, c_void_p, POINTER(keyviz_event_t), c_size_t, c_void_p, POINTER(keyviz_error_t)),
    "keyviz_error_init": (None, POINTER(keyviz_error_t)),
    "keyviz_force_panic": (c_int32, POINTER(keyviz_error_t)),
    "keyviz_hot_layout_init": (None, POINTER(keyviz_hot_layout_t)),
    "keyviz_hot_layout": (c_int32, c_void_p, POINTER(keyviz_hot_layout_t), POINTER(keyviz_error_t)),
    "keyviz_lane_hot_address": (c_void_p, c_void_p),
    "keyviz_hot_reserve": (c_int32, c_void_p, c_void_p, c_uint32),
    "keyviz_hot_apply": (None, c_void_p),
    "keyviz_hot_sample": (c_int32, c_void_p, c_uint64, c_void_p, c_size_t, c_uint32, c_uint32),
}
"""Of each function: the result, then the arguments."""
