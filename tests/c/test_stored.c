/* A walk through the stored columns. */
#include "fixture.h"

#define COLUMNS 70 /* more than a block of the history has */

/* Divided and folded routes, some that come and go, terms that change, columns without rows. */
static keyviz_sampler_t *with_a_history(void) {
    keyviz_options_t options = labelled_options();
    options.key_buckets_per_route = 8;
    options.max_tracked_routes = 3;
    options.max_member_routes_per_slot = 2;
    options.history_columns = COLUMNS;
    keyviz_sampler_t *sampler = sampler_new(options);
    const char *bounds[] = {"", "b", "c", "d", "e", "f", "g"};
    for (uint64_t id = 1; id <= 6; id++) CHECK_OK(add(sampler, id, bounds[id - 1], bounds[id]));
    for (int i = 0; i < COLUMNS + 5; i++) {
        if (i % 20 == 9) CHECK_OK(keyviz_sampler_remove_route(sampler, 2, T0 + i * SECOND, NULL));
        if (i % 20 == 15) CHECK_OK(add(sampler, 2, "b", "bzz"));
        if (i % 7 == 0) CHECK_OK(keyviz_sampler_set_leader_term(sampler, 1001, (uint64_t)i));
        for (int j = 0; j < i % 5 * 4; j++) {
            char key[3] = {(char)('a' + (i + j) % 7), (char)('a' + j * 3 % 26), 0};
            write_to(sampler, 1 + (uint64_t)(i + j) % 6, key, (uint32_t)j % 6);
        }
        CHECK_OK(keyviz_sampler_flush(sampler, T0 + (i + 1) * SECOND, NULL, NULL));
    }
    return sampler;
}

static keyviz_columns_t *walk_through(const keyviz_sampler_t *sampler, int64_t from_ns, int64_t to_ns, size_t expected) {
    keyviz_columns_t *walk = NULL;
    size_t count = 999, rows = 999;
    CHECK_OK(keyviz_columns_new(sampler, from_ns, to_ns, &walk, &count, &rows, NULL));
    CHECK_EQUAL(count, expected);
    CHECK(walk != NULL && rows < 999999);
    return walk;
}

static int same_bytes(const void *arena, uint64_t at, const void *other, uint64_t other_at, size_t size) {
    return !size || memcmp((const char *)arena + at, (const char *)other + other_at, size) == 0;
}

/* The next column is what reading it gives. */
static void check_next(keyviz_columns_t *walk, const keyviz_sampler_t *sampler, uint64_t sequence) {
    keyviz_column_t next = KEYVIZ_COLUMN_INIT;
    keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
    CHECK_OK(keyviz_columns_next(walk, &next, NULL));
    keyviz_status_t status = keyviz_sampler_read_column(sampler, sequence, &column, NULL);
    if (status != KEYVIZ_OK) {
        CHECK_EQUAL(status, KEYVIZ_ERR_BUFFER_TOO_SMALL);
        column = column_with(column.row_count, column.arena_used);
        CHECK_OK(keyviz_sampler_read_column(sampler, sequence, &column, NULL));
    }
    CHECK(next.sequence == sequence && next.sequence == column.sequence && next.flushes == column.flushes);
    CHECK(next.at_ns == column.at_ns && next.window_start_ns == column.window_start_ns);
    CHECK_EQUAL(next.row_count, column.row_count);
    CHECK(next.description_size >= offsetof(keyviz_row_t, sub_bucket_count) + sizeof(uint32_t));
    for (size_t i = 0; i < column.row_count && i < next.row_count; i++) {
        const keyviz_row_t *row = &column.rows[i];
        const keyviz_counts_t *counts = &next.rows[i];
        CHECK(counts->description < next.description_count);
        const char *descriptions = (const char *)next.descriptions;
        const keyviz_row_t *about = (const keyviz_row_t *)(descriptions + counts->description * next.description_size);
        CHECK(counts->reads == row->reads && counts->writes == row->writes && counts->label == row->label);
        CHECK(counts->read_bytes == row->read_bytes && counts->write_bytes == row->write_bytes);
        CHECK(about->reads + about->writes + about->read_bytes + about->write_bytes + about->label == 0);
        CHECK(about->route_id == row->route_id && about->group_id == row->group_id && about->leader_term == row->leader_term);
        CHECK(about->sub_bucket == row->sub_bucket && about->sub_bucket_count == row->sub_bucket_count);
        CHECK(about->flags == row->flags && about->member_routes_total == row->member_routes_total);
        CHECK(about->start_len == row->start_len && about->end_len == row->end_len);
        CHECK(about->member_routes_count == row->member_routes_count && about->parents_count == row->parents_count);
        CHECK(about->member_routes_offset % 8 == 0);
        CHECK(same_bytes(next.arena, about->start_offset, column.arena, row->start_offset, row->start_len));
        CHECK(same_bytes(next.arena, about->end_offset, column.arena, row->end_offset, row->end_len));
        CHECK(same_bytes(next.arena, about->member_routes_offset, column.arena, row->member_routes_offset,
                         8 * row->member_routes_count));
    }
    column_free(&column);
}

static void check_end(keyviz_columns_t *walk) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_column_t next = KEYVIZ_COLUMN_INIT;
    next.sequence = 77;
    for (int i = 0; i < 2; i++) CHECK_EQUAL(keyviz_columns_next(walk, &next, &error), KEYVIZ_ERR_NOT_FOUND);
    CHECK(is_told(&error, KEYVIZ_ERR_NOT_FOUND));
    CHECK(next.sequence == 77 && next.rows == NULL);
}

static void a_walk_gives_what_reading_column_by_column_gives(void) {
    keyviz_sampler_t *sampler = with_a_history();
    keyviz_columns_t *walk = walk_through(sampler, 0, 0, COLUMNS);
    for (uint64_t sequence = 5; sequence < COLUMNS + 5; sequence++) check_next(walk, sampler, sequence);
    check_end(walk);
    keyviz_columns_free(walk);
    walk = walk_through(sampler, T0 + 20 * SECOND, T0 + 22 * SECOND, 2);
    check_next(walk, sampler, 19);
    check_next(walk, sampler, 20);
    check_end(walk);
    keyviz_columns_free(walk);
    walk = walk_through(sampler, T0 + LONG_AFTER, 0, 0);
    check_end(walk);
    keyviz_columns_free(walk);
    keyviz_sampler_free(sampler);
}

static void a_walk_that_is_split_goes_on_in_its_parts(void) {
    keyviz_sampler_t *sampler = with_a_history();
    keyviz_columns_t *walk = walk_through(sampler, 0, 0, COLUMNS), *last = NULL, *middle = NULL, *none = NULL;
    check_next(walk, sampler, 5);
    CHECK_OK(keyviz_columns_split(walk, 10, &last, NULL));
    CHECK_OK(keyviz_columns_split(walk, 20, &middle, NULL));
    CHECK_OK(keyviz_columns_split(walk, 0, &none, NULL));
    check_end(none);
    for (uint64_t sequence = 6; sequence < COLUMNS - 25; sequence++) check_next(walk, sampler, sequence);
    check_end(walk);
    for (uint64_t sequence = COLUMNS - 25; sequence < COLUMNS - 5; sequence++) check_next(middle, sampler, sequence);
    check_end(middle);
    for (uint64_t sequence = COLUMNS - 5; sequence < COLUMNS + 3; sequence++) check_next(last, sampler, sequence);
    keyviz_columns_free(middle);
    /* Of two that are to come, a hundred are two. */
    CHECK_OK(keyviz_columns_split(last, 100, &middle, NULL));
    check_end(last);
    for (uint64_t sequence = COLUMNS + 3; sequence < COLUMNS + 5; sequence++) check_next(middle, sampler, sequence);
    check_end(middle);
    keyviz_columns_free(walk);
    keyviz_columns_free(middle);
    keyviz_columns_free(last);
    keyviz_columns_free(none);
    keyviz_sampler_free(sampler);
}

static void a_walk_takes_columns_over_from_another(void) {
    keyviz_sampler_t *sampler = with_a_history();
    keyviz_columns_t *walk = walk_through(sampler, 0, 0, COLUMNS), *last = NULL;
    size_t taken = 99;
    CHECK_OK(keyviz_columns_split(walk, 10, &last, NULL));
    check_next(walk, sampler, 5);
    for (uint64_t sequence = COLUMNS - 5; sequence < COLUMNS + 5; sequence++) check_next(last, sampler, sequence);
    check_end(last);
    /* The last one, then the last two of the rest, in their order. */
    CHECK_OK(keyviz_columns_take(last, walk, 1, &taken, NULL));
    CHECK_EQUAL(taken, 1);
    CHECK_OK(keyviz_columns_take(last, walk, 2, NULL, NULL));
    check_next(last, sampler, COLUMNS - 6);
    check_next(last, sampler, COLUMNS - 8);
    check_next(last, sampler, COLUMNS - 7);
    check_end(last);
    for (uint64_t sequence = 6; sequence < COLUMNS - 10; sequence++) check_next(walk, sampler, sequence);
    /* From itself, and of two that are to come a hundred. */
    CHECK_OK(keyviz_columns_take(walk, walk, 1, &taken, NULL));
    CHECK_EQUAL(taken, 1);
    CHECK_OK(keyviz_columns_take(last, walk, 100, &taken, NULL));
    CHECK_EQUAL(taken, 2);
    check_end(walk);
    keyviz_columns_free(walk);
    check_next(last, sampler, COLUMNS - 10);
    check_next(last, sampler, COLUMNS - 9);
    check_end(last);
    CHECK_OK(keyviz_columns_take(last, last, 1, &taken, NULL));
    CHECK_EQUAL(taken, 0);
    keyviz_columns_free(last);
    keyviz_sampler_free(sampler);
}

/* Descriptions of one block are those of the one before, in the same order or in another, or some of them, or others. */
static void a_walk_through_random_traffic_gives_what_reading_gives(void) {
    for (uint32_t seed = 1; seed <= 20; seed++) {
        uint32_t random = seed * 2654435761u;
        keyviz_options_t options = labelled_options();
        options.key_buckets_per_route = seed % 3 ? 1 : 5;
        options.max_tracked_routes = seed % 4 ? 100 : 10;
        options.history_columns = 300;
        keyviz_sampler_t *sampler = sampler_new(options);
        for (int i = 0; i < 300; i++) {
            uint32_t some = (random = random * 1664525u + 1013904223u) >> 16;
            uint64_t id = 1 + some % 20;
            char start[3] = {(char)('a' + id), 0, 0}, end[3] = {(char)('a' + id), (char)('b' + some / 20 % 20), 0};
            if (some % 11 == 0) (void)keyviz_sampler_remove_route(sampler, id, T0 + i * SECOND, NULL);
            if (i == 0 || some % 5 == 0) (void)add(sampler, id, some % 3 ? start : "", some % 7 ? end : "");
            if (some % 13 == 0) CHECK_OK(keyviz_sampler_set_leader_term(sampler, 1001, some));
            for (uint32_t j = 0; j < 20 + some % 60 && some % 17; j++) {
                random = random * 1664525u + 1013904223u;
                char key[3] = {(char)('a' + (random >> 8) % 26), (char)('a' + (random >> 16) % 26), 0};
                uint64_t size = random >> (random >> 27);
                (void)keyviz_observe(sampler, 1 + (random >> 20) % 20, key, 2, random >> 19 & 1, size << seed, (random >> 24) % 6);
            }
            CHECK_OK(keyviz_sampler_flush(sampler, T0 + (i + 1) * SECOND, NULL, NULL));
        }
        keyviz_columns_t *walk = walk_through(sampler, 0, 0, 300);
        for (uint64_t sequence = 0; sequence < 300; sequence++) check_next(walk, sampler, sequence);
        check_end(walk);
        keyviz_columns_free(walk);
        keyviz_sampler_free(sampler);
    }
}

static void a_walk_stands_still_and_outlives_the_sampler(void) {
    keyviz_sampler_t *sampler = with_a_history();
    keyviz_columns_t *walk = walk_through(sampler, 0, 0, COLUMNS);
    for (int i = 0; i < 2 * COLUMNS; i++) {
        CHECK_OK(write_to(sampler, 1, "a", KEYVIZ_LABEL_S3));
        CHECK_OK(keyviz_sampler_flush(sampler, T0 + (1000 + i) * SECOND, NULL, NULL));
    }
    keyviz_sampler_free(sampler);
    keyviz_column_t next = KEYVIZ_COLUMN_INIT;
    uint64_t rows = 0;
    for (uint64_t sequence = 5; sequence < COLUMNS + 5; sequence++) {
        CHECK_OK(keyviz_columns_next(walk, &next, NULL));
        CHECK_EQUAL(next.sequence, sequence);
        rows += next.row_count;
    }
    CHECK(rows > COLUMNS);
    check_end(walk);
    keyviz_columns_free(walk);
}

static void nulls_and_a_history_that_is_off(void) {
    keyviz_options_t options = labelled_options();
    options.history_off = 1;
    keyviz_sampler_t *off = sampler_new(options), *sampler = with_a_history();
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_columns_t *walk = NULL, *other = NULL;
    size_t count = 99;
    CHECK_EQUAL(keyviz_columns_new(off, 0, 0, &walk, &count, NULL, &error), KEYVIZ_ERR_HISTORY_OFF);
    CHECK(is_told(&error, KEYVIZ_ERR_HISTORY_OFF));
    CHECK_EQUAL(keyviz_columns_new(NULL, 0, 0, &walk, &count, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_columns_new(sampler, 0, 0, NULL, &count, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK(walk == NULL && count == 99);
    CHECK_OK(keyviz_columns_new(sampler, 0, 0, &walk, NULL, NULL, NULL));
    CHECK_EQUAL(keyviz_columns_next(walk, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    keyviz_column_t next = KEYVIZ_COLUMN_INIT;
    CHECK_EQUAL(keyviz_columns_next(NULL, &next, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_columns_next((keyviz_columns_t *)sampler, &next, &error), KEYVIZ_ERR_INVALID_HANDLE);
    CHECK_EQUAL(keyviz_columns_split(NULL, 1, &other, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_columns_split(walk, 1, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_columns_take(NULL, walk, 1, &count, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_columns_take(walk, NULL, 1, &count, &error), KEYVIZ_ERR_NULL_POINTER);
    /* Nothing was skipped. */
    for (uint64_t sequence = 5; sequence < COLUMNS + 5; sequence++) check_next(walk, sampler, sequence);
    keyviz_columns_free(walk);
    keyviz_columns_free(NULL);
    keyviz_sampler_free(sampler);
    keyviz_sampler_free(off);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(a_walk_gives_what_reading_column_by_column_gives);
    RUN(a_walk_that_is_split_goes_on_in_its_parts);
    RUN(a_walk_takes_columns_over_from_another);
    RUN(a_walk_through_random_traffic_gives_what_reading_gives);
    RUN(a_walk_stands_still_and_outlives_the_sampler);
    RUN(nulls_and_a_history_that_is_off);
    return check_summary(argv[0]);
}
