/* Flush, drain and the history, into buffers of the caller. */
#include "fixture.h"

/* Two routes, three rows, and some arena. */
static keyviz_sampler_t *with_three_rows(keyviz_options_t options) {
    keyviz_sampler_t *sampler = sampler_new(options);
    CHECK_OK(add(sampler, 1, "", "middle"));
    CHECK_OK(add(sampler, 2, "middle", ""));
    CHECK_OK(write_to(sampler, 1, "a", KEYVIZ_LABEL_REDIS));
    CHECK_OK(write_to(sampler, 1, "a", KEYVIZ_LABEL_DYNAMO));
    CHECK_OK(write_to(sampler, 2, "n", KEYVIZ_LABEL_REDIS));
    return sampler;
}

typedef keyviz_status_t get_column_t(keyviz_sampler_t *, keyviz_column_buffer_t *, keyviz_error_t *);

static keyviz_status_t get_by_drain(keyviz_sampler_t *sampler, keyviz_column_buffer_t *column, keyviz_error_t *error) {
    return keyviz_sampler_drain(sampler, T0 + SECOND, column, error);
}

static keyviz_status_t get_by_drain_now(keyviz_sampler_t *sampler, keyviz_column_buffer_t *column, keyviz_error_t *error) {
    return keyviz_sampler_drain_now(sampler, column, error);
}

static keyviz_status_t get_by_read(keyviz_sampler_t *sampler, keyviz_column_buffer_t *column, keyviz_error_t *error) {
    uint64_t first, count;
    CHECK_OK(keyviz_sampler_column_range(sampler, 0, 0, &first, &count));
    if (!count) CHECK_OK(keyviz_sampler_flush(sampler, T0 + SECOND, NULL, NULL));
    return keyviz_sampler_read_column(sampler, 0, column, error);
}

static void check_too_small(keyviz_sampler_t *sampler, get_column_t *get, size_t rows, size_t arena, size_t needed_rows,
                            size_t needed_arena) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_column_buffer_t column = column_with(rows, arena);
    column.sequence = 99;
    column.at_ns = 98;
    column.window_start_ns = 97;
    column.flushes = 96;
    CHECK_EQUAL(get(sampler, &column, &error), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK(is_told(&error, KEYVIZ_ERR_BUFFER_TOO_SMALL));
    CHECK_EQUAL(column.row_count, needed_rows);
    CHECK_EQUAL(column.arena_used, needed_arena);
    CHECK(column.sequence == 99 && column.at_ns == 98 && column.window_start_ns == 97 && column.flushes == 96);
    CHECK(!rows || is_filled(column.rows, 0xa5, rows * sizeof(keyviz_row_t)));
    CHECK(!arena || is_filled(column.arena, 0xa5, arena));
    column_free(&column);
}

static void a_buffer_one_byte_or_one_row_too_small_takes_nothing(void) {
    get_column_t *gets[] = {get_by_drain, get_by_drain_now, get_by_read};
    for (size_t i = 0; i < 3; i++) {
        keyviz_sampler_t *sampler = with_three_rows(labelled_options());
        keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
        CHECK_EQUAL(gets[i](sampler, &column, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
        size_t rows = column.row_count, arena = column.arena_used;
        CHECK_EQUAL(rows, 3);
        CHECK(arena > 0);
        check_too_small(sampler, gets[i], 0, 0, rows, arena);
        check_too_small(sampler, gets[i], rows - 1, arena, rows, arena);
        check_too_small(sampler, gets[i], rows, arena - 1, rows, arena);
        check_too_small(sampler, gets[i], rows, 0, rows, arena);
        check_too_small(sampler, gets[i], 0, arena, rows, arena);
        column = column_with(rows, arena);
        CHECK_OK(gets[i](sampler, &column, NULL));
        CHECK_EQUAL(column.row_count, rows);
        CHECK_EQUAL(column.arena_used, arena);
        CHECK_EQUAL(column.sequence, 0);
        CHECK_EQUAL(column.flushes, 1);
        CHECK_EQUAL(column.window_start_ns, T0);
        for (size_t row = 0; row < rows; row++) CHECK_EQUAL(column.rows[row].writes, 1);
        column_free(&column);
        /* And it was taken once. */
        CHECK_EQUAL(drained_operations(sampler, INT64_MAX), 0);
        keyviz_sampler_free(sampler);
    }
}

static void what_is_counted_between_two_tries_comes_with_the_second(void) {
    keyviz_sampler_t *sampler = with_three_rows(labelled_options());
    keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
    for (int i = 0; i < 5; i++) {
        CHECK_EQUAL(keyviz_sampler_drain(sampler, T0 + SECOND, &column, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
        CHECK_OK(write_to(sampler, 1, "a", KEYVIZ_LABEL_REDIS));
    }
    CHECK_EQUAL(drained_operations(sampler, T0 + SECOND), 8);
    keyviz_sampler_free(sampler);
}

static void every_field_of_a_row_is_what_was_said(void) {
    keyviz_sampler_t *sampler = with_three_rows(labelled_options());
    CHECK_OK(keyviz_sampler_set_leader_term(sampler, 1002, 5));
    keyviz_column_buffer_t column = drain(sampler, T0 + SECOND);
    CHECK_EQUAL(column.row_count, 3);
    uint32_t labels[] = {KEYVIZ_LABEL_DYNAMO, KEYVIZ_LABEL_REDIS, KEYVIZ_LABEL_REDIS};
    for (size_t i = 0; i < 3; i++) {
        keyviz_row_t row = column.rows[i];
        int second = i == 2;
        CHECK_EQUAL(row.route_id, second ? 2 : 1);
        CHECK_EQUAL(row.group_id, second ? 1002 : 1001);
        CHECK_EQUAL(row.leader_term, second ? 5 : 0);
        CHECK_EQUAL(row.label, labels[i]);
        CHECK(row.reads == 0 && row.writes == 1 && row.read_bytes == 0 && row.write_bytes == 11);
        CHECK(bytes_are(&column, row.start_offset, row.start_len, second ? "middle" : ""));
        CHECK(bytes_are(&column, row.end_offset, row.end_len, second ? "" : "middle"));
        CHECK_EQUAL(row.flags, second ? KEYVIZ_ROW_UNBOUNDED : 0);
        CHECK(row.member_routes_total == 1 && row.member_routes_count == 0 && row.parents_count == 0);
        CHECK(row.sub_bucket == 0 && row.sub_bucket_count == 1);
    }
    column_free(&column);
    keyviz_sampler_free(sampler);
}

static void an_idle_step_is_an_empty_column_and_takes_no_buffer(void) {
    keyviz_sampler_t *sampler = sampler_new(plain_options());
    keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
    column.row_count = column.arena_used = 99;
    CHECK_OK(keyviz_sampler_drain(sampler, T0 + SECOND, &column, NULL));
    CHECK(column.row_count == 0 && column.arena_used == 0);
    CHECK_EQUAL(stats_of(sampler).columns, 1);
    keyviz_sampler_free(sampler);
}

static void windows_join_and_a_clock_that_goes_back_gets_a_step(void) {
    keyviz_options_t options = plain_options();
    options.step_ns = 10 * SECOND;
    keyviz_sampler_t *sampler = sampler_new(options);
    int64_t at[] = {T0 + 10 * SECOND, T0 + 25 * SECOND, T0 + 25 * SECOND, T0 + 5 * SECOND, T0 + 30 * SECOND};
    int64_t from[] = {T0, at[0], at[2] - options.step_ns, at[3] - options.step_ns, at[3]};
    for (uint64_t i = 0; i < 5; i++) {
        keyviz_column_info_t info = KEYVIZ_COLUMN_INFO_INIT;
        CHECK_OK(keyviz_sampler_flush(sampler, at[i], &info, NULL));
        CHECK_EQUAL(info.sequence, i);
        CHECK_EQUAL(info.at_ns, at[i]);
        CHECK_EQUAL(info.window_start_ns, from[i]);
        CHECK(info.flushes == 1 && info.rows == 0 && info.arena_bytes == 0);
    }
    keyviz_sampler_free(sampler);
}

static void times_at_the_ends_of_the_range_do_no_harm(void) {
    int64_t times[] = {INT64_MIN, -1, 0, INT64_MAX};
    for (size_t i = 0; i < 4; i++) {
        keyviz_sampler_t *sampler = with_three_rows(labelled_options());
        CHECK_OK(keyviz_sampler_remove_route(sampler, 1, times[i], NULL));
        CHECK_EQUAL(drained_operations(sampler, times[3 - i]), 3);
        CHECK_EQUAL(drained_operations(sampler, times[i]), 0);
        uint64_t first, count;
        CHECK_OK(keyviz_sampler_column_range(sampler, INT64_MIN, INT64_MAX, &first, &count));
        CHECK_OK(keyviz_sampler_column_range(sampler, INT64_MAX, INT64_MIN, &first, &count));
        CHECK_EQUAL(count, 0);
        keyviz_sampler_free(sampler);
    }
}

static void a_flush_tells_what_reading_its_column_takes(void) {
    keyviz_sampler_t *sampler = with_three_rows(labelled_options());
    keyviz_column_info_t info = KEYVIZ_COLUMN_INFO_INIT;
    CHECK_OK(keyviz_sampler_flush(sampler, T0 + SECOND, &info, NULL));
    CHECK_EQUAL(info.rows, 3);
    CHECK_OK(keyviz_sampler_flush_now(sampler, NULL, NULL));
    keyviz_column_buffer_t column = column_with(info.rows, info.arena_bytes);
    CHECK_OK(keyviz_sampler_read_column(sampler, info.sequence, &column, NULL));
    CHECK_EQUAL(column.row_count, info.rows);
    CHECK_EQUAL(column.arena_used, info.arena_bytes);
    column_free(&column);
    keyviz_sampler_free(sampler);
}

static void the_history_gives_by_number_what_the_drains_gave(void) {
    enum { COLUMNS = 6, KEPT = 4 };
    keyviz_options_t options = labelled_options();
    options.history_columns = KEPT;
    options.key_buckets_per_route = 8;
    keyviz_sampler_t *sampler = with_three_rows(options);
    keyviz_column_buffer_t drained[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
        if (i == 4) CHECK_OK(add(sampler, 2, "middle", "n"));
        for (int j = 0; j < i; j++) CHECK_OK(write_to(sampler, 1 + (uint64_t)j % 2, j % 3 ? "g" : "z", (uint32_t)j));
        if (i == 3) CHECK_OK(keyviz_sampler_remove_route(sampler, 2, T0 + i * SECOND, NULL));
        drained[i] = drain(sampler, T0 + (i + 1) * SECOND);
    }
    CHECK_EQUAL(stats_of(sampler).columns, KEPT);

    uint64_t first = 99, count = 99;
    CHECK_OK(keyviz_sampler_column_range(sampler, 0, 0, &first, &count));
    CHECK(first == COLUMNS - KEPT && count == KEPT);
    CHECK_OK(keyviz_sampler_column_range(sampler, T0 + 4 * SECOND, T0 + 6 * SECOND, &first, &count));
    CHECK(first == 3 && count == 2);
    CHECK_OK(keyviz_sampler_column_range(sampler, T0 + 5 * SECOND, 0, NULL, &count));
    CHECK_EQUAL(count, 2);
    CHECK_OK(keyviz_sampler_column_range(sampler, 0, T0 + 4 * SECOND, &first, NULL));
    CHECK_EQUAL(first, 2);
    CHECK_OK(keyviz_sampler_column_range(sampler, T0 + LONG_AFTER, 0, &first, &count));
    CHECK_EQUAL(count, 0);

    for (uint64_t sequence = 0; sequence < COLUMNS; sequence++) {
        keyviz_column_buffer_t *was = &drained[sequence];
        keyviz_column_buffer_t column = column_with(was->row_count, was->arena_used);
        keyviz_status_t status = keyviz_sampler_read_column(sampler, sequence, &column, NULL);
        if (sequence < COLUMNS - KEPT) {
            CHECK_EQUAL(status, KEYVIZ_ERR_NOT_FOUND);
        } else {
            CHECK_OK(status);
            CHECK_EQUAL(column.sequence, sequence);
            CHECK_EQUAL(column.at_ns, was->at_ns);
            CHECK_EQUAL(column.window_start_ns, was->window_start_ns);
            CHECK_EQUAL(column.row_count, was->row_count);
            CHECK_EQUAL(column.arena_used, was->arena_used);
            CHECK(!was->row_count || memcmp(column.rows, was->rows, was->row_count * sizeof(keyviz_row_t)) == 0);
            for (size_t i = 0; i < was->row_count; i++) {
                keyviz_row_t row = was->rows[i];
                CHECK(memcmp((char *)column.arena + row.start_offset, (char *)was->arena + row.start_offset, row.start_len) == 0);
                CHECK(memcmp((char *)column.arena + row.end_offset, (char *)was->arena + row.end_offset, row.end_len) == 0);
            }
        }
        column_free(&column);
        column_free(was);
    }
    keyviz_sampler_free(sampler);
}

static void without_a_history_columns_are_drained_only(void) {
    keyviz_options_t options = labelled_options();
    options.history_off = 1;
    keyviz_sampler_t *sampler = with_three_rows(options);
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_column_info_t info = KEYVIZ_COLUMN_INFO_INIT;
    uint64_t first = 99, count = 99;
    CHECK_EQUAL(keyviz_sampler_flush(sampler, T0 + SECOND, &info, &error), KEYVIZ_ERR_HISTORY_OFF);
    CHECK(is_told(&error, KEYVIZ_ERR_HISTORY_OFF));
    CHECK_EQUAL(keyviz_sampler_flush_now(sampler, NULL, NULL), KEYVIZ_ERR_HISTORY_OFF);
    CHECK_EQUAL(info.at_ns, 0);
    CHECK_EQUAL(keyviz_sampler_column_range(sampler, 0, 0, &first, &count), KEYVIZ_ERR_HISTORY_OFF);
    CHECK(first == 99 && count == 99);
    CHECK_EQUAL(drained_operations(sampler, T0 + SECOND), 3);
    keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
    CHECK_EQUAL(keyviz_sampler_read_column(sampler, 0, &column, NULL), KEYVIZ_ERR_HISTORY_OFF);
    CHECK_EQUAL(stats_of(sampler).columns, 0);
    keyviz_sampler_free(sampler);
}

static void nulls_and_numbers_that_there_are_not(void) {
    keyviz_sampler_t *sampler = with_three_rows(labelled_options());
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
    keyviz_column_info_t info = KEYVIZ_COLUMN_INFO_INIT;
    uint64_t first = 99, count = 99;
    CHECK_EQUAL(keyviz_sampler_flush(NULL, T0, &info, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_flush_now(NULL, &info, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_drain(NULL, T0, &column, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_drain(sampler, T0, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_drain_now(NULL, &column, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_drain_now(sampler, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_column_range(NULL, 0, 0, &first, &count), KEYVIZ_ERR_NULL_POINTER);
    CHECK(first == 99 && count == 99);
    CHECK_EQUAL(keyviz_sampler_read_column(NULL, 0, &column, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_read_column(sampler, 0, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK(is_told(&error, KEYVIZ_ERR_NULL_POINTER));
    column.row_capacity = 1;
    CHECK_EQUAL(keyviz_sampler_drain(sampler, T0, &column, &error), KEYVIZ_ERR_NULL_POINTER);
    column.row_capacity = 0;
    column.arena_capacity = 1;
    CHECK_EQUAL(keyviz_sampler_drain(sampler, T0, &column, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK(column.row_count == 0 && column.arena_used == 0);
    column.arena_capacity = 0;
    uint64_t numbers[] = {0, 1, UINT64_MAX};
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(keyviz_sampler_read_column(sampler, numbers[i], &column, &error), KEYVIZ_ERR_NOT_FOUND);
    }
    CHECK(is_told(&error, KEYVIZ_ERR_NOT_FOUND));
    CHECK_EQUAL(drained_operations(sampler, T0 + SECOND), 3);
    keyviz_sampler_free(sampler);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(a_buffer_one_byte_or_one_row_too_small_takes_nothing);
    RUN(what_is_counted_between_two_tries_comes_with_the_second);
    RUN(every_field_of_a_row_is_what_was_said);
    RUN(an_idle_step_is_an_empty_column_and_takes_no_buffer);
    RUN(windows_join_and_a_clock_that_goes_back_gets_a_step);
    RUN(times_at_the_ends_of_the_range_do_no_harm);
    RUN(a_flush_tells_what_reading_its_column_takes);
    RUN(the_history_gives_by_number_what_the_drains_gave);
    RUN(without_a_history_columns_are_drained_only);
    RUN(nulls_and_numbers_that_there_are_not);
    return check_summary(argv[0]);
}
