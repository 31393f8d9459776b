// The kernels on float32 for x86-64-v4.
#if defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <stdint.h>

#define SK_TARGET_V4
#define SK_TABLE sk_kernels_float32_v4
#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#include "float32.h"
#include "kernels.h"
#pragma clang attribute pop
#endif
