// Checks, and the order of a test program: tests are functions, main runs them, the last line says how many passed.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <keyviz.hpp>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <type_traits>

namespace check {

inline int failed_here = 0, passed = 0, failed = 0;

template <class T>
std::string text_of(const T &value) {
    if constexpr (std::is_enum_v<T>) return std::to_string(static_cast<std::underlying_type_t<T>>(value));
    else if constexpr (std::is_convertible_v<const T &, std::string_view>) return std::string(std::string_view(value));
    else if constexpr (std::is_arithmetic_v<T>) return std::to_string(value);
    else return "another";
}

inline void that(bool holds, const char *what, const char *file, int line) {
    if (holds) return;
    std::fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
    ++failed_here;
}

template <class Got, class Expected>
void equal(const Got &got, const Expected &expected, const char *what, const char *file, int line) {
    if (got == expected) return;
    std::fprintf(stderr, "%s:%d: %s is %s, and should be %s\n", file, line, what, text_of(got).c_str(), text_of(expected).c_str());
    ++failed_here;
}

// The call succeeded; if not, why.
template <class Result>
void ok(const Result &result, const char *what, const char *file, int line) {
    if (result) return;
    std::fprintf(stderr, "%s:%d: %s failed: %s\n", file, line, what, result.error().message().data());
    ++failed_here;
}

// The call failed with this status, and says why in words that end.
template <class Result>
void fails(const Result &result, keyviz::Status status, const char *what, const char *file, int line) {
    if (result) return that(false, what, file, line);
    equal(result.status(), status, what, file, line);
    const std::string_view message = result.error().message();
    that(!message.empty() && message.data()[message.size()] == 0, "the error has a message", file, line);
}

// What a call gave; without it the test can't go on.
template <class T>
T must(keyviz::Result<T> result) {
    if (!result) {
        std::fprintf(stderr, "cannot go on: %s\n", result.error().message().data());
        std::exit(2);
    }
    return *std::move(result);
}

inline void run(void (*test)(), const char *name) {
    failed_here = 0;
    test();
    if (failed_here == 0) ++passed;
    else std::fprintf(stderr, "FAILED %s\n", name), ++failed;
}

inline int summary(std::string_view program) {
    program.remove_prefix(program.rfind('/') + 1);
    std::printf("%s: %d passed, %d failed\n", program.data(), passed, failed);
    return failed != 0;
}

// Threads that are slow under a tool do less: KEYVIZ_TEST_SHARE=n divides what the long tests do by n.
inline std::uint64_t share(std::uint64_t whole) {
    const char *share = std::getenv("KEYVIZ_TEST_SHARE");
    const std::uint64_t divisor = share != nullptr ? std::strtoull(share, nullptr, 10) : 1;
    return divisor != 0 ? whole / divisor : whole;
}

}  // namespace check

#define CHECK(holds) check::that((holds), #holds, __FILE__, __LINE__)
#define CHECK_EQUAL(got, expected) check::equal((got), (expected), #got, __FILE__, __LINE__)
#define CHECK_OK(call) check::ok((call), #call, __FILE__, __LINE__)
#define CHECK_FAILS(call, status) check::fails((call), keyviz::Status::status, #call, __FILE__, __LINE__)
#define RUN(test) check::run(test, #test)

#endif
