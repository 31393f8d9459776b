// The kernels on float64 for x86-64-v3.
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>

#define SK_TARGET_V3
#define SK_TABLE sk_kernels_float64_v3
#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#include "float64.h"
#include "kernels.h"
#pragma clang attribute pop
#endif
