/* Matrices of columns that the host keeps. */
#include "matrix.h"

/* Everything that a column can hold: labels, sub-buckets, virtual buckets, terms, parents, reads and writes. */
static keyviz_sampler_t *with_all_sorts(void) {
    keyviz_options_t options = labelled_options();
    options.key_buckets_per_route = 4;
    options.max_tracked_routes = 8;
    options.max_member_routes_per_slot = 3;
    keyviz_sampler_t *sampler = sampler_new(options);
    CHECK_OK(add(sampler, 1, "", "g"));
    CHECK_OK(add(sampler, 2, "g", "p"));
    keyviz_route_t halves[] = {route(3, "g", "k"), route(4, "k", "p")};
    CHECK_OK(keyviz_sampler_apply_split(sampler, 2, halves, 2, NULL, T0 + 1, NULL));
    char start[2] = "p", end[2] = "q";
    for (uint64_t id = 5; id < 13; id++, start[0]++, end[0]++) CHECK_OK(add(sampler, id, start, id == 12 ? "" : end));
    return sampler;
}

static void work(keyviz_sampler_t *sampler, uint64_t step) {
    CHECK_OK(keyviz_sampler_set_leader_term(sampler, 1001 + step % 3, 5 + step));
    char key[2] = {0};
    for (uint64_t i = 0; i < 40 + step; i++) {
        key[0] = (char)('a' + (i * 7 + step) % 26);
        uint64_t ids[] = {1, 3, 4, 5 + i % 8};
        uint32_t label = (uint32_t)((i + step) % 4), op = i % 3 == 0 ? KEYVIZ_OP_READ : KEYVIZ_OP_WRITE;
        CHECK_OK(keyviz_observe(sampler, ids[i % 4], key, 1, op, i, label));
    }
}

enum { STEPS = 6 };

static void kept_columns_give_what_the_history_gives(void) {
    keyviz_sampler_t *sampler = with_all_sorts();
    keyviz_column_buffer_t drained[STEPS], read[STEPS];
    const keyviz_column_buffer_t *columns[2][STEPS];
    for (uint64_t i = 0; i < STEPS; i++) {
        work(sampler, i);
        drained[i] = drain(sampler, T0 + (int64_t)(i + 1) * MINUTE);
        read[i] = column_with(drained[i].row_count, drained[i].arena_used);
        CHECK_OK(keyviz_sampler_read_column(sampler, i, &read[i], NULL));
        /* In any order. */
        columns[0][(i * 5 + 1) % STEPS] = &drained[i];
        columns[1][i] = &read[i];
    }
    for (uint32_t series = 0; series < 4; series++) {
        for (uint32_t budget = 0; budget < 12; budget += 5) {
            for (uint32_t mode = 0; mode < 2; mode++) {
                for (int times = 0; times < 2; times++) {
                    keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
                    how.series = series;
                    how.row_budget = budget;
                    how.budget_mode = mode;
                    how.from_ns = times ? T0 + 2 * MINUTE : 0;
                    how.to_ns = times ? T0 + 5 * MINUTE : 0;
                    keyviz_matrix_t *stored = query(sampler, how), *kept = NULL;
                    CHECK_EQUAL(info_of(stored).columns, times ? 3 : STEPS);
                    CHECK(info_of(stored).rows > 3);
                    for (int which = 0; which < 2; which++) {
                        CHECK_OK(keyviz_matrix_from_columns(columns[which], STEPS, &how, &kept, NULL));
                        check_same_matrix(stored, kept);
                        keyviz_matrix_free(kept);
                    }
                    keyviz_matrix_free(stored);
                }
            }
        }
    }
    for (int i = 0; i < STEPS; i++) {
        column_free(&drained[i]);
        column_free(&read[i]);
    }
    keyviz_sampler_free(sampler);
}

static void rows_of_a_newer_and_larger_kind_are_stepped_over(void) {
    keyviz_sampler_t *sampler = with_all_sorts();
    work(sampler, 1);
    keyviz_column_buffer_t column = drain(sampler, T0 + MINUTE), wide = column;
    wide.row_size = sizeof(keyviz_row_t) + 24;
    unsigned char *rows = exactly(column.row_count * wide.row_size);
    for (size_t i = 0; i < column.row_count; i++) memcpy(rows + i * wide.row_size, &column.rows[i], sizeof(keyviz_row_t));
    wide.rows = (void *)rows;
    keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
    const keyviz_column_buffer_t *one[] = {&column}, *other[] = {&wide};
    keyviz_matrix_t *plain = NULL, *stepped = NULL;
    CHECK_OK(keyviz_matrix_from_columns(one, 1, &how, &plain, NULL));
    CHECK_OK(keyviz_matrix_from_columns(other, 1, &how, &stepped, NULL));
    check_same_matrix(plain, stepped);
    keyviz_matrix_free(plain);
    keyviz_matrix_free(stepped);
    free(rows);
    column_free(&column);
    keyviz_sampler_free(sampler);
}

/* ---- Columns that no drain has filled. */

static keyviz_status_t made_of(const keyviz_column_buffer_t *column) {
    const keyviz_column_buffer_t empty = KEYVIZ_COLUMN_BUFFER_INIT, *columns[] = {&empty, column};
    keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_matrix_t *matrix = NULL;
    keyviz_status_t status = keyviz_matrix_from_columns(columns, 2, &how, &matrix, &error);
    CHECK((matrix != NULL) == (status == KEYVIZ_OK));
    /* It says which one it is. */
    CHECK(status == KEYVIZ_OK || (is_told(&error, status) && strstr(error.message, "columns[1]") != NULL));
    keyviz_matrix_free(matrix);
    return status;
}

static void a_buffer_that_cannot_hold_what_it_says_is_refused(void) {
    keyviz_sampler_t *sampler = with_all_sorts();
    work(sampler, 1);
    keyviz_column_buffer_t failed = column_with(2, 16);
    CHECK_EQUAL(keyviz_sampler_drain(sampler, T0 + MINUTE, &failed, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK_EQUAL(made_of(&failed), KEYVIZ_ERR_INVALID_ARGUMENT);
    failed.row_count = 0;
    CHECK_EQUAL(made_of(&failed), KEYVIZ_ERR_INVALID_ARGUMENT);
    failed.arena_used = 0;
    CHECK_OK(made_of(&failed));
    column_free(&failed);

    keyviz_column_buffer_t whole = drain(sampler, T0 + MINUTE), changed;
    CHECK_OK(made_of(&whole));
    CHECK_EQUAL(made_of(NULL), KEYVIZ_ERR_NULL_POINTER);
    changed = whole, changed.row_capacity--;
    CHECK_EQUAL(made_of(&changed), KEYVIZ_ERR_INVALID_ARGUMENT);
    changed = whole, changed.arena_capacity--;
    CHECK_EQUAL(made_of(&changed), KEYVIZ_ERR_INVALID_ARGUMENT);
    changed = whole, changed.rows = NULL;
    CHECK_EQUAL(made_of(&changed), KEYVIZ_ERR_NULL_POINTER);
    changed = whole, changed.arena = NULL;
    CHECK_EQUAL(made_of(&changed), KEYVIZ_ERR_NULL_POINTER);
    changed = whole, changed.arena_used = changed.arena_capacity = SIZE_MAX;
    CHECK_EQUAL(made_of(&changed), KEYVIZ_ERR_INVALID_ARGUMENT);
    changed = whole, changed.row_count = changed.row_capacity = SIZE_MAX;
    CHECK_EQUAL(made_of(&changed), KEYVIZ_ERR_INVALID_ARGUMENT);
    changed = whole, changed.row_count = changed.row_capacity = SIZE_MAX / 2 / sizeof(keyviz_row_t) + 1;
    CHECK_EQUAL(made_of(&changed), KEYVIZ_ERR_INVALID_ARGUMENT);
    size_t sizes[] = {0, offsetof(keyviz_row_t, sub_bucket_count), (1 << 16) + 1, SIZE_MAX};
    for (size_t i = 0; i < 4; i++) {
        changed = whole, changed.row_size = sizes[i];
        CHECK_EQUAL(made_of(&changed), KEYVIZ_ERR_TYPE_SIZE);
    }
    /* Pointers to pointers must be aligned. */
    const keyviz_column_buffer_t *pair[] = {&whole, &whole};
    keyviz_matrix_query_t how = KEYVIZ_MATRIX_QUERY_INIT;
    keyviz_matrix_t *matrix = NULL;
    const void *off = (const char *)pair + 1;
    CHECK_EQUAL(keyviz_matrix_from_columns(off, 1, &how, &matrix, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_matrix_from_columns(pair, SIZE_MAX, &how, &matrix, NULL), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_OK(keyviz_matrix_from_columns(pair, 2, &how, &matrix, NULL));
    keyviz_matrix_free(matrix);
    column_free(&whole);
    keyviz_sampler_free(sampler);
}

static void a_row_that_makes_no_sense_is_refused(void) {
    keyviz_sampler_t *sampler = with_all_sorts();
    work(sampler, 1);
    keyviz_column_buffer_t column = drain(sampler, T0 + MINUTE);
    for (size_t i = 0; i < column.row_count; i++) {
        keyviz_row_t *row = &column.rows[i];
        const keyviz_row_t whole = *row;
        const uint64_t used = column.arena_used;
#define REFUSES(change)                                          \
    do {                                                         \
        change;                                                  \
        CHECK_EQUAL(made_of(&column), KEYVIZ_ERR_INVALID_ARGUMENT); \
        *row = whole;                                            \
    } while (0)
        const uint64_t outside[] = {used, used + 1, used - 3, UINT64_MAX, UINT64_MAX - 3, INT64_MAX};
        for (size_t j = 0; j < 6; j++) {
            REFUSES((row->start_offset = outside[j], row->start_len = 4));
            REFUSES((row->end_offset = outside[j], row->end_len = 4));
            REFUSES((row->member_routes_offset = outside[j], row->member_routes_count = 1));
            REFUSES((row->parents_offset = outside[j], row->parents_count = 1));
        }
        REFUSES((row->start_offset = 0, row->start_len = UINT32_MAX));
        REFUSES((row->end_offset = 0, row->end_len = (uint32_t)used + 1));
        REFUSES((row->member_routes_offset = 0, row->member_routes_count = UINT32_MAX));
        REFUSES((row->parents_offset = 0, row->parents_count = (uint32_t)used / 8 + 1));
        REFUSES(row->label = keyviz_label_count());
        REFUSES(row->label = UINT32_MAX);
        REFUSES(row->sub_bucket = row->sub_bucket_count);
        REFUSES(row->sub_bucket = UINT32_MAX);
        REFUSES((row->sub_bucket = 0, row->sub_bucket_count = 0));
#undef REFUSES
        /* Nothing lies where nothing is said to lie. */
        row->start_offset = row->end_offset = UINT64_MAX;
        row->start_len = row->end_len = 0;
        CHECK_OK(made_of(&column));
        *row = whole;
    }
    CHECK_OK(made_of(&column));
    column_free(&column);
    keyviz_sampler_free(sampler);
}

/* Any bytes at all for rows and arena: an error or a matrix, and no byte outside of them is looked at. */
static void garbage_for_rows_is_survived(void) {
    keyviz_sampler_t *sampler = with_all_sorts();
    work(sampler, 1);
    keyviz_column_buffer_t column = drain(sampler, T0 + MINUTE);
    size_t size = column.row_count * sizeof(keyviz_row_t), accepted = 0, refused = 0;
    unsigned char *whole = malloc(size), *rows = (unsigned char *)column.rows;
    memcpy(whole, rows, size);
    uint64_t random = 88172645463325252u;
    for (uint64_t i = 0; i < check_share(50000) + 200; i++) {
        for (int j = 0; j < 3; j++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            rows[(random >> 8) % size] = (unsigned char)random;
        }
        keyviz_status_t status = made_of(&column);
        CHECK(status == KEYVIZ_OK || status == KEYVIZ_ERR_INVALID_ARGUMENT);
        if (status == KEYVIZ_OK) accepted++;
        else refused++;
        memcpy(rows, whole, size);
    }
    CHECK(accepted > 20 && refused > 20);
    free(whole);
    column_free(&column);
    keyviz_sampler_free(sampler);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(kept_columns_give_what_the_history_gives);
    RUN(rows_of_a_newer_and_larger_kind_are_stepped_over);
    RUN(a_buffer_that_cannot_hold_what_it_says_is_refused);
    RUN(a_row_that_makes_no_sense_is_refused);
    RUN(garbage_for_rows_is_survived);
    return check_summary(argv[0]);
}
