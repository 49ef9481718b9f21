/// @file
/// The merge of a cluster's matrices.
#ifndef KEYVIZ_MERGE_HPP
#define KEYVIZ_MERGE_HPP

#include <keyviz/matrix.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace keyviz {

/// How matrices are merged.
struct MergeOptions {
    Series series = Series::Writes;              ///< Every source must be of it.
    std::optional<Duration> column_tolerance{};  ///< Columns so near, in whole ms, are one; none: half a step.
    std::uint64_t nodes_expected = 0;            ///< Nodes that are to answer, for the report; 0: as many as are added.
    std::uint32_t row_budget = 0;                ///< Most rows of the result; 0, or more than 1024: 1024.
    Budget budget = Budget::Top;                 ///< What becomes of the rows over the budget.
};

/// What became of a source.
enum class Added {
    Counted,    ///< It counts.
    AlreadyIn,  ///< A source of this node's name was added before; this one does not count again.
};

/// A merge of the matrices of a cluster's nodes. It holds about one matrix, however many are added. Any thread may call its
/// functions; they take turns. One that was moved from, or never made, fails with Status::NullPointer.
class Merge {
public:
    /// One that takes nothing.
    Merge() noexcept = default;
    /// Begins a merge. Errors: InvalidArgument.
    static Result<Merge> create(const MergeOptions &options = {});

    /// The C handle, for C functions that are not wrapped. It stays this object's.
    keyviz_merge_t *handle() const noexcept { return handle_.get(); }
    /// Whether it was made and not moved from.
    explicit operator bool() const noexcept { return handle_ != nullptr; }

    /// Adds a source, this node's own first, since what describes a row is from the first source that has it. `node` names
    /// it, unless the matrix has a name itself. Errors: InvalidArgument (another series; finished; a name that is not
    /// UTF-8), TooLarge (more than 2^28 cells).
    Result<Added> add(const Matrix &matrix, std::string_view node = {});
    /// Adds a node that gave no matrix, with the reason; both UTF-8. Errors: InvalidArgument.
    Result<void> add_failure(std::string_view node, std::string_view reason) {
        return detail::done([&](auto *error) {
            return keyviz_merge_add_failure(handle(), node.data(), node.size(), reason.data(), reason.size(), error);
        });
    }
    /// Gives the merged matrix, and ends the merge. Errors: InvalidArgument (it is finished already).
    Result<Matrix> finish() {
        return detail::got<keyviz_matrix_t *>(
            nullptr, [&](auto *out, auto *error) { return keyviz_merge_finish(handle(), out, error); }, detail::own);
    }

private:
    struct Free {
        void operator()(keyviz_merge_t *merge) const noexcept { keyviz_merge_free(merge); }
    };

    explicit Merge(keyviz_merge_t *handle) noexcept : handle_(handle) {}

    std::unique_ptr<keyviz_merge_t, Free> handle_;
};

inline Result<Merge> Merge::create(const MergeOptions &options) {
    keyviz_merge_options_t c = KEYVIZ_MERGE_OPTIONS_INIT;
    if (options.column_tolerance) c.column_tolerance_ns = options.column_tolerance->count();
    c.nodes_expected = options.nodes_expected;
    c.series = detail::number(options.series);
    c.row_budget = options.row_budget;
    c.budget_mode = detail::number(options.budget);
    return detail::got<keyviz_merge_t *>(
        nullptr, [&](auto *out, auto *error) { return keyviz_merge_new(&c, out, error); },
        [](keyviz_merge_t *merge) { return Merge(merge); });
}

inline Result<Added> Merge::add(const Matrix &matrix, std::string_view node) {
    return detail::got<std::uint32_t>(
        0u,
        [&](auto *out, auto *error) {
            return keyviz_merge_add(handle(), matrix.handle(), node.data(), node.size(), out, error);
        },
        [](std::uint32_t counted) { return counted != 0 ? Added::Counted : Added::AlreadyIn; });
}

}  // namespace keyviz

#endif
