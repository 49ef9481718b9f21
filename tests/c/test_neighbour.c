/* Two Rust static libraries in one program: both work, also when they panic. */
#include "check.h"
#include "fixture.h"

uint64_t neighbour_sum(uint64_t n);

static void two_rust_libraries_work_in_one_program(void) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    for (int i = 0; i < 3; i++) {
        CHECK_EQUAL(neighbour_sum(10), 55);
        CHECK_EQUAL(keyviz_force_panic(&error), KEYVIZ_ERR_PANIC);
        keyviz_sampler_t *sampler = sampler_new(plain_options());
        CHECK_OK(add(sampler, 1, "", ""));
        CHECK_OK(keyviz_observe(sampler, 1, "k", 1, KEYVIZ_OP_READ, 1, KEYVIZ_LABEL_LEGACY));
        CHECK_OK(keyviz_sampler_flush(sampler, T0 + SECOND, NULL, NULL));
        keyviz_sampler_free(sampler);
    }
}

int main(int argc, char **argv) {
    (void)argc;
    RUN(two_rust_libraries_work_in_one_program);
    return check_summary(argv[0]);
}
