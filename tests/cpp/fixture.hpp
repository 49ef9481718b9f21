// Samplers and traffic for the tests. Time is made up: it begins at t0.
#ifndef FIXTURE_HPP
#define FIXTURE_HPP

#include "check.hpp"

#include <chrono>

using namespace std::chrono_literals;
using namespace std::string_view_literals;
using keyviz::Label;
using keyviz::Op;
using keyviz::Sampler;
using keyviz::Series;
using keyviz::Status;

constexpr keyviz::Time t0{1700000000s};

inline keyviz::Options labelled() {
    keyviz::Options options;
    options.created = t0;
    options.labels_enabled = true;
    return options;
}

inline void observe(Sampler &sampler, std::uint64_t route_id, Op op, Label label, int times) {
    for (int i = 0; i < times; ++i) CHECK_EQUAL(sampler.observe(route_id, "k", op, 9, label), Status::Ok);
}

// Two routes and two columns. Writes by row: dynamo 1 0, redis 2 0 (of route 1, from "" to "m"); legacy 0 0, redis 0 5 (of
// route 2, from "m"). Reads: the legacy row 3 0. Groups are 1001 and 1002, the term of 1001 is 7, then 8.
inline Sampler observed() {
    Sampler sampler = check::must(Sampler::create(labelled()));
    CHECK_OK(sampler.register_routes({{1, "", "m", 1001}, {2, "m", "", 1002}}));
    CHECK_OK(sampler.set_leader_term(1001, 7));
    observe(sampler, 1, Op::Write, Label::Dynamo, 1);
    observe(sampler, 1, Op::Write, Label::Redis, 2);
    observe(sampler, 2, Op::Read, Label::Legacy, 3);
    CHECK_OK(sampler.flush(t0 + 1min));
    CHECK_OK(sampler.set_leader_term(1001, 8));
    observe(sampler, 2, Op::Write, Label::Redis, 5);
    CHECK_OK(sampler.flush(t0 + 2min));
    return sampler;
}

#endif
