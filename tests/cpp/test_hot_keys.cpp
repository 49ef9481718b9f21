// Hot keys in C++.
#include "fixture.hpp"

#include <array>

using keyviz::HotKeys;

// A sampler with route 1, of which `text` was written, a key for each of its letters, and published.
static Sampler published(std::string_view text) {
    auto options = labelled();
    options.hot_keys_enabled = true;
    options.hot_keys_sample_rate = 1;
    options.hot_keys_per_route = 4;
    options.hot_keys_in_columns = true;
    Sampler sampler = check::must(Sampler::create(options));
    CHECK_OK(sampler.register_route({1}));
    for (std::size_t i = 0; i < text.size(); ++i) sampler.observe(1, text.substr(i, 1), Op::Write, 9, Label::Redis);
    CHECK_OK(sampler.publish_hot_keys(t0 + 1s));
    return sampler;
}

static std::string keys_of(const HotKeys &keys) {
    std::string text;
    for (const auto &key : keys) {
        text.append(key.key).append(" ").append(std::to_string(key.count)).append(" ");
        text.append(std::to_string(key.count_low)).append("-").append(std::to_string(key.count_high)).append(", ");
    }
    return text;
}

static keyviz::HotKeysQuery redis() { return {1, Label::Redis}; }

static void the_hottest_keys_come_with_their_bounds() {
    Sampler sampler = published("aaabbcccccdde");
    HotKeys keys = check::must(sampler.hot_keys(redis()));
    CHECK_EQUAL(keys_of(keys), "c 5 5-5, a 3 3-3, e 3 1-3, d 2 2-2, "sv);
    CHECK(keys.size() == 4 && !keys.empty() && keys[1].key == "a" && (keys.begin() + 1)->count == 3);
    const auto info = keys.info();
    CHECK(info.route_id == 1 && info.label == Label::Redis && info.series == Series::Writes && !info.sub_bucket && !info.degraded);
    CHECK(info.keys == 4 && info.sample_rate == 1 && info.sampled_n == 13 && info.error_bound == 3);
    CHECK(info.snapshot_at == t0 + 1s);
    CHECK_OK(sampler.flush(t0 + 1s));
    auto query = redis();
    query.column = 0;
    query.top = 1;
    CHECK_EQUAL(check::must(sampler.hot_keys(query)).size(), 1u);
    sampler = {};
    CHECK_EQUAL(keys.size(), 4u);

    const HotKeys other = std::move(keys);
    CHECK(!keys && keys.empty() && keys.begin() == keys.end() && other.size() == 4);
    CHECK_FAILS(keys.to_json(), NullPointer);
}

static void a_question_that_has_no_answer_says_why() {
    Sampler sampler = published("a");
    CHECK_FAILS(sampler.hot_keys({2}), NoSnapshot);
    auto query = redis();
    query.from = keyviz::TimeMs(1700001000s);
    CHECK_FAILS(sampler.hot_keys(query), OutOfSnapshotWindow);
    query = redis();
    query.top = -1;
    CHECK_FAILS(sampler.hot_keys(query), InvalidArgument);
    query = redis();
    query.sub_bucket = 1;
    CHECK_FAILS(sampler.hot_keys(query), InvalidArgument);
    query = redis();
    query.series = Series::ReadBytes;
    CHECK_FAILS(sampler.hot_keys(query), InvalidArgument);
    CHECK_FAILS(check::must(Sampler::create()).hot_keys(redis()), HotKeysOff);
    CHECK_EQUAL(check::must(Sampler::create()).offer_hot_key(1, "a", Op::Write), Status::HotKeysOff);
}

static void a_question_is_read_from_a_url() {
    const auto query = check::must(
        keyviz::HotKeysQuery::parse("route_id=7&label=s3&sub_bucket=3&series=reads&top=5&from_unix_ms=10&to_unix_ms=20&column=2"));
    CHECK(query.route_id == 7 && query.label == Label::S3 && query.series == Series::Reads && query.top == 5);
    CHECK(query.sub_bucket == 3u && query.column == 2u);
    CHECK(query.from == keyviz::TimeMs(10ms) && query.to == keyviz::TimeMs(20ms));
    const auto plain = check::must(keyviz::HotKeysQuery::parse("route_id=7"));
    CHECK(!plain.sub_bucket && !plain.column && plain.series == Series::Writes && plain.label == Label::Legacy);
    const auto wrong = keyviz::HotKeysQuery::parse("label=s3");
    CHECK_FAILS(wrong, InvalidArgument);
    CHECK(wrong.error().message().find("route_id") != std::string_view::npos);
}

static void what_is_missing_is_told() {
    Sampler sampler = published("a");
    sampler.observe(1, std::string(2000, 'x'), Op::Write, 9, Label::Redis);
    sampler.observe(1, "a", Op::Write, 9, Label::Redis);
    CHECK_OK(sampler.publish_hot_keys(t0 + 2s));
    const HotKeys keys = check::must(sampler.hot_keys(redis()));
    CHECK(keys.info().degraded && keys.info().skipped_long_keys == 1 && keys.info().dropped_samples == 0);
    std::string json = check::must(keys.to_json());
    const std::string_view none = "\"dropped_samples\":0";
    CHECK(json.find(none) != std::string::npos);
    json.replace(json.find(none), none.size(), "\"dropped_samples\":6");
    CHECK_EQUAL(check::must(HotKeys::from_json(json)).info().dropped_samples, 6u);
}

static void keys_that_were_rolled_elsewhere_are_taken() {
    Sampler sampler = published("a");
    CHECK_EQUAL(sampler.offer_hot_key(1, "zz", Op::Write, Label::Redis, 6), Status::Ok);
    CHECK_OK(sampler.publish_hot_keys());
    auto query = redis();
    CHECK_EQUAL(check::must(sampler.hot_keys(query))[0].key, "zz"sv);
}

static void replies_go_through_json_and_merge() {
    const HotKeys one = check::must(published("aab").hot_keys(redis()));
    const std::string json = check::must(one.to_json());
    const HotKeys other = check::must(HotKeys::from_json(json));
    CHECK_EQUAL(check::must(other.to_json()), json);
    CHECK_FAILS(HotKeys::from_json("{"), Malformed);
    CHECK_FAILS(HotKeys::from_json(json, 5), TooLarge);

    std::array<keyviz::HotKeysSource, 3> sources;
    sources[0].node = "one";
    sources[0].reply = &one;
    sources[1].node = "two";
    sources[1].reply = &other;
    sources[2].node = "three";
    CHECK(!check::must(HotKeys::merge(sources)).info().degraded);
    sources[2].error = "";
    const HotKeys merged = check::must(HotKeys::merge(sources, 1));
    CHECK_EQUAL(keys_of(merged), "a 4 4-4, "sv);
    CHECK(merged.info().degraded);
    CHECK_FAILS(HotKeys::merge({}), NoSnapshot);
    CHECK_FAILS(HotKeys::merge({sources[2]}), NoSnapshot);
}

int main(int, char **argv) {
    RUN(the_hottest_keys_come_with_their_bounds);
    RUN(a_question_that_has_no_answer_says_why);
    RUN(a_question_is_read_from_a_url);
    RUN(what_is_missing_is_told);
    RUN(keys_that_were_rolled_elsewhere_are_taken);
    RUN(replies_go_through_json_and_merge);
    return check::summary(argv[0]);
}
