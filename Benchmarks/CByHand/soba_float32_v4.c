// SOBA by hand on float32 for x86-64-v4.
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>

#include "variants.h"

#include "CKernels.h"

#define SK_TARGET_V4
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#include "float32.h"

#include "soba.h"
#pragma clang attribute pop

const bh_function bh_soba_float32_v4 = run;
#endif
