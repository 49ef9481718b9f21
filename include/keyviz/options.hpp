/// @file
/// How a sampler is made, and the events that it tells of.
#ifndef KEYVIZ_OPTIONS_HPP
#define KEYVIZ_OPTIONS_HPP

#include <keyviz/types.hpp>

#include <array>
#include <cstdint>
#include <functional>

namespace keyviz {

/// What an event tells.
enum class EventKind : std::uint32_t {
    RouteFolded = KEYVIZ_EVENT_ROUTE_FOLDED,      ///< A route folded into a virtual bucket that was there.
    BucketCreated = KEYVIZ_EVENT_BUCKET_CREATED,  ///< A route folded into a virtual bucket made for it.
};

/// Something that the host's log should say. It holds no key bytes.
struct Event {
    EventKind kind = EventKind::RouteFolded;  ///< What happened.
    std::uint64_t route_id = 0;               ///< The route.
    std::uint64_t bucket_id = 0;              ///< The synthetic id of the virtual bucket.
    std::uint64_t slots_used = 0;             ///< Routes with slots of their own, at that time.
    std::uint64_t max_tracked_routes = 0;     ///< The cap of those.
    std::uint64_t suppressed = 0;             ///< Events that were held back since the one before.
};

/// What a host does with an event. It runs in the thread whose call caused the event, after that call is done and without
/// any lock, and so in several threads at a time; it may call the sampler. What it throws ends the program.
using EventHandler = std::function<void(const Event &)>;

/// Whose keys are sampled.
enum class HotKeysSeries : std::uint32_t {
    Writes = KEYVIZ_HOT_KEYS_WRITES,  ///< Those of writes.
    Reads = KEYVIZ_HOT_KEYS_READS,    ///< Those of reads.
    Both = KEYVIZ_HOT_KEYS_BOTH,      ///< Both, in sketches of their own.
};

/// A coarser resolution, for the columns that fall out of the history.
struct Resolution {
    Duration step{};       ///< Width of a column; 0: this resolution is off.
    Duration retention{};  ///< How long columns are kept.
};

/// How a sampler is made. In every number, 0 means the default, and what is above the cap counts as the cap.
struct Options {
    /// Flush interval; default 60 s. The library has no timer: the host flushes.
    Duration step{};
    /// When the first column's window begins; default: now.
    Time created{};
    /// Most bytes of counters, routes and history; default: no limit.
    std::uint64_t memory_limit_bytes = 0;
    /// Columns kept; default 1440, cap 100000.
    std::uint32_t history_columns = 0;
    /// Routes with slots of their own; default 10000. Others fold.
    std::uint32_t max_tracked_routes = 0;
    /// Ids listed on a virtual bucket's row; default 256.
    std::uint32_t max_member_routes_per_slot = 0;
    /// Sub-buckets per route, K; default 1 (off), cap 256.
    std::uint32_t key_buckets_per_route = 0;
    /// Private counters of threads; default 256, cap 4096.
    std::uint32_t max_lanes = 0;
    /// A slot for each label, not one per route.
    bool labels_enabled = false;
    /// No history; columns are only drained.
    bool history_off = false;
    /// Each coarser than the one before; default: none.
    std::array<Resolution, KEYVIZ_RESOLUTIONS> resolutions{};
    /// Sample keys. Off, no key is kept anywhere.
    bool hot_keys_enabled = false;
    /// Each column in the history keeps the first 8 keys of each slot.
    bool hot_keys_in_columns = false;
    /// Entries of a sketch, m; default 64, cap 256.
    std::uint32_t hot_keys_per_route = 0;
    /// One in so many observations is sampled, R; default 16, cap 1024.
    std::uint32_t hot_keys_sample_rate = 0;
    /// Sketches of a lane between two publications; default 8192, cap 65536.
    std::uint32_t hot_keys_queue_size = 0;
    /// Longest key that is sampled, in bytes; default 1024, cap 4096.
    std::uint32_t hot_keys_max_key_len = 0;
    /// Whose keys are sampled.
    HotKeysSeries hot_keys_series = HotKeysSeries::Writes;
    /// Gets the events; none: they wait for Sampler::poll_events.
    EventHandler on_event{};
};

namespace detail {

inline keyviz_options_t c_options(const Options &options) noexcept {
    keyviz_options_t out = KEYVIZ_OPTIONS_INIT;
    out.step_ns = options.step.count();
    out.created_ns = ns_of(options.created);
    out.memory_limit_bytes = options.memory_limit_bytes;
    out.history_columns = options.history_columns;
    out.max_tracked_routes = options.max_tracked_routes;
    out.max_member_routes_per_slot = options.max_member_routes_per_slot;
    out.key_buckets_per_route = options.key_buckets_per_route;
    out.labels_enabled = options.labels_enabled ? 1 : 0;
    out.history_off = options.history_off ? 1 : 0;
    out.max_lanes = options.max_lanes;
    for (std::size_t i = 0; i < options.resolutions.size(); ++i) {
        out.resolutions[i].step_ns = options.resolutions[i].step.count();
        out.resolutions[i].retention_ns = options.resolutions[i].retention.count();
    }
    out.hot_keys_enabled = options.hot_keys_enabled ? 1 : 0;
    out.hot_keys_per_route = options.hot_keys_per_route;
    out.hot_keys_sample_rate = options.hot_keys_sample_rate;
    out.hot_keys_queue_size = options.hot_keys_queue_size;
    out.hot_keys_max_key_len = options.hot_keys_max_key_len;
    out.hot_keys_series = number(options.hot_keys_series);
    out.hot_keys_in_columns = options.hot_keys_in_columns ? 1 : 0;
    return out;
}

inline Event event_of(const keyviz_event_t &event) noexcept {
    return {static_cast<EventKind>(event.kind), event.route_id, event.bucket_id, event.slots_used, event.max_tracked_routes,
            event.suppressed};
}

/// The library's callback: `handler` is an EventHandler.
inline void hand_over(const keyviz_event_t *event, void *handler) noexcept {
    (*static_cast<EventHandler *>(handler))(event_of(*event));
}

}  // namespace detail
}  // namespace keyviz

#endif
