// Which target's iteration runs: the one that the kernels have chosen.
#include "CByHand.h"
#include "CKernels.h"
#include "variants.h"

void bh_soba(
    const bh_data *data, double *w, double *v, double *x, double lower_step, double upper_step, int64_t first,
    int64_t iterations) {
    bh_function run = bh_soba_portable;
#if defined(__x86_64__)
    if (sk_variant() == SK_VARIANT_V3) run = bh_soba_v3;
    if (sk_variant() == SK_VARIANT_V4) run = bh_soba_v4;
#endif
    run(data, w, v, x, lower_step, upper_step, first, iterations);
}
