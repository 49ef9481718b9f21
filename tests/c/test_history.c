/* Saving and loading the history. */
#define _DEFAULT_SOURCE
#include "fixture.h"
#include <unistd.h>

enum { COLUMNS = 5 };

static keyviz_sampler_t *with_history(void) {
    keyviz_sampler_t *sampler = sampler_new(labelled_options());
    CHECK_OK(add(sampler, 1, "a", "m"));
    CHECK_OK(add(sampler, 2, "m", ""));
    for (int i = 0; i < COLUMNS; i++) {
        for (int j = 0; j <= i; j++) CHECK_OK(write_to(sampler, 1 + (uint64_t)j % 2, "k", (uint32_t)j));
        CHECK_OK(keyviz_sampler_flush(sampler, T0 + (i + 1) * SECOND, NULL, NULL));
    }
    return sampler;
}

static unsigned char *save(const keyviz_sampler_t *sampler, size_t *size) {
    *size = 0;
    CHECK_EQUAL(keyviz_sampler_save_history(sampler, NULL, 0, size, NULL), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    unsigned char *image = exactly(*size);
    CHECK_OK(keyviz_sampler_save_history(sampler, image, *size, size, NULL));
    return image;
}

static void check_same_columns(const keyviz_sampler_t *one, const keyviz_sampler_t *other) {
    uint64_t first[2], count[2];
    CHECK_OK(keyviz_sampler_column_range(one, 0, 0, &first[0], &count[0]));
    CHECK_OK(keyviz_sampler_column_range(other, 0, 0, &first[1], &count[1]));
    CHECK(first[0] == first[1] && count[0] == COLUMNS && count[1] == COLUMNS);
    for (uint64_t sequence = 0; sequence < COLUMNS; sequence++) {
        keyviz_column_buffer_t a = column_with(16, 256), b = column_with(16, 256);
        CHECK_OK(keyviz_sampler_read_column(one, sequence, &a, NULL));
        CHECK_OK(keyviz_sampler_read_column(other, sequence, &b, NULL));
        CHECK(a.row_count == b.row_count && a.arena_used == b.arena_used);
        CHECK(a.at_ns == b.at_ns && a.window_start_ns == b.window_start_ns && a.sequence == b.sequence);
        CHECK(memcmp(a.rows, b.rows, 16 * sizeof(keyviz_row_t)) == 0);
        CHECK(memcmp(a.arena, b.arena, a.arena_used) == 0);
        column_free(&a);
        column_free(&b);
    }
}

static void a_saved_history_is_there_again_after_a_restart(void) {
    keyviz_sampler_t *before = with_history(), *after = sampler_new(labelled_options());
    size_t size;
    unsigned char *image = save(before, &size);
    CHECK_OK(keyviz_sampler_load_history(after, image, size, NULL));
    check_same_columns(before, after);
    keyviz_column_info_t info = KEYVIZ_COLUMN_INFO_INIT;
    CHECK_OK(keyviz_sampler_flush(after, T0 + 100 * SECOND, &info, NULL));
    CHECK_EQUAL(info.sequence, COLUMNS);
    free(image);
    keyviz_sampler_free(before);
    keyviz_sampler_free(after);
}

static void a_buffer_one_byte_too_small_gets_the_size_and_nothing_else(void) {
    keyviz_sampler_t *sampler = with_history();
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    size_t size, needed = 99;
    free(save(sampler, &size));
    unsigned char *small = exactly(size - 1);
    CHECK_EQUAL(keyviz_sampler_save_history(sampler, small, size - 1, &needed, &error), KEYVIZ_ERR_BUFFER_TOO_SMALL);
    CHECK(is_told(&error, KEYVIZ_ERR_BUFFER_TOO_SMALL));
    CHECK_EQUAL(needed, size);
    CHECK(is_filled(small, 0xa5, size - 1));
    needed = 99;
    CHECK_EQUAL(keyviz_sampler_save_history(sampler, NULL, size, &needed, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_save_history(NULL, small, size, &needed, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_save_history(sampler, small, size - 1, NULL, NULL), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(needed, 99);
    free(small);
    keyviz_sampler_free(sampler);
}

static void a_damaged_or_cut_image_is_refused_and_half_of_it_is_not_loaded(void) {
    keyviz_sampler_t *before = with_history(), *after = sampler_new(labelled_options());
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    size_t size;
    unsigned char *image = save(before, &size);
    for (size_t cut = 0; cut < size; cut++) {
        unsigned char *part = exactly(cut);
        memcpy(part, image, cut);
        CHECK_EQUAL(keyviz_sampler_load_history(after, part, cut, &error), KEYVIZ_ERR_CORRUPT);
        free(part);
    }
    CHECK(is_told(&error, KEYVIZ_ERR_CORRUPT));
    for (size_t i = 0; i < size; i++) {
        for (int bit = 0; bit < 8; bit++) {
            image[i] ^= (unsigned char)(1 << bit);
            keyviz_status_t status = keyviz_sampler_load_history(after, image, size, NULL);
            CHECK(status == KEYVIZ_ERR_CORRUPT || status == KEYVIZ_ERR_NEWER_VERSION);
            image[i] ^= (unsigned char)(1 << bit);
        }
    }
    CHECK_EQUAL(stats_of(after).columns, 0);
    CHECK_EQUAL(keyviz_sampler_load_history(after, NULL, 1, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_load_history(after, NULL, 0, &error), KEYVIZ_ERR_CORRUPT);
    CHECK_EQUAL(keyviz_sampler_load_history(after, image, SIZE_MAX, &error), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK_EQUAL(keyviz_sampler_load_history(NULL, image, size, &error), KEYVIZ_ERR_NULL_POINTER);

    /* Not over columns that are there. */
    CHECK_EQUAL(keyviz_sampler_load_history(before, image, size, &error), KEYVIZ_ERR_INVALID_ARGUMENT);
    CHECK(is_told(&error, KEYVIZ_ERR_INVALID_ARGUMENT));
    CHECK_OK(keyviz_sampler_load_history(after, image, size, &error));
    check_same_columns(before, after);
    free(image);
    keyviz_sampler_free(before);
    keyviz_sampler_free(after);
}

static void a_file_serves_as_well(void) {
    keyviz_sampler_t *before = with_history(), *after = sampler_new(labelled_options());
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    char directory[] = "/tmp/keyviz-test-XXXXXX", path[64];
    CHECK(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/history", directory);
    CHECK_EQUAL(keyviz_sampler_load_history_file(after, path, &error), KEYVIZ_ERR_IO);
    CHECK(is_told(&error, KEYVIZ_ERR_IO));
    for (int i = 0; i < 2; i++) CHECK_OK(keyviz_sampler_save_history_file(before, path, &error));
    CHECK_EQUAL(keyviz_sampler_save_history_file(before, "/dev/null/no file", &error), KEYVIZ_ERR_IO);
    CHECK_EQUAL(keyviz_sampler_save_history_file(before, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_load_history_file(after, NULL, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_save_history_file(NULL, path, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_EQUAL(keyviz_sampler_load_history_file(NULL, path, &error), KEYVIZ_ERR_NULL_POINTER);
    CHECK_OK(keyviz_sampler_load_history_file(after, path, &error));
    check_same_columns(before, after);
    /* Nothing but the file itself is left: the directory goes once it is gone. */
    CHECK(remove(path) == 0 && rmdir(directory) == 0);
    keyviz_sampler_free(before);
    keyviz_sampler_free(after);
}

static void without_a_history_there_is_nothing_to_save(void) {
    keyviz_options_t options = plain_options();
    options.history_off = 1;
    keyviz_sampler_t *sampler = sampler_new(options), *before = with_history();
    size_t size = 99, saved;
    unsigned char *image = save(before, &saved);
    CHECK_EQUAL(keyviz_sampler_save_history(sampler, NULL, 0, &size, NULL), KEYVIZ_ERR_HISTORY_OFF);
    CHECK_EQUAL(keyviz_sampler_load_history(sampler, image, saved, NULL), KEYVIZ_ERR_HISTORY_OFF);
    CHECK_EQUAL(keyviz_sampler_save_history_file(sampler, "/dev/null/no file", NULL), KEYVIZ_ERR_HISTORY_OFF);
    CHECK_EQUAL(size, 99);
    free(image);
    keyviz_sampler_free(before);
    keyviz_sampler_free(sampler);
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(a_saved_history_is_there_again_after_a_restart);
    RUN(a_buffer_one_byte_too_small_gets_the_size_and_nothing_else);
    RUN(a_damaged_or_cut_image_is_refused_and_half_of_it_is_not_loaded);
    RUN(a_file_serves_as_well);
    RUN(without_a_history_there_is_nothing_to_save);
    return check_summary(argv[0]);
}
