/* A host that loads the library at run time, "unloads" it while threads that observed are still there, and loads it again:
 * a thread gives its lane back when it ends, so the library must not be gone by then. Usage: test_unload LIBRARY */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <keyviz.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { ROUNDS = 3, THREADS = 4, EACH = 1000 };

static pthread_barrier_t observed, unloaded;
static keyviz_sampler_t *sampler;

static keyviz_status_t (*sampler_new)(const keyviz_options_t *, keyviz_sampler_t **, keyviz_error_t *);
static keyviz_status_t (*register_route)(keyviz_sampler_t *, const keyviz_route_t *, uint32_t *, keyviz_error_t *);
static keyviz_status_t (*observe)(keyviz_sampler_t *, uint64_t, const void *, size_t, uint32_t, uint64_t, uint32_t);
static keyviz_status_t (*drain)(keyviz_sampler_t *, int64_t, keyviz_column_buffer_t *, keyviz_error_t *);
static void (*sampler_free)(keyviz_sampler_t *);

static void *work(void *argument) {
    (void)argument;
    for (int i = 0; i < EACH; i++) observe(sampler, 0, "k", 1, KEYVIZ_OP_READ, 1, KEYVIZ_LABEL_LEGACY);
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

static void *load(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library && find(library, "keyviz_sampler_new", &sampler_new) &&
        find(library, "keyviz_sampler_register_route", &register_route) && find(library, "keyviz_observe", &observe) &&
        find(library, "keyviz_sampler_drain", &drain) && find(library, "keyviz_sampler_free", &sampler_free))
        return library;
    fprintf(stderr, "can't load the library: %s\n", dlerror());
    return NULL;
}

/* Observes from threads that outlive the library's unloading; what they counted is there when it is loaded again. */
static int a_round(const char *path) {
    void *library = load(path);
    keyviz_route_t route = KEYVIZ_ROUTE_INIT;
    if (!library || sampler_new(NULL, &sampler, NULL) != KEYVIZ_OK) return 0;
    if (register_route(sampler, &route, NULL, NULL) != KEYVIZ_OK) return 0;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0) return 0;
    pthread_barrier_wait(&observed);
    dlclose(library);
    pthread_barrier_wait(&unloaded);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);

    library = load(path);
    if (!library) return 0;
    keyviz_row_t row;
    keyviz_column_buffer_t column = KEYVIZ_COLUMN_BUFFER_INIT;
    column.rows = &row;
    column.row_capacity = 1;
    int counted = drain(sampler, 1, &column, NULL) == KEYVIZ_OK && column.row_count == 1 && row.reads == THREADS * EACH;
    sampler_free(sampler);
    dlclose(library);
    return counted;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    pthread_barrier_init(&observed, NULL, THREADS + 1);
    pthread_barrier_init(&unloaded, NULL, THREADS + 1);
    for (int i = 0; i < ROUNDS; i++) {
        if (!a_round(argv[1])) {
            fprintf(stderr, "round %d failed\n", i);
            return 1;
        }
    }
    return 0;
}
