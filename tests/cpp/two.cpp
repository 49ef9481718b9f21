// The other part of a program that tests/cpp/hot.cpp is a part of, for tests/run_cpp.sh to link.
#include <keyviz.hpp>

void observe(keyviz::Sampler &sampler, keyviz::Lane &lane, std::string_view key);

int main() {
    keyviz::Sampler sampler;
    keyviz::Lane lane;
    observe(sampler, lane, {});
    return sampler.flush().status() == keyviz::Status::NullPointer ? 0 : 1;
}
