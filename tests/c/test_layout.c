/* Structs as the ABI sees them: no hidden padding, and one meaning of both initialisers. */
#include "check.h"
#include <stddef.h>

/* ---- Layout: the fields named here, and nothing between or behind them. */

#define FIELD(type, field)                                                                                  \
    do {                                                                                                    \
        check_equal(offsetof(type, field), end, "the offset of " #type "." #field, __FILE__, __LINE__);     \
        end += sizeof(((type *)0)->field);                                                                  \
    } while (0)
#define END(type)                                                                \
    do {                                                                         \
        check_equal(sizeof(type), end, "sizeof(" #type ")", __FILE__, __LINE__); \
        end = 0;                                                                 \
    } while (0)

static void no_struct_has_padding(void) {
    size_t end = 0;

    FIELD(keyviz_error_t, type_size);
    FIELD(keyviz_error_t, status);
    FIELD(keyviz_error_t, reserved);
    FIELD(keyviz_error_t, message);
    END(keyviz_error_t);

    FIELD(keyviz_resolution_t, step_ns);
    FIELD(keyviz_resolution_t, retention_ns);
    END(keyviz_resolution_t);

    FIELD(keyviz_options_t, type_size);
    FIELD(keyviz_options_t, step_ns);
    FIELD(keyviz_options_t, created_ns);
    FIELD(keyviz_options_t, memory_limit_bytes);
    FIELD(keyviz_options_t, history_columns);
    FIELD(keyviz_options_t, max_tracked_routes);
    FIELD(keyviz_options_t, max_member_routes_per_slot);
    FIELD(keyviz_options_t, key_buckets_per_route);
    FIELD(keyviz_options_t, labels_enabled);
    FIELD(keyviz_options_t, history_off);
    FIELD(keyviz_options_t, max_lanes);
    FIELD(keyviz_options_t, reserved0);
    FIELD(keyviz_options_t, resolutions);
    FIELD(keyviz_options_t, hot_keys_enabled);
    FIELD(keyviz_options_t, hot_keys_per_route);
    FIELD(keyviz_options_t, hot_keys_sample_rate);
    FIELD(keyviz_options_t, hot_keys_queue_size);
    FIELD(keyviz_options_t, hot_keys_max_key_len);
    FIELD(keyviz_options_t, hot_keys_series);
    FIELD(keyviz_options_t, hot_keys_in_columns);
    FIELD(keyviz_options_t, reserved1);
    FIELD(keyviz_options_t, reserved);
    END(keyviz_options_t);

    FIELD(keyviz_route_t, type_size);
    FIELD(keyviz_route_t, route_id);
    FIELD(keyviz_route_t, group_id);
    FIELD(keyviz_route_t, start);
    FIELD(keyviz_route_t, start_len);
    FIELD(keyviz_route_t, end);
    FIELD(keyviz_route_t, end_len);
    FIELD(keyviz_route_t, flags);
    FIELD(keyviz_route_t, reserved);
    END(keyviz_route_t);

    FIELD(keyviz_observation_t, route_id);
    FIELD(keyviz_observation_t, key);
    FIELD(keyviz_observation_t, key_len);
    FIELD(keyviz_observation_t, value_len);
    FIELD(keyviz_observation_t, op);
    FIELD(keyviz_observation_t, label);
    END(keyviz_observation_t);

    FIELD(keyviz_row_t, route_id);
    FIELD(keyviz_row_t, group_id);
    FIELD(keyviz_row_t, leader_term);
    FIELD(keyviz_row_t, reads);
    FIELD(keyviz_row_t, writes);
    FIELD(keyviz_row_t, read_bytes);
    FIELD(keyviz_row_t, write_bytes);
    FIELD(keyviz_row_t, member_routes_total);
    FIELD(keyviz_row_t, start_offset);
    FIELD(keyviz_row_t, end_offset);
    FIELD(keyviz_row_t, member_routes_offset);
    FIELD(keyviz_row_t, parents_offset);
    FIELD(keyviz_row_t, start_len);
    FIELD(keyviz_row_t, end_len);
    FIELD(keyviz_row_t, member_routes_count);
    FIELD(keyviz_row_t, parents_count);
    FIELD(keyviz_row_t, label);
    FIELD(keyviz_row_t, flags);
    FIELD(keyviz_row_t, sub_bucket);
    FIELD(keyviz_row_t, sub_bucket_count);
    END(keyviz_row_t);

    FIELD(keyviz_column_info_t, type_size);
    FIELD(keyviz_column_info_t, sequence);
    FIELD(keyviz_column_info_t, window_start_ns);
    FIELD(keyviz_column_info_t, at_ns);
    FIELD(keyviz_column_info_t, flushes);
    FIELD(keyviz_column_info_t, rows);
    FIELD(keyviz_column_info_t, arena_bytes);
    END(keyviz_column_info_t);

    FIELD(keyviz_column_buffer_t, type_size);
    FIELD(keyviz_column_buffer_t, row_size);
    FIELD(keyviz_column_buffer_t, rows);
    FIELD(keyviz_column_buffer_t, row_capacity);
    FIELD(keyviz_column_buffer_t, arena);
    FIELD(keyviz_column_buffer_t, arena_capacity);
    FIELD(keyviz_column_buffer_t, row_count);
    FIELD(keyviz_column_buffer_t, arena_used);
    FIELD(keyviz_column_buffer_t, sequence);
    FIELD(keyviz_column_buffer_t, window_start_ns);
    FIELD(keyviz_column_buffer_t, at_ns);
    FIELD(keyviz_column_buffer_t, flushes);
    END(keyviz_column_buffer_t);

    FIELD(keyviz_counts_t, reads);
    FIELD(keyviz_counts_t, writes);
    FIELD(keyviz_counts_t, read_bytes);
    FIELD(keyviz_counts_t, write_bytes);
    FIELD(keyviz_counts_t, description);
    FIELD(keyviz_counts_t, label);
    END(keyviz_counts_t);

    FIELD(keyviz_column_t, type_size);
    FIELD(keyviz_column_t, sequence);
    FIELD(keyviz_column_t, window_start_ns);
    FIELD(keyviz_column_t, at_ns);
    FIELD(keyviz_column_t, flushes);
    FIELD(keyviz_column_t, rows);
    FIELD(keyviz_column_t, row_count);
    FIELD(keyviz_column_t, descriptions);
    FIELD(keyviz_column_t, description_count);
    FIELD(keyviz_column_t, description_size);
    FIELD(keyviz_column_t, arena);
    END(keyviz_column_t);

    FIELD(keyviz_matrix_query_t, type_size);
    FIELD(keyviz_matrix_query_t, from_ns);
    FIELD(keyviz_matrix_query_t, to_ns);
    FIELD(keyviz_matrix_query_t, series);
    FIELD(keyviz_matrix_query_t, row_budget);
    FIELD(keyviz_matrix_query_t, budget_mode);
    FIELD(keyviz_matrix_query_t, node_len);
    FIELD(keyviz_matrix_query_t, node);
    END(keyviz_matrix_query_t);

    FIELD(keyviz_matrix_info_t, type_size);
    FIELD(keyviz_matrix_info_t, rows);
    FIELD(keyviz_matrix_info_t, columns);
    FIELD(keyviz_matrix_info_t, generated_at_ns);
    FIELD(keyviz_matrix_info_t, series);
    FIELD(keyviz_matrix_info_t, fanout);
    FIELD(keyviz_matrix_info_t, nodes);
    FIELD(keyviz_matrix_info_t, nodes_responded);
    FIELD(keyviz_matrix_info_t, nodes_expected);
    FIELD(keyviz_matrix_info_t, node);
    FIELD(keyviz_matrix_info_t, node_len);
    END(keyviz_matrix_info_t);

    FIELD(keyviz_matrix_row_t, type_size);
    FIELD(keyviz_matrix_row_t, id);
    FIELD(keyviz_matrix_row_t, id_len);
    FIELD(keyviz_matrix_row_t, label);
    FIELD(keyviz_matrix_row_t, label_len);
    FIELD(keyviz_matrix_row_t, start);
    FIELD(keyviz_matrix_row_t, start_len);
    FIELD(keyviz_matrix_row_t, end);
    FIELD(keyviz_matrix_row_t, end_len);
    FIELD(keyviz_matrix_row_t, route_ids);
    FIELD(keyviz_matrix_row_t, route_ids_count);
    FIELD(keyviz_matrix_row_t, route_count);
    FIELD(keyviz_matrix_row_t, values);
    FIELD(keyviz_matrix_row_t, conflicts);
    FIELD(keyviz_matrix_row_t, flags);
    FIELD(keyviz_matrix_row_t, reserved);
    END(keyviz_matrix_row_t);

    FIELD(keyviz_matrix_node_t, type_size);
    FIELD(keyviz_matrix_node_t, node);
    FIELD(keyviz_matrix_node_t, node_len);
    FIELD(keyviz_matrix_node_t, error);
    FIELD(keyviz_matrix_node_t, error_len);
    END(keyviz_matrix_node_t);

    FIELD(keyviz_limits_t, type_size);
    FIELD(keyviz_limits_t, max_bytes);
    FIELD(keyviz_limits_t, max_rows);
    FIELD(keyviz_limits_t, max_cells);
    END(keyviz_limits_t);

    FIELD(keyviz_png_options_t, type_size);
    FIELD(keyviz_png_options_t, width);
    FIELD(keyviz_png_options_t, height);
    FIELD(keyviz_png_options_t, scale);
    FIELD(keyviz_png_options_t, reserved);
    END(keyviz_png_options_t);

    FIELD(keyviz_live_page_t, type_size);
    FIELD(keyviz_live_page_t, matrix_url);
    FIELD(keyviz_live_page_t, matrix_url_len);
    FIELD(keyviz_live_page_t, hot_keys_url);
    FIELD(keyviz_live_page_t, hot_keys_url_len);
    FIELD(keyviz_live_page_t, title);
    FIELD(keyviz_live_page_t, title_len);
    FIELD(keyviz_live_page_t, rows);
    FIELD(keyviz_live_page_t, reserved);
    END(keyviz_live_page_t);

    FIELD(keyviz_merge_options_t, type_size);
    FIELD(keyviz_merge_options_t, column_tolerance_ns);
    FIELD(keyviz_merge_options_t, nodes_expected);
    FIELD(keyviz_merge_options_t, series);
    FIELD(keyviz_merge_options_t, row_budget);
    FIELD(keyviz_merge_options_t, budget_mode);
    FIELD(keyviz_merge_options_t, reserved);
    END(keyviz_merge_options_t);

    FIELD(keyviz_verdict_t, type_size);
    FIELD(keyviz_verdict_t, measure);
    FIELD(keyviz_verdict_t, period_ms);
    FIELD(keyviz_verdict_t, total);
    FIELD(keyviz_verdict_t, reason);
    FIELD(keyviz_verdict_t, reason_len);
    FIELD(keyviz_verdict_t, verdict);
    FIELD(keyviz_verdict_t, reserved);
    END(keyviz_verdict_t);

    FIELD(keyviz_split_t, type_size);
    FIELD(keyviz_split_t, route_id);
    FIELD(keyviz_split_t, share);
    FIELD(keyviz_split_t, below);
    FIELD(keyviz_split_t, key);
    FIELD(keyviz_split_t, key_len);
    FIELD(keyviz_split_t, reason);
    FIELD(keyviz_split_t, reason_len);
    END(keyviz_split_t);

    FIELD(keyviz_stats_t, type_size);
    FIELD(keyviz_stats_t, routes);
    FIELD(keyviz_stats_t, slots);
    FIELD(keyviz_stats_t, virtual_buckets);
    FIELD(keyviz_stats_t, virtual_members);
    FIELD(keyviz_stats_t, retired);
    FIELD(keyviz_stats_t, columns);
    FIELD(keyviz_stats_t, lanes);
    FIELD(keyviz_stats_t, missed);
    FIELD(keyviz_stats_t, refused);
    FIELD(keyviz_stats_t, counter_bytes);
    FIELD(keyviz_stats_t, route_bytes);
    FIELD(keyviz_stats_t, history_bytes);
    FIELD(keyviz_stats_t, hot_key_bytes);
    FIELD(keyviz_stats_t, hot_key_snapshots);
    FIELD(keyviz_stats_t, hot_keys_rolled);
    FIELD(keyviz_stats_t, hot_keys_sampled);
    FIELD(keyviz_stats_t, hot_keys_dropped);
    FIELD(keyviz_stats_t, hot_keys_skipped);
    FIELD(keyviz_stats_t, hot_keys_forgotten);
    END(keyviz_stats_t);

    FIELD(keyviz_hot_keys_query_t, type_size);
    FIELD(keyviz_hot_keys_query_t, route_id);
    FIELD(keyviz_hot_keys_query_t, label);
    FIELD(keyviz_hot_keys_query_t, series);
    FIELD(keyviz_hot_keys_query_t, flags);
    FIELD(keyviz_hot_keys_query_t, sub_bucket);
    FIELD(keyviz_hot_keys_query_t, column);
    FIELD(keyviz_hot_keys_query_t, top);
    FIELD(keyviz_hot_keys_query_t, from_unix_ms);
    FIELD(keyviz_hot_keys_query_t, to_unix_ms);
    END(keyviz_hot_keys_query_t);

    FIELD(keyviz_hot_keys_info_t, type_size);
    FIELD(keyviz_hot_keys_info_t, route_id);
    FIELD(keyviz_hot_keys_info_t, label);
    FIELD(keyviz_hot_keys_info_t, series);
    FIELD(keyviz_hot_keys_info_t, flags);
    FIELD(keyviz_hot_keys_info_t, sub_bucket);
    FIELD(keyviz_hot_keys_info_t, degraded);
    FIELD(keyviz_hot_keys_info_t, reserved);
    FIELD(keyviz_hot_keys_info_t, keys);
    FIELD(keyviz_hot_keys_info_t, key_bytes);
    FIELD(keyviz_hot_keys_info_t, sample_rate);
    FIELD(keyviz_hot_keys_info_t, sampled_n);
    FIELD(keyviz_hot_keys_info_t, dropped_samples);
    FIELD(keyviz_hot_keys_info_t, skipped_long_keys);
    FIELD(keyviz_hot_keys_info_t, error_bound);
    FIELD(keyviz_hot_keys_info_t, snapshot_at_ns);
    END(keyviz_hot_keys_info_t);

    FIELD(keyviz_hot_key_t, type_size);
    FIELD(keyviz_hot_key_t, key);
    FIELD(keyviz_hot_key_t, key_len);
    FIELD(keyviz_hot_key_t, count);
    FIELD(keyviz_hot_key_t, count_low);
    FIELD(keyviz_hot_key_t, count_high);
    END(keyviz_hot_key_t);

    FIELD(keyviz_hot_keys_source_t, type_size);
    FIELD(keyviz_hot_keys_source_t, node);
    FIELD(keyviz_hot_keys_source_t, node_len);
    FIELD(keyviz_hot_keys_source_t, reply);
    FIELD(keyviz_hot_keys_source_t, error);
    FIELD(keyviz_hot_keys_source_t, error_len);
    END(keyviz_hot_keys_source_t);

    FIELD(keyviz_event_t, type_size);
    FIELD(keyviz_event_t, kind);
    FIELD(keyviz_event_t, reserved);
    FIELD(keyviz_event_t, route_id);
    FIELD(keyviz_event_t, bucket_id);
    FIELD(keyviz_event_t, slots_used);
    FIELD(keyviz_event_t, max_tracked_routes);
    FIELD(keyviz_event_t, suppressed);
    END(keyviz_event_t);

    FIELD(keyviz_hot_layout_t, type_size);
    FIELD(keyviz_hot_layout_t, version);
    FIELD(keyviz_hot_layout_t, labels);
    FIELD(keyviz_hot_layout_t, table);
    FIELD(keyviz_hot_layout_t, shared_lane);
    FIELD(keyviz_hot_layout_t, shared_passages);
    FIELD(keyviz_hot_layout_t, hash_factor);
    FIELD(keyviz_hot_layout_t, lane_passages);
    FIELD(keyviz_hot_layout_t, lane_missed);
    FIELD(keyviz_hot_layout_t, lane_segments);
    FIELD(keyviz_hot_layout_t, block_bits);
    FIELD(keyviz_hot_layout_t, divided_first);
    FIELD(keyviz_hot_layout_t, divided_stride);
    FIELD(keyviz_hot_layout_t, divided_count);
    FIELD(keyviz_hot_layout_t, divided_prefix_len);
    FIELD(keyviz_hot_layout_t, divided_low);
    FIELD(keyviz_hot_layout_t, divided_span);
    FIELD(keyviz_hot_layout_t, divided_ratio);
    FIELD(keyviz_hot_layout_t, divided_prefix);
    FIELD(keyviz_hot_layout_t, lane_stage);
    FIELD(keyviz_hot_layout_t, stage_left);
    FIELD(keyviz_hot_layout_t, stage_filled);
    FIELD(keyviz_hot_layout_t, stage_tail);
    FIELD(keyviz_hot_layout_t, stage_drawn);
    FIELD(keyviz_hot_layout_t, stage_sampled);
    FIELD(keyviz_hot_layout_t, stage_skipped);
    FIELD(keyviz_hot_layout_t, stage_longest_key);
    FIELD(keyviz_hot_layout_t, stage_series);
    FIELD(keyviz_hot_layout_t, stage_head);
    FIELD(keyviz_hot_layout_t, stage_gaps);
    FIELD(keyviz_hot_layout_t, stage_slots);
    FIELD(keyviz_hot_layout_t, stage_keys);
    FIELD(keyviz_hot_layout_t, stage_slot_count);
    FIELD(keyviz_hot_layout_t, stage_key_bytes);
    FIELD(keyviz_hot_layout_t, stage_batch);
    FIELD(keyviz_hot_layout_t, divided_shift);
    FIELD(keyviz_hot_layout_t, divided_head_mask);
    FIELD(keyviz_hot_layout_t, divided_head);
    FIELD(keyviz_hot_layout_t, divided_segment);
    END(keyviz_hot_layout_t);
}

/* ---- Initialisers. */

#define SAME_INIT(name, INIT)                                                                         \
    do {                                                                                              \
        keyviz_##name##_t by_macro = INIT, by_function;                                               \
        memset(&by_function, 0xa5, sizeof by_function);                                               \
        keyviz_##name##_init(&by_function);                                                           \
        keyviz_##name##_init(NULL);                                                                   \
        CHECK(memcmp(&by_macro, &by_function, sizeof by_macro) == 0);                                 \
        CHECK_EQUAL(by_macro.type_size, sizeof by_macro);                                             \
    } while (0)

static void the_macros_and_the_functions_initialise_alike(void) {
    SAME_INIT(error, KEYVIZ_ERROR_INIT);
    SAME_INIT(options, KEYVIZ_OPTIONS_INIT);
    SAME_INIT(route, KEYVIZ_ROUTE_INIT);
    SAME_INIT(column_info, KEYVIZ_COLUMN_INFO_INIT);
    SAME_INIT(column, KEYVIZ_COLUMN_INIT);
    SAME_INIT(column_buffer, KEYVIZ_COLUMN_BUFFER_INIT);
    SAME_INIT(matrix_query, KEYVIZ_MATRIX_QUERY_INIT);
    SAME_INIT(matrix_info, KEYVIZ_MATRIX_INFO_INIT);
    SAME_INIT(matrix_row, KEYVIZ_MATRIX_ROW_INIT);
    SAME_INIT(matrix_node, KEYVIZ_MATRIX_NODE_INIT);
    SAME_INIT(limits, KEYVIZ_LIMITS_INIT);
    SAME_INIT(png_options, KEYVIZ_PNG_OPTIONS_INIT);
    SAME_INIT(live_page, KEYVIZ_LIVE_PAGE_INIT);
    SAME_INIT(merge_options, KEYVIZ_MERGE_OPTIONS_INIT);
    SAME_INIT(verdict, KEYVIZ_VERDICT_INIT);
    SAME_INIT(split, KEYVIZ_SPLIT_INIT);
    SAME_INIT(stats, KEYVIZ_STATS_INIT);
    SAME_INIT(event, KEYVIZ_EVENT_INIT);
    SAME_INIT(hot_layout, KEYVIZ_HOT_LAYOUT_INIT);
    SAME_INIT(hot_keys_query, KEYVIZ_HOT_KEYS_QUERY_INIT);
    SAME_INIT(hot_keys_info, KEYVIZ_HOT_KEYS_INFO_INIT);
    SAME_INIT(hot_key, KEYVIZ_HOT_KEY_INIT);
    SAME_INIT(hot_keys_source, KEYVIZ_HOT_KEYS_SOURCE_INIT);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(no_struct_has_padding);
    RUN(the_macros_and_the_functions_initialise_alike);
    return check_summary(argv[0]);
}
