/// @file
/// A walk through the columns of the history.
#ifndef KEYVIZ_WALK_HPP
#define KEYVIZ_WALK_HPP

#include <keyviz/column.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>

namespace keyviz {

/// A column of a walk: a range of Row, as Column is, in memory of the walk.
class WalkedColumn {
public:
    /// What an iterator gives, by value.
    using value_type = Row;
    /// An iterator of random access.
    using const_iterator = detail::IndexIterator<WalkedColumn>;

    /// What it is.
    ColumnInfo info() const noexcept {
        return {column_.sequence, detail::time_of(column_.window_start_ns), detail::time_of(column_.at_ns), column_.flushes,
                column_.row_count};
    }
    /// Number of rows.
    std::size_t size() const noexcept { return column_.row_count; }
    /// Whether there is no row.
    bool empty() const noexcept { return size() == 0; }
    /// The `i`th row, counted from 0; there must be one.
    Row operator[](std::size_t i) const noexcept {
        assert(i < size());
        const keyviz_counts_t &counts = column_.rows[i];
        // The library's rows may be larger than this header's.
        const void *const at =
            reinterpret_cast<const char *>(column_.descriptions) + counts.description * column_.description_size;
        Row row = detail::row_of(*static_cast<const keyviz_row_t *>(at), column_.arena);
        row.label = static_cast<Label>(counts.label);
        row.reads = counts.reads;
        row.writes = counts.writes;
        row.read_bytes = counts.read_bytes;
        row.write_bytes = counts.write_bytes;
        return row;
    }
    /// The first row.
    const_iterator begin() const noexcept { return {*this, 0}; }
    /// Past the last row.
    const_iterator end() const noexcept { return {*this, size()}; }

private:
    friend class Walk;

    keyviz_column_t column_ = KEYVIZ_COLUMN_INIT;
};

/// A walk through columns of the history (Sampler::walk), oldest first: the fastest way through many. They are as they stood
/// when it began, whatever the history does meanwhile, and though the sampler is gone. One thread at a time; split gives a
/// part of it to another thread. One that was moved from, or never made, has no columns.
///
///     while (const keyviz::WalkedColumn *column = walk.next()) {
///         for (const keyviz::Row row : *column) ...
///     }
class Walk {
public:
    /// One without columns.
    Walk() noexcept = default;
    /// Takes the columns over; the other one has none then.
    Walk(Walk &&other) noexcept { swap(other); }
    /// Takes the columns over; the other one has none then.
    Walk &operator=(Walk &&other) noexcept {
        Walk taken(std::move(other));
        swap(taken);
        return *this;
    }
    ~Walk() = default;

    /// How many columns are still to come.
    std::size_t left() const noexcept { return left_; }
    /// The next column, which is good until the one after it is asked for; null: there are no more.
    const WalkedColumn *next() noexcept {
        if (keyviz_columns_next(handle_.get(), &column_.column_, nullptr) != KEYVIZ_OK) return nullptr;
        --left_;
        return &column_;
    }
    /// Gives the last `count` of the columns that are still to come to a walk of their own; fewer, if fewer are to come.
    Result<Walk> split(std::size_t count) {
        auto part = detail::got<keyviz_columns_t *>(
            nullptr, [&](auto *out, auto *error) { return keyviz_columns_split(handle_.get(), count, out, error); },
            [&](keyviz_columns_t *columns) { return Walk(columns, std::min(count, left_)); });
        if (part) left_ -= part->left();
        return part;
    }

private:
    friend class Sampler;
    struct Free {
        void operator()(keyviz_columns_t *columns) const noexcept { keyviz_columns_free(columns); }
    };

    Walk(keyviz_columns_t *handle, std::size_t left) noexcept : handle_(handle), left_(left) {}
    void swap(Walk &other) noexcept {
        handle_.swap(other.handle_);
        std::swap(left_, other.left_);
        std::swap(column_, other.column_);
    }

    std::unique_ptr<keyviz_columns_t, Free> handle_;
    std::size_t left_ = 0;
    WalkedColumn column_;
};

}  // namespace keyviz

#endif
