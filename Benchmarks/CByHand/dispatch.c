// Which target's iteration runs: the one that the kernels have chosen.
#include "CByHand.h"
#include "CKernels.h"
#include "variants.h"

void bh_soba(
    int32_t element, const bh_data *data, void *w, void *v, void *x, double lower_step, double upper_step, int64_t first,
    int64_t iterations) {
    const bool is_double = element == SK_FLOAT64;
    bh_function run = is_double ? bh_soba_float64_portable : bh_soba_float32_portable;
#if defined(__x86_64__)
    if (sk_variant() == SK_VARIANT_V3) run = is_double ? bh_soba_float64_v3 : bh_soba_float32_v3;
    if (sk_variant() == SK_VARIANT_V4) run = is_double ? bh_soba_float64_v4 : bh_soba_float32_v4;
#endif
    run(data, w, v, x, lower_step, upper_step, first, iterations);
}
