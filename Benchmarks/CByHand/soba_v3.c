// SOBA by hand for x86-64-v3.
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>

#define SK_TARGET_V3
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#include "soba.h"
#pragma clang attribute pop

const bh_function bh_soba_v3 = run;
#endif
