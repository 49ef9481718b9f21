/* Checks, and the order of a test program: tests are functions, main runs them, the last line says how many passed. */
#ifndef CHECK_H
#define CHECK_H

#include <inttypes.h>
#include <keyviz.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failed_here, check_passed, check_failed;

static inline void check_that(int holds, const char *what, const char *file, int line) {
    if (holds) return;
    fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    check_failed_here++;
}

static inline void check_equal(uint64_t got, uint64_t expected, const char *what, const char *file, int line) {
    if (got == expected) return;
    fprintf(stderr, "%s:%d: %s is %" PRIu64 ", and should be %" PRIu64 "\n", file, line, what, got, expected);
    check_failed_here++;
}

static inline void check_run(void (*test)(void), const char *name) {
    check_failed_here = 0;
    test();
    if (check_failed_here) fprintf(stderr, "FAILED %s\n", name), check_failed++;
    else check_passed++;
}

static inline int check_summary(const char *program) {
    const char *slash = strrchr(program, '/');
    printf("%s: %d passed, %d failed\n", slash ? slash + 1 : program, check_passed, check_failed);
    return check_failed != 0;
}

#define CHECK(holds) check_that((holds) != 0, #holds, __FILE__, __LINE__)
#define CHECK_EQUAL(got, expected) check_equal((uint64_t)(got), (uint64_t)(expected), #got, __FILE__, __LINE__)
#define CHECK_OK(call) CHECK_EQUAL(call, KEYVIZ_OK)
#define RUN(test) check_run(test, #test)

/* Threads that are slow under a tool do less: KEYVIZ_TEST_SHARE=n divides what the long tests do by n. */
static inline uint64_t check_share(uint64_t whole) {
    const char *share = getenv("KEYVIZ_TEST_SHARE");
    uint64_t divisor = share ? strtoull(share, NULL, 10) : 1;
    return divisor ? whole / divisor : whole;
}

#endif
