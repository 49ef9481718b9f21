/// @file
/// A column: what each route, label and part of the range got in one step.
#ifndef KEYVIZ_COLUMN_HPP
#define KEYVIZ_COLUMN_HPP

#include <keyviz/span.hpp>
#include <keyviz/types.hpp>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace keyviz {

/// What a column is, and how large.
struct ColumnInfo {
    std::uint64_t sequence = 0;  ///< Number of its (last) flush; they count up from 0.
    Time window_start;           ///< End of the column before: it holds what was drained in (window_start, at].
    Time at;                     ///< Time of its (last) flush.
    std::uint64_t flushes = 0;   ///< How many flushes it is the sum of: 1, or more for a coarser column.
    std::uint64_t rows = 0;      ///< Its rows.
};

/// One row of a column. Its strings and lists lie in the column.
struct Row {
    /// The route, or the synthetic id of a virtual bucket.
    std::uint64_t route_id = 0;
    /// The Raft group that owns the route; 0: unknown, or a virtual bucket.
    std::uint64_t group_id = 0;
    /// The group's leader term when the flush began; 0: unknown.
    std::uint64_t leader_term = 0;
    /// Legacy on a virtual bucket, and where labels are off.
    Label label = Label::Legacy;
    /// The part of the route's range, counted from 0.
    std::uint32_t sub_bucket = 0;
    /// The number of parts; 1: not sub-divided.
    std::uint32_t sub_bucket_count = 1;
    /// Number of reads.
    std::uint64_t reads = 0;
    /// Number of writes.
    std::uint64_t writes = 0;
    /// Bytes of keys and values read.
    std::uint64_t read_bytes = 0;
    /// Bytes of keys and values written.
    std::uint64_t write_bytes = 0;
    /// First key of the row's range: of its own part, if the route is sub-divided.
    std::string_view start;
    /// First key past it; empty if unbounded.
    std::string_view end;
    /// The range has no end.
    bool unbounded = false;
    /// The row is a virtual bucket.
    bool aggregate = false;
    /// Members of a virtual bucket, listed or not; 1 on a single route.
    std::uint64_t member_routes_total = 1;
    /// The listed ones.
    Span<const std::uint64_t> member_routes;
    /// The routes that this one came from by split or merge.
    Span<const std::uint64_t> parents;
};

/// A column in memory of its own: a range of Row, sorted by (start, route id, label by name, sub-bucket), in which each
/// (route id, label, sub-bucket) has at most one. What is drained into it again takes the same memory, which grows where it
/// must. Rows are good until then. Any number of threads may read it.
class Column {
public:
    /// What an iterator gives, by value.
    using value_type = Row;
    /// An iterator of random access, good while the object stays where it is.
    using const_iterator = detail::IndexIterator<Column>;

    /// Without rows.
    Column() noexcept = default;
    /// Takes the rows over; the other one has none then.
    Column(Column &&other) noexcept { swap(other); }
    /// Takes the rows over; the other one has none then.
    Column &operator=(Column &&other) noexcept {
        Column taken(std::move(other));
        swap(taken);
        return *this;
    }
    /// Copies the rows.
    Column(const Column &) = default;
    /// Copies the rows.
    Column &operator=(const Column &) = default;
    ~Column() = default;

    /// What it is.
    ColumnInfo info() const noexcept { return info_; }
    /// Number of rows.
    std::size_t size() const noexcept { return static_cast<std::size_t>(info_.rows); }
    /// Whether there is no row.
    bool empty() const noexcept { return size() == 0; }
    /// The `i`th row, counted from 0; there must be one.
    Row operator[](std::size_t i) const noexcept;
    /// The first row.
    const_iterator begin() const noexcept { return {*this, 0}; }
    /// Past the last row.
    const_iterator end() const noexcept { return {*this, size()}; }

    /// As the C functions have it, to be read until the column is changed, moved or gone.
    keyviz_column_buffer_t buffer() const noexcept {
        keyviz_column_buffer_t out = KEYVIZ_COLUMN_BUFFER_INIT;
        // The C functions that take a column only read it.
        out.rows = const_cast<keyviz_row_t *>(rows_.data());
        out.row_capacity = rows_.size();
        out.arena = const_cast<std::uint64_t *>(arena_.data());
        out.arena_capacity = arena_.size() * sizeof(std::uint64_t);
        out.row_count = size();
        out.arena_used = arena_used_;
        out.sequence = info_.sequence;
        out.window_start_ns = detail::ns_of(info_.window_start);
        out.at_ns = detail::ns_of(info_.at);
        out.flushes = info_.flushes;
        return out;
    }

    /// Fills it by a C function, which gets the buffer and the error, and makes room until it fits. If the call fails, the
    /// column is without rows.
    template <class Call>
    Result<void> fill(Call &&call);

    /// Swaps two columns.
    void swap(Column &other) noexcept {
        rows_.swap(other.rows_);
        arena_.swap(other.arena_);
        std::swap(arena_used_, other.arena_used_);
        std::swap(info_, other.info_);
    }

private:
    // All the room there is; only the first info_.rows and arena_used_ bytes hold something.
    std::vector<keyviz_row_t> rows_;
    // In words, since lists of ids are read in place.
    std::vector<std::uint64_t> arena_;
    std::size_t arena_used_ = 0;
    ColumnInfo info_;
};

namespace detail {

/// The row as C tells it, with what lies in the arena.
inline Row row_of(const keyviz_row_t &from, const void *arena) noexcept {
    const char *const base = static_cast<const char *>(arena);
    // Lists lie at multiples of 8 of an arena that is aligned so.
    const auto ids = [base](std::uint64_t offset, std::uint32_t count) noexcept {
        return count != 0 ? Span<const std::uint64_t>(reinterpret_cast<const std::uint64_t *>(base + offset), count)
                          : Span<const std::uint64_t>();
    };
    Row row;
    row.route_id = from.route_id;
    row.group_id = from.group_id;
    row.leader_term = from.leader_term;
    row.label = static_cast<Label>(from.label);
    row.sub_bucket = from.sub_bucket;
    row.sub_bucket_count = from.sub_bucket_count;
    row.reads = from.reads;
    row.writes = from.writes;
    row.read_bytes = from.read_bytes;
    row.write_bytes = from.write_bytes;
    row.start = from.start_len != 0 ? view(base + from.start_offset, from.start_len) : std::string_view();
    row.end = from.end_len != 0 ? view(base + from.end_offset, from.end_len) : std::string_view();
    row.unbounded = (from.flags & KEYVIZ_ROW_UNBOUNDED) != 0;
    row.aggregate = (from.flags & KEYVIZ_ROW_AGGREGATE) != 0;
    row.member_routes_total = from.member_routes_total;
    row.member_routes = ids(from.member_routes_offset, from.member_routes_count);
    row.parents = ids(from.parents_offset, from.parents_count);
    return row;
}

}  // namespace detail

inline Row Column::operator[](std::size_t i) const noexcept {
    assert(i < size());
    return detail::row_of(rows_[i], arena_.data());
}

template <class Call>
Result<void> Column::fill(Call &&call) {
    info_ = {};
    arena_used_ = 0;
    for (;;) {
        keyviz_error_t error = KEYVIZ_ERROR_INIT;
        keyviz_column_buffer_t into = buffer();
        const keyviz_status_t status = call(&into, &error);
        if (status == KEYVIZ_OK) {
            arena_used_ = into.arena_used;
            info_ = {into.sequence, detail::time_of(into.window_start_ns), detail::time_of(into.at_ns), into.flushes,
                     into.row_count};
            return {};
        }
        if (status != KEYVIZ_ERR_BUFFER_TOO_SMALL) return detail::error_of(status, error);
        // Somewhat more than it takes now: traffic may have added rows by the next call.
        if (into.row_count > rows_.size()) rows_.resize(into.row_count + into.row_count / 4 + 8);
        const std::size_t words = into.arena_used / sizeof(std::uint64_t) + 1;
        if (words > arena_.size()) arena_.resize(words + words / 4 + 8);
    }
}

}  // namespace keyviz

#endif
