// Results that a compiler lets nobody ignore; tests/run_cpp.sh compiles it once as it is, and with each IGNORE_ once more.
#include <keyviz.hpp>

void use(keyviz::Sampler &sampler, keyviz::Column &column);

void use(keyviz::Sampler &sampler, keyviz::Column &column) {
    sampler.observe(1, "k", keyviz::Op::Read, 0);
    sampler.observe_batch({});
    (void)sampler.flush();
#if defined IGNORE_A_VALUE
    sampler.flush();
#elif defined IGNORE_NOTHING
    sampler.drain(column);
#elif defined IGNORE_AN_OBJECT
    keyviz::Sampler::create();
#else
    (void)sampler.drain(column);
#endif
}
