/// @file
/// Views of what lies in other memory: Span, and ranges whose elements are made as they are looked at.
#ifndef KEYVIZ_SPAN_HPP
#define KEYVIZ_SPAN_HPP

#include <cassert>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <type_traits>
#include <utility>
#if defined(__has_include) && __cplusplus >= 202002L
#if __has_include(<span>)
#include <span>
#endif
#endif

namespace keyviz {

/// Elements that lie one behind the other in memory of somebody else. It is the same type in every version of C++, so that
/// programs built for several link; where C++20 is, a std::span becomes one and comes from one by itself.
template <class T>
class Span {
    template <class Container>
    using DataOf = std::remove_pointer_t<decltype(std::data(std::declval<Container &>()))>;
    // From a container: no conversion but of T to const T, as arrays allow it.
    template <class Container>
    using IfFits = std::enable_if_t<!std::is_same_v<std::decay_t<Container>, Span> &&
                                    !std::is_array_v<std::remove_reference_t<Container>> &&
                                    std::is_convertible_v<DataOf<Container> (*)[], T (*)[]> &&
                                    (std::is_lvalue_reference_v<Container> || std::is_const_v<T>)>;

public:
    using element_type = T;                  ///< As of std::span.
    using value_type = std::remove_cv_t<T>;  ///< As of std::span.
    using size_type = std::size_t;           ///< As of std::span.
    using iterator = T *;                    ///< As of std::span.

    /// None.
    constexpr Span() noexcept = default;
    /// `size` elements from `data` on. `data` may be null if there are none.
    constexpr Span(T *data, std::size_t size) noexcept : data_(data), size_(size) {}
    /// Those of an array.
    template <std::size_t N>
    constexpr Span(T (&array)[N]) noexcept : Span(array, N) {}
    /// Those of a container: std::vector, std::array, std::span.
    template <class Container, class = IfFits<Container>>
    constexpr Span(Container &&container) noexcept : Span(std::data(container), std::size(container)) {}
    /// Those in braces, which live as long as the call that they are an argument of.
    template <class U = T, class = std::enable_if_t<std::is_const_v<U>>>
    constexpr Span(std::initializer_list<value_type> list) noexcept : Span(list.begin(), list.size()) {}

    /// Where the first one lies. If there is none, nothing may be read there.
    constexpr T *data() const noexcept { return data_; }
    /// How many there are.
    constexpr std::size_t size() const noexcept { return size_; }
    /// Whether there is none.
    constexpr bool empty() const noexcept { return size_ == 0; }
    /// The first one.
    constexpr T *begin() const noexcept { return data_; }
    /// Past the last one.
    constexpr T *end() const noexcept { return data_ + size_; }
    /// The `i`th one, counted from 0; there must be one.
    constexpr T &operator[](std::size_t i) const noexcept {
        assert(i < size_);
        return data_[i];
    }

private:
    T *data_ = nullptr;
    std::size_t size_ = 0;
};

namespace detail {

/// Iterates over anything with operator[], which makes its elements.
template <class Range>
class IndexIterator {
public:
    using value_type = decltype(std::declval<const Range &>()[0]);
    using reference = value_type;
    using difference_type = std::ptrdiff_t;
    // Elements are made, not pointed at: in C++17's terms an input iterator, in C++20's one of random access.
    using iterator_category = std::input_iterator_tag;
#ifdef __cpp_lib_ranges
    using iterator_concept = std::random_access_iterator_tag;
#endif
    /// Holds an element for operator->.
    struct pointer {
        value_type element;
        const value_type *operator->() const noexcept { return &element; }
    };

    IndexIterator() noexcept = default;
    IndexIterator(const Range &range, std::size_t at) noexcept : range_(&range), at_(static_cast<difference_type>(at)) {}

    reference operator*() const { return (*range_)[static_cast<std::size_t>(at_)]; }
    pointer operator->() const { return {**this}; }
    reference operator[](difference_type n) const { return *(*this + n); }
    IndexIterator &operator++() noexcept { return *this += 1; }
    IndexIterator operator++(int) noexcept { return std::exchange(*this, *this + 1); }
    IndexIterator &operator--() noexcept { return *this -= 1; }
    IndexIterator operator--(int) noexcept { return std::exchange(*this, *this - 1); }
    IndexIterator &operator+=(difference_type n) noexcept {
        at_ += n;
        return *this;
    }
    IndexIterator &operator-=(difference_type n) noexcept { return *this += -n; }
    friend IndexIterator operator+(IndexIterator i, difference_type n) noexcept { return i += n; }
    friend IndexIterator operator+(difference_type n, IndexIterator i) noexcept { return i += n; }
    friend IndexIterator operator-(IndexIterator i, difference_type n) noexcept { return i -= n; }
    friend difference_type operator-(const IndexIterator &a, const IndexIterator &b) noexcept { return a.at_ - b.at_; }
    friend bool operator==(const IndexIterator &a, const IndexIterator &b) noexcept { return a.at_ == b.at_; }
    friend bool operator!=(const IndexIterator &a, const IndexIterator &b) noexcept { return a.at_ != b.at_; }
    friend bool operator<(const IndexIterator &a, const IndexIterator &b) noexcept { return a.at_ < b.at_; }
    friend bool operator>(const IndexIterator &a, const IndexIterator &b) noexcept { return b < a; }
    friend bool operator<=(const IndexIterator &a, const IndexIterator &b) noexcept { return !(b < a); }
    friend bool operator>=(const IndexIterator &a, const IndexIterator &b) noexcept { return !(a < b); }

private:
    const Range *range_ = nullptr;
    difference_type at_ = 0;
};

}  // namespace detail
}  // namespace keyviz

#ifdef __cpp_lib_ranges
template <class T>
inline constexpr bool std::ranges::enable_borrowed_range<keyviz::Span<T>> = true;
template <class T>
inline constexpr bool std::ranges::enable_view<keyviz::Span<T>> = true;
#endif

#endif
