/// @file
/// A route: the key range of a Raft group.
#ifndef KEYVIZ_ROUTE_HPP
#define KEYVIZ_ROUTE_HPP

#include <keyviz/span.hpp>
#include <keyviz/types.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace keyviz {

/// A route: the keys with start <= key < end. `Route{1, "a", "m"}` is one, `Route{1}` has the whole key space. The bounds
/// are copied when it is registered.
struct Route {
    std::uint64_t route_id = 0;  ///< Its id; any value.
    std::string_view start{};    ///< First key; empty: the least key.
    std::string_view end{};      ///< First key past the range; empty: unbounded.
    std::uint64_t group_id = 0;  ///< The Raft group that owns it; 0: unknown.
    bool any_range = false;      ///< Take a range whose start is not below its end (never sub-divided), not refuse it.
};

namespace detail {

inline keyviz_route_t c_route(const Route &route) noexcept {
    keyviz_route_t out = KEYVIZ_ROUTE_INIT;
    out.route_id = route.route_id;
    out.group_id = route.group_id;
    out.start = route.start.data();
    out.start_len = route.start.size();
    out.end = route.end.data();
    out.end_len = route.end.size();
    out.flags = route.any_range ? KEYVIZ_ROUTE_ANY_RANGE : 0;
    return out;
}

inline std::vector<keyviz_route_t> c_routes(Span<const Route> routes) {
    std::vector<keyviz_route_t> out;
    out.reserve(routes.size());
    for (const Route &route : routes) out.push_back(c_route(route));
    return out;
}

}  // namespace detail
}  // namespace keyviz

#endif
