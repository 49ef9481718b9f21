/// @file
/// What a call came to: Status, Error, Result, and the exception for those who want one.
#ifndef KEYVIZ_RESULT_HPP
#define KEYVIZ_RESULT_HPP

#include <keyviz.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

/// 1: Result::value() is there, and throws keyviz::Exception. By itself it is 1 where the compiler has exceptions.
#ifndef KEYVIZ_EXCEPTIONS
#if defined(__cpp_exceptions) || defined(__EXCEPTIONS)
#define KEYVIZ_EXCEPTIONS 1
#else
#define KEYVIZ_EXCEPTIONS 0
#endif
#endif

#if KEYVIZ_EXCEPTIONS
#include <stdexcept>
#include <string>
#endif

namespace keyviz {

/// What a call came to. keyviz.h says of each function which of them it returns.
enum class Status : keyviz_status_t {
    Ok = KEYVIZ_OK,                                           ///< The call did what it says.
    InvalidArgument = KEYVIZ_ERR_INVALID_ARGUMENT,            ///< An argument's value has no meaning.
    NullPointer = KEYVIZ_ERR_NULL_POINTER,                    ///< An object was moved from, or never made.
    TypeSize = KEYVIZ_ERR_TYPE_SIZE,                          ///< The library is older than this header.
    InvalidHandle = KEYVIZ_ERR_INVALID_HANDLE,                ///< The handle was freed behind the object's back.
    InvalidRange = KEYVIZ_ERR_INVALID_RANGE,                  ///< A route's start is not below its end.
    BufferTooSmall = KEYVIZ_ERR_BUFFER_TOO_SMALL,             ///< (The objects here make room by themselves.)
    UnknownRoute = KEYVIZ_ERR_UNKNOWN_ROUTE,                  ///< The route is not registered.
    RouteExists = KEYVIZ_ERR_ROUTE_EXISTS,                    ///< The route id is in use, where a new one is needed.
    NotFound = KEYVIZ_ERR_NOT_FOUND,                          ///< There is no such column, sub-bucket, row or name.
    HistoryOff = KEYVIZ_ERR_HISTORY_OFF,                      ///< The sampler keeps no history.
    Closed = KEYVIZ_ERR_CLOSED,                               ///< The sampler is closed.
    NoMemory = KEYVIZ_ERR_NO_MEMORY,                          ///< No memory, or none within the sampler's limit.
    NoLane = KEYVIZ_ERR_NO_LANE,                              ///< All lanes are out.
    Corrupt = KEYVIZ_ERR_CORRUPT,                             ///< Saved bytes are damaged.
    NewerVersion = KEYVIZ_ERR_NEWER_VERSION,                  ///< Saved by a newer version of the library.
    Io = KEYVIZ_ERR_IO,                                       ///< A file could not be read or written.
    Unsupported = KEYVIZ_ERR_UNSUPPORTED,                     ///< This system lacks what the call needs.
    Panic = KEYVIZ_ERR_PANIC,                                 ///< A defect of the library, stopped at its border.
    Malformed = KEYVIZ_ERR_MALFORMED,                         ///< The input is not what it should be.
    TooLarge = KEYVIZ_ERR_TOO_LARGE,                          ///< The input is larger than a limit allows.
    HotKeysOff = KEYVIZ_ERR_HOT_KEYS_OFF,                     ///< The sampler tracks no hot keys.
    NoSnapshot = KEYVIZ_ERR_NO_SNAPSHOT,                      ///< Nothing of it was sampled and published yet.
    OutOfSnapshotWindow = KEYVIZ_ERR_OUT_OF_SNAPSHOT_WINDOW,  ///< The snapshot is not of that time.
};

/// What a status means, in English; static and zero-terminated.
constexpr std::string_view to_string(Status status) noexcept {
    switch (status) {
    case Status::Ok: return "ok";
    case Status::InvalidArgument: return "an argument's value has no meaning";
    case Status::NullPointer: return "the object is empty: moved from, or never made";
    case Status::TypeSize: return "the library does not know a struct of this size";
    case Status::InvalidHandle: return "the handle is none of this library's, or was freed";
    case Status::InvalidRange: return "a route's start is not below its end";
    case Status::BufferTooSmall: return "a buffer is too small";
    case Status::UnknownRoute: return "the route is not registered";
    case Status::RouteExists: return "the route id is in use";
    case Status::NotFound: return "there is no such thing";
    case Status::HistoryOff: return "the sampler keeps no history";
    case Status::Closed: return "the sampler is closed";
    case Status::NoMemory: return "there is no memory for it";
    case Status::NoLane: return "all lanes are out";
    case Status::Corrupt: return "the bytes are damaged";
    case Status::NewerVersion: return "the bytes were written by a newer version of the library";
    case Status::Io: return "a file could not be read or written";
    case Status::Unsupported: return "this system lacks what the call needs";
    case Status::Panic: return "a defect of the library: it panicked, and the panic was stopped";
    case Status::Malformed: return "the input is not what it should be";
    case Status::TooLarge: return "the input is larger than a limit allows";
    case Status::HotKeysOff: return "the sampler tracks no hot keys";
    case Status::NoSnapshot: return "there is no snapshot of these hot keys";
    case Status::OutOfSnapshotWindow: return "the snapshot is not of the time that was asked for";
    }
    return "unknown status";
}

/// Why a call failed. It holds its message itself: making and copying one allocates nothing.
class Error {
public:
    /// With the message that the status has.
    explicit Error(Status code) noexcept : Error(code, to_string(code)) {}
    /// With a message of its own, cut if it is too long.
    Error(Status code, std::string_view message) noexcept
        : status_(code), size_(std::min<std::size_t>(message.size(), KEYVIZ_ERROR_MESSAGE_SIZE - 1)) {
        std::copy_n(message.data(), size_, message_.data());
        message_[size_] = 0;
    }

    /// What the call came to; never Status::Ok.
    Status status() const noexcept { return status_; }
    /// The reason, in English, UTF-8. It lies in this object, and a zero follows it.
    std::string_view message() const noexcept { return {message_.data(), size_}; }

private:
    Status status_;
    std::size_t size_;
    std::array<char, KEYVIZ_ERROR_MESSAGE_SIZE> message_;
};

#if KEYVIZ_EXCEPTIONS
/// What Result::value() throws; its what() is the message.
class Exception : public std::runtime_error {
public:
    /// Of an error.
    explicit Exception(const Error &error) : std::runtime_error(std::string(error.message())), status_(error.status()) {}
    /// What the call came to.
    Status status() const noexcept { return status_; }

private:
    Status status_;
};
#endif

/// What a call gives, or why it gives nothing. The compiler warns if one is ignored; `(void)` says that it is meant.
///
///     auto sampler = keyviz::Sampler::create();
///     if (!sampler) return fail(sampler.error().message());
///     sampler->observe(...);
///
/// Where the program has exceptions, value() gives what the call gives, and throws keyviz::Exception if it failed. Nothing
/// else here throws, but for std::bad_alloc.
template <class T>
class [[nodiscard]] Result {
public:
    /// A success.
    Result(T value) noexcept : outcome_(std::in_place_index<0>, std::move(value)) {}
    /// A failure.
    Result(const Error &error) noexcept : outcome_(std::in_place_index<1>, error) {}

    /// Whether the call succeeded.
    bool has_value() const noexcept { return outcome_.index() == 0; }
    /// Whether the call succeeded.
    explicit operator bool() const noexcept { return has_value(); }

    /// What the call gave; it must have succeeded.
    T &operator*() & noexcept { return *checked(std::get_if<0>(&outcome_)); }
    /// What the call gave; it must have succeeded.
    const T &operator*() const & noexcept { return *checked(std::get_if<0>(&outcome_)); }
    /// What the call gave, moved out; it must have succeeded.
    T operator*() && noexcept { return std::move(*checked(std::get_if<0>(&outcome_))); }
    /// What the call gave; it must have succeeded.
    T *operator->() noexcept { return checked(std::get_if<0>(&outcome_)); }
    /// What the call gave; it must have succeeded.
    const T *operator->() const noexcept { return checked(std::get_if<0>(&outcome_)); }
    /// Why the call failed; it must have failed.
    const Error &error() const noexcept { return *checked(std::get_if<1>(&outcome_)); }
    /// Status::Ok, or the error's.
    Status status() const noexcept { return has_value() ? Status::Ok : error().status(); }
    /// What the call gave, or `otherwise`.
    template <class U>
    T value_or(U &&otherwise) && {
        return has_value() ? *std::move(*this) : static_cast<T>(std::forward<U>(otherwise));
    }

#if KEYVIZ_EXCEPTIONS
    /// What the call gave. Throws keyviz::Exception if it failed.
    T &value() & {
        must();
        return **this;
    }
    /// What the call gave. Throws keyviz::Exception if it failed.
    const T &value() const & {
        must();
        return **this;
    }
    /// What the call gave, moved out (so that a range-for may stand over it). Throws keyviz::Exception if it failed.
    T value() && {
        must();
        return *std::move(*this);
    }
#endif

private:
    template <class U>
    static U *checked(U *one) noexcept {
        assert(one != nullptr);
        return one;
    }
#if KEYVIZ_EXCEPTIONS
    void must() const {
        if (!has_value()) throw Exception(error());
    }
#endif

    std::variant<T, Error> outcome_;
};

/// That a call did what it says, or why it didn't.
template <>
class [[nodiscard]] Result<void> {
public:
    /// A success.
    Result() noexcept = default;
    /// A failure.
    Result(const Error &error) noexcept : error_(error) {}

    /// Whether the call succeeded.
    bool has_value() const noexcept { return !error_; }
    /// Whether the call succeeded.
    explicit operator bool() const noexcept { return has_value(); }
    /// Why the call failed; it must have failed.
    const Error &error() const noexcept {
        assert(error_);
        return *error_;
    }
    /// Status::Ok, or the error's.
    Status status() const noexcept { return error_ ? error_->status() : Status::Ok; }
#if KEYVIZ_EXCEPTIONS
    /// Nothing. Throws keyviz::Exception if the call failed.
    void value() const {
        if (error_) throw Exception(*error_);
    }
#endif

private:
    std::optional<Error> error_;
};

namespace detail {

/// The error of a call that returned `status`, which is not KEYVIZ_OK.
inline Error error_of(keyviz_status_t status, const keyviz_error_t &error) noexcept {
    const auto code = static_cast<Status>(status);
    return error.message[0] != 0 ? Error(code, error.message) : Error(code);
}

/// What a C function came to that gives nothing. `call` gets the error to fill.
template <class Call>
Result<void> done(Call &&call) {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    const keyviz_status_t status = call(&error);
    if (status != KEYVIZ_OK) return error_of(status, error);
    return {};
}

/// What a C function came to that writes an `Out`. `call` gets the place for it and the error, and `as` makes what the
/// caller sees of it.
template <class Out, class Call, class As>
auto got(Out out, Call &&call, As &&as) -> Result<decltype(as(out))> {
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    const keyviz_status_t status = call(&out, &error);
    if (status != KEYVIZ_OK) return error_of(status, error);
    return as(out);
}

}  // namespace detail
}  // namespace keyviz

#endif
