/// @file
/// The heatmap as a page, finished or live.
#ifndef KEYVIZ_PAGE_HPP
#define KEYVIZ_PAGE_HPP

#include <keyviz/matrix.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace keyviz {

/// A page that asks the server that it came from for data. Both addresses are of that server. Strings are UTF-8.
struct LivePage {
    std::string_view matrix_url{};    ///< Where the matrix's JSON is; asked with ?series=&from_unix_ms=&rows=.
    std::string_view hot_keys_url{};  ///< Where the hot keys' JSON is (see HotKeysQuery::parse); empty: none are shown.
    std::string_view title{};         ///< Its title; empty: the page's own.
    std::uint32_t rows = 0;           ///< The row budget to ask for; 0: the server's.
};

namespace detail {

inline Result<std::string> html(Span<const keyviz_matrix_t *const> matrices, std::string_view title) {
    return bytes([&](void *buffer, std::size_t capacity, std::size_t *size, keyviz_error_t *error) {
        return keyviz_matrix_to_html(matrices.data(), matrices.size(), title.data(), title.size(), buffer, capacity, size,
                                     error);
    });
}

}  // namespace detail

/// The heatmap as one HTML page that needs nothing else, no network either: UTF-8. One matrix for each series to choose, best
/// of the same columns; the first one is shown first. `title` empty: the page's own. Errors: InvalidArgument (a title that is
/// not UTF-8).
template <class... More>
Result<std::string> to_html(std::string_view title, const Matrix &first, const More &...more) {
    const keyviz_matrix_t *const handles[] = {first.handle(), more.handle()...};
    return detail::html(handles, title);
}

/// The same of matrices in a row, one or more. Errors: InvalidArgument (no matrix).
inline Result<std::string> to_html(std::string_view title, Span<const Matrix> matrices) {
    std::vector<const keyviz_matrix_t *> handles;
    handles.reserve(matrices.size());
    for (const Matrix &matrix : matrices) handles.push_back(matrix.handle());
    return detail::html(handles, title);
}

/// The live heatmap page, for a server that answers its requests: UTF-8. Serve it as text/html, under the policy of
/// live_page_policy. Errors: InvalidArgument (no matrix_url, not UTF-8).
inline Result<std::string> live_page(const LivePage &page) {
    keyviz_live_page_t c = KEYVIZ_LIVE_PAGE_INIT;
    c.matrix_url = page.matrix_url.data();
    c.matrix_url_len = page.matrix_url.size();
    c.hot_keys_url = page.hot_keys_url.data();
    c.hot_keys_url_len = page.hot_keys_url.size();
    c.title = page.title.data();
    c.title_len = page.title.size();
    c.rows = page.rows;
    return detail::bytes([&](void *buffer, std::size_t capacity, std::size_t *size, keyviz_error_t *error) {
        return keyviz_live_page(&c, buffer, capacity, size, error);
    });
}

/// The value of the Content-Security-Policy header for the live page. ASCII.
inline Result<std::string> live_page_policy() {
    return detail::bytes([](auto *buffer, std::size_t capacity, auto *size, auto *error) {
        return keyviz_live_page_policy(buffer, capacity, size, error);
    });
}

}  // namespace keyviz

#endif
