/// @file
/// A lane: the private counters of a thread.
#ifndef KEYVIZ_LANE_HPP
#define KEYVIZ_LANE_HPP

#include <keyviz/types.hpp>

#include <cstdint>
#include <memory>
#include <string_view>

namespace keyviz {

/// A lane of a sampler (Sampler::acquire_lane): the fastest way to count, for hosts that know their threads. One thread at a
/// time uses it, and it may pass from thread to thread. It goes back when it is destroyed, which must be before its sampler
/// is; what it counted stays. One that was moved from counts nothing.
class Lane {
public:
    /// One that counts nothing.
    Lane() noexcept = default;
    /// Takes over a lane of C.
    explicit Lane(keyviz_lane_t *handle) noexcept : handle_(handle) {}

    /// The C handle; null if it counts nothing. It stays this object's.
    keyviz_lane_t *handle() const noexcept { return handle_.get(); }
    /// Whether it counts.
    explicit operator bool() const noexcept { return handle_ != nullptr; }

    /// As Sampler::observe.
    Status observe(std::uint64_t route_id, std::string_view key, Op op, std::uint64_t value_size,
                   Label label = Label::Legacy) noexcept {
        return static_cast<Status>(keyviz_lane_observe(handle(), route_id, key.data(), key.size(), detail::number(op),
                                                       value_size, detail::number(label)));
    }

private:
    struct Release {
        void operator()(keyviz_lane_t *lane) const noexcept { keyviz_lane_release(lane); }
    };

    std::unique_ptr<keyviz_lane_t, Release> handle_;
};

}  // namespace keyviz

#endif
