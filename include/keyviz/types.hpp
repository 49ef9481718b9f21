/// @file
/// The vocabulary: times, labels, operations, series, versions.
#ifndef KEYVIZ_TYPES_HPP
#define KEYVIZ_TYPES_HPP

#include <keyviz/result.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace keyviz {

/// A length of time, in ns.
using Duration = std::chrono::nanoseconds;
/// A time of the system's clock, in ns since 1970. Time{} stands for "none": the default, or no bound.
using Time = std::chrono::time_point<std::chrono::system_clock, Duration>;
/// A time of the system's clock, in ms since 1970, as matrices have them.
using TimeMs = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

/// What a request did with its key.
enum class Op : std::uint32_t {
    Read = KEYVIZ_OP_READ,    ///< It read the key.
    Write = KEYVIZ_OP_WRITE,  ///< It wrote the key.
};

/// The adapter family that sent a request.
enum class Label : std::uint32_t {
    Legacy = KEYVIZ_LABEL_LEGACY,    ///< None: unlabelled traffic, "".
    Dynamo = KEYVIZ_LABEL_DYNAMO,    ///< "dynamo".
    Redis = KEYVIZ_LABEL_REDIS,      ///< "redis".
    S3 = KEYVIZ_LABEL_S3,            ///< "s3".
    Sqs = KEYVIZ_LABEL_SQS,          ///< "sqs".
    RawKv = KEYVIZ_LABEL_RAWKV,      ///< "rawkv".
    Unknown = KEYVIZ_LABEL_UNKNOWN,  ///< One that the host knows and the library does not; see KEYVIZ_LABEL_UNKNOWN.
};

/// What a matrix shows.
enum class Series : std::uint32_t {
    Reads = KEYVIZ_SERIES_READS,             ///< Number of reads.
    Writes = KEYVIZ_SERIES_WRITES,           ///< Number of writes.
    ReadBytes = KEYVIZ_SERIES_READ_BYTES,    ///< Bytes of keys and values read.
    WriteBytes = KEYVIZ_SERIES_WRITE_BYTES,  ///< Bytes of keys and values written.
};

/// Where a registered route counts.
enum class Placement : std::uint32_t {
    Individual = KEYVIZ_PLACEMENT_INDIVIDUAL,  ///< In slots of its own.
    Coarsened = KEYVIZ_PLACEMENT_COARSENED,    ///< In a virtual bucket, with others.
};

/// What becomes of the rows over a matrix's budget.
enum class Budget : std::uint32_t {
    Top = KEYVIZ_BUDGET_TOP,      ///< Those with the largest totals stay, the others are dropped.
    Merge = KEYVIZ_BUDGET_MERGE,  ///< Cold neighbours are merged: no traffic disappears.
};

/// The label's name, as in row ids: "dynamo"; empty for Label::Legacy, and for a number that is none. Static.
inline std::string_view to_string(Label label) noexcept {
    const char *name = keyviz_label_name(static_cast<std::uint32_t>(label));
    return name != nullptr ? name : std::string_view();
}

/// The label with this name; none: there is no such label.
inline std::optional<Label> label_from_name(std::string_view name) noexcept {
    std::uint32_t label = 0;
    if (keyviz_label_from_name(name.data(), name.size(), &label) != KEYVIZ_OK) return std::nullopt;
    return static_cast<Label>(label);
}

/// The series' name, as in JSON: "read_bytes"; empty for a number that is none. Static.
inline std::string_view to_string(Series series) noexcept {
    const char *name = keyviz_series_name(static_cast<std::uint32_t>(series));
    return name != nullptr ? name : std::string_view();
}

/// The series with this name; none: there is no such series.
inline std::optional<Series> series_from_name(std::string_view name) noexcept {
    std::uint32_t series = 0;
    if (keyviz_series_from_name(name.data(), name.size(), &series) != KEYVIZ_OK) return std::nullopt;
    return static_cast<Series>(series);
}

/// The version of the library that is linked: "x.y.z". Static.
inline std::string_view version() noexcept { return keyviz_version(); }

/// Whether the library that is linked keeps the ABI that this header was made for.
inline bool is_compatible() noexcept { return keyviz_abi_version() == KEYVIZ_ABI_VERSION; }

namespace detail {

constexpr std::int64_t ns_of(Time time) noexcept { return time.time_since_epoch().count(); }
constexpr Time time_of(std::int64_t ns) noexcept { return Time(Duration(ns)); }

template <class Enum>
constexpr std::uint32_t number(Enum one) noexcept {
    return static_cast<std::uint32_t>(one);
}

inline std::string_view view(const void *bytes, std::size_t size) noexcept {
    return size != 0 ? std::string_view(static_cast<const char *>(bytes), size) : std::string_view();
}

/// Bytes of a C function that writes into a buffer. `call` gets buffer, capacity, the place for the size, and the error.
template <class Call>
Result<std::string> bytes(Call &&call) {
    std::string out;
    for (;;) {
        keyviz_error_t error = KEYVIZ_ERROR_INIT;
        std::size_t size = 0;
        const keyviz_status_t status = call(out.data(), out.size(), &size, &error);
        if (status != KEYVIZ_OK && status != KEYVIZ_ERR_BUFFER_TOO_SMALL) return error_of(status, error);
        out.resize(size);
        if (status == KEYVIZ_OK) return out;
    }
}

}  // namespace detail
}  // namespace keyviz

#endif
