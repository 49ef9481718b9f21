// Samplers, lanes and columns in C++: each function once for what it does, and once for each way in which it fails.
#include "fixture.hpp"

#include <algorithm>
#include <vector>

using keyviz::Column;
using keyviz::Lane;
using keyviz::Placement;
using namespace std::string_literals;

static std::string scratch = ".";

template <class T>
constexpr bool is_owner = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> &&
                          std::is_nothrow_default_constructible_v<T> && !std::is_copy_constructible_v<T> &&
                          !std::is_copy_assignable_v<T>;
static_assert(is_owner<Sampler> && is_owner<Lane> && is_owner<keyviz::Matrix> && is_owner<keyviz::Merge> &&
              is_owner<keyviz::HotKeys>);
static_assert(noexcept(std::declval<Sampler &>().observe(1, "", Op::Read, 0)));
static_assert(sizeof(Lane) == sizeof(void *));

static void an_observation_is_in_a_row() {
    Sampler sampler = check::must(Sampler::create(labelled()));
    CHECK(sampler && sampler.handle() != nullptr);
    CHECK_EQUAL(check::must(sampler.register_route({1, "a", "m", 11})), Placement::Individual);
    CHECK_OK(sampler.set_leader_term(11, 4));
    CHECK_EQUAL(sampler.observe(1, "abc", Op::Write, 7, Label::S3), Status::Ok);
    CHECK_EQUAL(sampler.observe_sized(1, 3, Op::Read, 9, Label::S3), Status::Ok);
    CHECK_EQUAL(sampler.observe(2, "abc", Op::Write, 7), Status::UnknownRoute);
    CHECK_EQUAL(sampler.observe(1, "abc", static_cast<Op>(7), 7), Status::InvalidArgument);
    Column column;
    CHECK_OK(sampler.drain(t0 + 1min, column));
    CHECK_EQUAL(column.size(), 1u);
    const keyviz::Row row = column[0];
    CHECK_EQUAL(row.route_id, 1u);
    CHECK_EQUAL(row.group_id, 11u);
    CHECK_EQUAL(row.leader_term, 4u);
    CHECK_EQUAL(row.label, Label::S3);
    CHECK_EQUAL(row.start, "a"sv);
    CHECK_EQUAL(row.end, "m"sv);
    CHECK(!row.unbounded && !row.aggregate && row.parents.empty() && row.member_routes.empty());
    CHECK_EQUAL(row.reads, 1u);
    CHECK_EQUAL(row.writes, 1u);
    CHECK_EQUAL(row.read_bytes, 12u);
    CHECK_EQUAL(row.write_bytes, 10u);
    CHECK_EQUAL(column.info().sequence, 0u);
    CHECK(column.info().window_start == t0 && column.info().at == t0 + 1min);
    CHECK_EQUAL(column.info().flushes, 1u);
    CHECK_OK(sampler.drain(t0 + 2min, column));
    CHECK(column.empty() && column.begin() == column.end());
    const auto stats = check::must(sampler.stats());
    CHECK_EQUAL(stats.routes, 1u);
    CHECK_EQUAL(stats.missed, 1u);
    CHECK_EQUAL(stats.refused, 1u);
}

static void many_observations_count_at_once() {
    Sampler sampler = check::must(Sampler::create(labelled()));
    CHECK_OK(sampler.register_routes({{1, "", "m"}, {2, "m", ""}}));
    const std::vector<keyviz::Observation> batch{{1, "a", Op::Read, 9}, {3, "x", Op::Read, 9}, {2, "n", Op::Write, 9, Label::Sqs}};
    const auto counted = sampler.observe_batch(batch);
    CHECK_EQUAL(counted.status, Status::UnknownRoute);
    CHECK_EQUAL(counted.counted, 2u);
    CHECK_EQUAL(sampler.observe_batch({keyviz::Observation::sized(1, 50, Op::Read, 9)}).counted, 1u);
    const std::uint64_t routes[] = {1, 2}, value_lens[] = {5, 6};
    const std::uint8_t ops[] = {0, 1}, labels[] = {0, 2};
    const std::uint32_t key_lens[] = {3, 4};
    keyviz::ObservationColumns columns{routes, ops, key_lens, value_lens, {}};
    CHECK_EQUAL(sampler.observe_columns(columns).counted, 2u);
    columns.labels = labels;
    CHECK_EQUAL(sampler.observe_columns(columns).status, Status::Ok);
    columns.labels = {labels, 1};
    CHECK_EQUAL(sampler.observe_columns(columns).status, Status::InvalidArgument);
    columns.labels = {};
    columns.value_lens = {};
    CHECK_EQUAL(sampler.observe_columns(columns).status, Status::InvalidArgument);
    columns.value_lens = value_lens;
    columns.key_lens = {key_lens, 1};
    CHECK_EQUAL(sampler.observe_columns(columns).status, Status::InvalidArgument);
    columns.key_lens = key_lens;
    columns.ops = {ops, 1};
    CHECK_EQUAL(sampler.observe_columns(columns).counted, 0u);
    std::uint64_t operations = 0, bytes = 0;
    Column column;
    CHECK_OK(sampler.drain(column));
    for (const auto row : column) operations += row.reads + row.writes, bytes += row.read_bytes + row.write_bytes;
    CHECK_EQUAL(operations, 7u);
    CHECK_EQUAL(bytes, 2u * 10 + 59 + 2 * (3 + 5 + 4 + 6));
}

static void what_was_moved_from_is_off() {
    Sampler sampler = check::must(Sampler::create(labelled()));
    CHECK_OK(sampler.register_route({1}));
    Lane lane = check::must(sampler.acquire_lane());
    Lane other_lane = std::move(lane);
    Sampler other = std::move(sampler);
    CHECK(!sampler && !lane && other && other_lane);

    CHECK_EQUAL(sampler.observe(1, "k", Op::Write, 9), Status::Ok);
    CHECK_EQUAL(sampler.observe_sized(1, 1, Op::Write, 9), Status::Ok);
    CHECK_EQUAL(sampler.observe_batch({{1, "k", Op::Write, 9}}).counted, 0u);
    CHECK_EQUAL(sampler.observe_columns({}).counted, 0u);
    CHECK_EQUAL(sampler.offer_hot_key(1, "k", Op::Write), Status::Ok);
    CHECK_EQUAL(lane.observe(1, "k", Op::Write, 9), Status::Ok);
    CHECK_EQUAL(other_lane.observe(1, "k", Op::Write, 9), Status::Ok);

    Column column;
    CHECK_FAILS(sampler.register_route({1}), NullPointer);
    CHECK_FAILS(sampler.register_routes({{1}}), NullPointer);
    CHECK_FAILS(sampler.remove_route(1, t0), NullPointer);
    CHECK_FAILS(sampler.apply_split(1, {{2, "", "m"}}, t0), NullPointer);
    CHECK_FAILS(sampler.apply_merge({1, 2}, {3}, t0), NullPointer);
    CHECK_FAILS(sampler.set_leader_term(1, 2), NullPointer);
    CHECK_FAILS(sampler.sub_bucket_bounds(1, 0), NullPointer);
    CHECK_FAILS(sampler.acquire_lane(), NullPointer);
    CHECK_FAILS(sampler.flush(), NullPointer);
    CHECK_FAILS(sampler.flush(t0), NullPointer);
    CHECK_FAILS(sampler.drain(column), NullPointer);
    CHECK_FAILS(sampler.drain(t0, column), NullPointer);
    CHECK_FAILS(sampler.column_range(), NullPointer);
    CHECK_FAILS(sampler.columns(), NullPointer);
    CHECK_FAILS(sampler.read_column(0, column), NullPointer);
    CHECK_FAILS(sampler.save_history(), NullPointer);
    CHECK_FAILS(sampler.load_history(""), NullPointer);
    CHECK_FAILS(sampler.save_history_file("/nowhere/at all"), NullPointer);
    CHECK_FAILS(sampler.load_history_file("/nowhere/at all"), NullPointer);
    CHECK_FAILS(sampler.matrix(), NullPointer);
    CHECK_FAILS(sampler.hot_keys({1}), NullPointer);
    CHECK_FAILS(sampler.publish_hot_keys(), NullPointer);
    CHECK_FAILS(sampler.publish_hot_keys(t0), NullPointer);
    CHECK_FAILS(sampler.stats(), NullPointer);
    CHECK_FAILS(sampler.poll_events(), NullPointer);
    CHECK_FAILS(sampler.close(), NullPointer);

    CHECK_OK(other.drain(column));
    CHECK_EQUAL(column.size(), 1u);
    CHECK_EQUAL(column[0].writes, 1u);
    // Into one that was moved from, and into itself.
    sampler = std::move(other);
    Sampler &same = sampler;
    sampler = std::move(same);
    CHECK_OK(sampler.drain(column));
    CHECK(column.empty());
}

static void columns_are_moved_and_copied() {
    Sampler sampler = observed();
    std::vector<Column> columns = check::must(sampler.columns());
    CHECK_EQUAL(columns.size(), 2u);
    Column first = std::move(columns[0]);
    CHECK(columns[0].empty() && first.size() == 3);
    Column copy = first;
    first = std::move(columns[1]);
    CHECK_EQUAL(copy.size(), 3u);
    CHECK_EQUAL(first.size(), 1u);
    CHECK_EQUAL(check::must(keyviz::Matrix::from_columns({&copy, 1})).rows(), 3u);
    CHECK_EQUAL(check::must(keyviz::Matrix::from_columns({&first, 1})).rows(), 1u);
    CHECK_EQUAL(copy[1].label, Label::Redis);
    CHECK_EQUAL(copy[1].end, "m"sv);
    CHECK(copy[2].unbounded && copy[2].end.empty());
    // It can be filled again.
    CHECK_OK(sampler.read_column(0, columns[0]));
    CHECK_EQUAL(columns[0].size(), 3u);
    CHECK_FAILS(sampler.read_column(2, columns[0]), NotFound);
    CHECK(columns[0].empty());
}

static void rows_are_a_range() {
    const std::vector<Column> columns = check::must(observed().columns());
    std::uint64_t writes = 0;
    for (const keyviz::Row &row : columns[0]) writes += row.writes;
    CHECK_EQUAL(writes, 3u);
    const auto found = std::find_if(columns[0].begin(), columns[0].end(), [](const auto &row) { return row.reads == 3; });
    CHECK(found != columns[0].end() && found->route_id == 2 && found - columns[0].begin() == 2);
    CHECK_EQUAL(std::count_if(columns[0].begin(), columns[0].end(), [](const auto &row) { return row.route_id == 1; }), 2);
    auto i = columns[0].begin();
    CHECK_EQUAL((i++)->label, Label::Dynamo);
    CHECK_EQUAL((*i).label, Label::Redis);
    CHECK(i[1].label == Label::Legacy && (i + 1) > i && i-- == columns[0].begin() + 1 && i == columns[0].begin());
}

static void the_history_is_read_by_time() {
    Sampler sampler = observed();
    auto range = check::must(sampler.column_range());
    CHECK_EQUAL(range.first_sequence, 0u);
    CHECK_EQUAL(range.count, 2u);
    CHECK_EQUAL(check::must(sampler.column_range(t0 + 2min)).first_sequence, 1u);
    CHECK_EQUAL(check::must(sampler.columns({}, t0 + 2min)).size(), 1u);
    CHECK_EQUAL(check::must(sampler.columns(t0 + 3min)).size(), 0u);
    CHECK_EQUAL(check::must(sampler.flush()).sequence, 2u);
}

static std::string told(const keyviz::ColumnInfo &info, const keyviz::Row &row) {
    std::string out = std::to_string(info.sequence) + " " + std::to_string(info.at.time_since_epoch() / 1s);
    for (const std::uint64_t one : {row.route_id, row.group_id, row.leader_term, row.reads, row.writes, row.read_bytes,
                                    row.write_bytes, std::uint64_t{row.sub_bucket}, row.member_routes_total}) {
        out += " " + std::to_string(one);
    }
    for (const std::uint64_t id : row.parents) out += " <" + std::to_string(id);
    for (const std::uint64_t id : row.member_routes) out += " +" + std::to_string(id);
    return out.append(to_string(row.label)).append("[").append(row.start).append(",").append(row.end).append(")\n");
}

static void a_walk_gives_the_columns_that_are_read_one_by_one() {
    auto options = labelled();
    options.max_tracked_routes = 2;
    Sampler sampler = check::must(Sampler::create(options));
    CHECK_OK(sampler.register_routes({{1, "", "m", 1001}, {2, "m", "x", 1002}, {3, "x", ""}}));
    CHECK_OK(sampler.set_leader_term(1001, 7));
    for (std::uint64_t id = 1; id <= 3; ++id) sampler.observe(id, "k", Op::Write, id, Label::Redis);
    CHECK_OK(sampler.flush(t0 + 1min));
    CHECK_OK(sampler.apply_split(1, {{1, "", "g"}, {5, "g", "m"}}, t0 + 1min));
    for (const std::uint64_t id : {1u, 5u, 3u}) sampler.observe(id, "k", Op::Read, 2 * id, Label::S3);
    CHECK_OK(sampler.flush(t0 + 2min));
    CHECK_OK(sampler.flush(t0 + 3min));

    std::string one_by_one, walked;
    for (const Column &column : check::must(sampler.columns())) {
        for (const auto row : column) one_by_one += told(column.info(), row);
    }
    keyviz::Walk first = check::must(sampler.walk()), walk = std::move(first);
    keyviz::Walk last = check::must(walk.split(1));
    CHECK(walk.left() == 2 && last.left() == 1 && first.left() == 0 && first.next() == nullptr);
    CHECK_EQUAL(check::must(sampler.walk(t0 + 2min, t0 + 3min)).left(), 1u);
    sampler = {};
    while (const keyviz::WalkedColumn *column = walk.next()) {
        CHECK_EQUAL(column->info().rows, column->size());
        for (const keyviz::Row &row : *column) walked += told(column->info(), row);
    }
    CHECK_EQUAL(walked, one_by_one);
    CHECK(walked.size() > 100 && walk.left() == 0 && walk.next() == nullptr);
    const keyviz::WalkedColumn *column = last.next();
    CHECK(column != nullptr && column->empty() && column->info().sequence == 2 && last.next() == nullptr);
    CHECK_FAILS(first.split(1), NullPointer);
    CHECK_FAILS(sampler.walk(), NullPointer);
}

static void a_history_survives() {
    Sampler sampler = observed();
    const std::string image = check::must(sampler.save_history());
    Sampler next = check::must(Sampler::create(labelled()));
    CHECK_FAILS(next.load_history(std::string_view(image).substr(0, image.size() - 1)), Corrupt);
    CHECK_FAILS(next.load_history("no history"), Corrupt);
    CHECK_OK(next.load_history(image));
    CHECK_EQUAL(check::must(next.column_range()).count, 2u);
    CHECK_EQUAL(check::must(next.flush(t0 + 3min)).sequence, 2u);
    CHECK_FAILS(next.load_history(image), InvalidArgument);
    CHECK_FAILS(sampler.save_history_file("/nowhere/at all"), Io);
    CHECK_FAILS(sampler.load_history_file("/nowhere/at all"), Io);
    CHECK_FAILS(sampler.save_history_file("a\0b"s), InvalidArgument);
    CHECK_FAILS(sampler.load_history_file("a\0b"s), InvalidArgument);
    const std::string path = scratch + "/history";
    CHECK_OK(sampler.save_history_file(path));
    Sampler third = check::must(Sampler::create(labelled()));
    CHECK_OK(third.load_history_file(path));
    CHECK_EQUAL(check::must(third.save_history()), image);
    std::remove(path.c_str());
}

static void routes_split_and_merge() {
    auto options = labelled();
    options.key_buckets_per_route = 4;
    Sampler sampler = check::must(Sampler::create(options));
    CHECK_OK(sampler.register_route({1, "a", "e"}));
    const auto bounds = check::must(sampler.sub_bucket_bounds(1, 0));
    CHECK_EQUAL(bounds.start, "a"sv);
    CHECK(bounds.end > "a" && bounds.end < "c");
    CHECK_EQUAL(check::must(sampler.sub_bucket_bounds(1, 3)).end, "e"sv);
    CHECK_FAILS(sampler.sub_bucket_bounds(1, 4), NotFound);
    CHECK_FAILS(sampler.sub_bucket_bounds(2, 0), NotFound);

    CHECK_FAILS(sampler.apply_split(9, {{2, "a", "c"}}, t0), UnknownRoute);
    const auto placements = check::must(sampler.apply_split(1, {{2, "a", "c"}, {3, "c", "e"}}, t0 + 1s));
    CHECK(placements == std::vector<Placement>(2, Placement::Individual));
    CHECK_FAILS(sampler.apply_split(2, {{3, "a", "c"}}, t0 + 1s), RouteExists);
    CHECK_EQUAL(sampler.observe(1, "b", Op::Read, 0), Status::UnknownRoute);
    CHECK_EQUAL(sampler.observe(3, "d", Op::Read, 0), Status::Ok);
    Column column;
    CHECK_OK(sampler.drain(t0 + 2s, column));
    CHECK_EQUAL(column[0].parents.size(), 1u);
    CHECK_EQUAL(column[0].parents[0], 1u);
    CHECK_EQUAL(column[0].sub_bucket_count, 4u);
    CHECK_EQUAL(column[0].sub_bucket, 2u);
    CHECK_EQUAL(check::must(sampler.apply_merge({2, 3}, {4, "a", "e"}, t0 + 3s)), Placement::Individual);
    CHECK_FAILS(sampler.apply_merge({2, 3}, {5, "a", "e"}, t0 + 3s), UnknownRoute);
    CHECK_OK(sampler.remove_route(4, t0 + 4s));
    CHECK_EQUAL(sampler.observe(4, "d", Op::Read, 0), Status::UnknownRoute);

    CHECK_OK(sampler.register_route({5, "a", "e"}));
    CHECK_EQUAL(check::must(sampler.apply_split(5, {{6, "a", "c"}, {7, "c", "e"}})).size(), 2u);
    CHECK_FAILS(sampler.apply_split(5, {{8, "a", "c"}}), UnknownRoute);
    CHECK_EQUAL(check::must(sampler.apply_merge({6, 7}, {8, "a", "e"})), Placement::Individual);
    CHECK_FAILS(sampler.apply_merge({6, 7}, {9, "a", "e"}), UnknownRoute);
    CHECK_OK(sampler.remove_route(8));
    CHECK_EQUAL(sampler.observe(8, "d", Op::Read, 0), Status::UnknownRoute);
}

static void wrong_routes_and_options_are_refused() {
    Sampler sampler = check::must(Sampler::create());
    CHECK_FAILS(sampler.register_route({1, "m", "a"}), InvalidRange);
    CHECK_OK(sampler.register_route({1, "m", "a", 0, true}));
    CHECK_FAILS(sampler.register_routes({{2, "a", "b"}, {3, "b", "b"}}), InvalidRange);
    CHECK_EQUAL(check::must(sampler.stats()).routes, 1u);
    CHECK_EQUAL(check::must(sampler.register_routes({})).size(), 0u);
    keyviz::Options options;
    options.step = -1s;
    CHECK_FAILS(Sampler::create(options), InvalidArgument);
    options = {};
    options.resolutions[0] = {1h, -1h};
    CHECK_FAILS(Sampler::create(options), InvalidArgument);
    options = {};
    options.history_off = true;
    options.max_lanes = 1;
    Sampler off = check::must(Sampler::create(options));
    CHECK_FAILS(off.flush(), HistoryOff);
    CHECK_FAILS(off.columns(), HistoryOff);
    CHECK_FAILS(off.walk(), HistoryOff);
    CHECK_FAILS(off.save_history(), HistoryOff);
    CHECK_FAILS(off.matrix(), HistoryOff);
    CHECK_FAILS(off.publish_hot_keys(), HotKeysOff);
    const Lane lane = check::must(off.acquire_lane());
    CHECK_FAILS(off.acquire_lane(), NoLane);
}

static void each_option_goes_where_it_belongs() {
    keyviz::Options options;
    options.step = 1ns;
    options.created = keyviz::Time(2ns);
    options.memory_limit_bytes = 3;
    options.history_columns = 4;
    options.max_tracked_routes = 5;
    options.max_member_routes_per_slot = 6;
    options.key_buckets_per_route = 7;
    options.max_lanes = 8;
    options.resolutions[3] = {9ns, 10ns};
    options.hot_keys_per_route = 11;
    options.hot_keys_sample_rate = 12;
    options.hot_keys_queue_size = 13;
    options.hot_keys_max_key_len = 14;
    options.hot_keys_series = keyviz::HotKeysSeries::Both;
    const auto c = keyviz::detail::c_options(options);
    CHECK(c.type_size == sizeof c && c.step_ns == 1 && c.created_ns == 2 && c.memory_limit_bytes == 3);
    CHECK(c.history_columns == 4 && c.max_tracked_routes == 5 && c.max_member_routes_per_slot == 6);
    CHECK(c.key_buckets_per_route == 7 && c.max_lanes == 8);
    CHECK(c.resolutions[3].step_ns == 9 && c.resolutions[3].retention_ns == 10 && c.resolutions[0].step_ns == 0);
    CHECK(c.hot_keys_per_route == 11 && c.hot_keys_sample_rate == 12 && c.hot_keys_queue_size == 13);
    CHECK(c.hot_keys_max_key_len == 14 && c.hot_keys_series == KEYVIZ_HOT_KEYS_BOTH);
    CHECK(c.labels_enabled + c.history_off + c.hot_keys_enabled + c.hot_keys_in_columns == 0);
    bool keyviz::Options::*const flags[] = {&keyviz::Options::labels_enabled, &keyviz::Options::history_off,
                                            &keyviz::Options::hot_keys_enabled, &keyviz::Options::hot_keys_in_columns};
    for (std::size_t i = 0; i < std::size(flags); ++i) {
        options = {};
        options.*flags[i] = true;
        const auto one = keyviz::detail::c_options(options);
        const std::uint32_t set[] = {one.labels_enabled, one.history_off, one.hot_keys_enabled, one.hot_keys_in_columns};
        for (std::size_t j = 0; j < std::size(set); ++j) CHECK_EQUAL(set[j], i == j ? 1u : 0u);
    }
}

static void a_closed_sampler_says_so() {
    Sampler sampler = observed();
    Lane lane = check::must(sampler.acquire_lane());
    CHECK_OK(sampler.close());
    CHECK_OK(sampler.close());
    CHECK_EQUAL(sampler.observe(1, "k", Op::Read, 0), Status::UnknownRoute);
    CHECK_EQUAL(lane.observe(1, "k", Op::Read, 0), Status::UnknownRoute);
    CHECK_FAILS(sampler.flush(), Closed);
    CHECK_FAILS(sampler.register_route({3}), Closed);
    CHECK_FAILS(sampler.acquire_lane(), Closed);
    CHECK_FAILS(sampler.matrix(), Closed);
    CHECK_OK(sampler.stats());
}

static void routes_that_fold_are_told_of() {
    auto options = labelled();
    options.max_tracked_routes = 1;
    std::vector<keyviz::Event> heard;
    options.on_event = [&](const keyviz::Event &event) { heard.push_back(event); };
    Sampler first = check::must(Sampler::create(options));
    Sampler sampler = std::move(first);
    CHECK_EQUAL(check::must(sampler.register_routes({{1, "a", "b"}, {2, "b", "c"}, {3, "c", "d"}}))[2], Placement::Coarsened);
    CHECK_EQUAL(heard.size(), 2u);
    CHECK_EQUAL(heard[0].kind, keyviz::EventKind::BucketCreated);
    CHECK_EQUAL(heard[1].kind, keyviz::EventKind::RouteFolded);
    CHECK_EQUAL(heard[1].route_id, 3u);
    CHECK_EQUAL(heard[1].max_tracked_routes, 1u);
    CHECK_EQUAL(check::must(sampler.poll_events()).size(), 0u);
    sampler.observe(2, "b", Op::Write, 1);
    sampler.observe(3, "c", Op::Write, 1);
    Column column;
    CHECK_OK(sampler.drain(column));
    CHECK(column.size() == 1 && column[0].aggregate);
    CHECK_EQUAL(column[0].route_id, heard[0].bucket_id);
    CHECK_EQUAL(column[0].member_routes_total, 2u);
    CHECK(column[0].member_routes.size() == 2 && column[0].member_routes[1] == 3);

    options.on_event = nullptr;
    Sampler quiet = check::must(Sampler::create(options));
    std::vector<std::string> bounds;
    for (int i = 0; i < 16; ++i) bounds.push_back({static_cast<char>('a' + i)});
    for (std::size_t i = 0; i + 1 < bounds.size(); ++i) CHECK_OK(quiet.register_route({i + 1, bounds[i], bounds[i + 1]}));
    CHECK_EQUAL(check::must(quiet.poll_events()).size(), 14u);
    CHECK_EQUAL(check::must(quiet.poll_events()).size(), 0u);
    CHECK_EQUAL(heard.size(), 2u);
}

static void labels_and_versions_have_names() {
    CHECK_EQUAL(keyviz::version(), std::string_view(KEYVIZ_VERSION));
    CHECK(keyviz::is_compatible());
    constexpr Label labels[] = {Label::Legacy, Label::Dynamo, Label::Redis, Label::S3, Label::Sqs, Label::RawKv};
    constexpr std::string_view names[] = {"", "dynamo", "redis", "s3", "sqs", "rawkv"};
    CHECK_EQUAL(keyviz_label_count(), std::size(labels));
    for (std::size_t i = 0; i < std::size(labels); ++i) {
        CHECK_EQUAL(to_string(labels[i]), names[i]);
        CHECK(keyviz::label_from_name(names[i]) == labels[i]);
    }
    CHECK_EQUAL(to_string(Label::Unknown), ""sv);
    CHECK(!keyviz::label_from_name("Redis"));
    for (const auto series : {keyviz::Series::Reads, keyviz::Series::Writes, keyviz::Series::ReadBytes, keyviz::Series::WriteBytes}) {
        CHECK(!to_string(series).empty());
        CHECK(keyviz::series_from_name(to_string(series)) == series);
    }
    CHECK_EQUAL(to_string(keyviz::Series::ReadBytes), "read_bytes"sv);
    CHECK_EQUAL(to_string(static_cast<keyviz::Series>(4)), ""sv);
    CHECK(!keyviz::series_from_name("Reads"));
}

int main(int argc, char **argv) {
    if (argc > 1) scratch = argv[1];
    RUN(an_observation_is_in_a_row);
    RUN(many_observations_count_at_once);
    RUN(what_was_moved_from_is_off);
    RUN(columns_are_moved_and_copied);
    RUN(rows_are_a_range);
    RUN(the_history_is_read_by_time);
    RUN(a_walk_gives_the_columns_that_are_read_one_by_one);
    RUN(a_history_survives);
    RUN(routes_split_and_merge);
    RUN(wrong_routes_and_options_are_refused);
    RUN(each_option_goes_where_it_belongs);
    RUN(a_closed_sampler_says_so);
    RUN(routes_that_fold_are_told_of);
    RUN(labels_and_versions_have_names);
    return check::summary(argv[0]);
}
