// Results, errors, spans: what the rest is told in.
#include "fixture.hpp"

#include <array>
#include <memory>
#include <utility>
#include <vector>

using keyviz::Error;
using keyviz::Result;
using keyviz::Span;

static_assert(std::is_trivially_copyable_v<Error>);
static_assert(std::is_nothrow_move_constructible_v<Result<std::unique_ptr<int>>>);
static_assert(!std::is_copy_constructible_v<Result<std::unique_ptr<int>>>);
static_assert(!std::is_convertible_v<Result<int>, bool>, "only where a condition stands");

static Result<std::unique_ptr<int>> seven(bool really) {
    if (!really) return Error(Status::NotFound);
    return std::make_unique<int>(7);
}

static Result<void> nothing(bool really) {
    if (!really) return Error(Status::Io, "the disk is away");
    return {};
}

static void a_result_holds_a_value_or_an_error() {
    auto one = seven(true);
    CHECK(one && one.has_value());
    CHECK_EQUAL(one.status(), Status::Ok);
    CHECK_EQUAL(**one, 7);
    CHECK_EQUAL(*one->get(), 7);
    const std::unique_ptr<int> taken = *std::move(one);
    CHECK_EQUAL(*taken, 7);
    CHECK_EQUAL(*seven(false).value_or(std::make_unique<int>(8)), 8);
    CHECK_EQUAL(*seven(true).value_or(nullptr), 7);
    CHECK_FAILS(seven(false), NotFound);
    CHECK_OK(nothing(true));
    CHECK_EQUAL(nothing(true).status(), Status::Ok);
    CHECK_FAILS(nothing(false), Io);
    CHECK_EQUAL(nothing(false).error().message(), "the disk is away"sv);
    CHECK_EQUAL(nothing(false).status(), Status::Io);
}

static void each_status_has_words_of_its_own() {
    std::vector<std::string_view> all;
    for (int i = 0; i <= KEYVIZ_ERR_OUT_OF_SNAPSHOT_WINDOW; ++i) {
        const std::string_view words = to_string(static_cast<Status>(i));
        CHECK(words != "unknown status");
        for (const auto other : all) CHECK(words != other);
        all.push_back(words);
    }
    CHECK_EQUAL(to_string(static_cast<Status>(KEYVIZ_ERR_OUT_OF_SNAPSHOT_WINDOW + 1)), "unknown status"sv);
    CHECK_EQUAL(to_string(static_cast<Status>(-1)), "unknown status"sv);
}

static void a_message_that_is_too_long_is_cut() {
    const std::string words(1000, 'x');
    const Error error(Status::Io, words);
    CHECK_EQUAL(error.message().size(), std::size_t{KEYVIZ_ERROR_MESSAGE_SIZE - 1});
    CHECK_EQUAL(error.message().data()[error.message().size()], 0);
    const Error copy = error;
    CHECK(copy.message().data() != error.message().data());
    CHECK_EQUAL(copy.message(), error.message());
}

#if KEYVIZ_EXCEPTIONS
static void who_likes_exceptions_gets_one() {
    int caught = 0;
    try {
        auto one = seven(false).value();
    } catch (const keyviz::Exception &exception) {
        ++caught;
        CHECK_EQUAL(exception.status(), Status::NotFound);
        CHECK_EQUAL(std::string_view(exception.what()), to_string(Status::NotFound));
    }
    try {
        nothing(false).value();
    } catch (const std::runtime_error &exception) {
        ++caught;
        CHECK_EQUAL(std::string_view(exception.what()), "the disk is away"sv);
    }
    const auto error = seven(false);
    try {
        (void)error.value();
    } catch (const keyviz::Exception &) {
        ++caught;
    }
    CHECK_EQUAL(caught, 3);
    nothing(true).value();
    auto one = seven(true);
    CHECK_EQUAL(*one.value(), 7);
    CHECK_EQUAL(**std::as_const(one).operator->(), 7);
    const std::unique_ptr<int> taken = std::move(one).value();
    CHECK_EQUAL(*taken, 7);

    // A whole program of this kind; range-for over a temporary.
    std::uint64_t writes = 0;
    Sampler sampler = Sampler::create(labelled()).value();
    sampler.register_route({1}).value();
    sampler.observe(1, "k", Op::Write, 9);
    sampler.flush(t0 + 1min).value();
    for (const auto &column : sampler.columns().value()) {
        for (const auto row : column) writes += row.writes;
    }
    for (const auto row : sampler.matrix().value()) writes += row.values[0];
    CHECK_EQUAL(writes, 2u);
}
#endif

static std::size_t sum(Span<const int> numbers) {
    std::size_t out = 0;
    for (const int one : numbers) out += static_cast<std::size_t>(one);
    return out;
}

static void a_span_is_made_of_whatever_lies_in_a_row() {
    std::vector<int> vector{1, 2, 3};
    const std::array<int, 2> array{4, 5};
    const int plain[] = {6, 7};
    CHECK_EQUAL(sum(vector), 6u);
    CHECK_EQUAL(sum(array), 9u);
    CHECK_EQUAL(sum(plain), 13u);
    CHECK_EQUAL(sum({8, 9}), 17u);
    CHECK_EQUAL(sum({}), 0u);
    CHECK_EQUAL(sum({vector.data(), 2}), 3u);
    CHECK_EQUAL(sum(std::vector<int>{1, 1}), 2u);
    const Span<int> writable = vector;
    writable[0] = 10;
    CHECK_EQUAL(sum(writable), 15u);
    CHECK(Span<int>().empty() && writable.size() == 3 && *writable.begin() == 10);
}

static_assert(!std::is_constructible_v<Span<int>, const std::vector<int> &>, "const stays");
static_assert(!std::is_constructible_v<Span<int>, std::vector<int>>, "a temporary would be gone");
static_assert(!std::is_constructible_v<Span<const long>, const std::vector<int> &>, "of the same type");

#ifdef __cpp_lib_span
static_assert(std::is_convertible_v<Span<const int>, std::span<const int>>);
static_assert(std::is_convertible_v<std::span<int>, Span<const int>>);
static_assert(std::is_convertible_v<std::span<const int>, Span<const int>>);
static_assert(std::ranges::borrowed_range<Span<const int>> && std::ranges::contiguous_range<Span<const int>>);
static_assert(std::ranges::random_access_range<const keyviz::Column> && std::ranges::random_access_range<const keyviz::Matrix>);
static_assert(std::ranges::random_access_range<const keyviz::HotKeys>);
#endif

int main(int, char **argv) {
    RUN(a_result_holds_a_value_or_an_error);
    RUN(each_status_has_words_of_its_own);
    RUN(a_message_that_is_too_long_is_cut);
#if KEYVIZ_EXCEPTIONS
    RUN(who_likes_exceptions_gets_one);
#endif
    RUN(a_span_is_made_of_whatever_lies_in_a_row);
    return check::summary(argv[0]);
}
