// Matrices in C++: what is in one, its forms out and in, merges and pages. The arguments name the folder of the golden files.
#include "fixture.hpp"

#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

using keyviz::Added;
using keyviz::Matrix;
using keyviz::Merge;

static std::string golden_folder;

static std::string file(const std::string &name) {
    std::ifstream in(golden_folder + "/" + name, std::ios::binary);
    if (!in) std::fprintf(stderr, "%s/%s: there is none\n", golden_folder.c_str(), name.c_str()), std::exit(2);
    return {std::istreambuf_iterator<char>(in), {}};
}

static bool holds(const std::string &text, std::string_view part) { return text.find(part) != std::string::npos; }

static void a_matrix_has_rows_and_columns() {
    const Matrix matrix = check::must(observed().matrix());
    CHECK(matrix && matrix.rows() == 4 && matrix.columns() == 2 && matrix.size() == 4 && !matrix.empty());
    const auto times = matrix.times();
    CHECK(times.size() == 2 && times[0] == t0 + 1min && times[1] == t0 + 2min);
    std::string ids;
    std::uint64_t total = 0;
    for (const auto &row : matrix) {
        ids.append(row.id).append(" ");
        for (const std::uint64_t value : row.values) total += value;
    }
    CHECK_EQUAL(ids, "route:1:dynamo route:1:redis route:2 route:2:redis "sv);
    CHECK_EQUAL(total, 8u);
    const auto row = matrix[1];
    CHECK_EQUAL(row.label, "redis"sv);
    CHECK_EQUAL(row.start, ""sv);
    CHECK_EQUAL(row.end, "m"sv);
    CHECK(!row.unbounded && !row.aggregate && !row.conflict && !row.routes_truncated && row.conflicts.empty());
    CHECK(matrix[2].unbounded && matrix[2].end.empty());
    CHECK_EQUAL(row.route_count, 1u);
    CHECK(row.values.size() == 2 && row.values[0] == 2 && row.values[1] == 0);
    CHECK(matrix.values().size() == 8 && matrix.values().data() + 2 == row.values.data());
    CHECK_EQUAL(check::must(matrix.row_name(1)), "route:1 / redis"sv);
    const auto identities = check::must(matrix.identities(1));
    CHECK(identities.group_ids[0] == 1001 && identities.leader_terms[0] == 7);
    CHECK_EQUAL(matrix.info().series, Series::Writes);
    CHECK(!matrix.info().fanout && matrix.info().generated_at > t0 && matrix.nodes().empty());
    CHECK_FAILS(matrix.row_name(4), NotFound);
    CHECK_FAILS(matrix.identities(4), NotFound);
    CHECK_FAILS(matrix.verdict(4), NotFound);
}

static void a_query_says_what_is_in_it() {
    Sampler sampler = observed();
    keyviz::MatrixQuery query;
    query.series = Series::ReadBytes;
    query.to = t0 + 2min;
    query.node = "here";
    const Matrix matrix = check::must(sampler.matrix(query));
    CHECK_EQUAL(matrix.columns(), 1u);
    CHECK_EQUAL(matrix.info().node, "here"sv);
    std::uint64_t total = 0;
    for (const auto value : matrix.values()) total += value;
    CHECK_EQUAL(total, 30u);
    query.from = t0 + 2min;
    query.to = {};
    const auto times = check::must(sampler.matrix(query)).times();
    CHECK(times.size() == 1 && times[0] == t0 + 2min);
    query = {};
    query.row_budget = 2;
    CHECK_EQUAL(check::must(sampler.matrix(query)).rows(), 2u);
    query.budget = keyviz::Budget::Merge;
    const Matrix merged = check::must(sampler.matrix(query));
    CHECK_EQUAL(merged.rows(), 2u);
    CHECK(merged[0].aggregate || merged[1].aggregate);
    query.node = "\xff";
    CHECK_FAILS(sampler.matrix(query), InvalidArgument);
    query = {};
    query.series = static_cast<Series>(9);
    CHECK_FAILS(sampler.matrix(query), InvalidArgument);
}

static void columns_of_ones_own_make_the_same_matrix() {
    Sampler sampler = observed();
    const Matrix one = check::must(sampler.matrix());
    auto columns = check::must(sampler.columns());
    std::swap(columns[0], columns[1]);
    const Matrix other = check::must(Matrix::from_columns(columns));
    CHECK_EQUAL(check::must(one.to_csv()), check::must(other.to_csv()));
    CHECK_EQUAL(check::must(one.to_proto()), check::must(other.to_proto()));
    CHECK_EQUAL(check::must(Matrix::from_columns({})).rows(), 0u);
}

static void json_and_protobuf_are_what_the_golden_files_hold() {
    for (const std::string name : {"conflicts", "empty", "empty_row", "empty_rows", "every_byte", "labelled_rows",
                                   "largest_values", "legacy_row", "sub_buckets", "virtual_rows"}) {
        const std::string json = file(name + ".json"), proto = file(name + ".pb");
        const Matrix matrix = check::must(Matrix::from_json(json));
        CHECK_EQUAL(check::must(matrix.to_json()), json);
        CHECK_EQUAL(check::must(matrix.to_proto()), proto);
        const Matrix again = check::must(Matrix::from_proto(proto, matrix.info().series));
        CHECK_EQUAL(check::must(again.to_proto()), proto);
        CHECK_EQUAL(again.rows(), matrix.rows());
    }
    const Matrix conflicts = check::must(Matrix::from_json(file("conflicts.json")));
    bool somewhere = false;
    for (const auto &row : conflicts) {
        somewhere |= row.conflict;
        CHECK(row.conflicts.empty() || row.conflicts.size() == conflicts.columns());
    }
    CHECK(somewhere);
}

static void what_is_no_matrix_is_refused() {
    CHECK_FAILS(Matrix::from_json("{"), Malformed);
    CHECK_FAILS(Matrix::from_json({}), Malformed);
    CHECK_FAILS(Matrix::from_proto("\xff\xff", Series::Reads), Malformed);
    CHECK_FAILS(Matrix::from_proto({}, static_cast<Series>(9)), InvalidArgument);
    keyviz::Limits limits;
    limits.max_bytes = 10;
    CHECK_FAILS(Matrix::from_json(file("sub_buckets.json"), limits), TooLarge);
    limits = {};
    limits.max_rows = 1;
    CHECK_FAILS(Matrix::from_json(file("sub_buckets.json"), limits), TooLarge);
    limits = {};
    limits.max_cells = 5;
    CHECK_FAILS(Matrix::from_proto(file("sub_buckets.pb"), Series::Writes, limits), TooLarge);
}

static void pictures_and_pages_are_drawn() {
    Sampler sampler = observed();
    keyviz::MatrixQuery reads;
    reads.series = Series::Reads;
    std::vector<Matrix> both;
    both.push_back(check::must(sampler.matrix()));
    both.push_back(check::must(sampler.matrix(reads)));
    CHECK_EQUAL(check::must(both[0].to_png()).substr(0, 4), "\x89PNG"sv);
    CHECK_FAILS(both[0].to_png({1, 0}), InvalidArgument);
    CHECK_FAILS(both[0].to_png({0, 1}), InvalidArgument);
    CHECK(check::must(both[0].to_png({20, 20, keyviz::Scale::Linear})) != check::must(both[0].to_png({20, 20})));
    CHECK(holds(check::must(both[0].to_csv()), "route:1:redis,redis"));
    const std::string page = check::must(keyviz::to_html("What was asked", both[0], both[1]));
    CHECK(holds(page, "What was asked") && page.substr(0, 9) == "<!doctype");
    CHECK_EQUAL(check::must(keyviz::to_html("What was asked", both)), page);
    CHECK_FAILS(keyviz::to_html("\xff", both), InvalidArgument);
    CHECK_FAILS(keyviz::to_html("", keyviz::Span<const Matrix>()), InvalidArgument);
    keyviz::LivePage live;
    CHECK_FAILS(keyviz::live_page(live), InvalidArgument);
    live.matrix_url = "matrix.json";
    live.hot_keys_url = "hot.json";
    live.title = "Alive";
    live.rows = 77;
    const std::string alive = check::must(keyviz::live_page(live));
    for (const std::string_view part : {"matrix.json", "hot.json", "Alive", "\"rows\":77"}) CHECK(holds(alive, part));
    CHECK(holds(check::must(keyviz::live_page_policy()), "default-src 'none'"));
}

static void verdicts_and_splits_are_told() {
    auto options = labelled();
    options.key_buckets_per_route = 16;
    Sampler sampler = check::must(Sampler::create(options));
    CHECK_OK(sampler.register_route({1, "a", "z"}));
    for (int minute = 1; minute <= 60; ++minute) {
        for (char letter = 'b'; letter < 'y'; ++letter) sampler.observe(1, {&letter, 1}, Op::Write, 10);
        CHECK_OK(sampler.flush(t0 + minute * 1min));
    }
    const Matrix matrix = check::must(sampler.matrix());
    const auto verdict = check::must(matrix.verdict(0));
    CHECK_EQUAL(verdict.pattern, keyviz::Pattern::Even);
    CHECK_EQUAL(to_string(verdict.pattern), "even"sv);
    CHECK_EQUAL(verdict.total, 23u * 60);
    CHECK(!verdict.reason.empty() && verdict.period == 0ms);
    const auto splits = matrix.splits();
    CHECK_EQUAL(splits.size(), 1u);
    CHECK(splits[0].route_id == 1 && splits[0].share == 1 && splits[0].below > 0.3 && splits[0].below < 0.7);
    CHECK(splits[0].key && *splits[0].key > "f" && *splits[0].key < "t");
    CHECK_EQUAL(to_string(static_cast<keyviz::Pattern>(99)), ""sv);
}

static void matrices_of_a_cluster_merge() {
    Sampler sampler = observed();
    keyviz::MatrixQuery query;
    query.series = Series::Reads;
    const Matrix matrix = check::must(sampler.matrix(query));
    keyviz::MergeOptions options;
    options.series = Series::Reads;
    options.column_tolerance = 0s;
    options.nodes_expected = 4;
    Merge first = check::must(Merge::create(options));
    Merge merge = std::move(first);
    CHECK(!first && merge);
    CHECK_EQUAL(check::must(merge.add(matrix, "one")), Added::Counted);
    CHECK_EQUAL(check::must(merge.add(matrix, "two")), Added::Counted);
    CHECK_EQUAL(check::must(merge.add(matrix, "two")), Added::AlreadyIn);
    CHECK_OK(merge.add_failure("three", "it is away"));
    CHECK_FAILS(merge.add(check::must(sampler.matrix()), "four"), InvalidArgument);
    CHECK_FAILS(merge.add(Matrix(), "four"), NullPointer);
    CHECK_FAILS(merge.add_failure("\xff", "?"), InvalidArgument);
    const Matrix whole = check::must(merge.finish());
    CHECK_FAILS(merge.finish(), InvalidArgument);
    CHECK_FAILS(merge.add(matrix, "five"), InvalidArgument);
    std::uint64_t reads = 0;
    for (const auto value : whole.values()) reads += value;
    CHECK_EQUAL(reads, 6u);
    const auto info = whole.info();
    CHECK(info.fanout && info.nodes == 3 && info.nodes_responded == 2 && info.nodes_expected == 4);
    const auto nodes = whole.nodes();
    CHECK(nodes.size() == 3 && !nodes[0].error && nodes[2].name == "three" && nodes[2].error == "it is away");

    CHECK_FAILS(first.add(matrix), NullPointer);
    CHECK_FAILS(first.add_failure("a", "b"), NullPointer);
    CHECK_FAILS(first.finish(), NullPointer);
    options.series = static_cast<Series>(9);
    CHECK_FAILS(Merge::create(options), InvalidArgument);
}

// Writes of 5 in one column, at this time.
static Matrix five_at(keyviz::Time at, std::string_view start, std::string_view end, std::uint64_t route_id) {
    Sampler sampler = check::must(Sampler::create(labelled()));
    CHECK_OK(sampler.register_route({route_id, start, end}));
    observe(sampler, route_id, Op::Write, Label::Legacy, 5);
    CHECK_OK(sampler.flush(at));
    return check::must(sampler.matrix());
}

static Matrix merged(const Matrix &one, const Matrix &other, const keyviz::MergeOptions &options) {
    Merge merge = check::must(Merge::create(options));
    CHECK_OK(merge.add(one));
    CHECK_OK(merge.add(other));
    return check::must(merge.finish());
}

static void a_merge_has_a_tolerance_and_a_budget() {
    const Matrix one = five_at(t0 + 60s, "a", "b", 1), other = five_at(t0 + 61s, "b", "c", 2);
    keyviz::MergeOptions options;
    options.column_tolerance = 0s;
    CHECK_EQUAL(merged(one, other, options).columns(), 2u);
    options.column_tolerance = 1s;
    CHECK_EQUAL(merged(one, other, options).columns(), 1u);
    options.row_budget = 1;
    const Matrix top = merged(one, other, options);
    CHECK(top.rows() == 1 && top.values()[0] == 5 && !top[0].aggregate);
    options.budget = keyviz::Budget::Merge;
    const Matrix all = merged(one, other, options);
    CHECK(all.rows() == 1 && all.values()[0] == 10 && all[0].aggregate);
    CHECK(all[0].route_ids.size() == 2 && all[0].route_ids[1] == 2 && all[0].route_count == 2);
}

static void where_sources_contradict_each_other_is_told() {
    const Matrix one = check::must(observed().matrix());
    // The leader of the same term counted more in the first column: one of them is wrong.
    Sampler other = check::must(Sampler::create(labelled()));
    CHECK_OK(other.register_route({1, "", "m", 1001}));
    CHECK_OK(other.set_leader_term(1001, 7));
    observe(other, 1, Op::Write, Label::Redis, 9);
    CHECK_OK(other.flush(t0 + 1min));
    std::size_t conflicts = 0;
    const Matrix both = merged(one, check::must(other.matrix()), {});
    for (const auto &row : both) {
        if (!row.conflict) continue;
        ++conflicts;
        CHECK_EQUAL(row.label, "redis"sv);
        CHECK(row.values[0] == 9 && row.conflicts.size() == 2 && row.conflicts[0] == 1 && row.conflicts[1] == 0);
    }
    CHECK_EQUAL(conflicts, 1u);
}

static void a_matrix_that_was_moved_from_is_empty() {
    Matrix matrix = check::must(observed().matrix());
    const Matrix other = std::move(matrix);
    CHECK(!matrix && other.rows() == 4);
    CHECK(matrix.rows() == 0 && matrix.columns() == 0 && matrix.empty() && matrix.begin() == matrix.end());
    CHECK(matrix.values().empty() && matrix.times().empty() && matrix.nodes().empty() && matrix.splits().empty());
    CHECK(matrix.info().node.empty());
    CHECK_FAILS(matrix.row_name(0), NullPointer);
    CHECK_FAILS(matrix.identities(0), NullPointer);
    CHECK_FAILS(matrix.verdict(0), NullPointer);
    CHECK_FAILS(matrix.to_json(), NullPointer);
    CHECK_FAILS(matrix.to_proto(), NullPointer);
    CHECK_FAILS(matrix.to_csv(), NullPointer);
    CHECK_FAILS(matrix.to_png(), NullPointer);
    CHECK_FAILS(keyviz::to_html("", matrix), NullPointer);
    CHECK_FAILS(keyviz::to_html("", other, matrix), NullPointer);
}

int main(int argc, char **argv) {
    golden_folder = argc > 1 ? argv[1] : "tests/golden";
    RUN(a_matrix_has_rows_and_columns);
    RUN(a_query_says_what_is_in_it);
    RUN(columns_of_ones_own_make_the_same_matrix);
    RUN(json_and_protobuf_are_what_the_golden_files_hold);
    RUN(what_is_no_matrix_is_refused);
    RUN(pictures_and_pages_are_drawn);
    RUN(verdicts_and_splits_are_told);
    RUN(matrices_of_a_cluster_merge);
    RUN(a_merge_has_a_tolerance_and_a_budget);
    RUN(where_sources_contradict_each_other_is_told);
    RUN(a_matrix_that_was_moved_from_is_empty);
    return check::summary(argv[0]);
}
