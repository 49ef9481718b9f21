/// @file
/// The matrix: time x key ranges of one series, its rows, what is said of them, and its forms.
#ifndef KEYVIZ_MATRIX_HPP
#define KEYVIZ_MATRIX_HPP

#include <keyviz/column.hpp>
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

/// What a matrix is made of.
struct MatrixQuery {
    Series series = Series::Writes;  ///< What is counted. A row that had traffic only in others is there too, all zero.
    Time from{};                     ///< Columns that were committed at this time or later; Time{}: from the first.
    Time to{};                       ///< Columns that were committed before this time; Time{}: to the last.
    std::uint32_t row_budget = 0;    ///< Most rows; 0, or more than 1024: 1024.
    Budget budget = Budget::Top;     ///< What becomes of the rows over the budget.
    std::string_view node{};         ///< The name of this node, UTF-8. A merge counts two sources of one name once.
};

/// What a reader takes at most of an input that nobody vouches for; 0: the default.
struct Limits {
    std::uint64_t max_bytes = 0;  ///< Bytes of input; default 64 MiB.
    std::uint64_t max_rows = 0;   ///< Rows, and nodes that are told of; default 65536.
    std::uint64_t max_cells = 0;  ///< Rows x columns; default 16777216.
};

/// How values become brightness.
enum class Scale : std::uint32_t {
    Log = KEYVIZ_SCALE_LOG,        ///< In proportion to ln(1 + value).
    Linear = KEYVIZ_SCALE_LINEAR,  ///< In proportion to the value.
};

/// How a picture is drawn.
struct PngOptions {
    std::uint32_t width = 0;   ///< Pixels across, 11 to 8192; 0: as the columns need.
    std::uint32_t height = 0;  ///< Pixels down, 11 to 8192; 0: as the rows need.
    Scale scale = Scale::Log;  ///< How values become brightness.
};

/// What a matrix is besides its rows. The node's name lies in the matrix.
struct MatrixInfo {
    Series series = Series::Reads;      ///< What is counted.
    Time generated_at;                  ///< When it was made, or its newest source was; Time{}: unknown.
    bool fanout = false;                ///< It came from a merge: a cluster was asked.
    std::uint64_t nodes = 0;            ///< Nodes that Matrix::nodes tells of.
    std::uint64_t nodes_responded = 0;  ///< Of these, nodes that answered.
    std::uint64_t nodes_expected = 0;   ///< Nodes that were to answer.
    std::string_view node;              ///< The node that made it; empty: unnamed.
};

/// A row of a matrix. What it points at lies in the matrix, and is good as long as that is there.
struct MatrixRow {
    /// Its id, unique in the matrix, the same from query to query: "route:7:redis#0".
    std::string_view id;
    /// Its label's name; empty for legacy; "legacy+redis" in a row of several.
    std::string_view label;
    /// First key of the range.
    std::string_view start;
    /// First key past it; empty if unbounded.
    std::string_view end;
    /// The range has no end.
    bool unbounded = false;
    /// A virtual bucket, or rows that a budget merged.
    bool aggregate = false;
    /// Sources of a merge contradicted each other somewhere in the row.
    bool conflict = false;
    /// It has more routes than route_ids lists.
    bool routes_truncated = false;
    /// Routes in it.
    std::uint64_t route_count = 0;
    /// The listed ones, of an aggregate.
    Span<const std::uint64_t> route_ids;
    /// One per column.
    Span<const std::uint64_t> values;
    /// One per column, 1 where sources contradicted each other; or none.
    Span<const std::uint8_t> conflicts;
};

/// The Raft groups of a row and their leaders' terms, one per column, 0 where unknown.
struct Identities {
    std::vector<std::uint64_t> group_ids;     ///< The groups.
    std::vector<std::uint64_t> leader_terms;  ///< The terms.
};

/// A node of a cluster. Its strings lie in the matrix.
struct Node {
    std::string_view name;                  ///< Its name or address; empty: it has none.
    std::optional<std::string_view> error;  ///< Why it did not answer; none: it did.
};

/// How traffic lies in time and along the keys.
enum class Pattern : std::uint32_t {
    Idle = KEYVIZ_VERDICT_IDLE,               ///< Nothing was counted.
    Steady = KEYVIZ_VERDICT_STEADY,           ///< About the same in each column.
    Burst = KEYVIZ_VERDICT_BURST,             ///< Most of it in a few columns.
    Periodic = KEYVIZ_VERDICT_PERIODIC,       ///< It comes back after the same time.
    MovingEdge = KEYVIZ_VERDICT_MOVING_EDGE,  ///< It walks along the keys: sequential writes.
    OneCell = KEYVIZ_VERDICT_ONE_CELL,        ///< Most of it in one sub-bucket.
    Even = KEYVIZ_VERDICT_EVEN,               ///< Spread over the keys, and steady.
    Irregular = KEYVIZ_VERDICT_IRREGULAR,     ///< None of these.
};

/// The pattern's name for people: "moving edge"; empty for a number that is none. Static.
inline std::string_view to_string(Pattern pattern) noexcept {
    const char *name = keyviz_verdict_name(detail::number(pattern));
    return name != nullptr ? name : std::string_view();
}

/// What is said of a route under one label. The reason lies in the matrix.
struct Verdict {
    Pattern pattern = Pattern::Idle;     ///< How its traffic lies.
    double measure = 0;                  ///< What decided it; see keyviz_verdict_t.
    std::chrono::milliseconds period{};  ///< Of Pattern::Periodic; otherwise 0.
    std::uint64_t total = 0;             ///< What was counted.
    std::string_view reason;             ///< Why, in English.
};

/// Where a hot route would be split. Its strings lie in the matrix.
struct Split {
    /// The route.
    std::uint64_t route_id = 0;
    /// Its share of the matrix's traffic, 0 to 1.
    double share = 0;
    /// The share of the route's traffic below the key, 0 to 1.
    double below = 0;
    /// The key that would open the upper half; none: it cannot be split further here.
    std::optional<std::string_view> key;
    /// Why, in English.
    std::string_view reason;
};

/// A matrix: rows (key ranges by label) x columns (time) of one series; a range of MatrixRow, in the order of (start, row
/// id). It never changes, any number of threads may read it, and it stands by itself: the sampler, the columns or the
/// matrices that it was made from may be gone. One that was moved from, or never made, has no rows and no columns, and
/// functions that can fail do so with Status::NullPointer.
class Matrix {
public:
    /// What an iterator gives, by value.
    using value_type = MatrixRow;
    /// An iterator of random access, good while the object stays where it is.
    using const_iterator = detail::IndexIterator<Matrix>;

    /// One of no rows and columns.
    Matrix() noexcept = default;
    /// Takes over a matrix of C.
    explicit Matrix(keyviz_matrix_t *handle) noexcept : handle_(handle) {}

    /// Of columns that the host keeps, in any order. Errors: InvalidArgument.
    static Result<Matrix> from_columns(Span<const Column> columns, const MatrixQuery &query = {});
    /// Reads JSON that nobody vouches for, as to_json writes it. Errors: Malformed and TooLarge, with the place in bytes.
    static Result<Matrix> from_json(std::string_view json, const Limits &limits = {});
    /// Reads protobuf that nobody vouches for, as to_proto writes it; what it counts is not in it, so `series` says it.
    /// Errors: Malformed, TooLarge, InvalidArgument (the series).
    static Result<Matrix> from_proto(std::string_view message, Series series, const Limits &limits = {});

    /// The C handle, for C functions that are not wrapped. It stays this object's.
    const keyviz_matrix_t *handle() const noexcept { return handle_.get(); }
    /// Whether it was made and not moved from.
    explicit operator bool() const noexcept { return handle_ != nullptr; }

    /// Number of rows.
    std::size_t rows() const noexcept { return shape().rows; }
    /// Number of columns.
    std::size_t columns() const noexcept { return shape().columns; }
    /// Number of rows.
    std::size_t size() const noexcept { return rows(); }
    /// Whether it has no rows.
    bool empty() const noexcept { return rows() == 0; }
    /// Row `i`, counted from 0; there must be one.
    MatrixRow operator[](std::size_t i) const noexcept;
    /// The first row.
    const_iterator begin() const noexcept { return {*this, 0}; }
    /// Past the last row.
    const_iterator end() const noexcept { return {*this, rows()}; }

    /// When each column was committed, oldest first.
    std::vector<TimeMs> times() const;
    /// All values in place, row by row: row i has in column j values()[i * columns() + j].
    Span<const std::uint64_t> values() const noexcept {
        const Shape is = shape();
        return {keyviz_matrix_values_view(handle()), is.rows * is.columns};
    }
    /// What it is besides.
    MatrixInfo info() const noexcept;
    /// The nodes of the cluster that was asked.
    std::vector<Node> nodes() const;
    /// The Raft groups and terms of row `i`. Errors: NotFound.
    Result<Identities> identities(std::size_t i) const;
    /// The name of row `i` for people: "route:7 / redis". The sub-buckets of a route share it. Errors: NotFound.
    Result<std::string> row_name(std::size_t i) const {
        return detail::bytes([&](auto *buffer, std::size_t capacity, auto *size, auto *error) {
            return keyviz_matrix_row_name(handle(), i, buffer, capacity, size, error);
        });
    }
    /// What is said of the route and label of row `i`, sub-buckets together. The first call looks at the whole matrix.
    /// Errors: NotFound.
    Result<Verdict> verdict(std::size_t i) const;
    /// Where the hot routes would be split, the hottest first: those with a tenth of the traffic or more.
    std::vector<Split> splits() const;

    /// @name Forms
    /// @{

    /// One JSON object, UTF-8; integers as they are, up to 64 bits.
    Result<std::string> to_json() const { return form(keyviz_matrix_to_json); }
    /// Protobuf: a GetKeyVizMatrixResponse of keyviz.proto.
    Result<std::string> to_proto() const { return form(keyviz_matrix_to_proto); }
    /// CSV: a head line, and a line per row.
    Result<std::string> to_csv() const { return form(keyviz_matrix_to_csv); }
    /// A picture: time goes right, keys go down, brighter is more. Errors: InvalidArgument (a side is too long or short).
    Result<std::string> to_png(const PngOptions &options = {}) const;
    /// @}

private:
    struct Free {
        void operator()(keyviz_matrix_t *matrix) const noexcept { keyviz_matrix_free(matrix); }
    };
    struct Shape {
        std::size_t rows = 0, columns = 0;
    };

    Shape shape() const noexcept {
        Shape out;
        (void)keyviz_matrix_shape(handle(), &out.rows, &out.columns);
        return out;
    }
    template <class Function>
    Result<std::string> form(Function function) const {
        return detail::bytes([&](void *buffer, std::size_t capacity, std::size_t *size, keyviz_error_t *error) {
            return function(handle(), buffer, capacity, size, error);
        });
    }

    std::unique_ptr<keyviz_matrix_t, Free> handle_;
};

namespace detail {

inline keyviz_matrix_query_t c_query(const MatrixQuery &query) noexcept {
    keyviz_matrix_query_t out = KEYVIZ_MATRIX_QUERY_INIT;
    out.from_ns = ns_of(query.from);
    out.to_ns = ns_of(query.to);
    out.series = number(query.series);
    out.row_budget = query.row_budget;
    out.budget_mode = number(query.budget);
    out.node = query.node.data();
    out.node_len = static_cast<std::uint32_t>(query.node.size());
    return out;
}

inline keyviz_limits_t c_limits(const Limits &limits) noexcept {
    keyviz_limits_t out = KEYVIZ_LIMITS_INIT;
    out.max_bytes = limits.max_bytes;
    out.max_rows = limits.max_rows;
    out.max_cells = limits.max_cells;
    return out;
}

inline Matrix own(keyviz_matrix_t *matrix) noexcept { return Matrix(matrix); }

}  // namespace detail

inline Result<Matrix> Matrix::from_columns(Span<const Column> columns, const MatrixQuery &query) {
    std::vector<keyviz_column_buffer_t> buffers;
    buffers.reserve(columns.size());
    for (const Column &column : columns) buffers.push_back(column.buffer());
    std::vector<const keyviz_column_buffer_t *> pointers;
    pointers.reserve(columns.size());
    for (const auto &buffer : buffers) pointers.push_back(&buffer);
    const keyviz_matrix_query_t c = detail::c_query(query);
    return detail::got<keyviz_matrix_t *>(
        nullptr,
        [&](auto *out, auto *error) {
            return keyviz_matrix_from_columns(pointers.data(), pointers.size(), &c, out, error);
        },
        detail::own);
}

inline Result<Matrix> Matrix::from_json(std::string_view json, const Limits &limits) {
    const keyviz_limits_t c = detail::c_limits(limits);
    return detail::got<keyviz_matrix_t *>(
        nullptr,
        [&](auto *out, auto *error) { return keyviz_matrix_from_json(json.data(), json.size(), &c, out, error); },
        detail::own);
}

inline Result<Matrix> Matrix::from_proto(std::string_view message, Series series, const Limits &limits) {
    const keyviz_limits_t c = detail::c_limits(limits);
    return detail::got<keyviz_matrix_t *>(
        nullptr,
        [&](auto *out, auto *error) {
            return keyviz_matrix_from_proto(message.data(), message.size(), detail::number(series), &c, out, error);
        },
        detail::own);
}

inline MatrixRow Matrix::operator[](std::size_t i) const noexcept {
    MatrixRow row;
    keyviz_matrix_row_t from = KEYVIZ_MATRIX_ROW_INIT;
    const keyviz_status_t status = keyviz_matrix_row(handle(), i, &from, nullptr);
    assert(status == KEYVIZ_OK);
    if (status != KEYVIZ_OK) return row;
    const std::size_t width = columns();
    row.id = detail::view(from.id, from.id_len);
    row.label = detail::view(from.label, from.label_len);
    row.start = detail::view(from.start, from.start_len);
    row.end = detail::view(from.end, from.end_len);
    row.unbounded = (from.flags & KEYVIZ_MATRIX_ROW_UNBOUNDED) != 0;
    row.aggregate = (from.flags & KEYVIZ_MATRIX_ROW_AGGREGATE) != 0;
    row.conflict = (from.flags & KEYVIZ_MATRIX_ROW_CONFLICT) != 0;
    row.routes_truncated = (from.flags & KEYVIZ_MATRIX_ROW_ROUTES_TRUNCATED) != 0;
    row.route_count = from.route_count;
    row.route_ids = {from.route_ids, from.route_ids_count};
    row.values = {from.values, width};
    row.conflicts = {from.conflicts, from.conflicts != nullptr ? width : 0};
    return row;
}

inline std::vector<TimeMs> Matrix::times() const {
    std::vector<std::int64_t> numbers(columns());
    (void)keyviz_matrix_columns(handle(), numbers.data(), numbers.size(), nullptr);
    std::vector<TimeMs> out;
    out.reserve(numbers.size());
    for (const std::int64_t ms : numbers) out.emplace_back(std::chrono::milliseconds(ms));
    return out;
}

inline MatrixInfo Matrix::info() const noexcept {
    keyviz_matrix_info_t from = KEYVIZ_MATRIX_INFO_INIT;
    (void)keyviz_matrix_info(handle(), &from, nullptr);
    MatrixInfo out;
    out.series = static_cast<Series>(from.series);
    out.generated_at = detail::time_of(from.generated_at_ns);
    out.fanout = from.fanout != 0;
    out.nodes = from.nodes;
    out.nodes_responded = from.nodes_responded;
    out.nodes_expected = from.nodes_expected;
    out.node = detail::view(from.node, from.node_len);
    return out;
}

inline std::vector<Node> Matrix::nodes() const {
    std::vector<Node> out;
    for (std::size_t i = 0;; ++i) {
        keyviz_matrix_node_t from = KEYVIZ_MATRIX_NODE_INIT;
        if (keyviz_matrix_node(handle(), i, &from, nullptr) != KEYVIZ_OK) return out;
        Node node;
        node.name = detail::view(from.node, from.node_len);
        if (from.error != nullptr) node.error = detail::view(from.error, from.error_len);
        out.push_back(node);
    }
}

inline Result<Identities> Matrix::identities(std::size_t i) const {
    Identities out;
    out.group_ids.resize(columns());
    out.leader_terms.resize(out.group_ids.size());
    const auto done = detail::done([&](auto *error) {
        return keyviz_matrix_identities(handle(), i, out.group_ids.data(), out.leader_terms.data(), out.group_ids.size(),
                                        error);
    });
    if (!done) return done.error();
    return out;
}

inline Result<Verdict> Matrix::verdict(std::size_t i) const {
    return detail::got<keyviz_verdict_t>(
        KEYVIZ_VERDICT_INIT, [&](auto *out, auto *error) { return keyviz_matrix_verdict(handle(), i, out, error); },
        [](const keyviz_verdict_t &from) {
            Verdict out;
            out.pattern = static_cast<Pattern>(from.verdict);
            out.measure = from.measure;
            out.period = std::chrono::milliseconds(static_cast<std::int64_t>(from.period_ms));
            out.total = from.total;
            out.reason = detail::view(from.reason, from.reason_len);
            return out;
        });
}

inline std::vector<Split> Matrix::splits() const {
    std::vector<Split> out;
    for (std::size_t i = 0;; ++i) {
        keyviz_split_t from = KEYVIZ_SPLIT_INIT;
        if (keyviz_matrix_split(handle(), i, &from, nullptr) != KEYVIZ_OK) return out;
        Split split;
        split.route_id = from.route_id;
        split.share = from.share;
        split.below = from.below;
        if (from.key != nullptr) split.key = detail::view(from.key, from.key_len);
        split.reason = detail::view(from.reason, from.reason_len);
        out.push_back(split);
    }
}

inline Result<std::string> Matrix::to_png(const PngOptions &options) const {
    keyviz_png_options_t c = KEYVIZ_PNG_OPTIONS_INIT;
    c.width = options.width;
    c.height = options.height;
    c.scale = detail::number(options.scale);
    return detail::bytes([&](void *buffer, std::size_t capacity, std::size_t *size, keyviz_error_t *error) {
        return keyviz_matrix_to_png(handle(), &c, buffer, capacity, size, error);
    });
}

}  // namespace keyviz

#endif
