// The kernels for x86-64-v3.
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>

#define SK_TARGET_V3
#define SK_TABLE sk_kernels_v3
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#include "kernels.h"
#pragma clang attribute pop
#endif
