/// @file
/// keyviz.hpp - libkeyviz for C++17 and newer, header-only over keyviz.h; links with what keyviz.h links with.
///
///     keyviz::Sampler    counts: routes, observations, flushes, history          keyviz/sampler.hpp
///     keyviz::Lane       the private counters of a thread                        keyviz/lane.hpp
///     keyviz::Column     what one step counted, row by row                       keyviz/column.hpp
///     keyviz::Walk       many columns of the history, the fastest way            keyviz/walk.hpp
///     keyviz::Matrix     time x key ranges of a series, and its forms            keyviz/matrix.hpp
///     keyviz::Merge      the matrices of a cluster's nodes as one                keyviz/merge.hpp
///     keyviz::HotKeys    which keys make a cell hot, with bounds                 keyviz/hot_keys.hpp
///     keyviz::to_html    a heatmap to open; keyviz::live_page to serve           keyviz/page.hpp
///     keyviz::Result     what a call gives, or why not: keyviz::Error            keyviz/result.hpp
///
/// Owners are moved, not copied, and free what they own. One that was moved from is empty: nothing that is done with it
/// crashes. Keys are std::string_view of any bytes, and not kept beyond the call. Times are of std::chrono's system clock.
///
/// Nothing throws but std::bad_alloc, and Result::value(), for those who like exceptions; the headers also compile with
/// -fno-exceptions -fno-rtti. Thread safety is said of each class. What is not wrapped is what bindings to other languages
/// count with (keyviz_hot_layout); each owner gives its C handle.
#ifndef KEYVIZ_HPP
#define KEYVIZ_HPP

#include <keyviz/column.hpp>
#include <keyviz/hot_keys.hpp>
#include <keyviz/lane.hpp>
#include <keyviz/matrix.hpp>
#include <keyviz/merge.hpp>
#include <keyviz/options.hpp>
#include <keyviz/page.hpp>
#include <keyviz/result.hpp>
#include <keyviz/route.hpp>
#include <keyviz/sampler.hpp>
#include <keyviz/span.hpp>
#include <keyviz/types.hpp>
#include <keyviz/walk.hpp>

#endif
