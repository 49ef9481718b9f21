/* A host that loads the library at run time, and "unloads" it while a thread that observed is still there: the thread
 * gives its lane back when it ends, so the library must not be gone by then. Usage: test_unload LIBRARY */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <keyviz.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static pthread_barrier_t observed, unloaded;
static keyviz_sampler_t *sampler;

static keyviz_status_t (*observe)(keyviz_sampler_t *, uint64_t, const void *, size_t, uint32_t, uint64_t, uint32_t);
static keyviz_status_t (*sampler_new)(const keyviz_options_t *, keyviz_sampler_t **, keyviz_error_t *);

static void *work(void *argument) {
    (void)argument;
    observe(sampler, 1, "k", 1, KEYVIZ_OP_READ, 1, KEYVIZ_LABEL_LEGACY);
    pthread_barrier_wait(&observed);
    pthread_barrier_wait(&unloaded);
    return NULL;
}

static int find(void *library, const char *name, void *function) {
    void *symbol = dlsym(library, name);
    /* POSIX says that this is how an object pointer becomes a function's. */
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

int main(int argc, char **argv) {
    void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library || !find(library, "keyviz_observe", &observe) || !find(library, "keyviz_sampler_new", &sampler_new)) {
        fprintf(stderr, "can't load the library: %s\n", dlerror());
        return 1;
    }
    if (sampler_new(NULL, &sampler, NULL) != KEYVIZ_OK) return 1;
    pthread_t thread;
    pthread_barrier_init(&observed, NULL, 2);
    pthread_barrier_init(&unloaded, NULL, 2);
    if (pthread_create(&thread, NULL, work, NULL) != 0) return 1;
    pthread_barrier_wait(&observed);
    dlclose(library);
    pthread_barrier_wait(&unloaded);
    pthread_join(thread, NULL);
    return 0;
}
