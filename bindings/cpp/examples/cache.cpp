// A concurrent in-memory cache that knows where its traffic goes, and writes a heatmap when it ends.
//
//     c++ -std=c++17 cache.cpp -lkeyviz -pthread -o cache && ./cache heatmap.html
//
// Cache is what any program has: shards with a lock and the least recently used entries to go. It tells a keyviz::Sampler of
// each request, which costs some nanoseconds. Heatmap owns the sampler, and a thread that commits a column each step: 10 ms
// here, so that the example ends soon; a minute is what servers take. Open heatmap.html in a browser; it needs no network.
#include <keyviz.hpp>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <fstream>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

// The kinds of keys that the cache holds: each is a route, whose range is what begins with its name.
enum Kind : std::uint64_t { page = 1, session = 2, user = 3 };

static Kind kind_of(std::string_view key) { return key[0] == 'p' ? page : key[0] == 's' ? session : user; }

// Counts, and draws what was counted when it ends. Nothing waits for it.
class Heatmap {
public:
    explicit Heatmap(std::string path) : path_(std::move(path)) {
        keyviz::Options options;
        options.key_buckets_per_route = 32;  // a row for each 32nd part of a route's keys
        options.hot_keys_enabled = true;     // and which keys are read most
        options.hot_keys_series = keyviz::HotKeysSeries::Reads;
        // Setting up may throw; value() does if the call failed.
        sampler_ = keyviz::Sampler::create(options).value();
        const keyviz::Route routes[] = {
            {page, "page/", "page0"},
            {session, "session/", "session0"},
            {user, "user/", "user0"},
        };
        sampler_.register_routes(routes).value();
        flusher_ = std::thread([this] { flush_each_step(); });
    }
    ~Heatmap() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        stop_.notify_one();
        flusher_.join();
        commit();  // what was counted since the last step
        if (const auto drawn = draw(); !drawn) {
            std::fprintf(stderr, "no heatmap: %s\n", drawn.error().message().data());
        }
    }
    Heatmap(const Heatmap &) = delete;
    Heatmap &operator=(const Heatmap &) = delete;

    keyviz::Sampler &sampler() { return sampler_; }

private:
    void flush_each_step() {
        std::unique_lock lock(mutex_);
        while (!stop_.wait_for(lock, 10ms, [this] { return stopping_; })) commit();
    }
    void commit() {
        if (const auto column = sampler_.flush(); !column) {
            std::fprintf(stderr, "a step comes with the next one: %s\n", column.error().message().data());
        }
    }
    // Who likes no exceptions looks at each result.
    keyviz::Result<void> draw() {
        keyviz::MatrixQuery query;
        query.budget = keyviz::Budget::Merge;  // over 1024 rows, cold neighbours become one
        const auto writes = sampler_.matrix(query);
        if (!writes) return writes.error();
        query.series = keyviz::Series::Reads;
        const auto reads = sampler_.matrix(query);
        if (!reads) return reads.error();
        print("reads", *reads);
        print("writes", *writes);
        if (const auto hottest = hottest_key(user); !hottest.empty()) std::printf("the hottest user: %s\n", hottest.c_str());
        const auto html = keyviz::to_html("Cache", *reads, *writes);
        if (!html) return html.error();
        std::ofstream file(path_, std::ios::binary);
        file << *html;
        if (!file.flush()) return keyviz::Error(keyviz::Status::Io, path_ + " can't be written");
        return {};
    }
    // Of the whole run, which is one window of hot keys here; servers publish each step, before the flush.
    std::string hottest_key(Kind kind) {
        if (!sampler_.publish_hot_keys()) return {};
        keyviz::HotKeysQuery query;
        query.route_id = kind;
        query.series = keyviz::Series::Reads;
        const auto keys = sampler_.hot_keys(query);
        return keys && !keys->empty() ? std::string((*keys)[0].key) : std::string();
    }
    // A line per kind: its parts together.
    static void print(const char *title, const keyviz::Matrix &matrix) {
        std::array<std::uint64_t, 4> totals{};
        for (const keyviz::MatrixRow &row : matrix) {
            std::uint64_t &total = totals[kind_of(row.start)];
            for (const std::uint64_t value : row.values) total += value;
        }
        std::printf("%s: page %llu, session %llu, user %llu\n", title, static_cast<unsigned long long>(totals[page]),
                    static_cast<unsigned long long>(totals[session]), static_cast<unsigned long long>(totals[user]));
    }

    std::string path_;
    keyviz::Sampler sampler_;
    std::mutex mutex_;
    std::condition_variable stop_;
    bool stopping_ = false;
    std::thread flusher_;
};

// Strings by key; the least recently used ones go. Any thread may call any function at any time.
class Cache {
public:
    Cache(keyviz::Sampler &sampler, std::size_t entries) : sampler_(sampler), most_(entries / shard_count) {}

    std::optional<std::string> get(std::string_view key) {
        std::optional<std::string> value = find(key);
        sampler_.observe(kind_of(key), key, keyviz::Op::Read, value ? value->size() : 0);
        return value;
    }

    void put(std::string_view key, std::string value) {
        sampler_.observe(kind_of(key), key, keyviz::Op::Write, value.size());
        Shard &shard = shard_of(key);
        const std::lock_guard lock(shard.mutex);
        if (const auto found = shard.index.find(key); found != shard.index.end()) {
            found->second->value = std::move(value);
            shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
            return;
        }
        shard.entries.push_front({std::string(key), std::move(value)});
        shard.index.emplace(shard.entries.front().key, shard.entries.begin());
        if (shard.entries.size() <= most_) return;
        shard.index.erase(shard.entries.back().key);
        shard.entries.pop_back();
    }

private:
    static constexpr std::size_t shard_count = 16;
    struct Entry {
        std::string key, value;
    };
    struct Shard {
        std::mutex mutex;
        std::list<Entry> entries;  // the last one used first
        std::unordered_map<std::string_view, std::list<Entry>::iterator> index;
    };

    Shard &shard_of(std::string_view key) { return shards_[std::hash<std::string_view>()(key) % shard_count]; }

    std::optional<std::string> find(std::string_view key) {
        Shard &shard = shard_of(key);
        const std::lock_guard lock(shard.mutex);
        const auto found = shard.index.find(key);
        if (found == shard.index.end()) return std::nullopt;
        shard.entries.splice(shard.entries.begin(), shard.entries, found->second);
        return found->second->value;
    }

    keyviz::Sampler &sampler_;
    std::size_t most_;
    std::array<Shard, shard_count> shards_;
};

// A client: pages are read in turn, sessions are written at the end of their keys, and one user is asked for more than all
// others.
static void request(Cache &cache, unsigned client) {
    char key[32];
    for (unsigned i = 0; i < 20000; ++i) {
        std::snprintf(key, sizeof key, "page/%04u", i * i % 1000);
        cache.get(key);
        std::snprintf(key, sizeof key, "session/%06u", i);
        if (i % 4 == 0) cache.put(key, std::string(100, 's'));
        std::snprintf(key, sizeof key, "user/%u%03u", client, i % 100);
        if (i % 10 == 0) cache.put(key, "somebody");
        cache.get(i % 3 == 0 ? "user/9000" : key);
    }
}

int main(int argc, char **argv) try {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s HEATMAP.html\n", argv[0]);
        return 2;
    }
    Heatmap heatmap(argv[1]);
    Cache cache(heatmap.sampler(), 4000);
    std::vector<std::thread> clients;
    for (unsigned i = 0; i < 4; ++i) clients.emplace_back(request, std::ref(cache), i);
    for (auto &client : clients) client.join();
    return 0;
} catch (const std::exception &exception) {
    std::fprintf(stderr, "%s\n", exception.what());
    return 1;
}
