// The hot path, compiled for tests/run_cpp.sh to look at: nothing but calls of C may be left of it.
#include <keyviz.hpp>

void observe(keyviz::Sampler &sampler, keyviz::Lane &lane, std::string_view key);

void observe(keyviz::Sampler &sampler, keyviz::Lane &lane, std::string_view key) {
    sampler.observe(1, key, keyviz::Op::Write, 100, keyviz::Label::Redis);
    sampler.observe_sized(1, key.size(), keyviz::Op::Write, 100);
    lane.observe(1, key, keyviz::Op::Read, 100, keyviz::Label::S3);
}
