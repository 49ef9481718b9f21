/// @file
/// Hot keys: which keys make a cell hot.
#ifndef KEYVIZ_HOT_KEYS_HPP
#define KEYVIZ_HOT_KEYS_HPP

#include <keyviz/span.hpp>
#include <keyviz/types.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace keyviz {

/// A question about the hot keys of a route.
struct HotKeysQuery {
    /// The route.
    std::uint64_t route_id = 0;
    /// Legacy where labels are off.
    Label label = Label::Legacy;
    /// Series::Writes or Series::Reads.
    Series series = Series::Writes;
    /// Only the keys of this part of the route's range.
    std::optional<std::uint32_t> sub_bucket{};
    /// What the column of this sequence number keeps; none: the newest snapshot.
    std::optional<std::uint64_t> column{};
    /// Keys at most; 0: 20.
    std::int64_t top = 0;
    /// The snapshot's window must reach to this time; TimeMs{}: any.
    TimeMs from{};
    /// The snapshot's window must begin by this time; TimeMs{}: any.
    TimeMs to{};

    /// Reads one from the query string of a URL, without its '?': route_id (required), label, sub_bucket, series, top,
    /// from_unix_ms, to_unix_ms, column. Errors: InvalidArgument (the message names the parameter).
    static Result<HotKeysQuery> parse(std::string_view text);
};

/// What a reply says besides its keys.
struct HotKeysInfo {
    /// The route.
    std::uint64_t route_id = 0;
    /// Its label; Label::Unknown: one that this library does not know.
    Label label = Label::Legacy;
    /// Series::Writes or Series::Reads.
    Series series = Series::Writes;
    /// The part that was asked for.
    std::optional<std::uint32_t> sub_bucket;
    /// Samples were dropped, keys were skipped, or a node did not answer.
    bool degraded = false;
    /// The number of keys.
    std::uint64_t keys = 0;
    /// One in so many observations was sampled, R.
    std::uint64_t sample_rate = 0;
    /// Sampled observations of this route, label and series, N; not scaled.
    std::uint64_t sampled_n = 0;
    /// Samples of any route that could not be taken.
    std::uint64_t dropped_samples = 0;
    /// Observations of any route whose key was too long to be sampled.
    std::uint64_t skipped_long_keys = 0;
    /// R x N / m: by how much a count may exceed the truth of the sample, times R.
    std::uint64_t error_bound = 0;
    /// When the snapshot was published.
    Time snapshot_at;
};

/// A key of a reply: count_low <= (how often it was sampled) x R <= count_high. The key lies in the reply.
struct HotKey {
    std::string_view key;          ///< The key.
    std::uint64_t count = 0;       ///< Observations of it, as the sketch counts: sampled, times R.
    std::uint64_t count_low = 0;   ///< At least so many.
    std::uint64_t count_high = 0;  ///< At most so many.
};

struct HotKeysSource;

/// The hot keys of a route: a range of HotKey, most counted first. It never changes, and any number of threads may read it.
/// One that was moved from, or never made, has no keys, and functions that can fail do so with Status::NullPointer.
class HotKeys {
public:
    /// What an iterator gives, by value.
    using value_type = HotKey;
    /// An iterator of random access, good while the object stays where it is.
    using const_iterator = detail::IndexIterator<HotKeys>;

    /// One without keys.
    HotKeys() noexcept = default;
    /// Takes over a reply of C.
    explicit HotKeys(keyviz_hot_keys_t *handle) noexcept : handle_(handle) {}

    /// Reads a reply from JSON that nobody vouches for; `max_bytes`: how much at most, 0: 16 MiB. Errors: TooLarge,
    /// Malformed (the message says at which byte, and quotes nothing of the input).
    static Result<HotKeys> from_json(std::string_view json, std::size_t max_bytes = 0);
    /// Merges the answers of a cluster's nodes into one with at most `top` keys; 0: 20. Counts and bounds add up. Errors:
    /// NoSnapshot (no source has a reply), InvalidArgument (replies to different questions).
    static Result<HotKeys> merge(Span<const HotKeysSource> sources, std::size_t top = 0);

    /// The C handle, for C functions that are not wrapped. It stays this object's.
    const keyviz_hot_keys_t *handle() const noexcept { return handle_.get(); }
    /// Whether it was made and not moved from.
    explicit operator bool() const noexcept { return handle_ != nullptr; }

    /// What it says besides its keys.
    HotKeysInfo info() const noexcept;
    /// The number of keys.
    std::size_t size() const noexcept { return static_cast<std::size_t>(info().keys); }
    /// Whether there is no key.
    bool empty() const noexcept { return size() == 0; }
    /// The `i`th key, counted from 0; there must be one.
    HotKey operator[](std::size_t i) const noexcept;
    /// The first key.
    const_iterator begin() const noexcept { return {*this, 0}; }
    /// Past the last key.
    const_iterator end() const noexcept { return {*this, size()}; }

    /// As one JSON object.
    Result<std::string> to_json() const {
        return detail::bytes([&](void *buffer, std::size_t capacity, std::size_t *size, keyviz_error_t *error) {
            return keyviz_hot_keys_to_json(handle(), buffer, capacity, size, error);
        });
    }

private:
    struct Free {
        void operator()(keyviz_hot_keys_t *hot_keys) const noexcept { keyviz_hot_keys_free(hot_keys); }
    };

    std::unique_ptr<keyviz_hot_keys_t, Free> handle_;
};

/// One node's answer. Without a reply and without an error, the node answered that it has no snapshot.
struct HotKeysSource {
    std::string_view node{};                  ///< The node's name or address, UTF-8.
    const HotKeys *reply = nullptr;           ///< Its reply, with all its keys (ask with a top of 1024); null: none.
    std::optional<std::string_view> error{};  ///< Why it did not answer, UTF-8; none: it did.
};

namespace detail {

inline keyviz_hot_keys_query_t c_query(const HotKeysQuery &query) noexcept {
    keyviz_hot_keys_query_t out = KEYVIZ_HOT_KEYS_QUERY_INIT;
    out.route_id = query.route_id;
    out.label = number(query.label);
    out.series = number(query.series);
    if (query.sub_bucket) {
        out.flags |= KEYVIZ_HOT_KEYS_SUB_BUCKET;
        out.sub_bucket = *query.sub_bucket;
    }
    if (query.column) {
        out.flags |= KEYVIZ_HOT_KEYS_COLUMN;
        out.column = *query.column;
    }
    out.top = query.top;
    out.from_unix_ms = query.from.time_since_epoch().count();
    out.to_unix_ms = query.to.time_since_epoch().count();
    return out;
}

}  // namespace detail

inline Result<HotKeysQuery> HotKeysQuery::parse(std::string_view text) {
    return detail::got<keyviz_hot_keys_query_t>(
        KEYVIZ_HOT_KEYS_QUERY_INIT,
        [&](auto *out, auto *error) { return keyviz_hot_keys_query_parse(text.data(), text.size(), out, error); },
        [](const keyviz_hot_keys_query_t &c) {
            HotKeysQuery out;
            out.route_id = c.route_id;
            out.label = static_cast<Label>(c.label);
            out.series = static_cast<Series>(c.series);
            if ((c.flags & KEYVIZ_HOT_KEYS_SUB_BUCKET) != 0) out.sub_bucket = c.sub_bucket;
            if ((c.flags & KEYVIZ_HOT_KEYS_COLUMN) != 0) out.column = c.column;
            out.top = c.top;
            out.from = TimeMs(std::chrono::milliseconds(c.from_unix_ms));
            out.to = TimeMs(std::chrono::milliseconds(c.to_unix_ms));
            return out;
        });
}

inline Result<HotKeys> HotKeys::from_json(std::string_view json, std::size_t max_bytes) {
    return detail::got<keyviz_hot_keys_t *>(
        nullptr,
        [&](auto *out, auto *error) { return keyviz_hot_keys_from_json(json.data(), json.size(), max_bytes, out, error); },
        [](keyviz_hot_keys_t *keys) { return HotKeys(keys); });
}

inline Result<HotKeys> HotKeys::merge(Span<const HotKeysSource> sources, std::size_t top) {
    std::vector<keyviz_hot_keys_source_t> c;
    c.reserve(sources.size());
    for (const HotKeysSource &source : sources) {
        keyviz_hot_keys_source_t one = KEYVIZ_HOT_KEYS_SOURCE_INIT;
        one.node = source.node.data();
        one.node_len = source.node.size();
        one.reply = source.reply != nullptr ? source.reply->handle() : nullptr;
        if (source.error) {
            // An error may be empty, and is one still.
            one.error = source.error->empty() ? "" : source.error->data();
            one.error_len = source.error->size();
        }
        c.push_back(one);
    }
    return detail::got<keyviz_hot_keys_t *>(
        nullptr,
        [&](auto *out, auto *error) { return keyviz_hot_keys_merge(c.data(), c.size(), top, out, error); },
        [](keyviz_hot_keys_t *keys) { return HotKeys(keys); });
}

inline HotKeysInfo HotKeys::info() const noexcept {
    keyviz_hot_keys_info_t from = KEYVIZ_HOT_KEYS_INFO_INIT;
    HotKeysInfo out;
    if (keyviz_hot_keys_info(handle(), &from, nullptr) != KEYVIZ_OK) return out;
    out.route_id = from.route_id;
    out.label = static_cast<Label>(from.label);
    out.series = static_cast<Series>(from.series);
    if ((from.flags & KEYVIZ_HOT_KEYS_SUB_BUCKET) != 0) out.sub_bucket = from.sub_bucket;
    out.degraded = from.degraded != 0;
    out.keys = from.keys;
    out.sample_rate = from.sample_rate;
    out.sampled_n = from.sampled_n;
    out.dropped_samples = from.dropped_samples;
    out.skipped_long_keys = from.skipped_long_keys;
    out.error_bound = from.error_bound;
    out.snapshot_at = detail::time_of(from.snapshot_at_ns);
    return out;
}

inline HotKey HotKeys::operator[](std::size_t i) const noexcept {
    keyviz_hot_key_t from = KEYVIZ_HOT_KEY_INIT;
    std::size_t count = 0;
    const keyviz_status_t status = keyviz_hot_keys_entries(handle(), i, &from, 1, &count, nullptr);
    assert(status == KEYVIZ_OK && count == 1);
    if (status != KEYVIZ_OK || count == 0) return {};
    return {detail::view(from.key, from.key_len), from.count, from.count_low, from.count_high};
}

}  // namespace keyviz

#endif
