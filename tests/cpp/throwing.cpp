// What compiles only where there are exceptions; tests/run_cpp.sh tries it with and without.
#include <keyviz.hpp>

keyviz::Sampler made();

keyviz::Sampler made() { return keyviz::Sampler::create().value(); }
