/* A program of somebody who installed the library, C and C++: which version it runs with, and that it counts. */
#include <keyviz.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    keyviz_options_t options = KEYVIZ_OPTIONS_INIT;
    keyviz_sampler_t *sampler = NULL;
    keyviz_route_t route = KEYVIZ_ROUTE_INIT;
    keyviz_column_info_t column = KEYVIZ_COLUMN_INFO_INIT;
    if (strcmp(keyviz_version(), KEYVIZ_VERSION) != 0 || keyviz_abi_version() != KEYVIZ_ABI_VERSION) return 1;
    if (keyviz_sampler_new(&options, &sampler, NULL) != KEYVIZ_OK) return 2;
    if (keyviz_sampler_register_route(sampler, &route, NULL, NULL) != KEYVIZ_OK) return 3;
    if (keyviz_observe(sampler, 0, "k", 1, KEYVIZ_OP_READ, 1, KEYVIZ_LABEL_LEGACY) != KEYVIZ_OK) return 4;
    if (keyviz_sampler_flush_now(sampler, &column, NULL) != KEYVIZ_OK || column.rows != 1) return 5;
    keyviz_sampler_free(sampler);
    printf("keyviz %s\n", keyviz_version());
    return 0;
}
