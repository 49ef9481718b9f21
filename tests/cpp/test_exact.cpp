// Exactness: whatever runs beside it, an observation that returned Ok is in exactly one drained row. Half of the threads
// observe, the other half through lanes, while one drains and another registers and removes routes.
#include "fixture.hpp"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

constexpr std::uint64_t routes = 16;

struct Sums {
    std::uint64_t operations = 0, bytes = 0;
    bool operator==(const Sums &other) const { return operations == other.operations && bytes == other.bytes; }
};

static Sums count(Sampler &sampler, bool with_lane, std::uint64_t observations) {
    Sums sums;
    keyviz::Lane lane;
    if (with_lane) lane = check::must(sampler.acquire_lane());
    for (std::uint64_t i = 0; i < observations; ++i) {
        const std::uint64_t route = 1 + i % routes, size = i % 100;
        const std::string_view key = "0123456789"sv.substr(i % 7);
        const Op op = i % 3 == 0 ? Op::Read : Op::Write;
        const auto label = static_cast<Label>(i % 6);
        const Status status =
            with_lane ? lane.observe(route, key, op, size, label) : sampler.observe(route, key, op, size, label);
        if (status == Status::Ok) ++sums.operations, sums.bytes += key.size() + size;
    }
    return sums;
}

static void nothing_is_lost_or_counted_twice() {
    auto options = labelled();
    options.history_off = true;
    Sampler sampler = check::must(Sampler::create(options));
    for (std::uint64_t id = 1; id <= routes; ++id) CHECK_OK(sampler.register_route({id}));

    std::atomic<bool> stop{false};
    Sums drained;
    keyviz::Time now = t0;
    keyviz::Column column;
    const auto drain = [&] {
        now += 1s;
        if (!sampler.drain(now, column)) return;
        for (const auto row : column) {
            drained.operations += row.reads + row.writes;
            drained.bytes += row.read_bytes + row.write_bytes;
        }
    };
    std::thread drainer([&] {
        while (!stop) drain(), std::this_thread::yield();
    });
    std::thread remover([&] {
        for (std::uint64_t i = 0; !stop; ++i) {
            const std::uint64_t id = 1 + i % 4;
            (void)sampler.remove_route(id, t0 + 1s * static_cast<std::int64_t>(i));
            (void)sampler.register_route({id});
            std::this_thread::yield();
        }
    });
    std::array<Sums, 4> counted;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < counted.size(); ++i) {
        threads.emplace_back([&, i] { counted[i] = count(sampler, i % 2 != 0, check::share(400000)); });
    }
    for (auto &thread : threads) thread.join();
    stop = true;
    drainer.join();
    remover.join();
    drain();
    Sums all;
    for (const auto &one : counted) all.operations += one.operations, all.bytes += one.bytes;
    CHECK(all.operations > 0);
    CHECK_EQUAL(drained.operations, all.operations);
    CHECK_EQUAL(drained.bytes, all.bytes);
}

static void a_lane_passes_from_thread_to_thread() {
    Sampler sampler = check::must(Sampler::create(labelled()));
    CHECK_OK(sampler.register_route({1}));
    keyviz::Lane lane = check::must(sampler.acquire_lane());
    for (int i = 0; i < 3; ++i) {
        std::thread([lane = std::move(lane), &back = lane]() mutable {
            lane.observe(1, "k", Op::Write, 1);
            back = std::move(lane);
        }).join();
    }
    lane = {};
    keyviz::Column column;
    CHECK_OK(sampler.drain(t0 + 1min, column));
    CHECK_EQUAL(column[0].writes, 3u);
}

int main(int, char **argv) {
    RUN(nothing_is_lost_or_counted_twice);
    RUN(a_lane_passes_from_thread_to_thread);
    return check::summary(argv[0]);
}
