// SOBA by hand on float64 for x86-64-v3.
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>

#include "variants.h"

#include "CKernels.h"

#define SK_TARGET_V3
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#include "float64.h"

#include "soba.h"
#pragma clang attribute pop

const bh_function bh_soba_float64_v3 = run;
#endif
