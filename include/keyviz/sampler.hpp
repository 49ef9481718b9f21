/// @file
/// The sampler: routes, counting, flushes, the history.
#ifndef KEYVIZ_SAMPLER_HPP
#define KEYVIZ_SAMPLER_HPP

#include <keyviz/column.hpp>
#include <keyviz/hot_keys.hpp>
#include <keyviz/lane.hpp>
#include <keyviz/matrix.hpp>
#include <keyviz/options.hpp>
#include <keyviz/route.hpp>
#include <keyviz/walk.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace keyviz {

/// What a sampler has, and where its memory is: numbers, which keyviz.h explains.
using Stats = keyviz_stats_t;

/// One observation of an array, laid out as the C function wants it.
struct Observation : keyviz_observation_t {
    /// A request. The key is not copied; it must be there until the call that counts it is over.
    Observation(std::uint64_t route, std::string_view of, Op what, std::uint64_t value_size,
                Label from = Label::Legacy) noexcept
        : keyviz_observation_t{route, of.data(), of.size(), value_size, detail::number(what), detail::number(from)} {}

    /// A request whose key is not at hand: it counts in sub-bucket 0.
    static Observation sized(std::uint64_t route, std::size_t key_size, Op what, std::uint64_t value_size,
                             Label from = Label::Legacy) noexcept {
        Observation out(route, {}, what, value_size, from);
        out.key_len = key_size;
        return out;
    }
};
static_assert(sizeof(Observation) == sizeof(keyviz_observation_t), "an array of them is an array for C");

/// Observations given as arrays, one per field, all of the same length; labels may be empty: all legacy. They count in
/// sub-bucket 0.
struct ObservationColumns {
    Span<const std::uint64_t> route_ids;   ///< The routes.
    Span<const std::uint8_t> ops;          ///< Numbers of Op.
    Span<const std::uint32_t> key_lens;    ///< Bytes of the keys.
    Span<const std::uint64_t> value_lens;  ///< Bytes of the values.
    Span<const std::uint8_t> labels;       ///< Numbers of Label, or none.
};

/// What many observations came to.
struct Counted {
    Status status = Status::Ok;  ///< Ok if all of them counted, otherwise of the first that did not.
    std::size_t counted = 0;     ///< How many did.
};

/// Columns of the history.
struct ColumnRange {
    std::uint64_t first_sequence = 0;  ///< Sequence number of the oldest.
    std::uint64_t count = 0;           ///< How many.
};

/// The bounds of a part of a route.
struct Bounds {
    std::string start;  ///< Its first key.
    std::string end;    ///< The first key past it; empty: unbounded.
};

/// A sampler. Any thread may call any function at any time, while the object stays where it is: moving and destroying it is
/// for when no other thread uses it. Its lanes must be gone before it is.
///
/// One that was moved from, or made without create(), is off: what it observes is not counted, and that is no error; all
/// other calls fail with Status::NullPointer.
class Sampler {
public:
    /// One that is off.
    Sampler() noexcept = default;
    /// Makes one. Errors: InvalidArgument (a negative step or retention).
    static Result<Sampler> create(const Options &options = {});

    /// The C handle, for C functions that are not wrapped; null if it is off. It stays this object's.
    keyviz_sampler_t *handle() const noexcept { return handle_.get(); }
    /// Whether it counts: it was made and not moved from.
    explicit operator bool() const noexcept { return handle_ != nullptr; }
    /// Ends it while observers may still run: every route is unknown then, nearly all memory is given back, and other calls
    /// fail with Status::Closed. Twice is fine.
    Result<void> close() {
        return detail::done([&](auto *) { return keyviz_sampler_close(handle()); });
    }

    /// @name Counting
    /// Their statuses may be ignored: Ok, UnknownRoute (it counts as missed), InvalidArgument (it counts as refused) or
    /// NoMemory. No lock, no allocation and no system call but for a thread's first observations, and for some that hot
    /// keys sample. Not for signal handlers.
    /// @{

    /// Counts one request: 1 operation and key.size() + value_size bytes, in the slot of (route, label) and the sub-bucket
    /// of the key. The key is read, and not kept. Where labels are off, the label makes no difference.
    Status observe(std::uint64_t route_id, std::string_view key, Op op, std::uint64_t value_size,
                   Label label = Label::Legacy) noexcept {
        return static_cast<Status>(keyviz_observe(handle(), route_id, key.data(), key.size(), detail::number(op), value_size,
                                                  detail::number(label)));
    }
    /// Counts one request whose key is not at hand: in sub-bucket 0.
    Status observe_sized(std::uint64_t route_id, std::uint64_t key_size, Op op, std::uint64_t value_size,
                         Label label = Label::Legacy) noexcept {
        return static_cast<Status>(keyviz_observe_sized(handle(), route_id, detail::number(op), key_size, value_size,
                                                        detail::number(label)));
    }
    /// Counts many; those that are invalid or whose route is unknown are left out.
    Counted observe_batch(Span<const Observation> observations) noexcept {
        Counted out;
        out.status = static_cast<Status>(
            keyviz_observe_batch(handle(), observations.data(), observations.size(), &out.counted));
        return out;
    }
    /// Counts many, given as arrays. If these differ in length, nothing counts, and it is InvalidArgument.
    Counted observe_columns(const ObservationColumns &columns) noexcept;
    /// A lane, for a thread that observes through it alone. Errors: NoLane, Closed.
    Result<Lane> acquire_lane() {
        return detail::got<keyviz_lane_t *>(
            nullptr, [&](auto *out, auto *error) { return keyviz_lane_acquire(handle(), out, error); },
            [](keyviz_lane_t *lane) { return Lane(lane); });
    }
    /// @}

    /// @name Routes
    /// Times are those of the change. What was counted stays.
    /// @{

    /// Registers a route. One that is registered already stays as it is. Errors: InvalidRange, RouteExists (the id is a
    /// virtual bucket's), NoMemory (the memory limit).
    Result<Placement> register_route(const Route &route);
    /// Registers many, all or none; gives the placement of each.
    Result<std::vector<Placement>> register_routes(Span<const Route> routes);
    /// Removes a route; one that is not registered is no error. Flushes go on draining it until max(2 steps, 5 s) later.
    Result<void> remove_route(std::uint64_t route_id, Time now) {
        return detail::done(
            [&](auto *error) { return keyviz_sampler_remove_route(handle(), route_id, detail::ns_of(now), error); });
    }
    /// The same at the time of the system's clock.
    Result<void> remove_route(std::uint64_t route_id) {
        return detail::done([&](auto *error) { return keyviz_sampler_remove_route_now(handle(), route_id, error); });
    }
    /// Replaces a route by those that it was split into, in one step, all or nothing; one child may keep its id. Gives the
    /// placement of each. Errors: UnknownRoute, RouteExists, those of register_route.
    Result<std::vector<Placement>> apply_split(std::uint64_t parent_id, Span<const Route> children, Time now);
    /// The same at the time of the system's clock.
    Result<std::vector<Placement>> apply_split(std::uint64_t parent_id, Span<const Route> children);
    /// Replaces routes by the one that they were merged into, in one step.
    Result<Placement> apply_merge(Span<const std::uint64_t> parent_ids, const Route &child, Time now);
    /// The same at the time of the system's clock.
    Result<Placement> apply_merge(Span<const std::uint64_t> parent_ids, const Route &child);
    /// From the next flush on, the rows of the group carry this leader term.
    Result<void> set_leader_term(std::uint64_t group_id, std::uint64_t term) {
        return detail::done([&](auto *) { return keyviz_sampler_set_leader_term(handle(), group_id, term); });
    }
    /// The bounds of a part of a route. Errors: NotFound.
    Result<Bounds> sub_bucket_bounds(std::uint64_t route_id, std::uint32_t sub_bucket) const;
    /// @}

    /// @name Columns
    /// @{

    /// Commits a column into the history. Flushes wait for one another; no observer waits. Errors: HistoryOff, NoMemory.
    Result<ColumnInfo> flush(Time now);
    /// The same at the time of the system's clock.
    Result<ColumnInfo> flush();
    /// Commits a column into `column`, and into the history if there is one. All or nothing.
    Result<void> drain(Time now, Column &column) {
        return column.fill(
            [&](auto *buffer, auto *error) { return keyviz_sampler_drain(handle(), detail::ns_of(now), buffer, error); });
    }
    /// The same at the time of the system's clock.
    Result<void> drain(Column &column) {
        return column.fill([&](auto *buffer, auto *error) { return keyviz_sampler_drain_now(handle(), buffer, error); });
    }
    /// @}

    /// @name The history
    /// Errors of all: HistoryOff.
    /// @{

    /// Which columns have from <= at < to; Time{}: no bound. Read the first one, and go on with the number after the
    /// sequence that it tells, until `count` are read.
    Result<ColumnRange> column_range(Time from = {}, Time to = {}) const;
    /// Reads the column that holds the flush of this number. Errors: NotFound.
    Result<void> read_column(std::uint64_t sequence, Column &column) const {
        return column.fill(
            [&](auto *buffer, auto *error) { return keyviz_sampler_read_column(handle(), sequence, buffer, error); });
    }
    /// Reads all columns with from <= at < to, oldest first. Those that leave the history meanwhile are left out.
    Result<std::vector<Column>> columns(Time from = {}, Time to = {}) const;
    /// A walk through them, which is faster, and keeps them as they are now.
    Result<Walk> walk(Time from = {}, Time to = {}) const {
        std::size_t count = 0;
        return detail::got<keyviz_columns_t *>(
            nullptr,
            [&](auto *out, auto *error) {
                return keyviz_columns_new(handle(), detail::ns_of(from), detail::ns_of(to), out, &count, nullptr, error);
            },
            [&](keyviz_columns_t *columns) { return Walk(columns, count); });
    }
    /// The history as bytes, for a file or a database: versioned, checksummed, the same on every machine.
    Result<std::string> save_history() const {
        return detail::bytes([&](void *buffer, std::size_t capacity, std::size_t *size, keyviz_error_t *error) {
            return keyviz_sampler_save_history(handle(), buffer, capacity, size, error);
        });
    }
    /// Takes over a history that was saved, before the first flush. All or nothing. Errors: Corrupt, NewerVersion,
    /// InvalidArgument (there was a flush already).
    Result<void> load_history(std::string_view image) {
        return detail::done(
            [&](auto *error) { return keyviz_sampler_load_history(handle(), image.data(), image.size(), error); });
    }
    /// Saves the history into a file, which is replaced atomically. Errors: Io, InvalidArgument (a zero in the path).
    Result<void> save_history_file(const std::string &path) const {
        return with_path(path, [&](auto *error) { return keyviz_sampler_save_history_file(handle(), path.c_str(), error); });
    }
    /// Loads the history from a file. Errors: Io, those of load_history.
    Result<void> load_history_file(const std::string &path) {
        return with_path(path, [&](auto *error) { return keyviz_sampler_load_history_file(handle(), path.c_str(), error); });
    }
    /// @}

    /// @name Asking
    /// @{

    /// Time x key ranges, out of the history: what was flushed. Errors: InvalidArgument (a node that is not UTF-8),
    /// HistoryOff, Closed.
    Result<Matrix> matrix(const MatrixQuery &query = {}) const;
    /// The hot keys of a route. Errors: HotKeysOff, NoSnapshot, OutOfSnapshotWindow, InvalidArgument.
    Result<HotKeys> hot_keys(const HotKeysQuery &query) const;
    /// Ends the window of hot keys, and publishes what was sampled in it: once per step, before the flush. Errors:
    /// HotKeysOff.
    Result<void> publish_hot_keys(Time now) {
        return detail::done(
            [&](auto *error) { return keyviz_sampler_publish_hot_keys(handle(), detail::ns_of(now), error); });
    }
    /// The same at the time of the system's clock.
    Result<void> publish_hot_keys() {
        return detail::done([&](auto *error) { return keyviz_sampler_publish_hot_keys_now(handle(), error); });
    }
    /// Takes `count` samples of a key from a host that rolls on its own side; nothing is added to the counters. The status
    /// may be ignored.
    Status offer_hot_key(std::uint64_t route_id, std::string_view key, Op op, Label label = Label::Legacy,
                         std::uint64_t count = 1) noexcept {
        return static_cast<Status>(keyviz_sampler_offer_hot_key(handle(), route_id, key.data(), key.size(),
                                                                detail::number(op), detail::number(label), count));
    }
    /// The statistics, also of a closed sampler. Takes time in proportion to the routes.
    Result<Stats> stats() const {
        return detail::got<Stats>(
            KEYVIZ_STATS_INIT, [&](auto *out, auto *) { return keyviz_sampler_stats(handle(), out); },
            [](const Stats &all) { return all; });
    }
    /// Takes the events that wait, oldest first. 256 are kept; then the oldest goes.
    Result<std::vector<Event>> poll_events();
    /// @}

private:
    // Frees the sampler before its handler of events.
    struct Free {
        std::unique_ptr<EventHandler> handler;
        void operator()(keyviz_sampler_t *sampler) const noexcept { keyviz_sampler_free(sampler); }
    };

    explicit Sampler(keyviz_sampler_t *handle) noexcept : handle_(handle) {}

    template <class Call>
    static Result<void> with_path(const std::string &path, Call &&call) {
        if (path.find('\0') != std::string::npos) return Error(Status::InvalidArgument, "a path holds no zero byte");
        return detail::done(std::forward<Call>(call));
    }
    // Numbers that a C function writes for each of `count` routes.
    template <class Call>
    static Result<std::vector<Placement>> placements(std::size_t count, Call &&call);

    std::unique_ptr<keyviz_sampler_t, Free> handle_;
};

inline Result<Sampler> Sampler::create(const Options &options) {
    const keyviz_options_t c = detail::c_options(options);
    keyviz_error_t error = KEYVIZ_ERROR_INIT;
    keyviz_sampler_t *handle = nullptr;
    const keyviz_status_t status = keyviz_sampler_new(&c, &handle, &error);
    if (status != KEYVIZ_OK) return detail::error_of(status, error);
    Sampler sampler(handle);
    if (options.on_event) {
        auto &handler = sampler.handle_.get_deleter().handler;
        handler = std::make_unique<EventHandler>(options.on_event);
        keyviz_sampler_set_event_callback(handle, detail::hand_over, handler.get());
    }
    return sampler;
}

inline Counted Sampler::observe_columns(const ObservationColumns &columns) noexcept {
    Counted out;
    const std::size_t count = columns.route_ids.size();
    const bool fits = columns.ops.size() == count && columns.key_lens.size() == count &&
                      columns.value_lens.size() == count && (columns.labels.empty() || columns.labels.size() == count);
    if (!fits) {
        out.status = Status::InvalidArgument;
        return out;
    }
    out.status = static_cast<Status>(keyviz_observe_columns(
        handle(), count, columns.route_ids.data(), columns.ops.data(), columns.key_lens.data(), columns.value_lens.data(),
        columns.labels.empty() ? nullptr : columns.labels.data(), &out.counted));
    return out;
}

inline Result<Placement> Sampler::register_route(const Route &route) {
    const keyviz_route_t c = detail::c_route(route);
    return detail::got<std::uint32_t>(
        0u, [&](auto *out, auto *error) { return keyviz_sampler_register_route(handle(), &c, out, error); },
        [](std::uint32_t placement) { return static_cast<Placement>(placement); });
}

template <class Call>
Result<std::vector<Placement>> Sampler::placements(std::size_t count, Call &&call) {
    std::vector<std::uint32_t> numbers(count);
    auto done = detail::done([&](auto *error) { return call(numbers.data(), error); });
    if (!done) return done.error();
    std::vector<Placement> out;
    out.reserve(count);
    for (const std::uint32_t one : numbers) out.push_back(static_cast<Placement>(one));
    return out;
}

inline Result<std::vector<Placement>> Sampler::register_routes(Span<const Route> routes) {
    const auto c = detail::c_routes(routes);
    return placements(c.size(), [&](auto *out, auto *error) {
        return keyviz_sampler_register_routes(handle(), c.data(), c.size(), out, error);
    });
}

inline Result<std::vector<Placement>> Sampler::apply_split(std::uint64_t parent_id, Span<const Route> children, Time now) {
    const auto c = detail::c_routes(children);
    return placements(c.size(), [&](auto *out, auto *error) {
        return keyviz_sampler_apply_split(handle(), parent_id, c.data(), c.size(), out, detail::ns_of(now), error);
    });
}

inline Result<std::vector<Placement>> Sampler::apply_split(std::uint64_t parent_id, Span<const Route> children) {
    const auto c = detail::c_routes(children);
    return placements(c.size(), [&](auto *out, auto *error) {
        return keyviz_sampler_apply_split_now(handle(), parent_id, c.data(), c.size(), out, error);
    });
}

inline Result<Placement> Sampler::apply_merge(Span<const std::uint64_t> parent_ids, const Route &child, Time now) {
    const keyviz_route_t c = detail::c_route(child);
    return detail::got<std::uint32_t>(
        0u,
        [&](auto *out, auto *error) {
            return keyviz_sampler_apply_merge(handle(), parent_ids.data(), parent_ids.size(), &c, out, detail::ns_of(now),
                                              error);
        },
        [](std::uint32_t placement) { return static_cast<Placement>(placement); });
}

inline Result<Placement> Sampler::apply_merge(Span<const std::uint64_t> parent_ids, const Route &child) {
    const keyviz_route_t c = detail::c_route(child);
    return detail::got<std::uint32_t>(
        0u,
        [&](auto *out, auto *error) {
            return keyviz_sampler_apply_merge_now(handle(), parent_ids.data(), parent_ids.size(), &c, out, error);
        },
        [](std::uint32_t placement) { return static_cast<Placement>(placement); });
}

inline Result<Bounds> Sampler::sub_bucket_bounds(std::uint64_t route_id, std::uint32_t sub_bucket) const {
    std::size_t start = 0;
    // The upper bound lies right behind the lower one.
    auto both = detail::bytes([&](void *buffer, std::size_t capacity, std::size_t *size, keyviz_error_t *error) {
        std::size_t end = 0;
        const auto status =
            keyviz_sampler_sub_bucket_bounds(handle(), route_id, sub_bucket, buffer, capacity, &start, &end, error);
        *size = start + end;
        return status;
    });
    if (!both) return both.error();
    return Bounds{both->substr(0, start), both->substr(start)};
}

namespace detail {

inline ColumnInfo column_info(const keyviz_column_info_t &info) noexcept {
    return {info.sequence, time_of(info.window_start_ns), time_of(info.at_ns), info.flushes, info.rows};
}

}  // namespace detail

inline Result<ColumnInfo> Sampler::flush(Time now) {
    return detail::got<keyviz_column_info_t>(
        KEYVIZ_COLUMN_INFO_INIT,
        [&](auto *out, auto *error) { return keyviz_sampler_flush(handle(), detail::ns_of(now), out, error); },
        detail::column_info);
}

inline Result<ColumnInfo> Sampler::flush() {
    return detail::got<keyviz_column_info_t>(
        KEYVIZ_COLUMN_INFO_INIT, [&](auto *out, auto *error) { return keyviz_sampler_flush_now(handle(), out, error); },
        detail::column_info);
}

inline Result<ColumnRange> Sampler::column_range(Time from, Time to) const {
    return detail::got<ColumnRange>(
        {},
        [&](auto *out, auto *) {
            return keyviz_sampler_column_range(handle(), detail::ns_of(from), detail::ns_of(to), &out->first_sequence,
                                               &out->count);
        },
        [](const ColumnRange &range) { return range; });
}

inline Result<std::vector<Column>> Sampler::columns(Time from, Time to) const {
    const auto range = column_range(from, to);
    if (!range) return range.error();
    std::vector<Column> out;
    std::uint64_t sequence = range->first_sequence;
    for (std::uint64_t left = range->count; left > 0; --left) {
        Column column;
        const auto read = read_column(sequence, column);
        if (read) {
            sequence = column.info().sequence + 1;
            out.push_back(std::move(column));
        } else if (read.status() == Status::NotFound) {
            ++sequence;
        } else {
            return read.error();
        }
    }
    return out;
}

inline Result<Matrix> Sampler::matrix(const MatrixQuery &query) const {
    const keyviz_matrix_query_t c = detail::c_query(query);
    return detail::got<keyviz_matrix_t *>(
        nullptr, [&](auto *out, auto *error) { return keyviz_matrix_query(handle(), &c, out, error); },
        [](keyviz_matrix_t *matrix) { return Matrix(matrix); });
}

inline Result<HotKeys> Sampler::hot_keys(const HotKeysQuery &query) const {
    const keyviz_hot_keys_query_t c = detail::c_query(query);
    return detail::got<keyviz_hot_keys_t *>(
        nullptr, [&](auto *out, auto *error) { return keyviz_hot_keys_query(handle(), &c, out, error); },
        [](keyviz_hot_keys_t *keys) { return HotKeys(keys); });
}

inline Result<std::vector<Event>> Sampler::poll_events() {
    std::vector<Event> out;
    std::array<keyviz_event_t, 32> events;
    for (;;) {
        events[0] = KEYVIZ_EVENT_INIT;
        std::size_t count = 0;
        const auto polled = detail::done([&](auto *error) {
            return keyviz_sampler_poll_events(handle(), events.data(), events.size(), &count, error);
        });
        if (!polled) return polled.error();
        for (std::size_t i = 0; i < count; ++i) out.push_back(detail::event_of(events[i]));
        if (count < events.size()) return out;
    }
}

}  // namespace keyviz

#endif
